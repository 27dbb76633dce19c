-- The place of the entry whose document is the snapshot, where it is the one of a checkpoint that a newcomer took.
ALTER TABLE campaign ADD COLUMN checkpoint INTEGER;
