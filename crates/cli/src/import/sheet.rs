//! Writing CSV files that only their owner may read, whole or not at all.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, BufReader, BufWriter, ErrorKind, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use crate::failure::Failure;

const MARK: &[u8] = b"\xef\xbb\xbf";

/// How a spreadsheet wrote a file: what the same spreadsheet reads back best.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Dialect {
    mark: bool,
    line_end: &'static str,
}

impl Dialect {
    /// The dialect of a file that exists.
    pub(super) fn of(path: &Path) -> Result<Dialect, Failure> {
        // A header is far shorter.
        const LOOK: u64 = 64 * 1024;
        let mut start = Vec::new();
        let file = File::open(path).map_err(Failure::file("open", path))?;
        file.take(LOOK).read_to_end(&mut start).map_err(Failure::file("read", path))?;
        let first_end = start.iter().position(|byte| *byte == b'\n');
        let carriage = first_end.is_some_and(|at| at > 0 && start[at - 1] == b'\r');
        Ok(Dialect { mark: start.starts_with(MARK), line_end: if carriage { "\r\n" } else { "\n" } })
    }
}

/// Makes a folder that only its owner may enter.
pub(super) fn private_folder(path: &Path) -> Result<(), Failure> {
    DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(Failure::file("create", path))?;
    fs::set_permissions(path, Permissions::from_mode(0o700)).map_err(Failure::file("set the mode of", path))
}

/// Removes a file that may not be there.
pub(super) fn remove(path: &Path) -> Result<(), Failure> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(Failure::file("remove", path)(error)),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Opens a CSV file to read.
pub(super) fn open(path: &Path) -> Result<folkmoot_node::csv::Records<BufReader<File>>, Failure> {
    let file = File::open(path).map_err(Failure::file("open", path))?;
    Ok(folkmoot_node::csv::Records::new(BufReader::with_capacity(64 * 1024, file)))
}

/// A CSV file being written. Until [`Sheet::finish`] nobody finds it; dropped before, it leaves nothing behind.
#[derive(Debug)]
pub(super) struct Sheet {
    path: PathBuf,
    unfinished: PathBuf,
    out: BufWriter<File>,
    line_end: &'static str,
}

impl Sheet {
    pub(super) fn create(path: PathBuf, dialect: Dialect) -> Result<Sheet, Failure> {
        let mut name = std::ffi::OsString::from(".");
        name.push(path.file_name().unwrap_or_default());
        name.push(".new");
        let unfinished = path.with_file_name(name);
        remove(&unfinished)?;
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&unfinished);
        let file = file.map_err(Failure::file("create", &unfinished))?;
        let mut sheet = Sheet { path, unfinished, out: BufWriter::new(file), line_end: dialect.line_end };
        if dialect.mark {
            sheet.out.write_all(MARK).map_err(Failure::file("write", &sheet.unfinished))?;
        }
        Ok(sheet)
    }

    pub(super) fn write<'a>(&mut self, fields: impl IntoIterator<Item = &'a str>) -> Result<(), Failure> {
        self.write_record(fields).map_err(Failure::file("write", &self.unfinished))
    }

    fn write_record<'a>(&mut self, fields: impl IntoIterator<Item = &'a str>) -> io::Result<()> {
        for (index, field) in fields.into_iter().enumerate() {
            if index > 0 {
                self.out.write_all(b",")?;
            }
            if field.contains([',', '"', '\n', '\r']) {
                write!(self.out, "\"{}\"", field.replace('"', "\"\""))?;
            } else {
                self.out.write_all(field.as_bytes())?;
            }
        }
        self.out.write_all(self.line_end.as_bytes())
    }

    /// Where the file will be.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether another file, with other content, is there already.
    pub(super) fn would_overwrite(&mut self) -> Result<bool, Failure> {
        self.out.flush().map_err(Failure::file("write", &self.unfinished))?;
        let there = match fs::read(&self.path) {
            Ok(there) => there,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(Failure::file("read", &self.path)(error)),
        };
        Ok(there != fs::read(&self.unfinished).map_err(Failure::file("read", &self.unfinished))?)
    }

    /// Puts the file in its place.
    pub(super) fn finish(mut self) -> Result<(), Failure> {
        self.out.flush().map_err(Failure::file("write", &self.unfinished))?;
        fs::rename(&self.unfinished, &self.path).map_err(Failure::file("write", &self.path))
    }
}

impl Drop for Sheet {
    fn drop(&mut self) {
        // Gone already once finished.
        let _ = fs::remove_file(&self.unfinished);
    }
}
