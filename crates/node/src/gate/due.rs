//! When the hub's own policy may approve a period.

use folkmoot_domain::Date;
use folkmoot_domain::calendar::{FinancialYear, Period};
use folkmoot_store::hub::Counted;
use time::Duration;

use crate::node::moment;
use crate::settings::{Approval, ReleaseSettings};

/// How long an approval without a person waits for what comes late: after the close, and after the last import.
const WAIT: Duration = Duration::days(30);

/// What matters of one period.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PeriodFacts {
    pub(crate) period: Period,
    pub(crate) last_day: Date,
    /// The day of the last import that touched it; `None` where nothing ever did.
    pub(crate) last_import: Option<Date>,
    /// The day on which its latest release was approved.
    pub(crate) released_on: Option<Date>,
    pub(crate) held: bool,
    /// How many of its listening campaigns are not reported back.
    pub(crate) awaiting_report_back: u32,
}

impl PeriodFacts {
    /// What is known of every period that was counted.
    pub(crate) fn all(counted: &Counted, held: &[Period]) -> Vec<PeriodFacts> {
        let held = |period: &Period| held.contains(period);
        let periods = counted.account.periods();
        periods.map(|seen| Self::of(counted, seen.period(), seen.span().last, held(seen.period()))).collect()
    }

    /// What is known of one period.
    pub(crate) fn of(counted: &Counted, period: &Period, last_day: Date, held: bool) -> PeriodFacts {
        PeriodFacts {
            period: period.clone(),
            last_day,
            last_import: counted.last_import(period).map(|at| moment(at).date()),
            released_on: counted.account.standing(period).map(|released| released.approved_on),
            held,
            awaiting_report_back: counted.awaiting_report_back(period),
        }
    }

    /// Whether nobody approves the period yet, because people were heard in it who have not been told what came of it.
    pub(crate) fn waits_for_report_back(&self, settings: &ReleaseSettings) -> bool {
        settings.listening_waits_for_report_back && self.awaiting_report_back > 0
    }

    /// The first day on which the hub's policy may approve the period; `None` where it never does as things stand. A
    /// release that stands is revised after the close of the financial year in which it was approved.
    pub(crate) fn automatic_from(&self, settings: &ReleaseSettings) -> Option<Date> {
        let by_hand = match settings.approval(&self.period) {
            Approval::ByHand => true,
            Approval::Automatic => false,
        };
        if by_hand || self.held || self.waits_for_report_back(settings) {
            return None;
        }
        let year_closed = self.released_on.map(|day| FinancialYear::of(day).last_day());
        let since = self.last_day.max(self.last_import?);
        year_closed.map_or(since, |closed| since.max(closed)).checked_add(WAIT)
    }
}

/// The periods that the hub's policy may approve today: quarters before the years and programmes that hold them.
pub(crate) fn due(facts: &[PeriodFacts], settings: &ReleaseSettings, today: Date) -> Vec<Period> {
    let due = facts.iter().filter(|period| period.automatic_from(settings).is_some_and(|from| from <= today));
    let mut periods: Vec<Period> = due.map(|facts| facts.period.clone()).collect();
    periods.sort();
    periods
}

#[cfg(test)]
mod tests {
    use folkmoot_domain::calendar::parse_date;

    use super::*;

    fn day(text: &str) -> Date {
        parse_date(text).expect("a day")
    }

    const AUTOMATIC: ReleaseSettings = ReleaseSettings {
        quarters: Approval::Automatic,
        years: Approval::Automatic,
        programmes: Approval::Automatic,
        listening_waits_for_report_back: false,
    };

    fn facts(period: &str, last_day: &str, last_import: Option<&str>) -> PeriodFacts {
        PeriodFacts {
            period: period.parse().expect("a period"),
            last_day: day(last_day),
            last_import: last_import.map(day),
            released_on: None,
            held: false,
            awaiting_report_back: 0,
        }
    }

    fn quarter(last_import: &str) -> PeriodFacts {
        facts("2026-Q1", "2026-03-31", Some(last_import))
    }

    #[test]
    fn the_policy_waits_thirty_days_after_the_close_and_after_the_last_import() {
        for (facts, from) in [
            (quarter("2026-01-20"), Some("2026-04-30")),
            (quarter("2026-03-31"), Some("2026-04-30")),
            (quarter("2026-04-10"), Some("2026-05-10")),
            (quarter("2026-11-27"), Some("2026-12-27")),
            // Nothing was ever written in it.
            (facts("2026-Q1", "2026-03-31", None), None),
        ] {
            assert_eq!(facts.automatic_from(&AUTOMATIC), from.map(day), "{facts:?}");
        }
    }

    #[test]
    fn who_approves_is_said_by_kind_of_period() {
        let all = [
            facts("2025-Q4", "2025-12-31", Some("2026-01-02")),
            facts("2024/25", "2025-03-31", Some("2026-01-02")),
            facts("programme/COEP", "2020-03-31", Some("2026-01-02")),
        ];
        let by_hand = ReleaseSettings::default();
        for (settings, expected) in [
            (by_hand, &[][..]),
            (ReleaseSettings { quarters: Approval::Automatic, ..by_hand }, &["2025-Q4"]),
            (ReleaseSettings { years: Approval::Automatic, ..by_hand }, &["2024/25"]),
            (ReleaseSettings { programmes: Approval::Automatic, ..by_hand }, &["programme/COEP"]),
            (AUTOMATIC, &["2025-Q4", "2024/25", "programme/COEP"]),
        ] {
            let mut reversed = all.clone();
            reversed.reverse();
            for facts in [&all, &reversed] {
                let due: Vec<String> =
                    due(facts, &settings, day("2026-02-01")).iter().map(ToString::to_string).collect();
                assert_eq!(due, expected, "quarters first");
            }
        }
        assert!(due(&all, &AUTOMATIC, day("2026-01-31")).is_empty(), "the day before");
    }

    #[test]
    fn a_hold_and_an_open_listening_campaign_keep_it_back() {
        let waiting = ReleaseSettings { listening_waits_for_report_back: true, ..AUTOMATIC };
        let held = PeriodFacts { held: true, ..quarter("2026-01-20") };
        let open = PeriodFacts { awaiting_report_back: 2, ..quarter("2026-01-20") };
        let from = Some(day("2026-04-30"));
        for (facts, settings, expected) in [
            (&held, &AUTOMATIC, None),
            (&open, &AUTOMATIC, from),
            (&open, &waiting, None),
            (&quarter("2026-01-20"), &waiting, from),
        ] {
            assert_eq!(facts.automatic_from(settings), expected, "{facts:?}");
        }
    }

    #[test]
    fn a_release_is_revised_after_the_year_in_which_it_was_approved() {
        for (released, imported, from) in [
            ("2026-05-02", "2026-01-20", "2027-04-30"),
            ("2027-03-31", "2026-01-20", "2027-04-30"),
            ("2027-04-01", "2026-01-20", "2028-04-30"),
            ("2026-05-02", "2027-04-20", "2027-05-20"),
        ] {
            let facts = PeriodFacts { released_on: Some(day(released)), ..quarter(imported) };
            assert_eq!(facts.automatic_from(&AUTOMATIC), Some(day(from)), "released {released}, imported {imported}");
        }
    }
}
