//! Writing down one record at a time, as programs of the hub do.

use folkmoot_domain::import::{CheckedRow, File, NewListening, Pointer, Violation};
use folkmoot_domain::record::{Listening, Record};

use super::contribution::Adding;
use super::import::values;
use super::table::{Shelf, key_of, table};
use super::{HubStore, Writer, figures};
use crate::engine::{Safe, Tx, UnixMillis};
use crate::error::StoreError;

/// A listening that the store holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordedListening {
    /// What it says.
    pub listening: Listening,
    /// When it was first written.
    pub created: UnixMillis,
}

/// A listening that is held, or everything that is wrong with it.
pub type Recorded = Result<RecordedListening, Vec<Violation>>;

impl HubStore {
    /// Writes down one listening with the figures that it changes; where it has no ref, one is made up. A listening that
    /// the store holds already, the same in every field, is given as it stands. The inner error is everything that is
    /// wrong with it, by the columns of `listenings.csv`; then nothing was written.
    ///
    /// # Errors
    /// [`StoreError::ListeningStands`] where the ref belongs to a listening with other fields; failures of the database.
    pub fn record_listening(&self, writer: Writer, listening: &NewListening) -> Result<Recorded, StoreError> {
        let row = listening.check(|| self.store.new_id().to_string());
        self.store.write(RECORD, move |tx| record(tx, writer, row))
    }

    /// As [`HubStore::record_listening`], for callers that must not block: `done` is called with the answer on the thread
    /// that writes, where it must do next to nothing.
    pub fn record_listening_then(
        &self,
        writer: Writer,
        listening: &NewListening,
        done: impl FnOnce(Result<Recorded, StoreError>) + Send + 'static,
    ) {
        let row = listening.check(|| self.store.new_id().to_string());
        self.store.write_then(RECORD, Safe::AtOnce, move |tx| record(tx, writer, row), done);
    }
}

const RECORD: &str = "hub record listening";

fn record(tx: &Tx<'_>, writer: Writer, row: CheckedRow) -> Result<Recorded, StoreError> {
    let mut targets = Vec::with_capacity(row.pointers.len());
    let mut unresolved = Vec::new();
    for pointer in &row.pointers {
        match key_of(tx, pointer.target, pointer.reference.as_str())? {
            Some(key) => targets.push((pointer.field, key)),
            None => unresolved.push(nowhere(pointer)),
        }
    }
    let record = match row.record {
        Ok(record) if unresolved.is_empty() => record,
        Ok(_) => return Ok(Err(unresolved)),
        Err(mut violations) => {
            violations.append(&mut unresolved);
            return Ok(Err(violations));
        }
    };
    let values = values(table(File::Listenings), &record, &targets)?;
    let Record::Listening(listening) = record else { return Err(StoreError::inconsistent("a checked listening")) };
    let mut shelf = Shelf::of(tx, File::Listenings)?;
    let created = match shelf.find(&values)? {
        Some((key, held)) if held == values => created(tx, key)?,
        Some(_) => return Err(StoreError::ListeningStands),
        None => {
            let now = tx.now();
            shelf.insert(tx.new_id().into_bytes(), (now, writer), &values)?;
            let mut adding = Adding::new(tx);
            let person = targets.iter().find(|(field, _)| *field == "person_ref").map(|(_, key)| *key);
            adding.new_listening(&listening, person)?;
            figures::apply(tx, &adding.deltas, now)?;
            now
        }
    };
    Ok(Ok(RecordedListening { listening, created }))
}

fn created(tx: &Tx<'_>, key: i64) -> Result<UnixMillis, StoreError> {
    let created =
        tx.prepare_cached("SELECT created_at FROM listening WHERE key = ?1")?.query_row([key], |row| row.get(0))?;
    Ok(UnixMillis(created))
}

fn nowhere(pointer: &Pointer) -> Violation {
    let reason = format!("no such {} here: import {} with this ref first", pointer.noun(), pointer.target.name());
    Violation::field(pointer.field, reason)
}
