-- The links with which a service sends its signed-in people into the dashboard, and what a
-- session that such a link has begun knows besides.

-- Links that were not used yet. Only a hash of the token is kept.
CREATE TABLE portal_links (
    token_hash    BLOB NOT NULL PRIMARY KEY CHECK (length(token_hash) = 32),
    account_id    BLOB NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    role          TEXT NOT NULL CHECK (role IN ('viewer', 'developer', 'admin')),
    -- Seconds that the session lasts.
    session_lasts INTEGER NOT NULL CHECK (session_lasts BETWEEN 300 AND 86400),
    -- The path of the first page.
    landing       TEXT NOT NULL CHECK (substr(landing, 1, 9) = '/settings'),
    return_url    TEXT CHECK (return_url <> ''),
    -- The person, in the words of the service.
    subject       TEXT CHECK (subject <> ''),
    -- The dashboard is shown in a frame of the service's own page.
    embedded      INTEGER NOT NULL CHECK (embedded IN (0, 1)),
    -- NULL: as the operator has it.
    theme         TEXT CHECK (theme IN ('light', 'dark', 'auto')),
    created_at    INTEGER NOT NULL,
    expires_at    INTEGER NOT NULL
) STRICT;

CREATE INDEX portal_links_by_account ON portal_links (account_id, created_at, token_hash);
CREATE INDEX portal_links_by_expiry ON portal_links (expires_at);

-- One row for each session without a person.
CREATE TABLE portal_sessions (
    session_id BLOB NOT NULL PRIMARY KEY REFERENCES sessions (id) ON DELETE CASCADE,
    account_id BLOB NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    return_url TEXT CHECK (return_url <> ''),
    subject    TEXT CHECK (subject <> ''),
    embedded   INTEGER NOT NULL CHECK (embedded IN (0, 1)),
    theme      TEXT CHECK (theme IN ('light', 'dark', 'auto')),
    created_at INTEGER NOT NULL
) STRICT;

CREATE INDEX portal_sessions_by_account ON portal_sessions (account_id, created_at, session_id);
