//! What leaves the hub: shown before, approved, and shown ever after.

use std::sync::Arc;

use folkmoot_disclosure::{Figure, PreparedCell, Standing};
use folkmoot_domain::calendar::{Period, iso};
use folkmoot_domain::indicator::CellKey;
use folkmoot_proto::hub::v1 as proto;
use folkmoot_proto::hub::v1::published_figure::Figure as Published;
use folkmoot_proto::hub::v1::{
    ApproveReleaseRequest, GetReleaseRequest, HoldReleaseRequest, ListReleasesRequest, ListReleasesResponse,
    PreviewReleaseRequest, PreviewReleaseResponse, ReleaseHold, ResumeReleaseRequest, ResumeReleaseResponse,
};
use folkmoot_store::hub::{ApprovedRelease, Approver, Hold, ReleaseState};
use folkmoot_store::{Store, UnixMillis};
use tonic::{Code, Request, Response, Status};

use super::paging::Page;
use super::policy::terms;
use super::{ask, read, resource_id, timestamp};
use crate::access::Permit;
use crate::gate::{Gate, GateError, Proposal, cells, etag};
use crate::generated::hub::release_service_server::ReleaseService;
use crate::node::Node;
use crate::status::{self, Violations};

/// Decides what leaves the hub.
pub(crate) struct Releases(pub(crate) Arc<Node>);

#[tonic::async_trait]
impl ReleaseService for Releases {
    async fn preview_release(
        &self,
        request: Request<PreviewReleaseRequest>,
    ) -> Result<Response<PreviewReleaseResponse>, Status> {
        Permit::of(&request)?;
        let asked = &request.get_ref().period;
        Ok(Response::new(self.propose(asked, |gate, _, proposal| Ok(preview(gate, proposal))).await?))
    }

    async fn approve_release(
        &self,
        request: Request<ApproveReleaseRequest>,
    ) -> Result<Response<proto::Release>, Status> {
        let approver = Approver::Person { uid: Permit::of(&request)?.writer()?.uid };
        let ApproveReleaseRequest { period, etag } = request.into_inner();
        let seen = move || (!etag.is_empty()).then_some(etag);
        let approve = move |gate: &Gate, store: &Store, proposal: Proposal<'_>| {
            gate.approve(store, proposal, approver, seen().as_deref())
        };
        Ok(Response::new(message(self.propose(&period, approve).await?)))
    }

    async fn hold_release(&self, request: Request<HoldReleaseRequest>) -> Result<Response<ReleaseHold>, Status> {
        let uid = Permit::of(&request)?.writer()?.uid;
        let period = period(&request.get_ref().period)?;
        let of = period.clone();
        let hold = ask(&self.0, move |store| store.hub()?.hold(&of, uid)).await?;
        Ok(Response::new(hold_message(&period, &hold)))
    }

    async fn resume_release(
        &self,
        request: Request<ResumeReleaseRequest>,
    ) -> Result<Response<ResumeReleaseResponse>, Status> {
        let uid = Permit::of(&request)?.writer()?.uid;
        let period = period(&request.get_ref().period)?;
        let of = period.clone();
        let was_held = ask(&self.0, move |store| store.hub()?.resume(&of, uid)).await?.is_some();
        Ok(Response::new(ResumeReleaseResponse { period: period.to_string(), period_title: period.title(), was_held }))
    }

    async fn list_releases(
        &self,
        request: Request<ListReleasesRequest>,
    ) -> Result<Response<ListReleasesResponse>, Status> {
        Permit::of(&request)?;
        let ListReleasesRequest { page_size, page_token } = request.into_inner();
        let mut violations = Violations::default();
        let page = Page::read(&["ListReleases"], page_size, &page_token, &mut violations);
        violations.check()?;

        let read = |store: &Store| Ok((store.hub()?.releases()?, store.hub()?.holds()?));
        let (all, holds) = ask(&self.0, read).await?;
        let (releases, next_page_token) = page.cut(all, |release| release.id.clone());
        Ok(Response::new(ListReleasesResponse {
            releases: releases.into_iter().map(message).collect(),
            next_page_token,
            holds: holds.iter().map(|(period, hold)| hold_message(period, hold)).collect(),
        }))
    }

    async fn get_release(&self, request: Request<GetReleaseRequest>) -> Result<Response<proto::Release>, Status> {
        Permit::of(&request)?;
        let mut violations = Violations::default();
        let id = resource_id("name", "releases", &request.get_ref().name, &mut violations).map(str::to_owned);
        let Some(id) = id else { return Err(violations.refuse()) };

        let found = ask(&self.0, move |store| store.hub()?.release(&id)).await?;
        match found {
            Some(release) => Ok(Response::new(message(release))),
            None => Err(status::reasoned(
                Code::NotFound,
                "NO_SUCH_RELEASE",
                "the hub has no release of this name; `folkmoot hub release --list` shows those it has",
            )),
        }
    }
}

impl Releases {
    /// Prepares the release of a period and goes on with it on the same blocking thread.
    async fn propose<T: Send + 'static>(
        &self,
        asked: &str,
        then: impl FnOnce(&Gate, &Store, Proposal<'_>) -> Result<T, GateError> + Send + 'static,
    ) -> Result<T, Status> {
        let (gate, period) = (Gate::of(&self.0), period(asked)?);
        let answer = self.0.on_store(move |store| {
            let counted = store.hub()?.count_with(&period)?;
            let proposal = gate.propose(store, &period, &counted)?;
            then(&gate, store, proposal)
        });
        answer.await.map_err(status::gate)
    }
}

fn preview(gate: &Gate, proposal: Proposal<'_>) -> PreviewReleaseResponse {
    use proto::preview_release_response::Standing as Wire;
    let release = &proposal.prepared.release;
    let period = release.period();
    let standing = match proposal.prepared.standing {
        Standing::First => Wire::First,
        Standing::Revision => Wire::Revision,
        Standing::Stands => Wire::Stands,
    };
    let automatic = match proposal.prepared.standing {
        Standing::First | Standing::Revision => proposal.facts.automatic_from(gate.settings()),
        Standing::Stands => None,
    };
    PreviewReleaseResponse {
        period: period.to_string(),
        period_title: period.title(),
        cells: proposal.prepared.cells.iter().map(preview_cell).collect(),
        etag: etag(&proposal.payload),
        changes: proposal.changes(),
        standing_release: proposal.standing.as_ref().map(name).unwrap_or_default(),
        standing: standing.into(),
        revision: release.revision(),
        late_people_waiting: proposal.late_people,
        automatic_day: automatic.map(iso).unwrap_or_default(),
        revisable_day: proposal.prepared.revisable_from.map(iso).unwrap_or_default(),
        hold: proposal.hold.as_ref().map(|hold| hold_message(period, hold)),
        campaigns_awaiting_report_back: proposal.facts.awaiting_report_back,
        waits_for_report_back: gate.settings().listening_waits_for_report_back,
        policy_version: proposal.policy.version(),
        terms: Some(terms(proposal.policy.terms())),
        payload: proposal.payload,
    }
}

fn period(text: &str) -> Result<Period, Status> {
    let mut violations = Violations::default();
    read("period", text, &mut violations).ok_or_else(|| violations.refuse())
}

fn name(release: &ApprovedRelease) -> String {
    format!("releases/{}", release.id)
}

fn message(release: ApprovedRelease) -> proto::Release {
    use proto::release::State;
    let (state, acknowledged, set_aside_reason) = match &release.state {
        ReleaseState::Approved if release.hold.is_some() => (State::Held, None, String::new()),
        ReleaseState::Approved => (State::Approved, None, String::new()),
        ReleaseState::Sent => (State::Sent, None, String::new()),
        ReleaseState::Acknowledged { minute } => (State::Acknowledged, Some(*minute), String::new()),
        ReleaseState::SetAside { minute, reason } => (State::SetAside, Some(*minute), reason.clone()),
    };
    proto::Release {
        name: name(&release),
        approved_by: match release.approved_by {
            Approver::Person { uid } => who(uid),
            Approver::Policy => "policy".to_owned(),
            Approver::Unrecorded => String::new(),
        },
        hold: release.hold.as_ref().map(|hold| hold_message(&release.period, hold)),
        period: release.period.to_string(),
        period_title: release.period.title(),
        revision: release.revision,
        state: state.into(),
        approve_time: Some(timestamp(release.approved_at)),
        cells: cells(&release.payload).into_iter().map(released_cell).collect(),
        etag: etag(&release.payload),
        payload: release.payload,
        set_aside_reason,
        acknowledge_time: acknowledged.map(|minute| timestamp(UnixMillis(i64::from(minute) * 60_000))),
    }
}

fn hold_message(period: &Period, hold: &Hold) -> ReleaseHold {
    ReleaseHold {
        period: period.to_string(),
        period_title: period.title(),
        hold_time: Some(timestamp(hold.at)),
        held_by: who(hold.by),
    }
}

/// A user of this machine.
fn who(uid: u32) -> String {
    format!("uid {uid}")
}

fn preview_cell(cell: &PreparedCell) -> proto::PreviewCell {
    proto::PreviewCell {
        indicator: cell.key.indicator.code().to_owned(),
        title: cell.key.indicator.title().to_owned(),
        dimension: cell.key.dimension_code().to_owned(),
        category: cell.key.category_code().to_owned(),
        category_title: cell.key.category_title().to_owned(),
        true_value: cell.true_value,
        published: Some(published(cell.figure)),
        reason: cell.reason.words().to_owned(),
        unit: cell.key.indicator.unit().name().to_owned(),
        rule: i32::from(cell.reason.rule()),
        left_out: !cell.is_listed(),
    }
}

fn released_cell((key, figure): (CellKey, Figure)) -> proto::ReleasedCell {
    proto::ReleasedCell {
        indicator: key.indicator.code().to_owned(),
        title: key.indicator.title().to_owned(),
        dimension: key.dimension_code().to_owned(),
        category: key.category_code().to_owned(),
        category_title: key.category_title().to_owned(),
        published: Some(published(figure)),
        unit: key.indicator.unit().name().to_owned(),
    }
}

fn published(figure: Figure) -> proto::PublishedFigure {
    let figure = match figure {
        Figure::Exact(value) => Published::Exact(value),
        Figure::Rounded(value) => Published::Rounded(value),
        Figure::Below(threshold) => Published::Below(threshold),
        Figure::Withheld => Published::Withheld(true),
    };
    proto::PublishedFigure { figure: Some(figure) }
}
