//! One machine against a peer that breaks the rules: it answers with a refusal or ends the stream, and never panics.

use folkmoot_proto::federation::v1;
use folkmoot_proto::federation::v1::exchange_message::Body;

use super::model::Model;
use crate::digest::bucket_of;
use crate::directory::HubState;
use crate::entry::PayloadKind;
use crate::exchange::{
    Answer, CREDIT_STEP, CloseReason, Effect, Event, Exchange, INITIAL_CREDIT, Progress, Shared, SharedReleases, Side,
};
use crate::frame::pack;
use crate::id::{Hash, Incarnation, NodeId};
use crate::receipt::Receipt;
use crate::refusal::Refusal;
use crate::topic::{Cursor, Topic};

/// What the machine did: what it sent and told, and whether it ended the stream.
struct Outcome {
    sent: Vec<Body>,
    told: Vec<Progress>,
    closed: Option<CloseReason>,
}

/// A hub's machine on this side, past both Hellos, facing the Academy.
struct Machine {
    exchange: Exchange,
    hub: Model,
    academy: Model,
}

impl Machine {
    fn fresh(side: Side) -> Machine {
        let mut academy = Model::academy();
        let hub = Model::hub(7, &mut academy);
        Machine { exchange: Exchange::new(hub.setup(&academy, side)), hub, academy }
    }

    fn greeted(side: Side) -> Machine {
        let mut machine = Machine::fresh(side);
        machine.event(Event::Opened);
        let hello = machine.hello();
        let outcome = machine.say(Body::Hello(hello));
        assert_eq!(outcome.closed, None);
        machine
    }

    /// A comparison in which the peer holds this of the topic and something else of others.
    fn meets(&mut self, topic: Topic, tips: &[Cursor]) -> Outcome {
        self.say(Body::Have(v1::Have { round: 1, root: vec![9; 32] }));
        let buckets = vec![u32::from(bucket_of(topic))];
        let topics = if tips.is_empty() { Vec::new() } else { vec![topic_tips(topic, tips)] };
        self.say(Body::Tips(v1::Tips { round: 1, buckets, topics, more: false }))
    }

    fn hello(&self) -> v1::Hello {
        v1::Hello {
            protocol_versions: vec![1, 2],
            entry_formats: vec![1],
            federation: self.academy.author.federation.0.to_vec(),
            incarnation: 99,
            address: String::new(),
            subscriptions: Some(v1::Subscriptions { releases: v1::subscriptions::Releases::All.into() }),
            software: "a peer".to_owned(),
            credit: INITIAL_CREDIT,
        }
    }

    fn say(&mut self, body: Body) -> Outcome {
        self.event(Event::Message(v1::ExchangeMessage { body: Some(body) }))
    }

    fn event(&mut self, event: Event) -> Outcome {
        let mut outcome = Outcome { sent: Vec::new(), told: Vec::new(), closed: None };
        let mut events = vec![event];
        while let Some(event) = events.pop() {
            let mut answers = Vec::new();
            for effect in self.exchange.on(event) {
                match effect {
                    Effect::Send(message) => outcome.sent.extend(message.body),
                    Effect::Ask(question) => answers.push(Event::Answer(self.hub.answer(question))),
                    Effect::Tell(progress) => outcome.told.push(progress),
                    Effect::Close(reason) => outcome.closed = Some(reason),
                }
            }
            answers.extend(events);
            answers.reverse();
            events = answers;
        }
        outcome
    }
}

fn cursor() -> Cursor {
    Cursor { author: NodeId([3; 32]), incarnation: Incarnation(4), seq: 5, hash: Hash([6; 32]) }
}

fn topic_tips(topic: Topic, tips: &[Cursor]) -> v1::TopicTips {
    v1::TopicTips { topic: topic.to_bytes().to_vec(), tips: tips.iter().map(Cursor::to_wire).collect() }
}

#[track_caller]
fn broken(outcome: Outcome) {
    assert!(matches!(outcome.closed, Some(CloseReason::ProtocolError(_))), "{:?}", outcome.closed);
}

#[test]
fn the_first_message_must_be_a_hello_of_this_federation_and_version() {
    let check = |change: fn(&mut v1::Hello), expected: CloseReason| {
        let mut machine = Machine::fresh(Side::Dialler);
        machine.event(Event::Opened);
        let mut hello = machine.hello();
        change(&mut hello);
        assert_eq!(machine.say(Body::Hello(hello)).closed, Some(expected));
    };
    check(|hello| hello.federation = vec![1; 32], CloseReason::OtherFederation);
    check(|hello| hello.federation.clear(), CloseReason::OtherFederation);
    check(|hello| hello.protocol_versions = vec![2], CloseReason::NoCommonVersion);
    check(|hello| hello.entry_formats.clear(), CloseReason::NoCommonVersion);
    let small = CloseReason::ProtocolError("the first credit is less than the largest frame");
    check(|hello| hello.credit = 1000, small);
    let mut machine = Machine::fresh(Side::Acceptor);
    machine.event(Event::Opened);
    broken(machine.say(Body::Credit(v1::Credit { bytes: 1 })));
    let mut machine = Machine::greeted(Side::Acceptor);
    let hello = machine.hello();
    broken(machine.say(Body::Hello(hello)));
}

#[test]
fn messages_out_of_turn_end_the_stream() {
    let zeros = vec![0; 32];
    let tips = |round, topics| v1::Tips { round, buckets: vec![1], topics, more: false };
    for (side, body) in [
        (Side::Dialler, Body::Have(v1::Have { round: 1, root: zeros.clone() })),
        (Side::Acceptor, Body::Have(v1::Have { round: 2, root: zeros.clone() })),
        (Side::Acceptor, Body::Have(v1::Have { round: 0, root: zeros.clone() })),
        (Side::Acceptor, Body::Have(v1::Have { round: 1, root: vec![] })),
        (Side::Acceptor, Body::Same(v1::Same { round: 1 })),
        (Side::Dialler, Body::Same(v1::Same { round: 2 })),
        (Side::Acceptor, Body::Buckets(v1::Buckets { round: 1, digests: vec![0; 256 * 32] })),
        (Side::Dialler, Body::Buckets(v1::Buckets { round: 2, digests: vec![0; 256 * 32] })),
        (Side::Dialler, Body::Buckets(v1::Buckets { round: 1, digests: vec![0; 31] })),
        (Side::Dialler, Body::Tips(tips(1, vec![]))),
        (Side::Acceptor, Body::Tips(tips(1, vec![]))),
    ] {
        broken(Machine::greeted(side).say(body));
    }
}

#[test]
fn buckets_that_do_not_differ_end_the_stream() {
    let mut machine = Machine::fresh(Side::Dialler);
    machine.event(Event::Opened);
    let hello = machine.hello();
    let outcome = machine.say(Body::Hello(hello));
    assert!(outcome.sent.iter().any(|body| matches!(body, Body::Have(_))));
    let scope = crate::exchange::Scope {
        peer: machine.academy.me(),
        shared: Shared::Topics(SharedReleases::Of(machine.hub.me())),
    };
    let Answer::Digest { buckets, .. } = machine.hub.answer(crate::exchange::Question::Compare { scope }) else {
        panic!("a digest answers Compare");
    };
    let digests = buckets.iter().flat_map(|bucket| bucket.0).collect();
    broken(machine.say(Body::Buckets(v1::Buckets { round: 1, digests })));
}

#[test]
fn tips_must_be_of_shared_topics_in_order_and_in_their_buckets() {
    let check = |change: fn(&mut v1::Tips, NodeId)| {
        let mut machine = Machine::greeted(Side::Acceptor);
        let outcome = machine.say(Body::Have(v1::Have { round: 1, root: vec![9; 32] }));
        assert!(outcome.sent.iter().any(|body| matches!(body, Body::Buckets(_))));
        let own = machine.hub.own_releases();
        let mut buckets = vec![u32::from(bucket_of(Topic::Directory)), u32::from(bucket_of(own))];
        buckets.sort_unstable();
        let mut tips = v1::Tips { round: 1, buckets, topics: vec![topic_tips(own, &[cursor()])], more: false };
        change(&mut tips, machine.hub.me());
        machine.say(Body::Tips(tips))
    };
    assert_eq!(check(|_, _| ()).closed, None);
    broken(check(|tips, _| tips.round = 2));
    broken(check(|tips, _| tips.buckets.clear()));
    broken(check(|tips, _| tips.buckets.reverse()));
    broken(check(|tips, _| tips.buckets[0] = 256));
    broken(check(|tips, _| tips.topics.push(topic_tips(Topic::Directory, &[cursor()]))));
    broken(check(|tips, _| tips.topics[0].topic.clear()));
    broken(check(|tips, _| tips.topics[0].tips.push(cursor().to_wire())));
    broken(check(|tips, _| tips.topics[0].tips[0].seq = 0));
    broken(check(|tips, _| tips.topics[0].tips[0].author.clear()));
    // Another hub's releases, and topics of kinds that this node does not exchange yet.
    for foreign in [Topic::Releases(NodeId([5; 32])), Topic::Proposals(NodeId([5; 32]))] {
        let mut machine = Machine::greeted(Side::Acceptor);
        machine.say(Body::Have(v1::Have { round: 1, root: vec![9; 32] }));
        let buckets = vec![u32::from(bucket_of(foreign))];
        broken(machine.say(Body::Tips(v1::Tips {
            round: 1,
            buckets,
            topics: vec![topic_tips(foreign, &[cursor()])],
            more: false,
        })));
    }
}

#[test]
fn frames_that_nobody_asked_for_are_refused_and_their_credit_given_back() {
    let mut machine = Machine::greeted(Side::Dialler);
    let mut stranger = Model::joining(9, &machine.academy);
    stranger.append(stranger.own_releases(), PayloadKind::Release, vec![1; 50]);
    let entries = stranger.logs.values().last().unwrap();
    let frame = pack(entries).unwrap();
    let outcome = machine.say(Body::Frame(frame.clone()));
    assert_eq!(outcome.closed, None);
    // By the machine itself: a store that was asked would not know the author.
    let reasons: Vec<v1::refusal::Reason> = outcome
        .sent
        .iter()
        .filter_map(|body| if let Body::Refusal(said) = body { Some(said.reason()) } else { None })
        .collect();
    assert_eq!(reasons, [v1::refusal::Reason::NotSubscribed]);
    // Ten thousand of them ask for more credit than any peer has at first.
    let mut sent = outcome.sent;
    for _ in 0..10_000 {
        let outcome = machine.say(Body::Frame(frame.clone()));
        assert_eq!(outcome.closed, None);
        sent.extend(outcome.sent);
    }
    let granted = |body: &Body| if let Body::Credit(credit) = body { u64::from(credit.bytes) } else { 0 };
    assert!(sent.iter().map(granted).sum::<u64>() > 10_000 * 256 - u64::from(CREDIT_STEP));
    assert!(machine.hub.logs.keys().all(|log| log.author != stranger.me()));
}

#[test]
fn frames_past_the_credit_end_the_stream() {
    let mut machine = Machine::fresh(Side::Dialler);
    machine.exchange.on(Event::Opened);
    let hello = machine.hello();
    machine.say(Body::Hello(hello));
    let mut frame = pack(&machine.academy.logs.values().next().unwrap()[..1]).unwrap();
    frame.entries = vec![0; 512 * 1024];
    // The store does not answer, so no credit is given back.
    let mut closed = None;
    for _ in 0..4 {
        let message = v1::ExchangeMessage { body: Some(Body::Frame(frame.clone())) };
        for effect in machine.exchange.on(Event::Message(message)) {
            if let Effect::Close(reason) = effect {
                closed = Some(reason);
            }
        }
    }
    assert_eq!(closed, Some(CloseReason::ProtocolError("more frames than its credit allows")));
}

#[test]
fn malformed_bodies_end_the_stream() {
    for body in [
        Body::Frame(v1::Frame::default()),
        Body::Receipt(v1::Receipt::default()),
        Body::Refusal(v1::Refusal::default()),
        Body::ReceiptWanted(v1::ReceiptWanted::default()),
    ] {
        broken(Machine::greeted(Side::Dialler).say(body));
    }
}

#[test]
fn what_this_software_does_not_know_is_passed_over() {
    let mut machine = Machine::greeted(Side::Dialler);
    for message in [
        v1::ExchangeMessage { body: None },
        v1::ExchangeMessage { body: Some(Body::Notice(v1::Notice { kind: 77 })) },
        v1::ExchangeMessage { body: Some(Body::Credit(v1::Credit { bytes: u32::MAX })) },
        v1::ExchangeMessage { body: Some(Body::Credit(v1::Credit { bytes: u32::MAX })) },
    ] {
        assert_eq!(machine.event(Event::Message(message)).closed, None);
    }
}

#[test]
fn a_wish_for_a_receipt_of_what_is_not_held_is_refused() {
    let mut machine = Machine::greeted(Side::Dialler);
    let own = machine.hub.own_releases();
    for topic in [own, Topic::Curriculum] {
        let wanted = v1::ReceiptWanted { topic: topic.to_bytes().to_vec(), tip: Some(cursor().to_wire()) };
        let outcome = machine.say(Body::ReceiptWanted(wanted));
        assert_eq!(outcome.closed, None);
        assert!(matches!(outcome.sent.as_slice(), [Body::Refusal(_)]), "{topic:?}");
    }
}

#[test]
fn a_receipt_that_is_not_genuine_ends_the_stream() {
    let mut machine = Machine::greeted(Side::Dialler);
    let tip = machine.hub.logs.values().next().unwrap()[0].cursor();
    let receipt = Receipt::sign(&machine.academy.author, Topic::Directory, tip, Vec::new(), 1);
    assert_eq!(machine.say(Body::Receipt(receipt.to_wire())).closed, None);
    broken(machine.say(Body::Receipt(v1::Receipt { minute: 2, ..receipt.to_wire() })));
    let mut machine = Machine::greeted(Side::Dialler);
    let foreign = Receipt::sign(&machine.hub.author, Topic::Directory, tip, Vec::new(), 1);
    broken(machine.say(Body::Receipt(foreign.to_wire())));
}

/// A node must be able to prove that others hold what it wrote; of what others wrote it is told.
#[test]
fn a_receipt_for_what_this_node_wrote_is_signed() {
    let plain =
        |held: Cursor, topic| Body::Receipt(Receipt { topic, held, set_aside: Vec::new(), proof: None }.to_wire());
    let mut machine = Machine::greeted(Side::Dialler);
    let theirs = machine.hub.logs.values().next().unwrap()[0].cursor();
    assert_eq!(machine.say(plain(theirs, Topic::Directory)).closed, None);
    let own = Cursor { author: machine.hub.me(), ..theirs };
    broken(machine.say(plain(own, machine.hub.own_releases())));
}

#[test]
fn an_answer_to_another_question_ends_the_stream() {
    let mut machine = Machine::greeted(Side::Dialler);
    assert_eq!(machine.event(Event::Answer(Answer::RefusalKept)).closed, Some(CloseReason::AnswerMismatch));
}

/// Found by the simulation: the machine waited for ever for the answer to a log that forks and was begun anew, where no
/// frame could be cut of what was left of it, or where the fork lay right after what both share.
#[test]
fn a_fork_that_the_peer_refuses_settles() {
    for shown_again in [false, true] {
        let mut machine = Machine::greeted(Side::Acceptor);
        let own = machine.hub.own_releases();
        for payload in [[1; 30], [2; 30]] {
            machine.hub.append(own, PayloadKind::Release, payload.to_vec());
        }
        let (log, entries) = machine.hub.logs.iter().find(|(log, _)| log.topic == own).unwrap();
        let (log, shared, last) = (*log, entries[1].cursor(), entries[2].cursor());
        let begins = |outcome: &Outcome| -> Vec<u64> {
            let frames = outcome.sent.iter();
            frames.filter_map(|body| if let Body::Frame(frame) = body { Some(frame.first_seq) } else { None }).collect()
        };
        assert_eq!(begins(&machine.meets(own, &[shared])), [last.seq]);
        machine.hub.ends = (!shown_again).then_some((log, 0));
        let fork = crate::RefusalReason::Fork;
        let refusal = Refusal { topic: own, entry: last, reason: fork, detail: String::new(), set_aside: false };
        let mut outcome = machine.say(Body::Refusal(refusal.to_wire()));
        if shown_again {
            assert_eq!(begins(&outcome), [1]);
            outcome = machine.say(Body::Refusal(refusal.to_wire()));
        }
        // Only the receipt of what the peer holds is still asked for.
        let wanted = outcome.sent.iter().filter(|body| matches!(body, Body::ReceiptWanted(_))).count();
        assert!(wanted == 1 || outcome.told.contains(&Progress::Settled { round: 1 }), "{:?}", outcome.told);
    }
}

/// Found by the simulation: another stream found that a log forks while the log was being pushed, and the peer waited for
/// ever for entries that it had been shown and that counted no longer.
#[test]
fn what_was_shown_and_is_taken_out_before_it_is_sent_is_withdrawn() {
    for (end, withdrawn) in [(0, vec![1]), (2, vec![3]), (3, vec![])] {
        let mut machine = Machine::greeted(Side::Acceptor);
        let own = machine.hub.own_releases();
        for payload in [[1; 30], [2; 30]] {
            machine.hub.append(own, PayloadKind::Release, payload.to_vec());
        }
        let log = *machine.hub.logs.keys().find(|log| log.topic == own).unwrap();
        machine.hub.ends = Some((log, end));
        let outcome = machine.meets(own, &[]);
        let frames = outcome.sent.iter().filter(|body| matches!(body, Body::Frame(_))).count();
        assert_eq!(frames, usize::from(end > 0));
        let refused = outcome.sent.iter().filter_map(|body| {
            if let Body::Refusal(refusal) = body { refusal.entry.as_ref().map(|entry| entry.seq) } else { None }
        });
        assert_eq!(refused.collect::<Vec<_>>(), withdrawn, "cut to {end}");
    }
}

/// Found by the simulation: a checkpoint was sent in the place of what the peer lacked, and what had followed it in its log
/// counted no longer. The peer waited for that for ever.
#[test]
fn what_followed_a_checkpoint_and_is_taken_out_is_withdrawn() {
    for (end, begins, withdrawn) in [(2, vec![2], vec![3]), (3, vec![2, 3], vec![])] {
        let mut machine = Machine::greeted(Side::Acceptor);
        let own = machine.hub.own_releases();
        for payload in [[1; 30], [2; 30]] {
            machine.hub.append(own, PayloadKind::Release, payload.to_vec());
        }
        let log = *machine.hub.logs.keys().find(|log| log.topic == own).unwrap();
        (machine.hub.ends, machine.hub.checkpoint) = (Some((log, end)), Some((log, 2)));
        let outcome = machine.meets(own, &[]);
        let (mut frames, mut refused) = (Vec::new(), Vec::new());
        for body in &outcome.sent {
            if let Body::Frame(frame) = body {
                frames.push(frame.first_seq);
            } else if let Body::Refusal(refusal) = body {
                refused.extend(refusal.entry.as_ref().map(|entry| entry.seq));
            }
        }
        assert_eq!((frames, refused), (begins, withdrawn), "cut to {end}");
    }
}

/// Found by the simulation: what a comparison showed to be lacking came over another stream, and the peer, which was given
/// more of the same log, had no reason left to bring it.
#[test]
fn what_another_stream_brought_is_not_waited_for() {
    let mut machine = Machine::greeted(Side::Acceptor);
    let other = Model::joining(9, &machine.academy);
    machine.academy.register(&other, 1, HubState::Enrolled);
    let entries = machine.academy.logs.values().next().unwrap().clone();
    let tip = entries.last().unwrap().cursor();
    machine.meets(Topic::Directory, &[tip]);
    machine.hub.store(entries.last().unwrap().clone());
    let outcome = machine.event(Event::Wake);
    assert!(outcome.sent.iter().any(|body| matches!(body, Body::Frame(_))), "given on to the peer");
    let receipt = Receipt::sign(&machine.academy.author, Topic::Directory, tip, Vec::new(), 1);
    let outcome = machine.say(Body::Receipt(receipt.to_wire()));
    let wanted = outcome.sent.iter().filter(|body| matches!(body, Body::ReceiptWanted(_))).count();
    assert!(wanted == 1 || outcome.told.contains(&Progress::Settled { round: 1 }), "{:?}", outcome.told);
}
