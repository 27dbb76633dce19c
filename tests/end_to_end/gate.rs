//! The hub's gate, as its people use it: what is held does not leave, and nothing leaves by itself before its time.

use std::fs;

use folkmoot_tests::generator::{Programme, Size, write};
use serde_json::Value;

use crate::client::Client;
use crate::federation::{Federation, Hub, array};

const YEAR: &str = "2018/19";

/// A hub that has imported its sheets, with this table in its settings.
fn hub(federation: &Federation, release: &str) -> Hub {
    let programme = Programme::draw(83, &[Size::Large]);
    federation.add_programme(programme.code, programme.first, programme.last);
    let folder = federation.joined("H", &programme.hubs[0].name, &[]);
    let path = folder.join("folkmoot.toml");
    let settings = fs::read_to_string(&path).expect("settings");
    fs::write(path, format!("{settings}\n{release}\n")).expect("settings");
    let hub = Hub::serve(folder);
    let sheets = federation.path("sheets");
    write::neat(&programme.hubs[0], &sheets).expect("sheets");
    hub.import(&sheets).json(0);
    hub.sync();
    hub
}

#[track_caller]
fn release(hub: &Hub, flags: &[&str]) -> Value {
    let mut after = flags.to_vec();
    after.extend(["--format", "json"]);
    hub.run(&["release"], &after).json(0)
}

/// How many hubs stand behind the national figure of the year.
#[track_caller]
fn hubs_behind(federation: &Federation) -> u64 {
    let report = federation.academy(&["report"], &["--period", YEAR, "--format", "json"]).json(0);
    let headline = |line: &&Value| line["code"] == "people_trained" && line["breakdown"].is_null();
    let line = array(&report["indicators"]).iter().find(headline);
    line.and_then(|line| line["hubs"].as_u64()).unwrap_or_else(|| panic!("no headline: {report}"))
}

#[test]
fn what_is_held_does_not_leave_until_it_is_resumed() {
    let mut federation = Federation::found();
    let hub = hub(&federation, "");
    // Away, so that nothing leaves between the two commands.
    federation.academy.take().expect("an Academy").stop();
    hub.approve(YEAR).done();
    let hold = release(&hub, &["--period", YEAR, "--hold"]);
    assert_eq!(hold["period"], YEAR, "{hold}");
    assert!(hold["held_by"].as_str().is_some_and(|by| by.starts_with("uid ")), "{hold}");
    let list = release(&hub, &["--list"]);
    assert_eq!((&list["releases"][0]["state"], &list["holds"][0]["period"]), (&"held".into(), &YEAR.into()), "{list}");
    let preview = hub.run(&["release"], &["--period", YEAR]).done();
    assert!(preview.contains("is held back since") && preview.contains("--resume"), "{preview}");

    federation.serve_academy();
    hub.sync();
    assert_eq!(hubs_behind(&federation), 0, "it is held");
    let folder = hub.stop();
    let hub = Hub::serve(folder);
    hub.sync();
    assert_eq!(hubs_behind(&federation), 0, "and after a restart");
    let table = hub.run(&["release"], &["--list"]).done();
    assert!(table.contains("Approved, held back") && table.contains("Held back"), "{table}");

    assert_eq!(release(&hub, &["--period", YEAR, "--resume"])["was_held"], true);
    assert_eq!(release(&hub, &["--period", YEAR, "--resume"])["was_held"], false);
    hub.sync();
    assert_eq!(hubs_behind(&federation), 1);
    let list = release(&hub, &["--list"]);
    assert_eq!((&list["releases"][0]["state"], &list["holds"]), (&"acknowledged".into(), &Value::Array(Vec::new())));

    // What has left stays; the hold is about what is to come.
    release(&hub, &["--period", YEAR, "--hold"]);
    hub.sync();
    assert_eq!(hubs_behind(&federation), 1);
}

#[test]
fn approving_lifts_a_hold() {
    let federation = Federation::found();
    let hub = hub(&federation, "");
    release(&hub, &["--period", YEAR, "--hold"]);
    let approved = release(&hub, &["--period", YEAR, "--approve"]);
    assert_eq!((&approved["hold"], &approved["revision"]), (&Value::Null, &0.into()));
    hub.sync();
    assert_eq!(hubs_behind(&federation), 1);
}

#[test]
fn nothing_leaves_by_itself_before_thirty_days_are_over() {
    let federation = Federation::found();
    let hub =
        hub(&federation, "[release]\nquarters = \"automatic\"\nyears = \"automatic\"\nprogrammes = \"automatic\"\n");
    let preview = release(&hub, &["--period", YEAR]);
    assert!(preview["automatic_day"].as_str().is_some_and(|day| day > "2026-01-01"), "{preview}");
    let table = hub.run(&["release"], &["--period", YEAR]).done();
    assert!(table.contains("This hub's policy approves it by itself from"), "{table}");
    // The job runs at the start.
    let hub = Hub::serve(hub.stop());
    hub.sync();
    assert!(Client::of(&hub.folder).releases().is_empty());
    assert_eq!(hubs_behind(&federation), 0);
}
