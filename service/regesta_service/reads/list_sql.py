"""The SQL of lists, with places for what `list_statements` puts in."""

from __future__ import annotations

from typing import Final

from psycopg.sql import SQL

COUNT: Final = SQL("SELECT count(*) FROM (SELECT FROM ({found}) AS c LIMIT %(limit)s) AS c")

NAMED: Final = SQL("""
    c.model = (
        SELECT n.model FROM regesta.model_names AS n
        JOIN regesta.logs AS l
            ON l.namespace_id = n.namespace_id AND l.generation = n.generation
        WHERE n.namespace_id = %(namespace_id)s AND n.name_key = %(name_key)s
    )
""")

HIDDEN_MODELS: Final = SQL("NOT m.deleted")
HIDDEN_VERSIONS: Final = SQL("NOT v.deleted AND NOT m.deleted")

# Most have none, and a look-up for nothing costs as much as one that finds something.
BYTES_OF_TEXTS: Final = SQL("""
    CASE WHEN cardinality(p.text_digests) = 0 THEN 0 ELSE COALESCE((
        SELECT sum(octet_length(d.text)) FROM regesta.disclosures AS d
        WHERE d.namespace_id = h.namespace_id AND d.digest = ANY (p.text_digests)
    ), 0)::bigint END
""")

# The inner query, the page, finds the rows; the outer one looks up what belongs to them.
MODELS: Final = SQL("""
SELECT h.size, h.generation, '', {reached},
    octet_length(p.resource) + {bytes_of_texts},
    p.text_fields, p.text_digests, {sorts}, p.name, p.last_version, p.resource,
    COALESCE(t.aliases, '{{}}'), COALESCE(t.numbers, '{{}}')
FROM regesta.logs AS h
{cursor}
LEFT JOIN LATERAL ({page}) AS p ON true
LEFT JOIN LATERAL (
    SELECT array_agg(a.alias ORDER BY a.alias) AS aliases,
        array_agg(a.number ORDER BY a.alias) AS numbers
    FROM {aliases} AS a
    WHERE a.namespace_id = h.namespace_id AND a.generation = h.generation
        AND a.model = p.model AND a.number IS NOT NULL
) AS t ON true
WHERE h.namespace_id = %(namespace_id)s
ORDER BY {outer_order}
""")

MODELS_PAGE: Final = SQL("""
    SELECT {sort_columns}, m.*
    FROM {models} AS m {join}
    WHERE m.namespace_id = h.namespace_id AND m.generation = h.generation AND {where}
    {order}
    LIMIT {limit}
""")

VERSIONS: Final = SQL("""
SELECT h.size, h.generation, {found}, {reached},
    octet_length(p.resource) + {bytes_of_texts},
    p.text_fields, p.text_digests, {sorts}, p.model_name, p.number, p.resource,
    ARRAY({pointing})
FROM regesta.logs AS h
{cursor}
{names}
LEFT JOIN LATERAL ({page}) AS p ON true
WHERE h.namespace_id = %(namespace_id)s
ORDER BY {outer_order}
""")

POINTING: Final = SQL("""
    SELECT a.alias FROM regesta.aliases AS a
    WHERE a.namespace_id = h.namespace_id AND a.generation = h.generation
        AND a.model = p.model AND a.number = p.number
    ORDER BY a.alias
""")

# Aliases that were pointed to the version, and of which nothing came later.
POINTED: Final = SQL("""
    SELECT a.alias FROM regesta.alias_history AS a
    WHERE a.namespace_id = h.namespace_id AND a.generation = h.generation
        AND a.model = p.model AND a.number = p.number AND {then}
        AND NOT EXISTS (
            SELECT FROM regesta.alias_history AS s
            WHERE s.namespace_id = a.namespace_id AND s.generation = a.generation
                AND s.model = a.model AND s.alias = a.alias
                AND s.from_position > a.from_position AND {later}
        )
    ORDER BY a.alias
""")

VERSIONS_PAGE: Final = SQL("""
    SELECT {sort_columns}, m.name AS model_name, v.*
    FROM {versions} AS v
    JOIN {models} AS m
        ON m.namespace_id = v.namespace_id AND m.generation = v.generation AND m.model = v.model
    {join}
    WHERE v.namespace_id = h.namespace_id AND v.generation = h.generation
        AND {of_model} AND {where}
    {order}
    LIMIT {limit}
""")

# Of each model no more than a page, which keeps the sort behind it short.
MODEL_BY_MODEL: Final = SQL("""
    SELECT q.*
    FROM {models} AS m
    CROSS JOIN LATERAL ({last_number}) AS t
    CROSS JOIN LATERAL (
        SELECT {sort_columns}, m.name AS model_name, v.*
        FROM {versions} AS v {join}
        WHERE v.namespace_id = m.namespace_id AND v.generation = m.generation
            AND v.model = m.model AND v.number <= t.number AND {where}
        {order}
        LIMIT {limit}
    ) AS q
    WHERE m.namespace_id = h.namespace_id AND m.generation = h.generation AND {begun}
    ORDER BY m.model, q.number
    LIMIT {limit}
""")

NAMES: Final = SQL("""
LEFT JOIN regesta.model_names AS n
    ON n.namespace_id = h.namespace_id AND n.generation = h.generation
    AND n.name_key = %(name_key)s
""")
LAST_NUMBER: Final = SQL("LEFT JOIN LATERAL ({}) AS t ON true")

# How far the history of the very rows that are read has been folded.
CURSOR: Final = SQL("""
LEFT JOIN regesta.history_cursors AS c
    ON c.namespace_id = h.namespace_id AND c.generation = h.generation
""")
REACHED: Final = SQL("COALESCE(c.position, 0)")

#: A page of aliases, or one.
ALIASES: Final = SQL("""
SELECT h.size, m.name, {reached}, p.alias, p.resource
FROM regesta.logs AS h
{cursor}
LEFT JOIN regesta.model_names AS n
    ON n.namespace_id = h.namespace_id AND n.generation = h.generation
    AND n.name_key = %(name_key)s
LEFT JOIN {models} AS m
    ON m.namespace_id = n.namespace_id AND m.generation = n.generation AND m.model = n.model
LEFT JOIN LATERAL (
    SELECT a.alias, a.resource FROM {aliases} AS a
    WHERE a.namespace_id = n.namespace_id AND a.generation = n.generation
        AND a.model = n.model AND a.number IS NOT NULL AND a.alias > %(after)s
        AND (%(only)s::text IS NULL OR a.alias = %(only)s)
    ORDER BY a.alias
    LIMIT %(limit)s
) AS p ON true
WHERE h.namespace_id = %(namespace_id)s
ORDER BY p.alias
""")
