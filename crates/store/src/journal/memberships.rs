//! Which campaigns are known here: the memberships that count, found again through a table of their entries.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::sync::Arc;

use folkmoot_journal::{
    Applied, CampaignId, Entry, Fault, Membership, MembershipRecord, Memberships, NodeId, Payload, PayloadKind,
    RefusalReason, Role as JournalRole, Topic, Unpacked,
};
use rusqlite::{Connection, OptionalExtension, params};

use super::apply::{Aside, Retry, set_aside_at, take_back_late};
use super::logs::{LogRow, at_place, entries_after, entry_at, log_of_row, logs_of_topic};
use super::scopes;
use crate::campaign;
use crate::engine::{Role, Tx};
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

/// Takes the membership that an entry of the campaign says; why not, where it does not found the campaign.
pub(super) fn take(
    tx: &mut Tx<'_>,
    log: &LogRow,
    entry: &Entry,
    campaign: CampaignId,
    record: MembershipRecord,
    campaigns: &mut Campaigns,
) -> Result<Option<Aside>, StoreError> {
    let membership = match of(campaign, entry.header.author, record) {
        Ok(membership) => membership,
        Err(fault) => return Ok(Some(Aside { retry: Retry::Never, ..Aside::fault(&fault) })),
    };
    let known = tx.working.rights.memberships.get(campaign).is_some();
    if Arc::make_mut(&mut tx.working.rights.memberships).apply(membership) == Applied::Changed {
        note(tx, campaign, log.place(entry.header.seq))?;
        campaigns.changed.insert(campaign);
        if known {
            campaigns.recount.insert(campaign);
        } else if tx.role() == Role::Hub {
            campaign::begin(tx, campaign)?;
        }
    }
    Ok(None)
}

fn note(tx: &Tx<'_>, campaign: CampaignId, place: i64) -> Result<(), StoreError> {
    let sql =
        "INSERT INTO membership (campaign, place) VALUES (?1, ?2) ON CONFLICT (campaign) DO UPDATE SET place = ?2";
    tx.prepare_cached(sql)?.execute(params![campaign.0, place])?;
    Ok(())
}

/// A log of the campaign has lost the entries past its fork, and perhaps the one that founds the campaign with them.
pub(super) fn after_fork(tx: &mut Tx<'_>, campaign: CampaignId, campaigns: &mut Campaigns) -> Result<(), StoreError> {
    campaigns.recount.insert(campaign);
    // The row of an entry that counts no longer is gone with it.
    if founding_log(tx, campaign)?.is_some() {
        return Ok(());
    }
    if Arc::make_mut(&mut tx.working.rights.memberships).remove(campaign).is_none() {
        return Ok(());
    }
    campaigns.changed.insert(campaign);
    for log in logs_of_topic(tx, Topic::Campaign(campaign))? {
        let mut founding = Vec::new();
        entries_after(tx, &log, 0, |entry| {
            if entry.header.payload_kind == PayloadKind::Membership {
                founding.push(entry.into_entry());
            }
            Ok(ControlFlow::Continue(()))
        })?;
        for entry in founding {
            if let Some(Ok(membership)) = founded_by(campaign, &entry)
                && Arc::make_mut(&mut tx.working.rights.memberships).apply(membership) == Applied::Changed
            {
                note(tx, campaign, log.place(entry.header.seq))?;
            }
        }
    }
    Ok(())
}

/// The row of the log that holds the campaign's founding entry.
pub(super) fn founding_log(connection: &Connection, campaign: CampaignId) -> Result<Option<i64>, StoreError> {
    let mut statement = connection.prepare_cached("SELECT place FROM membership WHERE campaign = ?1")?;
    let place: Option<i64> = statement.query_row([campaign.0], |row| row.get(0)).optional()?;
    Ok(place.map(|place| at_place(place).0))
}

/// What the entries of one transaction did to campaigns.
#[derive(Default)]
pub(super) struct Campaigns {
    /// Known here for the first time, known otherwise, or not known any more.
    changed: BTreeSet<CampaignId>,
    /// Those of which other entries count than before, so that the document is worked out anew.
    recount: BTreeSet<CampaignId>,
    /// The places of entries with changes.
    arrived: BTreeMap<CampaignId, Vec<i64>>,
}

impl Campaigns {
    /// An entry with changes was stored.
    pub(super) fn arrived(&mut self, campaign: CampaignId, place: i64) {
        self.arrived.entry(campaign).or_default().push(place);
    }

    /// Other entries of the topic count than before.
    pub(super) fn count_again(&mut self, topic: Topic) {
        match topic {
            Topic::Campaign(campaign) => {
                self.recount.insert(campaign);
            }
            Topic::Directory | Topic::Curriculum | Topic::Proposals(_) | Topic::Releases(_) => {}
        }
    }

    /// Draws the consequences, and gives the entries whose changes do not fit, which are set aside.
    pub(super) fn settle(self, tx: &mut Tx<'_>) -> Result<Vec<(i64, Aside)>, StoreError> {
        for campaign in &self.changed {
            tx.mark_memberships();
            scopes::shared_otherwise(tx, Topic::Campaign(*campaign))?;
            limit_again(tx, *campaign)?;
        }
        let mut asides = Vec::new();
        if tx.role() == Role::Academy {
            return Ok(asides);
        }
        for campaign in self.recount {
            campaign::rebuild(tx, campaign)?;
        }
        for (campaign, places) in self.arrived {
            // What is held of a campaign that is not known any more waits for the entry that founds it.
            if tx.working.rights.memberships.get(campaign).is_some() {
                asides.extend(campaign::integrate(tx, campaign, &places)?);
            }
        }
        for (place, aside) in &asides {
            set_aside_at(tx, *place, aside)?;
        }
        Ok(asides)
    }
}

/// Whether a revocation ends the logs of a campaign depends on whether the Academy relays it.
fn limit_again(tx: &mut Tx<'_>, campaign: CampaignId) -> Result<(), StoreError> {
    for log in logs_of_topic(tx, Topic::Campaign(campaign))? {
        let late = RefusalReason::AfterRevocation.number();
        tx.prepare_cached("DELETE FROM set_aside WHERE place > ?1 AND place <= ?2 AND reason = ?3")?
            .execute(params![log.place(0), log.place(log.seq), late])?;
        take_back_late(tx, &log)?;
    }
    Ok(())
}

/// Whether this payload, in an entry of `author`, founds the campaign.
pub(super) fn may_found(tx: &Tx<'_>, campaign: CampaignId, author: NodeId, payload: &[u8]) -> bool {
    let is_hub = tx.working.directory().member(author).is_some_and(|member| member.role == JournalRole::Hub);
    match Payload::decode(PayloadKind::Membership, payload) {
        Ok(Some(Payload::Membership(record))) => is_hub && of(campaign, author, record).is_ok(),
        Ok(_) | Err(_) => false,
    }
}

/// Whether the frame founds the campaign for this node: it is the creator's, and it names this node and the peer that sends
/// it, each as a member, or the Academy as a relay. Nothing is known yet of the signature.
pub(super) fn founds(tx: &Tx<'_>, campaign: CampaignId, peer: NodeId, frame: &Unpacked) -> bool {
    let author_role = tx.working.directory().member(frame.log.author).map(|member| member.role);
    if author_role != Some(JournalRole::Hub) {
        return false;
    }
    let Ok(author) = tx.author() else { return false };
    let academy = tx.working.academy();
    let names = |membership: &Membership, node: NodeId| {
        if academy == Some(node) { membership.academy_relays } else { membership.members.contains(&node) }
    };
    let founded = frame.entries.iter().filter_map(|entry| founded_by(campaign, entry));
    founded.flatten().any(|membership| names(&membership, author.key.id()) && names(&membership, peer))
}
