-- The events of one account in their order, for its list and for a stream of them. The key
-- begins with the account, as on PostgreSQL: an index beside the one of the ids would make
-- each event dearer.

CREATE TABLE events_by_account (
    id          BLOB NOT NULL CHECK (length(id) = 16),
    account_id  BLOB NOT NULL,
    event_type  TEXT NOT NULL,
    -- The exact bytes that are signed and sent; NULL once retention took them.
    body        TEXT,
    task_id     TEXT,
    occurred_at INTEGER NOT NULL,
    accepted_at INTEGER NOT NULL,
    -- To how many endpoints it went: as many deliveries must exist.
    fanout      INTEGER NOT NULL CHECK (fanout >= 0),
    is_test     INTEGER NOT NULL CHECK (is_test IN (0, 1)),
    PRIMARY KEY (account_id, id)
) STRICT;

INSERT INTO events_by_account
SELECT id, account_id, event_type, body, task_id, occurred_at, accepted_at, fanout, is_test FROM events ORDER BY rowid;

DROP TABLE events;
ALTER TABLE events_by_account RENAME TO events;
CREATE INDEX events_by_task ON events (account_id, task_id) WHERE task_id IS NOT NULL;
