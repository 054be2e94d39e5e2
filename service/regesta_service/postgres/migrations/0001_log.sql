-- The log: one append-only sequence of events a namespace, and what is kept beside it.
-- Owned by the owner role; the service's role may add to it and read it, nothing else.

-- The head of each namespace's log. Its row lock orders all appends, which is what
-- makes positions gap-free and visible in order.
CREATE TABLE regesta.logs (
    namespace_id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text COLLATE "C" NOT NULL UNIQUE,
    -- Position of the last event: the size of the Merkle tree.
    size bigint NOT NULL DEFAULT 0,
    -- Roots of the tree's perfect subtrees, largest first.
    frontier bytea NOT NULL DEFAULT '',
    -- When the last event was recorded; never decreases.
    recorded_at timestamptz,
    -- Which rows of the projections are in use (see 0002).
    generation integer NOT NULL DEFAULT 1,
    rebuilt_at timestamptz,
    CHECK (octet_length(frontier) = 32 * length(replace(size::bit(64)::text, '0', '')))
) WITH (fillfactor = 50);

CREATE TABLE regesta.events (
    namespace_id integer NOT NULL,
    position bigint NOT NULL CHECK (position > 0),
    -- The exact bytes of the Merkle leaf. The columns below copy what queries need
    -- from it; `verify` compares them. 65,535: C2SP tlog-tiles' limit for an entry.
    record bytea NOT NULL CHECK (octet_length(record) BETWEEN 1 AND 65535),
    leaf_hash bytea NOT NULL GENERATED ALWAYS AS (sha256('\x00'::bytea || record)) STORED,
    stream text COLLATE "C" NOT NULL,
    revision bigint NOT NULL CHECK (revision > 0),
    type text COLLATE "C" NOT NULL,
    actor text COLLATE "C" NOT NULL,
    recorded_at timestamptz NOT NULL,
    occurred_at timestamptz,
    request_id text COLLATE "C" NOT NULL,
    trace_id text COLLATE "C",
    PRIMARY KEY (namespace_id, position)
) PARTITION BY RANGE (position);

-- Finds one resource's events, and with a prefix those of all that lies below it.
CREATE INDEX events_stream ON regesta.events (namespace_id, stream, revision);

-- Full tiles of the Merkle tree (C2SP tlog-tiles): 256 hashes of one level each.
CREATE TABLE regesta.tiles (
    namespace_id integer NOT NULL,
    level smallint NOT NULL,
    index bigint NOT NULL,
    root bytea NOT NULL CHECK (octet_length(root) = 32),
    hashes bytea NOT NULL CHECK (octet_length(hashes) = 8192),
    PRIMARY KEY (namespace_id, level, index)
);
-- Hashes do not compress.
ALTER TABLE regesta.tiles ALTER hashes SET STORAGE EXTERNAL;

-- Which request ids have been answered, kept for the life of the log.
CREATE TABLE regesta.requests (
    namespace_id integer NOT NULL,
    -- Made from the actor and the request id.
    key uuid NOT NULL,
    -- Made from the method and the content of the request.
    fingerprint bytea NOT NULL CHECK (octet_length(fingerprint) = 16),
    -- The answer reflects this position: the last event's, or when nothing had
    -- to change the one that was decided at.
    position bigint NOT NULL,
    -- How many events it appended; they end at `position`.
    events smallint NOT NULL,
    -- The stream of the resource that the answer shows.
    stream text COLLATE "C" NOT NULL,
    PRIMARY KEY (namespace_id, key)
);

-- Free texts, whose salted digests stand in the records. Rows of this table can be
-- erased without touching the log.
CREATE TABLE regesta.disclosures (
    namespace_id integer NOT NULL,
    digest text COLLATE "C" NOT NULL,
    position bigint NOT NULL,
    field text COLLATE "C" NOT NULL,
    -- Whose text it is: the principal that wrote it.
    person text COLLATE "C" NOT NULL,
    salt bytea NOT NULL CHECK (octet_length(salt) = 16),
    text text NOT NULL,
    PRIMARY KEY (namespace_id, digest)
);
CREATE INDEX disclosures_position ON regesta.disclosures (namespace_id, position);

CREATE FUNCTION regesta.refuse_change() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
    RAISE EXCEPTION '% of % is refused: it is append-only', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation';
END
$$;

-- Makes sure that partitions of the log reach beyond a position. The service calls
-- it ahead of need; it runs as the owner because partitions are DDL.
-- 4,194,304 events a partition: about 4 GB, a multiple of 256 so that a detached
-- one ends at a tile.
CREATE FUNCTION regesta.extend_events(beyond bigint) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
    span constant bigint := 4194304;
    number bigint := 0;
    partition text;
    made text;
BEGIN
    LOOP
        partition := format('events_%s', lpad(number::text, 6, '0'));
        IF to_regclass('regesta.' || partition) IS NULL THEN
            -- One at a time; a second caller finds it made.
            PERFORM pg_advisory_xact_lock(hashtext('regesta.extend_events'));
            IF to_regclass('regesta.' || partition) IS NULL THEN
                EXECUTE format(
                    'CREATE TABLE regesta.%I PARTITION OF regesta.events '
                    'FOR VALUES FROM (%s) TO (%s)',
                    partition, number * span + 1, (number + 1) * span + 1);
                made := partition;
                EXECUTE format(
                    'CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE '
                    'ON regesta.%I FOR EACH STATEMENT '
                    'EXECUTE FUNCTION regesta.refuse_change()', made);
                EXECUTE format('ALTER TABLE regesta.%I ENABLE ALWAYS TRIGGER append_only', made);
            END IF;
        END IF;
        EXIT WHEN (number + 1) * span >= beyond;
        number := number + 1;
    END LOOP;
    RETURN (number + 1) * span;
END
$$;

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['events', 'tiles', 'requests'] LOOP
        EXECUTE format(
            'CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE '
            'ON regesta.%I FOR EACH STATEMENT EXECUTE FUNCTION regesta.refuse_change()', name);
        -- ALWAYS: session_replication_role = replica must not switch it off.
        EXECUTE format('ALTER TABLE regesta.%I ENABLE ALWAYS TRIGGER append_only', name);
    END LOOP;
    PERFORM regesta.extend_events(4194304);
END
$$;

GRANT USAGE ON SCHEMA regesta TO regesta_service;
GRANT SELECT, INSERT ON regesta.events, regesta.tiles, regesta.requests, regesta.disclosures
    TO regesta_service;
GRANT SELECT, INSERT ON regesta.logs TO regesta_service;
GRANT UPDATE (size, frontier, recorded_at, generation, rebuilt_at) ON regesta.logs
    TO regesta_service;
REVOKE ALL ON FUNCTION regesta.extend_events(bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION regesta.extend_events(bigint) TO regesta_service;
