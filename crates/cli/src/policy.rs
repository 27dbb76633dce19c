//! Disclosure policies: set and listed at the Academy, and as a hub applies them.

use folkmoot_domain::calendar::Period;
use folkmoot_node::generated::{academy as academy_api, hub as hub_api};
use folkmoot_proto::academy::v1 as wire;
use folkmoot_proto::hub::v1 as proto;
use serde_json::{Value, json};

use crate::arguments::{Data, Format, Policy, SetPolicy};
use crate::connection;
use crate::failure::Failure;
use crate::output::{print, print_json, table, text};
use crate::times;

const PAGE: i32 = 1000;
/// What the node calls the fields, and what a person typed.
const TYPED: [(&str, &str); 5] = [
    ("policy.threshold", "--threshold"),
    ("policy.special_threshold", "--special-threshold"),
    ("policy.largest_percent", "--largest"),
    ("policy.two_largest_percent", "--two-largest"),
    ("policy.first_quarter", "--from"),
];
const TITLES: [&str; 4] = ["Threshold", "Special threshold", "Largest share", "Two largest"];

pub(crate) async fn academy(command: Policy, format: Format) -> Result<(), Failure> {
    match command {
        Policy::Set(arguments) => set(arguments, format).await,
        Policy::List(arguments) => list(arguments, format).await,
    }
}

async fn set(arguments: SetPolicy, format: Format) -> Result<(), Failure> {
    let channel = connection::academy(&arguments.folder.data).await?;
    let policy = wire::Policy {
        first_quarter: arguments.from.unwrap_or_default(),
        threshold: arguments.threshold,
        special_threshold: arguments.special_threshold,
        largest_percent: arguments.largest,
        two_largest_percent: arguments.two_largest,
        ..wire::Policy::default()
    };
    let request = wire::CreatePolicyRequest { policy: Some(policy), request_id: String::new() };
    let mut client = academy_api::policy_service_client::PolicyServiceClient::new(channel);
    let answer = client.create_policy(request).await.map_err(|status| Failure::from(status).calling(&TYPED))?;
    let policy = answer.into_inner();
    match format {
        Format::Json => print_json(&policy_json(&policy)),
        Format::Table => print(&format!(
            "Policy {} holds from {} on: {}. It is never taken back; later ones are as strict or stricter.",
            version(&policy.name),
            quarter_title(&policy.first_quarter),
            sentence(&terms(&policy)),
        )),
    }
}

async fn list(Data { data }: Data, format: Format) -> Result<(), Failure> {
    let mut client = academy_api::policy_service_client::PolicyServiceClient::new(connection::academy(&data).await?);
    let (mut policies, mut page_token) = (Vec::new(), String::new());
    loop {
        let request = wire::ListPoliciesRequest { page_size: PAGE, page_token };
        let page = client.list_policies(request).await?.into_inner();
        policies.extend(page.policies);
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    match format {
        Format::Json => print_json(&json!({ "policies": policies.iter().map(policy_json).collect::<Vec<_>>() })),
        Format::Table => {
            let mut table = table(&[["Policy", "Holds from"].as_slice(), &TITLES, &["Set"]].concat());
            for policy in &policies {
                let from = match (policy.first_quarter.as_str(), policy.replaced) {
                    ("", _) => "the beginning: the floors".to_owned(),
                    (quarter, true) => format!("{quarter}, but a later one replaces it"),
                    (quarter, false) => quarter.to_owned(),
                };
                let first = [version(&policy.name).to_string(), from];
                let cells = first.into_iter().chain(shown(&terms(policy)));
                table.add_row(cells.chain([times::words(policy.create_time)]));
            }
            print(&text(table, &[0, 2, 3, 4, 5]))
        }
    }
}

pub(crate) async fn hub(Data { data }: Data, format: Format) -> Result<(), Failure> {
    let mut client = hub_api::policy_service_client::PolicyServiceClient::new(connection::hub(&data).await?);
    let (mut policies, mut page_token) = (Vec::new(), String::new());
    let own = loop {
        let request = proto::ListPoliciesRequest { page_size: PAGE, page_token };
        let page = client.list_policies(request).await?.into_inner();
        policies.extend(page.policies);
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break page.own.unwrap_or_default();
        }
    };
    match format {
        Format::Json => {
            let policies: Vec<Value> = policies.iter().map(applied_json).collect();
            print_json(&json!({ "policies": policies, "own": terms_json(&own) }))
        }
        Format::Table => {
            let mut table = table(&[["Policy", "For periods that end"].as_slice(), &TITLES].concat());
            for policy in &policies {
                let (set, applied) = (policy.terms.unwrap_or_default(), policy.applied.unwrap_or_default());
                let cells = shown(&set).into_iter().zip(shown(&applied)).map(|(set, applied)| match set == applied {
                    true => applied,
                    false => format!("{applied} (policy: {set})"),
                });
                let first = [version(&policy.name).to_string(), when(&policy.first_quarter, &policy.last_quarter)];
                table.add_row(first.into_iter().chain(cells));
            }
            let own = format!(
                "\nThis hub's own terms, by [disclosure] in folkmoot.toml: {}. Of these and the policy's, the stricter hold.\n",
                sentence(&own)
            );
            print(&(text(table, &[0]) + &own))
        }
    }
}

/// From which quarter to which.
fn when(first: &str, last: &str) -> String {
    match (first, last) {
        ("", "") => "at any time".to_owned(),
        ("", last) => format!("up to {last}"),
        (first, "") => format!("from {first} on"),
        (first, last) if first == last => format!("in {first}"),
        (first, last) => format!("from {first} to {last}"),
    }
}

fn quarter_title(code: &str) -> String {
    code.parse::<Period>().map_or_else(|_| code.to_owned(), |quarter| quarter.title())
}

fn version(name: &str) -> u32 {
    name.strip_prefix("policies/").and_then(|version| version.parse().ok()).unwrap_or_default()
}

fn terms(policy: &wire::Policy) -> proto::DisclosureTerms {
    proto::DisclosureTerms {
        threshold: policy.threshold(),
        special_threshold: policy.special_threshold(),
        largest_percent: policy.largest_percent(),
        two_largest_percent: policy.two_largest_percent(),
    }
}

/// The terms in the order of their titles.
fn shown(terms: &proto::DisclosureTerms) -> [String; 4] {
    [
        terms.threshold.to_string(),
        terms.special_threshold.to_string(),
        format!("{} %", terms.largest_percent),
        format!("{} %", terms.two_largest_percent),
    ]
}

fn sentence(terms: &proto::DisclosureTerms) -> String {
    let titled = TITLES.iter().zip(shown(terms)).map(|(title, value)| format!("{} {value}", title.to_lowercase()));
    titled.collect::<Vec<_>>().join(", ")
}

fn terms_json(terms: &proto::DisclosureTerms) -> Value {
    json!({
        "threshold": terms.threshold,
        "special_threshold": terms.special_threshold,
        "largest_percent": terms.largest_percent,
        "two_largest_percent": terms.two_largest_percent,
    })
}

fn quarter_json(code: &str) -> Value {
    if code.is_empty() { Value::Null } else { Value::from(code) }
}

fn policy_json(policy: &wire::Policy) -> Value {
    json!({
        "version": version(&policy.name),
        "from": quarter_json(&policy.first_quarter),
        "terms": terms_json(&terms(policy)),
        "replaced": policy.replaced,
        "set": times::json(policy.create_time),
    })
}

fn applied_json(policy: &proto::Policy) -> Value {
    json!({
        "version": version(&policy.name),
        "from": quarter_json(&policy.first_quarter),
        "to": quarter_json(&policy.last_quarter),
        "terms": policy.terms.as_ref().map(terms_json),
        "applied": policy.applied.as_ref().map(terms_json),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn periods_are_said_as_people_say_them() {
        for (first, last, expected) in [
            ("", "", "at any time"),
            ("", "2026-Q4", "up to 2026-Q4"),
            ("2027-Q1", "", "from 2027-Q1 on"),
            ("2027-Q1", "2027-Q1", "in 2027-Q1"),
            ("2027-Q1", "2027-Q4", "from 2027-Q1 to 2027-Q4"),
        ] {
            assert_eq!(when(first, last), expected);
        }
    }

    #[test]
    fn terms_are_one_sentence() {
        let terms = proto::DisclosureTerms {
            threshold: 8,
            special_threshold: 10,
            largest_percent: 50,
            two_largest_percent: 90,
        };
        assert_eq!(sentence(&terms), "threshold 8, special threshold 10, largest share 50 %, two largest 90 %");
    }
}
