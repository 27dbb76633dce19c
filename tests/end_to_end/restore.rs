//! Folders put back from an older copy, and copies that run beside their original.

use std::path::Path;
use std::time::Instant;

use folkmoot_tests::day::Day;
use folkmoot_tests::generator::{Hub as Drawn, Programme, Size, write};
use serde_json::Value;

use crate::client::Client;
use crate::command::{DEADLINE, text};
use crate::federation::{Federation, Hub, Report, copy_folder, put_back, status, sync};
use crate::served::{Role, Served};

const YEAR: &str = "2018/19";
const RELEASE: &str = "2018-19.0";

fn set_up() -> (Federation, Hub, Drawn) {
    let programme = Programme::draw(71, &[Size::Large]);
    let federation = Federation::found();
    federation.add_programme(programme.code, programme.first, programme.last);
    let drawn = programme.hubs[0].clone();
    let hub = federation.hub("H", &drawn.name);
    let sheets = federation.path("sheets");
    write::neat(&drawn, &sheets).expect("sheets");
    hub.import(&sheets).json(0);
    hub.approve("programme/TWOYEARS").done();
    hub.sync();
    (federation, hub, drawn)
}

#[test]
fn a_hub_put_back_gets_its_own_entries_back() {
    let (federation, hub, _) = set_up();
    let copy = federation.path("copy");
    let folder = hub.stop();
    copy_folder(&folder, &copy);

    let hub = Hub::serve(folder);
    hub.approve(YEAR).done();
    hub.sync();
    let released = Client::of(&hub.folder).release(RELEASE);
    let folder = hub.stop();
    put_back(&copy, &folder);

    let hub = Hub::serve(folder);
    hub.sync();
    let client = Client::of(&hub.folder);
    assert!(client.status().entries_recovered > 0, "{:?}", client.status());
    assert!(status(&hub.folder).contains("recovered"), "{}", status(&hub.folder));
    assert_eq!(client.release(RELEASE).payload, released.payload, "the very bytes that had left");
    hub.approve(YEAR).done();
    hub.sync();
    assert_eq!(client.releases().len(), 2, "not released twice");
    assert_eq!(client.release(RELEASE).payload, released.payload);
    assert_eq!(federation.report(YEAR).headline("people_trained")["hubs"], 1);
}

#[test]
fn a_hub_put_back_cannot_release_a_period_again() {
    let (mut federation, hub, mut drawn) = set_up();
    let copy = federation.path("copy");
    let folder = hub.stop();
    copy_folder(&folder, &copy);
    let hub = Hub::serve(folder);
    hub.approve(YEAR).done();
    hub.sync();
    let first = federation.report(YEAR).headline("community_projects_supported")["value"].clone();
    let folder = hub.stop();
    put_back(&copy, &folder);

    // With the Academy away the hub cannot know what it had released; it approves another figure.
    federation.academy.take().expect("an Academy").stop();
    let hub = Hub::serve(folder);
    let mut more = drawn.projects[0].clone();
    more.reference = "more".to_owned();
    more.started = Day::new(2018, 6, 1);
    drawn.projects.push(more);
    let sheets = federation.path("sheets");
    write::neat(&drawn, &sheets).expect("sheets");
    hub.import(&sheets).json(0);
    hub.approve(YEAR).done();
    federation.serve_academy();
    // The second release must never get through; whether waiting for the rest ends well is not the point here.
    drop(sync(&hub.folder));
    assert_eq!(federation.report(YEAR).headline("community_projects_supported")["value"], first);
    assert_eq!(Client::of(&federation.academy_folder()).status().set_aside.len(), 0, "it never left the hub");
    assert!(Client::of(&hub.folder).status().entries_recovered > 0);
}

#[test]
fn an_academy_put_back_gets_its_entries_from_the_hubs() {
    let (mut federation, hub, _) = set_up();
    let copy = federation.path("copy");
    federation.academy.take().expect("an Academy").stop();
    copy_folder(&federation.academy_folder(), &copy);
    federation.serve_academy();
    federation.add_programme("LATER", Day::new(2019, 1, 1), Day::new(2019, 12, 31));
    hub.approve(YEAR).done();
    hub.sync();
    let before = federation.report(YEAR);
    assert_eq!(before.headline("people_trained")["hubs"], 1);

    federation.academy.take().expect("an Academy").stop();
    put_back(&copy, &federation.academy_folder());
    federation.serve_academy();
    hub.sync();
    assert_eq!(but_when_received(federation.report(YEAR)), but_when_received(before), "the hub's release");
    assert_eq!(federation.report("programme/LATER").headline("people_trained")["hubs"], 0, "the Academy's own entry");
    let academy = federation.academy_folder();
    assert!(status(&academy).contains("recovered"), "{}", status(&academy));
    assert!(Client::of(&academy).status().entries_recovered > 0);
}

/// A report, but for when the releases came: what comes anew came later.
fn but_when_received(mut report: Report) -> Value {
    let releases = report.json["releases"].as_array_mut().expect("releases");
    for release in releases {
        release.as_object_mut().and_then(|fields| fields.remove("received")).expect("when it came");
    }
    report.json
}

#[test]
fn of_two_copies_the_superseded_one_is_frozen_and_told() {
    let (federation, hub, _) = set_up();
    let copy = federation.path("copy");
    let folder = hub.stop();
    copy_folder(&folder, &copy);
    let hub = Hub::serve(folder);
    hub.sync();

    // The copy comes later and so supersedes the original, which then comes back by itself and is frozen.
    let later = Served::start_with(Role::Hub, &copy, &["--listen", "127.0.0.1:0"]).expect("a copy that serves");
    sync(&copy).done();
    let client = Client::of(&hub.folder);
    wait_until("the original is frozen", || {
        drop(crate::command::folkmoot(&["sync", "--data", text(&hub.folder), "--wait", "--timeout", "1"]));
        client.status().frozen
    });
    assert!(status(&hub.folder).to_lowercase().contains("frozen"), "{}", status(&hub.folder));
    let academy = status(&federation.academy_folder());
    assert!(academy.to_lowercase().contains("cop") || academy.to_lowercase().contains("clone"), "{academy}");
    assert!(!Client::of(&copy).status().frozen, "the later one goes on");

    // Frozen to reading: what it approves now does not leave.
    drop(hub.approve(YEAR));
    drop(crate::command::folkmoot(&["sync", "--data", text(&hub.folder), "--wait", "--timeout", "1"]));
    assert_eq!(federation.report(YEAR).headline("people_trained")["hubs"], 0);
    assert!(hub.indicators(YEAR)["listenings"] > 0, "it can be read");
    let copied = Hub { folder: copy, node: later };
    copied.approve(YEAR).done();
    copied.sync();
    assert_eq!(federation.report(YEAR).headline("people_trained")["hubs"], 1);
}

/// Asks again until it is so.
#[track_caller]
pub(crate) fn wait_until(what: &str, mut so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !so() {
        assert!(began.elapsed() < DEADLINE, "never: {what}");
    }
}

#[test]
fn a_moved_academy_is_the_same_academy() {
    let (mut federation, hub, _) = set_up();
    federation.academy.take().expect("an Academy").stop();
    let moved = federation.path("moved");
    copy_folder(&federation.academy_folder(), &moved);
    let academy = Served::start(Role::Academy, Path::new(&moved));
    hub.approve(YEAR).done();
    hub.sync();
    academy.stop();
}
