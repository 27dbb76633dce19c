//! One typed campaign document, which hubs share: admit, edit, merge, snapshot, read.
//!
//! Invariant: no automerge type in the interface, no disk, no socket, no clock. A change that was not admitted is never part
//! of a document, and no bytes from outside reach the CRDT library unguarded.

mod admission;
mod anew;
mod chunk;
mod difference;
mod document;
mod edit;
mod form;
mod history;
mod item;
mod operations;
mod outcome;
mod reach;
mod replay;
mod rich;
mod snapshot;
#[cfg(test)]
mod tests;
mod touched;
mod versions;
mod view;

pub use admission::{ChangeFault, MAX_ENTRY_OBJECTS, MAX_ENTRY_OPERATIONS, Refused, Submission, Verdict};
pub use chunk::{MAX_CHANGE_BYTES, MAX_OPERATIONS, announced};
pub use difference::{Difference, differences};
pub use document::{Actor, Bookmark, Campaign, CampaignError};
pub use edit::{Edit, MAX_PROSE_CHARACTERS};
pub use form::{Field, List, Prose};
pub use item::{AskState, EntryId, Influence, Item, NoEntryId, Stance, TaskState};
pub use outcome::Outcome;
pub use reach::{Month, NoMonth, REACH_LIMIT};
pub use rich::{MAX_LINK_CHARACTERS, Mark, RichText, Style};
pub use snapshot::{
    MAX_SNAPSHOT_BYTES, MAX_SNAPSHOT_CHANGES, MAX_SNAPSHOT_OBJECTS, MAX_SNAPSHOT_OPERATIONS, SnapshotFault,
    check_snapshot,
};
pub use versions::{Version, change_hash, snapshot_changes};
pub use view::{Entry, SignUp, View};
