-- Notices by e-mail to the people of an account: a webhook is about to be disabled, or was.
-- One row for each person, written in the transaction of the outcome, and removed once the
-- mail server has taken the mail.
CREATE TABLE mail_notices (
    account_id      UUID NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    -- Grows with time.
    id              UUID NOT NULL,
    -- No reference: a commit of outcomes waits for no change of a person.
    user_id         UUID NOT NULL,
    kind            TEXT NOT NULL CHECK (kind IN ('last_attempt', 'disabled')),
    endpoint_id     UUID NOT NULL,
    delivery_id     UUID NOT NULL,
    event_type      TEXT NOT NULL,
    -- What the last attempt came to: http_503, or timeout.
    outcome         TEXT NOT NULL,
    -- The reason for which the endpoint was disabled.
    reason          TEXT,
    -- When the last attempt is due.
    last_attempt_at TIMESTAMPTZ,
    occurred_at     TIMESTAMPTZ NOT NULL,
    -- How often it was given to the mail server, and when it is next.
    tries           INTEGER NOT NULL CHECK (tries >= 0),
    due_at          TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (account_id, id, user_id),
    CHECK ((kind = 'last_attempt') = (last_attempt_at IS NOT NULL))
);

CREATE INDEX mail_notices_due ON mail_notices (account_id, due_at);

-- When people were last warned that the endpoint is about to be disabled: once between two
-- successes, and once between two times that it is disabled.
ALTER TABLE endpoint_health ADD COLUMN warned_at TIMESTAMPTZ;

-- Whether a person gets notices of an account. NULL: as the role has it.
ALTER TABLE memberships ADD COLUMN notices BOOLEAN;

-- The balances that producers reported, an hour a row.
CREATE TABLE balance_history (
    account_id UUID NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    -- The beginning of the hour.
    hour       TIMESTAMPTZ NOT NULL,
    last       DOUBLE PRECISION NOT NULL,
    lowest     DOUBLE PRECISION NOT NULL,
    highest    DOUBLE PRECISION NOT NULL,
    PRIMARY KEY (account_id, hour)
);

CREATE INDEX balance_history_by_hour ON balance_history (hour);
