//! A release in the making: rules 1 to 4, and what the audit has asked to be hidden beyond them.

use std::collections::BTreeMap;

use folkmoot_domain::indicator::{CellKey, Class, Dimension, Indicator};

use crate::{Figure, Observation, Observations, Policy, PreparedCell, Reason, Released, Terms};

/// How much the audit leaves of a total.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
enum Total {
    #[default]
    Whole,
    Rounded,
    Withheld,
}

/// What the audit takes from a breakdown.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Cut {
    /// How many cells more are hidden than the rules hide, of an additive breakdown: always the smallest that are left.
    more: usize,
    /// The cells that are hidden, of a breakdown whose parts overlap.
    hidden: Vec<CellKey>,
    withheld: bool,
}

/// One step by which a draft says less.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// The next smallest cell of an additive breakdown.
    HideNext(Indicator, Dimension),
    /// This cell of a breakdown whose parts overlap.
    Hide(CellKey),
    /// A total of people.
    Round(Indicator),
    /// A whole breakdown.
    WithholdBreakdown(Indicator, Dimension),
    /// A total, and with it its breakdowns; of few people also that they are few.
    Withhold(Indicator),
}

/// A release in the making.
#[derive(Clone)]
pub(crate) struct Draft<'a> {
    observations: &'a Observations,
    terms: Terms,
    /// Indicators that a revision leaves as they stand, with their cells.
    standing: BTreeMap<Indicator, Vec<(CellKey, Figure)>>,
    totals: BTreeMap<Indicator, Total>,
    cuts: BTreeMap<(Indicator, Dimension), Cut>,
}

impl<'a> Draft<'a> {
    /// A draft under rules 1 to 4 alone. Of a release that is revised, what speaks of the same people still stands.
    pub(crate) fn new(observations: &'a Observations, terms: Terms, revises: Option<&Released>) -> Draft<'a> {
        let mut standing = BTreeMap::new();
        if let Some(released) = revises {
            let stands = |it: &Indicator| it.class() != Class::Open && !released.outdated.contains(it);
            for indicator in Indicator::ALL.into_iter().filter(stands) {
                let cells = released.cells.iter().copied().filter(|(cell, _)| cell.indicator == indicator);
                standing.insert(indicator, cells.collect());
            }
        }
        Draft { observations, terms, standing, totals: BTreeMap::new(), cuts: BTreeMap::new() }
    }

    /// Every cell that was counted, as it would leave.
    pub(crate) fn cells(&self) -> Vec<PreparedCell> {
        let mut cells = Vec::new();
        for indicator in Indicator::ALL {
            if let Some(standing) = self.standing.get(&indicator) {
                cells.extend(self.standing_cells(indicator, standing));
                continue;
            }
            let headline = self.headline(indicator);
            cells.push(headline);
            for dimension in indicator.dimensions() {
                cells.extend(self.breakdown(headline, *dimension));
            }
        }
        cells
    }

    /// Takes a step; `false` where it leaves nothing less to be said.
    pub(crate) fn take(&mut self, step: Step) -> bool {
        let before = self.cells();
        match step {
            Step::HideNext(indicator, dimension) => self.cut(indicator, dimension).more += 1,
            Step::Hide(cell) => {
                if let Some(dimension) = cell.dimension() {
                    self.cut(cell.indicator, dimension).hidden.push(cell);
                }
            }
            Step::Round(indicator) => self.raise(indicator, Total::Rounded),
            Step::WithholdBreakdown(indicator, dimension) => self.cut(indicator, dimension).withheld = true,
            Step::Withhold(indicator) => self.raise(indicator, Total::Withheld),
        }
        self.cells().iter().map(|cell| cell.figure).ne(before.iter().map(|cell| cell.figure))
    }

    fn cut(&mut self, indicator: Indicator, dimension: Dimension) -> &mut Cut {
        self.cuts.entry((indicator, dimension)).or_default()
    }

    fn raise(&mut self, indicator: Indicator, to: Total) {
        let total = self.totals.entry(indicator).or_default();
        *total = (*total).max(to);
    }

    fn standing_cells(&self, indicator: Indicator, standing: &[(CellKey, Figure)]) -> Vec<PreparedCell> {
        let cells = self.observations.cells().filter(|(key, _)| key.indicator == indicator);
        cells
            .map(|(key, seen)| {
                let found = standing.iter().find(|(cell, _)| *cell == key);
                let figure = found.map_or(Figure::Withheld, |(_, figure)| *figure);
                PreparedCell { key, true_value: seen.value, figure, reason: Reason::Stands }
            })
            .collect()
    }

    /// Rules 1 and 4.
    fn headline(&self, indicator: Indicator) -> PreparedCell {
        let key = CellKey::headline(indicator);
        let seen = self.observations.get(key);
        let threshold = self.terms.threshold_of(key);
        let (figure, reason) = match indicator.class() {
            Class::Open => (Figure::Exact(seen.value), Reason::Open),
            Class::People | Class::PeopleSum { .. } if self.observations.is_structural_zero(indicator) => {
                (Figure::Exact(0), Reason::NoEvent)
            }
            Class::People if seen.value < threshold => (Figure::Below(self.terms.threshold), Reason::FewPeople),
            Class::People => (Figure::Exact(seen.value), Reason::EnoughPeople),
            Class::PeopleSum { .. } => match hidden_sum(&seen, threshold, self.terms) {
                Some(reason) => (Figure::Withheld, reason),
                None => (Figure::Exact(seen.value), Reason::EnoughBehind),
            },
        };
        let total = self.totals.get(&indicator).copied().unwrap_or_default();
        let (figure, reason) = match (figure, total) {
            (Figure::Exact(_), _) if matches!(reason, Reason::Open | Reason::NoEvent) => (figure, reason),
            (Figure::Exact(value), Total::Rounded) => (Figure::Rounded(Policy::round(value)), Reason::AuditRounded),
            (Figure::Exact(_) | Figure::Below(_), Total::Withheld) => (Figure::Withheld, Reason::AuditWithheld),
            (
                Figure::Exact(_) | Figure::Rounded(_) | Figure::Below(_) | Figure::Withheld,
                Total::Whole | Total::Rounded | Total::Withheld,
            ) => (figure, reason),
        };
        PreparedCell { key, true_value: seen.value, figure, reason }
    }

    /// Rules 2 to 4. No category is a structural zero: where nobody could be counted at all, each part is hidden as any
    /// other part of too few, although the total tells that it is 0.
    fn breakdown(&self, headline: PreparedCell, dimension: Dimension) -> Vec<PreparedCell> {
        let indicator = headline.key.indicator;
        let parts = self.observations.breakdown(indicator, dimension);
        let cut = self.cuts.get(&(indicator, dimension)).cloned().unwrap_or_default();
        let everyone_in_one =
            headline.true_value > 0 && parts.iter().any(|(_, part)| part.value == headline.true_value);
        let withheld = if headline.figure.is_hidden() {
            Some(Reason::HeadlineHidden)
        } else if everyone_in_one {
            Some(Reason::EveryoneInOne)
        } else {
            cut.withheld.then_some(Reason::AuditWithheld)
        };
        let cell = |(key, seen): &(CellKey, Observation)| {
            let (figure, reason) = match withheld {
                Some(reason) => (Figure::Withheld, reason),
                None => self.part(*key, seen, &cut),
            };
            PreparedCell { key: *key, true_value: seen.value, figure, reason }
        };
        let mut cells: Vec<PreparedCell> = parts.iter().map(cell).collect();
        if dimension.is_additive() && withheld.is_none() {
            hide_more(&mut cells, cut.more);
        }
        cells
    }

    fn part(&self, key: CellKey, seen: &Observation, cut: &Cut) -> (Figure, Reason) {
        let threshold = self.terms.threshold_of(key);
        let hidden = match key.indicator.class() {
            Class::PeopleSum { .. } => hidden_sum(seen, threshold, self.terms).map(|reason| (Figure::Withheld, reason)),
            Class::People | Class::Open => (seen.value < threshold)
                .then(|| (Figure::Below(u32::try_from(threshold).unwrap_or(u32::MAX)), Reason::SmallPart)),
        };
        match hidden {
            Some(hidden) => hidden,
            None if cut.hidden.contains(&key) => (Figure::Withheld, Reason::AuditHidden),
            None => (Figure::Rounded(Policy::round(seen.value)), Reason::RoundedPart),
        }
    }
}

/// Whether rules 1 and 4 hide a sum.
pub(crate) fn hides_sum(seen: &Observation, threshold: u64, terms: Terms) -> bool {
    hidden_sum(seen, threshold, terms).is_some()
}

/// Why rules 1 and 4 hide a sum, where they do.
fn hidden_sum(seen: &Observation, threshold: u64, terms: Terms) -> Option<Reason> {
    // A sum is far below what would overflow here.
    let over = |part: u64, percent: u32| part.saturating_mul(100) > seen.value.saturating_mul(u64::from(percent));
    if seen.people_behind < threshold {
        Some(Reason::FewBehind)
    } else if over(seen.largest, terms.largest_percent) {
        Some(Reason::OneContributor)
    } else if over(seen.two_largest, terms.two_largest_percent) {
        Some(Reason::TwoContributors)
    } else {
        None
    }
}

/// Rule 3 on an additive breakdown, and as many cells more as the audit asks for.
fn hide_more(cells: &mut [PreparedCell], more: usize) {
    if cells.iter().filter(|cell| cell.figure.is_hidden()).count() == 1 {
        hide_smallest(cells, Reason::HidesAnother);
    }
    for _ in 0..more {
        hide_smallest(cells, Reason::AuditHidden);
    }
    if cells.iter().filter(|cell| cell.figure.is_hidden()).count() == 1 {
        hide_smallest(cells, Reason::AuditHidden);
    }
}

/// Hides the smallest that is shown; of several that are as small the first in the order of the catalogue.
fn hide_smallest(cells: &mut [PreparedCell], reason: Reason) {
    let shown = cells.iter_mut().filter(|cell| !cell.figure.is_hidden());
    // `min_by_key` takes the first of equals.
    if let Some(next) = shown.min_by_key(|cell| cell.true_value) {
        (next.figure, next.reason) = (Figure::Withheld, reason);
    }
}
