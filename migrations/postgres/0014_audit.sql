-- The audit log: an entry for each change and each reveal. The entries of an account are
-- chained by their hashes. Zeros as the account are the installation.

CREATE TABLE audit_log (
    account_id    UUID NOT NULL,
    number        BIGINT NOT NULL CHECK (number > 0),
    at            TIMESTAMPTZ NOT NULL,
    action        TEXT NOT NULL,
    actor_kind    TEXT NOT NULL CHECK (actor_kind IN ('person', 'portal', 'key', 'command', 'signet')),
    actor_id      TEXT,
    actor_name    TEXT NOT NULL,
    address       TEXT,
    target_kind   TEXT,
    target_id     TEXT,
    -- JSON with the members that changed; never a secret.
    before_change TEXT,
    after_change  TEXT,
    hash          BYTEA NOT NULL CHECK (octet_length(hash) = 32),
    PRIMARY KEY (account_id, number)
);

-- The last entry of each chain, so that one that was cut off shows.
CREATE TABLE audit_heads (
    account_id UUID NOT NULL PRIMARY KEY,
    number     BIGINT NOT NULL,
    hash       BYTEA NOT NULL CHECK (octet_length(hash) = 32)
);

-- From then on the account is being erased, and its entries may go.
ALTER TABLE accounts ADD COLUMN erased_at TIMESTAMPTZ;

CREATE FUNCTION refuse_change_of_audit_log() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' AND EXISTS (SELECT 1 FROM accounts WHERE id = OLD.account_id AND erased_at IS NOT NULL) THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION 'the audit log is never changed, and goes only with its account';
END $$;

CREATE TRIGGER audit_log_is_never_changed BEFORE UPDATE OR DELETE ON audit_log
    FOR EACH ROW EXECUTE FUNCTION refuse_change_of_audit_log();
