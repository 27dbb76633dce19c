//! Looks for a solution in which a sum lies in a range: narrows what each choice leaves, mends what is broken then, and
//! parts the bounds where it has to choose. Where it has looked at everything there is none.

use std::collections::VecDeque;

use super::system::{Relation, Row, Sum, System, ends, evaluate, narrow_by};

/// How many steps one search takes at most.
const STEPS: u32 = 150;

/// How a search ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Dived {
    /// With a solution.
    Found(Vec<i64>),
    /// There is none.
    Nothing,
    /// The steps did not do to tell.
    Open,
}

/// A system with the rows of each variable at hand.
pub(super) struct Diving<'a> {
    system: &'a System,
    rows_of: Vec<Vec<usize>>,
}

/// What is looked for: that a sum lies between two numbers, as two rows.
type Target = [Row; 2];

impl<'a> Diving<'a> {
    pub(super) fn new(system: &'a System) -> Diving<'a> {
        let mut rows_of = vec![Vec::new(); system.bounds.len()];
        for (at, row) in system.rows.iter().enumerate() {
            for (variable, _) in &row.sum {
                rows_of[*variable].push(at);
            }
        }
        Diving { system, rows_of }
    }

    /// A solution near `start` in which a sum lies between two numbers, both included. Takes its steps from those `left`.
    pub(super) fn find(&self, sum: &Sum, (least, most): (i64, i64), start: &[i64], left: &mut u32) -> Dived {
        let negative: Sum = sum.iter().map(|(variable, times)| (*variable, -times)).collect();
        let target = [
            Row { sum: sum.clone(), relation: Relation::AtMost, bound: most },
            Row { sum: negative, relation: Relation::AtMost, bound: -least },
        ];
        let count = self.system.rows.len();
        let mut open = vec![(self.system.bounds.clone(), vec![count, count + 1])];
        for _ in 0..STEPS.min(*left) {
            *left -= 1;
            let Some((mut bounds, waiting)) = open.pop() else { return Dived::Nothing };
            if !self.narrow(&target, &mut bounds, waiting) {
                continue;
            }
            let values: Vec<i64> =
                bounds.iter().zip(start).map(|((low, high), start)| *start.clamp(low, high)).collect();
            let rows = self.system.rows.iter().chain(&target);
            let broken = rows.map(|row| (row, row.excess(&values))).find(|(_, excess)| *excess != 0);
            let Some((row, excess)) = broken else {
                return if self.system.admits(&values) { Dived::Found(values) } else { Dived::Open };
            };
            let Some((variable, to)) = self.mend(&target, row, excess, (&values, start), &bounds) else { continue };
            let (low, high) = bounds[variable];
            // The half that mends the row is looked at first.
            let halves = if to < values[variable] { [(to + 1, high), (low, to)] } else { [(low, to - 1), (to, high)] };
            for half in halves {
                let mut parted = bounds.clone();
                parted[variable] = half;
                let mut waiting = self.rows_of[variable].clone();
                waiting.extend([count, count + 1]);
                open.push((parted, waiting));
            }
        }
        if open.is_empty() { Dived::Nothing } else { Dived::Open }
    }

    fn row<'b>(&'b self, target: &'b Target, at: usize) -> &'b Row {
        self.system.rows.get(at).unwrap_or_else(|| &target[at - self.system.rows.len()])
    }

    /// The variable whose change mends most and breaks least, and to what it changes.
    fn mend(
        &self,
        target: &Target,
        row: &Row,
        excess: i64,
        (values, start): (&[i64], &[i64]),
        bounds: &[(i64, i64)],
    ) -> Option<(usize, i64)> {
        let mut best: Option<(i64, usize, i64)> = None;
        for (variable, times) in &row.sum {
            let (low, high) = bounds[*variable];
            // Enough to take the excess away, rounded up.
            let away = (excess.abs() + times.abs() - 1) / times.abs();
            let wanted = values[*variable] - excess.signum() * times.signum() * away;
            let to = wanted.clamp(low, high);
            if to == values[*variable] {
                continue;
            }
            let change = to - values[*variable];
            let broken: i64 = self.rows_of[*variable]
                .iter()
                .map(|at| &self.system.rows[*at])
                .chain(target)
                .map(|other| {
                    let times = other.sum.iter().find(|(known, _)| known == variable).map_or(0, |it| it.1);
                    let sum = evaluate(&other.sum, values);
                    (other.excess_of(sum + times * change).abs() - other.excess_of(sum).abs()).max(0)
                })
                .sum();
            let further = (to - start[*variable]).abs() - (values[*variable] - start[*variable]).abs();
            let cost = (wanted - to).abs() * times.abs() + broken + further;
            if best.is_none_or(|(known, ..)| cost < known) {
                best = Some((cost, *variable, to));
            }
        }
        best.map(|(_, variable, to)| (variable, to))
    }

    fn narrow(&self, target: &Target, bounds: &mut [(i64, i64)], waiting: Vec<usize>) -> bool {
        let count = self.system.rows.len() + target.len();
        let mut queued = vec![false; count];
        waiting.iter().for_each(|row| queued[*row] = true);
        let mut waiting = VecDeque::from(waiting);
        // What creeps by ones is parted sooner than narrowed.
        let mut turns = 4 * count + 100;
        while let Some(at) = waiting.pop_front() {
            queued[at] = false;
            if turns == 0 {
                return true;
            }
            turns -= 1;
            let Some(narrowed) = narrow_by(self.row(target, at), bounds) else { return false };
            for (variable, new) in narrowed {
                bounds[variable] = new;
                let targets = self.system.rows.len()..count;
                for other in self.rows_of[variable].iter().copied().chain(targets) {
                    if !queued[other] {
                        queued[other] = true;
                        waiting.push_back(other);
                    }
                }
            }
        }
        true
    }

    /// The least and the most that a sum can be by the bounds alone.
    pub(super) fn range(&self, sum: &Sum) -> (i64, i64) {
        sum.iter().fold((0, 0), |(least, most), (variable, times)| {
            let (low, high) = ends(self.system.bounds[*variable], *times);
            (least + low, most + high)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_found_or_ruled_out() {
        // Three parts of 20 people, of which the first two are under eight.
        let mut system = System { bounds: vec![(0, 7), (0, 7), (8, 20)], rows: Vec::new() };
        system.equal(vec![(0, 1), (1, 1), (2, 1)], 20);
        let diving = Diving::new(&system);
        let start = [2, 3, 15];
        for value in 0..=9 {
            match diving.find(&vec![(0, 1)], (value, value), &start, &mut 50) {
                Dived::Found(values) => assert!(values[0] == value && system.admits(&values)),
                Dived::Nothing => assert!(value > 7, "{value}"),
                Dived::Open => panic!("{value} is open"),
            }
        }
        assert_eq!(diving.find(&vec![(0, 1), (1, 1)], (13, 20), &start, &mut 50), Dived::Nothing);
        assert!(matches!(diving.find(&vec![(0, 1), (1, 1)], (12, 20), &start, &mut 50), Dived::Found(_)));
        assert_eq!(diving.range(&vec![(0, 1), (2, -1)]), (-20, -1));
    }
}
