//! The curriculum: the Academy publishes and retires, and everybody reads the same.

use folkmoot_domain::curriculum::{Edition, ItemCode, ItemKind};
use folkmoot_store::StoreError;
use folkmoot_store::curriculum::EditionDraft;

use crate::stream::ProcessId;
use crate::world::World;

/// The Academy publishes an edition, or retires an item.
pub(crate) fn work(world: &mut World, process: ProcessId) {
    let drawn = world.rng.next();
    let item: ItemCode = format!("item-{}", drawn % 3).parse().expect("a code");
    let curriculum = world.processes[&process].store.curriculum();
    if drawn.is_multiple_of(5) {
        world.note(format!("{item} is retired"));
        match curriculum.retire(&item) {
            Ok(_) | Err(StoreError::NoSuchEdition { .. } | StoreError::Frozen) => {}
            Err(error) => world.oracle.violated(format!("{item} cannot be retired: {error}")),
        }
        return;
    }
    let text = format!("What to do, {}", drawn % 7);
    world.note(format!("{item} is published: {text}"));
    let draft = EditionDraft { item, title: "A session".to_owned(), kind: ItemKind::Session, minutes: 90, text };
    match curriculum.publish(draft) {
        Ok(_) | Err(StoreError::Frozen) => {}
        Err(error) => world.oracle.violated(format!("an edition cannot be published: {error}")),
    }
}

/// After quiet: every node reads the same.
pub(crate) fn check(world: &mut World, members: &[usize]) {
    let mut violations = Vec::new();
    let mut first: Option<Vec<(Edition, bool)>> = None;
    for node in members {
        let process = world.process_of(*node).expect("every member runs");
        let curriculum = world.processes[&process].store.curriculum();
        let listed = curriculum.editions(true).expect("editions");
        let read: Vec<(Edition, bool)> = listed
            .iter()
            .map(|one| {
                let whole = curriculum.edition(&one.edition.item, Some(one.edition.number)).expect("an edition");
                (whole.edition, whole.retired)
            })
            .collect();
        match &first {
            None => first = Some(read),
            Some(expected) if *expected != read => {
                violations.push(format!("node {node} reads another curriculum: {expected:?}\n  {read:?}"));
            }
            Some(_) => {}
        }
    }
    violations.into_iter().for_each(|words| world.oracle.violated(words));
}
