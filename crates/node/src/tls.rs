//! TLS as nodes speak it to each other: 1.3 only, no resumption, peers known by their key.
//!
//! A certificate is a vessel for a key. The verifiers here check that the peer holds the key (the handshake's signature)
//! and leave who it is to the directory: a node whose clock says 1970 still talks. Dates are enforced by the Academy
//! alone, with grace, when it accepts a connection.

use std::sync::Arc;

use folkmoot_journal::NodeId;
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, DistinguishedName, ServerConfig, SignatureScheme,
    client::{
        Resumption,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::{CryptoProvider, WebPkiSupportedAlgorithms, aws_lc_rs, verify_tls13_signature},
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime},
    server::{
        NoServerSessionStorage,
        danger::{ClientCertVerified, ClientCertVerifier},
    },
};
use webpki::{EndEntityCert, KeyUsage, anchor_from_trusted_cert};

use crate::{
    Error,
    identity::{Authority, GRACE, Identity, TlsPublicKey, Validity, certificate_name},
    node::Clock,
};

/// The protocol that TLS settles on.
const ALPN: &[u8] = b"h2";

fn provider() -> Arc<CryptoProvider> {
    Arc::new(aws_lc_rs::default_provider())
}

/// The public key of a certificate; `None` where it cannot be parsed.
pub(crate) fn public_key(certificate: &CertificateDer<'_>) -> Option<TlsPublicKey> {
    let certificate = EndEntityCert::try_from(certificate).ok()?;
    Some(TlsPublicKey(certificate.subject_public_key_info().as_ref().into()))
}

/// Whether an authority signed a certificate for a server, at some moment within the certificate's own dates.
pub(crate) fn chains_to(certificate: &CertificateDer<'_>, authority: &CertificateDer<'_>) -> bool {
    let Some(validity) = Validity::of(certificate) else { return false };
    let Ok(moment) = u64::try_from(validity.from.unix_timestamp()) else { return false };
    let moment = UnixTime::since_unix_epoch(std::time::Duration::from_secs(moment));
    let Ok(anchor) = anchor_from_trusted_cert(authority) else { return false };
    let Ok(end) = EndEntityCert::try_from(certificate) else { return false };
    let algorithms = provider().signature_verification_algorithms.all;
    end.verify_for_usage(algorithms, &[anchor], &[], moment, KeyUsage::server_auth(), None, None).is_ok()
}

/// Whether a certificate carries the name that the authority gives to one node alone.
pub(crate) fn names(certificate: &CertificateDer<'_>, id: NodeId) -> bool {
    let Ok(name) = ServerName::try_from(certificate_name(id)) else { return false };
    EndEntityCert::try_from(certificate).is_ok_and(|end| end.verify_is_valid_for_subject_name(&name).is_ok())
}

/// What the Academy asks of a hub's certificate when it accepts a connection.
#[derive(Debug, Clone)]
pub(crate) struct DateRule {
    pub(crate) authority: CertificateDer<'static>,
    pub(crate) clock: Clock,
}

impl DateRule {
    pub(crate) fn new(authority: &Authority, clock: Clock) -> DateRule {
        DateRule { authority: authority.certificate().clone(), clock }
    }

    /// The federation's authority signed the certificate, and it ended no longer than the grace ago.
    fn check(&self, certificate: &CertificateDer<'_>) -> Result<(), CertificateError> {
        let validity = Validity::of(certificate).ok_or(CertificateError::BadEncoding)?;
        if self.clock.now() > validity.until.saturating_add(GRACE) {
            return Err(CertificateError::Expired);
        }
        match chains_to(certificate, &self.authority) {
            true => Ok(()),
            false => Err(CertificateError::UnknownIssuer),
        }
    }
}

/// What a listening node presents and asks for. A peer may come without a certificate: to enrol.
pub(crate) fn server_config(
    identity: &Identity,
    certificate: &CertificateDer<'static>,
    dates: Option<DateRule>,
) -> Result<ServerConfig, Error> {
    let provider = provider();
    let verifier = Arc::new(AnyKey { dates, algorithms: provider.signature_verification_algorithms });
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(Error::cryptography("TLS 1.3"))?
        .with_client_cert_verifier(verifier)
        .with_single_cert(vec![certificate.clone()], identity.tls_private_key())
        .map_err(Error::cryptography("the node's certificate"))?;
    config.send_tls13_tickets = 0;
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.max_early_data_size = 0;
    config.alpn_protocols = vec![ALPN.to_vec()];
    Ok(config)
}

/// Whom a dialling node expects.
#[derive(Debug, Clone)]
pub(crate) enum Expected {
    /// The holder of this key alone.
    Key(TlsPublicKey),
    /// Anybody, for now: the caller checks the certificate before it says anything that matters.
    Anybody,
}

/// What a dialling node presents and expects. Without a certificate of its own it can only enrol.
pub(crate) fn client_config(
    own: Option<(&Identity, &CertificateDer<'static>)>,
    expected: Expected,
) -> Result<ClientConfig, Error> {
    let provider = provider();
    let verifier = Arc::new(KnownKey { expected, algorithms: provider.signature_verification_algorithms });
    let builder = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(Error::cryptography("TLS 1.3"))?
        .dangerous()
        .with_custom_certificate_verifier(verifier);
    let mut config = match own {
        Some((identity, certificate)) => {
            let key: PrivateKeyDer<'static> = identity.tls_private_key();
            builder
                .with_client_auth_cert(vec![certificate.clone()], key)
                .map_err(Error::cryptography("the node's certificate"))?
        }
        None => builder.with_no_client_auth(),
    };
    config.resumption = Resumption::disabled();
    config.enable_early_data = false;
    config.alpn_protocols = vec![ALPN.to_vec()];
    Ok(config)
}

/// Takes any client that holds the key of the certificate it shows. Who that is, and what it may do, the directory says
/// on every call.
#[derive(Debug)]
struct AnyKey {
    dates: Option<DateRule>,
    algorithms: WebPkiSupportedAlgorithms,
}

impl ClientCertVerifier for AnyKey {
    fn client_auth_mandatory(&self) -> bool {
        false
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        public_key(end_entity).ok_or(CertificateError::BadEncoding)?;
        if let Some(dates) = &self.dates {
            dates.check(end_entity)?;
        }
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Err(rustls::PeerIncompatible::Tls12NotOffered.into())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signature, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

/// Takes the server that the dialler expects.
#[derive(Debug)]
struct KnownKey {
    expected: Expected,
    algorithms: WebPkiSupportedAlgorithms,
}

impl ServerCertVerifier for KnownKey {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let Some(key) = public_key(end_entity) else { return Err(CertificateError::BadEncoding.into()) };
        match &self.expected {
            Expected::Key(expected) if *expected != key => Err(CertificateError::ApplicationVerificationFailure.into()),
            Expected::Key(_) | Expected::Anybody => Ok(ServerCertVerified::assertion()),
        }
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Err(rustls::PeerIncompatible::Tls12NotOffered.into())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signature, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}
