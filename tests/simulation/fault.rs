//! Bugs planted in the driver, which the run must find.

use folkmoot_journal::exchange::{Answer, Question};
use folkmoot_journal::{LogId, Topic};
use folkmoot_store::{Store, StoreError};

use crate::stream::ProcessId;
use crate::template::ambient;
use crate::world::World;

/// A bug planted in the driver, which the run must find.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Answers for a frame before it is kept.
    AcknowledgesFirst,
    /// A disk that holds after a crash what it held when the process started.
    ForgetsOnCrash,
    /// A restored node goes on with the incarnation of the copy.
    ReusesIncarnation,
    /// Loses sight of a log that the peer lacks.
    ForgetsWhatIsMissing,
    /// A restored hub appends its approved releases before the Academy has shown what it holds.
    AppendsUnasked,
    /// Offers a campaign to a peer that is no member, and cuts its frames as for one.
    ShowsCampaignsToAll,
    /// Says that an edit is written before it is, and ends then.
    SaysWrittenTooEarly,
    /// A disk that forgets which changes of a campaign wait for others.
    ForgetsWaitingChanges,
}

impl Fault {
    /// The answer of a store or driver that has the bug.
    pub(crate) fn answer(self, world: &mut World, id: ProcessId, question: &Question) -> Result<Answer, StoreError> {
        let store = world.processes[&id].store.clone();
        match (self, question) {
            (Fault::AcknowledgesFirst, Question::Keep { .. }) => {
                // The answer of a store that keeps, without keeping yet.
                let scratch = store.snapshot().expect("a snapshot");
                let scratch = Store::from_snapshot(&scratch, ambient(&world.clock, 0)).expect("a snapshot opens");
                scratch.set_author(store.author().as_deref().cloned().expect("an author"));
                let answer = scratch.journal().answer(question.clone());
                if let Some(process) = world.processes.get_mut(&id) {
                    process.overdue.push(question.clone());
                }
                answer
            }
            (Fault::ForgetsWhatIsMissing, Question::Missing { .. }) => {
                store.journal().answer(question.clone()).map(forget_last)
            }
            (Fault::ShowsCampaignsToAll, Question::FrameAfter { log, after, max_bytes, .. }) => {
                // Cut as for its author, who may read what it wrote.
                let (peer, log, after, max_bytes) = (log.author, *log, *after, *max_bytes);
                store.journal().answer(Question::FrameAfter { peer, log, after, max_bytes })
            }
            (Fault::ShowsCampaignsToAll, Question::Missing { .. }) => {
                let campaigns: Vec<Topic> = world.campaigns.keys().map(|id| Topic::Campaign(*id)).collect();
                let held = campaigns.into_iter().flat_map(|topic| {
                    let tips = store.journal().tips(topic).unwrap_or_default();
                    tips.into_iter().map(move |tip| (tip.log(topic), 0))
                });
                store.journal().answer(question.clone()).map(|answer| offer(answer, held.collect()))
            }
            _ => store.journal().answer(question.clone()),
        }
    }
}

fn forget_last(answer: Answer) -> Answer {
    if let Answer::Missing { mut push, lacking, forks, checkpoints } = answer {
        push.pop();
        Answer::Missing { push, lacking, forks, checkpoints }
    } else {
        answer
    }
}

fn offer(answer: Answer, more: Vec<(LogId, u64)>) -> Answer {
    if let Answer::Missing { mut push, lacking, forks, checkpoints } = answer {
        push.extend(more);
        Answer::Missing { push, lacking, forks, checkpoints }
    } else {
        answer
    }
}
