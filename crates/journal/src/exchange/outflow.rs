//! What goes out: frames of what the peer lacks, under its credit.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

use folkmoot_proto::federation::v1;
use folkmoot_proto::federation::v1::exchange_message::Body;

use super::{Exchange, Pending, Phase, Progress, Question};
use crate::frame::TARGET_BYTES;
use crate::id::Hash;
use crate::refusal::{Refusal, RefusalReason};
use crate::topic::{Cursor, LogId, Topic};

/// What a frame costs beside its compressed entries. Both sides count so, whatever fields a newer one adds.
const FRAME_OVERHEAD: u32 = 256;

/// What a frame takes of the credit.
pub(super) fn cost_of(frame: &v1::Frame) -> u32 {
    u32::try_from(frame.entries.len()).unwrap_or(u32::MAX).saturating_add(FRAME_OVERHEAD)
}

#[derive(Debug, Default)]
pub(super) struct Outflow {
    credit: u32,
    /// Logs to push, and the number after which to go on.
    plan: BTreeMap<LogId, u64>,
    /// The logs of the plan in the order in which the store's answers listed them: the directory, which names the
    /// authors of all else, before it, and the log that founds a campaign before the others of the campaign.
    turns: VecDeque<LogId>,
    /// Where the pushing of each log began in this stream.
    begun: BTreeMap<LogId, u64>,
    /// The last number sent of logs that are neither receipted nor refused yet.
    sent: BTreeMap<LogId, u64>,
    /// How far the peer is known to hold each log.
    known: BTreeMap<LogId, u64>,
    /// Logs that the peer refused: not offered again before the next comparison.
    stopped: BTreeSet<LogId>,
    /// Logs that were pushed again from the first entry, to show a fork.
    restarted: BTreeSet<LogId>,
    /// How far logs are held here, as the peer was shown.
    shown: BTreeMap<LogId, u64>,
    /// Logs that the peer was shown to lack, and the number up to which it waits for them.
    promised: BTreeMap<LogId, u64>,
    /// Logs of which something was sent since the last comparison began.
    sent_since: BTreeSet<LogId>,
    /// Logs whose checkpoint is to be sent before anything else of their campaigns.
    checkpoints: VecDeque<LogId>,
    /// Frames that prove forks.
    proofs: VecDeque<v1::Frame>,
    /// A frame that waits for credit.
    held: Option<Held>,
    reading: bool,
}

/// A frame that was read and is not sent yet.
#[derive(Debug)]
struct Held {
    log: LogId,
    /// The number of its last entry.
    upto: u64,
    /// Whether more of the log may follow.
    more: bool,
    frame: v1::Frame,
}

impl Outflow {
    pub(super) fn grant(&mut self, bytes: u32) {
        self.credit = self.credit.saturating_add(bytes);
    }

    pub(super) fn begin_comparison(&mut self) {
        self.stopped.clear();
        self.restarted.clear();
        self.sent_since.clear();
    }

    /// What the peer lacks, as a comparison found.
    pub(super) fn plan_missing(&mut self, push: Vec<(LogId, u64)>) {
        let shown = std::mem::take(&mut self.shown);
        for (log, after) in push {
            let reached = self.known.get(&log).max(self.sent.get(&log)).copied().unwrap_or(0);
            let start = if after == 0 { 0 } else { after.max(reached) };
            let least = if start == after { start + 1 } else { start };
            let waits_for = shown.get(&log).copied().unwrap_or(0).max(least);
            self.promised.insert(log, waits_for);
            if self.enter(log, start) {
                self.begun.insert(log, start);
            }
        }
    }

    /// Checkpoints to be sent; what follows each in its log is waited for as well.
    pub(super) fn plan_checkpoints(&mut self, logs: Vec<LogId>) {
        for log in &logs {
            if let Some(number) = self.shown.get(log) {
                self.promised.insert(*log, *number);
            }
        }
        self.checkpoints.extend(logs);
    }

    /// What grew since; a log that is being pushed is pushed to its end anyway.
    pub(super) fn plan_changed(&mut self, logs: Vec<(LogId, u64)>) {
        for (log, after) in logs {
            if self.stopped.contains(&log) || self.plan.contains_key(&log) {
                self.goes_on(log);
                continue;
            }
            let reached = self.known.get(&log).max(self.sent.get(&log)).copied().unwrap_or(0);
            let start = after.max(reached);
            self.enter(log, start);
            self.begun.entry(log).or_insert(start);
        }
    }

    /// The number after which a log of the plan goes on: past what the peer has brought meanwhile, unless it is to be
    /// shown the log from its first entry.
    fn go_on_after(&mut self, log: LogId) -> Option<u64> {
        let known = self.known.get(&log).copied().unwrap_or(0);
        let after = self.plan.get_mut(&log)?;
        if *after > 0 {
            *after = known.max(*after);
        }
        Some(*after)
    }

    /// Puts a log at the end of the plan; false where it is being pushed already.
    fn enter(&mut self, log: LogId, after: u64) -> bool {
        self.goes_on(log);
        match self.plan.entry(log) {
            Entry::Vacant(vacant) => {
                vacant.insert(after);
                self.turns.push_back(log);
                true
            }
            Entry::Occupied(_) => false,
        }
    }

    /// More may have come to a log since the frame was read that waits.
    fn goes_on(&mut self, log: LogId) {
        if let Some(held) = self.held.as_mut().filter(|held| held.log == log) {
            held.more = true;
        }
    }

    /// Takes a log out of the plan; gives the number after which it would have gone on.
    fn leave(&mut self, log: LogId) -> Option<u64> {
        let after = self.plan.remove(&log)?;
        // Nearly always it is the first.
        match self.turns.front() {
            Some(first) if *first == log => drop(self.turns.pop_front()),
            Some(_) | None => self.turns.retain(|turn| *turn != log),
        }
        Some(after)
    }

    /// Logs that the peer was shown to lack and is not sent, because since then it may not read them, or less of them counts;
    /// with the number up to which it holds each.
    pub(super) fn shown_in_vain(&self, theirs: &BTreeMap<LogId, u64>, answered: &BTreeSet<LogId>) -> Vec<(LogId, u64)> {
        let lacks = |(log, seq): (&LogId, &u64)| {
            let held = theirs.get(log).copied().unwrap_or(0);
            // What a checkpoint covers comes with it.
            let comes = answered.contains(log) || self.checkpoints.iter().any(|given| given.topic == log.topic);
            (held < *seq && !comes).then_some((*log, held))
        };
        self.shown.iter().filter_map(lacks).collect()
    }

    /// The peer is shown how far these logs are held here.
    pub(super) fn shows(&mut self, topics: &[(Topic, Vec<Cursor>)]) {
        let tips = topics.iter().flat_map(|(topic, tips)| tips.iter().map(|tip| (tip.log(*topic), tip.seq)));
        self.shown = tips.collect();
    }

    pub(super) fn prove(&mut self, forks: Vec<v1::Frame>) {
        self.proofs.extend(forks);
    }

    pub(super) fn holds(&mut self, log: LogId, seq: u64) {
        let known = self.known.entry(log).or_default();
        *known = seq.max(*known);
    }

    pub(super) fn receipted(&mut self, log: LogId, seq: u64) {
        self.holds(log, seq);
        if self.sent.get(&log).is_some_and(|sent| *sent <= seq) {
            self.sent.remove(&log);
        }
    }

    /// The peer did not take a frame. A fork is shown from the first entry on, once; anything else waits for the next
    /// comparison. Returns the number after which the peer is still promised entries that now do not come.
    pub(super) fn refused(&mut self, log: LogId, seq: u64, reason: RefusalReason) -> Option<u64> {
        if !self.sent_since.contains(&log) {
            // An answer to what was sent before the comparison, which has found anew what the peer lacks.
            self.sent.remove(&log);
            return None;
        }
        let begun = self.begun.get(&log).copied().unwrap_or(0);
        if reason == RefusalReason::Fork && begun > 0 {
            if self.restarted.insert(log) {
                self.forget_held(log);
                self.promised.remove(&log);
                if !self.enter(log, 0) {
                    self.plan.insert(log, 0);
                }
                return None;
            }
            if seq > begun {
                // An answer to what was under way before the log was begun anew, or to the log itself where the fork
                // lies right after what both share. Whichever it is, nobody is to wait for it for ever.
                self.sent.remove(&log);
                return None;
            }
        }
        self.forget_held(log);
        self.sent.remove(&log);
        self.promised.remove(&log);
        self.stopped.insert(log);
        // The peer's mind may have changed since it refused, and it may count on the rest.
        self.leave(log).filter(|_| reason.is_passing())
    }

    fn forget_held(&mut self, log: LogId) {
        if self.held.as_ref().is_some_and(|held| held.log == log) {
            self.held = None;
        }
    }

    pub(super) fn stop_all(&mut self) {
        self.plan.clear();
        self.turns.clear();
        self.sent.clear();
        self.promised.clear();
        self.checkpoints.clear();
        self.proofs.clear();
        self.held = None;
    }

    /// Whether everything that was to be sent is sent and answered.
    pub(super) fn is_quiet(&self) -> bool {
        let nothing_planned = self.plan.is_empty() && self.checkpoints.is_empty() && self.proofs.is_empty();
        nothing_planned && self.sent.is_empty() && self.held.is_none()
    }
}

impl Exchange {
    /// Sends what credit allows, and reads the next frame.
    pub(super) fn pump(&mut self) {
        if !matches!(self.phase, Phase::Open) {
            return;
        }
        if self.frozen {
            return self.outflow.stop_all();
        }
        while let Some(frame) = self.outflow.proofs.front() {
            if cost_of(frame) > self.outflow.credit {
                return;
            }
            let Some(frame) = self.outflow.proofs.pop_front() else { return };
            if let Ok(log) = crate::frame::log_of(&frame) {
                self.outflow.sent.entry(log).or_insert(1);
                self.outflow.sent_since.insert(log);
                self.send_frame(frame);
            }
        }
        if let Some(held) = self.outflow.held.take() {
            if cost_of(&held.frame) > self.outflow.credit {
                self.outflow.held = Some(held);
                return;
            }
            let Held { log, upto, more, frame } = held;
            if !more {
                self.outflow.leave(log);
            } else if self.outflow.plan.insert(log, upto).is_none() {
                self.outflow.turns.push_back(log);
            }
            self.outflow.sent.insert(log, upto);
            self.outflow.sent_since.insert(log);
            let promised = self.outflow.promised.get(&log).copied();
            if promised.is_some_and(|number| number <= upto || !more) {
                self.outflow.promised.remove(&log);
            }
            self.send_frame(frame);
            if promised.is_some_and(|number| number > upto && !more) {
                self.withdraw(log, upto);
            }
        }
        if self.outflow.reading {
            return;
        }
        if let Some(log) = self.outflow.checkpoints.front().copied() {
            self.outflow.reading = true;
            return self.ask(Question::CheckpointOf { peer: self.setup.peer, log }, Pending::CheckpointOf { log });
        }
        let next = self.outflow.turns.iter().copied().find(|log| !self.is_arriving(*log));
        if let Some((log, after)) = next.and_then(|log| Some((log, self.outflow.go_on_after(log)?))) {
            self.outflow.reading = true;
            let question = Question::FrameAfter { peer: self.setup.peer, log, after, max_bytes: TARGET_BYTES };
            self.ask(question, Pending::FrameAfter { log, after });
        }
    }

    /// Whether frames of the log that the peer brought are still being kept: they would be read and sent back to it.
    fn is_arriving(&self, log: LogId) -> bool {
        self.pending.iter().any(|pending| matches!(pending, Pending::Keep { log: kept, .. } if *kept == log))
    }

    fn send_frame(&mut self, frame: v1::Frame) {
        self.outflow.credit = self.outflow.credit.saturating_sub(cost_of(&frame));
        self.send(Body::Frame(frame));
    }

    /// A checkpoint was read; what follows it in its log is pushed after it.
    pub(super) fn checkpoint_read(&mut self, log: LogId, frame: Option<v1::Frame>, upto: u64, more: bool) {
        self.outflow.reading = false;
        // Frozen while the store was reading.
        if self.outflow.checkpoints.front() != Some(&log) {
            return;
        }
        self.outflow.checkpoints.pop_front();
        match frame {
            Some(frame) => {
                self.outflow.leave(log);
                self.outflow.held = Some(Held { log, upto, more, frame });
                self.read_up_to(log, upto);
            }
            // A later one took its place, or the peer may not read it any more: the next comparison finds out.
            None => {
                self.outflow.promised.remove(&log);
                self.withdraw(log, 0);
            }
        }
    }

    pub(super) fn frame_read(&mut self, log: LogId, after: u64, frame: Option<v1::Frame>, upto: u64, more: bool) {
        self.outflow.reading = false;
        // Refused, frozen or begun anew while the store was reading.
        if self.outflow.plan.get(&log) != Some(&after) {
            return;
        }
        match frame {
            Some(frame) if upto > after => {
                self.outflow.held = Some(Held { log, upto, more, frame });
                self.read_up_to(log, upto);
            }
            // The log is held from a checkpoint on.
            None if upto > after => {
                // What was sent before the log was begun anew has been answered by the refusal.
                if self.outflow.restarted.contains(&log) {
                    self.outflow.sent.remove(&log);
                }
                self.outflow.plan.insert(log, upto);
                self.read_up_to(log, upto);
            }
            Some(_) | None => {
                self.outflow.leave(log);
                // What was sent before the log was begun anew has been answered by the refusal.
                if after == 0 && self.outflow.restarted.contains(&log) {
                    self.outflow.sent.remove(&log);
                }
                if self.outflow.promised.remove(&log).is_some_and(|number| after < number) {
                    self.withdraw(log, after);
                }
            }
        }
    }

    /// The peer waits for entries that it was shown and that are not to be had any more: say so, or it waits for ever.
    pub(super) fn withdraw(&mut self, log: LogId, after: u64) {
        let entry =
            Cursor { author: log.author, incarnation: log.incarnation, seq: after.saturating_add(1), hash: Hash::ZERO };
        self.refuse(Refusal {
            topic: log.topic,
            entry,
            reason: RefusalReason::Gap,
            detail: "the entries shown are not to be had here any more".to_owned(),
            set_aside: false,
        });
    }

    /// The peer set entries aside, or did not take them.
    pub(super) fn take_refusal(&mut self, wire: v1::Refusal) {
        let Ok(refusal) = Refusal::from_wire(&wire) else {
            return self.break_off("a refusal that cannot be read");
        };
        let log = refusal.log();
        if !self.scope.wants(log.topic) {
            return self.break_off("a refusal of a topic that is not shared");
        }
        if refusal.reason == RefusalReason::Gap && self.settling.wanted.remove(&(log, refusal.entry)) {
            // A receipt was asked for an entry that was written meanwhile: it is pushed like any other change.
            return;
        }
        if !refusal.set_aside {
            if let Some(after) = self.outflow.refused(log, refusal.entry.seq, refusal.reason) {
                self.withdraw(log, after);
            }
            self.not_to_be_had(log);
        }
        // A frozen copy's entries are offered again by whichever process is found to be the node.
        if refusal.reason != RefusalReason::Frozen {
            let question = Question::KeepRefusal { peer: self.setup.peer, refusal: refusal.clone() };
            self.ask(question, Pending::KeepRefusal);
        }
        self.tell(Progress::RefusedByPeer(refusal));
    }
}
