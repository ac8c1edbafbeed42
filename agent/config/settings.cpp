#include "agent/config/settings.hpp"

namespace pgtend::config {

PolicyConfig default_policy() {
  PolicyConfig policy;
  policy.defaults = {
      {ActionClass::create_index, PolicyMode::approve},      {ActionClass::drop_index, PolicyMode::recommend},
      {ActionClass::reindex, PolicyMode::approve},           {ActionClass::refresh_matview, PolicyMode::automatic},
      {ActionClass::analyze, PolicyMode::automatic},         {ActionClass::vacuum, PolicyMode::automatic},
      {ActionClass::table_setting, PolicyMode::approve},     {ActionClass::role_setting, PolicyMode::approve},
      {ActionClass::system_setting, PolicyMode::approve},    {ActionClass::restart_setting, PolicyMode::never},
      {ActionClass::database_setting, PolicyMode::approve},  {ActionClass::column_setting, PolicyMode::approve},
      {ActionClass::create_statistics, PolicyMode::approve}, {ActionClass::drop_statistics, PolicyMode::recommend},
      {ActionClass::cancel_session, PolicyMode::approve},    {ActionClass::terminate_session, PolicyMode::approve},
      {ActionClass::row_security, PolicyMode::approve},      {ActionClass::create_partition, PolicyMode::approve},
      {ActionClass::detach_partition, PolicyMode::approve},  {ActionClass::drop_partition, PolicyMode::approve},
      {ActionClass::drain_default, PolicyMode::approve},     {ActionClass::pgbouncer_setting, PolicyMode::approve},
  };
  // Per class and day: 5 % of the day's seconds is the duty cap of refreshes (reference/tuning.md section 5).
  policy.default_budget = {1000, 10LL << 30, 4320.0};
  policy.cool_down = Millis(300'000);
  return policy;
}

}  // namespace pgtend::config
