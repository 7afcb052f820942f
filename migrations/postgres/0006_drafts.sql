-- The SHA-256 of the secret that the form showed before the endpoint was saved:
-- the same form sent twice is one endpoint. It stays what it is when the secret
-- changes. Endpoints of before have none.
ALTER TABLE endpoints ADD COLUMN draft BYTEA CHECK (octet_length(draft) = 32);

-- Endpoints that are not deleted; counting and listing them passes the others by.
CREATE UNIQUE INDEX endpoints_by_draft ON endpoints (account_id, draft) WHERE deleted_at IS NULL;
