//! The form of a campaign document, in one place: which strings, rich texts, lists and counters there are.
//!
//! A document begins with one change for each version of the form, each built on the one before. All of them are fixed:
//! the same bytes on every node, whoever makes them and when. So a document of an earlier form is brought to the present one
//! by adding what it lacks, and nodes that do so apart still hold the same document. A change never leaves the chain, and a
//! form grows by a new one.

use std::sync::LazyLock;

use automerge::transaction::{CommitOptions, Transactable};
use automerge::{ActorId, Automerge, AutomergeError, ChangeHash, ObjType, ROOT, ReadDoc, TextEncoding};

/// The author of the changes that make the form.
const FIRST_ACTOR: [u8; 16] = *b"folkmoot/first/1";

/// What the `schema` of a document of the present form says.
pub(crate) const SCHEMA: i64 = 2;

/// A string of the document, or of an entry of one of its lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Field {
    /// A title.
    Title,
    /// What the campaign wants.
    Aim,
    /// An organisation's name.
    Organisation,
    /// A hub, by its node id in hexadecimal digits.
    Hub,
    /// A day, such as `2018-10-03`.
    Date,
    /// More about an issue.
    Detail,
    /// What is asked for.
    Ask,
    /// Of which office it is asked.
    Of,
    /// How far a task or an ask has come.
    State,
    /// What came of an ask or an action.
    Result,
    /// An office that decides.
    Office,
    /// The body that the office belongs to.
    Body,
    /// How much the office decides.
    Influence,
    /// How the office stands to the campaign.
    Stance,
    /// Where an action takes place.
    Place,
    /// The day by which a task is to be done.
    Due,
    /// Where a file is: a web address.
    Address,
}

impl Field {
    const ALL: [Field; 17] = [
        Field::Title,
        Field::Aim,
        Field::Organisation,
        Field::Hub,
        Field::Date,
        Field::Detail,
        Field::Ask,
        Field::Of,
        Field::State,
        Field::Result,
        Field::Office,
        Field::Body,
        Field::Influence,
        Field::Stance,
        Field::Place,
        Field::Due,
        Field::Address,
    ];

    /// The key in the document.
    pub fn key(self) -> &'static str {
        match self {
            Field::Title => "title",
            Field::Aim => "aim",
            Field::Organisation => "organisation",
            Field::Hub => "hub",
            Field::Date => "date",
            Field::Detail => "detail",
            Field::Ask => "ask",
            Field::Of => "of",
            Field::State => "state",
            Field::Result => "result",
            Field::Office => "office",
            Field::Body => "body",
            Field::Influence => "influence",
            Field::Stance => "stance",
            Field::Place => "place",
            Field::Due => "due",
            Field::Address => "address",
        }
    }

    pub(crate) fn of_key(key: &str) -> Option<Field> {
        Field::ALL.into_iter().find(|field| field.key() == key)
    }

    /// The most characters.
    pub fn limit(self) -> usize {
        match self {
            Field::Aim | Field::Detail | Field::Result | Field::Address => 2_000,
            Field::Title
            | Field::Organisation
            | Field::Hub
            | Field::Date
            | Field::Ask
            | Field::Of
            | Field::State
            | Field::Office
            | Field::Body
            | Field::Influence
            | Field::Stance
            | Field::Place
            | Field::Due => 200,
        }
    }
}

/// The strings of the document itself.
pub(crate) const OWN_FIELDS: [Field; 2] = [Field::Title, Field::Aim];

/// A list of the document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum List {
    /// Organisations on the campaign.
    Organisations,
    /// What residents raised that the campaign takes up.
    Issues,
    /// What is asked for, and of whom.
    Asks,
    /// Who decides: the power map.
    DecisionMakers,
    /// Actions, planned and held.
    Actions,
    /// What hubs have taken on.
    Tasks,
    /// Links to files.
    Links,
}

impl List {
    /// All lists.
    pub const ALL: [List; 7] =
        [List::Organisations, List::Issues, List::Asks, List::DecisionMakers, List::Actions, List::Tasks, List::Links];

    /// The key in the document.
    pub fn key(self) -> &'static str {
        match self {
            List::Organisations => "organisations",
            List::Issues => "issues",
            List::Asks => "asks",
            List::DecisionMakers => "decision_makers",
            List::Actions => "actions",
            List::Tasks => "tasks",
            List::Links => "links",
        }
    }

    /// The strings of an entry; what it is known by comes first.
    pub(crate) fn fields(self) -> &'static [Field] {
        match self {
            List::Organisations => &[Field::Organisation, Field::Hub, Field::Date],
            List::Issues => &[Field::Title, Field::Detail],
            List::Asks => &[Field::Ask, Field::Of, Field::State, Field::Result, Field::Date],
            List::DecisionMakers => &[Field::Office, Field::Body, Field::Influence, Field::Stance],
            List::Actions => &[Field::Title, Field::Date, Field::Place, Field::Result],
            List::Tasks => &[Field::Title, Field::Hub, Field::Due, Field::State],
            List::Links => &[Field::Title, Field::Address],
        }
    }
}

/// A rich text of the document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Prose {
    /// Notes that all members share.
    Notes,
    /// The campaign's story.
    Story,
}

impl Prose {
    /// The key in the document.
    pub fn key(self) -> &'static str {
        match self {
            Prose::Notes => "notes",
            Prose::Story => "story",
        }
    }
}

/// The map of counters.
pub(crate) const REACH: &str = "reach";

/// A part of the document, each made by an operation of a fixed change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Part {
    Schema(i64),
    Field(Field),
    List(List),
    Prose(Prose),
    Reach,
}

/// What each fixed change makes, operation by operation.
const VERSIONS: [&[Part]; SCHEMA as usize] = [
    &[
        Part::Schema(1),
        Part::Field(Field::Title),
        Part::Field(Field::Aim),
        Part::List(List::Organisations),
        Part::Prose(Prose::Notes),
    ],
    &[
        Part::Schema(2),
        Part::Prose(Prose::Story),
        Part::List(List::Issues),
        Part::List(List::Asks),
        Part::List(List::DecisionMakers),
        Part::List(List::Actions),
        Part::List(List::Tasks),
        Part::List(List::Links),
        Part::Reach,
    ],
];

/// One of the changes with which every document begins.
pub(crate) struct Fixed {
    pub(crate) change: automerge::Change,
    /// What its operations make, in their order.
    pub(crate) parts: &'static [Part],
}

impl Fixed {
    pub(crate) fn hash(&self) -> ChangeHash {
        self.change.hash()
    }
}

/// The fixed changes, in their order.
pub(crate) static FIXED: LazyLock<Vec<Fixed>> = LazyLock::new(|| {
    let mut document = empty();
    let make = |parts: &'static [Part]| {
        make(&mut document, parts).expect("an empty document takes its form");
        let change = document.get_last_local_change().expect("the change just made");
        Fixed { change, parts }
    };
    VERSIONS.into_iter().map(make).collect()
});

fn empty() -> Automerge {
    Automerge::new_with_encoding(TextEncoding::Utf16CodeUnit).with_actor(ActorId::from(&FIRST_ACTOR[..]))
}

fn make(document: &mut Automerge, parts: &[Part]) -> Result<(), AutomergeError> {
    let made = document.transact_with::<_, _, AutomergeError, _>(
        |_| CommitOptions::default().with_time(0),
        |transaction| {
            for part in parts {
                match part {
                    Part::Schema(number) => transaction.put(ROOT, "schema", *number)?,
                    Part::Field(field) => transaction.put(ROOT, field.key(), "")?,
                    Part::List(list) => drop(transaction.put_object(ROOT, list.key(), ObjType::List)?),
                    Part::Prose(prose) => drop(transaction.put_object(ROOT, prose.key(), ObjType::Text)?),
                    Part::Reach => drop(transaction.put_object(ROOT, REACH, ObjType::Map)?),
                }
            }
            Ok(())
        },
    );
    made.map(drop).map_err(|failure| failure.error)
}

/// A document of the present form in which nobody has changed anything.
pub(crate) fn blank() -> Automerge {
    let mut document = empty();
    document.apply_changes(FIXED.iter().map(|fixed| fixed.change.clone())).expect("an empty document takes its form");
    document
}

/// Adds the fixed changes that a document lacks; `None` where it is none of a campaign, which has the first of them.
pub(crate) fn bring_up(document: &mut Automerge) -> Option<()> {
    let has = |fixed: &&Fixed| document.get_change_by_hash(&fixed.hash()).is_some();
    FIXED.first().filter(has)?;
    let lacking: Vec<_> = FIXED.iter().filter(|fixed| !has(fixed)).map(|fixed| fixed.change.clone()).collect();
    if lacking.is_empty() { Some(()) } else { document.apply_changes(lacking).ok() }
}
