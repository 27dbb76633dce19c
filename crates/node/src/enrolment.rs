//! The Academy's side of joining: invite codes become certificates and entries of the directory.

use std::sync::Arc;

use folkmoot_domain::hub::HubName;
use folkmoot_journal::{Context, Hash, LogPublicKey, Signature};
use folkmoot_proto::federation::v1::{
    EnrolRequest, EnrolResponse, GetGenesisRequest, GetGenesisResponse, RenewCertificateRequest,
    RenewCertificateResponse,
};
use folkmoot_store::academy::Enrolment;
use tonic::{Code, Request, Response, Status};

use crate::{
    access::{Caller, Permit},
    exchange::LARGEST_MESSAGE,
    generated::federation::enrolment_service_server::{EnrolmentService, EnrolmentServiceServer},
    identity::{Authority, CertificateRequest, TlsPublicKey},
    join::signed_bytes,
    node::Node,
    settings::PeerAddress,
    status::{self, Violations, reasoned},
};

/// A certificate signing request for one key is far smaller.
const LARGEST_REQUEST: usize = 8 << 10;

/// The Academy's enrolment desk. Other nodes have none.
#[derive(Debug)]
pub(crate) struct Enrolments {
    node: Arc<Node>,
    authority: Option<Arc<Authority>>,
}

/// What an enrolment asks for, checked but for the token.
struct Asked {
    token: [u8; 16],
    name: HubName,
    log_key: LogPublicKey,
    request: CertificateRequest,
    address: Option<PeerAddress>,
}

impl Enrolments {
    pub(crate) fn service(node: Arc<Node>, authority: Option<Arc<Authority>>) -> EnrolmentServiceServer<Enrolments> {
        // The directory goes out in one answer; what comes in is small.
        EnrolmentServiceServer::new(Enrolments { node, authority })
            .max_decoding_message_size(LARGEST_MESSAGE)
            .max_encoding_message_size(64 * LARGEST_MESSAGE)
    }

    fn authority(&self) -> Result<&Authority, Status> {
        self.authority.as_deref().ok_or_else(|| {
            reasoned(Code::FailedPrecondition, "NOT_THE_ACADEMY", "this node is a hub: only the Academy lets hubs in")
        })
    }

    fn certificate(&self, request: &CertificateRequest, id: folkmoot_journal::NodeId) -> Result<Vec<u8>, Status> {
        let issued = self.authority()?.issue(request, id, self.node.now());
        issued.map_err(|error| status::failed(Code::Internal, "NO_CERTIFICATE", &error))
    }

    fn check(&self, asked: EnrolRequest) -> Result<Asked, Status> {
        let mut violations = Violations::default();
        let token = <[u8; 16]>::try_from(asked.token.as_slice())
            .map_err(|_| violations.add("token", "not 16 bytes: copy the whole code"))
            .ok();
        let name = asked
            .display_name
            .parse::<HubName>()
            .map_err(|error| violations.add("display_name", error.to_string()))
            .ok();
        let log_key =
            LogPublicKey::from_slice(&asked.log_key).map_err(|error| violations.add("log_key", error.to_string())).ok();
        let request = match asked.certificate_request.len() {
            0..=LARGEST_REQUEST => CertificateRequest::parse(&asked.certificate_request)
                .map_err(|error| violations.add("certificate_request", error.to_string()))
                .ok(),
            _ => {
                violations.add("certificate_request", "longer than any request for one key");
                None
            }
        };
        let address = match asked.address.as_str() {
            "" => Some(None),
            text => PeerAddress::parse(text).map_err(|error| violations.add("address", error)).ok().map(Some),
        };
        let signature = Signature::from_slice(&asked.signature)
            .map_err(|error| violations.add("signature", error.to_string()))
            .ok();
        if let (Some(log_key), Some(signature), Some(federation)) = (&log_key, &signature, self.node.federation()) {
            let signed = signed_bytes(federation, &asked.token, &asked.certificate_request);
            if log_key.verify(Context::Enrol, &signed, signature).is_err() {
                violations.add("signature", "does not hold for this log key, token and request");
            }
        }
        match (token, name, log_key, request, address, signature) {
            (Some(token), Some(name), Some(log_key), Some(request), Some(address), Some(_)) => {
                violations.check()?;
                Ok(Asked { token, name, log_key, request, address })
            }
            _ => Err(violations.refuse()),
        }
    }
}

#[tonic::async_trait]
impl EnrolmentService for Enrolments {
    async fn get_genesis(&self, request: Request<GetGenesisRequest>) -> Result<Response<GetGenesisResponse>, Status> {
        Permit::of(&request)?;
        let genesis = self.node.on_store(|store| store.journal().genesis()).await.map_err(status::store)?;
        Ok(Response::new(GetGenesisResponse { genesis: Some(genesis.to_wire()) }))
    }

    async fn enrol(&self, request: Request<EnrolRequest>) -> Result<Response<EnrolResponse>, Status> {
        Permit::of(&request)?;
        self.authority()?;
        let Asked { token, name, log_key, request, address } = self.check(request.into_inner())?;
        let TlsPublicKey(tls_key) = request.public_key();
        let enrolment = Enrolment {
            token_hash: Hash::of(&token),
            name,
            log_key,
            tls_key: tls_key.to_vec(),
            address: address.map(|address| address.to_string()),
        };
        let directory = self
            .node
            .on_store(move |store| {
                store.academy()?.redeem(enrolment)?;
                store.journal().directory_frames()
            })
            .await
            .map_err(status::store)?;
        let certificate = self.certificate(&request, log_key.id())?;
        tracing::info!(hub = %log_key.id(), "a hub joined");
        Ok(Response::new(EnrolResponse { certificate, directory }))
    }

    async fn renew_certificate(
        &self,
        request: Request<RenewCertificateRequest>,
    ) -> Result<Response<RenewCertificateResponse>, Status> {
        let Caller::Peer { id, .. } = *Permit::of(&request)?.caller() else {
            return Err(reasoned(
                Code::PermissionDenied,
                "NOT_PERMITTED",
                "only a hub that joined renews its certificate",
            ));
        };
        let asked = request.into_inner().certificate_request;
        let bad = |words: String| {
            let mut violations = Violations::default();
            violations.add("certificate_request", words);
            violations.refuse()
        };
        if asked.len() > LARGEST_REQUEST {
            return Err(bad("longer than any request for one key".to_owned()));
        }
        let request = CertificateRequest::parse(&asked).map_err(|error| bad(error.to_string()))?;
        let listed = self.node.directory().by_tls_key(&request.public_key().0).map(|member| member.id);
        if listed != Some(id) {
            return Err(bad("its key is not the one that the directory lists for this hub".to_owned()));
        }
        Ok(Response::new(RenewCertificateResponse { certificate: self.certificate(&request, id)? }))
    }
}
