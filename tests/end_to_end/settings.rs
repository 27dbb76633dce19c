//! What a node refuses to start with, in words.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use crate::command::{folkmoot, text};
use crate::federation::status;
use crate::served::{Role, Served};

fn academy(home: &Path, name: &str) -> std::path::PathBuf {
    let folder = home.join(name);
    folkmoot(&["academy", "init", "--data", text(&folder), "--name", "Academy", "--listen", "127.0.0.1:0"]).done();
    folder
}

#[test]
fn an_unknown_key_is_named() {
    let home = tempfile::Builder::new().prefix("fm").tempdir().expect("a temporary folder");
    let folder = academy(home.path(), "A");
    let path = folder.join("folkmoot.toml");
    let good = fs::read_to_string(&path).expect("settings");
    for (added, named) in
        [("colour = \"red\"\n", "colour"), ("log = \"loud\"\n", "log"), ("this is no setting\n", "line")]
    {
        let without_log: String =
            good.lines().filter(|line| !line.starts_with("log ")).map(|line| format!("{line}\n")).collect();
        fs::write(&path, format!("{without_log}{added}")).expect("settings");
        let outcome = Served::start_with(Role::Academy, &folder, &[]).expect_err("refused");
        assert!(matches!(outcome.code, Some(1 | 2)), "{outcome}");
        assert!(outcome.err.contains(named), "{outcome}");
        fs::remove_file(crate::served::log_of(&folder)).expect("a log");
    }
    fs::write(&path, good).expect("settings");
    Served::start(Role::Academy, &folder).stop();
}

#[test]
fn a_folder_that_others_may_read_is_refused() {
    let home = tempfile::Builder::new().prefix("fm").tempdir().expect("a temporary folder");
    let folder = academy(home.path(), "A");
    for (path, open, closed) in [
        (folder.clone(), 0o755, 0o700),
        (folder.join("keys"), 0o750, 0o700),
        (folder.join("keys/tls.key"), 0o644, 0o600),
    ] {
        let set = |mode| fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("chmod");
        set(open);
        let outcome = Served::start_with(Role::Academy, &folder, &[]).expect_err("refused");
        outcome.fails(1, &["chmod"]);
        set(closed);
        fs::remove_file(crate::served::log_of(&folder)).expect("a log");
    }
    Served::start(Role::Academy, &folder).stop();
}

#[test]
fn a_path_too_long_for_a_socket_is_no_trap() {
    let home = tempfile::Builder::new().prefix("fm").tempdir().expect("a temporary folder");
    let long = home.path().join("a-long-name-".repeat(8)).join("another-long-name-".repeat(5));
    fs::create_dir_all(&long).expect("a folder");
    let folder = academy(&long, "A");
    match Served::start_with(Role::Academy, &folder, &[]) {
        Ok(node) => {
            assert!(status(&folder).contains("Academy"));
            node.stop();
        }
        // In words that say what is wrong.
        Err(outcome) => {
            outcome.fails(1, &["107", "path"]);
        }
    }
}
