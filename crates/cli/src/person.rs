//! Everything that the hub holds on one person.

use folkmoot_node::generated::hub::record_service_client::RecordServiceClient;
use folkmoot_proto::hub::v1 as wire;
use serde_json::{Map, Value, json};

use crate::arguments::{Format, ShowPerson};
use crate::connection;
use crate::failure::Failure;
use crate::output::{print, print_json, table, text};
use crate::times;

/// A person may have taken part for years; the answer is one message.
const LARGEST_ANSWER: usize = 256 * 1024 * 1024;

pub(crate) async fn show(arguments: ShowPerson, format: Format) -> Result<(), Failure> {
    let channel = connection::hub(&arguments.folder.data).await?;
    let request = wire::ShowPersonRequest { name: format!("people/{}", arguments.reference) };
    let mut client = RecordServiceClient::new(channel).max_decoding_message_size(LARGEST_ANSWER);
    let answer = client.show_person(request).await?.into_inner();
    match format {
        Format::Json => print_json(&person_json(&arguments.reference, &answer.records)),
        Format::Table => print(&person_text(&answer.records)),
    }
}

fn person_json(reference: &str, records: &[wire::HeldRecord]) -> Value {
    let record = |record: &wire::HeldRecord| {
        let fields: Map<String, Value> =
            record.fields.iter().map(|field| (field.field.clone(), Value::from(field.value.as_str()))).collect();
        json!({
            "kind": record.kind,
            "role": record.role,
            "ref": match record.reference.as_str() {
                "" => Value::Null,
                reference => Value::from(reference),
            },
            "fields": fields,
            "created": times::json(record.create_time),
            "created_by": record.created_by,
            "updated": times::json(record.update_time),
            "updated_by": record.updated_by,
        })
    };
    json!({ "ref": reference, "records": records.iter().map(record).collect::<Vec<_>>() })
}

/// One section a record.
fn person_text(records: &[wire::HeldRecord]) -> String {
    let section = |record: &wire::HeldRecord| {
        let title = [record.kind.as_str(), &record.reference].join(" ");
        let role = if record.role.is_empty() { String::new() } else { format!("as {}", record.role) };
        let mut lines = table(&[title.trim(), &role]);
        for field in &record.fields {
            lines.add_row([&field.field, &field.value]);
        }
        lines.add_row(["written", &format!("{} by {}", times::words(record.create_time), record.created_by)]);
        if record.update_time != record.create_time {
            lines.add_row(["changed", &format!("{} by {}", times::words(record.update_time), record.updated_by)]);
        }
        text(lines, &[])
    };
    let count = match records.len() {
        1 => "1 record".to_owned(),
        records => format!("{records} records"),
    };
    format!("{}\n{count}. Private to this hub.\n", records.iter().map(section).collect::<Vec<_>>().join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held() -> wire::HeldRecord {
        let field = |field: &str, value: &str| wire::HeldField { field: field.into(), value: value.into() };
        wire::HeldRecord {
            kind: "Listening".into(),
            role: "heard".into(),
            reference: "L-1".into(),
            fields: vec![field("mode", "door"), field("note", "two\nlines")],
            ..wire::HeldRecord::default()
        }
    }

    #[test]
    fn each_record_has_a_section() {
        let text = person_text(&[held()]);
        for expected in ["Listening L-1", "as heard", "mode", "door", "two", "1 record."] {
            assert!(text.contains(expected), "{expected} in\n{text}");
        }
    }

    #[test]
    fn programs_get_the_words_of_the_import() {
        let value = person_json("P-1", &[held()]);
        assert_eq!(value["records"][0]["fields"], json!({ "mode": "door", "note": "two\nlines" }));
        assert_eq!(value["records"][0]["ref"], "L-1");
    }
}
