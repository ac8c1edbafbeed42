#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "agent/config/config.hpp"
#include "agent/config/config_error.hpp"
#include "rules/promql/target.hpp"

namespace pgtend::engine {

// What of one rule file's text a Prometheus of that version does not know, with its place and what to write instead. A
// text that pgtend itself cannot read is not looked at further than it can be read. Any thread.
[[nodiscard]] std::vector<config::ConfigError> unknown_to_target(promql::Target target, std::string_view text,
                                                                 const std::string& file);

// The same of every rule file that the configuration names. Those in the binary load into every target. Reads files;
// one that cannot be read is for load_rules() to name.
[[nodiscard]] std::vector<config::ConfigError> unknown_to_target(promql::Target target,
                                                                 const config::RulesConfig& rules);

}  // namespace pgtend::engine
