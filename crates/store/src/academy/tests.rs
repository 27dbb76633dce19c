mod climbing;
mod policy;
mod statistics;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use folkmoot_disclosure::{CellParts, Figure, Policy, ReleaseParts, Terms};
use folkmoot_domain::calendar::{Period, Programme, Programmes, iso, parse_date};
use folkmoot_domain::hub::{HubKind, HubName, Stage};
use folkmoot_domain::indicator::{CATALOGUE_VERSION, CellKey, Indicator};
use folkmoot_journal::{Author, Cursor, Genesis, Hash, HubState, Incarnation, LogKey, NodeId, RefusalReason, Topic};

use super::*;
use crate::engine::{Ambient, Role};
use crate::error::StoreError;
use crate::journal::{Aside, Retry};

/// 1 April 2026, noon.
const START: i64 = 1_775_044_800_000;
const HOUR: i64 = 60 * 60 * 1_000;

/// An Academy whose clock a test turns.
struct Academy {
    store: Store,
    academy: AcademyStore,
    clock: Arc<AtomicI64>,
}

fn academy() -> Academy {
    let clock = Arc::new(AtomicI64::new(START));
    let (now, counter) = (Arc::clone(&clock), AtomicU64::new(0));
    let ambient = Ambient {
        now: Box::new(move || UnixMillis(now.load(Ordering::Relaxed))),
        fill: Box::new(move |bytes| {
            let count = counter.fetch_add(1, Ordering::Relaxed).to_be_bytes();
            bytes.iter_mut().zip(count.iter().cycle()).for_each(|(byte, count)| *byte = *count);
        }),
    };
    let name: HubName = "National Academy".parse().unwrap();
    let store = Store::in_memory(Role::Academy, &name, ambient).unwrap();
    let key = Arc::new(LogKey::from_seed(&[1; 32]));
    let genesis =
        Genesis { name, log_key: key.public(), ca_certificate: b"certificate".to_vec(), tls_key: b"academy".to_vec() };
    let incarnation = Incarnation(1);
    let federation = store.journal().found(Arc::clone(&key), incarnation, genesis).unwrap();
    store.set_author(Author { key, incarnation, federation });
    let academy = store.academy().unwrap();
    Academy { store, academy, clock }
}

impl Academy {
    fn turn(&self, millis: i64) {
        self.clock.fetch_add(millis, Ordering::Relaxed);
    }

    fn invite(&self, token: u8, name: &str) -> Result<UnixMillis, StoreError> {
        self.academy.invite(token_hash(token), invitation(name), "")
    }

    /// Invites and lets in a hub.
    fn join(&self, number: u8, name: &str, kind: HubKind, stage: Stage) -> NodeId {
        let invitation = Invitation { kind, stage, ..invitation(name) };
        self.academy.invite(token_hash(number), invitation, "").unwrap();
        self.academy.redeem(enrolment(number, name)).unwrap().hub
    }

    /// Takes in a release as the journal does.
    fn receive(&self, parts: &ReleaseParts, incarnation: u64, seq: u64) -> Option<Aside> {
        let parts = parts.clone();
        let payload = format!("{parts:?}").into_bytes();
        let author = NodeId(parts.hub.clone().try_into().unwrap());
        let hash = Hash::of(&[payload.clone(), b"entry".to_vec()].concat());
        let cursor = Cursor { author, incarnation: Incarnation(incarnation), seq, hash };
        let received = self.store.write("test receive", move |tx| receive_release(tx, &cursor, &parts, &payload));
        received.unwrap()
    }

    fn line(&self, period: &str, indicator: Indicator) -> Line {
        let report = self.academy.report(&period.parse().unwrap()).unwrap();
        assert_eq!(report.lines.iter().map(|line| line.key).collect::<Vec<_>>(), CellKey::all());
        *report.lines.iter().find(|line| line.key == CellKey::headline(indicator)).unwrap()
    }
}

fn token_hash(token: u8) -> Hash {
    Hash::of(&[token; 16])
}

fn invitation(name: &str) -> Invitation {
    Invitation {
        name: name.parse().unwrap(),
        kind: HubKind::SocialActionHub,
        region: "South West".to_owned(),
        stage: Stage::Active,
    }
}

fn enrolment(number: u8, name: &str) -> Enrolment {
    Enrolment {
        token_hash: token_hash(number),
        name: name.parse().unwrap(),
        log_key: LogKey::from_seed(&[number; 32]).public(),
        tls_key: vec![number; 4],
        address: None,
    }
}

fn coep() -> Programme {
    let day = |text| parse_date(text).unwrap();
    Programme::new("COEP".parse().unwrap(), "Expansion", day("2017-04-01"), day("2020-03-31")).unwrap()
}

/// A release of these headlines, of categories where they are given, and of nothing else.
fn release_of(hub: NodeId, period: &str, revision: u32, figures: &[(CellKey, Figure)]) -> ReleaseParts {
    let period: Period = period.parse().unwrap();
    let mut programmes = Programmes::default();
    programmes.insert(coep()).unwrap();
    let span = period.span(&programmes).unwrap();
    let mut keys: Vec<CellKey> = CellKey::all();
    keys.extend(figures.iter().map(|(key, _)| *key));
    keys.sort_unstable();
    keys.dedup();
    let cell = |key: &CellKey| {
        let given = figures.iter().find(|(given, _)| given == key).map(|(_, figure)| *figure);
        CellParts {
            indicator: key.indicator.code().to_owned(),
            dimension: key.dimension_code().to_owned(),
            category: key.category_code().to_owned(),
            figure: given.or(Some(if key.category.is_none() { Figure::Exact(0) } else { Figure::Withheld })),
        }
    };
    ReleaseParts {
        hub: hub.0.to_vec(),
        period: period.to_string(),
        first_day: iso(span.first),
        last_day: iso(span.last),
        revision,
        policy_version: Policy::FLOOR_VERSION,
        terms: Some(Terms::FLOOR),
        catalogue_version: CATALOGUE_VERSION,
        cells: keys.iter().map(cell).collect(),
    }
}

fn headline(indicator: Indicator, figure: Figure) -> (CellKey, Figure) {
    (CellKey::headline(indicator), figure)
}

/// A release of a hub that mobilised so many people and raised so much money, and nothing else.
fn release(hub: NodeId, period: &str, mobilised: u64, pence: u64) -> ReleaseParts {
    let mobilised = if mobilised < 8 { Figure::Below(8) } else { Figure::Exact(mobilised) };
    let figures = [
        headline(Indicator::PeopleMobilised, mobilised),
        headline(Indicator::ActionsHeld, Figure::Exact(1)),
        headline(Indicator::FundingLeveragedPence, Figure::Exact(pence)),
    ];
    release_of(hub, period, 0, &figures)
}

#[test]
fn a_code_lets_one_hub_in_within_24_hours() {
    let node = academy();
    assert_eq!(node.invite(7, "Warminster").unwrap(), UnixMillis(START + 24 * HOUR));
    node.turn(24 * HOUR - 1);
    let record = node.academy.redeem(enrolment(7, "Warminster")).unwrap();
    assert_eq!((record.version, record.state, record.region.as_str()), (1, HubState::Enrolled, "South West"));

    let directory = node.store.journal().directory();
    assert_eq!(directory.hubs().get(&record.hub), Some(&record));
    let hubs = node.academy.hubs().unwrap();
    assert_eq!(hubs.len(), 1);
    assert_eq!((hubs[0].state, hubs[0].joined_at), (KnownState::Enrolled, Some(UnixMillis(START + 24 * HOUR - 1))));
}

#[test]
fn redeeming_again_with_the_same_keys_is_harmless() {
    let node = academy();
    node.invite(7, "Warminster").unwrap();
    let first = node.academy.redeem(enrolment(7, "Warminster")).unwrap();
    node.turn(48 * HOUR);
    assert_eq!(node.academy.redeem(enrolment(7, "Warminster")).unwrap(), first);
    let changed = HubChange { stage: Some(Stage::Closed), ..HubChange::default() };
    node.academy.update_hub(WhichHub::Id(first.hub), changed).unwrap();
    assert_eq!(node.academy.redeem(enrolment(7, "Warminster")).unwrap().stage, Stage::Closed);
}

#[test]
fn a_restored_folder_lets_in_again_whom_the_directory_lists() {
    let node = academy();
    node.invite(7, "Warminster").unwrap();
    let first = node.academy.redeem(enrolment(7, "Warminster")).unwrap();
    // What an older copy of the folder lacks: that the code was used.
    let forget = "UPDATE invitation SET hub = NULL, tls_key = NULL, used_at = NULL";
    node.store.write("test forget", move |tx| Ok(tx.execute_batch(forget)?)).unwrap();
    assert_eq!(node.academy.redeem(enrolment(7, "Warminster")).unwrap(), first);
    assert_eq!(node.academy.hubs().unwrap().len(), 1);
}

/// Redeems a code and expects these words.
fn check_refused(node: &Academy, enrolment: Enrolment, words: &str) {
    let refused = node.academy.redeem(enrolment).map(|record| record.name).unwrap_err();
    assert!(refused.to_string().starts_with(words), "{refused}");
}

#[test]
fn every_wrong_code_has_words_of_its_own() {
    let node = academy();
    node.invite(7, "Warminster").unwrap();
    node.invite(8, "Hull").unwrap();
    check_refused(&node, enrolment(9, "Warminster"), "this Academy made no such code");
    check_refused(&node, enrolment(7, "Hull"), "the code was made for a hub of another name");
    node.academy.redeem(enrolment(7, "Warminster")).unwrap();
    let other_keys = Enrolment { token_hash: token_hash(7), ..enrolment(9, "Warminster") };
    check_refused(&node, other_keys, "the code was used already");
    let other_tls_key = Enrolment { tls_key: b"other".to_vec(), ..enrolment(7, "Warminster") };
    check_refused(&node, other_tls_key, "the code was used already");
    let same_log_key = Enrolment { log_key: enrolment(7, "Warminster").log_key, ..enrolment(8, "Hull") };
    check_refused(&node, same_log_key, "a node with these keys is in the directory already");
    let academys_key = Enrolment { tls_key: b"academy".to_vec(), ..enrolment(8, "Hull") };
    check_refused(&node, academys_key, "a node with these keys is in the directory already");
    node.turn(24 * HOUR);
    check_refused(&node, enrolment(8, "Hull"), "the code has expired");
}

#[test]
fn a_later_code_replaces_an_earlier_one() {
    let node = academy();
    node.invite(7, "Warminster").unwrap();
    node.invite(8, "Warminster").unwrap();
    assert_eq!(node.academy.hubs().unwrap().len(), 1);
    check_refused(&node, enrolment(7, "Warminster"), "the code was replaced by a later one");
    node.academy.redeem(enrolment(8, "Warminster")).unwrap();
    let taken = node.invite(9, "Warminster").unwrap_err();
    assert_eq!(
        taken.to_string(),
        "a hub named Warminster has joined already: choose another name, or revoke that hub first"
    );
}

#[test]
fn a_repeated_request_makes_no_second_code() {
    let node = academy();
    node.academy.invite(token_hash(7), invitation("Warminster"), "request").unwrap();
    let repeated = node.academy.invite(token_hash(8), invitation("Warminster"), "request");
    assert!(matches!(repeated, Err(StoreError::RequestRepeated)));
    node.academy.redeem(enrolment(7, "Warminster")).unwrap();
}

#[test]
fn hubs_change_region_and_stage() {
    let node = academy();
    node.invite(7, "Warminster").unwrap();
    let which = || WhichHub::Name("Warminster".parse().unwrap());
    let region = |region: &str| HubChange { region: Some(region.to_owned()), ..HubChange::default() };
    // Before it has joined, and after.
    assert_eq!(node.academy.update_hub(which(), region("Wessex")).unwrap().state, KnownState::Invited);
    assert_eq!(node.academy.redeem(enrolment(7, "Warminster")).unwrap().region, "Wessex");
    let changed = node.academy.update_hub(which(), region("Wiltshire")).unwrap();
    assert_eq!((changed.version, changed.region.as_str()), (2, "Wiltshire"));
    assert_eq!(node.academy.update_hub(which(), region("Wiltshire")).unwrap().version, 2);
    let stale = HubChange { version: Some(1), ..region("Wessex") };
    assert!(matches!(node.academy.update_hub(which(), stale), Err(StoreError::HubChanged)));
    let nobody = WhichHub::Name("Hull".parse().unwrap());
    assert!(matches!(node.academy.update_hub(nobody, region("Wessex")), Err(StoreError::NoSuchHub)));
}

#[test]
fn addresses_are_listed_when_they_change() {
    let node = academy();
    let hub = node.join(7, "Warminster", HubKind::SocialActionHub, Stage::Active);
    let address = || Some("hub.example:7400".to_owned());
    for (address, listed) in [(None, false), (address(), true), (address(), false), (None, true)] {
        assert_eq!(node.academy.list_address(hub, address).unwrap(), listed);
    }
    assert!(!node.academy.list_address(NodeId([9; 32]), address()).unwrap());
}

#[test]
fn a_revoked_hub_stays_revoked_and_its_name_is_free() {
    let node = academy();
    let hub = node.join(7, "Warminster", HubKind::SocialActionHub, Stage::Active);
    let which = || WhichHub::Name("Warminster".parse().unwrap());
    for _ in 0..2 {
        let revoked = node.academy.revoke_hub(which()).unwrap();
        assert_eq!((revoked.state, revoked.version), (KnownState::Revoked, 2));
    }
    check_refused(&node, enrolment(7, "Warminster"), "the Academy has revoked this hub");
    let change = HubChange { stage: Some(Stage::Active), ..HubChange::default() };
    assert!(matches!(node.academy.update_hub(which(), change), Err(StoreError::HubRevoked)));

    node.invite(8, "Warminster").unwrap();
    let again = node.academy.redeem(enrolment(8, "Warminster")).unwrap();
    assert_ne!(again.hub, hub);
    assert_eq!(node.academy.revoke_hub(which()).unwrap().id, Some(again.hub));
}

#[test]
fn revoking_who_has_not_joined_withdraws_the_code() {
    let node = academy();
    node.invite(7, "Warminster").unwrap();
    let which = || WhichHub::Name("Warminster".parse().unwrap());
    assert_eq!(node.academy.revoke_hub(which()).unwrap().state, KnownState::Revoked);
    check_refused(&node, enrolment(7, "Warminster"), "the code was replaced by a later one or taken back");
    assert!(matches!(node.academy.revoke_hub(which()), Err(StoreError::NoSuchHub)));
}

#[test]
fn programmes_never_change() {
    let node = academy();
    let first = node.academy.create_programme(&coep(), "request").unwrap();
    assert_eq!(first.registered_at, Some(UnixMillis(START)));
    node.turn(HOUR);
    assert_eq!(node.academy.create_programme(&coep(), "").unwrap(), first);
    let other = Programme { title: "Other".to_owned(), ..coep() };
    let refused = node.academy.create_programme(&other, "").unwrap_err();
    assert!(refused.to_string().starts_with("programme COEP is registered with other days or another title"));
    // The same request again is answered as at first.
    assert_eq!(node.academy.create_programme(&other, "request").unwrap(), first);
    assert_eq!(node.academy.programmes().unwrap(), [first]);
}

#[test]
fn the_first_release_of_a_period_stands() {
    let node = academy();
    let hub = node.join(7, "Warminster", HubKind::SocialActionHub, Stage::Active);
    let first = release(hub, "2018-Q3", 12, 100);
    assert_eq!(node.receive(&first, 1, 2), None);
    // The same bytes again, from a restored copy's log.
    assert_eq!(node.receive(&first, 2, 2), None);
    let second = node.receive(&release(hub, "2018-Q3", 13, 100), 2, 3).unwrap();
    assert_eq!((second.reason, second.retry), (RefusalReason::SecondRelease, Retry::Never));
    assert_eq!(node.line("2018-Q3", Indicator::PeopleMobilised).value, Some(12));
    assert_eq!(node.receive(&release(hub, "2018-Q4", 13, 100), 2, 4), None);
    assert_eq!(node.line("2018-Q4", Indicator::PeopleMobilised).value, Some(13));
}

#[test]
fn releases_that_cannot_stand_are_set_aside() {
    let node = academy();
    let hub = node.join(7, "Warminster", HubKind::SocialActionHub, Stage::Active);
    node.join(8, "Hull", HubKind::SocialActionHub, Stage::Active);
    let good = release(hub, "2018-Q3", 12, 100);
    let receive = |change: &dyn Fn(&mut ReleaseParts)| {
        let mut parts = good.clone();
        change(&mut parts);
        let cursor = Cursor { author: hub, incarnation: Incarnation(1), seq: 2, hash: Hash::ZERO };
        let aside = node.store.write("test receive", move |tx| receive_release(tx, &cursor, &parts, b"payload"));
        aside.unwrap().map(|aside| (aside.reason, aside.retry))
    };
    let never = |reason| Some((reason, Retry::Never));
    let others = NodeId(LogKey::from_seed(&[8; 32]).id().0);
    assert_eq!(receive(&|parts| parts.hub = others.0.to_vec()), never(RefusalReason::ReleaseForm));
    assert_eq!(receive(&|parts| parts.cells.truncate(3)), never(RefusalReason::ReleaseForm));
    assert_eq!(receive(&|parts| parts.policy_version = 9), never(RefusalReason::ReleasePolicy));
    assert_eq!(receive(&|parts| parts.period = "2018-Q9".to_owned()), never(RefusalReason::ReleaseCalendar));
    let small = |parts: &mut ReleaseParts| {
        let mobilised = parts.cells.iter_mut().find(|cell| cell.indicator == "people_mobilised");
        mobilised.unwrap().figure = Some(Figure::Exact(3));
    };
    assert_eq!(receive(&small), never(RefusalReason::ReleaseForm));
    // The clock stands at April 2026: that quarter still runs.
    let unfinished = |parts: &mut ReleaseParts| {
        parts.period = "2026-Q2".to_owned();
        (parts.first_day, parts.last_day) = ("2026-04-01".to_owned(), "2026-06-30".to_owned());
    };
    assert_eq!(receive(&unfinished), never(RefusalReason::ReleaseCalendar));
    assert_eq!(node.line("2018-Q3", Indicator::PeopleMobilised).hubs, 0);
    assert_eq!(receive(&|_| ()), None);
}

#[test]
fn a_release_of_a_programme_waits_for_the_programme() {
    let node = academy();
    let hub = node.join(7, "Warminster", HubKind::SocialActionHub, Stage::Active);
    let early = release(hub, "programme/COEP", 12, 100);
    let aside = node.receive(&early, 1, 2).unwrap();
    assert_eq!((aside.reason, aside.retry), (RefusalReason::ReleaseCalendar, Retry::Programme));
    let period: Period = "programme/COEP".parse().unwrap();
    assert!(matches!(node.academy.report(&period), Err(StoreError::UnknownProgramme { code }) if code == "COEP"));
    node.academy.create_programme(&coep(), "").unwrap();
    assert_eq!(node.receive(&early, 1, 2), None);
    assert_eq!(node.line("programme/COEP", Indicator::FundingLeveragedPence).value, Some(100));
}

#[test]
fn past_a_fork_nothing_counts() {
    let node = academy();
    let hub = node.join(7, "Warminster", HubKind::SocialActionHub, Stage::Active);
    assert_eq!(node.receive(&release(hub, "2018-Q3", 12, 100), 1, 2), None);
    assert_eq!(node.receive(&release(hub, "2018-Q4", 12, 100), 1, 3), None);
    node.store.write("test fork", move |tx| withdraw_releases(tx, hub, Incarnation(1), 2)).unwrap();
    assert_eq!(node.line("2018-Q3", Indicator::PeopleMobilised).hubs, 1);
    assert_eq!(node.line("2018-Q4", Indicator::PeopleMobilised).hubs, 0);
}

#[test]
fn the_report_adds_up_bounds_and_counts_hubs() {
    let node = academy();
    let hub = HubKind::SocialActionHub;
    let first = node.join(7, "Warminster", hub, Stage::Active);
    let second = node.join(8, "Hull", hub, Stage::Active);
    node.join(9, "Ipswich", hub, Stage::Active);
    let closed = node.join(10, "Luton", hub, Stage::Closed);
    let national = node.join(11, "The charity", HubKind::National, Stage::Active);
    node.join(12, "Meir", hub, Stage::Enquiring);
    node.invite(13, "Leeds").unwrap();

    let empty = node.line("2018-Q3", Indicator::PeopleMobilised);
    assert_eq!((empty.value, empty.low, empty.high, empty.hubs, empty.hubs_missing), (None, 0, None, 0, 3));

    for (seq, (hub, mobilised, pence)) in
        [(first, 12, 100), (second, 3, 250), (closed, 20, 1), (national, 1_000, 1_000)].into_iter().enumerate()
    {
        assert_eq!(node.receive(&release(hub, "2018-Q3", mobilised, pence), 1, seq as u64 + 2), None);
    }
    // 12 and 20 are exact, 3 is "<8"; the charity's own node never counts.
    let mobilised = node.line("2018-Q3", Indicator::PeopleMobilised);
    assert_eq!((mobilised.value, mobilised.low, mobilised.high), (None, 32, Some(39)));
    assert_eq!((mobilised.hubs, mobilised.hubs_hidden, mobilised.hubs_missing), (3, 1, 1));
    let funding = node.line("2018-Q3", Indicator::FundingLeveragedPence);
    assert_eq!((funding.value, funding.low, funding.high), (Some(351), 351, Some(351)));
    assert_eq!(node.line("2018/19", Indicator::FundingLeveragedPence).hubs, 0);

    // What a hub released stays when it is cut off.
    node.academy.revoke_hub(WhichHub::Id(first)).unwrap();
    let after = node.line("2018-Q3", Indicator::PeopleMobilised);
    assert_eq!((after.low, after.hubs, after.hubs_missing), (32, 3, 1));
    node.academy.revoke_hub(WhichHub::Name("Ipswich".parse().unwrap())).unwrap();
    assert_eq!(node.line("2018-Q3", Indicator::PeopleMobilised).hubs_missing, 0);
}

#[test]
fn withheld_figures_have_no_upper_bound() {
    let node = academy();
    let hub = node.join(7, "Warminster", HubKind::SocialActionHub, Stage::Active);
    let figures =
        [headline(Indicator::PeopleListenedTo, Figure::Below(8)), headline(Indicator::Listenings, Figure::Withheld)];
    assert_eq!(node.receive(&release_of(hub, "2018-Q3", 0, &figures), 1, 2), None);
    let line = node.line("2018-Q3", Indicator::Listenings);
    assert_eq!((line.value, line.low, line.high, line.hubs, line.hubs_hidden), (None, 0, None, 1, 1));
    let listened = node.line("2018-Q3", Indicator::PeopleListenedTo);
    assert_eq!((listened.low, listened.high, listened.hubs_hidden), (0, Some(7), 1));
}

#[test]
fn the_day_of_a_moment() {
    for (millis, expected) in [(0, "1970-01-01"), (-1, "1969-12-31"), (START, "2026-04-01"), (86_399_999, "1970-01-01")]
    {
        assert_eq!(iso(day(UnixMillis(millis))), expected);
    }
}

#[test]
fn the_directory_holds_what_the_academy_says() {
    let node = academy();
    let hub = node.join(7, "Warminster", HubKind::SocialActionHub, Stage::Active);
    node.academy.create_programme(&coep(), "").unwrap();
    node.academy.revoke_hub(WhichHub::Id(hub)).unwrap();
    let directory = node.store.journal().directory();
    assert_eq!(directory.programmes().len(), 1);
    assert_eq!(directory.hubs()[&hub].state, HubState::Revoked);
    assert!(!node.store.journal().rights().may_read(hub, Topic::Directory));
}
