//! The hub's private records: import, and all that is held on one person.

use std::sync::Arc;

use folkmoot_domain::record::Reference;
use folkmoot_proto::hub::v1::{HeldField, HeldRecord, ImportRecordsRequest, ShowPersonRequest, ShowPersonResponse};
use folkmoot_store::hub;
use tonic::{Code, Request, Response, Status, Streaming};

use super::{ask, resource_id, timestamp};
use crate::access::Permit;
use crate::generated::hub::record_service_server::RecordService;
use crate::import::{Answers, ImportDesk};
use crate::node::Node;
use crate::status::{self, Violations};

/// Holds the hub's private records.
pub(crate) struct Records {
    node: Arc<Node>,
    desk: ImportDesk,
}

impl Records {
    pub(crate) fn new(node: Arc<Node>) -> Self {
        let desk = ImportDesk::new(node.folder().path().to_owned());
        Self { node, desk }
    }
}

#[tonic::async_trait]
impl RecordService for Records {
    type ImportRecordsStream = Answers;

    async fn import_records(
        &self,
        request: Request<Streaming<ImportRecordsRequest>>,
    ) -> Result<Response<Answers>, Status> {
        let writer = Permit::of(&request)?.writer()?;
        let hub = self.node.store().hub().map_err(status::store)?;
        self.desk.run(hub, writer, request.into_inner()).await.map(Response::new)
    }

    async fn record_listening(
        &self,
        _request: Request<folkmoot_proto::hub::v1::RecordListeningRequest>,
    ) -> Result<Response<folkmoot_proto::hub::v1::Listening>, Status> {
        Err(Status::unimplemented("being built"))
    }

    async fn show_person(&self, request: Request<ShowPersonRequest>) -> Result<Response<ShowPersonResponse>, Status> {
        Permit::of(&request)?;
        let name = request.into_inner().name;
        let mut violations = Violations::default();
        let Some(reference) = resource_id("name", "people", &name, &mut violations) else {
            return Err(violations.refuse());
        };
        let Some(reference) = Reference::new(reference) else { return Err(nobody()) };

        let held = ask(&self.node, move |store| store.hub()?.show_person(&reference)).await?;
        let records = held.ok_or_else(nobody)?.into_iter().map(record).collect();
        Ok(Response::new(ShowPersonResponse { name, records }))
    }
}

fn nobody() -> Status {
    status::reasoned(Code::NotFound, "NO_SUCH_PERSON", "the hub holds nobody with this ref")
}

fn record(held: hub::HeldRecord) -> HeldRecord {
    let fields = held.fields.into_iter();
    HeldRecord {
        kind: held.kind.to_owned(),
        role: held.role.to_owned(),
        reference: held.reference.into_inner(),
        fields: fields.map(|held| HeldField { field: held.field.to_owned(), value: held.value.into_inner() }).collect(),
        create_time: Some(timestamp(held.created)),
        update_time: Some(timestamp(held.updated)),
        created_by: held.created_by.to_string(),
        updated_by: held.updated_by.to_string(),
    }
}
