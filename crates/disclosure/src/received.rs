//! A release that another node made: checked for form and calendar, and never to be appended here.

use folkmoot_domain::Date;
use folkmoot_domain::calendar::{Period, Programmes, Span, iso};
use folkmoot_domain::indicator::{CATALOGUE_VERSION, CellKey, Dimension, OLDEST_CATALOGUE_VERSION};

use crate::{Figure, Policies, Terms};

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
    /// The terms that it was made under.
    pub terms: Option<Terms>,
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
            terms: Some(release.terms()),
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
    /// The catalogue is newer than this software's: worth another look after an upgrade. Nothing else is said of it then.
    NewerCatalogue,
}

/// A release that another hub made and that was found in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceivedRelease {
    hub: [u8; 32],
    period: Period,
    span: Span,
    revision: u32,
    policy_version: u32,
    terms: Terms,
    catalogue_version: u32,
    cells: Vec<(CellKey, Figure)>,
}

impl ReceivedRelease {
    /// Checks what can be checked of a release by itself: that the rules of disclosure control could have made such cells
    /// under the policy in force, that they can all be true and give no small figure away, and that the period exists and
    /// has ended. `author` is the node that signed it; `today` is the receiver's day, and
    /// a hub's clock may be a day ahead of it. A release of an earlier catalogue is checked by what that one listed.
    ///
    /// # Errors
    /// Everything that is wrong.
    pub fn check(
        parts: &ReleaseParts,
        author: [u8; 32],
        programmes: &Programmes,
        policies: &Policies,
        today: Date,
    ) -> Result<ReceivedRelease, Vec<Fault>> {
        let mut faults = Vec::new();
        let mut fault = |kind, words: &str| faults.push(Fault { kind, words: words.to_owned() });

        if parts.catalogue_version > CATALOGUE_VERSION {
            fault(FaultKind::NewerCatalogue, "it was made with a newer catalogue of indicators: upgrade this software");
            return Err(faults);
        }
        if parts.catalogue_version < OLDEST_CATALOGUE_VERSION {
            fault(FaultKind::Form, "it was made with a catalogue of indicators that is read no more");
        }
        if parts.hub != author {
            fault(FaultKind::Form, "it names another hub than the one that signed it");
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
        let policy = policies.of_version(parts.policy_version);
        let terms = parts.terms.filter(|terms| terms.faults().is_empty());
        match (policy, terms) {
            (None, _) => {
                fault(FaultKind::Policy, "it was made under a disclosure policy that this federation does not have")
            }
            (Some(_), None) => {
                fault(FaultKind::Policy, "it does not name the terms that it was made under, or none that can be")
            }
            (Some(policy), Some(terms)) => {
                if !terms.laxer_than(&policy.terms()).is_empty() {
                    fault(FaultKind::Policy, "its terms are laxer than those of the disclosure policy that it names");
                }
                if span.is_some_and(|span| policies.in_force(span) != policy) {
                    fault(FaultKind::Policy, "another disclosure policy is in force for its period");
                }
            }
        }
        let cells = parts.known_cells();
        if parts.cells.len() != cells.len() || !is_complete(&cells, parts.catalogue_version) {
            fault(
                FaultKind::Form,
                "its cells are not every cell of its catalogue once, in order, each with a figure, and of wards those shown",
            );
        } else if let Some(terms) = terms {
            for words in form::faults(&cells, parts.catalogue_version, terms, span) {
                fault(FaultKind::Form, &words);
            }
        }
        match (period, span) {
            (Some(period), Some(span)) if faults.is_empty() => Ok(ReceivedRelease {
                hub: author,
                period,
                span,
                revision: parts.revision,
                policy_version: parts.policy_version,
                terms: terms.unwrap_or(Terms::FLOOR),
                catalogue_version: parts.catalogue_version,
                cells,
            }),
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

    /// The version of the policy that it was made under.
    pub fn policy_version(&self) -> u32 {
        self.policy_version
    }

    /// The terms that it was made under.
    pub fn terms(&self) -> Terms {
        self.terms
    }

    /// The version of the catalogue that it was made with: it says nothing of indicators that came later.
    pub fn catalogue_version(&self) -> u32 {
        self.catalogue_version
    }

    /// Every cell of its catalogue in order, and of open-ended dimensions each that is shown.
    pub fn cells(&self) -> &[(CellKey, Figure)] {
        &self.cells
    }
}

/// Whether the cells are those of a version of the catalogue, in its order, and nothing twice.
fn is_complete(cells: &[(CellKey, Figure)], version: u32) -> bool {
    let open_ended = |cell: &CellKey| cell.dimension().is_some_and(Dimension::is_open_ended);
    let closed = cells.iter().map(|(cell, _)| *cell).filter(|cell| !open_ended(cell));
    closed.eq(CellKey::all_of(version)) && cells.windows(2).all(|pair| pair[0].0 < pair[1].0)
}

#[cfg(test)]
mod tests;
