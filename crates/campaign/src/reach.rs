//! How many people a campaign reached, month by month. Each hub counts in counters of its own, so that two that count apart
//! never overwrite each other, and a campaign's reach is the sum.

use std::fmt;
use std::str::FromStr;

use folkmoot_domain::Date;
use folkmoot_domain::calendar::parse_date;

use crate::document::{hex, unhex};

/// The most people of one count.
pub const REACH_LIMIT: i64 = 1_000_000_000;

/// A calendar month.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Month {
    year: u16,
    number: u8,
}

impl Month {
    /// The month of a year from 2000 to 2099, numbered from 1; `None` outside of that: nobody counts then, and each month is
    /// a counter that every member reads.
    pub fn new(year: u16, number: u8) -> Option<Month> {
        ((2000..=2099).contains(&year) && (1..=12).contains(&number)).then_some(Month { year, number })
    }

    /// Its last day.
    pub fn last_day(self) -> Date {
        let day = |number: u8| parse_date(&format!("{self}-{number:02}"));
        // Every month has a 28th.
        (28..=31).rev().find_map(day).unwrap_or(Date::MIN)
    }
}

/// ISO 8601, such as `2018-10`.
impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.year, self.number)
    }
}

/// A text that is no month.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("write a month as 2018-10, in a year from 2000 to 2099")]
pub struct NoMonth;

impl FromStr for Month {
    type Err = NoMonth;

    fn from_str(text: &str) -> Result<Month, NoMonth> {
        let digits = |part: &str, length| part.len() == length && part.bytes().all(|byte| byte.is_ascii_digit());
        let (year, number) =
            text.split_once('-').filter(|(year, number)| digits(year, 4) && digits(number, 2)).ok_or(NoMonth)?;
        Month::new(year.parse().map_err(|_| NoMonth)?, number.parse().map_err(|_| NoMonth)?).ok_or(NoMonth)
    }
}

/// The key of a hub's counter: `2018-10/` and the hub's node id in lower-case hexadecimal digits.
pub(crate) fn counter_key(month: Month, hub: &[u8; 32]) -> String {
    format!("{month}/{}", hex(hub))
}

/// The month and the hub of a counter's key.
pub(crate) fn reach_key(key: &str) -> Option<(Month, [u8; 32])> {
    let (month, digits) = key.split_once('/')?;
    let hub = unhex(digits)?;
    let is_lower = !digits.bytes().any(|digit| digit.is_ascii_uppercase());
    Some((month.parse().ok()?, hub)).filter(|_| is_lower)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_month_ends_on_its_last_day() {
        for (month, last) in [("2018-10", "31"), ("2018-11", "30"), ("2019-02", "28"), ("2020-02", "29")] {
            let day = month.parse::<Month>().expect("a month").last_day();
            assert_eq!(Some(day), parse_date(&format!("{month}-{last}")));
        }
    }

    #[test]
    fn a_key_names_a_month_and_a_hub_in_one_way_alone() {
        let hub = [0xa7; 32];
        let key = counter_key(Month::new(2018, 10).expect("a month"), &hub);
        assert_eq!(key, format!("2018-10/{}", "a7".repeat(32)));
        assert_eq!(reach_key(&key), Some((Month { year: 2018, number: 10 }, hub)));
        for wrong in [
            key.replace("10/", "13/"),
            key.replace("10/", "1/"),
            key.replace("2018", "+018"),
            key.replace("2018", "1999"),
            key.replace("2018", "2100"),
            key.to_uppercase(),
            format!("{key}a"),
            "2018-10".to_owned(),
            format!("2018-10/{}é", "a7".repeat(31)),
        ] {
            assert_eq!(reach_key(&wrong), None, "{wrong}");
        }
    }
}
