-- Second factors of people. What a person proves with is never kept in clear: the seed of the
-- codes is sealed, of recovery codes only hashes are kept, and a passkey is a public key.

CREATE TABLE totp (
    user_id      UUID NOT NULL PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    -- Sealed for this person.
    seed         BYTEA NOT NULL,
    created_at   TIMESTAMPTZ NOT NULL,
    -- NULL until a code has shown that the person's app has the seed.
    confirmed_at TIMESTAMPTZ,
    -- The step of 30 seconds of the last code that was used: no code counts twice.
    last_step    BIGINT,
    CHECK ((confirmed_at IS NULL) = (last_step IS NULL))
);

CREATE TABLE recovery_codes (
    user_id    UUID NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    code_hash  BYTEA NOT NULL CHECK (octet_length(code_hash) = 32),
    created_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (user_id, code_hash)
);

CREATE TABLE passkeys (
    id            UUID NOT NULL PRIMARY KEY,
    user_id       UUID NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    -- The id that the authenticator gave it.
    credential_id BYTEA NOT NULL UNIQUE CHECK (octet_length(credential_id) BETWEEN 1 AND 1023),
    name          TEXT NOT NULL CHECK (name <> ''),
    -- The public key, the counter and the flags, as JSON.
    credential    TEXT NOT NULL,
    created_at    TIMESTAMPTZ NOT NULL,
    last_used_at  TIMESTAMPTZ
);

CREATE INDEX passkeys_by_user ON passkeys (user_id);

-- A challenge that a passkey has signed counts once.
CREATE TABLE used_challenges (
    challenge_hash BYTEA NOT NULL PRIMARY KEY CHECK (octet_length(challenge_hash) = 32),
    expires_at     TIMESTAMPTZ NOT NULL
);

CREATE INDEX used_challenges_by_expiry ON used_challenges (expires_at);

-- Wrong codes and passwords of a person since an instant, so that nobody can try many.
CREATE TABLE proof_tries (
    user_id UUID NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    kind    TEXT NOT NULL CHECK (kind IN ('code', 'password')),
    tries   BIGINT NOT NULL CHECK (tries > 0),
    since   TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (user_id, kind)
);

-- People who gave the right password and have yet to give their second factor.
CREATE TABLE pending_sign_ins (
    token_hash BYTEA NOT NULL PRIMARY KEY CHECK (octet_length(token_hash) = 32),
    user_id    UUID NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    wrong      BIGINT NOT NULL DEFAULT 0 CHECK (wrong BETWEEN 0 AND 4),
    expires_at TIMESTAMPTZ NOT NULL
);

CREATE INDEX pending_sign_ins_by_user ON pending_sign_ins (user_id);
CREATE INDEX pending_sign_ins_by_expiry ON pending_sign_ins (expires_at);
