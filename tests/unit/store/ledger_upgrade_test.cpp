#include <filesystem>
#include <fstream>
#include <sstream>

#include "tests/support/source_dir.hpp"
#include "tests/unit/store/ledger_support.hpp"

using namespace pgtend;
using namespace pgtend::test;

namespace {

constexpr std::int64_t kThen = 1'700'000'000'000;

// The file that an agent of ledger version 1 left behind.
std::string version_1(const TempDir& dir) {
  const auto path = dir.file("ledger.db");
  std::ostringstream sql;
  sql << std::ifstream(std::string(source_dir()) + "/tests/golden/ledger_v1.sql").rdbuf();
  RawDatabase(path).exec(sql.str());
  REQUIRE(RawDatabase(path).value("PRAGMA user_version") == "1");
  return path;
}

std::vector<std::int64_t> ids(const std::vector<OutboxMessage>& messages) {
  std::vector<std::int64_t> out;
  for (const auto& one : messages) out.push_back(one.id);
  return out;
}

}  // namespace

TEST_CASE("a ledger of version 1 is brought to version 6 with all that it holds") {
  TempDir dir;
  const auto path = version_1(dir);
  OpenLedger ledger(path);
  CHECK(RawDatabase(path).value("PRAGMA user_version") == "6");
  const auto audit = ledger->audit_verify();
  REQUIRE(audit);
  INFO(audit->why);
  CHECK(audit->ok);
  CHECK(audit->rows == 3);
  const auto alerts = ledger->load_alerts();
  REQUIRE(alerts);
  REQUIRE(alerts->size() == 1);
  const auto& down = alerts->front();
  CHECK(down.rule == "PgDown");
  CHECK(down.state == AlertState::firing);
  CHECK(down.fired_at == from_ms(kThen + 60'000));
  CHECK(down.annotations.at("summary") == "it is down");
  CHECK(down.facts.causes.empty());
  CHECK(ledger->alert_history(10)->size() == 1);
  CHECK(ledger->texts({42})->at(42) == "select $1");
  CHECK(ledger->load_dispatch()->groups.empty());
  CHECK(ledger->silences()->empty());
}

TEST_CASE("what waited in an outbox of version 1 is sent by the next version, as an ordinary warning") {
  TempDir dir;
  OpenLedger ledger(version_1(dir));
  CHECK(ids(*ledger->outbox_list("sent", 10)) == std::vector<std::int64_t>{1});
  CHECK(ids(*ledger->outbox_list("dead", 10)) == std::vector<std::int64_t>{4});
  auto due = ledger->claim(from_ms(kThen + 3'600'000), 10);
  REQUIRE(due);
  REQUIRE(ids(*due) == std::vector<std::int64_t>{2, 3});
  const auto& first = due->front();
  CHECK(first.body == R"({"n":2})");
  CHECK(first.attempts == 3);
  CHECK(first.sequence == 0);
  CHECK(first.urgency == Urgency::warning);
  CHECK_FALSE(first.expires_at);
  REQUIRE(ledger->mark_sent(2));
  REQUIRE(ledger->mark_sent(3));
  CHECK(ledger->outbox_stats()->queued == 0);
}

TEST_CASE("after the upgrade alerts, audit and messages go on where they were") {
  TempDir dir;
  OpenLedger ledger(version_1(dir));
  auto alert = ledger->load_alerts()->front();
  alert.state = AlertState::resolved;
  alert.resolved_at = from_ms(kThen + 90'000);
  OutboxMessage message;
  message.receiver = "hook";
  message.group_key = R"({}:{alertname="PgDown"})";
  message.dedup_key = "d9";
  message.kind = "webhook";
  message.sequence = 7;
  message.urgency = Urgency::critical;
  message.created_at = message.not_before = from_ms(kThen);
  REQUIRE(ledger->save_alerts({alert}, {message}));
  REQUIRE(ledger->audit(draft("test")));
  ledger.open();
  REQUIRE(ledger->load_alerts()->size() == 1);
  CHECK(ledger->load_alerts()->front().state == AlertState::resolved);
  CHECK(ids(*ledger->outbox_list("superseded", 10)) == std::vector<std::int64_t>{2});
  CHECK(ledger->outbox_list("queued", 10)->front().sequence == 7);
  const auto audit = ledger->audit_verify();
  CHECK((audit->ok && audit->rows == 4));
}

TEST_CASE("before an upgrade the file is copied as it was, once, for its owner alone") {
  TempDir dir;
  const auto path = version_1(dir), copy = path + ".version1";
  {
    OpenLedger ledger(path);
  }
  REQUIRE(std::filesystem::exists(copy));
  CHECK(RawDatabase(copy).value("PRAGMA user_version") == "1");
  CHECK(RawDatabase(copy).value("SELECT count(*) FROM audit") == "3");
  CHECK((std::filesystem::status(copy).permissions() & std::filesystem::perms(0777)) == std::filesystem::perms(0600));
  const auto written = std::filesystem::last_write_time(copy);
  {
    OpenLedger ledger(path);
  }
  CHECK(std::filesystem::last_write_time(copy) == written);
  // A new file has nothing to copy.
  {
    OpenLedger ledger(dir.file("new.db"));
  }
  CHECK_FALSE(std::filesystem::exists(dir.file("new.db.version0")));
}

TEST_CASE("an upgrade whose copy cannot be made is not begun") {
  TempDir dir;
  const auto path = version_1(dir);
  std::filesystem::create_directories(path + ".version1.part/in the way");
  const FakeClock clock;
  const auto opened = store::Ledger::open(path, clock);
  REQUIRE_FALSE(opened);
  CHECK_THAT(opened.error().describe(), ContainsSubstring("copy the ledger before it is upgraded"));
  CHECK(RawDatabase(path).value("PRAGMA user_version") == "1");
}

TEST_CASE("an upgrade that cannot finish leaves the file in version 1") {
  TempDir dir;
  const auto path = version_1(dir);
  // The last statement of the step meets a table that is there.
  RawDatabase(path).exec("CREATE TABLE silences (x)");
  const FakeClock clock;
  CHECK_FALSE(store::Ledger::open(path, clock));
  CHECK(RawDatabase(path).value("PRAGMA user_version") == "1");
  CHECK(RawDatabase(path).value("SELECT count(*) FROM pragma_table_info('outbox') WHERE name='urgency'") == "0");
  RawDatabase(path).exec("DROP TABLE silences");
  CHECK(store::Ledger::open(path, clock));
}
