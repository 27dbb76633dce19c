use std::collections::BTreeMap;

use folkmoot_domain::calendar::{Programmes, parse_date};
use folkmoot_domain::indicator::{Dimension, EventKind};
use proptest::prelude::*;

use super::*;
use crate::{Observation, ReceivedRelease, ReleaseParts};

const HUB: [u8; 32] = [7; 32];

fn day(text: &str) -> Date {
    parse_date(text).unwrap()
}

/// The figures of a quarter, few enough to read.
#[derive(Debug, Clone, Default)]
struct Quarter {
    /// People trained: women, men, non-binary, preferred not to say, not known.
    trained: [u64; 5],
    young: u64,
    minutes: u64,
    listenings: u64,
    listened_to: u64,
    mobilised: u64,
    /// How many sessions, listenings and actions had people.
    with_people: [u64; 3],
    sessions: u64,
    actions: u64,
}

impl Quarter {
    fn observations(&self) -> Result<Observations, Refusal> {
        let trained: u64 = self.trained.iter().sum();
        let with_people = |indicator: Indicator| match indicator.event_kind() {
            Some(EventKind::Sessions) => self.with_people[0],
            Some(EventKind::Listenings) => self.with_people[1],
            Some(EventKind::Actions) => self.with_people[2],
            None => 0,
        };
        let cells = CellKey::all().into_iter().map(|key| {
            let value = match (key.indicator, key.category) {
                (_, Some(category)) => {
                    let at = Dimension::Gender.categories().iter().position(|known| *known == category);
                    self.trained[at.unwrap()]
                }
                (Indicator::PeopleTrained, None) => trained,
                (Indicator::YoungPeopleTrained, None) => self.young,
                (Indicator::TrainingMinutes, None) => self.minutes,
                (Indicator::TrainingSessions, None) => self.sessions,
                (Indicator::Listenings, None) => self.listenings,
                (Indicator::PeopleListenedTo, None) => self.listened_to,
                (Indicator::PeopleMobilised, None) => self.mobilised,
                (Indicator::ActionsHeld, None) => self.actions,
                (Indicator::TrainersQualityAssured, None) => 2,
                (Indicator::FundingLeveragedPence, None) => 125_050,
                (Indicator::ListeningCampaignsReportedBack | Indicator::CommunityProjectsSupported, None) => 1,
            };
            let people_behind = match key.indicator.class() {
                Class::PeopleSum { behind: Indicator::PeopleTrained } => trained,
                Class::PeopleSum { .. } => self.listened_to,
                Class::People | Class::Open => 0,
            };
            (key, Observation { value, people_behind, events_with_people: with_people(key.indicator) })
        });
        let period: Period = "2018-Q3".parse().unwrap();
        let span = period.span(&Programmes::default()).unwrap();
        Observations::new(period, span, cells.collect())
    }

    fn prepared(&self) -> Prepared {
        prepare(&self.observations().unwrap(), HUB, 0, &Policy::floor(), day("2018-10-01")).unwrap()
    }

    /// What leaves of a headline.
    fn leaves(&self, indicator: Indicator) -> String {
        let prepared = self.prepared();
        let cell = prepared.cells.iter().find(|cell| cell.key == CellKey::headline(indicator)).unwrap();
        cell.figure.words(indicator.unit())
    }
}

/// People trained by gender: what leaves of the headline and of each category.
fn check_trained(trained: [u64; 5], expected: [&str; 6]) {
    let total: u64 = trained.iter().sum();
    let held = u64::from(total > 0);
    let quarter =
        Quarter { trained, minutes: total * 90, sessions: held, with_people: [held, 0, 0], ..Quarter::default() };
    let prepared = quarter.prepared();
    let cells = prepared.cells.iter().filter(|cell| cell.key.indicator == Indicator::PeopleTrained);
    let leaves: Vec<String> = cells.map(|cell| cell.figure.words(cell.key.indicator.unit())).collect();
    assert_eq!(leaves, expected, "{trained:?}");
}

#[test]
fn people_trained_by_gender() {
    let w = "withheld";
    // The smallest of those shown is hidden beside the one small part.
    check_trained([13, 22, 3, 9, 0], ["47", "about 15", "about 20", "<8", "about 10", "<8"]);
    check_trained([13, 22, 3, 9, 8], ["55", "about 15", "about 20", "<8", "about 10", w]);
    // Of equals the first in the catalogue.
    check_trained([9, 22, 3, 9, 9], ["52", w, "about 20", "<8", "about 10", "about 10"]);
    check_trained([9, 22, 13, 9, 9], ["62", "about 10", "about 20", "about 15", "about 10", "about 10"]);
    // Everybody in one part.
    check_trained([0, 40, 0, 0, 0], ["40", w, w, w, w, w]);
    check_trained([1, 40, 0, 0, 0], ["41", "<8", "about 40", "<8", "<8", "<8"]);
    // The headline is hidden.
    check_trained([3, 4, 0, 0, 0], ["<8", w, w, w, w, w]);
    check_trained([4, 4, 0, 0, 0], ["8", "<8", "<8", "<8", "<8", "<8"]);
    // Nobody could be: no category is a structural zero.
    check_trained([0, 0, 0, 0, 0], ["0", "<8", "<8", "<8", "<8", "<8"]);
}

#[test]
fn headlines_of_people() {
    for (mobilised, with_people, leaves) in [(0, 0, "0"), (0, 1, "<8"), (1, 1, "<8"), (7, 2, "<8"), (8, 2, "8")] {
        let quarter = Quarter { mobilised, actions: 3, with_people: [0, 0, with_people], ..Quarter::default() };
        assert_eq!(quarter.leaves(Indicator::PeopleMobilised), leaves);
        assert_eq!(quarter.leaves(Indicator::ActionsHeld), "3");
    }
}

#[test]
fn sums_are_hidden_with_the_people_behind_them() {
    for (listenings, listened_to, leaves) in [(0, 0, "0"), (900, 7, "withheld"), (1, 0, "withheld"), (9, 8, "9")] {
        let with_people = [0, listenings, 0];
        let quarter = Quarter { listenings, listened_to, with_people, ..Quarter::default() };
        assert_eq!(quarter.leaves(Indicator::Listenings), leaves);
    }
}

#[test]
fn a_session_that_all_left_is_no_structural_zero() {
    let quarter = Quarter { sessions: 1, with_people: [1, 0, 0], ..Quarter::default() };
    assert_eq!(quarter.leaves(Indicator::PeopleTrained), "<8");
    assert_eq!(quarter.leaves(Indicator::YoungPeopleTrained), "<8");
    assert_eq!(quarter.leaves(Indicator::TrainingMinutes), "withheld");
    let empty = Quarter { sessions: 1, ..Quarter::default() };
    assert_eq!(empty.leaves(Indicator::PeopleTrained), "0");
}

#[test]
fn open_figures_are_exact() {
    let quarter = Quarter::default();
    assert_eq!(quarter.leaves(Indicator::FundingLeveragedPence), "£1,250.50");
    assert_eq!(quarter.leaves(Indicator::TrainersQualityAssured), "2");
}

#[test]
fn an_unfinished_period_is_refused() {
    let observations = Quarter::default().observations().unwrap();
    let on = |today| prepare(&observations, HUB, 0, &Policy::floor(), day(today)).err();
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
    let revision = prepare(&observations, HUB, 1, &Policy::floor(), day("2019-01-01"));
    assert_eq!(revision.err(), Some(Refusal::Revision));
}

#[test]
fn figures_that_contradict_each_other_are_refused() {
    let trained = [10, 10, 0, 0, 0];
    let good = Quarter { trained, minutes: 900, sessions: 1, with_people: [1, 0, 0], ..Quarter::default() };
    assert!(good.observations().is_ok());
    for wrong in [
        Quarter { young: 21, ..good.clone() },
        Quarter { with_people: [0; 3], ..good.clone() },
        Quarter { mobilised: 1, ..good },
    ] {
        assert!(matches!(wrong.observations(), Err(Refusal::Inconsistent { .. })), "{wrong:?}");
    }
    let period: Period = "2018-Q3".parse().unwrap();
    let span = period.span(&Programmes::default()).unwrap();
    assert!(Observations::new(period, span, BTreeMap::new()).is_err());
}

/// Quarters such as hubs have, small figures above all.
fn quarters() -> impl Strategy<Value = Quarter> {
    let part = || prop_oneof![4 => 0..12u64, 1 => Just(0), 1 => 12..400u64];
    let parts = [part(), part(), part(), part(), part()];
    (parts, part(), part(), part(), part(), part(), (0..3u64, 0..3u64)).prop_map(
        |(trained, young, more, known, repeats, mobilised, (empty_sessions, empty_actions))| {
            let total: u64 = trained.iter().sum();
            let events = u64::from(total > 0 || more > 6);
            let listenings = if known == 0 && repeats < 6 { 0 } else { known + repeats };
            let actions = u64::from(mobilised > 0 || more > 6);
            Quarter {
                trained,
                young: young.min(total),
                minutes: if total == 0 { 0 } else { total * 60 + more },
                listenings,
                listened_to: known.min(listenings),
                mobilised,
                with_people: [events, listenings, actions],
                sessions: events + empty_sessions,
                actions: actions + empty_actions,
            }
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_figure_holds_the_truth(quarter in quarters()) {
        for cell in quarter.prepared().cells {
            prop_assert!(cell.figure.admits(cell.true_value), "{}: {:?}", cell.key, cell.figure);
        }
    }

    #[test]
    fn no_few_people_are_told(quarter in quarters()) {
        let prepared = quarter.prepared();
        for cell in &prepared.cells {
            let people = match cell.key.indicator.class() {
                Class::People => cell.true_value,
                Class::PeopleSum { behind } => {
                    prepared.cells.iter().find(|other| other.key == CellKey::headline(behind)).unwrap().true_value
                }
                Class::Open => continue,
            };
            if people < 8 && cell.reason != Reason::NoEvent {
                prop_assert!(cell.figure.is_hidden(), "{}", cell.key);
            }
            if cell.key.category.is_some() {
                prop_assert!(!matches!(cell.figure, Figure::Exact(_)));
            }
        }
    }

    #[test]
    fn no_line_has_exactly_one_hidden_cell(quarter in quarters()) {
        let prepared = quarter.prepared();
        let headline = prepared.cells[0].figure;
        let hidden = prepared.cells[1..6].iter().filter(|cell| cell.figure.is_hidden()).count();
        prop_assert_ne!(hidden, 1);
        if headline.is_hidden() {
            prop_assert!(prepared.cells[1..6].iter().all(|cell| cell.figure == Figure::Withheld));
        }
    }

    #[test]
    fn what_is_prepared_passes_the_check(quarter in quarters()) {
        let release = quarter.prepared().release;
        let parts = ReleaseParts::from(&release);
        let checked = ReceivedRelease::check(&parts, HUB, &Programmes::default(), day("2018-10-01"));
        prop_assert_eq!(checked.map(|received| received.cells().to_vec()), Ok(release.cells().to_vec()));
    }
}
