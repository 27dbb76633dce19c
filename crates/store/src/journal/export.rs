//! What the Academy hands out so that others can check the national figures: its logs of the directory and of releases,
//! as they are stored.

use std::ops::ControlFlow;

use folkmoot_journal::export::{HeldLog, encode_entry};
use folkmoot_journal::{RefusalReason, Topic};
use rusqlite::{Connection, params};

use super::answers;
use super::logs::{LogRow, at_place, entries_after, find_log, log_row, logs_of_topic, signed, stored_entry};
use crate::error::StoreError;

/// Every log of the directory and of releases, in the order of an export: the one that holds the genesis entry, the
/// directory's others, those of releases, ascending.
pub(crate) fn held_logs(connection: &Connection) -> Result<Vec<HeldLog>, StoreError> {
    let Some((first, _)) = answers::genesis(connection)? else { return Err(StoreError::NotJoined) };
    let mut logs = logs_of_topic(connection, Topic::Directory)?;
    logs.sort_by_key(|log| (log.row != first.row, log.id));
    logs.extend(release_logs(connection)?);
    let counting = logs.into_iter().filter(|log| log.seq > 0 || log.forked);
    counting.map(|log| held(connection, &log)).collect()
}

fn release_logs(connection: &Connection) -> Result<Vec<LogRow>, StoreError> {
    let sql = "SELECT log.id, log.topic, topic.name, author, incarnation, seq, hash, forked
        FROM log JOIN topic ON topic.id = log.topic WHERE substr(topic.name, 1, 1) = x'04'";
    let mut statement = connection.prepare_cached(sql)?;
    let mut logs = statement.query_map([], log_row)?.collect::<Result<Vec<_>, _>>()?;
    logs.sort_by_key(|log| log.id);
    Ok(logs)
}

fn held(connection: &Connection, log: &LogRow) -> Result<HeldLog, StoreError> {
    let sql = "SELECT place, reason FROM set_aside WHERE place > ?1 AND place <= ?2 ORDER BY place";
    let mut statement = connection.prepare_cached(sql)?;
    let rows = statement.query_map(params![log.place(0), log.place(log.seq)], |row| {
        Ok((at_place(row.get(0)?).1, RefusalReason::from_number(row.get(1)?)))
    })?;
    let set_aside = rows.collect::<Result<_, _>>()?;
    Ok(HeldLog { log: log.id, seq: log.seq, hash: log.hash, forked: log.forked, set_aside })
}

/// The bytes of the next entries of a log after the number `after`, `max_bytes` or one entry at most, and the number of
/// the last; none after the last that the export names.
pub(crate) fn entries(
    connection: &Connection,
    held: &HeldLog,
    after: u64,
    max_bytes: usize,
) -> Result<(Vec<u8>, u64), StoreError> {
    let log = find_log(connection, held.log)?.filter(|log| log.seq >= held.seq).ok_or(StoreError::ExportOvertaken)?;
    let (mut bytes, mut last) = (Vec::new(), after);
    if after >= held.seq {
        return Ok((bytes, last));
    }
    entries_after(connection, &log, after, |stored| {
        let entry = stored.into_entry();
        let next = encode_entry(&entry);
        if !bytes.is_empty() && bytes.len() + next.len() > max_bytes {
            return Ok(ControlFlow::Break(()));
        }
        bytes.extend_from_slice(&next);
        last = entry.header.seq;
        Ok(if last < held.seq { ControlFlow::Continue(()) } else { ControlFlow::Break(()) })
    })?;
    if last == after {
        return Err(StoreError::inconsistent("a log without the entries that its tip names"));
    }
    Ok((bytes, last))
}

/// The bytes of the entries past the last common one of a log that forks, ascending by number and hash.
pub(crate) fn fork(connection: &Connection, held: &HeldLog) -> Result<Vec<u8>, StoreError> {
    let log = find_log(connection, held.log)?.filter(|log| log.seq == held.seq).ok_or(StoreError::ExportOvertaken)?;
    let sql = "SELECT header, signature, salt, payload FROM fork WHERE log = ?1 AND seq > ?2 ORDER BY seq, hash";
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(params![log.row, signed(log.seq)])?;
    let mut bytes = Vec::new();
    while let Some(row) = rows.next()? {
        bytes.extend(encode_entry(&stored_entry(row, 0)?.into_entry()));
    }
    Ok(bytes)
}
