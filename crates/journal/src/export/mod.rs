//! An export of keys and releases: what it takes to check every national figure without trusting whoever hands it over.
//!
//! The Academy signs a [`Manifest`] of the logs that it holds: how far each goes, and what of it does not count. Beside it
//! lie the logs' entries, as their authors signed them. [`Examination`] reads them file by file, in the manifest's order,
//! and ends on the first entry that does not fit. It does no IO: whoever uses it brings the bytes.

mod examination;
mod file;
mod fork;
mod log;
mod manifest;
mod misfit;
mod releases;

#[cfg(test)]
mod tests;

pub use examination::{Examination, Examined};
pub use file::encode_entry;
pub use log::HeldLog;
pub use manifest::{MANIFEST, Manifest};
pub use misfit::{Misfit, Place, Problem};
pub use releases::{Noted, StandingRelease};
