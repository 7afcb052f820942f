-- What the API needs: scopes of keys, versions, accounts that are suspended, and the
-- answers to requests that may come twice.

-- Names of scopes with a space between. Keys of before could send events and set balances.
ALTER TABLE api_keys ADD COLUMN scopes TEXT NOT NULL DEFAULT 'events:write balance:write' CHECK (scopes <> '');

-- Grow with each change, so that a change can name the version that it was made for.
ALTER TABLE accounts ADD COLUMN version BIGINT NOT NULL DEFAULT 1;
ALTER TABLE endpoints ADD COLUMN version BIGINT NOT NULL DEFAULT 1;

-- From then on the account takes no events, and none of its deliveries is sent.
ALTER TABLE accounts ADD COLUMN suspended_at TIMESTAMPTZ;

-- The names that mean an account: its own, and those that it had before. A name means one
-- account for as long as that exists, so that whoever remembers a name is never wrong.
CREATE TABLE account_names (
    name       TEXT NOT NULL PRIMARY KEY,
    account_id UUID NOT NULL REFERENCES accounts (id) ON DELETE CASCADE
);

CREATE INDEX account_names_by_account ON account_names (account_id);
INSERT INTO account_names (name, account_id) SELECT name, id FROM accounts;

-- The answers to requests with an idempotency key, for as long as the key is honoured.
CREATE TABLE stored_answers (
    -- The account that the request was about; zeros if it was about none.
    account_id   UUID NOT NULL,
    -- The account of the key that sent the request; zeros for a key of the operator.
    sender_id    UUID NOT NULL,
    key          TEXT NOT NULL,
    request_hash BYTEA NOT NULL CHECK (octet_length(request_hash) = 32),
    -- Sealed: it can hold a secret. NULL until the request was answered.
    answer       BYTEA,
    created_at   TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (account_id, sender_id, key)
);

CREATE INDEX stored_answers_by_age ON stored_answers (created_at);
CREATE INDEX stored_answers_by_account ON stored_answers (account_id, created_at);
