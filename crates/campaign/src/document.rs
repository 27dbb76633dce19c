//! The document itself. Text indexes count UTF-16 units, as JavaScript clients do.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, OnceLock};

use automerge::transaction::CommitOptions;
use automerge::{ActorId, Automerge, Change, ChangeHash, LoadOptions, TextEncoding};

use crate::admission::{Submission, Verdict};
use crate::edit::Edit;
use crate::form::{self, FIXED};
use crate::history::History;
use crate::snapshot::check_snapshot;
use crate::view::{View, read};

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
    /// There is no such entry, or not any more.
    #[error("the campaign has no such entry; read it again")]
    NoSuchEntry,
    /// There is no such version.
    #[error("the campaign has no such change; its history lists those it has")]
    NoSuchVersion,
    /// The change to be undone is another hub's.
    #[error("another hub made this change: a hub undoes its own alone, and edits what the others wrote")]
    NotOwn,
    /// Nothing that the change did is still as it left it.
    #[error("nothing is left to undo: all that the change did has been changed since, or undone")]
    NothingToUndo,
    /// A part of a text does not begin and end between its characters.
    #[error(
        "the text has {length} UTF-16 units now: begin and end between characters within it, after reading it again"
    )]
    OutOfText {
        /// The text's length in UTF-16 units.
        length: usize,
    },
    /// More people than one count takes.
    #[error("one count adds {limit} people at most")]
    TooMany {
        /// The most people.
        limit: i64,
    },
    /// A correction takes off more people than were counted.
    #[error("this hub counted {counted} people in the month: no more can be taken off")]
    BelowZero {
        /// How many people were counted.
        counted: u64,
    },
}

fn has(field: &str) -> String {
    format!("the {field} {}", if field == "notes" { "have" } else { "has" })
}

/// One campaign document in memory.
pub struct Campaign {
    /// With what is [`ahead`](Campaign::ahead): whoever reads goes by [`Campaign::admitted`].
    pub(crate) document: Automerge,
    /// Read from the document when it is first needed.
    pub(crate) history: Option<History>,
    /// What the document says, once it was read: reading takes as long as the document is.
    view: OnceLock<Arc<View>>,
    /// What was made or tried here last and is not admitted yet.
    pub(crate) ahead: Option<Ahead>,
    /// The changes that were admitted since [`Campaign::news`] was asked last, as automerge saves them.
    pub(crate) news: Vec<u8>,
    /// Whether another document was there before.
    pub(crate) is_replacement: bool,
}

/// Changes that the document has already and that are not admitted, so that they need not be applied a second time then:
/// applying one takes the library as long as the document is, and so does a copy of the document; making one does not.
pub(crate) struct Ahead {
    pub(crate) changes: HashSet<ChangeHash>,
    /// The heads without them.
    pub(crate) heads: Vec<ChangeHash>,
    /// The news and what the campaign says with them, where they were admitted once, to try them.
    pub(crate) tried: Option<(Vec<u8>, Arc<View>)>,
}

/// A campaign as it was, to be gone back to by [`Campaign::go_back`].
pub struct Bookmark {
    heads: Vec<ChangeHash>,
    view: Arc<View>,
    changes: usize,
    news: usize,
}

impl Campaign {
    /// The document before any member's change: the same bytes on every node.
    pub fn blank() -> Self {
        Self::of(form::blank())
    }

    pub(crate) fn of(document: Automerge) -> Self {
        Self { document, history: None, view: OnceLock::new(), ahead: None, news: Vec::new(), is_replacement: false }
    }

    /// Says that this document, which [`Campaign::anew`] made, was put in the place of another: a change that builds on no
    /// member's change was written into that one, and waits for it.
    #[must_use]
    pub fn in_place_of_another(self) -> Self {
        Self { is_replacement: true, ..self }
    }

    /// Goes on to what the document says with the changes that are new.
    pub(crate) fn advance(&mut self, news: &[u8], view: Arc<View>) {
        self.news.extend(news);
        self.view = OnceLock::from(view);
        self.ahead = None;
    }

    /// The document as it was admitted.
    pub(crate) fn admitted(&self) -> Cow<'_, Automerge> {
        let Some(ahead) = &self.ahead else { return Cow::Borrowed(&self.document) };
        // Where the library failed at this, what is made of it would be known by its heads.
        let without = guarded(|| self.document.fork_at(&ahead.heads).ok()).flatten();
        without.map_or(Cow::Borrowed(&self.document), Cow::Owned)
    }

    /// Takes out of the document what is ahead.
    pub(crate) fn retreat(&mut self) {
        if self.ahead.is_some() {
            self.document = self.admitted().into_owned();
            self.ahead = None;
        }
    }

    /// Whether the document in memory has changes that were made or tried here and not admitted. Such a one is read slowly.
    pub fn is_ahead(&self) -> bool {
        self.ahead.is_some()
    }

    /// The campaign as it is, to try changes on it and go back.
    ///
    /// # Errors
    /// [`CampaignError::Damaged`] where the document is not of the known form.
    pub fn bookmark(&mut self) -> Result<Bookmark, CampaignError> {
        self.retreat();
        let history = self.take_history().ok_or(CampaignError::Damaged)?;
        let changes = history.len();
        self.history = Some(history);
        Ok(Bookmark { heads: self.document.get_heads(), view: self.view()?, changes, news: self.news.len() })
    }

    /// Takes back all that was admitted since. Admitting just that again costs little then.
    pub fn go_back(&mut self, bookmark: Bookmark) {
        let Bookmark { heads, view, changes: before, news } = bookmark;
        let after = std::mem::replace(&mut self.view, OnceLock::from(view)).into_inner();
        let tried = Some(self.news.split_off(news)).zip(after);
        let mut changes = HashSet::new();
        if let Some(history) = &mut self.history {
            changes.extend(history.hashes_from(before));
            history.truncate(before);
        }
        self.ahead = (self.document.get_heads() != heads).then_some(Ahead { changes, heads, tried });
    }

    /// The hashes of the changes that no other change builds on: where two documents have the same, they are the same.
    pub fn heads(&self) -> Vec<[u8; 32]> {
        let now = || self.document.get_heads();
        let heads = self.ahead.as_ref().map_or_else(now, |ahead| ahead.heads.clone());
        heads.into_iter().map(|head| head.0).collect()
    }

    /// The changes that were admitted since this was asked last, as automerge saves them, to be given to
    /// [`Campaign::load_with`].
    pub fn news(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.news)
    }

    /// Whether no member has changed anything yet.
    pub fn is_empty(&self) -> bool {
        FIXED.last().is_some_and(|last| self.heads() == [last.hash().0])
    }

    /// Carries out an edit as `actor` and returns the change's bytes, or nothing where the edit changes nothing. The change
    /// is admitted like one from outside before it is part of this document.
    ///
    /// # Errors
    /// Where the edit is outside its limits or does not fit what the document says, what to do about it;
    /// [`CampaignError::EditFailed`] where the document does not take it. The document stays as it was.
    pub fn edit(&mut self, actor: Actor, edit: &Edit) -> Result<Option<Vec<u8>>, CampaignError> {
        let Some(bytes) = self.draft(actor, edit)? else { return Ok(None) };
        let submission = Submission { author: actor.node, changes: vec![bytes.clone()], late: false };
        match self.admit_all(&[submission]).as_slice() {
            [Verdict::Admitted] => Ok(Some(bytes)),
            _ => Err(CampaignError::EditFailed),
        }
    }

    /// The change that an edit makes, for whoever admits it then; until that is done, the campaign says what it said.
    ///
    /// # Errors
    /// As [`Campaign::edit`].
    pub fn draft(&mut self, actor: Actor, edit: &Edit) -> Result<Option<Vec<u8>>, CampaignError> {
        if let Some(fault) = edit.faults().into_iter().next() {
            return Err(fault);
        }
        let now = self.view()?;
        self.retreat();
        // Read before the document has what is not admitted.
        self.history = self.take_history();
        let heads = self.document.get_heads();
        self.document.set_actor(ActorId::from(&actor.bytes()[..]));
        let made = self.document.transact_with::<_, _, CampaignError, _>(
            |_| CommitOptions::default().with_time(0),
            |transaction| edit.carry_out(actor, &now, transaction),
        );
        if let Err(failure) = made {
            self.ahead = Some(Ahead { changes: HashSet::new(), heads, tried: None });
            self.retreat();
            return Err(failure.error);
        }
        let made = self.document.get_changes(&heads);
        let changes: HashSet<ChangeHash> = made.iter().map(Change::hash).collect();
        self.ahead = (!changes.is_empty()).then_some(Ahead { changes, heads, tried: None });
        Ok(made.first().map(|change| change.raw_bytes().to_vec()))
    }

    /// All changes but the first that every node makes alike, in an order in which they can be admitted, with the node id
    /// of each one's author.
    pub fn changes(&self) -> Vec<([u8; 32], Vec<u8>)> {
        self.admitted()
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
    pub fn view(&self) -> Result<Arc<View>, CampaignError> {
        if let Some(view) = self.view.get() {
            return Ok(Arc::clone(view));
        }
        let view = Arc::new(read(&self.admitted()).ok_or(CampaignError::Damaged)?);
        Ok(Arc::clone(self.view.get_or_init(|| view)))
    }

    /// The whole document as automerge saves it, for a client that edits it elsewhere under an actor of its own.
    pub fn export(&self) -> Vec<u8> {
        self.admitted().save()
    }

    /// The whole document as automerge saves it, and its heads, to be given back to [`Campaign::load`].
    pub fn snapshot(&self) -> (Vec<u8>, Vec<[u8; 32]>) {
        (self.admitted().save(), self.heads())
    }

    /// Whether a snapshot is, byte for byte, what this document is saved as. Others may save the same document otherwise.
    pub fn is_saved_as(&self, bytes: &[u8], heads: &[[u8; 32]]) -> bool {
        let sorted = |heads: &[[u8; 32]]| heads.iter().copied().collect::<BTreeSet<_>>();
        sorted(&self.heads()) == sorted(heads) && self.snapshot().0 == bytes
    }

    /// Loads a snapshot that was saved here, however large, and changes that came after it.
    ///
    /// # Errors
    /// [`CampaignError::Damaged`] where it does not load, or not as what was saved.
    pub fn load_with(bytes: &[u8], tail: &[u8], heads: &[[u8; 32]]) -> Result<Self, CampaignError> {
        let options = LoadOptions::new().text_encoding(TextEncoding::Utf16CodeUnit);
        let load = || {
            let mut document = Automerge::load_with_options(bytes, options).ok()?;
            if !tail.is_empty() {
                document.load_incremental(tail).ok()?;
            }
            Some(document)
        };
        let mut document = guarded(load).flatten().ok_or(CampaignError::Damaged)?;
        let loaded: BTreeSet<[u8; 32]> = document.get_heads().into_iter().map(|head| head.0).collect();
        // A document that an earlier version of this software saved.
        let view = guarded(|| form::bring_up(&mut document).and_then(|()| read(&document)));
        let view = view.flatten().ok_or(CampaignError::Damaged)?;
        if loaded != heads.iter().copied().collect() {
            return Err(CampaignError::Damaged);
        }
        Ok(Self { view: OnceLock::from(Arc::new(view)), ..Self::of(document) })
    }

    /// Loads a document from outside and compares its heads, because a truncated one loads without complaint. One of an earlier
    /// form is brought to the present one, so that its heads are others then.
    ///
    /// # Errors
    /// [`CampaignError::Damaged`] where it does not load, or not as what was saved, or [`check_snapshot`] finds a fault.
    pub fn load(bytes: &[u8], heads: &[[u8; 32]]) -> Result<Self, CampaignError> {
        check_snapshot(bytes).map_err(|_| CampaignError::Damaged)?;
        Self::load_with(bytes, &[], heads)
    }

    pub(crate) fn take_history(&mut self) -> Option<History> {
        self.history.take().or_else(|| History::of(&self.admitted()))
    }
}

/// Runs code of the CRDT library on bytes from outside; `None` where it panicked.
pub(crate) fn guarded<T>(work: impl FnOnce() -> T) -> Option<T> {
    catch_unwind(AssertUnwindSafe(work)).ok()
}

/// The bytes of so many hexadecimal digits, of either case.
pub(crate) fn unhex<const N: usize>(digits: &str) -> Option<[u8; N]> {
    let half = |digit: u8| char::from(digit).to_digit(16).and_then(|half| u8::try_from(half).ok());
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(digits.as_bytes().chunks_exact(2)) {
        *byte = half(pair[0])? << 4 | half(pair[1])?;
    }
    (digits.len() == 2 * N).then_some(bytes)
}

/// Lower-case digits, two a byte. A document that is read has many ids.
pub(crate) fn hex(bytes: &[u8]) -> String {
    let digit = |half: u8| char::from_digit(half.into(), 16).unwrap_or_default();
    let mut digits = String::with_capacity(2 * bytes.len());
    digits.extend(bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]));
    digits
}
