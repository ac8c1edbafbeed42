#include "agent/engine/neighbour.hpp"

#include <cstdlib>
#include <set>

#include "tests/support/catch.hpp"
#include "tests/support/process.hpp"
#include "tests/support/source_dir.hpp"

using namespace pgtend;
using namespace pgtend::test;

namespace {

std::string table_of_metrics() {
  std::string out = "| metric | kind | from | meaning |\n|---|---|---|---|\n";
  for (const auto& metric : engine::neighbour_metrics())
    out += "| `" + metric.name + "` | " + (metric.kind == MetricKind::counter ? "counter" : "gauge") + " | " +
           metric.source + " | " + metric.help + " |\n";
  return out;
}

}  // namespace

TEST_CASE("docs/neighbours.md lists every metric of the neighbours") {
  const std::string file = std::string(source_dir()) + "/docs/neighbours.md";
  const std::string begin = "<!-- metrics -->\n", end = "<!-- end -->\n";
  auto text = read_file(file);
  const auto from = text.find(begin), to = text.find(end);
  REQUIRE(from != std::string::npos);
  REQUIRE(to != std::string::npos);
  const auto expected = text.substr(0, from) + begin + table_of_metrics() + text.substr(to);
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
}
