//! Campaigns of two hubs, which the Academy relays: what a member takes who has none of them, how long a change is under
//! way, and how many go through. Beside it what the CRDT library and the database take for the changes alone.

use std::path::Path;
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
    for run in 0..=runs.min(3) {
        let place = workshop();
        let folder = place.path().join("K");
        copy(&other, &folder);
        let began = Instant::now();
        let served = Served::node("hub", &folder);
        let took = runtime.block_on(async {
            let channel = folkmoot_node::connect(&folder).await.expect("a node");
            synchronize(channel.clone()).await;
            let stored = began.elapsed();
            read_all(channel, &names).await;
            (stored, began.elapsed())
        });
        if run > 0 {
            stored.add_time(took.0);
            loaded.add_time(took.1);
        }
        served.stop();
    }
    let mut bare_loaded = Figure::new(Unit::Milliseconds);
    bare_loaded.add_time(runtime.block_on(load_bare(&federation.hub(), &names)));
    let mut memory = Figure::new(Unit::Mebibytes);
    memory.add(academy.memory().0 - relay_before);

    let served = Served::node("hub", &other);
    let [mut acknowledged, mut acknowledged_99, mut arrived, mut arrived_99] =
        [(); 4].map(|()| Figure::new(Unit::Milliseconds));
    let (mut bare_single, mut bare_99) = (Figure::new(Unit::Milliseconds), Figure::new(Unit::Milliseconds));
    let (mut rate, mut bare_rate) = (Figure::new(Unit::PerSecond), Figure::new(Unit::PerSecond));
    for run in 0..runs.clamp(1, 3) {
        let (own, theirs, changes, seconds) = runtime.block_on(async {
            let here = Client::new(folkmoot_node::connect(&federation.hub()).await.expect("a node"));
            let there = folkmoot_node::connect(&other).await.expect("a node");
            synchronize(there.clone()).await;
            let (own, theirs) = single(here.clone(), Client::new(there.clone()), &names[run]).await;
            let (changes, seconds) = in_a_row(here, Client::new(there), &names[run + 10]).await;
            (own, theirs, changes, seconds)
        });
        acknowledged.add(part(&own, 50));
        acknowledged_99.add(part(&own, 99));
        arrived.add(part(&theirs, 50));
        arrived_99.add(part(&theirs, 99));
        rate.add(IN_A_ROW as f64 / seconds);
        let bare = bare(&changes);
        bare_single.add(part(&bare, 50));
        bare_99.add(part(&bare, 99));
        bare_rate.add(1000.0 * bare.len() as f64 / bare.iter().sum::<f64>());
    }
    served.stop();
    hub.stop();
    academy.stop();
    let peer = automerge_repo::measure(CAMPAIGNS, CHANGES, SINGLE, IN_A_ROW);
    let of_peer = |figure: fn(&Peer) -> &Figure| peer.as_ref().map(figure).cloned();
    let line = |what: &str, product, bare, peer, goal| Line { what: what.to_owned(), product, bare, peer, goal };
    let all = format!("cold member takes {CAMPAIGNS} campaigns of {CHANGES} changes, stored");
    vec![
        line(&all, stored, None, None, Goal::AtMost(300.0)),
        line(
            "the same, every one loaded and read",
            loaded,
            Some(bare_loaded),
            of_peer(|it| &it.cold),
            Goal::AtMost(2_000.0),
        ),
        line("memory of the relay for them, more than before", memory, None, None, Goal::AtMost(16.0)),
        line("one change until acknowledged, median", acknowledged, Some(bare_single.clone()), None, Goal::AtMost(2.0)),
        line("the same, 99 of 100", acknowledged_99, Some(bare_99.clone()), None, Goal::AtMost(5.0)),
        line(
            "one change until stored at the other hub, median",
            arrived,
            Some(bare_single),
            of_peer(|it| &it.arrived),
            Goal::AtMost(3.0),
        ),
        line("the same, 99 of 100", arrived_99, Some(bare_99), of_peer(|it| &it.arrived_99), Goal::AtMost(6.0)),
        line(
            "changes in a row until stored at both hubs",
            rate,
            Some(bare_rate),
            of_peer(|it| &it.rate),
            Goal::Share(0.7),
        ),
    ]
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

/// Changes that a client makes on the document as it is: notes, organisations, tasks.
async fn changes(client: &mut Client, name: &str, count: usize) -> Vec<Vec<u8>> {
    let request = ExportCampaignRequest { name: name.to_owned() };
    let exported = client.export_campaign(request).await.expect("exported").into_inner();
    let options = LoadOptions::new().text_encoding(TextEncoding::Utf16CodeUnit);
    let mut document = Automerge::load_with_options(&exported.document, options)
        .expect("a document")
        .with_actor(ActorId::from(exported.actor));
    let before = document.get_heads();
    for number in 0..count {
        let made = document.transact_with::<_, _, AutomergeError, _>(
            |_| CommitOptions::default().with_time(0),
            |transaction| {
                let of = |key: &str| transaction.get(ROOT, key).map(|found| found.expect("a part").1);
                let (notes, tasks, organisations) = (of("notes")?, of("tasks")?, of("organisations")?);
                match number % 8 {
                    0 => {
                        let entry = transaction.insert_object(&tasks, 0, ObjType::Map)?;
                        transaction.put(&entry, "title", format!("Task {number}"))
                    }
                    1 | 2 => {
                        let entry = transaction.insert_object(&organisations, 0, ObjType::Map)?;
                        transaction.put(&entry, "organisation", format!("Organisation {number}"))
                    }
                    _ => {
                        let end = transaction.length(&notes);
                        transaction.splice_text(&notes, end, 0, "met ")
                    }
                }
            },
        );
        made.map(drop).map_err(|failure| failure.error).expect("a change");
    }
    document.get_changes(&before).iter().map(|change| change.raw_bytes().to_vec()).collect()
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

/// How long the CRDT library takes to load the documents of all campaigns.
async fn load_bare(hub: &Path, names: &[String]) -> Duration {
    let mut client = Client::new(folkmoot_node::connect(hub).await.expect("a node"));
    let mut took = Duration::ZERO;
    for name in names {
        let request = ExportCampaignRequest { name: name.clone() };
        let document = client.export_campaign(request).await.expect("exported").into_inner().document;
        let options = LoadOptions::new().text_encoding(TextEncoding::Utf16CodeUnit);
        let began = Instant::now();
        let loaded = Automerge::load_with_options(&document, options).expect("a document");
        took += began.elapsed();
        assert!(!loaded.is_empty());
    }
    took
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

/// Many changes in a row, and the seconds until both hubs have them all.
async fn in_a_row(mut here: Client, mut there: Client, name: &str) -> (Vec<Vec<u8>>, f64) {
    let made = changes(&mut here, name, IN_A_ROW).await;
    let last = Change::from_bytes(made.last().expect("a change").clone()).expect("a change").hash().0.to_vec();
    let request = WatchCampaignRequest { name: name.to_owned(), heads: Vec::new(), with_presence: false };
    let mut seen = there.watch_campaign(request).await.expect("watched").into_inner();
    let began = Instant::now();
    for part in made.chunks(TOGETHER) {
        let request = ApplyChangesRequest { name: name.to_owned(), changes: part.to_vec() };
        here.apply_changes(request).await.expect("applied");
    }
    while !seen.message().await.expect("open").expect("news").heads.contains(&last) {}
    (made, began.elapsed().as_secs_f64())
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
