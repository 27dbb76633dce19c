//! Taking rows of an import: what they point at, whether they are new, and what they change.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use folkmoot_domain::import::{CheckedRow, File, Pointer, RowKey, Violation};
use folkmoot_domain::record::{Record, Reference};
use rusqlite::Connection;
use rusqlite::types::Value;

use super::contribution::{Adding, Turn};
use super::table::{Kind, Shelf, Table, key_of, table};
use super::{HubStore, Writer, figures};
use crate::engine::Tx;
use crate::error::StoreError;

/// One import of a folder: which rows it has met so far. It lives in memory only: an import that broke off is begun anew,
/// and finds what it had written unchanged.
///
/// Files come in the order of [`File::ALL`], each whole before the next; only what later rows may point at is kept.
pub struct ImportRun {
    writer: Writer,
    seen: Arc<Seen>,
    current: Option<File>,
}

impl ImportRun {
    /// Begins an import that `writer` asked for.
    #[must_use]
    pub fn new(writer: Writer) -> Self {
        Self { writer, seen: Arc::default(), current: None }
    }

    /// Notes that a whole file was refused, so that rows which point into it can say so.
    pub fn refuse_file(&mut self, file: File) {
        Arc::make_mut(&mut self.seen).refused_files.push(file);
    }

    fn enter(&mut self, file: File) {
        if let Some(previous) = self.current.replace(file)
            && previous != file
            && !is_pointed_at(previous)
        {
            Arc::make_mut(&mut self.seen).keys.remove(&previous);
        }
    }

    /// The files whose rows are remembered.
    #[cfg(test)]
    pub(super) fn met_files(&self) -> Vec<File> {
        File::ALL.into_iter().filter(|file| self.seen.keys.contains_key(file)).collect()
    }

    fn note(&mut self, file: File, keys: Keys) {
        Arc::make_mut(&mut self.seen).keys.entry(file).or_default().extend(keys);
    }
}

/// What became of the rows of one batch.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BatchOutcome {
    /// Rows that made a new record.
    pub created: u64,
    /// Rows that changed a record.
    pub updated: u64,
    /// Rows whose record was the same already.
    pub unchanged: u64,
    /// Everything that is wrong with the rows that were not taken, by row number, in the order of the rows.
    pub refused: Vec<(u64, Violation)>,
}

impl HubStore {
    /// Takes a batch of rows of one file, each with its number in the file: resolves what they point at, first in the
    /// tables, which earlier imports filled, and then in this run, and writes the good ones with the figures that they change, in one transaction.
    /// A `dry_run` writes nothing and says the same.
    ///
    /// # Errors
    /// Failures of the database; then nothing of the batch was written, and the run does not know its rows.
    pub fn import_batch(
        &self,
        run: &mut ImportRun,
        file: File,
        rows: Vec<(u64, CheckedRow)>,
        dry_run: bool,
    ) -> Result<BatchOutcome, StoreError> {
        run.enter(file);
        let (seen, writer) = (Arc::clone(&run.seen), run.writer);
        let batch = move |connection: &Connection, tx: Option<&Tx<'_>>| {
            let mut batch = Batch::new(connection, tx, &seen, file, writer)?;
            for (number, row) in rows {
                batch.take(number, row)?;
            }
            batch.finish()
        };
        let (outcome, keys) = if dry_run {
            self.store.read("hub import dry run", |connection| batch(connection, None))?
        } else {
            self.store.write("hub import", move |tx| batch(tx, Some(tx)))?
        };
        run.note(file, keys);
        Ok(outcome)
    }
}

/// Whether rows of other files point at rows of this one.
fn is_pointed_at(file: File) -> bool {
    match file {
        File::People | File::Sessions | File::ListeningCampaigns | File::Actions => true,
        File::Trainers
        | File::Attendances
        | File::Listenings
        | File::Participations
        | File::Projects
        | File::Funding => false,
    }
}

/// What is left of a row's key: refs can be long, and an import can have millions of them.
type KeyHash = [u64; 2];

type Keys = HashMap<KeyHash, Met, BuildHasherDefault<DefaultHasher>>;

/// The first row that had a key.
#[derive(Clone, Copy)]
struct Met {
    row: u64,
    refused: bool,
}

#[derive(Clone, Default)]
struct Seen {
    keys: HashMap<File, Keys>,
    refused_files: Vec<File>,
}

impl Seen {
    fn get(&self, file: File, hash: &KeyHash) -> Option<Met> {
        self.keys.get(&file)?.get(hash).copied()
    }
}

fn hash(key: &str) -> KeyHash {
    // Two halves, so that no two refs of a hub ever fall together by chance.
    [0_u8, 1].map(|half| {
        let mut hasher = DefaultHasher::new();
        half.hash(&mut hasher);
        key.hash(&mut hasher);
        hasher.finish()
    })
}

/// In a dry run, the `key` of a row that was accepted and is not written. No stored row has it.
const NOT_WRITTEN: i64 = 0;

enum Change {
    Created,
    Updated,
    Unchanged,
}

struct Batch<'a> {
    connection: &'a Connection,
    /// `None`: a dry run.
    tx: Option<&'a Tx<'a>>,
    seen: &'a Seen,
    file: File,
    writer: Writer,
    table: &'static Table,
    shelf: Shelf<'a>,
    /// The `key`s of rows that this batch points at.
    targets: HashMap<(File, Reference), i64>,
    keys: Keys,
    adding: Adding<'a>,
    outcome: BatchOutcome,
}

impl<'a> Batch<'a> {
    fn new(
        connection: &'a Connection,
        tx: Option<&'a Tx<'a>>,
        seen: &'a Seen,
        file: File,
        writer: Writer,
    ) -> Result<Self, StoreError> {
        Ok(Self {
            connection,
            tx,
            seen,
            file,
            writer,
            table: table(file),
            shelf: Shelf::of(connection, file)?,
            targets: HashMap::new(),
            keys: Keys::default(),
            adding: Adding::new(connection),
            outcome: BatchOutcome::default(),
        })
    }

    fn take(&mut self, number: u64, row: CheckedRow) -> Result<(), StoreError> {
        let CheckedRow { key, pointers, record } = row;
        let (record, mut violations) = match record {
            Ok(record) => (Some(record), Vec::new()),
            Err(violations) => (None, violations),
        };
        let mut targets = Vec::with_capacity(pointers.len());
        for pointer in pointers {
            let field = pointer.field;
            match self.resolve(pointer)? {
                Ok(target) => targets.push((field, target)),
                Err(reason) => violations.push(Violation::field(field, reason)),
            }
        }
        let met = key.as_ref().and_then(|key| self.met(self.file, key.as_str()));
        if let Some(first) = met {
            violations.push(self.twice(first.row));
        }
        let accepted = record.filter(|_| violations.is_empty());
        if let (None, Some(key)) = (met, &key) {
            self.keys.insert(hash(RowKey::as_str(key)), Met { row: number, refused: accepted.is_none() });
        }
        match accepted {
            Some(record) => match self.keep(&record, &targets)? {
                Change::Created => self.outcome.created += 1,
                Change::Updated => self.outcome.updated += 1,
                Change::Unchanged => self.outcome.unchanged += 1,
            },
            None => self.outcome.refused.extend(violations.into_iter().map(|violation| (number, violation))),
        }
        Ok(())
    }

    fn finish(self) -> Result<(BatchOutcome, Keys), StoreError> {
        if let Some(tx) = self.tx {
            figures::apply(self.connection, &self.adding.deltas, tx.now())?;
        }
        Ok((self.outcome, self.keys))
    }

    fn met(&self, file: File, key: &str) -> Option<Met> {
        let hash = hash(key);
        let here = if file == self.file { self.keys.get(&hash).copied() } else { None };
        here.or_else(|| self.seen.get(file, &hash))
    }

    /// The `key` of the row that is pointed at, or why there is none.
    fn resolve(&mut self, pointer: Pointer) -> Result<Result<i64, String>, StoreError> {
        let noun = pointer.noun();
        let place = (pointer.target, pointer.reference);
        if let Some(key) = self.targets.get(&place) {
            return Ok(Ok(*key));
        }
        if let Some(key) = key_of(self.connection, pointer.target, place.1.as_str())? {
            self.targets.insert(place, key);
            return Ok(Ok(key));
        }
        let reference = place.1.as_str();
        let file = pointer.target.name();
        Ok(match self.met(pointer.target, reference) {
            Some(Met { refused: false, .. }) => Ok(NOT_WRITTEN),
            Some(Met { row, refused: true }) => Err(format!("points at row {row} of {file}, which was refused")),
            None if self.seen.refused_files.contains(&pointer.target) => {
                Err(format!("points into {file}, which was refused as a whole"))
            }
            None => Err(format!("no such {noun} in {file}, nor in an earlier import")),
        })
    }

    fn twice(&self, first: u64) -> Violation {
        if self.file.has_ref() {
            return Violation::field("ref", format!("the same ref twice in one file: the first stands, row {first}"));
        }
        let pair: Vec<&str> = self.table.key_fields().collect();
        Violation::whole(format!("the same {} twice in one file: the first stands, row {first}", pair.join(" and ")))
    }

    fn keep(&mut self, record: &Record, targets: &[(&str, i64)]) -> Result<Change, StoreError> {
        let values = values(self.table, record, targets)?;
        let found = self.shelf.find(&values)?;
        match (found, self.tx) {
            (Some((_, held)), _) if held == values => Ok(Change::Unchanged),
            (Some(_), None) => Ok(Change::Updated),
            (None, None) => Ok(Change::Created),
            (Some((key, held)), Some(tx)) => {
                self.adding.record(self.file, key, Turn::TakeBack)?;
                self.shelf.update(key, (tx.now(), self.writer), &values)?;
                self.adding.record(self.file, key, Turn::Add)?;
                if self.file == File::People && recategorised(self.table, &held, &values) {
                    self.adding.recategorised(key)?;
                }
                Ok(Change::Updated)
            }
            (None, Some(tx)) => {
                let id = tx.new_id().into_bytes();
                let key = self.shelf.insert(id, (tx.now(), self.writer), &values)?;
                self.adding.record(self.file, key, Turn::Add)?;
                Ok(Change::Created)
            }
        }
    }
}

/// Whether a person is in other categories than before.
fn recategorised(table: &Table, held: &[Value], values: &[Value]) -> bool {
    let decides = |name: &str| ["birth_year", "gender", "ethnicity", "disability"].contains(&name);
    let columns = table.columns.iter().zip(held.iter().zip(values));
    columns.into_iter().any(|(column, (was, is))| decides(column.name) && was != is)
}

/// A record as its table's columns.
pub(super) fn values(table: &Table, record: &Record, targets: &[(&str, i64)]) -> Result<Vec<Value>, StoreError> {
    let unfit = || StoreError::inconsistent("a checked row");
    let fields = record.fields();
    let columns = table.columns.iter().zip(fields).map(|(column, (_, word))| match column.kind {
        Kind::Text => Ok(Value::Text(word)),
        Kind::Optional if word.is_empty() => Ok(Value::Null),
        Kind::Optional => Ok(Value::Text(word)),
        Kind::Whole if word.is_empty() => Ok(Value::Null),
        Kind::Whole => word.parse().map(Value::Integer).map_err(|_| unfit()),
        // Written with two decimals always.
        Kind::Pence => word.replace('.', "").parse().map(Value::Integer).map_err(|_| unfit()),
        Kind::Pointer(_) => {
            let target = targets.iter().find(|(field, _)| *field == column.field);
            Ok(target.map_or(Value::Null, |(_, key)| Value::Integer(*key)))
        }
    });
    columns.collect()
}
