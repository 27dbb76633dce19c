//! What must hold, watched from outside.

use std::collections::{BTreeMap, BTreeSet};

use folkmoot_journal::exchange::{CloseReason, Progress};
use folkmoot_journal::{Cursor, LogId, NodeId, Receipt, Refusal, RefusalReason, Topic};
use folkmoot_store::Store;

/// A disk: a node's own, or that of a copy of it.
pub(crate) type DiskId = usize;

type Tips = BTreeMap<LogId, Cursor>;

#[derive(Default)]
pub(crate) struct Oracle {
    /// What each disk holds, as last seen.
    disks: BTreeMap<DiskId, Tips>,
    /// What each disk has signed for.
    receipted: BTreeMap<DiskId, Tips>,
    /// The furthest that each log was ever seen, less what only an overwritten folder held.
    pub(crate) written: Tips,
    /// A copy of a node ran beside it, so that two releases of one period may have gone out.
    pub(crate) copied: bool,
    /// A hub whose copy went on under the very same incarnation: what it says of itself can contradict itself.
    pub(crate) cheat: Option<NodeId>,
    /// A folder was overwritten, so that what others build upon may be gone.
    pub(crate) restored: bool,
    /// A hub was revoked, so that entries of it may come too late.
    pub(crate) revoked: bool,
    /// Who takes part in a campaign was changed, so that entries may come too late, or of somebody who takes part no longer.
    pub(crate) membership_changed: bool,
    /// A checkpoint was given: what lies before it need not be held everywhere, and cannot be compared there.
    pub(crate) checkpointed: bool,
    /// A document was begun anew: what was written meanwhile waits for ever.
    pub(crate) erased: bool,
    pub(crate) violations: Vec<String>,
}

impl Oracle {
    pub(crate) fn violated(&mut self, words: String) {
        self.violations.push(words);
    }

    /// Whether a hub may have written twice what stands once: by a copy, or by a folder that was put back.
    pub(crate) fn contradicted(&self) -> bool {
        self.restored || self.copied || self.cheat.is_some()
    }

    /// Whether the log is of the hub that contradicts itself. What holds of such a log is checked after quiet.
    fn contradicts(&self, log: LogId) -> bool {
        self.cheat == Some(log.author)
    }

    /// Looks at the logs of these topics on a disk: they only ever grow.
    pub(crate) fn look(&mut self, disk: DiskId, store: &Store, topics: &[Topic]) {
        for topic in topics {
            let tips = match store.journal().tips(*topic) {
                Ok(tips) => tips,
                Err(error) => return self.violated(format!("disk {disk}: {error}")),
            };
            let seen: Tips = tips.into_iter().map(|tip| (tip.log(*topic), tip)).collect();
            let cheat = self.cheat;
            let before = self.disks.entry(disk).or_default();
            let shrunk: Vec<LogId> = before
                .range(
                    LogId { topic: *topic, author: NodeId([0; 32]), incarnation: folkmoot_journal::Incarnation(0) }..,
                )
                .take_while(|(log, _)| log.topic == *topic)
                .filter(|(log, _)| cheat != Some(log.author))
                .filter(|(log, tip)| !seen.get(log).is_some_and(|now| now.seq > tip.seq || now == *tip))
                .map(|(log, _)| *log)
                .collect();
            for (log, tip) in seen {
                before.insert(log, tip);
                let written = self.written.entry(log).or_insert(tip);
                if written.seq < tip.seq {
                    *written = tip;
                }
            }
            for log in shrunk {
                self.violated(format!("disk {disk} lost entries of {log:?}"));
            }
        }
    }

    /// A receipt leaves: what it says must be on the disk already.
    pub(crate) fn receipt_leaves(&mut self, disk: DiskId, receipt: &Receipt) {
        let (log, held) = (receipt.log(), receipt.held);
        let there = self.disks.get(&disk).and_then(|tips| tips.get(&log));
        if !there.is_some_and(|tip| tip.seq > held.seq || *tip == held) && !self.contradicts(log) {
            self.violated(format!("disk {disk} signed for {log:?} up to {} and does not hold it", held.seq));
        }
        let signed = self.receipted.entry(disk).or_default().entry(log).or_insert(held);
        if signed.seq < held.seq {
            *signed = held;
        }
    }

    /// A process started on the disk that it left: everything must still be there.
    pub(crate) fn restarted(&mut self, disk: DiskId, store: &Store, topics: &[Topic]) {
        self.look(disk, store, topics);
        let held: Tips = topics
            .iter()
            .flat_map(|topic| {
                store.journal().tips(*topic).unwrap_or_default().into_iter().map(|tip| (tip.log(*topic), tip))
            })
            .collect();
        let lost: Vec<LogId> = self
            .receipted
            .get(&disk)
            .into_iter()
            .flatten()
            .filter(|(log, signed)| held.get(log).is_none_or(|tip| tip.seq < signed.seq))
            .filter(|(log, _)| !self.contradicts(**log))
            .map(|(log, _)| *log)
            .collect();
        for log in lost {
            self.violated(format!("disk {disk} lost what it had signed for of {log:?}"));
        }
    }

    /// A disk was overwritten with an older copy, or thrown away: what it alone held is gone, and only that.
    pub(crate) fn overwritten(&mut self, disk: DiskId, store: Option<&Store>, topics: &[Topic]) {
        self.disks.remove(&disk);
        self.receipted.remove(&disk);
        self.written.clear();
        for tips in self.disks.values() {
            for (log, tip) in tips {
                let written = self.written.entry(*log).or_insert(*tip);
                if written.seq < tip.seq {
                    *written = *tip;
                }
            }
        }
        if let Some(store) = store {
            self.look(disk, store, topics);
        }
    }

    pub(crate) fn closed(&mut self, disk: DiskId, reason: &CloseReason) {
        match reason {
            CloseReason::Replaced
            | CloseReason::ReplacedByPeer
            | CloseReason::NotAllowed
            | CloseReason::RevokedByPeer => {}
            CloseReason::ProtocolError(_)
            | CloseReason::OtherFederation
            | CloseReason::NoCommonVersion
            | CloseReason::AnswerMismatch => self.violated(format!("disk {disk}: a stream ended: {reason}")),
        }
    }

    /// What a machine told its node. On a stream on which a frame of earlier times came again, gaps are in order.
    pub(crate) fn told(&mut self, disk: DiskId, progress: &Progress, replayed: bool) {
        match progress {
            Progress::RefusedByPeer(refusal) | Progress::RefusedHere(refusal) => self.refused(disk, refusal, replayed),
            Progress::AppendBlocked if replayed || self.cheat.is_some() => {}
            Progress::AppendBlocked => self.violated(format!("disk {disk}: releases cannot be appended")),
            Progress::Connected { .. }
            | Progress::Comparing { .. }
            | Progress::Settled { .. }
            | Progress::Received { .. }
            | Progress::Recovered { .. }
            | Progress::Appended { .. }
            | Progress::DirectoryChanged
            | Progress::Frozen
            | Progress::PeerFrozen
            | Progress::NotListedByPeer
            | Progress::RevokedByPeer
            | Progress::Presence(_) => {}
        }
    }

    fn refused(&mut self, disk: DiskId, refusal: &Refusal, replayed: bool) {
        let passing = match refusal.reason {
            RefusalReason::Frozen | RefusalReason::UnknownCampaign => true,
            // A hub that was just revoked is not given what it was shown while it was listed.
            RefusalReason::Gap => {
                replayed || self.revoked || self.contradicts(refusal.log()) || self.of_a_changed_campaign(refusal)
            }
            // A frame of an earlier stream comes before the directory, which was lost with that stream.
            RefusalReason::UnknownAuthor => replayed,
            RefusalReason::AfterRevocation => self.revoked || self.of_a_changed_campaign(refusal),
            RefusalReason::NoMember | RefusalReason::Membership => self.of_a_changed_campaign(refusal),
            RefusalReason::SecondRelease => self.copied,
            RefusalReason::Fork => self.contradicts(refusal.log()),
            RefusalReason::Unspecified
            | RefusalReason::MalformedPayload
            | RefusalReason::ReleaseForm
            | RefusalReason::ReleaseCalendar
            | RefusalReason::ReleasePolicy
            | RefusalReason::NotAuthorised
            | RefusalReason::NotGenuine
            | RefusalReason::NotSubscribed
            | RefusalReason::DirectoryRule => false,
            // What was written into a document that was begun anew meanwhile.
            RefusalReason::CampaignChanges => self.erased && self.of_a_changed_campaign(refusal),
        };
        if !passing {
            self.violated(format!("disk {disk}: {:?} refused: {}", refusal.log(), refusal.detail));
        }
    }

    fn of_a_changed_campaign(&self, refusal: &Refusal) -> bool {
        self.membership_changed && matches!(refusal.topic, Topic::Campaign(_))
    }

    /// After quiet: this disk holds every log of these topics as far as it was ever written, but for those of hubs that take
    /// no part in them any more.
    pub(crate) fn converged(&mut self, disk: DiskId, topics: &BTreeSet<Topic>, removed: &BTreeSet<(Topic, NodeId)>) {
        let tips = self.disks.get(&disk).cloned().unwrap_or_default();
        let due: Tips =
            self.written.iter().filter(|(log, _)| topics.contains(&log.topic)).map(|(l, t)| (*l, *t)).collect();
        let due: Tips = due.into_iter().filter(|(log, _)| !self.contradicts(*log)).collect();
        let due = due.into_iter().filter(|(log, _)| !removed.contains(&(log.topic, log.author)));
        for (log, tip) in due {
            if tips.get(&log) != Some(&tip) {
                let held = tips.get(&log).map_or(0, |tip| tip.seq);
                self.violated(format!("disk {disk} holds {log:?} up to {held}, not {}", tip.seq));
            }
        }
    }
}
