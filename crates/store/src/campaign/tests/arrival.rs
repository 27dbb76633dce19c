//! Entries that arrive in any order, twice, late, or after a restore.

use proptest::prelude::*;

use super::*;
use crate::academy::WhichHub;

/// Three members who edit in turn, each on top of what the others wrote.
fn conversation() -> (Federation, CampaignId) {
    let federation = federation_of(4);
    let id = begun(&federation.hubs, true);
    federation.settle();
    for round in 0..3 {
        for (at, hub) in federation.hubs[..3].iter().enumerate() {
            note(hub, id, &format!("Round {round} of {at}. "));
            edit(hub, id, Edit::SignUp { organisation: format!("Organisation {round}.{at}"), date: None });
            federation.settle();
        }
    }
    (federation, id)
}

/// A member who has nothing of the campaign yet.
fn newcomer(federation: &Federation, at: usize) -> Node {
    let hub = &federation.hubs[at];
    let store = Store::in_memory(Role::Hub, hub.store.name(), crate::engine::tests::ambient()).expect("a store");
    let frames = federation.academy.journal().directory_frames().expect("frames");
    let adopted = store.journal().adopt(crate::journal::tests::federation(&federation.academy), frames);
    adopted.expect("adopted");
    let node = Node { store, key: Arc::clone(&hub.key), id: hub.id };
    node.start(77_000);
    node
}

#[test]
fn whatever_order_the_logs_come_in_the_document_is_the_same() {
    let (federation, id) = conversation();
    let expected = agreed(&federation.hubs[0], id);
    let logs = frames(&federation.academy, id);
    let (mut founding, mut others) = (Vec::new(), Vec::new());
    for (log, frames) in logs {
        if log.author == federation.hubs[0].id { founding.push(frames) } else { others.push(frames) }
    }
    let [founding] = &founding[..] else { panic!("one founding log") };
    for order in [[0, 1], [1, 0]] {
        let node = newcomer(&federation, 3);
        let keep = |frame: &folkmoot_proto::federation::v1::Frame| node.keep(&federation.academy, frame.clone());
        // A log that nobody has founded is not taken, and is taken afterwards.
        let early = keep(&others[order[0]][0]);
        assert_eq!(reasons(&[early]), [(RefusalReason::UnknownCampaign, false)]);
        // The founding entry comes first, then the title, and all else of that log last.
        let (begun, rest) = founding.split_at(2);
        begun.iter().for_each(|frame| assert_eq!(reasons(&[keep(frame)]), []));
        for log in order {
            for frame in &others[log] {
                assert_eq!(reasons(&[keep(frame)]), []);
            }
        }
        let waiting = state_at(&node, id);
        assert_eq!((waiting.view.title.as_str(), waiting.view.notes.text.as_str()), ("Warm homes", ""));
        assert_eq!(
            (waiting.waiting, waiting.set_aside),
            (12, 0),
            "of two hubs a note and an organisation in each of three rounds"
        );
        for frame in rest {
            assert_eq!(reasons(&[keep(frame)]), []);
        }
        assert_eq!(agreed(&node, id), expected, "{order:?}");
    }
}

#[test]
fn everything_is_there_after_a_restart() {
    let (federation, id) = conversation();
    let [one, two, ..] = &federation.hubs[..] else { panic!("hubs") };
    let before = agreed(one, id);
    let again = one.restored(&one.store.snapshot().expect("a snapshot"), 2_001);
    assert_eq!(agreed(&again, id), before);
    note(&again, id, "After the restart. ");
    sync(&again, two);
    assert_eq!(agreed(&again, id), agreed(two, id));
    assert!(notes(two, id).contains("After the restart. "));
}

#[test]
fn a_restored_hub_gets_its_own_entries_back_and_goes_on() {
    let federation = federation_of(2);
    let [one, two] = &federation.hubs[..] else { panic!("two hubs") };
    let early = one.store.snapshot().expect("a snapshot");
    let id = begun(&federation.hubs, true);
    federation.settle();
    note(one, id, "Kept. ");
    let old = one.store.snapshot().expect("a snapshot");
    note(one, id, "Lost. ");
    note(two, id, "Theirs. ");
    federation.settle();
    let restored = one.restored(&old, 2_001);
    assert_eq!(notes(&restored, id), "Kept. ");
    note(&restored, id, "New. ");
    sync(&restored, two);
    assert_eq!(agreed(&restored, id), agreed(two, id));
    for text in ["Kept. ", "Lost. ", "Theirs. ", "New. "] {
        assert!(notes(&restored, id).contains(text), "{text}");
    }
    assert_eq!(restored.journal().recovered().expect("read"), 1);
    // A copy from before the campaign gets all of it back, its own founding entry included.
    let blank = one.restored(&early, 2_002);
    assert_eq!(campaigns(&blank).list().expect("campaigns"), []);
    sync(&blank, &federation.academy);
    sync(&blank, two);
    assert_eq!(agreed(&blank, id), agreed(two, id));
    note(&blank, id, "Newest. ");
    sync(&blank, two);
    assert_eq!(agreed(&blank, id), agreed(two, id));
}

/// What a revoked member wrote past the end that its log was given counts only where a remaining member built on it, on
/// every node alike.
#[test]
fn late_changes_count_only_where_another_member_built_on_them() {
    let federation = federation_of(3);
    let [one, two, three] = &federation.hubs[..] else { panic!("three hubs") };
    let id = begun(&federation.hubs, true);
    federation.settle();
    note(two, id, "In time. ");
    sync(two, &federation.academy);
    note(two, id, "Late and built on. ");
    sync(two, three);
    note(three, id, "Built upon it. ");
    note(two, id, "Late and alone. ");
    // One learns of the revocation first, the other of the entries.
    sync(two, three);
    let academy = federation.academy.store.academy().expect("the Academy's store");
    academy.revoke_hub(WhichHub::Id(two.id)).expect("revoked");
    sync(&federation.academy, one);
    for _ in 0..2 {
        sync(three, &federation.academy);
        sync(one, three);
        sync(&federation.academy, one);
    }
    for hub in [one, three] {
        let (notes, state) = (notes(hub, id), state_at(hub, id));
        assert!(notes.contains("In time. ") && notes.contains("Late and built on. "));
        assert!(notes.contains("Built upon it. ") && !notes.contains("alone"));
        assert_eq!((state.waiting, state.set_aside), (0, 2), "late ones are set aside, and wait for nothing");
        let reasons: Vec<RefusalReason> =
            hub.journal().set_aside().expect("read").iter().map(|aside| aside.reason).collect();
        assert_eq!(reasons, [RefusalReason::AfterRevocation; 2]);
    }
    assert_eq!(agreed(one, id), agreed(three, id));
    // The revoked hub itself writes no more once it knows.
    let frames = federation.academy.journal().directory_frames().expect("frames");
    two.journal().adopt(crate::journal::tests::federation(two), frames).expect("adopted");
    let refused = campaigns(two).edit(id, Edit::Aim("x".to_owned()), "");
    assert!(matches!(refused, Err(StoreError::NotWritten { .. })), "{refused:?}");
}

/// Applying a change costs as much as the document is long: what comes together is applied and stored in one step.
#[test]
fn what_comes_together_is_taken_in_at_once() {
    let federation = federation_of(2);
    let [one, two] = &federation.hubs[..] else { panic!("two hubs") };
    let id = begun(&federation.hubs, false);
    sync(one, two);
    let steps = |hub: &Node| {
        let count =
            |c: &Connection| Ok(c.query_row("SELECT count(*) FROM campaign_tail", [], |row| row.get::<_, i64>(0))?);
        hub.store.read("steps", count).expect("read")
    };
    let before = [steps(one), steps(two)];
    for number in 0..50 {
        note(two, id, &format!("{number}. "));
    }
    sync(two, one);
    assert_eq!([steps(one), steps(two)], [before[0] + 1, before[1] + 50]);
    assert_eq!(notes(one, id), notes(two, id));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn hubs_that_edit_and_meet_at_random_end_alike(
        steps in proptest::collection::vec((0_usize..3, 0_usize..7), 1..25),
    ) {
        let federation = federation_of(3);
        let id = begun(&federation.hubs, true);
        federation.settle();
        for (step, (at, what)) in steps.into_iter().enumerate() {
            let hub = &federation.hubs[at];
            match what {
                0 => note(hub, id, &format!("{step}. ")),
                1 => drop(edit(hub, id, Edit::Aim(format!("Aim {step}")))),
                2 => drop(edit(hub, id, Edit::SignUp { organisation: format!("Organisation {}", step % 3), date: None })),
                3 => drop(edit(hub, id, Edit::Title(format!("Title {step}")))),
                4 => sync(hub, &federation.academy),
                5 => sync(hub, &federation.hubs[(at + 1) % 3]),
                _ => drop(push(hub, &federation.hubs[(at + 2) % 3])),
            }
        }
        federation.settle();
        let expected = agreed(&federation.hubs[0], id);
        for hub in &federation.hubs {
            prop_assert_eq!(agreed(hub, id), expected.clone());
            prop_assert_eq!((expected.2, expected.3), (0, 0));
        }
    }
}
