#include "agent/api/json.hpp"

#include <cmath>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <limits>
#include <nlohmann/json.hpp>
#include <sstream>

#include "tests/support/catch.hpp"
#include "tests/support/source_dir.hpp"
#include "tests/unit/api/sample_types.hpp"

using namespace pgtend;
using namespace pgtend::test;
using api::encode;
using nlohmann::json;

namespace {

// The stored form of each type; PGTEND_UPDATE_GOLDEN=1 writes it anew.
void check_golden(const std::string& name, const json& value) {
  const std::string path = std::string(pgtend::test::source_dir()) + "/tests/golden/api/" + name + ".json";
  const auto text = value.dump(2) + "\n";
  if (std::getenv("PGTEND_UPDATE_GOLDEN") != nullptr) std::ofstream(path) << text;
  std::ifstream file(path);
  std::stringstream stored;
  stored << file.rdbuf();
  CHECK(stored.str() == text);
}

}  // namespace

TEST_CASE("the JSON of each type stays as it is published") {
  check_golden("status", encode(sample_status()));
  check_golden("finding", encode(sample_finding()));
  check_golden("recommendation", encode(sample_recommendation()));
  check_golden("change", encode(sample_change_view()));
  check_golden("alert", encode(sample_alert()));
  check_golden("audit_entry", encode(sample_audit()));
  api::ChangeProgress progress;
  progress.phase = "waiting";
  progress.waiting_for_pid = 99;
  progress.eta = kThen;
  check_golden("change_progress", encode(progress));
  api::AuditVerification verification;
  verification.ok = true;
  check_golden("audit_verification", encode(verification));
  api::QueryResult result;
  result.series = {{Labels{{"__name__", "up"}, {"a", "b"}},
                    {{kThen + Millis(250), 1.5}, {kThen, std::numeric_limits<double>::infinity()}}}};
  check_golden("query_result", encode(result));
}

TEST_CASE("the detail of each kind of change has its own fields and reads back") {
  for (const ChangeDetail& detail :
       {ChangeDetail(IndexChange{"s", "i", "t", {"a", "b"}, {"c"}, "gin", true, "CREATE INDEX …"}),
        ChangeDetail(RefreshChange{"s", "m", true}), ChangeDetail(MaintenanceChange{"s", "t", true, false}),
        ChangeDetail(SettingChange{"work_mem", "64MB", "kB", "app", "", "", std::nullopt}),
        ChangeDetail(SettingChange{"work_mem", "64MB", "", "", "", "", "4MB"}),
        ChangeDetail(SettingChange{"statistics", "500", "", "", "s", "t", "100", "", "c"}),
        ChangeDetail(StatisticsChange{"s", "n", "t", {"mcv"}, {"a", "b"}, {"a % 3"}, true, "CREATE STATISTICS …"}),
        ChangeDetail(SessionChange{4711, "2026-11-28 02:16:52.123456+00", true, true, false}),
        ChangeDetail(RowSecurityChange{"s", "t", "p"}), ChangeDetail(PartitionChange{"s", "t", "p", "1", "2", 3}),
        ChangeDetail(
            PartitionChange{"s", "t", "", "", "", 7, {{"p", "1", "2"}, {"q", "2", "3"}}, 500, "d", "id", {"id", "at"}}),
        ChangeDetail(PgbouncerChange{"edge", "default_pool_size", "40", "20"}),
        ChangeDetail(PgbouncerChange{"", "query_timeout", "5", std::nullopt})}) {
    auto plan = sample_plan();
    plan.detail = detail;
    plan.kind = static_cast<ChangeKind>(detail.index());
    const auto encoded = encode(plan);
    const auto decoded = api::decode_proposed_change(encoded);
    REQUIRE(decoded);
    CHECK(encode(*decoded) == encoded);
    CHECK(decoded->detail.index() == detail.index());
  }
}

TEST_CASE("a plan with something wrong names the field") {
  const auto refused = [](const std::function<void(json&)>& spoil) {
    auto plan = encode(sample_plan());
    spoil(plan);
    const auto decoded = api::decode_proposed_change(plan);
    REQUIRE_FALSE(decoded);
    CHECK(decoded.error().code == Errc::invalid_argument);
    return decoded.error().message;
  };
  CHECK_THAT(refused([](json& p) { p["kind"] = "indx"; }), ContainsSubstring("plan.kind"));
  CHECK_THAT(refused([](json& p) { p.erase("action"); }), ContainsSubstring("plan.action"));
  CHECK_THAT(refused([](json& p) { p["sql_up"] = "DROP TABLE x"; }), ContainsSubstring("plan.sql_up"));
  CHECK_THAT(refused([](json& p) { p["sql_up"] = json::array(); }), ContainsSubstring("plan.sql_up"));
  CHECK_THAT(refused([](json& p) { p["sql_up"] = json::array({1}); }), ContainsSubstring("plan.sql_up"));
  CHECK_THAT(refused([](json& p) { p["detail"]["matview"] = "x"; }), ContainsSubstring("plan.detail.matview"));
  CHECK_THAT(refused([](json& p) { p["detail"] = 5; }), ContainsSubstring("plan.detail"));
  CHECK_THAT(refused([](json& p) { p["cost"]["bytes"] = -1; }), ContainsSubstring("plan.cost.bytes"));
  CHECK_THAT(refused([](json& p) { p["cost"]["bytes"] = 1.5; }), ContainsSubstring("plan.cost.bytes"));
  CHECK_THAT(refused([](json& p) { p["target_statements"] = json::array({"12x"}); }),
             ContainsSubstring("target_statements"));
  CHECK_THAT(refused([](json& p) { p["lock"] = "AccessNothing"; }), ContainsSubstring("plan.lock"));
  CHECK_THAT(refused([](json& p) { p = json::array(); }), ContainsSubstring("plan"));
}

TEST_CASE("numbers that JSON cannot hold are texts") {
  CHECK(encode(1.5).dump() == "1.5");
  CHECK(encode(std::nan("")).dump() == "\"NaN\"");
  CHECK(encode(-std::numeric_limits<double>::infinity()).dump() == "\"-Inf\"");
}

TEST_CASE("every error code has a status of the error classes") {
  for (int code = 0; code <= static_cast<int>(Errc::internal); ++code)
    CHECK(api::http_status(static_cast<Errc>(code)) >= 400);
  CHECK(api::http_status(Errc::permission) == 403);
  CHECK(api::http_status(Errc::not_found) == 404);
  CHECK(api::http_status(Errc::conflict) == 409);
  CHECK(api::http_status(Errc::refused) == 409);
  CHECK(api::http_status(Errc::unavailable) == 503);
}
