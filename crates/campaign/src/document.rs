//! The document itself. Text indexes count UTF-16 units, as JavaScript clients do.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::LazyLock;

use automerge::transaction::{CommitOptions, Transactable};
use automerge::{
    ActorId, Automerge, AutomergeError, ChangeHash, LoadOptions, ObjId, ObjType, ROOT, ReadDoc, TextEncoding,
};

use crate::admission::{Submission, Verdict};
use crate::edit::Edit;
use crate::history::History;
use crate::view::{SCHEMA, View, fixed, read};

/// The author of the first change, which every node makes alike.
const FIRST_ACTOR: [u8; 16] = *b"folkmoot/first/1";

/// The change that every document begins with.
static FIRST_CHANGE: LazyLock<ChangeHash> =
    LazyLock::new(|| Campaign::blank().document.get_heads().first().copied().expect("a blank document has one head"));

/// Who edits: one process of one node, or one holder of an export.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Actor {
    /// The node's id.
    pub node: [u8; 32],
    /// 64 random bits, drawn at process start or for one export, and never used again by anything else.
    pub incarnation: u64,
}

impl Actor {
    /// The actor as automerge clients are given it: the node's id, then the incarnation, big end first.
    pub fn bytes(self) -> [u8; 40] {
        let mut bytes = [0; 40];
        bytes[..32].copy_from_slice(&self.node);
        bytes[32..].copy_from_slice(&self.incarnation.to_be_bytes());
        bytes
    }
}

/// What a campaign document cannot do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CampaignError {
    /// A stored document does not load, or loads as something else than was stored.
    #[error("the stored document is damaged; build it again from the entries of its logs")]
    Damaged,
    /// An edit could not be carried out.
    #[error("the edit does not fit the document; read it again and repeat the edit")]
    EditFailed,
    /// A text of an edit is longer than a campaign takes.
    #[error("{} {given} characters; {limit} are the most: shorten it", has(.field))]
    TooLong {
        /// Which text.
        field: &'static str,
        /// Its length in characters.
        given: usize,
        /// The most characters.
        limit: usize,
    },
    /// A text that must say something is empty or blank.
    #[error("the {field} {} empty; give some text", if *.field == "notes" { "are" } else { "is" })]
    Empty {
        /// Which text.
        field: &'static str,
    },
    /// A text holds a control character.
    #[error("{} a control character at character {at}; take it out{}", has(.field), if *.field == "notes" { " (new lines and tabs may stay)" } else { "" })]
    ControlCharacter {
        /// Which text.
        field: &'static str,
        /// Its place in the text, in characters from 1.
        at: usize,
    },
}

fn has(field: &str) -> String {
    format!("the {field} {}", if field == "notes" { "have" } else { "has" })
}

/// One campaign document in memory.
pub struct Campaign {
    pub(crate) document: Automerge,
    /// Read from the document when it is first needed.
    pub(crate) history: Option<History>,
}

impl Campaign {
    /// The document before any member's change: the same bytes on every node.
    pub fn blank() -> Self {
        let mut document =
            Automerge::new_with_encoding(TextEncoding::Utf16CodeUnit).with_actor(ActorId::from(&FIRST_ACTOR[..]));
        document
            .transact_with::<_, _, AutomergeError, _>(
                |_| CommitOptions::default().with_time(0),
                |transaction| {
                    transaction.put(ROOT, "schema", SCHEMA)?;
                    transaction.put(ROOT, "title", "")?;
                    transaction.put(ROOT, "aim", "")?;
                    transaction.put_object(ROOT, "organisations", ObjType::List)?;
                    transaction.put_object(ROOT, "notes", ObjType::Text)?;
                    Ok(())
                },
            )
            .expect("a blank document takes its first change");
        Self { document, history: None }
    }

    /// The hashes of the changes that no other change builds on: where two documents have the same, they are the same.
    pub fn heads(&self) -> Vec<[u8; 32]> {
        self.document.get_heads().into_iter().map(|head| head.0).collect()
    }

    /// Whether no member has changed anything yet.
    pub fn is_empty(&self) -> bool {
        self.document.get_heads() == [*FIRST_CHANGE]
    }

    /// Carries out an edit as `actor` and returns the change's bytes, or nothing where the edit changes nothing. The change
    /// is admitted like one from outside before it is part of this document.
    ///
    /// # Errors
    /// Where the text is outside its limits, what to do about it; [`CampaignError::EditFailed`] where the document does not
    /// take the edit. The document stays as it was.
    pub fn edit(&mut self, actor: Actor, edit: &Edit) -> Result<Option<Vec<u8>>, CampaignError> {
        edit.check()?;
        let now = self.view()?;
        let changes_nothing = match edit {
            Edit::Title(title) => now.title == *title,
            Edit::Aim(aim) => now.aim == *aim,
            Edit::SignUp(name) => now.organisations.iter().any(|known| known.organisation == name.trim()),
            Edit::AppendNotes(_) => false,
        };
        if changes_nothing {
            return Ok(None);
        }
        let before = self.document.get_heads();
        let mut fork = self.document.fork().with_actor(ActorId::from(&actor.bytes()[..]));
        fork.transact_with::<_, _, AutomergeError, _>(
            |_| CommitOptions::default().with_time(0),
            |transaction| match edit {
                Edit::Title(title) => transaction.put(ROOT, "title", title.trim()),
                Edit::Aim(aim) => transaction.put(ROOT, "aim", aim.trim()),
                Edit::SignUp(organisation) => {
                    let list = object(transaction, "organisations", ObjType::List)?;
                    let at = transaction.length(&list);
                    let entry = transaction.insert_object(&list, at, ObjType::Map)?;
                    transaction.put(&entry, "organisation", organisation.trim())?;
                    transaction.put(&entry, "hub", hex(&actor.node))
                }
                Edit::AppendNotes(text) => {
                    let notes = object(transaction, "notes", ObjType::Text)?;
                    let at = transaction.length(&notes);
                    transaction.splice_text(&notes, at, 0, text)
                }
            },
        )
        .map_err(|_| CampaignError::EditFailed)?;
        let Some(change) = fork.get_changes(&before).into_iter().next() else { return Ok(None) };
        let bytes = change.raw_bytes().to_vec();
        let submission = Submission { author: actor.node, changes: vec![bytes.clone()], late: false };
        match self.admit_all(&[submission]).as_slice() {
            [Verdict::Admitted] => Ok(Some(bytes)),
            _ => Err(CampaignError::EditFailed),
        }
    }

    /// All changes but the first that every node makes alike, in an order in which they can be admitted, with the node id
    /// of each one's author.
    pub fn changes(&self) -> Vec<([u8; 32], Vec<u8>)> {
        self.document
            .get_changes(&[])
            .into_iter()
            .filter_map(|change| {
                let author = change.actor_id().to_bytes().first_chunk::<32>().copied()?;
                Some((author, change.raw_bytes().to_vec()))
            })
            .collect()
    }

    /// What the campaign says now.
    ///
    /// # Errors
    /// [`CampaignError::Damaged`] where the document is not of the known form.
    pub fn view(&self) -> Result<View, CampaignError> {
        read(&self.document).ok_or(CampaignError::Damaged)
    }

    /// The whole document as automerge saves it, for a client that edits it elsewhere under an actor of its own.
    pub fn export(&self) -> Vec<u8> {
        self.document.save()
    }

    /// The whole document as automerge saves it, and its heads, to be given back to [`Campaign::load`].
    pub fn snapshot(&self) -> (Vec<u8>, Vec<[u8; 32]>) {
        (self.document.save(), self.document.get_heads().into_iter().map(|head| head.0).collect())
    }

    /// Loads a snapshot and compares its heads, because a truncated one loads without complaint.
    ///
    /// # Errors
    /// [`CampaignError::Damaged`] where it does not load, or not as what was saved.
    pub fn load(bytes: &[u8], heads: &[[u8; 32]]) -> Result<Self, CampaignError> {
        let options = LoadOptions::new().text_encoding(TextEncoding::Utf16CodeUnit);
        let document = guarded(|| Automerge::load_with_options(bytes, options).ok().filter(|it| read(it).is_some()))
            .flatten()
            .ok_or(CampaignError::Damaged)?;
        let loaded: BTreeSet<[u8; 32]> = document.get_heads().into_iter().map(|head| head.0).collect();
        let mut campaign = Self { document, history: None };
        campaign.history = campaign.take_history();
        if loaded == heads.iter().copied().collect() && campaign.history.is_some() {
            Ok(campaign)
        } else {
            Err(CampaignError::Damaged)
        }
    }

    pub(crate) fn take_history(&mut self) -> Option<History> {
        self.history.take().or_else(|| History::of(&self.document, *FIRST_CHANGE))
    }
}

/// Runs code of the CRDT library on bytes from outside; `None` where it panicked.
pub(crate) fn guarded<T>(work: impl FnOnce() -> T) -> Option<T> {
    catch_unwind(AssertUnwindSafe(work)).ok()
}

fn object(document: &impl ReadDoc, key: &str, kind: ObjType) -> Result<ObjId, AutomergeError> {
    fixed(document, key, kind).ok_or(AutomergeError::InvalidObjId(key.to_owned()))
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
