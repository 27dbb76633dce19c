//! The Academy's end of TLS, played by the test: every byte is decrypted, written down, and sent on.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls13_signature};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{
    ClientConfig, DigitallySignedStruct, DistinguishedName, Error, PeerIncompatible, ServerConfig, SignatureScheme,
};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio_rustls::{TlsAcceptor, TlsConnector};

/// Whose keys the tap holds, and where the Academy really listens.
#[derive(Clone, Debug)]
pub(crate) struct Parties {
    pub(crate) academy: PathBuf,
    pub(crate) hub: PathBuf,
    pub(crate) listens: String,
}

/// What one connection said, decrypted.
#[derive(Clone, Debug, Default)]
pub(crate) struct Conversation {
    pub(crate) from_hub: Vec<u8>,
    pub(crate) from_academy: Vec<u8>,
}

/// Sits between a hub and the Academy.
pub(crate) struct Tap {
    // Ends with the tap.
    _runtime: Runtime,
    shared: Arc<Shared>,
    /// HOST:PORT to dial.
    pub(crate) address: String,
}

#[derive(Default)]
struct Shared {
    parties: Mutex<Option<Parties>>,
    heard: Mutex<Vec<Conversation>>,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Tap {
    /// Listens on a free port; connections fail until the parties are known.
    pub(crate) fn start() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.expect("a runtime");
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).expect("a free port");
        let address = listener.local_addr().expect("an address").to_string();
        let shared = Arc::new(Shared::default());
        let accepting = Arc::clone(&shared);
        runtime.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                // A conversation that breaks is heard as far as it went.
                tokio::spawn(converse(stream, Arc::clone(&accepting)));
            }
        });
        Self { _runtime: runtime, shared, address }
    }

    /// Says who talks through the tap from now on.
    pub(crate) fn between(&self, parties: Parties) {
        *locked(&self.shared.parties) = Some(parties);
    }

    /// All that was said so far.
    pub(crate) fn heard(&self) -> Vec<Conversation> {
        locked(&self.shared.heard).clone()
    }
}

async fn converse(stream: TcpStream, shared: Arc<Shared>) -> Option<()> {
    let parties = locked(&shared.parties).clone()?;
    let certificate = CertificateDer::from(fs::read(parties.academy.join("certificate.der")).ok()?);
    let provider = Arc::new(aws_lc_rs::default_provider());
    let anybody = Arc::new(Anybody(Arc::clone(&provider)));

    let mut server = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(&[&rustls::version::TLS13])
        .ok()?
        .with_client_cert_verifier(Arc::clone(&anybody) as Arc<dyn ClientCertVerifier>)
        .with_single_cert(vec![certificate], key(&parties.academy)?)
        .ok()?;
    server.alpn_protocols = vec![b"h2".to_vec()];
    let near = TlsAcceptor::from(Arc::new(server)).accept(stream).await.ok()?;

    // Towards the Academy the tap is the hub, with whatever certificate the hub has shown, if any.
    let shown: Option<Vec<CertificateDer<'static>>> =
        near.get_ref().1.peer_certificates().map(|chain| chain.iter().map(|one| one.clone().into_owned()).collect());
    let client = client_config(&parties.hub, shown)?;
    let stream = TcpStream::connect(&parties.listens).await.ok()?;
    let name = ServerName::try_from("academy.folkmoot.internal").ok()?;
    let far = TlsConnector::from(Arc::new(client)).connect(name, stream).await.ok()?;

    let at = {
        let mut heard = locked(&shared.heard);
        heard.push(Conversation::default());
        heard.len() - 1
    };
    let (near_in, near_out) = tokio::io::split(near);
    let (far_in, far_out) = tokio::io::split(far);
    let from_hub = forward(near_in, far_out, |bytes| locked(&shared.heard)[at].from_hub.extend_from_slice(bytes));
    let from_academy =
        forward(far_in, near_out, |bytes| locked(&shared.heard)[at].from_academy.extend_from_slice(bytes));
    tokio::join!(from_hub, from_academy);
    Some(())
}

/// A client that takes whatever server it meets, and shows these certificates with the key of the hub in `folder`.
pub(crate) fn client_config(folder: &Path, shown: Option<Vec<CertificateDer<'static>>>) -> Option<ClientConfig> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let anybody = Arc::new(Anybody(Arc::clone(&provider)));
    let builder = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .ok()?
        .dangerous()
        .with_custom_certificate_verifier(anybody);
    let mut client = match shown {
        Some(chain) => builder.with_client_auth_cert(chain, key(folder)?).ok()?,
        None => builder.with_no_client_auth(),
    };
    client.alpn_protocols = vec![b"h2".to_vec()];
    Some(client)
}

fn key(folder: &Path) -> Option<PrivateKeyDer<'static>> {
    PrivateKeyDer::from_pem_slice(&fs::read(folder.join("keys/tls.key")).ok()?).ok()
}

async fn forward(mut from: impl AsyncRead + Unpin, mut to: impl AsyncWrite + Unpin, hear: impl Fn(&[u8])) {
    let mut buffer = vec![0; 16 * 1024];
    while let Ok(read @ 1..) = from.read(&mut buffer).await {
        hear(&buffer[..read]);
        if to.write_all(&buffer[..read]).await.is_err() || to.flush().await.is_err() {
            break;
        }
    }
    // The other direction ends by itself.
    let _ = to.shutdown().await;
}

/// Takes whoever holds the key of the certificate that is shown.
#[derive(Debug)]
struct Anybody(Arc<CryptoProvider>);

impl Anybody {
    fn check(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }
}

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(PeerIncompatible::Tls12NotOffered.into())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.check(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

impl ClientCertVerifier for Anybody {
    fn client_auth_mandatory(&self) -> bool {
        false
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(PeerIncompatible::Tls12NotOffered.into())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.check(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
