-- Statistics for tables that nobody has analyzed yet.
--
-- Without any, the planner believes that a namespace and a generation select a single
-- row, and may look up a model by walking an index over all of a namespace's models: for
-- it that is the same. Autovacuum mends this a minute or two after a bulk import, which
-- is too late. So namespace and generation are declared to select nothing, and two rows
-- that are gone again afterwards give the other columns their first statistics.

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY[
        'models', 'model_names', 'versions', 'version_labels', 'aliases', 'disclosures'
    ] LOOP
        EXECUTE format('ALTER TABLE regesta.%I ALTER namespace_id SET (n_distinct = 1)', name);
        IF name <> 'disclosures' THEN
            EXECUTE format('ALTER TABLE regesta.%I ALTER generation SET (n_distinct = 1)', name);
        END IF;
    END LOOP;

    -- No namespace has the number 0.
    INSERT INTO regesta.models
    SELECT 0, 1, n, n, n, n, n, '{}', false, now(), now(), n, 1, 1, '', '{}', '{}', ''
    FROM unnest(ARRAY['a', 'b']) AS n;
    INSERT INTO regesta.model_names SELECT 0, 1, n, n FROM unnest(ARRAY['a', 'b']) AS n;
    INSERT INTO regesta.versions
    SELECT 0, 1, n, length(n), n, n, 1, n, n, n, '{}', '{}', '{}', '{}', false, now(), now(), n,
        1, '', '{}', '{}', ''
    FROM unnest(ARRAY['a', 'bb']) AS n;
    INSERT INTO regesta.version_labels
    SELECT 0, 1, n, n, n, length(n) FROM unnest(ARRAY['a', 'bb']) AS n;
    INSERT INTO regesta.aliases
    SELECT 0, 1, n, n, length(n), now(), 1, '', '' FROM unnest(ARRAY['a', 'bb']) AS n;
    INSERT INTO regesta.disclosures
    SELECT 0, n, length(n), n, n, decode(repeat('00', 16), 'hex'), n
    FROM unnest(ARRAY['a', 'bb']) AS n;

    FOREACH name IN ARRAY ARRAY[
        'models', 'model_names', 'versions', 'version_labels', 'aliases', 'disclosures'
    ] LOOP
        EXECUTE format('ANALYZE regesta.%I', name);
        EXECUTE format('DELETE FROM regesta.%I WHERE namespace_id = 0', name);
    END LOOP;
END
$$;
