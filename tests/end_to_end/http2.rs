//! As much of HTTP/2 and gRPC as it takes to get the messages out of a recorded conversation.

use std::collections::BTreeMap;

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const DATA: u8 = 0;
const PADDED: u8 = 0x8;

/// The gRPC messages of all streams of one direction.
pub(crate) fn messages(bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut rest = bytes.strip_prefix(PREFACE).unwrap_or(bytes);
    let mut streams: BTreeMap<u32, Vec<u8>> = BTreeMap::new();
    while let Some((header, after)) = rest.split_first_chunk::<9>() {
        let [a, b, c, kind, flags, stream @ ..] = *header;
        let length = usize::from(a) << 16 | usize::from(b) << 8 | usize::from(c);
        let Some((payload, after)) = after.split_at_checked(length) else { break };
        rest = after;
        if kind != DATA {
            continue;
        }
        let content = match (flags & PADDED != 0, payload.split_first()) {
            (true, Some((padding, content))) => &content[..content.len().saturating_sub(usize::from(*padding))],
            (true, None) | (false, _) => payload,
        };
        streams.entry(u32::from_be_bytes(stream) & 0x7fff_ffff).or_default().extend_from_slice(content);
    }
    streams.values().flat_map(|stream| split(stream)).collect()
}

fn split(mut stream: &[u8]) -> Vec<Vec<u8>> {
    let mut messages = Vec::new();
    while let Some((header, after)) = stream.split_first_chunk::<5>() {
        let [compressed, length @ ..] = *header;
        assert_eq!(compressed, 0, "gRPC compression is never used: frames compress themselves");
        let length = usize::try_from(u32::from_be_bytes(length)).expect("a length");
        let Some((message, after)) = after.split_at_checked(length) else { break };
        messages.push(message.to_vec());
        stream = after;
    }
    messages
}

#[test]
fn messages_come_out_of_padded_and_split_frames() {
    let mut bytes = PREFACE.to_vec();
    bytes.extend([0, 0, 2, 4, 0, 0, 0, 0, 0, 9, 9]);
    // The message "abc" of stream 1 in two frames, the first padded by two bytes; stream 3 says "" in between.
    bytes.extend([0, 0, 9, DATA, PADDED, 0, 0, 0, 1, 2, 0, 0, 0, 0, 3, b'a', 0, 0]);
    bytes.extend([0, 0, 5, DATA, 0, 0, 0, 0, 3, 0, 0, 0, 0, 0]);
    bytes.extend([0, 0, 2, DATA, 1, 0, 0, 0, 1, b'b', b'c']);
    assert_eq!(messages(&bytes), [b"abc".to_vec(), Vec::new()]);
}
