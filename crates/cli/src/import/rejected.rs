//! Writes the rows that were refused to `rejected/`, as they were, with their number and the reason in two columns more.

use std::collections::BTreeMap;
use std::fs;
use std::io::{ErrorKind, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use folkmoot_domain::import::File;
use folkmoot_proto::hub::v1::RefusedRow;

use super::Source;
use super::sheet::{Dialect, Sheet, open, private_folder, remove};
use crate::failure::Failure;

/// The reasons of one file's rows.
type Rows<'a> = BTreeMap<u64, Vec<&'a RefusedRow>>;

/// Rewrites `rejected/` beside the files; nothing where no row was refused, and then there is no such folder.
pub(super) fn write(source: &Source, refused: &[RefusedRow]) -> Result<Option<PathBuf>, Failure> {
    let folder = source.folder.join("rejected");
    let mut files: BTreeMap<File, Rows<'_>> = BTreeMap::new();
    for row in refused.iter().filter(|row| row.row > 0) {
        if let Some(file) = File::from_name(&row.file) {
            files.entry(file).or_default().entry(row.row).or_default().push(row);
        }
    }
    if !files.is_empty() {
        private_folder(&folder)?;
    }
    for file in File::ALL {
        let target = folder.join(file.name());
        match files.get(&file) {
            Some(rows) => write_file(&source.path(file), target, rows)?,
            None => remove(&target)?,
        }
    }
    if !files.is_empty() {
        return Ok(Some(folder));
    }
    match fs::remove_dir(&folder) {
        Err(error) if !matches!(error.kind(), ErrorKind::NotFound | ErrorKind::DirectoryNotEmpty) => {
            Err(Failure::file("remove", &folder)(error))
        }
        Ok(()) | Err(_) => Ok(None),
    }
}

/// What to say where `rejected/` could not be written. The import itself is done by then.
pub(super) fn not_written(failure: &Failure) -> Failure {
    Failure::Told(format!(
        "the rows that can be taken were taken, but those above that were refused could not be written down: {}\nCopy the \
         sheets to a folder where you may write, and import that; what is taken already stays as it is",
        failure.message()
    ))
}

fn write_file(original: &Path, target: PathBuf, rows: &Rows<'_>) -> Result<(), Failure> {
    let mut records = open(original)?;
    let mut sheet = Sheet::create(target, Dialect::of(original)?)?;
    let mut shape = Shape::default();
    loop {
        let start = records.position();
        let Some(record) = records.read().map_err(Failure::file("read", original))? else { break };
        if record.number == 0 {
            shape = Shape::of(&record.fields);
            sheet.write(shape.lay_out(&record.fields, "row", "reason"))?;
            continue;
        }
        let Some(reasons) = rows.get(&record.number) else { continue };
        let number = record.number.to_string();
        let reason = shape.reason(&record.fields, reasons);
        match record.fault {
            None => sheet.write(shape.lay_out(&record.fields, &number, &reason))?,
            // A row that cannot be taken apart is kept as it stands, in one field.
            Some(_) => {
                let end = records.position();
                let raw = piece(original, start, end)?;
                let raw = raw.trim_matches(['\r', '\n']);
                sheet.write(Shape { width: shape.width, ..Shape::default() }.lay_out(&[raw], &number, &reason))?;
            }
        }
    }
    sheet.finish()
}

/// The columns of a file, and which of them are called `row` and `reason`. With both it was itself a reject file.
#[derive(Default)]
struct Shape {
    /// Columns without those two.
    width: usize,
    row: Option<usize>,
    reason: Option<usize>,
}

impl Shape {
    fn of(header: &[&str]) -> Shape {
        let place = |wanted: &str| header.iter().position(|name| name.trim().eq_ignore_ascii_case(wanted));
        let (row, reason) = (place("row"), place("reason"));
        Shape { width: header.len() - usize::from(row.is_some()) - usize::from(reason.is_some()), row, reason }
    }

    /// The fields with the two columns after them: a file may not have either twice. What a row has beyond the header stays
    /// beyond it, and so stays a fault.
    fn lay_out<'a>(&self, fields: &[&'a str], row: &'a str, reason: &'a str) -> Vec<&'a str> {
        let replaced = [self.row, self.reason];
        let kept = fields.iter().enumerate().filter(|(at, _)| !replaced.contains(&Some(*at)));
        let mut out: Vec<_> = kept.map(|(_, field)| *field).collect();
        let surplus = out.split_off(self.width.min(out.len()));
        out.resize(self.width, "");
        out.extend([row, reason]);
        out.extend(surplus);
        out
    }

    /// Every reason, with its column. A row that was only not mended yet keeps the reason that it had.
    fn reason(&self, fields: &[&str], reasons: &[&RefusedRow]) -> String {
        let kept = self.row.and(self.reason).and_then(|at| fields.get(at)).map_or("", |reason| reason.trim());
        let words: Vec<_> = reasons
            .iter()
            .filter(|it| kept.is_empty() || it.field != "reason")
            .map(|it| match it.field.as_str() {
                "" => it.reason.clone(),
                field => format!("{field}: {}", it.reason),
            })
            .collect();
        match words.is_empty() {
            true => kept.to_owned(),
            false => words.join("; "),
        }
    }
}

/// The bytes of a file from `start` to `end`, as text.
fn piece(path: &Path, start: u64, end: u64) -> Result<String, Failure> {
    let read = || {
        let mut file = fs::File::open(path)?;
        file.seek(SeekFrom::Start(start))?;
        let mut bytes = Vec::new();
        file.take(end.saturating_sub(start)).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    Ok(String::from_utf8_lossy(&read().map_err(Failure::file("read", path))?).into_owned())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn refused(row: u64, field: &str, reason: &str) -> RefusedRow {
        RefusedRow { file: "people.csv".into(), row, field: field.into(), reason: reason.into() }
    }

    /// Writes `people.csv` as `original`, and says what `rejected/people.csv` then holds.
    fn check(original: &str, rows: &[RefusedRow], expected: &str) {
        let home = tempfile::tempdir().expect("a folder");
        fs::write(home.path().join("people.csv"), original).expect("a file");
        let source = Source::find(home.path()).expect("a source");
        let folder = write(&source, rows).expect("written").expect("rows were refused");
        let file = folder.join("people.csv");
        assert_eq!(fs::read_to_string(&file).expect("the file"), expected);
        let mode = |path: &Path| fs::metadata(path).expect("metadata").permissions().mode() & 0o777;
        assert_eq!((mode(&folder), mode(&file)), (0o700, 0o600));
        assert_eq!(fs::read_to_string(home.path().join("people.csv")).expect("the original"), original);
    }

    #[test]
    fn refused_rows_are_kept_as_they_were() {
        check(
            "ref,name,note\nP-1,Ada,\nP-2,\"Lee, \"\"Jo\"\"\",\"two\nlines\"\nP-3,Max,\n",
            &[refused(2, "name", "is odd"), refused(2, "", "and so is the row")],
            "ref,name,note,row,reason\nP-2,\"Lee, \"\"Jo\"\"\",\"two\nlines\",2,name: is odd; and so is the row\n",
        );
    }

    #[test]
    fn ragged_rows_keep_their_shape() {
        check(
            "ref,name\nP-1\nP-2,Lee,more,and more\n",
            &[refused(1, "", "columns missing: name"), refused(2, "", "more fields than columns")],
            "ref,name,row,reason\nP-1,,1,columns missing: name\nP-2,Lee,2,more fields than columns,more,and more\n",
        );
    }

    #[test]
    fn what_the_spreadsheet_wrote_it_reads_back() {
        check(
            "\u{feff}ref,name\r\nP-1,Zoë\r\n",
            &[refused(1, "ref", "is there twice")],
            "\u{feff}ref,name,row,reason\r\nP-1,Zoë,1,ref: is there twice\r\n",
        );
    }

    #[test]
    fn a_row_that_cannot_be_taken_apart_is_kept_whole() {
        check(
            "ref,name\nP-1,Ada\n\"P-2,Lee\nP-3,Max\n",
            &[refused(2, "", "a quotation mark is not closed")],
            "ref,name,row,reason\n\"\"\"P-2,Lee\nP-3,Max\",,2,a quotation mark is not closed\n",
        );
    }

    #[test]
    fn rows_of_a_reject_file_get_the_new_number_and_reason() {
        check(
            "ref,name,row,reason\nP-1,Ada,17,\nP-2,Lee,19,name: is odd\n",
            &[refused(1, "name", "is still odd"), refused(2, "reason", "empty this once the row is mended")],
            "ref,name,row,reason\nP-1,Ada,1,name: is still odd\nP-2,Lee,2,name: is odd\n",
        );
        check(
            " Reason ,ref,Row,name\n,P-1,17,Ada\n",
            &[refused(1, "name", "is still odd")],
            "ref,name,row,reason\nP-1,Ada,1,name: is still odd\n",
        );
        // A column that happens to be called so would stand there twice.
        check(
            "ref,name,row\nP-1,Ada,front\n",
            &[refused(1, "name", "is odd")],
            "ref,name,row,reason\nP-1,Ada,1,name: is odd\n",
        );
    }

    #[test]
    fn files_of_an_earlier_run_do_not_stay() {
        let home = tempfile::tempdir().expect("a folder");
        fs::write(home.path().join("people.csv"), "ref,name\nP-1,Ada\n").expect("a file");
        let rejected = home.path().join("rejected");
        fs::create_dir(&rejected).expect("a folder");
        fs::write(rejected.join("funding.csv"), "old").expect("a file");
        let source = Source::find(home.path()).expect("a source");

        write(&source, &[refused(1, "name", "is odd")]).expect("written");
        assert!(!rejected.join("funding.csv").exists());
        assert!(rejected.join("people.csv").exists());

        assert_eq!(write(&source, &[]).expect("nothing to write"), None);
        assert!(!rejected.exists());

        // Something else in there is not ours to remove.
        fs::create_dir(&rejected).expect("a folder");
        fs::write(rejected.join("notes.txt"), "mine").expect("a file");
        assert_eq!(write(&source, &[]).expect("nothing to write"), None);
        assert!(rejected.join("notes.txt").exists());
    }

    #[test]
    fn where_rejected_cannot_be_written_it_says_what_was_done_and_what_to_do() {
        let home = tempfile::tempdir().expect("a folder");
        fs::write(home.path().join("people.csv"), "ref,name\nP-1,Ada\n").expect("a file");
        fs::write(home.path().join("rejected"), "in the way").expect("a file");
        let source = Source::find(home.path()).expect("a source");
        let failure = not_written(&write(&source, &[refused(1, "name", "is odd")]).expect_err("a file is in the way"));
        for expected in ["were taken", "rejected: ", "Copy the sheets to a folder where you may write"] {
            assert!(failure.to_string().contains(expected), "{failure}");
        }
        assert_eq!(failure.exit_status(), 1);
    }

    #[test]
    fn a_file_refused_as_a_whole_has_no_rows_to_write() {
        let home = tempfile::tempdir().expect("a folder");
        fs::write(home.path().join("people.csv"), "ref\nP-1\n").expect("a file");
        let source = Source::find(home.path()).expect("a source");
        assert_eq!(write(&source, &[refused(0, "", "the column name is missing")]).expect("nothing to write"), None);
    }
}
