//! Everything that a hub as large as a city releases in three years, audited; beside counting its figures.

use std::time::Instant;

use folkmoot_disclosure::{Account, Observations, Policy, Released, prepare};
use folkmoot_domain::calendar::{Period, Quarter, Span};
use folkmoot_tests::attack::draw::{self, Shape};
use folkmoot_tests::attack::history::Calendar;
use folkmoot_tests::chance::Chance;
use tokio::runtime::Runtime;

use crate::measure::{Figure, Goal, Line, Unit, millis};

const PEOPLE: usize = 100_000;
const WARDS: usize = 30;
const FIRST: i32 = 2017 * 4 + 1;
const LAST: i32 = FIRST + 11;
const HUB: [u8; 32] = [7; 32];

pub(crate) fn measure(_: &Runtime, runs: usize) -> Vec<Line> {
    let shape =
        Shape { first: FIRST, last: LAST, people: PEOPLE, concentration: 60, one_in: [20, 5, 10], wards: WARDS };
    let facts = draw::facts(&mut Chance::new(1), &shape);
    let calendar = Calendar::new(FIRST, LAST, &[("P", FIRST..=LAST)]);
    let mut periods = calendar.periods();
    periods.sort_by_key(|(period, span)| (span.last, span.last - span.first, period.clone()));
    let (mut audits, mut counts) = (Figure::new(Unit::Milliseconds), Figure::new(Unit::Milliseconds));
    let mut memory = Figure::new(Unit::Mebibytes);
    for _ in 0..runs.min(3) {
        let began = Instant::now();
        let count = |(period, span): &(Period, Span)| {
            let cells = facts.count(calendar.quarters(period));
            Observations::new(period.clone(), *span, cells).expect("figures that agree")
        };
        let observations: Vec<Observations> = periods.iter().map(count).collect();
        counts.add(millis(began.elapsed()));
        let before = forget_peak();
        let began = Instant::now();
        release_all(&periods, &observations);
        audits.add(millis(began.elapsed()));
        memory.add((resident("VmHWM:") - before) / 1024.0);
    }
    let what = format!("audit of all {} releases, {PEOPLE} people in 12 quarters and {WARDS} wards", periods.len());
    vec![
        Line { what, product: audits, bare: Some(counts), goal: Goal::Times(10.0) },
        Line { what: "memory of these audits".to_owned(), product: memory, bare: None, goal: Goal::AtMost(32.0) },
    ]
}

fn release_all(periods: &[(Period, Span)], observations: &[Observations]) {
    let (policy, mut released) = (Policy::floor(), Vec::<Released>::new());
    for (period, span) in periods {
        let today = Quarter::of(span.last).next().last_day();
        let account = Account::new(observations.to_vec(), released.clone());
        let prepared = prepare(&account, period, HUB, &policy, today).expect("a release");
        released.push(Released {
            period: period.clone(),
            revision: 0,
            approved_on: today,
            terms: prepared.release.terms(),
            cells: prepared.release.cells().to_vec(),
            outdated: std::collections::BTreeSet::new(),
        });
    }
}

/// Lets the kernel count this process's peak anew; gives what is resident now, in KiB.
fn forget_peak() -> f64 {
    std::fs::write("/proc/self/clear_refs", "5").expect("Linux");
    resident("VmRSS:")
}

/// A line of this process's status, in KiB.
fn resident(field: &str) -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find_map(|line| line.strip_prefix(field)).expect("a known field");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}
