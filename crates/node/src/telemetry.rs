//! What the node tells on standard error. Never a record, a name or a reference of a person.

use std::{io, panic::PanicHookInfo};

use tokio::task::JoinError;
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

/// From here on a panic is told by its place in the source alone: its message may quote a document.
pub(crate) fn hush_panics() {
    std::panic::set_hook(Box::new(tell_of_panic));
}

fn tell_of_panic(panic: &PanicHookInfo<'_>) {
    let place = panic.location().map_or_else(|| "an unknown place".to_owned(), ToString::to_string);
    tracing::error!(place, "a fault of this software: please report it with this line");
}

/// How a task ended that gave no result; never with the message of a panic, which the library's own words carry.
pub(crate) fn end_of(task: &JoinError) -> &'static str {
    if task.is_panic() { "it panicked" } else { "it was cancelled" }
}

#[cfg(test)]
mod tests {
    use std::{
        panic,
        sync::{Arc, Mutex},
    };

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

    fn told_by(level: LogLevel, tell: impl FnOnce()) -> String {
        let told = Told::default();
        let writer = told.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_env_filter(EnvFilter::new(directives(level)))
            .with_writer(move || writer.clone())
            .finish();
        tracing::subscriber::with_default(subscriber, tell);
        let told = told.0.lock().expect("no panic").clone();
        String::from_utf8(told).expect("text")
    }

    fn check(level: LogLevel, expected: &[&str]) {
        let told = told_by(level, || {
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
    #[tokio::test]
    async fn a_panic_is_told_by_its_place_and_never_by_its_message() {
        // The hook is the whole process's: tests that panic meanwhile go on telling in the usual way.
        let usual = panic::take_hook();
        let usual = Arc::new(usual);
        let others = Arc::clone(&usual);
        panic::set_hook(Box::new(move |panic| {
            let planted = panic.payload_as_str().is_some_and(|message| message.contains("Ada of Westbury"));
            if planted { tell_of_panic(panic) } else { others(panic) }
        }));
        let job = || {
            told_by(LogLevel::Error, || {
                let quoted = "Ada of Westbury";
                let caught = panic::catch_unwind(|| panic!("cannot merge \"{quoted}\""));
                assert!(caught.is_err());
            })
        };
        let told = tokio::task::spawn_blocking(job).await.expect("the panic was caught");
        let ended: Result<(), JoinError> =
            tokio::task::spawn_blocking(|| panic!("cannot merge \"Ada of Westbury\"")).await;
        panic::set_hook(Box::new(move |panic| usual(panic)));
        assert!(told.contains(file!()) && told.contains("a fault of this software"), "{told}");
        assert!(!told.contains("Ada") && !told.contains("merge"), "{told}");
        assert_eq!(end_of(&ended.expect_err("it panicked")), "it panicked");
    }
}
