//! Days and periods, without a calendar library.

use std::fmt;

/// A day; days compare as they follow each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Day {
    /// The year.
    pub year: i32,
    /// The month, 1 to 12.
    pub month: u32,
    /// The day of the month, from 1.
    pub day: u32,
}

impl Day {
    /// A day. Nothing is checked: the generator also writes days that do not exist.
    pub const fn new(year: i32, month: u32, day: u32) -> Self {
        Self { year, month, day }
    }

    /// As a British spreadsheet saves it.
    pub fn british(self) -> String {
        format!("{:02}/{:02}/{:04}", self.day, self.month, self.year)
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

/// A period that figures are counted for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Window {
    /// The period's code: `2018-Q3`, `2018/19`, `programme/COEP`.
    pub code: String,
    /// The first day.
    pub first: Day,
    /// The last day.
    pub last: Day,
}

impl Window {
    /// The `number`th calendar quarter of `year`, from 1.
    ///
    /// # Panics
    /// Where there is no such quarter.
    pub fn quarter(year: i32, number: u32) -> Self {
        let last = match number {
            1 => 31,
            2 | 3 => 30,
            4 => 31,
            other => panic!("no quarter {other}"),
        };
        Self {
            code: format!("{year}-Q{number}"),
            first: Day::new(year, number * 3 - 2, 1),
            last: Day::new(year, number * 3, last),
        }
    }

    /// The financial year that begins in April of `year`.
    pub fn financial_year(year: i32) -> Self {
        Self {
            code: format!("{year}/{:02}", (year + 1) % 100),
            first: Day::new(year, 4, 1),
            last: Day::new(year + 1, 3, 31),
        }
    }

    /// A funding programme.
    pub fn programme(code: &str, first: Day, last: Day) -> Self {
        Self { code: format!("programme/{code}"), first, last }
    }

    /// Whether `day` lies in the period.
    pub fn holds(&self, day: Day) -> bool {
        self.first <= day && day <= self.last
    }
}
