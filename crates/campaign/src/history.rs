//! The graph of the changes that a document holds, as far as admission asks for it: what a change builds on, and what an
//! operation there did.
//!
//! Every change held follows the one before it under its actor, so that a count per actor describes all that a change
//! builds on. What operations did is read from the document when it is first asked for.

use std::collections::{HashMap, HashSet};

use automerge::legacy::{Op, OpId};
use automerge::{ActorId, Automerge, Change, ChangeHash, ReadDoc};

use crate::admission::ChangeFault;
use crate::form::{FIXED, Field, List, OWN_FIELDS, Part, Prose};
use crate::operations::{Form, form};
use crate::reach::Month;
use crate::touched::Touched;

/// No operation may be numbered higher: far below where the library's 32 bits end.
const LAST_OPERATION: u64 = 1 << 30;
/// Changes that are read from the document one by one, before all of them are at once.
const READ_SINGLY: usize = 64;
/// How many counts remembered clocks may hold together.
const REMEMBERED_COUNTS: usize = 1 << 20;

/// An operation's id: the actor by its place in the history, and the operation's number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Id {
    actor: u32,
    number: u64,
}

/// What an operation did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    Schema,
    List(List),
    Prose(Prose),
    Reach,
    /// It set a string, of the document or of an entry.
    Field {
        object: Option<Id>,
        field: Field,
        text: bool,
    },
    /// It inserted an entry into a list.
    Entry(List),
    /// It inserted a character into this text.
    Character(Id),
    /// It inserted the place where a mark of this text begins, or ends.
    Mark {
        text: Id,
        begins: bool,
    },
    /// It began a counter of its author's hub.
    Counter(Month),
    /// It added to a counter.
    Increment,
    Deletion,
}

impl Role {
    fn of(part: Part) -> Role {
        match part {
            Part::Schema(_) => Role::Schema,
            Part::Field(field) => Role::Field { object: None, field, text: false },
            Part::List(list) => Role::List(list),
            Part::Prose(prose) => Role::Prose(prose),
            Part::Reach => Role::Reach,
        }
    }
}

/// Operations in a row that did the same.
#[derive(Debug, Clone, Copy)]
struct Run {
    first: u64,
    role: Role,
}

struct Node {
    hash: ChangeHash,
    actor: u32,
    /// The number of this change under its actor, from 1.
    sequence: u32,
    first: u64,
    last: u64,
    builds_on: Vec<u32>,
    roles: Option<Vec<Run>>,
}

impl Touched {
    /// The part to which a text belongs, or whose entries a list has; `strings` are the texts that the change itself made.
    fn add_text(&mut self, text: Id, role: Role, strings: &HashMap<Id, Part>) {
        let part = match role {
            Role::Prose(prose) => Some(Part::Prose(prose)),
            Role::List(list) => Some(Part::List(list)),
            Role::Field { object: None, field, .. } => Some(Part::Field(field)),
            // An earlier change made it, and nobody remembers of which list its entry is.
            Role::Field { .. } => strings.get(&text).copied(),
            Role::Schema
            | Role::Reach
            | Role::Entry(_)
            | Role::Character(_)
            | Role::Mark { .. }
            | Role::Counter(_)
            | Role::Increment
            | Role::Deletion => None,
        };
        match part {
            Some(part) => self.add(part),
            None => *self = Touched::All,
        }
    }
}

/// How many changes of each actor are built on, by the actor's place in the history.
type Clock = Vec<u32>;

/// See the module.
pub(crate) struct History {
    actors: HashMap<ActorId, u32>,
    by_actor: Vec<Vec<u32>>,
    nodes: Vec<Node>,
    by_hash: HashMap<ChangeHash, u32>,
    clocks: HashMap<u32, Clock>,
    read_singly: usize,
}

impl History {
    /// Reads the graph of a document that holds the fixed changes; `None` where it is not one of a campaign.
    pub(crate) fn of(document: &Automerge) -> Option<Self> {
        let mut history = History {
            actors: HashMap::new(),
            by_actor: Vec::new(),
            nodes: Vec::new(),
            by_hash: HashMap::new(),
            clocks: HashMap::new(),
            read_singly: 0,
        };
        for change in document.get_changes_meta(&[]) {
            let builds_on: Vec<u32> =
                change.deps.iter().map(|hash| history.by_hash.get(hash).copied()).collect::<Option<_>>()?;
            let actor = history.actor(change.actor.as_ref());
            let sequence = u32::try_from(change.seq).ok()?;
            if history.by_actor[actor as usize].len() + 1 != sequence as usize {
                return None;
            }
            history.push(Node {
                hash: change.hash,
                actor,
                sequence,
                first: change.start_op,
                last: change.max_op,
                builds_on,
                roles: None,
            });
        }
        for fixed in FIXED.iter() {
            let at = *history.by_hash.get(&fixed.hash())? as usize;
            let node = history.nodes.get_mut(at)?;
            let parts = (node.first..).zip(fixed.parts);
            node.roles = Some(parts.map(|(first, part)| Run { first, role: Role::of(*part) }).collect());
        }
        // Everything builds on the first of them.
        let is_first = |fixed: &crate::form::Fixed| history.place(&fixed.hash()) == Some(0);
        FIXED.first().is_some_and(is_first).then_some(history)
    }

    /// The change's place in the order in which changes came, from 0, where it is here.
    pub(crate) fn place(&self, hash: &ChangeHash) -> Option<usize> {
        self.by_hash.get(hash).map(|index| *index as usize)
    }

    /// Whether another change has this one's number under its actor.
    pub(crate) fn has_rival(&self, change: &Change) -> bool {
        let held = self.actors.get(change.actor_id()).map_or(0, |actor| self.by_actor[*actor as usize].len());
        held as u64 >= change.seq() && self.place(&change.hash()).is_none()
    }

    /// How many changes are here, to go back to by [`History::truncate`].
    pub(crate) fn len(&self) -> usize {
        self.nodes.len()
    }

    /// The changes past the first `length`.
    pub(crate) fn hashes_from(&self, length: usize) -> impl Iterator<Item = ChangeHash> {
        self.nodes.iter().skip(length).map(|node| node.hash)
    }

    /// Forgets all changes past the first `length`.
    pub(crate) fn truncate(&mut self, length: usize) {
        while self.nodes.len() > length {
            let Some(node) = self.nodes.pop() else { return };
            self.by_hash.remove(&node.hash);
            self.by_actor[node.actor as usize].pop();
        }
        self.clocks.retain(|index, _| (*index as usize) < length);
    }

    /// Adds a change that follows from what is here and does only what a campaign allows, and says which parts of the document
    /// it touches. All that it builds on must be here.
    pub(crate) fn add(
        &mut self,
        document: &Automerge,
        change: &Change,
        operations: &[Op],
    ) -> Result<Touched, ChangeFault> {
        let builds_on: Vec<u32> = change
            .deps()
            .iter()
            .map(|hash| self.by_hash.get(hash).copied())
            .collect::<Option<_>>()
            .ok_or(ChangeFault::Reference)?;
        let clock = self.clock(&builds_on);
        // The author of the fixed changes was the first here.
        if clock.first().is_none_or(|fixed| *fixed == 0) {
            return Err(ChangeFault::Reference);
        }
        let last_before = (0..).zip(&clock).filter_map(|(actor, count)| self.last_operation(actor, *count)).max();
        let (first, length) = (change.start_op().get(), operations.len() as u64);
        if last_before.map(|last| last + 1) != Some(first) {
            return Err(ChangeFault::Numbering);
        }
        let last = first + length - 1;
        if last > LAST_OPERATION {
            return Err(ChangeFault::TooManyOperations);
        }
        let actor = self.actor(change.actor_id());
        let before = clock.get(actor as usize).copied().unwrap_or(0);
        if change.seq() != u64::from(before) + 1 || self.has_rival(change) {
            return Err(ChangeFault::Numbering);
        }
        let (roles, touched) =
            self.check(document, &clock, Id { actor, number: first }, change.actor_id().to_bytes(), operations)?;
        self.push(Node {
            hash: change.hash(),
            actor,
            sequence: before + 1,
            first,
            last,
            builds_on,
            roles: Some(roles),
        });
        let mut clock = clock;
        clock.resize(self.by_actor.len(), 0);
        clock[actor as usize] = before + 1;
        if (self.clocks.len() + 1) * clock.len() > REMEMBERED_COUNTS {
            self.clocks.clear();
        }
        self.clocks.insert(self.nodes.len() as u32 - 1, clock);
        Ok(touched)
    }

    fn push(&mut self, node: Node) {
        let index = self.nodes.len() as u32;
        self.by_hash.insert(node.hash, index);
        self.by_actor[node.actor as usize].push(index);
        self.nodes.push(node);
    }

    fn actor(&mut self, actor: &ActorId) -> u32 {
        if let Some(known) = self.actors.get(actor) {
            return *known;
        }
        let next = self.by_actor.len() as u32;
        self.actors.insert(actor.clone(), next);
        self.by_actor.push(Vec::new());
        next
    }

    fn last_operation(&self, actor: usize, count: u32) -> Option<u64> {
        let index = self.by_actor[actor].get((count as usize).checked_sub(1)?)?;
        Some(self.nodes[*index as usize].last)
    }

    /// All that these changes build on, themselves included.
    fn clock(&self, heads: &[u32]) -> Clock {
        let mut clock = vec![0; self.by_actor.len()];
        let mut open = heads.to_vec();
        let mut seen = vec![false; self.nodes.len()];
        while let Some(index) = open.pop() {
            if std::mem::replace(&mut seen[index as usize], true) {
                continue;
            }
            let node = &self.nodes[index as usize];
            if let Some(known) = self.clocks.get(&index) {
                clock.iter_mut().zip(known).for_each(|(count, known)| *count = (*count).max(*known));
            } else {
                let count = &mut clock[node.actor as usize];
                *count = (*count).max(node.sequence);
                open.extend(&node.builds_on);
            }
        }
        clock
    }

    /// Checks every operation against what it refers to, and says what each one does and which parts of the document they
    /// touch. `first` is the first one's id.
    fn check(
        &mut self,
        document: &Automerge,
        clock: &Clock,
        first: Id,
        author: &[u8],
        operations: &[Op],
    ) -> Result<(Vec<Run>, Touched), ChangeFault> {
        let mut runs: Vec<Run> = Vec::new();
        let mut deleted = HashSet::new();
        let mut touched = Touched::nothing();
        // The parts that texts belong to which this change made in the place of strings.
        let mut strings: HashMap<Id, Part> = HashMap::new();
        for (number, operation) in (first.number..).zip(operations) {
            let mut find = |id: &OpId| -> Result<(Id, Role), ChangeFault> {
                let actor = *self.actors.get(&id.1).ok_or(ChangeFault::Reference)?;
                let id = Id { actor, number: id.0 };
                let role = if actor == first.actor && id.number >= first.number {
                    if id.number < number { role_in(&runs, id.number) } else { None }
                } else {
                    self.role(document, clock, id)
                };
                role.map(|role| (id, role)).ok_or(ChangeFault::Reference)
            };
            let form = form(operation)?;
            // A mark is whole, or the library loses its way: its end comes right behind its beginning.
            let open = number.checked_sub(1).filter(|before| *before >= first.number);
            let open = open.and_then(|before| role_in(&runs, before)).and_then(Role::open_mark);
            let role = match form {
                Form::Mark { text, after, begins } => {
                    let (text, role) = find(text)?;
                    let after = after.map(&mut find).transpose()?;
                    let ends = open == Some(text);
                    if !matches!(role, Role::Prose(_))
                        || after.is_some_and(|(_, role)| !role.is_in(text))
                        || begins == ends
                    {
                        return Err(ChangeFault::Reference);
                    }
                    touched.add_text(text, role, &strings);
                    Role::Mark { text, begins }
                }
                Form::Field { .. }
                | Form::Entry { .. }
                | Form::Character { .. }
                | Form::Deletion { .. }
                | Form::Count { .. }
                    if open.is_some() =>
                {
                    return Err(ChangeFault::Reference);
                }
                Form::Field { object, field, text } => {
                    if let Some(entry) = object {
                        touched.add_entry(entry);
                    }
                    let object = object.map(&mut find).transpose()?;
                    let (fields, part) = match object {
                        None => (&OWN_FIELDS[..], Part::Field(field)),
                        Some((_, Role::Entry(list))) => (list.fields(), Part::List(list)),
                        Some(_) => return Err(ChangeFault::Reference),
                    };
                    if !fields.contains(&field) {
                        return Err(ChangeFault::Operation);
                    }
                    let object = object.map(|(id, _)| id);
                    let mut earlier = None;
                    for overwritten in operation.pred.iter() {
                        if earlier == Some(overwritten) || !find(overwritten)?.1.sets(object, field) {
                            return Err(ChangeFault::Reference);
                        }
                        earlier = Some(overwritten);
                    }
                    touched.add(part);
                    if text {
                        strings.insert(Id { actor: first.actor, number }, part);
                    }
                    Role::Field { object, field, text }
                }
                Form::Entry { list, after } => {
                    let Role::List(list) = find(list)?.1 else { return Err(ChangeFault::Reference) };
                    let after = after.map(find).transpose()?;
                    if after.is_some_and(|(_, role)| role != Role::Entry(list)) {
                        return Err(ChangeFault::Reference);
                    }
                    touched.add(Part::List(list));
                    Role::Entry(list)
                }
                Form::Character { text, after, character } => {
                    let (text, role) = find(text)?;
                    let after = after.map(find).transpose()?;
                    if !role.is_text() || after.is_some_and(|(_, role)| !role.is_in(text)) {
                        return Err(ChangeFault::Reference);
                    }
                    if character.is_control() && !matches!(role, Role::Prose(_)) {
                        return Err(ChangeFault::Text);
                    }
                    touched.add_text(text, role, &strings);
                    Role::Character(text)
                }
                Form::Deletion { object, element } => {
                    let (object, role) = find(object)?;
                    let (element, inserted) = find(element)?;
                    let belongs = match inserted {
                        Role::Entry(list) => role == Role::List(list),
                        Role::Character(text) => role.is_text() && text == object,
                        Role::Schema
                        | Role::List(_)
                        | Role::Prose(_)
                        | Role::Reach
                        | Role::Field { .. }
                        | Role::Mark { .. }
                        | Role::Counter(_)
                        | Role::Increment
                        | Role::Deletion => false,
                    };
                    if !belongs || !deleted.insert(element) {
                        return Err(ChangeFault::Reference);
                    }
                    touched.add_text(object, role, &strings);
                    Role::Deletion
                }
                Form::Count { map, month, hub, begins } => {
                    if find(map)?.1 != Role::Reach {
                        return Err(ChangeFault::Reference);
                    }
                    // A hub counts for itself alone.
                    if !author.starts_with(&hub) {
                        return Err(ChangeFault::ForeignCount);
                    }
                    // Two counters that one hub began apart may become one, and never grow together.
                    let mut earlier = None;
                    for counter in operation.pred.iter() {
                        let is_own = counter.1.to_bytes().starts_with(&hub) && find(counter)?.1 == Role::Counter(month);
                        if earlier == Some(counter) || !is_own {
                            return Err(ChangeFault::Reference);
                        }
                        earlier = Some(counter);
                    }
                    if !begins && operation.pred.len() != 1 {
                        return Err(ChangeFault::Reference);
                    }
                    touched.add(Part::Reach);
                    if begins { Role::Counter(month) } else { Role::Increment }
                }
            };
            append(&mut runs, number, role);
        }
        let ends_open = runs.last().is_some_and(|last| last.role.open_mark().is_some());
        if ends_open { Err(ChangeFault::Reference) } else { Ok((runs, touched)) }
    }

    /// What an operation did that is part of what `clock` covers.
    fn role(&mut self, document: &Automerge, clock: &Clock, id: Id) -> Option<Role> {
        let covered = *clock.get(id.actor as usize)? as usize;
        let changes = self.by_actor[id.actor as usize].get(..covered)?;
        let after = changes.partition_point(|index| self.nodes[*index as usize].first <= id.number);
        let index = changes[after.checked_sub(1)?] as usize;
        if self.nodes[index].last < id.number {
            return None;
        }
        if self.nodes[index].roles.is_none() {
            self.read(document, index)?;
        }
        role_in(self.nodes[index].roles.as_ref()?, id.number)
    }

    fn read(&mut self, document: &Automerge, index: usize) -> Option<()> {
        if self.read_singly < READ_SINGLY {
            self.read_singly += 1;
            let change = document.get_change_by_hash(&self.nodes[index].hash)?;
            self.nodes[index].roles = Some(self.held_roles(&change));
            return Some(());
        }
        for change in document.get_changes(&[]) {
            // One that is not admitted yet is not known here.
            let Some(index) = self.by_hash.get(&change.hash()) else { continue };
            let index = *index as usize;
            if self.nodes[index].roles.is_none() {
                self.nodes[index].roles = Some(self.held_roles(&change));
            }
        }
        Some(())
    }

    /// What an operation of a fixed change made.
    fn fixed_role(&self, id: Id) -> Option<Role> {
        let mut nodes = FIXED.iter().filter_map(|fixed| self.nodes.get(self.place(&fixed.hash())?));
        let node = nodes.find(|node| node.actor == id.actor && (node.first..=node.last).contains(&id.number))?;
        role_in(node.roles.as_ref()?, id.number)
    }

    /// What the operations of a change did that was checked when it was admitted.
    fn held_roles(&self, change: &Change) -> Vec<Run> {
        let id = |id: &OpId| self.actors.get(&id.1).map(|actor| Id { actor: *actor, number: id.0 });
        let mut runs = Vec::new();
        for (number, operation) in (change.start_op().get()..).zip(&change.decode().operations) {
            let text_of = |text: &OpId, role: fn(Id) -> Role| id(text).map_or(Role::Deletion, role);
            let role = match form(operation) {
                Ok(Form::Field { object, field, text }) => Role::Field { object: object.and_then(id), field, text },
                Ok(Form::Entry { list, .. }) => {
                    let list = id(list).and_then(|list| self.fixed_role(list));
                    list.map_or(Role::Deletion, |role| {
                        if let Role::List(list) = role { Role::Entry(list) } else { Role::Deletion }
                    })
                }
                Ok(Form::Character { text, .. }) => text_of(text, Role::Character),
                Ok(Form::Mark { text, begins: true, .. }) => text_of(text, |text| Role::Mark { text, begins: true }),
                Ok(Form::Mark { text, .. }) => text_of(text, |text| Role::Mark { text, begins: false }),
                Ok(Form::Count { month, begins: true, .. }) => Role::Counter(month),
                Ok(Form::Count { .. }) => Role::Increment,
                Ok(Form::Deletion { .. }) | Err(_) => Role::Deletion,
            };
            append(&mut runs, number, role);
        }
        runs
    }
}

impl Role {
    fn is_text(self) -> bool {
        match self {
            Role::Prose(_) => true,
            Role::Field { text, .. } => text,
            Role::Schema
            | Role::List(_)
            | Role::Reach
            | Role::Entry(_)
            | Role::Character(_)
            | Role::Mark { .. }
            | Role::Counter(_)
            | Role::Increment
            | Role::Deletion => false,
        }
    }

    /// Whether it inserted something into this text.
    fn is_in(self, text: Id) -> bool {
        match self {
            Role::Character(of) | Role::Mark { text: of, .. } => of == text,
            Role::Schema
            | Role::List(_)
            | Role::Prose(_)
            | Role::Reach
            | Role::Field { .. }
            | Role::Entry(_)
            | Role::Counter(_)
            | Role::Increment
            | Role::Deletion => false,
        }
    }

    /// The text in which it began a mark.
    fn open_mark(self) -> Option<Id> {
        if let Role::Mark { text, begins: true } = self { Some(text) } else { None }
    }

    /// Whether it set this very string.
    fn sets(self, of: Option<Id>, string: Field) -> bool {
        matches!(self, Role::Field { object, field, .. } if object == of && field == string)
    }
}

fn append(runs: &mut Vec<Run>, number: u64, role: Role) {
    if runs.last().is_none_or(|last| last.role != role) {
        runs.push(Run { first: number, role });
    }
}

fn role_in(runs: &[Run], number: u64) -> Option<Role> {
    let after = runs.partition_point(|run| run.first <= number);
    Some(runs[after.checked_sub(1)?].role)
}
