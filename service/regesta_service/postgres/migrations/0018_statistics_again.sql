-- Statistics once more for models and versions, as in 0005: the indexes that 0014 and 0016 made
-- on empty tables told the planner that there is nothing in them. So after a large import or a
-- rebuild, and until autovacuum came by, it took a namespace for one row: a page of a model with
-- 10,000 versions sorted all of them, 20 ms instead of 0.3.
--
-- A later index on a table that may be empty wants the same behind it.

DO $$
BEGIN
    -- No namespace has the number 0. Where there are rows already, these two change nothing.
    INSERT INTO regesta.models
    SELECT 0, 1, n, n, n, n, n, '{}', false, now(), now(), n, 1, 1, '', '{}', '{}', '',
        false, false
    FROM unnest(ARRAY['a', 'b']) AS n;
    INSERT INTO regesta.versions
    SELECT 0, 1, n, length(n), n, n, 1, n, n, n, '{}', '{}', '{}', '{}', false, now(), now(), n,
        1, '', '{}', '{}', '', true, false, false, false
    FROM unnest(ARRAY['a', 'bb']) AS n;
    ANALYZE regesta.models;
    ANALYZE regesta.versions;
    DELETE FROM regesta.models WHERE namespace_id = 0;
    DELETE FROM regesta.versions WHERE namespace_id = 0;
END
$$;
