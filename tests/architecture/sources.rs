//! What every source file keeps to.

use std::fs;
use std::path::{Path, PathBuf};

use crate::{crates, workspace};

/// A file longer than this has more than one subject.
const MOST_LINES: usize = 600;

/// Every file that somebody wrote, under `folder`.
fn written(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
        let path = entry.expect("a readable folder").path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_dir() {
            // Generated code, what a build leaves behind, and what Python leaves behind.
            if !matches!(name.as_str(), "gen" | "target" | ".git" | "__pycache__") {
                written(&path, files);
            }
        } else if !matches!(name.as_str(), "Cargo.lock" | "LICENSE") {
            files.push(path);
        }
    }
}

fn sources() -> Vec<(PathBuf, String)> {
    let mut files = Vec::new();
    written(&workspace(), &mut files);
    files.sort();
    let read = |path: PathBuf| fs::read_to_string(&path).ok().map(|text| (path, text));
    files.into_iter().filter_map(read).collect()
}

fn rust() -> impl Iterator<Item = (PathBuf, String)> {
    sources().into_iter().filter(|(path, _)| path.extension().is_some_and(|extension| extension == "rs"))
}

#[test]
fn no_file_is_longer_than_one_subject() {
    let long: Vec<String> = sources()
        .into_iter()
        .filter(|(_, text)| text.lines().count() > MOST_LINES)
        .map(|(path, text)| format!("{}: {} lines", path.display(), text.lines().count()))
        .collect();
    assert!(long.is_empty(), "over {MOST_LINES} lines:\n{}", long.join("\n"));
}

#[test]
fn every_crate_states_its_invariant() {
    for name in crates() {
        let path = workspace().join("crates").join(&name).join("src/lib.rs");
        let text = fs::read_to_string(&path).expect("a lib.rs");
        let head: String = text.lines().take_while(|line| line.starts_with("//!")).collect();
        let states = ["Invariant", "What is not here", "Absences"].iter().any(|word| head.contains(word));
        assert!(states, "{} does not say what holds in it", path.display());
    }
}

#[test]
fn no_test_is_ignored_or_sleeps() {
    // Put together here, so that this file does not name them itself.
    let forbidden = [["#[", "ignore"].concat(), ["thread::", "sleep"].concat(), ["time::", "sleep"].concat()];
    for (path, text) in rust() {
        let tests_from = text.find("#[cfg(test)]").unwrap_or(text.len());
        let is_test = path.starts_with(workspace().join("tests")) || path.ends_with("tests.rs");
        let tests = if is_test { text.as_str() } else { &text[tests_from..] };
        for word in &forbidden {
            assert!(!tests.contains(word.as_str()), "{} has {word}", path.display());
        }
    }
}

#[test]
fn names_say_what_a_thing_is() {
    for (path, _) in rust() {
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let vague = ["util", "utils", "common", "helper", "helpers", "misc", "manager", "context", "types"];
        assert!(!vague.contains(&name.as_str()), "{} says nothing", path.display());
    }
    for (path, text) in rust() {
        for line in text.lines() {
            let Some(name) = ["struct ", "enum ", "trait "].iter().find_map(|kind| {
                let rest = line.trim_start().trim_start_matches("pub ").trim_start_matches("pub(crate) ");
                rest.strip_prefix(kind)
            }) else {
                continue;
            };
            let name: String = name.chars().take_while(|letter| letter.is_alphanumeric()).collect();
            for vague in ["Manager", "Helper", "Processor", "Context"] {
                // `Context` alone is the word of the signature scheme.
                let says_nothing = name.ends_with(vague) && name != "Context";
                assert!(!says_nothing, "{}: {name} says nothing", path.display());
            }
        }
    }
}

#[test]
fn sql_and_clocks_have_one_home() {
    for name in crates() {
        let folder = workspace().join("crates").join(&name).join("src");
        let mut files = Vec::new();
        written(&folder, &mut files);
        for path in files {
            let Ok(text) = fs::read_to_string(&path) else { continue };
            let code = &text[..text.find("#[cfg(test)]").unwrap_or(text.len())];
            let is_test = path.ends_with("tests.rs") || path.components().any(|part| part.as_os_str() == "tests");
            if matches!(name.as_str(), "domain" | "disclosure" | "campaign" | "journal" | "proto" | "publication")
                && !is_test
            {
                for word in ["SystemTime::now", "Instant::now", "now_utc", "getrandom"] {
                    assert!(!code.contains(word), "{}: {word} is an argument there", path.display());
                }
            }
            if matches!(name.as_str(), "journal" | "domain" | "disclosure" | "publication") && !is_test {
                for word in ["HashMap", "HashSet"] {
                    assert!(!code.contains(word), "{}: {word} has no order", path.display());
                }
            }
        }
    }
}
