//! Files as they are written: each whole or not at all.

use std::fs;
use std::io::Write as _;
use std::path::Path;

use folkmoot_publication::{File, PublicationError};
use tempfile::NamedTempFile;

use crate::failure::Failure;
use crate::output::{print, tell};

/// Writes a file, in the place of one that is there.
pub(super) fn write(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let failed = |error| Failure::file("write", path)(error);
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut file = NamedTempFile::new_in(folder).map_err(failed)?;
    file.write_all(bytes).and_then(|()| open_to_all(&file)).map_err(failed)?;
    file.persist(path).map_err(|error| failed(error.error))?;
    Ok(())
}

/// What is published is for everybody: the file gets the mode of any other.
fn open_to_all(file: &NamedTempFile) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    file.as_file().set_permissions(fs::Permissions::from_mode(0o644))
}

/// Writes the only file of a format.
pub(super) fn write_first(path: &Path, files: &[File]) -> Result<(), Failure> {
    files.iter().take(1).try_for_each(|file| write(path, &file.bytes))
}

/// Writes the files of a format into a folder, which is made where it is not there.
pub(super) fn write_all(folder: &Path, files: &[File]) -> Result<(), Failure> {
    fs::create_dir_all(folder).map_err(Failure::file("create", folder))?;
    for file in files {
        let path = folder.join(&file.name);
        write(&path, &file.bytes)?;
        tell(&path.display().to_string());
    }
    Ok(())
}

/// Prints the only file of a format that is text.
pub(super) fn print_first(files: &[File]) -> Result<(), Failure> {
    files.iter().take(1).try_for_each(|file| print(&String::from_utf8_lossy(&file.bytes)))
}

pub(super) fn failed(error: PublicationError) -> Failure {
    Failure::Told(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_replace_those_that_are_there_and_leave_nothing_else() {
        let folder = tempfile::tempdir().expect("a folder");
        let made = ["one.csv", "two.csv"].map(|name| File { name: name.to_owned(), bytes: name.into() });
        let target = folder.path().join("deep/figures");
        for _ in 0..2 {
            write_all(&target, &made).expect("written");
        }
        let mut names: Vec<_> =
            fs::read_dir(&target).expect("a folder").map(|entry| entry.expect("one").file_name()).collect();
        names.sort();
        assert_eq!(names, ["one.csv", "two.csv"]);
        assert_eq!(fs::read(target.join("two.csv")).expect("a file"), b"two.csv");
        let nowhere = write(&folder.path().join("nowhere/file.svg"), b"x").expect_err("no such folder");
        assert!(nowhere.message().starts_with("cannot write "), "{}", nowhere.message());
    }
}
