//! A store in a few lines, for the machine's own tests: answers as the interface says, in memory.

use std::collections::BTreeMap;
use std::sync::Arc;

use folkmoot_domain::hub::{HubKind, Stage};

use crate::author::{Author, Genesis, found};
use crate::digest::{self, BUCKETS};
use crate::directory::{HubRecord, HubState, Limit, PeerStatus, Role};
use crate::entry::{Entry, PayloadKind};
use crate::exchange::{Answer, Kept, Question, ReleasesWanted, Scope, Setup, Side, Subscriptions};
use crate::frame::{pack, unpack};
use crate::id::{FederationId, Hash, Incarnation, NodeId};
use crate::key::LogKey;
use crate::membership::{Membership, MembershipRecord, Signed};
use crate::payload::{Opening, Payload, encode_hub_record, encode_membership, encode_opening};
use crate::receipt::Receipt;
use crate::refusal::{Refusal, RefusalReason};
use crate::rights::Rights;
use crate::topic::{Cursor, LogId, Topic};
use crate::{Admission, PeerIncarnations};

pub(super) fn genesis(key: &LogKey) -> Genesis {
    Genesis {
        name: "Academy".parse().unwrap(),
        log_key: key.public(),
        ca_certificate: vec![1; 40],
        tls_key: vec![2; 40],
    }
}

#[derive(Clone)]
pub(super) struct Model {
    pub(super) author: Author,
    pub(super) role: Role,
    pub(super) rights: Rights,
    pub(super) logs: BTreeMap<LogId, Vec<Entry>>,
    rows: Vec<(LogId, u64)>,
    pub(super) receipts: BTreeMap<(NodeId, LogId), Receipt>,
    pub(super) approved: Vec<Vec<u8>>,
    pub(super) refusals: Vec<Refusal>,
    pub(super) incarnations: BTreeMap<NodeId, PeerIncarnations>,
    pub(super) asked: Vec<String>,
    /// Written just before the store says which logs are not receipted.
    pub(super) surprise: Option<(Topic, PayloadKind, Vec<u8>)>,
    /// A log of which frames are cut no further than up to this number: what followed has been taken out meanwhile.
    pub(super) ends: Option<(LogId, usize)>,
    /// An entry that is given, as a checkpoint, in the place of all that is before it in its log.
    pub(super) checkpoint: Option<(LogId, u64)>,
    salts: u8,
}

impl Model {
    pub(super) fn academy() -> Model {
        let key = LogKey::from_seed(&[1; 32]);
        let (entry, federation) = found(&key, Incarnation(1), &genesis(&key), [0; 16], 1);
        let mut model = Model::new(key, Incarnation(1), federation, Role::Academy);
        model.store(entry);
        model
    }

    fn new(key: LogKey, incarnation: Incarnation, federation: FederationId, role: Role) -> Model {
        Model {
            author: Author { key: Arc::new(key), incarnation, federation },
            role,
            rights: Rights::default(),
            logs: BTreeMap::new(),
            rows: Vec::new(),
            receipts: BTreeMap::new(),
            approved: Vec::new(),
            refusals: Vec::new(),
            incarnations: BTreeMap::new(),
            asked: Vec::new(),
            surprise: None,
            ends: None,
            checkpoint: None,
            salts: 0,
        }
    }

    /// A hub that the Academy has registered and that took the directory over as it stands.
    pub(super) fn hub(seed: u8, academy: &mut Model) -> Model {
        let hub = Model::joining(seed, academy);
        academy.register(&hub, 1, HubState::Enrolled);
        Model::adopt(hub, academy)
    }

    /// A hub with a key, and a directory that does not list it.
    pub(super) fn joining(seed: u8, academy: &Model) -> Model {
        let key = LogKey::from_seed(&[seed; 32]);
        let incarnation = Incarnation(u64::from(seed) * 256);
        let hub = Model::new(key, incarnation, academy.author.federation, Role::Hub);
        Model::adopt(hub, academy)
    }

    fn adopt(mut hub: Model, academy: &Model) -> Model {
        for entry in academy.logs.iter().filter(|(log, _)| log.topic == Topic::Directory).flat_map(|(_, log)| log) {
            if hub.logs.get(&entry.log()).is_none_or(|log| (log.len() as u64) < entry.header.seq) {
                hub.store(entry.clone());
            }
        }
        hub
    }

    pub(super) fn register(&mut self, hub: &Model, version: u32, state: HubState) {
        let record = HubRecord {
            hub: hub.me(),
            version,
            name: "Warminster".parse().unwrap(),
            log_key: hub.author.key.public(),
            tls_key: vec![version as u8],
            address: None,
            kind: HubKind::SocialActionHub,
            region: "South West".to_owned(),
            stage: Stage::Active,
            state,
            last_accepted: Vec::new(),
        };
        self.append(Topic::Directory, PayloadKind::HubRecord, encode_hub_record(&record));
    }

    pub(super) fn me(&self) -> NodeId {
        self.author.key.id()
    }

    pub(super) fn restart(&mut self, incarnation: u64) {
        self.author.incarnation = Incarnation(incarnation);
    }

    pub(super) fn own_releases(&self) -> Topic {
        Topic::Releases(self.me())
    }

    pub(super) fn append(&mut self, topic: Topic, kind: PayloadKind, payload: Vec<u8>) -> u64 {
        let log = LogId { topic, author: self.me(), incarnation: self.author.incarnation };
        let mut written = 1;
        if !self.logs.contains_key(&log) {
            let opening = encode_opening(&Opening::default());
            let salt = self.salt();
            let entry = self.author.write(topic, None, PayloadKind::Opening, opening, salt, 1).unwrap();
            self.store(entry);
            written += 1;
        }
        let tip = self.logs[&log].last().unwrap().cursor();
        let salt = self.salt();
        let entry = self.author.write(topic, Some(&tip), kind, payload, salt, 1).unwrap();
        self.store(entry);
        written
    }

    /// Founds a campaign of these hubs and this one.
    pub(super) fn found(&mut self, others: &[&Model], academy_relays: bool) -> Topic {
        let members = others.iter().map(|hub| hub.me()).chain([self.me()]).collect();
        let record = MembershipRecord { nonce: self.salt(), members, academy_relays };
        let topic = Topic::Campaign(record.id(self.me()));
        self.append(topic, PayloadKind::Membership, encode_membership(&record));
        topic
    }

    /// What is held of a topic, log by log.
    pub(super) fn entries_of(&self, topic: Topic) -> Vec<Entry> {
        self.logs.iter().filter(|(log, _)| log.topic == topic).flat_map(|(_, entries)| entries.clone()).collect()
    }

    pub(super) fn take_all(&mut self, entries: Vec<Entry>) {
        entries.into_iter().for_each(|entry| self.store(entry));
    }

    fn salt(&mut self) -> [u8; 16] {
        self.salts = self.salts.wrapping_add(1);
        [self.salts; 16]
    }

    pub(super) fn store(&mut self, entry: Entry) {
        if let Some(body) = &entry.body
            && let Ok(Some(payload)) = Payload::decode(entry.header.payload_kind, &body.payload)
        {
            match (entry.header.topic, payload) {
                (Topic::Directory, payload) => {
                    Arc::make_mut(&mut self.rights.directory).apply(&payload).unwrap();
                }
                (Topic::Campaign(_), Payload::Membership(record)) => {
                    let (author, minute) = (entry.header.author, entry.header.written_at);
                    let founding = Signed { author, hash: entry.hash, minute, record };
                    Arc::make_mut(&mut self.rights.memberships).set(Membership::found(&founding).unwrap());
                }
                (_, _) => (),
            }
        }
        self.rows.push((entry.log(), entry.header.seq));
        self.logs.entry(entry.log()).or_default().push(entry);
    }

    pub(super) fn tips(&self) -> BTreeMap<LogId, u64> {
        self.logs.iter().map(|(log, entries)| (*log, entries.len() as u64)).collect()
    }

    pub(super) fn setup(&self, peer: &Model, side: Side) -> Setup {
        let wanted = |model: &Model| Subscriptions {
            releases: if model.role == Role::Academy { ReleasesWanted::All } else { ReleasesWanted::Own },
        };
        Setup {
            me: self.me(),
            role: self.role,
            incarnation: self.author.incarnation,
            federation: self.author.federation,
            address: None,
            subscriptions: wanted(self),
            software: "test".to_owned(),
            side,
            peer: peer.me(),
            peer_role: peer.role,
            peer_status: self.rights.directory.status(peer.me()),
            frozen: false,
        }
    }

    fn shared(&self, scope: &Scope, buckets: Option<&[u8]>) -> BTreeMap<Topic, Vec<Cursor>> {
        let mut topics: BTreeMap<Topic, Vec<Cursor>> = BTreeMap::new();
        for (log, entries) in &self.logs {
            let asked = buckets.is_none_or(|buckets| buckets.contains(&digest::bucket_of(log.topic)));
            if asked && scope.shares(log.topic, &self.rights) {
                topics.entry(log.topic).or_default().push(entries.last().unwrap().cursor());
            }
        }
        topics
    }

    pub(super) fn answer(&mut self, question: Question) -> Answer {
        self.asked.push(format!("{question:?}").chars().take_while(|c| c.is_alphanumeric()).collect());
        match question {
            Question::Admit { peer, incarnation, .. } => {
                let seen = self.incarnations.entry(peer).or_default();
                let admission: Admission = seen.admit(incarnation);
                seen.record(incarnation, admission);
                Answer::Admitted(admission)
            }
            Question::Compare { scope } => {
                let mut leaves: BTreeMap<u8, Vec<Hash>> = BTreeMap::new();
                for (topic, tips) in self.shared(&scope, None) {
                    leaves.entry(digest::bucket_of(topic)).or_default().push(digest::leaf(topic, &tips));
                }
                let mut buckets = Box::new([Hash::ZERO; BUCKETS]);
                for (bucket, leaves) in leaves {
                    buckets[usize::from(bucket)] = digest::bucket(&leaves);
                }
                Answer::Digest { root: digest::root(&buckets), buckets, mark: self.rows.len() as u64 }
            }
            Question::TipsOf { scope, buckets } => {
                Answer::Tips { topics: self.shared(&scope, Some(&buckets)).into_iter().collect() }
            }
            Question::Missing { scope, theirs, buckets } => self.missing(&scope, &theirs, &buckets),
            Question::CheckpointOf { log, .. } => match self.checkpoint.filter(|(of, _)| *of == log) {
                Some((_, seq)) => {
                    let entry = &self.logs[&log][seq as usize - 1];
                    Answer::Frame {
                        log,
                        frame: Some(pack(std::slice::from_ref(entry)).unwrap()),
                        upto: seq,
                        more: true,
                    }
                }
                None => Answer::Frame { log, frame: None, upto: 0, more: true },
            },
            Question::FrameAfter { log, after, max_bytes, .. } => self.frame_after(log, after, max_bytes),
            Question::ChangedSince { scope, mark } => {
                let mut logs: BTreeMap<LogId, u64> = BTreeMap::new();
                for (log, seq) in &self.rows[mark as usize..] {
                    if scope.shares(log.topic, &self.rights) {
                        logs.entry(*log).or_insert(seq - 1);
                    }
                }
                let mut logs: Vec<_> = logs.into_iter().collect();
                logs.sort_by_key(|(log, _)| self.turn(log));
                Answer::Changed { logs, checkpoints: Vec::new(), mark: self.rows.len() as u64 }
            }
            Question::Keep { frame, .. } => Answer::Kept(self.keep(&frame)),
            Question::KeepReceipt { peer, receipt } => {
                let key = self.rights.directory.log_key(peer);
                let ok = key.is_some_and(|key| receipt.verify(self.author.federation, &key).is_ok());
                if ok {
                    self.receipts.insert((peer, receipt.log()), receipt);
                }
                Answer::ReceiptKept { ok }
            }
            Question::ReceiptFor { topic, tip, .. } => {
                let log = tip.log(topic);
                let held = self.logs.get(&log).is_some_and(|log| {
                    tip.seq.checked_sub(1).and_then(|at| log.get(at as usize)).is_some_and(|e| e.hash == tip.hash)
                });
                Answer::Receipt(held.then(|| self.receipt(log)))
            }
            Question::KeepRefusal { refusal, .. } => {
                self.refusals.push(refusal);
                Answer::RefusalKept
            }
            Question::OwnUnreceipted { scope } => {
                if let Some((topic, kind, payload)) = self.surprise.take() {
                    self.append(topic, kind, payload);
                }
                let me = self.me();
                let unsigned = |(log, entries): (&LogId, &Vec<Entry>)| {
                    let tip = entries.last().unwrap().cursor();
                    let receipt = self.receipts.get(&(scope.peer, *log));
                    let open = log.author == me && receipt.is_none_or(|receipt| receipt.held.seq < tip.seq);
                    (open && scope.shares(log.topic, &self.rights)).then_some((log.topic, tip))
                };
                Answer::Unreceipted(self.logs.iter().filter_map(unsigned).collect())
            }
            Question::AppendApproved => {
                let approved = std::mem::take(&mut self.approved);
                let topic = self.own_releases();
                let entries =
                    approved.into_iter().map(|payload| self.append(topic, PayloadKind::Release, payload)).sum();
                Answer::Appended { entries }
            }
        }
    }

    fn missing(&self, scope: &Scope, theirs: &[(Topic, Vec<Cursor>)], buckets: &[u8]) -> Answer {
        let (mut push, mut lacking) = (Vec::new(), Vec::new());
        let theirs: BTreeMap<LogId, Cursor> =
            theirs.iter().flat_map(|(topic, tips)| tips.iter().map(|tip| (tip.log(*topic), *tip))).collect();
        for (topic, tips) in self.shared(scope, Some(buckets)) {
            for tip in tips {
                let log = tip.log(topic);
                match theirs.get(&log) {
                    None => push.push((log, 0)),
                    Some(other) if other.seq <= tip.seq => {
                        if self.logs[&log][other.seq as usize - 1].hash != other.hash {
                            push.push((log, 0));
                        } else if other.seq < tip.seq {
                            push.push((log, other.seq));
                        }
                    }
                    Some(_) => (),
                }
            }
        }
        push.sort_by_key(|(log, _)| self.turn(log));
        for (log, tip) in theirs {
            let held = self.logs.get(&log).and_then(|log| log.get(tip.seq as usize - 1));
            let shared = scope.shares(log.topic, &self.rights) || self.is_unknown_campaign(log.topic);
            if shared && held.is_none_or(|entry| entry.hash != tip.hash) {
                lacking.push((log, tip));
            }
        }
        let checkpoints: Vec<LogId> = self.checkpoint.iter().map(|(log, _)| *log).collect();
        push.retain(|(log, _)| !checkpoints.contains(log));
        Answer::Missing { push, lacking, forks: Vec::new(), checkpoints }
    }

    /// Topics ascend; the log that founds a campaign comes before the others of the campaign.
    fn turn(&self, log: &LogId) -> (Topic, bool, LogId) {
        let founds = |entry: &Entry| entry.header.payload_kind == PayloadKind::Membership;
        (log.topic, !self.logs[log].iter().any(founds), *log)
    }

    fn is_unknown_campaign(&self, topic: Topic) -> bool {
        matches!(topic, Topic::Campaign(id) if self.rights.memberships.get(id).is_none())
    }

    fn frame_after(&self, log: LogId, after: u64, max_bytes: u32) -> Answer {
        let end = self.ends.filter(|(cut, _)| *cut == log).map_or(usize::MAX, |(_, end)| end);
        let entries = self.logs.get(&log).map_or(&[][..], |log| &log[..end.min(log.len())]);
        let entries = entries.get(after as usize..).unwrap_or(&[]);
        let mut taken = 0;
        let mut bytes = 0;
        for (at, entry) in entries.iter().enumerate() {
            bytes += entry.header.payload_size + 80;
            if at > 0 && bytes > max_bytes {
                break;
            }
            if entry.signature.is_some() {
                taken = at + 1;
            }
        }
        let frame = entries.get(..taken).filter(|taken| !taken.is_empty()).map(|taken| pack(taken).unwrap());
        let more = frame.is_none() || taken < entries.len();
        Answer::Frame { log, frame, upto: after + taken as u64, more }
    }

    fn receipt(&self, log: LogId) -> Receipt {
        Receipt::sign(&self.author, log.topic, self.logs[&log].last().unwrap().cursor(), Vec::new(), 1)
    }

    fn keep(&mut self, frame: &folkmoot_proto::federation::v1::Frame) -> Kept {
        let unpacked = unpack(frame, self.author.federation).unwrap();
        let log = unpacked.log;
        let first = unpacked.entries[0].cursor();
        let fault = match self.rights.directory.log_key(log.author) {
            None => Some((RefusalReason::UnknownAuthor, first)),
            Some(key) if unpacked.verify(&key).is_err() => Some((RefusalReason::NotGenuine, first)),
            Some(_) if self.is_unknown_campaign(log.topic) => {
                let founds = unpacked.entries.iter().any(|entry| entry.header.payload_kind == PayloadKind::Membership);
                (!founds).then_some((RefusalReason::UnknownCampaign, first))
            }
            Some(_) if !self.rights.may_write(log.author, log.topic) => Some((RefusalReason::NotAuthorised, first)),
            Some(_) if self.rights.accepted_until(log) != Limit::None => Some((RefusalReason::AfterRevocation, first)),
            Some(_) => None,
        };
        let fault = fault.or_else(|| {
            let held = self.logs.get(&log).map_or(&[][..], Vec::as_slice);
            if unpacked.entries[0].header.seq > held.len() as u64 + 1 {
                return Some((RefusalReason::Gap, first));
            }
            let before = unpacked.entries[0].header.seq.checked_sub(2).and_then(|at| held.get(at as usize));
            if before.is_some_and(|entry| entry.hash != unpacked.prev_hash) {
                return Some((RefusalReason::Fork, first));
            }
            let clash =
                |entry: &&Entry| held.get(entry.header.seq as usize - 1).is_some_and(|held| held.hash != entry.hash);
            unpacked.entries.iter().find(clash).map(|entry| (RefusalReason::Fork, entry.cursor()))
        });
        let refusals = fault.map(|(reason, entry)| Refusal {
            topic: log.topic,
            entry,
            reason,
            detail: reason.words().to_owned(),
            set_aside: false,
        });
        let before = self.rights.directory.clone();
        let mut new_entries = 0;
        if refusals.is_none() {
            for entry in unpacked.entries {
                if entry.header.seq > self.logs.get(&log).map_or(0, |log| log.len() as u64) {
                    self.store(entry);
                    new_entries += 1;
                }
            }
        }
        let recovered = if log.author == self.me() { new_entries } else { 0 };
        let held = self.logs.get(&log).map(|log| log.last().unwrap().cursor());
        Kept {
            log,
            upto: held,
            new_entries,
            also: Vec::new(),
            recovered,
            receipt: held.map(|_| self.receipt(log)),
            refusals: refusals.into_iter().collect(),
            directory_changed: before != self.rights.directory,
        }
    }

    pub(super) fn status_of(&self, peer: NodeId) -> PeerStatus {
        self.rights.directory.status(peer)
    }
}
