//! What differs between two versions of a campaign.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::form::{Field, Prose};
use crate::item::EntryId;
use crate::reach::Month;
use crate::rich::RichText;
use crate::view::{Entry, SignUp, View};

/// One thing that differs.
#[derive(Clone, PartialEq, Eq)]
pub enum Difference {
    /// The title or the aim.
    Own {
        /// Which.
        field: Field,
        /// What it was.
        before: String,
        /// What it is.
        after: String,
    },
    /// A part of a text is another.
    Prose {
        /// Which text.
        prose: Prose,
        /// Where the part begins, in UTF-16 units from 0.
        at: usize,
        /// What stood there.
        removed: String,
        /// What stands there.
        inserted: String,
    },
    /// The marks of a text, where its characters are the same.
    Marks {
        /// Which text.
        prose: Prose,
    },
    /// An organisation signed up.
    SignedUp(SignUp),
    /// An organisation is on the campaign no more.
    SignedOff(SignUp),
    /// An entry was added.
    Added(Entry),
    /// An entry was taken away.
    Removed(Entry),
    /// A part of an entry says something else.
    Changed {
        /// The entry, as it is.
        entry: Entry,
        /// Which part.
        field: Field,
        /// What it said.
        before: String,
        /// What it says.
        after: String,
    },
    /// How many people a hub reached in a month.
    Reach {
        /// The month.
        month: Month,
        /// The hub's node id in hexadecimal.
        hub: String,
        /// How many it had counted.
        before: u64,
        /// How many it has.
        after: u64,
    },
}

/// What members write is not shown.
impl fmt::Debug for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Difference::Own { .. } => "Own { .. }",
            Difference::Prose { .. } => "Prose { .. }",
            Difference::Marks { .. } => "Marks { .. }",
            Difference::SignedUp(_) => "SignedUp(..)",
            Difference::SignedOff(_) => "SignedOff(..)",
            Difference::Added(_) => "Added(..)",
            Difference::Removed(_) => "Removed(..)",
            Difference::Changed { .. } => "Changed { .. }",
            Difference::Reach { .. } => "Reach { .. }",
        })
    }
}

/// What differs, in the order in which a campaign is read.
pub fn differences(before: &View, after: &View) -> Vec<Difference> {
    let mut found = Vec::new();
    for (field, was, is) in [(Field::Title, &before.title, &after.title), (Field::Aim, &before.aim, &after.aim)] {
        if was != is {
            found.push(Difference::Own { field, before: was.clone(), after: is.clone() });
        }
    }
    let known = |view: &View| -> BTreeSet<EntryId> { view.organisations.iter().map(|it| it.id).collect() };
    let (was, is) = (known(before), known(after));
    let gone = before.organisations.iter().filter(|it| !is.contains(&it.id));
    found.extend(gone.cloned().map(Difference::SignedOff));
    let come = after.organisations.iter().filter(|it| !was.contains(&it.id));
    found.extend(come.cloned().map(Difference::SignedUp));
    entries(&before.entries, &after.entries, &mut found);
    let months: BTreeSet<Month> = before.reach.keys().chain(after.reach.keys()).copied().collect();
    for month in months {
        let of = |view: &View| view.reach.get(&month).cloned().unwrap_or_default();
        let (was, is) = (of(before), of(after));
        for hub in was.keys().chain(is.keys()).collect::<BTreeSet<_>>() {
            let people = |side: &BTreeMap<String, u64>| side.get(hub).copied().unwrap_or(0);
            let (before, after) = (people(&was), people(&is));
            if before != after {
                found.push(Difference::Reach { month, hub: hub.clone(), before, after });
            }
        }
    }
    prose(Prose::Story, &before.story, &after.story, &mut found);
    prose(Prose::Notes, &before.notes, &after.notes, &mut found);
    found
}

fn entries(before: &[Entry], after: &[Entry], found: &mut Vec<Difference>) {
    let by_id = |entries: &[Entry]| -> BTreeMap<EntryId, Entry> {
        entries.iter().map(|entry| (entry.id, entry.clone())).collect()
    };
    let (was, is) = (by_id(before), by_id(after));
    found.extend(before.iter().filter(|entry| !is.contains_key(&entry.id)).cloned().map(Difference::Removed));
    for entry in after {
        let Some(earlier) = was.get(&entry.id) else {
            found.push(Difference::Added(entry.clone()));
            continue;
        };
        for ((field, before), (_, after)) in earlier.item.fields().into_iter().zip(entry.item.fields()) {
            if before != after {
                found.push(Difference::Changed { entry: entry.clone(), field, before, after });
            }
        }
    }
}

fn prose(prose: Prose, before: &RichText, after: &RichText, found: &mut Vec<Difference>) {
    if before.text == after.text {
        if before.marks != after.marks {
            found.push(Difference::Marks { prose });
        }
        return;
    }
    let (was, is): (Vec<char>, Vec<char>) = (before.text.chars().collect(), after.text.chars().collect());
    let start = was.iter().zip(&is).take_while(|(one, other)| one == other).count();
    let rest = was[start..].iter().rev().zip(is[start..].iter().rev());
    let end = rest.take_while(|(one, other)| one == other).count();
    found.push(Difference::Prose {
        prose,
        at: was[..start].iter().map(|character| character.len_utf16()).sum(),
        removed: was[start..was.len() - end].iter().collect(),
        inserted: is[start..is.len() - end].iter().collect(),
    });
}
