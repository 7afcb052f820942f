-- What the pages of those who operate the server need.

-- One-time links that make an operator.
CREATE TABLE operator_links (
    token_hash BLOB NOT NULL PRIMARY KEY CHECK (length(token_hash) = 32),
    -- NULL: the token is that of an invitation too; the new person who accepts that becomes an
    -- operator.
    email      TEXT CHECK (email = lower(email) AND email <> ''),
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT;

-- Finds accounts by the beginning of their names.
CREATE INDEX accounts_by_name ON accounts (lower(name));

-- Finds the latest statistics of all accounts. A row is made once an hour for each endpoint
-- and event type, and goes to the end; counting on in a row changes nothing here.
CREATE INDEX statistics_by_hour ON statistics (hour);

-- Webhooks that failures have disabled. The rows that attempts change are enabled, and so
-- stand in no such index.
CREATE INDEX endpoints_disabled ON endpoints (disabled_at) WHERE disabled_reason <> 'paused' AND deleted_at IS NULL;
