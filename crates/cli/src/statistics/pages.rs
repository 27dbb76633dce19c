//! Lists, gathered page by page.

use folkmoot_domain::calendar::{Period, Quarter, parse_date};
use folkmoot_node::generated::academy::policy_service_client::PolicyServiceClient;
use folkmoot_proto::academy::v1 as wire;
use tonic::transport::Channel;

use super::Client;
use crate::academy;
use crate::arguments::Periods;
use crate::failure::Failure;

const PAGE: i32 = 1000;

/// Gathers a list: `page` asks for the page of a token, and gives its items and the next token.
async fn all<T, F>(mut page: impl FnMut(String) -> F) -> Result<Vec<T>, Failure>
where
    F: Future<Output = Result<(Vec<T>, String), Failure>>,
{
    let (mut items, mut token) = (Vec::new(), String::new());
    loop {
        let (more, next) = page(token).await?;
        items.extend(more);
        if next.is_empty() {
            return Ok(items);
        }
        token = next;
    }
}

pub(super) async fn observations(
    client: &Client,
    request: wire::ListObservationsRequest,
) -> Result<Vec<wire::Observation>, Failure> {
    all(|page_token| {
        let (mut client, request) = (client.clone(), request.clone());
        async move {
            let request = wire::ListObservationsRequest { page_size: PAGE, page_token, ..request };
            let page = client.list_observations(request).await?.into_inner();
            Ok((page.observations, page.next_page_token))
        }
    })
    .await
}

pub(super) async fn coverage(client: &Client, periods: &Periods) -> Result<Vec<wire::Coverage>, Failure> {
    let (period, first_period, last_period) = fields(periods);
    all(|page_token| {
        let mut client = client.clone();
        let request = wire::ListCoverageRequest {
            period: period.clone(),
            first_period: first_period.clone(),
            last_period: last_period.clone(),
            page_size: PAGE,
            page_token,
        };
        async move {
            let page = client.list_coverage(request).await?.into_inner();
            Ok((page.coverage, page.next_page_token))
        }
    })
    .await
}

pub(super) async fn releases(client: &Client, periods: &Periods) -> Result<Vec<wire::ReceivedRelease>, Failure> {
    let (period, first_period, last_period) = fields(periods);
    all(|page_token| {
        let mut client = client.clone();
        let request = wire::ListReceivedReleasesRequest {
            period: period.clone(),
            first_period: first_period.clone(),
            last_period: last_period.clone(),
            page_size: PAGE,
            page_token,
        };
        async move {
            let page = client.list_received_releases(request).await?.into_inner();
            Ok((page.releases, page.next_page_token))
        }
    })
    .await
}

pub(super) async fn indicators(client: &Client) -> Result<Vec<wire::Indicator>, Failure> {
    all(|page_token| {
        let mut client = client.clone();
        async move {
            let request = wire::ListIndicatorsRequest { page_size: PAGE, page_token };
            let page = client.list_indicators(request).await?.into_inner();
            Ok((page.indicators, page.next_page_token))
        }
    })
    .await
}

pub(super) async fn declared(client: &Client, programme: &str) -> Result<Vec<wire::DeclaredFigure>, Failure> {
    all(|page_token| {
        let mut client = client.clone();
        let programme = programme.to_owned();
        async move {
            let request = wire::ListDeclaredFiguresRequest { programme, page_size: PAGE, page_token };
            let page = client.list_declared_figures(request).await?.into_inner();
            Ok((page.declared_figures, page.next_page_token))
        }
    })
    .await
}

pub(super) async fn policies(channel: Channel) -> Result<Vec<wire::Policy>, Failure> {
    let client = PolicyServiceClient::new(channel);
    all(|page_token| {
        let mut client = client.clone();
        async move {
            let page =
                client.list_policies(wire::ListPoliciesRequest { page_size: PAGE, page_token }).await?.into_inner();
            Ok((page.policies, page.next_page_token))
        }
    })
    .await
}

/// The quarters of a period.
pub(super) async fn quarters(channel: Channel, period: &str) -> Result<Periods, Failure> {
    let days = match period.parse() {
        Ok(Period::Quarter(_)) | Err(_) => None,
        Ok(Period::FinancialYear(year)) => Some((year.first_day(), year.last_day())),
        Ok(Period::Programme(code)) => {
            let programmes = academy::programmes(channel).await?;
            let name = format!("programmes/{code}");
            let programme = programmes.into_iter().find(|programme| programme.name == name);
            let programme = programme.ok_or_else(|| Failure::Told(format!("there is no programme {code}")))?;
            parse_date(&programme.first_day).zip(parse_date(&programme.last_day))
        }
    };
    Ok(match days {
        None => Periods { period: Some(period.to_owned()), from: None, to: None },
        Some((first, last)) => {
            let quarter = |day| Some(Quarter::of(day).to_string());
            Periods { period: None, from: quarter(first), to: quarter(last) }
        }
    })
}

fn fields(periods: &Periods) -> (String, String, String) {
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    (text(&periods.period), text(&periods.from), text(&periods.to))
}
