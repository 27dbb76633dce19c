//! After any imports, corrections and imports anew, in any batches, with programmes registered at any time, the figures
//! are those of a recount from the rows that stand. The recount knows nothing of the code that it checks.

use std::collections::{BTreeMap, BTreeSet};

use folkmoot_disclosure::Observations;
use folkmoot_domain::calendar::Period;
use folkmoot_domain::import::File;
use proptest::prelude::*;

use super::*;

/// The latest accepted row of each key.
type Rows = BTreeMap<File, BTreeMap<Vec<String>, Vec<String>>>;

const QUARTER_STARTS: [&str; 4] = ["01-01", "04-01", "07-01", "10-01"];
const QUARTER_ENDS: [&str; 4] = ["03-31", "06-30", "09-30", "12-31"];

/// Every period that a generated date can lie in, with its days; the programmes last.
fn periods() -> Vec<(String, String, String)> {
    let mut periods = Vec::new();
    for year in 2016..=2019 {
        for quarter in 0..4 {
            let (start, end) = (QUARTER_STARTS[quarter], QUARTER_ENDS[quarter]);
            periods.push((format!("{year}-Q{}", quarter + 1), format!("{year}-{start}"), format!("{year}-{end}")));
        }
        let next = year + 1;
        periods.push((format!("{year}/{}", next - 2000), format!("{year}-04-01"), format!("{next}-03-31")));
    }
    for (code, first, last) in PROGRAMMES {
        periods.push((format!("programme/{code}"), first.to_owned(), last.to_owned()));
    }
    periods
}

const PROGRAMMES: [(&str, &str, &str); 3] =
    [("LONG", "2017-04-01", "2019-03-31"), ("SHORT", "2017-10-01", "2017-12-31"), ("ODD", "2018-01-01", "2018-09-30")];

/// What one row may be: the bytes choose its fields.
fn fields(file: File, bytes: &[u8; 8]) -> Vec<String> {
    let number = |at: usize, below: u8| bytes[at] % below;
    let named = |prefix: &str, at: usize, below: u8| format!("{prefix}-{}", number(at, below));
    let chosen = |at: usize, words: &[&str]| words[usize::from(bytes[at]) % words.len()].to_owned();
    let day = |at: usize| {
        let (year, month) = (2017 + u16::from(number(at, 2)), 1 + bytes[at] / 2 % 12);
        format!("{year}-{month:02}-{}", ["01", "15", "28"][usize::from(bytes[at] / 24 % 3)])
    };
    let maybe = |at: usize, text: String| if bytes[at].is_multiple_of(3) { String::new() } else { text };
    let fields = match file {
        File::People => vec![
            named("P", 0, 7),
            named("name", 1, 2),
            String::new(),
            String::new(),
            String::new(),
            chosen(2, &["", "1980", "1992", "1993", "1994", "2000"]),
            chosen(3, &["woman", "man", "non-binary", "prefer-not-to-say", "", "no such word"]),
            chosen(4, &["asian", "mixed", "prefer-not-to-say", ""]),
            chosen(5, &["yes", "no", ""]),
            "yes".to_owned(),
        ],
        File::Trainers => vec![named("P", 0, 8), chosen(1, &["2016-12-31", "2017-12-31", "2018-01-01"]), {
            chosen(2, &["2018-03-31", "2018-04-01", "2019-12-31"])
        }],
        File::Sessions => vec![
            named("S", 0, 4),
            day(1),
            "course".to_owned(),
            "title".to_owned(),
            chosen(2, &["classroom", "online", "self-directed"]),
            chosen(3, &["30", "60", "90", "0"]),
            maybe(4, named("P", 5, 8)),
        ],
        File::Attendances => vec![named("S", 0, 5), named("P", 1, 8), chosen(2, &["completed", "completed", "left"])],
        File::ListeningCampaigns => vec![
            named("L", 0, 3),
            "title".to_owned(),
            "place".to_owned(),
            "2017-01-01".to_owned(),
            String::new(),
            maybe(1, day(2)),
        ],
        File::Listenings => vec![
            named("C", 0, 8),
            day(1),
            named("P", 2, 8),
            maybe(3, named("P", 4, 8)),
            maybe(5, named("L", 5, 4)),
            "door".to_owned(),
            chosen(7, &["E05000001", "", "E05000002", "Priory"]),
            chosen(7, &["damp", "", "Damp;jobs", "the roof;damp;DAMP", "buses;the roof;the road"]),
            "concern".to_owned(),
            chosen(6, &["no", "no", "yes", "perhaps"]),
            String::new(),
        ],
        File::Actions => {
            vec![named("A", 0, 3), day(1), "title".to_owned(), "event".to_owned(), maybe(2, named("P", 3, 8))]
        }
        File::Participations => vec![named("A", 0, 4), named("P", 1, 8)],
        File::Projects => vec![named("J", 0, 3), day(1), "title".to_owned()],
        File::Funding => vec![named("F", 0, 3), day(1), "Council".to_owned(), chosen(2, &["1.00", "12.5", "3", "-1"])],
    };
    assert_eq!(fields.len(), file.columns().len());
    fields
}

/// What may be wrong with generated fields by themselves.
fn is_wrong(fields: &[String]) -> bool {
    fields.iter().any(|field| ["no such word", "0", "perhaps", "-1"].contains(&field.as_str()))
}

fn key(file: File, fields: &[String]) -> Vec<String> {
    fields[..if file.has_ref() { 1 } else { 2 }].to_vec()
}

/// The files that a row points into, with the refs.
fn pointers(file: File, fields: &[String]) -> Vec<(File, String)> {
    let columns: &[(usize, File)] = match file {
        File::Trainers => &[(0, File::People)],
        File::Sessions => &[(6, File::People)],
        File::Attendances => &[(0, File::Sessions), (1, File::People)],
        File::Listenings => &[(2, File::People), (3, File::People), (4, File::ListeningCampaigns)],
        File::Actions => &[(4, File::People)],
        File::Participations => &[(0, File::Actions), (1, File::People)],
        File::People | File::ListeningCampaigns | File::Projects | File::Funding => &[],
    };
    let named = columns.iter().filter(|(column, _)| !fields[*column].is_empty());
    named.map(|(column, target)| (*target, fields[*column].clone())).collect()
}

/// Value, people behind, the largest and the two largest contributions, and whether there were events with people.
type Seen = (u64, u64, u64, u64, bool);

/// Figures that are not all zero, by codes of indicator, dimension and category.
type Figures = BTreeMap<[String; 3], Seen>;

/// One thing that somebody did: the day, how much, themes and ward.
type Done<'a> = (&'a str, u64, BTreeSet<&'static str>, &'a str);

/// What people did, by person; an anonymous one has a name with a slash.
type People<'a> = BTreeMap<String, Vec<Done<'a>>>;

const NOBODY: [&str; 10] = [""; 10];

fn band(year: &str, born: &str) -> &'static str {
    let (Ok(year), Ok(born)) = (year.parse::<i32>(), born.parse::<i32>()) else { return "unknown" };
    match year - born {
        ..18 => "under-18",
        18..25 => "18-24",
        25..35 => "25-34",
        35..50 => "35-49",
        50..65 => "50-64",
        _ => "65-and-over",
    }
}

/// Adds people and what they add up to.
fn add(
    rows: &Rows,
    figures: &mut Figures,
    (people, sum): (&str, &str),
    done: &People,
    (events, repeats): (u64, &[Done]),
) {
    let nobody = NOBODY.map(str::to_owned).to_vec();
    let mut count = |indicator: &str, dimension: &str, category: &str| {
        let key = [indicator, dimension, category].map(str::to_owned);
        figures.entry(key).or_default().0 += 1;
    };
    for (name, done) in done {
        let person = if name.contains('/') { &nobody } else { &rows[&File::People][&vec![name.clone()]] };
        let first = done.iter().map(|(day, ..)| *day).min().unwrap();
        let band = band(&first[..4], &person[5]);
        let known = |column: usize| if person[column].is_empty() { "unknown" } else { person[column].as_str() };
        let categories = [("gender", known(6)), ("ethnicity", known(7)), ("disability", known(8))];
        count(people, "", "");
        count(people, "age_band", band);
        categories.iter().for_each(|(dimension, category)| count(people, dimension, category));
        if people == "people_trained" && ["under-18", "18-24"].contains(&band) {
            count("young_people_trained", "", "");
            categories.iter().for_each(|(dimension, category)| count("young_people_trained", dimension, category));
        }
        let themes: BTreeSet<_> = done.iter().flat_map(|(_, _, themes, _)| themes).collect();
        themes.into_iter().for_each(|theme| count(people, "theme", theme));
        let wards: BTreeSet<_> = done.iter().map(|(.., ward)| ward).filter(|ward| ward.starts_with("E05")).collect();
        wards.into_iter().for_each(|ward| count(people, "ward", ward));
    }
    for theme in [None, Some("damp"), Some("jobs"), Some("buses"), Some("other")] {
        let of = |done: &[Done]| -> u64 {
            let with = done.iter().filter(|(_, _, themes, _)| theme.is_none_or(|theme| themes.contains(theme)));
            with.map(|(_, amount, ..)| amount).sum()
        };
        let mut amounts: Vec<u64> = done.values().map(|done| of(done)).filter(|amount| *amount > 0).collect();
        let behind = amounts.len() as u64;
        amounts.push(of(repeats));
        amounts.sort_by(|one, other| other.cmp(one));
        let two = amounts.iter().take(2).sum();
        let seen = (amounts.iter().sum(), behind, amounts[0], two, false);
        let dimension = if theme.is_some() { "theme" } else { "" };
        if !sum.is_empty() && seen.0 > 0 {
            figures.insert([sum, dimension, theme.unwrap_or("")].map(str::to_owned), seen);
        }
    }
    let young = (people == "people_trained").then_some("young_people_trained");
    for indicator in [people, sum].into_iter().chain(young).filter(|indicator| events > 0 && !indicator.is_empty()) {
        figures.entry([indicator, "", ""].map(str::to_owned)).or_default().4 = true;
    }
}

fn recount(rows: &Rows, first: &str, last: &str) -> Figures {
    let none = BTreeMap::new();
    let of = |file: File| rows.get(&file).unwrap_or(&none);
    let within = |date: &str| first <= date && date <= last;
    let dated = |file: File, column: usize| of(file).values().filter(move |row| within(&row[column])).count() as u64;

    let (mut trained, mut heard, mut mobilised) = (People::new(), People::new(), People::new());
    let (mut attended, mut listened, mut acted, mut repeats) = (0, 0, 0, Vec::new());
    for row in of(File::Attendances).values() {
        let session = &of(File::Sessions)[&row[..1]];
        if within(&session[1]) {
            attended += 1;
            if row[2] == "completed" {
                let done = (session[1].as_str(), session[5].parse().unwrap(), BTreeSet::new(), "");
                trained.entry(row[1].clone()).or_default().push(done);
            }
        }
    }
    for row in of(File::Listenings).values().filter(|row| within(&row[1])) {
        listened += 1;
        let themes = row[7].split(';').filter(|theme| !theme.is_empty());
        let themes = themes.map(|theme| match theme.to_lowercase().as_str() {
            "damp" => "damp",
            "jobs" => "jobs",
            "buses" => "buses",
            _ => "other",
        });
        let done = (row[1].as_str(), 1, themes.collect(), row[6].as_str());
        match (row[3].as_str(), row[9].as_str()) {
            ("", "no") => heard.entry(format!("anonymous/{}", row[0])).or_default().push(done),
            ("", _) => repeats.push(done),
            (person, _) => heard.entry(person.to_owned()).or_default().push(done),
        }
    }
    for row in of(File::Participations).values() {
        let action = &of(File::Actions)[&row[..1]];
        if within(&action[1]) {
            acted += 1;
            mobilised.entry(row[1].clone()).or_default().push((action[1].as_str(), 1, BTreeSet::new(), ""));
        }
    }
    let assured = of(File::Trainers).values().filter(|row| row[1].as_str() <= last && last < row[2].as_str());
    let assured = assured.map(|row| row[0].clone()).collect::<BTreeSet<_>>().len() as u64;
    let pence = |amount: &String| (amount.parse::<f64>().unwrap() * 100.0) as u64;
    let funding = of(File::Funding).values().filter(|row| within(&row[1])).map(|row| pence(&row[3])).sum();

    let mut figures = Figures::new();
    add(rows, &mut figures, ("people_trained", "training_minutes"), &trained, (attended, &[]));
    add(rows, &mut figures, ("people_listened_to", "listenings"), &heard, (listened, &repeats));
    add(rows, &mut figures, ("people_mobilised", ""), &mobilised, (acted, &[]));
    for (indicator, value) in [
        ("training_sessions", dated(File::Sessions, 1)),
        ("trainers_quality_assured", assured),
        ("listening_campaigns_reported_back", dated(File::ListeningCampaigns, 5)),
        ("actions_held", dated(File::Actions, 1)),
        ("community_projects_supported", dated(File::Projects, 1)),
        ("funding_leveraged_pence", funding),
    ] {
        figures.insert([indicator, "", ""].map(str::to_owned), (value, 0, 0, 0, false));
    }
    figures.retain(|_, seen| *seen != Seen::default());
    figures
}

fn counted(observations: &Observations) -> Figures {
    let cells = observations.cells().map(|(cell, seen)| {
        let names = [cell.indicator.code(), cell.dimension_code(), cell.category_code()].map(str::to_owned);
        let events = seen.events_with_people > 0;
        (names, (seen.value, seen.people_behind, seen.largest, seen.two_largest, events))
    });
    cells.filter(|(_, seen)| *seen != Seen::default()).collect()
}

fn compare(hub: &HubStore, rows: &Rows, tracked: &BTreeSet<usize>) {
    let account = hub.count().unwrap().account;
    for (at, (code, first, last)) in periods().into_iter().enumerate() {
        let programme = at.checked_sub(periods().len() - PROGRAMMES.len());
        let period: Period = code.parse().unwrap();
        if programme.is_some_and(|programme| !tracked.contains(&programme)) {
            assert!(hub.figures(&period).is_err(), "{code} is not known yet");
            continue;
        }
        let expected = recount(rows, &first, &last);
        assert_eq!(counted(&hub.figures(&period).unwrap()), expected, "{code}");
        for (indicator, value) in hub.headlines(&period).unwrap() {
            let headline = expected.get(&[indicator.code(), "", ""].map(str::to_owned));
            assert_eq!(value, headline.map_or(0, |seen| seen.0), "{code}: {}", indicator.code());
        }
        match account.observations(&period) {
            Some(seen) => assert_eq!(counted(seen), expected, "{code} of the account"),
            None => assert!(expected.keys().all(|key| key[0] == "trainers_quality_assured"), "{code} of the account"),
        }
    }
}

/// One import of a folder.
#[derive(Debug, Clone)]
struct Import {
    rows: Vec<(u8, [u8; 8])>,
    batch: usize,
    dry_run: bool,
    /// After so many batches the import breaks off.
    broken_off: Option<usize>,
    /// A programme that is registered before.
    track: Option<usize>,
}

fn imports() -> impl Strategy<Value = Vec<Import>> {
    let rows = proptest::collection::vec((0..10_u8, any::<[u8; 8]>()), 0..120);
    let track = proptest::option::of(0..PROGRAMMES.len());
    let import = (rows, 1..40_usize, proptest::bool::weighted(0.1), proptest::option::weighted(0.2, 0..8_usize), track);
    let import =
        import.prop_map(|(rows, batch, dry_run, broken_off, track)| Import { rows, batch, dry_run, broken_off, track });
    proptest::collection::vec(import, 1..5)
}

/// Imports as the store does, and keeps the books apart: what is refused must be what the books refuse.
fn replay(imports: &[Import]) {
    let hub = hub();
    let (mut standing, mut tracked) = (Rows::new(), BTreeSet::new());
    for import in imports {
        if let Some(at) = import.track {
            let (code, first, last) = PROGRAMMES[at];
            track(&hub, &programme(code, first, last));
            tracked.insert(at);
        }
        let mut rows = standing.clone();
        let mut run = ImportRun::new(OPERATOR);
        let mut batches = 0;
        for file in File::ALL {
            let all: Vec<Vec<String>> = import
                .rows
                .iter()
                .filter(|(which, _)| File::ALL[usize::from(*which)] == file)
                .map(|(_, bytes)| fields(file, bytes))
                .collect();
            let mut met = BTreeSet::new();
            let checked = checked(file, all.iter().map(|fields| fields.iter().map(String::as_str).collect()));
            for batch in checked.chunks(import.batch) {
                if import.broken_off.is_some_and(|after| batches >= after) {
                    break;
                }
                batches += 1;
                let outcome = hub.import_batch(&mut run, file, batch.to_vec(), import.dry_run).unwrap();
                let (mut expected, mut refused) = ([0; 4], BTreeSet::new());
                for (number, _) in batch {
                    let fields = &all[*number as usize - 1];
                    let key = key(file, fields);
                    let lost = pointers(file, fields).iter().any(|(target, name)| {
                        !rows.get(target).is_some_and(|rows| rows.contains_key(&vec![name.clone()]))
                    });
                    if !met.insert(key.clone()) || lost || is_wrong(fields) {
                        refused.insert(*number);
                        expected[3] += 1;
                        continue;
                    }
                    match rows.entry(file).or_default().insert(key, fields.clone()) {
                        None => expected[0] += 1,
                        // Amounts are the only generated fields that can be written in two ways.
                        Some(old) if old == *fields => expected[2] += 1,
                        Some(_) => expected[1] += 1,
                    }
                }
                assert_eq!(outcome.refused.iter().map(|(row, _)| *row).collect::<BTreeSet<_>>(), refused, "{file:?}");
                assert_eq!(counts(&outcome), expected, "{file:?}");
            }
        }
        if !import.dry_run {
            standing = rows;
        }
        compare(&hub, &standing, &tracked);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn figures_equal_a_naive_recount(imports in imports()) {
        replay(&imports);
    }
}
