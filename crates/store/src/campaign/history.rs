//! Earlier versions of a campaign: who changed what and when, read as it was, compared, undone.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use folkmoot_campaign::{CampaignError, Difference, Version, View, change_hash, differences};
use folkmoot_journal::entry::HEADER_SIZE;
use folkmoot_journal::{CampaignId, Hash, Header, NodeId, Payload, PayloadKind, Topic};
use rusqlite::{Connection, params};

use super::memory::Document;
use super::{CampaignState, CampaignStore, described, document, edit};
use crate::error::StoreError;
use crate::journal::logs_of_topic;

/// A change of a campaign's document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CampaignChange {
    /// Its hash, which names it.
    pub hash: [u8; 32],
    /// The hub that made it.
    pub author: NodeId,
    /// The minute of the entry that it came in, since 1970-01-01T00:00Z, as its author's clock had it.
    pub written_at: Option<u32>,
}

/// A campaign as it is now, for somebody who saw it before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct News {
    /// What it says, and how it stands.
    pub state: CampaignState,
    /// The heads of its document, ascending.
    pub heads: Vec<[u8; 32]>,
    /// The changes that are not among those that were seen, as automerge has them, where they were asked for.
    pub changes: Vec<Vec<u8>>,
}

/// A campaign's document, to look at its versions.
pub struct Versions(Document);

impl Versions {
    /// What the campaign said in the version that a change names.
    ///
    /// # Errors
    /// [`StoreError::NoSuchVersion`].
    pub fn view(&self, change: [u8; 32]) -> Result<View, StoreError> {
        self.0.campaign.view_at(change).map_err(unknown)
    }

    /// What a change did.
    ///
    /// # Errors
    /// [`StoreError::NoSuchVersion`].
    pub fn differences_of(&self, change: [u8; 32]) -> Result<Vec<Difference>, StoreError> {
        self.0.campaign.differences_of(change).map_err(unknown)
    }

    /// What differs between a version and another, or the campaign as it is.
    ///
    /// # Errors
    /// [`StoreError::NoSuchVersion`].
    pub fn compare(&self, before: [u8; 32], after: Option<[u8; 32]>) -> Result<Vec<Difference>, StoreError> {
        let after = match after {
            Some(change) => Arc::new(self.view(change)?),
            None => self.0.campaign.view().map_err(unknown)?,
        };
        Ok(differences(&self.view(before)?, &after))
    }
}

impl CampaignStore {
    /// All changes of a campaign, each before those that it builds on.
    ///
    /// # Errors
    /// [`StoreError::NoSuchCampaign`]; failures of the database.
    pub fn changes(&self, id: CampaignId) -> Result<Vec<CampaignChange>, StoreError> {
        let document = self.versions(id)?.0;
        let versions = document.campaign.versions();
        self.store.documents().keep(id, document);
        let minutes = self.store.read("campaign entries", move |connection| minutes(connection, id))?;
        let change = |version: &Version| CampaignChange {
            hash: version.change,
            author: NodeId(version.author),
            written_at: minutes.get(&(NodeId(version.author), version.change)).copied(),
        };
        Ok(versions.iter().rev().map(change).collect())
    }

    /// The document of a campaign, to look at its versions.
    ///
    /// # Errors
    /// [`StoreError::NoSuchCampaign`]; failures of the database.
    pub fn versions(&self, id: CampaignId) -> Result<Versions, StoreError> {
        let working = self.store.working();
        let membership = working.rights().memberships.get(id).filter(|membership| self.takes_part(membership));
        membership.ok_or(StoreError::NoSuchCampaign)?;
        let load = |connection: &Connection| document::load(connection, self.store.documents(), id);
        match self.store.read("campaign versions", load)? {
            Some(document) => Ok(Versions(document)),
            None => self.store.write("mend campaign", move |tx| document::load_or_work_out(tx, id).map(Versions)),
        }
    }

    /// What is new in a campaign for somebody who has seen the document with these heads, and the membership whose last entry
    /// has this hash, or none; nothing where nothing is, and then no document is loaded.
    ///
    /// # Errors
    /// [`StoreError::NoSuchCampaign`]; failures of the database.
    pub fn news(
        &self,
        id: CampaignId,
        seen: &[[u8; 32]],
        tip: Option<Hash>,
        with_changes: bool,
    ) -> Result<Option<News>, StoreError> {
        let held = self.store.read("campaign heads", move |connection| document::stored_heads(connection, id))?;
        let working = self.store.working();
        let membership = working.rights().memberships.get(id).filter(|membership| self.takes_part(membership));
        let membership = membership.ok_or(StoreError::NoSuchCampaign)?;
        let same_members = tip.is_none_or(|tip| tip == membership.tip);
        let sorted = |heads: &[[u8; 32]]| -> BTreeSet<[u8; 32]> { heads.iter().copied().collect() };
        if same_members && held.is_some_and(|held| sorted(&held) == sorted(seen)) {
            return Ok(None);
        }
        let Versions(document) = self.versions(id)?;
        let heads = sorted(&document.campaign.heads()).into_iter().collect();
        let view = document.campaign.view().map_err(unknown)?;
        let changes = if with_changes { document.campaign.changes_since(seen) } else { Vec::new() };
        self.store.documents().keep(id, document);
        let state = self.store.read("campaign state", |connection| {
            described(connection, membership, self.may_take_lead(&working, membership), view)
        })?;
        Ok(Some(News { state, heads, changes }))
    }

    /// Undoes a change of this hub's own, as far as nobody has changed since what it did.
    ///
    /// # Errors
    /// [`StoreError::NoSuchCampaign`]; [`StoreError::NoSuchVersion`]; [`StoreError::CampaignRefused`] where the change is
    /// another hub's, or nothing of it is left; as [`CampaignStore::edit`].
    pub fn undo(&self, id: CampaignId, change: [u8; 32]) -> Result<CampaignState, StoreError> {
        self.store.write("undo campaign change", move |tx| {
            edit::editor(tx, id)?;
            let me = tx.author()?.key.id();
            let mut document = document::load_or_work_out(tx, id)?;
            let before = document.campaign.bookmark().map_err(unknown)?;
            let change = document.campaign.undo(me.0, change).map_err(unknown)?;
            document.campaign.go_back(before);
            tx.documents().keep(id, document);
            edit::append_changes(tx, id, vec![vec![change]])?;
            edit::state(tx, id)
        })
    }
}

/// The minute of the entry that each change came in, by who wrote the entry: others may repeat what is not theirs.
fn minutes(connection: &Connection, id: CampaignId) -> Result<HashMap<(NodeId, [u8; 32]), u32>, StoreError> {
    let mut minutes = HashMap::new();
    let mut statement = connection.prepare_cached(
        "SELECT header, payload FROM entry JOIN campaign_entry USING (place) WHERE place > ?1 AND place <= ?2",
    )?;
    for log in logs_of_topic(connection, Topic::Campaign(id))? {
        let mut rows = statement.query(params![log.place(0), log.place(log.seq)])?;
        while let Some(row) = rows.next()? {
            let header: [u8; HEADER_SIZE] = row.get(0)?;
            let header = Header::decode(&header).map_err(|_| StoreError::inconsistent("the header of an entry"))?;
            let payload: Option<Vec<u8>> = row.get(1)?;
            let decoded = payload.and_then(|payload| Payload::decode(PayloadKind::CampaignChanges, &payload).ok());
            let Some(Some(Payload::CampaignChanges(changes))) = decoded else { continue };
            for hash in changes.iter().filter_map(|change| change_hash(change)) {
                // One that came twice counts from the first.
                let first: &mut u32 = minutes.entry((header.author, hash)).or_insert(header.written_at);
                *first = header.written_at.min(*first);
            }
        }
    }
    Ok(minutes)
}

fn unknown(error: CampaignError) -> StoreError {
    if error == CampaignError::NoSuchVersion {
        return StoreError::NoSuchVersion;
    }
    StoreError::CampaignRefused { reason: error.to_string() }
}
