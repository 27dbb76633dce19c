use std::collections::{BTreeMap, BTreeSet};

use folkmoot_domain::calendar::Programmes;
use folkmoot_domain::indicator::{Class, Dimension, EventKind, Indicator, Theme};
use folkmoot_domain::record::Gender;
use proptest::prelude::*;

use super::*;
use crate::fixture::{HUB, Hub, day, period, person};
use crate::{Policies, ReceivedRelease, ReleaseParts};

const GENDERS: [Gender; 5] = [Gender::Woman, Gender::Man, Gender::NonBinary, Gender::PreferNotToSay, Gender::Unknown];

/// A hub that trained so many of each gender in one quarter, an hour and a half each.
fn trained(by_gender: [usize; 5]) -> Hub {
    let mut hub = Hub::default();
    for (gender, count) in GENDERS.into_iter().zip(by_gender) {
        hub.add(count, person(gender), EventKind::Sessions, "2018-Q3", 90);
    }
    hub
}

/// People trained by gender: what leaves of the headline and of each category.
fn check_trained(by_gender: [usize; 5], headline: &str, line: [&str; 5]) {
    let prepared = trained(by_gender).prepare("2018-Q3", "2018-10-01");
    assert_eq!(prepared.leaves("people_trained", "", ""), headline, "{by_gender:?}");
    assert_eq!(prepared.line(Indicator::PeopleTrained, Dimension::Gender), line, "{by_gender:?}");
}

#[test]
fn people_trained_by_gender() {
    let w = "withheld";
    // The smallest of those shown is hidden beside the one small part.
    check_trained([13, 22, 3, 9, 0], "47", ["about 15", "about 20", "<8", "about 10", "<8"]);
    check_trained([13, 22, 3, 9, 8], "55", ["about 15", "about 20", "<8", "about 10", w]);
    // Of equals the first in the catalogue.
    check_trained([9, 22, 3, 9, 9], "52", [w, "about 20", "<8", "about 10", "about 10"]);
    check_trained([9, 22, 13, 9, 9], "62", ["about 10", "about 20", "about 15", "about 10", "about 10"]);
    // Everybody in one part.
    check_trained([0, 40, 0, 0, 0], "40", [w, w, w, w, w]);
    // The headline is hidden.
    check_trained([3, 4, 0, 0, 0], "<8", [w, w, w, w, w]);
    check_trained([4, 4, 0, 0, 0], "8", ["<8", "<8", "<8", "<8", "<8"]);
    // Nobody could be: no category is a structural zero.
    check_trained([0, 0, 0, 0, 0], "0", ["<8", "<8", "<8", "<8", "<8"]);
}

#[test]
fn special_categories_have_a_threshold_of_their_own() {
    use folkmoot_domain::record::{Disability, Ethnicity};
    let mut hub = Hub::default();
    for (count, ethnicity, disability) in [
        (9, Ethnicity::Asian, Disability::Yes),
        (9, Ethnicity::Black, Disability::Yes),
        (40, Ethnicity::White, Disability::No),
    ] {
        let who = crate::fixture::Person { ethnicity, disability, ..person(Gender::Woman) };
        hub.add(count, who, EventKind::Actions, "2018-Q3", 1);
    }
    let prepared = hub.prepare("2018-Q3", "2018-10-01");
    let line = prepared.line(Indicator::PeopleMobilised, Dimension::Ethnicity);
    assert_eq!(line, ["<10", "<10", "<10", "about 40", "<10", "<10", "<10"]);
    assert_eq!(
        prepared.line(Indicator::PeopleMobilised, Dimension::Disability),
        ["withheld", "about 40", "<10", "<10"]
    );
}

#[test]
fn headlines_of_people() {
    for (mobilised, left, leaves) in [(0, 0, "0"), (0, 1, "<8"), (1, 1, "<8"), (7, 2, "<8"), (8, 2, "8")] {
        let mut hub = Hub::default();
        hub.add(mobilised, person(Gender::Woman), EventKind::Actions, "2018-Q3", 1);
        hub.add(left, person(Gender::Woman), EventKind::Actions, "2018-Q3", 0);
        assert_eq!(hub.prepare("2018-Q3", "2018-10-01").leaves("people_mobilised", "", ""), leaves);
    }
}

#[test]
fn sums_are_hidden_with_the_people_behind_them() {
    for (people, leaves) in [(0, "0"), (7, "withheld"), (8, "80")] {
        let mut hub = Hub::default();
        hub.add(people, person(Gender::Man), EventKind::Listenings, "2018-Q3", 10);
        assert_eq!(hub.prepare("2018-Q3", "2018-10-01").leaves("listenings", "", ""), leaves);
    }
}

#[test]
fn sums_that_one_or_two_people_make_up_are_hidden() {
    for (largest, second, reason) in [
        (18, 9, Reason::EnoughBehind),
        (19, 10, Reason::EnoughBehind),
        (30, 10, Reason::OneContributor),
        (88, 82, Reason::TwoContributors),
    ] {
        let mut hub = Hub::default();
        hub.add(9, person(Gender::Man), EventKind::Listenings, "2018-Q3", 1);
        hub.add(1, person(Gender::Man), EventKind::Listenings, "2018-Q3", largest);
        hub.add(1, person(Gender::Man), EventKind::Listenings, "2018-Q3", second);
        let prepared = hub.prepare("2018-Q3", "2018-10-01");
        let cell = prepared.cells.iter().find(|cell| cell.key == CellKey::headline(Indicator::Listenings)).unwrap();
        assert_eq!(cell.reason, reason, "{largest} {second}");
        assert_eq!(cell.figure == Figure::Withheld, reason.rule() == 4);
    }
}

#[test]
fn listenings_by_theme_stand_on_those_who_raised_it() {
    let mut hub = Hub::default();
    for (theme, people) in [(Some(Theme::Housing), 20), (Some(Theme::Debt), 7), (None, 9)] {
        for _ in 0..people {
            hub.add(1, person(Gender::Woman), EventKind::Listenings, "2018-Q3", 2);
            if let Some(theme) = theme {
                hub.about(theme);
            }
        }
    }
    let prepared = hub.prepare("2018-Q3", "2018-10-01");
    let leaves = |indicator, theme| prepared.leaves(indicator, "theme", theme);
    assert_eq!(
        (leaves("listenings", "housing"), leaves("people_listened_to", "housing")),
        ("about 40".into(), "about 20".into())
    );
    assert_eq!((leaves("listenings", "debt"), leaves("people_listened_to", "debt")), ("withheld".into(), "<8".into()));
    assert_eq!((leaves("listenings", "food"), leaves("people_listened_to", "food")), ("withheld".into(), "<8".into()));
}

#[test]
fn a_session_that_all_left_is_no_structural_zero() {
    let mut hub = Hub::default();
    hub.add(1, person(Gender::Woman), EventKind::Sessions, "2018-Q3", 0);
    let prepared = hub.prepare("2018-Q3", "2018-10-01");
    assert_eq!(prepared.leaves("people_trained", "", ""), "<8");
    assert_eq!(prepared.leaves("young_people_trained", "", ""), "<8");
    assert_eq!(prepared.leaves("training_minutes", "", ""), "withheld");
    assert_eq!(Hub::default().prepare("2018-Q3", "2018-10-01").leaves("people_trained", "", ""), "0");
}

#[test]
fn an_unfinished_period_is_refused() {
    let account = Hub::default().account();
    let on = |today| prepare(&account, &period("2018-Q3"), HUB, &Policy::floor(), day(today)).err();
    let last = day("2018-09-30");
    for (today, refusal) in [
        ("2018-08-01", Some(Refusal::PeriodUnfinished { last })),
        ("2018-09-30", Some(Refusal::PeriodUnfinished { last })),
        ("2018-10-01", None),
    ] {
        assert_eq!(on(today), refusal, "{today}");
    }
    let words = Refusal::PeriodUnfinished { last }.to_string();
    assert_eq!(words, "the period has not ended; it can be released from the day after 2018-09-30");
    let unknown = prepare(&account, &period("2030-Q3"), HUB, &Policy::floor(), day("2031-01-01"));
    assert_eq!(unknown.err(), Some(Refusal::PeriodUnknown));
}

#[test]
fn figures_that_contradict_each_other_are_refused() {
    let good = trained([10, 10, 0, 0, 0]).observations(&period("2018-Q3"));
    let changed = |indicator: Indicator, change: fn(&mut crate::Observation)| {
        let mut cells: BTreeMap<CellKey, crate::Observation> = good.cells().collect();
        change(cells.get_mut(&CellKey::headline(indicator)).unwrap());
        Observations::new(good.period().clone(), good.span(), cells).err()
    };
    for (indicator, change) in [
        (Indicator::PeopleTrained, (|seen| seen.value += 1) as fn(&mut crate::Observation)),
        (Indicator::PeopleTrained, |seen| seen.events_with_people = 0),
        (Indicator::YoungPeopleTrained, |seen| seen.value += 1),
        (Indicator::TrainingMinutes, |seen| seen.people_behind += 1),
        (Indicator::TrainingMinutes, |seen| seen.two_largest = seen.value + 1),
        (Indicator::TrainingMinutes, |seen| seen.value = 1),
        (Indicator::PeopleMobilised, |seen| seen.value += 1),
    ] {
        assert!(matches!(changed(indicator, change), Some(Refusal::Inconsistent { .. })), "{indicator:?}");
    }
    assert!(Observations::new(good.period().clone(), good.span(), BTreeMap::new()).is_err());
}

/// What the hub counts on anew is told by the caller: those whose people have changed by enough.
fn outdate(hub: &mut Hub, indicators: &[Indicator]) {
    hub.released.last_mut().unwrap().outdated = indicators.iter().copied().collect::<BTreeSet<_>>();
}

#[test]
fn a_release_stands_until_enough_people_have_changed_and_is_revised_once_a_financial_year() {
    let mut hub = trained([20, 20, 0, 0, 0]);
    let first = hub.release("2018-Q3", "2018-10-01");
    assert_eq!((first.standing, first.release.revision()), (Standing::First, 0));

    let again = hub.prepare("2018-Q3", "2019-06-01");
    assert_eq!((again.standing, &again.release, again.revisable_from), (Standing::Stands, &first.release, None));

    hub.add(9, person(Gender::Woman), EventKind::Sessions, "2018-Q3", 90);
    outdate(&mut hub, &[Indicator::PeopleTrained, Indicator::TrainingMinutes]);
    let revised = hub.release("2018-Q3", "2019-06-01");
    assert_eq!((revised.standing, revised.release.revision()), (Standing::Revision, 1));
    assert_eq!(revised.leaves("people_trained", "", ""), "49");

    hub.add(9, person(Gender::Woman), EventKind::Sessions, "2018-Q3", 90);
    outdate(&mut hub, &[Indicator::PeopleTrained, Indicator::TrainingMinutes]);
    let too_soon = hub.prepare("2018-Q3", "2020-03-31");
    assert_eq!((too_soon.standing, &too_soon.release), (Standing::Stands, &revised.release));
    assert_eq!(too_soon.revisable_from, Some(day("2020-04-01")));
    let next_year = hub.prepare("2018-Q3", "2020-04-01");
    assert_eq!((next_year.standing, next_year.release.revision()), (Standing::Revision, 2));
}

#[test]
fn a_revision_leaves_what_has_not_changed_by_enough() {
    let mut hub = trained([20, 20, 0, 0, 0]);
    hub.add(30, person(Gender::Man), EventKind::Actions, "2018-Q3", 1);
    hub.release("2018-Q3", "2018-10-01");
    hub.add(9, person(Gender::Woman), EventKind::Sessions, "2018-Q3", 90);
    hub.add(1, person(Gender::Woman), EventKind::Actions, "2018-Q3", 1);
    outdate(&mut hub, &[Indicator::PeopleTrained, Indicator::TrainingMinutes]);
    let revised = hub.prepare("2018-Q3", "2019-06-01");
    assert_eq!(revised.leaves("people_trained", "", ""), "49");
    assert_eq!(revised.leaves("people_mobilised", "", ""), "30");
}

#[test]
fn a_release_of_an_earlier_catalogue_stands_until_there_is_something_new_to_say() {
    let mut hub = trained([20, 20, 0, 0, 0]);
    hub.release("2018-Q3", "2018-10-01");
    let old = hub.of_the_second_catalogue();
    let again = hub.prepare("2018-Q3", "2019-06-01");
    assert_eq!((again.standing, again.release.catalogue_version()), (Standing::Stands, 2));
    assert_eq!(again.release.cells(), old, "as it was made");
    assert_eq!(again.cells.len(), old.len());

    hub.newer = 5;
    let revised = hub.release("2018-Q3", "2019-06-01");
    assert_eq!((revised.standing, revised.release.revision()), (Standing::Revision, 1));
    assert_eq!(revised.release.catalogue_version(), CATALOGUE_VERSION);
    let found = crate::differences(&old, revised.release.cells());
    let said: Vec<String> = found.iter().map(ToString::to_string).collect();
    assert_eq!(said[2], "Asks won: was not there, is now 5");
    assert_eq!(said.len(), 3, "{said:?}");
}

/// Quarters such as hubs have, small figures above all.
fn hubs() -> impl Strategy<Value = Hub> {
    let part = || prop_oneof![4 => 0..12usize, 1 => Just(0), 1 => 12..60usize];
    let parts = [part(), part(), part(), part(), part()];
    (parts, part(), part(), 0..3usize, 0..40u64, prop::option::of(1980..2005i32)).prop_map(
        |(by_gender, heard, mobilised, left, more, born)| {
            let mut hub = trained(by_gender);
            hub.add(left, person(Gender::Man), EventKind::Actions, "2018-Q3", 0);
            hub.add(mobilised, person(Gender::Woman), EventKind::Actions, "2018-Q3", 1);
            let who = crate::fixture::Person { birth_year: born, ..person(Gender::Woman) };
            hub.add(heard / 2, who, EventKind::Sessions, "2018-Q3", 60 + more);
            hub.add(heard, who, EventKind::Listenings, "2018-Q3", 1);
            if more > 20 {
                hub.add(1, who, EventKind::Listenings, "2018-Q3", more).about(Theme::Food);
            }
            hub
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_figure_holds_the_truth(hub in hubs()) {
        for cell in hub.prepare("2018-Q3", "2018-10-01").cells {
            prop_assert!(cell.figure.admits(cell.true_value), "{}: {:?}", cell.key, cell.figure);
        }
    }

    #[test]
    fn no_few_people_are_told(hub in hubs()) {
        for cell in &hub.prepare("2018-Q3", "2018-10-01").cells {
            if cell.key.indicator.class() == Class::People && cell.true_value < 8 && cell.reason != Reason::NoEvent {
                prop_assert!(cell.figure.is_hidden(), "{}", cell.key);
            }
            if cell.key.category.is_some() {
                prop_assert!(!matches!(cell.figure, Figure::Exact(_)));
            }
        }
    }

    #[test]
    fn no_additive_line_has_exactly_one_hidden_cell(hub in hubs()) {
        let prepared = hub.prepare("2018-Q3", "2018-10-01");
        for indicator in Indicator::ALL {
            for dimension in indicator.dimensions().iter().filter(|it| it.is_additive()) {
                let cells = prepared.cells.iter().filter(|cell| {
                    cell.key.indicator == indicator && cell.key.dimension() == Some(*dimension)
                });
                prop_assert_ne!(cells.filter(|cell| cell.figure.is_hidden()).count(), 1);
            }
        }
    }

    #[test]
    fn what_is_prepared_passes_the_check(hub in hubs()) {
        let release = hub.prepare("2018-Q3", "2018-10-01").release;
        let parts = ReleaseParts::from(&release);
        let today = day("2018-10-01");
        let checked = ReceivedRelease::check(&parts, HUB, &Programmes::default(), &Policies::default(), today);
        prop_assert_eq!(checked.map(|received| received.cells().to_vec()), Ok(release.cells().to_vec()));
    }
}
