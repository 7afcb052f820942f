-- SQLite keeps no versions of rows in its indexes: nothing is to be added.
SELECT 1;
