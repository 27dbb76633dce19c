//! The commands about disclosure policies.

use clap::{Args, Subcommand};
use folkmoot_domain::calendar::Period;

use super::Data;

#[derive(Debug, Subcommand)]
pub(crate) enum Policy {
    /// Set a stricter policy, from a quarter to come; it is never taken back
    ///
    /// What is not given stays as in the policy before. A quarter, year or programme is under the policy that has begun by
    /// its last day.
    Set(SetPolicy),
    /// List the policies
    List(Data),
}

#[derive(Debug, Args)]
#[group(id = "change", required = true, multiple = true,
    args = ["threshold", "special_threshold", "largest", "two_largest", "from"])]
pub(crate) struct SetPolicy {
    #[command(flatten)]
    pub(crate) folder: Data,
    /// Hide figures of fewer people than this: 8 or more
    #[arg(long, value_name = "PEOPLE")]
    pub(crate) threshold: Option<u32>,
    /// The same for ethnicity and disability: 10 or more, and no less than the threshold
    #[arg(long, value_name = "PEOPLE")]
    pub(crate) special_threshold: Option<u32>,
    /// The most that one person may contribute to a sum, in percent of it: 50 or less
    #[arg(long, value_name = "PERCENT", value_parser = percent)]
    pub(crate) largest: Option<u32>,
    /// The most that two persons may contribute to a sum together, in percent of it: 90 or less
    #[arg(long, value_name = "PERCENT", value_parser = percent)]
    pub(crate) two_largest: Option<u32>,
    /// The first quarter in which it holds, such as 2027-Q1: one that has not begun; the next where not given
    #[arg(long, value_name = "QUARTER", value_parser = quarter)]
    pub(crate) from: Option<String>,
}

fn percent(text: &str) -> Result<u32, String> {
    let number = text.strip_suffix('%').unwrap_or(text).trim_end();
    number.parse().map_err(|_| "write a whole number of percent, such as 45".to_owned())
}

fn quarter(text: &str) -> Result<String, String> {
    match text.parse() {
        Ok(Period::Quarter(quarter)) => Ok(quarter.to_string()),
        Ok(Period::FinancialYear(_) | Period::Programme(_)) | Err(_) => {
            Err("write a calendar quarter, such as 2027-Q1 for January to March 2027".to_owned())
        }
    }
}
