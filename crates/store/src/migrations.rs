//! The schema, as numbered steps that are only ever added to.

use rusqlite::Connection;

use crate::engine::Role;
use crate::error::StoreError;

/// Marks a file as ours: "Folk" in ASCII.
pub(crate) const APPLICATION_ID: i32 = 0x466f_6c6b;

/// One step of the schema.
pub(crate) struct Migration {
    /// Counts from 1 without gaps; the file's `user_version` is the number of the last step taken.
    pub(crate) number: u32,
    /// The only role that takes the step; `None`: every node. A step of another role is counted and left out.
    pub(crate) role: Option<Role>,
    /// The statements.
    pub(crate) sql: &'static str,
}

/// Every step, in order.
pub(crate) const MIGRATIONS: &[Migration] = &[
    Migration { number: 1, role: None, sql: include_str!("migrations/0001_journal.sql") },
    Migration { number: 2, role: Some(Role::Hub), sql: include_str!("migrations/0002_hub.sql") },
    Migration { number: 3, role: Some(Role::Academy), sql: include_str!("migrations/0003_academy.sql") },
    Migration { number: 4, role: None, sql: include_str!("migrations/0004_curriculum.sql") },
    Migration { number: 5, role: None, sql: include_str!("migrations/0005_campaign.sql") },
    Migration { number: 6, role: Some(Role::Hub), sql: include_str!("migrations/0006_campaign_document.sql") },
    Migration { number: 7, role: Some(Role::Hub), sql: include_str!("migrations/0007_counted.sql") },
    Migration { number: 8, role: Some(Role::Academy), sql: include_str!("migrations/0008_statistics.sql") },
    Migration { number: 9, role: Some(Role::Hub), sql: include_str!("migrations/0009_campaign_tail.sql") },
    Migration { number: 10, role: None, sql: include_str!("migrations/0010_membership_chain.sql") },
    Migration { number: 11, role: None, sql: include_str!("migrations/0011_campaign_checkpoint.sql") },
    Migration { number: 12, role: Some(Role::Hub), sql: include_str!("migrations/0012_campaign_erasure.sql") },
    Migration { number: 13, role: Some(Role::Hub), sql: include_str!("migrations/0013_campaign_title.sql") },
    Migration { number: 14, role: Some(Role::Hub), sql: include_str!("migrations/0014_campaign_outcome.sql") },
    Migration { number: 15, role: Some(Role::Academy), sql: include_str!("migrations/0015_newer_releases.sql") },
    Migration { number: 16, role: Some(Role::Hub), sql: include_str!("migrations/0016_campaign_of_checkpoint.sql") },
    Migration { number: 17, role: None, sql: include_str!("migrations/0017_later_documents.sql") },
];

/// The version of the newest schema known here.
pub(crate) fn newest() -> u32 {
    MIGRATIONS.last().map_or(0, |migration| migration.number)
}

/// Takes every step up to and including `until` that the file has not taken, in the transaction that the caller holds.
pub(crate) fn climb(connection: &Connection, role: Role, until: u32) -> Result<(), StoreError> {
    let version = version(connection)?;
    for migration in MIGRATIONS.iter().filter(|step| step.number > version && step.number <= until) {
        if migration.role.is_none_or(|only| only == role) {
            connection.execute_batch(migration.sql)?;
        }
        connection.pragma_update(None, "user_version", migration.number)?;
    }
    Ok(())
}

/// The number of the last step that the file has taken.
pub(crate) fn version(connection: &Connection) -> Result<u32, StoreError> {
    Ok(connection.query_row("PRAGMA user_version", [], |row| row.get(0))?)
}
