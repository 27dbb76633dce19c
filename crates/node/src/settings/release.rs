//! The table `[release]`: who approves what a hub lets out, by kind of period.

use folkmoot_domain::calendar::Period;
use toml::de::DeValue;

use super::{Problem, Reading};

/// Who approves a kind of release.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Approval {
    /// A person, each time.
    #[default]
    ByHand,
    /// The hub's own policy, once the wait is over; a person may do so before.
    Automatic,
}

impl Approval {
    const ALL: [Approval; 2] = [Approval::ByHand, Approval::Automatic];

    /// The word in the settings.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Approval::ByHand => "by-hand",
            Approval::Automatic => "automatic",
        }
    }

    fn from_code(code: &str) -> Option<Approval> {
        Self::ALL.into_iter().find(|approval| approval.code() == code)
    }
}

/// The hub's policy on releases.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ReleaseSettings {
    /// Who approves releases of quarters.
    pub quarters: Approval,
    /// Who approves releases of financial years.
    pub years: Approval,
    /// Who approves releases of funding programmes.
    pub programmes: Approval,
    /// Whether nothing of a period is approved before every listening campaign heard in it has been reported back.
    pub listening_waits_for_report_back: bool,
}

impl ReleaseSettings {
    /// Who approves the releases of a period.
    #[must_use]
    pub fn approval(&self, period: &Period) -> Approval {
        match period {
            Period::Quarter(_) => self.quarters,
            Period::FinancialYear(_) => self.years,
            Period::Programme(_) => self.programmes,
        }
    }

    /// Whether any kind of release is approved without a person.
    #[must_use]
    pub fn any_automatic(&self) -> bool {
        [self.quarters, self.years, self.programmes].contains(&Approval::Automatic)
    }

    /// The table as `init` writes it: what is not set is shown, and left out.
    pub(super) fn to_file(self) -> String {
        let out = if self == Self::default() { "# " } else { "" };
        let mut file = "\n# Who approves releases: by-hand, or automatic, 30 days after the period's end and the last import \
                        that touches it.\n# And whether what was heard waits until its listening campaigns are reported \
                        back.\n"
            .to_owned();
        for line in [
            "[release]".to_owned(),
            format!("quarters = \"{}\"", self.quarters.code()),
            format!("years = \"{}\"", self.years.code()),
            format!("programmes = \"{}\"", self.programmes.code()),
            format!("listening_waits_for_report_back = {}", self.listening_waits_for_report_back),
        ] {
            file.push_str(&format!("{out}{line}\n"));
        }
        file
    }
}

/// Reads the table, which begins on `line`; what is wrong joins the problems.
pub(super) fn read(value: &DeValue<'_>, line: usize, reading: &mut Reading<'_>) -> ReleaseSettings {
    let mut settings = ReleaseSettings::default();
    let DeValue::Table(table) = value else {
        let what = "`release` is a table: write [release] on a line of its own, and its settings below".to_owned();
        reading.problems.push(Problem { line: Some(line), what });
        return settings;
    };
    for (key, value) in table {
        let line = Some(reading.line(key.span().start));
        let approval = match key.get_ref().as_ref() {
            "quarters" => &mut settings.quarters,
            "years" => &mut settings.years,
            "programmes" => &mut settings.programmes,
            name @ "listening_waits_for_report_back" => {
                match value.get_ref().as_bool() {
                    Some(waits) => settings.listening_waits_for_report_back = waits,
                    None => {
                        reading.problems.push(Problem { line, what: format!("`{name}` is true or false, unquoted") })
                    }
                }
                continue;
            }
            unknown => {
                let what = format!(
                    "`{unknown}` is no setting of [release]; there are quarters, years, programmes and \
                     listening_waits_for_report_back"
                );
                reading.problems.push(Problem { line, what });
                continue;
            }
        };
        match value.get_ref().as_str().and_then(Approval::from_code) {
            Some(read) => *approval = read,
            None => {
                let what = format!("`{}` is \"by-hand\" or \"automatic\"", key.get_ref());
                reading.problems.push(Problem { line, what });
            }
        }
    }
    settings
}

#[cfg(test)]
mod tests {
    use crate::settings::{Overrides, Settings};

    use super::*;

    const HUB: &str = "role = \"hub\"\nname = \"Warminster\"\nlisten = \"127.0.0.1:1\"\n";

    fn parse(table: &str) -> Result<ReleaseSettings, Vec<String>> {
        let read = Settings::parse(&format!("{HUB}{table}"), &Overrides::default());
        let words = |problems: Vec<Problem>| problems.iter().map(ToString::to_string).collect();
        read.map(|settings| settings.release).map_err(words)
    }

    #[test]
    fn a_person_approves_where_nothing_is_said() {
        let settings = parse("").expect("good settings");
        assert_eq!(settings, ReleaseSettings::default());
        assert!(!settings.any_automatic());
        for period in ["2018-Q3", "2018/19", "programme/COEP"] {
            assert_eq!(settings.approval(&period.parse().expect("a period")), Approval::ByHand);
        }
    }

    #[test]
    fn each_kind_of_period_has_its_own() {
        let settings = parse(
            "[release]\nquarters = \"automatic\"\nyears = \"by-hand\"\nprogrammes = \"automatic\"\n\
             listening_waits_for_report_back = true\n",
        )
        .expect("good settings");
        assert!(settings.listening_waits_for_report_back && settings.any_automatic());
        for (period, expected) in
            [("2018-Q3", Approval::Automatic), ("2018/19", Approval::ByHand), ("programme/COEP", Approval::Automatic)]
        {
            assert_eq!(settings.approval(&period.parse().expect("a period")), expected);
        }
    }

    #[test]
    fn what_is_wrong_is_named_by_line() {
        for (table, expected) in [
            ("release = \"automatic\"\n", &["line 4: `release` is a table"][..]),
            (
                "[release]\nquarters = \"sometimes\"\nyears = true\nmonths = \"by-hand\"\n\
                 listening_waits_for_report_back = \"yes\"\n",
                &[
                    "line 5: `quarters` is \"by-hand\" or \"automatic\"",
                    "line 6: `years` is \"by-hand\" or \"automatic\"",
                    "line 7: `months` is no setting of [release]",
                    "line 8: `listening_waits_for_report_back` is true or false",
                ],
            ),
        ] {
            let problems = parse(table).expect_err("problems");
            assert_eq!(problems.len(), expected.len(), "{problems:#?}");
            for (words, expected) in problems.iter().zip(expected) {
                assert!(words.starts_with(expected), "{words} does not say {expected}");
            }
        }
    }

    #[test]
    fn an_academy_releases_nothing() {
        let text =
            "role = \"academy\"\nname = \"A\"\nlisten = \"127.0.0.1:1\"\naddress = \"a.example.org:1\"\n[release]\n";
        let problems = Settings::parse(text, &Overrides::default()).expect_err("a problem");
        assert!(problems[0].to_string().starts_with("line 5: `release` is for hubs"), "{problems:?}");
    }

    #[test]
    fn the_file_shows_what_can_be_set() {
        for table in ["", "[release]\nyears = \"automatic\"\nlistening_waits_for_report_back = true\n"] {
            let settings = Settings::parse(&format!("{HUB}{table}"), &Overrides::default()).expect("good settings");
            let file = settings.to_file();
            assert!(file.contains("[release]\n"), "{file}");
            assert_eq!(Settings::parse(&file, &Overrides::default()), Ok(settings));
        }
    }
}
