//! Reading a file's first line.

use super::{File, Violation};

/// Where the columns of one file are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Columns {
    file: File,
    /// For each of `file.columns()`, its place in a row.
    places: Vec<usize>,
    /// How many columns the header names.
    width: usize,
    /// Where the `reason` of a mended reject file is.
    reason: Option<usize>,
}

impl Columns {
    /// Reads a header, a byte order mark stripped already: names in any order, whatever their case, spaces around them
    /// ignored. Also returns the columns that are not known and left out, as the header writes them. A file that has
    /// both `row` and `reason` is a reject file that somebody mended.
    ///
    /// # Errors
    /// One violation that names every column that is missing, or says why they are, and one for each that is named twice.
    pub fn read(file: File, header: &[&str]) -> Result<(Columns, Vec<String>), Vec<Violation>> {
        let names: Vec<String> = header.iter().map(|name| name.trim().to_lowercase()).collect();
        let place = |wanted: &str| names.iter().position(|name| name == wanted);
        let mended = place("row").is_some() && place("reason").is_some();
        let known = |name: &str| file.columns().contains(&name) || (mended && (name == "row" || name == "reason"));

        let mut violations = Vec::new();
        let missing: Vec<&str> = file.columns().iter().copied().filter(|column| place(column).is_none()).collect();
        if !missing.is_empty() {
            violations.push(Violation::whole(why_missing(file, &names, &missing)));
        }
        for (at, name) in names.iter().enumerate() {
            // Said once, at the second of several.
            if known(name) && names[..at].iter().filter(|earlier| *earlier == name).count() == 1 {
                violations.push(Violation::field(name, "the column is there twice; leave one"));
            }
        }
        if !violations.is_empty() {
            return Err(violations);
        }
        let unknown = names.iter().zip(header).enumerate().filter(|(_, (name, _))| !known(name));
        let unknown = unknown
            .map(|(at, (name, written))| match name.as_str() {
                "" => format!("number {} (without a name)", at + 1),
                _ => written.trim().to_owned(),
            })
            .collect();
        let columns = Columns {
            file,
            places: file.columns().iter().filter_map(|column| place(column)).collect(),
            width: names.len(),
            reason: place("reason").filter(|_| mended),
        };
        Ok((columns, unknown))
    }

    /// The columns of a file in the order of [`File::columns`], as a program has them that reads no header.
    pub(super) fn in_order(file: File) -> Columns {
        let width = file.columns().len();
        Columns { file, places: (0..width).collect(), width, reason: None }
    }

    /// The file whose columns these are.
    pub fn file(&self) -> File {
        self.file
    }

    /// How many columns the header names, those not known included.
    pub fn width(&self) -> usize {
        self.width
    }

    /// The trimmed field of a known column; `None` where the row ends before it.
    pub(super) fn field<'a>(&self, column: &str, fields: &[&'a str]) -> Option<&'a str> {
        let place = self.file.columns().iter().position(|known| *known == column)?;
        fields.get(*self.places.get(place)?).map(|field| field.trim())
    }

    /// Why the row was refused last time, as a mended reject file still has it; empty where that has been emptied.
    pub(super) fn reason<'a>(&self, fields: &[&'a str]) -> &'a str {
        self.reason.and_then(|place| fields.get(place)).map_or("", |field| field.trim())
    }
}

/// Why a first line does not name these columns, in words that say what to do. It quotes nothing: where the names are
/// left out altogether, the line is a row about somebody.
fn why_missing(file: File, names: &[String], missing: &[&str]) -> String {
    let divided_by = |mark: char| {
        let parts = names.iter().flat_map(|name| name.split(mark)).map(|part| part.trim().trim_matches('"'));
        parts.filter(|part| missing.contains(part)).count() > 1
    };
    let saved_with = |marks: &str| format!("its columns are divided by {marks}; save the sheet as CSV with commas");
    let listed = missing.join(", ");
    if names.iter().all(String::is_empty) {
        format!("the file is empty; its first line has to name the columns {listed}")
    } else if divided_by(';') {
        saved_with("semicolons")
    } else if divided_by('\t') {
        saved_with("tabs")
    } else if names.iter().any(|name| name.contains('\0')) {
        "not UTF-8; save the sheet as \"CSV UTF-8\"".to_owned()
    } else if missing.len() == file.columns().len() {
        format!("the first line names none of the columns {listed}")
    } else if missing.len() == 1 {
        format!("the column {listed} is missing")
    } else {
        format!("the columns {listed} are missing")
    }
}
