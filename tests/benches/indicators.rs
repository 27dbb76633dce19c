//! A hub's figures of every period after one more listening, against counting all of them anew.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Instant, SystemTime};

use folkmoot_domain::calendar::{FinancialYear, Period, Quarter};
use folkmoot_domain::import::NewListening;
use folkmoot_store::hub::Writer;
use folkmoot_store::{Ambient, Store, UnixMillis};
use rusqlite::{Connection, params};
use tokio::runtime::Runtime;

use crate::bare_table;
use crate::measure::{Goal, Line, Unit, in_turn, millis};
use crate::nodes::{Federation, Served};
use crate::sheets::Sheets;

/// How many hubs' sheets lie in the large one: as many records as the whole national programme has.
const MANY: usize = 20;

pub(crate) fn measure(runtime: &Runtime, runs: usize) -> Vec<Line> {
    let federation = Federation::found();
    let mut lines = Vec::new();
    let mut held = 0;
    for (times, goal) in [(1, Goal::None), (MANY, Goal::Times(0.01))] {
        let served = Served::node("hub", &federation.hub());
        runtime.block_on(async {
            let channel = folkmoot_node::connect(&federation.hub()).await.expect("a node");
            for sheets in Sheets::of_many(times).iter().skip(held) {
                sheets.import(channel.clone()).await;
            }
        });
        served.stop();
        held = times;
        lines.push(after_one_more(&federation, runs, times, goal));
    }
    lines
}

fn after_one_more(federation: &Federation, runs: usize, times: usize, goal: Goal) -> Line {
    let (_place, folder) = federation.fresh_hub();
    let file = folder.join("node.db");
    let store = Store::open(&file, ambient()).expect("a store").hub().expect("a hub");
    let periods = periods();
    let count = bare_table::Rows::read(&file).count();
    let mut more = (0..).map(|number| NewListening {
        reference: format!("more-{number}"),
        date: "2019-02-03".to_owned(),
        organiser: "p/0+0".to_owned(),
        person: format!("p/{}+0", number % 700),
        campaign: "lc-0+0".to_owned(),
        mode: "door".to_owned(),
        kind: "concern".to_owned(),
        ..NewListening::default()
    });
    let product = || {
        let listening = more.next().expect("another");
        let began = Instant::now();
        store.record_listening(Writer { uid: 0 }, &listening).expect("a store").expect("a good listening");
        for period in &periods {
            store.headlines(&period.0).expect("figures");
        }
        millis(began.elapsed())
    };
    let connection = bare_table::open(&file);
    let recount = || {
        let began = Instant::now();
        let counted: u64 = periods.iter().map(|period| recount(&connection, period)).sum();
        assert!(counted > 0);
        millis(began.elapsed())
    };
    let (product, bare) = in_turn(runs, Unit::Milliseconds, product, recount);
    let what = match times {
        1 => format!("figures of {} periods after one more listening; {count} records", periods.len()),
        _ => format!("the same; {count} records"),
    };
    Line { what, product, bare: Some(bare), peer: None, goal }
}

/// A period with its first and last day.
struct Counted(Period, String, String);

/// Every quarter and year of the sheets, and the programme.
fn periods() -> Vec<Counted> {
    let day = folkmoot_domain::calendar::iso;
    let mut periods = Vec::new();
    for index in 2018 * 4 + 1..2020 * 4 + 1 {
        let quarter = Quarter::from_index(index).expect("a quarter");
        let span = quarter.span();
        periods.push(Counted(Period::Quarter(quarter), day(span.first), day(span.last)));
    }
    for code in ["2018/19", "2019/20"] {
        let year: FinancialYear = match code.parse().expect("a period") {
            Period::FinancialYear(year) => year,
            Period::Quarter(_) | Period::Programme(_) => unreachable!("a year"),
        };
        periods.push(Counted(Period::FinancialYear(year), day(year.first_day()), day(year.last_day())));
    }
    let programme = "programme/TWOYEARS".parse().expect("a period");
    periods.push(Counted(programme, "2018-04-01".to_owned(), "2020-03-31".to_owned()));
    periods
}

/// The definitions of the catalogue as questions to the tables, each with the first and the last day.
const QUESTIONS: [&str; 13] = [
    "SELECT count(DISTINCT attendance.person) FROM attendance JOIN session ON session.key = attendance.session \
     WHERE outcome = 'completed' AND date BETWEEN ?1 AND ?2",
    "SELECT ifnull(sum(people), 0) FROM (SELECT count(DISTINCT attendance.person) AS people FROM attendance \
     JOIN session ON session.key = attendance.session JOIN person ON person.key = attendance.person \
     WHERE outcome = 'completed' AND date BETWEEN ?1 AND ?2 GROUP BY gender)",
    "SELECT count(DISTINCT attendance.person) FROM attendance JOIN session ON session.key = attendance.session \
     JOIN person ON person.key = attendance.person WHERE outcome = 'completed' AND date BETWEEN ?1 AND ?2 \
     AND substr(date, 1, 4) - birth_year < 25",
    "SELECT count(*) FROM session WHERE date BETWEEN ?1 AND ?2",
    "SELECT ifnull(sum(minutes), 0) FROM attendance JOIN session ON session.key = attendance.session \
     WHERE outcome = 'completed' AND date BETWEEN ?1 AND ?2",
    "SELECT count(DISTINCT person) FROM trainer_assurance WHERE quality_assured_on <= ?2 AND ?2 < expires_on \
     AND ?1 <= ?2",
    "SELECT count(*) FROM listening WHERE date BETWEEN ?1 AND ?2",
    "SELECT count(DISTINCT person) + count(*) FILTER (WHERE person IS NULL AND repeat = 'no') FROM listening \
     WHERE date BETWEEN ?1 AND ?2",
    "SELECT count(*) FROM listening_campaign WHERE reported_back_on BETWEEN ?1 AND ?2",
    "SELECT count(DISTINCT person) FROM participation JOIN action ON action.key = participation.action \
     WHERE date BETWEEN ?1 AND ?2",
    "SELECT count(*) FROM action WHERE date BETWEEN ?1 AND ?2",
    "SELECT count(*) FROM project WHERE started_on BETWEEN ?1 AND ?2",
    "SELECT ifnull(sum(amount_pence), 0) FROM funding WHERE date BETWEEN ?1 AND ?2",
];

fn recount(connection: &Connection, Counted(_, first, last): &Counted) -> u64 {
    QUESTIONS
        .iter()
        .map(|question| -> u64 {
            let mut statement = connection.prepare_cached(question).expect("a question");
            statement.query_row(params![first, last], |row| row.get(0)).expect("a number")
        })
        .sum()
}

pub(crate) fn ambient() -> Ambient {
    let draws = AtomicU64::new(1);
    Ambient {
        now: Box::new(|| {
            let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("a clock after 1970");
            UnixMillis(i64::try_from(now.as_millis()).expect("a clock before the end of time"))
        }),
        fill: Box::new(move |bytes| {
            for chunk in bytes.chunks_mut(8) {
                // Ids only have to differ here.
                let drawn = draws.fetch_add(1, Ordering::Relaxed).wrapping_mul(0x9e37_79b9_7f4a_7c15).to_le_bytes();
                chunk.copy_from_slice(&drawn[..chunk.len()]);
            }
        }),
    }
}
