//! The ledger of releases, with an Academy that really signs.

use std::sync::Arc;

use folkmoot_disclosure::{Account, Policy, PolicyRecord, Release, Terms, prepare};
use folkmoot_domain::calendar::{Period, Quarter, parse_date};
use folkmoot_domain::hub::{HubKind, Stage};
use folkmoot_journal::exchange::{Answer, Question};
use folkmoot_journal::{
    Author, FederationId, Genesis, HubRecord, HubState, Incarnation, LogKey, NodeId, PayloadKind, Receipt, Refusal,
    RefusalReason, Topic, encode_hub_record, encode_policy, encode_release,
};

use super::*;
use crate::error::StoreError;
use crate::hub::{ApprovedRelease, Approver, Counted, Hold, ReleaseState};

struct Federation {
    academy: Store,
    hub: Store,
}

fn author(seed: u8, incarnation: u64, federation: FederationId) -> Author {
    Author { key: Arc::new(LogKey::from_seed(&[seed; 32])), incarnation: Incarnation(incarnation), federation }
}

const ACADEMY: u8 = 1;
const PERSON: Approver = Approver::Person { uid: 1000 };
const HUB: u8 = 2;

fn federation() -> Federation {
    let academy = Store::in_memory(Role::Academy, &"Academy".parse().unwrap(), ambient()).unwrap();
    let key = Arc::new(LogKey::from_seed(&[ACADEMY; 32]));
    let genesis =
        Genesis { name: "Academy".parse().unwrap(), log_key: key.public(), ca_certificate: vec![1], tls_key: vec![2] };
    let federation = academy.journal().found(key, Incarnation(1), genesis).unwrap();
    academy.set_author(author(ACADEMY, 1, federation));
    let hub = LogKey::from_seed(&[HUB; 32]);
    let record = HubRecord {
        hub: hub.id(),
        version: 1,
        name: "Warminster".parse().unwrap(),
        log_key: hub.public(),
        tls_key: vec![3],
        address: None,
        kind: HubKind::SocialActionHub,
        region: String::new(),
        stage: Stage::Active,
        state: HubState::Enrolled,
        last_accepted: Vec::new(),
    };
    academy.journal().append(Topic::Directory, PayloadKind::HubRecord, encode_hub_record(&record)).unwrap();
    let hub = store();
    hub.journal().adopt(federation, academy.journal().directory_frames().unwrap()).unwrap();
    hub.set_author(author(HUB, 2, federation));
    Federation { academy, hub }
}

impl Federation {
    fn records(&self) -> HubStore {
        self.hub.hub().unwrap()
    }

    fn id(&self, store: &Store) -> NodeId {
        store.author().unwrap().key.id()
    }

    fn releases_topic(&self) -> Topic {
        Topic::Releases(self.id(&self.hub))
    }

    /// What the hub would release, and what it was counted from.
    fn prepared(&self, period: &str) -> (Release, Counted) {
        self.prepared_on(period, "2026-01-01", &Policy::floor())
    }

    fn prepared_on(&self, period: &str, today: &str, policy: &Policy) -> (Release, Counted) {
        let period: Period = period.parse().unwrap();
        let counted = self.records().count_with(&period).unwrap();
        let today = parse_date(today).unwrap();
        let prepared = prepare(&counted.account, &period, self.id(&self.hub).0, policy, today).unwrap();
        (prepared.release, counted)
    }

    fn approve(&self, period: &str) -> Result<ApprovedRelease, StoreError> {
        let (release, counted) = self.prepared(period);
        self.records().approve(&release, &counted, PERSON)
    }

    /// What the exchange asks for once the Academy has shown what it holds; gives how many entries that wrote.
    fn append(&self) -> u64 {
        let answer = self.hub.journal().answer(Question::AppendApproved).unwrap();
        let Answer::Appended { entries } = answer else { panic!("{answer:?}") };
        entries
    }

    /// Carries every log of releases from one node to the other; gives the receipts for them.
    fn carry(&self, from: &Store, to: &Store) -> Vec<Receipt> {
        let mut receipts = Vec::new();
        for tip in from.journal().tips(self.releases_topic()).unwrap() {
            let log = tip.log(self.releases_topic());
            let question = Question::FrameAfter { peer: self.id(to), log, after: 0, max_bytes: 1 << 18 };
            let Answer::Frame { frame: Some(frame), .. } = from.journal().answer(question).unwrap() else { panic!() };
            let keep = Question::Keep { peer: self.id(from), incarnation: None, frame };
            let Answer::Kept(kept) = to.journal().answer(keep).unwrap() else { panic!() };
            assert!(kept.refusals.is_empty(), "{:?}", kept.refusals);
            receipts.extend(kept.receipt);
        }
        receipts
    }

    fn acknowledge(&self, receipt: Receipt) {
        let question = Question::KeepReceipt { peer: self.id(&self.academy), receipt };
        assert!(matches!(self.hub.journal().answer(question).unwrap(), Answer::ReceiptKept { ok: true }));
    }

    /// The hub's folder goes back to what it was, and a new process opens it.
    fn restore(&mut self, snapshot: &[u8]) {
        let federation = self.academy.author().unwrap().federation;
        self.hub = Store::from_snapshot(snapshot, ambient()).unwrap();
        self.hub.set_author(author(HUB, 3, federation));
    }

    /// Id and state of every release.
    fn states(&self) -> Vec<(String, ReleaseState)> {
        self.records().releases().unwrap().into_iter().map(|release| (release.id, release.state)).collect()
    }
}

#[test]
fn approving_the_same_again_returns_what_stands_and_another_of_its_number_is_refused() {
    let federation = federation();
    import(&federation.records(), SMALL);
    let early = federation.prepared("2018-Q2");
    let first = federation.approve("2018-Q2").unwrap();
    assert_eq!((first.id.as_str(), &first.state), ("2018-Q2.0", &ReleaseState::Approved));
    assert_eq!((first.approved_by, first.hold), (PERSON, None));
    assert_eq!(first.payload, encode_release(&early.0));
    assert_eq!(federation.approve("2018-Q2").unwrap(), first);
    assert_eq!(federation.records().approve(&early.0, &early.1, Approver::Policy).unwrap(), first, "the same bytes");

    import(&federation.records(), &[(File::Projects, "J-2,2018-06-01,Time bank")]);
    let (revision, counted) = federation.prepared("2018-Q2");
    assert_eq!(revision.revision(), 1);
    let second = federation.records().approve(&revision, &counted, Approver::Policy).unwrap();
    assert_eq!((second.id.as_str(), second.approved_by), ("2018-Q2.1", Approver::Policy));
    // As if two people had looked before either approved.
    import(&federation.records(), &[(File::Projects, "J-3,2018-06-01,Choir")]);
    let other = federation.prepared_on("2018-Q2", "2027-07-01", &Policy::floor()).0;
    assert_eq!(other.revision(), 2);
    let refused = federation.records().approve(&other, &counted, PERSON);
    assert!(matches!(refused, Err(StoreError::LedgerChanged)));
    let (third, counted) = federation.prepared_on("2018-Q2", "2027-07-01", &Policy::floor());
    federation.records().approve(&third, &counted, PERSON).unwrap();
    import(&federation.records(), &[(File::Projects, "J-4,2018-06-01,Shed")]);
    let twin = prepare_revision(&federation, "2018-Q2", 2);
    let refused = federation.records().approve(&twin.0, &twin.1, PERSON);
    assert!(matches!(refused, Err(StoreError::ReleaseStands { id }) if id == "2018-Q2.2"));

    let standing = federation.records().standing_release(&"2018-Q2".parse().unwrap()).unwrap();
    assert_eq!(standing.unwrap().id, "2018-Q2.2");
    assert_eq!(federation.records().standing_release(&"2018-Q3".parse().unwrap()).unwrap(), None);
    // They leave in the order of their numbers.
    federation.append();
    let ids: Vec<_> = federation.states().into_iter().collect();
    assert_eq!(ids, ["2018-Q2.2", "2018-Q2.1", "2018-Q2.0"].map(|id| (id.to_owned(), ReleaseState::Sent)));
}

/// A release of a number that is taken, as a copy of this folder would make it that had not heard of the one that stands.
fn prepare_revision(federation: &Federation, period: &str, revision: u32) -> (Release, Counted) {
    let period: Period = period.parse().unwrap();
    let counted = federation.records().count().unwrap();
    let earlier = counted.account.released().iter().filter(|it| it.period == period && it.revision < revision);
    let account = Account::new(counted.account.periods().cloned(), earlier.cloned().collect());
    let today = parse_date("2027-07-01").unwrap();
    let hub = federation.id(&federation.hub).0;
    (prepare(&account, &period, hub, &Policy::floor(), today).unwrap().release, counted)
}

#[test]
fn nothing_of_a_held_period_leaves_until_it_is_resumed() {
    let federation = federation();
    import(&federation.records(), SMALL);
    let (records, period) = (federation.records(), "2018-Q2".parse::<Period>().unwrap());
    federation.approve("2018-Q2").unwrap();
    federation.approve("2018/19").unwrap();
    let hold = records.hold(&period, 7).unwrap();
    assert_eq!(records.hold(&period, 8).unwrap(), hold, "the hold that stands");
    assert_eq!(records.holds().unwrap(), [(period.clone(), hold)]);
    assert_eq!(hold.by, 7);

    assert_eq!(federation.hub.journal().waiting().unwrap().releases, 1);
    federation.append();
    let holds = |federation: &Federation| -> Vec<(String, Option<Hold>)> {
        federation.records().releases().unwrap().into_iter().map(|release| (release.id, release.hold)).collect()
    };
    assert_eq!(holds(&federation), [("2018-19.0".to_owned(), None), ("2018-Q2.0".to_owned(), Some(hold))]);
    assert_eq!(federation.states()[1].1, ReleaseState::Approved);

    // The hub's own policy does not lift what a person holds.
    let (release, counted) = federation.prepared("2018-Q2");
    assert_eq!(records.approve(&release, &counted, Approver::Policy).unwrap().hold, Some(hold));
    assert_eq!(records.resume(&period, 7).unwrap(), Some(hold));
    assert_eq!(records.resume(&period, 7).unwrap(), None);
    assert_eq!(federation.append(), 1);

    let period: Period = "2018-Q3".parse().unwrap();
    records.hold(&period, 7).unwrap();
    assert_eq!(federation.approve("2018-Q3").unwrap().hold, None, "who approves lifts the hold");
    assert_eq!(records.holds().unwrap(), []);
    assert_eq!(federation.append(), 1);
}

#[test]
fn what_waits_when_a_stricter_policy_comes_into_force_never_leaves() {
    let federation = federation();
    import(&federation.records(), SMALL);
    federation.approve("2018-Q2").unwrap();
    let terms = Terms { threshold: 12, special_threshold: 12, ..Terms::FLOOR };
    let record = PolicyRecord { version: 2, from: "2018-Q1".parse().map(quarter).unwrap(), terms };
    let academy = &federation.academy;
    academy.journal().append(Topic::Directory, PayloadKind::PolicyRecord, encode_policy(&record)).unwrap();
    let mut log = academy.journal().tips(Topic::Directory).unwrap()[0].log(Topic::Directory);
    log.author = federation.id(academy);
    let question = Question::FrameAfter { peer: federation.id(&federation.hub), log, after: 2, max_bytes: 1 << 18 };
    let Answer::Frame { frame: Some(frame), .. } = academy.journal().answer(question).unwrap() else { panic!() };
    let keep = Question::Keep { peer: federation.id(academy), incarnation: None, frame };
    assert!(matches!(federation.hub.journal().answer(keep).unwrap(), Answer::Kept(_)));

    assert_eq!(federation.hub.journal().waiting().unwrap().releases, 0);
    assert_eq!(federation.append(), 0);
    let policy = federation.hub.journal().directory().policies().latest();
    let (release, counted) = federation.prepared_on("2018-Q2", "2026-01-01", &policy);
    assert_eq!((release.revision(), release.policy_version()), (0, 2));
    let approved = federation.records().approve(&release, &counted, PERSON).unwrap();
    federation.append();
    assert_eq!(federation.states(), [("2018-Q2.0".to_owned(), ReleaseState::Sent)]);
    assert_eq!(federation.records().release("2018-Q2.0").unwrap().unwrap().payload, approved.payload);
}

fn quarter(period: Period) -> Quarter {
    let Period::Quarter(quarter) = period else { panic!("{period}") };
    quarter
}

#[test]
fn releases_are_listed_the_latest_first_and_found_by_id() {
    let federation = federation();
    track(&federation.records(), &programme("COEP", "2017-04-01", "2020-03-31"));
    for period in ["2018-Q2", "2018/19", "programme/COEP"] {
        federation.approve(period).unwrap();
    }
    let ids: Vec<_> = federation.states().into_iter().map(|(id, _)| id).collect();
    assert_eq!(ids, ["programme-COEP.0", "2018-19.0", "2018-Q2.0"]);
    for id in ids {
        assert_eq!(federation.records().release(&id).unwrap().unwrap().id, id);
    }
    assert_eq!(federation.records().release("2018-Q3.0").unwrap(), None);
}

#[test]
fn what_left_is_listed_although_another_stands() {
    let federation = federation();
    import(&federation.records(), SMALL);
    let first = federation.approve("2018-Q2").unwrap();
    federation.append();
    // As if a copy of this folder had sent another release of the period, which a peer hands back.
    let mut cursor = federation.hub.journal().tips(federation.releases_topic()).unwrap()[0];
    cursor.incarnation = Incarnation(cursor.incarnation.0 + 1);
    import(&federation.records(), &[(File::Projects, "J-2,2018-06-01,Time bank")]);
    let other = encode_release(&prepare_revision(&federation, "2018-Q2", 0).0);
    let payload = other.clone();
    federation.hub.write("recover", move |tx| super::super::release::recover_release(tx, &cursor, &payload)).unwrap();

    let ids: Vec<_> = federation.states().into_iter().map(|(id, _)| id).collect();
    assert_eq!(ids, ["2018-Q2.0.2", "2018-Q2.0"]);
    let records = federation.records();
    assert_eq!(records.release("2018-Q2.0.2").unwrap().unwrap().payload, other);
    assert_eq!(records.release("2018-Q2.0").unwrap().unwrap().payload, first.payload);
    assert_eq!(records.standing_release(&"2018-Q2".parse().unwrap()).unwrap().unwrap().id, "2018-Q2.0");
}

#[test]
fn a_release_is_sent_once_and_acknowledged() {
    let federation = federation();
    import(&federation.records(), SMALL);
    federation.approve("2018-Q2").unwrap();
    assert_eq!(federation.append(), 2, "the opening and the release");
    assert_eq!(federation.append(), 0);
    assert_eq!(federation.states(), [("2018-Q2.0".to_owned(), ReleaseState::Sent)]);

    let receipts = federation.carry(&federation.hub, &federation.academy);
    let minute = receipts[0].proof.as_ref().expect("signed for the author").minute;
    federation.acknowledge(receipts[0].clone());
    assert_eq!(federation.states(), [("2018-Q2.0".to_owned(), ReleaseState::Acknowledged { minute })]);

    // One more waits behind it, not covered by the receipt.
    federation.approve("2018-Q3").unwrap();
    assert_eq!(federation.append(), 1);
    assert_eq!(federation.states()[0], ("2018-Q3.0".to_owned(), ReleaseState::Sent));
}

#[test]
fn a_release_that_the_academy_set_aside_says_why() {
    let federation = federation();
    federation.approve("2018-Q2").unwrap();
    federation.append();
    let topic = federation.releases_topic();
    let held = federation.hub.journal().tips(topic).unwrap()[0];
    let academy = federation.academy.author().unwrap();
    federation.acknowledge(Receipt::sign(&academy, topic, held, vec![2], 77));
    let unexplained = ReleaseState::SetAside { minute: 77, reason: "the Academy has not said why yet".to_owned() };
    assert_eq!(federation.states()[0].1, unexplained);

    let detail = "the period has not ended".to_owned();
    let refusal =
        Refusal { topic, entry: held, reason: RefusalReason::ReleaseCalendar, detail: detail.clone(), set_aside: true };
    let peer = federation.id(&federation.academy);
    federation.hub.journal().answer(Question::KeepRefusal { peer, refusal }).unwrap();
    assert_eq!(federation.states()[0].1, ReleaseState::SetAside { minute: 77, reason: detail });
}

#[test]
fn what_a_restored_folder_had_lost_comes_back_and_stands() {
    // Whether the figures that the restored hub approves are the same as those it sent before.
    for same in [true, false] {
        let mut federation = federation();
        import(&federation.records(), SMALL);
        let before = federation.hub.snapshot().unwrap();
        let sent = federation.approve("2018-Q2").unwrap();
        federation.append();
        federation.carry(&federation.hub, &federation.academy);

        federation.restore(&before);
        assert_eq!(federation.states(), []);
        if !same {
            import(&federation.records(), &[(File::Projects, "J-2,2018-06-01,Time bank")]);
        }
        let waiting = federation.approve("2018-Q2").unwrap();
        assert_eq!(waiting.payload == sent.payload, same);

        let receipts = federation.carry(&federation.academy, &federation.hub);
        assert_eq!(receipts.len(), 1);
        assert_eq!(federation.states(), [("2018-Q2.0".to_owned(), ReleaseState::Sent)]);
        let standing = federation.records().release("2018-Q2.0").unwrap().unwrap();
        assert_eq!(standing.payload, sent.payload);
        assert_eq!(federation.append(), 0, "nothing is released twice");
        // The same again, as after a lost connection, changes nothing.
        federation.carry(&federation.academy, &federation.hub);
        assert_eq!(federation.states().len(), 1);
        // The one that waited is kept.
        let kept: i64 = federation
            .hub
            .read("count", |connection| Ok(connection.query_row("SELECT count(*) FROM release", [], |row| row.get(0))?))
            .unwrap();
        assert_eq!(kept, if same { 1 } else { 2 });
        let recovered = federation.records().release("2018-Q2.0").unwrap().unwrap();
        assert_eq!(recovered.approved_by, if same { PERSON } else { Approver::Unrecorded });
        assert_eq!(federation.approve("2018-Q2").unwrap().revision, u32::from(!same));
    }
}
