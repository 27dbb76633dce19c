//! The last release that was prepared: who previews, and then approves, has it audited once.

use std::sync::{Mutex, PoisonError};

use folkmoot_disclosure::{Account, Policy, Prepared, Refusal, prepare};
use folkmoot_domain::Date;
use folkmoot_domain::calendar::Period;

/// The last release that was prepared, and from what. It holds true figures, and so never leaves the process.
#[derive(Default)]
pub(crate) struct Memory(Mutex<Option<Kept>>);

struct Kept {
    account: Account,
    period: Period,
    hub: [u8; 32],
    policy: Policy,
    today: Date,
    prepared: Prepared,
}

impl Memory {
    /// What [`prepare`] makes of this; from memory where the last was made from the very same.
    pub(super) fn prepare(
        &self,
        account: &Account,
        period: &Period,
        hub: [u8; 32],
        policy: &Policy,
        today: Date,
    ) -> Result<Prepared, Refusal> {
        let same = |kept: &&Kept| {
            (&kept.period, &kept.hub, &kept.policy, &kept.today) == (period, &hub, policy, &today)
                && kept.account == *account
        };
        if let Some(kept) = self.0.lock().unwrap_or_else(PoisonError::into_inner).as_ref().filter(same) {
            return Ok(kept.prepared.clone());
        }
        let prepared = prepare(account, period, hub, policy, today)?;
        let kept = Kept {
            account: account.clone(),
            period: period.clone(),
            hub,
            policy: *policy,
            today,
            prepared: prepared.clone(),
        };
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(kept);
        Ok(prepared)
    }
}
