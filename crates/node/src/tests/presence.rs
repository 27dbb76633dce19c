//! Who looks at a campaign, told to its members and to nobody else.

use folkmoot_proto::hub::v1::{WatchCampaignRequest, WatchCampaignResponse};
use tonic::Streaming;

use super::answering::channel;
use super::campaign::{Client, asked, federation, get};
use super::{SOON, until};

async fn looking(client: &mut Client, name: &str) -> Streaming<WatchCampaignResponse> {
    let request = WatchCampaignRequest { name: name.into(), heads: Vec::new(), with_presence: true };
    client.watch_campaign(request).await.expect("watched").into_inner()
}

/// Waits until the client is sent a campaign at which these look.
async fn sent(watched: &mut Streaming<WatchCampaignResponse>, expected: &[(&str, i32)]) {
    let so = async {
        loop {
            let campaign = watched.message().await.expect("sent").expect("it goes on").campaign.expect("a campaign");
            let present: Vec<_> = campaign.present.iter().map(|one| (one.hub.as_str(), one.people)).collect();
            if present.len() == expected.len() && expected.iter().all(|one| present.contains(one)) {
                return;
            }
        }
    };
    tokio::time::timeout(SOON, so).await.unwrap_or_else(|_| panic!("never there: {expected:?}"));
}

#[tokio::test(flavor = "multi_thread")]
async fn members_see_who_looks_by_way_of_the_academy_and_who_has_gone() {
    let (nodes, places, mut client) = federation().await;
    let mut there = Client::new(channel(&places[1]).await);
    let name = client.create_campaign(asked("Warm homes", &["Frome"])).await.expect("created").into_inner().name;
    let (wanted, other) = (name.clone(), nodes[1].node());
    until(other.written(), "the campaign arrives", || {
        let known = other.store().campaigns().expect("a hub's store").list().expect("campaigns");
        known.iter().any(|id| format!("campaigns/{id}") == wanted)
    })
    .await;
    let mut here = looking(&mut client, &name).await;
    sent(&mut here, &[("Warminster", 1)]).await;
    let mut first = looking(&mut there, &name).await;
    sent(&mut here, &[("Warminster", 1), ("Frome", 1)]).await;
    sent(&mut first, &[("Warminster", 1), ("Frome", 1)]).await;
    let second = looking(&mut there, &name).await;
    sent(&mut here, &[("Warminster", 1), ("Frome", 2)]).await;
    drop((first, second));
    sent(&mut here, &[("Warminster", 1)]).await;
    drop(here);
    // Nobody stores it.
    let node = nodes[0].node();
    until(node.presence().changed(), "nobody looks any more", || {
        let id = node.store().campaigns().expect("a hub's store").list().expect("campaigns")[0];
        node.presence().at(id, std::time::Instant::now()).is_empty()
    })
    .await;
    assert_eq!(get(&mut client, &name).await.present, []);
}

/// A client that follows the campaign without saying so is told of nobody, and nobody of it.
#[tokio::test(flavor = "multi_thread")]
async fn whoever_does_not_say_so_is_not_told_of() {
    let (_nodes, _places, mut client) = federation().await;
    let name = client.create_campaign(asked("Warm homes", &[])).await.expect("created").into_inner().name;
    let request = WatchCampaignRequest { name: name.clone(), ..WatchCampaignRequest::default() };
    let mut watched = client.watch_campaign(request).await.expect("watched").into_inner();
    let campaign = watched.message().await.expect("sent").expect("at once").campaign.expect("a campaign");
    assert_eq!(campaign.present, []);
    assert_eq!(get(&mut client, &name).await.present, []);
}
