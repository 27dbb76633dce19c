//! Checkpoints of a campaign, to bytes and back.

use std::collections::BTreeMap;
use std::fmt;

use folkmoot_proto::federation::v1;
use prost::Message;

use crate::fault::Fault;
use crate::id::{Hash, NodeId};
use crate::topic::Cursor;

/// What the entries of one hub ask of every member of a campaign.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Demand {
    /// Operations that they announce.
    pub operations: u64,
    /// Bytes of payload that they have.
    pub bytes: u64,
}

/// A campaign's document, whole, as its lead gives it.
#[derive(Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// The hash of the entry of the membership that makes the author the lead.
    pub membership: Hash,
    /// Counts the campaign's documents from 0.
    pub generation: u32,
    /// The last entry that is covered of each log, ascending.
    pub covers: Vec<Cursor>,
    /// What the covered entries ask for, by hub.
    pub demands: BTreeMap<NodeId, Demand>,
    /// The document as automerge saves it.
    pub document: Vec<u8>,
    /// Its heads, ascending.
    pub heads: Vec<[u8; 32]>,
}

/// What a campaign's document says is not shown.
impl fmt::Debug for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Checkpoint")
            .field("membership", &self.membership)
            .field("generation", &self.generation)
            .field("covers", &self.covers)
            .field("document", &format_args!("[{} bytes]", self.document.len()))
            .finish_non_exhaustive()
    }
}

/// The bytes of a checkpoint.
pub fn encode_checkpoint(checkpoint: &Checkpoint) -> Vec<u8> {
    let demand = |(hub, demand): (&NodeId, &Demand)| v1::campaign_checkpoint::Demand {
        hub: hub.0.to_vec(),
        operations: demand.operations,
        bytes: demand.bytes,
    };
    v1::CampaignCheckpoint {
        membership: checkpoint.membership.0.to_vec(),
        generation: checkpoint.generation,
        covers: checkpoint.covers.iter().map(Cursor::to_wire).collect(),
        demands: checkpoint.demands.iter().map(demand).collect(),
        document: checkpoint.document.clone(),
        heads: checkpoint.heads.iter().map(|head| head.to_vec()).collect(),
    }
    .encode_to_vec()
}

pub(super) fn read(wire: v1::CampaignCheckpoint) -> Result<Checkpoint, Fault> {
    let membership = wire.membership.as_slice().try_into().map_err(|_| Fault::Payload("a hash is not 32 bytes"))?;
    let covers: Vec<Cursor> = wire.covers.iter().map(Cursor::from_wire).collect::<Result<_, _>>()?;
    if !covers.is_sorted_by(|one, other| (one.author, one.incarnation) < (other.author, other.incarnation)) {
        return Err(Fault::Payload("the logs that a checkpoint covers do not ascend"));
    }
    if !wire.demands.is_sorted_by(|one, other| one.hub < other.hub) {
        return Err(Fault::Payload("the hubs of a checkpoint do not ascend"));
    }
    let demand = |demand: &v1::campaign_checkpoint::Demand| {
        let asked = Demand { operations: demand.operations, bytes: demand.bytes };
        Ok((NodeId::from_slice(&demand.hub)?, asked))
    };
    let head = |head: &Vec<u8>| head.as_slice().try_into().map_err(|_| Fault::Payload("a head is not 32 bytes"));
    let heads: Vec<[u8; 32]> = wire.heads.iter().map(head).collect::<Result<_, _>>()?;
    if heads.is_empty() || !heads.is_sorted_by(|one, other| one < other) || wire.document.is_empty() {
        return Err(Fault::Payload("a checkpoint has no document, or its heads do not ascend"));
    }
    Ok(Checkpoint {
        membership: Hash(membership),
        generation: wire.generation,
        covers,
        demands: wire.demands.iter().map(demand).collect::<Result<_, Fault>>()?,
        document: wire.document,
        heads,
    })
}
