-- SQLite changes a row in place: an hour of an endpoint and an event type is one row.
SELECT 1;
