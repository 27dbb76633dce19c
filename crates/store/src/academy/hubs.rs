//! The hubs as the Academy knows them: those in the directory, and those invited that have not joined.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use folkmoot_domain::hub::{HubKind, HubName, Stage};
use folkmoot_journal::entry::PAYLOAD_LIMIT;
use folkmoot_journal::{Cursor, HubRecord, HubState, NodeId, PayloadKind, Topic, encode_hub_record};
use rusqlite::{Connection, params};

use super::{AcademyStore, invitation};
use crate::engine::{Tx, UnixMillis};
use crate::error::StoreError;
use crate::journal::{append_in, tips};

/// A hub as the Academy knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownHub {
    /// The node id; `None` before the hub has joined.
    pub id: Option<NodeId>,
    /// The name.
    pub name: HubName,
    /// What the hub is.
    pub kind: HubKind,
    /// The region; may be empty.
    pub region: String,
    /// How far along the hub is.
    pub stage: Stage,
    /// Whether the hub's node may take part.
    pub state: KnownState,
    /// HOST:PORT where the hub can be dialled.
    pub address: Option<String>,
    /// When the hub joined; `None` where it has not, or where this folder was restored and no longer knows.
    pub joined_at: Option<UnixMillis>,
    /// When the last exchange with the hub succeeded.
    pub last_seen_at: Option<UnixMillis>,
    /// Until when the hub's code can be redeemed; `None` once it has joined.
    pub invited_until: Option<UnixMillis>,
    /// Counts the changes to what the directory says of the hub; 0 before it has joined.
    pub version: u32,
}

/// Whether a hub's node may take part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KnownState {
    /// Invited, and not joined yet.
    Invited,
    /// It may.
    Enrolled,
    /// It may not for now.
    Suspended,
    /// It may not, ever; or its code was withdrawn before it joined.
    Revoked,
}

/// Names a hub.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WhichHub {
    /// By its node id.
    Id(NodeId),
    /// By its name. Of several hubs that had a name, the one that may take part.
    Name(HubName),
}

/// What to change of a hub.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct HubChange {
    /// The region.
    pub region: Option<String>,
    /// The stage.
    pub stage: Option<Stage>,
    /// The version that the change was decided on, where the caller minds.
    pub version: Option<u32>,
}

impl AcademyStore {
    /// Every hub by name, invited ones too.
    ///
    /// # Errors
    /// Failures of the database.
    pub fn hubs(&self) -> Result<Vec<KnownHub>, StoreError> {
        let working = self.store.working();
        let directory = working.directory();
        self.store.read("academy hubs", move |connection| {
            let (joined, seen) = (joined(connection)?, seen(connection)?);
            let listed = directory.hubs().values().map(|record| KnownHub {
                joined_at: joined.get(&record.hub).copied(),
                last_seen_at: seen.get(&record.hub).copied(),
                ..known(record)
            });
            let mut hubs: Vec<KnownHub> = listed.collect();
            hubs.extend(invitation::open(connection)?.into_iter().map(invited));
            hubs.sort_by(|one, other| (&one.name, one.id).cmp(&(&other.name, other.id)));
            Ok(hubs)
        })
    }

    /// Changes a hub's region or stage. What changes nothing makes no new version.
    ///
    /// # Errors
    /// [`StoreError::NoSuchHub`]; [`StoreError::HubRevoked`]; [`StoreError::HubChanged`] where the version is another;
    /// failures of the database.
    pub fn update_hub(&self, which: WhichHub, change: HubChange) -> Result<KnownHub, StoreError> {
        let id = self.store.write("academy update hub", move |tx| {
            let Some(record) = find(tx, &which)? else { return update_invited(tx, &which, &change) };
            if record.state == HubState::Revoked {
                return Err(StoreError::HubRevoked);
            }
            if change.version.is_some_and(|version| version != record.version) {
                return Err(StoreError::HubChanged);
            }
            let changed = HubRecord {
                region: change.region.unwrap_or_else(|| record.region.clone()),
                stage: change.stage.unwrap_or(record.stage),
                ..record.clone()
            };
            if changed != record {
                append_record(tx, &next_version(changed)?)?;
            }
            Ok(WhichHub::Id(record.hub))
        })?;
        self.hub(&id)
    }

    /// Cuts a hub off, for ever: its entries count up to those held now. A hub that has not joined has its code
    /// withdrawn. Doing it again changes nothing.
    ///
    /// # Errors
    /// [`StoreError::NoSuchHub`]; failures of the database.
    pub fn revoke_hub(&self, which: WhichHub) -> Result<KnownHub, StoreError> {
        let cut = self.store.write("academy revoke hub", move |tx| {
            let Some(record) = find(tx, &which)? else { return withdraw(tx, &which).map(Box::new).map(Cut::Withdrawn) };
            if record.state != HubState::Revoked {
                let mut last_accepted = Vec::new();
                for topic in [Topic::Proposals(record.hub), Topic::Releases(record.hub)] {
                    last_accepted.extend(tips(tx, topic)?.into_iter().map(|tip| (topic, tip)));
                }
                last_accepted.extend(relayed_tips(tx, record.hub)?);
                let revoked = HubRecord { state: HubState::Revoked, last_accepted, ..record.clone() };
                append_record(tx, &within_an_entry(next_version(revoked)?))?;
            }
            Ok(Cut::Off(record.hub))
        })?;
        match cut {
            Cut::Off(id) => self.hub(&WhichHub::Id(id)),
            Cut::Withdrawn(hub) => Ok(*hub),
        }
    }

    /// Lists where a hub can be dialled, as it says itself whenever it connects; `false` where that is listed already,
    /// or the hub may not take part.
    ///
    /// # Errors
    /// Failures of the database.
    pub fn list_address(&self, hub: NodeId, address: Option<String>) -> Result<bool, StoreError> {
        let listed = |record: &HubRecord| record.state != HubState::Enrolled || record.address == address;
        // Nearly always it is listed: no transaction then.
        if self.store.working().directory().hubs().get(&hub).is_none_or(listed) {
            return Ok(false);
        }
        self.store.write("academy list address", move |tx| {
            let Some(record) = tx.working.directory().hubs().get(&hub).cloned() else { return Ok(false) };
            if record.state != HubState::Enrolled || record.address == address {
                return Ok(false);
            }
            append_record(tx, &next_version(HubRecord { address, ..record })?)?;
            Ok(true)
        })
    }

    fn hub(&self, which: &WhichHub) -> Result<KnownHub, StoreError> {
        let named = |hub: &KnownHub| match which {
            WhichHub::Id(id) => hub.id == Some(*id),
            WhichHub::Name(name) => hub.id.is_none() && hub.name == *name,
        };
        self.hubs()?.into_iter().find(named).ok_or(StoreError::NoSuchHub)
    }
}

/// What a revocation came to.
enum Cut {
    /// A hub that had joined.
    Off(NodeId),
    /// The code of a hub that had not.
    Withdrawn(Box<KnownHub>),
}

fn known(record: &HubRecord) -> KnownHub {
    KnownHub {
        id: Some(record.hub),
        name: record.name.clone(),
        kind: record.kind,
        region: record.region.clone(),
        stage: record.stage,
        state: match record.state {
            HubState::Enrolled => KnownState::Enrolled,
            HubState::Suspended => KnownState::Suspended,
            HubState::Revoked => KnownState::Revoked,
        },
        address: record.address.clone(),
        joined_at: None,
        last_seen_at: None,
        invited_until: None,
        version: record.version,
    }
}

fn invited(held: invitation::HeldInvitation) -> KnownHub {
    let invitation::Invitation { name, kind, region, stage } = held.invitation;
    KnownHub {
        id: None,
        name,
        kind,
        region,
        stage,
        state: KnownState::Invited,
        address: None,
        joined_at: None,
        last_seen_at: None,
        invited_until: Some(held.expires_at),
        version: 0,
    }
}

/// The hub that the directory lists, as this transaction has it so far.
fn find(tx: &Tx<'_>, which: &WhichHub) -> Result<Option<HubRecord>, StoreError> {
    let hubs = tx.working.directory().hubs();
    let name = match which {
        WhichHub::Id(id) => return Ok(hubs.get(id).cloned()),
        WhichHub::Name(name) => name,
    };
    // One that may take part comes before any that may not; and a name that is invited anew is not one of the past.
    let named = hubs.values().filter(|record| record.name == *name).min_by_key(|record| (record.state, record.hub));
    let Some(found) = named else { return Ok(None) };
    let past = found.state == HubState::Revoked && find_invited(tx, name)?.is_some();
    Ok((!past).then(|| found.clone()))
}

/// The hub of a name that is invited and has not joined.
fn find_invited(connection: &Connection, name: &HubName) -> Result<Option<KnownHub>, StoreError> {
    let open = invitation::open(connection)?;
    Ok(open.into_iter().find(|held| held.invitation.name == *name).map(invited))
}

/// The hub of a name that has joined and was not revoked.
pub(super) fn enrolled_by_name<'a>(tx: &'a Tx<'_>, name: &HubName) -> Option<&'a HubRecord> {
    let mut hubs = tx.working.directory().hubs().values();
    hubs.find(|record| record.name == *name && record.state != HubState::Revoked)
}

/// The last entries held of a hub's logs in the campaigns that the Academy relays, under the names that only their
/// members can tell.
fn relayed_tips(tx: &Tx<'_>, hub: NodeId) -> Result<Vec<(Topic, Cursor)>, StoreError> {
    let mut held = Vec::new();
    let memberships = &tx.working.rights().memberships;
    for (campaign, _) in memberships.iter().filter(|(_, held)| held.roster.academy_relays()) {
        let hidden = Topic::Campaign(campaign.hidden_of(hub));
        let tips = tips(tx, Topic::Campaign(campaign))?;
        held.extend(tips.into_iter().filter(|tip| tip.author == hub).map(|tip| (hidden, tip)));
    }
    Ok(held)
}

/// Names no more logs than an entry has room for, the longest first: a hub must not escape its revocation by the number of
/// its logs. Those that are not named end at once.
fn within_an_entry(mut record: HubRecord) -> HubRecord {
    if encode_hub_record(&record).len() > PAYLOAD_LIMIT {
        record.last_accepted.sort_by_key(|(_, tip)| Reverse(tip.seq));
        while !record.last_accepted.is_empty() && encode_hub_record(&record).len() > PAYLOAD_LIMIT {
            record.last_accepted.truncate(record.last_accepted.len() * 9 / 10);
        }
        record.last_accepted.sort_unstable();
    }
    record
}

/// Says in the directory's log what the Academy now says of a hub.
pub(super) fn append_record(tx: &mut Tx<'_>, record: &HubRecord) -> Result<(), StoreError> {
    append_in(tx, Topic::Directory, PayloadKind::HubRecord, encode_hub_record(record))?;
    Ok(())
}

fn next_version(record: HubRecord) -> Result<HubRecord, StoreError> {
    let version = record.version.checked_add(1);
    let version = version.ok_or_else(|| StoreError::inconsistent("a hub changed as often as can be counted"))?;
    Ok(HubRecord { version, ..record })
}

fn update_invited(tx: &Tx<'_>, which: &WhichHub, change: &HubChange) -> Result<WhichHub, StoreError> {
    let WhichHub::Name(name) = which else { return Err(StoreError::NoSuchHub) };
    let changed = tx.execute(
        "UPDATE invitation SET region = coalesce(?2, region), stage = coalesce(?3, stage)
         WHERE name = ?1 AND hub IS NULL AND withdrawn = 0",
        params![name.as_str(), change.region, change.stage.map(Stage::code)],
    )?;
    if changed == 0 { Err(StoreError::NoSuchHub) } else { Ok(which.clone()) }
}

fn withdraw(tx: &Tx<'_>, which: &WhichHub) -> Result<KnownHub, StoreError> {
    let WhichHub::Name(name) = which else { return Err(StoreError::NoSuchHub) };
    let invited = find_invited(tx, name)?.ok_or(StoreError::NoSuchHub)?;
    let sql = "UPDATE invitation SET withdrawn = 1 WHERE name = ?1 AND hub IS NULL AND withdrawn = 0";
    tx.execute(sql, [name.as_str()])?;
    Ok(KnownHub { state: KnownState::Revoked, invited_until: None, ..invited })
}

/// When each hub joined.
fn joined(connection: &Connection) -> Result<BTreeMap<NodeId, UnixMillis>, StoreError> {
    moments(connection, "SELECT hub, used_at FROM invitation WHERE hub IS NOT NULL")
}

/// When the last exchange with each node succeeded.
fn seen(connection: &Connection) -> Result<BTreeMap<NodeId, UnixMillis>, StoreError> {
    moments(connection, "SELECT node, last_success FROM peer WHERE last_success IS NOT NULL")
}

fn moments(connection: &Connection, sql: &str) -> Result<BTreeMap<NodeId, UnixMillis>, StoreError> {
    let mut statement = connection.prepare_cached(sql)?;
    let rows = statement.query_map([], |row| Ok((NodeId(row.get(0)?), UnixMillis(row.get(1)?))))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

#[cfg(test)]
mod tests {
    use folkmoot_journal::{Hash, Incarnation};

    use super::*;
    use crate::journal::tests::{key, record};

    #[test]
    fn a_hub_with_logs_without_end_can_be_revoked_all_the_same() {
        let hub = key(2);
        let named = |count: u64| {
            let tip =
                |at: u64| Cursor { author: hub.id(), incarnation: Incarnation(at), seq: at + 1, hash: Hash([7; 32]) };
            (0..count).map(|at| (Topic::Releases(hub.id()), tip(at))).collect::<Vec<_>>()
        };
        let few = record(&hub, 2, HubState::Revoked, named(100));
        assert_eq!(within_an_entry(few.clone()), few);
        let many = within_an_entry(record(&hub, 2, HubState::Revoked, named(20_000)));
        assert!(encode_hub_record(&many).len() <= PAYLOAD_LIMIT);
        let least = many.last_accepted.iter().map(|(_, tip)| tip.seq).min();
        assert_eq!(least, Some(20_000 - many.last_accepted.len() as u64 + 1), "the longest are named");
        assert!(many.last_accepted.len() > 3_000 && many.last_accepted.is_sorted());
    }
}
