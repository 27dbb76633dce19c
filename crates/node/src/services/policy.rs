//! Disclosure policies: set at the Academy, read at hubs.

use std::sync::Arc;

use folkmoot_disclosure::{GivenTerms, InForce, Terms};
use folkmoot_domain::calendar::{Period, Quarter};
use folkmoot_proto::academy::v1 as wire;
use folkmoot_proto::hub::v1 as proto;
use folkmoot_store::academy::{KnownPolicy, PolicyDraft};
use tonic::{Request, Response, Status};

use super::paging::Page;
use super::{ask, timestamp};
use crate::access::Permit;
use crate::generated::{academy, hub};
use crate::node::Node;
use crate::status::Violations;

/// Sets policies, at the Academy.
pub(crate) struct PolicyMaking(pub(crate) Arc<Node>);

/// Says which policy holds when, and what the hub makes of it, at a hub.
pub(crate) struct Policies(pub(crate) Arc<Node>);

#[tonic::async_trait]
impl academy::policy_service_server::PolicyService for PolicyMaking {
    async fn create_policy(
        &self,
        request: Request<wire::CreatePolicyRequest>,
    ) -> Result<Response<wire::Policy>, Status> {
        Permit::of(&request)?;
        let wire::CreatePolicyRequest { policy, request_id } = request.into_inner();
        let draft = draft(&policy.unwrap_or_default())?;
        let created = ask(&self.0, move |store| store.academy()?.create_policy(draft, &request_id)).await?;
        Ok(Response::new(message(created)))
    }

    async fn list_policies(
        &self,
        request: Request<wire::ListPoliciesRequest>,
    ) -> Result<Response<wire::ListPoliciesResponse>, Status> {
        Permit::of(&request)?;
        let wire::ListPoliciesRequest { page_size, page_token } = request.into_inner();
        let page = page(page_size, &page_token)?;
        let all = ask(&self.0, |store| store.academy()?.policies()).await?;
        let (policies, next_page_token) = page.cut(all.into_iter().map(message).collect(), |one| one.name.clone());
        Ok(Response::new(wire::ListPoliciesResponse { policies, next_page_token }))
    }
}

#[tonic::async_trait]
impl hub::policy_service_server::PolicyService for Policies {
    async fn list_policies(
        &self,
        request: Request<proto::ListPoliciesRequest>,
    ) -> Result<Response<proto::ListPoliciesResponse>, Status> {
        Permit::of(&request)?;
        let proto::ListPoliciesRequest { page_size, page_token } = request.into_inner();
        let page = page(page_size, &page_token)?;
        let own = self.0.settings().disclosure;
        let known = self.0.directory().policies().schedule().into_iter().map(|one| applied(&one, &own)).collect();
        let (policies, next_page_token) = page.cut(known, |policy: &proto::Policy| policy.name.clone());
        Ok(Response::new(proto::ListPoliciesResponse { policies, next_page_token, own: Some(terms(own)) }))
    }
}

fn page(page_size: i32, page_token: &str) -> Result<Page, Status> {
    let mut violations = Violations::default();
    let page = Page::read(&["ListPolicies"], page_size, page_token, &mut violations);
    violations.check().map(|()| page)
}

fn draft(asked: &wire::Policy) -> Result<PolicyDraft, Status> {
    let mut violations = Violations::default();
    if !asked.name.is_empty() {
        violations.add("policy.name", "leave it out: policies are numbered as they are made");
    }
    let from = match asked.first_quarter.parse() {
        Ok(Period::Quarter(quarter)) => Some(quarter),
        Ok(Period::FinancialYear(_) | Period::Programme(_)) | Err(_) => {
            if !asked.first_quarter.is_empty() {
                violations.add("policy.first_quarter", "write a quarter, such as 2027-Q1");
            }
            None
        }
    };
    let wire::Policy { threshold, special_threshold, largest_percent, two_largest_percent, .. } = *asked;
    let given = GivenTerms { threshold, special_threshold, largest_percent, two_largest_percent };
    violations.check().map(|()| PolicyDraft { from, given })
}

fn message(known: KnownPolicy) -> wire::Policy {
    let Terms { threshold, special_threshold, largest_percent, two_largest_percent } = known.policy.terms();
    wire::Policy {
        name: format!("policies/{}", known.policy.version()),
        first_quarter: code(known.from),
        threshold: Some(threshold),
        special_threshold: Some(special_threshold),
        largest_percent: Some(largest_percent),
        two_largest_percent: Some(two_largest_percent),
        create_time: known.made_at.map(timestamp),
        replaced: known.replaced,
    }
}

fn applied(one: &InForce, own: &Terms) -> proto::Policy {
    proto::Policy {
        name: format!("policies/{}", one.policy.version()),
        first_quarter: code(one.first),
        last_quarter: code(one.last),
        terms: Some(terms(one.policy.terms())),
        applied: Some(terms(one.policy.tightened_by(own).terms())),
    }
}

/// A quarter's code; empty where there is none.
fn code(quarter: Option<Quarter>) -> String {
    quarter.map(|quarter| quarter.to_string()).unwrap_or_default()
}

/// Terms as clients read them.
pub(super) fn terms(terms: Terms) -> proto::DisclosureTerms {
    let Terms { threshold, special_threshold, largest_percent, two_largest_percent } = terms;
    proto::DisclosureTerms { threshold, special_threshold, largest_percent, two_largest_percent }
}
