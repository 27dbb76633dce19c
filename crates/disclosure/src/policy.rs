//! The terms that disclosure control holds to: the floors, what the Academy's policies make of them, and a hub's own.

mod policies;

#[cfg(test)]
mod tests;

use std::fmt;

use folkmoot_domain::indicator::{CellKey, Dimension};

pub use policies::{InForce, Policies, PolicyRecord};

/// The highest threshold that anybody can mean.
const THRESHOLD_LIMIT: u32 = 1_000;

/// One of the terms of a policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Term {
    /// [`Terms::threshold`].
    Threshold,
    /// [`Terms::special_threshold`].
    SpecialThreshold,
    /// [`Terms::largest_percent`].
    LargestPercent,
    /// [`Terms::two_largest_percent`].
    TwoLargestPercent,
}

impl Term {
    /// Every term.
    pub const ALL: [Term; 4] = [Term::Threshold, Term::SpecialThreshold, Term::LargestPercent, Term::TwoLargestPercent];

    /// The term's word in settings and messages.
    pub fn code(self) -> &'static str {
        match self {
            Term::Threshold => "threshold",
            Term::SpecialThreshold => "special_threshold",
            Term::LargestPercent => "largest_percent",
            Term::TwoLargestPercent => "two_largest_percent",
        }
    }

    /// The term in words.
    pub fn title(self) -> &'static str {
        match self {
            Term::Threshold => "threshold",
            Term::SpecialThreshold => "special threshold",
            Term::LargestPercent => "largest share",
            Term::TwoLargestPercent => "two largest shares",
        }
    }

    /// Whether more is stricter: a threshold, rather than a share.
    fn is_threshold(self) -> bool {
        match self {
            Term::Threshold | Term::SpecialThreshold => true,
            Term::LargestPercent | Term::TwoLargestPercent => false,
        }
    }

    /// A value of the term as people read it: `8`, `50 %`.
    fn shown(self, value: u32) -> String {
        if self.is_threshold() { value.to_string() } else { format!("{value} %") }
    }
}

/// What disclosure control holds to: two thresholds, in people, and two shares, in percent of a sum over people.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Terms {
    /// A figure of fewer people than this is hidden, and so is a sum behind which fewer stand. 8 or more.
    pub threshold: u32,
    /// The same for ethnicity and disability. 10 or more.
    pub special_threshold: u32,
    /// The most that one person may contribute to a sum, in percent of it. 50 or less.
    pub largest_percent: u32,
    /// The most that two persons may contribute to a sum together, in percent of it. 90 or less.
    pub two_largest_percent: u32,
}

impl Terms {
    /// The floors, laxer than which no terms are.
    pub const FLOOR: Terms =
        Terms { threshold: 8, special_threshold: 10, largest_percent: 50, two_largest_percent: 90 };

    /// The value of a term.
    pub fn of(&self, term: Term) -> u32 {
        match term {
            Term::Threshold => self.threshold,
            Term::SpecialThreshold => self.special_threshold,
            Term::LargestPercent => self.largest_percent,
            Term::TwoLargestPercent => self.two_largest_percent,
        }
    }

    /// The terms in which these are laxer than others.
    pub fn laxer_than(&self, other: &Terms) -> Vec<Term> {
        let laxer = |term: &Term| match term.is_threshold() {
            true => self.of(*term) < other.of(*term),
            false => self.of(*term) > other.of(*term),
        };
        Term::ALL.into_iter().filter(laxer).collect()
    }

    /// The stricter of each term. What is sound stays so.
    pub fn tightened(&self, other: &Terms) -> Terms {
        Terms {
            threshold: self.threshold.max(other.threshold),
            special_threshold: self.special_threshold.max(other.special_threshold),
            largest_percent: self.largest_percent.min(other.largest_percent),
            two_largest_percent: self.two_largest_percent.min(other.two_largest_percent),
        }
    }

    /// The threshold: the special one of ethnicity and disability, or that of everything else.
    pub fn threshold_for(&self, special: bool) -> u32 {
        if special { self.special_threshold } else { self.threshold }
    }

    /// A figure of this cell is hidden where it counts fewer people.
    pub fn threshold_of(&self, cell: CellKey) -> u64 {
        self.threshold_for(cell.dimension().is_some_and(Dimension::is_special)).into()
    }

    /// Everything that keeps these from being the terms of a policy or of a hub, whatever went before.
    pub fn faults(&self) -> Vec<PolicyFault> {
        let mut faults = self.laxer_faults(&Policy::floor());
        for term in Term::ALL {
            let value = self.of(term);
            if if term.is_threshold() { value > THRESHOLD_LIMIT } else { value == 0 } {
                faults.push(PolicyFault::Excessive { term, value });
            }
        }
        if self.special_threshold < self.threshold {
            faults.push(PolicyFault::SpecialBelowThreshold { threshold: self.threshold });
        }
        if self.two_largest_percent < self.largest_percent {
            faults.push(PolicyFault::TwoBelowOne { largest: self.largest_percent });
        }
        // One fault a term will do.
        faults.sort_by_key(PolicyFault::term);
        faults.dedup_by_key(|fault| fault.term());
        faults
    }

    /// The terms in which these are laxer than a policy, as faults.
    fn laxer_faults(&self, policy: &Policy) -> Vec<PolicyFault> {
        let fault = |term| PolicyFault::Laxer {
            term,
            value: self.of(term),
            bound: policy.terms.of(term),
            version: policy.version,
        };
        self.laxer_than(&policy.terms).into_iter().map(fault).collect()
    }
}

/// Terms of which some were given, each by its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct GivenTerms {
    /// See [`Terms::threshold`].
    pub threshold: Option<u32>,
    /// See [`Terms::special_threshold`].
    pub special_threshold: Option<u32>,
    /// See [`Terms::largest_percent`].
    pub largest_percent: Option<u32>,
    /// See [`Terms::two_largest_percent`].
    pub two_largest_percent: Option<u32>,
}

impl GivenTerms {
    /// The given terms, and the others as they were; but a threshold takes a special one that was not given along, and
    /// the shares of two take that of one along.
    pub fn over(&self, before: &Terms) -> Terms {
        let threshold = self.threshold.unwrap_or(before.threshold);
        let two_largest_percent = self.two_largest_percent.unwrap_or(before.two_largest_percent);
        Terms {
            threshold,
            special_threshold: self.special_threshold.unwrap_or(before.special_threshold.max(threshold)),
            largest_percent: self.largest_percent.unwrap_or(before.largest_percent.min(two_largest_percent)),
            two_largest_percent,
        }
    }
}

/// Why a policy, or a hub's own terms, cannot stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PolicyFault {
    /// A term is laxer than in the floors, version 1, or in the policy before.
    Laxer {
        /// The term.
        term: Term,
        /// What it is.
        value: u32,
        /// What it may be at most in laxness.
        bound: u32,
        /// The policy whose bound it is.
        version: u32,
    },
    /// A term is so strict that nobody can mean it.
    Excessive {
        /// The term.
        term: Term,
        /// What it is.
        value: u32,
    },
    /// The special threshold is below the threshold.
    SpecialBelowThreshold {
        /// The threshold.
        threshold: u32,
    },
    /// Two persons may contribute less than one.
    TwoBelowOne {
        /// The share of one.
        largest: u32,
    },
    /// The version is that of the floors, or none.
    Version,
    /// Another policy has the version: of two, the stricter stands.
    VersionTaken {
        /// The version.
        version: u32,
    },
}

impl PolicyFault {
    /// The term at fault; none where it is the version.
    pub fn term(&self) -> Option<Term> {
        match self {
            PolicyFault::Laxer { term, .. } | PolicyFault::Excessive { term, .. } => Some(*term),
            PolicyFault::SpecialBelowThreshold { .. } => Some(Term::SpecialThreshold),
            PolicyFault::TwoBelowOne { .. } => Some(Term::TwoLargestPercent),
            PolicyFault::Version | PolicyFault::VersionTaken { .. } => None,
        }
    }
}

impl fmt::Display for PolicyFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            PolicyFault::Laxer { term, value, bound, version } => {
                let (title, value) = (term.title(), term.shown(value));
                let direction = if term.is_threshold() { "more" } else { "less" };
                if version == Policy::FLOOR_VERSION {
                    write!(f, "{title} {value} is laxer than the floor: {bound} or {direction}")
                } else {
                    write!(f, "{title} {value} is laxer than policy {version}: {bound} or {direction}")
                }
            }
            PolicyFault::Excessive { term, value } => {
                let bound = if term.is_threshold() { "1000 or less" } else { "1 or more" };
                write!(f, "{} {} would hide everything: {bound}", term.title(), term.shown(value))
            }
            PolicyFault::SpecialBelowThreshold { threshold } => {
                write!(f, "the special threshold is never below the threshold: {threshold} or more")
            }
            PolicyFault::TwoBelowOne { largest } => {
                write!(f, "the two largest shares are never below the largest one: {largest} or more")
            }
            PolicyFault::Version => f.write_str("version 1 is that of the floors; others count on from 2"),
            PolicyFault::VersionTaken { version } => {
                write!(f, "another policy has version {version}, and of two the stricter stands")
            }
        }
    }
}

impl std::error::Error for PolicyFault {}

/// Faults in one sentence.
pub fn policy_fault_words(faults: &[PolicyFault]) -> String {
    faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

/// What disclosure control holds to, and the version of the policy that it comes from. It is as strict as the floors, or
/// stricter: the floors, what [`Policies`] took, or one of these tightened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    version: u32,
    terms: Terms,
}

impl Policy {
    /// The version of the policy of floors, which holds from the beginning.
    pub const FLOOR_VERSION: u32 = 1;

    /// The floors themselves.
    pub fn floor() -> Policy {
        Policy { version: Policy::FLOOR_VERSION, terms: Terms::FLOOR }
    }

    /// The policy of a version; `None` where this software does not know it.
    pub fn of_version(version: u32) -> Option<Policy> {
        (version == Policy::FLOOR_VERSION).then(Policy::floor)
    }

    /// The same policy as a hub with terms of its own applies it: the stricter of each.
    pub fn tightened_by(&self, own: &Terms) -> Policy {
        Policy { version: self.version, terms: self.terms.tightened(own) }
    }

    /// The version that a release names.
    pub fn version(&self) -> u32 {
        self.version
    }

    /// The terms.
    pub fn terms(&self) -> Terms {
        self.terms
    }

    /// A figure of fewer people than this is hidden.
    pub fn threshold(&self) -> u32 {
        self.terms.threshold
    }

    /// To what breakdown cells are rounded.
    pub const ROUNDING: u64 = 5;

    /// How many values a figure of few people keeps at least.
    pub const VALUES: u64 = 4;

    /// The nearest multiple of the rounding.
    pub fn round(value: u64) -> u64 {
        (value + Policy::ROUNDING / 2) / Policy::ROUNDING * Policy::ROUNDING
    }
}
