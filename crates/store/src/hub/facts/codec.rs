//! Facts as bytes, to be kept. Words of vocabularies are written as such, once, so that the order in which a later
//! version lists them does not matter. An id is written without what it shares with the one before.

use folkmoot_domain::indicator::{Theme, Ward};
use folkmoot_domain::record::{Disability, Ethnicity, Gender};

use super::{Attributes, Fact, Facts, Id};
use crate::error::StoreError;

const VERSION: u8 = 1;

/// Birth years are written by how far they are from this one.
const MIDDLE_YEAR: i64 = 1980;

impl Facts {
    /// The facts as bytes.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut wards: Vec<Ward> = self.wards.clone();
        wards.sort_unstable();
        wards.dedup();
        let mut out = Out(Vec::with_capacity(16 * self.people.len() + 1_024));
        out.0.push(VERSION);
        out.words(Gender::ALL.iter().map(|word| word.code()));
        out.words(Ethnicity::ALL.iter().map(|word| word.code()));
        out.words(Disability::ALL.iter().map(|word| word.code()));
        out.words(Theme::ALL.iter().map(|word| word.code()));
        out.words(wards.iter().map(Ward::code));
        out.number(self.events);
        out.number(self.repeats.amount);
        out.number(self.repeats.themes.len() as u64);
        for (theme, amount) in &self.repeats.themes {
            out.place(*theme as usize);
            out.number(*amount);
        }
        out.number(self.people.len() as u64);
        let mut before: Id = [0; 16];
        for fact in self.iter() {
            let shared = before.iter().zip(&fact.id).take_while(|(one, other)| one == other).count();
            out.place(shared);
            out.0.extend_from_slice(&fact.id[shared..]);
            before = fact.id;
            out.number(fact.attributes.birth_year.map_or(0, |year| zigzag(i64::from(year) - MIDDLE_YEAR) + 1));
            out.place(fact.attributes.gender as usize);
            out.place(fact.attributes.ethnicity as usize * Disability::ALL.len() + fact.attributes.disability as usize);
            out.number(fact.amount);
            // Both lists are nearly always short; one byte says how long they are.
            let lengths = fact.themes.len() as u64 * 4 + (fact.wards.len() as u64).min(3);
            out.number(lengths);
            if fact.wards.len() >= 3 {
                out.number(fact.wards.len() as u64);
            }
            for (theme, amount) in fact.themes {
                out.place(*theme as usize);
                out.number(u64::from(*amount));
            }
            for ward in fact.wards {
                out.place(wards.binary_search(ward).unwrap_or(wards.len()));
            }
        }
        out.0.shrink_to_fit();
        out.0
    }

    /// The facts of bytes that were kept.
    pub(crate) fn decode(bytes: &[u8]) -> Result<Facts, StoreError> {
        let mut rest = In(bytes);
        rest.facts().filter(|_| rest.0.is_empty()).ok_or_else(|| StoreError::inconsistent("the facts of a release"))
    }
}

fn zigzag(number: i64) -> u64 {
    ((number << 1) ^ (number >> 63)) as u64
}

fn unzigzag(number: u64) -> Option<i64> {
    let number = i64::try_from(number).ok()?;
    Some((number >> 1) ^ -(number & 1))
}

struct Out(Vec<u8>);

impl Out {
    fn number(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.0.push(number as u8 | 0x80);
            number >>= 7;
        }
        self.0.push(number as u8);
    }

    fn place(&mut self, place: usize) {
        self.number(place as u64);
    }

    fn words<'a>(&mut self, words: impl ExactSizeIterator<Item = &'a str>) {
        self.place(words.len());
        for word in words {
            self.place(word.len());
            self.0.extend_from_slice(word.as_bytes());
        }
    }
}

struct In<'a>(&'a [u8]);

impl<'a> In<'a> {
    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    fn bytes(&mut self, length: usize) -> Option<&'a [u8]> {
        let (bytes, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(bytes)
    }

    fn number(&mut self) -> Option<u64> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Some(number);
            }
        }
        None
    }

    fn place(&mut self) -> Option<usize> {
        usize::try_from(self.number()?).ok()
    }

    /// How many of something follow, each of which takes a byte or more.
    fn length(&mut self) -> Option<usize> {
        self.place().filter(|length| *length <= self.0.len())
    }

    fn words<T>(&mut self, read: impl Fn(&str) -> Option<T>) -> Option<Vec<T>> {
        let count = self.length()?;
        let word = |this: &mut Self| {
            let length = this.length()?;
            std::str::from_utf8(this.bytes(length)?).ok().and_then(&read)
        };
        (0..count).map(|_| word(self)).collect()
    }

    fn facts(&mut self) -> Option<Facts> {
        if self.byte()? != VERSION {
            return None;
        }
        let genders = self.words(Gender::from_code)?;
        let ethnicities = self.words(Ethnicity::from_code)?;
        let disabilities = self.words(Disability::from_code)?;
        let themes = self.words(|code| Some(Theme::of(code)))?;
        let wards = self.words(Ward::from_code)?;
        let mut facts = Facts { events: self.number()?, ..Facts::default() };
        facts.repeats.amount = self.number()?;
        for _ in 0..self.length()? {
            facts.repeats.themes.push((*themes.get(self.place()?)?, self.number()?));
        }
        let count = self.length()?;
        facts.people.reserve_exact(count);
        let mut id: Id = [0; 16];
        let (mut own_themes, mut own_wards) = (Vec::new(), Vec::new());
        for person in 0..count {
            let before = id;
            let shared = self.place().filter(|shared| *shared < id.len())?;
            id[shared..].copy_from_slice(self.bytes(before.len() - shared)?);
            if person > 0 && id <= before {
                return None;
            }
            let birth_year = match self.number()?.checked_sub(1) {
                None => None,
                Some(distance) => Some(i16::try_from(unzigzag(distance)?.checked_add(MIDDLE_YEAR)?).ok()?),
            };
            let gender = *genders.get(self.place()?)?;
            let pair = self.place()?;
            let attributes = Attributes {
                birth_year,
                gender,
                ethnicity: *ethnicities.get(pair.checked_div(disabilities.len())?)?,
                disability: *disabilities.get(pair.checked_rem(disabilities.len())?)?,
            };
            let amount = self.number()?;
            let lengths = self.place()?;
            let wards_here = if lengths % 4 == 3 { self.length()? } else { lengths % 4 };
            own_themes.clear();
            for _ in 0..lengths / 4 {
                own_themes.push((*themes.get(self.place()?)?, u32::try_from(self.number()?).ok()?));
            }
            own_wards.clear();
            for _ in 0..wards_here {
                own_wards.push(*wards.get(self.place()?)?);
            }
            facts.push(Fact { id, attributes, amount, themes: &own_themes, wards: &own_wards });
        }
        facts.shrink();
        Some(facts)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::hub::facts::Repeats;

    fn facts() -> impl Strategy<Value = Facts> {
        let attributes = (proptest::option::of(1850..2200_i16), 0..5_usize, 0..7_usize, 0..4_usize);
        let themes = || proptest::collection::btree_map(0..Theme::ALL.len(), any::<u32>(), 0..Theme::ALL.len());
        let wards = proptest::collection::btree_set(5_000_000..5_000_040_u32, 0..6);
        let person = (attributes, 1..u64::MAX, themes(), wards);
        let people = proptest::collection::btree_map(any::<[u8; 16]>(), person, 0..40);
        (people, any::<u64>(), any::<u64>(), themes()).prop_map(|(people, events, amount, repeated)| {
            let repeated = repeated.into_iter().map(|(theme, times)| (Theme::ALL[theme], u64::from(times)));
            let repeats = Repeats { amount, themes: repeated.collect() };
            let mut facts = Facts { events, repeats, ..Facts::default() };
            for (id, ((birth_year, gender, ethnicity, disability), amount, themes, wards)) in people {
                let attributes = Attributes {
                    birth_year,
                    gender: Gender::ALL[gender],
                    ethnicity: Ethnicity::ALL[ethnicity],
                    disability: Disability::ALL[disability],
                };
                let themes: Vec<_> = themes.into_iter().map(|(theme, times)| (Theme::ALL[theme], times)).collect();
                let wards: Vec<_> = wards.iter().map(|ward| Ward::from_code(&format!("E0{ward}")).unwrap()).collect();
                facts.push(Fact { id, attributes, amount, themes: &themes, wards: &wards });
            }
            facts
        })
    }

    proptest! {
        #[test]
        fn what_is_kept_reads_back(facts in facts()) {
            let bytes = facts.encode();
            assert!(Facts::decode(&bytes).unwrap() == facts);
            for end in (0..bytes.len()).step_by(61) {
                assert!(Facts::decode(&bytes[..end]).is_err());
            }
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = Facts::decode(&[&[VERSION], bytes.as_slice()].concat());
        }
    }

    #[test]
    fn a_city_takes_little_room() {
        let mut facts = Facts::default();
        for person in 0..100_000_u128 {
            // Of one import, which writes thousands in one millisecond: the rest of an id is random.
            let random = person.wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835) & ((1 << 62) - 1);
            let id = ((person / 4_000) << 80 | 0x7 << 76 | (person << 40) & (0xfff << 64) | 0x2 << 62 | random)
                .to_be_bytes();
            let attributes = Attributes { birth_year: Some(1950 + (person % 60) as i16), ..Attributes::UNKNOWN };
            let themes = [(Theme::Damp, 1), (Theme::Jobs, 1)];
            let ward = Ward::from_code(&format!("E05{:06}", person % 30)).unwrap();
            if facts.people.last().is_none_or(|last| last.id < id) {
                facts.push(Fact { id, attributes, amount: 1, themes: &themes, wards: &[ward] });
            }
        }
        let most = 24 * facts.people.len() + 1_024;
        assert!(facts.encode().len() < most, "{} bytes", facts.encode().len());
    }
}
