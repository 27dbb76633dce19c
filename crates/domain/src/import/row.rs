//! Reading one row: all that is wrong with it at once.

use time::Date;

use super::{CheckedRow, Columns, File, Pointer, RowKey, Violation};
use crate::calendar::{iso, parse_date};
use crate::personal::Personal;
use crate::record::{
    Action, ActionKind, Attendance, CampaignKind, Disability, Ethnicity, Funding, Gender, Listening, ListeningCampaign,
    ListeningKind, ListeningMode, Outcome, Participation, Person, Project, Record, Reference, Session, SessionMode,
    TrainerAssurance,
};

const DATE: &str = "no such date; write it as 2018-06-30 or 30/06/2018";
const MISSING: &str = "is missing";
const UNFIT_REF: &str = "is longer than 200 characters, or has a line break or another control character";
/// Far above any grant; keeps sums far below what a figure can hold.
const MOST_PENCE: u64 = 99_999_999_999;

/// Reads one row. `None`: a blank line.
pub fn check_row(columns: &Columns, fields: &[&str]) -> Option<CheckedRow> {
    let blank = fields.iter().all(|field| field.trim().is_empty());
    (!blank).then(|| check_fields(columns, fields))
}

/// Reads a row that is not blank.
pub(super) fn check_fields(columns: &Columns, fields: &[&str]) -> CheckedRow {
    let mut row = Row { columns, fields, pointers: Vec::new(), violations: Vec::new() };
    let (key, record) = row.read();
    let Row { mut pointers, mut violations, .. } = row;

    let missing = columns.file().columns().iter().copied();
    let missing: Vec<&str> = missing.filter(|column| columns.field(column, fields).is_none()).collect();
    let surplus = fields.get(columns.width()..).is_some_and(|rest| rest.iter().any(|field| !field.trim().is_empty()));
    // In these rows fields may stand under the wrong column or still wait to be mended, so that what they say counts for
    // nothing.
    let as_a_whole = if !columns.reason(fields).is_empty() {
        Some(Violation::field("reason", "mend the row, then empty this column to have the row taken"))
    } else if !missing.is_empty() {
        Some(Violation::whole(format!("columns missing: {}", missing.join(", "))))
    } else if surplus {
        Some(Violation::whole("more columns than the first line names; put text with a comma in double quotes"))
    } else {
        None
    };
    if let Some(violation) = as_a_whole {
        violations = vec![violation];
        pointers.clear();
    }
    let record = match record {
        Some(record) if violations.is_empty() => Ok(record),
        _ => Err(violations),
    };
    CheckedRow { key, pointers, record }
}

/// One row, and what was found in it so far.
struct Row<'a> {
    columns: &'a Columns,
    fields: &'a [&'a str],
    pointers: Vec<Pointer>,
    violations: Vec<Violation>,
}

impl Row<'_> {
    /// The row's key and record, as far as they can be read. Every field is read before the first `?`, so that all
    /// violations are found.
    fn read(&mut self) -> (Option<RowKey>, Option<Record>) {
        match self.columns.file() {
            File::People => self.person(),
            File::Trainers => self.trainer(),
            File::Sessions => self.session(),
            File::Attendances => self.attendance(),
            File::ListeningCampaigns => self.listening_campaign(),
            File::Listenings => self.listening(),
            File::Actions => self.action(),
            File::Participations => self.participation(),
            File::Projects => self.project(),
            File::Funding => self.funding(),
        }
    }

    fn person(&mut self) -> (Option<RowKey>, Option<Record>) {
        let reference = self.own_ref();
        let birth_year = self.birth_year();
        let gender = self.word_or_empty("gender", Gender::from_code, || codes(Gender::ALL, Gender::code));
        let ethnicity =
            self.word_or_empty("ethnicity", Ethnicity::from_code, || codes(Ethnicity::ALL, Ethnicity::code));
        let disability = self.disability();
        let consent =
            if self.text("consent_to_contact").is_empty() { Some(false) } else { self.yes_or_no("consent_to_contact") };
        let key = reference.as_ref().map(RowKey::of);
        let record = || {
            Some(Record::Person(Person {
                reference: reference?,
                name: self.owned("name").into(),
                email: self.owned("email").into(),
                phone: self.owned("phone").into(),
                postcode: self.owned("postcode").into(),
                birth_year: Personal::new(birth_year?),
                gender: Personal::new(gender?),
                ethnicity: Personal::new(ethnicity?),
                disability: Personal::new(disability?),
                consent_to_contact: Personal::new(consent?),
            }))
        };
        (key, record())
    }

    fn trainer(&mut self) -> (Option<RowKey>, Option<Record>) {
        let person = self.pointer("person_ref", File::People);
        let assured = self.date("quality_assured_on");
        let expires = self.date("expires_on");
        let key = person.as_ref().zip(assured).map(|(person, day)| RowKey::pair(person, &iso(day)));
        let record = || {
            Some(Record::TrainerAssurance(TrainerAssurance {
                person: person?,
                quality_assured_on: assured?,
                expires_on: expires?,
            }))
        };
        (key, record())
    }

    fn session(&mut self) -> (Option<RowKey>, Option<Record>) {
        let reference = self.own_ref();
        let date = self.date("date");
        let mode = self.word("mode", SessionMode::from_code, || codes(SessionMode::ALL, SessionMode::code));
        let minutes = self.minutes();
        let trainer = self.pointer_or_empty("trainer_ref", File::People);
        let key = reference.as_ref().map(RowKey::of);
        let record = || {
            Some(Record::Session(Session {
                reference: reference?,
                date: date?,
                course: self.owned("course"),
                title: self.owned("title"),
                mode: mode?,
                minutes: minutes?,
                trainer: trainer?,
            }))
        };
        (key, record())
    }

    fn attendance(&mut self) -> (Option<RowKey>, Option<Record>) {
        let session = self.pointer("session_ref", File::Sessions);
        let person = self.pointer("person_ref", File::People);
        let outcome = self.word("outcome", Outcome::from_code, || codes(Outcome::ALL, Outcome::code));
        let key = session.as_ref().zip(person.as_ref()).map(|(session, person)| RowKey::pair(session, person.as_str()));
        let record = || Some(Record::Attendance(Attendance { session: session?, person: person?, outcome: outcome? }));
        (key, record())
    }

    fn listening_campaign(&mut self) -> (Option<RowKey>, Option<Record>) {
        let reference = self.own_ref();
        let kind = self.word("kind", CampaignKind::from_code, || codes(CampaignKind::ALL, CampaignKind::code));
        let opened_on = self.date("opened_on");
        let closed_on = self.date_or_empty("closed_on");
        let reported_back_on = self.date_or_empty("reported_back_on");
        let key = reference.as_ref().map(RowKey::of);
        let record = || {
            Some(Record::ListeningCampaign(ListeningCampaign {
                reference: reference?,
                title: self.owned("title"),
                kind: kind?,
                opened_on: opened_on?,
                closed_on: closed_on?,
                reported_back_on: reported_back_on?,
            }))
        };
        (key, record())
    }

    fn listening(&mut self) -> (Option<RowKey>, Option<Record>) {
        let reference = self.own_ref();
        let date = self.date("date");
        let organiser = self.pointer("organiser_ref", File::People);
        let person = self.pointer_or_empty("person_ref", File::People);
        let campaign = self.pointer_or_empty("campaign_ref", File::ListeningCampaigns);
        let mode = self.word("mode", ListeningMode::from_code, || codes(ListeningMode::ALL, ListeningMode::code));
        let kind = self.word("kind", ListeningKind::from_code, || codes(ListeningKind::ALL, ListeningKind::code));
        let repeat = self.yes_or_no("repeat");
        let key = reference.as_ref().map(RowKey::of);
        let record = || {
            let themes = self.text("themes").split(';').map(str::trim).filter(|theme| !theme.is_empty());
            Some(Record::Listening(Listening {
                reference: reference?,
                date: date?,
                organiser: organiser?,
                person: person?,
                campaign: campaign?,
                mode: mode?,
                ward: self.owned("ward").into(),
                themes: themes.map(str::to_owned).collect(),
                kind: kind?,
                repeat: repeat?,
                note: self.owned("note").into(),
            }))
        };
        (key, record())
    }

    fn action(&mut self) -> (Option<RowKey>, Option<Record>) {
        let reference = self.own_ref();
        let date = self.date("date");
        let kind = self.word("kind", ActionKind::from_code, || codes(ActionKind::ALL, ActionKind::code));
        let led_by = self.pointer_or_empty("led_by_ref", File::People);
        let key = reference.as_ref().map(RowKey::of);
        let record = || {
            Some(Record::Action(Action {
                reference: reference?,
                date: date?,
                title: self.owned("title"),
                kind: kind?,
                led_by: led_by?,
            }))
        };
        (key, record())
    }

    fn participation(&mut self) -> (Option<RowKey>, Option<Record>) {
        let action = self.pointer("action_ref", File::Actions);
        let person = self.pointer("person_ref", File::People);
        let key = action.as_ref().zip(person.as_ref()).map(|(action, person)| RowKey::pair(action, person.as_str()));
        let record = || Some(Record::Participation(Participation { action: action?, person: person? }));
        (key, record())
    }

    fn project(&mut self) -> (Option<RowKey>, Option<Record>) {
        let reference = self.own_ref();
        let started_on = self.date("started_on");
        let key = reference.as_ref().map(RowKey::of);
        let record = || {
            Some(Record::Project(Project {
                reference: reference?,
                started_on: started_on?,
                title: self.owned("title"),
            }))
        };
        (key, record())
    }

    fn funding(&mut self) -> (Option<RowKey>, Option<Record>) {
        let reference = self.own_ref();
        let date = self.date("date");
        let pence = self.pence("amount_gbp");
        let key = reference.as_ref().map(RowKey::of);
        let record = || {
            Some(Record::Funding(Funding {
                reference: reference?,
                date: date?,
                source: self.owned("source").into(),
                pence: pence?,
            }))
        };
        (key, record())
    }

    /// The trimmed field of a column; empty where the row ends before it.
    fn text(&self, column: &str) -> &str {
        self.columns.field(column, self.fields).unwrap_or_default()
    }

    fn owned(&self, column: &str) -> String {
        self.text(column).to_owned()
    }

    /// Notes a violation.
    fn refuse<T>(&mut self, column: &str, reason: impl Into<String>) -> Option<T> {
        self.violations.push(Violation::field(column, reason));
        None
    }

    /// What `read` makes of a column that must not be empty, or the violation.
    fn required<T>(&mut self, column: &str, reason: &str, read: impl FnOnce(&str) -> Option<T>) -> Option<T> {
        self.required_or(column, || reason.to_owned(), read)
    }

    /// The same, where the reason is put together only when it is needed.
    fn required_or<T>(
        &mut self,
        column: &str,
        reason: impl FnOnce() -> String,
        read: impl FnOnce(&str) -> Option<T>,
    ) -> Option<T> {
        let text = self.text(column);
        if text.is_empty() {
            return self.refuse(column, MISSING);
        }
        match read(text) {
            Some(value) => Some(value),
            None => self.refuse(column, reason()),
        }
    }

    fn own_ref(&mut self) -> Option<Reference> {
        self.required("ref", UNFIT_REF, Reference::new)
    }

    fn pointer(&mut self, column: &'static str, target: File) -> Option<Reference> {
        let reference = self.required(column, UNFIT_REF, Reference::new)?;
        self.pointers.push(Pointer { field: column, target, reference: reference.clone() });
        Some(reference)
    }

    fn pointer_or_empty(&mut self, column: &'static str, target: File) -> Option<Option<Reference>> {
        if self.text(column).is_empty() { Some(None) } else { self.pointer(column, target).map(Some) }
    }

    fn date(&mut self, column: &str) -> Option<Date> {
        self.required(column, DATE, parse_date)
    }

    fn date_or_empty(&mut self, column: &str) -> Option<Option<Date>> {
        if self.text(column).is_empty() { Some(None) } else { self.date(column).map(Some) }
    }

    fn word<T>(
        &mut self,
        column: &str,
        read: impl FnOnce(&str) -> Option<T>,
        codes: impl FnOnce() -> String,
    ) -> Option<T> {
        self.required_or(column, || format!("no such {column}; one of {}", codes()), read)
    }

    /// A word of a vocabulary that has one for an empty field.
    fn word_or_empty<T>(
        &mut self,
        column: &str,
        read: impl FnOnce(&str) -> Option<T>,
        codes: impl FnOnce() -> String,
    ) -> Option<T> {
        match read(self.text(column)) {
            Some(word) => Some(word),
            None => self.refuse(column, format!("no such {column}; one of {}, or empty", codes())),
        }
    }

    /// A person's disability: its yes and no may be written as any other.
    fn disability(&mut self) -> Option<Disability> {
        match read_yes_or_no(self.text("disability")) {
            Some(true) => Some(Disability::Yes),
            Some(false) => Some(Disability::No),
            None => {
                self.word_or_empty("disability", Disability::from_code, || codes(Disability::ALL, Disability::code))
            }
        }
    }

    fn yes_or_no(&mut self, column: &str) -> Option<bool> {
        self.required(column, "write yes or no", read_yes_or_no)
    }

    fn minutes(&mut self) -> Option<u32> {
        let reason = "not a whole number of minutes from 1 to 100000";
        self.required("minutes", reason, |text| {
            text.parse().ok().filter(|minutes| (1..=100_000).contains(minutes) && !text.starts_with('+'))
        })
    }

    fn birth_year(&mut self) -> Option<Option<i32>> {
        let text = self.text("birth_year");
        if text.is_empty() {
            return Some(None);
        }
        let four_digits = text.len() == 4 && text.bytes().all(|byte| byte.is_ascii_digit());
        match text.parse().ok().filter(|year| four_digits && (1850..=2200).contains(year)) {
            Some(year) => Some(Some(year)),
            None => self.refuse("birth_year", "no such year; write it as 1984 or leave it empty"),
        }
    }

    fn pence(&mut self, column: &str) -> Option<u64> {
        let text = self.text(column);
        if text.is_empty() {
            return self.refuse(column, MISSING);
        }
        match read_pence(text) {
            Ok(pence) => Some(pence),
            Err(reason) => self.refuse(column, reason),
        }
    }
}

/// The words of a vocabulary that can be written, as a list for people.
fn codes<T: Copy>(words: &[T], code: impl Fn(T) -> &'static str) -> String {
    words.iter().map(|word| code(*word)).filter(|code| !code.is_empty()).collect::<Vec<_>>().join(", ")
}

fn read_yes_or_no(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "yes" | "y" => Some(true),
        "no" | "n" => Some(false),
        _ => None,
    }
}

/// Reads an amount in pounds, with or without a pound sign and commas between thousands, as pence.
fn read_pence(text: &str) -> Result<u64, &'static str> {
    const NOT_A_NUMBER: &str = "not a number; write it as 1250.00";
    let (negative, text) = match text.strip_prefix(['-', '−']) {
        Some(rest) => (true, rest.trim_start()),
        None => (false, text),
    };
    let text = text.strip_prefix('£').map_or(text, str::trim_start);
    let (negative, text) = text.strip_prefix(['-', '−']).map_or((negative, text), |rest| (true, rest));
    let (pounds, decimals) = text.split_once('.').map_or((text, None), |(pounds, rest)| (pounds, Some(rest)));

    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let mut groups = pounds.split(',');
    let first = groups.next().unwrap_or_default();
    let grouped = first.len() <= 3 && groups.clone().all(|group| group.len() == 3 && digits(group));
    if !digits(first) || (groups.next().is_some() && !grouped) || decimals.is_some_and(|rest| !digits(rest)) {
        return Err(NOT_A_NUMBER);
    }
    let decimals = decimals.unwrap_or_default();
    let pence = format!("{}{:0<2}", pounds.replace(',', ""), decimals.get(..2).unwrap_or(decimals));
    let pence = pence.parse::<u64>().unwrap_or(u64::MAX);
    if negative || (pence == 0 && decimals.bytes().all(|byte| byte == b'0')) {
        Err("not a positive amount")
    } else if decimals.len() > 2 {
        Err("more than two decimals")
    } else if pence > MOST_PENCE {
        Err("too large an amount")
    } else {
        Ok(pence)
    }
}
