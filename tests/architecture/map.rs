//! The map in `docs/architecture.md` is the tree: what is missing there, and what is gone, both fail.

use std::collections::BTreeSet;
use std::fs;

use crate::{crates, names, workspace};

/// The crates and what lies directly in their `src`, as the map writes them.
fn tree() -> BTreeSet<String> {
    let mut tree = BTreeSet::new();
    for name in crates() {
        let src = workspace().join("crates").join(&name).join("src");
        for entry in names(&src) {
            let path = src.join(&entry);
            // A module's folder is the module, where its file stands beside it.
            let beside = path.is_dir() && src.join(format!("{entry}.rs")).exists();
            // A file of tests belongs to what it tests; every crate has a root.
            if !beside && !matches!(entry.as_str(), "tests.rs" | "tests" | "lib.rs" | "main.rs") {
                tree.insert(format!("crates/{name}/src/{entry}"));
            }
        }
    }
    tree
}

/// The paths that the map names, each with a few words.
fn map() -> BTreeSet<String> {
    let text = fs::read_to_string(workspace().join("docs/architecture.md")).expect("docs/architecture.md");
    let mut map = BTreeSet::new();
    let mut fenced = false;
    for line in text.lines() {
        if line.starts_with("```") {
            fenced = !fenced;
        } else if fenced && line.starts_with("crates/") {
            let (path, words) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
            assert!(!words.trim().is_empty(), "the map says nothing of {path}");
            assert!(map.insert(path.trim_end_matches('/').to_owned()), "twice on the map: {path}");
        }
    }
    map
}

#[test]
fn the_map_is_the_tree() {
    let (map, tree) = (map(), tree());
    // The line of a whole crate is welcome and not asked for.
    let stale: Vec<_> = map.iter().filter(|path| path.contains("/src/") && !workspace().join(path).exists()).collect();
    assert!(stale.is_empty(), "on the map of docs/architecture.md and not in the tree: {stale:#?}");
    let missing: Vec<_> = tree.difference(&map).collect();
    assert!(missing.is_empty(), "in the tree and not on the map of docs/architecture.md: {missing:#?}");
}
