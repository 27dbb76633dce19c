//! Policies of an Academy that is hostile, old or restored: which stand does not depend on what came first.

use folkmoot_disclosure::{Policy, PolicyRecord, Terms};
use folkmoot_domain::calendar::Quarter;
use folkmoot_journal::{encode_policy, pack};

use super::*;

fn quarter(number: u8) -> Quarter {
    Quarter::new(2027, number).expect("a quarter")
}

fn policy(version: u32, from: u8, threshold: u32, two_largest_percent: u32) -> PolicyRecord {
    let terms = Terms { threshold, special_threshold: 20, two_largest_percent, ..Terms::FLOOR };
    PolicyRecord { version, from: quarter(from), terms }
}

/// A log of the directory with these policies, of an Academy whose own store was not asked.
fn log_of(academy: &Node, incarnation: u64, policies: &[PolicyRecord]) -> v1::Frame {
    let payloads = policies.iter().map(|record| (PayloadKind::PolicyRecord, encode_policy(record))).collect();
    pack(&forged(&academy.key, federation(academy), Topic::Directory, incarnation, payloads)).expect("packs")
}

fn in_force(node: &Node, number: u8) -> Policy {
    node.journal().directory().policies().in_force(quarter(number).span())
}

/// What is set aside: the incarnation, the number, the words.
fn aside(node: &Node) -> Vec<(u64, u64, String)> {
    let aside = node.journal().set_aside().expect("read");
    let mut aside: Vec<_> = aside.into_iter().map(|one| (one.entry.incarnation.0, one.entry.seq, one.detail)).collect();
    aside.sort();
    aside
}

#[test]
fn a_laxer_policy_is_set_aside_with_a_reason_and_the_earlier_one_goes_on() {
    let (academy, hub) = pair();
    let strict = policy(2, 1, 12, 85);
    academy
        .journal()
        .append(Topic::Directory, PayloadKind::PolicyRecord, encode_policy(&strict))
        .expect("what is sound is written");
    push(&academy, &hub);
    assert_eq!((in_force(&hub, 1).version(), in_force(&hub, 1).terms()), (2, strict.terms));

    let laxer = [policy(3, 2, 10, 90), policy(4, 2, 1, 85), policy(1, 2, 20, 85)];
    for record in &laxer {
        let written = academy.journal().append(Topic::Directory, PayloadKind::PolicyRecord, encode_policy(record));
        assert!(matches!(written, Err(StoreError::NotWritten { .. })), "{written:?}");
    }
    assert_eq!(academy.journal().directory(), hub.journal().directory(), "and what is not written is not known");
    let malformed = (PayloadKind::PolicyRecord, b"\xff".to_vec());
    let mut payloads: Vec<_> = laxer.iter().map(|record| (PayloadKind::PolicyRecord, encode_policy(record))).collect();
    payloads.push(malformed);
    payloads.push((PayloadKind::HubRecord, encode_hub_record(&record(&key(9), 1, HubState::Enrolled, Vec::new()))));
    let entries = forged(&academy.key, federation(&academy), Topic::Directory, 900, payloads);
    let kept = hub.keep(&academy, pack(&entries).expect("packs"));
    let words = [
        "the policy cannot stand: threshold 10 is laxer than policy 2: 12 or more; two largest shares 90 % is laxer than \
         policy 2: 85 or less",
        "the policy cannot stand: threshold 1 is laxer than the floor: 8 or more",
        "the policy cannot stand: version 1 is that of the floors; others count on from 2",
        "the payload cannot be read: its bytes are not such a message",
    ];
    let rule = (RefusalReason::DirectoryRule, true);
    assert_eq!(reasons(std::slice::from_ref(&kept)), [rule, rule, rule, (RefusalReason::MalformedPayload, true)]);
    let told: Vec<&str> = kept.refusals.iter().map(|refusal| refusal.detail.as_str()).collect();
    assert_eq!(told, words, "the Academy is told in the words that the hub's operator reads");
    assert_eq!(aside(&hub).into_iter().map(|(_, _, words)| words).collect::<Vec<_>>(), words);
    let receipt = kept.receipt.expect("a receipt");
    assert_eq!((receipt.held.seq, receipt.set_aside), (6, vec![2, 3, 4, 5]), "held all the same");
    assert_eq!(in_force(&hub, 2).terms(), strict.terms);
    assert!(hub.journal().directory().hubs().contains_key(&key(9).id()), "and nothing else is held up");

    let again = hub.restored(&hub.store.snapshot().expect("a snapshot"), 2_001);
    assert_eq!(again.journal().directory(), hub.journal().directory());
    assert_eq!(aside(&again), aside(&hub));
}

/// Two logs of a restored Academy that knew nothing of one another.
#[test]
fn what_stands_does_not_depend_on_which_log_came_first() {
    let check = |logs: &[&[PolicyRecord]], standing: &[PolicyRecord], words: &[(u64, u64, &str)]| {
        let academy = academy();
        let frames: Vec<_> = (900..).zip(logs).map(|(at, log)| log_of(&academy, at, log)).collect();
        let hubs = [hub(&academy, 2), hub(&academy, 3)];
        frames.iter().for_each(|frame| drop(hubs[0].keep(&academy, frame.clone())));
        frames.iter().rev().for_each(|frame| drop(hubs[1].keep(&academy, frame.clone())));
        let words: Vec<_> =
            words.iter().map(|(log, seq, words)| (*log, *seq, format!("the policy cannot stand: {words}"))).collect();
        for hub in &hubs {
            let again = hub.restored(&hub.store.snapshot().expect("a snapshot"), 9_000);
            for node in [hub, &again] {
                let directory = node.journal().directory();
                assert_eq!(directory.policies().standing(), standing);
                assert_eq!(aside(node), words);
            }
        }
    };
    let second = policy(2, 1, 10, 85);
    check(&[&[second], &[policy(3, 2, 12, 85)]], &[second, policy(3, 2, 12, 85)], &[]);
    check(
        &[&[second], &[policy(3, 2, 9, 85)]],
        &[second],
        &[(901, 2, "threshold 9 is laxer than policy 2: 10 or more")],
    );
    // The third keeps the fourth from standing until the second keeps the third from it.
    let (third, fourth) = (policy(3, 2, 20, 90), policy(4, 3, 12, 85));
    check(
        &[&[second], &[third, fourth]],
        &[second, fourth],
        &[(901, 2, "two largest shares 90 % is laxer than policy 2: 85 or less")],
    );
    let other = policy(2, 1, 11, 85);
    check(
        &[&[second], &[other, second]],
        &[other],
        &[
            (900, 2, "another policy has version 2, and of two the stricter stands"),
            (901, 3, "another policy has version 2, and of two the stricter stands"),
        ],
    );
}

#[test]
fn a_fork_takes_back_a_policy_and_what_it_kept_from_standing_stands() {
    let (academy, hub) = pair();
    let later = policy(3, 2, 9, 90);
    hub.keep(&academy, log_of(&academy, 900, &[later]));
    let copy = academy.restored(&academy.store.snapshot().expect("a snapshot"), 101);
    let payload = encode_policy(&policy(2, 1, 12, 85));
    academy.journal().append(Topic::Directory, PayloadKind::PolicyRecord, payload).expect("set");
    list(&copy, &record(&key(7), 1, HubState::Enrolled, Vec::new()));
    push(&academy, &hub);
    assert_eq!((in_force(&hub, 2).version(), aside(&hub).len()), (2, 1));
    assert_eq!(reasons(&push(&copy, &hub)), [(RefusalReason::Fork, false)]);
    assert_eq!((in_force(&hub, 2).version(), aside(&hub).len()), (3, 0));
}
