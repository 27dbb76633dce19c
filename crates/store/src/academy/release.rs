//! Releases as they come in: checked, and kept as the bounds of their cells.

use std::sync::Arc;

use folkmoot_disclosure::{Fault, FaultKind, Figure, ReceivedRelease, ReleaseParts};
use folkmoot_domain::hub::HubKind;
use folkmoot_journal::{Cursor, Hash, Incarnation, NodeId, RefusalReason};
use rusqlite::{Connection, OptionalExtension, params};

use super::day;
use crate::engine::Tx;
use crate::error::StoreError;
use crate::journal::{Aside, Retry, signed};

/// Takes in a release that its author has signed, or says why it is set aside. The first payload of a hub, period and
/// revision stands; the same again changes nothing.
pub(crate) fn receive_release(
    tx: &mut Tx<'_>,
    cursor: &Cursor,
    parts: &ReleaseParts,
    payload: &[u8],
) -> Result<Option<Aside>, StoreError> {
    let directory = Arc::clone(tx.working.directory());
    let kind = directory.hubs().get(&cursor.author).map(|record| record.kind);
    let kind = kind.ok_or_else(|| StoreError::inconsistent("the directory, which lacks the author of a release"))?;
    let release = match ReceivedRelease::check(parts, cursor.author.0, directory.programmes(), day(tx.now())) {
        Ok(release) => release,
        Err(faults) => return Ok(Some(aside(&faults))),
    };
    let payload_hash = Hash::of(payload);
    match held(tx, &release)? {
        Some(hash) if hash == payload_hash => return Ok(None),
        Some(_) => {
            return Ok(Some(Aside {
                reason: RefusalReason::SecondRelease,
                detail: "another release of this hub for the same period and revision is held: the first stands"
                    .to_owned(),
                retry: Retry::Never,
            }));
        }
        None => keep(tx, cursor, &release, kind, payload_hash)?,
    }
    tx.mark_releases();
    Ok(None)
}

/// Takes back what was received of a log after the number `after`, where the log turned out to fork: nothing past the
/// last common entry counts.
pub(crate) fn withdraw_releases(
    tx: &mut Tx<'_>,
    author: NodeId,
    incarnation: Incarnation,
    after: u64,
) -> Result<(), StoreError> {
    let key = params![author.0, signed(incarnation.0), signed(after)];
    tx.execute(
        "DELETE FROM release_cell WHERE release IN
         (SELECT id FROM received_release WHERE hub = ?1 AND incarnation = ?2 AND seq > ?3)",
        key,
    )?;
    if tx.execute("DELETE FROM received_release WHERE hub = ?1 AND incarnation = ?2 AND seq > ?3", key)? > 0 {
        tx.mark_releases();
    }
    Ok(())
}

/// Why a release with such faults is set aside. What is only unknown here yet is looked at again.
fn aside(faults: &[Fault]) -> Aside {
    // The gravest fault gives the reason; what a newer directory may mend is the least.
    let order = |kind| match kind {
        FaultKind::Form => 0,
        FaultKind::Policy => 1,
        FaultKind::Calendar => 2,
        FaultKind::UnknownProgramme => 3,
    };
    let gravest = faults.iter().map(|fault| fault.kind).min_by_key(|kind| order(*kind)).unwrap_or(FaultKind::Form);
    let words: Vec<&str> = faults.iter().map(|fault| fault.words.as_str()).collect();
    let (reason, retry) = match gravest {
        FaultKind::Form => (RefusalReason::ReleaseForm, Retry::Never),
        FaultKind::Policy => (RefusalReason::ReleasePolicy, Retry::Never),
        FaultKind::Calendar => (RefusalReason::ReleaseCalendar, Retry::Never),
        FaultKind::UnknownProgramme => (RefusalReason::ReleaseCalendar, Retry::Programme),
    };
    Aside { reason, detail: words.join("; "), retry }
}

/// The hash of the payload that stands.
fn held(connection: &Connection, release: &ReceivedRelease) -> Result<Option<Hash>, StoreError> {
    let sql = "SELECT payload_hash FROM received_release WHERE period = ?1 AND hub = ?2 AND revision = ?3";
    let key = params![release.period().to_string(), release.hub(), release.revision()];
    Ok(connection.prepare_cached(sql)?.query_row(key, |row| row.get(0).map(Hash)).optional()?)
}

fn keep(
    tx: &Tx<'_>,
    cursor: &Cursor,
    release: &ReceivedRelease,
    kind: HubKind,
    payload_hash: Hash,
) -> Result<(), StoreError> {
    tx.prepare_cached(
        "INSERT INTO received_release (hub, period, revision, kind, payload_hash, incarnation, seq, received_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    )?
    .execute(params![
        release.hub(),
        release.period().to_string(),
        release.revision(),
        kind.code(),
        payload_hash.0,
        signed(cursor.incarnation.0),
        signed(cursor.seq),
        tx.now().0
    ])?;
    let id = tx.last_insert_rowid();
    let mut statement = tx.prepare_cached(
        "INSERT INTO release_cell (release, indicator, dimension, category, mark, low, high)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    )?;
    for (key, figure) in release.cells() {
        let (low, high) = figure.bounds();
        statement.execute(params![
            id,
            key.indicator.code(),
            key.dimension_code(),
            key.category_code(),
            mark(*figure),
            bound(low)?,
            high.map(bound).transpose()?
        ])?;
    }
    Ok(())
}

/// How the table writes the sort of a figure.
fn mark(figure: Figure) -> &'static str {
    match figure {
        Figure::Exact(_) => "exact",
        Figure::Rounded(_) => "rounded",
        Figure::Below(_) => "below",
        Figure::Withheld => "withheld",
    }
}

fn bound(value: u64) -> Result<i64, StoreError> {
    // A checked release has no figure near this.
    i64::try_from(value).map_err(|_| StoreError::inconsistent("a figure larger than any hub can count"))
}
