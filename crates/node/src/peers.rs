//! What this process knows of the exchange with each peer. It is lost at the end; what lasts is in the store.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use folkmoot_journal::NodeId;
use tokio::sync::watch;

/// How often the Academy lists another address of one hub: each is an entry that every node keeps for good.
const MOVES: u32 = 8;
/// In this time.
const MOVES_IN: Duration = Duration::from_secs(60 * 60);

/// The exchange with one peer, as it stands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PeerState {
    /// How many exchanges are open; more than one only while a newer replaces an older.
    pub open: u32,
    /// Why the last attempt failed, in words; `None` where it did not.
    pub last_error: Option<String>,
    /// The latest request for a comparison.
    pub wanted: u64,
    /// The latest request after which both sides held the same.
    pub settled: u64,
    /// Whether the peer runs as a superseded copy.
    pub frozen: bool,
    /// Whether the peer says that it was told of this node's revocation.
    pub revoked: bool,
}

#[derive(Debug, Default)]
struct Known {
    states: BTreeMap<NodeId, PeerState>,
    /// The open streams, by their number, which rises.
    streams: BTreeMap<u64, (NodeId, watch::Sender<bool>)>,
    next_stream: u64,
    /// When each hub was first listed with another address in the last while, and how often since.
    moves: BTreeMap<NodeId, (Instant, u32)>,
}

/// The exchange with every peer.
#[derive(Debug)]
pub struct Peers {
    known: Mutex<Known>,
    changed: watch::Sender<u64>,
}

impl Default for Peers {
    fn default() -> Peers {
        Peers { known: Mutex::default(), changed: watch::Sender::new(0) }
    }
}

impl Peers {
    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The exchange with a peer.
    #[must_use]
    pub fn state(&self, peer: NodeId) -> PeerState {
        self.known().states.get(&peer).cloned().unwrap_or_default()
    }

    /// All peers that an exchange was attempted with.
    #[must_use]
    pub fn states(&self) -> BTreeMap<NodeId, PeerState> {
        self.known().states.clone()
    }

    /// Tells when the exchange with a peer changed. It carries no data.
    #[must_use]
    pub fn changed(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    /// Asks for a comparison with a peer and returns the request's number: it is served once `settled` reaches it.
    pub(crate) fn want_comparison(&self, peer: NodeId) -> u64 {
        let mut wanted = 0;
        self.update(peer, |state| {
            state.wanted += 1;
            wanted = state.wanted;
        });
        wanted
    }

    pub(crate) fn update(&self, peer: NodeId, change: impl FnOnce(&mut PeerState)) {
        {
            let mut known = self.known();
            let state = known.states.entry(peer).or_default();
            let before = state.clone();
            change(state);
            if *state == before {
                return;
            }
        }
        self.changed.send_modify(|count| *count += 1);
    }

    /// Whether a hub that says another address than the listed one may be listed with it, which counts as done.
    pub(crate) fn may_move(&self, peer: NodeId, now: Instant) -> bool {
        let mut known = self.known();
        let (since, moves) = known.moves.entry(peer).or_insert((now, 0));
        if now.duration_since(*since) >= MOVES_IN {
            (*since, *moves) = (now, 0);
        }
        *moves = moves.saturating_add(1);
        *moves <= MOVES
    }

    /// How many streams with a peer are open, greeted or not.
    pub(crate) fn streams_with(&self, peer: NodeId) -> usize {
        self.known().streams.values().filter(|(other, _)| *other == peer).count()
    }

    /// Notes that a stream with a peer is open, until the guard is dropped.
    /// What a stream with a peer that is not `listed` told is forgotten with it: anybody can make up keys.
    pub(crate) fn open(self: &Arc<Self>, peer: NodeId, listed: bool) -> OpenStream {
        let (replaced, receiver) = watch::channel(false);
        let number = {
            let mut known = self.known();
            let number = known.next_stream;
            known.next_stream += 1;
            known.streams.insert(number, (peer, replaced));
            number
        };
        OpenStream { peers: Arc::clone(self), peer, listed, number, greeted: false, replaced: receiver }
    }
}

/// A stream that is open with a peer.
#[derive(Debug)]
pub(crate) struct OpenStream {
    peers: Arc<Peers>,
    peer: NodeId,
    listed: bool,
    number: u64,
    greeted: bool,
    /// Turns true when a later stream of the same peer takes this one's place.
    pub(crate) replaced: watch::Receiver<bool>,
}

impl OpenStream {
    /// The peer said Hello, and this stream counts.
    pub(crate) fn greeted(&mut self) {
        if !std::mem::replace(&mut self.greeted, true) {
            self.peers.update(self.peer, |state| {
                state.open += 1;
                state.last_error = None;
                state.revoked = false;
            });
        }
    }

    /// Tells every older stream of the same peer to end.
    pub(crate) fn replace_older(&self) {
        for (peer, replaced) in self.peers.known().streams.range(..self.number).map(|(_, stream)| stream) {
            if *peer == self.peer {
                replaced.send_replace(true);
            }
        }
    }
}

impl Drop for OpenStream {
    fn drop(&mut self) {
        let mut known = self.peers.known();
        known.streams.remove(&self.number);
        if !self.listed {
            known.states.remove(&self.peer);
            return;
        }
        drop(known);
        if self.greeted {
            self.peers.update(self.peer, |state| state.open -= 1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_later_stream_replaces_the_older_ones_of_its_peer_alone() {
        let peers = Arc::new(Peers::default());
        let (here, elsewhere) = (NodeId([1; 32]), NodeId([2; 32]));
        let mut streams: Vec<OpenStream> = [here, elsewhere, here, here].map(|peer| peers.open(peer, true)).into();
        streams[2].greeted();
        streams[2].replace_older();
        let replaced: Vec<bool> = streams.iter().map(|stream| *stream.replaced.borrow()).collect();
        assert_eq!(replaced, [true, false, false, false]);
        assert_eq!(peers.state(here).open, 1);
        drop(streams);
        assert_eq!(peers.state(here).open, 0);
    }

    #[test]
    fn a_peer_that_is_not_listed_is_forgotten() {
        let peers = Arc::new(Peers::default());
        let mut stream = peers.open(NodeId([1; 32]), false);
        stream.greeted();
        assert_eq!(peers.states().len(), 1);
        drop(stream);
        assert_eq!(peers.states().len(), 0);
    }

    #[test]
    fn only_a_change_wakes() {
        let peers = Peers::default();
        let changed = peers.changed();
        peers.update(NodeId([1; 32]), |_| {});
        assert!(!changed.has_changed().expect("open"));
        assert_eq!(peers.want_comparison(NodeId([1; 32])), 1);
        assert!(changed.has_changed().expect("open"));
    }

    #[test]
    fn a_hub_that_moves_without_end_fills_nobodys_directory() {
        let peers = Peers::default();
        let (restless, other, start) = (NodeId([1; 32]), NodeId([2; 32]), Instant::now());
        let listed = |peer, minute: u64| peers.may_move(peer, start + Duration::from_secs(60 * minute));
        assert_eq!((0..59).filter(|minute| listed(restless, *minute)).count(), 8);
        assert!(listed(other, 59), "another hub is none the worse for it");
        assert_eq!((60..119).filter(|minute| listed(restless, *minute)).count(), 8);
    }
}
