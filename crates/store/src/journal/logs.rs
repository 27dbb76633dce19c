//! Logs and their entries as rows.

use folkmoot_journal::entry::HEADER_SIZE;
use folkmoot_journal::{
    Body, Cursor, Entry, Fault, Hash, Header, Incarnation, LogId, NodeId, Signature, Topic, digest,
};
use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::error::StoreError;

/// Bits of a place that hold the number within the log.
const SEQ_BITS: u32 = 40;
/// Where the hash of the entry before lies in an encoded header.
const PREV_HASH: std::ops::Range<usize> = 114..146;

/// A log as its row has it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LogRow {
    pub(crate) row: i64,
    pub(crate) topic_row: i64,
    pub(crate) id: LogId,
    /// The tip's number; 0 where nothing counts.
    pub(crate) seq: u64,
    /// The tip's hash; zeros where nothing counts.
    pub(crate) hash: Hash,
    pub(crate) forked: bool,
}

impl LogRow {
    /// The tip, where anything counts.
    pub(crate) fn tip(&self) -> Option<Cursor> {
        (self.seq > 0).then_some(Cursor {
            author: self.id.author,
            incarnation: self.id.incarnation,
            seq: self.seq,
            hash: self.hash,
        })
    }

    /// Where the entry with this number lies.
    pub(crate) fn place(&self, seq: u64) -> i64 {
        place(self.row, seq)
    }
}

/// The rows of a log lie together and in order. A number beyond 2^40 is refused before it gets here.
fn place(row: i64, seq: u64) -> i64 {
    (row << SEQ_BITS) | signed(seq)
}

/// The log's row and the number of the entry at a place.
pub(super) fn at_place(place: i64) -> (i64, u64) {
    (place >> SEQ_BITS, unsigned(place & ((1 << SEQ_BITS) - 1)))
}

/// The 64 bits as the database holds them.
pub(crate) fn signed(bits: u64) -> i64 {
    i64::from_ne_bytes(bits.to_ne_bytes())
}

/// The 64 bits as the protocol has them.
pub(crate) fn unsigned(bits: i64) -> u64 {
    u64::from_ne_bytes(bits.to_ne_bytes())
}

/// Reads a topic's name.
pub(super) fn topic_from(row: &Row<'_>, column: usize) -> rusqlite::Result<Topic> {
    let unreadable =
        |fault: Fault| rusqlite::Error::FromSqlConversionFailure(column, rusqlite::types::Type::Blob, Box::new(fault));
    Topic::from_bytes(&row.get(column)?).map_err(unreadable)
}

/// Reads a log from the columns id, topic, the topic's name, author, incarnation, seq, hash, forked.
pub(super) fn log_row(row: &Row<'_>) -> rusqlite::Result<LogRow> {
    Ok(LogRow {
        row: row.get(0)?,
        topic_row: row.get(1)?,
        id: LogId {
            topic: topic_from(row, 2)?,
            author: NodeId(row.get(3)?),
            incarnation: Incarnation(unsigned(row.get(4)?)),
        },
        seq: unsigned(row.get(5)?),
        hash: Hash(row.get(6)?),
        forked: row.get(7)?,
    })
}

pub(crate) fn find_log(connection: &Connection, id: LogId) -> Result<Option<LogRow>, StoreError> {
    let sql = "SELECT log.id, log.topic, topic.name, author, incarnation, seq, hash, forked
        FROM log JOIN topic ON topic.id = log.topic WHERE topic.name = ?1 AND author = ?2 AND incarnation = ?3";
    let mut statement = connection.prepare_cached(sql)?;
    let key = params![id.topic.to_bytes(), id.author.0, signed(id.incarnation.0)];
    Ok(statement.query_row(key, log_row).optional()?)
}

pub(super) fn log_of_row(connection: &Connection, row: i64) -> Result<LogRow, StoreError> {
    let sql = "SELECT log.id, log.topic, topic.name, author, incarnation, seq, hash, forked
        FROM log JOIN topic ON topic.id = log.topic WHERE log.id = ?1";
    Ok(connection.prepare_cached(sql)?.query_row([row], log_row)?)
}

/// Makes the row of a log that is not held yet, and its topic's where that is new.
pub(super) fn make_log(connection: &Connection, id: LogId) -> Result<LogRow, StoreError> {
    let name = id.topic.to_bytes();
    connection
        .prepare_cached("INSERT INTO topic (name, bucket) VALUES (?1, ?2) ON CONFLICT (name) DO NOTHING")?
        .execute(params![name, digest::bucket_of(id.topic)])?;
    let topic_row: i64 =
        connection.prepare_cached("SELECT id FROM topic WHERE name = ?1")?.query_row([name], |row| row.get(0))?;
    connection
        .prepare_cached("INSERT INTO log (topic, author, incarnation, seq, hash) VALUES (?1, ?2, ?3, 0, ?4)")?
        .execute(params![topic_row, id.author.0, signed(id.incarnation.0), Hash::ZERO.0])?;
    let row = connection.last_insert_rowid();
    if row >> (i64::BITS - 1 - SEQ_BITS) != 0 {
        return Err(StoreError::inconsistent("more than 8 million logs"));
    }
    Ok(LogRow { row, topic_row, id, seq: 0, hash: Hash::ZERO, forked: false })
}

/// Writes the log's tip as `log` has it now.
pub(super) fn save_tip(connection: &Connection, log: &LogRow) -> Result<(), StoreError> {
    connection.prepare_cached("UPDATE log SET seq = ?2, hash = ?3, forked = ?4 WHERE id = ?1")?.execute(params![
        log.row,
        signed(log.seq),
        log.hash.0,
        log.forked
    ])?;
    Ok(())
}

/// Every log of a topic, ascending by author and incarnation.
pub(crate) fn logs_of_topic(connection: &Connection, topic: Topic) -> Result<Vec<LogRow>, StoreError> {
    let sql = "SELECT log.id, log.topic, topic.name, author, incarnation, seq, hash, forked
        FROM log JOIN topic ON topic.id = log.topic WHERE topic.name = ?1";
    let mut statement = connection.prepare_cached(sql)?;
    let mut logs = statement.query_map([topic.to_bytes()], log_row)?.collect::<Result<Vec<_>, _>>()?;
    // The database orders incarnations as signed numbers.
    logs.sort_by_key(|log| log.id);
    Ok(logs)
}

/// The tips of a topic, ascending.
pub(crate) fn tips(connection: &Connection, topic: Topic) -> Result<Vec<Cursor>, StoreError> {
    Ok(logs_of_topic(connection, topic)?.iter().filter_map(LogRow::tip).collect())
}

/// Inserts entries; one prepared statement for a whole frame.
pub(super) struct EntryWriter<'a> {
    statement: rusqlite::CachedStatement<'a>,
    log: i64,
}

impl<'a> EntryWriter<'a> {
    pub(super) fn new(connection: &'a Connection, log: &LogRow) -> Result<Self, StoreError> {
        let sql = "INSERT INTO entry (place, header, signature, salt, payload) VALUES (?1, ?2, ?3, ?4, ?5)";
        Ok(Self { statement: connection.prepare_cached(sql)?, log: log.row })
    }

    pub(super) fn insert(&mut self, entry: &Entry) -> Result<(), StoreError> {
        if entry.header.seq >> SEQ_BITS != 0 {
            return Err(StoreError::inconsistent("an entry with a number beyond 2^40"));
        }
        let body = entry.body.as_ref();
        self.statement.execute(params![
            place(self.log, entry.header.seq),
            entry.header.encode(),
            entry.signature.map(|signature| signature.0),
            body.map(|body| body.salt),
            body.map(|body| &body.payload),
        ])?;
        Ok(())
    }
}

/// An entry as stored, its hash not yet computed.
pub(super) struct StoredEntry {
    pub(super) header: Header,
    pub(super) signature: Option<Signature>,
    pub(super) body: Option<Body>,
}

impl StoredEntry {
    pub(super) fn into_entry(self) -> Entry {
        Entry::new(self.header, self.signature, self.body)
    }
}

/// Reads header, signature, salt and payload, in this order, from column `first` on.
pub(super) fn stored_entry(row: &Row<'_>, first: usize) -> Result<StoredEntry, StoreError> {
    let header = row.get_ref(first)?.as_blob().map_err(|_| unreadable("header"))?;
    let signature: Option<[u8; 64]> = row.get(first + 1)?;
    let (salt, payload): (Option<[u8; 16]>, Option<Vec<u8>>) = (row.get(first + 2)?, row.get(first + 3)?);
    Ok(StoredEntry {
        header: Header::decode(header).map_err(|_| unreadable("header"))?,
        signature: signature.map(Signature),
        body: salt.zip(payload).map(|(salt, payload)| Body { salt, payload }),
    })
}

fn unreadable(part: &str) -> StoreError {
    StoreError::inconsistent(format!("the {part} of an entry"))
}

/// Hands the entries after `after` in order to `take` until it says stop.
pub(super) fn entries_after(
    connection: &Connection,
    log: &LogRow,
    after: u64,
    mut take: impl FnMut(StoredEntry) -> Result<std::ops::ControlFlow<()>, StoreError>,
) -> Result<(), StoreError> {
    let sql = "SELECT header, signature, salt, payload FROM entry WHERE place > ?1 AND place <= ?2 ORDER BY place";
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(params![log.place(after), log.place(log.seq)])?;
    while let Some(row) = rows.next()? {
        if take(stored_entry(row, 0)?)?.is_break() {
            break;
        }
    }
    Ok(())
}

/// One entry, where it is held and counts.
pub(super) fn entry_at(connection: &Connection, log: &LogRow, seq: u64) -> Result<Option<StoredEntry>, StoreError> {
    let mut found = None;
    if (1..=log.seq).contains(&seq) {
        entries_after(connection, log, seq - 1, |entry| {
            found = Some(entry);
            Ok(std::ops::ControlFlow::Break(()))
        })?;
    }
    Ok(found)
}

/// The entry at a place, where it is held.
pub(super) fn entry_in(connection: &Connection, place: i64) -> Result<Option<StoredEntry>, StoreError> {
    let sql = "SELECT header, signature, salt, payload FROM entry WHERE place = ?1";
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query([place])?;
    rows.next()?.map(|row| stored_entry(row, 0)).transpose()
}

/// The hash of the entry with this number, where it counts; zeros before the first. The next entry's header holds it.
pub(crate) fn hash_at(connection: &Connection, log: &LogRow, seq: u64) -> Result<Option<Hash>, StoreError> {
    if seq == 0 {
        return Ok(Some(Hash::ZERO));
    }
    if seq == log.seq {
        return Ok(Some(log.hash));
    }
    if seq > log.seq {
        return Ok(None);
    }
    match super::checkpoints::base(connection, log)? {
        Some((base, hash)) if base == seq => return Ok(Some(hash)),
        // What came before is not held.
        Some((base, _)) if base > seq => return Ok(None),
        Some(_) | None => {}
    }
    let mut statement = connection.prepare_cached("SELECT header FROM entry WHERE place = ?1")?;
    let header: [u8; HEADER_SIZE] = statement.query_row([log.place(seq + 1)], |row| row.get(0))?;
    let mut hash = [0; 32];
    hash.copy_from_slice(&header[PREV_HASH]);
    Ok(Some(Hash(hash)))
}

/// Writes down that `log` grew after the number `after`, for those who push to peers.
pub(super) fn note_arrival(connection: &Connection, log: &LogRow, after: u64) -> Result<(), StoreError> {
    connection
        .prepare_cached("INSERT INTO arrival (log, after) VALUES (?1, ?2)")?
        .execute(params![log.row, signed(after)])?;
    Ok(())
}

/// Writes down that another node may read the log since, for those who push to peers.
pub(super) fn note_readable(connection: &Connection, log: &LogRow, reader: NodeId) -> Result<(), StoreError> {
    connection
        .prepare_cached("INSERT INTO arrival (log, after, reader) VALUES (?1, 0, ?2)")?
        .execute(params![log.row, reader.0])?;
    Ok(())
}

/// The mark of the latest arrival.
pub(super) fn latest_mark(connection: &Connection) -> Result<u64, StoreError> {
    let mark: Option<i64> =
        connection.prepare_cached("SELECT max(mark) FROM arrival")?.query_row([], |row| row.get(0))?;
    Ok(mark.map_or(0, unsigned))
}
