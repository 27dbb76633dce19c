//! Several stores in memory that exchange frames as the machine would, without the machine.
#![expect(clippy::wildcard_enum_match_arm, reason = "a test that gets another answer fails and says which")]

mod batches;
mod campaigns;
mod digests;
mod exchange;
mod exports;
mod faults;
mod policies;
mod standing;

use std::collections::BTreeSet;
use std::sync::Arc;

use folkmoot_domain::hub::{HubKind, HubName, Stage};
use folkmoot_journal::exchange::{Answer, Kept, Question, Scope, Shared, SharedReleases};
use folkmoot_journal::{
    Author, CampaignId, Cursor, FederationId, Genesis, HubRecord, HubState, Incarnation, LogId, LogKey,
    MembershipRecord, NodeId, PayloadKind, RefusalReason, Topic, encode_hub_record, encode_membership,
};
use folkmoot_proto::federation::v1;

use super::*;
use crate::engine::tests::ambient;
use crate::engine::{Ambient, Store};

const FREE: PayloadKind = PayloadKind::Unknown(900);

pub(crate) struct Node {
    pub(crate) store: Store,
    pub(crate) key: Arc<LogKey>,
    pub(crate) id: NodeId,
}

fn name(text: &str) -> HubName {
    text.parse().expect("a name")
}

pub(crate) fn key(seed: u8) -> Arc<LogKey> {
    Arc::new(LogKey::from_seed(&[seed; 32]))
}

impl Node {
    fn new(store: Store, key: Arc<LogKey>) -> Self {
        Node { store, id: key.id(), key }
    }

    pub(crate) fn journal(&self) -> JournalStore {
        self.store.journal()
    }

    /// A new process begins.
    pub(crate) fn start(&self, incarnation: u64) {
        let federation = self.journal().federation().expect("a federation");
        let author = Author { key: Arc::clone(&self.key), incarnation: Incarnation(incarnation), federation };
        self.store.set_author(author);
    }

    /// The node as its folder would be from these bytes, in a new process.
    pub(crate) fn restored(&self, bytes: &[u8], incarnation: u64) -> Node {
        let store = Store::from_snapshot(bytes, ambient()).expect("restored");
        let node = Node::new(store, Arc::clone(&self.key));
        node.start(incarnation);
        node
    }

    fn releases(&self) -> Topic {
        Topic::Releases(self.id)
    }

    fn append(&self, texts: &[&str]) -> Vec<Cursor> {
        let payloads = texts.iter().map(|text| (FREE, text.as_bytes().to_vec())).collect();
        self.journal().append_all(self.releases(), payloads).expect("appended")
    }

    pub(crate) fn tips(&self, topic: Topic) -> Vec<Cursor> {
        self.journal().tips(topic).expect("tips")
    }

    pub(crate) fn answer(&self, question: Question) -> Answer {
        self.journal().answer(question).expect("an answer")
    }

    pub(crate) fn keep(&self, from: &Node, frame: v1::Frame) -> Kept {
        match self.answer(Question::Keep { peer: from.id, incarnation: None, frame }) {
            Answer::Kept(kept) => kept,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn frame(&self, to: &Node, log: LogId, after: u64, max_bytes: u32) -> Option<(v1::Frame, u64)> {
        match self.answer(Question::FrameAfter { peer: to.id, log, after, max_bytes }) {
            Answer::Frame { frame, upto, .. } => frame.map(|frame| (frame, upto)),
            other => panic!("{other:?}"),
        }
    }

    fn payloads(&self, topic: Topic) -> Vec<String> {
        let read = self.store.read("payloads", |connection| {
            let mut texts = Vec::new();
            for log in logs_of_topic(connection, topic)? {
                logs::entries_after(connection, &log, 0, |entry| {
                    if let (FREE, Some(body)) = (entry.header.payload_kind, entry.body) {
                        texts.push(String::from_utf8(body.payload).expect("text"));
                    }
                    Ok(std::ops::ControlFlow::Continue(()))
                })?;
            }
            Ok(texts)
        });
        read.expect("payloads")
    }
}

pub(crate) fn academy() -> Node {
    let store = Store::in_memory(Role::Academy, &name("National Academy"), ambient()).expect("a store");
    let node = Node::new(store, key(1));
    let genesis = Genesis {
        name: name("National Academy"),
        log_key: node.key.public(),
        ca_certificate: vec![1, 2, 3],
        tls_key: vec![1],
    };
    node.journal().found(Arc::clone(&node.key), Incarnation(100), genesis).expect("founded");
    node.start(101);
    node
}

pub(crate) fn record(hub: &LogKey, version: u32, state: HubState, last_accepted: Vec<(Topic, Cursor)>) -> HubRecord {
    HubRecord {
        hub: hub.id(),
        version,
        name: name("Warminster"),
        log_key: hub.public(),
        tls_key: hub.id().0.to_vec(),
        address: None,
        kind: HubKind::SocialActionHub,
        region: "South West".to_owned(),
        stage: Stage::Active,
        state,
        last_accepted,
    }
}

pub(crate) fn list(academy: &Node, record: &HubRecord) -> Cursor {
    let payload = encode_hub_record(record);
    academy.journal().append(Topic::Directory, PayloadKind::HubRecord, payload).expect("listed")
}

/// A hub that has joined.
pub(crate) fn hub(academy: &Node, seed: u8) -> Node {
    hub_with(academy, seed, ambient())
}

/// A hub that has joined, with a clock of its own.
pub(crate) fn hub_with(academy: &Node, seed: u8, ambient: Ambient) -> Node {
    let key = key(seed);
    list(academy, &record(&key, 1, HubState::Enrolled, Vec::new()));
    let store = Store::in_memory(Role::Hub, &name("Warminster"), ambient).expect("a store");
    let node = Node::new(store, key);
    let frames = academy.journal().directory_frames().expect("frames");
    node.journal().adopt(academy.journal().federation().expect("a federation"), frames).expect("adopted");
    node.start(u64::from(seed) * 1_000);
    node
}

fn pair() -> (Node, Node) {
    let academy = academy();
    let hub = hub(&academy, 2);
    (academy, hub)
}

/// The entries of a log made without a store, each signed, the opening first.
pub(crate) fn forged(
    key: &Arc<LogKey>,
    federation: FederationId,
    topic: Topic,
    incarnation: u64,
    payloads: Vec<(PayloadKind, Vec<u8>)>,
) -> Vec<Entry> {
    let author = Author { key: Arc::clone(key), incarnation: Incarnation(incarnation), federation };
    let opening = author.write(topic, None, PayloadKind::Opening, Vec::new(), [0; 16], 1).expect("an opening");
    let mut entries = vec![opening];
    for (kind, payload) in payloads {
        let tip = entries.last().map(Entry::cursor);
        entries.push(author.write(topic, tip.as_ref(), kind, payload, [1; 16], 1).expect("an entry"));
    }
    entries
}

/// What two nodes share, as each of them names it.
fn scope(me: &Node, peer: &Node) -> Scope {
    let releases = match (me.store.role(), peer.store.role()) {
        (Role::Hub, Role::Hub) => SharedReleases::None,
        (Role::Hub, Role::Academy) => SharedReleases::Of(me.id),
        (Role::Academy, _) => SharedReleases::Of(peer.id),
    };
    Scope { peer: peer.id, shared: Shared::Topics(releases) }
}

pub(crate) fn digest(me: &Node, peer: &Node) -> Answer {
    match me.answer(Question::Compare { scope: scope(me, peer) }) {
        // Marks count a node's own arrivals and differ.
        Answer::Digest { root, buckets, .. } => Answer::Digest { root, buckets, mark: 0 },
        other => panic!("{other:?}"),
    }
}

fn all_buckets() -> Vec<u8> {
    (0..=255).collect()
}

fn tips_of(me: &Node, peer: &Node) -> Vec<(Topic, Vec<Cursor>)> {
    match me.answer(Question::TipsOf { scope: scope(me, peer), buckets: all_buckets() }) {
        Answer::Tips { topics } => topics,
        other => panic!("{other:?}"),
    }
}

type Missing = (Vec<(LogId, u64)>, Vec<(LogId, Cursor)>, Vec<v1::Frame>, Vec<LogId>);

fn missing(me: &Node, peer: &Node) -> Missing {
    let theirs = tips_of(peer, me);
    match me.answer(Question::Missing { scope: scope(me, peer), theirs, buckets: all_buckets() }) {
        Answer::Missing { push, lacking, forks, checkpoints } => (push, lacking, forks, checkpoints),
        other => panic!("{other:?}"),
    }
}

/// Gives the peer everything that it lacks, and brings back its receipts and refusals.
pub(crate) fn push(from: &Node, to: &Node) -> Vec<Kept> {
    let (mut push, _, proofs, checkpoints) = missing(from, to);
    let mut outcomes: Vec<Kept> = proofs.into_iter().map(|frame| to.keep(from, frame)).collect();
    for log in checkpoints {
        let Answer::Frame { frame, upto, .. } = from.answer(Question::CheckpointOf { peer: to.id, log }) else {
            panic!("a frame")
        };
        outcomes.push(to.keep(from, frame.expect("the checkpoint that was promised")));
        push.push((log, upto));
    }
    for (log, mut after) in push {
        while let Some((frame, upto)) = from.frame(to, log, after, 256 * 1024) {
            let kept = to.keep(from, frame);
            let stop = kept.refusals.iter().any(|refusal| !refusal.set_aside);
            outcomes.push(kept);
            after = upto;
            if stop {
                break;
            }
        }
    }
    for kept in &outcomes {
        assert!(kept.receipt.is_some() || !kept.refusals.is_empty(), "a sender never waits for ever");
        if let Some(receipt) = kept.receipt.clone() {
            from.answer(Question::KeepReceipt { peer: to.id, receipt });
        }
        for refusal in kept.refusals.clone() {
            from.answer(Question::KeepRefusal { peer: to.id, refusal });
        }
    }
    outcomes
}

/// One round both ways.
pub(crate) fn sync(one: &Node, other: &Node) {
    push(one, other);
    push(other, one);
}

pub(crate) fn reasons(kept: &[Kept]) -> Vec<(RefusalReason, bool)> {
    kept.iter().flat_map(|kept| &kept.refusals).map(|refusal| (refusal.reason, refusal.set_aside)).collect()
}

fn only(cursors: &[Cursor]) -> Cursor {
    assert_eq!(cursors.len(), 1, "{cursors:?}");
    cursors[0]
}

pub(crate) fn federation(node: &Node) -> FederationId {
    node.journal().federation().expect("a federation")
}

/// What founds a campaign, and who does.
#[derive(Clone, Debug)]
pub(crate) struct Founding {
    pub(crate) creator: NodeId,
    pub(crate) record: MembershipRecord,
}

impl Founding {
    /// Of a campaign of these hubs, which the first founds.
    pub(crate) fn of(members: &[&Node], nonce: u8, academy_relays: bool) -> Self {
        let ids = members.iter().map(|hub| hub.id).collect();
        let record = MembershipRecord { nonce: [nonce; 16], members: ids, academy_relays };
        Founding { creator: members[0].id, record }
    }

    pub(crate) fn id(&self) -> CampaignId {
        self.record.id(self.creator)
    }

    pub(crate) fn payload(&self) -> (PayloadKind, Vec<u8>) {
        (PayloadKind::Membership, encode_membership(&self.record))
    }

    /// Whether this is what the node knows of the campaign.
    pub(crate) fn is_known(&self, node: &Node) -> bool {
        node.journal().rights().memberships.get(self.id()).is_some_and(|known| {
            let members: BTreeSet<NodeId> = known.roster.members().keys().copied().collect();
            let relays = known.roster.academy_relays();
            (known.roster.lead(), members, relays)
                == (self.creator, self.record.members.clone(), self.record.academy_relays)
        })
    }
}
