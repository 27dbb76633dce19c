//! What a document from outside must be before the CRDT library may see it.
//!
//! Such as the one in a checkpoint. A few bytes can announce 2^60 rows, and deflated columns can have a thousand times the
//! bytes that they take. So columns are inflated to a limit, and rows counted by their run lengths, in time proportional to the
//! bytes. Layout: the automerge binary format, "Document chunks" and "Column data".

use std::borrow::Cow;

use crate::admission::ChangeFault;
use crate::chunk::{CHUNK_HEADER, Cursor, DEFLATED_COLUMN, MAGIC, inflate, run_lengths};

/// The most operations that a document from outside may hold.
pub const MAX_SNAPSHOT_OPERATIONS: u64 = 200_000;
/// The most objects that a document from outside may make: they cost far more than their bytes tell.
pub const MAX_SNAPSHOT_OBJECTS: u64 = 50_000;
/// The most changes that a document from outside may hold, for the same reason.
pub const MAX_SNAPSHOT_CHANGES: u64 = 20_000;
/// The most bytes that the columns of a document from outside may have together, once inflated.
pub const MAX_SNAPSHOT_BYTES: usize = 8 << 20;

const CHUNK_DOCUMENT: u8 = 0;

/// Why bytes are no document to be loaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SnapshotFault {
    /// Not one whole document in automerge's format.
    #[error("its bytes are not one document as automerge saves it")]
    Malformed,
    /// More bytes than [`MAX_SNAPSHOT_BYTES`].
    #[error("it has more than {MAX_SNAPSHOT_BYTES} bytes, inflated")]
    TooLarge,
    /// More changes than [`MAX_SNAPSHOT_CHANGES`], more operations than [`MAX_SNAPSHOT_OPERATIONS`], or more objects than
    /// [`MAX_SNAPSHOT_OBJECTS`].
    #[error(
        "it holds more than {MAX_SNAPSHOT_CHANGES} changes, {MAX_SNAPSHOT_OPERATIONS} operations or \
         {MAX_SNAPSHOT_OBJECTS} objects"
    )]
    TooMany,
}

impl From<ChangeFault> for SnapshotFault {
    fn from(fault: ChangeFault) -> Self {
        if fault == ChangeFault::TooLarge { SnapshotFault::TooLarge } else { SnapshotFault::Malformed }
    }
}

/// Checks what a document asks for, without parsing it.
///
/// # Errors
/// Where it is more than a campaign needs, or the bytes are something else.
pub fn check_snapshot(bytes: &[u8]) -> Result<(), SnapshotFault> {
    let mut chunk = Cursor(bytes);
    if chunk.take(CHUNK_HEADER)?.strip_prefix(&MAGIC).and_then(|rest| rest.last()) != Some(&CHUNK_DOCUMENT) {
        return Err(SnapshotFault::Malformed);
    }
    let length = chunk.length()?;
    let mut at = Cursor(chunk.take(length)?);
    if !chunk.0.is_empty() {
        return Err(SnapshotFault::Malformed);
    }
    for _ in 0..at.length()? {
        at.prefixed()?; // actor
    }
    let heads = at.length()?;
    at.take(heads.checked_mul(32).ok_or(SnapshotFault::Malformed)?)?;
    let (changes, operations) = (at.columns()?, at.columns()?);
    let mut room = MAX_SNAPSHOT_BYTES;
    check_columns(&mut at, changes, MAX_SNAPSHOT_CHANGES, &mut room)?;
    check_columns(&mut at, operations, MAX_SNAPSHOT_OPERATIONS, &mut room)
}

/// Checks columns that have at most so many rows each, and that many values of theirs.
fn check_columns(
    at: &mut Cursor<'_>,
    columns: Vec<(u64, usize)>,
    most: u64,
    room: &mut usize,
) -> Result<(), SnapshotFault> {
    for (specification, length) in columns {
        let data = at.take(length)?;
        let data =
            if specification & DEFLATED_COLUMN == 0 { Cow::Borrowed(data) } else { Cow::Owned(inflate(data, *room)?) };
        *room = room.checked_sub(data.len()).ok_or(SnapshotFault::TooLarge)?;
        let counted = run_lengths(specification & !DEFLATED_COLUMN, &data)?;
        // An operation is written over by others, and a change builds on others: mostly one.
        if counted.rows > most || counted.grouped > MAX_SNAPSHOT_OPERATIONS || counted.objects > MAX_SNAPSHOT_OBJECTS {
            return Err(SnapshotFault::TooMany);
        }
    }
    Ok(())
}
