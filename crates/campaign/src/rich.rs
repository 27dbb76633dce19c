//! Rich text: characters, and marks over them. The names and values are those of automerge's rich text schema.

use std::fmt;

use automerge::marks::Mark as Stored;
use automerge::{ObjId, ReadDoc, ScalarValue};

const STRONG: &str = "strong";
const EMPHASIS: &str = "em";
const LINK: &str = "link";
/// The marks that a text may have.
pub(crate) const MARK_NAMES: [&str; 3] = [STRONG, EMPHASIS, LINK];
/// The most characters of a link.
pub const MAX_LINK_CHARACTERS: usize = 2_000;

/// What marks a part of a text.
#[derive(Clone, PartialEq, Eq)]
pub enum Style {
    /// Important: bold.
    Strong,
    /// Stressed: italics.
    Emphasis,
    /// A link to a web address.
    Link(String),
}

impl Style {
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Style::Strong => STRONG,
            Style::Emphasis => EMPHASIS,
            Style::Link(_) => LINK,
        }
    }

    pub(crate) fn value(&self) -> ScalarValue {
        match self {
            Style::Strong | Style::Emphasis => ScalarValue::Boolean(true),
            Style::Link(address) => ScalarValue::Str(address.as_str().into()),
        }
    }

    fn of(mark: &Stored) -> Option<Style> {
        match (mark.name(), mark.value()) {
            (STRONG, ScalarValue::Boolean(true)) => Some(Style::Strong),
            (EMPHASIS, ScalarValue::Boolean(true)) => Some(Style::Emphasis),
            (LINK, ScalarValue::Str(address)) => Some(Style::Link(address.to_string())),
            (_, _) => None,
        }
    }
}

/// What members write is not shown.
impl fmt::Debug for Style {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A part of a text that is marked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark {
    /// Its first character, counted in UTF-16 units from 0.
    pub start: usize,
    /// The one after its last.
    pub end: usize,
    /// What it is marked as.
    pub style: Style,
}

/// A text with its marks, ordered by where they begin.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct RichText {
    /// The characters.
    pub text: String,
    /// The marks.
    pub marks: Vec<Mark>,
}

/// What members write is not shown.
impl fmt::Debug for RichText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RichText {{ marks: {}, .. }}", self.marks.len())
    }
}

/// Whether a mark may have a value; `null` takes it away.
pub(crate) fn is_mark_value(name: &str, value: &ScalarValue) -> bool {
    match value {
        ScalarValue::Null => true,
        ScalarValue::Boolean(_) => name != LINK,
        ScalarValue::Str(address) => {
            name == LINK && address.chars().count() <= MAX_LINK_CHARACTERS && !address.chars().any(char::is_control)
        }
        ScalarValue::Bytes(_)
        | ScalarValue::Int(_)
        | ScalarValue::Uint(_)
        | ScalarValue::F64(_)
        | ScalarValue::Counter(_)
        | ScalarValue::Timestamp(_)
        | ScalarValue::Unknown { .. } => false,
    }
}

/// Reads a rich text.
pub(crate) fn read(document: &impl ReadDoc, text: &ObjId) -> Option<RichText> {
    let mut marks: Vec<Mark> = document
        .marks(text)
        .ok()?
        .iter()
        .filter(|mark| mark.start < mark.end)
        .filter_map(|mark| Some(Mark { start: mark.start, end: mark.end, style: Style::of(mark)? }))
        .collect();
    marks.sort_by_key(|mark| (mark.start, mark.end, mark.style.name()));
    Some(RichText { text: document.text(text).ok()?, marks })
}
