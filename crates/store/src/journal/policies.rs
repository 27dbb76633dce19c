//! Disclosure policies: which of their entries stand depends on all of them together.

use std::ops::ControlFlow;
use std::sync::Arc;

use folkmoot_disclosure::PolicyRecord;
use folkmoot_journal::{Payload, PayloadKind, Topic};
use rusqlite::Connection;

use super::apply::{Aside, Retry, set_aside_at};
use super::logs::{entries_after, logs_of_topic};
use crate::engine::{Tx, UnixMillis};
use crate::error::StoreError;

/// An entry of the directory that sets a policy, standing or not.
pub(crate) struct PolicyEntry {
    place: i64,
    pub(crate) record: PolicyRecord,
    /// When its author says that it was written, to the minute.
    pub(crate) written_at: UnixMillis,
}

/// Every such entry that can be read.
pub(crate) fn policy_entries(connection: &Connection) -> Result<Vec<PolicyEntry>, StoreError> {
    let mut found = Vec::new();
    for log in logs_of_topic(connection, Topic::Directory)? {
        entries_after(connection, &log, 0, |entry| {
            let (header, body) = (entry.header, entry.body);
            if header.payload_kind == PayloadKind::PolicyRecord
                && let Some(body) = body
                && let Ok(Some(Payload::PolicyRecord(record))) = Payload::decode(header.payload_kind, &body.payload)
            {
                let written_at = UnixMillis(i64::from(header.written_at) * 60_000);
                found.push(PolicyEntry { place: log.place(header.seq), record, written_at });
            }
            Ok(ControlFlow::Continue(()))
        })?;
    }
    Ok(found)
}

/// Sets aside the policies that do not stand, and takes up again those that another made stand after all. Gives those
/// that do not.
pub(super) fn settle(tx: &mut Tx<'_>) -> Result<Vec<(i64, Aside)>, StoreError> {
    let directory = Arc::clone(tx.working.directory());
    let mut asides = Vec::new();
    for entry in policy_entries(tx)? {
        match directory.check_policy(&entry.record) {
            Ok(()) => {
                if tx.execute("DELETE FROM set_aside WHERE place = ?1", [entry.place])? > 0 {
                    tx.mark_journal();
                }
            }
            Err(fault) => {
                let aside = Aside { retry: Retry::Never, ..Aside::fault(&fault) };
                set_aside_at(tx, entry.place, &aside)?;
                asides.push((entry.place, aside));
            }
        }
    }
    Ok(asides)
}
