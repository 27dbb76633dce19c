//! National statistics in, files out: tidy CSV, JSON, Parquet, SDMX-CSV, charts as SVG and PNG, and a report to print.
//!
//! Invariants: no IO and no clock, so that the same statistics give the same bytes on every machine; fonts are part of the
//! crate. Every format carries its provenance: the releases behind it, their hashes, the version of the policy. A hidden
//! figure has no value here ([`Figure`]), so that no format can show one. Text is escaped in every format.

mod chart;
mod csv;
mod error;
mod json;
mod markup;
mod parquet;
mod png;
mod report;
mod sdmx;
mod statistics;
mod tables;
mod tidy;
mod words;

pub use chart::{Chart, Subject};
pub use error::PublicationError;
pub use statistics::{
    Area, Coverage, DeclaredFigure, Figure, IndicatorDefinition, LEAST_HUBS_COMPARED, Observation, PolicyVersion,
    ReleaseProvenance, Statistics, Timeliness,
};

/// A format that statistics are published in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Format {
    /// Tidy CSV with its companions.
    TidyCsv,
    /// One JSON document.
    Json,
    /// One Parquet file.
    Parquet,
    /// SDMX-CSV 2.0 with its companion.
    SdmxCsv,
    /// Every chart, as SVG.
    Svg,
    /// Every chart, as PNG.
    Png,
    /// A report to print, as HTML.
    Html,
}

/// A file to write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Its name: lower case, without a folder.
    pub name: String,
    /// What it holds.
    pub bytes: Vec<u8>,
}

impl File {
    pub(crate) fn new(name: impl Into<String>, bytes: impl Into<Vec<u8>>) -> File {
        File { name: name.into(), bytes: bytes.into() }
    }
}

impl Format {
    /// Every format.
    pub const ALL: [Format; 7] =
        [Format::TidyCsv, Format::Json, Format::Parquet, Format::SdmxCsv, Format::Svg, Format::Png, Format::Html];

    /// The format as commands write it.
    pub fn code(self) -> &'static str {
        match self {
            Format::TidyCsv => "csv",
            Format::Json => "json",
            Format::Parquet => "parquet",
            Format::SdmxCsv => "sdmx-csv",
            Format::Svg => "svg",
            Format::Png => "png",
            Format::Html => "html",
        }
    }
}

/// The files of one format. The first is the figures; those after it go with them.
pub fn publish(format: Format, statistics: &Statistics) -> Result<Vec<File>, PublicationError> {
    match format {
        Format::TidyCsv => Ok(tidy::tidy_csv(statistics)),
        Format::Json => Ok(json::json(statistics)),
        Format::Parquet => Ok(parquet::parquet(statistics)?),
        Format::SdmxCsv => Ok(sdmx::sdmx_csv(statistics)),
        Format::Svg => Ok(Chart::all(statistics).iter().map(svg_file).collect()),
        Format::Png => Chart::all(statistics).iter().map(png_file).collect(),
        Format::Html => Ok(report::report(statistics)),
    }
}

fn svg_file(chart: &Chart) -> File {
    File::new(format!("{}.svg", chart.name()), chart.svg())
}

fn png_file(chart: &Chart) -> Result<File, PublicationError> {
    Ok(File::new(format!("{}.png", chart.name()), chart.png()?))
}

#[cfg(test)]
mod tests;
