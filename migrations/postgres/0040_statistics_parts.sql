-- no-transaction
-- The statistics of a busy endpoint are in several rows of an hour, until the hour has ended: the further
-- ones are some microseconds later. Pages and the task that makes one row of them find them here.
CREATE INDEX CONCURRENTLY IF NOT EXISTS statistics_parts ON statistics (account_id, endpoint_id, hour, event_type)
    WHERE hour <> date_bin(INTERVAL '1 hour', hour, TIMESTAMPTZ 'epoch')
