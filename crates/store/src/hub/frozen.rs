//! The facts that were frozen with releases, and what changed in them since.

use std::collections::{BTreeMap, BTreeSet};

use folkmoot_domain::indicator::Indicator;
use rusqlite::{Connection, params};

use super::counting::Frozen;
use super::facts::{Facts, Family};
use crate::error::StoreError;

/// The frozen facts of a family, given those that the records have now.
pub(super) fn read(
    connection: &Connection,
    family: Family,
    current: &BTreeMap<i32, Facts>,
) -> Result<Frozen, StoreError> {
    let mut statement =
        connection.prepare_cached("SELECT quarter, facts FROM counted WHERE family = ?1 ORDER BY quarter")?;
    let mut rows = statement.query([family.code()])?;
    let mut frozen = Frozen::default();
    while let Some(row) = rows.next()? {
        let bytes = row.get_ref(1)?.as_blob().map_err(|_| StoreError::inconsistent("the facts of a release"))?;
        frozen.take(row.get(0)?, Facts::decode(bytes)?, current);
    }
    Ok(frozen)
}

/// What is frozen.
pub(super) fn places(connection: &Connection) -> Result<BTreeSet<(i32, Family)>, StoreError> {
    let mut statement = connection.prepare_cached("SELECT quarter, family FROM counted")?;
    let mut rows = statement.query([])?;
    let mut places = BTreeSet::new();
    while let Some(row) = rows.next()? {
        let family = row.get_ref(1)?.as_str().ok().and_then(Family::from_code);
        places.insert((row.get(0)?, family.ok_or_else(|| StoreError::inconsistent("a family of indicators"))?));
    }
    Ok(places)
}

/// Freezes the facts of a quarter with a release, in place of those that were.
pub(super) fn put(
    connection: &Connection,
    (quarter, family): (i32, Family),
    facts: &[u8],
    release: i64,
) -> Result<(), StoreError> {
    connection
        .prepare_cached(
            "INSERT INTO counted (quarter, family, facts, release) VALUES (?1, ?2, ?3, ?4) \
             ON CONFLICT (quarter, family) DO UPDATE SET facts = excluded.facts, release = excluded.release",
        )?
        .execute(params![quarter, family.code(), facts, release])?;
    Ok(())
}

/// Notes that with a release other people came to be counted than before.
pub(super) fn recount(
    connection: &Connection,
    quarter: i32,
    indicator: Indicator,
    release: i64,
) -> Result<(), StoreError> {
    connection
        .prepare_cached(
            "INSERT INTO recounted (quarter, indicator, release) VALUES (?1, ?2, ?3) \
             ON CONFLICT DO UPDATE SET release = excluded.release",
        )?
        .execute(params![quarter, indicator.code(), release])?;
    Ok(())
}

/// Quarter, indicator and the latest release with which other people came to be counted.
pub(super) fn recounted(connection: &Connection) -> Result<Vec<(i32, Indicator, i64)>, StoreError> {
    let mut statement = connection.prepare_cached("SELECT quarter, indicator, release FROM recounted")?;
    let mut rows = statement.query([])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let indicator = row.get_ref(1)?.as_str().ok().and_then(Indicator::from_code);
        found.push((row.get(0)?, indicator.ok_or_else(|| StoreError::inconsistent("an indicator"))?, row.get(2)?));
    }
    Ok(found)
}
