-- The documents of the campaigns that this hub takes part in, worked out from their entries: a row that is missing or does
-- not load is worked out again.
CREATE TABLE campaign (
    key INTEGER PRIMARY KEY,
    id BLOB NOT NULL UNIQUE CHECK (length(id) = 32),
    snapshot BLOB NOT NULL,
    heads BLOB NOT NULL CHECK (length(heads) % 32 = 0) -- of the snapshot, which alone would not show that it is cut short
) STRICT;

-- Entries whose changes build on changes that have not arrived, or that are late and that nothing builds on.
CREATE TABLE campaign_waiting (
    place INTEGER PRIMARY KEY REFERENCES entry (place) ON DELETE CASCADE,
    campaign BLOB NOT NULL CHECK (length(campaign) = 32)
) STRICT;

CREATE INDEX campaign_waiting_by_campaign ON campaign_waiting (campaign);

-- What each entry with changes asks of every member, counted without parsing it.
CREATE TABLE campaign_entry (
    place INTEGER PRIMARY KEY REFERENCES entry (place) ON DELETE CASCADE,
    operations INTEGER NOT NULL CHECK (operations > 0),
    bytes INTEGER NOT NULL CHECK (bytes >= 0) -- of the payload
) STRICT;

-- The ids that callers gave their requests, so that a repeated one is known, and the campaign that each was about.
CREATE TABLE campaign_request (
    call TEXT NOT NULL CHECK (call IN ('create', 'edit')),
    id TEXT NOT NULL,
    campaign BLOB NOT NULL CHECK (length(campaign) = 32),
    PRIMARY KEY (call, id, campaign)
) STRICT, WITHOUT ROWID;
