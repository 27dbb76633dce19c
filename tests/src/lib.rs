//! What the tests share: an invented programme and the figures that it must add up to.
//!
//! Invariant: nothing here uses the crates under test. The generator draws, writes and counts by itself, so that a mistake
//! in `domain`, `store` or `disclosure` cannot hide behind the same mistake here.

pub mod chance;
pub mod day;
pub mod generator;
pub mod published;
