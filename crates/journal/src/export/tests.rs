//! A small federation in memory, its export, and what becomes of the export where somebody has been at it.

use std::collections::BTreeMap;
use std::sync::Arc;

use folkmoot_disclosure::{Account, Observation, Observations, Policy, prepare};
use folkmoot_domain::calendar::{Period, Programmes, parse_date};
use folkmoot_domain::hub::{HubKind, Stage};
use folkmoot_domain::indicator::{CellKey, Class, Indicator};

use super::*;
use crate::author::{Author, Genesis, found};
use crate::directory::{HubRecord, HubState};
use crate::entry::{Body, Entry, PayloadKind, payload_hash};
use crate::id::{FederationId, Hash, Incarnation};
use crate::key::LogKey;
use crate::payload::{Opening, encode_hub_record, encode_opening, encode_release};
use crate::refusal::RefusalReason;
use crate::topic::{LogId, Topic};

const MINUTE: u32 = 29_000_000;

/// What an honest hub releases that held so many actions and nothing else.
fn release(hub: &Author, period: &str, actions: u64) -> Vec<u8> {
    let period: Period = period.parse().unwrap();
    let span = period.span(&Programmes::default()).unwrap();
    let value = |key: CellKey| match key.indicator.class() {
        Class::Open if key == CellKey::headline(Indicator::ActionsHeld) => actions,
        Class::Open | Class::People | Class::PeopleSum { .. } => 0,
    };
    let cell = |key| (key, Observation { value: value(key), ..Observation::default() });
    let cells = CellKey::all().into_iter().map(cell).collect();
    let account = Account::new([Observations::new(period.clone(), span, cells).unwrap()], Vec::new());
    let today = parse_date("2025-01-01").unwrap();
    encode_release(&prepare(&account, &period, hub.key.id().0, &Policy::floor(), today).unwrap().release)
}

/// An author's log as it grows.
struct Writing {
    author: Author,
    topic: Topic,
    entries: Vec<Entry>,
    set_aside: Vec<(u64, RefusalReason)>,
    fork: Option<Vec<Entry>>,
}

impl Writing {
    fn open(author: &Author, topic: Topic) -> Self {
        let mut log = Writing { author: author.clone(), topic, entries: Vec::new(), set_aside: Vec::new(), fork: None };
        log.write(PayloadKind::Opening, encode_opening(&Opening::default()), true);
        log
    }

    fn next(&self, kind: PayloadKind, payload: Vec<u8>, signed: bool) -> Entry {
        let tip = self.entries.last().map(Entry::cursor);
        let salt = [self.entries.len() as u8; 16];
        let mut entry = self.author.write_unsigned(self.topic, tip.as_ref(), kind, payload, salt, MINUTE).unwrap();
        if signed {
            self.author.sign(&mut entry);
        }
        entry
    }

    fn write(&mut self, kind: PayloadKind, payload: Vec<u8>, signed: bool) {
        self.entries.push(self.next(kind, payload, signed));
    }

    fn release(&mut self, period: &str, actions: u64, signed: bool) {
        self.write(PayloadKind::Release, release(&self.author, period, actions), signed);
    }

    fn held(&self) -> HeldLog {
        let log = LogId { topic: self.topic, author: self.author.key.id(), incarnation: self.author.incarnation };
        HeldLog {
            log,
            seq: self.entries.len() as u64,
            hash: self.entries.last().map_or(Hash::ZERO, |entry| entry.hash),
            forked: self.fork.is_some(),
            set_aside: self.set_aside.clone(),
        }
    }
}

fn author(seed: u8, federation: FederationId) -> Author {
    Author { key: Arc::new(LogKey::from_seed(&[seed; 32])), incarnation: Incarnation(seed.into()), federation }
}

fn record(hub: &Author, kind: HubKind, version: u32) -> HubRecord {
    HubRecord {
        hub: hub.key.id(),
        version,
        name: format!("Hub {}", hub.incarnation.0).parse().unwrap(),
        log_key: hub.key.public(),
        tls_key: vec![1],
        address: None,
        kind,
        region: "South West".to_owned(),
        stage: Stage::Active,
        state: HubState::Enrolled,
        last_accepted: Vec::new(),
    }
}

/// The Academy, hub 2 with three releases of which two were approved at once, hub 3 with one, and the national hub 4.
struct World {
    academy: Author,
    directory: Writing,
    hubs: Vec<Writing>,
}

fn world() -> World {
    let key = LogKey::from_seed(&[1; 32]);
    let name = "Academy".parse().unwrap();
    let genesis = Genesis { name, log_key: key.public(), ca_certificate: vec![1; 9], tls_key: vec![2] };
    let (entry, federation) = found(&key, Incarnation(1), &genesis, [4; 16], MINUTE);
    let academy = author(1, federation);
    let mut directory = Writing {
        author: academy.clone(),
        topic: Topic::Directory,
        entries: vec![entry],
        set_aside: Vec::new(),
        fork: None,
    };
    let mut hubs = Vec::new();
    for (seed, kind) in [(2, HubKind::SocialActionHub), (3, HubKind::SocialActionHub), (4, HubKind::National)] {
        let hub = author(seed, federation);
        directory.write(PayloadKind::HubRecord, encode_hub_record(&record(&hub, kind, 1)), true);
        hubs.push(Writing::open(&hub, Topic::Releases(hub.key.id())));
    }
    hubs[0].release("2018-Q3", 20, true);
    hubs[0].release("2018-Q4", 21, false);
    hubs[0].release("2019-Q1", 22, true);
    hubs[1].release("2018-Q3", 30, true);
    hubs[2].release("2018-Q3", 40, true);
    World { academy, directory, hubs }
}

/// An export as it lies in a folder.
#[derive(Clone)]
struct Export {
    manifest: Vec<u8>,
    files: BTreeMap<String, Vec<u8>>,
}

fn bytes(entries: &[Entry]) -> Vec<u8> {
    entries.iter().flat_map(encode_entry).collect()
}

impl World {
    fn manifest(&self) -> Manifest {
        let mut logs: Vec<HeldLog> = self.hubs.iter().map(Writing::held).collect();
        logs.sort_by_key(|held| held.log);
        logs.insert(0, self.directory.held());
        let (federation, academy) = (self.academy.federation, self.academy.key.id());
        Manifest { federation, academy, minute: MINUTE + 9, logs }
    }

    fn export(&self) -> Export {
        let mut files = BTreeMap::new();
        for log in self.hubs.iter().chain([&self.directory]) {
            files.insert(log.held().entries_file(), bytes(&log.entries));
            if let (Some(file), Some(fork)) = (log.held().fork_file(), &log.fork) {
                files.insert(file, bytes(fork));
            }
        }
        Export { manifest: self.manifest().sign(&self.academy).into_bytes(), files }
    }

    /// The export with the entries of one hub's file changed behind the Academy's back.
    fn tampered(&self, hub: usize, change: impl FnOnce(&mut Vec<Entry>)) -> Result<Examined, Misfit> {
        let mut export = self.export();
        let mut entries = self.hubs[hub].entries.clone();
        change(&mut entries);
        export.files.insert(self.hubs[hub].held().entries_file(), bytes(&entries));
        export.examine()
    }
}

impl Export {
    fn examine(&self) -> Result<Examined, Misfit> {
        let mut examination = Examination::begin(&self.manifest, None)?;
        while let Some(file) = examination.wants() {
            let bytes = self.files.get(file).cloned();
            examination.take(bytes.as_deref())?;
        }
        examination.end()
    }
}

/// Expects a misfit at the entry of this number in a hub's log.
#[track_caller]
fn check(what: &str, world: &World, hub: usize, found: Result<Examined, Misfit>, seq: u64, words: &str) {
    let misfit = found.expect_err(what);
    let held = world.hubs[hub].held();
    assert_eq!(misfit.file, held.entries_file(), "{what}: {misfit:?}");
    assert_eq!(misfit.place.as_deref(), Some(&Place { log: held.log, seq }), "{what}: {misfit:?}");
    assert!(misfit.problem.words().contains(words), "{what}: {}", misfit.problem.words());
}

/// Gives an entry other bytes to say, and a header that fits them.
fn say(entry: &mut Entry, payload: Vec<u8>) {
    let salt = [9; 16];
    let mut header = entry.header;
    (header.payload_hash, header.payload_size) = (payload_hash(&salt, &payload), payload.len() as u32);
    *entry = Entry::new(header, entry.signature, Some(Body { salt, payload }));
}

fn actions(examined: &Examined) -> Vec<(u64, String, u64)> {
    let actions = |release: &StandingRelease| {
        let key = CellKey::headline(Indicator::ActionsHeld);
        release.cells.iter().find(|(cell, _)| *cell == key).map(|(_, figure)| figure.bounds().0).unwrap()
    };
    let all = examined.standing.iter();
    all.map(|release| (release.place.log.incarnation.0, release.period.to_string(), actions(release))).collect()
}

#[test]
fn an_honest_export_fits() {
    let world = world();
    let examined = world.export().examine().unwrap();
    let mut found = actions(&examined);
    found.sort();
    let quarter = |hub, period: &str, actions| (hub, period.to_owned(), actions);
    let expected = [
        quarter(2, "2018-Q3", 20),
        quarter(2, "2018-Q4", 21),
        quarter(2, "2019-Q1", 22),
        quarter(3, "2018-Q3", 30),
        quarter(4, "2018-Q3", 40),
    ];
    assert_eq!(found, expected);
    assert_eq!((examined.entries, examined.noted.len()), (4 + 4 + 2 + 2, 0));
    assert_eq!(examined.genesis.name.as_str(), "Academy");
    let national: Vec<_> = examined.standing.iter().filter(|release| release.kind == HubKind::National).collect();
    assert_eq!(national.len(), 1);
}

#[test]
fn a_changed_cell_is_found() {
    let world = world();
    let other = || release(&world.hubs[0].author, "2018-Q4", 5);
    let changed = world.tampered(0, |entries| entries[2].body.as_mut().unwrap().payload = other());
    check("a payload", &world, 0, changed, 3, "what the entry says was changed");
    let changed = world.tampered(0, |entries| say(&mut entries[2], other()));
    check("a payload and its header inside a batch", &world, 0, changed, 3, "header was changed");
    let changed = world.tampered(0, |entries| say(&mut entries[3], other()));
    check("a payload and its header under a signature", &world, 0, changed, 4, "the signature does not hold");
    let taken_out = world.tampered(0, |entries| entries[2].body = None);
    check("no payload", &world, 0, taken_out, 3, "was taken out");
}

#[test]
fn a_dropped_release_is_found() {
    let world = world();
    let dropped = world.tampered(0, |entries| drop(entries.remove(1)));
    check("the first", &world, 0, dropped, 2, "was dropped: entry 3 stands in its place");
    let dropped = world.tampered(0, |entries| drop(entries.remove(2)));
    check("one in the middle", &world, 0, dropped, 3, "was dropped: entry 4 stands in its place");
    let dropped = world.tampered(0, |entries| entries.truncate(3));
    check("the last", &world, 0, dropped, 4, "was dropped: the log ends before it");
    let dropped = world.tampered(0, |entries| entries.truncate(1));
    check("all", &world, 0, dropped, 2, "was dropped: the log ends before it");

    let mut export = world.export();
    let file = world.hubs[1].held().entries_file();
    export.files.remove(&file);
    assert_eq!(export.examine(), Err(Misfit::of_file(&file, Problem::FileMissing)));
    // Nor can a whole log be dropped with its line.
    let text = String::from_utf8(world.export().manifest).unwrap();
    let name = world.hubs[1].held().name();
    let without: String = text.lines().filter(|line| !line.contains(&name)).flat_map(|line| [line, "\n"]).collect();
    export.manifest = without.into_bytes();
    assert_eq!(export.examine(), Err(Misfit::of_file(MANIFEST, Problem::ManifestSignature)));
}

#[test]
fn reordered_and_added_releases_are_found() {
    let world = world();
    let reordered = world.tampered(0, |entries| entries.swap(1, 2));
    check("two swapped", &world, 0, reordered, 3, "out of order: it stands where entry 2 should");
    let reordered = world.tampered(0, |entries| entries.insert(2, entries[1].clone()));
    check("one twice", &world, 0, reordered, 2, "out of order: it stands where entry 3 should");
    let added = world.tampered(1, |entries| {
        let payload = release(&world.hubs[1].author, "2018-Q4", 1);
        entries.push(world.hubs[1].next(PayloadKind::Release, payload, true));
    });
    check("one added", &world, 1, added, 3, "the Academy has signed that it holds entries up to 2");
    let other_log = world.tampered(1, |entries| *entries = world.hubs[2].entries.clone());
    check("another log", &world, 1, other_log, 1, "belongs to another log");
}

#[test]
fn another_history_of_the_same_hub_is_found() {
    let world = world();
    // Even the hub itself cannot put another release in the place of one that the Academy holds.
    let rewritten = world.tampered(1, |entries| {
        let mut again = Writing::open(&world.hubs[1].author, world.hubs[1].topic);
        again.entries = entries[..1].to_vec();
        again.release("2018-Q3", 31, true);
        *entries = again.entries;
    });
    check("rewritten", &world, 1, rewritten, 2, "is another than the one that the Academy has signed for");
}

#[test]
fn a_forged_key_is_found() {
    let world = world();
    let forger = Author { incarnation: Incarnation(3), ..author(9, world.academy.federation) };
    let signed_anew = world.tampered(1, |entries| {
        for entry in entries {
            let header = entry.header.encode();
            entry.signature = Some(forger.key.sign(crate::key::Context::Entry, &header));
        }
    });
    check("releases signed with another key", &world, 1, signed_anew, 1, "another key than the directory lists");

    let directory = world.directory.held();
    let forged =
        HubRecord { log_key: forger.key.public(), ..record(&world.hubs[1].author, HubKind::SocialActionHub, 1) };
    let mut export = world.export();
    let mut entries = world.directory.entries.clone();
    entries[2].body.as_mut().unwrap().payload = encode_hub_record(&forged);
    export.files.insert(directory.entries_file(), bytes(&entries));
    let misfit = export.examine().unwrap_err();
    let place = Box::new(Place { log: directory.log, seq: 3 });
    assert_eq!((misfit.place, misfit.problem), (Some(place), Problem::Payload));
    say(&mut entries[2], encode_hub_record(&forged));
    export.files.insert(directory.entries_file(), bytes(&entries));
    let misfit = export.examine().unwrap_err();
    let place = Box::new(Place { log: directory.log, seq: 3 });
    assert_eq!((misfit.place, misfit.problem), (Some(place), Problem::Signature));
}

#[test]
fn an_academy_cannot_list_a_key_that_is_not_the_hubs() {
    let mut world = world();
    let forged = HubRecord {
        log_key: LogKey::from_seed(&[9; 32]).public(),
        ..record(&world.hubs[1].author, HubKind::SocialActionHub, 2)
    };
    world.directory.write(PayloadKind::HubRecord, encode_hub_record(&forged), true);
    let misfit = world.export().examine().unwrap_err();
    assert_eq!(misfit.place.as_deref(), Some(&Place { log: world.directory.held().log, seq: 5 }));
    assert!(matches!(misfit.problem, Problem::Faulty(_)), "{misfit:?}");
}

#[test]
fn another_federation_is_found() {
    let world = world();
    let Export { manifest, files } = world.export();
    let other = Examination::begin(&manifest, Some(FederationId([7; 32])));
    assert_eq!(other.err(), Some(Misfit::of_file(MANIFEST, Problem::OtherFederationAsked)));
    assert!(Examination::begin(&manifest, Some(world.academy.federation)).is_ok());
    // Whoever names another federation in the manifest has no genesis entry for it.
    let renamed = Manifest { federation: FederationId([7; 32]), ..world.manifest() }.sign(&world.academy);
    let misfit = Export { manifest: renamed.into_bytes(), files: files.clone() }.examine().unwrap_err();
    assert!(matches!(misfit.problem, Problem::Genesis(_)), "{misfit:?}");
    // Nor does another's signature count.
    let forger = Author { incarnation: Incarnation(1), ..author(9, world.academy.federation) };
    let signed = world.manifest().sign(&forger);
    let misfit = Export { manifest: signed.into_bytes(), files }.examine().unwrap_err();
    assert_eq!(misfit, Misfit::of_file(MANIFEST, Problem::ManifestSignature));
}

#[test]
fn a_second_release_of_one_period_is_found() {
    let mut world = world();
    world.hubs[0].release("2018-Q3", 25, true);
    let found = world.export().examine();
    check("counted", &world, 0, found, 5, "a second release of 2018-Q3, revision 0: entry 2");
    world.hubs[0].set_aside.push((5, RefusalReason::SecondRelease));
    let examined = world.export().examine().unwrap();
    let place = Place { log: world.hubs[0].held().log, seq: 5 };
    assert_eq!(examined.noted, [Noted { place, reason: RefusalReason::SecondRelease, shown: true }]);
    assert!(actions(&examined).contains(&(2, "2018-Q3".to_owned(), 20)));
    // The very same bytes again change nothing.
    let payload = world.hubs[0].entries[1].body.clone().unwrap().payload;
    world.hubs[0].write(PayloadKind::Release, payload, true);
    assert_eq!(actions(&world.export().examine().unwrap()), actions(&examined));
}

#[test]
fn the_academy_cannot_leave_a_good_release_out_or_count_a_bad_one() {
    for reason in [RefusalReason::ReleaseForm, RefusalReason::SecondRelease, RefusalReason::AfterRevocation] {
        let mut world = world();
        world.hubs[0].set_aside.push((3, reason));
        check("left out", &world, 0, world.export().examine(), 3, "and it is in order");
    }
    let mut calendar = world();
    calendar.hubs[0].set_aside.push((3, RefusalReason::ReleaseCalendar));
    assert!(!calendar.export().examine().unwrap().noted[0].shown, "on the Academy's word alone");

    let mut world = world();
    let elsewhere = release(&world.hubs[0].author, "2018-Q4", 1);
    world.hubs[1].write(PayloadKind::Release, elsewhere, true);
    check("another hub's", &world, 1, world.export().examine(), 3, "names another hub");
    world.hubs[1].set_aside.push((3, RefusalReason::ReleaseForm));
    assert!(world.export().examine().unwrap().noted[0].shown);
}

#[test]
fn what_a_revoked_hub_wrote_later_does_not_count() {
    let mut world = world();
    let hub = &world.hubs[1];
    let last = hub.entries[1].cursor();
    let revoked = HubRecord {
        state: HubState::Revoked,
        last_accepted: vec![(hub.topic, last)],
        ..record(&hub.author, HubKind::SocialActionHub, 2)
    };
    world.directory.write(PayloadKind::HubRecord, encode_hub_record(&revoked), true);
    assert_eq!(world.export().examine().unwrap().standing.len(), 5);
    world.hubs[1].release("2018-Q4", 1, true);
    check("late", &world, 1, world.export().examine(), 3, "revoked before it");
    world.hubs[1].set_aside.push((3, RefusalReason::AfterRevocation));
    assert_eq!(world.export().examine().unwrap().standing.len(), 5);
}

/// Hub 2 ran twice after its second release: the third was never signed by itself.
fn forked() -> World {
    let mut world = world();
    let log = &mut world.hubs[0];
    let fourth = log.entries.pop().unwrap();
    let other = log.next(PayloadKind::Release, release(&log.author, "2019-Q1", 99), true);
    let mut fork = vec![fourth, other];
    fork.sort_by_key(|entry| entry.hash);
    log.fork = Some(fork);
    world
}

#[test]
fn a_fork_is_proved_and_counts_up_to_it() {
    let world = forked();
    let examined = world.export().examine().unwrap();
    assert_eq!(actions(&examined).iter().filter(|(hub, _, _)| *hub == 2).count(), 2);
    let with = |change: fn(&mut Vec<Entry>)| {
        let mut world = forked();
        change(world.hubs[0].fork.as_mut().unwrap());
        world.export().examine().unwrap_err()
    };
    let one = with(|fork| fork.truncate(1));
    assert_eq!((one.problem, one.place.map(|place| place.seq)), (Problem::ForkUnproved, Some(4)));
    assert_eq!(with(|fork| fork[0].signature = None).problem, Problem::Unsigned);
    assert!(matches!(with(|fork| fork.swap(0, 1)).problem, Problem::Reordered { .. }));
    let changed = world.tampered(0, |entries| say(&mut entries[2], release(&world.hubs[0].author, "2018-Q4", 1)));
    check("before the fork", &world, 0, changed, 3, "is another than the one that the Academy has signed for");
}

#[test]
fn no_byte_can_be_changed() {
    for world in [world(), forked()] {
        let export = world.export();
        let total = export.manifest.len() + export.files.values().map(Vec::len).sum::<usize>();
        let step = total / 5_000 + 1;
        for at in (0..export.manifest.len()).step_by(step.min(3)) {
            let mut changed = export.clone();
            changed.manifest[at] ^= 1 << (at % 8);
            assert!(changed.examine().is_err(), "byte {at} of the manifest");
        }
        for (file, bytes) in &export.files {
            for at in (0..bytes.len()).step_by(step) {
                let mut changed = export.clone();
                changed.files.get_mut(file).unwrap()[at] ^= 1 << (at % 8);
                assert!(changed.examine().is_err(), "byte {at} of {file}");
            }
        }
    }
}

#[test]
fn a_manifest_goes_to_text_and_back() {
    let mut world = forked();
    world.hubs[1].set_aside.push((2, RefusalReason::ReleaseForm));
    let manifest = world.manifest();
    let text = manifest.sign(&world.academy);
    let (read, signature) = Manifest::read(text.as_bytes()).unwrap();
    assert_eq!(read, manifest);
    assert_eq!(read.verify(&signature, &world.academy.key.public()), Ok(()));
    assert!(text.contains("\naside 2 RELEASE_FORM\n") && text.contains(" forked\n"), "{text}");
    assert_eq!(manifest.files().len(), 5);
    for (from, to) in [
        ("export 1", "export 2"),
        ("minute ", "minute 0"),
        ("aside 2", "aside 3"),
        ("RELEASE_FORM", "release_form"),
        ("\nsignature ", "\n\nsignature "),
        (" forked", " torn"),
        ("log directory", "log curriculum"),
        ("log directory", "log ../directory"),
    ] {
        let wrong = text.replacen(from, to, 1);
        assert_ne!(wrong, text);
        let misfit = Manifest::read(wrong.as_bytes()).unwrap_err();
        assert!(matches!(misfit.problem, Problem::Manifest(_)), "{from} to {to}: {misfit:?}");
    }
    assert!(Manifest::read(&[0xff]).is_err());
    assert!(Manifest::read(text.trim_end().as_bytes()).is_err());
}
