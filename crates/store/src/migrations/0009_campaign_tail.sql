-- What was changed in a campaign's document since its snapshot: whole changes, one after another, as automerge has them.
CREATE TABLE campaign_tail (
    key INTEGER PRIMARY KEY,
    campaign BLOB NOT NULL REFERENCES campaign (id) ON DELETE CASCADE,
    changes BLOB NOT NULL CHECK (length(changes) > 0)
) STRICT;

CREATE INDEX campaign_tail_by_campaign ON campaign_tail (campaign);
