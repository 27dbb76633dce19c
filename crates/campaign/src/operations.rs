//! What one operation of a change may be.
//!
//! The document is a map with `schema`, `title`, `aim`, the list `organisations` and the text `notes`. Members set `title` and
//! `aim`, write into texts, and add to and take from the list maps with `organisation` and `hub`. Each of the four strings is a
//! scalar or, as JavaScript clients assign it, a text of its own. Nothing else can be done to a campaign.

use automerge::ObjType;
use automerge::ScalarValue;
use automerge::legacy::{ElementId, Key, ObjectId, Op, OpId, OpType};

use crate::admission::ChangeFault;
use crate::edit::{MAX_AIM_CHARACTERS, MAX_ORGANISATION_CHARACTERS, MAX_TITLE_CHARACTERS};

/// A string of the document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Field {
    Title,
    Aim,
    Organisation,
    Hub,
}

impl Field {
    fn limit(self) -> usize {
        match self {
            Field::Title => MAX_TITLE_CHARACTERS,
            Field::Aim => MAX_AIM_CHARACTERS,
            Field::Organisation | Field::Hub => MAX_ORGANISATION_CHARACTERS,
        }
    }
}

/// An operation, as far as it can be told without what it refers to.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Form<'a> {
    /// Sets a string: of the document, or of the entry `object` of the list.
    Field { object: Option<&'a OpId>, field: Field, text: bool },
    /// Inserts an entry into the list.
    Entry { list: &'a OpId, after: Option<&'a OpId> },
    /// Inserts a character into a text.
    Character { text: &'a OpId, after: Option<&'a OpId>, character: char },
    /// Takes an entry from the list or a character from a text.
    Deletion { object: &'a OpId, element: &'a OpId },
}

impl Form<'_> {
    /// Whether it makes an object: an entry, or a text for a string.
    pub(crate) fn makes_object(&self) -> bool {
        match self {
            Form::Field { text, .. } => *text,
            Form::Entry { .. } => true,
            Form::Character { .. } | Form::Deletion { .. } => false,
        }
    }
}

/// Tells what an operation is, and refuses every one that is nothing of that.
pub(crate) fn form(operation: &Op) -> Result<Form<'_>, ChangeFault> {
    match &operation.key {
        Key::Map(key) => map_form(operation, key),
        Key::Seq(element) => sequence_form(operation, element),
    }
}

fn map_form<'a>(operation: &'a Op, key: &str) -> Result<Form<'a>, ChangeFault> {
    let object = object(operation);
    let field = match (object, key) {
        (None, "title") => Field::Title,
        (None, "aim") => Field::Aim,
        (Some(_), "organisation") => Field::Organisation,
        (Some(_), "hub") => Field::Hub,
        (None | Some(_), _) => return Err(ChangeFault::Operation),
    };
    if operation.insert {
        return Err(ChangeFault::Operation);
    }
    let text = match &operation.action {
        OpType::Make(ObjType::Text) => true,
        OpType::Put(value) => {
            let ScalarValue::Str(value) = value else { return Err(ChangeFault::Operation) };
            if value.chars().count() > field.limit() || value.chars().any(char::is_control) {
                return Err(ChangeFault::Text);
            }
            false
        }
        OpType::Make(ObjType::Map | ObjType::List | ObjType::Table)
        | OpType::Delete
        | OpType::Increment(_)
        | OpType::MarkBegin(_)
        | OpType::MarkEnd(_) => return Err(ChangeFault::Operation),
    };
    Ok(Form::Field { object, field, text })
}

fn sequence_form<'a>(operation: &'a Op, element: &'a ElementId) -> Result<Form<'a>, ChangeFault> {
    let Some(object) = object(operation) else { return Err(ChangeFault::Operation) };
    match (&operation.action, operation.insert) {
        (OpType::Delete, false) => {
            let element = element.as_opid().ok_or(ChangeFault::Operation)?;
            // Neither entries nor characters are ever overwritten, so that an element is always its own insertion.
            if operation.pred.len() == 1 && operation.pred.get(0) == Some(element) {
                Ok(Form::Deletion { object, element })
            } else {
                Err(ChangeFault::Reference)
            }
        }
        (OpType::Make(ObjType::Map), true) if operation.pred.is_empty() => {
            Ok(Form::Entry { list: object, after: element.as_opid() })
        }
        (OpType::Put(ScalarValue::Str(value)), true) if operation.pred.is_empty() => {
            let mut characters = value.chars();
            match (characters.next(), characters.next()) {
                (Some(character), None) if !character.is_control() || matches!(character, '\n' | '\t') => {
                    Ok(Form::Character { text: object, after: element.as_opid(), character })
                }
                (Some(_), None) => Err(ChangeFault::Text),
                (None, _) | (Some(_), Some(_)) => Err(ChangeFault::Operation),
            }
        }
        (
            OpType::Make(_)
            | OpType::Delete
            | OpType::Increment(_)
            | OpType::Put(_)
            | OpType::MarkBegin(_)
            | OpType::MarkEnd(_),
            true | false,
        ) => Err(ChangeFault::Operation),
    }
}

fn object(operation: &Op) -> Option<&OpId> {
    match &operation.obj {
        ObjectId::Root => None,
        ObjectId::Id(id) => Some(id),
    }
}
