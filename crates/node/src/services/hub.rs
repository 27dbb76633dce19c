//! The hubs of the federation, as the Academy registers them.

use std::sync::Arc;

use folkmoot_domain::hub::{HubKind, HubName, Stage};
use folkmoot_proto::academy::v1::hub::{Kind as WireKind, Stage as WireStage, State as WireState};
use folkmoot_proto::academy::v1::{
    Hub, InviteHubRequest, InviteHubResponse, ListHubsRequest, ListHubsResponse, RevokeHubRequest, UpdateHubRequest,
};
use folkmoot_store::academy::{HubChange, Invitation, KnownHub, KnownState, WhichHub};
use tonic::{Code, Request, Response, Status};

use super::paging::Page;
use super::{ask, read, resource_id, timestamp};
use crate::access::Permit;
use crate::generated::academy::hub_service_server::HubService;
use crate::node::Node;
use crate::status::{self, Violations};

/// How many characters a region may have.
const REGION: usize = 100;

/// Registers hubs.
pub(crate) struct Hubs(pub(crate) Arc<Node>);

#[tonic::async_trait]
impl HubService for Hubs {
    async fn invite_hub(&self, request: Request<InviteHubRequest>) -> Result<Response<InviteHubResponse>, Status> {
        Permit::of(&request)?;
        let request = request.into_inner();
        let invitation = invitation(&request)?;
        let mut token = [0; 16];
        getrandom::fill(&mut token).map_err(|error| status::failed(Code::Internal, "NO_RANDOMNESS", &error))?;
        let code = self.0.invite_code(token).map_err(status::node)?;

        let token = code.token.hash();
        let expires =
            ask(&self.0, move |store| store.academy()?.invite(token, invitation, &request.request_id)).await?;
        Ok(Response::new(InviteHubResponse { code: code.expose(), expire_time: Some(timestamp(expires)) }))
    }

    async fn list_hubs(&self, request: Request<ListHubsRequest>) -> Result<Response<ListHubsResponse>, Status> {
        Permit::of(&request)?;
        let ListHubsRequest { page_size, page_token } = request.into_inner();
        let mut violations = Violations::default();
        let page = Page::read(&["ListHubs"], page_size, &page_token, &mut violations);
        violations.check()?;

        let all = ask(&self.0, |store| store.academy()?.hubs()).await?;
        let (hubs, next_page_token) =
            page.cut(all.into_iter().map(message).collect(), |hub| format!("{}/{}", hub.display_name, hub.name));
        Ok(Response::new(ListHubsResponse { hubs, next_page_token }))
    }

    async fn update_hub(&self, request: Request<UpdateHubRequest>) -> Result<Response<Hub>, Status> {
        Permit::of(&request)?;
        let (which, change) = change(request.into_inner())?;
        let hub = ask(&self.0, move |store| store.academy()?.update_hub(which, change)).await?;
        Ok(Response::new(message(hub)))
    }

    async fn revoke_hub(&self, request: Request<RevokeHubRequest>) -> Result<Response<Hub>, Status> {
        Permit::of(&request)?;
        let RevokeHubRequest { name, display_name } = request.into_inner();
        let mut violations = Violations::default();
        let which = which(("name", &name), ("display_name", &display_name), &mut violations);
        let Some(which) = which else { return Err(violations.refuse()) };
        let hub = ask(&self.0, move |store| store.academy()?.revoke_hub(which)).await?;
        Ok(Response::new(message(hub)))
    }
}

fn invitation(request: &InviteHubRequest) -> Result<Invitation, Status> {
    let mut violations = Violations::default();
    let name: Option<HubName> = read("display_name", &request.display_name, &mut violations);
    let kind = kind(request.kind, &mut violations);
    let stage = stage("stage", request.stage, &mut violations);
    let region = region("region", &request.region, &mut violations);
    match name {
        Some(name) => violations.check().map(|()| Invitation {
            name,
            kind: kind.unwrap_or(HubKind::SocialActionHub),
            region,
            stage: stage.unwrap_or(Stage::Active),
        }),
        None => Err(violations.refuse()),
    }
}

fn change(request: UpdateHubRequest) -> Result<(WhichHub, HubChange), Status> {
    let mut violations = Violations::default();
    let hub = request.hub.unwrap_or_default();
    let which = which(("hub.name", &hub.name), ("hub.display_name", &hub.display_name), &mut violations);
    let mut change = HubChange::default();
    let paths = request.update_mask.unwrap_or_default().paths;
    if paths.is_empty() {
        violations.add("update_mask", "say which fields to change: region, stage");
    }
    for path in paths {
        match path.as_str() {
            "region" => change.region = Some(region("hub.region", &hub.region, &mut violations)),
            "stage" => {
                change.stage = stage("hub.stage", hub.stage, &mut violations);
                if hub.stage() == WireStage::Unspecified {
                    violations.add("hub.stage", "is missing");
                }
            }
            _ => violations.add("update_mask", "only region and stage can be changed"),
        }
    }
    if !hub.etag.is_empty() {
        change.version = hub.etag.parse().map_err(|_| violations.add("hub.etag", "give it back as it came")).ok();
    }
    match which {
        Some(which) => violations.check().map(|()| (which, change)),
        None => Err(violations.refuse()),
    }
}

/// A hub by its resource name or, where that is empty, by its own.
fn which(
    (name_field, name): (&str, &str),
    (display_field, display_name): (&str, &str),
    violations: &mut Violations,
) -> Option<WhichHub> {
    if name.is_empty() {
        return read(display_field, display_name, violations).map(WhichHub::Name);
    }
    let id = resource_id(name_field, "hubs", name, violations)?;
    id.parse()
        .map_err(|_| violations.add(name_field, "write it as hubs/ and 64 hexadecimal digits"))
        .map(WhichHub::Id)
        .ok()
}

fn region(field: &str, text: &str, violations: &mut Violations) -> String {
    let text = text.trim();
    if text.chars().count() > REGION || text.chars().any(char::is_control) {
        violations.add(field, "a region has 100 characters at most, none of them a control character");
    }
    text.to_owned()
}

fn kind(number: i32, violations: &mut Violations) -> Option<HubKind> {
    match WireKind::try_from(number) {
        Ok(WireKind::SocialActionHub) => Some(HubKind::SocialActionHub),
        Ok(WireKind::National) => Some(HubKind::National),
        Ok(WireKind::Unspecified) => None,
        Err(_) => {
            violations.add("kind", "no such kind of hub");
            None
        }
    }
}

fn stage(field: &str, number: i32, violations: &mut Violations) -> Option<Stage> {
    match WireStage::try_from(number) {
        Ok(WireStage::Enquiring) => Some(Stage::Enquiring),
        Ok(WireStage::Developing) => Some(Stage::Developing),
        Ok(WireStage::Active) => Some(Stage::Active),
        Ok(WireStage::Closed) => Some(Stage::Closed),
        Ok(WireStage::Unspecified) => None,
        Err(_) => {
            violations.add(field, "no such stage");
            None
        }
    }
}

fn message(hub: KnownHub) -> Hub {
    let kind = match hub.kind {
        HubKind::SocialActionHub => WireKind::SocialActionHub,
        HubKind::National => WireKind::National,
    };
    let stage = match hub.stage {
        Stage::Enquiring => WireStage::Enquiring,
        Stage::Developing => WireStage::Developing,
        Stage::Active => WireStage::Active,
        Stage::Closed => WireStage::Closed,
    };
    let state = match hub.state {
        KnownState::Invited => WireState::Invited,
        KnownState::Enrolled => WireState::Enrolled,
        KnownState::Suspended => WireState::Suspended,
        KnownState::Revoked => WireState::Revoked,
    };
    Hub {
        name: hub.id.map(|id| format!("hubs/{id}")).unwrap_or_default(),
        display_name: hub.name.to_string(),
        kind: kind.into(),
        region: hub.region,
        stage: stage.into(),
        state: state.into(),
        address: hub.address.unwrap_or_default(),
        join_time: hub.joined_at.map(timestamp),
        last_seen_time: hub.last_seen_at.map(timestamp),
        invite_expire_time: hub.invited_until.map(timestamp),
        // A hub that has not joined has no version that a change could be decided on.
        etag: if hub.version > 0 { hub.version.to_string() } else { String::new() },
    }
}
