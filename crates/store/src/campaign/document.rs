//! Bringing entries into a campaign's document.

use std::collections::{BTreeMap, BTreeSet};

use folkmoot_campaign::{Campaign, Refused, Submission, Verdict};
use folkmoot_journal::entry::HEADER_SIZE;
use folkmoot_journal::{CampaignId, Header, LogId, Payload, PayloadKind, RefusalReason, Topic};
use rusqlite::{Connection, OptionalExtension, params};

use crate::engine::Tx;
use crate::error::StoreError;
use crate::journal::{Aside, Retry, logs_of_topic};

/// How many bytes of payloads are offered to a document at once, so that however much waits, little of it is in memory.
const BATCH_BYTES: usize = 4 << 20;

/// Begins the document of a campaign whose founding entry was just stored.
pub(crate) fn begin(tx: &mut Tx<'_>, id: CampaignId) -> Result<(), StoreError> {
    work_out(tx, id).map(|_| ())
}

/// Brings the changes of entries that were just stored into the campaign's document, with all that waited for them.
/// Gives those that do not fit, which are to be set aside. What is late, or waits, is not among them. A failure here is
/// never the entries' loss: they are held, and looked at again.
pub(crate) fn integrate(tx: &mut Tx<'_>, id: CampaignId, places: &[i64]) -> Result<Vec<(i64, Aside)>, StoreError> {
    match tx.attempt(|tx| take_in(tx, id, places))? {
        Ok(asides) => Ok(asides),
        Err(error) => {
            let detail = format!("the campaign's document could not take the changes: {error}");
            Ok(places.iter().map(|place| (*place, aside(detail.clone()))).collect())
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

/// The stored document, where it is there and loads.
pub(super) fn load(connection: &Connection, id: CampaignId) -> Result<Option<Campaign>, StoreError> {
    let mut statement = connection.prepare_cached("SELECT snapshot, heads FROM campaign WHERE id = ?1")?;
    let row = statement.query_row([id.0], |row| Ok((row.get::<_, Vec<u8>>(0)?, row.get::<_, Vec<u8>>(1)?)));
    let Some((snapshot, heads)) = row.optional()? else { return Ok(None) };
    let (heads, _) = heads.as_chunks::<32>();
    Ok(Campaign::load(&snapshot, heads).ok())
}

/// The document, worked out again where it has to be.
pub(super) fn load_or_work_out(tx: &mut Tx<'_>, id: CampaignId) -> Result<Campaign, StoreError> {
    match load(tx, id)? {
        Some(campaign) => Ok(campaign),
        None => work_out(tx, id),
    }
}

fn take_in(tx: &mut Tx<'_>, id: CampaignId, places: &[i64]) -> Result<Vec<(i64, Aside)>, StoreError> {
    let mut campaign = load_or_work_out(tx, id)?;
    let before = campaign.heads();
    let waited = waiting(tx, id)?;
    let offered: BTreeSet<i64> = waited.iter().chain(places).copied().collect();
    let outcome = offer(tx, &mut campaign, offered)?;
    if campaign.heads() != before {
        save(tx, id, &campaign)?;
    }
    let mut leaves = tx.prepare_cached("DELETE FROM campaign_waiting WHERE place = ?1")?;
    for place in waited.difference(&outcome.waiting) {
        leaves.execute([place])?;
    }
    drop(leaves);
    let joins: Vec<i64> = outcome.waiting.difference(&waited).copied().collect();
    note_waiting(tx, id, &joins)?;
    Ok(outcome.refused.into_iter().map(|(place, refused)| (place, aside(refused.to_string()))).collect())
}

/// The document from all entries of the campaign that count.
fn work_out(tx: &mut Tx<'_>, id: CampaignId) -> Result<Campaign, StoreError> {
    let mut places = BTreeSet::new();
    for log in logs_of_topic(tx, Topic::Campaign(id))? {
        let range = params![log.place(0), log.place(log.seq), RefusalReason::CampaignChanges.number()];
        tx.prepare_cached("DELETE FROM set_aside WHERE place > ?1 AND place <= ?2 AND reason = ?3")?.execute(range)?;
        let mut statement = tx.prepare_cached("SELECT place FROM entry WHERE place > ?1 AND place <= ?2")?;
        let rows = statement.query_map([log.place(0), log.place(log.seq)], |row| row.get(0))?;
        for place in rows {
            places.insert(place?);
        }
    }
    let mut campaign = Campaign::blank();
    let outcome = offer(tx, &mut campaign, places)?;
    save(tx, id, &campaign)?;
    tx.prepare_cached("DELETE FROM campaign_waiting WHERE campaign = ?1")?.execute([id.0])?;
    note_waiting(tx, id, &outcome.waiting.into_iter().collect::<Vec<_>>())?;
    for (place, refused) in outcome.refused {
        crate::journal::set_aside_at(tx, place, &aside(refused.to_string()))?;
    }
    Ok(campaign)
}

fn save(tx: &Tx<'_>, id: CampaignId, campaign: &Campaign) -> Result<(), StoreError> {
    let (snapshot, heads) = campaign.snapshot();
    let sql = "INSERT INTO campaign (id, snapshot, heads) VALUES (?1, ?2, ?3)
        ON CONFLICT (id) DO UPDATE SET snapshot = ?2, heads = ?3";
    tx.prepare_cached(sql)?.execute(params![id.0, snapshot, heads.concat()])?;
    Ok(())
}

fn waiting(connection: &Connection, id: CampaignId) -> Result<BTreeSet<i64>, StoreError> {
    let mut statement = connection.prepare_cached("SELECT place FROM campaign_waiting WHERE campaign = ?1")?;
    Ok(statement.query_map([id.0], |row| row.get(0))?.collect::<Result<_, _>>()?)
}

fn note_waiting(connection: &Connection, id: CampaignId, places: &[i64]) -> Result<(), StoreError> {
    let mut statement = connection.prepare_cached("INSERT INTO campaign_waiting (place, campaign) VALUES (?1, ?2)")?;
    for place in places {
        statement.execute(params![place, id.0])?;
    }
    Ok(())
}

fn aside(detail: String) -> Aside {
    // A newer software may know more fields of a campaign.
    Aside { reason: RefusalReason::CampaignChanges, detail, retry: Retry::Upgrade }
}

/// What became of entries that a document was offered.
#[derive(Default)]
struct Outcome {
    /// Those that wait for others, and the late ones that nothing builds on.
    waiting: BTreeSet<i64>,
    /// Those that do not fit. Late ones are not among them: they are set aside as late.
    refused: Vec<(i64, Refused)>,
}

/// An entry as a document is offered it.
struct Offered {
    place: i64,
    submission: Submission,
}

/// Offers the entries at `places` until nothing more goes in, in portions.
fn offer(tx: &Tx<'_>, campaign: &mut Campaign, places: BTreeSet<i64>) -> Result<Outcome, StoreError> {
    let mut outcome = Outcome::default();
    let (mut late, mut open) = (BTreeSet::new(), BTreeSet::new());
    let mut limits = BTreeMap::new();
    for place in places {
        match is_late(tx, place, &mut limits)? {
            Some(true) => late.insert(place),
            Some(false) => open.insert(place),
            None => continue,
        };
    }
    loop {
        let (mut progress, mut portions) = (false, 0);
        let mut rest = std::mem::take(&mut open).into_iter().peekable();
        while rest.peek().is_some() {
            portions += 1;
            // A late entry goes in only where another that is offered with it builds on it: each portion has them all.
            let mut portion: Vec<Offered> = Vec::new();
            for place in &late {
                portion.extend(read(tx, *place, true)?);
            }
            let mut bytes = 0;
            while bytes < BATCH_BYTES
                && let Some(place) = rest.next()
            {
                let offered = read(tx, place, false)?;
                bytes += offered.as_ref().map_or(0, |offered| offered.submission.changes.iter().map(Vec::len).sum());
                portion.extend(offered);
            }
            let (places, submissions): (Vec<(i64, bool)>, Vec<Submission>) =
                portion.into_iter().map(|one| ((one.place, one.submission.late), one.submission)).unzip();
            for ((place, is_late), verdict) in places.into_iter().zip(campaign.admit_all(&submissions)) {
                match (verdict, is_late) {
                    (Verdict::Admitted, _) => {
                        progress = true;
                        late.remove(&place);
                    }
                    (Verdict::Waiting, false) => {
                        open.insert(place);
                    }
                    (Verdict::Waiting, true) => {}
                    (Verdict::Refused(refused), false) => outcome.refused.push((place, refused)),
                    (Verdict::Refused(_), true) => {
                        late.remove(&place);
                    }
                }
            }
        }
        if !progress || portions < 2 || open.is_empty() {
            break;
        }
    }
    outcome.waiting = late;
    outcome.waiting.extend(open);
    outcome.refused.sort_unstable_by_key(|(place, _)| *place);
    Ok(outcome)
}

/// Whether the entry at a place was written past what was accepted of its author; none where it carries no changes.
fn is_late(
    tx: &Tx<'_>,
    place: i64,
    limits: &mut BTreeMap<LogId, folkmoot_journal::Limit>,
) -> Result<Option<bool>, StoreError> {
    let mut statement = tx.prepare_cached("SELECT header FROM entry WHERE place = ?1")?;
    let header: Option<[u8; HEADER_SIZE]> = statement.query_row([place], |row| row.get(0)).optional()?;
    let Some(header) = header else { return Ok(None) };
    let header = decoded(&header)?;
    if header.payload_kind != PayloadKind::CampaignChanges {
        return Ok(None);
    }
    let log = LogId { topic: header.topic, author: header.author, incarnation: header.incarnation };
    let limit = limits.entry(log).or_insert_with(|| tx.working.rights().accepted_until(log));
    Ok(Some(!limit.allows(header.seq)))
}

/// The changes of the entry at a place; none where they cannot be read, and the entry was set aside for that.
fn read(connection: &Connection, place: i64, late: bool) -> Result<Option<Offered>, StoreError> {
    let mut statement = connection.prepare_cached("SELECT header, payload FROM entry WHERE place = ?1")?;
    let row = statement.query_row([place], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
    let Some((header, Some(payload))): Option<([u8; HEADER_SIZE], Option<Vec<u8>>)> = row else { return Ok(None) };
    let author = decoded(&header)?.author.0;
    match Payload::decode(PayloadKind::CampaignChanges, &payload) {
        Ok(Some(Payload::CampaignChanges(changes))) => {
            Ok(Some(Offered { place, submission: Submission { author, changes, late } }))
        }
        Ok(_) | Err(_) => Ok(None),
    }
}

fn decoded(header: &[u8; HEADER_SIZE]) -> Result<Header, StoreError> {
    Header::decode(header).map_err(|_| StoreError::inconsistent("the header of an entry"))
}
