//! The exchange between two nodes, against a bare copy between two SQLite files.
//!
//! A hub sends the entries of a campaign to the Academy, which relays it: it verifies, keeps and acknowledges, and reads
//! none of them. Both run as processes of their own. Between them stands a gate, and between the ends of the bare copy as
//! well: time runs from the moment at which the gate lets the waiting connection through, and so counts the connection,
//! the TLS handshake and the opening of the stream of both.

use std::cell::Cell;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use folkmoot_journal::CampaignId;
use folkmoot_node::generated::node::node_service_client::NodeServiceClient;
use folkmoot_proto::node::v1::SynchronizeRequest;
use rusqlite::Connection;
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::bare_copy::{self, Receiver, Tls};
use crate::gate::Gate;
use crate::logs::Logs;
use crate::measure::{Figure, Goal, Line, Unit};
use crate::nodes::{Federation, Served, copy, folkmoot, rest, text, workshop};

const MANY: usize = 50_000;
const MORE: usize = 100;
/// Topics that both ends hold: the campaigns and the directory.
const TOPICS: usize = 10;
const MANY_TOPICS: usize = 10_000;
/// What a node may still do at its start, before it is measured.
const SETTLED: Duration = Duration::from_millis(300);

/// Fifty thousand entries to an empty node, then nothing, then a hundred.
pub(crate) fn measure(runtime: &Runtime, runs: usize) -> Vec<Line> {
    let federation = Federation::found();
    let empty = federation.fresh_hub();
    let full = federation.fresh_hub();
    let campaign = {
        let mut logs = Logs::open(&full.1, 1);
        let campaigns: Vec<CampaignId> = (1..TOPICS).map(|number| logs.found(number as u32)).collect();
        logs.write(campaigns[0], MANY);
        campaigns[0]
    };
    let mut of = Exchanged::default();
    let mut last = None;
    for run in 0..=runs {
        // Its Academy listens where the next one will.
        drop(last.take());
        let pair = Pair::new(&federation, &empty.1);
        let one = pair.first(runtime, &full.1);
        let bare = Bare::new(runtime, MANY);
        let (bare_took, bare_megabytes) = bare.send(runtime, MANY);
        if run > 0 {
            of.first.add_time(one.took);
            of.megabytes.add(one.megabytes);
            of.sender.add(one.sender);
            of.receiver.add(one.receiver);
            of.first_bare.add_time(bare_took);
            of.megabytes_bare.add(bare_megabytes);
        }
        last = Some((pair, bare, one.hub));
    }
    let (pair, bare, (_place, hub)) = last.expect("at least one run");
    for run in 0..=runs {
        let more = pair.more(&hub, campaign, run as u64);
        bare_copy::add(&bare.source, MORE, 2 + run as u64);
        let (bare_more, _) = bare.send(runtime, MORE);
        if run > 0 {
            of.more.add_time(more);
            of.more_bare.add_time(bare_more);
        }
    }
    let mut lines = of.lines();
    lines.extend(nothing_changed(pair, &bare, &hub, (runtime, runs), TOPICS));
    lines
}

/// Nothing changed, with ten thousand topics.
pub(crate) fn measure_many_topics(runtime: &Runtime, runs: usize) -> Vec<Line> {
    let federation = Federation::found();
    let empty = federation.fresh_hub();
    let full = federation.fresh_hub();
    let logs = Logs::open(&full.1, 1);
    for number in 1..MANY_TOPICS {
        logs.found(number as u32);
    }
    drop(logs);
    let pair = Pair::new(&federation, &empty.1);
    let (_place, hub) = pair.first(runtime, &full.1).hub;
    let bare = Bare::new(runtime, MANY_TOPICS);
    bare.send(runtime, MANY_TOPICS);
    nothing_changed(pair, &bare, &hub, (runtime, runs), MANY_TOPICS)
}

/// Nothing changed: after a restart of the hub, where the connection was broken, and after a restart of the Academy.
fn nothing_changed(
    mut pair: Pair,
    bare: &Bare,
    hub: &Path,
    (runtime, runs): (&Runtime, usize),
    topics: usize,
) -> Vec<Line> {
    let time = || Figure::new(Unit::Milliseconds);
    let (mut whole, mut whole_bare, mut secured_bare) = (time(), time(), time());
    let [mut hub_restarted, mut broken, mut academy_restarted] = [time(), time(), time()];
    for run in 0..=runs {
        let (first, [again, restarted]) = (pair.nothing(hub), pair.again(hub));
        let (bare_took, _) = bare.send(runtime, 0);
        let bare_secured = bare.secured();
        if run > 0 {
            whole.add_time(first.whole);
            hub_restarted.add_time(first.secured);
            broken.add_time(again.secured);
            academy_restarted.add_time(restarted.secured);
            whole_bare.add_time(bare_took);
            secured_bare.add_time(bare_secured);
        }
    }
    let line = |what: String, product, bare, goal| Line { what, product, bare: Some(bare), peer: None, goal };
    let after = |what: &str| format!("the same from the TLS handshake on, {what}");
    let secured = || secured_bare.clone();
    vec![
        line(format!("exchange with nothing changed, {topics} topics"), whole, whole_bare, Goal::AtMost(3.0)),
        line(after("after a restart of the hub"), hub_restarted, secured(), Goal::AtMost(2.0)),
        line(after("after a broken connection"), broken, secured(), Goal::AtMost(2.0)),
        line(after("after a restart of the Academy"), academy_restarted, secured(), Goal::AtMost(2.0)),
    ]
}

/// What was measured.
struct Exchanged {
    first: Figure,
    first_bare: Figure,
    megabytes: Figure,
    megabytes_bare: Figure,
    more: Figure,
    more_bare: Figure,
    sender: Figure,
    receiver: Figure,
}

impl Default for Exchanged {
    fn default() -> Self {
        let time = || Figure::new(Unit::Milliseconds);
        Self {
            first: time(),
            first_bare: time(),
            megabytes: Figure::new(Unit::Megabytes),
            megabytes_bare: Figure::new(Unit::Megabytes),
            more: time(),
            more_bare: time(),
            sender: Figure::new(Unit::Mebibytes),
            receiver: Figure::new(Unit::Mebibytes),
        }
    }
}

impl Exchanged {
    fn lines(self) -> Vec<Line> {
        let line = |what: String, product, bare, goal| Line { what, product, bare, peer: None, goal };
        vec![
            line(format!("exchange of {MANY} entries"), self.first, Some(self.first_bare), Goal::Times(2.0)),
            line("bytes on the wire for it".to_owned(), self.megabytes, Some(self.megabytes_bare), Goal::AtMost(6.0)),
            line(format!("exchange with {MORE} entries more"), self.more, Some(self.more_bare), Goal::AtMost(6.0)),
            line(format!("memory of the sender of {MANY} entries, at most"), self.sender, None, Goal::AtMost(40.0)),
            line("memory of the receiver, at most".to_owned(), self.receiver, None, Goal::AtMost(40.0)),
        ]
    }
}

/// The first exchange of a pair.
struct First {
    took: Duration,
    megabytes: f64,
    /// The most memory of each end.
    sender: f64,
    receiver: f64,
    /// The hub's folder, where all is acknowledged.
    hub: (TempDir, PathBuf),
}

/// How long an exchange took: from the opening of the gate, and from the end of the TLS handshake.
struct Took {
    whole: Duration,
    secured: Duration,
}

/// An Academy that serves behind a gate.
struct Pair {
    place: TempDir,
    /// None while it restarts.
    academy: Option<Served>,
    gate: Gate,
}

impl Pair {
    /// An Academy that holds nothing of the hub's. It has been called once: what a process does at its first handshake
    /// is not measured.
    fn new(federation: &Federation, empty: &Path) -> Self {
        let place = workshop();
        let folder = place.path().join("A");
        copy(&federation.academy(), &folder);
        let academy = Served::node("academy", &folder);
        let gate = Gate::build();
        gate.leads_to(&academy.listens());
        let pair = Self { place, academy: Some(academy), gate };
        pair.gate.open();
        pair.gate.stands_before(empty);
        let hub = Served::node("hub", empty);
        folkmoot(&["sync", "--data", text(empty), "--wait"]);
        hub.stop();
        pair.gate.shut();
        pair
    }

    /// Starts the hub of a folder, and leaves it waiting at the gate.
    fn call(&self, folder: &Path) -> Served {
        self.gate.shut();
        self.gate.stands_before(folder);
        let hub = Served::node("hub", folder);
        self.gate.await_caller();
        rest(SETTLED);
        hub
    }

    /// Time runs until the hub says that everything is acknowledged.
    fn first(&self, runtime: &Runtime, full: &Path) -> First {
        let (place, folder) = of(full);
        let hub = self.call(&folder);
        let took = runtime.block_on(async {
            let mut node = NodeServiceClient::new(folkmoot_node::connect(&folder).await.expect("a node"));
            let mut progress = node.synchronize(SynchronizeRequest::default()).await.expect("progress").into_inner();
            progress.message().await.expect("progress");
            let began = self.gate.open();
            while progress.message().await.expect("progress").is_some() {}
            began.elapsed()
        });
        let megabytes = self.gate.megabytes();
        let (sender, receiver) = (hub.memory().1, self.academy.as_ref().expect("an Academy").memory().1);
        hub.stop();
        self.gate.shut();
        First { took, megabytes, sender, receiver, hub: (place, folder) }
    }

    /// Time runs until the last byte that either end says.
    fn nothing(&self, folder: &Path) -> Took {
        let hub = self.call(folder);
        let took = self.let_through();
        hub.stop();
        self.gate.shut();
        took
    }

    fn let_through(&self) -> Took {
        let began = self.gate.open();
        let last = self.gate.last_word();
        Took { whole: last - began, secured: last - self.gate.secured() }
    }

    /// The same where the hub goes on: after its connection was broken, and after a restart of the Academy.
    fn again(&mut self, folder: &Path) -> [Took; 2] {
        let hub = self.call(folder);
        self.let_through();
        let calls_again = |gate: &Gate| {
            gate.shut();
            gate.await_caller();
            rest(SETTLED);
        };
        calls_again(&self.gate);
        let broken = self.let_through();
        calls_again(&self.gate);
        // Its folder is free once it has ended.
        if let Some(academy) = self.academy.take() {
            academy.stop();
        }
        let academy = Served::node("academy", &self.place.path().join("A"));
        self.gate.leads_to(&academy.listens());
        self.academy = Some(academy);
        rest(SETTLED);
        let restarted = self.let_through();
        hub.stop();
        self.gate.shut();
        [broken, restarted]
    }

    /// The same after further entries were written.
    fn more(&self, folder: &Path, campaign: CampaignId, run: u64) -> Duration {
        Logs::open(folder, 100 + run).write(campaign, MORE);
        let hub = self.call(folder);
        let began = self.gate.open();
        let took = self.gate.last_word() - began;
        folkmoot(&["sync", "--data", text(folder), "--wait"]);
        hub.stop();
        self.gate.shut();
        took
    }
}

fn of(folder: &Path) -> (TempDir, PathBuf) {
    let place = workshop();
    let copied = place.path().join("H");
    copy(folder, &copied);
    (place, copied)
}

/// Two SQLite files, the second behind a gate.
struct Bare {
    place: TempDir,
    source: Connection,
    gate: Gate,
    tls: Tls,
    secured: Cell<Duration>,
}

impl Bare {
    fn new(runtime: &Runtime, rows: usize) -> Self {
        let place = workshop();
        let source = bare_copy::make(&place.path().join("from.db"), rows);
        let tls = Tls::new();
        let gate = Gate::build();
        gate.leads_to(&runtime.block_on(Receiver::serve(&place.path().join("to.db"), &tls)));
        Self { place, source, gate, tls, secured: Cell::default() }
    }

    /// Gives the time and the megabytes that it took to send what was lacking.
    fn send(&self, runtime: &Runtime, expected: usize) -> (Duration, f64) {
        self.gate.open();
        let began = Instant::now();
        let sent = runtime.block_on(bare_copy::send(&self.place.path().join("from.db"), &self.gate.address, &self.tls));
        let took = began.elapsed();
        assert_eq!(sent, expected as u64);
        let megabytes = self.gate.megabytes();
        self.secured.set(Instant::now() - self.gate.secured());
        self.gate.shut();
        (took, megabytes)
    }

    /// How much of the last time came after the TLS handshake.
    fn secured(&self) -> Duration {
        self.secured.get()
    }
}
