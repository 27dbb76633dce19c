//! What a chart shows: one indicator over time, by hub, by region or by category, the hidden drawn as hidden.

mod bars;
mod drawing;
mod scale;
mod trend;

use std::collections::BTreeSet;

use serde_json::Value;

use crate::json;
use crate::markup::escape;
use crate::statistics::{Area, Figure, LEAST_HUBS_COMPARED, Observation, Origins, ReleaseProvenance, Statistics};
use crate::words;
use drawing::Drawing;

/// What a chart is asked to show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// An indicator's headline, quarter by quarter.
    Trend {
        /// The indicator's code.
        indicator: String,
        /// Where.
        area: Area,
    },
    /// An indicator's headline in one period, hub by hub.
    Hubs {
        /// The indicator's code.
        indicator: String,
        /// The period's code.
        period: String,
    },
    /// An indicator's headline in one period, region by region.
    Regions {
        /// The indicator's code.
        indicator: String,
        /// The period's code.
        period: String,
    },
    /// A breakdown over all hubs in one period, category by category.
    Categories {
        /// The indicator's code.
        indicator: String,
        /// The dimension's code.
        dimension: String,
        /// The period's code.
        period: String,
    },
}

/// One chart, ready to be drawn.
#[derive(Debug, Clone, PartialEq)]
pub struct Chart {
    name: String,
    title: String,
    subtitle: String,
    unit: String,
    shape: Shape,
    marks: Vec<Mark>,
    notes: Vec<String>,
    produced_at: String,
    provenance: Value,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    Trend,
    Bars,
}

/// One figure of a chart.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Mark {
    label: String,
    shown: Shown,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shown {
    Figure(Figure),
    /// So many hubs stand behind it that no comparison may be made.
    TooFewHubs(u64),
}

/// More bars than this are a table's task.
const MOST_BARS: usize = 60;

impl Chart {
    /// The chart of a subject; `None` where there are not two figures that may be compared, or so many bars that a table
    /// serves better.
    pub fn of(statistics: &Statistics, subject: &Subject) -> Option<Chart> {
        Chart::from_origins(statistics, &Origins::of(statistics), subject)
    }

    pub(crate) fn from_origins(statistics: &Statistics, origins: &Origins<'_>, subject: &Subject) -> Option<Chart> {
        let chosen: Vec<&Observation> =
            statistics.observations.iter().filter(|observation| subject.shows(observation)).collect();
        let marks: Vec<Mark> = chosen.iter().map(|observation| subject.mark(observation)).collect();
        let compared = marks.iter().filter(|mark| mark.shown.is_known()).count();
        let (shape, most) = match subject {
            Subject::Trend { .. } => (Shape::Trend, usize::MAX),
            Subject::Hubs { .. } | Subject::Regions { .. } | Subject::Categories { .. } => (Shape::Bars, MOST_BARS),
        };
        let first = *chosen.first().filter(|_| compared >= 2 && marks.len() <= most)?;
        let last = *chosen.last()?;
        let (title, subtitle) = subject.titles(first, last);
        let mut behind: Vec<&ReleaseProvenance> = Vec::new();
        let mut known = BTreeSet::new();
        for observation in &chosen {
            for release in origins.behind(&observation.area, &observation.period) {
                if known.insert(&release.entry_hash) {
                    behind.push(release);
                }
            }
        }
        Some(Chart {
            name: subject.name(),
            title,
            subtitle,
            unit: first.unit.clone(),
            shape,
            marks,
            notes: subject.notes(first, statistics, &behind),
            produced_at: statistics.produced_at.clone(),
            provenance: json::provenance(statistics, &behind),
        })
    }

    /// Every chart that the statistics have figures for: of each indicator its trend over all hubs and, in the main period,
    /// by region, by hub and by category of each breakdown.
    pub fn all(statistics: &Statistics) -> Vec<Chart> {
        let origins = Origins::of(statistics);
        let subjects = statistics.subjects();
        subjects.iter().filter_map(|subject| Chart::from_origins(statistics, &origins, subject)).collect()
    }

    /// A name for the chart's file, without an ending: small letters, digits, `-` and `_`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What the chart is called.
    pub fn title(&self) -> &str {
        &self.title
    }

    /// All that the chart shows, in words.
    pub fn description(&self) -> String {
        let marks: Vec<String> = self
            .marks
            .iter()
            .map(|mark| match mark.shown {
                Shown::Figure(figure) => format!("{}: {}", mark.label, words::figure(&self.unit, figure)),
                Shown::TooFewHubs(hubs) => {
                    format!("{}: not compared, {} behind it", mark.label, words::counted(hubs, "hub", "hubs"))
                }
            })
            .collect();
        format!("{}. {}.", self.subtitle, marks.join("; "))
    }

    /// The chart as an SVG document: text as text, a title and a description for those who do not see it, provenance as
    /// metadata.
    pub fn svg(&self) -> String {
        self.draw("chart", &format!("<metadata>{}</metadata>", escape(&self.provenance.to_string())))
    }

    /// The chart inside an HTML document: `id` begins every id in it; provenance stands elsewhere in the document.
    pub(crate) fn inline(&self, id: &str) -> String {
        self.draw(id, "")
    }

    /// The chart as a PNG picture, twice the size of the SVG's units, provenance in its text chunks.
    pub fn png(&self) -> Result<Vec<u8>, crate::PublicationError> {
        crate::png::png(self)
    }

    /// When it was produced and from what, as JSON.
    pub(crate) fn provenance(&self) -> String {
        self.provenance.to_string()
    }

    pub(crate) fn produced_at(&self) -> &str {
        &self.produced_at
    }

    fn draw(&self, id: &str, metadata: &str) -> String {
        let mut drawing = Drawing::new(id);
        drawing.heading(&self.title, &self.subtitle);
        match self.shape {
            Shape::Trend => trend::draw(&mut drawing, self),
            Shape::Bars => bars::draw(&mut drawing, self),
        }
        drawing.legend(self);
        drawing.notes(&self.notes);
        drawing.finish(&self.title, &self.description(), metadata)
    }
}

impl Subject {
    pub(crate) fn shows(&self, observation: &Observation) -> bool {
        let is_headline_of = |indicator: &String, period: &String| {
            observation.is_headline() && observation.indicator == *indicator && observation.period == *period
        };
        match self {
            Subject::Trend { indicator, area } => {
                observation.is_headline()
                    && observation.indicator == *indicator
                    && observation.area == *area
                    && words::quarter(&observation.period).is_some()
            }
            Subject::Hubs { indicator, period } => {
                is_headline_of(indicator, period) && matches!(observation.area, Area::Hub(_))
            }
            Subject::Regions { indicator, period } => {
                is_headline_of(indicator, period) && matches!(observation.area, Area::Region(_))
            }
            Subject::Categories { indicator, dimension, period } => {
                observation.indicator == *indicator
                    && observation.period == *period
                    && observation.dimension == *dimension
                    && !observation.is_headline()
                    && observation.area == Area::Nation
            }
        }
    }

    fn mark(&self, observation: &Observation) -> Mark {
        let label = match self {
            Subject::Trend { .. } => match words::quarter(&observation.period) {
                Some((months, year)) => format!("{months} {year}"),
                None => observation.period_title.clone(),
            },
            Subject::Hubs { .. } | Subject::Regions { .. } => observation.area.name().to_owned(),
            Subject::Categories { .. } => observation.category_title.clone(),
        };
        // What no release is held for has no hubs behind it, and is said to be so.
        let shown = match observation.figure == Figure::Unavailable || observation.is_comparable() {
            true => Shown::Figure(observation.figure),
            false => Shown::TooFewHubs(observation.hubs),
        };
        Mark { label, shown }
    }

    fn titles(&self, first: &Observation, last: &Observation) -> (String, String) {
        let title = &first.indicator_title;
        let counted = match first.unit.as_str() {
            "pence" => "pounds",
            unit => unit,
        };
        let distinct = if first.label.is_empty() { String::new() } else { format!("; {}", first.label) };
        match self {
            Subject::Trend { area, .. } => (
                format!("{title} by quarter"),
                format!(
                    "{}, {} to {}; {counted}{distinct}",
                    area.name(),
                    words::quarter(&first.period).map_or_else(String::new, |(months, year)| format!("{months} {year}")),
                    words::quarter(&last.period).map_or_else(String::new, |(months, year)| format!("{months} {year}")),
                ),
            ),
            Subject::Hubs { .. } => (format!("{title} by hub"), format!("{}; {counted}", first.period_title)),
            Subject::Regions { .. } => {
                (format!("{title} by region"), format!("{}; {counted}{distinct}", first.period_title))
            }
            Subject::Categories { .. } => (
                format!("{title} by {}", first.dimension_title.to_lowercase()),
                format!("All hubs, {}; {counted}{distinct}", first.period_title),
            ),
        }
    }

    fn notes(&self, first: &Observation, statistics: &Statistics, behind: &[&ReleaseProvenance]) -> Vec<String> {
        let mut notes = Vec::new();
        if let Subject::Hubs { .. } = self {
            notes.push("Hubs differ in size, age and place; they are listed, and not ranked.".to_owned());
        }
        if let (Subject::Trend { .. }, "distinct") = (self, first.aggregation.as_str()) {
            notes.push("People are counted once a quarter: quarters must not be added up.".to_owned());
        }
        let policies: BTreeSet<String> = behind.iter().map(|release| release.policy_version.to_string()).collect();
        let hubs: BTreeSet<&str> = behind.iter().map(|release| release.hub.as_str()).collect();
        notes.push(format!(
            "Source: {} of {}, disclosure policy {}; produced {}.",
            words::counted(behind.len() as u64, "signed release", "signed releases"),
            words::counted(hubs.len() as u64, "hub", "hubs"),
            policies.into_iter().collect::<Vec<_>>().join(", "),
            statistics.produced_at,
        ));
        notes
    }

    fn name(&self) -> String {
        let name = match self {
            Subject::Trend { indicator, area: Area::Nation } => format!("{indicator}-trend"),
            Subject::Trend { indicator, area } => format!("{indicator}-trend-{}-{}", area.kind(), area.name()),
            Subject::Hubs { indicator, period } => format!("{indicator}-by-hub-{period}"),
            Subject::Regions { indicator, period } => format!("{indicator}-by-region-{period}"),
            Subject::Categories { indicator, dimension, period } => format!("{indicator}-by-{dimension}-{period}"),
        };
        let is_plain = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '_';
        name.chars()
            .map(|letter| letter.to_ascii_lowercase())
            .map(|letter| if is_plain(letter) { letter } else { '-' })
            .collect()
    }
}

impl Statistics {
    /// The period that stands for the whole: the longest, and of those the latest.
    pub(crate) fn main_period(&self) -> Option<&Observation> {
        self.observations.iter().max_by_key(|observation| {
            (observation.last_day.to_julian_day() - observation.first_day.to_julian_day(), observation.first_day)
        })
    }

    /// What charts there could be, indicator by indicator.
    pub(crate) fn subjects(&self) -> Vec<Subject> {
        let Some(main) = self.main_period() else { return Vec::new() };
        let mut subjects = Vec::new();
        for indicator in self.indicator_codes() {
            let (indicator, period) = (indicator.to_owned(), main.period.clone());
            subjects.push(Subject::Trend { indicator: indicator.clone(), area: Area::Nation });
            subjects.push(Subject::Regions { indicator: indicator.clone(), period: period.clone() });
            subjects.push(Subject::Hubs { indicator: indicator.clone(), period: period.clone() });
            for dimension in self.dimensions_of(&indicator) {
                let (indicator, dimension) = (indicator.clone(), dimension.to_owned());
                subjects.push(Subject::Categories { indicator, dimension, period: period.clone() });
            }
        }
        subjects
    }

    /// The indicators that there are figures of, in their order.
    pub(crate) fn indicator_codes(&self) -> Vec<&str> {
        distinct(self.observations.iter().map(|observation| observation.indicator.as_str()))
    }

    /// The dimensions that an indicator is broken down by, in their order.
    pub(crate) fn dimensions_of(&self, indicator: &str) -> Vec<&str> {
        let of_it = |observation: &&Observation| observation.indicator == indicator && !observation.is_headline();
        distinct(self.observations.iter().filter(of_it).map(|observation| observation.dimension.as_str()))
    }
}

/// Each of some words once, in the order in which they first come.
pub(crate) fn distinct<'a>(words: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut known = BTreeSet::new();
    words.filter(|word| known.insert(*word)).collect()
}

impl Shown {
    /// As a chart writes it beside the mark.
    fn in_short(self, unit: &str) -> String {
        match self {
            Shown::Figure(figure) => words::figure_in_short(unit, figure),
            Shown::TooFewHubs(_) => format!("under {LEAST_HUBS_COMPARED} hubs"),
        }
    }

    /// Whether it says anything of the figure.
    fn is_known(self) -> bool {
        match self {
            Shown::Figure(figure) => figure != Figure::Unavailable,
            Shown::TooFewHubs(_) => false,
        }
    }

    /// How high an axis must reach for it.
    fn reach(self) -> u64 {
        match self {
            Shown::Figure(figure) => figure.high().or(figure.low()).unwrap_or(0),
            Shown::TooFewHubs(_) => 0,
        }
    }
}
