-- Proves the sealing key: each server must open the text that the first one sealed.
CREATE TABLE sealing_check (
    id         INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
    -- A known text, sealed with the operator's key.
    sealed     BLOB NOT NULL,
    -- When a server last proved its key, which also proves that it can write.
    checked_at INTEGER NOT NULL
) STRICT;
