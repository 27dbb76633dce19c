//! Which process of a peer may speak: the pure part of telling a restart from a copy.

use std::collections::BTreeSet;

use crate::id::Incarnation;

/// How an incarnation that says Hello stands among those seen before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// The first ever seen of this peer.
    Fresh,
    /// The current one again: its new stream takes the place of the older.
    Same,
    /// A new one: it takes the place of this one, whose streams end.
    Supersedes(Incarnation),
    /// One that was superseded before: two copies of the node run. It may read and is not listened to.
    Clone,
}

/// The incarnations seen of one peer. Kept by the store; a row an incarnation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PeerIncarnations {
    /// The one that may speak.
    pub current: Option<Incarnation>,
    /// Those that it or an earlier one took the place of.
    pub superseded: BTreeSet<Incarnation>,
}

impl PeerIncarnations {
    /// Judges an incarnation that says Hello.
    pub fn admit(&self, incarnation: Incarnation) -> Admission {
        match self.current {
            Some(current) if current == incarnation => Admission::Same,
            Some(_) | None if self.superseded.contains(&incarnation) => Admission::Clone,
            Some(current) => Admission::Supersedes(current),
            None => Admission::Fresh,
        }
    }

    /// What to remember after [`PeerIncarnations::admit`] gave this admission.
    pub fn record(&mut self, incarnation: Incarnation, admission: Admission) {
        match admission {
            Admission::Fresh => self.current = Some(incarnation),
            Admission::Supersedes(before) => {
                self.superseded.insert(before);
                self.current = Some(incarnation);
            }
            Admission::Same | Admission::Clone => (),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_restart_takes_over_and_what_it_replaced_is_a_clone() {
        let mut seen = PeerIncarnations::default();
        for (incarnation, expected) in [
            (1, Admission::Fresh),
            (1, Admission::Same),
            (2, Admission::Supersedes(Incarnation(1))),
            (1, Admission::Clone),
            (2, Admission::Same),
            (3, Admission::Supersedes(Incarnation(2))),
            (2, Admission::Clone),
            (1, Admission::Clone),
            (3, Admission::Same),
        ] {
            let admission = seen.admit(Incarnation(incarnation));
            assert_eq!(admission, expected, "incarnation {incarnation}");
            seen.record(Incarnation(incarnation), admission);
        }
    }
}
