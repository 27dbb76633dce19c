//! A node's folder: its layout, its modes and its lock.
//!
//! The folder is 0700 and every file in it 0600. `folkmoot.toml` is written last by `init`, so that a folder with it is
//! whole. Whoever changes the folder or serves it holds `lock`; the system drops the lock when the process ends.

use std::{
    fs::{self, DirBuilder, File, OpenOptions, Permissions, TryLockError},
    io::{self, Read, Write},
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use crate::Error;

const FOLDER_MODE: u32 = 0o700;
const FILE_MODE: u32 = 0o600;
const OTHERS: u32 = 0o077;

/// The folder of one node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folder {
    path: PathBuf,
}

/// Held as long as this process works on the folder.
#[derive(Debug)]
#[must_use = "the folder is free again once the lock is dropped"]
pub(crate) struct FolderLock {
    _file: File,
}

impl Folder {
    /// Makes the folder for a new node, with its lock.
    ///
    /// # Errors
    /// When the folder holds a node already, or files of one that was not finished.
    pub(crate) fn create(path: &Path) -> Result<(Folder, FolderLock), Error> {
        let made: Vec<&Path> = path.ancestors().take_while(|part| !part.exists()).collect();
        let mut builder = DirBuilder::new();
        builder.recursive(true).mode(FOLDER_MODE).create(path).map_err(Error::file("create", path))?;
        for part in made.into_iter().filter(|part| !part.as_os_str().is_empty()) {
            sync_parent(part).map_err(Error::file("write", part))?;
        }
        let path = fs::canonicalize(path).map_err(Error::file("find", path))?;
        let folder = Folder { path };
        folder.check_empty()?;
        fs::set_permissions(&folder.path, Permissions::from_mode(FOLDER_MODE))
            .map_err(Error::file("set the mode of", &folder.path))?;
        let lock = folder.lock()?;
        folder.check_empty()?;
        builder.create(folder.path.join("keys")).map_err(Error::file("create", folder.path.join("keys")))?;
        Ok((folder, lock))
    }

    fn check_empty(&self) -> Result<(), Error> {
        if self.settings().exists() {
            return Err(Error::FolderTaken { path: self.path.clone() });
        }
        for entry in fs::read_dir(&self.path).map_err(Error::file("read", &self.path))? {
            let name = entry.map_err(Error::file("read", &self.path))?.file_name();
            if name != "lock" {
                let found = name.to_string_lossy().into_owned();
                return Err(Error::FolderHalfMade { path: self.path.clone(), found });
            }
        }
        Ok(())
    }

    /// Opens the folder of a node and checks that nobody else may read its keys and records.
    ///
    /// # Errors
    /// When there is no node in it, or when its modes are too open.
    pub fn open(path: &Path) -> Result<Folder, Error> {
        let absent = |error: io::Error| {
            let path = path.to_owned();
            let closed = error.kind() == io::ErrorKind::PermissionDenied;
            if closed { Error::FolderClosed { path } } else { Error::FolderEmpty { path } }
        };
        let folder = Folder { path: fs::canonicalize(path).map_err(absent)? };
        if !folder.settings().try_exists().map_err(absent)? {
            return match folder.database().exists() {
                true => Err(Error::FolderHalfMade { path: folder.path, found: "node.db".into() }),
                false => Err(Error::FolderEmpty { path: folder.path }),
            };
        }
        check_mode(&folder.path, FOLDER_MODE)?;
        check_mode(&folder.path.join("keys"), FOLDER_MODE)?;
        for file in [folder.log_key(), folder.tls_key(), folder.authority_key(), folder.database()] {
            check_mode(&file, FILE_MODE)?;
        }
        Ok(folder)
    }

    /// Takes the folder for this process alone.
    ///
    /// # Errors
    /// When another process serves or changes it.
    pub(crate) fn lock(&self) -> Result<FolderLock, Error> {
        let path = self.path.join("lock");
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(FILE_MODE)
            .open(&path)
            .map_err(Error::file("open", &path))?;
        match file.try_lock() {
            Ok(()) => Ok(FolderLock { _file: file }),
            Err(TryLockError::WouldBlock) => Err(Error::FolderServed { path: self.path.clone() }),
            Err(TryLockError::Error(source)) => Err(Error::File { action: "lock", path, source }),
        }
    }

    /// The folder's own path, absolute.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The settings file.
    #[must_use]
    pub fn settings(&self) -> PathBuf {
        self.path.join("folkmoot.toml")
    }

    /// The database.
    #[must_use]
    pub fn database(&self) -> PathBuf {
        self.path.join("node.db")
    }

    /// The Unix socket of the running node.
    #[must_use]
    pub fn socket(&self) -> PathBuf {
        self.path.join("node.sock")
    }

    /// The node's certificate; there is none before a hub has joined.
    #[must_use]
    pub fn certificate(&self) -> PathBuf {
        self.path.join("certificate.der")
    }

    pub(crate) fn log_key(&self) -> PathBuf {
        self.path.join("keys").join("log.key")
    }

    pub(crate) fn tls_key(&self) -> PathBuf {
        self.path.join("keys").join("tls.key")
    }

    pub(crate) fn authority_key(&self) -> PathBuf {
        self.path.join("keys").join("ca.key")
    }
}

fn check_mode(path: &Path, wanted: u32) -> Result<(), Error> {
    let metadata = match fs::metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(source) => return Err(Error::File { action: "read the mode of", path: path.to_owned(), source }),
    };
    let mode = metadata.mode() & 0o7777;
    match mode & OTHERS {
        0 => Ok(()),
        _ => Err(Error::FolderOpen { path: path.to_owned(), mode, wanted }),
    }
}

/// Writes a file of the folder so that a reader finds the old bytes or the new ones, never a part.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    let new = path.with_file_name(name);
    let written = (|| {
        let mut file = OpenOptions::new().create(true).truncate(true).write(true).mode(FILE_MODE).open(&new)?;
        file.set_permissions(Permissions::from_mode(FILE_MODE))?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&new, path)?;
        sync_parent(path)
    })();
    written.map_err(Error::file("write", path))
}

/// Makes durable that the parent holds `path`.
fn sync_parent(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(parent) if parent.as_os_str().is_empty() => File::open(".")?.sync_all(),
        Some(parent) => File::open(parent)?.sync_all(),
        None => Ok(()),
    }
}

/// Reads a small file of the folder whole.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, Error> {
    // No key, certificate or settings file comes near this; a larger one is not ours.
    const MOST: u64 = 1 << 20;
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(Error::file("read", path))?;
    file.take(MOST).read_to_end(&mut bytes).map_err(Error::file("read", path))?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node() -> (tempfile::TempDir, PathBuf) {
        let home = tempfile::tempdir().expect("a temporary folder");
        let path = home.path().join("node");
        let (folder, lock) = Folder::create(&path).expect("a new folder");
        for file in [folder.settings(), folder.database(), folder.log_key()] {
            write(&file, b"x").expect("a file");
        }
        drop(lock);
        (home, path)
    }

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).expect("metadata").mode() & 0o777
    }

    #[test]
    fn a_new_folder_is_closed_to_others() {
        let (_home, path) = node();
        let folder = Folder::open(&path).expect("a node");
        assert_eq!(mode(folder.path()), 0o700);
        assert_eq!(mode(&folder.path().join("keys")), 0o700);
        for file in [folder.settings(), folder.database(), folder.log_key(), folder.path().join("lock")] {
            assert_eq!(mode(&file), 0o600, "{}", file.display());
        }
    }

    #[test]
    fn a_folder_that_others_may_read_is_refused_with_the_command_that_mends_it() {
        for (file, open, command) in [
            ("", 0o750, "chmod 700"),
            ("keys", 0o755, "chmod 700"),
            ("keys/log.key", 0o640, "chmod 600"),
            ("node.db", 0o604, "chmod 600"),
        ] {
            let (_home, path) = node();
            let file = if file.is_empty() { path.clone() } else { path.join(file) };
            fs::set_permissions(&file, Permissions::from_mode(open)).expect("chmod");
            let error = Folder::open(&path).expect_err("too open").to_string();
            assert!(error.contains(command), "{error}");
        }
    }

    #[test]
    fn init_refuses_a_node_a_half_made_one_and_a_strangers_folder() {
        let (home, path) = node();
        assert!(matches!(Folder::create(&path), Err(Error::FolderTaken { .. })));
        fs::remove_file(path.join("folkmoot.toml")).expect("remove");
        assert!(matches!(Folder::create(&path), Err(Error::FolderHalfMade { .. })));
        assert!(matches!(Folder::open(&path), Err(Error::FolderHalfMade { .. })));
        assert!(matches!(Folder::open(&home.path().join("nowhere")), Err(Error::FolderEmpty { .. })));
    }

    #[test]
    fn only_one_process_holds_the_folder() {
        let (_home, path) = node();
        let folder = Folder::open(&path).expect("a node");
        let lock = folder.lock().expect("free");
        assert!(matches!(folder.lock(), Err(Error::FolderServed { .. })));
        drop(lock);
        drop(folder.lock().expect("free again"));
    }
}
