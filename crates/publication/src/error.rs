//! What can fail when files are made.

use thiserror::Error;

/// A file could not be made. The statistics are not to blame: every one can be published in every format.
#[derive(Debug, Error)]
pub enum PublicationError {
    /// The Parquet library refused to write.
    #[error("the Parquet file could not be written; publish in another format, and report this")]
    Parquet(#[from] parquet::errors::ParquetError),
    /// The SVG library could not read a chart.
    #[error("the chart {chart} could not be drawn as PNG; take it as SVG, and report this")]
    Drawing {
        /// The chart's name.
        chart: String,
        /// What it stumbled over.
        #[source]
        source: resvg::usvg::Error,
    },
    /// A chart is too large for memory.
    #[error("the chart {chart} is too large for PNG: {width} × {height} pixels; take it as SVG")]
    Size {
        /// The chart's name.
        chart: String,
        /// Pixels across.
        width: u32,
        /// Pixels down.
        height: u32,
    },
    /// The PNG library refused to write.
    #[error("the chart {chart} could not be written as PNG; take it as SVG, and report this")]
    Encoding {
        /// The chart's name.
        chart: String,
        /// What it refused.
        #[source]
        source: png::EncodingError,
    },
}
