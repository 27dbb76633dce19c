//! What the operator's clients are answered about who takes part in a campaign.

use folkmoot_proto::academy::v1::AppointLeadRequest;
use folkmoot_proto::hub::v1::{
    AcceptLeadRequest, AdmitMemberRequest, CampaignRole, ListMembershipsRequest, OfferLeadRequest, RemoveMemberRequest,
    SetAimRequest, SetRelayRequest, WatchCampaignRequest,
};
use tonic::Code;
use tonic::transport::Channel;

use super::answering::{bad, because, channel, refused};
use super::campaign::{Client, asked, federation, get};
use super::until;
use crate::generated::academy::appointment_service_client::AppointmentServiceClient;
use crate::generated::hub::campaign_membership_service_client::CampaignMembershipServiceClient;

type Members = CampaignMembershipServiceClient<Channel>;

fn admit(name: &str, hub: &str, role: CampaignRole) -> AdmitMemberRequest {
    AdmitMemberRequest { name: name.into(), hub: hub.into(), role: role.into() }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lead_takes_hubs_in_and_out_and_hands_over() {
    let (nodes, places, mut client) = federation().await;
    let mut members = Members::new(channel(&places[0]).await);
    let (mut there, mut members_there) =
        (Client::new(channel(&places[1]).await), Members::new(channel(&places[1]).await));
    let name = client.create_campaign(asked("Warm homes", &[])).await.expect("created").into_inner().name;

    let campaign =
        members.admit_member(admit(&name, "Frome", CampaignRole::Reader)).await.expect("admitted").into_inner();
    let roles: Vec<_> = campaign.members.iter().map(|member| (member.hub.as_str(), member.role())).collect();
    assert_eq!(roles, [("Warminster", CampaignRole::Lead), ("Frome", CampaignRole::Reader)]);
    let (wanted, other) = (name.clone(), nodes[1].node());
    until(other.written(), "the campaign arrives", || {
        let known = other.store().campaigns().expect("a hub's store").list().expect("campaigns");
        known.iter().any(|id| format!("campaigns/{id}") == wanted)
    })
    .await;
    let seen = get(&mut there, &name).await;
    assert_eq!((seen.role(), seen.may_take_lead), (CampaignRole::Reader, false));

    // A reader is told whom to ask, and so is whoever does not lead.
    let edited = there.set_aim(SetAimRequest { name: name.clone(), aim: "Warmth".into() }).await;
    assert_eq!(refused(edited), because(Code::PermissionDenied, "READS_ONLY"));
    let admitted = members_there.admit_member(admit(&name, "Frome", CampaignRole::Editor)).await;
    assert!(admitted.as_ref().expect_err("it does not lead").message().contains("Warminster"));
    assert_eq!(refused(admitted), because(Code::PermissionDenied, "NOT_THE_LEAD"));

    // A client that watches hears of it, though the document is the same.
    let request = WatchCampaignRequest { name: name.clone(), heads: Vec::new(), with_presence: false };
    let mut watched = there.watch_campaign(request).await.expect("watched").into_inner();
    let first = watched.message().await.expect("sent").expect("at once").campaign.expect("a campaign");
    assert_eq!(first.role(), CampaignRole::Reader);
    members.admit_member(admit(&name, "Frome", CampaignRole::Editor)).await.expect("admitted");
    let next = watched.message().await.expect("sent").expect("once it has come").campaign.expect("a campaign");
    assert_eq!(next.role(), CampaignRole::Editor);

    let offer = OfferLeadRequest { name: name.clone(), hub: "Frome".into() };
    assert_eq!(members.offer_lead(offer).await.expect("offered").into_inner().successor, "Frome");
    let offered = watched.message().await.expect("sent").expect("once it has come").campaign.expect("a campaign");
    assert!(offered.may_take_lead);
    let led = members_there.accept_lead(AcceptLeadRequest { name: name.clone() }).await.expect("accepted").into_inner();
    assert_eq!((led.role(), led.members[0].hub.as_str()), (CampaignRole::Lead, "Frome"));
    let relay = SetRelayRequest { name: name.clone(), academy_relays: false };
    assert!(!members_there.set_relay(relay).await.expect("set").into_inner().academy_relays);
    let remove = RemoveMemberRequest { name: name.clone(), hub: "Warminster".into() };
    let alone = members_there.remove_member(remove).await.expect("removed").into_inner();
    assert_eq!(alone.members.len(), 1);

    let request = ListMembershipsRequest { parent: name.clone(), page_size: 4, page_token: String::new() };
    let page = members_there.list_memberships(request).await.expect("listed").into_inner();
    let sizes: Vec<_> = page.memberships.iter().map(|one| (one.members.len(), one.academy_relays)).collect();
    assert_eq!(sizes, [(1, false), (2, false), (2, true), (2, true)]);
    assert!(!page.next_page_token.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_stand_is_refused_field_by_field() {
    let (_nodes, places, mut client) = federation().await;
    let mut members = Members::new(channel(&places[0]).await);
    let name = client.create_campaign(asked("Warm homes", &["Frome"])).await.expect("created").into_inner().name;
    let admitted = members.admit_member(admit("campaigns/12", "Nowhere", CampaignRole::Unspecified)).await;
    assert_eq!(refused(admitted), bad(&["role", "hub", "name"]));
    let admitted = members.admit_member(admit(&name, "Frome", CampaignRole::Lead)).await;
    assert_eq!(refused(admitted), bad(&["role"]));
    let removed = members.remove_member(RemoveMemberRequest { name: name.clone(), hub: "Warminster".into() }).await;
    assert_eq!(refused(removed), because(Code::FailedPrecondition, "MEMBERSHIP_REFUSED"));
    let accepted = members.accept_lead(AcceptLeadRequest { name: format!("campaigns/{:064}", 1) }).await;
    assert_eq!(refused(accepted), because(Code::NotFound, "NO_SUCH_CAMPAIGN"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_academy_appoints_a_member_of_what_it_relays() {
    let (nodes, places, mut client) = federation().await;
    let mut members_there = Members::new(channel(&places[1]).await);
    let name = client.create_campaign(asked("Warm homes", &["Frome"])).await.expect("created").into_inner().name;
    let (there, academy) = (nodes[1].node(), nodes[2].node());
    let knows = |node: &crate::node::Node| {
        let rights = node.store().journal().rights();
        rights.memberships.iter().any(|(id, _)| format!("campaigns/{id}") == name)
    };
    until(academy.written(), "the Academy relays it", || knows(academy)).await;
    until(there.written(), "the campaign arrives", || knows(there)).await;
    let mut appointments = AppointmentServiceClient::new(channel(&places[2]).await);
    let request = |hub: &str| AppointLeadRequest { campaign: name.clone(), hub: hub.into() };
    assert!(appointments.appoint_lead(request("Frome")).await.expect("appointed").into_inner().checked);
    assert_eq!(refused(appointments.appoint_lead(request("Nowhere")).await), bad(&["hub"]));
    until(there.written(), "the appointment arrives", || {
        let campaigns = there.store().campaigns().expect("a hub's store");
        let id = campaigns.list().expect("campaigns")[0];
        campaigns.get(id).expect("a campaign").may_take_lead
    })
    .await;
    let led = members_there.accept_lead(AcceptLeadRequest { name }).await.expect("appointed").into_inner();
    assert_eq!(led.role(), CampaignRole::Lead);
}
