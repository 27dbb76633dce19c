//! Exports of keys and releases: writing one, checking one.

use std::path::PathBuf;

use clap::Args;
use folkmoot_journal::FederationId;

use super::Data;

#[derive(Debug, Args)]
pub(crate) struct ExportFolder {
    /// The folder to write; empty or new
    #[arg(value_name = "FOLDER")]
    pub(crate) target: PathBuf,
    #[command(flatten)]
    pub(crate) folder: Data,
}

#[derive(Debug, Args)]
pub(crate) struct VerifyFolder {
    /// The folder of the export
    #[arg(value_name = "FOLDER")]
    pub(crate) source: PathBuf,
    /// The federation id that the Academy publishes; without it, compare the printed one by eye
    #[arg(long, value_name = "ID", value_parser = federation)]
    pub(crate) federation: Option<FederationId>,
}

fn federation(text: &str) -> Result<FederationId, String> {
    text.trim().parse().map_err(|_| "a federation id has 64 hexadecimal digits".to_owned())
}
