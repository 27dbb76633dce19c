//! Forks: two entries with one number in one log. Both branches are kept as evidence, and the log counts only up to the
//! last entry that they share.

use folkmoot_journal::{Cursor, Entry, Hash, LogId, pack};
use folkmoot_proto::federation::v1;
use rusqlite::{Connection, params};

use super::apply::{Effects, after_fork};
use super::logs::{LogRow, entry_at, hash_at, log_row, save_tip, signed, stored_entry};
use super::scopes;
use crate::engine::Tx;
use crate::error::StoreError;

/// A log that forks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fork {
    /// The log.
    pub log: LogId,
    /// The last entry that all branches share; none where they share nothing.
    pub common: Option<Cursor>,
    /// The number after it, which two entries bear.
    pub seq: u64,
}

/// The first of a frame's entries that differs from the one held under its number.
pub(super) fn first_difference(
    connection: &Connection,
    log: &LogRow,
    entries: &[Entry],
) -> Result<Option<usize>, StoreError> {
    let overlap = entries.iter().take_while(|entry| entry.header.seq <= log.seq).count();
    // A hash covers everything before it: where the last agrees, all agree.
    if let Some(last) = entries[..overlap].last()
        && hash_at(connection, log, last.header.seq)? != Some(last.hash)
    {
        for (at, entry) in entries[..overlap].iter().enumerate() {
            if hash_at(connection, log, entry.header.seq)? != Some(entry.hash) {
                return Ok(Some(at));
            }
        }
    }
    Ok(None)
}

/// Keeps a verified branch beside the one held, and takes both out of what counts.
pub(super) fn keep_evidence(
    tx: &mut Tx<'_>,
    log: &mut LogRow,
    branch: &[Entry],
    effects: &mut Effects,
) -> Result<(), StoreError> {
    let Some(first) = branch.first() else { return Ok(()) };
    let common = first.header.seq - 1;
    let sql = "SELECT header, signature, salt, payload FROM entry WHERE place > ?1 AND place <= ?2 ORDER BY place";
    let range = params![log.place(common), log.place(log.seq)];
    let mut ours = Vec::new();
    {
        let mut statement = tx.prepare_cached(sql)?;
        let mut rows = statement.query(range)?;
        while let Some(row) = rows.next()? {
            ours.push(stored_entry(row, 0)?.into_entry());
        }
    }
    for entry in ours.iter().chain(branch) {
        save(tx, log, entry)?;
    }
    tx.execute("DELETE FROM set_aside WHERE place > ?1 AND place <= ?2", range)?;
    tx.execute("DELETE FROM entry WHERE place > ?1 AND place <= ?2", range)?;
    (log.seq, log.hash, log.forked) = (common, first.header.prev_hash, true);
    save_tip(tx, log)?;
    sign_own_tip(tx, log)?;
    scopes::topic_moved(tx, log)?;
    tx.mark_journal();
    after_fork(tx, log, effects)
}

/// The last entry that counts may have lain inside a batch: of this node's own it is signed now, so that a frame can end
/// on it.
fn sign_own_tip(tx: &Tx<'_>, log: &LogRow) -> Result<(), StoreError> {
    let Some(author) = tx.author().ok().filter(|author| author.key.id() == log.id.author) else { return Ok(()) };
    let Some(tip) = entry_at(tx, log, log.seq)?.filter(|tip| tip.signature.is_none()) else { return Ok(()) };
    let mut tip = tip.into_entry();
    author.sign(&mut tip);
    let signature = tip.signature.map(|signature| signature.0);
    tx.execute("UPDATE entry SET signature = ?2 WHERE place = ?1", params![log.place(log.seq), signature])?;
    Ok(())
}

fn save(connection: &Connection, log: &LogRow, entry: &Entry) -> Result<(), StoreError> {
    let sql = "INSERT INTO fork (log, seq, hash, header, signature, salt, payload) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
        ON CONFLICT (log, seq, hash) DO UPDATE SET signature = coalesce(signature, excluded.signature)";
    let body = entry.body.as_ref();
    connection.prepare_cached(sql)?.execute(params![
        log.row,
        signed(entry.header.seq),
        entry.hash.0,
        entry.header.encode(),
        entry.signature.map(|signature| signature.0),
        body.map(|body| body.salt),
        body.map(|body| &body.payload),
    ])?;
    Ok(())
}

/// Frames that show every branch from the last common entry on, as far as the first signature held of each.
pub(super) fn proof(connection: &Connection, log: &LogRow) -> Result<Vec<v1::Frame>, StoreError> {
    let sql = "SELECT header, signature, salt, payload FROM fork WHERE log = ?1 AND seq > ?2 ORDER BY seq, hash";
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(params![log.row, signed(log.seq)])?;
    // Every branch that is still without a signature, by the hash of its last entry.
    let mut open: Vec<(Hash, Vec<Entry>)> = Vec::new();
    let mut frames = Vec::new();
    while let Some(row) = rows.next()? {
        let entry = stored_entry(row, 0)?.into_entry();
        let mut branch = if entry.header.seq == log.seq + 1 {
            Vec::new()
        } else {
            match open.iter().position(|(tip, _)| *tip == entry.header.prev_hash) {
                Some(at) => open.swap_remove(at).1,
                None => continue,
            }
        };
        let (hash, ends) = (entry.hash, entry.signature.is_some());
        branch.push(entry);
        if ends {
            // A branch that is too long for one frame proves nothing that a shorter one would not.
            frames.extend(pack(&branch).ok());
        } else {
            open.push((hash, branch));
        }
    }
    Ok(frames)
}

pub(super) fn all(connection: &Connection) -> Result<Vec<Fork>, StoreError> {
    let sql = "SELECT log.id, log.topic, topic.name, author, incarnation, seq, hash, forked
        FROM log JOIN topic ON topic.id = log.topic WHERE forked = 1 ORDER BY log.id";
    let mut statement = connection.prepare_cached(sql)?;
    let logs = statement.query_map([], log_row)?.collect::<Result<Vec<_>, _>>()?;
    Ok(logs.into_iter().map(|log| Fork { log: log.id, common: log.tip(), seq: log.seq + 1 }).collect())
}

/// The numbers of entries kept as evidence, for tests.
#[cfg(test)]
pub(super) fn evidence(connection: &Connection) -> Result<Vec<(u64, Hash)>, StoreError> {
    let mut statement = connection.prepare("SELECT seq, hash FROM fork ORDER BY seq, hash")?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, Hash(row.get(1)?))))?;
    Ok(rows.collect::<Result<_, _>>()?)
}
