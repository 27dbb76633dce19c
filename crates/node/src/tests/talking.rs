//! The exchange between running nodes.

use folkmoot_domain::{
    calendar::{Programme, ProgrammeCode},
    hub::HubName,
};
use folkmoot_store::academy::WhichHub;
use time::{Date, Month};

use super::*;
use crate::{node::raised, renewal::renew};

fn programme(code: &str) -> Programme {
    let date = |year, month, day| Date::from_calendar_date(year, month, day).expect("a date");
    let code: ProgrammeCode = code.parse().expect("a code");
    Programme::new(code, "Expansion", date(2017, Month::April, 1), date(2020, Month::March, 31))
        .expect("whole quarters")
}

fn academy_of(hub: &Running) -> folkmoot_journal::NodeId {
    hub.node().directory().academy().expect("an academy").0
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_academy_writes_reaches_its_hubs_without_being_asked() {
    let (_home, academy) = academy().await;
    let (_place, hub) = Place::joined("Warminster", &academy).await;
    let done = synchronize(hub.node()).await.expect("all is exchanged");
    assert!(done.done && done.entries_waiting == 0, "{done:?}");

    let store = academy.node().store().academy().expect("an academy");
    store.create_programme(&programme("COEP"), "").expect("a programme");
    let node = Arc::clone(hub.node());
    until(node.listed(), "the programme arrives", || node.directory().programmes().iter().count() == 1).await;
    hub.stop().await;
    academy.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hub_comes_back_when_the_academy_does() {
    let place = Place::academy();
    let academy = place.start().await;
    let (_place, hub) = Place::joined("Warminster", &academy).await;
    synchronize(hub.node()).await.expect("all is exchanged");
    academy.stop().await;
    let (node, peer) = (Arc::clone(hub.node()), academy_of(&hub));
    until(node.peers().changed(), "the exchange ends", || node.peers().state(peer).open == 0).await;

    let academy = place.start().await;
    let store = academy.node().store().academy().expect("an academy");
    store.create_programme(&programme("COEP"), "").expect("a programme");
    synchronize(hub.node()).await.expect("all is exchanged");
    assert_eq!(hub.node().directory().programmes().iter().count(), 1);
    hub.stop().await;
    academy.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_hub_is_cut_off_within_a_second_on_its_open_stream() {
    let (_home, academy) = academy().await;
    let (place, hub) = Place::joined("Warminster", &academy).await;
    let (_other_place, other) = Place::joined("Frome", &academy).await;
    for running in [&hub, &other] {
        synchronize(running.node()).await.expect("all is exchanged");
    }
    let (node, peer) = (Arc::clone(hub.node()), academy_of(&hub));
    let name: HubName = "Warminster".parse().expect("a name");
    academy.node().store().academy().expect("an academy").revoke_hub(WhichHub::Name(name)).expect("revoked");
    let cut = until(node.peers().changed(), "the hub is told", || {
        let state = node.peers().state(peer);
        state.revoked && state.open == 0
    });
    timeout(Duration::from_secs(1), cut).await.expect("within a second");
    assert!(matches!(synchronize(hub.node()).await, Err(SyncError::Revoked)));
    synchronize(other.node()).await.expect("the other hub goes on");
    // Started again it learns so from the refusal of its call, and says so.
    hub.stop().await;
    let hub = place.start().await;
    let node = Arc::clone(hub.node());
    until(node.peers().changed(), "the hub is told again", || node.peers().state(peer).revoked).await;
    assert!(matches!(synchronize(hub.node()).await, Err(SyncError::Revoked)));
    assert!(node.notices().iter().any(|notice| notice.contains("has revoked this node")), "{:?}", node.notices());
    for running in [hub, other, academy] {
        running.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hub_whose_clock_says_1970_still_joins_and_talks() {
    let (_home, academy) = academy().await;
    let place = Place::hub_at("Warminster", 0);
    place.join(&invite(&academy, "Warminster")).await.expect("it joins");
    let hub = place.start().await;
    assert!(synchronize(hub.node()).await.expect("all is exchanged").done);
    hub.stop().await;
    academy.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn certificates_are_renewed_and_dates_enforced_by_the_academy_with_grace() {
    let place = Place::academy();
    let academy = place.start().await;
    let (hub_place, hub) = Place::joined("Warminster", &academy).await;
    synchronize(hub.node()).await.expect("all is exchanged");
    let first = hub.node().certificate_expires().expect("a certificate");

    place.hands.forward(380 * DAY);
    renew(hub.node()).await.expect("within the grace");
    let second = hub.node().certificate_expires().expect("a certificate");
    assert_eq!((second - first).whole_days(), 380);
    renew(academy.node()).await.expect("the academy renews its own");

    place.hands.forward(400 * DAY);
    let error = renew(hub.node()).await.expect_err("too late").to_string();
    assert!(error.contains("join again"), "{error}");
    hub.stop().await;
    hub_place.join(&invite(&academy, "Frome")).await.expect_err("another name");
    academy.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unjoined_hub_serves_its_operator_and_says_what_is_missing() {
    let place = Place::hub("Warminster");
    let hub = place.start().await;
    assert_eq!(hub.ready_line(), "ready: hub Warminster, which has not joined a federation yet");
    assert!(matches!(synchronize(hub.node()).await, Err(SyncError::NotJoined)));
    hub.stop().await;
}

pub(super) fn copy(from: &std::path::Path, to: &std::path::Path) {
    std::fs::create_dir_all(to).expect("a folder");
    for entry in std::fs::read_dir(from).expect("a folder") {
        let entry = entry.expect("an entry");
        match entry.file_type().expect("a type").is_dir() {
            true => copy(&entry.path(), &to.join(entry.file_name())),
            false => drop(std::fs::copy(entry.path(), to.join(entry.file_name())).expect("copied")),
        }
    }
    let mode = std::fs::metadata(from).expect("metadata").permissions();
    std::fs::set_permissions(to, mode).expect("mode");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_academy_restored_from_an_older_copy_gets_its_directory_back_from_a_hub_it_does_not_list() {
    let mut place = Place::academy();
    let academy = place.start().await;
    academy.stop().await;
    let older = place.home.path().join("older");
    copy(&place.data, &older);

    let academy = place.start().await;
    let (_place, hub) = Place::joined("Warminster", &academy).await;
    synchronize(hub.node()).await.expect("all is exchanged");
    academy.stop().await;

    // In a folder of its own: in this one process the last of the old store may not be closed yet.
    place.data = older;
    let academy = place.start().await;
    assert!(academy.node().directory().hubs().is_empty());
    synchronize(hub.node()).await.expect("all is exchanged");
    assert_eq!(academy.node().directory().hubs().len(), 1);
    assert!(academy.node().store().journal().recovered().expect("a count") > 0);
    hub.stop().await;
    academy.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copied_folder_takes_over_and_the_process_it_was_copied_from_only_reads() {
    let (_home, academy) = academy().await;
    let (place, hub) = Place::joined("Warminster", &academy).await;
    hub.stop().await;
    let second = Place::new(TODAY);
    copy(&place.data, &second.data);

    let first = place.start().await;
    synchronize(first.node()).await.expect("all is exchanged");
    let elsewhere = Overrides { listen: Some("127.0.0.1:0".into()), ..Overrides::default() };
    let second = second.start_with(&elsewhere).await.expect("the copy starts");
    synchronize(second.node()).await.expect("all is exchanged");

    let node = Arc::clone(first.node());
    timeout(SOON, raised(&mut node.freezing())).await.expect("the first is told");
    assert!(matches!(synchronize(first.node()).await, Err(SyncError::Frozen)));
    let told = |running: &Running, words: &str| running.node().notices().iter().any(|notice| notice.contains(words));
    assert!(told(&first, "another copy of this node's folder"), "{:?}", first.node().notices());
    let academy_node = Arc::clone(academy.node());
    until(academy_node.peers().changed(), "the academy's operator is told", || {
        academy_node.notices().iter().any(|notice| notice.contains("two copies of Warminster"))
    })
    .await;
    synchronize(second.node()).await.expect("the copy goes on");
    for running in [first, second, academy] {
        running.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_joined_node_that_lost_its_certificate_says_so_and_the_academy_makes_itself_a_new_one() {
    let (academy_place, academy) = academy().await;
    let (place, hub) = Place::joined("Warminster", &academy).await;
    hub.stop().await;
    academy.stop().await;
    for place in [&academy_place, &place] {
        std::fs::remove_file(place.data.join("certificate.der")).expect("removed");
    }
    let academy = academy_place.start().await;
    assert!(academy.ready_line().contains(" on 127.0.0.1:"));
    let hub = place.start().await;
    assert!(hub.ready_line().contains("join again with the same code"), "{}", hub.ready_line());
    assert!(matches!(synchronize(hub.node()).await, Err(SyncError::NoCertificate)));
    hub.stop().await;
    academy.stop().await;
}
