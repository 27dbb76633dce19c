//! The table `[disclosure]`: terms of a hub's own, never laxer than the floors.

use folkmoot_disclosure::{GivenTerms, Term, Terms};
use toml::de::DeValue;

use super::{Problem, Reading};

/// Reads the table; what is wrong is added to the problems.
pub(super) fn read(value: &DeValue<'_>, line: usize, reading: &mut Reading<'_>) -> Terms {
    let DeValue::Table(table) = value else {
        let what = "`disclosure` is a table: write [disclosure] on a line of its own, and its terms below".to_owned();
        reading.problems.push(Problem { line: Some(line), what });
        return Terms::FLOOR;
    };
    let (mut given, mut lines, mut unread) = (GivenTerms::default(), Vec::new(), false);
    for (key, value) in table {
        let (code, line) = (key.get_ref().as_ref(), reading.line(key.span().start));
        let term = Term::ALL.into_iter().find(|term| term.code() == code);
        let number = match value.get_ref() {
            DeValue::Integer(number) => u32::from_str_radix(number.as_str(), number.radix()).ok(),
            DeValue::String(_)
            | DeValue::Float(_)
            | DeValue::Boolean(_)
            | DeValue::Datetime(_)
            | DeValue::Array(_)
            | DeValue::Table(_) => None,
        };
        let what = match (term, number) {
            (Some(term), Some(number)) => {
                *slot(&mut given, term) = Some(number);
                lines.push((term, line));
                continue;
            }
            (Some(_), None) => format!("`{code}` is a whole number, such as 12, without quotes"),
            (None, _) => {
                let known = Term::ALL.map(Term::code).join(", ");
                format!("`{code}` is no term of disclosure; there are {known}")
            }
        };
        unread = true;
        reading.problems.push(Problem { line: Some(line), what });
    }
    let terms = given.over(&Terms::FLOOR);
    for fault in terms.faults() {
        let at = lines.iter().find(|(term, _)| fault.term() == Some(*term)).map(|(_, line)| *line);
        // What follows from a term that could not be read was reported with it.
        if at.is_some() || !unread {
            let what = format!("{fault}; a hub may be stricter than the Academy's policy, and never laxer");
            reading.problems.push(Problem { line: Some(at.unwrap_or(line)), what });
        }
    }
    terms
}

fn slot(given: &mut GivenTerms, term: Term) -> &mut Option<u32> {
    match term {
        Term::Threshold => &mut given.threshold,
        Term::SpecialThreshold => &mut given.special_threshold,
        Term::LargestPercent => &mut given.largest_percent,
        Term::TwoLargestPercent => &mut given.two_largest_percent,
    }
}

/// The table as `init` writes it: last in the file, since what follows a table belongs to it.
pub(super) fn to_file(terms: &Terms) -> String {
    let mut file = String::from("\n# Terms for this hub's releases that are stricter than the Academy's policy.\n");
    if *terms == Terms::FLOOR {
        file.push_str("# [disclosure]\n# threshold = 12\n");
        return file;
    }
    file.push_str("[disclosure]\n");
    for term in Term::ALL {
        file.push_str(&format!("{} = {}\n", term.code(), terms.of(term)));
    }
    file
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::{Overrides, Settings};

    const HUB: &str = "role = \"hub\"\nname = \"Warminster\"\nlisten = \"127.0.0.1:7400\"\n";

    fn parse(disclosure: &str) -> Result<Settings, Vec<String>> {
        let parsed = Settings::parse(&format!("{HUB}{disclosure}"), &Overrides::default());
        parsed.map_err(|problems| problems.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn terms_are_the_floors_but_for_what_is_said() {
        for (text, expected) in [
            ("", Terms::FLOOR),
            ("[disclosure]\n", Terms::FLOOR),
            ("[disclosure]\nthreshold = 9\n", Terms { threshold: 9, ..Terms::FLOOR }),
            ("[disclosure]\nthreshold = 12\n", Terms { threshold: 12, special_threshold: 12, ..Terms::FLOOR }),
            (
                "disclosure = { largest_percent = 0x20, two_largest_percent = 80 }\n",
                Terms { largest_percent: 32, two_largest_percent: 80, ..Terms::FLOOR },
            ),
        ] {
            let settings = parse(text).expect("good settings");
            assert_eq!(settings.disclosure, expected, "{text}");
            assert_eq!(Settings::parse(&settings.to_file(), &Overrides::default()), Ok(settings), "{text}");
        }
    }

    #[test]
    fn every_problem_of_the_table_is_told_at_once() {
        let check = |text: &str, expected: &[&str]| {
            let words = parse(text).expect_err("problems");
            assert_eq!(words.len(), expected.len(), "{words:#?}");
            for (words, expected) in words.iter().zip(expected) {
                assert!(words.contains(expected), "{words} does not say {expected}");
            }
        };
        check("disclosure = 12\n", &["line 4: `disclosure` is a table: write [disclosure]"]);
        check(
            "[disclosure]\nthreshold = 5\ntwo_largest_percent = 95\nlargest_percent = \"40\"\nround = 10\n",
            &[
                "line 5: threshold 5 is laxer than the floor: 8 or more; a hub may be stricter",
                "line 6: two largest shares 95 % is laxer than the floor: 90 or less",
                "line 7: `largest_percent` is a whole number",
                "line 8: `round` is no term of disclosure; there are threshold, special_threshold,",
            ],
        );
        for number in ["-1", "1.5", "99999999999", "true"] {
            check(&format!("[disclosure]\nthreshold = {number}\n"), &["line 5: `threshold` is a whole number"]);
        }
        check(
            "[disclosure]\nspecial_threshold = 11\nthreshold = 12\n",
            &["line 5: the special threshold is never below the threshold: 12 or more"],
        );
    }

    #[test]
    fn the_academy_has_no_such_table() {
        let text = "role = \"academy\"\nname = \"A\"\nlisten = \"127.0.0.1:1\"\naddress = \"a.example.org:1\"\n\
                    [disclosure]\nthreshold = 12\n";
        let problems = Settings::parse(text, &Overrides::default()).expect_err("a problem");
        assert!(problems[0].to_string().contains("line 5: `disclosure` is for hubs"), "{problems:?}");
    }
}
