-- The extensions that pgtend reads, where they are installed.
DO $$
BEGIN
  IF EXISTS (SELECT FROM pg_settings WHERE name = 'pg_stat_statements.max') THEN
    CREATE EXTENSION IF NOT EXISTS pg_stat_statements;
  ELSE
    RAISE WARNING 'pg_stat_statements is not in shared_preload_libraries: statement metrics and index advice need it (restart)';
  END IF;
  IF EXISTS (SELECT FROM pg_available_extensions WHERE name = 'hypopg') THEN
    CREATE EXTENSION IF NOT EXISTS hypopg;
  END IF;
END $$;
