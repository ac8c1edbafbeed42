#include "agent/engine/database_choice.hpp"

#include <algorithm>
#include <string_view>

#include "agent/base/strings.hpp"

namespace pgtend::engine {

namespace {

constexpr std::string_view kConnect = "connect:";
// Databases without the right that are named. Source: what a person reads; a server with thousands of tenants lets a
// role into few of them.
constexpr std::size_t kNamed = 20;

bool matches(const std::vector<std::string>& globs, const std::string& name) {
  return std::ranges::any_of(globs, [&](const std::string& glob) { return glob_match(glob, name); });
}

}  // namespace

bool is_chosen(const config::PostgresqlConfig& config, const std::string& database) {
  return (config.include_databases.empty() || matches(config.include_databases, database)) &&
         !matches(config.exclude_databases, database);
}

std::vector<pg::Capability> of_chosen(std::vector<pg::Capability> capabilities,
                                      const config::PostgresqlConfig& config) {
  std::size_t missing = 0;
  std::erase_if(capabilities, [&](const pg::Capability& one) {
    if (!one.name.starts_with(kConnect)) return false;
    if (!is_chosen(config, one.name.substr(kConnect.size()))) return true;
    return !one.present && ++missing > kNamed;
  });
  if (missing <= kNamed) return capabilities;
  pg::Capability rest;
  rest.name = "connect";
  rest.effect = std::to_string(missing - kNamed) + " more databases are not sampled";
  rest.cure = "-- GRANT CONNECT ON DATABASE ... in each of them, or leave them out with postgresql.exclude_databases";
  capabilities.push_back(std::move(rest));
  return capabilities;
}

}  // namespace pgtend::engine
