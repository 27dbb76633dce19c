//! What files may be imported and what one row of them may say: every rule that concerns a header or a single row.
//! Rules that need other rows (refs that resolve, refs used twice) are the store's.

mod columns;
mod listening;
mod row;

use crate::record::{Record, Reference};

pub use columns::Columns;
pub use listening::NewListening;
pub use row::check_row;

/// A file of an import. The order of the variants is that in which references resolve.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum File {
    /// `people.csv`
    People,
    /// `trainers.csv`
    Trainers,
    /// `sessions.csv`
    Sessions,
    /// `attendances.csv`
    Attendances,
    /// `listening_campaigns.csv`
    ListeningCampaigns,
    /// `listenings.csv`
    Listenings,
    /// `actions.csv`
    Actions,
    /// `participations.csv`
    Participations,
    /// `projects.csv`
    Projects,
    /// `funding.csv`
    Funding,
}

impl File {
    /// Every file, in the order in which references resolve.
    pub const ALL: [File; 10] = [
        File::People,
        File::Trainers,
        File::Sessions,
        File::Attendances,
        File::ListeningCampaigns,
        File::Listenings,
        File::Actions,
        File::Participations,
        File::Projects,
        File::Funding,
    ];

    /// The file's name, such as `people.csv`.
    pub fn name(self) -> &'static str {
        match self {
            File::People => "people.csv",
            File::Trainers => "trainers.csv",
            File::Sessions => "sessions.csv",
            File::Attendances => "attendances.csv",
            File::ListeningCampaigns => "listening_campaigns.csv",
            File::Listenings => "listenings.csv",
            File::Actions => "actions.csv",
            File::Participations => "participations.csv",
            File::Projects => "projects.csv",
            File::Funding => "funding.csv",
        }
    }

    /// The file of a name.
    pub fn from_name(name: &str) -> Option<File> {
        File::ALL.into_iter().find(|file| file.name() == name)
    }

    /// The columns, all of which a header must have, in any order.
    pub fn columns(self) -> &'static [&'static str] {
        match self {
            File::People => &[
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
            ],
            File::Trainers => &["person_ref", "quality_assured_on", "expires_on"],
            File::Sessions => &["ref", "date", "course", "title", "mode", "minutes", "trainer_ref"],
            File::Attendances => &["session_ref", "person_ref", "outcome"],
            File::ListeningCampaigns => &["ref", "title", "kind", "opened_on", "closed_on", "reported_back_on"],
            File::Listenings => &[
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
            ],
            File::Actions => &["ref", "date", "title", "kind", "led_by_ref"],
            File::Participations => &["action_ref", "person_ref"],
            File::Projects => &["ref", "started_on", "title"],
            File::Funding => &["ref", "date", "source", "amount_gbp"],
        }
    }

    /// What one row of the file is, such as "person".
    pub fn noun(self) -> &'static str {
        match self {
            File::People => "person",
            File::Trainers => "trainer",
            File::Sessions => "session",
            File::Attendances => "attendance",
            File::ListeningCampaigns => "listening campaign",
            File::Listenings => "listening",
            File::Actions => "action",
            File::Participations => "participation",
            File::Projects => "project",
            File::Funding => "funding",
        }
    }

    /// Whether the file's rows have a `ref` of their own.
    pub fn has_ref(self) -> bool {
        self.columns().contains(&"ref")
    }
}

/// Something wrong with a header or a row, for a hub's worker to read. It never quotes what the file says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// The column; empty where the whole row or file is meant.
    pub field: String,
    /// Why, in plain words.
    pub reason: String,
}

impl Violation {
    /// A violation in one column.
    pub fn field(field: &str, reason: impl Into<String>) -> Violation {
        Violation { field: field.to_owned(), reason: reason.into() }
    }

    /// A violation of a whole row or file.
    pub fn whole(reason: impl Into<String>) -> Violation {
        Violation { field: String::new(), reason: reason.into() }
    }
}

/// Names a row within its file: its ref, or, in a file without refs, what takes the ref's place, joined with U+001F.
/// It may identify a person and so never prints itself.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RowKey(String);

impl RowKey {
    /// The key of a row with a ref of its own.
    pub fn of(reference: &Reference) -> RowKey {
        RowKey(reference.as_str().to_owned())
    }

    /// The key of a row named by a ref and something beside it.
    pub fn pair(first: &Reference, second: &str) -> RowKey {
        RowKey(format!("{}\u{1f}{second}", first.as_str()))
    }

    /// The key, for the hub's own database.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for RowKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[key]")
    }
}

/// A row's reference to a row of this or another file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pointer {
    /// The column.
    pub field: &'static str,
    /// The file that it points into.
    pub target: File,
    /// The ref.
    pub reference: Reference,
}

impl Pointer {
    /// What the column calls the row it points at, such as "organiser".
    pub fn noun(&self) -> &'static str {
        match self.field {
            "organiser_ref" => "organiser",
            "trainer_ref" => "trainer",
            _ => self.target.noun(),
        }
    }
}

/// What one row says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckedRow {
    /// The row's key, where it could be read, even of a row that is refused.
    pub key: Option<RowKey>,
    /// The row's references, those that could be read even of a row that is refused; none where it is refused as a whole.
    pub pointers: Vec<Pointer>,
    /// The record, or everything that is wrong with the row.
    pub record: Result<Record, Vec<Violation>>,
}

#[cfg(test)]
mod tests;
