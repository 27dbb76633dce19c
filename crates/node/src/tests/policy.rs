//! Policies: set at the Academy, applied at hubs. It is the fourth quarter of 2026.

use std::fs;

use folkmoot_disclosure::{Policy, Terms};
use folkmoot_domain::calendar::{Quarter, Span};
use folkmoot_proto::academy::v1 as wire;
use folkmoot_proto::hub::v1 as proto;
use tonic::{Status, transport::Channel};

use super::{
    answering::{bad, channel, refused},
    *,
};
use crate::generated::{academy::policy_service_client, hub::policy_service_client::PolicyServiceClient};

fn policy(first_quarter: &str, threshold: Option<u32>, largest_percent: Option<u32>) -> wire::Policy {
    wire::Policy { first_quarter: first_quarter.into(), threshold, largest_percent, ..Default::default() }
}

async fn create(channel: &Channel, policy: wire::Policy, request_id: &str) -> Result<wire::Policy, Status> {
    let request = wire::CreatePolicyRequest { policy: Some(policy), request_id: request_id.into() };
    let mut client = policy_service_client::PolicyServiceClient::new(channel.clone());
    client.create_policy(request).await.map(tonic::Response::into_inner)
}

/// The policies of the Academy, over as many pages as they take.
async fn made(channel: &Channel) -> Vec<wire::Policy> {
    let (mut page_token, mut policies) = (String::new(), Vec::new());
    loop {
        let request = wire::ListPoliciesRequest { page_size: 1, page_token };
        let mut client = policy_service_client::PolicyServiceClient::new(channel.clone());
        let page = client.list_policies(request).await.expect("a page").into_inner();
        policies.extend(page.policies);
        page_token = page.next_page_token;
        if page_token.is_empty() {
            return policies;
        }
    }
}

/// The policies that a hub knows, and its own terms.
async fn known(channel: &Channel) -> (Vec<proto::Policy>, proto::DisclosureTerms) {
    let (mut page_token, mut policies) = (String::new(), Vec::new());
    loop {
        let request = proto::ListPoliciesRequest { page_size: 1, page_token };
        let page = PolicyServiceClient::new(channel.clone()).list_policies(request).await.expect("a page").into_inner();
        policies.extend(page.policies);
        page_token = page.next_page_token;
        if page_token.is_empty() {
            return (policies, page.own.expect("own terms"));
        }
    }
}

fn terms(threshold: u32, special: u32, largest: u32) -> proto::DisclosureTerms {
    proto::DisclosureTerms { threshold, special_threshold: special, largest_percent: largest, two_largest_percent: 90 }
}

fn quarter(year: i32, number: u8) -> Span {
    Quarter::new(year, number).expect("a quarter").span()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hub_applies_the_stricter_of_the_policy_and_its_own_terms() {
    let (home, academy) = academy().await;
    let (place, hub) = Place::joined("Warminster", &academy).await;
    let desk = channel(&home).await;
    let second = create(&desk, policy("", Some(12), None), "id").await.expect("set");
    assert_eq!(second.first_quarter, "2027-Q1", "the next");
    assert_eq!((second.name.as_str(), second.threshold, second.special_threshold), ("policies/2", Some(12), Some(12)));
    assert_eq!(create(&desk, policy("2027-Q1", Some(12), None), "id").await.expect("the same"), second);
    let third = create(&desk, policy("2027-Q3", None, Some(40)), "").await.expect("set");
    assert_eq!((third.threshold, third.largest_percent, third.two_largest_percent), (Some(12), Some(40), Some(90)));
    let floor = wire::Policy {
        name: "policies/1".into(),
        threshold: Some(8),
        special_threshold: Some(10),
        largest_percent: Some(50),
        two_largest_percent: Some(90),
        ..Default::default()
    };
    assert_eq!(made(&desk).await, [floor, second, third]);
    synchronize(hub.node()).await.expect("all is exchanged");
    hub.stop().await;

    // In a later process, with terms of its own, and the Academy away.
    academy.stop().await;
    let path = place.data.join("folkmoot.toml");
    let settings = fs::read_to_string(&path).expect("settings");
    fs::write(&path, format!("{settings}\n[disclosure]\nspecial_threshold = 15\nlargest_percent = 45\n"))
        .expect("written");
    let hub = place.start().await;
    let (policies, own) = known(&channel(&place).await).await;
    assert_eq!(own, terms(8, 15, 45));
    let expected = |version: u32, first: &str, last: &str, set, applied| proto::Policy {
        name: format!("policies/{version}"),
        first_quarter: first.into(),
        last_quarter: last.into(),
        terms: Some(set),
        applied: Some(applied),
    };
    assert_eq!(
        policies,
        [
            expected(1, "", "2026-Q4", terms(8, 10, 50), terms(8, 15, 45)),
            expected(2, "2027-Q1", "2027-Q2", terms(12, 12, 50), terms(12, 15, 45)),
            expected(3, "2027-Q3", "", terms(12, 12, 40), terms(12, 15, 40)),
        ]
    );
    let node = hub.node();
    let own = Terms { special_threshold: 15, largest_percent: 45, ..Terms::FLOOR };
    assert_eq!(node.policy(quarter(2026, 4)), Policy::floor().tightened_by(&own));
    let year = Span { first: quarter(2026, 2).first, last: quarter(2027, 1).last };
    assert_eq!((node.policy(year).version(), node.policy(year).threshold()), (2, 12), "a year by its last day");
    assert_eq!(node.policy(quarter(2030, 1)).terms(), Terms { threshold: 12, largest_percent: 40, ..own });
    hub.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_wrong_with_a_policy_is_said_at_once() {
    let (home, academy) = academy().await;
    let desk = channel(&home).await;
    for (wrong, fields) in [
        (wire::Policy::default(), vec!["policy.first_quarter"]),
        (
            wire::Policy { name: "policies/2".into(), ..policy("2027", None, None) },
            vec!["policy.name", "policy.first_quarter"],
        ),
        (
            policy("2026-Q4", Some(0), Some(51)),
            vec!["policy.threshold", "policy.largest_percent", "policy.first_quarter"],
        ),
        (policy("2027-Q1", None, None), vec!["policy.first_quarter"]),
        (
            wire::Policy {
                special_threshold: Some(11),
                two_largest_percent: Some(40),
                ..policy("2027-Q1", Some(12), Some(45))
            },
            vec!["policy.special_threshold", "policy.two_largest_percent"],
        ),
    ] {
        assert_eq!(refused(create(&desk, wrong, "").await), bad(&fields));
    }
    let begun = create(&desk, policy("2026-Q4", Some(9), None), "").await.expect_err("it has begun");
    assert!(begun.message().contains("2027-Q1 or later"), "{begun}");
    assert_eq!(made(&desk).await.len(), 1);
    academy.stop().await;
}
