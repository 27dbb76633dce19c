//! What a release tells of each cell to somebody who knows the rules.

use std::collections::{BTreeMap, BTreeSet};

use folkmoot_domain::indicator::{CellKey, Class, Dimension, Indicator};

use crate::{Figure, Terms};

/// The cells of one release, for looking up.
pub(super) struct Known {
    cells: BTreeMap<CellKey, Figure>,
    terms: Terms,
    /// Per additive breakdown: whether all is withheld, and the most that the smallest shown part can be.
    lines: BTreeMap<(Indicator, Dimension), (bool, Option<i64>)>,
    /// Totals of people that are withheld although they are few.
    unmarked: BTreeSet<Indicator>,
}

impl Known {
    pub(super) fn new(
        cells: impl IntoIterator<Item = (CellKey, Figure)>,
        terms: Terms,
        unmarked: BTreeSet<Indicator>,
    ) -> Known {
        let cells: BTreeMap<CellKey, Figure> = cells.into_iter().collect();
        let mut lines = BTreeMap::new();
        for (cell, figure) in &cells {
            let Some(dimension) = cell.dimension() else { continue };
            let line = lines.entry((cell.indicator, dimension)).or_insert((true, None::<i64>));
            line.0 &= *figure == Figure::Withheld;
            if let (Figure::Rounded(_) | Figure::Exact(_), Some(most)) = (figure, figure.bounds().1) {
                let most = whole(most);
                line.1 = Some(line.1.map_or(most, |least: i64| least.min(most)));
            }
        }
        Known { cells, terms, lines, unmarked }
    }

    /// The least and the most that a cell can be by what the release says; `None`: no bound.
    pub(super) fn bounds(&self, cell: CellKey) -> (i64, Option<i64>) {
        let (low, high) = self.said(cell);
        let threshold = whole(self.terms.threshold_of(cell));
        let low = if self.stands_behind_a_shown_sum(cell) { low.max(threshold) } else { low };
        let line = cell.dimension().and_then(|dimension| self.lines.get(&(cell.indicator, dimension)));
        let total = self.cells.get(&CellKey::headline(cell.indicator)).and_then(|total| total.bounds().1).map(whole);
        match (line, total) {
            // Were everybody in one part, all parts would be withheld.
            (Some((false, _)), Some(total)) if total > 0 => (low, Some(high.unwrap_or(total).min(total - 1))),
            _ => (low, high),
        }
    }

    /// Cells of which one is less than another, or at most as much: the first, the second, and by how much at least. A part
    /// of a breakdown that is shown is not everybody; what is hidden beyond the small ones is what is smallest of the rest,
    /// and of equals the first.
    pub(super) fn order(&self) -> Vec<(CellKey, CellKey, i64)> {
        let mut order = Vec::new();
        for ((indicator, dimension), (all_withheld, _)) in &self.lines {
            let headline = CellKey::headline(*indicator);
            let nobody = self.cells.get(&headline).is_some_and(|total| *total == Figure::Exact(0));
            if *all_withheld || nobody {
                continue;
            }
            let parts: Vec<(CellKey, Figure)> = self
                .cells
                .iter()
                .filter(|(cell, _)| cell.indicator == *indicator && cell.dimension() == Some(*dimension))
                .map(|(cell, figure)| (*cell, *figure))
                .collect();
            order.extend(parts.iter().map(|(part, _)| (*part, headline, 1)));
            if dimension.is_additive() {
                for (hidden, _) in parts.iter().filter(|(_, figure)| *figure == Figure::Withheld) {
                    let shown = parts.iter().filter(|(_, figure)| !figure.is_hidden());
                    order.extend(shown.map(|(shown, _)| (*hidden, *shown, i64::from(shown < hidden))));
                }
            }
        }
        order
    }

    /// Whether a sum is shown behind which this count of people stands.
    fn stands_behind_a_shown_sum(&self, cell: CellKey) -> bool {
        self.cells.iter().any(|(sum, figure)| {
            sum.category == cell.category
                && sum.indicator.class() == Class::PeopleSum { behind: cell.indicator }
                && !figure.is_hidden()
                && *figure != Figure::Exact(0)
        })
    }

    /// The same, by what the release says of this cell and of its breakdown.
    fn said(&self, cell: CellKey) -> (i64, Option<i64>) {
        let threshold = whole(self.terms.threshold_of(cell));
        let Some(figure) = self.cells.get(&cell) else {
            // Of an open-ended dimension: where any part is listed, what is not listed is under the threshold.
            let listed = cell.dimension().is_some_and(|it| self.lines.contains_key(&(cell.indicator, it)));
            return (0, listed.then_some(threshold - 1));
        };
        let (low, high) = figure.bounds();
        let (low, high) = (whole(low), high.map(whole));
        match (figure, cell.dimension(), cell.indicator.class()) {
            (Figure::Rounded(_), ..) => (low.max(threshold), high),
            // A total of few people would say so, but where that tells too much; one cannot count on that.
            (Figure::Withheld, None, Class::People) if !self.unmarked.contains(&cell.indicator) => (threshold, None),
            // So would a part, unless all are withheld. What is hidden beyond the small are the smallest left.
            (Figure::Withheld, Some(dimension), Class::People) => match self.lines.get(&(cell.indicator, dimension)) {
                Some((false, most)) if dimension.is_additive() => (threshold, *most),
                Some((false, _)) => (threshold, None),
                Some((true, _)) | None => (0, None),
            },
            (Figure::Exact(_) | Figure::Below(_) | Figure::Withheld, ..) => (low, high),
        }
    }
}

/// A count as the system reckons with: no hub's comes near what it can hold.
pub(super) fn whole(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX / 4)
}
