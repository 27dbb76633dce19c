//! The campaigns that this hub shares with others. Their texts are for the members: none is told to the log.

use std::collections::BTreeSet;
use std::sync::Arc;

use folkmoot_campaign::{Edit, SignUp, View};
use folkmoot_journal::membership::MEMBER_LIMIT;
use folkmoot_journal::{CampaignId, Directory, HubState, NodeId, PeerStatus};
use folkmoot_proto::hub::v1 as proto;
use folkmoot_proto::hub::v1::{
    AppendNotesRequest, ApplyChangesRequest, Campaign, CampaignMember, CreateCampaignRequest, ExportCampaignRequest,
    ExportCampaignResponse, GetCampaignRequest, ListCampaignsRequest, ListCampaignsResponse, SetAimRequest,
    SignUpOrganisationRequest,
};
use folkmoot_store::StoreError;
use folkmoot_store::campaign::{CampaignState, CampaignStore, NewCampaign};
use prost::Message as _;
use tonic::{Request, Response, Status};

use super::paging::Page;
use super::resource_id;
use crate::access::Permit;
use crate::generated::hub::campaign_service_server::CampaignService;
use crate::node::Node;
use crate::status::{self, Violations};
use crate::synchronize::SyncError;

/// How many hubs a refusal names.
const HUBS_NAMED: usize = 30;

/// Edits the campaigns that the hub shares.
pub(crate) struct Campaigns(pub(crate) Arc<Node>);

#[tonic::async_trait]
impl CampaignService for Campaigns {
    async fn create_campaign(&self, request: Request<CreateCampaignRequest>) -> Result<Response<Campaign>, Status> {
        Permit::of(&request)?;
        self.may_share()?;
        let CreateCampaignRequest { campaign, request_id } = request.into_inner();
        let campaign = new_campaign(campaign.unwrap_or_default(), self.0.id(), &self.0.directory())?;
        let created = self.ask("campaign.title", move |campaigns| campaigns.create(campaign, &request_id)).await?;
        Ok(Response::new(self.message(created)))
    }

    async fn list_campaigns(
        &self,
        request: Request<ListCampaignsRequest>,
    ) -> Result<Response<ListCampaignsResponse>, Status> {
        Permit::of(&request)?;
        let ListCampaignsRequest { page_size, page_token } = request.into_inner();
        let mut violations = Violations::default();
        let page = Page::read(&["ListCampaigns"], page_size, &page_token, &mut violations);
        violations.check()?;

        let all = self.ask("", CampaignStore::list).await?;
        let listed = all.into_iter().map(|state| Campaign { notes: String::new(), ..self.message(state) }).collect();
        let (campaigns, next_page_token) =
            page.cut_light(listed, |campaign| campaign.name.clone(), Campaign::encoded_len);
        Ok(Response::new(ListCampaignsResponse { campaigns, next_page_token }))
    }

    async fn get_campaign(&self, request: Request<GetCampaignRequest>) -> Result<Response<Campaign>, Status> {
        Permit::of(&request)?;
        let mut violations = Violations::default();
        let Some(id) = which(&request.get_ref().name, &mut violations) else { return Err(violations.refuse()) };
        let found = self.ask("name", move |campaigns| campaigns.get(id)).await?;
        Ok(Response::new(self.message(found)))
    }

    async fn set_aim(&self, request: Request<SetAimRequest>) -> Result<Response<Campaign>, Status> {
        Permit::of(&request)?;
        let SetAimRequest { name, aim } = request.into_inner();
        self.edit(&name, "aim", Edit::Aim(aim.trim().to_owned()), String::new()).await
    }

    async fn append_notes(&self, request: Request<AppendNotesRequest>) -> Result<Response<Campaign>, Status> {
        Permit::of(&request)?;
        let AppendNotesRequest { name, text, request_id } = request.into_inner();
        self.edit(&name, "text", Edit::AppendNotes(text), request_id).await
    }

    async fn sign_up_organisation(
        &self,
        request: Request<SignUpOrganisationRequest>,
    ) -> Result<Response<Campaign>, Status> {
        Permit::of(&request)?;
        let SignUpOrganisationRequest { name, organisation } = request.into_inner();
        self.edit(&name, "organisation", Edit::SignUp(organisation.trim().to_owned()), String::new()).await
    }

    async fn export_campaign(
        &self,
        request: Request<ExportCampaignRequest>,
    ) -> Result<Response<ExportCampaignResponse>, Status> {
        Permit::of(&request)?;
        let mut violations = Violations::default();
        let Some(id) = which(&request.get_ref().name, &mut violations) else { return Err(violations.refuse()) };
        let exported = self.ask("name", move |campaigns| campaigns.export(id)).await?;
        Ok(Response::new(ExportCampaignResponse { document: exported.document, actor: exported.actor.to_vec() }))
    }

    async fn apply_changes(&self, request: Request<ApplyChangesRequest>) -> Result<Response<Campaign>, Status> {
        Permit::of(&request)?;
        self.may_share()?;
        let ApplyChangesRequest { name, changes } = request.into_inner();
        let mut violations = Violations::default();
        let id = which(&name, &mut violations);
        if changes.is_empty() {
            violations.add("changes", "is missing");
        }
        let Some(id) = id else { return Err(violations.refuse()) };
        violations.check()?;
        let changed = self.ask("changes", move |campaigns| campaigns.apply_changes(id, changes)).await?;
        Ok(Response::new(self.message(changed)))
    }
}

impl Campaigns {
    /// Nothing is written that no other hub would ever take.
    fn may_share(&self) -> Result<(), Status> {
        if self.0.federation().is_none() {
            return Err(status::store(StoreError::NotJoined));
        }
        let directory = self.0.directory();
        let told = |academy: NodeId| self.0.peers().state(academy).revoked;
        let listed = directory.status(self.0.id()) == PeerStatus::Revoked;
        if listed || directory.academy().is_some_and(|(academy, _)| told(academy)) {
            return Err(status::synchronize(SyncError::Revoked));
        }
        Ok(())
    }

    /// Asks the store. What the campaign itself refuses is a fault of `field`.
    async fn ask<T: Send + 'static>(
        &self,
        field: &'static str,
        question: impl FnOnce(&CampaignStore) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, Status> {
        let answer = self.0.on_store(move |store| question(&store.campaigns()?)).await;
        answer.map_err(|error| {
            if let StoreError::CampaignRefused { reason } = error {
                return status::bad(field, reason);
            }
            status::store(error)
        })
    }

    async fn edit(
        &self,
        name: &str,
        field: &'static str,
        edit: Edit,
        request_id: String,
    ) -> Result<Response<Campaign>, Status> {
        self.may_share()?;
        let mut violations = Violations::default();
        let id = which(name, &mut violations);
        check(field, &edit, &mut violations);
        let Some(id) = id else { return Err(violations.refuse()) };
        violations.check()?;
        let edited = self.ask(field, move |campaigns| campaigns.edit(id, edit, &request_id)).await?;
        Ok(Response::new(self.message(edited)))
    }

    fn message(&self, state: CampaignState) -> Campaign {
        let CampaignState { id, membership, view, waiting, set_aside } = state;
        let View { title, aim, organisations, notes } = view;
        let member = |id: &NodeId| CampaignMember {
            hub: self.0.name_of(*id),
            node: id.to_string(),
            lead: *id == membership.lead,
        };
        let mut members: Vec<CampaignMember> = membership.members.iter().map(member).collect();
        members.sort_by(|one, other| (!one.lead, &one.hub, &one.node).cmp(&(!other.lead, &other.hub, &other.node)));
        let signed_up = |SignUp { organisation, hub }| proto::SignUp {
            organisation,
            hub: hub.parse().map(|id| self.0.name_of(id)).unwrap_or(hub),
        };
        Campaign {
            name: format!("campaigns/{id}"),
            title,
            aim,
            organisations: organisations.into_iter().map(signed_up).collect(),
            notes,
            members,
            academy_relays: membership.academy_relays,
            waiting_entries: i32::try_from(waiting).unwrap_or(i32::MAX),
            set_aside_entries: i32::try_from(set_aside).unwrap_or(i32::MAX),
        }
    }
}

fn which(name: &str, violations: &mut Violations) -> Option<CampaignId> {
    let id = resource_id("name", "campaigns", name, violations)?;
    id.parse().map_err(|_| violations.add("name", "write it as campaigns/ and 64 hexadecimal digits")).ok()
}

fn check(field: &str, edit: &Edit, violations: &mut Violations) {
    if let Err(error) = edit.check() {
        violations.add(field, error.to_string());
    }
}

/// What `me` is asked to begin, with members whom the directory lists.
fn new_campaign(asked: Campaign, me: NodeId, directory: &Directory) -> Result<NewCampaign, Status> {
    let mut violations = Violations::default();
    let title = asked.title.trim().to_owned();
    check("campaign.title", &Edit::Title(title.clone()), &mut violations);
    for (field, given) in [
        ("campaign.aim", !asked.aim.is_empty()),
        ("campaign.organisations", !asked.organisations.is_empty()),
        ("campaign.notes", !asked.notes.is_empty()),
    ] {
        if given {
            violations.add(field, "a campaign begins without: add it once the campaign is there");
        }
    }
    let hubs = || directory.hubs().values().filter(|hub| hub.state == HubState::Enrolled);
    let mut members = BTreeSet::from([me]);
    for (at, member) in asked.members.iter().enumerate() {
        let field = || format!("campaign.members[{at}].hub");
        match hubs().find(|hub| hub.name.as_str() == member.hub.trim()) {
            Some(hub) => drop(members.insert(hub.hub)),
            None if member.hub.trim().is_empty() => violations.add(field(), "is missing"),
            None => violations.add(field(), unknown(hubs().map(|hub| hub.name.as_str()).collect())),
        }
    }
    if members.len() > MEMBER_LIMIT {
        violations.add("campaign.members", format!("a campaign has {MEMBER_LIMIT} members at most, this hub included"));
    }
    violations.check()?;
    Ok(NewCampaign { title, members, academy_relays: asked.academy_relays })
}

/// Says which hubs there are.
fn unknown(mut hubs: Vec<&str>) -> String {
    hubs.sort_unstable();
    let more = hubs.len().saturating_sub(HUBS_NAMED);
    hubs.truncate(HUBS_NAMED);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!(
        "no hub of this name is enrolled, as far as the directory has come here: there are {}{more}",
        hubs.join(", ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_names_the_hubs_that_there_are_and_not_a_thousand() {
        assert!(unknown(vec!["Frome", "Bath"]).ends_with(": there are Bath, Frome"));
        let many: Vec<String> = (0..1_000).map(|number| format!("Hub {number:03}")).collect();
        let words = unknown(many.iter().map(String::as_str).collect());
        assert!(words.ends_with("Hub 028, Hub 029 and 970 more"), "{words}");
    }
}
