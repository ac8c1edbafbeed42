#include "agent/engine/store_wait.hpp"

#include "tests/support/catch.hpp"
#include "tests/support/run_io.hpp"

using namespace pgtend;
using namespace pgtend::test;
using engine::StoreWait;

namespace {

// A clock by which every wait is over, until it goes.
struct Hurry final : Clock {
  bool goes = false;
  [[nodiscard]] UtcTime now() const override { return from_ms(1'700'000'000'000); }
  [[nodiscard]] Deadline steady_now() const override { return goes ? std::chrono::steady_clock::now() : Deadline{}; }
};

// A store thread that does nothing until it is let.
struct Stalled {
  IoWorld world;
  boost::asio::io_context thread;
  Hurry clock;
  StoreWait wait{thread.get_executor(), clock};
  int done = 0;

  std::optional<int> ask(StoreWait::Late late = StoreWait::Late::never) {
    auto job = [this] { return ++done; };
    return world.run(wait.run(std::move(job), late));
  }
  void answer() {
    thread.restart();
    thread.run();
  }
};

}  // namespace

TEST_CASE("what the store thread has not begun in time never runs, or later, as it was asked") {
  Stalled stalled;
  CHECK_FALSE(stalled.wait.is_stalled());
  CHECK_FALSE(stalled.ask().has_value());
  CHECK(stalled.wait.is_stalled());
  stalled.answer();
  CHECK(stalled.done == 0);
  CHECK_FALSE(stalled.wait.is_stalled());

  CHECK_FALSE(stalled.ask(StoreWait::Late::later).has_value());
  stalled.answer();
  CHECK(stalled.done == 1);
}

TEST_CASE("while the store thread has not come back nobody waits for it") {
  Stalled stalled;
  CHECK_FALSE(stalled.ask().has_value());
  // Whoever waited by this clock would wait two seconds, and for ever if the time were not bounded.
  stalled.clock.goes = true;
  const auto began = std::chrono::steady_clock::now();
  CHECK_FALSE(stalled.ask().has_value());
  CHECK_FALSE(stalled.ask(StoreWait::Late::later).has_value());
  CHECK(std::chrono::steady_clock::now() - began < StoreWait::kPatience);
  stalled.answer();
  CHECK(stalled.done == 1);
  CHECK_FALSE(stalled.wait.is_stalled());
}

TEST_CASE("a store thread that answers is waited for") {
  IoWorld world;
  Hurry clock;
  clock.goes = true;
  StoreWait wait(world.blocking(), clock);
  auto job = [] { return 7; };
  CHECK(world.run(wait.run(job)) == 7);
  CHECK_FALSE(wait.is_stalled());
}
