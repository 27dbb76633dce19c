//! The running node: settings, TLS, access, services, jobs.
//!
//! What is not here: SQL, the logic of documents and of privacy, and a way past [`access`].
//!
//! `init_academy`, `init_hub` and `join` work on a folder that nobody serves; [`serve()`] runs the node in it; [`connect`]
//! is how the operator's commands reach the running node.

mod access;
mod authority;
pub mod csv;
mod dial;
mod enrolment;
mod error;
mod exchange;
mod folder;
mod gate;
pub mod generated;
mod identity;
mod import;
mod init;
pub mod invite;
mod join;
mod limits;
mod listener;
mod node;
mod peers;
mod presence;
mod renewal;
mod routes;
mod serve;
mod services;
pub mod settings;
mod socket;
mod status;
mod synchronize;
mod telemetry;
mod tls;

pub use error::Error;
pub use folder::Folder;
pub use identity::TlsPublicKey;
pub use init::{InitAcademy, InitHub, Initialised, init_academy, init_hub};
pub use join::{Joined, join};
pub use node::{Clock, Node, SOFTWARE, TRIAL_NOTICE, moment};
pub use peers::{PeerState, Peers};
pub use serve::{run, serve};
pub use settings::{Overrides, Settings};
pub use socket::connect;
pub use synchronize::{SyncError, SyncProgress};

#[cfg(test)]
mod tests;
