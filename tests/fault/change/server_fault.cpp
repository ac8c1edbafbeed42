#include <unistd.h>

#include "tests/fault/change/scene.hpp"

using namespace pgtend;
using namespace pgtend::test;

namespace {

// The moment at which the build is broken: while it waits for a writer, or a random moment after its intent.
class Moment {
 public:
  Moment(PgCluster& server, Dice& dice)
      : waits_(dice.chance(50)), polls_(dice.below(6)), delay_us_(dice.below(40'000)) {
    if (!waits_) return;
    writer_.emplace(server.session("shop"));
    writer_->exec("BEGIN; UPDATE orders SET note = 'x' WHERE id = 1");
  }
  // True once, when it has come.
  bool has_come(Rig& rig, const Change& now) {
    if (over_ || now.state != ChangeState::applying) return false;
    if (waits_ && !rig.pipeline().progress(now.id)) return false;
    if (polls_-- > 0) return false;
    ::usleep(static_cast<useconds_t>(delay_us_));
    over_ = true;
    return true;
  }
  void let_go() { writer_.reset(); }
  [[nodiscard]] bool is_over() const { return over_; }

 private:
  bool waits_, over_ = false;
  int polls_, delay_us_;
  std::optional<PgSession> writer_;
};

}  // namespace

TEST_CASE("a server that stops at once within a concurrent build leaves the change at its right end") {
  PgCluster server;
  const auto seed = first_seed();
  INFO("PGTEND_SEED=" << seed);
  Dice dice(seed);
  const int wanted = seeded_runs(2);
  int broken = 0;
  for (int round = 0; round < wanted; ++round) {
    CAPTURE(round);
    make_shop(server, 20'000);
    TempDir dir("pgtend-fault");
    Rig rig(server, {.ledger_file = dir.path() / "ledger.db"});
    const auto id = rig.approved(index_plan()).id;
    Moment moment(server, dice);
    const bool kills = dice.chance(50);
    const auto change = rig.drive(id, [&](const Change& now) {
      if (moment.has_come(rig, now)) {
        if (kills) server.kill();
        if (!kills) server.stop("immediate");
        moment.let_go();
        server.start();
      }
      return is_final(now.state);
    });
    broken += moment.is_over() ? 1 : 0;
    check_end(rig, server, change);
    CHECK(change.state == ChangeState::kept);
  }
  std::cout << wanted << " builds, " << broken << " broken by the server's end\n";
  CHECK(broken > 0);
}

TEST_CASE("a failover within a concurrent build leaves the change at its right end on the new primary") {
  const auto seed = first_seed();
  INFO("PGTEND_SEED=" << seed);
  Dice dice(seed + 1);
  const int wanted = seeded_runs(1);
  int broken = 0;
  for (int round = 0; round < wanted; ++round) {
    CAPTURE(round);
    PgCluster old;
    make_shop(old, 20'000);
    const auto standby = old.make_standby();
    TempDir dir("pgtend-fault");
    auto both = old.parameters("shop");
    const auto other = standby->parameters("shop");
    both["host"] += "," + other.at("host");
    both["port"] += "," + other.at("port");
    both["target_session_attrs"] = "read-write";
    Rig rig(*standby, {.ledger_file = dir.path() / "ledger.db", .monitor = both});
    const auto id = rig.approved(index_plan()).id;
    Moment moment(old, dice);
    const auto change = rig.drive(id, [&](const Change& now) {
      if (moment.has_come(rig, now)) {
        old.kill();
        moment.let_go();
        standby->exec("postgres", "SELECT pg_promote()");
      }
      return is_final(now.state);
    });
    // A build that ended before its moment came ended on the old primary.
    broken += moment.is_over() ? 1 : 0;
    check_end(rig, moment.is_over() ? *standby : old, change);
  }
  std::cout << wanted << " builds, " << broken << " broken by a failover\n";
  CHECK(broken > 0);
}
