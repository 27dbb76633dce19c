//! The Academy's policies: which stand, and which is in force when, whatever order they become known in.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use folkmoot_domain::calendar::{Quarter, Span};

use super::{Policy, PolicyFault, Terms};

/// A policy as the Academy makes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PolicyRecord {
    /// Counts the policies on from 2; version 1 are the floors.
    pub version: u32,
    /// The first quarter in which it holds.
    pub from: Quarter,
    /// The terms.
    pub terms: Terms,
}

impl PolicyRecord {
    fn rank(&self) -> Rank {
        let Terms { threshold, special_threshold, largest_percent, two_largest_percent } = self.terms;
        let shares = (Reverse(largest_percent), Reverse(two_largest_percent));
        (threshold, special_threshold, shares.0, shares.1, Reverse(self.from))
    }

    /// Whether the policy is sound in itself.
    fn check(&self) -> Result<(), Vec<PolicyFault>> {
        let mut faults = self.terms.faults();
        if self.version <= Policy::FLOOR_VERSION {
            faults.push(PolicyFault::Version);
        }
        if faults.is_empty() { Ok(()) } else { Err(faults) }
    }

    pub(super) fn policy(&self) -> Policy {
        Policy { version: self.version, terms: self.terms }
    }
}

/// Orders policies of one version: the stricter last, and of two that are each stricter in something the one that is in
/// the first such term.
type Rank = (u32, u32, Reverse<u32>, Reverse<u32>, Reverse<Quarter>);

/// A policy and the periods that it holds for: those that end in the quarters from the first to the last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InForce {
    /// The policy.
    pub policy: Policy,
    /// The first quarter; `None` of the floors: from the beginning.
    pub first: Option<Quarter>,
    /// The last quarter; `None` where no later policy is known.
    pub last: Option<Quarter>,
}

/// The policies that became known. Two nodes that know the same ones say the same of each, in whatever order they came:
///
/// - A policy *stands* where it is sound, is in no term laxer than any policy of a lower version that stands, and is the
///   strictest of those of its version of which that is true. So terms never get laxer as versions go up.
/// - In force is the highest version that stands and has begun by the last day of the period. So terms never get laxer as
///   time goes on either.
///
/// Policies that do not stand are remembered, since one that becomes known later may let them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Policies {
    /// Every sound policy, those of one version by rank.
    records: BTreeMap<u32, BTreeMap<Rank, PolicyRecord>>,
}

impl Policies {
    /// Takes a policy that is sound in itself; `false` where the very same is there already. Whether it stands,
    /// [`Policies::check`] says.
    ///
    /// # Errors
    /// Everything that is wrong with a policy which can never stand.
    pub fn insert(&mut self, record: PolicyRecord) -> Result<bool, Vec<PolicyFault>> {
        record.check()?;
        Ok(self.records.entry(record.version).or_default().insert(record.rank(), record).is_none())
    }

    /// Whether a policy stands beside those that were taken, it among them.
    ///
    /// # Errors
    /// Why not.
    pub fn check(&self, record: &PolicyRecord) -> Result<(), Vec<PolicyFault>> {
        record.check()?;
        let (mut before, mut stands) = (Policy::floor(), false);
        for standing in self.standing() {
            if standing.version < record.version {
                before = standing.policy();
            }
            stands |= standing == *record;
        }
        let laxer = record.terms.laxer_faults(&before);
        match (stands, laxer.is_empty()) {
            (true, _) => Ok(()),
            (false, false) => Err(laxer),
            (false, true) => Err(vec![PolicyFault::VersionTaken { version: record.version }]),
        }
    }

    /// Everything that would keep a further policy with these terms from standing.
    pub fn faults_of_next(&self, terms: &Terms) -> Vec<PolicyFault> {
        let mut faults = terms.laxer_faults(&self.latest());
        faults.extend(terms.faults());
        faults.sort_by_key(PolicyFault::term);
        // What is laxer than the policy before may be laxer than the floors too: one of the two will do.
        faults.dedup_by_key(|fault| fault.term());
        faults
    }

    /// The policies that stand, by version; the floors are not among them.
    pub fn standing(&self) -> Vec<PolicyRecord> {
        let mut standing: Vec<PolicyRecord> = Vec::new();
        for candidates in self.records.values() {
            let before = standing.last().map_or(Terms::FLOOR, |record| record.terms);
            let strictest = candidates.values().rev().find(|record| record.terms.laxer_than(&before).is_empty());
            standing.extend(strictest);
        }
        standing
    }

    /// The policy with the highest version that stands, begun or not.
    pub fn latest(&self) -> Policy {
        self.standing().last().map_or_else(Policy::floor, PolicyRecord::policy)
    }

    /// The version of the next policy; `None` past the last number.
    pub fn next_version(&self) -> Option<u32> {
        self.records.keys().next_back().map_or(Policy::FLOOR_VERSION, |version| *version).checked_add(1)
    }

    /// The policy that a period is under.
    pub fn in_force(&self, period: Span) -> Policy {
        let begun = |record: &&PolicyRecord| record.from.first_day() <= period.last;
        self.standing().iter().rev().find(begun).map_or_else(Policy::floor, PolicyRecord::policy)
    }

    /// The policy of a version, where it stands.
    pub fn of_version(&self, version: u32) -> Option<Policy> {
        let of_version = |record: &&PolicyRecord| record.version == version;
        let found = self.standing().iter().find(of_version).map(PolicyRecord::policy);
        found.or_else(|| Policy::of_version(version))
    }

    /// Which policy holds when, the floors first. A policy that a later one replaced before it began is left out.
    pub fn schedule(&self) -> Vec<InForce> {
        let mut schedule = Vec::new();
        let mut until: Option<Quarter> = None;
        for record in self.standing().iter().rev() {
            if until.is_none_or(|until| record.from < until) {
                let last = until.and_then(before);
                schedule.push(InForce { policy: record.policy(), first: Some(record.from), last });
                until = Some(record.from);
            }
        }
        schedule.push(InForce { policy: Policy::floor(), first: None, last: until.and_then(before) });
        schedule.reverse();
        schedule
    }
}

fn before(quarter: Quarter) -> Option<Quarter> {
    Quarter::from_index(quarter.index() - 1)
}
