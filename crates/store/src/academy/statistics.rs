//! National statistics: figures by period, cell and area, in an order that can be gone through page by page.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use folkmoot_disclosure::{Figure, may_stand_beside};
use folkmoot_domain::calendar::{FinancialYear, Period, Quarter, Span};
use folkmoot_domain::declared;
use folkmoot_domain::indicator::{CellKey, Dimension, Indicator, OLDEST_CATALOGUE_VERSION};
use folkmoot_journal::{Directory, NodeId};
use rusqlite::{Connection, params};

use super::AcademyStore;
use super::report::{Sums, key};
use super::reported::{Place, Reported, Reporting, span_of};
use super::standing::{cell_row, figure};
use crate::error::StoreError;

/// Figures are compared with each other only where so many hubs or more stand behind each.
pub const LEAST_HUBS_COMPARED: u32 = 5;

/// Which figures are asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selection {
    /// The periods, in the order in which they are gone through.
    pub periods: Vec<Period>,
    /// The indicators; every one where there is none.
    pub indicators: Vec<Indicator>,
    /// Headlines, breakdowns, or both.
    pub cells: Cells,
    /// Over what hubs are added up.
    pub by: By,
    /// Only hubs of this region.
    pub region: Option<String>,
    /// Only hubs of this name.
    pub hub: Option<String>,
}

/// Which cells of an indicator are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cells {
    /// The headline and every breakdown.
    All,
    /// The headline alone.
    Headline,
    /// The categories of one dimension; of an open-ended one those that some hub shows.
    Of(Dimension),
}

/// Over what hubs are added up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// All of them.
    Nation,
    /// Those of each region.
    Region,
    /// Not at all.
    Hub,
}

/// What a figure is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Area {
    /// All Social Action Hubs.
    Nation,
    /// Those of one region.
    Region(String),
    /// One hub, by name and id.
    Hub(String, NodeId),
}

/// Where one observation stands among all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Position {
    /// The period.
    pub period: Period,
    /// The cell.
    pub key: CellKey,
    /// The area.
    pub area: Area,
}

/// One figure, and what it stands on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observation {
    /// Which.
    pub position: Position,
    /// The period's days.
    pub span: Span,
    /// What is known.
    pub known: Known,
    /// Hubs whose release is held and has this figure.
    pub hubs: u32,
    /// Of those, hubs that hid this figure.
    pub hubs_hidden: u32,
    /// Of those, hubs that rounded this figure.
    pub hubs_rounded: u32,
    /// Of those, hubs whose release came late.
    pub hubs_late: u32,
    /// Active, enrolled hubs whose release is not held, and hubs whose release is of a catalogue without the indicator.
    pub hubs_missing: u32,
    /// The difference to the period before.
    pub change: Change,
}

/// What is known of a figure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Known {
    /// The figure: every hub's is exact.
    Exact(u64),
    /// One hub's figure, rounded by it.
    Rounded {
        /// The rounded figure.
        value: u64,
        /// The least that the true one can be.
        low: u64,
        /// The most that it can be.
        high: u64,
    },
    /// Its bounds: some hubs hid or rounded theirs.
    Between {
        /// The least that it can be.
        low: u64,
        /// The most; `None`: unbounded.
        high: Option<u64>,
    },
    /// Every hub hid it: not published. The bounds are what anybody can work out.
    Hidden {
        /// The least that it can be.
        low: u64,
        /// The most; `None`: unbounded.
        high: Option<u64>,
    },
    /// No release is held.
    NotHeld,
    /// Not shown by hub or region: beside the total that was published elsewhere, it would give a hidden one away.
    BesideTotal,
}

impl Known {
    /// The least and the most that it can be, of a figure that is published.
    fn bounds(self) -> Option<(u64, Option<u64>)> {
        match self {
            Known::Exact(value) => Some((value, Some(value))),
            Known::Rounded { low, high, .. } => Some((low, Some(high))),
            Known::Between { low, high } => Some((low, high)),
            Known::Hidden { .. } | Known::NotHeld | Known::BesideTotal => None,
        }
    }
}

/// The difference between a figure and that of the period before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// It is known within bounds.
    Between {
        /// The least that it can be; `None`: unbounded.
        low: Option<i64>,
        /// The most that it can be; `None`: unbounded.
        high: Option<i64>,
        /// Hubs behind the figure of the period before.
        hubs_before: u32,
        /// Hubs behind both.
        hubs_both: u32,
    },
    /// There is no period before: a programme has none.
    NoPeriodBefore,
    /// One of the two is not published.
    NotPublished,
    /// Fewer than [`LEAST_HUBS_COMPARED`] hubs stand behind one of the two.
    FewHubs,
}

impl AcademyStore {
    /// The observations of a selection after a position, at most so many, and whether there are more: by period as
    /// selected, then by cell in the order of the catalogue, then by area.
    ///
    /// # Errors
    /// [`StoreError::UnknownProgramme`]; failures of the database.
    pub fn observations(
        &self,
        selection: &Selection,
        after: Option<&Position>,
        most: usize,
    ) -> Result<(Vec<Observation>, bool), StoreError> {
        let working = self.store.working();
        let directory = working.directory();
        let spans = selection.periods.iter().map(|period| span_of(directory, period)).collect::<Result<Vec<_>, _>>()?;
        self.store.read("academy observations", |connection| {
            let mut found = Vec::new();
            let begin = after.and_then(|after| selection.periods.iter().position(|period| *period == after.period));
            for (period, span) in selection.periods.iter().zip(spans).skip(begin.unwrap_or(0)) {
                let after = after.filter(|after| after.period == *period);
                let view = View::read(connection, directory, selection, period, span)?;
                for key in view.cells(connection)?.into_iter().filter(|key| after.is_none_or(|after| after.key <= *key))
                {
                    let mut observations = view.observe(connection, key)?;
                    if let Some(after) = after.filter(|after| after.key == key) {
                        observations.retain(|observation| observation.position.area > after.area);
                    }
                    found.extend(observations);
                    if found.len() > most {
                        found.truncate(most);
                        return Ok((found, true));
                    }
                }
            }
            Ok((found, false))
        })
    }
}

/// One period, as a selection looks at it.
struct View<'a> {
    selection: &'a Selection,
    period: &'a Period,
    span: Span,
    reported: Reported,
    /// The period before; `None` where there is none, or no difference is ever shown.
    before: Option<Reported>,
    areas: BTreeMap<Area, Counts>,
}

/// Who stands in an area.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Counts {
    late: u32,
    missing: u32,
    /// Hubs that have released the period before as well.
    both: u32,
}

/// Which of the hubs that have released a period, by their rows, have released a cell.
pub(super) enum Holders {
    /// All of them: no release lacks the indicator.
    All,
    /// Those whose catalogue had it.
    Some(BTreeSet<i64>),
}

impl Holders {
    pub(super) fn of(connection: &Connection, reported: &Reported, key: CellKey) -> Result<Holders, StoreError> {
        if key.indicator.since() <= OLDEST_CATALOGUE_VERSION {
            return Ok(Holders::All);
        }
        Ok(Holders::Some(figures(connection, reported, key)?.into_keys().collect()))
    }

    pub(super) fn hold(&self, hub: &Reporting) -> bool {
        match self {
            Holders::All => true,
            Holders::Some(hubs) => hubs.contains(&hub.row),
        }
    }
}

impl<'a> View<'a> {
    fn read(
        connection: &Connection,
        directory: &Directory,
        selection: &'a Selection,
        period: &'a Period,
        span: Span,
    ) -> Result<Self, StoreError> {
        let reported = Reported::read(connection, directory, period, span)?;
        let before = match (selection.by, period_before(period)) {
            (By::Nation | By::Region, Some((period, span))) => {
                Some(Reported::read(connection, directory, &period, span)?)
            }
            (By::Nation | By::Region | By::Hub, _) => None,
        };
        let view = View { selection, period, span, reported, before, areas: BTreeMap::new() };
        let areas = view.counted(&Holders::All, &Holders::All);
        Ok(View { areas, ..view })
    }

    /// Who stands in each area, of a figure that these hubs hold, and held in the period before.
    fn counted(&self, now: &Holders, before: &Holders) -> BTreeMap<Area, Counts> {
        let View { selection, reported, .. } = self;
        let by = selection.by;
        let earlier = self.before.iter().flat_map(|it| &it.hubs).filter(|hub| before.hold(hub));
        let nodes: BTreeSet<NodeId> = earlier.map(|hub| hub.place.node).collect();
        let mut areas: BTreeMap<Area, Counts> = BTreeMap::new();
        if by == By::Nation {
            areas.insert(Area::Nation, Counts::default());
        }
        let wanted = |place: &Place| {
            let is = |wanted: &Option<String>, is: &str| wanted.as_deref().is_none_or(|wanted| wanted == is);
            is(&selection.region, &place.region) && is(&selection.hub, &place.name)
        };
        for hub in reported.hubs.iter().filter(|hub| wanted(&hub.place)) {
            let counts = areas.entry(area_of(by, &hub.place)).or_default();
            if now.hold(hub) {
                counts.late += u32::from(hub.late);
                counts.both += u32::from(nodes.contains(&hub.place.node));
            } else {
                counts.missing += 1;
            }
        }
        for place in reported.missing.iter().filter(|place| wanted(place)) {
            areas.entry(area_of(by, place)).or_default().missing += 1;
        }
        areas
    }

    /// The same of a cell's figure.
    fn areas_of(&self, connection: &Connection, key: CellKey) -> Result<Cow<'_, BTreeMap<Area, Counts>>, StoreError> {
        let now = Holders::of(connection, &self.reported, key)?;
        if matches!(now, Holders::All) {
            return Ok(Cow::Borrowed(&self.areas));
        }
        let before = match &self.before {
            Some(before) => Holders::of(connection, before, key)?,
            None => Holders::All,
        };
        Ok(Cow::Owned(self.counted(&now, &before)))
    }

    /// The cells asked for, in the order of the catalogue.
    fn cells(&self, connection: &Connection) -> Result<Vec<CellKey>, StoreError> {
        let listed = match self.reported.row {
            Some(period) => open_ended(connection, period)?,
            None => Vec::new(),
        };
        let Selection { indicators, cells, .. } = self.selection;
        let asked = |key: &CellKey| {
            (indicators.is_empty() || indicators.contains(&key.indicator))
                && match cells {
                    Cells::All => true,
                    Cells::Headline => key.category.is_none(),
                    Cells::Of(dimension) => key.dimension() == Some(*dimension),
                }
        };
        let mut keys: Vec<CellKey> = CellKey::all().into_iter().chain(listed).filter(asked).collect();
        keys.sort_unstable();
        Ok(keys)
    }

    /// A cell's figure in every area.
    fn observe(&self, connection: &Connection, key: CellKey) -> Result<Vec<Observation>, StoreError> {
        let by = self.selection.by;
        let added = sums(connection, &self.reported, by, key)?;
        let added_before = match &self.before {
            Some(before) => sums(connection, before, by, key)?,
            None => BTreeMap::new(),
        };
        let beside_total = by != By::Nation && self.gives_away(connection, key)?;
        let observation = |(area, counts): (&Area, &Counts)| {
            let sums = added.get(area).copied().unwrap_or(Sums::NOTHING);
            let known = if beside_total && sums.hubs > 0 { Known::BesideTotal } else { known(by, sums) };
            Observation {
                position: Position { period: self.period.clone(), key, area: area.clone() },
                span: self.span,
                known,
                hubs: sums.hubs,
                hubs_hidden: sums.hidden,
                hubs_rounded: sums.rounded,
                hubs_late: counts.late,
                hubs_missing: counts.missing,
                change: self.change(known, sums, added_before.get(area).copied().unwrap_or(Sums::NOTHING), counts.both),
            }
        };
        Ok(self.areas_of(connection, key)?.iter().map(observation).collect())
    }

    fn change(&self, known: Known, sums: Sums, before: Sums, hubs_both: u32) -> Change {
        match (self.selection.by, period_before(self.period)) {
            (By::Hub, _) => return Change::FewHubs,
            (By::Nation | By::Region, None) => return Change::NoPeriodBefore,
            (By::Nation | By::Region, Some(_)) => {}
        }
        let Some(((low, high), (low_before, high_before))) =
            known.bounds().zip(self::known(self.selection.by, before).bounds())
        else {
            return Change::NotPublished;
        };
        if sums.hubs.min(before.hubs) < LEAST_HUBS_COMPARED {
            return Change::FewHubs;
        }
        let less = |one: Option<u64>, other: Option<u64>| {
            let (one, other) = (i64::try_from(one?).ok()?, i64::try_from(other?).ok()?);
            one.checked_sub(other)
        };
        Change::Between {
            low: less(Some(low), high_before),
            high: less(high, Some(low_before)),
            hubs_before: before.hubs,
            hubs_both,
        }
    }

    /// Whether the hubs' figures of a cell, put beside a total that was published of the programme, would give a hidden
    /// one away.
    fn gives_away(&self, connection: &Connection, key: CellKey) -> Result<bool, StoreError> {
        let (Period::Programme(programme), None) = (self.period, key.category) else { return Ok(false) };
        let totals: Vec<u64> = declared::exact_totals(programme, key.indicator).collect();
        if totals.is_empty() {
            return Ok(false);
        }
        let figures: Vec<Figure> = figures(connection, &self.reported, key)?.into_values().collect();
        let complete = self.reported.missing.is_empty() && figures.len() == self.reported.hubs.len();
        Ok(totals.into_iter().any(|total| !may_stand_beside(total, &figures, complete)))
    }
}

fn area_of(by: By, place: &Place) -> Area {
    match by {
        By::Nation => Area::Nation,
        By::Region => Area::Region(place.region.clone()),
        By::Hub => Area::Hub(place.name.clone(), place.node),
    }
}

/// The period of the same length before.
fn period_before(period: &Period) -> Option<(Period, Span)> {
    match period {
        Period::Quarter(quarter) => {
            let before = Quarter::from_index(quarter.index() - 1)?;
            Some((Period::Quarter(before), before.span()))
        }
        Period::FinancialYear(year) => {
            let before = FinancialYear::new(year.start_year() - 1)?;
            Some((Period::FinancialYear(before), Span { first: before.first_day(), last: before.last_day() }))
        }
        Period::Programme(_) => None,
    }
}

fn known(by: By, sums: Sums) -> Known {
    let Sums { hubs, hidden, rounded, low, high } = sums;
    match (sums.value(), by, high) {
        _ if hubs == 0 => Known::NotHeld,
        _ if hidden == hubs => Known::Hidden { low, high },
        (Some(value), _, _) => Known::Exact(value),
        (None, By::Hub, Some(high)) if rounded == hubs => Known::Rounded { value: high.saturating_sub(2), low, high },
        (None, By::Nation | By::Region | By::Hub, high) => Known::Between { low, high },
    }
}

/// The cells of open-ended dimensions that some release of a period lists.
pub(super) fn open_ended(connection: &Connection, period: i64) -> Result<Vec<CellKey>, StoreError> {
    let mut listed = Vec::new();
    for dimension in Dimension::ALL.into_iter().filter(|dimension| dimension.is_open_ended()) {
        let mut statement = connection.prepare_cached(
            "SELECT indicator, dimension, category FROM reported_cell AS cell WHERE dimension = ?1
             AND EXISTS (SELECT 1 FROM standing_cell AS held WHERE held.period = ?2 AND held.cell = cell.id)",
        )?;
        let keys = statement.query_map(params![dimension.code(), period], |row| key(row, 0))?;
        listed.extend(keys.collect::<Result<Vec<_>, _>>()?.into_iter().flatten());
    }
    Ok(listed)
}

/// What each area's hubs add up to, of the areas in which any has released the cell.
pub(super) fn sums(
    connection: &Connection,
    reported: &Reported,
    by: By,
    key: CellKey,
) -> Result<BTreeMap<Area, Sums>, StoreError> {
    let open_ended = key.dimension().is_some_and(Dimension::is_open_ended);
    let (By::Nation | By::Region, false) = (by, open_ended) else {
        // One by one: what a release does not list counts as well.
        let figures = figures(connection, reported, key)?;
        let mut sums = BTreeMap::new();
        for hub in &reported.hubs {
            let unlisted = Sums::of((0, hub.ward_high), hub.ward_high != Some(0), false);
            let own =
                figures.get(&hub.row).map(|it| Sums::of(it.bounds(), it.is_hidden(), matches!(it, Figure::Rounded(_))));
            if let Some(own) = own.or(open_ended.then_some(unlisted)) {
                sums.entry(area_of(by, &hub.place)).or_insert(Sums::NOTHING).add(own);
            }
        }
        return Ok(sums);
    };
    let (Some(period), Some(cell)) = (reported.row, cell_row(connection, key)?) else { return Ok(BTreeMap::new()) };
    let columns = Sums::COLUMNS;
    let (sql, area): (String, fn(Option<String>) -> Area) = match by {
        By::Nation | By::Hub => {
            let from = "FROM standing_cell WHERE period = ?1 AND cell = ?2 GROUP BY mark";
            (format!("SELECT NULL, {columns} {from}"), |_| Area::Nation)
        }
        By::Region => {
            let from = "FROM standing_cell JOIN reporting_hub AS hub ON hub.id = standing_cell.hub
                WHERE period = ?1 AND cell = ?2 GROUP BY hub.region, mark";
            (format!("SELECT hub.region, {columns} {from}"), |region| Area::Region(region.unwrap_or_default()))
        }
    };
    let mut statement = connection.prepare_cached(&sql)?;
    let mut rows = statement.query([period, cell])?;
    let mut sums = BTreeMap::new();
    while let Some(row) = rows.next()? {
        sums.entry(area(row.get(0)?)).or_insert(Sums::NOTHING).add(Sums::read(row, 1)?);
    }
    Ok(sums)
}

/// What each hub released of a cell, by the hub's row.
fn figures(connection: &Connection, reported: &Reported, key: CellKey) -> Result<BTreeMap<i64, Figure>, StoreError> {
    let (Some(period), Some(cell)) = (reported.row, cell_row(connection, key)?) else { return Ok(BTreeMap::new()) };
    let sql = "SELECT hub, mark, low, high FROM standing_cell WHERE period = ?1 AND cell = ?2";
    let mut statement = connection.prepare_cached(sql)?;
    let rows = statement.query_map([period, cell], |row| Ok((row.get(0)?, figure(row, 1)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}
