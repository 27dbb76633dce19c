//! The records of one invented hub, as large as one of the national programme of 2017 to 2020.

use std::fs;
use std::path::Path;

use folkmoot_node::generated::hub::record_service_client::RecordServiceClient;
use folkmoot_proto::hub::v1::import_records_request::Part;
use folkmoot_proto::hub::v1::import_records_response::Part as Answer;
use folkmoot_proto::hub::v1::{FileChunk, ImportOptions, ImportRecordsRequest};
use folkmoot_tests::generator::{Hub, Programme, Size, write};
use tonic::transport::Channel;

use crate::nodes::workshop;

const PIECE: usize = 256 * 1024;

/// A folder of sheets as the pieces of an import.
pub(crate) struct Sheets {
    pieces: Vec<ImportRecordsRequest>,
}

impl Sheets {
    /// 700 people, 1,500 listenings, 60 sessions, 60 actions, and what belongs to them.
    pub(crate) fn of_one_hub() -> Self {
        Self::of(&drawn())
    }

    /// The same `times` over, as records of their own, in one hub.
    pub(crate) fn of_many(times: usize) -> Vec<Self> {
        (0..times).map(|number| Self::of(&renamed(drawn(), number))).collect()
    }

    fn of(hub: &Hub) -> Self {
        let place = workshop();
        write::neat(hub, place.path()).expect("sheets");
        Self { pieces: pieces(place.path()) }
    }

    /// Imports through a node's socket; gives how many rows were written.
    pub(crate) async fn import(&self, channel: Channel) -> u64 {
        let requests = tokio_stream::iter(self.pieces.clone());
        let mut client = RecordServiceClient::new(channel);
        let mut answers = client.import_records(requests).await.expect("an import").into_inner();
        let mut created = 0;
        while let Some(answer) = answers.message().await.expect("an import") {
            match answer.part {
                Some(Answer::Result(result)) => created += result.created,
                Some(Answer::Refused(row)) => panic!("refused: {row:?}"),
                Some(Answer::Progress(_) | Answer::Notice(_)) | None => {}
            }
        }
        created
    }
}

fn drawn() -> Hub {
    Programme::draw(1, &[Size::Large]).hubs.remove(0)
}

fn pieces(folder: &Path) -> Vec<ImportRecordsRequest> {
    let mut pieces = vec![ImportRecordsRequest { part: Some(Part::Options(ImportOptions { dry_run: false })) }];
    for entry in fs::read_dir(folder).expect("sheets") {
        let path = entry.expect("a sheet").path();
        let file = path.file_name().and_then(|name| name.to_str()).expect("a name").to_owned();
        for data in fs::read(&path).expect("a sheet").chunks(PIECE) {
            let chunk = FileChunk { file: file.clone(), data: data.to_vec() };
            pieces.push(ImportRecordsRequest { part: Some(Part::Chunk(chunk)) });
        }
    }
    pieces
}

/// Gives every record another ref.
fn renamed(mut hub: Hub, number: usize) -> Hub {
    let rename = |reference: &mut String| reference.push_str(&format!("+{number}"));
    hub.people.iter_mut().for_each(|row| rename(&mut row.reference));
    hub.trainers.iter_mut().for_each(|row| rename(&mut row.person));
    for row in &mut hub.sessions {
        rename(&mut row.reference);
        rename(&mut row.trainer);
    }
    for row in &mut hub.attendances {
        rename(&mut row.session);
        rename(&mut row.person);
    }
    hub.campaigns.iter_mut().for_each(|row| rename(&mut row.reference));
    for row in &mut hub.listenings {
        rename(&mut row.reference);
        rename(&mut row.organiser);
        rename(&mut row.campaign);
        row.person.iter_mut().for_each(rename);
    }
    for row in &mut hub.actions {
        rename(&mut row.reference);
        rename(&mut row.leader);
    }
    for row in &mut hub.participations {
        rename(&mut row.action);
        rename(&mut row.person);
    }
    hub.projects.iter_mut().for_each(|row| rename(&mut row.reference));
    hub.funding.iter_mut().for_each(|row| rename(&mut row.reference));
    hub
}
