//! Finds solutions near one that is known, by moving one variable and mending what that breaks: quick where there is
//! room, and no proof of anything where it finds none.

use super::system::{Relation, System, evaluate};

/// How many changes one attempt tries before it gives up.
const TRIES: u32 = 400;
/// How many variables one attempt changes at once.
const DEPTH: usize = 12;

/// By how much some variables are others than in a solution.
pub(super) type Moves = Vec<(usize, i64)>;

/// One solution of a system, with the rows of each variable at hand.
pub(super) struct Nudging<'a> {
    system: &'a System,
    rows_of: Vec<Vec<(usize, i64)>>,
    values: Vec<i64>,
    sums: Vec<i64>,
    moves: Moves,
    tries: u32,
}

impl<'a> Nudging<'a> {
    pub(super) fn new(system: &'a System, solution: &[i64]) -> Nudging<'a> {
        let mut rows_of = vec![Vec::new(); system.bounds.len()];
        for (at, row) in system.rows.iter().enumerate() {
            for (variable, times) in &row.sum {
                rows_of[*variable].push((at, *times));
            }
        }
        debug_assert!(system.admits(solution), "moves begin at a solution");
        let sums = system.rows.iter().map(|row| evaluate(&row.sum, solution)).collect();
        Nudging { system, rows_of, values: solution.to_vec(), sums, moves: Vec::new(), tries: 0 }
    }

    /// Moves to a solution near by, in which a variable is another by `change`, and `kept` is as it was. Takes its tries
    /// from those `left`.
    pub(super) fn moved(&mut self, variable: usize, change: i64, kept: &[usize], left: &mut u32) -> Option<Moves> {
        if *left == 0 || self.room(variable, change) != change {
            return None;
        }
        let tries = TRIES.min(*left);
        self.tries = tries;
        self.shift(variable, change);
        let found = self.mend(self.broken(variable), kept);
        *left -= tries - self.tries;
        // All that a move touches was looked at: the rest is as it was in a solution.
        let moves = self.moves.clone();
        let holds = found && moves.iter().all(|(variable, _)| self.is_within(*variable));
        while !self.moves.is_empty() {
            self.shift_back();
        }
        holds.then_some(moves)
    }

    fn is_within(&self, variable: usize) -> bool {
        let (low, high) = self.system.bounds[variable];
        (low..=high).contains(&self.values[variable]) && self.broken(variable).is_empty()
    }

    fn broken(&self, variable: usize) -> Vec<usize> {
        self.rows_of[variable].iter().map(|(row, _)| *row).filter(|row| self.excess(*row) != 0).collect()
    }

    /// By how much a row is over its bound; of an equation also under it.
    fn excess(&self, row: usize) -> i64 {
        let over = self.sums[row] - self.system.rows[row].bound;
        match self.system.rows[row].relation {
            Relation::AtMost => over.max(0),
            Relation::Equal => over,
        }
    }

    /// As much of a change as the variable's bounds allow.
    fn room(&self, variable: usize, change: i64) -> i64 {
        let (low, high) = self.system.bounds[variable];
        (self.values[variable] + change).clamp(low, high) - self.values[variable]
    }

    fn shift(&mut self, variable: usize, change: i64) {
        self.values[variable] += change;
        self.moves.push((variable, change));
        for (row, times) in &self.rows_of[variable] {
            self.sums[*row] += times * change;
        }
    }

    fn shift_back(&mut self) {
        let Some((variable, change)) = self.moves.pop() else { return };
        self.values[variable] -= change;
        for (row, times) in &self.rows_of[variable] {
            self.sums[*row] -= times * change;
        }
    }

    /// Mends broken rows one after the other, each by one more variable, and what that breaks in turn.
    fn mend(&mut self, mut broken: Vec<usize>, kept: &[usize]) -> bool {
        broken.retain(|row| self.excess(*row) != 0);
        let Some(row) = broken.first().copied() else { return true };
        if self.moves.len() + kept.len() >= DEPTH {
            return false;
        }
        let system = self.system;
        for (variable, times) in &system.rows[row].sum {
            let excess = self.excess(row);
            if self.tries == 0 {
                return false;
            }
            let is_moved = self.moves.iter().any(|(moved, _)| moved == variable);
            if is_moved || kept.contains(variable) || excess % times != 0 {
                continue;
            }
            let change = self.room(*variable, -excess / times);
            if change == 0 {
                continue;
            }
            self.tries -= 1;
            self.shift(*variable, change);
            let mut next = broken.clone();
            next.extend(self.broken(*variable));
            if self.mend(next, kept) {
                return true;
            }
            self.shift_back();
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
        let mut nudging = Nudging::new(&system, &start);
        let moves = nudging.moved(0, 2, &[], &mut 100).unwrap();
        let mut moved = start;
        moves.iter().for_each(|(variable, change)| moved[*variable] += change);
        assert_eq!((moved[0], moved[1]), (5, 18));
        assert!(system.admits(&moved));
        assert_eq!(nudging.moved(0, 5, &[], &mut 100), None);
        assert_eq!(nudging.moved(0, 2, &[1], &mut 100), None);
        assert_eq!(nudging.moved(0, 2, &[], &mut 100), Some(moves), "each attempt begins from the same solution");
    }
}
