//! A member that sends poison: it is refused or set aside with its author's name, the nodes live on in bounded memory, and
//! everything else goes on.

use std::collections::BTreeMap;
use std::fs;
use std::time::{Duration, Instant};

use automerge::marks::{ExpandMark, Mark};
use automerge::transaction::{CommitOptions, Transactable as _};
use automerge::{ActorId, Automerge, ReadDoc as _};
use folkmoot_campaign::{Actor, Edit, MAX_SNAPSHOT_OBJECTS, MAX_SNAPSHOT_OPERATIONS};
use folkmoot_journal::{
    Checkpoint, Entry, FederationId, MembershipRecord, NodeId, PayloadKind, RefusalReason, Topic,
    encode_campaign_changes, encode_checkpoint, encode_membership, pack,
};
use folkmoot_proto::federation::v1::Refusal;

use crate::client::{Client, agreed};
use crate::federation::{Federation, Hub, id_of, status};
use crate::hostile::{announcing, backwards, blank, crowded, inflating, inflating_document, long, mutated, nulls};
use crate::peer::Peer;
use crate::restore::wait_until;
use crate::served::{Role, Served};

/// How much more memory a node may have used at its peak after the poison than before.
const ROOM_KIB: u64 = 64 * 1024;
/// How long a node may think about one frame of poison; the library alone thinks for tens of seconds about some.
const PROMPTLY: Duration = Duration::from_secs(10);
const BOMB: u64 = 1 << 20;
const HOLD: u64 = 256 << 20;

/// The most memory that a process ever used.
#[track_caller]
fn peak(process: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).expect("a process that runs");
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).expect("its peak");
    line.split_whitespace().nth(1).and_then(|kib| kib.parse().ok()).expect("a number")
}

/// Two honest hubs with two campaigns, and a third member of the first one whose node does not run.
struct Stage {
    federation: Federation,
    hubs: [Hub; 2],
    shared: String,
    other: String,
    peer: Peer,
}

impl Stage {
    #[track_caller]
    fn set() -> Self {
        let federation = Federation::found();
        let hubs = [federation.hub("H1", "Warminster"), federation.hub("H2", "Luton")];
        let hostile = federation.joined("H3", "Hostile", &[]);
        hubs[0].sync();
        let shared = hubs[0].begin("Shared", &["Luton", "Hostile"], &[]);
        let other = hubs[0].begin("Other", &["Luton"], &[]);
        for campaign in [&shared, &other] {
            hubs[1].reads(campaign, "the campaign has arrived", |_| true);
        }
        let id: FederationId = Client::of(&hubs[0].folder).status().federation_id.parse().expect("a federation id");
        let peer = Peer::dial(&hostile, id, &hubs[0].node.listens());
        Self { federation, hubs, shared, other, peer }
    }

    /// Both honest hubs, and the Academy, which passes the poison on unread.
    fn nodes(&self) -> [&Served; 3] {
        let [one, other] = &self.hubs;
        [&one.node, &other.node, self.federation.academy.as_ref().expect("an Academy")]
    }

    fn topic(&self) -> Topic {
        Topic::Campaign(id_of(&self.shared).parse().expect("a campaign's id"))
    }

    fn actor(&self, incarnation: u64) -> Actor {
        Actor { node: self.peer.id(), incarnation }
    }

    /// Honest work goes on, in the poisoned campaign and in the other one, both ways.
    #[track_caller]
    fn goes_on(&self, word: &str) {
        for campaign in [&self.shared, &self.other] {
            for (from, to) in [(0, 1), (1, 0)] {
                let words = format!("{word} {from}.");
                self.hubs[from].edit(campaign, &["--notes-append", &words]);
                self.hubs[to].reads(campaign, &words, |campaign| campaign.notes.contains(&words));
            }
        }
    }
}

/// A change of the hostile hub's as another automerge would make it.
fn change(
    actor: Actor,
    message: Option<&str>,
    write: impl FnOnce(&mut automerge::transaction::Transaction<'_>),
) -> Vec<u8> {
    let mut document: Automerge = blank();
    document.set_actor(ActorId::from(&actor.bytes()[..]));
    let options = |_: &()| match message {
        Some(message) => CommitOptions::default().with_message(message),
        None => CommitOptions::default(),
    };
    let written = document.transact_with::<_, _, automerge::AutomergeError, _>(options, |transaction| {
        write(transaction);
        Ok(())
    });
    written.expect("a change");
    document.get_last_local_change().expect("a change").raw_bytes().to_vec()
}

fn note(actor: Actor) -> Vec<u8> {
    let edit = Edit::AppendNotes("a longer note, to have bytes".to_owned());
    folkmoot_campaign::Campaign::blank().edit(actor, &edit).expect("an edit").expect("a change")
}

/// Every poison that is one change, by name.
fn poisons(stage: &Stage, incarnation: u64) -> Vec<(&'static str, Vec<u8>)> {
    let actor = stage.actor(incarnation);
    let foreign = Actor { node: [9; 32], incarnation };
    let sound = note(actor);
    let put = |key: &'static str| {
        change(actor, None, move |transaction| {
            transaction.put(automerge::ROOT, key, "07700 900000").expect("a change");
        })
    };
    vec![
        ("a million insertions in a few bytes", nulls(&blank(), &actor.bytes(), BOMB)),
        ("so many that the parser is held up", nulls(&blank(), &actor.bytes(), HOLD)),
        ("few bytes that inflate to many", inflating(64 << 20)),
        ("no change at all", b"not a change".to_vec()),
        ("cut short", sound[..sound.len() - 3].to_vec()),
        ("another's actor", note(foreign)),
        ("a field that campaigns do not have", put("phone")),
        ("another schema", put("schema")),
        ("the notes replaced", put("notes")),
        (
            "a mark on which the library breaks",
            backwards(&change(actor, None, |transaction| {
                let (_, notes) = transaction.get(automerge::ROOT, "notes").expect("notes").expect("notes");
                transaction.splice_text(&notes, 0, 0, "bold").expect("a change");
                transaction
                    .mark(&notes, Mark::new("strong".to_owned(), true, 1, 3), ExpandMark::After)
                    .expect("a mark");
            })),
        ),
        (
            "a commit message",
            change(actor, Some("for Mary"), |transaction| {
                transaction.put(automerge::ROOT, "aim", "x").expect("a change");
            }),
        ),
    ]
}

#[test]
fn poison_is_set_aside_under_its_authors_name_and_all_else_goes_on() {
    let mut stage = Stage::set();
    let topic = stage.topic();
    stage.goes_on("Before");
    let before = stage.nodes().map(|node| peak(node.id()));

    let mut expected = 0;
    for at in 0..poisons(&stage, 0).len() {
        // Each in a log of its own, after a sound change and before one.
        let incarnation = 100 + at as u64;
        let (name, poison) = poisons(&stage, incarnation).swap_remove(at);
        let entries = stage.peer.entries(topic, incarnation, &[vec![poison]]);
        let began = Instant::now();
        let said = stage.peer.push(&entries);
        assert!(began.elapsed() < PROMPTLY, "{name}: took {:?}", began.elapsed());
        let receipt = said.receipt.unwrap_or_else(|| panic!("{name}: not kept: {:?}", said.refusals));
        assert_eq!(receipt.set_aside, [2], "{name}");
        let reasons: Vec<i32> = said.refusals.iter().map(|refusal| refusal.reason).collect();
        assert_eq!(reasons, [RefusalReason::CampaignChanges.number()], "{name}: {:?}", said.refusals);
        assert!(said.refusals[0].set_aside && !said.refusals[0].detail.is_empty(), "{name}: {:?}", said.refusals);
        expected += 1;
    }
    // Payloads that are no list of changes.
    for (incarnation, payload) in
        [(200, vec![0xff; 40]), (201, encode_campaign_changes(&[Vec::new()])), (202, Vec::new())]
    {
        let entries = stage.peer.entries_of(topic, incarnation, vec![payload]);
        let said = stage.peer.push(&entries);
        assert_eq!(said.receipt.map(|receipt| receipt.set_aside), Some(vec![2]), "{:?}", said.refusals);
        assert_eq!(said.refusals[0].reason, RefusalReason::MalformedPayload.number(), "{:?}", said.refusals);
        expected += 1;
    }

    // The other member got it all from the first one, judged it for itself, and names its author too.
    for hub in &stage.hubs {
        let client = Client::of(&hub.folder);
        wait_until("the poison is named", || {
            client.status().set_aside.iter().filter(|aside| aside.here).count() == expected
        });
        for aside in client.status().set_aside.iter().filter(|aside| aside.here) {
            assert_eq!(aside.author, "Hostile", "{aside:?}");
            assert!(aside.topic.contains("campaign") && !aside.reason.is_empty(), "{aside:?}");
            assert!(!aside.reason.contains("Mary") && !aside.reason.contains("07700"), "{aside:?}");
        }
        assert!(status(&hub.folder).contains("Hostile"), "{}", status(&hub.folder));
        let read = client.campaign(&stage.shared).expect("a campaign");
        assert_eq!((read.set_aside_entries, read.waiting_entries), (i32::try_from(expected).expect("few"), 0));
    }
    stage.goes_on("After");
    for (node, before) in stage.nodes().into_iter().zip(before) {
        let after = peak(node.id());
        assert!(after < before + ROOM_KIB, "{after} KiB at its peak, {before} before");
        assert!(!node.log().contains("Mary"), "{}", node.log());
    }

    // The same at the node's own door: refused, and nothing is written.
    let client = Client::of(&stage.hubs[0].folder);
    let before = client.status();
    for (name, poison) in poisons(&stage, 300) {
        let refused = client.apply(&stage.shared, vec![poison]).expect_err(name);
        let fits = matches!(refused.code(), tonic::Code::InvalidArgument | tonic::Code::FailedPrecondition);
        assert!(fits, "{name}: {refused}");
    }
    assert_eq!(client.status().set_aside, before.set_aside);

    // And all of it is read again after a restart.
    let Stage { federation: _federation, hubs: [one, two], shared, .. } = stage;
    let read = Client::of(&one.folder).campaign(&shared).expect("a campaign");
    let folder = one.stop();
    let one = Hub { node: Served::start(Role::Hub, &folder), folder };
    assert_eq!(Client::of(&one.folder).campaign(&shared).expect("a campaign"), read);
    drop(two);
}

/// The lead of a campaign gives documents that would take gigabytes or hours, and one that takes as much as may be.
#[test]
fn documents_of_poison_are_set_aside_under_the_leads_name_and_all_else_goes_on() {
    let mut stage = Stage::set();
    let before = stage.nodes().map(|node| peak(node.id()));
    let none = || vec![[7; 32]];
    // Those of the form are objects too.
    let (crowded, heads) = crowded(MAX_SNAPSHOT_OBJECTS as usize - 100);
    let (long, ends) = long(MAX_SNAPSHOT_OPERATIONS as usize - 100);
    let documents = [
        ("2^40 changes in one run", announcing(), none(), false),
        ("a column that inflates to 64 MiB", inflating_document(64 << 20), none(), false),
        ("a change that holds the parser", nulls(&blank(), &stage.actor(1).bytes(), HOLD), none(), false),
        ("no document", vec![7; 100], none(), false),
        ("as many objects as may be", crowded, heads, true),
        ("as many operations as may be", long, ends, true),
    ];
    let mut expected = 0;
    for (at, (name, document, heads, sound)) in documents.into_iter().enumerate() {
        for generation in [0, 1] {
            let incarnation = 700 + 2 * at as u64 + u64::from(generation);
            let hubs =
                stage.hubs.each_ref().map(|hub| Client::of(&hub.folder).status().node_id.parse().expect("an id"));
            let me = NodeId(stage.peer.id());
            let members = hubs.into_iter().chain([me]).collect();
            let nonce = [at as u8 * 2 + generation as u8; 16];
            let record = MembershipRecord { nonce, members, academy_relays: false };
            let topic = Topic::Campaign(record.id(me));
            let mut entries = stage.peer.entries_of(topic, incarnation, Vec::new());
            let write = |entries: &mut Vec<Entry>, kind, payload| {
                let entry = stage.peer.entry(topic, incarnation, entries.last(), kind, payload);
                entries.push(entry);
            };
            write(&mut entries, PayloadKind::Membership, encode_membership(&record));
            let (founding, covers) = (entries[1].hash, vec![entries[1].cursor()]);
            let (document, heads, demands) = (document.clone(), heads.clone(), BTreeMap::new());
            let checkpoint = Checkpoint { membership: founding, generation, covers, demands, document, heads };
            write(&mut entries, PayloadKind::CampaignCheckpoint, encode_checkpoint(&checkpoint));
            let said = stage.peer.push(&entries[..2]);
            assert!(said.receipt.is_some_and(|receipt| receipt.set_aside.is_empty()), "{name}: {:?}", said.refusals);
            let began = Instant::now();
            let said = stage.peer.push(&entries[2..]);
            assert!(began.elapsed() < PROMPTLY, "{name}: took {:?}", began.elapsed());
            let receipt = said.receipt.unwrap_or_else(|| panic!("{name}: not kept: {:?}", said.refusals));
            // Where the document takes no other's place, it is compared with what the entries say.
            let taken = sound && generation == 1;
            assert_eq!(receipt.set_aside, if taken { vec![] } else { vec![3] }, "{name} {generation}");
            expected += usize::from(!taken);
        }
    }
    for hub in &stage.hubs {
        let client = Client::of(&hub.folder);
        wait_until("the poison is named", || {
            client.status().set_aside.iter().filter(|aside| aside.here).count() == expected
        });
        assert!(client.status().set_aside.iter().filter(|aside| aside.here).all(|aside| aside.author == "Hostile"));
    }
    stage.goes_on("After");
    for (node, before) in stage.nodes().into_iter().zip(before) {
        let after = peak(node.id());
        assert!(after < before + ROOM_KIB, "{after} KiB at its peak, {before} before");
    }
}

#[test]
fn mutated_changes_do_no_harm() {
    let mut stage = Stage::set();
    let topic = stage.topic();
    let before = stage.nodes().map(|node| peak(node.id()));
    let sound = note(stage.actor(500));
    // Every byte past the checksum, each to two other values: among them are those on which the library panics.
    let mutations: Vec<Vec<Vec<u8>>> = (8..sound.len())
        .flat_map(|at| [0, sound[at] ^ 0x55].map(|byte| vec![mutated(&sound, at, byte)]))
        .filter(|changes| changes[0] != sound)
        .collect();
    let entries = stage.peer.entries(topic, 500, &mutations);
    let began = Instant::now();
    let said = stage.peer.push(&entries);
    assert!(began.elapsed() < PROMPTLY, "took {:?}", began.elapsed());
    let receipt = said.receipt.unwrap_or_else(|| panic!("not kept: {:?}", said.refusals));
    assert_eq!(receipt.held.map(|held| held.seq), Some(entries.len() as u64), "all of it is held");
    assert!(receipt.set_aside.len() > mutations.len() / 2, "{} of {}", receipt.set_aside.len(), mutations.len());

    stage.goes_on("After");
    let [one, other] =
        stage.hubs.each_ref().map(|hub| Client::of(&hub.folder).campaign(&stage.shared).expect("a campaign"));
    assert_eq!(agreed(&one), agreed(&other), "both judge every change alike");
    for (node, before) in stage.nodes().into_iter().zip(before) {
        assert!(peak(node.id()) < before + ROOM_KIB, "{} KiB at its peak", peak(node.id()));
        // What a panic of the library says may quote a document.
        assert!(!node.log().contains("a longer note"), "{}", node.log());
    }
}

#[test]
fn what_is_cut_off_or_forged_is_not_taken() {
    let mut stage = Stage::set();
    let topic = stage.topic();
    let actor = stage.actor(600);
    let entries = stage.peer.entries(topic, 600, &[vec![note(actor)]]);
    let log = entries[0].log();
    let frame = pack(&entries).expect("a frame");

    let mut cut = frame.clone();
    cut.entries.truncate(frame.entries.len() / 2);
    let mut short = frame.clone();
    short.inflated_size -= 1;
    let mut forged = frame.clone();
    forged.signature[0] ^= 1;
    let mut foreign = frame.clone();
    foreign.prev_hash = vec![1; 32];
    let tail = pack(&entries[1..]).expect("a frame");
    for (name, frame, reason) in [
        ("its entries are cut short", cut, None),
        ("it inflates to more than it says", short, None),
        ("its signature is another's", forged, Some(RefusalReason::NotGenuine)),
        ("it begins after nothing", foreign, None),
        ("the start of the log is missing", tail, Some(RefusalReason::Gap)),
    ] {
        let said = stage.peer.push_frame(frame, log);
        assert!(said.receipt.is_none(), "{name}: {said:?}");
        let [Refusal { set_aside: false, reason: given, .. }] = said.refusals.as_slice() else {
            panic!("{name}: {said:?}");
        };
        assert!(reason.is_none_or(|reason| reason.number() == *given), "{name}: {said:?}");
    }
    // The log itself is as good as before: whole, it is taken.
    let said = stage.peer.push(&entries);
    assert_eq!(said.receipt.map(|receipt| receipt.set_aside), Some(Vec::new()), "{:?}", said.refusals);
    for hub in &stage.hubs {
        hub.reads(&stage.shared, "the sound change", |campaign| campaign.notes.contains("a longer note"));
    }
    stage.goes_on("After");
}
