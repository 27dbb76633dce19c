//! The one writer: jobs, savepoints, group commit.

use std::ops::Deref;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use folkmoot_journal::Author;
use rusqlite::Connection;
use rusqlite::hooks::Wal;
use uuid::Uuid;

use super::{Change, Role, Shared, UnixMillis};
use crate::campaign::Documents;
use crate::error::StoreError;
use crate::journal::Working;

/// How many jobs may wait; a caller beyond that waits to hand its job over.
const QUEUE: usize = 1_024;
/// How many jobs one commit takes at most, so that the first of them is not kept waiting for long.
const BATCH: usize = 512;

/// How many pages the write-ahead log has when they are written into the database, where nobody waits for the writer, and
/// where somebody always does.
const LOG_PAGES: i32 = 1_000;
const LOG_PAGES_MOST: i32 = 4_000;

/// Tells the caller how its job ended, once the commit is decided.
type Finish = Box<dyn FnOnce(Result<(), StoreError>) + Send>;

/// Runs a job; gives the job's own error, if any, beside.
type Run = Box<dyn FnOnce(&mut Tx<'_>) -> (Option<StoreError>, Finish) + Send>;

/// When what a job wrote is safe from a loss of power. From the end of the process it is as soon as the job has an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Safe {
    /// When the job has its answer.
    AtOnce,
    /// With the next job that is safe at once, and before anything of that.
    WithTheNext,
}

pub(super) struct Job {
    name: &'static str,
    safe: Safe,
    run: Run,
    /// Answers a job that was never run.
    refuse: Box<dyn FnOnce(StoreError) + Send>,
}

impl Job {
    pub(super) fn new<T: Send + 'static>(
        name: &'static str,
        job: impl FnOnce(&mut Tx<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> (Self, Receiver<Result<T, StoreError>>) {
        let (reply, answer) = sync_channel(1);
        // A caller that is gone wants no answer.
        (Self::then(name, job, move |result| drop(reply.send(result))), answer)
    }

    /// A job whose answer is handed to `done`, on the thread that commits.
    pub(super) fn then<T: Send + 'static>(
        name: &'static str,
        job: impl FnOnce(&mut Tx<'_>) -> Result<T, StoreError> + Send + 'static,
        done: impl FnOnce(Result<T, StoreError>) + Send + 'static,
    ) -> Self {
        // A job is either run or refused; whichever it is takes it.
        let done = Arc::new(Mutex::new(Some(done)));
        let refused = Arc::clone(&done);
        let run = move |tx: &mut Tx<'_>| -> (Option<StoreError>, Finish) {
            // The savepoint takes back whatever a panicking job did.
            let result = catch_unwind(AssertUnwindSafe(|| job(tx)))
                .unwrap_or(Err(StoreError::Fault { transaction: name }))
                .map_err(|error| error.named(name));
            let failed = result.as_ref().err().cloned();
            let finish = move |commit: Result<(), StoreError>| {
                answer(&done, result.and_then(|value| commit.map(|()| value)));
            };
            (failed, Box::new(finish))
        };
        let refuse = move |error| answer(&refused, Err(error));
        Self { name, safe: Safe::AtOnce, run: Box::new(run), refuse: Box::new(refuse) }
    }

    pub(super) fn safe(self, safe: Safe) -> Self {
        Self { safe, ..self }
    }
}

fn answer<T, F: FnOnce(Result<T, StoreError>)>(done: &Mutex<Option<F>>, result: Result<T, StoreError>) {
    let done = done.lock().unwrap_or_else(PoisonError::into_inner).take();
    if let Some(done) = done {
        done(result);
    }
}

/// A write transaction as one job sees it: the connection, and all that a job may take from outside.
pub(crate) struct Tx<'a> {
    connection: &'a Connection,
    shared: &'a Shared,
    /// The journal's state in memory, as this transaction has it so far.
    pub(crate) working: &'a mut Working,
    change: Change,
}

impl Deref for Tx<'_> {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        self.connection
    }
}

impl<'a> Tx<'a> {
    /// The connection, for statements that outlive a borrow of the transaction.
    pub(crate) fn connection(&self) -> &'a Connection {
        self.connection
    }

    /// Who signs.
    ///
    /// # Errors
    /// [`StoreError::NoAuthor`] before [`Store::set_author`](super::Store::set_author).
    pub(crate) fn author(&self) -> Result<Arc<Author>, StoreError> {
        self.shared.author().ok_or(StoreError::NoAuthor)
    }

    /// Whether this process was found to run on a superseded copy.
    pub(crate) fn frozen(&self) -> bool {
        self.shared.frozen.load(Ordering::Relaxed)
    }

    /// The store's clock in minutes since 1970-01-01T00:00Z, as entries and receipts bear it.
    pub(crate) fn minute(&self) -> u32 {
        u32::try_from(self.now().0 / 60_000).unwrap_or(0)
    }

    /// Runs a part of the transaction that may fail alone. A failure of that part only, a panic included, takes back
    /// what it did and is the inner result; a failure of disk or file is the outer one and ends the transaction.
    pub(crate) fn attempt<T>(
        &mut self,
        part: impl FnOnce(&mut Self) -> Result<T, StoreError>,
    ) -> Result<Result<T, StoreError>, StoreError> {
        self.prepare_cached("SAVEPOINT part")?.execute([])?;
        let (working, change) = (self.working.clone(), self.change);
        let result =
            catch_unwind(AssertUnwindSafe(|| part(self))).unwrap_or(Err(StoreError::Fault { transaction: "" }));
        match result {
            Ok(value) => {
                self.prepare_cached("RELEASE part")?.execute([])?;
                Ok(Ok(value))
            }
            Err(error) if error.is_of_the_file() || self.is_autocommit() => Err(error),
            Err(error) => {
                *self.working = working;
                self.change = change;
                self.prepare_cached("ROLLBACK TO part")?.execute([])?;
                self.prepare_cached("RELEASE part")?.execute([])?;
                Ok(Err(error))
            }
        }
    }
    /// The store's clock.
    pub(crate) fn now(&self) -> UnixMillis {
        (self.shared.ambient.now)()
    }

    /// Fills the bytes with randomness.
    pub(crate) fn fill(&self, bytes: &mut [u8]) {
        (self.shared.ambient.fill)(bytes);
    }

    /// A fresh UUIDv7, from the store's clock and randomness.
    pub(crate) fn new_id(&self) -> Uuid {
        self.shared.new_id()
    }

    /// The campaigns' documents that are kept in memory.
    pub(crate) fn documents(&self) -> &'a Documents {
        &self.shared.documents
    }

    /// What this node is.
    pub(crate) fn role(&self) -> Role {
        self.shared.role
    }

    /// Entries or forks were stored.
    pub(crate) fn mark_journal(&mut self) {
        self.change.journal = true;
    }

    /// The directory says something else than before.
    pub(crate) fn mark_directory(&mut self) {
        self.change.directory = true;
    }

    /// A campaign was founded or came to be known here, or one counts no longer.
    pub(crate) fn mark_memberships(&mut self) {
        self.change.memberships = true;
    }

    /// Something was erased: what the file's log of writes still holds of it is overwritten after the commit.
    pub(crate) fn mark_erased(&mut self) {
        self.change.erased = true;
    }

    /// Releases were approved, appended, received or set aside.
    pub(crate) fn mark_releases(&mut self) {
        self.change.releases = true;
    }
}

pub(super) struct Writer {
    connection: Connection,
    working: Working,
    shared: Arc<Shared>,
    /// How the connection is set.
    safe: Safe,
}

impl Writer {
    pub(super) fn new(connection: Connection, working: Working, shared: Arc<Shared>) -> Self {
        Self { connection, working, shared, safe: Safe::AtOnce }
    }

    pub(super) fn connection_mut(&mut self) -> &mut Connection {
        &mut self.connection
    }

    /// Runs the jobs in one transaction, each in a savepoint of its own, and answers them once it is as safe as they ask.
    pub(super) fn commit(&mut self, safe: Safe, jobs: impl Iterator<Item = Job>) -> Change {
        let mut finished = Vec::new();
        let mut change = Change::default();
        let before = self.working.clone();
        let mut outcome = self.set(safe).and_then(|()| self.statement("BEGIN IMMEDIATE"));
        let mut last = "";
        for job in jobs {
            last = job.name;
            if let Err(error) = &outcome {
                (job.refuse)(error.clone().named(last));
                break;
            }
            match self.run(job) {
                Ok((finish, touched)) => {
                    change.join(touched);
                    finished.push(finish);
                }
                Err((finish, error)) => {
                    finished.push(finish);
                    outcome = Err(error);
                    break;
                }
            }
        }
        let outcome = outcome.and_then(|()| self.statement("COMMIT")).map_err(|error| error.named(last));
        if outcome.is_err() {
            if !self.connection.is_autocommit() {
                // Nothing is left to be done where even this fails; the next BEGIN says so to the next caller.
                let _ = self.statement("ROLLBACK");
            }
            self.working = before;
            change = Change::default();
        } else if change.directory || change.journal || change.memberships {
            self.shared.publish(&self.working);
        }
        if change.erased {
            // Where a reader is in the way, the log of writes is overwritten by later ones.
            let _ = self.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
        }
        for finish in finished {
            finish(outcome.clone());
        }
        change
    }

    /// Runs one job in its savepoint. An error means that the whole transaction is lost.
    fn run(&mut self, job: Job) -> Result<(Finish, Change), (Finish, StoreError)> {
        let before = self.working.clone();
        let opened = self.statement("SAVEPOINT job");
        let mut tx = Tx {
            connection: &self.connection,
            shared: &self.shared,
            working: &mut self.working,
            change: Change::default(),
        };
        let (failed, finish) = (job.run)(&mut tx);
        let mut change = tx.change;
        let closed = opened.and_then(|()| {
            match failed {
                None => self.statement("RELEASE job"),
                // The library gives the whole transaction up on some failures, such as a full disk.
                Some(error) if self.connection.is_autocommit() => Err(error),
                Some(_) => {
                    change = Change::default();
                    self.working = before;
                    self.statement("ROLLBACK TO job").and_then(|()| self.statement("RELEASE job"))
                }
            }
        });
        match closed {
            Ok(()) => Ok((finish, change)),
            Err(error) => Err((finish, error)),
        }
    }

    /// Where the write-ahead log is not flushed at a commit, the next flush is of all that is in it.
    fn set(&mut self, safe: Safe) -> Result<(), StoreError> {
        if self.safe != safe {
            self.connection.execute_batch(match safe {
                Safe::AtOnce => "PRAGMA synchronous = FULL",
                Safe::WithTheNext => "PRAGMA synchronous = NORMAL",
            })?;
            self.safe = safe;
        }
        Ok(())
    }

    fn statement(&self, sql: &'static str) -> Result<(), StoreError> {
        Ok(self.connection.prepare_cached(sql)?.execute([]).map(|_| ())?)
    }
}

/// The thread that owns the writer of a file.
pub(super) struct WriterThread {
    queue: Option<SyncSender<Job>>,
    thread: Option<JoinHandle<()>>,
}

impl WriterThread {
    pub(super) fn start(mut writer: Writer) -> Result<Self, StoreError> {
        let (queue, jobs) = sync_channel::<Job>(QUEUE);
        // The library would do it before the commit is told to whoever waits.
        let log_pages = Arc::new(AtomicI32::new(0));
        let counted = Arc::clone(&log_pages);
        writer.connection.wal_hook(Some(move |_: &mut Wal, pages: i32| {
            counted.store(pages, Ordering::Relaxed);
            Ok(())
        }))?;
        let work = move || {
            let mut next = None;
            while let Some(first) = next.take().or_else(|| jobs.recv().ok()) {
                // What is safe with the next goes with it at once, where that is there already.
                let mut batch = vec![first];
                while batch.iter().all(|job| job.safe == Safe::WithTheNext)
                    && batch.len() < BATCH
                    && let Ok(job) = jobs.try_recv()
                {
                    batch.push(job);
                }
                let change = match batch.iter().all(|job| job.safe == Safe::WithTheNext) {
                    true => writer.commit(Safe::WithTheNext, batch.into_iter()),
                    false => writer.commit(Safe::AtOnce, batch.into_iter().chain(jobs.try_iter()).take(BATCH)),
                };
                // A listener's fault is the listener's own: the writer goes on.
                let _ = catch_unwind(AssertUnwindSafe(|| writer.shared.announce(change)));
                let pages = log_pages.load(Ordering::Relaxed);
                if pages >= LOG_PAGES {
                    next = jobs.try_recv().ok();
                    if next.is_none() || pages >= LOG_PAGES_MOST {
                        // Where it fails, the log grows until it succeeds, or the next commit says that the disk is full.
                        let _ = writer.connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()));
                    }
                }
            }
        };
        let thread = thread::Builder::new().name("store-writer".to_owned()).spawn(work)?;
        Ok(Self { queue: Some(queue), thread: Some(thread) })
    }

    pub(super) fn send(&self, job: Job) -> Result<(), StoreError> {
        let queue = self.queue.as_ref().ok_or(StoreError::Closed)?;
        queue.send(job).map_err(|_| StoreError::Closed)
    }
}

impl WriterThread {
    /// Hands a job over; where the writer has ended, the job is refused.
    pub(super) fn send_or_refuse(&self, job: Job) {
        let unsent = match self.queue.as_ref() {
            Some(queue) => queue.send(job).err().map(|unsent| unsent.0),
            None => Some(job),
        };
        if let Some(job) = unsent {
            (job.refuse)(StoreError::Closed);
        }
    }
}

impl Drop for WriterThread {
    fn drop(&mut self) {
        self.queue = None;
        if let Some(thread) = self.thread.take()
            // A listener may hold the last clone of the store, and then this is the writer's own thread.
            && thread.thread().id() != thread::current().id()
        {
            // Waited for, so that the file is closed when the store is gone.
            let _ = thread.join();
        }
    }
}
