//! How the node is, for its operator, and a way to let it catch up.

use std::collections::BTreeSet;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use folkmoot_journal::{HubState, NodeId, RefusalReason};
use folkmoot_proto::node::v1 as proto;
use folkmoot_proto::node::v1::{GetStatusRequest, SynchronizeRequest, SynchronizeResponse};
use folkmoot_store::journal::{Fork, Peer, PeerRefusal, SetAside, Waiting};
use folkmoot_store::{Role, Store, StoreError};
use futures_util::{Stream, StreamExt as _, stream};
use prost_types::Timestamp;
use tokio::time::{Instant, timeout_at};
use tonic::{Request, Response, Status};

use super::{ask, timestamp};
use crate::access::Permit;
use crate::generated::node::node_service_server::NodeService;
use crate::node::{Node, TRIAL_NOTICE};
use crate::status as statuses;
use crate::synchronize::SyncProgress;

/// How long to wait where the caller does not say.
const USUAL_WAIT: Duration = Duration::from_secs(60);

/// Answers the operator.
pub(crate) struct Operator(pub(crate) Arc<Node>);

#[tonic::async_trait]
impl NodeService for Operator {
    type SynchronizeStream = Pin<Box<dyn Stream<Item = Result<SynchronizeResponse, Status>> + Send>>;

    async fn get_status(&self, request: Request<GetStatusRequest>) -> Result<Response<proto::Status>, Status> {
        Permit::of(&request)?;
        let held = ask(&self.0, Held::read).await?;
        Ok(Response::new(status(&self.0, held)))
    }

    async fn synchronize(
        &self,
        request: Request<SynchronizeRequest>,
    ) -> Result<Response<Self::SynchronizeStream>, Status> {
        Permit::of(&request)?;
        let wait = match request.into_inner().timeout_seconds {
            0 => USUAL_WAIT,
            seconds => Duration::from_secs(u64::from(seconds)),
        };
        let deadline = Instant::now() + wait;
        let progress = Box::pin(self.0.synchronize());
        let answers = stream::unfold(Some((progress, None)), move |state| async move {
            let (mut progress, last) = state?;
            match timeout_at(deadline, progress.next()).await {
                Ok(None) => None,
                Ok(Some(Ok(step))) => Some((Ok(response(&step)), Some((progress, Some(step))))),
                Ok(Some(Err(error))) => Some((Err(statuses::synchronize(error)), None)),
                Err(_) => Some((Err(timed_out(wait, last.as_ref())), None)),
            }
        });
        Ok(Response::new(Box::pin(answers)))
    }
}

fn response(progress: &SyncProgress) -> SynchronizeResponse {
    SynchronizeResponse {
        entries_waiting: progress.entries_waiting,
        releases_waiting: progress.releases_waiting,
        activity: progress.activity.clone(),
        done: progress.done,
    }
}

/// Says what still waits.
fn timed_out(wait: Duration, last: Option<&SyncProgress>) -> Status {
    let (entries, releases, activity) =
        last.map_or((0, 0, ""), |last| (last.entries_waiting, last.releases_waiting, last.activity.as_str()));
    statuses::timed_out(wait, entries, releases, activity)
}

/// What the store says of how the node is.
struct Held {
    waiting: Waiting,
    set_aside: Vec<SetAside>,
    refusals: Vec<PeerRefusal>,
    forks: Vec<Fork>,
    recovered: u64,
    peers: Vec<Peer>,
}

impl Held {
    fn read(store: &Store) -> Result<Self, StoreError> {
        let journal = store.journal();
        Ok(Self {
            waiting: journal.waiting()?,
            set_aside: journal.set_aside()?,
            refusals: journal.refusals()?,
            forks: journal.forks()?,
            recovered: journal.recovered()?,
            peers: journal.peers()?,
        })
    }
}

fn status(node: &Node, held: Held) -> proto::Status {
    let settings = node.settings();
    proto::Status {
        role: role(node.role()).into(),
        display_name: settings.name.to_string(),
        node_id: node.id().to_string(),
        federation_id: node.federation().map(|id| id.to_string()).unwrap_or_default(),
        listen: settings.listen.to_string(),
        address: settings.address.as_ref().map(ToString::to_string).unwrap_or_default(),
        peers: peers(node, &held.peers),
        entries_waiting: held.waiting.entries,
        releases_waiting: held.waiting.releases,
        set_aside: set_aside(node, &held),
        certificate_expire_time: node
            .certificate_expires()
            .map(|end| Timestamp { seconds: end.unix_timestamp(), nanos: 0 }),
        entries_recovered: held.recovered,
        frozen: node.frozen(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        trial_notice: trial_notice(node.role()).to_owned(),
        notices: notices(node, &held),
    }
}

/// Those that an exchange may be with: at a hub the Academy and the hubs that it shares a campaign with, at the Academy
/// every enrolled hub, and whoever came.
fn peers(node: &Node, known: &[Peer]) -> Vec<proto::Peer> {
    let directory = node.directory();
    let mut ids: BTreeSet<NodeId> = known.iter().map(|peer| peer.id).collect();
    ids.extend(directory.academy().map(|(id, _)| id));
    let fellows = node.fellow_members();
    let expected = |hub: &NodeId| match node.role() {
        Role::Academy => true,
        Role::Hub => fellows.contains(hub),
    };
    let enrolled = directory.hubs().values().filter(|hub| hub.state == HubState::Enrolled).map(|hub| hub.hub);
    ids.extend(enrolled.filter(expected));
    ids.remove(&node.id());
    let peer = |id: NodeId| {
        let (state, known) = (node.peers().state(id), known.iter().find(|peer| peer.id == id));
        let listed = directory.hubs().get(&id).and_then(|hub| hub.address.clone());
        proto::Peer {
            display_name: node.name_of(id),
            node_id: id.to_string(),
            connected: state.open > 0,
            last_success_time: known.and_then(|peer| peer.last_success).map(timestamp),
            last_error: state.last_error.unwrap_or_default(),
            address: known.and_then(|peer| peer.address.clone()).or(listed).unwrap_or_default(),
        }
    };
    ids.into_iter().map(peer).collect()
}

/// What this node set aside, and what peers set aside of its entries.
fn set_aside(node: &Node, held: &Held) -> Vec<proto::SetAside> {
    let directory = node.directory();
    let here = held.set_aside.iter().map(|aside| proto::SetAside {
        topic: aside.topic.words(&directory),
        author: node.name_of(aside.entry.author),
        seq: aside.entry.seq,
        reason: sentence(aside.reason, &aside.detail),
        here: true,
    });
    let there = held.refusals.iter().filter(|refusal| refusal.set_aside).map(|refusal| proto::SetAside {
        topic: refusal.topic.words(&directory),
        // A peer answers for the entries that it was sent: those written here, unless it says otherwise.
        author: node.settings().name.to_string(),
        seq: refusal.seq,
        reason: sentence(refusal.reason, &refusal.detail),
        here: false,
    });
    here.chain(there).collect()
}

fn sentence(reason: RefusalReason, detail: &str) -> String {
    if detail.is_empty() { reason.words().to_owned() } else { format!("{}: {detail}", reason.words()) }
}

fn notices(node: &Node, held: &Held) -> Vec<String> {
    let directory = node.directory();
    let mut notices = node.notices();
    if node.certified().is_none() {
        let words = match node.federation() {
            None => {
                "this hub has not joined a federation: stop it, run `folkmoot hub join` with the Academy's code, and \
                 start it again"
            }
            Some(_) => {
                "this hub lost its certificate: stop it, run `folkmoot hub join` with the same code again, and start it"
            }
        };
        notices.push(words.to_owned());
    }
    notices.extend(held.refusals.iter().filter(|refusal| !refusal.set_aside).map(|refusal| {
        format!(
            "{} did not take entry {} of {}: {}",
            node.name_of(refusal.peer),
            refusal.seq,
            refusal.topic.words(&directory),
            sentence(refusal.reason, &refusal.detail)
        )
    }));
    notices.extend(held.forks.iter().map(|fork| {
        format!(
            "two different entries of {} bear the number {} of {}: what comes after entry {} counts for nothing; somebody \
             ran two copies of that node, or forged",
            node.name_of(fork.log.author),
            fork.seq,
            fork.log.topic.words(&directory),
            fork.seq - 1
        )
    }));
    notices
}

/// Disclosure control works at hubs: the Academy releases nothing of its own.
fn trial_notice(role: Role) -> &'static str {
    match role {
        Role::Hub => TRIAL_NOTICE,
        Role::Academy => "",
    }
}

fn role(role: Role) -> proto::status::Role {
    match role {
        Role::Hub => proto::status::Role::Hub,
        Role::Academy => proto::status::Role::Academy,
    }
}
