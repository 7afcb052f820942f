-- The statement of a batch ends with this where a revision, a lease or an idempotency key is not what
-- the batch assumes: a statement that fails writes nothing, so that a batch is one statement and one
-- trip.
CREATE FUNCTION signet_stale() RETURNS BOOLEAN LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'a batch goes by what has changed meanwhile, and is written again' USING ERRCODE = 'SG001';
END
$$;
