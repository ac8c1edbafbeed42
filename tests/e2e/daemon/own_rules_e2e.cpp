// Shipped rules about the agent's own history and about rules of its user, each with the false alarm it must not give.
// What takes days to come about is imported, as a person would bring it from another agent.
#include <random>

#include "agent/base/units.hpp"
#include "agent/store/history_file.hpp"
#include "tests/e2e/daemon/rule_scene.hpp"

using namespace pgtend::test;

namespace {

void import_history(RuleScene& scene, const std::string& rows) {
  const auto csv = scene.daemon.path("before.csv");
  write_file(csv, "metric,labels,time,value\n" + rows);
  const auto imported =
      scene.daemon.cli({"history", "import", csv.string(), "--to", scene.daemon.path("history.db").string()});
  INFO(imported.output);
  REQUIRE(imported.status == 0);
}

std::string hours_ago(int hours, int seconds_later = 0) {
  const auto now = pgtend::to_ms(pgtend::SystemClock().now());
  return pgtend::to_rfc3339(pgtend::from_ms(now - hours * 3'600'000LL + seconds_later * 1'000LL));
}

// A history of two days ago, of values that do not compress: more than the smallest cap holds.
void write_noise(const std::string& path) {
  const auto seed = std::random_device{}();
  INFO("seed " << seed);
  std::mt19937 random(seed);
  const pgtend::SystemClock clock;
  const auto inline_jobs = [](const std::function<void()>& job) { job(); };
  const auto file = pgtend::store::HistoryFile::open({.path = path}, inline_jobs, clock);
  REQUIRE(file);
  const auto start = clock.now() - pgtend::Millis(48 * 3'600'000LL);
  pgtend::Snapshot snapshot;
  snapshot.collector = "noise";
  snapshot.instance = "main";
  snapshot.interval = pgtend::Millis(1'000);
  for (int series = 0; series < 500; ++series)
    snapshot.samples.push_back({{"noise", {{"s", std::to_string(series)}}}, 0, pgtend::MetricKind::gauge, 0});
  for (int tick = 0; tick < 1'300; ++tick) {
    snapshot.taken_at = start + pgtend::Millis(1'000) * tick;
    for (auto& sample : snapshot.samples) sample.value = static_cast<double>(random()) / 7.0;
    REQUIRE((*file)->add_past(snapshot));
  }
  REQUIRE((*file)->seal());
}

void use_shipped_rules(RuleScene& scene) {
  write_file(scene.daemon.path("rules/host.yaml"),
             without_waits(read_file(std::string(source_dir()) + "/alerts/rules/host.yaml")));
}

}  // namespace

TEST_CASE("PgtendRuleMatchesNothing names a rule that a whole day of history has no series for") {
  RuleScene scene({}, {"self"});
  use_shipped_rules(scene);
  write_file(scene.daemon.path("rules/mine.yaml"),
             "groups:\n- name: mine\n  rules:\n"
             "  - {alert: Misspelt, expr: 'pg_upp == 0'}\n"
             "  - {alert: Right, expr: 'pg_up == 0'}\n");
  const auto told = [&] {
    std::set<std::string> out;
    for (const auto& labels : scene.firing("PgtendRuleMatchesNothing"))
      if (labels["group"] == "mine") out.insert(labels["rule"].get<std::string>());
    return out;
  };
  // A history of minutes says nothing about what comes once a day.
  scene.start_seeing("count_over_time(pg_up[1m]) > 1");
  rounds_pass(scene.daemon);
  CHECK(told().empty());
  CHECK_FALSE(scene.sees("pgtend_rule_series"));

  scene.daemon.stop();
  std::filesystem::remove(scene.daemon.path("history.db"));
  import_history(scene, "pg_up,{}," + hours_ago(25) + ",1\npg_up,{}," + hours_ago(1) + ",1\n");
  scene.daemon.start();
  CHECK(eventually([&] { return told() == std::set<std::string>{"Misspelt"}; }, kSoon));
  CHECK(scene.sees("pgtend_rule_series{rule=\"Right\"} > 0"));
}

TEST_CASE("PgtendHistoryShortened tells when the size and not the age of samples decides what goes") {
  RuleScene scene({}, {"self"});
  use_shipped_rules(scene);
  const auto history = [&](const std::string& limits) {
    scene.daemon.set("history", "  path: " + scene.daemon.path("history.db").string() +
                                    "\n  commit_interval: 200ms\n  min_free_bytes: 0\n  min_free_ratio: 0\n" + limits);
  };
  write_noise(scene.daemon.path("history.db").string());
  history("  retention: 30d\n  max_bytes: 4MB\n");
  scene.daemon.start();
  scene.must_fire("PgtendHistoryShortened");
  scene.daemon.stop();
  // There is room again, and what goes is older than it may be.
  history("  retention: 24h\n");
  scene.start_seeing("pgtend_history_oldest_timestamp_seconds > time() - 86400");
  scene.must_stay_quiet("PgtendHistoryShortened", "pgtend_history_cap_decides == 0");
}
