-- Lines of the last commitments to all heads, and the tree over them: what proofs of single
-- streams are made from, and what tells verify which stream is another than was committed to.
-- They are computed, and checked against the root in the log; old ones are deleted.
CREATE TABLE regesta.heads (
    namespace_id integer NOT NULL,
    -- The position that the heads are of.
    position bigint NOT NULL,
    streams bigint NOT NULL,
    root bytea NOT NULL CHECK (octet_length(root) = 32),
    PRIMARY KEY (namespace_id, position)
);

CREATE TABLE regesta.head_lines (
    namespace_id integer NOT NULL,
    position bigint NOT NULL,
    -- The line's place in the tree, from 0.
    index bigint NOT NULL,
    stream text COLLATE "C" NOT NULL,
    revision bigint NOT NULL,
    leaf_hash bytea NOT NULL,
    state bytea NOT NULL,
    PRIMARY KEY (namespace_id, position, stream)
);
CREATE UNIQUE INDEX head_lines_index ON regesta.head_lines (namespace_id, position, index);

-- 256 hashes of one level each, fewer at the right edge.
CREATE TABLE regesta.head_tiles (
    namespace_id integer NOT NULL,
    position bigint NOT NULL,
    level smallint NOT NULL,
    index bigint NOT NULL,
    hashes bytea NOT NULL CHECK (octet_length(hashes) BETWEEN 32 AND 8192),
    PRIMARY KEY (namespace_id, position, level, index)
);
ALTER TABLE regesta.head_tiles ALTER hashes SET STORAGE EXTERNAL;

GRANT SELECT, INSERT, DELETE ON regesta.heads, regesta.head_lines, regesta.head_tiles
    TO regesta_service;
