//! A whole federation on this machine: an Academy and two hubs, real processes of this same program, on invented records.
//! Every step is a command that a person could type, and is shown before it runs.

mod sample;

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;

use crate::arguments::Demo;
use crate::failure::Failure;
use crate::output::print;
use crate::shell;

const PERIOD: &str = "programme/COEP";
/// A node drains in far less.
const PATIENCE: Duration = Duration::from_secs(15);
const LOOK_AGAIN: Duration = Duration::from_millis(20);

pub(crate) async fn run(arguments: Demo) -> Result<(), Failure> {
    let home = Home::open(arguments.data.as_deref())?;
    let stage = Arc::new(Stage {
        program: std::env::current_exe().map_err(Failure::file("find", Path::new("this program")))?,
        home: home.path.clone(),
        nodes: Mutex::default(),
    });
    let stopped = stop_signal()?;
    let (tell_done, done) = oneshot::channel();
    let acting = Arc::clone(&stage);
    // Not a task: whoever presses Ctrl-C does not wait for the step at hand.
    std::thread::spawn(move || tell_done.send(acting.act()));
    tokio::pin!(stopped);
    let outcome = tokio::select! {
        () = &mut stopped => Err(Failure::Told("the demo was stopped before its end".to_owned())),
        outcome = done => outcome.unwrap_or_else(|_| Err(Failure::Told("the demo broke off".to_owned()))),
    };
    let outcome = match outcome {
        Ok(()) if !arguments.exit => match print(&home.invitation()) {
            Ok(()) => {
                stopped.await;
                Ok(())
            }
            Err(failure) => Err(failure),
        },
        outcome => outcome,
    };
    stage.end();
    outcome
}

fn stop_signal() -> Result<impl Future<Output = ()>, Failure> {
    let mut interrupt = signal(SignalKind::interrupt()).map_err(Failure::Runtime)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(Failure::Runtime)?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}

/// The folder that everything happens in.
struct Home {
    path: PathBuf,
    /// Removes the folder in the end, where it is ours.
    temporary: Option<tempfile::TempDir>,
}

impl Home {
    fn open(given: Option<&Path>) -> Result<Home, Failure> {
        let Some(path) = given else {
            let temporary = tempfile::Builder::new().prefix("folkmoot-demo-").tempdir();
            let temporary = temporary.map_err(Failure::file("create", &std::env::temp_dir()))?;
            return Ok(Home { path: temporary.path().to_owned(), temporary: Some(temporary) });
        };
        fs::create_dir_all(path).map_err(Failure::file("create", path))?;
        match fs::read_dir(path).map_err(Failure::file("read", path))?.next() {
            Some(_) => Err(Failure::Told(format!("{} is not empty: give the demo a new folder", path.display()))),
            None => Ok(Home { path: fs::canonicalize(path).map_err(Failure::file("find", path))?, temporary: None }),
        }
    }

    fn invitation(&self) -> String {
        let hub = shell::path(&self.path.join(sample::HUBS[0].folder));
        let kept = match self.temporary {
            Some(_) => "the folder goes with them",
            None => "the folder stays",
        };
        format!(
            "\nThe three nodes go on running. In another terminal, try:\n\n\
             \x20 folkmoot status --data {hub}\n\
             \x20 folkmoot hub indicators --data {hub} --period {PERIOD}\n\
             \x20 folkmoot hub person show P-2 --data {hub}\n\n\
             Ctrl-C ends them; {kept}.\n"
        )
    }
}

/// The nodes that run.
#[derive(Default)]
struct Nodes {
    running: Vec<Child>,
    /// Set when everything ends, so that nothing is started after.
    closed: bool,
}

struct Stage {
    program: PathBuf,
    home: PathBuf,
    nodes: Mutex<Nodes>,
}

impl Stage {
    /// The whole play, up to the report.
    fn act(&self) -> Result<(), Failure> {
        let academy = self.folder("academy");
        self.step(
            "The Academy makes its folder: its keys, and with them the federation.",
            &["academy", "init", "--data", &academy, "--name", "National Academy", "--listen", "127.0.0.1:0"],
        )?;
        self.serve("Its node starts.", &["academy", "serve", "--data", &academy])?;
        self.step(
            "It registers a funding programme, by whose dates figures are added up.",
            &["academy", "programme", "add", "COEP", "--from", "2017-04-01", "--to", "2020-03-31", "--data", &academy],
        )?;
        for hub in &sample::HUBS {
            self.enrol(hub, &academy)?;
        }
        for hub in &sample::HUBS {
            self.release(hub)?;
        }
        let hubs = sample::HUBS.len();
        self.step(
            &format!("The Academy adds up what it holds: invented sample, {hubs} hubs."),
            &["academy", "report", "--data", &academy, "--period", PERIOD],
        )?;
        Ok(())
    }

    fn enrol(&self, hub: &sample::Hub, academy: &str) -> Result<(), Failure> {
        let data = self.folder(hub.folder);
        let name = hub.name;
        self.step(
            &format!("{name} makes its own folder. It will hold records that never leave it."),
            &["hub", "init", "--data", &data, "--name", name, "--listen", "127.0.0.1:0"],
        )?;
        let code = self.step(
            &format!("The Academy invites {name}: a code for this name, good once, for a day."),
            &["academy", "invite", "--data", academy, "--name", name],
        )?;
        self.step(&format!("{name} joins with it."), &["hub", "join", "--data", &data, code.trim()])?;
        self.serve("Its node starts, and connects.", &["hub", "serve", "--data", &data])
    }

    fn release(&self, hub: &sample::Hub) -> Result<(), Failure> {
        let data = self.folder(hub.folder);
        let name = hub.name;
        let sheets = self.home.join(format!("{}-sheets", hub.folder));
        sample::write(hub, &sheets)?;
        self.step(
            &format!("{name} imports its spreadsheets."),
            &["hub", "import", "--data", &data, &sheets.to_string_lossy()],
        )?;
        self.step(
            &format!("{name} sees what would leave, and why, and approves it."),
            &["hub", "release", "--data", &data, "--period", PERIOD, "--approve"],
        )?;
        self.step(&format!("{name} waits until the Academy has signed for it."), &["sync", "--data", &data, "--wait"])?;
        Ok(())
    }

    fn folder(&self, name: &str) -> String {
        self.home.join(name).to_string_lossy().into_owned()
    }

    /// Shows a command, runs it, shows what it says, and returns that.
    fn step(&self, words: &str, arguments: &[&str]) -> Result<String, Failure> {
        announce(words, arguments)?;
        let ran = Command::new(&self.program).args(arguments).stdin(Stdio::null()).output();
        let ran = ran.map_err(Failure::file("run", &self.program))?;
        let said = String::from_utf8_lossy(&ran.stdout).into_owned();
        if !ran.status.success() {
            return Err(failed(words, &String::from_utf8_lossy(&ran.stderr)));
        }
        print(&indented(&said))?;
        Ok(said)
    }

    /// Shows a command that goes on running, and returns once it says that it is ready.
    fn serve(&self, words: &str, arguments: &[&str]) -> Result<(), Failure> {
        announce(words, arguments)?;
        let data = arguments.last().copied().unwrap_or_default();
        let log = PathBuf::from(format!("{data}.log"));
        let stderr = File::create(&log).map_err(Failure::file("create", &log))?;
        let mut command = Command::new(&self.program);
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(stderr);
        let stdout = {
            let mut nodes = self.nodes();
            if nodes.closed {
                return Err(failed(words, "the demo was stopped"));
            }
            let mut child = command.spawn().map_err(Failure::file("run", &self.program))?;
            let stdout = child.stdout.take();
            nodes.running.push(child);
            stdout
        };
        let mut ready = String::new();
        if let Some(stdout) = stdout {
            BufReader::new(stdout).read_line(&mut ready).map_err(Failure::file("listen to", &self.program))?;
        }
        // A node that cannot start closes its output without a word there; its log says why.
        match ready.is_empty() {
            false => print(&indented(&ready)),
            true => Err(failed(words, &fs::read_to_string(&log).unwrap_or_default())),
        }
    }

    fn nodes(&self) -> std::sync::MutexGuard<'_, Nodes> {
        self.nodes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends every node, the last started first.
    fn end(&self) {
        let mut nodes = self.nodes();
        nodes.closed = true;
        while let Some(child) = nodes.running.pop() {
            end(child);
        }
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.end();
    }
}

/// Asks a process to end, and makes it end where it does not.
fn end(mut child: Child) {
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    if let Some(pid) = pid {
        // Fails only where it has ended already.
        let _ = kill_process(pid, Signal::TERM);
    }
    let deadline = Instant::now() + PATIENCE;
    while Instant::now() < deadline {
        match child.try_wait() {
            Ok(None) => std::thread::sleep(LOOK_AGAIN),
            Ok(Some(_)) | Err(_) => return,
        }
    }
    let _ = child.kill();
    let _ = child.wait();
}

fn announce(words: &str, arguments: &[&str]) -> Result<(), Failure> {
    let command: Vec<_> = arguments.iter().map(|word| shell::word(word)).collect();
    print(&format!("\n{words}\n  $ folkmoot {}\n", command.join(" ")))
}

fn indented(said: &str) -> String {
    said.lines().map(|line| if line.is_empty() { "\n".to_owned() } else { format!("  {line}\n") }).collect()
}

fn failed(words: &str, why: &str) -> Failure {
    Failure::Told(format!("this step failed: {words}\n{}", indented(why.trim())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_with_something_in_it_is_left_alone() {
        let home = tempfile::tempdir().expect("a folder");
        fs::write(home.path().join("mine"), "x").expect("a file");
        let failure = Home::open(Some(home.path())).err().expect("not empty");
        assert!(failure.to_string().contains("is not empty"), "{failure}");
        Home::open(Some(&home.path().join("new"))).expect("a new folder");
    }
}
