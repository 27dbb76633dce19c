//! What goes into the machine and what comes out of it.

use folkmoot_proto::federation::v1;

use crate::admission::Admission;
use crate::directory::{PeerStatus, Role};
use crate::id::{FederationId, Hash, Incarnation, NodeId};
use crate::receipt::Receipt;
use crate::refusal::Refusal;
use crate::rights::Rights;
use crate::topic::{Cursor, LogId, Topic};

/// Which releases a node wants to hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ReleasesWanted {
    /// Its own alone.
    Own,
    /// Those of every hub.
    All,
}

/// What a node wants to hold, by class and never by name. The directory, the curriculum and the campaigns that it may
/// read are always wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subscriptions {
    /// Which releases.
    pub releases: ReleasesWanted,
}

/// Which releases two nodes both want.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SharedReleases {
    /// No hub's.
    None,
    /// One hub's.
    Of(NodeId),
    /// Every hub's.
    All,
}

/// What crosses between two nodes, by class.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Shared {
    /// Nothing but the directory.
    DirectoryAlone,
    /// The directory, the curriculum, these releases, and every campaign that the peer may read.
    Topics(SharedReleases),
}

/// What this node and one peer exchange, by class. Both ends compute the same scope from the two Hellos.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Scope {
    /// The peer.
    pub peer: NodeId,
    /// What both want.
    pub shared: Shared,
}

impl Scope {
    /// The scope of two nodes with these subscriptions.
    pub fn of(me: NodeId, mine: Subscriptions, peer: NodeId, theirs: Subscriptions) -> Self {
        let releases = match (mine.releases, theirs.releases) {
            (ReleasesWanted::All, ReleasesWanted::All) => SharedReleases::All,
            (ReleasesWanted::Own, ReleasesWanted::All) => SharedReleases::Of(me),
            (ReleasesWanted::All, ReleasesWanted::Own) => SharedReleases::Of(peer),
            (ReleasesWanted::Own, ReleasesWanted::Own) => SharedReleases::None,
        };
        Scope { peer, shared: Shared::Topics(releases) }
    }

    /// The scope in which nothing but the directory crosses.
    pub fn directory_alone(peer: NodeId) -> Self {
        Scope { peer, shared: Shared::DirectoryAlone }
    }

    /// Whether both want the topic. Says nothing of what the peer may read.
    pub fn wants(&self, topic: Topic) -> bool {
        match (topic, self.shared) {
            (Topic::Directory, _) => true,
            (_, Shared::DirectoryAlone) | (Topic::Proposals(_), Shared::Topics(_)) => false,
            (Topic::Curriculum | Topic::Campaign(_), Shared::Topics(_)) => true,
            (Topic::Releases(_), Shared::Topics(SharedReleases::All)) => true,
            (Topic::Releases(hub), Shared::Topics(SharedReleases::Of(only))) => hub == only,
            (Topic::Releases(_), Shared::Topics(SharedReleases::None)) => false,
        }
    }

    /// Whether the topic crosses between the two: both want it and the peer may read it.
    pub fn shares(&self, topic: Topic, rights: &Rights) -> bool {
        self.wants(topic) && rights.may_read(self.peer, topic)
    }
}

/// Which end of the stream this machine is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// It dialled; it opens every comparison.
    Dialler,
    /// It accepted.
    Acceptor,
}

/// What the machine is told when the stream opens.
#[derive(Clone, Debug)]
pub struct Setup {
    /// This node.
    pub me: NodeId,
    /// What this node is.
    pub role: Role,
    /// This process.
    pub incarnation: Incarnation,
    /// The federation.
    pub federation: FederationId,
    /// HOST:PORT where this node can be dialled, if it can.
    pub address: Option<String>,
    /// What this node wants to hold.
    pub subscriptions: Subscriptions,
    /// This software and its version, for the other operator.
    pub software: String,
    /// Which end of the stream this is.
    pub side: Side,
    /// The peer, as its key says; anything that stands for the key where the directory does not list it yet.
    pub peer: NodeId,
    /// What the peer is, as the directory says.
    pub peer_role: Role,
    /// The peer's standing in the directory.
    pub peer_status: PeerStatus,
    /// Whether this process was found to run on a superseded copy: it reads, and writes nothing.
    pub frozen: bool,
}

/// What happens to the machine.
#[expect(clippy::large_enum_variant, reason = "an event is made, taken and gone; a box would cost more")]
#[derive(Clone, Debug)]
pub enum Event {
    /// The stream is open. The first event, once.
    Opened,
    /// The peer said something.
    Message(v1::ExchangeMessage),
    /// The store answered the oldest open question.
    Answer(Answer),
    /// The store changed: read it.
    Wake,
    /// Compare again: the operator asks, or the jittered timer. Only a dialler does; an acceptor ignores it.
    CompareNow,
    /// The directory changed; this is the peer's standing now.
    PeerListed(PeerStatus),
    /// The directory, which did not list the peer's key, says now whose it is. Goes before [`Event::PeerListed`]; too
    /// late once the peer is admitted.
    PeerNamed {
        /// The peer.
        peer: NodeId,
        /// What it is.
        role: Role,
    },
    /// A later stream of the same peer takes this one's place.
    Replaced,
    /// Another stream learned that this process runs on a superseded copy.
    Frozen,
    /// Who looks at a campaign that the peer may read: to be told to it.
    Presence(v1::Presence),
}

/// What the machine wants done, in order.
#[derive(Clone, Debug)]
pub enum Effect {
    /// Send to the peer.
    Send(v1::ExchangeMessage),
    /// Put to the store; the answer comes back as [`Event::Answer`], answers in the order of the questions.
    Ask(Question),
    /// Tell the node.
    Tell(Progress),
    /// End the stream; no event after it has an effect.
    Close(CloseReason),
}

/// What the machine asks of the store: one named transaction each, exactly one answer each, in order.
#[derive(Clone, Debug, PartialEq)]
pub enum Question {
    /// May this incarnation of the peer speak? Answered by [`Answer::Admitted`], remembered durably.
    Admit {
        /// The peer.
        peer: NodeId,
        /// Its process lifetime.
        incarnation: Incarnation,
        /// Where it says it can be dialled.
        address: Option<String>,
    },
    /// The digests of all shared topics that hold a log. Answered by [`Answer::Digest`].
    Compare {
        /// What is shared.
        scope: Scope,
    },
    /// The tips of the shared topics in these buckets. Answered by [`Answer::Tips`].
    TipsOf {
        /// What is shared.
        scope: Scope,
        /// Bucket numbers, ascending.
        buckets: Vec<u8>,
    },
    /// What each side lacks, by lineage: shared topics in these buckets, ours against theirs; a topic that `theirs`
    /// leaves out is one of which they hold nothing. Topics outside the scope, or that the peer may not read, are
    /// left out of account, save campaigns that are not known here. Answered by [`Answer::Missing`].
    Missing {
        /// What is shared.
        scope: Scope,
        /// The peer's tips.
        theirs: Vec<(Topic, Vec<Cursor>)>,
        /// Bucket numbers, ascending.
        buckets: Vec<u8>,
    },
    /// The next frame of a log. Answered by [`Answer::Frame`].
    FrameAfter {
        /// The peer, which must be one that may read the topic.
        peer: NodeId,
        /// The log.
        log: LogId,
        /// The frame begins with the entry after this number.
        after: u64,
        /// How many inflated bytes it should have at most; a single larger entry still makes a frame.
        max_bytes: u32,
    },
    /// The latest checkpoint of a campaign, for a peer that lacks what it covers. Answered by [`Answer::Frame`].
    CheckpointOf {
        /// The peer, which must be one that may read the campaign.
        peer: NodeId,
        /// The log that holds it.
        log: LogId,
    },
    /// Which shared logs grew since the mark. Answered by [`Answer::Changed`].
    ChangedSince {
        /// What is shared.
        scope: Scope,
        /// From an earlier answer.
        mark: u64,
    },
    /// Verify and keep a frame, whose topic is one that both want. Answered by [`Answer::Kept`].
    Keep {
        /// Who sent it, which need not be who wrote it.
        peer: NodeId,
        /// The sender's process, once it was admitted. What one says that a later process took the place of meanwhile
        /// comes too late, as the later one was shown what is held without it: refused as
        /// [`RefusalReason::Frozen`](crate::RefusalReason::Frozen), in the same transaction.
        incarnation: Option<Incarnation>,
        /// The frame.
        frame: v1::Frame,
    },
    /// Verify and keep a receipt of the peer. Answered by [`Answer::ReceiptKept`].
    KeepReceipt {
        /// Who gave it.
        peer: NodeId,
        /// The receipt.
        receipt: Receipt,
    },
    /// The receipt for a log as far as it is held here, if it is held up to this tip at least. Answered by
    /// [`Answer::Receipt`].
    ReceiptFor {
        /// Who asks.
        peer: NodeId,
        /// The topic.
        topic: Topic,
        /// The log and how far the asker holds it.
        tip: Cursor,
    },
    /// Remember that the peer refused something. Answered by [`Answer::RefusalKept`].
    KeepRefusal {
        /// Who refused.
        peer: NodeId,
        /// What and why.
        refusal: Refusal,
    },
    /// This node's own logs whose tip the peer has not signed for, among the topics shared with it; and of the Academy the
    /// entries by which campaigns forget. Answered by [`Answer::Unreceipted`].
    OwnUnreceipted {
        /// What is shared.
        scope: Scope,
    },
    /// Append every approved release that was not appended yet. Asked only when rule 7 allows it. Answered by
    /// [`Answer::Appended`].
    AppendApproved,
}

/// The store's answers.
#[expect(clippy::large_enum_variant, reason = "an answer is made, taken and gone; a box would cost more")]
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// To [`Question::Admit`].
    Admitted(Admission),
    /// To [`Question::Compare`].
    Digest {
        /// Over all buckets.
        root: Hash,
        /// One digest a bucket.
        buckets: Box<[Hash; 256]>,
        /// The journal's highest row at this moment, for [`Question::ChangedSince`].
        mark: u64,
    },
    /// To [`Question::TipsOf`]; a topic without a log is left out.
    Tips {
        /// Ascending by topic, each topic's tips ascending.
        topics: Vec<(Topic, Vec<Cursor>)>,
    },
    /// To [`Question::Missing`].
    Missing {
        /// Logs of which the peer lacks the entries after this number. After a mismatch of hashes: from 0. Pushed in this
        /// order: topics ascend, and in a campaign the log that founds it comes first.
        push: Vec<(LogId, u64)>,
        /// The peer's tips that are not held here, save those of logs known to fork that lie past the last common
        /// entry. Those of a campaign that is not known here are among them: the peer would not show what this node
        /// may not read.
        lacking: Vec<(LogId, Cursor)>,
        /// Frames that prove a fork of which the peer's tip shows no knowledge.
        forks: Vec<v1::Frame>,
        /// Logs with the checkpoint of a campaign of which the peer lacks what it covers; sent before `push`.
        checkpoints: Vec<LogId>,
    },
    /// To [`Question::FrameAfter`] and [`Question::CheckpointOf`].
    Frame {
        /// The log.
        log: LogId,
        /// The frame; none where nothing (more) can be given.
        frame: Option<v1::Frame>,
        /// The number of the frame's last entry; where there is no frame, the question's `after`, or the number from which
        /// on the log is held.
        upto: u64,
        /// Whether more of the log may follow; always where there is no frame.
        more: bool,
    },
    /// To [`Question::ChangedSince`].
    Changed {
        /// Shared logs with entries stored after the mark, and the number before the first of those; in the order of
        /// [`Answer::Missing`].
        logs: Vec<(LogId, u64)>,
        /// As of [`Answer::Missing`], of campaigns that the peer may read since.
        checkpoints: Vec<LogId>,
        /// The journal's highest row at this moment.
        mark: u64,
    },
    /// To [`Question::Keep`].
    Kept(Kept),
    /// To [`Question::KeepReceipt`].
    ReceiptKept {
        /// Whether the receipt is genuine.
        ok: bool,
    },
    /// To [`Question::ReceiptFor`].
    Receipt(Option<Receipt>),
    /// To [`Question::KeepRefusal`].
    RefusalKept,
    /// To [`Question::OwnUnreceipted`].
    Unreceipted(Vec<(Topic, Cursor)>),
    /// To [`Question::AppendApproved`].
    Appended {
        /// How many entries were written, openings included.
        entries: u64,
    },
}

/// What became of a frame.
#[derive(Clone, Debug, PartialEq)]
pub struct Kept {
    /// The frame's log.
    pub log: LogId,
    /// How far the log is held now; none where nothing of it is.
    pub upto: Option<Cursor>,
    /// Entries that were not held before.
    pub new_entries: u64,
    /// Logs that a checkpoint brought as far as these numbers, without their entries.
    pub also: Vec<(LogId, u64)>,
    /// Of those, entries of this node's own making: lost here, handed back by the peer.
    pub recovered: u64,
    /// What to answer: signed and stored in the same transaction. None only where nothing of the log is held, and
    /// then there is a refusal.
    pub receipt: Option<Receipt>,
    /// What was set aside or not taken, and why.
    pub refusals: Vec<Refusal>,
    /// Whether the directory is another than before.
    pub directory_changed: bool,
}

/// What the node is told.
#[derive(Clone, Debug, PartialEq)]
pub enum Progress {
    /// The peer's Hello was taken.
    Connected {
        /// Its process lifetime.
        incarnation: Incarnation,
        /// Where it says it can be dialled.
        address: Option<String>,
        /// Its software, for the operator.
        software: String,
        /// How the incarnation stands among those seen before. Unless it is [`Admission::Clone`], every older stream
        /// of this peer is to be given [`Event::Replaced`].
        admission: Admission,
    },
    /// A comparison began; dialler only. `CompareNow` is answered by the first one that begins after it.
    Comparing {
        /// Its number.
        round: u32,
    },
    /// Everything that the comparison showed is held or refused, and everything written here is receipted or refused.
    Settled {
        /// The number of the comparison.
        round: u32,
    },
    /// Entries were kept.
    Received {
        /// Their log.
        log: LogId,
        /// How many were new.
        entries: u64,
    },
    /// Entries of this node's own, lost here, came back.
    Recovered {
        /// Their log.
        log: LogId,
        /// How many.
        entries: u64,
    },
    /// Approved releases became entries.
    Appended {
        /// How many entries.
        entries: u64,
    },
    /// Approved releases wait: an entry of this node's own releases that the Academy holds could not be taken here.
    AppendBlocked,
    /// The peer set entries aside or did not take them.
    RefusedByPeer(Refusal),
    /// This node set the peer's entries aside or did not take them.
    RefusedHere(Refusal),
    /// The directory is another than before.
    DirectoryChanged,
    /// The peer has seen a later incarnation of this node: this process runs on a copy.
    Frozen,
    /// The peer's process runs on a superseded copy; it is read to and not listened to.
    PeerFrozen,
    /// The peer does not list this node yet, or has suspended it.
    NotListedByPeer,
    /// The peer says that this node was revoked.
    RevokedByPeer,
    /// The peer says who looks at a campaign. Nothing is known of whether it may.
    Presence(v1::Presence),
}

/// Why the machine ends a stream.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CloseReason {
    /// The peer broke the protocol.
    #[error("the peer broke the protocol: {0}")]
    ProtocolError(&'static str),
    /// The peer belongs to another federation.
    #[error("the peer belongs to another federation")]
    OtherFederation,
    /// No common version of the protocol or of the entry format; upgrade the older node.
    #[error("no version of the protocol in common; upgrade the older node")]
    NoCommonVersion,
    /// A later stream of the same peer took this one's place.
    #[error("a later stream of the same peer took this one's place")]
    Replaced,
    /// The peer gave this stream up for a newer one of this node.
    #[error("the peer gave this stream up for a newer one")]
    ReplacedByPeer,
    /// The directory suspends or revokes the peer.
    #[error("the peer is suspended or revoked in the directory")]
    NotAllowed,
    /// The peer says that this node was revoked.
    #[error("the peer says that this node was revoked; ask the Academy")]
    RevokedByPeer,
    /// The driver answered another question than the one that was asked.
    #[error("an answer does not fit its question; this is a fault of this software")]
    AnswerMismatch,
}
