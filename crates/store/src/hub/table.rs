//! How the records of the ten files lie in their tables, and the three statements that write them.

use std::sync::LazyLock;

use folkmoot_domain::import::File;
use rusqlite::types::Value;
use rusqlite::{CachedStatement, Connection, OptionalExtension, params_from_iter};

use super::Writer;
use crate::engine::UnixMillis;
use crate::error::StoreError;

/// How a column is stored, and so how it reads in the words of the import.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// As it is written in the import.
    Text,
    /// The same, and null where it is empty.
    Optional,
    /// A whole number; null where it is empty.
    Whole,
    /// Pounds in the import, pence here.
    Pence,
    /// The `key` of a row of that file's table.
    Pointer(File),
}

/// One column of a record.
pub(super) struct Column {
    /// Its name in the import.
    pub(super) field: &'static str,
    /// Its name in the table.
    pub(super) name: &'static str,
    /// How it is stored.
    pub(super) kind: Kind,
}

/// The table of one file.
pub(super) struct Table {
    /// Its name.
    pub(super) name: &'static str,
    /// The record's own columns, in the order of the import.
    pub(super) columns: &'static [Column],
    /// How many of the first columns are unique together: the record's key in the import.
    key_columns: usize,
}

const fn text(field: &'static str) -> Column {
    Column { field, name: field, kind: Kind::Text }
}

const fn optional(field: &'static str) -> Column {
    Column { field, name: field, kind: Kind::Optional }
}

const fn whole(field: &'static str) -> Column {
    Column { field, name: field, kind: Kind::Whole }
}

const fn pointer(field: &'static str, name: &'static str, target: File) -> Column {
    Column { field, name, kind: Kind::Pointer(target) }
}

static PERSON: Table = Table {
    name: "person",
    columns: &[
        text("ref"),
        text("name"),
        text("email"),
        text("phone"),
        text("postcode"),
        whole("birth_year"),
        text("gender"),
        text("ethnicity"),
        text("disability"),
        text("consent_to_contact"),
    ],
    key_columns: 1,
};

static TRAINER_ASSURANCE: Table = Table {
    name: "trainer_assurance",
    columns: &[pointer("person_ref", "person", File::People), text("quality_assured_on"), text("expires_on")],
    key_columns: 2,
};

static SESSION: Table = Table {
    name: "session",
    columns: &[
        text("ref"),
        text("date"),
        text("course"),
        text("title"),
        text("mode"),
        whole("minutes"),
        pointer("trainer_ref", "trainer", File::People),
    ],
    key_columns: 1,
};

static ATTENDANCE: Table = Table {
    name: "attendance",
    columns: &[
        pointer("session_ref", "session", File::Sessions),
        pointer("person_ref", "person", File::People),
        text("outcome"),
    ],
    key_columns: 2,
};

static LISTENING_CAMPAIGN: Table = Table {
    name: "listening_campaign",
    columns: &[
        text("ref"),
        text("title"),
        text("kind"),
        text("opened_on"),
        optional("closed_on"),
        optional("reported_back_on"),
    ],
    key_columns: 1,
};

static LISTENING: Table = Table {
    name: "listening",
    columns: &[
        text("ref"),
        text("date"),
        pointer("organiser_ref", "organiser", File::People),
        pointer("person_ref", "person", File::People),
        pointer("campaign_ref", "campaign", File::ListeningCampaigns),
        text("mode"),
        text("ward"),
        text("themes"),
        text("kind"),
        text("repeat"),
        text("note"),
    ],
    key_columns: 1,
};

static ACTION: Table = Table {
    name: "action",
    columns: &[text("ref"), text("date"), text("title"), text("kind"), pointer("led_by_ref", "led_by", File::People)],
    key_columns: 1,
};

static PARTICIPATION: Table = Table {
    name: "participation",
    columns: &[pointer("action_ref", "action", File::Actions), pointer("person_ref", "person", File::People)],
    key_columns: 2,
};

static PROJECT: Table =
    Table { name: "project", columns: &[text("ref"), text("started_on"), text("title")], key_columns: 1 };

static FUNDING: Table = Table {
    name: "funding",
    columns: &[
        text("ref"),
        text("date"),
        text("source"),
        Column { field: "amount_gbp", name: "amount_pence", kind: Kind::Pence },
    ],
    key_columns: 1,
};

impl Table {
    /// The import's columns that name a row.
    pub(super) fn key_fields(&self) -> impl Iterator<Item = &'static str> {
        self.columns[..self.key_columns].iter().map(|column| column.field)
    }
}

/// The table that a file's rows go to.
pub(super) fn table(file: File) -> &'static Table {
    match file {
        File::People => &PERSON,
        File::Trainers => &TRAINER_ASSURANCE,
        File::Sessions => &SESSION,
        File::Attendances => &ATTENDANCE,
        File::ListeningCampaigns => &LISTENING_CAMPAIGN,
        File::Listenings => &LISTENING,
        File::Actions => &ACTION,
        File::Participations => &PARTICIPATION,
        File::Projects => &PROJECT,
        File::Funding => &FUNDING,
    }
}

/// The statements for one table, put together once.
struct Statements {
    find: String,
    insert: String,
    update: String,
    key_columns: usize,
}

impl Statements {
    fn of(table: &Table) -> Self {
        let names: Vec<&str> = table.columns.iter().map(|column| column.name).collect();
        let listed = names.join(", ");
        let equals = |first: usize, names: &[&str], between: &str| {
            let terms: Vec<String> =
                names.iter().enumerate().map(|(at, name)| format!("{name} = ?{}", first + at)).collect();
            terms.join(between)
        };
        let places: Vec<String> = (4..4 + names.len()).map(|place| format!("?{place}")).collect();
        Self {
            find: format!(
                "SELECT key, {listed} FROM {} WHERE {}",
                table.name,
                equals(1, &names[..table.key_columns], " AND ")
            ),
            insert: format!(
                "INSERT INTO {} (id, created_at, updated_at, created_by, updated_by, version, {listed}) \
                 VALUES (?1, ?2, ?2, ?3, ?3, 1, {})",
                table.name,
                places.join(", ")
            ),
            update: format!(
                "UPDATE {} SET updated_at = ?2, updated_by = ?3, version = version + 1, {} WHERE key = ?1",
                table.name,
                equals(4, &names, ", ")
            ),
            key_columns: table.key_columns,
        }
    }
}

static STATEMENTS: LazyLock<[Statements; File::ALL.len()]> =
    LazyLock::new(|| File::ALL.map(|file| Statements::of(table(file))));

/// Reads and writes the rows of one table; its statements are looked up once and not for each row.
pub(super) struct Shelf<'a> {
    connection: &'a Connection,
    statements: &'static Statements,
    find: CachedStatement<'a>,
    insert: CachedStatement<'a>,
}

impl<'a> Shelf<'a> {
    pub(super) fn of(connection: &'a Connection, file: File) -> Result<Self, StoreError> {
        let statements = &STATEMENTS[file as usize];
        Ok(Self {
            connection,
            statements,
            find: connection.prepare_cached(&statements.find)?,
            insert: connection.prepare_cached(&statements.insert)?,
        })
    }

    /// The row with the same key, if the table has it: its `key` and its columns.
    pub(super) fn find(&mut self, values: &[Value]) -> Result<Option<(i64, Vec<Value>)>, StoreError> {
        let found = self
            .find
            .query_row(params_from_iter(&values[..self.statements.key_columns]), |row| {
                let columns = (1..=values.len()).map(|at| row.get(at)).collect::<Result<Vec<Value>, _>>()?;
                Ok((row.get(0)?, columns))
            })
            .optional()?;
        Ok(found)
    }

    /// Writes a new row and returns its `key`.
    pub(super) fn insert(
        &mut self,
        id: [u8; 16],
        (at, writer): (UnixMillis, Writer),
        values: &[Value],
    ) -> Result<i64, StoreError> {
        let own = [Value::Blob(id.to_vec()), Value::Integer(at.0), Value::Integer(writer.uid.into())];
        self.insert.execute(params_from_iter(own.iter().chain(values)))?;
        Ok(self.connection.last_insert_rowid())
    }

    /// Replaces the columns of a row.
    pub(super) fn update(
        &self,
        key: i64,
        (at, writer): (UnixMillis, Writer),
        values: &[Value],
    ) -> Result<(), StoreError> {
        let own = [Value::Integer(key), Value::Integer(at.0), Value::Integer(writer.uid.into())];
        let mut update = self.connection.prepare_cached(&self.statements.update)?;
        update.execute(params_from_iter(own.iter().chain(values)))?;
        Ok(())
    }
}

/// The `key` of the row with this ref, in the table of a file that has refs.
pub(super) fn key_of(connection: &Connection, file: File, reference: &str) -> Result<Option<i64>, StoreError> {
    let find = match file {
        File::People => "SELECT key FROM person WHERE ref = ?1",
        File::Sessions => "SELECT key FROM session WHERE ref = ?1",
        File::ListeningCampaigns => "SELECT key FROM listening_campaign WHERE ref = ?1",
        File::Listenings => "SELECT key FROM listening WHERE ref = ?1",
        File::Actions => "SELECT key FROM action WHERE ref = ?1",
        File::Projects => "SELECT key FROM project WHERE ref = ?1",
        File::Funding => "SELECT key FROM funding WHERE ref = ?1",
        // Rows of these files have no ref, so that nothing can point at them.
        File::Trainers | File::Attendances | File::Participations => return Ok(None),
    };
    Ok(connection.prepare_cached(find)?.query_row([reference], |row| row.get(0)).optional()?)
}
