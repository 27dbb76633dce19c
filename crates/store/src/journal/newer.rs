//! Entries of kinds that this software does not know: held, forwarded, and applied once an upgrade knows them.

use std::collections::BTreeMap;

use folkmoot_journal::{Header, PayloadKind};
use rusqlite::{Connection, params};

use super::logs::{LogRow, log_row, signed, unsigned};
use crate::engine::Tx;
use crate::error::StoreError;

/// Entries of one kind in one log; entries of other kinds may lie between them.
pub(super) struct Range {
    pub(super) log: LogRow,
    pub(super) kind: u16,
    pub(super) first: u64,
    pub(super) last: u64,
    pub(super) minute: i64,
}

impl Range {
    pub(super) fn holds(&self, header: &Header) -> bool {
        u16::from(header.payload_kind) == self.kind && (self.first..=self.last).contains(&header.seq)
    }

    /// Whether this software knows the kind by now.
    pub(super) fn is_known(&self) -> bool {
        !matches!(PayloadKind::from(self.kind), PayloadKind::Unknown(_))
    }
}

/// What a transaction adds: the first and last number, by log and kind.
#[derive(Default)]
pub(super) struct Newer(BTreeMap<(i64, u16), (u64, u64)>);

impl Newer {
    pub(super) fn note(&mut self, log: &LogRow, header: &Header) {
        let range = self.0.entry((log.row, header.payload_kind.into())).or_insert((header.seq, header.seq));
        range.1 = header.seq;
    }

    pub(super) fn save(self, tx: &Tx<'_>) -> Result<(), StoreError> {
        let sql = "INSERT INTO newer_kind (log, kind, first, last, minute) VALUES (?1, ?2, ?3, ?4, ?5)
            ON CONFLICT (log, kind) DO UPDATE SET last = max(last, excluded.last)";
        for ((log, kind), (first, last)) in self.0 {
            tx.prepare_cached(sql)?.execute(params![log, kind, signed(first), signed(last), tx.minute()])?;
        }
        Ok(())
    }
}

/// Every range that counts still.
pub(super) fn all(connection: &Connection) -> Result<Vec<Range>, StoreError> {
    let sql = "SELECT log.id, log.topic, topic.name, author, incarnation, seq, hash, forked, kind, first, last, minute
        FROM newer_kind JOIN log ON log.id = newer_kind.log JOIN topic ON topic.id = log.topic
        WHERE first <= seq ORDER BY newer_kind.log, kind";
    let mut statement = connection.prepare_cached(sql)?;
    let rows = statement.query_map([], |row| {
        let log = log_row(row)?;
        let last = unsigned(row.get(10)?).min(log.seq);
        Ok(Range { log, kind: row.get(8)?, first: unsigned(row.get(9)?), last, minute: row.get(11)? })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

pub(super) fn of_log(connection: &Connection, log: &LogRow) -> Result<Vec<Range>, StoreError> {
    Ok(all(connection)?.into_iter().filter(|range| range.log.row == log.row).collect())
}

pub(super) fn forget(connection: &Connection, range: &Range) -> Result<(), StoreError> {
    connection.execute("DELETE FROM newer_kind WHERE log = ?1 AND kind = ?2", params![range.log.row, range.kind])?;
    Ok(())
}
