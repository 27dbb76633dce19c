//! What a campaign says, read from its document. The same document reads the same on every node.

use std::fmt;

use automerge::{Automerge, ObjId, ObjType, ROOT, ReadDoc, ScalarValue, Value};

use crate::document::hex;
use crate::edit::{MAX_AIM_CHARACTERS, MAX_ORGANISATION_CHARACTERS, MAX_TITLE_CHARACTERS};

/// The form of the document, as its `schema` says.
pub(crate) const SCHEMA: i64 = 1;

/// An organisation on the campaign.
#[derive(Clone, PartialEq, Eq)]
pub struct SignUp {
    /// The organisation's name.
    pub organisation: String,
    /// The node id of the hub that brought it, in hexadecimal: whose change put the entry into the list, whatever is
    /// written in the entry.
    pub hub: String,
}

/// What a campaign says, read from its document.
#[derive(Clone, PartialEq, Eq)]
pub struct View {
    /// The title.
    pub title: String,
    /// What the campaign wants.
    pub aim: String,
    /// The organisations in the order of the list; an organisation that two hubs signed up apart is there once.
    pub organisations: Vec<SignUp>,
    /// Notes that all members share.
    pub notes: String,
}

/// What members write is not shown.
impl fmt::Debug for SignUp {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("SignUp { .. }")
    }
}

/// What members write is not shown.
impl fmt::Debug for View {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "View {{ organisations: {}, .. }}", self.organisations.len())
    }
}

/// Reads a document; `None` where its fixed parts are missing.
pub(crate) fn read(document: &Automerge) -> Option<View> {
    let (schema, _) = document.get(ROOT, "schema").ok()??;
    if schema.as_i64() != Some(SCHEMA) {
        return None;
    }
    let (list, notes) = (fixed(document, "organisations", ObjType::List)?, fixed(document, "notes", ObjType::Text)?);
    let mut organisations: Vec<SignUp> = Vec::new();
    let mut names = std::collections::HashSet::new();
    for item in document.list_range(&list, ..) {
        let entry = item.id();
        // A client may have made an entry and not yet, or by itself, what belongs into it.
        let organisation = string(document, &entry, "organisation", MAX_ORGANISATION_CHARACTERS);
        let (Some(organisation), Some(hub)) = (organisation, author(&entry)) else { continue };
        if !organisation.is_empty() && names.insert(organisation.clone()) {
            organisations.push(SignUp { organisation, hub });
        }
    }
    Some(View {
        title: string(document, &ROOT, "title", MAX_TITLE_CHARACTERS)?,
        aim: string(document, &ROOT, "aim", MAX_AIM_CHARACTERS)?,
        organisations,
        notes: document.text(&notes).ok()?,
    })
}

/// The node id, in hexadecimal, of the hub whose change made an object: admission lets a hub use no other's actors.
fn author(object: &ObjId) -> Option<String> {
    match object {
        ObjId::Root => None,
        ObjId::Id(_, actor, _) => actor.to_bytes().first_chunk::<32>().map(|node| hex(node)),
    }
}

/// One of the two objects that the first change makes.
pub(crate) fn fixed(document: &impl ReadDoc, key: &str, kind: ObjType) -> Option<ObjId> {
    let (value, id) = document.get(ROOT, key).ok()??;
    (value.to_objtype() == Some(kind)).then_some(id)
}

/// A scalar or a text, without blanks around it. A text can grow past the limit while hubs edit it apart; it is cut there.
fn string(document: &Automerge, object: &ObjId, key: &str, limit: usize) -> Option<String> {
    let (value, id) = document.get(object, key).ok()??;
    let whole = match value {
        Value::Object(ObjType::Text) => document.text(&id).ok()?,
        Value::Scalar(scalar) => match scalar.as_ref() {
            ScalarValue::Str(text) => text.to_string(),
            ScalarValue::Bytes(_)
            | ScalarValue::Int(_)
            | ScalarValue::Uint(_)
            | ScalarValue::F64(_)
            | ScalarValue::Counter(_)
            | ScalarValue::Timestamp(_)
            | ScalarValue::Boolean(_)
            | ScalarValue::Unknown { .. }
            | ScalarValue::Null => return None,
        },
        Value::Object(ObjType::Map | ObjType::List | ObjType::Table) => return None,
    };
    Some(whole.trim().chars().take(limit).collect())
}
