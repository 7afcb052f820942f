-- The pace that a person chose for a resend, in deliveries a minute; NULL is that of the server.
ALTER TABLE resends ADD COLUMN per_minute INTEGER CHECK (per_minute > 0);
-- The deliveries that were counted before it began, for its progress; NULL if they are too many.
ALTER TABLE resends ADD COLUMN expected INTEGER CHECK (expected >= 0);
-- The instant at which a person paused it. It stays in the state 'running', with a lease that
-- never ends: so no process takes it up, not even one of an earlier version.
ALTER TABLE resends ADD COLUMN paused_at INTEGER;

-- The last tests of a webhook. Deliveries of real events write nothing here.
CREATE INDEX deliveries_tests ON deliveries (endpoint_id, event_id) WHERE is_test;
