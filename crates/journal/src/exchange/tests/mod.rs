//! The machine against itself over a model of the store, and against a peer that breaks the rules.

mod conversation;
mod misbehaviour;
mod model;
mod topics;
