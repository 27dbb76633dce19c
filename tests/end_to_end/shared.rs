//! Campaigns over real processes: members merge what they write apart, and nobody else learns of them.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use folkmoot_journal::{FederationId, unpack};
use folkmoot_proto::hub::v1::Campaign;
use folkmoot_tests::day::Day;
use rusqlite::{Connection, OpenFlags};

use crate::client::{Client, agreed};
use crate::federation::{Federation, Hub, copy_folder, every_file, id_of, put_back, trace};
use crate::http2;
use crate::planted::frames;
use crate::restore::wait_until;
use crate::served::{Role, Served, log_of};
use crate::tap::{Parties, Tap};
use crate::tokens::Tokens;

/// What of a campaign must be nowhere but at its members, and at the Academy where it relays.
struct Secrets {
    /// As digits.
    id: String,
    tokens: Tokens,
}

impl Secrets {
    /// What of the campaign the bytes tell.
    fn found_in(&self, bytes: &[u8]) -> Vec<String> {
        let mut found = self.tokens.found_in(bytes);
        let raw: Vec<u8> = (0..self.id.len()).step_by(2).map(|at| byte(&self.id[at..at + 2])).collect();
        let holds = |needle: &[u8]| bytes.windows(needle.len()).any(|window| window == needle);
        // Twelve digits are what lists and logs might show of it.
        if holds(&raw) || holds(&self.id.as_bytes()[..12]) {
            found.push("the id".to_owned());
        }
        found
    }

    #[track_caller]
    fn are_not_in(&self, folder: &Path) {
        every_file(folder, &mut |path, bytes| {
            assert_eq!(self.found_in(bytes), [""; 0], "in {}", path.display());
        });
    }

    fn are_in(&self, folder: &Path) -> bool {
        let mut found = false;
        every_file(folder, &mut |_, bytes| found |= !self.found_in(bytes).is_empty());
        found
    }

    #[track_caller]
    fn were_not_logged(&self, folder: &Path) {
        let log = fs::read(log_of(folder)).expect("a log");
        assert!(!log.is_empty(), "{} said nothing", folder.display());
        assert_eq!(self.tokens.found_in(&log), [""; 0], "in the log of {}", folder.display());
    }
}

fn byte(digits: &str) -> u8 {
    u8::from_str_radix(digits, 16).expect("two digits")
}

/// Stops a hub, has it trace, and starts it anew.
fn traced(hub: Hub) -> Hub {
    let folder = hub.stop();
    trace(&folder);
    Hub::serve(folder)
}

/// Has a hub reach the Academy through a tap.
fn tapped(federation: &Federation, hub: Hub) -> (Hub, Tap) {
    let tap = Tap::start();
    let folder = hub.stop();
    let listens = federation.academy.as_ref().expect("an Academy").listens();
    let path = folder.join("folkmoot.toml");
    let settings = fs::read_to_string(&path).expect("settings");
    assert!(settings.contains(&listens), "the Academy's address: {settings}");
    fs::write(path, settings.replace(&listens, &tap.address)).expect("settings");
    tap.between(Parties { academy: federation.academy_folder(), hub: folder.clone(), listens });
    (Hub::serve(folder), tap)
}

#[test]
fn two_hubs_merge_by_way_of_the_academy_and_a_third_learns_nothing() {
    let mut federation = Federation::unserved(&[]);
    trace(&federation.academy_folder());
    federation.serve_academy();
    let one = traced(federation.hub_without_address("H1", "Warminster"));
    let other = traced(federation.hub_without_address("H2", "Luton"));
    let (third, tap) = tapped(&federation, traced(federation.hub("H3", "Hastings")));

    let mut tokens = Tokens::new(11);
    let title = format!("Warm homes {}", tokens.plant());
    let campaign = one.begin(&title, &["Luton"], &[]);
    one.sync();
    other.reads(&campaign, "the campaign has arrived", |campaign| campaign.title == title);
    for hub in [&one, &other, &third] {
        hub.sync();
    }

    // Apart: the Academy is gone, and the two cannot reach each other.
    federation.academy.take().expect("an Academy").stop();
    let words: Vec<String> = (0..4).map(|_| tokens.plant()).collect();
    one.edit(&campaign, &["--notes-append", &format!("Met the council 🚌 {}", words[0])]);
    one.edit(&campaign, &["--sign-up", &format!("Library {}", words[1])]);
    one.edit(&campaign, &["--aim", &format!("No damp home {}", words[2])]);
    other.edit(&campaign, &["--notes-append", &format!("Printed leaflets {}", words[3])]);
    other.edit(&campaign, &["--sign-up", &format!("Library {}", words[1])]);
    let apart = Client::of(&other.folder).campaign(&campaign).expect("a campaign");
    assert!(!apart.notes.contains(&words[0]) && apart.notes.contains(&words[3]), "{apart:?}");

    federation.serve_academy();
    federation.add_programme("COEP", Day::new(2017, 4, 1), Day::new(2020, 3, 31));
    let merged = |campaign: &Campaign| {
        campaign.notes.contains(&words[0]) && campaign.notes.contains(&words[3]) && campaign.aim.contains(&words[2])
    };
    for hub in [&one, &other] {
        hub.sync();
    }
    let here = one.reads(&campaign, "the merge", merged);
    let there = other.reads(&campaign, "the merge", merged);
    assert_eq!(agreed(&here), agreed(&there), "both members read the same");
    assert_eq!(here.organisations.len(), 1, "an organisation that both signed up is there once: {here:?}");
    let members: BTreeSet<&str> = here.members.iter().map(|member| member.hub.as_str()).collect();
    assert_eq!(members, BTreeSet::from(["Luton", "Warminster"]));
    assert_eq!((here.waiting_entries, here.set_aside_entries), (0, 0));
    third.sync();

    // The third: in no answer, on no disk, on no wire.
    let id = id_of(&campaign).to_owned();
    assert_eq!(Client::of(&third.folder).campaigns(), []);
    assert_eq!(Client::of(&third.folder).campaign(&campaign).expect_err("not there").code(), tonic::Code::NotFound);
    third.campaign(&["show", &id], &[]).fails(1, &["campaign"]);
    let federation_id: FederationId =
        Client::of(&third.folder).status().federation_id.parse().expect("a federation id");
    let folders = [one, other, third].map(Hub::stop);
    federation.academy.take().expect("an Academy").stop();
    let secrets = Secrets { id, tokens };
    let [one, other, third] = &folders;
    assert!(secrets.are_in(one) && secrets.are_in(other), "the search itself works");
    assert!(secrets.are_in(&federation.academy_folder()), "the Academy relays");
    secrets.are_not_in(third);
    check_wire(&tap, federation_id, &secrets);
    for folder in [one, other, third, &federation.academy_folder()] {
        secrets.were_not_logged(folder);
    }
    let log = fs::read(log_of(third)).expect("a log");
    assert_eq!(secrets.found_in(&log), [""; 0], "in the third hub's log");
}

#[track_caller]
fn check_wire(tap: &Tap, federation: FederationId, secrets: &Secrets) {
    let mut crossed = 0;
    for said in tap.heard() {
        for bytes in [&said.from_hub, &said.from_academy] {
            assert_eq!(secrets.found_in(bytes), [""; 0], "on the wire");
            assert_eq!(secrets.tokens.found_compressed_in(bytes), 0, "in a header on the wire");
            let messages = http2::messages(bytes);
            for frame in frames(&messages) {
                for entry in unpack(&frame, federation).expect("a frame that unpacks").entries {
                    let payload = entry.body.expect("a payload").payload;
                    assert_eq!(secrets.found_in(&payload), [""; 0], "in a payload");
                    crossed += 1;
                }
            }
        }
    }
    assert!(crossed > 0, "the tap heard the directory at least");
}

#[test]
fn the_academy_relays_is_gone_and_comes_back() {
    let mut federation = Federation::found();
    // One that can be dialled is enough.
    let one = federation.hub("H1", "Warminster");
    let other = federation.hub_without_address("H2", "Luton").stop();
    let campaign = one.begin("Buses", &["Luton"], &[]);
    one.edit(&campaign, &["--notes-append", "By the relay."]);
    one.sync();
    // Never at one time with the other: only the Academy can have passed it on.
    let one = one.stop();
    let other = Hub::serve(other);
    other.reads(&campaign, "the campaign has arrived", |campaign| campaign.notes.contains("By the relay."));

    federation.academy.take().expect("an Academy").stop();
    let one = Hub::serve(one);
    one.edit(&campaign, &["--notes-append", "From Warminster."]);
    other.reads(&campaign, "an edit comes directly", |campaign| campaign.notes.contains("From Warminster."));
    other.edit(&campaign, &["--notes-append", "From Luton."]);
    one.reads(&campaign, "and one goes back", |campaign| campaign.notes.contains("From Luton."));

    // Also where both start anew without the Academy.
    let (one, other) = (Hub::serve(one.stop()), Hub::serve(other.stop()));
    other.edit(&campaign, &["--sign-up", "Library"]);
    one.reads(&campaign, "after a restart", |campaign| campaign.organisations.len() == 1);

    let one = one.stop();
    federation.serve_academy();
    other.edit(&campaign, &["--notes-append", "By the relay again."]);
    other.sync();
    other.stop();
    let one = Hub::serve(one);
    let read = one.reads(&campaign, "what came meanwhile", |campaign| campaign.notes.contains("By the relay again."));
    for words in ["By the relay.", "From Warminster.", "From Luton."] {
        assert!(read.notes.contains(words), "{}", read.notes);
    }
}

/// Every row of a node's database, but when the node last met whom.
fn rows(folder: &Path) -> Vec<String> {
    let database =
        Connection::open_with_flags(folder.join("node.db"), OpenFlags::SQLITE_OPEN_READ_ONLY).expect("SQLite");
    let mut tables = database.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'").expect("tables");
    let names = tables.query_map([], |row| row.get(0)).expect("tables").collect::<Result<Vec<String>, _>>();
    let mut all = Vec::new();
    for table in names.expect("their names") {
        let mut statement = database.prepare(&format!("SELECT * FROM {table}")).expect("a table");
        let columns: Vec<String> = statement.column_names().map(str::to_owned).collect();
        let mut rows = statement.query([]).expect("rows");
        while let Some(row) = rows.next().expect("a row") {
            let kept = (0..columns.len()).filter(|column| columns[*column] != "last_success");
            let values: Vec<_> = kept.map(|column| row.get_ref(column).expect("a value")).collect();
            all.push(format!("{table}: {values:?}"));
        }
    }
    all
}

#[test]
fn who_looks_at_a_campaign_is_stored_nowhere() {
    let federation = Federation::found();
    let hubs =
        [("H1", "Warminster"), ("H2", "Luton")].map(|(folder, name)| federation.hub_without_address(folder, name));
    let [one, other] = &hubs;
    let campaign = one.begin("Buses", &["Luton"], &[]);
    one.edit(&campaign, &["--notes-append", "From Warminster."]);
    other.reads(&campaign, "the campaign has arrived", |campaign| campaign.notes.contains("From Warminster."));
    let folders = [federation.academy_folder(), one.folder.clone(), other.folder.clone()];
    let all_rows = || folders.each_ref().map(|folder| rows(folder));
    hubs.iter().for_each(Hub::sync);
    let (mut before, mut same) = (all_rows(), 0);
    wait_until("all nodes rest", || {
        let now = all_rows();
        same = if now == before { same + 1 } else { 0 };
        before = now;
        same >= 20
    });

    let looks = |hub: &Hub| {
        let client = Client::of(&hub.folder);
        (client.looks_at(&campaign), client)
    };
    let looking = [looks(one), looks(other), looks(other)];
    let present = |campaign: &Campaign| {
        campaign.present.iter().map(|there| (there.hub.clone(), there.people)).collect::<BTreeSet<_>>()
    };
    let all = BTreeSet::from([("Warminster".to_owned(), 1), ("Luton".to_owned(), 2)]);
    for hub in &hubs {
        hub.reads(&campaign, "everybody is told", |campaign| present(campaign) == all);
    }
    assert_eq!(all_rows(), before, "while they look");
    drop(looking);
    for hub in &hubs {
        hub.reads(&campaign, "everybody has gone", |campaign| campaign.present.is_empty());
    }
    assert_eq!(all_rows(), before, "when they have gone");
}

#[test]
fn a_campaign_that_the_academy_does_not_relay_passes_it_by() {
    let mut federation = Federation::found();
    let one = federation.hub("H1", "Warminster");
    let other = federation.hub("H2", "Luton");
    let mut tokens = Tokens::new(12);
    let title = format!("Quiet {}", tokens.plant());
    let campaign = one.begin(&title, &["Luton"], &["--no-relay"]);
    let word = tokens.plant();
    one.edit(&campaign, &["--notes-append", &word]);
    other.reads(&campaign, "it comes directly", |campaign| campaign.notes.contains(&word));
    one.sync();
    other.sync();
    let waiting = Client::of(&one.folder).status().entries_waiting;
    assert_eq!(waiting, 0, "nothing waits for the Academy, which may not have it");
    federation.academy.take().expect("an Academy").stop();
    let secrets = Secrets { id: id_of(&campaign).to_owned(), tokens };
    secrets.are_not_in(&federation.academy_folder());
    let log = fs::read(log_of(&federation.academy_folder())).unwrap_or_default();
    assert_eq!(secrets.found_in(&log), [""; 0], "in the Academy's log");
    assert!(secrets.are_in(&one.stop()), "the search itself works");
}

#[test]
fn a_copy_of_the_campaign_crosses_whole_to_a_member_that_was_away() {
    let mut federation = Federation::found();
    let one = federation.hub_without_address("H1", "Warminster");
    let other = federation.hub_without_address("H2", "Luton");
    let away = other.stop();
    let campaign = one.begin("Parks", &["Luton"], &[]);
    for part in 0..20 {
        one.edit(&campaign, &["--notes-append", &format!("Part {part}. ")]);
    }
    one.sync();
    // The Academy alone has it for the one that was away.
    one.stop();
    federation.academy.take().expect("an Academy").stop();
    federation.serve_academy();
    let other = Hub { node: Served::start(Role::Hub, &away), folder: away };
    let read = other.reads(&campaign, "all of it", |campaign| campaign.notes.contains("Part 19."));
    for part in 0..20 {
        assert!(read.notes.contains(&format!("Part {part}.")), "{}", read.notes);
    }
}

#[test]
fn a_member_put_back_gets_its_own_edits_back_and_edits_on() {
    let federation = Federation::found();
    let one = federation.hub("H1", "Warminster");
    let other = federation.hub("H2", "Luton");
    let campaign = one.begin("Parks", &["Luton"], &[]);
    one.edit(&campaign, &["--notes-append", "First."]);
    one.sync();
    let (folder, copy) = (one.stop(), federation.path("copy"));
    copy_folder(&folder, &copy);
    let one = Hub::serve(folder);
    one.edit(&campaign, &["--notes-append", "Second."]);
    one.edit(&campaign, &["--sign-up", "Library"]);
    other.reads(&campaign, "the edits", |campaign| campaign.organisations.len() == 1);
    let folder = one.stop();
    put_back(&copy, &folder);

    // It edits before anybody has given anything back, as it may without a connection.
    let one = Hub::serve(folder);
    one.edit(&campaign, &["--notes-append", "Third."]);
    let all = |campaign: &Campaign| {
        ["First.", "Second.", "Third."].iter().all(|part| campaign.notes.contains(part))
            && campaign.organisations.len() == 1
    };
    let (here, there) = (one.reads(&campaign, "all of it", all), other.reads(&campaign, "all of it", all));
    assert_eq!(agreed(&here), agreed(&there));
    assert_eq!((here.waiting_entries, here.set_aside_entries), (0, 0));
    assert!(Client::of(&one.folder).status().entries_recovered > 0);
}

#[test]
fn a_revoked_member_is_told_nothing_more_and_the_others_go_on() {
    let federation = Federation::found();
    let [one, other, gone] =
        [("H1", "Warminster"), ("H2", "Luton"), ("H3", "Gone")].map(|(folder, name)| federation.hub(folder, name));
    let campaign = one.begin("Parks", &["Luton", "Gone"], &[]);
    gone.reads(&campaign, "the campaign has arrived", |_| true);
    gone.edit(&campaign, &["--notes-append", "From the third."]);
    for hub in [&one, &other] {
        hub.reads(&campaign, "its edit", |campaign| campaign.notes.contains("From the third."));
    }
    gone.sync();

    federation.academy(&["hub", "revoke"], &["--name", "Gone"]).done();
    for hub in [&one, &other] {
        hub.sync();
    }
    let client = Client::of(&gone.folder);
    wait_until("nobody talks to it", || client.status().peers.iter().all(|peer| !peer.connected));
    one.edit(&campaign, &["--notes-append", "After."]);
    other.reads(&campaign, "the others go on", |campaign| {
        campaign.notes.contains("After.") && campaign.notes.contains("From the third.")
    });
    gone.campaign(&["edit", id_of(&campaign)], &["--notes-append", "Too late."]).fails(1, &["revoked"]);
    one.sync();
    other.sync();
    assert!(!client.campaign(&campaign).expect("what it had").notes.contains("After."));
    for hub in [&one, &other] {
        let read = Client::of(&hub.folder).campaign(&campaign).expect("a campaign");
        assert!(!read.notes.contains("Too late.") && read.set_aside_entries == 0, "{read:?}");
    }
}

#[test]
fn what_cannot_be_a_campaign_is_refused_in_words() {
    let federation = Federation::found();
    let one = federation.hub("H1", "Warminster");
    let _other = federation.hub("H2", "Luton");
    let create = |flags: &[&str]| one.campaign(&["create"], flags);
    create(&["--title", "Buses", "--member", "Nowhere"]).fails(1, &["Nowhere"]);
    create(&["--title", "", "--member", "Luton"]).fails(1, &["title"]);
    create(&["--title", &"x".repeat(201), "--member", "Luton"]).fails(1, &["200"]);
    let campaign = one.begin("Buses", &["Luton"], &[]);
    one.campaign(&["edit", id_of(&campaign)], &["--notes-append", &"x".repeat(20_001)]).fails(1, &["20000"]);
    one.campaign(&["edit", id_of(&campaign)], &["--aim", &"x".repeat(2_001)]).fails(1, &["2000"]);
    one.campaign(&["show", "0000"], &[]).fails(1, &["campaign"]);
    let academy = federation.academy_folder();
    crate::command::folkmoot(&["campaign", "list", "--data", crate::command::text(&academy)]).fails(1, &["hub"]);
}
