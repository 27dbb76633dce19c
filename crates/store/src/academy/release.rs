//! Releases as they come in: checked, and kept or set aside.

use std::sync::Arc;

use folkmoot_disclosure::{Fault, FaultKind, ReceivedRelease, ReleaseParts};
use folkmoot_journal::{Cursor, Hash, RefusalReason};
use rusqlite::{Connection, OptionalExtension, params};

use super::day;
use super::standing::{self, Received};
use crate::engine::Tx;
use crate::error::StoreError;
use crate::journal::{Aside, Retry};

/// Takes in a release that its author has signed, or says why it is set aside. The first payload of a hub, period and
/// revision stands; the same again changes nothing.
pub(crate) fn receive_release(
    tx: &mut Tx<'_>,
    cursor: &Cursor,
    parts: &ReleaseParts,
    payload: &[u8],
) -> Result<Option<Aside>, StoreError> {
    let directory = Arc::clone(tx.working.directory());
    let record = directory.hubs().get(&cursor.author);
    let record =
        record.ok_or_else(|| StoreError::inconsistent("the directory, which lacks the author of a release"))?;
    let (programmes, policies) = (directory.programmes(), directory.policies());
    let release = match ReceivedRelease::check(parts, cursor.author.0, programmes, policies, day(tx.now())) {
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
        None => standing::keep(tx, record, &Received { cursor, release: &release, payload_hash })?,
    }
    tx.mark_releases();
    Ok(None)
}

/// Why a release with such faults is set aside. What is only unknown here yet is looked at again.
fn aside(faults: &[Fault]) -> Aside {
    // The gravest fault gives the reason; what a newer directory may mend is the least.
    let order = |kind| match kind {
        FaultKind::Form => 0,
        FaultKind::Policy => 1,
        FaultKind::Calendar => 2,
        FaultKind::UnknownProgramme => 3,
        FaultKind::NewerCatalogue => 4,
    };
    let gravest = faults.iter().map(|fault| fault.kind).min_by_key(|kind| order(*kind)).unwrap_or(FaultKind::Form);
    let words: Vec<&str> = faults.iter().map(|fault| fault.words.as_str()).collect();
    let (reason, retry) = match gravest {
        FaultKind::Form => (RefusalReason::ReleaseForm, Retry::Never),
        FaultKind::Policy => (RefusalReason::ReleasePolicy, Retry::Never),
        FaultKind::Calendar => (RefusalReason::ReleaseCalendar, Retry::Never),
        FaultKind::UnknownProgramme => (RefusalReason::ReleaseCalendar, Retry::Programme),
        FaultKind::NewerCatalogue => (RefusalReason::ReleaseForm, Retry::Upgrade),
    };
    Aside { reason, detail: words.join("; "), retry }
}

/// The hash of the payload that is held of a hub, period and revision.
fn held(connection: &Connection, release: &ReceivedRelease) -> Result<Option<Hash>, StoreError> {
    let sql = "SELECT payload_hash FROM hub_release AS release
        JOIN reporting_period AS period ON period.id = release.period
        JOIN reporting_hub AS hub ON hub.id = release.hub
        WHERE period.code = ?1 AND hub.node = ?2 AND revision = ?3";
    let key = params![release.period().to_string(), release.hub(), release.revision()];
    Ok(connection.prepare_cached(sql)?.query_row(key, |row| row.get(0).map(Hash)).optional()?)
}
