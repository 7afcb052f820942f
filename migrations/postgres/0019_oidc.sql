-- People who sign in at an OpenID provider.

CREATE TABLE oidc_identities (
    issuer       TEXT NOT NULL CHECK (issuer <> ''),
    -- The id of the person at the provider, which never changes (OpenID Connect Core, section 2).
    subject      TEXT NOT NULL CHECK (length(subject) BETWEEN 1 AND 255),
    user_id      UUID NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    created_at   TIMESTAMPTZ NOT NULL,
    last_used_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (issuer, subject)
);

CREATE INDEX oidc_identities_by_user ON oidc_identities (user_id);

-- The memberships that a provider's claim gave, and takes again.
CREATE TABLE oidc_memberships (
    account_id UUID NOT NULL,
    user_id    UUID NOT NULL,
    issuer     TEXT NOT NULL CHECK (issuer <> ''),
    PRIMARY KEY (account_id, user_id),
    FOREIGN KEY (account_id, user_id) REFERENCES memberships (account_id, user_id) ON DELETE CASCADE
);

CREATE INDEX oidc_memberships_by_user ON oidc_memberships (user_id, issuer);
