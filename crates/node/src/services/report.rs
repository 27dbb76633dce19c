//! What hubs have released, added up.

use std::sync::Arc;

use folkmoot_domain::calendar::{Period, iso};
use folkmoot_domain::declared::{self, declared};
use folkmoot_domain::indicator::{Aggregation, Indicator};
use folkmoot_proto::academy::v1::{DeclaredFigure, GetReportRequest, ReceivedRelease, Report, ReportLine};
use folkmoot_store::academy;
use tonic::{Request, Response, Status};

use super::{ask, read, timestamp};
use crate::access::Permit;
use crate::generated::academy::report_service_server::ReportService;
use crate::node::Node;
use crate::status::Violations;

/// Adds up what hubs have released.
pub(crate) struct Reports(pub(crate) Arc<Node>);

#[tonic::async_trait]
impl ReportService for Reports {
    async fn get_report(&self, request: Request<GetReportRequest>) -> Result<Response<Report>, Status> {
        Permit::of(&request)?;
        let mut violations = Violations::default();
        let period = one_period("period", &request.get_ref().period, &mut violations);
        let Some(period) = period else { return Err(violations.refuse()) };

        let asked = period.clone();
        let report = ask(&self.0, move |store| store.academy()?.report(&asked)).await?;
        Ok(Response::new(Report {
            period: period.to_string(),
            period_title: period.title(),
            first_day: iso(report.span.first),
            last_day: iso(report.span.last),
            indicators: report.lines.into_iter().map(line).collect(),
            declared: published(&period).into_iter().map(figure).collect(),
            releases: report.releases.into_iter().map(received).collect(),
        }))
    }
}

fn line(line: academy::Line) -> ReportLine {
    let indicator = line.key.indicator;
    ReportLine {
        code: indicator.code().to_owned(),
        title: indicator.title().to_owned(),
        unit: indicator.unit().name().to_owned(),
        aggregation: indicator.aggregation().name().to_owned(),
        dimension: line.key.dimension_code().to_owned(),
        category: line.key.category_code().to_owned(),
        category_title: line.key.category_title().to_owned(),
        value: line.value,
        low: Some(line.low),
        high: line.high,
        hubs: line.hubs,
        hubs_hidden: line.hubs_hidden,
        hubs_rounded: line.hubs_rounded,
        hubs_missing: line.hubs_missing,
        label: label(indicator, line.hubs),
        hubs_late: line.hubs_late,
    }
}

/// What to say beside a figure that so many hubs stand behind.
pub(super) fn label(indicator: Indicator, hubs: u32) -> String {
    let how = match indicator.aggregation() {
        Aggregation::Distinct => "sum of hub-distinct",
        Aggregation::Sum | Aggregation::Stock => "sum over hubs",
    };
    if hubs == 0 { "no release held".to_owned() } else { how.to_owned() }
}

/// What was published of a period: programmes alone have such figures.
fn published(period: &Period) -> Vec<declared::DeclaredFigure> {
    match period {
        Period::Programme(code) => declared(code),
        Period::Quarter(_) | Period::FinancialYear(_) => Vec::new(),
    }
}

pub(super) fn figure(figure: declared::DeclaredFigure) -> DeclaredFigure {
    DeclaredFigure {
        programme: figure.programme.to_owned(),
        programme_title: figure.programme_title.to_owned(),
        label: figure.label.to_owned(),
        indicator: figure.indicator.map(|indicator| indicator.code().to_owned()),
        figure: figure.figure,
        unit: figure.unit.to_owned(),
        qualifier: figure.qualifier.name().to_owned(),
        kind: figure.kind.name().to_owned(),
        source: figure.source.to_owned(),
        comparable: figure.comparable,
        note: figure.note.to_owned(),
    }
}

pub(super) fn received(release: academy::ReleaseBehind) -> ReceivedRelease {
    ReceivedRelease {
        hub: format!("hubs/{}", release.hub),
        display_name: release.name,
        period: release.period.to_string(),
        revision: release.revision,
        policy_version: release.policy_version,
        threshold: release.terms.threshold,
        special_threshold: release.terms.special_threshold,
        largest_percent: release.terms.largest_percent,
        two_largest_percent: release.terms.two_largest_percent,
        payload_hash: release.payload_hash.to_string(),
        entry_hash: release.entry_hash.to_string(),
        receive_time: Some(timestamp(release.received_at)),
    }
}

/// Reads a period. Several of them are refused with the reason why they are not added up.
pub(super) fn one_period(field: &str, text: &str, violations: &mut Violations) -> Option<Period> {
    let several =
        text.split([',', '+', ';', ' ']).chain(text.split("..")).filter(|part| part.parse::<Period>().is_ok());
    if text.parse::<Period>().is_err() && several.count() > 0 {
        violations.add(field, NOT_ADDED_UP);
        return None;
    }
    read(field, text, violations)
}

/// Why there is no figure over several periods.
pub(super) const NOT_ADDED_UP: &str = "figures of several periods are not added up: somebody who came in two quarters \
                                       would count twice. Each longer period has figures of its own, which hubs count \
                                       afresh: ask for a financial year, such as 2018/19, or a programme, such as \
                                       programme/COEP";
