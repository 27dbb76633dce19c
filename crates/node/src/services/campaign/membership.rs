//! Who takes part in a campaign.

use std::sync::Arc;

use folkmoot_journal::{CampaignId, MemberRole, Membership, NodeId, Roster};
use folkmoot_proto::hub::v1 as proto;
use folkmoot_proto::hub::v1::Campaign;
use folkmoot_store::UnixMillis;
use folkmoot_store::campaign::{CampaignStore, MembershipEdit};
use tonic::{Request, Response, Status};

use super::{Campaigns, enrolled, unknown_among, which};
use crate::access::Permit;
use crate::generated::hub::campaign_membership_service_server::CampaignMembershipService;
use crate::node::Node;
use crate::services::paging::Page;
use crate::services::timestamp;
use crate::status::Violations;

/// Says who takes part in the campaigns that the hub leads.
pub(crate) struct CampaignMemberships(pub(crate) Arc<Node>);

#[tonic::async_trait]
impl CampaignMembershipService for CampaignMemberships {
    async fn admit_member(&self, request: Request<proto::AdmitMemberRequest>) -> Result<Response<Campaign>, Status> {
        Permit::of(&request)?;
        let role = request.get_ref().role();
        let proto::AdmitMemberRequest { name, hub, .. } = request.into_inner();
        let mut violations = Violations::default();
        let edits = match asked_role(role) {
            Some(MemberRole::Editor) => true,
            Some(MemberRole::Reader) => false,
            Some(MemberRole::Lead) => {
                violations.add("role", "a campaign has one lead: offer the lead to a hub that edits");
                false
            }
            None => {
                violations.add("role", "is missing: CAMPAIGN_ROLE_EDITOR or CAMPAIGN_ROLE_READER");
                false
            }
        };
        let hub = self.listed("hub", &hub, &mut violations);
        let campaign = which("name", &name, &mut violations);
        let (Some(campaign), Some(hub)) = (campaign, hub) else { return Err(violations.refuse()) };
        violations.check()?;
        self.decide(campaign, MembershipEdit::Admit { hub, edits }).await
    }

    async fn remove_member(&self, request: Request<proto::RemoveMemberRequest>) -> Result<Response<Campaign>, Status> {
        Permit::of(&request)?;
        let proto::RemoveMemberRequest { name, hub } = request.into_inner();
        let mut violations = Violations::default();
        let hub = self.known("hub", &hub, &mut violations);
        let campaign = which("name", &name, &mut violations);
        let (Some(campaign), Some(hub)) = (campaign, hub) else { return Err(violations.refuse()) };
        self.decide(campaign, MembershipEdit::Remove { hub }).await
    }

    async fn offer_lead(&self, request: Request<proto::OfferLeadRequest>) -> Result<Response<Campaign>, Status> {
        Permit::of(&request)?;
        let proto::OfferLeadRequest { name, hub } = request.into_inner();
        let mut violations = Violations::default();
        let to = if hub.is_empty() { None } else { self.known("hub", &hub, &mut violations) };
        let campaign = which("name", &name, &mut violations);
        let Some(campaign) = campaign else { return Err(violations.refuse()) };
        violations.check()?;
        self.decide(campaign, MembershipEdit::OfferLead { to }).await
    }

    async fn accept_lead(&self, request: Request<proto::AcceptLeadRequest>) -> Result<Response<Campaign>, Status> {
        Permit::of(&request)?;
        let mut violations = Violations::default();
        let campaign = which("name", &request.get_ref().name, &mut violations);
        let Some(campaign) = campaign else { return Err(violations.refuse()) };
        let campaigns = self.campaigns();
        campaigns.may_share()?;
        let led = campaigns.ask("name", move |store| store.accept_lead(campaign)).await?;
        Ok(Response::new(campaigns.message(led)))
    }

    async fn set_relay(&self, request: Request<proto::SetRelayRequest>) -> Result<Response<Campaign>, Status> {
        Permit::of(&request)?;
        let proto::SetRelayRequest { name, academy_relays: relays } = request.into_inner();
        let mut violations = Violations::default();
        let campaign = which("name", &name, &mut violations);
        let Some(campaign) = campaign else { return Err(violations.refuse()) };
        self.decide(campaign, MembershipEdit::Relay { relays }).await
    }

    async fn set_pruning(&self, request: Request<proto::SetPruningRequest>) -> Result<Response<Campaign>, Status> {
        Permit::of(&request)?;
        let proto::SetPruningRequest { name, prunes } = request.into_inner();
        let mut violations = Violations::default();
        let campaign = which("name", &name, &mut violations);
        let Some(campaign) = campaign else { return Err(violations.refuse()) };
        self.decide(campaign, MembershipEdit::Prune { prunes }).await
    }

    async fn list_memberships(
        &self,
        request: Request<proto::ListMembershipsRequest>,
    ) -> Result<Response<proto::ListMembershipsResponse>, Status> {
        Permit::of(&request)?;
        let proto::ListMembershipsRequest { parent, page_size, page_token } = request.into_inner();
        let mut violations = Violations::default();
        let campaign = which("parent", &parent, &mut violations);
        let page = Page::read(&["ListMemberships", &parent], page_size, &page_token, &mut violations);
        let Some(campaign) = campaign else { return Err(violations.refuse()) };
        violations.check()?;
        let campaigns = self.campaigns();
        let steps = campaigns.ask("parent", move |store: &CampaignStore| store.membership_steps(campaign)).await?;
        let told = steps.iter().rev().map(|step| membership(&self.0, step)).collect();
        let (memberships, next_page_token) = page.cut(told, |one: &proto::Membership| one.name.clone());
        Ok(Response::new(proto::ListMembershipsResponse { memberships, next_page_token }))
    }
}

impl CampaignMemberships {
    fn campaigns(&self) -> Campaigns {
        Campaigns(Arc::clone(&self.0))
    }

    async fn decide(&self, campaign: CampaignId, edit: MembershipEdit) -> Result<Response<Campaign>, Status> {
        let campaigns = self.campaigns();
        campaigns.may_share()?;
        let decided = campaigns.ask("name", move |store| store.change_membership(campaign, edit)).await?;
        Ok(Response::new(campaigns.message(decided)))
    }

    /// The hub of a name, where one is enrolled.
    fn listed(&self, field: &str, name: &str, violations: &mut Violations) -> Option<NodeId> {
        let directory = self.0.directory();
        let found = enrolled(&directory, name);
        if found.is_none() {
            violations.add(field, if name.is_empty() { "is missing".to_owned() } else { unknown_among(&directory) });
        }
        found
    }

    /// The hub of a name, revoked or not, or of a node id: whoever was a member can be named.
    fn known(&self, field: &str, name: &str, violations: &mut Violations) -> Option<NodeId> {
        let directory = self.0.directory();
        let named = |name: &str| directory.hubs().values().find(|hub| hub.name.as_str() == name).map(|hub| hub.hub);
        let found = enrolled(&directory, name).or_else(|| named(name.trim())).or_else(|| name.parse().ok());
        if found.is_none() {
            violations.add(field, if name.is_empty() { "is missing".to_owned() } else { unknown_among(&directory) });
        }
        found
    }
}

fn membership(node: &Node, step: &Membership) -> proto::Membership {
    let Membership { id, roster, tip, minute, .. } = step;
    proto::Membership {
        name: format!("campaigns/{id}/memberships/{}", CampaignId(tip.0)),
        write_time: Some(timestamp(UnixMillis(i64::from(*minute) * 60_000))),
        members: members(node, roster),
        successor: successor(node, roster),
        academy_relays: roster.academy_relays(),
        prunes: roster.prunes(),
    }
}

/// The members, the lead first, then by name.
pub(super) fn members(node: &Node, roster: &Roster) -> Vec<proto::CampaignMember> {
    let member = |(hub, role): (&NodeId, &MemberRole)| proto::CampaignMember {
        hub: node.name_of(*hub),
        node: hub.to_string(),
        lead: *role == MemberRole::Lead,
        role: wire_role(*role).into(),
    };
    let mut members: Vec<_> = roster.members().iter().map(member).collect();
    members.sort_by(|one, other| (!one.lead, &one.hub, &one.node).cmp(&(!other.lead, &other.hub, &other.node)));
    members
}

/// The name of whoever is asked to take the lead over.
pub(super) fn successor(node: &Node, roster: &Roster) -> String {
    roster.successor().map(|hub| node.name_of(hub)).unwrap_or_default()
}

pub(super) fn wire_role(role: MemberRole) -> proto::CampaignRole {
    match role {
        MemberRole::Lead => proto::CampaignRole::Lead,
        MemberRole::Editor => proto::CampaignRole::Editor,
        MemberRole::Reader => proto::CampaignRole::Reader,
    }
}

/// The role that was asked for; none where none was.
pub(super) fn asked_role(role: proto::CampaignRole) -> Option<MemberRole> {
    match role {
        proto::CampaignRole::Lead => Some(MemberRole::Lead),
        proto::CampaignRole::Editor => Some(MemberRole::Editor),
        proto::CampaignRole::Reader => Some(MemberRole::Reader),
        proto::CampaignRole::Unspecified => None,
    }
}
