//! What is not taken, what is set aside, what forks.

use folkmoot_journal::pack;

use super::*;
use crate::journal::forks::evidence;

/// Entries of a log made without a store, each signed.
fn written(key: &Arc<LogKey>, federation: FederationId, topic: Topic, incarnation: u64, texts: &[&str]) -> Vec<Entry> {
    forged(key, federation, topic, incarnation, texts.iter().map(|text| (FREE, text.as_bytes().to_vec())).collect())
}

#[test]
fn frames_that_may_not_be_are_refused_with_a_reason() {
    let (academy, hub) = pair();
    let check = |key: &Arc<LogKey>, topic: Topic, spoil: fn(&mut v1::Frame), expected: RefusalReason| {
        let entries = written(key, federation(&academy), topic, 9, &["one"]);
        let mut frame = pack(&entries).expect("packs");
        spoil(&mut frame);
        let kept = academy.keep(&hub, frame);
        assert_eq!(reasons(std::slice::from_ref(&kept)), [(expected, false)], "{topic:?}");
        assert_eq!((kept.new_entries, kept.upto, kept.receipt), (0, None, None));
    };
    let releases = hub.releases();
    check(&key(3), Topic::Releases(key(3).id()), |_| (), RefusalReason::UnknownAuthor);
    check(&key(3), releases, |_| (), RefusalReason::UnknownAuthor);
    check(&hub.key, Topic::Directory, |_| (), RefusalReason::NotAuthorised);
    check(&academy.key, releases, |_| (), RefusalReason::NotAuthorised);
    check(&hub.key, Topic::Curriculum, |_| (), RefusalReason::NotAuthorised);
    check(&hub.key, Topic::Proposals(hub.id), |_| (), RefusalReason::NotSubscribed);
    check(&hub.key, Topic::Campaign(CampaignId([1; 32])), |_| (), RefusalReason::UnknownCampaign);
    check(&hub.key, releases, |frame| frame.signature[3] ^= 1, RefusalReason::NotGenuine);
    check(&hub.key, releases, |frame| frame.entries[7] ^= 1, RefusalReason::NotGenuine);
    check(&hub.key, releases, |frame| frame.inflated_size = u32::MAX, RefusalReason::NotGenuine);
    check(&hub.key, releases, |frame| frame.incarnation += 1, RefusalReason::NotGenuine);
    check(&hub.key, releases, |frame| frame.first_seq = 0, RefusalReason::NotGenuine);
    check(&hub.key, releases, |frame| frame.first_seq = u64::MAX, RefusalReason::NotGenuine);
    // A hub takes its own releases alone.
    let other = super::hub(&academy, 4);
    sync(&academy, &hub);
    let entries = written(&other.key, federation(&academy), other.releases(), 9, &["one"]);
    let kept = hub.keep(&academy, pack(&entries).expect("packs"));
    assert_eq!(reasons(&[kept]), [(RefusalReason::NotSubscribed, false)]);
    // What names no log cannot be answered.
    let frame = v1::Frame { topic: vec![9], ..v1::Frame::default() };
    let answer = academy.journal().answer(Question::Keep { peer: hub.id, incarnation: None, frame });
    assert!(matches!(answer, Err(StoreError::Protocol { .. })));
}

/// A relay that keeps the headers and drops what they cover, such as a revocation, is not believed to hold anything.
#[test]
fn an_entry_without_its_payload_is_a_gap() {
    let (academy, hub) = pair();
    let check = |to: &Node, from: &Node, entries: &[Entry], at: usize| {
        let mut stripped = entries.to_vec();
        stripped[at].body = None;
        let kept = to.keep(from, pack(&stripped).expect("packs"));
        assert_eq!(reasons(std::slice::from_ref(&kept)), [(RefusalReason::Gap, false)]);
        assert_eq!(kept.refusals[0].entry, entries[at].cursor());
        assert_eq!((kept.new_entries, kept.upto, kept.receipt), (0, None, None));
        let kept = to.keep(from, pack(entries).expect("packs"));
        assert_eq!((kept.new_entries, reasons(&[kept])), (entries.len() as u64, Vec::new()), "with it, it is taken");
    };
    let releases = written(&hub.key, federation(&academy), hub.releases(), 9, &["one", "two"]);
    check(&academy, &hub, &releases, 1);
    let other = super::hub(&academy, 4);
    let directory = written(&academy.key, federation(&academy), Topic::Directory, 9, &["one", "two"]);
    check(&hub, &other, &directory, 2);
    check(&other, &hub, &directory, 0);
}

/// The number fits and the signature holds, and yet it follows another entry than the one held.
#[test]
fn an_entry_that_follows_another_than_the_one_held_is_not_taken() {
    let (academy, hub) = pair();
    let write = |texts: &[&str]| written(&hub.key, federation(&academy), hub.releases(), 9, texts);
    let (left, right) = (write(&["left"]), write(&["right", "right again"]));
    academy.keep(&hub, pack(&left).expect("packs"));
    let held = academy.tips(hub.releases());
    let kept = academy.keep(&hub, pack(&right[2..]).expect("packs"));
    assert_eq!(reasons(std::slice::from_ref(&kept)), [(RefusalReason::Fork, false)]);
    assert_eq!((kept.new_entries, academy.tips(hub.releases())), (0, held));
}

#[test]
fn a_gap_is_refused_until_it_is_filled() {
    let (academy, hub) = pair();
    // The opening and the first are one batch, which a frame does not divide.
    ["one", "two", "three"].iter().for_each(|text| drop(hub.append(&[text])));
    let log = only(&hub.tips(hub.releases())).log(hub.releases());
    let frame = |after| hub.frame(&academy, log, after, 1).expect("a frame").0;
    assert_eq!(reasons(&[academy.keep(&hub, frame(1))]), [(RefusalReason::Gap, false)]);
    assert_eq!(academy.keep(&hub, frame(0)).new_entries, 2);
    let kept = academy.keep(&hub, frame(3));
    assert_eq!(reasons(std::slice::from_ref(&kept)), [(RefusalReason::Gap, false)]);
    assert_eq!(kept.receipt.map(|receipt| receipt.held.seq), Some(2), "what is held is signed for all the same");
    push(&hub, &academy);
    assert_eq!(academy.payloads(hub.releases()), ["one", "two", "three"]);
    assert_eq!(hub.journal().refusals().expect("refusals"), []);
}

#[test]
fn an_author_becomes_known_with_the_directory() {
    let (academy, hub) = pair();
    let late = key(7);
    let entries = written(&late, federation(&academy), Topic::Releases(late.id()), 9, &["one"]);
    let frame = pack(&entries).expect("packs");
    assert_eq!(reasons(&[academy.keep(&hub, frame.clone())]), [(RefusalReason::UnknownAuthor, false)]);
    list(&academy, &record(&late, 1, HubState::Enrolled, Vec::new()));
    assert_eq!(academy.keep(&hub, frame).new_entries, 2);
}

#[test]
fn a_bad_payload_is_set_aside_and_blocks_nothing() {
    let (academy, hub) = pair();
    let releases = hub.releases();
    let append = |kind: PayloadKind, payload: &'static [u8]| {
        let append = move |tx: &mut crate::engine::Tx<'_>| append_in(tx, releases, kind, payload.to_vec());
        hub.store.write("test append", append).expect("appended").seq
    };
    let malformed = append(PayloadKind::Release, b"\xff\xff\xff");
    let empty = append(PayloadKind::Release, b"");
    let misplaced = append(PayloadKind::HubRecord, &[]);
    let unknown = append(FREE, b"from the future");
    assert_eq!((malformed, empty, misplaced, unknown), (2, 3, 4, 5));
    let outcomes = push(&hub, &academy);
    assert_eq!(outcomes.iter().map(|kept| kept.new_entries).sum::<u64>(), 5);
    assert_eq!(
        reasons(&outcomes),
        [
            (RefusalReason::MalformedPayload, true),
            (RefusalReason::ReleaseForm, true),
            (RefusalReason::MalformedPayload, true),
        ]
    );
    let receipt = outcomes.last().and_then(|kept| kept.receipt.clone()).expect("a receipt");
    assert_eq!((receipt.held.seq, receipt.set_aside), (5, vec![2, 3, 4]), "a newer kind is no fault of the sender's");
    let aside = academy.journal().set_aside().expect("read");
    assert_eq!(aside.iter().map(|aside| aside.entry.seq).collect::<Vec<_>>(), [2, 3, 4, 5]);
    assert!(aside[3].waits_for_upgrade && !aside[1].waits_for_upgrade);
    let told = hub.journal().refusals().expect("refusals");
    assert_eq!(
        told.iter().map(|refusal| (refusal.seq, refusal.set_aside)).collect::<Vec<_>>(),
        [(2, true), (3, true), (4, true)]
    );
    assert_eq!(hub.journal().waiting().expect("waiting").entries, 0);
}

/// As if older software had taken the latest entry of the directory: it is held, and noted by `note`.
fn check_upgrade(note: &'static str) {
    let (academy, hub) = pair();
    let entry = list(&academy, &record(&key(5), 1, HubState::Enrolled, Vec::new()));
    let after = academy.journal().directory();
    let wait = move |tx: &mut crate::engine::Tx<'_>| {
        let log = find_log(tx, entry.log(Topic::Directory))?.expect("the log");
        Ok(tx.execute(
            note,
            rusqlite::named_params! { ":log": log.row, ":seq": entry.seq, ":place": log.place(entry.seq) },
        ))
    };
    academy.store.write("wait", wait).expect("written").expect("noted");
    let bytes = academy.store.snapshot().expect("a snapshot");
    let upgraded = academy.restored(&bytes, 102);
    assert_eq!(upgraded.journal().directory(), after);
    assert_eq!(upgraded.journal().set_aside().expect("read"), []);
    assert!(digest(&upgraded, &hub) == digest(&academy, &hub));
}

#[test]
fn newer_software_applies_what_waited() {
    check_upgrade(
        "INSERT INTO set_aside (place, reason, detail, retry, minute)
         SELECT :place, 1, '', 1, :seq - :seq WHERE :log IS NOT NULL",
    );
    check_upgrade(
        "INSERT INTO newer_kind (log, kind, first, last, minute)
         SELECT :log, 2, :seq, :seq, 0 WHERE :place IS NOT NULL",
    );
}

/// A hub whose two copies have written on under one incarnation, and both are believed by somebody.
pub(super) fn forked() -> (Node, Node, Node) {
    let (academy, hub) = pair();
    hub.append(&["common"]);
    let copy = hub.restored(&hub.store.snapshot().expect("a snapshot"), 2_000);
    hub.append(&["left", "left again"]);
    copy.append(&["right"]);
    (academy, hub, copy)
}

#[test]
fn both_branches_of_a_fork_are_kept_and_neither_counts() {
    let (academy, hub, copy) = forked();
    push(&hub, &academy);
    assert_eq!(academy.payloads(hub.releases()), ["common", "left", "left again"]);
    // Whoever holds the shorter branch is shown the longer one, and answers with the proof.
    assert_eq!(push(&copy, &academy), []);
    assert_eq!(reasons(&push(&academy, &copy)), [(RefusalReason::Fork, false)]);
    assert_eq!(reasons(&push(&copy, &academy)), [(RefusalReason::Fork, false); 2]);
    assert_eq!(academy.payloads(hub.releases()), ["common"]);
    let fork = academy.journal().forks().expect("forks");
    assert_eq!(
        fork.iter().map(|fork| (fork.seq, fork.common)).collect::<Vec<_>>(),
        [(3, Some(only(&academy.tips(hub.releases()))))]
    );
    let held = academy.store.read("evidence", evidence).expect("read");
    assert_eq!(held.iter().map(|(seq, _)| *seq).collect::<Vec<_>>(), [3, 3, 4]);
    // More of either branch is refused, and nothing is lacking.
    hub.append(&["left once more"]);
    assert_eq!(missing(&academy, &hub).1, []);
    assert_eq!(reasons(&push(&hub, &academy)), [(RefusalReason::Fork, false)]);
    assert_eq!(academy.payloads(hub.releases()), ["common"]);
}

#[test]
fn the_proof_of_a_fork_spreads_and_all_agree() {
    let (academy, hub, copy) = forked();
    push(&hub, &academy);
    sync(&academy, &copy);
    assert!(digest(&hub, &academy) != digest(&academy, &hub));
    for node in [&hub, &copy] {
        push(&academy, node);
        assert_eq!(digest(node, &academy), digest(&academy, node));
        assert_eq!(node.payloads(hub.releases()), ["common"]);
        assert_eq!(missing(&academy, node), Missing::default());
        let more = node.journal().append(hub.releases(), FREE, Vec::new());
        assert!(matches!(more, Err(StoreError::Frozen)), "no process goes on with a forked log");
        // The next process opens a log of its own.
        node.start(2_001 + u64::from(node.id == copy.id));
    }
    let held = |node: &Node| node.store.read("evidence", evidence).expect("read");
    assert_eq!(held(&hub), held(&academy));
    hub.append(&["anew"]);
    sync(&hub, &academy);
    assert_eq!(academy.payloads(hub.releases()), ["common", "anew"]);
}

#[test]
fn a_fork_of_the_directory_takes_back_what_it_said() {
    let (academy, hub) = pair();
    list(&academy, &record(&key(5), 1, HubState::Enrolled, Vec::new()));
    let copy = academy.restored(&academy.store.snapshot().expect("a snapshot"), 101);
    let common = academy.journal().directory();
    list(&academy, &record(&key(6), 1, HubState::Enrolled, Vec::new()));
    list(&copy, &record(&key(7), 1, HubState::Enrolled, Vec::new()));
    sync(&academy, &hub);
    assert_eq!(hub.journal().directory(), academy.journal().directory());
    let outcomes = push(&copy, &hub);
    assert_eq!(reasons(&outcomes), [(RefusalReason::Fork, false)]);
    assert!(outcomes.iter().any(|kept| kept.directory_changed));
    assert_eq!(hub.journal().directory(), common);
}

#[test]
fn a_log_that_forks_at_once_has_no_tip() {
    let (academy, hub) = pair();
    let topic = hub.releases();
    let mut other = written(&hub.key, federation(&academy), topic, 9, &["right"]);
    let left = written(&hub.key, federation(&academy), topic, 9, &["left"]);
    academy.keep(&hub, pack(&left).expect("packs"));
    let author = Author { key: Arc::clone(&hub.key), incarnation: Incarnation(9), federation: federation(&hub) };
    other[0] = author.write(topic, None, PayloadKind::Opening, Vec::new(), [9; 16], 2).expect("another opening");
    let kept = academy.keep(&hub, pack(&other[..1]).expect("packs"));
    assert_eq!(reasons(std::slice::from_ref(&kept)), [(RefusalReason::Fork, false)]);
    assert_eq!((kept.upto, kept.receipt), (None, None));
    assert_eq!(academy.tips(topic), []);
    assert_eq!(digest(&academy, &hub), digest(&hub, &academy), "and no leaf");
}

#[test]
fn nothing_counts_past_a_revocation_whichever_came_first() {
    let check = |revoked_first: bool| {
        let (academy, hub) = pair();
        hub.append(&["accepted"]);
        sync(&hub, &academy);
        let accepted = only(&academy.tips(hub.releases()));
        hub.append(&["late"]);
        let log = accepted.log(hub.releases());
        let frame = hub.frame(&academy, log, accepted.seq, 1).expect("a frame").0;
        let last = vec![(hub.releases(), accepted)];
        let revocation = record(&hub.key, 2, HubState::Revoked, last);
        let mut kept = None;
        if revoked_first {
            list(&academy, &revocation);
            kept = Some(academy.keep(&hub, frame));
        } else {
            academy.keep(&hub, frame);
            list(&academy, &revocation);
        }
        if let Some(kept) = kept {
            assert_eq!(reasons(&[kept]), [(RefusalReason::AfterRevocation, true)]);
        }
        let aside = academy.journal().set_aside().expect("read");
        let late: Vec<_> = aside.iter().filter(|aside| aside.reason == RefusalReason::AfterRevocation).collect();
        assert_eq!(late.iter().map(|aside| aside.entry.seq).collect::<Vec<_>>(), [accepted.seq + 1]);
        // A log that the revocation does not name does not count at all.
        let other = written(&hub.key, federation(&academy), hub.releases(), 77, &["hidden"]);
        let kept = academy.keep(&hub, pack(&other).expect("packs"));
        assert_eq!(reasons(&[kept]), [(RefusalReason::AfterRevocation, true); 2]);
        // Nor is a revoked hub told anything.
        assert_eq!(tips_of(&academy, &hub), []);
        assert_eq!(academy.frame(&hub, log, 0, 1), None);
    };
    check(true);
    check(false);
}
