//! What the tests share: an invented programme and the figures that it must add up to.
//!
//! Invariant: the generator uses none of the crates under test. It draws, writes and counts by itself, so that a mistake in
//! `domain`, `store` or `disclosure` cannot hide behind the same mistake here. `attack` asks `disclosure` for releases, and
//! does all else by itself.

pub mod attack;
pub mod chance;
pub mod day;
pub mod generator;
pub mod published;
