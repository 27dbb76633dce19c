//! The accepting end of the exchange, as a gRPC service.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use folkmoot_journal::exchange::Side;
use folkmoot_proto::federation::v1::{ExchangeMessage, ExchangeRequest, ExchangeResponse};
use futures_util::StreamExt;
use tokio::{sync::mpsc, task::JoinSet, time::timeout};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Request, Response, Status, Streaming};

use super::{CHANNEL, Conversation, Ended};
use crate::{
    generated::federation::exchange_service_server::ExchangeService, listener::PeerConnection, node::Node,
    status::reasoned,
};

/// A connection lasts an hour; the stream on it ends before, so that the dialler comes again on a new one.
const LONGEST: Duration = Duration::from_secs(59 * 60);

/// Streams of one node at once: more than one only while a newer replaces an older.
const STREAMS_PER_NODE: usize = 8;

/// The accepting end of the exchange.
pub(crate) struct Exchanges {
    node: Arc<Node>,
    open: Mutex<JoinSet<()>>,
}

impl Exchanges {
    pub(crate) fn new(node: Arc<Node>) -> Exchanges {
        Exchanges { node, open: Mutex::default() }
    }
}

#[tonic::async_trait]
impl ExchangeService for Exchanges {
    type ExchangeStream = ReceiverStream<Result<ExchangeResponse, Status>>;

    async fn exchange(
        &self,
        request: Request<Streaming<ExchangeRequest>>,
    ) -> Result<Response<Self::ExchangeStream>, Status> {
        let key = request.extensions().get::<PeerConnection>().and_then(|connection| connection.key.clone());
        let conversation = key.and_then(|key| Conversation::new(&self.node, key, Side::Acceptor)).ok_or_else(|| {
            reasoned(Code::FailedPrecondition, "NO_FEDERATION", "this node takes part in no federation yet")
        })?;
        if self.node.peers().streams_with(conversation.peer) > STREAMS_PER_NODE {
            let words = "too many exchanges of this node are open: end some, or wait until they end";
            return Err(reasoned(Code::ResourceExhausted, "TOO_MANY_EXCHANGES", words));
        }
        let incoming = request.into_inner().map(|message| message.map(said));
        let (outgoing, outbox) = mpsc::channel(CHANNEL);
        let last = outgoing.clone();
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        while open.try_join_next().is_some() {}
        open.spawn(async move {
            let peer = conversation.peer;
            super::after_academy(&conversation.node).await;
            let talk = conversation.run(incoming, outgoing, |message| Ok(ExchangeResponse { message: Some(message) }));
            match timeout(LONGEST, talk).await {
                Ok(ended) => {
                    tracing::info!(%peer, reason = %ended, "exchange closed");
                    if let Ended::Store(error) = &ended {
                        tracing::error!(error = error as &dyn std::error::Error, "the store failed");
                    }
                }
                Err(_) => tracing::debug!(%peer, "the exchange moves to a new connection"),
            }
            // Whatever the reason: the dialler comes again.
            let goodbye =
                reasoned(Code::Unavailable, "EXCHANGE_ENDED", "the other end closed the exchange; it is dialled again");
            let _ = last.try_send(Err(goodbye));
        });
        Ok(Response::new(ReceiverStream::new(outbox)))
    }
}

fn said(request: ExchangeRequest) -> ExchangeMessage {
    // A message without a body is from a newer peer, and ignored.
    request.message.unwrap_or_default()
}
