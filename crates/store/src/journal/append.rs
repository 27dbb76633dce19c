//! Writing this node's own logs.

use std::collections::BTreeMap;

use folkmoot_journal::{
    Author, Cursor, Entry, Genesis, Incarnation, KnownLog, LogId, LogKey, Opening, Payload, PayloadKind, Topic,
    earlier_tips, encode_opening, found as genesis_entry,
};
use rusqlite::Connection;

use super::apply::{Effects, apply, join};
use super::logs::{EntryWriter, LogRow, entry_at, find_log, logs_of_topic, make_log, note_arrival, save_tip};
use super::scopes;
use crate::engine::{Role, Tx};
use crate::error::StoreError;

const SALT: usize = 16;

/// Writes the genesis entry: from here on the federation exists.
pub(super) fn found(
    tx: &mut Tx<'_>,
    key: &LogKey,
    incarnation: Incarnation,
    genesis: &Genesis,
) -> Result<folkmoot_journal::FederationId, StoreError> {
    if tx.role() != Role::Academy {
        return Err(StoreError::WrongRole { is: tx.role(), needed: Role::Academy });
    }
    if tx.working.federation().is_some() {
        return Err(StoreError::AlreadyJoined);
    }
    let (entry, federation) = genesis_entry(key, incarnation, genesis, salt(tx), tx.minute());
    join(tx, federation)?;
    let mut log = make_log(tx, entry.log())?;
    store(tx, &mut log, &[entry])?;
    Ok(federation)
}

/// Appends one entry to this node's log of the topic. The log of this incarnation opens with its first entry.
///
/// # Errors
/// [`StoreError::Frozen`], [`StoreError::NoAuthor`], [`StoreError::NotJoined`]; [`StoreError::NotWritten`] where this
/// node may not write the topic, or the payload cannot stand there.
pub(crate) fn append_in(
    tx: &mut Tx<'_>,
    topic: Topic,
    kind: PayloadKind,
    payload: Vec<u8>,
) -> Result<Cursor, StoreError> {
    let cursors = append_all_in(tx, topic, vec![(kind, payload)])?;
    cursors.last().copied().ok_or_else(|| StoreError::inconsistent("the entry that was appended"))
}

/// Appends several entries at once and returns their cursors, in order; the opening is not among them.
pub(crate) fn append_all_in(
    tx: &mut Tx<'_>,
    topic: Topic,
    payloads: Vec<(PayloadKind, Vec<u8>)>,
) -> Result<Vec<Cursor>, StoreError> {
    if tx.frozen() {
        return Err(StoreError::Frozen);
    }
    let author = tx.author()?;
    let me = author.key.id();
    if tx.working.federation() != Some(author.federation) {
        return Err(StoreError::NotJoined);
    }
    if !tx.working.rights().may_write(me, topic) {
        let reason = "the directory does not let this node write there".to_owned();
        return Err(StoreError::NotWritten { reason });
    }
    let id = LogId { topic, author: me, incarnation: author.incarnation };
    let mut log = match find_log(tx, id)? {
        Some(log) if log.forked => return Err(StoreError::Frozen),
        Some(log) => log,
        None => make_log(tx, id)?,
    };
    let mut entries = Vec::with_capacity(payloads.len() + 1);
    let mut tip = log.tip();
    if tip.is_none() {
        let opening = Opening { earlier: earlier(tx, &log)?, genesis: None };
        let opening = write(tx, &author, topic, None, PayloadKind::Opening, encode_opening(&opening))?;
        tip = Some(opening.cursor());
        entries.push(opening);
    }
    let mut cursors = Vec::with_capacity(payloads.len());
    for (kind, payload) in payloads {
        let entry = write(tx, &author, topic, tip.as_ref(), kind, payload)?;
        tip = Some(entry.cursor());
        cursors.push(entry.cursor());
        entries.push(entry);
    }
    store(tx, &mut log, &entries)?;
    Ok(cursors)
}

fn write(
    tx: &Tx<'_>,
    author: &Author,
    topic: Topic,
    previous: Option<&Cursor>,
    kind: PayloadKind,
    payload: Vec<u8>,
) -> Result<Entry, StoreError> {
    author
        .write(topic, previous, kind, payload, salt(tx), tx.minute())
        .map_err(|fault| StoreError::NotWritten { reason: fault.to_string() })
}

fn salt(tx: &Tx<'_>) -> [u8; SALT] {
    let mut salt = [0; SALT];
    tx.fill(&mut salt);
    salt
}

/// What the opening of `log` names: the tips of this node's earlier logs in the topic that no other log names.
fn earlier(connection: &Connection, log: &LogRow) -> Result<Vec<Cursor>, StoreError> {
    let mut known = BTreeMap::new();
    for other in logs_of_topic(connection, log.id.topic)? {
        let Some(tip) = other.tip().filter(|tip| tip.author == log.id.author) else { continue };
        let opening = entry_at(connection, &other, 1)?.and_then(|entry| entry.body);
        let earlier = match opening.map(|body| Payload::decode(PayloadKind::Opening, &body.payload)) {
            Some(Ok(Some(Payload::Opening(opening)))) => opening.earlier,
            Some(_) | None => Vec::new(),
        };
        known.insert(other.id.incarnation, KnownLog { tip, earlier });
    }
    Ok(earlier_tips(&known))
}

/// Stores this node's own entries after the log's tip and applies them; one that cannot be applied is not written.
fn store(tx: &mut Tx<'_>, log: &mut LogRow, entries: &[Entry]) -> Result<(), StoreError> {
    let before = log.seq;
    let mut effects = Effects::default();
    let mut writer = EntryWriter::new(tx.connection(), log)?;
    for entry in entries {
        writer.insert(entry)?;
        (log.seq, log.hash) = (entry.header.seq, entry.hash);
        // A hub's own ledger of releases is kept by whoever appends them.
        if log.id.topic == Topic::Directory
            && let Some(aside) = apply(tx, log, entry, &mut effects)?
        {
            return Err(StoreError::NotWritten { reason: aside.detail });
        }
    }
    drop(writer);
    moved(tx, log, before)?;
    effects.settle(tx)
}

/// Writes down that the log grew after the number `before`.
pub(super) fn moved(tx: &mut Tx<'_>, log: &LogRow, before: u64) -> Result<(), StoreError> {
    save_tip(tx, log)?;
    note_arrival(tx, log, before)?;
    scopes::topic_moved(tx, log)?;
    tx.mark_journal();
    if matches!(log.id.topic, Topic::Releases(_)) {
        tx.mark_releases();
    }
    Ok(())
}
