//! Writing this node's own logs.

use std::collections::BTreeMap;

use folkmoot_journal::entry::PAYLOAD_LIMIT;
use folkmoot_journal::frame::{ENTRY_LIMIT, ENTRY_OVERHEAD, INFLATED_LIMIT, TARGET_BYTES};
use folkmoot_journal::{
    Author, Cursor, Entry, Genesis, Incarnation, KnownLog, LogId, LogKey, Opening, Payload, PayloadKind, Topic,
    earlier_tips, encode_opening, found as genesis_entry,
};
use rusqlite::Connection;

use super::apply::{Effects, apply, join};
use super::logs::{EntryWriter, LogRow, entry_at, find_log, logs_of_topic, make_log, note_arrival, save_tip};
use super::{memberships, scopes};
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

/// Appends several entries at once and returns their cursors, in order; the opening is not among them. A membership that
/// comes first may found the campaign that the topic names.
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
    let founds = match (topic, payloads.first()) {
        (Topic::Campaign(campaign), Some((PayloadKind::Membership, payload))) => {
            memberships::may_found(tx, campaign, me, payload)
        }
        (_, _) => false,
    };
    // Whoever may only read can be appointed to lead.
    let leads_on = match topic {
        Topic::Campaign(campaign) => {
            let any_member = [PayloadKind::MembershipChange, PayloadKind::CampaignAttestation];
            let of_membership = payloads.iter().all(|(kind, _)| any_member.contains(kind));
            of_membership && tx.working.rights().role_in(me, campaign).is_some()
        }
        Topic::Directory | Topic::Curriculum | Topic::Proposals(_) | Topic::Releases(_) => false,
    };
    if !founds && !leads_on && !tx.working.rights().may_write(me, topic) {
        let reason = "the directory does not let this node write there".to_owned();
        return Err(StoreError::NotWritten { reason });
    }
    let id = LogId { topic, author: me, incarnation: author.incarnation };
    let mut log = match find_log(tx, id)? {
        Some(log) if log.forked => return Err(StoreError::Frozen),
        Some(log) => log,
        None => make_log(tx, id)?,
    };
    let mut batch = Batch::default();
    let mut tip = log.tip();
    if tip.is_none() {
        let opening = Opening { earlier: earlier(tx, &log)?, genesis: None };
        let opening = write(tx, &author, topic, None, PayloadKind::Opening, encode_opening(&opening))?;
        tip = Some(opening.cursor());
        batch.add(&author, opening);
    }
    let mut cursors = Vec::with_capacity(payloads.len());
    for (kind, payload) in payloads {
        let entry = write(tx, &author, topic, tip.as_ref(), kind, payload)?;
        tip = Some(entry.cursor());
        cursors.push(entry.cursor());
        batch.add(&author, entry);
    }
    store(tx, &mut log, &batch.end(&author))?;
    Ok(cursors)
}

/// Entries written at once. A signature costs more than all else that is done for an entry, and covers every entry before
/// it through the chain: the last one bears one, and before it as many as it takes for each to end a frame.
#[derive(Default)]
struct Batch {
    entries: Vec<Entry>,
    /// Entries and inflated bytes since the last signature.
    unsigned: (usize, usize),
}

impl Batch {
    /// A batch has a signature at least every so many entries.
    const SIGNED_EVERY: usize = ENTRY_LIMIT / 2;

    fn add(&mut self, author: &Author, mut entry: Entry) {
        let payload = entry.body.as_ref().map_or(0, |body| body.payload.len());
        let (count, bytes) = (self.unsigned.0 + 1, self.unsigned.1 + ENTRY_OVERHEAD + payload);
        let alone = entry.header.payload_kind.stands_alone();
        self.unsigned = if alone || count >= Self::SIGNED_EVERY || bytes >= TARGET_BYTES as usize {
            author.sign(&mut entry);
            (0, 0)
        } else {
            (count, bytes)
        };
        self.entries.push(entry);
    }

    fn end(mut self, author: &Author) -> Vec<Entry> {
        if let Some(last) = self.entries.last_mut().filter(|last| last.signature.is_none()) {
            author.sign(last);
        }
        self.entries
    }
}

// What lies between two signatures makes a frame, with the largest payload at its end.
const _: () = assert!(TARGET_BYTES as usize + PAYLOAD_LIMIT + ENTRY_OVERHEAD <= INFLATED_LIMIT);

fn write(
    tx: &Tx<'_>,
    author: &Author,
    topic: Topic,
    previous: Option<&Cursor>,
    kind: PayloadKind,
    payload: Vec<u8>,
) -> Result<Entry, StoreError> {
    author
        .write_unsigned(topic, previous, kind, payload, salt(tx), tx.minute())
        .map_err(|fault| StoreError::NotWritten { reason: fault.to_string() })
}

fn salt(tx: &Tx<'_>) -> [u8; SALT] {
    let mut salt = [0; SALT];
    tx.fill(&mut salt);
    salt
}

/// What the opening of `log` is to name: the tips of this node's earlier logs in the topic that no other log names.
fn earlier(connection: &Connection, log: &LogRow) -> Result<Vec<Cursor>, StoreError> {
    let mut known = BTreeMap::new();
    for other in logs_of_topic(connection, log.id.topic)? {
        let Some(tip) = other.tip().filter(|tip| tip.author == log.id.author) else { continue };
        known.insert(other.id.incarnation, KnownLog { tip, earlier: named(connection, &other)? });
    }
    Ok(earlier_tips(&known))
}

/// What the opening of a log names.
fn named(connection: &Connection, log: &LogRow) -> Result<Vec<Cursor>, StoreError> {
    let opening = entry_at(connection, log, 1)?.and_then(|entry| entry.body);
    Ok(match opening.map(|body| Payload::decode(PayloadKind::Opening, &body.payload)) {
        Some(Ok(Some(Payload::Opening(opening)))) => opening.earlier,
        Some(_) | None => Vec::new(),
    })
}

/// The logs that their author had when it began another, and up to which number each was written then, as openings say.
pub(crate) fn written_before(connection: &Connection, log: LogId) -> Result<BTreeMap<LogId, u64>, StoreError> {
    let (mut open, mut before) = (vec![log], BTreeMap::new());
    while let Some(next) = open.pop() {
        let Some(row) = find_log(connection, next)? else { continue };
        for cursor in named(connection, &row)?.iter().filter(|cursor| cursor.author == log.author) {
            let earlier = cursor.log(log.topic);
            if !before.contains_key(&earlier) {
                open.push(earlier);
            }
            let upto = before.entry(earlier).or_default();
            *upto = cursor.seq.max(*upto);
        }
    }
    Ok(before)
}

/// Stores this node's own entries after the log's tip and applies them; one that cannot be applied is not written.
fn store(tx: &mut Tx<'_>, log: &mut LogRow, entries: &[Entry]) -> Result<(), StoreError> {
    let before = log.seq;
    let mut effects = Effects::default();
    let mut writer = EntryWriter::new(tx.connection(), log)?;
    for entry in entries {
        writer.insert(entry)?;
        (log.seq, log.hash) = (entry.header.seq, entry.hash);
        let applied = match log.id.topic {
            Topic::Directory | Topic::Curriculum | Topic::Campaign(_) => apply(tx, log, entry, &mut effects)?,
            // A hub's own ledger of releases is kept by whoever appends them.
            Topic::Releases(_) | Topic::Proposals(_) => None,
        };
        if let Some(aside) = applied {
            return Err(StoreError::NotWritten { reason: aside.detail });
        }
    }
    drop(writer);
    moved(tx, log, before)?;
    let own = log.place(before + 1)..=log.place(log.seq);
    match effects.settle(tx)?.into_iter().find(|(place, _)| own.contains(place)) {
        Some((_, aside)) => Err(StoreError::NotWritten { reason: aside.detail }),
        None => Ok(()),
    }
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
