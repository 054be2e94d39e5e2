-- The name of a deployment may be replaced as long as nothing was signed under it: a database
-- that is made of a backup goes on under the name of the one that was backed up.
CREATE FUNCTION regesta.keep_signed_origin() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND NOT EXISTS (SELECT FROM regesta.checkpoints) THEN
        RETURN NULL;
    END IF;
    RAISE EXCEPTION '% of % is refused: checkpoints were signed under it', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation';
END
$$;
DROP TRIGGER append_only ON regesta.deployment;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON regesta.deployment
    FOR EACH STATEMENT EXECUTE FUNCTION regesta.keep_signed_origin();
ALTER TABLE regesta.deployment ENABLE ALWAYS TRIGGER append_only;

GRANT UPDATE (origin) ON regesta.deployment TO regesta_service;
