//! A member of the federation that is played by the test: it has a hub's keys and says what it likes.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use data_encoding::HEXLOWER;
use folkmoot_journal::{Author, Entry, FederationId, Incarnation, LogId, LogKey, PayloadKind, Topic, pack};
use folkmoot_journal::{Opening, encode_campaign_changes, encode_opening};
use folkmoot_node::generated::federation::exchange_service_client::ExchangeServiceClient;
use folkmoot_proto::federation::v1::exchange_message::Body;
use folkmoot_proto::federation::v1::{
    Cursor, ExchangeMessage, ExchangeRequest, ExchangeResponse, Frame, Hello, Receipt, Refusal, Subscriptions,
};
use hyper_util::rt::TokioIo;
use rustls::pki_types::{CertificateDer, ServerName};
use tokio::net::TcpStream;
use tokio::runtime::Runtime;
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Streaming;
use tonic::transport::Endpoint;
use tower::service_fn;

use crate::command::DEADLINE;
use crate::tap;

/// What a node says to a frame.
#[derive(Debug)]
pub(crate) struct Said {
    /// What it signed for.
    pub(crate) receipt: Option<Receipt>,
    pub(crate) refusals: Vec<Refusal>,
}

/// One exchange with a node.
pub(crate) struct Peer {
    runtime: Runtime,
    outgoing: mpsc::Sender<ExchangeRequest>,
    incoming: Streaming<ExchangeResponse>,
    key: Arc<LogKey>,
    federation: FederationId,
}

impl Peer {
    /// Dials the node at `listens` with the keys of the hub in `folder`, and takes its Hello.
    #[track_caller]
    pub(crate) fn dial(folder: &Path, federation: FederationId, listens: &str) -> Self {
        let seed = HEXLOWER.decode(fs::read(folder.join("keys/log.key")).expect("a key").trim_ascii());
        let seed: [u8; 32] = seed.expect("digits").try_into().expect("32 bytes");
        let certificate = CertificateDer::from(fs::read(folder.join("certificate.der")).expect("a certificate"));
        let config = tap::client_config(folder, Some(vec![certificate])).expect("keys");
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.expect("a runtime");
        let (outgoing, outbox) = mpsc::channel(1_024);
        let incoming = runtime.block_on(async {
            let stream = TcpStream::connect(listens).await.expect("a node that listens");
            let name = ServerName::try_from("node.folkmoot.internal").expect("a name");
            let stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await.expect("TLS");
            let mut once = Some(TokioIo::new(stream));
            let channel = Endpoint::from_static("http://node.folkmoot.internal")
                .connect_with_connector(service_fn(move |_| {
                    let stream = once.take().ok_or_else(|| std::io::Error::from(std::io::ErrorKind::NotConnected));
                    async move { stream }
                }))
                .await
                .expect("HTTP/2");
            let mut client = ExchangeServiceClient::new(channel);
            client.exchange(ReceiverStream::new(outbox)).await.expect("an exchange").into_inner()
        });
        let mut peer = Self { runtime, outgoing, incoming, key: Arc::new(LogKey::from_seed(&seed)), federation };
        peer.say(Body::Hello(Hello {
            protocol_versions: vec![1],
            entry_formats: vec![1],
            federation: federation.0.to_vec(),
            incarnation: u64::from(std::process::id()) << 32,
            address: String::new(),
            subscriptions: Some(Subscriptions::default()),
            software: "test".to_owned(),
            credit: 8 << 20,
        }));
        let hello = peer.hear();
        assert!(matches!(hello, Ok(Body::Hello(_))), "{hello:?}");
        peer
    }

    /// This node's id.
    pub(crate) fn id(&self) -> [u8; 32] {
        self.key.id().0
    }

    /// The opening of a log, and one entry for each of these lists of changes.
    #[track_caller]
    pub(crate) fn entries(&self, topic: Topic, incarnation: u64, changes: &[Vec<Vec<u8>>]) -> Vec<Entry> {
        let payloads = changes.iter().map(|changes| encode_campaign_changes(changes)).collect();
        self.entries_of(topic, incarnation, payloads)
    }

    /// The opening of a log, and one entry of campaign changes for each of these payloads, whatever they are.
    #[track_caller]
    pub(crate) fn entries_of(&self, topic: Topic, incarnation: u64, payloads: Vec<Vec<u8>>) -> Vec<Entry> {
        let opening = encode_opening(&Opening::default());
        let mut entries = vec![self.entry(topic, incarnation, None, PayloadKind::Opening, opening)];
        for payload in payloads {
            let entry = self.entry(topic, incarnation, entries.last(), PayloadKind::CampaignChanges, payload);
            entries.push(entry);
        }
        entries
    }

    /// One entry, after the last of its log.
    #[track_caller]
    pub(crate) fn entry(
        &self,
        topic: Topic,
        incarnation: u64,
        last: Option<&Entry>,
        kind: PayloadKind,
        payload: Vec<u8>,
    ) -> Entry {
        let incarnation = Incarnation(incarnation);
        let author = Author { key: Arc::clone(&self.key), incarnation, federation: self.federation };
        let previous = last.map(Entry::cursor);
        author.write(topic, previous.as_ref(), kind, payload, [3; 16], 29_000_000).expect("an entry")
    }

    /// Pushes entries of one log and hears what the node says to them.
    #[track_caller]
    pub(crate) fn push(&mut self, entries: &[Entry]) -> Said {
        self.push_frame(pack(entries).expect("a frame"), entries[0].log())
    }

    /// Pushes a frame of this log and hears what the node says to it: its receipt, or its refusal where it keeps nothing.
    #[track_caller]
    pub(crate) fn push_frame(&mut self, frame: Frame, log: LogId) -> Said {
        self.say(Body::Frame(frame));
        let (topic, incarnation) = (log.topic.to_bytes().to_vec(), log.incarnation.0);
        let ours = |said: &[u8], entry: Option<&Cursor>| {
            said == topic && entry.is_some_and(|entry| entry.incarnation == incarnation)
        };
        let mut said = Said { receipt: None, refusals: Vec::new() };
        loop {
            match self.hear() {
                Ok(Body::Receipt(receipt)) if ours(&receipt.topic, receipt.held.as_ref()) => {
                    said.receipt = Some(receipt);
                }
                Ok(Body::Refusal(refusal)) if ours(&refusal.topic, refusal.entry.as_ref()) => {
                    said.refusals.push(refusal);
                }
                Ok(_) => continue,
                Err(_) => return said,
            }
            // A receipt names what was set aside; a refusal for each of them says why.
            let refused = said.refusals.iter().any(|refusal| !refusal.set_aside);
            let explained = |receipt: &Receipt| said.refusals.len() >= receipt.set_aside.len();
            if refused || said.receipt.as_ref().is_some_and(explained) {
                return said;
            }
        }
    }

    #[track_caller]
    fn say(&mut self, body: Body) {
        let request = ExchangeRequest { message: Some(ExchangeMessage { body: Some(body) }) };
        self.outgoing.try_send(request).expect("room for a message");
    }

    /// The next message, or how the node ended the stream.
    #[track_caller]
    fn hear(&mut self) -> Result<Body, String> {
        let heard = self.runtime.block_on(async { timeout(DEADLINE, self.incoming.message()).await });
        match heard.expect("an answer in time") {
            Ok(Some(ExchangeResponse { message: Some(ExchangeMessage { body: Some(body) }) })) => Ok(body),
            Ok(_) => Err("it ended without a word".to_owned()),
            Err(status) => Err(status.to_string()),
        }
    }
}
