-- What the campaigns that this hub leads, or led, have achieved, as far as it counts here. Nothing of it is in words: of an
-- organisation's name there is a hash. Days are Julian day numbers, quarters are numbered year * 4 + (0 to 3).

-- The campaigns that were looked at, also those that this hub never led.
CREATE TABLE campaign_outcome (
    campaign BLOB PRIMARY KEY CHECK (length(campaign) = 32),
    tip BLOB NOT NULL CHECK (length(tip) = 32), -- the last entry of the membership that says who led when
    heads BLOB CHECK (length(heads) = 32), -- hash of the heads of the document that was read; null where none was
    left_out_on INTEGER, -- since when members say that this hub takes part no longer, by its own clock
    digest BLOB NOT NULL CHECK (length(digest) = 32) -- of all that was counted; zeros where it is to be counted anew
) STRICT, WITHOUT ROWID;

-- On which days this hub led.
CREATE TABLE campaign_lead (
    campaign BLOB NOT NULL REFERENCES campaign_outcome (campaign) ON DELETE CASCADE,
    first    INTEGER NOT NULL,
    last     INTEGER NOT NULL,
    PRIMARY KEY (campaign, first),
    CHECK (first <= last)
) STRICT, WITHOUT ROWID;

-- Organisations, each by the BLAKE3 hash of its name in one spelling, and the day of its first sign-up.
CREATE TABLE campaign_organisation (
    campaign     BLOB NOT NULL REFERENCES campaign_outcome (campaign) ON DELETE CASCADE,
    organisation BLOB NOT NULL CHECK (length(organisation) = 32),
    signed_up_on INTEGER NOT NULL,
    PRIMARY KEY (campaign, organisation)
) STRICT, WITHOUT ROWID;

-- What each campaign has added to `tally`. Of organisations: how many began to count in the quarter.
CREATE TABLE campaign_tally (
    campaign BLOB NOT NULL REFERENCES campaign_outcome (campaign) ON DELETE CASCADE,
    measure  TEXT NOT NULL,
    quarter  INTEGER NOT NULL,
    value    INTEGER NOT NULL CHECK (value > 0),
    PRIMARY KEY (campaign, measure, quarter)
) STRICT, WITHOUT ROWID;
