//! The `folkmoot` command, built here so that `cargo test --workspace` has a binary to run.

use std::process::ExitCode;

fn main() -> ExitCode {
    folkmoot_cli::main()
}
