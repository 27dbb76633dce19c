//! Making a release: the only place where one can be made.

use folkmoot_domain::Date;
use folkmoot_domain::calendar::{Period, Span};
use folkmoot_domain::indicator::{CATALOGUE_VERSION, Category, CellKey, Class, Indicator};

use crate::{Figure, Observations, Policy, Refusal};

/// What one hub lets out for one period. Only [`prepare`] makes one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Release {
    hub: [u8; 32],
    period: Period,
    span: Span,
    revision: u32,
    policy_version: u32,
    catalogue_version: u32,
    cells: Vec<(CellKey, Figure)>,
}

impl Release {
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

    /// The version of the indicator catalogue.
    pub fn catalogue_version(&self) -> u32 {
        self.catalogue_version
    }

    /// Every cell, in the order of the catalogue.
    pub fn cells(&self) -> &[(CellKey, Figure)] {
        &self.cells
    }
}

/// A release, and for the hub alone what stands behind each of its cells. It holds true figures, so it never leaves.
#[derive(Clone, PartialEq, Eq)]
pub struct Prepared {
    /// Every cell, in the order of the catalogue.
    pub cells: Vec<PreparedCell>,
    /// The release.
    pub release: Release,
}

/// One cell as the hub alone may see it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PreparedCell {
    /// Which cell.
    pub key: CellKey,
    /// The true figure.
    pub true_value: u64,
    /// What leaves.
    pub figure: Figure,
    /// Why.
    pub reason: Reason,
}

/// Why a figure leaves as it does; for the hub alone, the wire never says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// The figure says nothing of a person.
    Open,
    /// Enough people.
    EnoughPeople,
    /// Enough people stand behind the sum.
    EnoughBehind,
    /// No event of its kind had people in the period.
    NoEvent,
    /// Too few people.
    FewPeople,
    /// Too few people stand behind the sum.
    FewBehind,
    /// A part of a breakdown, rounded.
    RoundedPart,
    /// A part of a breakdown with too few people.
    SmallPart,
    /// A part hidden lest the one other hidden part be worked out.
    HidesAnother,
    /// A part of a breakdown whose headline is hidden.
    HeadlineHidden,
    /// A breakdown in which everybody would be in one part.
    EveryoneInOne,
}

impl Reason {
    /// The reason in words.
    pub fn words(self) -> &'static str {
        match self {
            Reason::Open => "says nothing of any one person, so it leaves as it is",
            Reason::EnoughPeople => "8 people or more, so it leaves as it is",
            Reason::EnoughBehind => "8 people or more stand behind it, so it leaves as it is",
            Reason::NoEvent => "nobody was at an event of this kind, so the 0 says nothing of any one person",
            Reason::FewPeople => "fewer than 8 people, so only that is said",
            Reason::FewBehind => "fewer than 8 people stand behind it, so nothing is said",
            Reason::RoundedPart => "part of a breakdown, so it is rounded to the nearest 5",
            Reason::SmallPart => "fewer than 8 people in this part, so only that is said",
            Reason::HidesAnother => "hidden as well, lest the one other hidden part could be worked out from the total",
            Reason::HeadlineHidden => "the total is hidden, so its parts are too",
            Reason::EveryoneInOne => "everybody is in one part, so no part is shown",
        }
    }
}

/// Turns what a hub has counted into what leaves it.
///
/// `hub` is the hub's node id and `today` the day on which it asks.
///
/// # Errors
/// Where the period has not ended, or a revision is asked for.
pub fn prepare(
    observations: &Observations,
    hub: [u8; 32],
    revision: u32,
    policy: &Policy,
    today: Date,
) -> Result<Prepared, Refusal> {
    let span = observations.span();
    if today <= span.last {
        return Err(Refusal::PeriodUnfinished { last: span.last });
    }
    if revision > 0 {
        return Err(Refusal::Revision);
    }
    let mut cells = Vec::new();
    for indicator in Indicator::ALL {
        let headline = headline(observations, indicator, policy);
        cells.push(headline);
        for dimension in indicator.dimensions() {
            cells.extend(breakdown(observations, headline, dimension.categories(), policy));
        }
    }
    let release = Release {
        hub,
        period: observations.period().clone(),
        span,
        revision,
        policy_version: policy.version(),
        catalogue_version: CATALOGUE_VERSION,
        cells: cells.iter().map(|cell| (cell.key, cell.figure)).collect(),
    };
    Ok(Prepared { cells, release })
}

/// Rule 1.
fn headline(observations: &Observations, indicator: Indicator, policy: &Policy) -> PreparedCell {
    let seen = observations.headline(indicator);
    let structural_zero = indicator.event_kind().is_some() && seen.events_with_people == 0;
    let (figure, reason) = match indicator.class() {
        Class::Open => (Figure::Exact(seen.value), Reason::Open),
        Class::People | Class::PeopleSum { .. } if structural_zero => (Figure::Exact(0), Reason::NoEvent),
        Class::People if policy.hides(seen.value) => (Figure::Below(policy.threshold()), Reason::FewPeople),
        Class::PeopleSum { .. } if policy.hides(seen.people_behind) => (Figure::Withheld, Reason::FewBehind),
        Class::People => (Figure::Exact(seen.value), Reason::EnoughPeople),
        Class::PeopleSum { .. } => (Figure::Exact(seen.value), Reason::EnoughBehind),
    };
    PreparedCell { key: CellKey::headline(indicator), true_value: seen.value, figure, reason }
}

/// Rules 2 and 3. No category is a structural zero: where nobody could be counted at all, each part is hidden as any
/// other part of fewer than 8, although the total tells that it is 0.
fn breakdown(
    observations: &Observations,
    headline: PreparedCell,
    categories: &[Category],
    policy: &Policy,
) -> Vec<PreparedCell> {
    let parts = categories.iter().map(|category| {
        let key = CellKey::category(headline.key.indicator, *category);
        (key, observations.get(key).value)
    });
    let parts: Vec<(CellKey, u64)> = parts.collect();
    let everyone_in_one = headline.true_value > 0 && parts.iter().any(|(_, value)| *value == headline.true_value);
    let withheld = if headline.figure.is_hidden() {
        Some(Reason::HeadlineHidden)
    } else {
        everyone_in_one.then_some(Reason::EveryoneInOne)
    };
    let cell = |(key, value): &(CellKey, u64)| {
        let (figure, reason) = match withheld {
            Some(reason) => (Figure::Withheld, reason),
            None if policy.hides(*value) => (Figure::Below(policy.threshold()), Reason::SmallPart),
            None => (Figure::Rounded(policy.round(*value)), Reason::RoundedPart),
        };
        PreparedCell { key: *key, true_value: *value, figure, reason }
    };
    let mut cells: Vec<PreparedCell> = parts.iter().map(cell).collect();
    if cells.iter().filter(|cell| cell.figure.is_hidden()).count() == 1 {
        // `min_by_key` takes the first of equals, which is the order of the catalogue.
        let shown = cells.iter_mut().filter(|cell| !cell.figure.is_hidden());
        if let Some(next) = shown.min_by_key(|cell| cell.true_value) {
            (next.figure, next.reason) = (Figure::Withheld, Reason::HidesAnother);
        }
    }
    cells
}

#[cfg(test)]
mod tests;
