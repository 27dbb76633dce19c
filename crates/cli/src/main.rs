//! The `folkmoot` binary.

use std::process::ExitCode;

fn main() -> ExitCode {
    folkmoot_cli::main()
}
