//! The nodes of the demo as child processes, and the commands that are run on them.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use super::play::{Act, Kept, Part, Run, Shows, Step, Until, play};
use crate::failure::Failure;
use crate::output::print;
use crate::shell;

/// A node drains in far less.
const DRAIN: Duration = Duration::from_secs(15);
/// What is on its way arrives in far less.
const ARRIVAL: Duration = Duration::from_secs(30);
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// The folder that everything happens in, and the nodes that run there.
pub(super) struct Stage {
    program: PathBuf,
    home: PathBuf,
    nodes: Mutex<Nodes>,
}

#[derive(Default)]
struct Nodes {
    running: Vec<Node>,
    /// Set when everything ends, so that nothing is started after.
    closed: bool,
    /// Whether a command runs that may write into the folder.
    at_work: bool,
}

struct Node {
    data: String,
    /// What it said when it was ready, such as `hub Alderbank on 127.0.0.1:41234`.
    ready: String,
    process: Child,
}

impl Stage {
    /// An empty stage in `home`.
    pub(super) fn new(home: &Path) -> Result<Stage, Failure> {
        let program = std::env::current_exe().map_err(Failure::file("find", Path::new("this program")))?;
        Ok(Stage { program, home: home.to_owned(), nodes: Mutex::default() })
    }

    /// The whole play.
    pub(super) fn act(&self) -> Result<(), Failure> {
        let play = play(&self.home);
        let all = play.iter().filter(|part| matches!(part, Part::Step(_))).count();
        let mut number = 0;
        let mut kept = BTreeMap::new();
        for part in play {
            match part {
                Part::Chapter(title) => print(&format!("\n\n{title}\n{}", "=".repeat(title.chars().count())))?,
                Part::Step(Step { words, act }) => {
                    number += 1;
                    print(&format!("\nStep {number} of {all}. {words}"))?;
                    let done = match act {
                        Act::Run(run) => self.run(run, &mut kept),
                        Act::Serve { role, data } => self.serve(role, data),
                        Act::Stop { data } => self.stop(&data),
                    };
                    done.map_err(|failure| {
                        Failure::Told(format!(
                            "step {number} of {all} failed: {words}\n{}",
                            indented(&failure.message())
                        ))
                    })?;
                }
            }
        }
        Ok(())
    }

    /// Every node that runs, by folder: its folder, and what it is and where it listens.
    pub(super) fn nodes(&self) -> Vec<(String, String)> {
        let mut nodes: Vec<_> =
            self.lock().running.iter().map(|node| (node.data.clone(), node.ready.clone())).collect();
        nodes.sort();
        nodes
    }

    /// What a command says as JSON, without showing it.
    pub(super) fn ask(&self, command: &[String]) -> Result<Value, Failure> {
        let said = self.output(&as_json(command))?;
        checked(&said, 0)?;
        serde_json::from_slice(&said.stdout)
            .map_err(|error| Failure::Told(format!("it does not answer in JSON: {error}")))
    }

    /// Shows a command, runs it, and shows what it says.
    fn run(&self, mut run: Run, kept: &mut BTreeMap<Kept, String>) -> Result<(), Failure> {
        run.command.extend(run.last.and_then(|last| kept.get(&last).cloned()));
        show_command(&run.command)?;
        if let Some(until) = &run.until {
            self.wait(&run.command, until)?;
        }
        let said = self.output(&run.command)?;
        checked(&said, run.status)?;
        let result = text(&said.stdout);
        if let Shows::Headed(heading) = run.shows {
            print(&indented(&format!("{heading}\n{}\n", "-".repeat(heading.chars().count()))))?;
        }
        print(&indented(match run.shows {
            Shows::Result | Shows::Headed(_) | Shows::ResultAndRemarks(_) => &result,
            Shows::LastLine => result.lines().next_back().unwrap_or_default(),
        }))?;
        if let Shows::ResultAndRemarks(lines) = run.shows {
            print(&indented(&last_lines(&text(&said.stderr), lines)))?;
        }
        if run.status != 0 {
            print(&format!("  (exit status {})", run.status))?;
        }
        match run.keeps {
            None => {}
            Some(Kept::Invite) => {
                kept.insert(Kept::Invite, result.trim().to_owned());
            }
            Some(Kept::Campaign) => {
                kept.insert(Kept::Campaign, self.campaign(&run.command)?);
            }
        }
        Ok(())
    }

    /// As many digits of the id of a hub's one campaign as people are shown. `created` is the command that made it.
    fn campaign(&self, created: &[String]) -> Result<String, Failure> {
        let data = created.last().cloned().unwrap_or_default();
        let list = self.ask(&["campaign", "list", "--data", &data].map(str::to_owned))?;
        let id = list["campaigns"][0]["id"].as_str().and_then(|id| id.get(..12));
        id.map(str::to_owned).ok_or_else(|| Failure::Told("no campaign is there".to_owned()))
    }

    /// Asks a node again and again until it says what is wanted. The one place where the demo waits for something to
    /// arrive.
    fn wait(&self, command: &[String], until: &Until) -> Result<(), Failure> {
        let deadline = Instant::now() + ARRIVAL;
        loop {
            // A command that fails asked for something that has not arrived at all.
            let missing = match self.ask(command) {
                Err(failure) => failure.message(),
                Ok(said) => {
                    let written = said.to_string();
                    match until.says.iter().find(|words| !written.contains(*words)) {
                        Some(words) => format!("it does not say yet: {words}"),
                        None => match &until.same_as {
                            Some(other) if shared(said) != shared(self.ask(&at(command, other))?) => {
                                format!("it does not say yet what the node in {other} says")
                            }
                            Some(_) | None => return Ok(()),
                        },
                    }
                }
            };
            if Instant::now() >= deadline {
                return Err(Failure::Told(format!("waited for {} seconds; {missing}", ARRIVAL.as_secs())));
            }
            std::thread::sleep(LOOK_AGAIN);
        }
    }

    fn output(&self, command: &[String]) -> Result<Output, Failure> {
        let mut started = Command::new(&self.program);
        started.args(command).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let process = {
            let mut nodes = self.lock();
            if nodes.closed {
                return Err(stopped());
            }
            nodes.at_work = true;
            started.spawn()
        };
        let ran = process.and_then(Child::wait_with_output);
        self.lock().at_work = false;
        ran.map_err(Failure::file("run", &self.program))
    }

    /// Shows the command of a node, starts it, and returns once it says that it is ready.
    fn serve(&self, role: &str, data: String) -> Result<(), Failure> {
        let words = [role, "serve", "--data", &data].map(str::to_owned);
        show_command(&words)?;
        let log = PathBuf::from(format!("{data}.log"));
        let stderr = File::options().create(true).append(true).open(&log).map_err(Failure::file("open", &log))?;
        let mut command = Command::new(&self.program);
        command.args(&words).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(stderr);
        let stdout = {
            let mut nodes = self.lock();
            if nodes.closed {
                return Err(stopped());
            }
            let mut process = command.spawn().map_err(Failure::file("run", &self.program))?;
            let stdout = process.stdout.take();
            nodes.running.push(Node { data: data.clone(), ready: String::new(), process });
            stdout
        };
        let mut ready = String::new();
        if let Some(stdout) = stdout {
            BufReader::new(stdout).read_line(&mut ready).map_err(Failure::file("listen to", &self.program))?;
        }
        // A node that cannot start closes its output without a word there; its log says why.
        if ready.is_empty() {
            return Err(Failure::Told(fs::read_to_string(&log).unwrap_or_default().trim().to_owned()));
        }
        if let Some(node) = self.lock().running.iter_mut().find(|node| node.data == data) {
            node.ready = ready.trim().trim_start_matches("ready: ").to_owned();
        }
        print(&indented(&ready))
    }

    /// Ends a node.
    fn stop(&self, data: &str) -> Result<(), Failure> {
        let mut nodes = self.lock();
        let Some(place) = nodes.running.iter().position(|node| node.data == data) else {
            return Err(Failure::Told(format!("no node runs in {data}")));
        };
        let node = nodes.running.remove(place);
        drop(nodes);
        print(&format!("  $ kill {}    # or Ctrl-C in its terminal", node.process.id()))?;
        end(node.process);
        print(&format!("  stopped: {}", node.ready))
    }

    fn lock(&self) -> MutexGuard<'_, Nodes> {
        self.nodes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends every node, the last started first.
    pub(super) fn end(&self) {
        let mut nodes = self.lock();
        nodes.closed = true;
        // All are told at once; none waits for another.
        for node in &nodes.running {
            tell_to_end(&node.process);
        }
        while let Some(node) = nodes.running.pop() {
            end(node.process);
        }
        drop(nodes);
        // Without nodes a command ends soon. The folder is not taken from under it.
        let deadline = Instant::now() + DRAIN;
        while self.lock().at_work && Instant::now() < deadline {
            std::thread::sleep(LOOK_AGAIN);
        }
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.end();
    }
}

fn stopped() -> Failure {
    Failure::Told("the demo was stopped".to_owned())
}

/// Asks a process to end, and makes it end where it does not.
fn end(mut process: Child) {
    tell_to_end(&process);
    let deadline = Instant::now() + DRAIN;
    while Instant::now() < deadline {
        match process.try_wait() {
            Ok(None) => std::thread::sleep(LOOK_AGAIN),
            Ok(Some(_)) | Err(_) => return,
        }
    }
    let _ = process.kill();
    let _ = process.wait();
}

fn tell_to_end(process: &Child) {
    if let Some(pid) = i32::try_from(process.id()).ok().and_then(Pid::from_raw) {
        // Fails only where it has ended already.
        let _ = kill_process(pid, Signal::TERM);
    }
}

/// Refuses another exit status than the one that was looked for, with what the command said of it.
fn checked(said: &Output, status: i32) -> Result<(), Failure> {
    match said.status.code() {
        Some(code) if code == status => Ok(()),
        Some(code) => Err(Failure::Told(format!("exit status {code}: {}", text(&said.stderr).trim()))),
        None => Err(Failure::Told("the command was killed".to_owned())),
    }
}

fn as_json(command: &[String]) -> Vec<String> {
    command.iter().cloned().chain(["--format", "json"].map(str::to_owned)).collect()
}

/// The same command for another node.
fn at(command: &[String], data: &str) -> Vec<String> {
    let after = |place: usize| place > 0 && command[place - 1] == "--data";
    (0..command.len()).map(|place| if after(place) { data.to_owned() } else { command[place].clone() }).collect()
}

fn show_command(command: &[String]) -> Result<(), Failure> {
    let words: Vec<_> = command.iter().map(|word| shell::word(word)).collect();
    print(&format!("  $ folkmoot {}", words.join(" ")))
}

fn last_lines(text: &str, many: usize) -> String {
    let lines: Vec<_> = text.lines().collect();
    lines[lines.len().saturating_sub(many)..].join("\n")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn indented(said: &str) -> String {
    said.lines().map(|line| if line.is_empty() { "\n".to_owned() } else { format!("  {line}\n") }).collect()
}

/// What two members of a campaign say alike: all but how each of them stands to it.
fn shared(mut said: Value) -> Value {
    said.as_object_mut().map(|fields| fields.shift_remove("this_hub"));
    said
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_starts_once_everything_has_ended() {
        let stage = Stage::new(Path::new("/nowhere")).expect("this program");
        stage.end();
        let failure = stage.ask(&["--version".to_owned()]).expect_err("it is closed");
        assert_eq!(failure.message(), "the demo was stopped");
    }

    #[test]
    fn the_same_is_asked_of_another_node() {
        let words = |line: &str| line.split(' ').map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(at(&words("campaign show --data A 3f2a"), "B"), words("campaign show --data B 3f2a"));
        assert_eq!(as_json(&words("campaign list --data A")), words("campaign list --data A --format json"));
    }
}
