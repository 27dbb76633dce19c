//! What a batch signs: enough to cut frames anywhere, and no more.

use folkmoot_journal::entry::PAYLOAD_LIMIT;
use folkmoot_journal::frame::{ENTRY_LIMIT, INFLATED_LIMIT, TARGET_BYTES};
use folkmoot_journal::unpack;

use super::*;

/// The numbers of a log's entries that bear a signature.
fn signed_entries(node: &Node, log: LogId) -> Vec<u64> {
    let read = node.store.read("signatures", |connection| {
        let log = find_log(connection, log)?.expect("the log");
        let mut found = Vec::new();
        logs::entries_after(connection, &log, 0, |entry| {
            if entry.signature.is_some() {
                found.push(entry.header.seq);
            }
            Ok(std::ops::ControlFlow::Continue(()))
        })?;
        Ok(found)
    });
    read.expect("read")
}

fn append(node: &Node, sizes: &[usize]) -> LogId {
    let payloads = sizes.iter().map(|size| (FREE, vec![7; *size])).collect();
    node.journal().append_all(node.releases(), payloads).expect("appended");
    only(&node.tips(node.releases())).log(node.releases())
}

#[test]
fn a_batch_is_signed_at_its_end_and_where_a_frame_must_be_able_to_end() {
    // The opening is the first entry of each.
    for (sizes, expected) in [
        (vec![40; 3], vec![4]),
        (vec![40; 499], vec![500]),
        (vec![40; 1_200], vec![500, 1_000, 1_201]),
        (vec![TARGET_BYTES as usize; 2], vec![2, 3]),
        (vec![TARGET_BYTES as usize / 2; 5], vec![3, 5, 6]),
        (vec![TARGET_BYTES as usize - 300, PAYLOAD_LIMIT, 1], vec![3, 4]),
    ] {
        let (_, hub) = pair();
        let log = append(&hub, &sizes);
        assert_eq!(signed_entries(&hub, log), expected, "{} payloads", sizes.len());
        append(&hub, &[1]);
        assert_eq!(
            signed_entries(&hub, log).last(),
            Some(&(sizes.len() as u64 + 2)),
            "what follows is a batch of its own"
        );
    }
}

/// From wherever a peer asks to go on, there is a frame within the limits, and it verifies.
#[test]
fn a_frame_can_be_cut_from_anywhere_in_a_batch() {
    let (academy, hub) = pair();
    let noise = |n: usize| if n.is_multiple_of(97) { PAYLOAD_LIMIT } else { (n * 7_919) % 3_000 };
    let log = append(&hub, &(0..1_500).map(noise).collect::<Vec<_>>());
    for after in 0..1_501 {
        let (frame, upto) = hub.frame(&academy, log, after, TARGET_BYTES).expect("a frame");
        let unpacked = unpack(&frame, federation(&hub)).expect("unpacks");
        assert!(upto > after && unpacked.entries.len() <= ENTRY_LIMIT);
        assert!(frame.inflated_size as usize <= INFLATED_LIMIT);
        assert_eq!(unpacked.verify(&hub.key.public()), Ok(()));
    }
    assert_eq!(hub.frame(&academy, log, 1_501, TARGET_BYTES), None);
}

/// A fork may leave a log ending within a batch: its author signs that end, so that the rest can still be given.
#[test]
fn what_counts_of_a_forked_batch_can_be_given() {
    let (academy, hub) = pair();
    let log = append(&hub, &[40; 6]);
    let read = |hub: &Node, seq: u64| {
        let read = hub.store.read("entry", |connection| {
            let log = find_log(connection, log)?.expect("the log");
            Ok(logs::entry_at(connection, &log, seq)?.expect("the entry").into_entry())
        });
        read.expect("read")
    };
    let author = hub.store.author().expect("an author");
    let common = read(&hub, 4);
    let other = author.write(log.topic, Some(&common.cursor()), FREE, vec![9], [1; 16], 1).expect("an entry");
    let kept = hub.keep(&academy, folkmoot_journal::pack(&[other]).expect("packs"));
    assert_eq!(reasons(&[kept]), [(RefusalReason::Fork, false)]);
    assert_eq!(only(&hub.tips(log.topic)), common.cursor());
    let (frame, upto) = hub.frame(&academy, log, 0, TARGET_BYTES).expect("a frame");
    assert_eq!((upto, academy.keep(&hub, frame).new_entries), (4, 4));
}
