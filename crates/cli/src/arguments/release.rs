//! Figures and releases of a hub.

use clap::Args;

use super::{Data, ForPeriod, period};

#[derive(Debug, Args)]
pub(crate) struct Indicators {
    #[command(flatten)]
    pub(crate) of: ForPeriod,
    /// Also show parts of breakdowns in which nobody is
    #[arg(long)]
    pub(crate) all: bool,
}

#[derive(Debug, Args)]
#[group(id = "which", required = true, multiple = false, args = ["period", "list", "show"])]
pub(crate) struct Release {
    #[command(flatten)]
    pub(crate) folder: Data,
    /// The period: a quarter 2018-Q3, a financial year 2018/19, or programme/COEP
    #[arg(long, value_parser = period)]
    pub(crate) period: Option<String>,
    /// Approve the release: it leaves at the next session with the Academy. A hold ends with it
    #[arg(long, requires = "period", conflicts_with_all = ["list", "show", "hold", "resume"])]
    pub(crate) approve: bool,
    /// Hold the period back: nothing of it leaves, and the hub's own policy approves nothing, until it is resumed
    #[arg(long, requires = "period", conflicts_with_all = ["list", "show", "resume"])]
    pub(crate) hold: bool,
    /// Let a period go that was held back
    #[arg(long, requires = "period", conflicts_with_all = ["list", "show"])]
    pub(crate) resume: bool,
    /// List every release ever approved here, and the periods that are held
    #[arg(long)]
    pub(crate) list: bool,
    /// Show one release, as it left
    #[arg(long, value_name = "ID")]
    pub(crate) show: Option<String>,
    /// Also show breakdowns that are withheld whole, and parts in which nobody is
    #[arg(long, conflicts_with_all = ["list", "hold", "resume"])]
    pub(crate) all: bool,
}
