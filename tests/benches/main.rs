//! Measures the product beside what its parts can do bare, in the same run.
//!
//!     cargo bench -p folkmoot-tests                          everything
//!     cargo bench -p folkmoot-tests -- import listening      some
//!     cargo bench -p folkmoot-tests -- --markdown            the table of docs/benchmarks.md alone, on stdout
//!     cargo bench -p folkmoot-tests -- --runs 3              fewer runs of each
//!
//! Each measurement runs product and bare limit in turn, several times, and tells the medians. What is compared with
//! what, and why, is said in docs/benchmarks.md.

mod audit;
mod automerge_repo;
mod bare_copy;
mod bare_table;
mod campaigns;
mod exchange;
mod gate;
mod import;
mod indicators;
mod listening;
mod logs;
mod measure;
mod national;
mod nodes;
mod sheets;
mod startup;

use std::io::Write as _;
use std::path::{Path, PathBuf};

use tokio::runtime::Runtime;

use measure::{Line, table};

type Measure = fn(&Runtime, usize) -> Vec<Line>;

/// Every measurement, by the name that chooses it.
const ALL: [(&str, Measure); 9] = [
    ("import", import::measure),
    ("listening", listening::measure),
    ("exchange", exchange::measure),
    ("topics", exchange::measure_many_topics),
    ("indicators", indicators::measure),
    ("audit", audit::measure),
    ("national", national::measure),
    ("campaigns", campaigns::measure),
    ("startup", startup::measure),
];

/// What the command line asks for.
struct Asked {
    names: Vec<String>,
    markdown: bool,
    runs: usize,
    /// A part of a measurement that runs as a process of its own, and its folder.
    part: Option<(String, PathBuf)>,
}

impl Asked {
    fn read(mut words: impl Iterator<Item = String>) -> Self {
        let mut asked = Self { names: Vec::new(), markdown: false, runs: 7, part: None };
        while let Some(word) = words.next() {
            match word.as_str() {
                "--markdown" => asked.markdown = true,
                "--runs" => {
                    asked.runs = words.next().and_then(|number| number.parse().ok()).expect("--runs takes a number");
                }
                "--part" => asked.part = words.next().zip(words.next().map(PathBuf::from)),
                // Cargo says so of itself.
                "--bench" => {}
                name => {
                    let known: Vec<&str> = ALL.iter().map(|(known, _)| *known).collect();
                    assert!(known.contains(&name), "no measurement {name}; there are {}", known.join(", "));
                    asked.names.push(name.to_owned());
                }
            }
        }
        asked
    }
}

fn main() {
    let asked = Asked::read(std::env::args().skip(1));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.expect("a runtime");
    if let Some((name, folder)) = asked.part {
        return run_part(&runtime, &name, &folder);
    }
    let mut lines = Vec::new();
    for (name, measure) in ALL {
        if asked.names.is_empty() || asked.names.iter().any(|wanted| wanted == name) {
            note(&format!("measuring {name}"));
            let measured = measure(&runtime, asked.runs);
            if !asked.markdown {
                say(&table(&measured));
            }
            lines.extend(measured);
        }
    }
    if asked.markdown {
        say(&table(&lines));
    }
}

fn run_part(runtime: &Runtime, name: &str, folder: &Path) {
    let ready = || say("ready");
    match name {
        listening::PART => runtime.block_on(listening::serve_bare(folder, ready)),
        audit::PART => {
            let (took, memory) = audit::release_all(folder);
            say(&format!("{took} {memory}"));
        }
        other => panic!("no part {other}"),
    }
}

fn say(text: &str) {
    let mut stdout = std::io::stdout().lock();
    writeln!(stdout, "{}", text.trim_end_matches('\n')).and_then(|()| stdout.flush()).expect("stdout");
}

fn note(text: &str) {
    // Progress is for whoever looks on.
    let _ = writeln!(std::io::stderr(), "{text}");
}
