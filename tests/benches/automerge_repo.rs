//! What automerge-repo, the JavaScript library that most automerge programs use, takes for the same; measured where npm is
//! at hand.

use std::fs;
use std::process::{Command, Stdio};

use crate::measure::{Figure, Unit};
use crate::nodes::workshop;

const SCRIPT: &str = include_str!("automerge_repo.mjs");
const PACKAGES: [&str; 5] = [
    "@automerge/automerge@3.5.0",
    "@automerge/automerge-repo@2.5.6",
    "@automerge/automerge-repo-network-websocket@2.5.6",
    "@automerge/automerge-repo-storage-nodefs@2.5.6",
    "ws@8",
];

/// One run of it. None of it is durable before it is answered.
pub(crate) struct Peer {
    /// A client that has none of the documents takes, loads and stores all of them.
    pub(crate) cold: Figure,
    /// A change until the client has it, median and 99 of 100.
    pub(crate) arrived: Figure,
    pub(crate) arrived_99: Figure,
    /// Changes in a row until the client has them.
    pub(crate) rate: Figure,
}

/// Installs it and runs it once; none where there is no npm, or it could not be had.
pub(crate) fn measure(documents: usize, changes: usize, single: usize, row: usize) -> Option<Peer> {
    let place = workshop();
    let mut npm = Command::new("npm");
    npm.args(["install", "--silent", "--no-audit", "--no-fund"]).args(PACKAGES);
    let installed = npm.current_dir(place.path()).stdin(Stdio::null()).stdout(Stdio::null()).status();
    if !installed.is_ok_and(|status| status.success()) {
        return None;
    }
    let script = place.path().join("automerge_repo.mjs");
    fs::write(&script, SCRIPT).expect("a script");
    let counts = [documents, changes, single, row].map(|count| count.to_string());
    let output = Command::new("node").arg(&script).args(counts).stderr(Stdio::null()).output().expect("node");
    if !output.status.success() {
        return None;
    }
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let figure = |name: &str, unit| {
        let value = said.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok());
        let mut figure = Figure::new(unit);
        figure.add(value.expect("a figure"));
        figure
    };
    Some(Peer {
        cold: figure("cold", Unit::Milliseconds),
        arrived: figure("median", Unit::Milliseconds),
        arrived_99: figure("of100", Unit::Milliseconds),
        rate: figure("row", Unit::PerSecond),
    })
}
