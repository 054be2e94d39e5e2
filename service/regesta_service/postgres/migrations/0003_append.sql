-- The append: everything that a batch of commands comes to, in one call.
--
-- Arrays of composite values rather than an array for each column: one parameter a table,
-- and PostgreSQL stores one row set instead of one for each column.

-- What the append does not know itself of an event: position, namespace and time it adds.
CREATE TYPE regesta.new_event AS (
    record bytea,
    stream text,
    revision bigint,
    type text,
    actor text,
    occurred_at timestamptz,
    request_id text,
    trace_id text
);

CREATE TYPE regesta.new_request AS (
    key uuid,
    fingerprint bytea,
    position bigint,
    events smallint,
    stream text
);

CREATE TYPE regesta.new_disclosure AS (
    digest text,
    position bigint,
    field text,
    person text,
    salt bytea,
    text text
);

-- Its hashes are stored already: leaves of the log, or roots of the tiles below.
CREATE TYPE regesta.new_tile AS (
    level smallint,
    index bigint,
    root bytea
);

-- Returns those of some requests that were answered before, as a JSON array of arrays
-- [key, fingerprint in hex, position, events, stream]; NULL when there is none.
CREATE FUNCTION regesta.find_requests(log_id integer, keys uuid[]) RETURNS text
LANGUAGE sql STABLE AS $$
    SELECT json_agg(json_build_array(
        r.key, encode(r.fingerprint, 'hex'), r.position, r.events, r.stream))::text
    FROM regesta.requests AS r
    WHERE r.namespace_id = log_id AND r.key = ANY (keys)
$$;

-- Appends a batch that was decided on the state at `at_size` and `at_generation`.
--
-- Returns `appended`; `repeated` when some of the keys were answered before; `moved` when the
-- log or the generation is another one by now. But for `appended`, nothing was written.
--
-- All of it is one statement for the caller, so that no network round trip happens under
-- the lock of the head. Without events and requests it takes no lock: it then only confirms
-- that refusals were decided on the present state.
--
-- The planner is told what it cannot know of tables that grew since it last looked: every
-- lookup here is one of few rows by a primary key.
CREATE FUNCTION regesta.append_batch(
    log_id integer,
    at_size bigint,
    at_generation integer,
    keys uuid[],
    head_frontier bytea,
    head_recorded_at timestamptz,
    events regesta.new_event[],
    requests regesta.new_request[],
    disclosures regesta.new_disclosure[],
    tiles regesta.new_tile[],
    namespaces regesta.namespaces[],
    models regesta.models[],
    changed_models regesta.models[],
    model_names regesta.model_names[],
    versions regesta.versions[],
    changed_versions regesta.versions[],
    version_labels regesta.version_labels[],
    aliases regesta.aliases[],
    changed_aliases regesta.aliases[]
) RETURNS text
LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
SET lock_timeout = '10s'
AS $$
#variable_conflict use_column
DECLARE
    tile regesta.new_tile;
    done bigint;
BEGIN
    IF EXISTS (SELECT FROM regesta.requests AS r
               WHERE r.namespace_id = log_id AND r.key = ANY (keys)) THEN
        RETURN 'repeated';
    END IF;

    IF cardinality(requests) = 0 THEN
        PERFORM FROM regesta.logs AS l
        WHERE l.namespace_id = log_id AND l.size = at_size AND l.generation = at_generation;
        RETURN CASE WHEN FOUND THEN 'appended' ELSE 'moved' END;
    END IF;

    -- The lock and the check in one. A key that another process stored since the look
    -- above moved the size as well, or else fails on the primary key below.
    UPDATE regesta.logs AS l
    SET size = at_size + cardinality(events),
        frontier = head_frontier,
        recorded_at = head_recorded_at
    WHERE l.namespace_id = log_id AND l.size = at_size AND l.generation = at_generation;
    IF NOT FOUND THEN
        RETURN 'moved';
    END IF;

    INSERT INTO regesta.requests (namespace_id, key, fingerprint, position, events, stream)
    SELECT log_id, r.key, r.fingerprint, r.position, r.events, r.stream
    FROM unnest(requests) AS r;
    IF cardinality(events) = 0 THEN
        RETURN 'appended';
    END IF;

    INSERT INTO regesta.events (namespace_id, position, record, stream, revision, type,
        actor, recorded_at, occurred_at, request_id, trace_id)
    SELECT log_id, at_size + e.number, e.record, e.stream, e.revision, e.type,
        e.actor, head_recorded_at, e.occurred_at, e.request_id, e.trace_id
    FROM unnest(events) WITH ORDINALITY AS e (record, stream, revision, type, actor,
        occurred_at, request_id, trace_id, number);

    -- Lower levels come first, so that a tile finds those it is made of.
    FOREACH tile IN ARRAY tiles LOOP
        IF tile.level = 0 THEN
            INSERT INTO regesta.tiles (namespace_id, level, index, root, hashes)
            SELECT log_id, 0, tile.index, tile.root,
                string_agg(e.leaf_hash, ''::bytea ORDER BY e.position)
            FROM regesta.events AS e
            WHERE e.namespace_id = log_id
              AND e.position BETWEEN tile.index * 256 + 1 AND tile.index * 256 + 256;
        ELSE
            INSERT INTO regesta.tiles (namespace_id, level, index, root, hashes)
            SELECT log_id, tile.level, tile.index, tile.root,
                string_agg(t.root, ''::bytea ORDER BY t.index)
            FROM regesta.tiles AS t
            WHERE t.namespace_id = log_id AND t.level = tile.level - 1
              AND t.index BETWEEN tile.index * 256 AND tile.index * 256 + 255;
        END IF;
    END LOOP;

    IF cardinality(disclosures) > 0 THEN
        INSERT INTO regesta.disclosures
            (namespace_id, digest, position, field, person, salt, text)
        SELECT log_id, d.digest, d.position, d.field, d.person, d.salt, d.text
        FROM unnest(disclosures) AS d;
    END IF;

    IF cardinality(namespaces) > 0 THEN
        INSERT INTO regesta.namespaces SELECT n.* FROM unnest(namespaces) AS n;
    END IF;
    IF cardinality(models) > 0 THEN
        INSERT INTO regesta.models SELECT m.* FROM unnest(models) AS m;
    END IF;
    IF cardinality(model_names) > 0 THEN
        INSERT INTO regesta.model_names SELECT n.* FROM unnest(model_names) AS n;
    END IF;
    IF cardinality(versions) > 0 THEN
        INSERT INTO regesta.versions SELECT v.* FROM unnest(versions) AS v;
    END IF;
    IF cardinality(version_labels) > 0 THEN
        INSERT INTO regesta.version_labels SELECT v.* FROM unnest(version_labels) AS v;
    END IF;
    IF cardinality(aliases) > 0 THEN
        INSERT INTO regesta.aliases SELECT a.* FROM unnest(aliases) AS a;
    END IF;

    IF cardinality(changed_models) > 0 THEN
        UPDATE regesta.models AS m
        SET name = c.name, name_key = c.name_key, kind = c.kind, owner = c.owner,
            tags = c.tags, deleted = c.deleted, created_at = c.created_at,
            updated_at = c.updated_at, created_by = c.created_by,
            last_version = c.last_version, revision = c.revision,
            leaf_hash = c.leaf_hash, text_fields = c.text_fields,
            text_digests = c.text_digests, resource = c.resource
        FROM unnest(changed_models) AS c
        WHERE m.namespace_id = log_id AND m.generation = at_generation
          AND m.model = c.model;
        GET DIAGNOSTICS done = ROW_COUNT;
        PERFORM regesta.expect_changed('models', cardinality(changed_models), done);
    END IF;
    IF cardinality(changed_versions) > 0 THEN
        UPDATE regesta.versions AS v
        SET semver = c.semver, stage = c.stage, stage_position = c.stage_position,
            source = c.source, digest = c.digest, run = c.run, tags = c.tags,
            properties = c.properties, params = c.params, metrics = c.metrics,
            deleted = c.deleted, created_at = c.created_at, updated_at = c.updated_at,
            created_by = c.created_by, revision = c.revision, leaf_hash = c.leaf_hash,
            text_fields = c.text_fields, text_digests = c.text_digests,
            resource = c.resource
        FROM unnest(changed_versions) AS c
        WHERE v.namespace_id = log_id AND v.generation = at_generation
          AND v.model = c.model AND v.number = c.number;
        GET DIAGNOSTICS done = ROW_COUNT;
        PERFORM regesta.expect_changed('versions', cardinality(changed_versions), done);
    END IF;
    IF cardinality(changed_aliases) > 0 THEN
        UPDATE regesta.aliases AS a
        SET number = c.number, updated_at = c.updated_at, revision = c.revision,
            leaf_hash = c.leaf_hash, resource = c.resource
        FROM unnest(changed_aliases) AS c
        WHERE a.namespace_id = log_id AND a.generation = at_generation
          AND a.model = c.model AND a.alias = c.alias;
        GET DIAGNOSTICS done = ROW_COUNT;
        PERFORM regesta.expect_changed('aliases', cardinality(changed_aliases), done);
    END IF;
    RETURN 'appended';
END
$$;

-- Fails the append whose writer took rows for stored that are not: it must start over.
CREATE FUNCTION regesta.expect_changed(kind text, expected bigint, done bigint) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    IF done <> expected THEN
        RAISE EXCEPTION 'only % of % changed % are stored', done, expected, kind
            USING ERRCODE = 'data_corrupted';
    END IF;
END
$$;

-- Locks the head of a log in the caller's transaction, and returns everything that a
-- writer has to know to decide after it.
--
-- `streams` are those with events after `known`, where the writer left the log: NULL when
-- they are too many to tell, or when `known` is NULL.
CREATE FUNCTION regesta.lock_head(
    log_id integer,
    known bigint,
    keys uuid[],
    OUT size bigint,
    OUT frontier bytea,
    OUT recorded_at timestamptz,
    OUT generation integer,
    OUT streams text[],
    OUT answered text
)
LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
AS $$
BEGIN
    -- For this transaction only: whoever holds the lock and stands still loses it.
    PERFORM set_config('lock_timeout', '10s', true),
            set_config('idle_in_transaction_session_timeout', '5s', true);
    SELECT l.size, l.frontier, l.recorded_at, l.generation
    INTO lock_head.size, lock_head.frontier, lock_head.recorded_at, lock_head.generation
    FROM regesta.logs AS l WHERE l.namespace_id = log_id FOR UPDATE;
    -- Statements after the lock see everything that was committed before it was granted.
    lock_head.answered := regesta.find_requests(log_id, keys);
    -- 10,000: so that a writer that was away for long does not read the log under the lock.
    IF lock_head.size - known <= 10000 THEN
        SELECT coalesce(array_agg(c.stream), '{}') INTO lock_head.streams
        FROM (SELECT DISTINCT e.stream FROM regesta.events AS e
              WHERE e.namespace_id = log_id
                AND e.position > known AND e.position <= lock_head.size
              LIMIT 1001) AS c;
        IF cardinality(lock_head.streams) > 1000 THEN
            lock_head.streams := NULL;
        END IF;
    END IF;
END
$$;

REVOKE ALL ON FUNCTION regesta.find_requests(integer, uuid[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION regesta.find_requests(integer, uuid[]) TO regesta_service;
REVOKE ALL ON FUNCTION regesta.expect_changed(text, bigint, bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION regesta.expect_changed(text, bigint, bigint) TO regesta_service;
REVOKE ALL ON FUNCTION regesta.append_batch FROM PUBLIC;
GRANT EXECUTE ON FUNCTION regesta.append_batch TO regesta_service;
REVOKE ALL ON FUNCTION regesta.lock_head FROM PUBLIC;
GRANT EXECUTE ON FUNCTION regesta.lock_head TO regesta_service;
