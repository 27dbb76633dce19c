//! What the lists of a campaign hold, typed. In the document every part is a string; what cannot be read as what it should
//! be, such as a day that is none, reads as not given.

use std::fmt;
use std::str::FromStr;

use folkmoot_domain::Date;
use folkmoot_domain::calendar::{iso, parse_date};

use crate::document::{hex, unhex};
use crate::form::{Field, List};

/// A vocabulary that is written as strings in the document.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$about:meta])* $variant:ident = $code:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name {
            $($(#[$about])* $variant,)+
        }

        impl $name {
            /// All of them, in their order.
            pub const ALL: &'static [$name] = &[$($name::$variant),+];

            /// The word in the document.
            pub fn code(self) -> &'static str {
                match self {
                    $($name::$variant => $code,)+
                }
            }

            /// Reads the word; what is none of them is the first.
            fn of(text: &str) -> $name {
                $name::ALL.iter().copied().find(|word| word.code() == text).unwrap_or_default()
            }
        }
    };
}

words! {
    /// What became of an ask.
    AskState {
        /// It was put, or will be.
        #[default]
        Open = "open",
        /// It was granted.
        Won = "won",
        /// A part of it was granted.
        PartlyWon = "partly_won",
        /// It was refused.
        Refused = "refused",
        /// The campaign asks for it no more.
        Withdrawn = "withdrawn",
    }
}

words! {
    /// How much an office decides.
    Influence {
        /// Nobody has said.
        #[default]
        Unknown = "unknown",
        /// It decides little.
        Low = "low",
        /// It has a say.
        Medium = "medium",
        /// It decides.
        High = "high",
    }
}

words! {
    /// How an office stands to the campaign.
    Stance {
        /// Nobody has said.
        #[default]
        Unknown = "unknown",
        /// For it.
        Supports = "supports",
        /// Not yet for it or against it.
        Undecided = "undecided",
        /// Against it.
        Opposes = "opposes",
    }
}

words! {
    /// How far a task has come.
    TaskState {
        /// Nobody has begun.
        #[default]
        Open = "open",
        /// Somebody is at it.
        Doing = "doing",
        /// It is done.
        Done = "done",
        /// It is not to be done any more.
        Dropped = "dropped",
    }
}

/// An entry of a list: the operation that made it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EntryId {
    /// The operation's number.
    pub(crate) number: u64,
    /// The actor, whose first 32 bytes are the node id of the hub that made the entry.
    pub(crate) actor: [u8; 40],
}

/// The number, `-`, and the actor in hexadecimal digits, its last 8 bytes first: so that few characters tell entries apart.
impl fmt::Display for EntryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (node, incarnation) = self.actor.split_at(32);
        write!(f, "{}-{}{}", self.number, hex(incarnation), hex(node))
    }
}

/// A text that is no id of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an entry's id is a number, a hyphen and 80 hexadecimal digits")]
pub struct NoEntryId;

impl FromStr for EntryId {
    type Err = NoEntryId;

    fn from_str(text: &str) -> Result<EntryId, NoEntryId> {
        let (number, digits) = text.split_once('-').ok_or(NoEntryId)?;
        let mut actor: [u8; 40] = unhex(digits).ok_or(NoEntryId)?;
        actor.rotate_left(8);
        let digits_alone = number.bytes().all(|digit| digit.is_ascii_digit());
        let number = number.parse().ok().filter(|_| digits_alone).ok_or(NoEntryId)?;
        Ok(EntryId { number, actor })
    }
}

/// What an entry says. Hubs are node ids in hexadecimal digits.
#[derive(Clone, PartialEq, Eq)]
pub enum Item {
    /// What residents raised that the campaign takes up.
    Issue {
        /// The issue, in a few words.
        title: String,
        /// More about it.
        detail: String,
    },
    /// What is asked for.
    Ask {
        /// The ask.
        ask: String,
        /// Of which office.
        of: String,
        /// What became of it.
        state: AskState,
        /// What came of it, in words.
        result: String,
        /// The day on which it was won, or else decided.
        date: Option<Date>,
    },
    /// A decision-maker, by office and never by name.
    DecisionMaker {
        /// The office.
        office: String,
        /// The body that it belongs to.
        body: String,
        /// How much it decides.
        influence: Influence,
        /// How it stands to the campaign.
        stance: Stance,
    },
    /// An action, planned or held.
    Action {
        /// The action, in a few words.
        title: String,
        /// The day.
        date: Option<Date>,
        /// Where.
        place: String,
        /// What came of it.
        result: String,
    },
    /// What a hub has taken on.
    Task {
        /// The task, in a few words.
        title: String,
        /// The hub that has taken it on; nobody where empty.
        hub: String,
        /// The day by which it is to be done.
        due: Option<Date>,
        /// How far it has come.
        state: TaskState,
    },
    /// A link to a file.
    Link {
        /// What it is.
        title: String,
        /// A web address.
        address: String,
    },
}

/// What members write is not shown.
impl fmt::Debug for Item {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} {{ .. }}", self.list())
    }
}

impl Item {
    /// The list that it belongs to.
    pub fn list(&self) -> List {
        match self {
            Item::Issue { .. } => List::Issues,
            Item::Ask { .. } => List::Asks,
            Item::DecisionMaker { .. } => List::DecisionMakers,
            Item::Action { .. } => List::Actions,
            Item::Task { .. } => List::Tasks,
            Item::Link { .. } => List::Links,
        }
    }

    /// What it says, as in the document; what it is known by comes first.
    pub fn fields(&self) -> Vec<(Field, String)> {
        let day = |day: &Option<Date>| day.map(iso).unwrap_or_default();
        match self {
            Item::Issue { title, detail } => vec![(Field::Title, title.clone()), (Field::Detail, detail.clone())],
            Item::Ask { ask, of, state, result, date } => vec![
                (Field::Ask, ask.clone()),
                (Field::Of, of.clone()),
                (Field::State, state.code().to_owned()),
                (Field::Result, result.clone()),
                (Field::Date, day(date)),
            ],
            Item::DecisionMaker { office, body, influence, stance } => vec![
                (Field::Office, office.clone()),
                (Field::Body, body.clone()),
                (Field::Influence, influence.code().to_owned()),
                (Field::Stance, stance.code().to_owned()),
            ],
            Item::Action { title, date, place, result } => vec![
                (Field::Title, title.clone()),
                (Field::Date, day(date)),
                (Field::Place, place.clone()),
                (Field::Result, result.clone()),
            ],
            Item::Task { title, hub, due, state } => vec![
                (Field::Title, title.clone()),
                (Field::Hub, hub.clone()),
                (Field::Due, day(due)),
                (Field::State, state.code().to_owned()),
            ],
            Item::Link { title, address } => vec![(Field::Title, title.clone()), (Field::Address, address.clone())],
        }
    }

    /// The same with one part that says something else.
    pub(crate) fn with(&self, field: Field, text: &str) -> Item {
        let fields = self.fields();
        let part = |of: Field| fields.iter().find(|(known, _)| *known == of).map(|(_, text)| text.clone());
        let changed = |of| if of == field { text.to_owned() } else { part(of).unwrap_or_default() };
        Item::read(self.list(), changed).unwrap_or_else(|| self.clone())
    }

    /// What an entry of a list says; `None` for the list of organisations, which are signed up.
    pub(crate) fn read(list: List, field: impl Fn(Field) -> String) -> Option<Item> {
        let day = |of| parse_date(&field(of));
        Some(match list {
            List::Organisations => return None,
            List::Issues => Item::Issue { title: field(Field::Title), detail: field(Field::Detail) },
            List::Asks => Item::Ask {
                ask: field(Field::Ask),
                of: field(Field::Of),
                state: AskState::of(&field(Field::State)),
                result: field(Field::Result),
                date: day(Field::Date),
            },
            List::DecisionMakers => Item::DecisionMaker {
                office: field(Field::Office),
                body: field(Field::Body),
                influence: Influence::of(&field(Field::Influence)),
                stance: Stance::of(&field(Field::Stance)),
            },
            List::Actions => Item::Action {
                title: field(Field::Title),
                date: day(Field::Date),
                place: field(Field::Place),
                result: field(Field::Result),
            },
            List::Tasks => Item::Task {
                title: field(Field::Title),
                hub: field(Field::Hub),
                due: day(Field::Due),
                state: TaskState::of(&field(Field::State)),
            },
            List::Links => Item::Link { title: field(Field::Title), address: field(Field::Address) },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_written_and_read_in_one_way() {
        let mut actor = [0xab; 40];
        actor[32..].copy_from_slice(&7_u64.to_be_bytes());
        let id = EntryId { number: 12, actor };
        let text = format!("12-0000000000000007{}", "ab".repeat(32));
        assert_eq!((id.to_string(), text.parse()), (text.clone(), Ok(id)));
        for wrong in ["", "12", "12-", "x-00", &text.replace('-', ""), &format!("{text}0"), &text.replace("ab", "éx")]
        {
            assert_eq!(wrong.parse::<EntryId>(), Err(NoEntryId), "{wrong}");
        }
    }

    #[test]
    fn every_list_but_that_of_organisations_reads_what_it_writes() {
        for list in List::ALL.into_iter().filter(|list| *list != List::Organisations) {
            let item = Item::read(list, |field| if field == Field::State { "done".into() } else { field.key().into() });
            let item = item.expect("a typed entry");
            assert_eq!(item.list(), list);
            let fields = item.fields();
            assert_eq!(fields.iter().map(|(field, _)| *field).collect::<Vec<_>>(), list.fields());
            let again = Item::read(list, |field| fields.iter().find(|it| it.0 == field).expect("a field").1.clone());
            assert_eq!(again, Some(item));
        }
    }
}
