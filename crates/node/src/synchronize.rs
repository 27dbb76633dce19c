//! Catching up with the Academy at the operator's word.

use std::sync::Arc;

use folkmoot_journal::NodeId;
use folkmoot_store::{Role, StoreError};
use futures_util::{Stream, stream};
use tokio::sync::watch;

use crate::node::{Node, raised};

/// How far a node is with catching up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SyncProgress {
    /// Entries written here that the Academy has not acknowledged.
    pub entries_waiting: u64,
    /// Releases approved here that wait for a session with the Academy.
    pub releases_waiting: u64,
    /// What the node is doing, in words.
    pub activity: String,
    /// Whether all is acknowledged and held.
    pub done: bool,
}

/// Why a node cannot catch up.
#[derive(Debug, thiserror::Error)]
pub enum SyncError {
    /// The hub belongs to no federation.
    #[error(
        "this hub has not joined a federation: stop it, run `folkmoot hub join` with the Academy's code, and start it again"
    )]
    NotJoined,
    /// The hub lost its certificate, or a join was cut short.
    #[error("this hub has no certificate: stop it, run `folkmoot hub join` with the same code again, and start it")]
    NoCertificate,
    /// The hub does not know where the Academy is.
    #[error(
        "folkmoot.toml does not say where the Academy is: put `academy = \"HOST:PORT\"` in and start the hub again"
    )]
    NoAddress,
    /// The Academy has revoked the hub.
    #[error("the Academy has revoked this hub; ask the Academy")]
    Revoked,
    /// Another copy of the hub's folder runs.
    #[error("another copy of this node's folder is running, so this one only reads: stop one of the two")]
    Frozen,
    /// The node ends.
    #[error("the node is stopping")]
    Stopping,
    /// The store failed.
    #[error("the node's store cannot go on")]
    Store(#[source] StoreError),
}

struct Catching {
    node: Arc<Node>,
    academy: NodeId,
    wanted: u64,
    peers: watch::Receiver<u64>,
    written: watch::Receiver<u64>,
    frozen: watch::Receiver<bool>,
    stopping: watch::Receiver<bool>,
    told: Option<SyncProgress>,
    /// What waited when a further comparison was last asked for.
    left: Option<(u64, u64)>,
}

impl Node {
    /// Compares with the Academy now, and tells how far the node is until all that was written or approved here is
    /// acknowledged and all that the Academy offered is held. At the Academy it is done at once. It waits as long as the
    /// Academy is away: the caller gives up when it has had enough.
    ///
    /// # Errors
    /// When no exchange can come about.
    pub fn synchronize(self: &Arc<Self>) -> impl Stream<Item = Result<SyncProgress, SyncError>> + Send + use<> {
        let start = match self.role() {
            Role::Academy => Ok(None),
            Role::Hub => self.catching().map(Some),
        };
        stream::unfold(Some(start), |step| async move {
            match step? {
                Err(error) => Some((Err(error), None)),
                Ok(None) => {
                    let activity = "the Academy waits for hubs to call".to_owned();
                    let done = SyncProgress { entries_waiting: 0, releases_waiting: 0, activity, done: true };
                    Some((Ok(done), None))
                }
                Ok(Some(mut catching)) => match catching.next().await {
                    Ok(progress) if progress.done => Some((Ok(progress), None)),
                    Ok(progress) => Some((Ok(progress), Some(Ok(Some(catching))))),
                    Err(error) => Some((Err(error), None)),
                },
            }
        })
    }

    fn catching(self: &Arc<Self>) -> Result<Catching, SyncError> {
        let directory = self.directory();
        let (Some(_), Some((academy, _))) = (self.federation(), directory.academy()) else {
            return Err(SyncError::NotJoined);
        };
        if self.certified().is_none() {
            return Err(SyncError::NoCertificate);
        }
        if self.settings().academy.is_none() {
            return Err(SyncError::NoAddress);
        }
        Ok(Catching {
            // Subscribed before the request is made: no change in between is missed.
            peers: self.peers().changed(),
            written: self.written(),
            frozen: self.freezing(),
            stopping: self.stopping(),
            wanted: self.peers().want_comparison(academy),
            node: Arc::clone(self),
            academy,
            told: None,
            left: None,
        })
    }
}

impl Catching {
    /// The next progress that differs from the last.
    async fn next(&mut self) -> Result<SyncProgress, SyncError> {
        loop {
            self.peers.mark_unchanged();
            self.written.mark_unchanged();
            let progress = self.look().await?;
            if self.told.as_ref() != Some(&progress) {
                self.told = Some(progress.clone());
                return Ok(progress);
            }
            tokio::select! {
                () = raised(&mut self.stopping) => return Err(SyncError::Stopping),
                () = raised(&mut self.frozen) => {}
                _ = self.peers.changed() => {}
                _ = self.written.changed() => {}
            }
        }
    }

    async fn look(&mut self) -> Result<SyncProgress, SyncError> {
        if self.node.frozen() {
            return Err(SyncError::Frozen);
        }
        let state = self.node.peers().state(self.academy);
        if state.revoked {
            return Err(SyncError::Revoked);
        }
        let waiting = self.node.on_store(|store| store.journal().waiting()).await.map_err(SyncError::Store)?;
        let settled = state.settled >= self.wanted;
        let idle = waiting.entries == 0 && waiting.releases == 0;
        let left = Some((waiting.entries, waiting.releases));
        if settled && !idle && self.left != left {
            // Something was written or approved after that comparison: it takes another. Not again for the same, which
            // waits for what another comparison does not bring.
            self.left = left;
            self.wanted = self.node.peers().want_comparison(self.academy);
        }
        let activity = match (state.open, state.last_error) {
            (0, Some(error)) => format!("no exchange with the Academy: {error}; trying again"),
            (0, None) => "dialling the Academy".to_owned(),
            (_, Some(error)) => error,
            (_, None) if settled && idle => "all is acknowledged and held".to_owned(),
            (_, None) => "exchanging with the Academy".to_owned(),
        };
        Ok(SyncProgress {
            entries_waiting: waiting.entries,
            releases_waiting: waiting.releases,
            activity,
            done: settled && idle,
        })
    }
}
