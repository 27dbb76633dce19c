//! One log of an export: its chain and its signatures.

use super::file::Record;
use super::misfit::{Misfit, Place, Problem};
use crate::entry::Entry;
use crate::fault::Fault;
use crate::id::{FederationId, Hash};
use crate::key::{Context, LogPublicKey};
use crate::refusal::RefusalReason;
use crate::topic::{LogId, Topic};

/// A log as the Academy says that it holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldLog {
    /// The log.
    pub log: LogId,
    /// The number of the last entry that counts; 0 where the log forks at its first.
    pub seq: u64,
    /// That entry's hash; zeros where there is none.
    pub hash: Hash,
    /// Whether two entries bear the number after it, so that nothing later counts.
    pub forked: bool,
    /// The entries up to there that were set aside, ascending, with why.
    pub set_aside: Vec<(u64, RefusalReason)>,
}

impl HeldLog {
    /// The log's name in the manifest: `directory/INCARNATION` or `releases/HUB/INCARNATION`, in hexadecimal.
    pub fn name(&self) -> String {
        match self.log.topic {
            Topic::Directory => format!("directory/{}", self.log.incarnation),
            Topic::Curriculum => format!("curriculum/{}", self.log.incarnation),
            Topic::Proposals(hub) => format!("proposals/{hub}/{}", self.log.incarnation),
            Topic::Releases(hub) => format!("releases/{hub}/{}", self.log.incarnation),
            Topic::Campaign(id) => format!("campaign/{id}/{}", self.log.incarnation),
        }
    }

    /// The file of the entries that count.
    pub fn entries_file(&self) -> String {
        format!("{}.entries", self.name())
    }

    /// The file of the entries that prove the fork, where the log forks.
    pub fn fork_file(&self) -> Option<String> {
        self.forked.then(|| format!("{}.fork", self.name()))
    }

    /// The log's files, in order.
    pub fn files(&self) -> impl Iterator<Item = String> {
        std::iter::once(self.entries_file()).chain(self.fork_file())
    }

    /// Why the entry was set aside, where it was.
    pub(super) fn aside(&self, seq: u64) -> Option<RefusalReason> {
        let at = self.set_aside.binary_search_by_key(&seq, |(aside, _)| *aside).ok()?;
        Some(self.set_aside[at].1)
    }
}

/// The entries of a log whose own form was found good. The last of them may bear no signature where the log forks.
pub(super) struct Chain {
    pub(super) entries: Vec<Entry>,
    /// How many of the first entries a signature covers.
    proved: usize,
}

/// Checks the entries of a log: their numbers, what each follows, their payloads, their signatures, and that the log goes
/// just as far as the manifest says.
pub(super) fn check(
    records: Vec<Record>,
    held: &HeldLog,
    key: &LogPublicKey,
    federation: FederationId,
) -> Result<Chain, Misfit> {
    let file = held.entries_file();
    let at = |seq, problem| Misfit::of_entry(&file, Place { log: held.log, seq }, problem);
    let later: Vec<Option<u64>> = records.iter().map(Record::seq).collect();
    let mut chain = Chain { entries: Vec::new(), proved: 0 };
    for (position, record) in records.into_iter().enumerate() {
        let expected = position as u64 + 1;
        let (header, wire) = match record {
            Record::Read { header, wire } => (header, wire),
            Record::Unreadable(fault) => return Err(at(expected, Problem::Unreadable(fault.to_string()))),
        };
        if header.log() != held.log {
            return Err(at(expected, Problem::OtherLog));
        }
        if header.seq != expected {
            let missing = header.seq > expected && !later[position..].contains(&Some(expected));
            return Err(match missing {
                true => at(expected, Problem::Dropped { stands: header.seq }),
                false => at(header.seq, Problem::Reordered { expected }),
            });
        }
        if expected > held.seq {
            return Err(at(expected, Problem::Beyond { tip: held.seq }));
        }
        let genesis = held.log.topic == Topic::Directory && header.federation == FederationId::ZERO && expected == 1;
        if header.federation != federation && !genesis {
            return Err(at(expected, Problem::OtherFederation));
        }
        let entry = Entry::from_wire(&wire).map_err(|fault| match fault == Fault::PayloadHash {
            true => at(expected, Problem::Payload),
            false => at(expected, Problem::Unreadable(fault.to_string())),
        })?;
        if entry.body.is_none() {
            return Err(at(expected, Problem::PayloadMissing));
        }
        let signature = entry.signature;
        chain.entries.push(entry);
        if let Some(signature) = signature {
            if key.verify(Context::Entry, &header.encode(), &signature).is_err() {
                return Err(at(expected, Problem::Signature));
            }
            chain.prove(&file, held)?;
        }
    }
    let count = chain.entries.len() as u64;
    if count < held.seq {
        return Err(at(count + 1, Problem::CutShort { tip: held.seq }));
    }
    if chain.proved < chain.entries.len() && !held.forked {
        return Err(at(count, Problem::Unsigned));
    }
    if chain.tip() != held.hash {
        return Err(at(count, Problem::OtherTip));
    }
    Ok(chain)
}

impl Chain {
    /// The hash of the last entry; zeros where there is none.
    pub(super) fn tip(&self) -> Hash {
        self.entries.last().map_or(Hash::ZERO, |entry| entry.hash)
    }

    /// Whether a signature covers every entry.
    pub(super) fn is_proved(&self) -> bool {
        self.proved == self.entries.len()
    }

    /// Follows the chain back from the last entry, whose signature holds, to what was proved before. What is named by its
    /// successor is what the author signed; an entry that is not was changed.
    fn prove(&mut self, file: &str, held: &HeldLog) -> Result<(), Misfit> {
        let at = |seq, problem| Misfit::of_entry(file, Place { log: held.log, seq }, problem);
        for position in (self.proved..self.entries.len()).rev() {
            let entry = &self.entries[position];
            let before = position.checked_sub(1).map(|before| &self.entries[before]);
            let named = before.map_or(Hash::ZERO, |before| before.hash);
            if entry.header.prev_hash != named {
                // Both ends are signed where the one before was proved already: then another entry stood between them.
                return Err(match before {
                    Some(before) if position > self.proved => at(before.header.seq, Problem::Changed),
                    Some(_) | None => at(entry.header.seq, Problem::Chain),
                });
            }
        }
        self.proved = self.entries.len();
        Ok(())
    }

    /// As [`Chain::prove`], from an entry outside of the chain that names its last.
    pub(super) fn prove_by(&mut self, successor: Hash, file: &str, held: &HeldLog) -> Result<(), Misfit> {
        if successor != self.tip() {
            let seq = self.entries.len().max(1) as u64;
            return Err(Misfit::of_entry(file, Place { log: held.log, seq }, Problem::Changed));
        }
        self.prove(file, held)
    }
}
