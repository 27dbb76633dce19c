//! Leads appointed to campaigns that have lost theirs.

use folkmoot_journal::{Appointment, CampaignId, NodeId, PayloadKind, Topic, encode_appointment};

use super::AcademyStore;
use crate::error::StoreError;
use crate::journal::append_in;

impl AcademyStore {
    /// Appoints a hub to lead a campaign. Says whether the Academy relays the campaign, so that it could check that the hub
    /// is a member: an appointment of any other counts nowhere.
    ///
    /// # Errors
    /// [`StoreError::MembershipRefused`] where the hub is known to be none; failures of the database.
    pub fn appoint_lead(&self, campaign: CampaignId, hub: NodeId) -> Result<bool, StoreError> {
        self.store.write("appoint lead", move |tx| {
            let known = tx.working.rights().memberships.get(campaign).filter(|known| known.roster.academy_relays());
            let checked = known.is_some();
            if known.is_some_and(|known| known.roster.role(hub).is_none()) {
                let reason = "the hub takes no part in the campaign: appoint one that does".to_owned();
                return Err(StoreError::MembershipRefused { reason });
            }
            let latest = tx.working.directory().latest_appointment();
            let version = latest.checked_add(1).ok_or_else(|| StoreError::inconsistent("an appointment's version"))?;
            let appointment = Appointment { campaign: campaign.hidden_of(hub), version };
            append_in(tx, Topic::Directory, PayloadKind::Appointment, encode_appointment(&appointment))?;
            Ok(checked)
        })
    }
}
