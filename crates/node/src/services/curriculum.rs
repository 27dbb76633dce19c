//! The shared curriculum: published at the Academy, read at every node.

use std::sync::Arc;

use folkmoot_domain::DomainError;
use folkmoot_domain::curriculum::{Edition, ItemCode, ItemKind};
use folkmoot_proto::academy::v1::{PublishEditionRequest, RetireItemRequest, RetireItemResponse};
use folkmoot_proto::node::v1 as proto;
use folkmoot_proto::node::v1::edition::Kind;
use folkmoot_proto::node::v1::{GetEditionRequest, ListEditionsRequest, ListEditionsResponse};
use folkmoot_store::curriculum::{EditionDraft, PublishedEdition};
use tonic::{Request, Response, Status};

use super::paging::Page;
use super::{ask, resource_id, timestamp};
use crate::access::Permit;
use crate::generated::{academy, node};
use crate::node::Node;
use crate::status::Violations;

/// Publishes and retires editions, at the Academy.
pub(crate) struct Publishing(pub(crate) Arc<Node>);

/// Reads the curriculum, at any node.
pub(crate) struct Curriculum(pub(crate) Arc<Node>);

#[tonic::async_trait]
impl academy::curriculum_service_server::CurriculumService for Publishing {
    async fn publish_edition(
        &self,
        request: Request<PublishEditionRequest>,
    ) -> Result<Response<proto::Edition>, Status> {
        Permit::of(&request)?;
        let draft = draft(request.into_inner().edition.unwrap_or_default())?;
        let published = ask(&self.0, move |store| store.curriculum().publish(draft)).await?;
        Ok(Response::new(message(published)))
    }

    async fn retire_item(&self, request: Request<RetireItemRequest>) -> Result<Response<RetireItemResponse>, Status> {
        Permit::of(&request)?;
        let mut violations = Violations::default();
        let item = resource_id("name", "items", &request.get_ref().name, &mut violations)
            .and_then(|item| code("name", item, &mut violations));
        let Some(item) = item else { return Err(violations.refuse()) };
        let retired = ask(&self.0, move |store| store.curriculum().retire(&item)).await?;
        Ok(Response::new(RetireItemResponse { editions: retired.into_iter().map(message).collect() }))
    }
}

#[tonic::async_trait]
impl node::curriculum_service_server::CurriculumService for Curriculum {
    async fn list_editions(
        &self,
        request: Request<ListEditionsRequest>,
    ) -> Result<Response<ListEditionsResponse>, Status> {
        Permit::of(&request)?;
        let ListEditionsRequest { page_size, page_token, all } = request.into_inner();
        let mut violations = Violations::default();
        let narrowed = if all { "all" } else { "current" };
        let page = Page::read(&["ListEditions", narrowed], page_size, &page_token, &mut violations);
        violations.check()?;

        let editions = ask(&self.0, move |store| store.curriculum().editions(all)).await?;
        let (editions, next_page_token) =
            page.cut(editions.into_iter().map(message).collect(), |edition| edition.name.clone());
        Ok(Response::new(ListEditionsResponse { editions, next_page_token }))
    }

    async fn get_edition(&self, request: Request<GetEditionRequest>) -> Result<Response<proto::Edition>, Status> {
        Permit::of(&request)?;
        let mut violations = Violations::default();
        let which = which(&request.get_ref().name, &mut violations);
        let Some((item, number)) = which else { return Err(violations.refuse()) };
        let edition = ask(&self.0, move |store| store.curriculum().edition(&item, number)).await?;
        Ok(Response::new(message(edition)))
    }
}

fn draft(asked: proto::Edition) -> Result<EditionDraft, Status> {
    let mut violations = Violations::default();
    let kind = match Kind::try_from(asked.kind) {
        Ok(Kind::Unit) => Some(ItemKind::Unit),
        Ok(Kind::Session) => Some(ItemKind::Session),
        Ok(Kind::Course) => Some(ItemKind::Course),
        Ok(Kind::Unspecified) => {
            violations.add("edition.kind", "is missing");
            None
        }
        Err(_) => {
            violations.add("edition.kind", "no such kind of item");
            None
        }
    };
    let item = match asked.item.as_str() {
        "" => ItemCode::of_title(&asked.title),
        given => code("edition.item", given, &mut violations),
    };
    if item.is_none() && asked.item.is_empty() && !asked.title.trim().is_empty() {
        violations.add("edition.item", "the title has no plain letter or digit to make a code of: give one");
    }
    // Without them the other faults are found all the same.
    let item = item.unwrap_or_else(|| "item".parse().expect("a plain word is a code"));
    let kind = kind.unwrap_or(ItemKind::Unit);
    // A negative number is as wrong as none. The store gives the edition its own number.
    let minutes = u32::try_from(asked.minutes).unwrap_or(0);
    match Edition::new(item, 1, &asked.title, kind, minutes, &asked.text) {
        Ok(Edition { item, number: _, title, kind, minutes, text }) => {
            violations.check().map(|()| EditionDraft { item, title, kind, minutes, text })
        }
        Err(wrong) => {
            for (field, error) in wrong {
                violations.add(format!("edition.{field}"), error.to_string());
            }
            Err(violations.refuse())
        }
    }
}

fn code(field: &str, text: &str, violations: &mut Violations) -> Option<ItemCode> {
    text.parse().map_err(|error: DomainError| violations.add(field, error.to_string())).ok()
}

/// Which edition a name such as `editions/first-listening.2` means; without a number the latest that is not retired.
fn which(name: &str, violations: &mut Violations) -> Option<(ItemCode, Option<u32>)> {
    let id = resource_id("name", "editions", name, violations)?;
    let Some((item, number)) = id.split_once('.') else {
        return code("name", id, violations).map(|item| (item, None));
    };
    let number = number.parse().ok().filter(|parsed: &u32| *parsed > 0 && parsed.to_string() == number);
    if number.is_none() {
        violations.add("name", "write the edition after the dot as a number that counts from 1");
    }
    Some((code("name", item, violations)?, Some(number?)))
}

fn message(published: PublishedEdition) -> proto::Edition {
    let PublishedEdition { edition, retired, published_at } = published;
    let kind = match edition.kind {
        ItemKind::Unit => Kind::Unit,
        ItemKind::Session => Kind::Session,
        ItemKind::Course => Kind::Course,
    };
    proto::Edition {
        name: format!("editions/{}.{}", edition.item, edition.number),
        item: edition.item.to_string(),
        // The wire's number is signed; an item has not two thousand million editions.
        edition: i32::try_from(edition.number).unwrap_or(i32::MAX),
        title: edition.title,
        kind: kind.into(),
        minutes: i32::try_from(edition.minutes).unwrap_or(i32::MAX),
        text: edition.text,
        retired,
        publish_time: Some(timestamp(published_at)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_means_an_edition_or_the_latest() {
        let item = |code: &str| code.parse().expect("a code");
        for (name, expected) in [
            ("editions/first-listening.2", Some((item("first-listening"), Some(2)))),
            ("editions/first-listening", Some((item("first-listening"), None))),
            ("editions/first-listening.0", None),
            ("editions/first-listening.02", None),
            ("editions/first-listening.", None),
            ("editions/First.1", None),
            ("editions/", None),
            ("items/first-listening", None),
        ] {
            let mut violations = Violations::default();
            assert_eq!(which(name, &mut violations), expected, "{name}");
            assert_eq!(violations.check().is_ok(), expected.is_some(), "{name}");
        }
    }
}
