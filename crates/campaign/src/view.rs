//! What a campaign says, read from its document. The same document reads the same on every node.

use std::collections::{BTreeMap, HashSet};
use std::fmt;

use automerge::iter::MapRangeItem;
use automerge::{Automerge, ObjId, ObjType, ROOT, ReadDoc, ScalarValue, ScalarValueRef, Value, ValueRef};
use folkmoot_domain::Date;
use folkmoot_domain::calendar::parse_date;

use crate::document::hex;
use crate::form::{Field, List, Part, Prose, REACH, SCHEMA};
use crate::item::{EntryId, Item};
use crate::reach::{Month, reach_key};
use crate::rich::{self, RichText};
use crate::touched::Touched;

/// An organisation on the campaign.
#[derive(Clone, PartialEq, Eq)]
pub struct SignUp {
    /// Names the entry.
    pub id: EntryId,
    /// The organisation's name.
    pub organisation: String,
    /// The node id of the hub that brought it, in hexadecimal: whose change put the entry into the list, whatever is
    /// written in the entry.
    pub hub: String,
    /// The day on which it signed up, as the hub wrote it.
    pub date: Option<Date>,
}

/// An entry of one of the other lists.
#[derive(Clone, PartialEq, Eq)]
pub struct Entry {
    /// Names the entry.
    pub id: EntryId,
    /// The node id, in hexadecimal, of the hub whose change put it into the list.
    pub added_by: String,
    /// What it says.
    pub item: Item,
}

/// What a campaign says, read from its document.
#[derive(Clone, PartialEq, Eq)]
pub struct View {
    /// The title.
    pub title: String,
    /// What the campaign wants.
    pub aim: String,
    /// The campaign's story.
    pub story: RichText,
    /// Notes that all members share.
    pub notes: RichText,
    /// The organisations in the order of the list; an organisation that two hubs signed up apart is there once.
    pub organisations: Vec<SignUp>,
    /// The sign-ups of organisations that stand before already.
    pub repeated: Vec<SignUp>,
    /// The entries of the other lists, in the order of [`List::ALL`] and of each list.
    pub entries: Vec<Entry>,
    /// How many people each hub reached in each month, by the hub's node id in hexadecimal.
    pub reach: BTreeMap<Month, BTreeMap<String, u64>>,
}

/// What members write is not shown.
impl fmt::Debug for SignUp {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("SignUp { .. }")
    }
}

/// What members write is not shown.
impl fmt::Debug for Entry {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Entry {{ id: {}, .. }}", self.id)
    }
}

/// What members write is not shown.
impl fmt::Debug for View {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (organisations, entries) = (self.organisations.len(), self.entries.len());
        write!(formatter, "View {{ organisations: {organisations}, entries: {entries}, .. }}")
    }
}

/// Reads a document; `None` where its fixed parts are missing.
pub(crate) fn read(document: &Automerge) -> Option<View> {
    let (schema, _) = document.get(ROOT, "schema").ok()??;
    if schema.as_i64() != Some(SCHEMA) {
        return None;
    }
    let mut entries = Vec::new();
    for list in List::ALL.into_iter().filter(|list| *list != List::Organisations) {
        entries.extend(list_of(document, list, BTreeMap::new())?);
    }
    let (organisations, repeated) = organisations(document, BTreeMap::new())?;
    Some(View {
        title: string(document, &ROOT, Field::Title)?,
        aim: string(document, &ROOT, Field::Aim)?,
        story: prose(document, Prose::Story)?,
        notes: prose(document, Prose::Notes)?,
        organisations,
        repeated,
        entries,
        reach: reach(document)?,
    })
}

/// Reads a document that said `before` until changes came that touch these parts.
pub(crate) fn read_again(document: &Automerge, before: &View, touched: &Touched) -> Option<View> {
    let Touched::Parts { parts, entries } = touched else { return read(document) };
    let mut view = before.clone();
    let is_same = |id: &EntryId| !entries.contains(id);
    for part in parts {
        match part {
            Part::Schema(_) => return read(document),
            Part::Field(Field::Title) => view.title = string(document, &ROOT, Field::Title)?,
            Part::Field(_) => view.aim = string(document, &ROOT, Field::Aim)?,
            Part::Prose(Prose::Story) => view.story = prose(document, Prose::Story)?,
            Part::Prose(Prose::Notes) => view.notes = prose(document, Prose::Notes)?,
            Part::List(List::Organisations) => {
                let held = view.organisations.drain(..).chain(view.repeated.drain(..));
                let same = held.map(|one| (one.id, one)).filter(|(id, _)| is_same(id)).collect();
                (view.organisations, view.repeated) = organisations(document, same)?;
            }
            Part::List(list) => {
                // Lists lie one behind the other.
                let from = view.entries.partition_point(|entry| entry.item.list() < *list);
                let upto = view.entries.partition_point(|entry| entry.item.list() <= *list);
                let held: Vec<Entry> = view.entries.splice(from..upto, []).collect();
                let same = held.into_iter().map(|entry| (entry.id, entry)).filter(|(id, _)| is_same(id)).collect();
                view.entries.splice(from..from, list_of(document, *list, same)?);
            }
            Part::Reach => view.reach = reach(document)?,
        }
    }
    Some(view)
}

fn prose(document: &Automerge, prose: Prose) -> Option<RichText> {
    rich::read(document, &fixed(document, prose.key(), ObjType::Text)?)
}

/// The entries of a list; of those that say the `same` as before nothing but their place is read.
fn list_of(document: &Automerge, list: List, mut same: BTreeMap<EntryId, Entry>) -> Option<Vec<Entry>> {
    let read = |(id, entry): (EntryId, ObjId)| {
        if let Some(same) = same.remove(&id) {
            return Some(same);
        }
        let strings = strings(document, &entry);
        let item = Item::read(list, |field| strings.get(field.key()).cloned().unwrap_or_default())?;
        // A client may have made an entry and not yet what it is known by.
        let is_named = item.fields().first().is_some_and(|(_, name)| !name.is_empty());
        is_named.then(|| Entry { id, added_by: hex(&id.actor[..32]), item })
    };
    Some(entries_of(document, list)?.into_iter().filter_map(read).collect())
}

/// As [`list_of`]; the first sign-up of each organisation, and the others.
fn organisations(document: &Automerge, mut same: BTreeMap<EntryId, SignUp>) -> Option<(Vec<SignUp>, Vec<SignUp>)> {
    let mut names = HashSet::new();
    let signed_up = |(id, entry): (EntryId, ObjId)| {
        if let Some(same) = same.remove(&id) {
            return Some(same);
        }
        let mut strings = strings(document, &entry);
        let organisation = strings.remove(Field::Organisation.key()).filter(|name| !name.is_empty())?;
        let date = strings.get(Field::Date.key()).and_then(|date| parse_date(date));
        Some(SignUp { id, organisation, hub: hex(&id.actor[..32]), date })
    };
    let all = entries_of(document, List::Organisations)?.into_iter().filter_map(signed_up);
    Some(all.partition(|signed| names.insert(signed.organisation.clone())))
}

fn reach(document: &Automerge) -> Option<BTreeMap<Month, BTreeMap<String, u64>>> {
    let counters = fixed(document, REACH, ObjType::Map)?;
    let mut reach: BTreeMap<Month, BTreeMap<String, u64>> = BTreeMap::new();
    for key in document.keys(&counters) {
        let Some((month, hub)) = reach_key(&key) else { continue };
        // One that a hub began twice, in two programs that did not know of each other, counts with all that it has.
        let values = document.get_all(&counters, &key).ok()?;
        let people: i64 = values.iter().filter_map(|(value, _)| value.as_i64()).fold(0, i64::saturating_add);
        reach.entry(month).or_default().insert(hex(&hub), people.try_into().unwrap_or(0));
    }
    Some(reach)
}

/// The entries of a list, in its order.
pub(crate) fn entries_of(document: &impl ReadDoc, list: List) -> Option<Vec<(EntryId, ObjId)>> {
    let list = fixed(document, list.key(), ObjType::List)?;
    let id = |entry: ObjId| match &entry {
        ObjId::Root => None,
        // Admission lets nobody use an actor of another length, nor another hub's.
        ObjId::Id(number, actor, _) => {
            let id = EntryId { number: *number, actor: actor.to_bytes().try_into().ok()? };
            Some((id, entry))
        }
    };
    Some(document.list_range(&list, ..).filter_map(|item| id(item.id())).collect())
}

/// One of the objects that the fixed changes make.
pub(crate) fn fixed(document: &impl ReadDoc, key: &str, kind: ObjType) -> Option<ObjId> {
    let (value, id) = document.get(ROOT, key).ok()??;
    (value.to_objtype() == Some(kind)).then_some(id)
}

/// The strings of an entry, by their keys: all in one go, which costs a fraction of asking for each.
fn strings(document: &Automerge, entry: &ObjId) -> BTreeMap<&'static str, String> {
    let string = |item: MapRangeItem<'_>| {
        let field = Field::of_key(&item.key)?;
        let whole = match &item.value {
            ValueRef::Object(ObjType::Text) => document.text(item.id()).ok()?,
            ValueRef::Scalar(ScalarValueRef::Str(text)) => text.to_string(),
            ValueRef::Object(_) | ValueRef::Scalar(_) => return None,
        };
        Some((field.key(), cut(&whole, field)))
    };
    document.map_range(entry, ..).filter_map(string).collect()
}

/// A string of the document: a scalar or a text.
fn string(document: &Automerge, object: &ObjId, field: Field) -> Option<String> {
    let (value, id) = document.get(object, field.key()).ok()??;
    match value {
        Value::Object(ObjType::Text) => Some(cut(&document.text(&id).ok()?, field)),
        Value::Scalar(scalar) => match scalar.as_ref() {
            ScalarValue::Str(text) => Some(cut(text, field)),
            ScalarValue::Bytes(_)
            | ScalarValue::Int(_)
            | ScalarValue::Uint(_)
            | ScalarValue::F64(_)
            | ScalarValue::Counter(_)
            | ScalarValue::Timestamp(_)
            | ScalarValue::Boolean(_)
            | ScalarValue::Unknown { .. }
            | ScalarValue::Null => None,
        },
        Value::Object(ObjType::Map | ObjType::List | ObjType::Table) => None,
    }
}

/// Without blanks around it. A text can grow past the limit while hubs edit it apart; it is cut there.
fn cut(text: &str, field: Field) -> String {
    text.trim().chars().take(field.limit()).collect()
}
