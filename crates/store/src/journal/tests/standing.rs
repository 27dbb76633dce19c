//! Peers, receipts and what the operator reads.

use folkmoot_disclosure::{Account, Observation, Observations, Policy, prepare};
use folkmoot_domain::calendar::{Period, Programmes};
use folkmoot_domain::indicator::{CellKey, Dimension, Indicator};
use folkmoot_journal::{Admission, Proof, Receipt};

use super::*;
use crate::hub::Approver;

#[test]
fn incarnations_are_remembered_over_restarts() {
    let (mut academy, hub) = pair();
    let admit = |academy: &Node, incarnation: u64| {
        let question =
            Question::Admit { peer: hub.id, incarnation: Incarnation(incarnation), address: Some("h:1".to_owned()) };
        match academy.answer(question) {
            Answer::Admitted(admission) => admission,
            other => panic!("{other:?}"),
        }
    };
    for (incarnation, expected) in [
        (1, Admission::Fresh),
        (1, Admission::Same),
        (u64::MAX, Admission::Supersedes(Incarnation(1))),
        (1, Admission::Clone),
        (u64::MAX, Admission::Same),
    ] {
        assert_eq!(admit(&academy, incarnation), expected, "{incarnation}");
        academy = academy.restored(&academy.store.snapshot().expect("a snapshot"), 102);
    }
    let peer = academy.journal().peer(hub.id).expect("read").expect("known");
    assert_eq!((peer.address.as_deref(), peer.last_success), (Some("h:1"), None));
    academy.journal().succeeded(hub.id).expect("noted");
    assert_eq!(academy.journal().peers().expect("read")[0].last_success, Some(academy.store.now()));
}

/// A peer that says Hello under ever new incarnations makes nobody read them all.
#[test]
fn an_incarnation_is_judged_without_reading_all_that_were_seen() {
    let (academy, _) = pair();
    let plan = academy.store.read("plan", |connection| {
        let sql = format!("EXPLAIN QUERY PLAN {}", peers::KNOWN);
        let mut statement = connection.prepare(&sql)?;
        let steps = statement.query_map([1, 1], |row| row.get::<_, String>(3))?;
        Ok(steps.collect::<Result<Vec<_>, _>>()?)
    });
    let plan = plan.expect("a plan");
    let searches: Vec<&String> = plan.iter().filter(|step| step.contains("peer_incarnation")).collect();
    assert_eq!(searches.len(), 2, "{plan:?}");
    for (search, index) in searches.into_iter().zip(["peer_incarnation_current (peer=?)", "(peer=? AND incarnation=?)"])
    {
        assert!(search.starts_with("SEARCH") && search.ends_with(index), "{plan:?}");
    }
}

/// A stream of a process that was replaced may still bring what its successor was not shown.
#[test]
fn nothing_is_taken_of_a_process_that_was_replaced() {
    let (academy, hub) = pair();
    hub.append(&["one"]);
    let log = only(&hub.tips(hub.releases())).log(hub.releases());
    let frame = hub.frame(&academy, log, 0, 1_000).expect("a frame").0;
    for incarnation in [1, 2] {
        academy.answer(Question::Admit { peer: hub.id, incarnation: Incarnation(incarnation), address: None });
    }
    for (incarnation, expected) in [(1, 0), (2, 2)] {
        let incarnation = Some(Incarnation(incarnation));
        let keep = Question::Keep { peer: hub.id, incarnation, frame: frame.clone() };
        let Answer::Kept(kept) = academy.answer(keep) else { panic!("Keep is answered by Kept") };
        assert_eq!(kept.new_entries, expected, "{incarnation:?}");
        let frozen = kept.refusals.iter().all(|refusal| refusal.reason == RefusalReason::Frozen);
        assert!(frozen && kept.refusals.is_empty() == (expected > 0));
    }
}

#[test]
fn only_genuine_receipts_about_what_is_held_are_kept() {
    let (academy, hub) = pair();
    hub.append(&["one"]);
    push(&hub, &academy);
    let topic = hub.releases();
    let tip = only(&hub.tips(topic));
    let academy_author = academy.store.author().expect("an author");
    let keep = |receipt: Receipt| match hub.answer(Question::KeepReceipt { peer: academy.id, receipt }) {
        Answer::ReceiptKept { ok } => ok,
        other => panic!("{other:?}"),
    };
    let sign = |held: Cursor| Receipt::sign(&academy_author, topic, held, Vec::new(), 5);
    assert!(keep(sign(tip)));
    let proof = sign(tip).proof.map(|proof| Proof { minute: 6, ..proof });
    assert!(!keep(Receipt { proof, ..sign(tip) }), "altered");
    assert!(keep(sign(Cursor { seq: tip.seq + 1, ..tip })), "genuine, of more than is held here: not kept");
    assert!(keep(sign(Cursor { seq: 1, ..tip })), "genuine, of another entry with the number: not kept");
    assert!(!keep(Receipt::sign(&hub.store.author().expect("an author"), topic, tip, Vec::new(), 5)), "of another");
    let kept = hub.journal().receipt(topic, &tip, academy.id).expect("read").expect("a receipt");
    assert_eq!(kept, sign(tip));
}

#[test]
fn lost_receipts_are_given_again() {
    let (academy, hub) = pair();
    let unreceipted = || match hub.answer(Question::OwnUnreceipted { scope: scope(&hub, &academy) }) {
        Answer::Unreceipted(logs) => logs,
        other => panic!("{other:?}"),
    };
    let ask = |tip: Cursor| match academy.answer(Question::ReceiptFor { peer: hub.id, topic: hub.releases(), tip }) {
        Answer::Receipt(receipt) => receipt,
        other => panic!("{other:?}"),
    };
    assert_eq!(unreceipted(), []);
    hub.append(&["one"]);
    let tip = only(&hub.tips(hub.releases()));
    assert_eq!(unreceipted(), [(hub.releases(), tip)]);
    assert_eq!(ask(tip), None, "nothing is signed for that is not held");
    let frame = hub.frame(&academy, tip.log(hub.releases()), 0, 1_000).expect("a frame").0;
    let given = academy.keep(&hub, frame).receipt;
    assert_eq!(unreceipted(), [(hub.releases(), tip)], "the receipt was lost");
    assert_eq!(ask(tip), given);
    hub.answer(Question::KeepReceipt { peer: academy.id, receipt: given.expect("a receipt") });
    assert_eq!(unreceipted(), []);
    assert_eq!(hub.journal().waiting().expect("waiting"), Waiting::default());
}

#[test]
fn nothing_is_written_without_leave() {
    let (academy, hub) = pair();
    let append = |node: &Node, topic, kind| node.journal().append(topic, kind, Vec::new());
    assert!(matches!(append(&hub, Topic::Directory, FREE), Err(StoreError::NotWritten { .. })));
    assert!(matches!(append(&hub, Topic::Releases(academy.id), FREE), Err(StoreError::NotWritten { .. })));
    assert!(matches!(append(&hub, hub.releases(), PayloadKind::Release), Err(StoreError::NotWritten { .. })));
    let large = hub.journal().append(hub.releases(), FREE, vec![0; 600_000]);
    assert!(matches!(large, Err(StoreError::NotWritten { .. })));
    let bad = append(&academy, Topic::Directory, PayloadKind::HubRecord);
    assert!(matches!(bad, Err(StoreError::NotWritten { .. })), "what cannot stand is not written");
    assert_eq!(hub.tips(hub.releases()), [], "a failed append leaves no opening behind");
    hub.store.freeze();
    assert!(hub.store.frozen());
    assert!(matches!(append(&hub, hub.releases(), FREE), Err(StoreError::Frozen)));
    let alone = Store::in_memory(Role::Hub, &name("Warminster"), ambient()).expect("a store");
    assert!(matches!(alone.journal().append(Topic::Directory, FREE, Vec::new()), Err(StoreError::NoAuthor)));
    assert!(matches!(alone.journal().directory_frames(), Err(StoreError::NotJoined)));
    assert!(matches!(alone.journal().genesis(), Err(StoreError::NotJoined)));
}

#[test]
fn listeners_hear_of_the_directory_and_see_it() {
    let (academy, hub) = pair();
    let journal = hub.journal();
    let (tell, heard) = std::sync::mpsc::channel();
    hub.store.on_change(Box::new(move |change| {
        tell.send((change.directory, journal.directory().hubs().len())).expect("heard");
    }));
    list(&academy, &record(&key(9), 1, HubState::Enrolled, Vec::new()));
    push(&academy, &hub);
    assert_eq!(heard.try_iter().collect::<Vec<_>>(), [(true, 2)]);
}

#[test]
fn a_refusal_of_what_is_not_held_takes_no_room() {
    let (academy, hub) = pair();
    hub.append(&["one"]);
    let tip = only(&hub.tips(hub.releases()));
    let refuse = |entry: Cursor| {
        let refusal = folkmoot_journal::Refusal {
            topic: hub.releases(),
            entry,
            reason: RefusalReason::ReleaseForm,
            detail: "no".to_owned(),
            set_aside: true,
        };
        hub.answer(Question::KeepRefusal { peer: academy.id, refusal });
        hub.journal().refusals().expect("read").len()
    };
    assert_eq!(refuse(Cursor { seq: 50, ..tip }), 0);
    assert_eq!(refuse(Cursor { incarnation: Incarnation(1), ..tip }), 0);
    assert_eq!(refuse(tip), 1);
    assert_eq!(refuse(tip), 1);
}

/// From the hub's approval to the Academy's report: where a hub has rounded, no figure looks exact.
#[test]
fn what_a_hub_rounded_is_never_exact_in_the_report() {
    let (academy, hub) = pair();
    let period: Period = "2018-Q3".parse().expect("a quarter");
    let span = period.span(&Programmes::default()).expect("a quarter has days");
    let cells = CellKey::all().into_iter().map(|key| {
        let value = match (key.indicator, key.dimension(), key.category_code()) {
            // Five genders: one of 16 people, four of 9. Nothing else is known of anybody.
            (Indicator::PeopleTrained, Some(Dimension::Gender), "woman") => 16,
            (Indicator::PeopleTrained, Some(Dimension::Gender), _) => 9,
            (Indicator::PeopleTrained, None, _) | (Indicator::PeopleTrained, Some(_), "unknown") => 52,
            (Indicator::TrainingMinutes, None, _) => 5_200,
            (Indicator::TrainingSessions, None, _) => 1,
            _ => 0,
        };
        let seen = Observation { value, events_with_people: 52, ..Observation::default() };
        if key.indicator == Indicator::TrainingMinutes {
            (key, Observation { people_behind: 52, largest: 100, two_largest: 200, ..seen })
        } else if [Indicator::PeopleTrained, Indicator::YoungPeopleTrained].contains(&key.indicator) {
            (key, seen)
        } else {
            (key, Observation { events_with_people: 0, ..seen })
        }
    });
    let observations = Observations::new(period.clone(), span, cells.collect()).expect("figures that agree");
    let today = span.last.next_day().expect("a day after");
    let account = Account::new([observations], Vec::new());
    let release = prepare(&account, &period, hub.id.0, &Policy::floor(), today).expect("a release").release;
    let records = hub.store.hub().expect("a hub's store");
    records.approve(&release, &records.count().expect("counted"), Approver::Policy).expect("approved");
    hub.answer(Question::AppendApproved);
    assert_eq!(reasons(&push(&hub, &academy)), []);
    let report = academy.store.academy().expect("the Academy's store").report(&period).expect("a report");
    let trained = report.lines.into_iter().filter(|line| {
        let genders = [None, Some(Dimension::Gender)];
        line.key.indicator == Indicator::PeopleTrained && genders.contains(&line.key.dimension())
    });
    let trained: Vec<_> = trained.map(|line| (line.value, line.low, line.high, line.hubs_rounded)).collect();
    assert_eq!(trained[0], (Some(52), 52, Some(52), 0));
    assert_eq!(trained[1], (None, 13, Some(17), 1), "16 people, rounded to 15");
    assert_eq!(trained[2..], [(None, 8, Some(12), 1); 4]);
}
