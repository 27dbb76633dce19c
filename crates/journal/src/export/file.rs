//! The files of an export: entries one after another, each an `Entry` message with its length before it.

use folkmoot_proto::federation::v1;
use prost::Message;

use crate::entry::{Entry, HEADER_SIZE, Header, PAYLOAD_LIMIT};
use crate::fault::Fault;

/// The most bytes that the message of one entry has.
const MESSAGE_LIMIT: usize = PAYLOAD_LIMIT + HEADER_SIZE + 256;

/// The bytes of one entry in a file: the length of its `Entry` message as a varint, then the message.
pub fn encode_entry(entry: &Entry) -> Vec<u8> {
    entry.to_wire().encode_length_delimited_to_vec()
}

/// One entry of a file, its payload and signature not yet looked at.
pub(super) enum Record {
    /// It has the form of an entry.
    Read {
        /// Its header.
        header: Box<Header>,
        /// All of it.
        wire: v1::Entry,
    },
    /// It has not; nothing after it can be found.
    Unreadable(Fault),
}

impl Record {
    /// The number that the entry bears.
    pub(super) fn seq(&self) -> Option<u64> {
        match self {
            Record::Read { header, .. } => Some(header.seq),
            Record::Unreadable(_) => None,
        }
    }
}

/// Every entry of a file, up to the first that cannot be read.
pub(super) fn records(bytes: &[u8]) -> Vec<Record> {
    let mut records = Vec::new();
    let mut rest = bytes;
    while !rest.is_empty() {
        let record = match next(&mut rest) {
            Ok((header, wire)) => Record::Read { header: Box::new(header), wire },
            Err(fault) => Record::Unreadable(fault),
        };
        let ends = matches!(record, Record::Unreadable(_));
        records.push(record);
        if ends {
            break;
        }
    }
    records
}

fn next(rest: &mut &[u8]) -> Result<(Header, v1::Entry), Fault> {
    const CUT: Fault = Fault::Form("its length is not that of an entry");
    let start = *rest;
    let length = prost::encoding::decode_varint(rest).map_err(|_| CUT)?;
    let length = usize::try_from(length).ok().filter(|length| *length <= MESSAGE_LIMIT).ok_or(CUT)?;
    let (message, after) = rest.split_at_checked(length).ok_or(CUT)?;
    *rest = after;
    let wire = v1::Entry::decode(message).map_err(|_| Fault::Form("its bytes are no entry"))?;
    // Whatever protobuf would read over, such as a field that nobody knows, is a change all the same.
    if !start.starts_with(&wire.encode_length_delimited_to_vec()) {
        return Err(Fault::Form("its bytes are not written as an entry is"));
    }
    let header = Header::decode(&wire.header)?;
    if wire.payload.is_none() && !wire.salt.is_empty() {
        return Err(Fault::Form("a salt without its payload"));
    }
    Ok((header, wire))
}
