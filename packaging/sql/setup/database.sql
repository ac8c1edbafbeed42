-- What is granted in one database: rights on functions and views are kept per database. Reads pgtend.monitor and
-- pgtend.operator.
DO $$
DECLARE
  monitor text := current_setting('pgtend.monitor');
  operator text := current_setting('pgtend.operator');
  is_15 boolean := current_setting('server_version_num')::int >= 150000;
BEGIN
  EXECUTE format('GRANT CONNECT ON DATABASE %I TO %I, %I', current_database(), monitor, operator);
  EXECUTE format('GRANT EXECUTE ON FUNCTION pg_control_system(), pg_control_checkpoint() TO %I, %I, pgtend_advise',
    monitor, operator);
  -- The operator reads back what the file says after ALTER SYSTEM.
  EXECUTE format('GRANT SELECT ON pg_file_settings TO %I, %I', monitor, operator);
  EXECUTE format('GRANT EXECUTE ON FUNCTION pg_show_all_file_settings() TO %I, %I', monitor, operator);
  EXECUTE format('GRANT SELECT ON pg_hba_file_rules TO %I', monitor);
  EXECUTE format('GRANT EXECUTE ON FUNCTION pg_hba_file_rules() TO %I', monitor);
  EXECUTE format('GRANT EXECUTE ON FUNCTION pg_current_logfile(), pg_current_logfile(text) TO %I', monitor);
  -- The size of the file that the server reads whole to give the text of one statement. No content is read with it.
  EXECUTE format('GRANT EXECUTE ON FUNCTION pg_stat_file(text, boolean) TO %I', monitor);
  IF is_15 THEN
    EXECUTE format('GRANT SELECT ON pg_ident_file_mappings TO %I', monitor);
    EXECUTE format('GRANT EXECUTE ON FUNCTION pg_ident_file_mappings() TO %I', monitor);
  END IF;
  EXECUTE format('GRANT EXECUTE ON FUNCTION pg_reload_conf() TO %I', operator);
  -- Where pgtend migrate keeps what it applied here.
  CREATE SCHEMA IF NOT EXISTS pgtend;
  EXECUTE format('GRANT USAGE, CREATE ON SCHEMA pgtend TO %I', operator);
  EXECUTE format('GRANT USAGE ON SCHEMA pgtend TO %I', monitor);
  -- Read with the rights of its owner, a superuser: how many roles can still log in by an MD5 hash. A number, and nothing
  -- else of pg_authid.
  CREATE OR REPLACE VIEW pgtend.md5_passwords AS
    SELECT count(*) AS roles FROM pg_authid WHERE rolcanlogin AND rolpassword ~ '^md5[0-9a-f]{32}$';
  REVOKE ALL ON pgtend.md5_passwords FROM PUBLIC;
  EXECUTE format('GRANT SELECT ON pgtend.md5_passwords TO %I', monitor);
END $$;
