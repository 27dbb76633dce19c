//! The law: whatever the order in which submissions come, and however they are spread over calls, the document and the
//! verdicts end the same.

use automerge::legacy::{ElementId, Key, ObjectId, OpId};
use automerge::transaction::{CommitOptions, Transactable};
use automerge::{
    ActorId, Automerge, AutomergeError, Change, ExpandedChange, ObjId, ObjType, ROOT, ReadDoc, ScalarValue,
};
use proptest::prelude::*;

use super::{Actor, Campaign, Submission, Verdict, blank_document};

/// Five actors of three nodes.
const ACTORS: [Actor; 5] = [
    Actor { node: [1; 32], incarnation: 1 },
    Actor { node: [1; 32], incarnation: 2 },
    Actor { node: [2; 32], incarnation: 1 },
    Actor { node: [2; 32], incarnation: 2 },
    Actor { node: [3; 32], incarnation: 1 },
];

/// What happens at one replica, as drawn: which, what, where, and with what.
#[derive(Debug, Clone, Copy)]
struct Step {
    replica: usize,
    kind: u8,
    at: usize,
    with: usize,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = (0..ACTORS.len(), 0u8..32, 0usize..40, 0usize..40);
    proptest::collection::vec(step.prop_map(|(replica, kind, at, with)| Step { replica, kind, at, with }), 1..24)
}

struct Replica {
    actor: Actor,
    document: Automerge,
}

impl Replica {
    fn new(actor: Actor) -> Self {
        Self { actor, document: blank_document(actor) }
    }

    /// The change that this work makes; nothing where it makes none.
    fn change(&mut self, work: impl FnOnce(&mut automerge::transaction::Transaction<'_>)) -> Option<Change> {
        self.document
            .transact_with::<_, _, AutomergeError, _>(
                |()| CommitOptions::default().with_time(7),
                |transaction| {
                    work(transaction);
                    Ok(())
                },
            )
            .expect("a transaction")
            .hash?;
        self.document.get_last_local_change()
    }

    fn submission(&self, changes: Vec<Vec<u8>>) -> Submission {
        Submission { author: self.actor.node, changes, late: false }
    }

    fn object(&self, key: &str) -> Option<ObjId> {
        let (value, id) = self.document.get(ROOT, key).expect("a root")?;
        value.is_object().then_some(id)
    }

    /// One of the things that members do.
    fn edit(&mut self, step: Step) -> Option<Change> {
        let Step { kind, at, with, .. } = step;
        let (list, notes) = (self.object("organisations")?, self.object("notes")?);
        let entries = self.document.length(&list);
        let length = self.document.length(&notes);
        let aim = self.object("aim");
        let words = ["x", "Wi-Fi", "🚌 ", "a\n\tb", "ÄÖ", "tea "];
        let word = words[with % words.len()];
        self.change(|tx| {
            let made = match kind % 12 {
                0..=3 => tx.splice_text(&notes, at % (length + 1), 0, word),
                4 => {
                    tx.splice_text(&notes, at % (length + 1), (with % 6).min(length - at % (length + 1)) as isize, "y")
                }
                5 => tx.put(ROOT, if with % 2 == 0 { "aim" } else { "title" }, format!("aim {at}")),
                6 => tx.put_object(ROOT, "aim", ObjType::Text).and_then(|text| tx.splice_text(text, 0, 0, "wifi")),
                7 => match &aim {
                    Some(text) => tx.splice_text(text, 0, 0, "W"),
                    None => Ok(()),
                },
                8 | 9 => tx.insert_object(&list, at % (entries + 1), ObjType::Map).and_then(|entry| {
                    tx.put(&entry, "organisation", format!("Library {}", with % 4))?;
                    tx.put(&entry, "hub", "ab")
                }),
                10 if entries > 0 => tx.delete(&list, at % entries),
                11 if entries > 0 => {
                    let (_, entry) = tx.get(&list, at % entries).expect("a list").expect("an entry");
                    tx.put_object(&entry, "organisation", ObjType::Text)
                        .and_then(|name| tx.splice_text(name, 0, 0, "Choir"))
                }
                _ => Ok(()),
            };
            // An index may lie within a character of two units.
            let _ = made;
        })
    }

    /// One of the things that no member may do. What the replica does next may build on it.
    fn misdeed(&mut self, step: Step) -> Option<Vec<u8>> {
        let notes = self.object("notes")?;
        let list = self.object("organisations")?;
        let change = match step.kind % 16 {
            0 => self.change(|tx| tx.put(ROOT, "phone", "07700 900000").expect("a root"))?,
            1 => self.change(|tx| tx.delete(ROOT, "title").expect("a title"))?,
            2 => self.change(|tx| tx.put(ROOT, "aim", 7).expect("a root"))?,
            3 => self.change(|tx| tx.put_object(ROOT, "notes", ObjType::Text).map(|_| ()).expect("a root"))?,
            4 => self.change(|tx| tx.insert(&list, 0, "no map").expect("a list"))?,
            5 => self.change(|tx| tx.insert(&notes, 0, ScalarValue::Int(3)).expect("a text"))?,
            6 => self.change(|tx| tx.put(ROOT, "title", "x".repeat(201)).expect("a root"))?,
            kind => {
                let honest = self.edit(Step { kind: 0, ..step })?;
                let mut forged = honest.decode();
                forge(&mut forged, kind, step.with);
                Change::from(forged)
            }
        };
        Some(change.raw_bytes().to_vec())
    }
}

fn forge(change: &mut ExpandedChange, kind: u8, with: usize) {
    let far = std::num::NonZeroU64::new(1_000_000 + with as u64).expect("not zero");
    match kind {
        7 => change.seq += 1 + with as u64 % 2,
        8 => change.start_op = far,
        9 => change.message = Some("for Mary".into()),
        10 => change.extra_bytes = b"07700 900000".to_vec(),
        11 => change.deps.truncate(change.deps.len() - 1),
        12 => change.time = -1,
        13 => change.actor_id = ActorId::from(&ACTORS[with % ACTORS.len()].bytes()[..31]),
        _ => {
            // Something that may be of another kind, or not part of what the change builds on.
            let other = OpId::new(1 + with as u64, &ActorId::from(&ACTORS[with % ACTORS.len()].bytes()[..]));
            for operation in &mut change.operations {
                if kind == 14 {
                    operation.key = Key::Seq(ElementId::Id(other.clone()));
                } else {
                    operation.obj = ObjectId::Id(other.clone());
                }
            }
        }
    }
}

/// All submissions of a history in the order in which they were made, and which of them claim the same as an earlier one.
fn history(steps: &[Step]) -> Vec<Submission> {
    let mut replicas: Vec<Replica> = ACTORS.into_iter().map(Replica::new).collect();
    let mut submissions = Vec::new();
    for step in steps {
        let mut replica = replicas.remove(step.replica);
        match step.kind {
            0..=15 => {
                let changes: Vec<Vec<u8>> = (0..1 + step.with % 2)
                    .filter_map(|more| replica.edit(Step { kind: step.kind + more as u8, ..*step }))
                    .map(|change| change.raw_bytes().to_vec())
                    .collect();
                let late = step.kind == 3;
                submissions.push(Submission { late, ..replica.submission(changes) });
            }
            16..=23 if !replicas.is_empty() => {
                let other = step.with % replicas.len();
                replica.document.merge(&mut replicas[other].document).expect("replicas merge");
            }
            // The same actor writes the same number twice.
            24 => {
                let mut copy = Replica { actor: replica.actor, document: replica.document.clone() };
                for writer in [&mut replica, &mut copy] {
                    let at = submissions.len();
                    if let Some(change) = writer.edit(Step { kind: 5, at: 100 + at, ..*step }) {
                        submissions.push(writer.submission(vec![change.raw_bytes().to_vec()]));
                    }
                }
            }
            // An entry with a good and a bad change.
            25 => {
                let good = replica.edit(Step { kind: 0, ..*step });
                let bad = replica.misdeed(Step { kind: step.at as u8, ..*step });
                let changes = good.map(|change| change.raw_bytes().to_vec()).into_iter().chain(bad).collect();
                submissions.push(replica.submission(changes));
            }
            // Somebody else's change.
            26 => {
                if let Some(change) = replica.edit(Step { kind: 0, ..*step }) {
                    submissions.push(Submission {
                        author: [9; 32],
                        changes: vec![change.raw_bytes().to_vec()],
                        late: false,
                    });
                }
            }
            27 => submissions.push(replica.submission(vec![vec![step.at as u8; step.with]])),
            _ => {
                let before = replica.document.clone();
                if let Some(bytes) = replica.misdeed(Step { kind: step.at as u8, ..*step }) {
                    submissions.push(replica.submission(vec![bytes]));
                }
                if step.with % 4 > 0 {
                    replica.document = before;
                }
            }
        }
        replicas.insert(step.replica, replica);
    }
    submissions
}

/// Puts submissions that claim the same number under the same actor back into the order in which they were made, which is
/// that of their author's log.
fn in_the_order_of_logs(order: &mut [usize], submissions: &[Submission]) {
    let claims = |index: usize| -> Vec<(Vec<u8>, u64)> {
        let changes = submissions[index].changes.iter();
        changes
            .filter_map(|bytes| Change::from_bytes(bytes.clone()).ok())
            .map(|change| (change.actor_id().to_bytes().to_vec(), change.seq()))
            .collect()
    };
    let claims: Vec<_> = (0..submissions.len()).map(claims).collect();
    let collide = |left: usize, right: usize| claims[left].iter().any(|claim| claims[right].contains(claim));
    let rivals: Vec<bool> = (0..order.len()).map(|at| (0..order.len()).any(|to| to != at && collide(at, to))).collect();
    let places: Vec<usize> = (0..order.len()).filter(|place| rivals[order[*place]]).collect();
    let mut sorted: Vec<usize> = places.iter().map(|place| order[*place]).collect();
    sorted.sort_unstable();
    places.into_iter().zip(sorted).for_each(|(place, index)| order[place] = index);
}

/// Offers the submissions in this order, `calls[i]` of them new in the i-th call, those that wait each time before them.
fn offer(submissions: &[Submission], order: &[usize], calls: &[usize]) -> (Campaign, Vec<Verdict>) {
    let mut campaign = Campaign::blank();
    let mut verdicts = vec![Verdict::Waiting; submissions.len()];
    let mut waiting: Vec<usize> = Vec::new();
    let mut rest = order;
    for call in 0.. {
        let (new, later) = rest.split_at(calls[call % calls.len()].min(rest.len()));
        rest = later;
        // Some come twice.
        let again = order.iter().copied().filter(|index| verdicts[*index] == Verdict::Admitted).step_by(3);
        let mut offered: Vec<usize> = waiting.iter().chain(new).copied().chain(again).collect();
        offered.sort_by_key(|index| order.iter().position(|at| at == index));
        let given: Vec<Submission> = offered.iter().map(|index| submissions[*index].clone()).collect();
        let answer = campaign.admit_all(&given);
        assert_eq!(answer.len(), given.len());
        waiting.clear();
        for (index, verdict) in offered.into_iter().zip(answer) {
            if verdict == Verdict::Waiting {
                waiting.push(index);
            }
            verdicts[index] = verdict;
        }
        // A node restarts.
        if call % 2 == 1 {
            let (bytes, heads) = campaign.snapshot();
            campaign = Campaign::load(&bytes, &heads).expect("its own snapshot");
        }
        if rest.is_empty() {
            break;
        }
    }
    (campaign, verdicts)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn neither_the_order_of_submissions_nor_their_spread_over_calls_shows(
        steps in steps(),
        keys in proptest::collection::vec(any::<u16>(), 80),
        calls in proptest::collection::vec(1usize..8, 1..6),
    ) {
        let submissions = history(&steps);
        let made: Vec<usize> = (0..submissions.len()).collect();
        let (campaign, verdicts) = offer(&submissions, &made, &[submissions.len().max(1)]);
        let (bytes, heads) = campaign.snapshot();
        let reloaded = Campaign::load(&bytes, &heads).expect("its own snapshot");
        prop_assert_eq!(reloaded.view(), campaign.view());
        let mut drawn = made.clone();
        drawn.sort_by_key(|index| keys[*index % keys.len()]);
        let backwards: Vec<usize> = made.iter().rev().copied().collect();
        for (mut order, calls) in [(drawn, &calls[..]), (backwards, &[5][..])] {
            in_the_order_of_logs(&mut order, &submissions);
            let (other, others) = offer(&submissions, &order, calls);
            prop_assert_eq!(&others, &verdicts, "{:?}", order);
            prop_assert_eq!(other.snapshot().1, heads.clone());
            prop_assert_eq!(other.view(), campaign.view());
        }
    }
}
