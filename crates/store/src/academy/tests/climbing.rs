//! What an Academy's folder of the first version held, after the schema has climbed.

use rusqlite::{Connection, params};

use crate::engine::Role;
use crate::migrations::{climb, newest};

/// Period, hub, latest, the most of a ward that is not listed, hash of the payload, hash of the entry.
type ReleaseRow = (String, [u8; 32], bool, Option<u64>, [u8; 32], [u8; 32]);

/// The last step of the first version.
const FIRST: u32 = 6;

#[test]
fn releases_of_the_first_version_stand_with_their_entries_hashes() {
    let file = Connection::open_in_memory().unwrap();
    climb(&file, Role::Academy, FIRST).unwrap();
    let (hub, national) = ([7_u8; 32], [8_u8; 32]);
    for (row, author) in [(1, hub), (2, national)] {
        let name = [&[4_u8][..], &author].concat();
        file.execute("INSERT INTO topic (id, name, bucket) VALUES (?1, ?2, 0)", params![row, name]).unwrap();
        let sql = "INSERT INTO log (id, topic, author, incarnation, seq, hash) VALUES (?1, ?1, ?2, 5, 3, ?3)";
        file.execute(sql, params![row, author, [0xee_u8; 32]]).unwrap();
        for seq in 1..=3_u8 {
            // A header says in the bytes from 114 on what the hash of the entry before is.
            let header = [vec![0; 114], vec![seq - 1; 32], vec![0; 40]].concat();
            let place = (i64::from(row) << 40) + i64::from(seq);
            file.execute("INSERT INTO entry (place, header) VALUES (?1, ?2)", params![place, header]).unwrap();
        }
    }
    let releases = [(1, hub, "2018-Q3", 2), (2, hub, "2018/19", 3), (3, national, "2018-Q3", 2)];
    for (id, author, period, seq) in releases {
        let kind = if author == hub { "social-action-hub" } else { "national" };
        let sql = "INSERT INTO received_release (id, hub, period, revision, kind, payload_hash, incarnation, seq, received_at)
            VALUES (?1, ?2, ?3, 0, ?4, ?5, 5, ?6, 99)";
        file.execute(sql, params![id, author, period, kind, [id as u8; 32], seq]).unwrap();
        for (indicator, dimension, category, mark, low, high) in [
            ("people_listened_to", "", "", "below", 0, Some(7)),
            ("people_trained", "", "", "exact", 20, Some(20)),
            ("people_trained", "gender", "man", "rounded", 8, Some(12)),
            ("people_trained", "gender", "woman", "withheld", 0, None),
        ] {
            let sql = "INSERT INTO release_cell VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
            file.execute(sql, params![id, indicator, dimension, category, mark, low, high]).unwrap();
        }
    }
    climb(&file, Role::Academy, newest()).unwrap();

    let mut statement = file
        .prepare(
            "SELECT period.code, hub.node, release.latest, release.ward_high, release.payload_hash, release.entry_hash
             FROM hub_release AS release JOIN reporting_hub AS hub ON hub.id = release.hub
             JOIN reporting_period AS period ON period.id = release.period ORDER BY release.id",
        )
        .unwrap();
    let rows = statement
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?, row.get(5)?)));
    let rows: Vec<ReleaseRow> = rows.unwrap().collect::<Result<_, _>>().unwrap();
    let release = |period: &str, node, payload: u8, entry: u8| {
        (period.to_owned(), node, true, Some(7), [payload; 32], [entry; 32])
    };
    assert_eq!(
        rows,
        [release("2018-Q3", hub, 1, 2), release("2018/19", hub, 2, 0xee), release("2018-Q3", national, 3, 2)]
    );

    let mut statement = file
        .prepare(
            "SELECT period.code, cell.indicator, cell.category, held.mark, held.low, held.high
             FROM standing_cell AS held JOIN reported_cell AS cell ON cell.id = held.cell
             JOIN reporting_hub AS hub ON hub.id = held.hub AND hub.node = ?1
             JOIN reporting_period AS period ON period.id = held.period WHERE period.code = '2018-Q3'
             ORDER BY cell.indicator, cell.category",
        )
        .unwrap();
    let row = |row: &rusqlite::Row<'_>| {
        Ok((row.get::<_, String>(1)?, row.get::<_, String>(2)?, row.get(3)?, row.get(4)?, row.get(5)?))
    };
    let cells: Vec<(String, String, u8, u64, Option<u64>)> =
        statement.query_map([hub], row).unwrap().collect::<Result<_, _>>().unwrap();
    let cell =
        |indicator: &str, category: &str, mark, low, high| (indicator.to_owned(), category.to_owned(), mark, low, high);
    assert_eq!(
        cells,
        [
            cell("people_listened_to", "", 2, 0, Some(7)),
            cell("people_trained", "", 0, 20, Some(20)),
            cell("people_trained", "man", 1, 8, Some(12)),
            cell("people_trained", "woman", 3, 0, None),
        ]
    );
    // The charity's own figures are never among those of the hubs.
    let count: u64 = file.query_row("SELECT count(*) FROM standing_cell", [], |row| row.get(0)).unwrap();
    assert_eq!(count, 8);
}
