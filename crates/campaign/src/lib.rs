//! One typed campaign document, which hubs share: admit, edit, merge, snapshot, read.
//!
//! Invariant: no automerge type in the interface, no disk, no socket, no clock. A change that was not admitted is never part
//! of a document, and no bytes from outside reach the CRDT library unguarded.

mod admission;
mod document;

pub use admission::{ChangeFault, MAX_CHANGE_BYTES, MAX_OPERATIONS};
pub use document::{
    Actor, Campaign, CampaignError, Edit, MAX_AIM_CHARACTERS, MAX_NOTES_CHARACTERS, MAX_ORGANISATION_CHARACTERS,
    MAX_TITLE_CHARACTERS, Refused, SignUp, Submission, Verdict, View,
};
