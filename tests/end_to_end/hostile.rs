//! Changes of a campaign's document that no honest hub makes.

use std::io::Write as _;

use automerge::legacy::{ElementId, Key, OpType};
use automerge::transaction::{Transactable as _, Transaction};
use automerge::{ActorId, Automerge, AutomergeError, Change, ObjId, ReadDoc as _};
use sha2::{Digest as _, Sha256};

/// What every chunk of automerge's format begins with.
const MAGIC: [u8; 4] = [0x85, 0x6f, 0x4a, 0x83];
const DOCUMENT: u8 = 0;
const CHANGE: u8 = 1;
const DEFLATED_CHANGE: u8 = 2;
/// The number of the list of organisations among the operations of the first change, which every node makes alike.
const ORGANISATIONS: u8 = 4;

/// A change that inserts this many nulls into the organisations: few bytes, as every column is one run.
pub(crate) fn nulls(blank: &Automerge, actor: &[u8; 40], count: u64) -> Vec<u8> {
    let first = blank.get_changes(&[]).into_iter().next().expect("the first change");
    let after = blank.get_heads();
    let start = u8::try_from(first.max_op() + 1).expect("a small number");
    let run = |count: u64, value: u8| [unsigned_as_signed(count), vec![value]].concat();
    let columns: [(u8, Vec<u8>); 8] = [
        (0x01, run(count, 1)),                            // the object's actor: the first change's
        (0x02, run(count, ORGANISATIONS)),                // the object's number
        (0x11, [vec![0, 1], run(count - 1, 0)].concat()), // after: the head, then each one's predecessor
        (0x13, [vec![0x7e, 0, start], run(count - 2, 1)].concat()),
        (0x34, [vec![0], unsigned(count)].concat()), // all of them inserts
        (0x42, run(count, 1)),                       // action: set
        (0x56, run(count, 0)),                       // value: null
        (0x70, run(count, 0)),                       // in place of nothing
    ];
    let mut content = vec![1];
    content.extend(after[0].0);
    content.push(40);
    content.extend(actor);
    content.extend([1, start, 0, 0]); // seq, start, time, message
    content.push(1);
    let first_actor = first.actor_id().to_bytes();
    content.push(u8::try_from(first_actor.len()).expect("a short actor"));
    content.extend(first_actor);
    content.push(u8::try_from(columns.len()).expect("few columns"));
    for (specification, data) in &columns {
        content.extend([*specification, u8::try_from(data.len()).expect("a short column")]);
    }
    content.extend(columns.into_iter().flat_map(|(_, data)| data));
    chunk(CHANGE, &content)
}

/// A deflated change that inflates to this many zeros.
pub(crate) fn inflating(bytes: usize) -> Vec<u8> {
    let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(&vec![0; bytes]).expect("memory");
    chunk(DEFLATED_CHANGE, &encoder.finish().expect("memory"))
}

/// The same change, in which the mark that it makes ends before it begins.
pub(crate) fn backwards(change: &[u8]) -> Vec<u8> {
    let mut change = Change::from_bytes(change.to_vec()).expect("a change").decode();
    let is_end = |operation: &&mut automerge::legacy::Op| matches!(operation.action, OpType::MarkEnd(_));
    let end = change.operations.iter_mut().find(is_end).expect("the end of a mark");
    end.key = Key::Seq(ElementId::Head);
    Change::from(change).raw_bytes().to_vec()
}

/// A document of one actor and one head that announces 2^40 changes in one run, its checksum right.
pub(crate) fn announcing() -> Vec<u8> {
    let actors = [7, 0x80, 0x80, 0x80, 0x80, 0x80, 0x20, 0];
    // One actor, one head; one column of changes, of actors; none of operations.
    let content = [&[1, 1, 9, 1][..], &[7; 32], &[1, 0x01], &actors[..1], &[0], &actors[1..]].concat();
    chunk(DOCUMENT, &content)
}

/// A document with a column of operations that inflates to this many zeros.
pub(crate) fn inflating_document(bytes: usize) -> Vec<u8> {
    const ACTION_DEFLATED: u8 = 0x4a;
    let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(&vec![0; bytes]).expect("memory");
    let column = encoder.finish().expect("memory");
    let length = unsigned(column.len() as u64);
    chunk(DOCUMENT, &[&[1, 1, 9, 1][..], &[7; 32], &[0, 1, ACTION_DEFLATED], &length, &column].concat())
}

/// A sound document that makes this many empty tasks, with its heads.
pub(crate) fn crowded(tasks: usize) -> (Vec<u8>, Vec<[u8; 32]>) {
    sound("tasks", |transaction, list| {
        (0..tasks).try_for_each(|_| transaction.insert_object(list, 0, automerge::ObjType::Map).map(drop))
    })
}

/// A sound document with notes of this many characters, with its heads.
pub(crate) fn long(characters: usize) -> (Vec<u8>, Vec<[u8; 32]>) {
    sound("notes", |transaction, notes| transaction.splice_text(notes, 0, 0, &"Tea".repeat(characters / 3)))
}

fn sound(
    part: &str,
    write: impl FnOnce(&mut Transaction<'_>, &ObjId) -> Result<(), AutomergeError>,
) -> (Vec<u8>, Vec<[u8; 32]>) {
    let mut document = blank();
    let (_, part) = document.get(automerge::ROOT, part).expect("a key").expect("a part");
    document.transact(|transaction| write(transaction, &part)).expect("a change");
    (document.save(), document.get_heads().iter().map(|head| head.0).collect())
}

/// The same change with one byte another, and its checksum mended.
pub(crate) fn mutated(change: &[u8], at: usize, byte: u8) -> Vec<u8> {
    let mut mutated = change.to_vec();
    mutated[at] = byte;
    mend(&mut mutated);
    mutated
}

fn chunk(kind: u8, content: &[u8]) -> Vec<u8> {
    let mut chunk = MAGIC.to_vec();
    chunk.extend([0; 4]);
    chunk.push(kind);
    chunk.extend(unsigned(content.len() as u64));
    chunk.extend(content);
    mend(&mut chunk);
    chunk
}

/// The checksum: the first four bytes of SHA-256 from the chunk's type on.
fn mend(chunk: &mut [u8]) {
    let digest = Sha256::digest(&chunk[8..]);
    chunk[4..8].copy_from_slice(&digest[..4]);
}

fn unsigned(mut value: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while value >= 0x80 {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
    bytes
}

/// A number over 0 as signed LEB128 has it.
fn unsigned_as_signed(value: u64) -> Vec<u8> {
    let mut bytes = unsigned(value);
    if let Some(last) = bytes.last_mut().filter(|last| **last & 0x40 != 0) {
        *last |= 0x80;
        bytes.push(0);
    }
    bytes
}

/// The document before any member's change, as automerge itself reads it.
pub(crate) fn blank() -> Automerge {
    let (document, _) = folkmoot_campaign::Campaign::blank().snapshot();
    Automerge::load(&document).expect("a document")
}

#[test]
fn a_small_bomb_explodes_as_it_should() {
    let mut document = blank();
    let actor = [7; 40];
    let change = nulls(&document, &actor, 1_000);
    assert!(change.len() < 200, "{} bytes", change.len());
    let change = Change::from_bytes(change).expect("a change as automerge has them");
    assert_eq!((change.actor_id(), change.len()), (&ActorId::from(&actor[..]), 1_000));
    document.apply_changes([change]).expect("a change that can be applied");
    let (_, list) = document.get(automerge::ROOT, "organisations").expect("a key").expect("a list");
    assert_eq!(document.length(&list), 1_000);
    assert!(nulls(&blank(), &actor, 256 << 20).len() < 200);
}
