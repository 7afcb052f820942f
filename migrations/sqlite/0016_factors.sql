-- Second factors of people. What a person proves with is never kept in clear: the seed of the
-- codes is sealed, of recovery codes only hashes are kept, and a passkey is a public key.

CREATE TABLE totp (
    user_id      BLOB NOT NULL PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    -- Sealed for this person.
    seed         BLOB NOT NULL,
    created_at   INTEGER NOT NULL,
    -- NULL until a code has shown that the person's app has the seed.
    confirmed_at INTEGER,
    -- The step of 30 seconds of the last code that was used: no code counts twice.
    last_step    INTEGER,
    CHECK ((confirmed_at IS NULL) = (last_step IS NULL))
) STRICT;

CREATE TABLE recovery_codes (
    user_id    BLOB NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    code_hash  BLOB NOT NULL CHECK (length(code_hash) = 32),
    created_at INTEGER NOT NULL,
    PRIMARY KEY (user_id, code_hash)
) STRICT;

CREATE TABLE passkeys (
    id            BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    user_id       BLOB NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    -- The id that the authenticator gave it.
    credential_id BLOB NOT NULL UNIQUE CHECK (length(credential_id) BETWEEN 1 AND 1023),
    name          TEXT NOT NULL CHECK (name <> ''),
    -- The public key, the counter and the flags, as JSON.
    credential    TEXT NOT NULL,
    created_at    INTEGER NOT NULL,
    last_used_at  INTEGER
) STRICT;

CREATE INDEX passkeys_by_user ON passkeys (user_id);

-- A challenge that a passkey has signed counts once.
CREATE TABLE used_challenges (
    challenge_hash BLOB NOT NULL PRIMARY KEY CHECK (length(challenge_hash) = 32),
    expires_at     INTEGER NOT NULL
) STRICT;

CREATE INDEX used_challenges_by_expiry ON used_challenges (expires_at);

-- Wrong codes and passwords of a person since an instant, so that nobody can try many.
CREATE TABLE proof_tries (
    user_id BLOB NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    kind    TEXT NOT NULL CHECK (kind IN ('code', 'password')),
    tries   INTEGER NOT NULL CHECK (tries > 0),
    since   INTEGER NOT NULL,
    PRIMARY KEY (user_id, kind)
) STRICT;

-- People who gave the right password and have yet to give their second factor.
CREATE TABLE pending_sign_ins (
    token_hash BLOB NOT NULL PRIMARY KEY CHECK (length(token_hash) = 32),
    user_id    BLOB NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    wrong      INTEGER NOT NULL DEFAULT 0 CHECK (wrong BETWEEN 0 AND 4),
    expires_at INTEGER NOT NULL
) STRICT;

CREATE INDEX pending_sign_ins_by_user ON pending_sign_ins (user_id);
CREATE INDEX pending_sign_ins_by_expiry ON pending_sign_ins (expires_at);
