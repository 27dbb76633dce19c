//! The tour, command by command, as README and scripts use it.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use folkmoot_tests::day::Day;
use folkmoot_tests::generator::{Programme, Size, count, write};
use serde_json::Value;

use crate::command::{Outcome, folkmoot, text};
use crate::federation::{array, status};
use crate::served::{Role, Served};

static TOUR_PORT: Mutex<()> = Mutex::new(());

/// The port of the tour, for one test at a time; another where this machine uses it already.
pub(crate) fn tour_port() -> (MutexGuard<'static, ()>, u16) {
    let turn = TOUR_PORT.lock().unwrap_or_else(PoisonError::into_inner);
    let free = TcpListener::bind(("127.0.0.1", 7400)).or_else(|_| TcpListener::bind(("127.0.0.1", 0)));
    let port = free.and_then(|listener| listener.local_addr()).expect("a free port").port();
    (turn, port)
}

const REPORT_LINE: [&str; 13] = [
    "code",
    "title",
    "unit",
    "aggregation",
    "breakdown",
    "value",
    "low",
    "high",
    "hubs",
    "hubs_hidden",
    "hubs_rounded",
    "hubs_missing",
    "label",
];
const DECLARED: [&str; 8] = ["programme", "label", "indicator", "figure", "qualifier", "kind", "source", "comparable"];

#[track_caller]
fn has_keys(value: &Value, keys: &[&str]) {
    let object = value.as_object().unwrap_or_else(|| panic!("no object: {value}"));
    for key in keys {
        assert!(object.contains_key(*key), "{key} is missing: {value}");
    }
}

#[test]
fn the_tour() {
    let (_turn, port) = tour_port();
    let home = tempfile::Builder::new().prefix("fm").tempdir().expect("a temporary folder");
    let (a, h) = (home.path().join("A"), home.path().join("H"));
    let (a, h) = (text(&a), text(&h));
    let listen = format!("127.0.0.1:{port}");
    // The hub's records, from the same two years as the tour's programme.
    let drawn = &Programme::draw(2, &[Size::Large]).hubs[0];
    let sheets = home.path().join("FOLDER");
    write::neat(drawn, &sheets).expect("sheets");

    folkmoot(&["academy", "init", "--data", a, "--name", "National Academy", "--listen", &listen]).done();
    folkmoot(&["academy", "programme", "list", "--data", a]).fails(1, &["serve"]);
    let academy = Served::start(Role::Academy, Path::new(a));
    assert_eq!(academy.ready, format!("ready: academy National Academy on 127.0.0.1:{port}"));
    folkmoot(&["academy", "programme", "add", "COEP", "--from", "2017-04-01", "--to", "2020-03-31", "--data", a])
        .done();
    let code = folkmoot(&["academy", "invite", "--data", a, "--name", "Warminster"]).done();
    assert_eq!(code.lines().count(), 1, "the code alone: {code}");

    folkmoot(&["hub", "init", "--data", h, "--name", "Warminster", "--listen", "127.0.0.1:0"]).done();
    folkmoot(&["hub", "join", "--data", h, code.trim()]).done();
    let hub = Served::start(Role::Hub, Path::new(h));
    assert!(hub.ready.starts_with("ready: hub Warminster on 127.0.0.1:"), "{}", hub.ready);
    assert!(!hub.ready.ends_with(":0"), "{}", hub.ready);
    assert!(hub.log().to_lowercase().contains("trial only"), "said on stderr: {}", hub.log());

    let import = folkmoot(&["hub", "import", "--data", h, text(&sheets)]).done();
    assert!(import.contains("listenings.csv"), "{import}");
    let figures =
        folkmoot(&["hub", "indicators", "--data", h, "--period", "programme/COEP", "--format", "json"]).json(0);
    has_keys(&figures, &["period", "indicators"]);
    for indicator in array(&figures["indicators"]) {
        has_keys(indicator, &["code", "value"]);
    }
    let preview = folkmoot(&["hub", "release", "--data", h, "--period", "programme/COEP"]).done();
    assert!(preview.contains("People trained"), "{preview}");
    folkmoot(&["hub", "release", "--data", h, "--period", "programme/COEP", "--approve"]).done();
    folkmoot(&["sync", "--data", h, "--wait"]).done();

    let report =
        folkmoot(&["academy", "report", "--data", a, "--period", "programme/COEP", "--format", "json"]).json(0);
    check_report_shape(&report);
    let whole = folkmoot_tests::day::Window::programme("COEP", Day::new(2017, 4, 1), Day::new(2020, 3, 31));
    for code in ["people_trained", "listenings", "funding_leveraged_pence"] {
        let line = array(&report["indicators"]).iter().find(|line| line["code"] == code && line["breakdown"].is_null());
        let line = line.unwrap_or_else(|| panic!("no {code}"));
        assert_eq!(line["value"].as_u64(), Some(count::figure(drawn, code, &whole)), "{line}");
    }
    let told = status(Path::new(h));
    assert!(told.contains("Warminster") && told.contains("National Academy"), "who, and its peers: {told}");
    let told = status(Path::new(a));
    assert!(told.contains("National Academy") && told.contains("Warminster"), "{told}");

    check_hub_commands(a);
    for words in [
        &["hub", "release", "--data", h, "--period", "2018-Q3"][..],
        &["hub", "release", "--data", h, "--list"],
        &["hub", "release", "--data", h, "--show", "programme-COEP.0"],
        &["hub", "person", "show", "p/1", "--data", h],
        &["academy", "programme", "list", "--data", a],
        &["academy", "hub", "list", "--data", a],
        &["status", "--data", h],
        &["status", "--data", a],
    ] {
        folkmoot(&[words, &["--format", "json"]].concat()).json(0);
    }
    hub.stop();
    academy.stop();
    folkmoot(&["status", "--data", h]).fails(1, &["folkmoot hub serve"]);
    folkmoot(&["status", "--data", a]).fails(1, &["folkmoot academy serve"]);
}

#[track_caller]
fn check_report_shape(report: &Value) {
    has_keys(report, &["period", "from", "to", "indicators", "declared"]);
    assert_eq!(report["period"], "programme/COEP");
    assert_eq!((&report["from"], &report["to"]), (&"2017-04-01".into(), &"2020-03-31".into()));
    for line in array(&report["indicators"]) {
        has_keys(line, &REPORT_LINE);
        if !line["breakdown"].is_null() {
            has_keys(&line["breakdown"], &["dimension", "category"]);
        }
        for number in ["low", "hubs", "hubs_hidden", "hubs_rounded", "hubs_missing"] {
            assert!(line[number].is_u64(), "{number} is a number: {line}");
        }
        assert!(line["value"].is_null() || line["value"].is_u64(), "{line}");
        if line["aggregation"] == "distinct" {
            assert_eq!(line["label"], "sum of hub-distinct", "{line}");
        }
    }
    let headlines: Vec<_> = array(&report["indicators"])
        .iter()
        .filter(|line| line["breakdown"].is_null())
        .map(|line| line["code"].as_str().unwrap_or_default())
        .collect();
    assert_eq!(headlines, count::CODES, "every indicator, in the order of the catalogue");
    let declared = array(&report["declared"]);
    for figure in declared {
        has_keys(figure, &DECLARED);
        assert_eq!(figure["programme"], "COEP", "{figure}");
        assert!(figure["figure"].is_u64() && figure["comparable"].is_boolean(), "{figure}");
    }
    for figure in [3_966, 3_500, 341, 22, 40] {
        assert!(declared.iter().any(|line| line["figure"] == figure), "{figure} was declared: {declared:?}");
    }
}

#[track_caller]
fn check_hub_commands(a: &str) {
    let set =
        ["academy", "hub", "set", "--data", a, "--name", "Warminster", "--region", "South West", "--stage", "active"];
    folkmoot(&set).done();
    let listed = folkmoot(&["academy", "hub", "list", "--data", a]).done();
    assert!(listed.contains("Warminster") && listed.contains("South West"), "{listed}");
    // Its address went with the join.
    assert!(listed.contains("127.0.0.1:"), "{listed}");
    folkmoot(&["academy", "hub", "set", "--data", a, "--name", "Nowhere", "--region", "x"])
        .fails(1, &["no such hub", "hub list"]);
}

#[test]
fn exit_statuses_and_refusals() {
    let home = tempfile::Builder::new().prefix("fm").tempdir().expect("a temporary folder");
    let path = home.path().join("A");
    let a = text(&path);
    let init = |address: &str| -> Outcome {
        folkmoot(&["academy", "init", "--data", a, "--name", "X", "--listen", "127.0.0.1:0", "--address", address])
    };
    folkmoot(&["academy", "unheard-of"]).fails(2, &[]);
    folkmoot(&["academy", "init", "--data", a]).fails(2, &["--name"]);
    folkmoot(&["status", "--data", text(&home.path().join("nowhere"))]).fails(1, &["nowhere"]);
    for wildcard in ["0.0.0.0:7400", "[::]:7400"] {
        let outcome = init(wildcard);
        assert!(matches!(outcome.code, Some(1 | 2)), "{outcome}");
        assert!(!path.join("folkmoot.toml").exists(), "nothing half made: {outcome}");
    }
    // A wildcard to listen on needs an address for the codes.
    let outcome = folkmoot(&["academy", "init", "--data", a, "--name", "X", "--listen", "0.0.0.0:0"]);
    assert!(matches!(outcome.code, Some(1 | 2)), "{outcome}");
    assert!(outcome.err.contains("--address"), "{outcome}");

    init("academy.example.org:7400").done();
    init("academy.example.org:7400").fails(1, &[]);
    let first = Served::start(Role::Academy, &path);
    let again = Served::start_with(Role::Academy, &path, &[]).expect_err("served already");
    again.fails(1, &[]);
    init("academy.example.org:7400").fails(1, &[]);
    folkmoot(&["hub", "indicators", "--data", a, "--period", "2018-Q3"]).fails(1, &["hub"]);
    folkmoot(&["academy", "report", "--data", a, "--period", "2018-Q9"]).fails(2, &["2018-Q3"]);
    folkmoot(&["academy", "report", "--data", a, "--period", "programme/NONE"]).fails(1, &["NONE"]);
    for (first, last) in [("2017-04-02", "2020-03-31"), ("2017-04-01", "2020-03-30"), ("2020-04-01", "2017-03-31")] {
        let add = folkmoot(&["academy", "programme", "add", "ODD", "--from", first, "--to", last, "--data", a]);
        assert!(matches!(add.code, Some(1 | 2)), "whole quarters only: {add}");
    }
    let add =
        |last: &str| folkmoot(&["academy", "programme", "add", "P", "--from", "2018-01-01", "--to", last, "--data", a]);
    add("2018-12-31").done();
    add("2018-12-31").done();
    add("2019-03-31").fails(1, &["P"]);

    // The port was picked by `init` and is kept.
    let listens = first.listens();
    first.stop();
    assert_eq!(Served::start(Role::Academy, &path).listens(), listens);
    let modes = |path: &Path| fs::metadata(path).expect("metadata").permissions().mode() & 0o777;
    assert_eq!(modes(&path), 0o700);
    for entry in fs::read_dir(&path).expect("a folder") {
        let entry = entry.expect("an entry");
        let expected = if entry.file_type().expect("a type").is_dir() { 0o700 } else { 0o600 };
        assert_eq!(modes(&entry.path()), expected, "{}", entry.path().display());
    }
}

#[test]
fn waiting_ends_with_status_4_when_the_academy_is_away() {
    let mut federation = crate::federation::Federation::found();
    let hub = federation.hub("H", "Alone");
    federation.academy.take().expect("an Academy").stop();
    let sheets = federation.path("sheets");
    write::neat(&Programme::draw(3, &[Size::Middling]).hubs[0], &sheets).expect("sheets");
    hub.import(&sheets).json(0);
    hub.approve("2018/19").done();
    folkmoot(&["sync", "--data", text(&hub.folder), "--wait", "--timeout", "1"]).fails(4, &[]);
    assert!(hub.indicators("2018/19")["listenings"] > 0, "a hub works alone");
    federation.serve_academy();
    hub.sync();
    assert_eq!(federation.report("2018/19").headline("actions_held")["hubs"], 1);
}
