//! Signed logs as the store keeps them, and the answers that the exchange asks for.
//!
//! Entries lie in one table as the bytes that came; everything else (tips, digests, the directory, received releases) is
//! worked out from them in the transaction that stores them. The directory and the memberships of campaigns are kept in
//! memory as well, as of the last commit.

mod answers;
mod append;
pub(crate) mod apply;
pub(crate) mod checkpoints;
pub(crate) mod export;
mod forks;
mod keep;
mod logs;
mod memberships;
mod newer;
mod peers;
mod policies;
mod questions;
mod receipts;
mod scopes;

#[cfg(test)]
pub(crate) mod tests;

use std::sync::Arc;

use folkmoot_journal::entry::HEADER_SIZE;
use folkmoot_journal::exchange::{Answer, Question};
use folkmoot_journal::frame::TARGET_BYTES;
use folkmoot_journal::{
    Cursor, Directory, Entry, FederationId, Genesis, Header, HubState, Incarnation, LogKey, NodeId, PayloadKind,
    Receipt, RefusalReason, Rights, Topic,
};
use folkmoot_proto::federation::v1;
use rusqlite::{Connection, params};

use crate::engine::{Role, Safe, Store, UnixMillis};
use crate::error::StoreError;
use crate::hub;

pub(crate) use append::{append_all_in, append_in, written_before};
pub(crate) use apply::{Aside, Retry, Working, directory_in, set_aside_at};
pub use forks::Fork;
pub(crate) use logs::{LogRow, find_log, hash_at, logs_of_topic, signed, tips, unsigned};
pub(crate) use memberships::{steps as membership_steps, work_out_again};
pub use peers::Peer;
pub(crate) use policies::policy_entries;
pub(crate) use questions::rehearse;
pub use receipts::PeerRefusal;

/// An entry that is held and not applied. Entries of a kind newer than this software appear once a log and kind, under
/// the first of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetAside {
    /// The topic.
    pub topic: Topic,
    /// The entry.
    pub entry: Cursor,
    /// Why; [`RefusalReason::Unspecified`] where its kind is newer than this software.
    pub reason: RefusalReason,
    /// A sentence for the operator.
    pub detail: String,
    /// Whether newer software may be able to apply it.
    pub waits_for_upgrade: bool,
    /// Whether it is looked at again when a funding programme is registered.
    pub waits_for_programme: bool,
    /// Since when, to the minute.
    pub at: UnixMillis,
}

/// What was written here and has not arrived everywhere that it should.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Waiting {
    /// At a hub: own entries that the Academy has not signed for. At the Academy: own entries that some enrolled hub has
    /// not signed for.
    pub entries: u64,
    /// Releases approved and not yet appended.
    pub releases: u64,
}

/// The handle on logs, receipts and the directory.
#[derive(Clone)]
pub struct JournalStore {
    store: Store,
}

impl JournalStore {
    pub(crate) fn new(store: Store) -> Self {
        Self { store }
    }

    /// Writes the genesis entry of a new federation and returns the federation's id. `genesis.log_key` must be the
    /// public half of `key`.
    ///
    /// # Errors
    /// [`StoreError::WrongRole`] at a hub, [`StoreError::AlreadyJoined`] where there is a federation already.
    pub fn found(
        &self,
        key: Arc<LogKey>,
        incarnation: Incarnation,
        genesis: Genesis,
    ) -> Result<FederationId, StoreError> {
        self.store.write("found federation", move |tx| append::found(tx, &key, incarnation, &genesis))
    }

    /// Takes the federation and the directory that a joining hub was handed: the genesis entry is checked against the
    /// id, and everything else against the key that it names. Taking them again is harmless.
    ///
    /// # Errors
    /// [`StoreError::DirectoryRefused`], [`StoreError::AlreadyJoined`] where this node belongs to another federation.
    pub fn adopt(&self, federation: FederationId, frames: Vec<v1::Frame>) -> Result<(), StoreError> {
        self.store.write("adopt directory", move |tx| keep::adopt(tx, federation, &frames))
    }

    /// The federation, once founded or joined.
    #[must_use]
    pub fn federation(&self) -> Option<FederationId> {
        self.store.working().federation()
    }

    /// Who takes part, as of the last commit. Empty before the node belongs to a federation.
    #[must_use]
    pub fn directory(&self) -> Arc<Directory> {
        Arc::clone(self.store.working().directory())
    }

    /// Who may write and read which topic, as of the last commit. Cheap to clone.
    #[must_use]
    pub fn rights(&self) -> Rights {
        self.store.working().rights().clone()
    }

    /// The genesis entry.
    ///
    /// # Errors
    /// [`StoreError::NotJoined`].
    pub fn genesis(&self) -> Result<Entry, StoreError> {
        let found = self.store.read("genesis", answers::genesis)?;
        found.map(|(_, entry)| entry).ok_or(StoreError::NotJoined)
    }

    /// The whole directory as frames, beginning with the genesis entry alone: what a joining hub is handed.
    ///
    /// # Errors
    /// [`StoreError::NotJoined`].
    pub fn directory_frames(&self) -> Result<Vec<v1::Frame>, StoreError> {
        self.store.read("directory frames", |connection| answers::directory_frames(connection, TARGET_BYTES as usize))
    }

    /// Appends an entry to this node's log of the topic. Releases are appended by approving them and by nothing else.
    ///
    /// # Errors
    /// [`StoreError::NotWritten`] for a release, or where this node may not write the topic or the payload cannot stand;
    /// [`StoreError::Frozen`], [`StoreError::NoAuthor`], [`StoreError::NotJoined`].
    pub fn append(&self, topic: Topic, kind: PayloadKind, payload: Vec<u8>) -> Result<Cursor, StoreError> {
        let cursors = self.append_all(topic, vec![(kind, payload)])?;
        cursors.last().copied().ok_or_else(|| StoreError::inconsistent("the entry that was appended"))
    }

    /// Appends several entries in one transaction and returns their cursors, in order.
    ///
    /// # Errors
    /// As [`JournalStore::append`].
    pub fn append_all(&self, topic: Topic, payloads: Vec<(PayloadKind, Vec<u8>)>) -> Result<Vec<Cursor>, StoreError> {
        if payloads.iter().any(|(kind, _)| *kind == PayloadKind::Release) {
            return Err(StoreError::NotWritten { reason: "a release leaves by being approved".to_owned() });
        }
        self.store.write("append entries", move |tx| append_all_in(tx, topic, payloads))
    }

    /// Answers a question of the exchange, in one transaction. What the answer says is durable; what is found out again where
    /// it is lost (which process a peer has, what it has signed for) is so with whatever is written next.
    ///
    /// # Errors
    /// Failures of the database; [`StoreError::NoAuthor`] and [`StoreError::NotJoined`] before the node can take part.
    pub fn answer(&self, question: Question) -> Result<Answer, StoreError> {
        questions::begin(&self.store, question)?.wait()
    }

    /// As [`JournalStore::answer`], for callers that must not block: `done` is called on the thread that commits, where it must
    /// do next to nothing, or on this one.
    pub fn answer_then(&self, question: Question, done: impl FnOnce(Result<Answer, StoreError>) + Send + 'static) {
        questions::answer_then(&self.store, question, done);
    }

    /// Answers questions of the exchange as if one after another. What they write is made durable together.
    ///
    /// # Errors
    /// As [`JournalStore::answer`]; other questions of these may have been answered by then.
    pub fn answer_all(&self, questions: Vec<Question>) -> Result<Vec<Answer>, StoreError> {
        questions::answer_all(&self.store, questions)
    }

    /// The tips of a topic's logs, ascending.
    ///
    /// # Errors
    /// Failures of the database.
    pub fn tips(&self, topic: Topic) -> Result<Vec<Cursor>, StoreError> {
        self.store.read("tips of topic", |connection| tips(connection, topic))
    }

    /// The entries that are held and not applied.
    ///
    /// # Errors
    /// Failures of the database.
    pub fn set_aside(&self) -> Result<Vec<SetAside>, StoreError> {
        self.store.read("set aside", answers::set_aside)
    }

    /// What peers refused or set aside of what is held here.
    ///
    /// # Errors
    /// Failures of the database.
    pub fn refusals(&self) -> Result<Vec<PeerRefusal>, StoreError> {
        self.store.read("refusals", receipts::refusals)
    }

    /// The logs that fork.
    ///
    /// # Errors
    /// Failures of the database.
    pub fn forks(&self) -> Result<Vec<Fork>, StoreError> {
        self.store.read("forks", forks::all)
    }

    /// The latest receipt of a peer for the log of an entry.
    ///
    /// # Errors
    /// Failures of the database.
    pub fn receipt(&self, topic: Topic, entry: &Cursor, giver: NodeId) -> Result<Option<Receipt>, StoreError> {
        self.store.read("receipt", |connection| match find_log(connection, entry.log(topic))? {
            Some(log) => receipts::got(connection, &log, giver),
            None => Ok(None),
        })
    }

    /// How many entries of this node's own were lost here and came back from peers.
    ///
    /// # Errors
    /// Failures of the database.
    pub fn recovered(&self) -> Result<u64, StoreError> {
        self.store.read("recovered", |connection| {
            Ok(connection.query_row("SELECT recovered FROM node", [], |row| row.get(0))?)
        })
    }

    /// What was written here and has not arrived everywhere that it should.
    ///
    /// # Errors
    /// Failures of the database.
    pub fn waiting(&self) -> Result<Waiting, StoreError> {
        let (working, author, role) = (self.store.working(), self.store.author(), self.store.role());
        self.store.read("waiting", |connection| {
            let releases = match role {
                Role::Hub => hub::releases_waiting(connection, working.directory().policies())?,
                Role::Academy => 0,
            };
            let Some(author) = author else { return Ok(Waiting { entries: 0, releases }) };
            let (directory, rights) = (working.directory(), working.rights());
            let enrolled = directory.hubs().values().filter(|hub| hub.state == HubState::Enrolled);
            let readers: Vec<NodeId> = match role {
                Role::Hub => working.academy().into_iter().collect(),
                Role::Academy => enrolled.map(|hub| hub.hub).collect(),
            };
            let mut entries = 0;
            for log in answers::logs_of_author(connection, author.key.id())? {
                let mut least = log.seq;
                for reader in readers.iter().filter(|reader| rights.may_read(**reader, log.id.topic)) {
                    // What is not taken any more does not wait.
                    if receipts::left_out(connection, &log, *reader)? {
                        continue;
                    }
                    least = least.min(receipts::receipted(connection, &log, *reader)?);
                }
                entries += log.seq - least;
            }
            Ok(Waiting { entries, releases })
        })
    }

    /// Notes that everything was exchanged with a peer just now.
    ///
    /// # Errors
    /// Failures of the database.
    pub fn succeeded(&self, peer: NodeId) -> Result<(), StoreError> {
        self.store.begin_write("peer succeeded", Safe::WithTheNext, move |tx| peers::succeeded(tx, peer))?.wait()
    }

    /// Every node that ever said Hello here.
    ///
    /// # Errors
    /// Failures of the database.
    pub fn peers(&self) -> Result<Vec<Peer>, StoreError> {
        self.store.read("peers", peers::all)
    }

    /// A node that said Hello here.
    ///
    /// # Errors
    /// Failures of the database.
    pub fn peer(&self, node: NodeId) -> Result<Option<Peer>, StoreError> {
        self.store.read("peer", |connection| peers::one(connection, node))
    }
}

/// The headers and payloads of a topic's entries of one kind.
pub(crate) fn held_with(
    connection: &Connection,
    topic: Topic,
    kind: PayloadKind,
) -> Result<Vec<(Header, Vec<u8>)>, StoreError> {
    let sql = "SELECT header, payload FROM entry
        WHERE place > ?1 AND place <= ?2 AND substr(header, 147, 2) = ?3 AND payload IS NOT NULL";
    let mut found = Vec::new();
    for log in logs_of_topic(connection, topic)? {
        let mut statement = connection.prepare_cached(sql)?;
        let mut rows = statement.query(params![log.place(0), log.place(log.seq), u16::from(kind).to_be_bytes()])?;
        while let Some(row) = rows.next()? {
            let header: [u8; HEADER_SIZE] = row.get(0)?;
            let header = Header::decode(&header).map_err(|_| StoreError::inconsistent("the header of an entry"))?;
            found.push((header, row.get(1)?));
        }
    }
    Ok(found)
}

/// Whether a node has signed for the entry at a place.
pub(crate) fn receipted_by(connection: &Connection, place: i64, giver: NodeId) -> Result<bool, StoreError> {
    let (row, seq) = logs::at_place(place);
    Ok(receipts::receipted(connection, &logs::log_of_row(connection, row)?, giver)? >= seq)
}
