//! Disclosure control under attack: hubs are drawn, release in any order, and somebody who holds it all and knows the rules
//! looks for what can be worked out. The attacker shares no code with the audit.
//!
//! `FOLKMOOT_TABLES` asks for as many histories as one wants (`300`), or for those of some seeds (`51-60`); each has several
//! linked tables a release.

#![allow(clippy::print_stdout, reason = "what was tried is part of the result")]

mod cases;
mod weakened;

use std::num::NonZero;
use std::ops::RangeInclusive;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use folkmoot_disclosure::Policy;
use folkmoot_tests::attack::attacker::{Findings, attack};
use folkmoot_tests::attack::draw::{self, Shape};
use folkmoot_tests::attack::history::{Calendar, Hub};
use folkmoot_tests::chance::Chance;

/// Breakdowns of one release, each a table.
const TABLES: usize = 16;

/// The seeds of the histories: up to a number, or from one to another.
fn histories() -> RangeInclusive<u64> {
    let wanted = std::env::var("FOLKMOOT_TABLES").unwrap_or_else(|_| "50".to_owned());
    let number = |text: &str| text.parse::<u64>().expect("FOLKMOOT_TABLES is a number, or two with a hyphen");
    match wanted.split_once('-') {
        Some((first, last)) => number(first)..=number(last),
        None => 1..=number(&wanted),
    }
}

/// A hub drawn from a seed that has released some of its periods, in any order.
fn drawn(seed: u64) -> Hub {
    let chance = &mut Chance::new(seed);
    let first = 2018 * 4 + chance.below(4) as i32;
    let last = first + chance.between(1, 3) as i32;
    let rate = [0, 1, 2, 3, 5];
    let shape = Shape {
        first,
        last,
        people: chance.pick(&[12, 20, 30, 45, 80, 150]),
        concentration: chance.pick(&[20, 60, 90, 97]),
        one_in: [chance.pick(&rate), chance.pick(&rate), chance.pick(&rate)],
        wards: chance.below(5),
    };
    let facts = draw::facts(chance, &shape);
    let calendar = Calendar::new(first, last, &[("P", first..=last)]);
    let mut periods = calendar.periods();
    chance.shuffle(&mut periods);
    periods.truncate(chance.between(1, periods.len()));
    let mut hub = Hub::new(calendar, facts, Policy::floor());
    for (period, _) in &periods {
        hub.release(period).expect("a release");
    }
    hub
}

fn assert_safe(what: &str, findings: &Findings) {
    let words: Vec<String> = findings.breaches.iter().map(ToString::to_string).collect();
    assert!(words.is_empty(), "{what}: {} of {} given away: {words:#?}", words.len(), findings.protected);
}

#[test]
fn nothing_small_can_be_worked_out_of_random_histories() {
    let seeds: Vec<u64> = histories().collect();
    let next = AtomicUsize::new(0);
    let all: Mutex<(Findings, usize)> = Mutex::default();
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, NonZero::get) {
            scope.spawn(|| {
                while let Some(seed) = seeds.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let hub = drawn(*seed);
                    let findings = attack(&hub);
                    findings.breaches.iter().for_each(|breach| println!("seed {seed}: {breach}"));
                    let mut all = all.lock().expect("no thread has panicked");
                    all.0.add(findings);
                    all.1 += TABLES * hub.made.len();
                }
            });
        }
    });
    let (all, tables) = all.into_inner().expect("no thread has panicked");
    println!(
        "{} hubs, {tables} linked tables: {} protected values, {} given away, {} undecided",
        seeds.len(),
        all.protected,
        all.breaches.len(),
        all.undecided.len()
    );
    assert_safe("random histories", &all);
    assert!(all.protected > 100 * seeds.len());
    assert!(all.undecided.len() * 200 <= all.protected, "too much is undecided: {}", all.undecided.len());
}
