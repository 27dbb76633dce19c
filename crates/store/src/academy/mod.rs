//! The Academy's invitations, hubs, programmes, policies, received releases, report and statistics.
//!
//! - What other nodes must know goes into the directory's log, in the same transaction as what is noted here beside it.
//! - A received release is kept as its cells' bounds, so that the national report is one sum in the database.
//! - Of each hub and period the latest revision counts.
//!
//! What is not here: any person, and any method that could return one.

mod appointment;
mod export;
mod hubs;
mod invitation;
mod policy;
mod programme;
mod release;
mod report;
mod reported;
mod standing;
mod statistics;

#[cfg(test)]
mod tests;

use folkmoot_domain::Date;

use crate::engine::{Store, UnixMillis};

pub use export::Export;
pub use hubs::{HubChange, KnownHub, KnownState, WhichHub};
pub use invitation::{Enrolment, Invitation};
pub use policy::{KnownPolicy, PolicyDraft};
pub use programme::RegisteredProgramme;
pub(crate) use release::receive_release;
pub use report::{Line, Report};
pub use reported::{Coverage, LATE_DAYS, ReleaseBehind, Timeliness};
pub(crate) use standing::{hubs_without_region, note_regions, withdraw_releases};
pub use statistics::{Area, By, Cells, Change, Known, LEAST_HUBS_COMPARED, Observation, Position, Selection};

/// The handle on the Academy's own tables.
#[derive(Clone)]
pub struct AcademyStore {
    store: Store,
}

impl AcademyStore {
    pub(crate) fn new(store: Store) -> Self {
        Self { store }
    }
}

/// The day of a moment, in UTC.
fn day(moment: UnixMillis) -> Date {
    const DAY: i64 = 24 * 60 * 60 * 1_000;
    /// The Julian day of 1 January 1970.
    const EPOCH: i32 = 2_440_588;
    let days = i32::try_from(moment.0.div_euclid(DAY)).unwrap_or(i32::MAX);
    Date::from_julian_day(EPOCH.saturating_add(days)).unwrap_or(Date::MAX)
}
