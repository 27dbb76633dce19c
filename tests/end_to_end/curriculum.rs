//! The curriculum over real processes: published once, held and read everywhere, offline too.

use std::fs;
use std::path::Path;

use crate::client::Client;
use crate::command::{Outcome, folkmoot, text};
use crate::federation::{Federation, Hub};
use crate::restore::wait_until;

/// What an edition's text may have.
const LARGEST: usize = 64 * 1024;

fn publish(federation: &Federation, words: &str, flags: &[&str]) -> Outcome {
    let file = federation.path("text.md");
    fs::write(&file, words).expect("a file");
    federation.academy(&["publish", text(&file)], flags)
}

fn list(folder: &Path, flags: &[&str]) -> String {
    let mut arguments = vec!["curriculum", "list", "--data", text(folder)];
    arguments.extend(flags);
    folkmoot(&arguments).done()
}

#[test]
fn editions_reach_every_hub_and_are_read_without_the_academy() {
    let mut federation = Federation::found();
    let hubs: [Hub; 2] = [federation.hub("H1", "Warminster"), federation.hub("H2", "Luton")];
    let listening = ["--title", "First listening", "--kind", "session", "--hours", "1.5"];
    publish(&federation, "Listen first. 🚌", &listening).done();
    publish(&federation, "Listen first. 🚌", &listening).done();
    publish(&federation, "Listen twice.", &listening).done();
    publish(&federation, "Old.", &["--title", "Old ways", "--kind", "unit", "--hours", "10"]).done();
    federation.academy(&["retire", "old-ways"], &[]).done();
    let largest = "x".repeat(LARGEST);
    publish(&federation, &largest, &["--title", "Large", "--kind", "course", "--hours", "300"]).done();
    publish(&federation, &format!("{largest}x"), &["--title", "Larger", "--kind", "course", "--hours", "3"])
        .fails(1, &["65,536"]);
    federation.academy(&["retire", "never-published"], &[]).fails(1, &["never-published"]);

    let expected = Client::of(&federation.academy_folder()).editions(true);
    let names: Vec<&str> = expected.iter().map(|edition| edition.name.as_str()).collect();
    let all = ["editions/first-listening.1", "editions/first-listening.2", "editions/large.1", "editions/old-ways.1"];
    assert_eq!(names, all, "what equals the latest edition is not published again");
    for hub in &hubs {
        hub.sync();
    }
    federation.academy.take().expect("an Academy").stop();
    // Nor does a restart need it.
    for hub in hubs.map(Hub::stop).map(Hub::serve) {
        let client = Client::of(&hub.folder);
        assert_eq!(client.editions(true), expected);
        let latest: Vec<String> = client.editions(false).into_iter().map(|edition| edition.name).collect();
        assert_eq!(latest, ["editions/first-listening.2", "editions/large.1"]);
        let read = |name: &str| client.edition(name).expect("an edition");
        assert_eq!(read("first-listening").text, "Listen twice.");
        assert_eq!(read("first-listening.1").text, "Listen first. 🚌");
        assert_eq!((read("first-listening.1").minutes, read("large.1").minutes), (90, 18_000));
        assert_eq!(read("large").text, largest);
        assert!(read("old-ways.1").retired && !read("large").retired, "retired, and still there to be read");
        assert_eq!(client.edition("old-ways.2").expect_err("not there").code(), tonic::Code::NotFound);

        let listed = list(&hub.folder, &[]);
        assert!(listed.contains("First listening") && !listed.contains("Old ways"), "{listed}");
        assert!(list(&hub.folder, &["--all"]).contains("Old ways"));
        let show = |item: &str| folkmoot(&["curriculum", "show", item, "--data", text(&hub.folder)]);
        assert!(show("first-listening").done().contains("Listen twice."));
        assert!(show("first-listening.1").done().contains("Listen first. 🚌"));
        show("never-published").fails(1, &["never-published"]);
    }
}

#[test]
fn an_edition_arrives_by_itself_and_a_later_hub_has_it_too() {
    let federation = Federation::found();
    let hub = federation.hub("H1", "Warminster");
    hub.sync();
    publish(&federation, "Words.", &["--title", "Words", "--kind", "unit", "--hours", "1:40", "--item", "w"]).done();
    let client = Client::of(&hub.folder);
    wait_until("the edition has come", || client.edition("w").is_ok_and(|edition| edition.minutes == 100));
    let later = federation.hub("H2", "Luton");
    later.sync();
    assert_eq!(Client::of(&later.folder).edition("w.1").expect("an edition").text, "Words.");
    let elsewhere = folkmoot(&[
        "academy",
        "publish",
        text(&federation.path("text.md")),
        "--title",
        "Mine",
        "--kind",
        "unit",
        "--hours",
        "1",
        "--data",
        text(&hub.folder),
    ]);
    elsewhere.fails(1, &["Academy"]);
}
