//! An invented programme: hubs, their people and what they did, drawn from a seed.
//!
//! [`Programme::draw`] makes the records, [`write`](mod@write) lays them out as folders of CSV files, neat or messy, and
//! [`count`] says what they add up to by looking at every record for every question.

pub mod count;
mod draw;
mod mess;
pub mod write;

use crate::day::{Day, Window};

/// The genders of the import, in the order of the catalogue; the last is "unknown".
pub const GENDERS: [&str; 5] = ["woman", "man", "non-binary", "prefer-not-to-say", ""];

/// A programme of several hubs.
#[derive(Clone, Debug)]
pub struct Programme {
    /// The funding programme's code.
    pub code: &'static str,
    /// Its first day.
    pub first: Day,
    /// Its last day.
    pub last: Day,
    /// The hubs.
    pub hubs: Vec<Hub>,
}

/// How much a hub has done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Size {
    /// So few people that almost everything is hidden.
    Tiny,
    /// Small quarters, years that can be published.
    Middling,
    /// Enough people in every period.
    Large,
    /// No sessions and no actions: structural zeros.
    ListensOnly,
}

/// All that one hub has on paper.
#[derive(Clone, Debug, Default)]
pub struct Hub {
    /// The hub's name.
    pub name: String,
    /// `people.csv`
    pub people: Vec<Person>,
    /// `trainers.csv`
    pub trainers: Vec<Assurance>,
    /// `sessions.csv`
    pub sessions: Vec<Session>,
    /// `attendances.csv`
    pub attendances: Vec<Attendance>,
    /// `listening_campaigns.csv`
    pub campaigns: Vec<Campaign>,
    /// `listenings.csv`
    pub listenings: Vec<Listening>,
    /// `actions.csv`
    pub actions: Vec<Action>,
    /// `participations.csv`
    pub participations: Vec<Participation>,
    /// `projects.csv`
    pub projects: Vec<Project>,
    /// `funding.csv`
    pub funding: Vec<Funding>,
}

/// One row of `people.csv`.
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "the fields are the columns of the import")]
pub struct Person {
    pub reference: String,
    pub name: String,
    pub email: String,
    pub phone: String,
    pub postcode: String,
    pub birth_year: Option<i32>,
    /// An index into [`GENDERS`].
    pub gender: usize,
    pub ethnicity: &'static str,
    pub disability: &'static str,
    pub consent: bool,
}

/// One row of `trainers.csv`.
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "the fields are the columns of the import")]
pub struct Assurance {
    pub person: String,
    pub from: Day,
    pub until: Day,
}

/// One row of `sessions.csv`.
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "the fields are the columns of the import")]
pub struct Session {
    pub reference: String,
    pub date: Day,
    pub course: String,
    pub title: String,
    pub mode: &'static str,
    pub minutes: u64,
    pub trainer: String,
}

/// One row of `attendances.csv`.
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "the fields are the columns of the import")]
pub struct Attendance {
    pub session: String,
    pub person: String,
    pub completed: bool,
}

/// One row of `listening_campaigns.csv`.
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "the fields are the columns of the import")]
pub struct Campaign {
    pub reference: String,
    pub title: String,
    pub kind: &'static str,
    pub opened: Day,
    pub closed: Option<Day>,
    pub reported_back: Option<Day>,
}

/// One row of `listenings.csv`.
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "the fields are the columns of the import")]
pub struct Listening {
    pub reference: String,
    pub date: Day,
    pub organiser: String,
    pub person: Option<String>,
    pub campaign: String,
    pub mode: &'static str,
    pub ward: String,
    pub themes: String,
    pub kind: &'static str,
    pub repeat: bool,
    pub note: String,
}

/// One row of `actions.csv`.
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "the fields are the columns of the import")]
pub struct Action {
    pub reference: String,
    pub date: Day,
    pub title: String,
    pub kind: &'static str,
    pub leader: String,
}

/// One row of `participations.csv`.
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "the fields are the columns of the import")]
pub struct Participation {
    pub action: String,
    pub person: String,
}

/// One row of `projects.csv`.
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "the fields are the columns of the import")]
pub struct Project {
    pub reference: String,
    pub started: Day,
    pub title: String,
}

/// One row of `funding.csv`.
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "the fields are the columns of the import")]
pub struct Funding {
    pub reference: String,
    pub date: Day,
    pub source: String,
    pub pence: u64,
}

impl Programme {
    /// Draws a programme of two financial years, `TWOYEARS`, with one hub for each of `sizes`.
    pub fn draw(seed: u64, sizes: &[Size]) -> Self {
        let (first, last) = (Day::new(2018, 4, 1), Day::new(2020, 3, 31));
        let hubs = sizes.iter().enumerate().map(|(at, size)| draw::hub(seed, at, *size)).collect();
        Self { code: "TWOYEARS", first, last, hubs }
    }

    /// Every period in which a record may lie: the programme, its years and quarters, and those next to it.
    pub fn windows(&self) -> Vec<Window> {
        let mut windows = vec![Window::programme(self.code, self.first, self.last)];
        windows.extend((self.first.year - 1..=self.last.year).map(Window::financial_year));
        for year in self.first.year..=self.last.year {
            windows.extend((1..=4).map(|number| Window::quarter(year, number)));
        }
        windows
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    const SIZES: [Size; 4] = [Size::Tiny, Size::Middling, Size::Large, Size::ListensOnly];

    #[test]
    fn the_same_seed_gives_the_same_bytes() {
        let folders = [tempfile::tempdir(), tempfile::tempdir()].map(|folder| folder.expect("a temporary folder"));
        for folder in &folders {
            let programme = Programme::draw(7, &SIZES);
            for (at, hub) in programme.hubs.iter().enumerate() {
                write::neat(hub, &folder.path().join(format!("{at}"))).expect("a writable folder");
                write::messy(hub, &folder.path().join(format!("{at}-messy")), 7).expect("a writable folder");
            }
        }
        for at in ["0", "1", "2", "3", "0-messy", "2-messy"] {
            for file in ["people.csv", "listenings.csv", "funding.csv"] {
                let [one, two] = folders.each_ref().map(|folder| fs::read(folder.path().join(at).join(file)));
                assert_eq!(one.expect("a file"), two.expect("a file"), "{at}/{file}");
            }
        }
    }

    #[test]
    fn the_programme_is_worth_counting() {
        let programme = Programme::draw(1, &SIZES);
        let whole = &programme.windows()[0];
        let [tiny, middling, large, listens] = &programme.hubs[..] else { panic!("four hubs") };
        let figure = |hub: &Hub, code: &str| count::figure(hub, code, whole);
        assert!(figure(tiny, "people_trained") < 8);
        assert!((8..60).contains(&figure(middling, "people_trained")));
        assert!(figure(large, "people_trained") > 300);
        assert!(figure(large, "young_people_trained") >= 8);
        assert_eq!(figure(listens, "people_trained"), 0);
        assert!(figure(listens, "people_listened_to") > 8);
        assert_eq!(
            count::trained_by_gender(large, whole).iter().sum::<u64>(),
            figure(large, "people_trained"),
            "gender is additive"
        );
    }

    #[test]
    fn quarters_of_a_sum_make_the_year() {
        let programme = Programme::draw(3, &SIZES);
        let year = Window::financial_year(2018);
        let quarters = [(2018, 2), (2018, 3), (2018, 4), (2019, 1)].map(|(year, number)| Window::quarter(year, number));
        for hub in &programme.hubs {
            for code in ["training_sessions", "training_minutes", "listenings", "funding_leveraged_pence"] {
                let parts: u64 = quarters.iter().map(|quarter| count::figure(hub, code, quarter)).sum();
                assert_eq!(parts, count::figure(hub, code, &year), "{code} of {}", hub.name);
            }
        }
    }
}
