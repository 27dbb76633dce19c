//! What readers of statistics are answered where no release is held: what is asked wrongly, definitions, declared figures.

use folkmoot_domain::indicator::Indicator;
use folkmoot_proto::academy::v1 as academy;
use folkmoot_proto::academy::v1::observation::Status;
use tonic::Code;
use tonic_types::StatusExt;

use super::answering::{bad, because, channel, refused};
use super::*;
use crate::generated::academy::hub_service_client::HubServiceClient;
use crate::generated::academy::programme_service_client::ProgrammeServiceClient;
use crate::generated::academy::report_service_client::ReportServiceClient;
use crate::generated::academy::statistics_service_client::StatisticsServiceClient;

fn of(period: &str) -> academy::ListObservationsRequest {
    academy::ListObservationsRequest { period: period.into(), ..Default::default() }
}

fn range(first: &str, last: &str) -> academy::ListObservationsRequest {
    academy::ListObservationsRequest { first_period: first.into(), last_period: last.into(), ..Default::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_asked_wrongly_is_refused_field_by_field() {
    let place = Place::academy();
    let running = place.start().await;
    let mut client = StatisticsServiceClient::new(channel(&place).await);
    for (request, expected) in [
        (of(""), bad(&["period"])),
        (of("2018"), bad(&["period"])),
        (academy::ListObservationsRequest { first_period: "2018-Q1".into(), ..of("2018-Q1") }, bad(&["period"])),
        (range("2018-Q1", ""), bad(&["last_period"])),
        (range("2018-Q1", "2018/19"), bad(&["last_period"])),
        (range("2018-Q4", "2018-Q1"), bad(&["last_period"])),
        (range("programme/COEP", "programme/COEP"), bad(&["last_period"])),
        (range("1500-Q1", "2018-Q1"), bad(&["last_period"])),
        (
            academy::ListObservationsRequest {
                indicators: vec!["people".into()],
                dimension: "colour".into(),
                by: 9,
                page_size: -1,
                ..of("2018-Q1")
            },
            bad(&["page_size", "indicators", "dimension", "by"]),
        ),
        (
            academy::ListObservationsRequest { region: "Wessex".into(), hub: "Hull".into(), ..of("2018-Q1") },
            bad(&["region", "hub"]),
        ),
        (
            academy::ListObservationsRequest {
                indicators: vec!["actions_held".into()],
                dimension: "gender".into(),
                ..of("2018-Q1")
            },
            bad(&["dimension"]),
        ),
        (of("programme/COP"), because(Code::NotFound, "NO_SUCH_PROGRAMME")),
    ] {
        assert_eq!(refused(client.list_observations(request).await), expected);
    }
    let request = academy::ListCoverageRequest { period: "2018".into(), page_size: -1, ..Default::default() };
    assert_eq!(refused(client.list_coverage(request).await), bad(&["page_size", "period"]));
    let request = academy::ListReceivedReleasesRequest { last_period: "2018-Q1".into(), ..Default::default() };
    assert_eq!(refused(client.list_received_releases(request).await), bad(&["first_period"]));
    let request = academy::ListDeclaredFiguresRequest { programme: "CO_EP".into(), ..Default::default() };
    assert_eq!(refused(client.list_declared_figures(request).await), bad(&["programme"]));
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sum_over_periods_is_refused_and_the_refusal_says_why() {
    let place = Place::academy();
    let running = place.start().await;
    let mut client = StatisticsServiceClient::new(channel(&place).await);
    let mut reports = ReportServiceClient::new(channel(&place).await);
    let why = "figures of several periods are not added up: somebody who came in two quarters would count twice";
    let adding = academy::ListObservationsRequest { add_up_periods: true, ..range("2018-Q1", "2018-Q4") };
    let mut refusals = vec![("add_up_periods", client.list_observations(adding).await.expect_err("a refusal"))];
    for several in ["2018-Q1+2018-Q2", "2018-Q1,2018-Q2", "2018-Q1..2018-Q4", "2018/19 2019/20"] {
        refusals.push(("period", client.list_observations(of(several)).await.expect_err("a refusal")));
        let request = academy::GetReportRequest { period: several.into() };
        refusals.push(("period", reports.get_report(request).await.expect_err("a refusal")));
    }
    for (field, refusal) in refusals {
        assert_eq!(refusal.code(), Code::InvalidArgument);
        let violations = refusal.get_details_bad_request().expect("fields").field_violations;
        assert_eq!(violations.iter().map(|one| one.field.as_str()).collect::<Vec<_>>(), [field]);
        assert!(violations[0].description.starts_with(why), "{}", violations[0].description);
    }
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_releases_every_figure_is_unavailable() {
    let place = Place::academy();
    let running = place.start().await;
    let mut programmes = ProgrammeServiceClient::new(channel(&place).await);
    let programme =
        academy::Programme { first_day: "2017-04-01".into(), last_day: "2020-03-31".into(), ..Default::default() };
    let create = academy::CreateProgrammeRequest {
        programme_id: "COEP".into(),
        programme: Some(programme),
        ..Default::default()
    };
    programmes.create_programme(create).await.expect("a programme");
    let mut hubs = HubServiceClient::new(channel(&place).await);
    let invite = academy::InviteHubRequest { display_name: "Warminster".into(), ..Default::default() };
    hubs.invite_hub(invite).await.expect("a code");

    let mut client = StatisticsServiceClient::new(channel(&place).await);
    let request = academy::ListObservationsRequest { dimension: "all".into(), ..range("2018-Q1", "2018-Q3") };
    let (mut seen, mut page_token) = (Vec::new(), String::new());
    loop {
        let request = academy::ListObservationsRequest { page_size: 100, page_token, ..request.clone() };
        let page = client.list_observations(request).await.expect("a page").into_inner();
        seen.extend(page.observations);
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    assert_eq!(seen.len(), 3 * folkmoot_domain::indicator::CellKey::all().len());
    for observation in &seen {
        assert_eq!((observation.status(), observation.value, observation.low), (Status::Unavailable, None, None));
        assert_eq!((observation.hubs, observation.comparable), (0, false));
        let change = observation.change.as_ref().expect("a change");
        assert_eq!((change.given, change.note.as_str()), (false, "one of the two figures is not published"));
    }
    // A token holds for its query.
    let request = academy::ListObservationsRequest { page_size: 1, ..of("2018-Q1") };
    let page = client.list_observations(request).await.expect("a page").into_inner();
    let other = academy::ListObservationsRequest { page_token: page.next_page_token, ..of("2018-Q2") };
    assert_eq!(refused(client.list_observations(other).await), bad(&["page_token"]));
    // Who was invited and has not joined is in no figure.
    let by_hub = academy::ListObservationsRequest { by: academy::By::Hub.into(), ..of("programme/COEP") };
    assert!(client.list_observations(by_hub).await.expect("a page").into_inner().observations.is_empty());
    let coverage = client.list_coverage(academy::ListCoverageRequest::default()).await.expect("a page").into_inner();
    assert!(coverage.coverage.is_empty());
    let releases = academy::ListReceivedReleasesRequest { period: "2018-Q1".into(), ..Default::default() };
    assert!(client.list_received_releases(releases).await.expect("a page").into_inner().releases.is_empty());
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn definitions_and_declared_figures_are_listed_by_page() {
    let place = Place::academy();
    let running = place.start().await;
    let mut client = StatisticsServiceClient::new(channel(&place).await);
    let page = client.list_indicators(academy::ListIndicatorsRequest::default()).await.expect("a page").into_inner();
    assert_eq!(
        page.indicators.iter().map(|indicator| indicator.code.as_str()).collect::<Vec<_>>(),
        Indicator::ALL.map(Indicator::code)
    );
    let listened = page.indicators.iter().find(|indicator| indicator.code == "people_listened_to").expect("one");
    assert_eq!(listened.dimensions, ["age_band", "gender", "ethnicity", "disability", "theme", "ward"]);
    assert!(!listened.outcome && listened.definition.ends_with('.'));

    let (mut figures, mut page_token) = (Vec::new(), String::new());
    loop {
        let request = academy::ListDeclaredFiguresRequest { page_size: 9, page_token, ..Default::default() };
        let page = client.list_declared_figures(request).await.expect("a page").into_inner();
        figures.extend(page.declared_figures);
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    assert_eq!(figures.len(), folkmoot_domain::declared::all().len());
    let wifi = figures.iter().find(|figure| figure.label.contains("organisations")).expect("a figure");
    assert_eq!((wifi.figure, wifi.qualifier.as_str(), wifi.unit.as_str()), (100, "at least", "organisations"));
    let request = academy::ListDeclaredFiguresRequest { programme: "COMF".into(), ..Default::default() };
    let comf = client.list_declared_figures(request).await.expect("a page").into_inner().declared_figures;
    assert_eq!(comf.iter().map(|figure| figure.figure).collect::<Vec<_>>(), [38, 1_229, 7_341, 3_000]);
    assert!(comf.iter().all(|figure| !figure.comparable && !figure.note.is_empty()));
    running.stop().await;
}
