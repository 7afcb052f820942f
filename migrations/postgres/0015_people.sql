-- People: their roles, the sessions that they can look through and end, their invitations,
-- and those who operate the server.

-- A "member" of before could do all that others could; a developer comes nearest to it.
ALTER TABLE memberships DROP CONSTRAINT memberships_role_check;
UPDATE memberships SET role = 'developer' WHERE role = 'member';
ALTER TABLE memberships ADD CONSTRAINT memberships_role_check CHECK (role IN ('owner', 'admin', 'developer', 'viewer'));
-- The last use of a session in this account; noted once a minute at most.
ALTER TABLE memberships ADD COLUMN seen_at TIMESTAMPTZ;

-- Sessions of before go on, as if they had been used at this moment.
ALTER TABLE sessions RENAME TO old_sessions;
DROP INDEX sessions_by_expiry;
DROP INDEX sessions_by_account;
DROP INDEX sessions_by_user;
ALTER TABLE old_sessions RENAME CONSTRAINT sessions_pkey TO old_sessions_pkey;

CREATE TABLE sessions (
    token_hash BYTEA NOT NULL PRIMARY KEY CHECK (octet_length(token_hash) = 32),
    -- Names the session in lists. It tells nothing about the token.
    id         UUID NOT NULL UNIQUE,
    -- NULL: the session of a portal link, whose holder is not known here.
    user_id    UUID REFERENCES users (id) ON DELETE CASCADE,
    -- NULL: a person who belongs to no account.
    account_id UUID REFERENCES accounts (id) ON DELETE CASCADE,
    -- The role of a portal link. A person has that of the membership.
    role       TEXT CHECK (role IN ('owner', 'admin', 'developer', 'viewer')),
    created_at TIMESTAMPTZ NOT NULL,
    -- Noted once a minute at most.
    used_at    TIMESTAMPTZ NOT NULL,
    expires_at TIMESTAMPTZ NOT NULL,
    -- When the holder last proved to be who they are: by signing in, or when asked again.
    proved_at  TIMESTAMPTZ NOT NULL,
    device     TEXT NOT NULL CHECK (length(device) <= 200),
    address    TEXT NOT NULL CHECK (length(address) <= 45),
    CHECK ((user_id IS NULL) = (role IS NOT NULL)),
    CHECK (user_id IS NOT NULL OR account_id IS NOT NULL)
);

INSERT INTO sessions (token_hash, id, user_id, account_id, created_at, used_at, expires_at, proved_at, device, address)
SELECT token_hash, gen_random_uuid(), user_id, account_id, created_at, now(), expires_at, created_at, '', ''
FROM old_sessions;
DROP TABLE old_sessions;
CREATE INDEX sessions_by_expiry ON sessions (expires_at);
CREATE INDEX sessions_by_account ON sessions (account_id, user_id);
CREATE INDEX sessions_by_user ON sessions (user_id, used_at);

-- The people who operate the server.
CREATE TABLE operators (
    user_id    UUID NOT NULL PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    created_at TIMESTAMPTZ NOT NULL
);

-- Invitations: one-time links with which people come into an account. The links of before,
-- with which an account's first owner signs up, are invitations too.
CREATE TABLE invitations (
    token_hash BYTEA NOT NULL PRIMARY KEY CHECK (octet_length(token_hash) = 32),
    -- Names the invitation in lists. It tells nothing about the token.
    id         UUID NOT NULL UNIQUE,
    account_id UUID NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    role       TEXT NOT NULL CHECK (role IN ('owner', 'admin', 'developer', 'viewer')),
    -- The address that is invited. NULL: a link of the operator, who does not know it.
    email      TEXT CHECK (email = lower(email) AND email <> ''),
    created_at TIMESTAMPTZ NOT NULL,
    expires_at TIMESTAMPTZ NOT NULL
);

INSERT INTO invitations (token_hash, id, account_id, role, created_at, expires_at)
SELECT token_hash, gen_random_uuid(), account_id, 'owner', created_at, expires_at FROM setup_links;
DROP TABLE setup_links;
CREATE INDEX invitations_by_expiry ON invitations (expires_at);
CREATE INDEX invitations_by_account ON invitations (account_id, created_at);

-- One-time links with which a person who has forgotten the password sets another.
CREATE TABLE password_resets (
    token_hash BYTEA NOT NULL PRIMARY KEY CHECK (octet_length(token_hash) = 32),
    user_id    UUID NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    created_at TIMESTAMPTZ NOT NULL,
    expires_at TIMESTAMPTZ NOT NULL
);

CREATE INDEX password_resets_by_expiry ON password_resets (expires_at);
CREATE INDEX password_resets_by_user ON password_resets (user_id);
