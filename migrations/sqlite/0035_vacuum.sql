-- SQLite writes rows in place: nothing is to be set.
SELECT 1;
