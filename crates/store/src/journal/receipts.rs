//! Receipts and refusals: what this node signed, what peers signed, what peers refused.

use folkmoot_journal::{Cursor, NodeId, Receipt, Refusal, RefusalReason, Topic};
use folkmoot_proto::federation::v1;
use prost::Message;
use rusqlite::{Connection, OptionalExtension, params};

use super::apply::{Working, set_aside_of};
use super::logs::{LogRow, find_log, hash_at, log_row, signed, unsigned};
use crate::engine::{Tx, UnixMillis};
use crate::error::StoreError;

/// What a peer did not take, or set aside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerRefusal {
    /// The peer.
    pub peer: NodeId,
    /// The topic.
    pub topic: Topic,
    /// The number of the entry in its log.
    pub seq: u64,
    /// Why.
    pub reason: RefusalReason,
    /// The peer's own words.
    pub detail: String,
    /// Whether the peer holds it all the same.
    pub set_aside: bool,
    /// When that was said last, to the minute.
    pub at: UnixMillis,
}

/// What a peer is told of what is held of a log; none where nothing counts. Signed for whoever wrote it. What was signed
/// before is said again unless more is held or set aside.
pub(super) fn give(tx: &Tx<'_>, peer: NodeId, log: &LogRow) -> Result<Option<Receipt>, StoreError> {
    let Some(held) = log.tip() else { return Ok(None) };
    let (topic, set_aside) = (log.id.topic, set_aside_of(tx, log)?);
    if log.id.author != peer {
        return Ok(Some(Receipt { topic, held, set_aside, proof: None }));
    }
    let author = tx.author()?;
    if let Some(given) = given(tx, log)?
        && given.held == held
        && given.set_aside == set_aside
        && given.proof.as_ref().is_some_and(|proof| proof.giver == author.key.id())
    {
        return Ok(Some(given));
    }
    let receipt = Receipt::sign(&author, topic, held, set_aside, tx.minute());
    let sql = "INSERT INTO receipt_given (log, receipt) VALUES (?1, ?2) ON CONFLICT (log) DO UPDATE SET receipt = ?2";
    tx.prepare_cached(sql)?.execute(params![log.row, receipt.to_wire().encode_to_vec()])?;
    Ok(Some(receipt))
}

/// The same for one entry of a log that is held further, perhaps.
pub(super) fn for_entry(tx: &Tx<'_>, peer: NodeId, log: &LogRow, held: Cursor) -> Result<Receipt, StoreError> {
    let set_aside: Vec<u64> = set_aside_of(tx, log)?.into_iter().filter(|seq| *seq <= held.seq).collect();
    let topic = log.id.topic;
    if log.id.author != peer {
        return Ok(Receipt { topic, held, set_aside, proof: None });
    }
    Ok(Receipt::sign(&*tx.author()?, topic, held, set_aside, tx.minute()))
}

fn given(connection: &Connection, log: &LogRow) -> Result<Option<Receipt>, StoreError> {
    let mut statement = connection.prepare_cached("SELECT receipt FROM receipt_given WHERE log = ?1")?;
    let bytes: Option<Vec<u8>> = statement.query_row([log.row], |row| row.get(0)).optional()?;
    bytes.map(|bytes| decode(&bytes)).transpose()
}

fn decode(bytes: &[u8]) -> Result<Receipt, StoreError> {
    let wire = v1::Receipt::decode(bytes).map_err(|_| StoreError::inconsistent("a receipt"))?;
    Receipt::from_wire(&wire).map_err(|_| StoreError::inconsistent("a receipt"))
}

/// The receipt for a log, if it is held at least up to `tip`.
pub(super) fn give_for(tx: &Tx<'_>, peer: NodeId, topic: Topic, tip: &Cursor) -> Result<Option<Receipt>, StoreError> {
    // A peer that may not read a topic learns nothing of it, not even that it is held.
    if !tx.working.rights().may_read(peer, topic) {
        return Ok(None);
    }
    match find_log(tx, tip.log(topic))? {
        Some(log) if hash_at(tx, &log, tip.seq)? == Some(tip.hash) => give(tx, peer, &log),
        Some(_) | None => Ok(None),
    }
}

/// Whether a receipt is this peer's; none where the peer is not known. A node's key is its own for good, so that this may be
/// asked on another thread than the writer's.
pub(super) fn is_genuine(working: &Working, peer: NodeId, receipt: &Receipt) -> Option<bool> {
    let (federation, key) = (working.federation()?, working.directory().log_key(peer)?);
    Some(receipt.verify(federation, &key).is_ok())
}

/// Keeps a peer's receipt where it speaks of what is held here. False where it is not genuine, which may have been found ahead.
pub(super) fn keep(tx: &Tx<'_>, peer: NodeId, receipt: &Receipt, genuine: Option<bool>) -> Result<bool, StoreError> {
    if genuine.or_else(|| is_genuine(tx.working, peer, receipt)) != Some(true) {
        return Ok(false);
    }
    // The giver may hold more than this node: got elsewhere meanwhile, or lost here with an overwritten folder. Genuine
    // all the same, and given again once this node has caught up.
    let Some(log) = find_log(tx, receipt.log())? else { return Ok(true) };
    if hash_at(tx, &log, receipt.held.seq)? != Some(receipt.held.hash) {
        return Ok(true);
    }
    // A late one changes nothing: receipts are cumulative.
    let sql = "INSERT INTO receipt_got (log, giver, seq, receipt) VALUES (?1, ?2, ?3, ?4)
        ON CONFLICT (log, giver) DO UPDATE SET seq = ?3, receipt = ?4 WHERE excluded.seq >= seq";
    tx.prepare_cached(sql)?.execute(params![
        log.row,
        peer.0,
        signed(receipt.held.seq),
        receipt.to_wire().encode_to_vec()
    ])?;
    // What the peer holds without fault by now is refused no longer.
    let mut refused = tx.prepare_cached("SELECT seq FROM refusal_got WHERE log = ?1 AND peer = ?2 AND seq <= ?3")?;
    let rows = refused.query_map(params![log.row, peer.0, signed(receipt.held.seq)], |row| row.get(0))?;
    let seqs = rows.collect::<Result<Vec<i64>, _>>()?;
    for seq in seqs.into_iter().filter(|seq| !receipt.set_aside.contains(&unsigned(*seq))) {
        tx.execute("DELETE FROM refusal_got WHERE log = ?1 AND peer = ?2 AND seq = ?3", params![log.row, peer.0, seq])?;
    }
    // Nobody is woken: the exchange that brought the receipt knows, and no other has anything to send for it.
    Ok(true)
}

/// Remembers what a peer refused. Only of entries that are held here, so that a peer cannot fill the disk.
pub(super) fn refused(tx: &Tx<'_>, peer: NodeId, refusal: &Refusal) -> Result<(), StoreError> {
    let Some(log) = find_log(tx, refusal.log())? else { return Ok(()) };
    if refusal.entry.seq > log.seq.saturating_add(1) {
        return Ok(());
    }
    let sql = "INSERT INTO refusal_got (log, peer, seq, reason, detail, set_aside, minute)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
        ON CONFLICT (log, peer, seq) DO UPDATE SET reason = ?4, detail = ?5, set_aside = ?6, minute = ?7";
    tx.prepare_cached(sql)?.execute(params![
        log.row,
        peer.0,
        signed(refusal.entry.seq),
        refusal.reason.number(),
        refusal.detail,
        refusal.set_aside,
        tx.minute()
    ])?;
    Ok(())
}

pub(super) fn refusals(connection: &Connection) -> Result<Vec<PeerRefusal>, StoreError> {
    let sql = "SELECT log.id, log.topic, topic.name, author, incarnation, log.seq, hash, forked,
            peer, refusal_got.seq, reason, detail, set_aside, minute
        FROM refusal_got JOIN log ON log.id = refusal_got.log JOIN topic ON topic.id = log.topic
        ORDER BY peer, refusal_got.log, refusal_got.seq";
    let mut statement = connection.prepare_cached(sql)?;
    let rows = statement.query_map([], |row| {
        Ok(PeerRefusal {
            peer: NodeId(row.get(8)?),
            topic: log_row(row)?.id.topic,
            seq: unsigned(row.get(9)?),
            reason: RefusalReason::from_number(row.get(10)?),
            detail: row.get(11)?,
            set_aside: row.get(12)?,
            at: UnixMillis(row.get::<_, i64>(13)? * 60_000),
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Whether a peer says that this node takes part in the log's campaign no longer.
pub(super) fn left_out(connection: &Connection, log: &LogRow, peer: NodeId) -> Result<bool, StoreError> {
    let sql = "SELECT 1 FROM refusal_got WHERE log = ?1 AND peer = ?2 AND reason = ?3";
    let key = params![log.row, peer.0, RefusalReason::NoMember.number()];
    Ok(connection.prepare_cached(sql)?.exists(key)?)
}

/// Up to which number a peer has signed for a log; 0 where it has not.
pub(super) fn receipted(connection: &Connection, log: &LogRow, giver: NodeId) -> Result<u64, StoreError> {
    let mut statement = connection.prepare_cached("SELECT seq FROM receipt_got WHERE log = ?1 AND giver = ?2")?;
    let seq: Option<i64> = statement.query_row(params![log.row, giver.0], |row| row.get(0)).optional()?;
    Ok(seq.map_or(0, unsigned))
}

/// The latest receipt of a peer for a log.
pub(super) fn got(connection: &Connection, log: &LogRow, giver: NodeId) -> Result<Option<Receipt>, StoreError> {
    let mut statement = connection.prepare_cached("SELECT receipt FROM receipt_got WHERE log = ?1 AND giver = ?2")?;
    let bytes: Option<Vec<u8>> = statement.query_row(params![log.row, giver.0], |row| row.get(0)).optional()?;
    bytes.map(|bytes| decode(&bytes)).transpose()
}
