#pragma once

#include <map>
#include <string>
#include <vector>

#include "agent/config/fields.hpp"
#include "agent/config/settings.hpp"

namespace pgtend::config {

[[nodiscard]] Table<PostgresqlConfig> postgresql_table();
[[nodiscard]] Table<PgbouncerConfig> pgbouncer_table();
[[nodiscard]] Table<RedisConfig> redis_table();
[[nodiscard]] Table<CollectionConfig> collection_table();
[[nodiscard]] Table<HistoryConfig> history_table();
[[nodiscard]] Table<RemoteWriteConfig> remote_write_table();
[[nodiscard]] Table<RulesConfig> rules_table();
[[nodiscard]] Table<PromqlConfig> promql_table();
[[nodiscard]] Table<AlertingConfig> alerting_table();
[[nodiscard]] Table<Route> route_table();
[[nodiscard]] Table<InhibitRule> inhibit_table();
[[nodiscard]] Table<NamedIntervals> intervals_table();
[[nodiscard]] Table<AdvisorsConfig> advisors_table();
[[nodiscard]] Table<PolicyConfig> policy_table();
[[nodiscard]] Table<ChangeConfig> change_table();
[[nodiscard]] Table<VerifyConfig> verify_table();
[[nodiscard]] Table<HttpConfig> http_table();

// The whole configuration.
[[nodiscard]] const Table<Config>& config_table();

// Every leaf as "section.key" and its value as YAML, in schema order.
[[nodiscard]] std::vector<std::pair<std::string, std::string>> flat(const Config& config);

// Checks that need more than one key, the file system or the user database. Adds every error found.
void validate(const Config& config, const Origins& origins, std::vector<ConfigError>& errors);
// What is no error: it can be meant, and is worth a word.
void warn(const Config& config, const Origins& origins, std::vector<ConfigError>& warnings);
void validate_alerting(const AlertingConfig& alerting, const Origins& origins, std::vector<ConfigError>& errors);
void validate_policy(const PolicyConfig& policy, const Origins& origins, std::vector<ConfigError>& errors);

}  // namespace pgtend::config
