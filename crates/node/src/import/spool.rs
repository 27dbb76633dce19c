//! Where the files of an import lie between their arrival and their reading: a folder of their own in the data folder,
//! closed to others, removed afterwards and, should the process have died, before the next import and at start-up.

use std::collections::BTreeMap;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, BufReader, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use folkmoot_domain::import::File as Sheet;

/// How many bytes one import may have.
pub(crate) const MAX_TOTAL: u64 = 2 * 1024 * 1024 * 1024;

/// The files of one import.
#[derive(Debug)]
pub(crate) struct Spool {
    folder: PathBuf,
    files: BTreeMap<Sheet, (File, u64)>,
    left_out: Vec<String>,
    total: u64,
}

/// Why a piece was not taken.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SpoolError {
    /// The import is too big.
    #[error("an import may have 2 GiB; send the files in several imports, people.csv first")]
    TooBig,
    /// The disk failed.
    #[error("the files cannot be kept in the data folder while they are read: check its free space and its owner")]
    Disk(#[source] io::Error),
}

impl Spool {
    /// An empty spool.
    ///
    /// # Errors
    /// What the disk refuses.
    pub(crate) fn create(data: &Path) -> Result<Self, SpoolError> {
        let folder = folder(data);
        remove(&folder).map_err(SpoolError::Disk)?;
        DirBuilder::new().mode(0o700).create(&folder).map_err(SpoolError::Disk)?;
        Ok(Self { folder, files: BTreeMap::new(), left_out: Vec::new(), total: 0 })
    }

    /// Keeps the next piece of a file. A file that the import does not know is noted and not kept.
    ///
    /// # Errors
    /// Where the import is too big or the disk refuses.
    pub(crate) fn add(&mut self, name: &str, data: &[u8]) -> Result<(), SpoolError> {
        let Some(sheet) = Sheet::from_name(name) else {
            if self.left_out.len() < 100 && !self.left_out.iter().any(|known| known == name) {
                self.left_out.push(name.to_owned());
            }
            return Ok(());
        };
        self.total += data.len() as u64;
        if self.total > MAX_TOTAL {
            return Err(SpoolError::TooBig);
        }
        let (file, size) = match self.files.entry(sheet) {
            std::collections::btree_map::Entry::Occupied(open) => open.into_mut(),
            std::collections::btree_map::Entry::Vacant(place) => {
                let path = self.folder.join(sheet.name());
                let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
                place.insert((file.map_err(SpoolError::Disk)?, 0))
            }
        };
        file.write_all(data).map_err(SpoolError::Disk)?;
        *size += data.len() as u64;
        Ok(())
    }

    /// The sheets that came, in the order in which references resolve, with their sizes in bytes.
    pub(crate) fn sheets(&self) -> Vec<(Sheet, u64)> {
        Sheet::ALL.into_iter().filter_map(|sheet| Some((sheet, self.files.get(&sheet)?.1))).collect()
    }

    /// The names of files that the import does not know.
    pub(crate) fn left_out(&self) -> &[String] {
        &self.left_out
    }

    /// Reads a sheet from its beginning.
    ///
    /// # Errors
    /// What the disk refuses.
    pub(crate) fn open(&self, sheet: Sheet) -> io::Result<BufReader<File>> {
        Ok(BufReader::with_capacity(64 * 1024, File::open(self.folder.join(sheet.name()))?))
    }
}

impl Drop for Spool {
    fn drop(&mut self) {
        if let Err(error) = remove(&self.folder) {
            tracing::warn!(%error, "the files of an import could not be removed; the next import or start tries again");
        }
    }
}

/// Removes what an import that was cut short left behind.
pub(crate) fn clear(data: &Path) {
    if let Err(error) = remove(&folder(data)) {
        tracing::warn!(%error, "what an import left behind could not be removed; the next import tries again");
    }
}

fn remove(folder: &Path) -> io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}

fn folder(data: &Path) -> PathBuf {
    data.join("import")
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).expect("a file").permissions().mode() & 0o777
    }

    #[test]
    fn pieces_add_up_in_closed_files_that_go_again() {
        let data = tempfile::tempdir().expect("a folder");
        let mut spool = Spool::create(data.path()).expect("a spool");
        for (name, piece) in [("projects.csv", "ref,"), ("people.csv", ""), ("notes.txt", "x"), ("projects.csv", "a\n")]
        {
            spool.add(name, piece.as_bytes()).expect("room");
        }
        let folder = data.path().join("import");
        assert_eq!((mode(&folder), mode(&folder.join("people.csv"))), (0o700, 0o600));
        assert_eq!(spool.sheets(), [(Sheet::People, 0), (Sheet::Projects, 6)]);
        assert_eq!(spool.left_out(), ["notes.txt"]);
        let mut text = String::new();
        spool.open(Sheet::Projects).expect("kept").read_to_string(&mut text).expect("text");
        assert_eq!(text, "ref,a\n");
        drop(spool);
        assert!(!folder.exists());
    }

    #[test]
    fn what_a_dead_process_left_is_cleared() {
        let data = tempfile::tempdir().expect("a folder");
        std::mem::forget(Spool::create(data.path()).expect("a spool"));
        Spool::create(data.path()).expect("a fresh spool").add("people.csv", b"x").expect("room");
        std::mem::forget(Spool::create(data.path()).expect("a spool"));
        clear(data.path());
        assert!(!data.path().join("import").exists());
        clear(data.path());
    }
}
