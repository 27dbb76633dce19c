-- Every entry that says who takes part in a campaign, whether it counts or not: what every node that holds the campaign
-- must know of it, the Academy included. What the members write is in the entries alone.
CREATE TABLE membership_entry (
    place INTEGER PRIMARY KEY REFERENCES entry (place) ON DELETE CASCADE,
    campaign BLOB NOT NULL CHECK (length(campaign) = 32)
) STRICT;

CREATE INDEX membership_entry_by_campaign ON membership_entry (campaign);

-- Founding entries: the kind is in bytes 147 and 148 of a header, and campaigns are the topics that begin with 5.
INSERT INTO membership_entry (place, campaign)
    SELECT entry.place, substr(topic.name, 2)
    FROM entry JOIN log ON log.id = entry.place >> 40 JOIN topic ON topic.id = log.topic
    WHERE substr(entry.header, 147, 2) = x'0007' AND substr(topic.name, 1, 1) = x'05';

DROP TABLE membership;

-- Who may read the topic since, where nothing new arrived; null where the log grew.
ALTER TABLE arrival ADD COLUMN reader BLOB CHECK (length(reader) = 32);
