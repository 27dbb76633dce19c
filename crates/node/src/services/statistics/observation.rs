//! An observation as the wire has it, and what is said of it in words.

use folkmoot_domain::calendar::iso;
use folkmoot_domain::indicator::Dimension;
use folkmoot_proto::academy::v1 as proto;
use folkmoot_proto::academy::v1::observation::Status;
use folkmoot_store::academy::{Area, By, Change, Known, LEAST_HUBS_COMPARED, Observation};

use crate::services::report::label;

pub(super) fn message(observation: Observation, by: By) -> proto::Observation {
    let Observation { position, span, known, .. } = observation;
    let indicator = position.key.indicator;
    let (status, value, low, high) = match known {
        Known::Exact(value) => (Status::Exact, Some(value), Some(value), Some(value)),
        Known::Rounded { value, low, high } => (Status::Rounded, Some(value), Some(low), Some(high)),
        Known::Between { low, high } => (Status::Interval, None, Some(low), high),
        Known::Hidden { low, high } => (Status::Hidden, None, Some(low), high),
        Known::NotHeld => (Status::Unavailable, None, None, None),
        Known::BesideTotal => (Status::BesideTotal, None, None, None),
    };
    let (area, hub) = match &position.area {
        Area::Nation => (String::new(), String::new()),
        Area::Region(region) => (region.clone(), String::new()),
        Area::Hub(name, id) => (name.clone(), format!("hubs/{id}")),
    };
    proto::Observation {
        period: position.period.to_string(),
        period_title: position.period.title(),
        first_day: iso(span.first),
        last_day: iso(span.last),
        indicator: indicator.code().to_owned(),
        indicator_title: indicator.title().to_owned(),
        unit: indicator.unit().name().to_owned(),
        aggregation: indicator.aggregation().name().to_owned(),
        dimension: position.key.dimension_code().to_owned(),
        dimension_title: position.key.dimension().map_or("", Dimension::title).to_owned(),
        category: position.key.category_code().to_owned(),
        category_title: position.key.category_title().to_owned(),
        by: by_message(by).into(),
        area,
        hub,
        status: status.into(),
        value,
        low,
        high,
        hubs: observation.hubs,
        hubs_hidden: observation.hubs_hidden,
        hubs_rounded: observation.hubs_rounded,
        hubs_late: observation.hubs_late,
        hubs_missing: observation.hubs_missing,
        label: match (known, by) {
            (Known::BesideTotal, _) => {
                "not shown beside the published total: a figure that a hub hid could be worked out".to_owned()
            }
            (_, By::Nation | By::Region) => label(indicator, observation.hubs),
            (_, By::Hub) if observation.hubs == 0 => "no release held".to_owned(),
            (_, By::Hub) => String::new(),
        },
        comparable: observation.hubs >= LEAST_HUBS_COMPARED && status != Status::Hidden,
        change: Some(change(observation.change, observation.hubs)),
    }
}

fn by_message(by: By) -> proto::By {
    match by {
        By::Nation => proto::By::Nation,
        By::Region => proto::By::Region,
        By::Hub => proto::By::Hub,
    }
}

fn change(change: Change, hubs: u32) -> proto::Change {
    let because = |note: String| proto::Change { note, ..proto::Change::default() };
    match change {
        Change::Between { low, high, hubs_before, hubs_both } => proto::Change {
            given: true,
            low,
            high,
            hubs_before,
            hubs_both,
            note: match hubs_both == hubs && hubs_both == hubs_before {
                true => String::new(),
                false => format!(
                    "other hubs stand behind the two: {hubs_before} then, {hubs} now, {hubs_both} of them the same"
                ),
            },
        },
        Change::NoPeriodBefore => because("there is no period before to compare with".to_owned()),
        Change::NotPublished => because("one of the two figures is not published".to_owned()),
        Change::FewHubs => {
            because(format!("not compared: fewer than {LEAST_HUBS_COMPARED} hubs stand behind one of the two figures"))
        }
    }
}
