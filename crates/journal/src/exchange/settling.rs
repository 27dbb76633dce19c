//! When a comparison is settled, when approved releases may be appended, and what a wake leads to.

use std::collections::{BTreeMap, BTreeSet};

use folkmoot_proto::federation::v1;
use folkmoot_proto::federation::v1::exchange_message::Body;

use super::comparison::Step;
use super::{Exchange, Pending, Phase, Progress, Question};
use crate::directory::Role;
use crate::topic::{Cursor, LogId, Topic};

/// What this session has shown of the releases that this hub wrote and the Academy holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum OwnReleases {
    /// Nothing yet.
    #[default]
    NotShown,
    /// Some that are not held here; they are on their way.
    Lacking,
    /// All that the Academy holds is held here: rule 7 allows to append.
    Held,
    /// Some that could not be taken here.
    Blocked,
}

#[derive(Debug, Default)]
pub(super) struct Settling {
    /// The peer's tips that are not held here yet.
    lacking: BTreeMap<LogId, u64>,
    /// Receipts that were asked for, and the entry that they must reach. Every wish is answered, in order.
    pub(super) wanted: BTreeSet<(LogId, Cursor)>,
    own: OwnReleases,
    append_due: bool,
    changes_due: bool,
    receipts_asked: bool,
}

impl Settling {
    pub(super) fn wake(&mut self) {
        self.append_due = true;
        self.changes_due = true;
    }

    pub(super) fn begin_comparison(&mut self) {
        self.lacking.clear();
        self.receipts_asked = false;
    }
}

impl Exchange {
    fn is_own_releases(&self, log: &LogId) -> bool {
        log.topic == Topic::Releases(self.setup.me)
    }

    /// A hub that may write, facing an Academy that may too and wants this hub's releases: only then do its digests say
    /// anything of them.
    fn reports_here(&self) -> bool {
        let roles = self.setup.role == Role::Hub && self.setup.peer_role == Role::Academy;
        let wanted = self.scope.wants(Topic::Releases(self.setup.me));
        roles && wanted && !self.frozen && !self.peer_frozen && matches!(self.phase, Phase::Open)
    }

    /// A comparison showed what is lacking here.
    pub(super) fn expect(&mut self, lacking: Vec<(LogId, Cursor)>) {
        // A superseded copy is not listened to, so what it has never arrives.
        let lacking = if self.peer_frozen { Vec::new() } else { lacking };
        self.settling.lacking = lacking.into_iter().map(|(log, cursor)| (log, cursor.seq)).collect();
        let own = self.settling.lacking.keys().any(|log| self.is_own_releases(log));
        self.settling.own = if own { OwnReleases::Lacking } else { OwnReleases::Held };
        self.settling.append_due = true;
    }

    /// A log is held up to this number.
    pub(super) fn arrived(&mut self, log: LogId, seq: u64) {
        if self.settling.lacking.get(&log).is_some_and(|lacking| *lacking <= seq) {
            self.settling.lacking.remove(&log);
            self.reconsider_own();
        }
    }

    /// A log was read from the store up to this number, so that it is held, whichever stream brought it. Of this hub's own
    /// releases only what the Academy itself brings counts.
    pub(super) fn read_up_to(&mut self, log: LogId, seq: u64) {
        if !self.is_own_releases(&log) {
            self.arrived(log, seq);
        }
    }

    /// What was lacking of a log will not come in this comparison.
    pub(super) fn not_to_be_had(&mut self, log: LogId) {
        if self.settling.lacking.remove(&log).is_some() && self.is_own_releases(&log) {
            self.settling.own = OwnReleases::Blocked;
            self.tell(Progress::AppendBlocked);
        }
    }

    fn reconsider_own(&mut self) {
        let lacking = self.settling.lacking.keys().any(|log| self.is_own_releases(log));
        if self.settling.own == OwnReleases::Lacking && !lacking {
            self.settling.own = OwnReleases::Held;
            self.settling.append_due = true;
        }
    }

    /// Does whatever can be done now, and finds out whether the comparison is settled. Runs after every event.
    pub(super) fn advance(&mut self) {
        self.compare_if_due();
        self.append_if_due();
        self.read_changes_if_due();
        self.pump();
        self.settle();
        self.compare_if_due();
    }

    fn append_if_due(&mut self) {
        let reckoned = self.comparison.is_reckoned();
        if !self.settling.append_due || !reckoned || self.settling.own == OwnReleases::Lacking {
            return;
        }
        self.settling.append_due = false;
        if self.settling.own == OwnReleases::Held && self.reports_here() {
            self.ask(Question::AppendApproved, Pending::AppendApproved);
        }
    }

    pub(super) fn appended(&mut self, entries: u64) {
        if entries > 0 {
            self.settling.changes_due = true;
            self.tell(Progress::Appended { entries });
        }
    }

    /// While a comparison is being made its own outcome covers every change; afterwards changes go on top.
    fn read_changes_if_due(&mut self) {
        let Some(mark) = self.comparison.mark else { return };
        let busy = self.pending.iter().any(|pending| matches!(pending, Pending::ChangedSince));
        if !self.settling.changes_due || !self.comparison.is_reckoned() || busy || self.frozen {
            return;
        }
        self.settling.changes_due = false;
        self.ask(Question::ChangedSince { scope: self.scope, mark }, Pending::ChangedSince);
    }

    fn settle(&mut self) {
        let open = matches!(self.phase, Phase::Open) && matches!(self.comparison.step, Step::Flowing);
        let waiting = (self.settling.changes_due && !self.frozen) || self.settling.append_due;
        let quiet = self.pending.is_empty() && self.outflow.is_quiet() && self.settling.lacking.is_empty();
        if !open || waiting || !quiet || !self.settling.wanted.is_empty() {
            return;
        }
        if !self.settling.receipts_asked && !self.frozen && !self.peer_frozen {
            self.settling.receipts_asked = true;
            return self.ask(Question::OwnUnreceipted { scope: self.scope }, Pending::OwnUnreceipted);
        }
        self.comparison.step = Step::Settled;
        self.tell(Progress::Settled { round: self.comparison.round });
    }

    /// Receipts heal: a stream that broke after the Academy kept entries may have lost the one for them.
    pub(super) fn want_receipts(&mut self, tips: &[(Topic, Cursor)]) {
        for (topic, tip) in tips {
            if self.frozen {
                return;
            }
            self.settling.wanted.insert((tip.log(*topic), *tip));
            let wanted = v1::ReceiptWanted { topic: topic.to_bytes().to_vec(), tip: Some(tip.to_wire()) };
            self.send(Body::ReceiptWanted(wanted));
        }
    }
}
