//! Edits made here: each becomes an entry of this hub's own log.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use folkmoot_campaign::{Actor, Campaign, CampaignError, ChangeFault, Edit, Refused, Submission, Verdict};
use folkmoot_journal::entry::PAYLOAD_LIMIT;
use folkmoot_journal::membership::MEMBER_LIMIT;
use folkmoot_journal::{
    CampaignId, HubState, MemberRole, Membership, MembershipRecord, NodeId, PayloadKind, Topic,
    encode_campaign_changes, encode_membership,
};
use rusqlite::{Connection, OptionalExtension, params};

use super::limits::{self, Demand, MAX_AUTHOR_BYTES, MAX_AUTHOR_OPERATIONS};
use super::{
    CampaignState, CampaignStore, ExportedCampaign, NewCampaign, described, document, erasure, may_take_lead,
    membership,
};
use crate::engine::Tx;
use crate::error::StoreError;
use crate::journal::{append_all_in, checkpoints};

/// What one change takes in a payload beside its own bytes: a tag, and a length of four bytes at most.
const CHANGE_OVERHEAD: usize = 5;

impl CampaignStore {
    /// Begins a campaign that this hub leads, with its title. A repeated `request_id` returns the campaign that the
    /// first one made; an empty one is none.
    ///
    /// # Errors
    /// [`StoreError::UnknownMember`] where a member is not an enrolled hub; [`StoreError::CampaignRefused`] where the
    /// title cannot stand or the members are too many; [`StoreError::NoAuthor`], [`StoreError::NotJoined`],
    /// [`StoreError::Frozen`], [`StoreError::NotWritten`]; failures of the database.
    pub fn create(&self, campaign: NewCampaign, request_id: &str) -> Result<CampaignState, StoreError> {
        let request_id = request_id.to_owned();
        self.store.write("create campaign", move |tx| {
            if let Some(made) = made_by(tx, &request_id)? {
                return state(tx, made);
            }
            let NewCampaign { title, members, readers, academy_relays } = campaign;
            let author = tx.author()?;
            let me = author.key.id();
            let readers = checked(tx, me, readers.difference(&members).copied().collect())?;
            let members = checked(tx, me, members)?;
            let mut nonce = [0; 16];
            tx.fill(&mut nonce);
            let founding = MembershipRecord { nonce, members, academy_relays };
            let id = founding.id(me);
            let actor = Actor { node: me.0, incarnation: author.incarnation.0 };
            // A title that changes nothing is an empty one, which the document refuses.
            let change = Campaign::blank().edit(actor, &Edit::Title(title)).map_err(|error| refused(&error))?;
            let mut payloads = vec![(PayloadKind::Membership, encode_membership(&founding))];
            payloads.extend(change.map(|change| (PayloadKind::CampaignChanges, encode_campaign_changes(&[change]))));
            append_all_in(tx, Topic::Campaign(id), payloads)?;
            membership::add_readers(tx, id, readers.into_iter().filter(|hub| *hub != me).collect())?;
            note_request(tx, "create", &request_id, id)?;
            state(tx, id)
        })
    }

    /// Makes an edit. One that changes nothing writes nothing. A repeated `request_id` changes nothing in the campaign
    /// that the first one edited; an empty one is none.
    ///
    /// # Errors
    /// [`StoreError::NoSuchCampaign`]; [`StoreError::CampaignRefused`] where a text is too long, empty or unprintable;
    /// as [`CampaignStore::create`].
    pub fn edit(&self, id: CampaignId, edit: Edit, request_id: &str) -> Result<CampaignState, StoreError> {
        let request_id = request_id.to_owned();
        self.store.write("edit campaign", move |tx| {
            editor(tx, id)?;
            if was_edited_by(tx, &request_id, id)? {
                return state(tx, id);
            }
            let actor = actor(tx, id)?;
            let mut document = document::load_or_work_out(tx, id)?;
            let change = document.campaign.draft(actor, &edit).map_err(|error| refused(&error));
            tx.documents().keep(id, document);
            if let Some(change) = change? {
                append_changes(tx, id, vec![vec![change]])?;
            }
            note_request(tx, "edit", &request_id, id)?;
            state(tx, id)
        })
    }

    /// The document for an automerge client, with an actor that is given out once.
    ///
    /// # Errors
    /// [`StoreError::NoSuchCampaign`], [`StoreError::NoAuthor`]; failures of the database.
    pub fn export(&self, id: CampaignId) -> Result<ExportedCampaign, StoreError> {
        self.store.write("export campaign", move |tx| {
            member(tx, id)?;
            let mut incarnation = [0; 8];
            tx.fill(&mut incarnation);
            let actor = Actor { node: tx.author()?.key.id().0, incarnation: u64::from_be_bytes(incarnation) };
            let held = document::load_or_work_out(tx, id)?;
            let document = held.campaign.export();
            tx.documents().keep(id, held);
            Ok(ExportedCampaign { document, actor: actor.bytes(), generation: document::generation(tx, id)? })
        })
    }

    /// Takes changes that an automerge client made under an actor from [`CampaignStore::export`]: all or none. What is
    /// held already changes nothing.
    ///
    /// # Errors
    /// [`StoreError::CampaignRefused`] says which change cannot be taken, and why; as [`CampaignStore::edit`].
    pub fn apply_changes(&self, id: CampaignId, changes: Vec<Vec<u8>>) -> Result<CampaignState, StoreError> {
        self.store.write("apply campaign changes", move |tx| {
            editor(tx, id)?;
            let author = tx.author()?.key.id().0;
            // Tried first, so that the caller is told which of its changes is at fault.
            let mut document = document::load_or_work_out(tx, id)?;
            let damaged = |_| StoreError::inconsistent("a campaign's document");
            let before = document.campaign.bookmark().map_err(damaged)?;
            let held = document.campaign.heads();
            let parts = tried(&mut document.campaign, author, entries(changes))?;
            let changed = document.campaign.heads() != held;
            document.campaign.go_back(before);
            tx.documents().keep(id, document);
            if changed {
                append_changes(tx, id, parts)?;
            }
            state(tx, id)
        })
    }
}

/// Admits the parts one after another and gives them back, split where they hold too much for one entry.
fn tried(campaign: &mut Campaign, author: [u8; 32], parts: Vec<Vec<Vec<u8>>>) -> Result<Vec<Vec<Vec<u8>>>, StoreError> {
    let mut waiting = VecDeque::from(parts);
    let (mut tried, mut before) = (Vec::new(), 0);
    while let Some(changes) = waiting.pop_front() {
        let mut part = Submission { author, changes, late: false };
        match campaign.admit_all(std::slice::from_ref(&part)).into_iter().next() {
            Some(Verdict::Admitted) => {
                before += part.changes.len();
                tried.push(part.changes);
            }
            Some(Verdict::Refused(Refused { change: at @ 1.., fault: ChangeFault::EntryTooLarge })) => {
                waiting.push_front(part.changes.split_off(at));
                waiting.push_front(part.changes);
            }
            Some(Verdict::Refused(Refused { change, fault })) => {
                let reason = Refused { change: before + change, fault }.to_string();
                return Err(StoreError::CampaignRefused { reason });
            }
            Some(Verdict::Waiting) | None => {
                let reason = "a change builds on changes that are not here: apply those first, in the order in which \
                    they were made";
                return Err(StoreError::CampaignRefused { reason: reason.to_owned() });
            }
        }
    }
    Ok(tried)
}

/// Appends changes, each part as an entry. One that the document does not take fails, and nothing is written.
pub(super) fn append_changes(tx: &mut Tx<'_>, id: CampaignId, parts: Vec<Vec<Vec<u8>>>) -> Result<(), StoreError> {
    // What comes before an attestation in a log is of the document that was replaced.
    erasure::attest(tx, id)?;
    let mut demand = Demand::default();
    let mut payloads = Vec::with_capacity(parts.len());
    for changes in parts {
        let payload = encode_campaign_changes(&changes);
        demand = demand.and(Demand::of(&changes, &payload));
        payloads.push((PayloadKind::CampaignChanges, payload));
    }
    if !limits::has_room(tx, id, tx.author()?.key.id(), demand)? {
        let reason = format!(
            "with this, the hub would have written more into the campaign than {MAX_AUTHOR_OPERATIONS} operations or \
             {MAX_AUTHOR_BYTES} bytes; begin a new campaign"
        );
        return Err(StoreError::CampaignRefused { reason });
    }
    append_all_in(tx, Topic::Campaign(id), payloads).map(|_| ())
}

/// Splits changes so that each part fits into one entry.
fn entries(changes: Vec<Vec<u8>>) -> Vec<Vec<Vec<u8>>> {
    let mut parts: Vec<Vec<Vec<u8>>> = Vec::new();
    let mut room = 0;
    for change in changes {
        let size = change.len() + CHANGE_OVERHEAD;
        if size > room || parts.is_empty() {
            parts.push(Vec::new());
            room = PAYLOAD_LIMIT;
        }
        room = room.saturating_sub(size);
        if let Some(part) = parts.last_mut() {
            part.push(change);
        }
    }
    parts
}

/// A campaign as the transaction sees it.
pub(super) fn state(tx: &mut Tx<'_>, id: CampaignId) -> Result<CampaignState, StoreError> {
    let membership = member(tx, id)?;
    let damaged = |_| StoreError::inconsistent("a campaign's document");
    let document = document::load_or_work_out(tx, id)?;
    let view = document.campaign.view().map_err(damaged);
    tx.documents().keep(id, document);
    described(tx, &membership, may_lead(tx, &membership), view?)
}

/// The actor of this process for the campaign's document. One that was begun anew has others than the one before, since each
/// counts its changes from 1.
fn actor(tx: &Tx<'_>, id: CampaignId) -> Result<Actor, StoreError> {
    let author = tx.author()?;
    let generation = checkpoints::counting(tx, id)?.map_or(0, |known| known.generation);
    let incarnation = author.incarnation.0.wrapping_add(u64::from(generation).rotate_left(32));
    Ok(Actor { node: author.key.id().0, incarnation })
}

fn may_lead(tx: &Tx<'_>, membership: &Membership) -> bool {
    may_take_lead(tx.working.rights(), tx.author().ok().map(|author| author.key.id()), membership)
}

pub(super) fn member(tx: &Tx<'_>, id: CampaignId) -> Result<Arc<Membership>, StoreError> {
    let membership = tx.working.rights().memberships.get(id).cloned().ok_or(StoreError::NoSuchCampaign)?;
    let takes_part = tx.author().map_or(true, |author| membership.roster.role(author.key.id()).is_some());
    if takes_part { Ok(membership) } else { Err(StoreError::NoSuchCampaign) }
}

/// The membership of a campaign that this hub edits.
pub(super) fn editor(tx: &Tx<'_>, id: CampaignId) -> Result<Arc<Membership>, StoreError> {
    let membership = member(tx, id)?;
    if membership.roster.role(tx.author()?.key.id()).is_some_and(MemberRole::edits) {
        return Ok(membership);
    }
    let lead = membership.roster.lead();
    let record = tx.working.directory().hubs().get(&lead);
    Err(StoreError::ReadsOnly { lead: record.map_or_else(|| lead.to_string(), |record| record.name.to_string()) })
}

/// The members with this hub among them, each of which the directory lists as a hub that may take part.
fn checked(tx: &Tx<'_>, me: NodeId, mut members: BTreeSet<NodeId>) -> Result<BTreeSet<NodeId>, StoreError> {
    members.insert(me);
    if members.len() > MEMBER_LIMIT {
        let reason = format!("a campaign has {MEMBER_LIMIT} members at most, and this one has {}", members.len());
        return Err(StoreError::CampaignRefused { reason });
    }
    let hubs = tx.working.directory().hubs();
    let name = |node: &NodeId| hubs.get(node).map_or_else(|| node.to_string(), |hub| hub.name.to_string());
    let enrolled = |node: &NodeId| hubs.get(node).is_some_and(|hub| hub.state == HubState::Enrolled);
    let unknown: Vec<String> = members.iter().filter(|node| **node != me && !enrolled(node)).map(name).collect();
    if unknown.is_empty() { Ok(members) } else { Err(StoreError::UnknownMember { members: unknown.join(", ") }) }
}

pub(super) fn refused(error: &CampaignError) -> StoreError {
    StoreError::CampaignRefused { reason: error.to_string() }
}

/// The campaign that an earlier request of this id made.
fn made_by(connection: &Connection, request_id: &str) -> Result<Option<CampaignId>, StoreError> {
    let sql = "SELECT campaign FROM campaign_request WHERE call = 'create' AND id = ?1";
    let mut statement = connection.prepare_cached(sql)?;
    Ok(statement.query_row([request_id], |row| row.get(0).map(CampaignId)).optional()?)
}

fn was_edited_by(connection: &Connection, request_id: &str, id: CampaignId) -> Result<bool, StoreError> {
    let sql = "SELECT 1 FROM campaign_request WHERE call = 'edit' AND id = ?1 AND campaign = ?2";
    Ok(connection.prepare_cached(sql)?.exists(params![request_id, id.0])?)
}

fn note_request(tx: &Tx<'_>, call: &str, request_id: &str, id: CampaignId) -> Result<(), StoreError> {
    if !request_id.is_empty() {
        tx.prepare_cached("INSERT INTO campaign_request (call, id, campaign) VALUES (?1, ?2, ?3)")?
            .execute(params![call, request_id, id.0])?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_are_split_so_that_each_part_fits_into_one_entry() {
        let all = PAYLOAD_LIMIT - CHANGE_OVERHEAD;
        let half = PAYLOAD_LIMIT / 2 - CHANGE_OVERHEAD;
        for (sizes, parts) in [
            (vec![], vec![]),
            (vec![1], vec![1]),
            (vec![all], vec![1]),
            (vec![all, 1], vec![1, 1]),
            (vec![half, half], vec![2]),
            (vec![half, half, 1], vec![2, 1]),
            (vec![half, half + 1, half], vec![1, 1, 1]),
            (vec![1; 70_000], vec![70_000]),
        ] {
            let changes: Vec<Vec<u8>> = sizes.iter().map(|size| vec![7; *size]).collect();
            let split = entries(changes.clone());
            assert_eq!(split.iter().map(Vec::len).collect::<Vec<_>>(), parts, "{:?}", sizes.first());
            assert!(split.iter().all(|part| encode_campaign_changes(part).len() <= PAYLOAD_LIMIT));
            assert_eq!(split.concat(), changes, "in their order");
        }
    }
}
