-- The time zone in which a person reads times, by its name in the IANA's list; NULL: that of the browser.
ALTER TABLE users ADD COLUMN time_zone TEXT;
