-- People who sign in at an OpenID provider.

CREATE TABLE oidc_identities (
    issuer       TEXT NOT NULL CHECK (issuer <> ''),
    -- The id of the person at the provider, which never changes (OpenID Connect Core, section 2).
    subject      TEXT NOT NULL CHECK (length(subject) BETWEEN 1 AND 255),
    user_id      BLOB NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    created_at   INTEGER NOT NULL,
    last_used_at INTEGER NOT NULL,
    PRIMARY KEY (issuer, subject)
) STRICT;

CREATE INDEX oidc_identities_by_user ON oidc_identities (user_id);

-- The memberships that a provider's claim gave, and takes again.
CREATE TABLE oidc_memberships (
    account_id BLOB NOT NULL,
    user_id    BLOB NOT NULL,
    issuer     TEXT NOT NULL CHECK (issuer <> ''),
    PRIMARY KEY (account_id, user_id),
    FOREIGN KEY (account_id, user_id) REFERENCES memberships (account_id, user_id) ON DELETE CASCADE
) STRICT;

CREATE INDEX oidc_memberships_by_user ON oidc_memberships (user_id, issuer);
