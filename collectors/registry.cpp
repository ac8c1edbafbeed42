#include "collectors/registry.hpp"

#include "collectors/postgres/activity.hpp"
#include "collectors/postgres/settings.hpp"

namespace pgtend::collectors {
namespace {

CodeCollector blocking() {
  CodeCollector out;
  out.def.name = "blocking";
  out.def.source = "pg_stat_activity";
  out.def.interval = Millis(10'000);
  out.def.grant = "GRANT pg_read_all_stats TO {role}";
  out.def.sql = blocking_sql();
  out.series = blocking_series;
  out.metrics = blocking_metrics();
  return out;
}

CodeCollector settings() {
  CodeCollector out;
  out.def.name = "settings";
  out.def.source = "pg_settings";
  out.def.interval = Millis(60'000);
  out.def.cost = CostClass::b;
  out.def.grant = "GRANT pg_read_all_settings TO {role}";
  out.def.sql = settings_sql();
  out.series = settings_series;
  return out;
}

}  // namespace

const std::vector<CodeCollector>& code_collectors() {
  static const std::vector<CodeCollector> all{blocking(), settings()};
  return all;
}

}  // namespace pgtend::collectors
