//! The nouns of community organising, their laws and the indicator catalogue.
//!
//! Invariants: nothing here reads a clock, draws a random number, does IO or knows a wire format; nothing here prints
//! what identifies or quotes a person (see [`personal::Personal`]).

pub mod calendar;
pub mod contribution;
pub mod curriculum;
pub mod declared;
mod error;
pub mod hub;
pub mod import;
pub mod indicator;
pub mod personal;
pub mod record;

pub use error::DomainError;
pub use time::Date;
