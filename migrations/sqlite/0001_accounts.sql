-- Accounts, the people who sign in, and the keys that send events in.
-- Instants are microseconds since 1970; ids are the 16 bytes of a UUID.

CREATE TABLE accounts (
    id                BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    name              TEXT NOT NULL UNIQUE CHECK (name <> ''),
    balance           REAL,
    balance_threshold REAL,
    -- Grows with every change to the account's endpoints, so that a process can
    -- tell whether what it remembers of them still holds.
    revision          INTEGER NOT NULL DEFAULT 0,
    created_at        INTEGER NOT NULL
) STRICT;

CREATE TABLE users (
    id            BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    email         TEXT NOT NULL UNIQUE CHECK (email = lower(email) AND email <> ''),
    password_hash TEXT NOT NULL,
    created_at    INTEGER NOT NULL
) STRICT;

CREATE TABLE memberships (
    account_id BLOB NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    user_id    BLOB NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    role       TEXT NOT NULL CHECK (role IN ('owner', 'admin', 'member')),
    created_at INTEGER NOT NULL,
    PRIMARY KEY (account_id, user_id)
) STRICT;

-- Only a hash of the token is kept: who reads the table cannot sign in with it.
CREATE TABLE sessions (
    token_hash BLOB NOT NULL PRIMARY KEY CHECK (length(token_hash) = 32),
    user_id    BLOB NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    account_id BLOB NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT;

-- One-time links with which an account's first owner signs up.
CREATE TABLE setup_links (
    token_hash BLOB NOT NULL PRIMARY KEY CHECK (length(token_hash) = 32),
    account_id BLOB NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT;

CREATE TABLE api_keys (
    id           BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    -- NULL: a key of the operator's own backend, which may name any account.
    account_id   BLOB REFERENCES accounts (id) ON DELETE CASCADE,
    name         TEXT NOT NULL CHECK (name <> ''),
    token_hash   BLOB NOT NULL UNIQUE CHECK (length(token_hash) = 32),
    -- The last characters of the key, by which a person recognises it.
    hint         TEXT NOT NULL,
    created_at   INTEGER NOT NULL,
    last_used_at INTEGER,
    revoked_at   INTEGER
) STRICT;

CREATE INDEX api_keys_by_account ON api_keys (account_id);
