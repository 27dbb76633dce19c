//! Releases, for programs.

use folkmoot_proto::hub::v1 as wire;
use folkmoot_proto::hub::v1::preview_release_response::Standing;
use folkmoot_proto::hub::v1::release::State;
use serde_json::{Value, json};

use super::{hash, release_id};
use crate::figures;
use crate::times;

pub(super) fn preview(preview: &wire::PreviewReleaseResponse) -> Value {
    let cell = |cell: &wire::PreviewCell| {
        json!({
            "code": cell.indicator,
            "title": cell.title,
            "unit": cell.unit,
            "breakdown": figures::breakdown_json(&cell.dimension, &cell.category),
            "true_value": cell.true_value,
            "published": figures::published_json(cell.published.as_ref()),
            "left_out": cell.left_out,
            "rule": match cell.rule {
                0 => Value::Null,
                rule => Value::from(rule),
            },
            "reason": cell.reason,
        })
    };
    let terms = preview.terms.unwrap_or_default();
    json!({
        "period": preview.period,
        "title": preview.period_title,
        "standing": match preview.standing() {
            Standing::Unspecified => None,
            Standing::First => Some("first"),
            Standing::Revision => Some("revision"),
            Standing::Stands => Some("stands"),
        },
        "revision": preview.revision,
        "cells": preview.cells.iter().map(cell).collect::<Vec<_>>(),
        "payload": hexadecimal(&preview.payload),
        "payload_bytes": preview.payload.len(),
        "payload_blake3": hash(&preview.payload),
        "etag": preview.etag,
        "standing_release": text(release_id(&preview.standing_release)),
        "changes": preview.changes,
        "late_people_waiting": preview.late_people_waiting,
        "automatic_day": text(&preview.automatic_day),
        "revisable_day": text(&preview.revisable_day),
        "hold": hold(preview.hold.as_ref()),
        "campaigns_awaiting_report_back": preview.campaigns_awaiting_report_back,
        "waits_for_report_back": preview.waits_for_report_back,
        "policy": {
            "version": preview.policy_version,
            "threshold": terms.threshold,
            "special_threshold": terms.special_threshold,
            "largest_percent": terms.largest_percent,
            "two_largest_percent": terms.two_largest_percent,
        },
    })
}

pub(super) fn release(release: &wire::Release) -> Value {
    let cell = |cell: &wire::ReleasedCell| {
        json!({
            "code": cell.indicator,
            "title": cell.title,
            "unit": cell.unit,
            "breakdown": figures::breakdown_json(&cell.dimension, &cell.category),
            "published": figures::published_json(cell.published.as_ref()),
        })
    };
    json!({
        "id": release_id(&release.name),
        "period": release.period,
        "title": release.period_title,
        "revision": release.revision,
        "state": match release.state() {
            State::Unspecified => None,
            State::Approved => Some("approved"),
            State::Held => Some("held"),
            State::Sent => Some("sent"),
            State::Acknowledged => Some("acknowledged"),
            State::SetAside => Some("set-aside"),
        },
        "approved": times::json(release.approve_time),
        "approved_by": text(&release.approved_by),
        "hold": hold(release.hold.as_ref()),
        "acknowledged": times::json(release.acknowledge_time),
        "set_aside_reason": text(&release.set_aside_reason),
        "cells": release.cells.iter().map(cell).collect::<Vec<_>>(),
        "payload": hexadecimal(&release.payload),
        "payload_bytes": release.payload.len(),
        "payload_blake3": hash(&release.payload),
        "etag": release.etag,
    })
}

/// A hold, or null.
pub(super) fn hold(hold: Option<&wire::ReleaseHold>) -> Value {
    hold.map_or(Value::Null, |hold| {
        json!({
            "period": hold.period,
            "title": hold.period_title,
            "held": times::json(hold.hold_time),
            "held_by": hold.held_by,
        })
    })
}

/// A text, or null where it is empty.
fn text(text: &str) -> Value {
    if text.is_empty() { Value::Null } else { Value::from(text) }
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_approved_and_what_is_held_is_said() {
        let held = wire::ReleaseHold { period: "2018/19".into(), held_by: "uid 1000".into(), ..Default::default() };
        let json = release(&wire::Release {
            name: "releases/2018-19.0".into(),
            state: State::Held.into(),
            approved_by: "policy".into(),
            hold: Some(held),
            ..Default::default()
        });
        assert_eq!(
            (&json["id"], &json["state"], &json["approved_by"], &json["hold"]["held_by"], &json["set_aside_reason"]),
            (&"2018-19.0".into(), &"held".into(), &"policy".into(), &"uid 1000".into(), &Value::Null)
        );
        assert_eq!(hold(None), Value::Null);
    }

    #[test]
    fn a_preview_says_the_rule_of_each_cell() {
        let cells = [0, 3].map(|rule| wire::PreviewCell { rule, ..Default::default() });
        let json = preview(&wire::PreviewReleaseResponse { cells: cells.into(), ..Default::default() });
        assert_eq!((&json["cells"][0]["rule"], &json["cells"][1]["rule"]), (&Value::Null, &3.into()));
        assert_eq!(
            (&json["hold"], &json["automatic_day"], &json["standing"]),
            (&Value::Null, &Value::Null, &Value::Null)
        );
    }
}
