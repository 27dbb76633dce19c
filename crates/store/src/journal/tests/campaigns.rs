//! Who is let into a campaign and who is not, and what becomes of a campaign whose founding entry falls.

use folkmoot_journal::{CampaignId, encode_membership, pack};

use super::*;

const NONCE: u8 = 5;

fn topic(founding: &Founding) -> Topic {
    Topic::Campaign(founding.id())
}

/// Founds a campaign of these through the creator's store.
fn found(members: &[&Node], academy_relays: bool) -> Founding {
    let founding = Founding::of(members, NONCE, academy_relays);
    members[0].journal().append_all(topic(&founding), vec![founding.payload()]).expect("founded");
    founding
}

/// The Academy, and hubs that know each other.
fn federation_of<const N: usize>() -> (Node, [Node; N]) {
    let academy = academy();
    let hubs = std::array::from_fn(|at| hub(&academy, 11 + at as u8));
    for hub in &hubs {
        push(&academy, hub);
    }
    (academy, hubs)
}

fn knows(node: &Node, campaign: CampaignId) -> bool {
    node.journal().rights().memberships.get(campaign).is_some()
}

#[test]
fn only_a_frame_that_founds_the_campaign_lets_a_campaign_in() {
    let (academy, [creator, member, other]) = federation_of();
    let wanted = Founding::of(&[&creator, &member], NONCE, true);
    let elsewhere = Founding::of(&[&creator, &member], NONCE + 1, true);
    let stolen = Founding { creator: member.id, ..wanted.clone() };
    let check = |to: &Node, author: &Node, entries: Vec<(PayloadKind, Vec<u8>)>, expected: &[_], what: &str| {
        let to = to.restored(&to.store.snapshot().expect("a snapshot"), 77);
        let frame = pack(&forged(&author.key, federation(&to), topic(&wanted), 9, entries)).expect("packs");
        let kept = to.keep(author, frame);
        assert_eq!(reasons(std::slice::from_ref(&kept)), expected, "{what}");
        let taken = expected.is_empty();
        assert_eq!(
            (kept.new_entries > 0, kept.receipt.is_some(), knows(&to, wanted.id())),
            (taken, taken, taken),
            "{what}"
        );
    };
    let unknown = [(RefusalReason::UnknownCampaign, false)];
    check(&member, &creator, vec![(FREE, vec![1])], &unknown, "no founding entry");
    check(&member, &creator, Vec::new(), &unknown, "nothing but an opening");
    check(&member, &member, vec![stolen.payload()], &unknown, "another than the creator");
    check(&member, &creator, vec![elsewhere.payload()], &unknown, "another nonce");
    check(&member, &creator, vec![(PayloadKind::Membership, vec![255])], &unknown, "not readable");
    check(&member, &academy, vec![wanted.payload()], &unknown, "the Academy founds none");
    check(&member, &creator, vec![wanted.payload()], &[], "it founds it");
    check(&member, &creator, vec![(FREE, vec![1]), wanted.payload()], &[], "it founds it a little later");
    check(&academy, &creator, vec![wanted.payload()], &[], "the Academy relays it");
    check(&other, &creator, vec![wanted.payload()], &[], "a later entry may take this hub in");
}

/// Nothing is learnt from what turns out not to be signed, and a relay that drops the founding entry's payload found none.
#[test]
fn a_founding_frame_counts_only_where_it_is_genuine_and_whole() {
    let (_, [creator, member]) = federation_of();
    let wanted = Founding::of(&[&creator, &member], NONCE, true);
    let whole = forged(&creator.key, federation(&member), topic(&wanted), 9, vec![wanted.payload(), (FREE, vec![1])]);
    let mut spoiled = pack(&whole).expect("packs");
    spoiled.signature[7] ^= 1;
    let mut stripped = [whole.clone(), whole.clone()];
    stripped[0][1].body = None;
    stripped[1][2].body = None;
    let [unfounded, thinned] = stripped.map(|entries| pack(&entries).expect("packs"));
    for (frame, expected) in [
        (spoiled, RefusalReason::NotGenuine),
        (unfounded, RefusalReason::UnknownCampaign),
        (thinned, RefusalReason::Gap),
    ] {
        let kept = member.keep(&creator, frame);
        assert_eq!(reasons(std::slice::from_ref(&kept)), [(expected, false)]);
        assert_eq!((kept.upto, knows(&member, wanted.id())), (None, false));
    }
    assert_eq!(reasons(&[member.keep(&creator, pack(&whole).expect("packs"))]), []);
    assert!(knows(&member, wanted.id()));
}

/// A hub that is no member gets the same answers from a member as from one that knows nothing of the campaign, whatever it
/// sends but the words of a member, by which it then knows of the campaign itself.
#[test]
fn whoever_may_not_read_a_campaign_is_told_the_same_whether_it_is_known_or_not() {
    let (academy, [creator, member, other]) = federation_of();
    let campaign = Founding::of(&[&creator, &member], NONCE, true);
    let frame = |author: &Arc<LogKey>, payloads| {
        pack(&forged(author, federation(&academy), topic(&campaign), 9, payloads)).expect("packs")
    };
    let founding_frame = frame(&creator.key, vec![campaign.payload()]);
    let mut unreadable = frame(&member.key, vec![(FREE, vec![1])]);
    unreadable.inflated_size += 1;
    let cases = [
        (frame(&other.key, vec![(FREE, vec![1])]), RefusalReason::UnknownCampaign),
        (frame(&key(99), vec![(FREE, vec![1])]), RefusalReason::UnknownAuthor),
        (unreadable, RefusalReason::NotGenuine),
    ];
    for node in [&academy, &member] {
        let knowing = node.restored(&node.store.snapshot().expect("a snapshot"), 97);
        assert_eq!(reasons(&[knowing.keep(&creator, founding_frame.clone())]), []);
        for (frame, reason) in &cases {
            let [known, unknown] = [&knowing, node].map(|node| node.keep(&other, frame.clone()));
            assert_eq!(known, unknown);
            assert_eq!(reasons(&[known]), [(*reason, false)]);
        }
        assert_eq!([knows(&knowing, campaign.id()), knows(node, campaign.id())], [true, false]);
    }
}

#[test]
fn in_a_known_campaign_members_write_and_nobody_else() {
    let (academy, [creator, member, other]) = federation_of();
    let campaign = found(&[&creator, &member], true);
    push(&creator, &academy);
    push(&creator, &member);
    let incarnation = std::cell::Cell::new(20);
    for node in [&academy, &creator, &member] {
        let send = |from: &Node, author: &Node, payload| {
            incarnation.set(incarnation.get() + 1);
            let entries = forged(&author.key, federation(node), topic(&campaign), incarnation.get(), vec![payload]);
            reasons(&[node.keep(from, pack(&entries).expect("packs"))])
        };
        let write = |author: &Node, payload| send(&member, author, payload);
        let late = [(RefusalReason::AfterRevocation, true)];
        assert_eq!(write(&other, (FREE, vec![1])), late, "held, and does not count");
        assert_eq!(write(&academy, (FREE, vec![1])), [(RefusalReason::NotAuthorised, false)]);
        // Whoever may not read it is not even told that it is known here.
        assert_eq!(send(&other, &other, (FREE, vec![1])), [(RefusalReason::UnknownCampaign, false)]);
        // But a member's words are taken of anybody: they may say that the sender takes part since.
        assert_eq!(send(&other, &member, (FREE, vec![1])), []);
        let stolen = Founding { creator: member.id, ..campaign.clone() };
        assert_eq!(write(&member, stolen.payload()), [(RefusalReason::Membership, true)], "held, and founds nothing");
        assert!(campaign.is_known(node));
    }
    for (node, topic) in [(&other, topic(&campaign)), (&academy, topic(&campaign))] {
        let appended = node.journal().append(topic, FREE, vec![1]);
        assert!(matches!(appended, Err(StoreError::NotWritten { .. })), "{appended:?}");
    }
    let stolen = Founding { creator: member.id, ..campaign.clone() };
    let appended = member.journal().append_all(topic(&campaign), vec![stolen.payload()]);
    assert!(matches!(appended, Err(StoreError::NotWritten { .. })), "{appended:?}");
}

#[test]
fn a_campaign_reaches_members_and_a_relay_and_nobody_else() {
    for relayed in [true, false] {
        let (academy, [creator, member, other]) = federation_of();
        let campaign = found(&[&creator, &member], relayed);
        let held = |node: &Node| node.tips(topic(&campaign)).len();
        sync(&creator, &academy);
        sync(&academy, &member);
        sync(&academy, &other);
        sync(&creator, &other);
        assert_eq!([held(&academy), held(&member)], [usize::from(relayed); 2]);
        sync(&creator, &member);
        assert_eq!((held(&member), campaign.is_known(&member)), (1, true));
        // It goes back and forth, and never to another, who is not even told of it.
        member.journal().append(topic(&campaign), FREE, vec![1]).expect("a member writes");
        sync(&member, &creator);
        sync(&creator, &academy);
        sync(&creator, &other);
        sync(&academy, &other);
        assert_eq!([held(&creator), held(&academy), held(&other)], [2, if relayed { 2 } else { 0 }, 0]);
        for node in [&creator, &member, &academy] {
            assert!(tips_of(node, &other).iter().all(|(shown, _)| *shown != topic(&campaign)));
            let log = creator.tips(topic(&campaign))[0].log(topic(&campaign));
            assert_eq!(node.frame(&other, log, 0, 1_000), None);
            assert_eq!(digest(node, &other), digest(&other, node));
        }
        assert_eq!(digest(&creator, &academy), digest(&academy, &creator));
        assert_eq!(digest(&creator, &member), digest(&member, &creator));
    }
}

/// Whoever founded it: the answers list the founding log before the others of its topic.
#[test]
fn a_newcomer_lacks_the_campaign_and_is_pushed_the_founding_log_first() {
    for founder in 0..3 {
        let (_, hubs) = federation_of::<4>();
        let mut order: Vec<&Node> = hubs.iter().collect();
        order.swap(0, founder);
        let (holder, newcomer) = (order[0], &hubs[3]);
        let before = match holder.answer(Question::Compare { scope: scope(holder, newcomer) }) {
            Answer::Digest { mark, .. } => mark,
            other => panic!("{other:?}"),
        };
        let campaign = found(&order, false);
        for writer in &order[1..3] {
            push(holder, writer);
            writer.journal().append(topic(&campaign), FREE, vec![1]).expect("a member writes");
            push(writer, holder);
        }
        let founding = only(
            &holder.tips(topic(&campaign))[..]
                .iter()
                .copied()
                .filter(|tip| tip.author == holder.id)
                .collect::<Vec<_>>(),
        );
        let (lists, lacking) = (missing(holder, newcomer).0, missing(newcomer, holder).1);
        let listed = |logs: &[(LogId, u64)]| {
            let logs: Vec<LogId> =
                logs.iter().map(|(log, _)| *log).filter(|log| log.topic == topic(&campaign)).collect();
            assert_eq!(logs.len(), 3);
            assert_eq!(logs[0], founding.log(topic(&campaign)));
            assert!(logs[1] < logs[2]);
        };
        listed(&lists);
        match holder.answer(Question::ChangedSince { scope: scope(holder, newcomer), mark: before }) {
            Answer::Changed { logs, .. } => listed(&logs),
            other => panic!("{other:?}"),
        }
        assert_eq!(lacking.len(), 3, "what is not known yet is lacking");
        assert_eq!(reasons(&push(holder, newcomer)), []);
        assert_eq!(missing(newcomer, holder), Missing::default());
    }
}

#[test]
fn of_two_memberships_the_lesser_counts_whichever_came_first() {
    let both = |first: usize| {
        let (academy, [creator, member, other]) = federation_of();
        let memberships =
            [Founding::of(&[&creator, &member], NONCE, true), Founding::of(&[&creator, &member, &other], NONCE, true)];
        let id = memberships[0].id();
        assert_eq!(id, memberships[1].id());
        let frames: Vec<v1::Frame> = memberships
            .iter()
            .zip([7, 8])
            .map(|(membership, incarnation)| {
                let entries = forged(
                    &creator.key,
                    federation(&academy),
                    Topic::Campaign(id),
                    incarnation,
                    vec![membership.payload()],
                );
                pack(&entries).expect("packs")
            })
            .collect();
        for node in [&academy, &member] {
            for frame in [&frames[first], &frames[1 - first]] {
                assert_eq!(reasons(&[node.keep(&creator, frame.clone())]), []);
            }
        }
        let lesser =
            memberships.into_iter().min_by_key(|founding| encode_membership(&founding.record)).expect("one of two");
        assert!(lesser.is_known(&academy) && lesser.is_known(&member));
        let restored = member.restored(&member.store.snapshot().expect("a snapshot"), 99);
        assert!(lesser.is_known(&restored), "and after a restart");
        lesser.record
    };
    assert_eq!(both(0), both(1));
}

/// Entries of a campaign in which the creator contradicts itself: what both branches share, and each branch.
fn contradictions(creator: &Node, founding: &Founding, common: Vec<(PayloadKind, Vec<u8>)>) -> [v1::Frame; 2] {
    let branch = |last: (PayloadKind, Vec<u8>)| {
        let payloads = common.iter().cloned().chain([last]).collect();
        pack(&forged(&creator.key, federation(creator), topic(founding), 9, payloads)).expect("packs")
    };
    [branch(founding.payload()), branch((FREE, vec![9]))]
}

#[test]
fn a_fork_withdraws_a_campaign_where_its_founding_entry_falls_and_only_there() {
    for founded_before in [true, false] {
        let (academy, [creator, member]) = federation_of();
        let campaign = Founding::of(&[&creator, &member], NONCE, true);
        let common = if founded_before { vec![campaign.payload()] } else { vec![(FREE, vec![1])] };
        let [first, second] = contradictions(&creator, &campaign, common);
        for node in [&academy, &member] {
            digest(node, if node.id == member.id { &academy } else { &member });
            assert_eq!(reasons(&[node.keep(&creator, first.clone())]), []);
            assert!(knows(node, campaign.id()));
            assert_eq!(reasons(&[node.keep(&creator, second.clone())]), [(RefusalReason::Fork, false)]);
            assert_eq!(knows(node, campaign.id()), founded_before);
            let again = node.restored(&node.store.snapshot().expect("a snapshot"), 99);
            assert_eq!(knows(&again, campaign.id()), founded_before, "and after a restart");
        }
        assert_eq!(digest(&academy, &member), digest(&member, &academy));
        assert_eq!(tips_of(&academy, &member).iter().any(|(shown, _)| *shown == topic(&campaign)), founded_before);
    }
}

#[test]
fn another_log_that_founds_the_campaign_takes_the_place_of_a_forked_one() {
    let (academy, [creator, member]) = federation_of();
    let campaign = Founding::of(&[&creator, &member], NONCE, true);
    let [first, second] = contradictions(&creator, &campaign, Vec::new());
    let other = forged(&creator.key, federation(&academy), topic(&campaign), 10, vec![campaign.payload()]);
    for frames in
        [[first.clone(), pack(&other).expect("packs"), second.clone()], [first, second, pack(&other).expect("packs")]]
    {
        let member = member.restored(&member.store.snapshot().expect("a snapshot"), 98);
        frames.into_iter().for_each(|frame| drop(member.keep(&creator, frame)));
        assert!(campaign.is_known(&member));
        let again = member.restored(&member.store.snapshot().expect("a snapshot"), 99);
        assert!(campaign.is_known(&again));
    }
}

/// The Academy's revocation ends the logs that it relayed, says so without naming the campaign, and cannot end others.
#[test]
fn a_revocation_ends_a_relayed_campaigns_logs_whichever_came_first() {
    for (relayed, revoked_first) in [(true, true), (true, false), (false, true), (false, false)] {
        let (academy, [creator, member, third]) = federation_of();
        let campaign = found(&[&creator, &member, &third], relayed);
        sync(&creator, &academy);
        sync(&creator, &member);
        let accepted = only(&creator.tips(topic(&campaign)));
        creator.journal().append(topic(&campaign), FREE, vec![1]).expect("a member writes");
        let log = accepted.log(topic(&campaign));
        let frame = creator.frame(&member, log, accepted.seq, 1_000).expect("a frame").0;
        let academys = academy.store.academy().expect("the Academy's store");
        academys.revoke_hub(crate::academy::WhichHub::Id(creator.id)).expect("revoked");
        let record = academy.journal().directory().hubs()[&creator.id].clone();
        assert!(record.last_accepted.iter().all(|(named, _)| *named != topic(&campaign)));
        let hidden = Topic::Campaign(campaign.id().hidden_of(creator.id));
        assert_eq!(record.last_accepted.contains(&(hidden, accepted)), relayed);
        if revoked_first {
            push(&academy, &member);
            member.keep(&third, frame);
        } else {
            member.keep(&third, frame);
            push(&academy, &member);
        }
        let aside = member.journal().set_aside().expect("read");
        let late: Vec<u64> = aside
            .iter()
            .filter(|aside| aside.reason == RefusalReason::AfterRevocation)
            .map(|aside| aside.entry.seq)
            .collect();
        assert_eq!(late, if relayed { vec![accepted.seq + 1] } else { Vec::new() });
        assert!(knows(&member, campaign.id()));
    }
}

#[test]
fn listeners_hear_of_a_campaign_that_comes_to_be_known() {
    let (_, [creator, member]) = federation_of();
    let (tell, heard) = std::sync::mpsc::channel();
    member.store.on_change(Box::new(move |change| tell.send(change.memberships).expect("heard")));
    let campaign = found(&[&creator, &member], false);
    push(&creator, &member);
    creator.journal().append(topic(&campaign), FREE, vec![1]).expect("a member writes");
    push(&creator, &member);
    assert_eq!(heard.try_iter().collect::<Vec<_>>(), [true, false]);
}
