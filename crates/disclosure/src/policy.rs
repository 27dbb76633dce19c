//! The floors of disclosure control.

use folkmoot_domain::indicator::{CellKey, Dimension};

/// What disclosure control holds to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terms {
    /// A figure of fewer people than this is hidden.
    pub threshold: u32,
    /// The same in breakdowns by ethnicity and disability.
    pub special_threshold: u32,
    /// Of a sum, one person may make up at most so many hundredths.
    pub largest_percent: u32,
    /// Of a sum, two people may make up at most so many hundredths.
    pub two_largest_percent: u32,
}

impl Terms {
    /// What no policy may be laxer than.
    pub const FLOOR: Terms =
        Terms { threshold: 8, special_threshold: 10, largest_percent: 50, two_largest_percent: 90 };

    /// A figure of this cell is hidden where it counts fewer people.
    pub fn threshold_of(&self, cell: CellKey) -> u64 {
        let special = cell.dimension().is_some_and(Dimension::is_special);
        u64::from(if special { self.special_threshold } else { self.threshold })
    }
}

/// What disclosure control holds to. The floors are constants; a policy can only be as strict or stricter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    version: u32,
    terms: Terms,
}

impl Policy {
    /// The version of the policy of floors.
    pub const FLOOR_VERSION: u32 = 1;

    /// To what breakdown cells are rounded.
    pub const ROUNDING: u64 = 5;

    /// How many values a hidden figure of people keeps at least.
    pub const VALUES: u64 = 4;

    /// The floors themselves.
    pub fn floor() -> Policy {
        Policy { version: Policy::FLOOR_VERSION, terms: Terms::FLOOR }
    }

    /// The policy of a version; `None` where this software does not know it.
    pub fn of_version(version: u32) -> Option<Policy> {
        (version == Policy::FLOOR_VERSION).then(Policy::floor)
    }

    /// The version that a release names.
    pub fn version(&self) -> u32 {
        self.version
    }

    /// Its terms.
    pub fn terms(&self) -> Terms {
        self.terms
    }

    /// The nearest multiple of the rounding.
    pub fn round(value: u64) -> u64 {
        (value + Policy::ROUNDING / 2) / Policy::ROUNDING * Policy::ROUNDING
    }
}
