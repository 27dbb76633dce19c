//! Campaigns that some hubs share: what people do with them, and what must hold of them.

use std::collections::{BTreeMap, BTreeSet};
use std::io::BufRead as _;
use std::sync::Arc;

use folkmoot_campaign::{Edit, Field, Item, List, Month, Prose, Style, TaskState, View};
use folkmoot_domain::calendar::parse_date;
use folkmoot_domain::indicator::Indicator;
use folkmoot_journal::directory::PeerStatus;
use folkmoot_journal::exchange::{Scope, Shared, SharedReleases};
use folkmoot_journal::{CampaignId, Membership, NodeId, Topic};
use folkmoot_store::StoreError;
use folkmoot_store::campaign::NewCampaign;

use crate::disk;
use crate::fault::Fault;
use crate::memberships::{self, Planned};
use crate::stream::ProcessId;
use crate::template::{ACADEMY, NODES};
use crate::work::evidence;
use crate::world::World;

/// How many campaigns one seed has at most.
const CAMPAIGNS: usize = 3;

/// Something that bytes on their way to a node say of a campaign which it may not know of.
pub(crate) fn betrayed(world: &World, to: usize, bytes: &[u8]) -> Option<CampaignId> {
    let contradicted = world.oracle.contradicted();
    let secret = |(id, planned): &(&CampaignId, &Planned)| {
        planned.betrayed(**id, to, contradicted, |needle| holds(bytes, needle))
    };
    world.campaigns.iter().find(secret).map(|(id, _)| *id)
}

/// Whether the bytes hold the needle. From one occurrence of its first byte to the next the standard library goes, which
/// is fast where the tests themselves are not.
fn holds(mut bytes: &[u8], needle: &[u8]) -> bool {
    let Some((first, rest)) = needle.split_first() else { return true };
    while !bytes.is_empty() {
        if bytes.skip_until(*first).is_err() {
            return false;
        }
        if bytes.starts_with(rest) && !rest.is_empty() {
            return true;
        }
    }
    false
}

/// A hub begins a campaign, or edits one.
pub(crate) fn work(world: &mut World, process: ProcessId) {
    let campaigns = world.processes[&process].store.campaigns().expect("a hub's store");
    let known = campaigns.list().expect("campaigns");
    if known.is_empty() || world.rng.chance(15) {
        return begin(world, process);
    }
    let campaign = known[world.rng.below(known.len())];
    let offered = memberships::offered_to(world, process);
    let campaign = offered.filter(|_| world.rng.chance(90)).unwrap_or(campaign);
    if (offered == Some(campaign) || world.rng.chance(25)) && memberships::decide(world, process, campaign) {
        return;
    }
    for _ in 0..=world.rng.below(3) {
        if world.processes.contains_key(&process) {
            edit(world, process, campaign);
        }
    }
}

fn edit(world: &mut World, process: ProcessId, campaign: CampaignId) {
    let (node, store) = (world.processes[&process].node, world.processes[&process].store.clone());
    let campaigns = store.campaigns().expect("a hub's store");
    let Ok(state) = campaigns.get(campaign) else { return };
    let edit = drawn(world, &state.view);
    world.note(format!("process {process} of node {node} edits {campaign:?}: {edit:?}"));
    let words = if let Edit::AppendNotes(words) = &edit { Some(words.clone()) } else { None };
    let planted = world.fault == Some(Fault::SaysWrittenTooEarly) && world.rng.chance(2);
    let before = planted.then(|| store.snapshot().expect("a snapshot"));
    match campaigns.edit(campaign, edit, "") {
        Ok(_) => {
            let planned = world.campaigns.get_mut(&campaign).expect("planned");
            planned.words.extend(words.map(|words| (node, words)));
            if let Some(before) = before.filter(|_| world.processes[&process].disk == node) {
                world.crash(process);
                world.disks.insert(node, before);
                world.start(node);
            }
        }
        Err(StoreError::Frozen | StoreError::NotWritten { .. } | StoreError::ReadsOnly { .. }) => {}
        Err(error) => world.oracle.violated(format!("node {node} cannot edit: {error}")),
    }
}

/// An edit that fits what the campaign says.
fn drawn(world: &mut World, view: &View) -> Edit {
    let word = world.rng.next() % 1_000;
    let task = |title, state| Item::Task { title, hub: String::new(), due: None, state };
    let listed = view.entries.get(world.rng.below(view.entries.len().max(1)));
    match (world.rng.below(9), listed) {
        (0, _) => Edit::Aim(format!("Aim {word}")),
        (1, _) => Edit::SignUp { organisation: format!("Organisation {}", word % 6), date: parse_date("2018-02-03") },
        (2, _) => Edit::Add(task(format!("Task {word}"), TaskState::Open)),
        (3, Some(entry)) => {
            let (id, item) = (entry.id, task(format!("Task {word}"), TaskState::Done));
            Edit::Update { id, item, fields: vec![Field::State, Field::Title] }
        }
        (4, Some(entry)) => Edit::Remove { list: List::Tasks, id: entry.id },
        (5, _) => Edit::CountReach { month: Month::new(2018, 1 + (word % 3) as u8).expect("a month"), people: 7 },
        (6, _) if !view.notes.text.is_empty() => {
            // The notes begin with ASCII.
            let (start, end, on) = (0, 1, word.is_multiple_of(2));
            Edit::Mark { prose: Prose::Notes, start, end, style: Style::Strong, on }
        }
        (7, _) => Edit::Write { prose: Prose::Story, at: 0, delete: 0, insert: format!("story {word} ") },
        (_, _) => Edit::AppendNotes(format!("note {:08x} 🚌 ", world.rng.next() as u32)),
    }
}

fn begin(world: &mut World, process: ProcessId) {
    if world.campaigns.len() == CAMPAIGNS {
        return;
    }
    let (node, store) = (world.processes[&process].node, world.processes[&process].store.clone());
    let directory = store.journal().directory();
    let mut members = BTreeSet::from([node]);
    for other in (1..NODES).filter(|other| *other != node) {
        if directory.status(world.ids[other]) == PeerStatus::Listed && world.rng.chance(50) {
            members.insert(other);
        }
    }
    let academy_relays = world.rng.chance(60);
    let title = format!("Campaign {:016x}", world.rng.next());
    let ids: BTreeSet<NodeId> = members.iter().map(|member| world.ids[*member]).collect();
    let begun = NewCampaign { title: title.clone(), members: ids, readers: BTreeSet::new(), academy_relays };
    match store.campaigns().expect("a hub's store").create(begun, "") {
        Ok(state) => {
            let relay = if academy_relays { "relayed" } else { "not relayed" };
            world.note(format!("process {process} begins {:?} of {members:?}, {relay}", state.id));
            world.campaigns.insert(state.id, Planned::new(node, members, academy_relays, title));
        }
        Err(StoreError::Frozen | StoreError::NotWritten { .. }) => {}
        Err(error) => world.oracle.violated(format!("node {node} cannot begin a campaign: {error}")),
    }
}

/// Somebody reads a campaign of which a hub has just been given something.
pub(crate) fn look(world: &mut World, process: ProcessId, id: CampaignId) {
    let node = world.processes[&process].node;
    if node == ACADEMY {
        return;
    }
    match world.processes[&process].store.campaigns().expect("a hub's store").get(id) {
        Ok(state) if state.waiting > 0 => {
            world.note(format!("node {node}: a change waits for another"));
            world.waits = Some(process);
        }
        // A later entry takes the hub in.
        Ok(_) | Err(StoreError::NoSuchCampaign) => {}
        Err(error) => world.oracle.violated(format!("node {node} cannot read {id:?}: {error}")),
    }
}

/// With that bug planted, starts the process in which a change waits anew, on a disk that has forgotten it.
pub(crate) fn forget_waiting_changes(world: &mut World) {
    let Some(process) = world.waits.take() else { return };
    let Some(held) = world.processes.get(&process) else { return };
    let (node, disk) = (held.node, held.disk);
    if world.fault == Some(Fault::ForgetsWaitingChanges)
        && disk == node
        && let Some(bytes) = world.crash(process)
    {
        world.disks.insert(disk, disk::without_waiting_changes(&bytes));
        world.start(node);
    }
}

/// After quiet: all members read the same, and whoever is none holds nothing.
pub(crate) fn check(world: &mut World, members: &[usize]) {
    let mut violations = Vec::new();
    for node in 0..NODES {
        let Some(process) = world.process_of(node) else { continue };
        let held = &world.processes[&process].store;
        let bytes = held.snapshot().expect("a snapshot");
        if node != ACADEMY
            && let Some(words) = miscounted(world, node, process)
        {
            violations.push(words);
        }
        if let Some(id) = betrayed(world, node, &bytes) {
            violations.push(format!("the disk of node {node} tells of {id:?}, of which it is no member"));
        }
        for (id, _) in world.campaigns.iter().filter(|(_, planned)| !planned.read_by(node)) {
            let known = held.journal().rights().memberships.get(*id).is_some();
            if known || !held.journal().tips(Topic::Campaign(*id)).expect("tips").is_empty() {
                violations.push(format!("node {node} holds {id:?}, of which it is no member"));
            }
        }
    }
    // What builds on something that only an overwritten, cheating or revoked hub held waits for ever, everywhere alike.
    let nothing_lost = !world.oracle.contradicted() && !world.oracle.revoked;
    // Where a lead's log forks over its own checkpoint, whoever has taken that in the place of entries has nothing to go back to.
    let forked_checkpoint = world.oracle.checkpointed && world.oracle.cheat.is_some();
    let mut notes = Vec::new();
    for (id, planned) in world.campaigns.iter().filter(|_| !forked_checkpoint) {
        if !world.oracle.written.keys().any(|log| log.topic == Topic::Campaign(*id)) {
            continue;
        }
        let mut read: Option<(usize, Seen)> = None;
        let Some(settled) = memberships::settled(world, *id, members) else { continue };
        // What was void, begun anew or put back is another matter.
        let stands = nothing_lost && !world.oracle.erased && !planned.was_contested();
        let is_kept = |author: &usize| stands && members.contains(author) && !planned.cut.contains(author);
        let words: Vec<&str> =
            planned.words.iter().filter(|(author, _)| is_kept(author)).map(|(_, words)| words.trim_end()).collect();
        if !words.is_empty() {
            notes.push(format!("{} words of {id:?} are read by all members", words.len()));
        }
        let takes_part = |node: &usize| settled.roster.role(world.ids[*node]).is_some();
        if !world.oracle.membership_changed
            && (settled.roster.members().keys().copied().collect::<BTreeSet<_>>()
                != planned.members.iter().map(|member| world.ids[*member]).collect()
                || settled.roster.academy_relays() != planned.academy_relays)
        {
            violations.push(format!("{id:?} has another membership than it began with"));
        }
        for node in members.iter().copied().filter(takes_part) {
            let process = world.process_of(node).expect("every member runs");
            let seen = match see(world, process, *id) {
                Ok(seen) => seen,
                Err(words) => {
                    violations.push(format!("node {node} does not read {id:?}: {words}"));
                    continue;
                }
            };
            if seen.membership != settled {
                violations.push(format!("node {node} reads another membership of {id:?}"));
            }
            for words in words.iter().filter(|words| !seen.view.notes.text.contains(**words)) {
                violations.push(format!("node {node} does not read the words {words:?} of {id:?}"));
            }
            if seen.waiting > 0 && nothing_lost {
                violations.push(format!("node {node}: {} of {id:?} wait for ever", seen.waiting));
            }
            match &read {
                None => read = Some((node, seen)),
                Some((first, expected)) if *expected != seen => {
                    let differ = if expected.view == seen.view { "heads or counts" } else { "words" };
                    let words = format!("{id:?} has other {differ} on node {node} than on node {first}");
                    violations.push(format!("{words}: {seen:?}\n  {expected:?}"));
                }
                Some(_) => {}
            }
        }
    }
    notes.into_iter().for_each(|line| world.note(line));
    let (found, contradictions) = contradictions(world, members);
    if found {
        world.note("the contradiction is found in a campaign".to_owned());
    }
    violations.extend(contradictions);
    violations.into_iter().for_each(|words| world.oracle.violated(words));
}

/// What is wrong with what a hub counts of campaigns. All that they count lies before any of them began, and so counts at the hubs
/// that founded them.
fn miscounted(world: &World, node: usize, process: ProcessId) -> Option<String> {
    let store = &world.processes[&process].store;
    let campaigns = store.campaigns().expect("a hub's store");
    let (mut organisations, mut reach) = (BTreeSet::new(), 0);
    let known: Vec<CampaignId> = store.journal().rights().memberships.iter().map(|(id, _)| id).collect();
    for id in known {
        // What a hub has counted that was taken out cannot be read any more.
        let (steps, state) = (campaigns.membership_steps(id).ok()?, campaigns.get(id).ok()?);
        if steps.first()?.roster.lead() == world.ids[node] {
            organisations.extend(state.view.organisations.iter().map(|one| one.organisation.clone()));
            reach += state.view.reach.values().flat_map(BTreeMap::values).sum::<u64>();
        }
    }
    let quarter = "2018-Q1".parse().expect("a quarter");
    let counted = store.hub().expect("a hub's store").headlines(&quarter).expect("figures");
    let counted = (counted[&Indicator::OrganisationsSignedUp], counted[&Indicator::CampaignReach]);
    let expected = (organisations.len() as u64, reach);
    (counted != expected).then(|| format!("node {node} counts {counted:?} of its campaigns, not {expected:?}"))
}

/// Whether all of a topic must have come to a node: of a campaign, where it takes part in it or relays it.
pub(crate) fn is_due(world: &World, topic: Topic, node: usize, running: &[usize]) -> bool {
    let Topic::Campaign(id) = topic else { return true };
    memberships::settled(world, id, running).is_some_and(|settled| {
        let relays = node == ACADEMY && settled.roster.academy_relays();
        relays || settled.roster.role(world.ids[node]).is_some()
    })
}

/// What a hub sees of a campaign.
#[derive(Debug, PartialEq, Eq)]
struct Seen {
    membership: Arc<Membership>,
    view: View,
    heads: BTreeSet<Vec<u8>>,
    waiting: u64,
    set_aside: u64,
}

fn see(world: &World, process: ProcessId, id: CampaignId) -> Result<Seen, String> {
    let campaigns = world.processes[&process].store.campaigns().expect("a hub's store");
    let state = campaigns.get(id).map_err(|error| error.to_string())?;
    let exported = campaigns.export(id).map_err(|error| error.to_string())?;
    Ok(Seen {
        membership: state.membership,
        heads: disk::heads(&exported.document),
        view: state.view.as_ref().clone(),
        // Whoever was given a checkpoint does not hold what was set aside before it.
        waiting: if world.oracle.membership_changed { 0 } else { state.waiting },
        set_aside: if world.oracle.membership_changed { 0 } else { state.set_aside },
    })
}

/// Of a hub that contradicts itself, all readers of a campaign hold the same, up to the last common entry, and those that
/// know of it both branches as evidence. Whether there was such a fork, and what is wrong.
fn contradictions(world: &World, members: &[usize]) -> (bool, Vec<String>) {
    let Some(cheat) = world.oracle.cheat.filter(|_| !world.oracle.checkpointed) else { return (false, Vec::new()) };
    let (mut found, mut violations) = (false, Vec::new());
    for id in world.campaigns.keys() {
        let topic = Topic::Campaign(*id);
        let reads = |node| is_due(world, topic, node, members);
        let (mut first, mut known) = (None, None);
        for node in members.iter().copied().filter(|node| reads(*node)) {
            let process = world.process_of(node).expect("every member runs");
            let journal = world.processes[&process].store.journal();
            let forks: Vec<_> =
                journal.forks().expect("forks").into_iter().filter(|fork| fork.log.topic == topic).collect();
            let tips: BTreeMap<_, _> =
                journal.tips(topic).expect("tips").into_iter().map(|tip| (tip.log(topic), tip)).collect();
            found |= !forks.is_empty();
            for fork in &forks {
                if fork.log.author != cheat {
                    violations.push(format!("node {node} holds a fork of another than the cheat: {fork:?}"));
                }
                let peer = members.iter().copied().find(|peer| *peer != node && reads(*peer));
                let Some(peer) = peer else { continue };
                let scope = Scope { peer: world.ids[peer], shared: Shared::Topics(SharedReleases::None) };
                if evidence(&journal, scope, fork).len() < 2 {
                    violations.push(format!("node {node} shows one branch of {fork:?} alone"));
                }
            }
            let held = first.get_or_insert_with(|| tips.clone());
            if *held != tips {
                let words = format!("{id:?} of a hub that contradicts itself is held otherwise on node {node}");
                violations.push(format!("{words}: {tips:?}\n  {held:?}"));
            }
            // Whoever had nothing past the last common entry when the others learned of the fork may not know of it.
            if !forks.is_empty() && *known.get_or_insert_with(|| forks.clone()) != forks {
                violations.push(format!("{id:?} forks otherwise on node {node}: {forks:?}"));
            }
        }
    }
    (found, violations)
}

#[test]
fn a_needle_is_found_wherever_it_is() {
    for (bytes, needle, found) in [
        (&b"abc"[..], &b"abc"[..], true),
        (b"ababc", b"abc", true),
        (b"xxab", b"abc", false),
        (b"", b"abc", false),
        (b"aaaab", b"aab", true),
        (b"aaaa", b"aab", false),
    ] {
        assert_eq!(holds(bytes, needle), found, "{needle:?} in {bytes:?}");
    }
}
