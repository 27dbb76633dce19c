//! The national figures of one period.

use folkmoot_node::generated::academy::report_service_client::ReportServiceClient;
use folkmoot_proto::academy::v1 as wire;
use serde_json::{Value, json};

use crate::arguments::{Format, ReportPeriod};
use crate::breakdown::{self, Line};
use crate::connection;
use crate::failure::Failure;
use crate::figures;
use crate::output::{print, print_json, table, text};
use crate::times;

pub(crate) async fn run(arguments: ReportPeriod, format: Format) -> Result<(), Failure> {
    let ReportPeriod { period, all } = arguments;
    let channel = connection::academy(&period.folder.data).await?;
    let request = wire::GetReportRequest { period: period.period };
    let report = ReportServiceClient::new(channel).get_report(request).await?.into_inner();
    match format {
        Format::Json => print_json(&report_json(&report)),
        Format::Table => print(&report_text(&report, all)),
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
            "hubs_late": line.hubs_late,
            "label": line.label,
        })
    };
    let declared = |figure: &wire::DeclaredFigure| {
        json!({
            "programme": figure.programme,
            "programme_title": figure.programme_title,
            "label": figure.label,
            "indicator": figure.indicator,
            "figure": figure.figure,
            "unit": figure.unit,
            "qualifier": figure.qualifier,
            "kind": figure.kind,
            "source": figure.source,
            "comparable": figure.comparable,
            "note": figure.note,
        })
    };
    let release = |release: &wire::ReceivedRelease| {
        json!({
            "hub": release.display_name,
            "hub_id": release.hub.strip_prefix("hubs/").unwrap_or(&release.hub),
            "period": release.period,
            "revision": release.revision,
            "policy_version": release.policy_version,
            "threshold": release.threshold,
            "special_threshold": release.special_threshold,
            "largest_percent": release.largest_percent,
            "two_largest_percent": release.two_largest_percent,
            "payload_hash": release.payload_hash,
            "entry_hash": release.entry_hash,
            "received": times::json(release.receive_time),
        })
    };
    json!({
        "period": report.period,
        "from": report.first_day,
        "to": report.last_day,
        "indicators": report.indicators.iter().map(line).collect::<Vec<_>>(),
        "declared": report.declared.iter().map(declared).collect::<Vec<_>>(),
        "releases": report.releases.iter().map(release).collect::<Vec<_>>(),
    })
}

/// The report as people read it: headlines, each followed by its breakdowns.
fn report_text(report: &wire::Report, all: bool) -> String {
    let mut lines = table(&["", "Figure", "", "Hidden by", "Rounded by", ""]);
    let rows: Vec<Line> = report.indicators.iter().map(row).collect();
    let left_out = breakdown::add(&mut lines, &rows, all);
    let mut out =
        format!("{}, {} to {}\n\n{}", report.period_title, report.first_day, report.last_day, text(lines, &[1]));
    out.push_str(&breakdown::left_out(left_out, "breakdowns of which nothing is published"));
    if let Some(late) = report.indicators.first().map(|line| line.hubs_late).filter(|late| *late > 0) {
        out.push_str(&format!("Late by more than 60 days after the close: {}.\n", hub_count(late)));
    }
    if !report.declared.is_empty() {
        out.push_str("\nPublished by others, as context; no figure above is made from these:\n");
        for figure in &report.declared {
            out.push_str(&declared_text(figure));
        }
    }
    out
}

fn row(line: &wire::ReportLine) -> Line {
    let withheld = line.hubs_hidden >= line.hubs;
    let part = !line.dimension.is_empty();
    // Of what nothing is published the whole breakdown says the same, but for the names.
    let told = |text: String| if withheld && part { String::new() } else { text };
    Line {
        title: line.title.clone(),
        dimension: line.dimension.clone(),
        category_title: line.category_title.clone(),
        true_figure: None,
        columns: vec![
            figures::national(line),
            figures::hubs_behind(line),
            told(hub_count(line.hubs_hidden)),
            told(hub_count(line.hubs_rounded)),
            // What holds of a headline holds of its parts.
            if part { String::new() } else { line.label.clone() },
        ],
        withheld,
        empty: false,
    }
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
