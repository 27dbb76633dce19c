//! The hub's gate: what a period would release, and its approval, by a person or by the hub's own policy.
//!
//! What may leave, `disclosure` decides; what has left, `store` keeps. Here is who lets it go, and when.

mod due;
pub(crate) mod job;
mod memory;

use std::sync::Arc;

use folkmoot_disclosure::{Figure, Observations, Policy, Prepared, Standing, differences};
use folkmoot_domain::Date;
use folkmoot_domain::calendar::Period;
use folkmoot_domain::indicator::CellKey;
use folkmoot_journal::{Hash, Payload, PayloadKind, encode_release};
use folkmoot_store::hub::{ApprovedRelease, Approver, Counted, Hold};
use folkmoot_store::{Store, StoreError};

pub(crate) use due::PeriodFacts;
pub(crate) use memory::Memory;

use crate::node::Node;
use crate::settings::ReleaseSettings;

/// The gate of a hub, on one day.
#[derive(Clone, Debug)]
pub(crate) struct Gate {
    node: Arc<Node>,
    today: Date,
}

/// What a period would release now, beside what it has released.
pub(crate) struct Proposal<'a> {
    pub(crate) prepared: Prepared,
    /// The very bytes.
    pub(crate) payload: Vec<u8>,
    /// The terms in force.
    pub(crate) policy: Policy,
    /// The release of the period that stands.
    pub(crate) standing: Option<ApprovedRelease>,
    pub(crate) hold: Option<Hold>,
    pub(crate) facts: PeriodFacts,
    /// How many people's late records wait for a revision.
    pub(crate) late_people: u64,
    counted: &'a Counted,
}

/// Why nothing is proposed or approved.
#[derive(Debug, thiserror::Error)]
pub(crate) enum GateError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Refusal(#[from] folkmoot_disclosure::Refusal),
    #[error("the figures are no longer those of the preview: look at the preview again, then approve")]
    FiguresChanged,
    #[error(
        "{} not been reported back, and this hub approves nothing of the period before: report back, import \
         listening_campaigns.csv with the day in reported_back_on, then approve; or set \
         listening_waits_for_report_back = false under [release] in folkmoot.toml, and start the node again",
        match campaigns {
            1 => "1 listening campaign heard in it has".to_owned(),
            _ => format!("{campaigns} listening campaigns heard in it have"),
        }
    )]
    AwaitsReportBack { campaigns: u32 },
}

impl Gate {
    /// The gate of a hub, today.
    pub(crate) fn of(node: &Arc<Node>) -> Gate {
        Gate { node: Arc::clone(node), today: node.now().date() }
    }

    /// The hub's policy on releases.
    pub(crate) fn settings(&self) -> &ReleaseSettings {
        &self.node.settings().release
    }

    /// Prepares the release of a period out of what the hub has counted. It may take seconds.
    pub(crate) fn propose<'a>(
        &self,
        store: &Store,
        period: &Period,
        counted: &'a Counted,
    ) -> Result<Proposal<'a>, GateError> {
        let records = store.hub()?;
        // A period that the account does not have is refused whatever the policy.
        let span = counted.account.observations(period).map(Observations::span);
        let policy = span.map_or_else(Policy::floor, |span| self.node.policy(span));
        let memory = self.node.preparations();
        let prepared = memory.prepare(&counted.account, period, self.node.id().0, &policy, self.today)?;
        let standing = records.standing_release(period)?;
        let payload = match (&prepared.standing, &standing) {
            (Standing::Stands, Some(standing)) => standing.payload.clone(),
            (Standing::First | Standing::Revision | Standing::Stands, _) => encode_release(&prepared.release),
        };
        let hold = records.holds()?.into_iter().find(|(held, _)| held == period).map(|(_, hold)| hold);
        let facts = PeriodFacts::of(counted, period, prepared.release.span().last, hold.is_some());
        let late_people = counted.waiting(period);
        Ok(Proposal { prepared, payload, policy, standing, hold, facts, late_people, counted })
    }

    /// Approves a proposal; the release that stands already, where nothing is to be revised. A person's approval lifts
    /// the hold. `seen` names the bytes that the approver looked at, where they did.
    pub(crate) fn approve(
        &self,
        store: &Store,
        proposal: Proposal<'_>,
        approver: Approver,
        seen: Option<&str>,
    ) -> Result<ApprovedRelease, GateError> {
        if seen.is_some_and(|seen| seen != etag(&proposal.payload)) {
            return Err(GateError::FiguresChanged);
        }
        let records = store.hub()?;
        let period = proposal.prepared.release.period();
        match (proposal.prepared.standing, proposal.standing, approver) {
            (Standing::Stands, Some(standing), Approver::Person { uid }) if proposal.hold.is_some() => {
                records.resume(period, uid)?;
                Ok(ApprovedRelease { hold: None, ..standing })
            }
            (Standing::Stands, Some(standing), _) => Ok(standing),
            (Standing::First | Standing::Revision | Standing::Stands, ..) => {
                if proposal.facts.waits_for_report_back(self.settings()) {
                    return Err(GateError::AwaitsReportBack { campaigns: proposal.facts.awaiting_report_back });
                }
                Ok(records.approve(&proposal.prepared.release, proposal.counted, approver)?)
            }
        }
    }
}

impl Proposal<'_> {
    /// What differs from the release that stands, one sentence a cell.
    pub(crate) fn changes(&self) -> Vec<String> {
        let Some(standing) = &self.standing else { return Vec::new() };
        let found = differences(&cells(&standing.payload), self.prepared.release.cells());
        found.iter().map(ToString::to_string).collect()
    }
}

/// Names the bytes of a release.
pub(crate) fn etag(payload: &[u8]) -> String {
    Hash::of(payload).to_string()
}

/// The cells of a payload that this hub made itself.
pub(crate) fn cells(payload: &[u8]) -> Vec<(CellKey, Figure)> {
    match Payload::decode(PayloadKind::Release, payload) {
        Ok(Some(Payload::Release(parts))) => parts.known_cells(),
        Ok(
            Some(
                Payload::Opening(_)
                | Payload::HubRecord(_)
                | Payload::ProgrammeRecord(_)
                | Payload::PolicyRecord(_)
                | Payload::Edition(_)
                | Payload::Retirement(_)
                | Payload::Membership(_)
                | Payload::MembershipChange(_)
                | Payload::CampaignCheckpoint(_)
                | Payload::CampaignAttestation(_)
                | Payload::Appointment(_)
                | Payload::CampaignChanges(_),
            )
            | None,
        )
        | Err(_) => Vec::new(),
    }
}
