-- Reads the table, and keeps nobody from reading or writing meanwhile.
ALTER TABLE attempts VALIDATE CONSTRAINT attempts_end;
