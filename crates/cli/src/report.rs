//! The national figures of one period.

use folkmoot_node::generated::academy::report_service_client::ReportServiceClient;
use folkmoot_proto::academy::v1 as wire;
use serde_json::{Value, json};

use crate::arguments::{ForPeriod, Format};
use crate::connection;
use crate::failure::Failure;
use crate::figures;
use crate::output::{print, print_json, table, text};

pub(crate) async fn run(arguments: ForPeriod, format: Format) -> Result<(), Failure> {
    let channel = connection::academy(&arguments.folder.data).await?;
    let request = wire::GetReportRequest { period: arguments.period };
    let report = ReportServiceClient::new(channel).get_report(request).await?.into_inner();
    match format {
        Format::Json => print_json(&report_json(&report)),
        Format::Table => print(&report_text(&report)),
    }
}

fn report_json(report: &wire::Report) -> Value {
    let line = |line: &wire::ReportLine| {
        json!({
            "code": line.code,
            "title": line.title,
            "unit": line.unit,
            "aggregation": line.aggregation,
            "breakdown": figures::breakdown_json(&line.dimension, &line.category),
            "value": line.value,
            "low": line.low.unwrap_or(0),
            "high": line.high,
            "hubs": line.hubs,
            "hubs_hidden": line.hubs_hidden,
            "hubs_rounded": line.hubs_rounded,
            "hubs_missing": line.hubs_missing,
            "label": line.label,
        })
    };
    let declared = |figure: &wire::DeclaredFigure| {
        json!({
            "programme": figure.programme,
            "label": figure.label,
            "indicator": figure.indicator,
            "figure": figure.figure,
            "qualifier": figure.qualifier,
            "kind": figure.kind,
            "source": figure.source,
            "comparable": figure.comparable,
        })
    };
    json!({
        "period": report.period,
        "from": report.first_day,
        "to": report.last_day,
        "indicators": report.indicators.iter().map(line).collect::<Vec<_>>(),
        "declared": report.declared.iter().map(declared).collect::<Vec<_>>(),
    })
}

/// The report as people read it.
fn report_text(report: &wire::Report) -> String {
    let mut lines = table(&["", "Figure", "", "Hidden by", "Rounded by", ""]);
    for line in &report.indicators {
        lines.add_row([
            figures::line_title(&line.title, &line.category_title),
            figures::national(line),
            figures::hubs_behind(line),
            hub_count(line.hubs_hidden),
            hub_count(line.hubs_rounded),
            line.label.clone(),
        ]);
    }
    let mut out =
        format!("{}, {} to {}\n\n{}", report.period_title, report.first_day, report.last_day, text(lines, &[1]));
    if !report.declared.is_empty() {
        out.push_str("\nPublished by others, as context; no figure above is made from these:\n");
        for figure in &report.declared {
            out.push_str(&declared_text(figure));
        }
    }
    out
}

fn declared_text(figure: &wire::DeclaredFigure) -> String {
    let comparable = match (figure.comparable, figure.note.as_str()) {
        (true, "") => "may be compared with the figure above".to_owned(),
        (true, note) => format!("may be compared with the figure above: {note}"),
        (false, "") => "not comparable with a figure above".to_owned(),
        (false, note) => format!("not comparable: {note}"),
    };
    format!(
        "  {}: {} ({})\n    source: {}\n    {comparable}\n",
        figure.label,
        figures::declared(figure),
        figure.kind,
        figure.source
    )
}

fn hub_count(hubs: u32) -> String {
    match hubs {
        0 => String::new(),
        1 => "1 hub".to_owned(),
        hubs => format!("{hubs} hubs"),
    }
}
