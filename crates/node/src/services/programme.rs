//! The funding programmes.

use std::sync::Arc;

use folkmoot_domain::Date;
use folkmoot_domain::calendar::{self, ProgrammeCode, Quarter, iso, parse_date};
use folkmoot_proto::academy::v1::{CreateProgrammeRequest, ListProgrammesRequest, ListProgrammesResponse, Programme};
use folkmoot_store::academy::RegisteredProgramme;
use tonic::{Request, Response, Status};

use super::paging::Page;
use super::{ask, read, timestamp};
use crate::access::Permit;
use crate::generated::academy::programme_service_server::ProgrammeService;
use crate::node::Node;
use crate::status::{self, Violations};

/// Keeps the funding programmes.
pub(crate) struct Programmes(pub(crate) Arc<Node>);

#[tonic::async_trait]
impl ProgrammeService for Programmes {
    async fn create_programme(&self, request: Request<CreateProgrammeRequest>) -> Result<Response<Programme>, Status> {
        Permit::of(&request)?;
        let request = request.into_inner();
        let (programme, request_id) = (parse(&request)?, request.request_id);
        let created = ask(&self.0, move |store| store.academy()?.create_programme(&programme, &request_id)).await?;
        Ok(Response::new(message(created)))
    }

    async fn list_programmes(
        &self,
        request: Request<ListProgrammesRequest>,
    ) -> Result<Response<ListProgrammesResponse>, Status> {
        Permit::of(&request)?;
        let ListProgrammesRequest { page_size, page_token } = request.into_inner();
        let mut violations = Violations::default();
        let page = Page::read(&["ListProgrammes"], page_size, &page_token, &mut violations);
        violations.check()?;

        let all = ask(&self.0, |store| store.academy()?.programmes()).await?;
        let (programmes, next_page_token) = page.cut(all.into_iter().map(message).collect(), |one| one.name.clone());
        Ok(Response::new(ListProgrammesResponse { programmes, next_page_token }))
    }
}

fn parse(request: &CreateProgrammeRequest) -> Result<calendar::Programme, Status> {
    let mut violations = Violations::default();
    let code: Option<ProgrammeCode> = read("programme_id", &request.programme_id, &mut violations);
    let asked = request.programme.clone().unwrap_or_default();
    if !asked.name.is_empty() && asked.name != format!("programmes/{}", request.programme_id) {
        violations.add("programme.name", "leave it out, or write programmes/ and the programme_id");
    }
    let first = day("programme.first_day", &asked.first_day, &mut violations);
    let last = day("programme.last_day", &asked.last_day, &mut violations);
    let (Some(code), Some(first), Some(last)) = (code, first, last) else { return Err(violations.refuse()) };
    // A programme that nobody gave a title has its code for one.
    let title = if asked.title.trim().is_empty() { request.programme_id.clone() } else { asked.title };
    let programme = |title: &str, first, last| calendar::Programme::new(code.clone(), title, first, last);
    // Each field beside others that are sound, so that every fault is found at once.
    let (sound, quarter) = (code.as_str(), Quarter::of(first).span());
    for (field, attempt) in [
        ("programme.title", programme(&title, quarter.first, quarter.last)),
        ("programme.first_day", programme(sound, first, quarter.last)),
        ("programme.last_day", programme(sound, Quarter::of(last).first_day(), last)),
    ] {
        if let Err(error) = attempt {
            violations.add(field, error.to_string());
        }
    }
    violations.check()?;
    programme(&title, first, last).map_err(|error| status::bad("programme.last_day", error.to_string()))
}

fn day(field: &str, text: &str, violations: &mut Violations) -> Option<Date> {
    let day = parse_date(text);
    match day {
        None if text.is_empty() => violations.add(field, "is missing"),
        None => violations.add(field, "no such date; write it as 2018-06-30"),
        Some(_) => {}
    }
    day
}

fn message(registered: RegisteredProgramme) -> Programme {
    let RegisteredProgramme { programme, registered_at } = registered;
    Programme {
        name: format!("programmes/{}", programme.code),
        title: programme.title,
        first_day: iso(programme.span.first),
        last_day: iso(programme.span.last),
        create_time: registered_at.map(timestamp),
    }
}
