-- Endpoints, events, deliveries and attempts.

CREATE TABLE endpoints (
    id              BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    account_id      BLOB NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    url             TEXT NOT NULL CHECK (url LIKE 'https://%'),
    description     TEXT NOT NULL,
    -- Names of event types with a space between.
    event_types     TEXT NOT NULL CHECK (event_types <> ''),
    -- Sealed with the operator's key.
    secret          BLOB NOT NULL,
    next_secret     BLOB,
    next_secret_at  INTEGER,
    disabled_at     INTEGER,
    disabled_reason TEXT CHECK (disabled_reason IN ('retries_exhausted', 'gone', 'paused')),
    -- The delivery whose failure disabled the endpoint.
    disabled_by     BLOB,
    created_at      INTEGER NOT NULL,
    updated_at      INTEGER NOT NULL,
    deleted_at      INTEGER,
    CHECK ((disabled_at IS NULL) = (disabled_reason IS NULL)),
    CHECK (disabled_by IS NULL OR disabled_at IS NOT NULL),
    CHECK ((next_secret IS NULL) = (next_secret_at IS NULL))
) STRICT;

CREATE INDEX endpoints_by_account ON endpoints (account_id, id);

-- When an endpoint next has something due: never later than the earliest
-- due_at of its pending deliveries. Claiming looks here first, so that a long
-- backlog of one endpoint costs the others nothing.
CREATE TABLE endpoint_queues (
    endpoint_id BLOB NOT NULL,
    account_id  BLOB NOT NULL,
    next_due_at INTEGER NOT NULL,
    PRIMARY KEY (account_id, endpoint_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX endpoint_queues_due ON endpoint_queues (next_due_at);

CREATE TABLE endpoint_health (
    endpoint_id          BLOB NOT NULL,
    account_id           BLOB NOT NULL,
    last_success_at      INTEGER,
    last_failure_at      INTEGER,
    consecutive_failures INTEGER NOT NULL CHECK (consecutive_failures >= 0),
    PRIMARY KEY (account_id, endpoint_id)
) STRICT, WITHOUT ROWID;

-- Events and attempts have rowids, unlike their neighbours: their rows are long and
-- come in order, and so are appended instead of sorted in.
CREATE TABLE events (
    id          BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    account_id  BLOB NOT NULL,
    event_type  TEXT NOT NULL,
    -- The exact bytes that are signed and sent; NULL once retention took them.
    body        TEXT,
    task_id     TEXT,
    occurred_at INTEGER NOT NULL,
    accepted_at INTEGER NOT NULL,
    -- To how many endpoints it went: as many deliveries must exist.
    fanout      INTEGER NOT NULL CHECK (fanout >= 0),
    is_test     INTEGER NOT NULL CHECK (is_test IN (0, 1))
) STRICT;

CREATE INDEX events_by_task ON events (account_id, task_id) WHERE task_id IS NOT NULL;

CREATE TABLE deliveries (
    id           BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    account_id   BLOB NOT NULL,
    event_id     BLOB NOT NULL,
    endpoint_id  BLOB NOT NULL,
    event_type   TEXT NOT NULL,
    is_test      INTEGER NOT NULL CHECK (is_test IN (0, 1)),
    state        TEXT NOT NULL CHECK (state IN ('pending', 'delivered', 'failed', 'held', 'discarded')),
    -- The one scheduling column: claiming moves it a lease ahead.
    due_at       INTEGER,
    lease        INTEGER,
    -- Attempts made, over all rounds.
    attempts     INTEGER NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    -- Attempts that failed in this round; a resend or a release begins a new one.
    failures     INTEGER NOT NULL DEFAULT 0 CHECK (failures >= 0 AND failures <= attempts),
    created_at   INTEGER NOT NULL,
    completed_at INTEGER,
    CHECK ((state = 'pending') = (due_at IS NOT NULL)),
    CHECK (lease IS NULL OR state = 'pending'),
    CHECK ((state IN ('pending', 'held')) = (completed_at IS NULL)),
    CHECK (state NOT IN ('delivered', 'failed') OR attempts > 0)
) STRICT, WITHOUT ROWID;

-- One delivery for each event and endpoint; in this order because event ids
-- grow with time, so that it serves the delivery log as well.
CREATE UNIQUE INDEX deliveries_by_endpoint ON deliveries (endpoint_id, event_id);
CREATE INDEX deliveries_due ON deliveries (endpoint_id, due_at) WHERE state = 'pending';
CREATE INDEX deliveries_held ON deliveries (endpoint_id, event_id) WHERE state = 'held';

CREATE TABLE attempts (
    delivery_id      BLOB NOT NULL,
    number           INTEGER NOT NULL CHECK (number > 0),
    account_id       BLOB NOT NULL,
    started_at       INTEGER NOT NULL,
    duration_us      INTEGER NOT NULL CHECK (duration_us >= 0),
    first_byte_us    INTEGER,
    -- JSON: an array of pairs of name and value.
    request_headers  TEXT NOT NULL,
    status           INTEGER CHECK (status BETWEEN 100 AND 999),
    response_headers TEXT,
    response_body    TEXT,
    body_truncated   INTEGER NOT NULL CHECK (body_truncated IN (0, 1)),
    failure          TEXT,
    failure_detail   TEXT,
    PRIMARY KEY (delivery_id, number),
    CHECK (status IS NOT NULL OR failure IS NOT NULL),
    CHECK ((status IS NULL) = (response_headers IS NULL))
) STRICT;

CREATE TABLE idempotency_keys (
    account_id   BLOB NOT NULL,
    key          TEXT NOT NULL,
    request_hash BLOB NOT NULL CHECK (length(request_hash) = 32),
    event_id     BLOB NOT NULL,
    fanout       INTEGER NOT NULL,
    created_at   INTEGER NOT NULL,
    PRIMARY KEY (account_id, key)
) STRICT, WITHOUT ROWID;

CREATE INDEX idempotency_keys_by_age ON idempotency_keys (created_at);
