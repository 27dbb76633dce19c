//! Who takes part in which campaign: the state that founding entries add up to, whatever order they come in.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::directory::Applied;
use crate::fault::Fault;
use crate::id::{CampaignId, NodeId};
use crate::payload::encode_membership;

/// The most members of a campaign.
pub const MEMBER_LIMIT: usize = 1_000;

/// What a founding entry says of its campaign; its author is the creator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MembershipRecord {
    /// 16 random bytes, which with the creator's id give the campaign's.
    pub nonce: [u8; 16],
    /// Every member hub, the creator too.
    pub members: BTreeSet<NodeId>,
    /// Whether the Academy keeps and passes on the campaign's entries.
    pub academy_relays: bool,
}

/// Who takes part in a campaign.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Membership {
    /// The creator.
    pub lead: NodeId,
    /// 16 random bytes, which with the creator's id give the campaign's.
    pub nonce: [u8; 16],
    /// Every member hub, the creator too: 1 to 1,000.
    pub members: BTreeSet<NodeId>,
    /// Whether the Academy keeps and passes on the campaign's entries.
    pub academy_relays: bool,
}

impl Membership {
    /// The membership that an entry of this author founds.
    ///
    /// # Errors
    /// [`Fault::Membership`] where the author is no member, or the members are too many.
    pub fn found(author: NodeId, record: MembershipRecord) -> Result<Self, Fault> {
        let MembershipRecord { nonce, members, academy_relays } = record;
        if !members.contains(&author) {
            return Err(Fault::Membership("its creator is not among the members"));
        }
        if members.len() > MEMBER_LIMIT {
            return Err(Fault::Membership("a campaign has 1,000 members at most"));
        }
        Ok(Membership { lead: author, nonce, members, academy_relays })
    }

    /// The campaign's id.
    pub fn id(&self) -> CampaignId {
        campaign_id(self.lead, &self.nonce)
    }
}

/// A campaign's id: BLAKE3 of its creator's node id, then 16 random bytes. So only the creator can found it.
pub fn campaign_id(creator: NodeId, nonce: &[u8; 16]) -> CampaignId {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&creator.0).update(nonce);
    CampaignId(*hasher.finalize().as_bytes())
}

/// Every campaign whose founding entry is held. Two nodes that hold the same entries hold the same state.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Memberships(BTreeMap<CampaignId, Arc<Membership>>);

impl Memberships {
    /// The membership of a campaign.
    pub fn get(&self, campaign: CampaignId) -> Option<&Arc<Membership>> {
        self.0.get(&campaign)
    }

    /// Every campaign, ascending.
    pub fn iter(&self) -> impl Iterator<Item = (CampaignId, &Arc<Membership>)> {
        self.0.iter().map(|(campaign, membership)| (*campaign, membership))
    }

    /// Adds a membership under the id that it gives. Of two of one campaign the lesser encoding counts, so that the
    /// order of arrival never matters.
    pub fn apply(&mut self, membership: Membership) -> Applied {
        let id = membership.id();
        match self.0.get(&id) {
            Some(held) if encode_membership(held) <= encode_membership(&membership) => Applied::Unchanged,
            Some(_) | None => {
                self.0.insert(id, Arc::new(membership));
                Applied::Changed
            }
        }
    }

    /// Takes a campaign out, whose founding entry counts no longer.
    pub fn remove(&mut self, campaign: CampaignId) -> Option<Arc<Membership>> {
        self.0.remove(&campaign)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(byte: u8) -> NodeId {
        NodeId([byte; 32])
    }

    fn membership(members: &[u8], academy_relays: bool) -> Membership {
        let members = members.iter().copied().map(node).collect();
        let record = MembershipRecord { nonce: [7; 16], members, academy_relays };
        Membership::found(node(1), record).unwrap()
    }

    #[test]
    fn the_id_binds_the_creator_and_the_nonce() {
        let id = membership(&[1, 2], true).id();
        assert_eq!(id, campaign_id(node(1), &[7; 16]));
        assert_ne!(id, campaign_id(node(2), &[7; 16]));
        assert_ne!(id, campaign_id(node(1), &[8; 16]));
    }

    #[test]
    fn a_creator_is_a_member_and_members_are_bounded() {
        let found = |members: BTreeSet<NodeId>| {
            Membership::found(node(1), MembershipRecord { nonce: [7; 16], members, academy_relays: true })
        };
        assert!(matches!(found(BTreeSet::new()), Err(Fault::Membership(_))));
        assert!(matches!(found([node(2)].into()), Err(Fault::Membership(_))));
        let many = |count: u32| {
            let numbered = |n: u32| {
                let mut id = [0; 32];
                id[..4].copy_from_slice(&n.to_be_bytes());
                NodeId(id)
            };
            (1..count).map(numbered).chain([node(1)]).collect::<BTreeSet<_>>()
        };
        assert!(found(many(1_000)).is_ok());
        assert!(matches!(found(many(1_001)), Err(Fault::Membership(_))));
    }

    #[test]
    fn the_order_of_arrival_never_matters() {
        let both = [membership(&[1, 2], true), membership(&[1, 3], false)];
        let after = |order: [usize; 2]| {
            let mut memberships = Memberships::default();
            for at in order {
                memberships.apply(both[at].clone());
            }
            memberships
        };
        assert_eq!(after([0, 1]), after([1, 0]));
        let mut memberships = after([0, 1]);
        assert_eq!(memberships.iter().count(), 1);
        assert_eq!(memberships.apply(both[0].clone()), Applied::Unchanged);
        assert!(memberships.remove(both[0].id()).is_some());
        assert_eq!(memberships, Memberships::default());
    }
}
