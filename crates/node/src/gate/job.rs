//! The job that approves what the hub's own policy lets go.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use folkmoot_disclosure::Standing;
use folkmoot_domain::calendar::Period;
use folkmoot_store::{Store, hub::Approver};
use tokio::time::sleep;

use super::{Gate, GateError, due::PeriodFacts, due::due};
use crate::{exchange::jitter, node::Node};

/// How often the store is read. A wall clock may jump; a long sleep would not notice.
const LOOK_EVERY: Duration = Duration::from_secs(60 * 60);

/// Approves what is due, until the node stops.
pub(crate) async fn keep_approving(node: Arc<Node>) {
    if !node.settings().release.any_automatic() {
        return node.stopped().await;
    }
    loop {
        tokio::select! {
            () = node.stopped() => return,
            () = approve_due(&node) => {}
        }
        tokio::select! {
            () = node.stopped() => return,
            () = sleep(jitter(LOOK_EVERY)) => {}
        }
    }
}

/// Approves every period that is due, one after the other: what is approved counts for the next.
pub(crate) async fn approve_due(node: &Arc<Node>) {
    let mut tried = BTreeSet::new();
    while !node.frozen() {
        let gate = Gate::of(node);
        let step = move |store: &Store| {
            let found = next(&gate, store, &mut tried);
            (found, tried)
        };
        let found;
        (found, tried) = node.on_store(step).await;
        match found {
            Ok(Some((period, Ok(())))) => tracing::info!(%period, "release approved by this hub's policy"),
            Ok(Some((period, Err(error)))) => tracing::warn!(
                %period,
                error = &error as &dyn std::error::Error,
                "release not approved by this hub's policy; trying again later"
            ),
            Ok(None) => return,
            Err(error) => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "not known what this hub's policy would approve; looking again later"
                );
                return;
            }
        }
    }
}

/// A period and whether it was approved.
type Tried = (Period, Result<(), GateError>);

/// Approves the next period that is due and has something to release or to revise; `None` where there is none left.
fn next(gate: &Gate, store: &Store, tried: &mut BTreeSet<Period>) -> Result<Option<Tried>, GateError> {
    let records = store.hub()?;
    let counted = records.count()?;
    let held: Vec<Period> = records.holds()?.into_iter().map(|(period, _)| period).collect();
    for period in due(&PeriodFacts::all(&counted, &held), gate.settings(), gate.today) {
        if tried.insert(period.clone()) {
            match gate.propose(store, &period, &counted) {
                Ok(proposal) if proposal.prepared.standing == Standing::Stands => {}
                Ok(proposal) => {
                    let approved = gate.approve(store, proposal, Approver::Policy, None);
                    return Ok(Some((period, approved.map(drop))));
                }
                Err(error) => return Ok(Some((period, Err(error)))),
            }
        }
    }
    Ok(None)
}
