#include <algorithm>
#include <cstdlib>
#include <ctime>
#include <random>

#include "agent/config/check_file.hpp"
#include "agent/config/collector_file.hpp"
#include "agent/config/config.hpp"
#include "agent/config/files.hpp"
#include "agent/config/rule_file.hpp"
#include "agent/config/rule_test_file.hpp"
#include "tests/support/catch.hpp"

using namespace pgtend::config;

namespace {

using Errors = std::vector<ConfigError>;

// Every decoder of the room on one text.
std::vector<Errors> decode_all(const std::string& text) {
  return {load_text(text, "f.yaml").errors, decode_collector(text, "f.yaml").errors,
          decode_check(text, "f.yaml").errors, decode_rules(text, "f.yaml").errors,
          decode_rule_test(text, "f.yaml").errors};
}

// The one error that each decoder gives first.
void check_refused(const std::string& text, const std::string& message) {
  for (const auto& errors : decode_all(text)) {
    REQUIRE_FALSE(errors.empty());
    const bool said = std::any_of(errors.begin(), errors.end(), [&](const ConfigError& error) {
      return error.message.find(message) != std::string::npos;
    });
    CHECK(said);
  }
}

const std::vector<std::string>& seeds() {
  static const std::vector<std::string> texts{
      sample_yaml(),
      "policy:\n  rules: &r\n    - {name: a, actions: [analyze], mode: auto, window: n, budget: {bytes: 1GB}}\n"
      "  windows:\n    - {name: n, time_zone: UTC, days: [mon], start: \"01:00\", end: '02:00'}\n",
      "groups:\n  - name: g\n    rules:\n      - alert: A\n        expr: |\n          up == 0\n        for: 5m\n"
      "        labels: {a: b}\n        annotations: {c: \"{{ $value }}\"}\n      - record: r\n        expr: >-\n"
      "          sum(up)\n",
      "sql: SELECT {columns} FROM v\ninterval: 10s\nlabels: [a, b]\ncolumns:\n  - column: c\n    metric: pgtend_c\n"
      "    kind: counter\n    help: \"C\\u00e4\"\n    scale: 1e-3\n",
      "checks:\n  - name: a\n    category: schema\n    sql: SELECT 1\n    summary: A\n",
      "rule_files: [a]\ntests:\n  - interval: 1m\n    input_series: [{series: 'a{b=\"c\"}', values: '1+1x5'}]\n"
      "    promql_expr_test: [{expr: a, eval_time: 1m, exp_samples: [{labels: '{}', value: .nan}]}]\n",
  };
  return texts;
}

std::string mutated(std::mt19937_64& random) {
  static const std::vector<std::string> kPieces{"\t",
                                                "\n",
                                                "\n\n",
                                                "  ",
                                                ": ",
                                                ":",
                                                "- ",
                                                "-",
                                                "[",
                                                "]",
                                                "{",
                                                "}",
                                                "&a ",
                                                "*a",
                                                "<<: *a",
                                                "!t ",
                                                "!!int ",
                                                "? ",
                                                "|",
                                                ">",
                                                "'",
                                                "\"",
                                                "#",
                                                "%",
                                                "---\n",
                                                "...",
                                                "\x00",
                                                "\xff",
                                                "\xef\xbb\xbf",
                                                "~",
                                                "null",
                                                "1e999",
                                                "-0",
                                                "99999999999999999999",
                                                "%YAML 1.1\n",
                                                "\r"};
  const auto pick = [&](std::size_t n) { return std::uniform_int_distribution<std::size_t>(0, n - 1)(random); };
  std::string text = seeds()[pick(seeds().size())];
  for (std::size_t changes = 1 + pick(6); changes > 0 && !text.empty(); --changes) {
    const std::size_t at = pick(text.size());
    const std::size_t length = std::min(pick(20) + 1, text.size() - at);
    switch (pick(5)) {
      case 0:
        text.erase(at, length);
        break;
      case 1:
        text.insert(at, kPieces[pick(kPieces.size())]);
        break;
      case 2:
        text[at] = static_cast<char>(pick(256));
        break;
      case 3:
        text.insert(at, text.substr(pick(text.size()), length));
        break;
      default:
        text.resize(at);
    }
  }
  return text;
}

}  // namespace

TEST_CASE("no text, however broken, throws, and every error has a place inside it") {
  const char* given = std::getenv("PGTEND_SEED");
  const std::uint64_t seed = given != nullptr ? std::strtoull(given, nullptr, 10) : std::random_device{}();
  WARN("PGTEND_SEED=" << seed);
  std::mt19937_64 random(seed);
  std::size_t refused = 0;
  constexpr int kRounds = 400;
  for (int i = 0; i < kRounds; ++i) {
    const std::string text = mutated(random);
    const auto lines = std::count(text.begin(), text.end(), '\n') + std::count(text.begin(), text.end(), '\r') + 1;
    const auto all = decode_all(text);
    for (const auto& errors : all) {
      refused += errors.empty() ? 0 : 1;
      for (const auto& error : errors) {
        const bool has_place =
            error.line >= 0 && error.line <= lines + 1 && error.column >= 0 && (error.line == 0) == (error.column == 0);
        if (has_place && error.file == "f.yaml" && !error.message.empty()) continue;
        INFO("seed " << seed << " round " << i << "\n" << text);
        FAIL_CHECK(format_errors(errors));
        return;
      }
    }
    REQUIRE(decode_all(text) == all);
  }
  // Five decoders read each text and it is right for at most one of them.
  CHECK(refused > kRounds * 3);
}

TEST_CASE("texts that would cost memory or stack are refused") {
  check_refused(std::string(kMaxFileBytes + 1, '#'), "larger than 4 MB");
  check_refused(std::string(70, '[') + std::string(70, ']'), "nested deeper than 64 levels");
  check_refused(std::string(100'000, '['), "");
  check_refused(std::string(100'000, '{'), "");
  std::string deep;
  for (int i = 0; i < 3'000; ++i) deep += std::string(static_cast<std::size_t>(i), ' ') + "a:\n";
  check_refused(deep.substr(0, kMaxFileBytes), "");
  std::string bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 12; ++i) {
    const std::string before = "*a" + std::to_string(i - 1);
    bomb += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [" + before;
    for (int j = 0; j < 9; ++j) bomb += ", " + before;
    bomb += "]\n";
  }
  check_refused(bomb, "more than 200000 values, aliases counted each time");
  check_refused("a: &a [*a]\n", "");
  check_refused("a: &a {b: *a}\n", "");
}

TEST_CASE("texts that are no single plain YAML document are refused") {
  check_refused("a: 1\n---\nb: 2\n", "more than one YAML document");
  check_refused("a: !secret x\n", "tags (!name) are not supported");
  check_refused("[a]: 1\n", "a key must be plain text");
  check_refused("{a: 1}: 1\n", "a key must be plain text");
  check_refused("a: *b\n", "not valid YAML");
  check_refused("a: [1\n", "not valid YAML");
  check_refused("a: 1\nb: \"c\nd: {e: 1}\n", "the quote that opens here is never closed");
  check_refused("a: 'it''s\nb: 1\n", "the quote that opens here is never closed");
  check_refused("a:\n\t- b\n", "not valid YAML");
}

TEST_CASE("a tab that indents is named, on its line") {
  for (const auto* text : {"a:\n\tb: c\n", "a:\n  b: c\n\td: e\n", "a:\n  \tb: c\nd: e\n"}) {
    INFO(text);
    for (const auto& errors : decode_all(text)) {
      REQUIRE_FALSE(errors.empty());
      CHECK(errors[0].hint.find("is indented with a tab") != std::string::npos);
    }
  }
}

TEST_CASE("quotes that are closed are left alone, wherever they stand") {
  for (const auto* text : {"instance: {name: \"a\"}\n", "instance:\n  name: 'it''s'",
                           "instance:\n  name: \"a \\\"b\\\" c\" # '\n", "# it's\ninstance: {name: &n \"x\"}\n"}) {
    CAPTURE(text);
    CHECK(load_text(text, "f.yaml").errors.empty());
  }
}

TEST_CASE("a large file of wrong keys is told within seconds") {
  std::string text;
  for (int i = 0; i < 100'000; ++i) text += "key" + std::to_string(i) + ": 1\n";
  // Of CPU: a busy machine makes it no slower.
  const auto start = std::clock();
  CHECK(load_text(text, "f.yaml").errors.size() >= 90'000);
  CHECK((std::clock() - start) / CLOCKS_PER_SEC < 20);
}

TEST_CASE("an alias stands for what its anchor named") {
  const auto loaded = load_text("collection: {disabled: &names [a, b]}\nadvisors: {disabled: *names}\n", "f.yaml");
  CHECK(format_errors(loaded.errors).empty());
  CHECK(loaded.config.advisors.disabled == std::vector<std::string>{"a", "b"});
}
