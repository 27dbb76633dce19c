//! Who takes part in which campaign: the state that the entries of a campaign's membership add up to, whatever order they
//! come in.
//!
//! The entries are one chain. It begins with the founding one, which shows by the campaign's id that its author is the
//! creator. Each further one names the entry before it and says the whole roster anew, and counts from whoever had the
//! lead then, from the successor whom the lead had named, or from a member whom the Academy has appointed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::directory::Limit;
use crate::fault::Fault;
use crate::id::{CampaignId, Hash, NodeId};
use crate::payload::encode_membership;
use crate::topic::{Cursor, LogId};

/// The most members of a campaign.
pub const MEMBER_LIMIT: usize = 1_000;
/// The most logs whose last accepted entry a roster names.
pub const ENDED_LIMIT: usize = 4_000;

/// What a member hub may do in a campaign.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum MemberRole {
    /// Edits, and decides who takes part. Every campaign has one.
    Lead,
    /// Edits.
    Editor,
    /// Reads.
    Reader,
}

impl MemberRole {
    /// Whether changes of such a member count.
    pub fn edits(self) -> bool {
        match self {
            MemberRole::Lead | MemberRole::Editor => true,
            MemberRole::Reader => false,
        }
    }
}

/// What a founding entry says of its campaign; its author is the creator, who leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MembershipRecord {
    /// 16 random bytes, which with the creator's id give the campaign's.
    pub nonce: [u8; 16],
    /// Every member hub, the creator too. All of them edit.
    pub members: BTreeSet<NodeId>,
    /// Whether the Academy keeps and passes on the campaign's entries.
    pub academy_relays: bool,
}

impl MembershipRecord {
    /// The id of the campaign that this creator founds with it.
    pub fn id(&self, creator: NodeId) -> CampaignId {
        campaign_id(creator, &self.nonce)
    }
}

/// Who takes part in a campaign from some entry of its membership on. There is one lead, and it is a member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Roster {
    lead: NodeId,
    members: BTreeMap<NodeId, MemberRole>,
    successor: Option<NodeId>,
    academy_relays: bool,
    last_accepted: BTreeSet<Cursor>,
    prunes: bool,
    generation: u32,
}

impl Roster {
    /// A roster of these members. `successor` is to take the lead once it accepts; `last_accepted` names, of each log of a
    /// hub that edited once and does not now, the last entry that counts.
    ///
    /// # Errors
    /// [`Fault::Membership`] where there is not one lead, the successor does not edit, or there is too much of anything.
    pub fn new(
        members: BTreeMap<NodeId, MemberRole>,
        successor: Option<NodeId>,
        academy_relays: bool,
        last_accepted: BTreeSet<Cursor>,
    ) -> Result<Self, Fault> {
        if members.len() > MEMBER_LIMIT {
            return Err(Fault::Membership("a campaign has 1,000 members at most"));
        }
        if last_accepted.len() > ENDED_LIMIT {
            return Err(Fault::Membership("a campaign names 4,000 ended logs at most"));
        }
        let mut leads = members.iter().filter(|(_, role)| **role == MemberRole::Lead).map(|(hub, _)| *hub);
        let (Some(lead), None) = (leads.next(), leads.next()) else {
            return Err(Fault::Membership("a campaign has one lead"));
        };
        if successor.is_some_and(|hub| members.get(&hub) != Some(&MemberRole::Editor)) {
            return Err(Fault::Membership("its successor is no editor"));
        }
        Ok(Roster { lead, members, successor, academy_relays, last_accepted, prunes: false, generation: 0 })
    }

    /// The same, where members drop the entries that a checkpoint covers, or keep them.
    #[must_use]
    pub fn pruning(self, prunes: bool) -> Self {
        Roster { prunes, ..self }
    }

    /// Whether members drop the entries that a checkpoint covers.
    pub fn prunes(&self) -> bool {
        self.prunes
    }

    /// The same, of a campaign whose document is of this generation.
    #[must_use]
    pub fn of_generation(self, generation: u32) -> Self {
        Roster { generation, ..self }
    }

    /// The generation of the document that whoever wrote this held. No checkpoint of a higher one counts of whoever led
    /// before: nobody who has handed the lead over makes a campaign forget.
    pub fn generation(&self) -> u32 {
        self.generation
    }

    /// Who decides who takes part.
    pub fn lead(&self) -> NodeId {
        self.lead
    }

    /// Every member hub, the lead too: 1 to 1,000.
    pub fn members(&self) -> &BTreeMap<NodeId, MemberRole> {
        &self.members
    }

    /// What the hub may do, where it is a member.
    pub fn role(&self, hub: NodeId) -> Option<MemberRole> {
        self.members.get(&hub).copied()
    }

    /// Whom the lead has asked to take over, and who has not done so yet.
    pub fn successor(&self) -> Option<NodeId> {
        self.successor
    }

    /// Whether the Academy keeps and passes on the campaign's entries.
    pub fn academy_relays(&self) -> bool {
        self.academy_relays
    }

    /// The last entry that counts of each log of a hub that edited once and does not now.
    pub fn last_accepted(&self) -> &BTreeSet<Cursor> {
        &self.last_accepted
    }

    /// How far a log of the campaign counts.
    pub fn limit(&self, log: LogId) -> Limit {
        if self.role(log.author).is_some_and(MemberRole::edits) {
            return Limit::None;
        }
        let ended = self.last_accepted.iter().find(|cursor| cursor.log(log.topic) == log);
        ended.map_or(Limit::Nothing, |cursor| Limit::UpTo(*cursor))
    }

    /// Whether changes of the same hubs count, as far as here.
    pub fn counts_like(&self, other: &Roster) -> bool {
        let editors = |roster: &Roster| {
            let editors = roster.members.iter().filter(|(_, role)| role.edits());
            editors.map(|(hub, _)| *hub).collect::<BTreeSet<_>>()
        };
        self.last_accepted == other.last_accepted && editors(self) == editors(other)
    }
}

/// What a later entry of the chain says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MembershipChange {
    /// The hash of the entry before it in the chain.
    pub predecessor: Hash,
    /// Who takes part from here on.
    pub roster: Roster,
    /// The version of the appointment by which its author takes the lead; 0 where it needs none.
    pub appointment: u32,
}

/// What an entry of the membership says, and who signed it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signed<T> {
    /// The entry's author.
    pub author: NodeId,
    /// The entry's hash.
    pub hash: Hash,
    /// The minute that the author wrote down, since 1970. It informs people only.
    pub minute: u32,
    /// What it says.
    pub record: T,
}

/// Who takes part in a campaign.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Membership {
    /// The campaign.
    pub id: CampaignId,
    /// Who takes part now.
    pub roster: Roster,
    /// Hubs that were members before and are not now.
    pub former: BTreeSet<NodeId>,
    /// Whether the Academy relays the campaign, or did once.
    pub ever_relayed: bool,
    /// The last entry of the chain, which the next one names.
    pub tip: Hash,
    /// When the author of that entry wrote it, in minutes since 1970. It informs people only.
    pub minute: u32,
    /// The greatest version of an appointment that a lead came by.
    pub appointment: u32,
    /// The last entry of each log that the latest checkpoint covers, ascending. What is covered counts, whatever is decided of
    /// its author later. No entry of the membership says so: whoever keeps checkpoints does.
    pub covered: Vec<Cursor>,
    /// Two entries follow the last one, and neither counts before the other: the membership stands still until the Academy
    /// appoints a lead.
    pub contested: bool,
}

impl Membership {
    /// The membership that an entry founds.
    ///
    /// # Errors
    /// [`Fault::Membership`] where the author is no member, or the members are too many.
    pub fn found(founding: &Signed<MembershipRecord>) -> Result<Self, Fault> {
        let Signed { author, hash, minute, record } = founding;
        if !record.members.contains(author) {
            return Err(Fault::Membership("its creator is not among the members"));
        }
        let role = |hub: &NodeId| if hub == author { MemberRole::Lead } else { MemberRole::Editor };
        let members = record.members.iter().map(|hub| (*hub, role(hub))).collect();
        let roster = Roster::new(members, None, record.academy_relays, BTreeSet::new())?;
        let (id, former, ever_relayed) = (record.id(*author), BTreeSet::new(), record.academy_relays);
        let (tip, minute) = (*hash, *minute);
        let (appointment, covered, contested) = (0, Vec::new(), false);
        Ok(Membership { id, roster, former, ever_relayed, tip, minute, appointment, covered, contested })
    }

    /// The last entry of a log that is covered.
    pub fn covered(&self, log: LogId) -> Option<&Cursor> {
        let key = |cursor: &Cursor| (cursor.author, cursor.incarnation);
        let at = self.covered.binary_search_by_key(&(log.author, log.incarnation), key).ok()?;
        self.covered.get(at)
    }

    /// Whether the Academy relayed the campaign once and does not now.
    pub fn was_relayed(&self) -> bool {
        self.ever_relayed && !self.roster.academy_relays
    }

    /// How much the word of this entry's author weighs as to who comes next; none where it has none. An appointment outweighs
    /// an accepted handover, which outweighs the lead that has offered it.
    fn weight(&self, change: &Signed<MembershipChange>, appointed: &impl Fn(NodeId) -> u32) -> Option<u32> {
        let Signed { author, record, .. } = change;
        let takes_over = record.roster.lead == *author && self.roster.role(*author).is_some();
        if record.appointment > 0 {
            let valid = record.appointment > self.appointment && record.appointment <= appointed(*author);
            return (takes_over && valid).then(|| record.appointment.saturating_add(1));
        }
        if takes_over && self.roster.successor == Some(*author) {
            return Some(1);
        }
        (self.roster.lead == *author && record.roster.lead == *author).then_some(0)
    }

    fn followed_by(&self, change: &Signed<MembershipChange>) -> Membership {
        let roster = change.record.roster.clone();
        let known = self.former.iter().chain(self.roster.members.keys()).copied();
        let former = known.filter(|hub| roster.role(*hub).is_none()).collect();
        let appointment = self.appointment.max(change.record.appointment);
        let ever_relayed = self.ever_relayed || roster.academy_relays;
        let (id, tip, minute) = (self.id, change.hash, change.minute);
        let (covered, contested) = (Vec::new(), false);
        Membership { id, roster, former, ever_relayed, tip, minute, appointment, covered, contested }
    }
}

/// What a hub might do when it wrote something down in that minute, by the steps of [`chain`] and the clocks of those who wrote
/// them; none where it was no member then.
pub fn role_at(steps: &[Membership], hub: NodeId, minute: u32) -> Option<MemberRole> {
    let then = steps.iter().rev().find(|step| step.minute <= minute).or_else(|| steps.first());
    then.and_then(|step| step.roster.role(hub))
}

/// Goes through a campaign's membership from its founding on, and gives what stood after each entry that counts; nothing
/// where none of the `foundings` founds this campaign. `appointed` says the greatest version of an appointment that the
/// directory has for a hub in this campaign, 0 where there is none.
pub fn chain(
    campaign: CampaignId,
    foundings: &[Signed<MembershipRecord>],
    changes: &[Signed<MembershipChange>],
    appointed: impl Fn(NodeId) -> u32,
) -> Vec<Membership> {
    // A creator can found one campaign twice. The lesser encoding counts, so that the order of arrival never matters.
    let founds = foundings.iter().filter(|founding| founding.record.id(founding.author) == campaign);
    let first = founds.min_by_key(|founding| (encode_membership(&founding.record), founding.hash));
    let Some(Ok(mut membership)) = first.map(Membership::found) else { return Vec::new() };
    let mut steps = Vec::new();
    loop {
        let next = changes.iter().filter(|change| change.record.predecessor == membership.tip);
        let weighed = next.filter_map(|change| Some((membership.weight(change, &appointed)?, change)));
        let mut heaviest: Vec<(u32, &Signed<MembershipChange>)> = Vec::new();
        for (weight, change) in weighed {
            match heaviest.first() {
                Some((most, _)) if *most > weight => {}
                Some((most, _)) if *most == weight => heaviest.push((weight, change)),
                Some(_) | None => heaviest = vec![(weight, change)],
            }
        }
        let follower = match heaviest.as_slice() {
            [(_, only)] => Some(membership.followed_by(only)),
            [] => None,
            [_, ..] => {
                membership.contested = true;
                None
            }
        };
        match follower {
            Some(follower) => steps.push(std::mem::replace(&mut membership, follower)),
            None => {
                steps.push(membership);
                return steps;
            }
        }
    }
}

/// A campaign's id: BLAKE3 of its creator's node id, then 16 random bytes. So only the creator can found it.
pub fn campaign_id(creator: NodeId, nonce: &[u8; 16]) -> CampaignId {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&creator.0).update(nonce);
    CampaignId(*hasher.finalize().as_bytes())
}

/// Every campaign whose founding entry is held. Two nodes that hold the same entries hold the same state.
///
/// In parts by the first byte of the id: each transaction that changes one of many campaigns begins with a copy, which shares
/// all parts but that one's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Memberships(BTreeMap<u8, Arc<Part>>);

type Part = BTreeMap<CampaignId, Arc<Membership>>;

impl Memberships {
    /// The membership of a campaign.
    pub fn get(&self, campaign: CampaignId) -> Option<&Arc<Membership>> {
        self.0.get(&campaign.0[0])?.get(&campaign)
    }

    /// Every campaign, ascending.
    pub fn iter(&self) -> impl Iterator<Item = (CampaignId, &Arc<Membership>)> {
        let campaigns = self.0.values().flat_map(|part| part.iter());
        campaigns.map(|(campaign, membership)| (*campaign, membership))
    }

    /// Puts a membership in place of what was held of its campaign.
    pub fn set(&mut self, membership: Membership) {
        let part = self.0.entry(membership.id.0[0]).or_default();
        Arc::make_mut(part).insert(membership.id, Arc::new(membership));
    }

    /// Takes a campaign out, whose founding entry counts no longer.
    pub fn remove(&mut self, campaign: CampaignId) -> Option<Arc<Membership>> {
        let part = self.0.get_mut(&campaign.0[0])?;
        let membership = Arc::make_mut(part).remove(&campaign)?;
        if part.is_empty() {
            self.0.remove(&campaign.0[0]);
        }
        Some(membership)
    }
}

#[cfg(test)]
mod tests;
