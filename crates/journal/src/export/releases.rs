//! Which releases of an export count: judged here anew, and compared with what the Academy says.

use std::collections::BTreeMap;

use folkmoot_disclosure::{Figure, ReceivedRelease, Terms};
use folkmoot_domain::Date;
use folkmoot_domain::calendar::Period;
use folkmoot_domain::hub::HubKind;
use folkmoot_domain::indicator::CellKey;

use super::log::HeldLog;
use super::misfit::{Misfit, Place, Problem};
use crate::directory::HubRecord;
use crate::entry::Entry;
use crate::id::{Hash, NodeId};
use crate::payload::Payload;
use crate::refusal::RefusalReason;
use crate::rights::Rights;

/// A release that counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StandingRelease {
    /// The hub.
    pub hub: NodeId,
    /// What the hub is.
    pub kind: HubKind,
    /// The period.
    pub period: Period,
    /// The revision: the latest that there is of this hub and period.
    pub revision: u32,
    /// The entry that holds it.
    pub place: Place,
    /// The terms that it was made under.
    pub terms: Terms,
    /// What it says.
    pub cells: Vec<(CellKey, Figure)>,
}

/// An entry that the Academy does not count, and rightly so as far as can be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Noted {
    /// The entry.
    pub place: Place,
    /// Why the Academy set it aside.
    pub reason: RefusalReason,
    /// Whether the export itself shows that; else it is the Academy's word.
    pub shown: bool,
}

/// Which payload is the release of a hub, period and revision, and where.
type Key = (NodeId, Period, u32);

/// The releases as they are judged, log by log.
#[derive(Debug, Default)]
pub(super) struct Releases {
    /// The first payload that counts of each key.
    counted: BTreeMap<Key, (Hash, Place)>,
    standing: BTreeMap<(Period, NodeId), StandingRelease>,
    /// Those that the Academy set aside as second ones.
    seconds: Vec<(Key, Hash, Place, String)>,
    noted: Vec<Noted>,
}

/// What an entry is, by what it says itself.
enum Verdict {
    /// A release in order.
    Release(ReceivedRelease),
    /// Nothing that could count: an opening, or of a kind that this software does not know.
    Nothing,
    /// It lies past the end of its log that a revocation made.
    Late,
    /// It cannot stand, in words.
    Faulty(String),
}

impl Releases {
    /// Judges the entries of one log. `today` is the day of the export.
    pub(super) fn judge(
        &mut self,
        held: &HeldLog,
        entries: &[Entry],
        hub: &HubRecord,
        rights: &Rights,
        today: Date,
    ) -> Result<(), Misfit> {
        let file = held.entries_file();
        let limit = rights.accepted_until(held.log);
        for entry in entries {
            let place = Place { log: held.log, seq: entry.header.seq };
            let misfit = |problem| Misfit::of_entry(&file, place, problem);
            let verdict = match limit.allows(place.seq) {
                true => read(entry, hub.hub, rights, today),
                false => Verdict::Late,
            };
            let noted = |reason, shown| Noted { place, reason, shown };
            match (verdict, held.aside(place.seq)) {
                (Verdict::Nothing, None) => {}
                (Verdict::Nothing, Some(reason)) => self.noted.push(noted(reason, false)),
                (Verdict::Late, None) => {
                    return Err(misfit(Problem::Faulty("its hub was revoked before it".to_owned())));
                }
                (Verdict::Late | Verdict::Faulty(_), Some(reason)) => self.noted.push(noted(reason, true)),
                (Verdict::Faulty(words), None) => return Err(misfit(Problem::Faulty(words))),
                (Verdict::Release(release), None) => self.count(hub, release, entry, place).map_err(misfit)?,
                (Verdict::Release(release), Some(reason)) => {
                    self.left_out(hub.hub, &release, entry, place, reason, &file).map_err(misfit)?;
                }
            }
        }
        Ok(())
    }

    /// Notes an entry of the directory that was set aside.
    pub(super) fn note(&mut self, noted: Noted) {
        self.noted.push(noted);
    }

    fn count(&mut self, hub: &HubRecord, release: ReceivedRelease, entry: &Entry, place: Place) -> Result<(), Problem> {
        let payload = payload_of(entry);
        let (period, revision) = (release.period().clone(), release.revision());
        match self.counted.get(&(hub.hub, period.clone(), revision)) {
            // The very same bytes again change nothing.
            Some((held, _)) if *held == payload => return Ok(()),
            Some((_, first)) => return Err(Problem::SecondRelease { period, revision, first: Box::new(*first) }),
            None => {
                self.counted.insert((hub.hub, period.clone(), revision), (payload, place));
            }
        }
        let standing = self.standing.entry((period.clone(), hub.hub));
        let (terms, cells) = (release.terms(), release.cells().to_vec());
        let latest = StandingRelease { hub: hub.hub, kind: hub.kind, period, revision, place, terms, cells };
        standing
            .and_modify(|held| {
                if held.revision < revision {
                    *held = latest.clone();
                }
            })
            .or_insert(latest);
        Ok(())
    }

    /// A release that is in order by itself, and that the Academy set aside.
    fn left_out(
        &mut self,
        hub: NodeId,
        release: &ReceivedRelease,
        entry: &Entry,
        place: Place,
        reason: RefusalReason,
        file: &str,
    ) -> Result<(), Problem> {
        match reason {
            RefusalReason::SecondRelease => {
                let key = (hub, release.period().clone(), release.revision());
                self.seconds.push((key, payload_of(entry), place, file.to_owned()));
                self.noted.push(Noted { place, reason, shown: true });
                Ok(())
            }
            // Whether the period had ended when it came, the Academy's clock alone could tell.
            RefusalReason::ReleaseCalendar => {
                self.noted.push(Noted { place, reason, shown: false });
                Ok(())
            }
            RefusalReason::Unspecified
            | RefusalReason::MalformedPayload
            | RefusalReason::ReleaseForm
            | RefusalReason::ReleasePolicy
            | RefusalReason::NotAuthorised
            | RefusalReason::UnknownAuthor
            | RefusalReason::AfterRevocation
            | RefusalReason::NotGenuine
            | RefusalReason::Fork
            | RefusalReason::Gap
            | RefusalReason::NotSubscribed
            | RefusalReason::Frozen
            | RefusalReason::DirectoryRule
            | RefusalReason::UnknownCampaign
            | RefusalReason::Membership
            | RefusalReason::CampaignChanges
            | RefusalReason::NoMember => Err(Problem::SetAside(reason)),
        }
    }

    /// Everything that counts, once all logs were judged: by period and hub.
    pub(super) fn settle(self) -> Result<(Vec<StandingRelease>, Vec<Noted>), Misfit> {
        for (key, payload, place, file) in self.seconds {
            // A second release is one where there is a first, and another.
            if self.counted.get(&key).is_none_or(|(first, _)| *first == payload) {
                return Err(Misfit::of_entry(&file, place, Problem::SetAside(RefusalReason::SecondRelease)));
            }
        }
        Ok((self.standing.into_values().collect(), self.noted))
    }
}

fn payload_of(entry: &Entry) -> Hash {
    Hash::of(entry.body.as_ref().map_or(&[], |body| &body.payload))
}

fn read(entry: &Entry, hub: NodeId, rights: &Rights, today: Date) -> Verdict {
    let bytes = entry.body.as_ref().map_or(&[][..], |body| &body.payload);
    let parts = match Payload::decode(entry.header.payload_kind, bytes) {
        Err(fault) => return Verdict::Faulty(fault.to_string()),
        Ok(None | Some(Payload::Opening(_))) => return Verdict::Nothing,
        Ok(Some(Payload::Release(parts))) => parts,
        Ok(Some(
            Payload::HubRecord(_)
            | Payload::ProgrammeRecord(_)
            | Payload::PolicyRecord(_)
            | Payload::Edition(_)
            | Payload::Retirement(_)
            | Payload::Membership(_)
            | Payload::MembershipChange(_)
            | Payload::CampaignCheckpoint(_)
            | Payload::CampaignAttestation(_)
            | Payload::Appointment(_)
            | Payload::CampaignChanges(_),
        )) => return Verdict::Faulty("it is no release".to_owned()),
    };
    match ReceivedRelease::check(&parts, hub.0, rights.directory.programmes(), rights.directory.policies(), today) {
        Ok(release) => Verdict::Release(release),
        Err(faults) => {
            let words: Vec<&str> = faults.iter().map(|fault| fault.words.as_str()).collect();
            Verdict::Faulty(words.join("; "))
        }
    }
}
