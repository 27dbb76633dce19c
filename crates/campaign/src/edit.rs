//! What a member changes through this hub, and the limits of it.

use std::fmt;

use automerge::marks::{ExpandMark, Mark as Stored};
use automerge::transaction::{Transactable, Transaction};
use automerge::{AutomergeError, ObjId, ObjType, ROOT, ReadDoc, ScalarValue};
use folkmoot_domain::Date;
use folkmoot_domain::calendar::iso;

use crate::document::{Actor, CampaignError, hex};
use crate::form::{Field, List, Prose, REACH};
use crate::item::{EntryId, Item};
use crate::reach::{Month, REACH_LIMIT, counter_key};
use crate::rich::{MAX_LINK_CHARACTERS, Style};
use crate::view::{View, entries_of, fixed};

/// The most characters that one edit may add to the notes or the story.
pub const MAX_PROSE_CHARACTERS: usize = 20_000;

/// A change that a member makes.
#[derive(Clone, PartialEq, Eq)]
pub enum Edit {
    /// Replaces the title.
    Title(String),
    /// Replaces the aim.
    Aim(String),
    /// Adds an organisation; does nothing where it has signed up already.
    SignUp {
        /// Its name.
        organisation: String,
        /// The day on which it signed up.
        date: Option<Date>,
    },
    /// Adds to the end of the shared notes.
    AppendNotes(String),
    /// Writes into a rich text, in place of a part of it.
    Write {
        /// Which text.
        prose: Prose,
        /// Where, in UTF-16 units from 0.
        at: usize,
        /// How many UTF-16 units go.
        delete: usize,
        /// What comes there.
        insert: String,
    },
    /// Marks a part of a rich text, or takes such marks away.
    Mark {
        /// Which text.
        prose: Prose,
        /// The first character, in UTF-16 units from 0.
        start: usize,
        /// The one after the last.
        end: usize,
        /// As what.
        style: Style,
        /// Whether to mark it, and not to take the mark away.
        on: bool,
    },
    /// Adds an entry.
    Add(Item),
    /// Changes parts of an entry.
    Update {
        /// The entry.
        id: EntryId,
        /// What it is to say.
        item: Item,
        /// Which parts of that; the others stay as they are.
        fields: Vec<Field>,
    },
    /// Takes an entry away.
    Remove {
        /// The list that it is in.
        list: List,
        /// The entry.
        id: EntryId,
    },
    /// Adds to how many people this hub reached in a month; less than nothing corrects.
    CountReach {
        /// The month.
        month: Month,
        /// How many more.
        people: i64,
    },
}

/// What members write is not shown.
impl fmt::Debug for Edit {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Edit::Title(_) => "Title(..)",
            Edit::Aim(_) => "Aim(..)",
            Edit::SignUp { .. } => "SignUp { .. }",
            Edit::AppendNotes(_) => "AppendNotes(..)",
            Edit::Write { .. } => "Write { .. }",
            Edit::Mark { .. } => "Mark { .. }",
            Edit::Add(_) => "Add(..)",
            Edit::Update { .. } => "Update { .. }",
            Edit::Remove { .. } => "Remove { .. }",
            Edit::CountReach { .. } => "CountReach { .. }",
        })
    }
}

impl Edit {
    /// Everything about the edit that is outside the limits, whatever the document says. An error of a text names it by its
    /// key in the document.
    pub fn faults(&self) -> Vec<CampaignError> {
        let field = |field: Field, text: &str, must: bool| fault(field.key(), text, field.limit(), must, false);
        match self {
            Edit::Title(text) => field(Field::Title, text, true).into_iter().collect(),
            Edit::Aim(text) => field(Field::Aim, text, false).into_iter().collect(),
            Edit::SignUp { organisation, .. } => field(Field::Organisation, organisation, true).into_iter().collect(),
            Edit::AppendNotes(text) => fault("notes", text, MAX_PROSE_CHARACTERS, true, true).into_iter().collect(),
            Edit::Write { prose, delete, insert, .. } => {
                fault(prose.key(), insert, MAX_PROSE_CHARACTERS, *delete == 0, true).into_iter().collect()
            }
            Edit::Mark { style: Style::Link(address), on: true, .. } => {
                fault("link", address, MAX_LINK_CHARACTERS, true, false).into_iter().collect()
            }
            Edit::Mark { .. } | Edit::Remove { .. } => Vec::new(),
            Edit::Add(item) => {
                item.fields().iter().enumerate().filter_map(|(at, (of, text))| field(*of, text, at == 0)).collect()
            }
            Edit::Update { item, fields, .. } => {
                let parts = item.fields().into_iter().enumerate().filter(|(_, (of, _))| fields.contains(of));
                parts.filter_map(|(at, (of, text))| field(of, &text, at == 0)).collect()
            }
            Edit::CountReach { people, .. } if people.unsigned_abs() > REACH_LIMIT.unsigned_abs() => {
                vec![CampaignError::TooMany { limit: REACH_LIMIT }]
            }
            Edit::CountReach { .. } => Vec::new(),
        }
    }

    /// Carries the edit out on the document of which `now` is what it says.
    pub(crate) fn carry_out(
        &self,
        actor: Actor,
        now: &View,
        transaction: &mut Transaction<'_>,
    ) -> Result<(), CampaignError> {
        match self {
            Edit::Title(title) => set(transaction, &ROOT, Field::Title, title.trim(), &now.title),
            Edit::Aim(aim) => set(transaction, &ROOT, Field::Aim, aim.trim(), &now.aim),
            Edit::SignUp { organisation, date } => {
                let organisation = organisation.trim();
                if now.organisations.iter().any(|known| known.organisation == organisation) {
                    return Ok(());
                }
                let date = date.map(iso).unwrap_or_default();
                let parts =
                    [(Field::Organisation, organisation), (Field::Hub, &hex(&actor.node)), (Field::Date, &date)];
                add(transaction, List::Organisations, &parts)
            }
            Edit::AppendNotes(text) => {
                let end = now.notes.text.encode_utf16().count();
                write(transaction, Prose::Notes, now, (end, 0), text)
            }
            Edit::Write { prose, at, delete, insert } => write(transaction, *prose, now, (*at, *delete), insert),
            Edit::Mark { prose, start, end, style, on } => mark(transaction, *prose, now, (*start, *end), style, *on),
            Edit::Add(item) => {
                let parts = item.fields();
                let parts: Vec<(Field, &str)> = parts.iter().map(|(field, text)| (*field, text.trim())).collect();
                add(transaction, item.list(), &parts)
            }
            Edit::Update { id, item, fields } => {
                let (_, entry) = find(transaction, item.list(), *id)?;
                let held = now.entries.iter().find(|held| held.id == *id).map(|held| held.item.fields());
                let parts = item.fields().into_iter().filter(|(field, _)| fields.contains(field));
                for (field, text) in parts {
                    let was = held.iter().flatten().find(|(of, _)| *of == field).map_or("", |(_, was)| was);
                    set(transaction, &entry, field, text.trim(), was)?;
                }
                Ok(())
            }
            Edit::Remove { list, id } => {
                let (at, _) = find(transaction, *list, *id)?;
                let list = object(transaction, list.key(), ObjType::List)?;
                Ok(transaction.delete(&list, at)?)
            }
            Edit::CountReach { month, people } => count(transaction, actor, now, *month, *people),
        }
    }
}

fn fault(field: &'static str, text: &str, limit: usize, must: bool, lines: bool) -> Option<CampaignError> {
    // Blanks around a line are taken off; they are something that notes can say.
    let text = if lines { text } else { text.trim() };
    let given = text.chars().count();
    if given > limit {
        return Some(CampaignError::TooLong { field, given, limit });
    }
    if text.is_empty() && must {
        return Some(CampaignError::Empty { field });
    }
    let in_lines = |character| lines && matches!(character, '\n' | '\t');
    let at = text.chars().position(|character| character.is_control() && !in_lines(character))?;
    Some(CampaignError::ControlCharacter { field, at: at + 1 })
}

fn object(document: &impl ReadDoc, key: &str, kind: ObjType) -> Result<ObjId, CampaignError> {
    fixed(document, key, kind).ok_or(CampaignError::EditFailed)
}

fn set(
    transaction: &mut Transaction<'_>,
    object: &ObjId,
    field: Field,
    text: &str,
    was: &str,
) -> Result<(), CampaignError> {
    if text != was {
        transaction.put(object, field.key(), text)?;
    }
    Ok(())
}

fn add(transaction: &mut Transaction<'_>, list: List, parts: &[(Field, &str)]) -> Result<(), CampaignError> {
    let list = object(transaction, list.key(), ObjType::List)?;
    let entry = transaction.insert_object(&list, transaction.length(&list), ObjType::Map)?;
    for (field, text) in parts.iter().filter(|(_, text)| !text.is_empty()) {
        transaction.put(&entry, field.key(), *text)?;
    }
    Ok(())
}

fn find(transaction: &Transaction<'_>, list: List, id: EntryId) -> Result<(usize, ObjId), CampaignError> {
    let entries = entries_of(transaction, list).ok_or(CampaignError::EditFailed)?;
    let found = entries.into_iter().enumerate().find(|(_, (held, _))| *held == id);
    found.map(|(at, (_, entry))| (at, entry)).ok_or(CampaignError::NoSuchEntry)
}

/// Checks that a part of a text begins and ends between characters of it.
fn within(prose: Prose, now: &View, (start, end): (usize, usize)) -> Result<(), CampaignError> {
    let text = match prose {
        Prose::Notes => &now.notes.text,
        Prose::Story => &now.story.text,
    };
    let mut length = 0;
    let (mut starts, mut ends) = (start == 0, end == 0);
    for character in text.chars() {
        length += character.len_utf16();
        starts |= length == start;
        ends |= length == end;
    }
    if starts && ends && start <= end { Ok(()) } else { Err(CampaignError::OutOfText { length }) }
}

fn write(
    transaction: &mut Transaction<'_>,
    prose: Prose,
    now: &View,
    (at, delete): (usize, usize),
    insert: &str,
) -> Result<(), CampaignError> {
    within(prose, now, (at, at.saturating_add(delete)))?;
    let text = object(transaction, prose.key(), ObjType::Text)?;
    let delete = isize::try_from(delete).map_err(|_| CampaignError::EditFailed)?;
    Ok(transaction.splice_text(&text, at, delete, insert)?)
}

fn mark(
    transaction: &mut Transaction<'_>,
    prose: Prose,
    now: &View,
    (start, end): (usize, usize),
    style: &Style,
    on: bool,
) -> Result<(), CampaignError> {
    within(prose, now, (start, end))?;
    if start == end {
        return Ok(());
    }
    let text = object(transaction, prose.key(), ObjType::Text)?;
    // What is written at the end of bold text is bold, and at the end of a link is not part of it.
    let expand = if matches!(style, Style::Link(_)) { ExpandMark::None } else { ExpandMark::After };
    let value = if on { style.value() } else { ScalarValue::Null };
    Ok(transaction.mark(&text, Stored::new(style.name().to_owned(), value, start, end), expand)?)
}

fn count(
    transaction: &mut Transaction<'_>,
    actor: Actor,
    now: &View,
    month: Month,
    people: i64,
) -> Result<(), CampaignError> {
    let counted = now.reach.get(&month).and_then(|hubs| hubs.get(&hex(&actor.node))).copied().unwrap_or(0);
    let sum = i64::try_from(counted).unwrap_or(i64::MAX).saturating_add(people);
    if sum < 0 {
        return Err(CampaignError::BelowZero { counted });
    }
    let counters = object(transaction, REACH, ObjType::Map)?;
    let key = counter_key(month, &actor.node);
    match transaction.get_all(&counters, &key)?.len() {
        _ if people == 0 => {}
        1 => transaction.increment(&counters, &key, people)?,
        // None yet, or several that this hub began apart, which become one.
        _ => transaction.put(&counters, &key, ScalarValue::counter(sum.min(REACH_LIMIT)))?,
    }
    Ok(())
}

impl From<AutomergeError> for CampaignError {
    fn from(_: AutomergeError) -> Self {
        CampaignError::EditFailed
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::item::TaskState;

    #[test]
    fn an_edit_keeps_to_its_limits() {
        let long = |length| "é".repeat(length);
        let too_long = |field, limit| vec![CampaignError::TooLong { field, given: limit + 1, limit }];
        let sign_up = |organisation| Edit::SignUp { organisation, date: None };
        let write = |delete, insert: &str| Edit::Write { prose: Prose::Story, at: 0, delete, insert: insert.into() };
        let task = |title: &str, hub: &str| Item::Task {
            title: title.into(),
            hub: hub.into(),
            due: None,
            state: TaskState::Open,
        };
        let link = |address: &str| Edit::Mark {
            prose: Prose::Notes,
            start: 0,
            end: 1,
            style: Style::Link(address.into()),
            on: true,
        };
        let reach = |people| Edit::CountReach { month: Month::new(2018, 10).expect("a month"), people };
        let cases = [
            (Edit::Title(long(200)), vec![]),
            (Edit::Title(long(201)), too_long("title", 200)),
            (Edit::Title(" ".into()), vec![CampaignError::Empty { field: "title" }]),
            (Edit::Title("a\nb".into()), vec![CampaignError::ControlCharacter { field: "title", at: 2 }]),
            (Edit::Aim(String::new()), vec![]),
            (Edit::Aim(long(2_000)), vec![]),
            (Edit::Aim(long(2_001)), too_long("aim", 2_000)),
            (Edit::Aim("\u{1b}[31m".into()), vec![CampaignError::ControlCharacter { field: "aim", at: 1 }]),
            (sign_up(String::new()), vec![CampaignError::Empty { field: "organisation" }]),
            (sign_up(long(201)), too_long("organisation", 200)),
            (Edit::AppendNotes("one\n\ttwo 🚌".into()), vec![]),
            (Edit::AppendNotes("\n".into()), vec![]),
            (Edit::AppendNotes(String::new()), vec![CampaignError::Empty { field: "notes" }]),
            (Edit::AppendNotes(long(20_000)), vec![]),
            (Edit::AppendNotes(long(20_001)), too_long("notes", 20_000)),
            (Edit::AppendNotes("a\r\n".into()), vec![CampaignError::ControlCharacter { field: "notes", at: 2 }]),
            (write(1, ""), vec![]),
            (write(0, ""), vec![CampaignError::Empty { field: "story" }]),
            (link("https://example.org"), vec![]),
            (link(" "), vec![CampaignError::Empty { field: "link" }]),
            (Edit::Add(task("Leaflets", "")), vec![]),
            (
                Edit::Add(task("", "a\tb")),
                vec![CampaignError::Empty { field: "title" }, CampaignError::ControlCharacter { field: "hub", at: 2 }],
            ),
            (
                Edit::Update {
                    id: EntryId { number: 1, actor: [0; 40] },
                    item: task("", "a\tb"),
                    fields: vec![Field::Hub],
                },
                vec![CampaignError::ControlCharacter { field: "hub", at: 2 }],
            ),
            (reach(-REACH_LIMIT), vec![]),
            (reach(REACH_LIMIT + 1), vec![CampaignError::TooMany { limit: REACH_LIMIT }]),
        ];
        for (edit, expected) in cases {
            assert_eq!(edit.faults(), expected, "{edit:?}");
        }
    }

    #[test]
    fn errors_say_what_to_do() {
        let messages = [Edit::Title(String::new()), Edit::Aim("x".repeat(2_001)), Edit::AppendNotes("\r".into())]
            .map(|edit| edit.faults().first().expect("outside its limits").to_string());
        assert_eq!(
            messages,
            [
                "the title is empty; give some text",
                "the aim has 2001 characters; 2000 are the most: shorten it",
                "the notes have a control character at character 1; take it out (new lines and tabs may stay)",
            ]
        );
    }
}
