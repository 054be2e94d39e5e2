-- The history: what each event made of its model, version or alias, a row an event.
--
-- A catch-up projection. Rows are only ever added, and a row holds until the next of the
-- same resource begins: an end of its own would mean to write each row twice. What was so
-- at a position is therefore, for each resource, its last row at or before it: one look-up
-- by primary key, however long ago that was.
--
-- `effective_at` is when the resource became so as far as is known now: the highest of the
-- times up to this event of its stream that were claimed for it, or else recorded.
--
-- `resource` lacks what other streams decide and the free texts, as in the catalog. Of a
-- version it also lacks what was registered and cannot change, which stands once, in
-- `origin` of its first row; columns for that are in regesta.versions.

CREATE TABLE regesta.model_history (
    namespace_id integer NOT NULL,
    generation integer NOT NULL,
    model text COLLATE "C" NOT NULL,
    from_position bigint NOT NULL,
    effective_at timestamptz NOT NULL,
    -- Whether the event set or removed tags; elsewhere they are those of the row before.
    retagged boolean NOT NULL,
    name text COLLATE "C" NOT NULL,
    name_key text COLLATE "C" NOT NULL,
    kind text COLLATE "C" NOT NULL,
    owner text COLLATE "C" NOT NULL,
    tags jsonb NOT NULL,
    deleted boolean NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    created_by text COLLATE "C" NOT NULL,
    revision bigint NOT NULL,
    text_fields text[] NOT NULL,
    text_digests text[] NOT NULL,
    resource bytea NOT NULL,
    PRIMARY KEY (namespace_id, generation, model, from_position)
);
CREATE INDEX model_history_tags ON regesta.model_history USING gin (tags jsonb_path_ops)
    WHERE retagged AND tags <> '{}'::jsonb;

CREATE TABLE regesta.version_history (
    namespace_id integer NOT NULL,
    generation integer NOT NULL,
    model text COLLATE "C" NOT NULL,
    number integer NOT NULL,
    from_position bigint NOT NULL,
    effective_at timestamptz NOT NULL,
    retagged boolean NOT NULL,
    semver text COLLATE "C",
    stage text COLLATE "C" NOT NULL,
    stage_position bigint NOT NULL,
    tags jsonb NOT NULL,
    deleted boolean NOT NULL,
    updated_at timestamptz NOT NULL,
    revision bigint NOT NULL,
    text_fields text[] NOT NULL,
    text_digests text[] NOT NULL,
    origin bytea,
    resource bytea NOT NULL,
    PRIMARY KEY (namespace_id, generation, model, number, from_position)
);
-- Numbers are given out in order, so the last one at a position is one look-up.
CREATE INDEX version_history_first
    ON regesta.version_history (namespace_id, generation, model, from_position)
    WHERE revision = 1;
-- Who came into a stage, latest first.
CREATE INDEX version_history_stage
    ON regesta.version_history (namespace_id, generation, model, stage, from_position)
    WHERE stage_position = from_position;
CREATE INDEX version_history_tags ON regesta.version_history USING gin (tags jsonb_path_ops)
    WHERE retagged AND tags <> '{}'::jsonb;

CREATE TABLE regesta.alias_history (
    namespace_id integer NOT NULL,
    generation integer NOT NULL,
    model text COLLATE "C" NOT NULL,
    alias text COLLATE "C" NOT NULL,
    from_position bigint NOT NULL,
    effective_at timestamptz NOT NULL,
    number integer,
    updated_at timestamptz NOT NULL,
    revision bigint NOT NULL,
    resource bytea NOT NULL,
    PRIMARY KEY (namespace_id, generation, model, alias, from_position)
);
CREATE INDEX alias_history_number
    ON regesta.alias_history (namespace_id, generation, model, number, from_position);

-- How far the history of a generation has been folded. Whoever folds on holds its row.
CREATE TABLE regesta.history_cursors (
    namespace_id integer NOT NULL,
    generation integer NOT NULL,
    position bigint NOT NULL,
    PRIMARY KEY (namespace_id, generation)
) WITH (fillfactor = 50);

GRANT SELECT, INSERT, DELETE ON regesta.model_history, regesta.version_history,
    regesta.alias_history TO regesta_service;
GRANT SELECT, INSERT, UPDATE, DELETE ON regesta.history_cursors TO regesta_service;

-- First statistics, for the reasons given in 0005.
DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['model_history', 'version_history', 'alias_history'] LOOP
        EXECUTE format('ALTER TABLE regesta.%I ALTER namespace_id SET (n_distinct = 1)', name);
        EXECUTE format('ALTER TABLE regesta.%I ALTER generation SET (n_distinct = 1)', name);
    END LOOP;

    INSERT INTO regesta.model_history
    SELECT 0, 1, n, length(n), now(), true, n, n, n, n, '{}', false, now(), now(), n, 1,
        '{}', '{}', ''
    FROM unnest(ARRAY['a', 'bb']) AS n;
    INSERT INTO regesta.version_history
    SELECT 0, 1, n, length(n), length(n), now(), true, n, n, 1, '{}', false, now(), 1,
        '{}', '{}', '', ''
    FROM unnest(ARRAY['a', 'bb']) AS n;
    INSERT INTO regesta.alias_history
    SELECT 0, 1, n, n, length(n), now(), length(n), now(), 1, ''
    FROM unnest(ARRAY['a', 'bb']) AS n;

    FOREACH name IN ARRAY ARRAY['model_history', 'version_history', 'alias_history'] LOOP
        EXECUTE format('ANALYZE regesta.%I', name);
        EXECUTE format('DELETE FROM regesta.%I WHERE namespace_id = 0', name);
    END LOOP;
END
$$;
