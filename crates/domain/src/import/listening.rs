//! One listening as a program hands it over, under the rules of a row of `listenings.csv`.

use super::row::check_fields;
use super::{CheckedRow, Columns, File, Violation};

/// A listening before it is checked, its columns as text. It quotes and may identify people, and so it has no `Debug`.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct NewListening {
    /// `ref`; empty where one is to be made up.
    pub reference: String,
    /// `date`
    pub date: String,
    /// `organiser_ref`
    pub organiser: String,
    /// `person_ref`
    pub person: String,
    /// `campaign_ref`
    pub campaign: String,
    /// `mode`
    pub mode: String,
    /// `ward`
    pub ward: String,
    /// `themes`, each by itself.
    pub themes: Vec<String>,
    /// `kind`
    pub kind: String,
    /// `repeat`
    pub repeat: bool,
    /// `note`
    pub note: String,
}

impl NewListening {
    /// Checks it as a row of `listenings.csv`: violations name the columns of that file. `made_up` gives the ref where
    /// none was given.
    pub fn check(&self, made_up: impl FnOnce() -> String) -> CheckedRow {
        let made_up = if self.reference.trim().is_empty() { made_up() } else { String::new() };
        let reference = if made_up.is_empty() { &self.reference } else { &made_up };
        let themes = self.themes.join(";");
        let fields: [&str; 11] = [
            reference,
            &self.date,
            &self.organiser,
            &self.person,
            &self.campaign,
            &self.mode,
            &self.ward,
            &themes,
            &self.kind,
            if self.repeat { "yes" } else { "no" },
            &self.note,
        ];
        let mut row = check_fields(&Columns::in_order(File::Listenings), &fields);
        if self.themes.iter().any(|theme| theme.contains(';')) {
            let violation =
                Violation::field("themes", "a theme has a semicolon; write its parts as themes of their own");
            row.record = match row.record {
                Ok(_) => Err(vec![violation]),
                Err(mut violations) => {
                    violations.push(violation);
                    Err(violations)
                }
            };
        }
        row
    }
}
