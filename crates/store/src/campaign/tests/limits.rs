//! Members who write more than one may: what goes past is set aside, and the others go on.

use folkmoot_campaign::announced;
use folkmoot_proto::federation::v1::Frame;

use super::*;
use crate::academy::WhichHub;
use crate::campaign::limits::{MAX_AUTHOR_BYTES, MAX_AUTHOR_OPERATIONS};

/// Operations that one bomb announces.
const ANNOUNCED: u64 = 50_000;

/// A few bytes that announce so many operations and are no change, which the document finds out at the first one.
fn bomb() -> Vec<u8> {
    // No dependency, no actor, number 1, first operation 1, time 0, no message, no other actor; one column, the actions: a
    // run of 50,000 ones.
    let content = [0, 0, 1, 1, 0, 0, 0, 1, 0x42, 4, 0xd0, 0x86, 3, 1];
    [&[0x85, 0x6f, 0x4a, 0x83, 0, 0, 0, 0, 1, content.len() as u8][..], &content].concat()
}

/// A log of entries with these changes, as one frame.
fn log(federation: &Federation, author: &Node, id: CampaignId, incarnation: u64, changes: &[Vec<u8>]) -> Frame {
    let entries: Vec<&[Vec<u8>]> = changes.iter().map(std::slice::from_ref).collect();
    pack(&forged_changes(&federation.academy, author, id, incarnation, &entries)).expect("packs")
}

fn bombs(operations: u64) -> Vec<Vec<u8>> {
    vec![bomb(); usize::try_from(operations / ANNOUNCED).expect("a number")]
}

/// A note of `author` by the process `incarnation`, made on what `base` holds.
fn noted(base: &Node, id: CampaignId, author: &Node, incarnation: u64, text: &str) -> Vec<u8> {
    change(base, id, author, incarnation, &Edit::AppendNotes(text.to_owned()))
}

/// How many entries a hub has set aside because their author has written too much.
fn too_many(hub: &Node) -> usize {
    let asides = hub.journal().set_aside().expect("read");
    let too_many = asides.iter().filter(|aside| aside.detail.contains("begin a new campaign"));
    too_many
        .inspect(|aside| assert!(!aside.waits_for_upgrade && aside.reason == RefusalReason::CampaignChanges))
        .count()
}

fn refusal_of(result: Result<CampaignState, StoreError>) -> String {
    match result {
        Err(StoreError::CampaignRefused { reason }) => reason,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_bomb_announces_what_it_says() {
    assert_eq!(announced(&[bomb(), bomb()]), Ok(2 * ANNOUNCED));
    assert_eq!(bombs(MAX_AUTHOR_OPERATIONS).len(), 20);
}

#[test]
fn what_comes_bit_by_bit_goes_as_far_as_what_comes_at_once() {
    let federation = federation_of(2);
    let [one, two] = &federation.hubs[..] else { panic!("two hubs") };
    let id = begun(&federation.hubs, true);
    federation.settle();
    let mut changes = vec![noted(one, id, two, 5, "Within. ")];
    changes.extend(bombs(MAX_AUTHOR_OPERATIONS + 3 * ANNOUNCED));
    for (upto, beyond) in [(1, 0), (8, 0), (15, 0), (20, 0), (22, 2), (24, 4)] {
        one.keep(two, log(&federation, two, id, 9, &changes[..upto]));
        assert_eq!((too_many(one), notes(one, id).as_str()), (beyond, "Within. "), "{upto} entries");
    }
}

#[test]
fn past_the_limit_entries_are_set_aside_their_author_is_told_and_others_go_on() {
    let federation = federation_of(2);
    let [one, two] = &federation.hubs[..] else { panic!("two hubs") };
    let id = begun(&federation.hubs, true);
    federation.settle();
    let mut changes = bombs(MAX_AUTHOR_OPERATIONS - ANNOUNCED);
    changes.push(noted(one, id, two, 5, "Within. "));
    changes.push(bomb());
    // A change of few operations counts no more once one before it went past.
    changes.push(noted(one, id, two, 6, "Beyond. "));
    let kept = one.keep(two, log(&federation, two, id, 9, &changes));
    assert_eq!(kept.new_entries, 23);
    assert_eq!(kept.refusals.len(), 21, "all but the opening and the note");
    let told: Vec<u64> = kept
        .refusals
        .iter()
        .filter(|refusal| refusal.detail.contains("more into this campaign than 1000000 operations"))
        .map(|refusal| refusal.entry.seq)
        .collect();
    assert_eq!(told, [22, 23]);
    assert_eq!((too_many(one), notes(one, id).as_str()), (2, "Within. "));
    let before = document(one, id).heads();
    // Where nothing is to be offered, the document is not even looked at.
    damage(one, "UPDATE campaign SET snapshot = x'00'");
    let further = log(&federation, two, id, 10, &[noted(two, id, two, 7, "Further. "), bomb()]);
    assert_eq!(one.keep(two, further.clone()).refusals.len(), 2);
    let snapshot: Vec<u8> = one
        .store
        .read("row", |c| Ok(c.query_row("SELECT snapshot FROM campaign", [], |row| row.get(0))?))
        .expect("read");
    assert_eq!((snapshot, too_many(one)), (vec![0], 4));
    assert_eq!((notes(one, id).as_str(), document(one, id).heads()), ("Within. ", before));
    note(one, id, "On we go. ");
    assert_eq!(notes(one, id), "Within. On we go. ");
    // Once it is back, the author is refused in words what it would have written past the limit, in whatever log.
    let theirs = log(&federation, two, id, 9, &changes);
    two.keep(one, theirs);
    two.keep(one, further);
    sync(one, two);
    assert_eq!(agreed(one, id), agreed(two, id));
    let entries = written(two, id);
    let edited = campaigns(two).edit(id, Edit::Aim("Warmth".to_owned()), "");
    assert!(refusal_of(edited).contains("1000000 operations or 16777216 bytes; begin a new campaign"));
    let applied = campaigns(two).apply_changes(id, vec![noted(two, id, two, 77, "More. ")]);
    assert!(refusal_of(applied).contains("begin a new campaign"));
    assert_eq!(written(two, id), entries);
    // A restart, and a document that is worked out anew, say the same.
    let expected = agreed(one, id);
    let again = one.restored(&one.store.snapshot().expect("a snapshot"), 2_001);
    assert_eq!((agreed(&again, id), too_many(&again)), (expected.clone(), 4));
    damage(&again, "DELETE FROM campaign; DELETE FROM campaign_entry");
    assert_eq!((state_at(&again, id).set_aside, too_many(&again)), (expected.3, 4));
    assert_eq!(agreed(&again, id), expected);
}

fn damage(hub: &Node, sql: &'static str) {
    hub.store.write("damage", move |tx| Ok(tx.execute_batch(sql)?)).expect("damaged");
    hub.store.documents().forget_all();
}

/// A log of a lesser incarnation that comes later takes the place of what had counted.
#[test]
fn the_same_entries_count_whatever_order_two_logs_come_in() {
    let federation = federation_of(4);
    let [one, two, three, four] = &federation.hubs[..] else { panic!("four hubs") };
    let id = begun(&federation.hubs, true);
    federation.settle();
    let lesser = [&[noted(one, id, two, 8, "Lesser. ")][..], &bombs(MAX_AUTHOR_OPERATIONS / 2)].concat();
    let greater = [
        &[noted(one, id, two, 9, "Greater. ")][..],
        &bombs(MAX_AUTHOR_OPERATIONS / 2),
        &[noted(one, id, two, 10, "Last. ")],
    ]
    .concat();
    let [lesser, greater] =
        [(8, lesser), (9, greater)].map(|(incarnation, changes)| log(&federation, two, id, incarnation, &changes));
    // What another member built on an entry that counts no more waits.
    three.keep(two, greater.clone());
    let built = log(&federation, four, id, 6, &[noted(three, id, four, 6, "Built on all. ")]);
    assert!(notes(three, id).contains("Last. "));
    for (hub, frames) in [(one, [&lesser, &greater, &built]), (three, [&built, &greater, &lesser])] {
        frames.into_iter().for_each(|frame| drop(hub.keep(two, frame.clone())));
        let notes = notes(hub, id);
        assert!(notes.contains("Lesser. ") && notes.contains("Greater. ") && !notes.contains("Last. "), "{notes}");
        // Of the second half the last bomb goes past, and the note after it.
        assert_eq!((too_many(hub), state_at(hub, id).waiting), (2, 1));
    }
    assert_eq!(agreed(one, id), agreed(three, id));
}

/// A revoked hub that writes a log before all its others takes nothing back that was accepted.
#[test]
fn late_entries_leave_room_for_those_in_time() {
    let federation = federation_of(3);
    let [one, two, three] = &federation.hubs[..] else { panic!("three hubs") };
    let id = begun(&federation.hubs, true);
    federation.settle();
    let accepted = log(&federation, two, id, 9, &[noted(one, id, two, 9, "Accepted. ")]);
    let late = log(&federation, two, id, 8, &bombs(MAX_AUTHOR_OPERATIONS + ANNOUNCED));
    for (node, frame) in [(&federation.academy, &accepted), (one, &accepted), (three, &late), (three, &accepted)] {
        node.keep(two, frame.clone());
    }
    assert_eq!((notes(one, id).as_str(), notes(three, id).as_str()), ("Accepted. ", ""));
    federation.academy.store.academy().expect("the Academy's store").revoke_hub(WhichHub::Id(two.id)).expect("revoked");
    for hub in [one, three] {
        push(&federation.academy, hub);
        hub.keep(three, late.clone());
        assert_eq!((notes(hub, id).as_str(), too_many(hub)), ("Accepted. ", 0));
    }
    assert_eq!(agreed(one, id), agreed(three, id));
}

#[test]
fn bytes_are_limited_as_operations_are() {
    let federation = federation_of(2);
    let [one, two] = &federation.hubs[..] else { panic!("two hubs") };
    let id = begun(&federation.hubs, false);
    sync(one, two);
    // Too large for one change, and small once packed into a frame.
    let large = vec![0; 500 << 10];
    let within = MAX_AUTHOR_BYTES / encode_campaign_changes(std::slice::from_ref(&large)).len() as u64;
    let mut changes = vec![large; usize::try_from(within).expect("a number") + 1];
    changes.push(noted(one, id, two, 9, "Beyond. "));
    let entries: Vec<&[Vec<u8>]> = changes.iter().map(std::slice::from_ref).collect();
    for entries in forged_changes(&federation.academy, two, id, 9, &entries).chunks(2) {
        one.keep(two, pack(entries).expect("packs"));
    }
    assert_eq!((too_many(one), notes(one, id).as_str()), (2, ""));
}
