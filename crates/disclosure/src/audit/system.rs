//! Whole numbers under linear constraints: what an attacker knows, written as equations.

/// A sum of variables, each times a whole number.
pub(super) type Sum = Vec<(usize, i64)>;

/// What a sum is compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Relation {
    AtMost,
    Equal,
}

/// A sum that is at most, or just, a number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) sum: Sum,
    pub(super) relation: Relation,
    pub(super) bound: i64,
}

impl Row {
    fn holds(&self, values: &[i64]) -> bool {
        self.excess(values) == 0
    }

    /// By how much values are over the bound; of an equation also under it.
    pub(super) fn excess(&self, values: &[i64]) -> i64 {
        self.excess_of(evaluate(&self.sum, values))
    }

    /// The same, of a value of the sum.
    pub(super) fn excess_of(&self, sum: i64) -> i64 {
        match self.relation {
            Relation::AtMost => (sum - self.bound).max(0),
            Relation::Equal => sum - self.bound,
        }
    }
}

/// The value of a sum.
pub(super) fn evaluate(sum: &[(usize, i64)], values: &[i64]) -> i64 {
    sum.iter().map(|(at, times)| values[*at] * times).sum()
}

/// Variables between bounds, and the rows that tie them together.
#[derive(Debug, Clone, Default)]
pub(super) struct System {
    /// The least and the most of each variable.
    pub(super) bounds: Vec<(i64, i64)>,
    pub(super) rows: Vec<Row>,
}

impl System {
    pub(super) fn at_most(&mut self, sum: Sum, bound: i64) {
        self.rows.push(Row { sum, relation: Relation::AtMost, bound });
    }

    pub(super) fn equal(&mut self, sum: Sum, bound: i64) {
        self.rows.push(Row { sum, relation: Relation::Equal, bound });
    }

    /// Whether values keep every bound and every row: in whole numbers, so that no rounding can deceive.
    pub(super) fn admits(&self, values: &[i64]) -> bool {
        values.len() == self.bounds.len()
            && values.iter().zip(&self.bounds).all(|(value, (low, high))| (low..=high).contains(&value))
            && self.rows.iter().all(|row| row.holds(values))
    }

    /// Leaves out what `values` contradict: an attacker who counts on it is led astray.
    pub(super) fn forget_what_contradicts(&mut self, values: &[i64]) {
        for (bounds, value) in self.bounds.iter_mut().zip(values) {
            *bounds = (bounds.0.min(*value), bounds.1.max(*value));
        }
        self.rows.retain(|row| row.holds(values));
    }

    /// Narrows bounds by what each row leaves, until nothing narrows any more; `false` where nothing can be.
    pub(super) fn narrow(&mut self) -> bool {
        let mut rows_of: Vec<Vec<usize>> = vec![Vec::new(); self.bounds.len()];
        for (at, row) in self.rows.iter().enumerate() {
            for (variable, _) in &row.sum {
                rows_of[*variable].push(at);
            }
        }
        let mut waiting: std::collections::VecDeque<usize> = (0..self.rows.len()).collect();
        let mut queued = vec![true; self.rows.len()];
        // Narrowing by ones could go on for long where bounds are wide: what is not narrowed is only searched longer.
        let mut turns = 64 * self.rows.len();
        while let Some(at) = waiting.pop_front() {
            queued[at] = false;
            if turns == 0 {
                break;
            }
            turns -= 1;
            let Some(narrowed) = narrow_by(&self.rows[at], &self.bounds) else { return false };
            for (variable, new) in narrowed {
                self.bounds[variable] = new;
                for other in &rows_of[variable] {
                    if !queued[*other] {
                        queued[*other] = true;
                        waiting.push_back(*other);
                    }
                }
            }
        }
        true
    }

    /// The parts that do not touch one another, each with the variables that it has in the whole: what is fixed is put
    /// in, and rows that always hold are left out. `ties` are sums that must stay in one part.
    pub(super) fn parts(&self, ties: &[Sum]) -> Vec<(Vec<usize>, System)> {
        let free = |variable: usize| self.bounds[variable].0 < self.bounds[variable].1;
        let rows: Vec<Row> = self.rows.iter().filter_map(|row| self.reduced(row)).collect();
        let mut leader: Vec<usize> = (0..self.bounds.len()).collect();
        let groups = rows.iter().map(|row| &row.sum).chain(ties);
        for group in groups {
            let mut members = group.iter().map(|(variable, _)| *variable).filter(|variable| free(*variable));
            if let Some(first) = members.next() {
                let to = find(&mut leader, first);
                for member in members {
                    let from = find(&mut leader, member);
                    leader[from] = to;
                }
            }
        }
        let mut members: std::collections::BTreeMap<usize, Vec<usize>> = std::collections::BTreeMap::new();
        for variable in (0..self.bounds.len()).filter(|variable| free(*variable)) {
            let leader = find(&mut leader, variable);
            members.entry(leader).or_default().push(variable);
        }
        let mut place = vec![(0, 0); self.bounds.len()];
        let mut parts: Vec<(Vec<usize>, System)> = Vec::new();
        for (_, variables) in members {
            for (at, variable) in variables.iter().enumerate() {
                place[*variable] = (parts.len(), at);
            }
            let bounds = variables.iter().map(|variable| self.bounds[*variable]).collect();
            parts.push((variables, System { bounds, rows: Vec::new() }));
        }
        for row in rows {
            let (part, _) = place[row.sum[0].0];
            let sum = row.sum.iter().map(|(variable, times)| (place[*variable].1, *times)).collect();
            parts[part].1.rows.push(Row { sum, ..row });
        }
        parts
    }

    /// A row without what is fixed; `None` where it holds whatever the rest is.
    fn reduced(&self, row: &Row) -> Option<Row> {
        let mut reduced = Row { sum: Vec::new(), relation: row.relation, bound: row.bound };
        let mut most = 0;
        for (variable, times) in &row.sum {
            let (low, high) = self.bounds[*variable];
            if low == high {
                reduced.bound -= low * times;
            } else {
                most += ends((low, high), *times).1;
                reduced.sum.push((*variable, *times));
            }
        }
        let always = reduced.relation == Relation::AtMost && most <= reduced.bound;
        (!reduced.sum.is_empty() && !always).then_some(reduced)
    }
}

/// What a row leaves of the bounds of its variables, where it leaves less; `None` where it leaves nothing. It reckons with
/// the bounds as they were, so that the row is worth another look.
pub(super) fn narrow_by(row: &Row, bounds: &[(i64, i64)]) -> Option<Vec<(usize, (i64, i64))>> {
    let (least, most) = row.sum.iter().fold((0, 0), |(least, most), (variable, times)| {
        let (low, high) = ends(bounds[*variable], *times);
        (least + low, most + high)
    });
    if least > row.bound || (row.relation == Relation::Equal && most < row.bound) {
        return None;
    }
    let mut narrowed = Vec::new();
    for (variable, times) in &row.sum {
        let (low, high) = ends(bounds[*variable], *times);
        // What the others leave for this one, times its factor.
        let most_left = row.bound - (least - low);
        let least_left = match row.relation {
            Relation::AtMost => low,
            Relation::Equal => row.bound - (most - high),
        };
        let (held_low, held_high) = bounds[*variable];
        let (new_low, new_high) = if *times > 0 {
            (ceiling(least_left, *times), most_left.div_euclid(*times))
        } else {
            (ceiling(most_left, *times), -ceiling(least_left, -*times))
        };
        let new = (held_low.max(new_low), held_high.min(new_high));
        if new.0 > new.1 {
            return None;
        }
        if new != (held_low, held_high) {
            narrowed.push((*variable, new));
        }
    }
    Some(narrowed)
}

/// The least and the most of a variable between bounds, times a factor.
pub(super) fn ends((low, high): (i64, i64), times: i64) -> (i64, i64) {
    if times >= 0 { (low * times, high * times) } else { (high * times, low * times) }
}

/// `dividend / divisor`, rounded up.
fn ceiling(dividend: i64, divisor: i64) -> i64 {
    if divisor > 0 { -(-dividend).div_euclid(divisor) } else { -(dividend.div_euclid(-divisor)) }
}

fn find(leader: &mut [usize], member: usize) -> usize {
    let mut at = member;
    while leader[at] != at {
        leader[at] = leader[leader[at]];
        at = leader[at];
    }
    at
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_hidden_part_is_worked_out_from_the_rest() {
        let mut system = System { bounds: vec![(13, 13), (0, 7), (22, 22), (38, 38)], rows: Vec::new() };
        system.equal(vec![(0, 1), (1, 1), (2, 1), (3, -1)], 0);
        assert!(system.narrow());
        assert_eq!(system.bounds[1], (3, 3));
        system.bounds[3] = (80, 80);
        assert!(!system.narrow());
    }

    #[test]
    fn what_is_fixed_keeps_parts_apart() {
        let mut system = System { bounds: vec![(0, 9), (0, 9), (5, 5), (0, 9), (0, 9)], rows: Vec::new() };
        system.equal(vec![(0, 1), (1, 1), (2, -1)], 0);
        system.equal(vec![(2, -1), (3, 1), (4, 1)], 0);
        let parts = system.parts(&[]);
        assert_eq!(parts.iter().map(|(variables, _)| variables.clone()).collect::<Vec<_>>(), [vec![0, 1], vec![3, 4]]);
        assert_eq!(parts[1].1.rows, [Row { sum: vec![(0, 1), (1, 1)], relation: Relation::Equal, bound: 5 }]);
        assert_eq!(system.parts(&[vec![(1, 1), (3, 1)]]).len(), 1);
    }

    proptest! {
        /// Narrowing loses no solution.
        #[test]
        fn narrowing_keeps_every_solution(
            values in prop::collection::vec(0i64..20, 4),
            rows in prop::collection::vec((prop::collection::vec(-2i64..3, 4), any::<bool>(), 0i64..5), 1..6),
        ) {
            let mut system = System { bounds: vec![(0, 25); 4], rows: Vec::new() };
            for (factors, equal, slack) in rows {
                let sum: Sum = factors.into_iter().enumerate().filter(|(_, times)| *times != 0).collect();
                if sum.is_empty() {
                    continue;
                }
                let bound = evaluate(&sum, &values);
                if equal { system.equal(sum, bound) } else { system.at_most(sum, bound + slack) }
            }
            prop_assert!(system.admits(&values));
            prop_assert!(system.narrow());
            prop_assert!(system.admits(&values));
        }
    }
}
