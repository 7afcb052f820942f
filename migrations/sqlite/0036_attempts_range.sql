-- SQLite has no partitions, and reuses the room of rows that are deleted: nothing is to be divided.
SELECT 1;
