-- The roles that pgtend uses and nothing more. PostgreSQL 13 to 18; run again at will.
--
--   psql -X -v ON_ERROR_STOP=1 -d DATABASE -f roles.sql
--   psql -X -v ON_ERROR_STOP=1 -v owner=app_owner -d DATABASE -f roles.sql
--
-- does by psql what `pgtend setup --apply` does, with the same files (setup/, beside this one). As superuser, once in every
-- database that pgtend shall see: rights on functions and views are kept per database.
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
SELECT pg_is_in_recovery() AS is_standby \gset
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

BEGIN;
SET LOCAL search_path = pg_catalog;
SELECT set_config('pgtend.monitor', :'monitor', true) AS a, set_config('pgtend.operator', :'operator', true) AS b \gset
\ir setup/roles.sql
\ir setup/database.sql
\if :{?owner}
  SELECT set_config('pgtend.owner', :'owner', true) AS ignored \gset
  \ir setup/owner.sql
\endif
\if :{?tuned}
  SELECT set_config('pgtend.tuned', :'tuned', true) AS ignored \gset
  \ir setup/tuned.sql
\endif
COMMIT;

\if :extensions
  \ir setup/extensions.sql
\endif
