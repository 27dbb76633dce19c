//! What one calendar quarter has of people, person by person: what releases are counted from, and what is kept of it
//! once one is approved. Nothing here prints itself, and nothing of it leaves the hub.

mod codec;
mod read;

use std::fmt;

use folkmoot_domain::calendar::Quarter;
use folkmoot_domain::indicator::{AgeBand, Indicator, Theme, Ward};
use folkmoot_domain::record::{Disability, Ethnicity, Gender};

pub(super) use read::Reader;

/// The indicators that are counted from the same records.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Family {
    Training,
    Listening,
    Action,
}

impl Family {
    pub(super) const ALL: [Family; 3] = [Family::Training, Family::Listening, Family::Action];

    /// The code, for tables.
    pub(super) fn code(self) -> &'static str {
        match self {
            Family::Training => "training",
            Family::Listening => "listening",
            Family::Action => "action",
        }
    }

    pub(super) fn from_code(code: &str) -> Option<Family> {
        Family::ALL.into_iter().find(|family| family.code() == code)
    }

    /// What is counted from its facts.
    pub(super) fn indicators(self) -> &'static [Indicator] {
        match self {
            Family::Training => &[Indicator::PeopleTrained, Indicator::YoungPeopleTrained, Indicator::TrainingMinutes],
            Family::Listening => &[Indicator::Listenings, Indicator::PeopleListenedTo],
            Family::Action => &[Indicator::PeopleMobilised],
        }
    }

    /// What the people add up to.
    pub(super) fn sum(self) -> Option<Indicator> {
        match self {
            Family::Training => Some(Indicator::TrainingMinutes),
            Family::Listening => Some(Indicator::Listenings),
            Family::Action => None,
        }
    }
}

/// The id of a person's record; of an anonymous listening, its own.
pub(super) type Id = [u8; 16];

/// What decides in which categories a person is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Attributes {
    pub(super) birth_year: Option<i16>,
    pub(super) gender: Gender,
    pub(super) ethnicity: Ethnicity,
    pub(super) disability: Disability,
}

impl Attributes {
    /// Of somebody of whom nothing is known.
    pub(super) const UNKNOWN: Attributes = Attributes {
        birth_year: None,
        gender: Gender::Unknown,
        ethnicity: Ethnicity::Unknown,
        disability: Disability::Unknown,
    };

    /// The band of ages in the year of a quarter.
    pub(super) fn age_band(&self, quarter: i32) -> AgeBand {
        let year = Quarter::from_index(quarter).map_or(quarter.div_euclid(4), Quarter::year);
        AgeBand::of(year, self.birth_year.map(i32::from))
    }
}

/// One person as a quarter has them.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Fact<'a> {
    pub(super) id: Id,
    pub(super) attributes: Attributes,
    /// Minutes, listenings or participations: more than 0.
    pub(super) amount: u64,
    /// Listenings by theme, in order.
    pub(super) themes: &'a [(Theme, u32)],
    /// Where the listenings were, in order, each once.
    pub(super) wards: &'a [Ward],
}

/// What the facts of a person hold, beside the lists that all people share.
#[derive(Clone, PartialEq, Eq)]
struct Person {
    id: Id,
    attributes: Attributes,
    amount: u64,
    /// Where the person's themes and wards end; they begin where those of the person before end.
    themes: u32,
    wards: u32,
}

/// Listenings to anonymous people who had been heard before: nobody knows to how many.
#[derive(Clone, Default, PartialEq, Eq)]
pub(super) struct Repeats {
    pub(super) amount: u64,
    /// By theme, in order.
    pub(super) themes: Vec<(Theme, u64)>,
}

impl Repeats {
    /// These and others.
    pub(super) fn and(mut self, other: &Repeats) -> Repeats {
        self.amount += other.amount;
        for (theme, times) in &other.themes {
            match self.themes.binary_search_by_key(theme, |(theme, _)| *theme) {
                Ok(place) => self.themes[place].1 += times,
                Err(place) => self.themes.insert(place, (*theme, *times)),
            }
        }
        self
    }
}

/// What one quarter has of people for one family.
#[derive(Clone, Default, PartialEq, Eq)]
pub(super) struct Facts {
    /// Events of the family's kind, once for each person in them.
    pub(super) events: u64,
    pub(super) repeats: Repeats,
    /// By id.
    people: Vec<Person>,
    themes: Vec<(Theme, u32)>,
    wards: Vec<Ward>,
}

impl fmt::Debug for Facts {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("[facts]")
    }
}

impl Facts {
    /// Whether nothing was counted.
    pub(super) fn is_empty(&self) -> bool {
        self.people.is_empty() && self.events == 0 && self.repeats == Repeats::default()
    }

    /// The person in a place; people stand in the order of their ids.
    pub(super) fn get(&self, place: usize) -> Option<Fact<'_>> {
        let person = self.people.get(place)?;
        let (themes, wards) = match place.checked_sub(1).map(|before| &self.people[before]) {
            Some(before) => (before.themes, before.wards),
            None => (0, 0),
        };
        Some(Fact {
            id: person.id,
            attributes: person.attributes,
            amount: person.amount,
            themes: &self.themes[themes as usize..person.themes as usize],
            wards: &self.wards[wards as usize..person.wards as usize],
        })
    }

    /// Everybody, by id.
    pub(super) fn iter(&self) -> impl Iterator<Item = Fact<'_>> {
        (0..self.people.len()).filter_map(|place| self.get(place))
    }

    /// The id in a place.
    pub(super) fn id(&self, place: usize) -> Option<&Id> {
        self.people.get(place).map(|person| &person.id)
    }

    /// Adds somebody whose id is greater than all before.
    pub(super) fn push(&mut self, fact: Fact<'_>) {
        self.themes.extend(fact.themes);
        self.wards.extend(fact.wards);
        // Neither list comes near so many: a listening has a few themes and one ward.
        let end = |length: usize| u32::try_from(length).unwrap_or(u32::MAX);
        self.people.push(Person {
            id: fact.id,
            attributes: fact.attributes,
            amount: fact.amount,
            themes: end(self.themes.len()),
            wards: end(self.wards.len()),
        });
    }

    /// Puts somebody in other categories, where the quarter has them.
    pub(super) fn put(&mut self, id: &Id, attributes: Attributes) {
        if let Ok(place) = self.people.binary_search_by(|person| person.id.cmp(id)) {
            self.people[place].attributes = attributes;
        }
    }

    /// The same with more people, given by id.
    pub(super) fn with(&self, more: &[Fact<'_>]) -> Facts {
        let mut together = Facts { events: self.events, repeats: self.repeats.clone(), ..Facts::default() };
        let mut more = more.iter().peekable();
        for fact in self.iter() {
            while let Some(before) = more.next_if(|it| it.id < fact.id) {
                together.push(*before);
            }
            together.push(fact);
        }
        more.for_each(|fact| together.push(*fact));
        together
    }

    fn shrink(&mut self) {
        self.people.shrink_to_fit();
        self.themes.shrink_to_fit();
        self.wards.shrink_to_fit();
    }
}
