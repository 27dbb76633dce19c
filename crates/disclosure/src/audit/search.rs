//! Which values figures can still have: shown by solutions in whole numbers, which an integer program finds and which
//! are checked here, so that nothing rests on the solver's arithmetic.

use std::collections::{BTreeMap, BTreeSet};

use microlp::{ComparisonOp, OptimizationDirection, Problem, SolveOptions};

use super::dive::{Dived, Diving};
use super::nudge::{Moves, Nudging};
use super::system::{Relation, Sum, System, evaluate};
use crate::Policy;

/// What must stay possible of a protected sum of variables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Guard {
    /// So many values.
    Values(usize),
    /// A value that is at most the low one, and one that is at least the high one.
    Apart {
        /// At most this.
        low: i64,
        /// At least this.
        high: i64,
    },
}

impl Guard {
    /// For a count of few people.
    pub(super) const FEW: Guard = Guard::Values(Policy::VALUES as usize);

    /// For a hidden sum: half of it and one and a half of it; up to `most`, where that is a whole that it is part of.
    pub(super) fn around(value: i64, most: i64) -> Guard {
        Guard::Apart { low: value / 2, high: (3 * value + 1).div_euclid(2).min(most.max(value)) }
    }
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
    /// Changes that are tried near a solution in one audit, repairs included.
    pub(crate) tries: u32,
    /// Steps of the search in one audit.
    pub(crate) steps: u32,
    /// Integer programs in one audit, for what the search leaves open.
    pub(crate) programs: u32,
    /// Nodes of branch and bound in one integer program.
    pub(crate) nodes: u64,
    /// Variables in one integer program.
    pub(crate) variables: usize,
}

impl Budget {
    /// Whether nothing more will be settled that is not seen at once.
    pub(crate) fn is_spent(self) -> bool {
        self.tries == 0 || (self.steps == 0 && self.programs == 0)
    }
}

impl Default for Budget {
    fn default() -> Budget {
        Budget { tries: 20_000_000, steps: 200_000, programs: 60, nodes: 100, variables: 2_500 }
    }
}

/// The values that were shown to be possible of one protected sum. Whatever is hidden beyond, they stay possible.
#[derive(Debug, Clone, Default)]
pub(super) struct Shown(BTreeSet<i64>);

impl Shown {
    pub(super) fn satisfies(&self, guard: Guard) -> bool {
        let (Some(least), Some(most)) = (self.0.first(), self.0.last()) else { return false };
        match guard {
            Guard::Values(count) => self.0.len() >= count,
            Guard::Apart { low, high } => *least <= low && *most >= high,
        }
    }

    /// As much of a guard as the values fulfil that were shown.
    pub(super) fn fulfilled(&self, guard: Guard) -> Guard {
        match (guard, self.0.first(), self.0.last()) {
            (Guard::Values(count), ..) => Guard::Values(count.min(self.0.len())),
            (Guard::Apart { low, high }, Some(least), Some(most)) => {
                Guard::Apart { low: low.max(*least), high: high.min(*most) }
            }
            (Guard::Apart { .. }, _, _) => guard,
        }
    }

    pub(super) fn add(&mut self, value: i64) {
        self.0.insert(value);
        // The ends and a few between are all that is ever asked for.
        if self.0.len() > 8
            && let Some(between) = self.0.iter().nth(4).copied()
        {
            self.0.remove(&between);
        }
    }
}

/// How far around a figure each value is looked for by itself.
const REACH: i64 = 9;

/// How a search for what must stay possible ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Finding {
    /// It stays possible.
    Safe,
    /// It does not.
    Lacking,
    /// The budget did not do to tell.
    Undecided,
}

/// Looks for what must stay possible of each protected sum, from one solution on, and notes in `shown` what it finds.
pub(super) fn examine(
    system: &System,
    solution: &[i64],
    protected: &[Protected],
    shown: &mut [&mut Shown],
    budget: &mut Budget,
) -> Vec<Finding> {
    let mut search = Search::new(system, protected, shown);
    search.note(solution);
    let mut nudging = Nudging::new(system, solution);
    for at in 0..protected.len() {
        search.nudge(at, solution, &mut nudging, budget);
    }
    let diving = Diving::new(system);
    let settled = (0..protected.len()).map(|at| search.alone(at, &diving, solution, budget));
    settled.collect()
}

/// Some solution of a system; `None` where none was found within the budget.
///
/// # Errors
/// Where there is none.
pub(super) fn any_solution(system: &System, budget: &mut Budget) -> Result<Option<Vec<i64>>, NoSolution> {
    let search = Search::new(system, &[], &mut []);
    match search.program(&BTreeMap::new(), None, budget) {
        Outcome::Solved(solution, _) => Ok(Some(solution)),
        Outcome::Impossible => Err(NoSolution),
        Outcome::Open => Ok(None),
    }
}

/// That a system has no solution.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NoSolution;

/// How one integer program ended.
enum Outcome {
    /// With a solution that stands in whole numbers, and whether it is proven that none is better.
    Solved(Vec<i64>, bool),
    /// There is none.
    Impossible,
    /// The budget did not do.
    Open,
}

struct Search<'a, 's> {
    system: &'a System,
    protected: &'a [Protected],
    shown: &'a mut [&'s mut Shown],
    /// What is not safe yet.
    open: Vec<bool>,
    /// The protected sums of each variable.
    sums_of: Vec<Vec<usize>>,
}

impl<'a, 's> Search<'a, 's> {
    fn new(system: &'a System, protected: &'a [Protected], shown: &'a mut [&'s mut Shown]) -> Search<'a, 's> {
        let mut sums_of = vec![Vec::new(); system.bounds.len()];
        for (at, Protected { sum, .. }) in protected.iter().enumerate() {
            sum.iter().for_each(|(variable, _)| sums_of[*variable].push(at));
        }
        Search { system, protected, shown, open: vec![true; protected.len()], sums_of }
    }

    fn is_safe(&self, at: usize) -> bool {
        !self.open[at]
    }

    fn add(&mut self, at: usize, value: i64) {
        if self.open[at] {
            self.shown[at].add(self.protected[at].fixed + value);
            self.open[at] = !self.shown[at].satisfies(self.protected[at].guard);
        }
    }

    /// Notes what a solution shows of all that is not safe yet.
    fn note(&mut self, solution: &[i64]) {
        for at in 0..self.protected.len() {
            self.add(at, evaluate(&self.protected[at].sum, solution));
        }
    }

    /// Notes what a solution shows by which it differs from one that was noted.
    fn note_moves(&mut self, solution: &[i64], moves: &Moves) {
        let concerned: BTreeSet<usize> =
            moves.iter().flat_map(|(variable, _)| self.sums_of[*variable].iter().copied()).collect();
        for at in concerned {
            let sum = &self.protected[at].sum;
            let changes = moves.iter().flat_map(|(moved, change)| {
                sum.iter().filter(move |(variable, _)| variable == moved).map(move |(_, times)| times * change)
            });
            let changed = changes.sum::<i64>();
            self.add(at, evaluate(sum, solution) + changed);
        }
    }

    /// Looks for other values near a solution.
    fn nudge(&mut self, at: usize, solution: &[i64], nudging: &mut Nudging<'_>, budget: &mut Budget) {
        let Protected { sum, fixed, guard } = &self.protected[at];
        let steps: Vec<i64> = match guard {
            Guard::Values(_) => vec![1, 2, 3, -1, -2, -3],
            Guard::Apart { low, high } => {
                let now = fixed + evaluate(sum, solution);
                vec![low - now, high - now]
            }
        };
        for step in steps.into_iter().filter(|step| *step != 0) {
            for (variable, times) in sum {
                if self.is_safe(at) {
                    return;
                }
                let kept: Vec<usize> = sum.iter().map(|(other, _)| *other).filter(|other| other != variable).collect();
                if let Some(moves) = nudging.moved(*variable, step * times, &kept, &mut budget.tries) {
                    self.note_moves(solution, &moves);
                    break;
                }
            }
        }
    }

    /// Settles one sum by looking for each value that would do; past the steps, by integer programs.
    fn alone(&mut self, at: usize, diving: &Diving<'_>, solution: &[i64], budget: &mut Budget) -> Finding {
        if self.is_safe(at) {
            return Finding::Safe;
        }
        let mut decided = true;
        for (least, most) in self.wanted(at, diving, solution) {
            if self.is_safe(at) {
                return Finding::Safe;
            }
            let Protected { sum, fixed, .. } = &self.protected[at];
            match diving.find(sum, (least - fixed, most - fixed), solution, &mut budget.steps) {
                Dived::Found(found) => {
                    self.note(&found);
                    // There may be more than the one value in a range.
                    decided &= least == most || !matches!(self.protected[at].guard, Guard::Values(_));
                }
                Dived::Nothing => {}
                Dived::Open => decided = false,
            }
        }
        match (self.is_safe(at), decided) {
            (true, _) => Finding::Safe,
            (false, true) => Finding::Lacking,
            (false, false) => self.programmed(at, budget),
        }
    }

    /// Ranges of a sum: one that it has a solution in for each would be safe, and where they say that it is not, nothing
    /// else can make it so.
    fn wanted(&self, at: usize, diving: &Diving<'_>, solution: &[i64]) -> Vec<(i64, i64)> {
        let Protected { sum, fixed, guard } = &self.protected[at];
        let (least, most) = diving.range(sum);
        let (least, most) = (least + fixed, most + fixed);
        match guard {
            Guard::Apart { low, high } => vec![(least, *low), (*high, most)],
            Guard::Values(_) => {
                let now = fixed + evaluate(sum, solution);
                let mut values: Vec<i64> = (least.max(now - REACH)..=most.min(now + REACH)).collect();
                values.sort_by_key(|value| (value - now).abs());
                let mut wanted: Vec<(i64, i64)> = values.into_iter().map(|value| (value, value)).collect();
                // Beyond the reach anything will do.
                wanted.extend(
                    [(least, now - REACH - 1), (now + REACH + 1, most)].iter().filter(|(low, high)| low <= high),
                );
                wanted.retain(|(low, high)| low != high || !self.shown[at].0.contains(low));
                wanted
            }
        }
    }

    /// Pulls one sum to its ends, then asks for values between.
    fn programmed(&mut self, at: usize, budget: &mut Budget) -> Finding {
        let Protected { sum, fixed, guard } = &self.protected[at];
        let mut proven = true;
        for sign in [1, -1] {
            if self.is_safe(at) {
                return Finding::Safe;
            }
            let objective = sum.iter().map(|(variable, times)| (*variable, sign * times)).collect();
            match self.program(&objective, None, budget) {
                Outcome::Solved(solution, best) => {
                    proven &= best;
                    self.note(&solution);
                    self.nudge(at, &solution, &mut Nudging::new(self.system, &solution), budget);
                }
                Outcome::Impossible | Outcome::Open => proven = false,
            }
        }
        let ends = (self.shown[at].0.first().copied(), self.shown[at].0.last().copied());
        if let (Guard::Values(_), (Some(least), Some(most))) = (guard, ends) {
            for value in (least + 1..most).take(8) {
                if self.is_safe(at) {
                    return Finding::Safe;
                }
                if !self.shown[at].0.contains(&value) {
                    match self.program(&BTreeMap::new(), Some((sum, value - fixed)), budget) {
                        Outcome::Solved(solution, _) => self.note(&solution),
                        Outcome::Impossible => {}
                        Outcome::Open => proven = false,
                    }
                }
            }
        }
        match (self.is_safe(at), proven) {
            (true, _) => Finding::Safe,
            (false, true) => Finding::Lacking,
            (false, false) => Finding::Undecided,
        }
    }

    /// A solution that makes the objective large; with `fixed`, one in which a sum has a value.
    fn program(&self, objective: &BTreeMap<usize, i64>, fixed: Option<(&Sum, i64)>, budget: &mut Budget) -> Outcome {
        if budget.programs == 0 || self.system.bounds.len() > budget.variables {
            return Outcome::Open;
        }
        budget.programs -= 1;
        let mut problem = Problem::new(OptimizationDirection::Maximize);
        let mut variables = Vec::with_capacity(self.system.bounds.len());
        for (at, (low, high)) in self.system.bounds.iter().enumerate() {
            let (Ok(low), Ok(high)) = (i32::try_from(*low), i32::try_from(*high)) else { return Outcome::Open };
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
            Err(microlp::Error::Infeasible) => return Outcome::Impossible,
            Err(_) => return Outcome::Open,
        };
        let Some(solution) = outcome.solution() else { return Outcome::Open };
        let values: Vec<i64> = variables.iter().map(|variable| solution.var_value(*variable).round() as i64).collect();
        let holds = self.system.admits(&values) && fixed.is_none_or(|(sum, value)| evaluate(sum, &values) == value);
        if holds { Outcome::Solved(values, outcome.is_optimal()) } else { Outcome::Open }
    }
}
