-- Checkpoints of campaigns: what each says beside the document, which is in its entry.
CREATE TABLE campaign_checkpoint (
    place INTEGER PRIMARY KEY REFERENCES entry (place) ON DELETE CASCADE,
    campaign BLOB NOT NULL CHECK (length(campaign) = 32),
    membership BLOB NOT NULL CHECK (length(membership) = 32),
    generation INTEGER NOT NULL,
    covers BLOB NOT NULL CHECK (length(covers) % 80 = 0), -- cursors
    demands BLOB NOT NULL CHECK (length(demands) % 48 = 0), -- hub, operations, bytes
    document_bytes INTEGER NOT NULL,
    state INTEGER NOT NULL CHECK (state IN (0, 1, 2)), -- 0 not compared yet, 1 good, 2 not what the entries say
    counts INTEGER NOT NULL DEFAULT 0 CHECK (counts IN (0, 1)) -- whether it is the latest one that counts
) STRICT;

CREATE INDEX campaign_checkpoint_by_campaign ON campaign_checkpoint (campaign);

-- Logs that are held from a checkpoint on: the last entry that is not held any more, or never was.
CREATE TABLE log_base (
    log INTEGER PRIMARY KEY REFERENCES log (id),
    seq INTEGER NOT NULL CHECK (seq > 0),
    hash BLOB NOT NULL CHECK (length(hash) = 32)
) STRICT;
