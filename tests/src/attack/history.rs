//! A hub's releases, one after the other, as the hub would make them.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;

use folkmoot_disclosure::{
    Account, Figure, Observations, Policy, PreparedCell, Refusal, Released, Standing, Terms, prepare,
};
use folkmoot_domain::Date;
use folkmoot_domain::calendar::{FinancialYear, Period, Programme, Programmes, Quarter, Span};
use folkmoot_domain::indicator::{CATALOGUE_VERSION, CellKey, Indicator};

use super::facts::{Facts, Family, Present};

/// The node id of every hub here.
pub const HUB: [u8; 32] = [7; 32];

/// As many people must have changed before figures that are out are counted anew.
const ENOUGH: usize = 8;

/// The periods that a hub counts.
#[derive(Clone, Debug)]
pub struct Calendar {
    /// The hub's first quarter, by number.
    pub first: i32,
    /// Its last.
    pub last: i32,
    programmes: Programmes,
}

impl Calendar {
    /// Every period that the quarters from `first` to `last` lie in, with `programmes` named by their quarters.
    ///
    /// # Panics
    /// Where a programme is none.
    pub fn new(first: i32, last: i32, programmes: &[(&str, RangeInclusive<i32>)]) -> Self {
        let mut known = Programmes::default();
        for (code, quarters) in programmes {
            let days = (quarter(*quarters.start()).first_day(), quarter(*quarters.end()).last_day());
            let programme = Programme::new(code.parse().expect("a code"), code, days.0, days.1).expect("a programme");
            known.insert(programme).expect("one programme of a code");
        }
        Self { first, last, programmes: known }
    }

    /// Every period, with its days: the programmes and financial years that the hub's quarters lie in, and all their
    /// quarters.
    pub fn periods(&self) -> Vec<(Period, Span)> {
        let years: BTreeSet<FinancialYear> =
            (self.first..=self.last).map(|index| quarter(index).financial_year()).collect();
        let mut periods: Vec<(Period, Span)> = years
            .into_iter()
            .map(|year| (Period::FinancialYear(year), Span { first: year.first_day(), last: year.last_day() }))
            .collect();
        periods.extend(self.programmes.iter().map(|known| (Period::Programme(known.code.clone()), known.span)));
        let quarters: BTreeSet<i32> = periods.iter().flat_map(|(_, span)| quarters_of(*span)).collect();
        let quarters = quarters.into_iter().map(quarter);
        periods.extend(quarters.map(|quarter| (Period::Quarter(quarter), quarter.span())));
        periods
    }

    /// The quarters of a period, by number.
    ///
    /// # Panics
    /// Where there is no such programme.
    pub fn quarters(&self, period: &Period) -> RangeInclusive<i32> {
        quarters_of(period.span(&self.programmes).expect("a known programme"))
    }
}

fn quarter(index: i32) -> Quarter {
    Quarter::from_index(index).expect("a quarter")
}

fn quarters_of(span: Span) -> RangeInclusive<i32> {
    Quarter::of(span.first).index()..=Quarter::of(span.last).index()
}

/// One release, and what it was made from.
#[derive(Clone)]
pub struct Made {
    /// The period.
    pub period: Period,
    /// Its quarters.
    pub quarters: RangeInclusive<i32>,
    /// 0 for the first release of the period.
    pub revision: u32,
    /// The terms that it was made under.
    pub terms: Terms,
    /// What everybody reads.
    pub cells: Vec<(CellKey, Figure)>,
    /// What the hub alone knows.
    pub prepared: Vec<PreparedCell>,
    /// The edition of the facts of each family and quarter that it was counted from.
    pub editions: BTreeMap<(Family, i32), u32>,
    approved_on: Date,
    outdated: BTreeSet<Indicator>,
}

/// A hub that releases.
#[derive(Clone)]
pub struct Hub {
    /// Its periods.
    pub calendar: Calendar,
    /// What it knows today.
    pub current: Facts,
    /// What it counts: late records of quarters that are out wait until enough people have changed.
    pub counted: Facts,
    /// Which facts were ever counted, by family and quarter, in order: the last are those of `counted`.
    pub editions: BTreeMap<(Family, i32), u32>,
    frozen: BTreeSet<(Family, i32)>,
    /// Every release so far.
    pub made: Vec<Made>,
    /// What it holds to.
    pub policy: Policy,
    today: Date,
}

impl Hub {
    /// A hub that has released nothing.
    pub fn new(calendar: Calendar, facts: Facts, policy: Policy) -> Self {
        let last = calendar.periods().into_iter().map(|(_, span)| span.last).max().expect("a period");
        let today = Quarter::of(last).next().last_day();
        let (counted, editions, frozen) = (facts.clone(), BTreeMap::new(), BTreeSet::new());
        Self { calendar, current: facts, counted, editions, frozen, made: Vec::new(), policy, today }
    }

    /// A year goes by, so that what is out may be revised.
    pub fn next_year(&mut self) {
        self.today = Quarter::of(FinancialYear::of(self.today).last_day()).next().last_day();
    }

    /// Takes late records in where that does not point at few people.
    pub fn settle(&mut self) {
        self.counted.people.clone_from(&self.current.people);
        let known: BTreeSet<(Family, i32)> =
            self.counted.present.keys().chain(self.current.present.keys()).copied().collect();
        for at in known {
            let (old, new) = (self.counted.present.get(&at), self.current.present.get(&at));
            if old == new {
                continue;
            }
            if self.frozen.contains(&at) {
                if !self.enough(at, old, new) {
                    continue;
                }
                *self.editions.entry(at).or_default() += 1;
                for made in self.made.iter_mut().filter(|made| made.quarters.contains(&at.1)) {
                    let of_family = Indicator::ALL.into_iter().filter(|it| Family::of(*it) == Some(at.0));
                    made.outdated.extend(of_family);
                }
            }
            match new.cloned() {
                Some(new) => self.counted.present.insert(at, new),
                None => self.counted.present.remove(&at),
            };
        }
    }

    /// Of everybody, and of the young: nobody has changed, or enough have.
    fn enough(&self, (family, quarter): (Family, i32), old: Option<&Present>, new: Option<&Present>) -> bool {
        let young = |present: Option<&Present>| -> Present {
            let is_young =
                |person: usize| self.current.people[person].born.is_some_and(|born| quarter.div_euclid(4) - born < 25);
            let present = present.into_iter().flatten().filter(|(person, _)| is_young(**person));
            present.map(|(person, presence)| (*person, presence.clone())).collect()
        };
        let of_young = Facts::differ(Some(&young(old)), Some(&young(new)));
        Facts::differ(old, new) >= ENOUGH && (family != Family::Training || of_young == 0 || of_young >= ENOUGH)
    }

    /// What the hub would ask to release a period.
    ///
    /// # Panics
    /// Where the figures contradict each other.
    pub fn account(&self) -> Account {
        let observations = self.calendar.periods().into_iter().map(|(period, span)| {
            Observations::new(period, span, self.counted.count(quarters_of(span))).expect("figures that agree")
        });
        let released = self.made.iter().map(|made| Released {
            period: made.period.clone(),
            revision: made.revision,
            approved_on: made.approved_on,
            terms: made.terms,
            catalogue_version: CATALOGUE_VERSION,
            cells: made.cells.clone(),
            outdated: made.outdated.clone(),
        });
        Account::new(observations, released.collect())
    }

    /// Releases a period.
    ///
    /// # Errors
    /// What disclosure control says against it.
    pub fn release(&mut self, period: &Period) -> Result<Standing, Refusal> {
        self.settle();
        self.release_of(&self.account(), period)
    }

    /// Releases a period from an account that was counted before.
    ///
    /// # Errors
    /// What disclosure control says against it.
    pub fn release_of(&mut self, account: &Account, period: &Period) -> Result<Standing, Refusal> {
        let prepared = prepare(account, period, HUB, &self.policy, self.today)?;
        if prepared.standing == Standing::Stands {
            return Ok(Standing::Stands);
        }
        let quarters = self.calendar.quarters(period);
        let of = |index: i32| Family::ALL.map(|family| (family, index));
        self.frozen.extend(quarters.clone().flat_map(of));
        let editions = quarters.clone().flat_map(of).map(|at| (at, self.editions.get(&at).copied().unwrap_or(0)));
        self.made.push(Made {
            period: period.clone(),
            revision: prepared.release.revision(),
            terms: prepared.release.terms(),
            cells: prepared.release.cells().to_vec(),
            editions: editions.collect(),
            approved_on: self.today,
            outdated: BTreeSet::new(),
            prepared: prepared.cells,
            quarters,
        });
        Ok(prepared.standing)
    }
}
