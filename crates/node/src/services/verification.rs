//! What others need to check the national figures, handed out as a stream of files.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;

use folkmoot_domain::calendar::Period;
use folkmoot_journal::export::{HeldLog, MANIFEST};
use folkmoot_proto::academy::v1::export_releases_response::Part;
use folkmoot_proto::academy::v1::{
    ExportReleasesRequest, ExportReleasesResponse, ExportedBytes, ExportedFigure, ExportedFigures,
};
use folkmoot_store::academy::{Export, Line};
use futures_util::{Stream, stream};
use tonic::{Request, Response, Status};

use super::ask;
use crate::access::Permit;
use crate::generated::academy::verification_service_server::VerificationService;
use crate::node::Node;

/// How many bytes of a file one message has, or a single larger entry.
const STRETCH: usize = 256 * 1024;

/// Hands out exports.
pub(crate) struct Verifications(pub(crate) Arc<Node>);

#[tonic::async_trait]
impl VerificationService for Verifications {
    type ExportReleasesStream = Pin<Box<dyn Stream<Item = Result<ExportReleasesResponse, Status>> + Send>>;

    async fn export_releases(
        &self,
        request: Request<ExportReleasesRequest>,
    ) -> Result<Response<Self::ExportReleasesStream>, Status> {
        Permit::of(&request)?;
        let export = ask(&self.0, |store| store.academy()?.export()).await?;
        let sending = Sending { node: Arc::clone(&self.0), steps: steps(export) };
        Ok(Response::new(Box::pin(stream::try_unfold(sending, Sending::next))))
    }
}

/// What is still to be sent. Entries are read when their turn comes, so that no export lies in memory as a whole.
struct Sending {
    node: Arc<Node>,
    steps: VecDeque<Step>,
}

enum Step {
    Bytes(ExportedBytes),
    Figures(Period, Vec<Line>),
    /// The entries of a log after this number.
    Entries(HeldLog, u64),
    Fork(HeldLog, String),
}

fn steps(export: Export) -> VecDeque<Step> {
    let mut steps: VecDeque<Step> = stretches(MANIFEST, export.manifest.as_bytes()).collect();
    steps.extend(export.figures.into_iter().map(|(period, lines)| Step::Figures(period, lines)));
    for held in export.logs {
        let fork = held.fork_file().map(|file| Step::Fork(held.clone(), file));
        steps.push_back(Step::Entries(held, 0));
        steps.extend(fork);
    }
    steps
}

/// A file in stretches, one at least.
fn stretches(path: &str, bytes: &[u8]) -> impl Iterator<Item = Step> {
    let first = bytes.is_empty().then_some(&[][..]);
    let stretches = first.into_iter().chain(bytes.chunks(STRETCH));
    stretches.map(|content| Step::Bytes(ExportedBytes { path: path.to_owned(), content: content.to_vec() }))
}

impl Sending {
    async fn next(mut self) -> Result<Option<(ExportReleasesResponse, Sending)>, Status> {
        let Some(step) = self.steps.pop_front() else { return Ok(None) };
        let part = match step {
            Step::Bytes(bytes) => Part::Bytes(bytes),
            Step::Figures(period, lines) => Part::Figures(figures(&period, lines)),
            Step::Entries(held, after) => {
                let path = held.entries_file();
                let asked = held.clone();
                let read =
                    move |store: &folkmoot_store::Store| store.academy()?.exported_entries(&asked, after, STRETCH);
                let (content, last) = ask(&self.node, read).await?;
                if last < held.seq {
                    self.steps.push_front(Step::Entries(held, last));
                }
                Part::Bytes(ExportedBytes { path, content })
            }
            Step::Fork(held, path) => {
                let content = ask(&self.node, move |store| store.academy()?.exported_fork(&held)).await?;
                for stretch in stretches(&path, &content).collect::<Vec<_>>().into_iter().rev() {
                    self.steps.push_front(stretch);
                }
                Part::Bytes(ExportedBytes { path, content: Vec::new() })
            }
        };
        Ok(Some((ExportReleasesResponse { part: Some(part) }, self)))
    }
}

fn figures(period: &Period, lines: Vec<Line>) -> ExportedFigures {
    let figure = |line: Line| ExportedFigure {
        indicator: line.key.indicator.code().to_owned(),
        dimension: line.key.dimension_code().to_owned(),
        category: line.key.category_code().to_owned(),
        value: line.value,
        low: line.low,
        high: line.high,
        hubs: line.hubs,
        hubs_hidden: line.hubs_hidden,
        hubs_rounded: line.hubs_rounded,
    };
    ExportedFigures { period: period.to_string(), figures: lines.into_iter().map(figure).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_goes_in_stretches_and_an_empty_one_goes_too() {
        for (size, expected) in [(0, 1), (1, 1), (STRETCH, 1), (STRETCH + 1, 2), (3 * STRETCH, 3)] {
            let bytes: Vec<u8> = (0..size).map(|at| at as u8).collect();
            let mut again = Vec::new();
            let steps: Vec<Step> = stretches("a", &bytes).collect();
            assert_eq!(steps.len(), expected, "{size}");
            for step in steps {
                let Step::Bytes(ExportedBytes { path, content }) = step else { panic!("bytes") };
                assert_eq!(path, "a");
                again.extend(content);
            }
            assert_eq!(again, bytes);
        }
    }
}
