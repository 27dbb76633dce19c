//! What a total that somebody published elsewhere lets a reader work out of the hubs' figures beside it.

use crate::{Figure, Policy};

/// Whether the hubs' figures of one cell may be shown beside a total that is known exactly: each hidden one keeps at
/// least four values, given that the hubs add up to the total. `complete` says that no other hub can have added to it.
/// Figures that cannot add up to the total at all are treated as if it gave one away.
pub fn may_stand_beside(total: u64, figures: &[Figure], complete: bool) -> bool {
    let total = i128::from(total);
    let bounds = |figure: &Figure| (i128::from(figure.bounds().0), figure.bounds().1.map(i128::from));
    let least: i128 = figures.iter().map(|figure| bounds(figure).0).sum();
    let most: i128 = figures.iter().filter_map(|figure| bounds(figure).1).sum();
    let unbounded = figures.iter().filter(|figure| figure.bounds().1.is_none()).count();
    figures.iter().filter(|figure| figure.is_hidden()).all(|figure| {
        let (low, high) = bounds(figure);
        // What the others cannot make up of the total, this one must.
        let others_most = match (unbounded - usize::from(high.is_none()), complete) {
            (0, true) => Some(most - high.unwrap_or(0)),
            (0, false) | (1.., _) => None,
        };
        let low = others_most.map_or(low, |others| low.max(total - others));
        let rest = total - (least - bounds(figure).0);
        let high = high.map_or(rest, |high| high.min(rest));
        high - low + 1 >= i128::from(Policy::VALUES)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_hidden_figure_keeps_four_values_beside_a_total() {
        use Figure::{Below, Exact, Rounded, Withheld};
        for (total, figures, complete, shown) in [
            // Nothing is hidden: nothing can be given away, whatever the total.
            (100, &[Exact(60), Exact(30)][..], true, true),
            (100, &[], true, true),
            // The only hidden one is what is left.
            (100, &[Exact(60), Exact(36), Below(8)], true, false),
            // Not where others may have added to the total: then it is the most that is known.
            (100, &[Exact(60), Exact(33), Below(8)], false, true),
            (100, &[Exact(60), Exact(38), Below(8)], false, false),
            // Two hide each other: together they are 7, each is 0 to 7.
            (100, &[Exact(60), Exact(33), Below(8), Below(8)], true, true),
            // Together 2, so each is 0 to 2; together 12, so each is 5 to 7.
            (100, &[Exact(60), Exact(38), Below(8), Below(8)], true, false),
            (100, &[Exact(60), Exact(28), Below(8), Below(8)], true, false),
            // A rounded one leaves five values to the hidden one.
            (100, &[Rounded(60), Exact(36), Below(8)], true, true),
            (100, &[Rounded(60), Exact(40), Below(8)], true, false),
            // One without bounds hides another.
            (100, &[Exact(60), Withheld, Below(8)], true, true),
            (100, &[Exact(60), Withheld], true, false),
            (100, &[Exact(60), Withheld], false, true),
            // They cannot add up.
            (100, &[Exact(160), Below(8)], true, false),
            (1_000, &[Exact(160), Below(8)], true, false),
            (1_000, &[Exact(160), Below(8)], false, true),
        ] {
            assert_eq!(may_stand_beside(total, figures, complete), shown, "{total} {figures:?} {complete}");
        }
    }

    fn figure() -> impl Strategy<Value = Figure> {
        prop_oneof![
            (0_u64..12).prop_map(Figure::Exact),
            (2_u64..4).prop_map(|fives| Figure::Rounded(fives * 5)),
            (2_u32..9).prop_map(Figure::Below),
        ]
    }

    /// The values of each figure that some choice of the others completes to the total, one by one.
    fn values(total: u64, figures: &[Figure]) -> Vec<Vec<u64>> {
        let ranges: Vec<Vec<u64>> =
            figures.iter().map(|figure| (figure.bounds().0..=figure.bounds().1.expect("a bound")).collect()).collect();
        let mut found = vec![Vec::new(); figures.len()];
        let mut choices = vec![Vec::new()];
        for range in &ranges {
            choices = choices
                .iter()
                .flat_map(|chosen: &Vec<u64>| range.iter().map(|value| [&chosen[..], &[*value]].concat()))
                .collect();
        }
        for choice in choices.iter().filter(|choice| choice.iter().sum::<u64>() == total) {
            for (values, value) in found.iter_mut().zip(choice) {
                if !values.contains(value) {
                    values.push(*value);
                }
            }
        }
        found
    }

    proptest! {
        #[test]
        fn it_says_what_trying_every_choice_says(figures in proptest::collection::vec(figure(), 1..5), total in 0_u64..45) {
            let kept = values(total, &figures);
            let expected = figures.iter().zip(kept).all(|(figure, values)| !figure.is_hidden() || values.len() >= 4);
            prop_assert_eq!(may_stand_beside(total, &figures, true), expected);
        }
    }
}
