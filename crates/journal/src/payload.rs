//! Payloads: what an entry says, to bytes and back. A store keeps and forwards the original bytes; decoding is for
//! indexing alone.

use folkmoot_disclosure::{CellParts, Figure, Release, ReleaseParts};
use folkmoot_domain::calendar::{Programme, iso, parse_date};
use folkmoot_domain::hub::{HubKind, Stage};
use folkmoot_proto::federation::v1;
use prost::Message;

use crate::author::Genesis;
use crate::directory::{HubRecord, HubState};
use crate::entry::PayloadKind;
use crate::fault::Fault;
use crate::id::NodeId;
use crate::key::LogPublicKey;
use crate::topic::{Cursor, Topic};

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
#[derive(Clone, Debug, PartialEq)]
pub enum Payload {
    /// The first entry of a log.
    Opening(Opening),
    /// A hub registered or changed.
    HubRecord(HubRecord),
    /// A funding programme registered.
    ProgrammeRecord(Programme),
    /// A release, as it was decoded: to be checked by `disclosure`.
    Release(ReleaseParts),
}

impl Payload {
    /// Reads a payload; none for a kind that this software does not know yet.
    pub fn decode(kind: PayloadKind, bytes: &[u8]) -> Result<Option<Payload>, Fault> {
        let payload = match kind {
            PayloadKind::Opening => read(bytes).and_then(|wire| opening(&wire)).map(Payload::Opening),
            PayloadKind::HubRecord => read(bytes).and_then(hub_record).map(Payload::HubRecord),
            PayloadKind::ProgrammeRecord => read(bytes).and_then(|wire| programme(&wire)).map(Payload::ProgrammeRecord),
            PayloadKind::Release => read(bytes).map(release).map(Payload::Release),
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
        | Fault::Directory(_) => fault,
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
    let parts = ReleaseParts::from(release);
    v1::Release {
        hub: parts.hub,
        period: parts.period,
        first_day: parts.first_day,
        last_day: parts.last_day,
        revision: parts.revision,
        policy_version: parts.policy_version,
        catalogue_version: parts.catalogue_version,
        cells: parts.cells.into_iter().map(cell_to_wire).collect(),
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
        catalogue_version: wire.catalogue_version,
        cells: wire.cells.into_iter().map(cell).collect(),
    }
}
