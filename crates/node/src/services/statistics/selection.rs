//! Which figures a request asks for, and how a page's token names a place among them.

use folkmoot_domain::calendar::{FinancialYear, Period, Quarter};
use folkmoot_domain::indicator::{CellKey, Dimension, Indicator};
use folkmoot_journal::NodeId;
use folkmoot_proto::academy::v1 as proto;
use folkmoot_proto::academy::v1::ListObservationsRequest;
use folkmoot_store::academy::{Area, By, Cells, Position, Selection};

use crate::services::report::{NOT_ADDED_UP, one_period};
use crate::status::Violations;

/// The most periods of one request: forty years of quarters.
const MOST_PERIODS: usize = 160;
const SEPARATOR: char = '\u{1d}';

/// What a request narrows the list by, for its page token.
pub(super) fn query(request: &ListObservationsRequest) -> [String; 9] {
    let ListObservationsRequest {
        period,
        first_period,
        last_period,
        indicators,
        dimension,
        by,
        region,
        hub,
        add_up_periods,
        ..
    } = request;
    [
        format!("ListObservations {add_up_periods}"),
        period.clone(),
        first_period.clone(),
        last_period.clone(),
        indicators.join(" "),
        dimension.clone(),
        by.to_string(),
        region.clone(),
        hub.clone(),
    ]
}

/// Reads what a request asks for.
pub(super) fn read(request: &ListObservationsRequest, violations: &mut Violations) -> Option<Selection> {
    let ListObservationsRequest { period, first_period, last_period, .. } = request;
    if request.add_up_periods {
        violations.add("add_up_periods", NOT_ADDED_UP);
    }
    if [period, first_period, last_period].iter().all(|text| text.is_empty()) {
        violations.add("period", "give a period, or first_period and last_period");
    }
    let periods = periods_or_all(period, first_period, last_period, violations);
    let indicators = request.indicators.iter().filter_map(|code| {
        let found = Indicator::from_code(code);
        if found.is_none() {
            violations.add("indicators", "no such indicator; ListIndicators lists those that there are");
        }
        found
    });
    let indicators: Vec<Indicator> = indicators.collect();
    let cells = match request.dimension.as_str() {
        "" => Some(Cells::Headline),
        "all" => Some(Cells::All),
        code => Dimension::from_code(code).map(Cells::Of),
    };
    if cells.is_none() {
        let codes: Vec<&str> = Dimension::ALL.into_iter().map(Dimension::code).collect();
        violations.add("dimension", format!("write one of {}, or all", codes.join(", ")));
    }
    if let Some(Cells::Of(dimension)) = cells
        && !indicators.is_empty()
        && !indicators.iter().any(|indicator| indicator.dimensions().contains(&dimension))
    {
        violations.add("dimension", "none of these indicators is broken down by it");
    }
    let by = match proto::By::try_from(request.by) {
        Ok(proto::By::Unspecified | proto::By::Nation) => Some(By::Nation),
        Ok(proto::By::Region) => Some(By::Region),
        Ok(proto::By::Hub) => Some(By::Hub),
        Err(_) => None,
    };
    if by.is_none() {
        violations.add("by", "no such value");
    }
    if !request.region.is_empty() && by == Some(By::Nation) {
        violations.add("region", "ask by region or by hub");
    }
    if !request.hub.is_empty() && by.is_some_and(|by| by != By::Hub) {
        violations.add("hub", "ask by hub");
    }
    let given = |text: &String| (!text.is_empty()).then(|| text.clone());
    Some(Selection {
        periods,
        indicators,
        cells: cells?,
        by: by?,
        region: given(&request.region),
        hub: given(&request.hub),
    })
}

/// Reads one period or a first and a last one; none at all where none is given.
pub(super) fn periods_or_all(period: &str, first: &str, last: &str, violations: &mut Violations) -> Vec<Period> {
    match (period, first, last) {
        ("", "", "") => Vec::new(),
        (period, "", "") => one_period("period", period, violations).into_iter().collect(),
        ("", first, last) => {
            let (first, last) =
                (one_period("first_period", first, violations), one_period("last_period", last, violations));
            let (Some(first), Some(last)) = (first, last) else { return Vec::new() };
            range(&first, &last).unwrap_or_else(|words| {
                violations.add("last_period", words);
                Vec::new()
            })
        }
        _ => {
            violations.add("period", "give either a period, or first_period and last_period");
            Vec::new()
        }
    }
}

/// The periods from a first to a last.
fn range(first: &Period, last: &Period) -> Result<Vec<Period>, String> {
    let periods: Vec<Period> = match (first, last) {
        (Period::Quarter(first), Period::Quarter(last)) => {
            let quarters = (first.index()..=last.index()).take(MOST_PERIODS + 1);
            quarters.filter_map(Quarter::from_index).map(Period::Quarter).collect()
        }
        (Period::FinancialYear(first), Period::FinancialYear(last)) => {
            let years = (first.start_year()..=last.start_year()).take(MOST_PERIODS + 1);
            years.filter_map(FinancialYear::new).map(Period::FinancialYear).collect()
        }
        (Period::Quarter(_) | Period::FinancialYear(_) | Period::Programme(_), _) => {
            return Err("first and last are both quarters or both financial years".to_owned());
        }
    };
    match periods.len() {
        0 => Err("the last period is before the first".to_owned()),
        count if count > MOST_PERIODS => Err(format!("ask for {MOST_PERIODS} periods at most")),
        _ => Ok(periods),
    }
}

/// How a token names the place of an observation.
pub(super) fn place(position: &Position) -> String {
    let Position { period, key, area } = position;
    let (by, name, hub) = match area {
        Area::Nation => ("nation", String::new(), String::new()),
        Area::Region(name) => ("region", name.clone(), String::new()),
        Area::Hub(name, id) => ("hub", name.clone(), id.to_string()),
    };
    let codes = [key.indicator.code(), key.dimension_code(), key.category_code()];
    let parts = [&period.to_string(), codes[0], codes[1], codes[2], by, &hub, &name];
    parts.join(&SEPARATOR.to_string())
}

/// Reads what [`place`] wrote; `None` where a token was made by other software.
pub(super) fn position(text: &str) -> Option<Position> {
    let parts: Vec<&str> = text.splitn(7, SEPARATOR).collect();
    let [period, indicator, dimension, category, by, hub, name] = parts[..] else { return None };
    let area = match by {
        "nation" => Area::Nation,
        "region" => Area::Region(name.to_owned()),
        "hub" => Area::Hub(name.to_owned(), hub.parse::<NodeId>().ok()?),
        _ => return None,
    };
    Some(Position { period: period.parse().ok()?, key: CellKey::from_codes(indicator, dimension, category)?, area })
}
