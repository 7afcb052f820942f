-- The member of a body by which events of the type are looked for; NULL: taskId. Its value is
-- stored in events.task_id, as the ids of tasks are, and searched by the index of those.
ALTER TABLE event_types ADD COLUMN reference TEXT CHECK (reference <> '');

-- When a person was last told by e-mail of webhooks of the account: what happens soon afterwards is
-- gathered, and told in one mail.
ALTER TABLE memberships ADD COLUMN mailed_at INTEGER;
