//! Digests over what a node holds: a leaf a topic, 256 buckets, one root.

use crate::id::Hash;
use crate::topic::{Cursor, Topic};

/// How many buckets there are.
pub const BUCKETS: usize = 256;

/// The digest of one topic: its 33 bytes, then its tips, ascending, 80 bytes each. A topic without a log has none.
pub fn leaf(topic: Topic, tips: &[Cursor]) -> Hash {
    let mut hasher = blake3::Hasher::new();
    hasher.update(b"folkmoot/leaf/1\0").update(&topic.to_bytes());
    let mut sorted = tips.to_vec();
    sorted.sort_unstable();
    for tip in sorted {
        hasher.update(&tip.to_bytes());
    }
    Hash(*hasher.finalize().as_bytes())
}

/// The bucket that a topic falls into: the first byte of BLAKE3 of its 33 bytes.
pub fn bucket_of(topic: Topic) -> u8 {
    blake3::hash(&topic.to_bytes()).as_bytes()[0]
}

/// The digest of one bucket: the leaves of its topics, in the order of the topics. An empty one is zeros.
pub fn bucket(leaves: &[Hash]) -> Hash {
    if leaves.is_empty() {
        return Hash::ZERO;
    }
    let mut hasher = blake3::Hasher::new();
    hasher.update(b"folkmoot/bucket/1\0");
    for leaf in leaves {
        hasher.update(&leaf.0);
    }
    Hash(*hasher.finalize().as_bytes())
}

/// The digest of everything.
pub fn root(buckets: &[Hash; BUCKETS]) -> Hash {
    let mut hasher = blake3::Hasher::new();
    hasher.update(b"folkmoot/root/1\0");
    for bucket in buckets {
        hasher.update(&bucket.0);
    }
    Hash(*hasher.finalize().as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::{Incarnation, NodeId};

    #[test]
    fn a_leaf_covers_topic_and_tips_in_any_order() {
        let tip = |incarnation, seq| Cursor {
            author: NodeId([1; 32]),
            incarnation: Incarnation(incarnation),
            seq,
            hash: Hash([2; 32]),
        };
        let both = leaf(Topic::Directory, &[tip(1, 1), tip(2, 1)]);
        assert_eq!(both, leaf(Topic::Directory, &[tip(2, 1), tip(1, 1)]));
        assert_ne!(both, leaf(Topic::Curriculum, &[tip(1, 1), tip(2, 1)]));
        assert_ne!(both, leaf(Topic::Directory, &[tip(1, 1), tip(2, 2)]));
        assert_ne!(both, leaf(Topic::Directory, &[tip(1, 1)]));
    }

    #[test]
    fn roots_differ_where_a_bucket_does() {
        let mut buckets = [Hash::ZERO; BUCKETS];
        let empty = root(&buckets);
        buckets[255] = bucket(&[Hash([1; 32])]);
        assert_ne!(root(&buckets), empty);
        assert_eq!(bucket(&[]), Hash::ZERO);
    }
}
