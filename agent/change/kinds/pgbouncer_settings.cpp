#include "agent/change/kinds/pgbouncer_settings.hpp"

#include <algorithm>

#include "agent/base/strings.hpp"

namespace pgtend::change {
namespace {

constexpr std::size_t kMostDigits = 9;

bool is_number(std::string_view text, bool fraction) {
  const auto point = text.find('.');
  const auto whole = text.substr(0, point);
  const auto all_digits = [](std::string_view part) {
    return !part.empty() && part.size() <= kMostDigits &&
           part.find_first_not_of("0123456789") == std::string_view::npos;
  };
  if (!all_digits(whole)) return false;
  return point == std::string_view::npos || (fraction && all_digits(text.substr(point + 1)));
}

}  // namespace

const std::vector<PgbouncerSetting>& pgbouncer_settings() {
  static const std::vector<PgbouncerSetting> all{{"default_pool_size", false, true},
                                                 {"min_pool_size", false, true},
                                                 {"reserve_pool_size", false, true},
                                                 {"reserve_pool_timeout", true},
                                                 {"max_client_conn"},
                                                 {"max_db_connections"},
                                                 {"max_user_connections"},
                                                 {"max_prepared_statements"},
                                                 {"query_timeout", true},
                                                 {"query_wait_timeout", true},
                                                 {"client_idle_timeout", true},
                                                 {"client_login_timeout", true},
                                                 {"idle_transaction_timeout", true},
                                                 {"cancel_wait_timeout", true},
                                                 {"server_idle_timeout", true},
                                                 {"server_lifetime", true},
                                                 {"server_connect_timeout", true},
                                                 {"server_login_retry", true},
                                                 {"server_check_delay", true},
                                                 {"autodb_idle_timeout", true},
                                                 {"stats_period"}};
  return all;
}

Result<void> check_setting(std::string_view name, std::string_view value) {
  const auto& all = pgbouncer_settings();
  const auto it = std::find_if(all.begin(), all.end(), [&](const auto& each) { return each.name == name; });
  if (it == all.end()) {
    std::vector<std::string> names;
    for (const auto& each : all) names.emplace_back(each.name);
    return fail(Errc::refused, "\"" + std::string(name) + "\" of pgbouncer.ini is not changed by pgtend; it changes " +
                                   join(names, ", "));
  }
  if (is_number(value, it->seconds)) return {};
  return fail(Errc::invalid_argument, std::string(name) + " takes " +
                                          (it->seconds ? "seconds, such as 15 or 0.5" : "a whole number, 0 or more"));
}

bool same_number(std::string_view a, std::string_view b) {
  if (!is_number(a, true) || !is_number(b, true)) return a == b;
  return std::stod(std::string(a)) == std::stod(std::string(b));
}

std::optional<RunningSetting> running_setting(const RowSet& config, std::string_view name) {
  for (std::size_t row = 0; row < config.size(); ++row)
    if (config.text(row, "key") == name)
      return RunningSetting{config.text(row, "value"), config.text(row, "default"),
                            config.text(row, "changeable") == "yes"};
  return std::nullopt;
}

bool is_admin(const RowSet& config, std::string_view user) {
  const auto admins = running_setting(config, "admin_users");
  if (!admins) return false;
  for (std::size_t at = 0; at <= admins->value.size();) {
    const auto end = std::min(admins->value.find(',', at), admins->value.size());
    if (trim(std::string_view(admins->value).substr(at, end - at)) == user) return true;
    at = end + 1;
  }
  return false;
}

}  // namespace pgtend::change
