-- The roles and their rights in the whole cluster. Reads the settings pgtend.monitor and pgtend.operator.
DO $$
DECLARE
  monitor text := current_setting('pgtend.monitor');
  operator text := current_setting('pgtend.operator');
  version int := current_setting('server_version_num')::int;
  name text;
BEGIN
  IF monitor = operator OR EXISTS (SELECT FROM pg_roles WHERE rolname IN (monitor, operator) AND rolsuper) THEN
    RAISE EXCEPTION 'monitor and operator must be two roles, and no superusers: this takes rights from them';
  END IF;
  FOREACH name IN ARRAY ARRAY[monitor, operator, 'pgtend_advise', 'pgtend_signal'] LOOP
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name) THEN
      EXECUTE format('CREATE ROLE %I', name);
    END IF;
  END LOOP;
  -- Monitor: probe 1, sample 2, one replacing an old session, one for `pgtend doctor`. Operator: advise, act, doctor.
  EXECUTE format('ALTER ROLE %I LOGIN CONNECTION LIMIT 5', monitor);
  -- NOINHERIT: it has the owners' rights only after SET ROLE.
  EXECUTE format('ALTER ROLE %I LOGIN NOINHERIT CONNECTION LIMIT 3', operator);
  -- Nobody logs in with it. The operator's advising sessions, which are read-only, SET ROLE to it: to price an index they
  -- need other roles' statements (pg_monitor) and EXPLAIN on the owners' tables in one session.
  ALTER ROLE pgtend_advise NOLOGIN INHERIT;
  -- Nor with this one. To end a session that a person approved, the operator must see in one statement when the session
  -- began, so that a later one with its pid is never hit, and signal it. Superusers' sessions are out of its reach.
  ALTER ROLE pgtend_signal NOLOGIN INHERIT;
  IF version >= 160000 THEN
    EXECUTE format('GRANT pg_monitor TO %I, pgtend_advise WITH INHERIT TRUE, SET FALSE', monitor);
    EXECUTE format('GRANT pg_use_reserved_connections TO %I', monitor);
    EXECUTE 'GRANT pg_read_all_stats, pg_signal_backend TO pgtend_signal WITH INHERIT TRUE, SET FALSE';
    EXECUTE format('GRANT pgtend_advise, pgtend_signal, pg_signal_backend TO %I WITH INHERIT FALSE, SET TRUE',
      operator);
  ELSE
    EXECUTE format('GRANT pg_monitor TO %I, pgtend_advise', monitor);
    GRANT pg_read_all_stats, pg_signal_backend TO pgtend_signal;
    EXECUTE format('GRANT pgtend_advise, pgtend_signal, pg_signal_backend TO %I', operator);
  END IF;
  IF version >= 150000 THEN
    EXECUTE format('GRANT pg_checkpoint TO %I', operator);
    EXECUTE format('GRANT SET ON PARAMETER pg_stat_statements.track TO %I, %I', monitor, operator);
    -- An allow-list: never a parameter that runs code, touches authentication or hides tracks.
    EXECUTE format('GRANT ALTER SYSTEM ON PARAMETER work_mem, maintenance_work_mem, random_page_cost, '
      'effective_io_concurrency, checkpoint_timeout, max_wal_size, autovacuum_vacuum_scale_factor, '
      'autovacuum_analyze_scale_factor, autovacuum_vacuum_cost_limit TO %I', operator);
  END IF;
  IF version >= 180000 THEN
    EXECUTE format('GRANT pg_signal_autovacuum_worker TO %I', operator);
  END IF;
  -- They hold behind a pooler too, where the agent sets nothing in a session.
  EXECUTE format('ALTER ROLE %I SET default_transaction_read_only = on', monitor);
  EXECUTE format('ALTER ROLE %I SET statement_timeout = ''3s''', monitor);
  EXECUTE format('ALTER ROLE %I SET lock_timeout = ''100ms''', monitor);
  EXECUTE format('ALTER ROLE %I SET idle_in_transaction_session_timeout = ''5s''', operator);
END $$;
