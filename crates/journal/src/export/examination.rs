//! Reads an export file by file, and ends on the first entry that does not fit.

use std::collections::VecDeque;
use std::sync::Arc;

use folkmoot_domain::Date;

use super::log::{Chain, HeldLog};
use super::manifest::{MANIFEST, Manifest};
use super::misfit::{Misfit, Place, Problem};
use super::releases::{Noted, Releases, StandingRelease};
use super::{file, fork, log};
use crate::author::{Genesis, check_genesis};
use crate::directory::Directory;
use crate::id::FederationId;
use crate::key::{LogPublicKey, Signature};
use crate::payload::Payload;
use crate::rights::Rights;
use crate::topic::Topic;

/// An examination under way: it says which file it wants next, and takes its bytes.
pub struct Examination {
    manifest: Manifest,
    signature: Signature,
    /// The files to come, each with the log's place in the manifest.
    wanted: VecDeque<(String, usize)>,
    academy: Option<Genesis>,
    rights: Rights,
    releases: Releases,
    /// The log whose proof of a fork is to come.
    forking: Option<Chain>,
    entries: u64,
}

/// What was found where everything fits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Examined {
    /// What the Academy signed for.
    pub manifest: Manifest,
    /// The federation's beginning, with the Academy's name and key.
    pub genesis: Genesis,
    /// Every hub and funding programme, as the directory's entries add up.
    pub directory: Arc<Directory>,
    /// How many entries were checked.
    pub entries: u64,
    /// The releases that count: the latest revision of each hub and period.
    pub standing: Vec<StandingRelease>,
    /// Entries that the Academy set aside.
    pub noted: Vec<Noted>,
}

impl Examination {
    /// Begins with the manifest's bytes. `asked` is the federation that the reader wants to know about; without it the
    /// reader has to compare the id by eye.
    ///
    /// # Errors
    /// Where the manifest cannot be read, or is of another federation.
    pub fn begin(manifest: &[u8], asked: Option<FederationId>) -> Result<Examination, Misfit> {
        let (manifest, signature) = Manifest::read(manifest)?;
        if asked.is_some_and(|asked| asked != manifest.federation) {
            return Err(Misfit::of_file(MANIFEST, Problem::OtherFederationAsked));
        }
        let numbered = manifest.logs.iter().enumerate();
        let wanted = numbered.flat_map(|(at, held)| held.files().map(move |file| (file, at))).collect();
        Ok(Examination {
            manifest,
            signature,
            wanted,
            academy: None,
            rights: Rights::default(),
            releases: Releases::default(),
            forking: None,
            entries: 0,
        })
    }

    /// The file to bring next; none once all were taken.
    pub fn wants(&self) -> Option<&str> {
        self.wanted.front().map(|(file, _)| file.as_str())
    }

    /// The directory as far as it was taken.
    pub fn directory(&self) -> &Directory {
        &self.rights.directory
    }

    /// Takes the file that was wanted; `None` where it is not there.
    ///
    /// # Errors
    /// The first entry in it that does not fit.
    pub fn take(&mut self, bytes: Option<&[u8]>) -> Result<(), Misfit> {
        let Some((name, at)) = self.wanted.pop_front() else { return Ok(()) };
        let bytes = bytes.ok_or_else(|| Misfit::of_file(&name, Problem::FileMissing))?;
        let held = self.manifest.logs[at].clone();
        let records = file::records(bytes);
        let federation = self.manifest.federation;
        let key = self.key_of(&held, &name, &records)?;
        let chain = match self.forking.take() {
            Some(mut chain) => {
                fork::check(records, &held, &name, &mut chain, &key, federation)?;
                chain
            }
            None => log::check(records, &held, &key, federation)?,
        };
        if held.forked && self.wanted.front().is_some_and(|(_, next)| *next == at) {
            self.forking = Some(chain);
            return Ok(());
        }
        self.entries += chain.entries.len() as u64;
        self.apply(&held, &chain)
    }

    /// The key that signs the log: the Academy's from the genesis entry, which comes first, a hub's from the directory.
    fn key_of(&mut self, held: &HeldLog, name: &str, records: &[file::Record]) -> Result<LogPublicKey, Misfit> {
        if self.academy.is_none() {
            let place = Place { log: held.log, seq: 1 };
            let wrong = |words: String| Misfit::of_entry(name, place, Problem::Genesis(words));
            let genesis = genesis(records, self.manifest.federation).map_err(wrong)?;
            if self.manifest.verify(&self.signature, &genesis.log_key).is_err() {
                return Err(Misfit::of_file(MANIFEST, Problem::ManifestSignature));
            }
            self.academy = Some(genesis);
        }
        let academy = self.academy.as_ref().map(|genesis| genesis.log_key);
        let key = match held.log.topic {
            Topic::Directory => academy,
            Topic::Releases(hub) => self.rights.directory.hubs().get(&hub).map(|record| record.log_key),
            Topic::Curriculum | Topic::Proposals(_) | Topic::Campaign(_) => None,
        };
        key.ok_or_else(|| Misfit::of_file(name, Problem::UnknownHub))
    }

    fn apply(&mut self, held: &HeldLog, chain: &Chain) -> Result<(), Misfit> {
        let file = held.entries_file();
        if let Topic::Releases(hub) = held.log.topic {
            let hub = self.rights.directory.hubs().get(&hub).cloned();
            let hub = hub.ok_or_else(|| Misfit::of_file(&file, Problem::UnknownHub))?;
            let today = day(self.manifest.minute);
            return self.releases.judge(held, &chain.entries, &hub, &self.rights, today);
        }
        for entry in &chain.entries {
            let place = Place { log: held.log, seq: entry.header.seq };
            if let Some(reason) = held.aside(place.seq) {
                self.releases.note(Noted { place, reason, shown: false });
                continue;
            }
            let faulty = |words: String| Misfit::of_entry(&file, place, Problem::Faulty(words));
            let bytes = entry.body.as_ref().map_or(&[][..], |body| &body.payload);
            let payload =
                Payload::decode(entry.header.payload_kind, bytes).map_err(|fault| faulty(fault.to_string()))?;
            let Some(payload) = payload else { continue };
            let directory = Arc::make_mut(&mut self.rights.directory);
            directory.apply(&payload).map_err(|fault| faulty(fault.to_string()))?;
        }
        Ok(())
    }

    /// Ends the examination, once every file was taken.
    ///
    /// # Errors
    /// Where a release was set aside as a second one, and there is no first; or files are still wanted.
    pub fn end(self) -> Result<Examined, Misfit> {
        if let Some((file, _)) = self.wanted.front() {
            return Err(Misfit::of_file(file, Problem::FileMissing));
        }
        let genesis = self.academy.ok_or_else(|| Misfit::of_file(MANIFEST, Problem::ManifestSignature))?;
        let (standing, noted) = self.releases.settle()?;
        Ok(Examined {
            manifest: self.manifest,
            genesis,
            directory: self.rights.directory,
            entries: self.entries,
            standing,
            noted,
        })
    }
}

/// The genesis entry that the first file begins with.
fn genesis(records: &[file::Record], federation: FederationId) -> Result<Genesis, String> {
    match records.first() {
        None => Err("the file is empty".to_owned()),
        Some(file::Record::Unreadable(fault)) => Err(fault.to_string()),
        Some(file::Record::Read { wire, .. }) => {
            let entry = crate::entry::Entry::from_wire(wire).map_err(|fault| fault.to_string())?;
            check_genesis(&entry, federation).map_err(|fault| fault.to_string())
        }
    }
}

/// The day of a minute, in UTC.
fn day(minute: u32) -> Date {
    const DAY: u32 = 24 * 60;
    /// The Julian day of 1 January 1970.
    const EPOCH: i32 = 2_440_588;
    let days = i32::try_from(minute / DAY).unwrap_or(i32::MAX);
    Date::from_julian_day(EPOCH.saturating_add(days)).unwrap_or(Date::MAX)
}
