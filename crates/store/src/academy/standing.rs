//! Which of the releases held stand, and their cells as rows that the database adds up: of each hub and period the
//! latest revision.

use std::collections::BTreeSet;

use folkmoot_disclosure::{Figure, ReceivedRelease, most_unlisted};
use folkmoot_domain::calendar::Period;
use folkmoot_domain::hub::HubKind;
use folkmoot_domain::indicator::CellKey;
use folkmoot_journal::{Cursor, Hash, HubRecord, Incarnation, NodeId};
use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::engine::Tx;
use crate::error::StoreError;
use crate::journal::signed;

/// A release that was found in order, and how it came.
pub(super) struct Received<'a> {
    pub(super) cursor: &'a Cursor,
    pub(super) release: &'a ReceivedRelease,
    pub(super) payload_hash: Hash,
}

/// Keeps a release. It stands where no later revision is held.
pub(super) fn keep(tx: &Tx<'_>, record: &HubRecord, received: &Received<'_>) -> Result<(), StoreError> {
    let Received { cursor, release, payload_hash } = received;
    let terms = release.terms();
    let hub = hub_row(tx, record)?;
    let period = make_period(tx, release.period())?;
    let before = latest(tx, period, hub)?;
    let stands = before.is_none_or(|(_, revision)| revision < release.revision());
    if let Some((before, _)) = before.filter(|_| stands) {
        step_down(tx, period, hub, before)?;
    }
    tx.prepare_cached(
        "INSERT INTO hub_release (period, hub, revision, latest, policy_version, threshold, special_threshold,
             largest_percent, two_largest_percent, ward_high, payload_hash, entry_hash, incarnation, seq, received_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)",
    )?
    .execute(params![
        period,
        hub,
        release.revision(),
        stands,
        release.policy_version(),
        terms.threshold,
        terms.special_threshold,
        terms.largest_percent,
        terms.two_largest_percent,
        most_unlisted(release.cells(), terms).map(bound).transpose()?,
        payload_hash.0,
        cursor.hash.0,
        signed(cursor.incarnation.0),
        signed(cursor.seq),
        tx.now().0
    ])?;
    if record.kind == HubKind::SocialActionHub {
        let release_row = tx.last_insert_rowid();
        let sql = "INSERT INTO earlier_cell (release, cell, mark, low, high) VALUES (?1, ?2, ?3, ?4, ?5)";
        let mut statement = tx.prepare_cached(sql)?;
        for (key, figure) in release.cells() {
            let (low, high) = figure.bounds();
            let high = high.map(bound).transpose()?;
            statement.execute(params![release_row, make_cell(tx, *key)?, mark(*figure), bound(low)?, high])?;
        }
        if stands {
            step_up(tx, period, hub)?;
        }
    }
    Ok(())
}

/// Takes back what was received of a log after the number `after`, where the log turned out to fork: nothing past the
/// last common entry counts, and what it revised stands again.
pub(crate) fn withdraw_releases(
    tx: &mut Tx<'_>,
    author: NodeId,
    incarnation: Incarnation,
    after: u64,
) -> Result<(), StoreError> {
    let gone = {
        let mut statement = tx.prepare_cached(
            "SELECT release.id, release.period, release.hub, release.latest FROM hub_release AS release
             JOIN reporting_hub AS hub ON hub.id = release.hub
             WHERE hub.node = ?1 AND release.incarnation = ?2 AND release.seq > ?3",
        )?;
        let key = params![author.0, signed(incarnation.0), signed(after)];
        let rows = statement.query_map(key, |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))?;
        rows.collect::<Result<Vec<(i64, i64, i64, bool)>, _>>()?
    };
    let mut open = BTreeSet::new();
    for (release, period, hub, latest) in gone {
        tx.execute("DELETE FROM earlier_cell WHERE release = ?1", [release])?;
        if latest {
            tx.execute(&format!("DELETE FROM standing_cell {OF_HUB}"), [period, hub])?;
            open.insert((period, hub));
        }
        tx.execute("DELETE FROM hub_release WHERE id = ?1", [release])?;
        tx.mark_releases();
    }
    for (period, hub) in open {
        step_up(tx, period, hub)?;
    }
    Ok(())
}

/// Writes down in which regions hubs are, as the directory now says.
pub(crate) fn note_regions<'a>(tx: &Tx<'_>, hubs: impl IntoIterator<Item = &'a NodeId>) -> Result<(), StoreError> {
    let directory = tx.working.directory();
    for hub in hubs {
        let region = directory.hubs().get(hub).map_or("", |record| record.region.as_str());
        tx.prepare_cached("UPDATE reporting_hub SET region = ?2 WHERE node = ?1")?.execute(params![hub.0, region])?;
    }
    Ok(())
}

/// The hubs whose region was never written down: an older software kept none.
pub(crate) fn hubs_without_region(connection: &Connection) -> Result<Vec<NodeId>, StoreError> {
    let mut statement = connection.prepare_cached("SELECT node FROM reporting_hub WHERE region IS NULL")?;
    Ok(statement.query_map([], |row| row.get(0).map(NodeId))?.collect::<Result<_, _>>()?)
}

/// The rows of one hub and period among the standing cells, each found by its key.
const OF_HUB: &str =
    "WHERE period = ?1 AND hub = ?2 AND cell IN (SELECT id FROM reported_cell) AND mark IN (0, 1, 2, 3)";

/// Another release stands now: this one's cells are kept for the day when that one turns out not to count.
fn step_down(tx: &Tx<'_>, period: i64, hub: i64, release: i64) -> Result<(), StoreError> {
    let sql =
        "INSERT INTO earlier_cell (release, cell, mark, low, high) SELECT ?3, cell, mark, low, high FROM standing_cell";
    tx.execute(&format!("{sql} {OF_HUB}"), [period, hub, release])?;
    tx.execute(&format!("DELETE FROM standing_cell {OF_HUB}"), [period, hub])?;
    tx.execute("UPDATE hub_release SET latest = 0 WHERE id = ?1", [release])?;
    Ok(())
}

/// The latest revision that is left stands.
fn step_up(tx: &Tx<'_>, period: i64, hub: i64) -> Result<(), StoreError> {
    let sql = "SELECT id FROM hub_release WHERE period = ?1 AND hub = ?2 ORDER BY revision DESC LIMIT 1";
    let left: Option<i64> = tx.prepare_cached(sql)?.query_row([period, hub], |row| row.get(0)).optional()?;
    let Some(release) = left else { return Ok(()) };
    tx.execute(
        "INSERT INTO standing_cell (period, cell, hub, mark, low, high)
         SELECT ?1, cell, ?2, mark, low, high FROM earlier_cell WHERE release = ?3",
        [period, hub, release],
    )?;
    tx.execute("DELETE FROM earlier_cell WHERE release = ?1", [release])?;
    tx.execute("UPDATE hub_release SET latest = 1 WHERE id = ?1", [release])?;
    Ok(())
}

fn latest(connection: &Connection, period: i64, hub: i64) -> Result<Option<(i64, u32)>, StoreError> {
    let sql = "SELECT id, revision FROM hub_release WHERE period = ?1 AND hub = ?2 AND latest = 1";
    let found = |row: &Row<'_>| Ok((row.get(0)?, row.get(1)?));
    Ok(connection.prepare_cached(sql)?.query_row([period, hub], found).optional()?)
}

fn hub_row(tx: &Tx<'_>, record: &HubRecord) -> Result<i64, StoreError> {
    tx.prepare_cached(
        "INSERT INTO reporting_hub (node, kind, region) VALUES (?1, ?2, ?3)
         ON CONFLICT (node) DO UPDATE SET region = excluded.region",
    )?
    .execute(params![record.hub.0, record.kind.code(), record.region])?;
    let sql = "SELECT id FROM reporting_hub WHERE node = ?1";
    Ok(tx.prepare_cached(sql)?.query_row([record.hub.0], |row| row.get(0))?)
}

/// The row of a period for which a release came.
pub(super) fn period_row(connection: &Connection, period: &Period) -> Result<Option<i64>, StoreError> {
    let sql = "SELECT id FROM reporting_period WHERE code = ?1";
    Ok(connection.prepare_cached(sql)?.query_row([period.to_string()], |row| row.get(0)).optional()?)
}

fn make_period(connection: &Connection, period: &Period) -> Result<i64, StoreError> {
    if let Some(row) = period_row(connection, period)? {
        return Ok(row);
    }
    connection.execute("INSERT INTO reporting_period (code) VALUES (?1)", [period.to_string()])?;
    Ok(connection.last_insert_rowid())
}

/// The row of a cell that some release had.
pub(super) fn cell_row(connection: &Connection, key: CellKey) -> Result<Option<i64>, StoreError> {
    let sql = "SELECT id FROM reported_cell WHERE indicator = ?1 AND dimension = ?2 AND category = ?3";
    let codes = [key.indicator.code(), key.dimension_code(), key.category_code()];
    Ok(connection.prepare_cached(sql)?.query_row(codes, |row| row.get(0)).optional()?)
}

fn make_cell(connection: &Connection, key: CellKey) -> Result<i64, StoreError> {
    if let Some(row) = cell_row(connection, key)? {
        return Ok(row);
    }
    let sql = "INSERT INTO reported_cell (indicator, dimension, category) VALUES (?1, ?2, ?3)";
    let codes = [key.indicator.code(), key.dimension_code(), key.category_code()];
    connection.prepare_cached(sql)?.execute(codes)?;
    Ok(connection.last_insert_rowid())
}

/// How the tables write the sort of a figure.
fn mark(figure: Figure) -> i64 {
    match figure {
        Figure::Exact(_) => EXACT,
        Figure::Rounded(_) => ROUNDED,
        Figure::Below(_) => BELOW,
        Figure::Withheld => WITHHELD,
    }
}

pub(super) const EXACT: i64 = 0;
pub(super) const ROUNDED: i64 = 1;
pub(super) const BELOW: i64 = 2;
pub(super) const WITHHELD: i64 = 3;

/// The figure whose sort and bounds a row has, in the columns from `first` on.
pub(super) fn figure(row: &Row<'_>, first: usize) -> rusqlite::Result<Figure> {
    let (mark, low, high): (i64, u64, Option<u64>) = (row.get(first)?, row.get(first + 1)?, row.get(first + 2)?);
    let below = |high: u64| u32::try_from(high.saturating_add(1)).unwrap_or(u32::MAX);
    Ok(match (mark, high) {
        (EXACT, _) => Figure::Exact(low),
        (ROUNDED, Some(high)) => Figure::Rounded(high.saturating_sub(2)),
        (BELOW, Some(high)) => Figure::Below(below(high)),
        (_, _) => Figure::Withheld,
    })
}

fn bound(value: u64) -> Result<i64, StoreError> {
    // A checked release has no figure near this.
    i64::try_from(value).map_err(|_| StoreError::inconsistent("a figure larger than any hub can count"))
}
