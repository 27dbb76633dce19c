//! Taking frames that peers send: verified, stored, applied and receipted in one transaction.

use folkmoot_journal::exchange::Kept;
use folkmoot_journal::frame::log_of;
use folkmoot_journal::{
    CampaignId, Cursor, Entry, Fault, FederationId, Hash, LogId, LogPublicKey, NodeId, Refusal, RefusalReason, Topic,
    Unpacked, check_genesis, unpack,
};
use folkmoot_proto::federation::v1;

use super::append::moved;
use super::apply::{Aside, Effects, apply, join};
use super::forks;
use super::logs::{EntryWriter, LogRow, find_log, hash_at, make_log};
use super::{memberships, receipts};
use crate::engine::{Role, Tx};
use crate::error::StoreError;

/// What became of a frame's entries.
#[derive(Default)]
struct Taken {
    log: Option<LogRow>,
    new_entries: u64,
    refusals: Vec<Refusal>,
    directory_changed: bool,
}

/// Takes a frame that a peer sent and signs for what is held now. Nothing is taken of a sender that comes too late,
/// because a later process of it speaks by now.
pub(super) fn keep(tx: &mut Tx<'_>, peer: NodeId, frame: &v1::Frame, late: bool) -> Result<Kept, StoreError> {
    let author = tx.author()?;
    let federation = tx.working.federation().ok_or(StoreError::NotJoined)?;
    let id = log_of(frame).map_err(|fault| StoreError::Protocol { reason: fault.to_string() })?;
    let frozen = (RefusalReason::Frozen, RefusalReason::Frozen.words().to_owned());
    let admitted = if late { Err(frozen) } else { admit(tx, peer, frame, id, federation) };
    let is_campaign = match id.topic {
        Topic::Campaign(_) => true,
        Topic::Directory | Topic::Curriculum | Topic::Proposals(_) | Topic::Releases(_) => false,
    };
    let taken = match admitted {
        Ok((unpacked, key)) => {
            let taken = take(tx, &unpacked, &key)?;
            if let Topic::Campaign(campaign) = id.topic
                && memberships::takes_part(tx, campaign) == Some(true)
                && !tx.working.rights().may_read(peer, id.topic)
            {
                let reason = no_reader(tx, peer, campaign);
                let refusal = refuse(frame, id, reason, reason.words().to_owned());
                let (new_entries, directory_changed) = (taken.new_entries, taken.directory_changed);
                return Ok(Kept { new_entries, directory_changed, ..untaken(id, refusal) });
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
        Some(log) => receipts::give(tx, &author, log)?,
        None => None,
    };
    Ok(Kept {
        log: id,
        upto: taken.log.as_ref().and_then(LogRow::tip),
        new_entries: taken.new_entries,
        recovered,
        receipt,
        refusals: taken.refusals,
        directory_changed: taken.directory_changed,
    })
}

fn untaken(log: LogId, refusal: Refusal) -> Kept {
    Kept {
        log,
        upto: None,
        new_entries: 0,
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
    id: LogId,
    federation: FederationId,
) -> Result<(Unpacked, LogPublicKey), (RefusalReason, String)> {
    let plain = |reason: RefusalReason| (reason, reason.words().to_owned());
    if !wants(tx, id).unwrap_or(false) {
        return Err(plain(RefusalReason::NotSubscribed));
    }
    let key = tx.working.directory().log_key(id.author).ok_or_else(|| plain(RefusalReason::UnknownAuthor))?;
    let unpacked = |()| unpack(frame, federation).map_err(|fault| (fault.reason(), fault.to_string()));
    match id.topic {
        Topic::Campaign(campaign) if !tx.working.rights().may_read(peer, id.topic) => {
            let unpacked = unpacked(())?;
            match memberships::takes_part(tx, campaign) {
                None if memberships::founds(tx, campaign, &unpacked) => Ok((unpacked, key)),
                // What is held here may be older than what the sender goes by, which then takes this node in (again).
                Some(false) if tx.working.rights().may_hold(id.author, id.topic) => Ok((unpacked, key)),
                // The words of a member are taken of anybody: they may say that the sender takes part since, and whoever
                // decided so may be gone.
                Some(true) if tx.working.rights().role_in(id.author, campaign).is_some() => Ok((unpacked, key)),
                None | Some(_) => Err(plain(no_reader(tx, peer, campaign))),
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

/// What a peer is told that may not read a campaign: that it takes part no longer, where it did.
fn no_reader(tx: &Tx<'_>, peer: NodeId, campaign: CampaignId) -> RefusalReason {
    match tx.working.rights().took_part(peer, campaign) {
        true => RefusalReason::NoMember,
        false => RefusalReason::UnknownCampaign,
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
    let tip = held.map_or(0, |log| log.seq);
    let refused = |reason| Taken { log: held, refusals: vec![refusal_of(first, reason)], ..Taken::default() };
    if first.header.seq > tip + 1 {
        let forked = held.is_some_and(|log| log.forked);
        return Ok(refused(if forked { RefusalReason::Fork } else { RefusalReason::Gap }));
    }
    if let Some(log) = &held {
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
            Ok(Taken { log: Some(log), new_entries: 0, refusals, directory_changed })
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

/// Stores and applies verified entries that follow the log's tip.
fn extend(tx: &mut Tx<'_>, log: &mut LogRow, entries: &[Entry]) -> Result<Taken, StoreError> {
    let before = log.seq;
    let mut effects = Effects::default();
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
    Ok(Taken { log: Some(*log), new_entries: log.seq - before, refusals, directory_changed })
}
