//! The running node: settings, TLS, access, services, jobs.

pub mod generated;
