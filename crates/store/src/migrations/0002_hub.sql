-- A hub's own tables. Nothing here leaves the hub but the payloads in `release`.
--
-- Every record has `key`, by which rows point at each other; `id`, a UUIDv7 that never changes; `ref`, the importer's own
-- (a pair of pointers where the file has none); when it was written, in milliseconds since 1970 UTC, and by whom (the user
-- id at the node's socket); and `version`, which each change raises by one. Days are ISO 8601 texts, money is pence, vocabularies are the words of the import.

-- All that identifies a person stands here.
CREATE TABLE person (
    key                INTEGER PRIMARY KEY,
    id                 BLOB NOT NULL UNIQUE CHECK (length(id) = 16),
    ref                TEXT NOT NULL UNIQUE,
    name               TEXT NOT NULL,
    email              TEXT NOT NULL,
    phone              TEXT NOT NULL,
    postcode           TEXT NOT NULL,
    birth_year         INTEGER,
    gender             TEXT NOT NULL CHECK (gender IN ('woman', 'man', 'non-binary', 'prefer-not-to-say', '')),
    ethnicity          TEXT NOT NULL CHECK (ethnicity IN ('asian', 'black', 'mixed', 'white', 'other', 'prefer-not-to-say', '')),
    disability         TEXT NOT NULL CHECK (disability IN ('yes', 'no', 'prefer-not-to-say', '')),
    consent_to_contact TEXT NOT NULL CHECK (consent_to_contact IN ('yes', 'no')),
    created_at         INTEGER NOT NULL,
    updated_at         INTEGER NOT NULL,
    created_by         INTEGER NOT NULL,
    updated_by         INTEGER NOT NULL,
    version            INTEGER NOT NULL CHECK (version >= 1)
) STRICT;

CREATE TABLE trainer_assurance (
    key                INTEGER PRIMARY KEY,
    id                 BLOB NOT NULL UNIQUE CHECK (length(id) = 16),
    person             INTEGER NOT NULL REFERENCES person (key),
    quality_assured_on TEXT NOT NULL,
    expires_on         TEXT NOT NULL,
    created_at         INTEGER NOT NULL,
    updated_at         INTEGER NOT NULL,
    created_by         INTEGER NOT NULL,
    updated_by         INTEGER NOT NULL,
    version            INTEGER NOT NULL CHECK (version >= 1),
    UNIQUE (person, quality_assured_on)
) STRICT;

CREATE TABLE session (
    key        INTEGER PRIMARY KEY,
    id         BLOB NOT NULL UNIQUE CHECK (length(id) = 16),
    ref        TEXT NOT NULL UNIQUE,
    date       TEXT NOT NULL,
    course     TEXT NOT NULL,
    title      TEXT NOT NULL,
    mode       TEXT NOT NULL CHECK (mode IN ('classroom', 'online', 'self-directed')),
    minutes    INTEGER NOT NULL CHECK (minutes > 0),
    trainer    INTEGER REFERENCES person (key),
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    created_by INTEGER NOT NULL,
    updated_by INTEGER NOT NULL,
    version    INTEGER NOT NULL CHECK (version >= 1)
) STRICT;
CREATE INDEX session_by_trainer ON session (trainer) WHERE trainer IS NOT NULL;

CREATE TABLE attendance (
    key        INTEGER PRIMARY KEY,
    id         BLOB NOT NULL UNIQUE CHECK (length(id) = 16),
    session    INTEGER NOT NULL REFERENCES session (key),
    person     INTEGER NOT NULL REFERENCES person (key),
    outcome    TEXT NOT NULL CHECK (outcome IN ('completed', 'left')),
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    created_by INTEGER NOT NULL,
    updated_by INTEGER NOT NULL,
    version    INTEGER NOT NULL CHECK (version >= 1),
    UNIQUE (session, person)
) STRICT;
CREATE INDEX attendance_by_person ON attendance (person);

CREATE TABLE listening_campaign (
    key              INTEGER PRIMARY KEY,
    id               BLOB NOT NULL UNIQUE CHECK (length(id) = 16),
    ref              TEXT NOT NULL UNIQUE,
    title            TEXT NOT NULL,
    kind             TEXT NOT NULL CHECK (kind IN ('place', 'organisation', 'interest')),
    opened_on        TEXT NOT NULL,
    closed_on        TEXT,
    reported_back_on TEXT,
    created_at       INTEGER NOT NULL,
    updated_at       INTEGER NOT NULL,
    created_by       INTEGER NOT NULL,
    updated_by       INTEGER NOT NULL,
    version          INTEGER NOT NULL CHECK (version >= 1)
) STRICT;

-- `note` is free text about people, hence personal too. `themes` are joined by semicolons, as in the import.
CREATE TABLE listening (
    key        INTEGER PRIMARY KEY,
    id         BLOB NOT NULL UNIQUE CHECK (length(id) = 16),
    ref        TEXT NOT NULL UNIQUE,
    date       TEXT NOT NULL,
    organiser  INTEGER NOT NULL REFERENCES person (key),
    person     INTEGER REFERENCES person (key),
    campaign   INTEGER REFERENCES listening_campaign (key),
    mode       TEXT NOT NULL CHECK (mode IN ('door', 'one-to-one', 'street', 'online', 'group')),
    ward       TEXT NOT NULL,
    themes     TEXT NOT NULL,
    kind       TEXT NOT NULL CHECK (kind IN ('concern', 'vision')),
    repeat     TEXT NOT NULL CHECK (repeat IN ('yes', 'no')),
    note       TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    created_by INTEGER NOT NULL,
    updated_by INTEGER NOT NULL,
    version    INTEGER NOT NULL CHECK (version >= 1)
) STRICT;
CREATE INDEX listening_by_person ON listening (person) WHERE person IS NOT NULL;
CREATE INDEX listening_by_organiser ON listening (organiser);

CREATE TABLE action (
    key        INTEGER PRIMARY KEY,
    id         BLOB NOT NULL UNIQUE CHECK (length(id) = 16),
    ref        TEXT NOT NULL UNIQUE,
    date       TEXT NOT NULL,
    title      TEXT NOT NULL,
    kind       TEXT NOT NULL CHECK (kind IN ('meeting', 'event', 'petition', 'service', 'deputation')),
    led_by     INTEGER REFERENCES person (key),
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    created_by INTEGER NOT NULL,
    updated_by INTEGER NOT NULL,
    version    INTEGER NOT NULL CHECK (version >= 1)
) STRICT;
CREATE INDEX action_by_leader ON action (led_by) WHERE led_by IS NOT NULL;

CREATE TABLE participation (
    key        INTEGER PRIMARY KEY,
    id         BLOB NOT NULL UNIQUE CHECK (length(id) = 16),
    action     INTEGER NOT NULL REFERENCES action (key),
    person     INTEGER NOT NULL REFERENCES person (key),
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    created_by INTEGER NOT NULL,
    updated_by INTEGER NOT NULL,
    version    INTEGER NOT NULL CHECK (version >= 1),
    UNIQUE (action, person)
) STRICT;
CREATE INDEX participation_by_person ON participation (person);

CREATE TABLE project (
    key        INTEGER PRIMARY KEY,
    id         BLOB NOT NULL UNIQUE CHECK (length(id) = 16),
    ref        TEXT NOT NULL UNIQUE,
    started_on TEXT NOT NULL,
    title      TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    created_by INTEGER NOT NULL,
    updated_by INTEGER NOT NULL,
    version    INTEGER NOT NULL CHECK (version >= 1)
) STRICT;

CREATE TABLE funding (
    key          INTEGER PRIMARY KEY,
    id           BLOB NOT NULL UNIQUE CHECK (length(id) = 16),
    ref          TEXT NOT NULL UNIQUE,
    date         TEXT NOT NULL,
    source       TEXT NOT NULL,
    amount_pence INTEGER NOT NULL CHECK (amount_pence > 0),
    created_at   INTEGER NOT NULL,
    updated_at   INTEGER NOT NULL,
    created_by   INTEGER NOT NULL,
    updated_by   INTEGER NOT NULL,
    version      INTEGER NOT NULL CHECK (version >= 1)
) STRICT;

-- Figures, kept by what changes, in the transaction that changes it. Quarters are numbered year * 4 + (0 to 3).

-- What adds up over quarters: a financial year and a programme are sums of their quarters. `measure` is an indicator's
-- code (under people_listened_to: anonymous people alone) or `with-people/` and a kind of event, which counts what makes
-- its figures more than structural zeros: attendances, participations, listenings.
CREATE TABLE tally (
    measure TEXT NOT NULL,
    quarter INTEGER NOT NULL,
    value   INTEGER NOT NULL CHECK (value > 0),
    PRIMARY KEY (measure, quarter)
) STRICT, WITHOUT ROWID;

-- How many events count a person for an indicator in a quarter. `category` is the person's category where the indicator
-- is broken down, else empty.
CREATE TABLE presence (
    person    INTEGER NOT NULL REFERENCES person (key),
    indicator TEXT NOT NULL,
    category  TEXT NOT NULL,
    quarter   INTEGER NOT NULL,
    events    INTEGER NOT NULL CHECK (events > 0),
    PRIMARY KEY (person, indicator, category, quarter)
) STRICT, WITHOUT ROWID;

-- Distinct people by period: every quarter and financial year that has any, and every programme that is tracked.
CREATE TABLE distinct_people (
    period    TEXT NOT NULL,
    indicator TEXT NOT NULL,
    category  TEXT NOT NULL,
    value     INTEGER NOT NULL CHECK (value > 0),
    PRIMARY KEY (period, indicator, category)
) STRICT, WITHOUT ROWID;

-- The funding programmes that distinct people are counted for. They never change.
CREATE TABLE tracked_programme (
    code  TEXT PRIMARY KEY,
    title TEXT NOT NULL,
    first TEXT NOT NULL,
    last  TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- All that ever was approved to leave, byte for byte. Of one period and revision one release stands; another that waited,
-- approved in a copy of this folder that was overwritten, is kept as superseded.
CREATE TABLE release (
    key           INTEGER PRIMARY KEY,
    period        TEXT NOT NULL,
    revision      INTEGER NOT NULL CHECK (revision >= 0),
    payload       BLOB NOT NULL,
    approved_at   INTEGER NOT NULL,
    superseded_at INTEGER,
    author        BLOB CHECK (length(author) = 32), -- author to hash: the entry that carries it; null until it is sent
    incarnation   INTEGER, -- the 64 bits, read as signed
    seq           INTEGER,
    hash          BLOB CHECK (length(hash) = 32),
    CHECK ((author IS NULL) = (seq IS NULL) AND (incarnation IS NULL) = (seq IS NULL) AND (hash IS NULL) = (seq IS NULL))
) STRICT;
CREATE UNIQUE INDEX release_standing ON release (period, revision) WHERE superseded_at IS NULL;
CREATE UNIQUE INDEX release_sent ON release (incarnation, seq) WHERE seq IS NOT NULL;
