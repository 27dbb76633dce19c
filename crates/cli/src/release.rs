//! Releases: what would leave, approving it, holding it back, and what ever left.

mod program;
mod words;

use folkmoot_node::generated::hub::release_service_client::ReleaseServiceClient;
use folkmoot_proto::hub::v1 as wire;
use folkmoot_proto::hub::v1::preview_release_response::Standing;
use serde_json::{Value, json};
use tonic::transport::Channel;

use crate::arguments::{Format, Release};
use crate::connection;
use crate::failure::Failure;
use crate::output::{print, print_json, tell};
use crate::shell;

const PAGE: i32 = 1000;

pub(crate) async fn run(arguments: Release, format: Format) -> Result<(), Failure> {
    let data = &arguments.folder.data;
    let all = arguments.all;
    let channel = connection::hub(data).await?;
    match (arguments.period, arguments.show) {
        (Some(period), _) if arguments.approve => approve(channel, period, format, all).await,
        (Some(period), _) if arguments.hold => hold(channel, period, format).await,
        (Some(period), _) if arguments.resume => resume(channel, period, format).await,
        (Some(period), _) => {
            let preview = preview(channel, &period).await?;
            match format {
                Format::Json => print_json(&program::preview(&preview)),
                Format::Table => print(&words::preview(&preview, &format!(" --data {}", shell::path(data)), all)),
            }
        }
        (None, Some(id)) => {
            let name = if id.starts_with("releases/") { id } else { format!("releases/{id}") };
            let release =
                ReleaseServiceClient::new(channel).get_release(wire::GetReleaseRequest { name }).await?.into_inner();
            match format {
                Format::Json => print_json(&program::release(&release)),
                Format::Table => print(&words::release(&release, all)),
            }
        }
        (None, None) => list(channel, format).await,
    }
}

async fn preview(channel: Channel, period: &str) -> Result<wire::PreviewReleaseResponse, Failure> {
    let request = wire::PreviewReleaseRequest { period: period.to_owned() };
    // Every cell, hidden ones too, and every ward: large for a preview, small for a message.
    Ok(ReleaseServiceClient::new(channel).preview_release(request).await?.into_inner())
}

async fn approve(channel: Channel, period: String, format: Format, all: bool) -> Result<(), Failure> {
    let preview = preview(channel.clone(), &period).await?;
    let stood = preview.standing() == Standing::Stands;
    if format == Format::Table && !stood {
        print(&format!("{}\n", words::preview(&preview, "", all)))?;
    }
    let request = wire::ApproveReleaseRequest { period, etag: preview.etag };
    let release = ReleaseServiceClient::new(channel).approve_release(request).await?.into_inner();
    match format {
        Format::Json => {
            if stood {
                tell("this release stood already");
            }
            print_json(&program::release(&release))
        }
        Format::Table => print(&words::approved(&release, stood)),
    }
}

async fn hold(channel: Channel, period: String, format: Format) -> Result<(), Failure> {
    let request = wire::HoldReleaseRequest { period };
    let hold = ReleaseServiceClient::new(channel).hold_release(request).await?.into_inner();
    match format {
        Format::Json => print_json(&program::hold(Some(&hold))),
        Format::Table => print(&format!(
            "{} What has left already stays; nothing more of it leaves until it is resumed or approved.",
            words::held(&hold)
        )),
    }
}

async fn resume(channel: Channel, period: String, format: Format) -> Result<(), Failure> {
    let request = wire::ResumeReleaseRequest { period };
    let resumed = ReleaseServiceClient::new(channel).resume_release(request).await?.into_inner();
    match format {
        Format::Json => print_json(&json!({ "period": resumed.period, "was_held": resumed.was_held })),
        Format::Table if resumed.was_held => print(&format!(
            "Resumed: {}. What is approved of it leaves at the next session with the Academy.",
            resumed.period_title
        )),
        Format::Table => print(&format!("{} was not held back.", resumed.period_title)),
    }
}

async fn list(channel: Channel, format: Format) -> Result<(), Failure> {
    let mut client = ReleaseServiceClient::new(channel);
    let mut releases = Vec::new();
    let mut page_token = String::new();
    let holds = loop {
        let page = client.list_releases(wire::ListReleasesRequest { page_size: PAGE, page_token }).await?.into_inner();
        releases.extend(page.releases);
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break page.holds;
        }
    };
    match format {
        Format::Json => print_json(&json!({
            "releases": releases.iter().map(program::release).collect::<Vec<Value>>(),
            "holds": holds.iter().map(|hold| program::hold(Some(hold))).collect::<Vec<Value>>(),
        })),
        Format::Table => print(&words::list(&releases, &holds)),
    }
}

fn release_id(name: &str) -> &str {
    name.strip_prefix("releases/").unwrap_or(name)
}

fn hash(payload: &[u8]) -> String {
    folkmoot_journal::Hash::of(payload).to_string()
}
