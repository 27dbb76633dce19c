//! Members who contradict themselves: every node that holds the same entries says the same all the same.

use folkmoot_campaign::Submission;
use folkmoot_proto::federation::v1::Frame;

use super::*;
use crate::academy::WhichHub;

/// A log of an author with these changes, each in an entry of its own, as frames of three entries at most.
fn log(federation: &Federation, author: &Node, id: CampaignId, incarnation: u64, changes: &[Vec<u8>]) -> Vec<Frame> {
    let entries: Vec<&[Vec<u8>]> = changes.iter().map(std::slice::from_ref).collect();
    let entries = forged_changes(&federation.academy, author, id, incarnation, &entries);
    entries.chunks(3).map(|entries| pack(entries).expect("packs")).collect()
}

/// A change of `author` on top of what `base` holds and of these changes.
fn built_on(base: &Node, id: CampaignId, others: &[(&Node, &Vec<u8>)], author: (&Node, u64), text: &str) -> Vec<u8> {
    let mut document = document(base, id);
    for (author, change) in others {
        let changes = vec![(*change).clone()];
        document.admit_all(&[Submission { author: author.id.0, changes, late: false }]);
    }
    let actor = Actor { node: author.0.id.0, incarnation: author.1 };
    document.edit(actor, &Edit::AppendNotes(text.to_owned())).expect("an edit").expect("a change")
}

/// The hubs, ascending by their ids, as their logs are ordered.
fn ascending(federation: &Federation) -> Vec<&Node> {
    let mut hubs: Vec<&Node> = federation.hubs.iter().collect();
    hubs.sort_by_key(|hub| hub.id);
    hubs
}

/// Where a revoked hub shows another change under the number of one that was accepted, the accepted one stands, with what
/// others built on it, whether the other came before the revocation or after it.
#[test]
fn a_revoked_hub_takes_nothing_back_that_was_accepted() {
    let federation = federation_of(4);
    let [one, two, three, four] = &federation.hubs[..] else { panic!("four hubs") };
    let id = begun(&federation.hubs, true);
    federation.settle();
    let accepted = change(one, id, two, 5, &Edit::AppendNotes("Accepted. ".to_owned()));
    let rival = change(one, id, two, 5, &Edit::AppendNotes("Rival. ".to_owned()));
    let built = built_on(one, id, &[(two, &accepted)], (four, 6), "Built on it. ");
    let [accepted, rival] = [log(&federation, two, id, 9, &[accepted]), log(&federation, two, id, 8, &[rival])];
    let built = log(&federation, four, id, 6, &[built]);
    for frame in &accepted {
        assert_eq!(reasons(&[federation.academy.keep(two, frame.clone())]), []);
    }
    for (hub, before) in [(one, [&accepted, &built].to_vec()), (three, [&accepted, &built, &rival].to_vec())] {
        before.into_iter().flatten().for_each(|frame| drop(hub.keep(four, frame.clone())));
    }
    let academy = federation.academy.store.academy().expect("the Academy's store");
    academy.revoke_hub(WhichHub::Id(two.id)).expect("revoked");
    for hub in [one, three] {
        push(&federation.academy, hub);
        rival.iter().for_each(|frame| drop(hub.keep(four, frame.clone())));
        assert_eq!((notes(hub, id).as_str(), state_at(hub, id).waiting), ("Accepted. Built on it. ", 0));
    }
    assert_eq!(agreed(one, id), agreed(three, id));
}

/// However much lies between two changes that claim one number, the same one counts.
#[test]
fn of_two_changes_that_claim_one_number_the_same_counts_in_a_long_log() {
    let federation = federation_of(4);
    let id = begun(&federation.hubs, true);
    federation.settle();
    let [one, two, three, four] = ascending(&federation)[..] else { panic!("four hubs") };
    let base = change(one, id, four, 4, &Edit::AppendNotes("Base. ".to_owned()));
    let first = built_on(one, id, &[(four, &base)], (two, 5), "First. ");
    let second = change(one, id, two, 5, &Edit::AppendNotes("Second. ".to_owned()));
    // What is too large is held and set aside.
    let filling = std::iter::repeat_n(vec![0; 300 << 10], 2 + document::PORTION_BYTES / (300 << 10));
    let first: Vec<Vec<u8>> = std::iter::once(first).chain(filling).collect();
    let [base, first, second] = [(four, 4, vec![base]), (two, 8, first), (two, 9, vec![second])]
        .map(|(author, incarnation, changes)| log(&federation, author, id, incarnation, &changes));
    for (hub, order) in [(one, [&base, &first, &second]), (three, [&second, &base, &first])] {
        order.into_iter().flatten().for_each(|frame| drop(hub.keep(four, frame.clone())));
        assert_eq!(notes(hub, id), "Base. First. ");
    }
    assert_eq!(agreed(one, id), agreed(three, id));
}

/// A creator founds one campaign twice, the second time with fewer members: what the others wrote counts only where a
/// member built upon it, whether it came before that was known or after, and is not dropped in silence.
#[test]
fn what_an_author_wrote_who_is_no_member_any_more_counts_only_where_a_member_built_on_it() {
    let federation = federation_of(4);
    let hubs = ascending(&federation);
    let [creator, early, after, dropped] = hubs[..] else { panic!("four hubs") };
    let wide = Founding::of(&hubs, 3, false);
    let narrow = Founding::of(&hubs[..3], 3, false);
    let id = wide.id();
    let founding = |founding: &Founding, incarnation| {
        let payload = founding.payload();
        let entries = forged(
            &creator.key,
            crate::journal::tests::federation(creator),
            Topic::Campaign(id),
            incarnation,
            vec![payload],
        );
        pack(&entries).expect("packs")
    };
    let (wide, narrow) = (founding(&wide, 7), founding(&narrow, 8));
    for hub in [early, after] {
        assert_eq!(reasons(&[hub.keep(creator, wide.clone())]), []);
    }
    let theirs = change(early, id, dropped, 5, &Edit::AppendNotes("Of no member. ".to_owned()));
    let built = built_on(early, id, &[(dropped, &theirs)], (creator, 6), "Built on it. ");
    let good = change(early, id, creator, 9, &Edit::AppendNotes("Of a member. ".to_owned()));
    let theirs = log(&federation, dropped, id, 5, &[theirs]);
    let mine = log(&federation, creator, id, 6, &[built, good]);
    let keep = |hub: &Node, frames: &[Frame]| {
        reasons(&frames.iter().map(|frame| hub.keep(creator, frame.clone())).collect::<Vec<_>>())
    };
    assert_eq!(keep(early, &[&theirs[..], &mine].concat()), []);
    assert!(notes(early, id).contains("Of no member. "));
    keep(early, std::slice::from_ref(&narrow));
    assert_eq!(keep(after, std::slice::from_ref(&narrow)), []);
    assert_eq!(keep(after, &theirs), [(RefusalReason::AfterRevocation, true)]);
    keep(after, &mine);
    for (hub, set_aside) in [(early, 1), (after, 1)] {
        let state = state_at(hub, id);
        let said = (state.view.notes.text.as_str(), state.waiting, state.set_aside);
        assert_eq!(said, ("Of no member. Built on it. Of a member. ", 0, set_aside));
        let again = hub.restored(&hub.store.snapshot().expect("a snapshot"), 2_001);
        assert_eq!(agreed(&again, id), agreed(hub, id), "after a restart");
    }
    assert_eq!(document(early, id).heads(), document(after, id).heads());
}
