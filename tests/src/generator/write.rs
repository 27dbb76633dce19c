//! Lays a hub's records out as the folder of CSV files that `folkmoot hub import` reads.

use std::fs;
use std::io;
use std::path::Path;

use super::{GENDERS, Hub, mess};
use crate::day::Day;

/// A row that must be refused: its file and its number, counted from 1 after the header.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Refused {
    /// The file's name.
    pub file: String,
    /// The row.
    pub row: u64,
}

/// One file before it is laid out.
pub(super) struct Sheet {
    pub(super) file: &'static str,
    pub(super) head: Vec<&'static str>,
    pub(super) rows: Vec<Row>,
}

/// One row of a sheet.
pub(super) struct Row {
    pub(super) fields: Vec<String>,
    /// Whether the row must be refused.
    pub(super) bad: bool,
}

/// How a file looks on disk.
#[derive(Default)]
pub(super) struct Layout {
    pub(super) byte_order_mark: bool,
    pub(super) carriage_returns: bool,
    /// Rows before which a blank line stands.
    pub(super) blank_before: Vec<usize>,
}

/// Writes the ten files as a careful worker would save them.
///
/// # Errors
/// Where the folder cannot be written.
pub fn neat(hub: &Hub, folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    for sheet in sheets(hub) {
        fs::write(folder.join(sheet.file), text(&sheet, &Layout::default()))?;
    }
    Ok(())
}

/// Writes the ten files as spreadsheets in Britain save them, in another order of columns, with rows that must be refused.
/// Returns those rows, by file and number.
///
/// # Errors
/// Where the folder cannot be written.
pub fn messy(hub: &Hub, folder: &Path, seed: u64) -> io::Result<Vec<Refused>> {
    fs::create_dir_all(folder)?;
    let mut refused = Vec::new();
    for (sheet, layout) in mess::spoil(sheets(hub), seed) {
        let bad = sheet.rows.iter().zip(1..).filter(|(row, _)| row.bad);
        refused.extend(bad.map(|(_, row)| Refused { file: sheet.file.to_owned(), row }));
        fs::write(folder.join(sheet.file), text(&sheet, &layout))?;
    }
    refused.sort();
    Ok(refused)
}

/// One CSV field, quoted where RFC 4180 asks for it.
pub fn field(value: &str) -> String {
    if value.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", value.replace('"', "\"\""))
    } else {
        value.to_owned()
    }
}

fn text(sheet: &Sheet, layout: &Layout) -> String {
    let end = if layout.carriage_returns { "\r\n" } else { "\n" };
    let mut text = String::from(if layout.byte_order_mark { "\u{feff}" } else { "" });
    text.push_str(&sheet.head.join(","));
    text.push_str(end);
    for (at, row) in sheet.rows.iter().enumerate() {
        if layout.blank_before.contains(&at) {
            text.push_str(end);
        }
        text.push_str(&row.fields.iter().map(|value| field(value)).collect::<Vec<_>>().join(","));
        text.push_str(end);
    }
    text
}

fn yes_no(value: bool) -> String {
    if value { "yes" } else { "no" }.to_owned()
}

fn or_empty(day: Option<Day>) -> String {
    day.map(|day| day.to_string()).unwrap_or_default()
}

fn sheet<T>(file: &'static str, head: &[&'static str], records: &[T], fields: impl Fn(&T) -> Vec<String>) -> Sheet {
    let rows = records.iter().map(|record| Row { fields: fields(record), bad: false }).collect();
    Sheet { file, head: head.to_vec(), rows }
}

/// The ten files.
fn sheets(hub: &Hub) -> Vec<Sheet> {
    let people = [
        "ref",
        "name",
        "email",
        "phone",
        "postcode",
        "birth_year",
        "gender",
        "ethnicity",
        "disability",
        "consent_to_contact",
    ];
    let listenings = [
        "ref",
        "date",
        "organiser_ref",
        "person_ref",
        "campaign_ref",
        "mode",
        "ward",
        "themes",
        "kind",
        "repeat",
        "note",
    ];
    vec![
        sheet("people.csv", &people, &hub.people, |row| {
            vec![
                row.reference.clone(),
                row.name.clone(),
                row.email.clone(),
                row.phone.clone(),
                row.postcode.clone(),
                row.birth_year.map(|year| year.to_string()).unwrap_or_default(),
                GENDERS[row.gender].to_owned(),
                row.ethnicity.to_owned(),
                row.disability.to_owned(),
                yes_no(row.consent),
            ]
        }),
        sheet("trainers.csv", &["person_ref", "quality_assured_on", "expires_on"], &hub.trainers, |row| {
            vec![row.person.clone(), row.from.to_string(), row.until.to_string()]
        }),
        sheet(
            "sessions.csv",
            &["ref", "date", "course", "title", "mode", "minutes", "trainer_ref"],
            &hub.sessions,
            |row| {
                vec![
                    row.reference.clone(),
                    row.date.to_string(),
                    row.course.clone(),
                    row.title.clone(),
                    row.mode.to_owned(),
                    row.minutes.to_string(),
                    row.trainer.clone(),
                ]
            },
        ),
        sheet("attendances.csv", &["session_ref", "person_ref", "outcome"], &hub.attendances, |row| {
            let outcome = if row.completed { "completed" } else { "left" };
            vec![row.session.clone(), row.person.clone(), outcome.to_owned()]
        }),
        sheet(
            "listening_campaigns.csv",
            &["ref", "title", "kind", "opened_on", "closed_on", "reported_back_on"],
            &hub.campaigns,
            |row| {
                vec![
                    row.reference.clone(),
                    row.title.clone(),
                    row.kind.to_owned(),
                    row.opened.to_string(),
                    or_empty(row.closed),
                    or_empty(row.reported_back),
                ]
            },
        ),
        sheet("listenings.csv", &listenings, &hub.listenings, |row| {
            vec![
                row.reference.clone(),
                row.date.to_string(),
                row.organiser.clone(),
                row.person.clone().unwrap_or_default(),
                row.campaign.clone(),
                row.mode.to_owned(),
                row.ward.clone(),
                row.themes.clone(),
                row.kind.to_owned(),
                yes_no(row.repeat),
                row.note.clone(),
            ]
        }),
        sheet("actions.csv", &["ref", "date", "title", "kind", "led_by_ref"], &hub.actions, |row| {
            vec![
                row.reference.clone(),
                row.date.to_string(),
                row.title.clone(),
                row.kind.to_owned(),
                row.leader.clone(),
            ]
        }),
        sheet("participations.csv", &["action_ref", "person_ref"], &hub.participations, |row| {
            vec![row.action.clone(), row.person.clone()]
        }),
        sheet("projects.csv", &["ref", "started_on", "title"], &hub.projects, |row| {
            vec![row.reference.clone(), row.started.to_string(), row.title.clone()]
        }),
        sheet("funding.csv", &["ref", "date", "source", "amount_gbp"], &hub.funding, |row| {
            let amount = format!("{}.{:02}", row.pence / 100, row.pence % 100);
            vec![row.reference.clone(), row.date.to_string(), row.source.clone(), amount]
        }),
    ]
}
