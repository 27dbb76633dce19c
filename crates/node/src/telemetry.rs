//! What the node tells on standard error. Never a record, a name or a reference of a person.

use std::io;

use tracing_subscriber::{EnvFilter, util::SubscriberInitExt};

use crate::{
    Error,
    settings::{LogFormat, LogLevel, Settings},
};

/// Starts telling. Once a process; a second start changes nothing.
pub(crate) fn start(settings: &Settings) -> Result<(), Error> {
    let directives = match settings.log {
        // The libraries below speak of bytes and frames: they join in only where everything is wanted.
        LogLevel::Trace => "trace".to_owned(),
        level @ (LogLevel::Error | LogLevel::Warn | LogLevel::Info | LogLevel::Debug) => {
            format!("warn,folkmoot_node={0},folkmoot_store={0},folkmoot_journal={0}", level.code())
        }
    };
    let filter = EnvFilter::try_new(directives)
        .map_err(|source| Error::Start { what: "the log filter", source: Box::new(source) })?;
    let builder = tracing_subscriber::fmt().with_writer(io::stderr).with_env_filter(filter).with_ansi(false);
    // Fails only where a subscriber is set already: in tests that run several nodes in one process.
    let started = match settings.log_format {
        LogFormat::Text => builder.with_target(false).finish().try_init(),
        LogFormat::Json => builder.json().finish().try_init(),
    };
    started.or(Ok(()))
}
