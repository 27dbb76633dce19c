//! The dialling end of the exchange: a job that keeps one stream open with each peer that this node dials.

use std::{ops::ControlFlow, sync::Arc, time::Duration};

use folkmoot_journal::{NodeId, exchange::Side};
use folkmoot_proto::federation::v1::ExchangeRequest;
use folkmoot_store::Role;
use futures_util::StreamExt;
use tokio::{
    sync::mpsc,
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
    tls::{self, Expected},
};

const SHORTEST_WAIT: Duration = Duration::from_millis(200);
const LONGEST_WAIT: Duration = Duration::from_secs(30);
/// A stream that was open for so long was no failure, however it ended.
const LASTING: Duration = Duration::from_secs(10);

/// A peer to dial.
#[derive(Debug, Clone)]
struct Target {
    id: NodeId,
    key: TlsPublicKey,
    address: PeerAddress,
}

/// Whom this node dials: a hub the Academy; the Academy nobody.
fn targets(node: &Node) -> Vec<Target> {
    match (node.role(), node.directory().academy(), &node.settings().academy) {
        (Role::Hub, Some((id, genesis)), Some(address)) => {
            vec![Target { id, key: TlsPublicKey(genesis.tls_key.as_slice().into()), address: address.clone() }]
        }
        (Role::Hub | Role::Academy, _, _) => Vec::new(),
    }
}

/// Keeps a stream open with every peer that this node dials, until it stops.
pub(crate) async fn keep_dialling(node: Arc<Node>) {
    let mut lines = JoinSet::new();
    for target in targets(&node) {
        lines.spawn(keep_open(Arc::clone(&node), target));
    }
    while let Some(line) = lines.join_next().await {
        if let Err(error) = line {
            tracing::error!(%error, "an exchange ended badly");
        }
    }
}

async fn keep_open(node: Arc<Node>, target: Target) {
    let mut wait = SHORTEST_WAIT;
    loop {
        // Requests from here on are served by the next stream or end the rest after it.
        let wanted = node.peers().state(target.id).wanted;
        let ControlFlow::Continue(lasted) = attempt(&node, &target).await else { return };
        wait = if lasted { SHORTEST_WAIT } else { LONGEST_WAIT.min(wait * 2) };
        let mut changed = node.peers().changed();
        let asked = async {
            while node.peers().state(target.id).wanted <= wanted {
                if changed.changed().await.is_err() {
                    std::future::pending::<()>().await;
                }
            }
        };
        tokio::select! {
            () = node.stopped() => return,
            () = sleep(jitter(wait)) => {}
            () = asked => {}
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

/// One stream from dialling to its end: whether it lasted, or that the node stops.
async fn attempt(node: &Arc<Node>, target: &Target) -> ControlFlow<(), bool> {
    let opened = tokio::select! {
        () = node.stopped() => return ControlFlow::Break(()),
        opened = open(node, target) => opened,
    };
    let failed = |words: String| {
        if node.peers().state(target.id).last_error.as_ref() != Some(&words) {
            tracing::warn!(peer = %target.id, address = %target.address, "no exchange: {words}");
        }
        node.peers().update(target.id, |state| state.last_error = Some(words));
    };
    let Opened { line, conversation } = match opened {
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
                node.told_of_revocation(target.id);
            }
            return ControlFlow::Continue(false);
        }
    };
    let began = Instant::now();
    let ended = conversation.run(incoming, outgoing, |message| ExchangeRequest { message: Some(message) }).await;
    let lasted = began.elapsed() >= LASTING;
    match ended {
        Ended::Stopping => return ControlFlow::Break(()),
        // Why, it may have said before; and where an exchange had begun, the next Hello clears it.
        ended @ (Ended::PeerLeft | Ended::KeyChanged) => node.peers().update(target.id, |state| {
            state.last_error.get_or_insert_with(|| ended.to_string());
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
