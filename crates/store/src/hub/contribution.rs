//! What one stored record adds to the figures. A change of a record takes back what it added as it was and adds what it
//! adds as it is, so that no figure is ever counted anew.

use std::collections::{BTreeMap, BTreeSet};

use folkmoot_domain::Date;
use folkmoot_domain::calendar::{Quarter, parse_date};
use folkmoot_domain::contribution::{self, Contribution};
use folkmoot_domain::import::File;
use folkmoot_domain::indicator::{EventKind, Indicator};
use folkmoot_domain::record::{Gender, Listening, Outcome};
use rusqlite::{CachedStatement, Connection, Row};

use crate::error::StoreError;

/// What adds up over quarters.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Measure {
    /// The additive part of an indicator.
    Of(Indicator),
    /// Events of a kind, once for each person in them; this never leaves the hub.
    WithPeople(EventKind),
}

impl Measure {
    pub(super) fn code(self) -> &'static str {
        match self {
            Self::Of(indicator) => indicator.code(),
            Self::WithPeople(EventKind::Sessions) => "with-people/sessions",
            Self::WithPeople(EventKind::Actions) => "with-people/actions",
            Self::WithPeople(EventKind::Listenings) => "with-people/listenings",
        }
    }
}

/// One person as one indicator sees them.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Seen {
    /// The `key` in `person`.
    pub(super) person: i64,
    pub(super) indicator: Indicator,
    /// The person's gender, for people trained; else nothing. Breakdowns are counted from the records.
    pub(super) gender: Option<Gender>,
}

/// Whether a record's contributions are added or taken back.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    Add,
    TakeBack,
}

impl Turn {
    fn of(self, amount: i64) -> i64 {
        match self {
            Self::Add => amount,
            Self::TakeBack => -amount,
        }
    }
}

/// By how much figures change, by number of the quarter ([`Quarter::index`]).
#[derive(Default)]
pub(super) struct Deltas {
    pub(super) tallies: BTreeMap<(Measure, i32), i64>,
    /// Events in which a person is seen.
    pub(super) presences: BTreeMap<Seen, BTreeMap<i32, i64>>,
    /// Quarters in which something counts that was written, whether or not a figure changes.
    pub(super) quarters: BTreeSet<i32>,
}

/// Reads what stored records add to the figures, and adds it up.
pub(super) struct Adding<'a> {
    connection: &'a Connection,
    /// Those asked so far, which are few.
    statements: Vec<(&'static str, CachedStatement<'a>)>,
    pub(super) deltas: Deltas,
}

/// Whom a record is about, as the figures see them.
struct Subject {
    key: i64,
    gender: Gender,
}

impl Subject {
    fn seen_by(&self, indicator: Indicator) -> Seen {
        let gender = (indicator == Indicator::PeopleTrained).then_some(self.gender);
        Seen { person: self.key, indicator, gender }
    }
}

type Read = fn(&Row<'_>) -> Result<(Vec<Contribution>, Option<Subject>), StoreError>;

impl<'a> Adding<'a> {
    pub(super) fn new(connection: &'a Connection) -> Self {
        Self { connection, statements: Vec::new(), deltas: Deltas::default() }
    }

    /// Adds, or takes back, what a stored record adds to the figures as the tables have it now: its own contributions,
    /// and those of the records whose contributions depend on it.
    pub(super) fn record(&mut self, file: File, key: i64, turn: Turn) -> Result<(), StoreError> {
        let mut each = |query: &'static str, read: Read| self.each(query, key, turn, read);
        match file {
            // Of what a person is seen in, only trainings look at more than who it is. Another phone number touches no
            // quarter; what does is said by `recategorised`.
            File::People => {
                let quarters = std::mem::take(&mut self.deltas.quarters);
                let read = self.each(TRAININGS_OF_PERSON, key, turn, training);
                self.deltas.quarters = quarters;
                read
            }
            // The trainers of a day are counted when they are asked for: they are few.
            File::Trainers => Ok(()),
            File::Sessions => {
                each(SESSION, |row| Ok((contribution::session(day(row, 0)?), None)))?;
                each(TRAININGS_OF_SESSION, training)
            }
            File::Attendances => each(TRAINING, training),
            File::ListeningCampaigns => {
                each(CAMPAIGN, |row| Ok((contribution::listening_campaign(Some(day(row, 0)?)), None)))
            }
            File::Listenings => each(LISTENING, |row| {
                let subject = subject(row, 1)?;
                Ok((contribution::listening(day(row, 0)?, subject.is_some(), row.get(3)?), subject))
            }),
            File::Actions => {
                each(ACTION, |row| Ok((contribution::action(day(row, 0)?), None)))?;
                each(PARTICIPATIONS_OF_ACTION, participation)
            }
            File::Participations => each(PARTICIPATION, participation),
            File::Projects => each(PROJECT, |row| Ok((contribution::project(day(row, 0)?), None))),
            File::Funding => each(FUNDING, |row| Ok((contribution::funding(day(row, 0)?, row.get(1)?), None))),
        }
    }

    /// Notes that somebody is in other categories than before, in every quarter that has them.
    pub(super) fn recategorised(&mut self, person: i64) -> Result<(), StoreError> {
        let mut seen = self.connection.prepare_cached("SELECT DISTINCT quarter FROM presence WHERE person = ?1")?;
        for quarter in seen.query_map([person], |row| row.get(0))? {
            self.deltas.quarters.insert(quarter?);
        }
        Ok(())
    }

    /// Adds what a listening adds that was just written: what the query would read of it is at hand.
    pub(super) fn new_listening(&mut self, listening: &Listening, person: Option<i64>) -> Result<(), StoreError> {
        let subject = match person {
            None => None,
            Some(key) => {
                let mut gender = self.connection.prepare_cached("SELECT key, gender FROM person WHERE key = ?1")?;
                let mut rows = gender.query([key])?;
                let row = rows.next()?.ok_or_else(|| StoreError::inconsistent("whom a record is about"))?;
                subject(row, 0)?
            }
        };
        for contribution in contribution::listening(listening.date, subject.is_some(), listening.repeat) {
            self.deltas.contribution(contribution, subject.as_ref(), Turn::Add)?;
        }
        Ok(())
    }

    fn each(&mut self, query: &'static str, key: i64, turn: Turn, read: Read) -> Result<(), StoreError> {
        let place = match self.statements.iter().position(|(known, _)| *known == query) {
            Some(place) => place,
            None => {
                self.statements.push((query, self.connection.prepare_cached(query)?));
                self.statements.len() - 1
            }
        };
        let mut rows = self.statements[place].1.query([key])?;
        while let Some(row) = rows.next()? {
            let (contributions, subject) = read(row)?;
            for contribution in contributions {
                self.deltas.contribution(contribution, subject.as_ref(), turn)?;
            }
        }
        Ok(())
    }
}

impl Deltas {
    fn contribution(
        &mut self,
        contribution: Contribution,
        subject: Option<&Subject>,
        turn: Turn,
    ) -> Result<(), StoreError> {
        self.quarters.insert(quarter(contribution).index());
        match contribution {
            Contribution::Amount { indicator, on, amount } => {
                let amount = i64::try_from(amount).map_err(|_| beyond_counting())?;
                self.tally(Measure::Of(indicator), on, turn.of(amount))
            }
            Contribution::Event { kind, on } => self.tally(Measure::WithPeople(kind), on, turn.of(1)),
            Contribution::Presence { indicator, on } => {
                let subject = subject.ok_or_else(|| StoreError::inconsistent("whom a record is about"))?;
                let seen = subject.seen_by(indicator);
                *self.presences.entry(seen).or_default().entry(Quarter::of(on).index()).or_default() += turn.of(1);
                Ok(())
            }
        }
    }

    fn tally(&mut self, measure: Measure, on: Date, amount: i64) -> Result<(), StoreError> {
        let value = self.tallies.entry((measure, Quarter::of(on).index())).or_default();
        *value = value.checked_add(amount).ok_or_else(beyond_counting)?;
        Ok(())
    }
}

fn quarter(contribution: Contribution) -> Quarter {
    match contribution {
        Contribution::Amount { on, .. } | Contribution::Presence { on, .. } | Contribution::Event { on, .. } => {
            Quarter::of(on)
        }
    }
}

/// A sum that no longer fits: no real hub comes near.
fn beyond_counting() -> StoreError {
    StoreError::inconsistent("a sum that is too large to count")
}

fn training(row: &Row<'_>) -> Result<(Vec<Contribution>, Option<Subject>), StoreError> {
    let outcome = row.get_ref(3)?.as_str().ok().and_then(Outcome::from_code);
    let outcome = outcome.ok_or_else(|| StoreError::inconsistent("an attendance's outcome"))?;
    Ok((contribution::attendance(outcome, day(row, 0)?, row.get(4)?, row.get(5)?), subject(row, 1)?))
}

fn participation(row: &Row<'_>) -> Result<(Vec<Contribution>, Option<Subject>), StoreError> {
    Ok((contribution::participation(day(row, 0)?), subject(row, 1)?))
}

fn day(row: &Row<'_>, column: usize) -> Result<Date, StoreError> {
    let day = row.get_ref(column)?.as_str().ok().and_then(parse_date);
    day.ok_or_else(|| StoreError::inconsistent("a record's day"))
}

/// The person's `key` and, in the column after it, the gender; `None` where there is no person.
fn subject(row: &Row<'_>, column: usize) -> Result<Option<Subject>, StoreError> {
    let Some(key) = row.get(column)? else { return Ok(None) };
    let gender = row.get_ref(column + 1)?.as_str().ok().and_then(Gender::from_code);
    Ok(Some(Subject { key, gender: gender.ok_or_else(|| StoreError::inconsistent("a person's gender"))? }))
}

macro_rules! trainings {
    ($key:literal) => {
        concat!(
            "SELECT session.date, person.key, person.gender, attendance.outcome, session.minutes, person.birth_year ",
            "FROM attendance JOIN session ON session.key = attendance.session ",
            "JOIN person ON person.key = attendance.person WHERE ",
            $key,
            " = ?1"
        )
    };
}

macro_rules! participations {
    ($key:literal) => {
        concat!(
            "SELECT action.date, person.key, person.gender FROM participation ",
            "JOIN action ON action.key = participation.action JOIN person ON person.key = participation.person WHERE ",
            $key,
            " = ?1"
        )
    };
}

const TRAINING: &str = trainings!("attendance.key");
const TRAININGS_OF_SESSION: &str = trainings!("attendance.session");
const TRAININGS_OF_PERSON: &str = trainings!("attendance.person");
const PARTICIPATION: &str = participations!("participation.key");
const PARTICIPATIONS_OF_ACTION: &str = participations!("participation.action");
const SESSION: &str = "SELECT date FROM session WHERE key = ?1";
const CAMPAIGN: &str =
    "SELECT reported_back_on FROM listening_campaign WHERE key = ?1 AND reported_back_on IS NOT NULL";
const LISTENING: &str = "SELECT listening.date, person.key, person.gender, listening.repeat = 'yes' FROM listening \
     LEFT JOIN person ON person.key = listening.person WHERE listening.key = ?1";
const ACTION: &str = "SELECT date FROM action WHERE key = ?1";
const PROJECT: &str = "SELECT started_on FROM project WHERE key = ?1";
const FUNDING: &str = "SELECT date, amount_pence FROM funding WHERE key = ?1";
