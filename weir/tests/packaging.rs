//! Dashboard and alarms name only figures that the daemon has.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde_json::Value;

/// The figures that a daemon gave.
const METRICS: &str = include_str!("top/after.prom");

fn packaged(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../packaging").join(name);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Words that begin like a figure of ours.
fn named(text: &str) -> BTreeSet<&str> {
    let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
    words.filter(|word| word.starts_with("weir_")).collect()
}

/// Figures with their kind; families without samples too.
fn known() -> BTreeSet<&'static str> {
    METRICS.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next()).collect()
}

#[test]
fn alarms_name_only_figures_that_there_are() {
    let rules = packaged("prometheus/weir.rules.yml");
    let named: BTreeSet<&str> =
        rules.lines().filter_map(|line| line.trim().strip_prefix("expr: ")).flat_map(named).collect();
    assert!(named.len() > 8, "{named:?}");
    let known = known();
    let unknown: Vec<_> = named.difference(&known).collect();
    assert!(unknown.is_empty(), "{unknown:?}");
}

#[test]
fn the_dashboard_names_only_figures_that_there_are_and_every_panel_has_its_place() {
    let text = packaged("grafana/weir.json");
    let dashboard: Value = serde_json::from_str(&text).expect("JSON");
    let panels = dashboard["panels"].as_array().expect("panels");
    let mut seen = BTreeSet::new();
    for panel in panels {
        for target in panel["targets"].as_array().expect("targets") {
            let expression = target["expr"].as_str().expect("an expression").to_owned();
            let unknown: Vec<String> = named(&expression).difference(&known()).map(|name| (*name).to_owned()).collect();
            assert!(unknown.is_empty(), "{}: {unknown:?}", panel["title"]);
            assert!(!named(&expression).is_empty(), "{}: {expression}", panel["title"]);
        }
        let place = &panel["gridPos"];
        assert!(place["x"].as_u64().expect("x") + place["w"].as_u64().expect("w") <= 24, "{}", panel["title"]);
        assert!(seen.insert((place["x"].as_u64(), place["y"].as_u64())), "{}", panel["title"]);
    }
}
