//! Who takes part in a campaign, to bytes and back.

use std::collections::{BTreeMap, BTreeSet};

use folkmoot_proto::federation::v1;
use folkmoot_proto::federation::v1::membership_change::{Member, Role};
use prost::Message;

use crate::fault::Fault;
use crate::id::{Hash, NodeId};
use crate::membership::{MEMBER_LIMIT, MemberRole, MembershipChange, MembershipRecord, Roster};
use crate::topic::Cursor;

/// The bytes of a founding entry's payload. Its lead is the entry's author, whom the header names.
pub fn encode_membership(record: &MembershipRecord) -> Vec<u8> {
    v1::MembershipRecord {
        nonce: record.nonce.to_vec(),
        members: record.members.iter().map(|member| member.0.to_vec()).collect(),
        academy_relays: record.academy_relays,
    }
    .encode_to_vec()
}

pub(super) fn read(wire: &v1::MembershipRecord) -> Result<MembershipRecord, Fault> {
    let nonce = wire.nonce.as_slice().try_into().map_err(|_| Fault::Payload("a nonce is not 16 bytes"))?;
    if !(1..=MEMBER_LIMIT).contains(&wire.members.len()) {
        return Err(Fault::Payload("a campaign has 1 to 1,000 members"));
    }
    if !wire.members.is_sorted_by(|one, other| one < other) {
        return Err(Fault::Payload("a campaign's members do not ascend"));
    }
    let members: Result<BTreeSet<NodeId>, Fault> = wire.members.iter().map(|id| NodeId::from_slice(id)).collect();
    Ok(MembershipRecord { nonce, members: members?, academy_relays: wire.academy_relays })
}

/// The bytes of a later entry of a campaign's membership.
pub fn encode_membership_change(change: &MembershipChange) -> Vec<u8> {
    let MembershipChange { predecessor, roster, appointment } = change;
    let member = |(hub, role): (&NodeId, &MemberRole)| {
        let role = match role {
            MemberRole::Lead => Role::Lead,
            MemberRole::Editor => Role::Editor,
            MemberRole::Reader => Role::Reader,
        };
        Member { hub: hub.0.to_vec(), role: role.into() }
    };
    v1::MembershipChange {
        predecessor: predecessor.0.to_vec(),
        members: roster.members().iter().map(member).collect(),
        successor: roster.successor().map_or_else(Vec::new, |hub| hub.0.to_vec()),
        academy_relays: roster.academy_relays(),
        last_accepted: roster.last_accepted().iter().map(Cursor::to_wire).collect(),
        appointment: *appointment,
        prunes: roster.prunes(),
        generation: roster.generation(),
    }
    .encode_to_vec()
}

pub(super) fn read_change(wire: &v1::MembershipChange) -> Result<MembershipChange, Fault> {
    let predecessor = wire.predecessor.as_slice().try_into().map_err(|_| Fault::Payload("a hash is not 32 bytes"))?;
    if !wire.members.is_sorted_by(|one, other| one.hub < other.hub) {
        return Err(Fault::Payload("a campaign's members do not ascend"));
    }
    let member = |member: &Member| {
        let role = match member.role() {
            Role::Lead => MemberRole::Lead,
            Role::Editor => MemberRole::Editor,
            Role::Reader => MemberRole::Reader,
            Role::Unspecified => return Err(Fault::Payload("a member's role is not one that this software knows")),
        };
        Ok((NodeId::from_slice(&member.hub)?, role))
    };
    let members: BTreeMap<NodeId, MemberRole> = wire.members.iter().map(member).collect::<Result<_, _>>()?;
    let cursors: Vec<Cursor> = wire.last_accepted.iter().map(Cursor::from_wire).collect::<Result<_, _>>()?;
    if !cursors.is_sorted_by(|one, other| one < other) {
        return Err(Fault::Payload("a campaign's ended logs do not ascend"));
    }
    let successor = if wire.successor.is_empty() { None } else { Some(NodeId::from_slice(&wire.successor)?) };
    let last_accepted: BTreeSet<Cursor> = cursors.into_iter().collect();
    let roster = Roster::new(members, successor, wire.academy_relays, last_accepted)?;
    let roster = roster.pruning(wire.prunes).of_generation(wire.generation);
    Ok(MembershipChange { predecessor: Hash(predecessor), roster, appointment: wire.appointment })
}
