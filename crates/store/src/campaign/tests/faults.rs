//! Changes that may not be, and documents that were damaged.

use super::*;

#[test]
fn bad_changes_are_set_aside_with_their_author_and_take_nothing_down() {
    let federation = federation_of(2);
    let [one, two] = &federation.hubs[..] else { panic!("two hubs") };
    let id = begun(&federation.hubs, true);
    federation.settle();
    let good = change(one, id, two, 5, &Edit::AppendNotes("Good. ".to_owned()));
    let foreign = change(one, id, one, 6, &Edit::AppendNotes("Foreign. ".to_owned()));
    let aim = change(one, id, two, 7, &Edit::Aim("Held with a bad one".to_owned()));
    let entries: &[&[Vec<u8>]] = &[
        &[b"not a change".to_vec()],
        &[aim, foreign],
        std::slice::from_ref(&good),
        &[vec![0; 300 * 1024]],
        std::slice::from_ref(&good),
    ];
    let frame = pack(&forged_changes(&federation.academy, two, id, 9, entries)).expect("packs");
    // The Academy looks into none of it.
    assert_eq!(reasons(&[federation.academy.keep(two, frame.clone())]), []);
    assert_eq!(federation.academy.journal().set_aside().expect("read"), []);
    let kept = one.keep(&federation.academy, frame.clone());
    let refused: Vec<(u64, RefusalReason, bool)> =
        kept.refusals.iter().map(|refusal| (refusal.entry.seq, refusal.reason, refusal.set_aside)).collect();
    assert_eq!(refused, [2, 3, 5].map(|seq| (seq, RefusalReason::CampaignChanges, true)));
    assert_eq!(kept.new_entries, 6);
    assert_eq!(kept.receipt.map(|receipt| receipt.set_aside), Some(vec![2, 3, 5]));
    let state = state_at(one, id);
    assert_eq!((state.view.notes.text.as_str(), state.view.aim.as_str()), ("Good. ", ""));
    assert_eq!((state.set_aside, state.waiting), (3, 0));
    for aside in one.journal().set_aside().expect("read") {
        assert_eq!((aside.entry.author, aside.topic), (two.id, Topic::Campaign(id)));
        assert!(aside.detail.starts_with("change ") && aside.waits_for_upgrade, "{}", aside.detail);
        assert!(!aside.detail.contains("Foreign") && !aside.detail.contains("not a change"), "{}", aside.detail);
    }
    note(one, id, "On we go. ");
    federation.settle();
    assert_eq!(agreed(one, id), agreed(two, id));
    // Looked at again after a restart, they are set aside again.
    let again = one.restored(&one.store.snapshot().expect("a snapshot"), 2_001);
    assert_eq!(agreed(&again, id), agreed(two, id));
    assert_eq!(state_at(&again, id).set_aside, 3);
}

/// A member claims one number under one actor for two changes, in logs of two processes: every node takes the same one.
#[test]
fn of_two_changes_that_claim_one_number_every_node_takes_the_same() {
    let federation = federation_of(4);
    let [one, two, three, four] = &federation.hubs[..] else { panic!("four hubs") };
    let id = begun(&federation.hubs, true);
    federation.settle();
    let claims = ["Left. ", "Right. "].map(|text| change(one, id, two, 5, &Edit::AppendNotes(text.to_owned())));
    let log = |incarnation, change: &Vec<u8>| {
        let entries: &[&[Vec<u8>]] = &[std::slice::from_ref(change)];
        pack(&forged_changes(&federation.academy, two, id, incarnation, entries)).expect("packs")
    };
    let (left, right) = (log(8, &claims[0]), log(9, &claims[1]));
    for (hub, frames) in [(one, [&left, &right]), (three, [&right, &left])] {
        let kept: Vec<Kept> = frames.into_iter().map(|frame| hub.keep(two, frame.clone())).collect();
        assert!(kept.iter().all(|kept| kept.new_entries == 2));
        let state = state_at(hub, id);
        assert_eq!((state.view.notes.text.as_str(), state.waiting, state.set_aside), ("Left. ", 0, 1));
    }
    assert_eq!(agreed(one, id), agreed(three, id));
    // What built on the one that does not count waits, on every node alike.
    let built = {
        let mut document = document(four, id);
        let theirs = vec![claims[1].clone()];
        document.admit_all(&[folkmoot_campaign::Submission { author: two.id.0, changes: theirs, late: false }]);
        let edit = Edit::AppendNotes("Built on it. ".to_owned());
        document.edit(Actor { node: four.id.0, incarnation: 3 }, &edit).expect("an edit").expect("a change")
    };
    let frame = pack(&forged_changes(&federation.academy, four, id, 3, &[&[built]])).expect("packs");
    for hub in [one, three] {
        hub.keep(four, frame.clone());
        assert_eq!(state_at(hub, id).waiting, 1);
    }
    assert_eq!(agreed(one, id), agreed(three, id));
}

/// A hub that lost its head writes what its own document would refuse.
#[test]
fn an_own_entry_that_does_not_fit_is_not_written() {
    let federation = federation_of(1);
    let hub = &federation.hubs[0];
    let id = begun(&federation.hubs, true);
    let before = written(hub, id);
    let payload = encode_campaign_changes(&[b"not a change".to_vec()]);
    let appended = hub.journal().append(Topic::Campaign(id), PayloadKind::CampaignChanges, payload);
    assert!(matches!(appended, Err(StoreError::NotWritten { .. })), "{appended:?}");
    assert_eq!((written(hub, id), state_at(hub, id).set_aside), (before, 0));
}

fn execute(hub: &Node, sql: &'static str) {
    let done = hub.store.write("damage", move |tx| Ok(tx.execute_batch(sql)?));
    done.expect("damaged");
    hub.store.documents().forget_all();
}

#[test]
fn what_follows_a_snapshot_is_read_with_it_until_there_is_a_new_one() {
    let federation = federation_of(1);
    let hub = &federation.hubs[0];
    let id = begun(&federation.hubs, true);
    let parts = || {
        let count = |c: &Connection| Ok(c.query_row("SELECT count(*) FROM campaign_tail", [], |row| row.get(0))?);
        hub.store.read("tail", count).expect("a count")
    };
    let mut most: i64 = 0;
    let mut fell = false;
    for number in 0..230 {
        note(hub, id, &format!("{number} "));
        fell |= parts() < most;
        most = most.max(parts());
    }
    assert!(most > 100 && fell, "{most} parts at most, {} now", parts());
    let kept = state_at(hub, id);
    hub.store.documents().forget_all();
    assert_eq!(state_at(hub, id), kept);
    assert!(kept.view.notes.text.ends_with("228 229 "));
    assert_eq!(document(hub, id).versions().len(), 231);
}

#[test]
fn a_damaged_document_is_worked_out_again() {
    let federation = federation_of(2);
    let [one, two] = &federation.hubs[..] else { panic!("two hubs") };
    let id = begun(&federation.hubs, true);
    note(one, id, "Met the council. ");
    federation.settle();
    note(two, id, "Printed leaflets. ");
    sync(two, one);
    let whole = state_at(one, id);
    let damages = [
        "DELETE FROM campaign",
        "UPDATE campaign SET snapshot = x'00'",
        "UPDATE campaign SET snapshot = substr(snapshot, 1, length(snapshot) - 1)",
        "UPDATE campaign SET heads = x''",
        "UPDATE campaign SET heads = zeroblob(64)",
        "UPDATE campaign_tail SET changes = x'00'",
        "DELETE FROM campaign_tail",
    ];
    for damage in damages {
        execute(one, damage);
        assert_eq!(state_at(one, id), whole, "{damage}");
        execute(one, damage);
        assert_eq!(campaigns(one).list().expect("campaigns"), [id], "{damage}");
        execute(one, damage);
        assert!(campaigns(one).export(id).is_ok(), "{damage}");
    }
    for (at, damage) in damages.into_iter().enumerate() {
        execute(one, damage);
        note(one, id, &format!("Edit {at}. "));
        execute(one, damage);
        note(two, id, &format!("Other {at}. "));
        sync(one, two);
        assert_eq!(agreed(one, id), agreed(two, id), "{damage}");
    }
}

/// Loading would mend a damaged one.
#[test]
fn a_document_in_which_nothing_changed_is_not_loaded() {
    let federation = federation_of(2);
    let [one, two] = &federation.hubs[..] else { panic!("two hubs") };
    let (rests, moves) = (begun(&federation.hubs, true), begun(&federation.hubs, true));
    federation.settle();
    execute(one, "UPDATE campaign SET snapshot = x'00'");
    note(two, moves, "Goes on. ");
    federation.settle();
    let is_damaged = |id: CampaignId| {
        let sql = "SELECT snapshot = x'00' FROM campaign WHERE id = ?1";
        let damaged = move |c: &Connection| Ok(c.query_row(sql, [id.0], |row| row.get::<_, bool>(0))?);
        one.store.read("damage", damaged).expect("read")
    };
    assert_eq!([rests, moves].map(is_damaged), [true, false]);
    assert_eq!(notes(one, moves), "Goes on. ");
    assert!(is_damaged(rests));
    assert_eq!(state_at(one, rests).view.title, "Warm homes");
    assert!(!is_damaged(rests), "this test can see it");
}

/// Whatever goes wrong in one campaign, the frame is held, other campaigns go on, and the next start looks again.
#[test]
fn a_fault_of_one_document_loses_no_entry() {
    let federation = federation_of(2);
    let [one, two] = &federation.hubs[..] else { panic!("two hubs") };
    let id = begun(&federation.hubs, true);
    federation.settle();
    note(two, id, "Met the council. ");
    execute(one, "ALTER TABLE campaign_waiting RENAME TO elsewhere");
    let kept = push(two, one);
    assert_eq!(kept.iter().map(|kept| kept.new_entries).sum::<u64>(), 2, "opening and note");
    assert_eq!(reasons(&kept), [(RefusalReason::CampaignChanges, true)]);
    assert_eq!(one.tips(Topic::Campaign(id)), two.tips(Topic::Campaign(id)));
    execute(one, "ALTER TABLE elsewhere RENAME TO campaign_waiting");
    assert_eq!((notes(one, id).as_str(), state_at(one, id).set_aside), ("", 1));
    let again = one.restored(&one.store.snapshot().expect("a snapshot"), 2_001);
    assert_eq!(agreed(&again, id), agreed(two, id));
}

/// A member's log forks: what lies past the fork counts no longer, on every node alike.
#[test]
fn a_fork_takes_its_changes_out_of_the_document() {
    let federation = federation_of(3);
    let [one, two, three] = &federation.hubs[..] else { panic!("three hubs") };
    let id = begun(&federation.hubs, true);
    federation.settle();
    let common = change(one, id, two, 5, &Edit::AppendNotes("Common. ".to_owned()));
    let branch = |text: &str| change(one, id, two, 6, &Edit::AppendNotes(text.to_owned()));
    let log = |text: &str| {
        let entries: &[&[Vec<u8>]] = &[std::slice::from_ref(&common), &[branch(text)]];
        pack(&forged_changes(&federation.academy, two, id, 9, entries)).expect("packs")
    };
    let (left, right) = (log("Left. "), log("Right. "));
    let keep = |hub: &Node, frame: &folkmoot_proto::federation::v1::Frame| hub.keep(&federation.academy, frame.clone());
    assert_eq!(reasons(&[keep(one, &left)]), []);
    assert!(notes(one, id).contains("Left. "));
    for (hub, frames) in [(one, [&right, &left]), (three, [&right, &left])] {
        let kept: Vec<Kept> = frames.into_iter().map(|frame| keep(hub, frame)).collect();
        assert!(reasons(&kept).contains(&(RefusalReason::Fork, false)));
        assert_eq!(notes(hub, id), "Common. ");
    }
    assert_eq!(agreed(one, id), agreed(three, id));
}

/// A creator founds one campaign twice and leaves a hub out the second time: for that hub it is gone.
#[test]
fn a_hub_that_was_left_out_takes_no_part_any_more() {
    let federation = federation_of(2);
    let mut hubs: Vec<&Node> = federation.hubs.iter().collect();
    // The membership with the lesser encoding counts: the shorter one, where it begins like the longer.
    hubs.sort_by_key(|hub| hub.id);
    let [one, two] = hubs[..] else { panic!("two hubs") };
    let founding = |members: &[&Node], incarnation| {
        let founding = Founding::of(members, 1, false);
        let topic = Topic::Campaign(founding.id());
        let payloads = vec![founding.payload()];
        let entries = forged(&one.key, crate::journal::tests::federation(one), topic, incarnation, payloads);
        (founding.id(), pack(&entries).expect("packs"))
    };
    let ((id, both), (_, alone)) = (founding(&[one, two], 5), founding(&[one], 6));
    assert_eq!(reasons(&[two.keep(one, both)]), []);
    note(two, id, "Met the council. ");
    assert_eq!(campaigns(two).list().expect("campaigns").len(), 1);
    assert_eq!(reasons(&[two.keep(one, alone)]), []);
    assert_eq!(campaigns(two).list().expect("campaigns"), []);
    assert!(matches!(campaigns(two).get(id), Err(StoreError::NoSuchCampaign)));
    let edited = campaigns(two).edit(id, Edit::Aim("Warmth".to_owned()), "");
    assert!(matches!(edited, Err(StoreError::NoSuchCampaign)), "{edited:?}");
}

/// The founding log forks before the entry that founds: there is no campaign any more, until it is founded elsewhere.
#[test]
fn a_fork_before_the_founding_entry_withdraws_the_campaign() {
    let federation = federation_of(2);
    let [one, two] = &federation.hubs[..] else { panic!("two hubs") };
    let id = begun(&federation.hubs, true);
    note(one, id, "Met the council. ");
    federation.settle();
    note(two, id, "Printed leaflets. ");
    let log = one.tips(Topic::Campaign(id))[0].log(Topic::Campaign(id));
    assert_eq!(log.incarnation, Incarnation(2_000));
    let other = forged(&one.key, crate::journal::tests::federation(one), log.topic, 2_000, Vec::new());
    let frame = pack(&other).expect("packs");
    assert_eq!(reasons(&[two.keep(one, frame)]), [(RefusalReason::Fork, false)]);
    assert_eq!(campaigns(two).list().expect("campaigns"), []);
    assert!(matches!(campaigns(two).get(id), Err(StoreError::NoSuchCampaign)));
    let left: i64 = two
        .store
        .read("rows", |c| Ok(c.query_row("SELECT count(*) FROM campaign", params![], |row| row.get(0))?))
        .expect("read");
    assert_eq!(left, 0);
}
