//! Statistics of an invented federation, with every kind of figure that there is.

use folkmoot_domain::calendar::{Period, Programme, Programmes, parse_date};

use crate::*;

/// A name that would be markup and a formula if anybody let it.
pub(crate) const AWKWARD: &str = "=HYPERLINK(\"x\"), <b>&\"Sons\"";

/// The hubs, each with its region.
pub(crate) const HUBS: [(&str, &str); 8] = [
    ("Bristol Knowle West", "South West"),
    ("Hull Orchard Park", "Yorkshire and the Humber"),
    ("Leeds Lincoln Green", "Yorkshire and the Humber"),
    ("Sheffield Firth Park", "Yorkshire and the Humber"),
    ("Bradford Manningham", "Yorkshire and the Humber"),
    ("Halifax Park Ward and the villages of the upper Calder valley together", "Yorkshire and the Humber"),
    (AWKWARD, "Yorkshire and the Humber"),
    ("Wakefield Eastmoor", "Yorkshire and the Humber"),
];

/// The quarters that the statistics cover.
pub(crate) const QUARTERS: [&str; 8] =
    ["2018-Q2", "2018-Q3", "2018-Q4", "2019-Q1", "2019-Q2", "2019-Q3", "2019-Q4", "2020-Q1"];

const PROGRAMME: &str = "programme/COEP";

fn definitions() -> Vec<IndicatorDefinition> {
    [
        ("people_trained", "People trained", "people", "distinct", "People who completed at least one session.", false),
        (
            "training_minutes",
            "Training minutes",
            "minutes",
            "sum",
            "Minutes of each session, times attendances.",
            false,
        ),
        ("people_mobilised", "People mobilised", "people", "distinct", "People who took part in an action.", true),
        ("funding_leveraged_pence", "Funding leveraged", "pence", "sum", "Money raised for local organising.", true),
    ]
    .map(|(code, title, unit, aggregation, definition, outcome)| IndicatorDefinition {
        code: code.to_owned(),
        title: title.to_owned(),
        unit: unit.to_owned(),
        aggregation: aggregation.to_owned(),
        definition: definition.to_owned(),
        outcome,
    })
    .into()
}

/// A national headline without hubs that hid, rounded, miss or are late.
pub(crate) fn observation(period: &str, indicator: &IndicatorDefinition, area: Area, figure: Figure) -> Observation {
    let mut programmes = Programmes::default();
    let day = |text| parse_date(text).unwrap();
    let title = "Community Organisers Expansion Programme";
    programmes
        .insert(Programme::new("COEP".parse().unwrap(), title, day("2018-04-01"), day("2020-03-31")).unwrap())
        .unwrap();
    let parsed: Period = period.parse().unwrap();
    let span = parsed.span(&programmes).unwrap();
    let hubs = match area {
        Area::Nation => 8,
        Area::Region(ref region) => HUBS.iter().filter(|(_, of)| of == region).count() as u64,
        Area::Hub(_) => 1,
    };
    let label = match (&area, indicator.aggregation.as_str()) {
        (Area::Nation | Area::Region(_), "distinct") => "sum of hub-distinct",
        _ => "",
    };
    Observation {
        period: period.to_owned(),
        period_title: parsed.title(),
        first_day: span.first,
        last_day: span.last,
        indicator: indicator.code.clone(),
        indicator_title: indicator.title.clone(),
        unit: indicator.unit.clone(),
        aggregation: indicator.aggregation.clone(),
        dimension: String::new(),
        dimension_title: String::new(),
        category: String::new(),
        category_title: String::new(),
        area,
        figure,
        hubs: if figure == Figure::Unavailable { 0 } else { hubs },
        hubs_hidden: 0,
        hubs_rounded: 0,
        hubs_missing: if figure == Figure::Unavailable { hubs } else { 0 },
        hubs_late: 0,
        label: label.to_owned(),
    }
}

/// The sample.
pub(crate) fn statistics() -> Statistics {
    let definitions = definitions();
    let mut observations = Vec::new();
    for indicator in &definitions {
        let times = match indicator.unit.as_str() {
            "minutes" => 900,
            "pence" => 151_017,
            _ => 1,
        };
        let exact = |value: u64| Figure::Exact(value * times);
        let mut national: Vec<Observation> = [
            exact(212),
            exact(264),
            Figure::Interval { low: 240 * times, high: Some(268 * times) },
            Figure::Unavailable,
            exact(305),
            Figure::Interval { low: 280 * times, high: None },
            Figure::Hidden { low: 0, high: Some(56 * times) },
            exact(342),
        ]
        .into_iter()
        .zip(QUARTERS)
        .map(|(figure, period)| observation(period, indicator, Area::Nation, figure))
        .collect();
        national[2].hubs_hidden = 2;
        national[2].hubs_late = 1;
        national[5].hubs_hidden = 1;
        national[5].hubs_missing = 1;
        national[6].hubs_hidden = 8;
        observations.extend(national);
        for (year, value) in [("2018/19", 901), ("2019/20", 1_120)] {
            observations.push(observation(year, indicator, Area::Nation, exact(value)));
        }
        let whole = Figure::Interval { low: 1_890 * times, high: Some(1_941 * times) };
        observations.push(observation(PROGRAMME, indicator, Area::Nation, whole));
        let of_region = [("South West", exact(240)), ("Yorkshire and the Humber", whole)];
        for (region, figure) in of_region {
            observations.push(observation(PROGRAMME, indicator, Area::Region(region.to_owned()), figure));
        }
        let of_hubs = [
            exact(240),
            exact(410),
            Figure::Rounded { value: 45 * times, low: 43 * times, high: 47 * times },
            Figure::Hidden { low: 0, high: Some(7 * times) },
            Figure::Hidden { low: 0, high: None },
            Figure::Interval { low: 200 * times, high: Some(260 * times) },
            exact(0),
            Figure::Unavailable,
        ];
        for ((hub, _), figure) in HUBS.into_iter().zip(of_hubs) {
            observations.push(observation(PROGRAMME, indicator, Area::Hub(hub.to_owned()), figure));
        }
        if indicator.unit == "people" {
            for (category, title, figure) in [
                ("woman", "Women", Figure::Interval { low: 1_020, high: Some(1_050) }),
                ("man", "Men", Figure::Interval { low: 700, high: Some(731) }),
                ("non-binary", "Non-binary people", Figure::Hidden { low: 0, high: Some(56) }),
                ("unknown", "Not known", Figure::Rounded { value: 95, low: 93, high: 97 }),
            ] {
                observations.push(Observation {
                    dimension: "gender".to_owned(),
                    dimension_title: "Gender".to_owned(),
                    category: category.to_owned(),
                    category_title: title.to_owned(),
                    hubs_hidden: 3,
                    ..observation(PROGRAMME, indicator, Area::Nation, figure)
                });
            }
        }
    }
    Statistics {
        title: "Community organising in England, 2018 to 2020".to_owned(),
        produced_at: "2020-06-30T12:00:00Z".to_owned(),
        federation: "f0".repeat(32),
        observations,
        indicators: definitions,
        coverage: coverage(),
        declared: declared(),
        releases: releases(),
        policies: vec![PolicyVersion {
            version: 1,
            threshold: 8,
            special_threshold: 10,
            largest_percent: 50,
            two_largest_percent: 90,
        }],
    }
}

fn coverage() -> Vec<Coverage> {
    let mut coverage = Vec::new();
    for (position, (hub, region)) in HUBS.into_iter().enumerate() {
        for (number, period) in QUARTERS.into_iter().enumerate() {
            let (timeliness, days_after_close) = match (position * 3 + number) % 11 {
                4 => (Timeliness::Late, Some(61)),
                9 => (Timeliness::Missing, None),
                days => (Timeliness::OnTime, Some(20 + days as u64)),
            };
            coverage.push(Coverage {
                hub: hub.to_owned(),
                region: region.to_owned(),
                period: period.to_owned(),
                period_title: period.parse::<Period>().unwrap().title(),
                timeliness,
                days_after_close,
            });
        }
    }
    coverage
}

fn declared() -> Vec<DeclaredFigure> {
    let figure = DeclaredFigure {
        programme: "COEP".to_owned(),
        label: "people trained in community organising".to_owned(),
        indicator: Some("people_trained".to_owned()),
        figure: 3_966,
        unit: "people".to_owned(),
        qualifier: "exactly".to_owned(),
        kind: "result".to_owned(),
        source: "The National Community Organising Apprenticeship, 2021".to_owned(),
        comparable: true,
        note: "The computed figure is a sum over hubs.".to_owned(),
    };
    vec![
        figure.clone(),
        DeclaredFigure {
            label: "leveraged locally".to_owned(),
            indicator: Some("funding_leveraged_pence".to_owned()),
            figure: 125_000_000,
            unit: "pence".to_owned(),
            qualifier: "over".to_owned(),
            ..figure.clone()
        },
        DeclaredFigure {
            label: "Social Action Hubs developed".to_owned(),
            indicator: None,
            figure: 22,
            unit: String::new(),
            comparable: false,
            note: "Counts hubs, not what hubs did.".to_owned(),
            ..figure
        },
    ]
}

fn releases() -> Vec<ReleaseProvenance> {
    let mut releases = Vec::new();
    for (hub, _) in HUBS {
        for period in QUARTERS.into_iter().chain([PROGRAMME]) {
            let number = releases.len();
            releases.push(ReleaseProvenance {
                hub: hub.to_owned(),
                period: period.to_owned(),
                revision: 1,
                policy_version: 1,
                payload_hash: format!("{number:064x}"),
                entry_hash: format!("{:064x}", number + 4_096),
            });
        }
    }
    releases
}
