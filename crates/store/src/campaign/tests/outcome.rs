//! What campaigns achieve counts at the hub that leads, and once in the federation.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use folkmoot_campaign::{AskState, EntryId, Field, Item, List, REACH_LIMIT};
use folkmoot_disclosure::{Policy, Prepared, Standing, prepare};
use folkmoot_domain::Date;
use folkmoot_domain::calendar::{Period, parse_date};
use folkmoot_domain::indicator::{CellKey, Indicator};
use folkmoot_journal::{Appointment, encode_appointment, encode_release};
use proptest::prelude::*;

use super::*;
use crate::engine::{Ambient, Tx, UnixMillis};
use crate::hub::Approver;
use crate::journal::tests::hub_with;

const INDICATORS: [Indicator; 3] = [Indicator::OrganisationsSignedUp, Indicator::CampaignReach, Indicator::AsksWon];

/// Hubs, and an Academy, whose clocks are one.
struct Dated {
    federation: Federation,
    clock: Arc<AtomicI64>,
}

fn day(text: &str) -> Date {
    parse_date(text).expect("a day")
}

fn ambient(clock: &Arc<AtomicI64>) -> Ambient {
    let clock = Arc::clone(clock);
    Ambient { now: Box::new(move || UnixMillis(clock.load(Ordering::Relaxed))), ..crate::engine::tests::ambient() }
}

fn dated(hubs: u8, today: &str) -> Dated {
    let clock = Arc::new(AtomicI64::new(0));
    let academy = academy();
    let hubs: Vec<Node> = (0..hubs).map(|number| hub_with(&academy, 2 + number, ambient(&clock))).collect();
    for hub in &hubs {
        push(&academy, hub);
    }
    let dated = Dated { federation: Federation { academy, hubs }, clock };
    dated.turn(today);
    dated
}

impl Dated {
    /// It is noon of this day.
    fn turn(&self, today: &str) {
        self.turn_to(day(today));
    }

    fn turn_to(&self, today: Date) {
        let days = i64::from(today.to_julian_day() - day("1970-01-01").to_julian_day());
        self.clock.store(days * 86_400_000 + 43_200_000, Ordering::Relaxed);
    }

    fn settle(&self) {
        self.federation.settle();
    }

    fn hand_over(&self, id: CampaignId, from: usize, to: usize) {
        let hubs = &self.federation.hubs;
        let offer = MembershipEdit::OfferLead { to: Some(hubs[to].id) };
        campaigns(&hubs[from]).change_membership(id, offer).expect("offered");
        self.settle();
        campaigns(&hubs[to]).accept_lead(id).expect("accepted");
        self.settle();
    }

    /// What each hub counts of a period.
    fn counted(&self, period: &str) -> Vec<[u64; 3]> {
        self.federation.hubs.iter().map(|hub| counted(hub, period)).collect()
    }
}

/// Organisations signed up, campaign reach and asks won: the three ways of asking a hub agree.
fn counted(hub: &Node, period: &str) -> [u64; 3] {
    let (period, records): (Period, _) = (period.parse().expect("a period"), hub.store.hub().expect("a hub"));
    let headlines = records.headlines(&period).expect("headlines");
    let figures = records.figures(&period).expect("figures");
    let account = records.count_with(&period).expect("an account").account;
    let seen = account.observations(&period).expect("the period");
    INDICATORS.map(|indicator| {
        let key = CellKey::headline(indicator);
        assert_eq!((figures.get(key).value, seen.get(key).value), (headlines[&indicator], headlines[&indicator]));
        headlines[&indicator]
    })
}

fn sign_up(hub: &Node, id: CampaignId, organisation: &str, on: &str) {
    edit(hub, id, Edit::SignUp { organisation: organisation.to_owned(), date: Some(day(on)) });
}

fn reach(hub: &Node, id: CampaignId, month: &str, people: i64) {
    edit(hub, id, Edit::CountReach { month: month.parse().expect("a month"), people });
}

fn item(state: AskState, on: Option<&str>) -> Item {
    let (ask, of, result) = ("Insulate".to_owned(), "the council".to_owned(), String::new());
    Item::Ask { ask, of, state, result, date: on.map(day) }
}

/// Adds an ask that was won.
fn win(hub: &Node, id: CampaignId, on: &str) -> EntryId {
    let state = edit(hub, id, Edit::Add(item(AskState::Won, Some(on))));
    state.view.entries.last().expect("an ask").id
}

#[test]
fn only_the_lead_counts_and_it_counts_what_all_members_do() {
    let dated = dated(3, "2023-12-10");
    let [one, two, three] = &dated.federation.hubs[..] else { panic!("three hubs") };
    let id = begun(&dated.federation.hubs, true);
    dated.settle();
    sign_up(one, id, "Library", "2023-09-30");
    sign_up(two, id, "Foodbank", "2023-10-01");
    sign_up(three, id, "Mosque", "2024-02-01");
    reach(one, id, "2023-09", 30);
    reach(two, id, "2023-10", 200);
    reach(three, id, "2023-12", 1_000);
    win(two, id, "2023-11-30");
    win(three, id, "2023-11-30");
    dated.settle();
    for (period, expected) in [
        ("2023-Q2", [0, 0, 0]),
        ("2023-Q3", [1, 30, 0]),
        ("2023-Q4", [2, 1_200, 2]),
        ("2024-Q1", [3, 0, 0]),
        ("2023/24", [3, 1_230, 2]),
        ("2024/25", [3, 0, 0]),
    ] {
        assert_eq!(dated.counted(period), [expected, [0; 3], [0; 3]], "{period}");
    }
    let touched = |hub: &Node, period: &str| {
        hub.store.hub().expect("a hub").count().expect("counted").last_import(&period.parse().expect("a period"))
    };
    assert_eq!(touched(one, "2023-Q4"), Some(one.store.now()), "a release that approves itself waits");
    assert_eq!((touched(one, "2023-Q1"), touched(two, "2023-Q4")), (None, None));
}

#[test]
fn an_organisation_counts_once_in_one_campaign_and_in_two() {
    let dated = dated(2, "2023-12-10");
    let [one, two] = &dated.federation.hubs[..] else { panic!("two hubs") };
    let (id, other) = (begun(&dated.federation.hubs, true), begun(&dated.federation.hubs, true));
    let theirs = {
        let members = dated.federation.hubs.iter().map(|hub| hub.id).collect();
        let campaign =
            NewCampaign { title: "Buses".to_owned(), members, readers: BTreeSet::new(), academy_relays: true };
        campaigns(two).create(campaign, "").expect("a campaign").id
    };
    dated.settle();
    sign_up(one, id, "Warm Homes Trust", "2023-11-01");
    sign_up(two, id, " warm  homes TRUST ", "2023-10-01");
    sign_up(two, other, "Warm homes trust", "2023-07-01");
    sign_up(one, other, "Library", "2023-12-01");
    sign_up(one, theirs, "Library", "2023-12-01");
    dated.settle();
    assert_eq!(dated.counted("2023-Q3"), [[1, 0, 0], [0; 3]]);
    assert_eq!(dated.counted("2023-Q4"), [[2, 0, 0], [1, 0, 0]], "each lead counts it");
}

#[test]
fn what_is_taken_back_counts_no_more() {
    let dated = dated(2, "2023-12-10");
    let [one, two] = &dated.federation.hubs[..] else { panic!("two hubs") };
    let id = begun(&dated.federation.hubs, true);
    dated.settle();
    sign_up(two, id, "Library", "2023-10-01");
    reach(two, id, "2023-10", 200);
    let ask = win(two, id, "2023-11-30");
    let organisation = state_at(two, id).view.organisations[0].id;
    let update = |to: Item, fields: &[Field]| Edit::Update { id: ask, item: to, fields: fields.to_vec() };
    for (edit_it, expected) in [
        (Edit::AppendNotes("Nothing to count".to_owned()), [1, 200, 1]),
        (Edit::CountReach { month: "2023-10".parse().expect("a month"), people: -150 }, [1, 50, 1]),
        (update(item(AskState::Refused, None), &[Field::State]), [1, 50, 0]),
        (update(item(AskState::Won, None), &[Field::State]), [1, 50, 1]),
        (update(item(AskState::Won, Some("2024-01-01")), &[Field::Date]), [1, 50, 0]),
        (Edit::Remove { list: List::Organisations, id: organisation }, [0, 50, 0]),
        (Edit::CountReach { month: "2023-10".parse().expect("a month"), people: -50 }, [0, 0, 0]),
    ] {
        edit(two, id, edit_it);
        dated.settle();
        assert_eq!(dated.counted("2023-Q4"), [expected, [0; 3]]);
    }
    assert_eq!(counted(one, "2024-Q1"), [0, 0, 1]);
}

#[test]
fn a_handover_counts_from_its_day_and_changes_nothing_that_was_released() {
    for released_first in [true, false] {
        let dated = dated(3, "2023-11-10");
        let [one, two, _] = &dated.federation.hubs[..] else { panic!("three hubs") };
        let id = begun(&dated.federation.hubs, true);
        dated.settle();
        sign_up(one, id, "Library", "2023-09-01");
        reach(two, id, "2023-09", 40);
        for (month, people) in [("2023-10", 100), ("2023-11", 200), ("2023-12", 400)] {
            reach(one, id, month, people);
        }
        for on in ["2023-11-13", "2023-11-14", "2023-11-15"] {
            win(two, id, on);
        }
        dated.settle();
        assert_eq!(dated.counted("2023-Q4"), [[1, 700, 3], [0; 3], [0; 3]]);
        let first = released_first.then(|| release(one, "2023-Q3"));
        dated.turn("2023-11-14");
        dated.hand_over(id, 0, 1);
        let first = first.unwrap_or_else(|| release(one, "2023-Q3"));
        assert_eq!(dated.counted("2023-Q3"), [[1, 40, 0], [0; 3], [0; 3]]);
        // Who leads on the month's last day counts all of the month.
        assert_eq!(dated.counted("2023-Q4"), [[0, 100, 1], [1, 600, 2], [0; 3]]);
        assert_eq!(dated.counted("2023/24"), [[0, 140, 1], [1, 600, 2], [0; 3]]);
        let again = prepared(one, "2023-Q3");
        assert_eq!((again.standing, again.release), (Standing::Stands, first.release));
        // On the same day and back again: it is one hub's day.
        dated.hand_over(id, 1, 2);
        assert_eq!(dated.counted("2023-Q4"), [[0, 100, 1], [0; 3], [1, 600, 2]]);
        dated.turn("2023-11-15");
        dated.hand_over(id, 2, 0);
        assert_eq!(dated.counted("2023-Q4"), [[1, 700, 2], [0; 3], [0, 0, 1]]);
    }
}

fn prepared(hub: &Node, period: &str) -> Prepared {
    let period: Period = period.parse().expect("a period");
    let account = hub.store.hub().expect("a hub").count_with(&period).expect("counted").account;
    prepare(&account, &period, hub.id.0, &Policy::floor(), day("2024-05-01")).expect("a release")
}

fn release(hub: &Node, period: &str) -> Prepared {
    let prepared = prepared(hub, period);
    let records = hub.store.hub().expect("a hub");
    let counted = records.count_with(prepared.release.period()).expect("counted");
    records.approve(&prepared.release, &counted, Approver::Person { uid: 1_000 }).expect("approved");
    prepared
}

#[test]
fn a_clock_that_was_put_back_takes_no_day_from_whoever_led() {
    let dated = dated(2, "2023-11-10");
    let id = begun(&dated.federation.hubs, true);
    dated.settle();
    win(&dated.federation.hubs[0], id, "2023-11-09");
    win(&dated.federation.hubs[0], id, "2023-11-10");
    dated.turn("2023-01-01");
    dated.hand_over(id, 0, 1);
    assert_eq!(dated.counted("2023-Q4"), [[0, 0, 1], [0, 0, 1]]);
}

#[test]
fn after_an_erasure_the_figures_are_what_they_were() {
    let dated = dated(2, "2023-11-10");
    let [one, two] = &dated.federation.hubs[..] else { panic!("two hubs") };
    let id = begun(&dated.federation.hubs, true);
    dated.settle();
    sign_up(two, id, "Library", "2023-10-01");
    sign_up(two, id, "Slipped in", "2023-10-01");
    reach(two, id, "2023-10", 200);
    win(two, id, "2023-11-02");
    dated.settle();
    let slip = state_at(two, id).view.organisations[1].id;
    edit(two, id, Edit::Remove { list: List::Organisations, id: slip });
    dated.settle();
    assert_eq!(dated.counted("2023-Q4"), [[1, 200, 1], [0; 3]]);
    campaigns(one).erase(id).expect("erased");
    dated.settle();
    assert_eq!(dated.counted("2023-Q4"), [[1, 200, 1], [0; 3]]);
    let kept = one.store.read("kept", |connection| {
        let sql = "SELECT organisation FROM campaign_organisation";
        Ok(connection.prepare(sql)?.query_map([], |row| row.get(0).map(Hash))?.collect::<Result<Vec<_>, _>>()?)
    });
    assert_eq!(kept.expect("read"), [Hash::of(b"library")], "of a name there is a hash, and none of one that went");
}

#[test]
fn who_is_taken_out_keeps_what_it_had_counted_and_counts_no_more() {
    let dated = dated(3, "2023-11-10");
    let [one, two, three] = &dated.federation.hubs[..] else { panic!("three hubs") };
    let id = begun(&dated.federation.hubs, true);
    dated.settle();
    sign_up(three, id, "Library", "2023-09-01");
    reach(three, id, "2023-09", 40);
    dated.settle();
    campaigns(one).change_membership(id, MembershipEdit::Remove { hub: three.id }).expect("taken out");
    dated.settle();
    dated.turn("2023-11-14");
    dated.hand_over(id, 0, 1);
    campaigns(two).change_membership(id, MembershipEdit::Remove { hub: one.id }).expect("taken out");
    dated.settle();
    // What those who were taken out write reaches nobody, and counts nowhere.
    win(one, id, "2023-11-20");
    win(three, id, "2023-11-20");
    win(two, id, "2023-11-20");
    dated.settle();
    assert_eq!(dated.counted("2023-Q3"), [[1, 40, 0], [0; 3], [0; 3]]);
    assert_eq!(dated.counted("2023-Q4"), [[0; 3], [1, 0, 1], [0; 3]]);
}

/// The Academy has appointed another hub, which has taken the lead out before it heard of it.
#[test]
fn a_lead_that_is_told_that_it_was_taken_out_counts_until_then() {
    let dated = dated(2, "2023-11-10");
    let [one, two] = &dated.federation.hubs[..] else { panic!("two hubs") };
    let academy = &dated.federation.academy;
    let id = begun(&dated.federation.hubs, true);
    dated.settle();
    sign_up(one, id, "Library", "2023-09-01");
    dated.settle();
    let appointment =
        encode_appointment(&Appointment { campaign: id.hidden_of(two.id), version: academy_version(academy) });
    academy.journal().append(Topic::Directory, PayloadKind::Appointment, appointment).expect("appointed");
    push(academy, two);
    dated.turn("2023-11-14");
    campaigns(two).accept_lead(id).expect("appointed");
    campaigns(two).change_membership(id, MembershipEdit::Remove { hub: one.id }).expect("taken out");
    sync(two, academy);
    assert_eq!(dated.counted("2023-Q4"), [[1, 0, 0], [1, 0, 0]], "it has heard of nothing");
    dated.turn("2023-11-20");
    win(one, id, "2023-11-19");
    win(one, id, "2023-11-20");
    sync(one, academy);
    assert!(!state_at(one, id).left_out_by.is_empty());
    assert_eq!(dated.counted("2023-Q4"), [[0, 0, 1], [1, 0, 0]]);
    assert_eq!(dated.counted("2023-Q3"), [[1, 0, 0], [0; 3]], "what it had counted stays");
}

fn academy_version(academy: &Node) -> u32 {
    academy.journal().directory().latest_appointment() + 1
}

#[test]
fn a_folder_of_an_earlier_software_is_counted_when_the_node_starts() {
    let dated = dated(2, "2023-11-10");
    let [one, _] = &dated.federation.hubs[..] else { panic!("two hubs") };
    let id = begun(&dated.federation.hubs, true);
    sign_up(one, id, "Library", "2023-10-01");
    win(one, id, "2023-11-02");
    let forget = |tx: &mut Tx<'_>| {
        tx.execute_batch("DELETE FROM campaign_outcome; DELETE FROM tally")?;
        Ok(())
    };
    one.store.write("forget", forget).expect("as before");
    assert_eq!(counted(one, "2023-Q4"), [0; 3]);
    for _ in 0..2 {
        campaigns(one).count_outcomes().expect("counted");
        assert_eq!(counted(one, "2023-Q4"), [1, 0, 1]);
    }
}

#[test]
fn no_count_of_a_member_keeps_the_lead_from_releasing_and_no_name_is_in_a_release() {
    let dated = dated(2, "2023-11-10");
    let [one, two] = &dated.federation.hubs[..] else { panic!("two hubs") };
    let id = begun(&dated.federation.hubs, true);
    dated.settle();
    sign_up(one, id, "Planted Name Trust", "2023-10-01");
    reach(one, id, "2023-10", REACH_LIMIT);
    for _ in 0..3 {
        reach(two, id, "2023-10", REACH_LIMIT);
    }
    dated.settle();
    let limit = REACH_LIMIT.unsigned_abs();
    assert_eq!(counted(one, "2023-Q4"), [1, limit, 0]);
    let bytes = encode_release(&prepared(one, "2023-Q4").release);
    let said = String::from_utf8_lossy(&bytes).to_lowercase();
    assert!(said.contains("organisations_signed_up") && !said.contains("planted"), "{said}");
}

/// What somebody does; the numbers choose the hub, the name, the day.
#[derive(Clone, Copy, Debug)]
enum Deed {
    SignUp(u8, u8, u8),
    Reach(u8, u8, u8),
    Ask(u8, u8, u8),
    Decide(u8, u8, u8),
    Remove(u8, u8),
    HandOver(u8),
    Erase,
    Settle,
    Later(u8),
}

fn deeds() -> impl Strategy<Value = Vec<Deed>> {
    let (hub, number) = (|| 0_u8..3, any::<u8>);
    let deed = prop_oneof![
        4 => (hub(), number(), number()).prop_map(|(hub, name, on)| Deed::SignUp(hub, name, on)),
        3 => (hub(), number(), number()).prop_map(|(hub, month, people)| Deed::Reach(hub, month, people)),
        3 => (hub(), number(), number()).prop_map(|(hub, state, on)| Deed::Ask(hub, state, on)),
        2 => (hub(), number(), number()).prop_map(|(hub, which, state)| Deed::Decide(hub, which, state)),
        2 => (hub(), number()).prop_map(|(hub, which)| Deed::Remove(hub, which)),
        2 => hub().prop_map(Deed::HandOver),
        1 => Just(Deed::Erase),
        3 => Just(Deed::Settle),
        2 => (0_u8..40).prop_map(Deed::Later),
    ];
    proptest::collection::vec(deed, 1..24)
}

const DAYS: [&str; 6] = ["2023-06-30", "2023-09-30", "2023-11-10", "2023-11-20", "2023-12-31", "2024-02-29"];

/// What a hub should count of a period from the first to the last of these days, from what the campaign says and from who
/// led since when. It knows nothing of the code that it checks.
fn recounted(view: &View, led: &[(String, usize)], hub: usize, first: &str, last: &str) -> [u64; 3] {
    let leads =
        |on: &str| led.iter().rfind(|(since, _)| since.as_str() <= on).map_or(led[0].1, |(_, lead)| *lead) == hub;
    let within = |on: &str| first <= on && on <= last;
    let text = |on: Date| folkmoot_domain::calendar::iso(on);
    let names: BTreeSet<String> = view
        .organisations
        .iter()
        .chain(&view.repeated)
        .filter(|one| one.date.is_some_and(|on| text(on).as_str() <= last))
        .map(|one| one.organisation.to_lowercase())
        .collect();
    let month_ends = ["2023-09-30", "2023-10-31", "2023-11-30", "2023-12-31", "2024-01-31"];
    let reach = month_ends.iter().filter(|end| within(end) && leads(end)).map(|end| {
        let month = end[..7].parse().expect("a month");
        view.reach.get(&month).map_or(0, |hubs| hubs.values().sum())
    });
    let won = view.entries.iter().filter_map(|entry| match &entry.item {
        Item::Ask { state: AskState::Won, date, .. } => *date,
        Item::Ask { .. }
        | Item::Issue { .. }
        | Item::DecisionMaker { .. }
        | Item::Action { .. }
        | Item::Task { .. }
        | Item::Link { .. } => None,
    });
    let asks = won.map(text).filter(|on| within(on) && leads(on));
    [if leads(last) { names.len() as u64 } else { 0 }, reach.sum(), asks.count() as u64]
}

fn play(deeds: &[Deed]) {
    let dated = dated(3, "2023-11-05");
    let hubs = &dated.federation.hubs;
    let id = begun(hubs, true);
    dated.settle();
    let mut today = day("2023-11-05");
    let mut led = vec![(String::new(), 0)];
    let state_of = |number: u8| AskState::ALL[usize::from(number) % AskState::ALL.len()];
    let on = |number: u8| DAYS[usize::from(number) % DAYS.len()];
    for deed in deeds {
        let lead = led.last().expect("a lead").1;
        match *deed {
            Deed::SignUp(hub, name, signed_up) => {
                let name = ["Library", "LIBRARY", "Foodbank", "Mosque"][usize::from(name) % 4];
                sign_up(&hubs[usize::from(hub)], id, name, on(signed_up));
            }
            Deed::Reach(hub, month, people) => {
                let month = ["2023-09", "2023-10", "2023-11", "2023-12", "2024-01"][usize::from(month) % 5];
                reach(&hubs[usize::from(hub)], id, month, people.into());
            }
            Deed::Ask(hub, state, decided) => {
                drop(edit(&hubs[usize::from(hub)], id, Edit::Add(item(state_of(state), Some(on(decided))))));
            }
            Deed::Decide(hub, which, state) => {
                let hub = &hubs[usize::from(hub)];
                let entries = state_at(hub, id).view.entries.clone();
                if let Some(entry) = entries.get(usize::from(which) % entries.len().max(1)) {
                    let update =
                        Edit::Update { id: entry.id, item: item(state_of(state), None), fields: vec![Field::State] };
                    edit(hub, id, update);
                }
            }
            Deed::Remove(hub, which) => {
                let hub = &hubs[usize::from(hub)];
                let view = state_at(hub, id).view;
                let organisations = view.organisations.iter().map(|one| (List::Organisations, one.id));
                let all: Vec<_> = organisations.chain(view.entries.iter().map(|one| (List::Asks, one.id))).collect();
                if let Some((list, entry)) = all.get(usize::from(which) % all.len().max(1)) {
                    edit(hub, id, Edit::Remove { list: *list, id: *entry });
                }
            }
            Deed::HandOver(to) if usize::from(to) != lead => {
                dated.settle();
                dated.hand_over(id, lead, to.into());
                led.push((folkmoot_domain::calendar::iso(today), to.into()));
            }
            Deed::HandOver(_) => {}
            Deed::Erase => {
                campaigns(&hubs[lead]).erase(id).expect("erased");
                dated.settle();
            }
            Deed::Settle => dated.settle(),
            Deed::Later(days) => {
                let later = today.to_julian_day() + i32::from(days);
                today = Date::from_julian_day(later).expect("a day");
                dated.turn_to(today);
            }
        }
    }
    dated.settle();
    dated.settle();
    let view = state_at(&hubs[0], id).view;
    for (period, first, last) in [
        ("2023-Q2", "2023-04-01", "2023-06-30"),
        ("2023-Q3", "2023-07-01", "2023-09-30"),
        ("2023-Q4", "2023-10-01", "2023-12-31"),
        ("2024-Q1", "2024-01-01", "2024-03-31"),
        ("2023/24", "2023-04-01", "2024-03-31"),
    ] {
        let expected: Vec<[u64; 3]> = (0..3).map(|hub| recounted(&view, &led, hub, first, last)).collect();
        assert_eq!(dated.counted(period), expected, "{period}, led {led:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn figures_equal_a_naive_recount(deeds in deeds()) {
        play(&deeds);
    }
}
