//! The facts of a hub from its folder of CSV files.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use folkmoot_domain::calendar::{Quarter, parse_date};
use folkmoot_domain::indicator::{Category, Dimension, Theme, Ward};

use super::facts::{Facts, Family, Person, category};

/// Reads the files of one hub, which are in order.
///
/// # Panics
/// Where they are not.
pub fn facts(folder: &Path) -> Facts {
    let mut facts = Facts::default();
    let mut people: BTreeMap<String, usize> = BTreeMap::new();
    for row in rows(folder, "people.csv") {
        people.insert(row["ref"].clone(), facts.people.len());
        let of = |dimension: Dimension, column: &str| -> Category {
            let code = if row[column].is_empty() { "unknown" } else { &row[column] };
            dimension.category(code).expect("a category")
        };
        facts.people.push(Person {
            born: row["birth_year"].parse().ok(),
            gender: of(Dimension::Gender, "gender"),
            ethnicity: of(Dimension::Ethnicity, "ethnicity"),
            disability: of(Dimension::Disability, "disability"),
        });
    }
    let quarter = |date: &str| Quarter::of(parse_date(date).expect("a date")).index();
    let sessions: BTreeMap<String, (i32, u64)> = rows(folder, "sessions.csv")
        .into_iter()
        .map(|row| (row["ref"].clone(), (quarter(&row["date"]), row["minutes"].parse().expect("minutes"))))
        .collect();
    for row in rows(folder, "attendances.csv") {
        let (at, minutes) = sessions[&row["session_ref"]];
        if row["outcome"] == "completed" {
            facts.add(Family::Training, at, people[&row["person_ref"]], minutes);
        } else {
            facts.for_nothing.insert((Family::Training, at));
        }
    }
    let actions: BTreeMap<String, i32> =
        rows(folder, "actions.csv").into_iter().map(|row| (row["ref"].clone(), quarter(&row["date"]))).collect();
    for row in rows(folder, "participations.csv") {
        facts.add(Family::Action, actions[&row["action_ref"]], people[&row["person_ref"]], 1);
    }
    for row in rows(folder, "listenings.csv") {
        let who = match people.get(&row["person_ref"]) {
            Some(person) => *person,
            // Somebody of whom nothing is known; one who was heard before is left out.
            None if row["repeat"] == "yes" => continue,
            None => {
                facts.people.push(unknown());
                facts.people.len() - 1
            }
        };
        let presence = facts.add(Family::Listening, quarter(&row["date"]), who, 1);
        for theme in row["themes"].split(';').filter(|theme| !theme.is_empty()) {
            *presence.themes.entry(Category::Theme(Theme::of(theme))).or_default() += 1;
        }
        presence.wards.extend(Ward::from_code(&row["ward"]).map(Category::Ward));
    }
    facts
}

fn unknown() -> Person {
    let last = |dimension: Dimension| category(dimension, dimension.categories().len() - 1);
    Person {
        born: None,
        gender: last(Dimension::Gender),
        ethnicity: last(Dimension::Ethnicity),
        disability: last(Dimension::Disability),
    }
}

/// The rows of a file, by column.
fn rows(folder: &Path, name: &str) -> Vec<BTreeMap<String, String>> {
    let text = fs::read_to_string(folder.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
    let mut records = records(text.trim_start_matches('\u{feff}')).into_iter();
    let columns = records.next().expect("a header");
    records.map(|record| columns.iter().cloned().zip(record).collect()).collect()
}

fn records(text: &str) -> Vec<Vec<String>> {
    let mut records = Vec::new();
    let mut record = vec![String::new()];
    let mut quoted = false;
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        let field = record.last_mut().expect("a field");
        match character {
            '"' if quoted && characters.peek() == Some(&'"') => {
                field.push('"');
                characters.next();
            }
            '"' => quoted = !quoted,
            ',' if !quoted => record.push(String::new()),
            '\n' if !quoted => records.push(std::mem::replace(&mut record, vec![String::new()])),
            '\r' if !quoted => {}
            other => field.push(other),
        }
    }
    if record.len() > 1 {
        records.push(record);
    }
    records
}
