//! The names of nodes, federations, entries and process lifetimes.

use std::fmt;
use std::str::FromStr;

use crate::fault::Fault;

macro_rules! identifier {
    ($(#[$documentation:meta])* $name:ident) => {
        $(#[$documentation])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub [u8; 32]);

        impl $name {
            /// The 32 bytes.
            pub fn as_bytes(&self) -> &[u8; 32] {
                &self.0
            }

            /// Reads exactly 32 bytes.
            pub fn from_slice(bytes: &[u8]) -> Result<Self, Fault> {
                bytes.try_into().map(Self).map_err(|_| Fault::Form(concat!(stringify!($name), " is not 32 bytes")))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str(&blake3::Hash::from_bytes(self.0).to_hex())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(formatter, "{}(", stringify!($name))?;
                self.0[..4].iter().try_for_each(|byte| write!(formatter, "{byte:02x}"))?;
                formatter.write_str("…)")
            }
        }

        impl FromStr for $name {
            type Err = Fault;

            /// Reads 64 hexadecimal digits.
            fn from_str(text: &str) -> Result<Self, Fault> {
                let digits = text.as_bytes();
                let mut bytes = [0; 32];
                if digits.len() != 64 {
                    return Err(Fault::Form(concat!(stringify!($name), " is not 64 hexadecimal digits")));
                }
                for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
                    let (high, low) = (char::from(pair[0]).to_digit(16), char::from(pair[1]).to_digit(16));
                    match (high, low) {
                        (Some(high), Some(low)) => *byte = (high * 16 + low) as u8,
                        (None, _) | (_, None) => {
                            return Err(Fault::Form(concat!(stringify!($name), " is not 64 hexadecimal digits")));
                        }
                    }
                }
                Ok(Self(bytes))
            }
        }
    };
}

identifier! {
    /// A node's permanent name: BLAKE3 of its log public key.
    NodeId
}
identifier! {
    /// A federation's name: the hash of its genesis entry.
    FederationId
}
identifier! {
    /// A campaign's name: BLAKE3 of its creator's node id and 16 random bytes.
    CampaignId
}
identifier! {
    /// BLAKE3 of an entry's header, or of something else that is named by its hash.
    Hash
}

impl CampaignId {
    /// The name under which the directory speaks of the campaign where it revokes `author` or appoints it to lead: BLAKE3 of `folkmoot/hidden-campaign/1`, a
    /// zero byte, the id and the author's. Every node reads the directory, and only members may learn of a campaign.
    pub fn hidden_of(&self, author: NodeId) -> CampaignId {
        let mut hasher = blake3::Hasher::new();
        hasher.update(b"folkmoot/hidden-campaign/1\0").update(&self.0).update(&author.0);
        CampaignId(*hasher.finalize().as_bytes())
    }
}

impl FederationId {
    /// What the genesis entry itself carries in its `federation` field.
    pub const ZERO: FederationId = FederationId([0; 32]);
}

impl Hash {
    /// Stands before the first entry of a log, and for an empty bucket.
    pub const ZERO: Hash = Hash([0; 32]);

    /// BLAKE3 of `bytes`.
    pub fn of(bytes: &[u8]) -> Hash {
        Hash(*blake3::hash(bytes).as_bytes())
    }
}

/// 64 random bits drawn at process start: the epoch of the logs that the process writes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Incarnation(pub u64);

impl fmt::Display for Incarnation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:016x}", self.0)
    }
}

impl fmt::Debug for Incarnation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Incarnation({:016x})", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hexadecimal_goes_and_comes_back() {
        let id = NodeId(std::array::from_fn(|at| at as u8 * 7));
        assert_eq!(id.to_string().parse::<NodeId>(), Ok(id));
        for wrong in ["", "00", &"0g".repeat(32), &"00".repeat(33)] {
            assert!(wrong.parse::<NodeId>().is_err(), "{wrong}");
        }
    }
}
