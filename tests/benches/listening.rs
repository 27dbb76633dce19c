//! Listenings written down one at a time by 64 callers, against a handler that only inserts the same row.

use std::path::Path;
use std::sync::mpsc;
use std::thread;
use std::time::Instant;

use folkmoot_node::generated::hub::record_service_client::RecordServiceClient;
use folkmoot_node::generated::hub::record_service_server::{RecordService, RecordServiceServer};
use folkmoot_proto::hub::v1::{
    ImportRecordsRequest, ImportRecordsResponse, Listening, RecordListeningRequest, ShowPersonRequest,
    ShowPersonResponse,
};
use rusqlite::{Connection, params};
use tokio::net::UnixListener;
use tokio::runtime::Runtime;
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio_stream::wrappers::UnixListenerStream;
use tonic::transport::{Channel, Server};
use tonic::{Request, Response, Status, Streaming};

use crate::bare_table;
use crate::measure::{Goal, Line, Unit, in_turn};
use crate::nodes::{Federation, Served};
use crate::sheets::Sheets;

const CALLERS: usize = 64;
const CALLS_EACH: usize = 150;
/// Connections that the callers share.
const CHANNELS: usize = 4;
/// Inserts that share one commit at most, as in the product.
const BATCH: usize = 512;

/// The name under which this program serves the bare handler.
pub(crate) const PART: &str = "bare-listening";

pub(crate) fn measure(runtime: &Runtime, runs: usize) -> Vec<Line> {
    let federation = Federation::found();
    let served = Served::node("hub", &federation.hub());
    runtime.block_on(async {
        let channel = folkmoot_node::connect(&federation.hub()).await.expect("a node");
        Sheets::of_one_hub().import(channel).await
    });
    served.stop();
    let rate = |serve: fn(&Path) -> Served| {
        let (_place, folder) = federation.fresh_hub();
        let _served = serve(&folder);
        runtime.block_on(call(&folder))
    };
    let (product, bare) = in_turn(
        runs,
        Unit::PerSecond,
        || rate(|folder| Served::node("hub", folder)),
        || rate(|folder| Served::part(PART, folder)),
    );
    let what = format!("RecordListening over the socket, {CALLERS} callers");
    vec![Line { what, product, bare: Some(bare), peer: None, goal: Goal::Share(0.7) }]
}

/// Calls per second.
async fn call(folder: &Path) -> f64 {
    let mut channels = Vec::new();
    for _ in 0..CHANNELS {
        channels.push(folkmoot_node::connect(folder).await.expect("a node"));
    }
    let mut callers = JoinSet::new();
    let began = Instant::now();
    for caller in 0..CALLERS {
        callers.spawn(one_caller(channels[caller % CHANNELS].clone(), caller));
    }
    while let Some(ended) = callers.join_next().await {
        ended.expect("a caller that ended well");
    }
    (CALLERS * CALLS_EACH) as f64 / began.elapsed().as_secs_f64()
}

async fn one_caller(channel: Channel, caller: usize) {
    let mut client = RecordServiceClient::new(channel);
    for number in 0..CALLS_EACH {
        let place = caller * CALLS_EACH + number;
        let listening = Listening {
            reference: format!("caller-{caller}-{number}"),
            date: format!("2019-{:02}-{:02}", 1 + place % 12, 1 + place / 12 % 28),
            organiser: "p/0".to_owned(),
            // One in three is known, as in the sheets.
            person: if place.is_multiple_of(3) { format!("p/{}", place % 700) } else { String::new() },
            listening_campaign: format!("lc-{}", place % 4),
            mode: "door".to_owned(),
            ward: "E05000001".to_owned(),
            themes: vec!["buses".to_owned(), "damp".to_owned()],
            kind: "concern".to_owned(),
            repeat: false,
            note: "Heard on the stairs; nobody answers, she said.".to_owned(),
            ..Listening::default()
        };
        client.record_listening(RecordListeningRequest { listening: Some(listening) }).await.expect("written");
    }
}

type Answer = oneshot::Sender<Listening>;

/// The handler without the product.
struct Bare {
    writer: mpsc::Sender<(Listening, Answer)>,
}

#[tonic::async_trait]
impl RecordService for Bare {
    type ImportRecordsStream = tokio_stream::Empty<Result<ImportRecordsResponse, Status>>;

    async fn import_records(
        &self,
        _: Request<Streaming<ImportRecordsRequest>>,
    ) -> Result<Response<Self::ImportRecordsStream>, Status> {
        Err(Status::unimplemented("bare"))
    }

    async fn record_listening(&self, request: Request<RecordListeningRequest>) -> Result<Response<Listening>, Status> {
        let (answer, written) = oneshot::channel();
        let listening = request.into_inner().listening.unwrap_or_default();
        self.writer.send((listening, answer)).map_err(|_| Status::internal("the writer is gone"))?;
        Ok(Response::new(written.await.map_err(|_| Status::internal("the writer is gone"))?))
    }

    async fn show_person(&self, _: Request<ShowPersonRequest>) -> Result<Response<ShowPersonResponse>, Status> {
        Err(Status::unimplemented("bare"))
    }
}

/// Serves the bare handler at the socket of a hub's folder, into that hub's own table.
pub(crate) async fn serve_bare(folder: &Path, ready: impl FnOnce()) {
    let connection = bare_table::open(&folder.join("node.db"));
    let (writer, jobs) = mpsc::channel();
    thread::spawn(move || write(&connection, &jobs));
    let socket = folder.join("node.sock");
    // Its path may be too long to bind; the folder itself is short enough from within.
    std::env::set_current_dir(folder).expect("the folder");
    let _ = std::fs::remove_file(&socket);
    let listener = UnixListener::bind("node.sock").expect("a socket");
    ready();
    let service = RecordServiceServer::new(Bare { writer });
    Server::builder()
        .add_service(service)
        .serve_with_incoming(UnixListenerStream::new(listener))
        .await
        .expect("a server");
}

fn write(connection: &Connection, jobs: &mpsc::Receiver<(Listening, Answer)>) {
    let mut insert = connection
        .prepare(
            "INSERT INTO listening (id, created_at, updated_at, created_by, updated_by, version, ref, date, organiser, \
             person, campaign, mode, ward, themes, kind, repeat, note) \
             VALUES (randomblob(16), 1, 1, 0, 0, 1, ?1, ?2, 1, ?3, 1, ?4, ?5, ?6, ?7, ?8, ?9)",
        )
        .expect("a statement");
    while let Ok(first) = jobs.recv() {
        let mut written = Vec::new();
        connection.execute_batch("BEGIN IMMEDIATE").expect("a transaction");
        for (listening, answer) in std::iter::once(first).chain(jobs.try_iter()).take(BATCH) {
            let person = (!listening.person.is_empty()).then_some(1);
            let repeat = if listening.repeat { "yes" } else { "no" };
            let Listening { reference, date, mode, ward, themes, kind, note, .. } = &listening;
            insert
                .execute(params![reference, date, person, mode, ward, themes.join(";"), kind, repeat, note])
                .expect("a row");
            written.push((listening, answer));
        }
        connection.execute_batch("COMMIT").expect("a commit");
        for (listening, answer) in written {
            // A caller that is gone wants no answer.
            let _ = answer.send(listening);
        }
    }
}
