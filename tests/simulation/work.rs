//! What people do meanwhile, and what befalls nodes and network.

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;

use folkmoot_disclosure::{Account, Figure, Observation, Observations, Policy, ReleaseParts, prepare};
use folkmoot_domain::Date;
use folkmoot_domain::calendar::{Period, Programme, Programmes, Quarter, parse_date};
use folkmoot_domain::indicator::{CellKey, Indicator};
use folkmoot_journal::directory::PeerStatus;
use folkmoot_journal::exchange::{Answer, Event, Question, Scope, Shared, SharedReleases};
use folkmoot_journal::{Cursor, Hash, Incarnation, LogId, Payload, PayloadKind, Topic};
use folkmoot_store::academy::{HubChange, WhichHub};
use folkmoot_store::hub::{ApprovedRelease, Approver, ReleaseState};
use folkmoot_store::journal::Fork;
use folkmoot_store::{JournalStore, StoreError};

use crate::fault::Fault;
use crate::oracle::DiskId;
use crate::stream::{ProcessId, StreamId};
use crate::template::{ACADEMY, LATE, NODES, TEMPLATE, adopt, enrol};
use crate::world::World;
use crate::{campaigns, curriculum, memberships};

/// How many moves one seed makes before quiet is asked for.
const CHAOS: usize = 500;
/// How many moves quiet may take.
const PATIENCE: usize = 20_000;
/// The disk of the copy that may run beside its node.
const COPY: usize = 100;
/// The hub that may be revoked.
const REVOKED: usize = 3;

/// Runs one seed to the end.
pub(crate) fn run(world: &mut World) {
    let length = CHAOS / 3 + world.rng.below(CHAOS);
    for _ in 0..length {
        let moves = world.moves();
        if moves.is_empty() || world.rng.chance(6) {
            befall(world);
        } else {
            let (stream, side, step) = moves[world.rng.below(moves.len())];
            world.carry_out(stream, side, step);
        }
        campaigns::forget_waiting_changes(world);
        if !world.oracle.violations.is_empty() {
            return;
        }
    }
    quieten(world);
    if world.oracle.violations.is_empty() {
        check_releases(world);
    }
}

/// Something happens that no machine brought about.
fn befall(world: &mut World) {
    let running: Vec<ProcessId> = world.processes.keys().copied().collect();
    let streams: Vec<StreamId> = world.streams.keys().copied().collect();
    let any = running.first().map(|_| running[world.rng.below(running.len())]);
    match world.rng.below(100) {
        0..31 => any.into_iter().for_each(|process| work(world, process)),
        31..61 => any.into_iter().for_each(|process| dial_somebody(world, process)),
        61..68 if !streams.is_empty() => {
            let stream = streams[world.rng.below(streams.len())];
            world.cut(stream);
        }
        68..72 => notice_the_end(world),
        72..78 if !streams.is_empty() => {
            let (stream, side) = (streams[world.rng.below(streams.len())], world.rng.below(2));
            world.replay(stream, side);
        }
        78..83 => any.into_iter().for_each(|process| crash(world, process)),
        83..90 => {
            let down: Vec<usize> = world.disks.keys().copied().filter(|node| *node != LATE).collect();
            if !down.is_empty() {
                let node = down[world.rng.below(down.len())];
                world.start(node);
            }
        }
        90..93 => any.into_iter().for_each(|process| back_up(world, process)),
        93..95 => restore(world),
        95..97 => copy(world),
        97..98 => join(world),
        98 if world.rng.chance(25) => revoke(world),
        _ => compare_again(world),
    }
}

fn crash(world: &mut World, process: ProcessId) {
    let disk = world.processes[&process].disk;
    if let Some(bytes) = world.crash(process) {
        if disk == COPY {
            world.oracle.overwritten(COPY, None, &[]);
        } else {
            world.disks.insert(disk, bytes);
        }
    }
}

fn back_up(world: &mut World, process: ProcessId) {
    let held = &world.processes[&process];
    if held.disk != COPY {
        let backup = (held.node, held.store.snapshot().expect("a snapshot"), world.incarnations[&process]);
        world.note(format!("node {} is backed up", backup.0));
        world.backups.push(backup);
    }
}

/// A node's folder is overwritten with an older copy, and the node starts on it.
fn restore(world: &mut World) {
    if world.backups.is_empty() {
        return;
    }
    let at = world.rng.below(world.backups.len());
    let (node, bytes, incarnation) = world.backups[at].clone();
    if let Some(process) = world.process_of(node) {
        world.crash(process);
    }
    world.disks.remove(&node);
    world.note(format!("node {node} is restored from an older copy"));
    world.oracle.restored = true;
    world.oracle.overwritten(node, None, &[]);
    world.forget_sent_by(node);
    let drawn = Incarnation(world.rng.next());
    let incarnation = if world.fault == Some(Fault::ReusesIncarnation) { incarnation } else { drawn };
    let process = world.start_on(node, node, &bytes, incarnation);
    if world.fault == Some(Fault::AppendsUnasked) && node != ACADEMY {
        let store = world.processes[&process].store.clone();
        store.journal().answer(Question::AppendApproved).expect("an answer");
        let topics = world.topics(node);
        world.oracle.look(node, &store, &topics);
        world.spread_change(process);
    }
}

/// Somebody copies a hub's folder and starts it, while the hub runs on. One that cheats gives its copy its own
/// incarnation, so that the two write different entries under the same numbers.
fn copy(world: &mut World) {
    let node = 1 + world.rng.below(3);
    if world.fault.is_some() || world.oracle.copied {
        return;
    }
    if let Some(process) = world.process_of(node) {
        let bytes = world.processes[&process].store.snapshot().expect("a snapshot");
        world.oracle.copied = true;
        world.note(format!("node {node} is copied"));
        let cheats = world.rng.chance(50);
        let mut incarnation = Incarnation(world.rng.next());
        if cheats {
            world.note(format!("node {node} cheats"));
            world.oracle.cheat = Some(world.ids[node]);
            incarnation = world.incarnations[&process];
        }
        let copy = world.start_on(node, COPY, &bytes, incarnation);
        if cheats {
            for (process, disk) in [(process, node), (copy, COPY)] {
                campaigns::work(world, process);
                look(world, process, disk);
            }
        }
    }
}

fn join(world: &mut World) {
    let (Some(academy), true) = (world.process_of(ACADEMY), world.disks.contains_key(&LATE)) else { return };
    let store = world.processes[&academy].store.clone();
    if store.journal().directory().hubs().contains_key(&world.ids[LATE]) {
        return world.start(LATE);
    }
    world.note("the late hub joins".to_owned());
    enrol(&store, LATE);
    let topics = world.topics(ACADEMY);
    world.oracle.look(ACADEMY, &store, &topics);
    world.spread_change(academy);
    world.start(LATE);
    if let Some(late) = world.process_of(LATE) {
        adopt(&store, &world.processes[&late].store, TEMPLATE.federation);
        let (hub, topics) = (world.processes[&late].store.clone(), world.topics(LATE));
        world.oracle.look(LATE, &hub, &topics);
    }
}

/// The Academy cuts one hub off.
fn revoke(world: &mut World) {
    let Some(academy) = world.process_of(ACADEMY) else { return };
    let store = world.processes[&academy].store.clone();
    world.note(format!("node {REVOKED} is revoked"));
    world.oracle.revoked = true;
    store
        .academy()
        .expect("the Academy's store")
        .revoke_hub(WhichHub::Id(world.ids[REVOKED]))
        .expect("a hub to revoke");
    let topics = world.topics(ACADEMY);
    world.oracle.look(ACADEMY, &store, &topics);
    world.spread_change(academy);
}

/// The nodes that the Academy lists after quiet; a revocation that only an overwritten folder held never was.
fn members(world: &World) -> Vec<usize> {
    let academy = world.process_of(ACADEMY).expect("the Academy runs");
    let directory = world.processes[&academy].store.journal().directory();
    (0..NODES).filter(|node| directory.status(world.ids[*node]) == PeerStatus::Listed).collect()
}

fn dial_somebody(world: &mut World, process: ProcessId) {
    let node = world.processes[&process].node;
    if node == ACADEMY {
        return;
    }
    let to = if world.rng.chance(65) { ACADEMY } else { 1 + world.rng.below(NODES - 1) };
    if to != node {
        world.dial(process, to);
    }
}

/// A side of a broken stream finally notices.
fn notice_the_end(world: &mut World) {
    for stream in world.streams.values_mut().filter(|stream| stream.cut) {
        for end in stream.ends.iter_mut().flatten() {
            end.ended = true;
        }
    }
}

fn compare_again(world: &mut World) {
    for stream in world.streams.values_mut() {
        if let Some(end) = &mut stream.ends[0] {
            end.events.push_back(Event::CompareNow);
        }
    }
}

fn work(world: &mut World, process: ProcessId) {
    let (node, disk) = (world.processes[&process].node, world.processes[&process].disk);
    match (node == ACADEMY, world.rng.below(5)) {
        (true, 0) => curriculum::work(world, process),
        (true, _) => direct(world, process),
        (false, 0..2) => campaigns::work(world, process),
        (false, _) => approve(world, process),
    }
    look(world, process, disk);
}

/// Looks at what a process wrote of its own accord, and wakes its streams, where it has not ended over it.
fn look(world: &mut World, process: ProcessId, disk: DiskId) {
    let Some(held) = world.processes.get(&process) else { return };
    let (store, topics) = (held.store.clone(), world.topics(held.node));
    world.oracle.look(disk, &store, &topics);
    world.spread_change(process);
}

/// The Academy registers a programme or changes a hub.
fn direct(world: &mut World, process: ProcessId) {
    let store = world.processes[&process].store.clone();
    let drawn = world.rng.next();
    let academy = store.academy().expect("the Academy's store");
    if drawn.is_multiple_of(3) {
        let programme = programme(drawn % 40);
        world.note(format!("programme {}", programme.code));
        academy.create_programme(&programme, "").expect("a new programme");
    } else {
        let hub = 1 + (drawn % 3) as usize;
        let change = HubChange { region: Some(format!("Region {}", drawn % 1000)), ..HubChange::default() };
        world.note(format!("node {hub} moves to region {}", drawn % 1000));
        match academy.update_hub(WhichHub::Id(world.ids[hub]), change) {
            Ok(_) | Err(StoreError::HubRevoked) => {}
            Err(error) => world.oracle.violated(format!("a hub cannot be changed: {error}")),
        }
    }
}

/// A hub approves a release.
fn approve(world: &mut World, process: ProcessId) {
    let (node, store) = (world.processes[&process].node, world.processes[&process].store.clone());
    let drawn = world.rng.next();
    let period = period(drawn % 6);
    let value = drawn % 1_000;
    world.note(format!("process {process} of node {node} approves {value} for {period}"));
    let hub = store.hub().expect("a hub's store");
    let counted = hub.count_with(&period).expect("what the hub has counted");
    match hub.approve(&release(world, node, period, value), &counted, Approver::Person { uid: 0 }) {
        Ok(_) | Err(StoreError::ReleaseStands { .. }) => {}
        Err(error) => world.oracle.violated(format!("an approval failed: {error}")),
    }
}

fn today() -> Date {
    parse_date("2026-11-21").expect("a day")
}

fn period(number: u64) -> Period {
    Period::from_str(&format!("201{}-Q{}", 7 + number / 4, 1 + number % 4)).expect("a quarter")
}

/// The same code always means the same programme.
fn programme(number: u64) -> Programme {
    let quarter = Quarter::from_index(4 * 2010 + number as i32).expect("a quarter");
    let code = format!("P{number}").parse().expect("a code");
    Programme::new(code, "A programme", quarter.first_day(), quarter.last_day()).expect("a programme")
}

fn release(world: &World, node: usize, period: Period, funding: u64) -> folkmoot_disclosure::Release {
    let span = period.span(&Programmes::default()).expect("a quarter has days");
    let cells: BTreeMap<CellKey, Observation> = CellKey::all()
        .into_iter()
        .map(|cell| {
            let value = if cell.indicator == Indicator::FundingLeveragedPence { funding } else { 0 };
            (cell, Observation { value, ..Observation::default() })
        })
        .collect();
    let observations = Observations::new(period.clone(), span, cells).expect("figures that agree");
    let account = Account::new([observations], Vec::new());
    prepare(&account, &period, world.ids[node].0, &Policy::floor(), today()).expect("a release").release
}

fn funding(parts: &ReleaseParts) -> u64 {
    let cell = CellKey::headline(Indicator::FundingLeveragedPence);
    parts
        .known_cells()
        .into_iter()
        .find(|(key, _)| *key == cell)
        .map_or(0, |(_, figure)| if let Figure::Exact(value) = figure { value } else { 0 })
}

/// Copies stop, everything runs, nothing breaks any more: all must settle and hold the same.
fn quieten(world: &mut World) {
    world.note("quiet".to_owned());
    let streams: Vec<StreamId> = world.streams.keys().copied().collect();
    for stream in streams {
        world.drop_end(stream, 0);
        world.drop_end(stream, 1);
    }
    // A copy is stopped, and a node that it may have superseded is started anew.
    let running: Vec<ProcessId> = world.processes.keys().copied().collect();
    for process in running {
        let held = &world.processes[&process];
        if held.disk == COPY || held.frozen || world.oracle.copied {
            crash(world, process);
        }
    }
    for node in 0..LATE {
        world.start(node);
    }
    join(world);
    for round in 0..3 {
        compare_again(world);
        for node in 1..NODES {
            let Some(process) = world.process_of(node) else { continue };
            // The Academy, and every hub that does not dial this one.
            for peer in (0..node).filter(|peer| !world.open(process, *peer)).collect::<Vec<_>>() {
                world.dial(process, peer);
            }
        }
        settle(world, round == 0);
        if !world.oracle.violations.is_empty() {
            return;
        }
    }
    let members = members(world);
    if !members.contains(&REVOKED) {
        // Nobody listens to it any more, so what it alone holds is lost to the others.
        world.oracle.overwritten(REVOKED, None, &[]);
    }
    let cut_off = |topic: &Topic| !members.contains(&REVOKED) && *topic == Topic::Releases(world.ids[REVOKED]);
    let removed = memberships::of_the_removed(world, &members);
    for node in &members {
        let due = |topic: &Topic| !cut_off(topic) && campaigns::is_due(world, *topic, *node, &members);
        let topics = world.topics(*node).into_iter().filter(due).collect();
        world.oracle.converged(*node, &topics, &removed);
    }
    check_agreement(world, &members);
    check_contradiction(world, &members);
    curriculum::check(world, &members);
    campaigns::check(world, &members);
}

/// Runs until nobody has anything to do. A disk may still forget where there is `more_to_come`.
fn settle(world: &mut World, more_to_come: bool) {
    for _ in 0..PATIENCE {
        let moves = world.moves();
        if moves.is_empty() {
            let unsettled: Vec<StreamId> = world
                .streams
                .iter()
                .filter(|(_, stream)| match &stream.ends {
                    [Some(dialler), Some(acceptor)] => {
                        dialler.settled == 0
                            || dialler.settled != dialler.comparing
                            || acceptor.settled != dialler.settled
                    }
                    [_, _] => true,
                })
                .map(|(id, _)| *id)
                .collect();
            for stream in unsettled {
                let ends: Vec<String> = (0..2)
                    .filter_map(|side| world.end(stream, side).map(|end| format!("side {side}: {:?}", end.machine)))
                    .collect();
                world.oracle.violated(format!("stream {stream} fell quiet without settling\n  {}", ends.join("\n  ")));
            }
            return;
        }
        let (stream, side, step) = moves[world.rng.below(moves.len())];
        world.carry_out(stream, side, step);
        if more_to_come {
            campaigns::forget_waiting_changes(world);
        }
        if !world.oracle.violations.is_empty() {
            return;
        }
    }
    world.oracle.violated("the network never falls quiet".to_owned());
}

fn check_agreement(world: &mut World, members: &[usize]) {
    let mut violations = Vec::new();
    let stores: Vec<_> = members.iter().filter_map(|node| world.process_of(*node)).collect();
    let academy = world.process_of(ACADEMY).expect("the Academy runs");
    let directory = world.processes[&academy].store.journal().directory();
    for process in stores {
        let held = &world.processes[&process];
        let (node, journal) = (held.node, held.store.journal());
        if journal.directory() != directory {
            violations.push(format!("node {node} reads another directory out of the same entries"));
        }
        if journal.forks().expect("forks").iter().any(|fork| Some(fork.log.author) != world.oracle.cheat) {
            violations.push(format!("node {node} holds a log that forks"));
        }
        let waiting = journal.waiting().expect("what waits");
        // Whom a lead that contradicts itself has taken in is in nowhere else.
        let taken_in_nowhere = world.oracle.membership_changed && world.oracle.contradicted();
        if waiting.releases != 0 || (waiting.entries != 0 && !taken_in_nowhere) {
            violations.push(format!("node {node} still waits: {waiting:?}"));
        }
        let mut aside = journal.set_aside().expect("what is set aside");
        // Of a hub that was taken out of a campaign, words may have come too late.
        aside.retain(|aside| !world.oracle.membership_changed || !matches!(aside.topic, Topic::Campaign(_)));
        if !aside.is_empty() && !world.oracle.copied && !world.oracle.revoked {
            violations.push(format!("node {node} set aside {}", aside.len()));
        }
    }
    violations.into_iter().for_each(|words| world.oracle.violated(words));
}

/// Both nodes that hold the releases of a hub that contradicts itself keep the evidence, and hold the log only up to the
/// last entry that both branches share.
fn check_contradiction(world: &mut World, members: &[usize]) {
    let Some(cheat) = world.oracle.cheat else { return };
    let Some(hub) = members.iter().copied().find(|node| world.ids[*node] == cheat) else { return };
    let topic = Topic::Releases(cheat);
    let mut held = Vec::new();
    for (node, peer) in [(ACADEMY, hub), (hub, ACADEMY)] {
        let process = world.process_of(node).expect("every member runs");
        let journal = world.processes[&process].store.journal();
        let mut forks = journal.forks().expect("forks");
        forks.retain(|fork| fork.log.topic == topic);
        let tips = journal.tips(topic).expect("tips");
        for fork in &forks {
            let counts = tips.iter().find(|tip| tip.log(topic) == fork.log).copied();
            if counts != fork.common {
                world.oracle.violated(format!("a log that forks counts up to {counts:?}, not {:?}", fork.common));
            }
            let shown = evidence(
                &journal,
                Scope { peer: world.ids[peer], shared: Shared::Topics(SharedReleases::Of(cheat)) },
                fork,
            );
            if shown.len() < 2 || shown.iter().any(|(first, _)| *first != fork.seq) {
                world.oracle.violated(format!("node {node} shows {} branches of {fork:?}", shown.len()));
            }
        }
        held.push((forks, tips));
    }
    if held[0] != held[1] {
        world.oracle.violated(format!("a hub that contradicts itself is held otherwise here and there: {held:?}"));
    }
    if !held[0].0.is_empty() {
        world.note("the contradiction is found".to_owned());
    }
}

/// The branches that a node shows to whoever holds one of them: the first number of each, and what it holds.
pub(crate) fn evidence(journal: &JournalStore, scope: Scope, fork: &Fork) -> BTreeSet<(u64, Vec<u8>)> {
    let LogId { topic, author, incarnation } = fork.log;
    let branch = Cursor { author, incarnation, seq: fork.seq, hash: Hash([0xff; 32]) };
    let theirs = vec![(topic, vec![branch])];
    match journal.answer(Question::Missing { scope, theirs, buckets: (0..=u8::MAX).collect() }) {
        Ok(Answer::Missing { forks, .. }) => forks.into_iter().map(|frame| (frame.first_seq, frame.entries)).collect(),
        Ok(_) | Err(_) => BTreeSet::new(),
    }
}

/// Every release counts once, with the figure that its hub approved.
fn check_releases(world: &mut World) {
    let academy = world.process_of(ACADEMY).expect("the Academy runs");
    let academy = world.processes[&academy].store.clone();
    let mut ledgers: Vec<(usize, Vec<ApprovedRelease>)> = Vec::new();
    let hubs = members(world).into_iter().filter(|node| *node != ACADEMY);
    // What leaves twice under one number counts nowhere, whatever the hub's own ledger says.
    let hubs: Vec<usize> = hubs.filter(|node| Some(world.ids[*node]) != world.oracle.cheat).collect();
    for node in hubs {
        if let Some(process) = world.process_of(node) {
            let store = &world.processes[&process].store;
            ledgers.push((node, store.hub().expect("a hub").releases().expect("a ledger")));
        }
    }
    for (node, ledger) in &ledgers {
        let tips = academy.journal().tips(Topic::Releases(world.ids[*node])).expect("tips");
        // Every log of releases has an opening beside them.
        let entries = tips.iter().map(|tip| tip.seq - 1).sum::<u64>();
        let periods: BTreeSet<String> = ledger.iter().map(|release| release.period.to_string()).collect();
        if entries != periods.len() as u64 && !world.oracle.copied {
            world
                .oracle
                .violated(format!("node {node} approved releases of {} periods and sent {entries}", periods.len()));
        }
        let unacknowledged = ledger.iter().filter(|release| match release.state {
            ReleaseState::Approved | ReleaseState::Sent => true,
            ReleaseState::SetAside { .. } => !world.oracle.copied,
            ReleaseState::Acknowledged { .. } => false,
        });
        let words: Vec<String> =
            unacknowledged.map(|release| format!("node {node}: {} is {:?}", release.id, release.state)).collect();
        words.into_iter().for_each(|words| world.oracle.violated(words));
    }
    for number in 0..6 {
        let period = period(number);
        // A copy of a node may have sent the very same release once more; another one was set aside.
        let mut released: BTreeSet<(usize, &[u8])> = BTreeSet::new();
        let mut contested = false;
        for (node, ledger) in &ledgers {
            for release in ledger.iter().filter(|release| release.period == period) {
                contested |= matches!(release.state, ReleaseState::SetAside { .. });
                released.insert((*node, &release.payload));
            }
        }
        let sum: u64 = released
            .iter()
            .map(|(_, payload)| match Payload::decode(PayloadKind::Release, payload) {
                Ok(Some(Payload::Release(parts))) => funding(&parts),
                Ok(_) | Err(_) => 0,
            })
            .sum();
        let report = academy.academy().expect("the Academy").report(&period).expect("a report");
        let line = report.lines.iter().find(|line| line.key == CellKey::headline(Indicator::FundingLeveragedPence));
        let line = line.expect("a line of funding");
        let counted = (u64::from(line.hubs), line.low);
        // What was held of a hub before its revocation counts on.
        let counts = if world.oracle.revoked || world.oracle.cheat.is_some() {
            counted.0 >= released.len() as u64 && counted.1 >= sum
        } else {
            counted == (released.len() as u64, sum)
        };
        if !counts && !contested {
            world.oracle.violated(format!("{period}: counted {counted:?}, released {} in all {sum}", released.len()));
        }
    }
}
