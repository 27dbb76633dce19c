//! Checkpoints of campaigns: which one counts, given to peers that lack what it covers, taken of peers, and the logs that are
//! held from one on.

use std::collections::{BTreeMap, BTreeSet};

use folkmoot_journal::{
    CampaignId, Checkpoint, Cursor, Demand, Entry, Hash, Incarnation, LogId, Membership, NodeId, Payload, PayloadKind,
    Topic, Unpacked, pack, show,
};
use folkmoot_proto::federation::v1;
use rusqlite::{Connection, OptionalExtension, params};

use super::append::moved;
use super::logs::{
    LogRow, at_place, entry_in, find_log, hash_at, log_of_row, logs_of_topic, make_log, signed, unsigned,
};
use super::memberships::{self, Campaigns};
use crate::campaign;
use crate::engine::Tx;
use crate::error::StoreError;

const CURSOR: usize = 80;
const DEMAND: usize = 48;

/// What was found of a checkpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// It was not compared yet, because something that it covers is not held.
    Open,
    /// It is what the entries say, or was taken of the lead in their place.
    Good,
    /// It is not what the entries say.
    Bad,
}

impl State {
    fn code(self) -> i64 {
        match self {
            State::Open => 0,
            State::Good => 1,
            State::Bad => 2,
        }
    }
}

/// A checkpoint that is held.
#[derive(Clone, Debug)]
pub(crate) struct Known {
    /// Where its entry lies.
    pub(crate) place: i64,
    pub(crate) author: NodeId,
    membership: Hash,
    pub(crate) generation: u32,
    pub(crate) covers: Vec<Cursor>,
    pub(crate) demands: BTreeMap<NodeId, Demand>,
    pub(crate) document_bytes: usize,
    pub(crate) state: State,
}

impl Known {
    /// Up to which entry a log is covered; 0 where it is not.
    pub(crate) fn covered(&self, log: LogId) -> u64 {
        let key = |cursor: &Cursor| (cursor.author, cursor.incarnation);
        let at = self.covers.binary_search_by_key(&(log.author, log.incarnation), key);
        at.ok().and_then(|at| self.covers.get(at)).map_or(0, |cursor| cursor.seq)
    }
}

const COLUMNS: &str =
    "campaign_checkpoint.place, author, membership, generation, covers, demands, document_bytes, state
    FROM campaign_checkpoint JOIN log ON log.id = campaign_checkpoint.place >> 40";

fn known(row: &rusqlite::Row<'_>) -> rusqlite::Result<Known> {
    let (covers, demands): (Vec<u8>, Vec<u8>) = (row.get(4)?, row.get(5)?);
    let state: i64 = row.get(7)?;
    Ok(Known {
        place: row.get(0)?,
        author: NodeId(row.get(1)?),
        membership: Hash(row.get(2)?),
        generation: row.get(3)?,
        covers: covers.as_chunks::<CURSOR>().0.iter().map(cursor).collect(),
        demands: demands.as_chunks::<DEMAND>().0.iter().map(demand).collect(),
        document_bytes: row.get(6)?,
        state: [State::Good, State::Bad].into_iter().find(|one| one.code() == state).unwrap_or(State::Open),
    })
}

fn part<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    std::array::from_fn(|byte| bytes.get(at + byte).copied().unwrap_or_default())
}

fn cursor(bytes: &[u8; CURSOR]) -> Cursor {
    Cursor {
        author: NodeId(part(bytes, 0)),
        incarnation: Incarnation(u64::from_be_bytes(part(bytes, 32))),
        seq: u64::from_be_bytes(part(bytes, 40)),
        hash: Hash(part(bytes, 48)),
    }
}

fn demand(bytes: &[u8; DEMAND]) -> (NodeId, Demand) {
    let (operations, size) = (u64::from_be_bytes(part(bytes, 32)), u64::from_be_bytes(part(bytes, 40)));
    (NodeId(part(bytes, 0)), Demand { operations, bytes: size })
}

/// Every checkpoint of a campaign that is held.
pub(super) fn of_campaign(connection: &Connection, campaign: CampaignId) -> Result<Vec<Known>, StoreError> {
    let sql = format!("SELECT {COLUMNS} WHERE campaign = ?1 ORDER BY campaign_checkpoint.place");
    let mut statement = connection.prepare_cached(&sql)?;
    Ok(statement.query_map([campaign.0], known)?.collect::<Result<_, _>>()?)
}

/// The one that counts.
pub(crate) fn counting(connection: &Connection, campaign: CampaignId) -> Result<Option<Known>, StoreError> {
    let sql = format!("SELECT {COLUMNS} WHERE campaign = ?1 AND counts = 1");
    Ok(connection.prepare_cached(&sql)?.query_row([campaign.0], known).optional()?)
}

/// The latest that counts: of whoever led by the entry of the membership that it names. A later document comes before
/// everything else, then what a later lead gave, then what covers more.
pub(super) fn latest<'a>(all: &'a [Known], steps: &[Membership]) -> Option<&'a Known> {
    let rank = |known: &'a Known| {
        let led = |step: &Membership| step.tip == known.membership && step.roster.lead() == known.author;
        let step = steps.iter().position(led)?;
        // Whoever has handed the lead over makes nobody forget any more.
        let successor = steps.iter().skip(step).find(|step| step.roster.lead() != known.author);
        if successor.is_some_and(|next| known.generation > next.roster.generation()) {
            return None;
        }
        let total: u64 = known.covers.iter().map(|cursor| cursor.seq).sum();
        (known.state != State::Bad).then_some(((known.generation, step, total, known.place), known))
    };
    all.iter().filter_map(rank).max_by_key(|(rank, _)| *rank).map(|(_, known)| known)
}

/// Writes down which one counts.
pub(super) fn mark(tx: &Tx<'_>, campaign: CampaignId, latest: Option<i64>) -> Result<(), StoreError> {
    tx.prepare_cached("UPDATE campaign_checkpoint SET counts = (place IS ?2) WHERE campaign = ?1")?
        .execute(params![campaign.0, latest])?;
    Ok(())
}

/// Notes a checkpoint whose entry was just stored.
pub(super) fn note(
    tx: &Tx<'_>,
    place: i64,
    campaign: CampaignId,
    checkpoint: &Checkpoint,
    state: State,
) -> Result<(), StoreError> {
    let covers: Vec<u8> = checkpoint.covers.iter().flat_map(Cursor::to_bytes).collect();
    let demands: Vec<u8> = checkpoint
        .demands
        .iter()
        .flat_map(|(hub, demand)| {
            hub.0.into_iter().chain(demand.operations.to_be_bytes()).chain(demand.bytes.to_be_bytes())
        })
        .collect();
    let sql = "INSERT INTO campaign_checkpoint
        (place, campaign, membership, generation, covers, demands, document_bytes, state)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT (place) DO NOTHING";
    tx.prepare_cached(sql)?.execute(params![
        place,
        campaign.0,
        checkpoint.membership.0,
        checkpoint.generation,
        covers,
        demands,
        checkpoint.document.len(),
        state.code()
    ])?;
    Ok(())
}

/// Writes down what was found of a checkpoint.
pub(crate) fn found(tx: &Tx<'_>, place: i64, state: State) -> Result<(), StoreError> {
    tx.prepare_cached("UPDATE campaign_checkpoint SET state = ?2 WHERE place = ?1")?
        .execute(params![place, state.code()])?;
    Ok(())
}

/// The one that a later document began with, of those that are held; none of the document that all began with.
pub(crate) fn begun_with(
    connection: &Connection,
    campaign: CampaignId,
    generation: u32,
) -> Result<Option<Known>, StoreError> {
    if generation == 0 {
        return Ok(None);
    }
    let all = of_campaign(connection, campaign)?.into_iter();
    let of_document = all.filter(|known| known.generation == generation && known.state != State::Bad);
    Ok(of_document.min_by_key(|known| (known.covers.iter().map(|cursor| cursor.seq).sum::<u64>(), known.place)))
}

/// The places of those that the documents which count began with, of all campaigns with a later document.
pub(super) fn all_begun(connection: &Connection) -> Result<Vec<i64>, StoreError> {
    let sql = "SELECT campaign, generation FROM campaign_checkpoint WHERE counts = 1 AND generation > 0";
    let mut statement = connection.prepare_cached(sql)?;
    let rows = statement.query_map([], |row| Ok((CampaignId(row.get(0)?), row.get::<_, u32>(1)?)))?;
    let mut begun = Vec::new();
    for row in rows {
        let (campaign, generation) = row?;
        begun.extend(begun_with(connection, campaign, generation)?.map(|known| known.place));
    }
    Ok(begun)
}

/// Those that were not compared yet.
pub(crate) fn open(connection: &Connection, campaign: CampaignId) -> Result<Vec<Known>, StoreError> {
    Ok(of_campaign(connection, campaign)?.into_iter().filter(|known| known.state == State::Open).collect())
}

/// The checkpoint that the entry at a place holds.
pub(crate) fn read(connection: &Connection, place: i64) -> Result<Option<Checkpoint>, StoreError> {
    let Some(entry) = entry_in(connection, place)? else { return Ok(None) };
    let Some(body) = entry.body else { return Ok(None) };
    match Payload::decode(PayloadKind::CampaignCheckpoint, &body.payload) {
        Ok(Some(Payload::CampaignCheckpoint(checkpoint))) => Ok(Some(checkpoint)),
        Ok(_) | Err(_) => Ok(None),
    }
}

/// The last entry of a log that is not held any more, or never was: its number and hash.
pub(super) fn base(connection: &Connection, log: &LogRow) -> Result<Option<(u64, Hash)>, StoreError> {
    let mut statement = connection.prepare_cached("SELECT seq, hash FROM log_base WHERE log = ?1")?;
    let row = |row: &rusqlite::Row<'_>| Ok((unsigned(row.get(0)?), Hash(row.get(1)?)));
    Ok(statement.query_row([log.row], row).optional()?)
}

/// The number after which a log is held whole.
pub(super) fn base_seq(connection: &Connection, log: &LogRow) -> Result<u64, StoreError> {
    Ok(base(connection, log)?.map_or(0, |(seq, _)| seq))
}

/// Whether any log of the campaign is held from a later entry on than what a document began with covers.
pub(crate) fn any_dropped_after(
    connection: &Connection,
    campaign: CampaignId,
    begun: Option<&Known>,
) -> Result<bool, StoreError> {
    for log in logs_of_topic(connection, Topic::Campaign(campaign))? {
        if base_seq(connection, &log)? > begun.map_or(0, |begun| begun.covered(log.id)) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether a log of the campaign forks before what a checkpoint covers of it: the rest never comes.
pub(crate) fn any_cut_short(connection: &Connection, campaign: CampaignId, known: &Known) -> Result<bool, StoreError> {
    let logs = logs_of_topic(connection, Topic::Campaign(campaign))?;
    Ok(logs.iter().any(|log| log.forked && log.seq < known.covered(log.id)))
}

/// Holds a log from this entry on: drops what came before, but for openings and what says who takes part, or has dropped an
/// earlier document.
fn hold_from(tx: &mut Tx<'_>, log: &LogRow, upto: &Cursor) -> Result<(), StoreError> {
    let before = base_seq(tx, log)?;
    if before >= upto.seq {
        return Ok(());
    }
    let range = params![log.place(before), log.place(upto.seq)];
    tx.prepare_cached("DELETE FROM set_aside WHERE place > ?1 AND place <= ?2")?.execute(range)?;
    let kept = [
        PayloadKind::Opening,
        PayloadKind::Membership,
        PayloadKind::MembershipChange,
        PayloadKind::CampaignAttestation,
    ];
    let [opening, founding, change, attestation] = kept.map(|kind| u16::from(kind).to_be_bytes());
    let sql = "DELETE FROM entry WHERE place > ?1 AND place <= ?2 AND substr(header, 147, 2) NOT IN (?3, ?4, ?5, ?6)";
    let range = params![log.place(before), log.place(upto.seq), opening, founding, change, attestation];
    let dropped = tx.prepare_cached(sql)?.execute(range)?;
    if dropped > 0 {
        tx.mark_erased();
    }
    let sql =
        "INSERT INTO log_base (log, seq, hash) VALUES (?1, ?2, ?3) ON CONFLICT (log) DO UPDATE SET seq = ?2, hash = ?3";
    tx.prepare_cached(sql)?.execute(params![log.row, signed(upto.seq), upto.hash.0])?;
    Ok(())
}

/// Drops what a good checkpoint covers, as the campaign's policy wants it.
pub(crate) fn drop_covered(tx: &mut Tx<'_>, campaign: CampaignId, covers: &[Cursor]) -> Result<(), StoreError> {
    for cursor in covers {
        let Some(log) = find_log(tx, cursor.log(Topic::Campaign(campaign)))? else { continue };
        if hash_at(tx, &log, cursor.seq)? == Some(cursor.hash) {
            hold_from(tx, &log, cursor)?;
        }
    }
    Ok(())
}

/// Drops what the documents before a later one were made of: also of a log of which not all is held, or something else than what
/// is covered.
pub(crate) fn drop_replaced(tx: &mut Tx<'_>, campaign: CampaignId, covers: &[Cursor]) -> Result<(), StoreError> {
    for cursor in covers {
        let Some(log) = find_log(tx, cursor.log(Topic::Campaign(campaign)))? else { continue };
        let seq = cursor.seq.min(log.seq);
        if let Some(hash) = hash_at(tx, &log, seq)? {
            hold_from(tx, &log, &Cursor { seq, hash, ..*cursor })?;
        }
    }
    Ok(())
}

/// Whether nothing is held of what the documents before a later one were made of.
pub(crate) fn is_replaced_dropped(tx: &Tx<'_>, campaign: CampaignId, covers: &[Cursor]) -> Result<bool, StoreError> {
    for cursor in covers {
        let Some(log) = find_log(tx, cursor.log(Topic::Campaign(campaign)))? else { continue };
        if base_seq(tx, &log)? < cursor.seq.min(log.seq) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The checkpoint of a campaign that can be given to a peer which lacks what it covers.
pub(super) fn to_give(connection: &Connection, campaign: CampaignId) -> Result<Option<(LogRow, Known)>, StoreError> {
    let Some(known) = counting(connection, campaign)?.filter(|known| known.state == State::Good) else {
        return Ok(None);
    };
    // What cannot be shown by itself proves nothing to whoever lacks the rest.
    let sql = "SELECT 1 FROM membership_entry JOIN entry USING (place) WHERE campaign = ?1 AND signature IS NULL";
    if connection.prepare_cached(sql)?.exists([campaign.0])? {
        return Ok(None);
    }
    let log = log_of_row(connection, at_place(known.place).0)?;
    Ok(Some((log, known)))
}

/// The frame with the checkpoint that counts, where it lies in this log.
pub(super) fn frame(connection: &Connection, log: LogId) -> Result<Option<(v1::Frame, u64, bool)>, StoreError> {
    let Topic::Campaign(campaign) = log.topic else { return Ok(None) };
    let Some((held, known)) = to_give(connection, campaign)?.filter(|(held, _)| held.id == log) else {
        return Ok(None);
    };
    let alone = |place: i64| -> Result<v1::Frame, StoreError> {
        let entry = entry_in(connection, place)?.ok_or_else(|| StoreError::inconsistent("an entry of a membership"))?;
        pack(&[entry.into_entry()]).map_err(|fault| StoreError::inconsistent(format!("a log ({fault})")))
    };
    let places = {
        let mut statement =
            connection.prepare_cached("SELECT place FROM membership_entry WHERE campaign = ?1 ORDER BY place")?;
        statement.query_map([campaign.0], |row| row.get(0))?.collect::<Result<Vec<i64>, _>>()?
    };
    let mut frame = alone(known.place)?;
    // What came later is in what follows.
    for place in places {
        let (row, seq) = at_place(place);
        let before = row == held.row && place < known.place;
        if before || seq <= known.covered(log_of_row(connection, row)?.id) {
            show(&mut frame, alone(place)?);
        }
    }
    let seq = at_place(known.place).1;
    Ok(Some((frame, seq, seq < held.seq)))
}

/// Takes a checkpoint in the place of what it covers and is not held. What it says was found to be signed; whether its
/// author may say it, the membership does that comes with it. Gives the logs that are held by it, and how far.
pub(super) fn adopt(
    tx: &mut Tx<'_>,
    campaign: CampaignId,
    frame: &Unpacked,
    campaigns: &mut Campaigns,
) -> Result<Option<Vec<(LogId, u64)>>, StoreError> {
    let [entry] = &frame.entries[..] else { return Ok(None) };
    let Some(checkpoint) = checkpoint_of(entry) else { return Ok(None) };
    let shown: Vec<&Entry> = frame.membership.iter().flat_map(|shown| &shown.entries).collect();
    if !is_genuine(tx, campaign, frame) || !is_led(tx, campaign, entry, &checkpoint, &shown)? {
        return Ok(None);
    }
    let before = Cursor {
        author: entry.header.author,
        incarnation: entry.header.incarnation,
        seq: entry.header.seq - 1,
        hash: entry.header.prev_hash,
    };
    // Of its own log a checkpoint covers all that is before it.
    let own = (before.seq > 0).then_some(before);
    let others = checkpoint.covers.iter().filter(|cursor| cursor.log(frame.log.topic) != frame.log).copied();
    let covers: Vec<Cursor> = others.chain(own).collect();
    let reaches = |entry: &&Entry| {
        covers.iter().any(|cursor| cursor.log(frame.log.topic) == entry.log() && cursor.seq >= entry.header.seq)
    };
    if !shown.iter().all(reaches) {
        return Ok(None);
    }
    campaign::keep_beside(tx, campaign, checkpoint.generation)?;
    let (mut held, mut fresh) = (Vec::new(), false);
    for cursor in covers {
        let id = cursor.log(frame.log.topic);
        let mut log = match find_log(tx, id)? {
            Some(log) => log,
            None => make_log(tx, id)?,
        };
        if log.seq >= cursor.seq {
            held.push((id, cursor.seq));
        }
        if log.seq >= cursor.seq || log.forked {
            continue;
        }
        fresh = true;
        let from = log.seq;
        hold_from(tx, &log, &cursor)?;
        (log.seq, log.hash) = (cursor.seq, cursor.hash);
        moved(tx, &log, from)?;
        held.push((id, cursor.seq));
    }
    for entry in shown {
        let Some(log) = find_log(tx, entry.log())? else { continue };
        let place = log.place(entry.header.seq);
        if entry_in(tx, place)?.is_none() {
            super::logs::EntryWriter::new(tx.connection(), &log)?.insert(entry)?;
        }
        memberships::note(tx, place, campaign)?;
    }
    if fresh {
        campaigns.adopt(campaign);
    } else {
        campaigns.work_out(tx, campaign)?;
    }
    Ok(Some(held))
}

/// The checkpoint that an entry holds.
pub(super) fn checkpoint_of(entry: &Entry) -> Option<Checkpoint> {
    let body = entry.body.as_ref()?;
    match Payload::decode(entry.header.payload_kind, &body.payload) {
        Ok(Some(Payload::CampaignCheckpoint(checkpoint))) => Some(checkpoint),
        Ok(_) | Err(_) => None,
    }
}

/// Whether what is shown of the membership is of this campaign and signed by whoever it says.
fn is_genuine(tx: &Tx<'_>, campaign: CampaignId, frame: &Unpacked) -> bool {
    frame.membership.iter().all(|shown| {
        let key = tx.working.directory().log_key(shown.log.author);
        let whole = shown.entries.len() == 1 && shown.entries.iter().all(|entry| entry.body.is_some());
        whole && shown.log.topic == Topic::Campaign(campaign) && key.is_some_and(|key| shown.verify(&key).is_ok())
    })
}

fn is_led(
    tx: &Tx<'_>,
    campaign: CampaignId,
    entry: &Entry,
    checkpoint: &Checkpoint,
    shown: &[&Entry],
) -> Result<bool, StoreError> {
    let steps = memberships::steps_with(tx, campaign, shown)?;
    let led = |step: &Membership| step.tip == checkpoint.membership && step.roster.lead() == entry.header.author;
    Ok(steps.iter().any(led))
}

/// The logs of the campaign, and whether what a peer shows of it lies before what is held here: then it needs the
/// checkpoint.
pub(super) fn is_needed(
    connection: &Connection,
    topic: Topic,
    theirs: &BTreeMap<LogId, Cursor>,
) -> Result<bool, StoreError> {
    let Topic::Campaign(_) = topic else { return Ok(false) };
    let shown: BTreeSet<&LogId> = theirs.keys().filter(|log| log.topic == topic).collect();
    if shown.is_empty() {
        return Ok(true);
    }
    for log in logs_of_topic(connection, topic)? {
        let held = theirs.get(&log.id).map_or(0, |cursor| cursor.seq);
        if held < base_seq(connection, &log)? {
            return Ok(true);
        }
    }
    Ok(false)
}
