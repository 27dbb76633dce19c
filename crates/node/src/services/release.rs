//! What leaves the hub: shown before, approved, and shown ever after.

use std::sync::Arc;

use folkmoot_disclosure::{Figure, Policy, Prepared, PreparedCell, differences, prepare};
use folkmoot_domain::Date;
use folkmoot_domain::calendar::Period;
use folkmoot_domain::indicator::CellKey;
use folkmoot_journal::{Hash, NodeId, Payload, PayloadKind, encode_release};
use folkmoot_proto::hub::v1 as proto;
use folkmoot_proto::hub::v1::published_figure::Figure as Published;
use folkmoot_proto::hub::v1::{
    ApproveReleaseRequest, GetReleaseRequest, ListReleasesRequest, ListReleasesResponse, PreviewReleaseRequest,
    PreviewReleaseResponse,
};
use folkmoot_store::hub::{ApprovedRelease, ReleaseState};
use folkmoot_store::{Store, StoreError, UnixMillis};
use tonic::{Code, Request, Response, Status};

use super::indicator::category_title;
use super::paging::Page;
use super::{ask, read, resource_id, timestamp};
use crate::access::Permit;
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
        let period = period(&request.get_ref().period)?;
        let proposal = self.propose(&period, |_, proposal| Ok(proposal)).await?;
        Ok(Response::new(PreviewReleaseResponse {
            period: period.to_string(),
            period_title: period.title(),
            cells: proposal.prepared.cells.iter().map(preview_cell).collect(),
            etag: etag(&proposal.payload),
            changes: proposal.changes(),
            standing_release: proposal.standing.as_ref().map(name).unwrap_or_default(),
            payload: proposal.payload,
        }))
    }

    async fn approve_release(
        &self,
        request: Request<ApproveReleaseRequest>,
    ) -> Result<Response<proto::Release>, Status> {
        Permit::of(&request)?;
        let ApproveReleaseRequest { period: asked, etag } = request.into_inner();
        let approved = self.propose(&period(&asked)?, move |store, proposal| approve(store, proposal, &etag)).await?;
        Ok(Response::new(message(approved)))
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

        let all = ask(&self.0, |store| store.hub()?.releases()).await?;
        let (releases, next_page_token) = page.cut(all, |release| release.id.clone());
        Ok(Response::new(ListReleasesResponse {
            releases: releases.into_iter().map(message).collect(),
            next_page_token,
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

/// What a period would release now, beside what it has released.
struct Proposal {
    prepared: Prepared,
    payload: Vec<u8>,
    standing: Option<ApprovedRelease>,
}

impl Proposal {
    /// What differs from the release that stands, one sentence a cell.
    fn changes(&self) -> Vec<String> {
        let Some(standing) = &self.standing else { return Vec::new() };
        let found = differences(&cells(&standing.payload), self.prepared.release.cells());
        found.iter().map(ToString::to_string).collect()
    }
}

impl Releases {
    /// Prepares the release of a period and goes on with it on the same blocking thread.
    async fn propose<T: Send + 'static>(
        &self,
        period: &Period,
        then: impl FnOnce(&Store, Proposal) -> Result<T, Status> + Send + 'static,
    ) -> Result<T, Status> {
        let (hub, period, today) = (self.0.id(), period.clone(), self.0.now().date());
        self.0.on_store(move |store| then(store, propose(store, hub, &period, today)?)).await
    }
}

fn propose(store: &Store, hub: NodeId, period: &Period, today: Date) -> Result<Proposal, Status> {
    let read = || -> Result<_, StoreError> {
        let records = store.hub()?;
        Ok((records.figures(period)?, records.standing_release(period)?))
    };
    let (observations, standing) = read().map_err(status::store)?;
    let prepared = prepare(&observations, hub.0, 0, &Policy::floor(), today).map_err(status::refusal)?;
    let payload = encode_release(&prepared.release);
    Ok(Proposal { prepared, payload, standing })
}

/// Approves a proposal; the release that stands already, where it says the same.
fn approve(store: &Store, proposal: Proposal, seen: &str) -> Result<ApprovedRelease, Status> {
    let changes = proposal.changes();
    let Proposal { prepared, payload, standing } = proposal;
    if !seen.is_empty() && seen != etag(&payload) {
        return Err(status::reasoned(
            Code::Aborted,
            "FIGURES_CHANGED",
            "the figures are no longer those of the preview: look at the preview again, then approve",
        ));
    }
    match standing {
        Some(standing) if changes.is_empty() => Ok(standing),
        Some(standing) => Err(status::release_stands(&name(&standing), &changes)),
        None => store.hub().and_then(|hub| hub.approve(&prepared.release)).map_err(status::store),
    }
}

fn period(text: &str) -> Result<Period, Status> {
    let mut violations = Violations::default();
    read("period", text, &mut violations).ok_or_else(|| violations.refuse())
}

/// Names the bytes of a release.
fn etag(payload: &[u8]) -> String {
    Hash::of(payload).to_string()
}

fn name(release: &ApprovedRelease) -> String {
    format!("releases/{}", release.id)
}

/// The cells of a payload that this hub made itself.
fn cells(payload: &[u8]) -> Vec<(CellKey, Figure)> {
    match Payload::decode(PayloadKind::Release, payload) {
        Ok(Some(Payload::Release(parts))) => parts.known_cells(),
        Ok(
            Some(
                Payload::Opening(_)
                | Payload::HubRecord(_)
                | Payload::ProgrammeRecord(_)
                | Payload::PolicyRecord(_)
                | Payload::Edition(_)
                | Payload::Retirement(_)
                | Payload::Membership(_)
                | Payload::CampaignChanges(_),
            )
            | None,
        )
        | Err(_) => Vec::new(),
    }
}

fn message(release: ApprovedRelease) -> proto::Release {
    use proto::release::State;
    let (state, acknowledged, set_aside_reason) = match &release.state {
        ReleaseState::Approved => (State::Approved, None, String::new()),
        ReleaseState::Sent => (State::Sent, None, String::new()),
        ReleaseState::Acknowledged { minute } => (State::Acknowledged, Some(*minute), String::new()),
        ReleaseState::SetAside { minute, reason } => (State::SetAside, Some(*minute), reason.clone()),
    };
    proto::Release {
        name: name(&release),
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

fn preview_cell(cell: &PreparedCell) -> proto::PreviewCell {
    proto::PreviewCell {
        indicator: cell.key.indicator.code().to_owned(),
        title: cell.key.indicator.title().to_owned(),
        dimension: cell.key.dimension_code().to_owned(),
        category: cell.key.category_code().to_owned(),
        category_title: category_title(cell.key),
        true_value: cell.true_value,
        published: Some(published(cell.figure)),
        reason: cell.reason.words().to_owned(),
        unit: cell.key.indicator.unit().name().to_owned(),
    }
}

fn released_cell((key, figure): (CellKey, Figure)) -> proto::ReleasedCell {
    proto::ReleasedCell {
        indicator: key.indicator.code().to_owned(),
        title: key.indicator.title().to_owned(),
        dimension: key.dimension_code().to_owned(),
        category: key.category_code().to_owned(),
        category_title: category_title(key),
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
