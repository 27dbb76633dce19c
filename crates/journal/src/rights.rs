//! Who may write and read which topic: what the directory and the memberships of campaigns say together.

use std::sync::Arc;

use crate::directory::{Directory, HubState, Limit, PeerStatus, Role};
use crate::id::{CampaignId, NodeId};
use crate::membership::{MemberRole, Memberships};
use crate::topic::{LogId, Topic};

/// What decides over topics. Cheap to clone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rights {
    /// Who takes part in the federation.
    pub directory: Arc<Directory>,
    /// Who takes part in which campaign.
    pub memberships: Arc<Memberships>,
}

impl Rights {
    /// Whether the author may write the topic now. How far the logs count of one who may not any more,
    /// [`Rights::accepted_until`] says.
    pub fn may_write(&self, author: NodeId, topic: Topic) -> bool {
        let role = self.directory.member(author).map(|member| member.role);
        match topic {
            Topic::Directory | Topic::Curriculum => role == Some(Role::Academy),
            Topic::Proposals(hub) | Topic::Releases(hub) => role == Some(Role::Hub) && hub == author,
            Topic::Campaign(id) => role == Some(Role::Hub) && self.role_in(author, id).is_some_and(MemberRole::edits),
        }
    }

    /// Whether entries of the author in the topic are held at all. In a campaign those of every hub are: which of them
    /// count, the membership says, and it may arrive after them.
    pub fn may_hold(&self, author: NodeId, topic: Topic) -> bool {
        match topic {
            Topic::Directory | Topic::Curriculum | Topic::Proposals(_) | Topic::Releases(_) => {
                self.may_write(author, topic)
            }
            Topic::Campaign(id) => {
                let role = self.directory.member(author).map(|member| member.role);
                role == Some(Role::Hub) && self.memberships.get(id).is_some()
            }
        }
    }

    /// Whether the node may be given entries of the topic.
    pub fn may_read(&self, node: NodeId, topic: Topic) -> bool {
        let Some(member) = self.directory.member(node) else { return false };
        if member.status() != PeerStatus::Listed {
            return false;
        }
        match (topic, member.role) {
            (Topic::Directory | Topic::Curriculum | Topic::Releases(_), _) => true,
            (Topic::Proposals(_), Role::Academy) => true,
            (Topic::Proposals(hub), Role::Hub) => hub == node,
            (Topic::Campaign(id), Role::Academy) => self.relays(id),
            (Topic::Campaign(id), Role::Hub) => self.role_in(node, id).is_some(),
        }
    }

    /// How far a log counts: wholly, unless its author was revoked or does not edit the campaign any more.
    pub fn accepted_until(&self, log: LogId) -> Limit {
        match log.topic {
            Topic::Directory | Topic::Curriculum | Topic::Proposals(_) | Topic::Releases(_) => self.revoked_after(log),
            Topic::Campaign(id) => match self.memberships.get(id) {
                Some(membership) => {
                    let decided = self.revoked_after(log).and(membership.roster.limit(log));
                    membership.covered(log).map_or(decided, |covered| decided.or_up_to(*covered))
                }
                None => self.revoked_after(log),
            },
        }
    }

    /// A revocation ends a campaign's log only where the Academy relays the campaign; it cannot name what the Academy
    /// never saw.
    fn revoked_after(&self, log: LogId) -> Limit {
        let Some(record) = self.directory.hubs().get(&log.author) else { return Limit::None };
        match record.state {
            HubState::Enrolled | HubState::Suspended => return Limit::None,
            HubState::Revoked => {}
        }
        let named = match log.topic {
            Topic::Directory | Topic::Curriculum | Topic::Proposals(_) | Topic::Releases(_) => log,
            Topic::Campaign(id) if self.relays(id) => LogId { topic: Topic::Campaign(id.hidden_of(log.author)), ..log },
            Topic::Campaign(_) => return Limit::None,
        };
        record
            .last_accepted
            .iter()
            .find(|(topic, cursor)| cursor.log(*topic) == named)
            .map_or(Limit::Nothing, |(_, cursor)| Limit::UpTo(*cursor))
    }

    /// What a hub may do in a campaign, where it is a member.
    pub fn role_in(&self, node: NodeId, campaign: CampaignId) -> Option<MemberRole> {
        self.memberships.get(campaign)?.roster.role(node)
    }

    /// Whether the node was a member of the campaign, or its relay, and is not any more.
    pub fn took_part(&self, node: NodeId, campaign: CampaignId) -> bool {
        let academy = self.directory.academy().is_some_and(|(academy, _)| academy == node);
        self.memberships.get(campaign).is_some_and(|membership| {
            if academy { membership.was_relayed() } else { membership.former.contains(&node) }
        })
    }

    fn relays(&self, campaign: CampaignId) -> bool {
        self.memberships.get(campaign).is_some_and(|membership| membership.roster.academy_relays())
    }
}

#[cfg(test)]
mod tests {
    use folkmoot_domain::hub::{HubKind, Stage};

    use super::*;
    use crate::author::Genesis;
    use crate::directory::HubRecord;
    use crate::id::{Hash, Incarnation};
    use crate::key::{LogKey, LogPublicKey};
    use crate::membership::{Membership, MembershipRecord, Signed};
    use crate::payload::{Opening, Payload};
    use crate::topic::Cursor;

    fn key(seed: u8) -> LogPublicKey {
        LogKey::from_seed(&[seed; 32]).public()
    }

    fn record(seed: u8, version: u32, state: HubState, last_accepted: Vec<(Topic, Cursor)>) -> Payload {
        Payload::HubRecord(HubRecord {
            hub: key(seed).id(),
            version,
            name: "Hub".parse().unwrap(),
            log_key: key(seed),
            tls_key: vec![seed],
            address: None,
            kind: HubKind::SocialActionHub,
            region: String::new(),
            stage: Stage::Active,
            state,
            last_accepted,
        })
    }

    fn rights(payloads: &[Payload], memberships: &[Membership]) -> Rights {
        let genesis =
            Genesis { name: "Academy".parse().unwrap(), log_key: key(1), ca_certificate: Vec::new(), tls_key: vec![1] };
        let opening = Opening { earlier: Vec::new(), genesis: Some(genesis) };
        let (mut directory, mut held) = (Directory::default(), Memberships::default());
        directory.apply(&Payload::Opening(opening)).unwrap();
        for payload in payloads {
            directory.apply(payload).unwrap();
        }
        for membership in memberships {
            held.set(membership.clone());
        }
        Rights { directory: Arc::new(directory), memberships: Arc::new(held) }
    }

    /// Founded by the first of the members.
    fn membership(members: &[u8], academy_relays: bool) -> Membership {
        let ids = members.iter().map(|seed| key(*seed).id()).collect();
        let record = MembershipRecord { nonce: [u8::from(academy_relays); 16], members: ids, academy_relays };
        Membership::found(&Signed { author: key(members[0]).id(), hash: Hash([1; 32]), minute: 0, record }).unwrap()
    }

    #[test]
    fn topics_have_their_writers_and_readers() {
        let [academy, hub, gone, other, stranger] = [1, 2, 3, 4, 5].map(|seed| key(seed).id());
        let relayed = membership(&[2, 3, 5], true);
        let direct = membership(&[2, 3], false);
        let rights = rights(
            &[
                record(2, 1, HubState::Enrolled, Vec::new()),
                record(3, 1, HubState::Suspended, Vec::new()),
                record(4, 1, HubState::Enrolled, Vec::new()),
            ],
            &[relayed.clone(), direct.clone()],
        );
        let all = || vec![academy, hub, other];
        for (topic, writers, readers) in [
            (Topic::Directory, vec![academy], all()),
            (Topic::Curriculum, vec![academy], all()),
            (Topic::Releases(hub), vec![hub], all()),
            (Topic::Releases(gone), vec![gone], all()),
            (Topic::Releases(academy), vec![], all()),
            (Topic::Proposals(hub), vec![hub], vec![academy, hub]),
            (Topic::Proposals(gone), vec![gone], vec![academy]),
            (Topic::Campaign(relayed.id), vec![hub, gone], vec![academy, hub]),
            (Topic::Campaign(direct.id), vec![hub, gone], vec![hub]),
            (Topic::Campaign(CampaignId([1; 32])), vec![], vec![]),
        ] {
            for node in [academy, hub, gone, other, stranger] {
                assert_eq!(rights.may_write(node, topic), writers.contains(&node), "{node:?} writes {topic:?}");
                assert_eq!(rights.may_read(node, topic), readers.contains(&node), "{node:?} reads {topic:?}");
            }
        }
        assert_eq!(rights.directory.status(stranger), PeerStatus::NotListed);
        assert_eq!(rights.directory.by_tls_key(&[1]).map(|member| member.role), Some(Role::Academy));
        assert_eq!(rights.directory.by_tls_key(&[3]).map(|member| member.status()), Some(PeerStatus::Suspended));
        assert_eq!(rights.directory.by_tls_key(&[9]), None);
    }

    #[test]
    fn a_revocation_ends_the_logs_that_it_names_and_all_others_at_once() {
        let hub = key(2).id();
        let (relayed, direct) = (membership(&[2, 3], true), membership(&[2, 3], false));
        let last = Cursor { author: hub, incarnation: Incarnation(7), seq: 3, hash: Hash([1; 32]) };
        let hidden = Topic::Campaign(relayed.id.hidden_of(hub));
        let named = vec![(Topic::Releases(hub), last), (hidden, last)];
        let enrolled = record(2, 1, HubState::Enrolled, Vec::new());
        let revoked = record(2, 2, HubState::Revoked, named);
        let memberships = [relayed.clone(), direct.clone()];
        let before = rights(std::slice::from_ref(&enrolled), &memberships);
        let after = rights(&[enrolled, revoked], &memberships);
        let other = Incarnation(8);
        for (topic, incarnation, allowed) in [
            (Topic::Releases(hub), last.incarnation, [true, false]),
            (Topic::Releases(hub), other, [false, false]),
            (Topic::Campaign(relayed.id), last.incarnation, [true, false]),
            (Topic::Campaign(relayed.id), other, [false, false]),
            (Topic::Campaign(direct.id), last.incarnation, [true, true]),
            (Topic::Campaign(direct.id), other, [true, true]),
        ] {
            let log = LogId { topic, author: hub, incarnation };
            assert_eq!(before.accepted_until(log), Limit::None);
            assert_eq!([3, 4].map(|seq| after.accepted_until(log).allows(seq)), allowed, "{log:?}");
        }
    }
}
