-- What keeps every statement within a bound, however much one customer has stored.

-- An endpoint that was enabled again before everything that waited for it had been
-- held: what was created up to this instant is still to be held, and is not
-- sent before.
ALTER TABLE endpoints ADD COLUMN hold_through TIMESTAMPTZ CHECK (hold_through IS NULL OR disabled_at IS NULL);
-- How far that is done, in the order of due_at.
ALTER TABLE endpoints ADD COLUMN held_to TIMESTAMPTZ CHECK (held_to IS NULL OR hold_through IS NOT NULL);

-- Serves the delivery log by state and type, and whatever changes many deliveries of one
-- state a few at a time. What is pending is found by deliveries_due. What is delivered
-- is left out: it is most, and each delivery would write a page more.
CREATE INDEX deliveries_by_state ON deliveries (account_id, endpoint_id, state, event_type, event_id)
    WHERE state IN ('failed', 'held', 'discarded');
DROP INDEX deliveries_held;

-- What has expired, and what goes with a person or an account.
CREATE INDEX sessions_by_expiry ON sessions (expires_at);
CREATE INDEX sessions_by_account ON sessions (account_id);
CREATE INDEX sessions_by_user ON sessions (user_id);
CREATE INDEX setup_links_by_expiry ON setup_links (expires_at);
CREATE INDEX setup_links_by_account ON setup_links (account_id);
CREATE INDEX memberships_by_user ON memberships (user_id);

-- When what is old was last removed, by the clock of the process that did it: a clock
-- that is far ahead of it is not believed.
CREATE TABLE sweeps (
    id           INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
    last_seen_at TIMESTAMPTZ NOT NULL
);
