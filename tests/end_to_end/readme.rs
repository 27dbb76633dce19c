//! The commands that README and the guides print are run as they stand there.
//!
//! Blocks fenced as `sh` are one script a document, in order, in an empty folder, with `folkmoot` on the PATH. A line that
//! ends in ` &` starts a node: the script goes on once that has printed its ready line.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::command::{BINARY, run, text};
use crate::tour::tour_port;

const FENCE: &str = "```";

/// The `sh` blocks of a document as one text.
fn blocks(document: &str) -> String {
    let mut script = String::new();
    let mut inside = None;
    for line in document.lines() {
        match (inside, line.trim_start().strip_prefix(FENCE)) {
            (None, Some(kind)) => inside = Some(kind.trim() == "sh"),
            (Some(_), Some(_)) => inside = None,
            (Some(true), None) => {
                script.push_str(line);
                script.push('\n');
            }
            (Some(false) | None, None) => {}
        }
    }
    script
}

/// The script with every node started in the background and awaited.
fn script(commands: &str) -> String {
    // Waiting reads the node's own output: the pipe opens with it, and `read` returns with its first line.
    let mut script = String::from(
        r#"set -euo pipefail
started=()
end() { for id in ${started[@]+"${started[@]}"}; do kill "$id" 2>/dev/null || true; done; wait; }
trap end EXIT
serve() {
    local pipe="$LOGS/$RANDOM$RANDOM" ready
    mkfifo "$pipe"
    "$@" >"$pipe" 2>>"$LOGS/log" &
    started+=($!)
    { IFS= read -r -t 120 ready || { echo "not ready: $*" >&2; cat "$LOGS/log" >&2; exit 1; }
      case "$ready" in ready:*) echo "$ready" ;; *) echo "no ready line: $ready" >&2; exit 1 ;; esac
      cat <&0 >/dev/null & started+=($!); } <"$pipe"
}
"#,
    );
    for line in commands.lines() {
        match line.trim_end().strip_suffix(" &") {
            Some(server) => {
                let _ = writeln!(script, "echo '$ {}'\nserve {server}", server.replace('\'', "'\\''"));
            }
            None => {
                let _ = writeln!(script, "{line}");
            }
        }
    }
    script
}

#[track_caller]
fn check(document: &Path) {
    let commands = blocks(&fs::read_to_string(document).expect("a document"));
    if commands.trim().is_empty() {
        return;
    }
    let (_turn, port) = tour_port();
    let home = tempfile::Builder::new().prefix("fm").tempdir().expect("a temporary folder");
    let (work, bin, logs) = (home.path().join("w"), home.path().join("bin"), home.path().join("logs"));
    for folder in [&work, &bin, &logs] {
        fs::create_dir(folder).expect("a folder");
    }
    symlink(BINARY, bin.join("folkmoot")).expect("a link");
    let mut command = Command::new("bash");
    let path = std::env::var("PATH").unwrap_or_default();
    command.env("PATH", format!("{}:{path}", text(&bin))).env("LOGS", &logs).current_dir(&work);
    command.arg("-c").arg(script(&commands.replace("7400", &port.to_string())));
    let outcome = run(command, &format!("the commands of {}", document.display()));
    let log = fs::read_to_string(logs.join("log")).unwrap_or_default();
    assert_eq!(outcome.code, Some(0), "{outcome}\n--- nodes\n{log}\n--- commands\n{commands}");
}

fn documents() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut documents = vec![root.join("README.md")];
    for entry in fs::read_dir(root.join("docs")).expect("docs") {
        let path = entry.expect("an entry").path();
        if path.extension().is_some_and(|extension| extension == "md") {
            documents.push(path);
        }
    }
    documents.sort();
    documents
}

#[test]
fn what_the_documents_print_works() {
    for document in documents() {
        check(&document);
    }
}

#[test]
fn the_readme_walks_the_tour() {
    let readme = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../README.md")).expect("README.md");
    let commands = blocks(&readme);
    let verbs: BTreeSet<&str> = [
        "academy init",
        "academy serve",
        "academy programme add",
        "academy invite",
        "hub init",
        "hub join",
        "hub serve",
        "hub import",
        "hub indicators",
        "hub release",
        "sync",
        "academy report",
        "status",
    ]
    .into();
    for verb in verbs {
        assert!(commands.contains(&format!("folkmoot {verb}")), "README shows no `folkmoot {verb}`");
    }
}

#[test]
fn only_shell_blocks_are_run() {
    let document =
        "```sh\nfolkmoot serve &\n```\ntext\n```toml\nkey = 1\n```\n```text\nno\n```\n```sh\necho done\n```\n";
    assert_eq!(blocks(document), "folkmoot serve &\necho done\n");
    assert!(script(&blocks(document)).ends_with("echo '$ folkmoot serve'\nserve folkmoot serve\necho done\n"));
}
