//! Payloads: what an entry says, to bytes and back. A store keeps and forwards the original bytes; decoding is for
//! indexing alone.

mod checkpoint;
mod membership;
mod policy;

use std::fmt;

use folkmoot_disclosure::{CellParts, Figure, PolicyRecord, Release, ReleaseParts, Terms};
use folkmoot_domain::calendar::{Programme, iso, parse_date};
use folkmoot_domain::curriculum::{Edition, ItemKind, Retirement};
use folkmoot_domain::hub::{HubKind, Stage};
use folkmoot_proto::federation::v1;
use prost::Message;

use crate::author::Genesis;
use crate::directory::{Appointment, HubRecord, HubState};
use crate::entry::PayloadKind;
use crate::fault::Fault;
use crate::id::{CampaignId, NodeId};
use crate::key::LogPublicKey;
use crate::membership::{MembershipChange, MembershipRecord};
use crate::topic::{Cursor, Topic};

pub use checkpoint::{Checkpoint, Demand, encode_checkpoint};
pub use membership::{encode_membership, encode_membership_change};
pub use policy::encode_policy;

/// The longest region or address, in characters.
const TEXT_LIMIT: usize = 255;

/// The first entry of a log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Opening {
    /// The tips of the author's earlier logs of the topic that no other log named here names already.
    pub earlier: Vec<Cursor>,
    /// In the genesis entry alone.
    pub genesis: Option<Genesis>,
}

/// A decoded payload.
#[derive(Clone, PartialEq)]
pub enum Payload {
    /// The first entry of a log.
    Opening(Opening),
    /// A hub registered or changed.
    HubRecord(HubRecord),
    /// A funding programme registered.
    ProgrammeRecord(Programme),
    /// A disclosure policy set; whether it stands depends on the others.
    PolicyRecord(PolicyRecord),
    /// A release, as it was decoded: to be checked by `disclosure`.
    Release(ReleaseParts),
    /// An edition of the curriculum published.
    Edition(Edition),
    /// Editions of the curriculum retired.
    Retirement(Retirement),
    /// A campaign founded; the entry's author must be found to be its creator.
    Membership(MembershipRecord),
    /// A campaign's membership changed; whether its author may, the chain says.
    MembershipChange(MembershipChange),
    /// A campaign's lead appointed.
    Appointment(Appointment),
    /// A campaign's document, whole; whether its author may give it, the membership says.
    CampaignCheckpoint(Checkpoint),
    /// A member has dropped what came before this generation of a campaign's document.
    CampaignAttestation(u32),
    /// Changes to a campaign's document, to be checked by `campaign`.
    CampaignChanges(Vec<Vec<u8>>),
}

/// What a campaign's document says is not shown.
impl fmt::Debug for Payload {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut tuple = |name: &str, value: &dyn fmt::Debug| formatter.debug_tuple(name).field(value).finish();
        match self {
            Payload::Opening(opening) => tuple("Opening", opening),
            Payload::HubRecord(record) => tuple("HubRecord", record),
            Payload::ProgrammeRecord(programme) => tuple("ProgrammeRecord", programme),
            Payload::PolicyRecord(record) => tuple("PolicyRecord", record),
            Payload::Release(parts) => tuple("Release", parts),
            Payload::Edition(edition) => tuple("Edition", edition),
            Payload::Retirement(retirement) => tuple("Retirement", retirement),
            Payload::Membership(record) => tuple("Membership", record),
            Payload::MembershipChange(change) => tuple("MembershipChange", change),
            Payload::Appointment(appointment) => tuple("Appointment", appointment),
            Payload::CampaignCheckpoint(checkpoint) => tuple("CampaignCheckpoint", checkpoint),
            Payload::CampaignAttestation(generation) => tuple("CampaignAttestation", generation),
            Payload::CampaignChanges(changes) => write!(formatter, "CampaignChanges([{} changes])", changes.len()),
        }
    }
}

impl Payload {
    /// Reads a payload; none for a kind that this software does not know yet.
    pub fn decode(kind: PayloadKind, bytes: &[u8]) -> Result<Option<Payload>, Fault> {
        let payload = match kind {
            PayloadKind::Opening => read(bytes).and_then(|wire| opening(&wire)).map(Payload::Opening),
            PayloadKind::HubRecord => read(bytes).and_then(hub_record).map(Payload::HubRecord),
            PayloadKind::ProgrammeRecord => read(bytes).and_then(|wire| programme(&wire)).map(Payload::ProgrammeRecord),
            PayloadKind::PolicyRecord => read(bytes).and_then(|wire| policy::read(&wire)).map(Payload::PolicyRecord),
            PayloadKind::Release => read(bytes).map(release).map(Payload::Release),
            PayloadKind::Edition => read(bytes).and_then(|wire| edition(&wire)).map(Payload::Edition),
            PayloadKind::Retirement => read(bytes).and_then(|wire| retirement(&wire)).map(Payload::Retirement),
            PayloadKind::Membership => read(bytes).and_then(|wire| membership::read(&wire)).map(Payload::Membership),
            PayloadKind::MembershipChange => {
                read(bytes).and_then(|wire| membership::read_change(&wire)).map(Payload::MembershipChange)
            }
            PayloadKind::Appointment => read(bytes).and_then(|wire| appointment(&wire)).map(Payload::Appointment),
            PayloadKind::CampaignCheckpoint => read(bytes).and_then(checkpoint::read).map(Payload::CampaignCheckpoint),
            PayloadKind::CampaignAttestation => {
                read(bytes).map(|wire: v1::CampaignAttestation| Payload::CampaignAttestation(wire.generation))
            }
            PayloadKind::CampaignChanges => read(bytes).and_then(campaign_changes).map(Payload::CampaignChanges),
            PayloadKind::Unknown(_) => return Ok(None),
        };
        payload.map(Some).map_err(within_payload)
    }
}

/// An id or a key that is malformed inside a payload says nothing against the entry that carries it.
fn within_payload(fault: Fault) -> Fault {
    match fault {
        Fault::Form(words) => Fault::Payload(words),
        Fault::TooLarge(_)
        | Fault::UnknownFormat(_)
        | Fault::Signature
        | Fault::Chain
        | Fault::PayloadHash
        | Fault::OtherFederation
        | Fault::Genesis(_)
        | Fault::Payload(_)
        | Fault::Directory(_)
        | Fault::Policy(_)
        | Fault::Membership(_) => fault,
    }
}

fn read<M: Message + Default>(bytes: &[u8]) -> Result<M, Fault> {
    M::decode(bytes).map_err(|_| Fault::Payload("its bytes are not such a message"))
}

/// The bytes of an opening.
pub fn encode_opening(opening: &Opening) -> Vec<u8> {
    v1::Opening {
        earlier: opening.earlier.iter().map(Cursor::to_wire).collect(),
        genesis: opening.genesis.as_ref().map(|genesis| v1::Genesis {
            display_name: genesis.name.to_string(),
            log_key: genesis.log_key.0.to_vec(),
            ca_certificate: genesis.ca_certificate.clone(),
            tls_key: genesis.tls_key.clone(),
        }),
    }
    .encode_to_vec()
}

fn opening(wire: &v1::Opening) -> Result<Opening, Fault> {
    let genesis = match &wire.genesis {
        None => None,
        Some(genesis) => Some(Genesis {
            name: genesis.display_name.parse().map_err(|_| Fault::Payload("the Academy's name is not a name"))?,
            log_key: LogPublicKey::from_slice(&genesis.log_key)?,
            ca_certificate: genesis.ca_certificate.clone(),
            tls_key: genesis.tls_key.clone(),
        }),
    };
    Ok(Opening { earlier: wire.earlier.iter().map(Cursor::from_wire).collect::<Result<_, _>>()?, genesis })
}

/// The bytes of a hub's record.
pub fn encode_hub_record(record: &HubRecord) -> Vec<u8> {
    use v1::hub_record::{Kind, Stage as WireStage, State};
    let kind = match record.kind {
        HubKind::SocialActionHub => Kind::SocialActionHub,
        HubKind::National => Kind::National,
    };
    let stage = match record.stage {
        Stage::Enquiring => WireStage::Enquiring,
        Stage::Developing => WireStage::Developing,
        Stage::Active => WireStage::Active,
        Stage::Closed => WireStage::Closed,
    };
    let state = match record.state {
        HubState::Enrolled => State::Enrolled,
        HubState::Suspended => State::Suspended,
        HubState::Revoked => State::Revoked,
    };
    v1::HubRecord {
        hub: record.hub.0.to_vec(),
        version: record.version,
        display_name: record.name.to_string(),
        log_key: record.log_key.0.to_vec(),
        tls_key: record.tls_key.clone(),
        address: record.address.clone().unwrap_or_default(),
        kind: kind.into(),
        region: record.region.clone(),
        stage: stage.into(),
        state: state.into(),
        last_accepted: by_topic(&record.last_accepted),
    }
    .encode_to_vec()
}

fn by_topic(cursors: &[(Topic, Cursor)]) -> Vec<v1::TopicTips> {
    let mut sorted = cursors.to_vec();
    sorted.sort_unstable();
    sorted
        .chunk_by(|one, other| one.0 == other.0)
        .map(|topic| v1::TopicTips {
            topic: topic[0].0.to_bytes().to_vec(),
            tips: topic.iter().map(|(_, cursor)| cursor.to_wire()).collect(),
        })
        .collect()
}

fn hub_record(wire: v1::HubRecord) -> Result<HubRecord, Fault> {
    use v1::hub_record::{Kind, Stage as WireStage, State};
    let hub = NodeId::from_slice(&wire.hub)?;
    let log_key = LogPublicKey::from_slice(&wire.log_key)?;
    if log_key.id() != hub {
        return Err(Fault::Payload("a hub's id is not that of its log key"));
    }
    if wire.version == 0 {
        return Err(Fault::Payload("a hub's record has no version"));
    }
    if !plain(&wire.address) || !plain(&wire.region) {
        return Err(Fault::Payload("a hub's address or region is too long or unprintable"));
    }
    let kind = match wire.kind() {
        Kind::SocialActionHub => HubKind::SocialActionHub,
        Kind::National => HubKind::National,
        Kind::Unspecified => return Err(Fault::Payload("a hub's kind is not one that this software knows")),
    };
    let stage = match wire.stage() {
        WireStage::Enquiring => Stage::Enquiring,
        WireStage::Developing => Stage::Developing,
        WireStage::Active => Stage::Active,
        WireStage::Closed => Stage::Closed,
        WireStage::Unspecified => return Err(Fault::Payload("a hub's stage is not one that this software knows")),
    };
    let state = match wire.state() {
        State::Enrolled => HubState::Enrolled,
        State::Suspended => HubState::Suspended,
        State::Revoked => HubState::Revoked,
        State::Unspecified => return Err(Fault::Payload("a hub's state is not one that this software knows")),
    };
    let mut last_accepted = Vec::new();
    for tips in &wire.last_accepted {
        let topic = Topic::from_slice(&tips.topic)?;
        for cursor in &tips.tips {
            last_accepted.push((topic, Cursor::from_wire(cursor)?));
        }
    }
    last_accepted.sort_unstable();
    Ok(HubRecord {
        hub,
        version: wire.version,
        name: wire.display_name.parse().map_err(|_| Fault::Payload("a hub's name is not a name"))?,
        log_key,
        tls_key: wire.tls_key,
        address: Some(wire.address).filter(|address| !address.is_empty()),
        kind,
        region: wire.region,
        stage,
        state,
        last_accepted,
    })
}

fn plain(text: &str) -> bool {
    text.chars().count() <= TEXT_LIMIT && !text.chars().any(char::is_control)
}

/// The bytes of a funding programme.
pub fn encode_programme(programme: &Programme) -> Vec<u8> {
    v1::ProgrammeRecord {
        code: programme.code.to_string(),
        title: programme.title.clone(),
        first_day: iso(programme.span.first),
        last_day: iso(programme.span.last),
    }
    .encode_to_vec()
}

fn programme(wire: &v1::ProgrammeRecord) -> Result<Programme, Fault> {
    const MALFORMED: Fault = Fault::Payload("it is not a funding programme of whole quarters");
    let code = wire.code.parse().map_err(|_| MALFORMED)?;
    let (first, last) = parse_date(&wire.first_day).zip(parse_date(&wire.last_day)).ok_or(MALFORMED)?;
    Programme::new(code, &wire.title, first, last).map_err(|_| MALFORMED)
}

/// The bytes of a release. Only what disclosure control made can be written.
pub fn encode_release(release: &Release) -> Vec<u8> {
    let (parts, terms) = (ReleaseParts::from(release), release.terms());
    v1::Release {
        hub: parts.hub,
        period: parts.period,
        first_day: parts.first_day,
        last_day: parts.last_day,
        revision: parts.revision,
        policy_version: parts.policy_version,
        catalogue_version: parts.catalogue_version,
        cells: parts.cells.into_iter().map(cell_to_wire).collect(),
        threshold: terms.threshold,
        special_threshold: terms.special_threshold,
        largest_percent: terms.largest_percent,
        two_largest_percent: terms.two_largest_percent,
    }
    .encode_to_vec()
}

fn cell_to_wire(cell: CellParts) -> v1::ReleaseCell {
    use v1::release_cell::Figure as WireFigure;
    v1::ReleaseCell {
        indicator: cell.indicator,
        dimension: cell.dimension,
        category: cell.category,
        figure: cell.figure.map(|figure| match figure {
            Figure::Exact(value) => WireFigure::Exact(value),
            Figure::Rounded(value) => WireFigure::Rounded(value),
            Figure::Below(threshold) => WireFigure::Below(threshold),
            Figure::Withheld => WireFigure::Withheld(v1::Withheld {}),
        }),
    }
}

fn release(wire: v1::Release) -> ReleaseParts {
    use v1::release_cell::Figure as WireFigure;
    let cell = |cell: v1::ReleaseCell| CellParts {
        indicator: cell.indicator,
        dimension: cell.dimension,
        category: cell.category,
        figure: cell.figure.map(|figure| match figure {
            WireFigure::Exact(value) => Figure::Exact(value),
            WireFigure::Rounded(value) => Figure::Rounded(value),
            WireFigure::Below(threshold) => Figure::Below(threshold),
            WireFigure::Withheld(v1::Withheld {}) => Figure::Withheld,
        }),
    };
    ReleaseParts {
        hub: wire.hub,
        period: wire.period,
        first_day: wire.first_day,
        last_day: wire.last_day,
        revision: wire.revision,
        policy_version: wire.policy_version,
        terms: Some(Terms {
            threshold: wire.threshold,
            special_threshold: wire.special_threshold,
            largest_percent: wire.largest_percent,
            two_largest_percent: wire.two_largest_percent,
        }),
        catalogue_version: wire.catalogue_version,
        cells: wire.cells.into_iter().map(cell).collect(),
    }
}

/// The bytes of an edition.
pub fn encode_edition(edition: &Edition) -> Vec<u8> {
    use v1::edition_record::Kind;
    let kind = match edition.kind {
        ItemKind::Unit => Kind::Unit,
        ItemKind::Session => Kind::Session,
        ItemKind::Course => Kind::Course,
    };
    v1::EditionRecord {
        item: edition.item.to_string(),
        edition: edition.number,
        title: edition.title.clone(),
        kind: kind.into(),
        minutes: edition.minutes,
        text: edition.text.clone(),
    }
    .encode_to_vec()
}

fn edition(wire: &v1::EditionRecord) -> Result<Edition, Fault> {
    use v1::edition_record::Kind;
    let kind = match wire.kind() {
        Kind::Unit => ItemKind::Unit,
        Kind::Session => ItemKind::Session,
        Kind::Course => ItemKind::Course,
        Kind::Unspecified => return Err(Fault::Payload("an edition's kind is not one that this software knows")),
    };
    let item = wire.item.parse().map_err(|_| Fault::Payload("an item's code is not a code"))?;
    Edition::new(item, wire.edition, &wire.title, kind, wire.minutes, &wire.text)
        .map_err(|_| Fault::Payload("an edition's number, title, minutes or text is out of bounds"))
}

/// The bytes of a retirement.
pub fn encode_retirement(retirement: &Retirement) -> Vec<u8> {
    v1::RetirementRecord { item: retirement.item.to_string(), edition: retirement.edition }.encode_to_vec()
}

fn retirement(wire: &v1::RetirementRecord) -> Result<Retirement, Fault> {
    let item = wire.item.parse().map_err(|_| Fault::Payload("an item's code is not a code"))?;
    if wire.edition == 0 {
        return Err(Fault::Payload("a retirement names no edition"));
    }
    Ok(Retirement { item, edition: wire.edition })
}

/// The bytes of an appointment.
pub fn encode_appointment(appointment: &Appointment) -> Vec<u8> {
    v1::AppointmentRecord { campaign: appointment.campaign.0.to_vec(), version: appointment.version }.encode_to_vec()
}

fn appointment(wire: &v1::AppointmentRecord) -> Result<Appointment, Fault> {
    let campaign =
        wire.campaign.as_slice().try_into().map_err(|_| Fault::Payload("a campaign's id is not 32 bytes"))?;
    if wire.version == 0 {
        return Err(Fault::Payload("an appointment has no version"));
    }
    Ok(Appointment { campaign: CampaignId(campaign), version: wire.version })
}

/// The bytes of a member's word that it has dropped what came before this generation of a campaign's document.
pub fn encode_attestation(generation: u32) -> Vec<u8> {
    v1::CampaignAttestation { generation }.encode_to_vec()
}

/// The bytes of changes to a campaign's document, each in automerge's binary format.
pub fn encode_campaign_changes(changes: &[Vec<u8>]) -> Vec<u8> {
    v1::CampaignChanges { changes: changes.to_vec() }.encode_to_vec()
}

fn campaign_changes(wire: v1::CampaignChanges) -> Result<Vec<Vec<u8>>, Fault> {
    if wire.changes.is_empty() || wire.changes.iter().any(Vec::is_empty) {
        return Err(Fault::Payload("an entry or a change of a campaign is empty"));
    }
    Ok(wire.changes)
}

#[cfg(test)]
mod tests {
    use folkmoot_domain::curriculum::ItemCode;

    use super::*;
    use crate::id::{Hash, Incarnation};
    use crate::key::LogKey;
    use crate::membership::{MemberRole, Roster};

    fn record() -> HubRecord {
        let key = LogKey::from_seed(&[2; 32]).public();
        let cursor = |incarnation| Cursor {
            author: key.id(),
            incarnation: Incarnation(incarnation),
            seq: 4,
            hash: Hash([1; 32]),
        };
        let releases = Topic::Releases(key.id());
        HubRecord {
            hub: key.id(),
            version: 3,
            name: "Warminster".parse().unwrap(),
            log_key: key,
            tls_key: vec![1; 91],
            address: Some("warminster.example:7400".to_owned()),
            kind: HubKind::National,
            region: "South West".to_owned(),
            stage: Stage::Closed,
            state: HubState::Revoked,
            last_accepted: vec![(Topic::Proposals(key.id()), cursor(9)), (releases, cursor(1)), (releases, cursor(2))],
        }
    }

    #[test]
    fn payloads_go_and_come_back() {
        let opening = Opening { earlier: vec![record().last_accepted[0].1], genesis: None };
        let programme = Programme::new(
            "COEP".parse().unwrap(),
            "Community Organisers Expansion Programme",
            parse_date("2017-04-01").unwrap(),
            parse_date("2020-03-31").unwrap(),
        )
        .unwrap();
        let item: ItemCode = "power".parse().unwrap();
        let edition = Edition::new(item.clone(), 2, "Power", ItemKind::Course, 90, "# Power").unwrap();
        let retirement = Retirement { item, edition: 2 };
        let members = [record().hub, NodeId([1; 32])].into();
        let founding = MembershipRecord { nonce: [4; 16], members, academy_relays: true };
        let roles = [(NodeId([1; 32]), MemberRole::Reader), (record().hub, MemberRole::Lead)].into();
        let ended = [Cursor { author: NodeId([1; 32]), ..record().last_accepted[0].1 }].into();
        let roster = Roster::new(roles, None, true, ended).unwrap().pruning(true).of_generation(2);
        let change = MembershipChange { predecessor: Hash([5; 32]), roster, appointment: 3 };
        let appointment = Appointment { campaign: CampaignId([6; 32]), version: 3 };
        let changes = vec![vec![1, 2], vec![3]];
        for (kind, bytes, payload) in [
            (PayloadKind::Opening, encode_opening(&opening), Payload::Opening(opening)),
            (PayloadKind::HubRecord, encode_hub_record(&record()), Payload::HubRecord(record())),
            (PayloadKind::ProgrammeRecord, encode_programme(&programme), Payload::ProgrammeRecord(programme)),
            (PayloadKind::Edition, encode_edition(&edition), Payload::Edition(edition.clone())),
            (PayloadKind::Retirement, encode_retirement(&retirement), Payload::Retirement(retirement)),
            (PayloadKind::Membership, encode_membership(&founding), Payload::Membership(founding)),
            (PayloadKind::MembershipChange, encode_membership_change(&change), Payload::MembershipChange(change)),
            (PayloadKind::Appointment, encode_appointment(&appointment), Payload::Appointment(appointment)),
            (PayloadKind::CampaignChanges, encode_campaign_changes(&changes), Payload::CampaignChanges(changes)),
        ] {
            assert_eq!(Payload::decode(kind, &bytes), Ok(Some(payload)));
        }
    }

    #[test]
    fn an_unknown_kind_is_not_read_and_no_fault() {
        assert_eq!(Payload::decode(PayloadKind::Unknown(77), &[1, 2, 3]), Ok(None));
    }

    #[test]
    fn what_cannot_be_read_is_a_fault_of_the_payload_alone() {
        let check = |change: fn(&mut v1::HubRecord)| {
            let mut wire = v1::HubRecord::decode(encode_hub_record(&record()).as_slice()).unwrap();
            change(&mut wire);
            let decoded = Payload::decode(PayloadKind::HubRecord, &wire.encode_to_vec());
            assert!(matches!(decoded, Err(Fault::Payload(_))), "{decoded:?}");
        };
        check(|wire| wire.hub = vec![0; 32]);
        check(|wire| wire.log_key.clear());
        check(|wire| wire.version = 0);
        check(|wire| wire.display_name = String::new());
        check(|wire| wire.kind = 0);
        check(|wire| wire.stage = 77);
        check(|wire| wire.state = 0);
        check(|wire| wire.region = "a\u{7}b".to_owned());
        check(|wire| wire.address = "x".repeat(256));
        check(|wire| wire.last_accepted[0].topic.clear());
        for kind in [PayloadKind::Opening, PayloadKind::HubRecord, PayloadKind::ProgrammeRecord, PayloadKind::Release] {
            assert!(matches!(Payload::decode(kind, &[0xff; 9]), Err(Fault::Payload(_))), "{kind:?}");
        }
        assert!(matches!(Payload::decode(PayloadKind::ProgrammeRecord, &[]), Err(Fault::Payload(_))));
    }

    #[test]
    fn what_breaks_the_limits_of_curriculum_and_campaigns_is_a_fault_of_the_payload() {
        let ids = |bytes: &[u8]| bytes.iter().map(|byte| vec![*byte; 32]).collect::<Vec<_>>();
        let membership = |nonce: usize, members: Vec<Vec<u8>>| {
            let wire = v1::MembershipRecord { nonce: vec![1; nonce], members, academy_relays: false };
            (PayloadKind::Membership, wire.encode_to_vec())
        };
        let edition = |item: &str, edition, kind, minutes, text: &str| {
            let (item, title, text) = (item.to_owned(), "Power".to_owned(), text.to_owned());
            let wire = v1::EditionRecord { item, edition, title, kind, minutes, text };
            (PayloadKind::Edition, wire.encode_to_vec())
        };
        let retirement = |item: &str, edition| {
            (PayloadKind::Retirement, v1::RetirementRecord { item: item.to_owned(), edition }.encode_to_vec())
        };
        let changes = |changes: &[Vec<u8>]| (PayloadKind::CampaignChanges, encode_campaign_changes(changes));
        for (kind, bytes) in [membership(16, ids(&[1, 2])), edition("power", 1, 1, 1, "x"), retirement("power", 1)] {
            assert!(Payload::decode(kind, &bytes).is_ok(), "{kind:?}");
        }
        for (kind, bytes) in [
            membership(15, ids(&[1])),
            membership(16, Vec::new()),
            membership(16, ids(&[2, 1])),
            membership(16, ids(&[1, 1])),
            membership(16, vec![vec![1; 31]]),
            membership(16, (0..=1_000_u32).map(|n| [n.to_be_bytes(); 8].concat()).collect()),
            edition("Power", 1, 1, 1, "x"),
            edition("power", 0, 1, 1, "x"),
            edition("power", 1, 0, 1, "x"),
            edition("power", 1, 9, 1, "x"),
            edition("power", 1, 1, 0, "x"),
            edition("power", 1, 1, 1, ""),
            edition("power", 1, 1, 1, &"x".repeat(65_537)),
            retirement("", 1),
            retirement("power", 0),
            changes(&[]),
            changes(&[vec![1], Vec::new()]),
        ] {
            assert!(matches!(Payload::decode(kind, &bytes), Err(Fault::Payload(_))), "{kind:?}");
        }
    }

    #[test]
    fn what_a_document_says_is_not_shown() {
        let shown = format!("{:?}", Payload::CampaignChanges(vec![b"Aisha".to_vec()]));
        assert_eq!(shown, "CampaignChanges([1 changes])");
    }
}
