//! Which entries become part of the document.
//!
//! The outcome depends on the submissions alone, never on the order in which they come or on how they are spread over
//! calls: a change is judged by itself and by what it builds on. Two things need more than that, and have a rule each. Of
//! two changes with one number under one actor, the one that their author wrote first counts, so that the second waits
//! until the first is decided. A late entry counts exactly where one that is not late builds on it.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use automerge::{ActorId, Automerge, Change, ChangeHash, LoadOptions, TextEncoding};

use crate::chunk::check_size;
use crate::document::{Campaign, guarded};
use crate::form::FIXED;
use crate::history::History;
use crate::operations::{Form, form};
use crate::replay::replayed;
use crate::touched::Touched;
use crate::view::{View, read, read_again};

/// The most operations that the changes of one entry may hold together.
pub const MAX_ENTRY_OPERATIONS: usize = 100_000;
/// The most objects that the changes of one entry may make together: entries of the list, and texts. Objects cost far more
/// than their bytes tell.
pub const MAX_ENTRY_OBJECTS: usize = 3_000;
/// Operations that are applied at once, beyond which the rest follows in another step: bounds the memory of one step.
const OPERATIONS_AT_ONCE: usize = 200_000;
/// The last second of the year 9999. Times far outside overflow where the library subtracts them.
const LAST_TIME: i64 = 253_402_300_799;

/// What one entry brings: the changes of one author, which are admitted together or not at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Submission {
    /// The node id of the entry's author.
    pub author: [u8; 32],
    /// Changes in automerge's binary format, each after those that it builds on.
    pub changes: Vec<Vec<u8>>,
    /// Whether the entry lies behind the end that a revocation gave its log. Such an entry counts only where an entry that
    /// is not late builds on it.
    pub late: bool,
}

/// What became of a submission.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// All of its changes are part of the document.
    Admitted,
    /// It builds on changes that are not here, or is late and nothing builds on it, or on a part of it only: offer it again
    /// with what comes next.
    Waiting,
    /// It never will be part of the document.
    Refused(Refused),
}

/// Why a submission was refused, and which of its changes is at fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("change {} of the entry was refused: {fault}", .change + 1)]
pub struct Refused {
    /// The change's place in the submission, from 0.
    pub change: usize,
    /// What is wrong with it.
    pub fault: ChangeFault,
}

/// Why bytes are not an admissible change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ChangeFault {
    /// More bytes than [`crate::MAX_CHANGE_BYTES`].
    #[error("it is larger than {} bytes; split it", crate::MAX_CHANGE_BYTES)]
    TooLarge,
    /// More operations than [`crate::MAX_OPERATIONS`].
    #[error("it holds more than {} operations; split it", crate::MAX_OPERATIONS)]
    TooManyOperations,
    /// The changes up to this one hold more than [`MAX_ENTRY_OPERATIONS`] operations, or make more than
    /// [`MAX_ENTRY_OBJECTS`] objects.
    #[error(
        "with those before it in the entry it holds more than {MAX_ENTRY_OPERATIONS} operations or makes more than \
         {MAX_ENTRY_OBJECTS} objects; spread them over several entries"
    )]
    EntryTooLarge,
    /// Not one whole change in automerge's format, written as automerge itself writes it.
    #[error("its bytes are not one change as automerge writes it")]
    Malformed,
    /// The change carries another actor than its author's, or one that is not 40 bytes long.
    #[error("its actor is not the author's node id followed by eight bytes; edit under an actor from the export")]
    ForeignActor,
    /// The change has a commit message, where free text would hide.
    #[error("it has a commit message; commit without one")]
    Message,
    /// The change has bytes after its operations, where free text would hide.
    #[error("it has bytes after its operations; commit without an author or other extra bytes")]
    ExtraBytes,
    /// The time is before 1970 or after 9999.
    #[error("its time is not in seconds between the years 1970 and 9999")]
    Time,
    /// The change does what no campaign document knows.
    #[error(
        "it does something else than set a text that campaigns have, write into the notes or the story or mark them, add, \
         change or remove an entry of a list, or count reach"
    )]
    Operation,
    /// The change counts reach under another hub than its author's.
    #[error("it counts reach under another hub; a hub counts under its own node id alone")]
    ForeignCount,
    /// A text is too long or holds control characters.
    #[error("a text in it is too long or holds control characters; shorten it or take them out")]
    Text,
    /// The change refers to something that is not part of what it builds on.
    #[error("it refers to something that is not in the changes it builds on; edit an exported document")]
    Reference,
    /// Sequence number, operation numbers or dependencies do not follow from what the change builds on, or another change
    /// has the number already.
    #[error("its numbers do not follow on from the changes it builds on, or are taken; edit under a new actor")]
    Numbering,
    /// The CRDT library broke on it.
    #[error("the document library breaks on it")]
    Breaking,
}

/// One change that passed all that can be judged without the document.
struct Candidate {
    /// Its place in the submission, from 0.
    place: usize,
    hash: ChangeHash,
    change: Change,
    /// Whether it marks a text.
    marks: bool,
    /// Which parts of the document it touches, as far as that is known.
    touched: Touched,
}

/// What a change is by itself.
struct Examined {
    change: Change,
    /// How many objects it makes.
    objects: usize,
    /// Whether it marks a text.
    marks: bool,
}

/// Judges one change by itself.
fn examine(author: &[u8; 32], bytes: &[u8]) -> Result<Examined, ChangeFault> {
    check_size(bytes)?;
    let change = guarded(|| Change::from_bytes(bytes.to_vec()))
        .ok_or(ChangeFault::Breaking)?
        .map_err(|_| ChangeFault::Malformed)?;
    let actor = change.actor_id().to_bytes();
    if actor.len() != 40 || !actor.starts_with(author) {
        return Err(ChangeFault::ForeignActor);
    }
    if change.message().is_some() {
        return Err(ChangeFault::Message);
    }
    if !change.extra_bytes().is_empty() {
        return Err(ChangeFault::ExtraBytes);
    }
    if !(0..=LAST_TIME).contains(&change.timestamp()) {
        return Err(ChangeFault::Time);
    }
    let distinct: HashSet<&ChangeHash> = change.deps().iter().collect();
    if distinct.is_empty() || distinct.len() != change.deps().len() {
        return Err(ChangeFault::Numbering);
    }
    let expanded = guarded(|| change.decode()).ok_or(ChangeFault::Breaking)?;
    if expanded.operations.is_empty() {
        return Err(ChangeFault::Operation);
    }
    let (mut objects, mut marks) = (0, false);
    for operation in &expanded.operations {
        let form = form(operation)?;
        objects += usize::from(form.makes_object());
        marks |= matches!(form, Form::Mark { .. });
    }
    // The library keeps columns of its own and writes the change anew when it saves the document. Were the bytes any
    // others than its own, the hash would be another one then. This also checks the checksum.
    let written = guarded(|| Change::from(expanded)).ok_or(ChangeFault::Breaking)?;
    if written.raw_bytes() != change.raw_bytes() {
        return Err(ChangeFault::Malformed);
    }
    Ok(Examined { change, objects, marks })
}

fn examine_all(submission: &Submission) -> Result<Vec<Candidate>, Refused> {
    let mut candidates: Vec<Candidate> = Vec::with_capacity(submission.changes.len());
    let mut seen = HashSet::new();
    let (mut operations, mut objects) = (0, 0);
    for (place, bytes) in submission.changes.iter().enumerate() {
        let refused = |fault| Refused { change: place, fault };
        let Examined { change, objects: made, marks } = examine(&submission.author, bytes).map_err(refused)?;
        operations += change.len();
        objects += made;
        if operations > MAX_ENTRY_OPERATIONS || objects > MAX_ENTRY_OBJECTS {
            return Err(refused(ChangeFault::EntryTooLarge));
        }
        let hash = change.hash();
        if seen.insert(hash) {
            candidates.push(Candidate { place, hash, change, marks, touched: Touched::All });
        }
    }
    let mut later = seen;
    for candidate in &candidates {
        if candidate.change.deps().iter().any(|hash| later.contains(hash)) {
            return Err(Refused { change: candidate.place, fault: ChangeFault::Numbering });
        }
        later.remove(&candidate.hash);
    }
    Ok(candidates)
}

/// One submission on its way.
struct Case {
    late: bool,
    candidates: Vec<Candidate>,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Undecided,
    /// All of its changes are held already.
    Held,
    /// Its changes follow from what is held and from other staged ones.
    Staged,
    Refused(Refused),
}

impl Campaign {
    /// Admits what can be admitted of all submissions at once, and says of each what became of it, in the same order.
    ///
    /// The outcome is the same in whatever order submissions come and however they are spread over calls, as long as those
    /// that wait are offered again. One thing is left to order: of two changes that one author made under the same actor
    /// and number, the one counts that is offered first. An author's entries are therefore offered in the order of the log.
    /// Where an author has several logs, a refusal for [`ChangeFault::Numbering`] is the sign to begin again from
    /// [`Campaign::blank`] and offer all entries in an order that every node gives them. What is held already is passed over
    /// as admitted. A bad submission takes no other one down.
    pub fn admit_all(&mut self, submissions: &[Submission]) -> Vec<Verdict> {
        let mut cases: Vec<Case> = submissions
            .iter()
            .map(|submission| {
                let (candidates, state) = match examine_all(submission) {
                    Ok(candidates) => (candidates, State::Undecided),
                    Err(refused) => (Vec::new(), State::Refused(refused)),
                };
                Case { late: submission.late, candidates, state }
            })
            .collect();
        loop {
            let Some(mut history) = self.take_history() else { return verdicts(&cases, |_| false) };
            let held = history.len();
            let order = Staging::new(&mut history, &self.document, self.is_replacement, &mut cases).run();
            let counting = counting(&cases);
            let is_held = |candidate: &Candidate| history.place(&candidate.hash).is_some_and(|place| place < held);
            let fresh = |order: &[usize]| fresh(&cases, order, |it| counting.contains(&it.hash) && !is_held(it));
            let candidates = fresh(&order);
            if !candidates.is_empty() && !self.take_over(&candidates) && !self.take_in(&candidates) {
                // The checks before should leave nothing on which the library breaks. Where it does, the first submission goes
                // with which it does, and everything is staged again without it.
                let breaks = |length: usize| self.with(&fresh(&order[..length])).is_none();
                let culprit = order[first_that(order.len(), breaks)];
                let change = cases[culprit].candidates.first().map_or(0, |candidate| candidate.place);
                cases[culprit].state = State::Refused(Refused { change, fault: ChangeFault::Breaking });
                cases[culprit].candidates.clear();
                history.truncate(held);
                self.history = Some(history);
                continue;
            }
            let verdicts = verdicts(&cases, |it| counting.contains(&it.hash) || is_held(it));
            let is_fresh = |hash: &&ChangeHash| history.place(hash).is_some_and(|place| place >= held);
            let whole = counting.iter().filter(is_fresh).count() == history.len() - held;
            // Late changes that nothing builds on were staged and not applied: read the graph anew.
            self.history = whole.then_some(history);
            return verdicts;
        }
    }

    /// Takes over what the document has already, where that is just these changes.
    fn take_over(&mut self, candidates: &[&Candidate]) -> bool {
        let Some(ahead) = &mut self.ahead else { return false };
        let is_same = candidates.len() == ahead.changes.len()
            && candidates.iter().all(|candidate| ahead.changes.contains(&candidate.hash));
        if !is_same {
            return false;
        }
        let tried = ahead.tried.take();
        let heads = &ahead.heads.clone();
        let found = tried.or_else(|| guarded(|| self.whole_with(&self.document, heads, candidates)).flatten());
        let Some((news, view)) = found else { return false };
        debug_assert!(read(&self.document).as_ref() == Some(&*view), "as it was tried");
        self.advance(&news, view);
        true
    }

    /// Takes these changes into the document; false where the library breaks on them.
    fn take_in(&mut self, candidates: &[&Candidate]) -> bool {
        self.retreat();
        let Some((document, news, view)) = self.with(candidates) else { return false };
        self.document = document;
        self.advance(&news, view);
        true
    }

    /// The document with these changes, each of which builds on it or on one before, what was written of them, and what it says
    /// then; `None` where the library breaks or writes a change otherwise than it came.
    fn with(&self, candidates: &[&Candidate]) -> Option<(Automerge, Vec<u8>, Arc<View>)> {
        if let [candidate] = candidates
            && let Some(found) = guarded(|| self.replayed_with(candidate)).flatten()
        {
            return Some(found);
        }
        guarded(|| {
            let mut fork = self.document.fork();
            let mut step = Vec::new();
            let mut operations = 0;
            for candidate in candidates {
                operations += candidate.change.len();
                step.push(candidate.change.clone());
                if operations >= OPERATIONS_AT_ONCE {
                    fork.apply_changes(std::mem::take(&mut step)).ok()?;
                    operations = 0;
                }
            }
            fork.apply_changes(step).ok()?;
            let (news, view) = self.whole_with(&fork, &self.document.get_heads(), candidates)?;
            Some((fork, news, view))
        })
        .flatten()
    }

    fn replayed_with(&self, candidate: &Candidate) -> Option<(Automerge, Vec<u8>, Arc<View>)> {
        let document = replayed(&self.document, &candidate.change)?;
        let (news, view) = self.whole_with(&document, &self.document.get_heads(), &[candidate])?;
        Some((document, news, view))
    }

    /// What the library wrote of these changes into a document with these heads, and what it says since; `None` where they are
    /// not just these.
    fn whole_with(
        &self,
        document: &Automerge,
        heads: &[ChangeHash],
        candidates: &[&Candidate],
    ) -> Option<(Vec<u8>, Arc<View>)> {
        let changes = document.get_changes(heads);
        let written: HashSet<ChangeHash> = changes.iter().map(Change::hash).collect();
        if written != candidates.iter().map(|candidate| candidate.hash).collect() {
            return None;
        }
        let touched = candidates.iter().fold(Touched::nothing(), |all, candidate| all.and(&candidate.touched));
        let view = read_again(document, &*self.view().ok()?, &touched)?;
        debug_assert!(read(document).as_ref() == Some(&view), "read again: {touched:?}");
        let marks = candidates.iter().any(|candidate| candidate.marks);
        let news = changes.iter().flat_map(|change| change.raw_bytes()).copied().collect();
        (!marks || reloads(document, &view)).then(|| (news, Arc::new(view)))
    }
}

/// Those changes of these cases that are to go in, each once, in their order.
fn fresh<'a>(cases: &'a [Case], order: &[usize], goes_in: impl Fn(&Candidate) -> bool) -> Vec<&'a Candidate> {
    let mut once = HashSet::new();
    let candidates = order.iter().flat_map(|index| &cases[*index].candidates);
    candidates.filter(|candidate| goes_in(candidate) && once.insert(candidate.hash)).collect()
}

/// Brings submissions into an order in which each follows from what was before it.
struct Staging<'a> {
    history: &'a mut History,
    document: &'a Automerge,
    cases: &'a mut [Case],
    ready: BTreeSet<usize>,
    /// Cases by a change that they build on and that is not here.
    lacking: HashMap<ChangeHash, Vec<usize>>,
    /// Cases in the order of offering, by the actor and number that they claim.
    claims: HashMap<(ActorId, u64), Vec<usize>>,
    /// Cases by an earlier one that claims the same.
    behind: HashMap<usize, Vec<usize>>,
    order: Vec<usize>,
}

impl<'a> Staging<'a> {
    fn new(history: &'a mut History, document: &'a Automerge, is_replacement: bool, cases: &'a mut [Case]) -> Self {
        let mut ready = BTreeSet::new();
        let mut claims: HashMap<(ActorId, u64), Vec<usize>> = HashMap::new();
        for (index, case) in cases.iter_mut().enumerate() {
            // What was refused by itself has none; what was refused for another one may follow without that one.
            if case.candidates.is_empty() && matches!(case.state, State::Refused(_)) {
                continue;
            }
            if case.candidates.iter().all(|candidate| history.place(&candidate.hash).is_some()) {
                case.state = State::Held;
                continue;
            }
            case.state = State::Undecided;
            // Nobody who has this document builds on less than it said from its start.
            if is_replacement && case.candidates.iter().any(|candidate| builds_on_nothing(&candidate.change)) {
                continue;
            }
            ready.insert(index);
            for candidate in &case.candidates {
                claims.entry(claim(&candidate.change)).or_default().push(index);
            }
        }
        let (lacking, behind) = (HashMap::new(), HashMap::new());
        Staging { history, document, cases, ready, lacking, claims, behind, order: Vec::new() }
    }

    /// The staged cases in that order.
    fn run(mut self) -> Vec<usize> {
        while let Some(index) = self.ready.pop_first() {
            if let Some(earlier) = self.earlier_claim(index) {
                self.behind.entry(earlier).or_default().push(index);
            } else if let Some(refused) = self.rival(index) {
                self.settle(index, State::Refused(refused));
            } else if let Some(hash) = self.lacks(index) {
                self.lacking.entry(hash).or_default().push(index);
            } else {
                self.decide(index);
            }
        }
        self.order
    }

    fn earlier_claim(&self, index: usize) -> Option<usize> {
        let candidates = &self.cases[index].candidates;
        candidates.iter().filter_map(|candidate| self.claims.get(&claim(&candidate.change))).find_map(|claims| {
            claims.iter().copied().find(|other| *other < index && self.cases[*other].state == State::Undecided)
        })
    }

    /// A number that another change has is told before anything that is yet to come.
    fn rival(&self, index: usize) -> Option<Refused> {
        let rival = self.cases[index].candidates.iter().find(|candidate| self.history.has_rival(&candidate.change))?;
        Some(Refused { change: rival.place, fault: ChangeFault::Numbering })
    }

    fn lacks(&self, index: usize) -> Option<ChangeHash> {
        let mut own = HashSet::new();
        for candidate in &self.cases[index].candidates {
            let here = |hash: &&ChangeHash| !own.contains(*hash) && self.history.place(hash).is_none();
            if let Some(hash) = candidate.change.deps().iter().find(here) {
                return Some(*hash);
            }
            own.insert(candidate.hash);
        }
        None
    }

    fn decide(&mut self, index: usize) {
        let before = self.history.len();
        let fault = self.cases[index].candidates.iter_mut().find_map(|candidate| {
            if self.history.place(&candidate.hash).is_some() {
                return None;
            }
            let operations = candidate.change.decode().operations;
            match self.history.add(self.document, &candidate.change, &operations) {
                Ok(touched) => candidate.touched = touched,
                Err(fault) => return Some(Refused { change: candidate.place, fault }),
            }
            None
        });
        if let Some(refused) = fault {
            self.history.truncate(before);
            self.settle(index, State::Refused(refused));
        } else {
            self.order.push(index);
            self.settle(index, State::Staged);
        }
    }

    /// Wakes those that wait for this one's decision or changes.
    fn settle(&mut self, index: usize, state: State) {
        self.cases[index].state = state;
        if state == State::Staged {
            for candidate in &self.cases[index].candidates {
                self.ready.extend(self.lacking.remove(&candidate.hash).unwrap_or_default());
            }
        }
        self.ready.extend(self.behind.remove(&index).unwrap_or_default());
    }
}

/// Whether no member's change is among those that a change builds on.
fn builds_on_nothing(change: &Change) -> bool {
    change.deps().iter().all(|hash| FIXED.iter().any(|fixed| fixed.hash() == *hash))
}

fn claim(change: &Change) -> (ActorId, u64) {
    (change.actor_id().clone(), change.seq())
}

/// The staged changes that count: those of entries that are not late, and all that they build on. Of a late entry that may
/// be a part, so that it never matters which of two entries brought a change that both hold.
fn counting(cases: &[Case]) -> HashSet<ChangeHash> {
    let staged = || cases.iter().filter(|case| case.state == State::Staged);
    let changes = || staged().flat_map(|case| &case.candidates);
    let staged_changes: HashMap<ChangeHash, &Change> =
        changes().map(|candidate| (candidate.hash, &candidate.change)).collect();
    let in_time = staged().filter(|case| !case.late).flat_map(|case| &case.candidates);
    let mut counting: HashSet<ChangeHash> = in_time.map(|candidate| candidate.hash).collect();
    let mut open: Vec<ChangeHash> = counting.iter().copied().collect();
    while let Some(change) = open.pop().and_then(|hash| staged_changes.get(&hash)) {
        let built_on = change.deps().iter().filter(|hash| staged_changes.contains_key(*hash));
        open.extend(built_on.copied().filter(|hash| counting.insert(*hash)));
    }
    counting
}

fn verdicts(cases: &[Case], is_in: impl Fn(&Candidate) -> bool) -> Vec<Verdict> {
    let verdict = |case: &Case| match case.state {
        State::Undecided => Verdict::Waiting,
        State::Held => Verdict::Admitted,
        State::Staged if case.candidates.iter().all(&is_in) => Verdict::Admitted,
        State::Staged => Verdict::Waiting,
        State::Refused(refused) => Verdict::Refused(refused),
    };
    cases.iter().map(verdict).collect()
}

/// The least index of `length` many with which, and all before it, something holds that holds with all of them.
fn first_that(length: usize, holds: impl Fn(usize) -> bool) -> usize {
    let (mut without, mut with) = (0, length);
    while with - without > 1 {
        let middle = without.midpoint(with);
        if holds(middle) { with = middle } else { without = middle }
    }
    without
}

/// Whether the library reads what it saves. It takes marks that end before they begin, and then loads them no more.
fn reloads(document: &Automerge, view: &View) -> bool {
    let options = LoadOptions::new().text_encoding(TextEncoding::Utf16CodeUnit);
    let loaded = Automerge::load_with_options(&document.save(), options);
    loaded.is_ok_and(|loaded| read(&loaded).as_ref() == Some(view))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_culprit_is_found() {
        for length in 1..20 {
            for culprit in 0..length {
                assert_eq!(first_that(length, |count| count > culprit), culprit, "{culprit} of {length}");
            }
        }
    }
}
