//! What the node tells on standard error. Never a record, a name or a reference of a person.

use std::io;

use tracing_subscriber::{EnvFilter, util::SubscriberInitExt};

use crate::{
    Error,
    settings::{LogFormat, LogLevel, Settings},
};

/// What is told under this target is told whatever the settings say.
pub(crate) const ALWAYS: &str = "folkmoot_notice";

/// The level of each crate. The libraries below would tell whole frames from `debug` on, and with them what people wrote:
/// they are never asked for more than warnings.
fn directives(level: LogLevel) -> String {
    format!("warn,folkmoot_node={0},folkmoot_store={0},folkmoot_journal={0},{ALWAYS}=info", level.code())
}

/// Starts telling. Once a process; a second start changes nothing.
pub(crate) fn start(settings: &Settings) -> Result<(), Error> {
    let filter = EnvFilter::try_new(directives(settings.log))
        .map_err(|source| Error::Start { what: "the log filter", source: Box::new(source) })?;
    let builder = tracing_subscriber::fmt().with_writer(io::stderr).with_env_filter(filter).with_ansi(false);
    // Fails only where a subscriber is set already: in tests that run several nodes in one process.
    let started = match settings.log_format {
        LogFormat::Text => builder.with_target(false).finish().try_init(),
        LogFormat::Json => builder.json().finish().try_init(),
    };
    started.or(Ok(()))
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    /// Keeps what is told.
    #[derive(Clone, Default)]
    struct Told(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Told {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().expect("no panic").extend(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn check(level: LogLevel, expected: &[&str]) {
        let told = Told::default();
        let writer = told.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_env_filter(EnvFilter::new(directives(level)))
            .with_writer(move || writer.clone())
            .finish();
        tracing::subscriber::with_default(subscriber, || {
            tracing::info!(target: ALWAYS, "the notice");
            tracing::trace!(target: "folkmoot_node::exchange", "our trace");
            tracing::error!(target: "folkmoot_store", "our error");
            tracing::warn!(target: "h2::proto", "their warning");
            for _ in 0..2 {
                tracing::info!(target: "rustls::conn", "their payload");
                tracing::debug!(target: "h2::codec::framed_write", "their payload");
                tracing::trace!(target: "hyper::proto::h2", "their payload");
                tracing::trace!(target: "tonic", "their payload");
            }
        });
        let told = String::from_utf8(told.0.lock().expect("no panic").clone()).expect("text");
        for words in ["the notice", "our trace", "our error", "their warning", "their payload"] {
            assert_eq!(told.contains(words), expected.contains(&words), "{words} at {level:?}: {told}");
        }
    }

    #[test]
    fn notices_are_told_at_every_level_and_what_libraries_carry_at_none() {
        for level in [LogLevel::Error, LogLevel::Warn, LogLevel::Info, LogLevel::Debug] {
            check(level, &["the notice", "our error", "their warning"]);
        }
        check(LogLevel::Trace, &["the notice", "our trace", "our error", "their warning"]);
    }
}
