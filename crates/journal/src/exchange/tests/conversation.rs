//! Two machines that speak to each other.

use std::collections::VecDeque;

use folkmoot_proto::federation::v1::exchange_message::Body;

use super::model::Model;
use crate::directory::{HubState, PeerStatus};
use crate::entry::PayloadKind;
use crate::exchange::{CloseReason, Effect, Event, Exchange, Progress, Question, Setup, Side};
use crate::id::NodeId;
use crate::topic::{LogId, Topic};

/// Both ends of one stream: index 0 dials, 1 accepts.
pub(super) struct Pair {
    pub(super) nodes: [Model; 2],
    machines: [Exchange; 2],
    pub(super) wires: [VecDeque<Event>; 2],
    told: [Vec<Progress>; 2],
    pub(super) closed: [Option<CloseReason>; 2],
}

impl Pair {
    pub(super) fn greeting(dialler: Model, acceptor: Model) -> Pair {
        let machines = [
            Exchange::new(dialler.setup(&acceptor, Side::Dialler)),
            Exchange::new(acceptor.setup(&dialler, Side::Acceptor)),
        ];
        let mut pair = Pair {
            nodes: [dialler, acceptor],
            machines,
            wires: Default::default(),
            told: Default::default(),
            closed: [None, None],
        };
        pair.event(1, Event::Opened);
        pair.event(0, Event::Opened);
        pair
    }

    pub(super) fn open(dialler: Model, acceptor: Model) -> Pair {
        let mut pair = Pair::greeting(dialler, acceptor);
        pair.run();
        pair
    }

    /// Hands the oldest message on its way to this side over.
    pub(super) fn deliver(&mut self, side: usize) {
        if let Some(event) = self.wires[side].pop_front() {
            self.event(side, event);
        }
    }

    /// Feeds one event and does what the machine wants, except that what it sends waits on the wire.
    pub(super) fn event(&mut self, side: usize, event: Event) {
        let mut events = VecDeque::from([event]);
        while let Some(event) = events.pop_front() {
            for effect in self.machines[side].on(event) {
                match effect {
                    Effect::Send(message) => self.wires[1 - side].push_back(Event::Message(message)),
                    Effect::Ask(question) => {
                        let rows = self.nodes[side].tips();
                        events.push_back(Event::Answer(self.nodes[side].answer(question)));
                        if self.nodes[side].tips() != rows {
                            let peer = self.nodes[1 - side].me();
                            events.push_back(Event::PeerListed(self.nodes[side].status_of(peer)));
                            events.push_back(Event::Wake);
                        }
                    }
                    Effect::Tell(progress) => self.told[side].push(progress),
                    Effect::Close(reason) => self.closed[side] = Some(reason),
                }
            }
        }
    }

    pub(super) fn run(&mut self) {
        while let Some(side) = (0..2).find(|side| !self.wires[*side].is_empty()) {
            self.deliver(side);
        }
    }

    pub(super) fn rounds(&self, side: usize) -> Vec<u32> {
        let settled = |progress: &Progress| match progress {
            Progress::Settled { round } => Some(*round),
            Progress::Connected { .. }
            | Progress::Comparing { .. }
            | Progress::Received { .. }
            | Progress::Recovered { .. }
            | Progress::Appended { .. }
            | Progress::AppendBlocked
            | Progress::RefusedByPeer(_)
            | Progress::RefusedHere(_)
            | Progress::DirectoryChanged
            | Progress::Frozen
            | Progress::PeerFrozen
            | Progress::NotListedByPeer
            | Progress::RevokedByPeer
            | Progress::Presence(_) => None,
        };
        self.told[side].iter().filter_map(settled).collect()
    }

    #[track_caller]
    pub(super) fn settled(&self, rounds: &[u32]) {
        assert_eq!((self.rounds(0), self.rounds(1)), (rounds.to_vec(), rounds.to_vec()), "{:?}", self.told);
        assert_eq!(self.closed, [None, None]);
    }

    #[track_caller]
    fn settled_at(&self, side: usize, rounds: &[u32]) {
        assert_eq!(self.rounds(side), rounds);
    }

    fn count(&self, side: usize, question: &str) -> usize {
        self.nodes[side].asked.iter().filter(|asked| *asked == question).count()
    }
}

fn release() -> (Topic, PayloadKind, Vec<u8>) {
    (Topic::Directory, PayloadKind::Unknown(99), vec![0; 100])
}

fn nodes() -> (Model, Model) {
    let mut academy = Model::academy();
    let hub = Model::hub(7, &mut academy);
    (hub, academy)
}

#[test]
fn two_that_hold_the_same_settle_with_one_comparison() {
    let (hub, academy) = nodes();
    let pair = Pair::open(hub, academy);
    pair.settled(&[1]);
    for side in 0..2 {
        assert_eq!(pair.count(side, "Compare"), 1);
        assert_eq!(pair.count(side, "TipsOf") + pair.count(side, "FrameAfter"), 0);
    }
}

#[test]
fn each_gets_what_it_lacks_and_both_settle() {
    let (mut hub, mut academy) = nodes();
    hub.append(hub.own_releases(), PayloadKind::Release, vec![7; 300]);
    for version in 2..40 {
        academy.register(&hub, version, HubState::Enrolled);
    }
    let pair = Pair::open(hub, academy);
    pair.settled(&[1]);
    assert_eq!(pair.nodes[0].tips(), pair.nodes[1].tips());
    assert_eq!(pair.nodes[0].rights.directory, pair.nodes[1].rights.directory);
    let academy = pair.nodes[1].me();
    let log = LogId {
        topic: pair.nodes[0].own_releases(),
        author: pair.nodes[0].me(),
        incarnation: pair.nodes[0].author.incarnation,
    };
    assert_eq!(pair.nodes[0].receipts[&(academy, log)].held.seq, 2, "the hub keeps the Academy's receipt");
}

#[test]
fn approved_releases_are_appended_once_the_academy_has_shown_what_it_holds() {
    let (mut hub, academy) = nodes();
    hub.approved = vec![vec![1; 10], vec![2; 10]];
    let pair = Pair::open(hub, academy);
    pair.settled(&[1]);
    assert_eq!(pair.nodes[0].tips(), pair.nodes[1].tips());
    assert!(pair.told[0].contains(&Progress::Appended { entries: 3 }));
    let hub = &pair.nodes[0];
    assert_eq!(
        hub.tips().into_iter().filter(|(log, _)| log.topic == hub.own_releases()).map(|(_, seq)| seq).sum::<u64>(),
        3
    );
    let first = |question: &str| hub.asked.iter().position(|asked| asked == question).unwrap();
    assert!(first("Compare") < first("AppendApproved"));
}

#[test]
fn a_restored_hub_gets_its_entries_back_before_it_appends() {
    let (mut hub, mut academy) = nodes();
    hub.append(hub.own_releases(), PayloadKind::Release, vec![7; 300]);
    let lost = hub
        .logs
        .iter()
        .find(|(log, _)| log.topic == hub.own_releases())
        .map(|(log, log_entries)| (*log, log_entries.clone()))
        .unwrap();
    for entry in lost.1 {
        academy.store(entry);
    }
    hub.logs.remove(&lost.0);
    let (mut restored, academy) = (Model::joining(7, &academy), academy);
    restored.restart(9);
    restored.approved = vec![vec![8; 10]];
    let pair = Pair::open(restored, academy);
    pair.settled(&[1]);
    assert!(pair.told[0].contains(&Progress::Recovered { log: lost.0, entries: 2 }));
    let hub = &pair.nodes[0];
    let keep = hub.asked.iter().position(|asked| asked == "Keep").unwrap();
    let append = hub.asked.iter().position(|asked| asked == "AppendApproved").unwrap();
    assert!(keep < append);
    assert_eq!(pair.nodes[0].tips(), pair.nodes[1].tips());
}

#[test]
fn a_wake_pushes_without_another_comparison() {
    let (hub, academy) = nodes();
    let mut pair = Pair::open(hub, academy);
    pair.nodes[0].approved = vec![vec![3; 10]];
    pair.event(0, Event::Wake);
    pair.run();
    let (topic, kind, payload) = release();
    pair.nodes[1].append(topic, kind, payload);
    pair.event(1, Event::Wake);
    pair.run();
    assert_eq!(pair.nodes[0].tips(), pair.nodes[1].tips());
    pair.settled(&[1]);
    assert_eq!(pair.count(1, "Compare"), 1);
    pair.event(0, Event::CompareNow);
    pair.run();
    pair.settled(&[1, 2]);
    assert_eq!(pair.count(1, "TipsOf"), 0, "the second comparison finds nothing");
}

#[test]
fn what_a_peer_brings_is_not_sent_back_to_it() {
    let (hub, academy) = nodes();
    let mut pair = Pair::open(hub, academy);
    let [one, two] = [1, 2].map(|byte| {
        pair.nodes[1].append(Topic::Directory, PayloadKind::Unknown(99), vec![byte; 10]);
        pair.event(1, Event::Wake);
        std::mem::take(&mut pair.wires[0])
    });
    let (mut questions, mut frames) = (VecDeque::new(), 0);
    let Pair { nodes: [hub, _], machines: [machine, _], .. } = &mut pair;
    let mut feed = |event, questions: &mut VecDeque<Question>| {
        for effect in machine.on(event) {
            match effect {
                Effect::Ask(question) => questions.push_back(question),
                Effect::Send(message) => frames += usize::from(matches!(message.body, Some(Body::Frame(_)))),
                Effect::Tell(_) => {}
                Effect::Close(reason) => panic!("{reason:?}"),
            }
        }
    };
    // The store's own word of the first comes while the second waits to be kept.
    for event in one.into_iter().chain([Event::Wake]).chain(two) {
        feed(event, &mut questions);
    }
    while let Some(question) = questions.pop_front() {
        feed(Event::Answer(hub.answer(question)), &mut questions);
    }
    assert_eq!(frames, 0);
    assert_eq!(pair.nodes[0].tips(), pair.nodes[1].tips());
}

#[test]
fn credit_bounds_what_is_under_way() {
    let (hub, mut academy) = nodes();
    let mut state = 1_u32;
    for _ in 0..30 {
        let noise = (0..200_000).map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        });
        academy.append(Topic::Directory, PayloadKind::Unknown(99), noise.collect());
    }
    let pair = Pair::open(hub, academy);
    pair.settled(&[1]);
    assert_eq!(pair.nodes[0].tips(), pair.nodes[1].tips());
}

#[test]
fn a_lost_receipt_is_asked_for_again() {
    let (mut hub, mut academy) = nodes();
    hub.append(hub.own_releases(), PayloadKind::Release, vec![7; 300]);
    for (log, entries) in hub.logs.clone() {
        if log.topic == hub.own_releases() {
            entries.into_iter().for_each(|entry| academy.store(entry));
        }
    }
    let pair = Pair::open(hub, academy);
    pair.settled(&[1]);
    assert_eq!(pair.nodes[0].receipts.len(), 1);
    assert_eq!(pair.count(1, "Keep"), 0);
}

#[test]
fn an_unlisted_hub_is_told_nothing_until_the_directory_it_brings_lists_it() {
    let mut academy = Model::academy();
    let mut peer = Model::hub(5, &mut academy);
    let stale = Model::joining(6, &academy);
    peer.role = crate::directory::Role::Hub;
    academy.register(&stale, 1, HubState::Enrolled);
    let mut newcomer = Model::joining(6, &academy);
    newcomer.restart(77);
    let pair = Pair::open(newcomer, peer);
    pair.settled(&[1]);
    assert!(pair.told[0].contains(&Progress::NotListedByPeer));
    assert!(pair.told[1].contains(&Progress::DirectoryChanged));
    assert_eq!(pair.nodes[0].rights.directory, pair.nodes[1].rights.directory);
}

#[test]
fn a_revoked_hub_is_turned_away_on_its_open_stream() {
    let (hub, academy) = nodes();
    let mut pair = Pair::open(hub, academy);
    let hub = Model::joining(7, &pair.nodes[1]);
    pair.nodes[1].register(&hub, 9, HubState::Revoked);
    let status = pair.nodes[1].status_of(hub.me());
    pair.event(1, Event::PeerListed(status));
    pair.run();
    assert_eq!(pair.closed, [Some(CloseReason::RevokedByPeer), Some(CloseReason::NotAllowed)]);
    assert!(pair.told[0].contains(&Progress::RevokedByPeer));
}

#[test]
fn a_superseded_copy_is_read_to_and_not_listened_to() {
    let (mut hub, mut academy) = nodes();
    let seen = academy.incarnations.entry(hub.me()).or_default();
    for incarnation in [hub.author.incarnation.0, 4242] {
        let admission = seen.admit(crate::Incarnation(incarnation));
        seen.record(crate::Incarnation(incarnation), admission);
    }
    hub.append(hub.own_releases(), PayloadKind::Release, vec![7; 300]);
    hub.approved = vec![vec![1; 10]];
    let (topic, kind, payload) = release();
    academy.append(topic, kind, payload);
    let before = academy.tips();
    let pair = Pair::open(hub, academy);
    pair.settled(&[1]);
    assert!(pair.told[0].contains(&Progress::Frozen));
    assert!(pair.told[1].contains(&Progress::PeerFrozen));
    assert_eq!(pair.nodes[1].tips(), before, "nothing of the copy is taken");
    assert_eq!(pair.nodes[0].approved.len(), 1, "nothing is appended by the copy");
    assert!(before.iter().all(|(log, seq)| pair.nodes[0].tips().get(log) == Some(seq)), "it reads");
}

#[test]
fn a_fork_is_shown_from_the_first_entry_and_settles() {
    let (mut hub, mut academy) = nodes();
    hub.append(hub.own_releases(), PayloadKind::Release, vec![1; 30]);
    let forked = hub.own_releases();
    for (log, entries) in hub.logs.clone() {
        if log.topic == forked {
            academy.store(entries[0].clone());
        }
    }
    let mut twin = Model::joining(7, &academy);
    for (log, entries) in hub.logs.clone() {
        if log.topic == forked {
            twin.store(entries[0].clone());
        }
    }
    twin.append(forked, PayloadKind::Release, vec![2; 30]);
    for (log, entries) in twin.logs.clone() {
        if log.topic == forked {
            academy.store(entries[1].clone());
        }
    }
    hub.append(forked, PayloadKind::Release, vec![3; 30]);
    let pair = Pair::open(hub, academy);
    pair.settled(&[1]);
    assert!(pair.nodes[0].refusals.iter().any(|refusal| refusal.reason == crate::RefusalReason::Fork));
    assert!(pair.told[0].contains(&Progress::AppendBlocked));
}

#[test]
fn a_later_stream_takes_the_place_of_an_earlier_one() {
    let (hub, academy) = nodes();
    let mut pair = Pair::open(hub, academy);
    pair.event(1, Event::Replaced);
    pair.run();
    assert_eq!(pair.closed, [Some(CloseReason::ReplacedByPeer), Some(CloseReason::Replaced)]);
    assert!(pair.machines[0].on(Event::Wake).is_empty());
}

/// Found by the simulation: the answer to the wish for a receipt was taken for a refusal of the entry itself.
#[test]
fn an_entry_written_while_receipts_are_asked_for_is_pushed_and_not_refused() {
    let (hub, mut academy) = nodes();
    academy.surprise = Some(release());
    let pair = Pair::open(hub, academy);
    pair.settled(&[1]);
    assert_eq!(pair.nodes[1].surprise, None);
    assert_eq!(pair.nodes[0].tips(), pair.nodes[1].tips());
    assert_eq!(pair.nodes[1].refusals, []);
    let log = pair.nodes[1].logs.keys().next().unwrap();
    assert_eq!(pair.nodes[1].receipts[&(pair.nodes[0].me(), *log)].held.seq, 3);
}

/// Found by the simulation: a wish was forgotten when the next comparison began, and its answer taken for a refusal.
#[test]
fn a_wish_for_a_receipt_outlives_its_comparison() {
    let (hub, mut academy) = nodes();
    academy.surprise = Some(release());
    let mut pair = Pair::greeting(hub, academy);
    while pair.nodes[1].surprise.is_some() {
        let side = usize::from(pair.wires[0].is_empty());
        pair.deliver(side);
    }
    // The hub hears Same and compares again, and the Academy hears of that before the hub hears of the wish.
    pair.event(0, Event::CompareNow);
    pair.deliver(0);
    pair.deliver(1);
    assert_eq!(pair.count(1, "Compare"), 2);
    pair.run();
    pair.settled_at(0, &[1, 2]);
    assert_eq!(pair.nodes[1].refusals, []);
    assert_eq!(pair.nodes[0].tips(), pair.nodes[1].tips());
}

/// The directory names the key of an unlisted peer on the very stream that brought it.
#[test]
fn a_key_that_the_directory_comes_to_name_goes_on_under_its_name() {
    let mut academy = Model::academy();
    let hub = Model::joining(7, &academy);
    academy.register(&hub, 1, HubState::Enrolled);
    let newcomer = Model::joining(7, &academy);
    let mut machine = Exchange::new(Setup {
        peer: NodeId([0; 32]),
        peer_status: PeerStatus::NotListed,
        ..hub.setup(&newcomer, Side::Acceptor)
    });
    machine.on(Event::Opened);
    let mut dialler = Exchange::new(newcomer.setup(&hub, Side::Dialler));
    let Some(Effect::Send(hello)) = dialler.on(Event::Opened).pop() else { panic!("a dialler says Hello") };
    machine.on(Event::Message(hello));
    assert!(machine.on(Event::PeerNamed { peer: newcomer.me(), role: newcomer.role }).is_empty());
    let effects = machine.on(Event::PeerListed(PeerStatus::Listed));
    let admits =
        |effect: &Effect| matches!(effect, Effect::Ask(Question::Admit { peer, .. }) if *peer == newcomer.me());
    assert!(effects.iter().any(admits), "{effects:?}");
}
