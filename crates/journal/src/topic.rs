//! Topics, logs and cursors.

use folkmoot_proto::federation::v1;

use crate::directory::Directory;
use crate::fault::Fault;
use crate::id::{CampaignId, Hash, Incarnation, NodeId};

/// What a log is about; decides who may write and who may read it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Topic {
    /// Who takes part: hubs, keys, addresses, funding programmes.
    Directory,
    /// Editions of the curriculum.
    Curriculum,
    /// What a hub proposes to change in the curriculum.
    Proposals(NodeId),
    /// What a hub releases.
    Releases(NodeId),
    /// A campaign's document, by the campaign's id.
    Campaign(CampaignId),
}

impl Topic {
    /// The 33 bytes of the wire: a kind from 1 to 5, then the id or zeros.
    pub fn to_bytes(&self) -> [u8; 33] {
        let (kind, id) = match self {
            Topic::Directory => (1, &[0; 32]),
            Topic::Curriculum => (2, &[0; 32]),
            Topic::Proposals(hub) => (3, &hub.0),
            Topic::Releases(hub) => (4, &hub.0),
            Topic::Campaign(id) => (5, &id.0),
        };
        let mut bytes = [0; 33];
        bytes[0] = kind;
        bytes[1..].copy_from_slice(id);
        bytes
    }

    /// Reads the 33 bytes of the wire.
    pub fn from_bytes(bytes: &[u8; 33]) -> Result<Self, Fault> {
        let mut id = [0; 32];
        id.copy_from_slice(&bytes[1..]);
        match bytes[0] {
            1 | 2 if id != [0; 32] => Err(Fault::Form("a topic without an id carries one")),
            1 => Ok(Topic::Directory),
            2 => Ok(Topic::Curriculum),
            3 => Ok(Topic::Proposals(NodeId(id))),
            4 => Ok(Topic::Releases(NodeId(id))),
            5 => Ok(Topic::Campaign(CampaignId(id))),
            _ => Err(Fault::Form("no such kind of topic")),
        }
    }

    /// Reads exactly 33 bytes.
    pub fn from_slice(bytes: &[u8]) -> Result<Self, Fault> {
        Topic::from_bytes(bytes.try_into().map_err(|_| Fault::Form("a topic is not 33 bytes"))?)
    }

    /// What an operator reads, with the hub's name where the directory has it.
    pub fn words(&self, directory: &Directory) -> String {
        let name = |hub: &NodeId| match directory.hubs().get(hub) {
            Some(record) => record.name.to_string(),
            None => hub.to_string(),
        };
        match self {
            Topic::Directory => "directory".to_owned(),
            Topic::Curriculum => "curriculum".to_owned(),
            Topic::Proposals(hub) => format!("proposals of {}", name(hub)),
            Topic::Releases(hub) => format!("releases of {}", name(hub)),
            Topic::Campaign(id) => format!("campaign {id}"),
        }
    }
}

/// One author's log of one process lifetime in one topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LogId {
    /// What it is about.
    pub topic: Topic,
    /// Who writes it.
    pub author: NodeId,
    /// The author's process lifetime.
    pub incarnation: Incarnation,
}

/// Names an entry so that its lineage is proved: the hash covers every entry before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cursor {
    /// Who wrote it.
    pub author: NodeId,
    /// The author's process lifetime.
    pub incarnation: Incarnation,
    /// Its number in its log, from 1.
    pub seq: u64,
    /// BLAKE3 of its header.
    pub hash: Hash,
}

impl Cursor {
    /// The log of the entry, in this topic.
    pub fn log(&self, topic: Topic) -> LogId {
        LogId { topic, author: self.author, incarnation: self.incarnation }
    }

    /// The 80 bytes that digests and signatures cover: author, incarnation, seq, hash, big-endian.
    pub fn to_bytes(&self) -> [u8; 80] {
        let mut bytes = [0; 80];
        bytes[..32].copy_from_slice(&self.author.0);
        bytes[32..40].copy_from_slice(&self.incarnation.0.to_be_bytes());
        bytes[40..48].copy_from_slice(&self.seq.to_be_bytes());
        bytes[48..].copy_from_slice(&self.hash.0);
        bytes
    }

    /// The message.
    pub fn to_wire(&self) -> v1::Cursor {
        v1::Cursor {
            author: self.author.0.to_vec(),
            incarnation: self.incarnation.0,
            seq: self.seq,
            hash: self.hash.0.to_vec(),
        }
    }

    /// Reads the message.
    pub fn from_wire(wire: &v1::Cursor) -> Result<Self, Fault> {
        if wire.seq == 0 {
            return Err(Fault::Form("a cursor has the number 0"));
        }
        Ok(Cursor {
            author: NodeId::from_slice(&wire.author)?,
            incarnation: Incarnation(wire.incarnation),
            seq: wire.seq,
            hash: Hash::from_slice(&wire.hash)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topics_go_and_come_back() {
        let id = [9; 32];
        for topic in [
            Topic::Directory,
            Topic::Curriculum,
            Topic::Proposals(NodeId(id)),
            Topic::Releases(NodeId(id)),
            Topic::Campaign(CampaignId(id)),
        ] {
            assert_eq!(Topic::from_slice(&topic.to_bytes()), Ok(topic));
        }
    }

    #[test]
    fn foreign_topics_are_refused() {
        let mut directory_with_id = [0; 33];
        directory_with_id[0] = 1;
        directory_with_id[9] = 1;
        for bytes in [&[0; 33][..], &[6; 33], &directory_with_id, &[1; 32], &[]] {
            assert!(Topic::from_slice(bytes).is_err(), "{bytes:?}");
        }
    }
}
