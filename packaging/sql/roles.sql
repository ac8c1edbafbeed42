-- The roles that pgtend uses and nothing more. PostgreSQL 13 to 18; run again at will.
--
--   psql -X -v ON_ERROR_STOP=1 -d DATABASE -f roles.sql
--   psql -X -v ON_ERROR_STOP=1 -v owner=app_owner -d DATABASE -f roles.sql
--
-- as superuser, once in every database that pgtend shall see: rights on functions and views are kept per database.
-- owner       the role that owns the tables which pgtend may change (CREATE INDEX, VACUUM, REFRESH). Without it pgtend
--             advises and changes nothing there. Not a superuser: hand the tables to a role of their own first.
-- tuned       a login role whose work_mem pgtend may set: ALTER ROLE ... SET, run as that role itself, which may change
--             its own settings on every version. The operator joins it (SET ROLE) and could do what it may. Without it
--             such changes stay recommendations to apply by hand. CREATEROLE is not given for it: before PostgreSQL 16 it
--             may change and join every role that is no superuser. Run again for each such role.
-- monitor     the role that watches; default pgtend_monitor. Write its name under postgresql.user.
-- operator    the role that advises and acts; default pgtend_operator. Write it under postgresql.operator.user.
-- extensions  off: do not create pg_stat_statements and hypopg here (they are created only where they are installed).
-- No password is set: use peer, certificates, or \password pgtend_monitor and \password pgtend_operator.

\set QUIET on
SELECT current_setting('server_version_num')::int >= 150000 AS is_15,
       current_setting('server_version_num')::int >= 160000 AS is_16,
       current_setting('server_version_num')::int >= 180000 AS is_18,
       pg_is_in_recovery() AS is_standby \gset
\if :is_standby
  \warn 'This is a standby: run roles.sql on the primary, the roles arrive by replication.'
  \quit
\endif
\if :{?extensions}
\else
  \set extensions on
\endif
\if :{?monitor}
\else
  \set monitor pgtend_monitor
\endif
\if :{?operator}
\else
  \set operator pgtend_operator
\endif

SELECT EXISTS (SELECT FROM pg_roles WHERE rolname IN (:'monitor', :'operator') AND rolsuper)
    OR :'monitor' = :'operator' AS is_wrong \gset
\if :is_wrong
  \warn 'monitor and operator must be two roles, and no superusers: this file takes rights from them.'
  \quit
\endif

SET client_min_messages = warning;
SET search_path = pg_catalog;

BEGIN;

SELECT NOT EXISTS (SELECT FROM pg_roles WHERE rolname = :'monitor') AS no_monitor,
       NOT EXISTS (SELECT FROM pg_roles WHERE rolname = :'operator') AS no_operator,
       NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'pgtend_advise') AS no_advise,
       NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'pgtend_signal') AS no_signal \gset
\if :no_monitor
  CREATE ROLE :"monitor";
\endif
\if :no_operator
  CREATE ROLE :"operator";
\endif
\if :no_advise
  CREATE ROLE pgtend_advise;
\endif
\if :no_signal
  CREATE ROLE pgtend_signal;
\endif
-- Monitor: probe 1, sample 2, one replacing an old session, one for `pgtend doctor`. Operator: advise, act, doctor.
ALTER ROLE :"monitor" LOGIN CONNECTION LIMIT 5;
-- NOINHERIT: it has the owners' rights only after SET ROLE.
ALTER ROLE :"operator" LOGIN NOINHERIT CONNECTION LIMIT 3;
-- Nobody logs in with it. The operator's advising sessions, which are read-only, SET ROLE to it: to price an index they
-- need other roles' statements (pg_monitor) and EXPLAIN on the owners' tables in one session.
ALTER ROLE pgtend_advise NOLOGIN INHERIT;
-- Nor with this one. To end a session that a person approved, the operator must see in one statement when the session
-- began, so that a later one with its pid is never hit, and signal it. Superusers' sessions are out of its reach.
ALTER ROLE pgtend_signal NOLOGIN INHERIT;

\if :is_16
  GRANT pg_monitor TO :"monitor", pgtend_advise WITH INHERIT TRUE, SET FALSE;
  GRANT pg_use_reserved_connections TO :"monitor";
  GRANT pg_read_all_stats, pg_signal_backend TO pgtend_signal WITH INHERIT TRUE, SET FALSE;
  GRANT pgtend_advise, pgtend_signal, pg_signal_backend TO :"operator" WITH INHERIT FALSE, SET TRUE;
\else
  GRANT pg_monitor TO :"monitor", pgtend_advise;
  GRANT pg_read_all_stats, pg_signal_backend TO pgtend_signal;
  GRANT pgtend_advise, pgtend_signal, pg_signal_backend TO :"operator";
\endif
\if :is_15
  GRANT pg_checkpoint TO :"operator";
  GRANT SET ON PARAMETER pg_stat_statements.track TO :"monitor", :"operator";
  -- An allow-list: never a parameter that runs code, touches authentication or hides tracks.
  GRANT ALTER SYSTEM ON PARAMETER work_mem, maintenance_work_mem, random_page_cost, effective_io_concurrency,
    checkpoint_timeout, max_wal_size, autovacuum_vacuum_scale_factor, autovacuum_analyze_scale_factor,
    autovacuum_vacuum_cost_limit TO :"operator";
\endif
\if :is_18
  GRANT pg_signal_autovacuum_worker TO :"operator";
\endif
\if :{?owner}
  \if :is_16
    GRANT :"owner" TO :"operator" WITH INHERIT FALSE, SET TRUE;
    GRANT :"owner" TO pgtend_advise WITH INHERIT TRUE, SET FALSE;
  \else
    GRANT :"owner" TO :"operator", pgtend_advise;
  \endif
\endif

\if :{?tuned}
  \if :is_16
    GRANT :"tuned" TO :"operator" WITH INHERIT FALSE, SET TRUE;
  \else
    GRANT :"tuned" TO :"operator";
  \endif
\endif

-- They hold behind a pooler too, where the agent sets nothing in a session.
ALTER ROLE :"monitor" SET default_transaction_read_only = on;
ALTER ROLE :"monitor" SET statement_timeout = '3s';
ALTER ROLE :"monitor" SET lock_timeout = '100ms';
ALTER ROLE :"operator" SET idle_in_transaction_session_timeout = '5s';

-- From here on: this database.
GRANT CONNECT ON DATABASE :"DBNAME" TO :"monitor", :"operator";
GRANT EXECUTE ON FUNCTION pg_control_system(), pg_control_checkpoint() TO :"monitor", :"operator", pgtend_advise;
GRANT SELECT ON pg_hba_file_rules, pg_file_settings TO :"monitor";
GRANT EXECUTE ON FUNCTION pg_hba_file_rules(), pg_show_all_file_settings() TO :"monitor";
GRANT EXECUTE ON FUNCTION pg_current_logfile(), pg_current_logfile(text) TO :"monitor";
-- The size of the file that the server reads whole to give the text of one statement. No content is read with it.
GRANT EXECUTE ON FUNCTION pg_stat_file(text, boolean) TO :"monitor";
\if :is_15
  GRANT SELECT ON pg_ident_file_mappings TO :"monitor";
  GRANT EXECUTE ON FUNCTION pg_ident_file_mappings() TO :"monitor";
\endif
GRANT EXECUTE ON FUNCTION pg_reload_conf() TO :"operator";
\if :{?owner}
  -- CREATE INDEX asks the table's owner for USAGE and CREATE on the schema.
  SELECT DISTINCT format('GRANT USAGE, CREATE ON SCHEMA %I TO %I', n.nspname, o.rolname)
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_roles o ON o.oid = c.relowner
    WHERE o.rolname = :'owner' AND c.relkind IN ('r', 'p', 'm') AND n.nspname !~ '^pg_'
      AND NOT (has_schema_privilege(o.oid, n.oid, 'CREATE') AND has_schema_privilege(o.oid, n.oid, 'USAGE')) \gexec
\endif
-- Where pgtend migrate keeps what it applied here.
CREATE SCHEMA IF NOT EXISTS pgtend;
GRANT USAGE, CREATE ON SCHEMA pgtend TO :"operator";
GRANT USAGE ON SCHEMA pgtend TO :"monitor";
-- After ALTER SYSTEM the operator reads back what the file says.
GRANT SELECT ON pg_file_settings TO :"operator";
GRANT EXECUTE ON FUNCTION pg_show_all_file_settings() TO :"operator";

COMMIT;

\if :extensions
  SELECT EXISTS (SELECT FROM pg_settings WHERE name = 'pg_stat_statements.max') AS has_statements,
         EXISTS (SELECT FROM pg_available_extensions WHERE name = 'hypopg') AS has_hypopg \gset
  RESET search_path;
  \if :has_statements
    CREATE EXTENSION IF NOT EXISTS pg_stat_statements;
  \else
    \warn 'pg_stat_statements is not in shared_preload_libraries: statement metrics and index advice need it (restart).'
  \endif
  \if :has_hypopg
    CREATE EXTENSION IF NOT EXISTS hypopg;
  \endif
\endif
