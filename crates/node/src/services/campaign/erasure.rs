//! Making campaigns forget.

use std::sync::Arc;

use folkmoot_journal::CampaignId;
use folkmoot_proto::hub::v1 as proto;
use folkmoot_proto::hub::v1::Campaign;
use folkmoot_store::UnixMillis;
use folkmoot_store::campaign::{CampaignStore, Erasure, Unsent};
use tonic::{Request, Response, Status};

use super::{Campaigns, which};
use crate::access::Permit;
use crate::generated::hub::campaign_erasure_service_server::CampaignErasureService;
use crate::node::Node;
use crate::services::timestamp;
use crate::status::Violations;

/// Makes campaigns forget, and says who has.
pub(crate) struct CampaignErasures(pub(crate) Arc<Node>);

#[tonic::async_trait]
impl CampaignErasureService for CampaignErasures {
    async fn erase_history(&self, request: Request<proto::EraseHistoryRequest>) -> Result<Response<Campaign>, Status> {
        Permit::of(&request)?;
        let (campaigns, id) = self.named(&request.get_ref().name)?;
        campaigns.may_share()?;
        let erased = campaigns.ask("name", move |store| store.erase(id)).await?;
        Ok(Response::new(campaigns.message(erased)))
    }

    async fn get_erasure(
        &self,
        request: Request<proto::GetErasureRequest>,
    ) -> Result<Response<proto::Erasure>, Status> {
        Permit::of(&request)?;
        let (campaigns, id) = self.named(&request.get_ref().name)?;
        let members = campaigns.ask("name", move |store: &CampaignStore| store.erasure(id)).await?;
        let member = |Erasure { node, attested }: &Erasure| proto::MemberErasure {
            hub: self.0.name_of(*node),
            dropped: attested.is_some(),
            write_time: attested.flatten().map(|minute| timestamp(UnixMillis(i64::from(minute) * 60_000))),
        };
        Ok(Response::new(proto::Erasure { members: members.iter().map(member).collect() }))
    }

    async fn list_unsent_edits(
        &self,
        request: Request<proto::ListUnsentEditsRequest>,
    ) -> Result<Response<proto::ListUnsentEditsResponse>, Status> {
        Permit::of(&request)?;
        let (campaigns, id) = self.named(&request.get_ref().name)?;
        let unsent = campaigns.ask("name", move |store: &CampaignStore| store.unsent(id)).await?;
        let edits = unsent.into_iter().map(|Unsent { what, said }| proto::UnsentEdit { what, said }).collect();
        Ok(Response::new(proto::ListUnsentEditsResponse { edits }))
    }

    async fn discard_unsent_edits(
        &self,
        request: Request<proto::DiscardUnsentEditsRequest>,
    ) -> Result<Response<proto::DiscardUnsentEditsResponse>, Status> {
        Permit::of(&request)?;
        let (campaigns, id) = self.named(&request.get_ref().name)?;
        campaigns.ask("name", move |store: &CampaignStore| store.discard_unsent(id)).await?;
        Ok(Response::new(proto::DiscardUnsentEditsResponse {}))
    }
}

impl CampaignErasures {
    fn named(&self, name: &str) -> Result<(Campaigns, CampaignId), Status> {
        let mut violations = Violations::default();
        let id = which("name", name, &mut violations);
        id.map(|id| (Campaigns(Arc::clone(&self.0)), id)).ok_or_else(|| violations.refuse())
    }
}
