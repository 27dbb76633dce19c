//! Who takes part, and what becomes of the words of those who do not any more.

use folkmoot_journal::{Appointment, Limit, MemberRole, encode_appointment};

use super::*;
use crate::journal::append_in;

fn change(hub: &Node, id: CampaignId, edit: MembershipEdit) -> CampaignState {
    campaigns(hub).change_membership(id, edit).expect("the lead decides")
}

fn admit(hub: &Node, edits: bool) -> MembershipEdit {
    MembershipEdit::Admit { hub: hub.id, edits }
}

fn roles(hub: &Node, id: CampaignId) -> Vec<MemberRole> {
    state_at(hub, id).membership.roster.members().values().copied().collect()
}

fn takes_part(hub: &Node, id: CampaignId) -> bool {
    campaigns(hub).get(id).is_ok()
}

/// The Academy appoints a hub to lead a campaign.
fn appoint(academy: &Node, id: CampaignId, hub: &Node) {
    let (campaign, version) = (id.hidden_of(hub.id), academy.journal().directory().latest_appointment() + 1);
    let payload = encode_appointment(&Appointment { campaign, version });
    academy.journal().append(Topic::Directory, PayloadKind::Appointment, payload).expect("appointed");
}

#[test]
fn a_hub_that_is_taken_in_later_gets_all_of_the_campaign_and_edits_it() {
    for relayed in [true, false] {
        let federation = federation_of(3);
        let [one, two, three] = &federation.hubs[..] else { panic!("three hubs") };
        let id = begun(&federation.hubs[..2], relayed);
        note(one, id, "First. ");
        let settle = || {
            federation.settle();
            if !relayed {
                [(one, two), (one, three), (two, three), (one, two)].iter().for_each(|(hub, other)| sync(hub, other));
            }
        };
        settle();
        note(two, id, "Second. ");
        settle();
        assert!(!takes_part(three, id), "nothing before");
        assert!(three.tips(Topic::Campaign(id)).is_empty());
        change(one, id, admit(three, true));
        settle();
        assert_eq!(notes(three, id), "First. Second. ");
        note(three, id, "Third. ");
        settle();
        for hub in [one, two, three] {
            assert_eq!(notes(hub, id), "First. Second. Third. ");
            assert_eq!(agreed(hub, id), agreed(one, id));
        }
    }
}

#[test]
fn a_reader_reads_and_does_not_edit_until_it_may() {
    let federation = federation_of(2);
    let [one, two] = &federation.hubs[..] else { panic!("two hubs") };
    let id = begun(&federation.hubs[..1], true);
    note(one, id, "First. ");
    change(one, id, admit(two, false));
    federation.settle();
    assert_eq!(notes(two, id), "First. ");
    let edited = campaigns(two).edit(id, Edit::Aim("Warmth".to_owned()), "");
    assert!(matches!(edited, Err(StoreError::ReadsOnly { .. })), "{edited:?}");
    let exported = campaigns(two).export(id).expect("it may read it elsewhere too");
    assert!(!exported.document.is_empty());
    change(one, id, admit(two, true));
    federation.settle();
    note(two, id, "Second. ");
    change(one, id, admit(two, false));
    federation.settle();
    assert_eq!((notes(one, id), notes(two, id)), ("First. ".to_owned(), "First. ".to_owned()), "it came too late");
    change(one, id, admit(two, true));
    federation.settle();
    assert_eq!((notes(one, id), notes(two, id)), ("First. Second. ".to_owned(), "First. Second. ".to_owned()));
}

#[test]
fn a_hub_that_is_taken_out_gets_nothing_later_and_what_it_wrote_before_stays() {
    let federation = federation_of(3);
    let [one, two, three] = &federation.hubs[..] else { panic!("three hubs") };
    let id = begun(&federation.hubs, true);
    federation.settle();
    note(two, id, "Before. ");
    federation.settle();
    change(one, id, MembershipEdit::Remove { hub: two.id });
    note(one, id, "Kept from it. ");
    // It does not know yet, and writes on.
    note(two, id, "Too late. ");
    let held = two.tips(Topic::Campaign(id));
    federation.settle();
    sync(one, two);
    sync(three, two);
    for hub in [one, three] {
        assert_eq!(notes(hub, id), "Before. Kept from it. ");
        assert_eq!(roles(hub, id).len(), 2);
    }
    assert_eq!(two.tips(Topic::Campaign(id)), held, "nothing came");
    let seen = state_at(two, id);
    assert_eq!(seen.view.notes.text, "Before. Too late. ");
    assert!(seen.left_out_by.contains(&one.id), "it is told that it takes part no longer: {:?}", seen.left_out_by);
    // Taken in again it gets what it missed, and is believed again.
    change(one, id, admit(two, true));
    federation.settle();
    federation.settle();
    for hub in [one, two, three] {
        assert_eq!(notes(hub, id), notes(one, id));
        assert_eq!(agreed(hub, id), agreed(one, id));
    }
    assert!(notes(one, id).contains("Too late. "));
    assert_eq!(state_at(two, id).left_out_by, BTreeSet::new());
}

/// Whichever of the removal and the late words comes first, and over whomever; and a change that somebody who stays built
/// upon a late one takes the late one with it.
#[test]
fn a_removal_converges_whatever_came_first() {
    for removed_first in [true, false] {
        let federation = federation_of(3);
        let [one, two, three] = &federation.hubs[..] else { panic!("three hubs") };
        let id = begun(&federation.hubs, false);
        let meet = |hub: &Node, other: &Node| sync(hub, other);
        meet(one, two);
        meet(one, three);
        note(two, id, "Before. ");
        meet(one, two);
        note(two, id, "Late. ");
        let change_it = || change(one, id, MembershipEdit::Remove { hub: two.id });
        if removed_first {
            change_it();
            meet(one, three);
            push(two, three);
        } else {
            meet(two, three);
            change_it();
            meet(one, three);
        }
        assert_eq!(
            (notes(one, id), notes(three, id)),
            ("Before. ".to_owned(), "Before. ".to_owned()),
            "{removed_first}"
        );
        let log = two.tips(Topic::Campaign(id))[..].iter().find(|tip| tip.author == two.id).copied().expect("a log");
        let limit = three.journal().rights().accepted_until(log.log(Topic::Campaign(id)));
        assert!(matches!(limit, Limit::UpTo(last) if last.seq < log.seq), "{limit:?}");
    }
}

#[test]
fn a_late_change_counts_where_somebody_who_stays_has_built_upon_it() {
    let federation = federation_of(3);
    let [one, two, three] = &federation.hubs[..] else { panic!("three hubs") };
    let id = begun(&federation.hubs, false);
    sync(one, two);
    sync(one, three);
    note(two, id, "Late. ");
    sync(two, three);
    note(three, id, "Built on it. ");
    change(one, id, MembershipEdit::Remove { hub: two.id });
    sync(one, three);
    sync(one, three);
    for hub in [one, three] {
        assert_eq!(notes(hub, id), "Late. Built on it. ");
        assert_eq!(agreed(hub, id), agreed(one, id));
    }
}

#[test]
fn only_the_lead_decides_and_the_lead_can_be_handed_over() {
    let federation = federation_of(3);
    let [one, two, three] = &federation.hubs[..] else { panic!("three hubs") };
    let id = begun(&federation.hubs[..2], true);
    federation.settle();
    let decided = campaigns(two).change_membership(id, admit(three, true));
    assert!(matches!(decided, Err(StoreError::NotTheLead { .. })), "{decided:?}");
    let accepted = campaigns(two).accept_lead(id);
    assert!(matches!(accepted, Err(StoreError::MembershipRefused { .. })), "{accepted:?}");
    for edit in [admit(one, false), MembershipEdit::Remove { hub: one.id }, MembershipEdit::Remove { hub: three.id }] {
        let refused = campaigns(one).change_membership(id, edit);
        assert!(matches!(refused, Err(StoreError::MembershipRefused { .. })), "{refused:?}");
    }
    change(one, id, MembershipEdit::OfferLead { to: Some(two.id) });
    federation.settle();
    assert!(state_at(two, id).may_take_lead);
    campaigns(two).accept_lead(id).expect("offered");
    federation.settle();
    for hub in [one, two] {
        assert_eq!(state_at(hub, id).membership.roster.lead(), two.id);
        assert!(!state_at(hub, id).may_take_lead);
    }
    change(two, id, MembershipEdit::Remove { hub: one.id });
    change(two, id, admit(three, true));
    federation.settle();
    assert_eq!(roles(three, id).len(), 2);
    let steps = campaigns(three).membership_steps(id).expect("the chain");
    assert_eq!(steps.len(), 5);
}

#[test]
fn the_academy_appoints_a_lead_where_the_lead_is_gone() {
    for relayed in [true, false] {
        let federation = federation_of(3);
        let [one, two, three] = &federation.hubs[..] else { panic!("three hubs") };
        let id = begun(&federation.hubs, relayed);
        sync(one, two);
        sync(one, three);
        appoint(&federation.academy, id, two);
        for hub in [two, three] {
            push(&federation.academy, hub);
        }
        assert!(state_at(two, id).may_take_lead && !state_at(three, id).may_take_lead);
        let accepted = campaigns(three).accept_lead(id);
        assert!(matches!(accepted, Err(StoreError::MembershipRefused { .. })), "{accepted:?}");
        campaigns(two).accept_lead(id).expect("appointed");
        change(two, id, MembershipEdit::Remove { hub: one.id });
        // The new lead reaches a hub before the appointment does.
        sync(two, one);
        sync(two, three);
        assert_eq!(state_at(three, id).membership.roster.lead(), two.id);
        assert_eq!(roles(three, id).len(), 2);
        let again = three.restored(&three.store.snapshot().expect("a snapshot"), 97);
        assert_eq!(state_at(&again, id).membership, state_at(three, id).membership, "after a restart");
    }
}

/// A folder that was put back writes a second entry after the same one: nobody decides until the Academy has appointed.
#[test]
fn a_lead_that_contradicts_itself_stops_the_membership_and_not_the_editing() {
    let federation = federation_of(3);
    let [one, two, three] = &federation.hubs[..] else { panic!("three hubs") };
    let id = begun(&federation.hubs[..2], true);
    federation.settle();
    let back = one.restored(&one.store.snapshot().expect("a snapshot"), 2_777);
    change(one, id, admit(three, true));
    change(&back, id, MembershipEdit::Relay { relays: true });
    change(&back, id, MembershipEdit::OfferLead { to: Some(two.id) });
    sync(one, &federation.academy);
    sync(&back, two);
    sync(two, &federation.academy);
    sync(&back, &federation.academy);
    sync(&back, two);
    for hub in [two, &back] {
        let state = state_at(hub, id);
        assert!(state.membership.contested, "{:?}", state.membership);
        assert_eq!(state.set_aside, 2);
    }
    let stopped = campaigns(&back).change_membership(id, admit(three, false));
    assert!(matches!(stopped, Err(StoreError::MembershipRefused { .. })), "{stopped:?}");
    note(two, id, "Goes on. ");
    appoint(&federation.academy, id, two);
    sync(two, &federation.academy);
    campaigns(two).accept_lead(id).expect("appointed");
    sync(two, &back);
    assert_eq!(notes(&back, id), "Goes on. ");
    assert_eq!(state_at(&back, id).membership.roster.lead(), two.id);
    assert!(!state_at(&back, id).membership.contested);
}

/// The relay is the campaign's choice at any time.
#[test]
fn a_relay_that_is_ended_gets_nothing_later_and_one_that_begins_gets_all() {
    let federation = federation_of(2);
    let [one, two] = &federation.hubs[..] else { panic!("two hubs") };
    let academy = &federation.academy;
    let id = begun(&federation.hubs, false);
    note(one, id, "First. ");
    federation.settle();
    assert!(academy.tips(Topic::Campaign(id)).is_empty());
    change(one, id, MembershipEdit::Relay { relays: true });
    federation.settle();
    assert_eq!(notes(two, id), "First. ", "through the Academy");
    change(one, id, MembershipEdit::Relay { relays: false });
    note(one, id, "Kept from it. ");
    let held = academy.tips(Topic::Campaign(id));
    federation.settle();
    assert_eq!(academy.tips(Topic::Campaign(id)), held);
    sync(one, two);
    assert_eq!(notes(two, id), "First. Kept from it. ");
}

/// The words of a hub that the membership does not know yet may come before the entry that takes it in.
#[test]
fn words_that_come_before_the_entry_that_takes_their_hub_in_wait_for_it() {
    let federation = federation_of(3);
    let [one, two, three] = &federation.hubs[..] else { panic!("three hubs") };
    let id = begun(&federation.hubs[..2], false);
    sync(one, two);
    change(one, id, admit(three, true));
    sync(one, three);
    note(three, id, "Early. ");
    let theirs: Vec<_> = frames(three, id).into_iter().filter(|(log, _)| log.author == three.id).collect();
    for frame in theirs.into_iter().flat_map(|(_, frames)| frames) {
        two.keep(one, frame);
    }
    assert_eq!(notes(two, id), "");
    sync(one, two);
    assert_eq!(notes(two, id), "Early. ");
    assert_eq!(state_at(two, id).set_aside, 0);
}

/// An entry by somebody who may not decide is set aside with a reason, and decides nothing.
#[test]
fn a_forged_membership_is_set_aside() {
    let federation = federation_of(3);
    let [one, two, three] = &federation.hubs[..] else { panic!("three hubs") };
    let id = begun(&federation.hubs[..2], false);
    sync(one, two);
    let stranger = three.id;
    let wanted = two.store.write("forge", move |tx| {
        let held = tx.working.rights().memberships.get(id).expect("known").clone();
        let mut members = held.roster.members().clone();
        members.insert(stranger, MemberRole::Editor);
        let roster = folkmoot_journal::Roster::new(members, None, true, BTreeSet::new()).expect("a roster");
        let change = folkmoot_journal::MembershipChange { predecessor: held.tip, roster, appointment: 0 };
        let payload = folkmoot_journal::encode_membership_change(&change);
        append_in(tx, Topic::Campaign(id), PayloadKind::MembershipChange, payload).map(|_| ())
    });
    assert!(matches!(wanted, Err(StoreError::NotWritten { .. })), "{wanted:?}");
    let held = one.journal().rights().memberships.get(id).expect("known").clone();
    let roster = folkmoot_journal::Roster::new(held.roster.members().clone(), None, true, BTreeSet::new());
    let change =
        folkmoot_journal::MembershipChange { predecessor: held.tip, roster: roster.expect("a roster"), appointment: 0 };
    let payload = folkmoot_journal::encode_membership_change(&change);
    let payloads = vec![(PayloadKind::MembershipChange, payload)];
    let frame = pack(&forged(&two.key, federation_id(one), Topic::Campaign(id), 9, payloads)).expect("packs");
    assert_eq!(reasons(&[one.keep(two, frame)]), [(RefusalReason::Membership, true)]);
    assert_eq!(one.journal().rights().memberships.get(id), Some(&held));
    assert_eq!(state_at(one, id).set_aside, 1);
}

fn federation_id(node: &Node) -> folkmoot_journal::FederationId {
    federation(node)
}
