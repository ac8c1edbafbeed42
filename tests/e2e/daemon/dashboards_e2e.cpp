// The boards for Grafana: what they ask, a living agent answers.
#include <filesystem>
#include <regex>
#include <set>

#include "agent/engine/collector_set.hpp"
#include "collectors/registry.hpp"
#include "tests/e2e/daemon/daemon.hpp"
#include "tests/support/boards.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/redis_server.hpp"
#include "tests/support/source_dir.hpp"

using namespace pgtend::test;

namespace {

constexpr auto kSoon = std::chrono::seconds(60);

std::string every_collector_soon(const Daemon& daemon) {
  std::string intervals;
  for (const auto* name :
       {"identity",   "self",         "host",       "connections",        "transactions",  "sessions",
        "lock_waits", "blocking",     "database",   "database_conflicts", "database_size", "wal",
        "bgwriter",   "checkpointer", "statements", "statements_table",   "tables",        "sizes",
        "wraparound", "replication",  "slots",      "wal_archive_queue",  "recovery"})
    intervals += std::string(intervals.empty() ? "" : ", ") + name + ": 1s";
  return "  directory: " + daemon.path("collectors.d").string() + "\n  intervals: {" + intervals +
         "}\n  budget: {cpu_ratio: 1.0}\n";
}

std::set<std::string> shipped_alerts() {
  std::set<std::string> out;
  static const std::regex alert("- alert: ([A-Za-z]+)");
  for (const auto& entry : std::filesystem::directory_iterator(std::string(source_dir()) + "/alerts/rules")) {
    const auto text = read_file(entry.path());
    for (std::sregex_iterator at(text.begin(), text.end(), alert), end; at != end; ++at) out.insert((*at)[1]);
  }
  return out;
}

// "PgDown", "DiskAlmostFull": words that "fires" or "runbook" goes with.
std::vector<std::string> rules_in(const std::string& description) {
  std::vector<std::string> out;
  static const std::regex named("([A-Z][A-Za-z]+) fires|runbook ([A-Z][A-Za-z]+)");
  for (std::sregex_iterator at(description.begin(), description.end(), named), end; at != end; ++at)
    out.push_back((*at)[1].matched ? (*at)[1] : (*at)[2]);
  return out;
}

// What is asked of an agent on a standby.
bool is_for_standby(const std::string& query) {
  return query.starts_with("pgtend-replication / Lag") || query.starts_with("pgtend-replication / WAL received");
}

// Empty until the thing happens: nothing is changed in this test.
const std::set<std::string> kQuiet{"pgtend-agent / Changes that ended within the hour / A",
                                   "pgtend-agent / Precision by class / A", "pgtend-agent / Verdicts by class / A",
                                   "pgtend-agent / Verdicts by class / B"};

}  // namespace

TEST_CASE("every panel of the shipped boards has data from a server with a standby, a pooler and a cache") {
  PgCluster cluster;
  cluster.exec("postgres", "CREATE EXTENSION IF NOT EXISTS pg_stat_statements");
  cluster.exec("postgres", "CREATE TABLE goods (id int PRIMARY KEY, n int); INSERT INTO goods VALUES (1, 1)");
  cluster.exec("postgres", "ANALYZE goods; SELECT pg_create_physical_replication_slot('spare', true)");
  const auto standby = cluster.make_standby();
  PgBouncerProcess bouncer(cluster);
  RedisServer redis({{"--maxmemory", "2mb"}, false});
  Daemon daemon(cluster, {{"pgbouncer",
                           "  - host: 127.0.0.1\n    port: " + std::to_string(bouncer.port()) + "\n    interval: 1s\n"},
                          {"redis", "  - port: " + std::to_string(redis.port()) + "\n    interval: 1s\n"}});
  daemon.set("collection", every_collector_soon(daemon));
  Daemon follower(*standby);
  follower.set("collection", every_collector_soon(follower));
  daemon.start();
  follower.start();
  auto client = cluster.session();
  std::vector<std::string> empty;
  const auto all = board_queries();
  REQUIRE(all.size() > 60);
  const bool full = eventually(
      [&] {
        client.exec("UPDATE goods SET n = n + 1");
        redis.cli({"GET", "nothing"});
        empty.clear();
        for (const auto& [name, expr] : all) {
          const auto& asked = is_for_standby(name) ? follower : daemon;
          if (!kQuiet.contains(name) && asked.query(expr).empty()) empty.push_back(name + ": " + expr);
        }
        return empty.empty();
      },
      kSoon);
  for (const auto& each : empty) UNSCOPED_INFO(each);
  CHECK(full);
  // Those that are quiet are understood all the same.
  for (const auto& name : kQuiet) {
    INFO(name);
    const auto query = std::find_if(all.begin(), all.end(), [&](const auto& each) { return each.first == name; });
    REQUIRE(query != all.end());
    CHECK(daemon.query_answer(query->second));
  }
}

TEST_CASE("boards are not blank between two runs of a collector that is slower than the lookback") {
  constexpr std::chrono::minutes kLookback{5};
  std::set<std::string> slow;
  for (const auto& def : pgtend::engine::load_collectors("/nowhere").defs)
    if (def.interval >= kLookback)
      for (const auto& column : def.columns) slow.insert({column.metric, column.exporter_name});
  for (const auto& code : pgtend::collectors::code_collectors())
    if (code.def.interval >= kLookback)
      for (const auto& metric : code.metrics) slow.insert({metric.name, metric.exporter_name});
  slow.erase("");
  REQUIRE(slow.contains("pgtend_table_size_bytes"));
  REQUIRE(slow.contains("pgtend_database_size_bytes"));
  static const std::regex selector(R"(([a-z_]+)\{[^}]*\}(\[?))");
  for (const auto& [name, expr] : board_queries())
    for (std::sregex_iterator at(expr.begin(), expr.end(), selector), end; at != end; ++at) {
      INFO(name << ": " << expr);
      CHECK((!slow.contains((*at)[1]) || (*at)[2] == "["));
    }
}

TEST_CASE(
    "boards are what Grafana takes: ids once, no panel over another, every panel explained, every variable there") {
  const auto shipped = shipped_alerts();
  REQUIRE(shipped.size() > 40);
  std::set<std::string> uids;
  for (const auto& board : shipped_boards()) {
    INFO(board["title"].get<std::string>());
    CHECK(uids.insert(board["uid"]).second);
    CHECK(board["uid"].get<std::string>().size() <= 40);
    CHECK_FALSE(board.contains("__inputs"));
    std::set<std::string> variables{"__rate_interval"};
    for (const auto& variable : board["templating"]["list"]) variables.insert(variable["name"]);
    std::set<int> ids;
    std::set<std::pair<int, int>> taken;
    for (const auto& panel : board["panels"]) {
      INFO(panel["title"].get<std::string>());
      CHECK(ids.insert(panel["id"].get<int>()).second);
      const auto& at = panel["gridPos"];
      CHECK(at["x"].get<int>() + at["w"].get<int>() <= 24);
      for (int x = 0; x < at["w"]; ++x)
        for (int y = 0; y < at["h"]; ++y) CHECK(taken.emplace(at["x"].get<int>() + x, at["y"].get<int>() + y).second);
      if (panel["type"] == "row") continue;
      const auto description = panel["description"].get<std::string>();
      CHECK(description.size() > 20);
      for (const auto& rule : rules_in(description)) {
        INFO(rule);
        CHECK(shipped.contains(rule));
      }
      CHECK(panel["datasource"]["uid"] == "${datasource}");
      CHECK_FALSE(panel["fieldConfig"]["defaults"]["unit"].get<std::string>().empty());
      for (const auto& target : panel["targets"]) {
        const auto expr = target["expr"].get<std::string>();
        for (auto dollar = expr.find('$'); dollar != std::string::npos; dollar = expr.find('$', dollar + 1)) {
          const auto end = expr.find_first_not_of("abcdefghijklmnopqrstuvwxyz_", dollar + 1);
          CHECK(variables.contains(expr.substr(dollar + 1, end - dollar - 1)));
        }
      }
    }
  }
}
