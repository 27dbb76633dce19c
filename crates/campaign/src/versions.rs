//! Earlier versions of a campaign: who changed what, read as it was, and undone.
//!
//! A version is named by a change, and is what the author of that change saw having made it: the change and all that it builds
//! on. So it says the same on every node, whatever else each of them holds.

use std::collections::{BTreeMap, BTreeSet};

use automerge::transaction::{CommitOptions, Transaction};
use automerge::{ActorId, Automerge, ChangeHash, ObjType, ReadDoc};

use crate::admission::{Submission, Verdict};
use crate::difference::{Difference, differences};
use crate::document::{Actor, Campaign, CampaignError, guarded, hex};
use crate::edit::Edit;
use crate::form::{self, Field, List, Prose};
use crate::item::EntryId;
use crate::rich::{self, Mark};
use crate::snapshot::check_snapshot;
use crate::view::{View, fixed, read};

/// A change of a member's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Version {
    /// The change's hash, which names it and the version.
    pub change: [u8; 32],
    /// The node id of the hub that made it.
    pub author: [u8; 32],
}

/// The hash by which a change is known, read from its bytes; `None` where they are no change.
pub fn change_hash(bytes: &[u8]) -> Option<[u8; 32]> {
    crate::chunk::check_size(bytes).ok()?;
    guarded(|| automerge::Change::from_bytes(bytes.to_vec()).ok()).flatten().map(|change| change.hash().0)
}

/// The changes that a document from outside holds, by their hashes, each with the node whose actor made it; the fixed ones too, of
/// nobody. `None` where it does not load, or has other heads. What it says is not looked at.
pub fn snapshot_changes(bytes: &[u8], heads: &[[u8; 32]]) -> Option<BTreeMap<[u8; 32], Option<[u8; 32]>>> {
    check_snapshot(bytes).ok()?;
    let document = guarded(|| Automerge::load(bytes).ok()).flatten()?;
    let loaded: BTreeSet<[u8; 32]> = document.get_heads().into_iter().map(|head| head.0).collect();
    if loaded != heads.iter().copied().collect() {
        return None;
    }
    let changes = document.get_changes_meta(&[]).into_iter();
    Some(changes.map(|change| (change.hash.0, change.actor.to_bytes().first_chunk::<32>().copied())).collect())
}

impl Campaign {
    /// The hashes of all changes, the fixed ones too.
    pub fn change_hashes(&self) -> BTreeSet<[u8; 32]> {
        self.admitted().get_changes_meta(&[]).into_iter().map(|change| change.hash.0).collect()
    }

    /// Whether the document has a change.
    pub fn has_change(&self, hash: [u8; 32]) -> bool {
        self.admitted().get_change_meta_by_hash(&ChangeHash(hash)).is_some()
    }

    /// All changes of members, each after those that it builds on.
    pub fn versions(&self) -> Vec<Version> {
        let document = self.admitted();
        let changes = document.get_changes_meta(&[]).into_iter();
        changes
            .filter_map(|change| {
                let author = change.actor.to_bytes().first_chunk::<32>().copied()?;
                Some(Version { change: change.hash.0, author })
            })
            .collect()
    }

    /// The changes that somebody lacks who holds these and all that they build on, each after those that it builds on. What
    /// is not known here is passed over, such as changes that were not given back yet.
    pub fn changes_since(&self, heads: &[[u8; 32]]) -> Vec<Vec<u8>> {
        let known = heads.iter().map(|head| ChangeHash(*head));
        let document = self.admitted();
        let known: Vec<ChangeHash> = known.filter(|head| document.get_change_by_hash(head).is_some()).collect();
        document.get_changes(&known).iter().map(|change| change.raw_bytes().to_vec()).collect()
    }

    /// What the campaign said in a version.
    ///
    /// # Errors
    /// [`CampaignError::NoSuchVersion`].
    pub fn view_at(&self, change: [u8; 32]) -> Result<View, CampaignError> {
        self.whole(&[ChangeHash(change)]).and_then(|document| read(&document)).ok_or(CampaignError::NoSuchVersion)
    }

    /// What a change did: what differs between the version that it names and what it builds on.
    ///
    /// # Errors
    /// [`CampaignError::NoSuchVersion`].
    pub fn differences_of(&self, change: [u8; 32]) -> Result<Vec<Difference>, CampaignError> {
        let (before, after) = self.around(change)?;
        Ok(differences(&before, &after))
    }

    /// Undoes what a change of this node's own did and nobody has changed since, by a change that builds on it; once.
    ///
    /// # Errors
    /// [`CampaignError::NoSuchVersion`]; [`CampaignError::NotOwn`]; [`CampaignError::NothingToUndo`];
    /// [`CampaignError::EditFailed`] where the document does not take it. The document stays as it was.
    pub fn undo(&mut self, node: [u8; 32], change: [u8; 32]) -> Result<Vec<u8>, CampaignError> {
        let version = self.versions().into_iter().find(|version| version.change == change);
        if version.ok_or(CampaignError::NoSuchVersion)?.author != node {
            return Err(CampaignError::NotOwn);
        }
        // Undoing begins where the change left off, before what its node wrote since: under an actor of its own, which the
        // change names, so that nobody undoes it twice.
        let incarnation = u64::from_be_bytes(std::array::from_fn(|at| change[at]));
        let actor = Actor { node, incarnation };
        let of_undoing = ActorId::from(&actor.bytes()[..]);
        if self.admitted().get_changes_meta(&[]).iter().any(|made| *made.actor == of_undoing) {
            return Err(CampaignError::NothingToUndo);
        }
        let (before, after) = self.around(change)?;
        let undoing = inverse(&differences(&before, &after), &*self.view()?, &hex(&actor.node));
        // Made where the change left off, and merged like whatever is made apart: so it finds the very words that the change
        // wrote, wherever they stand by now.
        let document = self.whole(&[ChangeHash(change)]).ok_or(CampaignError::NoSuchVersion)?;
        let heads = document.get_heads();
        let mut fork = document.with_actor(of_undoing);
        fork.transact_with::<_, _, CampaignError, _>(
            |_| CommitOptions::default().with_time(0),
            |transaction| {
                for edit in &undoing {
                    edit.carry_out(actor, &after, transaction)?;
                }
                for (prose, was, is) in
                    [(Prose::Notes, &before.notes, &after.notes), (Prose::Story, &before.story, &after.story)]
                {
                    if was != is {
                        restore_marks(transaction, actor, prose, &before)?;
                    }
                }
                Ok(())
            },
        )
        .map_err(|failure| failure.error)?;
        let made = fork.get_changes(&heads).into_iter().next().ok_or(CampaignError::NothingToUndo)?;
        let bytes = made.raw_bytes().to_vec();
        let submission = Submission { author: actor.node, changes: vec![bytes.clone()], late: false };
        match self.admit_all(&[submission]).as_slice() {
            [Verdict::Admitted] => Ok(bytes),
            _ => Err(CampaignError::EditFailed),
        }
    }

    /// What the campaign said before a change and after it.
    fn around(&self, change: [u8; 32]) -> Result<(View, View), CampaignError> {
        let made = self.admitted().get_change_by_hash(&ChangeHash(change)).ok_or(CampaignError::NoSuchVersion)?;
        let before = self.whole(made.deps()).and_then(|document| read(&document));
        Ok((before.ok_or(CampaignError::NoSuchVersion)?, self.view_at(change)?))
    }

    /// The document with these changes and all that they build on. What the present form has and it lacks is added.
    fn whole(&self, heads: &[ChangeHash]) -> Option<Automerge> {
        let document = self.admitted();
        if heads.iter().any(|head| document.get_change_by_hash(head).is_none()) {
            return None;
        }
        guarded(|| {
            let mut document = document.fork_at(heads).ok()?;
            form::bring_up(&mut document)?;
            Some(document)
        })
        .flatten()
    }
}

/// The edits that take differences back, as far as nobody has changed since what they are about. Marks are not among them.
fn inverse(differences: &[Difference], now: &View, own: &str) -> Vec<Edit> {
    let held = |id: EntryId| now.entries.iter().find(|entry| entry.id == id);
    let edit = |difference: &Difference| match difference {
        Difference::Own { field: Field::Aim, before, after } => (now.aim == *after).then(|| Edit::Aim(before.clone())),
        Difference::Own { before, after, .. } => (now.title == *after).then(|| Edit::Title(before.clone())),
        Difference::Prose { prose, at, removed, inserted } => Some(Edit::Write {
            prose: *prose,
            at: *at,
            delete: inserted.encode_utf16().count(),
            insert: removed.clone(),
        }),
        Difference::Marks { .. } => None,
        Difference::SignedUp(signed) => {
            // Another sign-up of the same organisation may stand before it.
            let is_other = |it: &crate::SignUp| it.id == signed.id && it.organisation != signed.organisation;
            let unchanged = !now.organisations.iter().any(is_other);
            unchanged.then_some(Edit::Remove { list: List::Organisations, id: signed.id })
        }
        Difference::SignedOff(signed_up) => {
            Some(Edit::SignUp { organisation: signed_up.organisation.clone(), date: signed_up.date })
        }
        Difference::Added(entry) => {
            let unchanged = held(entry.id).is_some_and(|it| it.item == entry.item);
            unchanged.then(|| Edit::Remove { list: entry.item.list(), id: entry.id })
        }
        Difference::Removed(entry) => Some(Edit::Add(entry.item.clone())),
        Difference::Changed { entry, field, before, after } => {
            let says = |it: &crate::Entry| it.item.fields().iter().any(|(of, text)| of == field && text == after);
            let item = held(entry.id).filter(|it| says(it))?.item.with(*field, before);
            Some(Edit::Update { id: entry.id, item, fields: vec![*field] })
        }
        Difference::Reach { month, hub, before, after } => {
            let people = i64::try_from(*before).ok()? - i64::try_from(*after).ok()?;
            // What was corrected since is not taken off once more.
            let counted = now.reach.get(month).and_then(|hubs| hubs.get(own)).copied().unwrap_or(0);
            let left = i64::try_from(counted).ok()?.checked_add(people)?;
            (hub == own && left >= 0).then_some(Edit::CountReach { month: *month, people })
        }
    };
    differences.iter().filter_map(edit).collect()
}

/// Marks a text as it was marked before, where its characters are the same again.
fn restore_marks(
    transaction: &mut Transaction<'_>,
    actor: Actor,
    prose: Prose,
    before: &View,
) -> Result<(), CampaignError> {
    let was = match prose {
        Prose::Notes => &before.notes,
        Prose::Story => &before.story,
    };
    let text = fixed(transaction, prose.key(), ObjType::Text).ok_or(CampaignError::EditFailed)?;
    let is = rich::read(transaction, &text).ok_or(CampaignError::EditFailed)?;
    if is.text != was.text {
        return Err(CampaignError::EditFailed);
    }
    let changed =
        |mark: &Mark, on| Edit::Mark { prose, start: mark.start, end: mark.end, style: mark.style.clone(), on };
    let off = is.marks.iter().filter(|mark| !was.marks.contains(mark)).map(|mark| changed(mark, false));
    let on = was.marks.iter().filter(|mark| !is.marks.contains(mark)).map(|mark| changed(mark, true));
    off.chain(on).try_for_each(|edit| edit.carry_out(actor, before, transaction))
}
