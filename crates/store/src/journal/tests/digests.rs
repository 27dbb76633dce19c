//! Digests kept by differences against digests worked out anew.

use folkmoot_journal::pack;
use proptest::prelude::*;

use super::*;

#[derive(Clone, Debug)]
enum Step {
    Join,
    Append { hub: usize, entries: usize },
    Say { hub: usize, state: HubState },
    Sync { hub: usize },
    Compare { hub: usize, wide: bool },
    Restart { hub: usize },
    RestartAcademy,
    Publish,
    Found { hub: usize, other: usize, relayed: bool },
    Write { hub: usize, campaign: usize },
    Meet { hub: usize, other: usize },
    FoundAgain { campaign: usize, other: usize, relayed: bool },
    Contradict { hub: usize, other: usize, founded_before: bool },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let hub = || 0..6_usize;
    let state =
        prop_oneof![4 => Just(HubState::Enrolled), 2 => Just(HubState::Suspended), 1 => Just(HubState::Revoked)];
    let step = prop_oneof![
        2 => Just(Step::Join),
        4 => (hub(), 1..4_usize).prop_map(|(hub, entries)| Step::Append { hub, entries }),
        1 => (hub(), state).prop_map(|(hub, state)| Step::Say { hub, state }),
        4 => hub().prop_map(|hub| Step::Sync { hub }),
        2 => (hub(), any::<bool>()).prop_map(|(hub, wide)| Step::Compare { hub, wide }),
        1 => hub().prop_map(|hub| Step::Restart { hub }),
        1 => Just(Step::RestartAcademy),
        1 => Just(Step::Publish),
        3 => (hub(), hub(), any::<bool>()).prop_map(|(hub, other, relayed)| Step::Found { hub, other, relayed }),
        2 => (hub(), hub()).prop_map(|(hub, campaign)| Step::Write { hub, campaign }),
        3 => (hub(), hub()).prop_map(|(hub, other)| Step::Meet { hub, other }),
        1 => (hub(), hub(), any::<bool>())
            .prop_map(|(campaign, other, relayed)| Step::FoundAgain { campaign, other, relayed }),
        1 => (hub(), hub(), any::<bool>())
            .prop_map(|(hub, other, founded_before)| Step::Contradict { hub, other, founded_before }),
    ];
    proptest::collection::vec(step, 1..40)
}

/// Whatever digests a node keeps are those that its tips give.
fn check(node: &Node, peer: &Node) {
    let rights = node.journal().rights();
    let narrow = scope(node, peer);
    let wide = Scope { shared: Shared::Topics(SharedReleases::All), ..narrow };
    let read = |scope: Scope| {
        node.store.read("digests", |c| Ok((scopes::read(c, scope)?, scopes::naive(c, scope, &rights)?))).expect("read")
    };
    for scope in [narrow, wide] {
        let (kept, naive) = read(scope);
        if let Some(kept) = kept {
            assert!(kept == naive, "{scope:?}");
        }
    }
}

fn again(node: &Node, incarnation: u64) -> Node {
    node.restored(&node.store.snapshot().expect("a snapshot"), incarnation)
}

fn run(steps: Vec<Step>) {
    let mut academy = academy();
    let mut hubs = vec![hub(&academy, 10)];
    let mut versions = vec![1];
    let mut campaigns: Vec<(usize, Founding)> = Vec::new();
    // A creator may say of a campaign that the Academy relays that it does not: who shares it is each node's own word then.
    let mut doubted = false;
    for (at, step) in steps.into_iter().enumerate() {
        let count = hubs.len();
        let membership = |creator: usize, nonce: u8, other: usize, academy_relays: bool| {
            Founding::of(&[&hubs[creator], &hubs[other % count]], nonce, academy_relays)
        };
        let forge = |creator: usize, membership: &Founding, payloads: Vec<(PayloadKind, Vec<u8>)>| {
            let topic = Topic::Campaign(membership.id());
            let entries = forged(&hubs[creator].key, federation(&academy), topic, 3_000_000 + at as u64, payloads);
            pack(&entries).expect("packs")
        };
        match step {
            Step::Join => {
                hubs.push(hub(&academy, 10 + count as u8));
                versions.push(1);
            }
            Step::Append { hub, entries } => {
                hubs[hub % count].append(&vec!["text"; entries]);
            }
            Step::Say { hub, state } => {
                let at = hub % count;
                versions[at] += 1;
                list(&academy, &record(&hubs[at].key, versions[at], state, Vec::new()));
            }
            Step::Sync { hub } => {
                let hub = &hubs[hub % count];
                sync(&academy, hub);
                let listed = academy.journal().rights().may_read(hub.id, Topic::Directory);
                let agreed = campaigns.iter().all(|(_, held)| known(&academy, held) == known(hub, held));
                if listed && agreed && !doubted {
                    assert!(digest(&academy, hub) == digest(hub, &academy));
                }
            }
            Step::Compare { hub, wide } => {
                let hub = &hubs[hub % count];
                let mut scope = scope(&academy, hub);
                if wide {
                    scope.shared = Shared::Topics(SharedReleases::All);
                }
                academy.answer(Question::Compare { scope });
            }
            Step::Restart { hub } => hubs[hub % count] = again(&hubs[hub % count], 1_000_000 + at as u64),
            Step::RestartAcademy => academy = again(&academy, 2_000_000 + at as u64),
            Step::Publish => {
                academy.journal().append(Topic::Curriculum, FREE, vec![1]).expect("published");
            }
            Step::Found { hub, other, relayed } => {
                let membership = membership(hub % count, at as u8, other, relayed);
                let topic = Topic::Campaign(membership.id());
                let founded = hubs[hub % count].journal().append_all(topic, vec![membership.payload()]);
                campaigns.extend(founded.ok().map(|_| (hub % count, membership)));
            }
            Step::Write { hub, campaign } => {
                if let Some((_, held)) = campaigns.get(campaign) {
                    // Whoever does not know it, or is no member, is refused and changes nothing.
                    drop(hubs[hub % count].journal().append(Topic::Campaign(held.id()), FREE, vec![1]));
                }
            }
            Step::Meet { hub, other } => {
                let (hub, other) = (&hubs[hub % count], &hubs[other % count]);
                if hub.id != other.id {
                    digest(hub, other);
                    sync(hub, other);
                    digest(other, hub);
                }
            }
            Step::FoundAgain { campaign, other, relayed } => {
                if let Some((creator, held)) = campaigns.get(campaign) {
                    doubted = true;
                    let again = membership(*creator, held.record.nonce[0], other, relayed);
                    let frame = forge(*creator, &again, vec![again.payload()]);
                    for node in [&academy, &hubs[*creator], &hubs[other % count]] {
                        node.keep(&hubs[*creator], frame.clone());
                    }
                }
            }
            Step::Contradict { hub, other, founded_before } => {
                let creator = hub % count;
                let membership = membership(creator, at as u8, other, true);
                let common = if founded_before { vec![membership.payload()] } else { Vec::new() };
                for last in [membership.payload(), (FREE, vec![9])] {
                    let frame = forge(creator, &membership, common.iter().cloned().chain([last]).collect());
                    for node in [&academy, &hubs[other % count]] {
                        node.keep(&hubs[creator], frame.clone());
                        check(&academy, &hubs[creator]);
                    }
                }
                campaigns.push((creator, membership));
            }
        }
        for hub in &hubs {
            check(&academy, hub);
            check(hub, &academy);
            hubs.iter().filter(|other| other.id != hub.id).for_each(|other| check(hub, other));
        }
    }
}

fn known(node: &Node, founding: &Founding) -> Option<Arc<folkmoot_journal::Membership>> {
    node.journal().rights().memberships.get(founding.id()).cloned()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn digests_kept_are_digests_worked_out_anew(steps in steps()) {
        run(steps);
    }
}

#[test]
fn ten_thousand_topics_cost_one_read_of_256_rows() {
    let academy = academy();
    let hub = hub(&academy, 2);
    academy
        .store
        .write("topics", |tx| {
            for n in 0..10_000_u32 {
                let mut id = [0; 32];
                id[..4].copy_from_slice(&n.to_be_bytes());
                let id = LogId { topic: Topic::Releases(NodeId(id)), author: NodeId(id), incarnation: Incarnation(1) };
                let mut log = logs::make_log(tx, id)?;
                (log.seq, log.hash) = (1, folkmoot_journal::Hash(id.author.0));
                logs::save_tip(tx, &log)?;
                scopes::topic_moved(tx, &log)?;
            }
            Ok(())
        })
        .expect("made");
    let wide = Scope { peer: hub.id, shared: Shared::Topics(SharedReleases::All) };
    academy.answer(Question::Compare { scope: wide });
    let rows = academy
        .store
        .read("rows", |c| Ok(c.query_row("SELECT count(*) FROM scope_bucket", [], |row| row.get::<_, i64>(0))?));
    assert_eq!(rows.expect("counted"), 256);
    let plan = academy.store.read("plan", |c| {
        let sql = "EXPLAIN QUERY PLAN SELECT bucket, digest FROM scope_bucket WHERE peer = 1";
        Ok(c.query_row(sql, [], |row| row.get::<_, String>(3))?)
    });
    assert!(plan.expect("a plan").starts_with("SEARCH scope_bucket USING PRIMARY KEY"));
    check(&academy, &hub);
}
