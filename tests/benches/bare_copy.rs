//! Rows from one SQLite file to another over a gRPC stream with mutual TLS, by cursor, without the product.

use std::io;
use std::path::Path;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use folkmoot_node::generated::hub::record_service_client::RecordServiceClient;
use folkmoot_node::generated::hub::record_service_server::{RecordService, RecordServiceServer};
use folkmoot_proto::hub::v1::import_records_request::Part;
use folkmoot_proto::hub::v1::import_records_response::Part as Answer;
use folkmoot_proto::hub::v1::{
    FileChunk, FileResult, ImportProgress, ImportRecordsRequest, ImportRecordsResponse, Listening,
    RecordListeningRequest, ShowPersonRequest, ShowPersonResponse,
};
use folkmoot_tests::chance::Chance;
use hyper_util::rt::TokioIo;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rusqlite::{Connection, params};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName};
use rustls::server::WebPkiClientVerifier;
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio_rustls::{TlsAcceptor, TlsConnector};
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::server::Connected;
use tonic::transport::{Endpoint, Server};
use tonic::{Request, Response, Status, Streaming};

use crate::bare_table;
use crate::logs::prose;

/// Rows that share a message and a commit.
const BATCH: usize = 500;

/// The two ends' configurations of TLS 1.3, each with a certificate of one authority.
pub(crate) struct Tls {
    server: Arc<ServerConfig>,
    client: Arc<ClientConfig>,
}

impl Tls {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).expect("parameters");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority =
            CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key")).expect("an authority");
        let issue = || -> (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>) {
            let key = KeyPair::generate().expect("a key");
            let params = CertificateParams::new(vec!["node.internal".to_owned()]).expect("parameters");
            let certificate = params.signed_by(&key, &authority).expect("a certificate");
            (vec![certificate.der().clone()], PrivatePkcs8KeyDer::from(key.serialize_der()).into())
        };
        let mut roots = RootCertStore::empty();
        roots.add(authority.der().clone()).expect("a root");
        let roots = Arc::new(roots);
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::clone(&roots), Arc::clone(&provider));
        let (chain, key) = issue();
        let mut server = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(&[&rustls::version::TLS13])
            .expect("TLS 1.3")
            .with_client_cert_verifier(verifier.build().expect("a verifier"))
            .with_single_cert(chain, key)
            .expect("a certificate");
        server.alpn_protocols = vec![b"h2".to_vec()];
        server.send_tls13_tickets = 0;
        let (chain, key) = issue();
        let mut client = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13])
            .expect("TLS 1.3")
            .with_root_certificates(roots)
            .with_client_auth_cert(chain, key)
            .expect("a certificate");
        client.alpn_protocols = vec![b"h2".to_vec()];
        client.resumption = rustls::client::Resumption::disabled();
        Self { server: Arc::new(server), client: Arc::new(client) }
    }
}

/// Makes a file of `rows` rows of 300 bytes each.
pub(crate) fn make(file: &Path, rows: usize) -> Connection {
    let connection = bare_table::open(file);
    connection.execute_batch("CREATE TABLE entry (seq INTEGER PRIMARY KEY, payload BLOB NOT NULL)").expect("a table");
    add(&connection, rows, 1);
    connection
}

/// Adds rows of 300 bytes.
pub(crate) fn add(connection: &Connection, rows: usize, seed: u64) {
    let mut chance = Chance::new(seed);
    connection.execute_batch("BEGIN").expect("a transaction");
    let mut insert = connection.prepare("INSERT INTO entry (payload) VALUES (?1)").expect("a statement");
    for _ in 0..rows {
        insert.execute([prose(&mut chance)]).expect("a row");
    }
    connection.execute_batch("COMMIT").expect("a commit");
}

/// The rows of one message.
#[derive(Clone, PartialEq, prost::Message)]
struct Rows {
    #[prost(bytes = "vec", repeated, tag = "1")]
    payloads: Vec<Vec<u8>>,
    #[prost(int64, tag = "2")]
    first: i64,
}

/// The receiving end.
pub(crate) struct Receiver {
    connection: Arc<Mutex<Connection>>,
}

impl Receiver {
    /// Serves on a free port; gives its address.
    pub(crate) async fn serve(file: &Path, tls: &Tls) -> String {
        let connection = make(file, 0);
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address").to_string();
        let acceptor = TlsAcceptor::from(Arc::clone(&tls.server));
        let (accepted, streams) = mpsc::channel(4);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                stream.set_nodelay(true).expect("a socket");
                // A caller that goes away again is no fault.
                let Ok(stream) = acceptor.accept(stream).await else { continue };
                if accepted.send(Ok::<_, io::Error>(Encrypted(Box::new(stream)))).await.is_err() {
                    break;
                }
            }
        });
        let service = RecordServiceServer::new(Self { connection: Arc::new(Mutex::new(connection)) })
            .max_decoding_message_size(1 << 20);
        tokio::spawn(
            Server::builder()
                .initial_stream_window_size(512 << 10)
                .initial_connection_window_size(512 << 10)
                .add_service(service)
                .serve_with_incoming(ReceiverStream::new(streams)),
        );
        address
    }
}

fn cursor(connection: &Connection) -> u64 {
    connection.query_row("SELECT ifnull(max(seq), 0) FROM entry", [], |row| row.get(0)).expect("a cursor")
}

fn keep(connection: &Connection, rows: &Rows) {
    connection.execute_batch("BEGIN IMMEDIATE").expect("a transaction");
    let mut insert =
        connection.prepare_cached("INSERT INTO entry (seq, payload) VALUES (?1, ?2)").expect("a statement");
    for (seq, payload) in (rows.first..).zip(&rows.payloads) {
        insert.execute(params![seq, payload]).expect("a row");
    }
    connection.execute_batch("COMMIT").expect("a commit");
}

#[tonic::async_trait]
impl RecordService for Receiver {
    type ImportRecordsStream = ReceiverStream<Result<ImportRecordsResponse, Status>>;

    /// Answers with the cursor, then takes rows, then says how many are durable.
    async fn import_records(
        &self,
        request: Request<Streaming<ImportRecordsRequest>>,
    ) -> Result<Response<Self::ImportRecordsStream>, Status> {
        let mut arriving = request.into_inner();
        let connection = Arc::clone(&self.connection);
        let (answers, answered) = mpsc::channel(4);
        let (rows, mut kept) = mpsc::channel::<Rows>(4);
        let held = cursor(&connection.lock().unwrap_or_else(PoisonError::into_inner));
        let said = Answer::Progress(ImportProgress { rows_done: held, ..ImportProgress::default() });
        answers.send(Ok(ImportRecordsResponse { part: Some(said) })).await.expect("a caller");
        tokio::task::spawn_blocking(move || {
            let connection = connection.lock().unwrap_or_else(PoisonError::into_inner);
            let mut created = 0;
            while let Some(rows) = kept.blocking_recv() {
                keep(&connection, &rows);
                created += rows.payloads.len() as u64;
            }
            let done = Answer::Result(FileResult { created, ..FileResult::default() });
            // A caller that is gone wants no answer.
            let _ = answers.blocking_send(Ok(ImportRecordsResponse { part: Some(done) }));
        });
        tokio::spawn(async move {
            while let Ok(Some(ImportRecordsRequest { part: Some(Part::Chunk(chunk)) })) = arriving.message().await {
                let read = prost::Message::decode(chunk.data.as_slice()).expect("rows");
                if rows.send(read).await.is_err() {
                    break;
                }
            }
        });
        Ok(Response::new(ReceiverStream::new(answered)))
    }

    async fn record_listening(&self, _: Request<RecordListeningRequest>) -> Result<Response<Listening>, Status> {
        Err(Status::unimplemented("bare"))
    }

    async fn show_person(&self, _: Request<ShowPersonRequest>) -> Result<Response<ShowPersonResponse>, Status> {
        Err(Status::unimplemented("bare"))
    }
}

/// Sends what the other end lacks; gives how many rows it says that it holds durably.
pub(crate) async fn send(file: &Path, address: &str, tls: &Tls) -> u64 {
    let (address, connector) = (address.to_owned(), TlsConnector::from(Arc::clone(&tls.client)));
    let dial = tower::service_fn(move |_| {
        let (address, connector) = (address.clone(), connector.clone());
        async move {
            let stream = TcpStream::connect(address).await?;
            stream.set_nodelay(true)?;
            let name = ServerName::try_from("node.internal").map_err(io::Error::other)?;
            Ok::<_, io::Error>(TokioIo::new(connector.connect(name, stream).await?))
        }
    });
    let channel = Endpoint::from_static("http://node.internal")
        .initial_stream_window_size(512 << 10)
        .initial_connection_window_size(512 << 10)
        .connect_with_connector(dial)
        .await
        .expect("a connection");
    let (sent, sending) = mpsc::channel(4);
    let mut client = RecordServiceClient::new(channel);
    let mut answers = client.import_records(ReceiverStream::new(sending)).await.expect("a stream").into_inner();
    let Some(Answer::Progress(held)) = answers.message().await.expect("an answer").and_then(|it| it.part) else {
        panic!("no cursor")
    };
    let file = file.to_owned();
    tokio::task::spawn_blocking(move || {
        let connection = bare_table::open(&file);
        let mut select = connection
            .prepare("SELECT seq, payload FROM entry WHERE seq > ?1 ORDER BY seq LIMIT ?2")
            .expect("a statement");
        let mut after = i64::try_from(held.rows_done).expect("a cursor");
        loop {
            let rows = select
                .query_map(params![after, BATCH], |row| row.get(1))
                .and_then(Iterator::collect::<Result<Vec<Vec<u8>>, _>>)
                .expect("rows");
            if rows.is_empty() {
                break;
            }
            let count = rows.len() as i64;
            let rows = Rows { payloads: rows, first: after + 1 };
            after += count;
            let chunk = FileChunk { data: prost::Message::encode_to_vec(&rows), ..FileChunk::default() };
            if sent.blocking_send(ImportRecordsRequest { part: Some(Part::Chunk(chunk)) }).is_err() {
                break;
            }
        }
    })
    .await
    .expect("a reader");
    let Some(Answer::Result(done)) = answers.message().await.expect("an answer").and_then(|it| it.part) else {
        panic!("no result")
    };
    done.created
}

/// A connection of the bare receiver's.
struct Encrypted(Box<tokio_rustls::server::TlsStream<TcpStream>>);

impl Connected for Encrypted {
    type ConnectInfo = ();

    fn connect_info(&self) {}
}

impl AsyncRead for Encrypted {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.0).poll_read(cx, buf)
    }
}

impl AsyncWrite for Encrypted {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut *self.0).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.0).poll_shutdown(cx)
    }
}
