//! The hub's true figures, for the hub's own eyes.

use std::sync::Arc;

use folkmoot_domain::calendar::Period;
use folkmoot_domain::indicator::CellKey;
use folkmoot_proto::hub::v1::{Indicator, ListIndicatorsRequest, ListIndicatorsResponse};
use tonic::{Request, Response, Status};

use super::paging::Page;
use super::{ask, read};
use crate::access::Permit;
use crate::generated::hub::indicator_service_server::IndicatorService;
use crate::node::Node;
use crate::status::Violations;

/// Answers with true figures.
pub(crate) struct Indicators(pub(crate) Arc<Node>);

#[tonic::async_trait]
impl IndicatorService for Indicators {
    async fn list_indicators(
        &self,
        request: Request<ListIndicatorsRequest>,
    ) -> Result<Response<ListIndicatorsResponse>, Status> {
        Permit::of(&request)?;
        let ListIndicatorsRequest { period, page_size, page_token } = request.into_inner();
        let mut violations = Violations::default();
        let asked: Option<Period> = read("period", &period, &mut violations);
        let page = Page::read(&["ListIndicators", &period], page_size, &page_token, &mut violations);
        let Some(period) = asked else { return Err(violations.refuse()) };
        violations.check()?;

        let period_title = period.title();
        let figures = ask(&self.0, move |store| store.hub()?.figures(&period)).await?;
        let cells = figures.cells().map(|(key, observation)| indicator(key, observation.value)).collect();
        let (indicators, next_page_token) = page.cut(cells, key);
        Ok(Response::new(ListIndicatorsResponse { period_title, indicators, next_page_token }))
    }
}

/// Names a figure among the others: a category may be in several breakdowns.
fn key(figure: &Indicator) -> String {
    format!("{}/{}/{}", figure.code, figure.dimension, figure.category)
}

fn indicator(key: CellKey, value: u64) -> Indicator {
    Indicator {
        code: key.indicator.code().to_owned(),
        title: key.indicator.title().to_owned(),
        unit: key.indicator.unit().name().to_owned(),
        aggregation: key.indicator.aggregation().name().to_owned(),
        definition: key.indicator.definition().to_owned(),
        dimension: key.dimension_code().to_owned(),
        category: key.category_code().to_owned(),
        category_title: key.category_title().to_owned(),
        value,
    }
}
