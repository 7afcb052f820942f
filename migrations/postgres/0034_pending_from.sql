-- The instant before which no delivery of the endpoint that is pending is due: never later than
-- the earliest due_at of its pending deliveries. NULL: not known. Claims read deliveries_due from
-- here on, and so not what earlier claims have left there: while a snapshot is held, no vacuum
-- takes that away.
ALTER TABLE endpoint_queues ADD COLUMN pending_from TIMESTAMPTZ;

-- Versions before this column make deliveries pending and leave it as it is. Their sessions do
-- not say that they keep it, and so it is not known any more. To be dropped once the floor is 34.
CREATE FUNCTION forget_pending_from() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
    UPDATE endpoint_queues SET pending_from = NULL
     WHERE account_id = NEW.account_id AND endpoint_id = NEW.endpoint_id AND pending_from > NEW.due_at;
    RETURN NULL;
END
$$;

CREATE TRIGGER forget_pending_from AFTER INSERT OR UPDATE ON deliveries FOR EACH ROW
    WHEN (NEW.due_at IS NOT NULL AND current_setting('signet.keeps_pending_from', TRUE) IS DISTINCT FROM 'on')
    EXECUTE FUNCTION forget_pending_from();
