//! What the packages that the build needs say of themselves: licences, and one version of what is heavy.

use std::collections::BTreeSet;
use std::process::Command;

use crate::workspace;

/// Licences under which a dependency may be part of a program under Apache-2.0.
const LICENCES: [&str; 12] = [
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "CDLA-Permissive-2.0",
    "ISC",
    "MIT",
    "Unicode-3.0",
    "Zlib",
];

/// Two versions of one of these would be two of what there must be one of.
const ONCE: [&str; 12] = [
    "aws-lc-rs",
    "blake3",
    "ed25519-dalek",
    "h2",
    "hyper",
    "libsqlite3-sys",
    "prost",
    "rusqlite",
    "rustls",
    "tokio",
    "tonic",
    "zstd",
];

/// Not to be depended on, each for a reason.
const BANNED: [(&str, &str); 5] = [
    ("openssl-sys", "TLS is rustls: one implementation, no system library"),
    ("native-tls", "TLS is rustls"),
    ("ring", "cryptography of TLS is aws-lc-rs: one implementation"),
    ("protobuf-src", "nothing compiles protoc"),
    ("madsim", "replaces the runtime"),
];

/// A package that a build on this machine needs.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Package {
    name: String,
    version: String,
    licence: String,
}

/// What `cargo tree` lists: unlike `cargo metadata` it leaves out what no chosen feature asks for.
fn packages() -> BTreeSet<Package> {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let output = Command::new(cargo)
        .args(["tree", "--workspace", "--locked", "--offline", "--prefix", "none", "--format", "{p}|{l}"])
        .current_dir(workspace())
        .output()
        .expect("cargo");
    assert!(output.status.success(), "cargo tree: {}", String::from_utf8_lossy(&output.stderr));
    let listing = String::from_utf8(output.stdout).expect("UTF-8");
    let packages = listing.lines().filter_map(|line| {
        let (package, licence) = line.trim_end_matches(" (*)").split_once('|')?;
        let (name, version) = package.split_once(" v")?;
        let version = version.split(' ').next()?;
        Some(Package { name: name.to_owned(), version: version.to_owned(), licence: licence.to_owned() })
    });
    let packages: BTreeSet<Package> = packages.collect();
    assert!(packages.iter().any(|package| package.name == "tonic"), "a listing that can be read: {listing}");
    packages
}

/// Splits an SPDX expression at `operator`, outside parentheses.
fn parts<'a>(words: &'a [&'a str], operator: &str) -> Vec<&'a [&'a str]> {
    let mut depth = 0_usize;
    let mut parts = Vec::new();
    let mut from = 0;
    for (at, word) in words.iter().enumerate() {
        match *word {
            "(" => depth += 1,
            ")" => depth = depth.saturating_sub(1),
            word if depth == 0 && word == operator => {
                parts.push(&words[from..at]);
                from = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&words[from..]);
    parts
}

/// Whether an SPDX expression can be met by the licences above.
fn allowed(words: &[&str]) -> bool {
    let either = parts(words, "OR");
    if either.len() > 1 {
        return either.into_iter().any(allowed);
    }
    let all = parts(words, "AND");
    if all.len() > 1 {
        return all.into_iter().all(allowed);
    }
    match words {
        ["(", inner @ .., ")"] => allowed(inner),
        words => LICENCES.contains(&words.join(" ").as_str()),
    }
}

fn allowed_text(expression: &str) -> bool {
    // A slash is the old way to write OR.
    let spaced = expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
    allowed(&spaced.split_whitespace().collect::<Vec<_>>())
}

#[test]
fn expressions_are_read_as_they_are_meant() {
    for (expression, expected) in [
        ("MIT", true),
        ("GPL-3.0", false),
        ("MIT/Apache-2.0", true),
        ("GPL-3.0 OR MIT", true),
        ("GPL-3.0 AND MIT", false),
        ("(MIT OR GPL-3.0) AND Unicode-3.0", true),
        ("ISC AND (GPL-3.0 OR MPL-2.0)", false),
        ("Apache-2.0 WITH LLVM-exception", true),
        ("", false),
    ] {
        assert_eq!(allowed_text(expression), expected, "{expression}");
    }
}

#[test]
fn dependencies_have_licences_that_fit() {
    for Package { name, licence, .. } in packages() {
        assert!(allowed_text(&licence), "{name} is under {licence:?}, which is not on the list");
    }
}

#[test]
fn what_is_heavy_is_there_once_and_what_is_banned_is_not() {
    let packages = packages();
    let versions = |name: &str| -> Vec<&str> {
        packages.iter().filter(|package| package.name == name).map(|package| package.version.as_str()).collect()
    };
    for name in ONCE {
        assert!(versions(name).len() <= 1, "several versions of {name}: {:?}", versions(name));
    }
    for (name, reason) in BANNED {
        assert!(versions(name).is_empty(), "{name} must not be depended on: {reason}");
    }
}
