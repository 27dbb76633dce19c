//! Imports as a caller sees them: files in, results, refusals and notices out.

use std::sync::atomic::{AtomicU64, Ordering};

use folkmoot_domain::hub::HubName;
use folkmoot_proto::hub::v1::import_records_response::Part;
use folkmoot_store::hub::Writer;
use folkmoot_store::{Ambient, HubStore, Role, Store, UnixMillis};

use super::sheets::{Broken, Import};
use super::spool::Spool;

const PEOPLE: &str = "ref,name,email,phone,postcode,birth_year,gender,ethnicity,disability,consent_to_contact\n";
const PROJECTS: &str = "ref,started_on,title\n";

const OPERATOR: Writer = Writer { uid: 1000 };

fn hub() -> HubStore {
    let draws = AtomicU64::new(1);
    let ambient = Ambient {
        now: Box::new(|| UnixMillis(1_600_000_000_000)),
        fill: Box::new(move |bytes| {
            for chunk in bytes.chunks_mut(8) {
                let drawn = draws.fetch_add(1, Ordering::Relaxed).wrapping_mul(0x9e37_79b9_7f4a_7c15).to_le_bytes();
                chunk.copy_from_slice(&drawn[..chunk.len()]);
            }
        }),
    };
    let name: HubName = "Warminster".parse().expect("a name");
    Store::in_memory(Role::Hub, &name, ambient).and_then(|store| store.hub()).expect("a hub's store")
}

/// Imports the files and says each piece of the answer but progress in one line.
fn import(hub: &HubStore, dry_run: bool, files: &[(&str, &[u8])]) -> Vec<String> {
    let data = tempfile::tempdir().expect("a folder");
    let mut spool = Spool::create(data.path()).expect("a spool");
    for (name, bytes) in files {
        spool.add(name, b"").expect("room");
        for piece in bytes.chunks(7) {
            spool.add(name, piece).expect("room");
        }
    }
    let mut said = Vec::new();
    let tell = |part| {
        match part {
            Part::Refused(row) => said.push(format!("{} {} {}: {}", row.file, row.row, row.field, row.reason)),
            Part::Notice(notice) => said.push(format!("{}: {}", notice.file, notice.text)),
            Part::Result(of) => said.push(format!(
                "{} read {} created {} updated {} unchanged {} refused {}",
                of.file, of.read, of.created, of.updated, of.unchanged, of.refused
            )),
            Part::Progress(progress) => assert!(progress.bytes_done <= progress.bytes_total),
        }
        Ok(())
    };
    Import::new(hub, &spool, OPERATOR, dry_run, tell).run().expect("an import that goes through");
    said
}

fn check(files: &[(&str, &[u8])], expected: &[&str]) {
    let hub = hub();
    assert_eq!(import(&hub, true, files), expected, "dry run");
    assert_eq!(import(&hub, false, files), expected);
}

#[test]
fn rows_are_taken_once() {
    let file = format!("{PROJECTS}J-1,2018-05-01,Garden\nJ-2,01/06/2018,\"Youth\ncafé\"\n");
    let files = [("projects.csv", file.as_bytes())];
    let hub = hub();
    assert_eq!(import(&hub, true, &files), ["projects.csv read 2 created 2 updated 0 unchanged 0 refused 0"]);
    assert_eq!(import(&hub, false, &files), ["projects.csv read 2 created 2 updated 0 unchanged 0 refused 0"]);
    assert_eq!(import(&hub, false, &files), ["projects.csv read 2 created 0 updated 0 unchanged 2 refused 0"]);
    let changed = file.replace("Garden", "Community garden");
    let files = [("projects.csv", changed.as_bytes())];
    assert_eq!(import(&hub, false, &files), ["projects.csv read 2 created 0 updated 1 unchanged 1 refused 0"]);
}

#[test]
fn files_are_read_in_the_order_of_references_whatever_order_they_come_in() {
    let people = format!("{PEOPLE}P-1,Zoë,,,,1980,woman,,,yes\n");
    check(
        &[
            ("trainers.csv", b"person_ref,quality_assured_on,expires_on\nP-1,2018-01-01,2020-01-01\n"),
            ("people.csv", people.as_bytes()),
        ],
        &[
            "people.csv read 1 created 1 updated 0 unchanged 0 refused 0",
            "trainers.csv read 1 created 1 updated 0 unchanged 0 refused 0",
        ],
    );
}

#[test]
fn a_spreadsheets_marks_are_ignored() {
    let file =
        format!("\u{feff}{PROJECTS}\nJ-1,2018-05-01,Garden\n\n,,\n   \nJ-2,2018-05-02,Café\n").replace('\n', "\r\n");
    check(&[("projects.csv", file.as_bytes())], &["projects.csv read 2 created 2 updated 0 unchanged 0 refused 0"]);
}

#[test]
fn rows_are_refused_one_by_one_with_their_numbers() {
    let file = format!(
        "{PROJECTS}J-1,2018-02-30,Garden\n\n,,\nJ-2,2018-05-01,Café\nJ-2,2018-05-02,Again\nJ-3\n\"J-4,2018-05-01,x\n"
    );
    let hub = hub();
    let said = import(&hub, false, &[("projects.csv", file.as_bytes())]);
    let (result, refused) = said.split_last().expect("a result");
    assert_eq!(result, "projects.csv read 5 created 1 updated 0 unchanged 0 refused 4");
    let places: Vec<&str> = refused.iter().filter_map(|line| line.split_once(':')).map(|(place, _)| place).collect();
    assert_eq!(places, ["projects.csv 1 started_on", "projects.csv 4 ref", "projects.csv 5 ", "projects.csv 6 "]);
    assert!(refused[3].contains("quotation mark"), "{}", refused[3]);
}

#[test]
fn a_file_that_cannot_be_read_is_refused_whole_and_the_others_are_taken() {
    let good = format!("{PROJECTS}J-1,2018-05-01,Garden\n");
    let hub = hub();
    let said = import(
        &hub,
        false,
        &[
            ("people.csv", b"ref,name\nP-1,Zo\xeb\n"),
            ("actions.csv", b"ref,date\nA-1,2018-05-01\n"),
            ("funding.csv", b""),
            ("projects.csv", good.as_bytes()),
        ],
    );
    let begin = |start: &str| said.iter().filter(|line| line.starts_with(start)).count();
    assert_eq!(begin("people.csv 0 : line 2 is not UTF-8"), 1, "{said:?}");
    assert_eq!(begin("actions.csv 0 "), 1, "{said:?}");
    assert_eq!(begin("funding.csv 0 "), 1, "{said:?}");
    assert_eq!(begin("people.csv read 0 created 0"), 1, "{said:?}");
    assert_eq!(begin("projects.csv read 1 created 1"), 1, "{said:?}");
}

#[test]
fn unknown_columns_and_files_are_left_out_aloud() {
    let file = "ref,started_on,colour,title,smell\nJ-1,2018-05-01,red,Garden,sweet\n";
    check(
        &[("projects.csv", file.as_bytes()), ("members.csv", b"x\n")],
        &[
            "members.csv: left out: the import takes people.csv, trainers.csv, sessions.csv, attendances.csv, \
             listening_campaigns.csv, listenings.csv, actions.csv, participations.csv, projects.csv, funding.csv",
            "projects.csv: the columns colour, smell are not known and were left out",
            "projects.csv read 1 created 1 updated 0 unchanged 0 refused 0",
        ],
    );
}

#[test]
fn many_rows_go_in_several_batches() {
    let rows: String = (0..4_321).map(|row| format!("J-{row},2018-05-01,Garden\n")).collect();
    let file = format!("{PROJECTS}{rows}J-0,2018-05-01,Garden\n");
    let hub = hub();
    let said = import(&hub, false, &[("projects.csv", file.as_bytes())]);
    assert_eq!(said.len(), 2, "{said:?}");
    assert!(said[0].starts_with("projects.csv 4322 ref: "), "{}", said[0]);
    assert_eq!(said[1], "projects.csv read 4322 created 4321 updated 0 unchanged 0 refused 1");
}

#[test]
fn a_caller_that_goes_away_ends_the_import_and_loses_nothing_committed() {
    let rows: String = (0..5_000).map(|row| format!("J-{row},2018-05-01,Garden\n")).collect();
    let file = format!("{PROJECTS}{rows}");
    let (hub, data) = (hub(), tempfile::tempdir().expect("a folder"));
    let mut spool = Spool::create(data.path()).expect("a spool");
    spool.add("projects.csv", file.as_bytes()).expect("room");
    let ended = Import::new(&hub, &spool, OPERATOR, false, |_| Err(Broken::CallerGone)).run();
    assert!(matches!(ended, Err(Broken::CallerGone)));
    let said = import(&hub, false, &[("projects.csv", file.as_bytes())]);
    assert_eq!(said, ["projects.csv read 5000 created 3000 updated 0 unchanged 2000 refused 0"]);
}
