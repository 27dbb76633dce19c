//! What disclosure rules 1 to 3 leave of a hub's figures, written from the rules and not from `disclosure`.

use crate::day::Window;
use crate::generator::count::{self, Truth};
use crate::generator::{GENDERS, Hub};

/// A figure as the Academy may know it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Published {
    /// The true figure.
    Exact(u64),
    /// The true figure to the nearest five.
    Rounded(u64),
    /// Under eight.
    Below8,
    /// Nothing.
    Withheld,
}

impl Published {
    /// The least and the most that the true figure can be.
    pub fn bounds(self) -> (u64, Option<u64>) {
        match self {
            Self::Exact(value) => (value, Some(value)),
            Self::Rounded(value) => (value - 2, Some(value + 2)),
            Self::Below8 => (0, Some(7)),
            Self::Withheld => (0, None),
        }
    }

    /// Whether the Academy can only guess.
    pub fn hidden(self) -> bool {
        matches!(self, Self::Below8 | Self::Withheld)
    }
}

/// Rule 1: a headline.
pub fn headline(truth: &Truth) -> Published {
    let is_people_sum = matches!(truth.code, "training_minutes" | "listenings");
    let is_people =
        matches!(truth.code, "people_trained" | "young_people_trained" | "people_listened_to" | "people_mobilised");
    if (is_people || is_people_sum) && !truth.held_events {
        Published::Exact(0)
    } else if is_people && truth.value < 8 {
        Published::Below8
    } else if is_people_sum && truth.people_behind < 8 {
        Published::Withheld
    } else {
        Published::Exact(truth.value)
    }
}

/// Rules 1 to 3: people trained by gender.
pub fn trained_by_gender(hub: &Hub, window: &Window) -> [Published; GENDERS.len()] {
    let truth = count::truths(hub, window)[0];
    let cells = count::trained_by_gender(hub, window);
    // No category is a structural zero: where nobody was trained because nothing was held, each is under eight.
    if headline(&truth).hidden() || (truth.value > 0 && cells.contains(&truth.value)) {
        return [Published::Withheld; GENDERS.len()];
    }
    let mut line = cells.map(|cell| if cell < 8 { Published::Below8 } else { Published::Rounded((cell + 2) / 5 * 5) });
    if line.iter().filter(|cell| cell.hidden()).count() == 1 {
        let next_smallest = (0..cells.len()).filter(|at| !line[*at].hidden()).min_by_key(|at| cells[*at]);
        if let Some(at) = next_smallest {
            line[at] = Published::Withheld;
        }
    }
    line
}

/// The line of a national report that `figures` of several hubs add up to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line {
    /// The figure, where every hub published its own exactly.
    pub value: Option<u64>,
    /// The least that it can be.
    pub low: u64,
    /// The most, where there is a bound.
    pub high: Option<u64>,
    /// Hubs that hid it.
    pub hidden: u64,
    /// Hubs that rounded it.
    pub rounded: u64,
}

/// Adds up what hubs published.
pub fn line(figures: &[Published]) -> Line {
    let exact = figures.iter().all(|figure| matches!(figure, Published::Exact(_))) && !figures.is_empty();
    let low = figures.iter().map(|figure| figure.bounds().0).sum();
    let high = figures.iter().map(|figure| figure.bounds().1).sum();
    Line {
        value: exact.then_some(low),
        low,
        high,
        hidden: figures.iter().filter(|figure| figure.hidden()).count() as u64,
        rounded: figures.iter().filter(|figure| matches!(figure, Published::Rounded(_))).count() as u64,
    }
}
