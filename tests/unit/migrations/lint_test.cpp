#include "rules/migrations/lint.hpp"

#include <set>

#include "tests/support/catch.hpp"
#include "tests/unit/migrations/corpus.hpp"

using namespace pgtend;
using migrations::lint;
using migrations::MigrationFinding;

namespace {

std::vector<std::string> places_of(const std::vector<MigrationFinding>& findings) {
  std::vector<std::string> out;
  for (const auto& one : findings) out.push_back(one.rule + "@" + std::to_string(one.line));
  return out;
}

const MigrationFinding* find(const std::vector<MigrationFinding>& findings, std::string_view rule) {
  for (const auto& one : findings)
    if (one.rule == rule) return &one;
  return nullptr;
}

// The two rules of a script that need more than its text.
std::vector<MigrationFinding> lint_example(const migrations::RuleInfo& rule) {
  if (rule.name == "not-checked") return lint(rule.example, {18});
  return lint(rule.example, {13}, rule.name == "missing-down" ? "V1__orders.sql" : "");
}

}  // namespace

TEST_CASE("every migration of the corpus gives exactly the findings it names") {
  const auto corpus = test::read_corpus();
  CHECK(corpus.size() >= 60);
  for (const auto& one : corpus) {
    INFO(one.file << ": " << one.name << "\n" << one.text);
    CHECK(places_of(lint(one.text, {one.server}, one.as_file)) == one.expected);
  }
}

TEST_CASE("every rule is broken by a migration of the corpus and by its own example") {
  std::set<std::string> broken;
  for (const auto& one : test::read_corpus())
    for (const auto& expected : one.expected) broken.insert(expected.substr(0, expected.find('@')));
  CHECK(migrations::rules().size() >= 25);
  for (const auto& rule : migrations::rules()) {
    INFO(rule.name);
    CHECK(broken.contains(std::string(rule.name)));
    CHECK(find(lint_example(rule), rule.name) != nullptr);
  }
}

TEST_CASE("the safe form of every finding lints clean") {
  int looked_at = 0;
  const auto check = [&](const std::vector<MigrationFinding>& findings, int server) {
    for (const auto& one : findings) {
      if (one.safe.empty()) continue;
      ++looked_at;
      INFO(one.rule << "\n" << one.safe);
      CHECK(places_of(lint(one.safe, {server})).empty());
    }
  };
  for (const auto& rule : migrations::rules()) check(lint_example(rule), rule.name == "not-checked" ? 18 : 13);
  for (const auto& one : test::read_corpus()) check(lint(one.text, {one.server}, one.as_file), one.server);
  CHECK(looked_at > 100);
}

TEST_CASE("a finding has the place of the command and says which lock it takes") {
  const auto findings = lint(
      "SET lock_timeout = '1s';\n"
      "ALTER TABLE orders\n"
      "  ADD COLUMN region text,\n"
      "  ADD CONSTRAINT a CHECK (amount > 0);\n",
      {13});
  REQUIRE(findings.size() == 1);
  CHECK(findings[0].rule == "add-check-scan");
  CHECK(findings[0].line == 4);
  CHECK(findings[0].column == 3);
  CHECK(findings[0].lock == LockLevel::access_exclusive);
  CHECK(findings[0].severity == Severity::critical);
  CHECK(findings[0].subject == "CHECK on orders");
}

TEST_CASE("the safe form keeps what the statement said") {
  const auto safe_of = [](const std::string& text, int server = 13) {
    const auto findings = lint("SET lock_timeout = '1s';\n" + text, {server});
    REQUIRE(findings.size() == 1);
    return findings[0].safe;
  };
  CHECK(safe_of("create unique index Orders_1 on shop.orders using btree (lower(name)) where gone is null") ==
        "-- pgtend: tx=none\n"
        "create unique index CONCURRENTLY Orders_1 on shop.orders using btree (lower(name)) where gone is null;\n");
  CHECK(safe_of("ALTER TABLE \"Odd\" ADD FOREIGN KEY (a, b) REFERENCES o (x, y) ON DELETE CASCADE") ==
        "-- pgtend: tx=none\nSET lock_timeout = '2s';\n"
        "ALTER TABLE \"Odd\" ADD CONSTRAINT \"Odd_a_b_fkey\" FOREIGN KEY (a, b) REFERENCES o (x, y) ON DELETE CASCADE "
        "NOT VALID;\nALTER TABLE \"Odd\" VALIDATE CONSTRAINT \"Odd_a_b_fkey\";\n");
  CHECK(safe_of("ALTER TABLE t ALTER a SET NOT NULL", 18).find("NOT NULL \"a\" NOT VALID") != std::string::npos);
  CHECK(safe_of("ALTER TABLE t ALTER a SET NOT NULL", 12).find("CHECK (\"a\" IS NOT NULL) NOT VALID") !=
        std::string::npos);
}

TEST_CASE("whatever the text, lint ends and says something or nothing") {
  for (const auto* text :
       {"", ";", "--", "/* open", "'open", "\\i other.sql\n", "SELECT 1", "ALTER TABLE t", "\xff\xfe",
        "CREATE TABLE t (", "DO $$ BEGIN NULL; END $$;", "COPY t FROM stdin;\n1\t2\n\\.\n"}) {
    INFO(text);
    for (const auto& one : lint(text, {13})) CHECK(migrations::find_rule(one.rule) != nullptr);
  }
  std::string rows = "INSERT INTO t VALUES (0)";
  while (rows.size() < 70 * 1024) rows += ", (1)";
  CHECK(places_of(lint("SELECT 1;\n" + rows + ";\nSELEC 1;\n", {13})) ==
        std::vector<std::string>{"not-checked@2", "syntax-error@3"});
  CHECK(find(lint("/* open", {13}), "syntax-error") != nullptr);
  CHECK(lint("\\set ON_ERROR_STOP on\nSELECT 1;\n", {13}).empty());
}

TEST_CASE("a file of pgtend's needs no lock_timeout of its own, another tool's does") {
  const auto rules_of = [](const std::string& text) {
    std::vector<std::string> out;
    for (const auto& finding : lint(text, {13})) out.push_back(finding.rule);
    return out;
  };
  using Rules = std::vector<std::string>;
  const std::string change = "ALTER TABLE orders ADD COLUMN note text;\n";
  CHECK(rules_of("-- pgtend: risk=low\n" + change) == Rules{});
  CHECK(rules_of("-- @up\n" + change + "-- @down\nALTER TABLE orders DROP COLUMN note;\n") == Rules{});
  CHECK(rules_of(change) == Rules{"lock-timeout-missing"});
  CHECK(rules_of("-- +goose Up\n" + change + "-- +goose Down\nALTER TABLE orders DROP COLUMN note;\n").at(0) ==
        "lock-timeout-missing");
}
