//! How figures are said to people.

use folkmoot_domain::Date;
use folkmoot_domain::calendar::Period;
use folkmoot_domain::indicator::{Unit, format_amount};

use crate::statistics::{Area, Figure, Observation};

/// An amount with thousands set off; money in pounds.
pub(crate) fn amount(unit: &str, value: u64) -> String {
    // A unit that the catalogue does not know yet is written as a number.
    match unit == Unit::Pence.name() {
        true => format_amount(Unit::Pence, value),
        false => format_amount(Unit::People, value),
    }
}

/// A whole number with thousands set off.
pub(crate) fn count(value: u64) -> String {
    format_amount(Unit::People, value)
}

/// A number of things, with the noun in the right form.
pub(crate) fn counted(value: u64, one: &str, many: &str) -> String {
    format!("{} {}", count(value), if value == 1 { one } else { many })
}

/// What is known of a figure, its bounds included.
pub(crate) fn figure(unit: &str, figure: Figure) -> String {
    let amount = |value| amount(unit, value);
    match figure {
        Figure::Exact(value) => amount(value),
        Figure::Rounded { value, low, high } => {
            format!("about {} (rounded; between {} and {})", amount(value), amount(low), amount(high))
        }
        Figure::Interval { low, high: Some(high) } => format!("between {} and {}", amount(low), amount(high)),
        Figure::Interval { low, high: None } => format!("at least {}", amount(low)),
        Figure::Hidden { low: 0, high: Some(high) } => format!("hidden [c], at most {}", amount(high)),
        Figure::Hidden { low, high: Some(high) } => {
            format!("hidden [c], between {} and {}", amount(low), amount(high))
        }
        Figure::Hidden { low: 0, high: None } => "hidden [c]".to_owned(),
        Figure::Hidden { low, high: None } => format!("hidden [c], at least {}", amount(low)),
        Figure::Unavailable => "not available [x]".to_owned(),
    }
}

/// The same, as short as a chart needs it.
pub(crate) fn figure_in_short(unit: &str, figure: Figure) -> String {
    let amount = |value| amount(unit, value);
    match figure {
        Figure::Exact(value) => amount(value),
        Figure::Rounded { value, .. } => format!("about {}", amount(value)),
        Figure::Interval { low, high: Some(high) } => format!("{} to {}", amount(low), amount(high)),
        Figure::Interval { low, high: None } => format!("{} or more", amount(low)),
        Figure::Hidden { low, high: Some(high) } => format!("[c] {} to {}", amount(low), amount(high)),
        Figure::Hidden { low: 0, high: None } => "[c]".to_owned(),
        Figure::Hidden { low, high: None } => format!("[c] {} or more", amount(low)),
        Figure::Unavailable => "[x]".to_owned(),
    }
}

/// The hubs behind a figure: "19 of 22 hubs, 2 hid it".
pub(crate) fn hubs_behind(observation: &Observation) -> String {
    let all = observation.hubs + observation.hubs_missing;
    let of_all = match observation.area {
        Area::Nation | Area::Region(_) => {
            Some(format!("{} of {}", count(observation.hubs), counted(all, "hub", "hubs")))
        }
        Area::Hub(_) => None,
    };
    let notes = [
        (observation.hubs_hidden, "hid it"),
        (observation.hubs_rounded, "rounded it"),
        (observation.hubs_late, "late"),
    ];
    let notes = notes.into_iter().filter(|(number, _)| *number > 0);
    of_all
        .into_iter()
        .chain(notes.map(|(number, what)| format!("{} {what}", count(number))))
        .collect::<Vec<_>>()
        .join(", ")
}

/// A day as people write it: "1 April 2018".
pub(crate) fn day(day: Date) -> String {
    format!("{} {} {}", day.day(), day.month(), day.year())
}

/// A quarter's months and year, "Jul–Sep" and "2018"; `None` for any other period.
pub(crate) fn quarter(period: &str) -> Option<(&'static str, String)> {
    match period.parse().ok()? {
        Period::Quarter(quarter) => {
            let months = match quarter.number() {
                1 => "Jan–Mar",
                2 => "Apr–Jun",
                3 => "Jul–Sep",
                _ => "Oct–Dec",
            };
            Some((months, quarter.year().to_string()))
        }
        Period::FinancialYear(_) | Period::Programme(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_said_with_their_bounds() {
        for (unit, known, long, short) in [
            ("people", Figure::Exact(3_966), "3,966", "3,966"),
            ("pence", Figure::Exact(125_438_250), "£1,254,382.50", "£1,254,382.50"),
            (
                "people",
                Figure::Rounded { value: 45, low: 43, high: 47 },
                "about 45 (rounded; between 43 and 47)",
                "about 45",
            ),
            ("people", Figure::Interval { low: 12, high: Some(1_040) }, "between 12 and 1,040", "12 to 1,040"),
            ("people", Figure::Interval { low: 12, high: None }, "at least 12", "12 or more"),
            ("people", Figure::Hidden { low: 0, high: Some(7) }, "hidden [c], at most 7", "[c] 0 to 7"),
            ("people", Figure::Hidden { low: 3, high: Some(7) }, "hidden [c], between 3 and 7", "[c] 3 to 7"),
            ("minutes", Figure::Hidden { low: 0, high: None }, "hidden [c]", "[c]"),
            ("minutes", Figure::Hidden { low: 9, high: None }, "hidden [c], at least 9", "[c] 9 or more"),
            ("people", Figure::Unavailable, "not available [x]", "[x]"),
        ] {
            assert_eq!(figure(unit, known), long);
            assert_eq!(figure_in_short(unit, known), short);
        }
    }

    #[test]
    fn quarters_are_known_by_their_months() {
        assert_eq!(quarter("2018-Q3"), Some(("Jul–Sep", "2018".to_owned())));
        for other in ["2018/19", "programme/COEP", "2018-Q5", ""] {
            assert_eq!(quarter(other), None);
        }
    }
}
