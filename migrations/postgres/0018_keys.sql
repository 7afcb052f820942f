-- The end of API keys, and the processes that hold sealing keys.

-- From then on the key is refused.
ALTER TABLE api_keys ADD COLUMN expires_at TIMESTAMPTZ CHECK (expires_at > created_at);

-- The servers that run, and their sealing keys by id: a key is taken out of use only when no
-- server seals with it any more.
CREATE TABLE key_holders (
    -- A random id of the process.
    id         UUID NOT NULL PRIMARY KEY,
    -- The key that it seals with.
    seals_with TEXT NOT NULL CHECK (seals_with <> ''),
    -- All keys that it opens with, with a space between.
    opens_with TEXT NOT NULL CHECK (opens_with <> ''),
    -- When it last said so.
    seen_at    TIMESTAMPTZ NOT NULL
);
