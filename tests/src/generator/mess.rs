//! Spoils neat sheets the way that real ones are spoilt.

use super::write::{Layout, Row, Sheet};
use crate::chance::Chance;

/// Rows to be refused, by file, in the columns' own order. `-` stands for a field taken from a good row.
const BAD: [(&str, &[&str]); 25] = [
    ("people.csv", &["bad-1", "-", "-", "-", "-", "19x4", "-", "-", "-", "-"]),
    ("people.csv", &["bad-2", "-", "-", "-", "-", "-", "somebody", "-", "-", "-"]),
    ("people.csv", &["", "-", "-", "-", "-", "-", "-", "-", "-", "-"]),
    ("people.csv", &["bad-3", "-", "-", "-", "-", "-", "-", "-", "-", "perhaps"]),
    ("trainers.csv", &["nobody", "2018-05-01", "2021-05-01"]),
    ("trainers.csv", &["-", "soon", "2021-05-01"]),
    ("sessions.csv", &["bad-session", "2019-02-29", "-", "-", "-", "-", "-"]),
    ("sessions.csv", &["bad-5", "-", "-", "-", "hologram", "-", "-"]),
    ("sessions.csv", &["bad-6", "-", "-", "-", "-", "", "-"]),
    // Points at a row that is refused itself.
    ("attendances.csv", &["bad-session", "-", "completed"]),
    ("attendances.csv", &["-", "bad-1", "completed"]),
    ("attendances.csv", &["-", "-", "nearly"]),
    ("listening_campaigns.csv", &["bad-7", "-", "planet", "-", "-", "-"]),
    ("listening_campaigns.csv", &["bad-8", "-", "-", "", "-", "-"]),
    ("listenings.csv", &["bad-9", "31/09/2018", "-", "-", "-", "-", "-", "-", "-", "-", "-"]),
    ("listenings.csv", &["bad-10", "-", "", "-", "-", "-", "-", "-", "-", "-", "-"]),
    ("listenings.csv", &["bad-11", "-", "-", "nobody", "-", "-", "-", "-", "-", "-", "-"]),
    ("listenings.csv", &["bad-12", "-", "-", "-", "bad-7", "-", "-", "-", "-", "-", "-"]),
    ("actions.csv", &["bad-13", "2018-13-01", "-", "-", "-"]),
    ("actions.csv", &["bad-14", "-", "-", "riot", "-"]),
    ("participations.csv", &["bad-13", "-"]),
    ("projects.csv", &["bad-15", "", "-"]),
    ("funding.csv", &["bad-16", "-", "-", "-12.00"]),
    ("funding.csv", &["bad-17", "-", "-", "7.505"]),
    ("funding.csv", &["bad-18", "-", "-", "a bit"]),
];

/// Files whose last row is written a second time: the first stands, the second is refused.
const TWICE: [&str; 5] = ["people.csv", "attendances.csv", "listenings.csv", "participations.csv", "funding.csv"];

/// Spoils every sheet; what was good before still says the same.
pub(super) fn spoil(sheets: Vec<Sheet>, seed: u64) -> Vec<(Sheet, Layout)> {
    let mut chance = Chance::new(seed ^ 0x6d65_7373);
    sheets.into_iter().map(|sheet| spoil_one(sheet, &mut chance)).collect()
}

fn spoil_one(mut sheet: Sheet, chance: &mut Chance) -> (Sheet, Layout) {
    add_bad_rows(&mut sheet, chance);
    for row in &mut sheet.rows {
        for (column, value) in sheet.head.iter().zip(&mut row.fields) {
            *value = as_saved(column, value, chance);
        }
    }
    reorder(&mut sheet, chance);
    if sheet.file == "listenings.csv" {
        add_misshapen_rows(&mut sheet, chance);
    }
    let blank_before = (0..sheet.rows.len()).filter(|_| chance.one_in(9)).collect();
    let layout = Layout { byte_order_mark: chance.one_in(2), carriage_returns: !chance.one_in(3), blank_before };
    (sheet, layout)
}

fn add_bad_rows(sheet: &mut Sheet, chance: &mut Chance) {
    let models: Vec<Vec<String>> = sheet.rows.iter().map(|row| row.fields.clone()).collect();
    if let Some(last) = models.last().filter(|_| TWICE.contains(&sheet.file)) {
        sheet.rows.push(Row { fields: last.clone(), bad: true });
    }
    for (_, bad) in BAD.iter().filter(|(file, _)| *file == sheet.file) {
        // Without a good row there is nothing to spoil.
        let Some(model) = models.get(chance.below(models.len())) else { continue };
        let fields = bad.iter().zip(model).map(|(new, old)| if *new == "-" { old.clone() } else { (*new).to_owned() });
        // After its model: where a bad row repeats a good one's key, the good one is the first and stands.
        let model_at = sheet.rows.iter().position(|row| row.fields == *model).unwrap_or_default();
        let at = chance.between(model_at + 1, sheet.rows.len());
        sheet.rows.insert(at, Row { fields: fields.collect(), bad: true });
    }
}

/// Rows too short for the header, and rows with text beyond its last column.
fn add_misshapen_rows(sheet: &mut Sheet, chance: &mut Chance) {
    let Some(good) = sheet.rows.iter().find(|row| !row.bad) else { return };
    let mut fields = good.fields.clone();
    if let Some(at) = sheet.head.iter().position(|column| *column == "ref") {
        fields[at] = "misshapen".to_owned();
    }
    let short = fields.iter().take(3).cloned().collect();
    let long = fields.into_iter().chain(["and more".to_owned()]).collect();
    for fields in [short, long] {
        let at = chance.below(sheet.rows.len() + 1);
        sheet.rows.insert(at, Row { fields, bad: true });
    }
}

/// The same value as a spreadsheet might save it.
fn as_saved(column: &str, value: &str, chance: &mut Chance) -> String {
    let british = |value: &str| match value.split('-').collect::<Vec<_>>()[..] {
        [year, month, day] => format!("{day}/{month}/{year}"),
        _ => value.to_owned(),
    };
    let is_date = matches!(column, "date" | "started_on" | "opened_on" | "closed_on" | "reported_back_on");
    let saved = match (column, value) {
        _ if is_date && chance.one_in(2) => british(value),
        ("repeat" | "consent_to_contact", "yes") => chance.pick(&["yes", "YES", "Y", "y", "Yes"]).to_owned(),
        ("repeat" | "consent_to_contact", "no") => chance.pick(&["no", "NO", "N", "n", "No"]).to_owned(),
        ("amount_gbp", amount) if chance.one_in(3) && !amount.starts_with('-') && amount.contains('.') => {
            format!("£{}", with_commas(amount))
        }
        _ => value.to_owned(),
    };
    if chance.one_in(10) { format!(" {saved}  ") } else { saved }
}

fn with_commas(amount: &str) -> String {
    let Some((pounds, pence)) = amount.split_once('.') else { return amount.to_owned() };
    let mut grouped = String::new();
    for (at, digit) in pounds.chars().enumerate() {
        if at > 0 && (pounds.len() - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    format!("{grouped}.{pence}")
}

/// Puts the columns in another order, with one that nobody asked for.
fn reorder(sheet: &mut Sheet, chance: &mut Chance) {
    sheet.head.push("colour of the folder");
    for row in &mut sheet.rows {
        row.fields.push("green".to_owned());
    }
    let mut order: Vec<usize> = (0..sheet.head.len()).collect();
    chance.shuffle(&mut order);
    sheet.head = order.iter().map(|at| sheet.head[*at]).collect();
    for row in &mut sheet.rows {
        row.fields = order.iter().map(|at| row.fields[*at].clone()).collect();
    }
}
