//! Which values figures can still have: shown by solutions in whole numbers, which an integer program finds and which
//! are checked here, so that nothing rests on the solver's arithmetic.

use std::collections::{BTreeMap, BTreeSet};

use microlp::{ComparisonOp, OptimizationDirection, Problem, SolveOptions};

use super::system::{Relation, Sum, System, evaluate};
use crate::Policy;

/// What must stay possible of a protected sum of variables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Guard {
    /// At least [`Policy::VALUES`] values.
    Values,
    /// Values down to half of this and up to one and a half of it.
    Magnitude(i64),
}

/// A sum of variables of one part of a system, and what must stay possible of it.
#[derive(Debug, Clone)]
pub(super) struct Protected {
    pub(super) sum: Sum,
    /// What the variables that are fixed add to the sum.
    pub(super) fixed: i64,
    pub(super) guard: Guard,
}

/// How much work an audit may do: counted, not timed, so that it ends alike on every machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Budget {
    /// Integer programs in one audit, repairs included.
    pub(crate) programs: u32,
    /// Nodes of branch and bound in one integer program.
    pub(crate) nodes: u64,
    /// Variables in one integer program.
    pub(crate) variables: usize,
}

impl Default for Budget {
    fn default() -> Budget {
        Budget { programs: 20_000, nodes: 200, variables: 2_500 }
    }
}

/// The values that were shown to be possible of one protected sum.
#[derive(Debug, Clone, Default)]
struct Shown(BTreeSet<i64>);

impl Shown {
    fn satisfies(&self, guard: Guard) -> bool {
        match guard {
            Guard::Values => self.0.len() as u64 >= Policy::VALUES,
            Guard::Magnitude(value) => {
                self.0.first().is_some_and(|least| 2 * least <= value)
                    && self.0.last().is_some_and(|most| 2 * most >= 3 * value)
            }
        }
    }

    fn add(&mut self, value: i64) {
        self.0.insert(value);
        // The ends and a few between are all that is ever asked for.
        if self.0.len() > 8
            && let Some(between) = self.0.iter().nth(4).copied()
        {
            self.0.remove(&between);
        }
    }
}

/// Finds which of the protected sums lack what must stay possible, given one solution. What could not be shown within
/// the budget lacks it.
pub(super) fn lacking(
    system: &System,
    solution: &[i64],
    protected: &[Protected],
    budget: &mut Budget,
) -> Vec<usize> {
    let mut search = Search { system, shown: vec![Shown::default(); protected.len()], protected };
    search.note(solution);
    // Pulling all that is open one way, then the other, settles most of it in a few programs.
    for round in 0..6u64 {
        let open = search.open();
        if open.is_empty() {
            return Vec::new();
        }
        let up = |at: usize| match round {
            0 => true,
            1 => false,
            _ => mixed(round, at as u64).is_multiple_of(2),
        };
        let mut objective: BTreeMap<usize, i64> = BTreeMap::new();
        for at in open {
            for (variable, times) in &protected[at].sum {
                *objective.entry(*variable).or_default() += if up(at) { *times } else { -*times };
            }
        }
        search.solve(&objective, None, budget);
    }
    for at in search.open() {
        search.alone(at, budget);
    }
    search.open()
}

/// Some solution of a system, where there is one and it was found within the budget; `Err` where there is none.
pub(super) fn any_solution(system: &System, budget: &mut Budget) -> Result<Option<Vec<i64>>, NoSolution> {
    let search = Search { system, shown: Vec::new(), protected: &[] };
    search.program(&BTreeMap::new(), None, budget)
}

/// That a system has no solution.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NoSolution;

struct Search<'a> {
    system: &'a System,
    protected: &'a [Protected],
    shown: Vec<Shown>,
}

impl Search<'_> {
    fn open(&self) -> Vec<usize> {
        (0..self.protected.len()).filter(|at| !self.shown[*at].satisfies(self.protected[*at].guard)).collect()
    }

    fn note(&mut self, solution: &[i64]) {
        for (shown, protected) in self.shown.iter_mut().zip(self.protected) {
            shown.add(protected.fixed + evaluate(&protected.sum, solution));
        }
    }

    fn solve(&mut self, objective: &BTreeMap<usize, i64>, fixed: Option<(&Sum, i64)>, budget: &mut Budget) -> bool {
        match self.program(objective, fixed, budget) {
            Ok(Some(solution)) => {
                self.note(&solution);
                true
            }
            Ok(None) | Err(NoSolution) => false,
        }
    }

    /// Pulls one sum to its ends, then asks for values between.
    fn alone(&mut self, at: usize, budget: &mut Budget) {
        let Protected { sum, fixed, guard } = &self.protected[at];
        let guard = *guard;
        for sign in [1, -1] {
            if self.shown[at].satisfies(guard) {
                return;
            }
            let objective = sum.iter().map(|(variable, times)| (*variable, sign * times)).collect();
            self.solve(&objective, None, budget);
        }
        if guard == Guard::Values {
            let (Some(least), Some(most)) = (self.shown[at].0.first().copied(), self.shown[at].0.last().copied())
            else {
                return;
            };
            for value in (least + 1..most).take(8) {
                if self.shown[at].satisfies(guard) {
                    return;
                }
                if !self.shown[at].0.contains(&value) {
                    self.solve(&BTreeMap::new(), Some((sum, value - fixed)), budget);
                }
            }
        }
    }

    /// A solution that makes the objective large; with `fixed`, one in which a sum has a value. `None` where none was
    /// found that stands in whole numbers.
    fn program(
        &self,
        objective: &BTreeMap<usize, i64>,
        fixed: Option<(&Sum, i64)>,
        budget: &mut Budget,
    ) -> Result<Option<Vec<i64>>, NoSolution> {
        if budget.programs == 0 || self.system.bounds.len() > budget.variables {
            return Ok(None);
        }
        budget.programs -= 1;
        let mut problem = Problem::new(OptimizationDirection::Maximize);
        let mut variables = Vec::with_capacity(self.system.bounds.len());
        for (at, (low, high)) in self.system.bounds.iter().enumerate() {
            let (Ok(low), Ok(high)) = (i32::try_from(*low), i32::try_from(*high)) else { return Ok(None) };
            let weight = objective.get(&at).copied().unwrap_or(0) as f64;
            variables.push(problem.add_integer_var(weight, (low, high)));
        }
        let terms = |sum: &Sum| -> Vec<_> {
            sum.iter().map(|(variable, times)| (variables[*variable], *times as f64)).collect()
        };
        for row in &self.system.rows {
            let relation = match row.relation {
                Relation::AtMost => ComparisonOp::Le,
                Relation::Equal => ComparisonOp::Eq,
            };
            problem.add_constraint(terms(&row.sum), relation, row.bound as f64);
        }
        if let Some((sum, value)) = fixed {
            problem.add_constraint(terms(sum), ComparisonOp::Eq, value as f64);
        }
        let mut options = SolveOptions::default();
        options.node_limit = Some(budget.nodes);
        let outcome = match problem.solve_with(options) {
            Ok(outcome) => outcome,
            Err(microlp::Error::Infeasible) => return Err(NoSolution),
            Err(_) => return Ok(None),
        };
        let Some(solution) = outcome.solution() else { return Ok(None) };
        let values: Vec<i64> = variables.iter().map(|variable| solution.var_value(*variable).round() as i64).collect();
        let holds = self.system.admits(&values) && fixed.is_none_or(|(sum, value)| evaluate(sum, &values) == value);
        Ok(holds.then_some(values))
    }
}

/// Mixes two numbers into one: SplitMix64's finaliser (Steele, Lea and Flood 2014).
fn mixed(round: u64, at: u64) -> u64 {
    let mut mixed = (round << 32 | at).wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}
