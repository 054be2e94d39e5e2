-- Statistics of rows that were written at once, as a rebuild does. Until autovacuum comes by, a
-- minute later or more, the planner takes the new generation for one row, and any index that
-- begins with the generation for as good as the primary key: an append of a namespace with
-- 12,000 versions took 6 ms instead of 2, and the more the more versions there are.
--
-- Only an owner may analyze (MAINTAIN comes with PostgreSQL 17), so the service's role asks for
-- it here. A table that somebody else is just looking after is left to them.
CREATE FUNCTION regesta.analyze_rows() RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    ANALYZE (SKIP_LOCKED)
        regesta.models, regesta.model_names, regesta.versions, regesta.version_labels,
        regesta.aliases, regesta.resources,
        regesta.model_history, regesta.version_history, regesta.alias_history;
END
$$;
REVOKE ALL ON FUNCTION regesta.analyze_rows() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION regesta.analyze_rows() TO regesta_service;
