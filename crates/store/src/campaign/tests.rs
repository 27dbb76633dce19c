//! Hubs and an Academy in memory that exchange campaigns, each store the real one.

mod arrival;
mod checkpoints;
mod contested;
mod edits;
mod erasure;
mod faults;
mod limits;
mod membership;
mod outcome;

use std::collections::BTreeMap;

use folkmoot_campaign::{Actor, Edit};
use folkmoot_journal::exchange::Kept;
use folkmoot_journal::{Entry, Hash, Incarnation, LogId, PayloadKind, RefusalReason, encode_campaign_changes, pack};
use rusqlite::params;

use super::*;
use crate::journal::tests::{Founding, Node, academy, digest, federation, forged, hub, push, reasons, sync};

/// An Academy and hubs that know each other.
struct Federation {
    academy: Node,
    hubs: Vec<Node>,
}

fn federation_of(hubs: u8) -> Federation {
    let academy = academy();
    let hubs: Vec<Node> = (0..hubs).map(|number| hub(&academy, 2 + number)).collect();
    for hub in &hubs {
        push(&academy, hub);
    }
    Federation { academy, hubs }
}

impl Federation {
    /// Everything that anybody may have reaches everybody, by the Academy alone.
    fn settle(&self) {
        for _ in 0..2 {
            self.hubs.iter().for_each(|hub| sync(hub, &self.academy));
        }
    }
}

fn campaigns(hub: &Node) -> CampaignStore {
    hub.store.campaigns().expect("a hub's store")
}

/// Begins a campaign of these hubs, which the first leads.
fn begun(hubs: &[Node], academy_relays: bool) -> CampaignId {
    let members = hubs.iter().map(|hub| hub.id).collect();
    let campaign = NewCampaign { title: "Warm homes".to_owned(), members, readers: BTreeSet::new(), academy_relays };
    campaigns(&hubs[0]).create(campaign, "").expect("a campaign").id
}

fn state_at(hub: &Node, id: CampaignId) -> CampaignState {
    campaigns(hub).get(id).expect("a campaign")
}

fn notes(hub: &Node, id: CampaignId) -> String {
    state_at(hub, id).view.notes.text.clone()
}

fn edit(hub: &Node, id: CampaignId, edit: Edit) -> CampaignState {
    campaigns(hub).edit(id, edit, "").expect("an edit")
}

fn note(hub: &Node, id: CampaignId, text: &str) {
    edit(hub, id, Edit::AppendNotes(text.to_owned()));
}

/// The document that a hub holds.
fn document(hub: &Node, id: CampaignId) -> folkmoot_campaign::Campaign {
    let load = |connection: &Connection| document::load(connection, &Documents::default(), id);
    hub.store.read("document", load).expect("read").expect("a document").campaign
}

/// What two hubs that hold the same entries must agree on; of the text its hash alone, which is shorter to show.
fn agreed(hub: &Node, id: CampaignId) -> (Vec<[u8; 32]>, Hash, u64, u64) {
    let state = state_at(hub, id);
    let said =
        format!("{}|{}|{:?}|{}", state.view.title, state.view.aim, state.view.organisations, state.view.notes.text);
    (document(hub, id).heads(), Hash::of(said.as_bytes()), state.waiting, state.set_aside)
}

/// The number of entries of this node's own in the campaign, openings included.
fn written(hub: &Node, id: CampaignId) -> u64 {
    hub.tips(Topic::Campaign(id)).iter().filter(|tip| tip.author == hub.id).map(|tip| tip.seq).sum()
}

/// Every entry of the campaign that a node holds, by log, each as a frame of its own.
fn frames(node: &Node, id: CampaignId) -> BTreeMap<LogId, Vec<folkmoot_proto::federation::v1::Frame>> {
    let mut frames = BTreeMap::new();
    for tip in node.tips(Topic::Campaign(id)) {
        let log = tip.log(Topic::Campaign(id));
        let mut after = 0;
        while let Some((frame, upto)) = node.frame(node, log, after, 1) {
            frames.entry(log).or_insert_with(Vec::new).push(frame);
            after = upto;
        }
    }
    frames
}

/// Makes a change as the process `incarnation` of a hub would, on top of what `base` holds.
fn change(base: &Node, id: CampaignId, author: &Node, incarnation: u64, edit: &Edit) -> Vec<u8> {
    let actor = Actor { node: author.id.0, incarnation };
    document(base, id).edit(actor, edit).expect("an edit").expect("a change")
}

/// Entries with changes that a hub's own store would not have written.
fn forged_changes(
    academy: &Node,
    author: &Node,
    id: CampaignId,
    incarnation: u64,
    entries: &[&[Vec<u8>]],
) -> Vec<Entry> {
    let payloads = entries.iter().map(|changes| (PayloadKind::CampaignChanges, encode_campaign_changes(changes)));
    forged(&author.key, federation(academy), Topic::Campaign(id), incarnation, payloads.collect())
}
