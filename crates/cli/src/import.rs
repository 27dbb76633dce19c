//! Imports a folder of CSV files: finds them, sends them to the node, says what became of every row.

mod numbering;
mod rejected;
mod sheet;

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::pin::pin;

use folkmoot_domain::import::File;
use folkmoot_node::generated::hub::record_service_client::RecordServiceClient;
use folkmoot_proto::hub::v1 as wire;
use folkmoot_proto::hub::v1::import_records_request::Part as Sent;
use folkmoot_proto::hub::v1::import_records_response::Part as Answered;
use serde_json::{Value, json};
use tokio::io::AsyncReadExt as _;
use tokio::sync::mpsc::{Sender, channel};
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::Channel;

use crate::arguments::{Format, Import};
use crate::connection;
use crate::failure::Failure;
use crate::figures::count;
use crate::output::{Progress, print, print_json, table, tell, text};
use crate::shell;

/// The largest piece of a file that the node takes at once.
const CHUNK: usize = 256 * 1024;
/// How many refused rows a table lists; the rest are in `rejected/` and in the JSON.
const LISTED: usize = 50;

/// The folder to import, and those of the ten files that are in it.
#[derive(Debug)]
struct Source {
    folder: PathBuf,
    files: Vec<File>,
    bytes: u64,
}

/// What became of every row.
#[derive(Debug, Default)]
struct Outcome {
    files: Vec<wire::FileResult>,
    refused: Vec<wire::RefusedRow>,
}

pub(crate) async fn run(arguments: Import, format: Format) -> Result<(), Failure> {
    let source = Source::find(&arguments.source)?;
    let data = &arguments.folder.data;
    if arguments.number {
        return number(&source, data, format);
    }
    let channel = connection::hub(data).await?;
    let outcome = send(channel, &source, arguments.dry_run).await?;
    // What was imported is told whether or not the refused rows could be written.
    let rejected = match arguments.dry_run {
        true => Ok(None),
        false => rejected::write(&source, &outcome.refused),
    };
    match format {
        Format::Json => print_json(&outcome.json())?,
        Format::Table => print(&outcome.text(rejected.as_ref().ok().and_then(Option::as_deref)))?,
    }
    let rejected = rejected.map_err(|failure| rejected::not_written(&failure))?;
    match outcome.refusal_words(arguments.dry_run) {
        None => Ok(()),
        Some(mut words) => {
            if let Some(folder) = rejected {
                words.push_str(&format!(
                    "\nMend the rows in {}, empty their `reason`, and run: folkmoot hub import --data {} {}",
                    folder.display(),
                    shell::path(data),
                    shell::path(&folder)
                ));
            }
            Err(Failure::RowsRefused(words))
        }
    }
}

fn number(source: &Source, data: &Path, format: Format) -> Result<(), Failure> {
    let numbered = numbering::write(source)?;
    let command = format!("folkmoot hub import --data {} {}", shell::path(data), shell::path(&numbered.folder));
    match format {
        Format::Json => print_json(&json!({
            "folder": numbered.folder.to_string_lossy(),
            "files": numbered.files.iter().map(|(file, refs)| json!({ "file": file.name(), "refs_added": refs })).collect::<Vec<_>>(),
            "command": command,
        })),
        Format::Table => {
            let mut lines = table(&["File", "Refs added"]);
            for (file, refs) in &numbered.files {
                lines.add_row([file.name().to_owned(), count(*refs)]);
            }
            print(&format!(
                "{}\nWritten to {}; nothing is imported yet. To import it: {command}\n",
                text(lines, &[1]),
                numbered.folder.display()
            ))
        }
    }
}

impl Source {
    fn find(folder: &Path) -> Result<Source, Failure> {
        let wrong =
            |what| Failure::Told(format!("{} {what}: give the folder that holds the CSV files", folder.display()));
        let entries = fs::read_dir(folder).map_err(|error| {
            if error.kind() == ErrorKind::NotFound {
                wrong("does not exist")
            } else if error.kind() == ErrorKind::NotADirectory {
                wrong("is a file")
            } else {
                Failure::file("read", folder)(error)
            }
        })?;
        let mut files = Vec::new();
        for entry in entries {
            let name = entry.map_err(Failure::file("read", folder))?.file_name();
            let Some(name) = name.to_str() else { continue };
            match File::from_name(name) {
                Some(file) => files.push(file),
                None => {
                    if let Some(why) = left_out(name) {
                        tell(&format!("{name} is left out: {why}"));
                    }
                }
            }
        }
        if files.is_empty() {
            let names: Vec<_> = File::ALL.into_iter().map(File::name).collect();
            return Err(Failure::Told(format!("{} holds none of {}", folder.display(), names.join(", "))));
        }
        files.sort_unstable();
        let mut source = Source { folder: folder.to_owned(), files, bytes: 0 };
        for &file in &source.files {
            let path = source.path(file);
            source.bytes += fs::metadata(&path).map_err(Failure::file("read", &path))?.len();
        }
        Ok(source)
    }

    fn path(&self, file: File) -> PathBuf {
        self.folder.join(file.name())
    }
}

/// What to say of a file of this name, which is none of an import's; nothing where it is no sheet at all.
fn left_out(name: &str) -> Option<String> {
    let name = name.to_lowercase();
    let (stem, ending) = name.rsplit_once('.')?;
    let meant = File::from_name(&format!("{}.csv", stem.trim().trim_end_matches(".csv").replace([' ', '-'], "_")));
    match (ending, meant) {
        ("csv", Some(file)) => Some(format!("to have it imported, rename it to {}", file.name())),
        ("csv", None) => Some("it is none of the files of an import".to_owned()),
        ("xlsx" | "xls" | "ods" | "numbers" | "tsv" | "txt", Some(file)) => {
            Some(format!("to have it imported, save it as {} (\"CSV UTF-8\")", file.name()))
        }
        _ => None,
    }
}

/// Sends every file and gathers the answer.
async fn send(channel: Channel, source: &Source, dry_run: bool) -> Result<Outcome, Failure> {
    let (sender, receiver) = self::channel(4);
    let progress = Progress::bytes(source.bytes);
    let mut client = RecordServiceClient::new(channel);
    let answer = async {
        let mut answer = client.import_records(ReceiverStream::new(receiver)).await?.into_inner();
        let mut outcome = Outcome::default();
        while let Some(piece) = answer.message().await? {
            outcome.take(piece, source.bytes, &progress);
        }
        Ok(outcome)
    };
    let mut answer = pin!(answer);
    // The sender lives until every byte is sent: a stream that ends early would look like whole, shorter files.
    tokio::select! {
        sent = send_files(source, dry_run, &sender, &progress) => sent?,
        outcome = &mut answer => return outcome,
    }
    drop(sender);
    answer.await
}

async fn send_files(
    source: &Source,
    dry_run: bool,
    sender: &Sender<wire::ImportRecordsRequest>,
    progress: &Progress,
) -> Result<(), Failure> {
    let piece = |part| wire::ImportRecordsRequest { part: Some(part) };
    // Once the node takes no more it has answered, and the answer says why.
    if sender.send(piece(Sent::Options(wire::ImportOptions { dry_run }))).await.is_err() {
        return Ok(());
    }
    let mut sent = 0;
    for &file in &source.files {
        let path = source.path(file);
        let mut reader = tokio::fs::File::open(&path).await.map_err(Failure::file("open", &path))?;
        let mut first = true;
        loop {
            let mut data = Vec::with_capacity(CHUNK);
            let mut most = (&mut reader).take(CHUNK as u64);
            most.read_to_end(&mut data).await.map_err(Failure::file("read", &path))?;
            if data.is_empty() && !first {
                break;
            }
            first = false;
            sent += data.len() as u64;
            progress.at(sent, &format!("sending {}", file.name()));
            let chunk = wire::FileChunk { file: file.name().to_owned(), data };
            if sender.send(piece(Sent::Chunk(chunk))).await.is_err() {
                return Ok(());
            }
        }
    }
    Ok(())
}

impl Outcome {
    fn take(&mut self, piece: wire::ImportRecordsResponse, bytes: u64, progress: &Progress) {
        match piece.part {
            Some(Answered::Progress(at)) => progress.at(at.bytes_done.min(bytes), &at.file),
            Some(Answered::Refused(row)) => self.refused.push(row),
            Some(Answered::Notice(notice)) => progress.note(&format!("{}: {}", notice.file, notice.text)),
            Some(Answered::Result(result)) => {
                if !progress.is_drawn() {
                    let rows = if result.read == 1 { "row" } else { "rows" };
                    tell(&format!("{}: {} {rows} read", result.file, count(result.read)));
                }
                self.files.push(result);
            }
            // A newer node may say more than this client understands.
            None => {}
        }
    }

    fn json(&self) -> Value {
        let file = |file: &wire::FileResult| {
            json!({
                "file": file.file,
                "read": file.read,
                "created": file.created,
                "updated": file.updated,
                "unchanged": file.unchanged,
                "refused": file.refused,
            })
        };
        let row = |row: &wire::RefusedRow| json!({ "file": row.file, "row": row.row, "field": row.field, "reason": row.reason });
        json!({
            "files": self.files.iter().map(file).collect::<Vec<_>>(),
            "refused": self.refused.iter().map(row).collect::<Vec<_>>(),
        })
    }

    fn text(&self, rejected: Option<&Path>) -> String {
        let mut lines = table(&["File", "Read", "Created", "Updated", "Unchanged", "Refused"]);
        for file in &self.files {
            let counts = [file.read, file.created, file.updated, file.unchanged, file.refused];
            lines.add_row([file.file.clone()].into_iter().chain(counts.into_iter().map(count)));
        }
        let mut out = text(lines, &[1, 2, 3, 4, 5]);
        if self.refused.is_empty() {
            return out;
        }
        let mut rows = table(&["File", "Row", "Field", "Reason"]);
        for row in self.refused.iter().take(LISTED) {
            let number = if row.row == 0 { "whole file".to_owned() } else { count(row.row) };
            rows.add_row([&row.file, &number, &row.field, &row.reason]);
        }
        out.push_str(&format!("\nRefused:\n\n{}", text(rows, &[1])));
        if let Some(more) = self.refused.len().checked_sub(LISTED).filter(|more| *more > 0) {
            let more = count(more as u64);
            out.push_str(&match rejected {
                Some(folder) => format!("and {more} more; all are in {}\n", folder.display()),
                None => format!("and {more} more; --format json lists all\n"),
            });
        }
        out
    }

    /// How much was refused, in words; nothing where nothing was.
    fn refusal_words(&self, dry_run: bool) -> Option<String> {
        let rows: u64 = self.files.iter().map(|file| file.refused).sum();
        let files = self.refused.iter().filter(|row| row.row == 0).map(|row| row.file.as_str());
        let mut files: Vec<_> = files.collect();
        files.dedup();
        let others = if dry_run { "all others can be taken; nothing was written" } else { "all others were taken" };
        let mut words = Vec::new();
        match rows {
            0 => {}
            1 => words.push(format!("1 row was refused; {others}.")),
            rows => words.push(format!("{} rows were refused; {others}.", count(rows))),
        }
        if !files.is_empty() {
            words.push(format!("Not taken at all: {}.", files.join(", ")));
        }
        if words.is_empty() && !self.refused.is_empty() {
            words.push("Some rows were refused.".to_owned());
        }
        (!words.is_empty()).then(|| words.join(" "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(file: &str, row: u64, field: &str, reason: &str) -> wire::RefusedRow {
        wire::RefusedRow { file: file.into(), row, field: field.into(), reason: reason.into() }
    }

    fn result(file: &str, read: u64, refused: u64) -> wire::FileResult {
        wire::FileResult { file: file.into(), read, created: read - refused, refused, ..wire::FileResult::default() }
    }

    #[test]
    fn a_folder_that_cannot_be_imported_is_refused_in_words() {
        let home = tempfile::tempdir().expect("a folder");
        let file = home.path().join("notes.txt");
        fs::write(&file, "x").expect("a file");
        for (path, expected) in [
            (home.path().join("nowhere"), "does not exist"),
            (file, "is a file"),
            (home.path().to_owned(), "holds none of people.csv, trainers.csv"),
        ] {
            let failure = Source::find(&path).expect_err("nothing to import");
            assert!(failure.to_string().contains(expected), "{failure}");
            assert_eq!(failure.exit_status(), 1);
        }
    }

    #[test]
    fn the_files_that_are_there_are_found_in_order() {
        let home = tempfile::tempdir().expect("a folder");
        for name in ["funding.csv", "people.csv", "visits.csv", "readme.txt"] {
            fs::write(home.path().join(name), "12345").expect("a file");
        }
        let source = Source::find(home.path()).expect("two files");
        assert_eq!((source.files, source.bytes), (vec![File::People, File::Funding], 10));
    }

    #[test]
    fn a_file_that_is_nearly_one_of_the_import_says_how_to_become_one() {
        for (name, expected) in [
            ("People.csv", Some("to have it imported, rename it to people.csv")),
            ("people.CSV", Some("to have it imported, rename it to people.csv")),
            ("Listening campaigns.csv", Some("to have it imported, rename it to listening_campaigns.csv")),
            ("people.csv.csv", Some("to have it imported, rename it to people.csv")),
            ("people.xlsx", Some("to have it imported, save it as people.csv (\"CSV UTF-8\")")),
            ("people.csv.txt", Some("to have it imported, save it as people.csv (\"CSV UTF-8\")")),
            ("visits.csv", Some("it is none of the files of an import")),
            ("readme.txt", None),
            ("budget.xlsx", None),
            ("rejected", None),
        ] {
            assert_eq!(left_out(name).as_deref(), expected, "{name}");
        }
    }

    #[test]
    fn every_refusal_is_told() {
        let outcome = Outcome {
            files: vec![result("people.csv", 1_200, 2), result("funding.csv", 0, 0)],
            refused: vec![
                refused("people.csv", 1_017, "birth_year", "four digits, please"),
                refused("people.csv", 1_018, "", "columns missing: name"),
                refused("funding.csv", 0, "", "the column date is missing"),
            ],
        };
        let text = outcome.text(None);
        for expected in
            ["1,198", "1,017", "birth_year", "four digits, please", "whole file", "the column date is missing"]
        {
            assert!(text.contains(expected), "{expected} in\n{text}");
        }
        assert_eq!(
            outcome.refusal_words(false).expect("rows were refused"),
            "2 rows were refused; all others were taken. Not taken at all: funding.csv."
        );
        assert_eq!(
            outcome.json()["refused"][0],
            json!({ "file": "people.csv", "row": 1_017, "field": "birth_year", "reason": "four digits, please" })
        );
        assert_eq!(
            outcome.json()["files"][0],
            json!({ "file": "people.csv", "read": 1_200, "created": 1_198, "updated": 0, "unchanged": 0, "refused": 2 })
        );
    }

    #[test]
    fn a_table_lists_the_first_refusals_and_says_where_the_rest_are() {
        let row = |row| refused("people.csv", row, "ref", "is missing");
        let outcome = Outcome { files: vec![result("people.csv", 60, 60)], refused: (1..=60).map(row).collect() };
        assert!(
            outcome.text(Some(Path::new("sheets/rejected"))).ends_with("and 10 more; all are in sheets/rejected\n")
        );
        let outcome = Outcome { refused: (1..=50).map(row).collect(), ..Outcome::default() };
        assert!(!outcome.text(None).contains("more"));
    }
}
