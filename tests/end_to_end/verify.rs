//! What anybody can check of the national figures: an export of a running Academy, as it is and with somebody's hand in it.

use std::fs;
use std::path::{Path, PathBuf};

use folkmoot_tests::generator::{Programme, Size, write};
use rusqlite::Connection;
use serde_json::Value;

use crate::command::{Outcome, folkmoot, text};
use crate::federation::{Federation, array, copy_folder, every_file, string};

const PERIODS: [&str; 2] = ["2018-Q3", "2018/19"];

/// Checks a folder as a third party does.
#[track_caller]
fn verify(folder: &Path) -> Outcome {
    folkmoot(&["verify", text(folder), "--format", "json"])
}

/// Expects a misfit with this code in a file whose name ends so, and says which entry it is.
#[track_caller]
fn misfit(folder: &Path, problem: &str, file: &str) -> Value {
    let found = verify(folder).json(1);
    assert_eq!((&found["fits"], string(&found["problem"])), (&Value::Bool(false), problem.to_owned()), "{found:#}");
    assert!(string(&found["file"]).ends_with(file), "{found:#}");
    for part in ["what_is_wrong", "what_it_means", "what_to_do"] {
        assert!(!string(&found[part]).is_empty(), "{part}: {found:#}");
    }
    found
}

/// The file with the largest name that ends so.
#[track_caller]
fn file_in(folder: &Path, under: &str, ending: &str) -> PathBuf {
    let mut files = Vec::new();
    every_file(&folder.join(under), &mut |path, _| {
        if text(path).ends_with(ending) {
            files.push(path.to_owned());
        }
    });
    files.sort();
    files.pop().unwrap_or_else(|| panic!("no {ending} under {under}"))
}

/// The messages of a file, each with its length before it.
fn entries(bytes: &[u8]) -> Vec<Vec<u8>> {
    let (mut entries, mut rest) = (Vec::new(), bytes);
    while !rest.is_empty() {
        let start = rest;
        let length = prost::encoding::decode_varint(&mut rest).expect("a length") as usize;
        let whole = start.len() - rest.len() + length;
        entries.push(start[..whole].to_vec());
        rest = &start[whole..];
    }
    entries
}

/// An Academy that holds two releases each of two hubs.
#[track_caller]
fn released() -> Federation {
    let federation = Federation::found();
    let drawn = Programme::draw(2, &[Size::Large, Size::Middling]);
    for (number, hub) in drawn.hubs.iter().enumerate() {
        let sheets = federation.path(&format!("sheets{number}"));
        write::neat(hub, &sheets).expect("sheets");
        let hub = federation.hub(&format!("H{number}"), &format!("Hub {number}"));
        hub.import(&sheets).done();
        for period in PERIODS {
            hub.approve(period).done();
        }
        hub.sync();
    }
    federation
}

#[test]
fn a_running_academy_is_checked_down_to_its_disk() {
    let mut federation = released();
    let mut tampered = |sql: &str| {
        federation.academy.take().expect("a node").stop();
        let database = Connection::open(federation.academy_folder().join("node.db")).expect("the database");
        assert!(database.execute(sql, []).expect("changed") > 0, "{sql}");
        drop(database);
        federation.serve_academy();
        federation.academy(&["verify"], &["--format", "json"]).json(1)
    };
    // A figure that the database holds otherwise than the signed release.
    let found = tampered(
        "UPDATE standing_cell SET low = low + 1, high = high + 1
         WHERE cell = (SELECT id FROM reported_cell WHERE indicator = 'actions_held')
         AND period = (SELECT id FROM reporting_period WHERE code = '2018/19') AND hub = 1",
    );
    assert_eq!((&found["problem"], &found["period"]), (&Value::from("figure"), &Value::from("2018/19")), "{found:#}");
    assert_eq!(found["figure"], "Actions held", "{found:#}");
    // A release in order that was set aside behind everybody's back.
    let first = "(SELECT min(place) FROM entry JOIN log ON log.id = place >> 40 JOIN topic ON topic.id = log.topic
         WHERE substr(topic.name, 1, 1) = x'04')";
    let found = tampered(&format!("INSERT INTO set_aside VALUES ({first} + 1, 2, '', 0, 0)"));
    assert_eq!((&found["problem"], &found["entry"]), (&Value::from("set_aside"), &Value::from(2)), "{found:#}");
    // A signed release that was changed where it lies.
    let longer = "UPDATE entry SET payload = CAST(payload || x'00' AS BLOB)";
    let found = tampered(&format!("{longer} WHERE place = {first} + 2"));
    assert_eq!((&found["problem"], &found["entry"]), (&Value::from("payload"), &Value::from(3)), "{found:#}");
}

#[test]
fn an_export_is_checked_by_anybody() {
    let federation = released();

    // The running node is checked over its own interface.
    let live = federation.academy(&["verify"], &["--format", "json"]).json(0);
    assert_eq!(live["fits"], Value::Bool(true), "{live:#}");
    let said = federation.academy(&["verify"], &[]).done();
    assert!(said.contains("Everything fits"), "{said}");

    let export = federation.path("export");
    federation.academy(&["export", text(&export)], &[]).done();
    federation.academy(&["export", text(&export)], &[]).fails(1, &["not empty"]);
    drop(federation.academy);

    // Wards are open-ended: a hub that does not list one counts as well.
    let figures: Value =
        serde_json::from_slice(&fs::read(export.join("figures.json")).expect("figures")).expect("JSON");
    let of_year = array(&figures["periods"]).iter().find(|it| it["period"] == PERIODS[1]).expect("the year");
    let ward = |figure: &&Value| figure["breakdown"]["dimension"] == "ward";
    let wards: Vec<&Value> = array(&of_year["figures"]).iter().filter(ward).collect();
    assert!(!wards.is_empty() && wards.iter().all(|figure| figure["hubs"] == 2), "{wards:#?}");

    // A third party has the folder alone.
    let found = verify(&export).json(0);
    assert_eq!(found["releases"], 4, "{found:#}");
    let periods: Vec<String> = array(&found["periods"]).iter().map(string).collect();
    assert_eq!(periods, PERIODS);
    assert_eq!(array(&found["set_aside"]).len(), 0);
    let id = string(&found["federation"]);
    folkmoot(&["verify", text(&export), "--federation", &id]).done();
    let other = "00".repeat(32);
    folkmoot(&["verify", text(&export), "--federation", &other]).fails(1, &["another federation"]);
    folkmoot(&["verify", text(&export.join("releases"))]).fails(1, &["manifest.txt"]);

    let tampered = |name: &str, change: &dyn Fn(&Path)| {
        let copy = export.with_file_name(name);
        copy_folder(&export, &copy);
        change(&copy);
        copy
    };
    let rewrite = |folder: &Path, change: &dyn Fn(&mut Vec<Vec<u8>>)| {
        let file = file_in(folder, "releases", ".entries");
        let mut held = entries(&fs::read(&file).expect("a file"));
        assert_eq!(held.len(), 3, "an opening and two releases");
        change(&mut held);
        fs::write(file, held.concat()).expect("a file");
    };

    // A changed cell: the last byte of a payload.
    let changed = tampered("cell", &|copy| {
        rewrite(copy, &|held| *held[1].last_mut().expect("a byte") ^= 1);
    });
    let named = misfit(&changed, "payload", ".entries");
    assert_eq!((&named["entry"], string(&named["log"]).starts_with("releases of Hub ")), (&Value::from(2), true));
    folkmoot(&["verify", text(&changed)]).fails(1, &["entry 2 of the releases of Hub"]);

    let dropped = tampered("middle", &|copy| rewrite(copy, &|held| drop(held.remove(1))));
    assert_eq!(misfit(&dropped, "dropped", ".entries")["entry"], 2);
    let dropped = tampered("last", &|copy| rewrite(copy, &|held| held.truncate(2)));
    assert_eq!(misfit(&dropped, "cut_short", ".entries")["entry"], 3);
    let reordered = tampered("order", &|copy| rewrite(copy, &|held| held.swap(1, 2)));
    assert_eq!(misfit(&reordered, "reordered", ".entries")["entry"], 3);
    let missing = tampered("file", &|copy| {
        fs::remove_file(file_in(copy, "releases", ".entries")).expect("removed");
    });
    misfit(&missing, "file_missing", ".entries");

    // A forged key: the directory says something else of a hub.
    let forged = tampered("key", &|copy| {
        // The log that holds the genesis entry comes first; hubs are listed in a later one.
        let said = fs::read_to_string(copy.join("manifest.txt")).expect("a manifest");
        let log = said.lines().filter_map(|line| line.strip_prefix("log directory/")).next_back().expect("a log");
        let incarnation = log.split(' ').next().expect("an incarnation");
        let file = copy.join(format!("directory/{incarnation}.entries"));
        let mut held = entries(&fs::read(&file).expect("a file"));
        *held[1].last_mut().expect("a byte") ^= 1;
        fs::write(file, held.concat()).expect("a file");
    });
    let named = misfit(&forged, "payload", ".entries");
    assert_eq!((named["entry"].clone(), string(&named["log"])), (Value::from(2), "directory".to_owned()));

    // A changed national figure.
    let figures = tampered("figures", &|copy| {
        let file = copy.join("figures.json");
        let published = fs::read_to_string(&file).expect("figures");
        let mut document: Value = serde_json::from_str(&published).expect("JSON");
        let low = document["periods"][1]["figures"][0]["low"].as_u64().expect("a figure");
        document["periods"][1]["figures"][0]["low"] = Value::from(low + 1);
        fs::write(file, format!("{document:#}\n")).expect("figures");
    });
    let named = misfit(&figures, "figure", "figures.json");
    assert_eq!(
        (string(&named["period"]), string(&named["figure"])),
        (PERIODS[1].to_owned(), "People trained".to_owned())
    );

    let manifest = tampered("manifest", &|copy| {
        let file = copy.join("manifest.txt");
        let said = fs::read_to_string(&file).expect("a manifest");
        let last = said.lines().rfind(|line| line.starts_with("log ")).expect("a log");
        fs::write(&file, said.replace(&format!("{last}\n"), "")).expect("a manifest");
    });
    misfit(&manifest, "manifest_signature", "manifest.txt");
}
