//! Which services answer at which door. All of them stand behind the access table.

use std::convert::Infallible;
use std::sync::Arc;

use folkmoot_store::Role;
use tonic::body::Body;
use tonic::server::NamedService;
use tonic::service::Routes;
use tonic_health::server::HealthReporter;
use tower::Service;

use crate::access::AccessLayer;
use crate::enrolment::Enrolments;
use crate::exchange::Exchanges;
use crate::generated::academy::appointment_service_server::AppointmentServiceServer;
use crate::generated::academy::curriculum_service_server::CurriculumServiceServer as PublishingServer;
use crate::generated::academy::hub_service_server::HubServiceServer;
use crate::generated::academy::policy_service_server::PolicyServiceServer as PolicyMakingServer;
use crate::generated::academy::programme_service_server::ProgrammeServiceServer;
use crate::generated::academy::report_service_server::ReportServiceServer;
use crate::generated::academy::statistics_service_server::StatisticsServiceServer;
use crate::generated::academy::verification_service_server::VerificationServiceServer;
use crate::generated::federation::exchange_service_server::ExchangeServiceServer;
use crate::generated::hub::campaign_erasure_service_server::CampaignErasureServiceServer;
use crate::generated::hub::campaign_membership_service_server::CampaignMembershipServiceServer;
use crate::generated::hub::campaign_service_server::CampaignServiceServer;
use crate::generated::hub::indicator_service_server::IndicatorServiceServer;
use crate::generated::hub::policy_service_server::PolicyServiceServer;
use crate::generated::hub::record_service_server::RecordServiceServer;
use crate::generated::hub::release_service_server::ReleaseServiceServer;
use crate::generated::node::curriculum_service_server::CurriculumServiceServer;
use crate::generated::node::node_service_server::NodeServiceServer;
use crate::identity::Authority;
use crate::node::Node;
use crate::services;

/// How many bytes one message may have.
pub(crate) const MESSAGE_LIMIT: usize = 1024 * 1024;

/// Services as they are added, with their names, which reflection and health answer with.
#[derive(Default)]
struct Mounted {
    routes: Routes,
    names: Vec<&'static str>,
}

impl Mounted {
    fn add<S>(mut self, service: S) -> Self
    where
        S: Service<http::Request<Body>, Response = http::Response<Body>, Error = Infallible>
            + NamedService
            + Clone
            + Send
            + Sync
            + 'static,
        S::Future: Send,
    {
        self.routes = self.routes.add_service(service);
        self.names.push(S::NAME);
        self
    }

    /// Adds health, which serves every name added so far, and the access table around it all.
    async fn guarded(self, node: &Arc<Node>) -> Routes {
        let reporter = HealthReporter::new();
        for name in &self.names {
            reporter.set_service_status(name, tonic_health::ServingStatus::Serving).await;
        }
        let health = tonic_health::server::HealthService::from_health_reporter(reporter);
        let health = tonic_health::pb::health_server::HealthServer::new(health);
        let router = self.add(health.max_decoding_message_size(MESSAGE_LIMIT)).routes.into_axum_router();
        Routes::from(router.layer(AccessLayer::new(Arc::clone(node)))).prepare()
    }
}

/// What the operator's commands and other programs on this machine reach.
pub(crate) async fn socket_routes(node: &Arc<Node>) -> Routes {
    let mounted = Mounted::default();
    let mounted = match node.role() {
        Role::Hub => hub(mounted, node),
        Role::Academy => academy(mounted, node),
    };
    let operator = NodeServiceServer::new(services::node::Operator(Arc::clone(node)));
    let curriculum = CurriculumServiceServer::new(services::curriculum::Curriculum(Arc::clone(node)));
    let mounted = mounted
        .add(operator.max_decoding_message_size(MESSAGE_LIMIT))
        .add(curriculum.max_decoding_message_size(MESSAGE_LIMIT));
    reflection(mounted).guarded(node).await
}

fn hub(mounted: Mounted, node: &Arc<Node>) -> Mounted {
    let records = RecordServiceServer::new(services::record::Records::new(Arc::clone(node)));
    let indicators = IndicatorServiceServer::new(services::indicator::Indicators(Arc::clone(node)));
    let releases = ReleaseServiceServer::new(services::release::Releases(Arc::clone(node)));
    let campaigns = CampaignServiceServer::new(services::campaign::Campaigns(Arc::clone(node)));
    let memberships = services::campaign::CampaignMemberships(Arc::clone(node));
    let memberships = CampaignMembershipServiceServer::new(memberships);
    let erasures = CampaignErasureServiceServer::new(services::campaign::CampaignErasures(Arc::clone(node)));
    let policies = PolicyServiceServer::new(services::policy::Policies(Arc::clone(node)));
    mounted
        .add(policies.max_decoding_message_size(MESSAGE_LIMIT))
        .add(records.max_decoding_message_size(MESSAGE_LIMIT))
        .add(indicators.max_decoding_message_size(MESSAGE_LIMIT))
        .add(releases.max_decoding_message_size(MESSAGE_LIMIT))
        .add(campaigns.max_decoding_message_size(MESSAGE_LIMIT))
        .add(memberships.max_decoding_message_size(MESSAGE_LIMIT))
        .add(erasures.max_decoding_message_size(MESSAGE_LIMIT))
}

fn academy(mounted: Mounted, node: &Arc<Node>) -> Mounted {
    let programmes = ProgrammeServiceServer::new(services::programme::Programmes(Arc::clone(node)));
    let policies = PolicyMakingServer::new(services::policy::PolicyMaking(Arc::clone(node)));
    let hubs = HubServiceServer::new(services::hub::Hubs(Arc::clone(node)));
    let reports = ReportServiceServer::new(services::report::Reports(Arc::clone(node)));
    let statistics = StatisticsServiceServer::new(services::statistics::Statistics(Arc::clone(node)));
    let appointments = AppointmentServiceServer::new(services::appointment::Appointments(Arc::clone(node)));
    let curriculum = PublishingServer::new(services::curriculum::Publishing(Arc::clone(node)));
    let verifications = VerificationServiceServer::new(services::verification::Verifications(Arc::clone(node)));
    mounted
        .add(programmes.max_decoding_message_size(MESSAGE_LIMIT))
        .add(policies.max_decoding_message_size(MESSAGE_LIMIT))
        .add(hubs.max_decoding_message_size(MESSAGE_LIMIT))
        .add(reports.max_decoding_message_size(MESSAGE_LIMIT))
        .add(statistics.max_decoding_message_size(MESSAGE_LIMIT))
        .add(verifications.max_decoding_message_size(MESSAGE_LIMIT))
        .add(appointments.max_decoding_message_size(MESSAGE_LIMIT))
        .add(curriculum.max_decoding_message_size(MESSAGE_LIMIT))
}

/// What other nodes reach, and joining hubs: `federation.v1` and health alone. Only the Academy, with its `authority`, lets
/// hubs in.
pub(crate) async fn peer_routes(node: &Arc<Node>, authority: Option<Arc<Authority>>) -> Routes {
    let exchanges = ExchangeServiceServer::new(Exchanges::new(Arc::clone(node)));
    let mounted = Mounted::default().add(exchanges.max_decoding_message_size(MESSAGE_LIMIT));
    let mounted = match node.role() {
        Role::Academy => mounted.add(Enrolments::service(Arc::clone(node), authority)),
        Role::Hub => mounted,
    };
    mounted.guarded(node).await
}

/// Adds reflection, in both versions that clients ask for. It lists what is mounted, and itself and health; it also
/// describes the details that errors carry.
fn reflection(mounted: Mounted) -> Mounted {
    const REASON: &str = "descriptors are constants, and a test builds reflection from them";
    let builder = || {
        let builder = tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(crate::generated::DESCRIPTORS)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
            .register_encoded_file_descriptor_set(tonic_types::pb::FILE_DESCRIPTOR_SET)
            .with_service_name("grpc.health.v1.Health");
        mounted.names.iter().fold(builder, |builder, name| builder.with_service_name(*name))
    };
    let v1 = builder().with_service_name("grpc.reflection.v1.ServerReflection").build_v1().expect(REASON);
    let v1alpha =
        builder().with_service_name("grpc.reflection.v1alpha.ServerReflection").build_v1alpha().expect(REASON);
    mounted.add(v1.max_decoding_message_size(MESSAGE_LIMIT)).add(v1alpha.max_decoding_message_size(MESSAGE_LIMIT))
}
