#include <algorithm>
#include <array>

#include "agent/base/strings.hpp"
#include "agent/policy/policy.hpp"

namespace pgtend::policy {

namespace {

// Source: reference/planned_systems.md section 5.2, "Never grant", and what later majors added of the same kind.
// `*` as in glob_match. Each line names why.
constexpr std::array<std::string_view, 33> kDenied{
    // run a program or load code as the server's user
    "archive_command", "archive_library", "restore_command", "archive_cleanup_command", "recovery_end_command",
    "ssl_passphrase_command", "*_preload_libraries", "dynamic_library_path", "extension_control_path", "jit_provider",
    // decide who connects and how they are known
    "hba_file", "ident_file", "config_file", "primary_conninfo", "password_encryption", "krb_server_keyfile",
    "listen_addresses", "unix_socket_*", "ssl", "ssl_*",
    // hide what was done
    "log_*", "logging_collector", "pgaudit.*",
    // risk the stored data
    "fsync", "full_page_writes", "data_directory", "zero_damaged_pages", "ignore_checksum_failure",
    "ignore_invalid_pages", "ignore_system_indexes", "allow_system_table_mods", "session_replication_role",
    "row_security"};

}  // namespace

bool is_denied_setting(std::string_view name) {
  const std::string lower = to_lower(trim(name));
  return std::any_of(kDenied.begin(), kDenied.end(), [&](auto pattern) { return glob_match(pattern, lower); });
}

}  // namespace pgtend::policy
