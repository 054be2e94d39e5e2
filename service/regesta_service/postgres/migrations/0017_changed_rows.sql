-- The rows that an append changes.
--
-- A registration changes one column of its model, the number it gave out. The append takes it
-- from the versions, so that the model's row need not travel for it: packing and unpacking
-- eighteen columns was a twentieth of a registration.
--
-- Rows to change are looked up by their keys one by one, whatever the planner believes. After a
-- large import, and before it was analyzed, it took all models of a namespace to be one row, and
-- walked over them with each append: 3 ms for 1,000. Where a row lies in its table does not
-- change meanwhile: nobody else appends while this transaction has the head.

-- Other than in 0014: only that.
CREATE OR REPLACE FUNCTION regesta.append_batch(
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
    changed_aliases regesta.aliases[],
    log_status regesta.log_status[],
    privacy_status regesta.privacy_status[],
    resources regesta.resources[]
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
        -- All that a registration does to its model. A model that is in this append itself has
        -- it already.
        UPDATE regesta.models AS m
        SET last_version = v.number
        FROM (
            SELECT r.place, max(n.number) AS number
            FROM unnest(versions) AS n
            CROSS JOIN LATERAL (
                SELECT o.ctid AS place FROM regesta.models AS o
                WHERE o.namespace_id = log_id AND o.generation = at_generation
                  AND o.model = n.model
                LIMIT 1
            ) AS r
            GROUP BY r.place
        ) AS v
        WHERE m.ctid = v.place AND m.last_version < v.number;
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
            text_digests = c.text_digests, resource = c.resource,
            flagged = c.flagged, blocked = c.blocked
        FROM unnest(changed_models) AS c
        CROSS JOIN LATERAL (
            SELECT o.ctid AS place FROM regesta.models AS o
            WHERE o.namespace_id = log_id AND o.generation = at_generation
              AND o.model = c.model
            LIMIT 1
        ) AS r
        WHERE m.ctid = r.place;
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
            resource = c.resource, resolvable = c.resolvable, flagged = c.flagged,
            blocked = c.blocked, revoked = c.revoked
        FROM unnest(changed_versions) AS c
        CROSS JOIN LATERAL (
            SELECT o.ctid AS place FROM regesta.versions AS o
            WHERE o.namespace_id = log_id AND o.generation = at_generation
              AND o.model = c.model AND o.number = c.number
            LIMIT 1
        ) AS r
        WHERE v.ctid = r.place;
        GET DIAGNOSTICS done = ROW_COUNT;
        PERFORM regesta.expect_changed('versions', cardinality(changed_versions), done);
    END IF;
    IF cardinality(changed_aliases) > 0 THEN
        UPDATE regesta.aliases AS a
        SET number = c.number, updated_at = c.updated_at, revision = c.revision,
            leaf_hash = c.leaf_hash, resource = c.resource
        FROM unnest(changed_aliases) AS c
        CROSS JOIN LATERAL (
            SELECT o.ctid AS place FROM regesta.aliases AS o
            WHERE o.namespace_id = log_id AND o.generation = at_generation
              AND o.model = c.model AND o.alias = c.alias
            LIMIT 1
        ) AS r
        WHERE a.ctid = r.place;
        GET DIAGNOSTICS done = ROW_COUNT;
        PERFORM regesta.expect_changed('aliases', cardinality(changed_aliases), done);
    END IF;
    -- New or changed: one row a namespace, so there is no need to tell one from the other.
    IF cardinality(log_status) > 0 THEN
        INSERT INTO regesta.log_status SELECT s.* FROM unnest(log_status) AS s
        ON CONFLICT (namespace_id, generation) DO UPDATE
        SET heads_position = EXCLUDED.heads_position, updated_at = EXCLUDED.updated_at,
            revision = EXCLUDED.revision, leaf_hash = EXCLUDED.leaf_hash,
            resource = EXCLUDED.resource;
    END IF;
    IF cardinality(privacy_status) > 0 THEN
        INSERT INTO regesta.privacy_status SELECT s.* FROM unnest(privacy_status) AS s
        ON CONFLICT (namespace_id, generation) DO UPDATE
        SET updated_at = EXCLUDED.updated_at, revision = EXCLUDED.revision,
            leaf_hash = EXCLUDED.leaf_hash, resource = EXCLUDED.resource;
    END IF;
    IF cardinality(resources) > 0 THEN
        INSERT INTO regesta.resources SELECT r.* FROM unnest(resources) AS r
        ON CONFLICT (namespace_id, generation, stream) DO UPDATE
        SET kind = EXCLUDED.kind, parent = EXCLUDED.parent, state = EXCLUDED.state,
            revision = EXCLUDED.revision, leaf_hash = EXCLUDED.leaf_hash,
            text_fields = EXCLUDED.text_fields, text_digests = EXCLUDED.text_digests,
            resource = EXCLUDED.resource;
    END IF;
    RETURN 'appended';
END
$$;
