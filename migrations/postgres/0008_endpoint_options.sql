-- Options of an endpoint. Endpoints of before have none: every column may be empty.

-- The account's own headers: a JSON array of pairs of name and value, sealed with the
-- operator's key.
ALTER TABLE endpoints ADD COLUMN headers BYTEA;
-- Deliveries carry the headers of CloudEvents' binary mode as well.
ALTER TABLE endpoints ADD COLUMN cloud_events BOOLEAN;
-- The receiver asked to be left alone until then: no delivery is attempted before, except
-- for tests. A disabled endpoint does not rest.
ALTER TABLE endpoints ADD COLUMN resting_until TIMESTAMPTZ CHECK (resting_until IS NULL OR disabled_at IS NULL);
-- Deliveries that may start in a second.
ALTER TABLE endpoints ADD COLUMN throttle INTEGER CHECK (throttle BETWEEN 1 AND 1000);
-- The next regular start by the throttle. Claims alone change it.
ALTER TABLE endpoints ADD COLUMN throttled_until TIMESTAMPTZ;
-- Conditions on members of the body, a JSON array: events that do not meet all of them are
-- not delivered there.
ALTER TABLE endpoints ADD COLUMN filter TEXT CHECK (filter <> '');
