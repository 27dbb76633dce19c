//! The exchange's body: it carries the journal's machine over a gRPC stream.
//!
//! One task a stream. The machine's questions go to the store in their order, off the async threads where they may take long;
//! those that came while it answered the ones before go to it together. What the machine sends waits in an outbox, so that
//! two nodes that both have much to say never wait for each other: reading goes on while writing waits. Credit bounds the
//! frames in the outbox; a peer that asks and does not read is let go.

mod accept;
mod dial;

use std::{collections::VecDeque, pin::Pin, sync::Arc, time::Duration};

use folkmoot_journal::{
    Admission, NodeId, PeerStatus, Role, Topic,
    exchange::{
        Answer, CloseReason, Effect, Event, Exchange, Progress, Question, ReleasesWanted, Setup, Side, Subscriptions,
    },
};
use folkmoot_proto::federation::v1::{ExchangeMessage, Presence};
use folkmoot_store::{self as store, Store, StoreError};
use futures_util::{Stream, StreamExt, future::OptionFuture};
use prost::Message;
use tokio::{
    sync::{broadcast::error::RecvError, mpsc, oneshot},
    task::JoinSet,
    time::{Instant, sleep_until, timeout_at},
};
use tonic::Status;

use crate::{
    identity::TlsPublicKey,
    node::{Node, SOFTWARE, raised},
    peers::OpenStream,
    presence::{self, Said},
    settings::PeerAddress,
};

pub(crate) use accept::Exchanges;
pub(crate) use dial::{jitter, keep_dialling};

/// No message of the protocol comes near this.
pub(crate) const LARGEST_MESSAGE: usize = 1 << 20;
/// How long a peer may leave what is sent to it unread, and how long it may take to say Hello.
const PATIENCE: Duration = Duration::from_secs(30);
/// How often a dialler compares when nothing happens.
const COMPARE_EVERY: Duration = Duration::from_secs(60);
/// Past these, nothing more is read until the peer reads, or the store has answered.
const OUTBOX_BYTES: usize = 4 << 20;
const OPEN_QUESTIONS: usize = 64;
/// About how many bytes frames may have, inflated, that go to the store together.
const INFLATED_AT_ONCE: u32 = 512 << 10;
/// About how many bytes of a frame are inflated and verified between other work.
const BRIEF: u32 = 4 << 10;
const OPEN_NOTES: usize = 4;
/// Messages handed to the transport and not yet sent.
const CHANNEL: usize = 4;
/// How often a peer is listened to that says who looks at campaigns, in how long.
const PRESENCES: u32 = 1_000;
const PRESENCE_WINDOW: Duration = Duration::from_secs(20);
/// How long a hub that starts leaves other hubs waiting for its Academy.
const ACADEMY_FIRST: Duration = Duration::from_secs(5);
/// How long the last words may take.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// Why a stream ended.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Ended {
    #[error("the node stops")]
    Stopping,
    #[error("the peer ended the exchange")]
    PeerLeft,
    #[error("the peer broke off")]
    PeerFailed(#[source] Box<Status>),
    #[error("{0}")]
    Closed(CloseReason),
    #[error("the peer did not say Hello in time")]
    NoHello,
    #[error("the peer does not read what is sent to it")]
    Stalled,
    #[error("the directory lists another key for this peer now")]
    KeyChanged,
    #[error("the store failed")]
    Store(#[source] StoreError),
    #[error("a thread of this node failed")]
    Crashed,
}

/// Questions that the store is answering.
type Asked = Pin<Box<dyn Future<Output = Result<Result<Vec<Answer>, StoreError>, Ended>> + Send>>;

/// The two ends of a stream's conversation, and who is at the other.
pub(crate) struct Conversation {
    node: Arc<Node>,
    key: TlsPublicKey,
    peer: NodeId,
    /// What the machine was last told of the peer.
    status: PeerStatus,
    side: Side,
    stream: OpenStream,
    machine: Exchange,
    outbox: VecDeque<ExchangeMessage>,
    outbox_bytes: usize,
    questions: VecDeque<Question>,
    /// What is being written down for the operator. What has not begun when the stream ends is dropped: the next stream
    /// notes it again.
    notes: JoinSet<()>,
    /// The latest request for a comparison that the machine was told of.
    told: u64,
    /// The comparisons under way, each with the latest request that it serves.
    comparing: Vec<(u32, u64)>,
    greeted: bool,
    /// How often the peer has said who looks at campaigns, since when.
    presences: u32,
    presence_since: Instant,
    closed: Option<CloseReason>,
}

impl Conversation {
    /// With the holder of a key, whom the directory may or may not list.
    pub(crate) fn new(node: &Arc<Node>, key: TlsPublicKey, side: Side) -> Option<Conversation> {
        let federation = node.federation()?;
        let directory = node.directory();
        let (peer, peer_role, peer_status) = match directory.by_tls_key(&key.0) {
            Some(member) => (member.id, member.role, member.status()),
            // It may bring the entries that list it; until then it goes by its key.
            None => (NodeId(folkmoot_journal::Hash::of(&key.0).0), Role::Hub, PeerStatus::NotListed),
        };
        let (role, releases) = match node.role() {
            store::Role::Academy => (Role::Academy, ReleasesWanted::All),
            store::Role::Hub => (Role::Hub, ReleasesWanted::Own),
        };
        let machine = Exchange::new(Setup {
            me: node.id(),
            role,
            incarnation: node.incarnation(),
            federation,
            address: node.settings().address.as_ref().map(ToString::to_string),
            subscriptions: Subscriptions { releases },
            software: SOFTWARE.to_owned(),
            side,
            peer,
            peer_role,
            peer_status,
            frozen: node.frozen(),
        });
        Some(Conversation {
            told: node.peers().state(peer).wanted,
            stream: node.peers().open(peer, dialler(node, side, peer), peer_status != PeerStatus::NotListed),
            node: Arc::clone(node),
            key,
            peer,
            status: peer_status,
            side,
            machine,
            outbox: VecDeque::new(),
            outbox_bytes: 0,
            questions: VecDeque::new(),
            notes: JoinSet::new(),
            comparing: Vec::new(),
            greeted: false,
            presences: 0,
            presence_since: Instant::now(),
            closed: None,
        })
    }

    /// Says the first words before the stream is open, so that they go with the call.
    pub(crate) fn greet<T>(&mut self, outgoing: &mpsc::Sender<T>, wrap: impl Fn(ExchangeMessage) -> T) {
        self.feed(Event::Opened);
        while let Ok(permit) = outgoing.try_reserve()
            && let Some(message) = self.outbox.pop_front()
        {
            self.outbox_bytes -= message.encoded_len();
            permit.send(wrap(message));
        }
    }

    /// Talks until either side ends it.
    pub(crate) async fn run<T: Send + 'static>(
        mut self,
        mut incoming: impl Stream<Item = Result<ExchangeMessage, Status>> + Unpin,
        outgoing: mpsc::Sender<T>,
        wrap: impl Fn(ExchangeMessage) -> T,
    ) -> Ended {
        let (mut written, mut listed) = (self.node.written(), self.node.listed());
        let (mut wanted, mut freezing) = (self.node.peers().changed(), self.node.freezing());
        let mut stopping = self.node.stopping();
        let mut said = self.node.presence().listen();
        let (mut told_replaced, mut told_frozen) = (false, self.node.frozen());
        let mut asked: Option<Asked> = None;
        let hello_by = Instant::now() + PATIENCE;
        let mut read_by = Instant::now() + PATIENCE;
        let mut compare_at = Instant::now() + jitter(COMPARE_EVERY);
        self.feed(Event::Opened);
        loop {
            if let Some(reason) = self.closed.take() {
                self.say_last_words(&outgoing, &wrap).await;
                return Ended::Closed(reason);
            }
            if asked.is_none() && !self.questions.is_empty() {
                let (store, mut questions) = (self.node.store().clone(), self.next_questions());
                if let [question] = &questions[..]
                    && work(question) == Work::Written
                    && let Some(question) = questions.pop()
                {
                    // What is written for it needs no other thread to wait for that.
                    let (answer, answered) = oneshot::channel();
                    store.journal().answer_then(question, |said| drop(answer.send(said)));
                    asked =
                        Some(Box::pin(async { Ok(answered.await.map_err(|_| Ended::Crashed)?.map(|it| vec![it])) }));
                } else if questions.iter().all(|question| work(question) == Work::Read) {
                    // A change goes out without waiting for another thread to wake.
                    match tokio::task::block_in_place(|| store.journal().answer_all(questions)) {
                        Ok(answers) => self.answered(answers),
                        Err(error) => return Ended::Store(error),
                    }
                    if self.outbox.is_empty() && !self.questions.is_empty() || self.closed.is_some() {
                        continue;
                    }
                } else {
                    let answering = tokio::task::spawn_blocking(move || store.journal().answer_all(questions));
                    asked = Some(Box::pin(async { answering.await.map_err(|_| Ended::Crashed) }));
                }
            }
            let listening = self.questions.len() < OPEN_QUESTIONS
                && self.outbox_bytes < OUTBOX_BYTES
                && self.notes.len() < OPEN_NOTES;
            tokio::select! {
                () = raised(&mut stopping) => {
                    self.say_last_words(&outgoing, &wrap).await;
                    return Ended::Stopping;
                }
                permit = outgoing.reserve(), if !self.outbox.is_empty() => {
                    let Ok(permit) = permit else { return Ended::PeerLeft };
                    if let Some(message) = self.outbox.pop_front() {
                        self.outbox_bytes -= message.encoded_len();
                        permit.send(wrap(message));
                    }
                    read_by = Instant::now() + PATIENCE;
                }
                () = sleep_until(read_by), if !self.outbox.is_empty() => return Ended::Stalled,
                () = sleep_until(hello_by), if !self.greeted => return Ended::NoHello,
                Some(answer) = OptionFuture::from(asked.as_mut()) => {
                    asked = None;
                    match answer {
                        Ok(Ok(answers)) => self.answered(answers),
                        Ok(Err(error)) => return Ended::Store(error),
                        Err(ended) => return ended,
                    }
                }
                Some(_) = self.notes.join_next() => {}
                message = incoming.next(), if listening => match message {
                    Some(Ok(message)) if self.may_go_on() => self.feed(Event::Message(message)),
                    Some(Ok(_)) => return Ended::KeyChanged,
                    Some(Err(status)) => return Ended::PeerFailed(Box::new(status)),
                    None => return Ended::PeerLeft,
                },
                Ok(()) = listed.changed() => {
                    if !self.may_go_on() {
                        return Ended::KeyChanged;
                    }
                }
                Ok(()) = written.changed() => self.feed(Event::Wake),
                said = said.recv() => match said {
                    Ok(said) => self.pass_on(said),
                    // What was lost is said again.
                    Err(RecvError::Lagged(_)) => {}
                    Err(RecvError::Closed) => return Ended::Stopping,
                },
                Ok(()) = wanted.changed(), if self.side == Side::Dialler => {
                    let wanted = self.node.peers().state(self.peer).wanted;
                    if wanted > self.told {
                        self.told = wanted;
                        self.feed(Event::CompareNow);
                    }
                }
                () = sleep_until(compare_at), if self.side == Side::Dialler => {
                    compare_at = Instant::now() + jitter(COMPARE_EVERY);
                    self.feed(Event::CompareNow);
                }
                () = raised(&mut self.stream.replaced), if !told_replaced => {
                    told_replaced = true;
                    self.feed(Event::Replaced);
                }
                () = raised(&mut freezing), if !told_frozen => {
                    told_frozen = true;
                    self.feed(Event::Frozen);
                }
            }
            if self.outbox.is_empty() {
                read_by = Instant::now() + PATIENCE;
            }
        }
    }

    /// The questions that came next, as far as what they hold may be inflated at once.
    fn next_questions(&mut self) -> Vec<Question> {
        let (mut questions, mut bytes) = (Vec::new(), 0);
        while bytes < INFLATED_AT_ONCE
            && let Some(question) = self.questions.pop_front()
        {
            if let Question::Keep { frame, .. } = &question {
                bytes += frame.inflated_size;
            }
            questions.push(question);
        }
        questions
    }

    fn answered(&mut self, answers: Vec<Answer>) {
        for answer in answers {
            if self.closed.is_none() {
                self.feed(Event::Answer(answer));
            }
        }
    }

    /// Looks the peer up again and tells the machine when it stands otherwise than before. Done for every message: a
    /// revocation counts from the entry that says it. False where the key means another node now than when it dialled.
    fn may_go_on(&mut self) -> bool {
        let directory = self.node.directory();
        let status = match directory.by_tls_key(&self.key.0) {
            Some(member) if member.id == self.peer => member.status(),
            // An entry that lists the peer's key arrived, most likely from the peer itself.
            Some(member) if self.status == PeerStatus::NotListed => {
                self.peer = member.id;
                self.stream = self.node.peers().open(member.id, dialler(&self.node, self.side, member.id), true);
                self.feed(Event::PeerNamed { peer: member.id, role: member.role });
                member.status()
            }
            None if directory.member(self.peer).is_none() => PeerStatus::NotListed,
            Some(_) | None => return false,
        };
        if status != self.status {
            self.status = status;
            self.feed(Event::PeerListed(status));
        }
        true
    }

    fn feed(&mut self, event: Event) {
        for effect in self.machine.on(event) {
            match effect {
                Effect::Send(message) => {
                    self.outbox_bytes += message.encoded_len();
                    self.outbox.push_back(message);
                }
                Effect::Ask(question) => self.questions.push_back(question),
                Effect::Tell(progress) => self.told_of(progress),
                Effect::Close(reason) => self.closed = Some(reason),
            }
        }
    }

    fn told_of(&mut self, progress: Progress) {
        let peer = self.peer;
        match progress {
            Progress::Connected { software, admission, address, incarnation } => {
                self.greeted = true;
                self.stream.greeted();
                tracing::info!(%peer, software, "exchange open");
                if admission != Admission::Clone {
                    self.stream.take_place(incarnation);
                }
                // Only what can be dialled goes into the directory, whatever the peer says.
                let address = address.and_then(|address| PeerAddress::parse(&address).ok());
                let address = address.map(|address| address.to_string());
                let directory = self.node.directory();
                let moved = directory.hubs().get(&peer).is_some_and(|hub| hub.address != address);
                // A superseded copy is not listened to, nor does anybody come to dial it.
                let speaks = admission != Admission::Clone && self.status == PeerStatus::Listed;
                if speaks
                    && moved
                    && self.node.role() == store::Role::Academy
                    && self.node.peers().may_move(peer, Instant::now().into_std())
                {
                    self.note(move |store| store.academy()?.list_address(peer, address).map(drop));
                }
            }
            Progress::Comparing { round } => self.comparing.push((round, self.told)),
            Progress::Settled { round } => self.settled(round),
            Progress::Received { log, entries } => tracing::debug!(%peer, ?log, entries, "entries received"),
            Progress::Recovered { log, entries } => {
                tracing::warn!(%peer, ?log, entries, "entries of this node's own, lost here, came back");
            }
            Progress::Appended { entries } => tracing::info!(entries, "approved releases appended"),
            Progress::AppendBlocked => self.node.tell_operator(
                "approved releases wait: the Academy holds a release of this hub that could not be taken back here; \
                 see what was set aside"
                    .to_owned(),
            ),
            // The peer's own words are for the status alone.
            Progress::RefusedByPeer(refusal) => {
                tracing::warn!(%peer, entry = refusal.entry.seq, reason = refusal.reason.words(), "the peer refused entries");
            }
            Progress::RefusedHere(refusal) => {
                tracing::warn!(%peer, entry = refusal.entry.seq, reason = refusal.reason.words(), "entries refused");
            }
            Progress::DirectoryChanged => tracing::debug!("the directory changed"),
            Progress::Frozen => self.node.told_of_later_copy(peer),
            Progress::PeerFrozen => {
                let name = self.node.name_of(peer);
                self.node.tell_operator(format!(
                    "two copies of {name} are running; the older is read to and not listened to"
                ));
                self.node.peers().update(peer, |state| state.frozen = true);
            }
            Progress::Presence(presence) => self.heard(presence),
            Progress::NotListedByPeer => self.failed("the peer does not list this node yet, or has suspended it"),
            Progress::RevokedByPeer => {
                self.failed("it says that the Academy has revoked this node");
                self.node.told_of_revocation(peer);
            }
        }
    }

    /// Tells the peer who looks at a campaign, where it may read that.
    fn pass_on(&mut self, said: Said) {
        let rights = self.node.store().journal().rights();
        let reads = rights.may_read(self.peer, Topic::Campaign(said.campaign));
        if reads && self.status == PeerStatus::Listed && said.heard_of != Some(self.peer) {
            self.feed(Event::Presence(said.presence));
        }
    }

    /// The peer says who looks at a campaign; more of that than anybody does is not listened to.
    fn heard(&mut self, presence: Presence) {
        let now = Instant::now();
        if now.duration_since(self.presence_since) >= PRESENCE_WINDOW {
            (self.presence_since, self.presences) = (now, 0);
        }
        self.presences += 1;
        if self.presences <= PRESENCES {
            presence::heard(&self.node, self.peer, presence);
        }
    }

    fn failed(&self, words: &str) {
        self.node.peers().update(self.peer, |state| state.last_error = Some(words.to_owned()));
    }

    fn settled(&mut self, round: u32) {
        let served = self.comparing.iter().filter(|(number, _)| *number <= round).map(|(_, told)| *told).max();
        self.comparing.retain(|(number, _)| *number > round);
        let peer = self.peer;
        self.node.peers().update(peer, |state| {
            (state.last_error, state.met) = (None, true);
            state.settled = state.settled.max(served.unwrap_or(0));
        });
        tracing::debug!(%peer, round, "both sides hold the same");
        self.note(move |store| store.journal().succeeded(peer));
    }

    /// Writes down something for the operator. A failure shows in the next question too, which ends the stream.
    fn note(&mut self, job: impl FnOnce(&Store) -> Result<(), StoreError> + Send + 'static) {
        let store = self.node.store().clone();
        self.notes.spawn_blocking(move || {
            if let Err(error) = job(&store) {
                tracing::warn!(error = &error as &dyn std::error::Error, "not noted");
            }
        });
    }

    /// Hands what is still to be said to the transport, as far as it takes it in a second.
    async fn say_last_words<T>(&mut self, outgoing: &mpsc::Sender<T>, wrap: &impl Fn(ExchangeMessage) -> T) {
        let until = Instant::now() + LAST_WORDS;
        while let Some(message) = self.outbox.pop_front() {
            match timeout_at(until, outgoing.send(wrap(message))).await {
                Ok(Ok(())) => {}
                Ok(Err(_)) | Err(_) => return,
            }
        }
    }
}

/// What a question asks of the thread that puts it to the store.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Work {
    /// Little, and then to wait until the answer is written.
    Written,
    /// Little that is there to be read.
    Read,
    /// Perhaps much.
    Long,
}

fn work(question: &Question) -> Work {
    match question {
        Question::Keep { frame, .. } if frame.inflated_size < BRIEF && frame.membership.is_empty() => Work::Written,
        Question::Admit { .. } | Question::KeepReceipt { .. } => Work::Written,
        Question::Compare { .. }
        | Question::ChangedSince { .. }
        | Question::FrameAfter { .. }
        | Question::CheckpointOf { .. } => Work::Read,
        Question::Keep { .. }
        | Question::TipsOf { .. }
        | Question::Missing { .. }
        | Question::ReceiptFor { .. }
        | Question::KeepRefusal { .. }
        | Question::OwnUnreceipted { .. }
        | Question::AppendApproved => Work::Long,
    }
}

/// Waits until this hub and its Academy have held the same once, as far as the Academy is to be had: what both the Academy
/// and other hubs have is then brought once, and not by all of them.
async fn after_academy(node: &Node) {
    let academy = match (node.role(), node.directory().academy()) {
        (store::Role::Hub, Some((academy, _))) if node.settings().academy.is_some() => academy,
        (store::Role::Hub | store::Role::Academy, _) => return,
    };
    tokio::select! {
        () = node.stopped() => {}
        () = node.peers().meet(academy, ACADEMY_FIRST) => {}
    }
}

/// Which of the two nodes dialled.
fn dialler(node: &Node, side: Side, peer: NodeId) -> NodeId {
    match side {
        Side::Dialler => node.id(),
        Side::Acceptor => peer,
    }
}
