//! Who has released a period, when, and who has not.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use folkmoot_disclosure::Terms;
use folkmoot_domain::Date;
use folkmoot_domain::calendar::{Period, Span};
use folkmoot_domain::hub::{HubKind, Stage};
use folkmoot_journal::{Directory, Hash, HubRecord, HubState, NodeId};
use rusqlite::{Connection, Row, params};

use super::standing::period_row;
use super::{AcademyStore, day};
use crate::engine::UnixMillis;
use crate::error::StoreError;

/// A release is late when it comes more than so many days after the close of its period. A release that approves itself
/// waits 30 days; as long again is left for a person who approves, and for a node that is away.
pub const LATE_DAYS: i32 = 60;

/// Whether a hub's release came, and in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Timeliness {
    /// It came within [`LATE_DAYS`] days.
    OnTime,
    /// It came later.
    Late,
    /// An active, enrolled hub's release is not held.
    Missing,
}

/// What the Academy holds of one Social Action Hub for one period.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Coverage {
    /// The period.
    pub period: Period,
    /// The hub.
    pub hub: NodeId,
    /// Its name.
    pub name: String,
    /// Its region; may be empty.
    pub region: String,
    /// Whether the release came, and in time.
    pub timeliness: Timeliness,
    /// The day on which the first release of the period came; `None` where none is held.
    pub released_on: Option<Date>,
    /// Days from the close of the period to that day; 0 where the hub's clock was ahead.
    pub days_after_close: Option<u32>,
    /// The latest revision: 0 where the first release stands.
    pub revision: Option<u32>,
}

/// A release that figures are made of: the latest of its hub and period.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReleaseBehind {
    /// The hub that signed it.
    pub hub: NodeId,
    /// Its name.
    pub name: String,
    /// The period.
    pub period: Period,
    /// 0 for the first release of the period.
    pub revision: u32,
    /// The version of the policy that it was made under.
    pub policy_version: u32,
    /// The terms that it was made under, which may be stricter than the policy's.
    pub terms: Terms,
    /// The hash of the release's bytes.
    pub payload_hash: Hash,
    /// The hash of the signed entry that carries them.
    pub entry_hash: Hash,
    /// When it came.
    pub received_at: UnixMillis,
}

impl AcademyStore {
    /// The periods for which a release is held: quarters, then years, then programmes.
    ///
    /// # Errors
    /// Failures of the database.
    pub fn reported_periods(&self) -> Result<Vec<Period>, StoreError> {
        self.store.read("academy reported periods", periods_in)
    }

    /// What is held of every Social Action Hub for one period, by name: those that have released it, and those that
    /// should have. Of a period that has not ended nobody's is missing.
    ///
    /// # Errors
    /// [`StoreError::UnknownProgramme`]; failures of the database.
    pub fn coverage(&self, period: &Period) -> Result<Vec<Coverage>, StoreError> {
        let working = self.store.working();
        let directory = working.directory();
        let span = span_of(directory, period)?;
        let today = day(self.store.now());
        self.store.read("academy coverage", |connection| {
            let reported = Reported::read(connection, directory, period, span)?;
            let line = |place: &Place| Coverage {
                period: period.clone(),
                hub: place.node,
                name: place.name.clone(),
                region: place.region.clone(),
                timeliness: Timeliness::Missing,
                released_on: None,
                days_after_close: None,
                revision: None,
            };
            let came = reported.hubs.iter().map(|hub| Coverage {
                timeliness: if hub.late { Timeliness::Late } else { Timeliness::OnTime },
                released_on: Some(hub.came_on),
                days_after_close: Some(days_after(span, hub.came_on).try_into().unwrap_or(0)),
                revision: Some(hub.release.revision),
                ..line(&hub.place)
            });
            let missing = reported.missing.iter().filter(|_| span.last < today).map(line);
            let mut coverage: Vec<Coverage> = came.chain(missing).collect();
            coverage.sort_by(|one, other| (&one.name, one.hub).cmp(&(&other.name, other.hub)));
            Ok(coverage)
        })
    }

    /// The releases that the figures of a period are made of, by the hub's name.
    ///
    /// # Errors
    /// [`StoreError::UnknownProgramme`]; failures of the database.
    pub fn releases_behind(&self, period: &Period) -> Result<Vec<ReleaseBehind>, StoreError> {
        let working = self.store.working();
        let directory = working.directory();
        let span = span_of(directory, period)?;
        self.store.read("academy releases", |connection| {
            Ok(Reported::read(connection, directory, period, span)?.into_releases())
        })
    }
}

/// The days of a period.
pub(super) fn span_of(directory: &Directory, period: &Period) -> Result<Span, StoreError> {
    match (period.span(directory.programmes()), period) {
        (Some(span), _) => Ok(span),
        (None, Period::Programme(code)) => Err(StoreError::UnknownProgramme { code: code.to_string() }),
        (None, Period::Quarter(_) | Period::FinancialYear(_)) => Err(StoreError::inconsistent("a period without days")),
    }
}

/// The periods for which a release is held: quarters, then years, then programmes.
pub(super) fn periods_in(connection: &Connection) -> Result<Vec<Period>, StoreError> {
    let sql = "SELECT code FROM reporting_period AS period
        WHERE EXISTS (SELECT 1 FROM hub_release AS release WHERE release.period = period.id)";
    let mut statement = connection.prepare_cached(sql)?;
    let codes = statement.query_map([], |row| row.get::<_, String>(0))?;
    let read =
        |code: rusqlite::Result<String>| code?.parse().map_err(|_| StoreError::inconsistent("the period of a release"));
    let mut periods = codes.map(read).collect::<Result<Vec<Period>, _>>()?;
    periods.sort();
    Ok(periods)
}

/// A Social Action Hub on the map.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) node: NodeId,
    pub(super) name: String,
    pub(super) region: String,
}

/// A hub that has released the period.
#[derive(Clone, Debug)]
pub(super) struct Reporting {
    /// The row of the hub.
    pub(super) row: i64,
    pub(super) place: Place,
    /// When its first release of the period came.
    pub(super) came_on: Date,
    pub(super) late: bool,
    /// The latest.
    release: ReleaseBehind,
    /// The most that a ward can have which the release does not list.
    pub(super) ward_high: Option<u64>,
}

/// Who has released one period, and which active, enrolled hubs have not.
#[derive(Clone, Debug)]
pub(super) struct Reported {
    /// The period's row; `None` where nobody has.
    pub(super) row: Option<i64>,
    pub(super) hubs: Vec<Reporting>,
    pub(super) missing: Vec<Place>,
}

impl Reported {
    pub(super) fn read(
        connection: &Connection,
        directory: &Directory,
        period: &Period,
        span: Span,
    ) -> Result<Reported, StoreError> {
        let row = period_row(connection, period)?;
        let mut hubs: BTreeMap<NodeId, Reporting> = BTreeMap::new();
        let mut statement = connection.prepare_cached(
            "SELECT hub.id, hub.node, coalesce(hub.region, ''), release.ward_high, release.revision,
                    release.policy_version, release.threshold, release.special_threshold, release.largest_percent,
                    release.two_largest_percent, release.payload_hash, release.entry_hash, release.received_at
             FROM hub_release AS release JOIN reporting_hub AS hub ON hub.id = release.hub
             WHERE release.period = ?1 AND hub.kind = ?2 ORDER BY release.hub, release.revision",
        )?;
        let mut rows = statement.query(params![row, HubKind::SocialActionHub.code()])?;
        while let Some(row) = rows.next()? {
            let reporting = reporting(row, directory, period)?;
            match hubs.entry(reporting.place.node) {
                Entry::Vacant(entry) => {
                    entry.insert(reporting);
                }
                // The latest revision counts, and when the first release came.
                Entry::Occupied(mut entry) => {
                    let came_on = entry.get().came_on.min(reporting.came_on);
                    entry.insert(Reporting { came_on, ..reporting });
                }
            }
        }
        for hub in hubs.values_mut() {
            hub.late = days_after(span, hub.came_on) > LATE_DAYS;
        }
        let missing = directory.hubs().values().filter(|record| is_expected(record) && !hubs.contains_key(&record.hub));
        let missing = missing
            .map(|record| Place { node: record.hub, name: record.name.to_string(), region: record.region.clone() })
            .collect();
        Ok(Reported { row, hubs: hubs.into_values().collect(), missing })
    }

    /// The latest release of each hub, by the hub's name.
    pub(super) fn into_releases(self) -> Vec<ReleaseBehind> {
        let mut releases: Vec<ReleaseBehind> = self.hubs.into_iter().map(|hub| hub.release).collect();
        releases.sort_by(|one, other| (&one.name, one.hub).cmp(&(&other.name, other.hub)));
        releases
    }
}

fn reporting(row: &Row<'_>, directory: &Directory, period: &Period) -> rusqlite::Result<Reporting> {
    let node = NodeId(row.get(1)?);
    let name = name_of(directory, node);
    let received_at = UnixMillis(row.get(12)?);
    Ok(Reporting {
        row: row.get(0)?,
        place: Place { node, name: name.clone(), region: row.get(2)? },
        came_on: day(received_at),
        late: false,
        ward_high: row.get(3)?,
        release: ReleaseBehind {
            hub: node,
            name,
            period: period.clone(),
            revision: row.get(4)?,
            policy_version: row.get(5)?,
            terms: Terms {
                threshold: row.get(6)?,
                special_threshold: row.get(7)?,
                largest_percent: row.get(8)?,
                two_largest_percent: row.get(9)?,
            },
            payload_hash: Hash(row.get(10)?),
            entry_hash: Hash(row.get(11)?),
            received_at,
        },
    })
}

/// Whether a hub is one whose release is waited for.
fn is_expected(record: &HubRecord) -> bool {
    record.kind == HubKind::SocialActionHub && record.stage == Stage::Active && record.state == HubState::Enrolled
}

/// The hub's name. Whoever has released is in the directory, whatever became of it; else its id stands for the name.
fn name_of(directory: &Directory, node: NodeId) -> String {
    directory.hubs().get(&node).map_or_else(|| node.to_string(), |record| record.name.to_string())
}

fn days_after(span: Span, came_on: Date) -> i32 {
    came_on.to_julian_day().saturating_sub(span.last.to_julian_day())
}
