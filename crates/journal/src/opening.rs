//! Which earlier tips the opening of a new log names.

use std::collections::BTreeMap;

use crate::id::Incarnation;
use crate::topic::Cursor;

/// What is known of one log of the author in the topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownLog {
    /// The last entry held.
    pub tip: Cursor,
    /// What its opening names.
    pub earlier: Vec<Cursor>,
}

/// The tips that a new log's opening must name: of all the author's logs in the topic, those that no other log among
/// them names already. Naming is transitive, as a named log's own opening names what came before it.
///
/// An entry that came back after a log was opened lies past the cursor which that opening names; its tip is not
/// covered, and the next opening names it.
pub fn earlier_tips(logs: &BTreeMap<Incarnation, KnownLog>) -> Vec<Cursor> {
    let covered = |incarnation: &Incarnation, tip: &Cursor| {
        logs.iter().filter(|(other, _)| *other != incarnation).flat_map(|(_, log)| &log.earlier).any(|named| {
            named.author == tip.author
                && named.incarnation == tip.incarnation
                && (named.seq > tip.seq || (named.seq == tip.seq && named.hash == tip.hash))
        })
    };
    logs.iter().filter(|(incarnation, log)| !covered(incarnation, &log.tip)).map(|(_, log)| log.tip).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::{Hash, NodeId};

    fn cursor(incarnation: u64, seq: u64) -> Cursor {
        Cursor {
            author: NodeId([1; 32]),
            incarnation: Incarnation(incarnation),
            seq,
            hash: Hash([(incarnation * 16 + seq) as u8; 32]),
        }
    }

    /// Incarnation, number of the tip, what the opening names.
    type Log = (u64, u64, &'static [(u64, u64)]);

    fn check(logs: &[Log], expected: &[(u64, u64)]) {
        let logs = logs
            .iter()
            .map(|(incarnation, seq, earlier)| {
                let earlier = earlier.iter().map(|(incarnation, seq)| cursor(*incarnation, *seq)).collect();
                (Incarnation(*incarnation), KnownLog { tip: cursor(*incarnation, *seq), earlier })
            })
            .collect();
        let expected: Vec<Cursor> = expected.iter().map(|(incarnation, seq)| cursor(*incarnation, *seq)).collect();
        assert_eq!(earlier_tips(&logs), expected);
    }

    #[test]
    fn an_opening_names_what_no_other_log_names() {
        check(&[], &[]);
        check(&[(1, 5, &[])], &[(1, 5)]);
        check(&[(1, 5, &[]), (2, 3, &[(1, 5)])], &[(2, 3)]);
        check(&[(1, 5, &[]), (2, 3, &[(1, 5)]), (3, 1, &[(2, 3)])], &[(3, 1)]);
    }

    #[test]
    fn what_came_back_later_is_named_again() {
        check(&[(1, 7, &[]), (2, 3, &[(1, 5)])], &[(1, 7), (2, 3)]);
        check(&[(1, 7, &[]), (2, 3, &[(1, 5)]), (3, 1, &[(1, 7), (2, 3)])], &[(3, 1)]);
        check(&[(1, 7, &[]), (2, 3, &[(1, 5)]), (3, 1, &[(1, 7), (2, 2)])], &[(2, 3), (3, 1)]);
    }

    #[test]
    fn a_log_that_is_held_shorter_than_it_was_named_is_covered() {
        check(&[(1, 4, &[]), (2, 3, &[(1, 5)])], &[(2, 3)]);
    }

    #[test]
    fn two_copies_that_ran_side_by_side_are_both_named() {
        check(&[(1, 5, &[]), (2, 3, &[(1, 5)]), (3, 2, &[(1, 5)])], &[(2, 3), (3, 2)]);
    }
}
