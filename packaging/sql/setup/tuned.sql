-- The operator may set what a login role may set for itself. Reads pgtend.operator and pgtend.tuned.
DO $$
DECLARE
  operator text := current_setting('pgtend.operator');
  tuned text := current_setting('pgtend.tuned');
BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = tuned AND NOT rolsuper) THEN
    RAISE EXCEPTION 'tuned "%" must be a role that is there, and no superuser', tuned;
  END IF;
  EXECUTE format('GRANT %I TO %I', tuned, operator) ||
    CASE WHEN current_setting('server_version_num')::int >= 160000 THEN ' WITH INHERIT FALSE, SET TRUE' ELSE '' END;
END $$;
