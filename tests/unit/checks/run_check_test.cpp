#include "rules/checks/run_check.hpp"

#include <set>

#include "agent/config/check_file.hpp"
#include "rules/checks/registry.hpp"
#include "tests/support/catch.hpp"

using namespace pgtend;

namespace {

CheckDef sequence_check() {
  CheckDef check;
  check.name = "sequence_exhausted";
  check.category = "schema";
  check.severity = Severity::warning;
  check.value_column = "used_ratio";
  check.comparison = ">";
  check.threshold = 0.8;
  check.unit = "ratio";
  check.summary = "Sequence {subject} has used {used_ratio} of its range {untouched}.";
  return check;
}

RowSet rows_of(std::vector<std::vector<std::optional<std::string>>> rows) {
  RowSet out;
  out.columns = {"subject", "used_ratio", "size_bytes"};
  out.rows = std::move(rows);
  return out;
}

}  // namespace

TEST_CASE("only rows beyond the threshold are findings, with evidence in units") {
  const auto rows =
      rows_of({{"public.a", "0.9512345678", "8192"}, {"public.b", "0.8", "8192"}, {"public.c", std::nullopt, "1"}});
  const auto findings = checks::findings_from(sequence_check(), rows, "main", "shop", from_ms(1000));
  REQUIRE(findings.size() == 1);
  CHECK(findings[0].subject == "public.a");
  CHECK(findings[0].summary == "Sequence public.a has used 95.1 % of its range {untouched}.");
  CHECK(findings[0].severity == Severity::warning);
  CHECK(findings[0].database == "shop");
  CHECK(to_ms(findings[0].seen_at) == 1000);
  REQUIRE(findings[0].evidence.size() == 2);
  CHECK(findings[0].evidence[0].unit == "ratio");
  CHECK(findings[0].evidence[0].value == Approx(0.9512345678));
  CHECK(findings[0].evidence[1].unit == "bytes");
}

TEST_CASE("every comparison compares as it is written") {
  const auto rows = rows_of({{"s", "0.8", "1"}});
  auto check = sequence_check();
  const auto found = [&](const char* comparison, double threshold) {
    check.comparison = comparison;
    check.threshold = threshold;
    return !checks::findings_from(check, rows, "", "", UtcTime{}).empty();
  };
  CHECK(found(">=", 0.8));
  CHECK_FALSE(found(">", 0.8));
  CHECK(found("<=", 0.8));
  CHECK_FALSE(found("<", 0.8));
  CHECK(found("==", 0.8));
  CHECK(found("!=", 0.7));
  CHECK_FALSE(found("!=", 0.8));
}

TEST_CASE("without a value column every row with a subject is a finding, and its id is stable") {
  auto check = sequence_check();
  check.value_column.clear();
  const auto rows = rows_of({{"a", std::nullopt, std::nullopt}, {std::nullopt, "1", "1"}});
  const auto one = checks::findings_from(check, rows, "main", "shop", from_ms(1));
  const auto two = checks::findings_from(check, rows, "main", "shop", from_ms(2));
  REQUIRE(one.size() == 1);
  CHECK(one[0].id == two[0].id);
  CHECK(one[0].id != checks::findings_from(check, rows, "main", "other", from_ms(1))[0].id);
}

TEST_CASE("every shipped check decodes, asks for a subject and names what it replaces") {
  std::set<std::string> names;
  for (const auto& file : embedded::check_files()) {
    INFO(file.name);
    const auto decoded = config::decode_check(file.text, std::string(file.name));
    for (const auto& error : decoded.errors) FAIL(error.message);
    REQUIRE(decoded.checks.size() == 1);
    const auto& check = decoded.checks.front();
    CHECK(names.insert(check.name).second);
    CHECK(check.sql.find("AS subject") != std::string::npos);
    CHECK_FALSE(check.summary.empty());
  }
  for (const auto* name : {"invalid_index", "missing_primary_key", "sequence_exhausted", "ssl_off", "durability_off",
                           "password_encryption", "pending_restart", "public_create"})
    CHECK(names.contains(name));
}
