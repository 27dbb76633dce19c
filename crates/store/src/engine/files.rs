//! Making, opening and copying the database file.

use std::fs::{OpenOptions, Permissions};
use std::io::ErrorKind;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

use folkmoot_domain::hub::HubName;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, OptionalExtension, TransactionBehavior, params};

use super::Role;
use crate::error::StoreError;
use crate::migrations::{APPLICATION_ID, climb, newest, version};

const MODE: u32 = 0o600;
/// Negative: KiB of the writer. What it changed lies there until it is committed.
const CACHE_SIZE: i64 = -2_000;
/// The same of each reader, which has the operating system's cache behind it.
const READER_CACHE_SIZE: i64 = -500;
const STATEMENTS: usize = 128;
const WAL_LIMIT_BYTES: i64 = 8 << 20;
/// Another process of ours may be closing; a tool may be reading.
const BUSY_MILLISECONDS: u64 = 2_000;

pub(super) fn create(path: &Path, role: Role, name: &HubName) -> Result<Connection, StoreError> {
    // Made before the library sees it, so that no moment exists in which others may read it.
    match OpenOptions::new().write(true).create_new(true).mode(MODE).open(path) {
        Ok(_) => {}
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
        Err(error) => return Err(error.into()),
    }
    let mut connection = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    // An init that was killed left an empty file behind, which is as good as none.
    let tables: u32 = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    if tables > 0 {
        return Err(StoreError::AlreadyExists);
    }
    make(&mut connection, role, name)?;
    wal(&connection)?;
    settle(&connection)?;
    Ok(connection)
}

pub(super) fn open(path: &Path) -> Result<Connection, StoreError> {
    match std::fs::metadata(path) {
        Ok(found) => {
            // A file copied back from a backup may have lost its mode.
            if found.permissions().mode() & 0o077 != 0 {
                std::fs::set_permissions(path, Permissions::from_mode(MODE))?;
            }
        }
        Err(error) if error.kind() == ErrorKind::NotFound => return Err(StoreError::NotFound),
        Err(error) => return Err(error.into()),
    }
    let mut connection = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    check(&mut connection)?;
    wal(&connection)?;
    settle(&connection)?;
    Ok(connection)
}

/// A connection of the pool; it cannot write.
pub(super) fn open_reader(path: &Path) -> Result<Connection, StoreError> {
    let connection = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    settle(&connection)?;
    connection.pragma_update(None, "query_only", true)?;
    connection.pragma_update(None, "cache_size", READER_CACHE_SIZE)?;
    Ok(connection)
}

pub(super) fn in_memory(role: Role, name: &HubName) -> Result<Connection, StoreError> {
    let mut connection = Connection::open_in_memory()?;
    make(&mut connection, role, name)?;
    settle(&connection)?;
    Ok(connection)
}

pub(super) fn from_snapshot(bytes: &[u8]) -> Result<Connection, StoreError> {
    let mut connection = Connection::open_in_memory()?;
    // Bytes 18 and 19 of the file say whether it needs a write-ahead log, which memory cannot have.
    let mut bytes = bytes.to_vec();
    if let Some(versions) = bytes.get_mut(18..20) {
        versions.fill(1);
    }
    connection.deserialize_read_exact("main", bytes.as_slice(), bytes.len(), false)?;
    check(&mut connection)?;
    settle(&connection)?;
    Ok(connection)
}

pub(super) fn snapshot(connection: &mut Connection) -> Result<Vec<u8>, StoreError> {
    Ok(connection.serialize("main")?.to_vec())
}

pub(super) fn identity(connection: &Connection) -> Result<(Role, HubName), StoreError> {
    let (role, name): (i64, String) =
        connection.query_row("SELECT role, name FROM node", [], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let role = Role::from_code(role).ok_or_else(|| StoreError::inconsistent("the node's role"))?;
    let name = name.parse().map_err(|_| StoreError::inconsistent("the node's name"))?;
    Ok((role, name))
}

fn connect(path: &Path, flags: OpenFlags) -> Result<Connection, StoreError> {
    let connection = Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(std::time::Duration::from_millis(BUSY_MILLISECONDS))?;
    Ok(connection)
}

fn make(connection: &mut Connection, role: Role, name: &HubName) -> Result<(), StoreError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    climb(&transaction, role, newest())?;
    transaction
        .execute("INSERT INTO node (only, role, name) VALUES (1, ?1, ?2)", params![role.code(), name.as_str()])?;
    Ok(transaction.commit()?)
}

/// Refuses a file that is not ours or too new, and takes the missing migrations.
fn check(connection: &mut Connection) -> Result<(), StoreError> {
    let application: i32 = connection
        .query_row("PRAGMA application_id", [], |row| row.get(0))
        .map_err(StoreError::from)
        .map_err(|error| if matches!(error, StoreError::Damaged { .. }) { StoreError::Foreign } else { error })?;
    if application != APPLICATION_ID {
        return Err(StoreError::Foreign);
    }
    let found = version(connection)?;
    if found > newest() {
        return Err(StoreError::Newer { found, known: newest() });
    }
    if found < newest() {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let role: Option<i64> = transaction.query_row("SELECT role FROM node", [], |row| row.get(0)).optional()?;
        let role = role.and_then(Role::from_code).ok_or_else(|| StoreError::inconsistent("the node's role"))?;
        climb(&transaction, role, newest())?;
        transaction.commit()?;
    }
    Ok(())
}

fn wal(connection: &Connection) -> Result<(), StoreError> {
    let mode: String = connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0))?;
    if mode != "wal" {
        return Err(StoreError::inconsistent("the file system of the data folder allows no write-ahead log"));
    }
    Ok(())
}

fn settle(connection: &Connection) -> Result<(), StoreError> {
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    // What is erased is overwritten, so that no personal data stays in free pages.
    connection.pragma_update(None, "secure_delete", true)?;
    // Temporary data would else lie in /tmp.
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    connection.pragma_update(None, "trusted_schema", false)?;
    connection.pragma_update(None, "cache_size", CACHE_SIZE)?;
    connection.pragma_update(None, "journal_size_limit", WAL_LIMIT_BYTES)?;
    // One plan a statement, whatever is bound to it: else the library parses many a kept statement anew at each use.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    Ok(())
}
