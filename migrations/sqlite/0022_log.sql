-- The order of the index on tasks is that of their letters already: nothing is to be added.
SELECT 1;
