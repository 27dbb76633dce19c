//! Digests of what is shared with each peer, kept up to date by every transaction that moves a tip, so that a comparison
//! costs one read of 256 rows at most.

use std::collections::{BTreeMap, BTreeSet};

use folkmoot_journal::exchange::{Scope, Shared, SharedReleases};
use folkmoot_journal::{Hash, NodeId, Rights, Topic, digest};
use rusqlite::{Connection, OptionalExtension, params};

use super::logs::{LogRow, tips, topic_from};
use super::peers;
use crate::engine::Tx;
use crate::error::StoreError;

/// The digests of every bucket.
pub(super) type Buckets = Box<[Hash; digest::BUCKETS]>;

/// A peer whose digests are kept.
struct Kept {
    peer: i64,
    scope: Scope,
}

fn kept(connection: &Connection) -> Result<Vec<Kept>, StoreError> {
    let sql = "SELECT id, node, shares, shares_of FROM peer WHERE shares IS NOT NULL ORDER BY id";
    let mut statement = connection.prepare_cached(sql)?;
    let rows = statement.query_map([], |row| {
        let shared = Shared::Topics(releases_from(row.get(2)?, row.get(3)?));
        Ok(Kept { peer: row.get(0)?, scope: Scope { peer: NodeId(row.get(1)?), shared } })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// The scope of one of those whose digests are kept.
pub(super) fn first(connection: &Connection) -> Result<Option<Scope>, StoreError> {
    Ok(kept(connection)?.into_iter().next().map(|kept| kept.scope))
}

fn releases_from(shares: i64, of: Option<[u8; 32]>) -> SharedReleases {
    match (shares, of) {
        (1, Some(hub)) => SharedReleases::Of(NodeId(hub)),
        (2, _) => SharedReleases::All,
        _ => SharedReleases::None,
    }
}

fn releases_columns(releases: SharedReleases) -> (i64, Option<[u8; 32]>) {
    match releases {
        SharedReleases::None => (0, None),
        SharedReleases::Of(hub) => (1, Some(hub.0)),
        SharedReleases::All => (2, None),
    }
}

/// Brings the topic's leaf, and the bucket of every peer that shares the topic, up to date.
pub(super) fn topic_moved(tx: &Tx<'_>, log: &LogRow) -> Result<(), StoreError> {
    let topic = log.id.topic;
    let tips = tips(tx, topic)?;
    let leaf = (!tips.is_empty()).then(|| digest::leaf(topic, &tips).0);
    tx.prepare_cached("UPDATE topic SET leaf = ?2 WHERE id = ?1")?.execute(params![log.topic_row, leaf])?;
    let rights = tx.working.rights();
    let concerned = kept(tx)?.into_iter().filter(|kept| kept.scope.shares(topic, rights)).collect();
    refresh(tx, digest::bucket_of(topic), concerned)
}

/// Brings the topic's bucket up to date with every peer, after other peers share the topic than before.
pub(super) fn shared_otherwise(tx: &Tx<'_>, topic: Topic) -> Result<(), StoreError> {
    refresh(tx, digest::bucket_of(topic), kept(tx)?)
}

fn refresh(tx: &Tx<'_>, bucket: u8, concerned: Vec<Kept>) -> Result<(), StoreError> {
    if concerned.is_empty() {
        return Ok(());
    }
    let rights = tx.working.rights();
    let sql = "SELECT name, leaf FROM topic WHERE bucket = ?1 AND leaf IS NOT NULL ORDER BY name";
    let mut statement = tx.prepare_cached(sql)?;
    let rows = statement.query_map([bucket], |row| Ok((topic_from(row, 0)?, Hash(row.get(1)?))))?;
    let leaves = rows.collect::<Result<Vec<_>, _>>()?;
    for Kept { peer, scope } in concerned {
        let shared: Vec<Hash> =
            leaves.iter().filter(|(topic, _)| scope.shares(*topic, rights)).map(|(_, leaf)| *leaf).collect();
        save(tx, peer, bucket, digest::bucket(&shared))?;
    }
    Ok(())
}

fn save(connection: &Connection, peer: i64, bucket: u8, digest: Hash) -> Result<(), StoreError> {
    if digest == Hash::ZERO {
        connection
            .prepare_cached("DELETE FROM scope_bucket WHERE peer = ?1 AND bucket = ?2")?
            .execute(params![peer, bucket])?;
    } else {
        let sql = "INSERT INTO scope_bucket (peer, bucket, digest) VALUES (?1, ?2, ?3)
            ON CONFLICT (peer, bucket) DO UPDATE SET digest = ?3";
        connection.prepare_cached(sql)?.execute(params![peer, bucket, digest.0])?;
    }
    Ok(())
}

/// Works the digests of these peers out anew, after the directory has said something else of them.
pub(super) fn rebuild_of(tx: &Tx<'_>, nodes: &BTreeSet<NodeId>) -> Result<(), StoreError> {
    for kept in kept(tx)?.into_iter().filter(|kept| nodes.contains(&kept.scope.peer)) {
        rebuild(tx, &kept, tx.working.rights())?;
    }
    Ok(())
}

fn rebuild(connection: &Connection, kept: &Kept, rights: &Rights) -> Result<(), StoreError> {
    connection.prepare_cached("DELETE FROM scope_bucket WHERE peer = ?1")?.execute([kept.peer])?;
    for (bucket, digest) in compute(connection, kept.scope, rights)? {
        save(connection, kept.peer, bucket, digest)?;
    }
    Ok(())
}

fn compute(connection: &Connection, scope: Scope, rights: &Rights) -> Result<BTreeMap<u8, Hash>, StoreError> {
    let sql = "SELECT bucket, name, leaf FROM topic WHERE leaf IS NOT NULL ORDER BY bucket, name";
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query([])?;
    let mut leaves: BTreeMap<u8, Vec<Hash>> = BTreeMap::new();
    while let Some(row) = rows.next()? {
        if scope.shares(topic_from(row, 1)?, rights) {
            leaves.entry(row.get(0)?).or_default().push(Hash(row.get(2)?));
        }
    }
    Ok(leaves.into_iter().map(|(bucket, leaves)| (bucket, digest::bucket(&leaves))).collect())
}

/// The digests for a comparison, where they are kept for this very scope.
pub(super) fn read(connection: &Connection, scope: Scope) -> Result<Option<Buckets>, StoreError> {
    let Shared::Topics(releases) = scope.shared else { return Ok(None) };
    let (shares, of) = releases_columns(releases);
    let sql = "SELECT id FROM peer WHERE node = ?1 AND shares = ?2 AND shares_of IS ?3";
    let peer: Option<i64> =
        connection.prepare_cached(sql)?.query_row(params![scope.peer.0, shares, of], |row| row.get(0)).optional()?;
    let Some(peer) = peer else { return Ok(None) };
    let mut buckets: Buckets = Box::new([Hash::ZERO; digest::BUCKETS]);
    let mut statement = connection.prepare_cached("SELECT bucket, digest FROM scope_bucket WHERE peer = ?1")?;
    let mut rows = statement.query([peer])?;
    while let Some(row) = rows.next()? {
        let bucket: u8 = row.get(0)?;
        buckets[usize::from(bucket)] = Hash(row.get(1)?);
    }
    Ok(Some(buckets))
}

/// From now on keeps the digests of this scope for its peer. Where nothing but the directory is shared, nothing is
/// compared and nothing kept.
pub(super) fn keep(tx: &Tx<'_>, scope: Scope) -> Result<(), StoreError> {
    let Shared::Topics(releases) = scope.shared else { return Ok(()) };
    let peer = peers::row(tx, scope.peer)?;
    let (shares, of) = releases_columns(releases);
    tx.execute("UPDATE peer SET shares = ?2, shares_of = ?3 WHERE id = ?1", params![peer, shares, of])?;
    rebuild(tx, &Kept { peer, scope }, tx.working.rights())
}

/// The shared topics that have a leaf and fall into these buckets, ascending.
pub(super) fn shared_topics(
    connection: &Connection,
    scope: Scope,
    rights: &Rights,
    buckets: &[u8],
) -> Result<Vec<Topic>, StoreError> {
    let mut statement =
        connection.prepare_cached("SELECT name FROM topic WHERE bucket = ?1 AND leaf IS NOT NULL ORDER BY name")?;
    let mut topics = Vec::new();
    for bucket in buckets {
        let rows = statement.query_map([bucket], |row| topic_from(row, 0))?;
        for topic in rows {
            let topic = topic?;
            if scope.shares(topic, rights) {
                topics.push(topic);
            }
        }
    }
    topics.sort_unstable();
    Ok(topics)
}

/// The digests worked out from nothing but the tips, to compare with what is kept.
#[cfg(test)]
pub(super) fn naive(connection: &Connection, scope: Scope, rights: &Rights) -> Result<Buckets, StoreError> {
    let mut statement = connection.prepare("SELECT name FROM topic")?;
    let mut topics = statement.query_map([], |row| topic_from(row, 0))?.collect::<Result<Vec<_>, _>>()?;
    topics.sort_unstable();
    let mut leaves = vec![Vec::new(); digest::BUCKETS];
    for topic in topics.into_iter().filter(|topic| scope.shares(*topic, rights)) {
        let tips = tips(connection, topic)?;
        if !tips.is_empty() {
            leaves[usize::from(digest::bucket_of(topic))].push(digest::leaf(topic, &tips));
        }
    }
    Ok(Box::new(std::array::from_fn(|bucket| digest::bucket(&leaves[bucket]))))
}
