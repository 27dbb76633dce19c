//! Frames: contiguous entries of one log as they cross the wire.

use std::cell::RefCell;
use std::io;

use folkmoot_proto::federation::v1;
use prost::Message;
use zstd::bulk::{Compressor, Decompressor};

use crate::entry::{Body, Entry, FORMAT, Header, PAYLOAD_LIMIT, PayloadKind, payload_hash};
use crate::fault::Fault;
use crate::id::{FederationId, Hash, Incarnation, NodeId};
use crate::key::{Context, LogPublicKey, Signature};
use crate::payload::{Opening, Payload};
use crate::topic::{LogId, Topic};

/// How many inflated bytes a frame should have; a single larger entry still makes a frame.
pub const TARGET_BYTES: u32 = 256 * 1024;
/// What a frame may have inflated, whatever it says.
pub const INFLATED_LIMIT: usize = 1024 * 1024;
/// How many entries a frame may have.
pub const ENTRY_LIMIT: usize = 1_000;
/// How many entries of a membership are shown with a checkpoint.
pub const EVIDENCE_LIMIT: usize = 1_000;
/// The bytes that an entry adds to a frame beside its payload, at most.
pub const ENTRY_OVERHEAD: usize = 80;
const COMPRESSION_LEVEL: i32 = 1;

/// Packs contiguous entries of one log; the last must bear its signature.
pub fn pack(entries: &[Entry]) -> Result<v1::Frame, Fault> {
    let (Some(first), Some(last)) = (entries.first(), entries.last()) else {
        return Err(Fault::Form("a frame without entries"));
    };
    if entries.len() > ENTRY_LIMIT {
        return Err(Fault::TooLarge("a frame with over 1,000 entries"));
    }
    let signature = last.signature.ok_or(Fault::Form("a frame ends on an entry without its signature"))?;
    let follows = |pair: &[Entry]| {
        pair[1].log() == pair[0].log()
            && pair[1].header.seq == pair[0].header.seq + 1
            && pair[1].header.prev_hash == pair[0].hash
    };
    if !entries.windows(2).all(follows) {
        return Err(Fault::Chain);
    }
    let inflated = v1::FrameEntries { entries: entries.iter().map(lean).collect() }.encode_to_vec();
    if inflated.len() > INFLATED_LIMIT {
        return Err(Fault::TooLarge("a frame over 1 MiB"));
    }
    let compressed = compress(&inflated).map_err(|_| Fault::Form("a frame cannot be compressed"))?;
    Ok(v1::Frame {
        topic: first.header.topic.to_bytes().to_vec(),
        author: first.header.author.0.to_vec(),
        incarnation: first.header.incarnation.0,
        first_seq: first.header.seq,
        prev_hash: first.header.prev_hash.0.to_vec(),
        signature: signature.0.to_vec(),
        inflated_size: inflated.len() as u32,
        entries: compressed,
        format: u32::from(first.header.format),
        membership: Vec::new(),
    })
}

/// What a receiver cannot rebuild of an entry.
fn lean(entry: &Entry) -> v1::FrameEntry {
    let kind = u32::from(u16::from(entry.header.payload_kind));
    match &entry.body {
        Some(body) => v1::FrameEntry {
            payload_kind: kind,
            written_at: entry.header.written_at,
            salt: body.salt.to_vec(),
            payload: Some(body.payload.clone()),
            payload_hash: Vec::new(),
            payload_size: 0,
        },
        None => v1::FrameEntry {
            payload_kind: kind,
            written_at: entry.header.written_at,
            salt: Vec::new(),
            payload: None,
            payload_hash: entry.header.payload_hash.0.to_vec(),
            payload_size: entry.header.payload_size,
        },
    }
}

/// A received frame with every header rebuilt and every hash computed once. Nothing in it is proved before
/// [`Unpacked::verify`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unpacked {
    /// The log.
    pub log: LogId,
    /// The hash before the first entry; zeros before seq 1.
    pub prev_hash: Hash,
    /// At least one, contiguous; the last alone bears a signature.
    pub entries: Vec<Entry>,
    /// With a checkpoint for a receiver that lacks what it covers: the entries of the campaign's membership, each by itself.
    pub membership: Vec<Unpacked>,
    /// Whether the signature was found to be the author's. Whatever is taken off the front, the last entry bears it.
    verified: bool,
}

/// How many entries of a membership are verified ahead of being asked for.
const AHEAD: usize = 16;

impl Unpacked {
    /// Checks the signatures ahead of [`Unpacked::verify`], which says what came of it: on another thread, for example, than
    /// the one that must not be kept waiting. `key` gives an author's key where it is known.
    pub fn verified(mut self, key: impl Fn(NodeId) -> Option<LogPublicKey> + Copy) -> Self {
        self.verified = key(self.log.author).is_some_and(|key| self.verify(&key).is_ok());
        if self.verified && self.membership.len() <= AHEAD {
            self.membership = self.membership.into_iter().map(|shown| shown.verified(key)).collect();
        }
        self
    }

    /// What of the frame follows the entry `seq`.
    #[must_use]
    pub fn after(&self, seq: u64) -> Self {
        let prev_hash = self.entries.iter().find(|entry| entry.header.seq == seq).map_or(self.prev_hash, |at| at.hash);
        let entries = self.entries.iter().filter(|entry| entry.header.seq > seq).cloned().collect();
        Self { prev_hash, entries, ..self.clone() }
    }

    /// Checks the one signature, which through the chain covers every entry of the frame.
    pub fn verify(&self, key: &LogPublicKey) -> Result<(), Fault> {
        let last = self.entries.last().ok_or(Fault::Chain)?;
        let signature = last.signature.ok_or(Fault::Signature)?;
        if key.id() != self.log.author {
            return Err(Fault::Signature);
        }
        if self.verified {
            return Ok(());
        }
        key.verify(Context::Entry, &last.header.encode(), &signature)
    }
}

/// The log that a frame says it belongs to, read without inflating it.
pub fn log_of(frame: &v1::Frame) -> Result<LogId, Fault> {
    Ok(LogId {
        topic: Topic::from_slice(&frame.topic)?,
        author: NodeId::from_slice(&frame.author)?,
        incarnation: Incarnation(frame.incarnation),
    })
}

/// Puts an entry of the campaign's membership to a frame that holds a checkpoint, without what the frame says itself.
pub fn show(frame: &mut v1::Frame, mut shown: v1::Frame) {
    shown.topic.clear();
    if shown.author == frame.author {
        shown.author.clear();
    }
    frame.membership.push(shown);
}

/// The log that an entry of a membership belongs to that is shown in a frame of the log `outer`.
fn log_shown(shown: &v1::Frame, outer: LogId) -> Result<LogId, Fault> {
    if !shown.topic.is_empty() {
        return Err(Fault::Form("a shown entry that names a topic"));
    }
    let author = if shown.author.is_empty() { outer.author } else { NodeId::from_slice(&shown.author)? };
    Ok(LogId { topic: outer.topic, author, incarnation: Incarnation(shown.incarnation) })
}

/// Inflates a frame and rebuilds its entries. Bounded: 1 MiB inflated, 1,000 entries, 512 KiB a payload.
pub fn unpack(frame: &v1::Frame, federation: FederationId) -> Result<Unpacked, Fault> {
    unpack_of(frame, log_of(frame)?, federation)
}

fn unpack_of(frame: &v1::Frame, log: LogId, federation: FederationId) -> Result<Unpacked, Fault> {
    if frame.format != u32::from(FORMAT) {
        return Err(Fault::UnknownFormat(frame.format));
    }
    let prev_hash = Hash::from_slice(&frame.prev_hash)?;
    let signature = Signature::from_slice(&frame.signature)?;
    if frame.membership.len() > EVIDENCE_LIMIT || frame.membership.iter().any(|shown| !shown.membership.is_empty()) {
        return Err(Fault::TooLarge("a frame with more shown of a membership than 1,000 entries"));
    }
    let shown = |shown: &v1::Frame| unpack_of(shown, log_shown(shown, log)?, federation);
    let membership = frame.membership.iter().map(shown).collect::<Result<_, _>>()?;
    let inflated = inflate(frame)?;
    let mut entries: Vec<Entry> = Vec::new();
    let mut rest = inflated.as_slice();
    let mut seq = frame.first_seq;
    let mut prev = prev_hash;
    while !rest.is_empty() {
        if entries.len() == ENTRY_LIMIT {
            return Err(Fault::TooLarge("a frame with over 1,000 entries"));
        }
        let entry = rebuild(next_lean(&mut rest)?, log, federation, seq, prev)?;
        prev = entry.hash;
        seq = seq.checked_add(1).ok_or(Fault::Chain)?;
        entries.push(entry);
    }
    let last = entries.last_mut().ok_or(Fault::Form("a frame without entries"))?;
    last.signature = Some(signature);
    Ok(Unpacked { log, prev_hash, entries, membership, verified: false })
}

/// The capacity handed to the decoder is the cap: it never writes past it.
fn inflate(frame: &v1::Frame) -> Result<Vec<u8>, Fault> {
    let size = frame.inflated_size as usize;
    if size > INFLATED_LIMIT {
        return Err(Fault::TooLarge("a frame over 1 MiB"));
    }
    let inflated = decompress(&frame.entries, size)
        .map_err(|_| Fault::Form("a frame does not inflate to the size that it names"))?;
    if inflated.len() != size {
        return Err(Fault::Form("a frame does not inflate to the size that it names"));
    }
    Ok(inflated)
}

// Most frames hold little, and the making of a context takes longer than its work: each thread keeps its own.
thread_local! {
    static COMPRESSOR: RefCell<Option<Compressor<'static>>> = const { RefCell::new(None) };
    static DECOMPRESSOR: RefCell<Option<Decompressor<'static>>> = const { RefCell::new(None) };
}

fn compress(bytes: &[u8]) -> io::Result<Vec<u8>> {
    COMPRESSOR.with_borrow_mut(|kept| {
        let compressor = match kept.take() {
            Some(compressor) => compressor,
            None => Compressor::new(COMPRESSION_LEVEL)?,
        };
        kept.insert(compressor).compress(bytes)
    })
}

fn decompress(bytes: &[u8], capacity: usize) -> io::Result<Vec<u8>> {
    DECOMPRESSOR.with_borrow_mut(|kept| {
        let decompressor = match kept.take() {
            Some(decompressor) => decompressor,
            None => Decompressor::new()?,
        };
        kept.insert(decompressor).decompress(bytes, capacity)
    })
}

/// Takes one entry off the front. Entry by entry, so that a megabyte of empty ones never becomes half a million
/// structures.
fn next_lean(rest: &mut &[u8]) -> Result<v1::FrameEntry, Fault> {
    const MALFORMED: Fault = Fault::Form("a frame's entries cannot be read");
    const ENTRIES_KEY: u8 = 0x0a;
    let (key, after) = rest.split_first().ok_or(MALFORMED)?;
    if *key != ENTRIES_KEY {
        return Err(MALFORMED);
    }
    *rest = after;
    let length = prost::encoding::decode_varint(rest).map_err(|_| MALFORMED)?;
    let length = usize::try_from(length).map_err(|_| MALFORMED)?;
    let (bytes, after) = rest.split_at_checked(length).ok_or(MALFORMED)?;
    *rest = after;
    v1::FrameEntry::decode(bytes).map_err(|_| MALFORMED)
}

fn rebuild(
    lean: v1::FrameEntry,
    log: LogId,
    federation: FederationId,
    seq: u64,
    prev_hash: Hash,
) -> Result<Entry, Fault> {
    let number = u16::try_from(lean.payload_kind).map_err(|_| Fault::Form("no such kind of payload"))?;
    let payload_kind = PayloadKind::from(number);
    let (payload_hash, payload_size, body) = match lean.payload {
        Some(payload) => {
            if !lean.payload_hash.is_empty() || lean.payload_size != 0 {
                return Err(Fault::Form("a present payload is described as well"));
            }
            if payload.len() > PAYLOAD_LIMIT {
                return Err(Fault::TooLarge("a payload over 512 KiB"));
            }
            let salt = lean.salt.as_slice().try_into().map_err(|_| Fault::Form("a salt is not 16 bytes"))?;
            (payload_hash(&salt, &payload), payload.len() as u32, Some(Body { salt, payload }))
        }
        None if !lean.salt.is_empty() => return Err(Fault::Form("a salt without its payload")),
        None => (Hash::from_slice(&lean.payload_hash)?, lean.payload_size, None),
    };
    let genesis = log.topic == Topic::Directory && seq == 1 && is_genesis(payload_kind, body.as_ref());
    let header = Header {
        format: FORMAT,
        federation: if genesis { FederationId::ZERO } else { federation },
        topic: log.topic,
        author: log.author,
        incarnation: log.incarnation,
        seq,
        prev_hash,
        payload_kind,
        payload_hash,
        payload_size,
        written_at: lean.written_at,
    };
    header.check_start()?;
    let entry = Entry::new(header, None, body);
    if genesis && entry.hash.0 != federation.0 {
        return Err(Fault::OtherFederation);
    }
    Ok(entry)
}

/// The genesis entry alone has zeros for its federation; it is told by its payload, which is never missing.
fn is_genesis(kind: PayloadKind, body: Option<&Body>) -> bool {
    let Some(body) = body else { return false };
    matches!(Payload::decode(kind, &body.payload), Ok(Some(Payload::Opening(Opening { genesis: Some(_), .. }))))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::author::Author;
    use crate::id::Incarnation;
    use crate::key::LogKey;
    use crate::payload::encode_opening;

    const FEDERATION: FederationId = FederationId([9; 32]);

    fn author() -> Author {
        Author { key: Arc::new(LogKey::from_seed(&[1; 32])), incarnation: Incarnation(5), federation: FEDERATION }
    }

    /// An opening and releases with these payloads.
    fn log(payloads: &[Vec<u8>]) -> Vec<Entry> {
        let author = author();
        let topic = Topic::Releases(author.key.id());
        let opening = encode_opening(&Opening::default());
        let mut entries = vec![author.write(topic, None, PayloadKind::Opening, opening, [0; 16], 7).unwrap()];
        for payload in payloads {
            let tip = entries.last().map(Entry::cursor);
            let entry = author.write(topic, tip.as_ref(), PayloadKind::Release, payload.clone(), [3; 16], 8).unwrap();
            entries.push(entry);
        }
        entries
    }

    #[test]
    fn a_frame_rebuilds_every_header_and_hash() {
        let entries = log(&[vec![1; 40], vec![2; 4000], Vec::new()]);
        for range in [0..1, 0..4, 1..3, 3..4] {
            let sent = &entries[range];
            let unpacked = unpack(&pack(sent).unwrap(), FEDERATION).unwrap();
            assert_eq!(unpacked.prev_hash, sent[0].header.prev_hash);
            assert_eq!(unpacked.verify(&author().key.public()), Ok(()));
            let without_inner_signatures = sent.iter().enumerate().map(|(at, entry)| Entry {
                signature: entry.signature.filter(|_| at + 1 == sent.len()),
                ..entry.clone()
            });
            assert!(unpacked.entries.into_iter().eq(without_inner_signatures));
        }
    }

    #[test]
    fn an_absent_payload_keeps_its_hash_and_size() {
        let mut entries = log(&[vec![1; 40], vec![2; 50]]);
        entries[1].body = None;
        let unpacked = unpack(&pack(&entries).unwrap(), FEDERATION).unwrap();
        assert_eq!(unpacked.entries[1].header, entries[1].header);
        assert_eq!(unpacked.entries[1].body, None);
        assert_eq!(unpacked.verify(&author().key.public()), Ok(()));
    }

    #[test]
    fn only_contiguous_signed_entries_are_packed() {
        let entries = log(&[vec![1; 40], vec![2; 50]]);
        assert!(pack(&[]).is_err());
        assert_eq!(pack(&[entries[0].clone(), entries[2].clone()]), Err(Fault::Chain));
        let unsigned = Entry { signature: None, ..entries[0].clone() };
        assert!(pack(&[unsigned]).is_err());
    }

    /// Whatever is changed in a frame, it does not unpack or does not verify.
    #[test]
    fn nothing_in_a_frame_can_be_changed() {
        let check = |change: fn(&mut v1::Frame)| {
            let mut frame = pack(&log(&[vec![1; 40], vec![2; 50]])[1..]).unwrap();
            change(&mut frame);
            let held = unpack(&frame, FEDERATION).and_then(|unpacked| unpacked.verify(&author().key.public()));
            assert!(held.is_err(), "{frame:?}");
        };
        check(|frame| frame.topic = Topic::Directory.to_bytes().to_vec());
        check(|frame| frame.author = vec![1; 32]);
        check(|frame| frame.author.clear());
        check(|frame| frame.incarnation += 1);
        check(|frame| frame.first_seq += 1);
        check(|frame| frame.first_seq = 0);
        check(|frame| frame.first_seq = 1);
        check(|frame| frame.first_seq = u64::MAX);
        check(|frame| frame.prev_hash[0] ^= 1);
        check(|frame| frame.prev_hash = vec![0; 32]);
        check(|frame| frame.signature[0] ^= 1);
        check(|frame| frame.signature.clear());
        check(|frame| frame.inflated_size += 1);
        check(|frame| frame.inflated_size -= 1);
        check(|frame| frame.inflated_size = u32::MAX);
        check(|frame| frame.entries.clear());
        check(|frame| frame.format = 2);
        let frame = pack(&log(&[])).unwrap();
        let other = unpack(&frame, FederationId([8; 32])).unwrap();
        assert_eq!(other.verify(&author().key.public()), Err(Fault::Signature), "another federation's entries");
    }

    /// A frame over these inflated bytes, whatever they are.
    fn raw(inflated: &[u8]) -> v1::Frame {
        v1::Frame {
            inflated_size: inflated.len() as u32,
            entries: zstd::bulk::compress(inflated, COMPRESSION_LEVEL).unwrap(),
            ..pack(&log(&[])).unwrap()
        }
    }

    #[test]
    fn inflated_bytes_are_bounded_and_checked() {
        let many = [0x0a, 0].repeat(ENTRY_LIMIT + 1);
        let broken: [(&[u8], &str); 6] = [
            (&[], "no entries"),
            (&[0x0a], "a length that is missing"),
            (&[0x0a, 5, 1], "fewer bytes than the length says"),
            (&[0x12, 0], "another field"),
            (&[0x0a, 0], "an entry without payload, hash or salt"),
            (&many, "too many entries"),
        ];
        for (bytes, what) in broken {
            assert!(unpack(&raw(bytes), FEDERATION).is_err(), "{what}");
        }
        // Four megabytes of zeros are a few hundred bytes on the wire.
        let mut bomb = raw(&vec![0; 4 * INFLATED_LIMIT]);
        assert_eq!(unpack(&bomb, FEDERATION), Err(Fault::TooLarge("a frame over 1 MiB")));
        bomb.inflated_size = 1000;
        assert!(unpack(&bomb, FEDERATION).is_err(), "it inflates to more than it says");
    }

    #[test]
    fn the_largest_payload_makes_a_frame_and_a_larger_one_no_entry() {
        let entries = log(&[vec![7; PAYLOAD_LIMIT]]);
        assert!(unpack(&pack(&entries).unwrap(), FEDERATION).is_ok());
        let tip = entries.last().map(Entry::cursor);
        let topic = entries[0].header.topic;
        let larger = vec![7; PAYLOAD_LIMIT + 1];
        let written = author().write(topic, tip.as_ref(), PayloadKind::Release, larger, [0; 16], 1);
        assert!(matches!(written, Err(Fault::TooLarge(_))));
    }
}
