-- The curriculum, as the entries of its topic say it. What is taken out of an entry's log goes with the entry.

-- An edition as an entry published it. Where two entries published one edition otherwise, the one with the lesser hash
-- counts, so that every node says the same. The text is in the entry's payload.
CREATE TABLE edition (
    item TEXT NOT NULL,
    number INTEGER NOT NULL CHECK (number >= 1),
    hash BLOB NOT NULL CHECK (length(hash) = 32), -- the entry's
    place INTEGER NOT NULL UNIQUE REFERENCES entry (place) ON DELETE CASCADE,
    title TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('unit', 'session', 'course')),
    minutes INTEGER NOT NULL CHECK (minutes >= 1),
    minute INTEGER NOT NULL, -- when it was written
    PRIMARY KEY (item, number, hash)
) STRICT, WITHOUT ROWID;

-- The editions of an item up to this one are retired.
CREATE TABLE retirement (
    item TEXT NOT NULL,
    edition INTEGER NOT NULL CHECK (edition >= 1),
    place INTEGER NOT NULL UNIQUE REFERENCES entry (place) ON DELETE CASCADE,
    PRIMARY KEY (item, edition, place)
) STRICT, WITHOUT ROWID;
