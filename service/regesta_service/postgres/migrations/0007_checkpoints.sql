-- What the publisher has signed, and how it is doing.

-- Name of this deployment where the configuration gives none; made once. A log's origin is
-- this, a slash and its namespace.
CREATE TABLE regesta.deployment (
    single boolean PRIMARY KEY DEFAULT true CHECK (single),
    origin text COLLATE "C" NOT NULL
);
INSERT INTO regesta.deployment (origin)
VALUES ('regesta-' || left(replace(gen_random_uuid()::text, '-', ''), 8)
    || right(replace(gen_random_uuid()::text, '-', ''), 8));

-- Signed notes (C2SP tlog-checkpoint). Their text never changes; signatures are added.
CREATE TABLE regesta.checkpoints (
    namespace_id integer NOT NULL,
    -- Position of the last event under it.
    size bigint NOT NULL CHECK (size > 0),
    note text NOT NULL CHECK (octet_length(note) <= 1000000),
    published_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (namespace_id, size),
    -- Origin, size, root, an empty line, and signatures.
    CHECK (split_part(note, E'\n', 2) = size::text
        AND split_part(note, E'\n', 3) ~ '^[A-Za-z0-9+/]{43}=$'
        AND split_part(note, E'\n', 4) = ''
        AND note ~ E'\n\n(— [^ +\n]+ [A-Za-z0-9+/]+=*\n)+$')
);

-- Where a namespace's publisher was last. Its own memory, which decides what it signs, lies
-- outside of the database; this is for those who ask why nothing is signed.
CREATE TABLE regesta.publishers (
    namespace_id integer PRIMARY KEY,
    -- When it last found the log right.
    seen_at timestamptz,
    -- Verifier keys that it signs with.
    verifier_keys text[] NOT NULL DEFAULT '{}',
    alarm_kind text COLLATE "C" CHECK (alarm_kind IN ('ROLLBACK', 'FORK', 'TAMPER')),
    alarm_position bigint,
    alarm_last_position bigint,
    alarm_detail text,
    alarm_at timestamptz
) WITH (fillfactor = 50);

CREATE FUNCTION regesta.only_add_signatures() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
    IF NEW.namespace_id = OLD.namespace_id AND NEW.size = OLD.size
        AND NEW.published_at = OLD.published_at
        AND starts_with(NEW.note, OLD.note)
        AND substr(NEW.note, length(OLD.note) + 1) ~ E'^(— [^ +\n]+ [A-Za-z0-9+/]+=*\n)*$'
    THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'a checkpoint gains signatures and changes in nothing else'
        USING ERRCODE = 'restrict_violation';
END
$$;

CREATE TRIGGER only_add_signatures BEFORE UPDATE ON regesta.checkpoints
    FOR EACH ROW EXECUTE FUNCTION regesta.only_add_signatures();
CREATE TRIGGER append_only BEFORE DELETE OR TRUNCATE ON regesta.checkpoints
    FOR EACH STATEMENT EXECUTE FUNCTION regesta.refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON regesta.deployment
    FOR EACH STATEMENT EXECUTE FUNCTION regesta.refuse_change();
-- ALWAYS: session_replication_role = replica must not switch them off.
ALTER TABLE regesta.checkpoints ENABLE ALWAYS TRIGGER only_add_signatures;
ALTER TABLE regesta.checkpoints ENABLE ALWAYS TRIGGER append_only;
ALTER TABLE regesta.deployment ENABLE ALWAYS TRIGGER append_only;

GRANT SELECT ON regesta.deployment TO regesta_service;
GRANT SELECT, INSERT ON regesta.checkpoints TO regesta_service;
GRANT UPDATE (note) ON regesta.checkpoints TO regesta_service;
GRANT SELECT, INSERT, UPDATE ON regesta.publishers TO regesta_service;
