//! Reads the sheets of an import, row by row, into the hub's store, batch by batch, and tells how it goes.

use std::io;
use std::panic::resume_unwind;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use folkmoot_domain::import::{CheckedRow, Columns, File as Sheet, Violation, check_row};
use folkmoot_proto::hub::v1 as proto;
use folkmoot_proto::hub::v1::import_records_response::Part;
use folkmoot_store::hub::{ImportRun, Writer};
use folkmoot_store::{HubStore, StoreError};

use super::spool::Spool;
use crate::csv::{Records, first_line_not_utf8};

/// Rows that share one durable transaction, and the bytes of their fields after which no more are added.
const BATCH_ROWS: usize = 2_000;
const BATCH_BYTES: usize = 1 << 20;
/// How long to say nothing after a progress message.
const PROGRESS_PAUSE: Duration = Duration::from_millis(50);

/// Why an import broke off. What was committed stays; importing again goes on from there.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Broken {
    /// Nobody listens any more.
    #[error("the caller went away")]
    CallerGone,
    /// The spooled files cannot be read.
    #[error("the files cannot be read back from the data folder: import again")]
    Disk(#[source] io::Error),
    /// The store failed.
    #[error("the store cannot take the records")]
    Store(#[source] StoreError),
}

/// One import at work.
pub(crate) struct Import<'a, T> {
    hub: &'a HubStore,
    spool: &'a Spool,
    dry_run: bool,
    run: ImportRun,
    progress: proto::ImportProgress,
    last_progress: Option<Instant>,
    tell: T,
}

/// Rows on their way into one transaction.
#[derive(Default)]
struct Batch {
    rows: Vec<(u64, CheckedRow)>,
    refused: Vec<(u64, Violation)>,
    /// How far the sheet was read.
    position: u64,
}

impl<'a, T: FnMut(Part) -> Result<(), Broken>> Import<'a, T> {
    /// An import of what lies in the spool. `tell` hands each piece of the answer to the caller.
    pub(crate) fn new(hub: &'a HubStore, spool: &'a Spool, writer: Writer, dry_run: bool, tell: T) -> Self {
        let bytes_total = spool.sheets().iter().map(|(_, size)| size).sum();
        let progress = proto::ImportProgress { bytes_total, ..Default::default() };
        Self { hub, spool, dry_run, run: ImportRun::new(writer), progress, last_progress: None, tell }
    }

    /// Reads every sheet, in the order in which references resolve.
    ///
    /// # Errors
    /// Where the import cannot go on; a row or sheet that is refused is no error.
    pub(crate) fn run(mut self) -> Result<(), Broken> {
        for name in self.spool.left_out() {
            let known: Vec<&str> = Sheet::ALL.into_iter().map(Sheet::name).collect();
            self.notice(name, format!("left out: the import takes {}", known.join(", ")))?;
        }
        for (sheet, size) in self.spool.sheets() {
            let bytes_before = self.progress.bytes_done;
            self.progress.file = sheet.name().to_owned();
            let result = self.sheet(sheet)?;
            self.progress.bytes_done = bytes_before + size;
            self.progress(true)?;
            (self.tell)(Part::Result(result))?;
        }
        Ok(())
    }

    fn sheet(&mut self, sheet: Sheet) -> Result<proto::FileResult, Broken> {
        let mut result = proto::FileResult { file: sheet.name().to_owned(), ..Default::default() };
        let open = || self.spool.open(sheet).map_err(Broken::Disk);
        if let Some(line) = first_line_not_utf8(open()?).map_err(Broken::Disk)? {
            let words =
                format!("line {line} is not UTF-8; nothing of the file was taken: save the sheet as \"CSV UTF-8\"");
            self.refuse_sheet(sheet, vec![Violation::whole(words)])?;
            return Ok(result);
        }
        let mut records = Records::new(open()?);
        let Some(columns) = self.columns(sheet, &mut records)? else { return Ok(result) };
        let bytes_before = self.progress.bytes_done;
        // The next rows are read and checked while the store writes those before them.
        let (batches, read) = sync_channel(0);
        thread::scope(|scope| {
            let reading = scope.spawn(move || batch_up(records, &columns, &batches));
            for batch in read {
                let position = batch.position;
                self.commit(sheet, batch, &mut result)?;
                self.progress.bytes_done = bytes_before + position;
                self.progress(false)?;
            }
            reading.join().unwrap_or_else(|panic| resume_unwind(panic)).map_err(Broken::Disk)
        })?;
        Ok(result)
    }

    /// Reads the header; nothing where the sheet is refused for it.
    fn columns(&mut self, sheet: Sheet, records: &mut Records<impl io::BufRead>) -> Result<Option<Columns>, Broken> {
        let header = records.read().map_err(Broken::Disk)?;
        if let Some(fault) = header.as_ref().and_then(|header| header.fault) {
            let words = format!("the first line, which names the columns: {}", fault.words());
            self.refuse_sheet(sheet, vec![Violation::whole(words)])?;
            return Ok(None);
        }
        match Columns::read(sheet, &header.map_or_else(Vec::new, |header| header.fields)) {
            Ok((columns, unknown)) => {
                if !unknown.is_empty() {
                    let words = match unknown.as_slice() {
                        [one] => format!("the column {one} is not known and was left out"),
                        several => format!("the columns {} are not known and were left out", several.join(", ")),
                    };
                    self.notice(sheet.name(), words)?;
                }
                Ok(Some(columns))
            }
            Err(violations) => {
                self.refuse_sheet(sheet, violations)?;
                Ok(None)
            }
        }
    }

    /// Hands rows to the store, which answers once they are durable, and tells which were refused.
    fn commit(&mut self, sheet: Sheet, batch: Batch, result: &mut proto::FileResult) -> Result<(), Broken> {
        let Batch { rows, mut refused, .. } = batch;
        let read = (rows.len() + refused.len()) as u64;
        if !rows.is_empty() {
            let outcome = self.hub.import_batch(&mut self.run, sheet, rows, self.dry_run).map_err(Broken::Store)?;
            result.created += outcome.created;
            result.updated += outcome.updated;
            result.unchanged += outcome.unchanged;
            refused.extend(outcome.refused);
        }
        refused.sort_by_key(|(row, _)| *row);
        result.read += read;
        result.refused += refused.chunk_by(|one, next| one.0 == next.0).count() as u64;
        self.progress.rows_done += read;
        for (row, violation) in refused {
            self.refuse(sheet, row, violation)?;
        }
        Ok(())
    }

    /// Refuses a whole sheet, and lets rows that point into it say so.
    fn refuse_sheet(&mut self, sheet: Sheet, violations: Vec<Violation>) -> Result<(), Broken> {
        self.run.refuse_file(sheet);
        violations.into_iter().try_for_each(|violation| self.refuse(sheet, 0, violation))
    }

    fn refuse(&mut self, sheet: Sheet, row: u64, violation: Violation) -> Result<(), Broken> {
        let Violation { field, reason } = violation;
        (self.tell)(Part::Refused(proto::RefusedRow { file: sheet.name().to_owned(), row, field, reason }))
    }

    fn notice(&mut self, file: &str, text: String) -> Result<(), Broken> {
        (self.tell)(Part::Notice(proto::FileNotice { file: file.to_owned(), text }))
    }

    /// Says how far the import is: always when `due`, else not too often.
    fn progress(&mut self, due: bool) -> Result<(), Broken> {
        let now = Instant::now();
        if !due && self.last_progress.is_some_and(|last| now - last < PROGRESS_PAUSE) {
            return Ok(());
        }
        self.last_progress = Some(now);
        (self.tell)(Part::Progress(self.progress.clone()))
    }
}

/// Reads and checks the rows of a sheet, batch by batch, until its end or until nobody takes them any more.
fn batch_up(
    mut records: Records<impl io::BufRead>,
    columns: &Columns,
    batches: &SyncSender<Batch>,
) -> Result<(), io::Error> {
    let (mut batch, mut bytes) = (Batch::default(), 0);
    while let Some(record) = records.read()? {
        if let Some(fault) = record.fault {
            batch.refused.push((record.number, Violation::whole(fault.words())));
        } else if let Some(row) = check_row(columns, &record.fields) {
            bytes += record.fields.iter().map(|field| field.len()).sum::<usize>();
            batch.rows.push((record.number, row));
        } else {
            continue;
        }
        if batch.rows.len() + batch.refused.len() >= BATCH_ROWS || bytes >= BATCH_BYTES {
            batch.position = records.position();
            if batches.send(std::mem::take(&mut batch)).is_err() {
                return Ok(());
            }
            bytes = 0;
        }
    }
    batch.position = records.position();
    // Where nobody takes it, the import has ended.
    let _ = batches.send(batch);
    Ok(())
}
