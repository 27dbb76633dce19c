//! The hub's private records: import, listenings one at a time, and all that is held on one person.

use std::sync::Arc;

use folkmoot_domain::calendar::iso;
use folkmoot_domain::import::NewListening;
use folkmoot_domain::record::Reference;
use folkmoot_proto::hub::v1::{
    HeldField, HeldRecord, ImportRecordsRequest, Listening, RecordListeningRequest, ShowPersonRequest,
    ShowPersonResponse,
};
use folkmoot_store::{StoreError, hub};
use tokio::sync::oneshot;
use tonic::{Code, Request, Response, Status, Streaming};

use super::{ask, resource_id, timestamp};
use crate::access::Permit;
use crate::csv::MAX_FIELD;
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

    async fn record_listening(&self, request: Request<RecordListeningRequest>) -> Result<Response<Listening>, Status> {
        let writer = Permit::of(&request)?.writer()?;
        let listening = given(request.into_inner().listening.unwrap_or_default())?;
        let hub = self.node.store().hub().map_err(status::store)?;
        // Many may come at once: none of them takes a thread.
        let (answer, answered) = oneshot::channel();
        // A caller that is gone wants no answer.
        hub.record_listening_then(writer, &listening, move |recorded| drop(answer.send(recorded)));
        let recorded = answered.await.unwrap_or(Err(StoreError::Closed)).map_err(status::store)?;
        let recorded = recorded.map_err(|found| {
            let mut violations = Violations::default();
            for violation in found {
                violations.add(requested(&violation.field), violation.reason);
            }
            violations.refuse()
        })?;
        Ok(Response::new(listening_message(recorded)))
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

/// What the caller gave, where no field is longer than one of a CSV file may be.
fn given(listening: Listening) -> Result<NewListening, Status> {
    let themes: usize = listening.themes.iter().map(|theme| theme.len() + 1).sum();
    let mut violations = Violations::default();
    for (column, length) in [
        ("ref", listening.reference.len()),
        ("date", listening.date.len()),
        ("organiser_ref", listening.organiser.len()),
        ("person_ref", listening.person.len()),
        ("campaign_ref", listening.listening_campaign.len()),
        ("mode", listening.mode.len()),
        ("ward", listening.ward.len()),
        ("themes", themes),
        ("kind", listening.kind.len()),
        ("note", listening.note.len()),
    ] {
        if length > MAX_FIELD {
            violations.add(requested(column), format!("is longer than {} KiB", MAX_FIELD / 1024));
        }
    }
    violations.check()?;
    Ok(NewListening {
        reference: listening.reference,
        date: listening.date,
        organiser: listening.organiser,
        person: listening.person,
        campaign: listening.listening_campaign,
        mode: listening.mode,
        ward: listening.ward,
        themes: listening.themes,
        kind: listening.kind,
        repeat: listening.repeat,
        note: listening.note,
    })
}

/// The request's name of a column of `listenings.csv`.
fn requested(column: &str) -> String {
    let field = match column {
        "ref" => "reference",
        "organiser_ref" => "organiser",
        "person_ref" => "person",
        "campaign_ref" => "listening_campaign",
        same => same,
    };
    format!("listening.{field}")
}

fn listening_message(recorded: hub::RecordedListening) -> Listening {
    let hub::RecordedListening { listening, created } = recorded;
    let optional = |reference: Option<Reference>| reference.map(|found| found.as_str().to_owned()).unwrap_or_default();
    Listening {
        name: format!("listenings/{}", listening.reference.as_str()),
        reference: listening.reference.as_str().to_owned(),
        date: iso(listening.date),
        organiser: listening.organiser.as_str().to_owned(),
        person: optional(listening.person),
        listening_campaign: optional(listening.campaign),
        mode: listening.mode.code().to_owned(),
        ward: listening.ward.into_inner(),
        themes: listening.themes,
        kind: listening.kind.code().to_owned(),
        repeat: listening.repeat,
        note: listening.note.into_inner(),
        create_time: Some(timestamp(created)),
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
