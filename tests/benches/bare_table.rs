//! SQLite without the product: the pragmas of its files, and nothing else.

use std::path::Path;

use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};

/// The tables that records lie in, each after those that it points at.
const TABLES: [&str; 10] = [
    "person",
    "trainer_assurance",
    "session",
    "attendance",
    "listening_campaign",
    "listening",
    "action",
    "participation",
    "project",
    "funding",
];

/// Opens a database as durable as the product's.
pub(crate) fn open(file: &Path) -> Connection {
    let connection = Connection::open(file).expect("a database");
    for (pragma, value) in [("journal_mode", "WAL"), ("synchronous", "FULL"), ("cache_size", "-2000")] {
        connection
            .pragma_update_and_check(None, pragma, value, |_| Ok(()))
            .or_else(|_| {
                // Some pragmas answer and some do not.
                connection.pragma_update(None, pragma, value)
            })
            .expect("a pragma");
    }
    connection
}

/// Rows as they lie in their tables, with the statement that writes them.
pub(crate) struct Rows {
    tables: Vec<(String, Vec<Vec<Value>>)>,
}

impl Rows {
    /// Reads every record of a hub's database.
    pub(crate) fn read(file: &Path) -> Self {
        let connection = open(file);
        let tables = TABLES.map(|table| {
            let mut select = connection.prepare(&format!("SELECT * FROM {table} ORDER BY key")).expect("a table");
            let columns = select.column_count();
            let names = select.column_names().collect::<Vec<_>>().join(", ");
            let rows = select
                .query_map([], |row| (0..columns).map(|at| row.get(at)).collect())
                .and_then(Iterator::collect::<Result<Vec<Vec<Value>>, _>>)
                .expect("rows");
            let places: Vec<String> = (1..=columns).map(|place| format!("?{place}")).collect();
            (format!("INSERT INTO {table} ({names}) VALUES ({})", places.join(", ")), rows)
        });
        Self { tables: tables.into() }
    }

    pub(crate) fn count(&self) -> u64 {
        self.tables.iter().map(|(_, rows)| rows.len() as u64).sum()
    }

    /// Writes them all in one transaction.
    pub(crate) fn insert(&self, connection: &mut Connection) {
        let transaction = connection.transaction().expect("a transaction");
        for (insert, rows) in &self.tables {
            let mut statement = transaction.prepare(insert).expect("a statement");
            for row in rows {
                statement.execute(params_from_iter(row)).expect("a row");
            }
        }
        transaction.commit().expect("a commit");
    }
}
