//! The whole national programme of 2017 to 2020, invented by a generator that is not this project's.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use folkmoot_tests::day::Day;
use folkmoot_tests::generator::count::CODES;
use folkmoot_tests::published::{self, Published};
use serde_json::Value;

use crate::command::{run, text};
use crate::federation::{Federation, Hub, array, string};

/// The one file outside the project that a test reads, where it exists.
fn generator() -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/coep/generate.py");
    let found = path.exists().then_some(path);
    if found.is_none() {
        let _ = writeln!(std::io::stderr(), "skipped: there is no ../shared/coep/generate.py beside this project");
    }
    found
}

#[track_caller]
fn generate(generator: &Path, out: &Path, flags: &[&str]) -> Value {
    let mut command = Command::new("python3");
    command.arg(generator).args(["--out", text(out), "--seed", "1"]).args(flags);
    run(command, "generate.py").done();
    let expected = fs::read_to_string(out.join("expected.json")).expect("expected.json");
    serde_json::from_str(&expected).expect("JSON")
}

/// (slug, name) of every hub.
fn hubs(expected: &Value) -> Vec<(String, String)> {
    let hubs = expected["hubs"].as_object().expect("hubs");
    hubs.iter().map(|(slug, hub)| (slug.clone(), string(&hub["name"]))).collect()
}

/// What `expected.json` calls the programme.
fn expected_period(period: &str) -> &str {
    if period == "programme/COEP" { "programme" } else { period }
}

#[track_caller]
fn check_figures(hub: &Hub, indicators: &Value, period: &str, who: &str) {
    let figures = hub.indicators(period);
    assert_eq!(figures.len(), CODES.len(), "{figures:?}");
    for (code, value) in figures {
        let expected = indicators[&code][expected_period(period)].as_u64().unwrap_or(0);
        assert_eq!(value, expected, "{code} of {who} in {period}");
    }
}

fn every_period(indicators: &Value) -> Vec<String> {
    let mut periods: Vec<String> = indicators
        .as_object()
        .expect("indicators")
        .values()
        .flat_map(|figures| figures.as_object().expect("figures").keys().cloned())
        .map(|period| if period == "programme" { "programme/COEP".to_owned() } else { period })
        .collect();
    periods.sort();
    periods.dedup();
    periods
}

/// A hub's figure under rule 1, from what `expected.json` tells. A structural zero cannot be told from it apart.
fn headline(indicators: &Value, code: &str, period: &str) -> Option<Published> {
    let figure = |code: &str| indicators[code][expected_period(period)].as_u64().unwrap_or(0);
    let value = figure(code);
    let people = match code {
        "people_trained" | "young_people_trained" | "people_listened_to" | "people_mobilised" => value,
        "training_minutes" => figure("people_trained"),
        "listenings" => figure("people_listened_to"),
        _ => return Some(Published::Exact(value)),
    };
    match people {
        8.. => Some(Published::Exact(value)),
        _ => None,
    }
}

#[test]
fn the_programme_of_2017_to_2020_adds_up() {
    let Some(generator) = generator() else { return };
    let federation = Federation::found();
    federation.add_programme("COEP", Day::new(2017, 4, 1), Day::new(2020, 3, 31));
    let sheets = federation.path("sheets");
    let expected = generate(&generator, &sheets, &[]);
    let periods = ["programme/COEP", "2018/19", "2018-Q3"];

    for (at, (slug, name)) in hubs(&expected).into_iter().enumerate() {
        let hub = federation.hub(&format!("H{at}"), &name);
        let json = hub.import(&sheets.join(&slug)).json(0);
        assert_eq!(array(&json["refused"]).len(), 0, "{json}");
        let indicators = &expected["hubs"][&slug]["indicators"];
        for period in every_period(indicators) {
            check_figures(&hub, indicators, &period, &name);
        }
        for period in periods {
            hub.approve(period).done();
        }
        hub.sync();
        hub.stop();
    }

    for period in periods {
        let report = federation.report(period);
        for ((code, category), line) in &report.lines {
            if category.is_some() {
                continue;
            }
            assert_eq!((line["hubs"].as_u64(), line["hubs_missing"].as_u64()), (Some(22), Some(0)), "{line}");
            let truth = expected["nation"][code][expected_period(period)].as_u64().unwrap_or(0);
            let low = line["low"].as_u64().expect("a low bound");
            assert!(low <= truth && line["high"].as_u64().is_none_or(|high| truth <= high), "{truth}: {line}");
            let all = expected["hubs"].as_object().expect("hubs").values();
            let figures: Option<Vec<_>> = all.map(|hub| headline(&hub["indicators"], code, period)).collect();
            // Where no rule but the audit could hide a hub's figure, the total is exact or the audit has its part in it.
            if let (Some(figures), true) = (figures, line["hubs_hidden"] == 0 && line["hubs_rounded"] == 0) {
                let sum = published::line(&figures);
                assert_eq!(line["value"].as_u64(), sum.value, "exact where every hub is: {line}");
                assert_eq!(line["value"].as_u64(), Some(truth), "{line}");
            }
        }
    }
    let report = federation.report("programme/COEP");
    for (code, total) in [("trainers_quality_assured", 40), ("funding_leveraged_pence", 125_438_250)] {
        assert_eq!(report.headline(code)["value"].as_u64(), Some(total), "{}", report.headline(code));
    }
    for (code, total) in [("people_trained", 3_966), ("people_mobilised", 2_987), ("people_listened_to", 30_412)] {
        let line = report.headline(code);
        let (low, high) = (line["low"].as_u64().expect("a low bound"), line["high"].as_u64());
        assert!(low <= total && high.is_none_or(|high| total <= high), "{total}: {line}");
        // Hardly any of it is lost.
        assert!(low * 100 >= total * 97, "{total}: {line}");
    }
    let young = report.headline("young_people_trained");
    let (low, high) = (young["low"].as_u64().expect("low"), young["high"].as_u64());
    assert!(low <= 341 && high.is_none_or(|high| 341 <= high), "{young}");
}

#[test]
fn messy_sheets_of_the_programme_are_refused_row_by_row() {
    let Some(generator) = generator() else { return };
    let federation = Federation::found();
    federation.add_programme("COEP", Day::new(2017, 4, 1), Day::new(2020, 3, 31));
    let sheets = federation.path("sheets");
    let expected = generate(&generator, &sheets, &["--messy"]);
    for (at, (slug, name)) in hubs(&expected).into_iter().enumerate() {
        let hub = federation.hub(&format!("H{at}"), &name);
        let json = hub.import(&sheets.join(&slug)).json(3);
        let row = |row: &Value| (string(&row["file"]), row["row"].as_u64().expect("a row number"));
        let mut found: Vec<_> = array(&json["refused"]).iter().map(row).collect();
        let mut wanted: Vec<_> = array(&expected["hubs"][&slug]["rejected"]).iter().map(row).collect();
        found.sort();
        found.dedup();
        wanted.sort();
        assert_eq!(found, wanted, "{name}");
        let indicators = &expected["hubs"][&slug]["indicators"];
        for period in ["programme/COEP", "2017/18", "2018/19", "2019/20", "2018-Q3", "2019-Q1"] {
            check_figures(&hub, indicators, period, &name);
        }
        hub.kill();
    }
}
