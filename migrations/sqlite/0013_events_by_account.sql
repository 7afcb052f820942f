-- The events of one account, in their order: for a stream of them, and for their list.
-- The primary key has all accounts' events among one another.
CREATE INDEX events_by_account ON events (account_id, id);
