//! What the operator's clients are answered about campaigns, through the socket.

use folkmoot_proto::hub::v1::{
    AppendNotesRequest, ApplyChangesRequest, Campaign, CampaignMember, CreateCampaignRequest, ExportCampaignRequest,
    GetCampaignRequest, ListCampaignsRequest, SetAimRequest, SignUpOrganisationRequest,
};
use folkmoot_proto::node::v1::{GetStatusRequest, Peer};
use folkmoot_store::academy::WhichHub;
use tonic::{Code, transport::Channel};
use tonic_types::StatusExt;

use super::{
    answering::{bad, because, channel, refused},
    *,
};
use crate::generated::{
    hub::campaign_service_client::CampaignServiceClient, node::node_service_client::NodeServiceClient,
};

pub(super) type Client = CampaignServiceClient<Channel>;

pub(super) fn asked(title: &str, members: &[&str]) -> CreateCampaignRequest {
    let member = |hub: &&str| CampaignMember { hub: (*hub).into(), ..Default::default() };
    let members = members.iter().map(member).collect();
    let campaign = Campaign { title: title.into(), members, academy_relays: true, ..Default::default() };
    CreateCampaignRequest { campaign: Some(campaign), request_id: String::new() }
}

pub(super) async fn get(client: &mut Client, name: &str) -> Campaign {
    client
        .get_campaign(GetCampaignRequest { name: name.into(), version: String::new() })
        .await
        .expect("there")
        .into_inner()
}

/// An Academy and two hubs, which know of each other, with a client at the first.
pub(super) async fn federation() -> ([Running; 3], [Place; 3], Client) {
    let (home, academy) = academy().await;
    let (first, one) = Place::joined("Warminster", &academy).await;
    let (second, other) = Place::joined("Frome", &academy).await;
    let node = one.node();
    until(node.listed(), "the other hub is listed", || node.directory().hubs().len() == 2).await;
    let client = Client::new(channel(&first).await);
    ([one, other, academy], [first, second, home], client)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_campaign_is_begun_edited_listed_and_read() {
    let (nodes, _places, mut client) = federation().await;
    let mut request = asked(" Warm homes ", &["Frome"]);
    request.request_id = "r-1".into();
    let campaign = client.create_campaign(request.clone()).await.expect("created").into_inner();
    assert_eq!(client.create_campaign(request).await.expect("created before").into_inner(), campaign);
    assert_eq!((campaign.title.as_str(), campaign.academy_relays), ("Warm homes", true));
    let members: Vec<_> = campaign.members.iter().map(|member| (member.hub.as_str(), member.lead)).collect();
    assert_eq!(members, [("Warminster", true), ("Frome", false)]);
    let name = campaign.name;

    let aim = " A warm home for everybody. ".to_owned();
    client.set_aim(SetAimRequest { name: name.clone(), aim }).await.expect("set");
    let note = AppendNotesRequest { name: name.clone(), text: "Rota agreed.\n".into(), request_id: "r-2".into() };
    for _ in 0..2 {
        client.append_notes(note.clone()).await.expect("added");
    }
    for organisation in ["St Denys Church", " St Denys Church "] {
        let request =
            SignUpOrganisationRequest { name: name.clone(), organisation: organisation.into(), date: String::new() };
        client.sign_up_organisation(request).await.expect("signed up");
    }
    let campaign = get(&mut client, &name).await;
    assert_eq!((campaign.aim.as_str(), campaign.notes.as_str()), ("A warm home for everybody.", "Rota agreed.\n"));
    let organisations: Vec<_> =
        campaign.organisations.iter().map(|one| (one.organisation.as_str(), one.hub.as_str())).collect();
    assert_eq!(organisations, [("St Denys Church", "Warminster")]);
    assert_eq!((campaign.waiting_entries, campaign.set_aside_entries), (0, 0));

    client.create_campaign(asked("Bus fares", &["Frome"])).await.expect("created");
    let (mut page_token, mut titles) = (String::new(), Vec::new());
    loop {
        let request = ListCampaignsRequest { page_size: 1, page_token };
        let page = client.list_campaigns(request).await.expect("a page").into_inner();
        assert!(page.campaigns.iter().all(|campaign| campaign.notes.is_empty()));
        titles.extend(page.campaigns.into_iter().map(|campaign| campaign.title));
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    assert_eq!(titles, ["Bus fares", "Warm homes"]);
    for running in nodes {
        running.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_campaign_cannot_be_is_said_at_once() {
    let (nodes, _places, mut client) = federation().await;
    let status = client.create_campaign(asked("", &["Frome", "Bath", ""])).await.expect_err("refused");
    let violations = status.get_details_bad_request().expect("violations").field_violations;
    let fields: Vec<&str> = violations.iter().map(|violation| violation.field.as_str()).collect();
    assert_eq!(fields, ["campaign.title", "campaign.members[1].hub", "campaign.members[2].hub"]);
    assert!(violations[1].description.ends_with("there are Frome, Warminster"), "{}", violations[1].description);
    assert_eq!(refused(client.create_campaign(CreateCampaignRequest::default()).await), bad(&["campaign.title"]));
    let mut early = asked("Warm homes", &[]);
    if let Some(campaign) = &mut early.campaign {
        (campaign.aim, campaign.notes) = ("x".into(), "x".into());
    }
    assert_eq!(refused(client.create_campaign(early).await), bad(&["campaign.aim", "campaign.notes"]));
    assert!(
        client.list_campaigns(ListCampaignsRequest::default()).await.expect("a list").get_ref().campaigns.is_empty()
    );

    let name = client.create_campaign(asked("Warm homes", &["Frome"])).await.expect("created").into_inner().name;
    let nowhere = format!("campaigns/{}", "0".repeat(64));
    let missing = because(Code::NotFound, "NO_SUCH_CAMPAIGN");
    for (name, long, refusal) in [
        (name.as_str(), true, None),
        (&nowhere, false, Some(missing.clone())),
        ("campaigns/12", false, Some(bad(&["name"]))),
    ] {
        let text = |most: usize| "x".repeat(if long { most + 1 } else { 1 });
        let expected = |field| refusal.clone().unwrap_or_else(|| bad(&[field]));
        let name = || name.to_owned();
        let aim = client.set_aim(SetAimRequest { name: name(), aim: text(2_000) }).await;
        assert_eq!(refused(aim), expected("aim"));
        let notes = AppendNotesRequest { name: name(), text: text(20_000), request_id: String::new() };
        assert_eq!(refused(client.append_notes(notes).await), expected("text"));
        let organisation = SignUpOrganisationRequest { name: name(), organisation: text(200), date: String::new() };
        assert_eq!(refused(client.sign_up_organisation(organisation).await), expected("organisation"));
        let changes = ApplyChangesRequest { name: name(), changes: vec![b"no change".to_vec()] };
        assert_eq!(refused(client.apply_changes(changes).await), expected("changes"));
        if !long {
            let expected = expected("name");
            assert_eq!(
                refused(client.get_campaign(GetCampaignRequest { name: name(), version: String::new() }).await),
                expected
            );
            assert_eq!(refused(client.export_campaign(ExportCampaignRequest { name: name() }).await), expected);
        }
    }
    assert_eq!(refused(client.apply_changes(ApplyChangesRequest::default()).await), bad(&["name", "changes"]));
    let before = get(&mut client, &name).await;
    assert_eq!((before.aim.as_str(), before.notes.as_str()), ("", ""));
    let exported = client.export_campaign(ExportCampaignRequest { name }).await.expect("exported").into_inner();
    assert!(!exported.document.is_empty() && exported.actor.starts_with(nodes[0].node().id().as_bytes()));
    assert_eq!(exported.actor.len(), 40);
    for running in nodes {
        running.stop().await;
    }
}

async fn peer(place: &Place, name: &str) -> Option<Peer> {
    let mut client = NodeServiceClient::new(channel(place).await);
    let status = client.get_status(GetStatusRequest {}).await.expect("a status").into_inner();
    status.peers.into_iter().find(|peer| peer.display_name == name)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fellow_member_is_among_the_peers_of_a_hub_from_when_a_campaign_begins() {
    let ([one, other, academy], places, mut client) = federation().await;
    assert_eq!(peer(&places[0], "Frome").await, None);
    client.create_campaign(asked("Warm homes", &["Frome"])).await.expect("created");
    let (node, id) = (one.node(), other.node().id());
    until(node.peers().changed(), "the two talk", || node.peers().state(id).open > 0).await;
    let shown = peer(&places[0], "Frome").await.expect("a peer");
    assert!(shown.connected && shown.last_error.is_empty(), "{shown:?}");
    assert_eq!(Some(shown.address), other.node().settings().address.as_ref().map(ToString::to_string));

    other.stop().await;
    let told = || node.peers().state(id).last_error.is_some();
    until(node.peers().changed(), "it cannot be reached", || told() && node.peers().state(id).open == 0).await;
    let shown = peer(&places[0], "Frome").await.expect("a peer");
    assert!(!shown.connected && !shown.last_error.is_empty(), "{shown:?}");
    for running in [one, academy] {
        running.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hub_that_nobody_would_listen_to_writes_nothing_into_campaigns() {
    let alone = Place::hub("Bath");
    let running = alone.start().await;
    let mut client = Client::new(channel(&alone).await);
    let refusal = refused(client.create_campaign(asked("Warm homes", &[])).await);
    assert_eq!(refusal, because(Code::FailedPrecondition, "NOT_JOINED"));
    running.stop().await;

    let ([one, other, academy], _places, mut client) = federation().await;
    let name = client.create_campaign(asked("Warm homes", &["Frome"])).await.expect("created").into_inner().name;
    let warminster = "Warminster".parse().expect("a name");
    academy.node().store().academy().expect("an academy").revoke_hub(WhichHub::Name(warminster)).expect("revoked");
    let (node, id) = (one.node(), academy.node().id());
    until(node.peers().changed(), "it is told", || node.peers().state(id).revoked).await;
    let aim = SetAimRequest { name: name.clone(), aim: "x".into() };
    let changes = ApplyChangesRequest { name: name.clone(), changes: vec![Vec::new()] };
    let revoked = because(Code::FailedPrecondition, "REVOKED");
    assert_eq!(refused(client.create_campaign(asked("Bus fares", &[])).await), revoked);
    assert_eq!(refused(client.set_aim(aim).await), revoked);
    assert_eq!(refused(client.apply_changes(changes).await), revoked);
    assert_eq!(get(&mut client, &name).await.title, "Warm homes");
    for running in [one, other, academy] {
        running.stop().await;
    }
}
