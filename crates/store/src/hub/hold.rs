//! Holding back: of a held period nothing leaves, although it was approved, until somebody resumes it.

use folkmoot_domain::calendar::Period;
use rusqlite::{Connection, OptionalExtension, params};

use super::HubStore;
use crate::engine::{Tx, UnixMillis};
use crate::error::StoreError;

/// That a period is held back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hold {
    /// Since when.
    pub at: UnixMillis,
    /// By whom: the user's number on the node's machine.
    pub by: u32,
}

impl HubStore {
    /// Holds back what is or will be approved for a period and has not left. A hold that stands is given as it stands.
    ///
    /// # Errors
    /// Failures of the database.
    pub fn hold(&self, period: &Period, uid: u32) -> Result<Hold, StoreError> {
        let period = period.to_string();
        self.store.write("hub hold release", move |tx| {
            if let Some(stands) = standing(tx, &period)? {
                return Ok(stands);
            }
            let hold = Hold { at: tx.now(), by: uid };
            tx.execute("INSERT INTO hold (period, at, by) VALUES (?1, ?2, ?3)", params![period, hold.at.0, hold.by])?;
            tx.mark_releases();
            Ok(hold)
        })
    }

    /// Lets what was approved for a period leave again; gives the hold that was lifted, where there was one.
    ///
    /// # Errors
    /// Failures of the database.
    pub fn resume(&self, period: &Period, uid: u32) -> Result<Option<Hold>, StoreError> {
        let period = period.to_string();
        self.store.write("hub resume release", move |tx| resume(tx, &period, uid))
    }

    /// The periods that are held back, in order.
    ///
    /// # Errors
    /// Failures of the database.
    pub fn holds(&self) -> Result<Vec<(Period, Hold)>, StoreError> {
        self.store.read("hub holds", |connection| {
            let mut statement =
                connection.prepare_cached("SELECT period, at, by FROM hold WHERE resumed_at IS NULL")?;
            let mut rows = statement.query([])?;
            let mut holds = Vec::new();
            while let Some(row) = rows.next()? {
                let period = row.get_ref(0)?.as_str().ok().and_then(|period| period.parse().ok());
                let period: Period = period.ok_or_else(|| StoreError::inconsistent("a period that is held"))?;
                holds.push((period, Hold { at: UnixMillis(row.get(1)?), by: row.get(2)? }));
            }
            holds.sort_by(|one, other| one.0.cmp(&other.0));
            Ok(holds)
        })
    }
}

/// The hold on a period.
pub(super) fn standing(connection: &Connection, period: &str) -> Result<Option<Hold>, StoreError> {
    Ok(connection
        .prepare_cached("SELECT at, by FROM hold WHERE period = ?1 AND resumed_at IS NULL")?
        .query_row([period], |row| Ok(Hold { at: UnixMillis(row.get(0)?), by: row.get(1)? }))
        .optional()?)
}

/// Lifts the hold on a period; gives it.
pub(super) fn resume(tx: &mut Tx<'_>, period: &str, uid: u32) -> Result<Option<Hold>, StoreError> {
    let Some(hold) = standing(tx, period)? else { return Ok(None) };
    tx.execute(
        "UPDATE hold SET resumed_at = ?2, resumed_by = ?3 WHERE period = ?1 AND resumed_at IS NULL",
        params![period, tx.now().0, uid],
    )?;
    tx.mark_releases();
    Ok(Some(hold))
}
