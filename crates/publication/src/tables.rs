//! The tables that go beside the figures: releases, coverage, declared figures.

use std::borrow::Cow;

use crate::csv::{Column, Csv, column, number, optional, outside};
use crate::statistics::Statistics;

/// The columns of `releases.csv`.
pub(crate) const RELEASES: [Column; 6] = [
    column("hub", "string", "The hub that made the release."),
    column("period", "string", "The code of the period that it is about."),
    column("revision", "nonNegativeInteger", "Which revision of the period's release it is."),
    column("policy_version", "nonNegativeInteger", "The version of the policy of disclosure control."),
    column("payload_blake3", "string", "BLAKE3 of the release's bytes, in hex."),
    column("entry_hash", "string", "The hash of the signed entry that carries the release, in hex."),
];

/// The columns of `coverage.csv`.
pub(crate) const COVERAGE: [Column; 5] = [
    column("hub", "string", "The hub."),
    column("region", "string", "Its region."),
    column("period", "string", "The period's code."),
    column("timeliness", "string", "Whether the hub's release is held: on time, late or missing."),
    column("days_after_close", "nonNegativeInteger", "Days from the period's close until the release came."),
];

/// The columns of `declared-figures.csv`.
pub(crate) const DECLARED: [Column; 10] = [
    column("programme", "string", "The funding programme's code."),
    column("label", "string", "What was counted, in the source's words."),
    column("indicator", "string", "The code of the indicator that comes nearest; empty where none does."),
    column("figure", "nonNegativeInteger", "The figure; money in pence."),
    column("unit", "string", "What the figure counts; pence for money."),
    column("qualifier", "string", "How exact the source says it is: exactly, at least, about, almost or over."),
    column("kind", "string", "Whether it was reached or aimed at: result or target."),
    column("source", "string", "Where it was published."),
    column("comparable", "boolean", "Whether it may be compared with the computed figure."),
    column("note", "string", "Why not, or what to know about it."),
];

/// One row for each release.
pub(crate) fn releases(statistics: &Statistics) -> Vec<u8> {
    let mut csv = Csv::new(RELEASES.iter().map(|column| column.name));
    for release in &statistics.releases {
        csv.record(&[
            outside(&release.hub),
            Cow::from(&release.period),
            number(release.revision),
            number(release.policy_version),
            Cow::from(&release.payload_hash),
            Cow::from(&release.entry_hash),
        ]);
    }
    csv.into_bytes()
}

/// One row for each hub and period.
pub(crate) fn coverage(statistics: &Statistics) -> Vec<u8> {
    let mut csv = Csv::new(COVERAGE.iter().map(|column| column.name));
    for coverage in &statistics.coverage {
        csv.record(&[
            outside(&coverage.hub),
            outside(&coverage.region),
            Cow::from(&coverage.period),
            Cow::from(coverage.timeliness.name()),
            optional(coverage.days_after_close),
        ]);
    }
    csv.into_bytes()
}

/// One row for each figure that somebody published.
pub(crate) fn declared(statistics: &Statistics) -> Vec<u8> {
    let mut csv = Csv::new(DECLARED.iter().map(|column| column.name));
    for declared in &statistics.declared {
        csv.record(&[
            Cow::from(&declared.programme),
            Cow::from(&declared.label),
            Cow::from(declared.indicator.as_deref().unwrap_or("")),
            number(declared.figure),
            Cow::from(&declared.unit),
            Cow::from(&declared.qualifier),
            Cow::from(&declared.kind),
            Cow::from(&declared.source),
            Cow::from(if declared.comparable { "true" } else { "false" }),
            Cow::from(&declared.note),
        ]);
    }
    csv.into_bytes()
}
