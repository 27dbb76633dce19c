//! Which topics cross between whom, and in which order their logs go.

use folkmoot_proto::federation::v1::exchange_message::Body;

use super::conversation::Pair;
use super::model::Model;
use crate::directory::HubState;
use crate::entry::PayloadKind;
use crate::exchange::Event;
use crate::topic::Topic;

/// The Academy and hubs that all take part.
fn federation<const N: usize>() -> (Model, [Model; N]) {
    let mut academy = Model::academy();
    let seeds: [u8; N] = std::array::from_fn(|at| 11 + at as u8);
    for seed in seeds {
        let hub = Model::joining(seed, &academy);
        academy.register(&hub, 1, HubState::Enrolled);
    }
    let hubs = seeds.map(|seed| Model::joining(seed, &academy));
    (academy, hubs)
}

fn change(hub: &mut Model, topic: Topic) {
    hub.append(topic, PayloadKind::CampaignChanges, vec![1; 300]);
}

/// Two nodes meet; gives them back.
fn meet(dialler: Model, acceptor: Model) -> (Model, Model) {
    let pair = Pair::open(dialler, acceptor);
    pair.settled(&[1]);
    let [dialler, acceptor] = pair.nodes;
    (dialler, acceptor)
}

fn holds(node: &Model, topic: Topic) -> usize {
    node.logs.keys().filter(|log| log.topic == topic).count()
}

#[test]
fn the_curriculum_goes_from_hub_to_hub() {
    let (mut academy, [first, second]) = federation();
    academy.append(Topic::Curriculum, PayloadKind::Edition, vec![1; 900]);
    let (first, academy) = meet(first, academy);
    let (second, first) = meet(second, first);
    assert_eq!([holds(&first, Topic::Curriculum), holds(&second, Topic::Curriculum)], [1, 1]);
    assert_eq!(second.tips()[academy.logs.keys().find(|log| log.topic == Topic::Curriculum).unwrap()], 2);
}

#[test]
fn a_campaign_reaches_members_and_a_relay_and_never_another() {
    for relayed in [true, false] {
        let (academy, [mut creator, member, other]) = federation();
        let topic = creator.found(&[&member], relayed);
        change(&mut creator, topic);
        let (creator, academy) = meet(creator, academy);
        assert_eq!(holds(&academy, topic), usize::from(relayed));
        let (member, academy) = meet(member, academy);
        assert_eq!(holds(&member, topic), usize::from(relayed));
        let (other, academy) = meet(other, academy);
        let (other, creator) = meet(other, creator);
        let (member, creator) = meet(member, creator);
        assert_eq!(member.tips(), creator.tips());
        let (other, member) = meet(other, member);
        assert_eq!([holds(&member, topic), holds(&other, topic)], [1, 0]);
        // The member's own log comes back the same ways.
        let mut member = member;
        change(&mut member, topic);
        let (creator, member) = meet(creator, member);
        assert_eq!([holds(&creator, topic), holds(&member, topic)], [2, 2]);
        let (_, academy) = meet(creator, academy);
        assert_eq!(holds(&academy, topic), if relayed { 2 } else { 0 });
    }
}

/// Whoever founded it, and however the logs are ordered otherwise.
#[test]
fn a_member_gets_the_founding_log_first_and_the_comparison_waits_for_all() {
    for founder in 0..3 {
        let (_, mut hubs) = federation::<4>();
        let (others, newcomer) = hubs.split_at_mut(3);
        let everybody: Vec<Model> = others.iter().chain(newcomer.iter()).cloned().collect();
        let everybody: Vec<&Model> = everybody.iter().collect();
        let topic = others[founder].found(&everybody, false);
        let founding: Vec<_> = others[founder].entries_of(topic);
        let mut holder = others[founder].clone();
        for writer in (0..3).filter(|writer| *writer != founder) {
            let writer = &mut others[writer];
            writer.take_all(founding.clone());
            change(writer, topic);
            let me = writer.me();
            holder.take_all(writer.entries_of(topic).into_iter().filter(|entry| entry.header.author == me).collect());
        }
        assert_eq!(holds(&holder, topic), 3);
        let newcomer = newcomer[0].clone();
        for newcomer_dials in [true, false] {
            let (holder, newcomer) = (holder.clone(), newcomer.clone());
            let (dialler, acceptor) = if newcomer_dials { (newcomer, holder) } else { (holder, newcomer) };
            let pair = Pair::open(dialler, acceptor);
            pair.settled(&[1]);
            assert_eq!(pair.nodes[0].tips(), pair.nodes[1].tips());
            assert_eq!([&pair.nodes[0].refusals, &pair.nodes[1].refusals], [&[], &[]]);
        }
    }
}

#[test]
fn a_campaign_founded_on_an_open_stream_is_pushed_founding_log_first() {
    let (academy, [creator, member]) = federation();
    let mut pair = Pair::open(creator, academy);
    let topic = pair.nodes[0].found(&[&member], true);
    change(&mut pair.nodes[0], topic);
    pair.event(0, Event::Wake);
    pair.run();
    pair.settled(&[1]);
    assert_eq!(pair.nodes[0].tips(), pair.nodes[1].tips());
    assert_eq!(pair.nodes[0].refusals, []);
}

fn is_frame(event: &Event) -> bool {
    matches!(event, Event::Message(message) if matches!(message.body, Some(Body::Frame(_))))
}

/// A peer that names a campaign and never sends it keeps the comparison open, and no other way is barred by it.
#[test]
fn a_campaign_named_and_not_given_is_waited_for() {
    let (_, [mut creator, member]) = federation();
    let topic = creator.found(&[&member], true);
    let mut pair = Pair::greeting(member, creator);
    // The creator's tips arrive and its frames do not.
    while !pair.wires.iter().all(|wire| wire.is_empty()) {
        let side = usize::from(pair.wires[0].is_empty());
        if side == 0 && is_frame(&pair.wires[0][0]) {
            pair.wires[0].pop_front();
        } else {
            pair.deliver(side);
        }
    }
    assert_eq!((pair.rounds(0), pair.closed), (Vec::new(), [None, None]));
    assert_eq!(holds(&pair.nodes[0], topic), 0);
}
