-- The entry that says who takes part in a campaign: what every node that holds the campaign must know of it, the Academy
-- included. What the members write is in the entries alone.
CREATE TABLE membership (
    campaign BLOB PRIMARY KEY CHECK (length(campaign) = 32),
    place INTEGER NOT NULL REFERENCES entry (place) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

CREATE INDEX membership_by_place ON membership (place);
