//! The log key: who an author is.

use std::cell::RefCell;
use std::fmt;

use ed25519_dalek::{Signer, SigningKey, VerifyingKey};
use zeroize::Zeroizing;

use crate::fault::Fault;
use crate::id::NodeId;

/// What a signature is for. Each context is a string of its own, so that no signature can pass for another's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Context {
    /// `folkmoot/entry/1`, over the header of an entry.
    Entry,
    /// `folkmoot/receipt/1`, over the fields of a receipt.
    Receipt,
    /// `folkmoot/enrol/1`, over what a joining hub shows.
    Enrol,
    /// `folkmoot/export/1`, over the manifest of an export.
    Export,
}

impl Context {
    fn message(self, bytes: &[u8]) -> Vec<u8> {
        let context: &[u8] = match self {
            Context::Entry => b"folkmoot/entry/1\0",
            Context::Receipt => b"folkmoot/receipt/1\0",
            Context::Enrol => b"folkmoot/enrol/1\0",
            Context::Export => b"folkmoot/export/1\0",
        };
        [context, bytes].concat()
    }
}

/// An Ed25519 signature.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Signature(pub [u8; 64]);

impl Signature {
    /// Reads exactly 64 bytes.
    pub fn from_slice(bytes: &[u8]) -> Result<Self, Fault> {
        bytes.try_into().map(Signature).map_err(|_| Fault::Form("a signature is not 64 bytes"))
    }
}

impl fmt::Debug for Signature {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Signature")
    }
}

/// The secret log key. Wiped from memory when dropped; never printed.
pub struct LogKey {
    signing: SigningKey,
}

impl LogKey {
    /// Makes the key from 32 random bytes.
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        LogKey { signing: SigningKey::from_bytes(seed) }
    }

    /// The 32 bytes that the key was made from, for the key file.
    pub fn seed(&self) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(self.signing.to_bytes())
    }

    /// The public half.
    pub fn public(&self) -> LogPublicKey {
        LogPublicKey(self.signing.verifying_key().to_bytes())
    }

    /// The node that this key is.
    pub fn id(&self) -> NodeId {
        self.public().id()
    }

    /// Signs the context's ASCII bytes, a zero byte and `bytes` (plain RFC 8032).
    pub fn sign(&self, context: Context, bytes: &[u8]) -> Signature {
        Signature(self.signing.sign(&context.message(bytes)).to_bytes())
    }
}

impl fmt::Debug for LogKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("[log key]")
    }
}

// To find the point takes an eighth of a check, and whoever verifies one entry of an author mostly verifies many.
thread_local! {
    static LATEST: RefCell<Option<(LogPublicKey, VerifyingKey)>> = const { RefCell::new(None) };
}

/// The public log key: 32 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LogPublicKey(pub [u8; 32]);

impl LogPublicKey {
    /// Reads exactly 32 bytes; whether they are a key shows when a signature is checked.
    pub fn from_slice(bytes: &[u8]) -> Result<Self, Fault> {
        bytes.try_into().map(LogPublicKey).map_err(|_| Fault::Form("a log key is not 32 bytes"))
    }

    /// The node that this key is.
    pub fn id(&self) -> NodeId {
        NodeId(*blake3::hash(&self.0).as_bytes())
    }

    /// The point of the curve that the bytes stand for; none where they stand for none.
    fn point(&self) -> Option<VerifyingKey> {
        LATEST.with_borrow_mut(|latest| {
            if let Some((_, point)) = latest.filter(|(key, _)| key == self) {
                return Some(point);
            }
            let point = VerifyingKey::from_bytes(&self.0).ok()?;
            *latest = Some((*self, point));
            Some(point)
        })
    }

    /// Checks a signature over the context and `bytes`. Small-order keys and malleable signatures do not hold.
    pub fn verify(&self, context: Context, bytes: &[u8], signature: &Signature) -> Result<(), Fault> {
        let key = self.point().ok_or(Fault::Signature)?;
        let signature = ed25519_dalek::Signature::from_bytes(&signature.0);
        key.verify_strict(&context.message(bytes), &signature).map_err(|_| Fault::Signature)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_holds_for_its_key_context_and_bytes_alone() {
        let key = LogKey::from_seed(&[7; 32]);
        let other = LogKey::from_seed(&[8; 32]);
        let signature = key.sign(Context::Entry, b"header");
        assert_eq!(key.public().verify(Context::Entry, b"header", &signature), Ok(()));
        assert_eq!(key.public().verify(Context::Receipt, b"header", &signature), Err(Fault::Signature));
        assert_eq!(key.public().verify(Context::Entry, b"headers", &signature), Err(Fault::Signature));
        assert_eq!(other.public().verify(Context::Entry, b"header", &signature), Err(Fault::Signature));
        assert_eq!(LogPublicKey([0; 32]).verify(Context::Entry, b"", &Signature([0; 64])), Err(Fault::Signature));
    }

    #[test]
    fn the_seed_gives_the_key_back_and_is_never_printed() {
        let key = LogKey::from_seed(&[7; 32]);
        assert_eq!(LogKey::from_seed(&key.seed()).id(), key.id());
        assert_eq!(format!("{key:?}"), "[log key]");
    }
}
