//! The exchange between two nodes: one state machine a stream, events in, effects out.
//!
//! The order of a conversation: both say Hello (the acceptor second). The dialler opens a comparison with Have; the
//! acceptor answers Same, or Buckets, upon which both show the tips of the differing buckets, work out what the other
//! lacks and push it as frames under credit. Each frame is answered by the receipt of what is durably held, or by a
//! refusal. A comparison is settled for a side when all that it lacked is held or refused and all that it pushed is
//! receipted or refused. A wake makes either side read its store and push what is new, without another comparison.
//!
//! Absences that hold here: no clock, no randomness, no IO; no message of a peer makes a panic or an unbounded memory;
//! nothing is said to a peer that the directory does not list but Hello, the notice that it is not listed, and credit;
//! nothing is receipted that the store did not answer for; nothing is sent past the peer's credit.

mod comparison;
mod inflow;
mod interface;
mod message;
mod outflow;
mod settling;
#[cfg(test)]
mod tests;

pub use interface::{
    Answer, CloseReason, Effect, Event, Kept, Progress, Question, ReleasesWanted, Scope, Setup, Shared, SharedReleases,
    Side, Subscriptions,
};

use std::collections::VecDeque;

use folkmoot_proto::federation::v1;
use folkmoot_proto::federation::v1::exchange_message::Body;

use crate::admission::Admission;
use crate::directory::PeerStatus;
use crate::refusal::Refusal;
use crate::topic::{Cursor, LogId, Topic};
use comparison::Comparison;
use inflow::Inflow;
use message::Greeting;
use outflow::Outflow;
use settling::Settling;

/// How many bytes of frames a peer may send before it is granted more.
pub const INITIAL_CREDIT: u32 = 2 * 1024 * 1024;
/// The least credit that a peer may grant at first: the largest frame must fit.
pub const LEAST_CREDIT: u32 = 1024 * 1024 + 64 * 1024;
/// How much credit is given back at once, at least. With so much held back, the largest frame still fits what remains.
const CREDIT_STEP: u32 = 256 * 1024;
const _: () = assert!(INITIAL_CREDIT - CREDIT_STEP >= LEAST_CREDIT);
/// How many messages may wait for the peer to be admitted.
const EARLY_LIMIT: usize = 64;
/// How many questions may be open; credit bounds them for an honest peer.
const OPEN_QUESTIONS_LIMIT: usize = 65_536;

/// How far the conversation has come.
#[derive(Debug)]
enum Phase {
    /// The stream is not open yet.
    Fresh,
    /// The peer's Hello is awaited.
    Greeting,
    /// The peer is not in the directory: it is told nothing, and may bring the directory.
    Unlisted,
    /// The store judges the peer's incarnation.
    Admitting,
    /// Both speak.
    Open,
    /// It is over.
    Closed,
}

/// What an open question was asked for.
#[derive(Debug)]
enum Pending {
    Admit,
    Compare,
    TipsOf,
    Missing,
    Introduction,
    FrameAfter { log: LogId, after: u64 },
    CheckpointOf { log: LogId },
    ChangedSince,
    Keep { log: LogId, cost: u32 },
    KeepReceipt { log: LogId, seq: u64 },
    ReceiptFor { topic: Topic, tip: Cursor },
    KeepRefusal,
    OwnUnreceipted,
    AppendApproved,
}

/// One end of one stream.
#[derive(Debug)]
pub struct Exchange {
    setup: Setup,
    phase: Phase,
    status: PeerStatus,
    greeting: Option<Greeting>,
    scope: Scope,
    frozen: bool,
    peer_frozen: bool,
    introduced: bool,
    early: VecDeque<v1::ExchangeMessage>,
    pending: VecDeque<Pending>,
    comparison: Comparison,
    outflow: Outflow,
    inflow: Inflow,
    settling: Settling,
    effects: Vec<Effect>,
}

impl Exchange {
    /// A machine that waits for [`Event::Opened`].
    pub fn new(setup: Setup) -> Self {
        Exchange {
            phase: Phase::Fresh,
            status: setup.peer_status,
            greeting: None,
            scope: Scope::directory_alone(setup.peer),
            frozen: setup.frozen,
            peer_frozen: false,
            introduced: false,
            early: VecDeque::new(),
            pending: VecDeque::new(),
            comparison: Comparison::default(),
            outflow: Outflow::default(),
            inflow: Inflow::new(),
            settling: Settling::default(),
            effects: Vec::new(),
            setup,
        }
    }

    /// Takes one event and says what is to be done, in order.
    pub fn on(&mut self, event: Event) -> Vec<Effect> {
        match (&self.phase, event) {
            (Phase::Closed, _) => return Vec::new(),
            (Phase::Fresh, Event::Opened) => self.open(),
            (Phase::Fresh, Event::PeerListed(status)) => self.status = status,
            (Phase::Fresh | Phase::Greeting | Phase::Unlisted, Event::PeerNamed { peer, role }) => {
                (self.setup.peer, self.setup.peer_role) = (peer, role);
                self.share();
            }
            (_, Event::PeerNamed { .. }) => (),
            (Phase::Fresh, Event::Frozen) => self.frozen = true,
            (Phase::Fresh, Event::Replaced) => self.close(CloseReason::Replaced),
            (Phase::Fresh, Event::Message(_) | Event::Answer(_) | Event::Wake | Event::CompareNow) => (),
            // A hint, for whoever is listening.
            (Phase::Open, Event::Presence(presence)) if !self.frozen => self.send(Body::Presence(presence)),
            (_, Event::Presence(_)) => (),
            (_, Event::Opened) => (),
            (_, Event::Message(message)) => self.hear(message),
            (_, Event::Answer(answer)) => self.answered(answer),
            (_, Event::Wake) => self.settling.wake(),
            (_, Event::CompareNow) => self.comparison.again = true,
            (_, Event::PeerListed(status)) => self.relisted(status),
            (_, Event::Replaced) => {
                self.notice(v1::notice::Kind::Replaced);
                self.close(CloseReason::Replaced);
            }
            (_, Event::Frozen) => self.freeze(),
        }
        self.advance();
        std::mem::take(&mut self.effects)
    }

    fn open(&mut self) {
        match self.status {
            PeerStatus::Suspended => return self.turn_away(v1::notice::Kind::NotListed),
            PeerStatus::Revoked => return self.turn_away(v1::notice::Kind::Revoked),
            PeerStatus::Listed | PeerStatus::NotListed => (),
        }
        self.phase = Phase::Greeting;
        if self.setup.side == Side::Dialler {
            self.send(message::hello(&self.setup));
        }
    }

    fn turn_away(&mut self, notice: v1::notice::Kind) {
        self.notice(notice);
        self.close(CloseReason::NotAllowed);
    }

    fn hear(&mut self, message: v1::ExchangeMessage) {
        // A newer peer may say what this software does not know.
        let Some(body) = message.body else { return };
        if let Body::Notice(notice) = &body {
            return self.noticed(notice.kind());
        }
        match self.phase {
            Phase::Fresh | Phase::Closed => (),
            Phase::Greeting => match body {
                Body::Hello(hello) => self.greeted(hello),
                Body::Have(_)
                | Body::Same(_)
                | Body::Buckets(_)
                | Body::Tips(_)
                | Body::Frame(_)
                | Body::Credit(_)
                | Body::Receipt(_)
                | Body::Refusal(_)
                | Body::ReceiptWanted(_)
                | Body::Presence(_)
                | Body::Notice(_) => self.break_off("the first message is not Hello"),
            },
            Phase::Unlisted => match body {
                Body::Frame(frame) => self.take_frame(frame),
                Body::Hello(_) => self.break_off("a second Hello"),
                Body::Have(_)
                | Body::Same(_)
                | Body::Buckets(_)
                | Body::Tips(_)
                | Body::Credit(_)
                | Body::Receipt(_)
                | Body::Refusal(_)
                | Body::ReceiptWanted(_)
                | Body::Presence(_)
                | Body::Notice(_) => self.put_by(body),
            },
            Phase::Admitting => self.put_by(body),
            Phase::Open => self.take(body),
        }
    }

    fn put_by(&mut self, body: Body) {
        let body = match body {
            // The directory that a peer brings may be longer than what may wait.
            Body::Frame(frame) if frame.topic == Topic::Directory.to_bytes() => return self.take_frame(frame),
            body @ (Body::Hello(_)
            | Body::Have(_)
            | Body::Same(_)
            | Body::Buckets(_)
            | Body::Tips(_)
            | Body::Frame(_)
            | Body::Credit(_)
            | Body::Receipt(_)
            | Body::Refusal(_)
            | Body::ReceiptWanted(_)
            | Body::Presence(_)
            | Body::Notice(_)) => body,
        };
        if self.early.len() == EARLY_LIMIT {
            return self.break_off("too many messages before admission");
        }
        self.early.push_back(v1::ExchangeMessage { body: Some(body) });
    }

    fn take(&mut self, body: Body) {
        match body {
            Body::Hello(_) => self.break_off("a second Hello"),
            Body::Have(have) => self.have(have),
            Body::Same(same) => self.same(same),
            Body::Buckets(buckets) => self.buckets(buckets),
            Body::Tips(tips) => self.tips(tips),
            Body::Frame(frame) => self.take_frame(frame),
            Body::Credit(credit) => self.outflow.grant(credit.bytes),
            Body::Receipt(receipt) => self.take_receipt(receipt),
            Body::Refusal(refusal) => self.take_refusal(refusal),
            Body::ReceiptWanted(wanted) => self.receipt_wanted(wanted),
            Body::Notice(notice) => self.noticed(notice.kind()),
            Body::Presence(presence) => self.tell(Progress::Presence(presence)),
        }
    }

    fn greeted(&mut self, hello: v1::Hello) {
        let greeting = match message::read_hello(hello, self.setup.federation) {
            Ok(greeting) => greeting,
            Err(reason) => return self.close(reason),
        };
        if self.setup.side == Side::Acceptor {
            self.send(message::hello(&self.setup));
        }
        self.outflow.grant(greeting.credit);
        self.greeting = Some(greeting);
        self.share();
        match self.status {
            PeerStatus::Listed => self.admit(),
            PeerStatus::NotListed => {
                self.phase = Phase::Unlisted;
                self.notice(v1::notice::Kind::NotListed);
            }
            PeerStatus::Suspended => self.turn_away(v1::notice::Kind::NotListed),
            PeerStatus::Revoked => self.turn_away(v1::notice::Kind::Revoked),
        }
    }

    /// Works out what both want, once both are known.
    fn share(&mut self) {
        let (me, mine, peer) = (self.setup.me, self.setup.subscriptions, self.setup.peer);
        self.scope = match &self.greeting {
            Some(greeting) => Scope::of(me, mine, peer, greeting.subscriptions),
            None => Scope::directory_alone(peer),
        };
    }

    fn admit(&mut self) {
        let Some(greeting) = &self.greeting else { return };
        let (incarnation, address) = (greeting.incarnation, greeting.address.clone());
        self.phase = Phase::Admitting;
        self.ask(Question::Admit { peer: self.setup.peer, incarnation, address }, Pending::Admit);
    }

    fn admitted(&mut self, admission: Admission) {
        self.phase = Phase::Open;
        if let Some(greeting) = &self.greeting {
            let (incarnation, address) = (greeting.incarnation, greeting.address.clone());
            let software = greeting.software.clone();
            self.tell(Progress::Connected { incarnation, address, software, admission });
        }
        if admission == Admission::Clone {
            self.peer_frozen = true;
            self.notice(v1::notice::Kind::Frozen);
            self.tell(Progress::PeerFrozen);
        }
        for receipt in std::mem::take(&mut self.inflow.owed).into_values() {
            self.send(Body::Receipt(receipt.to_wire()));
        }
        if self.setup.side == Side::Dialler {
            self.comparison.again = true;
        }
        while let Some(early) = self.early.pop_front() {
            self.hear(early);
        }
    }

    /// What the directory says of the peer changed, on an open stream too.
    fn relisted(&mut self, status: PeerStatus) {
        self.status = status;
        match (status, &self.phase) {
            (_, Phase::Fresh | Phase::Closed) => (),
            (PeerStatus::Revoked, _) => self.turn_away(v1::notice::Kind::Revoked),
            (PeerStatus::Suspended, _) => self.turn_away(v1::notice::Kind::NotListed),
            (PeerStatus::NotListed, Phase::Admitting | Phase::Open) => self.turn_away(v1::notice::Kind::NotListed),
            (PeerStatus::NotListed, Phase::Greeting | Phase::Unlisted) => (),
            (PeerStatus::Listed, Phase::Unlisted) => self.admit(),
            (PeerStatus::Listed, Phase::Greeting | Phase::Admitting | Phase::Open) => (),
        }
    }

    fn noticed(&mut self, kind: v1::notice::Kind) {
        use v1::notice::Kind;
        match kind {
            Kind::Unspecified => (),
            Kind::Frozen => {
                self.tell(Progress::Frozen);
                self.freeze();
            }
            Kind::Replaced => self.close(CloseReason::ReplacedByPeer),
            Kind::NotListed => {
                self.tell(Progress::NotListedByPeer);
                self.introduce();
            }
            Kind::Revoked => {
                self.tell(Progress::RevokedByPeer);
                self.close(CloseReason::RevokedByPeer);
            }
        }
    }

    /// This process runs on a superseded copy: it reads, and writes nothing.
    fn freeze(&mut self) {
        self.frozen = true;
        self.outflow.stop_all();
    }

    /// The peer does not list this node: bring it the directory, which may.
    fn introduce(&mut self) {
        let known = matches!(self.phase, Phase::Admitting | Phase::Open) && self.status == PeerStatus::Listed;
        if self.introduced || self.frozen || !known {
            return;
        }
        self.introduced = true;
        let scope = Scope::directory_alone(self.setup.peer);
        let buckets = vec![crate::digest::bucket_of(Topic::Directory)];
        self.ask(Question::Missing { scope, theirs: Vec::new(), buckets }, Pending::Introduction);
    }

    fn answered(&mut self, answer: Answer) {
        match (self.pending.pop_front(), answer) {
            (Some(Pending::Admit), Answer::Admitted(admission)) => self.admitted(admission),
            (Some(Pending::Compare), Answer::Digest { root, buckets, mark }) => self.digested(root, buckets, mark),
            (Some(Pending::TipsOf), Answer::Tips { topics }) => self.show_tips(topics),
            (Some(Pending::Missing), Answer::Missing { push, lacking, forks, checkpoints }) => {
                self.outflow.plan_checkpoints(checkpoints);
                self.reckoned(push, lacking, forks);
            }
            (Some(Pending::Introduction), Answer::Missing { push, .. }) => self.outflow.plan_missing(push),
            (Some(Pending::FrameAfter { log, after }), Answer::Frame { frame, upto, more, .. }) => {
                self.frame_read(log, after, frame, upto, more);
            }
            (Some(Pending::CheckpointOf { log }), Answer::Frame { frame, upto, more, .. }) => {
                self.checkpoint_read(log, frame, upto, more);
            }
            (Some(Pending::ChangedSince), Answer::Changed { logs, checkpoints, mark }) => {
                self.changed(logs, checkpoints, mark);
            }
            (Some(Pending::Keep { cost, .. }), Answer::Kept(kept)) => self.kept(cost, kept),
            (Some(Pending::KeepReceipt { log, seq }), Answer::ReceiptKept { ok }) => self.receipt_kept(log, seq, ok),
            (Some(Pending::ReceiptFor { topic, tip }), Answer::Receipt(receipt)) => {
                self.give_receipt(topic, tip, receipt);
            }
            (Some(Pending::KeepRefusal), Answer::RefusalKept) => (),
            (Some(Pending::OwnUnreceipted), Answer::Unreceipted(tips)) => self.want_receipts(&tips),
            (Some(Pending::AppendApproved), Answer::Appended { entries }) => self.appended(entries),
            (Some(_) | None, _) => self.close(CloseReason::AnswerMismatch),
        }
    }

    fn ask(&mut self, question: Question, pending: Pending) {
        if self.pending.len() == OPEN_QUESTIONS_LIMIT {
            return self.break_off("too much asked at once");
        }
        self.pending.push_back(pending);
        self.effects.push(Effect::Ask(question));
    }

    fn send(&mut self, body: Body) {
        self.effects.push(Effect::Send(v1::ExchangeMessage { body: Some(body) }));
    }

    fn notice(&mut self, kind: v1::notice::Kind) {
        self.send(Body::Notice(v1::Notice { kind: kind.into() }));
    }

    fn refuse(&mut self, refusal: Refusal) {
        self.send(Body::Refusal(refusal.to_wire()));
        self.tell(Progress::RefusedHere(refusal));
    }

    fn tell(&mut self, progress: Progress) {
        self.effects.push(Effect::Tell(progress));
    }

    fn close(&mut self, reason: CloseReason) {
        if !matches!(self.phase, Phase::Closed) {
            self.phase = Phase::Closed;
            self.effects.push(Effect::Close(reason));
        }
    }

    fn break_off(&mut self, words: &'static str) {
        self.close(CloseReason::ProtocolError(words));
    }
}
