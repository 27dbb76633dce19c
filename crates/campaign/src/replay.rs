//! Applying one small change by carrying it out again.
//!
//! The library applies a change from outside in a time that grows with the texts and lists which it touches, and makes the same
//! change at the place where it belongs. Whether what was made is the change that came, its hash tells: where it is another
//! one, the copy on which it was tried is dropped, and the change applied.

use automerge::legacy::{Key, Op, OpId, OpType};
use automerge::transaction::{CommitOptions, Transactable, Transaction};
use automerge::{Automerge, AutomergeError, Change, Cursor, ObjId, ObjType, ROOT, ReadDoc};

use crate::operations::{Form, form};

/// Changes with more operations are faster applied.
const OPERATIONS: usize = 100;

/// The document with the change, where it builds on all that is in the document and was carried out again.
pub(crate) fn replayed(document: &Automerge, change: &Change) -> Option<Automerge> {
    // An author builds on what it wrote last as well, where others have built on that since.
    let heads = document.get_heads();
    if change.len() > OPERATIONS || !heads.iter().all(|head| change.deps().contains(head)) {
        return None;
    }
    let mut fork = document.fork();
    fork.set_actor(change.actor_id().clone());
    let time = CommitOptions::default().with_time(change.timestamp());
    let made = fork.transact_with::<_, _, Otherwise, _>(|()| time, |transaction| carry_out(transaction, change));
    made.ok().filter(|made| made.hash == Some(change.hash())).map(|_| fork)
}

/// The change is one that is not carried out again.
struct Otherwise;

impl From<AutomergeError> for Otherwise {
    fn from(_: AutomergeError) -> Self {
        Otherwise
    }
}

/// Characters that follow one another in a text.
struct Run {
    text: ObjId,
    index: usize,
    characters: String,
    /// The number of the last one's operation.
    last: u64,
}

fn carry_out(transaction: &mut Transaction<'_>, change: &Change) -> Result<(), Otherwise> {
    let actor = change.actor_id();
    let mut run: Option<Run> = None;
    for (number, operation) in (change.start_op().get()..).zip(&change.decode().operations) {
        let form = form(operation).map_err(|_| Otherwise)?;
        if let (Form::Character { after: Some(after), character, .. }, Some(run)) = (&form, &mut run)
            && after.0 == run.last
            && after.1 == *actor
        {
            run.characters.push(*character);
            run.last = number;
            continue;
        }
        finish(transaction, run.take())?;
        match form {
            Form::Character { text, after, character } => {
                let text = object(text);
                let index = after.map_or(Ok(0), |after| behind(transaction, &text, after))?;
                run = Some(Run { text, index, characters: character.to_string(), last: number });
            }
            Form::Entry { list, after } => {
                let list = object(list);
                let index = after.map_or(Ok(0), |after| behind(transaction, &list, after))?;
                transaction.insert_object(&list, index, ObjType::Map)?;
            }
            Form::Deletion { object: within, element } => {
                let within = object(within);
                let (index, width) = found(transaction, &within, element)?;
                match transaction.object_type(&within)? {
                    ObjType::Text => transaction.splice_text(&within, index, width as isize, "")?,
                    ObjType::Map | ObjType::Table | ObjType::List => transaction.delete(&within, index)?,
                }
            }
            Form::Field { object: within, .. } => set(transaction, &within.map_or(ROOT, object), operation)?,
            Form::Count { map, .. } => set(transaction, &object(map), operation)?,
            // Where a mark goes shows only from both its ends.
            Form::Mark { .. } => return Err(Otherwise),
        }
    }
    finish(transaction, run)
}

fn finish(transaction: &mut Transaction<'_>, run: Option<Run>) -> Result<(), Otherwise> {
    match run {
        Some(Run { text, index, characters, .. }) => Ok(transaction.splice_text(&text, index, 0, &characters)?),
        None => Ok(()),
    }
}

/// Sets what has a name.
fn set(transaction: &mut Transaction<'_>, within: &ObjId, operation: &Op) -> Result<(), Otherwise> {
    let Key::Map(key) = &operation.key else { return Err(Otherwise) };
    match &operation.action {
        OpType::Put(value) => transaction.put(within, key.as_str(), value.clone())?,
        OpType::Increment(by) => transaction.increment(within, key.as_str(), *by)?,
        OpType::Make(kind) => drop(transaction.put_object(within, key.as_str(), *kind)?),
        OpType::Delete | OpType::MarkBegin(_) | OpType::MarkEnd(_) => return Err(Otherwise),
    }
    Ok(())
}

/// Where an element stands that is there still, and how much of its sequence it takes up.
fn found(transaction: &Transaction<'_>, within: &ObjId, element: &OpId) -> Result<(usize, usize), Otherwise> {
    let cursor = Cursor::try_from(format!("{}@{}", element.0, element.1).as_str())?;
    let index = transaction.get_cursor_position(within, &cursor, None)?;
    match transaction.get(within, index)? {
        Some((value, id)) if is(&id, element) => {
            Ok((index, value.as_str().map_or(1, |text| text.encode_utf16().count())))
        }
        Some(_) | None => Err(Otherwise),
    }
}

fn behind(transaction: &Transaction<'_>, within: &ObjId, element: &OpId) -> Result<usize, Otherwise> {
    found(transaction, within, element).map(|(index, width)| index + width)
}

fn is(id: &ObjId, element: &OpId) -> bool {
    matches!(id, ObjId::Id(number, actor, _) if *number == element.0 && *actor == element.1)
}

fn object(id: &OpId) -> ObjId {
    ObjId::Id(id.0, id.1.clone(), 0)
}
