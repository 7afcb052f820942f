-- Failed, held and discarded deliveries in the order of their events, whatever their types
-- are. Deliveries that arrive are in no such state, and write nothing here.
CREATE INDEX deliveries_set_aside ON deliveries (account_id, endpoint_id, state, event_id)
    WHERE state IN ('failed', 'held', 'discarded');

-- Deliveries that a person or a program has sent again by a filter: some at a time, by one
-- process, until the end of its lease.
CREATE TABLE resends (
    id             UUID NOT NULL PRIMARY KEY,
    account_id     UUID NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    -- NULL: all endpoints of the account.
    endpoint_id    UUID,
    -- JSON: the filter.
    filter         TEXT NOT NULL,
    state          TEXT NOT NULL CHECK (state IN ('running', 'finished', 'stopped', 'failed')),
    -- The reason for which it failed.
    failure        TEXT,
    -- Deliveries that match, of those looked at so far; and what became of them.
    found          BIGINT NOT NULL DEFAULT 0 CHECK (found >= 0),
    sent           BIGINT NOT NULL DEFAULT 0 CHECK (sent >= 0),
    skipped        BIGINT NOT NULL DEFAULT 0 CHECK (skipped >= 0),
    -- Where it goes on: behind this event of this endpoint.
    at_endpoint    UUID,
    at_event       UUID,
    -- The process that works on it, and until when.
    lease          BIGINT,
    leased_until   TIMESTAMPTZ,
    created_at     TIMESTAMPTZ NOT NULL,
    ended_at       TIMESTAMPTZ,
    CHECK ((state = 'running') = (ended_at IS NULL)),
    CHECK ((state = 'failed') = (failure IS NOT NULL)),
    CHECK ((lease IS NULL) = (leased_until IS NULL)),
    CHECK (lease IS NULL OR state = 'running'),
    CHECK ((at_endpoint IS NULL) = (at_event IS NULL)),
    CHECK (found = sent + skipped)
);

CREATE INDEX resends_by_account ON resends (account_id, id);
CREATE INDEX resends_running ON resends (leased_until) WHERE state = 'running';
CREATE INDEX resends_by_age ON resends (ended_at) WHERE ended_at IS NOT NULL;
