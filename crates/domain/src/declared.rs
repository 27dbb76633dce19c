//! Figures that somebody published: kept with their source, beside and never mixed with computed ones.

use crate::calendar::ProgrammeCode;
use crate::indicator::Indicator;

/// A figure that somebody published.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeclaredFigure {
    /// The programme's code.
    pub programme: &'static str,
    /// What was counted, in the source's words.
    pub label: &'static str,
    /// The indicator that comes nearest; `None` where none does.
    pub indicator: Option<Indicator>,
    /// The figure; pence for money.
    pub figure: u64,
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

/// The figures that were published about a programme.
pub fn declared(programme: &ProgrammeCode) -> Vec<DeclaredFigure> {
    DECLARED.iter().copied().filter(|figure| figure.programme == programme.as_str()).collect()
}

const YEARS: &str = "The National Community Organising Apprenticeship, Community Organisers, March 2021: \
                     \"The community organising years (2011 - 2021)\"";
const CONTEXT: &str = "The National Community Organising Apprenticeship, Community Organisers, March 2021: \"Context\"";
const PLACES: &str = "The National Community Organising Apprenticeship, Community Organisers, March 2021: \
                      \"Developing people and places\"";

/// What most figures of the expansion programme share.
const COEP: DeclaredFigure = DeclaredFigure {
    programme: "COEP",
    label: "",
    indicator: None,
    figure: 0,
    qualifier: Qualifier::Exactly,
    kind: Kind::Result,
    source: YEARS,
    comparable: false,
    note: "",
};

const DECLARED: &[DeclaredFigure] = &[
    DeclaredFigure {
        label: "Social Action Hubs developed",
        figure: 22,
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
        comparable: true,
        note: "The same source says \"over\" elsewhere.",
        ..COEP
    },
    DeclaredFigure {
        label: "leveraged to support community organising training locally",
        indicator: Some(Indicator::FundingLeveragedPence),
        figure: 125_000_000,
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
        source: PLACES,
        comparable: true,
        note: "The computed figure is as it stands on the programme's last day.",
        ..COEP
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_expansion_programme_is_there_with_sources_and_reasons() {
        let figures = declared(&"COEP".parse().unwrap());
        assert_eq!(figures.len(), 10);
        for figure in &figures {
            assert!(figure.source.starts_with("The National Community Organising Apprenticeship"));
            assert!(figure.comparable || !figure.note.is_empty(), "{}", figure.label);
            assert!(!figure.comparable || figure.indicator.is_some());
        }
        assert!(declared(&"OTHER".parse().unwrap()).is_empty());
    }
}
