//! National figures, added up from what hubs released: the reader's own sum, beside the one that the Academy's database
//! makes.

use std::collections::{BTreeMap, BTreeSet};

use folkmoot_domain::indicator::{CellKey, Dimension, Indicator};

use crate::{Figure, Terms};

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
        let rounded = matches!(figure, Figure::Rounded(_));
        self.add_bounds(figure.bounds(), figure.is_hidden(), rounded)
    }

    fn add_bounds(self, (low, high): (u64, Option<u64>), hidden: bool, rounded: bool) -> NationalFigure {
        let before = if self.hubs == 0 { Some(0) } else { self.high };
        let sum = NationalFigure {
            value: None,
            low: self.low.saturating_add(low),
            high: before.zip(high).map(|(before, high)| u64::saturating_add(before, high)),
            hubs: self.hubs + 1,
            hubs_hidden: self.hubs_hidden + u32::from(hidden),
            hubs_rounded: self.hubs_rounded + u32::from(rounded),
        };
        let exact = sum.hubs_hidden + sum.hubs_rounded == 0;
        NationalFigure { value: exact.then_some(sum.low), ..sum }
    }
}

/// Adds up the releases of one period, one of each hub, with the terms that each was made under: every cell of the
/// catalogue, and of open-ended dimensions each that a release lists. There a release that does not list it counts too.
pub fn add_up<'a>(
    releases: impl IntoIterator<Item = (&'a [(CellKey, Figure)], Terms)>,
) -> BTreeMap<CellKey, NationalFigure> {
    let releases: Vec<(BTreeMap<CellKey, Figure>, Option<u64>)> = releases
        .into_iter()
        .map(|(cells, terms)| (cells.iter().copied().collect(), most_unlisted(cells, terms)))
        .collect();
    let listed = releases.iter().flat_map(|(cells, _)| cells.keys().copied());
    let keys: BTreeSet<CellKey> = CellKey::all().into_iter().chain(listed).collect();
    let add = |key: CellKey| {
        let open_ended = key.dimension().is_some_and(Dimension::is_open_ended);
        releases.iter().fold(NationalFigure::default(), |sum, (cells, most)| match cells.get(&key) {
            Some(figure) => sum.add(*figure),
            None if open_ended => sum.add_bounds((0, *most), *most != Some(0), false),
            None => sum,
        })
    };
    keys.into_iter().map(|key| (key, add(key))).collect()
}

/// The most that a ward can have which a release does not list: under the threshold, where it lists any; else all who were
/// listened to.
pub fn most_unlisted(cells: &[(CellKey, Figure)], terms: Terms) -> Option<u64> {
    if cells.iter().any(|(key, _)| key.dimension() == Some(Dimension::Ward)) {
        return Some(u64::from(terms.threshold).saturating_sub(1));
    }
    let everybody = CellKey::headline(Indicator::PeopleListenedTo);
    cells.iter().find(|(key, _)| *key == everybody).and_then(|(_, figure)| figure.bounds().1)
}

#[cfg(test)]
mod tests {
    use folkmoot_domain::indicator::{Category, Ward};

    use super::*;

    fn check(figures: &[Figure], expected: NationalFigure) {
        let key = CellKey::headline(Indicator::PeopleTrained);
        let releases: Vec<Vec<(CellKey, Figure)>> = figures.iter().map(|figure| vec![(key, *figure)]).collect();
        let sums = add_up(releases.iter().map(|cells| (cells.as_slice(), Terms::FLOOR)));
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

    #[test]
    fn a_release_of_a_catalogue_without_an_indicator_is_not_behind_its_figure() {
        let (sessions, asks) = (CellKey::headline(Indicator::TrainingSessions), CellKey::headline(Indicator::AsksWon));
        let releases = [
            vec![(sessions, Figure::Exact(4)), (asks, Figure::Exact(3))],
            vec![(sessions, Figure::Exact(2))],
            vec![(sessions, Figure::Exact(0)), (asks, Figure::Exact(2))],
        ];
        let sums = add_up(releases.iter().map(|cells| (cells.as_slice(), Terms::FLOOR)));
        assert_eq!((sums[&sessions].value, sums[&sessions].hubs), (Some(6), 3));
        assert_eq!((sums[&asks].value, sums[&asks].high, sums[&asks].hubs), (Some(5), Some(5), 2));
    }

    #[test]
    fn a_ward_that_a_release_does_not_list_counts_too() {
        let ward = |code: &str| {
            let ward = Ward::from_code(code).unwrap();
            CellKey::category(Indicator::PeopleListenedTo, Category::Ward(ward))
        };
        let everybody = CellKey::headline(Indicator::PeopleListenedTo);
        let (here, there) = (ward("E05000001"), ward("E05000002"));
        let releases = [
            vec![(everybody, Figure::Exact(40)), (here, Figure::Rounded(25))],
            vec![(everybody, Figure::Exact(30)), (there, Figure::Rounded(10))],
            vec![(everybody, Figure::Exact(12))],
            vec![(everybody, Figure::Exact(0))],
        ];
        let sums = add_up(releases.iter().map(|cells| (cells.as_slice(), Terms::FLOOR)));
        let of = |low, high, hubs_hidden| NationalFigure {
            value: None,
            low,
            high: Some(high),
            hubs: 4,
            hubs_hidden,
            hubs_rounded: 1,
        };
        assert_eq!(sums[&here], of(23, 27 + 7 + 12, 2));
        assert_eq!(sums[&there], of(8, 12 + 7 + 12, 2));
    }
}
