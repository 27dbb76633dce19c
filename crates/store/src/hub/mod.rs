//! A hub's records, figures and releases.
//!
//! - Records come in by import, in batches, and listenings one at a time as well: each batch, and each listening, in one
//!   transaction with the figures that it changes.
//! - Headlines are kept by differences; a property test recounts them. Breakdowns are counted from the records.
//! - What campaigns achieve counts where this hub led, and is changed with the campaign's document.
//! - Releases are counted from one set of facts, person by person, which approvals freeze: what is late waits until there
//!   are enough to hide each other.
//! - Releases are a ledger of bytes: what is approved stands, and what was sent is kept for good.
//!
//! What is not here: reading CSV and checking single rows (`domain`), deciding what may leave (`disclosure`), and any way
//! for a record to get out of the hub.

mod account;
mod contribution;
mod counting;
mod facts;
mod figures;
mod frozen;
mod held;
mod hold;
mod import;
pub(crate) mod outcome;
mod record;
mod release;
mod table;

#[cfg(test)]
mod tests;

use std::fmt;

use crate::engine::Store;

pub use account::Counted;
pub(crate) use figures::track_programme;
pub use held::{HeldField, HeldRecord};
pub use hold::Hold;
pub use import::{BatchOutcome, ImportRun};
pub use record::{Recorded, RecordedListening};
pub use release::{ApprovedRelease, Approver, ReleaseState};
pub(crate) use release::{append_approved, recover_release, releases_waiting};

/// Who writes a record: the user at the node's socket, until there are accounts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Writer {
    /// The user's number on the node's machine.
    pub uid: u32,
}

impl fmt::Display for Writer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "uid:{}", self.uid)
    }
}

/// The handle on a hub's own tables.
#[derive(Clone)]
pub struct HubStore {
    store: Store,
}

impl HubStore {
    pub(crate) fn new(store: Store) -> Self {
        Self { store }
    }
}
