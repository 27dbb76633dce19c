//! What is remembered of peers: their process lifetimes, where they say they can be dialled, the last success.

use folkmoot_journal::{Admission, Incarnation, NodeId, PeerIncarnations};
use rusqlite::{Connection, OptionalExtension, params};

use super::logs::{signed, unsigned};
use crate::engine::{Tx, UnixMillis};
use crate::error::StoreError;

/// A node that said Hello.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    /// The node.
    pub id: NodeId,
    /// HOST:PORT where it says it can be dialled.
    pub address: Option<String>,
    /// When everything was last exchanged with it.
    pub last_success: Option<UnixMillis>,
}

/// The peer's row, made where there is none.
pub(super) fn row(connection: &Connection, node: NodeId) -> Result<i64, StoreError> {
    connection
        .prepare_cached("INSERT INTO peer (node) VALUES (?1) ON CONFLICT (node) DO NOTHING")?
        .execute([node.0])?;
    Ok(connection.prepare_cached("SELECT id FROM peer WHERE node = ?1")?.query_row([node.0], |row| row.get(0))?)
}

/// Judges the incarnation that says Hello.
pub(super) fn judge(connection: &Connection, node: NodeId, incarnation: Incarnation) -> Result<Admission, StoreError> {
    let mut statement = connection.prepare_cached("SELECT id FROM peer WHERE node = ?1")?;
    let peer: Option<i64> = statement.query_row([node.0], |row| row.get(0)).optional()?;
    let known = peer.map(|peer| incarnations(connection, peer, incarnation)).transpose()?;
    Ok(known.unwrap_or_default().admit(incarnation))
}

/// Remembers the incarnation that says Hello, unless it is a copy's.
pub(super) fn admit(
    tx: &Tx<'_>,
    node: NodeId,
    incarnation: Incarnation,
    address: Option<&str>,
) -> Result<(), StoreError> {
    let peer = row(tx, node)?;
    match incarnations(tx, peer, incarnation)?.admit(incarnation) {
        Admission::Clone => return Ok(()),
        Admission::Same => {}
        Admission::Fresh | Admission::Supersedes(_) => {
            tx.execute("UPDATE peer_incarnation SET current = 0 WHERE peer = ?1 AND current = 1", [peer])?;
            tx.execute(
                "INSERT INTO peer_incarnation (peer, incarnation, current) VALUES (?1, ?2, 1)",
                params![peer, signed(incarnation.0)],
            )?;
        }
    }
    tx.execute("UPDATE peer SET address = ?2 WHERE id = ?1 AND address IS NOT ?2", params![peer, address])?;
    Ok(())
}

/// Whether this is the process of the peer that speaks, and where it says that it can be dialled: nothing is to be noted then.
pub(super) fn is_noted(
    connection: &Connection,
    node: NodeId,
    incarnation: Incarnation,
    address: Option<&str>,
) -> Result<bool, StoreError> {
    let sql = "SELECT 1 FROM peer JOIN peer_incarnation ON peer = peer.id
        WHERE node = ?1 AND incarnation = ?2 AND current = 1 AND address IS ?3";
    Ok(connection.prepare_cached(sql)?.exists(params![node.0, signed(incarnation.0), address])?)
}

/// Whether a later process of the peer has taken the place of this one.
pub(super) fn superseded(tx: &Tx<'_>, node: NodeId, incarnation: Incarnation) -> Result<bool, StoreError> {
    let sql = "SELECT 1 FROM peer_incarnation JOIN peer ON peer.id = peer
        WHERE node = ?1 AND incarnation = ?2 AND current = 0";
    Ok(tx.prepare_cached(sql)?.exists(params![node.0, signed(incarnation.0)])?)
}

/// The process of a peer that speaks, and what is known of one incarnation: a peer that says Hello under ever new ones
/// must not make the next Hello cost more.
pub(super) const KNOWN: &str = "SELECT incarnation, current FROM peer_incarnation WHERE peer = ?1 AND current = 1
    UNION ALL SELECT incarnation, current FROM peer_incarnation WHERE peer = ?1 AND incarnation = ?2 AND current = 0";

/// What is known of a peer as far as it concerns this incarnation.
fn incarnations(connection: &Connection, peer: i64, of: Incarnation) -> Result<PeerIncarnations, StoreError> {
    let mut statement = connection.prepare_cached(KNOWN)?;
    let mut rows = statement.query(params![peer, signed(of.0)])?;
    let mut known = PeerIncarnations::default();
    while let Some(row) = rows.next()? {
        let incarnation = Incarnation(unsigned(row.get(0)?));
        if row.get(1)? {
            known.current = Some(incarnation);
        } else {
            known.superseded.insert(incarnation);
        }
    }
    Ok(known)
}

pub(super) fn succeeded(tx: &Tx<'_>, node: NodeId) -> Result<(), StoreError> {
    let peer = row(tx, node)?;
    tx.execute("UPDATE peer SET last_success = ?2 WHERE id = ?1", params![peer, tx.now().0])?;
    Ok(())
}

const COLUMNS: &str = "SELECT node, address, last_success FROM peer";

fn read(row: &rusqlite::Row<'_>) -> rusqlite::Result<Peer> {
    let last_success: Option<i64> = row.get(2)?;
    Ok(Peer { id: NodeId(row.get(0)?), address: row.get(1)?, last_success: last_success.map(UnixMillis) })
}

pub(super) fn all(connection: &Connection) -> Result<Vec<Peer>, StoreError> {
    let mut statement = connection.prepare(&format!("{COLUMNS} ORDER BY node"))?;
    Ok(statement.query_map([], read)?.collect::<Result<_, _>>()?)
}

pub(super) fn one(connection: &Connection, node: NodeId) -> Result<Option<Peer>, StoreError> {
    let mut statement = connection.prepare(&format!("{COLUMNS} WHERE node = ?1"))?;
    Ok(statement.query_row([node.0], read).optional()?)
}
