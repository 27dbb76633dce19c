//! Starting, the socket, and ending.

use std::{os::unix::fs::PermissionsExt, path::Path};

use tokio::time::Instant;
use tonic_health::pb::{HealthCheckRequest, health_client::HealthClient};

use super::*;
use crate::socket::connect;

async fn is_served(data: &Path) -> bool {
    let channel = connect(data).await.expect("the node answers");
    let asked = HealthCheckRequest { service: "folkmoot.node.v1.NodeService".into() };
    HealthClient::new(channel).check(asked).await.is_ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_operator_reaches_the_node_through_the_socket() {
    let place = Place::academy();
    let error = connect(&place.data).await.expect_err("not served").to_string();
    assert!(error.contains("folkmoot academy serve --data"), "{error}");
    let academy = place.start().await;
    assert!(academy.ready_line().starts_with("ready: academy National Academy on 127.0.0.1:"));
    assert!(is_served(&place.data).await);
    let mode = std::fs::metadata(place.data.join("node.sock")).expect("a socket").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    academy.stop().await;
    assert!(!place.data.join("node.sock").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_path_too_long_for_a_socket_is_bound_by_a_shorter_one() {
    let mut place = Place::new(TODAY);
    place.data = place.home.path().join("a".repeat(90)).join("b".repeat(90));
    let hub = InitHub { data: place.data.clone(), name: "Frome".into(), listen: "127.0.0.1:0".into(), address: None };
    init_hub_at(&hub, &place.hands.clock()).expect("a hub");
    let hub = place.start().await;
    assert!(is_served(&place.data).await);
    hub.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_socket_left_by_a_killed_process_is_replaced() {
    let place = Place::hub("Frome");
    drop(std::os::unix::net::UnixListener::bind(place.data.join("node.sock")).expect("a socket"));
    let error = connect(&place.data).await.expect_err("nobody listens").to_string();
    assert!(error.contains("folkmoot hub serve --data"), "{error}");
    let hub = place.start().await;
    assert!(is_served(&place.data).await);
    hub.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_ends_within_two_seconds_with_streams_open() {
    let (_home, academy) = academy().await;
    let (place, hub) = Place::joined("Warminster", &academy).await;
    synchronize(hub.node()).await.expect("all is exchanged");
    // A call at the socket that never ends by itself.
    let mut watcher = HealthClient::new(connect(&place.data).await.expect("the node answers"));
    let mut watched = watcher.watch(HealthCheckRequest::default()).await.expect("it watches").into_inner();
    watched.message().await.expect("a state");
    for running in [academy, hub] {
        let began = Instant::now();
        running.stop().await;
        assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_that_is_taken_is_named() {
    let place = Place::academy();
    let academy = place.start().await;
    let taken = Overrides { listen: Some(academy.node().settings().listen.to_string()), ..Overrides::default() };
    let other = Place::academy();
    let error = other.start_with(&taken).await.err().expect("taken").to_string();
    assert!(error.contains("cannot listen on 127.0.0.1:"), "{error}");
    academy.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn name_and_role_cannot_be_edited() {
    let place = Place::hub("Frome");
    let file = place.data.join("folkmoot.toml");
    let text = std::fs::read_to_string(&file).expect("settings");
    std::fs::write(&file, text.replace("Frome", "Bath").replace("\"hub\"", "\"academy\"")).expect("written");
    let error = place.start_with(&Overrides::default()).await.err().expect("refused").to_string();
    assert!(error.contains("`role` was hub") && error.contains("`name` was \"Frome\""), "{error}");
}
