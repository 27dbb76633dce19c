//! An axis from zero, with round numbers on it.

use folkmoot_domain::indicator::Unit;

use super::{Mark, Shown};
use crate::statistics::Figure;
use crate::words;

/// An axis.
pub(super) struct Scale {
    top: u64,
    step: u64,
    unit: String,
}

impl Scale {
    /// An axis on which every mark has its place, and what nothing bounds has room to go on.
    pub(super) fn of(marks: &[Mark], unit: &str) -> Scale {
        // Money is counted in pence and shown in pounds: its round numbers are those of pounds.
        let base = if unit == Unit::Pence.name() { 100 } else { 1 };
        let highest = marks.iter().map(|mark| mark.shown.reach()).max().unwrap_or(0);
        let unbounded = |mark: &Mark| match mark.shown {
            Shown::Figure(Figure::Interval { high: None, .. } | Figure::Hidden { high: None, .. }) => true,
            Shown::Figure(
                Figure::Exact(_)
                | Figure::Rounded { .. }
                | Figure::Interval { .. }
                | Figure::Hidden { .. }
                | Figure::Unavailable,
            )
            | Shown::TooFewHubs(_) => false,
        };
        let step = round_step(highest / base / 5 + 1).saturating_mul(base);
        let mut top = highest.div_ceil(step).max(1).saturating_mul(step);
        if marks.iter().any(unbounded) && top - highest < step / 2 {
            top = top.saturating_add(step);
        }
        Scale { top, step, unit: unit.to_owned() }
    }

    /// Where a value lies, from 0 to 1.
    pub(super) fn share(&self, value: u64) -> f64 {
        (value as f64 / self.top as f64).min(1.0)
    }

    /// The round numbers, with what is written at them.
    pub(super) fn ticks(&self) -> Vec<(u64, String)> {
        let label = |value: u64| match words::amount(&self.unit, value) {
            text if self.unit == Unit::Pence.name() => text.trim_end_matches(".00").to_owned(),
            text => text,
        };
        (0..=self.top / self.step).map(|tick| (tick * self.step, label(tick * self.step))).collect()
    }
}

/// The least of 1, 2, 5, 10, 20, 50, … that is no less than a number.
fn round_step(least: u64) -> u64 {
    let mut power = 1_u64;
    loop {
        for factor in [1, 2, 5] {
            let step = power.saturating_mul(factor);
            if step >= least {
                return step;
            }
        }
        power = power.saturating_mul(10);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark(figure: Figure) -> Mark {
        Mark { label: String::new(), shown: Shown::Figure(figure) }
    }

    fn labels(figures: &[Figure], unit: &str) -> Vec<String> {
        let marks: Vec<Mark> = figures.iter().copied().map(mark).collect();
        Scale::of(&marks, unit).ticks().into_iter().map(|(_, label)| label).collect()
    }

    #[test]
    fn axes_have_round_numbers() {
        assert_eq!(labels(&[Figure::Exact(3)], "people"), ["0", "1", "2", "3"]);
        assert_eq!(labels(&[Figure::Exact(0)], "people"), ["0", "1"]);
        assert_eq!(labels(&[Figure::Exact(940)], "people"), ["0", "200", "400", "600", "800", "1,000"]);
        assert_eq!(labels(&[Figure::Exact(125_000_000)], "pence")[1], "£500,000");
        assert_eq!(labels(&[], "people"), ["0", "1"]);
    }

    #[test]
    fn what_nothing_bounds_has_room() {
        assert_eq!(
            labels(&[Figure::Interval { low: 1_000, high: None }], "people").last().map(String::as_str),
            Some("1,500")
        );
    }

    #[test]
    fn the_largest_number_has_a_place() {
        let scale = Scale::of(&[mark(Figure::Exact(u64::MAX))], "pence");
        assert!(scale.share(u64::MAX) <= 1.0);
        assert!(scale.ticks().len() < 12);
    }
}
