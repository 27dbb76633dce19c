//! Campaigns between running hubs, with the Academy and without it.

use std::collections::BTreeSet;

use folkmoot_campaign::Edit;
use folkmoot_journal::{CampaignId, NodeId, Topic, exchange::Side};
use folkmoot_proto::federation::v1::ExchangeRequest;
use folkmoot_store::{
    academy::WhichHub,
    campaign::{CampaignState, CampaignStore, NewCampaign},
};
use prost::Message;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

use super::*;
use crate::{
    dial::dial,
    exchange::Conversation,
    generated::federation::exchange_service_client::ExchangeServiceClient,
    identity::TlsPublicKey,
    settings::PeerAddress,
    tls::{Expected, client_config},
};

fn campaigns(hub: &Running) -> CampaignStore {
    hub.node().store().campaigns().expect("a hub")
}

/// Begins a campaign that the Academy relays.
fn begin(hub: &Running, members: &[&Running]) -> CampaignId {
    let members: BTreeSet<NodeId> = members.iter().map(|member| member.node().id()).collect();
    let campaign = NewCampaign { title: "Warm homes".into(), members, readers: BTreeSet::new(), academy_relays: true };
    campaigns(hub).create(campaign, "").expect("a campaign").id
}

fn note(hub: &Running, campaign: CampaignId, words: &str) {
    campaigns(hub).edit(campaign, Edit::AppendNotes(words.into()), "").expect("edited");
}

/// Waits until a hub's campaign is as it should be.
async fn until_at(hub: &Running, campaign: CampaignId, what: &str, is_so: impl Fn(&CampaignState) -> bool) {
    let held = || campaigns(hub).get(campaign).is_ok_and(|state| is_so(&state));
    until(hub.node().written(), what, held).await;
}

async fn until_noted(hub: &Running, campaign: CampaignId, words: &str) {
    until_at(hub, campaign, words, |state| state.view.notes.text.contains(words)).await;
}

/// Waits until two hubs have a stream open, as both see it.
async fn until_talking(one: &Running, other: &Running) {
    for (here, there) in [(one, other), (other, one)] {
        let (node, peer) = (here.node(), there.node().id());
        until(node.peers().changed(), "the two talk", || node.peers().state(peer).open > 0).await;
    }
}

async fn until_alone(hub: &Running, peer: NodeId) {
    let node = hub.node();
    until(node.peers().changed(), "the exchange ends", || node.peers().state(peer).open == 0).await;
}

/// Two hubs of one federation that talk to each other about a campaign.
struct Pair {
    academy: Option<Running>,
    hubs: [Running; 2],
    campaign: CampaignId,
    places: [Place; 2],
    _home: Place,
}

impl Pair {
    async fn talking() -> Pair {
        let (home, academy) = academy().await;
        let (first, one) = Place::joined("Warminster", &academy).await;
        let (second, other) = Place::joined("Frome", &academy).await;
        for hub in [&one, &other] {
            synchronize(hub.node()).await.expect("all is exchanged");
        }
        let node = one.node();
        until(node.listed(), "the other hub is listed", || node.directory().hubs().len() == 2).await;
        let campaign = begin(&one, &[&other]);
        until_at(&other, campaign, "the campaign arrives", |state| state.view.title == "Warm homes").await;
        until_talking(&one, &other).await;
        Pair { academy: Some(academy), hubs: [one, other], campaign, places: [first, second], _home: home }
    }

    async fn stop_academy(&mut self) {
        let academy = self.academy.take().expect("it runs");
        let id = academy.node().id();
        academy.stop().await;
        for hub in &self.hubs {
            until_alone(hub, id).await;
        }
    }

    async fn stop(self) {
        for running in self.hubs.into_iter().chain(self.academy) {
            running.stop().await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_academy_relays_a_campaign_between_hubs_that_are_never_up_together() {
    let (_home, academy) = academy().await;
    let (first, one) = Place::joined("Warminster", &academy).await;
    let (second, other) = Place::joined("Frome", &academy).await;
    synchronize(one.node()).await.expect("all is exchanged");
    let campaign = begin(&one, &[&other]);
    other.stop().await;
    note(&one, campaign, "Rota agreed. ");
    assert_eq!(synchronize(one.node()).await.expect("all is exchanged").entries_waiting, 0);
    one.stop().await;

    let other = second.start().await;
    until_noted(&other, campaign, "Rota agreed. ").await;
    note(&other, campaign, "Hall booked. ");
    synchronize(other.node()).await.expect("all is exchanged");
    other.stop().await;

    let one = first.start().await;
    until_noted(&one, campaign, "Rota agreed. Hall booked. ").await;
    assert!(academy.node().store().campaigns().is_err(), "the Academy has no documents");
    for running in [one, academy] {
        running.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn with_the_academy_stopped_an_edit_still_arrives_within_a_second() {
    let mut pair = Pair::talking().await;
    pair.stop_academy().await;
    let [one, other] = &pair.hubs;
    for (from, to, words) in [(one, other, "Rota agreed."), (other, one, "Hall booked.")] {
        note(from, pair.campaign, words);
        timeout(Duration::from_secs(1), until_noted(to, pair.campaign, words)).await.expect("within a second");
    }
    pair.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn hubs_find_each_other_without_the_academy_though_only_one_of_them_can_be_reached() {
    let mut pair = Pair::talking().await;
    pair.stop_academy().await;
    // The directory goes on naming the port at which nobody listens any more.
    let elsewhere = Overrides { listen: Some("127.0.0.1:0".into()), ..Overrides::default() };
    for moved in [0, 1] {
        let [one, other] = pair.hubs;
        one.stop().await;
        other.stop().await;
        let there = |at: usize| if at == moved { elsewhere.clone() } else { Overrides::default() };
        let one = pair.places[0].start_with(&there(0)).await.expect("it starts");
        let other = pair.places[1].start_with(&there(1)).await.expect("it starts");
        timeout(Duration::from_secs(10), until_talking(&one, &other)).await.expect("within ten seconds");
        let words = format!("Meeting {moved}.");
        note(&one, pair.campaign, &words);
        until_noted(&other, pair.campaign, &words).await;
        pair.hubs = [one, other];
    }
    pair.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_member_is_cut_off_by_the_other_and_comes_back_to_nobody() {
    let mut pair = Pair::talking().await;
    let [one, other] = &pair.hubs;
    let academy = pair.academy.as_ref().expect("it runs");
    let (node, revoked) = (other.node(), one.node().id());
    let name = "Warminster".parse().expect("a name");
    academy.node().store().academy().expect("an academy").revoke_hub(WhichHub::Name(name)).expect("revoked");
    until_alone(other, revoked).await;
    until(node.listed(), "the revocation arrives", || {
        node.directory().status(revoked) == folkmoot_journal::PeerStatus::Revoked
    })
    .await;
    pair.stop_academy().await;

    let [one, other] = pair.hubs;
    one.stop().await;
    let one = pair.places[0].start().await;
    note(&one, pair.campaign, "Still here?");
    let (node, peer) = (one.node(), other.node().id());
    let told = || node.peers().state(peer).last_error.is_some_and(|words| words.contains("revoked"));
    until(node.peers().changed(), "it is turned away", told).await;
    assert_eq!(other.node().peers().state(revoked).open, 0);
    assert!(!campaigns(&other).get(pair.campaign).expect("it stays").view.notes.text.contains("Still here?"));
    for running in [one, other] {
        running.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_hubs_word_of_a_later_copy_is_told_and_stops_nobody_from_writing() {
    let mut pair = Pair::talking().await;
    pair.stop_academy().await;
    let [one, other] = pair.hubs;
    one.stop().await;
    let copied = Place::new(TODAY);
    talking::copy(&pair.places[0].data, &copied.data);
    let one = pair.places[0].start().await;
    until_talking(&one, &other).await;

    let elsewhere = Overrides { listen: Some("127.0.0.1:0".into()), ..Overrides::default() };
    let copy = copied.start_with(&elsewhere).await.expect("the copy starts");
    until_talking(&copy, &other).await;
    let node = one.node();
    let told = || node.notices().iter().any(|notice| notice.starts_with("Frome says that another copy"));
    until(node.peers().changed(), "the older is told", told).await;
    assert!(!node.frozen());
    note(&one, pair.campaign, "Mine.");
    note(&copy, pair.campaign, "Mine too.");
    until_noted(&other, pair.campaign, "Mine too.").await;
    for running in [one, copy, other] {
        running.stop().await;
    }
}

/// A stream that one hub dials by hand to another, with all that the other says.
struct Tap {
    said: mpsc::UnboundedReceiver<Vec<u8>>,
    talking: tokio::task::JoinHandle<()>,
}

impl Tap {
    async fn open(from: &Running, to: &Running) -> Tap {
        let (node, peer) = (from.node(), to.node().id());
        let record = node.directory().hubs().get(&peer).cloned().expect("listed");
        let key = TlsPublicKey(record.tls_key.as_slice().into());
        let certified = node.certified().expect("a certificate");
        let own = Some((node.identity(), &certified.certificate));
        let config = client_config(own, Expected::Key(key.clone())).expect("a config");
        let address = PeerAddress::parse(&record.address.expect("an address")).expect("an address");
        let line = dial(&address, config).await.expect("a line");
        let wanted = node.peers().want_comparison(peer);
        let conversation = Conversation::new(node, key, Side::Dialler).expect("joined");
        let (outgoing, outbox) = mpsc::channel(4);
        let mut client = ExchangeServiceClient::new(line.channel);
        let answers = client.exchange(ReceiverStream::new(outbox)).await.expect("permitted").into_inner();
        let (tap, said) = mpsc::unbounded_channel();
        let incoming = answers.map(move |message| {
            let message = message.map(|said| said.message.unwrap_or_default());
            if let Ok(message) = &message {
                // Fails only once nobody listens any more.
                let _ = tap.send(message.encode_to_vec());
            }
            message
        });
        let wrap = |message| ExchangeRequest { message: Some(message) };
        let talking = tokio::spawn(async move { drop(conversation.run(incoming, outgoing, wrap).await) });
        until(node.peers().changed(), "both hold the same", || node.peers().state(peer).settled >= wanted).await;
        Tap { said, talking }
    }

    async fn close(mut self) -> Vec<u8> {
        self.talking.abort();
        let mut all = Vec::new();
        while let Some(message) = self.said.recv().await {
            all.extend(message);
        }
        all
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hub_that_is_no_member_holds_nothing_of_a_campaign_and_hears_nothing_of_it() {
    let pair = Pair::talking().await;
    let academy = pair.academy.as_ref().expect("it runs");
    let (_place, third) = Place::joined("Bath", academy).await;
    let [one, _other] = &pair.hubs;
    for hub in [one, &third] {
        until(hub.node().listed(), "all are listed", || hub.node().directory().hubs().len() == 3).await;
    }
    note(one, pair.campaign, "Rota agreed.");
    for hub in [one, &third] {
        synchronize(hub.node()).await.expect("all is exchanged");
    }
    assert!(third.node().fellow_members().is_empty());
    assert_eq!(campaigns(&third).list().expect("campaigns"), []);

    let tap = Tap::open(&third, one).await;
    note(one, pair.campaign, "Hall booked.");
    // A campaign of its own comes over the very same stream.
    let members = BTreeSet::from([third.node().id()]);
    let campaign = NewCampaign { title: "Bus fares".into(), members, readers: BTreeSet::new(), academy_relays: false };
    let own = campaigns(one).create(campaign, "").expect("a campaign").id;
    until_at(&third, own, "its own campaign arrives", |state| state.view.title == "Bus fares").await;
    let said = tap.close().await;
    let named = |campaign: CampaignId| said.windows(32).any(|window| window == campaign.as_bytes());
    assert!(named(own) && !named(pair.campaign));

    let journal = third.node().store().journal();
    assert_eq!(journal.tips(Topic::Campaign(pair.campaign)).expect("tips"), []);
    assert_eq!(campaigns(&third).list().expect("campaigns"), [own]);
    let journal = academy.node().store().journal();
    assert_eq!(journal.tips(Topic::Campaign(own)).expect("tips"), [], "the Academy relays it not");
    third.stop().await;
    pair.stop().await;
}
