//! Erasure: what was taken out of a campaign is gone at every member, and nobody brings it back.

use folkmoot_campaign::{Campaign, Item, Prose};
use folkmoot_journal::MemberRole;

use super::*;

const SLIP: &str = "Aisha Khan of 7 Mill Lane";

/// Somebody writes what does not belong there, and takes it out again.
fn slip(hub: &Node, id: CampaignId) {
    note(hub, id, SLIP);
    let at = notes(hub, id).find(SLIP).expect("written");
    edit(hub, id, Edit::Write { prose: Prose::Notes, at, delete: SLIP.len(), insert: String::new() });
}

fn holds(node: &Node) -> bool {
    let bytes = node.store.snapshot().expect("a snapshot");
    bytes.windows(SLIP.len()).any(|window| window == SLIP.as_bytes())
        || node_says(node).is_some_and(|said| said.contains(SLIP))
}

/// What the compressed documents of a node say, in all their changes.
fn node_says(node: &Node) -> Option<String> {
    let campaigns = node.store.campaigns().ok()?;
    let mut said = String::new();
    for id in campaigns.list().ok()? {
        let document = document(node, id);
        said.extend(document.changes().iter().map(|(_, change)| String::from_utf8_lossy(change).into_owned()));
    }
    Some(said)
}

fn who_has(hub: &Node, id: CampaignId) -> Vec<bool> {
    campaigns(hub).erasure(id).expect("read").iter().map(|erasure| erasure.attested.is_some()).collect()
}

#[test]
fn what_is_erased_is_gone_everywhere_and_everybody_says_so() {
    let federation = federation_of(3);
    let [one, two, three] = &federation.hubs[..] else { panic!("three hubs") };
    let id = begun(&federation.hubs, true);
    campaigns(one).change_membership(id, MembershipEdit::Admit { hub: three.id, edits: false }).expect("a reader");
    federation.settle();
    note(one, id, "Rota agreed. ");
    federation.settle();
    slip(two, id);
    edit(two, id, Edit::SignUp { organisation: "Library".to_owned(), date: None });
    federation.settle();
    let all = [one, two, three, &federation.academy];
    assert_eq!(all.map(holds), [true; 4], "the search itself works");
    let seen = document(two, id).heads();
    let asked = campaigns(two).erase(id);
    assert!(matches!(asked, Err(StoreError::NotTheLead { .. })), "{asked:?}");
    assert_eq!(campaigns(one).erasure(id).expect("read"), []);

    let erased = campaigns(one).erase(id).expect("erased");
    assert_eq!(erased.view.notes.text, "Rota agreed. ");
    assert_eq!(erased.view.organisations[0].hub, two.id.to_string(), "it stays the hub's that brought it");
    assert!(!holds(one) && holds(two));
    assert_eq!(who_has(one, id).iter().filter(|has| **has).count(), 1, "it has said so itself");
    for _ in 0..2 {
        federation.settle();
    }
    assert_eq!(all.map(holds), [false; 4]);
    assert!(who_has(one, id).into_iter().all(|has| has), "{:?}", campaigns(one).erasure(id));
    for hub in [one, two, three] {
        assert_eq!(agreed(hub, id), agreed(one, id));
        assert_eq!(campaigns(hub).unsent(id).expect("read"), []);
    }
    // Whoever follows it is told, and given the whole of the new document.
    let news = campaigns(two).news(id, &seen, None, true).expect("read").expect("another document");
    assert_eq!((news.state.generation, &news.changes), (1, &document(two, id).changes_since(&[])));
    assert_eq!(campaigns(two).export(id).expect("exported").generation, 1);
    note(two, id, "Goes on. ");
    federation.settle();
    for hub in [one, two, three] {
        assert_eq!(notes(hub, id), "Rota agreed. Goes on. ");
        let again = hub.restored(&hub.store.snapshot().expect("a snapshot"), 9_100);
        assert_eq!(notes(&again, id), "Rota agreed. Goes on. ");
    }
    assert_eq!(campaigns(three).get(id).expect("read").membership.roster.role(three.id), Some(MemberRole::Reader));
}

/// A member that was away brings nothing back; what it had written itself, its own people are shown. Once it has said that it
/// goes by the new document, nobody waits for what it had written any more.
#[test]
fn a_stale_member_brings_nothing_back_and_is_shown_its_own_words() {
    for (relayed, restarts) in [(true, false), (false, false), (false, true)] {
        let federation = federation_of(3);
        let [one, two, three] = &federation.hubs[..] else { panic!("three hubs") };
        let id = begun(&federation.hubs, relayed);
        let meet = |hub: &Node, other: &Node| sync(hub, other);
        [(one, two), (one, three)].iter().for_each(|(hub, other)| meet(hub, other));
        slip(one, id);
        [(one, two), (one, three)].iter().for_each(|(hub, other)| meet(hub, other));
        // Away, it writes on.
        note(three, id, "Written away. ");
        edit(three, id, Edit::Aim("Warmth".to_owned()));
        // One that builds on nothing would find all that it needs in the new document.
        let actor = Actor { node: three.id.0, incarnation: 77 };
        let issue = Item::Issue { title: "Damp".to_owned(), detail: String::new() };
        let on_nothing = Campaign::blank().edit(actor, &Edit::Add(issue)).expect("an edit");
        let on_nothing = vec![on_nothing.expect("a change")];
        campaigns(three).apply_changes(id, on_nothing.clone()).expect("applied");
        // What is taken out is not told: it may be what is to be forgotten.
        let delete = || Edit::Write { prose: Prose::Notes, at: 0, delete: 1, insert: String::new() };
        for _ in 0..2 {
            edit(three, id, delete());
        }
        campaigns(one).erase(id).expect("erased");
        meet(one, two);
        assert!(!holds(one) && !holds(two) && holds(three));
        let another = three.restored(&three.store.snapshot().expect("a snapshot"), 9_000);
        let three = if restarts { &another } else { three };
        for _ in 0..2 {
            meet(three, two);
            meet(two, one);
            meet(three, one);
        }
        assert_eq!([one, two, three].map(holds), [false; 3]);
        for hub in [one, two, three] {
            let state = state_at(hub, id);
            assert_eq!((state.view.notes.text.as_str(), state.view.aim.as_str()), ("", ""), "never merged");
            assert_eq!(state.view.entries, [], "never merged");
            assert_eq!((state.waiting, state.set_aside), (0, 5), "nor waited for");
        }
        let unsent = campaigns(three).unsent(id).expect("read");
        let unsent: Vec<(&str, &str)> = unsent.iter().map(|one| (one.what.as_str(), one.said.as_str())).collect();
        assert_eq!(unsent, [("notes", "Written away. "), ("aim", "Warmth"), ("issues", "Damp"), ("notes", "")]);
        let again = campaigns(three).apply_changes(id, on_nothing);
        assert!(matches!(again, Err(StoreError::CampaignRefused { .. })), "{again:?}");
        edit(three, id, Edit::Aim("Warmth".to_owned()));
        campaigns(three).discard_unsent(id).expect("discarded");
        assert_eq!(campaigns(three).unsent(id).expect("read"), []);
        meet(three, one);
        assert_eq!(state_at(one, id).view.aim, "Warmth");
        // The next checkpoint covers it like all else.
        assert!(campaigns(one).check_point(id).expect("the lead gives one"));
        let counting = |c: &Connection| crate::journal::checkpoints::counting(c, id);
        let known = one.store.read("checkpoint", counting).expect("read").expect("one that counts");
        for tip in one.tips(Topic::Campaign(id)).iter().filter(|tip| tip.author == three.id) {
            assert_eq!(known.covered(tip.log(Topic::Campaign(id))), tip.seq, "{relayed} {restarts}");
        }
        meet(three, one);
        meet(two, one);
        assert_eq!([agreed(two, id), agreed(three, id)], [(); 2].map(|()| agreed(one, id)));
    }
}

/// A later checkpoint of the same document covers what members have said of the erasure, and drops nothing where the campaign
/// does not prune.
#[test]
fn later_checkpoints_leave_what_was_said_of_an_erasure_and_prune_by_the_campaigns_choice() {
    for prunes in [false, true] {
        let federation = federation_of(2);
        let [one, two] = &federation.hubs[..] else { panic!("two hubs") };
        let id = begun(&federation.hubs, true);
        campaigns(one).change_membership(id, MembershipEdit::Prune { prunes }).expect("decided");
        federation.settle();
        slip(two, id);
        federation.settle();
        campaigns(one).erase(id).expect("erased");
        for _ in 0..2 {
            federation.settle();
        }
        note(two, id, "Goes on. ");
        federation.settle();
        assert!(campaigns(one).check_point(id).expect("the lead gives one"));
        for _ in 0..2 {
            federation.settle();
        }
        for hub in [one, two] {
            let said = campaigns(hub).erasure(id).expect("read");
            let hubs: Vec<bool> =
                said.iter().filter(|it| it.node != federation.academy.id).map(|it| it.attested.is_some()).collect();
            assert_eq!(hubs, [true; 2], "{prunes}");
            let written = campaigns(hub).changes(id).expect("history").into_iter().find(|it| it.author == two.id);
            assert_eq!(written.expect("a change").written_at.is_none(), prunes);
        }
        assert_eq!(agreed(one, id), agreed(two, id));
    }
}

/// What is held of a log that goes on elsewhere is dropped as well, before anybody says that it is.
#[test]
fn a_log_of_which_not_all_is_held_is_dropped_too() {
    let federation = federation_of(3);
    let [one, two, three] = &federation.hubs[..] else { panic!("three hubs") };
    let id = begun(&federation.hubs, true);
    federation.settle();
    slip(three, id);
    federation.settle();
    note(three, id, "And more. ");
    sync(one, three);
    campaigns(one).erase(id).expect("erased");
    let topic = Topic::Campaign(id);
    for node in [two, &federation.academy] {
        for tip in node.tips(topic).into_iter().filter(|tip| tip.author == one.id) {
            let (frame, _) = one.frame(node, tip.log(topic), tip.seq, 1).expect("the erasure");
            node.keep(one, frame);
        }
    }
    assert_eq!([two, &federation.academy].map(holds), [false; 2]);
    for _ in 0..2 {
        federation.settle();
    }
    for hub in [two, three] {
        assert_eq!(agreed(hub, id), agreed(one, id));
    }
}

/// Its document lies in the entry of a checkpoint, which the erasure drops.
#[test]
fn a_newcomer_that_wrote_away_is_shown_its_words_after_an_erasure() {
    let federation = federation_of(2);
    let [one, two] = &federation.hubs[..] else { panic!("two hubs") };
    let id = begun(&federation.hubs[..1], false);
    note(one, id, "Rota. ");
    campaigns(one).change_membership(id, MembershipEdit::Admit { hub: two.id, edits: true }).expect("admitted");
    assert!(campaigns(one).check_point(id).expect("the lead gives one"));
    sync(one, two);
    note(two, id, "Written away. ");
    let lies_in_entry =
        |c: &Connection| Ok(c.prepare("SELECT 1 FROM campaign WHERE checkpoint IS NOT NULL")?.exists([])?);
    assert!(two.store.read("where the document lies", lies_in_entry).expect("read"));
    let two = two.restored(&two.store.snapshot().expect("a snapshot"), 9_000);
    slip(one, id);
    campaigns(one).erase(id).expect("erased");
    two.store.documents().forget_all();
    for _ in 0..2 {
        sync(one, &two);
    }
    assert!(!holds(&two));
    assert_eq!([notes(one, id), notes(&two, id)], ["Rota. "; 2]);
    let unsent: Vec<String> = campaigns(&two).unsent(id).expect("read").into_iter().map(|one| one.said).collect();
    assert_eq!(unsent, ["Written away. "]);
}

/// Backups are older than what was erased since: whoever is put back from one, the lead and the Academy too, and writes on,
/// drops it again as soon as it meets a node that was not put back, or one that has met such a node.
#[test]
fn whoever_is_put_back_to_before_an_erasure_drops_it_again() {
    let federation = federation_of(3);
    let [one, two, three] = &federation.hubs[..] else { panic!("three hubs") };
    let id = begun(&federation.hubs, true);
    federation.settle();
    slip(two, id);
    federation.settle();
    let nodes = [one, two, three, &federation.academy];
    let snapshots = || nodes.map(|node| node.store.snapshot().expect("a snapshot"));
    let before = snapshots();
    campaigns(one).erase(id).expect("erased");
    for _ in 0..2 {
        federation.settle();
    }
    let after = snapshots();
    for put_back in 1..0b1111_usize {
        let is_back = |at: usize| put_back & 1 << at != 0;
        let restored = |at: usize| {
            let (snapshot, incarnation) = if is_back(at) { (&before[at], 9_000) } else { (&after[at], 9_100) };
            nodes[at].restored(snapshot, incarnation)
        };
        let [one, two, three, academy] = &[0, 1, 2, 3].map(restored);
        let hubs = [one, two, three];
        for (at, hub) in hubs.into_iter().enumerate().filter(|(at, _)| is_back(*at)) {
            note(hub, id, &format!("Written on copy {at}. "));
        }
        assert_eq!([one, two, three, academy].map(holds), [0, 1, 2, 3].map(is_back), "{put_back:04b}");
        for _ in 0..4 {
            hubs.iter().for_each(|hub| sync(hub, academy));
        }
        assert_eq!([one, two, three, academy].map(holds), [false; 4], "{put_back:04b}");
        for (at, hub) in hubs.into_iter().enumerate() {
            assert_eq!(agreed(hub, id), agreed(one, id), "{put_back:04b}");
            assert_eq!(notes(hub, id), "", "never merged: {put_back:04b}");
            let unsent: Vec<String> =
                campaigns(hub).unsent(id).expect("read").into_iter().map(|one| one.said).collect();
            let written = is_back(at).then(|| format!("Written on copy {at}. "));
            assert_eq!(unsent, Vec::from_iter(written), "{put_back:04b}");
        }
        // The Academy says so by a receipt, which the exchange asks for again.
        let (relay, said) = (academy.id, campaigns(one).erasure(id).expect("read"));
        assert!(said.iter().all(|it| it.node == relay || it.attested.is_some()), "{put_back:04b} {said:?}");
    }
}

/// A newcomer after an erasure gets the new document alone, also from a relay.
#[test]
fn a_newcomer_gets_nothing_of_what_was_erased() {
    let federation = federation_of(3);
    let [one, _, three] = &federation.hubs[..] else { panic!("three hubs") };
    let id = begun(&federation.hubs[..2], true);
    slip(one, id);
    federation.settle();
    campaigns(one).erase(id).expect("erased");
    campaigns(one).change_membership(id, MembershipEdit::Admit { hub: three.id, edits: true }).expect("admitted");
    sync(one, &federation.academy);
    sync(three, &federation.academy);
    assert!(!holds(three) && !holds(&federation.academy));
    note(three, id, "Of the newcomer. ");
    federation.settle();
    assert_eq!(notes(one, id), "Of the newcomer. ");
}

/// Erased twice, the later document counts, and nothing of the first is left.
#[test]
fn a_second_erasure_takes_the_place_of_the_first() {
    let federation = federation_of(2);
    let [one, two] = &federation.hubs[..] else { panic!("two hubs") };
    let id = begun(&federation.hubs, false);
    sync(one, two);
    for number in 0..2 {
        slip(two, id);
        note(two, id, &format!("Part {number}. "));
        sync(two, one);
        campaigns(one).erase(id).expect("erased");
        for _ in 0..2 {
            sync(one, two);
        }
        assert_eq!([one, two].map(holds), [false; 2]);
        assert_eq!(agreed(one, id), agreed(two, id));
        assert!(who_has(one, id).into_iter().all(|has| has));
    }
    assert_eq!(notes(two, id), "Part 0. Part 1. ");
}

/// Whoever has handed the lead over makes nobody forget, whatever it signs.
#[test]
fn who_led_before_erases_nothing() {
    let federation = federation_of(2);
    let [one, two] = &federation.hubs[..] else { panic!("two hubs") };
    let id = begun(&federation.hubs, false);
    sync(one, two);
    note(two, id, "Stays. ");
    sync(one, two);
    campaigns(one).change_membership(id, MembershipEdit::OfferLead { to: Some(two.id) }).expect("offered");
    sync(one, two);
    let step = one.journal().rights().memberships.get(id).expect("known").tip;
    campaigns(two).accept_lead(id).expect("offered");
    sync(one, two);
    let (document, mut heads) = Campaign::blank().snapshot();
    heads.sort_unstable();
    let mut covers = one.tips(Topic::Campaign(id));
    covers.sort_by_key(|cursor| (cursor.author, cursor.incarnation));
    let forged = folkmoot_journal::Checkpoint {
        membership: step,
        generation: 1,
        covers,
        demands: BTreeMap::new(),
        document,
        heads,
    };
    let payload = folkmoot_journal::encode_checkpoint(&forged);
    one.journal()
        .append_all(Topic::Campaign(id), vec![(PayloadKind::CampaignCheckpoint, payload)])
        .expect("held, and counts nowhere");
    sync(one, two);
    assert_eq!([one, two].map(|hub| notes(hub, id)), ["Stays. ", "Stays. "]);
    assert_eq!(agreed(one, id), agreed(two, id));
    campaigns(two).erase(id).expect("the lead can");
    for _ in 0..2 {
        sync(one, two);
    }
    assert!(who_has(two, id).into_iter().all(|has| has));
}
