//! The invented records of the demo. Nobody in them exists.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use folkmoot_domain::import::File;

use crate::failure::Failure;

/// A hub of the demo.
pub(super) struct Hub {
    pub(super) name: &'static str,
    pub(super) folder: &'static str,
    people: u32,
    /// How many of them are young: where fewer than eight, the hub hides the figure.
    young: u32,
}

pub(super) const HUBS: [Hub; 2] = [
    Hub { name: "Warminster", folder: "warminster", people: 60, young: 12 },
    Hub { name: "Hastings Hollington", folder: "hastings", people: 45, young: 5 },
];

/// Writes a hub's ten files into a new folder.
pub(super) fn write(hub: &Hub, folder: &Path) -> Result<(), Failure> {
    fs::create_dir_all(folder).map_err(Failure::file("create", folder))?;
    for file in File::ALL {
        let path = folder.join(file.name());
        fs::write(&path, sheet(hub, file)).map_err(Failure::file("write", &path))?;
    }
    Ok(())
}

fn sheet(hub: &Hub, file: File) -> String {
    let mut text = file.columns().join(",");
    text.push('\n');
    for number in 1..=rows(hub, file) {
        // Writing to a string does not fail.
        let _ = writeln!(text, "{}", row(hub, file, number));
    }
    text
}

fn rows(hub: &Hub, file: File) -> u32 {
    match file {
        File::People => hub.people,
        File::Attendances => hub.people - 1,
        File::Listenings => hub.people * 2,
        File::Participations => hub.people / 2,
        File::Sessions => 6,
        File::Actions => 4,
        File::Projects | File::Funding => 3,
        File::Trainers | File::ListeningCampaigns => 2,
    }
}

/// One row, in the order of the file's columns. Person 1 is the organiser and trainer, person 2 another trainer.
fn row(hub: &Hub, file: File, number: u32) -> String {
    let pick = |words: &[&'static str], step: u32| words[(number / step) as usize % words.len()];
    let person = number % hub.people + 1;
    // Within the financial year 2018/19, from April on.
    let day = format!("2018-{:02}-{:02}", 4 + number % 9, 1 + number * 3 % 28);
    match file {
        File::People => {
            let young = (3..3 + hub.young).contains(&number);
            let born = if young { 1998 + number % 4 } else { 1945 + number * 7 % 45 };
            let gender = pick(&["woman", "man", "woman", "", "man", "woman", "non-binary"], 1);
            format!("P-{number},Invented Person {number},,,,{born},{gender},,,{}", pick(&["yes", "no"], 2))
        }
        File::Trainers => format!("P-{number},2017-0{}-01,2021-06-01", 4 + number),
        File::Sessions => {
            let title = pick(&["Introduction to organising", "Listening at the door", "From issue to action"], 1);
            format!("S-{number},{day},introduction,{title},classroom,{},P-{}", 90 + number % 3 * 30, 1 + number % 2)
        }
        File::Attendances => {
            let outcome = if number.is_multiple_of(11) { "left" } else { "completed" };
            format!("S-{},P-{},{outcome}", 1 + number % 6, number + 1)
        }
        File::ListeningCampaigns => {
            format!("C-{number},An invented estate,place,2018-04-02,2018-09-30,2018-10-1{number}")
        }
        File::Listenings => {
            let heard = if number.is_multiple_of(3) { String::new() } else { format!("P-{person}") };
            let mode = pick(&["door", "street", "one-to-one", "door", "group"], 1);
            let themes = pick(&["housing;damp", "buses", "loneliness;buses", "green-space"], 2);
            let kind = pick(&["concern", "concern", "vision"], 1);
            format!("L-{number},{day},P-1,{heard},C-{},{mode},,{themes},{kind},no,", 1 + number % 2)
        }
        File::Actions => {
            format!(
                "A-{number},2018-1{}-0{number},An invented action,{},P-2",
                number % 3,
                pick(&["meeting", "petition"], 1)
            )
        }
        File::Participations => format!("A-{},P-{}", 1 + number % 4, number + 1),
        File::Projects => format!("J-{number},2018-0{}-15,An invented project", 5 + number),
        File::Funding => {
            format!("F-{number},2018-0{}-20,An invented trust,{}.50", 4 + number, 400 * number + hub.people)
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use folkmoot_domain::import::{Columns, check_row};

    use super::*;

    #[test]
    fn every_row_can_be_imported() {
        for hub in &HUBS {
            for file in File::ALL {
                let (columns, _) = Columns::read(file, file.columns()).expect("the file's own columns");
                let text = sheet(hub, file);
                let mut keys = BTreeSet::new();
                for line in text.lines().skip(1) {
                    let fields: Vec<_> = line.split(',').collect();
                    let row = check_row(&columns, &fields).expect("no blank row");
                    assert!(row.record.is_ok(), "{} {line}: {:?}", file.name(), row.record.err());
                    assert!(keys.insert(row.key.expect("a key")), "{} {line} is there twice", file.name());
                }
            }
        }
    }
}
