-- The steps that made the connection of an attempt: look-up, connect, TLS, in microseconds, with commas
-- between them. An empty one was not needed, or did not end. NULL: the attempt used a connection of before.
ALTER TABLE attempts ADD COLUMN phases TEXT;
