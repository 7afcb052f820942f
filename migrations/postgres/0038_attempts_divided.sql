-- Attempts are divided by the time of their deliveries: the table so far is the first partition, a server
-- makes those of the next weeks, and retention drops those of the past instead of deleting their rows.
-- No row is read or written here.
-- divides: attempts
LOCK TABLE attempts IN ACCESS EXCLUSIVE MODE;
ALTER TABLE attempts RENAME TO attempts_first;
ALTER TABLE attempts_first RENAME CONSTRAINT attempts_pkey TO attempts_first_pkey;

CREATE TABLE attempts (LIKE attempts_first INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING STORAGE,
    PRIMARY KEY (account_id, delivery_id, number)) PARTITION BY RANGE (delivery_id);
ALTER TABLE attempts DROP CONSTRAINT attempts_end;

-- What lies in no other partition: none was made in time, or an id was made by a clock that is wrong.
CREATE TABLE attempts_default PARTITION OF attempts DEFAULT;

-- Who may use the table so far may use the new one.
DO $$
DECLARE
    given RECORD;
BEGIN
    EXECUTE format('ALTER TABLE attempts ATTACH PARTITION attempts_first FOR VALUES FROM (MINVALUE) TO (%L)',
        (SELECT substring(pg_get_constraintdef(oid) FROM '[0-9a-f]{8}-[0-9a-f-]{27}') FROM pg_constraint
          WHERE conrelid = 'attempts_first'::regclass AND conname = 'attempts_end'));
    FOR given IN
        SELECT acl.privilege_type, acl.is_grantable, acl.grantee
          FROM pg_class, aclexplode(relacl) AS acl
         WHERE pg_class.oid = 'attempts_first'::regclass AND acl.grantee <> relowner
    LOOP
        EXECUTE format('GRANT %s ON attempts TO %s%s', given.privilege_type,
            CASE given.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(given.grantee)) END,
            CASE WHEN given.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END);
    END LOOP;
END
$$;
ALTER TABLE attempts_first DROP CONSTRAINT attempts_end;

-- Partitions of attempts that are too old to be kept. Retention removes the deliveries of a partition,
-- leaves their attempts, and drops it when none is left.
CREATE TABLE leaving_attempts (
    partition TEXT NOT NULL PRIMARY KEY,
    -- The ids of its deliveries: from the first one, to the last one before another.
    first_id  UUID NOT NULL,
    before_id UUID NOT NULL,
    -- A delivery that is kept for longer keeps the partition: attempts go with their deliveries.
    by_row    BOOLEAN NOT NULL DEFAULT FALSE
);
