//! Which hub has released which period, when, and whether it was late.

use folkmoot_node::generated::academy::statistics_service_client::StatisticsServiceClient;
use folkmoot_proto::academy::v1 as wire;
use folkmoot_proto::academy::v1::coverage::Timeliness;
use serde_json::{Value, json};

use super::pages;
use crate::arguments::{Coverage, Format};
use crate::connection;
use crate::failure::Failure;
use crate::output::{print, print_json, table, text};

pub(super) async fn run(arguments: Coverage, format: Format) -> Result<(), Failure> {
    let client = StatisticsServiceClient::new(connection::academy(&arguments.folder.data).await?);
    let coverage = pages::coverage(&client, &arguments.periods).await?;
    match format {
        Format::Json => print_json(&json!({ "coverage": coverage.iter().map(line_json).collect::<Vec<_>>() })),
        Format::Table if coverage.is_empty() => print("No release is held, and none is missing."),
        Format::Table => print(&coverage_text(&coverage)),
    }
}

fn line_json(line: &wire::Coverage) -> Value {
    let released = if line.released_day.is_empty() { Value::Null } else { line.released_day.as_str().into() };
    json!({
        "period": line.period,
        "hub": line.display_name,
        "hub_id": line.hub.strip_prefix("hubs/").unwrap_or(&line.hub),
        "region": line.region,
        "timeliness": word(line.timeliness()),
        "released": released,
        "days_after_close": line.days_after_close,
        "revision": line.revision,
    })
}

/// A table for each period, and how many hubs there are of each sort.
fn coverage_text(coverage: &[wire::Coverage]) -> String {
    let mut out = String::new();
    for period in coverage.chunk_by(|one, other| one.period == other.period) {
        let [first, ..] = period else { continue };
        if !out.is_empty() {
            out.push('\n');
        }
        let count = |timeliness| period.iter().filter(|line| line.timeliness() == timeliness).count();
        out.push_str(&format!(
            "{}: {} on time, {} late, {} missing\n\n",
            first.period_title,
            count(Timeliness::OnTime),
            count(Timeliness::Late),
            count(Timeliness::Missing)
        ));
        let mut lines = table(&["Hub", "Region", "Release", "Came on", "Days after the close", "Revision"]);
        for line in period {
            let number = |number: Option<u32>| number.map(|number| number.to_string()).unwrap_or_default();
            lines.add_row([
                line.display_name.clone(),
                line.region.clone(),
                word(line.timeliness()).to_owned(),
                line.released_day.clone(),
                number(line.days_after_close),
                number(line.revision.filter(|revision| *revision > 0)),
            ]);
        }
        out.push_str(&text(lines, &[4, 5]));
    }
    out
}

fn word(timeliness: Timeliness) -> &'static str {
    match timeliness {
        Timeliness::OnTime => "on time",
        Timeliness::Late => "late",
        Timeliness::Missing => "missing",
        Timeliness::Unspecified => "unknown",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_period_has_its_table() {
        let line = |period: &str, hub: &str, timeliness: Timeliness, days: Option<u32>| wire::Coverage {
            period_title: format!("Period {period}"),
            period: period.to_owned(),
            display_name: hub.to_owned(),
            timeliness: timeliness.into(),
            released_day: days.map_or(String::new(), |_| "2018-10-20".to_owned()),
            days_after_close: days,
            revision: days.map(|days| days / 60),
            ..wire::Coverage::default()
        };
        let text = coverage_text(&[
            line("1", "Hull", Timeliness::OnTime, Some(20)),
            line("1", "Luton", Timeliness::Missing, None),
            line("2", "Hull", Timeliness::Late, Some(61)),
        ]);
        assert_eq!(
            text,
            "Period 1: 1 on time, 0 late, 1 missing\n\n\
             Hub    Region  Release  Came on     Days after the close  Revision\n\
             -------------------------------------------------------------------\n\
             Hull           on time  2018-10-20                    20\n\
             Luton          missing\n\
             \n\
             Period 2: 0 on time, 1 late, 0 missing\n\n\
             Hub   Region  Release  Came on     Days after the close  Revision\n\
             ------------------------------------------------------------------\n\
             Hull          late     2018-10-20                    61         1\n"
        );
    }
}
