//! Who takes part: the state that the `directory` topic's payloads add up to, whatever order they come in.

use std::collections::BTreeMap;

use folkmoot_disclosure::{Policies, PolicyRecord, policy_fault_words};
use folkmoot_domain::calendar::{Programme, Programmes};
use folkmoot_domain::hub::{HubKind, HubName, Stage};

use crate::author::Genesis;
use crate::fault::Fault;
use crate::id::{CampaignId, NodeId};
use crate::key::LogPublicKey;
use crate::payload::{Payload, encode_hub_record};
use crate::topic::{Cursor, Topic};

/// What a node is in its federation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// The one that writes the directory and adds up releases.
    Academy,
    /// One that holds records.
    Hub,
}

/// Whether a hub's node may take part, the strictest last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum HubState {
    /// It may.
    Enrolled,
    /// It may not for now.
    Suspended,
    /// It may not, ever.
    Revoked,
}

impl HubState {
    /// The state as commands and tables write it.
    pub fn code(self) -> &'static str {
        match self {
            HubState::Enrolled => "enrolled",
            HubState::Suspended => "suspended",
            HubState::Revoked => "revoked",
        }
    }
}

/// A peer's standing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PeerStatus {
    /// It may take part.
    Listed,
    /// Nothing is known of it: it is told nothing, and may bring the directory.
    NotListed,
    /// It may not take part for now.
    Suspended,
    /// It may not take part, ever.
    Revoked,
}

/// What the directory says of one hub.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HubRecord {
    /// The hub's node id, which its log key gives.
    pub hub: NodeId,
    /// Counts the changes to this record from 1.
    pub version: u32,
    /// The hub's name.
    pub name: HubName,
    /// Signs the hub's entries.
    pub log_key: LogPublicKey,
    /// The key that the hub's connections show: SubjectPublicKeyInfo, DER.
    pub tls_key: Vec<u8>,
    /// HOST:PORT where the hub can be dialled.
    pub address: Option<String>,
    /// What the hub is.
    pub kind: HubKind,
    /// The hub's region.
    pub region: String,
    /// How far along the hub is.
    pub stage: Stage,
    /// Whether the hub's node may take part.
    pub state: HubState,
    /// With a revocation: the last entry accepted of each of the hub's logs.
    pub last_accepted: Vec<(Topic, Cursor)>,
}

/// A hub appointed to lead a campaign whose lead is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Appointment {
    /// The campaign, hidden with the appointed hub as [`CampaignId::hidden_of`] does it.
    pub campaign: CampaignId,
    /// Counts the federation's appointments from 1.
    pub version: u32,
}

/// A node that the directory lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Member {
    /// The node.
    pub id: NodeId,
    /// What it is.
    pub role: Role,
    /// Whether it may take part; the Academy always may.
    pub state: HubState,
}

impl Member {
    /// The member's standing as a peer.
    pub fn status(&self) -> PeerStatus {
        match self.state {
            HubState::Enrolled => PeerStatus::Listed,
            HubState::Suspended => PeerStatus::Suspended,
            HubState::Revoked => PeerStatus::Revoked,
        }
    }
}

/// How far a log counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// Wholly.
    None,
    /// Up to this entry; later ones are held as late and not applied.
    UpTo(Cursor),
    /// Not at all: its author was revoked before the log was known.
    Nothing,
}

impl Limit {
    /// The stricter of both.
    #[must_use]
    pub fn and(self, other: Limit) -> Limit {
        match (self, other) {
            (Limit::None, limit) | (limit, Limit::None) => limit,
            (Limit::Nothing, _) | (_, Limit::Nothing) => Limit::Nothing,
            (Limit::UpTo(one), Limit::UpTo(other)) => Limit::UpTo(if one.seq <= other.seq { one } else { other }),
        }
    }

    /// The laxer of this and a limit up to an entry.
    #[must_use]
    pub fn or_up_to(self, least: Cursor) -> Limit {
        match self {
            Limit::None => Limit::None,
            Limit::UpTo(last) if last.seq >= least.seq => self,
            Limit::UpTo(_) | Limit::Nothing => Limit::UpTo(least),
        }
    }

    /// Whether the entry with this number counts.
    pub fn allows(&self, seq: u64) -> bool {
        match self {
            Limit::None => true,
            Limit::UpTo(last) => seq <= last.seq,
            Limit::Nothing => false,
        }
    }
}

/// What a payload did to the directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Applied {
    /// The directory is another now.
    Changed,
    /// It says nothing new, or something older than what is held.
    Unchanged,
}

/// The directory's state. Two nodes that hold the same entries hold the same state.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Directory {
    academy: Option<(NodeId, Genesis)>,
    hubs: BTreeMap<NodeId, HubRecord>,
    programmes: Programmes,
    policies: Policies,
    /// The greatest version of an appointment, by hidden campaign.
    appointments: BTreeMap<CampaignId, u32>,
}

impl Directory {
    /// The Academy's id and what its genesis entry says; none before a hub has joined.
    pub fn academy(&self) -> Option<(NodeId, &Genesis)> {
        self.academy.as_ref().map(|(id, genesis)| (*id, genesis))
    }

    /// Every hub that was ever registered.
    pub fn hubs(&self) -> &BTreeMap<NodeId, HubRecord> {
        &self.hubs
    }

    /// Every funding programme.
    pub fn programmes(&self) -> &Programmes {
        &self.programmes
    }

    /// The disclosure policies.
    pub fn policies(&self) -> &Policies {
        &self.policies
    }

    /// Adds one payload of the `directory` topic, whose author was found to be the Academy. Other kinds than the
    /// directory's change nothing. A policy is taken where it may come to stand: whether it does,
    /// [`Directory::check_policy`] says, and later ones may change it.
    pub fn apply(&mut self, payload: &Payload) -> Result<Applied, Fault> {
        match payload {
            Payload::Opening(opening) => match &opening.genesis {
                Some(genesis) => self.found(genesis),
                None => Ok(Applied::Unchanged),
            },
            Payload::HubRecord(record) => Ok(self.register(record)),
            Payload::ProgrammeRecord(programme) => self.fund(programme),
            Payload::PolicyRecord(record) => match self.policies.insert(*record) {
                Ok(true) => Ok(Applied::Changed),
                Ok(false) => Ok(Applied::Unchanged),
                Err(faults) => Err(Fault::Policy(policy_fault_words(&faults))),
            },
            Payload::Appointment(appointment) => Ok(self.appoint(*appointment)),
            Payload::Release(_)
            | Payload::Edition(_)
            | Payload::Retirement(_)
            | Payload::Membership(_)
            | Payload::MembershipChange(_)
            | Payload::CampaignCheckpoint(_)
            | Payload::CampaignAttestation(_)
            | Payload::CampaignChanges(_) => Ok(Applied::Unchanged),
        }
    }

    fn found(&mut self, genesis: &Genesis) -> Result<Applied, Fault> {
        match &self.academy {
            None => {
                self.academy = Some((genesis.log_key.id(), genesis.clone()));
                Ok(Applied::Changed)
            }
            Some((_, held)) if held == genesis => Ok(Applied::Unchanged),
            Some(_) => Err(Fault::Directory("a federation has one genesis entry")),
        }
    }

    /// The higher version counts; of two with one version the stricter state, and then the greater encoding, so that
    /// the order of arrival never matters.
    fn register(&mut self, record: &HubRecord) -> Applied {
        let rank = |record: &HubRecord| (record.version, record.state, encode_hub_record(record));
        match self.hubs.get(&record.hub) {
            Some(held) if rank(held) >= rank(record) => Applied::Unchanged,
            Some(_) | None => {
                self.hubs.insert(record.hub, record.clone());
                Applied::Changed
            }
        }
    }

    fn appoint(&mut self, appointment: Appointment) -> Applied {
        let held = self.appointments.entry(appointment.campaign).or_default();
        if *held >= appointment.version {
            return Applied::Unchanged;
        }
        *held = appointment.version;
        Applied::Changed
    }

    /// The greatest version of an appointment of this hub to lead the campaign; 0 where there is none.
    pub fn appointed(&self, campaign: CampaignId, hub: NodeId) -> u32 {
        self.appointments.get(&campaign.hidden_of(hub)).copied().unwrap_or(0)
    }

    /// The greatest version of any appointment; 0 where there is none.
    pub fn latest_appointment(&self) -> u32 {
        self.appointments.values().copied().max().unwrap_or(0)
    }

    fn fund(&mut self, programme: &Programme) -> Result<Applied, Fault> {
        match self.programmes.insert(programme.clone()) {
            Ok(true) => Ok(Applied::Changed),
            Ok(false) => Ok(Applied::Unchanged),
            Err(_) => Err(Fault::Directory("a funding programme never changes, and this one is held otherwise")),
        }
    }

    /// Whether a policy stands beside the others that are known.
    pub fn check_policy(&self, record: &PolicyRecord) -> Result<(), Fault> {
        self.policies.check(record).map_err(|faults| Fault::Policy(policy_fault_words(&faults)))
    }

    /// The key that signs a node's entries; none for a node that the directory does not list.
    pub fn log_key(&self, node: NodeId) -> Option<LogPublicKey> {
        match &self.academy {
            Some((id, genesis)) if *id == node => Some(genesis.log_key),
            Some(_) | None => self.hubs.get(&node).map(|record| record.log_key),
        }
    }

    /// The member with this id.
    pub fn member(&self, node: NodeId) -> Option<Member> {
        match &self.academy {
            Some((id, _)) if *id == node => Some(Member { id: node, role: Role::Academy, state: HubState::Enrolled }),
            Some(_) | None => {
                self.hubs.get(&node).map(|record| Member { id: node, role: Role::Hub, state: record.state })
            }
        }
    }

    /// The member whose connections show this key (SubjectPublicKeyInfo, DER).
    pub fn by_tls_key(&self, key: &[u8]) -> Option<Member> {
        match &self.academy {
            Some((id, genesis)) if genesis.tls_key == key => self.member(*id),
            Some(_) | None => {
                self.hubs.values().find(|record| record.tls_key == key).and_then(|record| self.member(record.hub))
            }
        }
    }

    /// A node's standing as a peer.
    pub fn status(&self, node: NodeId) -> PeerStatus {
        self.member(node).map_or(PeerStatus::NotListed, |member| member.status())
    }
}

#[cfg(test)]
mod tests {
    use folkmoot_disclosure::Terms;

    use super::*;
    use crate::key::LogKey;

    fn key(seed: u8) -> LogPublicKey {
        LogKey::from_seed(&[seed; 32]).public()
    }

    fn founded() -> Directory {
        let genesis =
            Genesis { name: "Academy".parse().unwrap(), log_key: key(1), ca_certificate: Vec::new(), tls_key: vec![1] };
        let opening = crate::payload::Opening { earlier: Vec::new(), genesis: Some(genesis) };
        let mut directory = Directory::default();
        assert_eq!(directory.apply(&Payload::Opening(opening)), Ok(Applied::Changed));
        directory
    }

    fn record(seed: u8, version: u32, state: HubState, region: &str) -> HubRecord {
        HubRecord {
            hub: key(seed).id(),
            version,
            name: "Hub".parse().unwrap(),
            log_key: key(seed),
            tls_key: vec![seed],
            address: None,
            kind: HubKind::SocialActionHub,
            region: region.to_owned(),
            stage: Stage::Active,
            state,
            last_accepted: Vec::new(),
        }
    }

    #[test]
    fn the_order_of_arrival_never_matters() {
        let payloads = [
            record(2, 1, HubState::Enrolled, "a"),
            record(2, 2, HubState::Revoked, "a"),
            record(2, 2, HubState::Enrolled, "z"),
            record(2, 2, HubState::Revoked, "b"),
            record(3, 1, HubState::Suspended, "a"),
        ]
        .map(Payload::HubRecord);
        let after = |order: &[usize]| {
            let mut directory = founded();
            for at in order {
                directory.apply(&payloads[*at]).unwrap();
            }
            directory
        };
        let expected = after(&[0, 1, 2, 3, 4]);
        assert_eq!(expected.hubs()[&key(2).id()].region, "b", "the version, then the stricter state, then the bytes");
        for order in [[4, 3, 2, 1, 0], [2, 0, 4, 3, 1], [3, 4, 1, 0, 2]] {
            assert_eq!(after(&order), expected, "{order:?}");
        }
    }

    #[test]
    fn a_second_genesis_and_a_changed_programme_cannot_stand() {
        let mut directory = founded();
        let other = Genesis { name: "Other".parse().unwrap(), ..directory.academy().unwrap().1.clone() };
        let opening = crate::payload::Opening { earlier: Vec::new(), genesis: Some(other) };
        assert!(directory.apply(&Payload::Opening(opening)).is_err());
        let programme = |title: &str| {
            let day = |text| folkmoot_domain::calendar::parse_date(text).unwrap();
            let programme = Programme::new("P".parse().unwrap(), title, day("2017-04-01"), day("2017-06-30")).unwrap();
            Payload::ProgrammeRecord(programme)
        };
        assert_eq!(directory.apply(&programme("one")), Ok(Applied::Changed));
        assert_eq!(directory.apply(&programme("one")), Ok(Applied::Unchanged));
        assert!(directory.apply(&programme("two")).is_err());
    }

    #[test]
    fn a_policy_laxer_than_the_floors_is_not_taken_and_a_laxer_one_than_another_does_not_stand() {
        let mut directory = founded();
        let from = folkmoot_domain::calendar::Quarter::new(2027, 1).unwrap();
        let policy = |version, threshold| PolicyRecord {
            version,
            from,
            terms: Terms { threshold, special_threshold: 12, ..Terms::FLOOR },
        };
        let (strict, laxer, unsound) = (policy(2, 12), policy(3, 11), policy(4, 7));
        assert_eq!(directory.apply(&Payload::PolicyRecord(laxer)), Ok(Applied::Changed));
        assert_eq!(directory.check_policy(&laxer), Ok(()), "as far as is known");
        assert_eq!(directory.apply(&Payload::PolicyRecord(strict)), Ok(Applied::Changed));
        assert_eq!(directory.apply(&Payload::PolicyRecord(strict)), Ok(Applied::Unchanged));
        let words = directory.check_policy(&laxer).unwrap_err().to_string();
        assert_eq!(words, "the policy cannot stand: threshold 11 is laxer than policy 2: 12 or more");
        let fault = directory.apply(&Payload::PolicyRecord(unsound)).unwrap_err();
        assert_eq!(fault.reason(), crate::RefusalReason::DirectoryRule);
        assert_eq!(fault.to_string(), "the policy cannot stand: threshold 7 is laxer than the floor: 8 or more");
        assert_eq!(directory.policies().in_force(from.span()).version(), 2);
    }
}
