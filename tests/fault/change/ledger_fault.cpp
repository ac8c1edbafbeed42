#include <sqlite3.h>

#include "tests/fault/change/scene.hpp"

using namespace pgtend;
using namespace pgtend::test;

namespace {

// Somebody else's connection to the ledger's file: a backup, or a curious person.
class Intruder {
 public:
  explicit Intruder(const std::string& file) { REQUIRE(sqlite3_open(file.c_str(), &db_) == SQLITE_OK); }
  ~Intruder() { sqlite3_close(db_); }
  Intruder(const Intruder&) = delete;
  Intruder& operator=(const Intruder&) = delete;
  // Waits until the ledger's own transaction is over.
  void exec(const char* sql) {
    sqlite3_busy_timeout(db_, 10'000);
    REQUIRE(sqlite3_exec(db_, sql, nullptr, nullptr, nullptr) == SQLITE_OK);
  }

 private:
  sqlite3* db_ = nullptr;
};

}  // namespace

TEST_CASE("a ledger that somebody locks holds a change back, and nothing is done that it does not know") {
  auto& server = shared_cluster();
  make_shop(server);
  TempDir dir("pgtend-fault");
  const auto file = (dir.path() / "ledger.db").string();
  Rig rig(server, {.ledger_file = file});
  const auto id = rig.approved(index_plan()).id;
  Intruder other(file);
  const auto seed = first_seed();
  INFO("PGTEND_SEED=" << seed);
  Dice dice(seed);
  // From the start, or between two states.
  const bool from_the_start = dice.chance(50);
  bool locked = from_the_start, released = false;
  if (locked) other.exec("BEGIN IMMEDIATE");
  const auto begun = std::chrono::steady_clock::now();
  const auto change = rig.drive(id, [&](const Change& now) {
    if (!locked && now.state != ChangeState::approved) {
      other.exec("BEGIN IMMEDIATE");
      locked = true;
    }
    // Whatever the server has of it, the ledger has its intent.
    const bool there =
        server.exec("shop", "SELECT count(*) FROM pg_class WHERE relname = 'orders_customer_idx'") == "1";
    if (there) CHECK((now.state != ChangeState::approved && now.state != ChangeState::pre_validated));
    if (locked && !released && std::chrono::steady_clock::now() - begun > std::chrono::seconds(7)) {
      other.exec("ROLLBACK");
      released = true;
    }
    return is_final(now.state);
  });
  CHECK(released);
  check_end(rig, server, change);
  CHECK(change.state == ChangeState::kept);
}
