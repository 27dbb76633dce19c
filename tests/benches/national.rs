//! The national reports of forty quarters, against a bare SQL sum over the same rows.

use std::path::Path;
use std::time::Instant;

use folkmoot_domain::calendar::{Period, Quarter};
use folkmoot_domain::hub::{HubKind, Stage};
use folkmoot_domain::indicator::CellKey;
use folkmoot_journal::entry::PAYLOAD_LIMIT;
use folkmoot_journal::{
    Author, Genesis, HubRecord, HubState, Incarnation, LogKey, PayloadKind, Topic, encode_hub_record,
};
use folkmoot_store::{AcademyStore, Role, Store};
use rusqlite::{Connection, params};
use tokio::runtime::Runtime;

use crate::bare_table;
use crate::indicators::ambient;
use crate::measure::{Goal, Line, Unit, in_turn, millis};
use crate::nodes::workshop;

const QUARTERS: i32 = 40;
const FIRST: i32 = 2015 * 4;

pub(crate) fn measure(_: &Runtime, runs: usize) -> Vec<Line> {
    // Of the largest, the rows are many enough for few runs.
    [(22, runs), (1_000, runs), (10_000, runs.min(3))].into_iter().map(|(hubs, runs)| reports(hubs, runs)).collect()
}

fn reports(hubs: u32, runs: usize) -> Line {
    let place = workshop();
    let file = place.path().join("node.db");
    found(&file, hubs);
    let rows = fill(&file, hubs);
    let store = Store::open(&file, ambient()).expect("a store").academy().expect("the Academy");
    let connection = bare_table::open(&file);
    let (mut of_product, mut of_bare) = (0, 0);
    let (product, bare) = in_turn(
        runs,
        Unit::Milliseconds,
        || {
            let began = Instant::now();
            of_product = all_reports(&store);
            millis(began.elapsed())
        },
        || {
            let began = Instant::now();
            of_bare = all_sums(&connection);
            millis(began.elapsed())
        },
    );
    assert_eq!(of_product, of_bare, "both add up the same");
    let what = format!("{QUARTERS} national reports of {hubs} hubs, {rows} figures");
    Line { what, product, bare: Some(bare), peer: None, goal: Goal::Times(2.0) }
}

/// The report of every quarter; gives the sum of all lower bounds.
fn all_reports(store: &AcademyStore) -> u64 {
    let quarters = (FIRST..FIRST + QUARTERS).map(|index| Quarter::from_index(index).expect("a quarter"));
    let reports = quarters.map(|quarter| store.report(&Period::Quarter(quarter)).expect("a report"));
    reports.flat_map(|report| report.lines).map(|line| line.low).sum()
}

/// The least that adds the same rows up.
fn all_sums(connection: &Connection) -> u64 {
    let sql = "SELECT cell, sum(low), sum(high) FROM standing_cell WHERE period = ?1 GROUP BY cell";
    let mut statement = connection.prepare_cached(sql).expect("a statement");
    let sum = |period: i32| -> u64 {
        let row = |row: &rusqlite::Row<'_>| Ok((row.get(1)?, row.get(2)?));
        let rows = statement.query_map([period], row).expect("rows").collect::<Result<Vec<(u64, u64)>, _>>();
        rows.expect("sums").into_iter().map(|(low, _)| low).sum()
    };
    (1..=QUARTERS).map(sum).sum()
}

/// Founds a federation of so many hubs.
fn found(file: &Path, hubs: u32) {
    let name: folkmoot_domain::hub::HubName = "National Academy".parse().expect("a name");
    let store = Store::create(file, Role::Academy, &name, ambient()).expect("a store");
    let key = std::sync::Arc::new(LogKey::from_seed(&[1; 32]));
    let genesis = Genesis { name, log_key: key.public(), ca_certificate: vec![1], tls_key: vec![1] };
    let incarnation = Incarnation(1);
    let federation = store.journal().found(std::sync::Arc::clone(&key), incarnation, genesis).expect("a federation");
    store.set_author(Author { key, incarnation, federation });
    let records: Vec<(PayloadKind, Vec<u8>)> = (0..hubs).map(|hub| (PayloadKind::HubRecord, record(hub))).collect();
    assert!(records.iter().all(|(_, payload)| payload.len() <= PAYLOAD_LIMIT));
    store.journal().append_all(Topic::Directory, records).expect("hubs");
}

fn log_key(hub: u32) -> LogKey {
    let mut seed = [2; 32];
    seed[..4].copy_from_slice(&hub.to_be_bytes());
    LogKey::from_seed(&seed)
}

fn record(hub: u32) -> Vec<u8> {
    let log_key = log_key(hub).public();
    encode_hub_record(&HubRecord {
        hub: log_key.id(),
        version: 1,
        name: format!("Hub {hub}").parse().expect("a name"),
        log_key,
        tls_key: hub.to_be_bytes().to_vec(),
        address: None,
        kind: HubKind::SocialActionHub,
        region: region(hub),
        stage: Stage::Active,
        state: HubState::Enrolled,
        last_accepted: Vec::new(),
    })
}

fn region(hub: u32) -> String {
    format!("Region {}", hub % 9)
}

/// Writes down a release of every hub for every quarter, as receiving them would, and gives how many cells they have. Each
/// is checked and audited when it comes; of half a million that would take hours.
fn fill(file: &Path, hubs: u32) -> u64 {
    let mut connection = bare_table::open(file);
    connection.pragma_update(None, "synchronous", "OFF").expect("a pragma");
    let transaction = connection.transaction().expect("a transaction");
    for hub in 0..hubs {
        let sql = "INSERT INTO reporting_hub (id, node, kind, region) VALUES (?1, ?2, 'social-action-hub', ?3)";
        let mut statement = transaction.prepare_cached(sql).expect("a statement");
        statement.execute(params![hub + 1, log_key(hub).public().id().0, region(hub)]).expect("a hub");
    }
    let cells = CellKey::all();
    for (key, id) in cells.iter().zip(1..) {
        let row = params![id, key.indicator.code(), key.dimension_code(), key.category_code()];
        transaction.execute("INSERT INTO reported_cell VALUES (?1, ?2, ?3, ?4)", row).expect("a cell");
    }
    let mut draw = 0x9e37_79b9_7f4a_7c15_u64;
    for period in 1..=QUARTERS {
        let quarter = Quarter::from_index(FIRST + period - 1).expect("a quarter");
        let row = params![period, quarter.to_string()];
        transaction.execute("INSERT INTO reporting_period VALUES (?1, ?2)", row).expect("a period");
        let mut release = transaction
            .prepare_cached(
                "INSERT INTO hub_release (period, hub, revision, latest, policy_version, threshold, special_threshold,
                     largest_percent, two_largest_percent, ward_high, payload_hash, entry_hash, incarnation, seq, received_at)
                 VALUES (?1, ?2, 0, 1, 1, 8, 10, 50, 90, 7, ?3, ?3, 1, ?1, ?4)",
            )
            .expect("a statement");
        let day = (quarter.last_day() - Quarter::from_index(1970 * 4).expect("a quarter").first_day()).whole_days();
        for hub in 1..=hubs {
            let received_at = (day + i64::from(hub % 70)) * 86_400_000;
            release.execute(params![period, hub, [hub as u8; 32], received_at]).expect("a release");
        }
        let mut standing = transaction
            .prepare_cached("INSERT INTO standing_cell VALUES (?1, ?2, ?3, ?4, ?5, ?6)")
            .expect("a statement");
        for cell in 1..=cells.len() {
            for hub in 1..=hubs {
                draw ^= draw << 13;
                draw ^= draw >> 7;
                draw ^= draw << 17;
                let value = 10 + draw % 990;
                let (mark, low, high) = match draw >> 32 & 7 {
                    0..4 => (0, value, value),
                    4..6 => (1, value - 2, value + 2),
                    _ => (2, 0, 7),
                };
                standing.execute(params![period, cell, hub, mark, low, high]).expect("a figure");
            }
        }
    }
    transaction.commit().expect("a commit");
    u64::from(hubs) * cells.len() as u64 * QUARTERS as u64
}
