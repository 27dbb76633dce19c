//! The campaigns that this hub shares with others. Their texts are for the members: none is told to the log.

mod erasure;
mod membership;
mod message;
mod outcome;
mod watch;

use std::collections::BTreeSet;
use std::sync::Arc;

use folkmoot_campaign::{CampaignError, Difference, Edit, Mark, Month, Prose};
use folkmoot_journal::membership::{MEMBER_LIMIT, role_at};
use folkmoot_journal::{CampaignId, Directory, HubState, NodeId, PeerStatus};
use folkmoot_proto::hub::v1 as proto;
use folkmoot_proto::hub::v1::Campaign;
use folkmoot_store::campaign::{CampaignChange, CampaignState, CampaignStore, NewCampaign};
use folkmoot_store::{StoreError, UnixMillis};
use prost::Message as _;
use tonic::{Request, Response, Status};

pub(crate) use self::erasure::CampaignErasures;
pub(crate) use self::membership::CampaignMemberships;
use self::message::Asked;
use self::watch::Watching;
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
    async fn create_campaign(
        &self,
        request: Request<proto::CreateCampaignRequest>,
    ) -> Result<Response<Campaign>, Status> {
        Permit::of(&request)?;
        self.may_share()?;
        let proto::CreateCampaignRequest { campaign, request_id } = request.into_inner();
        let campaign = new_campaign(campaign.unwrap_or_default(), self.0.id(), &self.0.directory())?;
        let created = self.ask("campaign.title", move |campaigns| campaigns.create(campaign, &request_id)).await?;
        Ok(Response::new(self.message(created)))
    }

    async fn list_campaigns(
        &self,
        request: Request<proto::ListCampaignsRequest>,
    ) -> Result<Response<proto::ListCampaignsResponse>, Status> {
        Permit::of(&request)?;
        let proto::ListCampaignsRequest { page_size, page_token } = request.into_inner();
        let mut violations = Violations::default();
        let page = Page::read(&["ListCampaigns"], page_size, &page_token, &mut violations);
        violations.check()?;

        let node = Arc::clone(&self.0);
        let light = move |state| Campaign {
            notes: String::new(),
            notes_marks: Vec::new(),
            story: String::new(),
            story_marks: Vec::new(),
            ..message::campaign(&node, state)
        };
        let (campaigns, next_page_token) = self
            .ask("", move |campaigns| {
                let made = |id| match campaigns.get(id) {
                    Ok(state) => Ok(Some(light(state))),
                    Err(StoreError::NoSuchCampaign) => Ok(None),
                    Err(error) => Err(error),
                };
                page.cut_made(campaigns.list()?, CampaignId::to_string, made, Campaign::encoded_len)
            })
            .await?;
        Ok(Response::new(proto::ListCampaignsResponse { campaigns, next_page_token }))
    }

    async fn get_campaign(&self, request: Request<proto::GetCampaignRequest>) -> Result<Response<Campaign>, Status> {
        Permit::of(&request)?;
        let mut violations = Violations::default();
        let id = which("name", &request.get_ref().name, &mut violations);
        let version = match request.get_ref().version.as_str() {
            "" => None,
            name => message::change("version", name, &mut violations),
        };
        if version.is_some_and(|(of, _)| Some(of) != id) {
            violations.add("version", "it is of another campaign");
        }
        let Some(id) = id else { return Err(violations.refuse()) };
        violations.check()?;
        let found = self.ask("name", move |campaigns| {
            let state = campaigns.get(id)?;
            let Some((_, change)) = version else { return Ok(state) };
            Ok(CampaignState { view: Arc::new(campaigns.versions(id)?.view(change)?), ..state })
        });
        Ok(Response::new(self.message(found.await?)))
    }

    type WatchCampaignStream = Watching;

    async fn watch_campaign(
        &self,
        request: Request<proto::WatchCampaignRequest>,
    ) -> Result<Response<Watching>, Status> {
        Permit::of(&request)?;
        let proto::WatchCampaignRequest { name, heads, with_presence } = request.into_inner();
        let mut violations = Violations::default();
        let campaign = which("name", &name, &mut violations);
        let heads: Vec<Option<[u8; 32]>> = heads.iter().map(|head| head.as_slice().try_into().ok()).collect();
        for at in heads.iter().enumerate().filter(|(_, head)| head.is_none()).map(|(at, _)| at) {
            violations.add(format!("heads[{at}]"), "a head has 32 bytes");
        }
        let Some(campaign) = campaign else { return Err(violations.refuse()) };
        violations.check()?;
        let heads: Vec<[u8; 32]> = heads.into_iter().flatten().collect();
        Ok(Response::new(watch::watch(Arc::clone(&self.0), campaign, heads, with_presence)))
    }

    async fn list_changes(
        &self,
        request: Request<proto::ListChangesRequest>,
    ) -> Result<Response<proto::ListChangesResponse>, Status> {
        Permit::of(&request)?;
        let proto::ListChangesRequest { parent, page_size, page_token, without_differences } = request.into_inner();
        let mut violations = Violations::default();
        let campaign = which("parent", &parent, &mut violations);
        let page = Page::read(&["ListChanges", &parent], page_size, &page_token, &mut violations);
        let Some(campaign) = campaign else { return Err(violations.refuse()) };
        violations.check()?;
        let answer = self.ask("parent", move |campaigns| {
            let steps = campaigns.membership_steps(campaign)?;
            let (changes, token) = page.cut(campaigns.changes(campaign)?, |change| CampaignId(change.hash).to_string());
            if without_differences {
                return Ok((steps, changes.into_iter().map(|change| (change, Vec::new())).collect(), token));
            }
            let versions = campaigns.versions(campaign)?;
            let told = changes.into_iter().map(|change| Ok((change, versions.differences_of(change.hash)?)));
            Ok((steps, told.collect::<Result<Vec<_>, StoreError>>()?, token))
        });
        let (steps, changes, next_page_token) = answer.await?;
        let told = |(change, differences): (CampaignChange, Vec<Difference>)| proto::CampaignChange {
            name: message::change_name(campaign, change.hash),
            hub: self.0.name_of(change.author),
            lead: steps.last().is_some_and(|now| now.roster.lead() == change.author),
            role: change
                .written_at
                .and_then(|minute| role_at(&steps, change.author, minute))
                .map_or(proto::CampaignRole::Unspecified, membership::wire_role)
                .into(),
            write_time: change.written_at.map(|minute| super::timestamp(UnixMillis(i64::from(minute) * 60_000))),
            differences: differences.iter().map(|it| message::difference(&self.0, campaign, it)).collect(),
        };
        Ok(Response::new(proto::ListChangesResponse {
            changes: changes.into_iter().map(told).collect(),
            next_page_token,
        }))
    }

    async fn compare_versions(
        &self,
        request: Request<proto::CompareVersionsRequest>,
    ) -> Result<Response<proto::CompareVersionsResponse>, Status> {
        Permit::of(&request)?;
        let proto::CompareVersionsRequest { before, after } = request.into_inner();
        let mut violations = Violations::default();
        let before = message::change("before", &before, &mut violations);
        let after = match after.as_str() {
            "" => None,
            name => message::change("after", name, &mut violations),
        };
        let Some((campaign, before)) = before else { return Err(violations.refuse()) };
        if after.is_some_and(|(of, _)| of != campaign) {
            violations.add("after", "it is of another campaign");
        }
        violations.check()?;
        let after = after.map(|(_, change)| change);
        let found = self.ask("before", move |campaigns| campaigns.versions(campaign)?.compare(before, after)).await?;
        let differences = found.iter().map(|it| message::difference(&self.0, campaign, it)).collect();
        Ok(Response::new(proto::CompareVersionsResponse { differences }))
    }

    async fn undo_change(&self, request: Request<proto::UndoChangeRequest>) -> Result<Response<Campaign>, Status> {
        Permit::of(&request)?;
        self.may_share()?;
        let mut violations = Violations::default();
        let change = message::change("name", &request.get_ref().name, &mut violations);
        let Some((campaign, change)) = change else { return Err(violations.refuse()) };
        let undone = self.ask("name", move |campaigns| campaigns.undo(campaign, change)).await?;
        Ok(Response::new(self.message(undone)))
    }

    async fn set_aim(&self, request: Request<proto::SetAimRequest>) -> Result<Response<Campaign>, Status> {
        Permit::of(&request)?;
        let proto::SetAimRequest { name, aim } = request.into_inner();
        self.edit(&name, "aim", Edit::Aim(aim), String::new()).await
    }

    async fn set_title(&self, request: Request<proto::SetTitleRequest>) -> Result<Response<Campaign>, Status> {
        Permit::of(&request)?;
        let proto::SetTitleRequest { name, title } = request.into_inner();
        self.edit(&name, "title", Edit::Title(title), String::new()).await
    }

    async fn edit_notes(&self, request: Request<proto::EditNotesRequest>) -> Result<Response<Campaign>, Status> {
        Permit::of(&request)?;
        let proto::EditNotesRequest { name, at, delete, insert, request_id } = request.into_inner();
        self.write(&name, Prose::Notes, (at, delete), insert, request_id).await
    }

    async fn edit_story(&self, request: Request<proto::EditStoryRequest>) -> Result<Response<Campaign>, Status> {
        Permit::of(&request)?;
        let proto::EditStoryRequest { name, at, delete, insert, request_id } = request.into_inner();
        self.write(&name, Prose::Story, (at, delete), insert, request_id).await
    }

    async fn mark_text(&self, request: Request<proto::MarkTextRequest>) -> Result<Response<Campaign>, Status> {
        Permit::of(&request)?;
        let proto::MarkTextRequest { name, text, mark, remove } = request.into_inner();
        let mut violations = Violations::default();
        let prose = message::asked_prose(text, &mut violations);
        let mark = message::asked_mark(mark, &mut violations);
        let (Some(prose), Some(Mark { start, end, style })) = (prose, mark) else { return Err(violations.refuse()) };
        self.edit(&name, "mark", Edit::Mark { prose, start, end, style, on: !remove }, String::new()).await
    }

    async fn append_notes(&self, request: Request<proto::AppendNotesRequest>) -> Result<Response<Campaign>, Status> {
        Permit::of(&request)?;
        let proto::AppendNotesRequest { name, text, request_id } = request.into_inner();
        self.edit(&name, "text", Edit::AppendNotes(text), request_id).await
    }

    async fn sign_up_organisation(
        &self,
        request: Request<proto::SignUpOrganisationRequest>,
    ) -> Result<Response<Campaign>, Status> {
        Permit::of(&request)?;
        let proto::SignUpOrganisationRequest { name, organisation, date } = request.into_inner();
        let date = Some(outcome::day_or(self.0.now().date(), &date)?);
        let edit = Edit::SignUp { organisation, date };
        self.edit(&name, "organisation", edit, String::new()).await
    }

    async fn add_issue(&self, request: Request<proto::AddIssueRequest>) -> Result<Response<Campaign>, Status> {
        Permit::of(&request)?;
        let proto::AddIssueRequest { parent, issue, request_id } = request.into_inner();
        self.add(&parent, issue, request_id).await
    }

    async fn update_issue(&self, request: Request<proto::UpdateIssueRequest>) -> Result<Response<Campaign>, Status> {
        Permit::of(&request)?;
        let proto::UpdateIssueRequest { issue, update_mask } = request.into_inner();
        self.update(issue, update_mask.unwrap_or_default().paths).await
    }

    async fn add_ask(&self, request: Request<proto::AddAskRequest>) -> Result<Response<Campaign>, Status> {
        Permit::of(&request)?;
        let proto::AddAskRequest { parent, ask, request_id } = request.into_inner();
        self.add(&parent, ask.map(|ask| outcome::won_on(self.0.now().date(), ask)), request_id).await
    }

    async fn update_ask(&self, request: Request<proto::UpdateAskRequest>) -> Result<Response<Campaign>, Status> {
        Permit::of(&request)?;
        let proto::UpdateAskRequest { ask, update_mask } = request.into_inner();
        let (ask, paths) = self.dated(ask, update_mask.unwrap_or_default().paths).await;
        self.update(ask, paths).await
    }

    async fn add_decision_maker(
        &self,
        request: Request<proto::AddDecisionMakerRequest>,
    ) -> Result<Response<Campaign>, Status> {
        Permit::of(&request)?;
        let proto::AddDecisionMakerRequest { parent, decision_maker, request_id } = request.into_inner();
        self.add(&parent, decision_maker, request_id).await
    }

    async fn update_decision_maker(
        &self,
        request: Request<proto::UpdateDecisionMakerRequest>,
    ) -> Result<Response<Campaign>, Status> {
        Permit::of(&request)?;
        let proto::UpdateDecisionMakerRequest { decision_maker, update_mask } = request.into_inner();
        self.update(decision_maker, update_mask.unwrap_or_default().paths).await
    }

    async fn add_action(&self, request: Request<proto::AddActionRequest>) -> Result<Response<Campaign>, Status> {
        Permit::of(&request)?;
        let proto::AddActionRequest { parent, action, request_id } = request.into_inner();
        self.add(&parent, action, request_id).await
    }

    async fn update_action(&self, request: Request<proto::UpdateActionRequest>) -> Result<Response<Campaign>, Status> {
        Permit::of(&request)?;
        let proto::UpdateActionRequest { action, update_mask } = request.into_inner();
        self.update(action, update_mask.unwrap_or_default().paths).await
    }

    async fn add_task(&self, request: Request<proto::AddTaskRequest>) -> Result<Response<Campaign>, Status> {
        Permit::of(&request)?;
        let proto::AddTaskRequest { parent, task, request_id } = request.into_inner();
        self.add(&parent, task, request_id).await
    }

    async fn update_task(&self, request: Request<proto::UpdateTaskRequest>) -> Result<Response<Campaign>, Status> {
        Permit::of(&request)?;
        let proto::UpdateTaskRequest { task, update_mask } = request.into_inner();
        self.update(task, update_mask.unwrap_or_default().paths).await
    }

    async fn add_link(&self, request: Request<proto::AddLinkRequest>) -> Result<Response<Campaign>, Status> {
        Permit::of(&request)?;
        let proto::AddLinkRequest { parent, link, request_id } = request.into_inner();
        self.add(&parent, link, request_id).await
    }

    async fn update_link(&self, request: Request<proto::UpdateLinkRequest>) -> Result<Response<Campaign>, Status> {
        Permit::of(&request)?;
        let proto::UpdateLinkRequest { link, update_mask } = request.into_inner();
        self.update(link, update_mask.unwrap_or_default().paths).await
    }

    async fn remove_entry(&self, request: Request<proto::RemoveEntryRequest>) -> Result<Response<Campaign>, Status> {
        Permit::of(&request)?;
        let mut violations = Violations::default();
        let entry = message::entry("name", &request.get_ref().name, None, &mut violations);
        let Some((campaign, list, id)) = entry else { return Err(violations.refuse()) };
        self.carry_out(campaign, "name", Edit::Remove { list, id }, String::new()).await
    }

    async fn count_reach(&self, request: Request<proto::CountReachRequest>) -> Result<Response<Campaign>, Status> {
        Permit::of(&request)?;
        let proto::CountReachRequest { name, month, people, request_id } = request.into_inner();
        let mut violations = Violations::default();
        let campaign = which("name", &name, &mut violations);
        let month: Option<Month> = super::read("month", &month, &mut violations);
        let (Some(campaign), Some(month)) = (campaign, month) else { return Err(violations.refuse()) };
        self.carry_out(campaign, "people", Edit::CountReach { month, people }, request_id).await
    }

    async fn export_campaign(
        &self,
        request: Request<proto::ExportCampaignRequest>,
    ) -> Result<Response<proto::ExportCampaignResponse>, Status> {
        Permit::of(&request)?;
        let mut violations = Violations::default();
        let Some(id) = which("name", &request.get_ref().name, &mut violations) else { return Err(violations.refuse()) };
        let exported = self.ask("name", move |campaigns| campaigns.export(id)).await?;
        Ok(Response::new(proto::ExportCampaignResponse {
            document: exported.document,
            actor: exported.actor.to_vec(),
            generation: i32::try_from(exported.generation).unwrap_or(i32::MAX),
        }))
    }

    async fn apply_changes(&self, request: Request<proto::ApplyChangesRequest>) -> Result<Response<Campaign>, Status> {
        Permit::of(&request)?;
        self.may_share()?;
        let proto::ApplyChangesRequest { name, changes } = request.into_inner();
        let mut violations = Violations::default();
        let id = which("name", &name, &mut violations);
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

    /// Edits a text of the campaign; `field` is where the request has it.
    async fn edit(
        &self,
        name: &str,
        field: &'static str,
        edit: Edit,
        request_id: String,
    ) -> Result<Response<Campaign>, Status> {
        let mut violations = Violations::default();
        let id = which("name", name, &mut violations);
        edit.faults().iter().for_each(|fault| violations.add(field, fault.to_string()));
        let Some(id) = id else { return Err(violations.refuse()) };
        violations.check()?;
        self.carry_out(id, field, edit, request_id).await
    }

    async fn write(
        &self,
        name: &str,
        prose: Prose,
        (at, delete): (i32, i32),
        insert: String,
        request_id: String,
    ) -> Result<Response<Campaign>, Status> {
        let mut violations = Violations::default();
        let at = message::unit("at", at, &mut violations);
        let delete = message::unit("delete", delete, &mut violations);
        let (Some(at), Some(delete)) = (at, delete) else { return Err(violations.refuse()) };
        self.edit(name, "insert", Edit::Write { prose, at, delete, insert }, request_id).await
    }

    async fn add<T: Asked>(
        &self,
        parent: &str,
        asked: Option<T>,
        request_id: String,
    ) -> Result<Response<Campaign>, Status> {
        let mut violations = Violations::default();
        let campaign = which("parent", parent, &mut violations);
        let Some(asked) = asked else {
            violations.add(T::FIELD, "is missing");
            return Err(violations.refuse());
        };
        let edit = Edit::Add(asked.item(&self.0.directory(), &mut violations));
        check::<T>(&edit, &mut violations);
        let Some(campaign) = campaign else { return Err(violations.refuse()) };
        violations.check()?;
        self.carry_out(campaign, T::FIELD, edit, request_id).await
    }

    async fn update<T: Asked>(&self, asked: Option<T>, paths: Vec<String>) -> Result<Response<Campaign>, Status> {
        let mut violations = Violations::default();
        let Some(asked) = asked else { return Err(status::bad(T::FIELD, "is missing")) };
        let name = asked.name().to_owned();
        let fields = message::parts::<T>(&paths, &mut violations);
        let item = asked.item(&self.0.directory(), &mut violations);
        let field = format!("{}.name", T::FIELD);
        let entry = message::entry(&field, &name, Some(item.list()), &mut violations);
        let Some((campaign, _, id)) = entry else { return Err(violations.refuse()) };
        let edit = Edit::Update { id, item, fields };
        check::<T>(&edit, &mut violations);
        violations.check()?;
        self.carry_out(campaign, T::FIELD, edit, String::new()).await
    }

    /// Has an edit carried out that is within its limits; `field` is at fault where the document does not take it.
    async fn carry_out(
        &self,
        id: CampaignId,
        field: &'static str,
        edit: Edit,
        request_id: String,
    ) -> Result<Response<Campaign>, Status> {
        self.may_share()?;
        let edited = self.ask(field, move |campaigns| campaigns.edit(id, edit, &request_id)).await?;
        Ok(Response::new(self.message(edited)))
    }

    fn message(&self, state: CampaignState) -> Campaign {
        message::campaign(&self.0, state)
    }
}

fn which(field: &str, name: &str, violations: &mut Violations) -> Option<CampaignId> {
    let id = resource_id(field, "campaigns", name, violations)?;
    id.parse().map_err(|_| violations.add(field, "write it as campaigns/ and 64 hexadecimal digits")).ok()
}

/// Notes what of an item is outside its limits, each by the part of the request that says it.
fn check<T: Asked>(edit: &Edit, violations: &mut Violations) {
    for fault in edit.faults() {
        let key = match &fault {
            CampaignError::TooLong { field, .. }
            | CampaignError::Empty { field }
            | CampaignError::ControlCharacter { field, .. } => *field,
            CampaignError::Damaged
            | CampaignError::EditFailed
            | CampaignError::NoSuchEntry
            | CampaignError::NoSuchVersion
            | CampaignError::NotOwn
            | CampaignError::NothingToUndo
            | CampaignError::OutOfText { .. }
            | CampaignError::TooMany { .. }
            | CampaignError::BelowZero { .. } => "",
        };
        let part = T::PARTS.iter().find(|(_, field)| field.key() == key).map_or("", |(part, _)| part);
        violations.add(format!("{}.{part}", T::FIELD), fault.to_string());
    }
}

/// The hub of a name, where one is enrolled.
fn enrolled(directory: &Directory, name: &str) -> Option<NodeId> {
    let mut hubs = directory.hubs().values().filter(|hub| hub.state == HubState::Enrolled);
    hubs.find(|hub| hub.name.as_str() == name.trim()).map(|hub| hub.hub)
}

/// Says which hubs there are.
fn unknown_among(directory: &Directory) -> String {
    let hubs = directory.hubs().values().filter(|hub| hub.state == HubState::Enrolled);
    unknown(hubs.map(|hub| hub.name.as_str()).collect())
}

/// What `me` is asked to begin, with members whom the directory lists.
fn new_campaign(asked: Campaign, me: NodeId, directory: &Directory) -> Result<NewCampaign, Status> {
    let mut violations = Violations::default();
    let title = asked.title.trim().to_owned();
    for fault in Edit::Title(title.clone()).faults() {
        violations.add("campaign.title", fault.to_string());
    }
    for (field, given) in [
        ("campaign.aim", !asked.aim.is_empty()),
        ("campaign.organisations", !asked.organisations.is_empty()),
        ("campaign.notes", !asked.notes.is_empty()),
        ("campaign.story", !asked.story.is_empty()),
        ("campaign.issues", !asked.issues.is_empty()),
        ("campaign.asks", !asked.asks.is_empty()),
        ("campaign.decision_makers", !asked.decision_makers.is_empty()),
        ("campaign.actions", !asked.actions.is_empty()),
        ("campaign.tasks", !asked.tasks.is_empty()),
        ("campaign.links", !asked.links.is_empty()),
        ("campaign.reach", !asked.reach.is_empty()),
    ] {
        if given {
            violations.add(field, "a campaign begins without: add it once the campaign is there");
        }
    }
    let (mut members, mut readers) = (BTreeSet::from([me]), BTreeSet::new());
    for (at, member) in asked.members.iter().enumerate() {
        let field = || format!("campaign.members[{at}].hub");
        match enrolled(directory, &member.hub) {
            Some(hub) if hub != me && member.role() == proto::CampaignRole::Reader => drop(readers.insert(hub)),
            Some(hub) => drop(members.insert(hub)),
            None if member.hub.trim().is_empty() => violations.add(field(), "is missing"),
            None => violations.add(field(), unknown_among(directory)),
        }
    }
    if members.len() + readers.len() > MEMBER_LIMIT {
        violations.add("campaign.members", format!("a campaign has {MEMBER_LIMIT} members at most, this hub included"));
    }
    violations.check()?;
    Ok(NewCampaign { title, members, readers, academy_relays: asked.academy_relays })
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
