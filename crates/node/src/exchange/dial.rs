//! The dialling end of the exchange: a job that keeps one stream open with each peer that this node dials.
//!
//! A hub dials the Academy, and the hubs that take part in one of its campaigns. Of two hubs that could dial each other
//! the one with the lesser id does so at once, the other only after a while without a stream: it may be that only one of
//! the two can be reached.

use std::{
    collections::{BTreeMap, btree_map::Entry},
    ops::ControlFlow,
    sync::Arc,
    time::Duration,
};

use folkmoot_journal::{HubState, NodeId, exchange::Side};
use folkmoot_proto::federation::v1::ExchangeRequest;
use folkmoot_store::Role;
use futures_util::StreamExt;
use tokio::{
    sync::{mpsc, watch},
    task::JoinSet,
    time::{Instant, sleep, timeout},
};
use tokio_stream::wrappers::ReceiverStream;
use tonic::Request;
use tonic_types::StatusExt;

use super::{CHANNEL, Conversation, Ended, LARGEST_MESSAGE};
use crate::{
    dial::{CALL, Line, dial},
    generated::federation::exchange_service_client::ExchangeServiceClient,
    identity::TlsPublicKey,
    node::Node,
    settings::PeerAddress,
    status::words_of,
    telemetry,
    tls::{self, Expected},
};

const SHORTEST_WAIT: Duration = Duration::from_millis(200);
const LONGEST_WAIT: Duration = Duration::from_secs(30);
/// A stream that was open for so long was no failure, however it ended.
const LASTING: Duration = Duration::from_secs(10);
/// How long the hub with the greater id leaves it to the other to dial.
const GIVING_WAY: Duration = Duration::from_secs(5);

/// When a peer is this node's to dial.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Turn {
    /// Always: the peer dials nobody.
    Always,
    /// Whenever no stream with it is open.
    First,
    /// Once no stream with it has been open for a while.
    Second,
}

/// A peer to dial.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Target {
    key: TlsPublicKey,
    address: PeerAddress,
    turn: Turn,
}

/// Whom this node dials, as the directory and the campaigns stand: a hub the Academy and the hubs that it shares a
/// campaign with; the Academy nobody.
fn targets(node: &Node) -> BTreeMap<NodeId, Target> {
    let directory = node.directory();
    let mut targets = BTreeMap::new();
    match node.role() {
        Role::Academy => return targets,
        Role::Hub => {}
    }
    if let (Some((id, genesis)), Some(address)) = (directory.academy(), &node.settings().academy) {
        let key = TlsPublicKey(genesis.tls_key.as_slice().into());
        targets.insert(id, Target { key, address: address.clone(), turn: Turn::Always });
    }
    // A hub that no other can dial leaves it to nobody.
    let reachable = directory.hubs().get(&node.id()).is_some_and(|own| own.address.is_some());
    for id in node.fellow_members() {
        let Some(hub) = directory.hubs().get(&id).filter(|hub| hub.state == HubState::Enrolled) else { continue };
        let Some(address) = hub.address.as_ref().and_then(|address| PeerAddress::parse(address).ok()) else { continue };
        let turn = if reachable && id < node.id() { Turn::Second } else { Turn::First };
        targets.insert(id, Target { key: TlsPublicKey(hub.tls_key.as_slice().into()), address, turn });
    }
    targets
}

/// The lines to the peers that this node dials, each with the word that says where and whether its peer is to be
/// dialled.
#[derive(Default)]
struct Lines {
    told: BTreeMap<NodeId, watch::Sender<Option<Target>>>,
    kept: JoinSet<()>,
}

impl Lines {
    /// Tells every line of what its peer is now, and begins those that are missing, after a `rest`.
    fn follow(&mut self, node: &Arc<Node>, rest: Duration) {
        self.told.retain(|_, line| !line.is_closed());
        let mut targets = targets(node);
        for (id, line) in &self.told {
            let target = targets.remove(id);
            line.send_if_modified(|told| std::mem::replace(told, target.clone()) != target);
        }
        for (id, target) in targets {
            match self.told.entry(id) {
                Entry::Occupied(_) => {}
                Entry::Vacant(free) => {
                    let (line, told) = watch::channel(Some(target));
                    free.insert(line);
                    self.kept.spawn(keep_open(Arc::clone(node), id, told, rest));
                }
            }
        }
    }
}

/// Keeps a stream open with every peer that this node dials, until it stops.
pub(crate) async fn keep_dialling(node: Arc<Node>) {
    let mut lines = Lines::default();
    let (mut listed, mut shared) = (node.listed(), node.memberships_changed());
    let mut rest = Duration::ZERO;
    loop {
        lines.follow(&node, std::mem::take(&mut rest));
        tokio::select! {
            () = node.stopped() => break,
            _ = listed.changed() => {}
            _ = shared.changed() => {}
            // A line may end at the very moment at which its peer is to be dialled again.
            Some(line) = lines.kept.join_next() => if let Err(task) = line {
                tracing::error!(end = telemetry::end_of(&task), "an exchange ended badly");
                rest = LONGEST_WAIT;
            },
        }
    }
    // Each says its last words.
    while lines.kept.join_next().await.is_some() {}
}

/// Keeps a stream open with a peer, until the node stops or the peer is no longer one to dial. A stream that is open
/// then goes on until it ends by itself: it watches the directory on its own.
async fn keep_open(node: Arc<Node>, id: NodeId, mut told: watch::Receiver<Option<Target>>, rest: Duration) {
    let mut wait = SHORTEST_WAIT;
    if rest > Duration::ZERO {
        tokio::select! {
            () = node.stopped() => return,
            () = sleep(jitter(rest)) => {}
        }
    }
    loop {
        let Some(target) = told.borrow_and_update().clone() else { return };
        // Requests from here on are served by the next stream or end the rest after it.
        let wanted = node.peers().state(id).wanted;
        let opened = tokio::select! {
            () = node.stopped() => return,
            _ = told.changed() => continue,
            opened = open_in_turn(&node, id, &target) => opened,
        };
        let ControlFlow::Continue(lasted) = carry(&node, id, &target, opened).await else { return };
        wait = if lasted { SHORTEST_WAIT } else { LONGEST_WAIT.min(wait * 2) };
        let mut changed = node.peers().changed();
        let asked = async {
            while node.peers().state(id).wanted <= wanted {
                if changed.changed().await.is_err() {
                    std::future::pending::<()>().await;
                }
            }
        };
        tokio::select! {
            () = node.stopped() => return,
            _ = told.changed() => wait = SHORTEST_WAIT,
            () = sleep(jitter(wait)) => {}
            () = asked => {}
        }
    }
}

/// Dials once it is this node's turn.
async fn open_in_turn(node: &Arc<Node>, id: NodeId, target: &Target) -> Result<Opened, String> {
    match target.turn {
        Turn::Always => {}
        Turn::First | Turn::Second => {
            super::after_academy(node).await;
            wait_for_turn(node, id, target.turn).await;
        }
    }
    open(node, target).await
}

/// Waits until no stream with the peer is open, and for as long as it may take the peer to dial where that is the
/// peer's to do first.
async fn wait_for_turn(node: &Node, id: NodeId, turn: Turn) {
    let mut changed = node.peers().changed();
    let is_open = || node.peers().state(id).open > 0;
    // The peer has dialled, and has not said Hello yet.
    let comes = || node.peers().streams_with(id) > 0;
    loop {
        match turn {
            Turn::Always => return,
            Turn::First if !is_open() && !comes() => return,
            Turn::First | Turn::Second if !is_open() => {
                let patience = sleep(jitter(GIVING_WAY));
                tokio::pin!(patience);
                while !is_open() {
                    tokio::select! {
                        () = &mut patience => return,
                        _ = changed.changed() => {}
                    }
                }
            }
            Turn::First | Turn::Second => {
                // The sender lives as long as the node.
                let _ = changed.changed().await;
            }
        }
    }
}

/// A line to a peer, and the machine that is to talk over it.
struct Opened {
    line: Line,
    conversation: Conversation,
}

/// Dials, and gets the machine ready.
async fn open(node: &Arc<Node>, target: &Target) -> Result<Opened, String> {
    let certified = node.certified().ok_or("this node has no certificate: join again with the same code")?;
    let own = Some((node.identity(), &certified.certificate));
    let config = tls::client_config(own, Expected::Key(target.key.clone())).map_err(|error| error.to_string())?;
    let line = dial(&target.address, config).await.map_err(|error| {
        // The cause says what the message cannot: refused, no route, another key.
        std::error::Error::source(&error).map_or_else(|| error.to_string(), |cause| format!("{error} ({cause})"))
    })?;
    let conversation = Conversation::new(node, target.key.clone(), Side::Dialler).ok_or("this hub has not joined")?;
    Ok(Opened { line, conversation })
}

/// One stream from the dialled line to its end: whether it lasted, or that the node stops.
async fn carry(node: &Arc<Node>, id: NodeId, target: &Target, opened: Result<Opened, String>) -> ControlFlow<(), bool> {
    let failed = |words: String| {
        // Where the two talk over a stream that the peer dialled, nothing is amiss.
        if node.peers().state(id).open > 0 {
            return;
        }
        if node.peers().state(id).last_error.as_ref() != Some(&words) {
            tracing::warn!(peer = %id, address = %target.address, "no exchange: {words}");
        }
        node.peers().update(id, |state| state.last_error = Some(words));
    };
    let Opened { line, mut conversation } = match opened {
        Ok(opened) => opened,
        Err(words) => {
            failed(words);
            return ControlFlow::Continue(false);
        }
    };
    let mut client = ExchangeServiceClient::new(line.channel.clone())
        .max_decoding_message_size(LARGEST_MESSAGE)
        .max_encoding_message_size(LARGEST_MESSAGE);
    let (outgoing, outbox) = mpsc::channel(CHANNEL);
    let wrap = |message| ExchangeRequest { message: Some(message) };
    conversation.greet(&outgoing, wrap);
    let response = tokio::select! {
        () = node.stopped() => return ControlFlow::Break(()),
        response = timeout(CALL, client.exchange(Request::new(ReceiverStream::new(outbox)))) => response,
    };
    let incoming = match response {
        Err(_) => {
            failed("it took the call and did not answer within 30 seconds".to_owned());
            return ControlFlow::Continue(false);
        }
        Ok(Ok(response)) => response.into_inner().map(|message| message.map(|said| said.message.unwrap_or_default())),
        Ok(Err(status)) => {
            failed(words_of(&status));
            if status.get_details_error_info().is_some_and(|info| info.reason == "PEER_REVOKED") {
                node.told_of_revocation(id);
            }
            return ControlFlow::Continue(false);
        }
    };
    let began = Instant::now();
    let ended = conversation.run(incoming, outgoing, wrap).await;
    let lasted = began.elapsed() >= LASTING;
    match ended {
        Ended::Stopping => return ControlFlow::Break(()),
        // Why, it may have said before; and where an exchange had begun, the next Hello clears it.
        ended @ (Ended::PeerLeft | Ended::KeyChanged) => node.peers().update(id, |state| {
            if state.open == 0 {
                state.last_error.get_or_insert_with(|| ended.to_string());
            }
        }),
        Ended::PeerFailed(status) => failed(words_of(&status)),
        ended @ (Ended::Stalled | Ended::NoHello | Ended::Closed(_) | Ended::Crashed) => failed(ended.to_string()),
        Ended::Store(error) => {
            tracing::error!(error = &error as &dyn std::error::Error, "the store failed");
            failed(format!("this node's store failed: {error}"));
        }
    }
    ControlFlow::Continue(lasted)
}

/// A span drawn from three quarters to five quarters of the given one, so that nodes do not come all at once.
pub(crate) fn jitter(span: Duration) -> Duration {
    // Without randomness the span itself is as good.
    let drawn = getrandom::u32().unwrap_or(u32::MAX / 2);
    span.mul_f64(0.75 + 0.5 * f64::from(drawn) / f64::from(u32::MAX))
}
