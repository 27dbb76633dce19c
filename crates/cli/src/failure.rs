//! How a command fails, in words that say what to do, and with which exit status.

use std::error::Error;
use std::fmt::Write as _;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use tonic::{Code, Status};
use tonic_types::StatusExt as _;

/// Everything that can go wrong in a command.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The node's own side: its folder, its settings, its socket.
    #[error(transparent)]
    Node(#[from] folkmoot_node::Error),
    /// The node answered with a refusal.
    #[error("{}", status_words(.0))]
    Refused(Box<Status>),
    /// The node went away while it was asked. How the connection broke says nothing to the person at the keyboard, so
    /// that it is no source.
    #[error("the node stopped answering: look at its log, and run the command again")]
    Gone(Box<Status>),
    /// A file or folder of the caller's.
    #[error("cannot {action} {path}")]
    File { action: &'static str, path: PathBuf, source: io::Error },
    /// Standard output, other than a reader that closed it.
    #[error("cannot write the result")]
    Output(#[source] io::Error),
    /// The runtime could not start.
    #[error("cannot start")]
    Runtime(#[source] io::Error),
    /// Something that the caller has to put right.
    #[error("{0}")]
    Told(String),
    /// The import went through and left rows out. The rows have been listed.
    #[error("{0}")]
    RowsRefused(String),
    /// An export of releases does not fit. What and where has been printed.
    #[error("{0}")]
    DoesNotFit(String),
    /// Time ran out.
    #[error("{0}")]
    TimedOut(String),
}

impl Failure {
    /// Maps an IO error of a file to a failure.
    pub(crate) fn file(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Failure {
        let path = path.to_owned();
        move |source| Failure::File { action, path, source }
    }

    /// The exit status: 1 failed, 3 rows refused, 4 timed out. Usage errors (2) never come this far.
    pub(crate) fn exit_status(&self) -> u8 {
        match self {
            Failure::RowsRefused(_) => 3,
            Failure::TimedOut(_) => 4,
            Failure::Refused(status) if status.code() == Code::DeadlineExceeded => 4,
            Failure::Node(_)
            | Failure::Refused(_)
            | Failure::Gone(_)
            | Failure::File { .. }
            | Failure::Output(_)
            | Failure::Runtime(_)
            | Failure::DoesNotFit(_)
            | Failure::Told(_) => 1,
        }
    }

    /// Whether the command did its work but for what the message says.
    pub(crate) fn is_partial(&self) -> bool {
        matches!(self, Failure::RowsRefused(_))
    }

    /// The exit status as the process gives it.
    pub(crate) fn exit_code(&self) -> ExitCode {
        ExitCode::from(self.exit_status())
    }

    /// The same failure in the words of the command line: where the node names a field of a request, such as
    /// `campaign.title`, what a person typed is named, such as `--title`. Pairs of field and name.
    pub(crate) fn calling(self, names: &[(&str, &str)]) -> Failure {
        let Failure::Refused(_) = &self else { return self };
        let words = self.to_string();
        let named = words.split('\n').map(|line| {
            let field = line.trim_start();
            let indent = &line[..line.len() - field.len()];
            let said =
                names.iter().find_map(|(name, typed)| Some((typed, field.strip_prefix(name)?.strip_prefix(": ")?)));
            match said {
                Some((typed, rest)) => format!("{indent}{typed}: {rest}"),
                None => line.to_owned(),
            }
        });
        let named = named.collect::<Vec<_>>().join("\n");
        if named == words { self } else { Failure::Told(named) }
    }

    /// The whole message: what was wrong, and under it every cause.
    pub(crate) fn message(&self) -> String {
        let mut text = self.to_string();
        let mut cause = self.source();
        while let Some(error) = cause {
            let words = error.to_string();
            // A status as a cause was said already, or says nothing to the person at the keyboard.
            if !error.is::<Status>() && !text.contains(&words) {
                let _ = write!(text, ": {words}");
            }
            cause = error.source();
        }
        text
    }
}

impl From<Status> for Failure {
    fn from(status: Status) -> Failure {
        // A broken connection has a source; the node's own UNAVAILABLE has none.
        match status.source().is_some() && matches!(status.code(), Code::Unavailable | Code::Unknown | Code::Cancelled)
        {
            true => Failure::Gone(Box::new(status)),
            false => Failure::Refused(Box::new(status)),
        }
    }
}

/// The message, then on a line of its own each violation that it does not say already.
fn status_words(status: &Status) -> String {
    let details = status.get_error_details();
    let line = |place: &str, words: &str| match place {
        "" => format!("\n  {words}"),
        place => format!("\n  {place}: {words}"),
    };
    let message = status.message();
    let fields = details.bad_request().into_iter().flat_map(|request| &request.field_violations);
    let fields: Vec<_> = fields.map(|violation| (violation.field.as_str(), violation.description.as_str())).collect();
    if fields.len() > 1 && fields.iter().all(|(_, words)| message.contains(words)) {
        let lines: String = fields.iter().map(|(field, words)| line(field, words)).collect();
        return format!("{} things are wrong:{lines}", fields.len());
    }
    let states = details.precondition_failure().into_iter().flat_map(|failure| &failure.violations);
    let states = states.map(|violation| (violation.subject.as_str(), violation.description.as_str()));
    let unsaid = fields.into_iter().chain(states).filter(|(_, words)| !message.contains(words));
    let lines: String = unsaid.map(|(place, words)| line(place, words)).collect();
    match message {
        "" => format!("{}{lines}", status.code().description()),
        message => format!("{message}{lines}"),
    }
}

#[cfg(test)]
mod tests {
    use tonic_types::ErrorDetails;

    use super::*;

    #[test]
    fn each_failure_has_its_exit_status() {
        let refused = |code| Failure::from(Status::new(code, "no"));
        for (failure, expected) in [
            (Failure::Told("no such folder".into()), 1),
            (Failure::Output(io::Error::from(io::ErrorKind::StorageFull)), 1),
            (Failure::file("read", Path::new("x"))(io::Error::from(io::ErrorKind::NotFound)), 1),
            (refused(Code::InvalidArgument), 1),
            (refused(Code::FailedPrecondition), 1),
            (refused(Code::Unavailable), 1),
            (refused(Code::DeadlineExceeded), 4),
            (Failure::RowsRefused("2 rows were refused".into()), 3),
            (Failure::TimedOut("1 entry waits".into()), 4),
        ] {
            assert_eq!(failure.exit_status(), expected, "{failure}");
        }
    }

    #[test]
    fn every_violation_is_said_once() {
        for (message, violations, expected) in [
            ("period: has not ended", &[("period", "has not ended")][..], "period: has not ended"),
            (
                "period: is missing; etag: is missing",
                &[("period", "is missing"), ("etag", "is missing")],
                "2 things are wrong:\n  period: is missing\n  etag: is missing",
            ),
            (
                "refused",
                &[("period", "has not ended"), ("", "and more")],
                "refused\n  period: has not ended\n  and more",
            ),
            ("no such period", &[], "no such period"),
        ] {
            let mut details = ErrorDetails::new();
            for (field, words) in violations {
                details.add_bad_request_violation(*field, *words);
            }
            let status = Status::with_error_details(Code::InvalidArgument, message, details);
            assert_eq!(Failure::from(status).message(), expected);
        }
    }

    #[test]
    fn a_field_is_called_what_the_person_typed() {
        let names = [("campaign.title", "--title"), ("campaign.members[1].hub", "'Hastings Hollington'")];
        for (message, expected) in [
            ("campaign.title: the title is empty", "--title: the title is empty"),
            ("campaign.members[1].hub: no such hub", "'Hastings Hollington': no such hub"),
            ("campaign.members[0].hub: no such hub", "campaign.members[0].hub: no such hub"),
            (
                "2 things are wrong:\n  campaign.title: empty\n  aim: long",
                "2 things are wrong:\n  --title: empty\n  aim: long",
            ),
            ("the disk said: campaign.title: full", "the disk said: campaign.title: full"),
        ] {
            let failure = Failure::from(Status::invalid_argument(message)).calling(&names);
            assert_eq!((failure.message().as_str(), failure.exit_status()), (expected, 1));
        }
    }

    #[test]
    fn a_broken_connection_is_told_without_its_machinery() {
        let mut status = Status::unknown("h2 protocol error: error reading a body from connection");
        status.set_source(std::sync::Arc::new(io::Error::from(io::ErrorKind::BrokenPipe)));
        let failure = Failure::from(status);
        assert_eq!(failure.message(), "the node stopped answering: look at its log, and run the command again");
    }

    #[test]
    fn a_cause_is_said_once() {
        let failure = Failure::file("read", Path::new("sheets"))(io::Error::other("disk on fire"));
        assert_eq!(failure.message(), "cannot read sheets: disk on fire");
    }
}
