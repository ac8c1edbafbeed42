#include "agent/api/exporter_names.hpp"

#include <map>

#include "tests/support/catch.hpp"

using namespace pgtend;
using namespace pgtend::api;

namespace {

Snapshot run_of(std::vector<std::pair<SeriesKey, double>> samples) {
  Snapshot out;
  for (auto& [key, value] : samples) out.samples.push_back({std::move(key), value, MetricKind::gauge, 7});
  return out;
}

Snapshot run_of_server() {
  const auto session = [](const char* state, const char* user) {
    return Labels{{"datname", "shop"}, {"state", state}, {"usename", user}, {"wait_event", "ClientRead"}};
  };
  return run_of({{{"pg_up", {}}, 1},
                 {{"pgtend_up", {}}, 1},
                 {{"pg_settings_max_connections", {}}, 100},
                 {{"pg_stat_database_xact_commit", {{"datname", "shop"}}}, 5},
                 {{"pg_stat_activity_count", session("active", "app")}, 2},
                 {{"pg_stat_activity_count", session("active", "batch")}, 3},
                 {{"pg_stat_activity_count", session("idle", "app")}, 4},
                 {{"pg_stat_activity_max_tx_duration", session("active", "app")}, 9},
                 {{"pg_stat_activity_max_tx_duration", session("active", "batch")}, 1},
                 {{"pg_replication_slots_active", {{"slot_name", "a"}}}, 1},
                 {{"pg_replication_slots_slot_is_active", {{"slot_name", "a"}, {"slot_type", "physical"}}}, 1}});
}

std::map<std::string, double> served(const Snapshot& run, const std::string& version, bool dashboard = true) {
  ExporterOptions options;
  options.version = version;
  options.dashboard_9628 = dashboard;
  options.server = "db1:5432";
  std::map<std::string, double> out;
  const auto shown = as_exporter(std::make_shared<Snapshot>(run), options);
  for (const auto& sample : shown->samples) {
    CHECK(out.emplace(to_string(*sample.key), sample.value).second);
    CHECK(sample.epoch == 7);
  }
  return out;
}

}  // namespace

TEST_CASE("0.20 is what collectors say, the same object") {
  const auto run = std::make_shared<Snapshot>(run_of_server());
  CHECK(as_exporter(run, {}) == run);
}

TEST_CASE("0.15 has the label server on some metrics and the older name of the slots") {
  const auto now = served(run_of_server(), "0.15");
  CHECK(now.size() == 11);
  CHECK(now.contains("pg_up"));
  CHECK(now.contains("pgtend_up"));
  CHECK(now.contains(R"(pg_settings_max_connections{server="db1:5432"})"));
  CHECK(now.contains(R"(pg_stat_database_xact_commit{datname="shop"})"));
  CHECK(now.contains(R"(pg_replication_slots_active{server="db1:5432",slot_name="a"})"));
  CHECK(now.contains(R"(pg_replication_slot_slot_is_active{slot_name="a",slot_type="physical"})"));
  CHECK(now.at(R"(pg_stat_activity_count{datname="shop",server="db1:5432",state="active",usename="app",)"
               R"(wait_event="ClientRead"})") == 2);
}

TEST_CASE("0.11 has the label server everywhere and adds sessions up by database and state") {
  const auto now = served(run_of_server(), "0.11");
  CHECK(now.contains("pg_up"));
  CHECK(now.contains("pgtend_up"));
  CHECK(now.contains(R"(pg_stat_database_xact_commit{datname="shop",server="db1:5432"})"));
  CHECK(now.at(R"(pg_stat_activity_count{datname="shop",server="db1:5432",state="active"})") == 5);
  CHECK(now.at(R"(pg_stat_activity_count{datname="shop",server="db1:5432",state="idle"})") == 4);
  CHECK(now.at(R"(pg_stat_activity_max_tx_duration{datname="shop",server="db1:5432",state="active"})") == 9);
}

TEST_CASE("off leaves pgtend's own names alone") {
  CHECK(served(run_of_server(), "off") == std::map<std::string, double>{{"pgtend_up", 1}});
}

TEST_CASE("dashboard 9628 finds seven names without _total, in every generation, unless switched off") {
  const auto run = run_of({{{"pg_stat_bgwriter_buffers_alloc_total", {}}, 3},
                           {{"pg_stat_bgwriter_buffers_backend_total", {}}, 3},
                           {{"pg_stat_bgwriter_buffers_backend_fsync_total", {}}, 3},
                           {{"pg_stat_bgwriter_buffers_checkpoint_total", {}}, 3},
                           {{"pg_stat_bgwriter_buffers_clean_total", {}}, 3},
                           {{"pg_stat_bgwriter_checkpoint_sync_time_total", {}}, 3},
                           {{"pg_stat_bgwriter_checkpoint_write_time_total", {}}, 3},
                           {{"pg_stat_bgwriter_maxwritten_clean_total", {}}, 3}});
  const auto now = served(run, "0.20");
  CHECK(now.size() == 15);
  CHECK(now.at("pg_stat_bgwriter_buffers_alloc") == 3);
  CHECK(now.contains("pg_stat_bgwriter_checkpoint_write_time"));
  CHECK_FALSE(now.contains("pg_stat_bgwriter_maxwritten_clean"));
  CHECK(served(run, "0.11").contains(R"(pg_stat_bgwriter_buffers_alloc{server="db1:5432"})"));
  CHECK(served(run, "0.20", false).size() == 8);
  CHECK(served(run, "off").empty());
}

TEST_CASE("every name that is shown in another form is known by the collector's, which has the help") {
  CHECK(present_name("pg_stat_bgwriter_buffers_alloc") == "pg_stat_bgwriter_buffers_alloc_total");
  CHECK(present_name("pg_stat_bgwriter_buffers_alloc_total") == "pg_stat_bgwriter_buffers_alloc_total");
  CHECK(present_name("pg_replication_slot_slot_is_active") == "pg_replication_slots_slot_is_active");
  CHECK(present_name("pg_up") == "pg_up");
}
