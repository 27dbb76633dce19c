//! Listenings written down through the socket.

use folkmoot_domain::import::{Columns, File, check_row};
use folkmoot_proto::hub::v1::{Listening, RecordListeningRequest};
use folkmoot_store::hub::{ImportRun, Writer};
use tonic::{Code, Status, transport::Channel};
use tonic_types::StatusExt as _;

use super::*;
use crate::generated::hub::record_service_client::RecordServiceClient;
use crate::socket::connect;

type Records = RecordServiceClient<Channel>;

/// A hub that knows P-1 and P-2.
async fn hub() -> (Place, Running, Records) {
    let place = Place::hub("Warminster");
    let running = place.start().await;
    let (columns, _) = Columns::read(File::People, File::People.columns()).expect("the header");
    let rows = ["P-1", "P-2"].map(|reference| {
        let mut fields = vec![""; File::People.columns().len()];
        fields[0] = reference;
        check_row(&columns, &fields).expect("not blank")
    });
    let store = running.node().store().hub().expect("a hub");
    let mut run = ImportRun::new(Writer { uid: 1000 });
    store.import_batch(&mut run, File::People, (1..).zip(rows).collect(), false).expect("two people");
    let records = RecordServiceClient::new(connect(&place.data).await.expect("the node answers"));
    (place, running, records)
}

fn good() -> Listening {
    Listening {
        reference: "C-1".into(),
        date: "05/04/2018".into(),
        organiser: "P-2".into(),
        person: "P-1".into(),
        mode: "Door".into(),
        themes: vec!["damp".into(), "buses".into()],
        kind: "concern".into(),
        note: "said so".into(),
        ..Listening::default()
    }
}

async fn record(records: &mut Records, listening: Listening) -> Result<Listening, Status> {
    let request = RecordListeningRequest { listening: Some(listening) };
    Ok(records.record_listening(request).await?.into_inner())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listening_is_answered_as_it_is_held() {
    let (_place, running, mut records) = hub().await;
    let held = record(&mut records, good()).await.expect("written");
    let moment = held.create_time.expect("a time");
    let expected = Listening {
        name: "listenings/C-1".into(),
        date: "2018-04-05".into(),
        mode: "door".into(),
        create_time: Some(moment),
        ..good()
    };
    assert_eq!(held, expected);
    assert_eq!(moment.seconds, TODAY / 1000);
    // What was answered can be given back, and is the same again.
    assert_eq!(record(&mut records, held.clone()).await.expect("held already"), held);

    let other = record(&mut records, Listening { note: String::new(), ..good() }).await.expect_err("another");
    assert_eq!(other.code(), Code::AlreadyExists);
    assert_eq!(other.get_details_error_info().expect("a reason").reason, "LISTENING_STANDS");
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn all_that_is_wrong_is_said_at_once_by_the_names_of_the_request() {
    let (_place, running, mut records) = hub().await;
    let long = "x".repeat(64 * 1024 + 1);
    for (listening, fields) in [
        (Listening::default(), vec!["listening.date", "listening.organiser", "listening.mode", "listening.kind"]),
        (
            Listening {
                reference: "C\n1".into(),
                person: "P-9".into(),
                listening_campaign: "L-9".into(),
                themes: vec!["damp;buses".into()],
                ..good()
            },
            vec!["listening.reference", "listening.themes", "listening.person", "listening.listening_campaign"],
        ),
        (Listening { note: long.clone(), ..good() }, vec!["listening.note"]),
        (Listening { themes: vec![long], ..good() }, vec!["listening.themes"]),
    ] {
        let refused = record(&mut records, listening).await.expect_err("refused");
        assert_eq!(refused.code(), Code::InvalidArgument);
        let found = refused.get_details_bad_request().expect("violations").field_violations;
        assert_eq!(found.iter().map(|violation| violation.field.as_str()).collect::<Vec<_>>(), fields);
        assert!(!refused.message().contains("P-9"), "{refused}");
    }
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_callers_at_once_are_all_written() {
    let (_place, running, records) = hub().await;
    let mut calls = tokio::task::JoinSet::new();
    for _ in 0..64 {
        let mut records = records.clone();
        calls.spawn(async move { record(&mut records, Listening { reference: String::new(), ..good() }).await });
    }
    let refs: std::collections::BTreeSet<String> =
        calls.join_all().await.into_iter().map(|held| held.expect("written").reference).collect();
    assert_eq!(refs.len(), 64);
    let figures = running.node().store().hub().expect("a hub").figures(&"2018-Q2".parse().expect("a period"));
    let figures = figures.expect("figures");
    let listenings = figures.cells().find(|(cell, _)| cell.to_string() == "Listenings").expect("a cell").1;
    assert_eq!((listenings.value, listenings.people_behind), (64, 1));
    running.stop().await;
}
