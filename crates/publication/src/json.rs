//! JSON: everything in one document, keys in a fixed order.

use folkmoot_domain::calendar::iso;
use serde_json::{Map, Value, json};

use crate::File;
use crate::statistics::{
    Coverage, DeclaredFigure, IndicatorDefinition, Observation, PolicyVersion, ReleaseProvenance, Statistics,
};

/// The statistics, their provenance inside.
pub(crate) fn json(statistics: &Statistics) -> Vec<File> {
    let document = json!({
        "title": statistics.title,
        "provenance": provenance(statistics, &statistics.releases.iter().collect::<Vec<_>>()),
        "indicators": statistics.indicators.iter().map(definition).collect::<Vec<_>>(),
        "observations": statistics.observations.iter().map(observation).collect::<Vec<_>>(),
        "coverage": statistics.coverage.iter().map(coverage).collect::<Vec<_>>(),
        "declared_figures": statistics.declared.iter().map(declared).collect::<Vec<_>>(),
    });
    vec![File::new("statistics.json", pretty(&document))]
}

/// When and from what something was made: all releases, or those that stand behind one chart.
pub(crate) fn provenance(statistics: &Statistics, releases: &[&ReleaseProvenance]) -> Value {
    json!({
        "produced_at": statistics.produced_at,
        "federation": statistics.federation,
        "policies": statistics.policies.iter().map(policy).collect::<Vec<_>>(),
        "releases": releases.iter().copied().map(release).collect::<Vec<_>>(),
    })
}

pub(crate) fn definition(indicator: &IndicatorDefinition) -> Value {
    json!({
        "code": indicator.code,
        "title": indicator.title,
        "unit": indicator.unit,
        "aggregation": indicator.aggregation,
        "definition": indicator.definition,
        "outcome": indicator.outcome,
    })
}

pub(crate) fn policy(policy: &PolicyVersion) -> Value {
    json!({
        "version": policy.version,
        "threshold": policy.threshold,
        "special_threshold": policy.special_threshold,
        "largest_percent": policy.largest_percent,
        "two_largest_percent": policy.two_largest_percent,
    })
}

fn release(release: &ReleaseProvenance) -> Value {
    json!({
        "hub": release.hub,
        "period": release.period,
        "revision": release.revision,
        "policy_version": release.policy_version,
        "payload_blake3": release.payload_hash,
        "entry_hash": release.entry_hash,
    })
}

fn observation(observation: &Observation) -> Value {
    let figure = observation.figure;
    let mut object = Map::new();
    let mut put = |name: &str, value: Value| object.insert(name.to_owned(), value);
    put(
        "period",
        json!({
            "code": observation.period,
            "title": observation.period_title,
            "first_day": iso(observation.first_day),
            "last_day": iso(observation.last_day),
        }),
    );
    put("area", json!({ "type": observation.area.kind(), "name": observation.area.name() }));
    put("indicator", json!(observation.indicator));
    put("indicator_title", json!(observation.indicator_title));
    put("unit", json!(observation.unit));
    put("aggregation", json!(observation.aggregation));
    let breakdown = match observation.is_headline() {
        true => Value::Null,
        false => json!({
            "dimension": observation.dimension,
            "dimension_title": observation.dimension_title,
            "category": observation.category,
            "category_title": observation.category_title,
        }),
    };
    put("breakdown", breakdown);
    put("value", json!(figure.value()));
    put("status", json!(figure.shorthand()));
    put("precision", json!(figure.precision()));
    put("low", json!(figure.low()));
    put("high", json!(figure.high()));
    put("hubs", json!(observation.hubs));
    put("hubs_hidden", json!(observation.hubs_hidden));
    put("hubs_rounded", json!(observation.hubs_rounded));
    put("hubs_missing", json!(observation.hubs_missing));
    put("hubs_late", json!(observation.hubs_late));
    put("label", json!(observation.label));
    Value::Object(object)
}

fn coverage(coverage: &Coverage) -> Value {
    json!({
        "hub": coverage.hub,
        "region": coverage.region,
        "period": coverage.period,
        "timeliness": coverage.timeliness.name(),
        "days_after_close": coverage.days_after_close,
    })
}

fn declared(declared: &DeclaredFigure) -> Value {
    json!({
        "programme": declared.programme,
        "label": declared.label,
        "indicator": declared.indicator,
        "figure": declared.figure,
        "unit": declared.unit,
        "qualifier": declared.qualifier,
        "kind": declared.kind,
        "source": declared.source,
        "comparable": declared.comparable,
        "note": declared.note,
    })
}

/// A document, indented, with a line's end at its end.
pub(crate) fn pretty(document: &Value) -> Vec<u8> {
    format!("{document:#}\n").into_bytes()
}
