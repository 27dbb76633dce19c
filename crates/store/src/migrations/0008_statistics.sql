-- What hubs have released, laid out for national statistics: the rows of one period and cell lie together, and only
-- those that stand. The bytes of every release are in the journal.

-- A node that has released. Its name and whether it may take part are in the directory.
CREATE TABLE reporting_hub (
    id     INTEGER PRIMARY KEY,
    node   BLOB NOT NULL UNIQUE CHECK (length(node) = 32),
    kind   TEXT NOT NULL CHECK (kind IN ('social-action-hub', 'national')), -- never changes
    region TEXT -- as the directory has it now; null until it was looked up there
) STRICT;

-- A period for which a release came.
CREATE TABLE reporting_period (
    id   INTEGER PRIMARY KEY,
    code TEXT NOT NULL UNIQUE
) STRICT;

-- A cell that a release had.
CREATE TABLE reported_cell (
    id        INTEGER PRIMARY KEY,
    indicator TEXT NOT NULL,
    dimension TEXT NOT NULL, -- this and the category are empty for a headline
    category  TEXT NOT NULL,
    UNIQUE (indicator, dimension, category)
) STRICT;

-- A release that was found in order. The first of a hub, period and revision stands against any other.
CREATE TABLE hub_release (
    id                  INTEGER PRIMARY KEY,
    period              INTEGER NOT NULL REFERENCES reporting_period (id),
    hub                 INTEGER NOT NULL REFERENCES reporting_hub (id),
    revision            INTEGER NOT NULL CHECK (revision >= 0),
    latest              INTEGER NOT NULL CHECK (latest IN (0, 1)), -- whether it is the latest revision held
    policy_version      INTEGER NOT NULL,
    threshold           INTEGER NOT NULL, -- this and the next three: the terms that it was made under
    special_threshold   INTEGER NOT NULL,
    largest_percent     INTEGER NOT NULL,
    two_largest_percent INTEGER NOT NULL,
    ward_high           INTEGER, -- the most that a ward which it does not list can have; null: unbounded
    payload_hash        BLOB NOT NULL CHECK (length(payload_hash) = 32),
    entry_hash          BLOB NOT NULL CHECK (length(entry_hash) = 32),
    incarnation         INTEGER NOT NULL, -- with the hub and seq: the entry that it came in
    seq                 INTEGER NOT NULL,
    received_at         INTEGER NOT NULL,
    UNIQUE (period, hub, revision)
) STRICT;

-- What the latest release of a Social Action Hub says of one cell, as the bounds that anybody can work out from it. The
-- mark comes before the hub in the key, so that figures of one sort lie together: they are counted by being grouped.
CREATE TABLE standing_cell (
    period INTEGER NOT NULL REFERENCES reporting_period (id),
    cell   INTEGER NOT NULL REFERENCES reported_cell (id),
    hub    INTEGER NOT NULL REFERENCES reporting_hub (id),
    mark   INTEGER NOT NULL CHECK (mark BETWEEN 0 AND 3), -- 0 exact, 1 rounded, 2 below, 3 withheld
    low    INTEGER NOT NULL,
    high   INTEGER, -- null where withheld: unbounded
    PRIMARY KEY (period, cell, mark, hub)
) STRICT, WITHOUT ROWID;

-- The same of the releases that a later one has revised: they stand again where the later one turns out not to count.
CREATE TABLE earlier_cell (
    release INTEGER NOT NULL REFERENCES hub_release (id),
    cell    INTEGER NOT NULL REFERENCES reported_cell (id),
    mark    INTEGER NOT NULL CHECK (mark BETWEEN 0 AND 3),
    low     INTEGER NOT NULL,
    high    INTEGER,
    PRIMARY KEY (release, cell)
) STRICT, WITHOUT ROWID;

INSERT INTO reporting_hub (node, kind) SELECT DISTINCT hub, kind FROM received_release ORDER BY hub;
INSERT INTO reporting_period (code) SELECT DISTINCT period FROM received_release ORDER BY period;
INSERT INTO reported_cell (indicator, dimension, category)
SELECT DISTINCT indicator, dimension, category FROM release_cell ORDER BY indicator, dimension, category;

-- Until now no release was a revision, all were made under the floors of then, and none listed wards. An entry's hash
-- stands in the header of the entry after it, and of the last entry in the log's row.
INSERT INTO hub_release (id, period, hub, revision, latest, policy_version, threshold, special_threshold, largest_percent,
    two_largest_percent, ward_high, payload_hash, entry_hash, incarnation, seq, received_at)
SELECT received.id, period.id, hub.id, received.revision, 1, 1, 8, 8, 50, 90, listened.high, received.payload_hash,
    coalesce(substr(following.header, 115, 32), log.hash, zeroblob(32)),
    received.incarnation, received.seq, received.received_at
FROM received_release AS received
JOIN reporting_hub AS hub ON hub.node = received.hub
JOIN reporting_period AS period ON period.code = received.period
LEFT JOIN release_cell AS listened ON listened.release = received.id
    AND listened.indicator = 'people_listened_to' AND listened.dimension = '' AND listened.category = ''
LEFT JOIN topic ON topic.name = CAST(x'04' || received.hub AS BLOB)
LEFT JOIN log ON log.topic = topic.id AND log.author = received.hub AND log.incarnation = received.incarnation
LEFT JOIN entry AS following ON following.place = (log.id << 40) + received.seq + 1;

INSERT INTO standing_cell (period, cell, hub, mark, low, high)
SELECT release.period, cell.id, release.hub,
    CASE held.mark WHEN 'exact' THEN 0 WHEN 'rounded' THEN 1 WHEN 'below' THEN 2 ELSE 3 END, held.low, held.high
FROM release_cell AS held
JOIN hub_release AS release ON release.id = held.release
JOIN reporting_hub AS hub ON hub.id = release.hub AND hub.kind = 'social-action-hub'
JOIN reported_cell AS cell
    ON cell.indicator = held.indicator AND cell.dimension = held.dimension AND cell.category = held.category
ORDER BY 1, 2, 4, 3;

DROP TABLE release_cell;
DROP TABLE received_release;
