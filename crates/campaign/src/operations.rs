//! What one operation of a change may be.
//!
//! Members set strings of the document and of entries of its lists, write into texts and mark them, add entries and take them
//! away, and count reach. Each string is a scalar or, as JavaScript clients assign it, a text of its own. Nothing else can be
//! done to a campaign.

use automerge::legacy::{ElementId, Key, MarkData, ObjectId, Op, OpId, OpType};
use automerge::{ObjType, ScalarValue};

use crate::admission::ChangeFault;
use crate::form::Field;
use crate::reach::{Month, REACH_LIMIT, reach_key};
use crate::rich::{MARK_NAMES, is_mark_value};

/// An operation, as far as it can be told without what it refers to.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Form<'a> {
    /// Sets a string: of the document, or of the entry `object` of a list.
    Field { object: Option<&'a OpId>, field: Field, text: bool },
    /// Inserts an entry into a list.
    Entry { list: &'a OpId, after: Option<&'a OpId> },
    /// Inserts a character into a text.
    Character { text: &'a OpId, after: Option<&'a OpId>, character: char },
    /// Inserts the place where a mark of a text begins, or ends.
    Mark { text: &'a OpId, after: Option<&'a OpId>, begins: bool },
    /// Takes an entry from a list or a character from a text.
    Deletion { object: &'a OpId, element: &'a OpId },
    /// Begins the counter of a hub's reach in a month, or adds to it.
    Count { map: &'a OpId, month: Month, hub: [u8; 32], begins: bool },
}

impl Form<'_> {
    /// Whether it makes something that costs far more than its bytes tell: an entry, a text for a string, a mark.
    pub(crate) fn makes_object(&self) -> bool {
        match self {
            Form::Field { text, .. } => *text,
            Form::Mark { begins, .. } => *begins,
            Form::Entry { .. } => true,
            Form::Character { .. } | Form::Deletion { .. } | Form::Count { .. } => false,
        }
    }
}

/// Tells what an operation is, and refuses every one that is nothing of that.
pub(crate) fn form(operation: &Op) -> Result<Form<'_>, ChangeFault> {
    match &operation.key {
        Key::Map(_) if operation.insert => Err(ChangeFault::Operation),
        Key::Map(key) => map_form(operation, key),
        Key::Seq(element) => sequence_form(operation, element),
    }
}

fn map_form<'a>(operation: &'a Op, key: &str) -> Result<Form<'a>, ChangeFault> {
    let object = object(operation);
    let field = || Field::of_key(key).ok_or(ChangeFault::Operation);
    match &operation.action {
        OpType::Make(ObjType::Text) => Ok(Form::Field { object, field: field()?, text: true }),
        OpType::Put(ScalarValue::Str(value)) => {
            let field = field()?;
            if value.chars().count() > field.limit() || value.chars().any(char::is_control) {
                return Err(ChangeFault::Text);
            }
            Ok(Form::Field { object, field, text: false })
        }
        OpType::Put(ScalarValue::Counter(_)) | OpType::Increment(_) => {
            let (month, hub) = reach_key(key).ok_or(ChangeFault::Operation)?;
            let map = object.ok_or(ChangeFault::Operation)?;
            let begins = !matches!(operation.action, OpType::Increment(_));
            let people = match &operation.action {
                OpType::Increment(people) => Some(*people),
                OpType::Put(value) => value.as_i64(),
                OpType::Make(_) | OpType::Delete | OpType::MarkBegin(_) | OpType::MarkEnd(_) => None,
            };
            // Sums of what is within these limits do not overflow.
            let within = people.is_some_and(|people| people.unsigned_abs() <= REACH_LIMIT.unsigned_abs());
            if within { Ok(Form::Count { map, month, hub, begins }) } else { Err(ChangeFault::Operation) }
        }
        OpType::Put(_)
        | OpType::Make(ObjType::Map | ObjType::List | ObjType::Table)
        | OpType::Delete
        | OpType::MarkBegin(_)
        | OpType::MarkEnd(_) => Err(ChangeFault::Operation),
    }
}

fn sequence_form<'a>(operation: &'a Op, element: &'a ElementId) -> Result<Form<'a>, ChangeFault> {
    let Some(object) = object(operation) else { return Err(ChangeFault::Operation) };
    let inserts = operation.insert && operation.pred.is_empty();
    match &operation.action {
        OpType::Delete if !operation.insert => {
            let element = element.as_opid().ok_or(ChangeFault::Operation)?;
            // Neither entries nor characters are ever overwritten, so that an element is always its own insertion.
            if operation.pred.len() == 1 && operation.pred.get(0) == Some(element) {
                Ok(Form::Deletion { object, element })
            } else {
                Err(ChangeFault::Reference)
            }
        }
        OpType::Make(ObjType::Map) if inserts => Ok(Form::Entry { list: object, after: element.as_opid() }),
        OpType::Put(ScalarValue::Str(value)) if inserts => {
            let mut characters = value.chars();
            match (characters.next(), characters.next()) {
                (Some(character), None) if !character.is_control() || matches!(character, '\n' | '\t') => {
                    Ok(Form::Character { text: object, after: element.as_opid(), character })
                }
                (Some(_), None) => Err(ChangeFault::Text),
                (None, _) | (Some(_), Some(_)) => Err(ChangeFault::Operation),
            }
        }
        OpType::MarkBegin(MarkData { name, value, .. }) if inserts => {
            let known = MARK_NAMES.contains(&name.as_str()) && is_mark_value(name, value);
            let mark = Form::Mark { text: object, after: element.as_opid(), begins: true };
            if known { Ok(mark) } else { Err(ChangeFault::Operation) }
        }
        OpType::MarkEnd(_) if inserts => Ok(Form::Mark { text: object, after: element.as_opid(), begins: false }),
        OpType::Make(_)
        | OpType::Delete
        | OpType::Increment(_)
        | OpType::Put(_)
        | OpType::MarkBegin(_)
        | OpType::MarkEnd(_) => Err(ChangeFault::Operation),
    }
}

fn object(operation: &Op) -> Option<&OpId> {
    match &operation.obj {
        ObjectId::Root => None,
        ObjectId::Id(id) => Some(id),
    }
}
