//! The demo itself, as somebody new would run it.

use std::fs;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use crate::command::{folkmoot, text};
use crate::restore::wait_until;

/// What the demo says must come in this order.
const LANDMARKS: [&str; 11] = [
    "folkmoot academy init",
    "folkmoot hub join",
    "folkmoot academy publish",
    "folkmoot curriculum show",
    "folkmoot hub import",
    "refused",
    "--approve",
    "folkmoot campaign create",
    "folkmoot campaign edit",
    "folkmoot campaign show",
    "invented sample, 4 hubs",
];

#[test]
fn the_demo_runs_to_its_report_and_keeps_its_folder() {
    let home = tempfile::Builder::new().prefix("fm").tempdir().expect("a temporary folder");
    let data = home.path().join("D");
    let began = Instant::now();
    let out = folkmoot(&["demo", "--exit", "--data", text(&data)]).done();
    assert!(began.elapsed() < Duration::from_secs(120), "took {:?}", began.elapsed());

    let mut rest = out.as_str();
    for landmark in LANDMARKS {
        let at = rest.find(landmark).unwrap_or_else(|| panic!("{landmark:?} is missing, or too early:\n{out}"));
        rest = &rest[at + landmark.len()..];
    }
    assert!(rest.contains("People trained"), "the report: {rest}");
    assert_eq!(out.matches("$ folkmoot hub join").count(), 4, "four hubs: {out}");
    // The document as it was shown last has what both hubs wrote while they were apart.
    let notes: Vec<&str> = out.lines().filter_map(|line| line.split("--notes-append ").nth(1)).collect();
    let notes: Vec<&str> = notes.iter().filter_map(|rest| rest.split('\'').nth(1)).collect();
    assert!(notes.len() >= 2, "{out}");
    let shown = out.rsplit("folkmoot campaign show").next().unwrap_or_default();
    for note in notes {
        assert!(shown.contains(note), "{note:?} is not in the merged document: {shown}");
    }
    let nodes = fs::read_dir(&data).expect("the folder stays").filter_map(Result::ok);
    let nodes = nodes.filter(|entry| entry.path().join("folkmoot.toml").exists()).count();
    assert_eq!(nodes, 5, "an Academy and four hubs");
    // Nothing of it runs on: another may have the folder.
    for entry in fs::read_dir(&data).expect("a folder").filter_map(Result::ok) {
        if entry.path().join("folkmoot.toml").exists() {
            folkmoot(&["status", "--data", text(&entry.path())]).fails(1, &["serve"]);
        }
    }
}

#[test]
fn a_demo_that_cannot_go_on_says_what_failed() {
    let home = tempfile::Builder::new().prefix("fm").tempdir().expect("a temporary folder");
    fs::write(home.path().join("mine"), "x").expect("a file");
    folkmoot(&["demo", "--exit", "--data", text(home.path())]).fails(1, &["not empty"]);
    assert_eq!(fs::read_to_string(home.path().join("mine")).expect("a file"), "x");

    // Somebody puts something where the last hub would make its folder, while the first nodes start.
    let data = home.path().join("D");
    let watched = data.clone();
    let meddling = thread::spawn(move || {
        wait_until("the demo has begun", || watched.join("academy").exists());
        fs::create_dir(watched.join("dunmarsh")).expect("a folder");
        fs::write(watched.join("dunmarsh/mine"), "x").expect("a file");
    });
    let err = folkmoot(&["demo", "--exit", "--data", text(&data)]).fails(1, &["step", "failed", "dunmarsh"]);
    meddling.join().expect("the other thread");
    assert!(!err.contains("panicked"), "{err}");
    assert!(no_process_serves(&data), "every node that was started has ended");
}

fn no_process_serves(folder: &Path) -> bool {
    let processes = fs::read_dir("/proc").expect("processes").filter_map(Result::ok);
    processes.filter_map(|process| fs::read(process.path().join("cmdline")).ok()).all(|line| {
        let line = String::from_utf8_lossy(&line).into_owned();
        !(line.contains(text(folder)) && line.contains("serve"))
    })
}
