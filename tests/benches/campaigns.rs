//! Campaigns of two hubs, which the Academy relays: what a member takes who has none of them, how long a change is under
//! way, and how many go through. Beside it what the CRDT library and the database take for the changes alone.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use automerge::transaction::{CommitOptions, Transactable};
use automerge::{ActorId, Automerge, AutomergeError, Change, LoadOptions, ObjType, ROOT, ReadDoc, TextEncoding};
use folkmoot_node::generated::hub::campaign_service_client::CampaignServiceClient;
use folkmoot_node::generated::node::node_service_client::NodeServiceClient;
use folkmoot_proto::hub::v1::{
    AppendNotesRequest, ApplyChangesRequest, Campaign, CampaignMember, CreateCampaignRequest, ExportCampaignRequest,
    GetCampaignRequest, WatchCampaignRequest,
};
use folkmoot_proto::node::v1::SynchronizeRequest;
use rusqlite::{Connection, params};
use tokio::runtime::Runtime;
use tokio::task::JoinSet;
use tonic::transport::Channel;

use crate::automerge_repo::{self, Peer};
use crate::gate::Gate;
use crate::measure::{Figure, Goal, Line, Unit, millis};
use crate::nodes::{Federation, Served, copy, workshop};

/// How many campaigns a cold member takes.
const CAMPAIGNS: usize = 1_000;
/// How many changes each has.
const CHANGES: usize = 200;
/// How many changes are timed one by one.
const SINGLE: usize = 200;
/// How many changes go through in a row, and how many of them in one call.
const IN_A_ROW: usize = 3_000;
const TOGETHER: usize = 100;
/// How long after one call the next one comes where the rate is the goal's: 5,000 changes a second.
const PACE: Duration = Duration::from_millis(20);

/// How many campaigns are read at once.
const AT_ONCE: usize = 4;

type Client = CampaignServiceClient<Channel>;

pub(crate) fn measure(runtime: &Runtime, runs: usize) -> Vec<Line> {
    let federation = Federation::found();
    let academy = Served::node("academy", &federation.academy());
    let other = federation.academy().with_file_name("K");
    federation.join("Beaumont", &other);
    let hub = Served::node("hub", &federation.hub());
    let relay_before = academy.memory().0;
    let names = runtime.block_on(fill(&federation.hub()));

    let (mut stored, mut loaded) = (Figure::new(Unit::Milliseconds), Figure::new(Unit::Milliseconds));
    let (mut bytes, mut bare_bytes) = (Figure::new(Unit::Megabytes), Figure::new(Unit::Megabytes));
    let gate = Gate::build();
    gate.leads_to(&academy.listens());
    for run in 0..=runs.min(3) {
        let place = workshop();
        let folder = place.path().join("K");
        copy(&other, &folder);
        if run == 0 {
            // Counted, and not timed.
            gate.stands_before(&folder);
            gate.open();
        }
        let began = Instant::now();
        let served = Served::node("hub", &folder);
        let took = runtime.block_on(async {
            let channel = folkmoot_node::connect(&folder).await.expect("a node");
            synchronize(channel.clone()).await;
            let stored = began.elapsed();
            if run == 0 {
                bytes.add(gate.megabytes());
            }
            read_all(channel, &names).await;
            (stored, began.elapsed())
        });
        if run > 0 {
            stored.add_time(took.0);
            loaded.add_time(took.1);
        }
        served.stop();
        gate.shut();
    }
    let mut bare_loaded = Figure::new(Unit::Milliseconds);
    let (snapshots, load) = runtime.block_on(load_bare(&federation.hub(), &names));
    bare_loaded.add_time(load);
    bare_bytes.add(snapshots as f64 / 1e6);
    let mut memory = Figure::new(Unit::Mebibytes);
    memory.add(academy.memory().0 - relay_before);

    let served = Served::node("hub", &other);
    runtime.block_on(async {
        synchronize(folkmoot_node::connect(&other).await.expect("a node")).await;
    });
    let ends = (federation.hub(), other);
    let relayed = on_its_way(runtime, &ends, &names[..10], runs);
    academy.stop();
    let direct = on_its_way(runtime, &ends, &names[10..], runs);
    served.stop();
    hub.stop();
    let peer = automerge_repo::measure(CAMPAIGNS, CHANGES, SINGLE, IN_A_ROW);
    let of_peer = |figure: fn(&Peer) -> &Figure| peer.as_ref().map(figure).cloned();
    let line = |what: &str, product, bare, peer, goal| Line { what: what.to_owned(), product, bare, peer, goal };
    let all = format!("cold member takes {CAMPAIGNS} campaigns of {CHANGES} changes, stored");
    let (single, single_99) = (Some(direct.bare_single), Some(direct.bare_single_99));
    vec![
        line(&all, stored, None, None, Goal::AtMost(300.0)),
        line("bytes on the wire for them; bare: their snapshots", bytes, Some(bare_bytes), None, Goal::Times(1.1)),
        line(
            "the same, every one loaded and read",
            loaded,
            Some(bare_loaded),
            of_peer(|it| &it.cold),
            Goal::AtMost(2_000.0),
        ),
        line("memory of the relay for them, more than before", memory, None, None, Goal::AtMost(16.0)),
        line("one change until acknowledged, median", direct.own, single.clone(), None, Goal::AtMost(2.0)),
        line("the same, 99 of 100", direct.own_99, single_99.clone(), None, Goal::AtMost(5.0)),
        line(
            "one change until the other hub has it, median",
            direct.theirs,
            single,
            of_peer(|it| &it.arrived),
            Goal::AtMost(3.0),
        ),
        line("the same, 99 of 100", direct.theirs_99, single_99, of_peer(|it| &it.arrived_99), Goal::AtMost(6.0)),
        line(
            "changes in a row until both hubs have them",
            direct.rate,
            Some(direct.bare_rate),
            of_peer(|it| &it.rate),
            Goal::Share(0.7),
        ),
        line("how far the other hub is behind meanwhile, 99 of 100", direct.behind_99, None, None, Goal::AtMost(100.0)),
        line("changes at 5000/s until both hubs have them", direct.paced_rate, None, None, Goal::None),
        line("how far the other hub is behind then, 99 of 100", direct.paced_99, None, None, Goal::AtMost(100.0)),
        line("one change until acknowledged while the Academy relays, median", relayed.own, None, None, Goal::None),
        line("the same, until the other hub has it", relayed.theirs, None, None, Goal::None),
        line("changes in a row while the Academy relays", relayed.rate, None, None, Goal::None),
    ]
}

/// How changes go from one hub to another.
struct Way {
    own: Figure,
    own_99: Figure,
    theirs: Figure,
    theirs_99: Figure,
    rate: Figure,
    behind_99: Figure,
    paced_rate: Figure,
    paced_99: Figure,
    bare_single: Figure,
    bare_single_99: Figure,
    bare_rate: Figure,
}

/// Changes of the one hub on its way to the other, one by one and in a row; each run takes three of the campaigns.
fn on_its_way(runtime: &Runtime, (here, there): &(PathBuf, PathBuf), names: &[String], runs: usize) -> Way {
    let [own, own_99, theirs, theirs_99, behind_99, paced_99, bare_single, bare_single_99] =
        [(); 8].map(|()| Figure::new(Unit::Milliseconds));
    let [rate, paced_rate, bare_rate] = [(); 3].map(|()| Figure::new(Unit::PerSecond));
    let mut way = Way {
        own,
        own_99,
        theirs,
        theirs_99,
        rate,
        behind_99,
        paced_rate,
        paced_99,
        bare_single,
        bare_single_99,
        bare_rate,
    };
    for names in names.chunks_exact(3).take(runs.clamp(1, 3)) {
        let (own, theirs, (changes, behind), (_, paced)) = runtime.block_on(async {
            let here = Client::new(folkmoot_node::connect(here).await.expect("a node"));
            let there = Client::new(folkmoot_node::connect(there).await.expect("a node"));
            let (own, theirs) = single(here.clone(), there.clone(), &names[0]).await;
            let at_once = in_a_row(here.clone(), there.clone(), &names[1], None).await;
            let paced = in_a_row(here, there, &names[2], Some(PACE)).await;
            (own, theirs, at_once, paced)
        });
        way.own.add(part(&own, 50));
        way.own_99.add(part(&own, 99));
        way.theirs.add(part(&theirs, 50));
        way.theirs_99.add(part(&theirs, 99));
        way.rate.add(IN_A_ROW as f64 / behind.seconds);
        way.behind_99.add(part(&behind.changes, 99));
        way.paced_rate.add(IN_A_ROW as f64 / paced.seconds);
        way.paced_99.add(part(&paced.changes, 99));
        let bare = bare(&changes);
        way.bare_single.add(part(&bare, 50));
        way.bare_single_99.add(part(&bare, 99));
        way.bare_rate.add(1000.0 * bare.len() as f64 / bare.iter().sum::<f64>());
    }
    way
}

/// Begins the campaigns and writes the changes; gives their names.
async fn fill(hub: &Path) -> Vec<String> {
    let channel = folkmoot_node::connect(hub).await.expect("a node");
    // The other hub joined since.
    synchronize(channel.clone()).await;
    let mut client = Client::new(channel.clone());
    let mut names = Vec::with_capacity(CAMPAIGNS);
    for number in 0..CAMPAIGNS {
        let members = vec![CampaignMember { hub: "Beaumont".to_owned(), ..CampaignMember::default() }];
        let title = format!("Campaign {number}");
        let campaign = Campaign { title, members, academy_relays: true, ..Campaign::default() };
        let request = CreateCampaignRequest { campaign: Some(campaign), request_id: String::new() };
        let name = client.create_campaign(request).await.expect("begun").into_inner().name;
        let changes = changes(&mut client, &name, CHANGES - 1).await;
        client.apply_changes(ApplyChangesRequest { name: name.clone(), changes }).await.expect("applied");
        names.push(name);
    }
    // The Academy is to hold all of them before anybody asks it.
    synchronize(channel).await;
    names
}

/// Changes that three clients make in turn on the document as it is: notes, organisations, tasks.
async fn changes(client: &mut Client, name: &str, count: usize) -> Vec<Vec<u8>> {
    let mut actors = Vec::new();
    let mut document = Vec::new();
    for _ in 0..3 {
        let request = ExportCampaignRequest { name: name.to_owned() };
        let exported = client.export_campaign(request).await.expect("exported").into_inner();
        actors.push(ActorId::from(exported.actor));
        document = exported.document;
    }
    let options = LoadOptions::new().text_encoding(TextEncoding::Utf16CodeUnit);
    let mut document = Automerge::load_with_options(&document, options).expect("a document");
    let before = document.get_heads();
    let mut words = Words::new(name);
    for number in 0..count {
        document.set_actor(actors[number % actors.len()].clone());
        let made = document.transact_with::<_, _, AutomergeError, _>(
            |_| CommitOptions::default().with_time(0),
            |transaction| {
                let of = |key: &str| transaction.get(ROOT, key).map(|found| found.expect("a part").1);
                let (notes, tasks, organisations) = (of("notes")?, of("tasks")?, of("organisations")?);
                match number % 20 {
                    3 | 10 | 17 => {
                        let entry = transaction.insert_object(&tasks, 0, ObjType::Map)?;
                        transaction.put(&entry, "title", words.some(4))?;
                        transaction.put(&entry, "hub", actors[0].to_hex_string()[..64].to_owned())?;
                        transaction.put(&entry, "due", format!("2026-{:02}-{:02}", number % 12 + 1, number % 28 + 1))
                    }
                    1 | 5 | 9 | 13 | 18 => {
                        let entry = transaction.insert_object(&organisations, 0, ObjType::Map)?;
                        transaction.put(&entry, "organisation", words.some(3))
                    }
                    _ => {
                        let end = transaction.length(&notes);
                        transaction.splice_text(&notes, end, 0, &words.some(1))
                    }
                }
            },
        );
        made.map(drop).map_err(|failure| failure.error).expect("a change");
    }
    document.get_changes(&before).iter().map(|change| change.raw_bytes().to_vec()).collect()
}

/// Words drawn from a list, the same for the same name.
struct Words(u64);

impl Words {
    fn new(name: &str) -> Self {
        Self(
            name.bytes()
                .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3)),
        )
    }

    fn some(&mut self, count: usize) -> String {
        const LIST: [&str; 32] = [
            "the",
            "council",
            "a",
            "library",
            "damp",
            "landlord",
            "to",
            "meeting",
            "on",
            "Monday",
            "bus",
            "rent",
            "we",
            "asked",
            "for",
            "repairs",
            "church",
            "hall",
            "and",
            "school",
            "street",
            "lights",
            "petition",
            "with",
            "residents",
            "of",
            "crossing",
            "mould",
            "school",
            "wifi",
            "hub",
            "campaign",
        ];
        let mut text = String::new();
        for _ in 0..count {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            text.push_str(LIST[(self.0 >> 20) as usize % LIST.len()]);
            text.push(' ');
        }
        text.pop();
        text
    }
}

async fn synchronize(channel: Channel) {
    let request = SynchronizeRequest { timeout_seconds: 100 };
    let mut steps = NodeServiceClient::new(channel).synchronize(request).await.expect("a stream").into_inner();
    while let Some(step) = steps.message().await.expect("in step in the end") {
        if step.done {
            return;
        }
    }
    panic!("never in step");
}

/// How many bytes the documents of all campaigns have, and how long the CRDT library takes to load them.
async fn load_bare(hub: &Path, names: &[String]) -> (usize, Duration) {
    let mut client = Client::new(folkmoot_node::connect(hub).await.expect("a node"));
    let (mut bytes, mut took) = (0, Duration::ZERO);
    for name in names {
        let request = ExportCampaignRequest { name: name.clone() };
        let document = client.export_campaign(request).await.expect("exported").into_inner().document;
        let options = LoadOptions::new().text_encoding(TextEncoding::Utf16CodeUnit);
        let began = Instant::now();
        let loaded = Automerge::load_with_options(&document, options).expect("a document");
        took += began.elapsed();
        bytes += document.len();
        assert!(!loaded.is_empty());
    }
    (bytes, took)
}

/// Reads every campaign, each of which has a task; a few at once, as a client would that wants all.
async fn read_all(channel: Channel, names: &[String]) {
    let mut reading = JoinSet::new();
    for part in names.chunks(names.len().div_ceil(AT_ONCE)) {
        let (mut client, part) = (Client::new(channel.clone()), part.to_vec());
        reading.spawn(async move {
            for name in part {
                let request = GetCampaignRequest { name, version: String::new() };
                assert!(!client.get_campaign(request).await.expect("a campaign").into_inner().tasks.is_empty());
            }
        });
    }
    reading.join_all().await;
}

/// Milliseconds until each of single changes was acknowledged, and until the other hub had it.
async fn single(mut here: Client, mut there: Client, name: &str) -> (Vec<f64>, Vec<f64>) {
    let request = WatchCampaignRequest { name: name.to_owned(), heads: Vec::new(), with_presence: false };
    let mut seen = there.watch_campaign(request).await.expect("watched").into_inner();
    seen.message().await.expect("open").expect("as it is");
    let (mut own, mut theirs) = (Vec::new(), Vec::new());
    for number in 0..SINGLE {
        let text = format!("single {number}\n");
        let request = AppendNotesRequest { name: name.to_owned(), text: text.clone(), request_id: String::new() };
        let began = Instant::now();
        here.append_notes(request).await.expect("added");
        own.push(millis(began.elapsed()));
        loop {
            let news = seen.message().await.expect("open").expect("news").campaign.expect("a campaign");
            if news.notes.ends_with(&text) {
                break;
            }
        }
        theirs.push(millis(began.elapsed()));
    }
    (own, theirs)
}

/// How changes in a row came to the other hub.
struct Behind {
    /// Until both hubs had all.
    seconds: f64,
    /// Milliseconds of each change from the call that gave it until the other hub had it.
    changes: Vec<f64>,
}

/// Many changes in a row, as fast as they are acknowledged, or those of one call each `pace`.
async fn in_a_row(mut here: Client, mut there: Client, name: &str, pace: Option<Duration>) -> (Vec<Vec<u8>>, Behind) {
    let made = changes(&mut here, name, IN_A_ROW).await;
    let hash = |change: &Vec<u8>| Change::from_bytes(change.clone()).expect("a change").hash().0.to_vec();
    // Each builds on the one before: whoever has one has all before it.
    let places: HashMap<Vec<u8>, usize> = made.iter().map(hash).zip(0..).collect();
    let request = WatchCampaignRequest { name: name.to_owned(), heads: Vec::new(), with_presence: false };
    let mut seen = there.watch_campaign(request).await.expect("watched").into_inner();
    let arriving = tokio::spawn(async move {
        let mut arrived: Vec<Instant> = Vec::with_capacity(IN_A_ROW);
        while arrived.len() < IN_A_ROW {
            let heads = seen.message().await.expect("open").expect("news").heads;
            let had = heads.iter().find_map(|head| places.get(head)).map_or(0, |place| place + 1);
            arrived.resize(arrived.len().max(had), Instant::now());
        }
        arrived
    });
    let mut given = Vec::with_capacity(IN_A_ROW);
    let mut ticks = pace.map(tokio::time::interval);
    for part in made.chunks(TOGETHER) {
        if let Some(ticks) = &mut ticks {
            ticks.tick().await;
        }
        given.resize(given.len() + part.len(), Instant::now());
        let request = ApplyChangesRequest { name: name.to_owned(), changes: part.to_vec() };
        here.apply_changes(request).await.expect("applied");
    }
    let arrived = arriving.await.expect("all of them");
    let seconds = (arrived[IN_A_ROW - 1] - given[0]).as_secs_f64();
    let changes = arrived.into_iter().zip(given).map(|(arrived, given)| millis(arrived - given)).collect();
    (made, Behind { seconds, changes })
}

/// The bare limit: each change parsed and committed, durably. Milliseconds of each.
fn bare(changes: &[Vec<u8>]) -> Vec<f64> {
    let place = workshop();
    let connection = Connection::open(place.path().join("bare.db")).expect("a database");
    connection.execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL").expect("modes");
    connection.execute_batch("CREATE TABLE change (hash BLOB, body BLOB) STRICT").expect("a table");
    let commit = |bytes: &Vec<u8>| {
        let began = Instant::now();
        let change = Change::from_bytes(bytes.clone()).expect("a change");
        let row = params![change.hash().0, bytes];
        connection.prepare_cached("INSERT INTO change VALUES (?1, ?2)").expect("SQL").execute(row).expect("a row");
        millis(began.elapsed())
    };
    changes.iter().map(commit).collect()
}

/// The value that so many of a hundred are no larger than.
fn part(values: &[f64], of_hundred: usize) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[(sorted.len() * of_hundred / 100).min(sorted.len() - 1)]
}
