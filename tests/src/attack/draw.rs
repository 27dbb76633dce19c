//! Hubs drawn from a seed.

use folkmoot_domain::indicator::{Category, Dimension, Ward};

use super::facts::{Facts, Family, Person, category};
use crate::chance::Chance;

/// How a hub is drawn.
#[derive(Clone, Debug)]
pub struct Shape {
    /// Its first quarter, by number.
    pub first: i32,
    /// Its last.
    pub last: i32,
    /// How many people there are.
    pub people: usize,
    /// How many of a hundred are in the first category of each dimension; the others share the rest unevenly.
    pub concentration: usize,
    /// One in so many people is present in a quarter, per family; 0: nobody ever is.
    pub one_in: [usize; 3],
    /// How many wards there are.
    pub wards: usize,
}

/// Draws the facts of a hub.
pub fn facts(chance: &mut Chance, shape: &Shape) -> Facts {
    let mut facts = Facts::default();
    for _ in 0..shape.people {
        facts.people.push(person(chance, shape));
    }
    let wards: Vec<Category> = (0..shape.wards).map(ward).collect();
    for quarter in shape.first..=shape.last {
        for (family, one_in) in Family::ALL.into_iter().zip(shape.one_in) {
            if one_in == 0 {
                continue;
            }
            // Quarters differ: some are idle.
            let one_in = one_in * chance.pick(&[1, 1, 1, 2, 3, 40]);
            for person in 0..shape.people {
                if chance.one_in(one_in) {
                    attend(chance, &mut facts, (family, quarter, person), &wards);
                }
            }
            if chance.one_in(6) {
                facts.for_nothing.insert((family, quarter));
            }
        }
    }
    facts
}

/// One person's presence, with what belongs to it.
pub fn attend(
    chance: &mut Chance,
    facts: &mut Facts,
    (family, quarter, person): (Family, i32, usize),
    wards: &[Category],
) {
    let times = chance.pick(&[1, 1, 1, 2, 3]);
    let amount = match family {
        Family::Training => times * chance.pick(&[30, 60, 90, 120, 1_000]),
        Family::Listening | Family::Action => times,
    };
    let themes: Vec<(Category, u64)> = Dimension::Theme
        .categories()
        .iter()
        .map(|theme| (*theme, chance.below(8) as u64))
        .filter(|(_, drawn)| *drawn > 0 && *drawn <= times && family == Family::Listening)
        .collect();
    let place = (family == Family::Listening && !wards.is_empty()).then(|| chance.pick(wards));
    let presence = facts.add(family, quarter, person, amount);
    for (theme, amount) in themes {
        *presence.themes.entry(theme).or_default() += amount;
    }
    presence.wards.extend(place);
}

/// One person.
pub fn person(chance: &mut Chance, shape: &Shape) -> Person {
    let mut of = |dimension: Dimension| {
        let many = dimension.categories().len();
        if chance.below(100) < shape.concentration {
            return category(dimension, chance.below(2.min(many)));
        }
        // The smaller of two draws: later categories are rarer.
        category(dimension, chance.below(many).min(chance.below(many)))
    };
    let (gender, ethnicity, disability) = (of(Dimension::Gender), of(Dimension::Ethnicity), of(Dimension::Disability));
    let born = (!chance.one_in(12)).then(|| shape.first.div_euclid(4) - chance.between(14, 75) as i32);
    Person { born, gender, ethnicity, disability }
}

/// The `number`th ward.
///
/// # Panics
/// Past a million.
pub fn ward(number: usize) -> Category {
    Category::Ward(Ward::from_code(&format!("E05{number:06}")).expect("a code"))
}
