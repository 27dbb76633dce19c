//! Takes the files of an import from a caller's stream, then reads them into the store.
//!
//! One import runs at a time. The work is done on one blocking thread: it spools the pieces as they arrive and, once the
//! caller has said everything, reads the sheets. A caller that goes away ends it at the next batch.

mod sheets;
mod spool;

use std::path::PathBuf;
use std::sync::Arc;

use folkmoot_proto::hub::v1 as proto;
use folkmoot_proto::hub::v1::import_records_request::Part as RequestPart;
use folkmoot_proto::hub::v1::{ImportRecordsRequest, ImportRecordsResponse};
use folkmoot_store::HubStore;
use folkmoot_store::hub::Writer;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, TryAcquireError, mpsc};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Status, Streaming};

use self::sheets::{Broken, Import};
use self::spool::{Spool, SpoolError};
use crate::status::{self, bad};

pub(crate) use self::spool::clear;

#[cfg(test)]
mod tests;

/// Answers that may wait for a slow caller.
const ANSWERS: usize = 64;
/// Pieces that may wait for the disk.
const PIECES: usize = 4;

/// What the caller's end of the import sees.
pub(crate) type Answers = ReceiverStream<Result<ImportRecordsResponse, Status>>;

/// The one place where an import can run.
#[derive(Clone, Debug)]
pub(crate) struct ImportDesk {
    data: PathBuf,
    free: Arc<Semaphore>,
}

/// A piece of an import as the blocking thread takes it.
enum Piece {
    Chunk(proto::FileChunk),
    /// The caller has said everything. Without it, the caller broke off and nothing is read.
    End,
    /// The caller said what it may not, or its stream broke.
    Wrong(Status),
}

impl ImportDesk {
    /// For a data folder.
    pub(crate) fn new(data: PathBuf) -> Self {
        Self { data, free: Arc::new(Semaphore::new(1)) }
    }

    /// Runs one import.
    ///
    /// # Errors
    /// Where another import runs, or the first message does not carry the options.
    pub(crate) async fn run(
        &self,
        hub: HubStore,
        writer: Writer,
        mut requests: Streaming<ImportRecordsRequest>,
    ) -> Result<Answers, Status> {
        let place = self.free.clone().try_acquire_owned().map_err(|error| match error {
            TryAcquireError::NoPermits | TryAcquireError::Closed => status::reasoned(
                Code::Aborted,
                "IMPORT_RUNNING",
                "another import is running on this node: wait until it has ended, then import again",
            ),
        })?;
        let options = options(requests.message().await?)?;
        let (pieces, arriving) = mpsc::channel(PIECES);
        let (answers, answered) = mpsc::channel(ANSWERS);
        let work = Work { data: self.data.clone(), hub, writer, dry_run: options.dry_run, answers: answers.clone() };
        tokio::task::spawn_blocking(move || work.run(arriving, place));
        tokio::spawn(forward(requests, pieces, answers));
        Ok(ReceiverStream::new(answered))
    }
}

fn options(first: Option<ImportRecordsRequest>) -> Result<proto::ImportOptions, Status> {
    match first.and_then(|request| request.part) {
        Some(RequestPart::Options(options)) => Ok(options),
        Some(RequestPart::Chunk(_)) | None => Err(bad("options", "the first message carries the options, and only it")),
    }
}

/// Hands the caller's pieces to the blocking thread. It ends when the caller or the thread does.
async fn forward(
    mut requests: Streaming<ImportRecordsRequest>,
    pieces: mpsc::Sender<Piece>,
    answers: mpsc::Sender<Result<ImportRecordsResponse, Status>>,
) {
    loop {
        let piece = tokio::select! {
            message = requests.message() => match message {
                Ok(Some(request)) => match request.part {
                    Some(RequestPart::Chunk(chunk)) => Piece::Chunk(chunk),
                    Some(RequestPart::Options(_)) => {
                        Piece::Wrong(bad("options", "only the first message carries the options"))
                    }
                    None => Piece::Wrong(bad("part", "every message after the first carries a chunk of a file")),
                },
                Ok(None) => Piece::End,
                Err(status) => Piece::Wrong(status),
            },
            () = answers.closed() => return,
        };
        let goes_on = matches!(piece, Piece::Chunk(_));
        if pieces.send(piece).await.is_err() || !goes_on {
            return;
        }
    }
}

/// What the blocking thread holds while it works.
struct Work {
    data: PathBuf,
    hub: HubStore,
    writer: Writer,
    dry_run: bool,
    answers: mpsc::Sender<Result<ImportRecordsResponse, Status>>,
}

impl Work {
    fn run(self, pieces: mpsc::Receiver<Piece>, place: OwnedSemaphorePermit) {
        let ended = match self.spool(pieces) {
            Ok(Some(spool)) => self.read(&spool),
            Ok(None) => Ok(()),
            Err(status) => Err(status),
        };
        // The caller that hears the end can import again at once.
        drop(place);
        if let Err(status) = ended {
            // A caller that went away needs no answer.
            let _ = self.answers.blocking_send(Err(status));
        }
    }

    /// Keeps every piece; nothing where the caller broke off.
    fn spool(&self, mut pieces: mpsc::Receiver<Piece>) -> Result<Option<Spool>, Status> {
        let mut spool = Spool::create(&self.data).map_err(spool_status)?;
        loop {
            match pieces.blocking_recv() {
                Some(Piece::Chunk(chunk)) => spool.add(&chunk.file, &chunk.data).map_err(spool_status)?,
                Some(Piece::End) => return Ok(Some(spool)),
                Some(Piece::Wrong(status)) => return Err(status),
                None => return Ok(None),
            }
        }
    }

    fn read(&self, spool: &Spool) -> Result<(), Status> {
        let tell = |part| {
            let response = ImportRecordsResponse { part: Some(part) };
            self.answers.blocking_send(Ok(response)).map_err(|_| Broken::CallerGone)
        };
        match Import::new(&self.hub, spool, self.writer, self.dry_run, tell).run() {
            Ok(()) | Err(Broken::CallerGone) => Ok(()),
            Err(Broken::Store(error)) => Err(status::store(error)),
            Err(error @ Broken::Disk(_)) => Err(status::failed(Code::Internal, "IMPORT_DISK", &error)),
        }
    }
}

fn spool_status(error: SpoolError) -> Status {
    match error {
        SpoolError::TooBig => bad("chunk.data", error.to_string()),
        SpoolError::Disk(_) => status::failed(Code::Internal, "IMPORT_DISK", &error),
    }
}
