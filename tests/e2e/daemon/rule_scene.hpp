#pragma once

#include <memory>
#include <set>
#include <sstream>

#include "tests/e2e/daemon/daemon.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/source_dir.hpp"

namespace pgtend::test {

inline constexpr auto kSoon = std::chrono::seconds(40);

inline std::string without_waits(const std::string& rules) {
  std::istringstream in(rules);
  std::string out;
  for (std::string line; std::getline(in, line);)
    if (!line.starts_with("        for: ")) out += line + "\n";
  return out;
}

// Returns when the rules have been evaluated more than once from here on.
inline void rounds_pass(const Daemon& daemon) {
  std::set<std::string> moments;
  REQUIRE(eventually(
      [&] {
        if (const auto rules = daemon.get("/api/v1/rules"))
          moments.insert(rules->at("data").at("groups").at(0).at("lastEvaluation").get<std::string>());
        return moments.size() > 3;
      },
      kSoon));
}

// The rules in the binary about PostgreSQL, without their `for`, and a daemon that looks at a server often.
struct RuleScene {
  std::unique_ptr<PgCluster> owned;
  PgCluster& cluster;
  Daemon daemon;

  static PgClusterOptions with(std::map<std::string, std::string> settings) {
    PgClusterOptions options;
    options.settings = std::move(settings);
    return options;
  }

  // `collectors`: those that feed the rules in question; all others keep their intervals.
  RuleScene(std::map<std::string, std::string> settings, const std::vector<std::string>& collectors)
      : RuleScene(std::make_unique<PgCluster>(with(std::move(settings))), collectors, "") {}
  // Of a server that is there, a standby for one. `more`: lines of the section `collection`.
  RuleScene(std::unique_ptr<PgCluster> server, const std::vector<std::string>& collectors, const std::string& more)
      : owned(std::move(server)), cluster(*owned), daemon(cluster) {
    std::string intervals;
    for (const auto& name : collectors) intervals += ", " + name + ": 500ms";
    daemon.set("collection", "  directory: " + daemon.path("collectors.d").string() +
                                 "\n  intervals: {identity: 500ms" + intervals + "}\n  budget: {cpu_ratio: 1.0}\n" +
                                 more);
    write_file(daemon.path("rules/postgresql.yaml"),
               without_waits(read_file(std::string(source_dir()) + "/alerts/rules/postgresql.yaml")));
  }

  // The labels of the rule's firing alerts. The agent's own collectors may be late on a busy machine, whatever the
  // server does.
  [[nodiscard]] std::vector<Json> firing(const std::string& rule) const {
    std::vector<Json> out;
    const auto alerts = daemon.get("/v1/alerts");
    if (!alerts) return out;
    for (const auto& alert : (*alerts)["items"])
      if (const auto collector = alert["labels"].value("collector", "");
          alert["rule"] == rule && alert["state"] == "firing" && collector != "self" && collector != "host")
        out.push_back(alert["labels"]);
    return out;
  }

  [[nodiscard]] bool sees(const std::string& expr) const { return !daemon.query(expr).empty(); }

  void start_seeing(const std::string& expr) {
    daemon.start();
    must_see(expr);
  }
  void must_see(const std::string& expr) const {
    INFO(expr);
    REQUIRE(eventually([&] { return sees(expr); }, kSoon));
  }
  void must_fire(const std::string& rule) const {
    INFO(rule);
    REQUIRE(eventually([&] { return !firing(rule).empty(); }, kSoon));
  }
  // The samples that could mislead the rule are there, and it was evaluated over them more than once.
  void must_stay_quiet(const std::string& rule, const std::string& seen) const {
    must_see(seen);
    INFO(rule);
    rounds_pass(daemon);
    CHECK(firing(rule).empty());
  }
};

}  // namespace pgtend::test
