//! National statistics, figure by figure, and what they stand on.

mod observation;
mod selection;

use std::sync::Arc;

use folkmoot_domain::calendar::{Period, ProgrammeCode, iso};
use folkmoot_domain::declared;
use folkmoot_domain::indicator::{Dimension, Indicator};
use folkmoot_proto::academy::v1 as proto;
use folkmoot_proto::academy::v1::{
    ListCoverageRequest, ListCoverageResponse, ListDeclaredFiguresRequest, ListDeclaredFiguresResponse,
    ListIndicatorsRequest, ListIndicatorsResponse, ListObservationsRequest, ListObservationsResponse,
    ListReceivedReleasesRequest, ListReceivedReleasesResponse,
};
use folkmoot_store::StoreError;
use folkmoot_store::academy::{AcademyStore, Coverage, Timeliness};
use tonic::{Request, Response, Status};

use super::paging::Page;
use super::report::{figure, received};
use super::{ask, read};
use crate::access::Permit;
use crate::generated::academy::statistics_service_server::StatisticsService;
use crate::node::Node;
use crate::status::Violations;

/// Gives national statistics.
pub(crate) struct Statistics(pub(crate) Arc<Node>);

#[tonic::async_trait]
impl StatisticsService for Statistics {
    async fn list_indicators(
        &self,
        request: Request<ListIndicatorsRequest>,
    ) -> Result<Response<ListIndicatorsResponse>, Status> {
        Permit::of(&request)?;
        let ListIndicatorsRequest { page_size, page_token } = request.into_inner();
        let mut violations = Violations::default();
        let page = Page::read(&["ListIndicators"], page_size, &page_token, &mut violations);
        violations.check()?;
        let (indicators, next_page_token) = page.cut(Indicator::ALL.to_vec(), |one| one.code().to_owned());
        let indicators = indicators.into_iter().map(indicator).collect();
        Ok(Response::new(ListIndicatorsResponse { indicators, next_page_token }))
    }

    async fn list_observations(
        &self,
        request: Request<ListObservationsRequest>,
    ) -> Result<Response<ListObservationsResponse>, Status> {
        Permit::of(&request)?;
        let request = request.into_inner();
        let mut violations = Violations::default();
        let query = selection::query(&request);
        let query: Vec<&str> = query.iter().map(String::as_str).collect();
        let page = Page::read(&query, request.page_size, &request.page_token, &mut violations);
        let Some(selection) = selection::read(&request, &mut violations) else { return Err(violations.refuse()) };
        violations.check()?;

        let (size, by) = (page.size(), selection.by);
        // A token of other software may name a place that this one does not know: the list then begins anew.
        let after = page.after().and_then(selection::position);
        let (observations, more) =
            ask(&self.0, move |store| store.academy()?.observations(&selection, after.as_ref(), size)).await?;
        let last = observations.last().filter(|_| more).map(|last| page.token(&selection::place(&last.position)));
        Ok(Response::new(ListObservationsResponse {
            observations: observations.into_iter().map(|one| observation::message(one, by)).collect(),
            next_page_token: last.unwrap_or_default(),
        }))
    }

    async fn list_coverage(
        &self,
        request: Request<ListCoverageRequest>,
    ) -> Result<Response<ListCoverageResponse>, Status> {
        Permit::of(&request)?;
        let ListCoverageRequest { period, first_period, last_period, page_size, page_token } = request.into_inner();
        let mut violations = Violations::default();
        let query = ["ListCoverage", &period, &first_period, &last_period];
        let page = Page::read(&query, page_size, &page_token, &mut violations);
        let periods = selection::periods_or_all(&period, &first_period, &last_period, &mut violations);
        violations.check()?;

        let all = ask(&self.0, move |store| of_each(&store.academy()?, periods, AcademyStore::coverage)).await?;
        let (coverage, next_page_token) = page.cut(all, |one| format!("{}/{}", one.period, one.hub));
        Ok(Response::new(ListCoverageResponse {
            coverage: coverage.into_iter().map(coverage_message).collect(),
            next_page_token,
        }))
    }

    async fn list_received_releases(
        &self,
        request: Request<ListReceivedReleasesRequest>,
    ) -> Result<Response<ListReceivedReleasesResponse>, Status> {
        Permit::of(&request)?;
        let ListReceivedReleasesRequest { period, first_period, last_period, page_size, page_token } =
            request.into_inner();
        let mut violations = Violations::default();
        let query = ["ListReceivedReleases", &period, &first_period, &last_period];
        let page = Page::read(&query, page_size, &page_token, &mut violations);
        let periods = selection::periods_or_all(&period, &first_period, &last_period, &mut violations);
        violations.check()?;

        let all = ask(&self.0, move |store| of_each(&store.academy()?, periods, AcademyStore::releases_behind)).await?;
        let (releases, next_page_token) = page.cut(all, |one| format!("{}/{}", one.period, one.hub));
        Ok(Response::new(ListReceivedReleasesResponse {
            releases: releases.into_iter().map(received).collect(),
            next_page_token,
        }))
    }

    async fn list_declared_figures(
        &self,
        request: Request<ListDeclaredFiguresRequest>,
    ) -> Result<Response<ListDeclaredFiguresResponse>, Status> {
        Permit::of(&request)?;
        let ListDeclaredFiguresRequest { programme, page_size, page_token } = request.into_inner();
        let mut violations = Violations::default();
        let page = Page::read(&["ListDeclaredFigures", &programme], page_size, &page_token, &mut violations);
        let code: Option<ProgrammeCode> = match programme.as_str() {
            "" => None,
            programme => read("programme", programme, &mut violations),
        };
        violations.check()?;

        let all = code.map_or_else(|| declared::all().to_vec(), |code| declared::declared(&code));
        let numbered = all.into_iter().enumerate().collect();
        let (figures, next_page_token) = page.cut(numbered, |(number, _)| number.to_string());
        Ok(Response::new(ListDeclaredFiguresResponse {
            declared_figures: figures.into_iter().map(|(_, declared)| figure(declared)).collect(),
            next_page_token,
        }))
    }
}

/// What is held of each of the periods; of every period, where none is named.
fn of_each<T>(
    academy: &AcademyStore,
    periods: Vec<Period>,
    of: impl Fn(&AcademyStore, &Period) -> Result<Vec<T>, StoreError>,
) -> Result<Vec<T>, StoreError> {
    let periods = if periods.is_empty() { academy.reported_periods()? } else { periods };
    let mut all = Vec::new();
    for period in &periods {
        all.extend(of(academy, period)?);
    }
    Ok(all)
}

fn indicator(indicator: Indicator) -> proto::Indicator {
    proto::Indicator {
        code: indicator.code().to_owned(),
        version: indicator.version(),
        title: indicator.title().to_owned(),
        unit: indicator.unit().name().to_owned(),
        aggregation: indicator.aggregation().name().to_owned(),
        definition: indicator.definition().to_owned(),
        dimensions: indicator.dimensions().iter().copied().map(Dimension::code).map(str::to_owned).collect(),
        outcome: indicator.is_outcome(),
    }
}

fn coverage_message(coverage: Coverage) -> proto::Coverage {
    let timeliness = match coverage.timeliness {
        Timeliness::OnTime => proto::coverage::Timeliness::OnTime,
        Timeliness::Late => proto::coverage::Timeliness::Late,
        Timeliness::Missing => proto::coverage::Timeliness::Missing,
    };
    proto::Coverage {
        hub: format!("hubs/{}", coverage.hub),
        display_name: coverage.name,
        region: coverage.region,
        period: coverage.period.to_string(),
        period_title: coverage.period.title(),
        timeliness: timeliness.into(),
        released_day: coverage.released_on.map(iso).unwrap_or_default(),
        days_after_close: coverage.days_after_close,
        revision: coverage.revision,
    }
}
