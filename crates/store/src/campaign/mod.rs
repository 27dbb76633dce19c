//! The campaigns that this hub takes part in: their documents, worked out from the entries of their logs, and the edits
//! made here.
//!
//! - What counts is what the entries say. The document's row is a shortcut: where it is missing or damaged, the document
//!   is worked out again.
//! - An edit of this hub's own becomes an entry, and goes into the document by the very same way as one that was received.
//! - No text of a campaign is in an error, a log or a Debug output.
//!
//! What is not here: who may write and read a campaign (`journal`), what a change may do (`folkmoot_campaign`), and any
//! document at the Academy, which passes entries on unread.

mod checkpoint;
mod document;
mod edit;
mod erasure;
mod history;
mod limits;
mod membership;
mod memory;
mod outcome;

#[cfg(test)]
mod tests;

use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::sync::Arc;

use folkmoot_campaign::View;
use folkmoot_journal::{CampaignId, Membership, NodeId, RefusalReason, Rights, Topic};
use rusqlite::{Connection, params};

use crate::engine::{Role, Safe, Store, Tx};
use crate::error::StoreError;
use crate::journal::{Working, logs_of_topic};

pub use erasure::{Erasure, Unsent};
pub use history::{CampaignChange, News, Versions};
pub use membership::MembershipEdit;

pub(crate) use checkpoint::{adopt, check_point_if_due, compare_checkpoints, drop_at_relay, judge as judge_checkpoint};
pub(crate) use document::{begin, integrate, keep_beside, rebuild};
pub(crate) use erasure::{attest, give_up_stale, renew};
pub(crate) use memory::Documents;
pub(crate) use outcome::count as count_outcome;

/// A campaign to begin. This hub leads it and is a member in any case.
#[derive(Clone, PartialEq, Eq)]
pub struct NewCampaign {
    /// The title, 1 to 200 characters.
    pub title: String,
    /// The hubs that take part from the beginning. All of them edit.
    pub members: BTreeSet<NodeId>,
    /// The hubs that read it from the beginning and do not edit.
    pub readers: BTreeSet<NodeId>,
    /// Whether the Academy keeps and passes on the campaign's entries, which then can be read on its disk.
    pub academy_relays: bool,
}

impl fmt::Debug for NewCampaign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewCampaign")
            .field("members", &self.members)
            .field("readers", &self.readers)
            .field("academy_relays", &self.academy_relays)
            .finish_non_exhaustive()
    }
}

/// A campaign as this hub sees it now.
#[derive(Clone, PartialEq, Eq)]
pub struct CampaignState {
    /// The campaign's id.
    pub id: CampaignId,
    /// Who takes part.
    pub membership: Arc<Membership>,
    /// What the document says.
    pub view: Arc<View>,
    /// Entries whose changes build on changes that have not arrived yet.
    pub waiting: u64,
    /// The lead has offered this hub the lead, or the Academy has appointed it, and it has not accepted yet.
    pub may_take_lead: bool,
    /// How often the document was begun anew. One that was seen before has nothing in common with a later one.
    pub generation: u32,
    /// Members that say that this hub takes part no longer. They give it nothing, and take nothing of it.
    pub left_out_by: BTreeSet<NodeId>,
    /// Entries that were set aside; [`JournalStore::set_aside`](crate::JournalStore::set_aside) says why.
    pub set_aside: u64,
}

impl fmt::Debug for CampaignState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CampaignState")
            .field("id", &self.id)
            .field("membership", &self.membership)
            .field("may_take_lead", &self.may_take_lead)
            .field("generation", &self.generation)
            .field("left_out_by", &self.left_out_by)
            .field("waiting", &self.waiting)
            .field("set_aside", &self.set_aside)
            .finish_non_exhaustive()
    }
}

/// A campaign's document for an automerge client.
#[derive(Clone, PartialEq, Eq)]
pub struct ExportedCampaign {
    /// The document as automerge saves it.
    pub document: Vec<u8>,
    /// The actor to edit under, given out once: this node's id and 64 random bits.
    pub actor: [u8; 40],
    /// How often the document was begun anew.
    pub generation: u32,
}

impl fmt::Debug for ExportedCampaign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ExportedCampaign {{ document: {} bytes, .. }}", self.document.len())
    }
}

/// The handle on the campaigns of a hub.
#[derive(Clone)]
pub struct CampaignStore {
    store: Store,
}

impl Store {
    /// The handle on a hub's campaigns.
    ///
    /// # Errors
    /// [`StoreError::WrongRole`] at the Academy, which loads no document.
    pub fn campaigns(&self) -> Result<CampaignStore, StoreError> {
        match self.role() {
            Role::Hub => Ok(CampaignStore { store: self.clone() }),
            Role::Academy => Err(StoreError::WrongRole { is: Role::Academy, needed: Role::Hub }),
        }
    }
}

impl CampaignStore {
    /// Every campaign that this hub takes part in, by title.
    ///
    /// # Errors
    /// Failures of the database.
    pub fn list(&self) -> Result<Vec<CampaignId>, StoreError> {
        let memberships = Arc::clone(&self.store.working().rights().memberships);
        let mut known = self.store.read("titles of campaigns", titles)?;
        let (mut listed, mut unknown) = (Vec::new(), Vec::new());
        for (id, membership) in memberships.iter().filter(|(_, membership)| self.takes_part(membership)) {
            match known.remove(&id) {
                Some(title) => listed.push((title, id)),
                None => unknown.push((id, membership)),
            }
        }
        for (id, membership) in unknown {
            match self.read(id, membership) {
                Ok(state) => {
                    let title = state.view.title.clone();
                    listed.push((title.clone(), id));
                    self.store.begin_write("note title", Safe::WithTheNext, move |tx| note_title(tx, id, &title))?;
                }
                // A fork took it away meanwhile.
                Err(StoreError::NoSuchCampaign) => {}
                Err(error) => return Err(error),
            }
        }
        listed.sort_unstable();
        Ok(listed.into_iter().map(|(_, id)| id).collect())
    }

    /// One campaign.
    ///
    /// # Errors
    /// [`StoreError::NoSuchCampaign`]; failures of the database.
    pub fn get(&self, id: CampaignId) -> Result<CampaignState, StoreError> {
        let working = self.store.working();
        let membership = working.rights().memberships.get(id).filter(|membership| self.takes_part(membership));
        self.read(id, membership.ok_or(StoreError::NoSuchCampaign)?)
    }

    /// Whoever holds the entry by which it was taken out takes part no longer.
    fn takes_part(&self, membership: &Membership) -> bool {
        self.store.author().is_none_or(|author| membership.roster.role(author.key.id()).is_some())
    }

    /// Whether this hub may take the campaign's lead over.
    fn may_take_lead(&self, working: &Working, membership: &Membership) -> bool {
        may_take_lead(working.rights(), self.store.author().map(|author| author.key.id()), membership)
    }

    fn read(&self, id: CampaignId, membership: &Arc<Membership>) -> Result<CampaignState, StoreError> {
        let documents = self.store.documents();
        let may_lead = self.may_take_lead(&self.store.working(), membership);
        match self.store.read("read campaign", |connection| stored(connection, documents, membership, may_lead))? {
            Some(state) => Ok(state),
            None => self.store.write("mend campaign", move |tx| edit::state(tx, id)),
        }
    }
}

/// The titles that are known without a document being loaded.
fn titles(connection: &Connection) -> Result<HashMap<CampaignId, String>, StoreError> {
    let mut statement = connection.prepare_cached("SELECT id, title FROM campaign WHERE title IS NOT NULL")?;
    let rows = statement.query_map([], |row| Ok((CampaignId(row.get(0)?), row.get(1)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Notes a title that was read from the stored document, unless one was noted since.
fn note_title(tx: &Tx<'_>, id: CampaignId, title: &str) -> Result<(), StoreError> {
    tx.prepare_cached("UPDATE campaign SET title = ?2 WHERE id = ?1 AND title IS NULL")?
        .execute(params![id.0, title])?;
    Ok(())
}

/// A campaign whose stored document loads; none where it has to be worked out again.
fn stored(
    connection: &Connection,
    documents: &Documents,
    membership: &Arc<Membership>,
    may_take_lead: bool,
) -> Result<Option<CampaignState>, StoreError> {
    let id = membership.id;
    let Some(document) = document::load(connection, documents, id)? else { return Ok(None) };
    let view = document.campaign.view();
    documents.keep(id, document);
    match view {
        Ok(view) => Ok(Some(described(connection, membership, may_take_lead, view)?)),
        Err(_) => Ok(None),
    }
}

fn described(
    connection: &Connection,
    membership: &Arc<Membership>,
    may_take_lead: bool,
    view: Arc<View>,
) -> Result<CampaignState, StoreError> {
    let id = membership.id;
    // What is late waits as well, and has been set aside.
    let sql = "SELECT count(*) FROM campaign_waiting WHERE campaign = ?1
        AND place NOT IN (SELECT place FROM set_aside)";
    let waiting = connection.prepare_cached(sql)?.query_row([id.0], |row| row.get(0))?;
    let mut set_aside = 0;
    let mut count = connection.prepare_cached("SELECT count(*) FROM set_aside WHERE place > ?1 AND place <= ?2")?;
    let mut refusing = connection.prepare_cached("SELECT peer FROM refusal_got WHERE log = ?1 AND reason = ?2")?;
    let mut left_out_by = BTreeSet::new();
    for log in logs_of_topic(connection, Topic::Campaign(id))? {
        set_aside += count.query_row([log.place(0), log.place(log.seq)], |row| row.get::<_, u64>(0))?;
        let peers = refusing.query_map(params![log.row, RefusalReason::NoMember.number()], |row| row.get(0))?;
        for peer in peers {
            left_out_by.insert(NodeId(peer?));
        }
    }
    let membership = Arc::clone(membership);
    let generation = document::generation(connection, id)?;
    Ok(CampaignState { id, membership, view, waiting, may_take_lead, generation, left_out_by, set_aside })
}

/// Whether this hub may take the campaign's lead over.
fn may_take_lead(rights: &Rights, me: Option<NodeId>, membership: &Membership) -> bool {
    let Some(me) = me else { return false };
    let appointed = rights.directory.appointed(membership.id, me) > membership.appointment;
    let is_lead = membership.roster.lead() == me && !membership.contested;
    !is_lead && (appointed || membership.roster.successor() == Some(me))
}
