//! A wrapper for what identifies or quotes a person.

use std::fmt;

/// A value that identifies or quotes a person. It never prints itself: whoever needs the value says so by
/// [`expose`](Personal::expose), which a reader can search for.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct Personal<T>(T);

impl<T> Personal<T> {
    /// Wraps a value.
    pub fn new(value: T) -> Personal<T> {
        Personal(value)
    }

    /// The value, for the hub's own database and the hub's own eyes.
    pub fn expose(&self) -> &T {
        &self.0
    }

    /// The value itself.
    pub fn into_inner(self) -> T {
        self.0
    }
}

impl<T> From<T> for Personal<T> {
    fn from(value: T) -> Personal<T> {
        Personal(value)
    }
}

impl<T> fmt::Debug for Personal<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[personal]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn never_prints_its_value() {
        let name = Personal::new("Aisha Okafor".to_owned());
        assert_eq!(format!("{name:?} {:#?}", Some(&name)), "[personal] Some(\n    [personal],\n)");
    }
}
