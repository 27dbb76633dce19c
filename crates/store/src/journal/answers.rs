//! What the exchange asks of the store without changing it.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

use folkmoot_journal::entry::HEADER_SIZE;
use folkmoot_journal::exchange::{Answer, Scope};
use folkmoot_journal::frame::{ENTRY_LIMIT, ENTRY_OVERHEAD, INFLATED_LIMIT};
use folkmoot_journal::{Cursor, Entry, Header, LogId, NodeId, RefusalReason, Rights, Topic, digest, pack};
use folkmoot_proto::federation::v1;
use rusqlite::{Connection, params};

use super::logs::{
    LogRow, StoredEntry, at_place, entries_after, entry_at, find_log, hash_at, latest_mark, log_of_row, log_row,
    logs_of_topic, signed, tips, topic_from, unsigned,
};
use super::{checkpoints, forks, memberships, newer, receipts, scopes};
use crate::engine::UnixMillis;
use crate::error::StoreError;

/// The digests, where they are kept for this scope already.
pub(super) fn compare(connection: &Connection, scope: Scope) -> Result<Option<Answer>, StoreError> {
    let Some(buckets) = scopes::read(connection, scope)? else { return Ok(None) };
    Ok(Some(Answer::Digest { root: digest::root(&buckets), buckets, mark: latest_mark(connection)? }))
}

pub(super) fn tips_of(
    connection: &Connection,
    rights: &Rights,
    scope: Scope,
    buckets: &[u8],
) -> Result<Answer, StoreError> {
    let topics = scopes::shared_topics(connection, scope, rights, buckets)?;
    let topics = topics.into_iter().map(|topic| Ok((topic, tips(connection, topic)?)));
    Ok(Answer::Tips { topics: topics.collect::<Result<_, StoreError>>()? })
}

pub(super) fn missing(
    connection: &Connection,
    rights: &Rights,
    scope: Scope,
    theirs: &[(Topic, Vec<Cursor>)],
    buckets: &[u8],
) -> Result<Answer, StoreError> {
    let mut unmatched: BTreeMap<LogId, Cursor> = BTreeMap::new();
    for (topic, cursors) in theirs {
        let concerns_us = scope.shares(*topic, rights) || is_unknown_campaign(scope, rights, *topic);
        if concerns_us && buckets.contains(&digest::bucket_of(*topic)) {
            unmatched.extend(cursors.iter().map(|cursor| (cursor.log(*topic), *cursor)));
        }
    }
    // A log that forks at its first entry has no tip and no leaf, but is known all the same.
    let mut topics = scopes::shared_topics(connection, scope, rights, buckets)?;
    topics.extend(unmatched.keys().map(|log| log.topic));
    topics.sort_unstable();
    topics.dedup();
    let (mut push, mut lacking, mut proofs, mut checkpoints) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for topic in topics {
        let given = given_by_checkpoint(connection, topic, &unmatched)?;
        checkpoints.extend(given.as_ref().map(|(log, _)| log.id));
        for log in in_order(connection, topic)? {
            if let Some((of, checkpoint)) = &given {
                let theirs = unmatched.remove(&log.id);
                match theirs {
                    Some(theirs) if theirs.seq > log.seq => lacking.push((log.id, theirs)),
                    Some(_) | None => {
                        let reached = theirs.map_or(0, |theirs| theirs.seq).max(checkpoint.covered(log.id));
                        if log.id != of.id && log.seq > reached {
                            push.push((log.id, reached));
                        }
                    }
                }
                continue;
            }
            match unmatched.remove(&log.id) {
                None if log.seq > 0 => push.push((log.id, 0)),
                None => {}
                Some(theirs) if theirs.seq <= log.seq => {
                    if hash_at(connection, &log, theirs.seq)? != Some(theirs.hash) {
                        push.push((log.id, 0));
                    } else if theirs.seq < log.seq {
                        push.push((log.id, theirs.seq));
                    }
                }
                Some(_) if log.forked => proofs.extend(forks::proof(connection, &log)?),
                Some(theirs) => lacking.push((log.id, theirs)),
            }
        }
    }
    lacking.extend(unmatched);
    lacking.sort_unstable();
    Ok(Answer::Missing { push, lacking, forks: proofs, checkpoints })
}

/// The checkpoint by which a peer that shows `theirs` is given the topic, and the log that holds it.
fn given_by_checkpoint(
    connection: &Connection,
    topic: Topic,
    theirs: &BTreeMap<LogId, Cursor>,
) -> Result<Option<(LogRow, checkpoints::Known)>, StoreError> {
    match topic {
        Topic::Campaign(campaign) if checkpoints::is_needed(connection, topic, theirs)? => {
            checkpoints::to_give(connection, campaign)
        }
        Topic::Campaign(_) | Topic::Directory | Topic::Curriculum | Topic::Proposals(_) | Topic::Releases(_) => {
            Ok(None)
        }
    }
}

/// The latest checkpoint of a campaign, for a peer that may read it.
pub(super) fn checkpoint_of(
    connection: &Connection,
    rights: &Rights,
    peer: NodeId,
    log: LogId,
) -> Result<Answer, StoreError> {
    let frame = if rights.may_read(peer, log.topic) { checkpoints::frame(connection, log)? } else { None };
    Ok(match frame {
        Some((frame, upto, more)) => Answer::Frame { log, frame: Some(frame), upto, more },
        None => Answer::Frame { log, frame: None, upto: 0, more: true },
    })
}

/// The peer knows a campaign that this node does not, and would not name it were this node no member.
fn is_unknown_campaign(scope: Scope, rights: &Rights, topic: Topic) -> bool {
    match topic {
        Topic::Campaign(campaign) => scope.wants(topic) && rights.memberships.get(campaign).is_none(),
        Topic::Directory | Topic::Curriculum | Topic::Proposals(_) | Topic::Releases(_) => false,
    }
}

/// The logs of a topic in the order in which a peer can take them: of a campaign, those that say who takes part before the
/// others, and the one that founds it first of all.
fn in_order(connection: &Connection, topic: Topic) -> Result<Vec<LogRow>, StoreError> {
    let mut logs = logs_of_topic(connection, topic)?;
    if let Topic::Campaign(campaign) = topic
        && logs.len() > 1
    {
        let membership = memberships::logs(connection, campaign)?;
        let founding = memberships::founding_log(connection, campaign)?;
        logs.sort_by_key(|log| (Some(log.row) != founding, !membership.contains(&log.row), log.id));
    }
    Ok(logs)
}

pub(super) fn frame_after(
    connection: &Connection,
    rights: &Rights,
    peer: NodeId,
    log: LogId,
    after: u64,
    max_bytes: u32,
) -> Result<Answer, StoreError> {
    let Some(row) = find_log(connection, log)?.filter(|_| rights.may_read(peer, log.topic)) else {
        return Ok(Answer::Frame { log, frame: None, upto: after, more: true });
    };
    Ok(match cut(connection, &row, after, max_bytes as usize)? {
        Some((frame, upto)) => Answer::Frame { log, frame: Some(frame), upto, more: upto < row.seq },
        None => {
            let upto = after.max(checkpoints::base_seq(connection, &row)?);
            Answer::Frame { log, frame: None, upto, more: true }
        }
    })
}

/// Cuts a frame from stored bytes: as many entries as fit and end on one whose signature is held. Where the first such
/// end lies beyond `max_bytes`, the frame goes that far; whoever cut it before kept to the limits.
pub(super) fn cut(
    connection: &Connection,
    log: &LogRow,
    after: u64,
    max_bytes: usize,
) -> Result<Option<(v1::Frame, u64)>, StoreError> {
    let mut taken: Vec<StoredEntry> = Vec::new();
    let (mut bytes, mut signed_end) = (0, 0);
    if after < checkpoints::base_seq(connection, log)? {
        return Ok(None);
    }
    entries_after(connection, log, after, |entry| {
        bytes += ENTRY_OVERHEAD + entry.body.as_ref().map_or(0, |body| body.payload.len());
        let over = bytes > max_bytes || taken.len() == ENTRY_LIMIT;
        let far_over = bytes > INFLATED_LIMIT || taken.len() == ENTRY_LIMIT;
        if !taken.is_empty() && ((over && signed_end > 0) || far_over) {
            return Ok(ControlFlow::Break(()));
        }
        let (ends, alone) = (entry.signature.is_some(), entry.header.payload_kind.stands_alone());
        // Whoever waits for what came before it need not wait for a whole document, too.
        if alone && signed_end > 0 && signed_end == taken.len() {
            return Ok(ControlFlow::Break(()));
        }
        taken.push(entry);
        if ends {
            signed_end = taken.len();
        }
        // Its signature comes to be held with it.
        Ok(if ends && alone { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    })?;
    taken.truncate(signed_end);
    let entries = hashed(taken);
    let Some(last) = entries.last() else { return Ok(None) };
    let upto = last.header.seq;
    let frame = pack(&entries).map_err(|fault| StoreError::inconsistent(format!("a log ({fault})")))?;
    Ok(Some((frame, upto)))
}

/// Gives contiguous entries their hashes: each but the last is named by its successor.
fn hashed(stored: Vec<StoredEntry>) -> Vec<Entry> {
    let next: Vec<_> = stored.iter().skip(1).map(|entry| entry.header.prev_hash).collect();
    let mut next = next.into_iter();
    let entry = |entry: StoredEntry| match next.next() {
        Some(hash) => Entry { header: entry.header, hash, signature: entry.signature, body: entry.body },
        None => entry.into_entry(),
    };
    stored.into_iter().map(entry).collect()
}

pub(super) fn changed_since(
    connection: &Connection,
    rights: &Rights,
    scope: Scope,
    mark: u64,
) -> Result<Answer, StoreError> {
    let sql = "SELECT log.id, log.topic, topic.name, author, incarnation, seq, hash, forked, min(after)
        FROM arrival JOIN log ON log.id = arrival.log JOIN topic ON topic.id = log.topic
        WHERE mark > ?1 AND (reader IS NULL OR reader = ?2) GROUP BY log.id";
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(params![signed(mark), scope.peer.0])?;
    let mut logs = Vec::new();
    while let Some(row) = rows.next()? {
        let (log, after) = (log_row(row)?, unsigned(row.get(8)?));
        if after < log.seq && scope.shares(log.id.topic, rights) {
            logs.push((log, after));
        }
    }
    let mut checkpoints = Vec::new();
    for topic in readable_since(connection, scope.peer, mark)? {
        if let Topic::Campaign(campaign) = topic
            && scope.shares(topic, rights)
            && let Some((of, checkpoint)) = checkpoints::to_give(connection, campaign)?
        {
            checkpoints.push(of.id);
            for (log, after) in logs.iter_mut().filter(|(log, _)| log.id.topic == topic) {
                *after = checkpoint.covered(log.id).max(*after);
            }
            logs.retain(|(log, after)| log.id != of.id && (log.id.topic != topic || *after < log.seq));
        }
    }
    let (mut founding, mut membership) = (BTreeSet::new(), BTreeSet::new());
    // Of one log no order is to be found out.
    for (log, _) in logs.iter().filter(|_| logs.len() > 1) {
        if let Topic::Campaign(campaign) = log.id.topic {
            founding.extend(memberships::founding_log(connection, campaign)?);
            membership.extend(memberships::logs(connection, campaign)?);
        }
    }
    let turn = |log: &LogRow| (log.id.topic, !founding.contains(&log.row), !membership.contains(&log.row), log.id);
    logs.sort_unstable_by_key(|(log, _)| turn(log));
    let logs = logs.into_iter().map(|(log, after)| (log.id, after)).collect();
    Ok(Answer::Changed { logs, checkpoints, mark: latest_mark(connection)? })
}

/// The topics that a peer may read since.
fn readable_since(connection: &Connection, peer: NodeId, mark: u64) -> Result<BTreeSet<Topic>, StoreError> {
    let sql = "SELECT DISTINCT topic.name FROM arrival JOIN log ON log.id = arrival.log
        JOIN topic ON topic.id = log.topic WHERE mark > ?1 AND reader = ?2";
    let mut statement = connection.prepare_cached(sql)?;
    let topics = statement.query_map(params![signed(mark), peer.0], |row| topic_from(row, 0))?;
    Ok(topics.collect::<Result<_, _>>()?)
}

pub(super) fn unreceipted(
    connection: &Connection,
    rights: &Rights,
    scope: Scope,
    me: NodeId,
) -> Result<Answer, StoreError> {
    let mut unreceipted = Vec::new();
    for log in logs_of_author(connection, me)? {
        if let Some(tip) = log.tip()
            && scope.shares(log.id.topic, rights)
            && receipts::receipted(connection, &log, scope.peer)? < log.seq
        {
            unreceipted.push((log.id.topic, tip));
        }
    }
    if rights.directory.academy().is_some_and(|(academy, _)| academy == scope.peer) {
        unreceipted.extend(erasures_unreceipted(connection, rights, scope, me)?);
    }
    Ok(Answer::Unreceipted(unreceipted))
}

/// The entries of others by which campaigns forget, where the Academy has not signed for them: that it has dropped what came
/// before, its receipt says.
fn erasures_unreceipted(
    connection: &Connection,
    rights: &Rights,
    scope: Scope,
    me: NodeId,
) -> Result<Vec<(Topic, Cursor)>, StoreError> {
    let mut unreceipted = Vec::new();
    for begun in checkpoints::all_begun(connection)? {
        let (row, seq) = at_place(begun);
        let log = log_of_row(connection, row)?;
        if log.id.author != me
            && scope.shares(log.id.topic, rights)
            && receipts::receipted(connection, &log, scope.peer)? < seq
            && let Some(hash) = hash_at(connection, &log, seq)?
        {
            let LogId { topic, author, incarnation } = log.id;
            unreceipted.push((topic, Cursor { author, incarnation, seq, hash }));
        }
    }
    Ok(unreceipted)
}

/// Every log of an author, ascending.
pub(super) fn logs_of_author(connection: &Connection, author: NodeId) -> Result<Vec<LogRow>, StoreError> {
    let sql = "SELECT log.id, log.topic, topic.name, author, incarnation, seq, hash, forked
        FROM log JOIN topic ON topic.id = log.topic WHERE author = ?1";
    let mut statement = connection.prepare_cached(sql)?;
    let mut logs = statement.query_map([author.0], log_row)?.collect::<Result<Vec<_>, _>>()?;
    logs.sort_by_key(|log| log.id);
    Ok(logs)
}

/// The genesis entry as it was signed: the first entry whose header names no federation.
pub(super) fn genesis(connection: &Connection) -> Result<Option<(LogRow, Entry)>, StoreError> {
    for log in logs_of_topic(connection, Topic::Directory)? {
        if let Some(entry) = entry_at(connection, &log, 1)?
            && entry.header.federation == folkmoot_journal::FederationId::ZERO
        {
            return Ok(Some((log, entry.into_entry())));
        }
    }
    Ok(None)
}

/// The whole directory as frames, beginning with the genesis entry alone.
pub(super) fn directory_frames(connection: &Connection, max_bytes: usize) -> Result<Vec<v1::Frame>, StoreError> {
    let Some((first, genesis)) = genesis(connection)? else { return Err(StoreError::NotJoined) };
    let mut frames = vec![pack(&[genesis]).map_err(|fault| StoreError::inconsistent(format!("genesis ({fault})")))?];
    for log in logs_of_topic(connection, Topic::Directory)? {
        let mut after = u64::from(log.row == first.row);
        while let Some((frame, upto)) = cut(connection, &log, after, max_bytes)? {
            frames.push(frame);
            after = upto;
        }
    }
    Ok(frames)
}

/// The topic, kind and cursor of entries that were set aside, with why.
pub(super) fn set_aside(connection: &Connection) -> Result<Vec<super::SetAside>, StoreError> {
    let sql = "SELECT place, header, reason, detail, retry, minute FROM set_aside JOIN entry USING (place)
        ORDER BY place";
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(params![])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let header: [u8; HEADER_SIZE] = row.get(1)?;
        let header = Header::decode(&header).map_err(|_| StoreError::inconsistent("the header of an entry"))?;
        let (reason, retry): (i32, i64) = (row.get(2)?, row.get(4)?);
        found.push(super::SetAside {
            topic: header.topic,
            entry: header.cursor(),
            reason: RefusalReason::from_number(reason),
            detail: row.get(3)?,
            waits_for_upgrade: retry == 1,
            waits_for_programme: retry == 2,
            at: UnixMillis(row.get::<_, i64>(5)? * 60_000),
        });
    }
    for range in newer::all(connection)? {
        let Some(first) = entry_at(connection, &range.log, range.first)? else { continue };
        found.push(super::SetAside {
            topic: range.log.id.topic,
            entry: first.header.cursor(),
            reason: RefusalReason::Unspecified,
            detail: format!(
                "payload kind {} is newer than this software (entries {} to {}); upgrade it",
                range.kind, range.first, range.last
            ),
            waits_for_upgrade: true,
            waits_for_programme: false,
            at: UnixMillis(range.minute * 60_000),
        });
    }
    Ok(found)
}
