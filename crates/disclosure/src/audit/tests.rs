use folkmoot_domain::calendar::{FinancialYear, Quarter};
use folkmoot_domain::indicator::{EventKind, Theme};
use folkmoot_domain::record::{Disability, Ethnicity, Gender};

use super::*;
use crate::Reason;
use crate::fixture::{Hub, Person, period, person};

const HIDDEN: &str = "withheld";

/// The reason why a headline leaves as it does.
fn reason(prepared: &crate::Prepared, indicator: Indicator) -> Reason {
    prepared.cells.iter().find(|cell| cell.key == CellKey::headline(indicator)).unwrap().reason
}

#[test]
fn the_last_quarter_of_a_released_year_is_not_told() {
    let mut hub = Hub::default();
    for quarter in ["2018-Q2", "2018-Q3", "2018-Q4"] {
        hub.add(20, person(Gender::Woman), EventKind::Listenings, quarter, 2);
    }
    hub.add(3, person(Gender::Woman), EventKind::Listenings, "2019-Q1", 5);
    for (quarter, today) in [("2018-Q2", "2018-07-01"), ("2018-Q3", "2018-10-01"), ("2018-Q4", "2019-01-01")] {
        let prepared = hub.release(quarter, today);
        assert_eq!(prepared.leaves("listenings", "", ""), "40");
    }
    // 135 less three times 40 would tell of the fifteen listenings with three people, whether their quarter is released
    // or not.
    let year = hub.prepare("2018/19", "2019-04-01");
    assert_eq!(year.leaves("listenings", "", ""), HIDDEN);
    assert_eq!(reason(&year, Indicator::Listenings), Reason::AuditWithheld);
    let quarter = hub.release("2019-Q1", "2019-04-01");
    assert_eq!(quarter.leaves("people_listened_to", "", ""), "<8");
    assert_eq!(hub.prepare("2018/19", "2019-04-01").leaves("listenings", "", ""), HIDDEN);
}

#[test]
fn a_year_that_was_released_first_keeps_a_quarter_from_being_exact() {
    let mut hub = Hub::default();
    hub.add(20, person(Gender::Woman), EventKind::Listenings, "2018-Q2", 2);
    hub.add(3, person(Gender::Woman), EventKind::Listenings, "2018-Q3", 5);
    assert_eq!(hub.release("2018/19", "2019-04-01").leaves("listenings", "", ""), "55");
    // The other two quarters held no listening, which says itself.
    let quarter = hub.release("2018-Q2", "2019-04-01");
    assert_eq!(quarter.leaves("listenings", "", ""), HIDDEN);
}

#[test]
fn few_who_are_trained_and_not_young_are_not_told() {
    let mut hub = Hub::default();
    let young = Person { birth_year: Some(2000), ..person(Gender::Woman) };
    hub.add(20, young, EventKind::Sessions, "2018-Q3", 60);
    hub.add(3, person(Gender::Woman), EventKind::Sessions, "2018-Q3", 60);
    let prepared = hub.prepare("2018-Q3", "2018-10-01");
    assert_eq!(prepared.leaves("young_people_trained", "", ""), "about 20");
    assert_eq!(prepared.leaves("people_trained", "", ""), "23");
}

#[test]
fn few_who_came_to_a_year_beside_a_quarter_are_not_told() {
    let mut hub = Hub::default();
    hub.add(30, person(Gender::Woman), EventKind::Actions, "2018-Q2", 1);
    hub.add(2, person(Gender::Woman), EventKind::Actions, "2018-Q3", 1);
    hub.release("2018-Q2", "2018-07-01");
    let year = hub.prepare("2018/19", "2019-04-01");
    assert_ne!(year.leaves("people_mobilised", "", ""), "32");
    // Where everybody comes again, it is as telling that nobody new came.
    let mut hub = Hub::default();
    hub.add(30, person(Gender::Woman), EventKind::Actions, "2018-Q2", 1);
    for who in 0..30 {
        hub.again(who, EventKind::Actions, "2018-Q3", 1);
    }
    hub.release("2018-Q2", "2018-07-01");
    assert_ne!(hub.prepare("2018/19", "2019-04-01").leaves("people_mobilised", "", ""), "30");
}

#[test]
fn a_year_of_one_quarter_says_the_same_as_the_quarter() {
    let mut hub = Hub::default();
    hub.add(30, person(Gender::Woman), EventKind::Actions, "2018-Q2", 1);
    hub.add(12, person(Gender::Man), EventKind::Actions, "2018-Q2", 1);
    let quarter = hub.release("2018-Q2", "2018-07-01");
    let year = hub.prepare("2018/19", "2019-04-01");
    assert_eq!(quarter.leaves("people_mobilised", "", ""), "42");
    assert_eq!(year.leaves("people_mobilised", "", ""), "42");
}

#[test]
fn what_few_have_in_common_keeps_four_values() {
    // 58 people: 18 and 40, and nobody else. Rounded, the others would be two at most.
    let mut hub = Hub::default();
    for (count, disability) in [(18, Disability::Yes), (40, Disability::No)] {
        hub.add(count, Person { disability, ..person(Gender::Woman) }, EventKind::Actions, "2018-Q3", 1);
    }
    let prepared = hub.prepare("2018-Q3", "2018-10-01");
    assert_eq!(
        prepared.line(Indicator::PeopleMobilised, Dimension::Disability),
        ["withheld", "about 40", "<10", "<10"]
    );
}

#[test]
fn a_programme_of_one_quarter_more_does_not_tell_of_that_quarter() {
    let mut hub = Hub::default();
    hub.add(50, person(Gender::Woman), EventKind::Sessions, "2018-Q3", 60);
    hub.add(40, person(Gender::Man), EventKind::Sessions, "2018-Q3", 60);
    hub.add(2, person(Gender::Man), EventKind::Sessions, "2020-Q2", 600);
    assert_eq!(hub.release("programme/COEP", "2020-04-01").leaves("training_minutes", "", ""), "5,400");
    let longer = hub.prepare("programme/ONE", "2020-07-01");
    assert_eq!(longer.leaves("training_minutes", "", ""), HIDDEN);
    assert_ne!(longer.leaves("people_trained", "", ""), "92");
}

/// A hub of a few dozen people a quarter over three years, drawn from a seed.
fn busy(mut seed: u64, people: u64) -> Hub {
    let mut draw = |below: u64| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) % below
    };
    let mut hub = Hub::default();
    let quarters: Vec<String> = (2017..2020)
        .filter_map(FinancialYear::new)
        .flat_map(|year| Span { first: year.first_day(), last: year.last_day() }.quarters())
        .map(|quarter: Quarter| quarter.to_string())
        .collect();
    for at in 0..people {
        let pick = |number: u64, of: usize| usize::try_from(number).unwrap() % of;
        let who = Person {
            gender: Gender::ALL[pick(draw(10).min(draw(10)), Gender::ALL.len())],
            birth_year: (draw(4) > 0).then(|| 1940 + i32::try_from(draw(70)).unwrap()),
            ethnicity: Ethnicity::ALL[pick(draw(20).min(draw(20)), Ethnicity::ALL.len())],
            disability: Disability::ALL[pick(draw(8).min(draw(8)), Disability::ALL.len())],
        };
        let kind = EventKind::ALL[pick(draw(3), 3)];
        hub.add(1, who, kind, &quarters[pick(draw(12), 12)], 1 + draw(300));
        if kind == EventKind::Listenings {
            hub.about(Theme::ALL[pick(draw(13), 13)]);
        }
        while draw(3) == 0 {
            hub.again(usize::try_from(at).unwrap(), kind, &quarters[pick(draw(12), 12)], 1 + draw(300));
        }
    }
    hub
}

/// Every quarter, then its year, and the programme at last.
fn order() -> Vec<String> {
    let mut order: Vec<String> = Vec::new();
    for year in (2017..2020).filter_map(FinancialYear::new) {
        order.extend(Span { first: year.first_day(), last: year.last_day() }.quarters().map(|it| it.to_string()));
        order.push(year.to_string());
    }
    order.push("programme/COEP".to_owned());
    order
}

#[test]
fn a_programme_is_released_quarter_by_quarter() {
    let mut hub = busy(7, 400);
    for of in order() {
        let prepared = hub.release(&of, "2020-04-01");
        assert!(prepared.cells.iter().all(|cell| cell.figure.admits(cell.true_value)));
    }
    let programme = hub.prepare("programme/COEP", "2020-04-01");
    assert_eq!(reason(&programme, Indicator::PeopleTrained), Reason::Stands);
    assert_eq!(programme.standing, crate::Standing::Stands);
}

#[test]
fn what_a_mark_will_tell_is_reckoned_with() {
    // Nine young people came in a year. Where all of them came in one quarter, that quarter will at least not be marked as
    // few, and one other at most could have come.
    for (in_quarter, year) in [(9, "about 10"), (5, "9")] {
        let mut hub = Hub::default();
        let young = Person { birth_year: Some(2000), ..person(Gender::Woman) };
        hub.add(in_quarter, young, EventKind::Actions, "2018-Q2", 1);
        hub.add(9 - in_quarter, young, EventKind::Actions, "2018-Q4", 1);
        hub.add(1, young, EventKind::Actions, "2018-Q4", 0);
        assert_eq!(hub.release("2018/19", "2019-04-01").leaves("people_mobilised", "", ""), year);
    }
}

#[test]
fn a_mark_that_would_tell_too_much_is_not_made() {
    // Eleven people are heard seventeen times in three quarters, and that is out before the quarters are. That six were heard
    // in one of them would say that they were heard thirteen times at most, where fourteen must stay possible.
    let mut hub = Hub::default();
    let who = person(Gender::Woman);
    hub.add(6, who, EventKind::Listenings, "2018-Q4", 1);
    hub.again(0, EventKind::Listenings, "2018-Q4", 3);
    hub.add(5, who, EventKind::Listenings, "2019-Q1", 1);
    hub.again(5, EventKind::Listenings, "2019-Q1", 2);
    hub.again(0, EventKind::Listenings, "2019-Q1", 1);
    hub.let_out("2018/19", &["people_listened_to", "listenings"]);
    let quarter = hub.prepare("2018-Q4", "2019-04-01");
    assert_eq!(quarter.leaves("people_listened_to", "", ""), HIDDEN);
}

#[test]
fn what_is_known_in_any_case_stays_marked() {
    let mut hub = Hub::default();
    hub.add(2, person(Gender::Woman), EventKind::Sessions, "2018-Q4", 60);
    hub.release("2018-Q2", "2018-07-01");
    hub.release("2018-Q3", "2018-10-01");
    hub.release("2019-Q1", "2019-04-01");
    assert_eq!(hub.prepare("2018/19", "2019-04-01").leaves("people_trained", "", ""), "<8");
}

#[test]
fn what_no_event_will_tell_is_reckoned_with() {
    // All come in the second quarter of a programme and again in its last, which is the first of a year without any other
    // action. The programme first; then the year tells of the quarter, as soon as its other quarters say that they had none.
    let mut hub = Hub::default();
    hub.add(30, person(Gender::Woman), EventKind::Actions, "2019-Q4", 1);
    for who in 0..30 {
        hub.again(who, EventKind::Actions, "2020-Q2", 1);
    }
    hub.release("programme/ONE", "2020-07-01");
    assert_ne!(hub.prepare("2020-Q2", "2020-07-01").leaves("people_mobilised", "", ""), "30");
    assert_ne!(hub.prepare("2020/21", "2021-04-01").leaves("people_mobilised", "", ""), "30");
}

#[test]
fn past_the_budget_nothing_is_let_through() {
    let mut hub = busy(3, 400);
    let mut spared = 0;
    for of in order().into_iter().take(6) {
        let account = hub.account();
        let seen = account.observations(&period(&of)).unwrap();
        let mut draft = Draft::new(seen, Terms::FLOOR, None);
        let hidden = |draft: &Draft<'_>| draft.cells().iter().filter(|cell| cell.figure.is_hidden()).count();
        let spent = Budget { tries: 0, steps: 0, programs: 0, ..Budget::default() };
        Audit::new(&account, &period(&of), Terms::FLOOR, spent).repair(&mut draft);
        // What is left is as safe when somebody looks at leisure.
        let mut audit = Audit::new(&account, &period(&of), Terms::FLOOR, Budget::default());
        let all: BTreeSet<usize> = (0..audit.concerns.len()).collect();
        let mut shown = vec![Shown::default(); all.len()];
        assert!(audit.open(&draft, &all, &mut shown).is_empty(), "{of}");

        let mut at_leisure = Draft::new(seen, Terms::FLOOR, None);
        audit.repair(&mut at_leisure);
        spared += hidden(&draft).saturating_sub(hidden(&at_leisure));
        hub.release(&of, "2020-04-01");
    }
    // And the budget has a use.
    assert!(spared > 0);
}
