//! Nodes, their disks and processes, and the network between them.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use folkmoot_journal::directory::PeerStatus;
use folkmoot_journal::exchange::{
    Effect, Event, Exchange, Progress, Question, ReleasesWanted, Setup, Side, Subscriptions,
};
use folkmoot_journal::{Admission, Author, CampaignId, Hash, Incarnation, LogId, NodeId, Receipt, Role, Topic};
use folkmoot_proto::federation::v1;
use folkmoot_proto::federation::v1::exchange_message::Body;
use folkmoot_store::{Store, StoreError};
use prost::Message;

use crate::campaigns::{self, betrayed};
use crate::fault::Fault;
use crate::memberships::Planned;
use crate::oracle::{DiskId, Oracle};
use crate::prng::Prng;
use crate::stream::{End, Move, ProcessId, Stream, StreamId};
use crate::template::{ACADEMY, LATE, NODES, START, TEMPLATE, ambient, key, tls_key};

/// How many sent frames are kept to be sent again.
const REPLAYS: usize = 16;
/// Words of the log by which the seeds show that they reach what they are for.
pub(crate) const LANDMARKS: [&str; 27] = [
    "Recovered",
    "Appended",
    " Frozen",
    "PeerFrozen",
    "NotListedByPeer",
    "RevokedByPeer",
    "Supersedes",
    "took this one's place",
    "comes again",
    "breaks",
    "is restored",
    "is copied",
    "the contradiction is found",
    "joins",
    "Settled { round: 3 }",
    "a campaign crosses directly",
    "a change waits for another",
    "a campaign is founded by a frame",
    "the late hub learns of a campaign",
    "the contradiction is found in a campaign",
    "a membership changes",
    "are read by all members",
    "somebody accepts the lead",
    "is appointed to lead",
    "a hub is taken out",
    "gives a checkpoint",
    "begins the document anew",
];
/// How many lines of the log a failing seed shows.
const LINES: usize = 80;

/// A running process of a node, or of a copy of it.
pub(crate) struct Process {
    pub(crate) node: usize,
    pub(crate) disk: DiskId,
    pub(crate) store: Store,
    pub(crate) frozen: bool,
    changed: Arc<AtomicBool>,
    /// What the disk held when the process started: all that a disk which forgets would still hold.
    pub(crate) at_start: Option<Vec<u8>>,
    /// A frame that was acknowledged and is still to be kept.
    pub(crate) overdue: Vec<Question>,
}

pub(crate) struct World {
    pub(crate) rng: Prng,
    pub(crate) fault: Option<Fault>,
    pub(crate) clock: Arc<AtomicI64>,
    pub(crate) ids: [NodeId; NODES],
    /// What the disk of a node that is down holds.
    pub(crate) disks: BTreeMap<usize, Vec<u8>>,
    /// Older copies of disks, with the incarnation that was running.
    pub(crate) backups: Vec<(usize, Vec<u8>, Incarnation)>,
    pub(crate) processes: BTreeMap<ProcessId, Process>,
    pub(crate) incarnations: BTreeMap<ProcessId, Incarnation>,
    pub(crate) streams: BTreeMap<StreamId, Stream>,
    pub(crate) oracle: Oracle,
    pub(crate) campaigns: BTreeMap<CampaignId, Planned>,
    /// A process in whose campaigns a change waits for another.
    pub(crate) waits: Option<ProcessId>,
    replays: BTreeMap<(usize, usize), VecDeque<v1::Frame>>,
    next: u32,
    trace: u64,
    pub(crate) reached: BTreeMap<&'static str, u64>,
    log: VecDeque<String>,
}

impl World {
    pub(crate) fn new(seed: u64, fault: Option<Fault>) -> World {
        let mut world = World {
            rng: Prng::new(seed),
            fault,
            clock: Arc::new(AtomicI64::new(START)),
            ids: std::array::from_fn(|node| key(node).id()),
            disks: (0..NODES).map(|node| (node, TEMPLATE.disks[node].clone())).collect(),
            backups: Vec::new(),
            processes: BTreeMap::new(),
            incarnations: BTreeMap::new(),
            streams: BTreeMap::new(),
            oracle: Oracle::default(),
            campaigns: BTreeMap::new(),
            waits: None,
            replays: BTreeMap::new(),
            next: 0,
            reached: BTreeMap::new(),
            trace: 0xcbf2_9ce4_8422_2325,
            log: VecDeque::new(),
        };
        for node in 0..LATE {
            world.start(node);
        }
        world
    }

    /// Notes what happened, for whoever replays the seed, and mixes it into the trace.
    pub(crate) fn note(&mut self, line: String) {
        self.mix(line.as_bytes());
        for landmark in LANDMARKS.into_iter().filter(|landmark| line.contains(landmark)) {
            *self.reached.entry(landmark).or_default() += 1;
        }
        if self.log.len() == LINES {
            self.log.pop_front();
        }
        self.log.push_back(line);
    }

    fn mix(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.trace = (self.trace ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }

    /// Two runs of one seed give the same.
    pub(crate) fn trace(&self) -> u64 {
        self.trace
    }

    pub(crate) fn log(&self) -> String {
        self.log.iter().map(String::as_str).collect::<Vec<_>>().join("\n")
    }

    fn id(&mut self) -> u32 {
        self.next += 1;
        self.next
    }

    /// The topics that a node holds.
    pub(crate) fn topics(&self, node: usize) -> Vec<Topic> {
        let releases = |node: &usize| Topic::Releases(self.ids[*node]);
        let hubs: Vec<usize> = (1..NODES).filter(|hub| node == ACADEMY || *hub == node).collect();
        let campaigns = self.campaigns.iter().filter(|(_, planned)| planned.read_by(node));
        [Topic::Directory, Topic::Curriculum]
            .into_iter()
            .chain(hubs.iter().map(releases))
            .chain(campaigns.map(|(id, _)| Topic::Campaign(*id)))
            .collect()
    }

    /// The running process of a node itself, not of a copy.
    pub(crate) fn process_of(&self, node: usize) -> Option<ProcessId> {
        self.processes.iter().find(|(_, process)| process.disk == node).map(|(id, _)| *id)
    }

    /// Starts a node's process on its disk.
    pub(crate) fn start(&mut self, node: usize) {
        if let Some(bytes) = self.disks.remove(&node) {
            let drawn = Incarnation(self.rng.next());
            self.start_on(node, node, &bytes, drawn);
        }
    }

    pub(crate) fn start_on(&mut self, node: usize, disk: DiskId, bytes: &[u8], incarnation: Incarnation) -> ProcessId {
        let seed = self.rng.next();
        let store = Store::from_snapshot(bytes, ambient(&self.clock, seed)).expect("a snapshot opens");
        store.set_author(Author { key: key(node), incarnation, federation: TEMPLATE.federation });
        let changed = Arc::new(AtomicBool::new(false));
        let raised = Arc::clone(&changed);
        store.on_change(Box::new(move |_| raised.store(true, Ordering::Relaxed)));
        let at_start = (self.fault == Some(Fault::ForgetsOnCrash)).then(|| bytes.to_vec());
        let id = self.id();
        self.oracle.restarted(disk, &store, &self.topics(node));
        self.note(format!("process {id} of node {node} starts on disk {disk} as {incarnation}"));
        let process = Process { node, disk, store, frozen: false, changed, at_start, overdue: Vec::new() };
        self.processes.insert(id, process);
        self.incarnations.insert(id, incarnation);
        id
    }

    /// Ends a process at this very point. What it had committed is what its disk holds.
    pub(crate) fn crash(&mut self, id: ProcessId) -> Option<Vec<u8>> {
        let process = self.processes.remove(&id)?;
        self.note(format!("process {id} of node {} ends", process.node));
        let streams: Vec<StreamId> = self.streams.keys().copied().collect();
        for stream in streams {
            for side in 0..2 {
                if self.end(stream, side).is_some_and(|end| end.process == id) {
                    self.drop_end(stream, side);
                }
            }
        }
        let committed = process.store.snapshot().expect("a snapshot");
        Some(process.at_start.unwrap_or(committed))
    }

    pub(crate) fn end(&mut self, stream: StreamId, side: usize) -> Option<&mut End> {
        self.streams.get_mut(&stream)?.ends[side].as_mut()
    }

    /// One side is gone. The other sees it once it has read what had arrived, unless the network swallows that too.
    pub(crate) fn drop_end(&mut self, stream: StreamId, side: usize) {
        if let Some(held) = self.streams.get_mut(&stream) {
            held.ends[side] = None;
            if let Some(other) = &mut held.ends[1 - side] {
                other.ended = true;
            }
            if held.ends.iter().all(Option::is_none) {
                self.streams.remove(&stream);
            }
        }
    }

    /// Breaks a stream: messages under way are lost from some point on; a side may go on for a while and not notice.
    pub(crate) fn cut(&mut self, stream: StreamId) {
        self.note(format!("stream {stream} breaks"));
        let keep = [self.rng.below(4), self.rng.below(4)];
        let notices = [self.rng.chance(60), self.rng.chance(60)];
        let Some(held) = self.streams.get_mut(&stream) else { return };
        held.cut = true;
        for side in 0..2 {
            if let Some(end) = &mut held.ends[side] {
                end.inbox.truncate(keep[side]);
                end.ended = notices[side];
            }
        }
    }

    /// A process dials a node: the stream opens if that node runs and is in the dialler's directory.
    pub(crate) fn dial(&mut self, from: ProcessId, to: usize) {
        let (Some(target), Some(dialler)) = (self.process_of(to), self.processes.get(&from)) else { return };
        let (node, id) = (dialler.node, from);
        if self.status(from, to).0 != PeerStatus::Listed {
            return;
        }
        let stream = self.id();
        self.note(format!("process {id} of node {node} dials node {to}: stream {stream}"));
        let ends = [self.make_end(from, to, Side::Dialler), self.make_end(target, node, Side::Acceptor)];
        self.streams.insert(stream, Stream { ends: ends.map(Some), cut: false, replayed: false });
    }

    /// Whether a stream that this process dialled to the node is there still.
    pub(crate) fn open(&self, from: ProcessId, to: usize) -> bool {
        let dialled = self.streams.values().filter_map(|stream| stream.ends[0].as_ref());
        dialled.into_iter().any(|end| end.process == from && end.peer_node == to)
    }

    /// How a process's directory lists a node's key.
    fn status(&self, process: ProcessId, peer: usize) -> (PeerStatus, Role) {
        let directory = self.processes[&process].store.journal().directory();
        match directory.by_tls_key(&tls_key(peer)) {
            Some(member) => (member.status(), member.role),
            None => (PeerStatus::NotListed, Role::Hub),
        }
    }

    fn make_end(&self, id: ProcessId, peer_node: usize, side: Side) -> End {
        let process = &self.processes[&id];
        let (status, peer_role) = self.status(id, peer_node);
        let named = status != PeerStatus::NotListed;
        let academy = process.node == ACADEMY;
        let mut machine = Exchange::new(Setup {
            me: self.ids[process.node],
            role: if academy { Role::Academy } else { Role::Hub },
            incarnation: self.incarnations[&id],
            federation: TEMPLATE.federation,
            address: None,
            subscriptions: Subscriptions { releases: if academy { ReleasesWanted::All } else { ReleasesWanted::Own } },
            software: "simulation".to_owned(),
            side,
            peer: if named { self.ids[peer_node] } else { NodeId(Hash::of(&tls_key(peer_node)).0) },
            peer_role,
            peer_status: status,
            frozen: process.frozen,
        });
        let effects = machine.on(Event::Opened).into();
        End {
            process: id,
            peer_node,
            machine,
            effects,
            answers: VecDeque::new(),
            inbox: VecDeque::new(),
            events: VecDeque::new(),
            wake: false,
            relist: false,
            ended: false,
            named,
            status,
            connected: false,
            comparing: 0,
            settled: 0,
        }
    }

    /// Everything that some end can do now.
    pub(crate) fn moves(&self) -> Vec<(StreamId, usize, Move)> {
        let mut moves = Vec::new();
        for (id, stream) in &self.streams {
            for (side, end) in stream.ends.iter().enumerate() {
                moves.extend(end.iter().flat_map(End::moves).map(|step| (*id, side, step)));
            }
        }
        moves
    }

    pub(crate) fn carry_out(&mut self, stream: StreamId, side: usize, step: Move) {
        self.clock.fetch_add(50, Ordering::Relaxed);
        self.mix(&[stream as u8, side as u8, step as u8]);
        let Some(end) = self.end(stream, side) else { return };
        let event = match step {
            Move::Effect => {
                if let Some(effect) = end.effects.pop_front() {
                    self.perform(stream, side, effect);
                }
                return;
            }
            Move::End => return self.drop_end(stream, side),
            Move::Answer => end.answers.pop_front().map(Event::Answer),
            Move::Message => end.inbox.pop_front().map(Event::Message),
            Move::Event => end.events.pop_front(),
            Move::Wake => {
                end.wake = false;
                Some(Event::Wake)
            }
            Move::Relist => return self.relist(stream, side),
        };
        if let (Some(end), Some(event)) = (self.end(stream, side), event) {
            let effects = end.machine.on(event);
            end.effects.extend(effects);
        }
    }

    fn relist(&mut self, stream: StreamId, side: usize) {
        let Some(end) = self.end(stream, side) else { return };
        end.relist = false;
        let (process, peer_node, named, before) = (end.process, end.peer_node, end.named, end.status);
        let (status, role) = self.status(process, peer_node);
        let peer = self.ids[peer_node];
        let Some(end) = self.end(stream, side) else { return };
        if status == before {
            return;
        }
        end.status = status;
        if !named {
            end.named = true;
            let effects = end.machine.on(Event::PeerNamed { peer, role });
            end.effects.extend(effects);
        }
        let effects = end.machine.on(Event::PeerListed(status));
        end.effects.extend(effects);
    }

    fn perform(&mut self, stream: StreamId, side: usize, effect: Effect) {
        let Some(end) = self.end(stream, side) else { return };
        let (process, peer_node) = (end.process, end.peer_node);
        let disk = self.processes[&process].disk;
        match effect {
            Effect::Send(message) => self.send(stream, side, message),
            Effect::Ask(question) => self.ask(stream, side, question),
            Effect::Tell(progress) => {
                self.note(format!("stream {stream} side {side}: {progress:?}"));
                let replayed = self.streams.get(&stream).is_some_and(|held| held.replayed);
                self.oracle.told(disk, &progress, replayed);
                let node = self.processes[&process].node;
                if let Progress::Received { log: LogId { topic: Topic::Campaign(id), .. }, .. } = &progress
                    && node != ACADEMY
                    && peer_node != ACADEMY
                {
                    self.note(format!("{id:?}: a campaign crosses directly"));
                }
                self.told(stream, side, process, peer_node, &progress);
            }
            Effect::Close(reason) => {
                self.note(format!("stream {stream} side {side} closes: {reason}"));
                self.oracle.closed(disk, &reason);
                self.drop_end(stream, side);
            }
        }
    }

    fn send(&mut self, stream: StreamId, side: usize, message: v1::ExchangeMessage) {
        let Some(end) = self.end(stream, side) else { return };
        let (process, to) = (end.process, end.peer_node);
        let (from, disk) = (self.processes[&process].node, self.processes[&process].disk);
        let bytes = message.encode_to_vec();
        self.mix(&bytes);
        if let Some(id) = betrayed(self, to, &bytes) {
            self.oracle.violated(format!("a message from node {from} to node {to} tells of {id:?}"));
        }
        match &message.body {
            Some(Body::Receipt(receipt)) => match Receipt::from_wire(receipt) {
                Ok(receipt) => self.oracle.receipt_leaves(disk, &receipt),
                Err(fault) => self.oracle.violated(format!("disk {disk} sent a receipt that cannot be read: {fault}")),
            },
            Some(Body::Frame(frame)) => {
                let sent = self.replays.entry((from, to)).or_default();
                if sent.len() == REPLAYS {
                    sent.pop_front();
                }
                sent.push_back(frame.clone());
            }
            Some(_) | None => {}
        }
        self.settle_overdue(process);
        if let Some(held) = self.streams.get_mut(&stream)
            && !held.cut
            && let Some(other) = &mut held.ends[1 - side]
        {
            other.inbox.push_back(message);
        }
    }

    /// What only an overwritten folder held cannot be sent again by anybody.
    pub(crate) fn forget_sent_by(&mut self, node: usize) {
        self.replays.retain(|(from, _), _| *from != node);
    }

    /// Sends a frame of earlier times again, on whatever stream there is now.
    pub(crate) fn replay(&mut self, stream: StreamId, side: usize) {
        let Some(end) = self.end(stream, side) else { return };
        let (process, to) = (end.process, end.peer_node);
        let from = self.processes[&process].node;
        let count = self.replays.get(&(from, to)).map_or(0, VecDeque::len);
        if count == 0 {
            return;
        }
        let at = self.rng.below(count);
        let frame = self.replays[&(from, to)][at].clone();
        let Some(other) = self.end(stream, 1 - side).filter(|other| other.connected) else { return };
        other.inbox.push_back(v1::ExchangeMessage { body: Some(Body::Frame(frame)) });
        if let Some(held) = self.streams.get_mut(&stream) {
            held.replayed = true;
        }
        self.note(format!("stream {stream}: a frame from node {from} comes again"));
    }

    fn ask(&mut self, stream: StreamId, side: usize, question: Question) {
        let Some(end) = self.end(stream, side) else { return };
        let id = end.process;
        let campaign = if let Question::Keep { frame, .. } = &question
            && let Ok(Topic::Campaign(campaign)) = Topic::from_slice(&frame.topic)
        {
            Some((campaign, self.knows(id, campaign)))
        } else {
            None
        };
        let answer = match self.fault {
            None => self.processes[&id].store.journal().answer(question.clone()),
            Some(fault) => fault.answer(self, id, &question),
        };
        if let Some((campaign, known)) = campaign.filter(|(campaign, _)| self.knows(id, *campaign)) {
            if !known {
                let late = if self.processes[&id].node == LATE { ", the late hub learns of a campaign" } else { "" };
                self.note(format!("process {id}: a campaign is founded by a frame{late}: {campaign:?}"));
            }
            campaigns::look(self, id, campaign);
        }
        match answer {
            Ok(answer) => {
                self.look(id, &question);
                self.spread_change(id);
                if let Some(end) = self.end(stream, side) {
                    end.answers.push_back(answer);
                }
            }
            // Another stream learned meanwhile that this process is a copy.
            Err(StoreError::Frozen) => self.drop_end(stream, side),
            Err(error) => self.oracle.violated(format!("process {id} cannot answer {question:?}: {error}")),
        }
    }

    fn knows(&self, process: ProcessId, campaign: CampaignId) -> bool {
        self.processes[&process].store.journal().rights().memberships.get(campaign).is_some()
    }

    fn settle_overdue(&mut self, id: ProcessId) {
        let Some(process) = self.processes.get_mut(&id) else { return };
        for question in std::mem::take(&mut process.overdue) {
            if process.store.journal().answer(question).is_err() {
                self.oracle.violated("an overdue frame cannot be kept".to_owned());
            }
        }
    }

    /// Looks at what a question may have changed on the disk.
    fn look(&mut self, id: ProcessId, question: &Question) {
        let process = &self.processes[&id];
        let topic = match question {
            Question::Keep { frame, .. } => Topic::from_slice(&frame.topic).ok(),
            Question::AppendApproved => Some(Topic::Releases(self.ids[process.node])),
            Question::Admit { .. }
            | Question::Compare { .. }
            | Question::TipsOf { .. }
            | Question::Missing { .. }
            | Question::FrameAfter { .. }
            | Question::CheckpointOf { .. }
            | Question::ChangedSince { .. }
            | Question::KeepReceipt { .. }
            | Question::ReceiptFor { .. }
            | Question::KeepRefusal { .. }
            | Question::OwnUnreceipted { .. } => None,
        };
        if let Some(topic) = topic {
            self.oracle.look(process.disk, &process.store, &[topic]);
        }
    }

    /// Wakes every stream of a process whose store changed.
    pub(crate) fn spread_change(&mut self, id: ProcessId) {
        let changed = self.processes.get(&id).is_some_and(|process| process.changed.swap(false, Ordering::Relaxed));
        if !changed {
            return;
        }
        for stream in self.streams.values_mut() {
            for end in stream.ends.iter_mut().flatten().filter(|end| end.process == id) {
                end.wake = true;
                end.relist = true;
            }
        }
    }

    fn told(&mut self, stream: StreamId, side: usize, id: ProcessId, peer: usize, progress: &Progress) {
        if let Some(end) = self.end(stream, side) {
            match progress {
                Progress::Connected { .. } => end.connected = true,
                Progress::Comparing { round } => end.comparing = *round,
                Progress::Settled { round } => end.settled = *round,
                Progress::Received { .. }
                | Progress::Recovered { .. }
                | Progress::Appended { .. }
                | Progress::AppendBlocked
                | Progress::RefusedByPeer(_)
                | Progress::RefusedHere(_)
                | Progress::DirectoryChanged
                | Progress::Frozen
                | Progress::PeerFrozen
                | Progress::NotListedByPeer
                | Progress::RevokedByPeer
                | Progress::Presence(_) => {}
            }
        }
        let replaces = matches!(progress, Progress::Connected { admission, .. } if *admission != Admission::Clone);
        let freezes = *progress == Progress::Frozen;
        if freezes && let Some(process) = self.processes.get_mut(&id) {
            process.frozen = true;
            process.store.freeze();
        }
        for (other, held) in &mut self.streams {
            for end in held.ends.iter_mut().flatten().filter(|end| end.process == id) {
                if freezes {
                    end.events.push_back(Event::Frozen);
                }
                if replaces && *other < stream && end.peer_node == peer {
                    end.events.push_back(Event::Replaced);
                }
            }
        }
    }
}
