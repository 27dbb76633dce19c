//! The generated code that is committed is what `proto/` generates.
//!
//! `FOLKMOOT_REGENERATE=1 cargo test -p folkmoot-proto` writes it anew.

use std::fs;
use std::path::{Path, PathBuf};

use prost::Message as _;

const PACKAGES: [&str; 4] = ["academy", "federation", "hub", "node"];

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).expect("a crate lies two folders down").to_path_buf()
}

fn proto_files(root: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = PACKAGES
        .iter()
        .flat_map(|package| fs::read_dir(root.join("folkmoot").join(package).join("v1")).expect("a package folder"))
        .map(|entry| entry.expect("a readable folder").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "proto"))
        .collect();
    files.sort();
    files
}

/// Generates messages into `messages`, service stubs and the descriptor set into `services`.
fn generate(messages: &Path, services: &Path) {
    let root = workspace().join("proto");
    let descriptors = protox::Compiler::new([&root])
        .expect("a readable proto folder")
        .include_imports(true)
        .include_source_info(true)
        .open_files(proto_files(&root))
        .expect("proto files that compile")
        .file_descriptor_set();

    let mut config = prost_build::Config::new();
    config.out_dir(messages);
    config.compile_fds(descriptors.clone()).expect("generated messages");

    let mut builder = tonic_prost_build::configure().out_dir(services).build_transport(false);
    for package in PACKAGES {
        builder = builder.extern_path(format!(".folkmoot.{package}.v1"), format!("::folkmoot_proto::{package}::v1"));
    }
    builder.compile_fds(descriptors.clone()).expect("generated services");

    let mut lean = descriptors;
    for file in &mut lean.file {
        file.source_code_info = None;
    }
    fs::write(services.join("descriptors.bin"), lean.encode_to_vec()).expect("a writable folder");
    // Packages without services of their own leave empty files behind, as do the well-known types.
    for folder in [messages, services] {
        for entry in fs::read_dir(folder).expect("a readable folder") {
            let path = entry.expect("a readable folder").path();
            if fs::read_to_string(&path).is_ok_and(|text| !text.lines().any(|line| line.contains("pub "))) {
                fs::remove_file(path).expect("a removable file");
            }
        }
    }
}

fn listing(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut files: Vec<_> = fs::read_dir(folder)
        .expect("a folder of generated code")
        .map(|entry| entry.expect("a readable folder"))
        .map(|entry| {
            (entry.file_name().to_string_lossy().into_owned(), fs::read(entry.path()).expect("a readable file"))
        })
        .collect();
    files.sort();
    files
}

#[test]
fn generated_code_matches_the_protocol() {
    let committed = [workspace().join("crates/proto/src/gen"), workspace().join("crates/node/src/gen")];
    if std::env::var_os("FOLKMOOT_REGENERATE").is_some() {
        generate(&committed[0], &committed[1]);
        return;
    }
    let fresh = tempfile::tempdir().expect("a temporary folder");
    let folders = [fresh.path().join("messages"), fresh.path().join("services")];
    for folder in &folders {
        fs::create_dir(folder).expect("a temporary folder");
    }
    generate(&folders[0], &folders[1]);
    for (committed, fresh) in committed.iter().zip(&folders) {
        let (committed_files, fresh_files) = (listing(committed), listing(fresh));
        let names = |files: &[(String, Vec<u8>)]| files.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>();
        assert_eq!(names(&committed_files), names(&fresh_files), "files in {}", committed.display());
        for ((name, old), (_, new)) in committed_files.iter().zip(&fresh_files) {
            assert!(
                old == new,
                "{}/{name} is stale: FOLKMOOT_REGENERATE=1 cargo test -p folkmoot-proto",
                committed.display()
            );
        }
    }
}
