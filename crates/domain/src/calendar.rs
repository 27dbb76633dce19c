//! Days, quarters, financial years, funding programmes and the periods that figures are counted over.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;

use time::{Date, Month};

use crate::DomainError;

/// The years that dates may lie in: wide enough for any record, and such that every period around a day exists.
const YEARS: RangeInclusive<i32> = 1000..=9000;

/// Reads a date: ISO 8601 (`2018-06-30`) or as spreadsheets in Britain save it (`30/06/2018`), exactly so.
pub fn parse_date(text: &str) -> Option<Date> {
    let bytes = text.as_bytes();
    let digits = |range: std::ops::Range<usize>| -> Option<u16> {
        bytes
            .get(range)?
            .iter()
            .try_fold(0u16, |sum, byte| byte.is_ascii_digit().then(|| sum * 10 + u16::from(byte - b'0')))
    };
    if bytes.len() != 10 {
        return None;
    }
    let (year, month, day) = match (bytes[2], bytes[4], bytes[5], bytes[7]) {
        (_, b'-', _, b'-') => (digits(0..4)?, digits(5..7)?, digits(8..10)?),
        (b'/', _, b'/', _) => (digits(6..10)?, digits(3..5)?, digits(0..2)?),
        _ => return None,
    };
    day_of(i32::from(year), u8::try_from(month).ok()?, u8::try_from(day).ok()?)
}

/// A date as ISO 8601: `2018-06-30`.
pub fn iso(date: Date) -> String {
    format!("{:04}-{:02}-{:02}", date.year(), u8::from(date.month()), date.day())
}

/// A day that exists in a year that dates may lie in.
fn day_of(year: i32, month: u8, day: u8) -> Option<Date> {
    let month = Month::try_from(month).ok()?;
    YEARS.contains(&year).then(|| Date::from_calendar_date(year, month, day).ok()).flatten()
}

/// A calendar quarter.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Quarter(i32);

impl Quarter {
    /// The quarter `number` (1 to 4) of a calendar year.
    pub fn new(year: i32, number: u8) -> Option<Quarter> {
        (YEARS.contains(&year) && (1..=4).contains(&number)).then(|| Quarter(year * 4 + i32::from(number) - 1))
    }

    /// The quarter that a day lies in.
    pub fn of(day: Date) -> Quarter {
        Quarter(day.year() * 4 + i32::from((u8::from(day.month()) - 1) / 3))
    }

    /// Counts quarters without gaps: the year × 4, plus the quarter's number less 1.
    pub fn index(self) -> i32 {
        self.0
    }

    /// The quarter of an index.
    pub fn from_index(index: i32) -> Option<Quarter> {
        YEARS.contains(&index.div_euclid(4)).then_some(Quarter(index))
    }

    /// The calendar year.
    pub fn year(self) -> i32 {
        self.0.div_euclid(4)
    }

    /// 1 to 4.
    pub fn number(self) -> u8 {
        // The remainder of a division by 4 is 0 to 3.
        self.0.rem_euclid(4) as u8 + 1
    }

    /// The first day.
    pub fn first_day(self) -> Date {
        let month = [Month::January, Month::April, Month::July, Month::October][self.0.rem_euclid(4) as usize];
        Date::from_calendar_date(self.year(), month, 1).unwrap_or(Date::MAX)
    }

    /// The last day.
    pub fn last_day(self) -> Date {
        self.next().first_day().previous_day().unwrap_or(Date::MIN)
    }

    /// The quarter after.
    pub fn next(self) -> Quarter {
        Quarter(self.0.saturating_add(1))
    }

    /// The financial year that the quarter lies in.
    pub fn financial_year(self) -> FinancialYear {
        FinancialYear((self.0 - 1).div_euclid(4))
    }

    /// The quarter's days.
    pub fn span(self) -> Span {
        Span { first: self.first_day(), last: self.last_day() }
    }
}

impl fmt::Display for Quarter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-Q{}", self.year(), self.number())
    }
}

impl fmt::Debug for Quarter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A financial year, April to March, named by the year in which its April lies.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FinancialYear(i32);

impl FinancialYear {
    /// The financial year that begins in April of `year`.
    pub fn new(year: i32) -> Option<FinancialYear> {
        YEARS.contains(&year).then_some(FinancialYear(year))
    }

    /// The financial year that a day lies in.
    pub fn of(day: Date) -> FinancialYear {
        Quarter::of(day).financial_year()
    }

    /// The year in which its April lies.
    pub fn start_year(self) -> i32 {
        self.0
    }

    /// 1 April.
    pub fn first_day(self) -> Date {
        self.first_quarter().first_day()
    }

    /// 31 March of the year after.
    pub fn last_day(self) -> Date {
        Quarter(self.first_quarter().0 + 3).last_day()
    }

    /// April to June.
    fn first_quarter(self) -> Quarter {
        Quarter(self.0 * 4 + 1)
    }
}

impl fmt::Display for FinancialYear {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}/{:02}", self.0, (self.0 + 1).rem_euclid(100))
    }
}

impl fmt::Debug for FinancialYear {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The code of a funding programme, such as `COEP`: letters, digits and hyphens, 1 to 32 of them.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProgrammeCode(String);

impl ProgrammeCode {
    /// The code.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ProgrammeCode {
    type Err = DomainError;

    fn from_str(text: &str) -> Result<ProgrammeCode, DomainError> {
        let fits =
            (1..=32).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        if fits { Ok(ProgrammeCode(text.to_owned())) } else { Err(DomainError::ProgrammeCode) }
    }
}

impl fmt::Display for ProgrammeCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for ProgrammeCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What figures are counted over. Its code, by [`fmt::Display`], is `2018-Q3`, `2018/19` or `programme/COEP`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Period {
    /// A calendar quarter.
    Quarter(Quarter),
    /// A financial year, April to March.
    FinancialYear(FinancialYear),
    /// A funding programme: a union of whole quarters.
    Programme(ProgrammeCode),
}

impl Period {
    /// The period's days; `None` where the programme is not known.
    pub fn span(&self, programmes: &Programmes) -> Option<Span> {
        match self {
            Period::Quarter(quarter) => Some(quarter.span()),
            Period::FinancialYear(year) => Some(Span { first: year.first_day(), last: year.last_day() }),
            Period::Programme(code) => programmes.get(code).map(|programme| programme.span),
        }
    }

    /// The period in words that people read: "Jul–Sep 2018 (Q2 of 2018/19)", "Financial year 2018/19",
    /// "Programme COEP".
    pub fn title(&self) -> String {
        match self {
            Period::Quarter(quarter) => {
                let months = ["Jan–Mar", "Apr–Jun", "Jul–Sep", "Oct–Dec"][quarter.0.rem_euclid(4) as usize];
                let (year, number) = (quarter.financial_year(), (quarter.number() + 2) % 4 + 1);
                format!("{months} {} (Q{number} of {year})", quarter.year())
            }
            Period::FinancialYear(year) => format!("Financial year {year}"),
            Period::Programme(code) => format!("Programme {code}"),
        }
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Period::Quarter(quarter) => fmt::Display::fmt(quarter, f),
            Period::FinancialYear(year) => fmt::Display::fmt(year, f),
            Period::Programme(code) => write!(f, "programme/{code}"),
        }
    }
}

impl FromStr for Period {
    type Err = DomainError;

    fn from_str(text: &str) -> Result<Period, DomainError> {
        if let Some(code) = text.strip_prefix("programme/") {
            return code.parse().map(Period::Programme).map_err(|_| DomainError::Period);
        }
        let read = || {
            let year: i32 = text.get(..4).filter(|year| year.bytes().all(|b| b.is_ascii_digit()))?.parse().ok()?;
            let period = match text.get(4..)?.as_bytes() {
                [b'-', b'Q', number] => Period::Quarter(Quarter::new(year, number.wrapping_sub(b'0'))?),
                [b'/', _, _] => Period::FinancialYear(FinancialYear::new(year)?),
                _ => return None,
            };
            // Writing it again proves that 2018/20 is no financial year.
            (period.to_string() == text).then_some(period)
        };
        read().ok_or(DomainError::Period)
    }
}

/// Days from a first to a last, both included: whole quarters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// The first day.
    pub first: Date,
    /// The last day.
    pub last: Date,
}

impl Span {
    /// Whether a day lies in the span.
    pub fn contains(&self, day: Date) -> bool {
        (self.first..=self.last).contains(&day)
    }

    /// The quarters of the span, in order.
    pub fn quarters(&self) -> impl Iterator<Item = Quarter> + use<> {
        (Quarter::of(self.first).0..=Quarter::of(self.last).0).map(Quarter)
    }
}

/// A funding programme: a union of whole quarters. It never changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Programme {
    /// The code, such as `COEP`.
    pub code: ProgrammeCode,
    /// The title.
    pub title: String,
    /// Its days.
    pub span: Span,
}

impl Programme {
    /// A programme from its first to its last day.
    ///
    /// # Errors
    /// Where the days are not those of whole quarters, or the title is empty or over 200 characters.
    pub fn new(code: ProgrammeCode, title: &str, first: Date, last: Date) -> Result<Programme, DomainError> {
        let title = title.trim();
        if !(1..=200).contains(&title.chars().count()) || title.chars().any(char::is_control) {
            return Err(DomainError::ProgrammeTitle);
        }
        if !YEARS.contains(&first.year()) || Quarter::of(first).first_day() != first {
            return Err(DomainError::ProgrammeStart);
        }
        if !YEARS.contains(&last.year()) || Quarter::of(last).last_day() != last {
            return Err(DomainError::ProgrammeEnd);
        }
        if last < first {
            return Err(DomainError::ProgrammeOrder);
        }
        Ok(Programme { code, title: title.to_owned(), span: Span { first, last } })
    }
}

/// The programmes that the directory lists.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Programmes(BTreeMap<ProgrammeCode, Programme>);

impl Programmes {
    /// The programme of a code.
    pub fn get(&self, code: &ProgrammeCode) -> Option<&Programme> {
        self.0.get(code)
    }

    /// Adds a programme; `false` where the very same is there already.
    ///
    /// # Errors
    /// Where another programme has the code: a programme never changes.
    pub fn insert(&mut self, programme: Programme) -> Result<bool, DomainError> {
        match self.0.get(&programme.code) {
            Some(held) if *held == programme => Ok(false),
            Some(_) => Err(DomainError::ProgrammeChanged),
            None => Ok(self.0.insert(programme.code.clone(), programme).is_none()),
        }
    }

    /// The programmes, by code.
    pub fn iter(&self) -> impl Iterator<Item = &Programme> {
        self.0.values()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests;
