//! Making a release: the only place where one can be made.

use folkmoot_domain::Date;
use folkmoot_domain::calendar::{FinancialYear, Period, Span};
use folkmoot_domain::indicator::{CATALOGUE_VERSION, CellKey};

use crate::audit::{Audit, Budget};
use crate::draft::Draft;
use crate::{Account, Figure, Observations, Policy, Reason, Refusal, Released, Terms};

/// What one hub lets out for one period. Only [`prepare`] makes one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Release {
    hub: [u8; 32],
    period: Period,
    span: Span,
    revision: u32,
    policy_version: u32,
    terms: Terms,
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

    /// The terms that it was made under: those of the policy, or stricter ones of the hub's own.
    pub fn terms(&self) -> Terms {
        self.terms
    }

    /// The version of the indicator catalogue.
    pub fn catalogue_version(&self) -> u32 {
        self.catalogue_version
    }

    /// Every cell of the catalogue in its order, and of open-ended dimensions each that is shown.
    pub fn cells(&self) -> &[(CellKey, Figure)] {
        &self.cells
    }
}

/// A release, and for the hub alone what stands behind each of its cells. It holds true figures, so it never leaves.
#[derive(Clone, PartialEq, Eq)]
pub struct Prepared {
    /// Every cell that was counted, in the order of the catalogue; more than leaves, where a dimension is open-ended.
    pub cells: Vec<PreparedCell>,
    /// The release.
    pub release: Release,
    /// How it stands to the releases before.
    pub standing: Standing,
    /// Where the release before would be revised but for the revision that this financial year has had: the first day on
    /// which it can be.
    pub revisable_from: Option<Date>,
}

/// How a prepared release stands to the releases of its period.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// None was made before.
    First,
    /// It would revise the one before.
    Revision,
    /// The one before stands: nothing has changed that a revision takes, or this financial year had its revision.
    Stands,
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

impl PreparedCell {
    /// Whether the release lists the cell at all: of an open-ended dimension only what is shown is.
    pub fn is_listed(&self) -> bool {
        !(self.figure.is_hidden() && self.key.dimension().is_some_and(|dimension| dimension.is_open_ended()))
    }
}

/// Turns what a hub has counted into what leaves it for one period: rules 1 to 6.
///
/// `hub` is the hub's node id and `today` the day on which it asks.
///
/// # Errors
/// Where the account lacks the period, or the period has not ended.
pub fn prepare(
    account: &Account,
    period: &Period,
    hub: [u8; 32],
    policy: &Policy,
    today: Date,
) -> Result<Prepared, Refusal> {
    let observations = account.observations(period).ok_or(Refusal::PeriodUnknown)?;
    let span = observations.span();
    if today <= span.last {
        return Err(Refusal::PeriodUnfinished { last: span.last });
    }
    let standing = account.standing(period);
    let due = standing.is_none_or(|released| is_due(released, observations));
    let had_its_revision = standing.is_some_and(|released| {
        released.revision > 0 && FinancialYear::of(released.approved_on) == FinancialYear::of(today)
    });
    let revisable_from = if due && had_its_revision { FinancialYear::of(today).last_day().next_day() } else { None };
    let fresh = (due && !had_its_revision).then(|| repaired(account, observations, standing, policy.terms()));
    let (cells, place, terms) = match (fresh, standing) {
        (Some(cells), None) => (cells, Standing::First, policy.terms()),
        (Some(cells), Some(released)) if shown(&cells) != released.cells => (cells, Standing::Revision, policy.terms()),
        (_, Some(released)) => (as_released(released, observations), Standing::Stands, released.terms),
        (None, None) => return Err(Refusal::PeriodUnknown),
    };
    let revision = match (place, standing) {
        (Standing::First, _) | (_, None) => 0,
        (Standing::Revision, Some(released)) => released.revision + 1,
        (Standing::Stands, Some(released)) => released.revision,
    };
    // A release that stands is the one that was made, with the catalogue of then.
    let catalogue_version = match (place, standing) {
        (Standing::Stands, Some(released)) => released.catalogue_version,
        (Standing::First | Standing::Revision | Standing::Stands, _) => CATALOGUE_VERSION,
    };
    let release = Release {
        hub,
        period: period.clone(),
        span,
        revision,
        policy_version: policy.version(),
        terms,
        catalogue_version,
        cells: shown(&cells),
    };
    Ok(Prepared { cells, release, standing: place, revisable_from })
}

/// Whether a release would be revised: where so many people have changed that its figures speak of others, an open figure is
/// another, or one that its catalogue did not have is more than 0.
fn is_due(released: &Released, observations: &Observations) -> bool {
    let let_out = |cell: CellKey| released.cells.iter().find(|(key, _)| *key == cell).map(|(_, figure)| *figure);
    let is_other = |cell: CellKey| match (let_out(cell), observations.get(cell).value) {
        (Some(figure), value) => figure != Figure::Exact(value),
        (None, value) => value > 0,
    };
    !released.outdated.is_empty() || CellKey::all().into_iter().any(|cell| is_open(cell) && is_other(cell))
}

fn is_open(cell: CellKey) -> bool {
    cell.indicator.class() == folkmoot_domain::indicator::Class::Open
}

/// Rules 1 to 4, then the audit, and what it asks to be hidden beyond.
fn repaired(
    account: &Account,
    observations: &Observations,
    standing: Option<&Released>,
    terms: Terms,
) -> Vec<PreparedCell> {
    let mut draft = Draft::new(observations, terms, standing);
    let mut audit = Audit::new(account, observations.period(), terms, Budget::default());
    audit.repair(&mut draft);
    draft.cells()
}

/// What a release that stands says, cell by cell.
fn as_released(released: &Released, observations: &Observations) -> Vec<PreparedCell> {
    let known = |cell: &CellKey| cell.indicator.since() <= released.catalogue_version;
    let mut cells: Vec<PreparedCell> = observations
        .cells()
        .filter(|(key, _)| known(key))
        .map(|(key, seen)| {
            let found = released.cells.iter().find(|(cell, _)| *cell == key);
            let figure = found.map_or(Figure::Withheld, |(_, figure)| *figure);
            PreparedCell { key, true_value: seen.value, figure, reason: Reason::Stands }
        })
        .collect();
    let gone = released.cells.iter().filter(|(cell, _)| !cells.iter().any(|known| known.key == *cell));
    let gone: Vec<PreparedCell> = gone
        .map(|(key, figure)| PreparedCell { key: *key, true_value: 0, figure: *figure, reason: Reason::Stands })
        .collect();
    cells.extend(gone);
    cells.sort_by_key(|cell| cell.key);
    cells
}

fn shown(cells: &[PreparedCell]) -> Vec<(CellKey, Figure)> {
    cells.iter().filter(|cell| cell.is_listed()).map(|cell| (cell.key, cell.figure)).collect()
}

#[cfg(test)]
mod tests;
