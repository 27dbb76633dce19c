//! A small pool of reading connections.

use std::path::{Path, PathBuf};
use std::sync::{Condvar, Mutex, PoisonError};

use rusqlite::{Connection, TransactionBehavior};

use super::files;
use crate::error::StoreError;

/// Enough for an API that answers from memory pages; each costs its cache.
const READERS: usize = 3;

pub(super) struct Readers {
    path: PathBuf,
    pool: Mutex<Pool>,
    returned: Condvar,
}

#[derive(Default)]
struct Pool {
    idle: Vec<Connection>,
    /// Opened on first need, so that a start costs one connection only.
    opened: usize,
}

impl Readers {
    pub(super) fn new(path: &Path) -> Self {
        Self { path: path.to_owned(), pool: Mutex::default(), returned: Condvar::new() }
    }

    /// Runs `job` in a read transaction: everything that it asks is answered as of one commit.
    pub(super) fn read<T>(&self, job: impl FnOnce(&Connection) -> Result<T, StoreError>) -> Result<T, StoreError> {
        self.exclusive(|connection| {
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Deferred)?;
            let value = job(&transaction)?;
            transaction.commit()?;
            Ok(value)
        })
    }

    /// Runs `job` on a connection without a transaction.
    pub(super) fn exclusive<T>(
        &self,
        job: impl FnOnce(&mut Connection) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let mut lease = self.lease()?;
        match lease.connection.as_mut() {
            Some(connection) => job(connection),
            None => Err(StoreError::Closed),
        }
    }

    fn lease(&self) -> Result<Lease<'_>, StoreError> {
        let mut pool = self.pool.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(connection) = pool.idle.pop() {
                return Ok(Lease { readers: self, connection: Some(connection) });
            }
            if pool.opened < READERS {
                pool.opened += 1;
                drop(pool);
                // From here on the lease gives the place back, also where opening fails.
                let mut lease = Lease { readers: self, connection: None };
                lease.connection = Some(files::open_reader(&self.path)?);
                return Ok(lease);
            }
            pool = self.returned.wait(pool).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// A connection on loan; it goes back when the job ends, however it ends.
struct Lease<'a> {
    readers: &'a Readers,
    connection: Option<Connection>,
}

impl Drop for Lease<'_> {
    fn drop(&mut self) {
        let mut pool = self.readers.pool.lock().unwrap_or_else(PoisonError::into_inner);
        match self.connection.take() {
            Some(connection) => pool.idle.push(connection),
            None => pool.opened -= 1,
        }
        self.readers.returned.notify_one();
    }
}
