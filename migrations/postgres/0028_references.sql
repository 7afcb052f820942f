-- The member of a body by which events of the type are looked for; NULL: taskId. Its value is
-- stored in events.task_id, as the ids of tasks are, and searched by the index of those.
ALTER TABLE event_types ADD COLUMN reference TEXT CHECK (reference <> '');
