//! A whole federation on this machine: an Academy and four hubs, real processes of this same program, on invented records.
//! Every step is a command that a person could type, and is shown before it runs.

mod explain;
mod play;
mod sample;
mod stage;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;

use crate::arguments::Demo;
use crate::demo::stage::Stage;
use crate::failure::Failure;
use crate::output::{print, table, text};
use crate::shell;

pub(crate) async fn run(arguments: Demo) -> Result<(), Failure> {
    // Before there is a folder that would be left behind.
    let stopped = stop_signal()?;
    let home = Home::open(arguments.data.as_deref())?;
    home.furnish()?;
    print(&format!(
        "An invented sample of a federation, in {}. Nobody in it exists, and no hub.",
        home.path.display()
    ))?;
    let stage = Arc::new(Stage::new(&home.path)?);
    let (tell_done, done) = oneshot::channel();
    let (acting, path) = (Arc::clone(&stage), home.path.clone());
    // Not a task: whoever presses Ctrl-C does not wait for the step at hand.
    std::thread::spawn(move || tell_done.send(acting.act().and_then(|()| explained(&acting, &path))));
    tokio::pin!(stopped);
    let outcome = tokio::select! {
        () = &mut stopped => Err(Failure::Told("the demo was stopped before its end".to_owned())),
        outcome = done => match outcome {
            Ok(outcome) => outcome.map_err(|failure| home.told(&failure)),
            Err(_) => Err(Failure::Told("the demo broke off".to_owned())),
        },
    };
    let outcome = match outcome {
        Ok(()) if !arguments.exit => match print(&home.invitation(&stage)) {
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

/// Says under the report what in it is not exact, and why.
fn explained(stage: &Stage, home: &Path) -> Result<(), Failure> {
    let academy = play::academy(home);
    let report = stage.ask(&["academy", "report", "--data", &academy, "--period", play::PERIOD].map(str::to_owned))?;
    print(&format!("\n{}", explain::explain(&report)))
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
        let whole = std::path::absolute(path).map_err(Failure::file("find", path))?;
        // The commands that are shown name it, and what they show can be typed.
        if whole.to_str().is_none() {
            return Err(Failure::Told(format!("{} is not UTF-8: give the demo another folder", whole.display())));
        }
        fs::create_dir_all(path).map_err(Failure::file("create", path))?;
        match fs::read_dir(path).map_err(Failure::file("read", path))?.next() {
            Some(_) => Err(Failure::Told(format!("{} is not empty: give the demo a new folder", path.display()))),
            None => Ok(Home { path: fs::canonicalize(path).map_err(Failure::file("find", path))?, temporary: None }),
        }
    }

    /// Writes what people would bring: their sheets, and the text that the Academy publishes.
    fn furnish(&self) -> Result<(), Failure> {
        for hub in &sample::HUBS {
            sample::write(hub, Path::new(&play::sheets(&self.path, hub.folder)))?;
        }
        let edition = PathBuf::from(play::edition_file(&self.path));
        fs::write(&edition, play::EDITION_TEXT).map_err(Failure::file("write", &edition))
    }

    /// A failure, with where to look further.
    fn told(&self, failure: &Failure) -> Failure {
        let traces = match self.temporary {
            Some(_) => "To look at the nodes' folders and logs after, give the demo a folder with --data".to_owned(),
            None => format!("The nodes' folders and logs are in {}", self.path.display()),
        };
        Failure::Told(format!("{}\n{traces}", failure.message().trim_end()))
    }

    fn invitation(&self, stage: &Stage) -> String {
        let [first, ..] = sample::HUBS.each_ref().map(|hub| shell::path(Path::new(&play::hub(&self.path, hub.folder))));
        let kept = match self.temporary {
            Some(_) => "the folder goes with them",
            None => "the folder stays",
        };
        let mut nodes = table(&["Node", "Folder"]);
        for (data, ready) in stage.nodes() {
            nodes.add_row([ready, data]);
        }
        format!(
            "\n{}\nAll of them go on running. In another terminal, try:\n\n\
             \x20 folkmoot status --data {first}\n\
             \x20 folkmoot hub person show P-30 --data {first}\n\
             \x20 folkmoot campaign list --data {first}\n\n\
             Ctrl-C ends them; {kept}.\n",
            text(nodes, &[])
        )
    }
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

    #[test]
    fn a_folder_that_no_command_could_name_is_not_used() {
        use std::ffi::OsStr;
        use std::os::unix::ffi::OsStrExt as _;

        let home = tempfile::tempdir().expect("a folder");
        let path = home.path().join(OsStr::from_bytes(b"caf\xe9"));
        let failure = Home::open(Some(&path)).err().expect("no plain path");
        assert!(failure.to_string().contains("is not UTF-8"), "{failure}");
        assert!(!path.exists());
    }
}
