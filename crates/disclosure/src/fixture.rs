//! A hub of invented people, counted from the ground up, for the tests of this crate.

use std::collections::{BTreeMap, BTreeSet};

use folkmoot_domain::Date;
use folkmoot_domain::calendar::{Period, Programme, Programmes, Quarter, parse_date};
use folkmoot_domain::indicator::{
    AgeBand, CATALOGUE_VERSION, Category, CellKey, Class, Dimension, EventKind, Indicator, Theme,
};
use folkmoot_domain::record::{Disability, Ethnicity, Gender};

use crate::{Account, Figure, Observation, Observations, Policy, Prepared, Released, Terms, prepare};

pub(crate) const HUB: [u8; 32] = [7; 32];

pub(crate) fn day(text: &str) -> Date {
    parse_date(text).unwrap()
}

pub(crate) fn period(text: &str) -> Period {
    text.parse().unwrap()
}

/// The programmes `COEP` (three financial years) and `ONE` (a quarter more).
pub(crate) fn programmes() -> Programmes {
    let mut programmes = Programmes::default();
    for (code, last) in [("COEP", "2020-03-31"), ("ONE", "2020-06-30")] {
        let programme = Programme::new(code.parse().unwrap(), code, day("2017-04-01"), day(last));
        programmes.insert(programme.unwrap()).unwrap();
    }
    programmes
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Person {
    pub(crate) gender: Gender,
    pub(crate) birth_year: Option<i32>,
    pub(crate) ethnicity: Ethnicity,
    pub(crate) disability: Disability,
}

/// Somebody of whom nothing but the gender is known.
pub(crate) fn person(gender: Gender) -> Person {
    Person { gender, birth_year: None, ethnicity: Ethnicity::Unknown, disability: Disability::Unknown }
}

/// What one person did in one quarter.
#[derive(Debug, Clone, Copy)]
struct Presence {
    person: usize,
    quarter: i32,
    kind: EventKind,
    /// Minutes, listenings or actions; 0 where somebody left before the end.
    amount: u64,
    theme: Option<Theme>,
}

/// A hub, and what it has released.
#[derive(Debug, Clone, Default)]
pub(crate) struct Hub {
    people: Vec<Person>,
    presences: Vec<Presence>,
    pub(crate) released: Vec<Released>,
    pub(crate) terms: Option<Terms>,
    /// The figures of indicators that the second version of the catalogue did not have.
    pub(crate) newer: u64,
}

impl Hub {
    /// Adds people, each with a presence.
    pub(crate) fn add(&mut self, count: usize, who: Person, kind: EventKind, quarter: &str, amount: u64) -> &mut Hub {
        for _ in 0..count {
            self.people.push(who);
            self.again(self.people.len() - 1, kind, quarter, amount);
        }
        self
    }

    /// Lets somebody come once more.
    pub(crate) fn again(&mut self, person: usize, kind: EventKind, quarter: &str, amount: u64) -> &mut Hub {
        let Period::Quarter(quarter) = period(quarter) else { panic!("not a quarter") };
        self.presences.push(Presence { person, quarter: quarter.index(), kind, amount, theme: None });
        self
    }

    /// Gives the latest presence a theme.
    pub(crate) fn about(&mut self, theme: Theme) -> &mut Hub {
        self.presences.last_mut().unwrap().theme = Some(theme);
        self
    }

    /// What was counted in a period.
    pub(crate) fn observations(&self, of: &Period) -> Observations {
        let span = of.span(&programmes()).unwrap();
        let quarters: Vec<i32> = span.quarters().map(Quarter::index).collect();
        let seen: Vec<&Presence> = self.presences.iter().filter(|it| quarters.contains(&it.quarter)).collect();
        let mut counted: BTreeMap<CellKey, BTreeMap<usize, u64>> = BTreeMap::new();
        let mut events: BTreeMap<EventKind, u64> = BTreeMap::new();
        for presence in &seen {
            *events.entry(presence.kind).or_default() += 1;
            if presence.amount > 0 {
                for cell in self.cells_of(presence, &seen) {
                    *counted.entry(cell).or_default().entry(presence.person).or_default() += presence.amount;
                }
            }
        }
        let observation = |cell: CellKey| {
            let none = BTreeMap::new();
            let of = |cell: &CellKey| counted.get(cell).unwrap_or(&none);
            let mut amounts: Vec<u64> = of(&cell).values().copied().collect();
            amounts.sort_unstable_by(|a, b| b.cmp(a));
            let events_with_people = cell.indicator.event_kind().and_then(|kind| events.get(&kind)).copied();
            let events_with_people = events_with_people.unwrap_or(0);
            match cell.indicator.class() {
                Class::People => {
                    Observation { value: amounts.len() as u64, events_with_people, ..Observation::default() }
                }
                Class::PeopleSum { .. } => Observation {
                    value: amounts.iter().sum(),
                    people_behind: amounts.len() as u64,
                    largest: amounts.first().copied().unwrap_or(0),
                    two_largest: amounts.iter().take(2).sum(),
                    events_with_people,
                },
                Class::Open if cell.indicator.since() > 2 => {
                    Observation { value: self.newer, ..Observation::default() }
                }
                Class::Open => Observation { value: 3 * seen.len() as u64, ..Observation::default() },
            }
        };
        let cells = CellKey::all().into_iter().map(|cell| (cell, observation(cell))).collect();
        Observations::new(of.clone(), span, cells).unwrap()
    }

    /// The cells in which a presence counts its person.
    fn cells_of(&self, presence: &Presence, seen: &[&Presence]) -> Vec<CellKey> {
        let person = self.people[presence.person];
        let first = |kind: EventKind| {
            seen.iter()
                .filter(|it| it.person == presence.person && it.kind == kind && it.amount > 0)
                .map(|it| it.quarter)
                .min()
        };
        let year = first(presence.kind).unwrap().div_euclid(4);
        let band = AgeBand::of(year, person.birth_year);
        let indicators = match presence.kind {
            EventKind::Sessions => {
                let young = band.is_young().then_some(Indicator::YoungPeopleTrained);
                [Some(Indicator::PeopleTrained), Some(Indicator::TrainingMinutes), young]
            }
            EventKind::Listenings => [Some(Indicator::PeopleListenedTo), Some(Indicator::Listenings), None],
            EventKind::Actions => [Some(Indicator::PeopleMobilised), None, None],
        };
        let mut cells = Vec::new();
        for indicator in indicators.into_iter().flatten() {
            cells.push(CellKey::headline(indicator));
            for dimension in indicator.dimensions() {
                let category = match dimension {
                    Dimension::AgeBand => Some(Category::AgeBand(band)),
                    Dimension::Gender => Some(Category::Gender(person.gender)),
                    Dimension::Ethnicity => Some(Category::Ethnicity(person.ethnicity)),
                    Dimension::Disability => Some(Category::Disability(person.disability)),
                    Dimension::Theme => presence.theme.map(Category::Theme),
                    Dimension::Ward => None,
                };
                cells.extend(category.map(|category| CellKey::category(indicator, category)));
            }
        }
        cells
    }

    /// Quarters, years and programmes around the hub's presences.
    pub(crate) fn account(&self) -> Account {
        let mut periods: BTreeSet<Period> = BTreeSet::new();
        let programmes = programmes();
        let span = programmes.get(&"ONE".parse().unwrap()).unwrap().span;
        for quarter in span.quarters() {
            periods.insert(Period::Quarter(quarter));
            periods.insert(Period::FinancialYear(quarter.financial_year()));
        }
        periods.extend(programmes.iter().map(|programme| Period::Programme(programme.code.clone())));
        Account::new(periods.iter().map(|period| self.observations(period)), self.released.clone())
    }

    /// What would leave for a period.
    pub(crate) fn prepare(&self, of: &str, today: &str) -> Prepared {
        prepare(&self.account(), &period(of), HUB, &self.policy(), day(today)).unwrap()
    }

    fn policy(&self) -> Policy {
        self.terms.map_or_else(Policy::floor, |terms| Policy::floor().tightened_by(&terms))
    }

    /// Lets some totals of a period out as they are, as rules that knew less would have.
    pub(crate) fn let_out(&mut self, of: &str, totals: &[&str]) {
        let seen = self.observations(&period(of));
        let shown = totals.iter().map(|it| CellKey::from_codes(it, "", "").unwrap()).collect::<Vec<_>>();
        let figure = |cell: CellKey, value: u64| {
            if shown.contains(&cell) { Figure::Exact(value) } else { Figure::Withheld }
        };
        self.released.push(Released {
            period: period(of),
            revision: 0,
            approved_on: day("2019-04-01"),
            terms: Terms::FLOOR,
            catalogue_version: CATALOGUE_VERSION,
            cells: seen.cells().map(|(cell, seen)| (cell, figure(cell, seen.value))).collect(),
            outdated: BTreeSet::new(),
        });
    }

    /// Lets it leave.
    pub(crate) fn release(&mut self, of: &str, today: &str) -> Prepared {
        let prepared = self.prepare(of, today);
        self.released.push(Released {
            period: period(of),
            revision: prepared.release.revision(),
            approved_on: day(today),
            terms: prepared.release.terms(),
            catalogue_version: prepared.release.catalogue_version(),
            cells: prepared.release.cells().to_vec(),
            outdated: BTreeSet::new(),
        });
        prepared
    }

    /// Makes the latest release one of the second version of the catalogue.
    pub(crate) fn of_the_second_catalogue(&mut self) -> Vec<(CellKey, Figure)> {
        let released = self.released.last_mut().unwrap();
        released.catalogue_version = 2;
        released.cells.retain(|(cell, _)| cell.indicator.since() <= 2);
        released.cells.clone()
    }
}

impl Prepared {
    /// What leaves of a cell, as people read it.
    pub(crate) fn leaves(&self, indicator: &str, dimension: &str, category: &str) -> String {
        let key = CellKey::from_codes(indicator, dimension, category).unwrap();
        let cell = self.cells.iter().find(|cell| cell.key == key).unwrap();
        cell.figure.words(key.indicator.unit())
    }

    /// What leaves of every category of a breakdown, in order.
    pub(crate) fn line(&self, indicator: Indicator, dimension: Dimension) -> Vec<String> {
        let cells =
            self.cells.iter().filter(|cell| cell.key.indicator == indicator && cell.key.dimension() == Some(dimension));
        cells.map(|cell| cell.figure.words(indicator.unit())).collect()
    }
}
