//! Who was where, and how that counts.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;

use folkmoot_disclosure::Observation;
use folkmoot_domain::indicator::{AgeBand, Category, CellKey, Class, Dimension, Indicator};

/// What people are counted for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Family {
    /// Sessions completed.
    Training,
    /// Listenings.
    Listening,
    /// Actions.
    Action,
}

impl Family {
    /// Every family.
    pub const ALL: [Family; 3] = [Family::Training, Family::Listening, Family::Action];

    /// The family of an indicator; `None` of one that says nothing of people.
    pub fn of(indicator: Indicator) -> Option<Family> {
        match indicator {
            Indicator::PeopleTrained | Indicator::YoungPeopleTrained | Indicator::TrainingMinutes => {
                Some(Family::Training)
            }
            Indicator::Listenings | Indicator::PeopleListenedTo => Some(Family::Listening),
            Indicator::PeopleMobilised => Some(Family::Action),
            Indicator::TrainingSessions
            | Indicator::TrainersQualityAssured
            | Indicator::ListeningCampaignsReportedBack
            | Indicator::ActionsHeld
            | Indicator::CommunityProjectsSupported
            | Indicator::FundingLeveragedPence
            | Indicator::OrganisationsSignedUp
            | Indicator::CampaignReach
            | Indicator::AsksWon => None,
        }
    }
}

/// Somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Person {
    /// The year of birth.
    pub born: Option<i32>,
    /// Gender.
    pub gender: Category,
    /// Ethnicity.
    pub ethnicity: Category,
    /// Disability.
    pub disability: Category,
}

/// What one person did of one family in one quarter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Presence {
    /// Minutes, listenings or participations.
    pub amount: u64,
    /// Listenings by theme.
    pub themes: BTreeMap<Category, u64>,
    /// Where.
    pub wards: BTreeSet<Category>,
}

/// Presences by person.
pub type Present = BTreeMap<usize, Presence>;

/// Everything that a hub counts people from. A quarter is known by its number, [`folkmoot_domain::calendar::Quarter::index`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// Everybody ever seen.
    pub people: Vec<Person>,
    /// Who was present.
    pub present: BTreeMap<(Family, i32), Present>,
    /// Where an event had people, none of whom counts: nobody completed the session.
    pub for_nothing: BTreeSet<(Family, i32)>,
}

impl Facts {
    /// Notes that somebody was present.
    pub fn add(&mut self, family: Family, quarter: i32, person: usize, amount: u64) -> &mut Presence {
        let presence = self.present.entry((family, quarter)).or_default().entry(person).or_default();
        presence.amount += amount;
        presence
    }

    /// The true figures of some quarters.
    pub fn count(&self, quarters: RangeInclusive<i32>) -> BTreeMap<CellKey, Observation> {
        let mut cells: BTreeMap<CellKey, Observation> =
            CellKey::all().into_iter().map(|cell| (cell, Observation::default())).collect();
        for family in Family::ALL {
            self.count_family(family, quarters.clone(), &mut cells);
        }
        let length = u64::try_from(quarters.end() - quarters.start() + 1).expect("a period with a quarter");
        for (cell, seen) in &mut cells {
            if cell.indicator.class() == Class::Open {
                seen.value = 3 * length;
            }
        }
        cells
    }

    fn count_family(&self, family: Family, quarters: RangeInclusive<i32>, cells: &mut BTreeMap<CellKey, Observation>) {
        let mut firsts: BTreeMap<usize, i32> = BTreeMap::new();
        let mut amounts: BTreeMap<Option<Category>, BTreeMap<usize, u64>> = BTreeMap::new();
        let mut wards: BTreeMap<Category, BTreeSet<usize>> = BTreeMap::new();
        let mut events = 0;
        for quarter in quarters {
            events += u64::from(self.for_nothing.contains(&(family, quarter)));
            for (person, presence) in self.present.get(&(family, quarter)).into_iter().flatten() {
                events += 1;
                firsts.entry(*person).or_insert(quarter);
                *amounts.entry(None).or_default().entry(*person).or_default() += presence.amount;
                for (theme, amount) in &presence.themes {
                    *amounts.entry(Some(*theme)).or_default().entry(*person).or_default() += amount;
                }
                for ward in &presence.wards {
                    wards.entry(*ward).or_default().insert(*person);
                }
            }
        }
        let (people, sum) = match family {
            Family::Training => (Indicator::PeopleTrained, Some(Indicator::TrainingMinutes)),
            Family::Listening => (Indicator::PeopleListenedTo, Some(Indicator::Listenings)),
            Family::Action => (Indicator::PeopleMobilised, None),
        };
        let mut one = |indicator: Indicator, category: Option<Category>| {
            cells.entry(CellKey { indicator, category }).or_default().value += 1;
        };
        for (person, quarter) in &firsts {
            let who = self.people[*person];
            let band = AgeBand::of(quarter.div_euclid(4), who.born);
            one(people, None);
            for category in [Category::AgeBand(band), who.gender, who.ethnicity, who.disability] {
                one(people, Some(category));
            }
            if family == Family::Training && band.is_young() {
                one(Indicator::YoungPeopleTrained, None);
                for category in [who.gender, who.ethnicity, who.disability] {
                    one(Indicator::YoungPeopleTrained, Some(category));
                }
            }
        }
        for (ward, people_there) in &wards {
            people_there.iter().for_each(|_| one(people, Some(*ward)));
        }
        for (theme, by_person) in amounts.iter().filter(|(category, _)| category.is_some()) {
            by_person.iter().for_each(|_| one(people, *theme));
        }
        for (category, by_person) in &amounts {
            if let Some(indicator) = sum {
                let mut parts: Vec<u64> = by_person.values().copied().collect();
                parts.sort_unstable_by(|one, other| other.cmp(one));
                let seen = cells.entry(CellKey { indicator, category: *category }).or_default();
                seen.value = parts.iter().sum();
                seen.people_behind = parts.len() as u64;
                seen.largest = parts.first().copied().unwrap_or(0);
                seen.two_largest = parts.iter().take(2).sum();
            }
        }
        for indicator in Indicator::ALL {
            if Family::of(indicator) == Some(family) {
                cells.entry(CellKey::headline(indicator)).or_default().events_with_people = events;
            }
        }
    }

    /// How many people are in one of two sets of presences alone, or there with other amounts.
    pub fn differ(one: Option<&Present>, other: Option<&Present>) -> usize {
        let (one, other) = (one.cloned().unwrap_or_default(), other.cloned().unwrap_or_default());
        let everybody: BTreeSet<usize> = one.keys().chain(other.keys()).copied().collect();
        everybody.into_iter().filter(|person| one.get(person) != other.get(person)).count()
    }
}

/// The categories of a dimension that people are of.
pub fn category(dimension: Dimension, at: usize) -> Category {
    dimension.categories()[at]
}
