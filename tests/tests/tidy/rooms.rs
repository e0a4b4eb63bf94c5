//! Who may know whom, from the manifests.
//!
//! Normal and build dependencies obey [`MAY_KNOW`]. Dev-dependencies may know rooms beside them, for
//! a test may stand on more than what it tests, but never `weir` or the integration tests; and
//! nothing but `sim`, `tests` and `fuzz` may know a body of the NIC, in tests neither: a driver's or a
//! product's test that needs a NIC takes it from `sim`, or belongs into `tests`.

use crate::tree::{Finding, root};
use serde_json::Value;
use std::process::Command;

/// A room: its folder, and the rooms that its product may know.
const MAY_KNOW: [(&str, &[&str]); 10] = [
    ("firmware-abi", &[]),
    ("driver", &["firmware-abi"]),
    ("hw-model", &["firmware-abi"]),
    ("rtl/sim", &["firmware-abi"]),
    ("sim", &["firmware-abi", "hw-model", "rtl/sim", "driver"]),
    ("flowlog", &["firmware-abi"]),
    ("parquet", &["flowlog"]),
    ("weir", &["firmware-abi", "driver", "sim", "flowlog", "parquet"]),
    ("tests", &["firmware-abi", "driver", "hw-model", "rtl/sim", "sim", "flowlog", "parquet", "weir"]),
    ("fuzz", &["firmware-abi", "driver", "hw-model", "rtl/sim", "sim", "flowlog", "parquet", "weir"]),
];
/// Rooms that nobody may know, whatever for.
const TOP: [&str; 2] = ["tests", "fuzz"];
/// The bodies of the NIC.
const NICS: [&str; 2] = ["hw-model", "rtl/sim"];
/// Rooms that may know them.
const KNOW_THE_NIC: [&str; 3] = ["sim", "tests", "fuzz"];

/// Crates from outside that only `weir` may depend on: runtime, command line, terminal, network.
const WEIR_ONLY: [&str; 10] =
    ["tokio", "clap", "indicatif", "hyper", "axum", "reqwest", "rustls", "tracing", "ctrlc", "signal-hook"];
/// Crates that the product never depends on: randomness is an argument, and comes with its seed.
const NOBODY: [&str; 5] = ["rand", "getrandom", "fastrand", "chrono", "lazy_static"];

/// A dependency of a room.
#[derive(Debug)]
pub(crate) struct Edge {
    /// The room's folder.
    room: String,
    /// What it depends on: a room's folder, or a crate's name.
    on: On,
    /// Only its tests and benches do.
    dev: bool,
}

#[derive(Debug, PartialEq, Eq)]
enum On {
    Room(String),
    Crate(String),
}

/// What the manifests of the workspace say.
pub(crate) fn read() -> Vec<Edge> {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let output = Command::new(cargo)
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline"])
        .current_dir(root())
        .output()
        .expect("cargo can be run");
    assert!(output.status.success(), "cargo metadata: {}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("cargo metadata writes JSON");
    let root = metadata["workspace_root"].as_str().unwrap_or_default();
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let mut edges = Vec::new();
    for package in list(&metadata["packages"]) {
        let room = folder(root, package["manifest_path"].as_str().unwrap_or_default().trim_end_matches("/Cargo.toml"));
        for dependency in list(&package["dependencies"]) {
            let on = match dependency["path"].as_str() {
                Some(path) => On::Room(folder(root, path)),
                None => On::Crate(dependency["name"].as_str().unwrap_or_default().to_owned()),
            };
            edges.push(Edge { room: room.clone(), on, dev: dependency["kind"] == "dev" });
        }
    }
    assert!(edges.len() > 20, "cargo metadata found {} dependencies", edges.len());
    edges
}

fn folder(root: &str, path: &str) -> String {
    path.strip_prefix(root).unwrap_or(path).trim_start_matches('/').to_owned()
}

/// Dependencies between rooms that the house does not have.
pub(crate) fn broken(edges: &[Edge]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for Edge { room, on, dev } in edges {
        let On::Room(on) = on else { continue };
        let Some((_, may_know)) = MAY_KNOW.iter().find(|(name, _)| name == room) else {
            findings.push(finding(room, "is a room that tidy does not know: say in MAY_KNOW whom it may know"));
            continue;
        };
        if !dev && !may_know.contains(&on.as_str()) {
            findings.push(finding(room, &format!("knows {on}, expected one of {may_know:?}")));
        }
        let top = TOP.contains(&on.as_str()) || on == "weir" && !TOP.contains(&room.as_str());
        let nic = NICS.contains(&on.as_str()) && !KNOW_THE_NIC.contains(&room.as_str());
        if *dev && (top || nic) {
            findings.push(finding(room, &format!("knows {on} in its tests: such a test belongs into tests/")));
        }
    }
    findings
}

/// Crates from outside in a room where they do not belong.
pub(crate) fn misplaced_crates(edges: &[Edge]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for Edge { room, on, dev } in edges {
        let On::Crate(name) = on else { continue };
        if WEIR_ONLY.contains(&name.as_str()) && room != "weir" {
            findings.push(finding(room, &format!("depends on {name}, expected that only weir does")));
        }
        if NOBODY.contains(&name.as_str()) && !dev {
            findings.push(finding(room, &format!("depends on {name}, expected time and randomness as arguments")));
        }
    }
    findings
}

fn finding(room: &str, message: &str) -> Finding {
    Finding::new(&format!("{room}/Cargo.toml"), 0, message)
}

#[test]
fn planted_dependencies_are_found() {
    let edge = |room: &str, on: On, dev: bool| Edge { room: room.to_owned(), on, dev };
    let room = |name: &str| On::Room(name.to_owned());
    let outside = |name: &str| On::Crate(name.to_owned());
    let edges = [
        edge("driver", room("firmware-abi"), false),
        edge("driver", room("sim"), true),
        edge("tests", room("weir"), false),
        edge("weir", outside("clap"), false),
        edge("weir", room("hw-model"), false),
        edge("flowlog", room("driver"), false),
        edge("driver", room("hw-model"), true),
        edge("sim", room("weir"), true),
        edge("store", room("flowlog"), false),
        edge("flowlog", outside("tokio"), true),
        edge("sim", outside("rand"), false),
    ];
    let rooms: Vec<_> = broken(&edges).into_iter().map(|finding| finding.file).collect();
    assert_eq!(rooms, ["weir", "flowlog", "driver", "sim", "store"].map(|room| format!("{room}/Cargo.toml")));
    let crates: Vec<_> = misplaced_crates(&edges).into_iter().map(|finding| finding.file).collect();
    assert_eq!(crates, ["flowlog", "sim"].map(|room| format!("{room}/Cargo.toml")));
}
