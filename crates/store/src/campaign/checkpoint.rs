//! Checkpoints of campaigns: made by the lead's node, compared with what is held, taken in the place of what is not.

use std::collections::{BTreeMap, BTreeSet};

use folkmoot_campaign::{Campaign, change_hash, check_snapshot, snapshot_changes};
use folkmoot_journal::entry::PAYLOAD_LIMIT;
use folkmoot_journal::{
    CampaignId, Checkpoint, Cursor, Demand, LogId, MemberRole, NodeId, PayloadKind, RefusalReason, Topic,
    encode_checkpoint,
};
use rusqlite::{Connection, params};

use super::document::{self, changes_at};
use super::limits;
use super::memory::Document;
use crate::engine::Tx;
use crate::error::StoreError;
use crate::journal::checkpoints::{self, Known, State};
use crate::journal::{Aside, LogRow, Retry, append_in, find_log, hash_at, logs_of_topic, set_aside_at, work_out_again};

/// How many bytes of changes follow a checkpoint at least before the next one is made.
const LEAST_BYTES: u64 = 16 << 10;
/// What a checkpoint's payload has beside the document at most, of a campaign with few logs.
const OVERHEAD: usize = 4 << 10;

const UNLOADABLE: &str = "its document does not load, asks for too much, or has other heads";

/// Holds the document that a checkpoint brought, where the hub had none and holds nothing that came later. False where it is
/// to be worked out.
pub(crate) fn adopt(tx: &mut Tx<'_>, id: CampaignId) -> Result<bool, StoreError> {
    if document::stored_heads(tx, id)?.is_some() || tx.working.rights().memberships.get(id).is_none() {
        return Ok(false);
    }
    let Some(known) = checkpoints::counting(tx, id)? else { return Ok(false) };
    let Some(checkpoint) = checkpoints::read(tx, known.place)? else { return Ok(false) };
    // It is loaded, and its heads compared, when somebody looks at it.
    document::store_checkpoint(tx, id, &known, &checkpoint.heads.concat())?;
    Ok(true)
}

/// The document that all begin with: blank, or the one that took its place; that of the checkpoint that counts, where something
/// that it covers is not held and does not come any more.
pub(super) fn beginning(tx: &mut Tx<'_>, id: CampaignId) -> Result<Campaign, StoreError> {
    while let Some(known) = checkpoints::counting(tx, id)? {
        let begun = checkpoints::begun_with(tx, id, known.generation)?;
        let dropped = checkpoints::any_dropped_after(tx, id, begun.as_ref())?;
        let first = if dropped || checkpoints::any_cut_short(tx, id, &known)? { Some(known) } else { begun };
        let Some(first) = first else { break };
        let damaged = || StoreError::inconsistent("the checkpoint of a campaign");
        let checkpoint = checkpoints::read(tx, first.place)?.ok_or_else(damaged)?;
        if let Ok(campaign) = Campaign::load(&checkpoint.document, &checkpoint.heads) {
            return Ok(if first.generation > 0 { campaign.in_place_of_another() } else { campaign });
        }
        doubt(tx, first.place, UNLOADABLE)?;
        work_out_again(tx, id)?;
    }
    Ok(Campaign::blank())
}

/// Judges a checkpoint by another whose entry was just stored, before anything is let go of for it: where its document takes the
/// place of the one here, and does not load, it never counts.
pub(crate) fn judge(tx: &Tx<'_>, id: CampaignId, given: &Checkpoint) -> Result<Option<Aside>, StoreError> {
    if given.generation == 0 {
        return Ok(None);
    }
    let current = checkpoints::counting(tx, id)?.map_or(0, |known| known.generation);
    let loads = || Campaign::load(&given.document, &given.heads).is_ok();
    Ok((given.generation > current && !loads()).then(|| doubted(UNLOADABLE)))
}

fn doubted(words: &str) -> Aside {
    let detail = format!("the checkpoint is not what the campaign's entries say: {words}");
    Aside { reason: RefusalReason::CampaignChanges, detail, retry: Retry::Never }
}

/// Notes that a checkpoint counts no longer, and why.
fn doubt(tx: &Tx<'_>, place: i64, words: &str) -> Result<Aside, StoreError> {
    checkpoints::found(tx, place, State::Bad)?;
    let aside = doubted(words);
    set_aside_at(tx, place, &aside)?;
    Ok(aside)
}

/// What of a checkpoint's entries is held.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Covered {
    All,
    /// Not yet.
    Some,
    /// Others than it names.
    Others,
}

fn covered_here(connection: &Connection, id: CampaignId, known: &Known) -> Result<Covered, StoreError> {
    let mut covered = Covered::All;
    for cursor in &known.covers {
        let log = find_log(connection, cursor.log(Topic::Campaign(id)))?;
        match log {
            Some(log) if log.seq >= cursor.seq => match hash_at(connection, &log, cursor.seq)? {
                Some(hash) if hash != cursor.hash => return Ok(Covered::Others),
                // What lies before a later checkpoint cannot be looked at any more.
                Some(_) | None => {}
            },
            Some(_) | None => covered = Covered::Some,
        }
    }
    Ok(covered)
}

/// Looks at the checkpoints of others that were not compared yet, as far as all that they cover is held. Gives those that
/// are not what the entries say; they are set aside and count no longer.
pub(crate) fn compare_checkpoints(tx: &mut Tx<'_>, id: CampaignId) -> Result<Vec<(i64, Aside)>, StoreError> {
    let mut asides = Vec::new();
    for known in checkpoints::open(tx, id)? {
        let begins = begins(tx, id, &known)?;
        let compared = match if begins { Covered::All } else { covered_here(tx, id, &known)? } {
            Covered::Some => Compared::Later,
            Covered::Others => Compared::Bad("it covers an entry that is not the one held"),
            Covered::All => compare(tx, id, &known, begins)?,
        };
        match compared {
            Compared::Good => checkpoints::found(tx, known.place, State::Good)?,
            Compared::Bad(words) => asides.push((known.place, doubt(tx, known.place, words)?)),
            Compared::Later => {}
        }
    }
    if !asides.is_empty() {
        work_out_again(tx, id)?;
    }
    drop_what_counts_no_longer(tx, id)?;
    Ok(asides)
}

/// Whether a later document begins with a checkpoint: it is the lead's to give.
fn begins(tx: &Tx<'_>, id: CampaignId, known: &Known) -> Result<bool, StoreError> {
    let begun = checkpoints::begun_with(tx, id, known.generation)?;
    Ok(begun.is_some_and(|begun| begun.place == known.place))
}

/// Drops what earlier documents were made of, and what the checkpoint that counts covers, where the campaign's policy says so.
fn drop_what_counts_no_longer(tx: &mut Tx<'_>, id: CampaignId) -> Result<(), StoreError> {
    let counting = checkpoints::counting(tx, id)?.filter(|known| known.state == State::Good);
    let Some(known) = counting else { return Ok(()) };
    if let Some(begun) = checkpoints::begun_with(tx, id, known.generation)? {
        checkpoints::drop_replaced(tx, id, &begun.covers)?;
    }
    if prunes(tx, id) {
        checkpoints::drop_covered(tx, id, &known.covers)?;
    }
    Ok(())
}

fn prunes(tx: &Tx<'_>, id: CampaignId) -> bool {
    tx.working.rights().memberships.get(id).is_some_and(|membership| membership.roster.prunes())
}

/// The Academy, which loads no document, drops by the lead's word: what a checkpoint covers once it holds all of it, and what an
/// earlier document was made of at once.
pub(crate) fn drop_at_relay(tx: &mut Tx<'_>, id: CampaignId) -> Result<(), StoreError> {
    for known in checkpoints::open(tx, id)? {
        if begins(tx, id, &known)? || covered_here(tx, id, &known)? == Covered::All {
            checkpoints::found(tx, known.place, State::Good)?;
        }
    }
    drop_what_counts_no_longer(tx, id)
}

/// What came of comparing a checkpoint with what is held.
enum Compared {
    Good,
    Bad(&'static str),
    /// Something is not held yet by which it would show.
    Later,
}

/// Compares a checkpoint all of whose entries are held.
fn compare(tx: &mut Tx<'_>, id: CampaignId, known: &Known, begins: bool) -> Result<Compared, StoreError> {
    let Some(checkpoint) = checkpoints::read(tx, known.place)? else {
        return Ok(Compared::Bad("it cannot be read"));
    };
    // A later document has nothing in common with the one before: it is the lead's to give.
    let current = checkpoints::counting(tx, id)?.map_or(0, |counting| counting.generation);
    if begins && checkpoint.generation >= current {
        let loads = Campaign::load(&checkpoint.document, &checkpoint.heads).is_ok();
        return Ok(if loads { Compared::Good } else { Compared::Bad(UNLOADABLE) });
    }
    let mut ours = document::load_or_work_out(tx, id)?;
    let (compared, ours) = match ours.lacks.get(&known.place).copied() {
        Some(hash) if !ours.campaign.has_change(hash) => (Compared::Later, ours),
        Some(_) | None => {
            ours.lacks.remove(&known.place);
            let compared = compare_with(tx, id, known, &checkpoint, &mut ours)?;
            (compared, ours)
        }
    };
    tx.documents().keep(id, ours);
    Ok(compared)
}

fn compare_with(
    tx: &Tx<'_>,
    id: CampaignId,
    known: &Known,
    checkpoint: &Checkpoint,
    ours: &mut Document,
) -> Result<Compared, StoreError> {
    if ours.campaign.is_saved_as(&checkpoint.document, &checkpoint.heads)
        && check_snapshot(&checkpoint.document).is_ok()
    {
        // Mostly it is what this hub has, saved by the same software, and needs no loading.
        document::take_for_snapshot(tx, id, ours, &checkpoint.document)?;
        return Ok(Compared::Good);
    }
    let Some(given) = snapshot_changes(&checkpoint.document, &checkpoint.heads) else {
        return Ok(Compared::Bad(UNLOADABLE));
    };
    let held = ours.campaign.change_hashes();
    let mut lacking = None;
    for (hash, author) in given.iter().filter(|(hash, _)| !held.contains(*hash)) {
        // All that its own author wrote before it is held.
        let rights = tx.working.rights();
        let may_come = author.map(NodeId).is_some_and(|author| {
            author != known.author && (rights.role_in(author, id).is_some() || rights.took_part(author, id))
        });
        if !may_come {
            return Ok(Compared::Bad("its document holds a change that no entry brought"));
        }
        lacking = Some(*hash);
    }
    // The lead's document has what it took of entries that its checkpoint does not cover, because something before them waits
    // there, or because they came too late and others build on them. Those entries may still come.
    if let Some(lacking) = lacking {
        ours.lacks.insert(known.place, lacking);
        return Ok(Compared::Later);
    }
    if held.len() == given.len() {
        document::take_for_snapshot(tx, id, ours, &checkpoint.document)?;
    }
    // Mostly it leaves out what came after it, which is little, if anything.
    let mut left_out: BTreeSet<_> = held.iter().filter(|hash| !given.contains_key(*hash)).collect();
    for hash in brought(tx, id, |log| (known.covered(log.id), log.seq))? {
        left_out.remove(&hash?);
    }
    if left_out.is_empty() {
        return Ok(Compared::Good);
    }
    for hash in brought(tx, id, |log| (0, known.covered(log.id)))? {
        if left_out.contains(&hash?) {
            return Ok(Compared::Bad("its document leaves out a change of an entry that it covers"));
        }
    }
    Ok(Compared::Good)
}

/// The hashes of the changes of a campaign's entries, in each log after one number and up to another; not those of an entry that
/// does not fit, which may repeat what is not its author's.
fn brought(
    connection: &Connection,
    id: CampaignId,
    range: impl Fn(&LogRow) -> (u64, u64),
) -> Result<impl Iterator<Item = Result<[u8; 32], StoreError>>, StoreError> {
    let mut places = Vec::new();
    for log in logs_of_topic(connection, Topic::Campaign(id))? {
        let (after, upto) = range(&log);
        places.extend(counted(connection, &log, after, upto)?);
    }
    let mut refused = connection.prepare_cached("SELECT 1 FROM set_aside WHERE place = ?1 AND reason = ?2")?;
    let mut fits = Vec::with_capacity(places.len());
    for place in places {
        if !refused.exists(params![place, RefusalReason::CampaignChanges.number()])? {
            fits.push(place);
        }
    }
    let changes = move |place| match changes_at(connection, place) {
        Ok(changes) => changes.unwrap_or_default().into_iter().map(Ok).collect(),
        Err(error) => vec![Err(error)],
    };
    let hash = |change: Result<Vec<u8>, StoreError>| change.map(|change| change_hash(&change)).transpose();
    Ok(fits.into_iter().flat_map(changes).filter_map(hash))
}

pub(super) fn counted(connection: &Connection, log: &LogRow, after: u64, upto: u64) -> Result<Vec<i64>, StoreError> {
    let sql = "SELECT place FROM campaign_entry WHERE place > ?1 AND place <= ?2 ORDER BY place";
    let mut statement = connection.prepare_cached(sql)?;
    let range = params![log.place(after), log.place(upto.max(after))];
    Ok(statement.query_map(range, |row| row.get(0))?.collect::<Result<_, _>>()?)
}

/// Appends a checkpoint where this hub leads the campaign and enough was written since the last one.
pub(crate) fn check_point_if_due(tx: &mut Tx<'_>, id: CampaignId) -> Result<(), StoreError> {
    let Some(membership) = tx.working.rights().memberships.get(id).cloned() else { return Ok(()) };
    let leads = tx.author().is_ok_and(|author| membership.roster.role(author.key.id()) == Some(MemberRole::Lead));
    if !leads || membership.contested || tx.frozen() {
        return Ok(());
    }
    if tx.documents().with(id, |document| document.bytes_to_checkpoint > 0) == Some(true) {
        return Ok(());
    }
    let last = checkpoints::counting(tx, id)?;
    let (covers, demands) = covers(tx, id)?;
    let bytes = |demands: &BTreeMap<NodeId, Demand>| demands.values().map(|demand| demand.bytes).sum::<u64>();
    // What waits is covered by a later one, and must not call for this one again and again.
    let fresh = bytes(&demands).saturating_sub(last.as_ref().map_or(0, |known| bytes(&known.demands)));
    let least = last.as_ref().map_or(0, |known| known.document_bytes as u64);
    if let Some(left) = LEAST_BYTES.max(least).checked_sub(fresh).filter(|left| *left > 0) {
        tx.documents().with(id, |document| document.bytes_to_checkpoint = left);
        return Ok(());
    }
    let generation = last.map_or(0, |known| known.generation);
    if !given(tx, id, generation, covers, demands)? {
        // Nothing but much more writing, or a document begun anew, changes that: it is not saved at each edit to find it out.
        tx.documents()
            .with(id, |document| document.bytes_to_checkpoint = LEAST_BYTES.max(document.stored_bytes as u64));
    }
    Ok(())
}

/// Appends a checkpoint of the document as it is; false where it does not fit into an entry.
pub(super) fn check_point(tx: &mut Tx<'_>, id: CampaignId, generation: u32) -> Result<bool, StoreError> {
    let (covers, demands) = covers(tx, id)?;
    given(tx, id, generation, covers, demands)
}

fn given(
    tx: &mut Tx<'_>,
    id: CampaignId,
    generation: u32,
    covers: Vec<Cursor>,
    demands: BTreeMap<NodeId, Demand>,
) -> Result<bool, StoreError> {
    let Some(membership) = tx.working.rights().memberships.get(id).cloned() else { return Ok(false) };
    let mut document = document::load_or_work_out(tx, id)?;
    // Far too large for an entry: it is not saved at each edit to find that out.
    let saved = (document.stored_bytes <= 2 * PAYLOAD_LIMIT).then(|| document.campaign.snapshot());
    if let Some((bytes, _)) = saved.as_ref().filter(|(bytes, _)| is_fit(bytes)) {
        document::take_for_snapshot(tx, id, &mut document, bytes)?;
    }
    tx.documents().keep(id, document);
    let Some((bytes, mut heads)) = saved else { return Ok(false) };
    heads.sort_unstable();
    let checkpoint = Checkpoint { membership: membership.tip, generation, covers, demands, document: bytes, heads };
    append(tx, id, &checkpoint)
}

pub(super) fn append(tx: &mut Tx<'_>, id: CampaignId, checkpoint: &Checkpoint) -> Result<bool, StoreError> {
    if !is_fit(&checkpoint.document) {
        return Ok(false);
    }
    let payload = encode_checkpoint(checkpoint);
    if payload.len() > PAYLOAD_LIMIT {
        return Ok(false);
    }
    append_in(tx, Topic::Campaign(id), PayloadKind::CampaignCheckpoint, payload)?;
    Ok(true)
}

/// Whether a document goes into an entry, and others would load it.
fn is_fit(document: &[u8]) -> bool {
    document.len() + OVERHEAD <= PAYLOAD_LIMIT && check_snapshot(document).is_ok()
}

/// How far each log is part of the document wholly: up to what is late, or waits; and what that asks for, by hub.
pub(super) fn covers(tx: &Tx<'_>, id: CampaignId) -> Result<(Vec<Cursor>, BTreeMap<NodeId, Demand>), StoreError> {
    let waiting: BTreeSet<i64> = document::waiting(tx, id)?;
    let last = checkpoints::counting(tx, id)?;
    let mut covers = Vec::new();
    let mut demands = last.as_ref().map_or_else(BTreeMap::new, |known| known.demands.clone());
    for log in logs_of_topic(tx, Topic::Campaign(id))? {
        // A log may end before what is covered of it: it forks there, or the rest has not come.
        let before = last.as_ref().map_or(0, |known| known.covered(log.id)).min(log.seq);
        let in_time = limits::last_in_time(tx, &log).max(log.place(before));
        let first_waiting = waiting.range(log.place(before)..=in_time).next();
        let last = first_waiting.map_or(in_time, |first| first - 1);
        let upto = u64::try_from(last - log.place(0)).unwrap_or(0).max(before);
        let asked = demands.entry(log.id.author).or_default();
        *asked = limits::and_between(tx, *asked, &log, before, upto)?;
        if upto > 0
            && let Some(hash) = hash_at(tx, &log, upto)?
        {
            let LogId { author, incarnation, .. } = log.id;
            covers.push(Cursor { author, incarnation, seq: upto, hash });
        }
    }
    covers.sort_by_key(|cursor| (cursor.author, cursor.incarnation));
    demands.retain(|_, asked| *asked != Demand::default());
    Ok((covers, demands))
}
