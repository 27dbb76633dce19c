//! How much disclosure control takes from the figures, and what other ways take and give away.
//!
//!     cargo run --release -p folkmoot-tests --example loss                        100 random hubs
//!     cargo run --release -p folkmoot-tests --example loss -- FOLDER 2017-Q2 2020-Q1
//!                                                                the hubs of a programme, each a folder of CSV files
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "it prints a table, and how far it is")]

use std::num::NonZero;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use folkmoot_disclosure::Policy;
use folkmoot_domain::calendar::Period;
use folkmoot_domain::indicator::{CellKey, Class, Dimension};
use folkmoot_tests::attack::attacker::{Findings, attack};
use folkmoot_tests::attack::draw::{self, Shape};
use folkmoot_tests::attack::history::{Calendar, Hub};
use folkmoot_tests::attack::schemes::{self, Said, Scheme, Sheet};
use folkmoot_tests::attack::sheets;
use folkmoot_tests::chance::Chance;

const NAMES: [&str; 5] =
    ["these rules", "plain suppression, 1–7", "with complement", "the NHS rule", "complement, made as safe"];

/// What one way takes and gives away.
#[derive(Default)]
struct Loss {
    cells: [u64; 4],
    people: [u64; 4],
    protected: usize,
    breaches: usize,
    exact: usize,
    /// Of those who are 1 to 7, and so hidden by all of the ways.
    of_few: usize,
    undecided: usize,
    /// Of totals of all hubs: the truth, what is said at least, and of how many the most is known.
    totals: std::collections::BTreeMap<(Period, CellKey), (u64, u64, Option<u64>)>,
}

impl Loss {
    fn add(&mut self, hub: &Hub, sheet: &Sheet, findings: &Findings) {
        self.protected += findings.protected;
        self.breaches += findings.breaches.len();
        self.exact += findings.exact();
        self.of_few += findings.breaches.iter().filter(|it| (1..8).contains(&it.truth)).count();
        self.undecided += findings.undecided.len();
        for made in &hub.made {
            let stretch = (*made.quarters.start(), *made.quarters.end());
            let no_event = |cell: CellKey| {
                hub.counted.count(made.quarters.clone())[&CellKey::headline(cell.indicator)].events_with_people == 0
            };
            for prepared in made.prepared.iter().filter(|it| it.key.indicator.class() != Class::Open) {
                if prepared.key.dimension() == Some(Dimension::Ward) && prepared.true_value == 0 {
                    continue;
                }
                let said = sheet.get(&(stretch, prepared.key)).copied().unwrap_or(Said::Nothing);
                if prepared.key.category.is_none() {
                    let total = self.totals.entry((made.period.clone(), prepared.key)).or_insert((0, 0, Some(0)));
                    total.0 += prepared.true_value;
                    let (least, most) = match said {
                        Said::Exact => (prepared.true_value, Some(prepared.true_value)),
                        Said::Rounded => {
                            let rounded = (prepared.true_value + 2) / 5 * 5;
                            (rounded.saturating_sub(2), Some(rounded + 2))
                        }
                        Said::Few(least, most) => (least as u64, Some(most as u64)),
                        Said::Nothing => (0, None),
                    };
                    total.1 += least;
                    total.2 = total.2.zip(most).map(|(one, other)| one + other);
                }
                if prepared.true_value == 0 && no_event(prepared.key) {
                    continue;
                }
                let at = match said {
                    Said::Exact => 0,
                    Said::Rounded => 1,
                    Said::Few(..) => 2,
                    Said::Nothing => 3,
                };
                self.cells[at] += 1;
                if prepared.key.indicator.class() == Class::People {
                    self.people[at] += prepared.true_value;
                }
            }
        }
    }

    fn line(&self, name: &str) -> String {
        let shares = |of: [u64; 4]| {
            let all = of.iter().sum::<u64>().max(1) as f64;
            of.map(|part| format!("{:5.1}", 100.0 * part as f64 / all)).join(" ")
        };
        let (mut open, mut widths, mut least, mut truth) = (0, Vec::new(), 0, 0);
        for (value, low, high) in self.totals.values().filter(|total| total.0 > 0) {
            truth += value;
            least += low;
            match high {
                Some(high) => widths.push(100.0 * (high - low) as f64 / *value as f64),
                None => open += 1,
            }
        }
        widths.sort_by(f64::total_cmp);
        let median = widths.get(widths.len() / 2).copied().unwrap_or(f64::NAN);
        format!(
            "| {name:<24} | {} | {} | {:>6} of {:<6} {:>5.2} % | {:>5} | {:>5} | {:>4} | {:>5.1} % | {median:>5.1} % | {:>5.1} % |",
            shares(self.cells),
            shares(self.people),
            self.breaches,
            self.protected,
            100.0 * self.breaches as f64 / self.protected.max(1) as f64,
            self.of_few,
            self.exact,
            self.undecided,
            100.0 * f64::from(open) / (f64::from(open) + widths.len() as f64),
            100.0 * least as f64 / truth.max(1) as f64,
        )
    }
}

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let hubs: Vec<Hub> = match words.as_slice() {
        [folder, first, last] => programme(Path::new(folder), first, last),
        [many] => (0..many.parse().expect("how many hubs")).map(random).collect(),
        _ => (0..100).map(random).collect(),
    };
    let (next, done) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let losses: Mutex<[Loss; 5]> = Mutex::default();
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, NonZero::get) {
            scope.spawn(|| {
                while let Some(hub) = hubs.get(next.fetch_add(1, Ordering::Relaxed)) {
                    measure(hub.clone(), &losses);
                    let done = done.fetch_add(1, Ordering::Relaxed) + 1;
                    eprintln!("{done} of {} hubs", hubs.len());
                }
            });
        }
    });
    let losses = losses.into_inner().expect("no thread has panicked");
    println!(
        "| way | cells: exact, rounded, few, withheld, % | people: the same, % | breaches | of 1–7 | exact | undecided | totals without a most | width | at least |"
    );
    for (name, loss) in NAMES.into_iter().zip(&losses) {
        println!("{}", loss.line(name));
    }
}

/// Lets a hub release everything, and adds what each way takes of it and gives away.
fn measure(mut hub: Hub, losses: &Mutex<[Loss; 5]>) {
    let mut periods = hub.calendar.periods();
    periods.sort_by_key(|(period, span)| (span.last, span.last - span.first, period.clone()));
    for (period, _) in periods {
        hub.release(&period).expect("a release");
    }
    let mut found = vec![(schemes::ours(&hub), attack(&hub))];
    for scheme in [Scheme::Plain, Scheme::Complement, Scheme::Nhs] {
        let sheet = schemes::publish(&hub, scheme);
        let findings = schemes::attack(&hub, &sheet);
        found.push((sheet, findings));
    }
    found.push(schemes::safe_complement(&hub));
    let mut losses = losses.lock().expect("no thread has panicked");
    for (loss, (sheet, findings)) in losses.iter_mut().zip(&found) {
        loss.add(&hub, sheet, findings);
    }
}

fn programme(folder: &Path, first: &str, last: &str) -> Vec<Hub> {
    let quarter = |code: &str| match code.parse() {
        Ok(Period::Quarter(quarter)) => quarter.index(),
        Ok(Period::FinancialYear(_) | Period::Programme(_)) | Err(_) => panic!("{code} is no quarter"),
    };
    let (first, last) = (quarter(first), quarter(last));
    let mut folders: Vec<_> =
        std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path()).collect();
    folders.sort();
    let calendar = Calendar::new(first, last, &[("PROGRAMME", first..=last)]);
    folders.retain(|path| path.join("people.csv").exists());
    folders.iter().map(|path| Hub::new(calendar.clone(), sheets::facts(path), Policy::floor())).collect()
}

/// Small hubs, since these are what is hard.
fn random(seed: u64) -> Hub {
    let chance = &mut Chance::new(seed);
    let first = 2018 * 4 + 1;
    let last = first + 3;
    let mut one_in = || chance.pick(&[2, 3, 5, 8]);
    let one_in = [one_in(), one_in(), one_in()];
    let shape = Shape {
        first,
        last,
        people: chance.pick(&[20, 40, 80, 150, 300, 600]),
        concentration: chance.pick(&[20, 60, 90]),
        one_in,
        wards: chance.below(6),
    };
    let facts = draw::facts(chance, &shape);
    Hub::new(Calendar::new(first, last, &[("PROGRAMME", first..=last)]), facts, Policy::floor())
}
