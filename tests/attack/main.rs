//! Disclosure control under attack: hubs are drawn, release in any order, and somebody who holds it all and knows the rules
//! looks for what can be worked out. The attacker shares no code with the audit.
//!
//! `FOLKMOOT_TABLES` asks for as many histories as one wants; each has several linked tables a release.

#![allow(clippy::print_stdout, reason = "what was tried is part of the result")]

mod cases;
mod weakened;

use folkmoot_disclosure::Policy;
use folkmoot_tests::attack::attacker::{Findings, attack};
use folkmoot_tests::attack::draw::{self, Shape};
use folkmoot_tests::attack::history::{Calendar, Hub};
use folkmoot_tests::chance::Chance;

/// Breakdowns of one release, each a table.
const TABLES: usize = 16;

fn histories() -> u64 {
    std::env::var("FOLKMOOT_TABLES").ok().and_then(|count| count.parse().ok()).unwrap_or(50)
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
    let (mut all, mut tables) = (Findings::default(), 0);
    for seed in 1..=histories() {
        let hub = drawn(seed);
        tables += TABLES * hub.made.len();
        let findings = attack(&hub);
        assert_safe(&format!("seed {seed}"), &findings);
        all.add(findings);
    }
    println!(
        "{} hubs, {tables} linked tables: {} protected values, {} given away, {} undecided",
        histories(),
        all.protected,
        all.breaches.len(),
        all.undecided.len()
    );
    assert!(all.protected > 100 * usize::try_from(histories()).expect("a count"));
    assert!(all.undecided.len() * 200 <= all.protected, "too much is undecided: {}", all.undecided.len());
}
