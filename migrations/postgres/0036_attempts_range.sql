-- Attempts are divided by the time of their deliveries (docs/decisions/0090): ids begin with it. The
-- table so far becomes the first partition, and this is what makes sure that it may: nothing that is
-- stored in the next thirty days breaks it, and 0038 puts the other partitions beside it. NOT VALID:
-- rows are not looked at under the lock.
-- divides: attempts
DO $$
BEGIN
    EXECUTE format('ALTER TABLE attempts ADD CONSTRAINT attempts_end CHECK (delivery_id < %L) NOT VALID',
        rpad(lpad(to_hex(CAST(extract(epoch FROM date_trunc('day', now() AT TIME ZONE 'UTC') + interval '31 days') * 1000
            AS BIGINT)), 12, '0'), 32, '0')::uuid);
END
$$;
