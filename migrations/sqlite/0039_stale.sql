-- On SQLite a batch is compared with what it assumes row by row: there is no statement that could fail.
SELECT 1;
