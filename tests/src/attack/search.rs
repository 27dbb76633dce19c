//! Whole numbers between bounds, sums of them between bounds, and whether they can all be true.
//!
//! Depth first: narrow the bounds by every row, take for each number the value in its bounds that is nearest to where the
//! search starts, and where a row does not hold then, part the bounds of one of its numbers in two. Nothing is left out,
//! so that what is not found does not exist, unless the steps run out.

use std::collections::{BTreeMap, VecDeque};

use crate::chance::Chance;

/// A sum of numbers, each times a factor.
pub type Sum = Vec<(usize, i64)>;

/// A sum and the least and the most that it can be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The sum.
    pub sum: Sum,
    /// The least.
    pub least: i64,
    /// The most.
    pub most: i64,
}

/// Beyond every number here, and far enough from the end of what an `i64` holds to be added up.
pub const FAR: i64 = 1 << 40;

/// What is known of some numbers.
#[derive(Clone, Debug, Default)]
pub struct Known {
    /// The least and the most of each number.
    pub bounds: Vec<(i64, i64)>,
    /// What ties them together.
    pub rows: Vec<Row>,
    rows_of: Vec<Vec<usize>>,
}

/// How often a search begins, and how many steps it takes then: the last time it may take more.
const ATTEMPTS: u64 = 5;
const SHORT: u32 = 200;
const LONG: u32 = 1_000;

/// How a search ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Numbers that agree with everything.
    Found(Vec<i64>),
    /// There are none.
    Impossible,
    /// The steps ran out.
    Undecided,
}

/// The value of a sum.
pub fn value(sum: &[(usize, i64)], numbers: &[i64]) -> i64 {
    sum.iter().map(|(at, times)| numbers[*at] * times).sum()
}

impl Known {
    /// One more number.
    pub fn number(&mut self, least: i64, most: i64) -> usize {
        self.bounds.push((least, most));
        self.rows_of.push(Vec::new());
        self.bounds.len() - 1
    }

    /// One more row. Numbers that it names twice are taken together.
    pub fn row(&mut self, sum: impl IntoIterator<Item = (usize, i64)>, least: i64, most: i64) {
        let mut terms: Sum = Vec::new();
        for (at, times) in sum {
            match terms.iter_mut().find(|(known, _)| *known == at) {
                Some((_, known)) => *known += times,
                None => terms.push((at, times)),
            }
        }
        terms.retain(|(_, times)| *times != 0);
        if terms.is_empty() {
            return;
        }
        for (at, _) in &terms {
            self.rows_of[*at].push(self.rows.len());
        }
        self.rows.push(Row { sum: terms, least, most });
    }

    /// Takes the last row away.
    fn unrow(&mut self) {
        if let Some(row) = self.rows.pop() {
            row.sum.iter().for_each(|(at, _)| {
                self.rows_of[*at].pop();
            });
        }
    }

    /// The first thing that numbers contradict, in words.
    pub fn contradiction(&self, numbers: &[i64]) -> Option<String> {
        let out = |at: &usize| numbers[*at] < self.bounds[*at].0 || numbers[*at] > self.bounds[*at].1;
        if let Some(at) = (0..self.bounds.len()).find(out) {
            return Some(format!("number {at} is {}, not in {:?}", numbers[at], self.bounds[at]));
        }
        let broken = |row: &&Row| !(row.least..=row.most).contains(&value(&row.sum, numbers));
        self.rows.iter().find(broken).map(|row| format!("{row:?} is {}", value(&row.sum, numbers)))
    }

    /// Narrows the bounds for good; `false` where nothing agrees with them.
    pub fn narrow(&mut self) -> bool {
        let mut bounds = std::mem::take(&mut self.bounds);
        let possible = self.narrowed(&mut bounds, (0..self.rows.len()).collect());
        self.bounds = bounds;
        possible
    }

    /// The parts that do not touch one another, each with the places that its numbers have here. What can be one value
    /// alone is put in, and what holds in any case is left out. `ties` are sums that must stay in one part.
    pub fn parts(&self, ties: &[Sum]) -> Vec<(Vec<usize>, Known)> {
        let free = |at: usize| self.bounds[at].0 < self.bounds[at].1;
        let rows: Vec<Row> = self.rows.iter().filter_map(|row| self.rest(row)).collect();
        let mut part: Vec<usize> = (0..self.bounds.len()).collect();
        for sum in rows.iter().map(|row| &row.sum).chain(ties) {
            let members: Vec<usize> = sum.iter().map(|(at, _)| *at).filter(|at| free(*at)).collect();
            for pair in members.windows(2) {
                let (one, other) = (leader(&mut part, pair[0]), leader(&mut part, pair[1]));
                part[one] = other;
            }
        }
        let mut parts: BTreeMap<usize, (Vec<usize>, Known)> = BTreeMap::new();
        let mut place = vec![0; self.bounds.len()];
        for at in (0..self.bounds.len()).filter(|at| free(*at)) {
            let (places, known) = parts.entry(leader(&mut part, at)).or_default();
            places.push(at);
            place[at] = known.number(self.bounds[at].0, self.bounds[at].1);
        }
        for row in rows {
            let of = leader(&mut part, row.sum[0].0);
            let sum: Sum = row.sum.iter().map(|(at, times)| (place[*at], *times)).collect();
            parts.entry(of).or_default().1.row(sum, row.least, row.most);
        }
        parts.into_values().collect()
    }

    /// A row without what can be one value alone; `None` where it holds in any case.
    fn rest(&self, row: &Row) -> Option<Row> {
        let mut rest = Row { sum: Sum::new(), ..*row };
        let (mut low, mut high) = (0, 0);
        for (at, times) in &row.sum {
            let (least, most) = ends(self.bounds[*at], *times);
            (low, high) = (low + least, high + most);
            if least == most {
                (rest.least, rest.most) = (rest.least - least, rest.most - most);
            } else {
                rest.sum.push((*at, *times));
            }
        }
        (low < row.least || high > row.most).then_some(rest).filter(|rest| !rest.sum.is_empty())
    }

    /// Looks for numbers that agree with everything and with a sum between bounds, from near each of `starts` on, in the steps that are
    /// left.
    ///
    /// # Panics
    /// Where the sum names a number twice, or none.
    pub fn search(&mut self, sum: &Sum, (least, most): (i64, i64), starts: &[&[i64]], left: &mut u32) -> Outcome {
        let asked = self.rows.len();
        self.row(sum.iter().copied(), least, most);
        assert!(self.rows.len() > asked, "a sum of numbers");
        let mut bounds = self.bounds.clone();
        let mut outcome = Outcome::Impossible;
        if self.narrowed(&mut bounds, [asked].into()) {
            // Many short ways before a long one: a wrong turn at the beginning is not mended at the end.
            for attempt in 0..ATTEMPTS {
                let steps = (*left).min(if attempt + 1 == ATTEMPTS { LONG } else { SHORT });
                let start = starts[attempt as usize % starts.len()];
                outcome = self.descend(&bounds, start, steps, &mut Chance::new(attempt), left);
                if outcome != Outcome::Undecided {
                    break;
                }
            }
        }
        self.unrow();
        outcome
    }

    fn descend(
        &self,
        bounds: &[(i64, i64)],
        start: &[i64],
        steps: u32,
        chance: &mut Chance,
        left: &mut u32,
    ) -> Outcome {
        let mut open = vec![(bounds.to_vec(), Vec::new())];
        let mut taken = 0;
        while let Some((mut bounds, rows)) = open.pop() {
            if taken == steps {
                return Outcome::Undecided;
            }
            taken += 1;
            *left -= 1;
            if !self.narrowed(&mut bounds, rows.into()) {
                continue;
            }
            let numbers: Vec<i64> =
                bounds.iter().zip(start).map(|((low, high), start)| *start.clamp(low, high)).collect();
            let broken = self.rows.iter().find_map(|row| {
                let sum = value(&row.sum, &numbers);
                let off = if sum < row.least { sum - row.least } else { (sum - row.most).max(0) };
                (off != 0).then_some((row, off))
            });
            let Some((row, off)) = broken else { return Outcome::Found(numbers) };
            let Some((at, to)) = self.mend(row, off, (&numbers, start), &bounds, chance) else { continue };
            // The half that mends the row first: what is pushed last is looked at next.
            let (low, high) = bounds[at];
            let halves = if to < numbers[at] { [(to + 1, high), (low, to)] } else { [(low, to - 1), (to, high)] };
            for half in halves {
                let mut parted = bounds.clone();
                parted[at] = half;
                open.push((parted, self.rows_of[at].clone()));
            }
        }
        Outcome::Impossible
    }

    /// Which number of a row to change, and to what, so that the row holds or nearly does: the one that breaks the
    /// fewest other rows.
    fn mend(
        &self,
        row: &Row,
        off: i64,
        (numbers, start): (&[i64], &[i64]),
        bounds: &[(i64, i64)],
        chance: &mut Chance,
    ) -> Option<(usize, i64)> {
        let mut best: Option<((i64, u64), usize, i64)> = None;
        for (at, times) in &row.sum {
            let (low, high) = bounds[*at];
            // Enough to take `off` away, in whole numbers.
            let wanted = numbers[*at] - off.signum() * times.signum() * ((off.abs() + times.abs() - 1) / times.abs());
            let to = wanted.clamp(low, high);
            if to == numbers[*at] {
                continue;
            }
            let left = (wanted - to).abs();
            let mut broken = 0;
            for other in &self.rows_of[*at] {
                let other = &self.rows[*other];
                let (before, times) =
                    (value(&other.sum, numbers), other.sum.iter().find(|(known, _)| known == at).map_or(0, |it| it.1));
                let after = before + times * (to - numbers[*at]);
                let off = |sum: i64| (other.least - sum).max(0) + (sum - other.most).max(0);
                broken += (off(after) - off(before)).max(0);
            }
            let away = (to - start[*at]).abs() - (numbers[*at] - start[*at]).abs();
            let cost = (left * times.abs() + broken + away + chance.below(2) as i64, chance.bits());
            if best.is_none_or(|(known, ..)| cost < known) {
                best = Some((cost, *at, to));
            }
        }
        best.map(|(_, at, to)| (at, to))
    }

    fn narrowed(&self, bounds: &mut [(i64, i64)], mut waiting: VecDeque<usize>) -> bool {
        let mut queued = vec![false; self.rows.len()];
        waiting.iter().for_each(|row| queued[*row] = true);
        // Bounds that creep towards each other by ones would take for ever; what is not narrowed is parted.
        let mut turns = 6 * self.rows.len() + 100;
        while let Some(at) = waiting.pop_front() {
            queued[at] = false;
            turns -= 1;
            if turns == 0 {
                return true;
            }
            let row = &self.rows[at];
            let (mut low, mut high) = (0, 0);
            for (number, times) in &row.sum {
                let (least, most) = ends(bounds[*number], *times);
                (low, high) = (low + least, high + most);
            }
            if low > row.most || high < row.least {
                return false;
            }
            if low >= row.least && high <= row.most {
                continue;
            }
            for (number, times) in &row.sum {
                let (least, most) = ends(bounds[*number], *times);
                // What the others leave of the row for this number, times its factor.
                let (from, to) = (row.least - (high - most), row.most - (low - least));
                let (from, to) = if *times > 0 { (from, to) } else { (-to, -from) };
                let times = times.abs();
                let new =
                    (bounds[*number].0.max(-(-from).div_euclid(times)), bounds[*number].1.min(to.div_euclid(times)));
                if new.0 > new.1 {
                    return false;
                }
                if new != bounds[*number] {
                    bounds[*number] = new;
                    for other in &self.rows_of[*number] {
                        if !queued[*other] {
                            queued[*other] = true;
                            waiting.push_back(*other);
                        }
                    }
                    // `low` and `high` are of the bounds before, so that what follows is only less narrow.
                }
            }
        }
        true
    }
}

fn ends((low, high): (i64, i64), times: i64) -> (i64, i64) {
    if times > 0 { (low * times, high * times) } else { (high * times, low * times) }
}

fn leader(part: &mut [usize], member: usize) -> usize {
    let mut at = member;
    while part[at] != at {
        part[at] = part[part[at]];
        at = part[at];
    }
    at
}
