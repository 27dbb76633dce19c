//! The bytes of automerge's format, for tests that change them.

use std::io::Write;

use flate2::Compression;
use flate2::write::DeflateEncoder;
use sha2::{Digest, Sha256};

/// Columns of operations.
pub(super) const ACTION: u64 = 0x42;
pub(super) const INSERT: u64 = 0x34;
pub(super) const KEY: u64 = 0x15;
/// The bit of a column that is deflated.
pub(super) const DEFLATED: u64 = 0x08;

pub(super) fn chunk(kind: u8, content: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0x85, 0x6f, 0x4a, 0x83, 0, 0, 0, 0, kind];
    bytes.extend(unsigned(content.len() as u64));
    bytes.extend(content);
    mend_checksum(&mut bytes);
    bytes
}

/// Writes the checksum anew, so that only what the change says can be at fault: the first four bytes of SHA-256 over
/// the chunk from its type on.
pub(super) fn mend_checksum(change: &mut [u8]) {
    let digest = Sha256::digest(&change[8..]);
    change[4..8].copy_from_slice(&digest[..4]);
}

pub(super) fn unsigned(mut value: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let byte = (value & 0x7f) as u8;
        value >>= 7;
        if value == 0 {
            bytes.push(byte);
            return bytes;
        }
        bytes.push(byte | 0x80);
    }
}

pub(super) fn signed(mut value: i64) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let byte = (value & 0x7f) as u8;
        value >>= 7;
        if (value == 0 && byte & 0x40 == 0) || (value == -1 && byte & 0x40 != 0) {
            bytes.push(byte);
            return bytes;
        }
        bytes.push(byte | 0x80);
    }
}

/// Reads a number, as [`unsigned`] writes it.
pub(super) fn number(bytes: &[u8], at: &mut usize) -> usize {
    let mut value = 0;
    for shift in (0..).step_by(7) {
        let byte = bytes[*at];
        *at += 1;
        value |= usize::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            break;
        }
    }
    value
}

pub(super) fn deflated(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).expect("bytes in memory");
    encoder.finish().expect("bytes in memory")
}
