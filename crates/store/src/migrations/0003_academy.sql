-- The Academy's own tables. No person appears here: hubs, codes, programmes and what hubs released.
--
-- What the directory says stands in the directory's log; here is only what it does not say.

-- A code that lets a hub of this name join, once. Moments are milliseconds since 1970 UTC.
CREATE TABLE invitation (
    token_hash BLOB PRIMARY KEY CHECK (length(token_hash) = 32), -- the token itself is nowhere
    name       TEXT NOT NULL,
    kind       TEXT NOT NULL CHECK (kind IN ('social-action-hub', 'national')),
    region     TEXT NOT NULL,
    stage      TEXT NOT NULL CHECK (stage IN ('enquiring', 'developing', 'active', 'closed')),
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    withdrawn  INTEGER NOT NULL CHECK (withdrawn IN (0, 1)), -- by a later code for the name, or by the Academy
    hub        BLOB CHECK (length(hub) = 32), -- who joined with it
    tls_key    BLOB,
    used_at    INTEGER,
    CHECK ((hub IS NULL) = (used_at IS NULL) AND (hub IS NULL) = (tls_key IS NULL))
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX invitation_open ON invitation (name) WHERE hub IS NULL AND withdrawn = 0;
CREATE UNIQUE INDEX invitation_used ON invitation (hub) WHERE hub IS NOT NULL;

-- When a funding programme was registered here.
CREATE TABLE programme_registered (
    code TEXT PRIMARY KEY,
    at   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- The ids that callers gave their requests, so that a repeated one is known: what it made.
CREATE TABLE request (
    id   TEXT PRIMARY KEY,
    made TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- A release that was found in order. The first of a hub, period and revision stands; its bytes are in the journal.
CREATE TABLE received_release (
    id           INTEGER PRIMARY KEY,
    hub          BLOB NOT NULL CHECK (length(hub) = 32),
    period       TEXT NOT NULL,
    revision     INTEGER NOT NULL CHECK (revision >= 0),
    kind         TEXT NOT NULL CHECK (kind IN ('social-action-hub', 'national')), -- the hub's, which never changes
    payload_hash BLOB NOT NULL CHECK (length(payload_hash) = 32),
    incarnation  INTEGER NOT NULL, -- with the hub and seq: the entry that it came in
    seq          INTEGER NOT NULL,
    received_at  INTEGER NOT NULL,
    UNIQUE (period, hub, revision)
) STRICT;

-- What a release says of one cell, as the bounds that anybody can work out from it.
CREATE TABLE release_cell (
    release   INTEGER NOT NULL REFERENCES received_release (id),
    indicator TEXT NOT NULL,
    dimension TEXT NOT NULL, -- this and the category are empty for a headline
    category  TEXT NOT NULL,
    mark      TEXT NOT NULL CHECK (mark IN ('exact', 'rounded', 'below', 'withheld')),
    low       INTEGER NOT NULL,
    high      INTEGER, -- null: unbounded
    PRIMARY KEY (release, indicator, dimension, category)
) STRICT, WITHOUT ROWID;
