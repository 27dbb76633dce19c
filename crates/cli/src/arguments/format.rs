//! How results are printed or written.

use clap::error::ErrorKind;
use clap::{CommandFactory as _, ValueEnum};

use super::{Academy, Arguments, Command, Statistics};

impl Arguments {
    /// Refuses a format of files for a command that writes none.
    ///
    /// # Errors
    /// As for any argument that does not fit.
    pub(crate) fn checked(self) -> Result<Arguments, clap::Error> {
        let writes_files = matches!(self.command, Command::Academy(Academy::Statistics(Statistics::Observations(_))));
        match self.format.printed() {
            None if !writes_files => Err(Arguments::command().error(
                ErrorKind::ArgumentConflict,
                "csv, parquet and sdmx-csv are formats of `folkmoot academy statistics`; this command prints table or json",
            )),
            Some(_) | None => Ok(self),
        }
    }
}

/// How results are printed, or written where they are files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum OutputFormat {
    Table,
    Json,
    Csv,
    Parquet,
    SdmxCsv,
}

/// How results are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    Table,
    Json,
}

impl OutputFormat {
    /// The format of a result that is printed; none where it is one of files.
    pub(crate) fn printed(self) -> Option<Format> {
        match self {
            OutputFormat::Table => Some(Format::Table),
            OutputFormat::Json => Some(Format::Json),
            OutputFormat::Csv | OutputFormat::Parquet | OutputFormat::SdmxCsv => None,
        }
    }
}
