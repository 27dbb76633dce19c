//! What a change must be before the CRDT library may see it.
//!
//! A byte cap does not bound the work: a change of 112 bytes can insert a million nulls, one of 125 can hold the parser for
//! 24 seconds. The number of operations is therefore read from the run lengths of the action column first, in time
//! proportional to the bytes. Layout: the automerge binary format, "Change chunks" and "Column data".

use std::io::Read;

use crate::admission::{ChangeFault, Refused};

/// The most bytes that one change may have, also once inflated.
pub const MAX_CHANGE_BYTES: usize = 256 * 1024;
/// The most operations that one change may hold.
pub const MAX_OPERATIONS: u64 = 50_000;

pub(crate) const MAGIC: [u8; 4] = [0x85, 0x6f, 0x4a, 0x83];
/// The magic bytes, a checksum of four, and the kind.
pub(crate) const CHUNK_HEADER: usize = 9;
const CHUNK_CHANGE: u8 = 1;
const CHUNK_COMPRESSED_CHANGE: u8 = 2;
/// Column 4 (action), type 2 (unsigned integers, run-length encoded).
const ACTION_COLUMN: u64 = (4 << 4) | 2;
/// The actions that make a map, a list, a text, a table.
const MAKING: [u64; 4] = [0, 2, 4, 6];
pub(crate) const DEFLATED_COLUMN: u64 = 1 << 3;

/// How many operations the changes of one entry announce, by their run lengths alone, without parsing any.
///
/// # Errors
/// The first change that is no change in its outer form, or too large.
pub fn announced(changes: &[Vec<u8>]) -> Result<u64, Refused> {
    let count = |(change, bytes): (usize, &Vec<u8>)| check_size(bytes).map_err(|fault| Refused { change, fault });
    changes.iter().enumerate().map(count).sum()
}

/// Checks size and operation count of one change without parsing its operations, and gives that count.
pub(crate) fn check_size(bytes: &[u8]) -> Result<u64, ChangeFault> {
    if bytes.len() > MAX_CHANGE_BYTES {
        return Err(ChangeFault::TooLarge);
    }
    let mut chunk = Cursor(bytes);
    let header = chunk.take(CHUNK_HEADER)?;
    let kind = header.strip_prefix(&MAGIC).and_then(|rest| rest.last()).copied();
    let length = chunk.length()?;
    let content = chunk.take(length)?;
    if !chunk.0.is_empty() {
        return Err(ChangeFault::Malformed);
    }
    let operations = match kind {
        Some(CHUNK_CHANGE) => count_operations(content)?,
        Some(CHUNK_COMPRESSED_CHANGE) => count_operations(&inflate(content, MAX_CHANGE_BYTES)?)?,
        _ => return Err(ChangeFault::Malformed),
    };
    if operations > MAX_OPERATIONS { Err(ChangeFault::TooManyOperations) } else { Ok(operations) }
}

pub(crate) fn inflate(bytes: &[u8], most: usize) -> Result<Vec<u8>, ChangeFault> {
    let mut out = Vec::new();
    flate2::read::DeflateDecoder::new(bytes)
        .take(most as u64 + 1)
        .read_to_end(&mut out)
        .map_err(|_| ChangeFault::Malformed)?;
    if out.len() > most { Err(ChangeFault::TooLarge) } else { Ok(out) }
}

fn count_operations(content: &[u8]) -> Result<u64, ChangeFault> {
    let mut at = Cursor(content);
    let dependencies = at.length()?;
    at.take(dependencies.checked_mul(32).ok_or(ChangeFault::Malformed)?)?;
    at.prefixed()?; // actor
    at.unsigned()?; // seq
    at.unsigned()?; // start op
    at.skip_leb128()?; // time
    at.prefixed()?; // message
    for _ in 0..at.length()? {
        at.prefixed()?; // another actor
    }
    let mut operations = 0;
    for (specification, length) in at.columns()? {
        let data = at.take(length)?;
        // Only whole changes are deflated, never a column within one.
        if specification & DEFLATED_COLUMN != 0 {
            return Err(ChangeFault::Malformed);
        }
        let rows = run_lengths(specification, data)?.rows;
        if specification == ACTION_COLUMN {
            operations = rows;
        } else if rows > MAX_OPERATIONS {
            return Err(ChangeFault::TooManyOperations);
        }
    }
    Ok(operations)
}

/// What a column announces.
#[derive(Default)]
pub(crate) struct Announced {
    /// By its run lengths; 0 for columns without run lengths of that form.
    pub(crate) rows: u64,
    /// How many rows of other columns its rows say that they have together; 0 where it is none that says so.
    pub(crate) grouped: u64,
    /// How many objects its rows make; 0 where it is not the column of actions.
    pub(crate) objects: u64,
}

/// Reads what a column announces.
pub(crate) fn run_lengths(specification: u64, data: &[u8]) -> Result<Announced, ChangeFault> {
    /// The types of columns by the low three bits of their specification.
    const GROUP: u64 = 0;
    const BOOLEAN: u64 = 4;
    const VALUE: u64 = 7;
    let kind = specification & 7;
    let mut at = Cursor(data);
    let mut announced = Announced::default();
    if kind == VALUE {
        return Ok(announced);
    }
    if kind == BOOLEAN {
        while !at.0.is_empty() {
            announced.rows = announced.rows.saturating_add(at.unsigned()?);
        }
        return Ok(announced);
    }
    while !at.0.is_empty() {
        let run = at.signed()?;
        let rows = if run == 0 { at.unsigned()? } else { run.unsigned_abs() };
        announced.rows = announced.rows.saturating_add(rows);
        let (values, each) = match run {
            0 => (0, 0),
            1.. => (1, rows),
            _ => (rows, 1),
        };
        for _ in 0..values {
            if kind == GROUP {
                announced.grouped = announced.grouped.saturating_add(at.unsigned()?.saturating_mul(each));
            } else if specification == ACTION_COLUMN {
                let makes = MAKING.contains(&at.unsigned()?);
                announced.objects = announced.objects.saturating_add(if makes { each } else { 0 });
            } else {
                at.value(kind)?;
            }
        }
    }
    Ok(announced)
}

pub(crate) struct Cursor<'a>(pub(crate) &'a [u8]);

impl<'a> Cursor<'a> {
    pub(crate) fn take(&mut self, length: usize) -> Result<&'a [u8], ChangeFault> {
        let (head, tail) = self.0.split_at_checked(length).ok_or(ChangeFault::Malformed)?;
        self.0 = tail;
        Ok(head)
    }

    pub(crate) fn prefixed(&mut self) -> Result<&'a [u8], ChangeFault> {
        let length = self.length()?;
        self.take(length)
    }

    pub(crate) fn length(&mut self) -> Result<usize, ChangeFault> {
        usize::try_from(self.unsigned()?).map_err(|_| ChangeFault::Malformed)
    }

    /// The columns that follow: what each is, and how many bytes it has.
    pub(crate) fn columns(&mut self) -> Result<Vec<(u64, usize)>, ChangeFault> {
        (0..self.length()?).map(|_| Ok((self.unsigned()?, self.length()?))).collect()
    }

    /// One run's value: a string has a length before it, every other kind is one LEB128 number.
    fn value(&mut self, kind: u64) -> Result<(), ChangeFault> {
        const STRING: u64 = 5;
        if kind == STRING { self.prefixed().map(|_| ()) } else { self.skip_leb128() }
    }

    fn skip_leb128(&mut self) -> Result<(), ChangeFault> {
        for _ in 0..10 {
            if self.take(1)?[0] & 0x80 == 0 {
                return Ok(());
            }
        }
        Err(ChangeFault::Malformed)
    }

    fn unsigned(&mut self) -> Result<u64, ChangeFault> {
        let mut value: u64 = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.take(1)?[0];
            value |= u64::from(byte & 0x7f).checked_shl(shift).unwrap_or(0);
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(ChangeFault::Malformed)
    }

    fn signed(&mut self) -> Result<i64, ChangeFault> {
        let mut value: i64 = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.take(1)?[0];
            value |= i64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                if shift + 7 < 64 && byte & 0x40 != 0 {
                    value |= -1 << (shift + 7);
                }
                return Ok(value);
            }
        }
        Err(ChangeFault::Malformed)
    }
}
