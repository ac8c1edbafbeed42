#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/base/result.hpp"
#include "agent/model/rows.hpp"

// Which settings of a pgbouncer.ini may be changed, and what the console says of them.
namespace pgtend::change {

struct PgbouncerSetting {
  std::string_view name;
  bool seconds = false;  // may have a fraction; else a whole number
  bool is_pool = false;  // server connections of one pool
};
// Numbers without secrets, of which none changes what a session means to an application.
[[nodiscard]] const std::vector<PgbouncerSetting>& pgbouncer_settings();
// Errors: refused (not in the list), invalid_argument (not a number of its kind).
[[nodiscard]] Result<void> check_setting(std::string_view name, std::string_view value);
// 30, 30.0 and 030 are one value.
[[nodiscard]] bool same_number(std::string_view a, std::string_view b);

struct RunningSetting {
  std::string value, by_default;
  bool changeable = false;  // by RELOAD
};
// Of an answer to SHOW CONFIG; nullopt: this version has no such setting.
[[nodiscard]] std::optional<RunningSetting> running_setting(const RowSet& config, std::string_view name);
// Whether `user` is one of `admin_users` ("a, b"), who may RELOAD.
[[nodiscard]] bool is_admin(const RowSet& config, std::string_view user);

}  // namespace pgtend::change
