//! Joining a federation, well and badly.

use folkmoot_journal::Context;
use folkmoot_proto::federation::v1::EnrolRequest;
use tokio::{net::TcpListener, sync::mpsc, task::JoinHandle};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, service::Routes};

use super::*;
use crate::{
    access::AccessLayer,
    dial::dial,
    enrolment::Enrolments,
    folder::{self, Folder},
    generated::federation::enrolment_service_client::EnrolmentServiceClient,
    identity::Identity,
    init::init_hub,
    invite::InviteCode,
    join::{enrol, signed_bytes},
    limits, listener,
    settings::{PeerAddress, Settings},
    tls::{Expected, client_config},
};

fn check_refused(joined: Result<Joined, Error>, words: &str) {
    let error = joined.expect_err("refused").to_string();
    assert!(error.contains(words), "`{error}` does not say `{words}`");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hub_joins_and_is_listed_and_joining_again_is_harmless() {
    let (_home, academy) = academy().await;
    let hub = Place::hub("Warminster");
    let code = invite(&academy, "Warminster");
    let joined = hub.join(&code).await.expect("it joins");
    assert_eq!(
        (joined.name.as_str(), joined.academy.as_str(), joined.again),
        ("Warminster", "National Academy", false)
    );
    let directory = academy.node().directory();
    let record = directory.hubs().values().next().expect("a hub");
    assert_eq!((record.name.as_str(), record.region.as_str()), ("Warminster", "South West"));
    assert!(record.address.as_ref().is_some_and(|address| address.starts_with("127.0.0.1:")));

    let before = folder::read(&hub.data.join("certificate.der")).expect("a certificate");
    let again = hub.join(&code).await.expect("harmless");
    assert!(again.again);
    assert_eq!(academy.node().directory().hubs().len(), 1);
    assert_ne!(folder::read(&hub.data.join("certificate.der")).expect("a certificate"), before);
    academy.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_answer_is_recovered_by_joining_again() {
    let (_home, academy) = academy().await;
    let hub = Place::hub("Warminster");
    let code = code(&academy, "Warminster");
    let folder = Folder::open(&hub.data).expect("a node");
    let identity = Identity::open(&folder).expect("keys");
    let settings = Settings::read(&folder.settings(), &Overrides::default()).expect("settings");
    drop(enrol(&code, &identity, &settings).await.expect("the academy lets it in"));
    hub.join(&code.expose()).await.expect("joining again");
    assert_eq!(academy.node().directory().hubs().len(), 1);
    academy.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn codes_that_do_not_fit_are_refused_in_words() {
    let place = Place::academy();
    let academy = place.start().await;
    let hub = Place::hub("Warminster");

    check_refused(hub.join(&invite(&academy, "Frome")).await, "name");

    let mut unknown = code(&academy, "Warminster");
    unknown.token = Token::new([9; 16]);
    check_refused(hub.join(&unknown.expose()).await, "code");

    let old = invite(&academy, "Warminster");
    place.hands.forward(25 * HOUR);
    check_refused(hub.join(&old).await, "expired");

    let good = invite(&academy, "Warminster");
    hub.join(&good).await.expect("it joins");
    check_refused(Place::hub("Warminster").join(&good).await, "used");

    check_refused(hub.join("folkmoot1:127.0.0.1:74").await, "end is missing");
    academy.stop().await;
}

/// Whoever has a code and sees another's request cannot enrol the other's log key, nor a TLS key of its own under it.
#[tokio::test(flavor = "multi_thread")]
async fn only_the_holder_of_a_log_key_enrols_it() {
    let (_home, academy) = academy().await;
    let identity = |place: &Place| Identity::open(&Folder::open(&place.data).expect("a folder")).expect("an identity");
    let (hub, thief) = (Place::hub("Warminster"), Place::hub("Warminster"));
    let (hub, thief) = (identity(&hub), identity(&thief));
    let code = InviteCode::parse(&invite(&academy, "Warminster")).expect("a code");
    let line = dial(&code.address, client_config(None, Expected::Anybody).expect("a config")).await.expect("a line");
    let mut client = EnrolmentServiceClient::new(line.channel.clone());
    for (signer, signed_for) in [(&thief, &thief), (&thief, &hub), (&hub, &hub)] {
        let certificate_request = thief.certificate_request().expect("a request");
        let signed_request = if std::ptr::eq(signed_for, &hub) {
            hub.certificate_request().expect("a request")
        } else {
            certificate_request.clone()
        };
        let signed = signed_bytes(code.federation, code.token.expose(), &signed_request);
        let request = EnrolRequest {
            token: code.token.expose().to_vec(),
            display_name: "Warminster".to_owned(),
            log_key: hub.log_key.public().0.to_vec(),
            certificate_request,
            address: String::new(),
            signature: signer.log_key.sign(Context::Enrol, &signed).0.to_vec(),
        };
        let refused = client.enrol(request).await.expect_err("refused");
        assert_eq!(refused.code(), Code::InvalidArgument);
    }
    assert!(academy.node().directory().hubs().is_empty());
    academy.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_that_join_with_one_code_at_once_one_gets_in() {
    let (_home, academy) = academy().await;
    for _ in 0..5 {
        let name = format!("Hub {}", academy.node().directory().hubs().len());
        let code = invite(&academy, &name);
        let (first, second) = (Place::hub(&name), Place::hub(&name));
        let (first, second) = tokio::join!(first.join(&code), second.join(&code));
        let refused = [first, second].into_iter().filter_map(Result::err).collect::<Vec<_>>();
        assert_eq!(refused.len(), 1, "{refused:?}");
        assert!(refused[0].to_string().contains("used"), "{}", refused[0]);
    }
    assert_eq!(academy.node().directory().hubs().len(), 5);
    academy.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_join_that_was_cut_short_leaves_no_certificate_and_is_done_again() {
    let (_home, academy) = academy().await;
    let hub = Place::hub("Warminster");
    let code = invite(&academy, "Warminster");
    // Where the new settings should be written lies something else.
    let in_the_way = hub.data.join("folkmoot.toml.new");
    std::fs::create_dir(&in_the_way).expect("a folder");
    check_refused(hub.join(&code).await, "cannot write");
    assert!(!hub.data.join("certificate.der").exists());
    std::fs::remove_dir(&in_the_way).expect("removed");
    hub.join(&code).await.expect("done again");
    let running = hub.start().await;
    assert!(synchronize(running.node()).await.expect("all is exchanged").done);
    running.stop().await;
    academy.stop().await;
}

/// Serves enrolment from a hub, as software that means ill might.
async fn pretend_to_be_the_academy(hub: &Arc<Node>) -> (PeerAddress, JoinHandle<()>) {
    let port = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = port.local_addr().expect("an address").to_string();
    let routes = Routes::new(Enrolments::service(Arc::clone(hub), None)).into_axum_router();
    let routes = Routes::from(routes.layer(AccessLayer::new(Arc::clone(hub))));
    let (sender, accepted) = mpsc::channel(1);
    let accepting = listener::accept(Arc::clone(hub), port, sender);
    let serving = limits::port_server().add_routes(routes).serve_with_incoming(ReceiverStream::new(accepted));
    let pretending = tokio::spawn(async move {
        // Both end when the test does.
        let _ = tokio::join!(accepting, serving);
    });
    (PeerAddress::parse(&address).expect("an address"), pretending)
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_academy_of_the_code_gets_the_token() {
    let ((_first, first), (_second, second)) = (academy().await, academy().await);
    let (_place, member) = Place::joined("Frome", &first).await;
    let hub = Place::hub("Warminster");
    let address = |running: &Running| running.node().settings().address.clone().expect("an address");

    let mut elsewhere = code(&first, "Warminster");
    elsewhere.address = address(&second);
    check_refused(hub.join(&elsewhere.expose()).await, "its federation is another");

    // A member of the federation shows a genuine certificate and the genuine genesis entry.
    let (pretended, pretending) = pretend_to_be_the_academy(member.node()).await;
    elsewhere.address = pretended;
    check_refused(hub.join(&elsewhere.expose()).await, "its certificate is another node's");
    pretending.abort();

    elsewhere.address = PeerAddress::parse("127.0.0.1:1").expect("an address");
    check_refused(hub.join(&elsewhere.expose()).await, "cannot reach 127.0.0.1:1");

    let joined = invite(&first, "Warminster");
    hub.join(&joined).await.expect("it joins");
    check_refused(hub.join(&invite(&second, "Warminster")).await, "another federation");
    for running in [first, second, member] {
        running.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_that_is_served_is_left_alone() {
    let (_home, academy) = academy().await;
    let (place, hub) = Place::joined("Warminster", &academy).await;
    let code = invite(&academy, "Frome");
    check_refused(place.join(&code).await, "is being served");
    let hub_again =
        InitHub { data: place.data.clone(), name: "Frome".into(), listen: "127.0.0.1:0".into(), address: None };
    assert!(matches!(init_hub(&hub_again), Err(Error::FolderTaken { .. })));
    let second = place.start_with(&Overrides::default()).await;
    assert!(matches!(second.err(), Some(Error::FolderServed { .. })));
    check_refused(join_at(academy.node().folder().path(), &code, &Clock::system()).await, "is being served");
    hub.stop().await;
    academy.stop().await;
}

#[test]
fn what_init_is_given_is_checked_at_once() {
    let place = Place::new(TODAY);
    let academy = |listen: &str, address: Option<&str>| InitAcademy {
        data: place.data.clone(),
        name: "National Academy".into(),
        listen: listen.into(),
        address: address.map(Into::into),
    };
    for (listen, address, words) in [
        ("0.0.0.0:7400", None, "--address is missing"),
        ("[::]:7400", None, "--address is missing"),
        ("127.0.0.1:7400", Some("0.0.0.0:7400"), "cannot be dialled"),
        ("here", Some("there"), "cannot be listened on"),
    ] {
        let error = init_academy_at(&academy(listen, address), &Clock::system()).expect_err("refused").to_string();
        assert!(error.contains(words), "{error}");
        assert!(!place.data.exists(), "nothing is half made");
    }
}

#[test]
fn a_port_is_picked_at_init_and_kept() {
    let hub = Place::hub("Warminster");
    let settings = Settings::read(&hub.data.join("folkmoot.toml"), &Overrides::default()).expect("settings");
    assert_ne!(settings.listen.port(), 0);
    assert_eq!(settings.address.expect("an address").port(), settings.listen.port());
    let wide =
        InitHub { data: hub.home.path().join("wide"), name: "Frome".into(), listen: "0.0.0.0:0".into(), address: None };
    assert_eq!(init_hub(&wide).expect("a hub").settings.address, None);
}
