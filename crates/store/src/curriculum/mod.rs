//! The curriculum as the entries of its topic say it: editions, which never change, and retirements. What counts does not
//! depend on the order in which they came, and every node reads it alone.

#[cfg(test)]
mod tests;

use folkmoot_domain::curriculum::{Edition, ItemCode, ItemKind, Retirement};
use folkmoot_journal::{Entry, Payload, PayloadKind, Topic, encode_edition, encode_retirement};
use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::engine::{Role, Store, Tx, UnixMillis};
use crate::error::StoreError;
use crate::journal::{Aside, LogRow, append_in};

/// What the Academy publishes; the store gives it its number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EditionDraft {
    /// The item.
    pub item: ItemCode,
    /// The title, 1 to 200 characters.
    pub title: String,
    /// What the item is.
    pub kind: ItemKind,
    /// How long it takes to teach, 1 to 100,000 minutes.
    pub minutes: u32,
    /// The text, Markdown, 1 to 65,536 bytes.
    pub text: String,
}

/// An edition that is published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublishedEdition {
    /// The edition; its text is empty in a list.
    pub edition: Edition,
    /// Whether the Academy has retired it.
    pub retired: bool,
    /// When it was published, to the minute.
    pub published_at: UnixMillis,
}

/// The handle on the curriculum.
#[derive(Clone)]
pub struct CurriculumStore {
    store: Store,
}

impl Store {
    /// The handle on the curriculum, which every node reads and the Academy alone writes.
    #[must_use]
    pub fn curriculum(&self) -> CurriculumStore {
        CurriculumStore { store: self.clone() }
    }
}

impl CurriculumStore {
    /// Publishes the next edition of an item, or its first. What equals the latest edition, which is not retired, is not
    /// published again: that one is returned.
    ///
    /// # Errors
    /// [`StoreError::WrongRole`] at a hub; [`StoreError::EditionRefused`]; as appending an entry; failures of the
    /// database.
    pub fn publish(&self, draft: EditionDraft) -> Result<PublishedEdition, StoreError> {
        self.needs_academy()?;
        self.store.write("publish edition", move |tx| {
            let number = highest(tx, &draft.item)?.checked_add(1).ok_or_else(|| StoreError::EditionRefused {
                reason: "the item has as many editions as there can be".to_owned(),
            })?;
            let edition = Edition::new(draft.item, number, &draft.title, draft.kind, draft.minutes, &draft.text);
            let edition = edition.map_err(|wrong| {
                let words: Vec<String> = wrong.into_iter().map(|(field, error)| format!("{field}: {error}")).collect();
                StoreError::EditionRefused { reason: words.join("; ") }
            })?;
            if let Some(latest) = latest(tx, &edition.item)?
                && latest.edition == (Edition { number: latest.edition.number, ..edition.clone() })
            {
                return Ok(latest);
            }
            append_in(tx, Topic::Curriculum, PayloadKind::Edition, encode_edition(&edition))?;
            numbered(tx, &edition.item, number)?
                .ok_or_else(|| StoreError::inconsistent("the edition that was published"))
        })
    }

    /// Retires every edition of an item that there is, and returns them without their texts. Nothing is deleted, and a
    /// later edition may follow.
    ///
    /// # Errors
    /// [`StoreError::WrongRole`] at a hub; [`StoreError::NoSuchEdition`]; as appending an entry; failures of the
    /// database.
    pub fn retire(&self, item: &ItemCode) -> Result<Vec<PublishedEdition>, StoreError> {
        self.needs_academy()?;
        let item = item.clone();
        self.store.write("retire item", move |tx| {
            let editions = listed(tx, Some(&item))?;
            if editions.is_empty() {
                return Err(StoreError::NoSuchEdition { name: item.to_string() });
            }
            if editions.iter().all(|edition| edition.retired) {
                return Ok(editions);
            }
            let retirement = Retirement { item, edition: highest(tx, &editions[0].edition.item)? };
            append_in(tx, Topic::Curriculum, PayloadKind::Retirement, encode_retirement(&retirement))?;
            listed(tx, Some(&retirement.item))
        })
    }

    /// The curriculum by item and edition, without the texts: the latest edition of each item that is not retired, or
    /// `all` that was ever published.
    ///
    /// # Errors
    /// Failures of the database.
    pub fn editions(&self, all: bool) -> Result<Vec<PublishedEdition>, StoreError> {
        let mut editions = self.store.read("list editions", |connection| listed(connection, None))?;
        if !all {
            // Retirements cover whatever came before, so that the latest stands or none does.
            let mut latest: Vec<PublishedEdition> = Vec::new();
            for edition in editions {
                match latest.last_mut() {
                    Some(last) if last.edition.item == edition.edition.item => *last = edition,
                    Some(_) | None => latest.push(edition),
                }
            }
            latest.retain(|edition| !edition.retired);
            editions = latest;
        }
        Ok(editions)
    }

    /// One edition with its text, also a retired one; without a number the latest that is not retired.
    ///
    /// # Errors
    /// [`StoreError::NoSuchEdition`]; failures of the database.
    pub fn edition(&self, item: &ItemCode, number: Option<u32>) -> Result<PublishedEdition, StoreError> {
        let found = self.store.read("read edition", |connection| match number {
            Some(number) => numbered(connection, item, number),
            None => latest(connection, item),
        })?;
        found.ok_or_else(|| StoreError::NoSuchEdition {
            name: number.map_or_else(|| item.to_string(), |number| format!("{item}.{number}")),
        })
    }

    fn needs_academy(&self) -> Result<(), StoreError> {
        match self.store.role() {
            Role::Academy => Ok(()),
            Role::Hub => Err(StoreError::WrongRole { is: Role::Hub, needed: Role::Academy }),
        }
    }
}

/// Takes in what an entry of the curriculum says. Taking the same again changes nothing.
pub(crate) fn take(
    tx: &mut Tx<'_>,
    log: &LogRow,
    entry: &Entry,
    payload: &Payload,
) -> Result<Option<Aside>, StoreError> {
    let place = log.place(entry.header.seq);
    if let Payload::Edition(edition) = payload {
        tx.prepare_cached(
            "INSERT INTO edition (item, number, hash, place, title, kind, minutes, minute)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT DO NOTHING",
        )?
        .execute(params![
            edition.item.as_str(),
            edition.number,
            entry.hash.0,
            place,
            edition.title,
            edition.kind.code(),
            edition.minutes,
            entry.header.written_at
        ])?;
    }
    if let Payload::Retirement(retirement) = payload {
        tx.prepare_cached("INSERT INTO retirement (item, edition, place) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING")?
            .execute(params![retirement.item.as_str(), retirement.edition, place])?;
    }
    Ok(None)
}

/// The highest number that an item's editions or retirements name; 0 for an item that is not known.
fn highest(connection: &Connection, item: &ItemCode) -> Result<u32, StoreError> {
    let sql = "SELECT max(coalesce((SELECT max(number) FROM edition WHERE item = ?1), 0),
        coalesce((SELECT max(edition) FROM retirement WHERE item = ?1), 0))";
    Ok(connection.prepare_cached(sql)?.query_row([item.as_str()], |row| row.get(0))?)
}

macro_rules! columns {
    () => {
        "SELECT item, number, title, kind, minutes, minute, place,
            number <= coalesce((SELECT max(edition) FROM retirement WHERE retirement.item = edition.item), 0)
         FROM edition WHERE hash = (SELECT min(hash) FROM edition AS other
            WHERE other.item = edition.item AND other.number = edition.number)"
    };
}

/// Editions by item and number without their texts: of one item, or all.
fn listed(connection: &Connection, item: Option<&ItemCode>) -> Result<Vec<PublishedEdition>, StoreError> {
    let sql = concat!(columns!(), " AND (?1 IS NULL OR item = ?1) ORDER BY item, number");
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query([item.map(ItemCode::as_str)])?;
    let mut editions = Vec::new();
    while let Some(row) = rows.next()? {
        editions.push(read(row)?.0);
    }
    Ok(editions)
}

fn numbered(connection: &Connection, item: &ItemCode, number: u32) -> Result<Option<PublishedEdition>, StoreError> {
    let sql = concat!(columns!(), " AND item = ?1 AND number = ?2");
    one(connection, sql, params![item.as_str(), number])
}

/// The latest edition, where that is not retired.
fn latest(connection: &Connection, item: &ItemCode) -> Result<Option<PublishedEdition>, StoreError> {
    let sql = concat!(columns!(), " AND item = ?1 ORDER BY number DESC LIMIT 1");
    Ok(one(connection, sql, params![item.as_str()])?.filter(|edition| !edition.retired))
}

fn one(
    connection: &Connection,
    sql: &str,
    key: &[&dyn rusqlite::ToSql],
) -> Result<Option<PublishedEdition>, StoreError> {
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(key)?;
    let Some(row) = rows.next()? else { return Ok(None) };
    let (mut edition, place) = read(row)?;
    edition.edition.text = text(connection, place)?;
    Ok(Some(edition))
}

/// A row of the table without its text, and where its entry lies.
fn read(row: &Row<'_>) -> Result<(PublishedEdition, i64), StoreError> {
    let unreadable = || StoreError::inconsistent("an edition of the curriculum");
    let (item, kind): (String, String) = (row.get(0)?, row.get(3)?);
    let edition = Edition {
        item: item.parse().map_err(|_| unreadable())?,
        number: row.get(1)?,
        title: row.get(2)?,
        kind: kind.parse().map_err(|_| unreadable())?,
        minutes: row.get(4)?,
        text: String::new(),
    };
    let published_at = UnixMillis(row.get::<_, i64>(5)? * 60_000);
    Ok((PublishedEdition { edition, retired: row.get(7)?, published_at }, row.get(6)?))
}

/// The text of an edition, from its entry.
fn text(connection: &Connection, place: i64) -> Result<String, StoreError> {
    let payload: Option<Vec<u8>> = connection
        .prepare_cached("SELECT payload FROM entry WHERE place = ?1")?
        .query_row([place], |row| row.get(0))
        .optional()?
        .flatten();
    match payload.map(|payload| Payload::decode(PayloadKind::Edition, &payload)) {
        Some(Ok(Some(Payload::Edition(edition)))) => Ok(edition.text),
        Some(_) | None => Err(StoreError::inconsistent("the text of an edition")),
    }
}
