//! Real processes in temporary folders: what the project promises, end to end.
//!
//! Nothing here sleeps: a test waits for a line, an answer or an exit, always with a deadline.

mod client;
mod coep;
mod command;
mod curriculum;
mod demo;
mod federation;
mod gate;
mod hostile;
mod http2;
mod import;
mod joining;
mod kill;
mod members;
mod outcomes;
mod peer;
mod planted;
mod poison;
mod policy;
mod programme;
mod readme;
mod relay;
mod restore;
mod revoke;
mod served;
mod settings;
mod shared;
mod statistics;
mod tap;
mod tokens;
mod tour;
mod verify;
