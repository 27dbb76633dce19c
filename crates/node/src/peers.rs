//! What this process knows of the exchange with each peer. It is lost at the end; what lasts is in the store.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use folkmoot_journal::{Incarnation, NodeId};
use tokio::{sync::watch, time::timeout};

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
    /// Whether both have held the same once in this process's life, or nobody waits for that any longer.
    pub met: bool,
    /// Whether the peer runs as a superseded copy.
    pub frozen: bool,
    /// Whether the peer says that it was told of this node's revocation.
    pub revoked: bool,
}

#[derive(Debug)]
struct Stream {
    peer: NodeId,
    /// Which of the two nodes dialled.
    dialler: NodeId,
    /// The peer's process, once it may speak.
    process: Option<Incarnation>,
    replaced: watch::Sender<bool>,
}

#[derive(Debug, Default)]
struct Known {
    states: BTreeMap<NodeId, PeerState>,
    /// The open streams, by their number, which rises.
    streams: BTreeMap<u64, Stream>,
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

    /// Waits until both have held the same once, or an attempt to talk with the peer has failed, or for so long.
    pub(crate) async fn meet(&self, peer: NodeId, patience: Duration) {
        let mut changed = self.changed();
        let over = || {
            let state = self.state(peer);
            state.met || state.last_error.is_some()
        };
        let waited = timeout(patience, async { while !over() && changed.changed().await.is_ok() {} });
        if waited.await.is_err() {
            self.update(peer, |state| state.met = true);
        }
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
        self.known().streams.values().filter(|stream| stream.peer == peer).count()
    }

    /// Notes that a stream with a peer, which one of the two dialled, is open, until the guard is dropped.
    /// What a stream with a peer that is not `listed` told is forgotten with it: anybody can make up keys.
    pub(crate) fn open(self: &Arc<Self>, peer: NodeId, dialler: NodeId, listed: bool) -> OpenStream {
        let (replaced, receiver) = watch::channel(false);
        let number = {
            let mut known = self.known();
            let number = known.next_stream;
            known.next_stream += 1;
            known.streams.insert(number, Stream { peer, dialler, process: None, replaced });
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

    /// Takes the place of every older stream of the same peer, which is told to end, now that this process of the peer may
    /// speak on it. Only where the two nodes dialled each other at once, that stream stays whose dialler has the lesser
    /// id: the other end, which may count the two in another order, decides the same.
    pub(crate) fn take_place(&self, process: Incarnation) {
        let mut known = self.peers.known();
        let Some(own) = known.streams.get_mut(&self.number) else { return };
        own.process = Some(process);
        let dialler = own.dialler;
        for (number, other) in known.streams.iter().filter(|(_, other)| other.peer == self.peer) {
            let older = *number < self.number;
            let ends = match other.process {
                _ if other.dialler == dialler => older.then_some(number),
                // It is decided when that one gets so far.
                None => None,
                Some(same) if same == process => Some(if dialler < other.dialler { number } else { &self.number }),
                Some(_) => older.then_some(number),
            };
            if let Some(stream) = ends.and_then(|ends| known.streams.get(ends)) {
                stream.replaced.send_replace(true);
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

    const HERE: NodeId = NodeId([3; 32]);

    /// Which streams are told to end, of those that were opened in this order and got through in that one.
    fn ended(opened: &[(u8, u8)], spoke: &[(usize, u64)]) -> Vec<bool> {
        let peers = Arc::new(Peers::default());
        let open = |(peer, dialler): &(u8, u8)| peers.open(NodeId([*peer; 32]), NodeId([*dialler; 32]), true);
        let streams: Vec<OpenStream> = opened.iter().map(open).collect();
        for (at, process) in spoke {
            streams[*at].take_place(Incarnation(*process));
        }
        streams.iter().map(|stream| *stream.replaced.borrow()).collect()
    }

    #[test]
    fn a_later_stream_replaces_the_older_ones_of_its_peer_alone() {
        assert_eq!(ended(&[(1, 1), (2, 2), (1, 1), (1, 1)], &[(2, 7)]), [true, false, false, false]);
        // Two that had spoken.
        assert_eq!(ended(&[(1, 1), (1, 1)], &[(0, 7), (1, 7)]), [true, false]);
    }

    #[test]
    fn of_two_streams_that_crossed_both_ends_keep_the_same() {
        let (lesser, greater) = (1, 3);
        for (opened, kept) in [([lesser, greater], 0), ([greater, lesser], 1)] {
            for order in [[0, 1], [1, 0]] {
                // As the end with the greater id sees it, and as the other does.
                for peer in [lesser, greater] {
                    let streams = opened.map(|dialler| (peer, dialler));
                    let ended = ended(&streams, &order.map(|at| (at, 7)));
                    assert_eq!([ended[kept], ended[1 - kept]], [false, true], "{opened:?} {order:?} {peer}");
                }
            }
        }
        assert_eq!(ended(&[(1, 3), (1, 1)], &[(1, 7)]), [false, false], "the other may be the one that stays");
        assert_eq!(ended(&[(1, 1), (1, 3)], &[(0, 7), (1, 8)]), [true, false], "the peer was started anew in between");
    }

    #[test]
    fn a_greeted_stream_counts_until_it_ends() {
        let peers = Arc::new(Peers::default());
        let peer = NodeId([1; 32]);
        let mut stream = peers.open(peer, peer, true);
        assert_eq!((peers.state(peer).open, peers.streams_with(peer)), (0, 1));
        stream.greeted();
        assert_eq!(peers.state(peer).open, 1);
        drop(stream);
        assert_eq!((peers.state(peer).open, peers.streams_with(peer)), (0, 0));
    }

    #[tokio::test]
    async fn the_others_wait_until_a_peer_is_met_or_cannot_be_had() {
        let peer = NodeId([1; 32]);
        let ways_out: [fn(&mut PeerState); 2] =
            [|state| state.met = true, |state| state.last_error = Some("off".into())];
        for way_out in ways_out {
            let peers = Peers::default();
            let mut waiting = Box::pin(peers.meet(peer, Duration::MAX));
            tokio::select! {
                biased;
                () = &mut waiting => panic!("not met yet"),
                () = std::future::ready(()) => {}
            }
            peers.update(peer, way_out);
            waiting.await;
        }
        let peers = Peers::default();
        peers.meet(peer, Duration::ZERO).await;
        peers.meet(peer, Duration::MAX).await;
        assert!(peers.state(peer).met, "whoever was waited for in vain is waited for once");
    }

    #[test]
    fn a_peer_that_is_not_listed_is_forgotten() {
        let peers = Arc::new(Peers::default());
        let mut stream = peers.open(NodeId([1; 32]), HERE, false);
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
