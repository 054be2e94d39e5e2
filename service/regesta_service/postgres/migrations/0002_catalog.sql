-- The catalog: inline projections of the log, written in the append's transaction.
--
-- Every row belongs to a generation. `regesta.logs.generation` says which one is in
-- use; a rebuild writes the next one beside it and switches in one transaction, so
-- readers never wait and the service needs no DDL.
--
-- `resource` is the finished resource as serialized protobuf, but for what other
-- streams decide (a version's model name and aliases) and the free texts, which are
-- kept beside the log: a read appends those as further fields. `revision` and
-- `leaf_hash` are those of the stream's last event.

CREATE TABLE regesta.models (
    namespace_id integer NOT NULL,
    generation integer NOT NULL,
    -- The name the model was created with: it identifies the model for ever.
    model text COLLATE "C" NOT NULL,
    -- The present name.
    name text COLLATE "C" NOT NULL,
    name_key text COLLATE "C" NOT NULL,
    kind text COLLATE "C" NOT NULL,
    owner text COLLATE "C" NOT NULL,
    tags jsonb NOT NULL,
    deleted boolean NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    created_by text COLLATE "C" NOT NULL,
    last_version integer NOT NULL,
    revision bigint NOT NULL,
    leaf_hash bytea NOT NULL,
    -- Which fields are free text, and the digests under which they are found.
    text_fields text[] NOT NULL,
    text_digests text[] NOT NULL,
    resource bytea NOT NULL,
    PRIMARY KEY (namespace_id, generation, model)
) WITH (fillfactor = 70);
CREATE INDEX models_name ON regesta.models (namespace_id, generation, name_key);
CREATE INDEX models_tags ON regesta.models USING gin (tags jsonb_path_ops)
    WHERE tags <> '{}'::jsonb;

-- Every name that a model has or had.
CREATE TABLE regesta.model_names (
    namespace_id integer NOT NULL,
    generation integer NOT NULL,
    -- In lower case: names are unique without regard to case.
    name_key text COLLATE "C" NOT NULL,
    model text COLLATE "C" NOT NULL,
    PRIMARY KEY (namespace_id, generation, name_key)
);

CREATE TABLE regesta.versions (
    namespace_id integer NOT NULL,
    generation integer NOT NULL,
    model text COLLATE "C" NOT NULL,
    number integer NOT NULL,
    semver text COLLATE "C",
    stage text COLLATE "C" NOT NULL,
    -- Position of the event that brought it into its stage.
    stage_position bigint NOT NULL,
    source text COLLATE "C" NOT NULL,
    digest text COLLATE "C",
    run text COLLATE "C",
    tags jsonb NOT NULL,
    properties jsonb NOT NULL,
    params jsonb NOT NULL,
    metrics jsonb NOT NULL,
    deleted boolean NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    created_by text COLLATE "C" NOT NULL,
    revision bigint NOT NULL,
    leaf_hash bytea NOT NULL,
    text_fields text[] NOT NULL,
    text_digests text[] NOT NULL,
    resource bytea NOT NULL,
    PRIMARY KEY (namespace_id, generation, model, number)
);
CREATE INDEX versions_stage
    ON regesta.versions (namespace_id, generation, model, stage, stage_position);
CREATE INDEX versions_digest ON regesta.versions (namespace_id, generation, digest)
    WHERE digest IS NOT NULL;
CREATE INDEX versions_tags ON regesta.versions USING gin (tags jsonb_path_ops)
    WHERE tags <> '{}'::jsonb;

-- SemVer labels: unique within a model by precedence, and found by ranges.
CREATE TABLE regesta.version_labels (
    namespace_id integer NOT NULL,
    generation integer NOT NULL,
    model text COLLATE "C" NOT NULL,
    -- Sorts as SemVer's precedence does.
    semver_key text COLLATE "C" NOT NULL,
    semver text COLLATE "C" NOT NULL,
    number integer NOT NULL,
    PRIMARY KEY (namespace_id, generation, model, semver_key)
);

CREATE TABLE regesta.aliases (
    namespace_id integer NOT NULL,
    generation integer NOT NULL,
    model text COLLATE "C" NOT NULL,
    alias text COLLATE "C" NOT NULL,
    -- The version it points to; NULL when it has been removed. The row stays, since
    -- the alias's revision goes on when it is set again.
    number integer,
    updated_at timestamptz NOT NULL,
    revision bigint NOT NULL,
    leaf_hash bytea NOT NULL,
    resource bytea NOT NULL,
    PRIMARY KEY (namespace_id, generation, model, alias)
) WITH (fillfactor = 70);
CREATE INDEX aliases_number ON regesta.aliases (namespace_id, generation, model, number);

CREATE TABLE regesta.namespaces (
    namespace_id integer NOT NULL,
    generation integer NOT NULL,
    name text COLLATE "C" NOT NULL,
    created_at timestamptz NOT NULL,
    revision bigint NOT NULL,
    leaf_hash bytea NOT NULL,
    resource bytea NOT NULL,
    PRIMARY KEY (namespace_id, generation)
);

GRANT SELECT, INSERT, UPDATE, DELETE ON regesta.models, regesta.model_names,
    regesta.versions, regesta.version_labels, regesta.aliases, regesta.namespaces
    TO regesta_service;
