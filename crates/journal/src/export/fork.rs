//! The proof that a log forks: entries past the last common one, of which two or more bear the number after it.

use std::collections::{BTreeMap, BTreeSet};

use super::file::Record;
use super::log::{Chain, HeldLog};
use super::misfit::{Misfit, Place, Problem};
use crate::entry::Entry;
use crate::id::{FederationId, Hash};
use crate::key::{Context, LogPublicKey};

/// Checks that the author signed two different entries after the last that counts, and that nothing else lies in the
/// file. They also prove what the log's own signatures do not reach.
pub(super) fn check(
    records: Vec<Record>,
    held: &HeldLog,
    file: &str,
    chain: &mut Chain,
    key: &LogPublicKey,
    federation: FederationId,
) -> Result<(), Misfit> {
    let at = |seq, problem| Misfit::of_entry(file, Place { log: held.log, seq }, problem);
    let mut entries: BTreeMap<Hash, Entry> = BTreeMap::new();
    let mut last = (held.seq, Hash::ZERO);
    for record in records {
        let (header, wire) = match record {
            Record::Read { header, wire } => (header, wire),
            Record::Unreadable(fault) => return Err(at(last.0.max(1), Problem::Unreadable(fault.to_string()))),
        };
        if header.log() != held.log || header.federation != federation {
            return Err(at(header.seq, Problem::OtherLog));
        }
        let entry = Entry::from_wire(&wire).map_err(|_| at(header.seq, Problem::Payload))?;
        if (header.seq, entry.hash) <= last || header.seq <= held.seq {
            return Err(at(header.seq, Problem::Reordered { expected: last.0.max(held.seq + 1) }));
        }
        last = (header.seq, entry.hash);
        if let Some(signature) = &entry.signature
            && key.verify(Context::Entry, &header.encode(), signature).is_err()
        {
            return Err(at(header.seq, Problem::Signature));
        }
        entries.insert(entry.hash, entry);
    }
    let mut proved = BTreeSet::new();
    let mut branches = BTreeSet::new();
    for signed in entries.values().filter(|entry| entry.signature.is_some()) {
        let mut entry = Some(signed);
        while let Some(reached) = entry.filter(|reached| proved.insert(reached.hash)) {
            if reached.header.seq == held.seq + 1 {
                chain.prove_by(reached.header.prev_hash, &held.entries_file(), held)?;
                branches.insert(reached.hash);
            }
            entry = entries.get(&reached.header.prev_hash);
        }
    }
    if let Some(entry) = entries.values().filter(|entry| !proved.contains(&entry.hash)).min_by_key(|e| e.header.seq) {
        return Err(at(entry.header.seq, Problem::Unsigned));
    }
    if branches.len() < 2 || !chain.is_proved() {
        return Err(at(held.seq + 1, Problem::ForkUnproved));
    }
    Ok(())
}
