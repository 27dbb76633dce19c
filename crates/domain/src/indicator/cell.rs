//! The cells that figures stand in.

use std::fmt;

use super::{Category, Dimension, Indicator};

/// Names one cell: an indicator's headline, or one category of a breakdown. Ordered as the catalogue is: each headline
/// followed by its categories.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CellKey {
    /// The indicator.
    pub indicator: Indicator,
    /// The category; `None` for the headline.
    pub category: Option<Category>,
}

impl CellKey {
    /// The headline of an indicator.
    pub fn headline(indicator: Indicator) -> CellKey {
        CellKey { indicator, category: None }
    }

    /// One category of a breakdown.
    pub fn category(indicator: Indicator, category: Category) -> CellKey {
        CellKey { indicator, category: Some(category) }
    }

    /// Every cell that the catalogue lists, in order: all but those of open-ended dimensions.
    pub fn all() -> Vec<CellKey> {
        Indicator::ALL.into_iter().flat_map(CellKey::of).collect()
    }

    /// The same of an earlier version of the catalogue, which has fewer indicators.
    pub fn all_of(version: u32) -> Vec<CellKey> {
        Indicator::ALL.into_iter().filter(|indicator| indicator.since() <= version).flat_map(CellKey::of).collect()
    }

    /// The cells of one indicator that the catalogue lists: the headline, then its categories.
    pub fn of(indicator: Indicator) -> Vec<CellKey> {
        let categories = indicator.dimensions().iter().flat_map(|dimension| dimension.categories());
        std::iter::once(None)
            .chain(categories.map(|category| Some(*category)))
            .map(|category| CellKey { indicator, category })
            .collect()
    }

    /// The cell of an indicator's, a dimension's and a category's code, the latter two empty for a headline; `None`
    /// where the catalogue has no such cell.
    pub fn from_codes(indicator: &str, dimension: &str, category: &str) -> Option<CellKey> {
        let indicator = Indicator::from_code(indicator)?;
        if dimension.is_empty() && category.is_empty() {
            return Some(CellKey::headline(indicator));
        }
        let dimension = Dimension::from_code(dimension).filter(|found| indicator.dimensions().contains(found))?;
        Some(CellKey::category(indicator, dimension.category(category)?))
    }

    /// The dimension; `None` for the headline.
    pub fn dimension(self) -> Option<Dimension> {
        self.category.map(Category::dimension)
    }

    /// The dimension's code; empty for the headline.
    pub fn dimension_code(self) -> &'static str {
        self.dimension().map_or("", Dimension::code)
    }

    /// The category's code; empty for the headline.
    pub fn category_code(&self) -> &str {
        self.category.as_ref().map_or("", Category::code)
    }

    /// The category's title; empty for the headline.
    pub fn category_title(&self) -> &str {
        self.category.as_ref().map_or("", Category::title)
    }
}

impl fmt::Display for CellKey {
    /// As people read it: "People trained", "People trained: Women".
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.indicator.title())?;
        self.category.as_ref().map_or(Ok(()), |category| write!(f, ": {}", category.title()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_in_catalogue_order_and_read_back() {
        let cells = CellKey::all();
        assert_eq!(cells.len(), 15 + 3 * 23 + 16 + 2 * 13);
        assert_eq!(CellKey::all_of(2), cells[..cells.len() - 3]);
        assert!(cells.is_sorted());
        for cell in &cells {
            let codes = (cell.indicator.code(), cell.dimension_code(), cell.category_code());
            assert_eq!(CellKey::from_codes(codes.0, codes.1, codes.2), Some(*cell));
        }
        assert_eq!(cells[8].to_string(), "People trained: Women");
        for wrong in [
            ("listenings", "gender", "woman"),
            ("people_trained", "gender", ""),
            ("people_trained", "", "man"),
            ("people_trained", "ward", "E05008942"),
            ("people_listened_to", "ward", "Priory"),
        ] {
            assert_eq!(CellKey::from_codes(wrong.0, wrong.1, wrong.2), None);
        }
        let ward = CellKey::from_codes("people_listened_to", "ward", "E05008942").unwrap();
        assert_eq!((ward.category_code(), ward.to_string().as_str()), ("E05008942", "People listened to: E05008942"));
    }
}
