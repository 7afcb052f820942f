-- The restores of this database from a backup: what was stored before one, and was not known to
-- be delivered, may have been sent already.
CREATE TABLE restores (
    restored_at INTEGER NOT NULL PRIMARY KEY,
    -- The latest instant of which the backup is known to hold something.
    holds_to    INTEGER
) STRICT;
