//! The hub's own true figures.

use folkmoot_node::generated::hub::indicator_service_client::IndicatorServiceClient;
use folkmoot_proto::hub::v1 as wire;
use serde_json::{Value, json};

use crate::arguments::{Format, Indicators};
use crate::breakdown::{self, Line};
use crate::connection;
use crate::failure::Failure;
use crate::figures;
use crate::output::{print, print_json, table, text};

const PAGE: i32 = 1000;

pub(crate) async fn run(Indicators { of, all }: Indicators, format: Format) -> Result<(), Failure> {
    let mut client = IndicatorServiceClient::new(connection::hub(&of.folder.data).await?);
    let mut indicators = Vec::new();
    let mut page_token = String::new();
    let period_title = loop {
        let request = wire::ListIndicatorsRequest { period: of.period.clone(), page_size: PAGE, page_token };
        let page = client.list_indicators(request).await?.into_inner();
        indicators.extend(page.indicators);
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break page.period_title;
        }
    };
    match format {
        Format::Json => print_json(&as_json(&of.period, &indicators)),
        Format::Table => print(&as_text(&period_title, &indicators, all)),
    }
}

fn as_json(period: &str, indicators: &[wire::Indicator]) -> Value {
    let (headlines, parts): (Vec<_>, Vec<_>) = indicators.iter().partition(|figure| figure.dimension.is_empty());
    let headline = |figure: &&wire::Indicator| json!({ "code": figure.code, "value": figure.value });
    let part = |figure: &&wire::Indicator| {
        json!({
            "code": figure.code,
            "dimension": figure.dimension,
            "category": figure.category,
            "value": figure.value,
        })
    };
    json!({
        "period": period,
        "indicators": headlines.iter().map(headline).collect::<Vec<_>>(),
        "breakdowns": parts.iter().map(part).collect::<Vec<_>>(),
    })
}

fn as_text(period_title: &str, indicators: &[wire::Indicator], all: bool) -> String {
    let line = |figure: &wire::Indicator| Line {
        title: figure.title.clone(),
        dimension: figure.dimension.clone(),
        category_title: figure.category_title.clone(),
        true_figure: Some(figures::amount(&figure.unit, figure.value)),
        columns: vec![if figure.dimension.is_empty() { figure.definition.clone() } else { String::new() }],
        withheld: false,
        empty: figure.value == 0,
    };
    let mut lines = table(&["", "True figure", "What it counts"]);
    let left_out = breakdown::add(&mut lines, &indicators.iter().map(line).collect::<Vec<_>>(), all);
    format!(
        "{period_title}: true figures, for this hub's own eyes\n\n{}{}",
        text(lines, &[1]),
        breakdown::left_out(left_out, "parts of breakdowns with nobody in them")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figure(code: &str, dimension: &str, category: &str, value: u64) -> wire::Indicator {
        wire::Indicator {
            code: code.into(),
            title: "People trained".into(),
            unit: "people".into(),
            definition: if dimension.is_empty() { "People.".into() } else { String::new() },
            dimension: dimension.into(),
            category: category.into(),
            category_title: category.into(),
            value,
            ..wire::Indicator::default()
        }
    }

    #[test]
    fn headlines_and_breakdowns_stand_apart_for_programs() {
        let figures = [figure("people_trained", "", "", 21), figure("people_trained", "gender", "woman", 11)];
        assert_eq!(
            as_json("2018-Q3", &figures),
            json!({
                "period": "2018-Q3",
                "indicators": [{ "code": "people_trained", "value": 21 }],
                "breakdowns": [{ "code": "people_trained", "dimension": "gender", "category": "woman", "value": 11 }],
            })
        );
    }

    #[test]
    fn people_see_the_parts_that_somebody_is_in() {
        let figures = [
            figure("people_trained", "", "", 11),
            figure("people_trained", "gender", "woman", 11),
            figure("people_trained", "gender", "man", 0),
        ];
        let text = as_text("Financial year 2018/19", &figures, false);
        assert!(text.contains("    woman") && !text.contains("    man"), "{text}");
        assert!(
            text.ends_with("1 line left out: parts of breakdowns with nobody in them. --all shows it.\n"),
            "{text}"
        );
        assert!(as_text("Financial year 2018/19", &figures, true).contains("    man"));
    }
}
