//! The report for a funder: one HTML document that needs nothing beside it, to be read on a screen or printed.

mod figures;
mod page;
mod sources;

use crate::File;
use crate::chart::distinct;
use crate::statistics::{Area, Statistics, Timeliness};
use crate::words;
use page::Page;

/// The report.
pub(crate) fn report(statistics: &Statistics) -> Vec<File> {
    let mut page = Page::new(&statistics.title, &format!("Produced {}", statistics.produced_at));
    summary(&mut page, statistics);
    sources::coverage(&mut page, statistics);
    figures::by_period(&mut page, statistics);
    figures::by_indicator(&mut page, statistics);
    figures::outcomes(&mut page, statistics);
    sources::declared(&mut page, statistics);
    sources::definitions(&mut page, statistics);
    sources::protection(&mut page, statistics);
    sources::provenance(&mut page, statistics);
    vec![File::new("report.html", page.finish())]
}

fn summary(page: &mut Page, statistics: &Statistics) {
    page.section("summary", "Summary");
    let Some(main) = statistics.main_period() else {
        page.paragraph("There are no figures yet.");
        return;
    };
    let hubs = distinct(statistics.releases.iter().map(|release| release.hub.as_str())).len() as u64;
    let first = statistics.observations.iter().map(|observation| observation.first_day).min().unwrap_or(main.first_day);
    let last = statistics.observations.iter().map(|observation| observation.last_day).max().unwrap_or(main.last_day);
    page.paragraph(&format!(
        "This report covers {} to {}. Its figures add up {}, which {} made and signed; no record about a person left any \
         hub. What each figure means stands under Definitions, and how certain it is beside the figure.",
        words::day(first),
        words::day(last),
        words::counted(statistics.releases.len() as u64, "release", "releases"),
        words::counted(hubs, "hub", "hubs"),
    ));
    page.paragraph(&timeliness(statistics));
    let rows = statistics
        .observations
        .iter()
        .filter(|observation| observation.is_headline())
        .filter(|observation| observation.period == main.period && observation.area == Area::Nation)
        .map(|observation| {
            vec![
                observation.indicator_title.clone(),
                words::figure(&observation.unit, observation.figure),
                words::hubs_behind(observation),
                observation.label.clone(),
            ]
        })
        .collect();
    page.table(
        &format!("All hubs, {}", main.period_title),
        &["Indicator", "Figure", "Hubs behind it", "To know"],
        rows,
    );
    page.paragraph(
        "Where hubs hid or rounded a figure, its total is given as what it can be at least and at most. [c] stands where a \
         figure is hidden so that nobody can be singled out, [x] where no release is held.",
    );
}

/// How many releases came, and when, in one sentence.
fn timeliness(statistics: &Statistics) -> String {
    let number = |timeliness: Timeliness| {
        statistics.coverage.iter().filter(|coverage| coverage.timeliness == timeliness).count() as u64
    };
    format!(
        "Of {} expected, {} came on time and {} late; {} not held.",
        words::counted(statistics.coverage.len() as u64, "release", "releases"),
        words::count(number(Timeliness::OnTime)),
        words::count(number(Timeliness::Late)),
        match number(Timeliness::Missing) {
            1 => "1 is".to_owned(),
            missing => format!("{} are", words::count(missing)),
        },
    )
}
