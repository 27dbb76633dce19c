//! What a campaign has achieved, as figures count it.

use std::collections::BTreeMap;
use std::fmt;

use folkmoot_domain::Date;

use crate::item::{AskState, Item};
use crate::reach::{Month, REACH_LIMIT};
use crate::view::{Entry, View};

/// What a campaign has achieved. What has no day is not among it.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Outcome {
    /// The day of the first sign-up of each organisation, by its name in small letters with single blanks: hubs write one
    /// name in several ways.
    pub organisations: BTreeMap<String, Date>,
    /// How many people all hubs reached together in each month. Whoever was reached twice is two.
    pub reach: BTreeMap<Month, u64>,
    /// How many asks were won on each day.
    pub asks_won: BTreeMap<Date, u64>,
}

/// What members write is not shown.
impl fmt::Debug for Outcome {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Outcome {{ organisations: {}, .. }}", self.organisations.len())
    }
}

impl View {
    /// What the campaign has achieved. A month counts [`REACH_LIMIT`] at most, whatever its members have written.
    pub fn outcome(&self) -> Outcome {
        let mut outcome = Outcome::default();
        for signed_up in self.organisations.iter().chain(&self.repeated) {
            let Some(date) = signed_up.date else { continue };
            let first = outcome.organisations.entry(folded(&signed_up.organisation)).or_insert(date);
            *first = date.min(*first);
        }
        for (month, hubs) in &self.reach {
            let people = hubs.values().copied().fold(0, u64::saturating_add).min(REACH_LIMIT.unsigned_abs());
            if people > 0 {
                outcome.reach.insert(*month, people);
            }
        }
        for entry in &self.entries {
            if let Item::Ask { state: AskState::Won, date: Some(date), .. } = &entry.item {
                *outcome.asks_won.entry(*date).or_default() += 1;
            }
        }
        outcome
    }

    /// Whether the same was achieved by what another view of the campaign says, as far as can be told without counting.
    pub fn achieves_like(&self, other: &View) -> bool {
        let asks = |view: &View| -> Vec<(AskState, Option<Date>)> {
            let ask = |entry: &Entry| match &entry.item {
                Item::Ask { state, date, .. } => Some((*state, *date)),
                Item::Issue { .. }
                | Item::DecisionMaker { .. }
                | Item::Action { .. }
                | Item::Task { .. }
                | Item::Link { .. } => None,
            };
            view.entries.iter().filter_map(ask).collect()
        };
        let organisations = |view: &View| (view.organisations.clone(), view.repeated.clone());
        organisations(self) == organisations(other) && self.reach == other.reach && asks(self) == asks(other)
    }
}

fn folded(name: &str) -> String {
    name.split_whitespace().map(str::to_lowercase).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use folkmoot_domain::calendar::parse_date;

    use super::*;
    use crate::{Actor, Campaign, Edit, Field, List};

    fn day(text: &str) -> Option<Date> {
        Some(parse_date(text).expect("a day"))
    }

    struct Written(Campaign);

    impl Written {
        fn edit(&mut self, hub: u8, edit: &Edit) {
            let actor = Actor { node: [hub; 32], incarnation: 1 };
            self.0.edit(actor, edit).expect("an edit").expect("a change");
        }

        fn outcome(&self) -> Outcome {
            self.0.view().expect("a view").outcome()
        }
    }

    #[test]
    fn an_organisation_counts_once_however_it_is_written_from_its_first_day() {
        let mut written = Written(Campaign::blank());
        for (hub, name, date) in [
            (1, "Warm Homes Trust", day("2018-10-03")),
            (2, "WARM  homes trust", day("2018-09-30")),
            (2, "École d'été", day("2018-10-01")),
            (1, "ÉCOLE D'ÉTÉ", day("2018-10-02")),
            (1, "Nobody knows when", None),
        ] {
            written.edit(hub, &Edit::SignUp { organisation: name.to_owned(), date });
        }
        let days: Vec<Option<Date>> = written.outcome().organisations.values().map(|day| Some(*day)).collect();
        assert_eq!(days, [day("2018-09-30"), day("2018-10-01")]);
        let shown = format!("{:?}", written.outcome());
        assert!(!shown.to_lowercase().contains("warm") && shown.contains('2'), "{shown}");
    }

    /// Also where the sign-up that stands first, and is shown, has a later day, or none.
    #[test]
    fn an_organisation_that_two_hubs_signed_up_apart_counts_from_the_first_day_given() {
        for days in [[day("2018-10-03"), day("2018-09-30")], [None, day("2018-09-30")], [day("2018-09-30"), None]] {
            let (mut here, mut there) = (Campaign::blank(), Campaign::blank());
            for (hub, campaign, date) in [(1, &mut here, days[0]), (2, &mut there, days[1])] {
                let actor = Actor { node: [hub; 32], incarnation: 1 };
                let edit = Edit::SignUp { organisation: "Warm Homes Trust".to_owned(), date };
                campaign.edit(actor, &edit).expect("an edit").expect("a change");
            }
            for (author, change) in there.changes() {
                here.admit_all(&[crate::Submission { author, changes: vec![change], late: false }]);
            }
            let view = here.view().expect("a view");
            assert_eq!((view.organisations.len(), view.repeated.len()), (1, 1));
            let anew = here.anew(Actor { node: [1; 32], incarnation: 2 }).expect("begun anew");
            for view in [view, anew.view().expect("a view")] {
                let counted: Vec<_> = view.outcome().organisations.into_values().map(Some).collect();
                assert_eq!(counted, [day("2018-09-30")], "{days:?}");
            }
        }
    }

    #[test]
    fn a_month_is_what_all_hubs_reached_and_no_more_than_the_limit() {
        let mut written = Written(Campaign::blank());
        let month: Month = "2018-10".parse().expect("a month");
        for (hub, people) in [(1, 40), (2, 60), (1, -10)] {
            written.edit(hub, &Edit::CountReach { month, people });
        }
        assert_eq!(written.outcome().reach, BTreeMap::from([(month, 90)]));
        written.edit(3, &Edit::CountReach { month, people: REACH_LIMIT });
        assert_eq!(written.outcome().reach, BTreeMap::from([(month, REACH_LIMIT.unsigned_abs())]));
    }

    #[test]
    fn an_ask_counts_while_it_is_won_and_has_a_day() {
        let mut written = Written(Campaign::blank());
        let ask = |state, date| Item::Ask {
            ask: "Insulate".to_owned(),
            of: "the council".to_owned(),
            state,
            result: String::new(),
            date,
        };
        let won = ask(AskState::Won, day("2018-10-03"));
        for item in [&won, &won, &ask(AskState::PartlyWon, day("2018-10-03")), &ask(AskState::Won, None)] {
            written.edit(1, &Edit::Add(item.clone()));
        }
        let days = |count| BTreeMap::from([(day("2018-10-03").expect("a day"), count)]);
        assert_eq!(written.outcome().asks_won, days(2));
        let id = written.0.view().expect("a view").entries[0].id;
        let lost = Edit::Update { id, item: ask(AskState::Refused, None), fields: vec![Field::State] };
        written.edit(2, &lost);
        let before = written.0.view().expect("a view");
        assert_eq!(written.outcome().asks_won, days(1));
        let noted = Edit::AppendNotes("Nothing to count".to_owned());
        written.edit(1, &noted);
        assert!(before.achieves_like(&written.0.view().expect("a view")));
        written.edit(2, &Edit::Remove { list: List::Asks, id: written.0.view().expect("a view").entries[1].id });
        assert_eq!(written.outcome().asks_won, BTreeMap::new());
        assert!(!before.achieves_like(&written.0.view().expect("a view")));
    }
}
