//! The `folkmoot` command: arguments in, calls to a node's own interface, results out.
//!
//! What is not here: a way to the store, a rule about records or figures, a decision about what may leave. `init`, `join`
//! and `serve` are the node's own; every other command is a client that any other program could be.

mod academy;
mod arguments;
mod breakdown;
mod campaign;
mod connection;
mod curriculum;
mod demo;
mod failure;
mod figures;
mod import;
mod indicators;
mod nodes;
mod output;
mod person;
mod policy;
mod release;
mod report;
mod shell;
mod statistics;
mod status;
mod sync;
mod times;
mod verify;

#[cfg(test)]
mod tests;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::Parser as _;
use tokio::runtime::Builder;

use crate::arguments::{Academy, Arguments, Command, Format, Hub, Person};
use crate::failure::Failure;
use crate::output::tell;

/// Runs the command that this process was started with.
///
/// The exit status: 0 done, 1 failed, 2 usage, 3 rows refused, 4 timed out.
pub fn main() -> ExitCode {
    run(std::env::args_os())
}

/// Runs one command line, of which the first word is the program's name.
pub fn run(words: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments = match Arguments::try_parse_from(words).and_then(Arguments::checked) {
        Ok(arguments) => arguments,
        Err(error) => {
            // A reader of the help that has gone is no failure.
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    let Err(failure) = perform(arguments) else {
        return ExitCode::SUCCESS;
    };
    let prefix = if failure.is_partial() { "" } else { "error: " };
    tell(&format!("{prefix}{}", failure.message()));
    failure.exit_code()
}

fn perform(Arguments { format: output, command }: Arguments) -> Result<(), Failure> {
    // What the other formats are for was checked with the arguments.
    let format = output.printed().unwrap_or(Format::Json);
    match command {
        Command::Academy(Academy::Init(arguments)) => nodes::init_academy(arguments, format),
        Command::Academy(Academy::Serve(arguments)) => nodes::serve_academy(arguments),
        Command::Academy(Academy::Programme(command)) => wait(academy::programme(command, format)),
        Command::Academy(Academy::Policy(command)) => wait(policy::academy(command, format)),
        Command::Academy(Academy::Invite(arguments)) => wait(academy::invite(arguments, format)),
        Command::Academy(Academy::Hub(command)) => wait(academy::hub(command, format)),
        Command::Academy(Academy::Publish(arguments)) => wait(curriculum::publish(arguments, format)),
        Command::Academy(Academy::Retire(arguments)) => wait(curriculum::retire(arguments, format)),
        Command::Academy(Academy::Appoint(arguments)) => wait(campaign::appoint(arguments, format)),
        Command::Academy(Academy::Statistics(command)) => wait(statistics::run(command, output)),
        Command::Academy(Academy::Export(arguments)) => wait(verify::export(arguments, format)),
        Command::Academy(Academy::Verify(arguments)) => wait(verify::live(arguments, format)),
        Command::Hub(Hub::Init(arguments)) => nodes::init_hub(arguments, format),
        Command::Hub(Hub::Join(arguments)) => wait(nodes::join(arguments, format)),
        Command::Hub(Hub::Serve(arguments)) => nodes::serve_hub(arguments),
        Command::Hub(Hub::Import(arguments)) => wait(import::run(arguments, format)),
        Command::Hub(Hub::Indicators(arguments)) => wait(indicators::run(arguments, format)),
        Command::Hub(Hub::Release(arguments)) => wait(release::run(arguments, format)),
        Command::Hub(Hub::Policy(arguments)) => wait(policy::hub(arguments, format)),
        Command::Hub(Hub::Person(Person::Show(arguments))) => wait(person::show(arguments, format)),
        Command::Curriculum(command) => wait(curriculum::run(command, format)),
        Command::Campaign(command) => wait(campaign::run(command, format)),
        Command::Verify(arguments) => verify::run(arguments, format),
        Command::Sync(arguments) => wait(sync::run(arguments, format)),
        Command::Status(arguments) => wait(status::run(arguments, format)),
        Command::Demo(arguments) => wait(demo::run(arguments)),
    }
}

/// Runs a command that talks to a node. A node itself brings a runtime of its own.
fn wait(work: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    Builder::new_current_thread().enable_all().build().map_err(Failure::Runtime)?.block_on(work)
}
