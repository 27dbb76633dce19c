//! Which campaigns are known here: the memberships that count, found again through a table of their entries.

use std::ops::ControlFlow;

use folkmoot_journal::{
    Applied, CampaignId, Entry, Fault, Membership, MembershipRecord, Memberships, NodeId, Payload, PayloadKind, Role,
    Topic, Unpacked, encode_membership,
};
use rusqlite::{Connection, params};

use super::logs::{LogRow, at_place, entries_after, entry_at, log_of_row, logs_of_topic};
use crate::engine::{self, Tx};
use crate::error::StoreError;

/// Reads every membership that counts.
pub(super) fn load(connection: &Connection) -> Result<Memberships, StoreError> {
    let places = {
        let mut statement = connection.prepare_cached("SELECT place FROM membership")?;
        statement.query_map([], |row| row.get(0))?.collect::<Result<Vec<i64>, _>>()?
    };
    let mut memberships = Memberships::default();
    for place in places {
        let (row, seq) = at_place(place);
        let log = log_of_row(connection, row)?;
        if let Some(entry) = entry_at(connection, &log, seq)?
            && let Topic::Campaign(campaign) = log.id.topic
            && let Some(Ok(membership)) = founded_by(campaign, &entry.into_entry())
        {
            memberships.apply(membership);
        }
    }
    Ok(memberships)
}

/// The membership that an entry founds of this campaign; none where it is no founding entry.
fn founded_by(campaign: CampaignId, entry: &Entry) -> Option<Result<Membership, Fault>> {
    if entry.header.payload_kind != PayloadKind::Membership {
        return None;
    }
    let body = entry.body.as_ref()?;
    let payload = match Payload::decode(PayloadKind::Membership, &body.payload) {
        Ok(payload) => payload,
        Err(fault) => return Some(Err(fault)),
    };
    match payload {
        Some(Payload::Membership(record)) => Some(of(campaign, entry.header.author, record)),
        Some(_) | None => None,
    }
}

/// The membership that this author's record founds of the campaign.
pub(super) fn of(campaign: CampaignId, author: NodeId, record: MembershipRecord) -> Result<Membership, Fault> {
    let membership = Membership::found(author, record)?;
    if membership.id() != campaign {
        return Err(Fault::Membership("its author and nonce give another id"));
    }
    Ok(membership)
}

/// Whether the frame founds the campaign for this node: it is the creator's, and it names this node as a member, or the
/// Academy as a relay. Nothing is known yet of the signature.
pub(super) fn founds(tx: &Tx<'_>, campaign: CampaignId, frame: &Unpacked) -> bool {
    let directory = tx.working.directory();
    if directory.member(frame.log.author).map(|member| member.role) != Some(Role::Hub) {
        return false;
    }
    let Ok(author) = tx.author() else { return false };
    let names_this_node = |membership: &Membership| match tx.role() {
        engine::Role::Academy => membership.academy_relays,
        engine::Role::Hub => membership.members.contains(&author.key.id()),
    };
    let founded = frame.entries.iter().filter_map(|entry| founded_by(campaign, entry));
    founded.flatten().any(|membership| names_this_node(&membership))
}
