-- The webhooks of an account that are there, with all that they are counted by: a page counts
-- them without reading their long rows. No attempt changes these columns.
CREATE INDEX endpoints_listed ON endpoints (account_id, id, disabled_at, disabled_reason, deleted_at)
    WHERE deleted_at IS NULL;
