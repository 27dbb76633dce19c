//! National statistics: figures, coverage, charts and the report for a funder.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use folkmoot_domain::indicator::{Dimension, Indicator};

use super::{Data, ForPeriod, name, period};

#[derive(Debug, Subcommand)]
pub(crate) enum Statistics {
    /// Print the national figures of one period
    ///
    /// Each line says how many hubs stand behind the figure. A figure is exact only where every hub's is; else its bounds
    /// are given, and where every hub hid it, it is not published. Figures that somebody published come after, as context.
    Report(ReportPeriod),
    /// Print or write statistics: by period, indicator, breakdown, region and hub
    ///
    /// --format json, csv, parquet and sdmx-csv carry their provenance: the releases behind the figures, their hashes, the
    /// policy. Bounds stand beside every figure; what is hidden is never shown.
    #[command(name = "statistics")]
    Observations(Observations),
    /// Say which hub has released which period, when, and whether it was late
    Coverage(Coverage),
    /// Draw one chart, as SVG or PNG by the ending of its file
    Chart(Chart),
    /// Write a report for a funder: one HTML page to read or print
    ///
    /// It has definitions, coverage, charts, figures by region and hub, declared figures beside the computed ones, and where
    /// all of it comes from.
    FunderReport(FunderReport),
}

#[derive(Debug, Args)]
pub(crate) struct ReportPeriod {
    #[command(flatten)]
    pub(crate) period: ForPeriod,
    /// Show every category, those too of which nothing is published
    #[arg(long)]
    pub(crate) all: bool,
}

/// One period, or several.
#[derive(Clone, Debug, PartialEq, Eq, Args)]
pub(crate) struct Periods {
    /// The period: a quarter 2018-Q3, a financial year 2018/19, or programme/COEP
    #[arg(long, value_parser = period, conflicts_with_all = ["from", "to"])]
    pub(crate) period: Option<String>,
    /// The first of several quarters or financial years
    #[arg(long, value_name = "PERIOD", value_parser = period, requires = "to")]
    pub(crate) from: Option<String>,
    /// The last of them
    #[arg(long, value_name = "PERIOD", value_parser = period, requires = "from")]
    pub(crate) to: Option<String>,
}

#[derive(Debug, Args)]
#[group(id = "when", required = true, multiple = true, args = ["period", "from"])]
pub(crate) struct Observations {
    #[command(flatten)]
    pub(crate) folder: Data,
    #[command(flatten)]
    pub(crate) periods: Periods,
    /// An indicator's code, such as people_trained; repeat it for several; every one where not given
    #[arg(long = "indicator", value_name = "CODE", value_parser = indicator)]
    pub(crate) indicators: Vec<String>,
    /// What to break figures down by: age_band, gender, ethnicity, disability, theme, ward, or all
    #[arg(long, value_parser = dimension)]
    pub(crate) dimension: Option<String>,
    /// Over what hubs are added up
    #[arg(long, value_enum, default_value_t = By::Nation)]
    pub(crate) by: By,
    /// Only this region; by region or by hub
    #[arg(long)]
    pub(crate) region: Option<String>,
    /// Only this hub; by hub
    #[arg(long, value_name = "NAME", value_parser = name)]
    pub(crate) hub: Option<String>,
    /// Add the periods up: always refused, and the refusal says why
    #[arg(long)]
    pub(crate) add_up: bool,
    /// Where to write: a file for json and parquet; for csv and sdmx-csv a folder, since several files belong together
    #[arg(long, value_name = "PATH")]
    pub(crate) output: Option<PathBuf>,
}

/// Over what hubs are added up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum By {
    /// All hubs
    Nation,
    /// The hubs of each region
    Region,
    /// Each hub by itself
    Hub,
}

#[derive(Debug, Args)]
pub(crate) struct Coverage {
    #[command(flatten)]
    pub(crate) folder: Data,
    #[command(flatten)]
    pub(crate) periods: Periods,
}

#[derive(Debug, Args)]
#[group(id = "when", required = true, multiple = true, args = ["period", "from"])]
pub(crate) struct Chart {
    #[command(flatten)]
    pub(crate) folder: Data,
    #[command(flatten)]
    pub(crate) periods: Periods,
    /// The indicator's code, such as people_trained
    #[arg(long, value_name = "CODE", value_parser = indicator)]
    pub(crate) indicator: String,
    /// What to show
    #[arg(long, value_enum)]
    pub(crate) kind: ChartKind,
    /// What to break the figure down by, with --kind by-breakdown
    #[arg(long, value_parser = dimension, required_if_eq("kind", "by-breakdown"))]
    pub(crate) dimension: Option<String>,
    /// The file to write: its ending says the format, .svg or .png
    #[arg(long, value_name = "FILE", value_parser = picture)]
    pub(crate) output: PathBuf,
}

/// What a chart shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ChartKind {
    /// Quarter by quarter: those from --from to --to, or those of a year or programme
    Trend,
    /// Region by region, in one period
    ByRegion,
    /// Hub by hub, in one period
    ByHub,
    /// Category by category of --dimension, in one period
    ByBreakdown,
}

#[derive(Debug, Args)]
pub(crate) struct FunderReport {
    #[command(flatten)]
    pub(crate) period: ForPeriod,
    /// The file to write
    #[arg(long, value_name = "FILE")]
    pub(crate) output: PathBuf,
}

fn indicator(text: &str) -> Result<String, String> {
    match Indicator::from_code(text) {
        Some(indicator) => Ok(indicator.code().to_owned()),
        None => Err(format!("write one of {}", Indicator::ALL.map(Indicator::code).join(", "))),
    }
}

fn dimension(text: &str) -> Result<String, String> {
    match Dimension::from_code(text) {
        Some(_) => Ok(text.to_owned()),
        None if text == "all" => Ok(text.to_owned()),
        None => Err(format!("write one of {}, or all", Dimension::ALL.map(Dimension::code).join(", "))),
    }
}

fn picture(text: &str) -> Result<PathBuf, String> {
    match text.rsplit_once('.').map(|(_, ending)| ending) {
        Some("svg" | "png") => Ok(PathBuf::from(text)),
        Some(_) | None => Err("end the file's name in .svg or .png".to_owned()),
    }
}
