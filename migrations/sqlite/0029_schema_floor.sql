-- Which versions of Signet may run on this database: each process compares its own schema, the
-- number of its last migration, with the floor.
CREATE TABLE schema_floor (
    id            INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
    -- The least schema that a process may have. A contract migration raises it before it takes
    -- away what older versions need.
    binaries_need INTEGER NOT NULL CHECK (binaries_need >= 0)
) STRICT;

INSERT INTO schema_floor (id, binaries_need) VALUES (1, 0);

-- The schema of the server. NULL: a version before this column.
ALTER TABLE key_holders ADD COLUMN schema_version INTEGER;
