//! The national report of one period: one sum in the database over the bounds of what hubs released.

use std::collections::BTreeMap;

use folkmoot_domain::calendar::{Period, Span};
use folkmoot_domain::indicator::CellKey;
use folkmoot_journal::Directory;
use rusqlite::{Connection, Row};

use super::AcademyStore;
use super::reported::{ReleaseBehind, Reported, span_of};
use super::standing::{BELOW, ROUNDED, WITHHELD};
use super::statistics::{self, By, Holders};
use crate::error::StoreError;

/// The national figures of one period.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// The period's days.
    pub span: Span,
    /// Every cell that the catalogue lists, in order.
    pub lines: Vec<Line>,
    /// The releases that the figures are made of, by the hub's name.
    pub releases: Vec<ReleaseBehind>,
}

/// One national figure: a sum over the Social Action Hubs whose release for this very period is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line {
    /// Which cell.
    pub key: CellKey,
    /// The figure, only where every hub's is exact, of one hub at least.
    pub value: Option<u64>,
    /// The least that it can be: the sum of the hubs' lower bounds.
    pub low: u64,
    /// The most that it can be: the sum of the hubs' upper bounds; `None` where one is unbounded, or no release is held.
    pub high: Option<u64>,
    /// Hubs whose release is held and has this figure.
    pub hubs: u32,
    /// Of those, hubs that hid this figure.
    pub hubs_hidden: u32,
    /// Of those, hubs that rounded this figure.
    pub hubs_rounded: u32,
    /// Active, enrolled hubs whose release is not held, and hubs whose release is of a catalogue without the indicator.
    pub hubs_missing: u32,
    /// Hubs behind the figure whose release came late.
    pub hubs_late: u32,
}

/// What the database adds up of one cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sums {
    pub(super) hubs: u32,
    pub(super) hidden: u32,
    pub(super) rounded: u32,
    pub(super) low: u64,
    /// `None` where one is unbounded.
    pub(super) high: Option<u64>,
}

impl Sums {
    /// The columns that [`Sums::read`] reads, over standing cells that are grouped by their mark.
    pub(super) const COLUMNS: &str = "mark, count(*), sum(low), sum(high)";

    /// Reads what figures of one sort add up to.
    pub(super) fn read(row: &Row<'_>, first: usize) -> rusqlite::Result<Sums> {
        let (mark, hubs): (i64, u32) = (row.get(first)?, row.get(first + 1)?);
        let of = |marks: &[i64]| if marks.contains(&mark) { hubs } else { 0 };
        Ok(Sums {
            hubs,
            hidden: of(&[BELOW, WITHHELD]),
            rounded: of(&[ROUNDED]),
            low: row.get(first + 2)?,
            high: row.get(first + 3)?,
        })
    }

    /// What nothing adds up to, for [`Sums::add`] to add to.
    pub(super) const NOTHING: Sums = Sums { hubs: 0, hidden: 0, rounded: 0, low: 0, high: Some(0) };

    /// One hub's figure.
    pub(super) fn of((low, high): (u64, Option<u64>), hidden: bool, rounded: bool) -> Sums {
        Sums { hubs: 1, hidden: hidden.into(), rounded: rounded.into(), low, high }
    }

    /// Adds others' figures to these.
    pub(super) fn add(&mut self, others: Sums) {
        self.hubs += others.hubs;
        self.hidden += others.hidden;
        self.rounded += others.rounded;
        self.low = self.low.saturating_add(others.low);
        self.high = self.high.zip(others.high).map(|(one, other)| one.saturating_add(other));
    }

    /// The figure, where every hub's is exact.
    pub(super) fn value(&self) -> Option<u64> {
        (self.hubs > 0 && self.hidden + self.rounded == 0).then_some(self.low)
    }
}

impl AcademyStore {
    /// Adds up what hubs have released for a period. The releases of a hub that has closed, or was revoked since, count
    /// on.
    ///
    /// # Errors
    /// [`StoreError::UnknownProgramme`]; failures of the database.
    pub fn report(&self, period: &Period) -> Result<Report, StoreError> {
        let working = self.store.working();
        let directory = working.directory();
        self.store.read("academy report", |connection| report_in(connection, directory, period))
    }
}

/// Adds up what hubs have released for a period.
pub(super) fn report_in(connection: &Connection, directory: &Directory, period: &Period) -> Result<Report, StoreError> {
    let span = span_of(directory, period)?;
    let reported = Reported::read(connection, directory, period, span)?;
    let sums = match reported.row {
        Some(row) => sums(connection, row)?,
        None => BTreeMap::new(),
    };
    let line = |key: CellKey| {
        let holders = Holders::of(connection, &reported, key)?;
        Ok(line(key, sums.get(&key).copied().unwrap_or(Sums::NOTHING), &reported, &holders))
    };
    let lines = CellKey::all().into_iter().map(line).collect::<Result<_, StoreError>>()?;
    Ok(Report { span, lines, releases: reported.into_releases() })
}

/// The lines of open-ended dimensions: each cell that some hub lists, over all hubs.
pub(super) fn open_ended_in(
    connection: &Connection,
    directory: &Directory,
    period: &Period,
) -> Result<Vec<Line>, StoreError> {
    let reported = Reported::read(connection, directory, period, span_of(directory, period)?)?;
    let Some(row) = reported.row else { return Ok(Vec::new()) };
    let mut keys = statistics::open_ended(connection, row)?;
    keys.sort_unstable();
    let line = |key: CellKey| {
        let sums = statistics::sums(connection, &reported, By::Nation, key)?;
        let holders = Holders::of(connection, &reported, key)?;
        Ok(line(key, sums.into_values().next().unwrap_or(Sums::NOTHING), &reported, &holders))
    };
    keys.into_iter().map(line).collect()
}

fn line(key: CellKey, sums: Sums, reported: &Reported, holders: &Holders) -> Line {
    let (behind, without): (Vec<_>, Vec<_>) = reported.hubs.iter().partition(|hub| holders.hold(hub));
    Line {
        key,
        value: sums.value(),
        low: sums.low,
        high: sums.high.filter(|_| sums.hubs > 0),
        hubs: sums.hubs,
        hubs_hidden: sums.hidden,
        hubs_rounded: sums.rounded,
        hubs_missing: counted(reported.missing.len() + without.len()),
        hubs_late: counted(behind.iter().filter(|hub| hub.late).count()),
    }
}

/// Per cell, the sums over the latest release of each Social Action Hub. Cells that this software does not know are left
/// out.
fn sums(connection: &Connection, period: i64) -> Result<BTreeMap<CellKey, Sums>, StoreError> {
    let keys = {
        let mut statement =
            connection.prepare_cached("SELECT id, indicator, dimension, category FROM reported_cell")?;
        let rows = statement.query_map([], |row| Ok((row.get(0)?, key(row, 1)?)))?;
        rows.collect::<Result<BTreeMap<i64, Option<CellKey>>, _>>()?
    };
    let columns = Sums::COLUMNS;
    let sql = format!("SELECT cell, {columns} FROM standing_cell WHERE period = ?1 GROUP BY cell, mark");
    let mut statement = connection.prepare_cached(&sql)?;
    let mut rows = statement.query([period])?;
    let mut sums = BTreeMap::new();
    while let Some(row) = rows.next()? {
        if let Some(key) = keys.get(&row.get(0)?).copied().flatten() {
            sums.entry(key).or_insert(Sums::NOTHING).add(Sums::read(row, 1)?);
        }
    }
    Ok(sums)
}

/// The cell whose codes a row has in the columns from `first` on; `None` where this software does not know it.
pub(super) fn key(row: &Row<'_>, first: usize) -> rusqlite::Result<Option<CellKey>> {
    let text = |at: usize| row.get_ref(first + at)?.as_str().map_err(rusqlite::Error::from);
    Ok(CellKey::from_codes(text(0)?, text(1)?, text(2)?))
}

pub(super) fn counted(hubs: usize) -> u32 {
    u32::try_from(hubs).unwrap_or(u32::MAX)
}
