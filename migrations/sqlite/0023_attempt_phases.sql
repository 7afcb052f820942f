-- The steps that made the connection of an attempt, in microseconds. NULL: the step was not needed, or did
-- not end.
ALTER TABLE attempts ADD COLUMN lookup_us INTEGER CHECK (lookup_us >= 0);
ALTER TABLE attempts ADD COLUMN connect_us INTEGER CHECK (connect_us >= 0);
ALTER TABLE attempts ADD COLUMN tls_us INTEGER CHECK (tls_us >= 0);
