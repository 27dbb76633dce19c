//! What the campaigns that this hub leads, or led, have achieved: which of it counts here, kept by what changes.
//!
//! On each day one hub leads a campaign, and what falls on that day counts there alone. Of the others a hub keeps nothing.

use std::collections::{BTreeMap, BTreeSet};

use folkmoot_campaign::Outcome;
use folkmoot_domain::Date;
use folkmoot_domain::calendar::Quarter;
use folkmoot_domain::indicator::Indicator;
use folkmoot_journal::{CampaignId, Hash};
use rusqlite::{Connection, OptionalExtension, params};

use super::contribution::{Deltas, Measure};
use super::figures;
use crate::engine::Tx;
use crate::error::StoreError;

/// Days on which this hub led a campaign, from a first to a last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Lead {
    pub(crate) first: Date,
    pub(crate) last: Date,
}

/// By what it was decided on which days this hub led, and of which document it counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Led {
    /// The last entry of the membership.
    pub(crate) tip: Hash,
    /// The hash of the heads of the document that was read; none where none was, since this hub never led.
    pub(crate) heads: Option<Hash>,
    /// Since when members say that this hub takes part no longer.
    pub(crate) left_out_on: Option<Date>,
    /// The days, in order.
    pub(crate) leads: Vec<Lead>,
}

/// What was counted of a campaign; none where nobody has looked.
pub(crate) fn led(connection: &Connection, id: CampaignId) -> Result<Option<Led>, StoreError> {
    let sql = "SELECT tip, heads, left_out_on FROM campaign_outcome WHERE campaign = ?1";
    let row = |row: &rusqlite::Row<'_>| {
        Ok((row.get(0).map(Hash)?, row.get::<_, Option<_>>(1)?.map(Hash), row.get::<_, Option<i32>>(2)?))
    };
    let Some((tip, heads, left_out_on)) = connection.prepare_cached(sql)?.query_row([id.0], row).optional()? else {
        return Ok(None);
    };
    let mut statement =
        connection.prepare_cached("SELECT first, last FROM campaign_lead WHERE campaign = ?1 ORDER BY first")?;
    let mut rows = statement.query([id.0])?;
    let mut leads = Vec::new();
    while let Some(row) = rows.next()? {
        leads.push(Lead { first: day(row.get(0)?)?, last: day(row.get(1)?)? });
    }
    Ok(Some(Led { tip, heads, left_out_on: left_out_on.map(day).transpose()?, leads }))
}

/// Of these campaigns those that were not counted yet.
pub(crate) fn uncounted(
    connection: &Connection,
    campaigns: impl Iterator<Item = CampaignId>,
) -> Result<Vec<CampaignId>, StoreError> {
    let sql = "SELECT 1 FROM campaign_outcome WHERE campaign = ?1 AND digest <> ?2";
    let mut statement = connection.prepare_cached(sql)?;
    let mut uncounted = Vec::new();
    for id in campaigns {
        if !statement.exists(params![id.0, Hash::ZERO.0])? {
            uncounted.push(id);
        }
    }
    Ok(uncounted)
}

/// Has a campaign counted anew when this is next asked for: what it says could not be read.
pub(crate) fn count_again(connection: &Connection, id: CampaignId) -> Result<(), StoreError> {
    connection
        .prepare_cached("UPDATE campaign_outcome SET digest = ?2, heads = NULL WHERE campaign = ?1")?
        .execute(params![id.0, Hash::ZERO.0])?;
    Ok(())
}

/// Notes of which document, by the hash of its heads, what was counted is true as well.
pub(crate) fn note_heads(connection: &Connection, id: CampaignId, heads: Hash) -> Result<(), StoreError> {
    connection
        .prepare_cached("UPDATE campaign_outcome SET heads = ?2 WHERE campaign = ?1")?
        .execute(params![id.0, heads.0])?;
    Ok(())
}

/// Notes that nothing of a campaign counts here of which nothing was counted before.
pub(crate) fn note_never_led(tx: &Tx<'_>, id: CampaignId, led: &Led) -> Result<(), StoreError> {
    note(tx, id, led, digest(led, &Outcome::default()))
}

fn note(tx: &Tx<'_>, id: CampaignId, led: &Led, digest: Hash) -> Result<(), StoreError> {
    let sql = "INSERT INTO campaign_outcome (campaign, tip, heads, left_out_on, digest) VALUES (?1, ?2, ?3, ?4, ?5)
        ON CONFLICT (campaign) DO UPDATE SET tip = ?2, heads = ?3, left_out_on = ?4, digest = ?5";
    let (heads, left_out_on) = (led.heads.map(|heads| heads.0), led.left_out_on.map(Date::to_julian_day));
    tx.prepare_cached(sql)?.execute(params![id.0, led.tip.0, heads, left_out_on, digest.0])?;
    Ok(())
}

/// Counts what a campaign has achieved in place of what was counted of it. What says the same changes nothing.
pub(crate) fn count(tx: &Tx<'_>, id: CampaignId, led: &Led, outcome: &Outcome) -> Result<(), StoreError> {
    let digest = digest(led, outcome);
    let sql = "SELECT 1 FROM campaign_outcome WHERE campaign = ?1 AND digest = ?2";
    let is_same = tx.prepare_cached(sql)?.exists(params![id.0, digest.0])?;
    note(tx, id, led, digest)?;
    if is_same {
        return Ok(());
    }
    tx.prepare_cached("DELETE FROM campaign_lead WHERE campaign = ?1")?.execute([id.0])?;
    let mut lead = tx.prepare_cached("INSERT INTO campaign_lead (campaign, first, last) VALUES (?1, ?2, ?3)")?;
    for Lead { first, last } in &led.leads {
        lead.execute(params![id.0, first.to_julian_day(), last.to_julian_day()])?;
    }
    let mut deltas = Deltas::default();
    let organisations = organisations_of(&led.leads, outcome);
    keep_organisations(tx, id, &led.leads, &organisations, &mut deltas)?;
    keep_tallies(tx, id, &tallies_of(&led.leads, &organisations, outcome), &mut deltas)?;
    figures::apply(tx, &deltas, tx.now())
}

/// Takes back what was counted of a campaign that is not known any more.
pub(crate) fn forget(tx: &Tx<'_>, id: CampaignId) -> Result<(), StoreError> {
    let mut deltas = Deltas::default();
    keep_tallies(tx, id, &BTreeMap::new(), &mut deltas)?;
    tx.prepare_cached("DELETE FROM campaign_outcome WHERE campaign = ?1")?.execute([id.0])?;
    figures::apply(tx, &deltas, tx.now())
}

/// How many organisations were on the campaigns that this hub led on a day.
pub(super) fn organisations(connection: &Connection, day: Date) -> Result<u64, StoreError> {
    let sql = "SELECT count(DISTINCT organisation) FROM campaign_lead AS lead
        JOIN campaign_organisation AS signed_up USING (campaign)
        WHERE lead.first <= ?1 AND lead.last >= ?1 AND signed_up_on <= ?1";
    Ok(connection.prepare_cached(sql)?.query_row([day.to_julian_day()], |row| row.get(0))?)
}

/// Tells whether anything that counts is another.
fn digest(led: &Led, outcome: &Outcome) -> Hash {
    let mut said = Vec::new();
    let day = |said: &mut Vec<u8>, day: Date| said.extend_from_slice(&day.to_julian_day().to_be_bytes());
    let length = |said: &mut Vec<u8>, length: usize| said.extend_from_slice(&(length as u64).to_be_bytes());
    length(&mut said, led.leads.len());
    for Lead { first, last } in &led.leads {
        day(&mut said, *first);
        day(&mut said, *last);
    }
    if !led.leads.is_empty() {
        length(&mut said, outcome.organisations.len());
        for (name, on) in &outcome.organisations {
            length(&mut said, name.len());
            said.extend_from_slice(name.as_bytes());
            day(&mut said, *on);
        }
        length(&mut said, outcome.reach.len());
        for (month, people) in &outcome.reach {
            day(&mut said, month.last_day());
            said.extend_from_slice(&people.to_be_bytes());
        }
        for (on, asks) in &outcome.asks_won {
            day(&mut said, *on);
            said.extend_from_slice(&asks.to_be_bytes());
        }
    }
    Hash::of(&said)
}

/// The organisations that count on some day, with the day of their sign-up.
fn organisations_of(leads: &[Lead], outcome: &Outcome) -> BTreeMap<Hash, Date> {
    let signed_up = outcome.organisations.iter().filter(|(_, on)| counts_from(leads, **on).is_some());
    signed_up.map(|(name, on)| (Hash::of(name.as_bytes()), *on)).collect()
}

/// The first day on which an organisation counts that signed up on this one.
fn counts_from(leads: &[Lead], signed_up_on: Date) -> Option<Date> {
    leads.iter().find(|lead| lead.last >= signed_up_on).map(|lead| lead.first.max(signed_up_on))
}

fn tallies_of(
    leads: &[Lead],
    organisations: &BTreeMap<Hash, Date>,
    outcome: &Outcome,
) -> BTreeMap<(Indicator, i32), u64> {
    let mut tallies: BTreeMap<(Indicator, i32), u64> = BTreeMap::new();
    let mut add = |indicator, on: Date, amount: u64| {
        let sum = tallies.entry((indicator, Quarter::of(on).index())).or_default();
        *sum = sum.saturating_add(amount);
    };
    let is_led = |day: Date| leads.iter().any(|lead| (lead.first..=lead.last).contains(&day));
    for on in organisations.values().filter_map(|on| counts_from(leads, *on)) {
        add(Indicator::OrganisationsSignedUp, on, 1);
    }
    for (month, people) in outcome.reach.iter().filter(|(month, _)| is_led(month.last_day())) {
        add(Indicator::CampaignReach, month.last_day(), *people);
    }
    for (on, asks) in outcome.asks_won.iter().filter(|(on, _)| is_led(**on)) {
        add(Indicator::AsksWon, *on, *asks);
    }
    tallies
}

fn keep_organisations(
    connection: &Connection,
    id: CampaignId,
    leads: &[Lead],
    now: &BTreeMap<Hash, Date>,
    deltas: &mut Deltas,
) -> Result<(), StoreError> {
    let mut was: BTreeMap<Hash, Date> = BTreeMap::new();
    {
        let sql = "SELECT organisation, signed_up_on FROM campaign_organisation WHERE campaign = ?1";
        let mut statement = connection.prepare_cached(sql)?;
        let mut rows = statement.query([id.0])?;
        while let Some(row) = rows.next()? {
            was.insert(Hash(row.get(0)?), day(row.get(1)?)?);
        }
    }
    let known: BTreeSet<&Hash> = was.keys().chain(now.keys()).collect();
    for organisation in known {
        let (before, after) = (was.get(organisation), now.get(organisation));
        if before == after {
            continue;
        }
        // One that goes while another comes changes no number, and yet something that counts in the quarter.
        let on = [before, after].into_iter().flatten().filter_map(|on| counts_from(leads, *on));
        deltas.quarters.extend(on.map(|on| Quarter::of(on).index()));
        match after {
            Some(on) => {
                let sql = "INSERT INTO campaign_organisation (campaign, organisation, signed_up_on) VALUES (?1, ?2, ?3)
                    ON CONFLICT DO UPDATE SET signed_up_on = excluded.signed_up_on";
                connection.prepare_cached(sql)?.execute(params![id.0, organisation.0, on.to_julian_day()])?;
            }
            None => {
                let sql = "DELETE FROM campaign_organisation WHERE campaign = ?1 AND organisation = ?2";
                connection.prepare_cached(sql)?.execute(params![id.0, organisation.0])?;
            }
        }
    }
    Ok(())
}

fn keep_tallies(
    connection: &Connection,
    id: CampaignId,
    now: &BTreeMap<(Indicator, i32), u64>,
    deltas: &mut Deltas,
) -> Result<(), StoreError> {
    let mut was: BTreeMap<(Indicator, i32), u64> = BTreeMap::new();
    {
        let mut statement =
            connection.prepare_cached("SELECT measure, quarter, value FROM campaign_tally WHERE campaign = ?1")?;
        let mut rows = statement.query([id.0])?;
        while let Some(row) = rows.next()? {
            let indicator = row.get_ref(0)?.as_str().ok().and_then(Indicator::from_code);
            let indicator = indicator.ok_or_else(|| StoreError::inconsistent("an indicator"))?;
            was.insert((indicator, row.get(1)?), row.get(2)?);
        }
    }
    let known: BTreeSet<(Indicator, i32)> = was.keys().chain(now.keys()).copied().collect();
    for key in known {
        let of = |sums: &BTreeMap<_, u64>| i64::try_from(sums.get(&key).copied().unwrap_or(0)).unwrap_or(i64::MAX);
        let (before, after) = (of(&was), of(now));
        if before == after {
            continue;
        }
        let (indicator, quarter) = key;
        deltas.quarters.insert(quarter);
        deltas.tallies.insert((Measure::Of(indicator), quarter), after - before);
        if after == 0 {
            let sql = "DELETE FROM campaign_tally WHERE campaign = ?1 AND measure = ?2 AND quarter = ?3";
            connection.prepare_cached(sql)?.execute(params![id.0, indicator.code(), quarter])?;
        } else {
            let sql = "INSERT INTO campaign_tally (campaign, measure, quarter, value) VALUES (?1, ?2, ?3, ?4)
                ON CONFLICT DO UPDATE SET value = excluded.value";
            connection.prepare_cached(sql)?.execute(params![id.0, indicator.code(), quarter, after])?;
        }
    }
    Ok(())
}

fn day(number: i32) -> Result<Date, StoreError> {
    Date::from_julian_day(number).map_err(|_| StoreError::inconsistent("a day of a campaign"))
}
