-- The latest instant that a process has seen: one that finds the clock far before it moves what
-- waits. One row, written twice a minute.
CREATE TABLE clock_looks (
    id     INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
    latest INTEGER NOT NULL
) STRICT;
