//! Bringing entries into a campaign's document.

use std::collections::BTreeSet;

use folkmoot_campaign::{Campaign, ChangeFault, Refused, Submission, Verdict, check_snapshot};
use folkmoot_journal::entry::HEADER_SIZE;
use folkmoot_journal::{CampaignId, Header, LogId, Payload, PayloadKind, RefusalReason, Topic};
use rusqlite::{Connection, OptionalExtension, params};

use super::checkpoint;
use super::limits::{self, MAX_AUTHOR_BYTES, MAX_AUTHOR_OPERATIONS, Parted};
use super::memory::{Document, Documents};
use crate::engine::{Role, Tx};
use crate::error::StoreError;
use crate::journal::checkpoints::{self, Known};
use crate::journal::{Aside, Retry, logs_of_topic, set_aside_at};

/// How many bytes of payloads are offered to a document at once, so that however much waits, little of it is in memory.
pub(super) const PORTION_BYTES: usize = 4 << 20;
/// How many announced operations are offered at once, which take far more memory than their bytes tell.
const PORTION_OPERATIONS: u64 = 200_000;
/// About as much as is offered to a document at once.
const PORTION: Portion = Portion { bytes: PORTION_BYTES, operations: PORTION_OPERATIONS };

/// How many bytes of changes follow a snapshot at least before it is made anew. Mostly a checkpoint comes before, and is one.
const LEAST_TAIL: usize = 32 << 10;
/// How many parts the changes that follow a snapshot have at most.
const TAIL_PARTS: usize = 200;

/// Begins the document of a campaign whose founding entry was just stored.
pub(crate) fn begin(tx: &mut Tx<'_>, id: CampaignId) -> Result<(), StoreError> {
    // Where this fails, the document is worked out when somebody looks at it.
    tx.attempt(|tx| work_out(tx, id).map(|_| ())).map(|_| ())
}

/// Brings the changes of entries that were just stored into the campaign's document, with all that waited for them.
/// Gives those that do not fit, which are to be set aside. What is late, or waits, is not among them. A failure here is
/// never the entries' loss: they are held, and looked at again.
pub(crate) fn integrate(tx: &mut Tx<'_>, id: CampaignId, places: &[i64]) -> Result<Vec<(i64, Aside)>, StoreError> {
    match tx.attempt(|tx| take_in(tx, id, places))? {
        Ok(asides) => Ok(asides),
        Err(error) => {
            let detail = format!("the campaign's document could not take the changes: {error}");
            let mut failed = Vec::new();
            for place in places {
                // What is late was set aside as such.
                if !tx.prepare_cached("SELECT 1 FROM set_aside WHERE place = ?1")?.exists([place])? {
                    failed.push((*place, aside(detail.clone())));
                }
            }
            Ok(failed)
        }
    }
}

/// Works the document out anew, after a fork or a revocation has changed which entries count.
pub(crate) fn rebuild(tx: &mut Tx<'_>, id: CampaignId) -> Result<(), StoreError> {
    let known = tx.working.rights().memberships.get(id).is_some();
    let worked_out = if known { tx.attempt(|tx| work_out(tx, id).map(|_| ()))? } else { Ok(()) };
    if !known || worked_out.is_err() {
        // What is missing is worked out when somebody looks at it.
        tx.prepare_cached("DELETE FROM campaign WHERE id = ?1")?.execute([id.0])?;
    }
    Ok(())
}

/// The stored document, where it is there and loads; from memory, where it is kept there.
pub(super) fn load(
    connection: &Connection,
    documents: &Documents,
    id: CampaignId,
) -> Result<Option<Document>, StoreError> {
    let Some(heads) = stored_heads(connection, id)? else { return Ok(None) };
    // What came to nothing is in nobody's way.
    if let Some(document) = documents.take(id, &heads).filter(|document| !document.campaign.is_ahead()) {
        return Ok(Some(document));
    }
    let Some((snapshot, is_replacement)) = snapshot(connection, id)? else { return Ok(None) };
    let mut statement =
        connection.prepare_cached("SELECT changes FROM campaign_tail WHERE campaign = ?1 ORDER BY key")?;
    let tail = statement.query_map([id.0], |row| row.get(0))?.collect::<Result<Vec<Vec<u8>>, _>>()?.concat();
    let stored_bytes = snapshot.len() + tail.len();
    let Ok(campaign) = Campaign::load_with(&snapshot, &tail, &heads) else { return Ok(None) };
    let campaign = if is_replacement { campaign.in_place_of_another() } else { campaign };
    Ok(Some(Document::new(campaign, stored_bytes)))
}

/// The bytes of the stored snapshot, and whether the document is in the place of another; none where it was a checkpoint that
/// is not held any more, or asks for too much.
fn snapshot(connection: &Connection, id: CampaignId) -> Result<Option<(Vec<u8>, bool)>, StoreError> {
    let sql = "SELECT snapshot, checkpoint, generation > 0 FROM campaign WHERE id = ?1";
    let mut statement = connection.prepare_cached(sql)?;
    let row = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get::<_, Option<i64>>(1)?, row.get(2)?));
    let (stored, checkpoint, is_replacement) = statement.query_row([id.0], row)?;
    let snapshot = match checkpoint {
        None => Some(stored),
        Some(place) => checkpoints::read(connection, place)?
            .map(|checkpoint| checkpoint.document)
            .filter(|given| check_snapshot(given).is_ok()),
    };
    Ok(snapshot.map(|snapshot| (snapshot, is_replacement)))
}

/// How often the stored document was begun anew.
pub(super) fn generation(connection: &Connection, id: CampaignId) -> Result<u32, StoreError> {
    let mut statement = connection.prepare_cached("SELECT generation FROM campaign WHERE id = ?1")?;
    Ok(statement.query_row([id.0], |row| row.get(0)).optional()?.unwrap_or(0))
}

/// The heads of the stored document.
pub(super) fn stored_heads(connection: &Connection, id: CampaignId) -> Result<Option<Vec<[u8; 32]>>, StoreError> {
    let mut statement = connection.prepare_cached("SELECT heads FROM campaign WHERE id = ?1")?;
    let heads: Option<Vec<u8>> = statement.query_row([id.0], |row| row.get(0)).optional()?;
    Ok(heads.map(|heads| heads.as_chunks::<32>().0.to_vec()))
}

/// The document, worked out again where it has to be.
pub(super) fn load_or_work_out(tx: &mut Tx<'_>, id: CampaignId) -> Result<Document, StoreError> {
    match load(tx, tx.documents(), id)? {
        Some(document) => Ok(document),
        None => Ok(work_out(tx, id)?.0),
    }
}

fn take_in(tx: &mut Tx<'_>, id: CampaignId, places: &[i64]) -> Result<Vec<(i64, Aside)>, StoreError> {
    let mut kept = stored_heads(tx, id)?.and_then(|heads| tx.documents().take(id, &heads));
    let mut room = kept.as_mut().map(|document| std::mem::take(&mut document.room)).unwrap_or_default();
    let Parted { within, beyond, displaced, bytes } = limits::part(tx, id, places, &mut room)?;
    if within.is_empty() && !displaced {
        // Nothing is loaded for what is past its author's limits.
        if let Some(document) = kept {
            tx.documents().keep(id, Document { room, ..document });
        }
        return Ok(asides(&Outcome { beyond, ..Outcome::default() }));
    }
    let waited = waiting(tx, id)?;
    let anew = |tx: &mut Tx<'_>| {
        let (document, mut outcome) = work_out(tx, id)?;
        tx.documents().keep(id, document);
        let offered: BTreeSet<i64> = waited.iter().chain(places).copied().collect();
        outcome.refused.retain(|(place, _)| offered.contains(place));
        outcome.beyond.retain(|place| offered.contains(place));
        Ok(asides(&outcome))
    };
    if displaced {
        return anew(tx);
    }
    let mut document = kept.map_or_else(|| load_or_work_out(tx, id), Ok)?;
    document.room = room;
    document.bytes_to_checkpoint = document.bytes_to_checkpoint.saturating_sub(bytes);
    let before = document.campaign.heads();
    let offered: BTreeSet<i64> = waited.union(&within).copied().collect();
    let mut outcome = offer(tx, &mut document.campaign, &offered, PORTION)?;
    if outcome.contested {
        // Perhaps two changes claim one number. Which of them counts must not depend on which came first, and so all
        // entries are looked at in the order that every node gives them.
        return anew(tx);
    }
    outcome.beyond = beyond;
    if document.campaign.heads() != before {
        save_since(tx, id, &mut document, &before)?;
    }
    tx.documents().keep(id, document);
    let mut leave = tx.prepare_cached("DELETE FROM campaign_waiting WHERE place = ?1")?;
    for place in waited.difference(&outcome.waiting) {
        leave.execute([place])?;
    }
    drop(leave);
    note_waiting(tx, id, outcome.waiting.difference(&waited))?;
    Ok(asides(&outcome))
}

/// The document from all entries of the campaign that count, with what became of them; saved, and set aside.
fn work_out(tx: &mut Tx<'_>, id: CampaignId) -> Result<(Document, Outcome), StoreError> {
    let logs = logs_of_topic(tx, Topic::Campaign(id))?;
    for log in &logs {
        let refused = params![log.place(0), log.place(log.seq), RefusalReason::CampaignChanges.number()];
        // What became of a checkpoint stays.
        let sql = "DELETE FROM set_aside WHERE place > ?1 AND place <= ?2 AND reason = ?3
            AND place NOT IN (SELECT place FROM campaign_checkpoint)";
        tx.prepare_cached(sql)?.execute(refused)?;
    }
    let begin = checkpoints::counting(tx, id)?;
    let (places, beyond) = limits::part_all(tx, id, &logs, begin.as_ref())?;
    let mut campaign = checkpoint::beginning(tx, id)?;
    let mut outcome = offer(tx, &mut campaign, &places, PORTION)?;
    if outcome.contested && outcome.portions > 1 {
        // Who comes first with a number shows only among entries that are offered together.
        campaign = checkpoint::beginning(tx, id)?;
        outcome = offer(tx, &mut campaign, &places, Portion { bytes: usize::MAX, operations: u64::MAX })?;
    }
    outcome.beyond = beyond;
    let stored_bytes = save(tx, id, &mut campaign)?;
    tx.prepare_cached("DELETE FROM campaign_waiting WHERE campaign = ?1")?.execute([id.0])?;
    note_waiting(tx, id, &outcome.waiting)?;
    // There may be very many past the limits: one text does for all of them.
    let beyond = std::mem::take(&mut outcome.beyond);
    let aside = too_much();
    for place in &beyond {
        set_aside_at(tx, *place, &aside)?;
    }
    for (place, aside) in asides(&outcome) {
        set_aside_at(tx, place, &aside)?;
    }
    outcome.beyond = beyond;
    Ok((Document::new(campaign, stored_bytes), outcome))
}

/// Saves the whole document, and says how many bytes it has.
fn save(tx: &Tx<'_>, id: CampaignId, campaign: &mut Campaign) -> Result<usize, StoreError> {
    campaign.news();
    let (snapshot, heads) = campaign.snapshot();
    let view = campaign.view().map_err(|_| StoreError::inconsistent("a campaign's document"))?;
    store(tx, id, &snapshot, &heads.concat(), &view.title)?;
    Ok(snapshot.len())
}

/// Stores the document of a checkpoint, where none is stored, by the place of its entry: its bytes lie there.
pub(super) fn store_checkpoint(tx: &Tx<'_>, id: CampaignId, known: &Known, heads: &[u8]) -> Result<(), StoreError> {
    let sql = "INSERT INTO campaign (id, snapshot, checkpoint, heads, generation) VALUES (?1, x'', ?2, ?3, ?4)";
    tx.prepare_cached(sql)?.execute(params![id.0, known.place, heads, known.generation])?;
    tx.prepare_cached("DELETE FROM campaign_tail WHERE campaign = ?1")?.execute([id.0])?;
    Ok(())
}

/// Stores a document beside the entry of the checkpoint in which it lies, because that is about to be dropped for a later document:
/// this hub's own people are to be shown what they had written into it.
pub(crate) fn keep_beside(tx: &Tx<'_>, id: CampaignId, generation: u32) -> Result<(), StoreError> {
    if generation == 0 || tx.role() == Role::Academy {
        return Ok(());
    }
    let sql = "SELECT 1 FROM campaign WHERE id = ?1 AND checkpoint IS NOT NULL AND generation < ?2";
    if tx.prepare_cached(sql)?.exists(params![id.0, generation])?
        && let Some((bytes, _)) = snapshot(tx, id)?
    {
        let sql = "UPDATE campaign SET snapshot = ?2, checkpoint = NULL WHERE id = ?1";
        tx.prepare_cached(sql)?.execute(params![id.0, bytes])?;
    }
    Ok(())
}

/// Stores a whole document.
fn store(tx: &Tx<'_>, id: CampaignId, snapshot: &[u8], heads: &[u8], title: &str) -> Result<(), StoreError> {
    let generation = checkpoints::counting(tx, id)?.map_or(0, |known| known.generation);
    let sql = "INSERT INTO campaign (id, snapshot, heads, generation, title) VALUES (?1, ?2, ?3, ?4, ?5)
        ON CONFLICT (id) DO UPDATE SET snapshot = ?2, checkpoint = NULL, heads = ?3, generation = ?4, title = ?5";
    tx.prepare_cached(sql)?.execute(params![id.0, snapshot, heads, generation, title])?;
    tx.prepare_cached("DELETE FROM campaign_tail WHERE campaign = ?1")?.execute([id.0])?;
    Ok(())
}

/// Takes these bytes for the snapshot of a document that says the same and is stored so far.
pub(super) fn take_for_snapshot(
    tx: &Tx<'_>,
    id: CampaignId,
    document: &mut Document,
    snapshot: &[u8],
) -> Result<(), StoreError> {
    let view = document.campaign.view().map_err(|_| StoreError::inconsistent("a campaign's document"))?;
    store(tx, id, snapshot, &document.campaign.heads().concat(), &view.title)?;
    document.stored_bytes = snapshot.len();
    Ok(())
}

/// Saves what is new since the document had the heads `before`; the whole, where twice as much has come to it.
fn save_since(tx: &Tx<'_>, id: CampaignId, document: &mut Document, before: &[[u8; 32]]) -> Result<(), StoreError> {
    let sorted = |heads: &[[u8; 32]]| heads.iter().copied().collect::<BTreeSet<_>>();
    if stored_heads(tx, id)?.is_none_or(|stored| sorted(&stored) != sorted(before)) {
        // One that loading has brought up to the present form.
        document.stored_bytes = save(tx, id, &mut document.campaign)?;
        return Ok(());
    }
    let changes = document.campaign.news();
    debug_assert_eq!(changes, document.campaign.changes_since(before).concat(), "what came since");
    let sql =
        "SELECT length(snapshot), (SELECT count(*) FROM campaign_tail WHERE campaign = id) FROM campaign WHERE id = ?1";
    let row = |row: &rusqlite::Row<'_>| Ok((row.get::<_, usize>(0)?, row.get::<_, usize>(1)?));
    let (snapshot, parts) = tx.prepare_cached(sql)?.query_row([id.0], row)?;
    let tail = document.stored_bytes.saturating_sub(snapshot) + changes.len();
    if tail > LEAST_TAIL.max(2 * snapshot) || parts >= TAIL_PARTS {
        document.stored_bytes = save(tx, id, &mut document.campaign)?;
        return Ok(());
    }
    let heads = document.campaign.heads().concat();
    let title = document.campaign.view().ok().map(|view| view.title.clone());
    tx.prepare_cached("UPDATE campaign SET heads = ?2, title = ?3 WHERE id = ?1")?
        .execute(params![id.0, heads, title])?;
    tx.prepare_cached("INSERT INTO campaign_tail (campaign, changes) VALUES (?1, ?2)")?
        .execute(params![id.0, changes])?;
    document.stored_bytes += changes.len();
    Ok(())
}

pub(super) fn waiting(connection: &Connection, id: CampaignId) -> Result<BTreeSet<i64>, StoreError> {
    let mut statement = connection.prepare_cached("SELECT place FROM campaign_waiting WHERE campaign = ?1")?;
    Ok(statement.query_map([id.0], |row| row.get(0))?.collect::<Result<_, _>>()?)
}

fn note_waiting<'a>(
    connection: &Connection,
    id: CampaignId,
    places: impl IntoIterator<Item = &'a i64>,
) -> Result<(), StoreError> {
    let mut statement = connection.prepare_cached("INSERT INTO campaign_waiting (place, campaign) VALUES (?1, ?2)")?;
    for place in places {
        statement.execute(params![place, id.0])?;
    }
    Ok(())
}

fn asides(outcome: &Outcome) -> Vec<(i64, Aside)> {
    let refused = outcome.refused.iter().map(|(place, refused)| (*place, aside(refused.to_string())));
    refused.chain(outcome.beyond.iter().map(|place| (*place, too_much()))).collect()
}

fn too_much() -> Aside {
    never(format!(
        "its author has written more into this campaign than {MAX_AUTHOR_OPERATIONS} operations or {MAX_AUTHOR_BYTES} \
         bytes; begin a new campaign"
    ))
}

fn never(detail: String) -> Aside {
    Aside { retry: Retry::Never, ..aside(detail) }
}

fn aside(detail: String) -> Aside {
    // A newer software may know more fields of a campaign.
    Aside { reason: RefusalReason::CampaignChanges, detail, retry: Retry::Upgrade }
}

/// An entry with changes, ordered as every node orders them.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Held {
    log: LogId,
    seq: u64,
    place: i64,
    /// How many operations it announces.
    operations: u64,
}

/// A part of what there is to offer.
#[derive(Clone, Copy)]
struct Portion {
    bytes: usize,
    operations: u64,
}

/// What became of entries that a document was offered.
#[derive(Default)]
struct Outcome {
    /// Those that wait for others, and the late ones that nothing builds on.
    waiting: BTreeSet<i64>,
    /// Those that do not fit. Late ones are not among them: they are set aside as late.
    refused: Vec<(i64, Refused)>,
    /// Those past the limits of their authors, which were not offered. Late ones are not among them either.
    beyond: Vec<i64>,
    /// Whether a change was refused whose number another change has, perhaps.
    contested: bool,
    /// In how many portions the entries were offered at first.
    portions: usize,
}

/// Offers the entries at `places` until nothing more goes in, in portions of about this size.
fn offer(
    tx: &Tx<'_>,
    campaign: &mut Campaign,
    places: &BTreeSet<i64>,
    portion: Portion,
) -> Result<Outcome, StoreError> {
    let mut outcome = Outcome::default();
    let (mut late, mut open) = (BTreeSet::new(), BTreeSet::new());
    for place in places {
        let Some(held) = held(tx, *place)? else { continue };
        let in_time = tx.working.rights().accepted_until(held.log).allows(held.seq);
        if in_time {
            open.insert(held)
        } else {
            late.insert(held)
        };
    }
    loop {
        let (mut progress, mut portions) = (false, 0);
        let mut rest = std::mem::take(&mut open).into_iter().peekable();
        while rest.peek().is_some() {
            portions += 1;
            let (mut offered, mut submissions, mut bytes, mut operations) = (Vec::new(), Vec::new(), 0, 0);
            while bytes < portion.bytes
                && operations < portion.operations
                && let Some(held) = rest.next()
            {
                if let Some(changes) = changes_at(tx, held.place)? {
                    bytes += changes.iter().map(Vec::len).sum::<usize>();
                    operations += held.operations;
                    submissions.push(Submission { author: held.log.author.0, changes, late: false });
                    offered.push((held, false));
                }
            }
            // A late entry goes in only where another that is offered with it builds on it: each portion has them all. They
            // come last, so that nobody takes back by one what was accepted of him before.
            for held in &late {
                if let Some(changes) = changes_at(tx, held.place)? {
                    submissions.push(Submission { author: held.log.author.0, changes, late: true });
                    offered.push((*held, true));
                }
            }
            for ((held, is_late), verdict) in offered.into_iter().zip(campaign.admit_all(&submissions)) {
                outcome.contested |=
                    matches!(&verdict, Verdict::Refused(refused) if refused.fault == ChangeFault::Numbering);
                match (verdict, is_late) {
                    (Verdict::Admitted, false) => progress = true,
                    (Verdict::Admitted, true) => {
                        progress = true;
                        late.remove(&held);
                    }
                    (Verdict::Waiting, false) => {
                        open.insert(held);
                    }
                    (Verdict::Waiting, true) => {}
                    (Verdict::Refused(refused), false) => outcome.refused.push((held.place, refused)),
                    (Verdict::Refused(_), true) => {
                        late.remove(&held);
                    }
                }
            }
        }
        outcome.portions = outcome.portions.max(portions);
        // With one portion, everything was offered at once.
        if !progress || portions < 2 {
            break;
        }
    }
    outcome.waiting = late.iter().chain(&open).map(|held| held.place).collect();
    Ok(outcome)
}

/// The entry at a place; none where it carries no changes that were counted.
fn held(connection: &Connection, place: i64) -> Result<Option<Held>, StoreError> {
    let sql = "SELECT header, operations FROM campaign_entry JOIN entry USING (place) WHERE place = ?1";
    let mut statement = connection.prepare_cached(sql)?;
    let row = |row: &rusqlite::Row<'_>| Ok((row.get::<_, [u8; HEADER_SIZE]>(0)?, row.get(1)?));
    let Some((header, operations)) = statement.query_row([place], row).optional()? else { return Ok(None) };
    let header = Header::decode(&header).map_err(|_| StoreError::inconsistent("the header of an entry"))?;
    let log = LogId { topic: header.topic, author: header.author, incarnation: header.incarnation };
    Ok(Some(Held { log, seq: header.seq, place, operations }))
}

/// The changes of the entry at a place; none where they cannot be read, and the entry was set aside for that.
pub(super) fn changes_at(connection: &Connection, place: i64) -> Result<Option<Vec<Vec<u8>>>, StoreError> {
    let mut statement = connection.prepare_cached("SELECT payload FROM entry WHERE place = ?1")?;
    let payload: Option<Vec<u8>> = statement.query_row([place], |row| row.get(0)).optional()?.flatten();
    match payload.map(|payload| Payload::decode(PayloadKind::CampaignChanges, &payload)) {
        Some(Ok(Some(Payload::CampaignChanges(changes)))) => Ok(Some(changes)),
        Some(_) | None => Ok(None),
    }
}
