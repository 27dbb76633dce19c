//! Tidy CSV, as the Government Statistical Service publishes it: one observation a row, one variable a column, names in
//! snake_case, nothing above the header. Where there is no value, its field is empty and `status` has the shorthand
//! `[c]` or `[x]`. What spreadsheets put above a table goes into files of its own, which CSV on the Web metadata joins.
//!
//! A field of text that somebody outside chose (names of hubs and regions) is guarded against being taken for a formula:
//! see [`crate::csv::outside`]. All other text is the catalogue's.

use std::borrow::Cow;

use folkmoot_domain::calendar::iso;
use serde_json::{Value, json};

use crate::File;
use crate::csv::{Column, Csv, column, number, optional, outside};
use crate::json::{definition, policy};
use crate::statistics::Statistics;
use crate::tables::{self, COVERAGE, DECLARED, RELEASES};

/// The columns of `observations.csv`.
pub(crate) const OBSERVATIONS: [Column; 24] = [
    column("period", "string", "The period's code: 2018-Q3, 2018/19 or programme/COEP."),
    column("period_title", "string", "The period as people read it."),
    column("first_day", "date", "The period's first day."),
    column("last_day", "date", "The period's last day."),
    column("area_type", "string", "nation, region or hub."),
    column("area", "string", "All hubs, or the name of the region or hub."),
    column("indicator", "string", "The indicator's code."),
    column("indicator_title", "string", "The indicator as people read it."),
    column("unit", "string", "What is counted; money is in pence."),
    column("aggregation", "string", "sum, distinct (never to be added up over periods) or stock."),
    column("dimension", "string", "What the figure is broken down by; total for the whole."),
    column("category", "string", "The category's code; total for the whole."),
    column("category_title", "string", "The category as people read it."),
    column("value", "nonNegativeInteger", "The figure; empty where it is not published."),
    column("status", "string", "[c] where confidentiality keeps the value back, [x] where no release is held."),
    column("precision", "string", "exact, rounded, interval, hidden or not available."),
    column("low", "nonNegativeInteger", "The least that the true figure can be."),
    column("high", "nonNegativeInteger", "The most that the true figure can be; empty where nothing bounds it."),
    column("hubs", "nonNegativeInteger", "Hubs whose release stands behind the figure."),
    column("hubs_hidden", "nonNegativeInteger", "Of those, hubs that hid it."),
    column("hubs_rounded", "nonNegativeInteger", "Of those, hubs that rounded it."),
    column(
        "hubs_missing",
        "nonNegativeInteger",
        "Hubs whose release for the period is not held, or was made before the indicator was counted.",
    ),
    column("hubs_late", "nonNegativeInteger", "Hubs whose release for the period came late."),
    column("label", "string", "What to say beside the figure."),
];

/// The observations, what goes beside them, and the metadata that describes all of it.
pub(crate) fn tidy_csv(statistics: &Statistics) -> Vec<File> {
    vec![
        File::new("observations.csv", observations(statistics)),
        File::new("releases.csv", tables::releases(statistics)),
        File::new("coverage.csv", tables::coverage(statistics)),
        File::new("declared-figures.csv", tables::declared(statistics)),
        File::new("csv-metadata.json", metadata(statistics)),
    ]
}

fn observations(statistics: &Statistics) -> Vec<u8> {
    let mut csv = Csv::new(OBSERVATIONS.iter().map(|column| column.name));
    for observation in &statistics.observations {
        let figure = observation.figure;
        let [dimension, category, category_title] = observation.breakdown();
        csv.record(&[
            Cow::from(&observation.period),
            Cow::from(&observation.period_title),
            Cow::from(iso(observation.first_day)),
            Cow::from(iso(observation.last_day)),
            Cow::from(observation.area.kind()),
            outside(observation.area.name()),
            Cow::from(&observation.indicator),
            Cow::from(&observation.indicator_title),
            Cow::from(&observation.unit),
            Cow::from(&observation.aggregation),
            Cow::from(dimension),
            Cow::from(category),
            Cow::from(category_title),
            optional(figure.value()),
            Cow::from(figure.shorthand()),
            Cow::from(figure.precision()),
            optional(figure.low()),
            optional(figure.high()),
            number(observation.hubs),
            number(observation.hubs_hidden),
            number(observation.hubs_rounded),
            number(observation.hubs_missing),
            number(observation.hubs_late),
            Cow::from(&observation.label),
        ]);
    }
    csv.into_bytes()
}

/// What the files are, in the terms of CSV on the Web.
fn metadata(statistics: &Statistics) -> Vec<u8> {
    let table = |url: &str, title: &str, columns: &[Column]| {
        let columns: Vec<Value> = columns
            .iter()
            .map(|column| {
                json!({
                    "name": column.name,
                    "titles": column.name,
                    "datatype": column.datatype,
                    "dc:description": column.description,
                })
            })
            .collect();
        json!({ "url": url, "dc:title": title, "tableSchema": { "columns": columns } })
    };
    let group = json!({
        "@context": ["http://www.w3.org/ns/csvw", { "@language": "en-GB" }],
        "dc:title": statistics.title,
        "dc:issued": statistics.produced_at,
        "dc:source": format!("federation {}", statistics.federation),
        "dc:description": "National statistics of community organising, added up from releases that hubs made and \
                           signed. releases.csv names every release that stands behind them.",
        "dialect": { "encoding": "utf-8", "delimiter": ",", "header": true },
        "notes": [
            { "shorthand": {
                "[c]": "confidential: kept back so that nobody can be singled out",
                "[x]": "not available: no release is held",
            } },
            { "guard": "Names of hubs and regions that begin with = + - @, a tab or a carriage return have an \
                        apostrophe before them, so that no spreadsheet takes them for a formula." },
            { "policies": statistics.policies.iter().map(policy).collect::<Vec<_>>() },
            { "indicators": statistics.indicators.iter().map(definition).collect::<Vec<_>>() },
        ],
        "tables": [
            table("observations.csv", "Observations", &OBSERVATIONS),
            table("releases.csv", "Releases that the observations are made of", &RELEASES),
            table("coverage.csv", "Which hub reported which period", &COVERAGE),
            table("declared-figures.csv", "Figures that were published elsewhere", &DECLARED),
        ],
    });
    crate::json::pretty(&group)
}
