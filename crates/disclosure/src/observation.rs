//! What a hub has counted, before disclosure control.

use std::collections::BTreeMap;

use folkmoot_domain::calendar::{Period, Span};
use folkmoot_domain::indicator::{CellKey, Class, Indicator};

use crate::Refusal;

/// The most that any figure can be. No hub comes near it, and sums over all hubs stay far below what a number can hold.
pub const MOST: u64 = 1_000_000_000_000_000;

/// The true figure of one cell and what stands behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Observation {
    /// The true figure.
    pub value: u64,
    /// For a people-sum: how many people stand behind it. Else of no concern.
    pub people_behind: u64,
    /// For a headline with a kind of event: how many events of that kind had people. Else of no concern.
    pub events_with_people: u64,
}

/// Everything that a hub has counted over one period: every cell of the catalogue, in agreement with each other.
#[derive(Clone, PartialEq, Eq)]
pub struct Observations {
    period: Period,
    span: Span,
    cells: BTreeMap<CellKey, Observation>,
}

impl Observations {
    /// Takes the figures of a period.
    ///
    /// # Errors
    /// Where a cell is absent, or figures contradict each other: a breakdown that does not add up to its headline, more
    /// young people than people, people where no event had people, a sum of other people than its figure of people.
    pub fn new(period: Period, span: Span, cells: BTreeMap<CellKey, Observation>) -> Result<Observations, Refusal> {
        let observations = Observations { period, span, cells };
        match CellKey::all().into_iter().find(|cell| !observations.agrees(*cell)) {
            Some(cell) => Err(Refusal::Inconsistent { cell }),
            None => Ok(observations),
        }
    }

    /// The period.
    pub fn period(&self) -> &Period {
        &self.period
    }

    /// The period's days.
    pub fn span(&self) -> Span {
        self.span
    }

    /// Each cell and its figure, in the order of the catalogue.
    pub fn cells(&self) -> impl Iterator<Item = (CellKey, Observation)> {
        self.cells.iter().map(|(cell, observation)| (*cell, *observation))
    }

    /// The figure of a cell.
    pub fn get(&self, cell: CellKey) -> Observation {
        // `new` has seen that every cell is there.
        self.cells.get(&cell).copied().unwrap_or_default()
    }

    /// The figure of a headline.
    pub(crate) fn headline(&self, indicator: Indicator) -> Observation {
        self.get(CellKey::headline(indicator))
    }

    fn agrees(&self, cell: CellKey) -> bool {
        let Some(seen) = self.cells.get(&cell) else { return false };
        let indicator = cell.indicator;
        if seen.value > MOST {
            return false;
        }
        if cell.category.is_some() {
            return true;
        }
        let breakdowns_add_up = indicator.dimensions().iter().all(|dimension| {
            let parts = dimension.categories().iter().map(|category| CellKey::category(indicator, *category));
            parts.map(|part| self.get(part).value).fold(0, u64::saturating_add) == seen.value
        });
        let nested =
            indicator != Indicator::YoungPeopleTrained || seen.value <= self.headline(Indicator::PeopleTrained).value;
        let events = indicator.event_kind().is_none() || seen.events_with_people > 0 || seen.value == 0;
        let behind = match indicator.class() {
            Class::PeopleSum { behind } => {
                let behind = self.headline(behind);
                seen.people_behind == behind.value && seen.events_with_people == behind.events_with_people
            }
            Class::People | Class::Open => true,
        };
        breakdowns_add_up && nested && events && behind
    }
}
