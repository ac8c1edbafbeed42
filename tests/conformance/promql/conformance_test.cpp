#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>

#include "rules/promql/test_series.hpp"
#include "tests/conformance/promql/data.hpp"
#include "tests/conformance/promql/expression_tree.hpp"
#include "tests/conformance/promql/pair.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/source_dir.hpp"
#include "tests/unit/promql/corpus.hpp"
#include "tests/unit/promql/random_promql.hpp"

using namespace pgtend;
using namespace pgtend::test;
using Json = nlohmann::json;

namespace {

Pair& shared() {
  static Pair pair(conformance_data());
  return pair;
}

Parameters steps(std::int64_t start, std::int64_t end, const std::string& step) {
  return {{"start", std::to_string(kDataStart + start)}, {"end", std::to_string(kDataStart + end)}, {"step", step}};
}

std::vector<std::string> lines_of(const std::string& name) {
  std::ifstream in(std::string(source_dir()) + "/tests/conformance/promql/" + name);
  std::vector<std::string> out;
  for (std::string line; std::getline(in, line);)
    if (!line.empty() && line[0] != '#') out.push_back(line);
  return out;
}

int random_expressions() {
  const char* given = std::getenv("PGTEND_RANDOM_EXPRESSIONS");
  return given != nullptr ? std::atoi(given) : 300;
}

}  // namespace

TEST_CASE("answers and errors have Prometheus's bytes where order and rounding leave no choice") {
  const std::string now = std::to_string(kDataStart + 1800);
  const std::pair<std::string, Parameters> requests[] = {
      {"query", {{"query", "1+1"}, {"time", now}}},
      {"query", {{"query", "1+1"}, {"time", "4"}}},
      {"query", {{"query", "1e-9"}, {"time", now + ".5"}}},
      {"query", {{"query", "1.5e22"}, {"time", now + ".123"}}},
      {"query", {{"query", "-0"}, {"time", "2023-11-14T22:43:20Z"}}},
      {"query", {{"query", "NaN"}, {"time", "2023-11-14T23:43:20.25+01:00"}}},
      {"query", {{"query", "-Inf"}, {"time", "-1.5"}}},
      {"query", {{"query", R"("a \"string\" é \n")"}, {"time", now}}},
      {"query", {{"query", "vector(0.1)"}, {"time", now}}},
      {"query", {{"query", "missing"}, {"time", now}}},
      {"query", {{"query", "x{a=\"1\"}"}, {"time", now}}},
      {"query", {{"query", "x{a=\"1\"}[1m]"}, {"time", now}}},
      {"query", {{"query", "missing[1m]"}, {"time", now}}},
      {"query", {{"query", "1 +"}, {"time", now}}},
      {"query", {{"query", "x + on (a) group_left c"}, {"time", now}}},
      {"query", {{"query", "label_replace(x, \"1\", \"\", \"\", \"\")"}, {"time", now}}},
      {"query", {{"query", "1"}, {"time", "yesterday"}}},
      {"query", {{"query", "1"}, {"time", "2023-11-14T22:13:20.5+01:00"}}},
      {"query", {{"query", "1"}, {"time", "2023-11-14 22:13:20Z"}}},
      {"query", {{"query", "1"}, {"time", "2023-11-14T22:13:60Z"}}},
      {"query", {{"query", "1"}, {"timeout", "x"}}},
      {"query", {{"query", "1 +"}, {"timeout", "0"}}},
      {"query_range", {{"query", "x{a=\"1\"}"}, {"start", now}, {"end", now}, {"step", "15"}}},
      {"query_range", {{"query", "1"}, {"start", now}, {"end", now + ".3"}, {"step", "0.1"}}},
      {"query_range", {{"query", "time()"}, {"start", "-2.5"}, {"end", "1"}, {"step", "1s"}}},
      {"query_range", {{"query", "missing"}, {"start", "0"}, {"end", "1"}, {"step", "1s"}}},
      {"query_range", {{"query", "x[1m]"}, {"start", "0"}, {"end", "1"}, {"step", "1s"}}},
      {"query_range", {{"query", "\"x\""}, {"start", "0"}, {"end", "1"}, {"step", "1s"}}},
      {"query_range", {{"query", "1 +"}, {"start", "0"}, {"end", "1"}, {"step", "1s"}}},
      {"query_range", {{"query", "1"}, {"end", "1"}, {"step", "1s"}}},
      {"query_range", {{"query", "1"}, {"start", "1"}, {"step", "1s"}}},
      {"query_range", {{"query", "1"}, {"start", "1"}, {"end", "2"}}},
      {"query_range", {{"query", "1"}, {"start", "2"}, {"end", "1"}, {"step", "1s"}}},
      {"query_range", {{"query", "1"}, {"start", "1"}, {"end", "2"}, {"step", "0"}}},
      {"query_range", {{"query", "1"}, {"start", "1"}, {"end", "2"}, {"step", "-1"}}},
      {"query_range", {{"query", "1"}, {"start", "1"}, {"end", "2"}, {"step", "1e300"}}},
      {"query_range", {{"query", "1"}, {"start", "0"}, {"end", "11001"}, {"step", "1"}}},
      {"series", {}},
      {"series", {{"match[]", "x{a=\"1\"}"}}},
      {"series", {{"match[]", "x"}, {"match[]", "x{a=\"1\"}"}}},
      {"series", {{"match[]", "{a=\"1\"}"}, {"start", std::to_string(kDataStart)}, {"end", now}}},
      {"series", {{"match[]", "missing"}}},
      {"series", {{"match[]", "{}"}}},
      {"series", {{"match[]", "x"}, {"start", "x"}}},
      {"series", {{"match[]", "x"}, {"start", "2"}, {"end", "1"}}},
      {"series", {{"match[]", "{}"}, {"start", "2"}, {"end", "1"}}},
      {"labels", {{"match[]", "x{"}, {"start", "2"}, {"end", "1"}}},
      {"labels", {{"match[]", "x{"}}},
      {"labels", {{"match[]", "{}"}}},
      {"labels", {}},
      {"labels", {{"match[]", "info"}}},
      {"labels", {{"match[]", "missing"}}},
      {"format_query", {{"query", "sum  by(a) (rate( x[5m] ))/2"}}},
      {"format_query", {{"query", "sum("}}},
  };
  for (const auto& [path, parameters] : requests) {
    INFO(path << "?" << encode_form(parameters));
    const auto theirs = shared().theirs.post(path, parameters), ours = shared().ours.post(path, parameters);
    const auto get_theirs = shared().theirs.get(path, parameters), get_ours = shared().ours.get(path, parameters);
    CHECK(theirs.status == ours.status);
    CHECK(theirs.body == ours.body);
    CHECK(get_theirs.status == get_ours.status);
    CHECK(get_theirs.body == get_ours.body);
  }
  for (const std::string path : {"label/__name__/values", "label/a/values", "label/missing/values", "label/a-b/values",
                                 "label/le/values", "query_exemplars"}) {
    INFO(path);
    const Parameters parameters{{"query", "x"}, {"start", "1"}, {"end", "2"}};
    const bool exemplars = path == "query_exemplars";
    CHECK(shared().theirs.get(path, exemplars ? parameters : Parameters{}).body ==
          shared().ours.get(path, exemplars ? parameters : Parameters{}).body);
  }
}

TEST_CASE("the written expressions give what Prometheus gives, at moments and over ranges") {
  const auto expressions = lines_of("expressions.txt");
  REQUIRE(expressions.size() >= 100);
  for (const auto& expr : expressions) {
    INFO(expr);
    for (const auto* time : {"1700000000", "1700000600.5", "1700001800", "1700003700", "1700004000"}) {
      INFO("time=" << time);
      CHECK(shared().instant(expr, time, Strictness::exact_errors) == "");
    }
    CHECK(shared().range(expr, steps(-60, 900, "30"), Strictness::exact_errors) == "");
    CHECK(shared().range(expr, steps(1203, 4200, "77s"), Strictness::exact_errors) == "");
  }
}

TEST_CASE("expressions are written as Prometheus writes them, in lines where they are long") {
  const auto expressions = lines_of("expressions.txt");
  const auto text = [](const HttpAnswer& answer) {
    return nlohmann::json::parse(answer.body).at("data").get<std::string>();
  };
  const auto same = [&](const std::string& expr) {
    INFO(expr);
    const auto theirs = shared().theirs.post("format_query", {{"query", expr}});
    const auto ours = shared().ours.post("format_query", {{"query", expr}});
    CHECK(theirs.status == ours.status);
    if (theirs.status == 200) CHECK(text(theirs) == text(ours));
  };
  for (const auto& expr : expressions) {
    same(expr);
    // Long enough to be broken, whatever it is and around what.
    for (const auto& other : {"x", "sum by (a, b) (rate(x[5m] offset 1m)) > bool 0.00001"}) {
      same(expr + " - on (a) group_left (b) (" + other + " + " + other + ") * " + expr);
      same("max_over_time((" + expr + " - -(" + expr + " / " + other +
           " + 12345678901234567890123))[1h:1m] offset 1m)");
      same("topk by (a) (3, -label_replace(" + expr +
           ", \"aaaaaaaaaaaaaaaaa\", \"bbbbbbbbbbbbbbbbbbb\", \"c\", \"(.*)\") > -Inf)");
    }
  }
}

TEST_CASE("random expressions give what Prometheus gives") {
  const unsigned seed = seed_of_run();
  ExpressionGenerator random(seed);
  const int count = random_expressions();
  WARN("PGTEND_SEED=" << seed << ", " << count << " expressions");
  int failures = 0;
  for (int i = 0; i < count && failures < 10; ++i) {
    const auto whole = random.whole(1 + static_cast<int>(random.below(4)));
    const auto at = static_cast<std::int64_t>(random.below(4400)) - 300;
    const bool ranged = random.below(2) == 0;
    const auto step = static_cast<std::int64_t>(1 + random.below(120));
    // The end is a step: what a subquery gives behind the last one is in the list of differences.
    const auto last = at + static_cast<std::int64_t>(random.below(1500)) / step * step;
    const auto span = steps(at, last, std::to_string(step));
    const auto compare = [&](const TreePtr& tree) {
      const auto expr = text_of(tree);
      auto found = ranged ? shared().range(expr, span, Strictness::kind_of_error)
                          : shared().instant(expr, std::to_string(kDataStart + at), Strictness::kind_of_error);
      return is_known(expr, found, ranged) ? std::string() : found;
    };
    if (compare(whole).empty()) continue;
    ++failures;
    const auto least = shrink(whole, [&](const TreePtr& tree) { return !compare(tree).empty(); });
    INFO("PGTEND_SEED=" << seed << " expression " << i << ": " << text_of(whole));
    INFO("smallest: " << text_of(least)
                      << (ranged ? " over " + encode_form(span) : " at " + std::to_string(kDataStart + at)));
    CHECK(compare(least) == "");
  }
  CHECK(failures == 0);
  // Empty answers and errors alone would prove little.
  CHECK(shared().telling > static_cast<std::size_t>(count) / 4);
}

// Every expression of the unit tests' corpus again, through HTTP: `./dev fault promql`.
TEST_CASE("the corpus gives over HTTP what Prometheus gives over blocks of the same samples", "[.][corpus-over-http]") {
  const Corpus corpus = read_corpus();
  for (std::size_t i = 0; i < corpus.datasets.size(); ++i) {
    const auto& from = corpus.datasets[i];
    Dataset data;
    for (const auto& series : from.series) {
      const auto key = promql::parse_series_key(series.series);
      const auto samples = promql::parse_test_values(series.values, UtcTime{}, from.interval);
      REQUIRE((key && samples));
      data.push_back({*key, *samples});
    }
    Pair pair(data);
    for (const auto& one : corpus.cases) {
      if (one.dataset != i) continue;
      INFO(one.file << ":" << one.line << ": " << one.expr);
      const auto time =
          std::to_string(one.at.count() / 1000) + "." + std::to_string(1000 + one.at.count() % 1000).substr(1);
      const auto found = pair.instant(one.expr, time, Strictness::exact_errors);
      if (!is_known(one.expr, found, false)) CHECK(found == "");
    }
  }
}
