#pragma once

#include <array>
#include <string_view>

#include "agent/pg/capabilities.hpp"

// The capabilities that one yes-or-no question decides; those with a list behind them are in capabilities.cpp.
namespace pgtend::pg {

struct CapabilityRow {
  std::string_view name;
  Purpose purpose;
  int since;                  // server_version_num of the first major that has it
  std::string_view question;  // an SQL boolean about current_user (observe) or session_user (act)
  std::string_view effect;
  std::string_view cure;  // {role} and {database} are replaced by quoted names
};

inline constexpr std::array kCapabilityRows{
    CapabilityRow{"read_all_stats", Purpose::observe, 0, "pg_has_role(current_user, 'pg_read_all_stats', 'USAGE')",
                  "statement texts, waits and replication of other roles stay hidden", "GRANT pg_monitor TO {role};"},
    CapabilityRow{
        "read_all_settings", Purpose::observe, 0, "pg_has_role(current_user, 'pg_read_all_settings', 'USAGE')",
        "settings that only superusers see (libraries, file places) are not checked", "GRANT pg_monitor TO {role};"},
    CapabilityRow{"control_system", Purpose::observe, 0,
                  "has_function_privilege('pg_control_system()', 'EXECUTE')"
                  " AND has_function_privilege('pg_control_checkpoint()', 'EXECUTE')",
                  "a server swapped for another one is noticed only by its start time",
                  "GRANT EXECUTE ON FUNCTION pg_control_system(), pg_control_checkpoint() TO {role};"},
    CapabilityRow{"ls_waldir", Purpose::observe, 0, "has_function_privilege('pg_ls_waldir()', 'EXECUTE')",
                  "the size of the WAL directory is not sampled",
                  "GRANT EXECUTE ON FUNCTION pg_ls_waldir() TO {role};"},
    CapabilityRow{"hba_file_rules", Purpose::observe, 0,
                  "has_table_privilege('pg_hba_file_rules', 'SELECT')"
                  " AND has_function_privilege('pg_hba_file_rules()', 'EXECUTE')",
                  "pg_hba.conf is not checked",
                  "GRANT SELECT ON pg_hba_file_rules TO {role};"
                  " GRANT EXECUTE ON FUNCTION pg_hba_file_rules() TO {role};"},
    CapabilityRow{"file_settings", Purpose::observe, 0,
                  "has_table_privilege('pg_file_settings', 'SELECT')"
                  " AND has_function_privilege('pg_show_all_file_settings()', 'EXECUTE')",
                  "errors in postgresql.conf and settings that wait for a reload are not seen",
                  "GRANT SELECT ON pg_file_settings TO {role};"
                  " GRANT EXECUTE ON FUNCTION pg_show_all_file_settings() TO {role};"},
    CapabilityRow{"ident_file_mappings", Purpose::observe, 150000,
                  "has_table_privilege('pg_ident_file_mappings', 'SELECT')"
                  " AND has_function_privilege('pg_ident_file_mappings()', 'EXECUTE')",
                  "pg_ident.conf is not checked",
                  "GRANT SELECT ON pg_ident_file_mappings TO {role};"
                  " GRANT EXECUTE ON FUNCTION pg_ident_file_mappings() TO {role};"},
    CapabilityRow{"current_logfile", Purpose::observe, 0, "has_function_privilege('pg_current_logfile()', 'EXECUTE')",
                  "the server's log file is not found by itself",
                  "GRANT EXECUTE ON FUNCTION pg_current_logfile(), pg_current_logfile(text) TO {role};"},
    CapabilityRow{"reserved_connections", Purpose::observe, 160000,
                  "pg_has_role(current_user, 'pg_use_reserved_connections', 'USAGE')",
                  "with every connection slot taken, a lost probe session cannot come back",
                  "GRANT pg_use_reserved_connections TO {role};"},
    CapabilityRow{"statements_created", Purpose::observe, 0,
                  "EXISTS (SELECT FROM pg_extension WHERE extname = 'pg_stat_statements')",
                  "no statement is known: no statement metrics, no index advice",
                  "CREATE EXTENSION IF NOT EXISTS pg_stat_statements;  -- in database {database}"},
    CapabilityRow{"statements_readable", Purpose::observe, 0,
                  "EXISTS (SELECT FROM pg_extension WHERE extname = 'pg_stat_statements')"
                  " AND pg_has_role(current_user, 'pg_read_all_stats', 'USAGE')",
                  "texts and identifiers of other roles' statements stay hidden: no index advice for them",
                  "CREATE EXTENSION IF NOT EXISTS pg_stat_statements; GRANT pg_read_all_stats TO {role};"},
    CapabilityRow{"statements_track_off", Purpose::observe, 150000,
                  "has_parameter_privilege(current_user, 'pg_stat_statements.track', 'SET')",
                  "the agent's own statements take places in pg_stat_statements",
                  "GRANT SET ON PARAMETER pg_stat_statements.track TO {role};"},
    CapabilityRow{"signal_backend", Purpose::act, 0, "pg_has_role(session_user, 'pg_signal_backend', 'MEMBER')",
                  "a session that blocks a change cannot be cancelled", "GRANT pg_signal_backend TO {role};"},
    CapabilityRow{"reload_conf", Purpose::act, 0, "has_function_privilege(session_user, 'pg_reload_conf()', 'EXECUTE')",
                  "changed settings cannot be put into effect: they stay recommendations",
                  "GRANT EXECUTE ON FUNCTION pg_reload_conf() TO {role};"},
    CapabilityRow{"checkpoint", Purpose::act, 150000, "pg_has_role(session_user, 'pg_checkpoint', 'MEMBER')",
                  "no CHECKPOINT before work that writes much", "GRANT pg_checkpoint TO {role};"},
    CapabilityRow{"alter_system_allowed", Purpose::act, 170000, "current_setting('allow_alter_system')::bool",
                  "ALTER SYSTEM is switched off: settings stay recommendations",
                  "-- allow_alter_system = on in postgresql.conf, then SELECT pg_reload_conf();"},
};

}  // namespace pgtend::pg
