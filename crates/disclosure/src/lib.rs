//! Disclosure control: observations in, a [`Release`] or a reasoned [`Refusal`] out.
//!
//! Invariants: [`prepare`] alone makes a [`Release`] (its fields are private, it has no other constructor and no
//! default); a release that another hub made is a [`ReceivedRelease`], which cannot be turned into a [`Release`] and so
//! cannot be appended. The floors are constants here, not settings, and no [`Policy`] is laxer.
//!
//! A release cannot be made by hand:
//!
//! ```compile_fail
//! let release = folkmoot_disclosure::Release {
//!     hub: [0; 32],
//!     ..panic!("no field can be named outside of this crate")
//! };
//! ```
//!
//! nor by default:
//!
//! ```compile_fail
//! let release = folkmoot_disclosure::Release::default();
//! ```
//!
//! nor out of one that was received:
//!
//! ```compile_fail
//! fn forge(received: folkmoot_disclosure::ReceivedRelease) -> folkmoot_disclosure::Release {
//!     received.into()
//! }
//! ```

mod audit;
mod difference;
mod draft;
mod figure;
#[cfg(test)]
mod fixture;
mod national;
mod observation;
mod policy;
mod reason;
mod received;
mod release;
mod total;

pub use difference::{Difference, differences};
pub use figure::Figure;
pub use national::{NationalFigure, add_up, most_unlisted};
pub use observation::{Account, MOST, Observation, Observations, Released};
pub use policy::{GivenTerms, InForce, Policies, Policy, PolicyFault, PolicyRecord, Term, Terms, policy_fault_words};
pub use reason::Reason;
pub use received::{CellParts, Fault, FaultKind, ReceivedRelease, ReleaseParts};
pub use release::{Prepared, PreparedCell, Release, Standing, prepare};
pub use total::may_stand_beside;

use folkmoot_domain::Date;

/// Why no release can be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The period still runs.
    #[error("the period has not ended; it can be released from the day after {}", folkmoot_domain::calendar::iso(*last))]
    PeriodUnfinished {
        /// Its last day.
        last: Date,
    },
    /// Nothing was counted in the period.
    #[error("the hub has no records of this period, nor of any near it")]
    PeriodUnknown,
    /// Figures that contradict each other: a fault of the software that counted them, never of a person's input.
    #[error("the figures contradict each other at \"{cell}\"; nothing was released; please report this")]
    Inconsistent {
        /// Where.
        cell: folkmoot_domain::indicator::CellKey,
    },
}
