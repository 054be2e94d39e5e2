-- Retention: the body of an old event gives way to its own hash, in place; the row stays.
--
-- An archived record is the 33 bytes 0x00 || leaf_hash. Other records are JSON objects and
-- begin with `{`, so the two cannot be mixed up.

-- Up to which position a namespace's bodies may be archived: what its last event
-- BodiesReleased says. Only that event's append writes here.
CREATE TABLE regesta.released (
    namespace_id integer PRIMARY KEY,
    through bigint NOT NULL CHECK (through > 0 AND through % 256 = 0)
);
GRANT SELECT ON regesta.released TO regesta_service;

CREATE FUNCTION regesta.release_bodies() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    INSERT INTO regesta.released (namespace_id, through)
    SELECT NEW.namespace_id, f.through
    -- Whole tiles, and the event that says so stays readable itself.
    FROM (SELECT LEAST(
        (convert_from(NEW.record, 'UTF8')::jsonb #>> '{data,through}')::bigint,
        NEW.position - 1) / 256 * 256 AS through) AS f
    WHERE f.through > 0
    ON CONFLICT (namespace_id) DO UPDATE SET through = EXCLUDED.through;
    RETURN NULL;
END
$$;
REVOKE ALL ON FUNCTION regesta.release_bodies() FROM PUBLIC;
CREATE TRIGGER release_bodies AFTER INSERT ON regesta.events FOR EACH ROW
WHEN (NEW.type = 'io.regesta.events.v1.BodiesReleased')
EXECUTE FUNCTION regesta.release_bodies();

-- Not even the owner moves the floor without an event.
CREATE FUNCTION regesta.only_by_event() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
    IF pg_trigger_depth() > 1 THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION '% of % is refused: an event does it', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation';
END
$$;
CREATE TRIGGER only_by_event BEFORE INSERT OR UPDATE ON regesta.released
    FOR EACH ROW EXECUTE FUNCTION regesta.only_by_event();
CREATE TRIGGER append_only BEFORE DELETE OR TRUNCATE ON regesta.released
    FOR EACH STATEMENT EXECUTE FUNCTION regesta.refuse_change();
ALTER TABLE regesta.released ENABLE ALWAYS TRIGGER only_by_event;
ALTER TABLE regesta.released ENABLE ALWAYS TRIGGER append_only;

-- The hash of an archived record is the one that it holds. PostgreSQL 15 cannot change the
-- expression of a generated column, so it is made anew, which writes each partition once.
ALTER TABLE regesta.events DROP COLUMN leaf_hash;
ALTER TABLE regesta.events ADD COLUMN leaf_hash bytea NOT NULL GENERATED ALWAYS AS (
    CASE WHEN octet_length(record) = 33 AND get_byte(record, 0) = 0 THEN substring(record FROM 2)
    ELSE sha256('\x00'::bytea || record) END) STORED;

-- Nothing is appended without a body.
CREATE FUNCTION regesta.refuse_bodiless() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
    RAISE EXCEPTION 'the event at % has no body', NEW.position
        USING ERRCODE = 'restrict_violation';
END
$$;
CREATE TRIGGER refuse_bodiless BEFORE INSERT ON regesta.events FOR EACH ROW
WHEN (octet_length(NEW.record) = 33 AND get_byte(NEW.record, 0) = 0)
EXECUTE FUNCTION regesta.refuse_bodiless();

-- The one change that rows of the log may see: a released body gives way to its hash. The
-- service's role has no right to change any; the owner's may do this.
CREATE FUNCTION regesta.only_archive() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
    -- As JSON, so that columns to come are compared too.
    IF NEW.record = '\x00'::bytea || OLD.leaf_hash
        AND to_jsonb(NEW) - '{record,leaf_hash}'::text[]
            = to_jsonb(OLD) - '{record,leaf_hash}'::text[]
        AND EXISTS (SELECT FROM regesta.released AS r
                    WHERE r.namespace_id = OLD.namespace_id AND OLD.position <= r.through)
    THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'UPDATE of events is refused: it is append-only'
        USING ERRCODE = 'restrict_violation';
END
$$;
-- Partitions get it from here, those to come too.
CREATE TRIGGER only_archive BEFORE UPDATE ON regesta.events
    FOR EACH ROW EXECUTE FUNCTION regesta.only_archive();

DO $$
DECLARE
    part regclass;
BEGIN
    FOR part IN
        SELECT 'regesta.events'::regclass
        UNION ALL
        SELECT inhrelid::regclass FROM pg_inherits WHERE inhparent = 'regesta.events'::regclass
    LOOP
        EXECUTE format('DROP TRIGGER append_only ON %s', part);
        EXECUTE format(
            'CREATE TRIGGER append_only BEFORE DELETE OR TRUNCATE ON %s '
            'FOR EACH STATEMENT EXECUTE FUNCTION regesta.refuse_change()', part);
        -- ALWAYS: session_replication_role = replica must not switch them off.
        EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER append_only', part);
        EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER only_archive', part);
        EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER refuse_bodiless', part);
    END LOOP;
END
$$;

-- Other than in 0001: the statement trigger of a new partition refuses no UPDATE, the row
-- triggers that it has from its parent do; they are switched on for good.
CREATE OR REPLACE FUNCTION regesta.extend_events(beyond bigint) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
    span constant bigint := 4194304;
    number bigint := 0;
    partition text;
    name text;
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
                EXECUTE format(
                    'CREATE TRIGGER append_only BEFORE DELETE OR TRUNCATE '
                    'ON regesta.%I FOR EACH STATEMENT '
                    'EXECUTE FUNCTION regesta.refuse_change()', partition);
                FOREACH name IN ARRAY ARRAY['append_only', 'only_archive', 'refuse_bodiless'] LOOP
                    EXECUTE format('ALTER TABLE regesta.%I ENABLE ALWAYS TRIGGER %I',
                        partition, name);
                END LOOP;
            END IF;
        END IF;
        EXIT WHEN (number + 1) * span >= beyond;
        number := number + 1;
    END LOOP;
    RETURN (number + 1) * span;
END
$$;
