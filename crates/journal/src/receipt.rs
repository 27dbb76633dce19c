//! Words that a node durably holds a log, signed for whoever wrote it.

use folkmoot_proto::federation::v1;

use crate::author::Author;
use crate::fault::Fault;
use crate::id::{FederationId, NodeId};
use crate::key::{Context, LogPublicKey, Signature};
use crate::topic::{Cursor, LogId, Topic};

/// The most numbers of set-aside entries in one receipt.
const SET_ASIDE_LIMIT: usize = 65_536;

/// "I durably hold this log up to here, these entries set aside." Cumulative: a later one replaces an earlier one. Who wrote
/// the log is given it signed, to prove what it reported, and when; whoever else brought it is told what need not be sent
/// again, which the stream between the two vouches for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// The topic of the log.
    pub topic: Topic,
    /// The log and how far it is held.
    pub held: Cursor,
    /// The entries up to there that were set aside, ascending.
    pub set_aside: Vec<u64>,
    /// For the log's author.
    pub proof: Option<Proof>,
}

/// What makes a receipt one that can be shown to others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    /// The giver's minute, from 1970-01-01T00:00Z.
    pub minute: u32,
    /// Who gives it.
    pub giver: NodeId,
    /// The giver's log key over federation (32 bytes), topic (33), author (32), incarnation (8), seq (8), hash (32), the
    /// count of the numbers set aside (4), each number (8), minute (4), giver (32); numbers big-endian.
    pub signature: Signature,
}

impl Receipt {
    /// Signs what this node durably holds. `set_aside` must ascend.
    pub fn sign(author: &Author, topic: Topic, held: Cursor, set_aside: Vec<u64>, minute: u32) -> Self {
        let giver = author.key.id();
        let bytes = layout(author.federation, topic, &held, &set_aside, minute, giver);
        let signature = author.key.sign(Context::Receipt, &bytes);
        Receipt { topic, held, set_aside, proof: Some(Proof { minute, giver, signature }) }
    }

    /// Checks the signature, where there is one, and that it is this key's.
    pub fn verify(&self, federation: FederationId, key: &LogPublicKey) -> Result<(), Fault> {
        let Some(Proof { minute, giver, signature }) = &self.proof else { return Ok(()) };
        if key.id() != *giver {
            return Err(Fault::Signature);
        }
        let bytes = layout(federation, self.topic, &self.held, &self.set_aside, *minute, *giver);
        key.verify(Context::Receipt, &bytes, signature)
    }

    /// The log that this is about.
    pub fn log(&self) -> LogId {
        self.held.log(self.topic)
    }

    /// The message.
    pub fn to_wire(&self) -> v1::Receipt {
        let proof = self.proof.as_ref();
        v1::Receipt {
            topic: self.topic.to_bytes().to_vec(),
            held: Some(self.held.to_wire()),
            set_aside: self.set_aside.clone(),
            minute: proof.map_or(0, |proof| proof.minute),
            giver: proof.map_or_else(Vec::new, |proof| proof.giver.0.to_vec()),
            signature: proof.map_or_else(Vec::new, |proof| proof.signature.0.to_vec()),
        }
    }

    /// Reads the message; the signature is the caller's to check.
    pub fn from_wire(wire: &v1::Receipt) -> Result<Self, Fault> {
        let held = Cursor::from_wire(wire.held.as_ref().ok_or(Fault::Form("a receipt names no entry"))?)?;
        if wire.set_aside.len() > SET_ASIDE_LIMIT {
            return Err(Fault::TooLarge("a receipt with over 65,536 entries set aside"));
        }
        let ascending = wire.set_aside.windows(2).all(|pair| pair[0] < pair[1]);
        if !ascending || wire.set_aside.last().is_some_and(|last| *last > held.seq) {
            return Err(Fault::Form("the entries set aside do not ascend up to the entry held"));
        }
        let is_signed = !wire.signature.is_empty() || !wire.giver.is_empty() || wire.minute != 0;
        let proof = || -> Result<Proof, Fault> {
            let (giver, signature) = (NodeId::from_slice(&wire.giver)?, Signature::from_slice(&wire.signature)?);
            Ok(Proof { minute: wire.minute, giver, signature })
        };
        Ok(Receipt {
            topic: Topic::from_slice(&wire.topic)?,
            held,
            set_aside: wire.set_aside.clone(),
            proof: is_signed.then(proof).transpose()?,
        })
    }
}

fn layout(
    federation: FederationId,
    topic: Topic,
    held: &Cursor,
    set_aside: &[u64],
    minute: u32,
    giver: NodeId,
) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(185 + 8 * set_aside.len());
    bytes.extend_from_slice(&federation.0);
    bytes.extend_from_slice(&topic.to_bytes());
    bytes.extend_from_slice(&held.to_bytes());
    bytes.extend_from_slice(&(set_aside.len() as u32).to_be_bytes());
    for seq in set_aside {
        bytes.extend_from_slice(&seq.to_be_bytes());
    }
    bytes.extend_from_slice(&minute.to_be_bytes());
    bytes.extend_from_slice(&giver.0);
    bytes
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::id::{Hash, Incarnation};
    use crate::key::LogKey;

    const FEDERATION: FederationId = FederationId([9; 32]);

    fn receipt() -> (Receipt, LogPublicKey) {
        let key = Arc::new(LogKey::from_seed(&[1; 32]));
        let public = key.public();
        let author = Author { key, incarnation: Incarnation(1), federation: FEDERATION };
        let held = Cursor { author: NodeId([2; 32]), incarnation: Incarnation(3), seq: 12, hash: Hash([4; 32]) };
        (Receipt::sign(&author, Topic::Releases(NodeId([2; 32])), held, vec![2, 12], 29_000_000), public)
    }

    #[test]
    fn a_receipt_goes_over_the_wire_and_holds() {
        let (receipt, key) = receipt();
        let again = Receipt::from_wire(&receipt.to_wire()).unwrap();
        assert_eq!(again, receipt);
        assert_eq!(again.verify(FEDERATION, &key), Ok(()));
    }

    #[test]
    fn a_receipt_without_proof_goes_over_the_wire_and_a_part_of_a_proof_does_not() {
        let plain = Receipt { proof: None, ..receipt().0 };
        assert_eq!(Receipt::from_wire(&plain.to_wire()).unwrap(), plain);
        let check = |change: fn(&mut v1::Receipt)| {
            let mut wire = receipt().0.to_wire();
            change(&mut wire);
            assert!(Receipt::from_wire(&wire).is_err(), "{wire:?}");
        };
        check(|wire| wire.giver.clear());
        check(|wire| wire.signature.clear());
        check(|wire| (wire.giver, wire.signature) = (Vec::new(), Vec::new()));
    }

    #[test]
    fn nothing_in_a_receipt_can_be_changed() {
        let check = |change: fn(&mut Receipt, &mut Proof)| {
            let (mut receipt, key) = receipt();
            let mut proof = receipt.proof.take().unwrap();
            change(&mut receipt, &mut proof);
            receipt.proof = Some(proof);
            assert_eq!(receipt.verify(FEDERATION, &key), Err(Fault::Signature));
        };
        check(|receipt, _| receipt.topic = Topic::Directory);
        check(|receipt, _| receipt.held.seq = 13);
        check(|receipt, _| receipt.held.hash = Hash([5; 32]));
        check(|receipt, _| receipt.set_aside.clear());
        check(|_, proof| proof.minute += 1);
        check(|_, proof| proof.giver = NodeId([2; 32]));
        let (receipt, key) = receipt();
        assert_eq!(receipt.verify(FederationId([8; 32]), &key), Err(Fault::Signature));
    }

    #[test]
    fn numbers_set_aside_ascend_up_to_the_entry_held() {
        for wrong in [vec![3, 2], vec![2, 2], vec![13]] {
            let mut wire = receipt().0.to_wire();
            wire.set_aside = wrong.clone();
            assert!(Receipt::from_wire(&wire).is_err(), "{wrong:?}");
        }
    }
}
