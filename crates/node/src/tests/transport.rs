//! TLS as strangers, members and impostors meet it.

use std::sync::Arc;

use folkmoot_proto::federation::v1::{GetGenesisRequest, RenewCertificateRequest};
use rustls::{HandshakeKind, client::Resumption, pki_types::ServerName};
use tokio::{io::AsyncReadExt, net::TcpStream};
use tokio_rustls::TlsConnector;
use tonic::Code;

use super::*;
use crate::{
    dial::{Line, dial},
    folder::Folder,
    generated::federation::{
        enrolment_service_client::EnrolmentServiceClient, exchange_service_client::ExchangeServiceClient,
    },
    identity::{Authority, CertificateRequest, Identity},
    tls::{Expected, client_config},
};

/// Somebody with keys, and a certificate from an authority of its own.
struct Impostor {
    _home: TempDir,
    identity: Identity,
    certificate: rustls::pki_types::CertificateDer<'static>,
}

impl Impostor {
    fn new() -> Impostor {
        let home = tempfile::tempdir().expect("a temporary folder");
        let (folder, _lock) = Folder::create(&home.path().join("node")).expect("a folder");
        let identity = Identity::create(&folder).expect("keys");
        let authority = Authority::create(&folder).expect("an authority");
        let request = identity.certificate_request().expect("a request");
        let request = CertificateRequest::parse(&request).expect("a request");
        let certificate = authority.issue(&request, identity.id(), Hands::at(TODAY).clock().now()).expect("one");
        Impostor { _home: home, identity, certificate: certificate.into() }
    }
}

async fn genesis(line: Result<Line, Error>) -> Result<(), Code> {
    let mut client = EnrolmentServiceClient::new(line.map_err(|_| Code::Unavailable)?.channel);
    client.get_genesis(GetGenesisRequest {}).await.map(drop).map_err(|status| status.code())
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_may_ask_for_the_genesis_and_nothing_else() {
    let (_home, academy) = academy().await;
    let address = academy.node().settings().address.clone().expect("an address");
    let config = || client_config(None, Expected::Anybody).expect("a config");
    assert_eq!(genesis(dial(&address, config()).await).await, Ok(()));
    let line = dial(&address, config()).await.expect("a line");
    let mut client = EnrolmentServiceClient::new(line.channel);
    let refused = client.renew_certificate(RenewCertificateRequest::default()).await.expect_err("refused");
    assert_eq!(refused.code(), Code::PermissionDenied);
    academy.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_that_the_federation_did_not_sign_is_refused() {
    let (_home, academy) = academy().await;
    let address = academy.node().settings().address.clone().expect("an address");
    let impostor = Impostor::new();
    let own = Some((&impostor.identity, &impostor.certificate));
    let line = dial(&address, client_config(own, Expected::Anybody).expect("a config")).await;
    assert!(genesis(line).await.is_err());
    academy.stop().await;
}

/// Shows a certificate without holding its key.
#[derive(Debug)]
struct Thief(Arc<rustls::sign::CertifiedKey>);

impl rustls::client::ResolvesClientCert for Thief {
    fn resolve(&self, _: &[&[u8]], _: &[rustls::SignatureScheme]) -> Option<Arc<rustls::sign::CertifiedKey>> {
        Some(Arc::clone(&self.0))
    }

    fn has_certs(&self) -> bool {
        true
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stolen_certificate_is_worth_nothing_without_its_key() {
    let (_home, academy) = academy().await;
    let (_place, hub) = Place::joined("Warminster", &academy).await;
    let address = academy.node().settings().address.clone().expect("an address");
    let certificate = hub.node().certified().expect("a certificate").certificate.clone();
    let key = |identity: &Identity| {
        rustls::crypto::aws_lc_rs::sign::any_ecdsa_type(&identity.tls_private_key()).expect("a key")
    };
    let thief = Impostor::new();
    for (key, expected) in [(key(&thief.identity), false), (key(hub.node().identity()), true)] {
        let mut config = client_config(None, Expected::Anybody).expect("a config");
        let shown = rustls::sign::CertifiedKey::new(vec![certificate.clone()], key);
        config.client_auth_cert_resolver = Arc::new(Thief(Arc::new(shown)));
        assert_eq!(genesis(dial(&address, config).await).await.is_ok(), expected);
    }
    hub.stop().await;
    academy.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dialler_refuses_another_key_than_the_one_listed() {
    let (_home, academy) = academy().await;
    let address = academy.node().settings().address.clone().expect("an address");
    let expected = Expected::Key(Impostor::new().identity.tls_public_key());
    let refused = dial(&address, client_config(None, expected).expect("a config")).await.err().expect("refused");
    assert!(matches!(refused, Error::WrongNode { .. }), "{refused}");
    let expected = Expected::Key(academy.node().identity().tls_public_key());
    assert!(dial(&address, client_config(None, expected).expect("a config")).await.is_ok());
    academy.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_session_is_resumed() {
    let (_home, academy) = academy().await;
    let mut config = client_config(None, Expected::Anybody).expect("a config");
    config.resumption = Resumption::in_memory_sessions(8);
    let config = Arc::new(config);
    for _ in 0..2 {
        let stream = TcpStream::connect(academy.node().settings().listen).await.expect("a connection");
        let name = ServerName::try_from("node.folkmoot.internal").expect("a name");
        let mut stream = TlsConnector::from(Arc::clone(&config)).connect(name, stream).await.expect("a handshake");
        // The server speaks first in HTTP/2; a ticket would have come before that.
        stream.read_u8().await.expect("a byte");
        assert_eq!(stream.get_ref().1.handshake_kind(), Some(HandshakeKind::Full));
    }
    academy.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tls_before_1_3_is_refused() {
    let (_home, academy) = academy().await;
    let verifier = client_config(None, Expected::Anybody).expect("a config");
    let mut roots = rustls::RootCertStore::empty();
    roots.add(Impostor::new().certificate).expect("a root, which is never asked");
    let config = rustls::ClientConfig::builder_with_protocol_versions(&[&rustls::version::TLS12])
        .with_root_certificates(roots)
        .with_no_client_auth();
    drop(verifier);
    let stream = TcpStream::connect(academy.node().settings().listen).await.expect("a connection");
    let name = ServerName::try_from("node.folkmoot.internal").expect("a name");
    let error = TlsConnector::from(Arc::new(config)).connect(name, stream).await.expect_err("refused").to_string();
    assert!(error.contains("ProtocolVersion"), "{error}");
    academy.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_cannot_open_exchanges_without_end() {
    let (_home, academy) = academy().await;
    let (_place, hub) = Place::joined("Warminster", &academy).await;
    let (identity, certified) = (hub.node().identity(), hub.node().certified().expect("a certificate"));
    let address = academy.node().settings().address.clone().expect("an address");
    let own = Some((identity, &certified.certificate));
    let line = dial(&address, client_config(own, Expected::Anybody).expect("a config")).await.expect("a line");
    let mut client = ExchangeServiceClient::new(line.channel);
    let (mut open, mut refused) = (Vec::new(), None);
    while refused.is_none() && open.len() < 20 {
        // It never says Hello, and never ends.
        match client.exchange(futures_util::stream::pending()).await {
            Ok(answers) => open.push(answers),
            Err(status) => refused = Some(status),
        }
    }
    assert_eq!(refused.expect("a refusal").code(), Code::ResourceExhausted);
    hub.stop().await;
    academy.stop().await;
}
