//! Taking frames that peers send: verified, stored, applied and receipted in one transaction.

use folkmoot_journal::exchange::Kept;
use folkmoot_journal::frame::log_of;
use folkmoot_journal::{
    Cursor, Entry, Fault, FederationId, Hash, LogId, LogPublicKey, NodeId, Refusal, RefusalReason, Topic, Unpacked,
    check_genesis, unpack,
};
use folkmoot_proto::federation::v1;

use super::append::moved;
use super::apply::{Aside, Effects, Working, apply, join};
use super::forks;
use super::logs::{EntryWriter, LogRow, find_log, hash_at, make_log};
use super::{checkpoints, memberships, receipts};
use crate::engine::{Role, Tx};
use crate::error::StoreError;

/// What became of a frame's entries.
#[derive(Default)]
struct Taken {
    log: Option<LogRow>,
    new_entries: u64,
    /// Logs that are held by a checkpoint, and how far.
    also: Vec<(LogId, u64)>,
    refusals: Vec<Refusal>,
    directory_changed: bool,
}

/// Takes a frame that a peer sent and signs for what is held now. Nothing is taken of a sender that comes too late,
/// because a later process of it speaks by now.
///
/// `ahead` is what [`unpack_ahead`] made of the frame.
pub(super) fn keep(
    tx: &mut Tx<'_>,
    peer: NodeId,
    frame: &v1::Frame,
    ahead: Option<Unpacked>,
    late: bool,
) -> Result<Kept, StoreError> {
    let author = tx.author()?;
    let federation = tx.working.federation().ok_or(StoreError::NotJoined)?;
    let id = log_of(frame).map_err(|fault| StoreError::Protocol { reason: fault.to_string() })?;
    let frozen = (RefusalReason::Frozen, RefusalReason::Frozen.words().to_owned());
    let admitted = if late { Err(frozen) } else { admit(tx, peer, frame, ahead, id, federation) };
    let is_campaign = match id.topic {
        Topic::Campaign(_) => true,
        Topic::Directory | Topic::Curriculum | Topic::Proposals(_) | Topic::Releases(_) => false,
    };
    let taken = match admitted {
        Ok((unpacked, key)) => {
            let taken = take(tx, &unpacked, &key)?;
            let reads = tx.working.rights().may_read(peer, id.topic);
            if let Some(last) = unpacked.entries.last().filter(|_| is_campaign && !reads)
                && let Some(log) = taken.log.filter(|log| log.seq >= last.header.seq)
            {
                // It learns that what it has brought is held, and nothing else.
                let receipt = receipts::for_entry(tx, peer, &log, last.cursor())?;
                let (new_entries, also, upto) = (taken.new_entries, taken.also, Some(last.cursor()));
                let (recovered, refusals, directory_changed) = (0, taken.refusals, taken.directory_changed);
                let receipt = Some(receipt);
                return Ok(Kept { log: id, upto, new_entries, also, recovered, receipt, refusals, directory_changed });
            }
            taken
        }
        // Whoever may not read a campaign learns nothing of it, not even that it is known here.
        Err((reason, detail)) if is_campaign && !tx.working.rights().may_read(peer, id.topic) => {
            return Ok(untaken(id, refuse(frame, id, reason, detail)));
        }
        Err((reason, detail)) => {
            Taken { log: find_log(tx, id)?, refusals: vec![refuse(frame, id, reason, detail)], ..Taken::default() }
        }
    };
    let mine = id.author == author.key.id();
    let recovered = if mine { taken.new_entries } else { 0 };
    if recovered > 0 {
        tx.execute("UPDATE node SET recovered = recovered + ?1", [recovered])?;
    }
    let receipt = match &taken.log {
        Some(log) => receipts::give(tx, peer, log)?,
        None => None,
    };
    Ok(Kept {
        log: id,
        upto: taken.log.as_ref().and_then(LogRow::tip),
        new_entries: taken.new_entries,
        also: taken.also,
        recovered,
        receipt,
        refusals: taken.refusals,
        directory_changed: taken.directory_changed,
    })
}

/// Inflates and verifies a frame, on the thread that asks, while the writer is at the one before; none where it is not one
/// of an author who is known here.
pub(super) fn unpack_ahead(working: &Working, frame: &v1::Frame) -> Option<Unpacked> {
    let (federation, log) = (working.federation()?, log_of(frame).ok()?);
    let key = |author| working.directory().log_key(author);
    key(log.author)?;
    Some(unpack(frame, federation).ok()?.verified(key))
}

fn untaken(log: LogId, refusal: Refusal) -> Kept {
    Kept {
        log,
        upto: None,
        new_entries: 0,
        also: Vec::new(),
        recovered: 0,
        receipt: None,
        refusals: vec![refusal],
        directory_changed: false,
    }
}

/// Takes the federation and the directory that a joining hub was handed. Taking the same again is harmless.
pub(super) fn adopt(tx: &mut Tx<'_>, federation: FederationId, frames: &[v1::Frame]) -> Result<(), StoreError> {
    let refused = |reason: String| StoreError::DirectoryRefused { reason };
    let fault = |fault: Fault| refused(fault.to_string());
    match tx.working.federation() {
        Some(held) if held == federation => {}
        Some(_) => return Err(StoreError::AlreadyJoined),
        None => join(tx, federation)?,
    }
    let first = frames.first().ok_or_else(|| refused("it is empty".to_owned()))?;
    let first = unpack(first, federation).map_err(fault)?;
    let genesis = first.entries.first().ok_or_else(|| refused("it is empty".to_owned()))?;
    let key = check_genesis(genesis, federation).map_err(fault)?.log_key;
    for frame in frames {
        let unpacked = unpack(frame, federation).map_err(fault)?;
        if unpacked.log.topic != Topic::Directory || unpacked.log.author != key.id() {
            return Err(refused("it holds something else than the Academy's directory".to_owned()));
        }
        let taken = take(tx, &unpacked, &key)?;
        if let Some(refusal) = taken.refusals.iter().find(|refusal| !refusal.set_aside) {
            return Err(refused(refusal.detail.clone()));
        }
    }
    Ok(())
}

/// Whether this node holds topics of this kind at all: every node the directory, the curriculum and the campaigns that
/// it knows; a hub its own releases, the Academy every hub's.
fn wants(tx: &Tx<'_>, id: LogId) -> Result<bool, StoreError> {
    Ok(match (id.topic, tx.role()) {
        (Topic::Directory | Topic::Curriculum | Topic::Campaign(_), _) | (Topic::Releases(_), Role::Academy) => true,
        (Topic::Releases(hub), Role::Hub) => hub == tx.author()?.key.id(),
        (Topic::Proposals(_), _) => false,
    })
}

/// The frame's entries, not yet verified, and the key that must have signed them; or why the frame is not taken. Whoever
/// may not read a campaign is told the same whether the campaign is known here or not.
fn admit(
    tx: &Tx<'_>,
    peer: NodeId,
    frame: &v1::Frame,
    ahead: Option<Unpacked>,
    id: LogId,
    federation: FederationId,
) -> Result<(Unpacked, LogPublicKey), (RefusalReason, String)> {
    let plain = |reason: RefusalReason| (reason, reason.words().to_owned());
    if !wants(tx, id).unwrap_or(false) {
        return Err(plain(RefusalReason::NotSubscribed));
    }
    let key = tx.working.directory().log_key(id.author).ok_or_else(|| plain(RefusalReason::UnknownAuthor))?;
    let unpacked = |()| match ahead {
        Some(unpacked) => Ok(unpacked),
        None => unpack(frame, federation).map_err(|fault| (fault.reason(), fault.to_string())),
    };
    match id.topic {
        Topic::Campaign(campaign) if !tx.working.rights().may_read(peer, id.topic) => {
            let unpacked = unpacked(())?;
            match memberships::takes_part(tx, campaign) {
                None if memberships::founds(tx, campaign, &unpacked) => Ok((unpacked, key)),
                // What is held here may be older than what the sender goes by, which then takes this node in (again).
                Some(false) if tx.working.rights().may_hold(id.author, id.topic) => Ok((unpacked, key)),
                // The words of a member are taken of anybody who was never turned out: they may say that the sender takes
                // part since, and whoever decided so may be gone.
                Some(true) if tx.working.rights().took_part(peer, campaign) => Err(plain(RefusalReason::NoMember)),
                Some(true) if tx.working.rights().role_in(id.author, campaign).is_some() => Ok((unpacked, key)),
                None | Some(_) => Err(plain(RefusalReason::UnknownCampaign)),
            }
        }
        Topic::Directory | Topic::Curriculum | Topic::Proposals(_) | Topic::Releases(_) | Topic::Campaign(_) => {
            if !tx.working.rights().may_hold(id.author, id.topic) {
                return Err(plain(RefusalReason::NotAuthorised));
            }
            Ok((unpacked(())?, key))
        }
    }
}

fn refuse(frame: &v1::Frame, id: LogId, reason: RefusalReason, detail: String) -> Refusal {
    let entry =
        Cursor { author: id.author, incarnation: id.incarnation, seq: frame.first_seq.max(1), hash: Hash::ZERO };
    Refusal { topic: id.topic, entry, reason, detail, set_aside: false }
}

fn refusal_of(entry: &Entry, reason: RefusalReason) -> Refusal {
    Refusal {
        topic: entry.header.topic,
        entry: entry.cursor(),
        reason,
        detail: reason.words().to_owned(),
        set_aside: false,
    }
}

fn refusal_for(entry: &Entry, aside: Aside) -> Refusal {
    Refusal {
        topic: entry.header.topic,
        entry: entry.cursor(),
        reason: aside.reason,
        detail: aside.detail,
        set_aside: true,
    }
}

/// Stores what is new in a frame. The one signature covers every entry through the chain, and is checked before
/// anything is stored; entries that are held already are skipped.
fn take(tx: &mut Tx<'_>, unpacked: &Unpacked, key: &LogPublicKey) -> Result<Taken, StoreError> {
    let held = find_log(tx, unpacked.log)?;
    let (Some(first), Some(last)) = (unpacked.entries.first(), unpacked.entries.last()) else {
        return Ok(Taken { log: held, ..Taken::default() });
    };
    if !unpacked.membership.is_empty() {
        return take_checkpoint(tx, unpacked, key);
    }
    let tip = held.map_or(0, |log| log.seq);
    let refused = |reason| Taken { log: held, refusals: vec![refusal_of(first, reason)], ..Taken::default() };
    if first.header.seq > tip + 1 {
        let forked = held.is_some_and(|log| log.forked);
        return Ok(refused(if forked { RefusalReason::Fork } else { RefusalReason::Gap }));
    }
    if let Some(log) = &held {
        let base = checkpoints::base(tx, log)?;
        if let Some((base, hash)) = base.filter(|(base, _)| first.header.seq <= *base) {
            return take_after(tx, unpacked, key, *log, (base, hash));
        }
        if hash_at(tx, log, last.header.seq)? == Some(last.hash) {
            return Ok(Taken { log: held, ..Taken::default() });
        }
        // Where the entry before the frame is another than the one held, the fork lies before what the frame can show.
        if hash_at(tx, log, first.header.seq - 1)? != Some(unpacked.prev_hash) {
            return Ok(refused(RefusalReason::Fork));
        }
    }
    if let Err(fault) = unpacked.verify(key) {
        return Ok(refused(fault.reason()));
    }
    // A relay could leave out of a signed chain what it would rather not pass on. Nothing that this software knows
    // allows a payload to be missing, so it is a gap, to be had of other peers.
    if let Some(stripped) = unpacked.entries.iter().find(|entry| entry.body.is_none()) {
        let detail = "the payload of an entry is missing; it will be asked for again".to_owned();
        let refusal = Refusal { detail, ..refusal_of(stripped, RefusalReason::Gap) };
        return Ok(Taken { log: held, refusals: vec![refusal], ..Taken::default() });
    }
    let Some(log) = held else {
        let mut log = make_log(tx, unpacked.log)?;
        return extend(tx, &mut log, &unpacked.entries);
    };
    let mut log = log;
    match forks::first_difference(tx, &log, &unpacked.entries)? {
        Some(at) => {
            let entry = &unpacked.entries[at];
            let mut effects = Effects::default();
            forks::keep_evidence(tx, &mut log, &unpacked.entries[at..], &mut effects)?;
            let directory_changed = effects.directory_changed;
            effects.settle(tx)?;
            let refusals = vec![refusal_of(entry, RefusalReason::Fork)];
            Ok(Taken { log: Some(log), refusals, directory_changed, ..Taken::default() })
        }
        None => {
            let fresh = unpacked.entries.iter().position(|entry| entry.header.seq > tip).unwrap_or(0);
            if log.forked {
                let refusals = vec![refusal_of(&unpacked.entries[fresh], RefusalReason::Fork)];
                return Ok(Taken { log: Some(log), refusals, ..Taken::default() });
            }
            extend(tx, &mut log, &unpacked.entries[fresh..])
        }
    }
}

/// Takes of a frame what follows the entry from which on the log is held. What came before is not held, and cannot be compared.
fn take_after(
    tx: &mut Tx<'_>,
    unpacked: &Unpacked,
    key: &LogPublicKey,
    log: LogRow,
    (base, hash): (u64, Hash),
) -> Result<Taken, StoreError> {
    let rest = unpacked.after(base);
    let at_base = unpacked.entries.iter().find(|entry| entry.header.seq == base);
    if rest.entries.is_empty() {
        return Ok(Taken { log: Some(log), ..Taken::default() });
    }
    if at_base.is_none_or(|entry| entry.hash != hash) {
        let refusals = vec![refusal_of(&unpacked.entries[0], RefusalReason::Fork)];
        return Ok(Taken { log: Some(log), refusals, ..Taken::default() });
    }
    take(tx, &rest, key)
}

/// Takes a checkpoint with the membership that shows whose it is, for what it covers and is not held.
fn take_checkpoint(tx: &mut Tx<'_>, unpacked: &Unpacked, key: &LogPublicKey) -> Result<Taken, StoreError> {
    let (Topic::Campaign(campaign), Some(entry)) = (unpacked.log.topic, unpacked.entries.first()) else {
        return Ok(Taken::default());
    };
    let refused = |tx: &Tx<'_>, reason| -> Result<Taken, StoreError> {
        Ok(Taken { log: find_log(tx, unpacked.log)?, refusals: vec![refusal_of(entry, reason)], ..Taken::default() })
    };
    if let Err(fault) = unpacked.verify(key) {
        return refused(tx, fault.reason());
    }
    let mut effects = Effects::default();
    let Some(also) = checkpoints::adopt(tx, campaign, unpacked, &mut effects.campaigns)? else {
        return refused(tx, RefusalReason::Membership);
    };
    let Some(mut log) = find_log(tx, unpacked.log)? else { return refused(tx, RefusalReason::Gap) };
    if log.seq + 1 != entry.header.seq {
        // It is held already, or a later one took its place, or the log forks.
        let later = checkpoints::base_seq(tx, &log)? >= entry.header.seq;
        let taken = later || hash_at(tx, &log, entry.header.seq)? == Some(entry.hash);
        effects.campaigns.work_out(tx, campaign)?;
        effects.settle(tx)?;
        return if taken {
            Ok(Taken { log: Some(log), also, ..Taken::default() })
        } else {
            refused(tx, RefusalReason::Fork)
        };
    }
    if log.hash != unpacked.prev_hash {
        effects.campaigns.work_out(tx, campaign)?;
        effects.settle(tx)?;
        return refused(tx, RefusalReason::Fork);
    }
    let taken = extend_with(tx, &mut log, &unpacked.entries, effects)?;
    Ok(Taken { also, ..taken })
}

/// Stores and applies verified entries that follow the log's tip.
fn extend(tx: &mut Tx<'_>, log: &mut LogRow, entries: &[Entry]) -> Result<Taken, StoreError> {
    extend_with(tx, log, entries, Effects::default())
}

fn extend_with(
    tx: &mut Tx<'_>,
    log: &mut LogRow,
    entries: &[Entry],
    mut effects: Effects,
) -> Result<Taken, StoreError> {
    let before = log.seq;
    let mut refusals = Vec::new();
    let mut writer = EntryWriter::new(tx.connection(), log)?;
    for entry in entries {
        writer.insert(entry)?;
        (log.seq, log.hash) = (entry.header.seq, entry.hash);
        if let Some(aside) = apply(tx, log, entry, &mut effects)? {
            refusals.push(refusal_for(entry, aside));
        }
    }
    drop(writer);
    moved(tx, log, before)?;
    let directory_changed = effects.directory_changed;
    for (place, aside) in effects.settle(tx)? {
        let stored = |entry: &&Entry| log.place(entry.header.seq) == place;
        refusals.extend(entries.iter().find(stored).map(|entry| refusal_for(entry, aside)));
    }
    refusals.sort_by_key(|refusal| refusal.entry.seq);
    Ok(Taken { log: Some(*log), new_entries: log.seq - before, also: Vec::new(), refusals, directory_changed })
}
