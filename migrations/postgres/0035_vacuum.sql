-- Rows that change again and again have room on their page for the next version, which then
-- changes no index, and their few dead versions are cleaned up at once. Large tables are cleaned up
-- after a twentieth of their rows has changed instead of a fifth.
ALTER TABLE accounts SET (fillfactor = 70);
ALTER TABLE endpoints SET (fillfactor = 70);
ALTER TABLE endpoint_queues SET (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.1, autovacuum_vacuum_threshold = 500, autovacuum_vacuum_cost_delay = 0);
ALTER TABLE endpoint_health SET (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.1, autovacuum_vacuum_threshold = 500, autovacuum_vacuum_cost_delay = 0);
ALTER TABLE deliveries SET (autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_cost_delay = 1);
ALTER TABLE statistics SET (autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_cost_delay = 1);
