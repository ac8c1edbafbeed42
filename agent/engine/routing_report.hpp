#pragma once

#include <string>
#include <vector>

#include "agent/config/settings.hpp"
#include "alerts/route_tree.hpp"

// The routing tree in words, for the command line.
namespace pgtend::engine {

// Names of the receivers that an alert with these labels goes to, in the order of the routes.
[[nodiscard]] std::vector<std::string> receivers_for(const config::AlertingConfig& alerting, const Labels& labels);

// The configured tree with everything that is inherited.
[[nodiscard]] alerts::RouteNode effective_routes(const config::AlertingConfig& alerting);
// A line for each route, indented by depth.
[[nodiscard]] std::string describe_routes(const config::AlertingConfig& alerting);

// The runbook of a shipped rule, as Markdown; empty when there is none.
[[nodiscard]] std::string runbook(const std::string& rule);
[[nodiscard]] std::vector<std::string> runbook_names();

}  // namespace pgtend::engine
