-- Which of its documents the stored one is: a campaign in which something was erased began anew.
ALTER TABLE campaign ADD COLUMN generation INTEGER NOT NULL DEFAULT 0;

-- The generation of which this hub has said that it dropped what came before; 0 where it has not looked.
ALTER TABLE campaign ADD COLUMN attested INTEGER NOT NULL DEFAULT 0;

-- What this hub had written into a document that was replaced before it was sent: for its own people, to be entered again.
CREATE TABLE campaign_unsent (
    key INTEGER PRIMARY KEY,
    campaign BLOB NOT NULL CHECK (length(campaign) = 32),
    what TEXT NOT NULL,
    said TEXT NOT NULL
) STRICT;
