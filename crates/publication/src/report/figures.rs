//! What was counted: by period, by indicator, and what came of it.

use super::page::Page;
use crate::chart::{Chart, Subject, distinct};
use crate::statistics::{Area, LEAST_HUBS_COMPARED, Observation, Origins, Statistics};
use crate::words;

/// The columns that a table of periods has at most: a financial year's quarters.
const MOST_PERIODS: usize = 4;

/// Every indicator over all hubs: long periods first, then quarters.
pub(super) fn by_period(page: &mut Page, statistics: &Statistics) {
    page.section("figures", "Figures");
    let national: Vec<&Observation> = statistics
        .observations
        .iter()
        .filter(|observation| observation.is_headline() && observation.area == Area::Nation)
        .collect();
    let periods = distinct(national.iter().map(|observation| observation.period.as_str()));
    let (quarters, long): (Vec<&str>, Vec<&str>) =
        periods.into_iter().partition(|period| words::quarter(period).is_some());
    page.paragraph(
        "People are counted once in each hub and period. Figures of people can therefore not be added up over periods, and \
         somebody whom two hubs met counts in both.",
    );
    for periods in [long, quarters] {
        for periods in periods.chunks(MOST_PERIODS) {
            let title = |period: &&str| {
                let found = national.iter().find(|observation| observation.period == **period);
                found.map_or_else(|| (*period).to_owned(), |observation| observation.period_title.clone())
            };
            let titles: Vec<String> = periods.iter().map(title).collect();
            let mut head = vec!["Indicator"];
            head.extend(titles.iter().map(String::as_str));
            let row = |indicator: &str| -> Vec<String> {
                let of_it: Vec<&&Observation> =
                    national.iter().filter(|observation| observation.indicator == indicator).collect();
                let name = of_it.first().map_or_else(String::new, |observation| observation.indicator_title.clone());
                let cell = |period: &&str| {
                    let found = of_it.iter().find(|observation| observation.period == **period);
                    found.map_or_else(|| "–".to_owned(), |observation| figure_and_hubs(observation))
                };
                std::iter::once(name).chain(periods.iter().map(cell)).collect()
            };
            let caption = match (titles.first(), titles.last()) {
                (Some(first), Some(last)) if first != last => format!("All hubs, {first} to {last}"),
                _ => format!("All hubs, {}", titles.join(", ")),
            };
            page.table(&caption, &head, statistics.indicator_codes().into_iter().map(row).collect());
        }
    }
}

/// One indicator after the other: its trend, and in the main period by region, by hub and by category.
pub(super) fn by_indicator(page: &mut Page, statistics: &Statistics) {
    page.section("indicators", "Indicator by indicator");
    page.paragraph(&format!(
        "Quarters, regions and categories are compared only where {LEAST_HUBS_COMPARED} hubs or more stand behind each figure. \
         Hubs differ in size, age and place: they are listed, and not ranked.",
    ));
    let origins = Origins::of(statistics);
    let mut current = "";
    let subjects = statistics.subjects();
    for (number, subject) in subjects.iter().enumerate() {
        let indicator = match subject {
            Subject::Trend { indicator, .. }
            | Subject::Hubs { indicator, .. }
            | Subject::Regions { indicator, .. }
            | Subject::Categories { indicator, .. } => indicator,
        };
        if indicator != current {
            current = indicator;
            introduce(page, statistics, indicator);
        }
        let shown: Vec<&Observation> =
            statistics.observations.iter().filter(|observation| subject.shows(observation)).collect();
        let chart = Chart::from_origins(statistics, &origins, subject);
        if let Some(chart) = &chart {
            page.chart(&chart.inline(&format!("chart-{number}")));
        }
        match subject {
            Subject::Trend { .. } if chart.is_none() && shown.len() > 1 => page.paragraph(&format!(
                "No trend is drawn: fewer than two quarters have {LEAST_HUBS_COMPARED} hubs or more behind them.",
            )),
            Subject::Hubs { .. } if chart.is_none() => table(page, "By hub", "Hub", &shown),
            Subject::Trend { .. } | Subject::Hubs { .. } => {}
            Subject::Regions { .. } => table(page, "By region", "Region", &shown),
            Subject::Categories { .. } => {
                let dimension = shown.first().map_or("", |observation| observation.dimension_title.as_str());
                table(page, &format!("By {}", dimension.to_lowercase()), dimension, &shown);
            }
        }
    }
}

fn introduce(page: &mut Page, statistics: &Statistics, indicator: &str) {
    match statistics.indicators.iter().find(|definition| definition.code == indicator) {
        Some(definition) => {
            page.heading(&definition.title);
            page.paragraph(&definition.definition);
        }
        None => page.heading(indicator),
    }
}

/// Figures of one period side by side; those that may not be compared are said to be so.
fn table(page: &mut Page, caption: &str, heading: &str, observations: &[&Observation]) {
    let Some(first) = observations.first() else { return };
    let rows = observations.iter().map(|observation| {
        let name = match observation.is_headline() {
            true => observation.area.name(),
            false => &observation.category_title,
        };
        let figure = match observation.is_comparable() || observation.hubs == 0 {
            true => words::figure(&observation.unit, observation.figure),
            false => format!("not compared: fewer than {LEAST_HUBS_COMPARED} hubs behind it"),
        };
        vec![name.to_owned(), figure, words::hubs_behind(observation)]
    });
    let caption = format!("{}: {}, {}", first.indicator_title, caption.to_lowercase(), first.period_title);
    page.table(&caption, &[heading, "Figure", "Hubs behind it"], rows.collect());
}

/// What came of the work: the indicators that say so, in the main period.
pub(super) fn outcomes(page: &mut Page, statistics: &Statistics) {
    page.section("outcomes", "Outcomes");
    let outcomes: Vec<_> = statistics.indicators.iter().filter(|definition| definition.outcome).collect();
    let Some(main) = statistics.main_period().filter(|_| !outcomes.is_empty()) else {
        page.paragraph("None of the indicators here says what came of the work.");
        return;
    };
    page.paragraph(
        "What came of the work, as far as it can be counted. Figures say what happened; they do not say that nothing of it \
         would have happened without the programme.",
    );
    let rows = outcomes.into_iter().map(|definition| {
        let found = statistics.observations.iter().find(|observation| {
            observation.is_headline()
                && observation.indicator == definition.code
                && observation.period == main.period
                && observation.area == Area::Nation
        });
        let figure = found.map_or_else(|| "not available [x]".to_owned(), figure_and_hubs);
        vec![definition.title.clone(), figure, definition.definition.clone()]
    });
    page.table(&format!("All hubs, {}", main.period_title), &["Outcome", "Figure", "What it counts"], rows.collect());
}

/// A figure, and in small print the hubs behind it.
fn figure_and_hubs(observation: &Observation) -> String {
    format!("{}\n{}", words::figure(&observation.unit, observation.figure), words::hubs_behind(observation))
}
