//! What the Academy's people ask of their node: programmes, hubs, invitations.

use folkmoot_domain::hub::{HubKind, Stage};
use folkmoot_node::generated::academy::hub_service_client::HubServiceClient;
use folkmoot_node::generated::academy::programme_service_client::ProgrammeServiceClient;
use folkmoot_proto::academy::v1 as wire;
use serde_json::{Value, json};
use tonic::transport::Channel;

use crate::arguments::{AcademyHub, AddProgramme, Data, Format, Invite, ListHubs, NamedHub, Programme, SetHub};
use crate::connection;
use crate::failure::Failure;
use crate::output::{print, print_json, table, text};
use crate::shell;
use crate::times;

const PAGE: i32 = 1000;

pub(crate) async fn programme(command: Programme, format: Format) -> Result<(), Failure> {
    match command {
        Programme::Add(arguments) => add_programme(arguments, format).await,
        Programme::List(Data { data }) => {
            let programmes = programmes(connection::academy(&data).await?).await?;
            match format {
                Format::Json => {
                    print_json(&json!({ "programmes": programmes.iter().map(programme_json).collect::<Vec<_>>() }))
                }
                Format::Table if programmes.is_empty() => print(&format!(
                    "No funding programme yet. Add one: folkmoot academy programme add CODE --from DATE --to DATE --data {}",
                    shell::path(&data)
                )),
                Format::Table => {
                    let mut table = table(&["Code", "Title", "First day", "Last day"]);
                    for programme in &programmes {
                        table.add_row([
                            programme_code(programme),
                            &programme.title,
                            &programme.first_day,
                            &programme.last_day,
                        ]);
                    }
                    print(&text(table, &[]))
                }
            }
        }
    }
}

async fn add_programme(arguments: AddProgramme, format: Format) -> Result<(), Failure> {
    let channel = connection::academy(&arguments.folder.data).await?;
    let request = wire::CreateProgrammeRequest {
        programme: Some(wire::Programme {
            title: arguments.title.unwrap_or_else(|| arguments.code.clone()),
            first_day: arguments.from,
            last_day: arguments.to,
            ..wire::Programme::default()
        }),
        programme_id: arguments.code,
        request_id: String::new(),
    };
    let programme = ProgrammeServiceClient::new(channel).create_programme(request).await?.into_inner();
    match format {
        Format::Json => print_json(&programme_json(&programme)),
        Format::Table => print(&format!(
            "Programme {} ({}) runs from {} to {}. It never changes. Its period is programme/{}.",
            programme_code(&programme),
            programme.title,
            programme.first_day,
            programme.last_day,
            programme_code(&programme),
        )),
    }
}

pub(crate) async fn programmes(channel: Channel) -> Result<Vec<wire::Programme>, Failure> {
    let mut client = ProgrammeServiceClient::new(channel);
    let mut all = Vec::new();
    let mut page_token = String::new();
    loop {
        let page =
            client.list_programmes(wire::ListProgrammesRequest { page_size: PAGE, page_token }).await?.into_inner();
        all.extend(page.programmes);
        page_token = page.next_page_token;
        if page_token.is_empty() {
            return Ok(all);
        }
    }
}

fn programme_code(programme: &wire::Programme) -> &str {
    programme.name.strip_prefix("programmes/").unwrap_or(&programme.name)
}

fn programme_json(programme: &wire::Programme) -> Value {
    json!({
        "code": programme_code(programme),
        "title": programme.title,
        "from": programme.first_day,
        "to": programme.last_day,
        "created": times::json(programme.create_time),
    })
}

pub(crate) async fn invite(arguments: Invite, format: Format) -> Result<(), Failure> {
    let channel = connection::academy(&arguments.folder.data).await?;
    let request = wire::InviteHubRequest {
        display_name: arguments.name,
        kind: wire_kind(arguments.kind).into(),
        region: arguments.region.unwrap_or_default(),
        stage: wire_stage(arguments.stage).into(),
        request_id: String::new(),
    };
    let answer = HubServiceClient::new(channel).invite_hub(request).await?.into_inner();
    match format {
        Format::Json => print_json(&json!({ "code": answer.code, "expires": times::json(answer.expire_time) })),
        // The code alone, so that a script can take it as it is.
        Format::Table => print(&answer.code),
    }
}

pub(crate) async fn hub(command: AcademyHub, format: Format) -> Result<(), Failure> {
    match command {
        AcademyHub::List(arguments) => list_hubs(arguments, format).await,
        AcademyHub::Set(arguments) => set_hub(arguments, format).await,
        AcademyHub::Revoke(arguments) => revoke_hub(arguments, format).await,
    }
}

async fn list_hubs(arguments: ListHubs, format: Format) -> Result<(), Failure> {
    let mut client = HubServiceClient::new(connection::academy(&arguments.folder.data).await?);
    let mut hubs = Vec::new();
    let mut page_token = String::new();
    loop {
        let page = client.list_hubs(wire::ListHubsRequest { page_size: PAGE, page_token }).await?.into_inner();
        hubs.extend(page.hubs);
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    if let Some(name) = &arguments.name {
        hubs.retain(|hub| hub.display_name == *name);
    }
    match format {
        Format::Json => print_json(&json!({ "hubs": hubs.iter().map(hub_json).collect::<Vec<_>>() })),
        Format::Table if hubs.is_empty() => print(&format!(
            "{}. Invite one: folkmoot academy invite --name NAME --data {}",
            if arguments.name.is_some() { "No hub has this name" } else { "No hub yet" },
            shell::path(&arguments.folder.data)
        )),
        Format::Table => {
            let mut table = table(&["Hub", "Kind", "Region", "Stage", "State", "Address", "Joined", "Last heard of"]);
            for hub in &hubs {
                table.add_row([
                    &hub.display_name,
                    kind_title(hub.kind()),
                    &hub.region,
                    stage_title(hub.stage()),
                    state_title(hub.state()),
                    &hub.address,
                    &joined(hub),
                    &times::words(hub.last_seen_time),
                ]);
            }
            print(&text(table, &[]))
        }
    }
}

async fn set_hub(arguments: SetHub, format: Format) -> Result<(), Failure> {
    let channel = connection::academy(&arguments.hub.folder.data).await?;
    let mut hub = wire::Hub { display_name: arguments.hub.name, ..wire::Hub::default() };
    let mut paths = Vec::new();
    if let Some(region) = arguments.region {
        hub.region = region;
        paths.push("region".to_owned());
    }
    if let Some(stage) = arguments.stage {
        hub.set_stage(wire_stage(stage));
        paths.push("stage".to_owned());
    }
    let mut request = wire::UpdateHubRequest { hub: Some(hub), ..wire::UpdateHubRequest::default() };
    request.update_mask.get_or_insert_default().paths = paths;
    let hub = HubServiceClient::new(channel).update_hub(request).await?.into_inner();
    match format {
        Format::Json => print_json(&hub_json(&hub)),
        Format::Table => {
            let region = if hub.region.is_empty() { "no region" } else { &hub.region };
            print(&format!("{}: {region}, {}.", hub.display_name, stage_title(hub.stage())))
        }
    }
}

async fn revoke_hub(arguments: NamedHub, format: Format) -> Result<(), Failure> {
    let channel = connection::academy(&arguments.folder.data).await?;
    let request = wire::RevokeHubRequest { name: String::new(), display_name: arguments.name };
    let hub = HubServiceClient::new(channel).revoke_hub(request).await?.into_inner();
    match format {
        Format::Json => print_json(&hub_json(&hub)),
        Format::Table if hub.name.is_empty() => {
            print(&format!("The code of {} is withdrawn: nobody can join with it any more.", hub.display_name))
        }
        Format::Table => print(&format!(
            "{} is cut off. What it had released stays and counts. To come back it needs a new folder and a new code.",
            hub.display_name
        )),
    }
}

/// When a hub joined; before, until when it may.
fn joined(hub: &wire::Hub) -> String {
    match hub.invite_expire_time {
        Some(until) => format!("code good until {}", times::words(Some(until))),
        None => times::words(hub.join_time),
    }
}

fn hub_json(hub: &wire::Hub) -> Value {
    json!({
        "name": hub.display_name,
        "id": hub.name.strip_prefix("hubs/").unwrap_or(&hub.name),
        "kind": match hub.kind() {
            wire::hub::Kind::SocialActionHub => Value::from(HubKind::SocialActionHub.code()),
            wire::hub::Kind::National => Value::from(HubKind::National.code()),
            wire::hub::Kind::Unspecified => Value::Null,
        },
        "region": hub.region,
        "stage": stage_of(hub.stage()).map(Stage::code),
        "state": match hub.state() {
            wire::hub::State::Invited => Value::from("invited"),
            wire::hub::State::Enrolled => Value::from("enrolled"),
            wire::hub::State::Suspended => Value::from("suspended"),
            wire::hub::State::Revoked => Value::from("revoked"),
            wire::hub::State::Unspecified => Value::Null,
        },
        "address": hub.address,
        "joined": times::json(hub.join_time),
        "last_seen": times::json(hub.last_seen_time),
        "invited_until": times::json(hub.invite_expire_time),
    })
}

fn wire_kind(kind: HubKind) -> wire::hub::Kind {
    match kind {
        HubKind::SocialActionHub => wire::hub::Kind::SocialActionHub,
        HubKind::National => wire::hub::Kind::National,
    }
}

fn kind_title(kind: wire::hub::Kind) -> &'static str {
    match kind {
        wire::hub::Kind::SocialActionHub => HubKind::SocialActionHub.title(),
        wire::hub::Kind::National => HubKind::National.title(),
        wire::hub::Kind::Unspecified => "",
    }
}

fn wire_stage(stage: Stage) -> wire::hub::Stage {
    match stage {
        Stage::Enquiring => wire::hub::Stage::Enquiring,
        Stage::Developing => wire::hub::Stage::Developing,
        Stage::Active => wire::hub::Stage::Active,
        Stage::Closed => wire::hub::Stage::Closed,
    }
}

fn stage_of(stage: wire::hub::Stage) -> Option<Stage> {
    match stage {
        wire::hub::Stage::Enquiring => Some(Stage::Enquiring),
        wire::hub::Stage::Developing => Some(Stage::Developing),
        wire::hub::Stage::Active => Some(Stage::Active),
        wire::hub::Stage::Closed => Some(Stage::Closed),
        wire::hub::Stage::Unspecified => None,
    }
}

fn stage_title(stage: wire::hub::Stage) -> &'static str {
    stage_of(stage).map_or("", Stage::title)
}

fn state_title(state: wire::hub::State) -> &'static str {
    match state {
        wire::hub::State::Invited => "Invited",
        wire::hub::State::Enrolled => "Joined",
        wire::hub::State::Suspended => "Suspended",
        wire::hub::State::Revoked => "Cut off",
        wire::hub::State::Unspecified => "",
    }
}
