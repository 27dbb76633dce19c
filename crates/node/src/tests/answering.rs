//! What the operator's clients are answered, through the socket.

use std::collections::BTreeSet;

use folkmoot_proto::academy::v1::{self as academy, hub};
use folkmoot_proto::hub::v1 as records;
use folkmoot_proto::hub::v1::import_records_request::Part as Sent;
use folkmoot_proto::hub::v1::import_records_response::Part as Answered;
use folkmoot_proto::node::v1::{GetStatusRequest, SynchronizeRequest};
use tonic::{Code, Status, transport::Channel};
use tonic_health::pb::{HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient};
use tonic_types::StatusExt;

use super::*;
use crate::{
    dial::dial,
    generated::{
        academy::{
            hub_service_client::HubServiceClient, programme_service_client::ProgrammeServiceClient,
            report_service_client::ReportServiceClient,
        },
        hub::{record_service_client::RecordServiceClient, release_service_client::ReleaseServiceClient},
        node::node_service_client::NodeServiceClient,
    },
    socket::connect,
    tls::{Expected, client_config},
};

pub(super) async fn channel(place: &Place) -> Channel {
    connect(&place.data).await.expect("the node answers")
}

/// A refusal's code, its reason and the fields that it names.
pub(super) fn refused<T: std::fmt::Debug>(answer: Result<T, Status>) -> (Code, String, Vec<String>) {
    let status = answer.expect_err("a refusal");
    let info = status.get_details_error_info().expect("a reason");
    assert_eq!(info.domain, "folkmoot");
    let fields = status.get_details_bad_request().map(|bad| bad.field_violations).unwrap_or_default();
    (status.code(), info.reason, fields.into_iter().map(|violation| violation.field).collect())
}

pub(super) fn bad(fields: &[&str]) -> (Code, String, Vec<String>) {
    (Code::InvalidArgument, "BAD_REQUEST".to_owned(), fields.iter().map(|field| (*field).to_owned()).collect())
}

pub(super) fn because(code: Code, reason: &str) -> (Code, String, Vec<String>) {
    (code, reason.to_owned(), Vec::new())
}

fn programme(code: &str, first: &str, last: &str, request: &str) -> academy::CreateProgrammeRequest {
    academy::CreateProgrammeRequest {
        programme_id: code.into(),
        programme: Some(academy::Programme { first_day: first.into(), last_day: last.into(), ..Default::default() }),
        request_id: request.into(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn programmes_are_registered_once_and_listed_by_page() {
    let place = Place::academy();
    let running = place.start().await;
    let mut client = ProgrammeServiceClient::new(channel(&place).await);
    let coep = programme("COEP", "2017-04-01", "2020-03-31", "one");
    let first = client.create_programme(coep.clone()).await.expect("a programme").into_inner();
    assert_eq!((first.name.as_str(), first.title.as_str()), ("programmes/COEP", "COEP"));
    assert_eq!(client.create_programme(coep).await.expect("a replay").into_inner(), first);
    for (request, expected) in [
        (programme("COEP", "2017-07-01", "2020-03-31", ""), because(Code::AlreadyExists, "PROGRAMME_CHANGED")),
        (programme("a b", "31/02/2018", "", ""), bad(&["programme_id", "programme.first_day", "programme.last_day"])),
        (programme("COP", "2017-04-02", "2020-03-30", ""), bad(&["programme.first_day", "programme.last_day"])),
        (programme("COP", "2020-04-01", "2020-03-31", ""), bad(&["programme.last_day"])),
    ] {
        assert_eq!(refused(client.create_programme(request).await), expected);
    }
    client.create_programme(programme("COP", "2011-01-01", "2015-03-31", "")).await.expect("a second one");

    let mut page_token = String::new();
    for (name, last) in [("programmes/COEP", false), ("programmes/COP", true)] {
        let request = academy::ListProgrammesRequest { page_size: 1, page_token };
        let page = client.list_programmes(request).await.expect("a page").into_inner();
        assert_eq!(page.programmes.iter().map(|one| one.name.as_str()).collect::<Vec<_>>(), [name]);
        page_token = page.next_page_token;
        assert_eq!(page_token.is_empty(), last);
    }
    let wrong = academy::ListProgrammesRequest { page_size: -1, page_token: "x".into() };
    assert_eq!(refused(client.list_programmes(wrong).await), bad(&["page_size", "page_token"]));
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn hubs_are_invited_listed_changed_and_revoked() {
    let place = Place::academy();
    let running = place.start().await;
    let mut client = HubServiceClient::new(channel(&place).await);
    let invite = |name: &str, request: &str| academy::InviteHubRequest {
        display_name: name.into(),
        region: "South West".into(),
        request_id: request.into(),
        ..Default::default()
    };
    let answer = client.invite_hub(invite("Warminster", "one")).await.expect("a code").into_inner();
    assert_eq!(InviteCode::parse(&answer.code).expect("a code").federation, running.node().federation().expect("one"));
    assert_eq!(
        refused(client.invite_hub(invite("Warminster", "one")).await),
        because(Code::AlreadyExists, "REQUEST_REPEATED")
    );
    let strange = academy::InviteHubRequest { kind: 9, stage: 9, ..invite("", "") };
    assert_eq!(refused(client.invite_hub(strange).await), bad(&["display_name", "kind", "stage"]));

    let listed = client.list_hubs(academy::ListHubsRequest::default()).await.expect("hubs").into_inner().hubs;
    let seen: Vec<_> =
        listed.iter().map(|hub| (hub.display_name.as_str(), hub.kind(), hub.stage(), hub.state())).collect();
    assert_eq!(seen, [("Warminster", hub::Kind::SocialActionHub, hub::Stage::Active, hub::State::Invited)]);

    let update = |hub: academy::Hub, paths: &[&str]| {
        let mut request = academy::UpdateHubRequest { hub: Some(hub), ..Default::default() };
        request.update_mask.get_or_insert_default().paths = paths.iter().map(|path| (*path).to_owned()).collect();
        request
    };
    let warminster =
        academy::Hub { display_name: "Warminster".into(), stage: hub::Stage::Closed.into(), ..Default::default() };
    let changed = client.update_hub(update(warminster.clone(), &["stage"])).await.expect("a change").into_inner();
    assert_eq!((changed.region.as_str(), changed.stage()), ("South West", hub::Stage::Closed));
    let nowhere = academy::Hub { display_name: "Atlantis".into(), ..warminster.clone() };
    let vague = academy::Hub { name: "hubs/1".into(), etag: "x".into(), ..Default::default() };
    for (request, expected) in [
        (update(nowhere, &["stage"]), because(Code::NotFound, "NO_SUCH_HUB")),
        (update(warminster, &["kind"]), bad(&["update_mask"])),
        (update(vague, &["stage"]), bad(&["hub.name", "hub.stage", "hub.etag"])),
        (academy::UpdateHubRequest::default(), bad(&["hub.display_name", "update_mask"])),
    ] {
        assert_eq!(refused(client.update_hub(request).await), expected);
    }

    let revoke = academy::RevokeHubRequest { display_name: "Warminster".into(), ..Default::default() };
    let revoked = client.revoke_hub(revoke).await.expect("a revocation").into_inner();
    assert_eq!(revoked.state(), hub::State::Revoked);
    assert_eq!(refused(client.revoke_hub(academy::RevokeHubRequest::default()).await), bad(&["display_name"]));
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_without_releases_says_so_beside_what_was_published() {
    let place = Place::academy();
    let running = place.start().await;
    let mut programmes = ProgrammeServiceClient::new(channel(&place).await);
    programmes.create_programme(programme("COEP", "2017-04-01", "2020-03-31", "")).await.expect("a programme");
    let mut client = ReportServiceClient::new(channel(&place).await);
    let request = |period: &str| academy::GetReportRequest { period: period.into() };
    let report = client.get_report(request("programme/COEP")).await.expect("a report").into_inner();
    assert_eq!((report.first_day.as_str(), report.last_day.as_str()), ("2017-04-01", "2020-03-31"));
    assert_eq!(report.indicators.len(), folkmoot_domain::indicator::CellKey::all().len());
    for line in &report.indicators {
        assert_eq!((line.value, line.low, line.high, line.label.as_str()), (None, Some(0), None, "no release held"));
    }
    assert!(report.declared.iter().any(|figure| figure.figure == 3_966 && figure.comparable));
    let quarter = client.get_report(request("2018-Q3")).await.expect("a report").into_inner();
    assert_eq!((quarter.period_title.as_str(), quarter.declared.len()), ("Jul–Sep 2018 (Q2 of 2018/19)", 0));
    assert_eq!(
        refused(client.get_report(request("programme/COP")).await),
        because(Code::NotFound, "NO_SUCH_PROGRAMME")
    );
    for wrong in ["", "2018", "2018-Q5"] {
        assert_eq!(refused(client.get_report(request(wrong)).await), bad(&["period"]));
    }
    running.stop().await;
}

/// Sends files, in pieces, and gathers the results and the refusals.
pub(super) async fn import(
    channel: Channel,
    files: &[(&str, &str)],
) -> Result<(Vec<records::FileResult>, usize), Status> {
    let mut pieces = vec![Sent::Options(records::ImportOptions::default())];
    for (name, text) in files {
        pieces.extend(
            text.as_bytes()
                .chunks(1000)
                .map(|data| Sent::Chunk(records::FileChunk { file: (*name).to_owned(), data: data.to_vec() })),
        );
    }
    let requests = pieces.into_iter().map(|part| records::ImportRecordsRequest { part: Some(part) });
    let mut answers = RecordServiceClient::new(channel)
        .import_records(futures_util::stream::iter(requests.collect::<Vec<_>>()))
        .await?
        .into_inner();
    let (mut results, mut refusals) = (Vec::new(), 0);
    while let Some(answer) = answers.message().await? {
        match answer.part {
            Some(Answered::Result(result)) => results.push(result),
            Some(Answered::Refused(_)) => refusals += 1,
            Some(Answered::Progress(_) | Answered::Notice(_)) | None => {}
        }
    }
    Ok((results, refusals))
}

/// People who were all trained on one day.
fn trained(people: usize) -> [(&'static str, String); 3] {
    let mut sheets = [
        "ref,name,email,phone,postcode,birth_year,gender,ethnicity,disability,consent_to_contact\n".to_owned(),
        "ref,date,course,title,mode,minutes,trainer_ref\nS-1,2018-08-01,introduction,An evening,classroom,90,\n"
            .to_owned(),
        "session_ref,person_ref,outcome\n".to_owned(),
    ];
    for person in 0..people {
        let gender = if person % 2 == 0 { "woman" } else { "man" };
        sheets[0].push_str(&format!("P-{person},Zoë {person},,,,1980,{gender},,,yes\n"));
        sheets[2].push_str(&format!("S-1,P-{person},completed\n"));
    }
    let [people, sessions, attendances] = sheets;
    [("attendances.csv", attendances), ("people.csv", people), ("sessions.csv", sessions)]
}

pub(super) async fn import_trained(channel: Channel, people: usize) -> Vec<records::FileResult> {
    let sheets = trained(people);
    let files: Vec<(&str, &str)> = sheets.iter().map(|(name, text)| (*name, text.as_str())).collect();
    let (results, refusals) = import(channel, &files).await.expect("an import");
    assert_eq!(refusals, 0);
    results
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_sees_all_that_is_held() {
    let place = Place::hub("Warminster");
    let running = place.start().await;
    import_trained(channel(&place).await, 2).await;
    let mut client = RecordServiceClient::new(channel(&place).await);
    let request = |name: &str| records::ShowPersonRequest { name: name.into() };
    let shown = client.show_person(request("people/P-1")).await.expect("a person").into_inner();
    assert_eq!(shown.records.iter().map(|record| record.kind.as_str()).collect::<Vec<_>>(), ["Person", "Attendance"]);
    let name = shown.records[0].fields.iter().find(|field| field.field == "name").expect("a name");
    assert_eq!(name.value, "Zoë 1");
    for nobody in ["people/P-9", "people/ ", "people/a\u{7}"] {
        assert_eq!(refused(client.show_person(request(nobody)).await), because(Code::NotFound, "NO_SUCH_PERSON"));
    }
    assert_eq!(refused(client.show_person(request("P-1")).await), bad(&["name"]));
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_begins_with_its_options_and_runs_alone() {
    let place = Place::hub("Warminster");
    let running = place.start().await;
    let line = channel(&place).await;
    let chunk = |name: &str| Sent::Chunk(records::FileChunk { file: name.into(), data: b"ref\n".to_vec() });
    let options = || Sent::Options(records::ImportOptions::default());
    for (parts, expected) in [
        (vec![], bad(&["options"])),
        (vec![chunk("people.csv")], bad(&["options"])),
        (vec![options(), options()], bad(&["options"])),
    ] {
        let requests: Vec<_> =
            parts.into_iter().map(|part| records::ImportRecordsRequest { part: Some(part) }).collect();
        let answer = async {
            let mut client = RecordServiceClient::new(line.clone());
            let mut answers = client.import_records(futures_util::stream::iter(requests)).await?.into_inner();
            answers.message().await
        };
        assert_eq!(refused(answer.await), expected);
    }

    // An import whose caller is still sending.
    let (sender, sending) = tokio::sync::mpsc::channel(1);
    sender.send(records::ImportRecordsRequest { part: Some(options()) }).await.expect("room");
    let open = RecordServiceClient::new(line.clone())
        .import_records(tokio_stream::wrappers::ReceiverStream::new(sending))
        .await
        .expect("an import");
    assert_eq!(refused(import(line.clone(), &[]).await), because(Code::Aborted, "IMPORT_RUNNING"));
    drop(sender);
    let mut answers = open.into_inner();
    while answers.message().await.expect("an answer").is_some() {}
    import_trained(line, 1).await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_operator_is_told_how_the_node_is() {
    let place = Place::hub("Warminster");
    let running = place.start().await;
    let mut client = NodeServiceClient::new(channel(&place).await);
    let status = client.get_status(GetStatusRequest {}).await.expect("a status").into_inner();
    assert_eq!((status.display_name.as_str(), status.node_id), ("Warminster", running.node().id().to_string()));
    assert!(status.notices.iter().any(|notice| notice.contains("has not joined")), "{:?}", status.notices);
    assert!(status.trial_notice.starts_with("trial only"));
    let mut steps = client.synchronize(SynchronizeRequest::default()).await.expect("steps").into_inner();
    assert_eq!(refused(steps.message().await), because(Code::FailedPrecondition, "NOT_JOINED"));
    running.stop().await;

    let place = Place::academy();
    let running = place.start().await;
    let mut client = NodeServiceClient::new(channel(&place).await);
    let mut steps = client.synchronize(SynchronizeRequest::default()).await.expect("steps").into_inner();
    assert!(steps.message().await.expect("a step").expect("a step").done);
    assert_eq!(steps.message().await.expect("the end"), None);
    let status = client.get_status(GetStatusRequest {}).await.expect("a status").into_inner();
    assert_eq!((status.trial_notice.as_str(), &status.notices[..]), ("", &[][..]));
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn catching_up_ends_when_the_callers_time_does() {
    let (_home, academy) = academy().await;
    let (place, hub) = Place::joined("Warminster", &academy).await;
    academy.stop().await;
    let line = channel(&place).await;
    import_trained(line.clone(), 9).await;
    let approve = records::ApproveReleaseRequest { period: "2018-Q3".into(), ..Default::default() };
    ReleaseServiceClient::new(line.clone()).approve_release(approve).await.expect("a release");
    let request = SynchronizeRequest { timeout_seconds: 1 };
    let mut steps = NodeServiceClient::new(line).synchronize(request).await.expect("steps").into_inner();
    let ended = loop {
        match steps.message().await {
            Ok(Some(step)) => assert!(!step.done),
            Ok(None) => panic!("it cannot have caught up"),
            Err(status) => break status,
        }
    };
    let info = ended.get_details_error_info().expect("a reason");
    assert_eq!((ended.code(), info.reason.as_str()), (Code::DeadlineExceeded, "SYNCHRONIZE_TIMED_OUT"));
    assert_eq!(info.metadata["releases_waiting"], "1");
    hub.stop().await;
}

/// What reflection lists, in either version.
macro_rules! listed {
    ($version:ident, $channel:expr) => {{
        use tonic_reflection::pb::$version::{
            ServerReflectionRequest, server_reflection_client::ServerReflectionClient,
            server_reflection_request::MessageRequest, server_reflection_response::MessageResponse,
        };
        let request = ServerReflectionRequest {
            host: String::new(),
            message_request: Some(MessageRequest::ListServices(String::new())),
        };
        let mut client = ServerReflectionClient::new($channel);
        let answers = client.server_reflection_info(futures_util::stream::iter([request])).await.expect("reflection");
        match answers.into_inner().message().await.expect("an answer").expect("an answer").message_response {
            Some(MessageResponse::ListServicesResponse(list)) => {
                list.service.into_iter().map(|service| service.name).collect::<BTreeSet<String>>()
            }
            other => panic!("{other:?}"),
        }
    }};
}

#[tokio::test(flavor = "multi_thread")]
async fn reflection_lists_what_is_mounted_and_health_serves_it() {
    let hub = &[
        "CampaignErasureService",
        "CampaignMembershipService",
        "CampaignService",
        "IndicatorService",
        "PolicyService",
        "RecordService",
        "ReleaseService",
    ][..];
    let academy = &[
        "AppointmentService",
        "CurriculumService",
        "HubService",
        "PolicyService",
        "ProgrammeService",
        "ReportService",
        "StatisticsService",
        "VerificationService",
    ][..];
    for (place, package, own) in [(Place::hub("Warminster"), "hub", hub), (Place::academy(), "academy", academy)] {
        let running = place.start().await;
        let line = channel(&place).await;
        let of_all = ["CurriculumService", "NodeService"].map(|name| ("node", name));
        let own = own.iter().map(|name| (package, *name));
        let project: BTreeSet<String> =
            own.chain(of_all).map(|(package, name)| format!("folkmoot.{package}.v1.{name}")).collect();
        for version in ["v1", "v1alpha"] {
            let found = if version == "v1" { listed!(v1, line.clone()) } else { listed!(v1alpha, line.clone()) };
            let mut expected = project.clone();
            expected.insert("grpc.health.v1.Health".to_owned());
            expected.insert(format!("grpc.reflection.{version}.ServerReflection"));
            assert_eq!(found, expected);
        }
        for service in project.into_iter().chain([String::new()]) {
            let request = HealthCheckRequest { service: service.clone() };
            let answer = HealthClient::new(line.clone()).check(request).await.expect("health").into_inner();
            assert_eq!(answer.status(), ServingStatus::Serving, "{service}");
        }
        running.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_has_the_services_of_its_own_role_alone() {
    let place = Place::academy();
    let running = place.start().await;
    let request = records::ShowPersonRequest { name: "people/P-1".into() };
    let answer = RecordServiceClient::new(channel(&place).await).show_person(request).await;
    assert_eq!(answer.expect_err("not mounted").code(), Code::Unimplemented);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_tls_port_serves_other_nodes_and_health_alone() {
    let (_home, academy) = academy().await;
    let address = academy.node().settings().address.clone().expect("an address");
    let line = dial(&address, client_config(None, Expected::Anybody).expect("a config")).await.expect("a line").channel;
    let denied = because(Code::PermissionDenied, "NOT_PERMITTED");
    let status = NodeServiceClient::new(line.clone()).get_status(GetStatusRequest {}).await;
    assert_eq!(refused(status), denied);
    let report = academy::GetReportRequest { period: "2018-Q3".into() };
    assert_eq!(refused(ReportServiceClient::new(line.clone()).get_report(report).await), denied);
    let person = records::ShowPersonRequest { name: "people/P-1".into() };
    assert_eq!(refused(RecordServiceClient::new(line.clone()).show_person(person).await), denied);
    let service = "folkmoot.federation.v1.ExchangeService".to_owned();
    let health = HealthClient::new(line).check(HealthCheckRequest { service }).await.expect("health").into_inner();
    assert_eq!(health.status(), ServingStatus::Serving);
    academy.stop().await;
}
