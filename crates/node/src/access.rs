//! Who may call what: one table, denial by default.
//!
//! Every call passes [`AccessLayer`] before a handler sees it. A path without a row is refused, whoever asks. On the Unix
//! socket the caller is the operator; on the TLS port it is whoever its key says, and the directory is asked on every
//! call. Handlers take a [`Permit`], which only this module makes, so that a service mounted without the layer refuses.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::sync::Arc;
use std::task::{Context, Poll};

use folkmoot_journal::{self as journal, Directory, NodeId, PeerStatus};
use folkmoot_store::hub::Writer;
use futures_util::future::Either;
use tonic::{Code, Status};
use tower::{Layer, Service};

use crate::identity::TlsPublicKey;
use crate::listener::PeerConnection;
use crate::node::Node;
use crate::socket::OperatorConnection;
use crate::status;

/// What a caller is to this node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// Whoever runs this node: on the Unix socket.
    Operator,
    /// The Academy's node.
    AcademyPeer,
    /// The node of an enrolled hub.
    HubPeer,
    /// Holds a key that the directory held here does not list (yet).
    Newcomer,
    /// Showed no certificate.
    Stranger,
}

/// One row of the table.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Row {
    /// The path of the call: `/package.Service/Method`.
    pub(crate) path: &'static str,
    /// Who may make it.
    pub(crate) roles: &'static [Role],
}

const OPERATOR: &[Role] = &[Role::Operator];
const ANYBODY: &[Role] = &[Role::Operator, Role::AcademyPeer, Role::HubPeer, Role::Newcomer, Role::Stranger];
const JOINING: &[Role] = &[Role::Stranger, Role::Newcomer, Role::HubPeer];

const fn row(path: &'static str, roles: &'static [Role]) -> Row {
    Row { path, roles }
}

/// Every call that a node answers, and who may make it.
pub(crate) const TABLE: &[Row] = &[
    row("/folkmoot.academy.v1.AppointmentService/AppointLead", OPERATOR),
    row("/folkmoot.academy.v1.CurriculumService/PublishEdition", OPERATOR),
    row("/folkmoot.academy.v1.CurriculumService/RetireItem", OPERATOR),
    row("/folkmoot.academy.v1.HubService/InviteHub", OPERATOR),
    row("/folkmoot.academy.v1.HubService/ListHubs", OPERATOR),
    row("/folkmoot.academy.v1.HubService/RevokeHub", OPERATOR),
    row("/folkmoot.academy.v1.HubService/UpdateHub", OPERATOR),
    row("/folkmoot.academy.v1.PolicyService/CreatePolicy", OPERATOR),
    row("/folkmoot.academy.v1.PolicyService/ListPolicies", OPERATOR),
    row("/folkmoot.academy.v1.ProgrammeService/CreateProgramme", OPERATOR),
    row("/folkmoot.academy.v1.ProgrammeService/ListProgrammes", OPERATOR),
    row("/folkmoot.academy.v1.ReportService/GetReport", OPERATOR),
    row("/folkmoot.academy.v1.StatisticsService/ListCoverage", OPERATOR),
    row("/folkmoot.academy.v1.StatisticsService/ListDeclaredFigures", OPERATOR),
    row("/folkmoot.academy.v1.StatisticsService/ListIndicators", OPERATOR),
    row("/folkmoot.academy.v1.StatisticsService/ListObservations", OPERATOR),
    row("/folkmoot.academy.v1.StatisticsService/ListReceivedReleases", OPERATOR),
    row("/folkmoot.academy.v1.VerificationService/ExportReleases", OPERATOR),
    row("/folkmoot.federation.v1.EnrolmentService/Enrol", JOINING),
    row("/folkmoot.federation.v1.EnrolmentService/GetGenesis", JOINING),
    row("/folkmoot.federation.v1.EnrolmentService/RenewCertificate", &[Role::HubPeer]),
    // The Academy never dials. A newcomer is told nothing: it may only bring directory entries that list it.
    row("/folkmoot.federation.v1.ExchangeService/Exchange", &[Role::HubPeer, Role::Newcomer]),
    row("/folkmoot.hub.v1.CampaignErasureService/DiscardUnsentEdits", OPERATOR),
    row("/folkmoot.hub.v1.CampaignErasureService/EraseHistory", OPERATOR),
    row("/folkmoot.hub.v1.CampaignErasureService/GetErasure", OPERATOR),
    row("/folkmoot.hub.v1.CampaignErasureService/ListUnsentEdits", OPERATOR),
    row("/folkmoot.hub.v1.CampaignMembershipService/AcceptLead", OPERATOR),
    row("/folkmoot.hub.v1.CampaignMembershipService/AdmitMember", OPERATOR),
    row("/folkmoot.hub.v1.CampaignMembershipService/ListMemberships", OPERATOR),
    row("/folkmoot.hub.v1.CampaignMembershipService/OfferLead", OPERATOR),
    row("/folkmoot.hub.v1.CampaignMembershipService/RemoveMember", OPERATOR),
    row("/folkmoot.hub.v1.CampaignMembershipService/SetPruning", OPERATOR),
    row("/folkmoot.hub.v1.CampaignMembershipService/SetRelay", OPERATOR),
    row("/folkmoot.hub.v1.CampaignService/AddAction", OPERATOR),
    row("/folkmoot.hub.v1.CampaignService/AddAsk", OPERATOR),
    row("/folkmoot.hub.v1.CampaignService/AddDecisionMaker", OPERATOR),
    row("/folkmoot.hub.v1.CampaignService/AddIssue", OPERATOR),
    row("/folkmoot.hub.v1.CampaignService/AddLink", OPERATOR),
    row("/folkmoot.hub.v1.CampaignService/AddTask", OPERATOR),
    row("/folkmoot.hub.v1.CampaignService/AppendNotes", OPERATOR),
    row("/folkmoot.hub.v1.CampaignService/ApplyChanges", OPERATOR),
    row("/folkmoot.hub.v1.CampaignService/CompareVersions", OPERATOR),
    row("/folkmoot.hub.v1.CampaignService/CountReach", OPERATOR),
    row("/folkmoot.hub.v1.CampaignService/CreateCampaign", OPERATOR),
    row("/folkmoot.hub.v1.CampaignService/EditNotes", OPERATOR),
    row("/folkmoot.hub.v1.CampaignService/EditStory", OPERATOR),
    row("/folkmoot.hub.v1.CampaignService/ExportCampaign", OPERATOR),
    row("/folkmoot.hub.v1.CampaignService/GetCampaign", OPERATOR),
    row("/folkmoot.hub.v1.CampaignService/ListCampaigns", OPERATOR),
    row("/folkmoot.hub.v1.CampaignService/ListChanges", OPERATOR),
    row("/folkmoot.hub.v1.CampaignService/MarkText", OPERATOR),
    row("/folkmoot.hub.v1.CampaignService/RemoveEntry", OPERATOR),
    row("/folkmoot.hub.v1.CampaignService/SetAim", OPERATOR),
    row("/folkmoot.hub.v1.CampaignService/SetTitle", OPERATOR),
    row("/folkmoot.hub.v1.CampaignService/SignUpOrganisation", OPERATOR),
    row("/folkmoot.hub.v1.CampaignService/UndoChange", OPERATOR),
    row("/folkmoot.hub.v1.CampaignService/UpdateAction", OPERATOR),
    row("/folkmoot.hub.v1.CampaignService/UpdateAsk", OPERATOR),
    row("/folkmoot.hub.v1.CampaignService/UpdateDecisionMaker", OPERATOR),
    row("/folkmoot.hub.v1.CampaignService/UpdateIssue", OPERATOR),
    row("/folkmoot.hub.v1.CampaignService/UpdateLink", OPERATOR),
    row("/folkmoot.hub.v1.CampaignService/UpdateTask", OPERATOR),
    row("/folkmoot.hub.v1.CampaignService/WatchCampaign", OPERATOR),
    row("/folkmoot.hub.v1.IndicatorService/ListIndicators", OPERATOR),
    row("/folkmoot.hub.v1.PolicyService/ListPolicies", OPERATOR),
    row("/folkmoot.hub.v1.RecordService/ImportRecords", OPERATOR),
    row("/folkmoot.hub.v1.RecordService/RecordListening", OPERATOR),
    row("/folkmoot.hub.v1.RecordService/ShowPerson", OPERATOR),
    row("/folkmoot.hub.v1.ReleaseService/ApproveRelease", OPERATOR),
    row("/folkmoot.hub.v1.ReleaseService/GetRelease", OPERATOR),
    row("/folkmoot.hub.v1.ReleaseService/HoldRelease", OPERATOR),
    row("/folkmoot.hub.v1.ReleaseService/ListReleases", OPERATOR),
    row("/folkmoot.hub.v1.ReleaseService/PreviewRelease", OPERATOR),
    row("/folkmoot.hub.v1.ReleaseService/ResumeRelease", OPERATOR),
    row("/folkmoot.node.v1.CurriculumService/GetEdition", OPERATOR),
    row("/folkmoot.node.v1.CurriculumService/ListEditions", OPERATOR),
    row("/folkmoot.node.v1.NodeService/GetStatus", OPERATOR),
    row("/folkmoot.node.v1.NodeService/Synchronize", OPERATOR),
    row("/grpc.health.v1.Health/Check", ANYBODY),
    row("/grpc.health.v1.Health/Watch", ANYBODY),
    row("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", OPERATOR),
    row("/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", OPERATOR),
];

/// Who makes a call. A peer is who its key says, whatever its messages say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Caller {
    /// Somebody at the Unix socket: the node's own user, or root.
    Operator {
        /// The user's number.
        uid: u32,
    },
    /// Somebody at the TLS port without a certificate.
    Stranger,
    /// Somebody at the TLS port whose key the directory held here does not list.
    Unlisted,
    /// A node that the directory lists.
    Peer {
        /// The node.
        id: NodeId,
        /// What it is.
        role: journal::Role,
        /// Whether it may take part.
        status: PeerStatus,
    },
}

impl Caller {
    /// What a connection has proved, by the directory of this moment.
    fn of(extensions: &http::Extensions, directory: &Directory) -> Self {
        if let Some(operator) = extensions.get::<OperatorConnection>() {
            return Self::Operator { uid: operator.uid };
        }
        Self::behind(extensions.get::<PeerConnection>().and_then(|connection| connection.key.as_ref()), directory)
    }

    /// Who holds a key, as the directory lists it.
    fn behind(key: Option<&TlsPublicKey>, directory: &Directory) -> Self {
        match key.map(|key| directory.by_tls_key(&key.0)) {
            None => Self::Stranger,
            Some(None) => Self::Unlisted,
            Some(Some(member)) => Self::Peer { id: member.id, role: member.role, status: member.status() },
        }
    }
}

/// Proof that the table lets this caller make this call. Only [`AccessLayer`] makes one.
#[derive(Clone, Debug)]
pub(crate) struct Permit {
    caller: Caller,
}

impl Permit {
    /// The permit that came with a request.
    ///
    /// # Errors
    /// Where the service is mounted without the access layer.
    pub(crate) fn of<T>(request: &tonic::Request<T>) -> Result<&Self, Status> {
        request.extensions().get().ok_or_else(|| {
            status::reasoned(Code::Internal, "NO_PERMIT", "this service is mounted without access control")
        })
    }

    /// Who writes, where the call comes from the socket.
    ///
    /// # Errors
    /// Where it comes from anywhere else.
    pub(crate) fn writer(&self) -> Result<Writer, Status> {
        match self.caller {
            Caller::Operator { uid } => Ok(Writer { uid }),
            Caller::Stranger | Caller::Unlisted | Caller::Peer { .. } => Err(status::reasoned(
                Code::PermissionDenied,
                "NOT_AN_OPERATOR",
                "records are written through the socket in the node's folder",
            )),
        }
    }

    /// Who makes the call.
    pub(crate) fn caller(&self) -> &Caller {
        &self.caller
    }
}

/// Lets a call through with a [`Permit`], or answers it with a denial.
#[derive(Clone)]
pub(crate) struct AccessLayer {
    node: Arc<Node>,
}

impl AccessLayer {
    /// For the services of a node. Who calls, and how the directory lists it, is asked anew for every call.
    pub(crate) fn new(node: Arc<Node>) -> Self {
        Self { node }
    }
}

impl<S> Layer<S> for AccessLayer {
    type Service = Guard<S>;

    fn layer(&self, inner: S) -> Guard<S> {
        Guard { node: Arc::clone(&self.node), inner }
    }
}

/// A service behind the table.
#[derive(Clone)]
pub(crate) struct Guard<S> {
    node: Arc<Node>,
    inner: S,
}

impl<S, B, R> Service<http::Request<B>> for Guard<S>
where
    S: Service<http::Request<B>, Response = http::Response<R>, Error = Infallible>,
    R: Default,
{
    type Response = http::Response<R>;
    type Error = Infallible;
    type Future = Either<Ready<Result<Self::Response, Infallible>>, S::Future>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: http::Request<B>) -> Self::Future {
        match self.admit(&request) {
            Ok(permit) => {
                request.extensions_mut().insert(permit);
                Either::Right(self.inner.call(request))
            }
            Err(denial) => Either::Left(ready(Ok(denial.into_http()))),
        }
    }
}

impl<S> Guard<S> {
    fn admit<B>(&self, request: &http::Request<B>) -> Result<Permit, Status> {
        if request.extensions().get().is_some_and(|connection: &PeerConnection| !connection.may_ask()) {
            return Err(status::reasoned(
                Code::ResourceExhausted,
                "TOO_MANY_REQUESTS",
                "this node asks more often than a node may: wait a second, then go on more slowly",
            ));
        }
        admit(request.uri().path(), Caller::of(request.extensions(), &self.node.directory()))
    }
}

fn admit(path: &str, caller: Caller) -> Result<Permit, Status> {
    let Some(row) = TABLE.iter().find(|row| row.path == path) else {
        return Err(status::reasoned(Code::Unimplemented, "NO_SUCH_METHOD", "this node has no such method"));
    };
    let role = role(caller)?;
    if row.roles.contains(&role) {
        Ok(Permit { caller })
    } else {
        tracing::info!(path = row.path, ?role, "call denied");
        Err(status::reasoned(Code::PermissionDenied, "NOT_PERMITTED", denial_words(role)))
    }
}

/// What a caller is to this node; none where its status forbids every call.
fn role(caller: Caller) -> Result<Role, Status> {
    match caller {
        Caller::Operator { .. } => Ok(Role::Operator),
        Caller::Stranger => Ok(Role::Stranger),
        Caller::Unlisted | Caller::Peer { status: PeerStatus::NotListed, .. } => Ok(Role::Newcomer),
        Caller::Peer { status: PeerStatus::Listed, role: journal::Role::Academy, .. } => Ok(Role::AcademyPeer),
        Caller::Peer { status: PeerStatus::Listed, role: journal::Role::Hub, .. } => Ok(Role::HubPeer),
        Caller::Peer { status: PeerStatus::Suspended, .. } => Err(status::reasoned(
            Code::PermissionDenied,
            "PEER_SUSPENDED",
            "the Academy has suspended this node: ask the Academy to lift it",
        )),
        Caller::Peer { status: PeerStatus::Revoked, .. } => Err(status::reasoned(
            Code::PermissionDenied,
            "PEER_REVOKED",
            "the Academy has revoked this node: it may not take part any more",
        )),
    }
}

fn denial_words(role: Role) -> &'static str {
    match role {
        Role::Operator => "this is for other nodes, on the TLS port",
        Role::AcademyPeer | Role::HubPeer => "this is not for other nodes",
        Role::Newcomer => "the directory held here does not list this node's key",
        Role::Stranger => "this needs the certificate of a member of the federation",
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use prost::Message as _;
    use prost_types::FileDescriptorSet;

    use super::*;

    fn methods(set: &[u8]) -> Vec<String> {
        let set = FileDescriptorSet::decode(set).expect("descriptors that decode");
        set.file
            .iter()
            .flat_map(|file| file.service.iter().map(move |service| (file.package(), service)))
            .flat_map(|(package, service)| {
                service.method.iter().map(move |method| format!("/{package}.{}/{}", service.name(), method.name()))
            })
            .collect()
    }

    #[test]
    fn every_method_has_one_row_and_every_row_a_method() {
        let described: BTreeSet<String> = [
            crate::generated::DESCRIPTORS,
            tonic_health::pb::FILE_DESCRIPTOR_SET,
            tonic_reflection::pb::v1::FILE_DESCRIPTOR_SET,
            tonic_reflection::pb::v1alpha::FILE_DESCRIPTOR_SET,
        ]
        .into_iter()
        .flat_map(methods)
        .collect();
        let rows: Vec<String> = TABLE.iter().map(|row| row.path.to_owned()).collect();
        let distinct: BTreeSet<String> = rows.iter().cloned().collect();
        assert_eq!(distinct.len(), rows.len(), "a method with two rows");
        let without_row: Vec<_> = described.difference(&distinct).collect();
        let without_method: Vec<_> = distinct.difference(&described).collect();
        assert!(without_row.is_empty(), "methods without a row: {without_row:?}");
        assert!(without_method.is_empty(), "rows without a method: {without_method:?}");
    }

    fn check(path: &str, caller: Caller, expected: Result<(), &str>) {
        let found = admit(path, caller).map(|_| ());
        let reason =
            found.map_err(|denial| tonic_types::StatusExt::get_details_error_info(&denial).expect("a reason").reason);
        assert_eq!(reason, expected.map_err(str::to_owned), "{path} by {caller:?}");
    }

    #[test]
    fn callers_are_let_through_by_the_table_and_their_status() {
        let peer = |role, status| Caller::Peer { id: NodeId([7; 32]), role, status };
        let operator = Caller::Operator { uid: 1000 };
        let hub = peer(journal::Role::Hub, PeerStatus::Listed);
        let academy = peer(journal::Role::Academy, PeerStatus::Listed);
        let (exchange, enrol) =
            ("/folkmoot.federation.v1.ExchangeService/Exchange", "/folkmoot.federation.v1.EnrolmentService/Enrol");
        let renew = "/folkmoot.federation.v1.EnrolmentService/RenewCertificate";
        let (person, health) = ("/folkmoot.hub.v1.RecordService/ShowPerson", "/grpc.health.v1.Health/Check");
        for (path, caller, expected) in [
            (person, operator, Ok(())),
            (health, operator, Ok(())),
            (exchange, operator, Err("NOT_PERMITTED")),
            (exchange, hub, Ok(())),
            (renew, hub, Ok(())),
            (person, hub, Err("NOT_PERMITTED")),
            (person, academy, Err("NOT_PERMITTED")),
            (health, academy, Ok(())),
            (exchange, Caller::Unlisted, Ok(())),
            (renew, Caller::Unlisted, Err("NOT_PERMITTED")),
            (person, Caller::Unlisted, Err("NOT_PERMITTED")),
            (enrol, Caller::Stranger, Ok(())),
            (health, Caller::Stranger, Ok(())),
            (exchange, Caller::Stranger, Err("NOT_PERMITTED")),
            (person, Caller::Stranger, Err("NOT_PERMITTED")),
            (exchange, peer(journal::Role::Hub, PeerStatus::Suspended), Err("PEER_SUSPENDED")),
            (exchange, peer(journal::Role::Hub, PeerStatus::Revoked), Err("PEER_REVOKED")),
            (health, peer(journal::Role::Hub, PeerStatus::Revoked), Err("PEER_REVOKED")),
            ("/folkmoot.hub.v1.RecordService/", operator, Err("NO_SUCH_METHOD")),
            ("/folkmoot.hub.v1.RecordService/ShowPerson/", operator, Err("NO_SUCH_METHOD")),
            ("", operator, Err("NO_SUCH_METHOD")),
        ] {
            check(path, caller, expected);
        }
    }

    #[test]
    fn a_peer_is_who_its_key_says_and_stands_as_the_directory_says() {
        let mut directory = Directory::default();
        for (seed, state) in
            [(1, journal::HubState::Enrolled), (2, journal::HubState::Suspended), (3, journal::HubState::Revoked)]
        {
            let log_key = journal::LogKey::from_seed(&[seed; 32]).public();
            let record = journal::HubRecord {
                hub: log_key.id(),
                version: 1,
                name: "Warminster".parse().expect("a name"),
                log_key,
                tls_key: vec![seed],
                address: None,
                kind: folkmoot_domain::hub::HubKind::SocialActionHub,
                region: String::new(),
                stage: folkmoot_domain::hub::Stage::Active,
                state,
                last_accepted: Vec::new(),
            };
            directory.apply(&journal::Payload::HubRecord(record)).expect("applied");
        }
        let behind = |key: u8| Caller::behind(Some(&TlsPublicKey([key].as_slice().into())), &directory);
        for (key, expected) in [(1, PeerStatus::Listed), (2, PeerStatus::Suspended), (3, PeerStatus::Revoked)] {
            let id = journal::LogKey::from_seed(&[key; 32]).public().id();
            assert_eq!(behind(key), Caller::Peer { id, role: journal::Role::Hub, status: expected });
        }
        assert_eq!(behind(4), Caller::Unlisted);
        assert_eq!(Caller::behind(None, &directory), Caller::Stranger);
    }

    #[test]
    fn private_services_are_the_operators_alone() {
        for row in TABLE {
            let private = ["/folkmoot.hub.", "/folkmoot.academy.", "/folkmoot.node.", "/grpc.reflection."];
            if private.iter().any(|prefix| row.path.starts_with(prefix)) {
                assert_eq!(row.roles, [Role::Operator], "{}", row.path);
            }
        }
    }
}
