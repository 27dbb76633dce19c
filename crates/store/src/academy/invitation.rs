//! Codes that let hubs join: made, redeemed once, redeemed again by the same hub whose answer was lost.

use folkmoot_domain::hub::{HubKind, HubName, Stage};
use folkmoot_journal::{Hash, HubRecord, HubState, LogPublicKey, NodeId};
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::AcademyStore;
use super::hubs::{append_record, enrolled_by_name};
use crate::engine::{Tx, UnixMillis};
use crate::error::StoreError;

/// How long a code can be redeemed.
const LIFETIME_MS: i64 = 24 * 60 * 60 * 1_000;

/// Whom a code is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invitation {
    /// The hub's name, which the code is bound to.
    pub name: HubName,
    /// What the hub is.
    pub kind: HubKind,
    /// The hub's region; may be empty.
    pub region: String,
    /// How far along the hub is.
    pub stage: Stage,
}

/// A hub that redeems a code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Enrolment {
    /// BLAKE3 of the code's token.
    pub token_hash: Hash,
    /// The hub's name.
    pub name: HubName,
    /// Signs the hub's entries.
    pub log_key: LogPublicKey,
    /// The key that the hub's connections will show: SubjectPublicKeyInfo, DER.
    pub tls_key: Vec<u8>,
    /// HOST:PORT where the hub can be dialled.
    pub address: Option<String>,
}

impl AcademyStore {
    /// Notes a code by the hash of its token, and returns until when it can be redeemed: 24 hours. A code that the name
    /// has and that was not redeemed no longer counts. An empty `request_id` is none.
    ///
    /// # Errors
    /// [`StoreError::HubNameTaken`] where a hub of the name has joined; [`StoreError::RequestRepeated`]; failures of the
    /// database.
    pub fn invite(&self, token_hash: Hash, invitation: Invitation, request_id: &str) -> Result<UnixMillis, StoreError> {
        let request_id = request_id.to_owned();
        self.store.write("academy invite", move |tx| {
            note_request(tx, &request_id)?;
            if enrolled_by_name(tx, &invitation.name).is_some() {
                return Err(StoreError::HubNameTaken { name: invitation.name.to_string() });
            }
            tx.execute(
                "UPDATE invitation SET withdrawn = 1 WHERE name = ?1 AND hub IS NULL AND withdrawn = 0",
                [invitation.name.as_str()],
            )?;
            let now = tx.now().0;
            let expires = now.saturating_add(LIFETIME_MS);
            tx.execute(
                "INSERT INTO invitation (token_hash, name, kind, region, stage, created_at, expires_at, withdrawn)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 0)",
                params![
                    token_hash.0,
                    invitation.name.as_str(),
                    invitation.kind.code(),
                    invitation.region,
                    invitation.stage.code(),
                    now,
                    expires
                ],
            )?;
            Ok(UnixMillis(expires))
        })
    }

    /// Lets a hub in, and lists it in the directory in the same transaction. Redeeming a code again with the same name
    /// and keys returns the hub as it is listed now, so that a lost answer costs nothing.
    ///
    /// # Errors
    /// [`StoreError::InviteUnknown`], [`StoreError::InviteOtherName`], [`StoreError::InviteUsed`],
    /// [`StoreError::InviteWithdrawn`], [`StoreError::InviteExpired`]; [`StoreError::HubNameTaken`];
    /// [`StoreError::KeyInUse`] where the directory lists one of the keys; [`StoreError::HubRevoked`]; failures of the
    /// database.
    pub fn redeem(&self, enrolment: Enrolment) -> Result<HubRecord, StoreError> {
        self.store.write("academy redeem", move |tx| redeem(tx, enrolment))
    }
}

fn redeem(tx: &mut Tx<'_>, enrolment: Enrolment) -> Result<HubRecord, StoreError> {
    let hub = enrolment.log_key.id();
    let held = find(tx, enrolment.token_hash)?.ok_or(StoreError::InviteUnknown)?;
    if held.invitation.name != enrolment.name {
        return Err(StoreError::InviteOtherName);
    }
    if let Some((by, tls_key)) = held.used {
        if (by, &tls_key) != (hub, &enrolment.tls_key) {
            return Err(StoreError::InviteUsed);
        }
        let record = tx.working.directory().hubs().get(&hub).cloned();
        let record = record.ok_or_else(|| StoreError::inconsistent("the directory, which lacks a hub that joined"))?;
        return if record.state == HubState::Revoked { Err(StoreError::HubRevoked) } else { Ok(record) };
    }
    if held.withdrawn {
        return Err(StoreError::InviteWithdrawn);
    }
    let now = tx.now();
    if now >= held.expires_at {
        return Err(StoreError::InviteExpired);
    }
    let directory = tx.working.directory();
    let listed = directory.hubs().get(&hub).filter(|record| {
        record.state == HubState::Enrolled && (&record.name, &record.tls_key) == (&enrolment.name, &enrolment.tls_key)
    });
    let listed = listed.cloned();
    if listed.is_none() {
        if enrolled_by_name(tx, &enrolment.name).is_some() {
            return Err(StoreError::HubNameTaken { name: enrolment.name.to_string() });
        }
        if directory.member(hub).is_some() || directory.by_tls_key(&enrolment.tls_key).is_some() {
            return Err(StoreError::KeyInUse);
        }
    }
    tx.execute(
        "UPDATE invitation SET hub = ?2, tls_key = ?3, used_at = ?4 WHERE token_hash = ?1",
        params![enrolment.token_hash.0, hub.0, enrolment.tls_key, now.0],
    )?;
    if let Some(record) = listed {
        // This folder was restored from an older copy: the directory came back from the hubs, the used code did not.
        return Ok(record);
    }
    let Invitation { name, kind, region, stage } = held.invitation;
    let record = HubRecord {
        hub,
        version: 1,
        name,
        log_key: enrolment.log_key,
        tls_key: enrolment.tls_key,
        address: enrolment.address,
        kind,
        region,
        stage,
        state: HubState::Enrolled,
        last_accepted: Vec::new(),
    };
    append_record(tx, &record)?;
    Ok(record)
}

/// An invitation as it stands.
pub(super) struct HeldInvitation {
    pub(super) invitation: Invitation,
    pub(super) expires_at: UnixMillis,
    withdrawn: bool,
    used: Option<(NodeId, Vec<u8>)>,
}

const COLUMNS: &str = "name, kind, region, stage, expires_at, withdrawn, hub, tls_key";

fn find(connection: &Connection, token_hash: Hash) -> Result<Option<HeldInvitation>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM invitation WHERE token_hash = ?1");
    connection.prepare_cached(&sql)?.query_row([token_hash.0], |row| Ok(held(row))).optional()?.transpose()
}

/// The codes that can still be redeemed, or could have been until they expired, by name.
pub(super) fn open(connection: &Connection) -> Result<Vec<HeldInvitation>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM invitation WHERE hub IS NULL AND withdrawn = 0 ORDER BY name");
    let mut statement = connection.prepare_cached(&sql)?;
    let rows = statement.query_map([], |row| Ok(held(row)))?.collect::<Result<Vec<_>, _>>()?;
    rows.into_iter().collect()
}

fn held(row: &Row<'_>) -> Result<HeldInvitation, StoreError> {
    let unreadable = |_| StoreError::inconsistent("an invitation");
    let word = |column| row.get::<_, String>(column);
    let (hub, tls_key): (Option<[u8; 32]>, Option<Vec<u8>>) = (row.get(6)?, row.get(7)?);
    Ok(HeldInvitation {
        invitation: Invitation {
            name: word(0)?.parse().map_err(unreadable)?,
            kind: word(1)?.parse().map_err(unreadable)?,
            region: word(2)?,
            stage: word(3)?.parse().map_err(unreadable)?,
        },
        expires_at: UnixMillis(row.get(4)?),
        withdrawn: row.get(5)?,
        used: hub.map(NodeId).zip(tls_key),
    })
}

/// Notes the id of a request that makes a code; the code is shown once, so that a repeated request has no answer.
fn note_request(connection: &Connection, request_id: &str) -> Result<(), StoreError> {
    if request_id.is_empty() {
        return Ok(());
    }
    let sql = "INSERT INTO request (id, made) VALUES (?1, 'invitation') ON CONFLICT (id) DO NOTHING";
    match connection.execute(sql, [request_id])? {
        0 => Err(StoreError::RequestRepeated),
        _ => Ok(()),
    }
}
