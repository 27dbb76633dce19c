//! Tests over the whole crate.

use automerge::transaction::{CommitOptions, Transactable};
use automerge::{ActorId, Automerge, AutomergeError, ROOT};

use crate::{document, form as layout, *};

mod bytes;
mod form;
mod javascript;
mod lists;
mod order;
mod poison;
mod replay;
mod snapshot;
mod versions;

/// A blank document in the library's own hands, for what the interface does not offer.
fn blank_document(actor: Actor) -> Automerge {
    let options = automerge::LoadOptions::new().text_encoding(automerge::TextEncoding::Utf16CodeUnit);
    Automerge::load_with_options(&Campaign::blank().export(), options)
        .expect("a blank document")
        .with_actor(ActorId::from(&actor.bytes()[..]))
}

const WARMINSTER: Actor = Actor { node: [1; 32], incarnation: 7 };
const LUTON: Actor = Actor { node: [2; 32], incarnation: 9 };

fn admit(campaign: &mut Campaign, author: [u8; 32], changes: &[Vec<u8>]) -> Verdict {
    campaign.admit_all(&[Submission { author, changes: changes.to_vec(), late: false }]).remove(0)
}

fn edited(campaign: &mut Campaign, actor: Actor, edit: Edit) -> Vec<u8> {
    campaign.edit(actor, &edit).expect("an edit that fits").expect("an edit that changes something")
}

impl Campaign {
    /// The same campaign, by way of its snapshot.
    fn copy(&self) -> Self {
        let (bytes, heads) = self.snapshot();
        Self::load(&bytes, &heads).expect("its own snapshot")
    }
}

/// The number of the first operation that follows from the blank document alone.
const FIRST_OF_MEMBERS: u64 = 15;

fn task(title: &str) -> Item {
    Item::Task { title: title.into(), hub: String::new(), due: None, state: TaskState::Open }
}

fn reach(people: i64) -> Edit {
    Edit::CountReach { month: "2018-10".parse().expect("a month"), people }
}

/// Marks a part of the notes as important.
fn mark(start: usize, end: usize, on: bool) -> Edit {
    Edit::Mark { prose: Prose::Notes, start, end, style: Style::Strong, on }
}

fn started() -> Campaign {
    let mut campaign = Campaign::blank();
    edited(&mut campaign, WARMINSTER, Edit::Title("Wi-Fi for all 🚌".into()));
    campaign
}

#[test]
fn every_node_makes_the_same_blank_document() {
    let blank = Campaign::blank();
    let heads: Vec<String> =
        blank.heads().iter().map(|head| head.iter().map(|byte| format!("{byte:02x}")).collect()).collect();
    // As docs/protocol.md has it. A node with other first changes could share no campaign with the others.
    assert_eq!(heads, ["5493194b7a2876b72aff7867a84093c054a90fb707941104e75c114a3e9f8fad"]);
    assert_eq!(
        document::hex(&layout::FIXED[0].hash().0),
        "004def98a9ccdc700838625f4ff2aaa8a6b8a43f049b949f2ebdc0738b976235"
    );
    assert!(blank.is_empty() && !started().is_empty());
}

#[test]
fn two_hubs_edit_apart_and_merge() {
    let mut ours = started();
    let mut theirs = Campaign::blank();
    for (author, change) in ours.changes() {
        assert_eq!(admit(&mut theirs, author, &[change]), Verdict::Admitted);
    }
    let from_ours = vec![
        edited(&mut ours, WARMINSTER, Edit::AppendNotes("Met the council. ".into())),
        edited(&mut ours, WARMINSTER, Edit::SignUp { organisation: "Library".into(), date: None }),
    ];
    let from_theirs = vec![
        edited(&mut theirs, LUTON, Edit::AppendNotes("Leaflets 🖨 printed. ".into())),
        edited(&mut theirs, LUTON, Edit::SignUp { organisation: "Library".into(), date: None }),
        edited(&mut theirs, LUTON, Edit::Aim("A databank".into())),
    ];
    assert_eq!(admit(&mut ours, LUTON.node, &from_theirs), Verdict::Admitted);
    assert_eq!(admit(&mut theirs, WARMINSTER.node, &from_ours), Verdict::Admitted);
    let view = ours.view().expect("a campaign");
    assert_eq!(view, theirs.view().expect("a campaign"));
    assert_eq!(view.organisations.len(), 1);
    assert!(view.notes.text.contains("council") && view.notes.text.contains("🖨"));
    assert_eq!(ours.edit(LUTON, &Edit::SignUp { organisation: "Library".into(), date: None }), Ok(None));
}
