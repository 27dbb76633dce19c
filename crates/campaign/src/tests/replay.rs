//! What members do is carried out again, and comes to the same as what the library applies.

use automerge::Change;
use folkmoot_domain::Date;

use super::{Actor, Automerge, Edit, LUTON, Prose, WARMINSTER, edited, mark, reach, started, task};
use crate::form::List;
use crate::replay::replayed;
use crate::{Field, Item, TaskState};

fn write(at: usize, delete: usize, insert: &str) -> Edit {
    Edit::Write { prose: Prose::Notes, at, delete, insert: insert.to_owned() }
}

/// The document as it is with a change, where it is carried out again; after making sure that it is as when it is applied.
fn again(before: &Automerge, bytes: &[u8]) -> Option<Automerge> {
    let change = Change::from_bytes(bytes.to_vec()).expect("a change");
    let replayed = replayed(before, &change)?;
    let mut applied = before.fork();
    applied.apply_changes([change]).expect("applied");
    assert_eq!(replayed.get_heads(), applied.get_heads());
    assert_eq!(replayed.save(), applied.save());
    Some(replayed)
}

#[test]
fn what_members_do_is_carried_out_again() {
    let mut campaign = started();
    let mut document = campaign.document.fork();
    let mut check = |actor: Actor, edit: Edit| {
        let what = format!("{edit:?}");
        let bytes = edited(&mut campaign, actor, edit);
        document = again(&document, &bytes).unwrap_or_else(|| panic!("{what} was not carried out again"));
        campaign.view().expect("a campaign")
    };
    check(WARMINSTER, Edit::Aim("A databank".to_owned()));
    check(LUTON, Edit::Title("Wi-Fi".to_owned()));
    check(LUTON, Edit::AppendNotes("Met the 🚌 company. ".to_owned()));
    check(WARMINSTER, write(0, 0, "First: "));
    check(WARMINSTER, write(3, 4, ""));
    check(LUTON, write(9, 5, "🖨"));
    check(LUTON, Edit::AppendNotes("Again".to_owned()));
    check(WARMINSTER, Edit::SignUp { organisation: "Library".to_owned(), date: None });
    check(WARMINSTER, Edit::Add(task("Leaflets")));
    let view = check(LUTON, Edit::Add(task("Posters")));
    let id = view.entries[0].id;
    let item =
        Item::Task { title: "Flags".to_owned(), hub: String::new(), due: Some(Date::MAX), state: TaskState::Done };
    check(LUTON, Edit::Update { id, item, fields: vec![Field::Title, Field::Due] });
    check(WARMINSTER, Edit::Remove { list: List::Tasks, id });
    check(WARMINSTER, reach(120));
    check(WARMINSTER, reach(-20));
    check(LUTON, reach(7));
}

#[test]
fn what_builds_on_less_or_is_large_or_marks_is_applied() {
    let mut campaign = started();
    edited(&mut campaign, WARMINSTER, Edit::AppendNotes("Met the council".to_owned()));
    let before = campaign.document.fork();
    let mut other = campaign.copy();
    for edit in [mark(0, 3, true), Edit::AppendNotes("x".repeat(101))] {
        let bytes = edited(&mut campaign.copy(), LUTON, edit.clone());
        assert_eq!(again(&before, &bytes).map(|_| ()), None, "{edit:?}");
    }
    edited(&mut campaign, WARMINSTER, Edit::AppendNotes(", twice".to_owned()));
    let apart = edited(&mut other, LUTON, Edit::AppendNotes(", once".to_owned()));
    assert_eq!(again(&campaign.document, &apart).map(|_| ()), None, "others wrote meanwhile");
    assert_eq!(super::admit(&mut campaign, LUTON.node, &[apart]), crate::Verdict::Admitted);
}
