//! The ledger of what was approved to leave: exact bytes, each sent once.

use std::sync::Arc;

use folkmoot_disclosure::{Policies, Release, ReleaseParts};
use folkmoot_domain::calendar::{Period, Span, parse_date};
use folkmoot_journal::payload::{Payload, encode_release};
use folkmoot_journal::{Cursor, Hash, Incarnation, NodeId, PayloadKind, Topic};
use folkmoot_proto::federation::v1;
use prost::Message;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::HubStore;
use super::account::{Counted, Mark, freeze_again};
use super::hold::{self, Hold};
use crate::engine::{Tx, UnixMillis};
use crate::error::StoreError;
use crate::journal::{append_in, find_log, signed, unsigned};

/// What [`held`] reads of the ledger.
macro_rules! held_columns {
    () => {
        "SELECT key, period, revision, payload, approved_at, author, incarnation, seq, hash, superseded_at IS NULL, \
         approved_by FROM release"
    };
}

/// A release that was approved, and how far it has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApprovedRelease {
    /// Names it: the period with `-` for `/`, then a dot and the revision, such as `programme-COEP.0`. One that left
    /// although another of its period and revision stands has one more dot and a number.
    pub id: String,
    /// The period.
    pub period: Period,
    /// 0 for the first release of the period.
    pub revision: u32,
    /// The very bytes.
    pub payload: Vec<u8>,
    /// When it was approved; of one that came back after a restore, when it came back.
    pub approved_at: UnixMillis,
    /// Who approved it.
    pub approved_by: Approver,
    /// What keeps it from leaving, where it has not left.
    pub hold: Option<Hold>,
    /// How far it has come.
    pub state: ReleaseState,
}

/// Who approves a release.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Approver {
    /// A person, by the user's number on the node's machine.
    Person {
        /// The number.
        uid: u32,
    },
    /// The hub, by its policy for releases of such a kind.
    Policy,
    /// Nobody wrote it down: it came back after a restore, or was approved with an earlier version of this software.
    Unrecorded,
}

impl Approver {
    fn column(self) -> Option<i64> {
        match self {
            Self::Person { uid } => Some(uid.into()),
            Self::Policy => Some(-1),
            Self::Unrecorded => None,
        }
    }

    fn of_column(column: Option<i64>) -> Self {
        match column.map(u32::try_from) {
            Some(Ok(uid)) => Self::Person { uid },
            Some(Err(_)) => Self::Policy,
            None => Self::Unrecorded,
        }
    }
}

/// How far a release has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReleaseState {
    /// Approved; it waits for a session with the Academy.
    Approved,
    /// In the signed log.
    Sent,
    /// The Academy durably holds it.
    Acknowledged {
        /// The minute of the Academy's latest receipt that covers it, since 1970-01-01T00:00Z.
        minute: u32,
    },
    /// The Academy durably holds it and has set it aside.
    SetAside {
        /// The minute of the Academy's latest receipt that covers it, since 1970-01-01T00:00Z.
        minute: u32,
        /// Why, in the Academy's words.
        reason: String,
    },
}

impl HubStore {
    /// Approves a release that was prepared from what was counted: its bytes are stored, to be appended in the next session
    /// with the Academy, and the facts that it was counted from are frozen. Approving the same bytes again returns what
    /// stands. Where a person approves, a hold on the period is lifted.
    ///
    /// # Errors
    /// [`StoreError::ReleaseStands`] where another release of the period and revision was approved before;
    /// [`StoreError::LedgerChanged`] where releases were approved, or came back, since it was counted.
    pub fn approve(
        &self,
        release: &Release,
        counted: &Counted,
        approver: Approver,
    ) -> Result<ApprovedRelease, StoreError> {
        let (period, revision, span) = (release.period().to_string(), release.revision(), release.span());
        let (payload, freezing) = (encode_release(release), Arc::clone(&counted.freezing));
        let id = release_id(release.period(), revision);
        let wanted = id.clone();
        self.store.write("hub approve release", move |tx| {
            let mark = Mark::of(tx)?;
            supersede_overtaken(tx, &period)?;
            match standing(tx, &period, revision)? {
                Some(held) if held.payload == payload => {}
                Some(_) => return Err(StoreError::ReleaseStands { id }),
                None if mark != freezing.mark || revision != next_revision(tx, &period)? => {
                    return Err(StoreError::LedgerChanged);
                }
                None => {
                    tx.execute(
                        "INSERT INTO release (period, revision, payload, approved_at, approved_by) \
                         VALUES (?1, ?2, ?3, ?4, ?5)",
                        params![period, revision, payload, tx.now().0, approver.column()],
                    )?;
                    freezing.freeze(tx, tx.last_insert_rowid(), span, true)?;
                    tx.mark_releases();
                }
            }
            match approver {
                Approver::Person { uid } => hold::resume(tx, &period, uid).map(|_| ()),
                Approver::Policy | Approver::Unrecorded => Ok(()),
            }
        })?;
        self.release(&wanted)?.ok_or_else(|| StoreError::inconsistent("the release that was approved"))
    }

    /// Every release that stands and every other that ever left, the latest approved first.
    ///
    /// # Errors
    /// Failures of the database.
    pub fn releases(&self) -> Result<Vec<ApprovedRelease>, StoreError> {
        let academy = self.academy();
        self.store.read("hub releases", |connection| {
            let mut statement = connection.prepare_cached(concat!(
                held_columns!(),
                " WHERE superseded_at IS NULL OR seq IS NOT NULL ORDER BY key DESC"
            ))?;
            let held = statement.query_map([], held)?.collect::<Result<Vec<_>, _>>()?;
            held.into_iter().map(|held| approved(connection, held, academy)).collect()
        })
    }

    /// The release of an id; `None` where there is none.
    ///
    /// # Errors
    /// Failures of the database.
    pub fn release(&self, id: &str) -> Result<Option<ApprovedRelease>, StoreError> {
        // A hub has a few dozen.
        Ok(self.releases()?.into_iter().find(|release| release.id == id))
    }

    /// The release that stands for a period, at its latest revision.
    ///
    /// # Errors
    /// Failures of the database.
    pub fn standing_release(&self, period: &Period) -> Result<Option<ApprovedRelease>, StoreError> {
        let (period, academy) = (period.to_string(), self.academy());
        self.store.read("hub standing release", move |connection| {
            let held = connection
                .prepare_cached(concat!(
                    held_columns!(),
                    " WHERE superseded_at IS NULL AND period = ?1 ORDER BY revision DESC LIMIT 1"
                ))?
                .query_row([period], held)
                .optional()?;
            held.map(|held| approved(connection, held, academy)).transpose()
        })
    }

    fn academy(&self) -> Option<NodeId> {
        self.store.working().academy()
    }
}

fn release_id(period: &Period, revision: u32) -> String {
    format!("{}.{revision}", period.to_string().replace('/', "-"))
}

/// What waits to be sent, in the order of approval, which is that of revisions: approved, not held, under the policy in
/// force, and not outrun by what left before this folder was restored.
fn waiting(connection: &Connection, policies: &Policies) -> Result<Vec<(i64, Vec<u8>)>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT key, payload FROM release WHERE superseded_at IS NULL AND seq IS NULL \
         AND NOT EXISTS (SELECT 1 FROM hold WHERE hold.period = release.period AND resumed_at IS NULL) \
         AND NOT EXISTS (SELECT 1 FROM release AS sent WHERE sent.period = release.period \
         AND sent.revision >= release.revision AND sent.seq IS NOT NULL) ORDER BY key",
    )?;
    let mut rows = statement.query([])?;
    let mut waiting = Vec::new();
    while let Some(row) = rows.next()? {
        let payload: Vec<u8> = row.get(1)?;
        if !is_overtaken(&read(&payload)?, policies) {
            waiting.push((row.get(0)?, payload));
        }
    }
    Ok(waiting)
}

/// Whether a stricter policy came into force for the period since a release was made: then it never leaves.
fn is_overtaken(parts: &ReleaseParts, policies: &Policies) -> bool {
    span_of(parts).is_some_and(|span| parts.policy_version < policies.in_force(span).version())
}

fn span_of(parts: &ReleaseParts) -> Option<Span> {
    let span = Span { first: parse_date(&parts.first_day)?, last: parse_date(&parts.last_day)? };
    (span.first <= span.last).then_some(span)
}

fn read(payload: &[u8]) -> Result<ReleaseParts, StoreError> {
    match Payload::decode(PayloadKind::Release, payload) {
        Ok(Some(Payload::Release(parts))) => Ok(parts),
        Ok(_) | Err(_) => Err(StoreError::inconsistent("a release of this hub's own")),
    }
}

/// How many releases were approved and can be sent.
pub(crate) fn releases_waiting(connection: &Connection, policies: &Policies) -> Result<u64, StoreError> {
    Ok(waiting(connection, policies)?.len() as u64)
}

/// Appends what was approved and can be sent to this hub's log of releases.
pub(crate) fn append_approved(tx: &mut Tx<'_>) -> Result<(), StoreError> {
    let waiting = waiting(tx, tx.working.directory().policies())?;
    let topic = Topic::Releases(tx.author()?.key.id());
    for (key, payload) in waiting {
        let cursor = append_in(tx, topic, PayloadKind::Release, payload)?;
        send(tx, key, &cursor)?;
        tx.mark_releases();
    }
    Ok(())
}

/// Takes back into the ledger a release of this hub's own that a restored folder had lost and a peer has handed back.
/// What was sent stands: another release of the period that waits here is superseded and kept. The people who are counted
/// now in its quarters are taken for those who were, where none are frozen.
pub(crate) fn recover_release(tx: &mut Tx<'_>, cursor: &Cursor, payload: &[u8]) -> Result<(), StoreError> {
    let parts = read(payload)?;
    if parts.period.parse::<Period>().is_err() {
        return Err(StoreError::inconsistent("a release of this hub's own"));
    }
    let known = tx
        .query_row(
            "SELECT 1 FROM release WHERE incarnation = ?1 AND seq = ?2",
            params![signed(cursor.incarnation.0), signed(cursor.seq)],
            |_| Ok(()),
        )
        .optional()?;
    if known.is_some() {
        return Ok(());
    }
    tx.mark_releases();
    let now = tx.now().0;
    let superseded = match standing(tx, &parts.period, parts.revision)? {
        Some(held) if held.cursor.is_none() && held.payload == payload => {
            send(tx, held.key, cursor)?;
            return freeze_as_of(tx, held.key, &parts);
        }
        Some(held) if held.cursor.is_none() => {
            tx.execute("UPDATE release SET superseded_at = ?2 WHERE key = ?1", params![held.key, now])?;
            None
        }
        // Two of one period went out: the first to be known stands here, the Academy says which it holds.
        Some(_) => Some(now),
        None => None,
    };
    tx.execute(
        "INSERT INTO release (period, revision, payload, approved_at, superseded_at) VALUES (?1, ?2, ?3, ?4, ?5)",
        params![parts.period, parts.revision, payload, now, superseded],
    )?;
    let key = tx.last_insert_rowid();
    send(tx, key, cursor)?;
    freeze_as_of(tx, key, &parts)
}

/// Freezes the facts of the days that a release of this hub's own says.
fn freeze_as_of(connection: &Connection, key: i64, parts: &ReleaseParts) -> Result<(), StoreError> {
    span_of(parts).map_or(Ok(()), |span| freeze_again(connection, key, span))
}

fn send(connection: &Connection, key: i64, cursor: &Cursor) -> Result<(), StoreError> {
    connection.execute(
        "UPDATE release SET author = ?2, incarnation = ?3, seq = ?4, hash = ?5 WHERE key = ?1",
        params![key, cursor.author.0, signed(cursor.incarnation.0), signed(cursor.seq), cursor.hash.0],
    )?;
    Ok(())
}

/// A row of the ledger.
struct Held {
    key: i64,
    stands: bool,
    period: String,
    revision: u32,
    payload: Vec<u8>,
    approved_at: i64,
    approved_by: Approver,
    cursor: Option<Cursor>,
}

fn held(row: &Row<'_>) -> rusqlite::Result<Held> {
    let cursor = match row.get::<_, Option<i64>>(7)? {
        None => None,
        Some(seq) => Some(Cursor {
            author: NodeId(row.get(5)?),
            incarnation: Incarnation(unsigned(row.get(6)?)),
            seq: unsigned(seq),
            hash: Hash(row.get(8)?),
        }),
    };
    Ok(Held {
        key: row.get(0)?,
        stands: row.get(9)?,
        period: row.get(1)?,
        revision: row.get(2)?,
        payload: row.get(3)?,
        approved_at: row.get(4)?,
        approved_by: Approver::of_column(row.get(10)?),
        cursor,
    })
}

fn standing(connection: &Connection, period: &str, revision: u32) -> Result<Option<Held>, StoreError> {
    Ok(connection
        .prepare_cached(concat!(held_columns!(), " WHERE superseded_at IS NULL AND period = ?1 AND revision = ?2"))?
        .query_row(params![period, revision], held)
        .optional()?)
}

/// The number of a period's next release.
fn next_revision(connection: &Connection, period: &str) -> Result<u32, StoreError> {
    let sql = "SELECT coalesce(max(revision) + 1, 0) FROM release WHERE superseded_at IS NULL AND period = ?1";
    Ok(connection.prepare_cached(sql)?.query_row([period], |row| row.get(0))?)
}

/// A release that stands, as the audit needs it.
pub(super) struct Standing {
    pub(super) key: i64,
    pub(super) period: Period,
    pub(super) revision: u32,
    pub(super) approved_at: UnixMillis,
    pub(super) parts: ReleaseParts,
}

/// Every release that stands, in the order of approval; but for those that a policy has overtaken, which never leave.
pub(super) fn standing_all(connection: &Connection, policies: &Policies) -> Result<Vec<Standing>, StoreError> {
    let mut statement =
        connection.prepare_cached(concat!(held_columns!(), " WHERE superseded_at IS NULL ORDER BY key"))?;
    let mut standing = Vec::new();
    for held in statement.query_map([], held)? {
        let held = held?;
        let parts = read(&held.payload)?;
        if held.cursor.is_some() || !is_overtaken(&parts, policies) {
            standing.push(Standing {
                key: held.key,
                period: held.period.parse().map_err(|_| StoreError::inconsistent("a release's period"))?,
                revision: held.revision,
                approved_at: UnixMillis(held.approved_at),
                parts,
            });
        }
    }
    Ok(standing)
}

/// Supersedes what waits for a period and was overtaken by a policy, so that the period can be released under that one.
fn supersede_overtaken(tx: &Tx<'_>, period: &str) -> Result<(), StoreError> {
    let mut statement =
        tx.prepare_cached(concat!(held_columns!(), " WHERE superseded_at IS NULL AND seq IS NULL AND period = ?1"))?;
    for held in statement.query_map([period], held)?.collect::<Result<Vec<_>, _>>()? {
        if is_overtaken(&read(&held.payload)?, tx.working.directory().policies()) {
            tx.execute("UPDATE release SET superseded_at = ?2 WHERE key = ?1", params![held.key, tx.now().0])?;
        }
    }
    Ok(())
}

fn approved(connection: &Connection, held: Held, academy: Option<NodeId>) -> Result<ApprovedRelease, StoreError> {
    let hold = match held.cursor {
        None => hold::standing(connection, &held.period)?,
        Some(_) => None,
    };
    let state = match (held.cursor, academy) {
        (None, _) => ReleaseState::Approved,
        (Some(_), None) => ReleaseState::Sent,
        (Some(cursor), Some(academy)) => sent(connection, &cursor, academy)?,
    };
    let period: Period = held.period.parse().map_err(|_| StoreError::inconsistent("a release's period"))?;
    let id = release_id(&period, held.revision);
    Ok(ApprovedRelease {
        id: if held.stands { id } else { format!("{id}.{}", held.key) },
        period,
        revision: held.revision,
        payload: held.payload,
        approved_at: UnixMillis(held.approved_at),
        approved_by: held.approved_by,
        hold,
        state,
    })
}

/// What the Academy has signed, and said, of an entry that carries a release.
fn sent(connection: &Connection, cursor: &Cursor, academy: NodeId) -> Result<ReleaseState, StoreError> {
    let log = cursor.log(Topic::Releases(cursor.author));
    let Some(log) = find_log(connection, log)? else { return Ok(ReleaseState::Sent) };
    let receipt: Option<Vec<u8>> = connection
        .prepare_cached("SELECT receipt FROM receipt_got WHERE log = ?1 AND giver = ?2 AND seq >= ?3")?
        .query_row(params![log.row, academy.0, signed(cursor.seq)], |row| row.get(0))
        .optional()?;
    let Some(receipt) = receipt else { return Ok(ReleaseState::Sent) };
    let receipt = v1::Receipt::decode(receipt.as_slice()).map_err(|_| StoreError::inconsistent("a receipt"))?;
    if !receipt.set_aside.contains(&cursor.seq) {
        return Ok(ReleaseState::Acknowledged { minute: receipt.minute });
    }
    let reason: Option<String> = connection
        .prepare_cached("SELECT detail FROM refusal_got WHERE log = ?1 AND peer = ?2 AND seq = ?3 AND set_aside = 1")?
        .query_row(params![log.row, academy.0, signed(cursor.seq)], |row| row.get(0))
        .optional()?;
    let reason = reason.unwrap_or_else(|| "the Academy has not said why yet".to_owned());
    Ok(ReleaseState::SetAside { minute: receipt.minute, reason })
}
