//! How much one author can make of one campaign.
//!
//! An author's entries are taken in one order, whatever order they came in, and count as long as their sums stay within the
//! limits. So it depends on the entries that are held alone which of them count.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound::{Excluded, Included};

use folkmoot_campaign::announced;
use folkmoot_journal::entry::HEADER_SIZE;
use folkmoot_journal::{CampaignId, Demand as Asked, Header, Limit, NodeId, Payload, PayloadKind, Topic};
use rusqlite::{Connection, OptionalExtension, params};

use crate::engine::Tx;
use crate::error::StoreError;
use crate::journal::checkpoints::{self, Known};
use crate::journal::{LogRow, logs_of_topic};

/// The most operations that the entries of one author in one campaign may announce together: fifty times the longest note
/// that one edit may add. They stay in the document for good, and every member reads them whenever it works the document out.
pub(super) const MAX_AUTHOR_OPERATIONS: u64 = 1_000_000;
/// The most bytes of payload that the entries of one author in one campaign may have together: tens of thousands of edits.
pub(super) const MAX_AUTHOR_BYTES: u64 = 16 << 20;

/// What entries with changes ask of every member.
#[derive(Clone, Copy, Default)]
pub(super) struct Demand {
    operations: u64,
    bytes: u64,
}

impl Demand {
    /// Of one entry with these changes. What cannot be counted will be refused; an entry counts as one operation in any
    /// case, so that those that count are never many more than can be gone through.
    pub(super) fn of(changes: &[Vec<u8>], payload: &[u8]) -> Self {
        Self { operations: announced(changes).unwrap_or(0).max(1), bytes: payload.len() as u64 }
    }

    pub(super) fn and(self, other: Self) -> Self {
        Self {
            operations: self.operations.saturating_add(other.operations),
            bytes: self.bytes.saturating_add(other.bytes),
        }
    }

    /// Whether one author may ask for so much.
    pub(super) fn fits(self) -> bool {
        self.operations <= MAX_AUTHOR_OPERATIONS && self.bytes <= MAX_AUTHOR_BYTES
    }

    fn less(self, other: Self) -> Option<Self> {
        Some(Self {
            operations: self.operations.checked_sub(other.operations)?,
            bytes: self.bytes.checked_sub(other.bytes)?,
        })
    }
}

/// What hubs may write at least before all that they have written is counted again. What a transaction wrote that was taken
/// back leaves less room than there is, and never more.
#[derive(Default)]
pub(super) struct Room {
    /// The checkpoint by which it was counted.
    checkpoint: Option<i64>,
    left: BTreeMap<NodeId, Demand>,
}

impl Room {
    /// Whether there is certainly room for this of an author.
    fn has(&self, author: NodeId, demand: Demand) -> bool {
        self.left.get(&author).is_some_and(|left| left.less(demand).is_some())
    }

    /// Takes of the room where there certainly is enough for every author.
    fn take(&mut self, begin: Option<&Known>, asked: &BTreeMap<NodeId, Demand>) -> bool {
        let here = self.checkpoint == begin.map(|known| known.place) && begin.is_none_or(|known| known.generation == 0);
        if !here || !asked.iter().all(|(author, demand)| self.has(*author, *demand)) {
            return false;
        }
        for (author, demand) in asked {
            self.left.entry(*author).and_modify(|left| *left = left.less(*demand).unwrap_or_default());
        }
        true
    }

    /// All that an author has written asks for this.
    fn counted(&mut self, begin: Option<&Known>, author: NodeId, all: Demand) {
        let checkpoint = begin.map(|known| known.place);
        if self.checkpoint != checkpoint {
            *self = Room { checkpoint, left: BTreeMap::new() };
        }
        let most = Demand { operations: MAX_AUTHOR_OPERATIONS, bytes: MAX_AUTHOR_BYTES };
        self.left.insert(author, most.less(all).unwrap_or_default());
    }
}

/// Entries that just arrived, parted by their authors' limits.
#[derive(Default)]
pub(super) struct Parted {
    /// Those that count, unless the document does not take them.
    pub(super) within: BTreeSet<i64>,
    /// Those past the limits, but for late ones, which are set aside as late.
    pub(super) beyond: Vec<i64>,
    /// Whether an entry that had counted lies past the limits now, because others came that are before it in the order.
    pub(super) displaced: bool,
    /// How many bytes of payload came.
    pub(super) bytes: u64,
}

/// Counts the entries at `places`, which just arrived, and parts them.
pub(super) fn part(tx: &Tx<'_>, id: CampaignId, places: &[i64], room: &mut Room) -> Result<Parted, StoreError> {
    let mut fresh = BTreeSet::new();
    let mut asked: BTreeMap<NodeId, Demand> = BTreeMap::new();
    for place in places {
        if let Some((author, demand)) = note(tx, *place)? {
            fresh.insert(*place);
            let all = asked.entry(author).or_default();
            *all = all.and(demand);
        }
    }
    let places: BTreeSet<i64> = places.iter().copied().collect();
    let bytes = asked.values().map(|demand| demand.bytes).sum();
    let mut parted = Parted { bytes, ..Parted::default() };
    let begin = checkpoints::counting(tx, id)?;
    if fresh.len() == places.len() && room.take(begin.as_ref(), &asked) {
        return Ok(Parted { within: places, ..parted });
    }
    let logs = logs_of_topic(tx, Topic::Campaign(id))?;
    let begun = begun_with(tx, id, begin.as_ref())?;
    for logs in logs.chunk_by(same_author) {
        if logs.iter().all(|log| places.range(log.place(0)..=log.place(log.seq)).next().is_none()) {
            continue;
        }
        let counted = each_within(tx, logs, begin.as_ref(), &fresh, |place| {
            if places.contains(&place) {
                parted.within.insert(place);
            }
        })?;
        match (counted, logs.first()) {
            (Counted::All(all), Some(log)) => room.counted(begin.as_ref(), log.id.author, all),
            (Counted::Beyond { displaced }, _) => parted.displaced |= displaced,
            (Counted::All(_), None) => {}
        }
        for log in logs {
            // What a checkpoint covers is part of the document.
            let replaced = log.place(covered(begun.as_ref(), log));
            let covered = log.place(covered(begin.as_ref(), log));
            parted.within.extend(places.range((Excluded(replaced.min(covered)), Included(covered))));
            let in_time = places.range(covered..=last_in_time(tx, log).max(covered));
            parted.beyond.extend(in_time.filter(|place| **place > covered && !parted.within.contains(place)));
        }
    }
    Ok(parted)
}

/// Every entry of the campaign within its author's limits, and those beyond that are not late. Counts what has not been
/// counted yet.
pub(super) fn part_all(
    tx: &Tx<'_>,
    id: CampaignId,
    logs: &[LogRow],
    begin: Option<&Known>,
) -> Result<(BTreeSet<i64>, Vec<i64>), StoreError> {
    let uncounted = "SELECT place FROM entry
        WHERE place > ?1 AND place <= ?2 AND place NOT IN (SELECT place FROM campaign_entry)";
    let counted = "SELECT place FROM campaign_entry WHERE place > ?1 AND place <= ?2";
    for log in logs {
        for place in places_of(tx, uncounted, [log.place(0), log.place(log.seq)])? {
            note(tx, place)?;
        }
    }
    let (mut within, mut beyond) = (BTreeSet::new(), Vec::new());
    for logs in logs.chunk_by(same_author) {
        each_within(tx, logs, begin, &BTreeSet::new(), |place| {
            within.insert(place);
        })?;
    }
    let begun = begun_with(tx, id, begin)?;
    for log in logs {
        let range = [log.place(covered(begun.as_ref(), log)), log.place(covered(begin, log))];
        within.extend(places_of(tx, counted, range)?);
        let places = places_of(tx, counted, [log.place(covered(begin, log)), last_in_time(tx, log)])?;
        beyond.extend(places.into_iter().filter(|place| !within.contains(place)));
    }
    Ok((within, beyond))
}

/// Whether an author may write entries that ask for this, beside all that it has written.
pub(super) fn has_room(tx: &Tx<'_>, id: CampaignId, author: NodeId, demand: Demand) -> Result<bool, StoreError> {
    if tx.documents().with(id, |document| document.room.has(author, demand)) == Some(true) {
        return Ok(true);
    }
    Ok(demand_of(tx, id, author)?.and(demand).fits())
}

/// What all entries of an author in a campaign ask for together.
fn demand_of(connection: &Connection, id: CampaignId, author: NodeId) -> Result<Demand, StoreError> {
    let sql = "SELECT operations, bytes FROM campaign_entry WHERE place > ?1 AND place <= ?2";
    let begin = checkpoints::counting(connection, id)?;
    let mut all = begun(begin.as_ref(), author);
    for log in logs_of_topic(connection, Topic::Campaign(id))?.iter().filter(|log| log.id.author == author) {
        let mut statement = connection.prepare_cached(sql)?;
        let mut rows = statement.query([log.place(covered(begin.as_ref(), log)), log.place(log.seq)])?;
        while let Some(row) = rows.next()? {
            all = all.and(Demand { operations: row.get(0)?, bytes: row.get(1)? });
        }
    }
    Ok(all)
}

/// What came of counting the entries of an author.
enum Counted {
    /// They are within the limits, and ask for this.
    All(Demand),
    /// Some are beyond.
    Beyond {
        /// One of them was within before the fresh ones came.
        displaced: bool,
    },
}

/// Names each entry within the limits of the author of these logs, in order. Looks at no more entries than count, beside the
/// fresh ones.
fn each_within(
    tx: &Tx<'_>,
    logs: &[LogRow],
    begin: Option<&Known>,
    fresh: &BTreeSet<i64>,
    mut take: impl FnMut(i64),
) -> Result<Counted, StoreError> {
    let sql = "SELECT place, operations, bytes FROM campaign_entry WHERE place > ?1 AND place <= ?2 ORDER BY place";
    // What a checkpoint covers comes first, whoever holds it still.
    let before = logs.first().map_or_else(Demand::default, |log| begun(begin, log.id.author));
    let (mut all, mut without_fresh) = (before, before);
    let mut past = false;
    // Late ones come last, so that nobody takes back by one what was accepted of him before.
    let first = |log: &LogRow| log.place(covered(begin, log));
    let in_time = logs.iter().map(|log| [first(log), last_in_time(tx, log)]);
    let late = logs.iter().map(|log| [last_in_time(tx, log).max(first(log)), log.place(log.seq)]);
    for range in in_time.chain(late) {
        let mut statement = tx.prepare_cached(sql)?;
        let mut rows = statement.query(range)?;
        while let Some(row) = rows.next()? {
            let (place, demand) = (row.get(0)?, Demand { operations: row.get(1)?, bytes: row.get(2)? });
            all = all.and(demand);
            past |= !all.fits();
            if !past {
                take(place);
            }
            if !fresh.contains(&place) {
                without_fresh = without_fresh.and(demand);
                if past {
                    return Ok(Counted::Beyond { displaced: without_fresh.fits() });
                }
            }
        }
    }
    Ok(if past { Counted::Beyond { displaced: false } } else { Counted::All(all) })
}

/// Up to which entry a log is covered by the checkpoint that counts.
fn covered(begin: Option<&Known>, log: &LogRow) -> u64 {
    begin.map_or(0, |known| known.covered(log.id))
}

/// What the document began with, where it is a later one: what the one before was made of is no part of it.
fn begun_with(connection: &Connection, id: CampaignId, begin: Option<&Known>) -> Result<Option<Known>, StoreError> {
    begin.map_or(Ok(None), |known| checkpoints::begun_with(connection, id, known.generation))
}

/// What the covered entries of an author ask for.
fn begun(begin: Option<&Known>, author: NodeId) -> Demand {
    let asked = begin.and_then(|known| known.demands.get(&author)).copied().unwrap_or_default();
    Demand { operations: asked.operations, bytes: asked.bytes }
}

/// What an author's entries ask for, with those between two numbers of a log.
pub(super) fn and_between(
    connection: &Connection,
    asked: Asked,
    log: &LogRow,
    after: u64,
    upto: u64,
) -> Result<Asked, StoreError> {
    let sql = "SELECT operations, bytes FROM campaign_entry WHERE place > ?1 AND place <= ?2";
    let mut all = Demand { operations: asked.operations, bytes: asked.bytes };
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query([log.place(after), log.place(upto)])?;
    while let Some(row) = rows.next()? {
        all = all.and(Demand { operations: row.get(0)?, bytes: row.get(1)? });
    }
    Ok(Asked { operations: all.operations, bytes: all.bytes })
}

fn same_author(one: &LogRow, other: &LogRow) -> bool {
    one.id.author == other.id.author
}

/// Where the log's last entry lies that is not late.
pub(super) fn last_in_time(tx: &Tx<'_>, log: &LogRow) -> i64 {
    let last = match tx.working.rights().accepted_until(log.id) {
        Limit::None => log.seq,
        Limit::UpTo(last) => last.seq.min(log.seq),
        Limit::Nothing => 0,
    };
    log.place(last)
}

fn places_of(connection: &Connection, sql: &str, range: [i64; 2]) -> Result<Vec<i64>, StoreError> {
    let mut statement = connection.prepare_cached(sql)?;
    Ok(statement.query_map(range, |row| row.get(0))?.collect::<Result<_, _>>()?)
}

/// Counts the entry at a place, and says what it asks for where that is new. One without changes, or whose payload cannot be
/// read, counts for nothing.
fn note(connection: &Connection, place: i64) -> Result<Option<(NodeId, Demand)>, StoreError> {
    if connection.prepare_cached("SELECT 1 FROM campaign_entry WHERE place = ?1")?.exists([place])? {
        return Ok(None);
    }
    let mut statement = connection.prepare_cached("SELECT header, payload FROM entry WHERE place = ?1")?;
    let row = |row: &rusqlite::Row<'_>| Ok((row.get::<_, [u8; HEADER_SIZE]>(0)?, row.get::<_, Option<Vec<u8>>>(1)?));
    let Some((header, Some(payload))) = statement.query_row([place], row).optional()? else { return Ok(None) };
    let header = Header::decode(&header).map_err(|_| StoreError::inconsistent("the header of an entry"))?;
    if header.payload_kind != PayloadKind::CampaignChanges {
        return Ok(None);
    }
    let Ok(Some(Payload::CampaignChanges(changes))) = Payload::decode(PayloadKind::CampaignChanges, &payload) else {
        return Ok(None);
    };
    let demand = Demand::of(&changes, &payload);
    connection
        .prepare_cached("INSERT INTO campaign_entry (place, operations, bytes) VALUES (?1, ?2, ?3)")?
        .execute(params![place, demand.operations, demand.bytes])?;
    Ok(Some((header.author, demand)))
}
