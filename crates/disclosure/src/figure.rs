//! A figure as it leaves a hub.

use folkmoot_domain::indicator::{Unit, format_amount};

use crate::Policy;

/// A figure as it leaves a hub. Beyond `Below` and `Withheld` nothing says which rule hid it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Figure {
    /// The true figure.
    Exact(u64),
    /// The true figure rounded to the nearest 5.
    Rounded(u64),
    /// The true figure is under this threshold.
    Below(u32),
    /// Nothing is said of the figure.
    Withheld,
}

impl Figure {
    /// The least and the most that the true figure can be, as anybody can tell from the figure alone; `None`:
    /// unbounded.
    pub fn bounds(self) -> (u64, Option<u64>) {
        let reach = Policy::ROUNDING / 2;
        match self {
            Figure::Exact(value) => (value, Some(value)),
            Figure::Rounded(value) => (value.saturating_sub(reach), Some(value.saturating_add(reach))),
            Figure::Below(threshold) => (0, Some(u64::from(threshold).saturating_sub(1))),
            Figure::Withheld => (0, None),
        }
    }

    /// Whether the bounds hold a value.
    pub fn admits(self, value: u64) -> bool {
        let (low, high) = self.bounds();
        low <= value && high.is_none_or(|high| value <= high)
    }

    /// Whether the figure is hidden.
    pub fn is_hidden(self) -> bool {
        matches!(self, Figure::Below(_) | Figure::Withheld)
    }

    /// The figure as people read it: `3,966`, `about 45`, `<8`, `withheld`.
    pub fn words(self, unit: Unit) -> String {
        match self {
            Figure::Exact(value) => format_amount(unit, value),
            Figure::Rounded(value) => format!("about {}", format_amount(unit, value)),
            Figure::Below(threshold) => format!("<{threshold}"),
            Figure::Withheld => "withheld".to_owned(),
        }
    }
}
