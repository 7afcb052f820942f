-- The place in a trace that requests of an event's deliveries belong to: traceparent, and behind a
-- space tracestate, if there is one. NULL: the event belongs to no trace.
ALTER TABLE events ADD COLUMN trace_context TEXT;
