-- What a hub has counted for what it let out, who approved it, and what is held back.

-- The facts that releases were counted from, by calendar quarter (year * 4 + (0 to 3)) and family of indicators: opaque
-- ids and categories. They never leave the hub. `release` is the one with which they were last written.
CREATE TABLE counted (
    key     INTEGER PRIMARY KEY,
    quarter INTEGER NOT NULL,
    family  TEXT NOT NULL CHECK (family IN ('training', 'listening', 'action')),
    facts   BLOB NOT NULL,
    release INTEGER NOT NULL REFERENCES release (key),
    UNIQUE (quarter, family)
) STRICT;

-- The latest release with which other people came to be counted for an indicator in a quarter that had been counted
-- before: what earlier releases say of them speaks of others.
CREATE TABLE recounted (
    quarter   INTEGER NOT NULL,
    indicator TEXT NOT NULL,
    release   INTEGER NOT NULL REFERENCES release (key),
    PRIMARY KEY (quarter, indicator)
) STRICT, WITHOUT ROWID;

-- Who approved: the user id at the node's socket, -1 for the hub's own policy, null where nobody wrote it down.
ALTER TABLE release ADD COLUMN approved_by INTEGER CHECK (approved_by >= -1);

-- Periods of which nothing leaves until they are resumed, and those that were: when and by whom (-1: the hub's policy).
CREATE TABLE hold (
    key        INTEGER PRIMARY KEY,
    period     TEXT NOT NULL,
    at         INTEGER NOT NULL,
    by         INTEGER NOT NULL,
    resumed_at INTEGER,
    resumed_by INTEGER,
    CHECK ((resumed_at IS NULL) = (resumed_by IS NULL))
) STRICT;
CREATE UNIQUE INDEX hold_standing ON hold (period) WHERE resumed_at IS NULL;

-- When a record that counts in a quarter was last written, to the minute.
CREATE TABLE touched (
    quarter INTEGER PRIMARY KEY,
    at      INTEGER NOT NULL
) STRICT;

-- Of what was there before, no quarter was touched later than the last record was.
INSERT INTO touched (quarter, at)
SELECT DISTINCT quarter, (
    SELECT coalesce(max(at), 0) FROM (
        SELECT max(updated_at) AS at FROM person
        UNION ALL SELECT max(updated_at) FROM session
        UNION ALL SELECT max(updated_at) FROM attendance
        UNION ALL SELECT max(updated_at) FROM listening_campaign
        UNION ALL SELECT max(updated_at) FROM listening
        UNION ALL SELECT max(updated_at) FROM action
        UNION ALL SELECT max(updated_at) FROM participation
        UNION ALL SELECT max(updated_at) FROM project
        UNION ALL SELECT max(updated_at) FROM funding
    )
) FROM tally;
