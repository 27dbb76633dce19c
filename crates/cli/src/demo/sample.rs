//! The invented records of the demo, as folders of CSV files. Nobody in them exists, and no hub.

mod draw;
mod sheets;

use std::fs;
use std::path::Path;

use folkmoot_domain::import::File;

use crate::failure::Failure;

/// A hub of the demo: how many stand in its sheets, so that disclosure control has something to hide in some and not in
/// others.
pub(super) struct Hub {
    /// Its name in the federation.
    pub(super) name: &'static str,
    /// What its folders are called.
    pub(super) folder: &'static str,
    /// What is particular about it, for the one who watches.
    pub(super) words: &'static str,
    /// Whether some rows cannot be taken.
    pub(super) bad_rows: bool,
    dates: Dates,
    seed: u64,
    /// People who completed a session, by gender as [`GENDERS`] has them.
    trained: [u32; 5],
    /// How many of these are under 25.
    young: u32,
    /// People who completed none; the first three are organisers.
    others: u32,
    /// How many took part in an action.
    mobilised: u32,
    /// How many of its people were heard, and how many whose name nobody knows.
    heard: (u32, u32),
    sessions: u32,
    campaigns: u32,
    actions: u32,
    projects: u32,
    funding: u32,
}

/// How a hub writes its dates and amounts.
enum Dates {
    /// 2018-06-30
    Iso,
    /// 30/06/2018
    British,
}

/// The words of `people.csv` for the parts of [`Hub::trained`].
const GENDERS: [&str; 5] = ["woman", "man", "non-binary", "prefer-not-to-say", ""];

pub(super) const HUBS: [Hub; 4] = [
    Hub {
        name: "Alderbank",
        folder: "alderbank",
        words: "It is large: eight people or more stand behind every figure, so that none is hidden.",
        bad_rows: false,
        dates: Dates::Iso,
        seed: 1,
        trained: [46, 31, 9, 10, 12],
        young: 17,
        others: 12,
        mobilised: 38,
        heard: (70, 44),
        sessions: 14,
        campaigns: 4,
        actions: 7,
        projects: 5,
        funding: 6,
    },
    Hub {
        name: "Brambleworth",
        folder: "brambleworth",
        words: "One part of its breakdown is small. A second is hidden with it: else the total would give the first away.",
        bad_rows: false,
        dates: Dates::Iso,
        seed: 2,
        trained: [35, 24, 10, 3, 9],
        young: 11,
        others: 8,
        mobilised: 22,
        heard: (48, 27),
        sessions: 11,
        campaigns: 3,
        actions: 5,
        projects: 3,
        funding: 4,
    },
    Hub {
        name: "Castlewick",
        folder: "castlewick",
        words: "Several parts of its breakdown are small, and are hidden.",
        bad_rows: true,
        dates: Dates::British,
        seed: 3,
        trained: [22, 19, 2, 4, 0],
        young: 9,
        others: 9,
        mobilised: 12,
        heard: (31, 15),
        sessions: 9,
        campaigns: 2,
        actions: 4,
        projects: 2,
        funding: 4,
    },
    Hub {
        name: "Dunmarsh",
        folder: "dunmarsh",
        words: "It is young and small, and trains women: few figures about its people leave it.",
        bad_rows: false,
        dates: Dates::Iso,
        seed: 4,
        trained: [33, 0, 0, 0, 0],
        young: 5,
        others: 8,
        mobilised: 6,
        heard: (5, 1),
        sessions: 6,
        campaigns: 1,
        actions: 2,
        projects: 1,
        funding: 2,
    },
];

impl Hub {
    fn people(&self) -> u32 {
        self.others + self.trained.iter().sum::<u32>()
    }
}

/// Writes a hub's ten files into a new folder.
pub(super) fn write(hub: &Hub, folder: &Path) -> Result<(), Failure> {
    fs::create_dir_all(folder).map_err(Failure::file("create", folder))?;
    for file in File::ALL {
        let path = folder.join(file.name());
        fs::write(&path, text(hub, file)).map_err(Failure::file("write", &path))?;
    }
    Ok(())
}

/// One file as a spreadsheet would save it: the good rows, then those that cannot be taken.
fn text(hub: &Hub, file: File) -> String {
    let columns = file.columns().iter().map(|column| (*column).to_owned()).collect();
    let bad = if hub.bad_rows { sheets::bad_rows(hub, file) } else { Vec::new() };
    let rows = std::iter::once(columns).chain(sheets::rows(hub, file)).chain(bad);
    rows.map(|row: Vec<String>| {
        let fields: Vec<_> = row.iter().map(|field| quoted(field)).collect();
        format!("{}\n", fields.join(","))
    })
    .collect()
}

fn quoted(field: &str) -> String {
    match field.contains([',', '"']) {
        true => format!("\"{}\"", field.replace('"', "\"\"")),
        false => field.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use folkmoot_domain::import::{Columns, check_row};
    use folkmoot_node::csv::Records;

    use super::*;

    /// The numbers of the rows that an import would refuse, by the rules of rows and those of refs.
    fn refused(hub: &Hub, file: File, known: &mut BTreeSet<(File, String)>) -> Vec<u64> {
        let text = text(hub, file);
        let mut records = Records::new(text.as_bytes());
        let mut refused = Vec::new();
        let (columns, left_out) = Columns::read(file, file.columns()).expect("the file's own columns");
        assert_eq!(left_out, Vec::<String>::new());
        while let Some(record) = records.read().expect("text in memory") {
            assert_eq!(record.fault, None, "{} {}", file.name(), record.number);
            if record.number == 0 {
                assert_eq!(record.fields, file.columns());
                continue;
            }
            let row = check_row(&columns, &record.fields).expect("no blank row");
            let points = |pointer: &folkmoot_domain::import::Pointer| {
                known.contains(&(pointer.target, pointer.reference.as_str().to_owned()))
            };
            let resolves = row.pointers.iter().all(points);
            match (row.key, row.record) {
                (Some(key), Ok(_)) if resolves => {
                    assert!(known.insert((file, key.as_str().to_owned())), "{} {} twice", file.name(), record.number);
                }
                _ => refused.push(record.number),
            }
        }
        refused
    }

    #[test]
    fn only_the_bad_rows_are_refused() {
        for hub in &HUBS {
            let mut known = BTreeSet::new();
            let mut all = 0;
            for file in File::ALL {
                let refused = refused(hub, file, &mut known);
                let good = sheets::rows(hub, file).len() as u64;
                let bad = if hub.bad_rows { sheets::bad_rows(hub, file).len() as u64 } else { 0 };
                let expected: Vec<u64> = (good + 1..=good + bad).collect();
                assert_eq!(refused, expected, "{} {}", hub.name, file.name());
                all += bad;
            }
            assert_eq!(all > 0, hub.bad_rows, "{}", hub.name);
            assert!((40..=120).contains(&hub.people()), "{} has {} people", hub.name, hub.people());
        }
    }

    #[test]
    fn the_same_sheets_are_made_each_time() {
        let folders = [(); 2].map(|()| tempfile::tempdir().expect("a folder"));
        for hub in &HUBS {
            for folder in &folders {
                write(hub, &folder.path().join(hub.folder)).expect("written");
            }
            for file in File::ALL {
                let [one, other] = folders.each_ref().map(|folder| {
                    fs::read_to_string(folder.path().join(hub.folder).join(file.name())).expect("a file")
                });
                assert_eq!(one, other, "{} {}", hub.name, file.name());
            }
        }
    }

    #[test]
    fn hubs_have_sheets_of_their_own() {
        let sheets: BTreeSet<String> = HUBS.iter().map(|hub| text(hub, File::People)).collect();
        assert_eq!(sheets.len(), HUBS.len());
    }
}
