//! Everything that a hub as large as a city releases in three years, audited; beside counting its figures.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use folkmoot_disclosure::{Account, Observation, Observations, Policy, Released, prepare};
use folkmoot_domain::calendar::{Period, Quarter, Span};
use folkmoot_domain::indicator::{Category, CellKey};
use folkmoot_tests::attack::draw::{self, Shape};
use folkmoot_tests::attack::history::Calendar;
use folkmoot_tests::chance::Chance;
use tokio::runtime::Runtime;

use crate::measure::{Figure, Goal, Line, Unit, millis};
use crate::nodes::{memory_of, text, workshop};

/// The audits, as a process of their own, whose memory holds no facts.
pub(crate) const PART: &str = "audit";

const FIRST: i32 = 2017 * 4 + 1;
const LAST: i32 = FIRST + 11;
const HUB: [u8; 32] = [7; 32];
const FILE: &str = "figures";

/// As large as a city; and a small hub, which is harder, since more of its figures are of few people.
pub(crate) fn measure(_: &Runtime, runs: usize) -> Vec<Line> {
    [(100_000, 30, Goal::Times(1.0)), (60, 3, Goal::None)].into_iter().flat_map(|hub| audits(hub, runs)).collect()
}

fn audits((people, wards, goal): (usize, usize, Goal), runs: usize) -> [Line; 2] {
    let shape = Shape { first: FIRST, last: LAST, people, concentration: 60, one_in: [20, 5, 10], wards };
    let facts = draw::facts(&mut Chance::new(1), &shape);
    let periods = periods();
    let place = workshop();
    let (mut audits, mut counts) = (Figure::new(Unit::Milliseconds), Figure::new(Unit::Milliseconds));
    let mut memory = Figure::new(Unit::Mebibytes);
    for _ in 0..runs {
        let began = Instant::now();
        let counted = periods.iter().map(|(_, span)| facts.count(quarters(*span)));
        let counted: Vec<BTreeMap<CellKey, Observation>> = counted.collect();
        counts.add(millis(began.elapsed()));
        std::fs::write(place.path().join(FILE), written(&counted)).expect("a file");
        let mut command = Command::new(std::env::current_exe().expect("this program"));
        let output = command.args(["--part", PART, text(place.path())]).output().expect("a process");
        let told = String::from_utf8(output.stdout).expect("text");
        let told: Vec<f64> = told.split_whitespace().map(|number| number.parse().expect("a number")).collect();
        audits.add(told[0]);
        memory.add(told[1]);
    }
    let what = format!("audit of all {} releases, {people} people in 12 quarters and {wards} wards", periods.len());
    [
        Line { what, product: audits, bare: Some(counts), peer: None, goal },
        Line {
            what: "memory of these audits".to_owned(),
            product: memory,
            bare: None,
            peer: None,
            goal: Goal::AtMost(32.0),
        },
    ]
}

/// Reads figures, releases every period, and gives how many milliseconds that took and how many MiB more than before were
/// resident at most.
pub(crate) fn release_all(folder: &Path) -> (f64, f64) {
    let figures = std::fs::read_to_string(folder.join(FILE)).expect("a file");
    let observations: Vec<Observations> = periods()
        .into_iter()
        .zip(figures.split("\n\n"))
        .map(|((period, span), lines)| Observations::new(period, span, read(lines)).expect("figures that agree"))
        .collect();
    drop(figures);
    let (before, _) = memory_of("self");
    let began = Instant::now();
    let (policy, mut released) = (Policy::floor(), Vec::<Released>::new());
    for seen in &observations {
        let today = Quarter::of(seen.span().last).next().last_day();
        let account = Account::new(observations.clone(), released.clone());
        let prepared = prepare(&account, seen.period(), HUB, &policy, today).expect("a release");
        released.push(Released {
            period: seen.period().clone(),
            revision: 0,
            approved_on: today,
            terms: prepared.release.terms(),
            catalogue_version: prepared.release.catalogue_version(),
            cells: prepared.release.cells().to_vec(),
            outdated: BTreeSet::new(),
        });
    }
    (millis(began.elapsed()), memory_of("self").1 - before)
}

/// Every period, in the order in which they end.
fn periods() -> Vec<(Period, Span)> {
    let mut periods = Calendar::new(FIRST, LAST, &[("P", FIRST..=LAST)]).periods();
    periods.sort_by_key(|(period, span)| (span.last, span.last - span.first, period.clone()));
    periods
}

fn quarters(span: Span) -> std::ops::RangeInclusive<i32> {
    Quarter::of(span.first).index()..=Quarter::of(span.last).index()
}

/// A line for each cell, and an empty one between periods.
fn written(counted: &[BTreeMap<CellKey, Observation>]) -> String {
    let mut lines = String::new();
    for (at, cells) in counted.iter().enumerate() {
        lines.push_str(if at > 0 { "\n" } else { "" });
        for (cell, seen) in cells {
            let dimension = cell.dimension().map_or("", |dimension| dimension.code());
            let category = cell.category.as_ref().map_or("", Category::code);
            let Observation { value, people_behind, largest, two_largest, events_with_people } = seen;
            let code = cell.indicator.code();
            writeln!(
                lines,
                "{code},{dimension},{category},{value},{people_behind},{largest},{two_largest},{events_with_people}"
            )
            .expect("memory");
        }
    }
    lines
}

fn read(lines: &str) -> BTreeMap<CellKey, Observation> {
    let cells = lines.lines().map(|line| {
        let fields: Vec<&str> = line.split(',').collect();
        let cell = CellKey::from_codes(fields[0], fields[1], fields[2]).expect("a cell");
        let number = |at: usize| fields[at].parse::<u64>().expect("a number");
        let seen = Observation {
            value: number(3),
            people_behind: number(4),
            largest: number(5),
            two_largest: number(6),
            events_with_people: number(7),
        };
        (cell, seen)
    });
    cells.collect()
}
