-- So that a list of campaigns loads the documents of its page alone. Not known of one that was taken and never loaded.
ALTER TABLE campaign ADD COLUMN title TEXT;
