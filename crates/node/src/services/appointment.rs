//! Appointments of leads to campaigns that have lost theirs.

use std::sync::Arc;

use folkmoot_journal::{CampaignId, HubState};
use folkmoot_proto::academy::v1::{AppointLeadRequest, AppointLeadResponse};
use tonic::{Request, Response, Status};

use super::{ask, resource_id};
use crate::access::Permit;
use crate::generated::academy::appointment_service_server::AppointmentService;
use crate::node::Node;
use crate::status::Violations;

/// Appoints leads.
pub(crate) struct Appointments(pub(crate) Arc<Node>);

#[tonic::async_trait]
impl AppointmentService for Appointments {
    async fn appoint_lead(
        &self,
        request: Request<AppointLeadRequest>,
    ) -> Result<Response<AppointLeadResponse>, Status> {
        Permit::of(&request)?;
        let AppointLeadRequest { campaign, hub } = request.into_inner();
        let mut violations = Violations::default();
        let campaign: Option<CampaignId> = resource_id("campaign", "campaigns", &campaign, &mut violations)
            .and_then(|id| id.parse().map_err(|_| violations.add("campaign", "an id has 64 hexadecimal digits")).ok());
        let directory = self.0.directory();
        let mut hubs = directory.hubs().values().filter(|record| record.state == HubState::Enrolled);
        let hub = hubs.find(|record| record.name.as_str() == hub.trim()).map(|record| record.hub);
        if hub.is_none() {
            violations.add("hub", "no hub of this name is enrolled");
        }
        let (Some(campaign), Some(hub)) = (campaign, hub) else { return Err(violations.refuse()) };
        let checked = ask(&self.0, move |store| store.academy()?.appoint_lead(campaign, hub)).await?;
        Ok(Response::new(AppointLeadResponse { checked }))
    }
}
