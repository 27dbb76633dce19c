//! Funding programmes.

use std::collections::BTreeMap;

use folkmoot_domain::calendar::Programme;
use folkmoot_journal::{PayloadKind, Topic, encode_programme};
use rusqlite::{Connection, OptionalExtension, params};

use super::AcademyStore;
use crate::engine::UnixMillis;
use crate::error::StoreError;
use crate::journal::append_in;

/// A funding programme that the directory lists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegisteredProgramme {
    /// The programme.
    pub programme: Programme,
    /// When it was registered; `None` where this folder was restored and no longer knows.
    pub registered_at: Option<UnixMillis>,
}

impl AcademyStore {
    /// Registers a funding programme. The very same again is no fault, and a repeated `request_id` returns what the
    /// first request registered; an empty one is none.
    ///
    /// # Errors
    /// [`StoreError::ProgrammeChanged`] where the code stands for other days or another title; failures of the database.
    pub fn create_programme(&self, programme: &Programme, request_id: &str) -> Result<RegisteredProgramme, StoreError> {
        let (programme, request_id) = (programme.clone(), request_id.to_owned());
        let code = self.store.write("academy create programme", move |tx| {
            if let Some(code) = made_by(tx, &request_id)? {
                return Ok(code);
            }
            let code = programme.code.to_string();
            match tx.working.directory().programmes().get(&programme.code) {
                Some(held) if *held == programme => {}
                Some(_) => return Err(StoreError::ProgrammeChanged { code }),
                None => {
                    append_in(tx, Topic::Directory, PayloadKind::ProgrammeRecord, encode_programme(&programme))?;
                    tx.execute(
                        "INSERT INTO programme_registered (code, at) VALUES (?1, ?2) ON CONFLICT (code) DO NOTHING",
                        params![code, tx.now().0],
                    )?;
                }
            }
            if !request_id.is_empty() {
                tx.execute("INSERT INTO request (id, made) VALUES (?1, ?2)", params![request_id, code])?;
            }
            Ok(code)
        })?;
        let found = self.programmes()?.into_iter().find(|held| held.programme.code.as_str() == code);
        found.ok_or_else(|| StoreError::inconsistent("the programme that was registered"))
    }

    /// Every funding programme, by code.
    ///
    /// # Errors
    /// Failures of the database.
    pub fn programmes(&self) -> Result<Vec<RegisteredProgramme>, StoreError> {
        let working = self.store.working();
        let directory = working.directory();
        self.store.read("academy programmes", move |connection| {
            let mut statement = connection.prepare_cached("SELECT code, at FROM programme_registered")?;
            let rows = statement.query_map([], |row| Ok((row.get(0)?, UnixMillis(row.get(1)?))))?;
            let moments = rows.collect::<Result<BTreeMap<String, UnixMillis>, _>>()?;
            let registered = |programme: &Programme| RegisteredProgramme {
                programme: programme.clone(),
                registered_at: moments.get(programme.code.as_str()).copied(),
            };
            Ok(directory.programmes().iter().map(registered).collect())
        })
    }
}

/// The code of the programme that an earlier request of this id registered.
fn made_by(connection: &Connection, request_id: &str) -> Result<Option<String>, StoreError> {
    let mut statement = connection.prepare_cached("SELECT made FROM request WHERE id = ?1")?;
    Ok(statement.query_row([request_id], |row| row.get(0)).optional()?)
}
