//! Tables as CSV, by RFC 4180: a header, CRLF, quotes where they are needed, UTF-8 without a byte order mark.

use std::borrow::Cow;

/// One column: its name, the type of its values in the terms of CSV on the Web, and what it says.
pub(crate) struct Column {
    pub(crate) name: &'static str,
    pub(crate) datatype: &'static str,
    pub(crate) description: &'static str,
}

/// Shorthand for tables of columns.
pub(crate) const fn column(name: &'static str, datatype: &'static str, description: &'static str) -> Column {
    Column { name, datatype, description }
}

/// A CSV file that grows.
pub(crate) struct Csv {
    text: String,
    width: usize,
}

impl Csv {
    /// A file with its header.
    pub(crate) fn new<'a>(names: impl IntoIterator<Item = &'a str>) -> Csv {
        let names: Vec<Cow<'_, str>> = names.into_iter().map(Cow::from).collect();
        let mut csv = Csv { text: String::new(), width: names.len() };
        csv.record(&names);
        csv
    }

    /// One record more: as many fields as the header has.
    pub(crate) fn record(&mut self, fields: &[Cow<'_, str>]) {
        debug_assert_eq!(fields.len(), self.width, "a record has the fields of its header");
        for (position, field) in fields.iter().enumerate() {
            if position > 0 {
                self.text.push(',');
            }
            if field.contains([',', '"', '\r', '\n']) {
                self.text.push('"');
                self.text.push_str(&field.replace('"', "\"\""));
                self.text.push('"');
            } else {
                self.text.push_str(field);
            }
        }
        self.text.push_str("\r\n");
    }

    /// The file.
    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.text.into_bytes()
    }
}

/// Text that somebody outside chose, such as a hub's name, so that no spreadsheet takes it for a formula: an apostrophe
/// stands before text that begins with `=`, `+`, `-`, `@`, a tab or a carriage return. A reader takes it off again where
/// what follows it, apostrophes aside, begins with one of these.
pub(crate) fn outside(text: &str) -> Cow<'_, str> {
    match text.trim_start_matches('\'').starts_with(['=', '+', '-', '@', '\t', '\r']) {
        true => Cow::from(format!("'{text}")),
        false => Cow::from(text),
    }
}

/// A number.
pub(crate) fn number(value: u64) -> Cow<'static, str> {
    Cow::from(value.to_string())
}

/// A number, or an empty field.
pub(crate) fn optional(value: Option<u64>) -> Cow<'static, str> {
    value.map_or(Cow::from(""), number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_quoted_where_they_must_be() {
        let mut csv = Csv::new(["a", "b"]);
        csv.record(&["plain".into(), "with, comma".into()]);
        csv.record(&["a \"quote\"".into(), "two\nlines".into()]);
        let text = String::from_utf8(csv.into_bytes()).unwrap();
        assert_eq!(text, "a,b\r\nplain,\"with, comma\"\r\n\"a \"\"quote\"\"\",\"two\nlines\"\r\n");
    }

    #[test]
    fn no_name_is_a_formula_and_every_name_can_be_read_back() {
        let read_back = |text: &str| match text.trim_start_matches('\'').starts_with(['=', '+', '-', '@', '\t', '\r']) {
            true => text[1..].to_owned(),
            false => text.to_owned(),
        };
        for name in ["=1+1", "+44", "-1", "@SUM", "\tx", "'=1", "''-", "'quoted'", "Hull", "", "Ünder = one"] {
            let written = outside(name);
            assert!(!written.starts_with(['=', '+', '-', '@', '\t', '\r']), "{written}");
            assert_eq!(read_back(&written), name);
        }
        assert_eq!(outside("Hull = Orchard Park"), "Hull = Orchard Park");
    }
}
