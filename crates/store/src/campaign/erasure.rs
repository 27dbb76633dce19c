//! Erasure: the lead begins the document anew without its history, and every member drops the entries behind the old one.

use std::collections::{BTreeMap, BTreeSet};

use folkmoot_campaign::{Actor, Difference, Field, change_hash};
use folkmoot_journal::{
    CampaignId, Checkpoint, Cursor, LogId, NodeId, Payload, PayloadKind, RefusalReason, Topic, encode_attestation,
};
use rusqlite::{Connection, OptionalExtension, params};

use super::document::{self, changes_at};
use super::membership::lead;
use super::{CampaignState, CampaignStore, checkpoint, edit};
use crate::engine::Tx;
use crate::error::StoreError;
use crate::journal::checkpoints::{self, Known};
use crate::journal::{Aside, Retry, append_in, held_with, logs_of_topic, receipted_by, set_aside_at, written_before};

/// How a member stands to an erasure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Erasure {
    /// The member, or the Academy where it relays.
    pub node: NodeId,
    /// When it wrote down that it has dropped the old document and its entries, in minutes since 1970, by its own clock;
    /// none where it has not said so. The Academy says so by its receipt, without a time.
    pub attested: Option<Option<u32>>,
}

/// Something that this hub had written into a document that was replaced, before anybody else had it.
#[derive(Clone, PartialEq, Eq)]
pub struct Unsent {
    /// What it was, such as `notes` or `aim`.
    pub what: String,
    /// What was written; empty where something was taken out or marked, which is not kept: it may be what was to be forgotten.
    pub said: String,
}

/// What people write is not shown.
impl std::fmt::Debug for Unsent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Unsent").field("what", &self.what).finish_non_exhaustive()
    }
}

impl CampaignStore {
    /// Begins the campaign's document anew, as it is and without its history: whatever was taken out of it is gone here, and
    /// at every member once it has the entry that says so. What members have written meanwhile does not count; their own
    /// nodes show it to them.
    ///
    /// # Errors
    /// [`StoreError::NotTheLead`]; [`StoreError::CampaignRefused`] where the document is too large for an entry;
    /// failures of the database.
    pub fn erase(&self, id: CampaignId) -> Result<CampaignState, StoreError> {
        self.store.write("erase history", move |tx| {
            let membership = lead(tx, id)?;
            let mut incarnation = [0; 8];
            tx.fill(&mut incarnation);
            let actor = Actor { node: membership.roster.lead().0, incarnation: u64::from_be_bytes(incarnation) };
            let held = document::load_or_work_out(tx, id)?;
            let anew = held.campaign.anew(actor).map_err(|error| edit::refused(&error))?;
            let (document, mut heads) = anew.snapshot();
            heads.sort_unstable();
            let mut covers: Vec<Cursor> =
                logs_of_topic(tx, Topic::Campaign(id))?.iter().filter_map(|log| log.tip()).collect();
            covers.sort_by_key(|cursor| (cursor.author, cursor.incarnation));
            let generation = checkpoints::counting(tx, id)?.map_or(0, |known| known.generation);
            let generation = generation.checked_add(1).ok_or_else(|| StoreError::inconsistent("a generation"))?;
            let demands = BTreeMap::new();
            let given = Checkpoint { membership: membership.tip, generation, covers, demands, document, heads };
            if !checkpoint::append(tx, id, &given)? {
                let reason = "the document is too large for a checkpoint: take more out of it first".to_owned();
                return Err(StoreError::CampaignRefused { reason });
            }
            edit::state(tx, id)
        })
    }

    /// Who has dropped what the latest erasure forgets; nothing where there was none.
    ///
    /// # Errors
    /// [`StoreError::NoSuchCampaign`]; failures of the database.
    pub fn erasure(&self, id: CampaignId) -> Result<Vec<Erasure>, StoreError> {
        let state = self.get(id)?;
        let academy = self.store.working().academy().filter(|_| state.membership.roster.academy_relays());
        self.store.read("erasure", move |connection| {
            let Some(known) = checkpoints::counting(connection, id)?.filter(|known| known.generation > 0) else {
                return Ok(Vec::new());
            };
            let attested = attested(connection, id, known.generation)?;
            let hubs = state.membership.roster.members().keys();
            let mut all: Vec<Erasure> = hubs
                .map(|hub| Erasure { node: *hub, attested: attested.get(hub).map(|minute| Some(*minute)) })
                .collect();
            if let Some(academy) = academy {
                let begun = checkpoints::begun_with(connection, id, known.generation)?.unwrap_or(known);
                let dropped = receipted_by(connection, begun.place, academy)?;
                all.push(Erasure { node: academy, attested: dropped.then_some(None) });
            }
            Ok(all)
        })
    }

    /// What this hub had written into documents that were replaced.
    ///
    /// # Errors
    /// [`StoreError::NoSuchCampaign`]; failures of the database.
    pub fn unsent(&self, id: CampaignId) -> Result<Vec<Unsent>, StoreError> {
        self.get(id)?;
        self.store.read("unsent", move |connection| {
            let sql = "SELECT what, said FROM campaign_unsent WHERE campaign = ?1 ORDER BY key";
            let mut statement = connection.prepare_cached(sql)?;
            let rows = statement.query_map([id.0], |row| Ok(Unsent { what: row.get(0)?, said: row.get(1)? }))?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
    }

    /// Forgets what this hub had written into documents that were replaced.
    ///
    /// # Errors
    /// [`StoreError::NoSuchCampaign`]; failures of the database.
    pub fn discard_unsent(&self, id: CampaignId) -> Result<(), StoreError> {
        self.get(id)?;
        self.store.write("discard unsent", move |tx| {
            tx.mark_erased();
            tx.execute("DELETE FROM campaign_unsent WHERE campaign = ?1", [id.0])?;
            Ok(())
        })
    }
}

/// The hubs that have attested the erasure, and when.
fn attested(connection: &Connection, id: CampaignId, generation: u32) -> Result<BTreeMap<NodeId, u32>, StoreError> {
    let mut attested = BTreeMap::new();
    for (header, payload) in held_with(connection, Topic::Campaign(id), PayloadKind::CampaignAttestation)? {
        if let Ok(Some(Payload::CampaignAttestation(said))) = Payload::decode(header.payload_kind, &payload)
            && said >= generation
        {
            attested.entry(header.author).or_insert(header.written_at);
        }
    }
    Ok(attested)
}

/// Lets go of a document that was replaced, and of the entries behind it. Whether it was: then it is worked out anew.
pub(crate) fn renew(tx: &mut Tx<'_>, id: CampaignId) -> Result<bool, StoreError> {
    let Some(known) = checkpoints::counting(tx, id)?.filter(|known| known.generation > 0) else { return Ok(false) };
    let mut statement = tx.prepare_cached("SELECT generation FROM campaign WHERE id = ?1")?;
    let stored: Option<u32> = statement.query_row([id.0], |row| row.get(0)).optional()?;
    drop(statement);
    if stored.is_none_or(|stored| stored >= known.generation) {
        return Ok(false);
    }
    note_unsent(tx, id, &known)?;
    tx.prepare_cached("DELETE FROM campaign WHERE id = ?1")?.execute([id.0])?;
    tx.documents().forget(id);
    tx.mark_erased();
    checkpoints::drop_replaced(tx, id, &known.covers)?;
    Ok(true)
}

/// Notes what this hub has written that the new document does not have, in words for its own people.
fn note_unsent(tx: &mut Tx<'_>, id: CampaignId, known: &Known) -> Result<(), StoreError> {
    let Ok(author) = tx.author() else { return Ok(()) };
    let Some(old) = document::load(tx, tx.documents(), id)? else { return Ok(()) };
    for log in logs_of_topic(tx, Topic::Campaign(id))?.iter().filter(|log| log.id.author == author.key.id()) {
        for place in checkpoint::counted(tx, log, known.covered(log.id), log.seq)? {
            let changes = changes_at(tx, place)?.unwrap_or_default();
            for hash in changes.iter().filter_map(|change| change_hash(change)) {
                let differences = old.campaign.differences_of(hash).unwrap_or_default();
                for (what, said) in differences.iter().map(words) {
                    // That something was taken out is said once.
                    let sql = "INSERT INTO campaign_unsent (campaign, what, said) SELECT ?1, ?2, ?3 WHERE ?3 <> ''
                        OR NOT EXISTS (SELECT 1 FROM campaign_unsent WHERE campaign = ?1 AND what = ?2 AND said = '')";
                    tx.prepare_cached(sql)?.execute(params![id.0, what, said])?;
                }
            }
        }
    }
    Ok(())
}

/// Sets aside what waits for changes of a document that was replaced: whoever wrote it has attested since, in the same log or
/// in one that came after it, that it goes by the new one. Else it would wait for ever, and so would all that comes after it in its
/// log for being covered by a checkpoint. Gives what was set aside.
pub(crate) fn give_up_stale(tx: &Tx<'_>, id: CampaignId) -> Result<Vec<(i64, Aside)>, StoreError> {
    let Some(known) = checkpoints::counting(tx, id)?.filter(|known| known.generation > 0) else {
        return Ok(Vec::new());
    };
    // What came too late was set aside as such.
    let waiting: BTreeSet<i64> = {
        let sql =
            "SELECT place FROM campaign_waiting WHERE campaign = ?1 AND place NOT IN (SELECT place FROM set_aside)";
        let mut statement = tx.prepare_cached(sql)?;
        statement.query_map([id.0], |row| row.get(0))?.collect::<Result<_, _>>()?
    };
    if waiting.is_empty() {
        return Ok(Vec::new());
    }
    let topic = Topic::Campaign(id);
    // The latest of each log: an author may write as many as it likes.
    let mut attested: BTreeMap<LogId, u64> = BTreeMap::new();
    for (header, payload) in held_with(tx, topic, PayloadKind::CampaignAttestation)? {
        let said = Payload::decode(header.payload_kind, &payload);
        if matches!(said, Ok(Some(Payload::CampaignAttestation(said))) if said >= known.generation) {
            attested.insert(header.cursor().log(topic), header.seq);
        }
    }
    let mut ends = attested.clone();
    for log in attested.keys() {
        for (earlier, seq) in written_before(tx, *log)? {
            let end = ends.entry(earlier).or_default();
            *end = seq.max(*end);
        }
    }
    let mut stale = Vec::new();
    for log in logs_of_topic(tx, topic)? {
        let upto = ends.get(&log.id).copied().unwrap_or(0).min(log.seq);
        stale.extend(waiting.range(log.place(0)..=log.place(upto)).copied());
    }
    let aside = Aside {
        reason: RefusalReason::CampaignChanges,
        detail: "it was written into a document that the lead has replaced since; whoever wrote it is shown it, to be \
                 entered again"
            .to_owned(),
        retry: Retry::Never,
    };
    for place in &stale {
        tx.prepare_cached("DELETE FROM campaign_waiting WHERE place = ?1")?.execute([place])?;
        set_aside_at(tx, *place, &aside)?;
    }
    Ok(stale.into_iter().map(|place| (place, aside.clone())).collect())
}

/// What a difference says anew: where, and the words.
fn words(difference: &Difference) -> (&'static str, String) {
    match difference {
        Difference::Own { field, after, .. } | Difference::Changed { field, after, .. } => (field.key(), after.clone()),
        Difference::Prose { prose, inserted, .. } => (prose.key(), inserted.clone()),
        Difference::Marks { prose } => (prose.key(), String::new()),
        Difference::SignedUp(signed) => (Field::Organisation.key(), signed.organisation.clone()),
        Difference::SignedOff(_) => (Field::Organisation.key(), String::new()),
        Difference::Added(entry) => {
            let said: Vec<String> = entry.item.fields().iter().map(|(_, text)| text.to_string()).collect();
            let said: Vec<String> = said.into_iter().filter(|text| !text.is_empty()).collect();
            (entry.item.list().key(), said.join(" | "))
        }
        Difference::Removed(entry) => (entry.item.list().key(), String::new()),
        Difference::Reach { month, before, after, .. } => {
            ("reach", format!("{month}: {}", i128::from(*after) - i128::from(*before)))
        }
    }
}

/// Says, signed, that what the latest erasure forgets was dropped here; once.
pub(crate) fn attest(tx: &mut Tx<'_>, id: CampaignId) -> Result<(), StoreError> {
    let Some(known) = checkpoints::counting(tx, id)?.filter(|known| known.generation > 0) else { return Ok(()) };
    let Ok(author) = tx.author() else { return Ok(()) };
    let me = author.key.id();
    let sql = "SELECT 1 FROM campaign WHERE id = ?1 AND attested >= ?2";
    if tx.prepare_cached(sql)?.exists(params![id.0, known.generation])? {
        return Ok(());
    }
    let takes_part = tx.working.rights().role_in(me, id).is_some();
    let begun = checkpoints::begun_with(tx, id, known.generation)?;
    let covers = begun.as_ref().map_or(&known.covers, |begun| &begun.covers);
    let dropped = checkpoints::is_replaced_dropped(tx, id, covers)?;
    if !takes_part || !dropped || tx.frozen() {
        return Ok(());
    }
    // Marked first: the entry comes back here.
    tx.prepare_cached("UPDATE campaign SET attested = ?2 WHERE id = ?1")?.execute(params![id.0, known.generation])?;
    if !attested(tx, id, known.generation)?.contains_key(&me) {
        append_in(tx, Topic::Campaign(id), PayloadKind::CampaignAttestation, encode_attestation(known.generation))?;
    }
    Ok(())
}
