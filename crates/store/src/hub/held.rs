//! Everything that a hub holds on one person, for that person to see.

use folkmoot_domain::import::File;
use folkmoot_domain::personal::Personal;
use folkmoot_domain::record::Reference;
use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension};

use super::table::{Column, Kind, key_of, table};
use super::{HubStore, Writer};
use crate::engine::UnixMillis;
use crate::error::StoreError;

/// One record that concerns a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldRecord {
    /// What the record is, such as "Listening".
    pub kind: &'static str,
    /// What the person is in it, such as "heard"; empty for the person's own record.
    pub role: &'static str,
    /// The record's ref; empty where it has none.
    pub reference: Personal<String>,
    /// Its fields, in the order and the words of the import.
    pub fields: Vec<HeldField>,
    /// When it was first written.
    pub created: UnixMillis,
    /// Who first wrote it.
    pub created_by: Writer,
    /// When it was last changed.
    pub updated: UnixMillis,
    /// Who last changed it.
    pub updated_by: Writer,
}

/// One field of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldField {
    /// The column of the import; `date` and `title` beside a pointer are those of the session or action.
    pub field: &'static str,
    /// What is in it.
    pub value: Personal<String>,
}

/// Where a person can stand: a file, the column that says so, and in words.
const PLACES: &[(File, &str, &str, &str)] = &[
    (File::People, "key", "Person", ""),
    (File::Trainers, "person", "Trainer assurance", "trainer"),
    (File::Attendances, "person", "Attendance", "attended"),
    (File::Sessions, "trainer", "Session", "trainer"),
    (File::Listenings, "person", "Listening", "heard"),
    (File::Listenings, "organiser", "Listening", "organiser"),
    (File::Participations, "person", "Participation", "took part"),
    (File::Actions, "led_by", "Action", "led"),
];

impl HubStore {
    /// Everything held on the person with this ref, the person's own record first; `None` where there is no such person.
    ///
    /// # Errors
    /// Failures of the database.
    pub fn show_person(&self, reference: &Reference) -> Result<Option<Vec<HeldRecord>>, StoreError> {
        self.store.read("hub show person", |connection| {
            let Some(person) = key_of(connection, File::People, reference.as_str())? else { return Ok(None) };
            let mut records = Vec::new();
            for &(file, column, kind, role) in PLACES {
                read(connection, person, (file, column), (kind, role), &mut records)?;
            }
            Ok(Some(records))
        })
    }
}

fn read(
    connection: &Connection,
    person: i64,
    (file, column): (File, &str),
    (kind, role): (&'static str, &'static str),
    records: &mut Vec<HeldRecord>,
) -> Result<(), StoreError> {
    let table = table(file);
    let names: Vec<&str> = table.columns.iter().map(|column| column.name).collect();
    let query = format!(
        "SELECT created_at, updated_at, created_by, updated_by, {} FROM {} WHERE {column} = ?1 ORDER BY key",
        names.join(", "),
        table.name
    );
    let mut statement = connection.prepare_cached(&query)?;
    let mut rows = statement.query([person])?;
    while let Some(row) = rows.next()? {
        let mut fields = Vec::with_capacity(table.columns.len());
        for (at, column) in table.columns.iter().enumerate() {
            words(connection, column, row.get(at + 4)?, &mut fields)?;
        }
        let reference = fields.first().filter(|_| file.has_ref()).map(|field| field.value.clone());
        records.push(HeldRecord {
            kind,
            role,
            reference: reference.unwrap_or_default(),
            fields,
            created: UnixMillis(row.get(0)?),
            updated: UnixMillis(row.get(1)?),
            created_by: Writer { uid: row.get(2)? },
            updated_by: Writer { uid: row.get(3)? },
        });
    }
    Ok(())
}

/// A column in the words of the import; after a pointer at an event, what the event was.
fn words(
    connection: &Connection,
    column: &Column,
    value: Value,
    fields: &mut Vec<HeldField>,
) -> Result<(), StoreError> {
    let mut add = |field, value| fields.push(HeldField { field, value: Personal::new(value) });
    match (column.kind, value) {
        (_, Value::Null) => add(column.field, String::new()),
        (Kind::Pointer(target), Value::Integer(key)) => {
            let (reference, event) = pointed_at(connection, target, key)?;
            add(column.field, reference);
            if let Some((date, title)) = event {
                add("date", date);
                add("title", title);
            }
        }
        (Kind::Pence, Value::Integer(pence)) => add(column.field, format!("{}.{:02}", pence / 100, pence % 100)),
        (Kind::Whole, Value::Integer(number)) => add(column.field, number.to_string()),
        (Kind::Text | Kind::Optional, Value::Text(text)) => add(column.field, text),
        (_, Value::Integer(_) | Value::Real(_) | Value::Text(_) | Value::Blob(_)) => {
            return Err(StoreError::inconsistent("a record's column"));
        }
    }
    Ok(())
}

/// The ref of a row and, of a session or an action, its date and title.
fn pointed_at(
    connection: &Connection,
    target: File,
    key: i64,
) -> Result<(String, Option<(String, String)>), StoreError> {
    let (name, event) = (table(target).name, matches!(target, File::Sessions | File::Actions));
    let columns = if event { "ref, date, title" } else { "ref, '', ''" };
    let found = connection
        .prepare_cached(&format!("SELECT {columns} FROM {name} WHERE key = ?1"))?
        .query_row([key], |row| Ok((row.get(0)?, (row.get(1)?, row.get(2)?))))
        .optional()?;
    let (reference, what) = found.ok_or_else(|| StoreError::inconsistent("a record's pointer"))?;
    Ok((reference, event.then_some(what)))
}
