//! Counting people over periods.

use std::collections::BTreeMap;

use folkmoot_disclosure::Observation;
use folkmoot_domain::indicator::{AgeBand, Category, CellKey, Dimension, Indicator, Theme, Ward};
use folkmoot_domain::record::{Disability, Ethnicity, Gender};

use super::{Stretch, Walk};
use crate::hub::facts::{Attributes, Fact, Facts, Family, Repeats};

const THEMES: usize = Theme::ALL.len();

/// One person as a period has them.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Seen {
    /// At the first quarter of the period that has the person.
    age_band: AgeBand,
    gender: Gender,
    ethnicity: Ethnicity,
    disability: Disability,
    amount: u64,
    themes: [u64; THEMES],
    /// In order, each once.
    wards: Vec<Ward>,
}

impl Seen {
    /// What quarters say of one person, in the order of the quarters; `None` where none does.
    pub(super) fn of<'a>(attributes: Attributes, facts: impl Iterator<Item = (i32, Fact<'a>)>) -> Option<Seen> {
        let mut seen: Option<Seen> = None;
        for (quarter, fact) in facts {
            let seen = seen.get_or_insert_with(|| Seen {
                age_band: attributes.age_band(quarter),
                gender: attributes.gender,
                ethnicity: attributes.ethnicity,
                disability: attributes.disability,
                amount: 0,
                themes: [0; THEMES],
                wards: Vec::new(),
            });
            seen.amount += fact.amount;
            for (theme, times) in fact.themes {
                seen.themes[*theme as usize] += u64::from(*times);
            }
            seen.wards.extend(fact.wards);
        }
        if let Some(seen) = &mut seen {
            seen.wards.sort_unstable();
            seen.wards.dedup();
        }
        seen
    }

    fn is_young(&self) -> bool {
        self.age_band.is_young()
    }

    /// The categories that the young are broken down by.
    fn categories(&self) -> (Gender, Ethnicity, Disability) {
        (self.gender, self.ethnicity, self.disability)
    }
}

/// Whether it shows in an indicator, one that the facts of its family are counted for, that a person is no longer seen
/// as before.
pub(super) fn differs(indicator: Indicator, was: Option<&Seen>, is: Option<&Seen>) -> bool {
    let young = |seen: Option<&Seen>| seen.filter(|seen| seen.is_young()).map(Seen::categories);
    let people = |seen: Option<&Seen>| seen.map(|seen| (seen.age_band, seen.categories()));
    let amounts = |seen: Option<&Seen>| seen.map(|seen| (seen.amount, seen.themes));
    let places = |seen: Option<&Seen>| seen.map(|seen| (seen.themes.map(|times| times > 0), seen.wards.clone()));
    match indicator {
        Indicator::PeopleTrained | Indicator::PeopleMobilised => people(was) != people(is),
        Indicator::YoungPeopleTrained => young(was) != young(is),
        Indicator::TrainingMinutes | Indicator::Listenings => amounts(was) != amounts(is),
        Indicator::PeopleListenedTo => people(was) != people(is) || places(was) != places(is),
        Indicator::TrainingSessions
        | Indicator::TrainersQualityAssured
        | Indicator::ListeningCampaignsReportedBack
        | Indicator::ActionsHeld
        | Indicator::CommunityProjectsSupported
        | Indicator::FundingLeveragedPence
        | Indicator::OrganisationsSignedUp
        | Indicator::CampaignReach
        | Indicator::AsksWon => false,
    }
}

/// Distinct people by category.
#[derive(Default)]
struct People {
    all: u64,
    age_bands: [u64; AGE_BANDS],
    genders: [u64; Gender::ALL.len()],
    ethnicities: [u64; Ethnicity::ALL.len()],
    disabilities: [u64; Disability::ALL.len()],
}

const AGE_BANDS: usize = AgeBand::Unknown as usize + 1;

impl People {
    fn add(&mut self, seen: &Seen) {
        self.all += 1;
        self.age_bands[seen.age_band as usize] += 1;
        self.genders[seen.gender as usize] += 1;
        self.ethnicities[seen.ethnicity as usize] += 1;
        self.disabilities[seen.disability as usize] += 1;
    }
}

/// A sum, and what those who add most to it add.
#[derive(Clone, Copy, Default)]
struct Sum {
    value: u64,
    largest: u64,
    second: u64,
}

impl Sum {
    fn add(&mut self, amount: u64) {
        self.value = self.value.saturating_add(amount);
        if amount > self.largest {
            (self.largest, self.second) = (amount, self.largest);
        } else {
            self.second = self.second.max(amount);
        }
    }

    fn observation(self, people_behind: u64) -> Observation {
        Observation {
            value: self.value,
            people_behind,
            largest: self.largest,
            two_largest: self.largest.saturating_add(self.second),
            events_with_people: 0,
        }
    }
}

/// What one family was counted to in one period.
#[derive(Default)]
struct Tally {
    events: u64,
    people: People,
    young: People,
    amount: Sum,
    heard: [u64; THEMES],
    themes: [Sum; THEMES],
    wards: BTreeMap<Ward, u64>,
}

impl Tally {
    fn add(&mut self, family: Family, seen: &Seen) {
        self.people.add(seen);
        self.amount.add(seen.amount);
        match family {
            Family::Training if seen.is_young() => self.young.add(seen),
            Family::Training | Family::Action => {}
            Family::Listening => {
                for (theme, times) in seen.themes.iter().enumerate().filter(|(_, times)| **times > 0) {
                    self.heard[theme] += 1;
                    self.themes[theme].add(*times);
                }
                for ward in &seen.wards {
                    *self.wards.entry(*ward).or_default() += 1;
                }
            }
        }
    }

    /// All that anonymous people who had been heard before were heard again, as one contributor: it may have been one.
    fn repeat(&mut self, repeats: &Repeats) {
        if repeats.amount > 0 {
            self.amount.add(repeats.amount);
        }
        for (theme, times) in &repeats.themes {
            self.themes[*theme as usize].add(*times);
        }
    }

    /// Every cell of the family's indicators that the catalogue lists, and of open-ended dimensions each that is not 0.
    fn cells(&self, family: Family) -> BTreeMap<CellKey, Observation> {
        let mut cells = BTreeMap::new();
        for indicator in family.indicators() {
            for cell in CellKey::of(*indicator) {
                let mut seen = self.observation(cell);
                if cell.category.is_none() {
                    seen.events_with_people = self.events;
                }
                cells.insert(cell, seen);
            }
            if indicator.dimensions().contains(&Dimension::Ward) {
                for (ward, people) in &self.wards {
                    let seen = Observation { value: *people, ..Observation::default() };
                    cells.insert(CellKey::category(*indicator, Category::Ward(*ward)), seen);
                }
            }
        }
        cells
    }

    fn observation(&self, cell: CellKey) -> Observation {
        let of_people =
            |people: &People| Observation { value: self.count(people, cell.category), ..Observation::default() };
        match cell.indicator {
            Indicator::PeopleTrained | Indicator::PeopleListenedTo | Indicator::PeopleMobilised => {
                of_people(&self.people)
            }
            Indicator::YoungPeopleTrained => of_people(&self.young),
            Indicator::TrainingMinutes | Indicator::Listenings => match cell.category {
                Some(Category::Theme(theme)) => self.themes[theme as usize].observation(self.heard[theme as usize]),
                None => self.amount.observation(self.people.all),
                Some(
                    Category::AgeBand(_)
                    | Category::Gender(_)
                    | Category::Ethnicity(_)
                    | Category::Disability(_)
                    | Category::Ward(_),
                ) => Observation::default(),
            },
            Indicator::TrainingSessions
            | Indicator::TrainersQualityAssured
            | Indicator::ListeningCampaignsReportedBack
            | Indicator::ActionsHeld
            | Indicator::CommunityProjectsSupported
            | Indicator::FundingLeveragedPence
            | Indicator::OrganisationsSignedUp
            | Indicator::CampaignReach
            | Indicator::AsksWon => Observation::default(),
        }
    }

    fn count(&self, people: &People, category: Option<Category>) -> u64 {
        match category {
            None => people.all,
            Some(Category::AgeBand(band)) => people.age_bands[band as usize],
            Some(Category::Gender(gender)) => people.genders[gender as usize],
            Some(Category::Ethnicity(ethnicity)) => people.ethnicities[ethnicity as usize],
            Some(Category::Disability(disability)) => people.disabilities[disability as usize],
            Some(Category::Theme(theme)) => self.heard[theme as usize],
            Some(Category::Ward(ward)) => self.wards.get(&ward).copied().unwrap_or(0),
        }
    }
}

/// What one family was counted to, by period.
pub(in super::super) struct Tallies {
    family: Family,
    periods: Vec<(Stretch, Tally)>,
}

impl Tallies {
    /// Counts the facts of quarters over periods. Somebody's categories are those of the first quarter that has them;
    /// facts that were settled say the same everywhere.
    pub(in super::super) fn count(family: Family, facts: &BTreeMap<i32, Facts>, periods: &[Stretch]) -> Tallies {
        let mut tallies: Vec<(Stretch, Tally)> = periods.iter().map(|it| (*it, Tally::default())).collect();
        let quarters: Vec<i32> = facts.keys().copied().collect();
        let within: Vec<Vec<usize>> = quarters
            .iter()
            .map(|quarter| (0..periods.len()).filter(|at| periods[*at].holds(*quarter)).collect())
            .collect();
        let mut walk = Walk::new(facts.values());
        let (mut found, mut touched): (Vec<(usize, Fact<'_>)>, Vec<usize>) = (Vec::new(), Vec::new());
        while walk.next(&mut found).is_some() {
            let Some(attributes) = found.first().map(|(_, fact)| fact.attributes) else { continue };
            touched.clear();
            touched.extend(found.iter().flat_map(|(list, _)| within[*list].iter().copied()));
            touched.sort_unstable();
            touched.dedup();
            for at in &touched {
                let (period, tally) = &mut tallies[*at];
                let here = found.iter().map(|(list, fact)| (quarters[*list], *fact));
                if let Some(seen) = Seen::of(attributes, here.filter(|(quarter, _)| period.holds(*quarter))) {
                    tally.add(family, &seen);
                }
            }
        }
        for (period, tally) in &mut tallies {
            let here = facts.range(period.first..=period.last).map(|(_, facts)| facts);
            let repeats = here.fold(Repeats::default(), |sum, facts| {
                tally.events += facts.events;
                sum.and(&facts.repeats)
            });
            tally.repeat(&repeats);
        }
        Tallies { family, periods: tallies }
    }

    /// The cells of a period, by its place among those that were given.
    pub(in super::super) fn cells(&self, period: usize) -> BTreeMap<CellKey, Observation> {
        self.periods.get(period).map_or_else(BTreeMap::new, |(_, tally)| tally.cells(self.family))
    }
}
