//! Nodes as processes of their own, as operators run them.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// Nothing that is measured takes longer.
const DEADLINE: Duration = Duration::from_secs(120);
const BINARY: &str = env!("CARGO_BIN_EXE_folkmoot-under-test");

/// A folder for one measurement, on the disk that holds the build.
pub(crate) fn workshop() -> TempDir {
    tempfile::Builder::new().prefix("bench").tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a temporary folder")
}

/// Runs a command that must succeed; gives what it printed.
pub(crate) fn folkmoot(arguments: &[&str]) -> String {
    let output = Command::new(BINARY).args(arguments).stdin(Stdio::null()).output().expect("the binary under test");
    let err = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "folkmoot {}: {err}", arguments.join(" "));
    String::from_utf8(output.stdout).expect("UTF-8").trim().to_owned()
}

/// A path as an argument.
pub(crate) fn text(path: &Path) -> &str {
    path.to_str().expect("a path in UTF-8")
}

/// A process that said that it is ready. It is killed when it is let go of.
#[derive(Debug)]
pub(crate) struct Served {
    child: Child,
    /// What it said.
    pub(crate) ready: String,
    /// How long it took from being started.
    pub(crate) ready_after: Duration,
}

impl Served {
    /// Serves the node of a folder; `role` is `academy` or `hub`.
    pub(crate) fn node(role: &str, folder: &Path) -> Self {
        let mut command = Command::new(BINARY);
        // As the service unit has it.
        command.args([role, "serve", "--data", text(folder)]).env("MALLOC_ARENA_MAX", "2");
        Self::start(command)
    }

    /// Runs this program again in one of its own parts.
    pub(crate) fn part(name: &str, folder: &Path) -> Self {
        let mut command = Command::new(std::env::current_exe().expect("this program"));
        command.args(["--part", name, text(folder)]);
        Self::start(command)
    }

    fn start(mut command: Command) -> Self {
        let began = Instant::now();
        let spawned = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        let mut child = spawned.expect("a process");
        let (said, heard) = mpsc::channel();
        let (stdout, stderr) = (child.stdout.take().expect("a pipe"), child.stderr.take().expect("a pipe"));
        thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                // Reads on to the end, so that the process never writes into a closed pipe.
                let _ = said.send(line);
            }
        });
        let (words, wrong) = mpsc::channel();
        thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                let _ = words.send(line);
            }
        });
        let ready = heard.recv_timeout(DEADLINE);
        let ready_after = began.elapsed();
        match ready {
            Ok(ready) => Self { child, ready, ready_after },
            Err(_) => {
                let _ = child.kill();
                panic!("not ready: {}", wrong.iter().collect::<Vec<_>>().join("\n"));
            }
        }
    }

    /// HOST:PORT of the ready line.
    pub(crate) fn listens(&self) -> String {
        self.ready.rsplit(' ').next().unwrap_or_default().to_owned()
    }

    /// The memory that is resident now, and the most that ever was, in MiB.
    pub(crate) fn memory(&self) -> (f64, f64) {
        memory_of(&self.child.id().to_string())
    }

    /// Ends it as a service manager does.
    pub(crate) fn stop(mut self) {
        let signal = format!("kill -TERM {}", self.child.id());
        Command::new("sh").args(["-c", &signal]).status().expect("a shell");
        self.child.wait().expect("its end");
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // Gone already is as good.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The memory of a process that is resident now, and the most that ever was, in MiB; `self` is this process.
pub(crate) fn memory_of(process: &str) -> (f64, f64) {
    let status = fs::read_to_string(format!("/proc/{process}/status")).expect("a living process");
    let field = |name: &str| -> f64 {
        let line = status.lines().find_map(|line| line.strip_prefix(name)).expect("a field of the kernel's");
        let kibibytes: f64 = line.split_whitespace().next().and_then(|word| word.parse().ok()).expect("a number");
        kibibytes / 1024.0
    };
    (field("VmRSS:"), field("VmHWM:"))
}

/// Lets a process come to rest. What is measured afterwards has no event that would say so.
pub(crate) fn rest(span: Duration) {
    let (_keep, never) = mpsc::channel::<()>();
    let _ = never.recv_timeout(span);
}

/// Copies a folder, its modes too; sockets are left out.
pub(crate) fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    fs::set_permissions(to, fs::metadata(from).expect("metadata").permissions()).expect("modes");
    for entry in fs::read_dir(from).expect("a folder") {
        let entry = entry.expect("a folder");
        let (kind, target) = (entry.file_type().expect("a type"), to.join(entry.file_name()));
        if kind.is_dir() {
            copy(&entry.path(), &target);
        } else if kind.is_file() {
            fs::copy(entry.path(), &target).expect("a copy");
        }
    }
}

/// An Academy with the programme of the sheets, and one hub that has joined it and knows it. Nothing serves.
pub(crate) struct Federation {
    home: TempDir,
}

impl Federation {
    pub(crate) fn found() -> Self {
        let federation = Self { home: workshop() };
        let (academy, hub) = (federation.academy(), federation.hub());
        folkmoot(&[
            "academy",
            "init",
            "--data",
            text(&academy),
            "--name",
            "National Academy",
            "--listen",
            "127.0.0.1:0",
        ]);
        let served = Served::node("academy", &academy);
        let data = ["--data", text(&academy)];
        let add = ["academy", "programme", "add", "TWOYEARS", "--from", "2018-04-01", "--to", "2020-03-31"];
        folkmoot(&[&add[..], &data].concat());
        federation.join("Aldermoor", &hub);
        served.stop();
        federation
    }

    /// Lets a new hub join; the Academy must serve.
    pub(crate) fn join(&self, name: &str, hub: &Path) {
        let code = folkmoot(&["academy", "invite", "--data", text(&self.academy()), "--name", name]);
        folkmoot(&["hub", "init", "--data", text(hub), "--name", name, "--listen", "127.0.0.1:0"]);
        folkmoot(&["hub", "join", "--data", text(hub), &code]);
        let served = Served::node("hub", hub);
        folkmoot(&["sync", "--data", text(hub), "--wait"]);
        served.stop();
    }

    pub(crate) fn academy(&self) -> PathBuf {
        self.home.path().join("A")
    }

    pub(crate) fn hub(&self) -> PathBuf {
        self.home.path().join("H")
    }

    /// A copy of the hub's folder that a measurement may change.
    pub(crate) fn fresh_hub(&self) -> (TempDir, PathBuf) {
        let place = workshop();
        let folder = place.path().join("H");
        copy(&self.hub(), &folder);
        (place, folder)
    }
}
