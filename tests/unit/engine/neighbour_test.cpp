#include "agent/engine/neighbour.hpp"

#include <cstdlib>
#include <set>

#include "tests/support/catch.hpp"
#include "tests/support/process.hpp"
#include "tests/support/source_dir.hpp"

using namespace pgtend;
using namespace pgtend::test;

namespace {

std::string table_of_metrics(const std::string& kind) {
  std::string out = "| metric | kind | from | meaning |\n|---|---|---|---|\n";
  for (const auto& [of, metric] : engine::neighbour_metrics())
    if (of == kind)
      out += "| `" + metric.name + "` | " + (metric.kind == MetricKind::counter ? "counter" : "gauge") + " | " +
             metric.source + " | " + metric.help + " |\n";
  return out;
}

// `text` with what stands between the marks of this kind made anew.
std::string with_table(const std::string& text, const std::string& kind) {
  const std::string begin = "<!-- metrics of " + kind + " -->\n", end = "<!-- end of " + kind + " -->\n";
  const auto from = text.find(begin), to = text.find(end);
  REQUIRE(from != std::string::npos);
  REQUIRE(to != std::string::npos);
  return text.substr(0, from) + begin + table_of_metrics(kind) + text.substr(to);
}

}  // namespace

TEST_CASE("docs/neighbours.md lists every metric of the neighbours") {
  const std::string file = std::string(source_dir()) + "/docs/neighbours.md";
  auto text = read_file(file);
  const auto expected = with_table(with_table(text, "pgbouncer"), "redis");
  if (std::getenv("PGTEND_UPDATE_GOLDEN") != nullptr) {
    write_file(file, expected);
    text = expected;
  }
  INFO("after a change of the metrics run this test with PGTEND_UPDATE_GOLDEN=1");
  CHECK(text == expected);
}

TEST_CASE("a neighbour is a collector by its kind, and by its name when it has one") {
  config::Config config;
  CHECK(engine::neighbour_specs(config).empty());
  config.pgbouncer.emplace_back();
  config.pgbouncer[0].interval = Millis(7'000);
  auto specs = engine::neighbour_specs(config);
  REQUIRE(specs.size() == 1);
  CHECK(specs[0].collector == "pgbouncer");
  CHECK(specs[0].labels.empty());
  CHECK(specs[0].interval == Millis(7'000));
  config.pgbouncer[0].name = "edge";
  specs = engine::neighbour_specs(config);
  CHECK(specs[0].collector == "pgbouncer/edge");
  CHECK(specs[0].kind == "pgbouncer");
  CHECK(to_string(specs[0].labels) == R"({pooler="edge"})");
  config.redis.emplace_back();
  config.redis.back().name = "sessions";
  specs = engine::neighbour_specs(config);
  REQUIRE(specs.size() == 2);
  CHECK(specs[1].collector == "redis/sessions");
  CHECK(specs[1].up_metric == "redis_up");
  CHECK(to_string(specs[1].labels) == R"({cache="sessions"})");
}
