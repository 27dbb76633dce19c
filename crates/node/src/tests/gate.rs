//! The hub's gate: previews, approvals by people and by the hub's policy, holds. It is 15 November 2026.

use std::{collections::BTreeSet, fs, os::unix::fs::MetadataExt as _};

use folkmoot_proto::hub::v1::{
    self as proto, ListIndicatorsRequest, ListReleasesRequest, PreviewReleaseResponse, Release, Rule,
    preview_release_response::Standing, published_figure::Figure, release::State,
};
use tonic::{Code, Status, transport::Channel};

use super::{
    answering::{bad, because, channel, import, import_trained, refused},
    *,
};
use crate::{
    gate::job::approve_due,
    generated::hub::{indicator_service_client::IndicatorServiceClient, release_service_client::ReleaseServiceClient},
};

const QUARTER: &str = "2018-Q3";

/// A hub with this table in its settings.
fn hub_with(release: &str) -> Place {
    let place = Place::hub("Warminster");
    let path = place.data.join("folkmoot.toml");
    let settings = fs::read_to_string(&path).expect("settings");
    fs::write(path, format!("{settings}\n[release]\n{release}\n")).expect("settings");
    place
}

/// What the operator's client asks of the gate.
#[derive(Clone)]
struct Client(Channel);

impl Client {
    async fn of(place: &Place) -> Client {
        Client(channel(place).await)
    }

    fn releases(&self) -> ReleaseServiceClient<Channel> {
        ReleaseServiceClient::new(self.0.clone())
    }

    async fn preview(&self, period: &str) -> PreviewReleaseResponse {
        let request = proto::PreviewReleaseRequest { period: period.into() };
        self.releases().preview_release(request).await.expect("a preview").into_inner()
    }

    async fn try_approve(&self, period: &str, etag: &str) -> Result<Release, Status> {
        let request = proto::ApproveReleaseRequest { period: period.into(), etag: etag.into() };
        Ok(self.releases().approve_release(request).await?.into_inner())
    }

    async fn approve(&self, period: &str) -> Release {
        self.try_approve(period, "").await.expect("a release")
    }

    async fn hold(&self, period: &str) -> proto::ReleaseHold {
        let request = proto::HoldReleaseRequest { period: period.into() };
        self.releases().hold_release(request).await.expect("a hold").into_inner()
    }

    async fn resume(&self, period: &str) -> bool {
        let request = proto::ResumeReleaseRequest { period: period.into() };
        self.releases().resume_release(request).await.expect("an answer").into_inner().was_held
    }

    async fn list(&self) -> proto::ListReleasesResponse {
        self.releases().list_releases(ListReleasesRequest::default()).await.expect("a list").into_inner()
    }

    /// Names and approvers of all releases, the latest first.
    async fn ledger(&self) -> Vec<(String, String)> {
        self.list().await.releases.into_iter().map(|release| (release.name, release.approved_by)).collect()
    }
}

/// This user, as the gate names it.
fn me(place: &Place) -> String {
    format!("uid {}", fs::metadata(&place.data).expect("a folder").uid())
}

fn ledger(of: &[(&str, &str)]) -> Vec<(String, String)> {
    of.iter().map(|(name, by)| ((*name).to_owned(), (*by).to_owned())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn figures_are_listed_by_page_each_once() {
    let place = Place::hub("Warminster");
    let running = place.start().await;
    let line = channel(&place).await;
    import_trained(line.clone(), 21).await;
    let mut client = IndicatorServiceClient::new(line);
    let request =
        |size, token: &str| ListIndicatorsRequest { period: QUARTER.into(), page_size: size, page_token: token.into() };
    let whole = client.list_indicators(request(1000, "")).await.expect("figures").into_inner().indicators;
    let (mut pages, mut token) = (Vec::new(), String::new());
    loop {
        let page = client.list_indicators(request(7, &token)).await.expect("a page").into_inner();
        pages.extend(page.indicators);
        token = page.next_page_token;
        if token.is_empty() {
            break;
        }
    }
    assert_eq!(pages, whole);
    let cells: BTreeSet<_> = whole.iter().map(|one| (&one.code, &one.dimension, &one.category)).collect();
    assert_eq!(cells.len(), whole.len(), "unknown is a category of several dimensions");
    let women = whole.iter().find(|one| (one.code.as_str(), one.category.as_str()) == ("people_trained", "woman"));
    assert_eq!((whole[0].value, women.map(|women| women.value)), (21, Some(11)));

    let page = client.list_indicators(request(2, "")).await.expect("figures").into_inner();
    let other = ListIndicatorsRequest { period: "2018-Q4".into(), ..request(2, &page.next_page_token) };
    assert_eq!(refused(client.list_indicators(other).await), bad(&["page_token"]));
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_previewed_is_what_is_approved() {
    let place = Place::hub("Warminster");
    let running = place.start().await;
    let client = Client::of(&place).await;
    import_trained(client.0.clone(), 21).await;

    let preview = client.preview(QUARTER).await;
    assert_eq!((preview.standing(), preview.revision), (Standing::First, 0));
    assert_eq!((preview.policy_version, preview.terms.map(|terms| terms.threshold)), (1, Some(8)));
    assert_eq!((preview.automatic_day.as_str(), preview.standing_release.as_str()), ("", ""));
    let cell = |category: &str, dimension: &str| {
        let of = |cell: &&proto::PreviewCell| {
            (cell.indicator.as_str(), cell.category.as_str(), cell.dimension.as_str())
                == ("people_trained", category, dimension)
        };
        let cell = preview.cells.iter().find(of).expect("a cell");
        (cell.true_value, cell.published.and_then(|published| published.figure), cell.rule())
    };
    assert_eq!(cell("", ""), (21, Some(Figure::Exact(21)), Rule::Threshold));
    assert_eq!(cell("woman", "gender"), (11, Some(Figure::Rounded(10)), Rule::Breakdown));
    assert_eq!(cell("non-binary", "gender"), (0, Some(Figure::Below(8)), Rule::Breakdown));
    assert_eq!(cell("unknown", "ethnicity"), (21, Some(Figure::Withheld(true)), Rule::Complement));

    let unfinished = proto::PreviewReleaseRequest { period: "2026-Q4".into() };
    assert_eq!(
        refused(client.releases().preview_release(unfinished).await),
        because(Code::FailedPrecondition, "PERIOD_UNFINISHED")
    );
    assert_eq!(refused(client.try_approve("someday", "").await), bad(&["period"]));
    assert_eq!(refused(client.try_approve(QUARTER, "x").await), because(Code::Aborted, "FIGURES_CHANGED"));
    let release = client.try_approve(QUARTER, &preview.etag).await.expect("a release");
    assert_eq!((release.name.as_str(), release.state()), ("releases/2018-Q3.0", State::Approved));
    assert_eq!((&release.payload, &release.etag, &release.approved_by), (&preview.payload, &preview.etag, &me(&place)));
    assert_eq!(client.approve(QUARTER).await, release, "the same again");

    assert_eq!(client.list().await.releases, std::slice::from_ref(&release));
    let get = |name: &str| proto::GetReleaseRequest { name: name.into() };
    assert_eq!(client.releases().get_release(get(&release.name)).await.expect("the release").into_inner(), release);
    assert_eq!(
        refused(client.releases().get_release(get("releases/2018-Q4.0")).await),
        because(Code::NotFound, "NO_SUCH_RELEASE")
    );
    assert_eq!(refused(client.releases().get_release(get("2018-Q3.0")).await), bad(&["name"]));
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hub_can_say_that_it_had_nobody() {
    let place = Place::hub("Warminster");
    let running = place.start().await;
    let client = Client::of(&place).await;
    let preview = client.preview(QUARTER).await;
    assert_eq!(preview.cells[0].published.and_then(|published| published.figure), Some(Figure::Exact(0)));
    client.approve(QUARTER).await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn late_records_wait_until_they_are_enough_for_the_revision_of_the_year() {
    let place = Place::hub("Warminster");
    let running = place.start().await;
    let client = Client::of(&place).await;
    import_trained(client.0.clone(), 21).await;
    let first = client.approve(QUARTER).await;

    import_trained(client.0.clone(), 23).await;
    let few = client.preview(QUARTER).await;
    assert_eq!((few.standing(), few.late_people_waiting, few.changes.len()), (Standing::Stands, 2, 0));
    assert_eq!((&few.payload, &few.standing_release, few.revision), (&first.payload, &first.name, 0));
    assert_eq!(few.cells[0].rule(), Rule::Calendar);
    assert_eq!(client.approve(QUARTER).await, first);

    import_trained(client.0.clone(), 40).await;
    let enough = client.preview(QUARTER).await;
    assert_eq!((enough.standing(), enough.revision, enough.late_people_waiting), (Standing::Revision, 1, 0));
    assert_eq!(enough.changes[0], "People trained: was 21, is now 40");
    let second = client.try_approve(QUARTER, &enough.etag).await.expect("a revision");
    assert_eq!((second.name.as_str(), &second.payload), ("releases/2018-Q3.1", &enough.payload));

    import_trained(client.0.clone(), 60).await;
    let too_soon = client.preview(QUARTER).await;
    assert_eq!(too_soon.standing(), Standing::Stands, "one a financial year");
    assert!(few.revisable_day.is_empty() && too_soon.revisable_day.ends_with("-04-01"), "{}", too_soon.revisable_day);
    place.hands.forward(150 * DAY);
    let next = client.preview(QUARTER).await;
    assert_eq!((next.standing(), next.revision), (Standing::Revision, 2));
    assert_eq!(client.list().await.releases, [second, first]);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hold_stands_until_somebody_lifts_it() {
    let place = Place::hub("Warminster");
    let running = place.start().await;
    let client = Client::of(&place).await;
    import_trained(client.0.clone(), 21).await;
    assert!(!client.resume(QUARTER).await, "nothing was held");

    let hold = client.hold(QUARTER).await;
    assert_eq!((hold.period.as_str(), &hold.held_by), (QUARTER, &me(&place)));
    assert_eq!(hold.period_title, "Jul–Sep 2018 (Q2 of 2018/19)");
    place.hands.forward(HOUR);
    assert_eq!(client.hold(QUARTER).await, hold, "the same hold");
    assert_eq!(client.preview(QUARTER).await.hold, Some(hold.clone()));
    assert_eq!(client.list().await.holds, [hold]);

    let approved = client.approve(QUARTER).await;
    assert_eq!((approved.state(), approved.hold), (State::Approved, None), "approving lifts it");
    assert!(client.list().await.holds.is_empty());

    let hold = client.hold(QUARTER).await;
    let held = client.list().await.releases.remove(0);
    assert_eq!((held.state(), held.hold), (State::Held, Some(hold)));
    assert_eq!(client.approve(QUARTER).await.state(), State::Approved, "and so does approving again");
    client.hold(QUARTER).await;
    assert!(client.resume(QUARTER).await);
    assert_eq!(client.list().await.releases[0].state(), State::Approved);
    let wrong = proto::HoldReleaseRequest { period: "2018".into() };
    assert_eq!(refused(client.releases().hold_release(wrong).await), bad(&["period"]));
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_hubs_policy_approves_what_has_waited_long_enough() {
    let place = hub_with("quarters = \"automatic\"");
    let running = place.start().await;
    let client = Client::of(&place).await;
    import_trained(client.0.clone(), 21).await;
    let preview = client.preview(QUARTER).await;
    assert_eq!(preview.automatic_day, "2026-12-15", "thirty days after the import");
    assert_eq!(client.preview("2018/19").await.automatic_day, "", "years are by hand");

    place.hands.forward(29 * DAY);
    approve_due(running.node()).await;
    assert_eq!(client.ledger().await, []);
    client.hold(QUARTER).await;
    place.hands.forward(DAY);
    assert_eq!(client.preview(QUARTER).await.automatic_day, "");
    approve_due(running.node()).await;
    assert_eq!(client.ledger().await, [], "it is held");
    client.resume(QUARTER).await;
    for _ in 0..2 {
        approve_due(running.node()).await;
        assert_eq!(client.ledger().await, ledger(&[("releases/2018-Q3.0", "policy")]));
    }
    assert_eq!(client.list().await.releases[0].payload, preview.payload);

    // The revision of the next year.
    import_trained(client.0.clone(), 40).await;
    assert_eq!(client.preview(QUARTER).await.automatic_day, "2027-04-30");
    place.hands.forward(100 * DAY);
    approve_due(running.node()).await;
    assert_eq!(client.ledger().await.len(), 1, "the financial year has not closed");
    place.hands.forward(40 * DAY);
    for _ in 0..2 {
        approve_due(running.node()).await;
        let both = ledger(&[("releases/2018-Q3.1", "policy"), ("releases/2018-Q3.0", "policy")]);
        assert_eq!(client.ledger().await, both);
    }
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_starts_approves_what_came_due_while_it_was_off() {
    let place = hub_with("quarters = \"automatic\"\nyears = \"automatic\"");
    let running = place.start().await;
    import_trained(channel(&place).await, 21).await;
    running.stop().await;
    place.hands.forward(31 * DAY);
    let running = place.start().await;
    let store = running.node().store().clone();
    let released = || store.hub().and_then(|hub| hub.releases()).expect("releases").len();
    until(running.node().written(), "both are approved", || released() == 2).await;
    let names = ledger(&[("releases/2018-19.0", "policy"), ("releases/2018-Q3.0", "policy")]);
    assert_eq!(Client::of(&place).await.ledger().await, names, "the quarter first");
    running.stop().await;
}

/// Ten people heard in a listening campaign, reported back on this day or not yet.
async fn import_heard(channel: Channel, reported_back_on: &str) {
    let mut people =
        "ref,name,email,phone,postcode,birth_year,gender,ethnicity,disability,consent_to_contact\n".to_owned();
    let mut listenings =
        "ref,date,organiser_ref,person_ref,campaign_ref,mode,ward,themes,kind,repeat,note\n".to_owned();
    for person in 0..10 {
        people.push_str(&format!("P-{person},Zoë {person},,,,1980,woman,,,yes\n"));
        listenings.push_str(&format!("C-{person},2018-08-01,P-0,P-{person},L-1,door,,,concern,no,\n"));
    }
    let campaigns = format!(
        "ref,title,kind,opened_on,closed_on,reported_back_on\nL-1,Damp,place,2018-07-01,2018-09-30,{reported_back_on}\n"
    );
    let files = [("people.csv", people), ("listening_campaigns.csv", campaigns), ("listenings.csv", listenings)];
    let files: Vec<(&str, &str)> = files.iter().map(|(name, text)| (*name, text.as_str())).collect();
    let (_, refusals) = import(channel, &files).await.expect("an import");
    assert_eq!(refusals, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn listening_waits_for_its_report_back_where_the_hub_says_so() {
    let place = hub_with("quarters = \"automatic\"\nlistening_waits_for_report_back = true");
    let running = place.start().await;
    let client = Client::of(&place).await;
    import_heard(client.0.clone(), "").await;
    let preview = client.preview(QUARTER).await;
    assert_eq!((preview.campaigns_awaiting_report_back, preview.waits_for_report_back), (1, true));
    let waits = client.try_approve(QUARTER, "").await.expect_err("it waits");
    assert!(waits.message().starts_with("1 listening campaign heard in it has not been reported back"), "{waits}");
    assert_eq!(refused(Err::<(), _>(waits)), because(Code::FailedPrecondition, "AWAITS_REPORT_BACK"));
    place.hands.forward(31 * DAY);
    approve_due(running.node()).await;
    assert_eq!(client.ledger().await, []);

    import_heard(client.0.clone(), "2018-10-20").await;
    assert_eq!(client.preview(QUARTER).await.campaigns_awaiting_report_back, 0);
    assert_eq!(client.approve(QUARTER).await.approved_by, me(&place));
    running.stop().await;

    let place = Place::hub("Hastings");
    let running = place.start().await;
    let client = Client::of(&place).await;
    import_heard(client.0.clone(), "").await;
    let preview = client.preview(QUARTER).await;
    assert_eq!((preview.campaigns_awaiting_report_back, preview.waits_for_report_back), (1, false));
    client.approve(QUARTER).await;
    running.stop().await;
}
