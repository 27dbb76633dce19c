//! What is published: observations with their bounds, what they mean, and where they come from.

use std::collections::{BTreeMap, BTreeSet};

use folkmoot_domain::Date;

/// A comparison of figures is drawn or said only where this many hubs or more stand behind each of them.
pub const LEAST_HUBS_COMPARED: u64 = 5;

/// National statistics, with all that a reader needs to judge them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statistics {
    /// What the whole is called.
    pub title: String,
    /// When it was produced, in ISO 8601.
    pub produced_at: String,
    /// The federation's id.
    pub federation: String,
    /// The figures. Order is kept in every format: periods as they stand here, hubs and categories likewise.
    pub observations: Vec<Observation>,
    /// What the indicators mean, in the order of the catalogue.
    pub indicators: Vec<IndicatorDefinition>,
    /// Which hub reported which period, and when.
    pub coverage: Vec<Coverage>,
    /// Figures that somebody published elsewhere.
    pub declared: Vec<DeclaredFigure>,
    /// The releases that the figures are made of.
    pub releases: Vec<ReleaseProvenance>,
    /// The policies of disclosure control under which those releases were made.
    pub policies: Vec<PolicyVersion>,
}

/// One figure: an indicator, perhaps of one category, in one period and one area.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observation {
    /// The period's code: `2018-Q3`, `2018/19` or `programme/COEP`.
    pub period: String,
    /// The period as people read it.
    pub period_title: String,
    /// The period's first day.
    pub first_day: Date,
    /// The period's last day.
    pub last_day: Date,
    /// The indicator's code.
    pub indicator: String,
    /// The indicator as people read it.
    pub indicator_title: String,
    /// What is counted, such as `people`; `pence` for money.
    pub unit: String,
    /// `sum`, `distinct` or `stock`.
    pub aggregation: String,
    /// The dimension's code; empty for the headline.
    pub dimension: String,
    /// The dimension as people read it; empty for the headline.
    pub dimension_title: String,
    /// The category's code; empty for the headline.
    pub category: String,
    /// The category as people read it; empty for the headline.
    pub category_title: String,
    /// Where.
    pub area: Area,
    /// What is known.
    pub figure: Figure,
    /// Hubs whose release stands behind the figure.
    pub hubs: u64,
    /// Of those, hubs that hid it.
    pub hubs_hidden: u64,
    /// Of those, hubs that rounded it.
    pub hubs_rounded: u64,
    /// Hubs whose release for this period is not held, or was made before the indicator was counted.
    pub hubs_missing: u64,
    /// Hubs whose release for this period came late.
    pub hubs_late: u64,
    /// What to say beside the figure, such as "sum of hub-distinct"; may be empty.
    pub label: String,
}

/// What a figure is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Area {
    /// All hubs.
    Nation,
    /// The hubs of one region.
    Region(String),
    /// One hub.
    Hub(String),
}

/// What is known of a figure. What is hidden has no value here, so that no format can show one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Figure {
    /// The figure itself.
    Exact(u64),
    /// A rounded figure, and the bounds of the true one.
    Rounded {
        /// The rounded figure.
        value: u64,
        /// The least that the true one can be.
        low: u64,
        /// The most that it can be.
        high: u64,
    },
    /// No single figure: parts of it are hidden or rounded.
    Interval {
        /// The least that it can be.
        low: u64,
        /// The most that it can be; `None` where nothing bounds it.
        high: Option<u64>,
    },
    /// Hidden, so that nobody can be singled out: `[c]`.
    Hidden {
        /// The least that it can be.
        low: u64,
        /// The most that it can be; `None` where nothing bounds it.
        high: Option<u64>,
    },
    /// No release is held: `[x]`.
    Unavailable,
}

/// What an indicator means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndicatorDefinition {
    /// The code.
    pub code: String,
    /// The title.
    pub title: String,
    /// What is counted.
    pub unit: String,
    /// `sum`, `distinct` or `stock`.
    pub aggregation: String,
    /// The definition, in one sentence.
    pub definition: String,
    /// Whether it says what came of the work, rather than how much of it was done.
    pub outcome: bool,
}

/// Whether a hub's release for a period is held, and when it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Coverage {
    /// The hub's name.
    pub hub: String,
    /// Its region; may be empty.
    pub region: String,
    /// The period's code.
    pub period: String,
    /// The period as people read it.
    pub period_title: String,
    /// Whether it came, and in time.
    pub timeliness: Timeliness,
    /// Days from the period's close to the release's arrival; `None` where it has not come.
    pub days_after_close: Option<u64>,
}

/// Whether a release came, and in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Timeliness {
    /// In time.
    OnTime,
    /// After its time.
    Late,
    /// Not yet.
    Missing,
}

/// A figure that somebody published, kept beside the computed ones and never mixed with them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeclaredFigure {
    /// The programme's code.
    pub programme: String,
    /// What was counted, in the source's words.
    pub label: String,
    /// The code of the indicator that comes nearest; `None` where none does.
    pub indicator: Option<String>,
    /// The figure; pence for money.
    pub figure: u64,
    /// What it counts; `pence` for money, empty where that is not known.
    pub unit: String,
    /// `exactly`, `at least`, `about`, `almost` or `over`.
    pub qualifier: String,
    /// `result` or `target`.
    pub kind: String,
    /// Where it was published.
    pub source: String,
    /// Whether it may be compared with the computed figure.
    pub comparable: bool,
    /// Why not, where it may not; else what to know about it. May be empty.
    pub note: String,
}

/// One release that figures are made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReleaseProvenance {
    /// The hub that made it.
    pub hub: String,
    /// The period's code.
    pub period: String,
    /// Which revision of the period's release it is.
    pub revision: u64,
    /// The version of the policy that it was made under.
    pub policy_version: u64,
    /// BLAKE3 of the release's bytes, in hex.
    pub payload_hash: String,
    /// The hash of the signed entry that carries it, in hex.
    pub entry_hash: String,
}

/// One version of the policy of disclosure control.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyVersion {
    /// The version.
    pub version: u64,
    /// Figures of people under this are hidden.
    pub threshold: u64,
    /// The same, for ethnicity and disability.
    pub special_threshold: u64,
    /// The most, in percent, that the largest contributor may make of a sum.
    pub largest_percent: u64,
    /// The most, in percent, that the two largest may make of it.
    pub two_largest_percent: u64,
}

impl Observation {
    /// Whether it is an indicator's total and no category of a breakdown.
    pub fn is_headline(&self) -> bool {
        self.category.is_empty()
    }

    /// The codes of its dimension and category, and the category's title; `total` for the headline, since a tidy table
    /// leaves no variable empty.
    pub(crate) fn breakdown(&self) -> [&str; 3] {
        match self.is_headline() {
            true => ["total", "total", "Total"],
            false => [&self.dimension, &self.category, &self.category_title],
        }
    }

    /// Whether it may stand in a comparison: a hub's own figure always, any other where enough hubs stand behind it.
    pub fn is_comparable(&self) -> bool {
        match self.area {
            Area::Nation | Area::Region(_) => self.hubs >= LEAST_HUBS_COMPARED,
            Area::Hub(_) => true,
        }
    }
}

impl Area {
    /// `nation`, `region` or `hub`.
    pub fn kind(&self) -> &'static str {
        match self {
            Area::Nation => "nation",
            Area::Region(_) => "region",
            Area::Hub(_) => "hub",
        }
    }

    /// The area as people read it.
    pub fn name(&self) -> &str {
        match self {
            Area::Nation => "All hubs",
            Area::Region(name) | Area::Hub(name) => name,
        }
    }
}

impl Figure {
    /// The figure of a sum over hubs, as a report gives it: the value where it is exact, bounds, the hubs whose releases
    /// are held, and how many of them hid it.
    pub fn over_hubs(value: Option<u64>, low: Option<u64>, high: Option<u64>, hubs: u64, hidden: u64) -> Figure {
        let low = low.unwrap_or(0);
        match value {
            _ if hubs == 0 => Figure::Unavailable,
            _ if hidden >= hubs => Figure::Hidden { low, high },
            Some(value) => Figure::Exact(value),
            None => Figure::Interval { low, high },
        }
    }

    /// The figure or its rounded form, where there is one.
    pub fn value(self) -> Option<u64> {
        match self {
            Figure::Exact(value) | Figure::Rounded { value, .. } => Some(value),
            Figure::Interval { .. } | Figure::Hidden { .. } | Figure::Unavailable => None,
        }
    }

    /// The least that the true figure can be.
    pub fn low(self) -> Option<u64> {
        match self {
            Figure::Exact(low)
            | Figure::Rounded { low, .. }
            | Figure::Interval { low, .. }
            | Figure::Hidden { low, .. } => Some(low),
            Figure::Unavailable => None,
        }
    }

    /// The most that the true figure can be; `None` where nothing bounds it.
    pub fn high(self) -> Option<u64> {
        match self {
            Figure::Exact(high) | Figure::Rounded { high, .. } => Some(high),
            Figure::Interval { high, .. } | Figure::Hidden { high, .. } => high,
            Figure::Unavailable => None,
        }
    }

    /// The shorthand of the Government Statistical Service for what stands in the value's place: `[c]` where
    /// confidentiality keeps the value back, `[x]` where there is none; empty beside a value.
    pub fn shorthand(self) -> &'static str {
        match self {
            Figure::Exact(_) | Figure::Rounded { .. } => "",
            Figure::Interval { .. } | Figure::Hidden { .. } => "[c]",
            Figure::Unavailable => "[x]",
        }
    }

    /// `exact`, `rounded`, `interval`, `hidden` or `not available`.
    pub fn precision(self) -> &'static str {
        match self {
            Figure::Exact(_) => "exact",
            Figure::Rounded { .. } => "rounded",
            Figure::Interval { .. } => "interval",
            Figure::Hidden { .. } => "hidden",
            Figure::Unavailable => "not available",
        }
    }
}

impl Timeliness {
    /// `on time`, `late` or `missing`.
    pub fn name(self) -> &'static str {
        match self {
            Timeliness::OnTime => "on time",
            Timeliness::Late => "late",
            Timeliness::Missing => "missing",
        }
    }
}

/// Finds the releases that stand behind a figure.
pub(crate) struct Origins<'a> {
    by_period: BTreeMap<&'a str, BTreeMap<&'a str, Vec<&'a ReleaseProvenance>>>,
    hubs_by_region: BTreeMap<&'a str, BTreeSet<&'a str>>,
}

impl<'a> Origins<'a> {
    pub(crate) fn of(statistics: &'a Statistics) -> Origins<'a> {
        let mut origins = Origins { by_period: BTreeMap::new(), hubs_by_region: BTreeMap::new() };
        for release in &statistics.releases {
            origins.by_period.entry(&release.period).or_default().entry(&release.hub).or_default().push(release);
        }
        for coverage in &statistics.coverage {
            origins.hubs_by_region.entry(&coverage.region).or_default().insert(&coverage.hub);
        }
        origins
    }

    /// The releases of a period, of the hubs of an area.
    pub(crate) fn behind(&self, area: &Area, period: &str) -> Vec<&'a ReleaseProvenance> {
        let Some(hubs) = self.by_period.get(period) else { return Vec::new() };
        match area {
            Area::Nation => hubs.values().flatten().copied().collect(),
            Area::Region(region) => {
                let inside = self.hubs_by_region.get(region.as_str()).into_iter().flatten();
                inside.filter_map(|hub| hubs.get(hub)).flatten().copied().collect()
            }
            Area::Hub(hub) => hubs.get(hub.as_str()).into_iter().flatten().copied().collect(),
        }
    }
}
