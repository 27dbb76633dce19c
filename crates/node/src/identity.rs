//! The node's keys and certificates.
//!
//! Two keys a node: the log key, which is the node, and the TLS key, which can be replaced. The Academy has a third one,
//! its certificate authority's. The authority takes the public key alone from a signing request and writes every other
//! field of the certificate itself.

use std::sync::Arc;

use data_encoding::HEXLOWER;
use folkmoot_journal::{LogKey, NodeId};
use rcgen::{
    BasicConstraints, CertificateParams, CertificateSigningRequestParams, DistinguishedName, DnType,
    ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, PublicKeyData, SanType,
    SerialNumber,
};
use rustls::pki_types::{CertificateDer, CertificateSigningRequestDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use time::{Duration, OffsetDateTime};
use zeroize::Zeroizing;

use crate::{
    Error,
    folder::{self, Folder},
};

/// How long a node's certificate lasts.
const CERTIFICATE_LIFE: Duration = Duration::days(365);
/// Clocks differ; a certificate holds from a day before it was made.
const BACKDATED: Duration = Duration::days(1);
/// How long after its end the Academy still takes a certificate.
pub(crate) const GRACE: Duration = Duration::days(30);

/// A public key as certificates hold it: DER of a SubjectPublicKeyInfo.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TlsPublicKey(pub Arc<[u8]>);

/// The secrets of one node.
pub(crate) struct Identity {
    /// The log key: the node itself.
    pub(crate) log_key: Arc<LogKey>,
    tls_key: KeyPair,
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Identity({})", self.log_key.id())
    }
}

impl Identity {
    /// Makes the keys of a new node and writes them down.
    pub(crate) fn create(folder: &Folder) -> Result<Identity, Error> {
        let mut seed = Zeroizing::new([0; 32]);
        getrandom::fill(&mut seed[..]).map_err(|_| Error::Randomness)?;
        let identity = Identity { log_key: Arc::new(LogKey::from_seed(&seed)), tls_key: new_key()? };
        let text = Zeroizing::new(format!("{}\n", &*Zeroizing::new(HEXLOWER.encode(&seed[..]))));
        folder::write(&folder.log_key(), text.as_bytes())?;
        write_key(&folder.tls_key(), &identity.tls_key)?;
        Ok(identity)
    }

    /// Reads the keys of a node.
    pub(crate) fn open(folder: &Folder) -> Result<Identity, Error> {
        let path = folder.log_key();
        let broken = || Error::BrokenFile { path: path.clone(), what: "a log key" };
        let text = Zeroizing::new(folder::read(&path)?);
        let seed = Zeroizing::new(HEXLOWER.decode(text.trim_ascii()).map_err(|_| broken())?);
        let seed: Zeroizing<[u8; 32]> = Zeroizing::new(seed[..].try_into().map_err(|_| broken())?);
        Ok(Identity { log_key: Arc::new(LogKey::from_seed(&seed)), tls_key: read_key(&folder.tls_key())? })
    }

    /// The node's id.
    #[must_use]
    pub(crate) fn id(&self) -> NodeId {
        self.log_key.id()
    }

    /// The TLS key's public half.
    #[must_use]
    pub(crate) fn tls_public_key(&self) -> TlsPublicKey {
        TlsPublicKey(self.tls_key.subject_public_key_info().into())
    }

    /// The TLS key for the TLS library.
    pub(crate) fn tls_private_key(&self) -> PrivateKeyDer<'static> {
        PrivatePkcs8KeyDer::from(self.tls_key.serialize_der()).into()
    }

    /// A certificate signing request for the TLS key.
    pub(crate) fn certificate_request(&self) -> Result<Vec<u8>, Error> {
        let mut params = CertificateParams::default();
        params.distinguished_name = subject(self.id());
        let request =
            params.serialize_request(&self.tls_key).map_err(Error::cryptography("a certificate signing request"))?;
        Ok(request.der().to_vec())
    }
}

fn new_key() -> Result<KeyPair, Error> {
    KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(Error::cryptography("a TLS key"))
}

fn write_key(path: &std::path::Path, key: &KeyPair) -> Result<(), Error> {
    folder::write(path, Zeroizing::new(key.serialize_pem()).as_bytes())
}

fn read_key(path: &std::path::Path) -> Result<KeyPair, Error> {
    let broken = || Error::BrokenFile { path: path.to_owned(), what: "a P-256 private key" };
    let text = Zeroizing::new(folder::read(path)?);
    let text = std::str::from_utf8(&text).map_err(|_| broken())?;
    KeyPair::from_pkcs8_pem_and_sign_algo(text, &PKCS_ECDSA_P256_SHA256).map_err(|_| broken())
}

fn subject(id: NodeId) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, id.to_string());
    name
}

/// The name that a node's certificate carries. Nobody resolves it: peers go by the key.
pub(crate) fn certificate_name(id: NodeId) -> String {
    let id = id.to_string();
    format!("{}.folkmoot.internal", id.get(..32).unwrap_or(&id))
}

/// The federation's certificate authority, which lives in the Academy's folder.
pub(crate) struct Authority {
    key: KeyPair,
    certificate: CertificateDer<'static>,
}

impl std::fmt::Debug for Authority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Authority")
    }
}

impl Authority {
    /// Makes a new authority and writes its key down. The certificate goes into the genesis entry.
    pub(crate) fn create(folder: &Folder) -> Result<Authority, Error> {
        let key = new_key()?;
        let mut name = DistinguishedName::new();
        name.push(DnType::CommonName, "Folkmoot certificate authority");
        let mut params = CertificateParams::default();
        params.distinguished_name = name;
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
        params.not_before = OffsetDateTime::UNIX_EPOCH;
        // "No well-defined expiration date", RFC 5280, section 4.1.2.5.
        params.not_after = rcgen::date_time_ymd(9999, 12, 31) + Duration::seconds(86_399);
        let certificate = params.self_signed(&key).map_err(Error::cryptography("a certificate authority"))?;
        write_key(&folder.authority_key(), &key)?;
        Ok(Authority { key, certificate: certificate.der().clone() })
    }

    /// Reads the authority's key; its certificate is in the genesis entry.
    pub(crate) fn open(folder: &Folder, certificate: Vec<u8>) -> Result<Authority, Error> {
        Ok(Authority { key: read_key(&folder.authority_key())?, certificate: certificate.into() })
    }

    /// The authority's certificate, DER.
    pub(crate) fn certificate(&self) -> &CertificateDer<'static> {
        &self.certificate
    }

    /// Signs a certificate for the key of a signing request and for the node that holds it. Nothing else of the request
    /// is used.
    pub(crate) fn issue(
        &self,
        request: &CertificateRequest,
        id: NodeId,
        now: OffsetDateTime,
    ) -> Result<Vec<u8>, Error> {
        let mut serial = [0; 16];
        getrandom::fill(&mut serial).map_err(|_| Error::Randomness)?;
        // Positive and without a leading zero byte, as RFC 5280 wants it.
        let [first, ..] = &mut serial;
        *first = (*first & 0x7f) | 0x40;
        let san = certificate_name(id).try_into().map_err(Error::cryptography("a certificate"))?;
        let mut params = CertificateParams::default();
        params.distinguished_name = subject(id);
        params.subject_alt_names = vec![SanType::DnsName(san)];
        params.serial_number = Some(SerialNumber::from_slice(&serial));
        params.is_ca = IsCa::ExplicitNoCa;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        params.use_authority_key_identifier_extension = true;
        // The epoch is the earliest that a clock gone astray gives; before it no certificate would parse.
        params.not_before = now.saturating_sub(BACKDATED).max(OffsetDateTime::UNIX_EPOCH);
        params.not_after = params.not_before.saturating_add(CERTIFICATE_LIFE);
        let issuer = Issuer::from_ca_cert_der(&self.certificate, &self.key)
            .map_err(Error::cryptography("the certificate authority"))?;
        let certificate =
            params.signed_by(&request.0.public_key, &issuer).map_err(Error::cryptography("a certificate"))?;
        Ok(certificate.der().to_vec())
    }
}

/// A certificate signing request whose own signature holds.
pub(crate) struct CertificateRequest(CertificateSigningRequestParams);

impl CertificateRequest {
    /// Parses a PKCS#10 request and checks its signature.
    pub(crate) fn parse(der: &[u8]) -> Result<CertificateRequest, Error> {
        let der = CertificateSigningRequestDer::from(der);
        let request = CertificateSigningRequestParams::from_der(&der).map_err(|error| {
            let forged = error == rcgen::Error::InvalidCertificationRequestSignature;
            let why = if forged { "its signature does not hold" } else { "it cannot be read" };
            Error::CertificateRequest { why }
        })?;
        match request.public_key.algorithm() == &PKCS_ECDSA_P256_SHA256 {
            true => Ok(CertificateRequest(request)),
            false => Err(Error::CertificateRequest { why: "its key is not on the P-256 curve" }),
        }
    }

    pub(crate) fn public_key(&self) -> TlsPublicKey {
        TlsPublicKey(self.0.public_key.subject_public_key_info().into())
    }
}

/// When a certificate holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Validity {
    /// The first moment.
    pub(crate) from: OffsetDateTime,
    /// The last moment.
    pub(crate) until: OffsetDateTime,
}

impl Validity {
    /// Reads the dates of a certificate; `None` where it cannot be parsed.
    pub(crate) fn of(certificate: &[u8]) -> Option<Validity> {
        let (_, certificate) = x509_parser::parse_x509_certificate(certificate).ok()?;
        let validity = certificate.validity();
        let moment = |at: &x509_parser::time::ASN1Time| OffsetDateTime::from_unix_timestamp(at.timestamp()).ok();
        Some(Validity { from: moment(&validity.not_before)?, until: moment(&validity.not_after)? })
    }

    /// Whether it is time to renew: two thirds of the certificate's life are over, or the clock has gone astray, stands
    /// before that life, and would never say so.
    pub(crate) fn renewal_due(&self, now: OffsetDateTime) -> bool {
        now < self.from || now >= self.from.saturating_add((self.until - self.from) * 2 / 3)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tls;

    fn nodes() -> (tempfile::TempDir, Folder, Identity, Authority) {
        let home = tempfile::tempdir().expect("a temporary folder");
        let (folder, _lock) = Folder::create(&home.path().join("node")).expect("a folder");
        let identity = Identity::create(&folder).expect("keys");
        let authority = Authority::create(&folder).expect("an authority");
        (home, folder, identity, authority)
    }

    fn now() -> OffsetDateTime {
        OffsetDateTime::from_unix_timestamp(1_800_000_000).expect("a moment")
    }

    #[test]
    fn keys_are_read_back() {
        let (_home, folder, identity, authority) = nodes();
        let again = Identity::open(&folder).expect("keys");
        assert_eq!(again.id(), identity.id());
        assert_eq!(again.tls_public_key(), identity.tls_public_key());
        let again = Authority::open(&folder, authority.certificate().to_vec()).expect("an authority");
        assert_eq!(again.key.public_key_raw(), authority.key.public_key_raw());
    }

    #[test]
    fn broken_key_files_are_named() {
        let (_home, folder, ..) = nodes();
        folder::write(&folder.log_key(), b"abc").expect("written");
        assert!(matches!(Identity::open(&folder), Err(Error::BrokenFile { what: "a log key", .. })));
    }

    #[test]
    fn the_authority_keeps_only_the_key_of_a_request() {
        let (_home, _folder, identity, authority) = nodes();
        let mut params = CertificateParams::new(vec!["evil.example.org".to_owned()]).expect("params");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let request = params.serialize_request(&identity.tls_key).expect("a request");
        let request = CertificateRequest::parse(request.der()).expect("a good request");
        assert_eq!(request.public_key(), identity.tls_public_key());
        let der = authority.issue(&request, identity.id(), now()).expect("a certificate");

        let (_, certificate) = x509_parser::parse_x509_certificate(&der).expect("a certificate");
        assert!(!certificate.is_ca());
        let san = certificate.subject_alternative_name().expect("one").expect("a name");
        assert_eq!(
            format!("{:?}", san.value.general_names),
            format!("[DNSName({:?})]", certificate_name(identity.id()))
        );
        assert!(certificate.subject().to_string().contains(&identity.id().to_string()));
        let usage = certificate.extended_key_usage().expect("one").expect("usages");
        assert!(usage.value.server_auth && usage.value.client_auth && !usage.value.any);
        assert!(!certificate.key_usage().expect("one").expect("usages").value.key_cert_sign());
        assert_eq!(tls::public_key(&der.clone().into()).expect("a key"), identity.tls_public_key());
        let validity = Validity::of(&der).expect("dates");
        assert_eq!(validity.until - validity.from, CERTIFICATE_LIFE);
        assert_eq!(validity.from, now() - BACKDATED);
        assert!(tls::chains_to(&der.into(), authority.certificate()));
    }

    #[test]
    fn a_request_that_was_tampered_with_is_refused() {
        let (_home, _folder, identity, _authority) = nodes();
        let mut request = identity.certificate_request().expect("a request");
        let last = request.len() - 1;
        request[last] ^= 1;
        assert!(matches!(CertificateRequest::parse(&request), Err(Error::CertificateRequest { .. })));
        assert!(matches!(CertificateRequest::parse(b"no request"), Err(Error::CertificateRequest { .. })));
    }

    #[test]
    fn a_certificate_is_renewed_after_two_thirds_of_its_life_and_where_the_clock_cannot_tell() {
        let validity = Validity { from: now(), until: now() + Duration::days(365) };
        for (moment, due) in [
            (OffsetDateTime::UNIX_EPOCH, true),
            (now(), false),
            (now() + Duration::days(243), false),
            (now() + Duration::days(244), true),
            (now() + Duration::days(4_000), true),
        ] {
            assert_eq!(validity.renewal_due(moment), due, "{moment}");
        }
    }

    #[test]
    fn certificates_hold_whatever_the_clock_says() {
        let (_home, _folder, identity, authority) = nodes();
        let request = CertificateRequest::parse(&identity.certificate_request().expect("a request")).expect("good");
        for moment in [OffsetDateTime::UNIX_EPOCH, now(), rcgen::date_time_ymd(2300, 1, 1)] {
            let der = authority.issue(&request, identity.id(), moment).expect("a certificate");
            assert!(tls::chains_to(&der.into(), authority.certificate()), "{moment}");
        }
    }
}
