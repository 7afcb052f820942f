-- What attempts came to, hour by hour: one row for each endpoint, event type and hour in
-- which attempts were begun. Tests are not counted. Written in the transaction of the
-- outcomes. The rows have rowids, so that those of the present hour lie together.

CREATE TABLE statistics (
    account_id        BLOB NOT NULL,
    -- The beginning of the hour.
    hour              INTEGER NOT NULL CHECK (hour % 3600000000 = 0),
    endpoint_id       BLOB NOT NULL,
    event_type        TEXT NOT NULL,
    failed_attempts   INTEGER NOT NULL,
    -- Deliveries that failed for good, by their last attempt.
    failed_deliveries INTEGER NOT NULL,
    -- Attempts by their duration; all that did not fail have delivered.
    within_5ms        INTEGER NOT NULL,
    within_10ms       INTEGER NOT NULL,
    within_25ms       INTEGER NOT NULL,
    within_50ms       INTEGER NOT NULL,
    within_100ms      INTEGER NOT NULL,
    within_250ms      INTEGER NOT NULL,
    within_500ms      INTEGER NOT NULL,
    within_1s         INTEGER NOT NULL,
    within_2500ms     INTEGER NOT NULL,
    within_5s         INTEGER NOT NULL,
    within_10s        INTEGER NOT NULL,
    longer            INTEGER NOT NULL,
    PRIMARY KEY (account_id, hour, endpoint_id, event_type)
) STRICT;
