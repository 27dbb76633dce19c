//! Who takes part in a campaign: said by its lead, taken over, listed.

use folkmoot_node::generated::academy::appointment_service_client::AppointmentServiceClient;
use folkmoot_node::generated::hub::campaign_membership_service_client::CampaignMembershipServiceClient;
use folkmoot_proto::academy::v1::AppointLeadRequest;
use folkmoot_proto::hub::v1 as wire;
use folkmoot_proto::node::v1::Status;
use serde_json::{Value, json};
use tonic::transport::Channel;

use super::{SHOWN_DIGITS, resolve, told};
use crate::arguments::{AppointLead, CampaignLead, CampaignMember, Format, SetPruning, SetRelay, ShowCampaign, Switch};
use crate::connection;
use crate::failure::Failure;
use crate::output::{print, print_json, table, text};
use crate::shell;
use crate::times;

const PAGE: i32 = 1000;

type Client = CampaignMembershipServiceClient<Channel>;

/// A client with the campaign's resource name.
async fn open(campaign: ShowCampaign) -> Result<(Client, String), Failure> {
    let ShowCampaign { id, folder } = campaign;
    let channel = connection::hub(&folder.data).await?;
    let name = resolve(channel.clone(), id, &shell::path(&folder.data)).await?;
    Ok((Client::new(channel), name))
}

pub(super) async fn member(command: CampaignMember, format: Format) -> Result<(), Failure> {
    match command {
        CampaignMember::Add(arguments) => {
            let (mut client, name) = open(arguments.member.campaign).await?;
            let role = if arguments.reader { wire::CampaignRole::Reader } else { wire::CampaignRole::Editor };
            let hub = arguments.member.hub;
            let request = wire::AdmitMemberRequest { name, hub: hub.clone(), role: role.into() };
            let campaign = answer(client.admit_member(request).await, &hub)?;
            let does = if arguments.reader { "reads" } else { "edits" };
            told(&campaign, &format!("{hub} takes part and {does}. It gets all of the campaign."), format)
        }
        CampaignMember::Remove(arguments) => {
            let (mut client, name) = open(arguments.campaign).await?;
            let hub = arguments.hub;
            let request = wire::RemoveMemberRequest { name, hub: hub.clone() };
            let campaign = answer(client.remove_member(request).await, &hub)?;
            told(
                &campaign,
                &format!("{hub} takes part no longer. It keeps what it has, and gets nothing more."),
                format,
            )
        }
        CampaignMember::List(campaign) => list(campaign, format).await,
    }
}

pub(super) async fn lead(command: CampaignLead, format: Format) -> Result<(), Failure> {
    match command {
        CampaignLead::Offer(arguments) => {
            let (mut client, name) = open(arguments.campaign).await?;
            let hub = arguments.hub;
            let campaign = answer(client.offer_lead(wire::OfferLeadRequest { name, hub: hub.clone() }).await, &hub)?;
            let id = shown(&campaign);
            let then = format!("{hub} leads once it accepts, there: folkmoot campaign lead accept {id}.");
            told(&campaign, &then, format)
        }
        CampaignLead::Withdraw(campaign) => {
            let (mut client, name) = open(campaign).await?;
            let campaign = client.offer_lead(wire::OfferLeadRequest { name, hub: String::new() }).await?.into_inner();
            told(&campaign, "Nobody is asked to take the lead over.", format)
        }
        CampaignLead::Accept(campaign) => {
            let (mut client, name) = open(campaign).await?;
            let campaign = client.accept_lead(wire::AcceptLeadRequest { name }).await?.into_inner();
            told(&campaign, "This hub leads the campaign.", format)
        }
    }
}

pub(super) async fn relay(arguments: SetRelay, format: Format) -> Result<(), Failure> {
    let SetRelay { campaign, relay } = arguments;
    let (mut client, name) = open(campaign).await?;
    let academy_relays = relay == Switch::On;
    let campaign = client.set_relay(wire::SetRelayRequest { name, academy_relays }).await?.into_inner();
    let done = match relay {
        Switch::On => "The Academy passes the campaign on. It is not encrypted there, and can be read on its disk.",
        Switch::Off => "The Academy gets nothing more of the campaign. What it has it keeps.",
    };
    told(&campaign, done, format)
}

pub(super) async fn prune(arguments: SetPruning, format: Format) -> Result<(), Failure> {
    let SetPruning { campaign, prune } = arguments;
    let (mut client, name) = open(campaign).await?;
    let prunes = prune == Switch::On;
    let campaign = client.set_pruning(wire::SetPruningRequest { name, prunes }).await?.into_inner();
    let done = match prune {
        Switch::On => "Members drop the entries that a checkpoint covers. The document keeps its history.",
        Switch::Off => "Members keep the entries from here on.",
    };
    told(&campaign, done, format)
}

/// The Academy appoints a lead.
pub(crate) async fn appoint(arguments: AppointLead, format: Format) -> Result<(), Failure> {
    let channel = connection::academy(&arguments.folder.data).await?;
    let request = AppointLeadRequest { campaign: format!("campaigns/{}", arguments.id), hub: arguments.hub.clone() };
    let answer = AppointmentServiceClient::new(channel).appoint_lead(request).await;
    const TYPED: [(&str, &str); 2] = [("campaign", "ID"), ("hub", "HUB")];
    let checked = answer.map_err(|status| Failure::from(status).calling(&TYPED))?.into_inner().checked;
    let known = if checked { "" } else { " It counts if that hub takes part, which cannot be seen from here." };
    match format {
        Format::Json => print_json(&json!({ "campaign": arguments.id, "hub": arguments.hub, "checked": checked })),
        Format::Table => print(&format!(
            "{} may lead the campaign once it has exchanged with the Academy, and does once it accepts, there: folkmoot \
             campaign lead accept ID.{known}",
            arguments.hub
        )),
    }
}

fn answer(
    answer: Result<tonic::Response<wire::Campaign>, tonic::Status>,
    hub: &str,
) -> Result<wire::Campaign, Failure> {
    let typed = shell::word(hub);
    Ok(answer.map_err(|status| Failure::from(status).calling(&[("hub", typed.as_str())]))?.into_inner())
}

fn shown(campaign: &wire::Campaign) -> &str {
    super::id(campaign).get(..SHOWN_DIGITS).unwrap_or_default()
}

async fn list(campaign: ShowCampaign, format: Format) -> Result<(), Failure> {
    let (mut client, parent) = open(campaign).await?;
    let (mut all, mut page_token) = (Vec::new(), String::new());
    loop {
        let request = wire::ListMembershipsRequest { parent: parent.clone(), page_size: PAGE, page_token };
        let page = client.list_memberships(request).await?.into_inner();
        all.extend(page.memberships);
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    match format {
        Format::Json => print_json(&json!({ "memberships": all.iter().map(membership_json).collect::<Vec<_>>() })),
        Format::Table => {
            let mut lines = table(&["Since", "Members", "Asked to lead", "Passed on by"]);
            for membership in &all {
                let relays = if membership.academy_relays { "members, Academy" } else { "members" };
                let since = times::words(membership.write_time.as_ref());
                lines.add_row([since, named(&membership.members), membership.successor.clone(), relays.to_owned()]);
            }
            print(&text(lines, &[]))
        }
    }
}

fn membership_json(membership: &wire::Membership) -> Value {
    json!({
        "since": times::json(membership.write_time.as_ref()),
        "members": membership.members.iter().map(member_json).collect::<Vec<_>>(),
        "successor": super::entries::day(&membership.successor),
        "academy_relays": membership.academy_relays,
    })
}

pub(super) fn member_json(member: &wire::CampaignMember) -> Value {
    json!({ "hub": member.hub, "node": member.node, "lead": member.lead, "role": role_word(member.role()) })
}

/// A role as people and programs read it; nothing where it is not known.
pub(super) fn role_word(role: wire::CampaignRole) -> Option<&'static str> {
    match role {
        wire::CampaignRole::Lead => Some("lead"),
        wire::CampaignRole::Editor => Some("editor"),
        wire::CampaignRole::Reader => Some("reader"),
        wire::CampaignRole::Unspecified => None,
    }
}

/// The members by name, the lead first; whoever does not just edit is marked.
pub(super) fn named(members: &[wire::CampaignMember]) -> String {
    let name = |member: &wire::CampaignMember| {
        let hub = if member.hub.is_empty() { &member.node } else { &member.hub };
        match member.role() {
            wire::CampaignRole::Lead => format!("{hub} (lead)"),
            wire::CampaignRole::Reader => format!("{hub} (reader)"),
            wire::CampaignRole::Editor | wire::CampaignRole::Unspecified => hub.clone(),
        }
    };
    members.iter().map(name).collect::<Vec<_>>().join(", ")
}

/// What people should know of how the membership stands, each with what to do. `data` is the node's folder, as a shell takes
/// it.
pub(super) fn standing(campaign: &wire::Campaign, data: &str) -> Vec<(&'static str, String)> {
    let mut facts = Vec::new();
    let id = shown(campaign);
    if campaign.role() == wire::CampaignRole::Reader {
        facts.push(("This hub", "reads the campaign; the lead can make it an editor".to_owned()));
    }
    if campaign.may_take_lead {
        facts.push(("Lead", format!("this hub may take it over: folkmoot campaign lead accept {id} --data {data}")));
    } else if !campaign.successor.is_empty() {
        facts.push(("Lead", format!("offered to {}, which has not accepted yet", campaign.successor)));
    }
    if campaign.membership_contested {
        let words = "two decisions of its lead contradict each other: nobody decides who takes part until the Academy has \
                     appointed a lead. Editing goes on";
        facts.push(("Membership", words.to_owned()));
    }
    if !campaign.present.is_empty() {
        let here = |present: &wire::HubPresence| format!("{} ({})", present.hub, present.people);
        facts.push(("Here now", campaign.present.iter().map(here).collect::<Vec<_>>().join(", ")));
    }
    if !campaign.left_out_by.is_empty() {
        let words = format!(
            "taken out of the campaign, says {}: what is written here reaches nobody there. Ask the lead",
            campaign.left_out_by.join(", ")
        );
        facts.push(("This hub", words));
    }
    facts
}

/// Says which members may never learn of a campaign that the Academy does not pass on: nobody can dial them, and they dial
/// those alone with whom they know of a campaign.
pub(super) fn unheard(campaign: &wire::Campaign, status: &Status) -> Option<String> {
    let strange = |member: &&wire::CampaignMember| {
        let peer = status.peers.iter().find(|peer| peer.node_id == member.node);
        peer.is_some_and(|peer| peer.address.is_empty() && !peer.connected && peer.last_success_time.is_none())
    };
    let names: Vec<_> = campaign.members.iter().filter(strange).map(|member| member.hub.as_str()).collect();
    (!campaign.academy_relays && !names.is_empty()).then(|| {
        format!(
            "Not reached by anybody: {}. No address to dial is known there, so that without the Academy they may never hear \
             of this campaign. Give each an address (folkmoot hub serve --address HOST:PORT, there), or share a campaign \
             with them first that the Academy passes on.",
            names.join(", ")
        )
    })
}

#[cfg(test)]
mod tests {
    use folkmoot_proto::node::v1::Peer;

    use super::*;

    #[test]
    fn members_that_may_never_hear_of_a_campaign_are_named() {
        let member = |hub: &str| wire::CampaignMember { hub: hub.into(), node: hub.into(), ..Default::default() };
        let strange = || Peer { node_id: "Luton".into(), ..Peer::default() };
        for (what, relays, peers, expected) in [
            ("nobody can dial it", false, vec![strange()], true),
            ("the Academy passes on", true, vec![strange()], false),
            ("it can be dialled", false, vec![Peer { address: "h:1".into(), ..strange() }], false),
            ("it is there", false, vec![Peer { connected: true, ..strange() }], false),
            ("it was there", false, vec![Peer { last_success_time: Some(Default::default()), ..strange() }], false),
            ("nothing is known of it", false, vec![], false),
        ] {
            let members = ["Warminster", "Luton"].map(member).to_vec();
            let campaign = wire::Campaign { academy_relays: relays, members, ..wire::Campaign::default() };
            let warning = unheard(&campaign, &Status { peers, ..Status::default() });
            assert_eq!(warning.is_some(), expected, "{what}");
            assert!(warning.is_none_or(|words| words.starts_with("Not reached by anybody: Luton. ")), "{what}");
        }
    }

    #[test]
    fn how_the_membership_stands_is_said_with_what_to_do() {
        let stands = |change: fn(&mut wire::Campaign)| {
            let mut campaign = wire::Campaign { name: format!("campaigns/{:0<64}", "3f2a9c"), ..Default::default() };
            change(&mut campaign);
            standing(&campaign, "'my hub'").into_iter().map(|(what, words)| format!("{what}: {words}")).collect()
        };
        let nothing: Vec<String> = stands(|campaign| campaign.role = wire::CampaignRole::Editor.into());
        assert_eq!(nothing, Vec::<String>::new());
        for (said, expected) in [
            (stands(|campaign| campaign.role = wire::CampaignRole::Reader.into()), "This hub: reads the campaign"),
            (
                stands(|campaign| campaign.may_take_lead = true),
                "Lead: this hub may take it over: folkmoot campaign lead accept 3f2a9c000000 --data 'my hub'",
            ),
            (stands(|campaign| campaign.successor = "Luton".into()), "Lead: offered to Luton, which has not accepted"),
            (stands(|campaign| campaign.membership_contested = true), "Membership: two decisions of its lead"),
            (
                stands(|campaign| campaign.left_out_by = vec!["Luton".into()]),
                "This hub: taken out of the campaign, says Luton: ",
            ),
        ] {
            assert_eq!(said.len(), 1);
            assert!(said[0].starts_with(expected), "{said:?}");
        }
    }
}
