-- The audit log: an entry for each change and each reveal. The entries of an account are
-- chained by their hashes. Zeros as the account are the installation.

CREATE TABLE audit_log (
    account_id    BLOB NOT NULL CHECK (length(account_id) = 16),
    number        INTEGER NOT NULL CHECK (number > 0),
    at            INTEGER NOT NULL,
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
    hash          BLOB NOT NULL CHECK (length(hash) = 32),
    PRIMARY KEY (account_id, number)
) STRICT, WITHOUT ROWID;

-- The last entry of each chain, so that one that was cut off shows.
CREATE TABLE audit_heads (
    account_id BLOB NOT NULL PRIMARY KEY CHECK (length(account_id) = 16),
    number     INTEGER NOT NULL,
    hash       BLOB NOT NULL CHECK (length(hash) = 32)
) STRICT, WITHOUT ROWID;

-- From then on the account is being erased, and its entries may go.
ALTER TABLE accounts ADD COLUMN erased_at INTEGER;

CREATE TRIGGER audit_log_is_never_changed BEFORE UPDATE ON audit_log
BEGIN
    SELECT RAISE(ABORT, 'the audit log is never changed');
END;

CREATE TRIGGER audit_log_goes_with_its_account BEFORE DELETE ON audit_log
WHEN NOT EXISTS (SELECT 1 FROM accounts WHERE id = OLD.account_id AND erased_at IS NOT NULL)
BEGIN
    SELECT RAISE(ABORT, 'the audit log goes only with its account');
END;
