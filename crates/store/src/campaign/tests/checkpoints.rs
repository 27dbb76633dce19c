//! Checkpoints: for newcomers, for members that drop what is covered, and when they lie.

use folkmoot_campaign::{Campaign, MAX_SNAPSHOT_OPERATIONS, Prose};
use folkmoot_journal::{Checkpoint, encode_checkpoint};

use super::*;

/// How many entries with changes a node holds of a campaign.
fn frames_held(node: &Node, id: CampaignId) -> usize {
    let count = |c: &Connection| {
        let sql = "SELECT count(*) FROM entry JOIN log ON log.id = place >> 40 JOIN topic ON topic.id = log.topic
            WHERE topic.name = ?1 AND substr(header, 147, 2) = x'0008'";
        Ok(c.query_row(sql, params![Topic::Campaign(id).to_bytes()], |row| row.get(0))?)
    };
    node.store.read("entries", count).expect("read")
}

fn check_point(hub: &Node, id: CampaignId) {
    assert!(campaigns(hub).check_point(id).expect("the lead gives one"));
}

fn prune(hub: &Node, id: CampaignId) {
    campaigns(hub).change_membership(id, MembershipEdit::Prune { prunes: true }).expect("the lead decides");
}

fn again(node: &Node) -> Node {
    node.restored(&node.store.snapshot().expect("a snapshot"), 9_000)
}

#[test]
fn a_newcomer_takes_the_checkpoint_and_what_follows_it() {
    for relayed in [true, false] {
        let federation = federation_of(3);
        let [one, two, three] = &federation.hubs[..] else { panic!("three hubs") };
        let id = begun(&federation.hubs[..2], relayed);
        let meet = || {
            federation.settle();
            if !relayed {
                [(one, two), (one, three), (two, three), (one, two)].iter().for_each(|(hub, other)| sync(hub, other));
            }
        };
        meet();
        for number in 0..5 {
            note(one, id, &format!("One {number}. "));
            note(two, id, &format!("Two {number}. "));
        }
        meet();
        check_point(one, id);
        note(two, id, "After. ");
        meet();
        campaigns(one).change_membership(id, MembershipEdit::Admit { hub: three.id, edits: true }).expect("admitted");
        meet();
        assert_eq!(notes(three, id), notes(one, id));
        assert_eq!(document(three, id).heads(), document(one, id).heads());
        assert!(frames_held(three, id) < 3, "{}", frames_held(three, id));
        assert_eq!(frames_held(one, id), 12);
        assert_eq!(three.tips(Topic::Campaign(id)), one.tips(Topic::Campaign(id)), "held as far as the others");
        assert_eq!(digest(three, one), digest(one, three));
        // It edits on, goes on after a restart, and gives others what it has.
        note(three, id, "Of the newcomer. ");
        let three = &again(three);
        sync(three, one);
        sync(one, two);
        for hub in [one, two, three] {
            assert!(notes(hub, id).contains("Of the newcomer. "));
            assert_eq!(document(hub, id).heads(), document(one, id).heads());
        }
        assert_eq!(campaigns(three).versions(id).map(|_| ()).map_err(|error| error.to_string()), Ok(()));
        assert_eq!(
            campaigns(three).changes(id).expect("history").len(),
            campaigns(one).changes(id).expect("history").len()
        );
    }
}

#[test]
fn where_the_campaign_says_so_members_drop_what_a_checkpoint_covers() {
    let federation = federation_of(3);
    let [one, two, three] = &federation.hubs[..] else { panic!("three hubs") };
    let id = begun(&federation.hubs[..2], true);
    federation.settle();
    for number in 0..5 {
        note(one, id, &format!("One {number}. "));
        note(two, id, &format!("Two {number}. "));
    }
    federation.settle();
    check_point(one, id);
    federation.settle();
    assert_eq!([one, two, &federation.academy].map(|node| frames_held(node, id)), [11; 3]);
    prune(one, id);
    federation.settle();
    assert_eq!([one, two, &federation.academy].map(|node| frames_held(node, id)), [0; 3], "the relay as well");
    for hub in [one, two] {
        let before = (notes(hub, id), document(hub, id).heads());
        hub.store
            .write("forget", move |tx| {
                tx.documents().forget_all();
                Ok(tx.execute("DELETE FROM campaign WHERE id = ?1", [id.0])?)
            })
            .expect("forgotten");
        assert_eq!((notes(hub, id), document(hub, id).heads()), before, "worked out from the checkpoint");
    }
    // A newcomer gets it of the Academy alone, and a member that was put back gets on.
    campaigns(one).change_membership(id, MembershipEdit::Admit { hub: three.id, edits: true }).expect("admitted");
    sync(one, &federation.academy);
    sync(three, &federation.academy);
    assert_eq!(notes(three, id), notes(one, id));
    note(two, id, "Goes on. ");
    federation.settle();
    for hub in [one, two, three] {
        assert!(notes(hub, id).contains("Goes on. "));
        assert_eq!(hub.tips(Topic::Campaign(id)), one.tips(Topic::Campaign(id)));
    }
}

/// A member that was away while the others dropped what it lacks takes the checkpoint, and its own unsent words count.
#[test]
fn a_member_that_was_away_takes_the_checkpoint_and_keeps_its_own_words() {
    let federation = federation_of(3);
    let [one, two, three] = &federation.hubs[..] else { panic!("three hubs") };
    let id = begun(&federation.hubs, false);
    let meet = |pairs: &[(&Node, &Node)]| pairs.iter().for_each(|(hub, other)| sync(hub, other));
    meet(&[(one, two), (one, three)]);
    note(one, id, "Before. ");
    meet(&[(one, three)]);
    note(three, id, "Written away. ");
    for number in 0..4 {
        note(one, id, &format!("One {number}. "));
        meet(&[(one, two)]);
        note(two, id, &format!("Two {number}. "));
        meet(&[(one, two)]);
    }
    prune(one, id);
    check_point(one, id);
    meet(&[(one, two), (one, two)]);
    assert_eq!([one, two].map(|node| frames_held(node, id)), [0, 0]);
    meet(&[(two, three), (two, three), (one, three), (one, two)]);
    for hub in [one, two, three] {
        assert!(notes(hub, id).contains("Written away. ") && notes(hub, id).contains("Two 3. "), "{}", notes(hub, id));
        assert_eq!(document(hub, id).heads(), document(one, id).heads());
        assert_eq!(hub.tips(Topic::Campaign(id)), one.tips(Topic::Campaign(id)));
    }
}

/// A hub that was put back gets its own lost words back as a part of the checkpoint, and does not write their numbers again.
#[test]
fn a_hub_put_back_behind_a_checkpoint_goes_on() {
    let federation = federation_of(2);
    let [one, two] = &federation.hubs[..] else { panic!("two hubs") };
    let id = begun(&federation.hubs, true);
    federation.settle();
    note(two, id, "First. ");
    let copy = two.store.snapshot().expect("a snapshot");
    note(two, id, "Lost here. ");
    federation.settle();
    prune(one, id);
    check_point(one, id);
    federation.settle();
    let two = &two.restored(&copy, 9_001);
    for _ in 0..2 {
        sync(two, &federation.academy);
    }
    assert_eq!(notes(two, id), "First. Lost here. ");
    note(two, id, "Goes on. ");
    sync(two, &federation.academy);
    sync(one, &federation.academy);
    assert_eq!(notes(one, id), "First. Lost here. Goes on. ");
}

fn forged_checkpoint(one: &Node, id: CampaignId, change: impl FnOnce(&mut Checkpoint)) -> Vec<u8> {
    let membership = one.journal().rights().memberships.get(id).expect("known").tip;
    let (document, mut heads) = document(one, id).snapshot();
    heads.sort_unstable();
    let mut covers = one.tips(Topic::Campaign(id));
    covers.sort_by_key(|cursor| (cursor.author, cursor.incarnation));
    let mut checkpoint = Checkpoint { membership, generation: 0, covers, demands: BTreeMap::new(), document, heads };
    change(&mut checkpoint);
    encode_checkpoint(&checkpoint)
}

/// A document of automerge's format with one actor, one head, and 2^40 changes in one run.
fn bomb() -> Vec<u8> {
    let actors = [0x01, 7, 0x80, 0x80, 0x80, 0x80, 0x80, 0x20, 0];
    let content = [&[1, 1, 9, 1][..], &[7; 32], &[1], &actors[..2], &[0], &actors[2..]].concat();
    let length = u8::try_from(content.len()).expect("few bytes");
    [&[0x85, 0x6f, 0x4a, 0x83, 0, 0, 0, 0, 0, length][..], &content].concat()
}

#[test]
fn a_checkpoint_that_lies_is_set_aside_by_whoever_holds_the_entries() {
    type Change = fn(&mut Checkpoint);
    for (what, change, good) in [
        ("an honest one", (|_| {}) as Change, true),
        (
            "another's words left out",
            |checkpoint| {
                let (document, mut heads) = Campaign::blank().snapshot();
                heads.sort_unstable();
                (checkpoint.document, checkpoint.heads) = (document, heads);
            },
            false,
        ),
        ("no document at all", |checkpoint| checkpoint.document = vec![7; 100], false),
        ("a document that asks for 2^40 changes", |checkpoint| checkpoint.document = bomb(), false),
        (
            "a later document that is none",
            |checkpoint| (checkpoint.document, checkpoint.generation) = (vec![7; 100], 1),
            false,
        ),
        (
            "a later document that asks for 2^40 changes",
            |checkpoint| (checkpoint.document, checkpoint.generation) = (bomb(), 1),
            false,
        ),
        (
            "words of the lead's own that it never wrote",
            |checkpoint| {
                let mut campaign = Campaign::load(&checkpoint.document, &checkpoint.heads).expect("a document");
                let author = campaign.changes()[0].0;
                let edit = Edit::AppendNotes("Made up. ".to_owned());
                campaign.edit(Actor { node: author, incarnation: 5 }, &edit).expect("an edit");
                let (document, mut heads) = campaign.snapshot();
                heads.sort_unstable();
                (checkpoint.document, checkpoint.heads) = (document, heads);
            },
            false,
        ),
        ("other heads", |checkpoint| checkpoint.heads = vec![[7; 32]], false),
        ("an entry that nobody holds", |checkpoint| checkpoint.covers[0].hash = Hash([7; 32]), false),
    ] {
        let federation = federation_of(2);
        let [one, two] = &federation.hubs[..] else { panic!("two hubs") };
        let id = begun(&federation.hubs, false);
        sync(one, two);
        note(two, id, "Of the other. ");
        sync(one, two);
        let payload = forged_checkpoint(one, id, change);
        one.journal()
            .append_all(Topic::Campaign(id), vec![(PayloadKind::CampaignCheckpoint, payload)])
            .expect("the lead's own node does not doubt itself");
        sync(one, two);
        let aside: Vec<String> =
            two.journal().set_aside().expect("read").into_iter().map(|aside| aside.detail).collect();
        assert_eq!(aside.is_empty(), good, "{what}: {aside:?}");
        assert_eq!(notes(two, id), "Of the other. ", "{what}");
        note(two, id, "Goes on. ");
        assert_eq!(notes(two, id), "Of the other. Goes on. ", "{what}");
    }
}

/// Who took concurrent changes in another order saves the same document in other bytes.
#[test]
fn an_honest_checkpoint_counts_however_it_is_saved() {
    for apart in [false, true] {
        let federation = federation_of(2);
        let [one, two] = &federation.hubs[..] else { panic!("two hubs") };
        let id = begun(&federation.hubs, false);
        sync(one, two);
        note(two, id, "Of the other. ");
        if !apart {
            sync(one, two);
        }
        note(one, id, "Of the lead. ");
        sync(one, two);
        assert_eq!(document(one, id).snapshot().0 != document(two, id).snapshot().0, apart);
        let payload = forged_checkpoint(one, id, |_| {});
        one.journal()
            .append_all(Topic::Campaign(id), vec![(PayloadKind::CampaignCheckpoint, payload)])
            .expect("the lead's own node does not doubt itself");
        sync(one, two);
        let count = |c: &Connection| {
            let good = "SELECT count(*) FROM campaign_checkpoint WHERE state = 1";
            Ok(c.query_row(good, [], |row| row.get::<_, i64>(0))?)
        };
        assert_eq!(two.store.read("count", count).expect("a count"), 1, "apart: {apart}");
        assert_eq!(two.journal().set_aside().expect("read"), []);
    }
}

/// What a node holds of one hub's logs of the campaign goes to another.
fn give(from: &Node, to: &Node, id: CampaignId, author: &Node) {
    let logs = frames(from, id).into_iter().filter(|(log, _)| log.author == author.id);
    logs.flat_map(|(_, frames)| frames).for_each(|frame| drop(to.keep(from, frame)));
}

fn not_fitting(node: &Node) -> Vec<String> {
    let aside = node.journal().set_aside().expect("read").into_iter();
    aside.filter(|it| it.reason == RefusalReason::CampaignChanges).map(|it| it.detail).collect()
}

/// The lead is gone, and nobody has what its last checkpoint covers.
#[test]
fn whoever_holds_less_than_a_checkpoint_covers_can_take_the_lead_over() {
    let federation = federation_of(3);
    let [one, two, three] = &federation.hubs[..] else { panic!("three hubs") };
    let id = begun(&federation.hubs, false);
    sync(one, two);
    sync(one, three);
    note(three, id, "Early. ");
    sync(one, three);
    sync(one, two);
    note(three, id, "Of three. ");
    sync(one, three);
    check_point(one, id);
    note(one, id, "On top. ");
    campaigns(one).change_membership(id, MembershipEdit::OfferLead { to: Some(two.id) }).expect("offered");
    give(one, two, id, one);
    assert_eq!((notes(two, id).as_str(), state_at(two, id).waiting), ("Early. ", 1));
    campaigns(two).accept_lead(id).expect("taken over");
    note(two, id, "Of two. ");
    check_point(two, id);
    for _ in 0..2 {
        [(one, two), (one, three), (two, three)].iter().for_each(|(hub, other)| sync(hub, other));
    }
    assert_eq!([agreed(one, id), agreed(three, id)], [(); 2].map(|()| agreed(two, id)));
    assert_eq!([one, two, three].map(not_fitting).concat(), [""; 0]);
    for words in ["Early. ", "Of three. ", "On top. ", "Of two. "] {
        assert!(notes(two, id).contains(words), "{}", notes(two, id));
    }
}

/// What is covered counts, whatever is found out of its author later: whoever has it as entries says what whoever has it by the
/// checkpoint says.
#[test]
fn a_fork_behind_a_checkpoint_leaves_all_members_with_one_document() {
    let federation = federation_of(3);
    let [one, two, three] = &federation.hubs[..] else { panic!("three hubs") };
    let id = begun(&federation.hubs[..2], false);
    sync(one, two);
    let branch = |text: &str| {
        let change = change(one, id, two, 6, &Edit::AppendNotes(text.to_owned()));
        pack(&forged_changes(&federation.academy, two, id, 9, &[&[change]])).expect("packs")
    };
    let (left, right) = (branch("Left. "), branch("Right. "));
    one.keep(two, left);
    check_point(one, id);
    campaigns(one).change_membership(id, MembershipEdit::Admit { hub: three.id, edits: true }).expect("admitted");
    sync(one, three);
    note(one, id, "On top. ");
    assert_eq!(reasons(&[one.keep(three, right.clone())]), [(RefusalReason::Fork, false)]);
    three.keep(one, right);
    check_point(one, id);
    for _ in 0..2 {
        sync(one, three);
    }
    note(three, id, "Goes on. ");
    sync(one, three);
    let said: Vec<String> = [one, three].map(|hub| notes(hub, id)).to_vec();
    assert_eq!(said, ["Left. On top. Goes on. "; 2]);
    assert_eq!(document(one, id).heads(), document(three, id).heads());
    let again = one.restored(&one.store.snapshot().expect("a snapshot"), 9_200);
    assert_eq!(notes(&again, id), said[0]);
}

/// The lead's document has words that its checkpoint does not cover, since they came too late and others build on them.
#[test]
fn an_honest_checkpoint_is_not_called_a_lie_before_all_entries_have_come() {
    let federation = federation_of(4);
    let [one, two, three, four] = &federation.hubs[..] else { panic!("four hubs") };
    let id = begun(&federation.hubs, false);
    [two, three, four].iter().for_each(|hub| sync(one, hub));
    note(three, id, "Late. ");
    sync(two, three);
    note(two, id, "On it. ");
    campaigns(one).change_membership(id, MembershipEdit::Remove { hub: three.id }).expect("removed");
    sync(one, two);
    assert_eq!(notes(one, id), "Late. On it. ");
    check_point(one, id);
    for author in [one, two, three] {
        give(one, four, id, author);
        assert_eq!(not_fitting(four), [""; 0]);
    }
    assert_eq!(agreed(four, id), agreed(one, id));
    let counting = |c: &Connection| crate::journal::checkpoints::counting(c, id);
    let known = four.store.read("checkpoint", counting).expect("read").expect("one that counts");
    assert_eq!(known.state, crate::journal::checkpoints::State::Good);
}

/// A lead that repeats another's change in an entry of its own, which does not fit, has not brought it.
#[test]
fn words_left_out_of_a_checkpoint_are_not_brought_by_whoever_repeats_them() {
    let federation = federation_of(2);
    let [one, two] = &federation.hubs[..] else { panic!("two hubs") };
    let id = begun(&federation.hubs, false);
    sync(one, two);
    note(two, id, "Of the other. ");
    sync(one, two);
    let changes = document(one, id).changes();
    let (_, words) = changes.iter().find(|(author, _)| *author == two.id.0).expect("written").clone();
    let mut without = Campaign::blank();
    for (author, change) in changes.into_iter().filter(|(_, change)| *change != words) {
        without.admit_all(&[folkmoot_campaign::Submission { author, changes: vec![change], late: false }]);
    }
    let payload = forged_checkpoint(one, id, |checkpoint| {
        let (document, mut heads) = without.snapshot();
        heads.sort_unstable();
        (checkpoint.document, checkpoint.heads) = (document, heads);
    });
    let repeated = forged_changes(&federation.academy, one, id, 77, &[&[words]]);
    assert_eq!(reasons(&[two.keep(one, pack(&repeated).expect("packs"))]), [(RefusalReason::CampaignChanges, true)]);
    one.journal()
        .append_all(Topic::Campaign(id), vec![(PayloadKind::CampaignCheckpoint, payload)])
        .expect("the lead's own node does not doubt itself");
    sync(one, two);
    let found = not_fitting(two);
    assert!(found.iter().any(|words| words.contains("leaves out")), "{found:?}");
}

/// Nobody would load one that asks for too much: none is given, and that is not tried again at each edit.
#[test]
fn a_document_that_asks_for_too_much_is_not_stored_at_each_edit() {
    let federation = federation_of(1);
    let hub = &federation.hubs[0];
    let id = begun(&federation.hubs, true);
    let text = "Tea. ".repeat(4_000);
    for _ in 0..=MAX_SNAPSHOT_OPERATIONS as usize / text.len() {
        let delete = notes(hub, id).len();
        edit(hub, id, Edit::Write { prose: Prose::Notes, at: 0, delete, insert: text.clone() });
    }
    let count = |table: &'static str| {
        let count = move |c: &Connection| Ok(c.query_row(table, [], |row| row.get::<_, i64>(0))?);
        hub.store.read("count", count).expect("a count")
    };
    let parts = || count("SELECT count(*) FROM campaign_tail");
    let checkpoints = || count("SELECT count(*) FROM campaign_checkpoint");
    assert!(!campaigns(hub).check_point(id).expect("tried"));
    let before = (parts(), checkpoints());
    for number in 0..10 {
        edit(hub, id, Edit::Aim(format!("Aim {number}")));
    }
    assert_eq!((parts(), checkpoints()), (before.0 + 10, before.1));
    campaigns(hub).erase(id).expect("begun anew, it asks for little");
    assert!(campaigns(hub).check_point(id).expect("given"));
}

/// A newcomer has nothing to compare it with, but looks before it leaps: the rest of its campaigns are as they were.
#[test]
fn a_newcomer_that_is_given_no_document_says_so_and_goes_on() {
    for (document, generation) in [(bomb(), 0), (bomb(), 1), (vec![7; 100], 0), (vec![7; 100], 1)] {
        let federation = federation_of(2);
        let [one, two] = &federation.hubs[..] else { panic!("two hubs") };
        let id = begun(&federation.hubs[..1], true);
        note(one, id, "Here. ");
        federation.settle();
        let payload = forged_checkpoint(one, id, |checkpoint| {
            (checkpoint.document, checkpoint.generation) = (document.clone(), generation);
        });
        one.journal()
            .append_all(Topic::Campaign(id), vec![(PayloadKind::CampaignCheckpoint, payload)])
            .expect("the lead's own node does not doubt itself");
        campaigns(one).change_membership(id, MembershipEdit::Admit { hub: two.id, edits: true }).expect("admitted");
        let other = begun(&federation.hubs[1..], true);
        for _ in 0..2 {
            federation.settle();
        }
        let listed = campaigns(two).list().expect("listed");
        assert_eq!(listed.iter().copied().collect::<BTreeSet<_>>(), BTreeSet::from([id, other]));
        for id in listed {
            campaigns(two).get(id).expect("read");
        }
        note(two, other, "Goes on. ");
        assert_eq!(notes(two, other), "Goes on. ");
        let aside: Vec<_> =
            two.journal().set_aside().expect("read").into_iter().map(|it| (it.entry.author, it.reason)).collect();
        assert_eq!(aside, [(one.id, RefusalReason::CampaignChanges)], "{generation}");
    }
}

/// What waits is covered by no checkpoint, and calls for none again and again.
#[test]
fn what_waits_calls_for_no_checkpoint() {
    let federation = federation_of(2);
    let [one, two] = &federation.hubs[..] else { panic!("two hubs") };
    let id = begun(&federation.hubs, true);
    federation.settle();
    let mut theirs = document(one, id);
    let actor = Actor { node: two.id.0, incarnation: 5 };
    let mut write = |text: String| theirs.edit(actor, &Edit::AppendNotes(text)).expect("an edit").expect("a change");
    write("Withheld. ".to_owned());
    let long = "a word and another ".repeat(900);
    let waiting: Vec<Vec<Vec<u8>>> = (0..3).map(|number| vec![write(format!("{number} {long}"))]).collect();
    let waiting: Vec<&[Vec<u8>]> = waiting.iter().map(Vec::as_slice).collect();
    let frame = pack(&forged_changes(&federation.academy, two, id, 5, &waiting)).expect("packs");
    assert_eq!(reasons(&[one.keep(two, frame)]), []);
    assert_eq!(state_at(one, id).waiting, 3);
    note(one, id, "Goes on. ");
    assert_eq!(notes(one, id), "Goes on. ");
}

/// Whoever does not lead gives no checkpoint, and one that comes without proof of the lead is not taken.
#[test]
fn only_the_lead_gives_checkpoints() {
    let federation = federation_of(3);
    let [one, two, three] = &federation.hubs[..] else { panic!("three hubs") };
    let id = begun(&federation.hubs[..2], true);
    federation.settle();
    note(two, id, "Of the other. ");
    federation.settle();
    let given = campaigns(two).check_point(id);
    assert!(matches!(given, Err(StoreError::NotTheLead { .. })), "{given:?}");
    let payload = forged_checkpoint(two, id, |_| {});
    two.journal()
        .append_all(Topic::Campaign(id), vec![(PayloadKind::CampaignCheckpoint, payload)])
        .expect("held, and does not count");
    federation.settle();
    let counts = |node: &Node| {
        let counting = |c: &Connection| Ok(crate::journal::checkpoints::counting(c, id)?.is_some());
        node.store.read("checkpoint", counting).expect("read")
    };
    assert!(![one, two, &federation.academy].into_iter().any(counts));
    campaigns(one).change_membership(id, MembershipEdit::Admit { hub: three.id, edits: true }).expect("admitted");
    federation.settle();
    assert_eq!(notes(three, id), "Of the other. ");
    assert_eq!(frames_held(three, id), frames_held(one, id), "all entries came");
}

#[test]
fn a_checkpoint_is_given_once_enough_was_written() {
    let federation = federation_of(2);
    let [one, two] = &federation.hubs[..] else { panic!("two hubs") };
    let id = begun(&federation.hubs, true);
    federation.settle();
    let given = |node: &Node| -> i64 {
        let count = |c: &Connection| {
            Ok(c.query_row("SELECT count(*) FROM campaign_checkpoint WHERE state = 1", [], |row| row.get(0))?)
        };
        node.store.read("checkpoints", count).expect("read")
    };
    for number in 0..2 {
        note(two, id, &format!("{number} {}", "a word and another ".repeat(300)));
    }
    federation.settle();
    assert_eq!((given(one), given(two)), (0, 0));
    for number in 0..3 {
        note(two, id, &format!("{number} {}", "a word and another ".repeat(400)));
    }
    federation.settle();
    federation.settle();
    assert_eq!((given(one), given(two)), (1, 1));
    assert_eq!(agreed(one, id), agreed(two, id));
}
