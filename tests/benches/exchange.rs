//! The exchange between two nodes, against a bare copy between two SQLite files.
//!
//! A hub sends the entries of a campaign to the Academy, which relays it: it verifies, keeps and acknowledges, and reads
//! none of them. Both run as processes of their own. Between them stands a gate, and between the ends of the bare copy as
//! well: time runs from the moment at which the gate lets the waiting connection through, and so counts the connection,
//! the TLS handshake and the opening of the stream of both.

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
        let (nothing, more) = (pair.nothing(&hub), pair.more(&hub, campaign, run as u64));
        let (bare_nothing, _) = bare.send(runtime, 0);
        bare_copy::add(&bare.source, MORE, 2 + run as u64);
        let (bare_more, _) = bare.send(runtime, MORE);
        if run > 0 {
            of.nothing.add_time(nothing);
            of.more.add_time(more);
            of.nothing_bare.add_time(bare_nothing);
            of.more_bare.add_time(bare_more);
        }
    }
    of.lines()
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
    let (mut of_product, mut of_bare) = (Figure::new(Unit::Milliseconds), Figure::new(Unit::Milliseconds));
    for run in 0..=runs {
        let (product, (bare, _)) = (pair.nothing(&hub), bare.send(runtime, 0));
        if run > 0 {
            of_product.add_time(product);
            of_bare.add_time(bare);
        }
    }
    let what = format!("exchange with nothing changed, {MANY_TOPICS} topics");
    vec![Line { what, product: of_product, bare: Some(of_bare), peer: None, goal: Goal::AtMost(3.0) }]
}

/// What was measured.
struct Exchanged {
    first: Figure,
    first_bare: Figure,
    megabytes: Figure,
    megabytes_bare: Figure,
    nothing: Figure,
    nothing_bare: Figure,
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
            nothing: time(),
            nothing_bare: time(),
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
            line(
                format!("exchange with nothing changed, {TOPICS} topics"),
                self.nothing,
                Some(self.nothing_bare),
                Goal::AtMost(3.0),
            ),
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

/// An Academy that serves behind a gate.
struct Pair {
    _place: TempDir,
    academy: Served,
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
        let pair = Self { _place: place, academy, gate };
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
        let (sender, receiver) = (hub.memory().1, self.academy.memory().1);
        hub.stop();
        self.gate.shut();
        First { took, megabytes, sender, receiver, hub: (place, folder) }
    }

    /// Time runs until the last byte that either end says.
    fn nothing(&self, folder: &Path) -> Duration {
        let hub = self.call(folder);
        let began = self.gate.open();
        let took = self.gate.last_word() - began;
        hub.stop();
        self.gate.shut();
        took
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
}

impl Bare {
    fn new(runtime: &Runtime, rows: usize) -> Self {
        let place = workshop();
        let source = bare_copy::make(&place.path().join("from.db"), rows);
        let tls = Tls::new();
        let gate = Gate::build();
        gate.leads_to(&runtime.block_on(Receiver::serve(&place.path().join("to.db"), &tls)));
        Self { place, source, gate, tls }
    }

    /// Gives the time and the megabytes that it took to send what was lacking.
    fn send(&self, runtime: &Runtime, expected: usize) -> (Duration, f64) {
        self.gate.open();
        let began = Instant::now();
        let sent = runtime.block_on(bare_copy::send(&self.place.path().join("from.db"), &self.gate.address, &self.tls));
        let took = began.elapsed();
        assert_eq!(sent, expected as u64);
        let megabytes = self.gate.megabytes();
        self.gate.shut();
        (took, megabytes)
    }
}
