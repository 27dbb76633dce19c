//! Everything that a publication needs, asked of the node.

use std::collections::BTreeSet;

use folkmoot_domain::Date;
use folkmoot_domain::calendar::parse_date;
use folkmoot_node::generated::academy::statistics_service_client::StatisticsServiceClient;
use folkmoot_node::generated::node::node_service_client::NodeServiceClient;
use folkmoot_proto::academy::v1 as wire;
use folkmoot_proto::academy::v1::observation::Status;
use folkmoot_proto::node::v1::GetStatusRequest;
use folkmoot_publication as publication;
use tonic::transport::Channel;

use super::pages;
use crate::arguments::Periods;
use crate::failure::Failure;
use crate::times;

/// What is to be published.
pub(super) struct Scope {
    pub(super) title: String,
    pub(super) requests: Vec<wire::ListObservationsRequest>,
    /// Every period that the requests name.
    pub(super) periods: Vec<Periods>,
}

pub(super) async fn gather(channel: Channel, scope: Scope) -> Result<publication::Statistics, Failure> {
    let Scope { title, requests, periods } = scope;
    let client = StatisticsServiceClient::new(channel.clone());
    let node = NodeServiceClient::new(channel.clone()).get_status(GetStatusRequest {}).await?.into_inner();
    let mut observations = Vec::new();
    for request in requests {
        for found in pages::observations(&client, request).await? {
            observations.push(observation(found)?);
        }
    }
    let (mut coverage, mut releases, mut declared) = (Vec::new(), Vec::new(), Vec::new());
    for periods in &periods {
        coverage.extend(pages::coverage(&client, periods).await?);
        releases.extend(pages::releases(&client, periods).await?);
        if let Some(programme) = periods.period.as_deref().and_then(|period| period.strip_prefix("programme/")) {
            declared.extend(pages::declared(&client, programme).await?);
        }
    }
    let versions: BTreeSet<u64> = releases.iter().map(|release| release.policy_version.into()).collect();
    let shown: BTreeSet<&str> =
        observations.iter().map(|it: &publication::Observation| it.indicator.as_str()).collect();
    let indicators = pages::indicators(&client).await?;
    let indicators = indicators.into_iter().filter(|indicator| shown.contains(indicator.code.as_str()));
    let policies = pages::policies(channel).await?;
    Ok(publication::Statistics {
        title,
        produced_at: times::now(),
        federation: node.federation_id,
        indicators: indicators.map(definition).collect(),
        observations,
        coverage: coverage.into_iter().map(covered).collect(),
        declared: declared.into_iter().map(declared_figure).collect(),
        releases: releases.into_iter().map(provenance).collect(),
        policies: policies.iter().filter_map(policy).filter(|policy| versions.contains(&policy.version)).collect(),
    })
}

fn observation(found: wire::Observation) -> Result<publication::Observation, Failure> {
    let (by, status) = (found.by(), found.status());
    let day = |text: &str| -> Result<Date, Failure> {
        parse_date(text).ok_or_else(|| Failure::Told(format!("the node named a day that does not exist: {text}")))
    };
    let (low, high) = (found.low.unwrap_or(0), found.high);
    let figure = match (status, found.value) {
        (Status::Exact, Some(value)) => publication::Figure::Exact(value),
        (Status::Rounded, Some(value)) => publication::Figure::Rounded { value, low, high: high.unwrap_or(value) },
        (Status::Interval, _) => publication::Figure::Interval { low, high },
        (Status::Hidden, _) => publication::Figure::Hidden { low, high },
        (Status::Unavailable, _) => publication::Figure::Unavailable,
        // What a newer node says is not shown either.
        (Status::BesideTotal | Status::Unspecified | Status::Exact | Status::Rounded, _) => {
            publication::Figure::Hidden { low: 0, high: None }
        }
    };
    Ok(publication::Observation {
        first_day: day(&found.first_day)?,
        last_day: day(&found.last_day)?,
        period: found.period,
        period_title: found.period_title,
        indicator: found.indicator,
        indicator_title: found.indicator_title,
        unit: found.unit,
        aggregation: found.aggregation,
        dimension: found.dimension,
        dimension_title: found.dimension_title,
        category: found.category,
        category_title: found.category_title,
        area: match by {
            wire::By::Region => publication::Area::Region(region(found.area)),
            wire::By::Hub => publication::Area::Hub(found.area),
            wire::By::Nation | wire::By::Unspecified => publication::Area::Nation,
        },
        figure,
        hubs: found.hubs.into(),
        hubs_hidden: found.hubs_hidden.into(),
        hubs_rounded: found.hubs_rounded.into(),
        hubs_missing: found.hubs_missing.into(),
        hubs_late: found.hubs_late.into(),
        label: found.label,
    })
}

/// A region as people read it.
pub(super) fn region(name: String) -> String {
    if name.is_empty() { "No region".to_owned() } else { name }
}

fn definition(indicator: wire::Indicator) -> publication::IndicatorDefinition {
    publication::IndicatorDefinition {
        code: indicator.code,
        title: indicator.title,
        unit: indicator.unit,
        aggregation: indicator.aggregation,
        definition: indicator.definition,
        outcome: indicator.outcome,
    }
}

fn covered(coverage: wire::Coverage) -> publication::Coverage {
    use wire::coverage::Timeliness;
    let timeliness = match coverage.timeliness() {
        Timeliness::OnTime => publication::Timeliness::OnTime,
        Timeliness::Late => publication::Timeliness::Late,
        Timeliness::Missing | Timeliness::Unspecified => publication::Timeliness::Missing,
    };
    publication::Coverage {
        hub: coverage.display_name,
        region: region(coverage.region),
        period: coverage.period,
        period_title: coverage.period_title,
        timeliness,
        days_after_close: coverage.days_after_close.map(u64::from),
    }
}

fn declared_figure(figure: wire::DeclaredFigure) -> publication::DeclaredFigure {
    publication::DeclaredFigure {
        programme: figure.programme,
        label: figure.label,
        indicator: figure.indicator,
        figure: figure.figure,
        unit: figure.unit,
        qualifier: figure.qualifier,
        kind: figure.kind,
        source: figure.source,
        comparable: figure.comparable,
        note: figure.note,
    }
}

fn provenance(release: wire::ReceivedRelease) -> publication::ReleaseProvenance {
    publication::ReleaseProvenance {
        hub: release.display_name,
        period: release.period,
        revision: release.revision.into(),
        policy_version: release.policy_version.into(),
        payload_hash: release.payload_hash,
        entry_hash: release.entry_hash,
    }
}

fn policy(policy: &wire::Policy) -> Option<publication::PolicyVersion> {
    let term = |term: Option<u32>| term.map(u64::from);
    Some(publication::PolicyVersion {
        version: policy.name.strip_prefix("policies/")?.parse().ok()?,
        threshold: term(policy.threshold)?,
        special_threshold: term(policy.special_threshold)?,
        largest_percent: term(policy.largest_percent)?,
        two_largest_percent: term(policy.two_largest_percent)?,
    })
}
