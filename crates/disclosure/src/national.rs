//! National figures, added up from what hubs released: the reader's own sum, beside the one that the Academy's database
//! makes.

use std::collections::BTreeMap;

use folkmoot_domain::indicator::CellKey;

use crate::Figure;

/// One national figure: a sum over hubs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct NationalFigure {
    /// The figure, only where every hub's is exact, of one hub at least.
    pub value: Option<u64>,
    /// The least that it can be: the sum of the hubs' lower bounds.
    pub low: u64,
    /// The most that it can be: the sum of the hubs' upper bounds; `None` where one is unbounded, or there is no hub.
    pub high: Option<u64>,
    /// How many hubs stand behind it.
    pub hubs: u32,
    /// Of those, hubs that hid it.
    pub hubs_hidden: u32,
    /// Of those, hubs that rounded it.
    pub hubs_rounded: u32,
}

impl NationalFigure {
    fn add(self, figure: Figure) -> NationalFigure {
        let (low, high) = figure.bounds();
        let before = if self.hubs == 0 { Some(0) } else { self.high };
        let sum = NationalFigure {
            value: None,
            low: self.low.saturating_add(low),
            high: before.zip(high).map(|(before, high)| u64::saturating_add(before, high)),
            hubs: self.hubs + 1,
            hubs_hidden: self.hubs_hidden + u32::from(figure.is_hidden()),
            hubs_rounded: self.hubs_rounded + u32::from(matches!(figure, Figure::Rounded(_))),
        };
        let exact = sum.hubs_hidden + sum.hubs_rounded == 0;
        NationalFigure { value: exact.then_some(sum.low), ..sum }
    }
}

/// Adds up the releases of one period, one of each hub: every cell of the catalogue, and whatever else a release lists.
pub fn add_up<'a>(releases: impl IntoIterator<Item = &'a [(CellKey, Figure)]>) -> BTreeMap<CellKey, NationalFigure> {
    let mut sums: BTreeMap<CellKey, NationalFigure> =
        CellKey::all().into_iter().map(|key| (key, NationalFigure::default())).collect();
    for (key, figure) in releases.into_iter().flatten() {
        let sum = sums.entry(*key).or_default();
        *sum = sum.add(*figure);
    }
    sums
}

#[cfg(test)]
mod tests {
    use folkmoot_domain::indicator::Indicator;

    use super::*;

    fn check(figures: &[Figure], expected: NationalFigure) {
        let key = CellKey::headline(Indicator::PeopleTrained);
        let releases: Vec<Vec<(CellKey, Figure)>> = figures.iter().map(|figure| vec![(key, *figure)]).collect();
        let sums = add_up(releases.iter().map(Vec::as_slice));
        assert_eq!(sums[&key], expected, "{figures:?}");
        assert_eq!(sums.len(), CellKey::all().len(), "every cell has a line");
        assert_eq!(sums[&CellKey::headline(Indicator::ActionsHeld)], NationalFigure::default());
    }

    #[test]
    fn bounds_add_up() {
        let sum = |value, low, high, hubs, hubs_hidden, hubs_rounded| NationalFigure {
            value,
            low,
            high,
            hubs,
            hubs_hidden,
            hubs_rounded,
        };
        check(&[], NationalFigure::default());
        check(&[Figure::Exact(9), Figure::Exact(0)], sum(Some(9), 9, Some(9), 2, 0, 0));
        check(&[Figure::Exact(9), Figure::Rounded(15)], sum(None, 22, Some(26), 2, 0, 1));
        check(&[Figure::Below(8), Figure::Exact(9)], sum(None, 9, Some(16), 2, 1, 0));
        check(&[Figure::Withheld, Figure::Exact(9)], sum(None, 9, None, 2, 1, 0));
        check(&[Figure::Exact(9), Figure::Withheld], sum(None, 9, None, 2, 1, 0));
    }
}
