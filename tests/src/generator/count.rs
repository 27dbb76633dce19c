//! What a hub's records add up to: every question looks at every record, and keeps nothing between two questions.

use std::collections::BTreeSet;

use super::{GENDERS, Hub};
use crate::day::{Day, Window};

/// The indicators, in the order of the catalogue.
pub const CODES: [&str; 15] = [
    "people_trained",
    "young_people_trained",
    "training_sessions",
    "training_minutes",
    "trainers_quality_assured",
    "listenings",
    "people_listened_to",
    "listening_campaigns_reported_back",
    "people_mobilised",
    "actions_held",
    "community_projects_supported",
    "funding_leveraged_pence",
    "organisations_signed_up",
    "campaign_reach",
    "asks_won",
];

/// What a hub holds for one indicator and period, and what its disclosure depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Truth {
    /// The indicator's code.
    pub code: &'static str,
    /// The figure.
    pub value: u64,
    /// The people who stand behind a sum of theirs.
    pub people_behind: u64,
    /// Whether the hub held an event of the indicator's kind, with people, in the period.
    pub held_events: bool,
}

/// All figures of one period, in the order of [`CODES`].
pub fn truths(hub: &Hub, window: &Window) -> Vec<Truth> {
    CODES
        .iter()
        .map(|code| Truth {
            code,
            value: figure(hub, code, window),
            people_behind: match *code {
                "training_minutes" => figure(hub, "people_trained", window),
                "listenings" => figure(hub, "people_listened_to", window),
                _ => 0,
            },
            held_events: match *code {
                "people_trained" | "young_people_trained" | "training_minutes" => hub
                    .attendances
                    .iter()
                    .any(|attendance| session_day(hub, &attendance.session).is_some_and(|day| window.holds(day))),
                "people_listened_to" | "listenings" => {
                    hub.listenings.iter().any(|listening| window.holds(listening.date))
                }
                "people_mobilised" => hub
                    .participations
                    .iter()
                    .any(|part| action_day(hub, &part.action).is_some_and(|day| window.holds(day))),
                _ => true,
            },
        })
        .collect()
}

/// One figure.
///
/// # Panics
/// Where there is no such indicator.
pub fn figure(hub: &Hub, code: &str, window: &Window) -> u64 {
    let count = |days: Vec<Day>| days.into_iter().filter(|day| window.holds(*day)).count() as u64;
    match code {
        "people_trained" => trained(hub, window).len() as u64,
        "young_people_trained" => young(hub, window).len() as u64,
        "training_sessions" => count(hub.sessions.iter().map(|session| session.date).collect()),
        "training_minutes" => completed(hub, window).map(|(session, _)| session_minutes(hub, session)).sum(),
        "trainers_quality_assured" => {
            let assured = hub.trainers.iter().filter(|row| row.from <= window.last && window.last < row.until);
            assured.map(|row| &row.person).collect::<BTreeSet<_>>().len() as u64
        }
        "listenings" => count(hub.listenings.iter().map(|listening| listening.date).collect()),
        "people_listened_to" => {
            let heard = || hub.listenings.iter().filter(|listening| window.holds(listening.date));
            let known: BTreeSet<_> = heard().filter_map(|listening| listening.person.as_ref()).collect();
            let anonymous = heard().filter(|listening| listening.person.is_none() && !listening.repeat).count();
            (known.len() + anonymous) as u64
        }
        "listening_campaigns_reported_back" => {
            count(hub.campaigns.iter().filter_map(|campaign| campaign.reported_back).collect())
        }
        "people_mobilised" => {
            let took_part = hub
                .participations
                .iter()
                .filter(|part| action_day(hub, &part.action).is_some_and(|day| window.holds(day)));
            took_part.map(|part| &part.person).collect::<BTreeSet<_>>().len() as u64
        }
        "actions_held" => count(hub.actions.iter().map(|action| action.date).collect()),
        "community_projects_supported" => count(hub.projects.iter().map(|project| project.started).collect()),
        "funding_leveraged_pence" => {
            hub.funding.iter().filter(|money| window.holds(money.date)).map(|money| money.pence).sum()
        }
        // No record of a hub's own: they come from the campaigns that it leads.
        "organisations_signed_up" | "campaign_reach" | "asks_won" => 0,
        other => panic!("no indicator {other}"),
    }
}

/// People trained by gender, in the order of [`GENDERS`].
pub fn trained_by_gender(hub: &Hub, window: &Window) -> [u64; GENDERS.len()] {
    let mut cells = [0; GENDERS.len()];
    for reference in trained(hub, window) {
        if let Some(person) = hub.people.iter().find(|person| person.reference == reference) {
            cells[person.gender] += 1;
        }
    }
    cells
}

fn session_day(hub: &Hub, reference: &str) -> Option<Day> {
    hub.sessions.iter().find(|session| session.reference == reference).map(|session| session.date)
}

fn session_minutes(hub: &Hub, reference: &str) -> u64 {
    hub.sessions.iter().find(|session| session.reference == reference).map_or(0, |session| session.minutes)
}

fn action_day(hub: &Hub, reference: &str) -> Option<Day> {
    hub.actions.iter().find(|action| action.reference == reference).map(|action| action.date)
}

/// (session, person) of every attendance completed in the period.
fn completed<'a>(hub: &'a Hub, window: &'a Window) -> impl Iterator<Item = (&'a str, &'a str)> {
    hub.attendances
        .iter()
        .filter(|attendance| attendance.completed)
        .filter(|attendance| session_day(hub, &attendance.session).is_some_and(|day| window.holds(day)))
        .map(|attendance| (attendance.session.as_str(), attendance.person.as_str()))
}

fn trained<'a>(hub: &'a Hub, window: &'a Window) -> BTreeSet<&'a str> {
    completed(hub, window).map(|(_, person)| person).collect()
}

fn young<'a>(hub: &'a Hub, window: &'a Window) -> BTreeSet<&'a str> {
    let is_young = |session: &str, person: &str| {
        let born = hub.people.iter().find(|known| known.reference == person).and_then(|known| known.birth_year);
        let held = session_day(hub, session).map(|day| day.year);
        born.zip(held).is_some_and(|(born, held)| held - born < 25)
    };
    completed(hub, window).filter(|(session, person)| is_young(session, person)).map(|(_, person)| person).collect()
}
