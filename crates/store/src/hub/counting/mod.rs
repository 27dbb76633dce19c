//! From facts to figures: whom a hub has counted in which period, and whether facts that were frozen by a release still
//! stand.

mod standing;
mod tally;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use folkmoot_domain::indicator::Indicator;

use super::facts::{Attributes, Fact, Facts, Family, Id};
use crate::error::StoreError;

pub(super) use tally::Tallies;

/// Calendar quarters by their numbers, from a first to a last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Stretch {
    pub(super) first: i32,
    pub(super) last: i32,
}

impl Stretch {
    pub(super) fn holds(self, quarter: i32) -> bool {
        (self.first..=self.last).contains(&quarter)
    }
}

/// The facts of one family that releases were counted from.
#[derive(Default)]
pub(super) struct Frozen {
    /// Quarters in which the records still say the same.
    same: BTreeSet<i32>,
    others: BTreeMap<i32, Facts>,
}

impl Frozen {
    /// Takes the frozen facts of a quarter, given those that the records have now.
    pub(super) fn take(&mut self, quarter: i32, was: Facts, current: &BTreeMap<i32, Facts>) {
        if current.get(&quarter).map_or_else(|| was.is_empty(), |now| *now == was) {
            self.same.insert(quarter);
        } else {
            self.others.insert(quarter, was);
        }
    }
}

/// The facts of one family, quarter by quarter, that all figures are counted from.
pub(super) struct Settled {
    pub(super) facts: BTreeMap<i32, Facts>,
    /// Quarters whose facts stand as they were frozen.
    pub(super) standing: BTreeSet<i32>,
    /// Quarters whose frozen facts gave way, with the indicators whose people changed.
    pub(super) thawed: BTreeMap<i32, BTreeSet<Indicator>>,
    /// Whose late facts wait, by the quarter that they wait for.
    pub(super) waiting: BTreeMap<i32, BTreeSet<Id>>,
}

/// Decides of each quarter which facts count: the frozen ones, where there are any, until so many people have changed
/// that nothing can be told of one of them.
///
/// `released` are the longer periods that releases speak of: there, too, as many people must have changed, or none.
/// `is_erased` says whether somebody is gone from the records altogether; whoever is counts on.
pub(super) fn settle(
    family: Family,
    mut current: BTreeMap<i32, Facts>,
    mut frozen: Frozen,
    released: &[Stretch],
    is_erased: impl Fn(&Id) -> Result<bool, StoreError>,
) -> Result<Settled, StoreError> {
    let decided = standing::decide(family, &current, &frozen, released, is_erased)?;
    for quarter in &decided.standing {
        if let Some(was) = frozen.others.remove(quarter) {
            current.insert(*quarter, was);
        }
    }
    // What is left of the frozen facts has given way; of it only those stay who were erased.
    for (quarter, was) in frozen.others {
        let kept: Vec<Fact<'_>> = was
            .iter()
            .filter(|fact| decided.erased.contains(&fact.id))
            .map(|fact| Fact { attributes: Attributes::UNKNOWN, ..fact })
            .collect();
        if !kept.is_empty() {
            let mut now = current.remove(&quarter).unwrap_or_default().with(&kept);
            now.events += kept.len() as u64;
            current.insert(quarter, now);
        }
    }
    for (quarter, facts) in &mut current {
        if !decided.standing.contains(quarter) {
            decided.pinned.iter().for_each(|(id, attributes)| facts.put(id, *attributes));
        }
    }
    let standing::Decided { standing, thawed, waiting, .. } = decided;
    Ok(Settled { facts: current, standing, thawed, waiting })
}

/// Goes through several lists of people at once, by id.
struct Walk<'a> {
    lists: Vec<&'a Facts>,
    at: Vec<usize>,
}

impl<'a> Walk<'a> {
    fn new(lists: impl IntoIterator<Item = &'a Facts>) -> Self {
        let lists: Vec<_> = lists.into_iter().collect();
        let at = vec![0; lists.len()];
        Self { lists, at }
    }

    /// The next person: what each list that has them says, by its place. `None` after the last.
    fn next(&mut self, found: &mut Vec<(usize, Fact<'a>)>) -> Option<Id> {
        found.clear();
        let heads = self.lists.iter().zip(&self.at).filter_map(|(list, at)| list.id(*at));
        let id = *heads.min()?;
        for (place, (list, at)) in self.lists.iter().zip(&mut self.at).enumerate() {
            if list.id(*at) == Some(&id) {
                found.extend(list.get(*at).map(|fact| (place, fact)));
                *at += 1;
            }
        }
        Some(id)
    }
}
