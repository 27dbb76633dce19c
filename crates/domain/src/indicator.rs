//! The indicator catalogue: code, not data, since a catalogue that somebody else could write would be a query interface.

use std::fmt;

use crate::record::Gender;

/// The version of the catalogue that releases name.
pub const CATALOGUE_VERSION: u32 = 1;

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
}

/// In the order of the variants.
const CATALOGUE: [Entry; 12] = [
    Entry {
        code: "people_trained",
        title: "People trained",
        unit: Unit::People,
        aggregation: Aggregation::Distinct,
        class: Class::People,
        event_kind: Some(EventKind::Sessions),
        dimensions: &[Dimension::Gender],
        definition: "People who completed at least one session in the period.",
    },
    Entry {
        code: "young_people_trained",
        title: "Young people trained",
        unit: Unit::People,
        aggregation: Aggregation::Distinct,
        class: Class::People,
        event_kind: Some(EventKind::Sessions),
        dimensions: &[],
        definition: "People who completed a session held in a year at whose 31 December they were under 25; an unknown \
                     birth year is not young.",
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
    },
    Entry {
        code: "listenings",
        title: "Listenings",
        unit: Unit::Listenings,
        aggregation: Aggregation::Sum,
        class: Class::PeopleSum { behind: Indicator::PeopleListenedTo },
        event_kind: Some(EventKind::Listenings),
        dimensions: &[],
        definition: "Listenings held, repeats included.",
    },
    Entry {
        code: "people_listened_to",
        title: "People listened to",
        unit: Unit::People,
        aggregation: Aggregation::Distinct,
        class: Class::People,
        event_kind: Some(EventKind::Listenings),
        dimensions: &[],
        definition: "Known people who were heard, each once, and anonymous listenings not marked as a repeat.",
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
    },
    Entry {
        code: "people_mobilised",
        title: "People mobilised",
        unit: Unit::People,
        aggregation: Aggregation::Distinct,
        class: Class::People,
        event_kind: Some(EventKind::Actions),
        dimensions: &[],
        definition: "People who took part in at least one action.",
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
    },
];

impl Indicator {
    /// Every indicator, in the order of the catalogue.
    pub const ALL: [Indicator; 12] = [
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

    /// The version of the definition.
    pub fn version(self) -> u32 {
        1
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
}

impl Unit {
    /// The unit's name, such as `people`.
    pub fn name(self) -> &'static str {
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

/// What an indicator is broken down by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Dimension {
    /// Gender.
    Gender,
}

impl Dimension {
    /// The code, such as `gender`.
    pub fn code(self) -> &'static str {
        match self {
            Dimension::Gender => "gender",
        }
    }

    /// The dimension of a code.
    pub fn from_code(code: &str) -> Option<Dimension> {
        (code == Dimension::Gender.code()).then_some(Dimension::Gender)
    }

    /// The title that people read.
    pub fn title(self) -> &'static str {
        match self {
            Dimension::Gender => "Gender",
        }
    }

    /// The categories, in the order of the catalogue.
    pub fn categories(self) -> &'static [Category] {
        match self {
            Dimension::Gender => &[
                Category::Gender(Gender::Woman),
                Category::Gender(Gender::Man),
                Category::Gender(Gender::NonBinary),
                Category::Gender(Gender::PreferNotToSay),
                Category::Gender(Gender::Unknown),
            ],
        }
    }

    /// The category of a code.
    pub fn category(self, code: &str) -> Option<Category> {
        self.categories().iter().copied().find(|category| category.code() == code)
    }
}

/// One category of a dimension.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Category {
    /// A gender.
    Gender(Gender),
}

impl Category {
    /// The code, such as `woman`; `unknown` where nothing is recorded.
    pub fn code(self) -> &'static str {
        match self {
            Category::Gender(Gender::Unknown) => "unknown",
            Category::Gender(gender) => gender.code(),
        }
    }

    /// The title that people read, such as "Women".
    pub fn title(self) -> &'static str {
        match self {
            Category::Gender(Gender::Woman) => "Women",
            Category::Gender(Gender::Man) => "Men",
            Category::Gender(Gender::NonBinary) => "Non-binary people",
            Category::Gender(Gender::PreferNotToSay) => "Prefer not to say",
            Category::Gender(Gender::Unknown) => "Not known",
        }
    }

    /// The dimension that it belongs to.
    pub fn dimension(self) -> Dimension {
        match self {
            Category::Gender(_) => Dimension::Gender,
        }
    }
}

/// Names one cell: an indicator's headline, or one category of a breakdown. Ordered as the catalogue is: each headline
/// followed by its categories.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CellKey {
    /// The indicator.
    pub indicator: Indicator,
    /// The category; `None` for the headline.
    pub category: Option<Category>,
}

impl CellKey {
    /// The headline of an indicator.
    pub fn headline(indicator: Indicator) -> CellKey {
        CellKey { indicator, category: None }
    }

    /// One category of a breakdown.
    pub fn category(indicator: Indicator, category: Category) -> CellKey {
        CellKey { indicator, category: Some(category) }
    }

    /// Every cell of the catalogue, in order.
    pub fn all() -> Vec<CellKey> {
        Indicator::ALL.into_iter().flat_map(CellKey::of).collect()
    }

    /// The cells of one indicator: the headline, then its categories.
    pub fn of(indicator: Indicator) -> Vec<CellKey> {
        let categories = indicator.dimensions().iter().flat_map(|dimension| dimension.categories());
        std::iter::once(None)
            .chain(categories.map(|category| Some(*category)))
            .map(|category| CellKey { indicator, category })
            .collect()
    }

    /// The cell of an indicator's, a dimension's and a category's code, the latter two empty for a headline; `None`
    /// where the catalogue has no such cell.
    pub fn from_codes(indicator: &str, dimension: &str, category: &str) -> Option<CellKey> {
        let indicator = Indicator::from_code(indicator)?;
        if dimension.is_empty() && category.is_empty() {
            return Some(CellKey::headline(indicator));
        }
        let dimension = Dimension::from_code(dimension).filter(|found| indicator.dimensions().contains(found))?;
        Some(CellKey::category(indicator, dimension.category(category)?))
    }

    /// The dimension's code; empty for the headline.
    pub fn dimension_code(self) -> &'static str {
        self.category.map_or("", |category| category.dimension().code())
    }

    /// The category's code; empty for the headline.
    pub fn category_code(self) -> &'static str {
        self.category.map_or("", Category::code)
    }
}

impl fmt::Display for CellKey {
    /// As people read it: "People trained", "People trained: Women".
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.indicator.title())?;
        self.category.map_or(Ok(()), |category| write!(f, ": {}", category.title()))
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
    fn cells_are_in_catalogue_order_and_read_back() {
        let cells = CellKey::all();
        assert_eq!(cells.len(), 17);
        assert!(cells.is_sorted());
        for cell in &cells {
            let codes = (cell.indicator.code(), cell.dimension_code(), cell.category_code());
            assert_eq!(CellKey::from_codes(codes.0, codes.1, codes.2), Some(*cell));
        }
        assert_eq!(cells[1].to_string(), "People trained: Women");
        for wrong in
            [("listenings", "gender", "woman"), ("people_trained", "gender", ""), ("people_trained", "", "man")]
        {
            assert_eq!(CellKey::from_codes(wrong.0, wrong.1, wrong.2), None);
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
