//! Durable truth: one SQLite file a node, behind five handles.
//!
//! - [`JournalStore`]: signed logs, receipts, the directory, and the answers that the exchange asks for.
//! - [`CurriculumStore`]: the editions that the Academy publishes and every node reads.
//! - [`CampaignStore`]: the campaigns that a hub takes part in. Only a hub's store hands it out.
//! - [`HubStore`]: a hub's records, its figures and its releases. Only a hub's store hands it out.
//! - [`AcademyStore`]: invitations, received releases and the national report. Only the Academy's store hands it out.
//!
//! What is not here: async, policy, sockets, the clock and randomness (see [`Ambient`]), and any method of the Academy's
//! that could return a person. No type of the database library appears in the interface.
//!
//! A write is a job with a static name. It blocks until the job is durable; jobs that arrive while a commit runs share
//! the next one, each in a savepoint of its own.

pub mod academy;
pub mod campaign;
pub mod curriculum;
mod engine;
mod error;
pub mod hub;
pub mod journal;
mod migrations;

pub use academy::AcademyStore;
pub use campaign::CampaignStore;
pub use curriculum::CurriculumStore;
pub use engine::{Ambient, Change, Role, Store, UnixMillis};
pub use error::{Cause, RefusedField, StoreError};
pub use hub::HubStore;
pub use journal::JournalStore;
