-- The primary key of events begins with the account: nothing is to be added.
SELECT 1;
