//! Moments, as people and programs read them.

use std::fmt::Display;
use std::time::SystemTime;

use folkmoot_domain::Date;
use folkmoot_domain::calendar::iso;
use serde_json::Value;

/// To the minute, in UTC; empty where there is none. `time` prints itself as RFC 3339.
pub(crate) fn words(time: Option<impl Display>) -> String {
    let Some(time) = time.map(|time| time.to_string()) else { return String::new() };
    match time.get(..16) {
        Some(minute) => format!("{} UTC", minute.replace('T', " ")),
        None => time,
    }
}

/// RFC 3339, or null.
pub(crate) fn json(time: Option<impl Display>) -> Value {
    time.map_or(Value::Null, |time| Value::from(time.to_string()))
}

/// A minute that counts from 1970, in UTC.
pub(crate) fn minute(minute: u32) -> String {
    let (day, time) = day_and_time(minute);
    format!("{day} {time} UTC")
}

/// This minute as ISO 8601, in UTC.
pub(crate) fn now() -> String {
    let minutes = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs() / 60;
    let (day, time) = day_and_time(u32::try_from(minutes).unwrap_or(u32::MAX));
    format!("{day}T{time}Z")
}

fn day_and_time(minute: u32) -> (String, String) {
    const DAY: u32 = 24 * 60;
    /// The Julian day of 1 January 1970.
    const EPOCH: i32 = 2_440_588;
    let days = i32::try_from(minute / DAY).unwrap_or(i32::MAX);
    let day = Date::from_julian_day(EPOCH.saturating_add(days)).unwrap_or(Date::MAX);
    (iso(day), format!("{:02}:{:02}", minute % DAY / 60, minute % 60))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_said_to_the_minute() {
        assert_eq!(words(Some("2026-11-21T21:30:05.123Z")), "2026-11-21 21:30 UTC");
        assert_eq!(words(None::<&str>), "");
        assert_eq!(
            (minute(0), minute(29_384_790)),
            ("1970-01-01 00:00 UTC".to_owned(), "2025-11-14 02:30 UTC".to_owned())
        );
        assert_eq!(json(Some("2026-11-21T21:30:05Z")), "2026-11-21T21:30:05Z");
        assert_eq!(json(None::<&str>), Value::Null);
    }
}
