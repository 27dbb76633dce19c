//! Which campaigns are known here and who takes part in them: worked out from the entries of their memberships, which a table
//! finds again.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use folkmoot_journal::membership::chain;
use folkmoot_journal::{
    CampaignId, Checkpoint, Directory, Entry, Fault, LogId, Membership, MembershipChange, MembershipRecord,
    Memberships, NodeId, Payload, PayloadKind, RefusalReason, Role as JournalRole, Signed, Topic, Unpacked,
};
use rusqlite::{Connection, params};

use super::apply::{Aside, Retry, set_aside_at, take_back_late};
use super::logs::{LogRow, at_place, entry_in, logs_of_topic, note_readable};
use super::{checkpoints, scopes};
use crate::campaign;
use crate::engine::{Role, Tx};
use crate::error::StoreError;

/// Reads every membership that counts.
pub(super) fn load(connection: &Connection, directory: &Directory) -> Result<Memberships, StoreError> {
    let campaigns = {
        let mut statement = connection.prepare_cached("SELECT DISTINCT campaign FROM membership_entry")?;
        statement.query_map([], |row| row.get(0).map(CampaignId))?.collect::<Result<Vec<_>, _>>()?
    };
    let mut memberships = Memberships::default();
    for campaign in campaigns {
        if let Some(membership) = Written::of(connection, campaign)?.membership(directory) {
            memberships.set(membership);
        }
    }
    Ok(memberships)
}

/// What stood after each entry of a campaign's membership, in order.
pub(crate) fn steps(
    connection: &Connection,
    directory: &Directory,
    campaign: CampaignId,
) -> Result<Vec<Membership>, StoreError> {
    Ok(Written::of(connection, campaign)?.steps(directory))
}

/// All that was written of a campaign's membership.
struct Written {
    campaign: CampaignId,
    foundings: Vec<Signed<MembershipRecord>>,
    changes: Vec<Signed<MembershipChange>>,
    /// Where each change lies, in the same order.
    places: Vec<i64>,
    checkpoints: Vec<checkpoints::Known>,
}

impl Written {
    fn of(connection: &Connection, campaign: CampaignId) -> Result<Self, StoreError> {
        let places = {
            let sql = "SELECT place FROM membership_entry WHERE campaign = ?1 ORDER BY place";
            let mut statement = connection.prepare_cached(sql)?;
            statement.query_map([campaign.0], |row| row.get(0))?.collect::<Result<Vec<i64>, _>>()?
        };
        let checkpoints = checkpoints::of_campaign(connection, campaign)?;
        let mut written =
            Written { campaign, foundings: Vec::new(), changes: Vec::new(), places: Vec::new(), checkpoints };
        for place in places {
            // The log may not say yet that it has come so far.
            let Some(entry) = entry_in(connection, place)? else { continue };
            written.add(&entry.into_entry(), place);
        }
        Ok(written)
    }

    fn add(&mut self, entry: &Entry, place: i64) {
        let Some(body) = &entry.body else { return };
        let Ok(Some(payload)) = Payload::decode(entry.header.payload_kind, &body.payload) else { return };
        if let Payload::Membership(record) = payload {
            self.foundings.push(signed(entry, record));
        } else if let Payload::MembershipChange(change) = payload {
            self.changes.push(signed(entry, change));
            self.places.push(place);
        }
    }

    /// The checkpoint that counts.
    fn checkpoint(&self, directory: &Directory) -> Option<&checkpoints::Known> {
        checkpoints::latest(&self.checkpoints, &self.steps(directory))
    }

    fn steps(&self, directory: &Directory) -> Vec<Membership> {
        let appointed = |hub| directory.appointed(self.campaign, hub);
        chain(self.campaign, &self.foundings, &self.changes, appointed)
    }

    fn membership(&self, directory: &Directory) -> Option<Membership> {
        let covered = self.checkpoint(directory).map_or_else(Vec::new, |checkpoint| checkpoint.covers.clone());
        Some(Membership { covered, ..self.steps(directory).pop()? })
    }
}

fn signed<T>(entry: &Entry, record: T) -> Signed<T> {
    Signed { author: entry.header.author, hash: entry.hash, minute: entry.header.written_at, record }
}

/// Takes the entry that founds the campaign; why not, where it does not.
pub(super) fn found(
    tx: &mut Tx<'_>,
    log: &LogRow,
    entry: &Entry,
    campaign: CampaignId,
    record: MembershipRecord,
    campaigns: &mut Campaigns,
) -> Result<Option<Aside>, StoreError> {
    let founding = signed(entry, record);
    let fault = match Membership::found(&founding) {
        Ok(membership) if membership.id == campaign => None,
        Ok(_) => Some(Fault::Membership("its author and nonce give another id")),
        Err(fault) => Some(fault),
    };
    if let Some(fault) = fault {
        return Ok(Some(Aside { retry: Retry::Never, ..Aside::fault(&fault) }));
    }
    take(tx, log, entry, campaign, campaigns)?;
    Ok(None)
}

/// Takes an entry of the membership. Whether it counts depends on others, which may come later.
pub(super) fn take(
    tx: &mut Tx<'_>,
    log: &LogRow,
    entry: &Entry,
    campaign: CampaignId,
    campaigns: &mut Campaigns,
) -> Result<(), StoreError> {
    note(tx, log.place(entry.header.seq), campaign)?;
    campaigns.work_out(tx, campaign)
}

/// Writes down where an entry of the membership lies.
pub(super) fn note(tx: &Tx<'_>, place: i64, campaign: CampaignId) -> Result<(), StoreError> {
    let sql = "INSERT INTO membership_entry (place, campaign) VALUES (?1, ?2) ON CONFLICT (place) DO NOTHING";
    tx.prepare_cached(sql)?.execute(params![place, campaign.0])?;
    Ok(())
}

/// What would stand after each entry of the membership, were these held as well.
pub(super) fn steps_with(tx: &Tx<'_>, campaign: CampaignId, shown: &[&Entry]) -> Result<Vec<Membership>, StoreError> {
    let mut written = Written::of(tx, campaign)?;
    let held: BTreeSet<_> =
        written.foundings.iter().map(|held| held.hash).chain(written.changes.iter().map(|held| held.hash)).collect();
    shown.iter().filter(|entry| !held.contains(&entry.hash)).for_each(|entry| written.add(entry, 0));
    Ok(written.steps(tx.working.directory()))
}

/// Takes a checkpoint. Whether it counts depends on who leads, and on others that may come later.
pub(super) fn check_point(
    tx: &mut Tx<'_>,
    log: &LogRow,
    entry: &Entry,
    campaign: CampaignId,
    checkpoint: &Checkpoint,
    campaigns: &mut Campaigns,
) -> Result<Option<Aside>, StoreError> {
    let mine = tx.author().is_ok_and(|author| author.key.id() == entry.header.author);
    // The Academy loads no document.
    let judged = tx.role() == Role::Hub && !mine;
    let aside = if judged { campaign::judge_checkpoint(tx, campaign, checkpoint)? } else { None };
    let known = mine || campaigns.adopted.contains(&campaign);
    let state = match &aside {
        Some(_) => checkpoints::State::Bad,
        None if known => checkpoints::State::Good,
        None => checkpoints::State::Open,
    };
    checkpoints::note(tx, log.place(entry.header.seq), campaign, checkpoint, state)?;
    campaigns.work_out(tx, campaign)?;
    Ok(aside)
}

/// A log of the campaign has lost the entries past its fork, and perhaps some of the membership with them: the rows of
/// those are gone too.
pub(super) fn after_fork(tx: &mut Tx<'_>, campaign: CampaignId, campaigns: &mut Campaigns) -> Result<(), StoreError> {
    campaigns.recount.insert(campaign);
    campaigns.work_out(tx, campaign)
}

/// The directory appoints otherwise than before.
pub(super) fn after_appointment(tx: &mut Tx<'_>, campaigns: &mut Campaigns) -> Result<(), StoreError> {
    let known: Vec<CampaignId> = tx.working.rights().memberships.iter().map(|(campaign, _)| campaign).collect();
    known.into_iter().try_for_each(|campaign| campaigns.work_out(tx, campaign))
}

/// The row of the log that founds the campaign.
pub(super) fn founding_log(connection: &Connection, campaign: CampaignId) -> Result<Option<i64>, StoreError> {
    let founding = Written::of(connection, campaign)?.foundings;
    let first = founding.iter().find(|founding| founding.record.id(founding.author) == campaign);
    let Some(creator) = first.map(|founding| founding.author) else { return Ok(None) };
    let membership = logs(connection, campaign)?;
    let logs = logs_of_topic(connection, Topic::Campaign(campaign))?;
    let holds = |log: &&LogRow| log.id.author == creator && membership.contains(&log.row);
    Ok(logs.iter().find(holds).map(|log| log.row))
}

/// The rows of the logs that hold the campaign's membership.
pub(super) fn logs(connection: &Connection, campaign: CampaignId) -> Result<BTreeSet<i64>, StoreError> {
    let mut statement = connection.prepare_cached("SELECT place FROM membership_entry WHERE campaign = ?1")?;
    let places = statement.query_map([campaign.0], |row| row.get(0))?.collect::<Result<Vec<i64>, _>>()?;
    Ok(places.into_iter().map(|place| at_place(place).0).collect())
}

/// What the entries of one transaction did to campaigns.
#[derive(Default)]
pub(super) struct Campaigns {
    /// What stood before of each whose membership is another now; none where it was not known.
    changed: BTreeMap<CampaignId, Option<Arc<Membership>>>,
    /// Those of which an entry of the membership came or went.
    touched: BTreeSet<CampaignId>,
    /// Those of which a checkpoint was taken in the place of what it covers.
    adopted: BTreeSet<CampaignId>,
    /// Those of which other entries count than before, so that the document is worked out anew.
    recount: BTreeSet<CampaignId>,
    /// Those of which a member says since that it goes by a later document.
    attested: BTreeSet<CampaignId>,
    /// The places of entries with changes.
    arrived: BTreeMap<CampaignId, Vec<i64>>,
}

impl Campaigns {
    /// An entry with changes was stored.
    pub(super) fn arrived(&mut self, campaign: CampaignId, place: i64) {
        self.arrived.entry(campaign).or_default().push(place);
    }

    /// A member said that it goes by a later document.
    pub(super) fn attested(&mut self, campaign: CampaignId) {
        self.attested.insert(campaign);
    }

    /// A checkpoint is being taken in the place of what it covers.
    pub(super) fn adopt(&mut self, campaign: CampaignId) {
        self.adopted.insert(campaign);
    }

    /// Works out who takes part, from all entries of the membership that are held.
    pub(super) fn work_out(&mut self, tx: &mut Tx<'_>, campaign: CampaignId) -> Result<(), StoreError> {
        self.touched.insert(campaign);
        let written = Written::of(tx, campaign)?;
        let membership = written.membership(tx.working.directory());
        let checkpoint = written.checkpoint(tx.working.directory()).map(|checkpoint| checkpoint.place);
        checkpoints::mark(tx, campaign, checkpoint)?;
        let before = tx.working.rights().memberships.get(campaign).cloned();
        if before.as_deref() == membership.as_ref() {
            return Ok(());
        }
        let known = membership.is_some();
        let memberships = Arc::make_mut(&mut tx.working.rights.memberships);
        match membership {
            Some(membership) => memberships.set(membership),
            None => drop(memberships.remove(campaign)),
        }
        if known && before.is_none() && tx.role() == Role::Hub && !self.adopted.contains(&campaign) {
            campaign::begin(tx, campaign)?;
        }
        self.changed.entry(campaign).or_insert(before);
        Ok(())
    }

    /// Other entries of the topic count than before.
    pub(super) fn count_again(&mut self, topic: Topic) {
        match topic {
            Topic::Campaign(campaign) => {
                self.recount.insert(campaign);
            }
            Topic::Directory | Topic::Curriculum | Topic::Proposals(_) | Topic::Releases(_) => {}
        }
    }

    /// Draws the consequences, and gives the entries whose changes do not fit, which are set aside.
    pub(super) fn settle(mut self, tx: &mut Tx<'_>) -> Result<Vec<(i64, Aside)>, StoreError> {
        let mut asides = Vec::new();
        for campaign in &self.touched {
            asides.extend(unentitled(tx, *campaign)?);
        }
        for (campaign, before) in &self.changed {
            tx.mark_memberships();
            scopes::shared_otherwise(tx, Topic::Campaign(*campaign))?;
            limit_again(tx, *campaign)?;
            forget_left_out(tx, *campaign)?;
            let Some(before) = before else { continue };
            let now = tx.working.rights().memberships.get(*campaign).cloned();
            if now.as_ref().is_none_or(|now| !now.roster.counts_like(&before.roster))
                || other_words_count(tx, *campaign, before)?
            {
                self.recount.insert(*campaign);
            }
            if let Some(now) = now {
                readable_by(tx, *campaign, before, &now)?;
            }
        }
        if tx.role() == Role::Academy {
            for campaign in &self.touched {
                campaign::drop_at_relay(tx, *campaign)?;
            }
            return Ok(asides);
        }
        let concerned: BTreeSet<CampaignId> =
            self.touched.iter().chain(self.arrived.keys()).chain(&self.attested).copied().collect();
        let counted: BTreeSet<CampaignId> =
            concerned.iter().chain(&self.adopted).chain(&self.recount).copied().collect();
        for campaign in &concerned {
            if campaign::renew(tx, *campaign)? {
                self.recount.insert(*campaign);
            }
        }
        for campaign in &self.adopted {
            if !campaign::adopt(tx, *campaign)? {
                self.recount.insert(*campaign);
            }
        }
        for campaign in &self.recount {
            campaign::rebuild(tx, *campaign)?;
        }
        for (campaign, places) in self.arrived {
            // What is held of a campaign that is not known any more waits for the entry that founds it.
            if tx.working.rights.memberships.get(campaign).is_some() {
                let refused = campaign::integrate(tx, campaign, &places)?;
                for (place, aside) in &refused {
                    set_aside_at(tx, *place, aside)?;
                }
                asides.extend(refused);
            }
        }
        for campaign in concerned {
            // A failure here is never the entries' loss.
            let compared = tx.attempt(|tx| {
                let mut asides = campaign::give_up_stale(tx, campaign)?;
                asides.extend(campaign::compare_checkpoints(tx, campaign)?);
                campaign::check_point_if_due(tx, campaign)?;
                campaign::attest(tx, campaign)?;
                Ok(asides)
            });
            asides.extend(compared?.unwrap_or_default());
        }
        for campaign in counted {
            campaign::count_outcome(tx, campaign)?;
        }
        Ok(asides)
    }
}

/// Whether a log of the campaign counts otherwise than by an earlier membership, since another checkpoint covers it.
fn other_words_count(tx: &Tx<'_>, campaign: CampaignId, before: &Membership) -> Result<bool, StoreError> {
    let Some(now) = tx.working.rights().memberships.get(campaign) else { return Ok(true) };
    let limit = |membership: &Membership, log: LogId| {
        let decided = membership.roster.limit(log);
        membership.covered(log).map_or(decided, |covered| decided.or_up_to(*covered))
    };
    let logs = logs_of_topic(tx, Topic::Campaign(campaign))?;
    Ok(logs.iter().any(|log| limit(before, log.id) != limit(now, log.id)))
}

/// Works out anew who takes part and which checkpoint counts, after one was found to be bad.
pub(crate) fn work_out_again(tx: &mut Tx<'_>, campaign: CampaignId) -> Result<(), StoreError> {
    let mut campaigns = Campaigns::default();
    campaigns.work_out(tx, campaign)?;
    campaigns.settle(tx).map(|_| ())
}

/// Sets aside what follows an entry that counts and does not count itself, and takes back what was set aside so and counts
/// by now. What follows nothing that is held waits.
fn unentitled(tx: &Tx<'_>, campaign: CampaignId) -> Result<Vec<(i64, Aside)>, StoreError> {
    let written = Written::of(tx, campaign)?;
    let steps = written.steps(tx.working.directory());
    let counting: BTreeSet<_> = steps.iter().map(|step| step.tip).collect();
    let mut asides = Vec::new();
    for (change, place) in written.changes.iter().zip(&written.places) {
        tx.prepare_cached("DELETE FROM set_aside WHERE place = ?1 AND reason = ?2")?
            .execute(params![place, RefusalReason::Membership.number()])?;
        if counting.contains(&change.record.predecessor) && !counting.contains(&change.hash) {
            let detail = "its author may not say who takes part from there on, or another entry does".to_owned();
            let aside = Aside { reason: RefusalReason::Membership, detail, retry: Retry::Never };
            set_aside_at(tx, *place, &aside)?;
            asides.push((*place, aside));
        }
    }
    Ok(asides)
}

/// Who has said that this node takes part no longer went by an older membership, or will say so again.
fn forget_left_out(tx: &Tx<'_>, campaign: CampaignId) -> Result<(), StoreError> {
    for log in logs_of_topic(tx, Topic::Campaign(campaign))? {
        tx.prepare_cached("DELETE FROM refusal_got WHERE log = ?1 AND reason = ?2")?
            .execute(params![log.row, RefusalReason::NoMember.number()])?;
    }
    Ok(())
}

/// Whoever may read the campaign since is to be given all of it.
fn readable_by(tx: &Tx<'_>, campaign: CampaignId, before: &Membership, now: &Membership) -> Result<(), StoreError> {
    let fresh = now.roster.members().keys().filter(|hub| before.roster.role(**hub).is_none()).copied();
    let relays = now.roster.academy_relays() && !before.roster.academy_relays();
    let readers: Vec<NodeId> = fresh.chain(tx.working.academy().filter(|_| relays)).collect();
    for log in logs_of_topic(tx, Topic::Campaign(campaign))? {
        for reader in &readers {
            note_readable(tx, &log, *reader)?;
        }
    }
    Ok(())
}

/// How far the logs of a campaign count depends on who takes part, and on whether the Academy relays it.
fn limit_again(tx: &mut Tx<'_>, campaign: CampaignId) -> Result<(), StoreError> {
    for log in logs_of_topic(tx, Topic::Campaign(campaign))? {
        let late = RefusalReason::AfterRevocation.number();
        tx.prepare_cached("DELETE FROM set_aside WHERE place > ?1 AND place <= ?2 AND reason = ?3")?
            .execute(params![log.place(0), log.place(log.seq), late])?;
        take_back_late(tx, &log)?;
    }
    Ok(())
}

/// Whether this payload, in an entry of `author`, founds the campaign.
pub(super) fn may_found(tx: &Tx<'_>, campaign: CampaignId, author: NodeId, payload: &[u8]) -> bool {
    let is_hub = tx.working.directory().member(author).is_some_and(|member| member.role == JournalRole::Hub);
    match Payload::decode(PayloadKind::Membership, payload) {
        Ok(Some(Payload::Membership(record))) => {
            is_hub && record.members.contains(&author) && record.id(author) == campaign
        }
        Ok(_) | Err(_) => false,
    }
}

/// Whether the frame founds the campaign. Nothing is known yet of the signature, nor whether this node takes part: a later
/// entry of the membership may say so, and the sender would not send the frame otherwise.
pub(super) fn founds(tx: &Tx<'_>, campaign: CampaignId, frame: &Unpacked) -> bool {
    let shown = frame.membership.iter().flat_map(|shown| &shown.entries);
    frame.entries.iter().chain(shown).any(|entry| {
        let payload = entry.body.as_ref().map_or(&[][..], |body| &body.payload);
        entry.header.payload_kind == PayloadKind::Membership && may_found(tx, campaign, entry.header.author, payload)
    })
}

/// Whether this node takes part in the campaign, or relays it, by what it holds; none where it does not know the campaign.
pub(super) fn takes_part(tx: &Tx<'_>, campaign: CampaignId) -> Option<bool> {
    let rights = tx.working.rights();
    rights.memberships.get(campaign)?;
    let me = tx.author().ok()?.key.id();
    Some(rights.may_read(me, Topic::Campaign(campaign)))
}
