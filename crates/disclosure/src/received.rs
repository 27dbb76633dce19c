//! A release that another node made: checked for form and calendar, and never to be appended here.

use folkmoot_domain::Date;
use folkmoot_domain::calendar::{Period, Programmes, Span, iso};
use folkmoot_domain::indicator::{CATALOGUE_VERSION, CellKey};

use crate::{Figure, Policy};

mod form;

/// A release as it was decoded: strings and numbers of which nothing is known yet.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ReleaseParts {
    /// The hub's node id.
    pub hub: Vec<u8>,
    /// The period's code.
    pub period: String,
    /// The period's first day, ISO 8601.
    pub first_day: String,
    /// The period's last day, ISO 8601.
    pub last_day: String,
    /// 0 for the first release of the period.
    pub revision: u32,
    /// The version of the policy.
    pub policy_version: u32,
    /// The version of the catalogue.
    pub catalogue_version: u32,
    /// The cells.
    pub cells: Vec<CellParts>,
}

/// One cell as it was decoded.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CellParts {
    /// The indicator's code.
    pub indicator: String,
    /// The dimension's code; empty for a headline.
    pub dimension: String,
    /// The category's code; empty for a headline.
    pub category: String,
    /// The figure, where there is one.
    pub figure: Option<Figure>,
}

impl ReleaseParts {
    /// The cells that the catalogue knows, in the order they came in.
    pub fn known_cells(&self) -> Vec<(CellKey, Figure)> {
        let cells = self.cells.iter();
        cells
            .filter_map(|cell| {
                Some((CellKey::from_codes(&cell.indicator, &cell.dimension, &cell.category)?, cell.figure?))
            })
            .collect()
    }
}

impl From<&crate::Release> for ReleaseParts {
    /// What a receiver decodes of a release.
    fn from(release: &crate::Release) -> ReleaseParts {
        let cell = |(key, figure): &(CellKey, Figure)| CellParts {
            indicator: key.indicator.code().to_owned(),
            dimension: key.dimension_code().to_owned(),
            category: key.category_code().to_owned(),
            figure: Some(*figure),
        };
        ReleaseParts {
            hub: release.hub().to_vec(),
            period: release.period().to_string(),
            first_day: iso(release.span().first),
            last_day: iso(release.span().last),
            revision: release.revision(),
            policy_version: release.policy_version(),
            catalogue_version: release.catalogue_version(),
            cells: release.cells().iter().map(cell).collect(),
        }
    }
}

/// What is wrong with a received release: why it is set aside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// What sort of fault.
    pub kind: FaultKind,
    /// The fault in words of this software's own; it never quotes what was received.
    pub words: String,
}

/// The sorts of fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum FaultKind {
    /// The cells are not such as the rules could have made.
    Form,
    /// The period does not exist, has other days or had not ended.
    Calendar,
    /// The programme is not in the directory yet: worth another look once it is.
    UnknownProgramme,
    /// The policy is not one that the federation has.
    Policy,
}

/// A release that another hub made and that was found in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceivedRelease {
    hub: [u8; 32],
    period: Period,
    span: Span,
    revision: u32,
    cells: Vec<(CellKey, Figure)>,
}

impl ReceivedRelease {
    /// Checks what can be checked from the bytes alone: that the rules of disclosure control could have made such cells,
    /// and that the period exists and has ended. `author` is the node that signed it; `today` is the receiver's day, and
    /// a hub's clock may be a day ahead of it.
    ///
    /// # Errors
    /// Everything that is wrong.
    pub fn check(
        parts: &ReleaseParts,
        author: [u8; 32],
        programmes: &Programmes,
        today: Date,
    ) -> Result<ReceivedRelease, Vec<Fault>> {
        let mut faults = Vec::new();
        let mut fault = |kind, words: &str| faults.push(Fault { kind, words: words.to_owned() });

        if parts.hub != author {
            fault(FaultKind::Form, "it names another hub than the one that signed it");
        }
        let policy = Policy::of_version(parts.policy_version);
        if policy.is_none() {
            fault(FaultKind::Policy, "it was made under a disclosure policy that this federation does not have");
        }
        if parts.catalogue_version != CATALOGUE_VERSION {
            fault(FaultKind::Form, "it was made with another catalogue of indicators than this software has");
        }
        if parts.revision > 0 {
            fault(FaultKind::Calendar, "the first release of a period stands; revisions are not taken yet");
        }
        let period = parts.period.parse::<Period>().ok();
        let span = period.as_ref().and_then(|period| period.span(programmes));
        match (&period, span) {
            (None, _) => fault(FaultKind::Calendar, "its period does not exist"),
            (Some(_), None) => fault(FaultKind::UnknownProgramme, "the directory does not list its programme"),
            (Some(_), Some(span)) => {
                if (parts.first_day.as_str(), parts.last_day.as_str()) != (&iso(span.first), &iso(span.last)) {
                    fault(FaultKind::Calendar, "its days are not those of its period");
                }
                if today.next_day().unwrap_or(today) <= span.last {
                    fault(FaultKind::Calendar, "its period had not ended");
                }
            }
        }
        let cells = parts.known_cells();
        let complete = parts.cells.len() == cells.len() && cells.iter().map(|(key, _)| *key).eq(CellKey::all());
        if !complete {
            fault(FaultKind::Form, "its cells are not every cell of the catalogue once, in order, each with a figure");
        } else if let Some(policy) = policy {
            for words in form::faults(&cells, &policy) {
                fault(FaultKind::Form, &words);
            }
        }
        match (period, span) {
            (Some(period), Some(span)) if faults.is_empty() => {
                Ok(ReceivedRelease { hub: author, period, span, revision: parts.revision, cells })
            }
            _ => Err(faults),
        }
    }

    /// The hub's node id.
    pub fn hub(&self) -> [u8; 32] {
        self.hub
    }

    /// The period.
    pub fn period(&self) -> &Period {
        &self.period
    }

    /// The period's days.
    pub fn span(&self) -> Span {
        self.span
    }

    /// 0 for the first release of the period.
    pub fn revision(&self) -> u32 {
        self.revision
    }

    /// Every cell, in the order of the catalogue.
    pub fn cells(&self) -> &[(CellKey, Figure)] {
        &self.cells
    }
}

#[cfg(test)]
mod tests;
