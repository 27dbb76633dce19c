//! What the exchange asks of the store: reads at once, writes by the one writer.

use folkmoot_journal::exchange::{Answer, Question};
use folkmoot_journal::{Admission, Incarnation, NodeId, RefusalReason, Topic};
use rusqlite::Connection;

use super::logs::logs_of_topic;
use super::{Working, answers, keep, peers, receipts, scopes};
use crate::campaign;
use crate::engine::{Role, Safe, Store, Tx, Written};
use crate::error::StoreError;
use crate::hub;

/// A question that was put to the store.
#[expect(clippy::large_enum_variant, reason = "it is made, taken and gone; a box would cost more")]
pub(super) enum Asked {
    Answered(Answer),
    Writing(Written<Answer>),
}

impl Asked {
    /// The answer, once what it says is durable.
    pub(super) fn wait(self) -> Result<Answer, StoreError> {
        match self {
            Asked::Answered(answer) => Ok(answer),
            Asked::Writing(written) => written.wait(),
        }
    }
}

/// See [`JournalStore::answer_all`](super::JournalStore::answer_all).
pub(super) fn answer_all(store: &Store, questions: Vec<Question>) -> Result<Vec<Answer>, StoreError> {
    let mut asked: Vec<Asked> = Vec::with_capacity(questions.len());
    for question in questions {
        if compares(&question) {
            asked = asked.into_iter().map(|asked| asked.wait().map(Asked::Answered)).collect::<Result<_, _>>()?;
        }
        asked.push(begin(store, question)?);
    }
    asked.into_iter().map(Asked::wait).collect()
}

/// Asks what every peer asks first, so that the first of them finds the statements prepared and the pages read.
pub(crate) fn rehearse(connection: &Connection, working: &Working) -> Result<(), StoreError> {
    let Some(scope) = scopes::first(connection)? else { return Ok(()) };
    let nobody = NodeId([0; 32]);
    peers::is_noted(connection, nobody, Incarnation(0), None)?;
    peers::judge(connection, scope.peer, Incarnation(0))?;
    answers::compare(connection, scope)?;
    answers::unreceipted(connection, working.rights(), scope, nobody)?;
    Ok(())
}

/// Whether what was asked before must be written before this is read. A frame is cut from what is held at any time.
fn compares(question: &Question) -> bool {
    match question {
        Question::Compare { .. }
        | Question::TipsOf { .. }
        | Question::Missing { .. }
        | Question::ChangedSince { .. }
        | Question::OwnUnreceipted { .. } => true,
        Question::Admit { .. }
        | Question::FrameAfter { .. }
        | Question::CheckpointOf { .. }
        | Question::Keep { .. }
        | Question::KeepReceipt { .. }
        | Question::ReceiptFor { .. }
        | Question::KeepRefusal { .. }
        | Question::AppendApproved => false,
    }
}

/// Puts a question to the store. Those that write are answered in the order in which they were put.
pub(super) fn begin(store: &Store, question: Question) -> Result<Asked, StoreError> {
    Ok(match prepare(store, question)? {
        Prepared::Answered(answer) => Asked::Answered(answer),
        Prepared::Write { name, safe, job } => Asked::Writing(store.begin_write(name, safe, job)?),
    })
}

/// See [`JournalStore::answer_then`](super::JournalStore::answer_then).
pub(super) fn answer_then(
    store: &Store,
    question: Question,
    done: impl FnOnce(Result<Answer, StoreError>) + Send + 'static,
) {
    match prepare(store, question) {
        Ok(Prepared::Answered(answer)) => done(Ok(answer)),
        Ok(Prepared::Write { name, safe, job }) => store.write_then(name, safe, job, done),
        Err(error) => done(Err(error)),
    }
}

/// A question, as far as it is answered without the writer.
#[expect(clippy::large_enum_variant, reason = "it is made, taken and gone; a box would cost more")]
enum Prepared {
    Answered(Answer),
    Write { name: &'static str, safe: Safe, job: Job },
}

type Job = Box<dyn FnOnce(&mut Tx<'_>) -> Result<Answer, StoreError> + Send>;

fn prepare(store: &Store, question: Question) -> Result<Prepared, StoreError> {
    let working = store.working();
    let rights = working.rights();
    let answer = match question {
        Question::Admit { peer, incarnation, address } => {
            let known = |c: &Connection| {
                let noted = peers::is_noted(c, peer, incarnation, address.as_deref())?;
                let admission = if noted { Admission::Same } else { peers::judge(c, peer, incarnation)? };
                Ok((noted, admission))
            };
            let (noted, admission) = store.read("known peer", known)?;
            if !noted && admission != Admission::Clone {
                // Nobody waits for it: whatever is kept of that process is written behind it, and were it lost, nothing was kept yet.
                let note = move |tx: &mut Tx<'_>| peers::admit(tx, peer, incarnation, address.as_deref());
                store.write_then("admit peer", Safe::WithTheNext, note, |_| ());
            }
            Answer::Admitted(admission)
        }
        Question::Keep { peer, incarnation, frame } => {
            let ahead = keep::unpack_ahead(&working, &frame);
            return write("keep frame", Safe::AtOnce, move |tx| {
                let late = incarnation.map_or(Ok(false), |incarnation| peers::superseded(tx, peer, incarnation))?;
                keep::keep(tx, peer, &frame, ahead, late).map(Answer::Kept)
            });
        }
        Question::KeepReceipt { peer, receipt } => {
            let genuine = receipts::is_genuine(&working, peer, &receipt);
            // Were it lost, it would be asked for again.
            return write("keep receipt", Safe::WithTheNext, move |tx| {
                Ok(Answer::ReceiptKept { ok: receipts::keep(tx, peer, &receipt, genuine)? })
            });
        }
        Question::ReceiptFor { peer, topic, tip } => {
            return write("give receipt", Safe::AtOnce, move |tx| {
                Ok(Answer::Receipt(receipts::give_for(tx, peer, topic, &tip)?))
            });
        }
        Question::KeepRefusal { peer, refusal } => {
            return write("keep refusal", Safe::AtOnce, move |tx| {
                receipts::refused(tx, peer, &refusal)?;
                // Who is told that it takes part no longer leads no longer.
                if let (Topic::Campaign(id), RefusalReason::NoMember) = (refusal.topic, refusal.reason) {
                    campaign::count_outcome(tx, id)?;
                }
                Ok(Answer::RefusalKept)
            });
        }
        Question::AppendApproved => match store.role() {
            // Asked after each change, and mostly for nothing.
            Role::Hub if releases_wait(store, &working)? => {
                return write("append approved", Safe::AtOnce, |tx| {
                    let me = tx.author()?.key.id();
                    let before = entries(tx, Topic::Releases(me))?;
                    hub::append_approved(tx)?;
                    Ok(Answer::Appended { entries: entries(tx, Topic::Releases(me))? - before })
                });
            }
            Role::Hub | Role::Academy => Answer::Appended { entries: 0 },
        },
        Question::Compare { scope } => match store.read("compare", |c| answers::compare(c, scope))? {
            Some(answer) => answer,
            None => {
                return write("keep digests", Safe::WithTheNext, move |tx| {
                    scopes::keep(tx, scope)?;
                    answers::compare(tx, scope)?.ok_or_else(|| StoreError::inconsistent("the digests"))
                });
            }
        },
        Question::TipsOf { scope, buckets } => {
            store.read("tips", |connection| answers::tips_of(connection, rights, scope, &buckets))?
        }
        Question::Missing { scope, theirs, buckets } => store
            .read("missing entries", |connection| answers::missing(connection, rights, scope, &theirs, &buckets))?,
        Question::FrameAfter { peer, log, after, max_bytes } => store
            .read("cut frame", |connection| answers::frame_after(connection, rights, peer, log, after, max_bytes))?,
        Question::CheckpointOf { peer, log } => {
            store.read("read checkpoint", |connection| answers::checkpoint_of(connection, rights, peer, log))?
        }
        Question::ChangedSince { scope, mark } => {
            store.read("changed logs", |connection| answers::changed_since(connection, rights, scope, mark))?
        }
        Question::OwnUnreceipted { scope } => {
            let me = store.author().ok_or(StoreError::NoAuthor)?.key.id();
            store.read("unreceipted", |c| answers::unreceipted(c, rights, scope, me))?
        }
    };
    Ok(Prepared::Answered(answer))
}

fn write(
    name: &'static str,
    safe: Safe,
    job: impl FnOnce(&mut Tx<'_>) -> Result<Answer, StoreError> + Send + 'static,
) -> Result<Prepared, StoreError> {
    Ok(Prepared::Write { name, safe, job: Box::new(job) })
}

fn releases_wait(store: &Store, working: &Working) -> Result<bool, StoreError> {
    let policies = working.directory().policies();
    store.read("releases that wait", |connection| Ok(hub::releases_waiting(connection, policies)? > 0))
}

fn entries(connection: &Connection, topic: Topic) -> Result<u64, StoreError> {
    Ok(logs_of_topic(connection, topic)?.iter().map(|log| log.seq).sum())
}
