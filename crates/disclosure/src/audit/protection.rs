//! What must not be worked out: every figure of few people and every hidden sum, released or not.

use folkmoot_domain::calendar::{Period, Quarter};
use folkmoot_domain::indicator::{CellKey, Class, Dimension, Indicator};

use super::known::whole;
use super::lattice::{Lattice, Stretch, audited};
use super::search::Guard;
use super::system::Sum;
use crate::{Account, Observations, Terms, draft};

/// Something that must not be worked out.
#[derive(Debug, Clone)]
pub(super) struct Concern {
    pub(super) sum: Sum,
    pub(super) guard: Guard,
    /// The cell by which the release gives it away.
    pub(super) cell: CellKey,
}

/// All that is protected over a lattice.
pub(super) fn concerns(lattice: &Lattice, periods: &[&Observations], account: &Account, terms: Terms) -> Vec<Concern> {
    let mut found = Vec::new();
    for (variable, (at, cell)) in lattice.variables.iter().enumerate() {
        let seen = periods[*at];
        if seen.is_structural_zero(cell.indicator) {
            continue;
        }
        let observed = seen.get(*cell);
        let few = |people: u64| people < terms.threshold_of(*cell);
        let guard = match cell.indicator.class() {
            Class::People if few(observed.value) => Guard::FEW,
            Class::PeopleSum { .. } if draft::hides_sum(&observed, terms.threshold_of(*cell), terms) => {
                Guard::around(whole(observed.value), i64::MAX / 4)
            }
            Class::People | Class::PeopleSum { .. } | Class::Open => continue,
        };
        found.push(Concern { sum: vec![(variable, 1)], guard, cell: *cell });
    }
    for (at, seen) in periods.iter().enumerate() {
        older(lattice, at, seen, terms, &mut found);
        for part in lattice.within(at) {
            others(lattice, (at, seen), (part, periods[part]), account, terms, &mut found);
        }
    }
    found
}

/// Whoever was trained and is not young.
fn older(lattice: &Lattice, at: usize, seen: &Observations, terms: Terms, found: &mut Vec<Concern>) {
    let young =
        lattice.variables.iter().filter(|(of, cell)| *of == at && cell.indicator == Indicator::YoungPeopleTrained);
    for (_, young) in young {
        let all = CellKey { indicator: Indicator::PeopleTrained, ..*young };
        if seen.is_structural_zero(all.indicator) {
            continue;
        }
        let older = seen.get(all).value.saturating_sub(seen.get(*young).value);
        if let (true, Some(young_at), Some(all_at)) =
            (older < terms.threshold_of(*young), lattice.at(at, *young), lattice.at(at, all))
        {
            found.push(Concern { sum: vec![(all_at, 1), (young_at, -1)], guard: Guard::FEW, cell: *young });
        }
    }
}

/// Whoever was seen in a period, and not in a part of it; and what they alone add to a sum, where they are few.
fn others(
    lattice: &Lattice,
    (long, whole_period): (usize, &Observations),
    (part, part_period): (usize, &Observations),
    account: &Account,
    terms: Terms,
    found: &mut Vec<Concern>,
) {
    let (stretch, within) = (lattice.stretches[long], lattice.stretches[part]);
    let rest: Vec<&Observations> = stretch
        .quarters()
        .filter(|index| !within.holds(Stretch { first: *index, last: *index }))
        .filter_map(Quarter::from_index)
        .filter_map(|quarter| account.observations(&Period::Quarter(quarter)))
        .collect();
    for indicator in audited() {
        // Nobody else could have been seen.
        if rest.iter().all(|seen| seen.is_structural_zero(indicator)) {
            continue;
        }
        for (_, cell) in lattice.variables.iter().filter(|(at, cell)| *at == long && cell.indicator == indicator) {
            // In an older band there may be more people in the part than in the whole.
            if cell.dimension() == Some(Dimension::AgeBand) {
                continue;
            }
            let (more, less) = (whole_period.get(*cell).value, part_period.get(*cell).value);
            let guard = match cell.indicator.class() {
                Class::People if more.saturating_sub(less) < terms.threshold_of(*cell) => Guard::FEW,
                Class::PeopleSum { behind } => {
                    let people = CellKey { indicator: behind, ..*cell };
                    let at_most: u64 = rest.iter().map(|seen| seen.get(people).value).sum();
                    if at_most >= terms.threshold_of(*cell) {
                        continue;
                    }
                    Guard::around(whole(more.saturating_sub(less)), whole(more))
                }
                Class::People | Class::Open => continue,
            };
            if let (Some(long), Some(part)) = (lattice.at(long, *cell), lattice.at(part, *cell)) {
                found.push(Concern { sum: vec![(long, 1), (part, -1)], guard, cell: *cell });
            }
        }
    }
}
