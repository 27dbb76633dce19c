//! What one record adds to which indicator on which day. Pure: the store supplies ids, counts distinct people and takes
//! back what a record had added before it changed.

use time::Date;

use crate::indicator::{EventKind, Indicator};
use crate::record::{Outcome, TrainerAssurance};

/// One thing that a record adds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Contribution {
    /// So much more of an additive part: of a sum, or, for anonymous people, of a distinct count.
    Amount {
        /// To what.
        indicator: Indicator,
        /// When.
        on: Date,
        /// How much.
        amount: u64,
    },
    /// The person whom the record is about is one of those counted.
    Presence {
        /// In what.
        indicator: Indicator,
        /// When.
        on: Date,
    },
    /// An event of a kind had people: where a period has none, its figures are structural zeros.
    Event {
        /// Of what kind.
        kind: EventKind,
        /// When.
        on: Date,
    },
}

use Contribution::{Amount, Event, Presence};

/// A session, whoever came.
pub fn session(on: Date) -> Vec<Contribution> {
    vec![Amount { indicator: Indicator::TrainingSessions, on, amount: 1 }]
}

/// A person's attendance of a session, given the session's day and minutes and the person's year of birth.
pub fn attendance(outcome: Outcome, on: Date, minutes: u32, birth_year: Option<i32>) -> Vec<Contribution> {
    let mut added = vec![Event { kind: EventKind::Sessions, on }];
    if outcome == Outcome::Completed {
        added.push(Presence { indicator: Indicator::PeopleTrained, on });
        if is_young(on, birth_year) {
            added.push(Presence { indicator: Indicator::YoungPeopleTrained, on });
        }
        added.push(Amount { indicator: Indicator::TrainingMinutes, on, amount: u64::from(minutes) });
    }
    added
}

/// Whether somebody was under 25 on 31 December of the session's year; an unknown year of birth is not young.
pub fn is_young(on: Date, birth_year: Option<i32>) -> bool {
    birth_year.is_some_and(|year| on.year() - year < 25)
}

/// A listening campaign: it counts once it has reported back.
pub fn listening_campaign(reported_back_on: Option<Date>) -> Vec<Contribution> {
    let indicator = Indicator::ListeningCampaignsReportedBack;
    reported_back_on.map(|on| Amount { indicator, on, amount: 1 }).into_iter().collect()
}

/// A listening, given whether the person is known. `repeat` concerns anonymous ones only.
pub fn listening(on: Date, known: bool, repeat: bool) -> Vec<Contribution> {
    let mut added =
        vec![Event { kind: EventKind::Listenings, on }, Amount { indicator: Indicator::Listenings, on, amount: 1 }];
    if known {
        added.push(Presence { indicator: Indicator::PeopleListenedTo, on });
    } else if !repeat {
        added.push(Amount { indicator: Indicator::PeopleListenedTo, on, amount: 1 });
    }
    added
}

/// An action, whoever took part.
pub fn action(on: Date) -> Vec<Contribution> {
    vec![Amount { indicator: Indicator::ActionsHeld, on, amount: 1 }]
}

/// A person's part in an action, given the action's day.
pub fn participation(on: Date) -> Vec<Contribution> {
    vec![Event { kind: EventKind::Actions, on }, Presence { indicator: Indicator::PeopleMobilised, on }]
}

/// A project, by the day it started.
pub fn project(on: Date) -> Vec<Contribution> {
    vec![Amount { indicator: Indicator::CommunityProjectsSupported, on, amount: 1 }]
}

/// Money raised.
pub fn funding(on: Date, pence: u64) -> Vec<Contribution> {
    vec![Amount { indicator: Indicator::FundingLeveragedPence, on, amount: pence }]
}

/// Whether a trainer's assurance is valid on a day: from the day assured until the day before it expires. A trainer
/// with two valid assurances is one trainer.
pub fn is_assured(assurance: &TrainerAssurance, day: Date) -> bool {
    assurance.quality_assured_on <= day && day < assurance.expires_on
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calendar::parse_date;
    use crate::record::Reference;

    fn day(text: &str) -> Date {
        parse_date(text).unwrap()
    }

    #[test]
    fn young_is_under_25_at_the_end_of_the_sessions_year() {
        for (birth_year, young) in [(Some(1994), true), (Some(1993), false), (Some(2030), true), (None, false)] {
            assert_eq!(is_young(day("2018-01-01"), birth_year), young, "{birth_year:?}");
        }
    }

    #[test]
    fn only_a_completed_attendance_trains() {
        let on = day("2018-06-30");
        assert_eq!(attendance(Outcome::Left, on, 90, Some(2000)), [Event { kind: EventKind::Sessions, on }]);
        assert_eq!(
            attendance(Outcome::Completed, on, 90, Some(2000)),
            [
                Event { kind: EventKind::Sessions, on },
                Presence { indicator: Indicator::PeopleTrained, on },
                Presence { indicator: Indicator::YoungPeopleTrained, on },
                Amount { indicator: Indicator::TrainingMinutes, on, amount: 90 },
            ]
        );
    }

    #[test]
    fn an_assurance_ends_the_day_before_it_expires() {
        let assurance = TrainerAssurance {
            person: Reference::new("T-1").unwrap(),
            quality_assured_on: day("2018-01-01"),
            expires_on: day("2021-01-01"),
        };
        for (on, valid) in [("2017-12-31", false), ("2018-01-01", true), ("2020-12-31", true), ("2021-01-01", false)] {
            assert_eq!(is_assured(&assurance, day(on)), valid, "{on}");
        }
    }
}
