//! Runs one command and looks at what it said.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use serde_json::Value;

/// No command of a test takes longer than this; one that does hangs.
pub(crate) const DEADLINE: Duration = Duration::from_secs(180);

/// The binary under test.
pub(crate) const BINARY: &str = env!("CARGO_BIN_EXE_folkmoot-under-test");

/// How a command ended.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) line: String,
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Outcome {
    /// What the command printed; it must have done what it was asked.
    #[track_caller]
    pub(crate) fn done(self) -> String {
        assert_eq!(self.code, Some(0), "{self}");
        self.out
    }

    /// What the command printed, as JSON, with the exit status that the test expects.
    #[track_caller]
    pub(crate) fn json(self, code: i32) -> Value {
        assert_eq!(self.code, Some(code), "{self}");
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("no JSON: {error}\n{self}"))
    }

    /// The command must fail with this exit status and say all of `words` on stderr, in whatever case.
    #[track_caller]
    pub(crate) fn fails(self, code: i32, words: &[&str]) -> String {
        assert_eq!(self.code, Some(code), "{self}");
        for word in words {
            assert!(self.err.to_lowercase().contains(&word.to_lowercase()), "stderr lacks {word:?}: {self}");
        }
        assert!(!self.err.contains("panicked"), "{self}");
        self.err
    }
}

impl std::fmt::Display for Outcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { line, code, out, err } = self;
        write!(f, "$ {line}\nexit status {code:?}\n--- stdout\n{out}\n--- stderr\n{err}")
    }
}

/// Runs `folkmoot` with `arguments`.
#[track_caller]
pub(crate) fn folkmoot<S: AsRef<str>>(arguments: &[S]) -> Outcome {
    let mut command = Command::new(BINARY);
    command.args(arguments.iter().map(AsRef::as_ref));
    let line = arguments.iter().map(AsRef::as_ref).collect::<Vec<_>>().join(" ");
    run(command, &format!("folkmoot {line}"))
}

/// Runs any command within the deadline.
#[track_caller]
pub(crate) fn run(mut command: Command, line: &str) -> Outcome {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap_or_else(|error| panic!("cannot run {line}: {error}"));
    let out = collect(child.stdout.take().expect("a pipe"));
    let err = collect(child.stderr.take().expect("a pipe"));
    let (code, in_time) = wait(child, DEADLINE);
    let read = |text: mpsc::Receiver<String>| text.recv_timeout(DEADLINE).unwrap_or_default();
    let outcome = Outcome { line: line.to_owned(), code, out: read(out), err: read(err) };
    assert!(in_time, "hangs: {outcome}");
    outcome
}

fn collect(mut pipe: impl std::io::Read + Send + 'static) -> mpsc::Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let mut bytes = Vec::new();
        // What came before an error is worth showing.
        let _ = pipe.read_to_end(&mut bytes);
        let _ = sender.send(String::from_utf8_lossy(&bytes).into_owned());
    });
    receiver
}

/// Waits for the end of a process; kills it at the deadline. Returns its status and whether it ended in time.
pub(crate) fn wait(mut child: Child, deadline: Duration) -> (Option<i32>, bool) {
    let id = child.id();
    let (sender, ended) = mpsc::channel();
    thread::spawn(move || {
        let status = child.wait();
        let _ = sender.send(status);
    });
    let first = ended.recv_timeout(deadline);
    let in_time = first.is_ok();
    if !in_time {
        signal(id, "KILL");
    }
    let status = first.or_else(|_| ended.recv_timeout(deadline));
    (status.ok().and_then(Result::ok).and_then(|status| status.code()), in_time)
}

/// Sends a signal to a process that the test started.
pub(crate) fn signal(id: u32, name: &str) {
    let sent = Command::new("sh").arg("-c").arg(format!("kill -{name} {id}")).stderr(Stdio::null()).status();
    sent.expect("a shell");
}

/// A path as an argument.
#[track_caller]
pub(crate) fn text(path: &Path) -> &str {
    path.to_str().expect("a temporary folder with a readable name")
}
