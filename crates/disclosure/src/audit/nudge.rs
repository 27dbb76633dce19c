//! Finds solutions near one that is known, by moving one variable and mending what that breaks: quick where there is
//! room, and no proof of anything where it finds none.

use super::system::{Relation, System};

/// How many changes one attempt tries before it gives up.
const TRIES: u32 = 400;
/// How many variables one attempt changes at once.
const DEPTH: usize = 12;

/// A system with the rows of each variable at hand.
pub(super) struct Nudging<'a> {
    system: &'a System,
    rows_of: Vec<Vec<(usize, i64)>>,
}

impl<'a> Nudging<'a> {
    pub(super) fn new(system: &'a System) -> Nudging<'a> {
        let mut rows_of = vec![Vec::new(); system.bounds.len()];
        for (at, row) in system.rows.iter().enumerate() {
            for (variable, times) in &row.sum {
                rows_of[*variable].push((at, *times));
            }
        }
        Nudging { system, rows_of }
    }

    /// A solution near `start`, itself a solution, in which a variable is another by `change`, and `kept` is as it was.
    pub(super) fn moved(&self, start: &[i64], variable: usize, change: i64, kept: &[usize]) -> Option<Vec<i64>> {
        let mut attempt = Attempt {
            nudging: self,
            values: start.to_vec(),
            sums: self.system.rows.iter().map(|row| super::system::evaluate(&row.sum, start)).collect(),
            locked: kept.to_vec(),
            tries: TRIES,
        };
        let fits = attempt.room(variable, change) == change && attempt.shift(variable, change);
        (fits && attempt.mend(self.broken(&attempt, variable)) && self.system.admits(&attempt.values))
            .then_some(attempt.values)
    }

    fn broken(&self, attempt: &Attempt<'_, '_>, variable: usize) -> Vec<usize> {
        self.rows_of[variable].iter().map(|(row, _)| *row).filter(|row| attempt.excess(*row) != 0).collect()
    }
}

struct Attempt<'a, 'b> {
    nudging: &'b Nudging<'a>,
    values: Vec<i64>,
    sums: Vec<i64>,
    locked: Vec<usize>,
    tries: u32,
}

impl Attempt<'_, '_> {
    /// By how much a row is over its bound; of an equation also under it.
    fn excess(&self, row: usize) -> i64 {
        let over = self.sums[row] - self.nudging.system.rows[row].bound;
        match self.nudging.system.rows[row].relation {
            Relation::AtMost => over.max(0),
            Relation::Equal => over,
        }
    }

    /// As much of a change as the variable's bounds allow.
    fn room(&self, variable: usize, change: i64) -> i64 {
        let (low, high) = self.nudging.system.bounds[variable];
        (self.values[variable] + change).clamp(low, high) - self.values[variable]
    }

    fn shift(&mut self, variable: usize, change: i64) -> bool {
        self.values[variable] += change;
        self.locked.push(variable);
        for (row, times) in &self.nudging.rows_of[variable] {
            self.sums[*row] += times * change;
        }
        true
    }

    fn shift_back(&mut self, variable: usize, change: i64) {
        self.values[variable] -= change;
        self.locked.pop();
        for (row, times) in &self.nudging.rows_of[variable] {
            self.sums[*row] -= times * change;
        }
    }

    /// Mends broken rows one after the other, each by one more variable, and what that breaks in turn.
    fn mend(&mut self, mut broken: Vec<usize>) -> bool {
        broken.retain(|row| self.excess(*row) != 0);
        let Some(row) = broken.first().copied() else { return true };
        if self.locked.len() >= DEPTH {
            return false;
        }
        let nudging = self.nudging;
        for (variable, times) in &nudging.system.rows[row].sum {
            let excess = self.excess(row);
            if self.tries == 0 {
                return false;
            }
            if self.locked.contains(variable) || excess % times != 0 {
                continue;
            }
            let change = self.room(*variable, -excess / times);
            if change == 0 {
                continue;
            }
            self.tries -= 1;
            self.shift(*variable, change);
            let mut next = broken.clone();
            next.extend(nudging.broken(self, *variable));
            if self.mend(next) {
                return true;
            }
            self.shift_back(*variable, change);
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_one_cell_gains_another_of_its_line_gives() {
        // Two quarters of two parts each with known totals, and a year over them.
        let bounds = vec![(0, 7), (0, 30), (0, 7), (0, 30), (3, 14), (10, 60)];
        let mut system = System { bounds, rows: Vec::new() };
        system.equal(vec![(0, 1), (1, 1)], 23);
        system.equal(vec![(2, 1), (3, 1)], 20);
        system.equal(vec![(0, 1), (2, 1), (4, -1)], 0);
        system.equal(vec![(1, 1), (3, 1), (5, -1)], 0);
        let start = [3, 20, 2, 18, 5, 38];
        assert!(system.admits(&start));
        let nudging = Nudging::new(&system);
        let moved = nudging.moved(&start, 0, 2, &[]).unwrap();
        assert_eq!((moved[0], moved[1]), (5, 18));
        assert!(system.admits(&moved));
        assert_eq!(nudging.moved(&start, 0, 5, &[]), None);
        assert_eq!(nudging.moved(&start, 0, 2, &[1]), None);
    }
}
