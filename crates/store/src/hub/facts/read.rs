//! Facts as the records have them now: each table is read once, in the order in which it lies.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::{BuildHasherDefault, DefaultHasher};
use std::ops::RangeInclusive;

use folkmoot_domain::calendar::{Quarter, parse_date};
use folkmoot_domain::indicator::{Theme, Ward};
use folkmoot_domain::record::{Disability, Ethnicity, Gender};
use rusqlite::{Connection, OptionalExtension, Row};

use super::{Attributes, Fact, Facts, Family, Id};
use crate::error::StoreError;

/// Never iterated over, so that the order in it is of no concern.
type Index<K, V> = HashMap<K, V, BuildHasherDefault<DefaultHasher>>;

/// Reads facts from the records as of one commit.
pub(in super::super) struct Reader<'a> {
    connection: &'a Connection,
    /// By id.
    people: Vec<(Id, Attributes)>,
    /// Where a person stands there, by `key`.
    places: Index<i64, u32>,
    /// Listening campaigns that have not reported back and had listenings, by quarter.
    pub(in super::super) unreported: BTreeMap<i32, BTreeSet<i64>>,
}

impl<'a> Reader<'a> {
    /// Reads the people.
    pub(in super::super) fn new(connection: &'a Connection) -> Result<Self, StoreError> {
        let mut statement =
            connection.prepare_cached("SELECT id, birth_year, gender, ethnicity, disability, key FROM person")?;
        let mut rows = statement.query([])?;
        let mut people = Vec::new();
        while let Some(row) = rows.next()? {
            people.push((row.get::<_, Id>(0)?, attributes(row)?, row.get::<_, i64>(5)?));
        }
        people.sort_unstable_by_key(|(id, ..)| *id);
        let places = (0..).zip(&people).map(|(place, (.., key))| (*key, place)).collect();
        let people = people.into_iter().map(|(id, attributes, _)| (id, attributes)).collect();
        Ok(Self { connection, people, places, unreported: BTreeMap::new() })
    }

    /// The facts of every quarter in a range that has any.
    pub(in super::super) fn facts(
        &mut self,
        family: Family,
        quarters: &RangeInclusive<i32>,
    ) -> Result<BTreeMap<i32, Facts>, StoreError> {
        match family {
            Family::Training => self.training(quarters),
            Family::Listening => self.listening(quarters),
            Family::Action => self.action(quarters),
        }
    }

    /// Whether somebody who was counted is gone from the tables altogether.
    pub(in super::super) fn is_erased(&self, id: &Id) -> Result<bool, StoreError> {
        if self.people.binary_search_by(|(known, _)| known.cmp(id)).is_ok() {
            return Ok(false);
        }
        let mut statement = self.connection.prepare_cached("SELECT 1 FROM listening WHERE id = ?1")?;
        Ok(statement.query_row([id], |_| Ok(())).optional()?.is_none())
    }

    fn place(&self, key: i64) -> Result<u32, StoreError> {
        self.places.get(&key).copied().ok_or_else(|| StoreError::inconsistent("whom a record is about"))
    }

    fn training(&self, quarters: &RangeInclusive<i32>) -> Result<BTreeMap<i32, Facts>, StoreError> {
        let sessions = self.events("SELECT key, date, minutes FROM session", quarters)?;
        let mut gathered: BTreeMap<i32, (u64, Vec<(u32, u32)>)> = BTreeMap::new();
        let mut statement =
            self.connection.prepare_cached("SELECT session, person, outcome = 'completed' FROM attendance")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let Some((quarter, minutes)) = sessions.get(&row.get(0)?) else { continue };
            let (events, people) = gathered.entry(*quarter).or_default();
            *events += 1;
            if row.get(2)? {
                people.push((self.place(row.get(1)?)?, *minutes));
            }
        }
        Ok(self.summed(gathered))
    }

    fn action(&self, quarters: &RangeInclusive<i32>) -> Result<BTreeMap<i32, Facts>, StoreError> {
        let actions = self.events("SELECT key, date, 1 FROM action", quarters)?;
        let mut gathered: BTreeMap<i32, (u64, Vec<(u32, u32)>)> = BTreeMap::new();
        let mut statement = self.connection.prepare_cached("SELECT action, person FROM participation")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let Some((quarter, once)) = actions.get(&row.get(0)?) else { continue };
            let (events, people) = gathered.entry(*quarter).or_default();
            *events += 1;
            people.push((self.place(row.get(1)?)?, *once));
        }
        Ok(self.summed(gathered))
    }

    /// Quarter and weight of each event, by `key`.
    fn events(&self, query: &str, quarters: &RangeInclusive<i32>) -> Result<Index<i64, (i32, u32)>, StoreError> {
        let mut statement = self.connection.prepare_cached(query)?;
        let mut rows = statement.query([])?;
        let mut events = Index::default();
        while let Some(row) = rows.next()? {
            let quarter = quarter(row, 1)?;
            if quarters.contains(&quarter) {
                events.insert(row.get(0)?, (quarter, row.get(2)?));
            }
        }
        Ok(events)
    }

    fn summed(&self, gathered: BTreeMap<i32, (u64, Vec<(u32, u32)>)>) -> BTreeMap<i32, Facts> {
        let of_quarter = |(events, mut people): (u64, Vec<(u32, u32)>)| {
            people.sort_unstable();
            let mut facts = Facts { events, ..Facts::default() };
            for same in people.chunk_by(|one, next| one.0 == next.0) {
                let (id, attributes) = self.people[same[0].0 as usize];
                let amount = same.iter().map(|(_, amount)| u64::from(*amount)).sum();
                facts.push(Fact { id, attributes, amount, themes: &[], wards: &[] });
            }
            facts.shrink();
            facts
        };
        gathered.into_iter().map(|(quarter, people)| (quarter, of_quarter(people))).collect()
    }

    fn listening(&mut self, quarters: &RangeInclusive<i32>) -> Result<BTreeMap<i32, Facts>, StoreError> {
        let mut unreported =
            self.connection.prepare_cached("SELECT key FROM listening_campaign WHERE reported_back_on IS NULL")?;
        let unreported =
            unreported.query_map([], |row| row.get(0))?.collect::<Result<BTreeSet<i64>, rusqlite::Error>>()?;
        let mut wards = Wards::default();
        let mut gathered: BTreeMap<i32, Heard> = BTreeMap::new();
        let mut statement = self
            .connection
            .prepare_cached("SELECT date, person, ward, themes, repeat = 'yes', id, campaign FROM listening")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let quarter = quarter(row, 0)?;
            if !quarters.contains(&quarter) {
                continue;
            }
            if let Some(campaign) = row.get::<_, Option<i64>>(6)?.filter(|campaign| unreported.contains(campaign)) {
                self.unreported.entry(quarter).or_default().insert(campaign);
            }
            let heard = gathered.entry(quarter).or_default();
            heard.events += 1;
            let once = Once { themes: themes(text(row, 3)?), ward: wards.place(text(row, 2)?) };
            match (row.get::<_, Option<i64>>(1)?, row.get(4)?) {
                (Some(person), _) => heard.known.push((self.place(person)?, once)),
                (None, false) => heard.anonymous.push((row.get(5)?, once)),
                (None, true) => heard.repeats.push(once),
            }
        }
        Ok(gathered.into_iter().map(|(quarter, heard)| (quarter, heard.facts(&self.people, &wards.0))).collect())
    }
}

/// What one listening says.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Once {
    /// A bit for each theme.
    themes: u16,
    /// Its place among the wards that were met.
    ward: Option<u32>,
}

/// The listenings of a quarter.
#[derive(Default)]
struct Heard {
    events: u64,
    known: Vec<(u32, Once)>,
    anonymous: Vec<(Id, Once)>,
    repeats: Vec<Once>,
}

impl Heard {
    fn facts(mut self, people: &[(Id, Attributes)], wards: &[Ward]) -> Facts {
        self.known.sort_unstable();
        self.anonymous.sort_unstable();
        let mut facts = Facts { events: self.events, ..Facts::default() };
        let (amount, repeated) = (self.repeats.len() as u64, counted(self.repeats.iter()));
        facts.repeats.amount = amount;
        facts.repeats.themes = repeated.into_iter().map(|(theme, times)| (theme, u64::from(times))).collect();
        let mut anonymous = self.anonymous.iter().peekable();
        let mut add = |id: Id, attributes: Attributes, heard: &mut dyn Iterator<Item = &Once>| {
            let heard: Vec<&Once> = heard.collect();
            let themes = counted(heard.iter().copied());
            let mut places: Vec<Ward> = heard.iter().filter_map(|once| Some(wards[once.ward? as usize])).collect();
            places.sort_unstable();
            places.dedup();
            facts.push(Fact { id, attributes, amount: heard.len() as u64, themes: &themes, wards: &places });
        };
        for same in self.known.chunk_by(|one, next| one.0 == next.0) {
            let (id, attributes) = people[same[0].0 as usize];
            while let Some((before, once)) = anonymous.next_if(|(before, _)| *before < id) {
                add(*before, Attributes::UNKNOWN, &mut std::iter::once(once));
            }
            add(id, attributes, &mut same.iter().map(|(_, once)| once));
        }
        for (id, once) in anonymous {
            add(*id, Attributes::UNKNOWN, &mut std::iter::once(once));
        }
        facts.shrink();
        facts
    }
}

/// How many listenings have which theme.
fn counted<'a>(heard: impl Iterator<Item = &'a Once>) -> Vec<(Theme, u32)> {
    let mut times = [0; Theme::ALL.len()];
    for once in heard {
        for (theme, times) in times.iter_mut().enumerate() {
            *times += u32::from(once.themes >> theme & 1);
        }
    }
    Theme::ALL.into_iter().zip(times).filter(|(_, times)| *times > 0).collect()
}

/// The wards that were met, each once.
#[derive(Default)]
struct Wards(Vec<Ward>, Index<Ward, u32>);

impl Wards {
    fn place(&mut self, text: &str) -> Option<u32> {
        let ward = Ward::from_code(text)?;
        if let Some(known) = self.1.get(&ward) {
            return Some(*known);
        }
        let place = u32::try_from(self.0.len()).ok()?;
        self.0.push(ward);
        self.1.insert(ward, place);
        Some(place)
    }
}

fn themes(text: &str) -> u16 {
    let named = text.split(';').filter(|theme| !theme.trim().is_empty());
    named.map(|theme| 1_u16 << Theme::of(theme) as u32).fold(0, |one, other| one | other)
}

fn text<'a>(row: &'a Row<'_>, column: usize) -> Result<&'a str, StoreError> {
    row.get_ref(column)?.as_str().map_err(|_| StoreError::inconsistent("a listening"))
}

fn quarter(row: &Row<'_>, column: usize) -> Result<i32, StoreError> {
    let day = row.get_ref(column)?.as_str().ok().and_then(parse_date);
    day.map(|day| Quarter::of(day).index()).ok_or_else(|| StoreError::inconsistent("a record's day"))
}

fn attributes(row: &Row<'_>) -> Result<Attributes, StoreError> {
    fn word<T>(row: &Row<'_>, column: usize, read: impl Fn(&str) -> Option<T>) -> Result<T, StoreError> {
        let read = row.get_ref(column)?.as_str().ok().and_then(read);
        read.ok_or_else(|| StoreError::inconsistent("a person's categories"))
    }
    Ok(Attributes {
        birth_year: row.get(1)?,
        gender: word(row, 2, Gender::from_code)?,
        ethnicity: word(row, 3, Ethnicity::from_code)?,
        disability: word(row, 4, Disability::from_code)?,
    })
}
