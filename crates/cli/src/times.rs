//! Moments, as people and programs read them.

use std::fmt::Display;

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_said_to_the_minute() {
        assert_eq!(words(Some("2026-11-21T21:30:05.123Z")), "2026-11-21 21:30 UTC");
        assert_eq!(words(None::<&str>), "");
        assert_eq!(json(Some("2026-11-21T21:30:05Z")), "2026-11-21T21:30:05Z");
        assert_eq!(json(None::<&str>), Value::Null);
    }
}
