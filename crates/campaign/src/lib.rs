//! One typed campaign document, which hubs share: admit, edit, merge, snapshot, read.
//!
//! Invariant: no automerge type in the interface, no disk, no socket, no clock. A change that was not admitted is never part
//! of a document, and no bytes from outside reach the CRDT library unguarded.

mod admission;
mod chunk;
mod document;
mod edit;
mod history;
mod operations;
#[cfg(test)]
mod tests;
mod view;

pub use admission::{ChangeFault, MAX_ENTRY_OBJECTS, MAX_ENTRY_OPERATIONS, Refused, Submission, Verdict};
pub use chunk::{MAX_CHANGE_BYTES, MAX_OPERATIONS, announced};
pub use document::{Actor, Campaign, CampaignError};
pub use edit::{Edit, MAX_AIM_CHARACTERS, MAX_NOTES_CHARACTERS, MAX_ORGANISATION_CHARACTERS, MAX_TITLE_CHARACTERS};
pub use view::{SignUp, View};
