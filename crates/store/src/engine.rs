//! One SQLite file, one writer with group commit, a few readers.

mod files;
mod readers;
mod writer;

#[cfg(test)]
pub(crate) mod tests;

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Receiver;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use folkmoot_domain::hub::HubName;
use folkmoot_journal::Author;
use rusqlite::Connection;
use uuid::Uuid;

use crate::academy::AcademyStore;
use crate::campaign::Documents;
use crate::error::StoreError;
use crate::hub::HubStore;
use crate::journal::{JournalStore, Working, apply, rehearse};
use readers::Readers;
use writer::{Job, Writer, WriterThread};

pub(crate) use writer::{Safe, Tx};

/// A moment, in milliseconds since 1970-01-01T00:00Z.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnixMillis(pub i64);

type Clock = Box<dyn Fn() -> UnixMillis + Send + Sync>;
type Fill = Box<dyn Fn(&mut [u8]) + Send + Sync>;

/// What a store takes from outside: time and randomness. Given the same answers, a store does the same again.
pub struct Ambient {
    /// The wall clock.
    pub now: Clock,
    /// Fills the bytes with randomness.
    pub fill: Fill,
}

/// What a node is in its federation. Chosen when the file is made, and never changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// The Academy's node.
    Academy,
    /// A hub's node.
    Hub,
}

impl Role {
    /// The role as a noun, for messages.
    #[must_use]
    pub fn noun(self) -> &'static str {
        match self {
            Self::Academy => "the Academy",
            Self::Hub => "a hub",
        }
    }

    pub(crate) fn code(self) -> i64 {
        match self {
            Self::Academy => 1,
            Self::Hub => 2,
        }
    }

    pub(crate) fn from_code(code: i64) -> Option<Self> {
        match code {
            1 => Some(Self::Academy),
            2 => Some(Self::Hub),
            _ => None,
        }
    }
}

/// What the committed transactions touched. It carries no data: whoever is told reads the store.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Change {
    /// Entries or forks were stored. Receipts wake nobody: they leave nothing to be sent.
    pub journal: bool,
    /// The directory says something else than before.
    pub directory: bool,
    /// Releases were approved, appended, received or set aside.
    pub releases: bool,
    /// A campaign was founded or came to be known here, or one counts no longer.
    pub memberships: bool,
    /// Something was erased that must not lie in the file any more.
    pub(crate) erased: bool,
}

impl Change {
    fn any(self) -> bool {
        self.journal || self.directory || self.releases || self.memberships
    }

    fn join(&mut self, other: Self) {
        self.journal |= other.journal;
        self.directory |= other.directory;
        self.releases |= other.releases;
        self.memberships |= other.memberships;
        self.erased |= other.erased;
    }
}

type Listener = Arc<dyn Fn(Change) + Send + Sync>;

/// What every job sees beside the database.
struct Shared {
    ambient: Ambient,
    role: Role,
    name: HubName,
    author: RwLock<Option<Arc<Author>>>,
    frozen: AtomicBool,
    /// As of the last commit.
    working: RwLock<Working>,
    documents: Documents,
    listeners: RwLock<Vec<Listener>>,
}

impl Shared {
    fn author(&self) -> Option<Arc<Author>> {
        self.author.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn new_id(&self) -> Uuid {
        let mut random = [0; 10];
        (self.ambient.fill)(&mut random);
        let millis = u64::try_from((self.ambient.now)().0).unwrap_or(0);
        uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid()
    }

    fn working(&self) -> Working {
        self.working.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn publish(&self, working: &Working) {
        *self.working.write().unwrap_or_else(PoisonError::into_inner) = working.clone();
    }

    fn announce(&self, change: Change) {
        if change.any() {
            let listeners = self.listeners.read().unwrap_or_else(PoisonError::into_inner).clone();
            for listener in listeners {
                listener(change);
            }
        }
    }
}

enum Backend {
    File { writer: WriterThread, readers: Readers },
    // One connection for all; a job runs on the caller's thread, so that a simulation has one order of events.
    Memory(Mutex<Writer>),
}

struct Inner {
    backend: Backend,
    shared: Arc<Shared>,
}

/// A node's database. Clones share it; the file is closed when the last one goes.
#[derive(Clone)]
pub struct Store(Arc<Inner>);

impl Store {
    /// Makes the file of a new node, mode 0600.
    ///
    /// # Errors
    /// [`StoreError::AlreadyExists`] where there is a database already; failures of disk and folder.
    pub fn create(path: &Path, role: Role, name: &HubName, ambient: Ambient) -> Result<Self, StoreError> {
        let connection = files::create(path, role, name).map_err(|error| error.named("create store"))?;
        Self::on_file(path, connection, ambient)
    }

    /// Opens the file of a node and takes the migrations that it lacks.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::Foreign`], [`StoreError::Newer`]; failures of disk and folder.
    pub fn open(path: &Path, ambient: Ambient) -> Result<Self, StoreError> {
        let connection = files::open(path).map_err(|error| error.named("open store"))?;
        Self::on_file(path, connection, ambient)
    }

    /// A store without a file. With the same [`Ambient`] and the same calls it does the same, byte for byte.
    ///
    /// # Errors
    /// Failures of the database library.
    pub fn in_memory(role: Role, name: &HubName, ambient: Ambient) -> Result<Self, StoreError> {
        Self::on_memory(files::in_memory(role, name)?, ambient)
    }

    /// A store without a file from what [`Store::snapshot`] gave.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub fn from_snapshot(bytes: &[u8], ambient: Ambient) -> Result<Self, StoreError> {
        Self::on_memory(files::from_snapshot(bytes)?, ambient)
    }

    /// The whole database as bytes, as of the last commit.
    ///
    /// # Errors
    /// Failures of the database library.
    pub fn snapshot(&self) -> Result<Vec<u8>, StoreError> {
        match &self.0.backend {
            Backend::File { readers, .. } => readers.exclusive(files::snapshot),
            Backend::Memory(writer) => files::snapshot(lock(writer).connection_mut()),
        }
        .map_err(|error| error.named("snapshot"))
    }

    fn on_file(path: &Path, connection: Connection, ambient: Ambient) -> Result<Self, StoreError> {
        let (shared, mut writer) = Self::parts(connection, ambient)?;
        let readers = Readers::new(path);
        // The first write makes the log's file, and the first reader reads the schema. Done here, so that the first peer
        // does not wait for it; where it fails, so will what is asked next, and that says so.
        let _ = writer.connection_mut().execute("UPDATE node SET role = role", []);
        let working = shared.working();
        let _ = readers.read(|connection| rehearse(connection, &working));
        let writer = WriterThread::start(writer)?;
        Ok(Self(Arc::new(Inner { backend: Backend::File { writer, readers }, shared })))
    }

    fn on_memory(connection: Connection, ambient: Ambient) -> Result<Self, StoreError> {
        let (shared, writer) = Self::parts(connection, ambient)?;
        Ok(Self(Arc::new(Inner { backend: Backend::Memory(Mutex::new(writer)), shared })))
    }

    fn parts(connection: Connection, ambient: Ambient) -> Result<(Arc<Shared>, Writer), StoreError> {
        let (role, name) = files::identity(&connection)?;
        let working = Working::load(&connection)?;
        let shared = Arc::new(Shared {
            ambient,
            role,
            name,
            author: RwLock::default(),
            frozen: AtomicBool::new(false),
            working: RwLock::new(working.clone()),
            documents: Documents::default(),
            listeners: RwLock::default(),
        });
        let mut writer = Writer::new(connection, working, Arc::clone(&shared));
        if apply::anything_waits_for_upgrade(writer.connection_mut(), role)? {
            let (job, answer) = Job::new("apply after upgrade", apply::after_upgrade);
            writer.commit(Safe::AtOnce, std::iter::once(job));
            answer.recv().map_err(|_| StoreError::Closed)??;
        }
        Ok((shared, writer))
    }

    /// What this node is.
    #[must_use]
    pub fn role(&self) -> Role {
        self.0.shared.role
    }

    /// The name that the node was made with.
    #[must_use]
    pub fn name(&self) -> &HubName {
        &self.0.shared.name
    }

    /// The store's clock.
    #[must_use]
    pub fn now(&self) -> UnixMillis {
        (self.0.shared.ambient.now)()
    }

    /// A fresh UUIDv7, from the store's clock and randomness.
    pub(crate) fn new_id(&self) -> Uuid {
        self.0.shared.new_id()
    }

    /// Hands over who signs: the log key and this process's incarnation. Known once the node belongs to a federation.
    pub fn set_author(&self, author: Author) {
        *self.0.shared.author.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(author));
    }

    /// Who signs, once that was handed over.
    #[must_use]
    pub fn author(&self) -> Option<Arc<Author>> {
        self.0.shared.author()
    }

    /// Stops all writing to logs: a later copy of this node was seen. Holds until the process ends, since the next one
    /// has an incarnation of its own.
    pub fn freeze(&self) {
        self.0.shared.frozen.store(true, Ordering::Relaxed);
    }

    /// Whether [`Store::freeze`] was called.
    #[must_use]
    pub fn frozen(&self) -> bool {
        self.0.shared.frozen.load(Ordering::Relaxed)
    }

    /// The handle on logs, receipts and directory.
    #[must_use]
    pub fn journal(&self) -> JournalStore {
        JournalStore::new(self.clone())
    }

    /// The handle on a hub's records, figures and releases.
    ///
    /// # Errors
    /// [`StoreError::WrongRole`] at the Academy.
    pub fn hub(&self) -> Result<HubStore, StoreError> {
        self.needs(Role::Hub)?;
        Ok(HubStore::new(self.clone()))
    }

    /// The handle on the Academy's invitations, received releases and report.
    ///
    /// # Errors
    /// [`StoreError::WrongRole`] at a hub.
    pub fn academy(&self) -> Result<AcademyStore, StoreError> {
        self.needs(Role::Academy)?;
        Ok(AcademyStore::new(self.clone()))
    }

    fn needs(&self, needed: Role) -> Result<(), StoreError> {
        let is = self.role();
        if is == needed { Ok(()) } else { Err(StoreError::WrongRole { is, needed }) }
    }

    /// Calls `listener` after every commit that changed something others wait for. It runs on the thread that
    /// committed: it may read, but a write from within it would wait for itself.
    pub fn on_change(&self, listener: Box<dyn Fn(Change) + Send + Sync>) {
        self.0.shared.listeners.write().unwrap_or_else(PoisonError::into_inner).push(Arc::from(listener));
    }

    /// The state that the journal keeps in memory, as of the last commit.
    pub(crate) fn working(&self) -> Working {
        self.0.shared.working()
    }

    /// The campaigns' documents that are kept in memory.
    pub(crate) fn documents(&self) -> &Documents {
        &self.0.shared.documents
    }

    /// Runs `job` in the transaction `name` and answers once it is durable. A failing job leaves nothing behind.
    ///
    /// # Errors
    /// The job's own; failures of the database; [`StoreError::Fault`] where the job panicked.
    pub(crate) fn write<T: Send + 'static>(
        &self,
        name: &'static str,
        job: impl FnOnce(&mut Tx<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.begin_write(name, Safe::AtOnce, job)?.wait()
    }

    /// Hands `job` over to be run in the transaction `name`. What is handed over one behind the other is written in that
    /// order, and made durable together where it can be.
    ///
    /// # Errors
    /// [`StoreError::Closed`].
    pub(crate) fn begin_write<T: Send + 'static>(
        &self,
        name: &'static str,
        safe: Safe,
        job: impl FnOnce(&mut Tx<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<Written<T>, StoreError> {
        let (job, answer) = Job::new(name, job);
        match &self.0.backend {
            Backend::File { writer, .. } => writer.send(job.safe(safe))?,
            Backend::Memory(writer) => {
                let change = lock(writer).commit(Safe::AtOnce, std::iter::once(job));
                self.0.shared.announce(change);
            }
        }
        Ok(Written(answer))
    }

    /// As [`Store::write`], for callers that must not block: `done` is called once the job is durable or has failed, on
    /// the thread that commits, where it must do next to nothing. Only a queue that is full, for as long as it takes to
    /// write part of it, keeps the caller waiting.
    pub(crate) fn write_then<T: Send + 'static>(
        &self,
        name: &'static str,
        safe: Safe,
        job: impl FnOnce(&mut Tx<'_>) -> Result<T, StoreError> + Send + 'static,
        done: impl FnOnce(Result<T, StoreError>) + Send + 'static,
    ) {
        let job = Job::then(name, job, done).safe(safe);
        match &self.0.backend {
            Backend::File { writer, .. } => writer.send_or_refuse(job),
            Backend::Memory(writer) => {
                let change = lock(writer).commit(Safe::AtOnce, std::iter::once(job));
                self.0.shared.announce(change);
            }
        }
    }

    /// Runs `job` on a consistent view of what is committed.
    ///
    /// # Errors
    /// The job's own; failures of the database.
    pub(crate) fn read<T>(
        &self,
        name: &'static str,
        job: impl FnOnce(&Connection) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        match &self.0.backend {
            Backend::File { readers, .. } => readers.read(job),
            Backend::Memory(writer) => job(lock(writer).connection_mut()),
        }
        .map_err(|error| error.named(name))
    }
}

/// A job that was handed over.
pub(crate) struct Written<T>(Receiver<Result<T, StoreError>>);

impl<T> Written<T> {
    /// Waits until the job is durable or has failed.
    ///
    /// # Errors
    /// As [`Store::write`].
    pub(crate) fn wait(self) -> Result<T, StoreError> {
        self.0.recv().map_err(|_| StoreError::Closed)?
    }
}

// A job's panic is caught before it could poison the lock; what a reader's panic leaves behind is whole.
fn lock(writer: &Mutex<Writer>) -> MutexGuard<'_, Writer> {
    writer.lock().unwrap_or_else(PoisonError::into_inner)
}
