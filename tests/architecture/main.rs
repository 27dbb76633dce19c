//! The shape of the project, held by tests.

mod manifests;
mod map;
mod packages;
mod sources;

use std::fs;
use std::path::{Path, PathBuf};

/// The folder that holds everything.
fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ lies in the workspace").to_path_buf()
}

/// The names in a folder, in order.
fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| entry.expect("a readable folder").file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

/// The crates, by the names of their folders.
fn crates() -> Vec<String> {
    let folder = workspace().join("crates");
    names(&folder).into_iter().filter(|name| folder.join(name).join("Cargo.toml").exists()).collect()
}
