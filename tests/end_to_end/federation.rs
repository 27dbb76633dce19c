//! An Academy and hubs in one temporary folder, driven by the commands of the tour.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use folkmoot_proto::hub::v1::Campaign;
use folkmoot_tests::day::Day;
use serde_json::Value;
use tempfile::TempDir;

use crate::client::Client;
use crate::command::{Outcome, folkmoot, text};
use crate::restore::wait_until;
use crate::served::{Role, Served};

/// A temporary folder for nodes and sheets, and the Academy's node in it.
#[derive(Debug)]
pub(crate) struct Federation {
    home: TempDir,
    pub(crate) academy: Option<Served>,
}

impl Federation {
    /// An Academy that serves on a free port.
    #[track_caller]
    pub(crate) fn found() -> Self {
        let mut federation = Self::unserved(&[]);
        federation.serve_academy();
        federation
    }

    /// An Academy that does not serve yet, made with further flags of `academy init`.
    #[track_caller]
    pub(crate) fn unserved(flags: &[&str]) -> Self {
        // Short: the path of a Unix socket has to fit.
        let home = tempfile::Builder::new().prefix("fm").tempdir().expect("a temporary folder");
        let federation = Self { home, academy: None };
        let folder = federation.academy_folder();
        let mut arguments =
            vec!["academy", "init", "--data", text(&folder), "--name", "National Academy", "--listen", "127.0.0.1:0"];
        arguments.extend(flags);
        folkmoot(&arguments).done();
        federation
    }

    /// A path in the temporary folder.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    /// The Academy's folder.
    pub(crate) fn academy_folder(&self) -> PathBuf {
        self.path("A")
    }

    /// Starts the Academy's node.
    #[track_caller]
    pub(crate) fn serve_academy(&mut self) {
        self.academy = Some(Served::start(Role::Academy, &self.academy_folder()));
    }

    /// Runs a command on the Academy: the words before `--data`, and those after.
    #[track_caller]
    pub(crate) fn academy(&self, before: &[&str], after: &[&str]) -> Outcome {
        on_node("academy", &self.academy_folder(), before, after)
    }

    /// Registers a funding programme.
    #[track_caller]
    pub(crate) fn add_programme(&self, code: &str, first: Day, last: Day) {
        let (first, last) = (first.to_string(), last.to_string());
        self.academy(&["programme", "add", code, "--from", &first, "--to", &last], &[]).done();
    }

    /// A code for a hub, made with further flags of `academy invite`.
    #[track_caller]
    pub(crate) fn invite(&self, name: &str, flags: &[&str]) -> String {
        let mut after = vec!["--name", name];
        after.extend(flags);
        let out = self.academy(&["invite"], &after).done();
        assert_eq!(out.lines().count(), 1, "the code alone: {out}");
        out.trim().to_owned()
    }

    /// Makes a hub's folder, which has not joined.
    #[track_caller]
    pub(crate) fn init_hub(&self, folder: &str, name: &str) -> PathBuf {
        let path = self.path(folder);
        folkmoot(&["hub", "init", "--data", text(&path), "--name", name, "--listen", "127.0.0.1:0"]).done();
        path
    }

    /// Makes a hub that has joined.
    #[track_caller]
    pub(crate) fn joined(&self, folder: &str, name: &str, flags: &[&str]) -> PathBuf {
        let path = self.init_hub(folder, name);
        let code = self.invite(name, flags);
        folkmoot(&["hub", "join", "--data", text(&path), &code]).done();
        path
    }

    /// Makes a hub that has joined, serves, and cannot be dialled: what it shares goes by way of the Academy.
    #[track_caller]
    pub(crate) fn hub_without_address(&self, folder: &str, name: &str) -> Hub {
        let path = self.path(folder);
        folkmoot(&["hub", "init", "--data", text(&path), "--name", name, "--listen", "0.0.0.0:0"]).done();
        folkmoot(&["hub", "join", "--data", text(&path), &self.invite(name, &[])]).done();
        Hub::serve(path)
    }

    /// Makes a hub that has joined and serves.
    #[track_caller]
    pub(crate) fn hub(&self, folder: &str, name: &str) -> Hub {
        Hub::serve(self.joined(folder, name, &[]))
    }

    /// The national report of a period, by indicator and category.
    #[track_caller]
    pub(crate) fn report(&self, period: &str) -> Report {
        let json = self.academy(&["report"], &["--period", period, "--format", "json"]).json(0);
        let mut lines = BTreeMap::new();
        for line in array(&json["indicators"]) {
            let breakdown = &line["breakdown"];
            let part = (!breakdown.is_null())
                .then(|| format!("{}/{}", string(&breakdown["dimension"]), string(&breakdown["category"])));
            let key = (string(&line["code"]), part);
            assert!(lines.insert(key, line.clone()).is_none(), "twice in the report: {line}");
        }
        Report { json, lines }
    }
}

/// A national report as JSON.
#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) json: Value,
    /// By code, and dimension and category for a breakdown: `gender/woman`.
    pub(crate) lines: BTreeMap<(String, Option<String>), Value>,
}

impl Report {
    /// The headline of an indicator.
    #[track_caller]
    pub(crate) fn headline(&self, code: &str) -> &Value {
        self.lines.get(&(code.to_owned(), None)).unwrap_or_else(|| panic!("no {code} in {:#}", self.json))
    }

    /// One line of the breakdown of people trained by gender.
    #[track_caller]
    pub(crate) fn gender(&self, category: &str) -> &Value {
        let key = ("people_trained".to_owned(), Some(format!("gender/{category}")));
        self.lines.get(&key).unwrap_or_else(|| panic!("no gender {category:?} in {:#}", self.json))
    }
}

/// A hub that serves.
#[derive(Debug)]
pub(crate) struct Hub {
    pub(crate) folder: PathBuf,
    pub(crate) node: Served,
}

impl Hub {
    /// Starts a hub's node.
    #[track_caller]
    pub(crate) fn serve(folder: PathBuf) -> Self {
        let node = Served::start(Role::Hub, &folder);
        Self { folder, node }
    }

    /// Runs a command on the hub: the words before `--data`, and those after.
    #[track_caller]
    pub(crate) fn run(&self, before: &[&str], after: &[&str]) -> Outcome {
        on_node("hub", &self.folder, before, after)
    }

    /// Imports a folder.
    #[track_caller]
    pub(crate) fn import(&self, sheets: &Path) -> Outcome {
        self.run(&["import"], &[text(sheets), "--format", "json"])
    }

    /// Begins a campaign and returns its resource name.
    #[track_caller]
    pub(crate) fn begin(&self, title: &str, members: &[&str], flags: &[&str]) -> String {
        // The members have joined, which the directory may not have told this hub yet.
        self.sync();
        let before: Vec<String> = Client::of(&self.folder).campaigns().into_iter().map(|known| known.name).collect();
        let mut words = vec!["--title", title];
        words.extend(members.iter().flat_map(|member| ["--member", member]));
        words.extend(flags);
        self.campaign(&["create"], &words).done();
        let known = Client::of(&self.folder).campaigns();
        let new: Vec<_> = known.into_iter().filter(|campaign| !before.contains(&campaign.name)).collect();
        assert_eq!(new.len(), 1, "one new campaign: {new:?}");
        new[0].name.clone()
    }

    /// Edits a campaign, as `--notes-append TEXT` and the like say.
    #[track_caller]
    pub(crate) fn edit(&self, campaign: &str, edit: &[&str]) {
        self.campaign(&["edit", id_of(campaign)], edit).done();
    }

    /// Runs `folkmoot campaign`: the words before `--data`, and those after.
    #[track_caller]
    pub(crate) fn campaign(&self, before: &[&str], after: &[&str]) -> Outcome {
        on_node("campaign", &self.folder, before, after)
    }

    /// Waits until the hub reads in a campaign what `so` asks for.
    #[track_caller]
    pub(crate) fn reads(&self, campaign: &str, what: &str, so: impl Fn(&Campaign) -> bool) -> Campaign {
        let client = Client::of(&self.folder);
        wait_until(what, || client.campaign(campaign).is_ok_and(|campaign| so(&campaign)));
        client.campaign(campaign).expect("a campaign")
    }

    /// Approves the release of a period.
    #[track_caller]
    pub(crate) fn approve(&self, period: &str) -> Outcome {
        self.run(&["release"], &["--period", period, "--approve"])
    }

    /// Waits until everything is acknowledged and held.
    #[track_caller]
    pub(crate) fn sync(&self) {
        sync(&self.folder).done();
    }

    /// The true figures of a period, by code.
    #[track_caller]
    pub(crate) fn indicators(&self, period: &str) -> BTreeMap<String, u64> {
        let json = self.run(&["indicators"], &["--period", period, "--format", "json"]).json(0);
        assert_eq!(json["period"], period, "{json}");
        let mut figures = BTreeMap::new();
        for indicator in array(&json["indicators"]) {
            let value = indicator["value"].as_u64().unwrap_or_else(|| panic!("no number: {indicator}"));
            assert!(figures.insert(string(&indicator["code"]), value).is_none(), "twice: {indicator}");
        }
        figures
    }

    /// Ends the node well and returns its folder.
    #[track_caller]
    pub(crate) fn stop(self) -> PathBuf {
        self.node.stop();
        self.folder
    }

    /// kill -9; returns the folder.
    pub(crate) fn kill(self) -> PathBuf {
        self.node.kill();
        self.folder
    }
}

/// The id in a campaign's resource name.
#[track_caller]
pub(crate) fn id_of(campaign: &str) -> &str {
    campaign.strip_prefix("campaigns/").expect("a campaign's name")
}

/// Every file in a folder, at whatever depth.
pub(crate) fn every_file(folder: &Path, each: &mut impl FnMut(&Path, &[u8])) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let entry = entry.expect("an entry");
        let kind = entry.file_type().expect("a type");
        if kind.is_dir() {
            every_file(&entry.path(), each);
        } else if kind.is_file() {
            each(&entry.path(), &fs::read(entry.path()).expect("a file"));
        }
    }
}

/// Has a node tell all that it can on stderr, from its next start on.
pub(crate) fn trace(folder: &Path) {
    let path = folder.join("folkmoot.toml");
    let settings = fs::read_to_string(&path).expect("settings");
    assert!(settings.contains("log = \"info\""), "{settings}");
    fs::write(path, settings.replace("log = \"info\"", "log = \"trace\"")).expect("settings");
}

/// `folkmoot sync --wait` with time enough for a busy machine.
#[track_caller]
pub(crate) fn sync(folder: &Path) -> Outcome {
    folkmoot(&["sync", "--data", text(folder), "--wait", "--timeout", "120"])
}

/// `folkmoot status`, as people read it.
#[track_caller]
pub(crate) fn status(folder: &Path) -> String {
    folkmoot(&["status", "--data", text(folder)]).done()
}

#[track_caller]
fn on_node(role: &str, folder: &Path, before: &[&str], after: &[&str]) -> Outcome {
    let mut arguments = vec![role];
    arguments.extend(before);
    arguments.extend(["--data", text(folder)]);
    arguments.extend(after);
    folkmoot(&arguments)
}

/// Copies a node's folder as it lies there, modes too; sockets cannot be copied and need not be.
#[track_caller]
pub(crate) fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    fs::set_permissions(to, fs::metadata(from).expect("metadata").permissions()).expect("modes");
    for entry in fs::read_dir(from).expect("a readable folder") {
        let entry = entry.expect("a readable folder");
        let kind = entry.file_type().expect("a type");
        let target = to.join(entry.file_name());
        if kind.is_dir() {
            copy_folder(&entry.path(), &target);
        } else if kind.is_file() {
            fs::copy(entry.path(), &target).expect("a copy");
        }
    }
}

/// Puts an older copy of a folder in the place of the newer one.
#[track_caller]
pub(crate) fn put_back(copy: &Path, folder: &Path) {
    fs::remove_dir_all(folder).expect("the newer folder");
    copy_folder(copy, folder);
}

/// The elements of a JSON array.
#[track_caller]
pub(crate) fn array(value: &Value) -> &[Value] {
    value.as_array().unwrap_or_else(|| panic!("no array: {value}"))
}

/// A JSON string.
#[track_caller]
pub(crate) fn string(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("no string: {value}")).to_owned()
}
