-- The catalogue: the event types of the operator, for all accounts. Three more are built in.

CREATE TABLE event_types (
    name        TEXT COLLATE "C" NOT NULL PRIMARY KEY CHECK (name <> '' AND length(name) <= 128),
    description TEXT NOT NULL,
    -- JSON Schema of a body; NULL: any members are taken.
    schema      TEXT CHECK (schema <> ''),
    -- A JSON object with the members of a sample body.
    sample      TEXT CHECK (sample <> ''),
    -- The way in which the type came in: what a file no longer names is archived.
    source      TEXT NOT NULL CHECK (source IN ('person', 'file')),
    archived_at TIMESTAMPTZ,
    created_at  TIMESTAMPTZ NOT NULL,
    updated_at  TIMESTAMPTZ NOT NULL,
    -- The revision of the catalogue that changed the type last.
    revision    BIGINT NOT NULL
);

CREATE INDEX event_types_by_revision ON event_types (revision);

-- Grows with every change of a type, so that a process can tell whether what it remembers
-- of them still holds.
CREATE TABLE catalogue (
    id       INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
    revision BIGINT NOT NULL
);

INSERT INTO catalogue (id, revision) VALUES (1, 0);
