//! What differs between two releases of one period.

use std::collections::BTreeMap;
use std::fmt;

use folkmoot_domain::indicator::CellKey;

use crate::Figure;

/// One cell that differs; [`fmt::Display`] says it in a sentence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Difference {
    /// Which cell.
    pub key: CellKey,
    /// What was; `None` where the cell is new.
    pub old: Option<Figure>,
    /// What is; `None` where the cell is gone.
    pub new: Option<Figure>,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = |figure: Option<Figure>| {
            figure.map_or_else(|| "not there".to_owned(), |figure| figure.words(self.key.indicator.unit()))
        };
        write!(f, "{}: was {}, is now {}", self.key, words(self.old), words(self.new))
    }
}

/// Every cell that differs, in the order of the catalogue.
pub fn differences(old: &[(CellKey, Figure)], new: &[(CellKey, Figure)]) -> Vec<Difference> {
    let mut cells: BTreeMap<CellKey, (Option<Figure>, Option<Figure>)> = BTreeMap::new();
    for (key, figure) in old {
        cells.entry(*key).or_default().0 = Some(*figure);
    }
    for (key, figure) in new {
        cells.entry(*key).or_default().1 = Some(*figure);
    }
    let differing = cells.into_iter().filter(|(_, (old, new))| old != new);
    differing.map(|(key, (old, new))| Difference { key, old, new }).collect()
}

#[cfg(test)]
mod tests {
    use folkmoot_domain::indicator::Indicator;

    use super::*;

    #[test]
    fn differing_cells_are_said_in_sentences() {
        let trained = CellKey::headline(Indicator::PeopleTrained);
        let funding = CellKey::headline(Indicator::FundingLeveragedPence);
        let old = [(trained, Figure::Below(8)), (funding, Figure::Exact(100_000))];
        let new = [(trained, Figure::Exact(9)), (funding, Figure::Exact(100_050))];
        let sentences: Vec<String> = differences(&old, &new).iter().map(ToString::to_string).collect();
        assert_eq!(
            sentences,
            ["People trained: was <8, is now 9", "Funding leveraged: was £1,000.00, is now £1,000.50"]
        );
        assert!(differences(&old, &old).is_empty());
    }
}
