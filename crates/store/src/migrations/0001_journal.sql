-- What every node has: who it is, its logs, its peers. Ids and hashes are blobs of 32 bytes, topics of 33 (kind, id).

CREATE TABLE node (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    role INTEGER NOT NULL CHECK (role IN (1, 2)), -- 1 academy, 2 hub
    name TEXT NOT NULL,
    federation BLOB CHECK (length(federation) = 32), -- null until founded or joined
    recovered INTEGER NOT NULL DEFAULT 0 -- own entries that were lost here and came back from peers
) STRICT;

-- A topic that has logs. The leaf is the digest over its tips; null where no log has one.
CREATE TABLE topic (
    id INTEGER PRIMARY KEY,
    name BLOB NOT NULL UNIQUE CHECK (length(name) = 33),
    bucket INTEGER NOT NULL CHECK (bucket BETWEEN 0 AND 255),
    leaf BLOB CHECK (length(leaf) = 32)
) STRICT;

CREATE INDEX topic_by_bucket ON topic (bucket, name);

-- The tip is how far the log counts: the last entry held or, where the log forks, the last entry that all branches share.
CREATE TABLE log (
    id INTEGER PRIMARY KEY,
    topic INTEGER NOT NULL REFERENCES topic (id),
    author BLOB NOT NULL CHECK (length(author) = 32),
    incarnation INTEGER NOT NULL, -- the 64 bits, read as signed
    seq INTEGER NOT NULL, -- of the tip; 0 where nothing counts
    hash BLOB NOT NULL CHECK (length(hash) = 32), -- of the tip; zeros where nothing counts
    forked INTEGER NOT NULL DEFAULT 0 CHECK (forked IN (0, 1)),
    UNIQUE (topic, author, incarnation)
) STRICT;

-- Entries as they came, in the order of their logs: one tree, in which a frame is one range.
CREATE TABLE entry (
    place INTEGER PRIMARY KEY, -- log * 2^40 + seq
    header BLOB NOT NULL,
    signature BLOB, -- null inside a frame that another node cut
    salt BLOB, -- salt and payload: null where pruned or erased
    payload BLOB
) STRICT;

-- The order of arrival: one row for what one transaction added to one log.
CREATE TABLE arrival (
    mark INTEGER PRIMARY KEY,
    log INTEGER NOT NULL REFERENCES log (id),
    after INTEGER NOT NULL -- the number before the first entry that was added
) STRICT;

-- What is held and not applied, and why.
CREATE TABLE set_aside (
    place INTEGER PRIMARY KEY REFERENCES entry (place),
    reason INTEGER NOT NULL, -- as in federation.v1
    detail TEXT NOT NULL,
    retry INTEGER NOT NULL CHECK (retry IN (0, 1, 2)), -- 0 never, 1 when opened, 2 when a programme is registered
    minute INTEGER NOT NULL
) STRICT;

CREATE INDEX set_aside_by_retry ON set_aside (retry) WHERE retry > 0;

-- Entries of a kind that this software does not know: one row for however many of a log, since a newer node may send
-- thousands.
CREATE TABLE newer_kind (
    log INTEGER NOT NULL REFERENCES log (id),
    kind INTEGER NOT NULL,
    first INTEGER NOT NULL,
    last INTEGER NOT NULL,
    minute INTEGER NOT NULL,
    PRIMARY KEY (log, kind)
) STRICT, WITHOUT ROWID;

-- Entries of a forked log that lie past the last common one: the evidence, all branches of it.
CREATE TABLE fork (
    log INTEGER NOT NULL REFERENCES log (id),
    seq INTEGER NOT NULL,
    hash BLOB NOT NULL CHECK (length(hash) = 32),
    header BLOB NOT NULL,
    signature BLOB,
    salt BLOB,
    payload BLOB,
    PRIMARY KEY (log, seq, hash)
) STRICT;

-- Receipts are kept as their messages. What this node signed, the latest for each log.
CREATE TABLE receipt_given (
    log INTEGER PRIMARY KEY REFERENCES log (id),
    receipt BLOB NOT NULL
) STRICT;

-- What peers signed, the latest of each peer for each log.
CREATE TABLE receipt_got (
    log INTEGER NOT NULL REFERENCES log (id),
    giver BLOB NOT NULL CHECK (length(giver) = 32),
    seq INTEGER NOT NULL,
    receipt BLOB NOT NULL,
    PRIMARY KEY (log, giver)
) STRICT;

-- What peers refused or set aside.
CREATE TABLE refusal_got (
    log INTEGER NOT NULL REFERENCES log (id),
    peer BLOB NOT NULL CHECK (length(peer) = 32),
    seq INTEGER NOT NULL,
    reason INTEGER NOT NULL,
    detail TEXT NOT NULL,
    set_aside INTEGER NOT NULL CHECK (set_aside IN (0, 1)),
    minute INTEGER NOT NULL,
    PRIMARY KEY (log, peer, seq)
) STRICT;

-- Nodes that said Hello, and the topics shared with each, by class: 0 no releases, 1 those of one hub, 2 all; null where
-- no digests are kept.
CREATE TABLE peer (
    id INTEGER PRIMARY KEY,
    node BLOB NOT NULL UNIQUE CHECK (length(node) = 32),
    address TEXT,
    last_success INTEGER, -- milliseconds since 1970
    shares INTEGER CHECK (shares BETWEEN 0 AND 2),
    shares_of BLOB CHECK (length(shares_of) = 32)
) STRICT;

CREATE TABLE peer_incarnation (
    peer INTEGER NOT NULL REFERENCES peer (id),
    incarnation INTEGER NOT NULL,
    current INTEGER NOT NULL CHECK (current IN (0, 1)),
    PRIMARY KEY (peer, incarnation)
) STRICT;

-- One process of a peer speaks, and is found however many did before.
CREATE UNIQUE INDEX peer_incarnation_current ON peer_incarnation (peer) WHERE current = 1;

-- The digests of the topics shared with a peer; a bucket without topics has no row.
CREATE TABLE scope_bucket (
    peer INTEGER NOT NULL REFERENCES peer (id),
    bucket INTEGER NOT NULL CHECK (bucket BETWEEN 0 AND 255),
    digest BLOB NOT NULL CHECK (length(digest) = 32),
    PRIMARY KEY (peer, bucket)
) STRICT, WITHOUT ROWID;
