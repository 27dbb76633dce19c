//! A hub's true headlines: kept up to date by differences, and read by period.

use std::collections::{BTreeMap, BTreeSet};

use folkmoot_domain::Date;
use folkmoot_domain::calendar::{FinancialYear, Period, Programme, ProgrammeCode, Quarter, Span, iso, parse_date};
use folkmoot_domain::indicator::{Aggregation, Indicator};
use folkmoot_domain::record::Gender;
use rusqlite::{CachedStatement, Connection, OptionalExtension, params};

use super::HubStore;
use super::contribution::{Deltas, Measure, Seen};
use super::outcome;
use crate::engine::UnixMillis;
use crate::error::StoreError;

impl HubStore {
    /// The true headlines of a period, 0 where there are no rows: nothing is counted for them.
    ///
    /// # Errors
    /// [`StoreError::UnknownProgramme`]; failures of the database.
    pub fn headlines(&self, period: &Period) -> Result<BTreeMap<Indicator, u64>, StoreError> {
        self.store.read("hub headlines", |connection| headlines(connection, period))
    }
}

/// Begins to count distinct people for a funding programme, from what the tables hold. Doing it again changes nothing.
pub(crate) fn track_programme(connection: &Connection, programme: &Programme) -> Result<(), StoreError> {
    let code = programme.code.as_str();
    let added = connection.execute(
        "INSERT INTO tracked_programme (code, title, first, last) VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING",
        params![code, programme.title, iso(programme.span.first), iso(programme.span.last)],
    )?;
    if added > 0 {
        let (first, last) = quarters(programme.span);
        connection.execute(
            "INSERT INTO distinct_people (period, indicator, category, value) \
             SELECT ?1, indicator, category, count(DISTINCT person) FROM presence WHERE quarter BETWEEN ?2 AND ?3 \
             GROUP BY indicator, category",
            params![Period::Programme(programme.code.clone()).to_string(), first, last],
        )?;
    }
    Ok(())
}

/// Writes what has changed, and which quarters were touched.
pub(super) fn apply(connection: &Connection, deltas: &Deltas, now: UnixMillis) -> Result<(), StoreError> {
    if !deltas.quarters.is_empty() {
        // To the minute, so that a table is not written for each of many listenings.
        let mut touch = connection.prepare_cached(
            "INSERT INTO touched (quarter, at) VALUES (?1, ?2) \
             ON CONFLICT DO UPDATE SET at = excluded.at WHERE excluded.at >= at + 60000",
        )?;
        for quarter in &deltas.quarters {
            touch.execute(params![quarter, now.0])?;
        }
    }
    for (&(measure, quarter), &delta) in &deltas.tallies {
        if delta != 0 {
            add_tally(connection, measure, quarter, delta)?;
        }
    }
    if deltas.presences.is_empty() {
        return Ok(());
    }
    let programmes = tracked(connection)?;
    let mut presences = Presences::of(connection)?;
    let mut people: BTreeMap<(Counted, &'static str, &'static str), i64> = BTreeMap::new();
    for (seen, by_quarter) in &deltas.presences {
        if by_quarter.values().all(|&delta| delta == 0) {
            continue;
        }
        let (before, after) = presences.change(seen, by_quarter)?;
        for (period, first, last) in touched(before.symmetric_difference(&after), &programmes) {
            let was = before.range(first..=last).next().is_some();
            let is = after.range(first..=last).next().is_some();
            if was != is {
                *people.entry((period, seen.indicator.code(), category_code(seen))).or_default() +=
                    if is { 1 } else { -1 };
            }
        }
    }
    for ((period, indicator, category), delta) in people {
        if delta != 0 {
            add_people(connection, &period.code(&programmes), indicator, category, delta)?;
        }
    }
    Ok(())
}

/// A period that distinct people are counted for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Counted {
    Quarter(Quarter),
    FinancialYear(FinancialYear),
    /// By its place among those that are tracked.
    Programme(usize),
}

impl Counted {
    fn code(self, programmes: &[(String, i32, i32)]) -> String {
        match self {
            Self::Quarter(quarter) => Period::Quarter(quarter).to_string(),
            Self::FinancialYear(year) => Period::FinancialYear(year).to_string(),
            Self::Programme(place) => programmes[place].0.clone(),
        }
    }
}

/// The periods, each with the numbers of its first and last quarter, that have one of these quarters in them.
fn touched<'a>(
    changed: impl Iterator<Item = &'a i32>,
    programmes: &[(String, i32, i32)],
) -> BTreeSet<(Counted, i32, i32)> {
    let mut periods = BTreeSet::new();
    for &index in changed {
        if let Some(quarter) = Quarter::from_index(index) {
            periods.insert((Counted::Quarter(quarter), index, index));
            let year = quarter.financial_year();
            let (first, last) = quarters(Span { first: year.first_day(), last: year.last_day() });
            periods.insert((Counted::FinancialYear(year), first, last));
        }
        let within = programmes.iter().enumerate().filter(|(_, (_, first, last))| (*first..=*last).contains(&index));
        periods.extend(within.map(|(place, (_, first, last))| (Counted::Programme(place), *first, *last)));
    }
    periods
}

/// The statements on `presence`, looked up once and not for each person.
struct Presences<'a> {
    held: CachedStatement<'a>,
    remove: CachedStatement<'a>,
    put: CachedStatement<'a>,
}

impl<'a> Presences<'a> {
    fn of(connection: &'a Connection) -> Result<Self, StoreError> {
        Ok(Self {
            held: connection.prepare_cached(
                "SELECT quarter, events FROM presence WHERE person = ?1 AND indicator = ?2 AND category = ?3",
            )?,
            remove: connection.prepare_cached(
                "DELETE FROM presence WHERE person = ?1 AND indicator = ?2 AND category = ?3 AND quarter = ?4",
            )?,
            put: connection.prepare_cached(
                "INSERT INTO presence (person, indicator, category, quarter, events) VALUES (?1, ?2, ?3, ?4, ?5) \
                 ON CONFLICT DO UPDATE SET events = excluded.events",
            )?,
        })
    }

    /// Writes the events of one person; gives the quarters in which the person was and is seen.
    fn change(
        &mut self,
        seen: &Seen,
        by_quarter: &BTreeMap<i32, i64>,
    ) -> Result<(BTreeSet<i32>, BTreeSet<i32>), StoreError> {
        let (indicator, category) = (seen.indicator.code(), category_code(seen));
        let mut events: BTreeMap<i32, i64> = BTreeMap::new();
        let mut rows = self.held.query(params![seen.person, indicator, category])?;
        while let Some(row) = rows.next()? {
            events.insert(row.get(0)?, row.get(1)?);
        }
        drop(rows);
        let before = events.keys().copied().collect();
        for (&quarter, &delta) in by_quarter {
            if delta == 0 {
                continue;
            }
            let now = events.get(&quarter).copied().unwrap_or(0) + delta;
            if now < 0 {
                return Err(StoreError::inconsistent("a figure that counts fewer events than none"));
            }
            if now == 0 {
                events.remove(&quarter);
                self.remove.execute(params![seen.person, indicator, category, quarter])?;
            } else {
                events.insert(quarter, now);
                self.put.execute(params![seen.person, indicator, category, quarter, now])?;
            }
        }
        Ok((before, events.into_keys().collect()))
    }
}

fn add_tally(connection: &Connection, measure: Measure, quarter: i32, delta: i64) -> Result<(), StoreError> {
    let key = params![measure.code(), quarter, delta];
    if delta > 0 {
        let add = "INSERT INTO tally (measure, quarter, value) VALUES (?1, ?2, ?3)
            ON CONFLICT DO UPDATE SET value = value + excluded.value";
        connection.prepare_cached(add)?.execute(key)?;
        return Ok(());
    }
    let empty = "DELETE FROM tally WHERE measure = ?1 AND quarter = ?2 AND value = -?3";
    if connection.prepare_cached(empty)?.execute(key)? == 0 {
        let less = "UPDATE tally SET value = value + ?3 WHERE measure = ?1 AND quarter = ?2";
        held(connection.prepare_cached(less)?.execute(key)?)?;
    }
    Ok(())
}

fn add_people(
    connection: &Connection,
    period: &str,
    indicator: &str,
    category: &str,
    delta: i64,
) -> Result<(), StoreError> {
    let key = params![period, indicator, category, delta];
    if delta > 0 {
        let add = "INSERT INTO distinct_people (period, indicator, category, value) VALUES (?1, ?2, ?3, ?4)
            ON CONFLICT DO UPDATE SET value = value + excluded.value";
        connection.prepare_cached(add)?.execute(key)?;
        return Ok(());
    }
    let empty = "DELETE FROM distinct_people WHERE period = ?1 AND indicator = ?2 AND category = ?3 AND value = -?4";
    if connection.prepare_cached(empty)?.execute(key)? == 0 {
        let less =
            "UPDATE distinct_people SET value = value + ?4 WHERE period = ?1 AND indicator = ?2 AND category = ?3";
        held(connection.prepare_cached(less)?.execute(key)?)?;
    }
    Ok(())
}

/// What is taken away from has to be there; that enough of it is, the table itself checks.
fn held(rows: usize) -> Result<(), StoreError> {
    if rows == 1 { Ok(()) } else { Err(StoreError::inconsistent("a figure that counts fewer events than none")) }
}

fn headlines(connection: &Connection, period: &Period) -> Result<BTreeMap<Indicator, u64>, StoreError> {
    let span = span(connection, period)?;
    let tallies = tallies(connection, span)?;
    let people = people(connection, period)?;
    let headline = |indicator: Indicator| {
        let sum = tallies.get(indicator.code()).copied().unwrap_or(0);
        let value = match indicator.aggregation() {
            Aggregation::Sum => sum,
            // Beside the known people stand the anonymous ones.
            Aggregation::Distinct => people.get(indicator.code()).copied().unwrap_or(0) + sum,
            Aggregation::Stock => stock(connection, indicator, span.last)?,
        };
        Ok((indicator, value))
    };
    Indicator::ALL.into_iter().map(headline).collect()
}

/// What there is on a day of an indicator that is a stock; of another there is none.
pub(super) fn stock(connection: &Connection, indicator: Indicator, day: Date) -> Result<u64, StoreError> {
    match indicator {
        Indicator::TrainersQualityAssured => trainers(connection, day),
        Indicator::OrganisationsSignedUp => outcome::organisations(connection, day),
        Indicator::PeopleTrained
        | Indicator::YoungPeopleTrained
        | Indicator::TrainingSessions
        | Indicator::TrainingMinutes
        | Indicator::Listenings
        | Indicator::PeopleListenedTo
        | Indicator::ListeningCampaignsReportedBack
        | Indicator::PeopleMobilised
        | Indicator::ActionsHeld
        | Indicator::CommunityProjectsSupported
        | Indicator::FundingLeveragedPence
        | Indicator::CampaignReach
        | Indicator::AsksWon => Ok(0),
    }
}

/// The days that a period covers.
pub(super) fn span(connection: &Connection, period: &Period) -> Result<Span, StoreError> {
    match period {
        Period::Quarter(quarter) => Ok(quarter.span()),
        Period::FinancialYear(year) => Ok(Span { first: year.first_day(), last: year.last_day() }),
        Period::Programme(code) => programme_span(connection, code),
    }
}

fn programme_span(connection: &Connection, code: &ProgrammeCode) -> Result<Span, StoreError> {
    let found: Option<(String, String)> = connection
        .prepare_cached("SELECT first, last FROM tracked_programme WHERE code = ?1")?
        .query_row([code.as_str()], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let (first, last) = found.ok_or_else(|| StoreError::UnknownProgramme { code: code.to_string() })?;
    match (parse_date(&first), parse_date(&last)) {
        (Some(first), Some(last)) => Ok(Span { first, last }),
        (None, _) | (_, None) => Err(StoreError::inconsistent("a programme's dates")),
    }
}

/// Every programme that is tracked, with its days.
pub(super) fn programmes(connection: &Connection) -> Result<Vec<(Period, Span)>, StoreError> {
    let mut statement = connection.prepare_cached("SELECT code FROM tracked_programme ORDER BY code")?;
    let codes = statement.query_map([], |row| row.get::<_, String>(0))?.collect::<Result<Vec<_>, _>>()?;
    codes
        .into_iter()
        .map(|code| {
            let code: ProgrammeCode = code.parse().map_err(|_| StoreError::inconsistent("a programme's code"))?;
            let span = programme_span(connection, &code)?;
            Ok((Period::Programme(code), span))
        })
        .collect()
}

/// Code as a period, first and last quarter of every programme that is tracked.
fn tracked(connection: &Connection) -> Result<Vec<(String, i32, i32)>, StoreError> {
    let programmes = programmes(connection)?.into_iter().map(|(period, span)| {
        let (first, last) = quarters(span);
        (period.to_string(), first, last)
    });
    Ok(programmes.collect())
}

fn tallies(connection: &Connection, span: Span) -> Result<BTreeMap<String, u64>, StoreError> {
    let (first, last) = quarters(span);
    let mut statement = connection
        .prepare_cached("SELECT measure, sum(value) FROM tally WHERE quarter BETWEEN ?1 AND ?2 GROUP BY measure")?;
    let sums = statement.query_map([first, last], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(sums.collect::<Result<_, _>>()?)
}

/// Distinct people by the indicator's code.
fn people(connection: &Connection, period: &Period) -> Result<BTreeMap<String, u64>, StoreError> {
    // Where genders are told apart, they part the people.
    let mut statement = connection
        .prepare_cached("SELECT indicator, sum(value) FROM distinct_people WHERE period = ?1 GROUP BY indicator")?;
    let counts = statement.query_map([period.to_string()], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(counts.collect::<Result<_, _>>()?)
}

/// The people assured on a day.
fn trainers(connection: &Connection, day: Date) -> Result<u64, StoreError> {
    Ok(connection
        .prepare_cached(
            "SELECT count(DISTINCT person) FROM trainer_assurance WHERE quality_assured_on <= ?1 AND ?1 < expires_on",
        )?
        .query_row([iso(day)], |row| row.get(0))?)
}

pub(super) fn quarters(span: Span) -> (i32, i32) {
    (Quarter::of(span.first).index(), Quarter::of(span.last).index())
}

fn category_code(seen: &Seen) -> &'static str {
    match seen.gender {
        None => "",
        Some(Gender::Unknown) => "unknown",
        Some(gender) => gender.code(),
    }
}
