//! What becomes of an entry's payload once the entry is held: applied, or set aside with a reason. Neither blocks the
//! entries that follow.

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::sync::Arc;

use folkmoot_journal::{
    Applied, CampaignId, Cursor, Directory, Entry, Fault, FederationId, Limit, NodeId, Payload, PayloadKind,
    RefusalReason, Rights, Topic,
};
use rusqlite::{Connection, params};

use super::answers::logs_of_author;
use super::logs::{LogRow, at_place, entries_after, entry_at, log_of_row, logs_of_topic, stored_entry};
use super::memberships::{self, Campaigns};
use super::{checkpoints, newer, policies, scopes};
use crate::engine::{Role, Tx};
use crate::error::StoreError;
use crate::{academy, curriculum, hub};

/// What the journal keeps in memory beside the file. Cheap to clone; rolled back with its transaction.
#[derive(Clone, Default)]
pub(crate) struct Working {
    federation: Option<FederationId>,
    pub(super) rights: Rights,
}

impl Working {
    /// Reads it from the file.
    pub(crate) fn load(connection: &Connection) -> Result<Self, StoreError> {
        let federation: Option<[u8; 32]> = connection.query_row("SELECT federation FROM node", [], |row| row.get(0))?;
        let directory = Arc::new(directory_in(connection)?);
        let memberships = Arc::new(memberships::load(connection, &directory)?);
        Ok(Self { federation: federation.map(FederationId), rights: Rights { directory, memberships } })
    }

    /// The federation, once founded or joined.
    pub(crate) fn federation(&self) -> Option<FederationId> {
        self.federation
    }

    /// Who takes part. Empty before the node belongs to a federation.
    pub(crate) fn directory(&self) -> &Arc<Directory> {
        &self.rights.directory
    }

    /// Who may write and read which topic.
    pub(crate) fn rights(&self) -> &Rights {
        &self.rights
    }

    /// The Academy's id, once known.
    pub(crate) fn academy(&self) -> Option<NodeId> {
        self.rights.directory.academy().map(|(id, _)| id)
    }
}

/// Writes down which federation the node belongs to, for good.
pub(super) fn join(tx: &mut Tx<'_>, federation: FederationId) -> Result<(), StoreError> {
    tx.execute("UPDATE node SET federation = ?1", [federation.0])?;
    tx.working.federation = Some(federation);
    Ok(())
}

/// Who takes part, as the entries in the file add up.
pub(crate) fn directory_in(connection: &Connection) -> Result<Directory, StoreError> {
    let mut directory = Directory::default();
    let sql = "SELECT header, signature, salt, payload, place IN (SELECT place FROM set_aside) FROM entry
        WHERE place > ?1 AND place <= ?2 ORDER BY place";
    for log in logs_of_topic(connection, Topic::Directory)? {
        // What older software could not read is applied by `after_upgrade`, with all its consequences.
        let newer = newer::of_log(connection, &log)?;
        let mut statement = connection.prepare_cached(sql)?;
        let mut rows = statement.query(params![log.place(0), log.place(log.seq)])?;
        while let Some(row) = rows.next()? {
            let entry = stored_entry(row, 0)?;
            let Some(body) = entry.body else { continue };
            if newer.iter().any(|newer| newer.holds(&entry.header)) {
                continue;
            }
            // Of policies, those that do not stand yet are known as well.
            let set_aside: bool = row.get(4)?;
            if set_aside && entry.header.payload_kind != PayloadKind::PolicyRecord {
                continue;
            }
            // Whatever could not be read or could not stand was set aside when it came.
            if let Ok(Some(payload)) = Payload::decode(entry.header.payload_kind, &body.payload) {
                let _ = directory.apply(&payload);
            }
        }
    }
    Ok(directory)
}

/// An entry that is held and not applied. The parts that apply payloads give it; the journal writes it down, tells the
/// sender, and never lets it block another entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Aside {
    /// Why.
    pub(crate) reason: RefusalReason,
    /// A sentence for both operators; never text of a person.
    pub(crate) detail: String,
    /// What could mend it.
    pub(crate) retry: Retry,
}

impl Aside {
    pub(super) fn fault(fault: &Fault) -> Self {
        // A newer node may know a value that this software does not.
        Self { reason: fault.reason(), detail: fault.to_string(), retry: Retry::Upgrade }
    }

    pub(super) fn late() -> Self {
        let detail =
            "written after the last entry that the Academy, or the campaign's lead, accepted of this hub".to_owned();
        Self { reason: RefusalReason::AfterRevocation, detail, retry: Retry::Never }
    }

    fn misplaced() -> Self {
        let detail = "this kind of payload does not belong in this topic".to_owned();
        Self { reason: RefusalReason::MalformedPayload, detail, retry: Retry::Never }
    }
}

/// When an entry that was set aside is looked at again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Retry {
    /// Never.
    Never,
    /// Whenever the store is opened, which newer software may do.
    Upgrade,
    /// When a funding programme is registered.
    Programme,
}

impl Retry {
    fn code(self) -> i64 {
        match self {
            Self::Never => 0,
            Self::Upgrade => 1,
            Self::Programme => 2,
        }
    }
}

/// What the entries of one transaction did. [`Effects::settle`] draws the consequences, once.
#[derive(Default)]
pub(super) struct Effects {
    pub(super) directory_changed: bool,
    hubs: BTreeSet<NodeId>,
    programmes: bool,
    policies: bool,
    appointments: bool,
    newer: newer::Newer,
    pub(super) campaigns: Campaigns,
}

impl Effects {
    /// Gives the entries, by their places, that only all of the transaction together showed to be set aside. That is
    /// written down already.
    pub(super) fn settle(mut self, tx: &mut Tx<'_>) -> Result<Vec<(i64, Aside)>, StoreError> {
        self.newer.save(tx)?;
        if self.directory_changed {
            tx.mark_directory();
            scopes::rebuild_of(tx, &self.hubs)?;
            if tx.role() == Role::Academy {
                academy::note_regions(tx, &self.hubs)?;
            }
            for hub in &self.hubs {
                for log in logs_of_author(tx, *hub)? {
                    if take_back_late(tx, &log)? {
                        self.campaigns.count_again(log.id.topic);
                    }
                }
            }
            if self.programmes {
                programmes_registered(tx)?;
            }
            if self.appointments {
                memberships::after_appointment(tx, &mut self.campaigns)?;
            }
        }
        let mut asides = if self.policies { policies::settle(tx)? } else { Vec::new() };
        asides.extend(self.campaigns.settle(tx)?);
        Ok(asides)
    }
}

fn programmes_registered(tx: &mut Tx<'_>) -> Result<(), StoreError> {
    match tx.role() {
        Role::Hub => {
            let directory = Arc::clone(tx.working.directory());
            for programme in directory.programmes().iter() {
                hub::track_programme(tx, programme)?;
            }
            Ok(())
        }
        Role::Academy => again(tx, Retry::Programme),
    }
}

/// Sets aside what a revoked hub wrote past the last accepted entry of a log, so that what counts never depends on
/// whether the entries or the revocation came first. Says whether there is any.
pub(super) fn take_back_late(tx: &mut Tx<'_>, log: &LogRow) -> Result<bool, StoreError> {
    let after = match tx.working.rights.accepted_until(log.id) {
        Limit::None => return Ok(false),
        Limit::UpTo(last) => last.seq,
        Limit::Nothing => 0,
    };
    let after = after.max(checkpoints::base_seq(tx, log)?);
    if let Topic::Campaign(_) = log.id.topic {
        let mut late = Vec::new();
        entries_after(tx, log, after, |entry| {
            late.extend(entry.header.payload_kind.counts_by_role().then_some(entry.header.seq));
            Ok(ControlFlow::Continue(()))
        })?;
        late.iter().try_for_each(|seq| set_aside(tx, log, *seq, &Aside::late()))?;
        return Ok(!late.is_empty());
    }
    for seq in after + 1..=log.seq {
        set_aside(tx, log, seq, &Aside::late())?;
    }
    if after < log.seq && tx.role() == Role::Academy && matches!(log.id.topic, Topic::Releases(_)) {
        academy::withdraw_releases(tx, log.id.author, log.id.incarnation, after)?;
    }
    Ok(after < log.seq)
}

/// Applies the payload of an entry that was just stored, or sets the entry aside and says why.
pub(super) fn apply(
    tx: &mut Tx<'_>,
    log: &LogRow,
    entry: &Entry,
    effects: &mut Effects,
) -> Result<Option<Aside>, StoreError> {
    let aside = judge(tx, log, entry, effects)?;
    if let Some(aside) = &aside {
        set_aside(tx, log, entry.header.seq, aside)?;
    }
    Ok(aside)
}

fn judge(tx: &mut Tx<'_>, log: &LogRow, entry: &Entry, effects: &mut Effects) -> Result<Option<Aside>, StoreError> {
    let is_late = |tx: &Tx<'_>| !tx.working.rights.accepted_until(entry.log()).allows(entry.header.seq);
    let late = is_late(tx);
    let aside = match entry.header.topic {
        Topic::Campaign(campaign) => {
            let aside = join_campaign(tx, log, entry, campaign, effects)?;
            // Whoever does not edit may still say that it has dropped what was erased, or take the lead that it was given.
            let counts = !entry.header.payload_kind.counts_by_role() || !is_late(tx);
            return Ok(if counts { aside } else { Some(Aside::late()) });
        }
        Topic::Directory | Topic::Curriculum | Topic::Proposals(_) | Topic::Releases(_) if late => None,
        Topic::Directory | Topic::Curriculum | Topic::Proposals(_) | Topic::Releases(_) => {
            match read(log, entry, effects) {
                Ok(Some(payload)) => judge_payload(tx, log, entry, payload, effects)?,
                Ok(None) => None,
                Err(fault) => Some(Aside::fault(&fault)),
            }
        }
    };
    Ok(if late { Some(Aside::late()) } else { aside })
}

/// The payload of an entry; none where it is missing, or of a kind that is held for the day when this software knows it.
/// That is no fault of the sender's, who is not told.
fn read(log: &LogRow, entry: &Entry, effects: &mut Effects) -> Result<Option<Payload>, Fault> {
    let Some(body) = &entry.body else { return Ok(None) };
    let payload = Payload::decode(entry.header.payload_kind, &body.payload)?;
    if payload.is_none() {
        effects.newer.note(log, &entry.header);
    }
    Ok(payload)
}

/// A campaign's founding entry counts whatever became of its author since: the campaign is its members'. Late changes
/// are offered to the document, where a change that counts may build on them.
fn join_campaign(
    tx: &mut Tx<'_>,
    log: &LogRow,
    entry: &Entry,
    campaign: CampaignId,
    effects: &mut Effects,
) -> Result<Option<Aside>, StoreError> {
    if tx.role() == Role::Academy && entry.header.payload_kind == PayloadKind::CampaignChanges {
        // The Academy passes on what it does not read.
        return Ok(None);
    }
    match read(log, entry, effects) {
        Err(fault) => Ok(Some(Aside::fault(&fault))),
        Ok(None | Some(Payload::Opening(_))) => Ok(None),
        Ok(Some(Payload::CampaignAttestation(_))) => {
            effects.campaigns.attested(campaign);
            Ok(None)
        }
        Ok(Some(Payload::Membership(record))) => {
            memberships::found(tx, log, entry, campaign, record, &mut effects.campaigns)
        }
        Ok(Some(Payload::MembershipChange(_))) => {
            memberships::take(tx, log, entry, campaign, &mut effects.campaigns)?;
            Ok(None)
        }
        Ok(Some(Payload::CampaignCheckpoint(checkpoint))) => {
            memberships::check_point(tx, log, entry, campaign, &checkpoint, &mut effects.campaigns)
        }
        Ok(Some(Payload::CampaignChanges(_))) => {
            effects.campaigns.arrived(campaign, log.place(entry.header.seq));
            Ok(None)
        }
        Ok(Some(
            Payload::HubRecord(_)
            | Payload::ProgrammeRecord(_)
            | Payload::PolicyRecord(_)
            | Payload::Appointment(_)
            | Payload::Release(_)
            | Payload::Edition(_)
            | Payload::Retirement(_),
        )) => Ok(Some(Aside::misplaced())),
    }
}

fn judge_payload(
    tx: &mut Tx<'_>,
    log: &LogRow,
    entry: &Entry,
    payload: Payload,
    effects: &mut Effects,
) -> Result<Option<Aside>, StoreError> {
    match (entry.header.topic, payload) {
        (Topic::Directory, payload) => Ok(direct(tx, &payload, effects)),
        (_, Payload::Opening(_)) => Ok(None),
        (Topic::Curriculum, payload @ (Payload::Edition(_) | Payload::Retirement(_))) => {
            curriculum::take(tx, log, entry, &payload)
        }
        (Topic::Releases(_), Payload::Release(parts)) => {
            let cursor = entry.cursor();
            let bytes = entry.body.as_ref().map_or(&[][..], |body| &body.payload);
            let outcome = match tx.role() {
                Role::Academy => tx.attempt(|tx| academy::receive_release(tx, &cursor, &parts, bytes))?,
                // A hub takes no releases but its own.
                Role::Hub => tx.attempt(|tx| recover(tx, &cursor, bytes))?,
            };
            Ok(outcome.unwrap_or_else(|error| {
                let detail = format!("the release could not be taken: {error}");
                Some(Aside { reason: RefusalReason::MalformedPayload, detail, retry: Retry::Upgrade })
            }))
        }
        (
            Topic::Releases(_) | Topic::Curriculum | Topic::Proposals(_) | Topic::Campaign(_),
            Payload::HubRecord(_)
            | Payload::ProgrammeRecord(_)
            | Payload::PolicyRecord(_)
            | Payload::Release(_)
            | Payload::Edition(_)
            | Payload::Retirement(_)
            | Payload::Membership(_)
            | Payload::MembershipChange(_)
            | Payload::CampaignCheckpoint(_)
            | Payload::CampaignAttestation(_)
            | Payload::Appointment(_)
            | Payload::CampaignChanges(_),
        ) => Ok(Some(Aside::misplaced())),
    }
}

fn recover(tx: &mut Tx<'_>, cursor: &Cursor, payload: &[u8]) -> Result<Option<Aside>, StoreError> {
    hub::recover_release(tx, cursor, payload)?;
    Ok(None)
}

/// Applies a payload of the directory.
fn direct(tx: &mut Tx<'_>, payload: &Payload, effects: &mut Effects) -> Option<Aside> {
    match payload {
        Payload::Opening(_) | Payload::HubRecord(_) | Payload::ProgrammeRecord(_) | Payload::Appointment(_) => {}
        // Whether a policy stands, all that are known say together, once this one is among them.
        Payload::PolicyRecord(_) => effects.policies = true,
        Payload::Release(_)
        | Payload::Edition(_)
        | Payload::Retirement(_)
        | Payload::Membership(_)
        | Payload::MembershipChange(_)
        | Payload::CampaignCheckpoint(_)
        | Payload::CampaignAttestation(_)
        | Payload::CampaignChanges(_) => return Some(Aside::misplaced()),
    }
    match Arc::make_mut(&mut tx.working.rights.directory).apply(payload) {
        Err(Fault::Policy(_)) => None,
        Err(fault) => Some(Aside::fault(&fault)),
        Ok(Applied::Unchanged) => None,
        Ok(Applied::Changed) => {
            effects.directory_changed = true;
            match payload {
                Payload::HubRecord(record) => {
                    effects.hubs.insert(record.hub);
                }
                Payload::ProgrammeRecord(_) => effects.programmes = true,
                Payload::Appointment(_) => effects.appointments = true,
                Payload::Opening(_)
                | Payload::PolicyRecord(_)
                | Payload::Release(_)
                | Payload::Edition(_)
                | Payload::Retirement(_)
                | Payload::Membership(_)
                | Payload::MembershipChange(_)
                | Payload::CampaignCheckpoint(_)
                | Payload::CampaignAttestation(_)
                | Payload::CampaignChanges(_) => {}
            }
            None
        }
    }
}

fn set_aside(tx: &Tx<'_>, log: &LogRow, seq: u64, aside: &Aside) -> Result<(), StoreError> {
    set_aside_at(tx, log.place(seq), aside)
}

/// Writes down that the entry at a place is held and not applied.
pub(crate) fn set_aside_at(tx: &Tx<'_>, place: i64, aside: &Aside) -> Result<(), StoreError> {
    let sql = "INSERT INTO set_aside (place, reason, detail, retry, minute) VALUES (?1, ?2, ?3, ?4, ?5)
        ON CONFLICT (place) DO UPDATE SET reason = ?2, detail = ?3, retry = ?4";
    tx.prepare_cached(sql)?.execute(params![
        place,
        aside.reason.number(),
        aside.detail,
        aside.retry.code(),
        tx.minute()
    ])?;
    Ok(())
}

/// Whether anything is held that this software might apply and an older one could not, or that an older one did not
/// write down.
pub(crate) fn anything_waits_for_upgrade(connection: &Connection, role: Role) -> Result<bool, StoreError> {
    if role == Role::Academy && !academy::hubs_without_region(connection)?.is_empty() {
        return Ok(true);
    }
    let sql = "SELECT EXISTS (SELECT 1 FROM set_aside WHERE retry = 1)";
    let aside: bool = connection.query_row(sql, [], |row| row.get(0))?;
    Ok(aside || newer::all(connection)?.iter().any(newer::Range::is_known))
}

/// Looks again at what an older software could not apply: this one may.
pub(crate) fn after_upgrade(tx: &mut Tx<'_>) -> Result<(), StoreError> {
    if tx.role() == Role::Academy {
        academy::note_regions(tx, &academy::hubs_without_region(tx)?)?;
    }
    again(tx, Retry::Upgrade)?;
    let mut effects = Effects::default();
    for range in newer::all(tx)?.into_iter().filter(newer::Range::is_known) {
        newer::forget(tx, &range)?;
        let mut entries = Vec::new();
        entries_after(tx, &range.log, range.first - 1, |entry| {
            if range.holds(&entry.header) {
                entries.push(entry.into_entry());
            }
            Ok(ControlFlow::Continue(()))
        })?;
        for entry in entries {
            apply(tx, &range.log, &entry, &mut effects)?;
        }
        tx.mark_journal();
    }
    effects.settle(tx).map(|_| ())
}

/// Looks again at what was set aside until `retry`.
fn again(tx: &mut Tx<'_>, retry: Retry) -> Result<(), StoreError> {
    let places = {
        let mut statement = tx.prepare_cached("SELECT place FROM set_aside WHERE retry = ?1 ORDER BY place")?;
        statement.query_map([retry.code()], |row| row.get(0))?.collect::<Result<Vec<i64>, _>>()?
    };
    let mut effects = Effects::default();
    for place in places {
        let (row, seq) = at_place(place);
        let log = log_of_row(tx, row)?;
        let Some(entry) = entry_at(tx, &log, seq)? else { continue };
        if apply(tx, &log, &entry.into_entry(), &mut effects)?.is_none() {
            tx.execute("DELETE FROM set_aside WHERE place = ?1", [place])?;
            tx.mark_journal();
            tx.mark_releases();
        }
    }
    effects.settle(tx).map(|_| ())
}

/// Draws the consequences of a fork, past whose last common entry nothing counts: what counts is worked out anew.
pub(super) fn after_fork(tx: &mut Tx<'_>, log: &LogRow, effects: &mut Effects) -> Result<(), StoreError> {
    if tx.role() == Role::Academy && matches!(log.id.topic, Topic::Releases(_)) {
        academy::withdraw_releases(tx, log.id.author, log.id.incarnation, log.seq)?;
    }
    if let Topic::Campaign(campaign) = log.id.topic {
        memberships::after_fork(tx, campaign, &mut effects.campaigns)?;
    }
    if log.id.topic == Topic::Directory {
        let before = Arc::clone(tx.working.directory());
        tx.working.rights.directory = Arc::new(directory_in(tx)?);
        effects.directory_changed = before != tx.working.rights.directory;
        let hubs = before.hubs().keys().chain(tx.working.directory().hubs().keys());
        effects.hubs = hubs.copied().collect();
        effects.policies = true;
        effects.appointments = true;
    }
    Ok(())
}

/// The numbers of a log's entries that were set aside and of which its author is told, ascending.
pub(super) fn set_aside_of(connection: &Connection, log: &LogRow) -> Result<Vec<u64>, StoreError> {
    let sql = "SELECT place FROM set_aside WHERE place > ?1 AND place <= ?2 ORDER BY place LIMIT 65536";
    let mut statement = connection.prepare_cached(sql)?;
    let rows = statement.query_map(params![log.place(0), log.place(log.seq)], |row| row.get(0))?;
    rows.map(|place| Ok(at_place(place?).1)).collect()
}
