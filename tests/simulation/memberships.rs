//! Who takes part in a campaign, changed by its leads, and what must hold of those who do not any more.

use std::collections::BTreeSet;
use std::sync::Arc;

use folkmoot_campaign::Edit;
use folkmoot_journal::directory::PeerStatus;
use folkmoot_journal::{CampaignId, MemberRole, Membership, NodeId, Topic};
use folkmoot_store::StoreError;
use folkmoot_store::campaign::{CampaignState, MembershipEdit};

use crate::stream::ProcessId;
use crate::template::{ACADEMY, NODES};
use crate::world::World;

/// A campaign's membership as whoever watches from outside knows it.
pub(crate) struct Planned {
    pub(crate) members: BTreeSet<usize>,
    pub(crate) academy_relays: bool,
    pub(crate) lead: usize,
    successor: Option<usize>,
    /// A member that the Academy appointed to lead: from then on two may decide, and what one of them decided may be void.
    appointed: Option<usize>,
    /// Nodes that took part at some time.
    ever: BTreeSet<usize>,
    ever_relayed: bool,
    /// What was written after a hub was taken out, drawn so that it is found wherever it is, and who may have it.
    secrets: Vec<(String, BTreeSet<usize>)>,
    /// Drawn like these.
    pub(crate) title: String,
    /// Words that their authors were told are written.
    pub(crate) words: Vec<(usize, String)>,
    /// Nodes of which something may be void, for they were taken out or made readers.
    pub(crate) cut: BTreeSet<usize>,
}

impl Planned {
    pub(crate) fn new(lead: usize, members: BTreeSet<usize>, academy_relays: bool, title: String) -> Self {
        let ever = members.clone();
        Self {
            members,
            academy_relays,
            lead,
            successor: None,
            appointed: None,
            ever,
            ever_relayed: academy_relays,
            secrets: Vec::new(),
            title,
            words: Vec::new(),
            cut: BTreeSet::new(),
        }
    }

    /// Whether two may have decided, of which one decided in vain.
    pub(crate) fn was_contested(&self) -> bool {
        self.appointed.is_some()
    }

    /// Whether a node may ever have known of it at all.
    pub(crate) fn read_by(&self, node: usize) -> bool {
        self.ever.contains(&node) || (node == ACADEMY && self.ever_relayed)
    }

    /// Whether the bytes tell a node what it may not know.
    pub(crate) fn betrayed(
        &self,
        id: CampaignId,
        node: usize,
        contradicted: bool,
        holds: impl Fn(&[u8]) -> bool,
    ) -> bool {
        if !self.read_by(node) {
            return holds(&id.0) || holds(self.title.as_bytes());
        }
        // Where a lead contradicts itself, the membership falls back to who took part before.
        !contradicted
            && self.appointed.is_none()
            && self.secrets.iter().any(|(text, may)| !may.contains(&node) && holds(text.as_bytes()))
    }

    fn follow(&mut self, state: &CampaignState, ids: &[NodeId]) {
        let index = |hub: &NodeId| ids.iter().position(|id| id == hub).expect("a node");
        let roster = &state.membership.roster;
        let before = std::mem::take(&mut self.members);
        self.members = roster.members().keys().map(index).collect();
        self.cut.extend(before.difference(&self.members));
        let readers = roster.members().keys().filter(|hub| roster.role(**hub) == Some(MemberRole::Reader));
        self.cut.extend(readers.map(index));
        self.successor = roster.successor().map(|hub| index(&hub));
        self.lead = index(&roster.lead());
        self.academy_relays = roster.academy_relays();
        self.ever.extend(&self.members);
        self.ever_relayed |= self.academy_relays;
        for (_, may) in &mut self.secrets {
            may.extend(&self.members);
            may.extend(self.academy_relays.then_some(ACADEMY));
        }
    }
}

/// The lead of a campaign takes a hub in or out, hands it over, or changes whether the Academy relays; or whoever was asked
/// to takes it over. Whether anything of it was tried.
pub(crate) fn decide(world: &mut World, process: ProcessId, id: CampaignId) -> bool {
    let (node, store) = (world.processes[&process].node, world.processes[&process].store.clone());
    let campaigns = store.campaigns().expect("a hub's store");
    let Some(planned) = world.campaigns.get(&id) else { return false };
    let (lead, successor, appointed) = (planned.lead, planned.successor, planned.appointed);
    let decided = if successor == Some(node) || appointed == Some(node) && lead != node {
        world.note(format!("process {process} of node {node} is to accept the lead of {id:?}"));
        campaigns.accept_lead(id)
    } else if lead == node {
        let drawn = 1 + world.rng.below(NODES - 1);
        let members: Vec<usize> = planned.members.iter().copied().filter(|member| *member != node).collect();
        let other =
            if members.is_empty() || world.rng.chance(50) { drawn } else { members[world.rng.below(members.len())] };
        let hub = world.ids[other];
        let listed = store.journal().directory().status(hub) == PeerStatus::Listed;
        let edit = match world.rng.below(13) {
            0..=2 if listed => MembershipEdit::Admit { hub, edits: world.rng.chance(70) },
            3 | 4 => MembershipEdit::Remove { hub },
            5..=7 => MembershipEdit::OfferLead { to: Some(hub) },
            8 => MembershipEdit::Relay { relays: world.rng.chance(70) },
            9 => MembershipEdit::Prune { prunes: world.rng.chance(70) },
            10 | 11 => return check_point(world, process, id, false),
            12 => return check_point(world, process, id, true),
            _ => return false,
        };
        world.note(format!("process {process} of node {node} decides of {id:?}: {edit:?}"));
        campaigns.change_membership(id, edit)
    } else {
        return world.rng.chance(40) && appoint(world, node, id);
    };
    match decided {
        Ok(state) => {
            world.oracle.membership_changed = true;
            let ids = world.ids;
            let planned = world.campaigns.get_mut(&id).expect("planned");
            let before = planned.members.clone();
            let led = planned.lead;
            planned.follow(&state, &ids);
            let accepted = if planned.lead == led { "" } else { "; somebody accepts the lead" };
            let removed = before.difference(&planned.members).next().is_some();
            world.note(format!("a membership changes{accepted}"));
            if removed {
                keep_from_the_removed(world, process, id);
            }
        }
        // The folder may have been put back to before it led.
        Err(
            StoreError::MembershipRefused { .. }
            | StoreError::NotTheLead { .. }
            | StoreError::NoSuchCampaign
            | StoreError::UnknownMember { .. }
            | StoreError::Frozen
            | StoreError::NotWritten { .. },
        ) => {}
        Err(error) => world.oracle.violated(format!("node {node} cannot decide of {id:?}: {error}")),
    }
    true
}

/// The Academy appoints a member to lead, as if the lead were gone; it may be there all the same.
fn appoint(world: &mut World, node: usize, id: CampaignId) -> bool {
    let Some(academy) = world.process_of(ACADEMY) else { return false };
    let academy = world.processes[&academy].store.academy().expect("the Academy's store");
    match academy.appoint_lead(id, world.ids[node]) {
        Ok(_) => {
            world.note(format!("node {node} is appointed to lead {id:?}"));
            world.oracle.membership_changed = true;
            world.campaigns.get_mut(&id).expect("planned").appointed = Some(node);
        }
        Err(StoreError::MembershipRefused { .. } | StoreError::Frozen | StoreError::NotWritten { .. }) => {}
        Err(error) => world.oracle.violated(format!("nobody can be appointed to {id:?}: {error}")),
    }
    true
}

/// The lead gives the whole document, or begins it anew.
fn check_point(world: &mut World, process: ProcessId, id: CampaignId, erases: bool) -> bool {
    let node = world.processes[&process].node;
    let campaigns = world.processes[&process].store.campaigns().expect("a hub's store");
    let given = if erases { campaigns.erase(id).map(|_| true) } else { campaigns.check_point(id) };
    match given {
        Ok(_) => {
            world.oracle.membership_changed = true;
            world.oracle.checkpointed = true;
            world.oracle.erased |= erases;
            let what = if erases { "begins the document anew" } else { "gives a checkpoint" };
            world.note(format!("process {process} of node {node} {what} of {id:?}"));
        }
        Err(
            StoreError::MembershipRefused { .. }
            | StoreError::NotTheLead { .. }
            | StoreError::NoSuchCampaign
            | StoreError::Frozen
            | StoreError::NotWritten { .. },
        ) => {}
        Err(error) => world.oracle.violated(format!("node {node} cannot give a checkpoint of {id:?}: {error}")),
    }
    true
}

/// A campaign whose lead was offered to the node of the process.
pub(crate) fn offered_to(world: &World, process: ProcessId) -> Option<CampaignId> {
    let node = world.processes[&process].node;
    let offered = |planned: &Planned| planned.successor == Some(node) || planned.appointed == Some(node);
    world.campaigns.iter().find(|(_, planned)| planned.lead != node && offered(planned)).map(|(id, _)| *id)
}

/// The lead writes something that whoever was taken out must never hold.
fn keep_from_the_removed(world: &mut World, process: ProcessId, id: CampaignId) {
    let secret = format!("Secret {:016x}", world.rng.next());
    let campaigns = world.processes[&process].store.campaigns().expect("a hub's store");
    if campaigns.edit(id, Edit::Aim(secret.clone()), "").is_ok() {
        world.note(format!("a hub is taken out of {id:?}, and something kept from it"));
        let planned = world.campaigns.get_mut(&id).expect("planned");
        let mut may = planned.members.clone();
        may.extend(planned.academy_relays.then_some(ACADEMY));
        planned.secrets.push((secret, may));
    }
}

/// The membership that must have come to all members of `running`: as the lead's own node has it, or whichever goes on where
/// that is gone.
pub(crate) fn settled(world: &World, id: CampaignId, running: &[usize]) -> Option<Arc<Membership>> {
    let planned = &world.campaigns[&id];
    let by_turns = [planned.lead].into_iter().chain(planned.members.iter().copied());
    let known = |node: usize| {
        let process = world.process_of(node).filter(|_| running.contains(&node))?;
        world.processes[&process].store.journal().rights().memberships.get(id).cloned()
    };
    if planned.appointed.is_some() {
        // Whoever decided last may have decided in vain.
        return planned.ever.iter().filter_map(|node| known(*node)).max_by_key(|known| known.appointment);
    }
    known(by_turns.into_iter().find(|node| running.contains(node))?)
}

/// The logs of a campaign that need not come to everybody: those of hubs that take part no longer.
pub(crate) fn of_the_removed(world: &World, running: &[usize]) -> BTreeSet<(Topic, NodeId)> {
    let mut removed = BTreeSet::new();
    for id in world.campaigns.keys() {
        let Some(membership) = settled(world, *id, running) else { continue };
        let gone = world.ids.iter().filter(|hub| membership.roster.role(**hub).is_none());
        removed.extend(gone.map(|hub| (Topic::Campaign(*id), *hub)));
    }
    removed
}
