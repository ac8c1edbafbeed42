#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "agent/config/config_error.hpp"
#include "agent/config/settings.hpp"

namespace pgtend::config {

struct LoadedConfig {
  Config config;                      // usable only when errors is empty
  std::vector<ConfigError> errors;    // every one found, in file order
  std::vector<ConfigError> warnings;  // what is allowed and probably not meant
  std::vector<std::string> files;     // what was read, in order
  Origins origins;                    // where each value was written
};

// Reads the main file, then every *.yaml of its directory's conf.d in name order. A later file overrides single values
// and plain lists; it merges maps, and it appends to the lists of named things: policy rules and windows, webhooks,
// Alertmanagers, tokens, rule files. Policy rules therefore keep the main file's first.
// A missing main file is an error; a missing conf.d is not. Never throws.
[[nodiscard]] LoadedConfig load(const std::string& main_file);
// The same with the drop-in directory named; empty: none.
[[nodiscard]] LoadedConfig load(const std::string& main_file, const std::string& drop_in_directory);
// One text, no files read but those that the text names (file modes, zone names are checked as in load()).
[[nodiscard]] LoadedConfig load_text(std::string_view text, const std::string& file_name);

// The defaults with nothing read: what the agent runs on when it has no file.
[[nodiscard]] LoadedConfig defaults();

// Sorts errors and warnings by place, for who added some.
void in_file_order(LoadedConfig& loaded);

// Keys ("http.listen") that differ and take effect only after a restart; everything else reloads.
[[nodiscard]] std::vector<std::string> reload_differences(const Config& running, const Config& loaded);
// What an agent that runs on the one and has read the other runs on now: those keys stay as they are.
[[nodiscard]] Config until_restart(const Config& running, Config loaded);

// Every key with type, default and meaning, as plain text.
[[nodiscard]] std::string reference();
// packaging/pgtend.yaml: every key commented out with its default.
[[nodiscard]] std::string sample_yaml();
// "section.key: value" per line, in schema order: the effective configuration. Token hashes are left out.
[[nodiscard]] std::string dump(const Config& config);

// What libpq gets: the configured sslmode, else "prefer" for a socket or a loopback host and "verify-full" otherwise.
[[nodiscard]] std::string effective_sslmode(const std::string& host, const std::string& sslmode);
[[nodiscard]] std::string effective_sslmode(const PostgresqlConfig& postgresql);
// True for a unix socket directory, localhost, 127.0.0.0/8 and ::1.
[[nodiscard]] bool is_local_host(std::string_view host);

}  // namespace pgtend::config
