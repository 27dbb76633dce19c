//! How figures are said to people, and to programs.

use folkmoot_domain::indicator::{Unit, format_amount};
use folkmoot_proto::academy::v1::{DeclaredFigure, ReportLine};
use folkmoot_proto::hub::v1::PublishedFigure;
use folkmoot_proto::hub::v1::published_figure::Figure;
use serde_json::{Value, json};

/// A figure with thousands set off, money in pounds.
pub(crate) fn amount(unit: &str, value: u64) -> String {
    // A newer node may count in units that this client does not know; all but money are written alike.
    match unit == Unit::Pence.name() {
        true => format_amount(Unit::Pence, value),
        false => format_amount(Unit::People, value),
    }
}

/// A whole number with thousands set off.
pub(crate) fn count(value: u64) -> String {
    format_amount(Unit::People, value)
}

/// What leaves a hub, for people.
pub(crate) fn published(unit: &str, figure: Option<&PublishedFigure>) -> String {
    match figure.and_then(|figure| figure.figure) {
        Some(Figure::Exact(value)) => amount(unit, value),
        Some(Figure::Rounded(value)) => format!("about {} (rounded to 5)", amount(unit, value)),
        Some(Figure::Below(threshold)) => format!("fewer than {threshold}"),
        Some(Figure::Withheld(_)) => "withheld".to_owned(),
        None => "a form that this version does not know".to_owned(),
    }
}

/// What leaves a hub, for programs.
pub(crate) fn published_json(figure: Option<&PublishedFigure>) -> Value {
    match figure.and_then(|figure| figure.figure) {
        Some(Figure::Exact(value)) => json!({ "exact": value }),
        Some(Figure::Rounded(value)) => json!({ "rounded": value }),
        Some(Figure::Below(threshold)) => json!({ "below": threshold }),
        Some(Figure::Withheld(_)) => json!({ "withheld": true }),
        None => Value::Null,
    }
}

/// Which breakdown a line belongs to, for programs: null for a headline.
pub(crate) fn breakdown_json(dimension: &str, category: &str) -> Value {
    match dimension {
        "" => Value::Null,
        _ => json!({ "dimension": dimension, "category": category }),
    }
}

/// A national figure, for people.
pub(crate) fn national(line: &ReportLine) -> String {
    let amount = |value| amount(&line.unit, value);
    match (line.value, line.low.unwrap_or(0), line.high) {
        _ if line.hubs_hidden >= line.hubs => "not published".to_owned(),
        (Some(value), _, _) => amount(value),
        (None, low, Some(high)) => format!("between {} and {}", amount(low), amount(high)),
        (None, low, None) => format!("at least {}", amount(low)),
    }
}

/// How many hubs stand behind a national figure, for people.
pub(crate) fn hubs_behind(line: &ReportLine) -> String {
    match line.hubs + line.hubs_missing {
        1 => format!("from {} of 1 hub", line.hubs),
        all => format!("from {} of {all} hubs", line.hubs),
    }
}

/// A figure that somebody published, with its qualifier.
pub(crate) fn declared(figure: &DeclaredFigure) -> String {
    let amount = amount(&figure.unit, figure.figure);
    match figure.qualifier.as_str() {
        "exactly" => amount,
        qualifier => format!("{qualifier} {amount}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_read_well() {
        for (unit, value, expected) in [
            ("people", 0, "0"),
            ("people", 3_966, "3,966"),
            ("minutes", 1_000_000, "1,000,000"),
            ("pence", 125_438_250, "£1,254,382.50"),
            ("pence", 5, "£0.05"),
            ("a unit of the future", 1_234, "1,234"),
        ] {
            assert_eq!(amount(unit, value), expected);
        }
    }

    #[test]
    fn what_leaves_is_said_in_words() {
        for (figure, words, data) in [
            (Figure::Exact(1_234), "1,234", json!({ "exact": 1_234 })),
            (Figure::Rounded(45), "about 45 (rounded to 5)", json!({ "rounded": 45 })),
            (Figure::Below(8), "fewer than 8", json!({ "below": 8 })),
            (Figure::Withheld(true), "withheld", json!({ "withheld": true })),
        ] {
            let figure = PublishedFigure { figure: Some(figure) };
            assert_eq!(published("people", Some(&figure)), words);
            assert_eq!(published_json(Some(&figure)), data);
        }
    }

    #[test]
    fn national_figures_say_what_is_known() {
        // value, low, high, hubs, hidden
        for (value, low, high, hubs, hidden, expected) in [
            (Some(3_966), Some(3_966), Some(3_966), 22, 0, "3,966"),
            (None, Some(12), Some(40), 22, 4, "between 12 and 40"),
            (None, Some(1_005), None, 22, 4, "at least 1,005"),
            (None, Some(0), Some(21), 3, 3, "not published"),
            (None, None, None, 0, 0, "not published"),
        ] {
            let line = ReportLine { value, low, high, hubs, hubs_hidden: hidden, ..ReportLine::default() };
            assert_eq!(national(&line), expected);
        }
    }

    #[test]
    fn the_hubs_behind_a_figure_are_counted() {
        for (hubs, missing, expected) in [
            (19, 3, "from 19 of 22 hubs"),
            (0, 2, "from 0 of 2 hubs"),
            (1, 0, "from 1 of 1 hub"),
            (0, 0, "from 0 of 0 hubs"),
        ] {
            let line = ReportLine { hubs, hubs_missing: missing, ..ReportLine::default() };
            assert_eq!(hubs_behind(&line), expected);
        }
    }

    #[test]
    fn published_figures_keep_their_qualifier() {
        for (unit, figure, qualifier, expected) in [
            ("people", 3_966, "exactly", "3,966"),
            ("people", 3_000, "almost", "almost 3,000"),
            ("pence", 125_000_000, "about", "about £1,250,000.00"),
            ("hubs", 22, "exactly", "22"),
        ] {
            let figure = DeclaredFigure {
                unit: unit.to_owned(),
                figure,
                qualifier: qualifier.to_owned(),
                ..DeclaredFigure::default()
            };
            assert_eq!(declared(&figure), expected);
        }
    }
}
