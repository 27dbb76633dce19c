-- The campaigns with a later document are few, and asked for at each meeting with the Academy.
CREATE INDEX campaign_checkpoint_of_later ON campaign_checkpoint (campaign, generation)
    WHERE counts = 1 AND generation > 0;
