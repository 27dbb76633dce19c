//! The floors of disclosure control.

/// What disclosure control holds to. The floors are constants; a policy can only be as strict or stricter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    version: u32,
    threshold: u32,
}

impl Policy {
    /// The version of the policy of floors.
    pub const FLOOR_VERSION: u32 = 1;

    /// The floors themselves: figures of fewer than 8 people are hidden.
    pub fn floor() -> Policy {
        Policy { version: Policy::FLOOR_VERSION, threshold: 8 }
    }

    /// The policy of a version; `None` where this software does not know it.
    pub fn of_version(version: u32) -> Option<Policy> {
        (version == Policy::FLOOR_VERSION).then(Policy::floor)
    }

    /// The version that a release names.
    pub fn version(&self) -> u32 {
        self.version
    }

    /// A figure of fewer people than this is hidden.
    pub fn threshold(&self) -> u32 {
        self.threshold
    }

    /// Whether so few people are hidden.
    pub fn hides(&self, people: u64) -> bool {
        people < u64::from(self.threshold)
    }

    /// To what breakdown cells are rounded.
    pub const ROUNDING: u64 = 5;

    /// The nearest multiple of the rounding.
    pub fn round(&self, value: u64) -> u64 {
        (value + Policy::ROUNDING / 2) / Policy::ROUNDING * Policy::ROUNDING
    }
}
