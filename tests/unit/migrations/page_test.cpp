#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <sstream>

#include "agent/base/strings.hpp"
#include "rules/migrations/lint.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/source_dir.hpp"

using namespace pgtend;

namespace {

// The part of the page that is made from the catalogue; what stands before it is written by hand.
constexpr std::string_view kMark = "<!-- The rest is made from rules/migrations/catalogue.cpp. -->\n";

std::string block(std::string_view text) {
  std::string out;
  std::istringstream in{std::string(text)};
  for (std::string line; std::getline(in, line);) out += line.empty() ? "\n" : "    " + line + "\n";
  return out;
}

std::string safe_form(const migrations::RuleInfo& rule) {
  for (const auto& one : migrations::lint(rule.example, {rule.name == "not-checked" ? 18 : 14}))
    if (one.rule == rule.name) return one.safe;
  return {};
}

std::string rule_page(const migrations::RuleInfo& rule) {
  std::string out = "\n### " + std::string(rule.name) + "\n\n" + std::string(to_string(rule.severity));
  if (rule.lock != LockLevel::none) out += ", " + std::string(to_string(rule.lock));
  out += ". " + std::string(rule.causes) + (rule.forward_only ? " Not asked of the way back." : "") + "\n\n";
  out += block(rule.example);
  if (const auto safe = safe_form(rule); !safe.empty()) out += "\nInstead:\n\n" + block(safe);
  return out;
}

}  // namespace

TEST_CASE("the page of the lint says what its rules say") {
  const std::string path = std::string(test::source_dir()) + "/docs/migration-lint.md";
  std::stringstream written;
  written << std::ifstream(path).rdbuf();
  const auto mark = written.str().find(kMark);
  REQUIRE(mark != std::string::npos);
  auto text = written.str().substr(0, mark) + std::string(kMark);
  for (const auto& rule : migrations::rules()) text += rule_page(rule);
  if (std::getenv("PGTEND_UPDATE_GOLDEN") != nullptr) std::ofstream(path) << text;
  std::stringstream now;
  now << std::ifstream(path).rdbuf();
  CHECK(split(now.str(), '\n') == split(text, '\n'));
}
