//! The audit: whether somebody who holds all releases of a hub, and knows the rules, could work out what is hidden; and
//! what more to hide then.
//!
//! The attacker is written down as whole numbers under linear constraints ([`lattice`], [`known`]). A figure of people
//! under its threshold is safe when as many values as [`crate::Policy::VALUES`] are possible, a hidden sum when half and
//! one and a half of it are: each shown by a solution of the whole system ([`search`]). What could not be shown within
//! the budget is not safe, and is withheld.

mod dive;
mod known;
mod lattice;
mod nudge;
mod protection;
mod search;
mod system;

use std::collections::{BTreeMap, BTreeSet};

use folkmoot_domain::calendar::{Period, Span};
use folkmoot_domain::indicator::{CellKey, Class, Dimension, Indicator};

use crate::draft::{Draft, Step};
use crate::{Account, Figure, Observations, Terms};
use known::{Known, whole};
use lattice::{Lattice, Stretch, audited};
use protection::{Concern, concerns};
use search::{Finding, Guard, Protected, Shown, examine};
use system::{Relation, Row};

pub(crate) use search::Budget;

/// The audit of one release.
pub(crate) struct Audit {
    lattice: Lattice,
    truth: Vec<i64>,
    /// What all earlier releases tell, and where nobody was at any event, which no rule keeps from being told in the end.
    earlier: Knowledge,
    /// The same, and which totals of the other periods are marked as few: a later release is seldom kept from telling that.
    expected: Knowledge,
    concerns: Vec<Concern>,
    candidate: usize,
    terms: Terms,
    budget: Budget,
    /// Whether it was looked at what earlier releases alone leave open.
    knows_earlier: bool,
}

impl Audit {
    /// The audit of what is to be released for a period of the account.
    pub(crate) fn new(account: &Account, period: &Period, terms: Terms, budget: Budget) -> Audit {
        let periods = concerned(account, period);
        let candidate = periods.iter().position(|seen| seen.period() == period).unwrap_or(0);
        let stretches = periods.iter().map(|seen| Stretch::of(seen.span())).collect();
        let cells: BTreeSet<CellKey> = periods.iter().flat_map(|seen| seen.cells().map(|(cell, _)| cell)).collect();
        let mut lattice = Lattice::new(stretches, &cells);
        let truth: Vec<i64> = lattice.variables.iter().map(|(at, cell)| whole(periods[*at].get(*cell).value)).collect();
        for ((bounds, value), (_, cell)) in lattice.system.bounds.iter_mut().zip(&truth).zip(&lattice.variables) {
            // An attacker knows no such bound: to count on it only makes less seem possible.
            let most = match cell.indicator.class() {
                Class::People | Class::Open => 2 * value + 64,
                Class::PeopleSum { .. } => 4 * value + 4_000,
            };
            *bounds = (0, most);
        }
        let concerns = concerns(&lattice, &periods, account, terms);
        let mut earlier = Knowledge { bounds: lattice.system.bounds.clone(), rows: Vec::new() };
        let mut told = BTreeSet::new();
        for released in account.released().iter().filter(|it| it.period != *period) {
            let latest = account.standing(&released.period) == Some(released);
            let Some(seen) = account.observations(&released.period).filter(|_| latest) else { continue };
            let Some(at) = lattice.stretches.iter().position(|it| *it == Stretch::of(seen.span())) else { continue };
            let marks = unmarked(released.cells.iter().copied(), released.terms, |cell| seen.get(cell).value);
            let known = Known::new(released.cells.iter().copied(), released.terms, marks);
            told.insert(at);
            earlier.add(&lattice, at, &known, |cell| released.outdated.contains(&cell.indicator));
        }
        let mut expected = earlier.clone();
        told.insert(candidate);
        for (variable, (at, cell)) in lattice.variables.iter().enumerate() {
            let is_few = whole(periods[*at].get(*cell).value) < whole(terms.threshold_of(*cell));
            let is_marked = !told.contains(at) && cell.category.is_none() && cell.indicator.class() == Class::People;
            if periods[*at].is_structural_zero(cell.indicator) {
                earlier.bounds[variable] = (0, 0);
                expected.bounds[variable] = (0, 0);
            } else if is_marked {
                let mark = mark(is_few, whole(terms.threshold_of(*cell)));
                expected.bounds[variable] = narrowed(expected.bounds[variable], mark);
            }
        }
        Audit { lattice, truth, earlier, expected, concerns, candidate, terms, budget, knows_earlier: false }
    }

    /// Takes as many steps as it needs until nothing protected can be worked out. The steps, in this order: hide another
    /// cell, round the total, withhold the breakdown, withhold the total.
    pub(crate) fn repair(&mut self, draft: &mut Draft<'_>) {
        let untouched = draft.clone();
        let all: BTreeSet<usize> = (0..self.concerns.len()).collect();
        let mut shown = vec![Shown::default(); self.concerns.len()];
        let mut steps = Vec::new();
        // Each step hides more, so that what was safe stays so.
        let mut open = self.open(draft, &all, &mut shown);
        while !open.is_empty() {
            let reached: BTreeSet<CellKey> = open.iter().map(|at| self.concerns[*at].cell).collect();
            let taken = mend(draft, reached);
            if taken.is_empty() {
                break;
            }
            steps.extend(taken);
            open = self.open(draft, &open, &mut shown);
        }
        self.give_back(draft, &untouched, steps);
    }

    /// Gives back totals that were taken in vain.
    fn give_back<'a>(&mut self, draft: &mut Draft<'a>, untouched: &Draft<'a>, mut steps: Vec<Step>) {
        let all: BTreeSet<usize> = (0..self.concerns.len()).collect();
        for at in (0..steps.len()).rev() {
            if self.budget.is_spent() {
                return;
            }
            if matches!(steps[at], Step::Round(_) | Step::Withhold(_)) {
                let mut fewer = steps.clone();
                fewer.remove(at);
                let mut lighter = untouched.clone();
                for step in &fewer {
                    lighter.take(*step);
                }
                let mut shown = vec![Shown::default(); self.concerns.len()];
                if self.open(&lighter, &all, &mut shown).is_empty() {
                    (*draft, steps) = (lighter, fewer);
                }
            }
        }
    }

    /// Which of some concerns the release would tell more of than it may. What earlier releases tell already, nothing can
    /// mend: of that as much must stay possible as they leave.
    fn open(&mut self, draft: &Draft<'_>, among: &BTreeSet<usize>, shown: &mut [Shown]) -> BTreeSet<usize> {
        let cells = draft.cells();
        let listed = cells.iter().filter(|cell| cell.is_listed()).map(|cell| (cell.key, cell.figure));
        let of = |key: CellKey| cells.iter().find(|cell| cell.key == key).map_or(0, |cell| cell.true_value);
        let known = Known::new(listed.clone(), self.terms, unmarked(listed, self.terms, of));
        let mut knowledge = self.expected.clone();
        knowledge.add(&self.lattice, self.candidate, &known, |_| false);
        let open = self.examine(&knowledge, among, shown);
        if !open.is_empty() && !self.knows_earlier {
            self.knows_earlier = true;
            let mut left = shown.to_vec();
            let earlier = self.earlier.clone();
            for (at, finding) in self.examine(&earlier, &open.into_keys().collect(), &mut left) {
                if finding == Finding::Lacking {
                    self.concerns[at].guard = left[at].fulfilled(self.concerns[at].guard);
                }
            }
        }
        among.iter().copied().filter(|at| !shown[*at].satisfies(self.concerns[*at].guard)).collect()
    }

    /// Which of some concerns are not safe under bounds.
    fn examine(
        &mut self,
        knowledge: &Knowledge,
        among: &BTreeSet<usize>,
        shown: &mut [Shown],
    ) -> BTreeMap<usize, Finding> {
        let mut system = self.lattice.system.clone();
        system.bounds = knowledge.bounds.clone();
        system.rows.extend(knowledge.rows.iter().cloned());
        system.forget_what_contradicts(&self.truth);
        system.narrow();
        let ties: Vec<_> = among.iter().map(|at| self.concerns[*at].sum.clone()).collect();
        let parts = system.parts(&ties);
        let mut place = vec![None; self.truth.len()];
        for (part, (variables, _)) in parts.iter().enumerate() {
            for (at, variable) in variables.iter().enumerate() {
                place[*variable] = Some((part, at));
            }
        }
        let mut found = BTreeMap::new();
        let mut by_part: Vec<Vec<(usize, Protected)>> = vec![Vec::new(); parts.len()];
        for at in among {
            let concern = &self.concerns[*at];
            let (mut fixed, mut sum, mut part) = (0, Vec::new(), None);
            for (variable, times) in &concern.sum {
                match place[*variable] {
                    Some((of, at)) => {
                        part = Some(of);
                        sum.push((at, *times));
                    }
                    None => fixed += self.truth[*variable] * times,
                }
            }
            if let Some(part) = part {
                by_part[part].push((*at, Protected { sum, fixed, guard: concern.guard }));
            } else {
                shown[*at].add(fixed);
                if !shown[*at].satisfies(concern.guard) {
                    found.insert(*at, Finding::Lacking);
                }
            }
        }
        for ((variables, part), protected) in parts.into_iter().zip(by_part) {
            if protected.is_empty() {
                continue;
            }
            let truth: Vec<i64> = variables.iter().map(|variable| self.truth[*variable]).collect();
            let (ats, protected): (Vec<usize>, Vec<Protected>) = protected.into_iter().unzip();
            // Concerns are in order, and so are those of a part.
            let mut of_part: Vec<&mut Shown> = Vec::with_capacity(ats.len());
            let mut wanted = ats.iter().peekable();
            for (at, shown) in shown.iter_mut().enumerate() {
                if wanted.next_if_eq(&&at).is_some() {
                    of_part.push(shown);
                }
            }
            let findings = examine(&part, &truth, &protected, &mut of_part, &mut self.budget);
            found.extend(ats.into_iter().zip(findings).filter(|(_, finding)| *finding != Finding::Safe));
        }
        found
    }
}

/// Takes the next step for each line that gives something away.
fn mend(draft: &mut Draft<'_>, reached: BTreeSet<CellKey>) -> Vec<Step> {
    let mut lines = BTreeSet::new();
    let mut steps = Vec::new();
    for cell in reached {
        // One step for a whole additive line may do for all of its cells.
        let line = cell.dimension().filter(|dimension| dimension.is_additive());
        if line.is_none() || lines.insert((cell.indicator, line)) {
            steps.extend(ladder(cell).into_iter().find(|step| draft.take(*step)));
        }
    }
    steps
}

fn narrowed(bounds: (i64, i64), (low, high): (i64, Option<i64>)) -> (i64, i64) {
    (bounds.0.max(low), high.map_or(bounds.1, |high| bounds.1.min(high)))
}

/// What the mark of a total tells.
fn mark(is_few: bool, threshold: i64) -> (i64, Option<i64>) {
    if is_few { (0, Some(threshold - 1)) } else { (threshold, None) }
}

/// Totals of few people that are withheld, where the mark for few would tell too much.
fn unmarked(
    cells: impl Iterator<Item = (CellKey, Figure)>,
    terms: Terms,
    value: impl Fn(CellKey) -> u64,
) -> BTreeSet<Indicator> {
    let totals = cells.filter(|(cell, figure)| cell.category.is_none() && *figure == Figure::Withheld);
    totals.filter(|(cell, _)| value(*cell) < terms.threshold_of(*cell)).map(|(cell, _)| cell.indicator).collect()
}

/// The steps that can mend what a cell of the release gives away, the one that loses least first.
fn ladder(cell: CellKey) -> Vec<Step> {
    use Step::{Hide, HideNext, Round, Withhold, WithholdBreakdown};
    let indicator = cell.indicator;
    let mut steps = match (cell.dimension(), indicator.class()) {
        (Some(dimension), _) if dimension.is_additive() => {
            vec![HideNext(indicator, dimension), Round(indicator), WithholdBreakdown(indicator, dimension)]
        }
        (Some(dimension), Class::PeopleSum { .. }) => vec![Hide(cell), WithholdBreakdown(indicator, dimension)],
        (Some(dimension), Class::People | Class::Open) if dimension.is_open_ended() => {
            vec![WithholdBreakdown(indicator, dimension), Round(indicator)]
        }
        (Some(dimension), Class::People | Class::Open) => {
            vec![Hide(cell), Round(indicator), WithholdBreakdown(indicator, dimension)]
        }
        (None, Class::People) => vec![Round(indicator)],
        (None, Class::PeopleSum { .. } | Class::Open) => Vec::new(),
    };
    steps.push(Withhold(indicator));
    // What hangs together with it.
    match indicator {
        Indicator::YoungPeopleTrained => steps.extend([
            Round(Indicator::PeopleTrained),
            WithholdBreakdown(Indicator::PeopleTrained, cell.dimension().unwrap_or(Dimension::AgeBand)),
            WithholdBreakdown(Indicator::PeopleTrained, Dimension::AgeBand),
            Withhold(Indicator::PeopleTrained),
        ]),
        Indicator::PeopleTrained => steps.extend([
            Round(Indicator::YoungPeopleTrained),
            Withhold(Indicator::YoungPeopleTrained),
            Withhold(Indicator::TrainingMinutes),
        ]),
        Indicator::TrainingMinutes => {
            steps.extend([Round(Indicator::PeopleTrained), Withhold(Indicator::PeopleTrained)]);
        }
        Indicator::Listenings => {
            if let Some(dimension) = cell.dimension() {
                steps.push(WithholdBreakdown(Indicator::PeopleListenedTo, dimension));
            }
            steps.extend([Round(Indicator::PeopleListenedTo), Withhold(Indicator::PeopleListenedTo)]);
        }
        Indicator::PeopleListenedTo => steps.push(Withhold(Indicator::Listenings)),
        Indicator::PeopleMobilised
        | Indicator::TrainingSessions
        | Indicator::TrainersQualityAssured
        | Indicator::ListeningCampaignsReportedBack
        | Indicator::ActionsHeld
        | Indicator::CommunityProjectsSupported
        | Indicator::FundingLeveragedPence
        | Indicator::OrganisationsSignedUp
        | Indicator::CampaignReach
        | Indicator::AsksWon => {}
    }
    steps
}

/// What releases tell: bounds of each variable of a lattice, and rows beside those of the lattice.
#[derive(Debug, Clone)]
struct Knowledge {
    bounds: Vec<(i64, i64)>,
    rows: Vec<Row>,
}

impl Knowledge {
    /// Adds what a release of a period tells, but of cells that are outdated.
    fn add(&mut self, lattice: &Lattice, period: usize, known: &Known, outdated: impl Fn(CellKey) -> bool) {
        for (bounds, (at, cell)) in self.bounds.iter_mut().zip(&lattice.variables) {
            if *at == period && !outdated(*cell) {
                *bounds = narrowed(*bounds, known.bounds(*cell));
            }
        }
        for (less, more, by) in known.order() {
            if !outdated(less)
                && let (Some(less), Some(more)) = (lattice.at(period, less), lattice.at(period, more))
            {
                self.rows.push(Row { sum: vec![(less, 1), (more, -1)], relation: Relation::AtMost, bound: -by });
            }
        }
    }
}

/// The periods that bear on a release, released or not, each stretch of quarters once: all that overlap with it, with one
/// of these, and so on.
fn concerned<'a>(account: &'a Account, period: &Period) -> Vec<&'a Observations> {
    let stretch = |seen: &Observations| Stretch::of(seen.span());
    let mut together: Vec<Stretch> = account.periods().filter(|seen| seen.period() == period).map(stretch).collect();
    loop {
        let more = account
            .periods()
            .map(stretch)
            .filter(|it| !together.contains(it) && together.iter().any(|known| known.touches(*it)));
        let more: Vec<Stretch> = more.collect();
        if more.is_empty() {
            break;
        }
        together.extend(more);
    }
    let mut found: Vec<&Observations> = account.periods().filter(|seen| together.contains(&stretch(seen))).collect();
    // Two programmes over the same quarters are one stretch; the one that is to be released stands for it.
    found.sort_by_key(|seen| (stretch(seen), seen.period() != period));
    found.dedup_by_key(|seen| stretch(seen));
    found
}

/// What a receiver who knows no true figure can tell of one release by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Its figures can all be true, and leave enough values of each that is under a threshold.
    Possible,
    /// A figure under a threshold has fewer values than it must keep.
    GivesAway,
    /// Its figures cannot all be true.
    Contradictory,
}

/// Judges one release. What the budget does not settle is taken for possible: the hub that made it has looked closer.
pub(crate) fn judge(cells: &[(CellKey, Figure)], span: Span, terms: Terms) -> Verdict {
    let keys: BTreeSet<CellKey> = cells.iter().map(|(cell, _)| *cell).collect();
    let mut lattice = Lattice::new(vec![Stretch::of(span)], &keys);
    let known = Known::new(cells.iter().copied(), terms, audited().collect());
    let most = cells.iter().filter_map(|(_, figure)| figure.bounds().1).map(whole).max().unwrap_or(0);
    let mut told = Knowledge { bounds: vec![(0, 4 * most + 4_000); lattice.variables.len()], rows: Vec::new() };
    told.add(&lattice, 0, &known, |_| false);
    lattice.system.bounds = told.bounds;
    lattice.system.rows.extend(told.rows);
    if lattice.system.bounds.iter().any(|(low, high)| low > high) || !lattice.system.narrow() {
        return Verdict::Contradictory;
    }
    let is_small = |variable: usize| {
        let (_, cell) = lattice.variables[variable];
        // Where nobody was at any event, the parts are known to be nobody.
        let nobody = known.bounds(CellKey::headline(cell.indicator)) == (0, Some(0));
        !nobody && cells.iter().any(|(key, figure)| *key == cell && matches!(figure, Figure::Below(_)))
    };
    let is_fixed = |variable: usize| lattice.system.bounds[variable].0 == lattice.system.bounds[variable].1;
    if (0..lattice.variables.len()).any(|variable| is_fixed(variable) && is_small(variable)) {
        return Verdict::GivesAway;
    }
    let mut budget = Budget { programs: 400, ..Budget::default() };
    for (variables, part) in lattice.system.parts(&[]) {
        let solution = match search::any_solution(&part, &mut budget) {
            Ok(Some(solution)) => solution,
            Ok(None) => return Verdict::Possible,
            Err(search::NoSolution) => return Verdict::Contradictory,
        };
        let small = variables.iter().enumerate().filter(|(_, variable)| is_small(**variable));
        let protected: Vec<Protected> =
            small.map(|(at, _)| Protected { sum: vec![(at, 1)], fixed: 0, guard: Guard::FEW }).collect();
        let mut shown = vec![Shown::default(); protected.len()];
        let mut shown: Vec<&mut Shown> = shown.iter_mut().collect();
        if examine(&part, &solution, &protected, &mut shown, &mut budget).contains(&Finding::Lacking) {
            return Verdict::GivesAway;
        }
    }
    Verdict::Possible
}

#[cfg(test)]
mod tests;
