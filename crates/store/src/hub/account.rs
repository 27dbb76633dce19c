//! Everything that a hub has counted and let out, as the audit of a release looks at it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use folkmoot_disclosure::{Account, MOST, Observation, Observations, Policies, Released, Terms};
use folkmoot_domain::Date;
use folkmoot_domain::calendar::{Period, Quarter, Span};
use folkmoot_domain::indicator::{Aggregation, CellKey, Class, Indicator};
use rusqlite::Connection;

use super::counting::{Settled, Stretch, Tallies, settle};
use super::facts::{Facts, Family, Id, Reader};
use super::release::{self, Standing};
use super::{HubStore, figures, frozen};
use crate::engine::UnixMillis;
use crate::error::StoreError;

/// Between quarters with records that lie further apart than this, the quarters without any are left out: one of the
/// dates is a slip, and centuries of nothing would have to be audited.
const GAP: i32 = 40;

/// What a hub has counted, as of one moment: for every quarter that has anything and every longer period around it, and
/// from one set of facts. Facts that a release froze count until so many people have changed that a revision may say so.
pub struct Counted {
    /// What the audit looks at.
    pub account: Account,
    waiting: BTreeMap<i32, BTreeSet<Id>>,
    touched: BTreeMap<i32, UnixMillis>,
    unreported: BTreeMap<i32, BTreeSet<i64>>,
    pub(super) freezing: Arc<Freezing>,
}

/// What an approval freezes of what was counted.
pub(super) struct Freezing {
    /// The ledger and the frozen facts, as they were.
    pub(super) mark: Mark,
    /// The facts of every quarter that has some and does not stand as it was frozen.
    facts: BTreeMap<(i32, Family), Vec<u8>>,
    thawed: BTreeMap<(i32, Family), BTreeSet<Indicator>>,
    /// Quarters that earlier releases speak of.
    released: Vec<Stretch>,
}

/// Tells whether the ledger or the frozen facts have changed: how many releases and frozen facts there are, and which was
/// written last.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Mark([i64; 5]);

impl Mark {
    pub(super) fn of(connection: &Connection) -> Result<Mark, StoreError> {
        let sql = "SELECT (SELECT count(*) FROM release), (SELECT coalesce(max(key), 0) FROM release), \
             (SELECT count(*) FROM release WHERE superseded_at IS NOT NULL), (SELECT count(*) FROM counted), \
             (SELECT coalesce(max(release), 0) FROM counted)";
        Ok(connection
            .prepare_cached(sql)?
            .query_row([], |row| Ok(Mark([row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?])))?)
    }
}

impl HubStore {
    /// Everything that the hub has counted and let out.
    ///
    /// # Errors
    /// Failures of the database.
    pub fn count(&self) -> Result<Counted, StoreError> {
        let working = self.store.working();
        self.store.read("hub count", |connection| count(connection, working.directory().policies(), None))
    }

    /// The same, and of this period in any case, although nothing may be recorded in it: a hub can say that it had nobody.
    ///
    /// # Errors
    /// [`StoreError::UnknownProgramme`]; failures of the database.
    pub fn count_with(&self, period: &Period) -> Result<Counted, StoreError> {
        let working = self.store.working();
        self.store.read("hub count", |connection| count(connection, working.directory().policies(), Some(period)))
    }

    /// The true figures of a period as the records have it now: every cell of the catalogue, 0 where there are no rows,
    /// and every ward that has any.
    ///
    /// # Errors
    /// [`StoreError::UnknownProgramme`]; failures of the database.
    pub fn figures(&self, period: &Period) -> Result<Observations, StoreError> {
        self.store.read("hub figures", |connection| {
            let span = figures::span(connection, period)?;
            let stretch = stretch(span);
            let mut reader = Reader::new(connection)?;
            let mut cells = Opens::read(connection)?.cells(connection, stretch, span)?;
            for family in Family::ALL {
                let facts = reader.facts(family, &(stretch.first..=stretch.last))?;
                cells.extend(Tallies::count(family, &facts, &[stretch]).cells(0));
            }
            observations(period.clone(), span, cells)
        })
    }
}

impl Counted {
    /// How many people's late or corrected records wait for a revision of the quarters of a period.
    pub fn waiting(&self, period: &Period) -> u64 {
        let people: BTreeSet<&Id> = self.within(period, &self.waiting).flatten().collect();
        people.len() as u64
    }

    /// When an import or a program last wrote something that counts in a period, to the minute; `None` where nothing does.
    pub fn last_import(&self, period: &Period) -> Option<UnixMillis> {
        self.within(period, &self.touched).copied().max()
    }

    /// How many listening campaigns had listenings in a period and have not reported back.
    pub fn awaiting_report_back(&self, period: &Period) -> u32 {
        let campaigns: BTreeSet<&i64> = self.within(period, &self.unreported).flatten().collect();
        u32::try_from(campaigns.len()).unwrap_or(u32::MAX)
    }

    fn within<'a, T>(&self, period: &Period, by_quarter: &'a BTreeMap<i32, T>) -> impl Iterator<Item = &'a T> {
        let span = self.account.observations(period).map(|seen| stretch(seen.span()));
        by_quarter.iter().filter(move |(quarter, _)| span.is_some_and(|it| it.holds(**quarter))).map(|(_, it)| it)
    }
}

impl Freezing {
    /// Freezes with a release what it was counted from: the quarters of its days, those of earlier releases that have
    /// nothing frozen yet and, of what an approval revises, those that gave way.
    pub(super) fn freeze(
        &self,
        connection: &Connection,
        release: i64,
        span: Span,
        revises: bool,
    ) -> Result<(), StoreError> {
        let held = frozen::places(connection)?;
        let empty = Facts::default().encode();
        let wanted = self.released.iter().copied().chain([stretch(span)]).flat_map(|it| it.first..=it.last);
        let wanted: BTreeSet<i32> = wanted.collect();
        let places = wanted.iter().flat_map(|quarter| Family::ALL.map(|family| (*quarter, family)));
        for place in places.filter(|place| !held.contains(place)) {
            frozen::put(connection, place, self.facts.get(&place).unwrap_or(&empty), release)?;
        }
        for (place, indicators) in self.thawed.iter().filter(|_| revises) {
            frozen::put(connection, *place, self.facts.get(place).unwrap_or(&empty), release)?;
            for indicator in indicators {
                frozen::recount(connection, place.0, *indicator, release)?;
            }
        }
        Ok(())
    }
}

/// Freezes, with a release that came back after a restore, the facts of its days as far as none are frozen.
pub(super) fn freeze_again(connection: &Connection, release: i64, span: Span) -> Result<(), StoreError> {
    let held = frozen::places(connection)?;
    let stretch = stretch(span);
    if (stretch.first..=stretch.last).all(|quarter| Family::ALL.iter().all(|it| held.contains(&(quarter, *it)))) {
        return Ok(());
    }
    settled(connection, &[], &[])?.freezing.freeze(connection, release, span, false)
}

fn stretch(span: Span) -> Stretch {
    let (first, last) = figures::quarters(span);
    Stretch { first, last }
}

fn count(connection: &Connection, policies: &Policies, asked: Option<&Period>) -> Result<Counted, StoreError> {
    let ledger = release::standing_all(connection, policies)?;
    let opens = Opens::read(connection)?;
    let mut quarters = opens.quarters.clone();
    quarters.extend(frozen::places(connection)?.into_iter().map(|(quarter, _)| quarter));
    let mut released = Vec::new();
    for held in &ledger {
        released.push(span_of(connection, held)?.map(stretch));
    }
    let asked = asked.map(|period| figures::span(connection, period)).transpose()?.map(stretch);
    for stretch in released.iter().flatten().chain(&asked) {
        quarters.extend(stretch.first..=stretch.last);
    }
    let periods = periods(connection, &quarters)?;
    let stretches: Vec<Stretch> = periods.iter().map(|(_, span)| stretch(*span)).collect();
    let known: Vec<Stretch> = released.iter().flatten().copied().collect();
    let settlement = settled(connection, &stretches, &known)?;

    let mut counted = BTreeMap::new();
    for (at, (period, span)) in periods.into_iter().enumerate() {
        let mut cells = opens.cells(connection, stretches[at], span)?;
        settlement.tallies.iter().for_each(|tallies| cells.extend(tallies.cells(at)));
        counted.insert(period.clone(), observations(period, span, cells)?);
    }
    let recounted = frozen::recounted(connection)?;
    let mut letters = Vec::with_capacity(ledger.len());
    for (held, stretch) in ledger.into_iter().zip(released) {
        let changed = |quarter: i32| stretch.is_some_and(|it| it.holds(quarter));
        let since = recounted.iter().filter(|(quarter, _, release)| changed(*quarter) && *release > held.key);
        let now = settlement.freezing.thawed.iter().filter(|((quarter, _), _)| changed(*quarter));
        let mut outdated: BTreeSet<Indicator> = since.map(|(_, indicator, _)| *indicator).collect();
        outdated.extend(now.flat_map(|(_, indicators)| indicators));
        letters.push(let_out(held, outdated)?);
    }
    Ok(Counted {
        account: Account::new(counted.into_values(), letters),
        waiting: settlement.waiting,
        touched: touched(connection)?,
        unreported: settlement.unreported,
        freezing: Arc::new(settlement.freezing),
    })
}

/// The days of a release; `None` where its programme has not come here again.
fn span_of(connection: &Connection, held: &Standing) -> Result<Option<Span>, StoreError> {
    match figures::span(connection, &held.period) {
        Ok(span) => Ok(Some(span)),
        Err(StoreError::UnknownProgramme { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Every quarter that is wanted and those between, every financial year around one, and every programme with one in it.
fn periods(connection: &Connection, wanted: &BTreeSet<i32>) -> Result<Vec<(Period, Span)>, StoreError> {
    let mut quarters = BTreeSet::new();
    let mut before: Option<i32> = None;
    for quarter in wanted {
        let first = before.filter(|before| quarter - before <= GAP).map_or(*quarter, |before| before + 1);
        quarters.extend(first..=*quarter);
        before = Some(*quarter);
    }
    let mut periods = BTreeMap::new();
    for quarter in quarters.iter().filter_map(|index| Quarter::from_index(*index)) {
        for period in [Period::Quarter(quarter), Period::FinancialYear(quarter.financial_year())] {
            let span = figures::span(connection, &period)?;
            periods.insert(period, span);
        }
    }
    for (period, span) in figures::programmes(connection)? {
        let stretch = stretch(span);
        if quarters.range(stretch.first..=stretch.last).next().is_some() {
            periods.insert(period, span);
        }
    }
    Ok(periods.into_iter().collect())
}

/// What was settled of all families.
struct Settlement {
    tallies: Vec<Tallies>,
    freezing: Freezing,
    waiting: BTreeMap<i32, BTreeSet<Id>>,
    unreported: BTreeMap<i32, BTreeSet<i64>>,
}

/// Settles the facts of all families, one after the other since they are large, and counts them over periods.
fn settled(connection: &Connection, periods: &[Stretch], released: &[Stretch]) -> Result<Settlement, StoreError> {
    let freezing = Freezing {
        mark: Mark::of(connection)?,
        facts: BTreeMap::new(),
        thawed: BTreeMap::new(),
        released: released.to_vec(),
    };
    let mut settlement =
        Settlement { tallies: Vec::new(), freezing, waiting: BTreeMap::new(), unreported: BTreeMap::new() };
    let mut longer: Vec<Stretch> = released.iter().copied().filter(|it| it.first < it.last).collect();
    longer.sort_unstable();
    longer.dedup();
    let mut reader = Reader::new(connection)?;
    for family in Family::ALL {
        let current = reader.facts(family, &(i32::MIN..=i32::MAX))?;
        let frozen = frozen::read(connection, family, &current)?;
        let Settled { facts, standing, thawed, waiting } =
            settle(family, current, frozen, &longer, |id| reader.is_erased(id))?;
        settlement.tallies.push(Tallies::count(family, &facts, periods));
        for (quarter, facts) in facts.into_iter().filter(|(quarter, _)| !standing.contains(quarter)) {
            settlement.freezing.facts.insert((quarter, family), facts.encode());
        }
        settlement.freezing.thawed.extend(thawed.into_iter().map(|(quarter, it)| ((quarter, family), it)));
        for (quarter, people) in waiting {
            settlement.waiting.entry(quarter).or_default().extend(people);
        }
    }
    settlement.unreported = reader.unreported;
    Ok(settlement)
}

/// The additive figures that say nothing of a person.
struct Opens {
    sums: BTreeMap<(Indicator, i32), u64>,
    /// Every quarter that has anything, people included.
    quarters: BTreeSet<i32>,
}

impl Opens {
    fn read(connection: &Connection) -> Result<Opens, StoreError> {
        let mut statement = connection.prepare_cached("SELECT measure, quarter, value FROM tally")?;
        let mut rows = statement.query([])?;
        let mut opens = Opens { sums: BTreeMap::new(), quarters: BTreeSet::new() };
        while let Some(row) = rows.next()? {
            let quarter = row.get(1)?;
            opens.quarters.insert(quarter);
            if let Some(indicator) = row.get_ref(0)?.as_str().ok().and_then(Indicator::from_code) {
                opens.sums.insert((indicator, quarter), row.get(2)?);
            }
        }
        Ok(opens)
    }

    fn cells(
        &self,
        connection: &Connection,
        stretch: Stretch,
        span: Span,
    ) -> Result<BTreeMap<CellKey, Observation>, StoreError> {
        let mut cells = BTreeMap::new();
        for indicator in Indicator::ALL.into_iter().filter(|indicator| indicator.class() == Class::Open) {
            let value: u64 = match indicator.aggregation() {
                Aggregation::Stock => figures::stock(connection, indicator, span.last)?,
                Aggregation::Sum | Aggregation::Distinct => {
                    let sums = self.sums.range((indicator, stretch.first)..=(indicator, stretch.last));
                    sums.map(|(_, value)| value).sum()
                }
            };
            // What other hubs have written into a campaign must not keep this one from releasing.
            let value = value.min(MOST);
            cells.insert(CellKey::headline(indicator), Observation { value, ..Observation::default() });
        }
        Ok(cells)
    }
}

fn observations(period: Period, span: Span, cells: BTreeMap<CellKey, Observation>) -> Result<Observations, StoreError> {
    Observations::new(period, span, cells).map_err(|refusal| StoreError::inconsistent(refusal.to_string()))
}

/// A release as the audit knows it.
fn let_out(held: Standing, outdated: BTreeSet<Indicator>) -> Result<Released, StoreError> {
    Ok(Released {
        period: held.period,
        revision: held.revision,
        approved_on: day(held.approved_at)?,
        terms: held.parts.terms.unwrap_or(Terms::FLOOR),
        catalogue_version: held.parts.catalogue_version,
        cells: held.parts.known_cells(),
        outdated,
    })
}

/// The day of a moment, in UTC.
fn day(at: UnixMillis) -> Result<Date, StoreError> {
    const EPOCH: i64 = 2_440_588;
    let day = i32::try_from(EPOCH + at.0.div_euclid(86_400_000)).ok();
    let day = day.and_then(|day| Date::from_julian_day(day).ok());
    day.ok_or_else(|| StoreError::inconsistent("when a release was approved"))
}

fn touched(connection: &Connection) -> Result<BTreeMap<i32, UnixMillis>, StoreError> {
    let mut statement = connection.prepare_cached("SELECT quarter, at FROM touched")?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, UnixMillis(row.get(1)?))))?;
    Ok(rows.collect::<Result<_, _>>()?)
}
