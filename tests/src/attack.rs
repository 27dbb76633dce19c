//! A hub and its releases as an attacker meets them: true figures counted person by person, releases made in any order,
//! and somebody who holds them all and knows the rules.
//!
//! Invariant: of `disclosure` this knows what a release says and how to ask for one, nothing of how it is made. Counting,
//! the rules as the attacker knows them and the search for possible values are written anew here, so that a mistake there cannot hide behind
//! the same mistake here.

pub mod attacker;
pub mod draw;
pub mod facts;
pub mod history;
pub mod knowledge;
pub mod schemes;
pub mod search;
pub mod sheets;
