//! The attack: which values everything that is protected can have.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::ops::RangeInclusive;

use folkmoot_disclosure::{Figure, Observation, Terms};
use folkmoot_domain::indicator::{CellKey, Class, Dimension, Indicator};

use super::facts::{Facts, Family};
use super::history::{Hub, Made};
use super::knowledge::{Knowledge, Published, Stretch};
use super::search::{FAR, Known, Outcome, Sum, value};

/// As many values must stay possible of a figure of few people.
const VALUES: usize = 4;

/// How many steps the attack on one family of indicators may take.
const STEPS: u32 = 40_000;

/// What must not be worked out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A figure of few people.
    Few,
    /// Those who are counted in one figure and not in one nested in it, where they are few.
    NotNested,
    /// Those who are counted in a period and not in a part of it, where they are few.
    NotInPart,
    /// A sum behind which few people stand, or that one or two of them make up.
    HiddenSum,
    /// What a sum adds in a period to that of a part of it, where few people stand behind.
    SumBeside,
}

/// One protected value.
#[derive(Clone, Debug)]
struct Protected {
    kind: Kind,
    sum: Sum,
    truth: i64,
    cell: CellKey,
    stretch: Stretch,
    part: Option<Stretch>,
    threshold: i64,
    /// The sum that it is a part of.
    whole: i64,
    /// What is known of the sum beyond doubt.
    fixed: i64,
}

impl Protected {
    fn is_sum(&self) -> bool {
        matches!(self.kind, Kind::HiddenSum | Kind::SumBeside)
    }

    /// Between which bounds values are asked for, in turn.
    fn asked(&self) -> Vec<(i64, i64)> {
        if self.is_sum() {
            return vec![(-FAR, self.truth.div_euclid(2)), (self.most(), FAR)];
        }
        // Nearest first.
        let around = (1..=self.threshold + 8).flat_map(|away| [self.truth + away, self.truth - away]);
        around.filter(|value| *value >= 0).map(|value| (value, value)).collect()
    }

    /// Up to where a sum must be possible: one and a half of it, or the whole of which it is a part.
    fn most(&self) -> i64 {
        (3 * self.truth + 1).div_euclid(2).min(self.whole.max(self.truth))
    }

    fn breach(&self, shown: &BTreeSet<i64>) -> Breach {
        Breach {
            kind: self.kind,
            cell: self.cell,
            stretch: self.stretch,
            part: self.part,
            truth: self.truth,
            possible: shown.iter().copied().collect(),
        }
    }

    fn is_kept_by(&self, shown: &BTreeSet<i64>) -> bool {
        let (least, most) = (shown.first().copied().unwrap_or(self.truth), shown.last().copied().unwrap_or(self.truth));
        if self.is_sum() { 2 * least <= self.truth && most >= self.most() } else { shown.len() >= VALUES }
    }
}

/// A protected value that does not keep what it must.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Breach {
    /// What is given away.
    pub kind: Kind,
    /// Where.
    pub cell: CellKey,
    /// The period.
    pub stretch: Stretch,
    /// The part of it that is taken off.
    pub part: Option<Stretch>,
    /// What is true.
    pub truth: i64,
    /// Every value that is possible, of few people; the least and the most that was found, of a sum.
    pub possible: Vec<i64>,
}

impl fmt::Display for Breach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = |(first, last): Stretch| {
            let of = |at: i32| format!("{}-Q{}", at.div_euclid(4), at.rem_euclid(4) + 1);
            if first == last { of(first) } else { format!("{} to {}", of(first), of(last)) }
        };
        write!(f, "{:?}: {} in {}", self.kind, self.cell, name(self.stretch))?;
        self.part.map_or(Ok(()), |part| write!(f, " beyond {}", name(part)))?;
        write!(f, " is {}, of which {:?} are possible", self.truth, self.possible)
    }
}

/// What an attack came to.
#[derive(Clone, Debug, Default)]
pub struct Findings {
    /// How many protected values were attacked.
    pub protected: usize,
    /// What does not keep what it must.
    pub breaches: Vec<Breach>,
    /// What could not be told within the steps.
    pub undecided: Vec<Breach>,
}

impl Findings {
    /// Takes others in.
    pub fn add(&mut self, other: Findings) {
        self.protected += other.protected;
        self.breaches.extend(other.breaches);
        self.undecided.extend(other.undecided);
    }

    /// How many of the breaches leave but one value.
    pub fn exact(&self) -> usize {
        self.breaches.iter().filter(|breach| breach.possible.len() == 1).count()
    }
}

/// Attacks everything that a hub has let out of the facts that it counts now.
pub fn attack(hub: &Hub) -> Findings {
    attack_published(hub, as_released)
}

/// A release as everybody reads it.
pub fn as_released(made: &Made) -> Published {
    let threshold = u64::from(made.terms.threshold);
    let unmarked = made.prepared.iter().filter(|it| it.figure == Figure::Withheld && it.true_value < threshold);
    let unmarked = unmarked.filter(|it| it.key.category.is_none()).map(|it| it.key.indicator).collect();
    Published::new(made.quarters.clone(), made.terms, made.cells.iter().copied().collect(), unmarked)
}

/// Attacks releases as something else would have let them out.
pub fn attack_published(hub: &Hub, publish: impl Fn(&Made) -> Published) -> Findings {
    let mut findings = Findings::default();
    for family in Family::ALL {
        let edition = |at: i32| hub.editions.get(&(family, at)).copied().unwrap_or(0);
        let stands = |made: &&Made| {
            made.quarters.clone().all(|at| made.editions.get(&(family, at)).copied().unwrap_or(0) == edition(at))
        };
        let periods: Vec<_> =
            hub.calendar.periods().into_iter().map(|(period, _)| hub.calendar.quarters(&period)).collect();
        let mut published: Vec<(&Made, Published)> = Vec::new();
        for made in hub.made.iter().filter(stands) {
            published.retain(|(other, _)| other.period != made.period);
            published.push((made, publish(made)));
        }
        let published: Vec<Published> = published.into_iter().map(|(_, release)| release).collect();
        findings.add(attack_family(&hub.counted, family, periods, &published));
    }
    findings
}

/// Attacks what was published of a family.
fn attack_family(
    facts: &Facts,
    family: Family,
    periods: Vec<RangeInclusive<i32>>,
    published: &[Published],
) -> Findings {
    let covered: BTreeSet<i32> = published.iter().flat_map(|release| release.quarters.clone()).collect();
    let stretches: BTreeSet<Stretch> = periods
        .into_iter()
        .filter(|quarters| quarters.clone().all(|at| covered.contains(&at)))
        .map(|quarters| (*quarters.start(), *quarters.end()))
        .collect();
    let truths: BTreeMap<Stretch, BTreeMap<CellKey, Observation>> =
        stretches.iter().map(|stretch| (*stretch, facts.count(stretch.0..=stretch.1))).collect();
    let wards: BTreeSet<_> = truths
        .values()
        .flat_map(BTreeMap::keys)
        .filter(|cell| cell.dimension() == Some(Dimension::Ward))
        .filter_map(|cell| cell.category)
        .collect();
    let mut knowledge = Knowledge::new(family, stretches.iter().copied().collect(), &wards, published);
    let mut truth = vec![0; stretches.len() * knowledge.cells.len()];
    for stretch in &stretches {
        for cell in &knowledge.cells {
            let at = knowledge.at(*stretch, *cell).expect("a number");
            truth[at] = truths[stretch].get(cell).map_or(0, |seen| seen.value as i64);
        }
    }
    let truth = knowledge.complete(truth);
    if let Some(contradiction) = knowledge.known.contradiction(&truth) {
        panic!("the attacker's knowledge is wrong: {contradiction}");
    }
    let terms = published.iter().map(|release| release.terms).reduce(|one, other| one.tightened(&other));
    let protected = protected(facts, family, &knowledge, &truths, terms.unwrap_or(Terms::FLOOR));
    assert!(knowledge.known.narrow(), "the truth is possible");
    find(&knowledge, &truth, protected)
}

fn find(knowledge: &Knowledge, truth: &[i64], protected: Vec<Protected>) -> Findings {
    let mut findings = Findings { protected: protected.len(), ..Findings::default() };
    let ties: Vec<Sum> = protected.iter().map(|it| it.sum.clone()).collect();
    let mut of_part: BTreeMap<Option<usize>, Vec<Protected>> = BTreeMap::new();
    let parts = knowledge.known.parts(&ties);
    let mut place = BTreeMap::new();
    for (part, (places, _)) in parts.iter().enumerate() {
        place.extend(places.iter().enumerate().map(|(new, old)| (*old, (part, new))));
    }
    for it in protected {
        let part = it.sum.iter().find_map(|(at, _)| place.get(at)).map(|(part, _)| *part);
        let free = it.sum.iter().filter_map(|(at, times)| Some((place.get(at)?.1, *times))).collect::<Sum>();
        let fixed: i64 =
            it.sum.iter().filter(|(at, _)| !place.contains_key(at)).map(|(at, times)| truth[*at] * times).sum();
        of_part.entry(part).or_default().push(Protected { sum: free, fixed, ..it });
    }
    for it in of_part.remove(&None).unwrap_or_default() {
        // All is known.
        let shown = BTreeSet::from([it.truth]);
        if !it.is_kept_by(&shown) {
            findings.breaches.push(it.breach(&shown));
        }
    }
    let mut left = STEPS;
    for (at, (places, mut known)) in parts.into_iter().enumerate() {
        let truth: Vec<i64> = places.iter().map(|old| truth[*old]).collect();
        find_in(&mut known, &truth, of_part.remove(&Some(at)).unwrap_or_default(), &mut left, &mut findings);
    }
    findings
}

/// Attacks one part of what is known.
fn find_in(known: &mut Known, truth: &[i64], protected: Vec<Protected>, left: &mut u32, findings: &mut Findings) {
    let mut shown: Vec<BTreeSet<i64>> = protected.iter().map(|it| BTreeSet::from([it.truth])).collect();
    let mut witnesses: Vec<Vec<i64>> = Vec::new();
    for at in 0..protected.len() {
        let it = &protected[at];
        let mut undecided = false;
        for bounds in it.asked() {
            if it.is_kept_by(&shown[at]) {
                break;
            }
            if shown[at].iter().any(|seen| (bounds.0..=bounds.1).contains(seen)) {
                continue;
            }
            let bounds = (bounds.0 - it.fixed, bounds.1 - it.fixed);
            let away = |numbers: &Vec<i64>| {
                let found = value(&it.sum, numbers);
                (bounds.0 - found).max(found - bounds.1)
            };
            let nearest = witnesses.iter().min_by_key(|numbers| away(numbers));
            let starts: Vec<&[i64]> = [truth].into_iter().chain(nearest.map(Vec::as_slice)).collect();
            match known.search(&it.sum, bounds, &starts, left) {
                Outcome::Found(numbers) => {
                    debug_assert_eq!(known.contradiction(&numbers), None);
                    for (it, shown) in protected.iter().zip(&mut shown) {
                        shown.insert(it.fixed + value(&it.sum, &numbers));
                    }
                    witnesses.push(numbers);
                }
                Outcome::Impossible => {}
                Outcome::Undecided => undecided = true,
            }
        }
        if !it.is_kept_by(&shown[at]) {
            let list = if undecided { &mut findings.undecided } else { &mut findings.breaches };
            list.push(it.breach(&shown[at]));
        }
    }
}

/// Everything of a family that must not be worked out. Where no event had people nobody can be told from another.
fn protected(
    facts: &Facts,
    family: Family,
    knowledge: &Knowledge,
    truths: &BTreeMap<Stretch, BTreeMap<CellKey, Observation>>,
    terms: Terms,
) -> Vec<Protected> {
    let mut found = Vec::new();
    let held = |quarter: i32| {
        facts.for_nothing.contains(&(family, quarter))
            || facts.present.get(&(family, quarter)).is_some_and(|present| !present.is_empty())
    };
    for stretch in &knowledge.stretches {
        if !(stretch.0..=stretch.1).any(held) {
            continue;
        }
        let seen = |cell: CellKey| truths[stretch].get(&cell).copied().unwrap_or_default();
        for cell in &knowledge.cells {
            let special = cell.dimension().is_some_and(Dimension::is_special);
            let threshold = u64::from(if special { terms.special_threshold } else { terms.threshold });
            let at = knowledge.at(*stretch, *cell).expect("a number");
            let it = |kind, sum, truth: u64, part| Protected {
                kind,
                sum,
                truth: truth as i64,
                cell: *cell,
                stretch: *stretch,
                part,
                threshold: threshold as i64,
                whole: if part.is_some() { seen(*cell).value as i64 } else { FAR },
                fixed: 0,
            };
            let here = seen(*cell);
            match cell.indicator.class() {
                Class::People if here.value < threshold => {
                    found.push(it(Kind::Few, vec![(at, 1)], here.value, None));
                }
                Class::PeopleSum { .. } if hides(here, threshold, terms) => {
                    found.push(it(Kind::HiddenSum, vec![(at, 1)], here.value, None));
                }
                Class::People | Class::PeopleSum { .. } | Class::Open => {}
            }
            let all = CellKey { indicator: Indicator::PeopleTrained, ..*cell };
            if let (Indicator::YoungPeopleTrained, Some(all_at)) = (cell.indicator, knowledge.at(*stretch, all)) {
                let older = seen(all).value - here.value;
                if older < threshold {
                    found.push(it(Kind::NotNested, vec![(all_at, 1), (at, -1)], older, None));
                }
            }
            for part in knowledge.inside(*stretch) {
                let rest = || (stretch.0..=stretch.1).filter(|at| *at < part.0 || *at > part.1);
                if cell.dimension() == Some(Dimension::AgeBand) || !rest().any(held) {
                    continue;
                }
                let there = truths[&part].get(cell).copied().unwrap_or_default();
                let sum = vec![(at, 1), (knowledge.at(part, *cell).expect("a number"), -1)];
                let more = here.value - there.value;
                match cell.indicator.class() {
                    Class::People if more < threshold => found.push(it(Kind::NotInPart, sum, more, Some(part))),
                    Class::PeopleSum { .. } => {
                        // As anybody can tell who counts them quarter by quarter.
                        let behind: usize = rest()
                            .filter_map(|at| facts.present.get(&(family, at)))
                            .flatten()
                            .filter(|(_, presence)| cell.category.is_none_or(|it| presence.themes.contains_key(&it)))
                            .count();
                        if (behind as u64) < threshold {
                            found.push(it(Kind::SumBeside, sum, more, Some(part)));
                        }
                    }
                    Class::People | Class::Open => {}
                }
            }
        }
    }
    found
}

fn hides(seen: Observation, threshold: u64, terms: Terms) -> bool {
    seen.people_behind < threshold
        || 100 * seen.largest > u64::from(terms.largest_percent) * seen.value
        || 100 * seen.two_largest > u64::from(terms.two_largest_percent) * seen.value
}
