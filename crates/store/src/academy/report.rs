//! The national figures: sums over hubs, made by the database.

use std::collections::BTreeMap;

use folkmoot_domain::calendar::{Period, Span};
use folkmoot_domain::hub::{HubKind, Stage};
use folkmoot_domain::indicator::CellKey;
use folkmoot_journal::{Directory, HubState};
use rusqlite::{Connection, params};

use super::AcademyStore;
use crate::error::StoreError;

/// The national figures of one period.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// The period's days.
    pub span: Span,
    /// Every cell of the catalogue, in order.
    pub lines: Vec<Line>,
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
    /// Hubs whose release is held.
    pub hubs: u32,
    /// Of those, hubs that hid this figure.
    pub hubs_hidden: u32,
    /// Of those, hubs that rounded this figure.
    pub hubs_rounded: u32,
    /// Active, enrolled hubs whose release is not held.
    pub hubs_missing: u32,
}

/// What the database adds up for one cell.
#[derive(Clone, Copy, Default)]
struct Sums {
    hubs: u32,
    hidden: u32,
    rounded: u32,
    low: u64,
    high: Option<u64>,
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
        self.store.read("academy report", move |connection| report_in(connection, directory, period))
    }
}

/// Adds up what hubs have released for a period.
pub(super) fn report_in(connection: &Connection, directory: &Directory, period: &Period) -> Result<Report, StoreError> {
    let span = match (period.span(directory.programmes()), period) {
        (Some(span), _) => span,
        (None, Period::Programme(code)) => return Err(StoreError::UnknownProgramme { code: code.to_string() }),
        (None, Period::Quarter(_) | Period::FinancialYear(_)) => {
            return Err(StoreError::inconsistent("a period without days"));
        }
    };
    let period = period.to_string();
    let released = released(connection, &period)?;
    let expected = directory.hubs().values().filter(|record| {
        record.kind == HubKind::SocialActionHub && record.stage == Stage::Active && record.state == HubState::Enrolled
    });
    let missing = expected.filter(|record| !released.contains(&record.hub.0)).count();
    let hubs_missing = u32::try_from(missing).unwrap_or(u32::MAX);
    let sums = sums(connection, &period)?;
    let line = |key: CellKey| {
        let codes = (key.indicator.code(), key.dimension_code(), key.category_code());
        let found = sums.get(&(codes.0.to_owned(), codes.1.to_owned(), codes.2.to_owned()));
        let sums = found.copied().unwrap_or_default();
        let exact = sums.hubs > 0 && sums.hidden + sums.rounded == 0;
        Line {
            key,
            value: exact.then_some(sums.low),
            low: sums.low,
            high: sums.high,
            hubs: sums.hubs,
            hubs_hidden: sums.hidden,
            hubs_rounded: sums.rounded,
            hubs_missing,
        }
    };
    Ok(Report { span, lines: CellKey::all().into_iter().map(line).collect() })
}

/// The hubs whose release for the period is held.
fn released(connection: &Connection, period: &str) -> Result<Vec<[u8; 32]>, StoreError> {
    let sql = "SELECT DISTINCT hub FROM received_release WHERE period = ?1";
    let mut statement = connection.prepare_cached(sql)?;
    let hubs = statement.query_map([period], |row| row.get(0))?.collect::<Result<_, _>>()?;
    Ok(hubs)
}

/// Per cell, the sums over the latest revision that each Social Action Hub released.
fn sums(connection: &Connection, period: &str) -> Result<BTreeMap<(String, String, String), Sums>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT cell.indicator, cell.dimension, cell.category, count(*),
                sum(CASE WHEN cell.mark IN ('below', 'withheld') THEN 1 ELSE 0 END),
                sum(CASE WHEN cell.mark = 'rounded' THEN 1 ELSE 0 END),
                sum(cell.low),
                CASE WHEN count(cell.high) = count(*) THEN sum(cell.high) END
         FROM received_release AS release
         JOIN release_cell AS cell ON cell.release = release.id
         WHERE release.period = ?1 AND release.kind = ?2 AND NOT EXISTS (
             SELECT 1 FROM received_release AS later
             WHERE later.period = release.period AND later.hub = release.hub AND later.revision > release.revision
         )
         GROUP BY cell.indicator, cell.dimension, cell.category",
    )?;
    let rows = statement.query_map(params![period, HubKind::SocialActionHub.code()], |row| {
        let sums =
            Sums { hubs: row.get(3)?, hidden: row.get(4)?, rounded: row.get(5)?, low: row.get(6)?, high: row.get(7)? };
        Ok(((row.get(0)?, row.get(1)?, row.get(2)?), sums))
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}
