//! A gRPC client of a node's socket, for what the commands print for people only.

use std::fs;
use std::ops::ControlFlow;
use std::path::Path;

use folkmoot_node::generated::hub::campaign_service_client::CampaignServiceClient;
use folkmoot_node::generated::hub::record_service_client::RecordServiceClient;
use folkmoot_node::generated::hub::release_service_client::ReleaseServiceClient;
use folkmoot_node::generated::node::curriculum_service_client::CurriculumServiceClient;
use folkmoot_node::generated::node::node_service_client::NodeServiceClient;
use folkmoot_proto::hub::v1::import_records_request::Part;
use folkmoot_proto::hub::v1::{
    ApplyChangesRequest, Campaign, CampaignRole, FileChunk, GetCampaignRequest, GetReleaseRequest, ImportOptions,
    ImportRecordsRequest, ImportRecordsResponse, ListCampaignsRequest, ListReleasesRequest, PreviewReleaseRequest,
    PreviewReleaseResponse, Release, WatchCampaignRequest, WatchCampaignResponse,
};
use folkmoot_proto::node::v1::{Edition, GetEditionRequest, GetStatusRequest, ListEditionsRequest, Status};
use tokio::runtime::{Builder, Runtime};
use tonic::Streaming;
use tonic::transport::Channel;

/// A connection to the socket in a node's folder.
#[derive(Debug)]
pub(crate) struct Client {
    runtime: Runtime,
    channel: Channel,
}

impl Client {
    /// Connects to the node that serves `folder`.
    #[track_caller]
    pub(crate) fn of(folder: &Path) -> Self {
        let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
        let channel = runtime
            .block_on(folkmoot_node::connect(folder))
            .unwrap_or_else(|error| panic!("cannot connect to {}: {error}", folder.display()));
        Self { runtime, channel }
    }

    /// How the node is.
    #[track_caller]
    pub(crate) fn status(&self) -> Status {
        self.try_status().expect("a status")
    }

    /// How the node is, where it still answers.
    pub(crate) fn try_status(&self) -> Result<Status, tonic::Status> {
        let mut node = NodeServiceClient::new(self.channel.clone());
        Ok(self.runtime.block_on(node.get_status(GetStatusRequest::default()))?.into_inner())
    }

    /// What a release of `period` would let out.
    #[track_caller]
    pub(crate) fn preview(&self, period: &str) -> PreviewReleaseResponse {
        let mut releases = ReleaseServiceClient::new(self.channel.clone());
        let request = PreviewReleaseRequest { period: period.to_owned() };
        self.runtime.block_on(releases.preview_release(request)).expect("a preview").into_inner()
    }

    /// A release that was approved; `id` such as `programme-COEP.0`.
    #[track_caller]
    pub(crate) fn release(&self, id: &str) -> Release {
        let mut releases = ReleaseServiceClient::new(self.channel.clone());
        let request = GetReleaseRequest { name: format!("releases/{id}") };
        self.runtime.block_on(releases.get_release(request)).expect("a release").into_inner()
    }

    /// All releases, the latest approved first.
    #[track_caller]
    pub(crate) fn releases(&self) -> Vec<Release> {
        let mut releases = ReleaseServiceClient::new(self.channel.clone());
        let request = ListReleasesRequest::default();
        self.runtime.block_on(releases.list_releases(request)).expect("releases").into_inner().releases
    }

    /// The campaigns of a hub, by title, without their notes.
    #[track_caller]
    pub(crate) fn campaigns(&self) -> Vec<Campaign> {
        let mut campaigns = CampaignServiceClient::new(self.channel.clone());
        let request = ListCampaignsRequest::default();
        self.runtime.block_on(campaigns.list_campaigns(request)).expect("campaigns").into_inner().campaigns
    }

    /// A campaign by its resource name, where the hub has it.
    pub(crate) fn campaign(&self, name: &str) -> Result<Campaign, tonic::Status> {
        let mut campaigns = CampaignServiceClient::new(self.channel.clone());
        let request = GetCampaignRequest { name: name.to_owned(), version: String::new() };
        Ok(self.runtime.block_on(campaigns.get_campaign(request))?.into_inner())
    }

    /// Follows a campaign and has its members told of that, until this client and what it gives are dropped.
    #[track_caller]
    pub(crate) fn looks_at(&self, name: &str) -> Streaming<WatchCampaignResponse> {
        let mut campaigns = CampaignServiceClient::new(self.channel.clone());
        let request = WatchCampaignRequest { name: name.to_owned(), heads: Vec::new(), with_presence: true };
        self.runtime.block_on(campaigns.watch_campaign(request)).expect("watched").into_inner()
    }

    /// Brings changes from another automerge.
    pub(crate) fn apply(&self, name: &str, changes: Vec<Vec<u8>>) -> Result<Campaign, tonic::Status> {
        let mut campaigns = CampaignServiceClient::new(self.channel.clone());
        let request = ApplyChangesRequest { name: name.to_owned(), changes };
        Ok(self.runtime.block_on(campaigns.apply_changes(request))?.into_inner())
    }

    /// The curriculum, earlier and retired editions too where `all` says so.
    #[track_caller]
    pub(crate) fn editions(&self, all: bool) -> Vec<Edition> {
        let mut curriculum = CurriculumServiceClient::new(self.channel.clone());
        let request = ListEditionsRequest { all, ..ListEditionsRequest::default() };
        self.runtime.block_on(curriculum.list_editions(request)).expect("editions").into_inner().editions
    }

    /// An edition with its text; `name` such as `first-listening.2`.
    pub(crate) fn edition(&self, name: &str) -> Result<Edition, tonic::Status> {
        let mut curriculum = CurriculumServiceClient::new(self.channel.clone());
        let request = GetEditionRequest { name: format!("editions/{name}") };
        Ok(self.runtime.block_on(curriculum.get_edition(request))?.into_inner())
    }

    /// Imports the folder; `each` sees every piece of the answer and may break off, whatever the server does.
    pub(crate) fn import(
        &self,
        sheets: &Path,
        mut each: impl FnMut(&ImportRecordsResponse) -> ControlFlow<()>,
    ) -> Result<(), tonic::Status> {
        let mut records = RecordServiceClient::new(self.channel.clone());
        let pieces = pieces(sheets);
        self.runtime.block_on(async {
            let mut answers = records.import_records(tokio_stream::iter(pieces)).await?.into_inner();
            while let Some(answer) = answers.message().await? {
                if each(&answer).is_break() {
                    break;
                }
            }
            Ok(())
        })
    }
}

/// The requests that carry a folder of sheets.
fn pieces(sheets: &Path) -> Vec<ImportRecordsRequest> {
    let options = ImportRecordsRequest { part: Some(Part::Options(ImportOptions { dry_run: false })) };
    let mut pieces = vec![options];
    let mut files: Vec<_> = fs::read_dir(sheets).expect("sheets").map(|entry| entry.expect("a sheet").path()).collect();
    files.sort();
    for path in files.into_iter().filter(|path| path.extension().is_some_and(|extension| extension == "csv")) {
        let file = path.file_name().expect("a name").to_str().expect("a readable name").to_owned();
        for data in fs::read(&path).expect("a sheet").chunks(64 * 1024) {
            let chunk = FileChunk { file: file.clone(), data: data.to_vec() };
            pieces.push(ImportRecordsRequest { part: Some(Part::Chunk(chunk)) });
        }
    }
    pieces
}

/// What all members of a campaign must agree on: everything but what each may do.
pub(crate) fn agreed(campaign: &Campaign) -> Campaign {
    Campaign { role: CampaignRole::Unspecified.into(), may_take_lead: false, present: Vec::new(), ..campaign.clone() }
}
