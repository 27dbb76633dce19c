//! What the figures rest on: who reported, what was published elsewhere, what words mean, how people are protected.

use std::collections::BTreeMap;

use super::page::Page;
use crate::chart::distinct;
use crate::statistics::{
    Area, Coverage, DeclaredFigure, LEAST_HUBS_COMPARED, Observation, ReleaseProvenance, Statistics, Timeliness,
};
use crate::words;

/// The columns that a table of coverage has at most.
const MOST_PERIODS: usize = 6;

/// Which hub reported which period, and when.
pub(super) fn coverage(page: &mut Page, statistics: &Statistics) {
    page.section("coverage", "Coverage and timeliness");
    if statistics.coverage.is_empty() {
        page.paragraph("Nothing is known of which hubs were to report.");
        return;
    }
    page.paragraph(&super::timeliness(statistics));
    let all = &statistics.coverage;
    let hubs = distinct(all.iter().map(|coverage| coverage.hub.as_str()));
    let periods = distinct(all.iter().map(|coverage| coverage.period.as_str()));
    let mut by_hub: BTreeMap<&str, Vec<&Coverage>> = BTreeMap::new();
    for coverage in all {
        by_hub.entry(&coverage.hub).or_default().push(coverage);
    }
    // Tables of about the same width.
    let tables = periods.len().div_ceil(MOST_PERIODS).max(1);
    for periods in periods.chunks(periods.len().div_ceil(tables).max(1)) {
        let title = |period: &&str| match words::quarter(period) {
            Some((months, year)) => format!("{months} {year}"),
            None => {
                let found = all.iter().find(|coverage| coverage.period == **period);
                found.map_or_else(|| (*period).to_owned(), |coverage| coverage.period_title.clone())
            }
        };
        let titles: Vec<String> = periods.iter().map(title).collect();
        let mut head = vec!["Hub"];
        head.extend(titles.iter().map(String::as_str));
        let row = |hub: &&str| -> Vec<String> {
            let of_hub = by_hub.get(hub).map_or(&[][..], Vec::as_slice);
            let region = of_hub.first().map_or("", |coverage| coverage.region.as_str());
            let name = if region.is_empty() { (*hub).to_owned() } else { format!("{hub}\n{region}") };
            let cell = |period: &&str| {
                let found = of_hub.iter().find(|coverage| coverage.period == **period);
                found.map_or_else(|| "not expected".to_owned(), |coverage| arrival(coverage))
            };
            std::iter::once(name).chain(periods.iter().map(cell)).collect()
        };
        page.table("Releases held, by hub and period", &head, hubs.iter().map(row).collect());
    }
    page.paragraph("Days are counted from the period's close until the release came.");
}

fn arrival(coverage: &Coverage) -> String {
    match (coverage.timeliness, coverage.days_after_close) {
        (Timeliness::Missing, _) => "missing [x]".to_owned(),
        (timeliness @ (Timeliness::OnTime | Timeliness::Late), Some(days)) => {
            format!("{}\n{}", timeliness.name(), words::counted(days, "day", "days"))
        }
        (timeliness @ (Timeliness::OnTime | Timeliness::Late), None) => timeliness.name().to_owned(),
    }
}

/// Figures that were published elsewhere, beside the computed ones.
pub(super) fn declared(page: &mut Page, statistics: &Statistics) {
    page.section("declared", "Figures published elsewhere");
    if statistics.declared.is_empty() {
        page.paragraph("None are kept for these programmes.");
        return;
    }
    page.paragraph(
        "These stand as their sources give them. They were counted by other rules than the figures of this report, and sources \
         differ among themselves: nothing here is reconciled, and no difference is computed.",
    );
    for programme in distinct(statistics.declared.iter().map(|figure| figure.programme.as_str())) {
        let of_it = statistics.declared.iter().filter(|figure| figure.programme == programme);
        let rows = of_it.map(|figure| {
            vec![
                format!("{}\n{}", figure.label, figure.source),
                format!("{}\n{}", published(figure), figure.kind),
                computed(statistics, figure),
                format!("{}\n{}", if figure.comparable { "yes" } else { "no" }, figure.note),
            ]
        });
        page.table(
            &format!("Programme {programme}"),
            &["What the source counts", "Published", "Computed here", "Comparable"],
            rows.collect(),
        );
    }
}

/// A published figure with its qualifier.
fn published(figure: &DeclaredFigure) -> String {
    let amount = words::amount(&figure.unit, figure.figure);
    match figure.qualifier.as_str() {
        "exactly" | "" => amount,
        qualifier => format!("{qualifier} {amount}"),
    }
}

/// The computed figure of the same programme, where it may stand beside the published one.
fn computed(statistics: &Statistics, figure: &DeclaredFigure) -> String {
    let Some(indicator) = figure.indicator.as_deref().filter(|_| figure.comparable) else {
        return "nothing comparable".to_owned();
    };
    let period = format!("programme/{}", figure.programme);
    let is_it = |observation: &&Observation| {
        observation.is_headline()
            && observation.indicator == indicator
            && observation.period == period
            && observation.area == Area::Nation
    };
    match statistics.observations.iter().find(is_it) {
        Some(observation) => format!(
            "{}\n{}, {}",
            words::figure(&observation.unit, observation.figure),
            observation.indicator_title,
            words::hubs_behind(observation),
        ),
        None => "not available [x]".to_owned(),
    }
}

/// What each indicator counts, and how it adds up.
pub(super) fn definitions(page: &mut Page, statistics: &Statistics) {
    page.section("definitions", "Definitions");
    let rows = statistics.indicators.iter().map(|indicator| {
        let adds_up = match indicator.aggregation.as_str() {
            "sum" => "a sum: adds up over periods and hubs",
            "distinct" => "people, each once in a hub and period: never added up over periods",
            "stock" => "as it stands on the period's last day: never added up over periods",
            other => other,
        };
        let unit = if indicator.unit == "pence" { "pounds" } else { &indicator.unit };
        vec![
            format!("{}\n{}", indicator.title, indicator.code),
            indicator.definition.clone(),
            unit.to_owned(),
            adds_up.to_owned(),
        ]
    });
    page.table("Indicators", &["Indicator", "Definition", "Counts", "Adds up as"], rows.collect());
}

/// How nobody can be singled out.
pub(super) fn protection(page: &mut Page, statistics: &Statistics) {
    page.section("protection", "How figures are protected");
    page.paragraph(
        "Each hub protects its figures before they leave it, and signs what it lets out. A figure of people is hidden where it \
         is small; so is a sum of minutes or listenings behind which few people stand, or one or two make most of. Where a \
         hidden figure could be worked out from others, those are hidden or rounded as well, over all periods, breakdowns and \
         earlier releases. The mark never says which rule hid a figure.",
    );
    page.list(&[
        "An exact figure is the figure itself.".to_owned(),
        "A rounded figure is given to the nearest 5, with its bounds.".to_owned(),
        "A total of which hubs hid or rounded parts lies between the bounds given: they add up what each hub let out.".to_owned(),
        "[c]: hidden so that nobody can be singled out. [x]: no release is held.".to_owned(),
        format!(
            "Quarters, regions and categories are compared only where {LEAST_HUBS_COMPARED} hubs or more stand behind each figure."
        ),
    ]);
    let rows = statistics.policies.iter().map(|policy| {
        vec![
            format!("Version {}", policy.version),
            format!("fewer than {}", policy.threshold),
            format!("fewer than {}", policy.special_threshold),
            format!("more than {} %", policy.largest_percent),
            format!("more than {} %", policy.two_largest_percent),
        ]
    });
    page.table(
        "Policies that the releases were made under, and what each hides at least; a hub may be stricter",
        &["Policy", "People", "People, by ethnicity or disability", "One contributor makes", "Two contributors make"],
        rows.collect(),
    );
}

/// The releases, so that anybody who holds them can add them up again.
pub(super) fn provenance(page: &mut Page, statistics: &Statistics) {
    page.section("provenance", "Provenance");
    page.paragraph(&format!(
        "Every figure can be computed again from the releases below. Each is an entry of its hub's signed log in the federation \
         {}; the first hash is of the release's bytes (BLAKE3), the second of the entry. Produced {}.",
        statistics.federation, statistics.produced_at,
    ));
    let mut by_hub: BTreeMap<&str, Vec<&ReleaseProvenance>> = BTreeMap::new();
    for release in &statistics.releases {
        by_hub.entry(&release.hub).or_default().push(release);
    }
    for (hub, releases) in by_hub {
        let rows = releases.iter().map(|release| {
            vec![
                release.period.clone(),
                release.revision.to_string(),
                release.policy_version.to_string(),
                release.payload_hash.clone(),
                release.entry_hash.clone(),
            ]
        });
        page.table_of_hashes(
            &format!("Releases of {hub}"),
            &["Period", "Revision", "Policy", "Release (BLAKE3)", "Entry"],
            rows.collect(),
        );
    }
}
