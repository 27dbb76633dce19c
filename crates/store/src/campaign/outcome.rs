//! What this hub counts of a campaign: what it has achieved, by the days on which this hub led.

use std::sync::Arc;

use folkmoot_campaign::Outcome;
use folkmoot_domain::Date;
use folkmoot_journal::{CampaignId, Hash, Membership, NodeId, RefusalReason, Topic};
use rusqlite::{Connection, params};

use super::{CampaignStore, document};
use crate::engine::{Role, Tx};
use crate::error::StoreError;
use crate::hub::outcome::{self, Lead, Led};
use crate::journal::membership_steps;

/// The Julian day number of 1970-01-01.
const EPOCH: i64 = 2_440_588;
const MINUTES_OF_A_DAY: i64 = 24 * 60;

impl CampaignStore {
    /// Counts what campaigns have achieved of which that was not done: by an earlier software, or since one could not be
    /// read.
    ///
    /// # Errors
    /// Failures of the database.
    pub fn count_outcomes(&self) -> Result<(), StoreError> {
        let memberships = Arc::clone(&self.store.working().rights().memberships);
        let known = memberships.iter().map(|(id, _)| id);
        let uncounted = self.store.read("uncounted campaigns", |connection| outcome::uncounted(connection, known))?;
        // One transaction each: a document may take long to be worked out.
        for id in uncounted {
            self.store.write("count campaign", move |tx| count(tx, id))?;
        }
        Ok(())
    }
}

/// Counts what the campaign has achieved as its document and its membership are now. Where the document cannot be read, what
/// was counted stands until it can.
pub(crate) fn count(tx: &mut Tx<'_>, id: CampaignId) -> Result<(), StoreError> {
    if tx.role() != Role::Hub {
        return Ok(());
    }
    match tx.attempt(|tx| count_now(tx, id))? {
        Ok(()) => Ok(()),
        Err(_) => outcome::count_again(tx, id),
    }
}

fn count_now(tx: &mut Tx<'_>, id: CampaignId) -> Result<(), StoreError> {
    // Who has no key yet leads nothing.
    let Ok(author) = tx.author() else { return Ok(()) };
    let Some(membership) = tx.working.rights().memberships.get(id).cloned() else { return outcome::forget(tx, id) };
    let held = outcome::led(tx, id)?;
    let known = held.as_ref().filter(|held| held.tip == membership.tip);
    if known.is_some_and(|known| known.leads.is_empty() && known.left_out_on.is_none()) {
        return Ok(());
    }
    let left_out_on = match (is_left_out(tx, id)?, held.as_ref().and_then(|held| held.left_out_on)) {
        (false, _) => None,
        (true, Some(since)) => Some(since),
        (true, None) => Some(day_of(i64::from(tx.minute()))),
    };
    let led = match known.filter(|known| known.left_out_on == left_out_on) {
        Some(known) => {
            // What changed nothing in the document is not worth loading it.
            if let Some(heads) = document::stored_heads(tx, id)?
                && known.heads == Some(hash_of(heads))
            {
                return Ok(());
            }
            known.clone()
        }
        None => {
            let steps = membership_steps(tx, tx.working.directory(), id)?;
            let leads = leads(&steps, author.key.id(), left_out_on);
            Led { tip: membership.tip, heads: None, left_out_on, leads }
        }
    };
    if held.is_none() && led.leads.is_empty() {
        return outcome::note_never_led(tx, id, &led);
    }
    if led.leads.is_empty() {
        return outcome::count(tx, id, &led, &Outcome::default());
    }
    let mut document = document::load_or_work_out(tx, id)?;
    let view = document.campaign.view().map_err(|_| StoreError::inconsistent("a campaign's document"))?;
    let heads = hash_of(document.campaign.heads());
    // Most edits are of texts and tasks.
    let is_same = led.heads.is_some() && document.counted.as_ref().is_some_and(|before| before.achieves_like(&view));
    let counted = match is_same {
        true => outcome::note_heads(tx, id, heads),
        false => outcome::count(tx, id, &Led { heads: Some(heads), ..led }, &view.outcome()),
    };
    if counted.is_ok() {
        document.counted = Some(view);
    }
    tx.documents().keep(id, document);
    counted
}

fn hash_of(mut heads: Vec<[u8; 32]>) -> Hash {
    heads.sort_unstable();
    Hash::of(heads.as_flattened())
}

/// Whether a member says that this hub takes part no longer: it was taken out by an entry that it is not given.
fn is_left_out(connection: &Connection, id: CampaignId) -> Result<bool, StoreError> {
    let sql = "SELECT 1 FROM topic JOIN log ON log.topic = topic.id JOIN refusal_got ON refusal_got.log = log.id
        WHERE topic.name = ?1 AND reason = ?2";
    let key = params![Topic::Campaign(id).to_bytes(), RefusalReason::NoMember.number()];
    Ok(connection.prepare_cached(sql)?.exists(key)?)
}

/// The days on which a hub led. Whoever leads at the end of a day led on it, and who founded the campaign led before: so it is
/// one hub on each day. Where a clock was put back, an entry is taken for no earlier than the one before it.
fn leads(steps: &[Membership], hub: NodeId, left_out_on: Option<Date>) -> Vec<Lead> {
    let before = |day: Date| day.previous_day().unwrap_or(Date::MIN);
    let mut latest = 0;
    let days: Vec<Date> = steps
        .iter()
        .map(|step| {
            latest = latest.max(step.minute);
            day_of(i64::from(latest))
        })
        .collect();
    let mut leads: Vec<Lead> = Vec::new();
    for (at, step) in steps.iter().enumerate() {
        let first = if at == 0 { Date::MIN } else { days[at] };
        let last = days.get(at + 1).map_or(Date::MAX, |next| before(*next));
        let last = left_out_on.map_or(last, |day| last.min(before(day)));
        if step.roster.lead() != hub || first > last {
            continue;
        }
        match leads.last_mut().filter(|lead| lead.last.next_day() == Some(first)) {
            Some(lead) => lead.last = last,
            None => leads.push(Lead { first, last }),
        }
    }
    leads
}

fn day_of(minute: i64) -> Date {
    let day = i32::try_from(EPOCH + minute.div_euclid(MINUTES_OF_A_DAY)).ok();
    day.and_then(|day| Date::from_julian_day(day).ok()).unwrap_or(Date::MAX)
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use folkmoot_journal::{MemberRole, MembershipRecord, Roster, Signed};
    use proptest::prelude::*;

    use super::*;

    fn hub(number: u8) -> NodeId {
        NodeId([number; 32])
    }

    /// What stood after an entry by which this hub leads, written on so many days after the first of 2023.
    fn step(lead: u8, days: u32) -> Membership {
        let minute = (19_358 + days) * 24 * 60 + 600;
        let record = MembershipRecord { nonce: [1; 16], members: BTreeSet::from([hub(lead)]), academy_relays: false };
        let founding = Signed { author: hub(lead), hash: Hash::ZERO, minute, record };
        let members = BTreeMap::from([(hub(lead), MemberRole::Lead)]);
        let roster = Roster::new(members, None, false, BTreeSet::new()).expect("a roster");
        Membership { roster, ..Membership::found(&founding).expect("founded") }
    }

    /// The day so many days after the first of 2023.
    fn of_2023(days: i64) -> Date {
        day_of((19_358 + days) * MINUTES_OF_A_DAY)
    }

    /// The days of 2023 on which a hub led, from the first to the last of each stretch; days are counted from 1 January.
    fn check(steps: &[(u8, u32)], of: u8, left_out: Option<u32>, expected: &[(i64, i64)]) {
        let steps: Vec<Membership> = steps.iter().map(|(lead, days)| step(*lead, *days)).collect();
        let day = |days: i64| match days {
            BEFORE => Date::MIN,
            EVER => Date::MAX,
            days => of_2023(days),
        };
        let left_out = left_out.map(|days| day(days.into()));
        let found = leads(&steps, hub(of), left_out);
        let expected: Vec<Lead> =
            expected.iter().map(|(first, last)| Lead { first: day(*first), last: day(*last) }).collect();
        assert_eq!(found, expected);
    }

    const EVER: i64 = i64::MAX;
    const BEFORE: i64 = i64::MIN;

    #[test]
    fn who_leads_at_the_end_of_a_day_led_on_it() {
        check(&[(1, 9)], 1, None, &[(BEFORE, EVER)]);
        check(&[(1, 9), (1, 12)], 1, None, &[(BEFORE, EVER)]);
        check(&[(1, 9), (2, 12)], 1, None, &[(BEFORE, 11)]);
        check(&[(1, 9), (2, 12)], 2, None, &[(12, EVER)]);
        check(&[(1, 9), (2, 9)], 1, None, &[(BEFORE, 8)]);
        check(&[(1, 9), (2, 12), (3, 12)], 2, None, &[]);
        check(&[(1, 9), (2, 12), (1, 12)], 1, None, &[(BEFORE, EVER)]);
        check(&[(1, 9), (2, 12), (1, 20)], 1, None, &[(BEFORE, 11), (20, EVER)]);
        // A clock that was put back, and one that then goes right.
        check(&[(1, 9), (2, 3)], 2, None, &[(9, EVER)]);
        check(&[(1, 9), (2, 3), (1, 5), (3, 15)], 1, None, &[(BEFORE, 14)]);
        check(&[(1, 9)], 1, Some(30), &[(BEFORE, 29)]);
        check(&[(1, 9), (2, 12)], 2, Some(12), &[]);
    }

    proptest! {
        #[test]
        fn on_each_day_one_hub_leads(steps in proptest::collection::vec((1_u8..4, 0_u32..60), 1..8), days in -20_i64..90) {
            let steps: Vec<Membership> = steps.into_iter().map(|(lead, days)| step(lead, days)).collect();
            let day = of_2023(days);
            let led = |number: &u8| {
                leads(&steps, hub(*number), None).iter().any(|lead| (lead.first..=lead.last).contains(&day))
            };
            prop_assert_eq!((1..4).filter(led).count(), 1);
        }
    }
}
