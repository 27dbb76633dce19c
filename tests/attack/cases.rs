//! The attacks that have a name.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use folkmoot_disclosure::{Figure, Policies, Policy, PolicyRecord, Standing, Terms};
use folkmoot_domain::calendar::{Period, Programme, Quarter, parse_date};
use folkmoot_domain::indicator::{CellKey, Dimension, Indicator};
use folkmoot_tests::attack::attacker::attack;
use folkmoot_tests::attack::facts::{Facts, Family, Person, category};
use folkmoot_tests::attack::history::{Calendar, Hub};

use crate::assert_safe;

/// April to June 2018.
const FIRST: i32 = 2018 * 4 + 1;

fn somebody(born: Option<i32>, gender: usize) -> Person {
    Person {
        born,
        gender: category(Dimension::Gender, gender),
        ethnicity: category(Dimension::Ethnicity, 3),
        disability: category(Dimension::Disability, 1),
    }
}

/// Adds people to whom a quarter adds so much each; gives the places of the new ones.
pub(crate) fn come(
    facts: &mut Facts,
    count: usize,
    who: Person,
    (family, quarter): (Family, i32),
    amount: u64,
) -> RangeInclusive<usize> {
    let first = facts.people.len();
    for person in first..first + count {
        facts.people.push(who);
        facts.add(family, quarter, person, amount);
    }
    first..=first + count - 1
}

pub(crate) fn women(facts: &mut Facts, count: usize, at: (Family, i32), amount: u64) -> RangeInclusive<usize> {
    come(facts, count, somebody(Some(1970), 0), at, amount)
}

pub(crate) fn men(facts: &mut Facts, count: usize, at: (Family, i32), amount: u64) -> RangeInclusive<usize> {
    come(facts, count, somebody(Some(1970), 1), at, amount)
}

/// A hub of the financial year 2018/19, the programme `P` over it and `LONGER` over a quarter more.
pub(crate) fn hub(facts: Facts) -> Hub {
    let programmes = [("P", FIRST..=FIRST + 3), ("LONGER", FIRST..=FIRST + 4)];
    Hub::new(Calendar::new(FIRST, FIRST + 4, &programmes), facts, Policy::floor())
}

pub(crate) fn period(text: &str) -> Period {
    text.parse().expect("a period")
}

pub(crate) fn release(hub: &mut Hub, of: &str) -> Standing {
    hub.release(&period(of)).expect("a release")
}

/// What the latest release of a period says of a headline.
pub(crate) fn says(hub: &Hub, of: &str, indicator: Indicator) -> Figure {
    let made = hub.made.iter().rev().find(|made| made.period == period(of)).expect("a release");
    made.cells.iter().find(|(cell, _)| *cell == CellKey::headline(indicator)).expect("a headline").1
}

#[test]
fn a_revision_by_one_person() {
    let mut facts = Facts::default();
    women(&mut facts, 30, (Family::Training, FIRST), 60);
    men(&mut facts, 20, (Family::Training, FIRST), 60);
    let mut hub = hub(facts);
    release(&mut hub, "2018-Q2");
    men(&mut hub.current, 1, (Family::Training, FIRST), 600);
    hub.next_year();
    assert_eq!(release(&mut hub, "2018-Q2"), Standing::Stands);
    // The year counts what the quarter counted: its minutes less the quarter's would be the late man's.
    release(&mut hub, "2018/19");
    assert_eq!(says(&hub, "2018/19", Indicator::TrainingMinutes), Figure::Exact(3_000));
    assert_safe("with the late one waiting", &attack(&hub));
    men(&mut hub.current, 7, (Family::Training, FIRST), 60);
    hub.next_year();
    assert_eq!(release(&mut hub, "2018-Q2"), Standing::Revision);
    assert_eq!(says(&hub, "2018-Q2", Indicator::PeopleTrained), Figure::Exact(58));
    assert_safe("with eight let in", &attack(&hub));
}

#[test]
fn cumulative_minus_period() {
    let mut facts = Facts::default();
    for quarter in FIRST..FIRST + 3 {
        women(&mut facts, 20, (Family::Listening, quarter), 2);
        men(&mut facts, 12, (Family::Listening, quarter), 1);
    }
    men(&mut facts, 3, (Family::Listening, FIRST + 3), 9);
    let mut hub = hub(facts);
    for of in ["2018-Q2", "2018-Q3", "2018-Q4", "2018/19", "programme/P"] {
        release(&mut hub, of);
        assert_safe(of, &attack(&hub));
    }
    assert_eq!(says(&hub, "2018-Q4", Indicator::Listenings), Figure::Exact(52));
    assert_eq!(says(&hub, "2018/19", Indicator::Listenings), Figure::Withheld);
}

#[test]
fn nested_indicators() {
    let mut facts = Facts::default();
    come(&mut facts, 20, somebody(Some(2000), 0), (Family::Training, FIRST), 60);
    women(&mut facts, 3, (Family::Training, FIRST), 60);
    let mut hub = hub(facts);
    release(&mut hub, "2018-Q2");
    // 23 less 20 would be the three who are not young.
    let told = [Indicator::PeopleTrained, Indicator::YoungPeopleTrained].map(|it| says(&hub, "2018-Q2", it));
    assert!(told.iter().any(|figure| !matches!(figure, Figure::Exact(_))), "{told:?}");
    assert_safe("trained and not young", &attack(&hub));
}

#[test]
fn overlapping_bands() {
    // Young people trained are those under 18 and those from 18 to 24.
    let mut facts = Facts::default();
    come(&mut facts, 14, somebody(Some(1996), 0), (Family::Training, FIRST), 60);
    come(&mut facts, 2, somebody(Some(2003), 1), (Family::Training, FIRST), 60);
    women(&mut facts, 40, (Family::Training, FIRST), 60);
    let mut hub = hub(facts);
    release(&mut hub, "2018-Q2");
    assert_safe("two under 18", &attack(&hub));
}

#[test]
fn a_category_that_holds_everyone() {
    let mut facts = Facts::default();
    women(&mut facts, 40, (Family::Action, FIRST), 1);
    let mut hub = hub(facts);
    release(&mut hub, "2018-Q2");
    let of_gender = |cell: &&(CellKey, Figure)| {
        cell.0.indicator == Indicator::PeopleMobilised && cell.0.dimension() == Some(Dimension::Gender)
    };
    assert!(hub.made[0].cells.iter().filter(of_gender).all(|(_, figure)| *figure == Figure::Withheld));
    assert_safe("all women", &attack(&hub));
}

#[test]
fn an_event_of_one_person() {
    let mut facts = Facts::default();
    women(&mut facts, 1, (Family::Training, FIRST), 480);
    women(&mut facts, 25, (Family::Training, FIRST + 1), 60);
    let mut hub = hub(facts);
    for of in ["2018-Q2", "2018-Q3", "2018/19"] {
        release(&mut hub, of);
    }
    assert_eq!(says(&hub, "2018-Q2", Indicator::PeopleTrained), Figure::Below(8));
    assert_eq!(says(&hub, "2018-Q2", Indicator::TrainingMinutes), Figure::Withheld);
    assert_ne!(says(&hub, "2018/19", Indicator::TrainingMinutes), Figure::Exact(1_980));
    assert_safe("one person's evening", &attack(&hub));
}

#[test]
fn erasure_between_releases() {
    let mut facts = Facts::default();
    women(&mut facts, 30, (Family::Action, FIRST), 1);
    let men = men(&mut facts, 12, (Family::Action, FIRST), 1);
    let mut hub = hub(facts);
    release(&mut hub, "2018-Q2");
    // One man is erased: nothing of him is left in the records.
    let quarter = hub.current.present.get_mut(&(Family::Action, FIRST)).expect("a quarter");
    quarter.remove(men.start());
    hub.next_year();
    assert_eq!(release(&mut hub, "2018-Q2"), Standing::Stands);
    release(&mut hub, "2018/19");
    assert_eq!(says(&hub, "2018/19", Indicator::PeopleMobilised), Figure::Exact(42));
    assert_safe("with one erased", &attack(&hub));
}

#[test]
fn a_hub_restored_from_an_old_copy() {
    let mut facts = Facts::default();
    women(&mut facts, 30, (Family::Action, FIRST), 1);
    men(&mut facts, 12, (Family::Action, FIRST), 1);
    let mut restored = hub(facts);
    let mut first = restored.clone();
    release(&mut first, "2018-Q2");
    // The copy knows of no release. It is handed back what had left, and makes no other.
    women(&mut restored.current, 2, (Family::Action, FIRST), 1);
    restored.made.clone_from(&first.made);
    let again = restored.release(&period("2018-Q2")).expect("a release");
    assert_eq!((again, restored.made.len()), (Standing::Stands, 1));
}

#[test]
fn a_policy_with_threshold_1() {
    let mut policies = Policies::default();
    let from = Quarter::from_index(FIRST).expect("a quarter");
    let lax = Terms { threshold: 1, ..Terms::FLOOR };
    assert!(policies.insert(PolicyRecord { version: 2, from, terms: lax }).is_err());
    assert_eq!(policies.in_force(from.span()), Policy::floor());
    assert_eq!(Policy::floor().tightened_by(&lax), Policy::floor());
}

#[test]
fn a_programme_one_day_longer_and_one_quarter_longer() {
    let day = |text: &str| parse_date(text).expect("a day");
    let longer = Programme::new("P2".parse().expect("a code"), "P", day("2018-04-01"), day("2019-04-01"));
    assert!(longer.is_err(), "a programme is a union of whole quarters");

    let mut facts = Facts::default();
    women(&mut facts, 50, (Family::Training, FIRST), 60);
    men(&mut facts, 40, (Family::Training, FIRST + 2), 60);
    men(&mut facts, 2, (Family::Training, FIRST + 4), 600);
    let mut hub = hub(facts);
    release(&mut hub, "programme/P");
    release(&mut hub, "programme/LONGER");
    let told: BTreeSet<bool> = ["programme/P", "programme/LONGER"]
        .map(|of| matches!(says(&hub, of, Indicator::TrainingMinutes), Figure::Exact(_)))
        .into();
    assert_eq!(told.len(), 2, "one of the two sums is told, and not the other");
    assert_safe("a quarter longer", &attack(&hub));
}
