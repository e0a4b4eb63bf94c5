//! Every crate that is built with Weir has a licence that goes with Apache-2.0 OR MIT, and comes
//! from a package registry, always the same one, or from this workspace.

use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Licences that may be shipped with ours. `deny.toml` has the same list.
const ALLOWED: [&str; 9] = [
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "CC0-1.0",
    "MIT",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
];
/// What the source of a crate from a registry begins with; a repository or an archive begins otherwise.
const REGISTRY: &str = "registry+";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Whether an SPDX expression can be met with allowed licences: some choice of every OR, all of every
/// AND. The old `/` is an OR.
fn is_met(expression: &str) -> bool {
    let spaced = expression.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut rest = words.as_slice();
    let met = any_of(&mut rest);
    met == Some(true) && rest.is_empty()
}

/// `a OR b OR …`; none if it is no expression.
fn any_of(words: &mut &[&str]) -> Option<bool> {
    let mut met = all_of(words)?;
    while let ["OR", rest @ ..] = *words {
        *words = rest;
        met |= all_of(words)?;
    }
    Some(met)
}

fn all_of(words: &mut &[&str]) -> Option<bool> {
    let mut met = one(words)?;
    while let ["AND", rest @ ..] = *words {
        *words = rest;
        met &= one(words)?;
    }
    Some(met)
}

fn one(words: &mut &[&str]) -> Option<bool> {
    let (first, rest) = words.split_first()?;
    *words = rest;
    if *first == "(" {
        let met = any_of(words)?;
        *words = words.strip_prefix(&[")"])?;
        return Some(met);
    }
    if let ["WITH", exception, rest @ ..] = rest {
        *words = rest;
        return Some(ALLOWED.contains(&format!("{first} WITH {exception}").as_str()));
    }
    Some(ALLOWED.contains(first))
}

/// The packages that are built on this machine, dev-dependencies included.
fn packages() -> Vec<Value> {
    let run = |program: String, arguments: &[&str]| {
        let output = Command::new(&program).args(arguments).current_dir(root()).output().expect("it can be run");
        assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    };
    let tool = |variable: &str, name: &str| std::env::var(variable).unwrap_or_else(|_| name.to_owned());
    let version = String::from_utf8(run(tool("RUSTC", "rustc"), &["-vV"])).expect("rustc writes text");
    let host = version.lines().find_map(|line| line.strip_prefix("host: ")).expect("rustc names its host");
    let arguments = ["metadata", "--format-version", "1", "--offline", "--filter-platform", host];
    let metadata: Value =
        serde_json::from_slice(&run(tool("CARGO", "cargo"), &arguments)).expect("cargo metadata writes JSON");
    metadata["packages"].as_array().cloned().unwrap_or_default()
}

#[test]
fn every_dependency_has_a_licence_that_goes_with_ours() {
    let packages = packages();
    assert!(packages.len() > 50, "cargo metadata found {} packages", packages.len());
    let mut findings = Vec::new();
    let registry = packages.iter().find_map(|package| package["source"].as_str()).unwrap_or_default();
    assert!(registry.starts_with(REGISTRY), "the first source is `{registry}`, expected a registry");
    for package in &packages {
        let text = |key: &str| package[key].as_str().unwrap_or_default();
        let (name, version, licence) = (text("name"), text("version"), text("license"));
        if !is_met(licence) {
            findings.push(format!("{name} {version}: found licence `{licence}`, expected one met by {ALLOWED:?}"));
        }
        let ours = package["source"].is_null();
        if !ours && text("source") != registry {
            findings.push(format!("{name} {version}: found source `{}`, expected `{registry}`", text("source")));
        }
        if ours && licence != "Apache-2.0 OR MIT" {
            findings.push(format!("{name}: found licence `{licence}`, expected Apache-2.0 OR MIT"));
        }
    }
    assert!(findings.is_empty(), "{}", findings.join("\n"));
}

#[test]
fn the_list_for_cargo_deny_is_this_one() {
    let deny = std::fs::read_to_string(root().join("deny.toml")).expect("deny.toml is there");
    let (_, list) = deny.split_once("allow = [").expect("deny.toml has a list of licences");
    let list = list.split(']').next().unwrap_or_default();
    let found: Vec<&str> = list.split('"').skip(1).step_by(2).collect();
    assert_eq!(found, ALLOWED);
}

#[test]
fn an_expression_is_met_by_some_choice_of_each_or_and_all_of_each_and() {
    for met in [
        "MIT",
        "MIT OR Apache-2.0",
        "MIT/Apache-2.0",
        "GPL-3.0-only OR MIT",
        "(MIT OR Apache-2.0) AND Unicode-3.0",
        "Apache-2.0 WITH LLVM-exception OR GPL-2.0-only",
    ] {
        assert!(is_met(met), "{met}");
    }
    for unmet in [
        "",
        "GPL-3.0-only",
        "MIT AND GPL-3.0-only",
        "MIT OR",
        "(MIT",
        "MIT)",
        "MIT Apache-2.0",
        "Apache-2.0 WITH other",
        "(GPL-2.0-only OR MPL-2.0) AND MIT",
    ] {
        assert!(!is_met(unmet), "{unmet}");
    }
}
