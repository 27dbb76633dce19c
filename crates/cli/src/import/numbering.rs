//! Gives every row a ref, in a copy. The same row gets the same ref each time, so that a sheet can be extended, numbered and
//! imported again; a ref that somebody wrote stays.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use folkmoot_domain::import::{Columns, File};
use folkmoot_journal::Hash;

use super::Source;
use super::sheet::{Dialect, Sheet, open, private_folder};
use crate::failure::Failure;

/// The copy, and how many refs each file got.
pub(super) struct Numbered {
    pub(super) folder: PathBuf,
    pub(super) files: Vec<(File, u64)>,
}

/// Writes `numbered/` beside the files. Either every file is written, or none; a copy that somebody has worked on stays.
pub(super) fn write(source: &Source) -> Result<Numbered, Failure> {
    let folder = source.folder.join("numbered");
    private_folder(&folder)?;
    let mut files = Vec::new();
    let mut sheets = Vec::new();
    for &file in &source.files {
        let (sheet, refs) = number(file, &source.path(file), folder.join(file.name()))?;
        sheets.push(sheet);
        files.push((file, refs));
    }
    for sheet in &mut sheets {
        if sheet.would_overwrite()? {
            return Err(Failure::Told(format!(
                "{} is there already and differs: go on with that copy, or move it away and number again",
                sheet.path().display()
            )));
        }
    }
    for sheet in sheets {
        sheet.finish()?;
    }
    Ok(Numbered { folder, files })
}

/// Copies one file, with refs where it should have them and has none.
fn number(file: File, original: &Path, target: PathBuf) -> Result<(Sheet, u64), Failure> {
    let mut sheet = Sheet::create(target, Dialect::of(original)?)?;
    let mut taken = written_refs(file, original)?;
    let mut records = open(original)?;
    let mut shape = Shape::default();
    let mut occurrences: BTreeMap<Hash, u64> = BTreeMap::new();
    let mut added = 0;
    while let Some(record) = records.read().map_err(Failure::file("read", original))? {
        if let Some(fault) = record.fault {
            let name = file.name();
            return Err(Failure::Told(format!(
                "{name}, row {}: {}; mend it, then number again",
                record.number,
                fault.words()
            )));
        }
        if record.number == 0 {
            check_header(file, &record.fields)?;
            shape = Shape::of(file, &record.fields);
            sheet.write(shape.front("ref").into_iter().chain(record.fields))?;
        } else if !file.has_ref() || record.is_blank() || shape.has_ref(&record.fields) {
            sheet.write(shape.front("").into_iter().chain(record.fields))?;
        } else {
            let content = shape.content(file, &record.fields);
            let occurrence = occurrences.entry(content).or_default();
            let reference = fresh(content, *occurrence, &mut taken);
            *occurrence += 1;
            added += 1;
            match shape.reference {
                None => sheet.write([reference.as_str()].into_iter().chain(record.fields))?,
                Some(place) => {
                    let mut fields = record.fields;
                    fields.resize(fields.len().max(place + 1), "");
                    fields[place] = &reference;
                    sheet.write(fields)?;
                }
            }
        }
    }
    Ok((sheet, added))
}

/// Refuses a first line that an import would refuse, whatever refs are added.
fn check_header(file: File, header: &[&str]) -> Result<(), Failure> {
    let reference = ["ref"].into_iter().filter(|_| Shape::of(file, header).added);
    let numbered: Vec<&str> = header.iter().copied().chain(reference).collect();
    let Err(violations) = Columns::read(file, &numbered) else { return Ok(()) };
    let words = violations.into_iter().map(|wrong| match wrong.field.as_str() {
        "" => wrong.reason,
        field => format!("{field}: {}", wrong.reason),
    });
    Err(Failure::Told(format!("{}: {}; mend it, then number again", file.name(), words.collect::<Vec<_>>().join("; "))))
}

/// The refs that somebody wrote.
fn written_refs(file: File, original: &Path) -> Result<BTreeSet<String>, Failure> {
    let mut records = open(original)?;
    let mut taken = BTreeSet::new();
    let mut place = None;
    while let Some(record) = records.read().map_err(Failure::file("read", original))? {
        if record.number == 0 {
            place = Shape::of(file, &record.fields).reference;
        } else if let Some(reference) = place.and_then(|place: usize| record.fields.get(place)) {
            taken.insert(reference.trim().to_owned());
        }
    }
    Ok(taken)
}

/// A ref that follows from what the row says and how many rows before it say the same.
fn fresh(content: Hash, occurrence: u64, taken: &mut BTreeSet<String>) -> String {
    let mut attempt: u64 = 0;
    loop {
        let seed = [content.as_bytes().as_slice(), &occurrence.to_be_bytes(), &attempt.to_be_bytes()].concat();
        let reference = format!("auto-{}", &Hash::of(&seed).to_string()[..16]);
        if taken.insert(reference.clone()) {
            return reference;
        }
        attempt += 1;
    }
}

/// Where the ref is, and what the columns are called.
#[derive(Default)]
struct Shape {
    names: Vec<String>,
    reference: Option<usize>,
    /// Whether a column for the ref is put before the others.
    added: bool,
}

impl Shape {
    fn of(file: File, header: &[&str]) -> Shape {
        let names: Vec<String> = header.iter().map(|name| name.trim().to_lowercase()).collect();
        let reference = names.iter().position(|name| name == "ref").filter(|_| file.has_ref());
        Shape { added: file.has_ref() && reference.is_none(), names, reference }
    }

    /// The field before the others, where a column is put there.
    fn front<'a>(&self, field: &'a str) -> Option<&'a str> {
        self.added.then_some(field)
    }

    fn has_ref(&self, fields: &[&str]) -> bool {
        self.reference.and_then(|place| fields.get(place)).is_some_and(|reference| !reference.trim().is_empty())
    }

    /// What a row says, whatever the order of its columns and the spaces around its fields. The columns of a reject file
    /// are not what it says.
    fn content(&self, file: File, fields: &[&str]) -> Hash {
        let mut said: Vec<(&str, &str)> = fields
            .iter()
            .enumerate()
            .map(|(at, field)| (self.names.get(at).map_or("", String::as_str), field.trim()))
            .filter(|(name, field)| !field.is_empty() && !["row", "reason"].contains(name))
            .collect();
        said.sort_unstable();
        let mut bytes = Vec::new();
        for part in [file.name()].into_iter().chain(said.into_iter().flat_map(|(name, field)| [name, field])) {
            bytes.extend_from_slice(&(part.len() as u64).to_be_bytes());
            bytes.extend_from_slice(part.as_bytes());
        }
        Hash::of(&bytes)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// Numbers one file, and returns the copy's lines.
    fn numbered(name: &str, original: &str) -> Vec<String> {
        let home = tempfile::tempdir().expect("a folder");
        let path = home.path().join(name);
        fs::write(&path, original).expect("a file");
        let source = Source::find(home.path()).expect("a source");
        let folder = write(&source).expect("numbered").folder;
        assert_eq!(fs::read_to_string(&path).expect("the original"), original, "the original is as it was");
        fs::read_to_string(folder.join(name)).expect("the copy").lines().map(str::to_owned).collect()
    }

    fn refs(lines: &[String]) -> Vec<&str> {
        lines[1..].iter().filter_map(|line| line.split(',').next()).collect()
    }

    #[test]
    fn rows_without_a_ref_get_one() {
        let lines = numbered("projects.csv", "ref,started_on,title\n,2018-04-01,Garden\nP-7,2018-05-01,Hall\n");
        assert!(lines[1].starts_with("auto-") && lines[1].ends_with(",2018-04-01,Garden"), "{}", lines[1]);
        assert_eq!(lines[2], "P-7,2018-05-01,Hall");
    }

    #[test]
    fn a_missing_column_is_added_first() {
        let lines = numbered("projects.csv", "started_on,title\n2018-04-01,Garden\n,\n");
        assert_eq!(lines[0], "ref,started_on,title");
        assert!(lines[1].starts_with("auto-") && lines[1].ends_with(",2018-04-01,Garden"), "{}", lines[1]);
        assert_eq!(lines[2], ",,", "a blank row stays one");
    }

    #[test]
    fn a_row_that_ends_before_its_ref_gets_one() {
        let lines = numbered("projects.csv", "started_on,title,ref\n2018-04-01,Garden\n");
        assert!(lines[1].starts_with("2018-04-01,Garden,auto-"), "{}", lines[1]);
    }

    #[test]
    fn the_same_row_gets_the_same_ref() {
        let first = numbered("projects.csv", "started_on,title\n2018-04-01,Garden\n2018-05-01,Hall\n");
        let again =
            numbered("projects.csv", "title,started_on\nShed,2018-06-01\n Hall ,2018-05-01\nGarden,2018-04-01\n");
        assert_eq!((refs(&first)[0], refs(&first)[1]), (refs(&again)[2], refs(&again)[1]));
        let same = numbered("projects.csv", "started_on,title\n2018-04-01,Garden\n2018-05-01,Hall\n");
        assert_eq!(first, same);
        let copy = first.join("\n") + "\n";
        assert_eq!(numbered("projects.csv", &copy), first, "a numbered copy needs no more numbers");
    }

    #[test]
    fn no_two_rows_share_a_ref() {
        let lines =
            numbered("projects.csv", "started_on,title\n2018-04-01,Garden\n2018-04-01,Garden\n2018-04-01,Garden\n");
        let unique: BTreeSet<_> = refs(&lines).into_iter().collect();
        assert_eq!(unique.len(), 3);
        // One of the refs that would be given is somebody's own already.
        let theft = format!("ref,started_on,title\n{},2020-01-01,Other\n,2018-04-01,Garden\n", refs(&lines)[0]);
        let lines = numbered("projects.csv", &theft);
        let unique: BTreeSet<_> = refs(&lines).into_iter().collect();
        assert_eq!(unique.len(), 2);
    }

    #[test]
    fn a_copy_that_somebody_has_worked_on_stays() {
        let home = tempfile::tempdir().expect("a folder");
        fs::write(home.path().join("projects.csv"), "started_on,title\n2018-04-01,Garden\n").expect("a file");
        let source = Source::find(home.path()).expect("a source");
        let copy = write(&source).expect("numbered").folder.join("projects.csv");
        let first = fs::read_to_string(&copy).expect("the copy");
        write(&source).expect("the same again");
        let corrected = first.replace("Garden", "Gardens");
        fs::write(&copy, &corrected).expect("a correction");
        assert!(write(&source).err().expect("refused").to_string().contains("move it away"));
        assert_eq!(fs::read_to_string(&copy).expect("the copy"), corrected);
    }

    #[test]
    fn a_sheet_that_cannot_be_imported_is_not_numbered() {
        for (header, expected) in [
            ("started_on;title", "projects.csv: its columns are divided by semicolons; "),
            ("started_on,name", "projects.csv: the column title is missing; "),
            ("started_on,title,title", "projects.csv: title: the column is there twice; "),
        ] {
            let home = tempfile::tempdir().expect("a folder");
            fs::write(home.path().join("projects.csv"), header).expect("a file");
            let source = Source::find(home.path()).expect("a source");
            let failure = write(&source).err().expect("no good header").to_string();
            assert!(failure.starts_with(expected), "{failure}");
        }
    }

    #[test]
    fn files_without_refs_are_copied() {
        let lines = numbered("participations.csv", "action_ref,person_ref\nA-1,P-1\n");
        assert_eq!(lines, ["action_ref,person_ref", "A-1,P-1"]);
    }

    #[test]
    fn a_row_that_cannot_be_read_stops_it_and_nothing_is_written() {
        let home = tempfile::tempdir().expect("a folder");
        fs::write(home.path().join("actions.csv"), "date,title,kind,led_by_ref\n,Fête,,\n").expect("a file");
        fs::write(home.path().join("projects.csv"), "started_on,title\n,\"Garden\n").expect("a file");
        let source = Source::find(home.path()).expect("a source");
        let failure = write(&source).err().expect("a quotation mark is not closed");
        assert!(failure.to_string().starts_with("projects.csv, row 1: "), "{failure}");
        let left: Vec<_> = fs::read_dir(home.path().join("numbered")).expect("a folder").collect();
        assert!(left.is_empty(), "{left:?}");
    }
}
