-- Accounts, the people who sign in, and the keys that send events in.
-- The same tables as for SQLite, with the types of PostgreSQL.

CREATE TABLE accounts (
    id                UUID NOT NULL PRIMARY KEY,
    name              TEXT NOT NULL UNIQUE CHECK (name <> ''),
    balance           NUMERIC,
    balance_threshold NUMERIC,
    -- Grows with every change to the account's endpoints, so that a process can
    -- tell whether what it remembers of them still holds.
    revision          BIGINT NOT NULL DEFAULT 0,
    created_at        TIMESTAMPTZ NOT NULL
);

CREATE TABLE users (
    id            UUID NOT NULL PRIMARY KEY,
    email         TEXT NOT NULL UNIQUE CHECK (email = lower(email) AND email <> ''),
    password_hash TEXT NOT NULL,
    created_at    TIMESTAMPTZ NOT NULL
);

CREATE TABLE memberships (
    account_id UUID NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    user_id    UUID NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    role       TEXT NOT NULL CHECK (role IN ('owner', 'admin', 'member')),
    created_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (account_id, user_id)
);

-- Only a hash of the token is kept: who reads the table cannot sign in with it.
CREATE TABLE sessions (
    token_hash BYTEA NOT NULL PRIMARY KEY CHECK (octet_length(token_hash) = 32),
    user_id    UUID NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    account_id UUID NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    created_at TIMESTAMPTZ NOT NULL,
    expires_at TIMESTAMPTZ NOT NULL
);

-- One-time links with which an account's first owner signs up.
CREATE TABLE setup_links (
    token_hash BYTEA NOT NULL PRIMARY KEY CHECK (octet_length(token_hash) = 32),
    account_id UUID NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    created_at TIMESTAMPTZ NOT NULL,
    expires_at TIMESTAMPTZ NOT NULL
);

CREATE TABLE api_keys (
    id           UUID NOT NULL PRIMARY KEY,
    -- NULL: a key of the operator's own backend, which may name any account.
    account_id   UUID REFERENCES accounts (id) ON DELETE CASCADE,
    name         TEXT NOT NULL CHECK (name <> ''),
    token_hash   BYTEA NOT NULL UNIQUE CHECK (octet_length(token_hash) = 32),
    -- The last characters of the key, by which a person recognises it.
    hint         TEXT NOT NULL,
    created_at   TIMESTAMPTZ NOT NULL,
    last_used_at TIMESTAMPTZ,
    revoked_at   TIMESTAMPTZ
);

CREATE INDEX api_keys_by_account ON api_keys (account_id);
