//! Making a campaign forget, and who has.

use folkmoot_node::generated::hub::campaign_erasure_service_client::CampaignErasureServiceClient;
use folkmoot_proto::hub::v1 as wire;
use serde_json::{Value, json};
use tonic::transport::Channel;

use super::{resolve, told};
use crate::arguments::{EraseHistory, Format, ShowCampaign, UnsentEdits};
use crate::connection;
use crate::failure::Failure;
use crate::output::{print, print_json, table, text};
use crate::shell;
use crate::times;

type Client = CampaignErasureServiceClient<Channel>;

async fn open(campaign: ShowCampaign) -> Result<(Client, String), Failure> {
    let ShowCampaign { id, folder } = campaign;
    let channel = connection::hub(&folder.data).await?;
    let name = resolve(channel.clone(), id, &shell::path(&folder.data)).await?;
    Ok((Client::new(channel), name))
}

pub(super) async fn erase(arguments: EraseHistory, format: Format) -> Result<(), Failure> {
    let (mut client, name) = open(arguments.campaign).await?;
    let campaign = client.erase_history(wire::EraseHistoryRequest { name }).await?.into_inner();
    let id = super::id(&campaign).get(..super::SHOWN_DIGITS).unwrap_or_default();
    let done = format!(
        "The document begins anew, as it is now; its history and the entries behind it are gone here. Who else has dropped \
         them: folkmoot campaign show {id} --erasure."
    );
    told(&campaign, &done, format)
}

/// Says who has dropped what the latest erasure forgets.
pub(super) async fn show(campaign: ShowCampaign, format: Format) -> Result<(), Failure> {
    let (mut client, name) = open(campaign).await?;
    let members = client.get_erasure(wire::GetErasureRequest { name }).await?.into_inner().members;
    match format {
        Format::Json => print_json(&json!({ "members": members.iter().map(member_json).collect::<Vec<_>>() })),
        Format::Table if members.is_empty() => print("Nothing was erased of this campaign."),
        Format::Table => {
            let mut lines = table(&["Member", "Has dropped what is forgotten", "Since"]);
            for member in &members {
                let dropped = if member.dropped { "yes" } else { "not yet" };
                lines.add_row([&member.hub, dropped, &times::words(member.write_time.as_ref())]);
            }
            let missing = members.iter().filter(|member| !member.dropped).count();
            let rest = match missing {
                0 => "All have.",
                _ => "Who has not yet does so once it connects. Hubs that took part before keep what they had then.",
            };
            print(&format!("{}\n{rest}", text(lines, &[])))
        }
    }
}

fn member_json(member: &wire::MemberErasure) -> Value {
    json!({ "hub": member.hub, "dropped": member.dropped, "since": times::json(member.write_time.as_ref()) })
}

/// Prints what this hub had written into a document that was begun anew, or forgets it.
pub(super) async fn unsent(arguments: UnsentEdits, format: Format) -> Result<(), Failure> {
    let (mut client, name) = open(arguments.campaign).await?;
    if arguments.discard {
        client.discard_unsent_edits(wire::DiscardUnsentEditsRequest { name }).await?;
        return match format {
            Format::Json => print_json(&json!({ "edits": [] })),
            Format::Table => print("Forgotten."),
        };
    }
    let edits = client.list_unsent_edits(wire::ListUnsentEditsRequest { name }).await?.into_inner().edits;
    match format {
        Format::Json => {
            let edit = |edit: &wire::UnsentEdit| json!({ "what": edit.what, "said": edit.said });
            print_json(&json!({ "edits": edits.iter().map(edit).collect::<Vec<_>>() }))
        }
        Format::Table if edits.is_empty() => print("Nothing that was written here is left out of the campaign."),
        Format::Table => {
            let mut lines = table(&["What", "Written here, and not in the campaign"]);
            for edit in &edits {
                let taken_out = "(something was taken out or marked there; what it was is not kept)";
                let said = Some(edit.said.trim_end_matches('\n')).filter(|said| !said.is_empty());
                lines.add_row([&edit.what, said.unwrap_or(taken_out)]);
            }
            print(&format!(
                "{}\nThe lead began the document anew before this was sent. Enter again what still holds, then: --discard.",
                text(lines, &[])
            ))
        }
    }
}
