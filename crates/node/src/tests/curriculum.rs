//! The curriculum: published at the Academy, read at a hub.

use folkmoot_proto::academy::v1::{PublishEditionRequest, RetireItemRequest};
use folkmoot_proto::node::v1::{Edition, GetEditionRequest, ListEditionsRequest, edition::Kind};
use tonic::{Code, Status, transport::Channel};

use super::{
    answering::{bad, because, channel, refused},
    *,
};
use crate::generated::{
    academy::curriculum_service_client::CurriculumServiceClient as PublishingClient,
    node::curriculum_service_client::CurriculumServiceClient,
};

fn edition(title: &str, text: &str) -> Edition {
    Edition { title: title.into(), kind: Kind::Session.into(), minutes: 90, text: text.into(), ..Default::default() }
}

async fn publish(channel: &Channel, edition: Edition) -> Result<Edition, Status> {
    let request = PublishEditionRequest { edition: Some(edition) };
    PublishingClient::new(channel.clone()).publish_edition(request).await.map(tonic::Response::into_inner)
}

async fn show(channel: &Channel, name: &str) -> Result<Edition, Status> {
    let request = GetEditionRequest { name: name.into() };
    CurriculumServiceClient::new(channel.clone()).get_edition(request).await.map(tonic::Response::into_inner)
}

/// The names of the editions in a list, over as many pages as it has.
async fn list(channel: &Channel, all: bool) -> Vec<String> {
    let (mut page_token, mut names) = (String::new(), Vec::new());
    loop {
        let request = ListEditionsRequest { page_size: 1, page_token, all };
        let page = CurriculumServiceClient::new(channel.clone()).list_editions(request).await.expect("a page");
        let page = page.into_inner();
        assert!(page.editions.iter().all(|edition| edition.text.is_empty()));
        names.extend(page.editions.into_iter().map(|edition| edition.name));
        page_token = page.next_page_token;
        if page_token.is_empty() {
            return names;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hub_reads_what_the_academy_published_when_the_academy_is_away() {
    let (home, academy) = academy().await;
    let (place, hub) = Place::joined("Warminster", &academy).await;
    let desk = channel(&home).await;
    let first = publish(&desk, edition("First listening", "# Listen\n")).await.expect("published");
    assert_eq!((first.name.as_str(), first.edition, first.retired), ("editions/first-listening.1", 1, false));
    let again = publish(&desk, edition("First listening", "# Listen\n")).await.expect("the same");
    assert_eq!(again, first);
    publish(&desk, edition("First listening", "# Listen well\n")).await.expect("published");
    publish(&desk, edition("Old hat", "x")).await.expect("published");
    let name = "items/old-hat".to_owned();
    let retired = PublishingClient::new(desk.clone()).retire_item(RetireItemRequest { name }).await.expect("retired");
    assert!(retired.into_inner().editions.iter().all(|edition| edition.retired && edition.text.is_empty()));
    synchronize(hub.node()).await.expect("all is exchanged");
    academy.stop().await;

    let desk = channel(&place).await;
    assert_eq!(list(&desk, false).await, ["editions/first-listening.2"]);
    assert_eq!(
        list(&desk, true).await,
        ["editions/first-listening.1", "editions/first-listening.2", "editions/old-hat.1"]
    );
    assert_eq!(show(&desk, "editions/first-listening.1").await.expect("there"), first);
    let latest = show(&desk, "editions/first-listening").await.expect("there");
    assert_eq!((latest.edition, latest.text.as_str(), latest.kind()), (2, "# Listen well\n", Kind::Session));
    assert!(show(&desk, "editions/old-hat.1").await.expect("there").retired);
    for gone in ["editions/old-hat", "editions/first-listening.3", "editions/nothing"] {
        assert_eq!(refused(show(&desk, gone).await), because(Code::NotFound, "NO_SUCH_EDITION"), "{gone}");
    }
    assert_eq!(refused(show(&desk, "first-listening").await), bad(&["name"]));
    let status = publish(&desk, edition("Ours", "x")).await.expect_err("a hub publishes nothing");
    assert_eq!(status.code(), Code::Unimplemented);
    hub.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_wrong_with_an_edition_is_said_at_once() {
    let (home, academy) = academy().await;
    let desk = channel(&home).await;
    let good = || edition("First listening", "x");
    for (wrong, fields) in [
        (Edition::default(), vec!["edition.kind", "edition.title", "edition.minutes", "edition.text"]),
        (Edition { title: "!?".into(), ..good() }, vec!["edition.item"]),
        (Edition { item: "First".into(), minutes: -1, ..good() }, vec!["edition.item", "edition.minutes"]),
        (Edition { kind: 9, text: "x".repeat(65_537), ..good() }, vec!["edition.kind", "edition.text"]),
        (Edition { title: "x".repeat(201), minutes: 100_001, ..good() }, vec!["edition.title", "edition.minutes"]),
    ] {
        assert_eq!(refused(publish(&desk, wrong).await), bad(&fields));
    }
    assert_eq!(refused(publish(&desk, Edition { title: "x\ny".into(), ..good() }).await), bad(&["edition.title"]));
    let longest = Edition { title: "x".repeat(200), text: "é".repeat(32_768), minutes: 100_000, ..good() };
    assert_eq!(publish(&desk, longest).await.expect("published").item, "x".repeat(64));
    for (name, refusal) in [
        ("first-listening", bad(&["name"])),
        ("items/First", bad(&["name"])),
        ("items/first-listening", because(Code::NotFound, "NO_SUCH_EDITION")),
    ] {
        let request = RetireItemRequest { name: name.into() };
        assert_eq!(refused(PublishingClient::new(desk.clone()).retire_item(request).await), refusal);
    }
    academy.stop().await;
}
