//! Entries on their way: joining, pushing, receipts, recovery.

use folkmoot_journal::frame::{ENTRY_LIMIT, INFLATED_LIMIT};
use folkmoot_journal::{Payload, unpack};
use tempfile::TempDir;

use super::*;

#[test]
fn a_hub_joins_with_the_whole_directory() {
    let (academy, hub) = pair();
    assert_eq!(academy.journal().directory(), hub.journal().directory());
    assert_eq!(hub.journal().directory().log_key(hub.id), Some(hub.key.public()));
    assert_eq!(digest(&academy, &hub), digest(&hub, &academy));
    // Joining again is harmless; joining another federation is not.
    let frames = academy.journal().directory_frames().expect("frames");
    hub.journal().adopt(federation(&academy), frames.clone()).expect("again");
    let other = FederationId([7; 32]);
    assert!(matches!(hub.journal().adopt(other, frames), Err(StoreError::AlreadyJoined)));
    assert!(matches!(hub.journal().found(key(2), Incarnation(1), genesis_of(&hub)), Err(StoreError::WrongRole { .. })));
    let again = academy.journal().found(key(1), Incarnation(1), genesis_of(&academy));
    assert!(matches!(again, Err(StoreError::AlreadyJoined)));
}

fn genesis_of(node: &Node) -> Genesis {
    node.journal().directory().academy().map(|(_, genesis)| genesis.clone()).expect("genesis")
}

#[test]
fn a_directory_that_does_not_hold_together_is_not_adopted() {
    let academy = academy();
    list(&academy, &record(&key(2), 1, HubState::Enrolled, Vec::new()));
    let frames = academy.journal().directory_frames().expect("frames");
    let id = federation(&academy);
    let check = |federation: FederationId, frames: Vec<v1::Frame>| {
        let store = Store::in_memory(Role::Hub, &name("Warminster"), ambient()).expect("a store");
        let adopted = store.journal().adopt(federation, frames);
        assert!(matches!(adopted, Err(StoreError::DirectoryRefused { .. })), "{adopted:?}");
        assert_eq!(store.journal().federation(), None, "nothing is half adopted");
        assert!(store.journal().directory().academy().is_none());
    };
    check(FederationId([7; 32]), frames.clone());
    check(id, Vec::new());
    check(id, frames[1..].to_vec());
    let mut forged = frames.clone();
    forged[1].signature[0] ^= 1;
    check(id, forged);
    let (other, hub) = pair();
    hub.append(&["a release"]);
    let foreign =
        hub.frame(&other, LogId { topic: hub.releases(), author: hub.id, incarnation: Incarnation(2_000) }, 0, 1);
    check(id, vec![frames[0].clone(), foreign.expect("a frame").0]);
}

#[test]
fn what_a_hub_writes_arrives_and_is_signed_for() {
    let (academy, hub) = pair();
    hub.append(&["one", "two"]);
    assert_eq!(hub.journal().waiting().expect("waiting"), Waiting { entries: 3, releases: 0 });
    let outcomes = push(&hub, &academy);
    assert_eq!(outcomes.iter().map(|kept| kept.new_entries).collect::<Vec<_>>(), [3]);
    assert_eq!(academy.payloads(hub.releases()), ["one", "two"]);
    assert_eq!(hub.journal().waiting().expect("waiting"), Waiting::default());
    assert_eq!(digest(&academy, &hub), digest(&hub, &academy));
    let tip = only(&hub.tips(hub.releases()));
    let receipt = hub.journal().receipt(hub.releases(), &tip, academy.id).expect("read").expect("a receipt");
    assert_eq!(receipt.held, tip);
    assert_eq!(receipt.verify(federation(&hub), &academy.key.public()), Ok(()));
    assert_eq!(missing(&hub, &academy), Missing::default());
    assert_eq!(missing(&academy, &hub), Missing::default());
}

#[test]
fn replay_is_harmless() {
    let (academy, hub) = pair();
    hub.append(&["one"]);
    let log = only(&hub.tips(hub.releases())).log(hub.releases());
    let (frame, upto) = hub.frame(&academy, log, 0, 1).expect("a frame");
    assert_eq!(upto, 2, "a frame goes as far as the first signature at least");
    let first = academy.keep(&hub, frame.clone());
    let second = academy.keep(&hub, frame.clone());
    assert_eq!((first.new_entries, second.new_entries), (2, 0));
    assert_eq!(first.receipt, second.receipt);
    hub.append(&["two"]);
    push(&hub, &academy);
    // A late frame neither takes back nor adds, and is answered with what is held by now.
    let late = academy.keep(&hub, frame);
    assert_eq!(late.upto, Some(only(&hub.tips(hub.releases()))));
    assert_eq!(academy.payloads(hub.releases()), ["one", "two"]);
}

#[test]
fn frames_keep_to_their_caps_and_end_on_signatures() {
    let (academy, hub) = pair();
    for n in 0..2_500_usize {
        let payload = vec![n as u8; if n % 500 == 1 { 200_000 } else { 40 }];
        hub.journal().append(hub.releases(), FREE, payload).expect("appended");
    }
    let log = only(&hub.tips(hub.releases())).log(hub.releases());
    let (mut after, mut ends) = (0, Vec::new());
    while let Some((frame, upto)) = hub.frame(&academy, log, after, 100_000) {
        let unpacked = unpack(&frame, federation(&hub)).expect("unpacks");
        assert!(unpacked.entries.len() <= ENTRY_LIMIT && frame.inflated_size as usize <= INFLATED_LIMIT);
        assert!(frame.inflated_size <= 100_000 || unpacked.entries.len() == 1, "{}", frame.inflated_size);
        assert_eq!(unpacked.verify(&hub.key.public()), Ok(()));
        academy.keep(&hub, frame);
        ends.push(upto);
        after = upto;
    }
    assert_eq!(after, 2_501);
    // A relay holds the signatures at the ends of the frames that it got, and cuts there.
    let relayed: Vec<u64> = std::iter::successors(Some(0), |after| {
        academy.frame(&academy, log, *after, 1).map(|(frame, upto)| {
            assert_eq!(unpack(&frame, federation(&hub)).expect("unpacks").verify(&hub.key.public()), Ok(()));
            upto
        })
    })
    .skip(1)
    .collect();
    assert_eq!(relayed, ends);
    // From the middle of such a frame a peer is served too.
    assert_eq!(academy.frame(&academy, log, 1, 1).map(|(_, upto)| upto), ends.iter().copied().find(|end| *end > 1));
}

#[test]
fn an_old_copy_gets_its_own_entries_back() {
    let (academy, hub) = pair();
    hub.append(&["one"]);
    sync(&hub, &academy);
    let old = hub.store.snapshot().expect("a snapshot");
    hub.append(&["two", "three"]);
    sync(&hub, &academy);
    let restored = hub.restored(&old, 2_001);
    assert_eq!(restored.payloads(hub.releases()), ["one"]);
    let outcomes = push(&academy, &restored);
    assert_eq!(outcomes.iter().map(|kept| kept.recovered).sum::<u64>(), 2);
    assert_eq!(restored.journal().recovered().expect("read"), 2);
    assert_eq!(restored.payloads(hub.releases()), ["one", "two", "three"]);
    // The new log names the tip of the old one, now that it is held again.
    let before = only(&restored.tips(hub.releases()));
    restored.append(&["four"]);
    assert_eq!(openings(&restored, 2_001), [before]);
    sync(&restored, &academy);
    assert_eq!(academy.payloads(hub.releases()), restored.payloads(hub.releases()));
    assert_eq!(digest(&academy, &restored), digest(&restored, &academy));
}

#[test]
fn what_comes_back_late_is_named_by_the_next_opening() {
    let (academy, hub) = pair();
    hub.append(&["one"]);
    let old = hub.store.snapshot().expect("a snapshot");
    hub.append(&["two"]);
    sync(&hub, &academy);
    let restored = hub.restored(&old, 2_001);
    let short = only(&restored.tips(hub.releases()));
    restored.append(&["meanwhile"]);
    assert_eq!(openings(&restored, 2_001), [short]);
    sync(&restored, &academy);
    assert_eq!(restored.journal().recovered().expect("read"), 1);
    let tips = restored.tips(hub.releases());
    assert_eq!(tips.len(), 2);
    let next = restored.restored(&restored.store.snapshot().expect("a snapshot"), 2_002);
    next.append(&["later"]);
    assert_eq!(openings(&next, 2_002), tips, "the first log's tip is past what the second one's opening names");
}

/// What the opening of a node's own releases log of this incarnation names.
fn openings(node: &Node, incarnation: u64) -> Vec<Cursor> {
    let log = LogId { topic: node.releases(), author: node.id, incarnation: Incarnation(incarnation) };
    let read = node.store.read("opening", |connection| {
        let log = find_log(connection, log)?.expect("the log");
        let entry = logs::entry_at(connection, &log, 1)?.expect("an opening");
        Ok(Payload::decode(PayloadKind::Opening, &entry.body.expect("a body").payload).expect("decodes"))
    });
    match read.expect("read") {
        Some(Payload::Opening(opening)) => opening.earlier,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_academy_gets_its_directory_back_from_a_hub() {
    let (academy, hub) = pair();
    let old = academy.store.snapshot().expect("a snapshot");
    list(&academy, &record(&hub.key, 2, HubState::Suspended, Vec::new()));
    list(&academy, &record(&hub.key, 3, HubState::Enrolled, Vec::new()));
    sync(&academy, &hub);
    let restored = academy.restored(&old, 102);
    assert_ne!(restored.journal().directory(), hub.journal().directory());
    push(&hub, &restored);
    assert_eq!(restored.journal().directory(), hub.journal().directory());
    assert_eq!(restored.journal().recovered().expect("read"), 2);
    // An entry of the new process goes on from there.
    list(&restored, &record(&key(5), 1, HubState::Enrolled, Vec::new()));
    push(&restored, &hub);
    assert_eq!(restored.journal().directory(), hub.journal().directory());
    assert_eq!(restored.journal().waiting().expect("waiting").entries, 7, "the new hub has signed for nothing yet");
}

#[test]
fn everything_is_there_after_a_kill() {
    let academy = academy();
    let folder = TempDir::new().expect("a folder");
    let path = folder.path().join("node.db");
    let key = key(2);
    list(&academy, &record(&key, 1, HubState::Enrolled, Vec::new()));
    let node = Node::new(Store::create(&path, Role::Hub, &name("Warminster"), ambient()).expect("a store"), key);
    let frames = academy.journal().directory_frames().expect("frames");
    node.journal().adopt(federation(&academy), frames).expect("adopted");
    node.start(2_000);
    node.append(&["one"]);
    sync(&node, &academy);
    let (before, tips) = (digest(&node, &academy), node.tips(node.releases()));
    let writes = |store: &Store| {
        let count = store.read("changes", |c| Ok(c.query_row("PRAGMA data_version", [], |row| row.get::<_, i64>(0))?));
        count.expect("read")
    };
    let again = Node::new(Store::open(&path, ambient()).expect("opens beside the first"), Arc::clone(&node.key));
    again.start(2_001);
    let version = writes(&again.store);
    assert_eq!(digest(&again, &academy), before, "right after a start the digests are there");
    assert_eq!(writes(&again.store), version, "and cost no write");
    assert_eq!(again.tips(node.releases()), tips);
    assert_eq!(again.journal().directory(), academy.journal().directory());
    assert_eq!(again.journal().waiting().expect("waiting"), Waiting::default());
}

#[test]
fn a_wake_finds_what_grew() {
    let (academy, hub) = pair();
    let mark = match hub.answer(Question::Compare { scope: scope(&hub, &academy) }) {
        Answer::Digest { mark, .. } => mark,
        other => panic!("{other:?}"),
    };
    let changed = |mark| match hub.answer(Question::ChangedSince { scope: scope(&hub, &academy), mark }) {
        Answer::Changed { logs, mark, .. } => (logs, mark),
        other => panic!("{other:?}"),
    };
    assert_eq!(changed(mark), (Vec::new(), mark));
    hub.append(&["one"]);
    let log = only(&hub.tips(hub.releases())).log(hub.releases());
    let (logs, next) = changed(mark);
    assert_eq!(logs, [(log, 0)]);
    hub.append(&["two"]);
    hub.append(&["three"]);
    assert_eq!(changed(mark).0, [(log, 0)]);
    assert_eq!(changed(next).0, [(log, 2)]);
}

#[test]
fn questions_are_answered_together_as_one_after_another() {
    let (academy, hub) = pair();
    hub.append(&["one", "two", "three"]);
    let log = only(&hub.tips(hub.releases())).log(hub.releases());
    let frames: Vec<v1::Frame> = (0..4).map(|after| hub.frame(&academy, log, after, 1).expect("a frame").0).collect();
    let mark = match academy.answer(Question::ChangedSince { scope: scope(&academy, &hub), mark: 0 }) {
        Answer::Changed { mark, .. } => mark,
        other => panic!("{other:?}"),
    };
    let keep = |frame: &v1::Frame| Question::Keep { peer: hub.id, incarnation: None, frame: frame.clone() };
    let mut forged = frames[3].clone();
    forged.signature[0] ^= 1;
    let questions = vec![
        keep(&frames[0]),
        keep(&frames[1]),
        keep(&frames[3]),
        keep(&frames[2]),
        keep(&forged),
        Question::ChangedSince { scope: scope(&academy, &hub), mark },
        keep(&frames[3]),
        Question::FrameAfter { peer: hub.id, log, after: 3, max_bytes: 1 },
    ];
    let one_by_one = {
        let copy = academy.restored(&academy.store.snapshot().expect("a snapshot"), 1);
        questions.iter().map(|question| copy.answer(question.clone())).collect::<Vec<_>>()
    };
    let together = academy.journal().answer_all(questions).expect("answers");
    let said = |answers: &[Answer]| -> Vec<String> {
        let said = |answer: &Answer| match answer {
            Answer::Kept(kept) => {
                format!("{:?} {:?}", kept.upto.map(|upto| upto.seq), reasons(std::slice::from_ref(kept)))
            }
            Answer::Changed { logs, .. } => format!("{logs:?}"),
            // It is cut from what is held at any time.
            Answer::Frame { .. } => String::new(),
            other => panic!("{other:?}"),
        };
        answers.iter().map(said).collect()
    };
    assert_eq!(said(&together), said(&one_by_one));
    assert_eq!(only(&academy.tips(hub.releases())).seq, 4);
}
