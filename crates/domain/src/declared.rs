//! Figures that somebody published: kept with their source, beside and never mixed with computed ones.

use crate::calendar::ProgrammeCode;
use crate::indicator::{Indicator, Unit};

/// A figure that somebody published.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeclaredFigure {
    /// The programme's code.
    pub programme: &'static str,
    /// The programme's title, its years and who paid for it.
    pub programme_title: &'static str,
    /// What was counted, in the source's words.
    pub label: &'static str,
    /// The indicator that comes nearest; `None` where none does.
    pub indicator: Option<Indicator>,
    /// The figure; pence for money.
    pub figure: u64,
    /// What is counted, such as `people`; `pence` for money.
    pub unit: &'static str,
    /// How exact the source says it is.
    pub qualifier: Qualifier,
    /// Whether it was reached or aimed at.
    pub kind: Kind,
    /// Where it was published.
    pub source: &'static str,
    /// Whether it may be compared with the computed figure.
    pub comparable: bool,
    /// Why not, where it may not; else what to know about it. May be empty.
    pub note: &'static str,
}

/// How exact a source says its figure is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Qualifier {
    /// The figure itself.
    Exactly,
    /// The figure or more.
    AtLeast,
    /// Near the figure.
    About,
    /// A little less.
    Almost,
    /// A little more.
    Over,
}

impl Qualifier {
    /// The qualifier in words.
    pub fn name(self) -> &'static str {
        match self {
            Qualifier::Exactly => "exactly",
            Qualifier::AtLeast => "at least",
            Qualifier::About => "about",
            Qualifier::Almost => "almost",
            Qualifier::Over => "over",
        }
    }
}

/// Whether a figure was reached or aimed at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Reached.
    Result,
    /// Aimed at.
    Target,
}

impl Kind {
    /// `result` or `target`.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Result => "result",
            Kind::Target => "target",
        }
    }
}

/// Every figure that was published, by programme in the order of their years. What contradicts another is there too.
pub fn all() -> &'static [DeclaredFigure] {
    DECLARED
}

/// The figures that were published about a programme.
pub fn declared(programme: &ProgrammeCode) -> Vec<DeclaredFigure> {
    DECLARED.iter().copied().filter(|figure| figure.programme == programme.as_str()).collect()
}

/// The totals of an indicator that are known exactly of a programme, and may be compared with the computed one.
pub fn exact_totals(programme: &ProgrammeCode, indicator: Indicator) -> impl Iterator<Item = u64> {
    let exact = move |figure: &DeclaredFigure| {
        figure.indicator == Some(indicator)
            && figure.comparable
            && figure.qualifier == Qualifier::Exactly
            && figure.kind == Kind::Result
    };
    declared(programme).into_iter().filter(exact).map(|figure| figure.figure)
}

const YEARS: &str = "The National Community Organising Apprenticeship, Community Organisers, March 2021: \
                     \"The community organising years (2011 - 2021)\"";
const CONTEXT: &str = "The National Community Organising Apprenticeship, Community Organisers, March 2021: \"Context\"";
const PLACES: &str = "The National Community Organising Apprenticeship, Community Organisers, March 2021: \
                      \"Developing people and places\"";
const MAGAZINE: &str = "Civil Service magazine recognises success of the Community Organisers training programme, \
                        Community Organisers, 11 September 2015";

/// What keeps the figures of the time before there were hubs from being compared.
const BEFORE_HUBS: &str =
    "The programme ended before there were Social Action Hubs, which the computed figures are sums of.";

const UNIT_PEOPLE: &str = Unit::People.name();

/// What most figures of a programme share.
const fn of(programme: &'static str, programme_title: &'static str) -> DeclaredFigure {
    DeclaredFigure {
        programme,
        programme_title,
        label: "",
        indicator: None,
        figure: 0,
        unit: UNIT_PEOPLE,
        qualifier: Qualifier::Exactly,
        kind: Kind::Result,
        source: YEARS,
        comparable: false,
        note: "",
    }
}

const COP: DeclaredFigure = of("COP", "Community Organisers Programme, 2011–2015, funded by the Cabinet Office");
const COMF: DeclaredFigure =
    of("COMF", "Community Organisers Mobilisation Fund, 2015–2016, funded by MHCLG and the Cabinet Office");
const COEP: DeclaredFigure = of("COEP", "Community Organisers Expansion Programme, 2017–2020, funded by DCMS");
const PANDEMIC: DeclaredFigure =
    of("PANDEMIC", "Delivering through a pandemic, from 2020, funded by contracts and donations");

const DECLARED: &[DeclaredFigure] = &[
    DeclaredFigure {
        label: "paid community organisers recruited",
        figure: 540,
        note: "Counts who was paid, which no indicator does. The same source has 500 elsewhere.",
        ..COP
    },
    DeclaredFigure {
        label: "employment and training of community organisers, as funded",
        figure: 500,
        source: CONTEXT,
        note: "Counts who was employed, which no indicator does. The source does not say whether so many were reached; it \
               has 540 elsewhere.",
        ..COP
    },
    DeclaredFigure {
        label: "volunteers recruited",
        figure: 5_000,
        qualifier: Qualifier::AtLeast,
        note: "Counts volunteers, which no indicator does. Another source says well over 6,000.",
        ..COP
    },
    DeclaredFigure {
        label: "volunteers recruited and trained",
        figure: 6_000,
        qualifier: Qualifier::Over,
        source: MAGAZINE,
        note: "Counts volunteers, which no indicator does. The source says well over; another has 5,000 or more.",
        ..COP
    },
    DeclaredFigure {
        label: "community organisers to sign up by March 2015",
        figure: 5_000,
        kind: Kind::Target,
        source: MAGAZINE,
        note: "What was aimed at. Counts community organisers, paid or not, which no indicator does.",
        ..COP
    },
    DeclaredFigure {
        label: "people listened to in communities",
        indicator: Some(Indicator::PeopleListenedTo),
        figure: 125_000,
        note: BEFORE_HUBS,
        ..COP
    },
    DeclaredFigure {
        label: "community projects supported",
        indicator: Some(Indicator::CommunityProjectsSupported),
        figure: 1_500,
        unit: Unit::Projects.name(),
        note: BEFORE_HUBS,
        ..COP
    },
    DeclaredFigure {
        label: "community projects supported",
        indicator: Some(Indicator::CommunityProjectsSupported),
        figure: 1_500,
        unit: Unit::Projects.name(),
        source: MAGAZINE,
        note: BEFORE_HUBS,
        ..COP
    },
    DeclaredFigure {
        label: "neighbourhoods",
        figure: 400,
        unit: "neighbourhoods",
        source: MAGAZINE,
        note: "Counts where volunteers were recruited, which no indicator does.",
        ..COP
    },
    DeclaredFigure {
        label: "residents supported",
        figure: 150_000,
        qualifier: Qualifier::Over,
        source: MAGAZINE,
        note: "The source does not say what makes a resident supported; no indicator counts that.",
        ..COP
    },
    DeclaredFigure {
        label: "paid community organisers",
        figure: 38,
        note: "Counts who was paid, which no indicator does.",
        ..COMF
    },
    DeclaredFigure {
        label: "volunteers involved",
        figure: 1_229,
        note: "Counts volunteers, which no indicator does.",
        ..COMF
    },
    DeclaredFigure {
        label: "people listened to in communities",
        indicator: Some(Indicator::PeopleListenedTo),
        figure: 7_341,
        note: BEFORE_HUBS,
        ..COMF
    },
    DeclaredFigure {
        label: "people mobilised in local communities",
        indicator: Some(Indicator::PeopleMobilised),
        figure: 3_000,
        note: BEFORE_HUBS,
        ..COMF
    },
    DeclaredFigure {
        label: "Social Action Hubs developed",
        figure: 22,
        unit: "hubs",
        note: "Counts hubs, not what hubs did; no indicator does.",
        ..COEP
    },
    DeclaredFigure {
        label: "people trained in community organising",
        indicator: Some(Indicator::PeopleTrained),
        figure: 3_966,
        comparable: true,
        note: "The computed figure is a sum over hubs: somebody trained by two hubs counts in both. The same source has \
               3,500 and almost 4,000 elsewhere.",
        ..COEP
    },
    DeclaredFigure {
        label: "training of people in community organising, as funded",
        indicator: Some(Indicator::PeopleTrained),
        figure: 3_500,
        kind: Kind::Target,
        source: CONTEXT,
        note: "What the programme was funded for, a target; 3,966 were reached.",
        ..COEP
    },
    DeclaredFigure {
        label: "people trained in community organising",
        indicator: Some(Indicator::PeopleTrained),
        figure: 4_000,
        qualifier: Qualifier::Almost,
        source: PLACES,
        comparable: true,
        note: "The same source gives 3,966 elsewhere.",
        ..COEP
    },
    DeclaredFigure {
        label: "young people trained in community organising",
        indicator: Some(Indicator::YoungPeopleTrained),
        figure: 341,
        note: "The source does not define \"young\"; the indicator counts people under 25.",
        ..COEP
    },
    DeclaredFigure {
        label: "leveraged to support local community organising activity",
        indicator: Some(Indicator::FundingLeveragedPence),
        figure: 125_000_000,
        unit: Unit::Pence.name(),
        comparable: true,
        note: "The same source says \"over\" elsewhere.",
        ..COEP
    },
    DeclaredFigure {
        label: "leveraged to support community organising training locally",
        indicator: Some(Indicator::FundingLeveragedPence),
        figure: 125_000_000,
        unit: Unit::Pence.name(),
        qualifier: Qualifier::Over,
        source: PLACES,
        comparable: true,
        note: "The same source names no \"over\" elsewhere, and there says \"activity\" rather than \"training\".",
        ..COEP
    },
    DeclaredFigure {
        label: "people engaged in 1:1 conversations",
        indicator: Some(Indicator::PeopleListenedTo),
        figure: 30_000,
        qualifier: Qualifier::Over,
        source: PLACES,
        note: "One-to-one conversations are one mode of listening of several, and the source does not say whether \
               somebody met twice counts once.",
        ..COEP
    },
    DeclaredFigure {
        label: "people mobilised to take community action",
        indicator: Some(Indicator::PeopleMobilised),
        figure: 3_000,
        qualifier: Qualifier::Almost,
        source: PLACES,
        comparable: true,
        note: "The computed figure is a sum over hubs: somebody mobilised by two hubs counts in both.",
        ..COEP
    },
    DeclaredFigure {
        label: "Quality Assured trainers",
        indicator: Some(Indicator::TrainersQualityAssured),
        figure: 40,
        unit: Unit::Trainers.name(),
        source: PLACES,
        comparable: true,
        note: "The computed figure is as it stands on the programme's last day.",
        ..COEP
    },
    DeclaredFigure {
        label: "people introduced to community organising online",
        indicator: Some(Indicator::PeopleTrained),
        figure: 400,
        qualifier: Qualifier::AtLeast,
        note: "Who was introduced to community organising has not completed a session, which the indicator asks for.",
        ..PANDEMIC
    },
    DeclaredFigure {
        label: "people joining an online 3 day learning event",
        indicator: Some(Indicator::PeopleTrained),
        figure: 509,
        note: "Who joined one event need not have completed a session, which the indicator asks for.",
        ..PANDEMIC
    },
    DeclaredFigure {
        label: "organisations signed up to the #OperationWiFi campaign",
        figure: 100,
        unit: "organisations",
        qualifier: Qualifier::AtLeast,
        indicator: Some(Indicator::OrganisationsSignedUp),
        note: "Counts the organisations of one campaign; the indicator counts those of all that a hub leads.",
        ..PANDEMIC
    },
    DeclaredFigure {
        label: "people a month whom the #OperationWiFi campaign is reaching",
        figure: 10_000,
        qualifier: Qualifier::Over,
        note: "Counts whom one campaign reaches in a month; campaign reach adds up the months of all campaigns, and counts \
               contacts rather than people.",
        ..PANDEMIC
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_programme_is_there_with_sources_and_reasons() {
        for (programme, count) in [("COP", 10), ("COMF", 4), ("COEP", 10), ("PANDEMIC", 4), ("OTHER", 0)] {
            assert_eq!(declared(&programme.parse().unwrap()).len(), count, "{programme}");
        }
        assert_eq!(all().len(), 28);
        for figure in all() {
            assert!(figure.source.contains("Community Organisers"));
            assert!(!figure.note.is_empty(), "{}", figure.label);
            assert!(!figure.comparable || figure.indicator.is_some());
            if let Some(indicator) = figure.indicator {
                assert_eq!(figure.unit, indicator.unit().name(), "{}", figure.label);
            }
        }
    }

    #[test]
    fn what_contradicts_another_stands_beside_it() {
        let of = |programme: &str, words: &str| -> Vec<u64> {
            let figures = all().iter().filter(|it| it.programme == programme && it.label.contains(words));
            figures.map(|figure| figure.figure).collect()
        };
        assert_eq!(of("COP", "volunteers recruited"), [5_000, 6_000]);
        assert_eq!(of("COP", "community organisers"), [540, 500, 5_000]);
        assert_eq!(of("COEP", "community organising"), [3_966, 3_500, 4_000, 341, 125_000_000, 125_000_000]);
    }

    #[test]
    fn totals_are_exact_results_that_may_be_compared() {
        let totals =
            |programme: &str, indicator| -> Vec<u64> { exact_totals(&programme.parse().unwrap(), indicator).collect() };
        assert_eq!(totals("COEP", Indicator::PeopleTrained), [3_966]);
        assert_eq!(totals("COEP", Indicator::TrainersQualityAssured), [40]);
        for indicator in [Indicator::YoungPeopleTrained, Indicator::PeopleMobilised, Indicator::PeopleListenedTo] {
            assert!(totals("COEP", indicator).is_empty());
        }
        assert!(totals("COP", Indicator::PeopleListenedTo).is_empty());
    }

    #[test]
    fn targets_are_never_compared() {
        let targets: Vec<_> = all().iter().filter(|figure| figure.kind == Kind::Target).collect();
        assert_eq!(targets.iter().map(|figure| figure.figure).collect::<Vec<_>>(), [5_000, 3_500]);
        assert!(targets.iter().all(|figure| !figure.comparable));
    }
}
