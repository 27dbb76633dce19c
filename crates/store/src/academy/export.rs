//! An export of keys and releases, with the national figures, as of one moment.

use folkmoot_domain::calendar::Period;
use folkmoot_journal::export::{HeldLog, Manifest};

use super::AcademyStore;
use super::report::{Line, open_ended_in, report_in};
use super::reported::periods_in;
use crate::error::StoreError;
use crate::journal::{directory_in, export};

/// What an export holds beside the entries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Export {
    /// The manifest, signed: the bytes of its file.
    pub manifest: String,
    /// The logs that it names, in order.
    pub logs: Vec<HeldLog>,
    /// The national figures of every period of which a release is held.
    pub figures: Vec<(Period, Vec<Line>)>,
}

impl AcademyStore {
    /// Signs for all that is held of the directory and of releases, and adds the figures up, as of one commit.
    ///
    /// # Errors
    /// [`StoreError::NoAuthor`] and [`StoreError::NotJoined`] before the federation is founded; failures of the database.
    pub fn export(&self) -> Result<Export, StoreError> {
        let author = self.store.author().ok_or(StoreError::NoAuthor)?;
        // No clock of a node shows a minute beyond the year 10,000.
        let minute = u32::try_from(self.store.now().0.div_euclid(60_000)).unwrap_or_default();
        self.store.read("academy export", move |connection| {
            let directory = directory_in(connection)?;
            let logs = export::held_logs(connection)?;
            let figures = periods_in(connection)?.into_iter().map(|period| {
                let mut lines = report_in(connection, &directory, &period)?.lines;
                lines.extend(open_ended_in(connection, &directory, &period)?);
                Ok((period, lines))
            });
            let figures = figures.collect::<Result<_, StoreError>>()?;
            let (federation, academy) = (author.federation, author.key.id());
            let manifest = Manifest { federation, academy, minute, logs };
            Ok(Export { manifest: manifest.sign(&author), logs: manifest.logs, figures })
        })
    }

    /// The next bytes of the file of a log's entries after the number `after`, and the number of the last entry in them;
    /// no bytes after the last that the export names.
    ///
    /// # Errors
    /// [`StoreError::ExportOvertaken`]; failures of the database.
    pub fn exported_entries(&self, held: &HeldLog, after: u64, max_bytes: usize) -> Result<(Vec<u8>, u64), StoreError> {
        self.store.read("exported entries", |connection| export::entries(connection, held, after, max_bytes))
    }

    /// The bytes of the file that proves that a log forks.
    ///
    /// # Errors
    /// [`StoreError::ExportOvertaken`]; failures of the database.
    pub fn exported_fork(&self, held: &HeldLog) -> Result<Vec<u8>, StoreError> {
        self.store.read("exported fork", |connection| export::fork(connection, held))
    }
}
