//! Small sheets and what a worker does with them: mends what was refused, numbers what has no refs.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::command::text;
use crate::federation::{Federation, Hub, array, string};

const FUNDING: &str = "ref,date,source,amount_gbp\n";

fn hub(federation: &Federation) -> Hub {
    federation.hub("H", "Small")
}

#[track_caller]
fn write(folder: &Path, file: &str, rows: &str) {
    fs::create_dir_all(folder).expect("a folder");
    fs::write(folder.join(file), rows).expect("a sheet");
}

fn money(hub: &Hub) -> u64 {
    hub.indicators("2018/19")["funding_leveraged_pence"]
}

fn result<'a>(json: &'a Value, file: &str) -> &'a Value {
    array(&json["files"]).iter().find(|result| result["file"] == file).unwrap_or_else(|| panic!("no {file}: {json}"))
}

#[test]
fn a_rejected_row_can_be_mended() {
    let federation = Federation::found();
    let hub = hub(&federation);
    let sheets = federation.path("sheets");
    let good = "F-1,2018-06-01,\"Trust, the\",100.00\n";
    write(&sheets, "funding.csv", &format!("{FUNDING}{good}F-2,01/06/2018,Council,lots\nF-3,,Council,nothing\n"));
    let json = hub.import(&sheets).json(3);
    assert_eq!(result(&json, "funding.csv")["refused"], 2);
    let of_row = |row: u64| array(&json["refused"]).iter().filter(|refused| refused["row"] == row).count();
    assert_eq!((of_row(2), of_row(3)), (1, 2), "every violation at once: {json}");
    assert_eq!(money(&hub), 10_000);
    let table = hub.run(&["import"], &[text(&sheets)]);
    assert_eq!(table.code, Some(3), "{table}");
    assert!(format!("{}{}", table.out, table.err).contains("funding.csv"), "{table}");

    // One is mended and its reason emptied; the other waits.
    let rejected = sheets.join("rejected");
    let path = rejected.join("funding.csv");
    let rows = fs::read_to_string(&path).expect("rejected rows").trim_start_matches('\u{feff}').to_owned();
    let mut lines = rows.lines();
    assert_eq!(lines.next().map(str::trim_end), Some("ref,date,source,amount_gbp,row,reason"), "{rows}");
    assert_eq!(lines.clone().count(), 2, "{rows}");
    let waiting = lines.nth(1).expect("the other row");
    let header = "ref,date,source,amount_gbp,row,reason";
    fs::write(&path, format!("{header}\nF-2,01/06/2018,Council,25.50,2,\n{waiting}\n")).expect("a mended sheet");
    let json = hub.import(&rejected).json(3);
    assert_eq!(
        (&result(&json, "funding.csv")["created"], &result(&json, "funding.csv")["refused"]),
        (&1.into(), &1.into())
    );
    assert_eq!(money(&hub), 12_550);

    // Mended in the sheet itself: nothing is left to mend, and the old rejects are gone.
    write(&sheets, "funding.csv", &format!("{FUNDING}{good}F-2,2018-06-01,Council,25.50\nF-3,2018-06-02,Council,1\n"));
    let json = hub.import(&sheets).json(0);
    let funding = result(&json, "funding.csv");
    assert_eq!((&funding["created"], &funding["updated"], &funding["unchanged"]), (&1.into(), &0.into(), &2.into()));
    assert_eq!(fs::read_to_string(&path).map_or(0, |rows| rows.lines().skip(1).count()), 0, "rewritten each run");
    assert_eq!(money(&hub), 12_650);
}

#[test]
fn a_file_that_cannot_be_read_gets_one_message() {
    let federation = Federation::found();
    let hub = hub(&federation);
    let sheets = federation.path("sheets");
    write(&sheets, "funding.csv", "ref,source\nF-1,Council\nF-2,Council\n");
    write(&sheets, "projects.csv", "ref,started_on,title\nJ-1,2018-06-01,Garden\n");
    fs::write(sheets.join("people.csv"), b"ref,name\nP-1,Zo\xeb\n").expect("a sheet in another encoding");
    let json = hub.import(&sheets).json(3);
    let of_file = |file: &str| -> Vec<&Value> {
        array(&json["refused"]).iter().filter(|refused| refused["file"] == file).collect()
    };
    let [missing] = of_file("funding.csv")[..] else { panic!("one message: {json}") };
    let reason = string(&missing["reason"]);
    assert!(reason.contains("date") && reason.contains("amount_gbp"), "names every missing column: {reason}");
    let [encoding] = of_file("people.csv")[..] else { panic!("one message: {json}") };
    assert!(string(&encoding["reason"]).contains("UTF-8"), "{encoding}");
    assert_eq!(hub.indicators("2018/19")["community_projects_supported"], 1, "the others are taken");
    // An empty folder, or one that is not there, is a mistake of the caller's.
    hub.run(&["import"], &[text(&federation.path("nowhere"))]).fails(1, &["nowhere"]);
}

#[test]
fn sheets_without_refs_are_numbered_in_a_copy() {
    let federation = Federation::found();
    let hub = hub(&federation);
    let sheets = federation.path("sheets");
    write(
        &sheets,
        "funding.csv",
        "date,source,amount_gbp\n2018-06-01,Council,10\n2018-06-01,Council,10\n2018-07-01,Fair,5\n",
    );
    let number = || hub.run(&["import"], &[text(&sheets), "--number"]).done();
    number();
    let numbered = sheets.join("numbered");
    let copy = fs::read_to_string(numbered.join("funding.csv")).expect("a numbered copy");
    assert!(copy.lines().next().is_some_and(|head| head.contains("ref")), "{copy}");
    assert_eq!(money(&hub), 0, "numbering imports nothing");
    let json = hub.import(&numbered).json(0);
    assert_eq!(result(&json, "funding.csv")["created"], 3, "{json}");
    assert_eq!(money(&hub), 2_500);
    number();
    let json = hub.import(&numbered).json(0);
    assert_eq!(result(&json, "funding.csv")["unchanged"], 3, "the same rows, the same refs: {json}");
}
