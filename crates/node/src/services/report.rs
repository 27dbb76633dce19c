//! What hubs have released, added up.

use std::sync::Arc;

use folkmoot_domain::calendar::{Period, iso};
use folkmoot_domain::declared::{self, declared};
use folkmoot_domain::indicator::Aggregation;
use folkmoot_proto::academy::v1::{DeclaredFigure, GetReportRequest, Report, ReportLine};
use folkmoot_store::academy;
use tonic::{Request, Response, Status};

use super::{ask, read};
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
        let period: Option<Period> = read("period", &request.get_ref().period, &mut violations);
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
        label: label(&line),
    }
}

/// What to say beside a figure.
fn label(line: &academy::Line) -> String {
    let how = match line.key.indicator.aggregation() {
        Aggregation::Distinct => "sum of hub-distinct",
        Aggregation::Sum | Aggregation::Stock => "sum over hubs",
    };
    if line.hubs == 0 { "no release held".to_owned() } else { how.to_owned() }
}

/// What was published of a period: programmes alone have such figures.
fn published(period: &Period) -> Vec<declared::DeclaredFigure> {
    match period {
        Period::Programme(code) => declared(code),
        Period::Quarter(_) | Period::FinancialYear(_) => Vec::new(),
    }
}

fn figure(figure: declared::DeclaredFigure) -> DeclaredFigure {
    DeclaredFigure {
        programme: figure.programme.to_owned(),
        label: figure.label.to_owned(),
        indicator: figure.indicator.map(|indicator| indicator.code().to_owned()),
        figure: figure.figure,
        qualifier: figure.qualifier.name().to_owned(),
        kind: figure.kind.name().to_owned(),
        source: figure.source.to_owned(),
        comparable: figure.comparable,
        note: figure.note.to_owned(),
    }
}
