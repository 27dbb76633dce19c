//! Documents made to harm: each is refused before it can.

use proptest::prelude::*;

use super::bytes::*;
use super::poison::{bomb, note};
use super::*;

const ACTOR: u64 = 0x01;
const LAST_OPERATION: u64 = 0x13;
const BUILDS_ON: u64 = 0x40;
const OVERWRITTEN_BY: u64 = 0x80;

/// The parts of a document's bytes, to be changed one by one.
#[derive(Clone)]
struct Parts {
    /// Actors and heads.
    head: Vec<u8>,
    changes: Vec<(u64, Vec<u8>)>,
    operations: Vec<(u64, Vec<u8>)>,
    tail: Vec<u8>,
}

impl Parts {
    fn of(document: &[u8]) -> Self {
        let mut at = 9;
        number(document, &mut at);
        let start = at;
        for _ in 0..number(document, &mut at) {
            at += number(document, &mut at);
        }
        at += 32 * number(document, &mut at);
        let head = document[start..at].to_vec();
        let lengths = |at: &mut usize| -> Vec<(u64, usize)> {
            (0..number(document, at)).map(|_| (number(document, at) as u64, number(document, at))).collect()
        };
        let (changes, operations) = (lengths(&mut at), lengths(&mut at));
        let mut cut = |columns: Vec<(u64, usize)>| -> Vec<(u64, Vec<u8>)> {
            let cut = |(column, length)| {
                at += length;
                (column, document[at - length..at].to_vec())
            };
            columns.into_iter().map(cut).collect()
        };
        let (changes, operations) = (cut(changes), cut(operations));
        Self { head, changes, operations, tail: document[at..].to_vec() }
    }

    fn bytes(&self) -> Vec<u8> {
        let mut content = self.head.clone();
        for columns in [&self.changes, &self.operations] {
            content.extend(unsigned(columns.len() as u64));
            for (column, data) in columns {
                content.extend(unsigned(*column));
                content.extend(unsigned(data.len() as u64));
            }
        }
        self.changes.iter().chain(&self.operations).for_each(|(_, data)| content.extend(data));
        content.extend(&self.tail);
        chunk(0, &content)
    }

    fn with(&self, of: impl Fn(&mut Self) -> &mut Vec<(u64, Vec<u8>)>, column: u64, data: &[u8]) -> Vec<u8> {
        let mut parts = self.clone();
        let columns = of(&mut parts);
        columns.retain(|(known, _)| known & !DEFLATED != column & !DEFLATED);
        columns.push((column, data.to_vec()));
        columns.sort_by_key(|(column, _)| column & !DEFLATED);
        parts.bytes()
    }

    fn with_changes(&self, column: u64, data: &[u8]) -> Vec<u8> {
        self.with(|parts| &mut parts.changes, column, data)
    }

    fn with_operations(&self, column: u64, data: &[u8]) -> Vec<u8> {
        self.with(|parts| &mut parts.operations, column, data)
    }
}

fn sound() -> (Vec<u8>, Vec<[u8; 32]>) {
    let mut campaign = started();
    for number in 0..3 {
        edited(&mut campaign, LUTON, Edit::AppendNotes(format!("note {number} ")));
    }
    edited(&mut campaign, WARMINSTER, Edit::Write { prose: Prose::Notes, at: 0, delete: 4, insert: "Note".into() });
    campaign.snapshot()
}

#[track_caller]
fn check(case: &str, document: &[u8], fault: Option<SnapshotFault>) {
    let heads = sound().1;
    assert_eq!(check_snapshot(document).err(), fault, "{case}");
    assert_eq!(Campaign::load(document, &heads).map(|_| ()), Err(CampaignError::Damaged), "{case}");
    assert_eq!(snapshot_changes(document, &heads), None, "{case}");
}

#[test]
fn what_these_tests_write_is_what_the_library_saves() {
    let (document, heads) = sound();
    let parts = Parts::of(&document);
    assert_eq!(parts.bytes(), document);
    let (_, action) = parts.operations.iter().find(|(column, _)| *column == ACTION).expect("a column");
    let same = parts.with_operations(ACTION | DEFLATED, &deflated(action));
    assert!(Campaign::load(&same, &heads).is_ok() && snapshot_changes(&same, &heads).is_some());
}

#[test]
fn a_document_knows_what_it_is_saved_as() {
    let (document, heads) = sound();
    let campaign = Campaign::load(&document, &heads).expect("its own snapshot");
    let mut entry_by_entry = Campaign::blank();
    for (author, change) in campaign.changes() {
        assert_eq!(admit(&mut entry_by_entry, author, &[change]), Verdict::Admitted);
    }
    assert!(campaign.is_saved_as(&document, &heads) && entry_by_entry.is_saved_as(&document, &heads));

    let parts = Parts::of(&document);
    let (_, action) = parts.operations.iter().find(|(column, _)| *column == ACTION).expect("a column");
    let otherwise = parts.with_operations(ACTION | DEFLATED, &deflated(action));
    assert!(!campaign.is_saved_as(&otherwise, &heads), "the same in other bytes");
    assert!(!campaign.is_saved_as(&document, &[[7; 32]]), "other heads than its own");
    edited(&mut entry_by_entry, LUTON, Edit::Aim("A databank".into()));
    assert!(!entry_by_entry.is_saved_as(&document, &heads), "an earlier version");
}

#[test]
fn documents_that_ask_for_too_much_are_refused_before_they_are_parsed() {
    use SnapshotFault::{TooLarge, TooMany};
    let sound = Parts::of(&sound().0);
    let run = |count: i64, value: &[u8]| [&signed(count)[..], value].concat();
    let many = 1i64 << 40;
    let zeros = deflated(&vec![0; 64 << 20]);
    assert!(zeros.len() < 80 << 10);
    let operations: &[(&str, u64, Vec<u8>, SnapshotFault)] = &[
        ("operations without end", ACTION, run(many, &[1]), TooMany),
        ("one too many", ACTION, run(MAX_SNAPSHOT_OPERATIONS as i64 + 1, &[1]), TooMany),
        ("one object too many", ACTION, run(MAX_SNAPSHOT_OBJECTS as i64 + 1, &[0]), TooMany),
        ("objects in many runs", ACTION, [signed(400), vec![4], signed(-2), vec![2, 6]].concat().repeat(200), TooMany),
        ("a run of keys without end", KEY, [&[0][..], &unsigned(1 << 60)].concat(), TooMany),
        ("booleans without end", INSERT, unsigned(1 << 40), TooMany),
        ("an operation that is written over for ever", OVERWRITTEN_BY, run(1, &unsigned(1 << 60)), TooMany),
        ("many that are written over often", OVERWRITTEN_BY, run(1_000, &unsigned(201)), TooMany),
        ("a deflated column of 64 MiB", ACTION | DEFLATED, zeros.clone(), TooLarge),
        ("a column of its own that is deflated", 0x1f7 | DEFLATED, zeros.clone(), TooLarge),
    ];
    for (case, column, data, fault) in operations {
        check(case, &sound.with_operations(*column, data), Some(*fault));
    }
    let changes: &[(&str, u64, Vec<u8>, SnapshotFault)] = &[
        ("changes without end", ACTOR, run(many, &[0]), TooMany),
        ("one change too many", ACTOR, run(MAX_SNAPSHOT_CHANGES as i64 + 1, &[0]), TooMany),
        ("a change that builds on many", BUILDS_ON, run(1, &unsigned(1 << 60)), TooMany),
        ("a deflated column of changes", ACTOR | DEFLATED, zeros, TooLarge),
    ];
    for (case, column, data, fault) in changes {
        check(case, &sound.with_changes(*column, data), Some(*fault));
    }
}

/// What passes that check, and is no document all the same, harms nobody.
#[test]
fn documents_that_lie_within_the_limits_are_not_loaded() {
    let sound = Parts::of(&sound().0);
    let run = |count: i64, value: &[u8]| [&signed(count)[..], value].concat();
    let most = MAX_SNAPSHOT_OPERATIONS as i64;
    check("as many operations as may be", &sound.with_operations(ACTION, &run(most, &[1])), None);
    check("as many objects", &sound.with_operations(ACTION, &run(MAX_SNAPSHOT_OBJECTS as i64, &[4])), None);
    check("as many keys", &sound.with_operations(KEY, &[&[0][..], &unsigned(most as u64)].concat()), None);
    check(
        "as many as may write over one",
        &sound.with_operations(OVERWRITTEN_BY, &run(1, &unsigned(most as u64))),
        None,
    );
    check("as many changes as may be", &sound.with_changes(ACTOR, &run(MAX_SNAPSHOT_CHANGES as i64, &[0])), None);
    for last in [1 << 20, 1 << 31, (1 << 32) - 1, 1 << 40] {
        let case = format!("a change whose last operation is the {last}th");
        check(&case, &sound.with_changes(LAST_OPERATION, &run(7, &signed(last))), None);
    }
}

#[test]
fn bytes_that_are_not_one_document_are_refused() {
    let malformed = Some(SnapshotFault::Malformed);
    let document = sound().0;
    check("a change in place of a document", &note(), malformed);
    check("a bomb in place of a document", &bomb(&[1; 16], 1 << 28), malformed);
    check("two documents", &document.repeat(2), malformed);
    check("a bomb behind a document", &[document.clone(), bomb(&[1; 16], 1 << 28)].concat(), malformed);
    for kind in 1..=4 {
        let mut other = document.clone();
        other[8] = kind;
        mend_checksum(&mut other);
        check("another kind", &other, malformed);
    }
    check("nothing", &[], malformed);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn a_mutated_document_with_a_mended_checksum_loads_whole_or_not_at_all(
        edits in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let (mut document, heads) = sound();
        for (at, byte) in edits {
            let at = 9 + at.index(document.len() - 9);
            document[at] = byte;
        }
        mend_checksum(&mut document);
        let _ = snapshot_changes(&document, &heads);
        if let Ok(campaign) = Campaign::load(&document, &heads) {
            prop_assert_eq!(campaign.copy().view(), campaign.view());
        }
    }
}
