//! Draws one hub's records.

use super::{
    Action, Assurance, Attendance, Campaign, Funding, GENDERS, Hub, Listening, Participation, Person, Project, Session,
    Size,
};
use crate::chance::Chance;
use crate::day::Day;

const PLACES: [&str; 12] = [
    "Aldermoor",
    "Caer Fôn",
    "Saltmarsh Row",
    "St Ælfric's",
    "Eastfold & Quay",
    "Brook End",
    "Penrhŷn",
    "Dunlin Bay",
    "Kilbrannan",
    "Fell Side",
    "Nether Wick",
    "Oldcastle-on-the-Hill",
];
const FIRST: [&str; 14] = [
    "Ada",
    "Błażej",
    "Chiamaka",
    "Deirdre",
    "Éloïse",
    "Fikret",
    "Guðrún",
    "Hana",
    "Ìdòwú",
    "小梅",
    "Юлия",
    "Noor",
    "Øystein",
    "மலர்",
];
const LAST: [&str; 12] = [
    "Ashdown",
    "O'Dowd",
    "Strand, the younger",
    "Brzęczyszczykiewicz",
    "Mac \"Mack\" Aodha",
    "de la Cruz",
    "Þórsdóttir",
    "Nkemelu",
    "Rao",
    "Weaver-Hall",
    "Š",
    "Ferreira",
];
const REMARKS: [&str; 6] = [
    "",
    "Heard on the stairs; said \"again\", twice.",
    "first line\nsecond line, with a comma",
    "Ünïcödé — ½ of it, and 🌱",
    "  spaces at both ends are not kept  ",
    "=SUM(A1)",
];
const MODES: [&str; 5] = ["door", "one-to-one", "street", "online", "group"];
const ETHNICITIES: [&str; 7] = ["asian", "black", "mixed", "white", "other", "prefer-not-to-say", ""];
const DISABILITIES: [&str; 4] = ["yes", "no", "prefer-not-to-say", ""];
/// Days on which a count goes wrong easily: ends of quarters, of years, of the programme, and a leap day.
const EDGES: [Day; 12] = [
    Day::new(2018, 3, 31),
    Day::new(2018, 4, 1),
    Day::new(2018, 6, 30),
    Day::new(2018, 7, 1),
    Day::new(2018, 12, 31),
    Day::new(2019, 1, 1),
    Day::new(2019, 3, 31),
    Day::new(2019, 4, 1),
    Day::new(2020, 2, 29),
    Day::new(2020, 3, 31),
    Day::new(2020, 4, 1),
    Day::new(2019, 9, 30),
];

/// How many of each there are.
struct Numbers {
    people: usize,
    trainers: usize,
    sessions: usize,
    listenings: usize,
    actions: usize,
    projects: usize,
    funding: usize,
}

impl Numbers {
    fn of(size: Size) -> Self {
        match size {
            Size::Tiny => {
                Self { people: 9, trainers: 1, sessions: 3, listenings: 8, actions: 2, projects: 1, funding: 2 }
            }
            Size::Middling => {
                Self { people: 60, trainers: 2, sessions: 9, listenings: 70, actions: 7, projects: 5, funding: 8 }
            }
            Size::Large => Self {
                people: 700,
                trainers: 4,
                sessions: 60,
                listenings: 1_500,
                actions: 60,
                projects: 20,
                funding: 30,
            },
            Size::ListensOnly => {
                Self { people: 40, trainers: 1, sessions: 0, listenings: 120, actions: 0, projects: 2, funding: 3 }
            }
        }
    }
}

fn day(chance: &mut Chance) -> Day {
    if chance.one_in(6) {
        return chance.pick(&EDGES);
    }
    // From April 2018 to March 2020, never past the 28th: the ends of months are among the edges.
    let month = 3 + u32::try_from(chance.below(24)).expect("a small number");
    Day::new(
        2018 + i32::try_from(month / 12).expect("a small number"),
        month % 12 + 1,
        1 + u32::try_from(chance.below(28)).expect("a small number"),
    )
}

fn person(chance: &mut Chance, reference: String) -> Person {
    let name = format!("{} {}", chance.pick(&FIRST), chance.pick(&LAST));
    let birth_year = match chance.below(5) {
        0 => None,
        // Around the edge of "young": 25 in the year of some of the sessions.
        1 => Some(1992 + i32::try_from(chance.below(6)).expect("a small number")),
        2 => Some(1998 + i32::try_from(chance.below(12)).expect("a small number")),
        _ => Some(1931 + i32::try_from(chance.below(65)).expect("a small number")),
    };
    Person {
        name,
        email: if chance.one_in(2) { format!("{reference}@inbox.example") } else { String::new() },
        phone: if chance.one_in(2) { format!("07700 900 {:03}", chance.below(1000)) } else { String::new() },
        postcode: format!("ZZ{} {}ZZ", chance.between(1, 99), chance.below(10)),
        birth_year,
        // Women and men are many, the others few, so that some breakdowns hide one cell and some several.
        gender: chance.pick(&[0, 0, 0, 0, 1, 1, 1, 2, 3, 4, 4]) % GENDERS.len(),
        ethnicity: chance.pick(&ETHNICITIES),
        disability: chance.pick(&DISABILITIES),
        consent: chance.one_in(2),
        reference,
    }
}

/// Draws the hub at place `at` of a programme.
pub(super) fn hub(seed: u64, at: usize, size: Size) -> Hub {
    let mut chance = Chance::new(seed.wrapping_mul(1_000_003).wrapping_add(at as u64));
    let numbers = Numbers::of(size);
    let round = at / PLACES.len();
    let place = PLACES[at % PLACES.len()];
    let mut hub =
        Hub { name: if round == 0 { place.to_owned() } else { format!("{place} {}", round + 1) }, ..Hub::default() };
    for number in 0..numbers.people {
        hub.people.push(person(&mut chance, format!("p/{number}")));
    }
    hub.trainers = assurances(&mut chance, &hub.people[..numbers.trainers]);
    train(&mut chance, &mut hub, &numbers, size);
    listen(&mut chance, &mut hub, &numbers);
    act(&mut chance, &mut hub, &numbers);
    for number in 0..numbers.projects {
        let title = format!("Project {number}, \"{}\"", chance.pick(&PLACES));
        hub.projects.push(Project { reference: format!("pr{number}"), started: day(&mut chance), title });
    }
    for number in 0..numbers.funding {
        let source = chance.pick(&["Parish", "A trust, local", "Collection\nat the fair"]).to_owned();
        let pence = chance.between(1, 2_500_000) as u64;
        hub.funding.push(Funding { reference: format!("£{number}"), date: day(&mut chance), source, pence });
    }
    hub
}

fn assurances(chance: &mut Chance, trainers: &[Person]) -> Vec<Assurance> {
    let mut rows = Vec::new();
    for trainer in trainers {
        let from = day(chance);
        // Some run out on the very day on which a period ends: from that day on they no longer count.
        let until = if chance.one_in(3) { Day::new(2020, 3, 31) } else { Day::new(from.year + 3, from.month, 1) };
        if from < until {
            rows.push(Assurance { person: trainer.reference.clone(), from, until });
        }
        if chance.one_in(4) {
            // Assured twice, overlapping: still one trainer.
            rows.push(Assurance {
                person: trainer.reference.clone(),
                from: Day::new(2016, 5, 1),
                until: Day::new(2030, 5, 1),
            });
        }
    }
    rows
}

fn train(chance: &mut Chance, hub: &mut Hub, numbers: &Numbers, size: Size) {
    for number in 0..numbers.sessions {
        let course = chance.pick(&["beginnings", "power", "one-to-ones"]).to_owned();
        hub.sessions.push(Session {
            reference: format!("s{number}"),
            date: day(chance),
            title: format!("{course}: evening {number}"),
            course,
            mode: chance.pick(&["classroom", "online", "self-directed"]),
            minutes: chance.between(30, 420) as u64,
            trainer: chance.one_of(&hub.people).reference.clone(),
        });
    }
    // The last session has nobody: it is a session held, and no event of people.
    let with_people = hub.sessions.len().saturating_sub(1);
    let per_session = match size {
        Size::Tiny => 2,
        Size::Middling => 7,
        Size::Large => 40,
        Size::ListensOnly => 0,
    };
    for session in 0..with_people {
        let mut people: Vec<usize> = (0..hub.people.len()).collect();
        chance.shuffle(&mut people);
        people.truncate(per_session);
        for (place, person) in people.into_iter().enumerate() {
            // The first of each session completes it, so that "left" alone never decides whether there were people.
            let completed = place == 0 || !chance.one_in(9);
            hub.attendances.push(Attendance {
                session: hub.sessions[session].reference.clone(),
                person: hub.people[person].reference.clone(),
                completed,
            });
        }
    }
}

fn listen(chance: &mut Chance, hub: &mut Hub, numbers: &Numbers) {
    for number in 0..4 {
        let opened = day(chance);
        hub.campaigns.push(Campaign {
            reference: format!("lc-{number}"),
            title: format!("What {} \"wants\"", chance.pick(&PLACES)),
            kind: chance.pick(&["place", "organisation", "interest"]),
            opened,
            closed: (number > 0).then(|| Day::new(opened.year + 1, opened.month, 1)),
            reported_back: (number > 1).then(|| day(chance)),
        });
    }
    for number in 0..numbers.listenings {
        let known = chance.one_in(3);
        hub.listenings.push(Listening {
            reference: format!("l-{number}"),
            date: day(chance),
            organiser: hub.people[0].reference.clone(),
            person: known.then(|| chance.one_of(&hub.people).reference.clone()),
            campaign: chance.one_of(&hub.campaigns).reference.clone(),
            mode: chance.pick(&MODES),
            // Few, so that people of several hubs are heard in one.
            ward: format!("E05{:06}", chance.below(1_000_000) % 4),
            themes: chance.pick(&["", "buses", "buses;damp", "hope"]).to_owned(),
            kind: chance.pick(&["concern", "vision"]),
            repeat: chance.one_in(8),
            note: (chance.pick(&REMARKS)).to_owned(),
        });
    }
}

fn act(chance: &mut Chance, hub: &mut Hub, numbers: &Numbers) {
    for number in 0..numbers.actions {
        hub.actions.push(Action {
            reference: format!("a{number}"),
            date: day(chance),
            title: chance.pick(&["Walk to the hall", "Petition, 400 names", "Tea\nand talk"]).to_owned(),
            kind: chance.pick(&["meeting", "event", "petition", "service", "deputation"]),
            leader: chance.one_of(&hub.people).reference.clone(),
        });
    }
    let with_people = hub.actions.len().saturating_sub(1);
    for action in 0..with_people {
        let mut people: Vec<usize> = (0..hub.people.len()).collect();
        chance.shuffle(&mut people);
        people.truncate(1 + chance.below(hub.people.len().min(30)));
        for person in people {
            hub.participations.push(Participation {
                action: hub.actions[action].reference.clone(),
                person: hub.people[person].reference.clone(),
            });
        }
    }
}
