//! Comparisons: finding out what each side lacks.

use std::collections::BTreeMap;

use folkmoot_proto::federation::v1;
use folkmoot_proto::federation::v1::exchange_message::Body;

use super::message::{self, TipsSoFar};
use super::{Exchange, Pending, Phase, Progress, Question, Side};
use crate::digest::{BUCKETS, root as root_of};
use crate::frame::log_of;
use crate::id::Hash;
use crate::topic::{Cursor, LogId, Topic};

/// Where this side stands in the comparison.
#[derive(Debug, Default)]
pub(super) enum Step {
    /// None has begun.
    #[default]
    Idle,
    /// The store works out the digests; an acceptor holds the dialler's root against them.
    Digesting { theirs: Option<Hash> },
    /// Dialler: Have is sent.
    AwaitingReply { mine: Box<[Hash; BUCKETS]> },
    /// The store reads the tips that are to be shown. An acceptor has the dialler's already and works out what is
    /// missing next.
    Showing { buckets: Vec<u8> },
    /// The other side's tips come in.
    AwaitingTips(TipsSoFar),
    /// The store works out what each side lacks.
    Reckoning,
    /// What is lacking is known and on its way.
    Flowing,
    /// All of it is held, receipted or refused.
    Settled,
}

#[derive(Debug, Default)]
pub(super) struct Comparison {
    pub(super) round: u32,
    pub(super) step: Step,
    /// Dialler: another is due once this one is settled.
    pub(super) again: bool,
    /// The journal's highest row when the last comparison was made, or changes were last read.
    pub(super) mark: Option<u64>,
    /// Acceptor: the next one was opened before this one was reckoned.
    next: Option<v1::Have>,
    /// Acceptor: the buckets that the dialler asked to see.
    asked: Vec<u8>,
    /// How far the other side holds what it has shown, until that is reckoned.
    theirs: BTreeMap<LogId, u64>,
}

impl Comparison {
    /// Whether both sides know what they lack, so that changes since can be pushed on top.
    pub(super) fn is_reckoned(&self) -> bool {
        matches!(self.step, Step::Flowing | Step::Settled)
    }
}

impl Exchange {
    /// Dialler: opens a comparison if one is due and the last one is settled.
    pub(super) fn compare_if_due(&mut self) {
        let free = matches!(self.comparison.step, Step::Idle | Step::Settled) && matches!(self.phase, Phase::Open);
        if self.setup.side != Side::Dialler || !self.comparison.again || !free {
            return;
        }
        self.comparison.again = false;
        let Some(round) = self.comparison.round.checked_add(1) else {
            return self.break_off("too many comparisons in one stream");
        };
        self.begin(round, None);
        self.tell(Progress::Comparing { round });
    }

    fn begin(&mut self, round: u32, theirs: Option<Hash>) {
        self.comparison.round = round;
        self.comparison.step = Step::Digesting { theirs };
        self.outflow.begin_comparison();
        self.settling.begin_comparison();
        self.ask(Question::Compare { scope: self.scope }, Pending::Compare);
    }

    /// Acceptor: the dialler opens a comparison.
    pub(super) fn have(&mut self, have: v1::Have) {
        if self.setup.side != Side::Acceptor {
            return self.break_off("an acceptor opens no comparison");
        }
        match self.comparison.step {
            Step::Idle | Step::Flowing | Step::Settled => (),
            // The dialler may be done with a comparison before this side's store has worked out what it meant.
            Step::Reckoning if self.comparison.next.is_none() => {
                self.comparison.next = Some(have);
                return;
            }
            Step::Reckoning
            | Step::Digesting { .. }
            | Step::AwaitingReply { .. }
            | Step::Showing { .. }
            | Step::AwaitingTips(_) => return self.break_off("a comparison within a comparison"),
        }
        if self.comparison.round.checked_add(1) != Some(have.round) {
            return self.break_off("comparisons are not counted from 1");
        }
        match Hash::from_slice(&have.root) {
            Ok(root) => self.begin(have.round, Some(root)),
            Err(_) => self.break_off("a root digest that is not 32 bytes"),
        }
    }

    pub(super) fn digested(&mut self, root: Hash, mine: Box<[Hash; BUCKETS]>, mark: u64) {
        self.comparison.mark = Some(mark);
        let round = self.comparison.round;
        let Step::Digesting { theirs } = self.comparison.step else { return };
        match theirs {
            None => {
                self.comparison.step = Step::AwaitingReply { mine };
                self.send(Body::Have(v1::Have { round, root: root.0.to_vec() }));
            }
            Some(theirs) if theirs == root => {
                self.send(Body::Same(v1::Same { round }));
                self.reckoned(Vec::new(), Vec::new(), Vec::new());
            }
            Some(_) => {
                self.comparison.step = Step::AwaitingTips(TipsSoFar::of(Vec::new()));
                let digests = mine.iter().flat_map(|bucket| bucket.0).collect();
                self.send(Body::Buckets(v1::Buckets { round, digests }));
            }
        }
    }

    pub(super) fn same(&mut self, same: v1::Same) {
        match self.comparison.step {
            Step::AwaitingReply { .. } if same.round == self.comparison.round => {
                self.reckoned(Vec::new(), Vec::new(), Vec::new());
            }
            Step::Idle
            | Step::Digesting { .. }
            | Step::AwaitingReply { .. }
            | Step::Showing { .. }
            | Step::AwaitingTips(_)
            | Step::Reckoning
            | Step::Flowing
            | Step::Settled => self.break_off("Same answers no comparison"),
        }
    }

    pub(super) fn buckets(&mut self, buckets: v1::Buckets) {
        let Step::AwaitingReply { mine } = &self.comparison.step else {
            return self.break_off("Buckets answer no comparison");
        };
        if buckets.round != self.comparison.round || buckets.digests.len() != BUCKETS * 32 {
            return self.break_off("Buckets of another comparison or size");
        }
        let mut theirs = [Hash::ZERO; BUCKETS];
        for (bucket, bytes) in theirs.iter_mut().zip(buckets.digests.chunks_exact(32)) {
            bucket.0.copy_from_slice(bytes);
        }
        if root_of(&theirs) == root_of(mine) {
            return self.break_off("Buckets that do not differ");
        }
        let differing: Vec<u8> =
            (0..=u8::MAX).filter(|bucket| theirs[usize::from(*bucket)] != mine[usize::from(*bucket)]).collect();
        self.comparison.step = Step::Showing { buckets: differing.clone() };
        self.ask(Question::TipsOf { scope: self.scope, buckets: differing }, Pending::TipsOf);
    }

    /// The tips that were asked of the store are shown to the peer.
    pub(super) fn show_tips(&mut self, topics: Vec<(Topic, Vec<Cursor>)>) {
        let round = self.comparison.round;
        let shown = match &self.comparison.step {
            Step::Showing { buckets } => buckets.clone(),
            Step::Idle
            | Step::Digesting { .. }
            | Step::AwaitingReply { .. }
            | Step::AwaitingTips(_)
            | Step::Reckoning
            | Step::Flowing
            | Step::Settled => std::mem::take(&mut self.comparison.asked),
        };
        if self.setup.side == Side::Dialler {
            self.comparison.step = Step::AwaitingTips(TipsSoFar::of(shown.clone()));
        }
        self.outflow.shows(&topics);
        for tips in message::tips(round, &shown, topics) {
            self.send(Body::Tips(tips));
        }
    }

    pub(super) fn tips(&mut self, tips: v1::Tips) {
        let scope = self.scope;
        let Step::AwaitingTips(so_far) = &mut self.comparison.step else {
            return self.break_off("Tips that nobody asked for");
        };
        if tips.round != self.comparison.round {
            return self.break_off("Tips of another comparison");
        }
        let more = tips.more;
        if let Err(words) = so_far.take(tips, &scope) {
            return self.break_off(words);
        }
        if more {
            return;
        }
        let TipsSoFar { buckets, topics: theirs, .. } = std::mem::take(so_far);
        let tips = theirs.iter().flat_map(|(topic, tips)| tips.iter().map(|tip| (tip.log(*topic), tip.seq)));
        self.comparison.theirs = tips.collect();
        self.comparison.step = Step::Reckoning;
        if self.setup.side == Side::Acceptor {
            self.comparison.asked = buckets.clone();
            self.ask(Question::TipsOf { scope, buckets: buckets.clone() }, Pending::TipsOf);
        }
        self.ask(Question::Missing { scope, theirs, buckets }, Pending::Missing);
    }

    /// What each side lacks is known.
    pub(super) fn reckoned(&mut self, push: Vec<(LogId, u64)>, lacking: Vec<(LogId, Cursor)>, forks: Vec<v1::Frame>) {
        self.comparison.step = Step::Flowing;
        let theirs = std::mem::take(&mut self.comparison.theirs);
        let proven = forks.iter().filter_map(|frame| log_of(frame).ok());
        let answered = push.iter().map(|(log, _)| *log).chain(proven).collect();
        for (log, after) in self.outflow.shown_in_vain(&theirs, &answered) {
            self.withdraw(log, after);
        }
        self.outflow.plan_missing(push);
        self.outflow.prove(forks);
        self.expect(lacking);
        if let Some(have) = self.comparison.next.take() {
            self.have(have);
        }
    }

    /// Which shared logs grew since the mark.
    pub(super) fn changed(&mut self, logs: Vec<(LogId, u64)>, checkpoints: Vec<LogId>, mark: u64) {
        // A comparison that began meanwhile has a later mark, and covers all before it.
        if self.comparison.is_reckoned() {
            self.comparison.mark = Some(mark);
            self.outflow.plan_checkpoints(checkpoints);
            self.outflow.plan_changed(logs);
        }
    }
}
