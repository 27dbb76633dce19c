//! Which parts of a document changes touch.

use std::collections::BTreeSet;

use automerge::legacy::OpId;

use crate::form::Part;
use crate::item::EntryId;

/// The parts of the document that changes touch, so that only those are read again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Touched {
    Parts {
        parts: BTreeSet<Part>,
        /// The entries of lists that say something else since. New ones need not be among them.
        entries: BTreeSet<EntryId>,
    },
    /// Perhaps every one.
    All,
}

impl Touched {
    pub(crate) fn nothing() -> Self {
        Touched::Parts { parts: BTreeSet::new(), entries: BTreeSet::new() }
    }

    pub(crate) fn add(&mut self, part: Part) {
        if let Touched::Parts { parts, .. } = self {
            parts.insert(part);
        }
    }

    /// An entry of a list says something else.
    pub(crate) fn add_entry(&mut self, id: &OpId) {
        match (&mut *self, id.1.to_bytes().try_into()) {
            (Touched::Parts { entries, .. }, Ok(actor)) => drop(entries.insert(EntryId { number: id.0, actor })),
            (Touched::Parts { .. }, Err(_)) => *self = Touched::All,
            (Touched::All, _) => {}
        }
    }

    pub(crate) fn and(self, other: &Touched) -> Self {
        match (self, other) {
            (Touched::Parts { mut parts, mut entries }, Touched::Parts { parts: others, entries: other_entries }) => {
                parts.extend(others);
                entries.extend(other_entries);
                Touched::Parts { parts, entries }
            }
            (Touched::All, _) | (_, Touched::All) => Touched::All,
        }
    }
}
