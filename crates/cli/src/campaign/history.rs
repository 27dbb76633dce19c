//! Earlier versions of a campaign: its history, what differs, and which change an id means.

use folkmoot_node::generated::hub::campaign_service_client::CampaignServiceClient;
use folkmoot_proto::hub::v1 as wire;
use folkmoot_proto::hub::v1::campaign_difference::Kind;
use serde_json::{Value, json};
use tonic::transport::Channel;

use super::entries::short;
use super::membership::role_word;
use crate::arguments::Format;
use crate::failure::Failure;
use crate::output::{print, print_json, table, text};
use crate::times;

const PAGE: u32 = 200;
/// How many digits of a change people are shown.
const SHOWN_DIGITS: usize = 12;
/// How much of a text a line of history shows.
const SHOWN_CHARACTERS: usize = 60;

/// Prints the history, the latest first.
pub(super) async fn show(
    client: &mut CampaignServiceClient<Channel>,
    name: String,
    limit: u32,
    data: &str,
    format: Format,
) -> Result<(), Failure> {
    let changes = changes(client, name.clone(), limit, false).await?;
    match format {
        Format::Json => print_json(&json!({ "changes": changes.iter().map(change_json).collect::<Vec<_>>() })),
        Format::Table => {
            let mut lines = table(&["When", "Hub", "What", "Change"]);
            for change in &changes {
                let what: Vec<String> = change.differences.iter().map(sentence).collect();
                let role = role_word(change.role()).map(|role| format!(" ({role})")).unwrap_or_default();
                lines.add_row([
                    times::words(change.write_time.as_ref()),
                    format!("{}{role}", change.hub),
                    if what.is_empty() { "nothing that shows".to_owned() } else { what.join("\n") },
                    id(&change.name).get(..SHOWN_DIGITS).unwrap_or_default().to_owned(),
                ]);
            }
            let campaign = name.strip_prefix("campaigns/").and_then(|id| id.get(..SHOWN_DIGITS)).unwrap_or_default();
            print(&format!(
                "{}\nAs it was: folkmoot campaign show {campaign} --version CHANGE --data {data}",
                text(lines, &[])
            ))
        }
    }
}

/// Prints what differs between two versions, or one and the campaign as it is.
pub(super) async fn compare(
    client: &mut CampaignServiceClient<Channel>,
    name: String,
    before: &str,
    after: Option<&str>,
    data: &str,
    format: Format,
) -> Result<(), Failure> {
    let before = find(client, name.clone(), before, data).await?;
    let after = match after {
        None => String::new(),
        Some(after) => find(client, name, after, data).await?,
    };
    let request = wire::CompareVersionsRequest { before, after };
    let found = client.compare_versions(request).await?.into_inner().differences;
    match format {
        Format::Json => print_json(&json!({ "differences": found.iter().map(difference_json).collect::<Vec<_>>() })),
        Format::Table if found.is_empty() => print("Nothing differs."),
        Format::Table => print(&found.iter().map(sentence).collect::<Vec<_>>().join("\n")),
    }
}

/// The resource name of the one change whose id begins so.
pub(super) async fn find(
    client: &mut CampaignServiceClient<Channel>,
    campaign: String,
    digits: &str,
    data: &str,
) -> Result<String, Failure> {
    let digits = digits.trim().to_ascii_lowercase();
    let all = changes(client, campaign.clone(), u32::MAX, true).await?;
    let found: Vec<&str> =
        all.iter().map(|change| change.name.as_str()).filter(|name| id(name).starts_with(&digits)).collect();
    match found.as_slice() {
        [one] => Ok((*one).to_owned()),
        [] => {
            let id = campaign.strip_prefix("campaigns/").unwrap_or_default();
            Err(Failure::Told(format!(
                "no change of the campaign has an id that begins with {digits}: folkmoot campaign history {id} --data {data} \
                 shows them"
            )))
        }
        several => Err(Failure::Told(format!(
            "{} changes have an id that begins with {digits}; write more of its digits",
            several.len()
        ))),
    }
}

async fn changes(
    client: &mut CampaignServiceClient<Channel>,
    parent: String,
    limit: u32,
    without_differences: bool,
) -> Result<Vec<wire::CampaignChange>, Failure> {
    let mut all = Vec::new();
    let mut page_token = String::new();
    loop {
        let wanted = limit.saturating_sub(u32::try_from(all.len()).unwrap_or(u32::MAX)).min(PAGE);
        let page_size = i32::try_from(wanted).unwrap_or(i32::MAX);
        let request = wire::ListChangesRequest { parent: parent.clone(), page_size, page_token, without_differences };
        let page = client.list_changes(request).await?.into_inner();
        all.extend(page.changes);
        page_token = page.next_page_token;
        if page_token.is_empty() || all.len() >= limit as usize {
            return Ok(all);
        }
    }
}

/// A change's id: the end of its resource name.
fn id(name: &str) -> &str {
    name.rsplit('/').next().unwrap_or_default()
}

/// What differs, in a line.
fn sentence(difference: &wire::CampaignDifference) -> String {
    let wire::CampaignDifference { entry, title, field, before, after, month, hub, .. } = difference;
    let (before, after) = (cut(before), cut(after));
    let whose = match entry.as_str() {
        "" => String::new(),
        entry => format!("{} ({}): ", cut(title), short(entry)),
    };
    match (difference.kind(), field.as_str()) {
        (Kind::Added, _) => format!("added: {} ({})", cut(title), short(entry)),
        (Kind::Removed, _) => format!("removed: {} ({})", cut(title), short(entry)),
        (_, "reach") => format!("people that {hub} reached in {month}: {before}, now {after}"),
        (_, "notes_marks" | "story_marks") => format!("marks of the {}", field.trim_end_matches("_marks")),
        (_, "notes" | "story") if before.is_empty() => format!("{field}: added \"{after}\""),
        (_, "notes" | "story") if after.is_empty() => format!("{field}: took away \"{before}\""),
        (_, field) if before.is_empty() => format!("{whose}{field} is \"{after}\""),
        (_, field) if after.is_empty() => format!("{whose}{field} was \"{before}\", is empty"),
        (_, field) => format!("{whose}{field} was \"{before}\", is \"{after}\""),
    }
}

/// A text on one line, and no longer than a line shows.
fn cut(text: &str) -> String {
    let line = text.trim_end_matches('\n').replace('\n', " / ");
    match line.chars().count() {
        length if length > SHOWN_CHARACTERS => format!("{}…", line.chars().take(SHOWN_CHARACTERS).collect::<String>()),
        _ => line,
    }
}

fn change_json(change: &wire::CampaignChange) -> Value {
    json!({
        "change": id(&change.name),
        "hub": change.hub,
        "lead": change.lead,
        "role": role_word(change.role()),
        "written": times::json(change.write_time.as_ref()),
        "differences": change.differences.iter().map(difference_json).collect::<Vec<_>>(),
    })
}

fn difference_json(difference: &wire::CampaignDifference) -> Value {
    let text = |text: &str| if text.is_empty() { Value::Null } else { text.into() };
    json!({
        "kind": difference.kind().as_str_name().trim_start_matches("KIND_").to_lowercase(),
        "entry": text(super::entries::entry_id(&difference.entry)),
        "title": text(&difference.title),
        "field": text(&difference.field),
        "before": difference.before,
        "after": difference.after,
        "at": difference.at,
        "month": text(&difference.month),
        "hub": text(&difference.hub),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_is_said_in_a_line() {
        let changed = |field: &str, before: &str, after: &str| wire::CampaignDifference {
            kind: Kind::Changed.into(),
            field: field.into(),
            before: before.into(),
            after: after.into(),
            ..wire::CampaignDifference::default()
        };
        let of = |kind: Kind, difference| wire::CampaignDifference {
            kind: kind.into(),
            entry: format!("campaigns/1/tasks/12-{}", "9f3c04aa".repeat(10)),
            title: "Leaflets".into(),
            ..difference
        };
        for (difference, expected) in [
            (changed("aim", "", "Warm homes"), "aim is \"Warm homes\""),
            (changed("aim", "Warm homes", ""), "aim was \"Warm homes\", is empty"),
            (changed("notes", "", "One\nTwo\n"), "notes: added \"One / Two\""),
            (changed("story", "One", ""), "story: took away \"One\""),
            (changed("notes", "Tea", "Cake"), "notes was \"Tea\", is \"Cake\""),
            (changed("story_marks", "", ""), "marks of the story"),
            (
                wire::CampaignDifference {
                    month: "2018-10".into(),
                    hub: "Luton".into(),
                    ..changed("reach", "0", "40")
                },
                "people that Luton reached in 2018-10: 0, now 40",
            ),
            (of(Kind::Added, changed("", "", "")), "added: Leaflets (12-9f3c04aa)"),
            (of(Kind::Removed, changed("", "", "")), "removed: Leaflets (12-9f3c04aa)"),
            (
                of(Kind::Changed, changed("state", "open", "done")),
                "Leaflets (12-9f3c04aa): state was \"open\", is \"done\"",
            ),
        ] {
            assert_eq!(sentence(&difference), expected);
        }
        assert_eq!(cut(&"é".repeat(61)), format!("{}…", "é".repeat(60)));
    }
}
