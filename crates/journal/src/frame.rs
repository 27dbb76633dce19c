//! Frames: contiguous entries of one log as they cross the wire.

use folkmoot_proto::federation::v1;
use prost::Message;

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
    let compressed =
        zstd::bulk::compress(&inflated, COMPRESSION_LEVEL).map_err(|_| Fault::Form("a frame cannot be compressed"))?;
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
}

impl Unpacked {
    /// Checks the one signature, which through the chain covers every entry of the frame.
    pub fn verify(&self, key: &LogPublicKey) -> Result<(), Fault> {
        let last = self.entries.last().ok_or(Fault::Chain)?;
        let signature = last.signature.ok_or(Fault::Signature)?;
        if key.id() != self.log.author {
            return Err(Fault::Signature);
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

/// Inflates a frame and rebuilds its entries. Bounded: 1 MiB inflated, 1,000 entries, 512 KiB a payload.
pub fn unpack(frame: &v1::Frame, federation: FederationId) -> Result<Unpacked, Fault> {
    if frame.format != u32::from(FORMAT) {
        return Err(Fault::UnknownFormat(frame.format));
    }
    let log = log_of(frame)?;
    let prev_hash = Hash::from_slice(&frame.prev_hash)?;
    let signature = Signature::from_slice(&frame.signature)?;
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
    Ok(Unpacked { log, prev_hash, entries })
}

/// The capacity handed to the decoder is the cap: it never writes past it.
fn inflate(frame: &v1::Frame) -> Result<Vec<u8>, Fault> {
    let size = frame.inflated_size as usize;
    if size > INFLATED_LIMIT {
        return Err(Fault::TooLarge("a frame over 1 MiB"));
    }
    let inflated = zstd::bulk::decompress(&frame.entries, size)
        .map_err(|_| Fault::Form("a frame does not inflate to the size that it names"))?;
    if inflated.len() != size {
        return Err(Fault::Form("a frame does not inflate to the size that it names"));
    }
    Ok(inflated)
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
