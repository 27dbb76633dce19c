//! National statistics from the sheets of six hubs to tables, files, charts and a funder's report.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::command::{Outcome, text};
use crate::federation::{Federation, Hub, array, string};

const HUBS: usize = 6;

/// What the hub of a number mobilises: in the second quarter of 2018 and in the third. The last hides both.
fn mobilised(hub: usize) -> [usize; 2] {
    if hub + 1 == HUBS { [3, 5] } else { [10 + hub, 12 + 2 * hub] }
}

/// Sheets with one action in each quarter.
fn write_sheets(folder: &Path, hub: usize) {
    fs::create_dir_all(folder).expect("a folder");
    let write = |name: &str, text: String| fs::write(folder.join(name), text).expect("a sheet");
    let people: String = (0..30).map(|person| format!("P-{person},Person {person},,,,,,,,\n")).collect();
    let header = "ref,name,email,phone,postcode,birth_year,gender,ethnicity,disability,consent_to_contact\n";
    write("people.csv", format!("{header}{people}"));
    let actions = "A-0,2018-05-01,Picnic,meeting,P-0\nA-1,2018-08-01,March,event,P-0\n";
    write("actions.csv", format!("ref,date,title,kind,led_by_ref\n{actions}"));
    let took_part: String = mobilised(hub)
        .into_iter()
        .enumerate()
        .flat_map(|(action, count)| (0..count).map(move |person| format!("A-{action},P-{person}\n")))
        .collect();
    write("participations.csv", format!("action_ref,person_ref\n{took_part}"));
    write("funding.csv", format!("ref,date,source,amount_gbp\nF-1,2018-05-02,Council,{}\n", 100 + hub));
}

fn released() -> (Federation, Vec<Hub>) {
    let federation = Federation::found();
    let mut hubs = Vec::new();
    for number in 0..HUBS {
        // The first has a name that a spreadsheet could take for a formula.
        let name = if number == 0 { "=Hub 0".to_owned() } else { format!("Hub {number}") };
        let region = if number == 0 { "South West" } else { "Yorkshire" };
        let hub = Hub::serve(federation.joined(&format!("H{number}"), &name, &["--region", region]));
        let sheets = federation.path(&format!("sheets{number}"));
        write_sheets(&sheets, number);
        assert_eq!(array(&hub.import(&sheets).json(0)["refused"]), &[] as &[Value]);
        // The fifth has released the second quarter alone.
        for quarter in if number == 4 { &["2018-Q2"][..] } else { &["2018-Q2", "2018-Q3"] } {
            hub.approve(quarter).done();
        }
        hub.sync();
        hubs.push(hub);
    }
    (federation, hubs)
}

fn statistics(federation: &Federation, words: &[&str]) -> Outcome {
    federation.academy(&["statistics"], words)
}

fn report(federation: &Federation) -> Value {
    federation.academy(&["report"], &["--period", "2018-Q3", "--format", "json"]).json(0)
}

/// Each figure of an export: area, category and what is said.
fn figures(json: &Value) -> Vec<(String, Value, Value, Value)> {
    array(&json["observations"])
        .iter()
        .map(|it| (string(&it["area"]["name"]), it["value"].clone(), it["low"].clone(), it["high"].clone()))
        .collect()
}

#[test]
fn statistics_go_from_sheets_to_files_with_their_provenance() {
    let (federation, _hubs) = released();
    let third = ["--period", "2018-Q3", "--indicator", "people_mobilised"];
    let exact = |value: u64| (Value::from(value), Value::from(value), Value::from(value));
    let asked = |more: &[&str]| statistics(&federation, &[&third, more, &["--format", "json"]].concat()).json(0);

    // 12, 14, 16 and 18, and fewer than 8.
    let nation = asked(&[]);
    assert_eq!(figures(&nation), [("All hubs".to_owned(), Value::Null, 60.into(), 67.into())]);
    let report = report(&federation);
    let headline = |line: &&Value| line["code"] == "people_mobilised" && line["breakdown"].is_null();
    let line = array(&report["indicators"]).iter().find(headline).expect("a headline");
    assert_eq!((&line["low"], &line["high"], &line["hubs"]), (&60.into(), &67.into(), &5.into()));
    assert_eq!((&line["hubs_hidden"], &line["hubs_missing"], &line["hubs_late"]), (&1.into(), &1.into(), &5.into()));

    let regions = figures(&asked(&["--by", "region"]));
    let (value, low, high) = exact(12);
    assert_eq!(regions[0], ("South West".to_owned(), value, low, high));
    assert_eq!(regions[1], ("Yorkshire".to_owned(), Value::Null, 48.into(), 55.into()));
    let by_hub = figures(&asked(&["--by", "hub"]));
    assert_eq!(by_hub.len(), HUBS);
    assert_eq!(by_hub[5], ("Hub 5".to_owned(), Value::Null, 0.into(), 7.into()));
    assert_eq!(by_hub[4], ("Hub 4".to_owned(), Value::Null, Value::Null, Value::Null));

    // What the figures are made of, as the report has it too, and the hub keeps.
    let provenance = array(&nation["provenance"]["releases"]);
    assert_eq!(provenance.len(), 5);
    for (export, report) in provenance.iter().zip(array(&report["releases"])) {
        assert_eq!(export["hub"], report["hub"]);
        assert_eq!(export["entry_hash"], report["entry_hash"]);
        assert_eq!(export["payload_blake3"], report["payload_hash"]);
        assert_eq!((&report["policy_version"], &report["threshold"]), (&1.into(), &8.into()));
    }

    // A difference has five hubs behind both quarters, and says that they are not the same.
    let table = statistics(&federation, &third).done();
    assert!(table.contains("−7 to +7 (other hubs stand behind the two: 6 then, 5 now, 5 of them the same)"), "{table}");
    let table = statistics(&federation, &[&third[..], &["--by", "region"]].concat()).done();
    assert!(table.contains("not for comparison: fewer than 5 hubs"), "{table}");

    let refused = statistics(&federation, &["--from", "2018-Q2", "--to", "2018-Q3", "--add-up"]);
    assert_eq!(refused.code, Some(1));
    let why =
        "--add-up: figures of several periods are not added up: somebody who came in two quarters would count twice";
    assert!(refused.err.contains(why), "{}", refused.err);

    let coverage =
        federation.academy(&["coverage"], &["--from", "2018-Q2", "--to", "2018-Q3", "--format", "json"]).json(0);
    let coverage = array(&coverage["coverage"]);
    assert_eq!(coverage.len(), 2 * HUBS);
    let missing: Vec<_> = coverage.iter().filter(|line| line["timeliness"] == "missing").collect();
    assert_eq!((missing.len(), &missing[0]["hub"], &missing[0]["period"]), (1, &"Hub 4".into(), &"2018-Q3".into()));
    assert!(coverage.iter().all(|line| line["timeliness"] != "on time"), "years after the close");

    files(&federation);
    pictures(&federation);
}

fn files(federation: &Federation) {
    let period = ["--period", "2018-Q3", "--dimension", "all"];
    let written = |format: &str, target: &Path| {
        let more = ["--format", format, "--output", text(target)];
        statistics(federation, &[&period[..], &more].concat()).done()
    };
    let refused = statistics(federation, &[&period[..], &["--format", "csv"]].concat());
    assert!(refused.code == Some(1) && refused.err.contains("--output"), "{refused}");

    let folder = federation.path("csv");
    written("csv", &folder);
    let read = |name: &str| fs::read_to_string(folder.join(name)).expect("a file");
    let observations = read("observations.csv");
    let line = observations.lines().find(|line| line.contains(",people_mobilised,") && line.contains(",total,"));
    assert!(line.is_some_and(|line| line.contains(",[c],interval,60,67,5,1,0,1,5,")), "{line:?}");
    assert!(read("releases.csv").contains("'=Hub 0,2018-Q3,0,1,"), "{}", read("releases.csv"));
    assert!(read("csv-metadata.json").contains("observations.csv"));

    let folder = federation.path("sdmx");
    written("sdmx-csv", &folder);
    let sdmx = fs::read_to_string(folder.join("observations.sdmx.csv")).expect("a file");
    assert!(sdmx.contains("PEOPLE_MOBILISED") && folder.join("releases.csv").exists(), "{sdmx}");

    let file = federation.path("figures.parquet");
    written("parquet", &file);
    let parquet = fs::read(&file).expect("a file");
    assert!(parquet.starts_with(b"PAR1") && parquet.ends_with(b"PAR1"));
}

fn pictures(federation: &Federation) {
    let draw = |name: &str, words: &[&str]| {
        let path = federation.path(name);
        let after = [words, &["--indicator", "people_mobilised", "--output", text(&path)]].concat();
        federation.academy(&["chart"], &after).done();
        fs::read(path).expect("a picture")
    };
    let entry = report(federation)["releases"][0]["entry_hash"].clone();
    let trend = draw("trend.svg", &["--kind", "trend", "--from", "2018-Q2", "--to", "2018-Q3"]);
    let trend = String::from_utf8(trend).expect("UTF-8");
    assert!(trend.contains("<svg") && trend.contains(&string(&entry)), "its provenance inside");
    let bars = draw("hubs.png", &["--kind", "by-hub", "--period", "2018-Q3"]);
    assert!(bars.starts_with(b"\x89PNG"));
    let few = federation.path("regions.svg");
    let words =
        ["--kind", "by-region", "--period", "2018-Q3", "--indicator", "people_mobilised", "--output", text(&few)];
    let refused = federation.academy(&["chart"], &words);
    assert!(refused.code == Some(1) && refused.err.contains("five hubs or more"), "{refused}");

    let page = federation.path("report.html");
    federation.academy(&["funder-report"], &["--period", "2018/19", "--output", text(&page)]).done();
    let html = fs::read_to_string(page).expect("a page");
    for expected in ["Coverage and timeliness", "Definitions", "Provenance", "People mobilised", "Jul–Sep 2018"] {
        assert!(html.contains(expected), "no {expected}");
    }
    assert!(!html.contains("<script"));
}
