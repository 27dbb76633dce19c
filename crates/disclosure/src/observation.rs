//! What a hub has counted, before disclosure control.

use std::collections::{BTreeMap, BTreeSet};

use folkmoot_domain::Date;
use folkmoot_domain::calendar::{Period, Span};
use folkmoot_domain::indicator::{Category, CellKey, Class, Dimension, Indicator};

use crate::{Figure, Refusal, Terms};

/// The most that any figure can be. No hub comes near it, and sums over all hubs stay far below what a number can hold.
pub const MOST: u64 = 1_000_000_000_000_000;

/// The true figure of one cell and what stands behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Observation {
    /// The true figure.
    pub value: u64,
    /// For a people-sum: how many people stand behind it. Else of no concern.
    pub people_behind: u64,
    /// For a people-sum: what the person who adds most adds. Else of no concern.
    pub largest: u64,
    /// For a people-sum: what the two people who add most add. Else of no concern.
    pub two_largest: u64,
    /// For a headline with a kind of event: how many events of that kind had people. Else of no concern.
    pub events_with_people: u64,
}

/// Everything that a hub has counted over one period, in agreement with each other: every cell of the catalogue, and of
/// open-ended dimensions each that is not 0.
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
        let known = CellKey::all().into_iter().chain(observations.cells.keys().copied());
        match known.into_iter().find(|cell| !observations.agrees(*cell)) {
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
        // `new` has seen that every cell of the catalogue is there.
        self.cells.get(&cell).copied().unwrap_or_default()
    }

    /// The figure of a headline.
    pub(crate) fn headline(&self, indicator: Indicator) -> Observation {
        self.get(CellKey::headline(indicator))
    }

    /// Whether no event of the indicator's kind had people, so that its 0 says nothing of any one person.
    pub(crate) fn is_structural_zero(&self, indicator: Indicator) -> bool {
        indicator.event_kind().is_some() && self.headline(indicator).events_with_people == 0
    }

    /// The categories of a breakdown, in order, with their figures.
    pub(crate) fn breakdown(&self, indicator: Indicator, dimension: Dimension) -> Vec<(CellKey, Observation)> {
        let of = |cell: &CellKey| cell.indicator == indicator && cell.dimension() == Some(dimension);
        self.cells().filter(|(cell, _)| of(cell)).collect()
    }

    fn agrees(&self, cell: CellKey) -> bool {
        let Some(seen) = self.cells.get(&cell) else { return false };
        let indicator = cell.indicator;
        if seen.value > MOST || cell.category.is_some_and(|it| !indicator.dimensions().contains(&it.dimension())) {
            return false;
        }
        let behind = match indicator.class() {
            Class::PeopleSum { behind } => {
                let people = self.get(CellKey { indicator: behind, category: cell.category });
                seen.people_behind == people.value
                    && seen.value >= people.value
                    && seen.largest <= seen.two_largest
                    && seen.two_largest <= seen.value
            }
            Class::People | Class::Open => true,
        };
        behind && if cell.category.is_some() { self.part_agrees(cell, seen) } else { self.headline_agrees(indicator) }
    }

    fn part_agrees(&self, cell: CellKey, seen: &Observation) -> bool {
        let nested = cell.indicator != Indicator::YoungPeopleTrained
            || seen.value <= self.get(CellKey { indicator: Indicator::PeopleTrained, ..cell }).value;
        nested && seen.value <= self.headline(cell.indicator).value
    }

    fn headline_agrees(&self, indicator: Indicator) -> bool {
        let seen = self.headline(indicator);
        let breakdowns_add_up = indicator.dimensions().iter().filter(|dimension| dimension.is_additive()).all(|it| {
            let parts = self.breakdown(indicator, *it);
            parts.iter().map(|(_, part)| part.value).fold(0, u64::saturating_add) == seen.value
        });
        let young = indicator != Indicator::YoungPeopleTrained || seen.value == self.youngest();
        let events = indicator.event_kind().is_none() || seen.events_with_people > 0 || seen.value == 0;
        breakdowns_add_up && young && events
    }

    /// People trained in the bands of the young.
    fn youngest(&self) -> u64 {
        let parts = self.breakdown(Indicator::PeopleTrained, Dimension::AgeBand);
        let young = |cell: &CellKey| matches!(cell.category, Some(Category::AgeBand(band)) if band.is_young());
        parts.iter().filter(|(cell, _)| young(cell)).map(|(_, part)| part.value).sum()
    }
}

/// What an earlier release of the same hub let out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Released {
    /// The period.
    pub period: Period,
    /// 0 for the first release of the period.
    pub revision: u32,
    /// The day on which it was approved.
    pub approved_on: Date,
    /// The terms that it was made under.
    pub terms: Terms,
    /// The version of the catalogue that it was made with.
    pub catalogue_version: u32,
    /// Its cells.
    pub cells: Vec<(CellKey, Figure)>,
    /// Indicators whose people are no longer those who were counted then, by as many as a revision takes: what was let
    /// out speaks of others than the observations do.
    pub outdated: BTreeSet<Indicator>,
}

/// All that the audit of one release looks at: what the hub has counted in every period that shares days with others
/// that were or are to be released, and what it has let out.
#[derive(Clone, PartialEq, Eq)]
pub struct Account {
    observations: BTreeMap<Period, Observations>,
    released: Vec<Released>,
}

impl Account {
    /// An account of observations and of the latest release of each period that has one. All observations are counted
    /// from one set of facts: those of a quarter are also in every longer period that holds the quarter.
    pub fn new(observations: impl IntoIterator<Item = Observations>, released: Vec<Released>) -> Account {
        let observations = observations.into_iter().map(|seen| (seen.period.clone(), seen)).collect();
        Account { observations, released }
    }

    /// What was counted in a period; `None` where the account does not have it.
    pub fn observations(&self, period: &Period) -> Option<&Observations> {
        self.observations.get(period)
    }

    /// Every period.
    pub fn periods(&self) -> impl Iterator<Item = &Observations> {
        self.observations.values()
    }

    /// The releases.
    pub fn released(&self) -> &[Released] {
        &self.released
    }

    /// The latest release of a period.
    pub fn standing(&self, period: &Period) -> Option<&Released> {
        self.released.iter().filter(|released| released.period == *period).max_by_key(|released| released.revision)
    }
}
