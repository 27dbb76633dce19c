//! What everybody knows of a hub's figures before one is released: how cells, indicators and periods hang together.

use std::collections::{BTreeMap, BTreeSet};

use folkmoot_domain::calendar::{Quarter, Span};
use folkmoot_domain::indicator::{Aggregation, Category, CellKey, Class, Dimension, Indicator};

use super::system::{Sum, System};

/// A period as the lattice sees it: its first and last quarter, by number ([`Quarter::index`]).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Stretch {
    pub(super) first: i32,
    pub(super) last: i32,
}

impl Stretch {
    pub(super) fn of(span: Span) -> Stretch {
        Stretch { first: Quarter::of(span.first).index(), last: Quarter::of(span.last).index() }
    }

    pub(super) fn holds(self, other: Stretch) -> bool {
        self.first <= other.first && other.last <= self.last
    }

    pub(super) fn touches(self, other: Stretch) -> bool {
        self.first <= other.last && other.first <= self.last
    }

    pub(super) fn quarters(self) -> impl Iterator<Item = i32> {
        self.first..=self.last
    }

    pub(super) fn is_quarter(self) -> bool {
        self.first == self.last
    }
}

/// Cells over periods, each a variable, with what ties them together.
#[derive(Debug, Clone)]
pub(super) struct Lattice {
    pub(super) stretches: Vec<Stretch>,
    pub(super) variables: Vec<(usize, CellKey)>,
    places: BTreeMap<(usize, CellKey), usize>,
    /// Without bounds.
    pub(super) system: System,
}

/// The indicators that say something of people.
pub(super) fn audited() -> impl Iterator<Item = Indicator> {
    Indicator::ALL.into_iter().filter(|indicator| indicator.class() != Class::Open)
}

impl Lattice {
    /// The lattice of periods, each period once, over cells.
    pub(super) fn new(stretches: Vec<Stretch>, cells: &BTreeSet<CellKey>) -> Lattice {
        let mut lattice =
            Lattice { stretches, variables: Vec::new(), places: BTreeMap::new(), system: System::default() };
        for period in 0..lattice.stretches.len() {
            for cell in cells.iter().filter(|cell| cell.indicator.class() != Class::Open) {
                lattice.places.insert((period, *cell), lattice.variables.len());
                lattice.variables.push((period, *cell));
            }
        }
        lattice.system.bounds = vec![(0, i64::MAX / 4); lattice.variables.len()];
        for period in 0..lattice.stretches.len() {
            lattice.tie_cells(period, cells);
        }
        lattice.tie_periods(cells);
        lattice
    }

    /// The variable of a cell in a period.
    pub(super) fn at(&self, period: usize, cell: CellKey) -> Option<usize> {
        self.places.get(&(period, cell)).copied()
    }

    fn sum(&self, terms: impl IntoIterator<Item = (usize, CellKey, i64)>) -> Sum {
        terms.into_iter().filter_map(|(period, cell, times)| Some((self.at(period, cell)?, times))).collect()
    }

    /// What holds within one period.
    fn tie_cells(&mut self, period: usize, cells: &BTreeSet<CellKey>) {
        for indicator in audited() {
            let headline = CellKey::headline(indicator);
            for dimension in indicator.dimensions() {
                let parts: Vec<CellKey> = cells
                    .iter()
                    .copied()
                    .filter(|cell| cell.indicator == indicator && cell.dimension() == Some(*dimension))
                    .collect();
                if dimension.is_additive() {
                    let terms = parts.iter().map(|part| (period, *part, 1));
                    let sum = self.sum(terms.chain([(period, headline, -1)]));
                    self.system.equal(sum, 0);
                } else {
                    for part in parts {
                        let sum = self.sum([(period, part, 1), (period, headline, -1)]);
                        self.system.at_most(sum, 0);
                    }
                }
            }
        }
        for cell in cells {
            // Everybody adds one or more to a sum.
            if let Class::PeopleSum { behind } = cell.indicator.class() {
                let people = CellKey { indicator: behind, ..*cell };
                let sum = self.sum([(period, people, 1), (period, *cell, -1)]);
                self.system.at_most(sum, 0);
                // What somebody adds to a part beyond once, they add to the whole beyond once.
                if cell.category.is_some() {
                    let (all, everybody) = (CellKey::headline(cell.indicator), CellKey::headline(behind));
                    let part = [(period, *cell, 1), (period, people, -1)];
                    let sum = self.sum(part.into_iter().chain([(period, all, -1), (period, everybody, 1)]));
                    self.system.at_most(sum, 0);
                }
            }
            // Young people are people, of the same gender and so on.
            if cell.indicator == Indicator::YoungPeopleTrained {
                let all = CellKey { indicator: Indicator::PeopleTrained, ..*cell };
                let sum = self.sum([(period, *cell, 1), (period, all, -1)]);
                self.system.at_most(sum, 0);
            }
        }
        // Those under 25 at their first session of the period are the young people trained.
        let young = Dimension::AgeBand.categories().iter().filter(|it| is_young(**it));
        let young = young.map(|category| (period, CellKey::category(Indicator::PeopleTrained, *category), 1));
        let headline = (period, CellKey::headline(Indicator::YoungPeopleTrained), -1);
        let sum = self.sum(young.chain([headline]));
        self.system.equal(sum, 0);
    }

    /// What holds between a period and those within it.
    fn tie_periods(&mut self, cells: &BTreeSet<CellKey>) {
        let cells: Vec<CellKey> = cells.iter().copied().filter(|cell| cell.indicator.class() != Class::Open).collect();
        self.tie_overlapping(&cells);
        for long in 0..self.stretches.len() {
            if self.stretches[long].is_quarter() {
                continue;
            }
            let within = self.within(long);
            let largest = self.largest(&within);
            let covers = self.covers(long, &within, &largest);
            for cell in &cells {
                match cell.indicator.aggregation() {
                    Aggregation::Sum => {
                        for cover in &covers {
                            let parts = cover.iter().map(|part| (*part, *cell, 1));
                            let sum = self.sum(parts.chain([(long, *cell, -1)]));
                            self.system.equal(sum, 0);
                        }
                    }
                    Aggregation::Distinct | Aggregation::Stock => {
                        for cover in &covers {
                            let parts = cover.iter().map(|part| (*part, *cell, -1));
                            let sum = self.sum(parts.chain([(long, *cell, 1)]));
                            self.system.at_most(sum, 0);
                        }
                        self.tie_older(long, &within, &covers, *cell);
                        for part in &within {
                            self.tie_within(long, *part, largest.contains(part), *cell);
                        }
                    }
                }
            }
        }
    }

    /// Whoever is counted in a part is counted in the whole. Age is that of the first event, so that in the whole
    /// somebody may be in a younger band than in the part, but never in an older one; in the first calendar year of the
    /// whole, and in a part that begins with it, it is the same. Of parts within parts the larger ones say it.
    fn tie_within(&mut self, long: usize, part: usize, is_largest: bool, cell: CellKey) {
        let (whole, within) = (self.stretches[long], self.stretches[part]);
        let year = |quarter: i32| quarter.div_euclid(4);
        let same_age = year(within.last) == year(whole.first) || within.first == whole.first;
        if cell.dimension() == Some(Dimension::AgeBand) {
            if same_age {
                let sum = self.sum([(part, cell, 1), (long, cell, -1)]);
                self.system.at_most(sum, 0);
            } else if is_largest {
                let younger = Dimension::AgeBand.categories().iter().filter(|it| at_most_as_old(**it, cell.category));
                let terms = younger.flat_map(|category| {
                    let cell = CellKey::category(cell.indicator, *category);
                    [(part, cell, 1), (long, cell, -1)]
                });
                let sum = self.sum(terms);
                self.system.at_most(sum, 0);
            }
        } else if is_largest {
            let sum = self.sum([(part, cell, 1), (long, cell, -1)]);
            self.system.at_most(sum, 0);
        }
    }

    /// The periods within a period, it itself excepted.
    pub(super) fn within(&self, long: usize) -> Vec<usize> {
        let whole = self.stretches[long];
        (0..self.stretches.len()).filter(|it| *it != long && whole.holds(self.stretches[*it])).collect()
    }

    /// Whoever is trained and not young at the first session of a period is so in the part that it lies in; and whoever is
    /// so in a part with which the period begins is so in the period.
    fn tie_older(&mut self, long: usize, within: &[usize], covers: &[Vec<usize>], young: CellKey) {
        if young.indicator != Indicator::YoungPeopleTrained {
            return;
        }
        let all = CellKey { indicator: Indicator::PeopleTrained, ..young };
        let older = |period: usize, times: i64| [(period, all, times), (period, young, -times)];
        for cover in covers {
            let sum = self.sum(older(long, 1).into_iter().chain(cover.iter().flat_map(|part| older(*part, -1))));
            self.system.at_most(sum, 0);
        }
        for part in within.iter().filter(|part| self.stretches[**part].first == self.stretches[long].first) {
            let sum = self.sum(older(*part, 1).into_iter().chain(older(long, -1)));
            self.system.at_most(sum, 0);
        }
    }

    /// Of two periods that overlap: what both have in common and what they have together is no more than the two.
    fn tie_overlapping(&mut self, cells: &[CellKey]) {
        let find = |first: i32, last: i32| self.stretches.iter().position(|it| *it == Stretch { first, last });
        let mut found = Vec::new();
        for (one, a) in self.stretches.iter().enumerate() {
            for (other, b) in self.stretches.iter().enumerate() {
                if a.first < b.first
                    && b.first <= a.last
                    && a.last < b.last
                    && let (Some(both), Some(either)) = (find(b.first, a.last), find(a.first, b.last))
                {
                    found.push([(either, 1), (both, 1), (one, -1), (other, -1)]);
                }
            }
        }
        for cell in cells.iter().filter(|cell| cell.indicator.aggregation() == Aggregation::Distinct) {
            if cell.dimension() != Some(Dimension::AgeBand) {
                for terms in &found {
                    let sum = self.sum(terms.iter().map(|(period, times)| (*period, *cell, *times)));
                    self.system.at_most(sum, 0);
                }
            }
        }
    }

    /// Those of some periods that are within none of the others.
    fn largest(&self, within: &[usize]) -> Vec<usize> {
        let inside = |part: usize| {
            within.iter().any(|other| *other != part && self.stretches[*other].holds(self.stretches[part]))
        };
        within.iter().copied().filter(|part| !inside(*part)).collect()
    }

    /// Ways to part a period into others: with each of the largest within it, as many more of them as do not overlap,
    /// and quarters for the rest.
    fn covers(&self, long: usize, within: &[usize], largest: &[usize]) -> Vec<Vec<usize>> {
        let quarter =
            |index: i32| within.iter().copied().find(|it| self.stretches[*it] == Stretch { first: index, last: index });
        let mut covers: Vec<Vec<usize>> = Vec::new();
        for first in largest {
            let mut cover = vec![*first];
            for part in largest {
                if !cover.iter().any(|taken| self.stretches[*taken].touches(self.stretches[*part])) {
                    cover.push(*part);
                }
            }
            let covered =
                |index: i32| cover.iter().any(|it| self.stretches[*it].holds(Stretch { first: index, last: index }));
            // A quarter that is not here had nobody.
            let rest: Vec<usize> =
                self.stretches[long].quarters().filter(|index| !covered(*index)).filter_map(quarter).collect();
            cover.extend(rest);
            cover.sort_unstable();
            covers.push(cover);
        }
        covers.sort_unstable();
        covers.dedup();
        covers
    }
}

fn is_young(category: Category) -> bool {
    matches!(category, Category::AgeBand(band) if band.is_young())
}

/// Whether a band is known and no older than another; the unknown band is by itself.
fn at_most_as_old(category: Category, than: Option<Category>) -> bool {
    match (category, than) {
        (Category::AgeBand(band), Some(Category::AgeBand(than))) => {
            use folkmoot_domain::indicator::AgeBand::Unknown;
            if than == Unknown { band == Unknown } else { band != Unknown && band <= than }
        }
        (
            Category::AgeBand(_)
            | Category::Gender(_)
            | Category::Ethnicity(_)
            | Category::Disability(_)
            | Category::Theme(_)
            | Category::Ward(_),
            _,
        ) => false,
    }
}
