//! The records that a hub keeps. None of them ever leaves the hub.

mod vocabulary;

use std::fmt;

use time::Date;

use crate::calendar::iso;
use crate::import::File;
use crate::personal::Personal;

pub use vocabulary::{
    ActionKind, CampaignKind, Disability, Ethnicity, Gender, ListeningKind, ListeningMode, Outcome, SessionMode,
};

/// The ref by which a file of the importer's names a record: 1 to 200 characters, trimmed, no control characters. It
/// may identify a person and so never prints itself.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Reference(String);

impl Reference {
    /// Reads a ref; `None` where it is empty, longer than 200 characters or has control characters.
    pub fn new(text: &str) -> Option<Reference> {
        let text = text.trim();
        let fits = (1..=200).contains(&text.chars().count()) && !text.chars().any(char::is_control);
        fits.then(|| Reference(text.to_owned()))
    }

    /// The ref, for the hub's own database and the hub's own eyes.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[ref]")
    }
}

/// A person, the one record that holds what identifies somebody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// The importer's ref.
    pub reference: Reference,
    /// The name; may be empty.
    pub name: Personal<String>,
    /// The email address as written; may be empty.
    pub email: Personal<String>,
    /// The phone number as written; may be empty.
    pub phone: Personal<String>,
    /// The postcode as written; may be empty.
    pub postcode: Personal<String>,
    /// The year of birth, where known.
    pub birth_year: Personal<Option<i32>>,
    /// The gender.
    pub gender: Personal<Gender>,
    /// The ethnicity.
    pub ethnicity: Personal<Ethnicity>,
    /// Whether disabled.
    pub disability: Personal<Disability>,
    /// Whether the person consented to be contacted.
    pub consent_to_contact: Personal<bool>,
}

/// A trainer's quality assurance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrainerAssurance {
    /// The trainer.
    pub person: Reference,
    /// The first day on which it is valid.
    pub quality_assured_on: Date,
    /// The first day on which it is no longer valid.
    pub expires_on: Date,
}

/// A training session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// The importer's ref.
    pub reference: Reference,
    /// The day it was held.
    pub date: Date,
    /// The course, in free words.
    pub course: String,
    /// The title.
    pub title: String,
    /// How it was held.
    pub mode: SessionMode,
    /// How long it was: 1 to 100,000 minutes.
    pub minutes: u32,
    /// Who trained.
    pub trainer: Option<Reference>,
}

/// A person's attendance of a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attendance {
    /// The session.
    pub session: Reference,
    /// The person.
    pub person: Reference,
    /// How it ended.
    pub outcome: Outcome,
}

/// Listenings in one place, organisation or interest, closed by a report-back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListeningCampaign {
    /// The importer's ref.
    pub reference: Reference,
    /// The title.
    pub title: String,
    /// What it is about.
    pub kind: CampaignKind,
    /// The day it opened.
    pub opened_on: Date,
    /// The day it closed.
    pub closed_on: Option<Date>,
    /// The day of the report-back to those who were heard.
    pub reported_back_on: Option<Date>,
}

/// One conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listening {
    /// The importer's ref.
    pub reference: Reference,
    /// The day.
    pub date: Date,
    /// Who listened.
    pub organiser: Reference,
    /// Who was heard; `None`: anonymous.
    pub person: Option<Reference>,
    /// The listening campaign that it belongs to.
    pub campaign: Option<Reference>,
    /// Where it was held.
    pub mode: ListeningMode,
    /// The ward's GSS code, as written; may be empty.
    pub ward: Personal<String>,
    /// The coded themes, in the order written.
    pub themes: Vec<String>,
    /// What was heard.
    pub kind: ListeningKind,
    /// Whether an anonymous person was heard before; means nothing where the person is known.
    pub repeat: bool,
    /// A note in free words.
    pub note: Personal<String>,
}

/// Something people did together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Action {
    /// The importer's ref.
    pub reference: Reference,
    /// The day.
    pub date: Date,
    /// The title.
    pub title: String,
    /// What it was.
    pub kind: ActionKind,
    /// Who led it.
    pub led_by: Option<Reference>,
}

/// A person's part in an action.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Participation {
    /// The action.
    pub action: Reference,
    /// The person.
    pub person: Reference,
}

/// A community project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Project {
    /// The importer's ref.
    pub reference: Reference,
    /// The day it started.
    pub started_on: Date,
    /// The title.
    pub title: String,
}

/// Money raised.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Funding {
    /// The importer's ref.
    pub reference: Reference,
    /// The day.
    pub date: Date,
    /// Where it came from; may be a person.
    pub source: Personal<String>,
    /// How much, in pence; positive.
    pub pence: u64,
}

/// One record of any kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Record {
    /// A person.
    Person(Person),
    /// A trainer's quality assurance.
    TrainerAssurance(TrainerAssurance),
    /// A session.
    Session(Session),
    /// An attendance.
    Attendance(Attendance),
    /// A listening campaign.
    ListeningCampaign(ListeningCampaign),
    /// A listening.
    Listening(Listening),
    /// An action.
    Action(Action),
    /// A participation.
    Participation(Participation),
    /// A project.
    Project(Project),
    /// Funding.
    Funding(Funding),
}

impl Record {
    /// The file that the record comes from.
    pub fn file(&self) -> File {
        match self {
            Record::Person(_) => File::People,
            Record::TrainerAssurance(_) => File::Trainers,
            Record::Session(_) => File::Sessions,
            Record::Attendance(_) => File::Attendances,
            Record::ListeningCampaign(_) => File::ListeningCampaigns,
            Record::Listening(_) => File::Listenings,
            Record::Action(_) => File::Actions,
            Record::Participation(_) => File::Participations,
            Record::Project(_) => File::Projects,
            Record::Funding(_) => File::Funding,
        }
    }

    /// The record's fields in the words of the import, in the order of the file's columns. This exposes all that the
    /// record says of people: it is for the hub's own eyes.
    pub fn fields(&self) -> Vec<(&'static str, String)> {
        let values = match self {
            Record::Person(person) => vec![
                text(&person.reference),
                person.name.expose().clone(),
                person.email.expose().clone(),
                person.phone.expose().clone(),
                person.postcode.expose().clone(),
                person.birth_year.expose().map(|year| year.to_string()).unwrap_or_default(),
                person.gender.expose().code().to_owned(),
                person.ethnicity.expose().code().to_owned(),
                person.disability.expose().code().to_owned(),
                yes_no(*person.consent_to_contact.expose()),
            ],
            Record::TrainerAssurance(assurance) => {
                vec![text(&assurance.person), iso(assurance.quality_assured_on), iso(assurance.expires_on)]
            }
            Record::Session(session) => vec![
                text(&session.reference),
                iso(session.date),
                session.course.clone(),
                session.title.clone(),
                session.mode.code().to_owned(),
                session.minutes.to_string(),
                optional(session.trainer.as_ref()),
            ],
            Record::Attendance(attendance) => {
                vec![text(&attendance.session), text(&attendance.person), attendance.outcome.code().to_owned()]
            }
            Record::ListeningCampaign(campaign) => vec![
                text(&campaign.reference),
                campaign.title.clone(),
                campaign.kind.code().to_owned(),
                iso(campaign.opened_on),
                campaign.closed_on.map(iso).unwrap_or_default(),
                campaign.reported_back_on.map(iso).unwrap_or_default(),
            ],
            Record::Listening(listening) => vec![
                text(&listening.reference),
                iso(listening.date),
                text(&listening.organiser),
                optional(listening.person.as_ref()),
                optional(listening.campaign.as_ref()),
                listening.mode.code().to_owned(),
                listening.ward.expose().clone(),
                listening.themes.join(";"),
                listening.kind.code().to_owned(),
                yes_no(listening.repeat),
                listening.note.expose().clone(),
            ],
            Record::Action(action) => vec![
                text(&action.reference),
                iso(action.date),
                action.title.clone(),
                action.kind.code().to_owned(),
                optional(action.led_by.as_ref()),
            ],
            Record::Participation(part) => vec![text(&part.action), text(&part.person)],
            Record::Project(project) => {
                vec![text(&project.reference), iso(project.started_on), project.title.clone()]
            }
            Record::Funding(funding) => vec![
                text(&funding.reference),
                iso(funding.date),
                funding.source.expose().clone(),
                format!("{}.{:02}", funding.pence / 100, funding.pence % 100),
            ],
        };
        self.file().columns().iter().copied().zip(values).collect()
    }
}

fn text(reference: &Reference) -> String {
    reference.as_str().to_owned()
}

fn optional(reference: Option<&Reference>) -> String {
    reference.map(text).unwrap_or_default()
}

fn yes_no(value: bool) -> String {
    if value { "yes" } else { "no" }.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_personal_is_printed() {
        let planted = "planted-value";
        let record = Record::Person(Person {
            reference: Reference::new(planted).unwrap(),
            name: planted.to_owned().into(),
            email: planted.to_owned().into(),
            phone: planted.to_owned().into(),
            postcode: planted.to_owned().into(),
            birth_year: Some(1971).into(),
            gender: Gender::NonBinary.into(),
            ethnicity: Ethnicity::Mixed.into(),
            disability: Disability::Yes.into(),
            consent_to_contact: true.into(),
        });
        let printed = format!("{record:?}");
        for value in [planted, "1971", "NonBinary", "Mixed", "Yes", "true"] {
            assert!(!printed.contains(value), "{printed}");
        }
        assert_eq!(record.fields()[1], ("name", planted.to_owned()));
        assert_eq!(record.fields().len(), File::People.columns().len());
    }

    #[test]
    fn vocabularies_read_back_whatever_the_case() {
        for word in Gender::ALL {
            assert_eq!(Gender::from_code(&format!(" {} ", word.code().to_uppercase())), Some(*word));
        }
        assert_eq!(Disability::from_code("maybe"), None);
        assert_eq!(ListeningMode::from_code("One-To-One"), Some(ListeningMode::OneToOne));
        assert_eq!(SessionMode::from_code(""), None);
    }
}
