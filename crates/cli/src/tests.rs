//! Command lines as people type them, and what they are understood as.

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{CommandFactory as _, Parser as _};

use crate::arguments::Arguments;
use crate::run;

fn parse(line: &str) -> Result<String, clap::error::ErrorKind> {
    // Quotes are enough of a shell here.
    let words = line.split('"').enumerate().flat_map(|(at, part)| match at % 2 {
        0 => part.split_whitespace().map(str::to_owned).collect::<Vec<_>>(),
        _ => vec![part.to_owned()],
    });
    let words = std::iter::once("folkmoot".to_owned()).chain(words);
    Arguments::try_parse_from(words).map(|arguments| format!("{arguments:?}")).map_err(|error| error.kind())
}

#[test]
fn the_commands_hold_together() {
    Arguments::command().debug_assert();
}

#[test]
fn every_command_of_the_tour_is_understood() {
    for line in [
        r#"academy init --data A --name "National Academy" --listen 127.0.0.1:7400"#,
        r#"academy init --data A --name "National Academy" --listen 0.0.0.0:7400 --address academy.example.org:7400"#,
        "academy serve --data A",
        "academy programme add COEP --from 2017-04-01 --to 2020-03-31 --data A",
        r#"academy programme add COEP --from 01/04/2017 --to 2020-03-31 --title "Expansion Programme" --data A"#,
        "academy programme list --data A",
        "academy invite --data A --name Warminster",
        r#"academy invite --data A --name "Teaching" --kind national --region "South West" --stage developing"#,
        "academy hub list --data A",
        "academy hub list --data A --name Warminster",
        r#"academy hub set --data A --name Warminster --region "South West" --stage closed"#,
        "academy hub revoke --data A --name Warminster",
        "academy report --data A --period programme/COEP --format json",
        "hub init --data H --name Warminster --listen 127.0.0.1:0",
        "hub join --data H folkmoot1:127.0.0.1:7400:x:y:z",
        "hub serve --data H",
        "hub import --data H sheets",
        "hub import --data H sheets --dry-run --format json",
        "hub import --data H sheets --number",
        "hub indicators --data H --period programme/COEP --format json",
        "hub release --data H --period programme/COEP",
        "hub release --data H --period 2018/19 --approve",
        "hub release --data H --list",
        "hub release --data H --show programme-COEP.0",
        "hub person show P-2 --data H",
        "sync --data H --wait",
        "sync --data H --wait --timeout 5",
        "status --data H",
        "--format json status --data H",
        "demo",
        "demo --data D --exit",
    ] {
        if let Err(kind) = parse(line) {
            panic!("{line}: {kind:?}");
        }
    }
}

#[test]
fn what_makes_no_sense_is_refused() {
    use clap::error::ErrorKind::{
        ArgumentConflict, InvalidSubcommand, InvalidValue, MissingRequiredArgument, UnknownArgument, ValueValidation,
    };
    for (line, expected) in [
        ("hub fly --data H", InvalidSubcommand),
        ("hub serve", MissingRequiredArgument),
        ("hub serve --data H --colour red", UnknownArgument),
        ("status --data H --format yaml", InvalidValue),
        ("hub indicators --data H --period 2018-Q5", ValueValidation),
        ("hub release --data H", MissingRequiredArgument),
        ("hub release --data H --approve", MissingRequiredArgument),
        ("hub release --data H --list --approve", ArgumentConflict),
        ("hub release --data H --period 2018-Q3 --list", ArgumentConflict),
        ("hub import --data H sheets --number --dry-run", ArgumentConflict),
        ("academy hub set --data A --name Warminster", MissingRequiredArgument),
        ("academy hub set --data A --name Warminster --stage asleep", ValueValidation),
        ("academy invite --data A --name Warminster --kind shop", ValueValidation),
        (r#"academy invite --data A --name "  ""#, ValueValidation),
        ("academy programme add CO_EP --from 2017-04-01 --to 2020-03-31 --data A", ValueValidation),
        ("academy programme add COEP --from 2017-02-30 --to 2020-03-31 --data A", ValueValidation),
        ("sync --data H --timeout 0", ValueValidation),
    ] {
        assert_eq!(parse(line).err(), Some(expected), "{line}");
    }
}

#[test]
fn usage_and_failure_have_exit_statuses_of_their_own() {
    let nowhere = tempfile::tempdir().expect("a folder");
    let nowhere = nowhere.path().join("nowhere");
    let status = |words: &[&str]| run(["folkmoot"].iter().chain(words).map(OsString::from));
    let data = nowhere.to_str().expect("a plain path");
    assert_eq!(status(&["--version"]), ExitCode::SUCCESS);
    assert_eq!(status(&["hub"]), ExitCode::from(2));
    assert_eq!(status(&["hub", "import", "--data", data, data]), ExitCode::FAILURE);
    assert_eq!(status(&["status", "--data", data]), ExitCode::FAILURE);
}
