//! One entry of a log: its header in one canonical layout, and its body.

use std::fmt;

use crate::fault::Fault;
use crate::id::{FederationId, Hash, Incarnation, NodeId};
use crate::key::Signature;
use crate::topic::{Cursor, LogId, Topic};

/// The bytes of an encoded header.
pub const HEADER_SIZE: usize = 188;
/// The entry format that this software writes and verifies.
pub const FORMAT: u8 = 1;
/// The largest payload, in bytes. What is larger is a file that an entry names.
pub const PAYLOAD_LIMIT: usize = 512 * 1024;

/// What a payload is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PayloadKind {
    /// The first entry of a log.
    Opening,
    /// A hub registered or changed.
    HubRecord,
    /// A funding programme registered.
    ProgrammeRecord,
    /// A release.
    Release,
    /// An edition of the curriculum published.
    Edition,
    /// Editions of the curriculum retired.
    Retirement,
    /// A campaign founded.
    Membership,
    /// Changes to a campaign's document.
    CampaignChanges,
    /// A disclosure policy set.
    PolicyRecord,
    /// A campaign's membership changed.
    MembershipChange,
    /// A campaign's lead appointed.
    Appointment,
    /// A campaign's document, whole.
    CampaignCheckpoint,
    /// A member has dropped what was erased of a campaign.
    CampaignAttestation,
    /// A newer node's kind: held and forwarded, applied after the upgrade.
    Unknown(u16),
}

impl PayloadKind {
    /// Whether entries of the kind bear a signature of their own wherever they are held, so that each can be shown by itself.
    pub fn stands_alone(self) -> bool {
        match self {
            PayloadKind::Membership | PayloadKind::MembershipChange | PayloadKind::CampaignCheckpoint => true,
            PayloadKind::Opening
            | PayloadKind::HubRecord
            | PayloadKind::ProgrammeRecord
            | PayloadKind::Release
            | PayloadKind::Edition
            | PayloadKind::Retirement
            | PayloadKind::CampaignChanges
            | PayloadKind::CampaignAttestation
            | PayloadKind::PolicyRecord
            | PayloadKind::Appointment
            | PayloadKind::Unknown(_) => false,
        }
    }
}

impl PayloadKind {
    /// Whether an entry of the kind counts in a campaign only as long as its author edits: changes, and what a newer node may
    /// know.
    pub fn counts_by_role(self) -> bool {
        match self {
            PayloadKind::CampaignChanges | PayloadKind::Unknown(_) => true,
            PayloadKind::Opening
            | PayloadKind::HubRecord
            | PayloadKind::ProgrammeRecord
            | PayloadKind::Release
            | PayloadKind::Edition
            | PayloadKind::Retirement
            | PayloadKind::Membership
            | PayloadKind::PolicyRecord
            | PayloadKind::MembershipChange
            | PayloadKind::Appointment
            | PayloadKind::CampaignCheckpoint
            | PayloadKind::CampaignAttestation => false,
        }
    }
}

impl From<u16> for PayloadKind {
    fn from(number: u16) -> Self {
        match number {
            1 => PayloadKind::Opening,
            2 => PayloadKind::HubRecord,
            3 => PayloadKind::ProgrammeRecord,
            4 => PayloadKind::Release,
            5 => PayloadKind::Edition,
            6 => PayloadKind::Retirement,
            7 => PayloadKind::Membership,
            8 => PayloadKind::CampaignChanges,
            9 => PayloadKind::PolicyRecord,
            10 => PayloadKind::MembershipChange,
            11 => PayloadKind::Appointment,
            12 => PayloadKind::CampaignCheckpoint,
            13 => PayloadKind::CampaignAttestation,
            other => PayloadKind::Unknown(other),
        }
    }
}

impl From<PayloadKind> for u16 {
    fn from(kind: PayloadKind) -> Self {
        match kind {
            PayloadKind::Opening => 1,
            PayloadKind::HubRecord => 2,
            PayloadKind::ProgrammeRecord => 3,
            PayloadKind::Release => 4,
            PayloadKind::Edition => 5,
            PayloadKind::Retirement => 6,
            PayloadKind::Membership => 7,
            PayloadKind::CampaignChanges => 8,
            PayloadKind::PolicyRecord => 9,
            PayloadKind::MembershipChange => 10,
            PayloadKind::Appointment => 11,
            PayloadKind::CampaignCheckpoint => 12,
            PayloadKind::CampaignAttestation => 13,
            PayloadKind::Unknown(number) => number,
        }
    }
}

/// What is hashed, chained and signed of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// The layout; 1.
    pub format: u8,
    /// The federation; zeros in the genesis entry alone.
    pub federation: FederationId,
    /// What the log is about.
    pub topic: Topic,
    /// Who writes it.
    pub author: NodeId,
    /// The author's process lifetime.
    pub incarnation: Incarnation,
    /// Counts from 1 without gaps.
    pub seq: u64,
    /// The hash of the entry before; zeros at seq 1.
    pub prev_hash: Hash,
    /// What the payload is.
    pub payload_kind: PayloadKind,
    /// The salted hash of the payload.
    pub payload_hash: Hash,
    /// The payload's size in bytes.
    pub payload_size: u32,
    /// Minutes since 1970-01-01T00:00Z when it was written; informs people only.
    pub written_at: u32,
}

impl Header {
    /// The canonical layout: the fields in order, numbers big-endian, 188 bytes.
    pub fn encode(&self) -> [u8; HEADER_SIZE] {
        let fields: [&[u8]; 11] = [
            &[self.format],
            &self.federation.0,
            &self.topic.to_bytes(),
            &self.author.0,
            &self.incarnation.0.to_be_bytes(),
            &self.seq.to_be_bytes(),
            &self.prev_hash.0,
            &u16::from(self.payload_kind).to_be_bytes(),
            &self.payload_hash.0,
            &self.payload_size.to_be_bytes(),
            &self.written_at.to_be_bytes(),
        ];
        let mut bytes = [0; HEADER_SIZE];
        let mut at = 0;
        for field in fields {
            bytes[at..at + field.len()].copy_from_slice(field);
            at += field.len();
        }
        bytes
    }

    /// Reads the canonical layout.
    pub fn decode(bytes: &[u8]) -> Result<Self, Fault> {
        let bytes: &[u8; HEADER_SIZE] = bytes.try_into().map_err(|_| Fault::Form("a header is not 188 bytes"))?;
        if bytes[0] != FORMAT {
            return Err(Fault::UnknownFormat(u32::from(bytes[0])));
        }
        let mut at = 1;
        let header = Header {
            format: bytes[0],
            federation: FederationId(take(bytes, &mut at)),
            topic: Topic::from_bytes(&take(bytes, &mut at))?,
            author: NodeId(take(bytes, &mut at)),
            incarnation: Incarnation(u64::from_be_bytes(take(bytes, &mut at))),
            seq: u64::from_be_bytes(take(bytes, &mut at)),
            prev_hash: Hash(take(bytes, &mut at)),
            payload_kind: PayloadKind::from(u16::from_be_bytes(take(bytes, &mut at))),
            payload_hash: Hash(take(bytes, &mut at)),
            payload_size: u32::from_be_bytes(take(bytes, &mut at)),
            written_at: u32::from_be_bytes(take(bytes, &mut at)),
        };
        header.check_start()?;
        Ok(header)
    }

    /// BLAKE3 of the canonical layout.
    pub fn hash(&self) -> Hash {
        Hash(*blake3::hash(&self.encode()).as_bytes())
    }

    /// The log that the entry belongs to.
    pub fn log(&self) -> LogId {
        LogId { topic: self.topic, author: self.author, incarnation: self.incarnation }
    }

    /// The cursor of the entry, hashing the header.
    pub fn cursor(&self) -> Cursor {
        Cursor { author: self.author, incarnation: self.incarnation, seq: self.seq, hash: self.hash() }
    }

    /// A log begins with an opening at seq 1 after a zero hash, and nothing else does.
    pub(crate) fn check_start(&self) -> Result<(), Fault> {
        let first = self.seq == 1;
        let agreed = (self.prev_hash == Hash::ZERO) == first && (self.payload_kind == PayloadKind::Opening) == first;
        if self.seq == 0 || !agreed {
            return Err(Fault::Chain);
        }
        Ok(())
    }
}

fn take<const N: usize>(bytes: &[u8; HEADER_SIZE], at: &mut usize) -> [u8; N] {
    let mut field = [0; N];
    field.copy_from_slice(&bytes[*at..*at + N]);
    *at += N;
    field
}

/// BLAKE3 of the salt, then the payload: a kept header confirms no guess once the salt is gone.
pub fn payload_hash(salt: &[u8; 16], payload: &[u8]) -> Hash {
    let mut hasher = blake3::Hasher::new();
    hasher.update(salt).update(payload);
    Hash(*hasher.finalize().as_bytes())
}

/// A payload with its salt.
#[derive(Clone, PartialEq, Eq)]
pub struct Body {
    /// 16 random bytes.
    pub salt: [u8; 16],
    /// The payload.
    pub payload: Vec<u8>,
}

impl fmt::Debug for Body {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "[{} bytes]", self.payload.len())
    }
}

/// An entry with everything that is held of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The header.
    pub header: Header,
    /// BLAKE3 of the header, computed once.
    pub hash: Hash,
    /// The author's signature over the header; absent inside a received frame.
    pub signature: Option<Signature>,
    /// The payload; absent where it was pruned or erased.
    pub body: Option<Body>,
}

impl Entry {
    /// An entry of these parts, its hash computed.
    pub fn new(header: Header, signature: Option<Signature>, body: Option<Body>) -> Self {
        Entry { hash: header.hash(), header, signature, body }
    }

    /// The cursor of the entry, without hashing again.
    pub fn cursor(&self) -> Cursor {
        Cursor {
            author: self.header.author,
            incarnation: self.header.incarnation,
            seq: self.header.seq,
            hash: self.hash,
        }
    }

    /// The log that the entry belongs to.
    pub fn log(&self) -> LogId {
        self.header.log()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header() -> Header {
        Header {
            format: FORMAT,
            federation: FederationId([1; 32]),
            topic: Topic::Releases(NodeId([2; 32])),
            author: NodeId([3; 32]),
            incarnation: Incarnation(0x0405_0607_0809_0a0b),
            seq: 2,
            prev_hash: Hash([4; 32]),
            payload_kind: PayloadKind::Release,
            payload_hash: Hash([5; 32]),
            payload_size: 77,
            written_at: 29_000_000,
        }
    }

    #[test]
    fn a_header_goes_and_comes_back_in_188_bytes() {
        let bytes = header().encode();
        assert_eq!(Header::decode(&bytes), Ok(header()));
        assert_eq!(bytes[0], 1);
        assert_eq!(bytes[33], 4, "the topic's kind stands after format and federation");
        assert_eq!(bytes[98..106], [4, 5, 6, 7, 8, 9, 10, 11], "the incarnation is big-endian");
        assert_eq!(bytes[114..146], [4; 32], "prev_hash");
        assert_eq!(bytes[146..148], [0, 4], "the payload's kind");
    }

    #[test]
    fn a_log_starts_with_an_opening_and_only_there() {
        let check = |change: fn(&mut Header), ok: bool| {
            let mut header = header();
            change(&mut header);
            assert_eq!(Header::decode(&header.encode()).is_ok(), ok, "{header:?}");
        };
        check(|_| (), true);
        check(|header| header.seq = 0, false);
        check(|header| header.seq = 1, false);
        check(|header| header.prev_hash = Hash::ZERO, false);
        check(|header| header.payload_kind = PayloadKind::Opening, false);
        check(|header| header.payload_kind = PayloadKind::Unknown(900), true);
        check(
            |header| {
                header.seq = 1;
                header.prev_hash = Hash::ZERO;
                header.payload_kind = PayloadKind::Opening;
            },
            true,
        );
    }

    #[test]
    fn the_salt_is_part_of_the_payload_hash() {
        assert_ne!(payload_hash(&[0; 16], b"12"), payload_hash(&[1; 16], b"12"));
    }
}
