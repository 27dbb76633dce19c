//! SDMX-CSV 2.0, the CSV of SDMX 3.0: the structure's columns, dimensions, measures, attributes, then columns of our own.
//! The data structure is `FOLKMOOT:NATIONAL_STATISTICS(1.0.0)`; provenance goes beside it in `releases.csv`, and each row
//! names the versions of the policy that its releases were made under.

use std::borrow::Cow;
use std::collections::BTreeSet;

use folkmoot_domain::Date;
use folkmoot_domain::calendar::{Period, iso};

use crate::File;
use crate::csv::{Csv, number, optional, outside};
use crate::statistics::{Area, Figure, Observation, Origins, Statistics};
use crate::tables;

const COLUMNS: [&str; 28] = [
    // The bracket names what separates several values of one component.
    "STRUCTURE[;]",
    "STRUCTURE_ID",
    "ACTION",
    "FREQ",
    "REF_AREA",
    "INDICATOR",
    "BREAKDOWN",
    "CATEGORY",
    "TIME_PERIOD",
    "OBS_VALUE",
    "OBS_LOW",
    "OBS_HIGH",
    "UNIT_MEASURE",
    "AGGREGATION",
    "OBS_STATUS",
    "CONF_STATUS",
    "PRECISION",
    "POLICY_VERSION[]",
    "HUBS",
    "HUBS_HIDDEN",
    "HUBS_ROUNDED",
    "HUBS_MISSING",
    "HUBS_LATE",
    "COMMENT_OBS",
    "REF_AREA_NAME",
    "INDICATOR_NAME",
    "TIME_PERIOD_NAME",
    "PREPARED",
];

/// The observations, and the releases that they are made of.
pub(crate) fn sdmx_csv(statistics: &Statistics) -> Vec<File> {
    let origins = Origins::of(statistics);
    let mut csv = Csv::new(COLUMNS);
    for observation in &statistics.observations {
        let figure = observation.figure;
        let [dimension, category, _] = observation.breakdown();
        let (frequency, period) = time(observation);
        csv.record(&[
            Cow::from("DATASTRUCTURE"),
            Cow::from("FOLKMOOT:NATIONAL_STATISTICS(1.0.0)"),
            Cow::from("I"),
            Cow::from(frequency),
            Cow::from(area(&observation.area)),
            Cow::from(code(&observation.indicator)),
            Cow::from(code(dimension)),
            Cow::from(code(category)),
            Cow::from(period),
            optional(figure.value()),
            optional(figure.low()),
            optional(figure.high()),
            Cow::from(code(&observation.unit)),
            Cow::from(code(&observation.aggregation)),
            Cow::from(status(figure)),
            Cow::from(confidentiality(figure)),
            Cow::from(code(&figure.precision().replace(' ', "_"))),
            Cow::from(policies(&origins, observation)),
            number(observation.hubs),
            number(observation.hubs_hidden),
            number(observation.hubs_rounded),
            number(observation.hubs_missing),
            number(observation.hubs_late),
            Cow::from(&observation.label),
            outside(observation.area.name()),
            Cow::from(&observation.indicator_title),
            Cow::from(&observation.period_title),
            Cow::from(&statistics.produced_at),
        ]);
    }
    vec![File::new("observations.sdmx.csv", csv.into_bytes()), File::new("releases.csv", tables::releases(statistics))]
}

/// The frequency, of `CL_FREQ`, and the period. A calendar quarter has a form of its own, `2018-Q3`. What starts in April
/// is no SDMX year, and a programme no period of any frequency: both are a time range, its first day and how long it is.
fn time(observation: &Observation) -> (&'static str, String) {
    let range = || format!("{}/{}", iso(observation.first_day), duration(observation.first_day, observation.last_day));
    match observation.period.parse() {
        Ok(Period::Quarter(_)) => ("Q", observation.period.clone()),
        Ok(Period::FinancialYear(_)) => ("A", range()),
        Ok(Period::Programme(_)) | Err(_) => ("_O", range()),
    }
}

/// From a first to a last day, both included, as ISO 8601: whole years or months where it is such, else days.
fn duration(first: Date, last: Date) -> String {
    let end = last.next_day().unwrap_or(last);
    let months = |day: Date| day.year() * 12 + i32::from(u8::from(day.month()));
    match (months(end) - months(first), end.day() == first.day()) {
        (months, true) if months > 0 && months % 12 == 0 => format!("P{}Y", months / 12),
        (months, true) if months > 0 => format!("P{months}M"),
        _ => format!("P{}D", end.to_julian_day() - first.to_julian_day()),
    }
}

/// The codes of `CL_OBS_STATUS` 2.2: a normal value; a missing one, suppressed; a missing one.
fn status(figure: Figure) -> &'static str {
    match figure {
        Figure::Exact(_) | Figure::Rounded { .. } => "A",
        Figure::Interval { .. } | Figure::Hidden { .. } => "Q",
        Figure::Unavailable => "O",
    }
}

/// The codes of `CL_CONF_STATUS`: free, or confidential. Which rule hid a figure is nobody's to know.
fn confidentiality(figure: Figure) -> &'static str {
    match figure {
        Figure::Exact(_) | Figure::Rounded { .. } | Figure::Unavailable => "F",
        Figure::Interval { .. } | Figure::Hidden { .. } => "C",
    }
}

/// The versions of the policy under which the releases behind a figure were made.
fn policies(origins: &Origins<'_>, observation: &Observation) -> String {
    let behind = origins.behind(&observation.area, &observation.period);
    let versions: BTreeSet<u64> = behind.iter().map(|release| release.policy_version).collect();
    versions.iter().map(u64::to_string).collect::<Vec<_>>().join(";")
}

/// An area's code, such as `HUB-Hull_Orchard_Park`: the same in every export, and another for every name.
fn area(area: &Area) -> String {
    match area {
        Area::Nation => "NATION".to_owned(),
        Area::Region(name) => format!("REGION-{}", identifier(name)),
        Area::Hub(name) => format!("HUB-{}", identifier(name)),
    }
}

/// A name in the characters that SDMX allows in an id. What it does not allow, and what stands for something here, is
/// written as its code point in hex between dollar signs.
fn identifier(name: &str) -> String {
    let mut identifier = String::with_capacity(name.len());
    for letter in name.chars() {
        match letter {
            ' ' => identifier.push('_'),
            letter if letter.is_ascii_alphanumeric() || letter == '-' => identifier.push(letter),
            letter => identifier.push_str(&format!("${:x}$", u32::from(letter))),
        }
    }
    identifier
}

/// A code of the catalogue, in capitals as SDMX writes them.
fn code(text: &str) -> String {
    text.to_ascii_uppercase()
}

#[cfg(test)]
mod tests {
    use folkmoot_domain::calendar::parse_date;

    use super::*;

    #[test]
    fn durations_are_as_long_as_the_period() {
        for (first, last, expected) in [
            ("2018-04-01", "2019-03-31", "P1Y"),
            ("2017-04-01", "2020-03-31", "P3Y"),
            ("2017-07-01", "2020-03-31", "P33M"),
            ("2018-07-01", "2018-09-30", "P3M"),
            ("2018-07-01", "2018-07-01", "P1D"),
            ("2018-07-01", "2018-07-10", "P10D"),
        ] {
            assert_eq!(duration(parse_date(first).unwrap(), parse_date(last).unwrap()), expected);
        }
    }

    #[test]
    fn names_become_ids_that_no_other_name_has() {
        for (name, expected) in [
            ("Hull Orchard Park", "Hull_Orchard_Park"),
            ("St Mary's", "St_Mary$27$s"),
            ("a_b", "a$5f$b"),
            ("a b", "a_b"),
            ("£1", "$a3$1"),
            ("$27$", "$24$27$24$"),
        ] {
            assert_eq!(identifier(name), expected);
        }
    }
}
