//! What the manifests say: which crate may use which, who owns a heavy dependency, and what lies at the top.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use toml::{Table, Value};

use crate::{crates, names, workspace};

/// A crate may use whatever its arrows reach, at any depth.
const ARROWS: [(&str, &[&str]); 9] = [
    ("cli", &["node", "publication"]),
    ("node", &["store"]),
    ("store", &["journal"]),
    ("journal", &["proto", "campaign", "disclosure"]),
    ("campaign", &["domain"]),
    ("disclosure", &["domain"]),
    ("publication", &["domain"]),
    ("proto", &[]),
    ("domain", &[]),
];

/// Heavy dependencies: the one crate that owns each, and those that may touch it besides, each for a reason.
const OWNERS: [(&str, &str, &[&str]); 25] = [
    ("rusqlite", "store", &[]),
    ("automerge", "campaign", &[]),
    ("microlp", "disclosure", &[]),
    ("blake3", "journal", &[]),
    ("ed25519-dalek", "journal", &[]),
    ("zstd", "journal", &[]),
    // Payloads and frames are protobuf: journal encodes them, node and store read requests and stored bytes.
    ("prost", "proto", &["journal", "node", "store"]),
    ("prost-types", "proto", &["node", "cli"]),
    // The commands are clients of the socket.
    ("tokio", "node", &["cli"]),
    ("tokio-stream", "node", &["cli"]),
    ("tonic", "node", &["cli"]),
    ("tonic-types", "node", &["cli"]),
    ("hyper-util", "node", &[]),
    ("tower", "node", &[]),
    ("rustls", "node", &[]),
    ("tokio-rustls", "node", &[]),
    ("rcgen", "node", &[]),
    ("tracing", "node", &[]),
    ("clap", "cli", &[]),
    ("indicatif", "cli", &[]),
    ("comfy-table", "cli", &[]),
    ("parquet", "publication", &[]),
    ("resvg", "publication", &[]),
    ("png", "publication", &[]),
    ("notosans", "publication", &[]),
];

/// What lies at the top of the project, and nothing else.
const TOP: [&str; 14] = [
    ".cargo",
    ".ci",
    ".git",
    ".gitignore",
    ".rustfmt.toml",
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE",
    "README.md",
    "crates",
    "deploy",
    "docs",
    "proto",
    "target",
];

fn manifest(path: &Path) -> Table {
    let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    text.parse().unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn of_crate(name: &str) -> Table {
    manifest(&workspace().join("crates").join(name).join("Cargo.toml"))
}

/// What a crate needs to be built and run; what only its tests need is exempt.
fn dependencies(manifest: &Table) -> BTreeMap<String, Value> {
    let mut found = BTreeMap::new();
    let mut tables = vec![manifest];
    if let Some(Value::Table(targets)) = manifest.get("target") {
        tables.extend(targets.values().filter_map(Value::as_table));
    }
    for table in tables {
        for kind in ["dependencies", "build-dependencies"] {
            if let Some(Value::Table(dependencies)) = table.get(kind) {
                found.extend(dependencies.iter().map(|(name, value)| (name.clone(), value.clone())));
            }
        }
    }
    found
}

fn reached(from: &str) -> BTreeSet<&'static str> {
    let mut reached = BTreeSet::new();
    let mut ahead: Vec<&str> = vec![from];
    while let Some(name) = ahead.pop() {
        let (_, next) =
            ARROWS.iter().find(|(known, _)| *known == name).unwrap_or_else(|| panic!("no arrows of {name}"));
        for next in *next {
            if reached.insert(*next) {
                ahead.push(next);
            }
        }
    }
    reached
}

#[test]
fn crates_use_only_what_their_arrows_reach() {
    for name in crates() {
        let allowed = reached(&name);
        for dependency in dependencies(&of_crate(&name)).keys() {
            if let Some(other) = dependency.strip_prefix("folkmoot-") {
                assert!(allowed.contains(other), "{name} may not use {other}; its arrows reach {allowed:?}");
            }
        }
    }
}

#[test]
fn a_heavy_dependency_has_one_owner() {
    for name in crates() {
        for dependency in dependencies(&of_crate(&name)).keys() {
            if let Some((_, owner, besides)) = OWNERS.iter().find(|(heavy, ..)| heavy == dependency) {
                assert!(
                    name == *owner || besides.contains(&name.as_str()),
                    "{dependency} belongs to {owner}; {name} may not use it"
                );
            }
        }
    }
}

#[test]
fn the_inner_crates_stay_bare() {
    // No wire format, runtime, clock or randomness can be reached from what these are built on.
    for (name, allowed) in [
        ("domain", &["thiserror", "time"][..]),
        ("disclosure", &["folkmoot-domain", "microlp", "thiserror"]),
        ("proto", &["prost", "prost-types"]),
    ] {
        for dependency in dependencies(&of_crate(name)).keys() {
            assert!(allowed.contains(&dependency.as_str()), "{name} uses {dependency}; allowed are {allowed:?}");
        }
    }
}

#[test]
fn versions_and_lints_have_one_home() {
    let mut folders: Vec<_> = crates().into_iter().map(|name| format!("crates/{name}")).collect();
    folders.push("tests".to_owned());
    for folder in folders {
        let manifest = manifest(&workspace().join(&folder).join("Cargo.toml"));
        let inherits = |value: Option<&Value>| {
            value.and_then(|value| value.get("workspace")).and_then(Value::as_bool).unwrap_or_default()
        };
        assert!(inherits(manifest.get("lints")), "{folder} does not inherit the lints");
        let package = manifest.get("package").and_then(Value::as_table).expect("a package");
        for key in ["version", "edition", "rust-version", "license", "publish"] {
            assert!(inherits(package.get(key)), "{folder} has a {key} of its own");
        }
        let mut all = dependencies(&manifest);
        if let Some(Value::Table(dev)) = manifest.get("dev-dependencies") {
            all.extend(dev.clone());
        }
        for (name, value) in all {
            assert!(inherits(Some(&value)), "{folder}: the version of {name} belongs into the workspace's table");
        }
    }
}

/// A node outlives what the document library panics on, in every profile.
#[test]
fn panics_unwind() {
    let manifest = manifest(&workspace().join("Cargo.toml"));
    let profiles = manifest.get("profile").and_then(Value::as_table).expect("profiles");
    let panics = |name: &str| profiles.get(name)?.get("panic")?.as_str().map(str::to_owned);
    assert_eq!(panics("release").as_deref(), Some("unwind"));
    assert!(profiles.keys().all(|name| panics(name).is_none_or(|panics| panics == "unwind")));
}

#[test]
fn the_top_is_tidy() {
    let found = names(&workspace());
    for name in &found {
        assert!(name == "tests" || TOP.contains(&name.as_str()), "{name} does not belong at the top of the project");
    }
    for name in ["Cargo.lock", "LICENSE", "README.md", ".ci", "crates", "deploy", "docs", "proto", "tests"] {
        assert!(found.iter().any(|found| found == name), "{name} is missing");
    }
    let licence = fs::read_to_string(workspace().join("LICENSE")).expect("a licence");
    assert!(licence.contains("Apache License") && licence.contains("Version 2.0"));
}
