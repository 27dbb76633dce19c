use proptest::prelude::*;

use super::*;
use crate::id::Incarnation;
use crate::topic::Topic;

fn node(byte: u8) -> NodeId {
    NodeId([byte; 32])
}

fn hash(number: u8) -> Hash {
    Hash([number; 32])
}

const CREATOR: u8 = 1;

fn founding(number: u8, members: &[u8], academy_relays: bool) -> Signed<MembershipRecord> {
    let members = members.iter().copied().map(node).collect();
    let record = MembershipRecord { nonce: [7; 16], members, academy_relays };
    Signed { author: node(CREATOR), hash: hash(number), minute: 0, record }
}

fn id() -> CampaignId {
    campaign_id(node(CREATOR), &[7; 16])
}

/// A roster led by the first; the rest edit.
fn roster(members: &[u8], successor: Option<u8>) -> Roster {
    let role = |at| if at == 0 { MemberRole::Lead } else { MemberRole::Editor };
    let members = members.iter().enumerate().map(|(at, hub)| (node(*hub), role(at))).collect();
    Roster::new(members, successor.map(node), true, BTreeSet::new()).unwrap()
}

fn change(author: u8, number: u8, predecessor: u8, roster: Roster, appointment: u32) -> Signed<MembershipChange> {
    let record = MembershipChange { predecessor: hash(predecessor), roster, appointment };
    Signed { author: node(author), hash: hash(number), minute: 0, record }
}

fn nobody(_: NodeId) -> u32 {
    0
}

/// The numbers of the entries that count, and whether the membership stands still.
fn counted(changes: &[Signed<MembershipChange>], appointed: impl Fn(NodeId) -> u32) -> (Vec<u8>, bool) {
    let steps = chain(id(), &[founding(1, &[1, 2, 3], true)], changes, appointed);
    let contested = steps.last().is_some_and(|step| step.contested);
    (steps.iter().map(|step| step.tip.0[0]).collect(), contested)
}

#[test]
fn the_id_binds_the_creator_and_the_nonce() {
    let record = founding(1, &[1, 2], true).record;
    assert_eq!(record.id(node(1)), id());
    assert_ne!(record.id(node(2)), id());
    assert_ne!(MembershipRecord { nonce: [8; 16], ..record.clone() }.id(node(1)), id());
    let by_another = Signed { author: node(2), ..founding(1, &[1, 2], true) };
    assert_eq!(chain(id(), &[by_another], &[], nobody), []);
}

#[test]
fn a_creator_is_a_member_and_members_are_bounded() {
    let found = |members: BTreeSet<NodeId>| {
        let record = MembershipRecord { nonce: [7; 16], members, academy_relays: true };
        Membership::found(&Signed { author: node(1), hash: hash(1), minute: 0, record })
    };
    assert!(matches!(found(BTreeSet::new()), Err(Fault::Membership(_))));
    assert!(matches!(found([node(2)].into()), Err(Fault::Membership(_))));
    let many = |count: u32| {
        let numbered = |n: u32| {
            let mut id = [0; 32];
            id[..4].copy_from_slice(&n.to_be_bytes());
            NodeId(id)
        };
        (1..count).map(numbered).chain([node(1)]).collect::<BTreeSet<_>>()
    };
    assert!(found(many(1_000)).is_ok());
    assert!(matches!(found(many(1_001)), Err(Fault::Membership(_))));
}

#[test]
fn a_roster_has_one_lead_and_a_successor_who_edits() {
    use MemberRole::{Editor, Lead, Reader};
    let new = |members: &[(u8, MemberRole)], successor: Option<u8>| {
        let members = members.iter().map(|(hub, role)| (node(*hub), *role)).collect();
        Roster::new(members, successor.map(node), true, BTreeSet::new()).is_ok()
    };
    for (members, successor, stands) in [
        (&[(1, Lead)][..], None, true),
        (&[(1, Lead), (2, Editor), (3, Reader)], Some(2), true),
        (&[(1, Editor)], None, false),
        (&[(1, Lead), (2, Lead)], None, false),
        (&[(1, Lead), (3, Reader)], Some(3), false),
        (&[(1, Lead)], Some(1), false),
        (&[(1, Lead)], Some(9), false),
    ] {
        assert_eq!(new(members, successor), stands, "{members:?} {successor:?}");
    }
}

#[test]
fn only_the_lead_goes_on_and_a_handover_counts_once_it_is_accepted() {
    let offered = change(1, 2, 1, roster(&[1, 2, 3], Some(2)), 0);
    let accepted = change(2, 3, 2, roster(&[2, 1, 3], None), 0);
    let by_the_new = change(2, 4, 3, roster(&[2, 3], None), 0);
    for (changes, expected) in [
        (vec![], vec![1]),
        (vec![change(2, 2, 1, roster(&[2, 1], None), 0)], vec![1]),
        (vec![change(1, 2, 1, roster(&[2, 1], None), 0)], vec![1]),
        (vec![offered.clone()], vec![1, 2]),
        (vec![offered.clone(), change(3, 3, 2, roster(&[3, 1], None), 0)], vec![1, 2]),
        (vec![by_the_new.clone(), accepted.clone(), offered.clone()], vec![1, 2, 3, 4]),
        (vec![accepted.clone(), by_the_new.clone()], vec![1]),
        // The lead goes on beside the successor: the office that was handed over outweighs it.
        (vec![offered, accepted, change(1, 9, 2, roster(&[1], None), 0)], vec![1, 2, 3]),
    ] {
        assert_eq!(counted(&changes, nobody), (expected, false), "{changes:?}");
    }
}

#[test]
fn two_successors_of_one_entry_stop_the_membership_until_a_lead_is_appointed() {
    let both = [change(1, 2, 1, roster(&[1, 2], None), 0), change(1, 3, 1, roster(&[1, 3], None), 0)];
    assert_eq!(counted(&both, nobody), (vec![1], true));
    let mended = [both[0].clone(), both[1].clone(), change(3, 4, 1, roster(&[3, 2], None), 5)];
    assert_eq!(counted(&mended, nobody), (vec![1], true), "nobody appointed it");
    let appointed = |hub| if hub == node(3) { 5 } else { 0 };
    assert_eq!(counted(&mended, appointed), (vec![1, 4], false));
}

#[test]
fn what_a_hub_may_do_is_asked_of_the_minute() {
    use MemberRole::{Editor, Lead};
    let at = |minute, change: Signed<MembershipChange>| Signed { minute, ..change };
    let changes = [
        at(10, change(1, 2, 1, roster(&[1, 2, 3], Some(2)), 0)),
        at(20, change(2, 3, 2, roster(&[2, 1], None), 0)),
        at(30, change(2, 4, 3, roster(&[2, 1, 3], None), 0)),
    ];
    let founding = Signed { minute: 5, ..founding(1, &[1, 2, 3], true) };
    let steps = chain(id(), &[founding], &changes, nobody);
    for (minute, roles) in [
        // A clock that was slow.
        (0, [Some(Lead), Some(Editor), Some(Editor)]),
        (5, [Some(Lead), Some(Editor), Some(Editor)]),
        (19, [Some(Lead), Some(Editor), Some(Editor)]),
        (20, [Some(Editor), Some(Lead), None]),
        (29, [Some(Editor), Some(Lead), None]),
        (99, [Some(Editor), Some(Lead), Some(Editor)]),
    ] {
        assert_eq!([1, 2, 3].map(|hub| role_at(&steps, node(hub), minute)), roles, "{minute}");
    }
}

#[test]
fn an_appointment_is_used_once_and_only_by_a_member() {
    let appointed = |hub| if hub == node(2) { 5 } else { 0 };
    let taken = change(2, 2, 1, roster(&[2, 1, 3], Some(3)), 5);
    let handed_on = change(3, 3, 2, roster(&[3, 2], None), 0);
    let again = change(2, 4, 3, roster(&[2], None), 5);
    assert_eq!(counted(&[again, handed_on, taken.clone()], appointed), (vec![1, 2, 3], false));
    let stranger = change(8, 2, 1, roster(&[8, 1], None), 5);
    assert_eq!(counted(&[stranger], |_| 5), (vec![1], false));
    let newer = change(2, 2, 1, roster(&[2, 1], None), 6);
    assert_eq!(counted(&[newer], appointed), (vec![1], false), "no such appointment");
    let for_another = change(2, 2, 1, roster(&[1, 2], None), 5);
    assert_eq!(counted(&[for_another], appointed), (vec![1], false), "it takes the lead itself");
}

#[test]
fn logs_count_as_long_as_their_hub_edits_and_then_up_to_what_was_accepted() {
    let topic = Topic::Campaign(id());
    let cursor =
        |hub, incarnation, seq| Cursor { author: node(hub), incarnation: Incarnation(incarnation), seq, hash: hash(9) };
    let members = [(node(1), MemberRole::Lead), (node(2), MemberRole::Editor), (node(3), MemberRole::Reader)].into();
    let ended = [cursor(3, 7, 4), cursor(4, 7, 2)].into();
    let roster = Roster::new(members, None, false, ended).unwrap();
    for (hub, incarnation, seq, counts) in [
        (1, 7, 99, true),
        (2, 7, 99, true),
        (3, 7, 4, true),
        (3, 7, 5, false),
        (3, 8, 1, false),
        (4, 7, 2, true),
        (4, 7, 3, false),
        (5, 7, 1, false),
    ] {
        let log = LogId { topic, author: node(hub), incarnation: Incarnation(incarnation) };
        assert_eq!(roster.limit(log).allows(seq), counts, "{hub} {incarnation} {seq}");
    }
}

#[test]
fn who_was_a_member_once_is_known() {
    let changes = [change(1, 2, 1, roster(&[1, 4], None), 0), change(1, 3, 2, roster(&[1, 2], None), 0)];
    let steps = chain(id(), &[founding(1, &[1, 2, 3], true)], &changes, nobody);
    let former: Vec<BTreeSet<NodeId>> = steps.into_iter().map(|step| step.former).collect();
    assert_eq!(former, [[].into(), [node(2), node(3)].into(), [node(3), node(4)].into()]);
}

proptest! {
    /// Whatever entries there are, of whomever, they add up to the same in any order.
    #[test]
    fn the_order_of_arrival_never_matters(
        drawn in prop::collection::vec((1_u8..5, 0_u8..8, 1_u8..5, prop::option::of(1_u8..5), 0_u32..3), 0..12),
        seed in any::<u64>(),
    ) {
        let changes: Vec<_> = (2_u8..)
            .zip(drawn)
            .filter_map(|(number, (author, before, lead, successor, appointment))| {
                let successor = successor.filter(|hub| *hub != lead);
                let members: Vec<u8> = [lead].into_iter().chain((1..5).filter(|hub| *hub != lead)).collect();
                // An entry cannot name one that was written after it.
                (before < number).then(|| change(author, number, before.max(1), roster(&members, successor), appointment))
            })
            .collect();
        let mut shuffled = changes.clone();
        let mut state = seed;
        for at in (1..shuffled.len()).rev() {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            shuffled.swap(at, usize::try_from(state >> 33).unwrap() % (at + 1));
        }
        let foundings = [founding(1, &[1, 2, 3, 4], true), founding(0, &[1, 2], false)];
        let appointed = |hub: NodeId| u32::from(hub.0[0] % 3);
        let one = chain(id(), &foundings, &changes, appointed);
        let other = chain(id(), &[foundings[1].clone(), foundings[0].clone()], &shuffled, appointed);
        prop_assert_eq!(&one, &other);
        prop_assert!(!one.is_empty());
    }
}
