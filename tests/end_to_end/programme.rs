//! Generated data from the sheets to the national report.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use folkmoot_tests::day::Window;
use folkmoot_tests::generator::{GENDERS, Programme, Size, count, write};
use folkmoot_tests::published::{self, Published};
use serde_json::Value;

use crate::client::Client;
use crate::command::text;
use crate::federation::{Federation, Hub, Report, array, string};

/// Checks every figure of a hub against the count, in every period.
#[track_caller]
pub(crate) fn check_figures(hub: &Hub, programme: &Programme, at: usize) {
    for window in programme.windows() {
        let figures = hub.indicators(&window.code);
        for truth in count::truths(&programme.hubs[at], &window) {
            assert_eq!(
                figures.get(truth.code),
                Some(&truth.value),
                "{} of {} in {}",
                truth.code,
                programme.hubs[at].name,
                window.code
            );
        }
        assert_eq!(figures.len(), count::CODES.len(), "{figures:?}");
    }
}

/// What `hub indicators`, `hub release` and the report call the gender at `place`.
pub(crate) fn gender_code(place: usize) -> &'static str {
    if GENDERS[place].is_empty() { "unknown" } else { GENDERS[place] }
}

/// Checks a line against rules 1 to 3 alone: the audit may hide more than they do, and never less. Figures that say nothing
/// of people are exact.
#[track_caller]
fn check_line(line: &Value, figures: &[Published], truth: u64, missing: u64, what: &str) {
    let expected = published::line(figures);
    let (low, high) = (line["low"].as_u64().unwrap_or(u64::MAX), line["high"].as_u64());
    assert!(low <= expected.low, "low of {what}: {line}");
    assert!(high.is_none_or(|high| expected.high.is_some_and(|least| least <= high)), "high of {what}: {line}");
    assert!(low <= truth && high.is_none_or(|high| truth <= high), "{what} holds {truth}: {line}");
    if let Some(value) = line["value"].as_u64() {
        assert_eq!((Some(value), value), (expected.value, truth), "value of {what}: {line}");
    }
    assert_eq!(line["hubs"].as_u64(), Some(figures.len() as u64), "hubs of {what}: {line}");
    let (hidden, rounded) = (line["hubs_hidden"].as_u64(), line["hubs_rounded"].as_u64());
    assert!(hidden.is_some_and(|hidden| hidden >= expected.hidden), "hidden of {what}: {line}");
    let told = hidden.zip(rounded).map(|(hidden, rounded)| hidden + rounded);
    assert!(told.is_some_and(|told| told >= expected.hidden + expected.rounded), "rounded of {what}: {line}");
    assert_eq!(line["hubs_missing"].as_u64(), Some(missing), "missing of {what}: {line}");
    let of_people = ["people", "listenings", "training_minutes"];
    if line["breakdown"].is_null() && !of_people.iter().any(|word| what.contains(word)) {
        assert_eq!(line["value"].as_u64(), expected.value, "value of {what}: {line}");
    }
}

/// Checks the whole report of a period for which the hubs at `released` have released.
#[track_caller]
fn check_report(report: &Report, programme: &Programme, window: &Window, released: &[usize]) {
    let missing = (programme.hubs.len() - released.len()) as u64;
    let hubs: Vec<_> = released.iter().map(|at| &programme.hubs[*at]).collect();
    for (place, code) in count::CODES.into_iter().enumerate() {
        let truths: Vec<_> = hubs.iter().map(|hub| count::truths(hub, window)[place]).collect();
        let figures: Vec<_> = truths.iter().map(published::headline).collect();
        let truth = truths.iter().map(|truth| truth.value).sum();
        check_line(report.headline(code), &figures, truth, missing, &format!("{code} in {}", window.code));
    }
    for place in 0..GENDERS.len() {
        let figures: Vec<_> = hubs.iter().map(|hub| published::trained_by_gender(hub, window)[place]).collect();
        let truth = hubs.iter().map(|hub| count::trained_by_gender(hub, window)[place]).sum();
        let what = format!("{} in {}", gender_code(place), window.code);
        check_line(report.gender(gender_code(place)), &figures, truth, missing, &what);
    }
    // Every cell of the catalogue; wards come on top.
    assert!(report.lines.len() >= 126, "every line: {}", report.lines.len());
}

#[test]
fn what_hubs_release_adds_up() {
    let programme = Programme::draw(11, &[Size::Large, Size::Middling, Size::Tiny, Size::ListensOnly, Size::Large]);
    let federation = Federation::found();
    federation.add_programme(programme.code, programme.first, programme.last);
    let mut hubs = Vec::new();
    for (at, drawn) in programme.hubs.iter().enumerate() {
        let hub = federation.hub(&format!("H{at}"), &drawn.name);
        let sheets = federation.path(&format!("sheets{at}"));
        write::neat(drawn, &sheets).expect("sheets");
        let json = hub.import(&sheets).json(0);
        assert_eq!(array(&json["refused"]), &[] as &[Value]);
        hub.sync();
        check_figures(&hub, &programme, at);
        hubs.push(hub);
    }
    // The charity's own node takes part and is never counted.
    let national = Hub::serve(federation.joined("N", "The charity", &["--kind", "national"]));
    national.import(&federation.path("sheets0")).json(0);
    national.sync();

    let whole = &programme.windows()[0];
    let year = Window::financial_year(2018);
    let quarter = Window::quarter(2019, 2);
    for window in [whole, &year, &quarter] {
        national.approve(&window.code).done();
    }
    national.sync();
    // The last hub releases nothing of the year, so that it is missing there.
    for (window, released) in [(whole, &[0, 1, 2, 3, 4][..]), (&year, &[0, 1, 2, 3]), (&quarter, &[1, 2, 3, 4])] {
        let before = federation.report(&window.code);
        let line = before.headline("people_trained");
        assert_eq!((&line["value"], &line["hubs"], &line["hubs_missing"]), (&Value::Null, &0.into(), &5.into()));
        for at in released {
            hubs[*at].approve(&window.code).done();
            hubs[*at].sync();
        }
        check_report(&federation.report(&window.code), &programme, window, released);
    }
    let table = federation.academy(&["report"], &["--period", &year.code]).done();
    assert!(table.contains("from 4 of 5 hubs"), "coverage on each line: {table}");
    assert!(!table.contains("people_trained"), "titles, not codes: {table}");
}

#[test]
fn nothing_is_published_where_all_hide() {
    let programme = Programme::draw(5, &[Size::Tiny]);
    let federation = Federation::found();
    federation.add_programme(programme.code, programme.first, programme.last);
    let hub = federation.hub("H", &programme.hubs[0].name);
    let sheets = federation.path("sheets");
    write::neat(&programme.hubs[0], &sheets).expect("sheets");
    hub.import(&sheets).json(0);
    hub.sync();
    let window = &programme.windows()[0];
    hub.approve(&window.code).done();
    hub.sync();
    let report = federation.report(&window.code);
    check_report(&report, &programme, window, &[0]);
    assert!(report.headline("training_minutes")["value"].is_null());
    let table = federation.academy(&["report"], &["--period", &window.code]).done();
    assert!(table.contains("not published"), "{table}");
}

#[test]
fn hubs_that_are_not_active_are_not_missed() {
    let programme = Programme::draw(13, &[Size::Middling]);
    let federation = Federation::found();
    let hub = federation.hub("H", &programme.hubs[0].name);
    federation.joined("D", "Not yet a hub", &["--stage", "developing", "--region", "North"]);
    let sheets = federation.path("sheets");
    write::neat(&programme.hubs[0], &sheets).expect("sheets");
    hub.import(&sheets).json(0);
    hub.approve("2018/19").done();
    hub.sync();
    let counts = || {
        let report = federation.report("2018/19");
        let line = report.headline("actions_held");
        (line["hubs"].as_u64(), line["hubs_missing"].as_u64())
    };
    assert_eq!(counts(), (Some(1), Some(0)));
    federation.academy(&["hub", "set"], &["--name", "Not yet a hub", "--stage", "active"]).done();
    assert_eq!(counts(), (Some(1), Some(1)));
    // A hub that has closed since has released all the same.
    federation.academy(&["hub", "set"], &["--name", &programme.hubs[0].name, "--stage", "closed"]).done();
    assert_eq!(counts(), (Some(1), Some(1)));
}

#[test]
fn the_preview_shows_what_leaves_and_the_first_release_stands() {
    let programme = Programme::draw(23, &[Size::Middling]);
    let drawn = &programme.hubs[0];
    let federation = Federation::found();
    federation.add_programme(programme.code, programme.first, programme.last);
    let hub = federation.hub("H", &drawn.name);
    let sheets = federation.path("sheets");
    write::neat(drawn, &sheets).expect("sheets");
    hub.import(&sheets).json(0);
    hub.sync();

    let window = Window::financial_year(2018);
    let table = hub.run(&["release"], &["--period", &window.code]).done();
    assert!(table.contains("People trained") && !table.contains("people_trained"), "titles, not codes: {table}");
    let client = Client::of(&hub.folder);
    let preview = client.preview(&window.code);
    for truth in count::truths(drawn, &window) {
        let cell = preview.cells.iter().find(|cell| cell.indicator == truth.code && cell.dimension.is_empty());
        let cell = cell.unwrap_or_else(|| panic!("no {} in the preview", truth.code));
        assert_eq!(cell.true_value, truth.value, "{}", truth.code);
        assert!(!cell.reason.is_empty() && !cell.title.is_empty(), "{cell:?}");
    }
    assert_eq!(client.releases().len(), 0, "a preview stores nothing");

    hub.approve(&window.code).done();
    let id = "2018-19.0";
    let first = client.release(id);
    assert_eq!(first.payload, preview.payload, "what was previewed is what leaves");
    hub.approve(&window.code).done();
    hub.sync();
    hub.approve(&window.code).done();
    assert_eq!(client.release(id).payload, first.payload, "the same figures, the same bytes");
    assert_eq!(client.releases().len(), 1);
    let listed = hub.run(&["release"], &["--list"]).done();
    assert!(listed.contains(id), "{listed}");
    let shown = hub.run(&["release"], &["--show", id]).done();
    assert!(shown.contains("People trained"), "{shown}");

    // One more project in that year changes an open figure, so the release would differ.
    let mut changed = drawn.clone();
    changed.projects[0].started = window.first;
    let mut another = changed.projects[0].clone();
    another.reference = "one more".to_owned();
    changed.projects.push(another);
    write::neat(&changed, &sheets).expect("sheets");
    hub.import(&sheets).json(0);
    let new = count::figure(&changed, "community_projects_supported", &window);
    let old = count::figure(drawn, "community_projects_supported", &window);
    assert_ne!(new, old);
    let preview = hub.run(&["release"], &["--period", &window.code]).done();
    assert!(preview.contains("Community projects supported: was"), "says what a revision changes: {preview}");
    hub.approve(&window.code).done();
    assert_eq!(client.release(id).payload, first.payload, "the first release is kept as it left");
    assert_eq!(client.releases().len(), 2);
    hub.sync();
    let line = federation.report(&window.code);
    assert_eq!(line.headline("community_projects_supported")["value"].as_u64(), Some(new), "the revision counts");

    // One revision a period and financial year.
    let mut again = changed.projects[0].clone();
    again.reference = "and another".to_owned();
    changed.projects.push(again);
    write::neat(&changed, &sheets).expect("sheets");
    hub.import(&sheets).json(0);
    hub.approve(&window.code).done();
    assert_eq!(client.releases().len(), 2, "this year had its revision");

    // A period that is not over: the far end of any programme that these tests could outlive.
    hub.approve("2090-Q1").fails(1, &[]);
    hub.approve("programme/NOSUCH").fails(1, &["NOSUCH"]);
}

#[test]
fn messy_sheets_lose_nothing_in_silence() {
    let programme = Programme::draw(31, &[Size::Large, Size::Middling]);
    let federation = Federation::found();
    federation.add_programme(programme.code, programme.first, programme.last);
    for (at, drawn) in programme.hubs.iter().enumerate() {
        let hub = federation.hub(&format!("H{at}"), &drawn.name);
        hub.sync();
        let sheets = federation.path(&format!("messy{at}"));
        let expected = write::messy(drawn, &sheets, 31).expect("sheets");

        let dry = hub.run(&["import"], &[text(&sheets), "--dry-run", "--format", "json"]).json(3);
        check_refused(&dry, &expected);
        assert_eq!(hub.indicators("programme/TWOYEARS")["listenings"], 0, "a dry run writes nothing");

        let json = hub.import(&sheets).json(3);
        check_refused(&json, &expected);
        check_figures(&hub, &programme, at);

        // Rejected rows lie beside the sheets, for their owner alone.
        let rejected = sheets.join("rejected");
        for file in ["people.csv", "listenings.csv", "funding.csv"] {
            let path = rejected.join(file);
            let rows = fs::read_to_string(&path).expect("rejected rows");
            let header = rows.lines().next().unwrap_or_default();
            assert!(header.contains("row") && header.contains("reason"), "{header}");
            let mode = fs::metadata(&path).expect("metadata").permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{}", path.display());
        }
        // A row whose reason still stands is not taken.
        let again = hub.run(&["import"], &[text(&rejected), "--format", "json"]).json(3);
        assert!(array(&again["files"]).iter().all(|file| file["created"] == 0 && file["updated"] == 0), "{again}");

        // The same folder again changes nothing.
        let again = hub.import(&sheets).json(3);
        check_refused(&again, &expected);
        for file in array(&again["files"]) {
            assert_eq!((file["created"].as_u64(), file["updated"].as_u64()), (Some(0), Some(0)), "{file}");
        }
        check_figures(&hub, &programme, at);
    }
}

#[track_caller]
fn check_refused(json: &Value, expected: &[write::Refused]) {
    let mut found: Vec<_> = array(&json["refused"])
        .iter()
        .map(|row| {
            assert!(!string(&row["reason"]).is_empty(), "{row}");
            write::Refused { file: string(&row["file"]), row: row["row"].as_u64().expect("a row number") }
        })
        .collect();
    // A row with several violations is listed with each.
    found.sort();
    found.dedup();
    assert_eq!(found, expected);
    for file in array(&json["files"]) {
        let number = |key: &str| file[key].as_u64().unwrap_or_else(|| panic!("no {key}: {file}"));
        let refused = expected.iter().filter(|row| file["file"] == row.file).count() as u64;
        assert_eq!(number("refused"), refused, "{file}");
        let taken = number("created") + number("updated") + number("unchanged");
        assert_eq!(number("read"), taken + refused, "{file}");
    }
}

#[test]
fn a_correction_moves_the_figures() {
    let mut programme = Programme::draw(41, &[Size::Middling]);
    let federation = Federation::found();
    federation.add_programme(programme.code, programme.first, programme.last);
    let hub = federation.hub("H", &programme.hubs[0].name);
    hub.sync();
    let sheets = federation.path("sheets");
    write::neat(&programme.hubs[0], &sheets).expect("sheets");
    hub.import(&sheets).json(0);
    check_figures(&hub, &programme, 0);

    let drawn = &mut programme.hubs[0];
    drawn.sessions[0].date = Window::quarter(2019, 4).last;
    drawn.sessions[1].minutes += 45;
    drawn.people[1].birth_year = Some(2001);
    drawn.people[2].gender = 2;
    drawn.attendances[0].completed = !drawn.attendances[0].completed;
    drawn.listenings[0].person = None;
    drawn.listenings[0].repeat = false;
    drawn.listenings[1].date = Window::quarter(2018, 2).first;
    drawn.actions[0].date = Window::quarter(2019, 1).last;
    drawn.funding[0].pence += 1;
    drawn.campaigns[0].reported_back = Some(Window::quarter(2018, 3).last);
    write::neat(drawn, &sheets).expect("sheets");
    let json = hub.import(&sheets).json(0);
    let updated: u64 = array(&json["files"]).iter().filter_map(|file| file["updated"].as_u64()).sum();
    assert!((8..=11).contains(&updated), "{json}");
    check_figures(&hub, &programme, 0);

    // Rows gone from a later folder stay.
    fs::write(sheets.join("listenings.csv"), fs::read(sheets.join("listenings.csv")).map(first_line).expect("a sheet"))
        .expect("a sheet");
    hub.import(&sheets).json(0);
    check_figures(&hub, &programme, 0);

    let shown = hub.run(&["person", "show", "p/0"], &[]).done();
    let organised = programme.hubs[0].listenings.iter().filter(|row| row.organiser == "p/0").count();
    assert!(organised > 0 && shown.matches("l-").count() >= organised, "all that the hub holds: {shown}");
    hub.run(&["person", "show", "nobody"], &[]).fails(1, &[]);
}

fn first_line(bytes: Vec<u8>) -> Vec<u8> {
    let end = bytes.iter().position(|byte| *byte == b'\n').map_or(bytes.len(), |at| at + 1);
    bytes[..end].to_vec()
}
