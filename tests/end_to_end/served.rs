//! A node that runs.

use std::fs::{self, File, OpenOptions};
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;

use crate::command::{self, BINARY, DEADLINE, Outcome, text};

/// What a node is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    Academy,
    Hub,
}

impl Role {
    /// The word in the command line.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Academy => "academy",
            Self::Hub => "hub",
        }
    }
}

/// A running node. It is killed when the test lets go of it.
#[derive(Debug)]
pub(crate) struct Served {
    child: Option<Child>,
    id: u32,
    /// The line that it printed once it was ready.
    pub(crate) ready: String,
    log: PathBuf,
}

impl Served {
    /// Starts a node and waits until it is ready.
    #[track_caller]
    pub(crate) fn start(role: Role, folder: &Path) -> Self {
        Self::start_with(role, folder, &[]).unwrap_or_else(|outcome| panic!("not ready: {outcome}"))
    }

    /// Starts a node with further flags; where it ends before it is ready, says how.
    #[track_caller]
    pub(crate) fn start_with(role: Role, folder: &Path, flags: &[&str]) -> Result<Self, Outcome> {
        let log = log_of(folder);
        let stderr: File = OpenOptions::new().create(true).append(true).open(&log).expect("a log file");
        let mut child = Command::new(BINARY)
            .args([role.word(), "serve", "--data", text(folder)])
            .args(flags)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(stderr)
            .spawn()
            .expect("the binary under test");
        let stdout = child.stdout.take().expect("a pipe");
        let (sender, lines) = mpsc::channel();
        thread::spawn(move || {
            // Reads on to the end, so that the node never writes into a closed pipe.
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                let _ = sender.send(line);
            }
        });
        let id = child.id();
        match lines.recv_timeout(DEADLINE) {
            Ok(ready) => Ok(Self { child: Some(child), id, ready, log }),
            Err(mpsc::RecvTimeoutError::Timeout) => {
                command::signal(id, "KILL");
                panic!("not ready in time: {}", fs::read_to_string(&log).unwrap_or_default());
            }
            Err(mpsc::RecvTimeoutError::Disconnected) => {
                let (code, _) = command::wait(child, DEADLINE);
                let line = format!("folkmoot {} serve --data {}", role.word(), folder.display());
                Err(Outcome { line, code, out: String::new(), err: fs::read_to_string(&log).unwrap_or_default() })
            }
        }
    }

    /// The process.
    pub(crate) fn id(&self) -> u32 {
        self.id
    }

    /// HOST:PORT of the ready line.
    #[track_caller]
    pub(crate) fn listens(&self) -> String {
        let (_, address) = self.ready.rsplit_once(" on ").expect("a ready line that says where");
        address.trim().to_owned()
    }

    /// Ends it as a service manager does; it must end well.
    #[track_caller]
    pub(crate) fn stop(mut self) {
        command::signal(self.id, "TERM");
        let child = self.child.take().expect("still there");
        let (code, in_time) = command::wait(child, DEADLINE);
        assert!(in_time, "does not end on SIGTERM: {}", self.log());
        assert_eq!(code, Some(0), "ends badly on SIGTERM: {}", self.log());
    }

    /// kill -9.
    pub(crate) fn kill(mut self) {
        self.end();
    }

    /// All that nodes of this folder ever wrote on stderr.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    fn end(&mut self) {
        if let Some(mut child) = self.child.take() {
            // Gone already is as good.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.end();
        if thread::panicking() {
            let log = self.log();
            let tail: Vec<&str> = log.lines().rev().take(30).collect();
            let mut stderr = std::io::stderr().lock();
            let _ = writeln!(stderr, "--- the last lines of {}", self.log.display());
            for line in tail.into_iter().rev() {
                let _ = writeln!(stderr, "{line}");
            }
        }
    }
}

/// Where the log of a node lies: beside its folder, never in it.
pub(crate) fn log_of(folder: &Path) -> PathBuf {
    let mut name = folder.file_name().expect("a folder with a name").to_owned();
    name.push(".log");
    folder.with_file_name(name)
}
