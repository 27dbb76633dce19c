//! Checking the national figures: an export of keys and releases, and every figure added up anew from it.

mod finding;
mod folder;
mod published;

use std::path::Path;

use folkmoot_domain::hub::HubKind;
use folkmoot_journal::FederationId;
use folkmoot_journal::export::{Examined, Noted};
use folkmoot_node::generated::node::node_service_client::NodeServiceClient;
use folkmoot_proto::node::v1::GetStatusRequest;
use serde_json::{Value, json};

use self::finding::Finding;
use crate::arguments::{Data, ExportFolder, Format, VerifyFolder};
use crate::connection;
use crate::failure::Failure;
use crate::figures::count;
use crate::output::{print, print_json, table, text};
use crate::shell;
use crate::times;

/// An export that fits, and how many figures were added up anew.
struct Verified {
    examined: Examined,
    periods: Vec<String>,
    figures: usize,
}

/// `academy export FOLDER`.
pub(crate) async fn export(arguments: ExportFolder, format: Format) -> Result<(), Failure> {
    let channel = connection::academy(&arguments.folder.data).await?;
    let written = folder::write(channel, &arguments.target).await?;
    match format {
        Format::Json => print_json(&json!({
            "folder": arguments.target.to_string_lossy(),
            "federation": written.federation.to_string(),
            "files": written.files,
            "bytes": written.bytes,
        })),
        Format::Table => print(&format!(
            "{} files, {} bytes, in {}. Anybody can check them: folkmoot verify {} --federation {}",
            count(written.files),
            count(written.bytes),
            arguments.target.display(),
            shell::path(&arguments.target),
            written.federation,
        )),
    }
}

/// `academy verify`: the export that the node hands out now, checked like anybody's.
pub(crate) async fn live(Data { data }: Data, format: Format) -> Result<(), Failure> {
    let channel = connection::academy(&data).await?;
    let status = NodeServiceClient::new(channel.clone()).get_status(GetStatusRequest {}).await?.into_inner();
    let federation = status.federation_id.parse().ok();
    let temporary = tempfile::Builder::new().prefix("folkmoot-verify-").tempdir();
    let temporary = temporary.map_err(Failure::file("make a folder in", &std::env::temp_dir()))?;
    let target = temporary.path().join("export");
    folder::write(channel, &target).await?;
    report(&target, federation, format)
}

/// `verify FOLDER`.
pub(crate) fn run(arguments: VerifyFolder, format: Format) -> Result<(), Failure> {
    report(&arguments.source, arguments.federation, format)
}

/// Checks a folder and says what was found.
fn report(source: &Path, federation: Option<FederationId>, format: Format) -> Result<(), Failure> {
    match verify(source, federation)? {
        Ok(verified) => match format {
            Format::Json => print_json(&verified_json(&verified)),
            Format::Table => print(&verified_text(&verified, federation.is_some())),
        },
        Err(finding) => {
            match format {
                Format::Json => print_json(&finding.json())?,
                Format::Table => print(&finding.text())?,
            }
            Err(Failure::DoesNotFit(format!("the export does not fit: {}", finding.line())))
        }
    }
}

/// Checks a folder: keys, chains and signatures first, then every national figure.
fn verify(source: &Path, federation: Option<FederationId>) -> Result<Result<Verified, Finding>, Failure> {
    let examined = match folder::examine(source, federation)? {
        Ok(examined) => examined,
        Err(finding) => return Ok(Err(finding)),
    };
    let Some(bytes) = folder::read(source, published::FILE)? else { return Ok(Err(finding::no_figures())) };
    let sums = published::sums(&examined);
    Ok(match published::compare(&bytes, examined.manifest.federation, &sums) {
        Ok(()) => {
            let figures = sums.values().map(|figures| figures.len()).sum();
            Ok(Verified { periods: sums.into_keys().collect(), examined, figures })
        }
        Err(finding) => Err(*finding),
    })
}

fn verified_text(verified: &Verified, asked: bool) -> String {
    let Verified { examined, periods, figures } = verified;
    let national = examined.standing.iter().filter(|release| release.kind == HubKind::National).count();
    let mut facts = table(&["Everything fits", ""]);
    facts.add_row(["Federation", &examined.manifest.federation.to_string()]);
    facts.add_row(["Academy", examined.genesis.name.as_str()]);
    facts.add_row(["As of", &times::minute(examined.manifest.minute)]);
    facts.add_row(["Logs checked", &count(examined.manifest.logs.len() as u64)]);
    facts.add_row(["Entries checked", &count(examined.entries)]);
    facts.add_row(["Releases that count", &count((examined.standing.len() - national) as u64)]);
    facts.add_row(["Figures added up anew", &format!("{} of {} periods", count(*figures as u64), periods.len())]);
    let mut out = text(facts, &[]);
    if !examined.noted.is_empty() {
        let mut aside = table(&["Set aside by the Academy", "Entry", "Why", "Seen here"]);
        for noted in &examined.noted {
            let seen = if noted.shown { "yes" } else { "no: on the Academy's word" };
            aside.add_row([
                log_of(examined, noted),
                noted.place.seq.to_string(),
                noted.reason.words().to_owned(),
                seen.to_owned(),
            ]);
        }
        out.push('\n');
        out.push_str(&text(aside, &[1]));
    }
    for held in examined.manifest.logs.iter().filter(|held| held.forked) {
        let log = held.log.topic.words(&examined.directory);
        out.push_str(&format!(
            "\nThe log {} of the {log} forks; it counts up to entry {}.\n",
            held.log.incarnation, held.seq
        ));
    }
    if !asked {
        out.push_str(
            "\nCompare the federation id with the one that the Academy publishes, or give it: --federation ID\n",
        );
    }
    out
}

fn log_of(examined: &Examined, noted: &Noted) -> String {
    noted.place.log.topic.words(&examined.directory)
}

fn verified_json(verified: &Verified) -> Value {
    let Verified { examined, periods, figures } = verified;
    let noted = examined.noted.iter().map(|noted| {
        json!({
            "log": log_of(examined, noted),
            "incarnation": noted.place.log.incarnation.to_string(),
            "entry": noted.place.seq,
            "reason": noted.reason.code(),
            "shown": noted.shown,
        })
    });
    json!({
        "fits": true,
        "federation": examined.manifest.federation.to_string(),
        "academy": examined.genesis.name.as_str(),
        "as_of": times::minute(examined.manifest.minute),
        "logs": examined.manifest.logs.len(),
        "forked": examined.manifest.logs.iter().filter(|held| held.forked).count(),
        "entries": examined.entries,
        "releases": examined.standing.iter().filter(|release| release.kind != HubKind::National).count(),
        "periods": periods,
        "figures": figures,
        "set_aside": noted.collect::<Vec<_>>(),
    })
}
