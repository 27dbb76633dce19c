//! The graph of the changes that a document holds, as far as admission asks for it: what a change builds on, and what an
//! operation there did.
//!
//! Every change held follows the one before it under its actor, so that a count per actor describes all that a change
//! builds on. What operations did is read from the document when it is first asked for.

use std::collections::{HashMap, HashSet};

use automerge::legacy::{Op, OpId};
use automerge::{ActorId, Automerge, Change, ChangeHash, ReadDoc};

use crate::admission::ChangeFault;
use crate::operations::{Field, Form, form};

/// Operations of the first change, in the order in which it makes them.
const FIRST_ROLES: [Role; 5] = [
    Role::Schema,
    Role::Field { object: None, field: Field::Title, text: false },
    Role::Field { object: None, field: Field::Aim, text: false },
    Role::List,
    Role::Notes,
];
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
    List,
    Notes,
    /// It set a string, of the document or of an entry.
    Field {
        object: Option<Id>,
        field: Field,
        text: bool,
    },
    /// It inserted an entry into the list.
    Entry,
    /// It inserted a character into this text.
    Character(Id),
    Deletion,
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
    /// Reads the graph of a document that holds the first change; `None` where it is not one of a campaign.
    pub(crate) fn of(document: &Automerge, first: ChangeHash) -> Option<Self> {
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
        let root = history.nodes.first_mut().filter(|node| node.hash == first)?;
        root.roles = Some((1..).zip(FIRST_ROLES).map(|(first, role)| Run { first, role }).collect());
        Some(history)
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

    /// Forgets all changes past the first `length`.
    pub(crate) fn truncate(&mut self, length: usize) {
        while self.nodes.len() > length {
            let Some(node) = self.nodes.pop() else { return };
            self.by_hash.remove(&node.hash);
            self.by_actor[node.actor as usize].pop();
        }
        self.clocks.retain(|index, _| (*index as usize) < length);
    }

    /// Adds a change that follows from what is here and does only what a campaign allows. All that it builds on must be here.
    pub(crate) fn add(&mut self, document: &Automerge, change: &Change, operations: &[Op]) -> Result<(), ChangeFault> {
        let builds_on: Vec<u32> = change
            .deps()
            .iter()
            .map(|hash| self.by_hash.get(hash).copied())
            .collect::<Option<_>>()
            .ok_or(ChangeFault::Reference)?;
        let clock = self.clock(&builds_on);
        if clock.first() != Some(&1) {
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
        let roles = self.check(document, &clock, Id { actor, number: first }, operations)?;
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
        Ok(())
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

    /// Checks every operation against what it refers to, and says what each one does. `first` is the first one's id.
    fn check(
        &mut self,
        document: &Automerge,
        clock: &Clock,
        first: Id,
        operations: &[Op],
    ) -> Result<Vec<Run>, ChangeFault> {
        let mut runs: Vec<Run> = Vec::new();
        let mut deleted = HashSet::new();
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
            let role = match form(operation)? {
                Form::Field { object, field, text } => {
                    let object = object.map(&mut find).transpose()?;
                    if object.is_some_and(|(_, role)| role != Role::Entry) {
                        return Err(ChangeFault::Reference);
                    }
                    let object = object.map(|(id, _)| id);
                    let mut earlier = None;
                    for overwritten in operation.pred.iter() {
                        if earlier == Some(overwritten) || !find(overwritten)?.1.sets(object, field) {
                            return Err(ChangeFault::Reference);
                        }
                        earlier = Some(overwritten);
                    }
                    Role::Field { object, field, text }
                }
                Form::Entry { list, after } => {
                    let list = find(list)?.1;
                    let after = after.map(find).transpose()?;
                    if list != Role::List || after.is_some_and(|(_, role)| role != Role::Entry) {
                        return Err(ChangeFault::Reference);
                    }
                    Role::Entry
                }
                Form::Character { text, after, character } => {
                    let (text, role) = find(text)?;
                    let after = after.map(find).transpose()?;
                    if !role.is_text() || after.is_some_and(|(_, role)| role != Role::Character(text)) {
                        return Err(ChangeFault::Reference);
                    }
                    if character.is_control() && role != Role::Notes {
                        return Err(ChangeFault::Text);
                    }
                    Role::Character(text)
                }
                Form::Deletion { object, element } => {
                    let (object, role) = find(object)?;
                    let (element, inserted) = find(element)?;
                    let belongs = match inserted {
                        Role::Entry => role == Role::List,
                        Role::Character(text) => role.is_text() && text == object,
                        Role::Schema | Role::List | Role::Notes | Role::Field { .. } | Role::Deletion => false,
                    };
                    if !belongs || !deleted.insert(element) {
                        return Err(ChangeFault::Reference);
                    }
                    Role::Deletion
                }
            };
            append(&mut runs, number, role);
        }
        Ok(runs)
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
            let index = *self.by_hash.get(&change.hash())? as usize;
            if self.nodes[index].roles.is_none() {
                self.nodes[index].roles = Some(self.held_roles(&change));
            }
        }
        Some(())
    }

    /// What the operations of a change did that was checked when it was admitted.
    fn held_roles(&self, change: &Change) -> Vec<Run> {
        let id = |id: &OpId| self.actors.get(&id.1).map(|actor| Id { actor: *actor, number: id.0 });
        let mut runs = Vec::new();
        for (number, operation) in (change.start_op().get()..).zip(&change.decode().operations) {
            let role = match form(operation) {
                Ok(Form::Field { object, field, text }) => Role::Field { object: object.and_then(id), field, text },
                Ok(Form::Entry { .. }) => Role::Entry,
                Ok(Form::Character { text, .. }) => id(text).map_or(Role::Deletion, Role::Character),
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
            Role::Notes => true,
            Role::Field { text, .. } => text,
            Role::Schema | Role::List | Role::Entry | Role::Character(_) | Role::Deletion => false,
        }
    }

    /// Whether it set this very string.
    fn sets(self, of: Option<Id>, string: Field) -> bool {
        match self {
            Role::Field { object, field, .. } => object == of && field == string,
            Role::Schema | Role::List | Role::Notes | Role::Entry | Role::Character(_) | Role::Deletion => false,
        }
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
