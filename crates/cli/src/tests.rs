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
    let parsed = Arguments::try_parse_from(words).and_then(Arguments::checked);
    parsed.map(|arguments| format!("{arguments:?}")).map_err(|error| error.kind())
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
        "academy policy set --threshold 10 --special-threshold 12 --largest 45 --two-largest 85% --from 2027-Q1 --data A",
        "academy policy set --threshold 10 --data A",
        "academy policy list --data A --format json",
        "hub policy --data H",
        "academy invite --data A --name Warminster",
        r#"academy invite --data A --name "Teaching" --kind national --region "South West" --stage developing"#,
        "academy hub list --data A",
        "academy hub list --data A --name Warminster",
        r#"academy hub set --data A --name Warminster --region "South West" --stage closed"#,
        "academy hub revoke --data A --name Warminster",
        "academy report --data A --period programme/COEP --format json",
        "academy report --data A --period programme/COEP --all",
        "academy statistics --data A --period 2018-Q3",
        "academy statistics --data A --from 2018-Q1 --to 2018-Q4 --indicator people_trained --indicator listenings",
        r#"academy statistics --data A --period 2018/19 --dimension gender --by region --region "South West""#,
        "academy statistics --data A --period 2018/19 --by hub --hub Warminster --format json",
        "academy statistics --data A --period programme/COEP --dimension all --format csv --output figures",
        "academy statistics --data A --period programme/COEP --format parquet --output figures.parquet",
        "academy statistics --data A --period programme/COEP --format sdmx-csv --output figures",
        "academy statistics --data A --from 2018-Q1 --to 2018-Q4 --add-up",
        "academy coverage --data A",
        "academy coverage --data A --from 2018-Q1 --to 2018-Q4 --format json",
        "academy chart --data A --period programme/COEP --indicator people_trained --kind trend --output trend.svg",
        "academy chart --data A --from 2018-Q1 --to 2018-Q4 --indicator listenings --kind trend --output trend.png",
        "academy chart --data A --period 2018/19 --indicator people_trained --kind by-hub --output hubs.svg",
        "academy chart --data A --period 2018/19 --indicator people_trained --kind by-breakdown --dimension gender \
         --output gender.svg",
        "academy funder-report --data A --period programme/COEP --output report.html",
        "academy export E --data A",
        "academy verify --data A --format json",
        "verify E",
        "verify E --federation 00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff --format json",
        "hub init --data H --name Warminster --listen 127.0.0.1:0",
        "hub join --data H folkmoot1:127.0.0.1:7400:x:y:z",
        "hub serve --data H",
        "hub import --data H sheets",
        "hub import --data H sheets --dry-run --format json",
        "hub import --data H sheets --number",
        "hub indicators --data H --period programme/COEP --format json",
        "hub release --data H --period programme/COEP",
        "hub release --data H --period 2018/19 --approve",
        "hub release --data H --period 2018/19 --approve --all",
        "hub release --data H --period 2018/19 --hold",
        "hub release --data H --period 2018/19 --resume --format json",
        "hub release --data H --list",
        "hub release --data H --show programme-COEP.0",
        "hub release --data H --show programme-COEP.0 --all",
        "hub indicators --data H --period 2018/19 --all",
        "hub person show P-2 --data H",
        r#"academy publish first.md --title "First listening" --kind session --hours 1.5 --data A"#,
        "academy publish first.md --title Power --kind Unit --hours 2 --item level-2-power --data A --format json",
        "academy retire first-listening --data A",
        "curriculum list --data H",
        "curriculum list --all --data A --format json",
        "curriculum show first-listening --data H",
        "curriculum show first-listening.2 --data H",
        r#"campaign create --title "Warm halls" --member Luton --member "Hastings Hollington" --data H"#,
        "campaign create --title T --member Luton --no-relay --data H --format json",
        "campaign list --data H",
        "campaign show 3f2a --data H",
        "campaign show 3F2A9C --data H --format json",
        "campaign show \" 3f2a9c\n\" --data H",
        r#"campaign edit 3f2a9c --notes-append "The hall is booked" --data H"#,
        r#"campaign edit 3f2a9c --notes-append "- The hall is booked" --data H"#,
        r#"campaign edit 3f2a9c --sign-up "Bus Users" --data H"#,
        r#"campaign edit 3f2a9c --aim "" --data H"#,
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
        ("hub release --data H --hold", MissingRequiredArgument),
        ("hub release --data H --period 2018-Q3 --hold --approve", ArgumentConflict),
        ("hub release --data H --show 2018-Q3.0 --resume", ArgumentConflict),
        ("hub release --data H --list --all", ArgumentConflict),
        ("hub release --data H --period 2018-Q3 --list", ArgumentConflict),
        ("hub import --data H sheets --number --dry-run", ArgumentConflict),
        ("academy hub set --data A --name Warminster", MissingRequiredArgument),
        ("academy statistics --data A", MissingRequiredArgument),
        ("academy statistics --data A --from 2018-Q1", MissingRequiredArgument),
        ("academy statistics --data A --period 2018-Q1 --from 2018-Q1 --to 2018-Q2", ArgumentConflict),
        ("academy statistics --data A --period 2018-Q1 --indicator people", ValueValidation),
        ("academy statistics --data A --period 2018-Q1 --dimension colour", ValueValidation),
        ("academy statistics --data A --period 2018-Q1 --by street", InvalidValue),
        ("academy coverage --data A --format csv", ArgumentConflict),
        ("academy report --data A --period 2018-Q1 --format parquet", ArgumentConflict),
        ("status --data H --format sdmx-csv", ArgumentConflict),
        (
            "academy chart --data A --period 2018-Q1 --indicator listenings --kind by-hub --output hubs.pdf",
            ValueValidation,
        ),
        (
            "academy chart --data A --period 2018-Q1 --indicator listenings --kind by-breakdown --output x.svg",
            MissingRequiredArgument,
        ),
        ("academy chart --data A --indicator listenings --kind trend --output x.svg", MissingRequiredArgument),
        ("academy hub set --data A --name Warminster --stage asleep", ValueValidation),
        ("academy invite --data A --name Warminster --kind shop", ValueValidation),
        (r#"academy invite --data A --name "  ""#, ValueValidation),
        ("academy programme add CO_EP --from 2017-04-01 --to 2020-03-31 --data A", ValueValidation),
        ("academy programme add COEP --from 2017-02-30 --to 2020-03-31 --data A", ValueValidation),
        ("academy policy set --data A", MissingRequiredArgument),
        ("academy policy set --threshold few --data A", ValueValidation),
        ("academy policy set --largest 45.5 --data A", ValueValidation),
        ("academy policy set --largest=-45 --data A", ValueValidation),
        ("academy policy set --threshold 10 --from 2027 --data A", ValueValidation),
        ("academy policy set --threshold 10 --from 2027/28 --data A", ValueValidation),
        ("sync --data H --timeout 0", ValueValidation),
        ("academy publish first.md --kind unit --hours 1 --data A", MissingRequiredArgument),
        ("academy publish first.md --title T --kind lesson --hours 1 --data A", ValueValidation),
        ("academy publish first.md --title T --kind unit --hours 1 --item First --data A", ValueValidation),
        ("academy retire first-listening.1 --data A", ValueValidation),
        ("curriculum show first-listening.0 --data H", ValueValidation),
        ("curriculum show first-listening.two --data H", ValueValidation),
        ("curriculum show First --data H", ValueValidation),
        ("campaign create --title T --data H", MissingRequiredArgument),
        (r#"campaign create --title T --member "" --data H"#, ValueValidation),
        ("campaign show 3f2 --data H", ValueValidation),
        ("campaign show warm --data H", ValueValidation),
        ("campaign edit 3f2a --data H", MissingRequiredArgument),
        ("campaign edit 3f2a --notes-append --data H", UnknownArgument),
        ("campaign edit 3f2a --aim A --sign-up B --data H", ArgumentConflict),
    ] {
        assert_eq!(parse(line).err(), Some(expected), "{line}");
    }
}

#[test]
fn hours_are_understood_in_whole_minutes() {
    for (hours, expected) in [
        ("2", Some(120)),
        ("1.5", Some(90)),
        ("0.05", Some(3)),
        ("1.3500", Some(81)),
        ("1:40", Some(100)),
        ("0:01", Some(1)),
        ("1666:40", Some(100_000)),
        ("1666:41", None),
        ("0", None),
        ("0.0", None),
        ("1.33", None),
        ("1:60", None),
        ("1:5", None),
        ("1,5", None),
        ("-1", None),
        ("1.", None),
        (".5", None),
        ("1e3", None),
        ("99999", None),
        ("1.00000000000000000000000000000000000000000", None),
    ] {
        let line = format!("academy publish f.md --title T --kind unit --hours={hours} --data A");
        match (parse(&line), expected) {
            (Ok(understood), Some(minutes)) => {
                assert!(understood.contains(&format!("minutes: {minutes},")), "{understood}");
            }
            (Err(kind), None) => assert_eq!(kind, clap::error::ErrorKind::ValueValidation, "{hours}"),
            (understood, expected) => panic!("{hours}: {understood:?}, not {expected:?}"),
        }
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
