//! The indicator catalogue: code, not data, since a catalogue that somebody else could write would be a query interface.

mod cell;
mod dimension;

pub use cell::CellKey;
pub use dimension::{AgeBand, Category, Dimension, Theme, Ward};

/// The version of the catalogue that releases name. Each version has the indicators of the one before, and more after them.
pub const CATALOGUE_VERSION: u32 = 3;

/// The first version whose releases are read: the one before broke figures down otherwise.
pub const OLDEST_CATALOGUE_VERSION: u32 = 2;

/// The dimensions of whoever takes part: each person is in one category of each.
const PERSONAL: &[Dimension] = &[Dimension::AgeBand, Dimension::Gender, Dimension::Ethnicity, Dimension::Disability];

/// What is counted. The order of the variants is the catalogue's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Indicator {
    /// Distinct people who completed a session.
    PeopleTrained,
    /// The same, of those under 25.
    YoungPeopleTrained,
    /// Sessions held.
    TrainingSessions,
    /// Minutes of a session × its completed attendances.
    TrainingMinutes,
    /// Trainers whose quality is assured on the last day.
    TrainersQualityAssured,
    /// Listenings held.
    Listenings,
    /// Distinct people heard.
    PeopleListenedTo,
    /// Listening campaigns reported back.
    ListeningCampaignsReportedBack,
    /// Distinct people who took part in an action.
    PeopleMobilised,
    /// Actions held.
    ActionsHeld,
    /// Projects started.
    CommunityProjectsSupported,
    /// Money raised, in pence.
    FundingLeveragedPence,
    /// Organisations on the campaigns that the hub leads on the last day.
    OrganisationsSignedUp,
    /// Contacts of campaigns, counted by the hub that led.
    CampaignReach,
    /// Asks of campaigns that were won, counted by the hub that led.
    AsksWon,
}

/// What the catalogue says of one indicator.
struct Entry {
    code: &'static str,
    title: &'static str,
    unit: Unit,
    aggregation: Aggregation,
    class: Class,
    event_kind: Option<EventKind>,
    dimensions: &'static [Dimension],
    definition: &'static str,
    /// The first version of the catalogue that has it.
    since: u32,
}

/// In the order of the variants.
const CATALOGUE: [Entry; 15] = [
    Entry {
        code: "people_trained",
        title: "People trained",
        unit: Unit::People,
        aggregation: Aggregation::Distinct,
        class: Class::People,
        event_kind: Some(EventKind::Sessions),
        dimensions: PERSONAL,
        definition: "People who completed at least one session in the period.",
        since: 1,
    },
    Entry {
        code: "young_people_trained",
        title: "Young people trained",
        unit: Unit::People,
        aggregation: Aggregation::Distinct,
        class: Class::People,
        event_kind: Some(EventKind::Sessions),
        // Not by age: the bands would be the two youngest of people trained once more.
        dimensions: &[Dimension::Gender, Dimension::Ethnicity, Dimension::Disability],
        definition: "People who completed a session held in a year at whose 31 December they were under 25; an unknown \
                     birth year is not young.",
        since: 1,
    },
    Entry {
        code: "training_sessions",
        title: "Training sessions",
        unit: Unit::Sessions,
        aggregation: Aggregation::Sum,
        class: Class::Open,
        event_kind: None,
        dimensions: &[],
        definition: "Sessions held.",
        since: 1,
    },
    Entry {
        code: "training_minutes",
        title: "Training minutes",
        unit: Unit::Minutes,
        aggregation: Aggregation::Sum,
        class: Class::PeopleSum { behind: Indicator::PeopleTrained },
        event_kind: Some(EventKind::Sessions),
        dimensions: &[],
        definition: "Minutes of each session, times its completed attendances.",
        since: 1,
    },
    Entry {
        code: "trainers_quality_assured",
        title: "Trainers quality assured",
        unit: Unit::Trainers,
        aggregation: Aggregation::Stock,
        class: Class::Open,
        event_kind: None,
        dimensions: &[],
        definition: "Trainers whose quality assurance is valid on the period's last day.",
        since: 1,
    },
    Entry {
        code: "listenings",
        title: "Listenings",
        unit: Unit::Listenings,
        aggregation: Aggregation::Sum,
        class: Class::PeopleSum { behind: Indicator::PeopleListenedTo },
        event_kind: Some(EventKind::Listenings),
        dimensions: &[Dimension::Theme],
        definition: "Listenings held, repeats included.",
        since: 1,
    },
    Entry {
        code: "people_listened_to",
        title: "People listened to",
        unit: Unit::People,
        aggregation: Aggregation::Distinct,
        class: Class::People,
        event_kind: Some(EventKind::Listenings),
        dimensions: &[
            Dimension::AgeBand,
            Dimension::Gender,
            Dimension::Ethnicity,
            Dimension::Disability,
            Dimension::Theme,
            Dimension::Ward,
        ],
        definition: "Known people who were heard, each once, and anonymous listenings not marked as a repeat.",
        since: 1,
    },
    Entry {
        code: "listening_campaigns_reported_back",
        title: "Listening campaigns reported back",
        unit: Unit::Campaigns,
        aggregation: Aggregation::Sum,
        class: Class::Open,
        event_kind: None,
        dimensions: &[],
        definition: "Listening campaigns, by the day of the report-back.",
        since: 1,
    },
    Entry {
        code: "people_mobilised",
        title: "People mobilised",
        unit: Unit::People,
        aggregation: Aggregation::Distinct,
        class: Class::People,
        event_kind: Some(EventKind::Actions),
        dimensions: PERSONAL,
        definition: "People who took part in at least one action.",
        since: 1,
    },
    Entry {
        code: "actions_held",
        title: "Actions held",
        unit: Unit::Actions,
        aggregation: Aggregation::Sum,
        class: Class::Open,
        event_kind: None,
        dimensions: &[],
        definition: "Actions held.",
        since: 1,
    },
    Entry {
        code: "community_projects_supported",
        title: "Community projects supported",
        unit: Unit::Projects,
        aggregation: Aggregation::Sum,
        class: Class::Open,
        event_kind: None,
        dimensions: &[],
        definition: "Projects, by the day they started.",
        since: 1,
    },
    Entry {
        code: "funding_leveraged_pence",
        title: "Funding leveraged",
        unit: Unit::Pence,
        aggregation: Aggregation::Sum,
        class: Class::Open,
        event_kind: None,
        dimensions: &[],
        definition: "Money raised for local organising, the programme's own grant excluded.",
        since: 1,
    },
    Entry {
        code: "organisations_signed_up",
        title: "Organisations signed up",
        unit: Unit::Organisations,
        aggregation: Aggregation::Stock,
        class: Class::Open,
        event_kind: None,
        dimensions: &[],
        definition: "Organisations, each once by its name, that had signed up by the period's last day to campaigns which \
                     the hub led on that day.",
        since: 3,
    },
    Entry {
        code: "campaign_reach",
        title: "Campaign reach",
        unit: Unit::Contacts,
        aggregation: Aggregation::Sum,
        class: Class::Open,
        event_kind: None,
        dimensions: &[],
        definition: "Contacts, not distinct people, that all members of a campaign counted month by month, for the hub \
                     that led it on the month's last day.",
        since: 3,
    },
    Entry {
        code: "asks_won",
        title: "Asks won",
        unit: Unit::Asks,
        aggregation: Aggregation::Sum,
        class: Class::Open,
        event_kind: None,
        dimensions: &[],
        definition: "Asks of campaigns that were won, by the day they were won, for the hub that led the campaign on it.",
        since: 3,
    },
];

impl Indicator {
    /// Every indicator, in the order of the catalogue.
    pub const ALL: [Indicator; 15] = [
        Indicator::PeopleTrained,
        Indicator::YoungPeopleTrained,
        Indicator::TrainingSessions,
        Indicator::TrainingMinutes,
        Indicator::TrainersQualityAssured,
        Indicator::Listenings,
        Indicator::PeopleListenedTo,
        Indicator::ListeningCampaignsReportedBack,
        Indicator::PeopleMobilised,
        Indicator::ActionsHeld,
        Indicator::CommunityProjectsSupported,
        Indicator::FundingLeveragedPence,
        Indicator::OrganisationsSignedUp,
        Indicator::CampaignReach,
        Indicator::AsksWon,
    ];

    fn entry(self) -> &'static Entry {
        &CATALOGUE[self as usize]
    }

    /// The code, such as `people_trained`.
    pub fn code(self) -> &'static str {
        self.entry().code
    }

    /// The indicator of a code.
    pub fn from_code(code: &str) -> Option<Indicator> {
        Indicator::ALL.into_iter().find(|indicator| indicator.code() == code)
    }

    /// The title that people read, such as "People trained".
    pub fn title(self) -> &'static str {
        self.entry().title
    }

    /// What is counted.
    pub fn unit(self) -> Unit {
        self.entry().unit
    }

    /// How figures add up.
    pub fn aggregation(self) -> Aggregation {
        self.entry().aggregation
    }

    /// How disclosure control treats it.
    pub fn class(self) -> Class {
        self.entry().class
    }

    /// The kind of event without which the figure is a structural zero; `None` where no event stands behind it.
    pub fn event_kind(self) -> Option<EventKind> {
        self.entry().event_kind
    }

    /// The definition, in one sentence.
    pub fn definition(self) -> &'static str {
        self.entry().definition
    }

    /// The first version of the catalogue that has it: a release of an earlier one says nothing of it.
    pub fn since(self) -> u32 {
        self.entry().since
    }

    /// The version of the definition.
    pub fn version(self) -> u32 {
        1
    }

    /// Whether it says what came of the work, rather than how much of it was done.
    pub fn is_outcome(self) -> bool {
        match self {
            Indicator::ListeningCampaignsReportedBack
            | Indicator::PeopleMobilised
            | Indicator::ActionsHeld
            | Indicator::CommunityProjectsSupported
            | Indicator::FundingLeveragedPence
            | Indicator::OrganisationsSignedUp
            | Indicator::CampaignReach
            | Indicator::AsksWon => true,
            Indicator::PeopleTrained
            | Indicator::YoungPeopleTrained
            | Indicator::TrainingSessions
            | Indicator::TrainingMinutes
            | Indicator::TrainersQualityAssured
            | Indicator::Listenings
            | Indicator::PeopleListenedTo => false,
        }
    }

    /// The dimensions that it is broken down by.
    pub fn dimensions(self) -> &'static [Dimension] {
        self.entry().dimensions
    }
}

/// What an indicator counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// People.
    People,
    /// Sessions.
    Sessions,
    /// Minutes.
    Minutes,
    /// Trainers.
    Trainers,
    /// Listenings.
    Listenings,
    /// Listening campaigns.
    Campaigns,
    /// Actions.
    Actions,
    /// Projects.
    Projects,
    /// Pence; shown in pounds.
    Pence,
    /// Organisations.
    Organisations,
    /// Contacts: somebody who was reached twice is two.
    Contacts,
    /// Asks of campaigns.
    Asks,
}

impl Unit {
    /// The unit's name, such as `people`.
    pub const fn name(self) -> &'static str {
        match self {
            Unit::People => "people",
            Unit::Sessions => "sessions",
            Unit::Minutes => "minutes",
            Unit::Trainers => "trainers",
            Unit::Listenings => "listenings",
            Unit::Campaigns => "campaigns",
            Unit::Actions => "actions",
            Unit::Projects => "projects",
            Unit::Pence => "pence",
            Unit::Organisations => "organisations",
            Unit::Contacts => "contacts",
            Unit::Asks => "asks",
        }
    }
}

/// How an indicator's figures add up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Aggregation {
    /// Additive over periods and hubs.
    Sum,
    /// Distinct people within the hub and the period: never added up over periods.
    Distinct,
    /// As it stands on the period's last day.
    Stock,
}

impl Aggregation {
    /// `sum`, `distinct` or `stock`.
    pub fn name(self) -> &'static str {
        match self {
            Aggregation::Sum => "sum",
            Aggregation::Distinct => "distinct",
            Aggregation::Stock => "stock",
        }
    }
}

/// How disclosure control treats an indicator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// Counts people.
    People,
    /// A sum to which people contribute.
    PeopleSum {
        /// The figure of the people who stand behind it.
        behind: Indicator,
    },
    /// Says nothing of a person.
    Open,
}

/// The kinds of event whose absence makes a structural zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EventKind {
    /// Training sessions.
    Sessions,
    /// Actions.
    Actions,
    /// Listenings.
    Listenings,
}

impl EventKind {
    /// Every kind.
    pub const ALL: [EventKind; 3] = [EventKind::Sessions, EventKind::Actions, EventKind::Listenings];

    /// The code, for tables.
    pub fn code(self) -> &'static str {
        match self {
            EventKind::Sessions => "sessions",
            EventKind::Actions => "actions",
            EventKind::Listenings => "listenings",
        }
    }
}

/// An amount as people read it: `3,966`, and pence in pounds: `£1,254,382.50`.
pub fn format_amount(unit: Unit, amount: u64) -> String {
    let grouped = |number: u64| {
        let digits = number.to_string();
        let mut text = String::with_capacity(digits.len() * 4 / 3);
        for (position, digit) in digits.chars().enumerate() {
            if position > 0 && (digits.len() - position).is_multiple_of(3) {
                text.push(',');
            }
            text.push(digit);
        }
        text
    };
    if unit == Unit::Pence { format!("£{}.{:02}", grouped(amount / 100), amount % 100) } else { grouped(amount) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_catalogue_is_in_the_order_of_the_variants() {
        for (position, indicator) in Indicator::ALL.into_iter().enumerate() {
            assert_eq!(indicator as usize, position);
            assert_eq!(Indicator::from_code(indicator.code()), Some(indicator));
        }
    }

    #[test]
    fn each_version_adds_indicators_behind_those_of_the_one_before() {
        assert!(Indicator::ALL.is_sorted_by_key(|indicator| indicator.since()));
        assert_eq!(Indicator::ALL.map(Indicator::since).last(), Some(&CATALOGUE_VERSION));
        let of = |version| Indicator::ALL.into_iter().filter(move |indicator| indicator.since() <= version).count();
        assert_eq!([1, 2, 3].map(of), [12, 12, 15]);
    }

    #[test]
    fn a_title_is_the_code_in_words() {
        for indicator in Indicator::ALL {
            let words = indicator.code().trim_end_matches("_pence").replace('_', " ");
            assert_eq!(indicator.title().to_lowercase(), words);
            assert!(indicator.title().starts_with(char::is_uppercase));
            assert!(indicator.definition().ends_with('.'));
        }
    }

    #[test]
    fn structural_zeros_concern_what_counts_people() {
        for indicator in Indicator::ALL {
            assert_eq!(indicator.event_kind().is_some(), indicator.class() != Class::Open, "{indicator:?}");
        }
    }

    #[test]
    fn amounts_are_grouped() {
        for (unit, amount, text) in [
            (Unit::People, 0, "0"),
            (Unit::People, 966, "966"),
            (Unit::People, 3_966, "3,966"),
            (Unit::Minutes, 1_234_567, "1,234,567"),
            (Unit::Pence, 125_438_250, "£1,254,382.50"),
            (Unit::Pence, 5, "£0.05"),
        ] {
            assert_eq!(format_amount(unit, amount), text);
        }
    }
}
