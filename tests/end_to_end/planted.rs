//! No value of a record about a person is on the wire, in a log, or at the Academy.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use folkmoot_journal::{FederationId, PayloadKind, unpack};
use folkmoot_proto::federation::v1::exchange_message::Body;
use folkmoot_proto::federation::v1::{EnrolResponse, ExchangeRequest, Frame};
use folkmoot_tests::day::Day;
use folkmoot_tests::generator::write::field;
use prost::Message as _;

use crate::client::Client;
use crate::command::{folkmoot, text};
use crate::federation::{Federation, Hub, array, every_file, trace};
use crate::http2;
use crate::served::log_of;
use crate::tap::{Parties, Tap};
use crate::tokens::Tokens;

const PEOPLE: usize = 24;

/// Writes sheets in which every field that identifies or quotes somebody is a planted value; some rows must be refused.
fn plant(sheets: &Path, tokens: &mut Tokens) -> String {
    fs::create_dir(sheets).expect("a folder");
    let write = |file: &str, rows: Vec<Vec<String>>| {
        let mut text = String::new();
        for row in rows {
            let _ = writeln!(text, "{}", row.iter().map(|value| field(value)).collect::<Vec<_>>().join(","));
        }
        fs::write(sheets.join(file), text).expect("a sheet");
    };
    let head = |names: &str| names.split(' ').map(str::to_owned).collect::<Vec<_>>();
    let mut new = |prefix: &str| format!("{prefix}{}", tokens.plant());

    let refs: Vec<String> = (0..PEOPLE).map(|_| new("p-")).collect();
    let mut people =
        vec![head("ref name email phone postcode birth_year gender ethnicity disability consent_to_contact")];
    people[0].push(new("column "));
    for (at, reference) in refs.iter().enumerate() {
        let name = format!("{} Ünï {}", new(""), new(""));
        let email = format!("{}@{}.example", new(""), new(""));
        let gender = ["woman", "man"][at % 2].to_owned();
        let row = [reference.clone(), name, email, new("+44 "), new("ZZ1 "), "1990".into(), gender];
        people.push(row.into_iter().chain(["mixed", "yes", "no"].map(str::to_owned)).chain([new("")]).collect());
    }
    // Refused: what is wrong is never quoted, not even to the log.
    people.push(vec![new("bad-"), new(""), new(""), new(""), new(""), new("19"), new(""), new(""), new(""), new("")]);
    write("people.csv", people);
    write(
        "trainers.csv",
        vec![
            head("person_ref quality_assured_on expires_on"),
            vec![refs[0].clone(), "2018-04-01".into(), "2021-04-01".into()],
            vec![new("nobody-"), new(""), "2021-04-01".into()],
        ],
    );
    let (session, action, campaign) = (new("s-"), new("a-"), new("lc-"));
    write(
        "sessions.csv",
        vec![
            head("ref date course title mode minutes trainer_ref"),
            [session.clone(), "2018-07-03".into(), new("course "), new("title, "), "classroom".into(), "90".into()]
                .into_iter()
                .chain([refs[0].clone()])
                .collect(),
        ],
    );
    write(
        "listening_campaigns.csv",
        vec![
            head("ref title kind opened_on closed_on reported_back_on"),
            vec![campaign.clone(), new(""), "place".into(), "2018-04-01".into(), String::new(), "2018-08-01".into()],
        ],
    );
    let mut listenings = vec![head("ref date organiser_ref person_ref campaign_ref mode ward themes kind repeat note")];
    let mut attendances = vec![head("session_ref person_ref outcome")];
    let mut participations = vec![head("action_ref person_ref")];
    for person in &refs {
        let row = [new("l-"), "2018-07-04".into(), refs[0].clone(), person.clone(), campaign.clone(), "door".into()];
        let rest = ["E05000123".into(), format!("{};{}", new(""), new("")), "concern".into(), "no".into()];
        listenings.push(row.into_iter().chain(rest).chain([format!("\"{}\"\n{}", new(""), new(""))]).collect());
        attendances.push(vec![session.clone(), person.clone(), "completed".into()]);
        participations.push(vec![action.clone(), person.clone()]);
    }
    attendances.push(vec![session, new("nobody-"), "completed".into()]);
    write("listenings.csv", listenings);
    write("attendances.csv", attendances);
    write(
        "actions.csv",
        vec![
            head("ref date title kind led_by_ref"),
            vec![action, "2018-07-05".into(), new(""), "event".into(), refs[1].clone()],
        ],
    );
    write("participations.csv", participations);
    write("projects.csv", vec![head("ref started_on title"), vec![new("j-"), "2018-07-06".into(), new("")]]);
    write(
        "funding.csv",
        vec![
            head("ref date source amount_gbp"),
            vec![new("f-"), "2018-07-07".into(), new(""), "12.50".into()],
            vec![new("f-"), new(""), new(""), new("")],
        ],
    );
    refs[0].clone()
}

/// Every frame in the recorded messages.
pub(crate) fn frames(messages: &[Vec<u8>]) -> Vec<Frame> {
    let mut frames = Vec::new();
    for message in messages {
        // Both directions of the exchange have the same form.
        if let Ok(ExchangeRequest { message: Some(said) }) = ExchangeRequest::decode(message.as_slice())
            && let Some(Body::Frame(frame)) = said.body
        {
            frames.push(frame);
        }
        if let Ok(enrolled) = EnrolResponse::decode(message.as_slice()) {
            frames.extend(enrolled.directory);
        }
    }
    frames.retain(|frame| frame.topic.len() == 33);
    frames
}

#[test]
fn nothing_about_people_leaves_the_hub() {
    let tap = Tap::start();
    let mut federation = Federation::unserved(&["--address", &tap.address]);
    trace(&federation.academy_folder());
    federation.serve_academy();
    federation.add_programme("COEP", Day::new(2017, 4, 1), Day::new(2020, 3, 31));
    let folder = federation.init_hub("H", "Warminster");
    trace(&folder);
    let listens = federation.academy.as_ref().expect("an Academy").listens();
    tap.between(Parties { academy: federation.academy_folder(), hub: folder.clone(), listens });
    let code = federation.invite("Warminster", &[]);
    folkmoot(&["hub", "join", "--data", text(&folder), &code]).done();

    let hub = Hub::serve(folder);
    let mut tokens = Tokens::new(4);
    let sheets = federation.path("sheets");
    let person = plant(&sheets, &mut tokens);
    let json = hub.import(&sheets).json(3);
    assert_eq!(array(&json["refused"]).iter().filter(|row| row["file"] == "attendances.csv").count(), 1, "{json}");
    assert_eq!(hub.indicators("2018-Q3")["people_trained"], PEOPLE as u64);
    let shown = hub.run(&["person", "show", &person], &[]).done();
    assert!(tokens.found_in(shown.as_bytes()).len() > 5, "all that the hub holds on one person: {shown}");
    for period in ["2018-Q3", "2018/19", "programme/COEP"] {
        hub.run(&["release"], &["--period", period]).done();
        hub.approve(period).done();
    }
    hub.sync();
    hub.import(&sheets).json(3);
    hub.approve("2018-Q3").done();
    hub.sync();
    assert_eq!(federation.report("2018-Q3").headline("people_trained")["value"], PEOPLE as u64);

    let status = Client::of(&hub.folder).status();
    let id: FederationId = status.federation_id.parse().expect("a federation id");
    let folder = hub.stop();
    federation.academy.take().expect("an Academy").stop();
    check(&federation, &tap, &folder, id, &tokens);
}

#[track_caller]
fn check(federation: &Federation, tap: &Tap, hub: &Path, id: FederationId, tokens: &Tokens) {
    // The search itself works: what is planted is at the hub, and the recording is in the clear.
    let mut at_the_hub = std::collections::BTreeSet::new();
    every_file(hub, &mut |_, bytes| at_the_hub.extend(tokens.found_in(bytes)));
    assert!(at_the_hub.len() * 2 > tokens.count(), "{} of {} at the hub", at_the_hub.len(), tokens.count());
    let heard = tap.heard();
    let holds = |bytes: &[u8], word: &[u8]| bytes.windows(word.len()).any(|window| window == word);
    assert!(heard.iter().any(|said| holds(&said.from_hub, b"Warminster")), "the join was heard in the clear");

    let mut releases = 0;
    for said in &heard {
        for bytes in [&said.from_hub, &said.from_academy] {
            assert_eq!(tokens.found_in(bytes), [""; 0], "on the wire");
            assert_eq!(tokens.found_compressed_in(bytes), 0, "in a header on the wire");
            let messages = http2::messages(bytes);
            for message in &messages {
                assert_eq!(tokens.found_in(message), [""; 0], "in a message");
            }
            for frame in frames(&messages) {
                let unpacked = unpack(&frame, id).expect("a frame that unpacks");
                for entry in unpacked.entries {
                    let payload = entry.body.expect("a payload").payload;
                    assert_eq!(tokens.found_in(&payload), [""; 0], "in a payload");
                    releases += usize::from(entry.header.payload_kind == PayloadKind::Release);
                }
            }
        }
    }
    assert!(releases >= 3, "the releases themselves were heard: {releases}");

    for folder in [hub, &federation.academy_folder()] {
        let log = fs::read(log_of(folder)).expect("a log");
        assert!(!log.is_empty(), "{} said nothing", folder.display());
        assert_eq!(tokens.found_in(&log), [""; 0], "in the log of {}", folder.display());
    }
    every_file(&federation.academy_folder(), &mut |path, bytes| {
        assert_eq!(tokens.found_in(bytes), [""; 0], "at the Academy, in {}", path.display());
    });
}
