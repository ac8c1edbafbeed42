#include <boost/asio/co_spawn.hpp>
#include <chrono>

#include "agent/net/task.hpp"
#include "tests/pg/change/rig.hpp"
#include "tests/support/catch.hpp"

using namespace pgtend;
using namespace pgtend::test;

TEST_CASE("what comes in is begun at once, however seldom the ledger is asked for work") {
  auto& cluster = shared_cluster();
  make_shop(cluster);
  TempDir dir("pgtend-change");
  Rig rig(cluster, {.ledger_file = dir.path() / "ledger.db"});
  rig.options().poll_interval = std::chrono::hours(1);
  rig.apply_options();
  bool ended = false;
  boost::asio::co_spawn(rig.world().context(), rig.pipeline().run(), [&](std::exception_ptr) { ended = true; });
  // Its first look at the ledger comes before the plan.
  const auto id = rig.approved(maintenance_plan(true)).id;
  const auto over = rig.clock().steady_now() + std::chrono::seconds(15);
  const auto is_begun = [&] {
    const auto state = rig.get(id).state;
    return state != ChangeState::proposed && state != ChangeState::approved;
  };
  while (!is_begun() && rig.clock().steady_now() < over)
    rig.run(net::sleep_until(rig.clock().steady_now() + Millis(10)));
  CHECK(is_begun());
  rig.pipeline().stop();
  while (!ended) rig.run(net::sleep_until(rig.clock().steady_now() + Millis(10)));
}
