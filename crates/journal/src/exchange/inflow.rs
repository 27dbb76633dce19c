//! What comes in: frames, receipts and wishes for receipts.

use std::collections::BTreeMap;

use folkmoot_proto::federation::v1;
use folkmoot_proto::federation::v1::exchange_message::Body;

use super::outflow::cost_of;
use super::{CREDIT_STEP, Exchange, INITIAL_CREDIT, Kept, Pending, Phase, Progress, Question};
use crate::frame::log_of;
use crate::id::Hash;
use crate::receipt::Receipt;
use crate::refusal::{Refusal, RefusalReason};
use crate::topic::{Cursor, LogId, Topic};

#[derive(Debug)]
pub(super) struct Inflow {
    /// What the peer may still send.
    allowance: u32,
    /// What it will be allowed more.
    due: u32,
    /// Receipts that wait for the directory to list the peer.
    pub(super) owed: BTreeMap<LogId, Receipt>,
}

impl Inflow {
    pub(super) fn new() -> Self {
        Inflow { allowance: INITIAL_CREDIT, due: 0, owed: BTreeMap::new() }
    }
}

impl Exchange {
    pub(super) fn take_frame(&mut self, frame: v1::Frame) {
        let cost = cost_of(&frame);
        let Some(allowance) = self.inflow.allowance.checked_sub(cost) else {
            return self.break_off("more frames than its credit allows");
        };
        self.inflow.allowance = allowance;
        let Ok(log) = log_of(&frame) else { return self.break_off("a frame whose log cannot be read") };
        if frame.first_seq == 0 {
            return self.break_off("a frame that begins with the number 0");
        }
        let listed = matches!(self.phase, Phase::Open);
        if self.peer_frozen {
            self.turn_down(log, frame.first_seq, RefusalReason::Frozen);
        } else if self.scope.wants(log.topic) && (listed || log.topic == Topic::Directory) {
            let incarnation = self.greeting.as_ref().filter(|_| listed).map(|greeting| greeting.incarnation);
            let question = Question::Keep { peer: self.setup.peer, incarnation, frame };
            return self.ask(question, Pending::Keep { log, cost });
        } else if listed {
            self.turn_down(log, frame.first_seq, RefusalReason::NotSubscribed);
        }
        self.grant(cost);
    }

    fn turn_down(&mut self, log: LogId, seq: u64, reason: RefusalReason) {
        // The frame is not read, so the entry's hash is not known.
        let entry = Cursor { author: log.author, incarnation: log.incarnation, seq, hash: Hash::ZERO };
        let detail = reason.words().to_owned();
        self.refuse(Refusal { topic: log.topic, entry, reason, detail, set_aside: false });
    }

    /// Credit comes back in larger pieces: a message for each of many small frames would be as long as what it answers.
    fn grant(&mut self, bytes: u32) {
        self.inflow.due = self.inflow.due.saturating_add(bytes);
        if self.inflow.due < CREDIT_STEP {
            return;
        }
        let bytes = std::mem::take(&mut self.inflow.due);
        self.inflow.allowance = self.inflow.allowance.saturating_add(bytes);
        self.send(Body::Credit(v1::Credit { bytes }));
    }

    /// The store answered for a frame: only now is it receipted.
    pub(super) fn kept(&mut self, cost: u32, kept: Kept) {
        let Kept { log, upto, new_entries, also, recovered, receipt, refusals, directory_changed } = kept;
        self.grant(cost);
        let listed = matches!(self.phase, Phase::Open);
        if let Some(receipt) = receipt {
            if listed {
                self.send(Body::Receipt(receipt.to_wire()));
            } else {
                self.inflow.owed.insert(log, receipt);
            }
        }
        let taken = refusals.iter().all(|refusal| refusal.set_aside);
        for refusal in refusals {
            if listed {
                self.refuse(refusal);
            } else {
                self.tell(Progress::RefusedHere(refusal));
            }
        }
        if new_entries > 0 {
            self.tell(Progress::Received { log, entries: new_entries });
        }
        if recovered > 0 {
            self.tell(Progress::Recovered { log, entries: recovered });
        }
        if directory_changed {
            self.tell(Progress::DirectoryChanged);
        }
        if let Some(upto) = upto.filter(|_| new_entries > 0) {
            self.outflow.holds(log, upto.seq);
        }
        for (log, seq) in also {
            self.outflow.holds(log, seq);
            self.arrived(log, seq);
        }
        if taken {
            self.arrived(log, upto.map_or(0, |upto| upto.seq));
        } else {
            self.not_to_be_had(log);
        }
    }

    pub(super) fn take_receipt(&mut self, wire: v1::Receipt) {
        let Ok(receipt) = Receipt::from_wire(&wire) else {
            return self.break_off("a receipt that cannot be read");
        };
        match &receipt.proof {
            Some(proof) if proof.giver != self.setup.peer => return self.break_off("a receipt of another giver"),
            // What this node wrote it must be able to prove.
            None if receipt.held.author == self.setup.me => return self.break_off("a receipt that is not signed"),
            Some(_) | None => {}
        }
        if !self.scope.wants(receipt.topic) {
            return self.break_off("a receipt for a topic that is not shared");
        }
        let pending = Pending::KeepReceipt { log: receipt.log(), seq: receipt.held.seq };
        self.ask(Question::KeepReceipt { peer: self.setup.peer, receipt }, pending);
    }

    pub(super) fn receipt_kept(&mut self, log: LogId, seq: u64, ok: bool) {
        if !ok {
            return self.break_off("a receipt that is not genuine");
        }
        self.outflow.receipted(log, seq);
        self.settling.wanted.retain(|(wanted, tip)| *wanted != log || tip.seq > seq);
    }

    /// The peer lost a receipt, or never had it.
    pub(super) fn receipt_wanted(&mut self, wanted: v1::ReceiptWanted) {
        let tip = wanted.tip.as_ref().and_then(|tip| Cursor::from_wire(tip).ok());
        let (Ok(topic), Some(tip)) = (Topic::from_slice(&wanted.topic), tip) else {
            return self.break_off("a wish for a receipt that cannot be read");
        };
        if !self.scope.wants(topic) {
            return self.turn_down(tip.log(topic), tip.seq, RefusalReason::NotSubscribed);
        }
        self.ask(Question::ReceiptFor { peer: self.setup.peer, topic, tip }, Pending::ReceiptFor { topic, tip });
    }

    pub(super) fn give_receipt(&mut self, topic: Topic, tip: Cursor, receipt: Option<Receipt>) {
        match receipt {
            Some(receipt) => self.send(Body::Receipt(receipt.to_wire())),
            // Nothing of the peer's is refused: what it names is on its way, or it will be found lacking.
            None => {
                let detail = "the log is not held up to there".to_owned();
                let refusal = Refusal { topic, entry: tip, reason: RefusalReason::Gap, detail, set_aside: false };
                self.send(Body::Refusal(refusal.to_wire()));
            }
        }
    }
}
