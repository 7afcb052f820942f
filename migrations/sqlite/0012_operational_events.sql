-- What happened to webhooks, on its way to the account that hears of it: written in the
-- transaction of the change, and removed once it has become an event.
CREATE TABLE operational_events (
    account_id   BLOB NOT NULL,
    -- Grows with time.
    id           BLOB NOT NULL,
    event_type   TEXT NOT NULL,
    endpoint_id  BLOB NOT NULL,
    delivery_id  BLOB,
    -- The type of the event of that delivery.
    of_type      TEXT,
    reason       TEXT,
    -- The last success of the endpoint: it has failed since.
    since        INTEGER,
    occurred_at  INTEGER NOT NULL,
    PRIMARY KEY (account_id, id)
) STRICT, WITHOUT ROWID;

-- When it was last told that the endpoint fails. The endpoint is told of once between two
-- successes.
ALTER TABLE endpoint_health ADD COLUMN told_at INTEGER;
