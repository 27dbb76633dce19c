//! Figures measured side by side, and the table of them.

use std::fmt;
use std::time::Duration;

/// What a figure counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    Milliseconds,
    PerSecond,
    /// 10^6 bytes.
    Megabytes,
    /// 2^20 bytes, as the kernel counts memory.
    Mebibytes,
}

/// One thing measured several times.
#[derive(Clone, Debug)]
pub(crate) struct Figure {
    values: Vec<f64>,
    unit: Unit,
}

impl Figure {
    pub(crate) fn new(unit: Unit) -> Self {
        Self { values: Vec::new(), unit }
    }

    pub(crate) fn add(&mut self, value: f64) {
        self.values.push(value);
    }

    pub(crate) fn add_time(&mut self, took: Duration) {
        self.add(took.as_secs_f64() * 1000.0);
    }

    fn sorted(&self) -> Vec<f64> {
        let mut sorted = self.values.clone();
        sorted.sort_by(f64::total_cmp);
        sorted
    }

    /// The middle value; of an even number the lower of the two.
    pub(crate) fn median(&self) -> f64 {
        let sorted = self.sorted();
        sorted.get(sorted.len().saturating_sub(1) / 2).copied().unwrap_or(f64::NAN)
    }
}

fn amount(value: f64, unit: Unit) -> String {
    match unit {
        Unit::PerSecond => format!("{value:.0}"),
        Unit::Milliseconds | Unit::Megabytes | Unit::Mebibytes if value < 10.0 => format!("{value:.2}"),
        Unit::Milliseconds | Unit::Megabytes | Unit::Mebibytes if value < 100.0 => format!("{value:.1}"),
        Unit::Milliseconds | Unit::Megabytes | Unit::Mebibytes => format!("{value:.0}"),
    }
}

impl fmt::Display for Figure {
    /// The median, and the least and the most: `12.3 ms (11.9–14.0)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = match self.unit {
            Unit::Milliseconds => " ms",
            Unit::PerSecond => "/s",
            Unit::Megabytes => " MB",
            Unit::Mebibytes => " MiB",
        };
        write!(f, "{}{unit}", amount(self.median(), self.unit))?;
        let sorted = self.sorted();
        match (sorted.first(), sorted.last()) {
            (Some(least), Some(most)) if sorted.len() > 1 => {
                write!(f, " ({}–{})", amount(*least, self.unit), amount(*most, self.unit))
            }
            (Some(_) | None, Some(_) | None) => Ok(()),
        }
    }
}

/// What a measurement is held to.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Goal {
    /// The product takes at most so many times what the bare limit takes.
    Times(f64),
    /// The product does at least this part of what the bare limit does.
    Share(f64),
    /// The product's own figure is at most this.
    AtMost(f64),
    /// Told for comparison.
    None,
}

/// One line of the table.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    pub(crate) what: String,
    pub(crate) product: Figure,
    pub(crate) bare: Option<Figure>,
    /// What a program of others takes for the same, where one was measured.
    pub(crate) peer: Option<Figure>,
    pub(crate) goal: Goal,
}

impl Line {
    fn ratio(&self) -> Option<f64> {
        self.bare.as_ref().map(|bare| self.product.median() / bare.median())
    }

    fn cells(&self) -> [String; 7] {
        let ratio = self.ratio();
        let shown = match ratio {
            Some(ratio) if ratio < 0.1 => format!("1/{:.0}", 1.0 / ratio),
            Some(ratio) => format!("{ratio:.2}"),
            None => String::new(),
        };
        let (goal, met) = match self.goal {
            Goal::Times(most) if most < 0.1 => (format!("ratio ≤ 1/{:.0}", 1.0 / most), ratio.map(|it| it <= most)),
            Goal::Times(most) => (format!("ratio ≤ {most}"), ratio.map(|it| it <= most)),
            Goal::Share(least) => (format!("ratio ≥ {least}"), ratio.map(|it| it >= least)),
            Goal::AtMost(most) => {
                let mut limit = Figure::new(self.product.unit);
                limit.add(most);
                (format!("≤ {limit}"), Some(self.product.median() <= most))
            }
            Goal::None => (String::new(), None),
        };
        let met = met.map_or("", |met| if met { "met" } else { "missed" });
        let [bare, peer] = [&self.bare, &self.peer].map(|it| it.as_ref().map(ToString::to_string).unwrap_or_default());
        [self.what.clone(), self.product.to_string(), bare, shown, goal, met.to_owned(), peer]
    }
}

const HEAD: [&str; 7] = ["What", "Folkmoot", "Bare limit", "Ratio", "Goal", "", "automerge-repo"];

/// The table as Markdown, its columns aligned so that it reads as plain text too.
pub(crate) fn table(lines: &[Line]) -> String {
    let mut rows = vec![HEAD.map(str::to_owned)];
    rows.extend(lines.iter().map(Line::cells));
    let columns = HEAD.len() - usize::from(lines.iter().all(|line| line.peer.is_none()));
    let widths: Vec<usize> =
        (0..columns).map(|at| rows.iter().map(|row| row[at].chars().count()).max().unwrap_or(0)).collect();
    let mut text = String::new();
    for (number, row) in rows.iter().enumerate() {
        let cells: Vec<String> = row.iter().zip(&widths).map(|(cell, &width)| format!("{cell:<width$}")).collect();
        text.push_str(&format!("| {} |\n", cells.join(" | ")));
        if number == 0 {
            let rules: Vec<String> = widths.iter().map(|&width| "-".repeat(width)).collect();
            text.push_str(&format!("|-{}-|\n", rules.join("-|-")));
        }
    }
    text
}

/// Runs two measurements in turn, each `runs` times after one run that does not count.
pub(crate) fn in_turn(
    runs: usize,
    unit: Unit,
    mut product: impl FnMut() -> f64,
    mut bare: impl FnMut() -> f64,
) -> (Figure, Figure) {
    let (mut of_product, mut of_bare) = (Figure::new(unit), Figure::new(unit));
    for run in 0..=runs {
        let (one, other) = (product(), bare());
        if run > 0 {
            of_product.add(one);
            of_bare.add(other);
        }
    }
    (of_product, of_bare)
}

/// Milliseconds.
pub(crate) fn millis(took: Duration) -> f64 {
    took.as_secs_f64() * 1000.0
}
