-- The operator may act as the role that owns tables. Reads pgtend.operator and pgtend.owner.
DO $$
DECLARE
  operator text := current_setting('pgtend.operator');
  owner text := current_setting('pgtend.owner');
  space text;
BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = owner AND NOT rolsuper) THEN
    RAISE EXCEPTION 'owner "%" must be a role that is there, and no superuser', owner
      USING HINT = 'hand the tables to a role of their own first: ALTER TABLE ... OWNER TO ...';
  END IF;
  IF current_setting('server_version_num')::int >= 160000 THEN
    EXECUTE format('GRANT %I TO %I WITH INHERIT FALSE, SET TRUE', owner, operator);
    EXECUTE format('GRANT %I TO pgtend_advise WITH INHERIT TRUE, SET FALSE', owner);
  ELSE
    EXECUTE format('GRANT %I TO %I, pgtend_advise', owner, operator);
  END IF;
  -- CREATE INDEX asks the table's owner for USAGE and CREATE on the schema.
  FOR space IN
    SELECT DISTINCT n.nspname
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_roles o ON o.oid = c.relowner
    WHERE o.rolname = owner AND c.relkind IN ('r', 'p', 'm') AND n.nspname !~ '^pg_'
      AND NOT (has_schema_privilege(o.oid, n.oid, 'CREATE') AND has_schema_privilege(o.oid, n.oid, 'USAGE'))
  LOOP
    EXECUTE format('GRANT USAGE, CREATE ON SCHEMA %I TO %I', space, owner);
  END LOOP;
END $$;
