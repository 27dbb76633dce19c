//! Bytes made to harm: each is refused before it can, and takes nothing else down.

use std::panic::catch_unwind;
use std::sync::LazyLock;

use automerge::legacy::{ElementId, Key, ObjectId, OpId, OpType};
use automerge::{Automerge, Change, ExpandedChange, ObjType, ReadDoc, ScalarValue};
use proptest::prelude::*;

use super::bytes::*;
use super::*;

const FIRST: [u8; 16] = *b"folkmoot/first/1";

const KEY_ACTOR: u64 = 0x11;
const KEY_COUNTER: u64 = 0x13;
const OBJECT_COUNTER: u64 = 0x02;
const VALUE_LENGTHS: u64 = 0x56;
const OVERWRITTEN: u64 = 0x70;

/// The parts of a change's bytes, to be changed one by one.
#[derive(Clone)]
struct Parts {
    /// All before the columns.
    head: Vec<u8>,
    columns: Vec<(u64, Vec<u8>)>,
    tail: Vec<u8>,
}

impl Parts {
    fn of(change: &[u8]) -> Self {
        let mut at = 9;
        let number = |at: &mut usize| number(change, at);
        number(&mut at);
        let start = at;
        at += 32 * number(&mut at);
        let skip = |at: &mut usize| *at += number(at);
        skip(&mut at); // actor
        (0..3).for_each(|_| _ = number(&mut at)); // sequence, first operation, time
        skip(&mut at); // message
        (0..number(&mut at)).for_each(|_| skip(&mut at)); // other actors
        let head = change[start..at].to_vec();
        let lengths: Vec<(u64, usize)> =
            (0..number(&mut at)).map(|_| (number(&mut at) as u64, number(&mut at))).collect();
        let mut columns = Vec::new();
        for (column, length) in lengths {
            columns.push((column, change[at..at + length].to_vec()));
            at += length;
        }
        Self { head, columns, tail: change[at..].to_vec() }
    }

    fn content(&self) -> Vec<u8> {
        let mut content = self.head.clone();
        content.extend(unsigned(self.columns.len() as u64));
        for (column, data) in &self.columns {
            content.extend(unsigned(*column));
            content.extend(unsigned(data.len() as u64));
        }
        self.columns.iter().for_each(|(_, data)| content.extend(data));
        content.extend(&self.tail);
        content
    }

    fn bytes(&self) -> Vec<u8> {
        chunk(1, &self.content())
    }

    fn with(&self, column: u64, data: &[u8]) -> Vec<u8> {
        let mut parts = self.clone();
        parts.columns.retain(|(known, _)| *known != column);
        parts.columns.push((column, data.to_vec()));
        parts.columns.sort_by_key(|(column, _)| *column);
        parts.bytes()
    }
}

/// A change that makes a list and inserts `count` nulls into it, whose length hardly depends on the count.
pub(super) fn bomb(actor: &[u8], count: i64) -> Vec<u8> {
    let (nulls, all) = (signed(count), signed(count + 1));
    let mut head = vec![0, actor.len() as u8];
    head.extend(actor);
    head.extend([1, 1, 0, 0, 0]); // sequence, first operation, time, message, other actors
    let parts = Parts {
        head,
        columns: vec![
            (0x01, [&[0, 1][..], &nulls, &[0]].concat()),
            (OBJECT_COUNTER, [&[0, 1][..], &nulls, &[1]].concat()),
            (0x11, [&[0, 2][..], &signed(count - 1), &[0]].concat()),
            (KEY_COUNTER, [&[0, 1, 0x7e, 0, 2][..], &signed(count - 2), &[1]].concat()),
            (KEY, [&[0x7f, 1, b'l', 0][..], &unsigned(count as u64)].concat()),
            (INSERT, [&[1][..], &unsigned(count as u64)].concat()),
            (ACTION, [&[0x7f, 2][..], &nulls, &[1]].concat()),
            (VALUE_LENGTHS, [&all[..], &[0]].concat()),
            (OVERWRITTEN, [&all[..], &[0]].concat()),
        ],
        tail: Vec::new(),
    };
    parts.bytes()
}

fn refused(fault: ChangeFault) -> Verdict {
    Verdict::Refused(Refused { change: 0, fault })
}

pub(super) fn note() -> Vec<u8> {
    edited(&mut Campaign::blank(), WARMINSTER, Edit::AppendNotes("a longer note, to have bytes".into()))
}

fn check(case: &str, change: Vec<u8>, fault: ChangeFault) {
    let mut campaign = Campaign::blank();
    assert_eq!(admit(&mut campaign, WARMINSTER.node, &[change]), refused(fault), "{case}");
    assert_eq!(campaign.snapshot(), Campaign::blank().snapshot(), "{case}");
}

#[test]
fn what_these_tests_write_is_what_the_library_writes() {
    let sound = note();
    assert_eq!(Parts::of(&sound).bytes(), sound);
    let mut document = Automerge::new();
    document.apply_changes([Change::from_bytes(bomb(&[1; 16], 100)).expect("a change")]).expect("a list of nulls");
    assert_eq!(document.get_heads().len(), 1);
}

#[test]
fn a_bomb_of_112_bytes_with_a_million_nulls_is_refused_before_it_is_parsed() {
    let change = bomb(&[1; 16], 1 << 20);
    assert!(change.len() <= 112, "{}", change.len());
    check("a million nulls", change, ChangeFault::TooManyOperations);
    let most = MAX_OPERATIONS as i64;
    check("one too many", bomb(&WARMINSTER.bytes(), most), ChangeFault::TooManyOperations);
    check("as many as may be, and parsed", bomb(&WARMINSTER.bytes(), most - 1), ChangeFault::Numbering);
}

#[test]
fn a_change_of_125_bytes_that_holds_the_parser_is_refused_before_it_is_parsed() {
    let change = bomb(&[1; 16], 1 << 28);
    assert!(change.len() <= 125, "{}", change.len());
    check("256 Mi operations", change, ChangeFault::TooManyOperations);
    for power in [40, 61, 62] {
        check("more than could ever be", bomb(&[1; 16], 1 << power), ChangeFault::TooManyOperations);
    }
}

/// A change that inserts `count` entries into the list, and nothing into them.
fn empty_entries(count: i64) -> Vec<u8> {
    let mut document = blank_document(WARMINSTER);
    document
        .transact::<_, _, AutomergeError>(|tx| {
            let (_, list) = tx.get(ROOT, "organisations")?.expect("a list");
            (0..4).try_for_each(|at| tx.insert_object(&list, at, ObjType::Map).map(drop))
        })
        .expect("a change");
    let mut parts = Parts::of(document.get_last_local_change().expect("a change").raw_bytes());
    for (column, data) in &mut parts.columns {
        match *column {
            // The first, which is operation 15, stands at the head, and each other one after the one before it.
            KEY_ACTOR => *data = [&[0, 1][..], &signed(count - 1), &[0]].concat(),
            KEY_COUNTER => *data = [&[0x7e, 0, FIRST_OF_MEMBERS as u8][..], &signed(count - 2), &[1]].concat(),
            INSERT => *data = [&[0][..], &unsigned(count as u64)].concat(),
            _ => {
                let value = *data.last().expect("a run");
                *data = [&signed(count)[..], &[value]].concat();
            }
        }
    }
    parts.bytes()
}

#[test]
fn objects_by_the_thousand_in_a_few_bytes_are_refused() {
    let most = MAX_ENTRY_OBJECTS as i64;
    let change = empty_entries(most);
    assert!(change.len() < 180, "{}", change.len());
    assert_eq!(admit(&mut Campaign::blank(), WARMINSTER.node, &[change]), Verdict::Admitted);
    check("one too many", empty_entries(most + 1), ChangeFault::EntryTooLarge);
    check("as many as operations may be", empty_entries(MAX_OPERATIONS as i64), ChangeFault::EntryTooLarge);
}

#[test]
fn an_entry_of_many_changes_with_many_operations_is_refused_at_the_one_that_is_too_much() {
    let mut document = blank_document(WARMINSTER);
    let mut change = |length: usize| {
        document
            .transact::<_, _, AutomergeError>(|tx| {
                let (_, notes) = tx.get(ROOT, "notes")?.expect("notes");
                tx.splice_text(&notes, 0, 0, &"a".repeat(length))
            })
            .expect("a change");
        document.get_last_local_change().expect("a change").raw_bytes().to_vec()
    };
    let most = MAX_OPERATIONS as usize;
    let mut changes = vec![change(most), change(MAX_ENTRY_OPERATIONS - most), change(1)];
    let fault = Refused { change: 2, fault: ChangeFault::EntryTooLarge };
    assert_eq!(admit(&mut Campaign::blank(), WARMINSTER.node, &changes), Verdict::Refused(fault));
    changes.pop();
    assert_eq!(admit(&mut Campaign::blank(), WARMINSTER.node, &changes), Verdict::Admitted);
}

#[test]
fn columns_that_lie_are_refused() {
    let sound = Parts::of(&note());
    let length = 28;
    let many = 1i64 << 40;
    let run = |count: i64, value: &[u8]| [&signed(count)[..], value].concat();
    let cases: &[(&str, u64, Vec<u8>, ChangeFault)] = &[
        ("an action column shorter than the others", ACTION, run(length - 1, &[1]), ChangeFault::Malformed),
        ("an action column longer than the others", ACTION, run(length + 1, &[1]), ChangeFault::Malformed),
        ("an empty action column", ACTION, vec![], ChangeFault::Operation),
        ("no such action", ACTION, run(length, &[9]), ChangeFault::Malformed),
        ("a literal run longer than its bytes", ACTION, signed(i64::MIN), ChangeFault::Malformed),
        ("a literal run of keys longer than its bytes", KEY, signed(-many), ChangeFault::Malformed),
        ("a key longer than its bytes", KEY, [&[0x7f][..], &unsigned(1 << 50)].concat(), ChangeFault::Malformed),
        ("a run of keys without end", KEY, [&[0][..], &unsigned(1 << 60)].concat(), ChangeFault::TooManyOperations),
        ("booleans without end", INSERT, unsigned(1 << 40), ChangeFault::TooManyOperations),
        ("booleans in many runs", INSERT, [0xff, 0xff, 3].repeat(1_000), ChangeFault::TooManyOperations),
        ("objects without end", OBJECT_COUNTER, run(many, &[5]), ChangeFault::TooManyOperations),
        ("a value longer than its bytes", VALUE_LENGTHS, run(length, &unsigned(1 << 54 | 6)), ChangeFault::Malformed),
        ("values of unknown type", VALUE_LENGTHS, run(length, &unsigned(0x1f)), ChangeFault::Operation),
        ("overwrites without end", OVERWRITTEN, run(length, &unsigned(1 << 40)), ChangeFault::Malformed),
        ("a deflated column", ACTION | DEFLATED, run(length, &[1]), ChangeFault::Malformed),
        ("a column that no change has", 0x1f2, run(length, &[1]), ChangeFault::Malformed),
        ("a number of 11 bytes", ACTION, vec![0xff; 11], ChangeFault::Malformed),
    ];
    for (case, column, data, fault) in cases {
        check(case, sound.with(*column, data), *fault);
    }
    let mut twice = sound.clone();
    twice.columns.push(sound.columns[0].clone());
    check("a column twice", twice.bytes(), ChangeFault::Malformed);
    let mut longer = sound.clone();
    longer.tail = b"07700 900000".to_vec();
    check("bytes after the columns", longer.bytes(), ChangeFault::ExtraBytes);
}

#[test]
fn bytes_that_are_not_one_change_are_refused() {
    let sound = note();
    let mut false_checksum = sound.clone();
    false_checksum[4] ^= 1;
    let cases = [
        ("nothing", Vec::new(), ChangeFault::Malformed),
        ("a document", Campaign::blank().export(), ChangeFault::Malformed),
        ("two changes", [sound.clone(), sound.clone()].concat(), ChangeFault::Malformed),
        ("cut short", sound[..sound.len() - 1].to_vec(), ChangeFault::Malformed),
        ("another checksum", false_checksum, ChangeFault::Malformed),
        ("too large", vec![0; MAX_CHANGE_BYTES + 1], ChangeFault::TooLarge),
    ];
    for (case, bytes, fault) in cases {
        check(case, bytes, fault);
    }
}

#[test]
fn a_compressed_change_that_inflates_nine_hundred_times_is_refused() {
    let inflating = |tail: usize| {
        let mut parts = Parts::of(&note());
        parts.tail = vec![0; tail];
        let content = parts.content();
        let mut bytes = chunk(2, &deflated(&content));
        bytes[4..8].copy_from_slice(&chunk(1, &content)[4..8]);
        bytes
    };
    let bytes = inflating(64 << 20);
    assert!((64 << 20) / bytes.len() > 900);
    check("64 MiB of zeros", bytes, ChangeFault::TooLarge);
    check("zeros within the limit", inflating(MAX_CHANGE_BYTES / 2), ChangeFault::ExtraBytes);
    assert_eq!(admit(&mut Campaign::blank(), WARMINSTER.node, &[inflating(0)]), Verdict::Admitted);
}

#[test]
fn a_truncated_log_or_snapshot_does_not_load_as_an_empty_campaign() {
    let mut campaign = Campaign::blank();
    for number in 0..200 {
        edited(&mut campaign, WARMINSTER, Edit::AppendNotes(format!("note {number} ")));
    }
    let (snapshot, heads) = campaign.snapshot();
    let log: Vec<u8> = campaign.changes().into_iter().flat_map(|(_, change)| change).collect();
    let mut told = Automerge::new();
    assert!(told.load_incremental(&log[..log.len() - 1]).is_ok(), "the library does not tell");
    assert!(told.get_heads().is_empty(), "and has none of the 200 changes");
    for (case, bytes) in [("log", log), ("snapshot", snapshot.clone())] {
        for length in [0, 1, bytes.len() / 2, bytes.len() - 1] {
            let loaded = Campaign::load(&bytes[..length], &heads).map(|_| ());
            assert_eq!(loaded, Err(CampaignError::Damaged), "{length} bytes of the {case}");
        }
    }
    let blank = Campaign::blank().snapshot();
    assert_eq!(Campaign::load(&blank.0, &heads).map(|_| ()), Err(CampaignError::Damaged));
    assert_eq!(Campaign::load(&snapshot, &blank.1).map(|_| ()), Err(CampaignError::Damaged));
    assert_eq!(Campaign::load(b"not a document", &[]).map(|_| ()), Err(CampaignError::Damaged));
    assert_eq!(Campaign::load(&[], &[]).map(|_| ()), Err(CampaignError::Damaged));
    let again = Campaign::load(&snapshot, &heads).expect("a whole snapshot");
    assert_eq!(again.view(), campaign.view());
}

#[test]
fn changes_on_which_the_library_panics_are_refused_before_it_applies_them() {
    let mut panics = 0;
    let sound = note();
    for at in 8..sound.len() {
        let mut change = sound.clone();
        change[at] = if sound[at] == 0 { 1 } else { 0 };
        mend_checksum(&mut change);
        let bare = catch_unwind(|| {
            let mut document = Automerge::load(&Campaign::blank().export()).expect("a blank document");
            let _ = document.apply_changes([Change::from_bytes(change.clone()).ok()?]);
            Some(document.save())
        });
        panics += usize::from(bare.is_err());
        let verdict = admit(&mut Campaign::blank(), WARMINSTER.node, &[change]);
        assert_ne!(verdict, refused(ChangeFault::Breaking), "byte {at}");
        assert!(bare.is_ok() || matches!(verdict, Verdict::Refused(_)), "byte {at}: {verdict:?}");
    }
    assert!(panics > 0, "no byte of this change panics the library any more: find another");
}

/// A change, and the campaign that it builds on.
struct Kind {
    snapshot: (Vec<u8>, Vec<[u8; 32]>),
    actor: Actor,
    change: Vec<u8>,
}

static KINDS: LazyLock<Vec<Kind>> = LazyLock::new(kinds);

fn kinds() -> Vec<Kind> {
    let mut campaign = started();
    let edits = [
        (LUTON, Edit::AppendNotes("Leaflets 🖨 printed, and tea made. ".into())),
        (WARMINSTER, Edit::SignUp { organisation: "Library".into(), date: None }),
        (LUTON, Edit::Aim("A databank".into())),
        (WARMINSTER, Edit::AppendNotes("Met the council. ".into())),
        (LUTON, mark(0, 8, true)),
        (WARMINSTER, mark(2, 5, false)),
        (LUTON, Edit::Add(task("Leaflets"))),
        (WARMINSTER, reach(40)),
        (WARMINSTER, reach(2)),
    ];
    let mut kinds = Vec::new();
    for (actor, edit) in edits {
        let snapshot = campaign.snapshot();
        kinds.push(Kind { snapshot, actor, change: edited(&mut campaign, actor, edit) });
    }
    let options = automerge::LoadOptions::new().text_encoding(automerge::TextEncoding::Utf16CodeUnit);
    let document = Automerge::load_with_options(&campaign.export(), options).expect("its own export");
    type Work = fn(&mut automerge::transaction::Transaction<'_>) -> Result<(), AutomergeError>;
    let works: [Work; 3] = [
        |tx| {
            let (_, notes) = tx.get(ROOT, "notes")?.expect("notes");
            tx.splice_text(&notes, 4, 7, "")
        },
        |tx| {
            let (_, list) = tx.get(ROOT, "organisations")?.expect("a list");
            tx.delete(&list, 0)
        },
        |tx| {
            let text = tx.put_object(ROOT, "aim", ObjType::Text)?;
            tx.splice_text(&text, 0, 0, "Wi-Fi")
        },
    ];
    for work in works {
        let mut writer = document.clone().with_actor(ActorId::from(&LUTON.bytes()[..]));
        writer.transact(work).expect("a change");
        let change = writer.get_last_local_change().expect("a change").raw_bytes().to_vec();
        kinds.push(Kind { snapshot: campaign.snapshot(), actor: LUTON, change });
    }
    kinds
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn a_mutated_change_with_a_mended_checksum_harms_neither_the_campaign_nor_its_neighbours(
        kind in any::<prop::sample::Index>(),
        edits in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let Kind { snapshot: (before, heads), actor, change } = &KINDS[kind.index(KINDS.len())];
        let load = || Campaign::load(before, heads).expect("its own snapshot");
        let (mut campaign, mut change) = (load(), change.clone());
        for (at, byte) in edits {
            let at = 9 + at.index(change.len() - 9);
            change[at] = byte;
        }
        mend_checksum(&mut change);
        let bystander = Actor { node: [3; 32], incarnation: 1 };
        let sound = edited(&mut load(), bystander, Edit::AppendNotes("sound".into()));
        let verdicts = campaign.admit_all(&[
            Submission { author: actor.node, changes: vec![change], late: false },
            Submission { author: bystander.node, changes: vec![sound.clone()], late: false },
        ]);
        prop_assert_eq!(&verdicts[1], &Verdict::Admitted);
        if verdicts[0] != Verdict::Admitted {
            let mut alone = load();
            prop_assert_eq!(admit(&mut alone, bystander.node, &[sound]), Verdict::Admitted);
            prop_assert_eq!(campaign.snapshot(), alone.snapshot());
        }
        prop_assert_eq!(campaign.copy().view(), campaign.view());
    }
}

const KEYS: [&str; 8] = ["title", "aim", "organisation", "hub", "notes", "state", "reach", COUNTER];
/// The key of Warminster's counter.
const COUNTER: &str = "2018-10/0101010101010101010101010101010101010101010101010101010101010101";

fn mark_begin() -> OpType {
    OpType::MarkBegin(automerge::legacy::MarkData { name: "em".into(), value: true.into(), expand: false })
}

/// Forges one operation of a change: what it is done to, where, what, and what it overwrites.
fn forge(change: &mut ExpandedChange, (which, part, number, other): (prop::sample::Index, u8, u64, bool)) {
    let actor = if other { ActorId::from(&FIRST[..]) } else { change.actor_id.clone() };
    let id = || OpId::new(number, &actor);
    let which = which.index(change.operations.len());
    let operation = &mut change.operations[which];
    match part {
        0 => operation.obj = ObjectId::Id(id()),
        1 => operation.obj = ObjectId::Root,
        2 => operation.key = Key::Seq(ElementId::Id(id())),
        3 => operation.key = Key::Seq(ElementId::Head),
        4 => operation.key = Key::Map(KEYS[number as usize % KEYS.len()].into()),
        5 => operation.pred = vec![id()].into(),
        6 => operation.pred = operation.pred.iter().cloned().chain([id()]).collect(),
        7 => operation.pred = Vec::new().into(),
        8 => operation.insert = !operation.insert,
        9 => operation.action = OpType::Delete,
        10 => operation.action = OpType::Put("y".into()),
        11 => operation.action = OpType::Make(ObjType::Map),
        12 => operation.action = OpType::Make(ObjType::Text),
        13 => operation.action = OpType::Increment(1),
        14 => operation.action = OpType::Put(ScalarValue::counter(number as i64)),
        15 => operation.action = OpType::MarkEnd(other),
        16 => operation.action = mark_begin(),
        17 => {
            operation.key = Key::Seq(ElementId::Id(id()));
            operation.pred = vec![id()].into();
        }
        _ => {
            let copy = operation.clone();
            change.operations.push(copy);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn a_change_with_forged_operations_is_refused_or_leaves_a_whole_campaign(
        kind in any::<prop::sample::Index>(),
        forgeries in proptest::collection::vec((any::<prop::sample::Index>(), 0u8..19, 1u64..110, any::<bool>()), 1..4),
    ) {
        let Kind { snapshot: (before, heads), actor, change } = &KINDS[kind.index(KINDS.len())];
        let mut campaign = Campaign::load(before, heads).expect("its own snapshot");
        let mut forged = Change::from_bytes(change.clone()).expect("a change").decode();
        forgeries.into_iter().for_each(|forgery| forge(&mut forged, forgery));
        // That a mark ends before it begins shows only in the document.
        let marks = forged.operations.iter().any(|it| matches!(it.action, OpType::MarkBegin(_) | OpType::MarkEnd(_)));
        let bytes = Change::from(forged).raw_bytes().to_vec();
        let verdict = admit(&mut campaign, actor.node, &[bytes]);
        prop_assert!(marks || verdict != refused(ChangeFault::Breaking), "{:?}", verdict);
        if verdict != Verdict::Admitted {
            prop_assert_eq!(&campaign.snapshot().1, heads);
        }
        prop_assert_eq!(campaign.copy().view(), campaign.view());
    }
}
