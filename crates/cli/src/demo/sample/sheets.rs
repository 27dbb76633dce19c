//! The rows of each file, in the order of its columns. Person 1 to 3 are organisers; 1 and 2 are trainers too.

use folkmoot_domain::import::File;

use super::draw::Draw;
use super::{Dates, GENDERS, Hub};

type Row = Vec<String>;

const FIRST_NAMES: [&str; 24] = [
    "Ama", "Bryony", "Callum", "Dilys", "Edwin", "Farida", "Gareth", "Hana", "Imran", "Joan", "Kofi", "Leila", "Marek",
    "Nadia", "Owen", "Priya", "Quentin", "Rosa", "Sefu", "Tamsin", "Usha", "Violet", "Winston", "Yusuf",
];
const LAST_NAMES: [&str; 20] = [
    "Ashdale", "Birchall", "Coldwell", "Dunmore", "Elmhurst", "Fernley", "Greaves", "Hollin", "Ironside", "Juniper",
    "Kestrel", "Larkin", "Mossley", "Nettle", "Oakden", "Pebble", "Quarrie", "Rowan", "Sedge", "Thistle",
];
const COURSES: [(&str, &str); 5] = [
    ("introduction", "An introduction to organising"),
    ("listening", "Listening, and what to do with it"),
    ("power", "Who decides? Mapping power"),
    ("action", "From an issue to an action"),
    ("leading", "Leading a team of volunteers"),
];
const THEMES: [&str; 7] = ["housing;damp", "buses", "loneliness", "green space", "debt;energy", "safety", "buses;work"];
const NOTES: [&str; 5] = [
    "",
    "",
    "The lift is out again, for the third time",
    "Would come to a meeting on a weekday",
    "Said: \"enough talk\"",
];
const ACTIONS: [(&str, &str); 5] = [
    ("meeting", "Meeting with the landlord"),
    ("petition", "Petition for the evening bus"),
    ("event", "Street party, all welcome"),
    ("deputation", "Deputation to the council"),
    ("service", "Repair café"),
];
const PROJECTS: [&str; 5] =
    ["A shared garden", "A warm hall", "A tenants' newsletter", "A lending shelf", "A walking group"];
const SOURCES: [&str; 4] = ["An invented trust", "Invented lottery fund", "Invented parish council", "Raffle, and tea"];

/// The rows that can be taken.
pub(super) fn rows(hub: &Hub, file: File) -> Vec<Row> {
    // A seed of its own for each file, so that a change in one leaves the others as they were.
    let mut draw = Draw::new(hub.seed << 32 | file as u64);
    match file {
        File::People => people(hub, &mut draw),
        File::Trainers => (1..=2)
            .map(|number| row([&person(number), &day(hub, number, 12), &hub.dates.write(2021, 6, number)]))
            .collect(),
        File::Sessions => (1..=hub.sessions).map(|number| session(hub, number, &mut draw)).collect(),
        File::Attendances => attendances(hub, &mut draw),
        File::ListeningCampaigns => (1..=hub.campaigns).map(|number| listening_campaign(hub, number)).collect(),
        File::Listenings => listenings(hub, &mut draw),
        File::Actions => (1..=hub.actions)
            .map(|number| {
                let (kind, title) = ACTIONS[number as usize % ACTIONS.len()];
                let led_by = if draw.percent(70) { person(draw.between(1, 3)) } else { String::new() };
                row([&format!("A-{number}"), &day(hub, number * 4, draw.between(1, 28)), title, kind, &led_by])
            })
            .collect(),
        File::Participations => participations(hub, &mut draw),
        File::Projects => (1..=hub.projects)
            .map(|number| {
                let title = PROJECTS[number as usize % PROJECTS.len()];
                row([&format!("J-{number}"), &day(hub, number * 5, draw.between(1, 28)), title])
            })
            .collect(),
        File::Funding => (1..=hub.funding)
            .map(|number| {
                let (pounds, pence) = (draw.between(120, 4_800), draw.pick(&[0, 0, 50, 75]));
                let amount = hub.dates.amount(pounds, pence);
                let source = draw.pick(&SOURCES);
                row([&format!("F-{number}"), &day(hub, number * 5, draw.between(1, 28)), source, &amount])
            })
            .collect(),
    }
}

/// Rows as people get them wrong, each to be refused for what is wrong in it; nothing else points at them.
pub(super) fn bad_rows(hub: &Hub, file: File) -> Vec<Row> {
    let next = person(hub.people() + 1);
    match file {
        File::People => vec![row([&next, "Invented Person", "", "", "", "sixty-one", "female", "", "", "maybe"])],
        File::Sessions => vec![row(["S-90", "31/02/2018", "introduction", "A day too many", "classroom", "90", ""])],
        // Neither of them is in the sheets.
        File::Attendances => vec![row(["S-1", &next, "completed"]), row(["S-91", &person(5), "completed"])],
        File::Listenings => {
            vec![row(["L-900", "", &person(1), "", "", "telephone", "", "buses", "concern", "no", ""])]
        }
        File::Funding => vec![row(["F-90", "01/05/2018", "An invented trust", "about 500"])],
        File::Trainers | File::ListeningCampaigns | File::Actions | File::Participations | File::Projects => Vec::new(),
    }
}

fn people(hub: &Hub, draw: &mut Draw) -> Vec<Row> {
    let parts = hub.trained.iter().zip(GENDERS);
    let trained: Vec<&str> = parts.flat_map(|(many, gender)| (0..*many).map(move |_| gender)).collect();
    // The young are drawn from all parts alike.
    let trained = draw.some(hub.people(), &trained);
    let mut rows = Vec::new();
    for number in 1..=hub.people() {
        let after_others = number.checked_sub(hub.others + 1);
        let gender = match after_others {
            Some(place) => trained[place as usize],
            None => draw.pick(&["woman", "man", "woman"]),
        };
        let young = after_others.is_some_and(|place| place < hub.young);
        let born = match (young, draw.percent(90)) {
            (true, _) => draw.between(1998, 2002).to_string(),
            (false, true) => draw.between(1938, 1989).to_string(),
            (false, false) => String::new(),
        };
        let (first, last) = (draw.pick(&FIRST_NAMES), draw.pick(&LAST_NAMES));
        let email = match draw.percent(60) {
            true => format!("{}.{number}@example.org", first.to_lowercase()),
            false => String::new(),
        };
        // Numbers and a postcode area that are given to nobody.
        let phone = if draw.percent(40) { format!("01632 960{:03}", number) } else { String::new() };
        let postcode = format!("ZZ{} {}AB", draw.between(1, 9), draw.between(1, 9));
        let ethnicity = draw.pick(&["white", "white", "asian", "black", "mixed", "other", "prefer-not-to-say", ""]);
        let disability = draw.pick(&["no", "no", "no", "yes", "prefer-not-to-say", ""]);
        let consent = draw.pick(&["yes", "yes", "no", ""]);
        let name = format!("{first} {last}");
        let fields = [&person(number), &name, &email, &phone, &postcode, &born, gender, ethnicity, disability, consent];
        rows.push(row(fields));
    }
    rows
}

fn session(hub: &Hub, number: u32, draw: &mut Draw) -> Row {
    let (course, title) = COURSES[number as usize % COURSES.len()];
    let mode = draw.pick(&["classroom", "classroom", "classroom", "online"]);
    let minutes = draw.pick(&["60", "90", "120", "180"]);
    let date = day(hub, number * 2, draw.between(1, 28));
    row([&format!("S-{number}"), &date, course, title, mode, minutes, &person(draw.between(1, 2))])
}

/// Everybody who is trained completed at least one session; some left another.
fn attendances(hub: &Hub, draw: &mut Draw) -> Vec<Row> {
    let sessions: Vec<u32> = (1..=hub.sessions).collect();
    let mut rows = Vec::new();
    for number in hub.others + 1..=hub.people() {
        let many = draw.between(1, 3);
        for (place, session) in draw.some(many, &sessions).into_iter().enumerate() {
            let outcome = if place > 0 && draw.percent(15) { "left" } else { "completed" };
            rows.push(row([&format!("S-{session}"), &person(number), outcome]));
        }
    }
    rows
}

fn listening_campaign(hub: &Hub, number: u32) -> Row {
    let (title, kind) = [
        ("The streets behind the station", "place"),
        ("Parents at the school gate", "interest"),
        ("The housing association's tenants", "organisation"),
        ("The market and its traders", "place"),
    ][(number as usize - 1) % 4];
    // The last one is still open.
    let last = number == hub.campaigns && number > 1;
    let (closed, reported) = match last {
        true => (String::new(), String::new()),
        false => (day(hub, number * 6 + 3, 20), day(hub, number * 6 + 4, 11)),
    };
    row([&format!("C-{number}"), title, kind, &day(hub, number * 6, 2), &closed, &reported])
}

fn listenings(hub: &Hub, draw: &mut Draw) -> Vec<Row> {
    let people: Vec<u32> = (4..=hub.people()).collect();
    let (known, unknown) = hub.heard;
    let mut heard = Vec::new();
    for number in draw.some(known, &people) {
        for _ in 0..draw.between(1, 3) {
            heard.push((person(number), "no"));
        }
    }
    for _ in 0..unknown {
        heard.push((String::new(), "no"));
        if draw.percent(20) {
            heard.push((String::new(), "yes"));
        }
    }
    let mut rows = Vec::new();
    for (number, (somebody, repeat)) in (1..).zip(heard) {
        let campaign = if draw.percent(80) { format!("C-{}", draw.between(1, hub.campaigns)) } else { String::new() };
        let mode = draw.pick(&["door", "door", "street", "one-to-one", "group", "online"]);
        let (themes, note) = (draw.pick(&THEMES), draw.pick(&NOTES));
        let kind = draw.pick(&["concern", "concern", "vision"]);
        let date = day(hub, draw.between(2, 33), draw.between(1, 28));
        let organiser = person(draw.between(1, 3));
        let reference = format!("L-{number}");
        let fields = [&reference, &date, &organiser, &somebody, &campaign, mode, "", themes, kind, repeat, note];
        rows.push(row(fields));
    }
    rows
}

fn participations(hub: &Hub, draw: &mut Draw) -> Vec<Row> {
    let people: Vec<u32> = (1..=hub.people()).collect();
    let actions: Vec<u32> = (1..=hub.actions).collect();
    let mut rows = Vec::new();
    for number in draw.some(hub.mobilised, &people) {
        let many = draw.between(1, 2);
        for action in draw.some(many, &actions) {
            rows.push(row([&format!("A-{action}"), &person(number)]));
        }
    }
    rows
}

fn row<const N: usize>(fields: [&str; N]) -> Row {
    fields.map(str::to_owned).to_vec()
}

fn person(number: u32) -> String {
    format!("P-{number}")
}

/// A day of the programme: months are counted from April 2017 on, and stop with its last.
fn day(hub: &Hub, month: u32, day: u32) -> String {
    let month = month.min(35) + 3;
    hub.dates.write(2017 + month / 12, month % 12 + 1, day)
}

impl Dates {
    fn write(&self, year: u32, month: u32, day: u32) -> String {
        match self {
            Dates::Iso => format!("{year}-{month:02}-{day:02}"),
            Dates::British => format!("{day:02}/{month:02}/{year}"),
        }
    }

    fn amount(&self, pounds: u32, pence: u32) -> String {
        match (self, pounds) {
            (Dates::British, 1_000..) => format!("£{},{:03}.{pence:02}", pounds / 1_000, pounds % 1_000),
            (Dates::British, _) => format!("£{pounds}.{pence:02}"),
            (Dates::Iso, _) => format!("{pounds}.{pence:02}"),
        }
    }
}
