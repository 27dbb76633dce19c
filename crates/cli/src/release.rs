//! Releases: what would leave, approving it, and what ever left. And the hub's own true figures.

use folkmoot_node::generated::hub::indicator_service_client::IndicatorServiceClient;
use folkmoot_node::generated::hub::release_service_client::ReleaseServiceClient;
use folkmoot_proto::hub::v1 as wire;
use folkmoot_proto::hub::v1::release::State;
use serde_json::{Value, json};
use tonic::transport::Channel;

use crate::arguments::{ForPeriod, Format, Release};
use crate::connection;
use crate::failure::Failure;
use crate::figures;
use crate::output::{print, print_json, table, tell, text};
use crate::shell;
use crate::times;

const PAGE: i32 = 1000;

pub(crate) async fn indicators(arguments: ForPeriod, format: Format) -> Result<(), Failure> {
    let mut client = IndicatorServiceClient::new(connection::hub(&arguments.folder.data).await?);
    let mut indicators = Vec::new();
    let mut page_token = String::new();
    let period_title = loop {
        let request = wire::ListIndicatorsRequest { period: arguments.period.clone(), page_size: PAGE, page_token };
        let page = client.list_indicators(request).await?.into_inner();
        indicators.extend(page.indicators);
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break page.period_title;
        }
    };
    match format {
        Format::Json => {
            let headlines = indicators.iter().filter(|indicator| indicator.dimension.is_empty());
            print_json(&json!({
                "period": arguments.period,
                "indicators": headlines.map(|it| json!({ "code": it.code, "value": it.value })).collect::<Vec<_>>(),
            }))
        }
        Format::Table => {
            let mut lines = table(&["", "True figure", "What it counts"]);
            for indicator in &indicators {
                lines.add_row([
                    figures::line_title(&indicator.title, &indicator.category_title),
                    figures::amount(&indicator.unit, indicator.value),
                    if indicator.dimension.is_empty() { indicator.definition.clone() } else { String::new() },
                ]);
            }
            print(&format!("{period_title}: true figures, for this hub's own eyes\n\n{}", text(lines, &[1])))
        }
    }
}

pub(crate) async fn run(arguments: Release, format: Format) -> Result<(), Failure> {
    let data = &arguments.folder.data;
    let channel = connection::hub(data).await?;
    match (arguments.period, arguments.show) {
        (Some(period), _) if arguments.approve => approve(channel, period, format).await,
        (Some(period), _) => {
            let preview = preview(channel, &period).await?;
            match format {
                Format::Json => print_json(&preview_json(&preview)),
                Format::Table => print(&preview_text(&preview, &format!(" --data {}", shell::path(data)))),
            }
        }
        (None, Some(id)) => {
            let name = if id.starts_with("releases/") { id } else { format!("releases/{id}") };
            let release =
                ReleaseServiceClient::new(channel).get_release(wire::GetReleaseRequest { name }).await?.into_inner();
            match format {
                Format::Json => print_json(&release_json(&release)),
                Format::Table => print(&release_text(&release)),
            }
        }
        (None, None) => list(channel, format).await,
    }
}

async fn preview(channel: Channel, period: &str) -> Result<wire::PreviewReleaseResponse, Failure> {
    let request = wire::PreviewReleaseRequest { period: period.to_owned() };
    Ok(ReleaseServiceClient::new(channel).preview_release(request).await?.into_inner())
}

async fn approve(channel: Channel, period: String, format: Format) -> Result<(), Failure> {
    let preview = preview(channel.clone(), &period).await?;
    if !preview.changes.is_empty() {
        return Err(Failure::Told(format!(
            "the release {} of {} stands, and the figures have changed since; a release is never taken back\n  {}",
            release_id(&preview.standing_release),
            preview.period_title,
            preview.changes.join("\n  ")
        )));
    }
    let stood = !preview.standing_release.is_empty();
    if format == Format::Table && !stood {
        print(&format!("{}\n", preview_text(&preview, "")))?;
    }
    let request = wire::ApproveReleaseRequest { period, etag: preview.etag };
    let release = ReleaseServiceClient::new(channel).approve_release(request).await?.into_inner();
    match format {
        Format::Json => {
            if stood {
                tell("this release stood already; nothing was changed");
            }
            print_json(&release_json(&release))
        }
        Format::Table => {
            let id = release_id(&release.name);
            let period = &release.period_title;
            let bytes = figures::count(release.payload.len() as u64);
            let whither = match release.state() {
                State::Approved | State::Unspecified => "It leaves at the next session with the Academy".to_owned(),
                state @ (State::Sent | State::Acknowledged | State::SetAside) => state_title(state).to_owned(),
            };
            match stood {
                false => print(&format!("Approved: {id}, {period}. Its {bytes} bytes are stored. {whither}.")),
                true => print(&format!("{id}, {period}, stands already with these very {bytes} bytes. {whither}.")),
            }
        }
    }
}

async fn list(channel: Channel, format: Format) -> Result<(), Failure> {
    let mut client = ReleaseServiceClient::new(channel);
    let mut releases = Vec::new();
    let mut page_token = String::new();
    loop {
        let page = client.list_releases(wire::ListReleasesRequest { page_size: PAGE, page_token }).await?.into_inner();
        releases.extend(page.releases);
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    match format {
        Format::Json => print_json(&json!({ "releases": releases.iter().map(release_json).collect::<Vec<_>>() })),
        Format::Table if releases.is_empty() => print("Nothing was ever released here."),
        Format::Table => {
            let mut lines = table(&["Id", "Period", "State", "Approved", "Signed for", "Bytes", "BLAKE3"]);
            for release in &releases {
                lines.add_row([
                    release_id(&release.name).to_owned(),
                    release.period_title.clone(),
                    state_title(release.state()).to_owned(),
                    times::words(release.approve_time),
                    times::words(release.acknowledge_time),
                    figures::count(release.payload.len() as u64),
                    hash(&release.payload)[..16].to_owned(),
                ]);
            }
            print(&text(lines, &[5]))
        }
    }
}

/// The preview as people read it; `flags` go with the command that approves.
fn preview_text(preview: &wire::PreviewReleaseResponse, flags: &str) -> String {
    let mut lines = table(&["", "True figure", "What leaves", "Why"]);
    for cell in &preview.cells {
        lines.add_row([
            figures::line_title(&cell.title, &cell.category_title),
            figures::amount(&cell.unit, cell.true_value),
            figures::published(&cell.unit, cell.published.as_ref()),
            cell.reason.clone(),
        ]);
    }
    let mut out = format!(
        "{}\n\n{}\nWhat would leave: {}.\n",
        preview.period_title,
        text(lines, &[1]),
        payload_words(&preview.payload)
    );
    match (preview.standing_release.as_str(), preview.changes.as_slice()) {
        ("", _) => {
            if !flags.is_empty() {
                out.push_str(&format!(
                    "Nothing has left. To approve it: folkmoot hub release{flags} --period {} --approve\n",
                    preview.period
                ));
            }
        }
        (standing, []) => {
            out.push_str(&format!("The release {} of this period stands, with these figures.\n", release_id(standing)))
        }
        (standing, changes) => {
            out.push_str(&format!(
                "The release {} of this period stands and is never taken back. The figures have changed since:\n",
                release_id(standing)
            ));
            for change in changes {
                out.push_str(&format!("  {change}\n"));
            }
        }
    }
    out
}

fn preview_json(preview: &wire::PreviewReleaseResponse) -> Value {
    let cell = |cell: &wire::PreviewCell| {
        json!({
            "code": cell.indicator,
            "title": cell.title,
            "unit": cell.unit,
            "breakdown": figures::breakdown_json(&cell.dimension, &cell.category),
            "true_value": cell.true_value,
            "published": figures::published_json(cell.published.as_ref()),
            "reason": cell.reason,
        })
    };
    json!({
        "period": preview.period,
        "title": preview.period_title,
        "cells": preview.cells.iter().map(cell).collect::<Vec<_>>(),
        "payload": hexadecimal(&preview.payload),
        "payload_bytes": preview.payload.len(),
        "payload_blake3": hash(&preview.payload),
        "etag": preview.etag,
        "standing_release": match preview.standing_release.as_str() {
            "" => Value::Null,
            name => Value::from(release_id(name)),
        },
        "changes": preview.changes,
    })
}

/// A release as people read it: every cell as it left.
fn release_text(release: &wire::Release) -> String {
    let mut facts = table(&["Release", release_id(&release.name)]);
    facts.add_row(["Period", &release.period_title]);
    facts.add_row(["State", state_title(release.state())]);
    facts.add_row(["Approved", &times::words(release.approve_time)]);
    if release.acknowledge_time.is_some() {
        facts.add_row(["Signed for by the Academy", &times::words(release.acknowledge_time)]);
    }
    if !release.set_aside_reason.is_empty() {
        facts.add_row(["Set aside because", &release.set_aside_reason]);
    }
    facts.add_row(["Bytes", &payload_words(&release.payload)]);
    let mut lines = table(&["", "What left"]);
    for cell in &release.cells {
        lines.add_row([
            figures::line_title(&cell.title, &cell.category_title),
            figures::published(&cell.unit, cell.published.as_ref()),
        ]);
    }
    format!("{}\n{}", text(facts, &[]), text(lines, &[]))
}

fn release_json(release: &wire::Release) -> Value {
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
        "state": state_code(release.state()),
        "approved": times::json(release.approve_time),
        "acknowledged": times::json(release.acknowledge_time),
        "set_aside_reason": match release.set_aside_reason.as_str() {
            "" => Value::Null,
            reason => Value::from(reason),
        },
        "cells": release.cells.iter().map(cell).collect::<Vec<_>>(),
        "payload": hexadecimal(&release.payload),
        "payload_bytes": release.payload.len(),
        "payload_blake3": hash(&release.payload),
        "etag": release.etag,
    })
}

fn release_id(name: &str) -> &str {
    name.strip_prefix("releases/").unwrap_or(name)
}

fn state_title(state: State) -> &'static str {
    match state {
        State::Unspecified => "",
        State::Approved => "Approved, waits for the Academy",
        State::Sent => "Sent",
        State::Acknowledged => "Held by the Academy",
        State::SetAside => "Set aside by the Academy",
    }
}

fn state_code(state: State) -> Option<&'static str> {
    match state {
        State::Unspecified => None,
        State::Approved => Some("approved"),
        State::Sent => Some("sent"),
        State::Acknowledged => Some("acknowledged"),
        State::SetAside => Some("set-aside"),
    }
}

fn payload_words(payload: &[u8]) -> String {
    format!("{} bytes, BLAKE3 {}", figures::count(payload.len() as u64), hash(payload))
}

fn hash(payload: &[u8]) -> String {
    folkmoot_journal::Hash::of(payload).to_string()
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use folkmoot_proto::hub::v1::published_figure::Figure;

    use super::*;

    fn cell(title: &str, category: &str, true_value: u64, figure: Figure, reason: &str) -> wire::PreviewCell {
        wire::PreviewCell {
            title: title.into(),
            category_title: category.into(),
            true_value,
            published: Some(wire::PublishedFigure { figure: Some(figure) }),
            reason: reason.into(),
            unit: "people".into(),
            ..wire::PreviewCell::default()
        }
    }

    #[test]
    fn a_preview_shows_what_leaves_and_why() {
        let preview = wire::PreviewReleaseResponse {
            period: "2018/19".into(),
            period_title: "Financial year 2018/19".into(),
            cells: vec![
                cell("People trained", "", 1_042, Figure::Exact(1_042), "8 people or more"),
                cell("People trained", "Woman", 538, Figure::Rounded(540), "rounded to 5"),
                cell("People trained", "Man", 3, Figure::Below(8), "fewer than 8 people"),
            ],
            payload: b"payload".to_vec(),
            ..wire::PreviewReleaseResponse::default()
        };
        let text = preview_text(&preview, " --data 'my hub'");
        let expected = "Financial year 2018/19\n\n\
             \x20               True figure  What leaves              Why\n\
             ----------------------------------------------------------------------\n\
             People trained        1,042  1,042                    8 people or more\n\
             \x20 Woman                 538  about 540 (rounded to 5)  rounded to 5\n\
             \x20 Man                     3  fewer than 8             fewer than 8 people\n";
        let squeeze = |text: &str| text.replace('-', "").split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(squeeze(&text).starts_with(&squeeze(expected)), "{text}");
        assert!(text.contains("\n  Woman "), "a category stands indented\n{text}");
        assert!(text.contains("folkmoot hub release --data 'my hub' --period 2018/19 --approve"), "{text}");
        assert!(text.contains("7 bytes, BLAKE3 "), "{text}");
    }
}
