-- An expanding migration of a version that is yet to come.
ALTER TABLE deliveries ADD COLUMN later INTEGER;
ALTER TABLE events ADD COLUMN later TEXT NOT NULL DEFAULT '';
ALTER TABLE endpoints ADD COLUMN later TEXT;
CREATE TABLE later (id INTEGER NOT NULL PRIMARY KEY) STRICT;
