use std::sync::Barrier;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::channel;

use rusqlite::params;
use tempfile::TempDir;

use super::*;
use crate::migrations::{MIGRATIONS, climb, newest};

/// A clock that stands still and randomness that counts: two stores with it do the same.
pub(crate) fn ambient() -> Ambient {
    let counter = AtomicU64::new(0);
    Ambient {
        now: Box::new(|| UnixMillis(1_700_000_000_000)),
        fill: Box::new(move |bytes| {
            for chunk in bytes.chunks_mut(8) {
                let count = counter.fetch_add(1, Ordering::Relaxed).to_be_bytes();
                chunk.copy_from_slice(&count[..chunk.len()]);
            }
        }),
    }
}

fn name() -> HubName {
    "Warminster".parse().expect("a name")
}

fn on_disk() -> (TempDir, Store) {
    let folder = TempDir::new().expect("a folder");
    let store = Store::create(&folder.path().join("node.db"), Role::Hub, &name(), ambient()).expect("a store");
    with_table(&store);
    (folder, store)
}

fn with_table(store: &Store) {
    let made = store.write("test table", |tx| Ok(tx.execute_batch("CREATE TABLE note (n INTEGER UNIQUE) STRICT")?));
    made.expect("a table");
}

fn put(store: &Store, n: i64) -> Result<(), StoreError> {
    store.write("put note", move |tx| {
        tx.execute("INSERT INTO note VALUES (?1)", params![n])?;
        Ok(())
    })
}

fn notes(store: &Store) -> Vec<i64> {
    let read = store.read("read notes", |connection| {
        let mut statement = connection.prepare("SELECT n FROM note ORDER BY n")?;
        Ok(statement.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?)
    });
    read.expect("notes")
}

#[test]
fn what_is_written_is_there_after_opening_again() {
    let (folder, store) = on_disk();
    put(&store, 7).expect("written");
    // A copy of the files as they lie, taken while the store runs, is what a kill leaves behind.
    let copy = TempDir::new().expect("a folder");
    for entry in std::fs::read_dir(folder.path()).expect("files") {
        let entry = entry.expect("a file");
        if !entry.file_name().to_string_lossy().ends_with("-shm") {
            std::fs::copy(entry.path(), copy.path().join(entry.file_name())).expect("copied");
        }
    }
    let killed = Store::open(&copy.path().join("node.db"), ambient()).expect("opens");
    assert_eq!(notes(&killed), [7]);
    assert_eq!(killed.role(), Role::Hub);
    assert_eq!(killed.name(), &name());
    drop(store);
    let reopened = Store::open(&folder.path().join("node.db"), ambient()).expect("opens");
    assert_eq!(notes(&reopened), [7]);
}

#[test]
fn the_file_is_for_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    let (folder, store) = on_disk();
    for entry in std::fs::read_dir(folder.path()).expect("files") {
        let entry = entry.expect("a file");
        assert_eq!(entry.metadata().expect("metadata").permissions().mode() & 0o777, 0o600, "{:?}", entry.file_name());
    }
    drop(store);
    let path = folder.path().join("node.db");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).expect("loosened");
    drop(Store::open(&path, ambient()).expect("opens"));
    assert_eq!(std::fs::metadata(&path).expect("metadata").permissions().mode() & 0o777, 0o600);
}

#[test]
fn pragmas_hold_on_every_connection() {
    let (_folder, store) = on_disk();
    let check = |connection: &Connection| {
        let pragma = |name: &str| -> i64 {
            connection.query_row(&format!("PRAGMA {name}"), [], |row| row.get(0)).expect("a pragma")
        };
        assert_eq!(pragma("synchronous"), 2);
        assert_eq!(pragma("foreign_keys"), 1);
        assert_eq!(pragma("secure_delete"), 1);
        assert_eq!(pragma("temp_store"), 2);
        assert_eq!(pragma("application_id"), i64::from(crate::migrations::APPLICATION_ID));
        let mode: String = connection.query_row("PRAGMA journal_mode", [], |row| row.get(0)).expect("a mode");
        assert_eq!(mode, "wal");
    };
    store
        .write("pragmas", move |tx| {
            check(tx);
            Ok(())
        })
        .expect("checked");
    store
        .read("pragmas", |connection| {
            check(connection);
            assert!(connection.execute("DELETE FROM note", []).is_err(), "a reader cannot write");
            Ok(())
        })
        .expect("checked");
}

#[test]
fn what_may_wait_is_seen_at_once_and_flushed_with_the_next() {
    let (_folder, store) = on_disk();
    let level = |safe: Safe, n: i64| {
        let job = move |tx: &mut Tx<'_>| {
            tx.execute("INSERT INTO note VALUES (?1)", params![n])?;
            Ok(tx.query_row("PRAGMA synchronous", [], |row| row.get::<_, i64>(0))?)
        };
        let level = store.begin_write("level", safe, job).and_then(Written::wait).expect("written");
        assert!(notes(&store).contains(&n));
        level
    };
    let (normal, full) = (1, 2);
    let asked = [Safe::WithTheNext, Safe::WithTheNext, Safe::AtOnce, Safe::WithTheNext, Safe::AtOnce];
    let levels: Vec<i64> = asked.into_iter().zip(1..).map(|(safe, n)| level(safe, n)).collect();
    assert_eq!(levels, [normal, normal, full, normal, full]);
}

#[test]
fn the_log_of_writes_is_written_into_the_database_after_the_answer() {
    let (folder, store) = on_disk();
    let pages = || std::fs::metadata(folder.path().join("node.db")).expect("metadata").len() / 4_096;
    let fill = |count: i64| {
        store.write("fill", move |tx| {
            let sql = "CREATE TABLE IF NOT EXISTS page (body BLOB) STRICT;";
            tx.execute_batch(sql)?;
            for _ in 0..count {
                tx.execute("INSERT INTO page VALUES (zeroblob(4000))", [])?;
            }
            Ok(())
        })
    };
    let before = pages();
    fill(500).expect("written");
    put(&store, 1).expect("written");
    assert!(pages() < before + 500, "too little to be worth it");
    // Past this, whoever comes next waits for it.
    fill(4_000).expect("written");
    put(&store, 2).expect("written");
    assert!(pages() > before + 4_000);
}

#[test]
fn files_that_are_not_ours_are_refused_in_words() {
    let folder = TempDir::new().expect("a folder");
    let path = folder.path().join("node.db");
    let open = || Store::open(&path, ambient()).err().expect("refused");
    assert!(matches!(open(), StoreError::NotFound));
    std::fs::write(&path, "a letter to the council, nothing that a database would hold").expect("written");
    assert!(matches!(open(), StoreError::Foreign));
    std::fs::remove_file(&path).expect("removed");
    Connection::open(&path).expect("made").execute_batch("CREATE TABLE other (x)").expect("made");
    assert!(matches!(open(), StoreError::Foreign));
    let created = Store::create(&path, Role::Hub, &name(), ambient());
    assert!(matches!(created, Err(StoreError::AlreadyExists)));
    std::fs::remove_file(&path).expect("removed");
    drop(Store::create(&path, Role::Hub, &name(), ambient()).expect("made"));
    Connection::open(&path).expect("opens").pragma_update(None, "user_version", newest() + 1).expect("set");
    assert!(matches!(open(), StoreError::Newer { .. }));
}

#[test]
fn a_creation_that_was_killed_can_be_repeated() {
    let folder = TempDir::new().expect("a folder");
    let path = folder.path().join("node.db");
    std::fs::write(&path, "").expect("an empty file");
    assert!(matches!(Store::open(&path, ambient()), Err(StoreError::Foreign)));
    Store::create(&path, Role::Academy, &name(), ambient()).expect("made");
}

/// Jobs that queue while another runs share one commit; each succeeds or fails alone.
#[test]
fn jobs_of_one_commit_are_isolated() {
    let (_folder, store) = on_disk();
    let gate = Arc::new(Barrier::new(2));
    let (entered, inside) = channel();
    std::thread::scope(|scope| {
        let blocking = Arc::clone(&gate);
        let first = store.clone();
        scope.spawn(move || {
            first.write("block", move |_| {
                entered.send(()).expect("told");
                blocking.wait();
                Ok(())
            })
        });
        inside.recv().expect("the first job runs");
        let outcomes: Vec<_> = (0..20)
            .map(|n| {
                let store = store.clone();
                scope.spawn(move || {
                    store.write("mixed", move |tx| {
                        tx.execute("INSERT INTO note VALUES (?1)", params![n])?;
                        match n % 4 {
                            1 => Err(StoreError::Frozen),
                            2 => panic!("a fault"),
                            3 => tx.execute("INSERT INTO note VALUES (?1)", params![n]).map(|_| ()).map_err(Into::into),
                            _ => Ok(()),
                        }
                    })
                })
            })
            .collect();
        gate.wait();
        for (n, outcome) in outcomes.into_iter().enumerate() {
            let outcome = outcome.join().expect("joined");
            match n % 4 {
                0 => outcome.expect("written"),
                1 => assert!(matches!(outcome, Err(StoreError::Frozen))),
                2 => assert!(matches!(outcome, Err(StoreError::Fault { transaction: "mixed" }))),
                _ => assert!(matches!(outcome, Err(StoreError::Database { transaction: "mixed", .. }))),
            }
        }
    });
    assert_eq!(notes(&store), [0, 4, 8, 12, 16]);
}

#[test]
fn a_commit_that_fails_fails_every_job() {
    let store = Store::in_memory(Role::Hub, &name(), ambient()).expect("a store");
    store
        .write("tables", |tx| {
            let sql = "CREATE TABLE parent (id INTEGER PRIMARY KEY);
                CREATE TABLE child (parent REFERENCES parent DEFERRABLE INITIALLY DEFERRED);";
            Ok(tx.execute_batch(sql)?)
        })
        .expect("tables");
    let (job, answer) = Job::new("orphan", |tx: &mut Tx<'_>| {
        tx.mark_journal();
        Ok(tx.execute("INSERT INTO child VALUES (1)", [])?)
    });
    let (other, other_answer) =
        Job::new("parent", |tx: &mut Tx<'_>| Ok(tx.execute("INSERT INTO parent VALUES (2)", [])?));
    let Backend::Memory(writer) = &store.0.backend else { panic!("in memory") };
    assert_eq!(lock(writer).commit(Safe::AtOnce, [job, other].into_iter()), Change::default());
    assert!(answer.recv().expect("answered").is_err());
    assert!(other_answer.recv().expect("answered").is_err());
    let count =
        store.read("count", |c| Ok(c.query_row("SELECT count(*) FROM parent", [], |row| row.get::<_, i64>(0))?));
    assert_eq!(count.expect("counted"), 0);
    store.write("after", |tx| Ok(tx.execute("INSERT INTO parent VALUES (3)", [])?)).expect("the writer goes on");
}

#[test]
fn a_part_that_fails_is_taken_back_alone() {
    let (_folder, store) = on_disk();
    let insert = |tx: &mut Tx<'_>, n: i64| Ok(tx.execute("INSERT INTO note VALUES (?1)", params![n])?);
    let outcomes = store.write("parts", move |tx| {
        insert(tx, 1)?;
        let failed = tx.attempt(|tx| insert(tx, 2).and_then(|_| insert(tx, 1)))?;
        let panicked: Result<usize, _> = tx.attempt(|tx| {
            insert(tx, 3)?;
            panic!("a fault")
        })?;
        let done = tx.attempt(|tx| insert(tx, 4))?;
        Ok([failed.is_ok(), panicked.is_ok(), done.is_ok()])
    });
    assert_eq!(outcomes.expect("committed"), [false, false, true]);
    assert_eq!(notes(&store), [1, 4]);
}

#[test]
fn a_full_disk_is_said_and_survived() {
    let (_folder, store) = on_disk();
    store.write("limit", |tx| Ok(tx.query_row("PRAGMA max_page_count = 1", [], |_| Ok(()))?)).expect("limited");
    let fill = store.write("fill", |tx| {
        for n in 0..100_000 {
            tx.execute("INSERT INTO note VALUES (?1)", params![n])?;
        }
        Ok(())
    });
    assert!(matches!(fill, Err(StoreError::DiskFull { transaction: "fill", .. })), "{fill:?}");
    assert_eq!(notes(&store), [0; 0]);
    store
        .write("more room", |tx| Ok(tx.query_row("PRAGMA max_page_count = 100000", [], |_| Ok(()))?))
        .expect("the writer goes on");
    put(&store, 1).expect("written");
}

#[test]
fn listeners_hear_what_was_committed_and_nothing_else() {
    let store = Store::in_memory(Role::Hub, &name(), ambient()).expect("a store");
    let (tell, heard) = channel();
    store.on_change(Box::new(move |change| tell.send(change).expect("heard")));
    store.write("silent", |_| Ok(())).expect("written");
    let failed: Result<(), _> = store.write("failing", |tx| {
        tx.mark_journal();
        Err(StoreError::Frozen)
    });
    assert!(failed.is_err());
    store
        .write("release", |tx| {
            tx.mark_releases();
            Ok(())
        })
        .expect("written");
    assert_eq!(heard.try_iter().collect::<Vec<_>>(), [Change { releases: true, ..Change::default() }]);
}

#[test]
fn readers_work_beside_the_writer_and_beside_each_other() {
    let (_folder, store) = on_disk();
    put(&store, 1).expect("written");
    std::thread::scope(|scope| {
        let readers: Vec<_> = (0..8).map(|_| scope.spawn(|| notes(&store))).collect();
        for reader in readers {
            assert_eq!(reader.join().expect("joined"), [1]);
        }
    });
}

#[test]
fn snapshots_carry_everything_and_memory_stores_repeat() {
    let run = || {
        let store = Store::in_memory(Role::Hub, &name(), ambient()).expect("a store");
        with_table(&store);
        put(&store, 3).expect("written");
        let id = store.write("id", |tx| Ok(tx.new_id())).expect("an id");
        (store.snapshot().expect("a snapshot"), id)
    };
    assert!(run() == run(), "two runs with one ambient are the same, byte for byte");
    let (bytes, id) = run();
    assert_eq!(id.get_version_num(), 7);
    let restored = Store::from_snapshot(&bytes, ambient()).expect("restored");
    assert_eq!(notes(&restored), [3]);
    put(&restored, 4).expect("written");
    // A file's snapshot opens in memory too.
    let (_folder, store) = on_disk();
    put(&store, 5).expect("written");
    let copy = Store::from_snapshot(&store.snapshot().expect("a snapshot"), ambient()).expect("restored");
    assert_eq!(notes(&copy), [5]);
}

#[test]
fn handles_belong_to_roles() {
    let hub = Store::in_memory(Role::Hub, &name(), ambient()).expect("a store");
    assert!(hub.hub().is_ok());
    assert!(matches!(hub.academy(), Err(StoreError::WrongRole { is: Role::Hub, needed: Role::Academy })));
    let academy = Store::in_memory(Role::Academy, &name(), ambient()).expect("a store");
    assert!(academy.academy().is_ok());
    assert!(matches!(academy.hub(), Err(StoreError::WrongRole { .. })));
}

/// The versions that were released, each with the number of its last migration. A release adds a line; none goes.
const RELEASED: &[(&str, u32)] = &[
    ("0.1.0, the foundation alone", 3),
    ("0.1.0", 6),
    ("0.2.0", 8),
    ("0.3.0", 9),
    ("0.4.0", 12),
    ("0.5.0", 15),
    ("0.6.0", 16),
    ("0.7.0", 17),
];

fn schema(connection: &Connection) -> Vec<(String, String, Option<String>)> {
    let mut statement =
        connection.prepare("SELECT type, name, sql FROM sqlite_schema ORDER BY type, name").expect("sql");
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).expect("rows");
    rows.collect::<Result<_, _>>().expect("a schema")
}

#[test]
fn every_released_version_climbs_to_the_schema_of_a_fresh_file() {
    assert!(RELEASED.last().is_some_and(|(_, number)| *number == newest()), "a new migration needs a release's line");
    assert!(MIGRATIONS.iter().zip(1..).all(|(step, number)| step.number == number), "steps count from 1");
    for role in [Role::Academy, Role::Hub] {
        let fresh = Connection::open_in_memory().expect("memory");
        climb(&fresh, role, newest()).expect("made");
        for (release, number) in RELEASED {
            let old = Connection::open_in_memory().expect("memory");
            climb(&old, role, *number).expect("made");
            climb(&old, role, newest()).expect("climbed");
            assert_eq!(schema(&old), schema(&fresh), "{release}, {role:?}");
        }
    }
}

#[test]
fn the_academys_tables_hold_no_person() {
    let academy = Connection::open_in_memory().expect("memory");
    climb(&academy, Role::Academy, newest()).expect("made");
    for (kind, name, _) in schema(&academy) {
        for word in ["person", "listening", "attendance", "participation"] {
            assert!(!name.contains(word), "{kind} {name}");
        }
    }
}
