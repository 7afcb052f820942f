-- Endpoints, events, deliveries and attempts.
-- Keys of the busy tables begin with the account, so that they can be
-- partitioned or spread by account.

CREATE TABLE endpoints (
    id              UUID NOT NULL PRIMARY KEY,
    account_id      UUID NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    url             TEXT NOT NULL CHECK (url LIKE 'https://%'),
    description     TEXT NOT NULL,
    -- Names of event types with a space between.
    event_types     TEXT NOT NULL CHECK (event_types <> ''),
    -- Sealed with the operator's key.
    secret          BYTEA NOT NULL,
    next_secret     BYTEA,
    next_secret_at  TIMESTAMPTZ,
    disabled_at     TIMESTAMPTZ,
    disabled_reason TEXT CHECK (disabled_reason IN ('retries_exhausted', 'gone', 'paused')),
    -- The delivery whose failure disabled the endpoint.
    disabled_by     UUID,
    created_at      TIMESTAMPTZ NOT NULL,
    updated_at      TIMESTAMPTZ NOT NULL,
    deleted_at      TIMESTAMPTZ,
    CHECK ((disabled_at IS NULL) = (disabled_reason IS NULL)),
    CHECK (disabled_by IS NULL OR disabled_at IS NOT NULL),
    CHECK ((next_secret IS NULL) = (next_secret_at IS NULL))
);

CREATE INDEX endpoints_by_account ON endpoints (account_id, id);

-- When an endpoint next has something due: never later than the earliest
-- due_at of its pending deliveries. Claiming looks here first, so that a long
-- backlog of one endpoint costs the others nothing.
CREATE TABLE endpoint_queues (
    endpoint_id UUID NOT NULL,
    account_id  UUID NOT NULL,
    next_due_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (account_id, endpoint_id)
);

CREATE INDEX endpoint_queues_due ON endpoint_queues (next_due_at);

CREATE TABLE endpoint_health (
    endpoint_id          UUID NOT NULL,
    account_id           UUID NOT NULL,
    last_success_at      TIMESTAMPTZ,
    last_failure_at      TIMESTAMPTZ,
    consecutive_failures INTEGER NOT NULL CHECK (consecutive_failures >= 0),
    PRIMARY KEY (account_id, endpoint_id)
);

CREATE TABLE events (
    id          UUID NOT NULL,
    account_id  UUID NOT NULL,
    event_type  TEXT NOT NULL,
    -- The exact bytes that are signed and sent; NULL once retention took them.
    body        TEXT,
    task_id     TEXT,
    occurred_at TIMESTAMPTZ NOT NULL,
    accepted_at TIMESTAMPTZ NOT NULL,
    -- To how many endpoints it went: as many deliveries must exist.
    fanout      INTEGER NOT NULL CHECK (fanout >= 0),
    is_test     BOOLEAN NOT NULL,
    PRIMARY KEY (account_id, id)
);

CREATE INDEX events_by_task ON events (account_id, task_id) WHERE task_id IS NOT NULL;

CREATE TABLE deliveries (
    id           UUID NOT NULL,
    account_id   UUID NOT NULL,
    event_id     UUID NOT NULL,
    endpoint_id  UUID NOT NULL,
    event_type   TEXT NOT NULL,
    is_test      BOOLEAN NOT NULL,
    state        TEXT NOT NULL CHECK (state IN ('pending', 'delivered', 'failed', 'held', 'discarded')),
    -- The one scheduling column: claiming moves it a lease ahead.
    due_at       TIMESTAMPTZ,
    lease        BIGINT,
    -- Attempts made, over all rounds.
    attempts     INTEGER NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    -- Attempts that failed in this round; a resend or a release begins a new one.
    failures     INTEGER NOT NULL DEFAULT 0 CHECK (failures >= 0 AND failures <= attempts),
    created_at   TIMESTAMPTZ NOT NULL,
    completed_at TIMESTAMPTZ,
    CHECK ((state = 'pending') = (due_at IS NOT NULL)),
    CHECK (lease IS NULL OR state = 'pending'),
    CHECK ((state IN ('pending', 'held')) = (completed_at IS NULL)),
    CHECK (state NOT IN ('delivered', 'failed') OR attempts > 0),
    PRIMARY KEY (account_id, id)
);

-- One delivery for each event and endpoint; in this order because event ids
-- grow with time, so that it serves the delivery log as well.
CREATE UNIQUE INDEX deliveries_by_endpoint ON deliveries (account_id, endpoint_id, event_id);
CREATE INDEX deliveries_due ON deliveries (account_id, endpoint_id, due_at) WHERE state = 'pending';
CREATE INDEX deliveries_held ON deliveries (account_id, endpoint_id, event_id) WHERE state = 'held';

CREATE TABLE attempts (
    delivery_id      UUID NOT NULL,
    number           INTEGER NOT NULL CHECK (number > 0),
    account_id       UUID NOT NULL,
    started_at       TIMESTAMPTZ NOT NULL,
    duration_us      BIGINT NOT NULL CHECK (duration_us >= 0),
    first_byte_us    BIGINT,
    -- JSON: an array of pairs of name and value.
    request_headers  TEXT NOT NULL,
    status           INTEGER CHECK (status BETWEEN 100 AND 999),
    response_headers TEXT,
    response_body    TEXT,
    body_truncated   BOOLEAN NOT NULL,
    failure          TEXT,
    failure_detail   TEXT,
    PRIMARY KEY (account_id, delivery_id, number),
    CHECK (status IS NOT NULL OR failure IS NOT NULL),
    CHECK ((status IS NULL) = (response_headers IS NULL))
);

CREATE TABLE idempotency_keys (
    account_id   UUID NOT NULL,
    key          TEXT NOT NULL,
    request_hash BYTEA NOT NULL CHECK (octet_length(request_hash) = 32),
    event_id     UUID NOT NULL,
    fanout       INTEGER NOT NULL,
    created_at   TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (account_id, key)
);

CREATE INDEX idempotency_keys_by_age ON idempotency_keys (created_at);
