//! Observations as people read them.

use folkmoot_domain::calendar::Period;
use folkmoot_proto::academy::v1 as wire;
use folkmoot_proto::academy::v1::observation::Status;

use super::gather::region;
use crate::arguments::Periods;
use crate::breakdown::{self, Line};
use crate::figures;
use crate::output::{table, text};

/// Periods in words: "Programme COEP", "Jul–Sep 2018 (Q2 of 2018/19) to ...".
pub(super) fn periods(periods: &Periods) -> String {
    let title = |code: &str| code.parse::<Period>().map_or_else(|_| code.to_owned(), |period| period.title());
    let Periods { period, from, to } = periods;
    match (period, from, to) {
        (Some(period), _, _) => title(period),
        (None, Some(from), Some(to)) => format!("{} to {}", title(from), title(to)),
        (None, _, _) => "every period".to_owned(),
    }
}

/// A table for each period and area.
pub(super) fn observations(found: &[wire::Observation]) -> String {
    let mut out = String::new();
    for period in found.chunk_by(|one, other| one.period == other.period) {
        let [first, ..] = period else { continue };
        if !out.is_empty() {
            out.push('\n');
        }
        out.push_str(&format!("{}, {} to {}\n\n", first.period_title, first.first_day, first.last_day));
        out.push_str(&match first.by() {
            wire::By::Region | wire::By::Hub => by_area(period),
            wire::By::Nation | wire::By::Unspecified => national(period),
        });
    }
    if out.is_empty() { "No such figures.".to_owned() } else { out }
}

fn national(period: &[wire::Observation]) -> String {
    let mut lines = table(&["", "Figure", "", "Hidden by", "Rounded by", "Late", "Since the period before", ""]);
    let row = |it: &wire::Observation| Line {
        title: it.indicator_title.clone(),
        dimension: it.dimension.clone(),
        category_title: it.category_title.clone(),
        true_figure: None,
        columns: vec![
            figure(it),
            behind(it),
            hubs(it.hubs_hidden),
            hubs(it.hubs_rounded),
            hubs(it.hubs_late),
            change(it),
            it.label.clone(),
        ],
        withheld: false,
        empty: false,
    };
    let rows: Vec<Line> = period.iter().map(row).collect();
    breakdown::add(&mut lines, &rows, true);
    text(lines, &[1])
}

/// Areas are listed, never ranked.
fn by_area(period: &[wire::Observation]) -> String {
    let mut out = String::new();
    for cell in period.chunk_by(|one, other| {
        (&one.indicator, &one.dimension, &one.category) == (&other.indicator, &other.dimension, &other.category)
    }) {
        let [first, ..] = cell else { continue };
        let by_hub = first.by() == wire::By::Hub;
        let mut lines = match by_hub {
            true => table(&["Hub", "Figure", "Late", ""]),
            false => table(&["Region", "Figure", "", "Hidden by", "Rounded by", "Late", "Since the period before", ""]),
        };
        for it in cell {
            match by_hub {
                true => {
                    let late = if it.hubs_late > 0 { "late" } else { "" };
                    lines.add_row([it.area.clone(), figure(it), late.to_owned(), it.label.clone()])
                }
                false => lines.add_row([
                    region(it.area.clone()),
                    figure(it),
                    behind(it),
                    hubs(it.hubs_hidden),
                    hubs(it.hubs_rounded),
                    hubs(it.hubs_late),
                    change(it),
                    not_for_comparison(it),
                ]),
            };
        }
        let category =
            if first.category_title.is_empty() { String::new() } else { format!(": {}", first.category_title) };
        out.push_str(&format!("{}{category}\n{}\n", first.indicator_title, text(lines, &[1])));
    }
    out
}

/// Fewer than five hubs make no figure to compare with another's.
fn not_for_comparison(it: &wire::Observation) -> String {
    match it.comparable || it.hubs == 0 {
        true => it.label.clone(),
        false => format!("{}; not for comparison: fewer than 5 hubs", it.label),
    }
}

fn figure(it: &wire::Observation) -> String {
    let amount = |value| figures::amount(&it.unit, value);
    let bounds = |low: u64, high: Option<u64>| match high {
        Some(high) => format!("between {} and {}", amount(low), amount(high)),
        None => format!("at least {}", amount(low)),
    };
    match (it.status(), it.value) {
        (Status::Exact, Some(value)) => amount(value),
        (Status::Rounded, Some(value)) => format!("about {} (rounded to 5)", amount(value)),
        (Status::Interval, _) => bounds(it.low.unwrap_or(0), it.high),
        (Status::Hidden, _) if it.by() == wire::By::Hub => match it.high {
            Some(high) => format!("fewer than {}", amount(high.saturating_add(1))),
            None => "withheld".to_owned(),
        },
        (Status::Unavailable, _) => "no release".to_owned(),
        (Status::Hidden | Status::BesideTotal, _) => "not published".to_owned(),
        (Status::Exact | Status::Rounded | Status::Unspecified, _) => {
            "a form that this version does not know".to_owned()
        }
    }
}

fn behind(it: &wire::Observation) -> String {
    match it.hubs + it.hubs_missing {
        1 => format!("from {} of 1 hub", it.hubs),
        all => format!("from {} of {all} hubs", it.hubs),
    }
}

fn hubs(count: u32) -> String {
    match count {
        0 => String::new(),
        1 => "1 hub".to_owned(),
        count => format!("{count} hubs"),
    }
}

/// The difference to the period before, or why there is none; nothing where no period comes before.
fn change(it: &wire::Observation) -> String {
    let Some(change) = &it.change else { return String::new() };
    if !change.given {
        return if it.hubs == 0 || it.period.starts_with("programme/") { String::new() } else { change.note.clone() };
    }
    let signed = |value: i64| {
        let sign = if value < 0 { "−" } else { "+" };
        format!("{sign}{}", figures::amount(&it.unit, value.unsigned_abs()))
    };
    let words = match (change.low, change.high) {
        (Some(low), Some(high)) if low == high => signed(low),
        (Some(low), Some(high)) => format!("{} to {}", signed(low), signed(high)),
        (Some(low), None) => format!("{} or more", signed(low)),
        (None, Some(high)) => format!("{} or less", signed(high)),
        (None, None) => "unknown".to_owned(),
    };
    if change.note.is_empty() { words } else { format!("{words} ({})", change.note) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn observation(status: Status, value: Option<u64>, low: Option<u64>, high: Option<u64>) -> wire::Observation {
        wire::Observation { status: status.into(), value, low, high, hubs: 6, ..wire::Observation::default() }
    }

    #[test]
    fn what_is_known_is_said() {
        for (status, value, low, high, expected) in [
            (Status::Exact, Some(3_966), Some(3_966), Some(3_966), "3,966"),
            (Status::Rounded, Some(45), Some(43), Some(47), "about 45 (rounded to 5)"),
            (Status::Interval, None, Some(12), Some(40), "between 12 and 40"),
            (Status::Interval, None, Some(1_005), None, "at least 1,005"),
            (Status::Hidden, None, Some(0), Some(21), "not published"),
            (Status::Unavailable, None, None, None, "no release"),
            (Status::BesideTotal, None, None, None, "not published"),
        ] {
            assert_eq!(figure(&observation(status, value, low, high)), expected);
        }
        let of_hub =
            |high| wire::Observation { by: wire::By::Hub.into(), ..observation(Status::Hidden, None, Some(0), high) };
        assert_eq!((figure(&of_hub(Some(7))).as_str(), figure(&of_hub(None)).as_str()), ("fewer than 8", "withheld"));
    }

    #[test]
    fn differences_keep_their_bounds() {
        for (low, high, note, expected) in [
            (Some(12), Some(12), "", "+12"),
            (Some(-3), Some(1_200), "", "−3 to +1,200"),
            (None, Some(4), "other hubs stand behind the two", "+4 or less (other hubs stand behind the two)"),
            (Some(0), None, "", "+0 or more"),
        ] {
            let given = wire::Change { given: true, low, high, note: note.to_owned(), ..wire::Change::default() };
            let it = wire::Observation { change: Some(given), ..observation(Status::Exact, Some(1), Some(1), Some(1)) };
            assert_eq!(change(&it), expected);
        }
        let note = "not compared: fewer than 5 hubs stand behind one of the two figures".to_owned();
        let withheld = wire::Change { note: note.clone(), ..wire::Change::default() };
        let it = wire::Observation { change: Some(withheld), ..observation(Status::Exact, Some(1), Some(1), Some(1)) };
        assert_eq!(change(&it), note);
    }

    #[test]
    fn a_region_of_few_hubs_is_not_for_comparison() {
        let it = |hubs, comparable| wire::Observation {
            by: wire::By::Region.into(),
            period_title: "A quarter".to_owned(),
            indicator_title: "Actions held".to_owned(),
            area: if hubs == 0 { String::new() } else { format!("Region of {hubs}") },
            label: "sum over hubs".to_owned(),
            hubs,
            comparable,
            ..observation(Status::Exact, Some(9), Some(9), Some(9))
        };
        let text = observations(&[it(4, false), it(5, true)]);
        assert!(text.contains("Actions held\n"), "{text}");
        let line = |region: &str| text.lines().find(|line| line.starts_with(region)).expect("a line").to_owned();
        assert!(line("Region of 4").ends_with("sum over hubs; not for comparison: fewer than 5 hubs"), "{text}");
        assert!(line("Region of 5").ends_with("sum over hubs"), "{text}");
    }
}
